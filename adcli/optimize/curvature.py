"""The curvature of a function where its gradient is zero: is a stationary point a minimum, and is it one that stays where it is?

    extremes(lambda v: H @ v, free)      Extremes(low=-2.0, high=3.0, direction=array([0., 1.]))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from adcli.errors import EvaluationError
from adcli.optimize.smooth import Matrix, Smooth, Vector, norm

# Products in one estimate: the extremes of a spectrum come out first (Golub and Van Loan, Matrix Computations, 10.1).
MOST = 60
# By how much of itself the lowest curvature at a minimum may change with Newton's step from there.
STEADY = 0.25


class Extremes(NamedTuple):
    """The lowest and the highest eigenvalue, as far as was looked, and the unit eigenvector of the lowest."""

    low: float
    high: float
    direction: Vector


def extremes(product: Callable[[Vector], Vector], free: Any) -> Extremes:
    """By Lanczos' method with full orthogonalisation, from a fixed direction that favours none; exact up to MOST free elements."""
    n = int(np.count_nonzero(free))
    basis = np.zeros((min(n, MOST), len(free)))
    diagonal: list[float] = []
    beside: list[float] = []
    v = np.where(free, np.random.default_rng(0).standard_normal(len(free)), 0.0)
    for k in range(len(basis)):
        v = v / norm(v)
        basis[k] = v
        w = product(v)
        if not np.isfinite(w).all():
            return Extremes(0.0, 0.0, v)
        diagonal.append(float(v @ w))
        for _ in range(2):  # twice is enough (Kahan and Parlett)
            w = w - basis[: k + 1].T @ (basis[: k + 1] @ w)
        size = norm(w)
        if size <= 1e-10 * max(map(abs, diagonal)) or k + 1 == len(basis):
            break
        beside.append(size)
        v = w
    if not diagonal:
        return Extremes(0.0, 0.0, v)
    m = len(diagonal)
    t = np.diag(diagonal) + np.diag(beside[: m - 1], 1) + np.diag(beside[: m - 1], -1)
    values, vectors = np.linalg.eigh(t)
    return Extremes(float(values[0]), float(values[-1]), basis[:m].T @ vectors[:, 0])


def newton_step(h: Matrix, g: Vector, free: Any) -> Vector:
    """Newton's step for a Hessian that is positive definite in the free elements; the others stay."""
    own = h[free][:, free]
    scale = np.sqrt(np.abs(own.diagonal()))
    step = np.zeros_like(g)
    step[free] = -np.linalg.solve(own / np.outer(scale, scale), g[free] / scale) / scale
    return step


def flattens(f: Smooth, x: Vector, h: Matrix, step: Vector, free: Any) -> bool:
    """Whether the lowest curvature is another one where Newton's step leads: then it is on its way to 0, as that of x^4 and exp(-x) is."""
    try:
        there = f.hessian(x + step)[free][:, free]
    except EvaluationError:
        return False
    own = h[free][:, free]
    scale = np.sqrt(np.abs(own.diagonal()))
    before, after = (float(np.linalg.eigvalsh(m / np.outer(scale, scale))[0]) for m in (own, there))
    return not abs(after - before) <= STEADY * before
