"""The results of a function added up over rows of data, to the same bits on any number of threads.

>>> sums = Sums("native", function, [True], Limits())                    # whose only parameter has a column
>>> sums.run(sums.given([numpy.array([1.0, 2.0])]), 2).results           # one number or array for each result: the sum over both rows

Where small arrays can be written out as their elements, the rows run as vector code, native or NumPy's; else one by one, a block of rows
at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from adcli.engines.limits import Limits
from adcli.engines.rows import Rows, by_row
from adcli.engines.rows.columns import ColumnRows, straight
from adcli.engines.rows.elements import joiner, split, written_out
from adcli.engines.rows.interpret import InterpretRows
from adcli.errors import AdcliError
from adcli.ir.nodes import Function

# Rows, and numbers in their results, that are there at once before they are added up: always the same, whatever the number of threads.
BLOCK, NUMBERS = 1 << 15, 1 << 22


@dataclass
class Summed:
    """results: the sum of each result over the rows that did not fail. failed: the error of each row that has one."""

    results: list[Any]
    failed: dict[int, AdcliError] = field(default_factory=dict)


class Sums:
    """Takes functions whose results are reals, or arrays of them whose shape is known.

    engine: "native", "columns" (NumPy, where the function is made for it, else the interpreter) or "interpret". Which of them is the
    caller's choice, since the last bits of a sum depend on it. varying: for each parameter whether it has a column. names: what the first
    parameters are called. by_element: whether the function that runs is that on elements.
    """

    def __init__(
        self, engine: str, function: Function, varying: Sequence[bool], limits: Limits, names: Sequence[str] = (), exact_libm: bool = False
    ) -> None:  # fmt: skip
        self.ranks = [p.type.rank for p in function.params]
        self.params = function.params
        self.by_element = False
        self._join = joiner(function)
        numbers = sum(_size(a.type.shape) for a in function.body.results)
        self._block_rows = max(1, min(BLOCK, NUMBERS // max(1, numbers)))
        self._rows: Rows
        self._native: Any = None
        elements = None if engine == "interpret" else written_out(function)
        if engine == "native":
            from adcli.engines.native.rows import NativeRows
            from adcli.engines.native.sums import NativeSums

            if elements is not None:
                each = [vary for vary, p in zip(varying, function.params, strict=True) for _ in range(_size(p.type.shape))]
                self._native = NativeSums.of(elements, each, limits, exact_libm)
            self._rows = NativeRows(function, limits, names, exact_libm)
        elif elements is not None and straight(elements):
            self._rows = ColumnRows(elements, limits)
            self.by_element = True
        else:
            self._rows = InterpretRows(function, limits, names)
        self.by_element = self.by_element or self._native is not None
        if self.by_element and elements is not None:
            self.params = elements.params

    def given(self, values: Sequence[Any], first: int = 0) -> list[Any]:
        """Arguments from that position on as `run` takes them: those of arrays by element, if the function on elements runs."""
        if not self.by_element:
            return list(values)
        return [part for value, rank in zip(values, self.ranks[first:], strict=False) for part in split(value, rank)]

    def run(self, given: Sequence[Any], rows: int, jobs: int = 1) -> Summed:
        """The sums over the rows. jobs: threads to use at most. Raises nothing for what happens in a row."""
        with np.errstate(all="ignore"):
            return self._run(given, rows, jobs)

    def _run(self, given: Sequence[Any], rows: int, jobs: int) -> Summed:
        if self._native is not None:
            return Summed(self._join(self._native.run(given, rows, jobs)))
        step = self._block_rows
        blocks = [self._block(given, at, min(at + step, rows), jobs) for at in range(0, rows, step)]
        totals = [_total([block.results[k] for block in blocks]) for k in range(len(blocks[0].results))]
        failed = {row: error for block in blocks for row, error in block.failed.items()}
        return Summed(self._join(totals) if self.by_element else totals, failed)

    def _block(self, given: Sequence[Any], begin: int, end: int, jobs: int) -> Summed:
        part = [v[begin:end] if by_row(v, p.type.rank) else v for v, p in zip(given, self.params, strict=True)]
        done = self._rows.run(part, end - begin, jobs)
        sums = [np.add.reduce(column, axis=0) for column in done.results]
        return Summed(sums, {row + begin: error for row, error in done.failed.items()})


def _size(shape: Sequence[int | None]) -> int:
    return int(np.prod([n or 0 for n in shape]))


def _total(parts: list[Any]) -> Any:
    """Sums of blocks, joined in their order: a float, or an array."""
    total = np.add.reduce(parts, axis=0)
    return total if total.ndim else float(total)
