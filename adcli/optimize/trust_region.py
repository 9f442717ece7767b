"""Newton's method in a trust region, with or without bounds.

    minimize(f, x, box, newton)        the Hessian itself, and its eigenvalues: for few variables
    minimize(f, x, box, newton_cg)     Hessian times vector by conjugate gradients: for many

Each iteration minimises the quadratic model g·s + s·Hs/2 within |Ds| ≤ Δ, and Δ grows or shrinks with how well the model foretold the
value (Conn, Gould and Toint, Trust-Region Methods, 2000). A trial point without a value is a model that foretold nothing: Δ shrinks.
Bounds: elements on a bound that the gradient pushes against stay; the step of the others is cut off at their bounds (Bertsekas, SIAM J.
Control Optim. 20, 1982). Negative curvature is followed, so that a saddle point ends a run only by the last digit of bad luck.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from adcli.errors import EvaluationError
from adcli.optimize.curvature import Extremes, extremes
from adcli.optimize.smooth import BOTTOM, ENDLESS, Box, Iterate, Matrix, Outcome, Smooth, Test, Vector, Watch, norm, stopped

EPS = float(np.finfo(np.float64).eps)
# A step is taken if it brings this part of what the model foretold; below GOOD the region shrinks, above GREAT it grows.
TAKEN, GOOD, GREAT = 1e-4, 0.25, 0.75
SHRINK, GROW = 0.25, 3.0
FIRST = 0.1
# A variable without curvature has no scale of its own: it gets this part of the largest one.
LEAST_SCALE = 1e-3
# Reductions below so many units in the last place of the value are noise.
NOISE = 10 * EPS
# A model's minimum so close, or so little lower, that rounding may be what keeps a run from it.
CLOSE = 1000 * EPS
# The part of the gradient that conjugate gradients may leave where all digits of the model's minimum are wanted.
EXACT = 1e-8
# Products in one step by conjugate gradients, at the most.
PRODUCTS = 500
TINY = 1e-300


class Model(Protocol):
    """The quadratic model at a point, for the elements that may move."""

    leaving: bool  # whether steps are to follow negative curvature, the gradient being zero

    def ends(self, size: Vector) -> tuple[float, float]:
        """The lowest and the highest eigenvalue of the Hessian in units of `size`, along what may move."""

    def step(self, radius: float) -> tuple[Vector, bool]:
        """The step of scaled length at most `radius`, and whether it ends inside, at the model's own minimum.

        An infinite radius asks for that minimum to all digits, and whether there is one.
        """

    def change(self, s: Vector) -> float:
        """What the model says of f(x + s) - f(x)."""

    def length(self, s: Vector) -> float:
        """The scaled length of a step."""


Models: TypeAlias = "Callable[[Smooth, Vector, Vector, Any], Model]"


class State(NamedTuple):
    """A point with its value and gradient, and what may move there."""

    x: Vector
    value: float
    g: Vector
    free: Any


def minimize(
    f: Smooth, start: Vector, box: Box, models: Models, *, tol: float = 1e-8, steps: int = 1000, watch: Watch | None = None,
    origin: float | None = None,
) -> Outcome:  # fmt: skip
    """The minimum that the steps from `start` lead to; the value and gradient there must be finite.

    origin: the value that the fall is measured from, where another method began.
    """
    run = Run(f, box, models, watch)
    run.at(start)
    run.test = Test(tol, run.now.value if origin is None else origin)
    with np.errstate(all="ignore"):
        for k in range(steps):
            model = run.model()
            if run.test.passes(run.now.x, run.now.value, run.now.g, run.now.free) and not run.bends(model):
                run.once_more(model)
                return run.outcome(True, "the gradient is zero within the tolerance")
            reason, converged = run.advance(model, k + 1)
            if reason:
                return run.outcome(converged, reason)
    return run.outcome(False, stopped(steps))


class Run:
    """One minimisation: the point, the radius, and the trial steps."""

    def __init__(self, f: Smooth, box: Box, models: Models, watch: Watch | None) -> None:
        self.f, self.box, self.models, self.watch = f, box, models, watch
        self.test = Test(0.0, math.inf)
        self.radius = math.nan
        self.iterations = 0
        self.now: State

    def at(self, x: Vector) -> None:
        x = self.box.clip(x)
        value, g = self.f.gradient(x)
        self.now = State(x, value, g, self.box.free(x, g))
        self.reach = np.maximum(np.abs(x), 1.0)  # the largest so far: an element that is rounding of its rounding is 0
        self.tell(0.0)

    def tell(self, step: float) -> None:
        if self.watch is not None:
            self.watch(Iterate(self.iterations, self.now.value, norm(self.now.g[self.now.free]), step, self.now.x))

    def model(self) -> Model:
        return self.models(self.f, self.now.x, self.now.g, self.now.free)

    def bends(self, model: Model) -> bool:
        """Whether the curvature is negative somewhere; the model's steps then go there."""
        low, high = model.ends(np.maximum(1.0, np.abs(self.now.x)))
        model.leaving = self.test.bends(low, high, self.now.value)
        return model.leaving

    def outcome(self, converged: bool, reason: str) -> Outcome:
        return Outcome(self.now.x, self.now.value, self.now.g, self.iterations, converged, reason)

    def advance(self, model: Model, iteration: int) -> tuple[str, bool]:
        """Try shorter and shorter steps until one is taken. Where none is, why, and whether that is as good as a minimum."""
        self.iterations = iteration
        if math.isnan(self.radius):
            self.radius = first_radius(model, self.now)
        refused = False
        while True:
            s, inside = model.step(self.radius)
            x = self.box.clip(self.now.x + s)
            s = x - self.now.x
            foretold = -model.change(s)
            length = model.length(s)
            if not (np.abs(s) > EPS * np.maximum(np.abs(self.now.x), EPS * self.reach if refused else 0.0)).any():
                return self.stuck(model)
            if inside and abs(foretold) <= NOISE * abs(self.now.value) and self.at_bottom(model, NOISE) and not self.bends(model):
                return self.last_digits(x, norm(s))
            found = self.trial(x) if foretold > 0 else None
            gained = self.now.value - found.value if found is not None else -math.inf
            ratio = gained / foretold if foretold > 0 else -math.inf
            self.resize(ratio, length, inside)
            refused = True
            if found is not None and ratio > TAKEN:
                self.now = found
                self.reach = np.maximum(self.reach, np.abs(x))
                self.tell(norm(s))
                return (ENDLESS, False) if found.value < BOTTOM else ("", False)

    def stuck(self, model: Model) -> tuple[str, bool]:
        """No step is taken: at a minimum, if the model's own is within rounding; else why ever."""
        s, inside = model.step(math.inf)
        s = self.box.clip(self.now.x + s) - self.now.x
        if inside and (np.abs(s) <= CLOSE * np.abs(self.now.x)).all() and not self.bends(model):
            return STILL
        return ROUNDED if self.at_bottom(model, CLOSE) and not self.bends(model) else STUCK

    def at_bottom(self, model: Model, part: float) -> bool:
        """Whether the model has a minimum, within the bounds, and one that is lower by no more than that part of the value."""
        s, inside = model.step(math.inf)
        cut = np.abs(self.box.clip(self.now.x + s) - self.now.x - s) > CLOSE * np.maximum(np.abs(self.now.x), np.abs(s))
        return inside and not cut.any() and abs(model.change(s)) <= part * abs(self.now.value)

    def trial(self, x: Vector) -> State | None:
        """The point, if it is lower and its gradient is finite."""
        value = self.f.value(x)
        if not value < self.now.value:
            return None
        if value == -math.inf:
            return State(x, value, self.now.g, self.now.free)
        try:
            value, g = self.f.gradient(x)
        except EvaluationError:
            return None
        return State(x, value, g, self.box.free(x, g)) if np.isfinite(g).all() else None

    def resize(self, ratio: float, length: float, inside: bool) -> None:
        if ratio < GOOD or math.isnan(ratio):
            self.radius = SHRINK * min(self.radius, length) if length > 0 else SHRINK * self.radius
        elif ratio > GREAT and not inside:
            self.radius = max(self.radius, GROW * length)

    def once_more(self, model: Model) -> None:
        """The model is there already: its step brings what digits are missing, for one gradient."""
        s, inside = model.step(math.inf)
        x = self.box.clip(self.now.x + s)
        if inside and (x != self.now.x).any():
            self.iterations += 1
            self.last_digits(x, norm(x - self.now.x))

    def last_digits(self, x: Vector, step: float) -> tuple[str, bool]:
        """A step for which the model foretells less than rounding lets be seen: it is taken if it makes the gradient smaller."""
        try:
            value, g = self.f.gradient(x)
        except EvaluationError:
            return ROUNDED
        free = self.box.free(x, g)
        if value <= self.now.value + NOISE * abs(self.now.value) and norm(g[free]) < norm(self.now.g[self.now.free]) / 2:
            self.now = State(x, value, g, free)
            self.tell(step)
            return "", False
        return ROUNDED


ROUNDED = ("no step changes the value by more than its rounding", True)
STILL = ("the steps are below the rounding of the variables", True)
STUCK = ("no step lowers the value, however short: there may be a kink, or the edge of where the program has a value", False)


def first_radius(model: Model, now: State) -> float:
    """A tenth of the way to the origin, in the model's own scale: a start is mostly right about the size of its numbers."""
    return FIRST * model.length(np.where(now.free, now.x, 0.0)) or 1.0


class Spectrum:
    """A model by the eigenvalues w of its scaled Hessian, in whose coordinates the gradient is c (Moré and Sorensen, 1983)."""

    def __init__(self, w: Vector, q: Matrix, c: Vector, scale: Vector, free: Any) -> None:
        self.w, self.q, self.c, self.scale, self.free = w, q, c, scale, free
        self.size = float(np.abs(w).max(initial=0.0)) or 1.0
        self.leaving = False

    def length(self, s: Vector) -> float:
        return norm(s[self.free] * self.scale)

    def step(self, radius: float) -> tuple[Vector, bool]:
        z, inside = within(self.w, self.c, radius, self.size)
        s = np.zeros(self.free.shape)
        s[self.free] = (self.q @ z) / self.scale
        return s, inside


def within(w: Vector, c: Vector, radius: float, size: float) -> tuple[Vector, bool]:
    """The z that minimises c·z + Σ wᵢzᵢ²/2 within |z| ≤ radius; and whether it is the minimum without a region."""
    if not w.size:
        return c, True
    least = float(w.min())
    if least > 8 * EPS * size:
        z = -c / w
        if norm(z) <= radius:
            return z, True
    low = max(0.0, -least) + 4 * EPS * size
    z = -c / (w + low)
    flat = np.abs(w) <= 8 * EPS * size
    if least >= -8 * EPS * size and norm(c[flat]) <= 1e-10 * norm(c):  # nothing is to be gained where there is no curvature
        z = np.where(flat, 0.0, -c / np.where(flat, 1.0, w))
        if norm(z) <= radius:
            return z, True
    elif norm(z) <= radius:  # the hard case: what is missing to the radius goes along the lowest eigenvector, downhill
        k = int(w.argmin())
        rest = math.sqrt(max((radius - norm(z)) * (radius + norm(z)), 0.0))
        z[k] += math.copysign(rest, z[k] if z[k] else -1.0)
        return z, False
    return -c / (w + secular(w, c, radius, low)), False


def secular(w: Vector, c: Vector, radius: float, low: float) -> float:
    """λ ≥ low with |c/(w + λ)| = radius: Newton's method on the reciprocal, which is nearly linear, kept in its bracket."""
    high = low + norm(c) / max(radius, TINY)
    shift = low
    for _ in range(60):
        z = c / (w + shift)
        length = norm(z)
        if abs(length - radius) <= 1e-3 * radius:
            break
        low, high = (shift, high) if length > radius else (low, shift)
        slope = float(np.sum(z * z / (w + shift)))
        shift += (length - radius) / max(radius, TINY) * length * length / slope
        if not low < shift < high:
            shift = math.sqrt(low * high) if low > 0 and high > 1e3 * low else (low + high) / 2
    return shift


def newton(f: Smooth, x: Vector, g: Vector, free: Any) -> Model:
    """The model with the exact Hessian, scaled by its diagonal so that the units of the variables do not matter."""
    h = f.hessian(x)[np.ix_(free, free)]
    h = (h + h.T) / 2
    if not np.isfinite(h).all():
        h = np.zeros_like(h)
    own = g[free]
    return Exact(h, own, scaling(np.sqrt(np.abs(h.diagonal()))), free)


class Exact(Spectrum):
    """A model with the Hessian h and the gradient g of what may move."""

    def __init__(self, h: Matrix, g: Vector, scale: Vector, free: Any) -> None:
        w, q = np.linalg.eigh(h / np.outer(scale, scale))
        super().__init__(w, q, q.T @ (g / scale), scale, free)
        self.h, self.g = h, g

    def change(self, s: Vector) -> float:
        s = s[self.free]
        return float(self.g @ s + s @ (self.h @ s) / 2)

    def ends(self, size: Vector) -> tuple[float, float]:
        own = size[self.free]
        w = np.linalg.eigvalsh(self.h * np.outer(own, own)) if own.size else np.zeros(1)
        return float(w[0]), float(w[-1])


def scaling(d: Vector) -> Vector:
    """Positive scales, none so small beside the largest that steps along it would have no bound."""
    most = d.max(initial=0.0)
    return np.maximum(d, LEAST_SCALE * most) if most > 0 else np.ones_like(d)


class Truncated:
    """A model of which only products with the Hessian are known: conjugate gradients, cut short at the region's edge, where curvature
    is negative, and where they are as exact as the gradient is small (Steihaug, SIAM J. Numer. Anal. 20, 1983)."""

    def __init__(self, f: Smooth, x: Vector, g: Vector, free: Any) -> None:
        self.f, self.x, self.free = f, x, free
        self.g = np.where(free, g, 0.0)
        self.leaving = False
        self._extremes: Extremes | None = None

    def product(self, v: Vector) -> Vector:
        return np.where(self.free, self.f.product(self.x, v), 0.0)

    def ends(self, size: Vector) -> tuple[float, float]:
        found = self._extremes if self._extremes is not None else extremes(lambda v: size * self.product(size * v), self.free)
        self._extremes = found
        v = size * found.direction
        self.lowest = -v / norm(v) if self.g @ v > 0 else v / norm(v)
        return found.low, found.high

    def length(self, s: Vector) -> float:
        return norm(s)

    def change(self, s: Vector) -> float:
        return float(self.g @ s + s @ self.product(s) / 2)

    def step(self, radius: float) -> tuple[Vector, bool]:
        if self.leaving:
            return radius * self.lowest, False
        s, r = np.zeros_like(self.g), self.g.copy()
        d = -r
        first = size = norm(r)
        enough = min(0.1, math.sqrt(first)) * first if radius < math.inf else EXACT * first
        for _ in range(min(2 * int(np.count_nonzero(self.free)) + 10, PRODUCTS)):
            if size <= enough:
                return s, True
            hd = self.product(d)
            curvature = float(d @ hd)
            if not curvature > 0:
                return (s + to_edge(s, d, radius) * d if radius < math.inf else s), False
            along = size * size / curvature
            if norm(s + along * d) >= radius:
                return s + to_edge(s, d, radius) * d, False
            s, r = s + along * d, r + along * hd
            before, size = size, norm(r)
            d = (size / before) * (size / before) * d - r
        return s, radius < math.inf


def to_edge(s: Vector, d: Vector, radius: float) -> float:
    """The t ≥ 0 with |s + td| = radius."""
    a, b, c = float(d @ d), float(s @ d), float(s @ s) - radius**2
    root = math.sqrt(max(b * b - a * c, 0.0))
    return -c / (b + root) if b > 0 else (root - b) / a


def newton_cg(f: Smooth, x: Vector, g: Vector, free: Any) -> Model:
    """The model by products alone."""
    return Truncated(f, x, g, free)
