"""CSV and TSV: rows of cells between delimiters (RFC 4180), read in blocks of whole rows.

A block without quotes, and with as many cells in every row as the header has, is cut up all at once; any other row by row.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from adcli.data.block import Block, Place, parse
from adcli.data.number import cut
from adcli.data.stream import LONGEST, Lines
from adcli.errors import DataError

NEVER_CLOSED = "a quote is never closed"
CLOSE_IT = 'a quote inside quotes is written twice: "5"" pipe"'


class DelimitedBlock(Block):
    """Rows of text with their cells."""

    def __init__(self, rows: Sequence[str], places: Sequence[int], reader: Delimited) -> None:
        super().__init__(len(rows), places)
        self._rows = rows
        self._reader = reader

    def raw(self) -> Sequence[str]:
        return self._rows

    def part(self, start: int, stop: int) -> Block:
        made = super().part(start, stop)
        assert isinstance(made, DelimitedBlock)
        made._rows = self._rows[start:stop]
        return made

    def values(self) -> Iterable[Sequence[str]]:
        wide = len(self._reader.columns)
        for row in self.raw():
            cells = self._reader.cells(row)
            yield (cells + [""] * wide)[:wide]


class Delimited:
    """A reader of CSV or TSV. columns: the names in the header; layout: what a writer must share to take rows as they are."""

    textual = True

    def __init__(self, lines: Lines, delimiter: str, decimal: str = ".") -> None:
        self.place = Place(lines.stream.name)
        self.delimiter, self.decimal = delimiter, decimal
        self.layout = ("delimited", delimiter)
        self._lines = lines
        quoted = r'"([^"]*+(?:""[^"]*+)*+)"'
        self._cell = re.compile(f"(?:{quoted})?([^\n{re.escape(delimiter)}]*)")
        self.header, self.end = self._header()
        self.columns = [name.strip() for name in self.cells(self.header)]
        self._refuse_names()

    def _header(self) -> tuple[str, str]:
        """The first row as it stands, and how its line ends."""
        text = self._lines.next().removeprefix(b"\xef\xbb\xbf")
        while blank := len(text) - len(text.lstrip(b"\r\n")):
            self._lines.at += text.count(b"\n", 0, blank)
            text = text[blank:] or self._lines.next()
        if not text:
            raise self.place.error(1, "there is no header", "the first line has the names of the columns")
        while (end := self._row_end(text.decode(), 0)) < 0:
            wanted = 2 * len(text)
            while len(text) < wanted and (more := self._lines.next()):
                text += more
            if len(text) < wanted:
                raise self.place.error(1, NEVER_CLOSED, CLOSE_IT)
            if len(text) > LONGEST:
                raise self._lines.too_long()
        head = text.decode()[:end]
        self._lines.unread(text[len(head.encode()) + 1 :])
        self._lines.at += 1 + head.count("\n")
        return head.removesuffix("\r"), "\r\n" if head.endswith("\r") else "\n"

    def _row_end(self, text: str, at: int) -> int:
        """Where the line ends that ends a row; -1 where a quote is open."""
        while True:
            cell = self._cell.match(text, at)
            assert cell is not None
            if cell[1] is None and cell[2].startswith('"'):
                return -1
            at = cell.end() + 1
            if at > len(text) or text[at - 1] == "\n":
                return at - 1

    def _refuse_names(self) -> None:
        for name in self.columns:
            if any((ord(c) < 32 and c != "\t") or 127 <= ord(c) < 160 for c in name):
                raise self.place.error(1, f"the name '{cut(name)}' holds a control character", "mend the header")
            if name[:1] in ("=", "+", "@"):
                raise self.place.error(1, f"a spreadsheet would run the name '{cut(name)}' as a formula", "name the column otherwise")

    def cells(self, row: str) -> list[str]:
        """The cells of a row without their quotes."""
        if '"' not in row:
            return row.split(self.delimiter)
        found: list[str] = []
        at = 0
        while at <= len(row):
            cell = self._cell.match(row, at)
            assert cell is not None
            quoted, rest = cell.groups()
            found.append(rest if quoted is None else quoted.replace('""', '"') + rest)
            at = cell.end() + 1
        return found

    def blocks(self, wanted: Mapping[str, str]) -> Generator[Block, None, None]:
        """Blocks of rows with the columns of `wanted`, which says whether they are "real" or "int"."""
        while text := self._lines.next():
            block = self._block(text, wanted)
            if block.count:
                yield block

    def _block(self, text: bytes, wanted: Mapping[str, str]) -> Block:
        if b'"' in text:
            return self._parsed(text, *self._whole_rows(text.decode()), wanted)
        first = self._lines.at
        self._lines.at += text.count(b"\n") + (not text.endswith(b"\n"))
        return self._unquoted(text, first, wanted)

    def _unquoted(self, text: bytes, first: int, wanted: Mapping[str, str]) -> Block:
        """A text without quotes, whose lines count from `first`."""
        lines = text.decode().split("\n")
        if not lines[-1]:
            lines.pop()
        return self._parsed(text, lines, range(first, first + len(lines)), wanted)

    def _parsed(self, text: bytes, lines: list[str], places: Sequence[int], wanted: Mapping[str, str]) -> Block:
        """The rows of a text with the numbers of their wanted cells."""
        if b"\r" in text:
            lines = [line.removesuffix("\r") for line in lines]
        if "" in lines:
            kept = [k for k, line in enumerate(lines) if line]
            lines, places = [lines[k] for k in kept], [places[k] for k in kept]
        block = DelimitedBlock(lines, places, self)
        columns = self._columns_at_once(lines, wanted) if b'"' not in text else None
        if columns is None:
            columns = self._columns_by_row(block, lines, wanted)
        for name, cells in columns.items():
            parse(block, self.place, name, cells, wanted[name], self.decimal)
        return block

    def _whole_rows(self, text: str) -> tuple[list[str], list[int]]:
        """Rows, some of which take several lines; what is open at the end goes back."""
        rows: list[str] = []
        places: list[int] = []
        at, wide = 0, len(text)
        while at < wide:
            end = text.find("\n", at)
            row = text[at : end if end >= 0 else wide]
            if '"' in row:
                end = self._row_end(text, at)
                if end < 0:
                    self._wait(text[at:])
                    break
                row = text[at:end]
            rows.append(row)
            places.append(self._lines.at)
            at += len(row) + 1
            self._lines.at += row.count("\n") + 1
        return rows, places

    def _wait(self, text: str) -> None:
        """A row that is not complete comes again with more after it, if there is more."""
        if self._lines.ended():
            raise self.place.error(self._lines.at, NEVER_CLOSED, CLOSE_IT)
        self._lines.push_back(text.encode())

    def _columns_at_once(self, lines: list[str], wanted: Mapping[str, str]) -> dict[str, list[str]] | None:
        """The wanted columns, or None where a row has another number of cells."""
        wide = len(self.columns)
        if wide == 1:
            found = set(map(str.count, lines, repeat(self.delimiter)))
            return dict.fromkeys(wanted, lines) if found <= {0} else None
        if set(map(str.count, lines, repeat(self.delimiter))) != {wide - 1}:
            return None
        cells = self.delimiter.join(lines).split(self.delimiter)
        return {name: cells[self.columns.index(name) :: wide] for name in wanted}

    def _columns_by_row(self, block: Block, lines: list[str], wanted: Mapping[str, str]) -> dict[str, list[str]]:
        wide = len(self.columns)
        at = {name: self.columns.index(name) for name in wanted}
        columns: dict[str, list[str]] = {name: [] for name in wanted}
        for row, line in enumerate(lines):
            cells = self.cells(line)
            if len(cells) != wide:
                block.bad[row] = self._ragged(block.places[row], cells)
            for name, k in at.items():
                columns[name].append(cells[k] if k < len(cells) else "")
        return columns

    def _ragged(self, line: int, cells: Sequence[str]) -> DataError:
        wide = len(self.columns)
        if len(cells) < wide:
            said = f"{len(cells)} cell{'s' * (len(cells) != 1)}, and {wide} columns: there is none for '{cut(self.columns[len(cells)])}'"
        else:
            said = f"{len(cells)} cells, and {wide} column{'s' * (wide != 1)}"
        hint = "a cell that holds the delimiter stands in quotes"
        if self.delimiter == "," and len(cells) > wide:
            hint += "; for decimal commas: --decimal , --delimiter ';'"
        return self.place.error(line, said, hint)


def quoted(text: str, delimiter: str) -> str:
    """A cell, in quotes where it needs them."""
    if delimiter in text or '"' in text or "\n" in text or "\r" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def squared(row: str, reader: Any) -> str:
    """A row with too few or too many cells as one with as many as there are columns."""
    cells, wide = reader.cells(row), len(reader.columns)
    return reader.delimiter.join(quoted(cell, reader.delimiter) for cell in (cells + [""] * wide)[:wide]) if len(cells) != wide else row
