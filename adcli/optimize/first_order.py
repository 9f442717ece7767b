"""Descent by gradients alone, with the step rules of `descent`: gd, momentum, adam; cut off at bounds."""

from __future__ import annotations

import math

import numpy as np

from adcli.errors import EvaluationError
from adcli.optimize.descent import Rule
from adcli.optimize.smooth import BOTTOM, ENDLESS, ROUNDING, Box, Iterate, Outcome, Smooth, Test, Vector, Watch, norm, stopped

# Times the rate is halved in a row for a step that ends where there is no value, or is not low enough.
HALVINGS = 60
# A value that has grown by so much has no way back.
GROWN = 1e10
# The part of what the slope promises that a searched step must bring (Armijo, Pacific J. Math. 16, 1966).
PROMISED = 1e-4


def descend(
    f: Smooth, start: Vector, box: Box, rule: Rule, *, searched: bool = False, tol: float = 1e-8, steps: int = 10_000,
    watch: Watch | None = None,
) -> Outcome:  # fmt: skip
    """Steps of `rule` from `start`, where value and gradient must be finite. The outcome is the last point, as in training.

    A step that ends where there is no value is taken back, and taken with half the rate from then on.
    searched: every step must lower the value, for which the rate is halved and doubled.
    """
    run = Descent(f, start, box, rule, watch)
    test = Test(tol, run.value)
    for k in range(steps):
        reason = run.advance(k + 1, searched) if not test.passes(run.x, run.value, run.g, run.free) else ZERO
        if reason:
            return run.outcome(k, reason == ZERO, reason)
        if run.value - test.start > GROWN * max(1.0, abs(test.start)):
            grown = f"the value has grown from {test.start:.6g} to {run.value:.6g}: the rate {rate(rule):.3g} is too large"
            return run.outcome(k + 1, False, grown)
    if test.passes(run.x, run.value, run.g, run.free):
        return run.outcome(steps, True, ZERO)
    return run.outcome(steps, False, stopped(steps))


ZERO = "the gradient is zero within the tolerance"


class Descent:
    """One descent: the point, its value and gradient."""

    def __init__(self, f: Smooth, start: Vector, box: Box, rule: Rule, watch: Watch | None) -> None:
        self.f, self.box, self.rule, self.watch = f, box, rule, watch
        self.at(start.copy(), *f.gradient(start))
        self.tell(0, 0.0)

    def at(self, x: Vector, value: float, g: Vector) -> None:
        self.x, self.value, self.g, self.free = x, value, g, self.box.free(x, g)

    def tell(self, k: int, step: float) -> None:
        if self.watch is not None:
            self.watch(Iterate(k, self.value, norm(self.g[self.free]), step, self.x))

    def outcome(self, k: int, converged: bool, reason: str) -> Outcome:
        return Outcome(self.x, self.value, self.g, k, converged, reason)

    def advance(self, k: int, searched: bool) -> str:
        """One step, the rate halved until its end has a value; why, if there is none."""
        if searched:
            change(self.rule, 2.0)
        kept = self.rule.state()
        for _ in range(HALVINGS):
            x = self.x.copy()
            self.rule.step(x, self.g)
            x = self.box.clip(x)
            if (x == self.x).all():
                return "the steps are below the rounding of the variables"
            value, g = self.tried(x)
            fine = math.isfinite(value) and np.isfinite(g).all() and (not searched or self.lower(x, value, g))
            if value == -math.inf or fine:
                moved = norm(x - self.x)
                self.at(x, value, g)
                self.tell(k, moved)
                return ENDLESS if value < BOTTOM else ""
            self.rule.restore(kept)
            change(self.rule, 0.5)
        return f"no step has a value that is {'lower' if searched else 'finite'}, down to the rate {rate(self.rule):.3g}"

    def lower(self, x: Vector, value: float, g: Vector) -> bool:
        """Whether a step is good enough; by the slopes at its ends where rounding hides the change of the value."""
        promised, brought = float(self.g @ (x - self.x)), value - self.value
        if abs(brought) <= ROUNDING * abs(self.value):  # Hager and Zhang, SIAM J. Optim. 16, 2005
            return float(g @ (x - self.x)) <= (2 * PROMISED - 1) * promised
        return brought <= PROMISED * promised

    def tried(self, x: Vector) -> tuple[float, Vector]:
        try:
            return self.f.gradient(x)
        except EvaluationError:
            return math.nan, self.g


def rate(rule: Rule) -> float:
    return float(rule.settings["rate"])


def change(rule: Rule, factor: float) -> None:
    """The rate times that, from now on."""
    rule.rate *= factor
    rule.settings["rate"] = rule.rate
