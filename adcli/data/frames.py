"""What polars does: Parquet, zstd, and large regular CSV. The only file that imports it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
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
