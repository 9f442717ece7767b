"""L-BFGS-B of scipy (Byrd, Lu, Nocedal and Zhu, SIAM J. Sci. Comput. 16, 1995): curvature learned from gradients, with bounds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from adcli.errors import EvaluationError, LimitError
from adcli.optimize import scipy_optimize
from adcli.optimize.smooth import ENDLESS, ROUNDING, Box, Iterate, Outcome, Smooth, Test, Vector, Watch, endless, norm, stopped

# Searches begun anew from the best point, where one ended before its gradient was small: without a value on the way, mostly.
RESTARTS = 10
FINISHING = 5


def lbfgs(
    f: Smooth, start: Vector, box: Box, *, tol: float = 1e-8, steps: int = 10_000, watch: Watch | None = None
) -> Outcome:  # fmt: skip
    """The minimum that L-BFGS-B finds from `start`; the value and gradient there must be finite."""
    optimize = scipy_optimize()
    run = Search(f, start, box, tol, watch)
    message = ""
    for _ in range(RESTARTS):
        before, best = run.iterations, run.best[0]
        done = optimize.minimize(
            run.value, run.best[1], jac=True, method="L-BFGS-B", bounds=list(zip(box.low, box.high, strict=True)), callback=run.told,
            options={"maxiter": steps - run.iterations, "maxfun": 1_000_000_000, "ftol": 0.0, "gtol": 0.0, "maxcor": 20},
        )  # fmt: skip
        message = str(done.message).rstrip(".")
        if run.done or run.iterations >= steps or (run.iterations == before and run.best[0] >= best):
            break
    if run.converged:
        return run.outcome(True, "the gradient is zero within the tolerance")
    if run.endless:
        return run.outcome(False, ENDLESS)
    if run.iterations >= steps:
        return run.outcome(False, stopped(steps))
    if run.finished():
        return run.outcome(True, "the gradient is zero within the tolerance, after Newton steps at the end")
    return run.outcome(False, f"the line search finds no lower value (L-BFGS-B says: {message})")


class Search:
    """What scipy calls: the function behind a wall where it has no value, and the best point so far."""

    def __init__(self, f: Smooth, start: Vector, box: Box, tol: float, watch: Watch | None) -> None:
        self.f, self.box, self.watch = f, box, watch
        value, g = f.gradient(start)
        self.best = (value, start, g)
        self.test = Test(tol, value)
        self.iterations = 0
        self.start = self.x = start
        self.g = g  # at the last iterate
        self.straight = False  # whether the last step left the gradient as it was
        self.tell(0.0)

    @property
    def converged(self) -> bool:
        value, x, g = self.best
        return self.test.passes(x, value, g, self.box.free(x, g))

    @property
    def done(self) -> bool:
        return self.converged or (self.endless and (self.straight or not math.isfinite(self.best[0])))

    @property
    def endless(self) -> bool:
        return endless(*self.best[:2], self.test.start, self.start)

    def value(self, x: Vector) -> tuple[float, Vector]:
        try:
            value, g = self.f.gradient(x)
        except EvaluationError:
            return self.wall(), np.zeros_like(x)
        except LimitError:
            if math.isnan(self.f.value(x)):
                return self.wall(), np.zeros_like(x)
            raise
        if value == -math.inf:
            self.best = (value, x.copy(), self.best[2])
        if not (math.isfinite(value) and np.isfinite(g).all()):
            return self.wall(), np.zeros_like(x)
        if value < self.best[0] or (value == self.best[0] and norm(g) < norm(self.best[2])):
            self.best = (value, x.copy(), g)
        return value, g

    def wall(self) -> float:
        """What a point without a value counts for: so much that it is never taken, and little enough to reckon with."""
        value, start = self.best[0], self.test.start
        return value + 1e3 * max(1e-3, abs(value), start - value)

    def finished(self) -> bool:
        """Newton steps where rounding hides from the line search what is left to gain; whether they end at a minimum."""
        from adcli.optimize.trust_region import minimize, newton_cg

        done = minimize(self.f, self.best[1], self.box, newton_cg, tol=self.test.tol, steps=FINISHING, origin=self.test.start)
        if done.converged:
            self.best = (done.value, done.x, done.gradient)
            self.iterations += done.iterations
            self.tell(norm(done.x - self.x))
        return done.converged

    def told(self, intermediate_result: Any) -> None:
        self.iterations += 1
        x = np.array(intermediate_result.x)
        self.tell(norm(x - self.x))
        before, self.g, self.x = self.g, self.best[2], x
        self.straight = norm(self.g - before) <= ROUNDING * norm(before)
        if self.done:
            raise StopIteration

    def tell(self, step: float) -> None:
        if self.watch is not None:
            value, x, g = self.best
            self.watch(Iterate(self.iterations, value, norm(g[self.box.free(x, g)]), step, x))

    def outcome(self, converged: bool, reason: str) -> Outcome:
        value, x, g = self.best
        return Outcome(x, value, g, self.iterations, converged, reason)
