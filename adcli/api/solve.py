"""Roots: the point where all outputs of a program are 0, or where equations hold, by Newton's method with exact Jacobians.

    root, result = solve(compile("output f = x^2 + y^2 - 1; output g = x - y"), {"x": 1, "y": 0.5})
    root.at             {"x": 0.7071067811865476, "y": 0.7071067811865476}

`equations(["x^2 + y^2 = 1", "x = y"])` makes such a program of equations.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from adcli.api import derivatives
from adcli.api.minimize import box
from adcli.api.program import Program, Result, compile
from adcli.api.relations import Relation, Told, relations
from adcli.api.steady import steady
from adcli.api.variables import Variables
from adcli.engines.limits import timeout_error
from adcli.errors import EvaluationError, LimitError, UsageError
from adcli.report.root import Root

if TYPE_CHECKING:
    from collections.abc import Callable

    from adcli.optimize.roots import Root as Found
    from adcli.optimize.smooth import Box, Iterate, Matrix, Vector

STEPS = 500
# What is left of an equation at a root in a bracket, beside its values at the ends: a pole or a jump has more.
LEFT = 1e-6


class Equations:
    """The outputs of a program as a system in its variables; where it does not run, it has no values."""

    def __init__(self, variables: Variables) -> None:
        import numpy as np

        self.variables = variables
        self.variant = variables.setting.variant
        self.program = variables.setting.program
        first = self.variant.run(variables.args(variables.start))
        self.shapes = [getattr(value, "shape", ()) for value in first]
        self.start = np.concatenate([np.reshape(np.float64(value), -1) for value in first])
        for k, name in enumerate(self.program.outputs):
            if not variables.setting.real(k):
                raise UsageError(f"output '{name}' is an integer, and an equation is of reals", help="make it a real: 1.0*n")

    @property
    def size(self) -> int:
        return len(self.start)

    def value(self, x: Vector) -> Vector:
        import numpy as np

        try:
            return self._flat(self.variant.bare(("value", (), None, ()), self.variables.args(x)))
        except EvaluationError:
            return np.full(self.size, math.nan)
        except LimitError:
            if self.program.limits.timeout is not None:
                raise
            return np.full(self.size, math.nan)

    def jacobian(self, x: Vector) -> Matrix:
        """One forward sweep for each variable."""
        import numpy as np

        args, inputs = self.variables.args(x), self.variables.inputs
        columns = []
        for unit in np.eye(self.variables.size):
            results = self.variant.bare(("forward", inputs, None, ()), [*args, *self.variables.parts(unit)])
            columns.append(self._flat(results[len(self.shapes) :]))
        return np.stack(columns, 1)

    def _flat(self, values: Sequence[Any]) -> Vector:
        import numpy as np

        return np.concatenate([np.reshape(np.float64(value), -1) for value in values])

    def named(self, residuals: Vector) -> dict[str, Any]:
        """Residuals by output."""
        found: dict[str, Any] = {}
        at = 0
        for name, shape in zip(self.program.outputs, self.shapes, strict=True):
            size = math.prod(shape)
            found[name] = residuals[at : at + size].reshape(shape) if shape else float(residuals[at])
            at += size
        return found


def solve(
    program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None = None,
    bounds: Mapping[str, tuple[float | None, float | None]] | None = None, tol: float = 1e-8, steps: int | None = None,
    watch: Callable[[Iterate], None] | None = None,
) -> tuple[Root, Result]:  # fmt: skip
    """A root near a point, and the result there, with its flags; where there is none, the point that comes closest.

    bounds: (low, high) by input or element; with both for the only variable, the start may be left out. Raises UsageError where there
    are not as many equations as variables, EvaluationError where the start has no values.
    """
    return Search(program, at, wrt, bounds or {}).find(tol, steps, watch)


def middle(program: Program, at: Mapping[str, Any], bounds: Mapping[str, tuple[float | None, float | None]]) -> dict[str, float]:
    """Starts between the bounds for inputs that have none of their own."""
    needed = {given.name for given in program.inputs if given.default is None} - set(at)
    found = {}
    for name in needed & set(bounds):
        low, high = bounds[name]
        if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
            found[name] = low + (high - low) / 2
    return found


class Search:
    """One search for a root."""

    def __init__(
        self, program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, bounds: Mapping[str, tuple[float | None, float | None]]
    ) -> None:  # fmt: skip
        at = {**middle(program, at, bounds), **at}
        setting = derivatives.Setting(program, at)
        inputs = setting.wrt(wrt)
        if inputs and all(map(setting.real, range(len(program.outputs)))):
            still = [derivatives.zeros(setting.variant.types[k].shape) for k in inputs]
            program = steady(setting, ("forward", inputs, None, ()), [*setting.args, *still])
        self.program = program
        self.variables = Variables(derivatives.Setting(program, at), wrt, "solve")
        self.box: Box = box(self.variables, bounds)
        self.moved = self.variables.begin_within(self.box)
        self.equations = Equations(self.variables)
        self._square()
        self._startable()
        self.deadline = None if program.limits.timeout is None else perf_counter() + program.limits.timeout

    def _square(self) -> None:
        m, n = self.equations.size, self.variables.size
        if m != n:
            names = ", ".join(self.variables.names[:8]) + (", …" if n > 8 else "")
            few = "hold variables with --wrt, or give more equations" if m < n else "leave some out, or minimise the sum of their squares"
            raise UsageError(f"{m} equation{'s' * (m != 1)} and {n} variable{'s' * (n != 1)} ({names}): there must be as many", help=few)

    def _startable(self) -> None:
        import numpy as np

        if not np.isfinite(self.equations.start).all():
            flags = self.variables.setting.variant.flags
            why = f": {flags[0].message}" if flags else ""
            span = next((flag.span for flag in flags if flag.span is not None), None)
            raise EvaluationError(
                f"the equations have no finite values at the start{why}", span, source=self.program.source if span else None,
                help="start with --at where they have",
            )  # fmt: skip
        if not np.isfinite(self.equations.jacobian(self.variables.start)).all():
            raise EvaluationError("the Jacobian at the start is not finite", help="start with --at elsewhere")

    def find(self, tol: float, steps: int | None = None, watch: Callable[[Iterate], None] | None = None) -> tuple[Root, Result]:
        import numpy as np

        from adcli.optimize import roots

        steps = STEPS if steps is None else steps

        def told(now: Iterate) -> None:
            if self.deadline is not None and perf_counter() > self.deadline:
                raise timeout_error(self.program.limits)
            if watch is not None:
                watch(now)

        with np.errstate(all="ignore"):
            bracketed = self._bracketed(steps)
            if bracketed is not None:
                return self._root("bracket", *bracketed)
            found, counts = roots.solve(self.equations, self.variables.start, self.box, tol=tol, steps=steps, watch=told)
            return self._root("newton", found, {"value": counts.value, "jacobian": counts.gradient})

    def _bracketed(self, steps: int) -> tuple[Found, dict[str, int]] | None:
        """One equation between two bounds where it differs in sign."""
        import numpy as np

        from adcli.optimize import roots
        from adcli.optimize.smooth import stopped

        low, high = float(self.box.low[0]), float(self.box.high[0])
        if self.variables.size > 1 or not (math.isfinite(low) and math.isfinite(high)):
            return None
        counts = {"value": 0, "jacobian": 0}

        def value(x: float) -> float:
            counts["value"] += 1
            return float(self.equations.value(np.array([x]))[0])

        def slope(x: float) -> float:
            counts["jacobian"] += 1
            try:
                return float(self.equations.jacobian(np.array([x]))[0, 0])
            except EvaluationError:
                return math.nan

        done = roots.bracketed(value, slope, roots.Bracket(low, high), steps)
        if done is None:
            return None
        x, y, iterations = done
        d = slope(x)
        step = abs(y / d) / max(1.0, abs(x)) if d else (0.0 if y == 0 else math.inf)
        converged = abs(y) <= LEFT * max(abs(value(low)), abs(value(high)))
        reason = "the sign changes between neighbouring numbers" if y else "the equation holds exactly"
        if not converged:
            reason = "the sign changes without a root: at a pole, or a jump"
        if iterations >= steps:
            converged, reason = False, stopped(steps)
        at = np.array([x])
        return roots.Root(at, np.array([y]), iterations, converged, reason, step, 1.0 if d else math.inf), counts

    def _root(self, method: str, found: Found, counts: dict[str, int]) -> tuple[Root, Result]:
        from adcli.optimize.smooth import norm

        point = self.variables.point(found.x)
        result = derivatives.evaluate(self.program, point)
        result.flags = [*self.moved, *result.flags]
        made = Root(
            method, point, self.equations.named(found.residuals), norm(found.residuals), found.iterations, found.converged, found.reason,
            counts, found.newton, found.condition,
        )  # fmt: skip
        return made, result


def equations(texts: Sequence[str], **options: Any) -> Program:
    """A program whose outputs are the differences of the sides of equations. options: those of `compile`."""
    found: list[Relation] = []
    for text in texts:
        for relation in relations(text, "--equation"):
            if relation.sign != "=":
                raise UsageError(f"'{relation.shown}' is no equation", help="an equation has =")
            found.append(relation)
    before = [f"output equation{k + 1} = " for k in range(len(found))]
    return compile(Told(found, before, "<equations>"), **options)
