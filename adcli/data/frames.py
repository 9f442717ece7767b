"""What polars does: Parquet, zstd, and large regular CSV. The only file that imports it."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.data.columns import Table
from adcli.data.stream import Stream
from adcli.errors import DataError, UsageError

if TYPE_CHECKING:
    import polars

INSTALL = "install it with: pip install 'adcli[data]'"


def needed(what: str) -> Any:
    """The polars module; a usage error where it is missing."""
    try:
        import polars
    except ImportError:
        raise UsageError(f"{what} takes the extra 'data'", help=INSTALL) from None
    return polars


def loaded() -> bool:
    """Whether polars can be loaded, and is."""
    try:
        import polars
    except ImportError:  # who needs it says so
        return False
    return bool(polars)


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
        lines = pl.read_csv(data, has_header=False, separator="\x01", quote_char=None, schema={"line": pl.String})
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{name} cannot be unpacked: {str(error).splitlines()[0][:200]}", help="is it the whole file?") from None
    out = io.BytesIO()
    lines.write_csv(out, include_header=False, quote_style="never")
    out.seek(0)
    return out


_LINE = "\x01"  # stands in no text that is cut up


def cut_up(text: bytes, delimiter: str, wide: int, wanted: Mapping[int, str]) -> tuple[polars.Series, dict[int, Any]] | None:
    """The lines of a text, and its wanted columns as arrays of "real" or "int"; None where the text is not regular."""
    import numpy as np
    import polars as pl

    if b'"' in text or _LINE.encode() in text or (b"\r" in text and not _ends_lines(text)):
        return None
    kinds = {at: pl.Int64 if kind == "int" else pl.Float64 for at, kind in wanted.items()}
    types = [kinds.get(at, pl.String) for at in range(wide)]
    options: dict[str, Any] = {"has_header": False, "quote_char": None, "infer_schema_length": 0}
    try:
        lines = pl.read_csv(text, separator=_LINE, schema_overrides=[pl.String], **options).to_series()
        at = sorted({*wanted, wide - 1})
        names = [str(k) for k in range(wide)]
        cells = pl.read_csv(text, separator=delimiter, columns=at, new_columns=names, schema_overrides=types, **options)
    except pl.exceptions.PolarsError:
        return None
    delimiters = np.count_nonzero(np.frombuffer(text, np.uint8) == ord(delimiter))
    if lines.null_count() or cells.height != len(lines) or delimiters != (wide - 1) * len(lines):
        return None
    if any(cells[str(k)].null_count() for k in wanted):
        return None
    # With as many delimiters as there should be, no row has too many cells unless another has too few, and lacks its last one.
    if cells[str(wide - 1)].null_count() and lines.str.count_matches(delimiter, literal=True).n_unique() > 1:
        return None
    return lines, {k: cells[str(k)].to_numpy() for k in wanted}


_TILE = 2**16
_FEW = 0.01


def _ends_lines(text: bytes) -> bool:
    """Whether carriage returns stand before line feeds alone."""
    import numpy as np

    data = np.frombuffer(text, np.uint8)
    returns = np.flatnonzero(data[:-1] == 13)
    return text[-1:] != b"\r" and bool((data[returns + 1] == 10).all())


class CsvRows:
    """Makes CSV of blocks of rows, in a buffer that is used again: new memory costs more than what is written to it."""

    def __init__(self, delimiter: str, newline: str = "\n") -> None:
        self.delimiter, self.newline = delimiter, newline
        self._out = io.BytesIO()

    def pieces(self, lines: polars.Series | None, columns: Sequence[Any], tail: Sequence[str] = ()) -> Iterator[memoryview | bytes]:
        """The lines as they are, then the numbers as `write.csv_texts` writes them, then `tail`; each piece is used before the next.

        polars writes numbers as Python does but for those below 1e-4. Where they are few, their rows are put right in what it wrote.
        """
        import numpy as np
        import polars as pl

        small = [np.flatnonzero((np.abs(c) < 1e-4) & (c != 0)) if c.dtype.kind == "f" else np.zeros(0, int) for c in columns]
        many = sum(map(len, small)) > _FEW * len(columns[0])
        series = [pl.Series(str(k), column) for k, column in enumerate(columns)]
        if many:
            series = [_as_python(column, where) for column, where in zip(series, small, strict=True)]
        frame = pl.DataFrame(series if lines is None else [lines.alias("lines"), *series])
        if tail:
            frame = frame.with_columns(pl.lit(text).alias(f"tail{k}") for k, text in enumerate(tail))
        self._out.seek(0)
        options: dict[str, Any] = {"separator": self.delimiter, "line_terminator": self.newline, "quote_style": "never"}
        frame.write_csv(self._out, include_header=False, batch_size=2**14, **options)
        with self._out.getbuffer() as whole, whole[: self._out.tell()] as written:
            at = 0
            for row, start, end in [] if many else _places(written, sorted({row for rows in small for row in rows.tolist()})):
                texts = ["NaN" if text == "nan" else text for text in (repr(column[row].item()) for column in columns)]
                yield written[at:start]
                text = self.delimiter.join([*texts, *tail] if lines is None else [lines[row], *texts, *tail])
                yield (text + self.newline[:-1]).encode()
                at = end
            yield written[at:]


def _as_python(column: polars.Series, small: Any) -> polars.Series:
    """A column of floats as text, the small ones as Python has them."""
    import polars as pl

    return column.cast(pl.String).scatter(small, list(map(repr, column.to_numpy()[small].tolist()))) if len(small) else column


def _places(written: memoryview, rows: Sequence[int]) -> list[tuple[int, int, int]]:
    """Where the lines of some rows begin and end: each row, and both."""
    import numpy as np

    data = np.frombuffer(written, np.uint8)
    if not rows:
        return []
    counts = [np.count_nonzero(data[at : at + _TILE] == 10) for at in range(0, len(data), _TILE)]
    before = np.concatenate([[0], np.cumsum(counts)])  # lines that end before each tile

    def begin(row: int) -> int:
        """After the end of the line before it."""
        if row == 0:
            return 0
        tile = int(np.searchsorted(before, row)) - 1
        return tile * _TILE + int(np.flatnonzero(data[tile * _TILE : (tile + 1) * _TILE] == 10)[row - 1 - int(before[tile])]) + 1

    def end(at: int) -> int:
        while not (found := np.flatnonzero(data[at : at + 512] == 10)).size:
            at += 512
        return at + int(found[0])

    starts = map(begin, rows)
    return [(row, start, end(start)) for row, start in zip(rows, starts, strict=True)]
