"""The least sum of squares of residuals, with exact Jacobians: Levenberg-Marquardt to get there, Newton steps to the last digit.

    found = least_squares(problem, start)          found.at, found.residuals, found.factors, found.reason

The way to the minimum is scipy's: MINPACK's lmder (Moré, 1978), with parameters scaled by the columns of the Jacobian; with bounds its
trust-region reflective method (Branch, Coleman and Li, 1999). It stops where the sum of squares no longer changes, which leaves about half
of the digits of the parameters open. The rest comes from steps of Newton's method in the coordinates of the QR factorisation J = QR:

    p = -R⁻¹ (I + K)⁻¹ Qᵀr,     K = R⁻ᵀ S R⁻¹,     S = Σ rᵢ ∇²rᵢ

so that the condition of J is not squared; K is what the residuals' curvature adds, small where Gauss-Newton would do. Whether it is a
minimum is said by the relative offset of Bates and Watts (1981): the part of the residuals that the tangent plane could still explain,
over the part that it cannot, each for one degree of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from adcli.optimize import scipy_optimize
from adcli.optimize.linear import MOST, refined

EPS = float(np.finfo(float).eps)
# A fit has converged where the relative offset is below this (Bates and Watts say 1e-3), or what is left to explain is rounding.
OFFSET = 1e-6
ROUNDING = 100.0  # times ε, see `_verdict`
CLEARLY = 1 - 1e-6  # times a sum of squares is less than that
SAME = 1e-12  # residuals that differ by less than this part of their terms are equal
LEVEL = 1e-12  # sums of squares that differ by less than this part of themselves are equal
NEAR = 1e-6  # relative distance from a bound that may be none
NEGATIVE = -1e-7  # a curvature below that times the largest is no rounding
# Where scipy's methods end: well before rounding decides, since the Newton steps that follow take two or three to get there. The sum of
# squares falls by less than this part of itself, the parameters move by less, the residuals stand as upright on the tangent plane.
FALL, MOVE, ANGLE = 1e-13, 1e-11, 1e-11
# A Newton step that moves no parameter by more than this part of itself is the last: the next would be one of rounding.
LAST = 1e-11
# Parameters run away where the step left over is more than this part of them, and such a step leaves less than that part of a slope: where
# a residual falls as exp(-b), the step is 1 for ever, and b may come to 700.
PACE, FADING = 1e-3, 0.75
POLISHING = 30  # steps of it at most
EVALUATIONS = 1000  # of residuals at most, and 200 more for each parameter


class Residuals(Protocol):
    """What is minimised: half the sum of squares of residuals r(b), shape [m], with the Jacobian, shape [m, n]."""

    def at(self, b: Any) -> tuple[Any, Any] | None:
        """Residuals and Jacobian; None where the residuals have no finite value."""
        ...

    def curvature(self, b: Any) -> Any:
        """S = Σ rᵢ ∇²rᵢ at b, shape [n, n]; None where it costs too much."""
        ...


class Factors:
    """The Jacobian J = Q R with columns scaled to length 1, and the singular values of that: what can be told of the parameters."""

    def __init__(self, jacobian: Any) -> None:
        lengths = np.linalg.norm(jacobian, axis=0)
        self.scale = np.where(lengths > 0, lengths, 1.0)
        self.q, r = np.linalg.qr(jacobian / self.scale)
        self.u, self.singular, self.vt = np.linalg.svd(r)
        rows, columns = jacobian.shape
        least = math.sqrt(rows) * columns * EPS * (self.singular[0] if columns else 0.0)
        self.rank = int(np.count_nonzero(self.singular > least))

    @property
    def condition(self) -> float:
        """Of the scaled Jacobian: infinite where it has not full rank."""
        if not self.singular.size:
            return 1.0
        return float(self.singular[0] / self.singular[-1]) if self.rank == len(self.singular) else float("inf")

    def coordinates(self, vector: Any) -> Any:
        """The part of a vector of residuals in the tangent plane, in its principal axes, of shape [rank]."""
        found = self.u.T @ (self.q.T @ vector)
        return found[: self.rank]

    def step(self, along: Any) -> Any:
        """The parameters' change that goes with one in the tangent plane."""
        return self._half @ along

    def along(self, slope: Any) -> Any:
        """R⁻ᵀ times a vector of slopes by the parameters, such as Jᵀr."""
        return self._half.T @ slope

    def inverse(self) -> Any:
        """(JᵀJ)⁻¹, over what can be told; shape [n, n]. Of slopes around 1e-160 it is infinite."""
        with np.errstate(over="ignore", invalid="ignore"):
            return self._half @ self._half.T

    def pulled(self, curvature: Any) -> Any:
        """K = R⁻ᵀ S R⁻¹ in the principal axes."""
        return self._half.T @ curvature @ self._half

    def nearest(self, b: Any, start: Any) -> Any:
        """The parameters as close to the start as those directions let them that change no residual."""
        seen = self.vt[: self.rank]
        return b if self.rank == len(b) else start + (seen.T @ (seen @ ((b - start) * self.scale))) / self.scale

    @property
    def _half(self) -> Any:
        """R⁻¹ from the principal axes; shape [n, rank]."""
        return (self.vt[: self.rank].T / self.singular[: self.rank]) / self.scale[:, None]


@dataclass
class Fitted:
    """The end of a fit.

    at: the parameters; residuals and jacobian there, and its factors over the parameters that are free (at no bound), which `free` says.
    offset: see above; linear: whether the residuals are, in the parameters; iterations: steps taken; evaluations: of the residuals.
    """

    at: Any
    residuals: Any
    jacobian: Any
    factors: Factors
    free: Any
    converged: bool
    reason: str
    offset: float
    iterations: int
    evaluations: int
    linear: bool = False

    @property
    def whole(self) -> bool:
        """Whether it is a minimum that determines every free parameter."""
        return self.converged and self.factors.rank == int(self.free.sum())

    @property
    def squares(self) -> float:
        return float(self.residuals @ self.residuals)


class Counted:
    """Residuals that count how often they are asked, and keep the last two answers and the best: a trial point is asked for both parts."""

    def __init__(self, residuals: Residuals, start: Any) -> None:
        self.residuals = residuals
        self.start = start
        self.evaluations = 0
        self.most = EVALUATIONS
        self._kept: list[tuple[Any, tuple[Any, Any] | None]] = []
        self._best: list[tuple[Any, tuple[Any, Any] | None]] = []  # where a method ends, after trial points that are no better
        self._least = math.inf
        self._first: tuple[Any, Any] | None = None  # at the start
        self._curved: tuple[Any, Any] | None = None

    @property
    def left(self) -> int:
        """Evaluations that may still be asked for."""
        return max(0, self.most - self.evaluations)

    def at(self, b: Any) -> tuple[Any, Any] | None:
        for point, found in (*self._kept, *self._best):
            if np.array_equal(point, b):
                return found
        self.evaluations += 1
        found = self.residuals.at(b)
        self._kept = [*self._kept[-1:], (np.array(b), found)]
        if found is not None and not found[0] @ found[0] >= self._least:
            self._best, self._least = self._kept[-1:], float(found[0] @ found[0])
        if self._first is None:
            self._first = found
        return found

    def curvature(self, b: Any) -> Any:
        """That of the residuals, which may cost many sweeps; none where the slopes are those at the start, though every parameter moved."""
        if self._curved is not None and np.array_equal(self._curved[0], b):
            return self._curved[1]
        here = self.at(b)
        straight = self._first is not None and here is not None and np.array_equal(here[1], self._first[1])
        found = np.zeros((len(b), len(b))) if straight and (b != self.start).all() else self.residuals.curvature(b)
        self._curved = (np.array(b), found)
        return found


def least_squares(residuals: Residuals, start: Any, low: Any = None, high: Any = None, evaluations: int | None = None) -> Fitted:
    """The fit from a start, of shape [n]; low and high: bounds, of that shape, infinite where there is none.

    evaluations: of the residuals at most. The residuals have a value at the start, and there are at least as many as parameters.
    """
    start = np.array(start, float)
    counted = Counted(residuals, start)
    counted.at(start)
    low = np.full(start.shape, -np.inf) if low is None else np.array(low, float)
    high = np.full(start.shape, np.inf) if high is None else np.array(high, float)
    bounded = bool(np.isfinite(low).any() or np.isfinite(high).any())
    best: Fitted | None = None
    for method in ("trf", "lm") if bounded else ("lm", "trf"):
        counted.most = evaluations or counted.evaluations + EVALUATIONS + 200 * len(start)
        found = _attempt(counted, start, low, high, method)
        if found is not None and (best is None or _better(found, best)):
            best = found
        if (best is not None and best.whole) or (evaluations and not counted.left):
            break
    assert best is not None
    _second_look(counted, best)
    best.evaluations = counted.evaluations
    return best


def _attempt(counted: Counted, start: Any, low: Any, high: Any, method: str) -> Fitted | None:
    """One method from the start, and again from below where it ends at a saddle; None where it leaves the bounds: lm knows none."""
    found = _from(counted, start, low, high, method)
    lower = None if found is None else _below(counted, found, low, high)
    return found if lower is None else _from(counted, lower, low, high, method) or found


def _second_look(counted: Counted, found: Fitted) -> None:
    """What second derivatives say: a saddle is no minimum, and where the tangent plane says nothing (J = 0) there may be one."""
    spectrum = _spectrum(counted, found)
    if spectrum is None:
        return
    values, vectors, scale = spectrum
    if found.converged and values[0] < NEGATIVE * np.abs(values).max():
        found.converged, found.reason = False, "saddle"
    elif not found.converged and values[0] > 0:
        along = vectors.T @ ((found.jacobian[:, found.free].T @ found.residuals) / scale)
        gain = float(np.sum(along * along / values))  # of a Newton step, in twice the sum of squares
        if gain <= OFFSET**2 * found.squares / max(len(found.residuals) - len(values), 1):
            found.converged, found.reason = True, "curvature"


def _spectrum(counted: Counted, found: Fitted) -> tuple[Any, Any, Any] | None:
    """Eigenvalues and eigenvectors of JᵀJ + S in the free parameters, scaled to a unit diagonal, and the scale."""
    curvature = counted.curvature(found.at) if found.free.any() else None
    if curvature is None:
        return None
    jacobian = found.jacobian[:, found.free]
    hessian = jacobian.T @ jacobian + curvature[np.ix_(found.free, found.free)]
    scale = np.sqrt(np.abs(np.diag(hessian)))
    scale = np.where(scale > 0, scale, 1.0)
    scaled = hessian / np.outer(scale, scale)
    return (*np.linalg.eigh(scaled), scale) if np.isfinite(scaled).all() else None


def _below(counted: Counted, found: Fitted, low: Any, high: Any) -> Any:
    """A point below a saddle (or a maximum, where a start may be) that is taken for a minimum; None where there is none."""
    spectrum = _spectrum(counted, found) if found.converged and counted.left else None
    if spectrum is None or not spectrum[0][0] < NEGATIVE * np.abs(spectrum[0]).max():
        return None
    direction = np.zeros(len(found.at))
    direction[found.free] = spectrum[1][:, 0] / spectrum[2]
    size = float(np.linalg.norm(found.at)) or 1.0
    for far in (1.0, 1e-1, 1e-2, 1e-4):
        for sign in (1.0, -1.0):
            trial = np.clip(found.at + sign * far * size * direction / np.linalg.norm(direction), low, high)
            there = counted.at(trial)
            if there is not None and there[0] @ there[0] < found.squares:
                return trial
    return None


def _better(one: Fitted, other: Fitted) -> bool:
    """Whether a second attempt found more: a minimum with all parameters determined, or a smaller sum of squares."""
    return one.whole > other.whole or (one.whole == other.whole and one.squares < CLEARLY * other.squares)


def _from(counted: Counted, start: Any, low: Any, high: Any, method: str) -> Fitted | None:
    """scipy's method from a start, and Newton steps from where it ends."""
    b, iterations = start, 0
    if len(start):
        b, iterations = _descended(counted, start, low, high, method)
        if (b < low).any() or (b > high).any():
            return None
        b = _at_bounds(counted, b, low, high)
    free = _free(counted, b, low, high)
    for _ in range(1 + len(start)):
        b, steps = _polished(counted, b, free, low, high)
        iterations += steps
        held, free = free, _free(counted, b, low, high)
        if np.array_equal(held, free):
            break
    found = _ended(counted, b, free, iterations)
    if free.all() and counted.left:
        _refine(counted, start, found, low, high)
    found.converged, found.reason = _verdict(found, not counted.left)
    if found.reason != "evaluations" and _running(counted, found, low, high):
        found.converged, found.reason = False, "running"
    return found


def _refine(counted: Counted, start: Any, found: Fitted, low: Any, high: Any) -> None:
    """Where the residuals are linear in the parameters: the parameters and residuals as exact as their numbers can say."""
    jacobian = found.jacobian
    if jacobian.size > MOST or np.array_equal(start, found.at):
        return
    places = [counted.at(b) for b in (start, np.zeros(len(start)))]
    if any(place is None or not np.array_equal(place[1], jacobian) for place in places):
        return
    assert places[1] is not None
    with np.errstate(all="ignore"):
        b, s = refined(places[1][0], jacobian, found.factors, found.factors.nearest(found.at, start))
    if not (np.isfinite(b).all() and np.isfinite(s).all() and (low <= b).all() and (b <= high).all()):
        return
    there = counted.at(b)
    # A jump or a kink between these places would leave the slopes equal, too, but not the residuals.
    terms = np.abs(places[1][0]) + np.abs(jacobian) @ np.abs(b)
    if there is not None and (np.abs(there[0] - s) <= SAME * terms).all():
        found.at, found.residuals, found.linear = b, s, True
        found.offset = _offset(found.factors, s)


def _verdict(found: Fitted, spent: bool) -> tuple[bool, str]:
    """Whether it is a minimum, and what says so."""
    if found.offset <= OFFSET:
        return True, "relative offset"
    explained = np.linalg.norm(found.factors.coordinates(found.residuals))
    terms = np.linalg.norm(np.abs(found.jacobian) @ np.abs(found.at)) + np.linalg.norm(found.residuals)
    if explained <= ROUNDING * EPS * terms:
        return True, "rounding"
    return False, "evaluations" if spent else "no descent"


def _running(counted: Counted, found: Fitted, low: Any, high: Any) -> bool:
    """Whether parameters are on their way to infinity: the step left over leads there, and slopes were larger as long a step before.

    Beyond there may be no value: there exp is infinite.
    """
    step = np.zeros(len(found.at))
    step[found.free] = -found.factors.step(found.factors.coordinates(found.residuals))
    out = (np.abs(step) > PACE * np.abs(found.at)) & (step * found.at > 0)
    if not out.any():
        return False
    there = counted.at(np.clip(found.at - step, low, high))
    if there is None:
        return False
    here, before = (np.linalg.norm(jacobian[:, out], axis=0) for jacobian in (found.jacobian, there[1]))
    return bool((here < FADING * before).any())


def _descended(counted: Counted, start: Any, low: Any, high: Any, method: str) -> tuple[Any, int]:
    """Where scipy's method ends, and in how many steps."""
    first = counted.at(start)
    assert first is not None
    nowhere = np.full(first[0].shape, np.inf)  # refused as any step uphill is, so that the next is shorter

    def values(b: Any) -> Any:
        found = counted.at(b)
        return nowhere if found is None else found[0]

    def jacobian(b: Any) -> Any:
        found = counted.at(b)
        assert found is not None
        return found[1]

    start = np.clip(start, low, high)
    if not counted.left:
        return start, 0
    with np.errstate(all="ignore"):
        done = scipy_optimize().least_squares(
            values, start, jacobian, bounds=(low, high) if method == "trf" else (-np.inf, np.inf), method=method, x_scale="jac",
            ftol=FALL, xtol=MOVE, gtol=ANGLE, max_nfev=counted.left,
        )  # fmt: skip
    return done.x, int(done.njev or 0)


def _at_bounds(counted: Counted, b: Any, low: Any, high: Any) -> Any:
    """The point with what is all but at a bound put on it, unless that is worse: trust-region reflective methods stay inside."""
    snapped = b.copy()
    for bound, apart in ((low, b - low), (high, high - b)):
        close = np.isfinite(bound) & (apart <= NEAR * np.maximum(np.abs(bound), 1e-3))
        snapped[close] = bound[close]
    if np.array_equal(snapped, b):
        return b
    here, there = counted.at(b), counted.at(snapped)
    assert here is not None
    return snapped if there is not None and there[0] @ there[0] <= (here[0] @ here[0]) * (1 + LEVEL) else b


def _free(counted: Counted, b: Any, low: Any, high: Any) -> Any:
    """Which parameters are not held at a bound by the slope."""
    found = counted.at(b)
    assert found is not None
    slope = found[1].T @ found[0]
    return ~(((b <= low) & (slope >= 0)) | ((b >= high) & (slope <= 0)))


def _polished(counted: Counted, b: Any, free: Any, low: Any, high: Any) -> tuple[Any, int]:
    """Newton steps in the free parameters while they shrink what the tangent plane explains, and how many."""
    found = counted.at(b)
    assert found is not None
    if not free.any():
        return b, 0
    r, jacobian = found
    factors = Factors(jacobian[:, free])
    along = factors.coordinates(r)
    curvature = counted.curvature(b)
    last = False
    for k in range(POLISHING):
        step = _newton(factors, along, None if curvature is None else curvature[np.ix_(free, free)])
        if not counted.left or last or np.all(np.abs(step) <= EPS / 2 * np.abs(b[free])):
            return b, k
        last = bool(np.all(np.abs(step) <= LAST * np.abs(b[free])))
        trial = b.copy()
        trial[free] = np.clip(b[free] + step, low[free], high[free])
        found = counted.at(trial)
        if found is None or found[0] @ found[0] > (r @ r) * (1 + 1e-9) + np.finfo(float).tiny:
            return b, k
        if (trial[free] != b[free] + step).any():  # a bound is in the way: what is free from here on, is asked anew
            return trial, k + 1
        new = Factors(found[1][:, free])
        shrunk = new.coordinates(found[0])
        if new.rank < factors.rank or np.linalg.norm(shrunk) >= np.linalg.norm(along):
            return b, k
        b, (r, jacobian), factors, along = trial, found, new, shrunk
    return b, POLISHING


def _newton(factors: Factors, along: Any, curvature: Any) -> Any:
    """The step for the part of the residuals that the tangent plane explains; Gauss-Newton's where the curvature says it is no minimum."""
    if curvature is not None:
        full = np.eye(factors.rank) + factors.pulled(curvature)
        if np.isfinite(full).all() and (np.linalg.eigvalsh(full) > 0).all():
            return -factors.step(np.linalg.solve(full, along))
    return -factors.step(along)


def _ended(counted: Counted, b: Any, free: Any, iterations: int) -> Fitted:
    found = counted.at(b)
    assert found is not None
    r, jacobian = found
    factors = Factors(jacobian[:, free])
    return Fitted(b, r, jacobian, factors, free, False, "", _offset(factors, r), iterations, counted.evaluations)


def _offset(factors: Factors, r: Any) -> float:
    """The relative offset: root mean squares of what the tangent plane explains of the residuals, and of what it does not."""
    along = factors.coordinates(r)
    explained = float(along @ along)
    rest = max(float(r @ r) - explained, 0.0)
    freedom = max(len(r) - factors.rank, 1)
    if rest <= 0:
        return 0.0 if explained == 0 else float("inf")
    return float(np.sqrt(explained / max(factors.rank, 1) / (rest / freedom)))
