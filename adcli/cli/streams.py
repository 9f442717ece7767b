"""Standard input, output and error: reading, writing, colour, and what happens where they are closed."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Protocol, TextIO

from adcli.errors import DataError, OutputError, UsageError


class Packer(Protocol):
    """What compresses bit by bit."""

    def compress(self, data: bytes | memoryview, /) -> bytes: ...

    def flush(self) -> bytes: ...


def prepare() -> None:
    """Characters that the streams' encodings lack are written as escapes."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = stream.reconfigure if hasattr(stream, "reconfigure") else None
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def takes_unicode() -> bool:
    """Whether standard output takes more than ASCII."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf")


def output_text(text: str) -> None:
    """Write to standard output and flush, so that a full disk or a closed pipe shows now."""
    stream = sys.stdout
    if stream is None:
        raise OutputError("standard output is closed", help="-o FILE writes to a file")
    try:
        raw = getattr(stream, "buffer", None)
        if isinstance(raw, io.RawIOBase):
            write_raw(raw, text.encode(stream.encoding, "backslashreplace"))
        else:
            stream.write(text)
        stream.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write to standard output: {reason(error)}", help="-o FILE writes to a file") from None


def write_raw(raw: io.RawIOBase, data: bytes | memoryview) -> None:
    """Write all of it: an unbuffered stream (PYTHONUNBUFFERED) writes what fits and says so, which the text layer does not notice."""
    view = memoryview(data)
    while view:
        view = view[raw.write(view) or 0 :]


@contextmanager
def open_output(path: str | None) -> Iterator[Callable[[bytes | memoryview], None]]:
    """Somewhere to write bytes bit by bit: standard output, or a file that is replaced whole at the end, and not if there is an error.

    Whoever opens the file finds the old rows or all new ones. When those reach the disk is left to the system, as `sort -o` does.
    """
    if path is None or path == "-":
        yield output_bytes
        return
    pack = packing(path)
    in_place = os.path.lexists(path) and (os.path.islink(path) or not os.path.isfile(path))
    folder, name = os.path.split(path)
    temporary = path if in_place else os.path.join(folder, f".{name[:100]}.{os.getpid()}.tmp")
    with unwritable(path):
        file = open(temporary, "wb" if in_place else "xb", buffering=0)  # noqa: SIM115  (what is raised inside is not all about the file)

    def write(data: bytes | memoryview) -> None:
        with unwritable(path):
            write_raw(file, data)

    try:
        with file:
            yield write if pack is None else lambda data: write(pack.compress(data))
            if pack is not None:
                write(pack.flush())
        if not in_place:
            with unwritable(path):
                _replace(path, temporary)
    except BaseException:
        if not in_place and os.path.lexists(temporary):
            os.unlink(temporary)
        raise


def packing(path: str) -> Packer | None:
    """What compresses a file of that name, if its suffix says that it is compressed."""
    suffix = path.rpartition(".")[2].lower()
    if suffix in ("zst", "bz2", "xz"):
        raise UsageError(f"{path}: .{suffix} is not written", help=f"write {path.rpartition('.')[0]}.gz, or pack it afterwards")
    if suffix != "gz":
        return None
    import zlib

    return zlib.compressobj(wbits=16 + zlib.MAX_WBITS)  # 16: with the header of gzip, and no time in it


@contextmanager
def unwritable(path: str) -> Iterator[None]:
    """What the system refuses as an error of ours."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        hint = "check the folder and its permissions; a relative path starts at the current folder"
        raise OutputError(f"cannot write {path or repr(path)}: {reason(error)}", help=hint) from None


def is_file(path: str | None) -> bool:
    """Whether what is written there goes to a file, so that writing never waits for a reader."""
    try:
        mode = os.fstat(sys.stdout.fileno()).st_mode if path in (None, "-") else os.stat(path).st_mode
    except (AttributeError, OSError, ValueError):
        return path not in (None, "-")
    return stat.S_ISREG(mode)


def _replace(path: str, temporary: str) -> None:
    """Put a file, which is complete by now, in the place of another, with the permissions that one had."""
    with suppress(FileNotFoundError):
        os.chmod(temporary, os.stat(path).st_mode & 0o777)
    os.replace(temporary, path)


def output_bytes(data: bytes | memoryview) -> None:
    """Write to standard output and flush, as `output_text` does."""
    stream = sys.stdout
    if stream is None:
        raise OutputError("standard output is closed", help="-o FILE writes to a file")
    try:
        stream.flush()
        raw = stream.buffer
        if isinstance(raw, io.RawIOBase):
            write_raw(raw, data)
        else:
            raw.write(data)
        raw.flush()
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write to standard output: {reason(error)}", help="-o FILE writes to a file") from None


def error_text(text: str) -> None:
    """Write to standard error, if there is one."""
    if sys.stderr is not None:
        sys.stderr.write(text)
        sys.stderr.flush()


def reason(error: BaseException) -> str:
    """Why the system refused, in its words."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return str(error) or type(error).__name__


def decode(data: bytes, name: str) -> str:
    """UTF-8 text, with an optional byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
        raise DataError(
            f"{name} is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}, line {line}",
            help=f"convert it: iconv -f {encoding} -t utf-8" + (f" {name}" if name != "standard input" else ""),
        ) from None


def read_file(path: str, limit: int | None = None) -> bytes:
    """The bytes of a file, at most limit + 1 of them."""
    try:
        with open(path, "rb") as file:
            return file.read() if limit is None else file.read(limit + 1)
    except (OSError, ValueError) as error:
        near = [] if os.path.exists(path) else _files_like(path)
        hint = "check the path and its permissions; a relative path starts at the current folder"
        raise DataError(f"cannot read {path}: {reason(error)}", help=f"did you mean '{near[0]}'?" if near else hint) from None


def _files_like(path: str) -> list[str]:
    from difflib import get_close_matches

    folder, name = os.path.split(path)
    stem, suffix = os.path.splitext(name)
    try:
        stems = sorted(os.path.splitext(found)[0] for found in os.listdir(folder or ".") if found.endswith(suffix))
    except OSError:
        return []
    return [os.path.join(folder, found + suffix) for found in get_close_matches(stem, stems, 1, 0.7)]


def read_stdin(limit: int) -> bytes:
    """Standard input, at most limit + 1 bytes of it."""
    if sys.stdin is None:
        raise DataError("standard input is closed", help="name a file, or give the program as an argument")
    try:
        return sys.stdin.buffer.read(limit + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read standard input: {reason(error)}", help="name a file, or give the program as an argument") from None


def terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def coloured(choice: str, stream: TextIO | None) -> bool:
    """--color first, then NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE, TERM=dumb, then whether it is a terminal."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE"):
        if os.environ.get(name, "0") not in ("", "0"):
            return True
    return os.environ.get("TERM") != "dumb" and terminal(stream)


def write_file(path: str, text: str) -> None:
    """Replace a file whole or not at all; what is no regular file is written in place."""
    with open_output(path) as put:
        put(text.encode("utf-8", "backslashreplace"))
