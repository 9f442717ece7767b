"""Data in memory: a file of rows, in any of the formats, as columns of numbers.

    with TableFile("data.csv") as file:
        file.names                               ['x', 'y', 'comment']
        rows = file.read({"x": "real"})          rows.columns["x"], an array; rows.places, the line of each row
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from adcli.data.block import Block, Place
from adcli.data.formats import chosen, reader
from adcli.data.stream import Stream
from adcli.data.write import Put, Results, writer
from adcli.engines.flags import Flag
from adcli.errors import DataError

MISSING = "--keep-going leaves out rows without a value"


@dataclass
class Rows:
    """Columns of numbers, all finite.

    columns: an array of shape [count] by name, for those that were wanted; names: all columns of the file.
    places: the line (or row) of the file each row stands in; place: for messages.
    kept: which rows of the file they are, by number, if some were left out; dropped: how many were.
    notes: flags of numbers that are not quite what is written. blocks: the rows as they came, where they are to be written again.
    """

    place: Place
    columns: dict[str, Any]
    places: Sequence[int]
    names: Sequence[str] = ()
    kept: Any = None
    dropped: int = 0
    notes: list[Flag] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.places)

    def where(self, row: int) -> str:
        """`data.csv, line 3`"""
        return f"{self.place.name}, {self.place.unit} {self.places[row]}"

    def without(self, rows: Sequence[int]) -> Rows:
        """The table without some of its rows, which count as dropped."""
        import numpy as np

        stays = np.ones(self.count, bool)
        stays[list(rows)] = False
        left = np.flatnonzero(stays)
        columns = {name: column[left] for name, column in self.columns.items()}
        kept = left if self.kept is None else self.kept[left]
        places = [self.places[k] for k in left.tolist()]
        return replace(self, columns=columns, places=places, kept=kept, dropped=self.dropped + len(rows))


class TableFile:
    """A file of rows whose header is read, and the rest is not yet. names: its columns; format: see `formats`."""

    def __init__(
        self, path: str, format: str | None = None, delimiter: str | None = None, decimal: str = ".", inputs: Sequence[str] = ()
    ) -> None:  # fmt: skip
        """inputs: the names for the columns of a matrix, which has none."""
        self._stream = Stream(path)
        try:
            format = chosen(path, self._stream, format)
            self.reader = reader(self._stream, format, inputs, delimiter, decimal)
        except BaseException:
            self._stream.close()
            raise
        self.format = format
        self._delimiter, self._decimal = delimiter, decimal
        self.name = self.reader.place.name
        self.names = list(self.reader.columns)

    def __enter__(self) -> TableFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def read(self, wanted: Mapping[str, str], keep_going: bool = False, again: bool = False) -> Rows:
        """The rows, with the columns of `wanted`, each "real" or "int".

        A cell without a finite number is an error that names its place, or with keep_going its row is left out. again: rows are to be
        written again, and are kept as they came.
        """
        import numpy as np

        parts: dict[str, list[Any]] = {name: [np.zeros(0)] for name in wanted}
        places: list[int] = []
        left_out: list[int] = []
        rows = Rows(self.reader.place, {}, places, self.names)
        with closing(self.reader.blocks(wanted)) as blocks:
            for block in blocks:
                self._refuse(block, wanted)
                if block.bad and not keep_going:
                    raise block.bad[min(block.bad)]
                left_out += [len(places) + row for row in sorted(block.bad)]
                for name, column in block.columns.items():
                    parts[name].append(column)
                places += block.places
                rows.notes += [flag for row, flag in block.notes if row not in block.bad]
                if again:
                    rows.blocks.append(block)
        rows.columns = {name: np.concatenate(found[1:] or found) for name, found in parts.items()}
        return rows.without(left_out) if left_out else rows

    def write(self, put: Put, rows: Rows, format: str, columns: Mapping[str, Any], digits: int | None = None) -> None:
        """The rows as they came, and after them new columns of numbers, each of shape [rows.count]; empty in rows that were left out."""
        import numpy as np

        total = sum(block.count for block in rows.blocks)
        kept = np.arange(total) if rows.kept is None else rows.kept
        left_out = np.ones(total, bool)
        left_out[kept] = False
        whole = [np.zeros(total) for _ in columns]
        for column, found in zip(whole, columns.values(), strict=True):
            column[kept] = found
        out = writer(put, format, self.reader, False, self._delimiter if format in ("csv", "tsv") else None, self._decimal)
        out.begin(list(columns))
        begin = 0
        for block in rows.blocks:
            here = slice(begin, begin + block.count)
            failed = dict.fromkeys(np.flatnonzero(left_out[here]).tolist(), "")
            out.write(block, Results(list(columns), [column[here] for column in whole], failed, None, digits))
            begin += block.count
        out.end()

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
