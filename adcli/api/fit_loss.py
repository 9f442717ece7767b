"""Fitting by a loss: the parameters for which the sum of a program's output over the rows of data is least.

    softplus(z) - y*z, with z = b0 + b1*x      →      b0, b1 of logistic regression

Where the loss of a row is its negative log-likelihood, the inverse Hessian of the sum at the minimum (the observed information) is the
covariance of the parameters, and standard errors and intervals come from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

from adcli.api.fit import Accuracy, Fit, begin_within, open_directions, reported
from adcli.api.objective import Objective
from adcli.api.rows_model import RowsModel, no_value
from adcli.errors import EvaluationError, UsageError
from adcli.report.fit import FLAT, FitReport, listed

if TYPE_CHECKING:
    from adcli.api.fit import Watch
    from adcli.api.parameters import Parameters
    from adcli.optimize.smooth import Counts, Iterate, Outcome

# Parameters up to which the Hessian is computed, for the steps and for the standard errors; of more, its products with vectors.
FEW = 100
STEPS = 1000
# A Newton step that takes a parameter further from 0 by more than this part of it does not come from a minimum: where a loss falls as
# exp(-b), the step is 1 for ever, and a search ends around b = 30.
PACE = 1e-3
NOWHERE = "no minimum: the loss falls on and on towards {}, as it does where the data separate two classes perfectly"
EPS = 2.0**-52
PASSES = 200  # over all rows, about: it decides whether compiling pays


class Loss:
    """The objective as a minimiser asks for it: nan where some row has no value, and an end to it in time."""

    def __init__(self, objective: Objective, seconds: float | None) -> None:
        self.objective = objective
        self.seconds = seconds
        self.end = None if seconds is None else perf_counter() + seconds

    def _in_time(self) -> None:
        if self.end is not None and perf_counter() > self.end:
            from adcli.engines.limits import timeout_error

            raise timeout_error(self.objective.program.limits)

    def value(self, x: Any) -> float:
        self._in_time()
        try:
            return self.objective.value(x)
        except EvaluationError:
            return math.nan

    def gradient(self, x: Any) -> tuple[float, Any]:
        self._in_time()
        return self.objective.gradient(x)

    def hessian(self, x: Any) -> Any:
        return self.objective.hessian(x)

    def product(self, x: Any, v: Any) -> Any:
        return self.objective.product(x, v)


def fit_loss(
    model: RowsModel, mean: bool, bounds: Mapping[str, tuple[float, float]], level: float = 0.95, steps: int | None = None,
    watch: Watch | None = None,
) -> Fit:  # fmt: skip
    """The least sum (or mean) of the model's output. steps: at the most; watch: is told of every step, its number and the objective."""
    import numpy as np

    from adcli.optimize import trust_region
    from adcli.optimize.smooth import Box, Counted

    parameters = model.parameters
    if not model.values:
        raise UsageError("the loss reads no column of the data", help="its inputs are bound to columns by name")
    box = Box(*begin_within(model, bounds))
    objective = Objective(
        model.program, model.values, parameters.all(parameters.start), parameters.inputs, picked=parameters.picked, of=model.of, mean=mean,
        engine=model.engine, jobs=model.jobs, passes=PASSES, where=model.rows.where,
    )  # fmt: skip
    refuse_start(model, objective)
    counted: Any = Counted(Loss(objective, model.program.limits.timeout))

    def told(now: Iterate) -> None:
        if watch is not None:
            watch(now.iteration, now.value)

    models = trust_region.newton if objective.size <= FEW else trust_region.newton_cg
    with np.errstate(all="ignore"):
        found = trust_region.minimize(counted, parameters.start, box, models, tol=1e-10, steps=steps or STEPS, watch=told)
        free = box.free(found.x, found.gradient)
        flat = found.converged and objective.size <= FEW and bool(free.any()) and vanishing(objective, found, free)
    if flat and (away := running(objective, found, free, parameters)):
        found = found._replace(converged=False, reason=NOWHERE.format(listed(away)))
    report = _report(model, objective, found, counted.counts, free, level, flat)
    values, _, _ = model.gradients(found.x)  # its flags are those of the result
    nothing = np.full(model.rows.count, np.nan)
    return Fit(report, found.x, values, nothing, nothing)


def vanishing(objective: Objective, found: Outcome, free: Any) -> bool:
    """Whether the Hessian goes to 0 where the search ends, and so says nothing of the parameters."""
    import numpy as np

    from adcli.optimize.curvature import flattens

    h = objective.hessian(found.x)[free][:, free]
    diagonal = np.diag(h)
    if not (np.isfinite(h).all() and (diagonal > 0).all()):
        return False
    scale = np.sqrt(diagonal)
    # What is singular to rounding is told as parameters that are not determined.
    return bool(np.linalg.eigvalsh(h / np.outer(scale, scale))[0] > len(h) * EPS) and flattens(objective, found.x, found.gradient, free)


def running(objective: Objective, found: Outcome, free: Any, parameters: Parameters) -> list[str]:
    """Where the parameters go that Newton's step still takes further out; at a minimum it is as good as 0."""
    import numpy as np

    from adcli.optimize.curvature import newton_step

    x, step = found.x, newton_step(objective, found.x, found.gradient, free)
    share = np.abs(step) * np.sqrt(np.abs(np.diag(objective.hessian(x))))
    out = (step * x > 0) & (np.abs(step) > PACE * np.abs(x)) & (share > PACE * share.max(initial=0.0))
    return [f"{parameters.names[k]} = {'inf' if x[k] > 0 else '-inf'}" for k in np.flatnonzero(out)]


def refuse_start(model: RowsModel, objective: Objective) -> None:
    """EvaluationError where the objective or its gradient has no finite value at the start, with the row it is for."""
    import numpy as np

    start = model.parameters.start
    try:
        value, gradient = objective.gradient(start)
    except EvaluationError as error:
        error.help = error.help or "begin elsewhere: --params says where"
        raise
    if math.isfinite(value) and np.isfinite(gradient).all():
        return
    row = objective.culprit(start)
    if row is None:
        said = f"the objective at the start is {value!r}, and no row's part of it is"
        raise EvaluationError(said, help="begin elsewhere: --params says where")
    raise no_value(model.rows, row, objective.value(start, slice(row, row + 1)), None)


def _report(
    model: RowsModel, objective: Objective, found: Outcome, counts: Counts, free: Any, level: float, flat: bool
) -> FitReport:  # fmt: skip
    import numpy as np

    accuracy, told = _accuracy(model, objective, found, free, level, flat)
    return reported(
        model, found.x, accuracy,
        kind="mean of loss" if objective.mean else "sum of loss", objective=found.value, converged=found.converged, reason=found.reason,
        iterations=found.iterations, evaluations=counts.total, freedom=model.rows.count - told,
        measure=("gradient norm", float(np.linalg.norm(found.gradient[free]))),
    )  # fmt: skip


def _accuracy(
    model: RowsModel, objective: Objective, found: Outcome, free: Any, level: float, flat: bool
) -> tuple[Accuracy, int]:  # fmt: skip
    """What the Hessian at the end says, and of how many directions it says something."""
    import numpy as np

    from adcli.optimize.information import Information
    from adcli.optimize.student import normal_quantile

    names, places = model.parameters.names, np.flatnonzero(free)
    covariance = np.full((len(names), len(names)), np.nan)
    notes = dict.fromkeys(names, "no minimum")
    undetermined: list[list[str]] = []
    condition, told = math.nan, len(places)
    if found.converged and len(names) > FEW:
        notes = dict.fromkeys(names, "not computed")
    elif found.converged and flat:
        notes = dict.fromkeys(names, FLAT)
    elif found.converged:
        scale = model.rows.count if objective.mean else 1
        information = Information(scale * objective.hessian(found.x)[np.ix_(places, places)])
        undetermined = open_directions(information.null, [names[k] for k in places])
        condition, told = information.condition, information.rank
        if information.positive:
            covariance[np.ix_(places, places)] = information.inverse()
    return Accuracy(covariance, normal_quantile(level), level, free, undetermined, notes, condition), told
