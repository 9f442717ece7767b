"""From the syntax tree to the IR: inputs and outputs, types, single assignment, checks."""

from __future__ import annotations

from adcli.lower import calls, comprehensions, expressions
from adcli.lower.program import lower
from adcli.lower.rules import inline
from adcli.lower.signature import signature

__all__ = ["calls", "comprehensions", "expressions", "inline", "lower", "signature"]
