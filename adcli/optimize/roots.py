"""Roots of n equations in n unknowns: Newton's method with exact Jacobians.

    solve(system, x, box)            globalised: half the sum of squares falls in a trust region, by Gauss and Newton's model
    bracketed(system, low, high)     one equation whose sign differs at the two ends: never leaves them

The step of the model inside the region is Newton's own, from the singular values of the Jacobian, not of its square; so the last steps
converge quadratically and end with the last digit. At a singular Jacobian the model still has a step, and where even the sum of squares is
stationary, points around are tried.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np

from adcli.errors import EvaluationError
from adcli.optimize.smooth import Box, Counts, Matrix, Vector, Watch, norm, stopped
from adcli.optimize.trust_region import EPS, LEAST_SCALE, Run, Spectrum, State

# Singular values of the scaled Jacobian below this part of the largest make it singular.
SINGULAR = 1e-13
# How far around a stationary point that is no root others are tried, in parts of its size.
AROUND = (1e-3, 1e-2, 1e-1, 1.0, 3.0, 10.0)
TRIES = 30


class System(Protocol):
    """n functions of n numbers."""

    def value(self, x: Vector) -> Vector:
        """The n values; nan where there are none."""

    def jacobian(self, x: Vector) -> Matrix:
        """The n by n derivatives."""


class Root(NamedTuple):
    """Where the search ended. newton: the length of Newton's step there, beside max(1, |x|); inf where the Jacobian is singular."""

    x: Vector
    residuals: Vector
    iterations: int
    converged: bool
    reason: str
    newton: float
    condition: float


class Squares:
    """Half the sum of squares of a system, in units of its start, as a smooth function with Gauss and Newton's model."""

    def __init__(self, system: System, start: Vector) -> None:
        self.system = system
        self.counts = Counts()
        self.unit = norm(system.value(start)) or 1.0
        self._last: tuple[bytes, Vector, Matrix] | None = None

    def residuals(self, x: Vector) -> Vector:
        key = x.tobytes()
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        self.counts.value += 1
        return self.system.value(x) / self.unit

    def jacobian(self, x: Vector) -> Matrix:
        key = x.tobytes()
        if self._last is None or self._last[0] != key:
            residuals = self.residuals(x)
            self.counts.gradient += 1
            self._last = (key, residuals, self.system.jacobian(x) / self.unit)
        return self._last[2]

    def value(self, x: Vector) -> float:
        r = self.residuals(x)
        return float(r @ r) / 2 if np.isfinite(r).all() else math.nan

    def gradient(self, x: Vector) -> tuple[float, Vector]:
        try:
            j = self.jacobian(x)
        except EvaluationError:
            return math.nan, np.full(len(x), math.nan)
        return self.value(x), j.T @ self.residuals(x)

    def hessian(self, x: Vector) -> Matrix:
        j = self.jacobian(x)
        return j.T @ j

    def product(self, x: Vector, v: Vector) -> Vector:
        j = self.jacobian(x)
        return j.T @ (j @ v)

    def model(self, _: Any, x: Vector, g: Vector, free: Any) -> Linear:
        return Linear(self.jacobian(x)[:, free], self.residuals(x), free)


class Linear(Spectrum):
    """The model |r + Js|²/2 by the singular values of J, its columns scaled to unit length."""

    def __init__(self, j: Matrix, r: Vector, free: Any) -> None:
        lengths = np.linalg.norm(j, axis=0)
        most = float(lengths.max(initial=0.0))
        scale = np.maximum(lengths, LEAST_SCALE * most) if most > 0 else np.ones_like(lengths)
        u, s, vt = np.linalg.svd(j / scale, full_matrices=False)
        self.sigma, self.turned, self.j, self.r = s, u.T @ r, j, r
        super().__init__(s * s, vt.T, s * self.turned, scale, free)

    @property
    def singular(self) -> bool:
        return bool(self.sigma.size and self.sigma.min() <= SINGULAR * self.sigma.max(initial=0.0))

    def ends(self, size: Vector) -> tuple[float, float]:
        """A sum of squares has no negative curvature in this model."""
        return 0.0, 1.0

    def change(self, s: Vector) -> float:
        """|r + Js|²/2 - |r|²/2, in the form that loses no digits."""
        moved = self.j @ s[self.free]
        return float(self.r @ moved + moved @ moved / 2)

    def step(self, radius: float) -> tuple[Vector, bool]:
        if self.sigma.size and not self.singular:
            z = -self.turned / self.sigma
            if norm(z) <= radius:
                return self._spread(z), True
        return super().step(radius)

    def newton(self) -> Vector:
        """Newton's step, shortest where the Jacobian is singular."""
        kept = self.sigma > SINGULAR * self.sigma.max(initial=0.0)
        return self._spread(np.where(kept, -self.turned / np.where(kept, self.sigma, 1.0), 0.0))

    def _spread(self, z: Vector) -> Vector:
        s = np.zeros(self.free.shape)
        s[self.free] = (self.q @ z) / self.scale
        return s


def solve(
    system: System, start: Vector, box: Box, *, tol: float = 1e-8, steps: int = 500, watch: Watch | None = None
) -> tuple[Root, Counts]:  # fmt: skip
    """A root near `start`, where all values must be finite; where none is found, the point with the least sum of squares that was."""
    f = Squares(system, start)
    run = Run(f, box, f.model, watch)
    with np.errstate(all="ignore"):
        run.at(start)
        for k in range(steps):
            if not f.residuals(run.now.x).any():
                break
            ended, _ = run.advance(run.model(), k + 1)
            if ended and (verdict(f, run, tol).converged or not elsewhere(f, run)):
                break
        else:
            return verdict(f, run, tol, stopped(steps)), f.counts
        return verdict(f, run, tol), f.counts


def verdict(f: Squares, run: Run, tol: float, stopped: str = "") -> Root:
    """A root is where the equations hold exactly, or to rounding, Newton's step being as good as nothing."""
    x = run.now.x
    residuals = f.system.value(x)
    model = Linear(f.jacobian(x), f.residuals(x), np.full(len(x), True))
    step = float((np.abs(model.newton()) / np.maximum(1.0, np.abs(x))).max(initial=0.0))
    least, most = float(model.sigma.min(initial=math.inf)), float(model.sigma.max(initial=0.0))
    condition = most / least if least > 0 else math.inf
    beyond = norm(f.residuals(run.box.clip(x + model.newton())))  # from a minimum Newton's step leads uphill
    small = bool((np.abs(f.residuals(x)) <= 1e-6 * np.maximum(1.0, np.abs(f.jacobian(x)) @ np.abs(x))).all())
    converged = False
    if not residuals.any():
        converged, step, reason = True, 0.0, "the equations hold exactly"
    elif stopped:
        reason = stopped
    elif small and step <= tol:
        converged, reason = True, "the equations hold to rounding: Newton's step is below the tolerance"
    elif small and beyond < norm(f.residuals(x)):
        reason = f"the equations come close to 0 without an end: Newton's step is still {step:.2g} of the unknowns"
    else:
        reason = "no root near the start: the sum of squares of the equations has a minimum here that is not 0"
    return Root(x, residuals, run.iterations, converged, reason, math.inf if model.singular and not converged else step, condition)


def elsewhere(f: Squares, run: Run) -> bool:
    """Go on from a point around a stationary one with a smaller sum of squares, if one of a few fixed ones has that."""
    x, random = run.now.x, np.random.default_rng(0)
    for part in AROUND:
        for _ in range(TRIES):
            moved = run.box.clip(x + part * np.maximum(1.0, np.abs(x)) * random.uniform(-1, 1, len(x)))
            if not f.value(moved) < 0.999 * run.now.value:
                continue
            value, g = f.gradient(moved)
            if np.isfinite(g).all():
                run.now = State(moved, value, g, run.box.free(moved, g))
                run.radius = math.nan
                run.tell(norm(moved - x))
                return True
    return False


class Bracket(NamedTuple):
    """Two points where an equation differs in sign."""

    low: float
    high: float


def bracketed(
    value: Callable[[float], float], slope: Callable[[float], float], bracket: Bracket, steps: int = 500
) -> tuple[float, float, int] | None:
    """The root of one equation between two points: Newton's steps, and halves of the bracket where these leave it or are slow.

    Gives x, the value there and the number of iterations; None where the signs at the ends do not differ, or the function has no value
    on the way. At a pole the bracket shrinks to it, which the value then shows.
    """
    low, high = bracket
    at_low, at_high = value(low), value(high)
    if at_low == 0 or at_high == 0:
        return (low, 0.0, 0) if at_low == 0 else (high, 0.0, 0)
    if not at_low * at_high < 0 and not (at_low < 0 < at_high or at_high < 0 < at_low):
        return None
    x, last = low + (high - low) / 2, high - low
    narrow, large = EPS * EPS * last, max(abs(at_low), abs(at_high))
    for k in range(steps):
        y = value(x)
        if math.isnan(y):
            return None
        low, high = (x, high) if (y < 0) == (at_low < 0) else (low, x)
        if y == 0 or math.nextafter(low, high) >= high or (high - low < narrow and not abs(y) < large):
            return x, y, k + 1
        d = slope(x)
        moved = x - y / d if d and math.isfinite(d) else math.nan
        if moved == x:
            moved = math.nextafter(x, high if x == low else low)
        if not (low < moved < high and abs(moved - x) <= last / 2):
            moved = low + (high - low) / 2
        x, last = moved, abs(moved - x)
    return x, value(x), steps
