"""How everything here is timed: both sides in turn in one run (A B A B …), medians, and ratios of neighbours.

A slow moment of the machine then falls on both sides, and the ratio stands where the times would not.
"""
from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Row:
    """One line of the table of results: what was measured, against which bar, and how it came out.

    value and bar are ratios unless `unit` says otherwise; a bar is an upper bound. Without a value, `note` says why there is none.
    """

    work: str
    against: str
    value: float | None
    bar: float | None = None
    unit: str = "×"
    note: str = ""

    @property
    def met(self) -> str:
        if self.value is None:
            return "not measured"
        if self.bar is None:
            return ""
        return "yes" if self.value <= self.bar else "NO"


@dataclass
class Report:
    """What one module measured: rows for the table, and text (tables of its own) that goes below."""

    rows: list[Row] = field(default_factory=list)
    details: list[str] = field(default_factory=list)


def once(run: Callable[[], Any]) -> float:
    """Seconds of one run."""
    begin = time.perf_counter()
    run()
    return time.perf_counter() - begin


def repeats(run: Callable[[], Any], seconds: float) -> int:
    """How many runs fill that many seconds."""
    return max(1, math.ceil(seconds / max(once(run), 1e-9)))


def interleaved(sides: Mapping[str, Callable[[], Any]], rounds: int = 7, seconds: float = 0.1) -> dict[str, list[float]]:
    """Seconds of a run of each side, one number a round: the sides take turns, each for about `seconds`."""
    for run in sides.values():
        run()
    counts = {name: repeats(run, seconds) for name, run in sides.items()}
    found: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(rounds):
        order = list(sides) if turn % 2 == 0 else list(reversed(sides))
        for name in order:
            run, count = sides[name], counts[name]
            found[name].append(once(lambda run=run, count=count: [run() for _ in range(count)] and None) / count)  # type: ignore[misc]
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios of neighbours."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def geometric_mean(values: Iterable[float]) -> float:
    return statistics.geometric_mean(values)


def text_time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown, its columns aligned."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(head))]
    drawn = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines]
    return "\n".join([drawn[0], "| " + " | ".join("-" * width for width in widths) + " |", *drawn[1:]])
