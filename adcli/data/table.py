"""Data in memory: a file of rows, in any of the formats, as columns of numbers.

    with TableFile("data.csv") as file:
        file.names                               ['x', 'y', 'comment']
        rows = file.read({"x": "real"})          rows.columns["x"], an array; rows.places, the line of each row
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from adcli.data.block import Block, Place
from adcli.data.formats import chosen, reader
from adcli.data.stream import Stream
from adcli.engines.flags import Flag
from adcli.errors import DataError

MISSING = "--keep-going leaves out rows without a value"


@dataclass
class Rows:
    """Columns of numbers, all finite.

    columns: an array of shape [count] by name; places: the line (or row) of the file each row stands in; place: for messages.
    dropped: how many rows were left out; notes: flags of numbers that are not quite what is written.
    """

    place: Place
    columns: dict[str, Any]
    places: Sequence[int]
    dropped: int = 0
    notes: list[Flag] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.places)

    def where(self, row: int) -> str:
        """`data.csv, line 3`"""
        return f"{self.place.name}, {self.place.unit} {self.places[row]}"

    def without(self, rows: Sequence[int]) -> Rows:
        """The table without some of its rows, which count as dropped."""
        import numpy as np

        kept = np.setdiff1d(np.arange(self.count), np.array(rows, int))
        columns = {name: column[kept] for name, column in self.columns.items()}
        return Rows(self.place, columns, [self.places[k] for k in kept.tolist()], self.dropped + len(rows), self.notes)


class TableFile:
    """A file of rows whose header is read, and the rest is not yet. names: its columns."""

    def __init__(
        self, path: str, format: str | None = None, delimiter: str | None = None, decimal: str = ".", inputs: Sequence[str] = ()
    ) -> None:  # fmt: skip
        """inputs: the names for the columns of a matrix, which has none."""
        self._stream = Stream(path)
        try:
            self.reader = reader(self._stream, chosen(path, self._stream, format), inputs, delimiter, decimal)
        except BaseException:
            self._stream.close()
            raise
        self.name = self.reader.place.name
        self.names = list(self.reader.columns)

    def __enter__(self) -> TableFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, wanted: Mapping[str, str], keep_going: bool = False) -> Rows:
        """The rows, with the columns of `wanted`, each "real" or "int".

        A cell without a finite number is an error that names its place, or with keep_going its row is left out.
        """
        import numpy as np

        parts: dict[str, list[Any]] = {name: [np.zeros(0)] for name in wanted}
        places: list[int] = []
        rows = Rows(self.reader.place, {}, places)
        with closing(self.reader.blocks(wanted)) as blocks:
            for block in blocks:
                self._refuse(block, wanted)
                if block.bad and not keep_going:
                    raise block.bad[min(block.bad)]
                good = np.array([k for k in range(block.count) if k not in block.bad], int) if block.bad else slice(None)
                for name, column in block.columns.items():
                    parts[name].append(column[good])
                places += [place for k, place in enumerate(block.places) if k not in block.bad]
                rows.dropped += len(block.bad)
                rows.notes += [flag for row, flag in block.notes if row not in block.bad]
        rows.columns = {name: np.concatenate(found[1:] or found) for name, found in parts.items()}
        return rows

    def _refuse(self, block: Block, wanted: Mapping[str, str]) -> None:
        """Mark the rows where a number is nan or infinite as bad."""
        import numpy as np

        for name in wanted:
            column = block.columns[name]
            odd = np.flatnonzero(~np.isfinite(column)).tolist() if column.dtype.kind == "f" else ()
            for row in odd:
                said = f"{float(column[row])!r} is no number to fit to"
                block.bad.setdefault(row, self.reader.place.error(block.places[row], said, MISSING, name))


def no_rows(rows: Rows) -> DataError:
    """The error for a table that has none."""
    left = f": all {rows.dropped} were left out" if rows.dropped else ""
    return DataError(f"{rows.place.name} has no rows{left}", help="a fit needs at least as many rows as parameters")
