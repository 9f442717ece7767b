"""Which format a file has, and its reader."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import Protocol

from adcli.data.block import Block, Place
from adcli.data.stream import Lines, Stream
from adcli.errors import UsageError

FORMATS = ("csv", "tsv", "jsonl", "json", "npy", "parquet")
SUFFIXES = {
    "csv": "csv", "tsv": "tsv", "tab": "tsv", "jsonl": "jsonl", "ndjson": "jsonl", "json": "json", "npy": "npy", "parquet": "parquet",
    "pq": "parquet",
}  # fmt: skip
PACKED = {"gz", "zst"}


class Reader(Protocol):
    """What reads a format. columns: the names that can be asked for; textual: cells are text, whatever it says; end: of a line."""

    place: Place
    columns: list[str]
    textual: bool
    end: str
    layout: tuple[str, str]

    def blocks(self, wanted: Mapping[str, str]) -> Generator[Block, None, None]: ...


def by_suffix(path: str) -> str | None:
    """The format that a file's name tells, below .gz or .zst too."""
    *_, last = parts = path.rpartition("/")[2].lower().split(".")
    if last in PACKED and len(parts) > 2:
        last = parts[-2]
    return SUFFIXES.get(last) if len(parts) > 1 else None


def by_first_byte(stream: Stream) -> str:
    """The format that data begin like: { is JSON lines, [ a JSON list, NumPy's and Parquet's marks are theirs; the rest is CSV."""
    start = stream.peek(1)
    if start == b"\xef":
        start = stream.peek(4).removeprefix(b"\xef\xbb\xbf")
    if start in (b"{", b"["):
        return "jsonl" if start == b"{" else "json"
    if start == b"\x93":
        return "npy"
    return "parquet" if start == b"P" and stream.peek(4) == b"PAR1" else "csv"


def chosen(path: str, stream: Stream, format: str | None) -> str:
    """The format asked for, or that of the suffix, or what the data look like."""
    return format or (by_suffix(path) if path != "-" else None) or by_first_byte(stream)


def reader(stream: Stream, format: str, inputs: Sequence[str], delimiter: str | None = None, decimal: str = ".") -> Reader:
    """A reader of the stream. inputs: the names for the columns of a matrix, which has none."""
    if format not in ("csv", "tsv") and (delimiter is not None or decimal != "."):
        raise UsageError(f"--delimiter and --decimal are of CSV and TSV, and the data are {format}", help="leave them out")
    if format in ("csv", "tsv"):
        from adcli.data import regular
        from adcli.data.delimited import Delimited

        delimiter = delimiter or default_delimiter(format, decimal)
        if regular.worthwhile(stream, delimiter, decimal):
            return regular.Regular(Lines(stream, regular.MOST), delimiter, decimal)
        return Delimited(Lines(stream), delimiter, decimal)
    if format in ("jsonl", "json"):
        from adcli.data.records import JsonLines, JsonList

        return JsonLines(Lines(stream)) if format == "jsonl" else JsonList(stream)
    if format == "npy":
        from adcli.data.columns import npy

        return npy(stream, inputs)
    from adcli.data.frames import parquet

    return parquet(stream)


def default_delimiter(format: str, decimal: str) -> str:
    """A tab, a comma, or beside decimal commas a semicolon."""
    return "\t" if format == "tsv" else ";" if decimal == "," else ","
