"""The error of differences against their step h: truncation falls with h, round-off grows with 1/h, and together they make a V.

On log-log axes truncation has the slope of the method's order: f(x + h) - f(x) over h is off by f''(x)/2·h, the central difference by
f'''(x)/6·h² (Baydin et al., JMLR 18, 2018, Fig. 3). Slopes and constants are fitted to what was measured, and stand beside those of
the Taylor series.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from adcli.api.compare import difference
from adcli.errors import AdcliError, EvaluationError, LimitError

if TYPE_CHECKING:
    from adcli.api.compare import Comparison
    from adcli.api.problem import Problem

# Steps for each power of ten, and how many powers, from the largest step down.
PER_DECADE, DECADES = 4, 16
# A fit takes so many steps in a row, and is none where they stray further from a line, in powers of ten, or rise more slowly.
WINDOW, STRAY, LEAST = 6, 0.05, 0.5


class Fit(NamedTuple):
    """error ≈ constant·h^order; slope: what the fit gave before it was rounded to the order; taylor: the constant by the Taylor series."""

    order: int
    slope: float
    constant: float
    taylor: float | None


class Curve(NamedTuple):
    """One kind of difference: its errors at the steps (nan where there is none), the best step and its error, the fit, if there is one."""

    name: str
    errors: list[float]
    best: tuple[float, float] | None
    fit: Fit | None


def steps(x: float) -> list[float]:
    """From 1 down to 1e-16, or as many powers of ten larger as x is."""
    top = max(0, math.ceil(math.log10(abs(x)))) if math.isfinite(x) and x else 0
    return [10.0 ** (top - k / PER_DECADE) for k in range(DECADES * PER_DECADE + 1)]


def curve(name: str, h: Sequence[float], slope: Callable[[float], float], error: Callable[[float], float], taylor: float | None) -> Curve:
    """Measure one kind of difference, `slope` of a step, by what `error` says of the slope."""
    errors = [_error(slope, error, step) for step in h]
    seen = [(e, step) for e, step in zip(errors, h, strict=True) if math.isfinite(e)]
    best = min(seen, default=None)
    return Curve(name, errors, None if best is None else (best[1], best[0]), fit(h, errors, taylor))


def _error(slope: Callable[[float], float], error: Callable[[float], float], step: float) -> float:
    try:
        return error(slope(step))
    except (EvaluationError, LimitError):  # the program does not run there
        return math.nan


def fit(h: Sequence[float], errors: Sequence[float], taylor: float | None) -> Fit | None:
    """The straightest piece that rises with h; the first terms that truncation leaves out bend it at one end, round-off at the other."""
    found: list[tuple[float, float, int]] = []
    for start in range(len(h) - WINDOW + 1):
        piece = errors[start : start + WINDOW]
        if all(math.isfinite(e) and e > 0 for e in piece):
            slope, stray = line([math.log10(s) for s in h[start : start + WINDOW]], [math.log10(e) for e in piece])
            if slope >= LEAST and stray <= STRAY:
                found.append((stray, slope, start))
    if not found:
        return None
    _, slope, start = min(found)
    order = round(slope)
    logs = [math.log10(e) - order * math.log10(s) for s, e in zip(h[start : start + WINDOW], errors[start:], strict=False)]
    return Fit(order, slope, 10 ** (sum(logs) / len(logs)), taylor)


def line(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """The slope of the least-squares line, and how far the points stray from it at most."""
    mx, my = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mx) * (b - my) for a, b in zip(x, y, strict=True)) / sum((a - mx) ** 2 for a in x)
    return slope, max(abs(b - my - slope * (a - mx)) for a, b in zip(x, y, strict=True))


class Steps(NamedTuple):
    """The curves for one number, and the steps they share."""

    at: str
    h: list[float]
    curves: list[Curve]


def by_step(comparison: Comparison) -> Steps:
    """Errors of the forward and the central difference by the first number."""
    problem = comparison.problem
    c = problem.coordinates[0]
    x, true = problem.coordinate(c), problem.element(comparison.reference, c)
    f, h = problem.along(c), steps(problem.coordinate(c))
    left = truncation(problem, c.name)
    here = f(x)
    kinds: list[tuple[str, Callable[[float], float], float | None]] = [
        ("forward difference", lambda s: (f(x + s) - here) / s, left and left[0]),
        ("central difference", lambda s: (f(x + s) - f(x - s)) / (2 * s), left and left[1]),
    ]
    return Steps(c.name, h, [curve(name, h, slope, lambda d: difference(d, true, "").absolute, t) for name, slope, t in kinds])


def truncation(problem: Problem, name: str) -> tuple[float, float] | None:
    """|f''/2| and |f'''/6| by the Taylor series; None where the program has none."""
    from adcli.api.taylor import taylor

    at = dict(zip(problem.variant.names, problem.args, strict=True))
    try:
        found = taylor(problem.program, at, name, 3, problem.program.outputs[problem.of]).derivative[name]
    except AdcliError:
        return None
    return abs(float(found[2])), abs(float(found[3]))
