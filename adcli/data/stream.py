"""Bytes in: files, standard input and compressed files, taken as they come."""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import IO, Any

from adcli.errors import DataError

FIRST = 2**16
MOST = 2**20  # bytes read at a time once there are many: about as much as fits the processor's cache
LOOK = 2**12
LONGEST = 2**23  # of one row
PACKED = 4  # times that text shrinks, about
GZIP, ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


class Stream:
    """What a file, a pipe or a decompressor delivers.

    name: what messages call it. size: bytes of the file, if it has an end that is known; taken: how many of them were read.
    bulk: about how many bytes will come, 0 where nothing is known; pipe: they come through a wide pipe.
    """

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == "-" else path
        self.size: int | None = None
        self.bulk = 0
        self.pipe = False
        self.taken = 0
        self._again = b""
        self._ended = False
        self._opened: list[IO[bytes]] = []
        self._failures: tuple[type[Exception], ...] = (OSError, EOFError, ValueError)
        self._file: Any = self._open(path)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        self._fd = _descriptor(self._file)
        if self._fd is not None:
            info = os.fstat(self._fd)
            self.size = info.st_size if stat.S_ISREG(info.st_mode) else None
            self.pipe = stat.S_ISFIFO(info.st_mode) and _widened(self._fd)
        self.bulk = self.size or 0
        self._unpack()

    def _open(self, path: str) -> IO[bytes]:
        if path == "-":
            if sys.stdin is None:
                raise DataError("standard input is closed", help="name a file: --data FILE")
            return sys.stdin.buffer
        try:
            file = open(path, "rb", buffering=0)  # noqa: SIM115  (closed by `close`)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise DataError(f"cannot read {path}: {reason[:1].lower()}{reason[1:]}", help="check the path and its permissions") from None
        self._opened.append(file)
        return file

    def _unpack(self) -> None:
        """Compressed data go through a decompressor."""
        start = self.peek(4)
        if start.startswith(GZIP):
            import gzip
            import zlib

            self._failures = (*self._failures, zlib.error)
            self._file = gzip.GzipFile(fileobj=io.BufferedReader(_Again(self._again, self._file)))
            self._fd, self.size, self.pipe, self._again, self._ended = None, None, False, b"", False
            self.bulk *= PACKED
        elif start.startswith(ZSTD):
            from adcli.data.frames import unpacked

            self._file, self._fd, self.size = unpacked(self.rest(), self.name), None, None
            self.pipe, self._again, self._ended = False, b"", False
            self.bulk *= PACKED

    def close(self) -> None:
        """Let go of the file; standard input stays open."""
        for file in self._opened:
            file.close()

    def peek(self, count: int) -> bytes:
        """The next bytes, which stay there."""
        while len(self._again) < count and not self._ended:
            self._again += self._read(FIRST)
        return self._again[:count]

    def take(self, most: int) -> bytes:
        """What is there, at least one byte unless the data have ended."""
        if self._again:
            found, self._again = self._again, b""
            return found
        found = self._read(most)
        while found and len(found) < most and self._ready():
            more = self._read(most - len(found))
            if not more:
                break
            found += more
        return found

    def back(self, count: int) -> bool:
        """Have the last bytes to come again, if that is possible."""
        if self._fd is None or self.size is None or self._again:
            return False
        try:
            os.lseek(self._fd, -count, os.SEEK_CUR)
        except OSError:
            return False
        self.taken -= count
        self._ended = False
        return True

    def to_line_end(self, most: int) -> int:
        """How many bytes to take so that they end with a line, at most that many, if a look ahead can tell: it saves copies."""
        if self._fd is None or self.size is None or self._again or most < LOOK:
            return most
        try:
            seen = os.pread(self._fd, LOOK, os.lseek(self._fd, 0, os.SEEK_CUR) + most - LOOK)
        except OSError:
            return most
        end = seen.rfind(b"\n") + 1
        return most - LOOK + end if end else most

    def rest(self) -> bytes:
        """All that is left."""
        parts = []
        while part := self.take(MOST):
            parts.append(part)
        return b"".join(parts)

    def _read(self, most: int) -> bytes:
        if self._ended:
            return b""
        try:
            if self._fd is not None:
                found = os.read(self._fd, most)
            else:
                found = self._file.read1(most) if hasattr(self._file, "read1") else self._file.read(most)
        except self._failures as error:
            raise DataError(f"cannot read {self.name}: {_reason(error)}", help="is it the whole file?") from None
        self._ended = not found
        self.taken += len(found)
        return found

    def _ready(self) -> bool:
        """Whether more can be read without waiting."""
        if self._fd is None or self.size is not None:
            return True
        import select

        return bool(select.select([self._fd], [], [], 0)[0])


def _widened(pipe: int) -> bool:
    """Make a pipe wide, so that more comes in while rows are worked on; whether that is possible here."""
    try:
        import fcntl

        return fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, MOST) >= MOST
    except (ImportError, AttributeError, OSError):
        return False


def _reason(error: BaseException) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return text[:1].lower() + text[1:]


def _descriptor(file: Any) -> int | None:
    try:
        found: int = file.fileno()
    except (OSError, ValueError, AttributeError):
        return None
    return found


class _Again(io.RawIOBase):
    """A raw file that begins with bytes read before."""

    def __init__(self, start: bytes, file: IO[bytes]) -> None:
        self._start = start
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        found = self._start[: len(buffer)] or self._file.read(len(buffer)) or b""
        self._start = self._start[len(buffer) :]
        buffer[: len(found)] = found
        return len(found)


class Lines:
    """Text of whole lines: what there is, never waiting for more once a line is complete.

    at: the number of the next line.
    """

    def __init__(self, stream: Stream, most: int = MOST) -> None:
        self.stream = stream
        self.at = 1
        self._size = FIRST if stream.size is None else most  # a file need not be waited for
        self._most = most
        self._rest = b""
        self._unread = b""
        self._wanted = 0
        self._error: DataError | None = None

    def next(self) -> bytes:
        """Complete lines (the last of a file may lack its end), valid UTF-8; empty where the data have ended."""
        if self._unread:
            found, self._unread = self._unread, b""
            end = found.rfind(b"\n") + 1
            self._rest = found[end:] + self._rest
            if end:
                return self._checked(found[:end])
        if self._error is not None:
            raise self._error
        while True:
            piece = self.stream.take(self.stream.to_line_end(self._size))
            self._size = min(4 * self._size, self._most)
            if not piece:
                found, self._rest = self._rest, b""
                return self._checked(found)
            end = piece.rfind(b"\n") + 1
            if end and len(self._rest) + end >= self._wanted:
                self._wanted = 0
                if end == len(piece) and not self._rest:
                    return self._checked(piece)
                found, self._rest = b"".join((self._rest, memoryview(piece)[:end])), piece[end:]
                return self._checked(found)
            self._rest += piece
            if len(self._rest) > LONGEST:
                raise self.too_long()

    def unread(self, text: bytes) -> None:
        """Lines that come next, without waiting for more; from a file they are read again, together with more."""
        if self._error is None and self.stream.back(len(text) + len(self._rest)):
            self._rest = b""
        else:
            self._unread = text

    def push_back(self, text: bytes) -> None:
        """Lines that are to come again, with more after them: twice as much where there is much, so that all of it takes linear time."""
        self._rest = text + self._rest
        self._wanted = 2 * len(self._rest) if len(self._rest) > FIRST else 0
        if len(self._rest) > LONGEST:
            raise self.too_long()

    def ended(self) -> bool:
        """Whether nothing more comes; waits until that is known."""
        return not self._rest and not self.stream.peek(1)

    def too_long(self) -> DataError:
        return DataError(f"{self.stream.name}, line {self.at}: a row of more than 8 MiB", help="is a quote never closed?")

    def _checked(self, found: bytes) -> bytes:
        """The lines before the first one that is not UTF-8; the error waits for the next call."""
        if found.isascii():
            return found
        try:
            found.decode()
        except UnicodeDecodeError as error:
            end = found.rfind(b"\n", 0, error.start) + 1
            line = self.at + found.count(b"\n", 0, error.start)
            encoding = "utf-16" if self.at == 1 and found[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
            self._error = DataError(
                f"{self.stream.name}, line {line}: byte 0x{found[error.start]:02x} is not UTF-8",
                help=f"convert it first: iconv -f {encoding} -t utf-8",
            )
            if not end:
                raise self._error from None
            return found[:end]
        return found
