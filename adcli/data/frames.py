"""What polars does: Parquet, zstd, and large regular CSV. The only file that imports it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from adcli.data.columns import Table
from adcli.data.stream import Stream
from adcli.errors import DataError, UsageError

if TYPE_CHECKING:
    import polars

Put = Callable[[bytes | memoryview], object]
LEAST = (1, 38)
INSTALL = "install it with: pip install 'adcli[data]'"


def needed(what: str) -> Any:
    """The polars module; a usage error where it is missing or too old."""
    try:
        import polars
    except ImportError:
        raise UsageError(f"{what} takes the extra 'data'", help=INSTALL) from None
    if not recent(polars.__version__):
        raise UsageError(f"{what} takes polars 1.38 or later, and {polars.__version__} is installed", help=INSTALL)
    return polars


def recent(version: str) -> bool:
    """Whether that polars writes numbers as Python does: those before 1.38 leave out the + of 1e+30."""
    return tuple(map(int, version.split(".")[:2])) >= LEAST


def load() -> None:
    """Load what large files take, polars first: it reads while NumPy is loaded."""
    with suppress(ImportError):  # who needs it says so
        import polars  # noqa: F401, I001
        import numpy  # noqa: F401


def parquet(stream: Stream) -> Table:
    """A Parquet file, read whole."""
    pl = needed("Parquet")
    try:
        frame = pl.read_parquet(io.BytesIO(stream.rest()))
    except (pl.exceptions.PolarsError, OSError) as error:
        said = str(error).splitlines()[0][:200]
        raise DataError(f"{stream.name} is not a Parquet file: {said}", help="is it the whole file?") from None
    return Table(stream.name, {column.name: column for column in frame.get_columns()}, frame.height)


def numbers(column: polars.Series) -> tuple[Any, list[int]]:
    """A column as an array of numbers, and the rows without a value; None where it holds something else."""
    if not column.dtype.is_numeric():
        return None, []
    missing = column.is_null().arg_true().to_list() if column.null_count() else []
    if column.dtype.is_decimal():
        column = column.cast(float)
    return (column.fill_null(0) if missing else column).to_numpy(), missing


def parquet_bytes(columns: Mapping[str, Any]) -> bytes:
    """A Parquet file of these columns: arrays, lists or series."""
    pl = needed("Parquet")
    out = io.BytesIO()
    pl.DataFrame([pl.Series(name, column) for name, column in columns.items()]).write_parquet(out)
    return out.getvalue()


def joined(parts: Sequence[Any]) -> Any:
    """Parts of a column as one."""
    import polars

    return polars.concat(list(parts))


def unpacked(data: bytes, name: str) -> io.BytesIO:
    """What zstd has compressed: read as lines of text, and put together again."""
    pl = needed("zstd")
    try:
        lines = pl.read_csv(data, has_header=False, separator=_MARK.decode(), quote_char=None, schema={"line": pl.String})
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{name} cannot be unpacked: {str(error).splitlines()[0][:200]}", help="is it the whole file?") from None
    out = io.BytesIO()
    lines.write_csv(out, include_header=False, quote_style="never")
    out.seek(0)
    return out


_MARK = b"\x01"  # stands in no text that is cut up


class Cut:
    """A text cut up by polars, without NumPy yet, which another thread may be loading.

    lines: as a series; first: the number of the first one, which the reader says.
    """

    def __init__(self, text: bytes, delimiter: str, lines: polars.Series, cells: polars.DataFrame) -> None:
        self.text = text
        self.lines = lines
        self.first = 1
        self._delimiter = delimiter
        self._cells = cells

    def columns(self, wide: int, wanted: Sequence[int]) -> list[Any] | None:
        """The wanted columns as arrays; None where a row has more or less than `wide` cells."""
        import numpy as np

        delimiters = np.count_nonzero(np.frombuffer(self.text, np.uint8) == ord(self._delimiter))
        if delimiters != (wide - 1) * len(self.lines):
            return None
        # With as many delimiters as there should be, no row has too many cells unless another has too few, and lacks its last one.
        last = self._cells.get_column(str(wide - 1))
        if last.null_count() and self.lines.str.count_matches(self._delimiter, literal=True).n_unique() > 1:
            return None
        return [self._cells.get_column(str(k)).to_numpy() for k in wanted]


def cut_up(text: bytes, delimiter: str, wide: int, wanted: Mapping[int, str]) -> Cut | None:
    """A text of rows of `wide` cells, with the wanted ones as numbers, "real" or "int"; None where it is not regular."""
    import polars as pl

    if not recent(pl.__version__) or b'"' in text or _MARK in text or (b"\r" in text and not _ends_lines(text)):
        return None
    kinds = {at: pl.Int64 if kind == "int" else pl.Float64 for at, kind in wanted.items()}
    schema = {str(at): kinds.get(at, pl.String) for at in range(wide)}
    options: dict[str, Any] = {"has_header": False, "quote_char": None}
    try:
        lines = pl.read_csv(text, separator=_MARK.decode(), schema={"line": pl.String}, **options).to_series()
        cells = pl.read_csv(text, separator=delimiter, schema=schema, columns=sorted({*wanted, wide - 1}), **options)
    except pl.exceptions.PolarsError:
        return None
    if lines.null_count() or cells.height != len(lines) or any(cells.get_column(str(k)).null_count() for k in wanted):
        return None
    return Cut(text, delimiter, lines, cells)


_FEW = 0.01


def _ends_lines(text: bytes) -> bool:
    """Whether carriage returns stand before line feeds alone."""
    import numpy as np

    data = np.frombuffer(text, np.uint8)
    returns = np.flatnonzero(data[:-1] == 13)
    return text[-1:] != b"\r" and bool((data[returns + 1] == 10).all())


class CsvRows:
    """Makes CSV of blocks of rows, as `write.csv_texts` would."""

    def __init__(self, delimiter: str, newline: str = "\n") -> None:
        self.delimiter, self.newline = delimiter, newline

    def write(self, put: Put, lines: polars.Series | None, columns: Sequence[Any], tail: Sequence[str] = ()) -> None:
        """The lines as they are, then the numbers, then `tail`.

        polars writes numbers as Python does but for those below 1e-4. Where they are few, a mark goes in place of the lines of their
        rows, and what is written for these is put right. Where there are no lines, or many such numbers, Python writes the numbers.
        """
        import numpy as np
        import polars as pl

        small = [np.flatnonzero((np.abs(c) < 1e-4) & (c != 0)) if c.dtype.kind == "f" else np.zeros(0, int) for c in columns]
        series = [pl.Series(str(k), column) for k, column in enumerate(columns)]
        rows: list[int] = []
        if lines is None or sum(map(len, small)) > _FEW * len(lines):
            series = [_as_python(column, where) for column, where in zip(series, small, strict=True)]
        else:
            rows = sorted({row for found in small for row in found.tolist()})
        marked = lines if lines is None or not rows else lines.clone().scatter(rows, [_MARK.decode()] * len(rows))
        frame = pl.DataFrame(series if marked is None else [marked.alias("lines"), *series])
        if tail:
            frame = frame.with_columns(pl.lit(text).alias(f"tail{k}") for k, text in enumerate(tail))
        options: dict[str, Any] = {"separator": self.delimiter, "line_terminator": self.newline, "quote_style": "never"}
        texts = (self._text(str(lines[row]), columns, row, tail) for row in rows) if lines is not None else iter(())
        out = _Unmarked(put, texts, self.newline.encode())
        frame.write_csv(cast("Any", out), include_header=False, batch_size=2**14, **options)
        if out.error is not None:
            raise out.error

    def _text(self, line: str, columns: Sequence[Any], row: int, tail: Sequence[str]) -> bytes:
        """A row without the end of its line, as Python writes it."""
        numbers = ["NaN" if text == "nan" else text for text in (repr(column[row].item()) for column in columns)]
        return self.delimiter.join([line, *numbers, *tail]).encode()


class _Unmarked:
    """A file for polars to write to, part by part: puts what comes, with other texts in place of the rows that are marked.

    error: what `put` raised; polars would make another error of it.
    """

    def __init__(self, put: Put, texts: Iterator[bytes], newline: bytes) -> None:
        self.error: BaseException | None = None
        self._put, self._texts, self._newline = put, texts, newline

    def write(self, part: bytes) -> int:
        if self.error is None:
            try:
                self._write(part)
            except BaseException as error:
                self.error = error
        return len(part)

    def _write(self, part: bytes) -> None:
        at = 0
        while (mark := part.find(_MARK, at)) >= 0:
            self._put(memoryview(part)[at:mark])
            self._put(next(self._texts))
            at = part.index(self._newline, mark)
        self._put(memoryview(part)[at:])

    def flush(self) -> None:
        """Nothing is kept."""


def _as_python(column: polars.Series, small: Any) -> polars.Series:
    """A column of floats as text, the small ones as Python has them."""
    import polars as pl

    return column.cast(pl.String).scatter(small, list(map(repr, column.to_numpy()[small].tolist()))) if len(small) else column
