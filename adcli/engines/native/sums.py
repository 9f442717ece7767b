"""The results of a function added up over many rows of data, as vector code in threads.

Each tile of rows has a sum of its own, and those are joined in their order: the total does not depend on the number of threads. Nothing
is looked at row by row; whoever finds a total that is not finite asks for the rows themselves.
"""
from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from adcli.engines.limits import Limits
from adcli.engines.native.records import Unsupported
from adcli.engines.native.row_callers import TILE
from adcli.engines.native.rows import SHARE, Compiled, Table, in_threads
from adcli.ir.nodes import Function

# Statements above which vector code is not worth it: LLVM takes time that grows with their square, a second for about 400.
MOST = 300
# Tiles that one call of native code goes through, between two of which a signal is heard.
STRETCH = 256


class NativeSums:
    """A function on numbers, without loops and checks, compiled."""

    def __init__(self, code: Compiled) -> None:
        self.code = code
        self.results = len(code.function.body.results)

    @staticmethod
    def of(function: Function, varying: Sequence[bool], limits: Limits, exact_libm: bool = False) -> NativeSums | None:
        """The function compiled; None where it has no vector code. varying: for each parameter whether it has a column."""
        if len(function.body.statements) > MOST:
            return None
        try:
            return NativeSums(Compiled(function, limits, exact_libm, tuple(varying), summed=True))
        except Unsupported:
            return None

    def run(self, values: Sequence[Any], rows: int, jobs: int = 1) -> list[float]:
        """The sum of each result over the rows; `values` and `jobs` are those of `Rows.run`."""
        code, tiles = self.code, -(-rows // TILE)
        sums = np.empty((tiles, self.results))
        table = Table(code, values, [])
        given, _ = table.addresses(0)

        def part(begin: int, end: int) -> None:
            with code.place() as run:
                code.sum(run.address, given, sums.ctypes.data, begin, end, rows)

        threads = max(1, min(jobs, rows // SHARE))
        each = min(STRETCH, -(-tiles // threads))
        in_threads([partial(part, at, min(at + each, tiles)) for at in range(0, tiles, each)], threads, code)
        totals: list[float] = np.add.reduce(sums, axis=0).tolist()
        return totals
