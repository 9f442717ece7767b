"""Minimisation of a program's output by its exact derivatives: which method, the run, and what is at its end.

    minimum, result = minimize(program, {"x": -1.2, "y": 1})
    minimum.at          {"x": 1.0, "y": 1.0}

The methods are those of `adcli.optimize`; here the program becomes a function of a flat vector, and the end is looked at: is the
gradient zero, do the constraints hold, is the Hessian positive definite?
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.api.program import Program, Result
from adcli.api.target import OverRows, Pointwise, Target
from adcli.api.variables import Variables
from adcli.engines.limits import timeout_error
from adcli.errors import UsageError
from adcli.report.minimum import Held, Minimum, Step

if TYPE_CHECKING:
    from adcli.api.constraints import Stacked
    from adcli.api.objective import Objective
    from adcli.optimize.constrained import Conditions
    from adcli.optimize.smooth import Box, Counted, Iterate, Matrix, Outcome, Vector

METHODS = ("auto", "newton", "newton-cg", "lbfgs", "gd", "momentum", "adam", "sgd", "slsqp", "trust-constr")
DESCENT = ("gd", "momentum", "adam", "sgd")
CONSTRAINED = ("slsqp", "trust-constr")
# A Hessian takes a sweep for each variable. Conjugate gradients rarely take as many, and less the more there are; below so many,
# the Hessian's eigenvalues are worth the sweeps: no badly scaled problem escapes them.
FEW = 100
STEPS = {"newton": 1000, "newton-cg": 1000, "slsqp": 1000, "trust-constr": 1000}
EPOCHS = 100
MANY_STEPS = 10_000
RATE = 0.01
# Eigenvalues this small beside the largest are zero, as far as rounding lets be seen, once the variables are scaled.
ZERO = 1e-12


class Settings(NamedTuple):
    """method: one of METHODS. tol: see `adcli.optimize.smooth.Test`. steps: iterations at the most. rate, decay: of gd, momentum, adam.

    bounds: (low, high) by input or element, None for no bound. constraints: "x + y = 1", "x^2 + y^2 <= 1", …
    batch: rows for each step of sgd, momentum or adam over data, in an order drawn from `seed` for each epoch; an iteration is an epoch.
    """

    method: str = "auto"
    tol: float = 1e-8
    steps: int | None = None
    rate: float | None = None
    decay: float | None = None
    bounds: Mapping[str, tuple[float | None, float | None]] = {}
    constraints: Sequence[str] = ()
    batch: int | None = None
    seed: int = 0


def minimize(
    program: Program, at: Mapping[str, Any], settings: Settings | None = None, wrt: Sequence[str] | None = None, of: str | None = None,
    watch: Callable[[Step], None] | None = None,
) -> tuple[Minimum, Result]:  # fmt: skip
    """The minimum of a scalar output that is found from the point `at`, and the result at it, with its flags.

    watch: is told of every iteration. Raises UsageError for settings that make no sense, EvaluationError where the start has no value.
    """
    from adcli.api.constraints import with_variables

    told = settings or Settings()
    return Search(Pointwise(with_variables(program, told.constraints, at), at, wrt, of), told).find(watch)


class Search:
    """One minimisation: `variables` is known at once, `find` runs it."""

    def __init__(self, target: Target, settings: Settings) -> None:
        from adcli.optimize.smooth import Counted

        self.target, self.given = target, settings
        self.program, self.variables = target.program, target.variables
        self.watch: Callable[[Step], None] | None = None
        self.box = box(self.variables, settings.bounds)
        self.moved = self.variables.begin_within(self.box)
        self.f: Counted = Counted(target.f)
        self.constraints = self._constraints(settings.constraints)
        self.method = self._method(settings.method)
        target.startable()
        self.origin = target.f.value(self.variables.start)
        limit = self.program.limits.timeout
        self.deadline = None if limit is None else perf_counter() + limit
        self.rule: Any = None

    def _constraints(self, texts: Sequence[str]) -> Stacked | None:
        if not texts:
            return None
        from adcli.api.constraints import Stacked

        return Stacked(texts, self.variables)

    def _method(self, name: str) -> str:
        """The method, or what `auto` stands for; UsageError where it cannot do what is asked."""
        if name not in METHODS:
            raise UsageError(f"there is no method '{name}'", help=f"choose one of {', '.join(METHODS)}")
        if self.constraints is not None:
            if name not in ("auto", *CONSTRAINED):
                raise UsageError(f"{name} takes no constraints", help="--method slsqp and trust-constr do; bounds go with any method")
            return "slsqp" if name == "auto" else name
        if self.given.rate is not None and name not in DESCENT:
            raise UsageError(f"{name} has no learning rate", help=f"--lr goes with --method {', '.join(DESCENT)}")
        if self.given.decay is not None and name != "momentum":
            raise UsageError(f"{name} has no momentum", help="--momentum goes with --method momentum")
        if name == "sgd" or self.given.batch is not None:
            self._stochastic(name)
        return name if name != "auto" else "newton" if self.variables.size <= FEW else "newton-cg"

    def _stochastic(self, name: str) -> None:
        """Steps by batches of rows need rows, and a method that takes what these say."""
        if not isinstance(self.target, OverRows):
            raise UsageError("steps by batches of rows need data", help="--data FILE gives rows; --method gd takes steps without")
        if name not in ("sgd", "momentum", "adam"):
            raise UsageError(f"{name} takes all rows", help="--batch goes with --method sgd, momentum and adam")
        if self.box.bounded:
            raise UsageError("steps by batches of rows take no bounds", help="a method that takes all rows does, such as lbfgs")

    def find(self, watch: Callable[[Step], None] | None = None) -> tuple[Minimum, Result]:
        self.watch = watch
        return self._minimum(*self._run())

    def value(self, x: Sequence[float]) -> float:
        """The value at other values of the variables, nan where there is none."""
        import numpy as np

        return self.f.f.value(np.array(x, float))

    def _run(self) -> tuple[Outcome, Conditions | None]:
        """The method's outcome; with constraints, how well the conditions of a minimum hold."""
        import numpy as np

        steps = self.given.steps if self.given.steps is not None else STEPS.get(self.method, MANY_STEPS)
        with np.errstate(all="ignore"):
            if self.method in CONSTRAINED:
                from adcli.optimize import constrained

                stacked = self.constraints or Unconstrained()
                return constrained.minimize(
                    self.f, stacked, self.variables.start, self.box, self.method, tol=self.given.tol, steps=steps, watch=self.told
                )  # fmt: skip
            if isinstance(self.target, OverRows) and (self.method == "sgd" or self.given.batch is not None):
                return self._trained(self.target.objective), None
            return self._free()(self.f, self.variables.start, self.box, tol=self.given.tol, steps=steps, watch=self.told), None

    def _free(self) -> Callable[..., Outcome]:
        """The method as a function of the objective, the start and the box."""
        if self.method in DESCENT:
            from adcli.optimize import descent, first_order

            own = {} if self.given.decay is None else {"decay": self.given.decay}
            searched = self.method == "gd" and self.given.rate is None
            rate = (1.0 if searched else RATE) if self.given.rate is None else self.given.rate
            self.rule = descent.make(self.method, rate, self.variables.size, **own)
            return lambda f, x, within, **rest: first_order.descend(f, x, within, self.rule, searched=searched, **rest)
        if self.method == "lbfgs":
            from adcli.optimize.quasi_newton import lbfgs

            return lbfgs
        from adcli.optimize import trust_region

        models = trust_region.newton if self.method == "newton" else trust_region.newton_cg
        return lambda f, x, within, **rest: trust_region.minimize(f, x, within, models, **rest)

    def _trained(self, objective: Objective) -> Outcome:
        """A training run, whose iterations are epochs."""
        from adcli.api import training
        from adcli.optimize.smooth import Iterate, Outcome, Test, norm, stopped

        epochs = EPOCHS if self.given.steps is None else self.given.steps
        rate, decay = self.given.rate or RATE, 0.9 if self.given.decay is None else self.given.decay
        told = training.Settings(self.method, rate, epochs, self.given.batch or 1, True, self.given.seed, decay=decay)
        run = training.Training(objective, told)
        before = run.x.copy()
        start, g = self.f.gradient(before)
        self.told(Iterate(0, start, norm(g), 0.0, before))

        def watch() -> None:
            nonlocal before
            if run.position == 0:
                value, g = self.f.gradient(run.x.copy())
                self.told(Iterate(run.epoch, value, norm(g), norm(run.x - before), run.x))
                before = run.x.copy()

        run.go(watch)
        self.rule = run.rule
        value, g = self.f.gradient(run.x.copy())
        converged = Test(self.given.tol, start).passes(run.x, value, g)
        reason = "the gradient is zero within the tolerance" if converged else stopped(epochs, "epoch")
        return Outcome(run.x, value, g, run.epoch, converged, reason)

    def told(self, now: Iterate) -> None:
        if self.deadline is not None and perf_counter() > self.deadline:
            raise timeout_error(self.program.limits)
        if self.watch is not None:
            self.watch(Step(*now[:4], self.f.counts.total, now.x.copy()))

    def _minimum(self, outcome: Outcome, conditions: Conditions | None) -> tuple[Minimum, Result]:
        """The outcome with names, and what kind of point it is."""
        from adcli.optimize.smooth import norm

        v, x = self.variables, outcome.x
        counts = self.f.counts.by_kind()
        free = self.box.free(x, outcome.gradient)
        slope = outcome.gradient[free] if conditions is None else conditions.slope
        kind, curvature = self._kind(outcome, conditions, free)
        converged, reason = outcome.converged, outcome.reason
        if kind in ("saddle", "maximum"):
            converged, reason = False, "the gradient is zero, but this is no minimum"
        ends = zip(v.names, self.box.low, self.box.high, x, strict=True)
        at_bounds = [name for name, low, high, here in ends if math.isfinite(here) and here in (low, high)]
        return Minimum(
            self.method, v.point(x), v.names, outcome.value, v.named(outcome.gradient), norm(slope), outcome.iterations, converged, reason,
            counts, kind, curvature, at_bounds, self._held(x, conditions), {} if self.rule is None else self.rule.settings,
        ), self._result(x)  # fmt: skip

    def _result(self, x: Vector) -> Result:
        """Value and gradient at the end, with the flags of the start; that constraints alone read a variable is no news."""
        found = self.target.result(x)
        read = set() if self.constraints is None else {name for c in self.constraints.each for name in c.reads}
        found.flags = [*self.moved, *(flag for flag in found.flags if flag.code != "no-path" or flag.op not in read)]
        return found

    def _kind(self, outcome: Outcome, conditions: Conditions | None, free: Any) -> tuple[str, tuple[float, float] | None]:
        """What the second derivatives say, along what may move: see KINDS in report/minimum."""
        if not outcome.converged:
            return "none", None
        if conditions is not None:
            return self._kind_constrained(outcome, conditions)
        if not free.any():
            return "corner", None
        if self.variables.size > FEW:
            import numpy as np

            from adcli.optimize.curvature import extremes

            ends = extremes(lambda u: np.where(free, self.f.f.product(outcome.x, np.where(free, u, 0.0)), 0.0), free)
            return kind(ends.low, ends.high, self._bends(outcome, ends.low, ends.high)), (ends.low, ends.high)
        from adcli.optimize.curvature import flattens, newton_step

        h = self.f.f.hessian(outcome.x)
        found, curvature = classified(h[free][:, free], partial(self._bends, outcome), outcome.x[free])
        if found == "minimum" and flattens(self.f.f, outcome.x, h, newton_step(h, outcome.gradient, free), free):
            found = "flat"
        return found, curvature

    def _bends(self, outcome: Outcome, low: float, high: float) -> bool:
        """Whether curvature is negative, in units of max(1, |x|)."""
        from adcli.optimize.smooth import Test

        return Test(self.given.tol, self.origin).bends(low, high, outcome.value)

    def _kind_constrained(self, outcome: Outcome, conditions: Conditions) -> tuple[str, tuple[float, float] | None]:
        """The Hessian of the Lagrangian, along the directions that the active constraints and bounds leave."""
        import numpy as np

        x = outcome.x
        if self.variables.size > FEW:
            return "unknown", None
        free = (x > self.box.low) & (x < self.box.high)
        stacked = self.constraints or Unconstrained()
        active = stacked.equal | (conditions.multipliers > 0)
        rows = stacked.jacobian(x)[active][:, free] if len(active) else np.zeros((0, int(free.sum())))
        _, s, vt = np.linalg.svd(rows, full_matrices=True)
        rank = int((s > 1e-10 * s.max(initial=0.0)).sum())
        z = vt[rank:].T
        if not z.size:
            return "corner", None
        h = self.f.f.hessian(x)
        if conditions.multipliers.any():
            h = h - np.stack([stacked.product(x, conditions.multipliers, unit) for unit in np.eye(len(x))])
        return classified(z.T @ h[np.ix_(free, free)] @ z, partial(self._bends, outcome))

    def _held(self, x: Vector, conditions: Conditions | None) -> list[Held]:
        if self.constraints is None or conditions is None:
            return []
        values, multipliers = self.constraints.parts(self.constraints.value(x)), self.constraints.parts(conditions.multipliers)
        held = []
        for c, value, multiplier in zip(self.constraints.each, values, multipliers, strict=True):
            active = c.relation.sign == "=" or bool((multiplier > 0).any())
            left, weight = ((part.reshape(c.shape) if c.shape else float(part[0])) for part in (value, multiplier))
            held.append(Held(c.relation.shown, left, weight, active))
        return held


class Unconstrained:
    """No constraints, for methods that take some."""

    def __init__(self) -> None:
        import numpy as np

        self.equal = np.zeros(0, dtype=bool)

    def value(self, x: Vector) -> Vector:
        return x[:0]

    def jacobian(self, x: Vector) -> Matrix:
        import numpy as np

        return np.zeros((0, len(x)))

    def product(self, x: Vector, weights: Vector, v: Vector) -> Vector:
        return 0.0 * v


def box(variables: Variables, bounds: Mapping[str, tuple[float | None, float | None]]) -> Box:
    """Bounds by element; UsageError where they leave nothing."""
    from adcli.optimize.smooth import everywhere

    made = everywhere(variables.size)
    for name, (low, high) in bounds.items():
        for k in variables.places(name):
            made.low[k] = max(made.low[k], -math.inf if low is None else low)
            made.high[k] = min(made.high[k], math.inf if high is None else high)
    for name, low, high in zip(variables.names, made.low, made.high, strict=True):
        if not low <= high:
            raise UsageError(f"the bounds of '{name}' leave nothing: {low:g} to {high:g}", help="the lower bound comes first: x=0:1")
    return made


def classified(h: Matrix, bends: Callable[[float, float], bool], x: Vector | None = None) -> tuple[str, tuple[float, float] | None]:
    """What kind of point has this Hessian, and its lowest and highest eigenvalue.

    bends: whether extreme eigenvalues, in units of max(1, |x|) if there is an x, mean negative curvature. Positive definite is what has
    positive eigenvalues once it is scaled to a unit diagonal (Sylvester's law of inertia), so that units do not hide them.
    """
    import numpy as np

    if not np.isfinite(h).all():
        return "unknown", None
    values = np.linalg.eigvalsh(h)
    size = np.ones(len(h)) if x is None else np.maximum(1.0, np.abs(x))
    sized = np.linalg.eigvalsh(h * np.outer(size, size))
    scale = np.sqrt(np.abs(h.diagonal()))
    scale = np.where(scale > 0, scale, 1.0)
    w = np.linalg.eigvalsh(h / np.outer(scale, scale))
    negative = bends(float(sized[0]), float(sized[-1]))
    return kind(float(w[0]), float(w[-1]), negative), (float(values[0]), float(values[-1]))


def kind(low: float, high: float, bends: bool) -> str:
    """By the extreme eigenvalues, and whether curvature is negative."""
    size = max(abs(low), abs(high))
    if bends:
        return "saddle" if high > ZERO * size else "maximum"
    return "minimum" if low > ZERO * size else "flat"
