"""Minimisation under equalities and inequalities: SLSQP and trust-constr of scipy, and Newton's method on the conditions of the end.

Constraints are c(x) = 0 and c(x) ≥ 0. Where scipy's method ends, the constraints that hold there with equality are taken for the active
ones, and Newton's method solves the conditions of Karush, Kuhn and Tucker for them with exact second derivatives, which adds the digits
that a method of first differences leaves out. What was found is then held against these conditions, whoever found it.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple, Protocol

import numpy as np

from adcli.errors import EvaluationError
from adcli.optimize import linear_operator, scipy_optimize
from adcli.optimize.smooth import ENDLESS, Box, Iterate, Matrix, Outcome, Smooth, Test, Vector, Watch, endless, norm

# A constraint counts as active within this part of its scale; where scipy's methods end, it may be one of the wider ones.
NEAR = 1e-6
WIDER = (1e-6, 1e-4, 1e-2)
POLISHED = 20
# Largest number of variables whose Hessian of the Lagrangian is a matrix.
DENSE = 500


class Constraints(Protocol):
    """m functions of x: `equal` says which must be 0, the others must not be negative."""

    equal: np.ndarray[Any, np.dtype[np.bool_]]

    def value(self, x: Vector) -> Vector:
        """The m values; nan where there are none."""

    def jacobian(self, x: Vector) -> Matrix:
        """The m by n derivatives."""

    def product(self, x: Vector, weights: Vector, v: Vector) -> Vector:
        """The Hessian of weights·c at x, times v."""


class Conditions(NamedTuple):
    """How far a point is from the conditions of a constrained minimum.

    multipliers: of the m constraints, c(x) ≥ 0 having none below 0. slope: the gradient of the Lagrangian, without what bounds take up.
    violation: the largest, beside the scale of its constraint; slack: of an inequality that has a multiplier. feasible, stationary: within
    the tolerance.
    """

    multipliers: Vector
    slope: Vector
    violation: float
    slack: float
    feasible: bool
    stationary: bool

    @property
    def hold(self) -> bool:
        return self.feasible and self.stationary


class Problem:
    """An objective, its constraints, the box, and what counts as zero."""

    def __init__(self, f: Smooth, c: Constraints, box: Box, tol: float, start: Vector, watch: Watch | None) -> None:
        self.f, self.c, self.box, self.tol, self.watch = f, c, box, tol, watch
        self.origin = f.gradient(start)[0]
        self.iterations = 0
        self.x = start
        self.tell(start)

    def tell(self, x: Vector) -> None:
        if self.watch is not None:
            value, g = self.f.gradient(x)
            self.watch(Iterate(self.iterations, value, norm(self.conditions(x, g).slope), norm(x - self.x), x))
        self.x = x

    def told(self, x: Vector, *_: Any) -> None:
        self.iterations += 1
        self.tell(np.array(x))

    def values(self, x: Vector) -> Vector:
        found = self.c.value(x)
        return np.where(np.isfinite(found), found, -1e6)

    def value(self, x: Vector) -> float:
        found = self.f.value(x)
        return found if math.isfinite(found) else abs(self.origin) * 1e3 + 1e6

    def slopes(self, x: Vector) -> Vector:
        try:
            g = self.f.gradient(x)[1]
        except EvaluationError:
            return np.zeros_like(x)
        return g if np.isfinite(g).all() else np.nan_to_num(g, nan=0.0, posinf=0.0, neginf=0.0)

    def jacobian(self, x: Vector) -> Matrix:
        try:
            return np.nan_to_num(self.c.jacobian(x), nan=0.0, posinf=0.0, neginf=0.0)
        except EvaluationError:
            return np.zeros((len(self.c.equal), len(x)))

    def conditions(self, x: Vector, g: Vector, near: float = NEAR) -> Conditions:
        """Multipliers by least squares with the signs they must have, and what they leave of the gradient."""
        c, a = self.c.value(x), self.c.jacobian(x)
        scale = np.maximum(1.0, np.abs(a) @ np.abs(x))
        short = np.where(self.c.equal, np.abs(c), np.maximum(-c, 0.0)) / scale
        active = self.c.equal | (c <= near * scale)
        units = np.eye(len(x))
        at_low, at_high = (x <= self.box.low), (x >= self.box.high)
        rows = [a[self.c.equal], -a[self.c.equal], a[active & ~self.c.equal], units[at_low], -units[at_high]]
        matrix = np.concatenate(rows).T
        if not (np.isfinite(matrix).all() and np.isfinite(g).all()):
            return Conditions(np.zeros(len(c)), g, math.inf, math.inf, False, False)
        found = scipy_optimize().nnls(matrix, g)[0] if matrix.shape[1] else np.zeros(0)
        many = int(self.c.equal.sum())
        multipliers = np.zeros(len(c))
        multipliers[self.c.equal] = found[:many] - found[many : 2 * many]
        multipliers[active & ~self.c.equal] = found[2 * many : len(found) - int(at_low.sum()) - int(at_high.sum())]
        slope = g - matrix @ found
        value = self.f.value(x)
        test = Test(self.tol, self.origin)
        slack = float((np.abs(c) / scale)[multipliers != 0].max(initial=0.0))
        feasible = bool((short <= self.tol).all())
        return Conditions(multipliers, slope, float(short.max(initial=0.0)), slack, feasible, test.passes(x, value, slope))

    def lagrangian(self, x: Vector, multipliers: Vector) -> Matrix:
        """The Hessian of f - multipliers·c."""
        h = self.f.hessian(x)
        if multipliers.any():
            h = h - np.stack([self.c.product(x, multipliers, unit) for unit in np.eye(len(x))])
        return (h + h.T) / 2


def slsqp(p: Problem, start: Vector, steps: int) -> tuple[Vector, str]:
    """Sequential least squares (Kraft, DFVLR-FB 88-28, 1988), from scipy: where it ends, and what it says."""
    equal = p.c.equal
    rules = [
        {"type": kind, "fun": lambda x, rows=rows: p.values(x)[rows], "jac": lambda x, rows=rows: p.jacobian(x)[rows]}
        for kind, rows in (("eq", equal), ("ineq", ~equal))
        if rows.any()
    ]
    done = scipy_optimize().minimize(
        p.value, start, jac=p.slopes, method="SLSQP", bounds=list(zip(p.box.low, p.box.high, strict=True)), constraints=rules,
        callback=p.told, options={"maxiter": steps, "ftol": 1e-12},
    )  # fmt: skip
    return p.box.clip(np.array(done.x)), str(done.message)


def trust_constr(p: Problem, start: Vector, steps: int) -> tuple[Vector, str]:
    """An interior point method in a trust region (Byrd, Hribar and Nocedal, SIAM J. Optim. 9, 1999), from scipy, with exact Hessians."""
    optimize = scipy_optimize()
    n = len(start)

    def bent(x: Vector, weights: Vector) -> Any:
        if n <= DENSE:
            return np.stack([p.c.product(x, weights, unit) for unit in np.eye(n)])
        return linear_operator(n, lambda v: p.c.product(x, weights, v))

    def curved(x: Vector) -> Any:
        return p.f.hessian(x) if n <= DENSE else linear_operator(n, lambda v: p.f.product(x, v))

    rules = [
        optimize.NonlinearConstraint(
            lambda x, rows=rows: p.values(x)[rows], 0.0, high, lambda x, rows=rows: p.jacobian(x)[rows],
            lambda x, weights, rows=rows: bent(x, spread(weights, rows)),
        )
        for rows, high in ((p.c.equal, 0.0), (~p.c.equal, math.inf))
        if rows.any()
    ]  # fmt: skip
    done = optimize.minimize(
        p.value, start, jac=p.slopes, hess=curved, method="trust-constr", constraints=rules, callback=p.told,
        bounds=optimize.Bounds(p.box.low, p.box.high) if p.box.bounded else None,
        options={"maxiter": steps, "gtol": 1e-10, "xtol": 1e-14, "barrier_tol": 1e-12},
    )  # fmt: skip
    return p.box.clip(np.array(done.x)), str(done.message)


def spread(part: Vector, rows: Any) -> Vector:
    """The numbers of some rows among zeros for the others."""
    found = np.zeros(len(rows))
    found[rows] = part
    return found


METHODS = {"slsqp": slsqp, "trust-constr": trust_constr}


def minimize(
    f: Smooth, c: Constraints, start: Vector, box: Box, method: str, *, tol: float = 1e-8, steps: int = 1000, watch: Watch | None = None
) -> tuple[Outcome, Conditions]:  # fmt: skip
    """The minimum of f under the constraints, and how well the conditions of one hold there."""
    p = Problem(f, c, box, tol, start, watch)
    try:
        x, message = METHODS[method](p, start, steps)
    except (ValueError, np.linalg.LinAlgError) as error:  # what scipy cannot reckon with, such as a region that has grown without end
        x, message = p.box.clip(p.x), str(error)
    x = polished(p, x)
    if (x != p.x).any():
        p.told(x)
    value, g = f.gradient(x)
    found = p.conditions(x, g)
    if found.hold:
        reason = "the gradient of the Lagrangian is zero within the tolerance, and the constraints hold"
        if not len(c.equal):
            reason = "the gradient is zero within the tolerance"
    elif math.isnan(found.violation):
        reason = f"a constraint has no value here ({method} says: {message})"
    elif not found.feasible:
        reason = f"the constraints do not hold: one is off by {found.violation:.2g} of its scale ({method} says: {message})"
    elif endless(value, x, p.origin, start):
        reason = ENDLESS
    else:
        reason = f"{'the constraints hold, but ' if len(c.equal) else ''}the value can still fall ({method} says: {message})"
    return Outcome(x, value, g, p.iterations, found.hold, reason), found


def polished(p: Problem, x: Vector) -> Vector:
    """The best of x and of where Newton's method leads from it, for each choice of the active constraints."""
    if len(x) > DENSE:
        return x
    best, least = x, error(p, x, NEAR)
    for near in WIDER:
        found = refined(p, p.box.snap(x, near), near)
        if error(p, found, NEAR) < least:
            best, least = found, error(p, found, NEAR)
    return best


def refined(p: Problem, x: Vector, near: float) -> Vector:
    """Newton's method on the conditions for the constraints active at x, as long as that brings them closer."""
    least = error(p, x, near)
    for _ in range(POLISHED):
        try:
            moved = p.box.clip(x + newton_step(p, x, p.conditions(x, p.f.gradient(x)[1], near).multipliers))
            found = error(p, moved, near)
        except (EvaluationError, np.linalg.LinAlgError):
            break
        if not found < least:
            break
        x, least = moved, found
    return x


def error(p: Problem, x: Vector, near: float) -> float:
    found = p.conditions(x, p.f.gradient(x)[1], near)
    return norm(found.slope) + found.violation + found.slack


def newton_step(p: Problem, x: Vector, multipliers: Vector) -> Vector:
    """The step, in the elements off their bounds, that solves the linearised conditions; by least squares where they are singular."""
    _, g = p.f.gradient(x)
    free = (x > p.box.low) & (x < p.box.high)
    active = p.c.equal | (multipliers > 0)
    a = p.c.jacobian(x)[active][:, free]
    h = p.lagrangian(x, multipliers)[np.ix_(free, free)]
    n, m = len(h), len(a)
    matrix = np.block([[h, a.T], [a, np.zeros((m, m))]])
    right = -np.concatenate([g[free], p.c.value(x)[active]])
    step = np.zeros_like(x)
    step[free] = np.linalg.lstsq(matrix, right, rcond=None)[0][:n]
    return step

