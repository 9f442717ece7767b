"""Derivatives by differences of values, each with an estimate of its error.

    richardson(along(math.sin), 1.0)      →      value 0.54030230586814, error 3e-15, step 0.03, 33 values of f

A difference over a step h is off by its truncation, which falls like h² (central) or h (one-sided), and by the rounding of f over h. So
the steps h, h/1.9, h/1.9², … of a window are extrapolated to h = 0 (Richardson; the choice in the tableau by the change between
neighbours is that of Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Adv. Eng. Software 4(2), 1982), and windows over
smaller and larger steps follow until two neighbours say the same. The noise of f is that of its own rounding or, where it is larger,
the scatter that differences of high order leave (Moré and Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33(3), 2011).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeAlias

UNIT = sys.float_info.epsilon / 2
TINY = 5e-324  # what a value near 0 is rounded to
LEVELS = 8
# No powers of 2: a function of period 1 or 1/1024 must not look constant at a whole number, nor rounding errors be in proportion to steps.
START = 0.1173
RATIO = 1.9
# A relative error that ends the search, once the next window confirms it.
GOOD = 1e-8
MOST_WINDOWS = 16
# A discrepancy of so many estimated errors is no longer explained by them.
FACTOR = 4.0

# Values of f at several places at once, so that they may be computed at the same time; nan where there is none.
Line: TypeAlias = "Callable[[Sequence[float]], Sequence[float]]"


class Estimate(NamedTuple):
    """A derivative by differences.

    error: how far it may be off; step: the smallest step used, reach: the largest; scale: how fast f changes over these steps (|Δf|/h),
    which is what a derivative that vanishes is small against; noise: of a value of f; evaluations: values of f it took.
    """

    value: float
    error: float
    step: float
    reach: float
    scale: float
    noise: float
    evaluations: int

    @property
    def relative(self) -> float:
        """The error against the derivative's size, or against how fast f changes where the derivative vanishes."""
        size = max(abs(self.value), self.scale)
        return self.error / size if size else (0.0 if self.error == 0 else math.inf)

    def agrees(self, value: float) -> bool:
        """Whether the estimated error explains the discrepancy; nan agrees with nothing."""
        return abs(value - self.value) <= FACTOR * self.error


NONE = Estimate(math.nan, math.inf, math.nan, math.nan, 0.0, math.nan, 0)


def along(f: Callable[[float], float]) -> Line:
    """A function of one number as a `Line`."""
    return lambda places: [f(x) for x in places]


def forward_difference(f: Callable[[float], float], x: float, h: float) -> float:
    """(f(x + h) - f(x))/h with the step that x + h really makes."""
    return (f(x + h) - f(x)) / ((x + h) - x)


def central_difference(f: Callable[[float], float], x: float, h: float) -> float:
    """(f(x + h) - f(x - h))/2h with the step that x ± h really makes."""
    return (f(x + h) - f(x - h)) / ((x + h) - (x - h))


class Differences:
    """The windows of differences of f at x, each computed when it is asked for.

    side: 0 central, 1 or -1 one-sided. noise: a bound known for the rounding of a value of f.
    """

    def __init__(self, f: Line, x: float, side: int = 0, noise: float = 0.0, middle: float | None = None) -> None:
        self.f, self.x, self.side = f, x, side
        self.evaluations = 0
        self.values: dict[float, float] = {}
        self.middle = self._at([x])[0] if middle is None else middle
        self.noise = max(noise, UNIT * abs(self.middle), TINY)
        if math.isfinite(self.middle):
            self.noise = max(self.noise, self._scatter())
        self.found: dict[int, Estimate] = {}
        self.steps: dict[float, float] = {}  # f(x + h) - f(x) by h

    def _at(self, places: Sequence[float]) -> list[float]:
        self.evaluations += len(places)
        return list(self.f(places))

    def _scatter(self) -> float:
        """The noise of f from the fourth differences of seven values close to x."""
        step = (abs(self.x) or 1.0) * 2.0**-38 * START
        step = (self.x + step) - self.x
        sign = self.side or 1
        row = self._at([self.x + sign * k * step for k in range(7)]) if step else []
        for _ in range(4):
            row = [b - a for a, b in pairwise(row)]
        # The fourth differences of independent errors of size 1 have the size sqrt(70).
        return max(map(abs, row)) / math.sqrt(70) if row and all(map(math.isfinite, row)) else 0.0

    def order(self) -> Iterator[int]:
        """The windows in the order in which they are looked at: 0 at about |x|/8, then smaller and larger steps in turn."""
        size = abs(self.x) or 1.0
        lowest, highest = 256 * math.ulp(self.x), 256 * max(1.0, size)
        down = [w for w in range(MOST_WINDOWS) if self.first(w) * RATIO ** (1 - LEVELS) >= lowest]
        up = [-w for w in range(1, MOST_WINDOWS) if self.first(-w) <= highest]
        for k in range(max(len(down), len(up) + 1)):
            if k < len(down):
                yield down[k]
            if 0 < k <= len(up):
                yield up[k - 1]

    def first(self, window: int) -> float:
        """The largest step of a window; the next one begins where it ends."""
        return (abs(self.x) or 1.0) * START * RATIO ** (-LEVELS * window)

    def window(self, number: int) -> Estimate:
        """The best of a window."""
        if number not in self.found:
            self.found[number] = self._window(number)
        return self.found[number]

    def _window(self, number: int) -> Estimate:
        x = self.x
        steps = [(x + h) - x for h in (self.first(number) * RATIO**-k for k in range(LEVELS))]
        if not all(steps):
            return NONE
        plus = self._at([x + h for h in steps]) if self.side >= 0 else []
        minus = self._at([x - h for h in steps]) if self.side <= 0 else []
        rows = []
        for k, h in enumerate(steps):
            ends = [values[k] for values in (plus, minus) if values]
            if all(map(math.isfinite, ends)):
                for sign, value in zip((1, -1) if not self.side else (self.side,), ends, strict=True):
                    self.steps[sign * h] = value - self.middle
                change = max(abs(v - self.middle) for v in ends)
                rows.append((h, self._slope(x, h, ends), change / h, max(map(abs, ends))))
            elif rows:  # a gap in the middle of a window: steps on the near side of it only
                rows = []
        if len(rows) < 3:
            return NONE
        noise = max(self.noise, UNIT * max(size for *_, size in rows))
        return best(rows, noise, self.side != 0, self.evaluations)

    def _slope(self, x: float, h: float, ends: Sequence[float]) -> float:
        if self.side:
            return (ends[0] - self.middle) / ((x + self.side * h) - x)
        return (ends[0] - ends[1]) / ((x + h) - (x - h))

    def every(self) -> list[Estimate]:
        """The windows in which f has values, those of the smallest steps first."""
        found = [self.window(w) for w in sorted(self.order(), reverse=True)]
        return [e for e in found if e is not NONE]


def best(rows: Sequence[tuple[float, float, float, float]], noise: float, one_sided: bool, evaluations: int) -> Estimate:
    """The entry of Richardson's tableau with the smallest estimate of its error.

    rows: step, difference, |Δf|/h and |f| by falling steps. The scatter of the differences over the smallest steps counts as noise, too:
    f may be less precise than its rounding.
    """
    pairs = [abs(b[1] - a[1]) * b[0] for a, b in pairwise(rows)]
    noise = max(noise, min(pairs[-3:]) / 2)
    chosen = NONE
    above: list[float] = []
    for k, (h, slope, scale, _) in enumerate(rows):
        line = [slope]
        for j, before in enumerate(above):
            ratio = RATIO ** (j + 1 if one_sided else 2 * (j + 1))
            line.append(line[j] + (line[j] - before) / (ratio - 1))
            change = max(abs(line[-1] - line[-2]), abs(line[-1] - before))
            error = change + (8 if one_sided else 2) * noise / h + 4 * UNIT * abs(line[-1])
            if error < chosen.error:
                chosen = Estimate(line[-1], error, h, rows[k - j - 1][0], scale, noise, evaluations)
        above = line
    return chosen


def richardson(f: Line, x: float, side: int = 0, noise: float = 0.0, middle: float | None = None) -> Estimate:
    """The derivative of f at x by extrapolated differences, at the steps that suit f there."""
    return settle(Differences(f, x, side, noise, middle))


def settle(d: Differences) -> Estimate:
    """The best window that its neighbour with smaller steps confirms; without one, the best, with the discrepancy as its error."""
    if not math.isfinite(d.middle):
        return NONE._replace(evaluations=d.evaluations)
    for w in d.order():
        d.window(w)
        for good, near in ((w, w + 1), (w - 1, w)):
            if d.found.get(good, NONE).relative <= GOOD and near in d.found and confirmed(d.found[good], d.found[near]):
                return d.found[good]._replace(evaluations=d.evaluations)
        if len(d.found) >= 6 and not any(d.steps.values()):
            break  # constant, as far as one can see
    found = [e for e in d.found.values() if e is not NONE]
    if not found:
        return NONE._replace(evaluations=d.evaluations)
    sure = [e for w, e in d.found.items() if e is not NONE and confirmed(e, d.found.get(w + 1, NONE))]
    chosen = min(sure or found, key=lambda e: e.error)
    if not sure:
        others = [abs(e.value - chosen.value) for e in found if e is not chosen and e.step < chosen.step]
        chosen = chosen._replace(error=max([chosen.error, *others[:1]]))
    return chosen._replace(evaluations=d.evaluations)


def confirmed(estimate: Estimate, near: Estimate) -> bool:
    """Whether the window of smaller steps gives the same; one without values has nothing against it."""
    return near is NONE or abs(estimate.value - near.value) <= FACTOR * (estimate.error + near.error)


def remainder_order(values: dict[float, float], slope: float, noise: float) -> float | None:
    """The order with which the Taylor remainder |f(x + h) - f(x) - h·slope| falls with h; None where rounding hides it.

    values: f(x + h) - f(x) by step h. A right slope gives 2 or more, a wrong one 1: the remainder is then h times what is missing.
    The order is that between the smallest step at which the remainder stands out of the noise, and steps up to 16 times as large.
    """
    left = sorted((abs(h), abs(change - h * slope)) for h, change in values.items() if h > 0)
    seen = [(h, r) for h, r in left if r > 64 * noise + 16 * UNIT * abs(h * slope)]
    if not seen:
        return None
    near = [(math.log2(h), math.log2(r)) for h, r in seen if h <= 17 * seen[0][0]]
    if len(near) < 3:
        return None
    mean_h, mean_r = (sum(p[k] for p in near) / len(near) for k in (0, 1))
    return sum((h - mean_h) * (r - mean_r) for h, r in near) / sum((h - mean_h) ** 2 for h, _ in near)
