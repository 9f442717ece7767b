"""Rows in the engine that starts at once, and, once it has done as much work as compiling takes, in native code.

How much that is, is counted in operations and not in seconds: on the same data the same rows go through the same engine each time.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from adcli.engines.budget import Budget
from adcli.engines.limits import Limits
from adcli.engines.rows import RowsResult, by_row
from adcli.engines.rows.columns import ColumnRows, cost, straight
from adcli.engines.rows.interpret import InterpretRows
from adcli.engines.weight import standing
from adcli.ir.nodes import Function

# What compiling costs: in NumPy's nanoseconds on columns, and in the interpreter's units, to which each statement adds.
COMPILING = 150_000_000
STARTING = 1_000_000
EACH = 3_000


class AutoRows:
    """Takes any function."""

    def __init__(self, function: Function, limits: Limits, names: Sequence[str] = (), exact_libm: bool = False) -> None:
        self.function = function
        self.limits = limits
        self.names = names
        self.exact_libm = exact_libm
        self.native: Any = None
        self.left = 0  # rows that are still to go through columns
        self.budget = Budget(STARTING + EACH * standing(function), self.leaves)
        self.first: ColumnRows | InterpretRows
        if straight(function):
            self.first = ColumnRows(function, limits, names)
            self.left = COMPILING // max(1, cost(function))
        else:
            self.first = InterpretRows(function, limits, names, self.budget)

    @property
    def ran(self) -> tuple[str, ...]:
        return (*self.first.ran, *(() if self.native is None else self.native.ran))

    def leaves(self) -> bool:
        """Whether there is native code for the function."""
        if find_spec("llvmlite") is None:
            return False
        from adcli.engines.native.rows import NativeRows

        return NativeRows.takes(self.function)

    def run(self, values: Sequence[Any], rows: int, jobs: int = 1) -> RowsResult:
        """Every row; see `adcli.engines.rows.Rows`."""
        if self.native is not None:
            result: RowsResult = self.native.run(values, rows, jobs)
            return result
        done, n = self.begin(values, rows, jobs)
        if n == rows:
            return done
        from adcli.engines.native.rows import NativeRows

        self.native = NativeRows(self.function, self.limits, self.names, self.exact_libm)
        rest = self.native.run(self.part(values, n, rows), rows - n, jobs)
        return joined(done, n, rest) if n else rest

    def begin(self, values: Sequence[Any], rows: int, jobs: int) -> tuple[RowsResult, int]:
        """The first rows in the engine that needs no compiling, and how many they are."""
        if isinstance(self.first, InterpretRows):
            return self.first.until_spent(values, rows)
        n = self.left if rows > self.left and self.leaves() else rows
        self.left = max(0, self.left - n)
        return self.first.run(self.part(values, 0, n), n, jobs), n

    def part(self, values: Sequence[Any], begin: int, end: int) -> list[Any]:
        """The arguments of some of the rows."""
        return [v[begin:end] if by_row(v, p.type.rank) else v for v, p in zip(values, self.function.params, strict=True)]


def joined(done: RowsResult, n: int, rest: RowsResult) -> RowsResult:
    """The first n rows of one result, and behind them those of another."""
    import numpy as np

    done.results = [np.concatenate([a[:n], b]) for a, b in zip(done.results, rest.results, strict=True)]
    done.failed.update({row + n: error for row, error in rest.failed.items()})
    done.count(rest.flags)
    return done
