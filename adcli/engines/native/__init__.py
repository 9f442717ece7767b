"""Native code through LLVM: `Native` runs a function of the IR as `engines.interpret.Interpreter` does, at the speed of compiled C."""
from __future__ import annotations

from adcli.engines.native.engine import VERSION, Native, target

__all__ = ["VERSION", "Native", "target"]
