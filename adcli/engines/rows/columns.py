"""Straight-line programs of scalars over whole columns: each statement once, in NumPy.

    t = mul x, y       →      t[:] = x[:] * y[:]            for a tile of rows that stays in the processor's cache

Rows where a check fails, or where an operation left the finite numbers, run again in the interpreter, which says exactly what happened.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adcli.engines.flags import Flag, noted
from adcli.engines.limits import Limits
from adcli.engines.rows import RowsResult
from adcli.engines.rows.interpret import InterpretRows, empty
from adcli.ir.nodes import Atom, Check, Const, Function, Let
from adcli.ir.walk import compound
from adcli.ops import arrays as forms

TILE = 8192  # rows at a time: columns of 64 kB
# About what an operation takes in NumPy for an element, and what is worth a thread of its own, in nanoseconds.
CHEAP, DEAR = 1, 10
SHARE = 10_000_000
# What checks ask of whole numbers would be lost in 64 bits, so of these operations only the results are whole.
_WHOLE_RESULTS = frozenset({"to_int", "select", "stop"})


def straight(function: Function) -> bool:
    """Whether the function is made of operations on scalars alone, none of them arithmetic of whole numbers."""
    if not all(isinstance(s, Check) for s in compound(function.body)):
        return False
    for s in function.body.statements:
        atoms = (*s.args, s.out) if isinstance(s, Let) else s.args if isinstance(s, Check) else ()
        if any(a.type.rank for a in atoms):
            return False
        if isinstance(s, Let) and (s.op.scalar is None or (s.out.type.elem == "int" and s.op.name not in _WHOLE_RESULTS)):
            return False
    return not any(p.type.rank for p in function.params)


class ColumnRows:
    """Takes functions that are `straight`. Results are within 4 ulp of the interpreter's."""

    ran = ("columns",)

    def __init__(self, function: Function, limits: Limits, names: Sequence[str] = ()) -> None:
        self.function = function
        self.limits = limits
        self.names = names
        self.one_by_one = InterpretRows(function, limits, names)

    def run(self, values: Sequence[Any], rows: int, jobs: int = 1) -> RowsResult:
        """Tiles of rows, on so many threads if each has enough to do: NumPy lets others run while it computes."""
        jobs = min(jobs, 1 + rows * cost(self.function) // SHARE)
        done = RowsResult(empty(self.function, rows))
        special = np.zeros(rows, bool)
        tiles = [
            _Tile(self.function, values, done.results, special, slice(at, min(at + TILE, rows))) for at in range(0, rows, TILE)
        ]
        flags = _in_threads([tile.run for tile in tiles], max(1, min(jobs, len(tiles))))
        for found in flags:
            done.count(found)
        self.one_by_one.fill(done, values, np.flatnonzero(special).tolist())
        return done


def cost(function: Function) -> int:
    """Nanoseconds that a row takes in NumPy, about."""
    return sum(CHEAP if s.op.cheap else DEAR for s in function.body.statements if isinstance(s, Let))


def _in_threads(work: Sequence[Callable[[], Any]], jobs: int) -> list[Any]:
    """What each piece of work gives, in order; on so many threads, this one among them."""
    found: list[Any] = [None] * len(work)
    failed: list[BaseException] = []

    def share(first: int) -> None:
        try:
            for k in range(first, len(work), jobs):
                found[k] = work[k]()
        except BaseException as error:
            failed.append(error)

    from threading import Thread

    others = [Thread(target=share, args=(k,)) for k in range(1, jobs)]
    for thread in others:
        thread.start()
    share(0)
    for thread in others:
        thread.join()
    if failed:
        raise failed[0]
    return found


class _Tile:
    """One run of the statements over a slice of the rows."""

    def __init__(self, function: Function, values: Sequence[Any], results: Sequence[Any], special: Any, rows: slice) -> None:
        self.function = function
        self.results = results
        self.rows = rows
        self.special = special[rows]
        self.noted: dict[Flag, Any] = {}  # where each is raised
        self.at: dict[Atom, Any] = {
            p: value[rows] if isinstance(value, np.ndarray) else value for p, value in zip(function.params, values, strict=True)
        }

    def run(self) -> dict[Flag, int]:
        """Fill in the results, mark the special rows, and count the flags of the others."""
        with np.errstate(all="ignore"):
            for p in self.function.params:
                self._mark(self.at[p])
            for s in self.function.body.statements:
                if isinstance(s, Let):
                    self._let(s)
                elif isinstance(s, Check):
                    self._check(s)
            for column, atom in zip(self.results, self.function.body.results, strict=True):
                value = self._value(atom)
                self._mark(value)
                column[self.rows] = value
        plain = ~self.special
        counts = ((flag, int(np.count_nonzero(where & plain))) for flag, where in self.noted.items())
        return {flag: count for flag, count in counts if count}

    def _value(self, atom: Atom) -> Any:
        return atom.value if isinstance(atom, Const) else self.at[atom]

    def _mark(self, value: Any) -> None:
        """Where it is not finite, the row is special."""
        if isinstance(value, np.ndarray):
            if value.dtype.kind == "f":
                finite = np.isfinite(value)
                if not finite.all():
                    self.special |= ~finite
        elif isinstance(value, float) and not math.isfinite(value):
            self.special[:] = True

    def _let(self, s: Let) -> None:
        args = [self._value(a) for a in s.args]
        whole = s.op.name in _WHOLE_RESULTS and s.out.type.elem == "int"
        if not any(isinstance(a, np.ndarray) for a in args):
            assert s.op.scalar is not None
            out = s.op.scalar(*args)
        elif s.op.name == "mul" and s.out.type.elem == "real" and (one := _one(args)) is not None:
            out = one
        else:
            out = forms.form(s.op, quiet=False)(*args)
        # Operations that cannot fail pass on what is not finite, and the results tell of it.
        if not s.op.cheap and not whole:
            self._mark(out)
        self.at[s.out] = out

    def _check(self, s: Check) -> None:
        args = [self._value(a) for a in s.args]
        if s.kind == "flag":
            if np.any(args[0]):
                flag = noted(s.about[0], s.about[1], s.span)
                self.noted[flag] = np.broadcast_to(args[0], self.special.shape) | self.noted.get(flag, False)
            return
        failed = _FAILED.get(s.kind)
        if failed is None:
            self.special[:] = True
        else:
            self.special |= failed(*args)


def _one(args: Sequence[Any]) -> Any:
    """The other factor where one of two is exactly 1: the seed of a sweep."""
    a, b = args
    if isinstance(a, float) and a == 1.0 and isinstance(b, np.ndarray):
        return b
    return a if isinstance(b, float) and b == 1.0 and isinstance(a, np.ndarray) else None


# Where a check does not hold. Of a check that is not here every row is special.
_FAILED: dict[str, Callable[..., Any]] = {
    "bounds": lambda i, n: (i < -n) | (i >= n),
    "divisor": lambda n: n == 0,
    "true": np.logical_not,
    "equal": lambda a, b: a != b,
    "integral": lambda x: ~(np.isfinite(x) & (x == np.trunc(x))),
    "positive-size": lambda n: n < 0,
}
