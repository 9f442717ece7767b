"""Native code through LLVM: `Native` runs a function of the IR as `engines.interpret.Interpreter` does, at the speed of compiled C."""
from __future__ import annotations

from adcli.engines.native.engine import Native

__all__ = ["Native"]
