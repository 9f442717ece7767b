"""How far a long run over rows has come: one line on standard error, on a terminal only."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adcli.cli.options import Job
    from adcli.data.stream import Stream

PATIENCE = 0.5  # seconds before there is a bar
EVERY = 0.1
WIDE = 24


class Progress:
    """A line that is drawn over itself, and wiped out at the end. Nothing where rows go to the same terminal."""

    def __init__(self, stream: Stream, job: Job) -> None:
        from adcli.cli.streams import terminal

        self.stream = stream
        self.active = terminal(sys.stderr) and not job.on_terminal and not job.options.get("quiet")
        self.started = perf_counter()
        self.next = self.started + PATIENCE
        self.drawn = False

    def show(self, rows: int, worked_off: int) -> None:
        """Draw it if it is time to; of the stream, so many bytes are worked off: more may have been read."""
        now = perf_counter()
        if not self.active or now < self.next:
            return
        self.next = now + EVERY
        self.drawn = True
        sys.stderr.write("\r" + line(rows, worked_off, self.stream.size, now - self.started) + "\x1b[K")
        sys.stderr.flush()

    def end(self) -> None:
        """Wipe it out."""
        if self.drawn:
            self.drawn = False
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def line(rows: int, taken: int, size: int | None, seconds: float) -> str:
    """A bar where the end is known, the count of rows, and the time it takes."""
    said = f"{rows:,} rows, {seconds:.0f} s"
    if not size:
        return said
    part = min(taken / size, 1.0)
    full = round(part * WIDE)
    return f"[{'#' * full}{'-' * (WIDE - full)}] {part:4.0%}  {said}, {seconds * (1 - part) / max(part, 1e-3):.0f} s left"
