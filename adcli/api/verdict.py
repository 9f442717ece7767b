"""Whether a number is the derivative of a function along one line: the evidence, and what follows from it.

No tolerance decides: a discrepancy is held against the estimated errors of the differences, in which the rounding of f is contained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from adcli.engines.differences import FACTOR, NONE, UNIT, Differences, Estimate, Line, remainder_order, settle

RIGHT, WRONG, NON_SMOOTH, INCONCLUSIVE = "RIGHT", "WRONG", "NON-SMOOTH", "INCONCLUSIVE"
ORDER = (WRONG, NON_SMOOTH, INCONCLUSIVE, RIGHT)  # a verdict on several inputs is the first of these that one of them has

# An estimate is of use where its error is a small part of the derivative, or of how fast f changes where the derivative vanishes.
RESOLVED = 1e-2
VANISHING = 1e-6


class Evidence(NamedTuple):
    """What is known of f along one line.

    line: values of f; path: values on the piece of the program that the point is on, nan elsewhere; kink: names what the runs at the
    places given do otherwise; step: the derivative by a complex step and its error; tie: the kink that the point itself is on.
    """

    line: Line
    x: float
    noise: float = 0.0
    path: Line | None = None
    kink: Callable[[Sequence[float]], str] | None = None
    step: tuple[float, float] | None = None
    tie: str = ""


class Finding(NamedTuple):
    """The verdict on one input or element, with its evidence.

    difference, error, step: the extrapolated difference, its estimated error, its smallest step; order: of the Taylor remainder.
    """

    name: str
    verdict: str
    reason: str
    gradient: float
    forward: float | None
    difference: float
    error: float
    step: float
    order: float | None
    complex_step: float | None
    evaluations: int


def usable(e: Estimate, gradient: float) -> bool:
    """Whether agreement with this estimate says anything."""
    if e is NONE or not math.isfinite(e.value):
        return False
    if e.error <= RESOLVED * max(abs(e.value), abs(gradient)):
        return True
    if e.scale == 0:
        return gradient == 0 and e.value == 0
    return e.error <= VANISHING * e.scale


def right(e: Estimate, gradient: float) -> bool:
    return usable(e, gradient) and e.agrees(gradient)


def judge(name: str, gradient: float, forward: float | None, evidence: Evidence) -> Finding:
    """The verdict on one derivative. forward: by forward mode, which must be as right as `gradient`."""
    d = Differences(evidence.line, evidence.x, 0, evidence.noise)
    e = settle(d)
    verdict, reason, e, evaluations = _decide(d, e, gradient, evidence)
    if verdict == RIGHT and forward is not None and forward != gradient:
        error = min(e.error, evidence.step[1] if evidence.step else math.inf)
        if not abs(forward - gradient) <= 2 * FACTOR * error:
            verdict, reason = WRONG, f"forward mode gives {forward!r}"
    order = remainder_order(d.steps, gradient, max(d.noise, e.noise if math.isfinite(e.noise) else 0.0)) if math.isfinite(gradient) else None
    step = None if evidence.step is None else evidence.step[0]
    return Finding(name, verdict, reason, gradient, forward, e.value, e.error, e.step, order, step, evaluations)


def _decide(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> tuple[str, str, Estimate, int]:
    """The verdict, its reason, the estimate it rests on, and the values of f it took."""
    if not math.isfinite(d.middle):
        return INCONCLUSIVE, f"the value at the point is {d.middle!r}", e, d.evaluations
    if evidence.tie:
        return _at_kink(d, e, gradient, evidence)
    if e is NONE or not math.isfinite(e.value):
        return _at_edge(d, e, gradient, evidence)
    if math.isfinite(gradient) and right(e, gradient):
        return RIGHT, "", e, d.evaluations
    if evidence.step is not None and _step_agrees(evidence.step, gradient):
        return RIGHT, "by the complex step" if not e.agrees(gradient) or not usable(e, gradient) else "", e, d.evaluations
    for finer in d.every():  # f may have structure at smaller steps than those that looked settled
        if finer.step < e.step and finer.error <= RESOLVED * abs(gradient) and right(finer, gradient):
            return RIGHT, "", finer, d.evaluations
    return _disagrees(d, e, gradient, evidence)


def _step_agrees(step: tuple[float, float], gradient: float) -> bool:
    return abs(step[0] - gradient) <= FACTOR * step[1]


def _disagrees(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> tuple[str, str, Estimate, int]:
    """Nothing speaks for the gradient so far: a kink may be why, or noise."""
    used = d.evaluations
    what = evidence.kink([e.x for e in _ends(d.x, e)]) if evidence.kink and not math.isnan(e.reach) else ""
    if what and evidence.path is not None:
        piece = Differences(evidence.path, d.x, 0, d.noise, d.middle)
        found = settle(piece)
        used += piece.evaluations
        if right(found, gradient):
            return RIGHT, f"on its side of {what}", found, used
        if usable(found, gradient) and not found.agrees(gradient):
            return WRONG, "", found, used
        return NON_SMOOTH, f"{what} is within reach", e, used
    if e.agrees(gradient):
        if evidence.step is not None and not _step_agrees(evidence.step, gradient) and e.agrees(evidence.step[0]):
            return WRONG, f"the complex step gives {evidence.step[0]!r}", e, used
        return INCONCLUSIVE, _noisy(e), e, used
    if math.isfinite(gradient) or usable(e, e.value):
        sides = None if evidence.kink else _sides(evidence, d)
        if sides and _differ(*sides):
            left, right_ = sides
            return NON_SMOOTH, f"from below the slope is {left.value:.6g}, from above {right_.value:.6g}", e, used
        if not _trusted(e, sides):
            return INCONCLUSIVE, _noisy(e), e, used
        return WRONG, "", e, used
    return INCONCLUSIVE, f"the derivative is {gradient!r}, and {_noisy(e)}", e, used


class _Place(NamedTuple):
    x: float


def _ends(x: float, e: Estimate) -> list[_Place]:
    """The places whose paths are compared: those of the smallest and of the largest step."""
    return [_Place(x + sign * h) for h in (e.step, e.reach) for sign in (1, -1)]


def _trusted(e: Estimate, sides: tuple[Estimate, Estimate] | None) -> bool:
    """Whether the estimate is more than noise: its error is smaller than what f's own change over the steps would explain."""
    return e.error < 0.5 * max(abs(e.value), e.scale) or (e.scale == 0 and e.value == 0)


def _noisy(e: Estimate) -> str:
    return f"the differences are {e.value:.6g} ± {e.error:.2g}: rounding of f (about {e.noise:.2g}) hides more"


def _sides(evidence: Evidence, d: Differences) -> tuple[Estimate, Estimate]:
    """One-sided derivatives, from below and from above."""
    below, above = (Differences(evidence.line, d.x, side, d.noise, d.middle) for side in (-1, 1))
    return settle(below), settle(above)


def _differ(a: Estimate, b: Estimate) -> bool:
    """Whether two estimates are of different numbers."""
    if not (usable(a, a.value) and usable(b, b.value)):
        return False
    return abs(a.value - b.value) > FACTOR * (a.error + b.error)


def _at_kink(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> tuple[str, str, Estimate, int]:
    """The point is on a kink or a branch's boundary: both sides must agree for there to be a derivative."""
    below, above = _sides(evidence, d)
    used = d.evaluations + below.evaluations + above.evaluations
    smooth = all(usable(s, s.value) or (s.scale == 0 and s.value == 0) for s in (below, above)) and not _differ(below, above)
    if smooth and below.agrees(gradient) and above.agrees(gradient):
        return RIGHT, f"{evidence.tie} makes no difference here", e if e.agrees(gradient) else above, used
    if smooth and not (below.agrees(gradient) or above.agrees(gradient)):
        return WRONG, "", above, used
    return NON_SMOOTH, f"the point is on {evidence.tie}", e, used


def _at_edge(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> tuple[str, str, Estimate, int]:
    """f has no values on both sides: at the edge of a domain, or nowhere near the point."""
    below, above = _sides(evidence, d)
    used = d.evaluations + below.evaluations + above.evaluations
    for side in (below, above):
        if usable(side, gradient) and math.isfinite(gradient):
            if side.agrees(gradient):
                return RIGHT, "from the one side where f has values", side, used
            if evidence.kink is None or math.isfinite(side.value):
                return WRONG, "from the one side where f has values", side, used
    if evidence.step is not None and math.isfinite(gradient) and _step_agrees(evidence.step, gradient):
        return RIGHT, "by the complex step", e, used
    return INCONCLUSIVE, "f has too few finite values around the point", e, used


def complex_evidence(found: Sequence[float]) -> tuple[float, float] | None:
    """The complex step at the point and at its neighbours, as a derivative and how far rounding may have it off."""
    if not found or not all(map(math.isfinite, found)):
        return None
    here = found[0]
    return here, 4 * max(abs(other - here) for other in found) + 32 * UNIT * abs(here)
