"""A block of rows: what a reader hands on and a writer takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from typing import Any

from adcli.data.number import EXACT, BadNumber, real, whole
from adcli.engines.flags import Flag
from adcli.errors import DataError

Raw = str  # a row as it stands in the file, without the end of its line


class Block:
    """Rows with the numbers of the columns that were wanted.

    count: how many rows. columns: an array for each wanted column, zeros in bad rows. bad: the error of each row that has one.
    notes: (row, flag) for numbers that are not quite what is written. places: the number of each row's line (or of the row).
    """

    def __init__(self, count: int, places: Sequence[int]) -> None:
        self.count = count
        self.places = places
        self.columns: dict[str, Any] = {}
        self.bad: dict[int, DataError] = {}
        self.notes: list[tuple[int, Flag]] = []

    def part(self, start: int, stop: int) -> Block:
        """Some of the rows as a block."""
        made = copy(self)
        made.count, made.places = stop - start, self.places[start:stop]
        made.columns = {name: column[start:stop] for name, column in self.columns.items()}
        made.bad = {row - start: error for row, error in self.bad.items() if start <= row < stop}
        made.notes = [(row - start, flag) for row, flag in self.notes if start <= row < stop]
        return made

    def raw(self) -> Sequence[Raw]:
        """The rows as they were written."""
        raise NotImplementedError

    def values(self) -> Iterable[Sequence[Any]]:
        """The cells of each row as values: text, numbers, None, lists."""
        raise NotImplementedError


class Place:
    """Where data come from, for messages: `data.csv, line 3, column 'x'`."""

    def __init__(self, name: str, unit: str = "line") -> None:
        self.name = name
        self.unit = unit

    def error(self, number: int, said: str, help: str, column: str | None = None) -> DataError:
        """An error in a row."""
        where = "" if column is None else f", column '{column}'"
        return DataError(f"{self.name}, {self.unit} {number}{where}: {said}", help=help)


def parse(block: Block, place: Place, name: str, cells: Sequence[str], kind: str, decimal: str = ".") -> None:
    """Add a column to a block, from the text of its cells."""
    import numpy as np

    numbers = _whole_at_once(cells) if kind == "int" else _reals_at_once(cells, decimal)
    if numbers is not None and kind == "real":
        _recheck(block, place, name, cells, numbers, decimal)
    if numbers is None:
        numbers = np.zeros(block.count, "int64" if kind == "int" else float)
        each(block, place, name, numbers, cells, lambda text: (whole(text, decimal), None) if kind == "int" else real(text, decimal))
    block.columns[name] = numbers


def each(
    block: Block, place: Place, name: str, numbers: Any, cells: Sequence[Any] | Mapping[int, Any],
    read: Callable[[Any], tuple[float, Flag | None]], rows: Iterable[int] | None = None,
) -> None:  # fmt: skip
    """Cell by cell, with an error for each bad one."""
    for row in range(block.count) if rows is None else rows:
        if row in block.bad:
            continue
        try:
            numbers[row], flag = read(cells[row])
        except BadNumber as bad:
            numbers[row] = 0
            block.bad[row] = place.error(block.places[row], bad.message, bad.help, name)
            continue
        if flag is not None:
            block.notes.append((row, flag._replace(op=name)))


def _reals_at_once(cells: Sequence[str], decimal: str) -> Any:
    """The column by Python's own reading, or None where that takes what is no number here: 1_000, digits of other scripts."""
    import numpy as np

    every = "".join(cells)
    if "_" in every or not every.isascii() or (decimal != "." and "." in every):
        return None
    try:
        if decimal != ".":
            cells = [cell.replace(decimal, ".") for cell in cells]
        return np.array(list(map(float, cells)))
    except ValueError:
        return None


def _whole_at_once(cells: Sequence[str]) -> Any:
    import numpy as np

    every = "".join(cells)
    if "_" in every or not every.isascii():
        return None
    try:
        return np.array(list(map(int, cells)), "int64")
    except (ValueError, OverflowError):
        return None


def _recheck(block: Block, place: Place, name: str, cells: Sequence[str], numbers: Any, decimal: str) -> None:
    """Look again at the numbers that may not be what is written: the very large ones and the zeros."""
    import numpy as np

    odd = np.flatnonzero(~(np.abs(numbers) < EXACT) | (numbers == 0)).tolist()
    if odd:
        plain = ("0", "0.0")
        each(block, place, name, numbers, cells, lambda t: real(t, decimal), [row for row in odd if cells[row] not in plain])

