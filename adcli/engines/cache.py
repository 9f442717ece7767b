"""What was compiled, kept on disk: entries of byte strings under keys, in the user's cache directory.

An entry is data (JSON and bytes, nothing that runs when it is read), checked by its own sum, and it names its key; a file that is damaged,
cut off, somebody else's or of another key is as good as none. Files come into being whole, by renaming, so that processes do not
disturb each other. Whatever the file system refuses means that nothing is kept: never an error.
"""
from __future__ import annotations

import json
import os
import stat
import struct
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

MAGIC = b"ADCLIC1\n"
SUFFIX = ".adlc"
SUM = 32
MOST = 256 * 2**20  # bytes of all entries
ENTRY = 64 * 2**20  # bytes of one
USED = 3600.0  # seconds after which a file's time of use is noted again
STALE = 3600.0  # seconds after which a temporary file has no writer any more
LENGTH = struct.Struct("<I")


class Entry(NamedTuple):
    """meta: what JSON can hold."""

    meta: Mapping[str, Any]
    blobs: Sequence[bytes]


class Cache:
    """Entries in a folder, at most `most` bytes of them: those not used for longest go first."""

    def __init__(self, folder: str, most: int = MOST) -> None:
        self.folder = folder
        self.most = most

    def get(self, key: bytes) -> Entry | None:
        """The entry of a key, if there is a sound one."""
        try:
            if not trusted(os.stat(self.folder)):
                return None
            return decoded(self._read(self._path(key)), key)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: bytes, entry: Entry) -> None:
        """Keep an entry, in place of the key's last one."""
        with suppress(OSError, ValueError, TypeError):
            data = encoded(key, entry)
            if len(data) > min(ENTRY, self.most):
                return
            os.makedirs(self.folder, 0o700, exist_ok=True)
            if trusted(os.stat(self.folder)):
                self._write(self._path(key), data)
                self._trim()

    def _path(self, key: bytes) -> str:
        return os.path.join(self.folder, digest(key)[:20].hex() + SUFFIX)

    def _read(self, path: str) -> bytes:
        number = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
        with open(number, "rb") as file:
            status = os.fstat(number)
            if not stat.S_ISREG(status.st_mode) or not trusted(status) or status.st_size > ENTRY:
                raise ValueError
            data = file.read(ENTRY)
        if time.time() - status.st_mtime > USED:
            with suppress(OSError):
                os.utime(path)
        return data

    def _write(self, path: str, data: bytes) -> None:
        temporary = f"{path}.{os.getpid()}.{time.monotonic_ns()}.tmp"
        number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        try:
            with open(number, "wb") as file:
                file.write(data)
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise

    def _trim(self) -> None:
        """Remove what is too much, and what killed processes have left behind."""
        found: list[tuple[float, int, str]] = []
        with os.scandir(self.folder) as files:
            for file in files:
                with suppress(OSError):
                    status = file.stat(follow_symlinks=False)
                    if file.name.endswith(SUFFIX):
                        found.append((status.st_mtime, status.st_size, file.path))
                    elif file.name.endswith(".tmp") and time.time() - status.st_mtime > STALE:
                        os.unlink(file.path)
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.most:
                return
            with suppress(OSError):
                os.unlink(path)
            total -= size


def encoded(key: bytes, entry: Entry) -> bytes:
    """MAGIC, the header's length, the header (key, metadata, sizes), the byte strings, the sum of all that."""
    header = json.dumps({"key": digest(key).hex(), "meta": entry.meta, "sizes": [len(b) for b in entry.blobs]}, allow_nan=False).encode()
    data = b"".join((MAGIC, LENGTH.pack(len(header)), header, *entry.blobs))
    return data + digest(data)


def decoded(data: bytes, key: bytes) -> Entry:
    """The entry of a file's content; raises ValueError, KeyError or TypeError where it is none of this key."""
    start = len(MAGIC) + LENGTH.size
    if not data.startswith(MAGIC) or len(data) < start + SUM or digest(data[:-SUM]) != data[-SUM:]:
        raise ValueError
    end = start + LENGTH.unpack_from(data, len(MAGIC))[0]
    header = json.loads(data[start:end])
    if header["key"] != digest(key).hex():
        raise ValueError
    blobs: list[bytes] = []
    for size in header["sizes"]:
        blobs.append(data[end : end + size])
        end += size
    if end != len(data) - SUM:
        raise ValueError
    return Entry(header["meta"], blobs)


def digest(data: bytes) -> bytes:
    """BLAKE2b of 32 bytes; `hashlib` would load all of OpenSSL for it."""
    try:
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b
    return blake2b(data, digest_size=SUM).digest()


def trusted(status: os.stat_result) -> bool:
    """Whether a folder or file is the user's own, and nobody else can write to it."""
    if not hasattr(os, "getuid"):
        return True  # Windows: the folder is in the user's profile
    return status.st_uid == os.getuid() and not status.st_mode & 0o022


def standard() -> Cache | None:
    """The user's cache: ADCLI_CACHE, if it is set (empty: none), else adcli's folder where the system keeps caches."""
    chosen = os.environ.get("ADCLI_CACHE")
    if chosen is not None:
        return Cache(os.path.abspath(chosen)) if chosen else None
    folder = _system()
    return Cache(folder) if folder else None


def _system() -> str | None:
    given = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):
        return os.path.join(given, "adcli")
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA", "")
        return os.path.join(local, "adcli", "Cache") if local else None
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        return None
    return os.path.join(home, "Library/Caches/adcli" if sys.platform == "darwin" else ".cache/adcli")
