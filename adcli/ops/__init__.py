"""The one table of operations: how each computes, its derivative as text, its notation and its documentation."""
from __future__ import annotations

import math

from adcli.ops import arithmetic, elementary, linear, special, structure
from adcli.ops.record import Op

__all__ = ["CONSTANTS", "PUBLIC", "TABLE", "Op"]

TABLE: dict[str, Op] = {op.name: op for part in (arithmetic, elementary, special, structure, linear) for op in part.OPS}
"""Every operation by its name, those that only rules and the IR use included."""

PUBLIC: dict[str, Op] = {name: op for op in TABLE.values() for name in ((op.name,) if op.public else ()) + op.aliases}
"""The functions a program can call, by every name they have."""

CONSTANTS: dict[str, float] = {"pi": math.pi, "tau": math.tau, "e": math.e, "inf": math.inf, "nan": math.nan}
