"""Plots of points and curves: what is drawn, and how its axes are divided. `plot_text` and `plot_svg` draw it.

    plot = Plot("error", Axis("h", log=True), Axis("|error|", log=True), [Series("forward", h, errors), Series("33.7·h", h, fit, "line")])
    text(plot)        80 columns of text
    svg(plot)         an SVG document

What an axis cannot show (nan, infinities, on a logarithmic axis what is not positive) is left out, and a line is broken there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

Point: TypeAlias = "tuple[float, float]"

# A range that has no width is shown with this much around it: a share of the value, or factors of a logarithmic one.
AROUND = 0.5
FACTOR = 10.0
# Data keep this share of the range away from the frame.
MARGIN = 0.03
# A tick that rounding puts so little beyond the end is still one, in steps.
SLACK = 1e-9


class Axis(NamedTuple):
    """label; log: logarithmic; low and high: where it begins and ends, if the data do not say."""

    label: str
    log: bool = False
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """Points with the name they have in the legend. style: "points", "line" (through them, in order) or "both"."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    style: str = "points"


class Plot(NamedTuple):
    """A title, two axes and any number of series; the later ones are drawn over the earlier ones."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series]


class Scale:
    """An axis fitted to its data: from values to fractions of its length, 0 at the lower end."""

    def __init__(self, axis: Axis, values: Sequence[float]) -> None:
        self.log = axis.log
        shown = [self.to(v) for v in values if self.shows(v)]
        low, high = (None if v is None or not self.shows(v) else self.to(v) for v in (axis.low, axis.high))
        self.low = low if low is not None else min(shown, default=0.0 if high is None else high)
        self.high = high if high is not None else max(shown, default=self.low)
        if not self.high > self.low:
            width = 1.0 if self.log else AROUND * abs(self.low) or 1.0
            self.low, self.high = self.low - width, self.high + width
        pad = MARGIN * self.high - MARGIN * self.low
        if math.isfinite(self.low - pad) and math.isfinite(self.high + pad):
            self.low -= pad if low is None else 0.0
            self.high += pad if high is None else 0.0

    def shows(self, value: float) -> bool:
        return math.isfinite(value) and (value > 0 or not self.log)

    def to(self, value: float) -> float:
        return math.log10(value) if self.log else float(value)

    def fraction(self, value: float) -> float:
        """Where on the axis; below 0 or above 1 beyond its ends. Halves, so that the widest range of doubles does not overflow."""
        return (self.to(value) / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """(fraction, label) of at most so many round values, in order."""
        if self.log and math.floor(self.high) - math.ceil(self.low) >= 1:
            step = max(1, math.ceil((self.high - self.low) / most))
            first = math.ceil(self.low / step) * step
            found = [(float(k), f"1e{k}" if k else "1") for k in range(first, math.floor(self.high) + 1, step)]
        else:
            low, high = (10**self.low, 10**self.high) if self.log else (self.low, self.high)
            found = [(self.to(v), label) for v, label in round_values(low, high, most) if self.shows(v)]
        width = self.high / 2 - self.low / 2
        return [((v / 2 - self.low / 2) / width, label) for v, label in found]


def round_values(low: float, high: float, most: int) -> list[tuple[float, str]]:
    """Multiples of 1, 2 or 5 times a power of ten between two values, with their labels."""
    least = (high / most - low / most) or 1.0
    power = 10.0 ** math.floor(math.log10(least))
    step = next((m * power for m in (1, 2, 5, 10) if m * power >= least), 10 * power)
    if not (math.isfinite(step) and step > 0):
        return [(low, f"{low:.3g}"), (high, f"{high:.3g}")]
    first, last = math.ceil(low / step - SLACK), math.floor(high / step + SLACK)
    digits = len(str(max(abs(first), abs(last)))) + 1
    found = [(k * step, f"{k * step:.{max(digits, whole(k * step))}g}") for k in range(first, last + 1)]
    return found if len({label for _, label in found}) == len(found) else [(v, repr(v)) for v, _ in found]


def whole(value: float) -> int:
    """How many digits a number of bearable size has before its point: 200 is written so, and not as 2e+02."""
    return len(str(int(abs(value)))) if abs(value) < 1e6 else 0


class Placed:
    """A plot with its scales: every series as fractions of the two axes."""

    def __init__(self, plot: Plot) -> None:
        self.plot = plot
        self.x = Scale(plot.x, [x for s in plot.series for x in s.x])
        self.y = Scale(plot.y, [y for s in plot.series for y in s.y])

    def points(self, series: Series) -> Iterator[Point]:
        """The points that lie in the frame."""
        for p in self._places(series):
            if p is not None and 0 <= p[0] <= 1 and 0 <= p[1] <= 1:
                yield p

    def segments(self, series: Series) -> Iterator[tuple[Point, Point]]:
        """The parts of its line that lie in the frame."""
        before: Point | None = None
        for p in self._places(series):
            if before is not None and p is not None:
                part = clipped(before, p)
                if part is not None:
                    yield part
            before = p

    def _places(self, series: Series) -> Iterator[Point | None]:
        for x, y in zip(series.x, series.y, strict=True):
            yield (self.x.fraction(x), self.y.fraction(y)) if self.x.shows(x) and self.y.shows(y) else None


def clipped(a: Point, b: Point) -> tuple[Point, Point] | None:
    """The part of a segment in the unit square, by the parameters at which it enters and leaves (Liang and Barsky, 1984)."""
    enter, leave = 0.0, 1.0
    for axis in (0, 1):
        move = b[axis] - a[axis]
        for towards, room in ((-move, a[axis]), (move, 1 - a[axis])):
            if towards == 0:
                if room < 0:
                    return None
            elif towards < 0:
                enter = max(enter, room / towards)
            else:
                leave = min(leave, room / towards)
    if enter > leave:
        return None
    x, y = b[0] - a[0], b[1] - a[1]
    return (a[0] + enter * x, a[1] + enter * y), (a[0] + leave * x, a[1] + leave * y)
