"""Native code through LLVM: `Native` runs a function of the IR as `engines.interpret.Interpreter` does, at the speed of compiled C.

To run it       `engine` a single run, with `frame` and `runtime`; `rows` and `sums` many rows of data, in threads; `llvm` the compiler
A program       `module`, made ready by `expand`; what Python calls: `callers`, `row_callers`; its parts in LLVM itself: `prelude`
A function      `function`, with a `writer` that knows its variables; `statements`: `branches`, `loops`, `calls`, `checks`, `tapes`
Operations      `scalars` on numbers; on arrays `forms`, which says where each is
Beneath         `code` the text in the making; `values` how they are held; `guards`, `memory`, `extents`; `state` shared with Python
Known before    `aliases` which arrays are one storage; `records` what is pushed together; `sites` where it may fail
"""
from __future__ import annotations

from adcli.engines.native.engine import VERSION, Native, target

__all__ = ["VERSION", "Native", "target"]
