"""Whether a number is the derivative of a function along one line: the evidence, and what follows from it.

No tolerance decides: a discrepancy is held against the estimated errors of the differences, in which the rounding of f is contained.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from adcli.engines.differences import FACTOR, NONE, UNIT, Differences, Estimate, Line, remainder_order, settle

RIGHT, WRONG, NON_SMOOTH, INCONCLUSIVE = "RIGHT", "WRONG", "NON-SMOOTH", "INCONCLUSIVE"
ORDER = (WRONG, NON_SMOOTH, INCONCLUSIVE, RIGHT)  # a verdict on several inputs is the first of these that one of them has

# An estimate is of use where its error is a small part of the derivative, or of how fast f changes where the derivative vanishes.
RESOLVED = 1e-2
VANISHING = 1e-6


# The Taylor remainder of a smooth f falls with order 2; below this one, slopes from both sides may differ.
SMOOTH = 1.25

HIDDEN = "f does not change: it adds terms so large that their rounding hides a change"


class Evidence(NamedTuple):
    """What is known of f along one line.

    line: values of f; path: values on the piece of the program that the point is on, nan elsewhere; kink: names what the runs at the
    places given do otherwise; step: the derivative by a complex step and its error; tie: the kink that the point itself is on;
    terms: the size of the largest term that f adds; wobble: how far the gradient itself, by both modes, differs between neighbours of the
    point a few ulps away, which is its rounding.
    """

    line: Line
    x: float
    noise: float = 0.0
    path: Line | None = None
    kink: Callable[[Sequence[float]], str] | None = None
    step: tuple[float, float] | None = None
    tie: str = ""
    terms: Callable[[], float] | None = None
    wobble: Callable[[], float] | None = None


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


def widened(d: Differences, e: Estimate) -> Estimate:
    """The estimate with the change of f over larger steps as its scale, where its own are too small to tell from 0: erf at 10."""
    if e.error <= VANISHING * e.scale:
        return e
    steps = (abs(change / h) for h, change in d.steps.items() if abs(h) >= e.step and math.isfinite(change))
    return e._replace(scale=max(steps, default=0.0))


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
    if verdict == WRONG and math.isfinite(gradient) and evidence.wobble is not None:
        allowed = FACTOR * (e.error + evidence.wobble())
        if all(abs(g - e.value) <= allowed for g in (gradient, gradient if forward is None else forward)):
            verdict, reason = RIGHT, "within the rounding of the gradient itself"
    order = (
        remainder_order(d.steps, gradient, max(d.noise, e.noise if math.isfinite(e.noise) else 0.0)) if math.isfinite(gradient) else None
    )
    step = None if evidence.step is None or not math.isfinite(d.middle) else evidence.step[0]
    return Finding(name, verdict, reason, gradient, forward, e.value, e.error, e.step, order, step, evaluations)


def _decide(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> tuple[str, str, Estimate, int]:
    """The verdict, its reason, the estimate it rests on, and the values of f it took."""
    if not math.isfinite(d.middle):
        return INCONCLUSIVE, f"the value at the point is {d.middle!r}", e, d.evaluations
    if evidence.tie:
        return _at_kink(d, e, gradient, evidence)
    if e is NONE or not math.isfinite(e.value):
        return _at_edge(d, e, gradient, evidence)
    e = widened(d, e)
    if math.isfinite(gradient) and right(e, gradient):
        step = evidence.step
        seen = e.error <= RESOLVED * max(abs(e.value), abs(gradient))
        if step is not None and _step_contradicts(step, gradient) and (not seen or _finer(d, e, step[0])):
            return WRONG, f"the complex step gives {step[0]!r}", e, d.evaluations
        by_sides = _by_sides(d, e, gradient, evidence) if _bent(d, e, gradient) else None
        if by_sides is not None:
            return by_sides
        seen = seen or gradient == 0
        return RIGHT, "" if seen else f"so far as differences see it: it is at most {e.error:.2g}", e, d.evaluations
    if evidence.step is not None and _step_agrees(evidence.step, gradient, sharper=usable(e, e.value) and e.error < evidence.step[1]):
        return RIGHT, "by the complex step", e, d.evaluations
    finer = _finer(d, e, gradient)
    if finer is not None:
        return RIGHT, "", finer, d.evaluations
    return _disagrees(d, e, gradient, evidence)


def _finer(d: Differences, e: Estimate, slope: float) -> Estimate | None:
    """Differences that see this slope at smaller steps than those that looked settled: f may have structure there."""
    for finer in d.every():
        if finer.step < e.step and finer.error <= RESOLVED * abs(slope) and right(finer, slope) and not same(finer, e):
            return finer
    return None


def _bent(d: Differences, e: Estimate, gradient: float) -> bool:
    """Whether f(x + h) - f(x) - h·f' falls like |h| over the steps of the estimate: of |x| at 0 the central difference is 0, and the
    gradient 0 would look right."""
    order = remainder_order({h: change for h, change in d.steps.items() if abs(h) <= e.reach}, gradient, max(d.noise, e.noise))
    return order is not None and order < SMOOTH


def _by_sides(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> tuple[str, str, Estimate, int] | None:
    """What the slopes from below and from above say where a central difference agrees across a kink, at the point or close to it."""
    seen = [f for f in d.every() if f.step < e.step and f.error <= RESOLVED * abs(f.value) and not f.agrees(gradient)]
    below, above = _sides(evidence, d)
    used = d.evaluations + below.evaluations + above.evaluations
    if any(same(a, b) for a, b in pairwise(seen)):
        return _by_piece(d, e, gradient, evidence, used) or (WRONG, "at smaller steps differences agree on another number", seen[-1], used)
    if _differ(below, above):
        reason = f"from below the slope is {below.value:.6g}, from above {above.value:.6g}"
        return _by_piece(d, e, gradient, evidence, used) or (NON_SMOOTH, reason, e, used)
    if all(usable(side, side.value) and not side.agrees(gradient) for side in (below, above)):
        return _by_piece(d, e, gradient, evidence, used) or (WRONG, "at smaller steps both sides agree", above, used)
    return None


def _step_agrees(step: tuple[float, float], gradient: float, sharper: bool = False) -> bool:
    """Whether the complex step gives the gradient: to its last digits, or within what rounding the input by a few ulps does to it.

    sharper: the differences, which say otherwise, have the smaller error; then only the last digits count.
    """
    apart = abs(step[0] - gradient)
    if apart <= 64 * UNIT * abs(step[0]) and step[0] != 0:
        return True
    return not sharper and step[1] <= RESOLVED * abs(step[0]) and apart <= FACTOR * step[1]


def _step_contradicts(step: tuple[float, float] | None, gradient: float) -> bool:
    """Whether there is a complex step of little error, and it is another number."""
    return step is not None and step[1] <= RESOLVED * abs(step[0]) and not _step_agrees(step, gradient)


def _disagrees(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> tuple[str, str, Estimate, int]:
    """Nothing speaks for the gradient so far: a kink may be why, or noise."""
    used = d.evaluations
    by_piece = _by_piece(d, e, gradient, evidence, used)
    if by_piece is not None:
        return by_piece
    if e.agrees(gradient):
        step = evidence.step
        if step is not None and _step_contradicts(step, gradient) and e.agrees(step[0]):
            return WRONG, f"the complex step gives {step[0]!r}", e, used
        return INCONCLUSIVE, _noisy(e), e, used
    if math.isfinite(gradient) or usable(e, e.value):
        sides = [Differences(evidence.line, d.x, side, d.noise, d.middle) for side in (-1, 1)]
        below, above = (widened(side, settle(side)) for side in sides)
        if _differ(below, above):
            return NON_SMOOTH, f"from below the slope is {below.value:.6g}, from above {above.value:.6g}", e, used
        near = [s for side in sides for s in side.every()]
        used += sum(side.evaluations for side in sides)
        if _hidden(d, e, gradient, evidence):
            return INCONCLUSIVE, HIDDEN, e, used
        if not _trusted(e) or not any(usable(s, s.value) and same(s, e) for s in [below, above, *near]):
            return INCONCLUSIVE, _noisy(e), e, used
        return WRONG, "", e, used
    return INCONCLUSIVE, f"the derivative is {gradient!r}, and {_noisy(e)}", e, used


def _by_piece(d: Differences, e: Estimate, gradient: float, evidence: Evidence, used: int) -> tuple[str, str, Estimate, int] | None:
    """What the piece of the program that the point is on says, where a kink is within reach of the steps."""
    what = evidence.kink([e.x for e in _ends(d.x, e)]) if evidence.kink and not math.isnan(e.reach) else ""
    if not what or evidence.path is None:
        return None
    piece = Differences(evidence.path, d.x, 0, d.noise, d.middle)
    found = settle(piece)
    used += piece.evaluations
    if right(found, gradient):
        return RIGHT, f"on its side of {what}", found, used
    if _hidden(piece, found, gradient, evidence):
        return INCONCLUSIVE, HIDDEN, found, used
    if usable(found, gradient) and not found.agrees(gradient):
        return WRONG, "", found, used
    return NON_SMOOTH, f"{what} is within reach", e, used


class _Place(NamedTuple):
    x: float


def _ends(x: float, e: Estimate) -> list[_Place]:
    """The places whose paths are compared: those of the smallest and of the largest step."""
    return [_Place(x + sign * h) for h in (e.step, e.reach) for sign in (1, -1)]


def _hidden(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> bool:
    """Whether f stands still over the steps while rounding of its terms is as large as the change that the gradient promises."""
    still = [abs(h) for h, change in d.steps.items() if abs(h) <= e.reach and change == 0]
    if evidence.terms is None or not math.isfinite(gradient) or len(still) < sum(abs(h) <= e.reach for h in d.steps):
        return False
    return bool(still) and abs(gradient) * max(still) <= 2 * UNIT * evidence.terms()


def same(a: Estimate, b: Estimate) -> bool:
    """Whether two estimates may be of the same number."""
    return abs(a.value - b.value) <= FACTOR * (a.error + b.error)


def _trusted(e: Estimate) -> bool:
    """Whether the estimate is more than noise: its error is smaller than what f's own change over the steps would explain."""
    return e.error < 0.5 * max(abs(e.value), e.scale) or (e.scale == 0 and e.value == 0)


def _noisy(e: Estimate) -> str:
    return f"the differences are {e.value:.6g} ± {e.error:.2g}: rounding of f (about {e.noise:.2g}) hides more"


def _sides(evidence: Evidence, d: Differences) -> tuple[Estimate, Estimate]:
    """One-sided derivatives, from below and from above."""
    below, above = (Differences(evidence.line, d.x, side, d.noise, d.middle) for side in (-1, 1))
    return widened(below, settle(below)), widened(above, settle(above))


def _differ(a: Estimate, b: Estimate) -> bool:
    """Whether two estimates are of different numbers, with errors that are small against the larger one."""
    if not (usable(a, b.value) and usable(b, a.value)):
        return False
    return not same(a, b)


def _at_kink(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> tuple[str, str, Estimate, int]:
    """The point is on a kink or a branch's boundary: both sides must agree for there to be a derivative."""
    below, above = _sides(evidence, d)
    used = d.evaluations + below.evaluations + above.evaluations
    smooth = all(usable(s, s.value) or (s.scale == 0 and s.value == 0) for s in (below, above)) and not _differ(below, above)
    if smooth and below.agrees(gradient) and above.agrees(gradient):
        if not (right(below, gradient) or right(above, gradient)):
            return INCONCLUSIVE, _noisy(e), e, used
        return RIGHT, f"{evidence.tie} makes no difference here", e if e.agrees(gradient) else above, used
    if smooth and not (below.agrees(gradient) or above.agrees(gradient)) and not _bent(d, d.every()[-1], above.value):
        return WRONG, f"the point alone is on {evidence.tie}, and both sides of it agree", above, used
    return NON_SMOOTH, f"the point is on {evidence.tie}", e, used


def _at_edge(d: Differences, e: Estimate, gradient: float, evidence: Evidence) -> tuple[str, str, Estimate, int]:
    """f has no values on both sides: at the edge of a domain, or nowhere near the point."""
    below, above = _sides(evidence, d)
    used = d.evaluations + below.evaluations + above.evaluations
    for side in (below, above):
        if usable(side, gradient) and math.isfinite(gradient):
            if side.agrees(gradient):
                return RIGHT, "from the one side where f has values", side, used
            if usable(side, side.value):
                return WRONG, "from the one side where f has values", side, used
    if evidence.step is not None and math.isfinite(gradient) and _step_agrees(evidence.step, gradient):
        return RIGHT, "by the complex step", e, used
    return INCONCLUSIVE, "f has too few finite values around the point", e, used


def complex_evidence(found: Sequence[tuple[float, float]]) -> tuple[float, float] | None:
    """The complex step at the point and at its neighbours, as a derivative and how far rounding may have it off."""
    if not found or not all(math.isfinite(value) for value, _ in found):
        return None
    here, rounding = found[0]
    return here, 4 * max(abs(other - here) for other, _ in found) + rounding + 32 * UNIT * abs(here)
