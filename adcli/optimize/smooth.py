"""What methods are given, and what they give back: a smooth function of a vector, the box it may move in, and the outcome.

Where the function has no value (it is nan there, or does not run), `value` is nan: a method takes a shorter step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

Vector: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
Matrix: TypeAlias = Vector

# Below -1e100 a value that goes on falling has no end that matters.
BOTTOM = -1e100
# Variables that have grown by so much since the start are on their way to infinity, where the value still falls.
FAR = 1e10
ENDLESS = "the value seems to be unbounded below: it falls without end"
# An eigenvalue so small beside the largest is 0.
FLAT = 1e-12
# Of a number: a few units in its last place.
ROUNDING = 4 * float(np.finfo(np.float64).eps)


class Smooth(Protocol):
    """A function of n numbers with its exact derivatives."""

    def value(self, x: Vector) -> float:
        """f(x), or nan where there is none."""

    def gradient(self, x: Vector) -> tuple[float, Vector]:
        """f(x) and its n partial derivatives, by one reverse sweep."""

    def hessian(self, x: Vector) -> Matrix:
        """The n by n second derivatives."""

    def product(self, x: Vector, v: Vector) -> Vector:
        """The Hessian at x times v, without the Hessian."""


class Counts:
    """How often each was evaluated."""

    __slots__ = ("gradient", "hessian", "product", "value")

    def __init__(self) -> None:
        self.value = self.gradient = self.hessian = self.product = 0

    @property
    def total(self) -> int:
        return sum(self.by_kind().values())

    def by_kind(self) -> dict[str, int]:
        return {"value": self.value, "gradient": self.gradient, "hessian": self.hessian, "product": self.product}


class Counted:
    """A smooth function that counts, and remembers its gradient at the last point."""

    def __init__(self, f: Smooth) -> None:
        self.f = f
        self.counts = Counts()
        self._last: tuple[bytes, float, Vector] | None = None

    def value(self, x: Vector) -> float:
        key = x.tobytes()
        if self._last is not None and self._last[0] == key:
            return self._last[1]
        self.counts.value += 1
        return self.f.value(x)

    def gradient(self, x: Vector) -> tuple[float, Vector]:
        key = x.tobytes()
        if self._last is None or self._last[0] != key:
            self.counts.gradient += 1
            self._last = (key, *self.f.gradient(x))
        return self._last[1], self._last[2].copy()

    def hessian(self, x: Vector) -> Matrix:
        self.counts.hessian += 1
        return self.f.hessian(x)

    def product(self, x: Vector, v: Vector) -> Vector:
        self.counts.product += 1
        return self.f.product(x, v)


class Box(NamedTuple):
    """Bounds by element, infinite where there are none."""

    low: Vector
    high: Vector

    @property
    def bounded(self) -> bool:
        return bool(np.isfinite(self.low).any() or np.isfinite(self.high).any())

    def clip(self, x: Vector) -> Vector:
        """The nearest point in the box; what is a rounding away from a bound is on it."""
        low, high = (ROUNDING * np.where(np.isfinite(bound), np.abs(bound), 0.0) for bound in self)
        x = np.where(x - self.low <= low, self.low, x)
        return np.where(self.high - x <= high, self.high, x)

    def snap(self, x: Vector, near: float) -> Vector:
        """The point with the elements that are that close to a bound, beside their size, on it."""
        room = near * np.maximum(1.0, np.abs(x))
        x = np.where(x - self.low <= room, self.low, x)
        return np.where(self.high - x <= room, self.high, x)

    def free(self, x: Vector, g: Vector) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which elements may move downhill: not those on a bound that the gradient pushes against."""
        stuck: np.ndarray[Any, np.dtype[np.bool_]] = ((x <= self.low) & (g >= 0)) | ((x >= self.high) & (g <= 0))
        return ~stuck


def everywhere(n: int) -> Box:
    """No bounds."""
    return Box(np.full(n, -math.inf), np.full(n, math.inf))


class Test:
    """When a gradient is as good as zero: |gᵢ|·max(1, |xᵢ|) ≤ tol·max(|f|, min(1, what f has fallen since the start)).

    So neither the unit of f matters, nor that of a large x: the left side is what f changes with x, the right side how large f is.
    A function that falls from 1e-9 to 0 is followed to its end as one that falls from 1 is.
    """

    def __init__(self, tol: float, start: float) -> None:
        self.tol, self.start = tol, start

    def passes(self, x: Vector, value: float, g: Vector, free: Any = slice(None)) -> bool:
        if not math.isfinite(value):
            return False
        left = np.abs(g[free]) * np.maximum(1.0, np.abs(x[free]))
        return bool(left.max(initial=0.0) <= self.tol * self.size(value))

    def size(self, value: float) -> float:
        """How large f is, for the right side."""
        return max(abs(value), min(1.0, self.start - value))

    def bends(self, low: float, high: float, value: float) -> bool:
        """Whether curvature is negative, beyond tolerance and rounding: by the ends of the Hessian's spectrum, in units of max(1, |xᵢ|)."""
        return low < -max(self.tol * self.size(value), FLAT * max(abs(low), abs(high)))


class Iterate(NamedTuple):
    """Where a method stands: gradient_norm is that of the elements that may move, step the Euclidean length of the last step."""

    iteration: int
    value: float
    gradient_norm: float
    step: float
    x: Vector


Watch: TypeAlias = "Callable[[Iterate], None]"


class Outcome(NamedTuple):
    """x: the best point. converged: that its gradient is as good as zero. reason: why the method stopped, in words."""

    x: Vector
    value: float
    gradient: Vector
    iterations: int
    converged: bool
    reason: str


def endless(value: float, x: Vector, first: float, start: Vector) -> bool:
    """Whether a value that can still fall seems to have no end: it is far below, or lower than the first at a point far out."""
    return value < BOTTOM or (value < first and norm(x) > FAR * max(1.0, norm(start)))


def stopped(steps: int, what: str = "iteration") -> str:
    """Why a method ended that was not at its end."""
    return f"stopped after {steps:,} {what}{'s' * (steps != 1)}"


def norm(v: Vector) -> float:
    """The Euclidean length; of huge numbers without overflow."""
    most = float(np.abs(v).max(initial=0.0))
    return most * float(np.linalg.norm(v / most)) if 0 < most < math.inf else most
