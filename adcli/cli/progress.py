"""How far a long run has come: one line on standard error, on a terminal only."""

from __future__ import annotations

import sys
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adcli.cli.options import Job
    from adcli.data.stream import Stream

PATIENCE = 0.5  # seconds before there is a bar
EVERY = 0.1
WIDE = 24


class Line:
    """A line that is drawn over itself, and wiped out at the end. Nothing if the results go to the same terminal as they are made."""

    def __init__(self, job: Job, beside: bool = False) -> None:
        """beside: results are not written before the line has been wiped out."""
        from adcli.cli.streams import terminal

        self.active = terminal(sys.stderr) and (beside or not job.on_terminal) and not job.options.get("quiet")
        self.started = perf_counter()
        self.next = self.started + PATIENCE
        self.drawn = False

    def draw(self, text: Callable[[float], str]) -> None:
        """Draw it if it is time to; the text is made of the seconds that have gone by."""
        now = perf_counter()
        if not self.active or now < self.next:
            return
        self.next = now + EVERY
        self.drawn = True
        sys.stderr.write("\r" + text(now - self.started)[: columns() - 1] + "\x1b[K")
        sys.stderr.flush()

    def end(self) -> None:
        """Wipe it out."""
        if self.drawn:
            self.drawn = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def columns() -> int:
    """The width of the terminal: a longer line could not be drawn over."""
    import os

    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError):
        return 80


class Progress(Line):
    """How much of a stream of rows is worked off."""

    def __init__(self, stream: Stream, job: Job) -> None:
        super().__init__(job)
        self.stream = stream

    def show(self, rows: int, worked_off: int) -> None:
        """Of the stream, so many bytes are worked off: more may have been read."""
        self.draw(lambda seconds: line(rows, worked_off, self.stream.size, seconds))


def line(rows: int, taken: int, size: int | None, seconds: float) -> str:
    """A bar where the end is known, the count of rows, and the time it takes."""
    said = f"{rows:,} rows, {seconds:.0f} s"
    return bar(min(taken / size, 1.0), said, seconds) if size else said


def bar(part: float, said: str, seconds: float) -> str:
    """[####----]  50%  said, 3 s left"""
    full = round(part * WIDE)
    return f"[{'#' * full}{'-' * (WIDE - full)}] {part:4.0%}  {said}, {seconds * (1 - part) / max(part, 1e-3):.0f} s left"
