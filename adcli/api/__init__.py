"""What the commands and Python users call: `adcli.compile(source)` and the `Program` it returns."""

from __future__ import annotations

from adcli.api.program import Program, Result, compile

__all__ = ["Program", "Result", "compile"]
