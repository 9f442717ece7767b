"""What is minimised: an output of a program at a point, or its sum or mean over rows of data, as a function of its variables.

Both know the value at the start, tell what is wrong with it, and give the result at the end with its flags.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from adcli.api import derivatives
from adcli.api.program import Program, Result
from adcli.api.steady import steady
from adcli.api.variables import Scalar, Variables, attempt
from adcli.errors import EvaluationError, UsageError

if TYPE_CHECKING:
    from adcli.api.objective import Objective
    from adcli.optimize.smooth import Matrix, Smooth, Vector

HINT = "start with --at where the program has a finite value and gradient"


class Target(Protocol):
    """program: with the engine of the whole search; variables: what moves; f: the function of them."""

    program: Program
    variables: Variables
    f: Smooth

    def startable(self) -> None:
        """EvaluationError where value or gradient at the start are not finite."""

    def result(self, x: Vector) -> Result:
        """Value and gradient at the end, with the flags."""


class Pointwise:
    """A scalar output at a point."""

    def __init__(self, program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> None:
        setting = derivatives.Setting(program, at)
        self.of = setting.scalar_output(of, "a minimum")
        inputs = setting.wrt(wrt)
        if inputs and setting.real(self.of):
            program = steady(setting, ("reverse", inputs, self.of, ()), [*setting.args, 1.0])
        self.program = program
        self.variables = Variables(derivatives.Setting(program, at), wrt)
        self.f: Smooth = Scalar(self.variables, self.of)

    def result(self, x: Vector) -> Result:
        v = self.variables
        return derivatives.gradient(self.program, v.point(x), v.owners, self.program.outputs[self.of], "reverse")

    def startable(self) -> None:
        import numpy as np

        v = self.variables
        result = self.result(v.start)
        value = float(result.outputs[self.program.outputs[self.of]])
        why = f": {result.flags[0].message}" if result.flags else ""
        span = next((flag.span for flag in result.flags if flag.span is not None), None)
        source = self.program.source if span is not None else None
        if not math.isfinite(value):
            raise EvaluationError(f"the value at the start is {value!r}{why}", span, source=source, help=HINT)
        if not np.isfinite(v.flat([result.derivative[owner] for owner in v.owners])).all():
            raise EvaluationError(f"the gradient at the start is not finite{why}", span, source=source, help=HINT)


class OverRows:
    """The sum or mean of a scalar output over rows. objective: of `adcli.api.objective`; variables: the inputs that are no columns."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.program = objective, objective.program
        samples = {name: derivatives.zeros(a.shape[1:]) if a.dtype.kind == "f" else 0 for name, a in objective.data.items()}
        at = {name: value for name, value in zip(objective.variant.names, objective.args, strict=True) if name not in samples}
        setting = derivatives.Setting(self.program, {**at, **samples})
        self.variables = Variables(setting, [objective.variant.names[k] for k in objective.wrt], hidden=frozenset(samples))
        self.f: Smooth = Summed(objective)

    def result(self, x: Vector) -> Result:
        value, g = self.objective.gradient(x)
        name = self.program.outputs[self.objective.of]
        found = Result({name: value}, list(self.objective.flags), "reverse")
        found.derivative = self.variables.named(g)
        return found

    def startable(self) -> None:
        import numpy as np

        f, x = self.objective, self.variables.start
        value, g = f.gradient(x)
        if math.isfinite(value) and np.isfinite(g).all():
            return
        row = f.culprit(x)
        what = "the value" if not math.isfinite(value) else "the gradient"
        where = "the sum leaves the range of numbers" if row is None else f.where(row)
        raise EvaluationError(f"{what} at the start is not finite: {where}", help=HINT)


class Summed:
    """An objective over rows where it has a value."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective
        self.timeout = objective.program.limits.timeout

    def value(self, x: Vector) -> float:
        return attempt(self.timeout, lambda: self.objective.value(x))

    def gradient(self, x: Vector) -> tuple[float, Vector]:
        value, g = self.objective.gradient(x)
        return float(value), g

    def hessian(self, x: Vector) -> Matrix:
        found: Matrix = self.objective.hessian(x)
        return found

    def product(self, x: Vector, v: Vector) -> Vector:
        found: Vector = self.objective.product(x, v)
        return found


def over_rows(
    program: Program, data: Mapping[str, Any], at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None, **options: Any
) -> OverRows:  # fmt: skip
    """The target over columns of data; options: those of `Objective`, such as mean."""
    from adcli.api.objective import Objective

    names = [item.name for item in program.inputs if item.kind == "real" and item.name not in data] if wrt is None else list(wrt)
    column = next((name for name in names if name in data), None)
    if column is not None:
        raise UsageError(f"'{column}' is a column of the data and no variable", help="leave it out of --wrt")
    return OverRows(Objective(program, data, at, names, of=of, **options))
