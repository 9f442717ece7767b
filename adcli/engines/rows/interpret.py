"""Rows one after another through the interpreter: the reference for the other engines, and what rows of their own kind go through."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from adcli.engines.budget import Budget, Spent
from adcli.engines.flags import BIRTHS, Flag, finite
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.engines.observe import Births
from adcli.engines.rows import RowsResult, by_row
from adcli.errors import AdcliError
from adcli.ir.nodes import Function

_DTYPES = {"real": "float64", "int": "int64", "bool": "bool"}


class InterpretRows:
    """Takes any function; results whose extents only the run knows are lists of arrays."""

    ran = ("interpret",)

    def __init__(self, function: Function, limits: Limits, names: Sequence[str] = (), budget: Budget | None = None) -> None:
        self.function = function
        self.machine = Interpreter(function, limits, budget)
        self.births = Births(function, names, limits)

    def run(self, values: Sequence[Any], rows: int, jobs: int = 1) -> RowsResult:
        """Every row; one thread does it, since Python runs one at a time."""
        done = RowsResult(empty(self.function, rows))
        self.fill(done, values, range(rows))
        return done

    def until_spent(self, values: Sequence[Any], rows: int) -> tuple[RowsResult, int]:
        """The rows that the budget lasts for, and how many they are."""
        done = RowsResult(empty(self.function, rows))
        n = 0
        try:
            for row in range(rows):
                self.fill(done, values, (row,))
                n = row + 1
        except Spent:
            pass
        return done, n

    def fill(self, done: RowsResult, values: Sequence[Any], rows: Iterable[int]) -> None:
        """Run these rows and put what they give in their places."""
        each = [_pick(value, p.type.rank) for value, p in zip(values, self.function.params, strict=True)]
        for row in rows:
            found = self.row([pick(row) for pick in each])
            if isinstance(found, AdcliError):
                done.failed[row] = found
                continue
            results, flags = found
            for column, result in zip(done.results, results, strict=True):
                column[row] = result
            if flags:
                first = {(flag.code, flag.op, flag.span): flag for flag in reversed(flags)}
                done.count(dict.fromkeys(first.values(), 1))

    def row(self, args: list[Any]) -> tuple[list[Any], list[Flag]] | AdcliError:
        """The results and flags of one row, or its error."""
        try:
            results = self.machine.run(args)
        except AdcliError as error:
            return error
        flags = self.machine.flags
        if not all(map(finite, results)) and not any(flag.code in BIRTHS for flag in flags):
            flags = flags + self.births.of(args)
        return results, flags


def empty(function: Function, rows: int) -> list[Any]:
    """Zeros for the results of that many rows."""
    import numpy as np

    return [
        np.zeros((rows, *atom.type.shape), _DTYPES[atom.type.elem]) if atom.type.static else [None] * rows
        for atom in function.body.results
    ]


def _pick(value: Any, rank: int) -> Any:
    """A function from row to what the parameter gets there."""
    if not by_row(value, rank):
        return lambda row: value
    return value.item if not rank else value.__getitem__
