"""Runs `adcli` inside the test process: what a user would type, without the start-up of a process each time."""
from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

from adcli.cli import main


class Outcome(NamedTuple):
    """code: exit status; out, err: the two streams; both: them as a terminal would interleave them."""

    code: int
    out: str
    err: str
    both: str


class Copied(io.BytesIO):
    """Bytes that go to a second place as text, too."""

    def __init__(self, copy: list[str]) -> None:
        super().__init__()
        self.copy = copy

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.copy.append(bytes(data).decode())
        return super().write(data)


class Stream(io.TextIOWrapper):
    """A stream that is no terminal and copies what it gets to a second place."""

    def __init__(self, copy: list[str]) -> None:
        super().__init__(Copied(copy), encoding="utf-8", write_through=True, newline="")

    def text(self) -> str:
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode()


@contextmanager
def folder(path: str | os.PathLike[str] | None) -> Iterator[None]:
    """The working directory, changed for a while."""
    before = os.getcwd()
    os.chdir(path or before)
    try:
        yield
    finally:
        os.chdir(before)


PLAIN = {"NO_COLOR": None, "FORCE_COLOR": None, "CLICOLOR_FORCE": None, "COLUMNS": "100", "PYTHONUTF8": "1", "PYTHONWARNINGS": None}


def environment() -> dict[str, str]:
    """The process's own, without what changes how output looks, and with this Python's commands first."""
    env = {**os.environ, **PLAIN, "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]}
    return {name: value for name, value in env.items() if value is not None}


def invoke(words: Sequence[str], stdin: str = "", at: str | os.PathLike[str] | None = None) -> Outcome:
    """Run `adcli words…` in the folder `at`."""
    copy: list[str] = []
    out, err = Stream(copy), Stream(copy)
    source = io.TextIOWrapper(io.BytesIO(stdin.encode("utf-8", "surrogateescape")), encoding="utf-8")
    limit, code = sys.getrecursionlimit(), 0
    with (
        folder(at),
        mock.patch.dict(os.environ, environment(), clear=True),
        mock.patch.multiple(sys, argv=["adcli", *words], stdin=source, stdout=out, stderr=err),
    ):
        try:
            code = main() or 0  # type: ignore[func-returns-value]
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        finally:
            sys.setrecursionlimit(limit)
    return Outcome(code, out.text(), err.text(), "".join(copy))
