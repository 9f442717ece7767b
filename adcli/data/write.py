"""Writers: the rows that came in, each followed by its results, in one of the formats."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import TYPE_CHECKING, Any

from adcli.data.block import Block
from adcli.data.delimited import DelimitedBlock, quoted, squared
from adcli.data.formats import Reader, default_delimiter
from adcli.data.number import text_of
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.data.frames import CsvRows

JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
Put = Callable[[bytes | memoryview], object]


class Results:
    """What a block's rows get: names and columns of numbers, the rows without, and why (None where no column says it)."""

    def __init__(
        self, names: Sequence[str], columns: Sequence[Any], failed: Mapping[int, str], error: str | None = None, digits: int | None = None
    ) -> None:  # fmt: skip
        self.names = names
        self.columns = [rounded(column, digits) for column in columns] if digits else columns
        self.failed = failed
        self.error = error

    def texts(self, write: Callable[[Any], Sequence[str]], none: str, message: Callable[[str], str]) -> list[list[str]]:
        """Each column as text, `none` in failed rows, and the column of errors."""
        found = [list(write(column)) for column in self.columns]
        for row in self.failed:
            for column in found:
                column[row] = none
        if self.error is not None:
            errors = [none] * (len(self.columns[0]) if self.columns else 0)
            for row, text in self.failed.items():
                errors[row] = message(text)
            found.append(errors)
        return found


def rounded(column: Any, digits: int) -> Any:
    """Floats to so many significant digits."""
    if column.dtype.kind != "f":
        return column
    import numpy as np

    return np.array([float(f"{value:.{digits}g}") for value in column.tolist()])


def csv_texts(column: Any, nan: str = "NaN") -> list[str]:
    """Numbers as CSV has them."""
    import numpy as np

    values = column.tolist()
    if column.dtype.kind == "f":
        texts = list(map(repr, values))
        if not np.isfinite(column).all():
            texts = [nan if text == "nan" else text for text in texts]
        return texts
    return [text_of(value) for value in values]


def json_texts(column: Any) -> list[str]:
    """Numbers as JSON has them: what is not finite is null."""
    import numpy as np

    texts = csv_texts(column)
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        return ["null" if text in ("NaN", "inf", "-inf") else text for text in texts]
    return texts


class Writer:
    """Writes blocks as bytes to `put`. only: without the columns that came in."""

    def __init__(self, put: Put, reader: Reader, only: bool) -> None:
        self.put = put
        self.reader = reader
        self.only = only

    def begin(self, names: Sequence[str]) -> None:
        """Before the first row. names: of the new columns."""

    def write(self, block: Block, results: Results) -> None:
        raise NotImplementedError

    def end(self) -> None:
        """After the last row."""


class DelimitedWriter(Writer):
    """CSV and TSV."""

    def __init__(self, put: Put, reader: Reader, only: bool, delimiter: str, decimal: str) -> None:
        super().__init__(put, reader, only)
        self.delimiter, self.decimal = delimiter, decimal
        self.same = reader.layout == ("delimited", delimiter)
        self.newline = reader.end if self.same else "\n"
        self._fast: CsvRows | None = None

    def begin(self, names: Sequence[str]) -> None:
        head = [quoted(name, self.delimiter) for name in names]
        if not self.only:
            carried = getattr(self.reader, "fields", self.reader.columns)
            head = [getattr(self.reader, "header", ""), *head] if self.same else [quoted(c, self.delimiter) for c in carried] + head
        if head:  # a list without objects has no names
            self.put((self.delimiter.join(head) + self.newline).encode())

    def write(self, block: Block, results: Results) -> None:
        lines = getattr(block, "lines", None)
        if lines is not None and self.same and not results.failed and results.columns:
            if self._fast is None:
                from adcli.data.frames import CsvRows

                self._fast = CsvRows(self.delimiter, self.newline)
            self._fast.write(self.put, None if self.only else lines, results.columns, () if results.error is None else [""])
            return
        columns = results.texts(self._texts, "", lambda text: quoted(text, self.delimiter))
        parts: list[Iterable[str]] = list(columns)
        if not self.only:
            parts = [self._carried(block, results), *parts]
        lines = map(self.delimiter.join, zip(*parts, strict=True)) if parts else repeat("", block.count)
        self.put((self.newline.join(lines) + self.newline).encode())

    def _texts(self, column: Any) -> list[str]:
        texts = csv_texts(column)
        return texts if self.decimal == "." else [text.replace(".", self.decimal) for text in texts]

    def _carried(self, block: Block, results: Results) -> Sequence[str]:
        """The rows that came in, byte for byte where that is possible."""
        if not self.same:
            return [self.delimiter.join(quoted(csv_cell(value), self.delimiter) for value in row) for row in block.values()]
        rows = block.raw()
        bad = [row for row in results.failed if row in block.bad]
        if bad:
            rows = list(rows)
            for row in bad:
                rows[row] = squared(rows[row], self.reader)
        return rows


def csv_cell(value: Any) -> str:
    """A value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return getattr(value, "text", None) or text_of(value)
    return json_value(value) if isinstance(value, list | dict) else str(value)


def refuse_twice(columns: Sequence[str], cannot: str) -> None:
    """CSV may carry two columns of one name; where names are keys that would lose one."""
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two columns are called '{twice}', which {cannot}", help="--only-results leaves them out")


class RecordWriter(Writer):
    """JSON lines, or one JSON list."""

    def __init__(self, put: Put, reader: Reader, only: bool, listed: bool) -> None:
        super().__init__(put, reader, only)
        self.listed = listed
        self.started = False
        self.same = reader.layout[0] == "records"

    def begin(self, names: Sequence[str]) -> None:
        carried = [] if self.same else self.reader.columns
        if not self.only:
            refuse_twice(carried, "a JSON object cannot have")
        if self.listed:
            self.put(b"[")

    def write(self, block: Block, results: Results) -> None:
        keys = [json.dumps(name, ensure_ascii=False) + ": " for name in results.names]
        columns = results.texts(json_texts, "null", lambda text: json.dumps(text, ensure_ascii=False))
        if results.error is not None:
            keys.append(json.dumps(results.error, ensure_ascii=False) + ": ")
        added = (", ".join(map(str.__add__, keys, row)) for row in zip(*columns, strict=True)) if columns else repeat("", block.count)
        carried = repeat("", block.count) if self.only else self._carried(block)
        rows = ("{" + before + (", " if before and after else "") + after + "}" for before, after in zip(carried, added, strict=False))
        if self.listed:
            text = ("," if self.started else "") + "\n" + ",\n".join(rows)
            self.started = True
        else:
            text = "\n".join(rows) + "\n"
        self.put(text.encode("utf-8", "backslashreplace"))

    def end(self) -> None:
        if self.listed:
            self.put(b"\n]\n" if self.started else b"]\n")

    def _carried(self, block: Block) -> Iterable[str]:
        """What stands between the braces of each object that came in."""
        if self.same:
            for row, text in enumerate(block.raw()):
                inside = text[1:-1].strip() if row not in block.bad or _is_object(text) else ""
                yield inside if self.listed else inside.replace("\n", " ").replace("\r", " ")
            return
        keys = [json.dumps(name, ensure_ascii=False) + ": " for name in self.reader.columns]
        of = _json_of_text if isinstance(block, DelimitedBlock) else json_value
        for values in block.values():
            yield ", ".join(key + of(value) for key, value in zip(keys, values, strict=True))


def _is_object(text: str) -> bool:
    """Whether a bad row is an object all the same."""
    from adcli.data.records import NoRecord, decoded

    try:
        return decoded(text)[1] == len(text)
    except NoRecord:
        return False


def _json_of_text(text: str) -> str:
    """The text of a cell as JSON: a number as it stands, null for nothing, else a string."""
    if JSON_NUMBER.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False) if text else "null"


def json_value(value: Any) -> str:
    """Any value as strict JSON."""
    if isinstance(value, list):
        return "[" + ", ".join(map(json_value, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {json_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, float):
        return getattr(value, "text", None) or (repr(value) if math.isfinite(value) else "null")
    return json.dumps(value, ensure_ascii=False, default=str)


class ColumnWriter(Writer):
    """NumPy's .npy and Parquet: everything is written at the end."""

    def __init__(self, put: Put, reader: Reader, only: bool, format: str) -> None:
        super().__init__(put, reader, only)
        self.format = format
        self.table: dict[str, list[Any]] = {}

    def begin(self, names: Sequence[str]) -> None:
        columns = [] if self.only else getattr(self.reader, "fields", self.reader.columns)
        refuse_twice(columns, f"{'Parquet' if self.format == 'parquet' else 'a NumPy array'} cannot have")
        self.table = {name: [] for name in (*columns, *names)}
        if self.format == "parquet":
            from adcli.data.frames import needed

            needed("Parquet")
        self.carried = columns

    def write(self, block: Block, results: Results) -> None:
        import numpy as np

        if self.carried:
            table = getattr(block, "table", None) or dict(zip(self.carried, zip(*block.values(), strict=True), strict=True))
            for name in self.carried:
                self.table[name].append(_column(table[name], self.reader.textual))
        for name, column in zip(results.names, results.columns, strict=True):
            if results.failed:
                column = np.array(column, float)
                column[list(results.failed)] = np.nan
            self.table[name].append(column)
        if results.error is not None:
            self.table[results.error].append([results.failed.get(row, "") for row in range(block.count)])

    def end(self) -> None:
        from adcli.data.columns import joined

        columns = {name: joined(parts) for name, parts in self.table.items()}
        if self.format == "npy":
            from adcli.data.columns import npy_bytes

            self.put(npy_bytes(columns, getattr(self.reader, "plain", False)))
        else:
            from adcli.data.frames import parquet_bytes

            self.put(parquet_bytes(columns))


def _column(values: Any, textual: bool) -> Any:
    """Carried cells as a column of one kind: text that is made of numbers alone becomes numbers, what is mixed becomes text."""
    if hasattr(values, "dtype"):
        return values
    if textual:
        try:
            return [float(text) if text else math.nan for text in values]
        except ValueError:
            return list(values)
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {str} or kinds <= {bool} or kinds <= {int}:
        return list(values)
    if all(issubclass(kind, int | float) and kind is not bool for kind in kinds):
        return [None if value is None else float(value) for value in values]
    return [value if value is None or isinstance(value, str) else json_value(value) for value in values]


def writer(put: Put, format: str, reader: Reader, only: bool, delimiter: str | None, decimal: str) -> Writer:
    """A writer of that format for the rows of a reader."""
    if format in ("csv", "tsv"):
        return DelimitedWriter(put, reader, only, delimiter or default_delimiter(format, decimal), decimal)
    if format in ("jsonl", "json"):
        return RecordWriter(put, reader, only, format == "json")
    return ColumnWriter(put, reader, only, format)
