"""Fitting by a loss: the parameters for which the sum of a program's output over the rows of data is least.

    softplus(z) - y*z, with z = b0 + b1*x      →      b0, b1 of logistic regression

Where the loss of a row is its negative log-likelihood, the inverse Hessian of the sum at the minimum (the observed information) is the
covariance of the parameters, and standard errors and intervals come from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, Any

from adcli.api.fit import Accuracy, Fit, begin_within, open_directions, reported
from adcli.api.objective import Objective
from adcli.api.rows_model import RowsModel, no_value
from adcli.api.target import Summed
from adcli.engines.limits import timeout_error
from adcli.errors import EvaluationError, UsageError
from adcli.report.fit import FLAT, FitReport, listed

if TYPE_CHECKING:
    from adcli.api.fit import Watch
    from adcli.optimize.smooth import Counts, Iterate, Outcome, Smooth

# Parameters up to which the Hessian is computed, for the steps and for the standard errors; of more, its products with vectors.
FEW = 100
STEPS = 1000
# A Newton step that takes a parameter further from 0 by more than this part of it does not come from a minimum: where a loss falls as
# exp(-b), the step is 1 for ever, and a search ends around b = 30.
PACE = 1e-3
NOWHERE = "no minimum: the loss falls on and on towards {}, as it does where the data separate two classes perfectly"
EPS = 2.0**-52
PASSES = 200  # over all rows, about: it decides whether compiling pays


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
    counted = Counted(Summed(objective))
    limit = model.program.limits.timeout
    end = math.inf if limit is None else perf_counter() + limit

    def told(now: Iterate) -> None:
        if perf_counter() > end:
            raise timeout_error(model.program.limits)
        if watch is not None:
            watch(now.iteration, now.value)

    models = trust_region.newton if objective.size <= FEW else trust_region.newton_cg
    with np.errstate(all="ignore"):
        found = trust_region.minimize(counted, parameters.start, box, models, tol=1e-10, steps=steps or STEPS, watch=told)
        free = box.free(found.x, found.gradient)
        found, information, why = looked_at(objective, found, free, parameters.names)
    accuracy = _accuracy(parameters.names, information, free, level, why)
    report = _report(model, found, counted.counts, free, "mean of loss" if mean else "sum of loss", accuracy)
    values, _, _ = model.gradients(found.x)  # its flags are those of the result
    nothing = np.full(model.rows.count, np.nan)
    return Fit(report, found.x, values, nothing, nothing)


def looked_at(objective: Objective, found: Outcome, free: Any, names: Sequence[str]) -> tuple[Outcome, Any, str]:
    """The end of a search after a look at the Hessian there; the observed information, or None and why there is none."""
    if not found.converged:
        return found, None, "no minimum"
    if objective.size > FEW:
        return found, None, "not computed"
    hessian = objective.hessian(found.x)
    step = vanishing(Summed(objective), found, hessian, free)
    if step is None:
        return found, hessian * (objective.rows if objective.mean else 1), "no minimum"
    away = running(found.x, step, hessian, names)
    if not away:
        return found, None, FLAT
    return found._replace(converged=False, reason=NOWHERE.format(listed(away))), None, "no minimum"


def vanishing(f: Smooth, found: Outcome, hessian: Any, free: Any) -> Any:
    """Newton's step, if the Hessian goes to 0 where it leads, and so says nothing of the parameters; else None."""
    import numpy as np

    from adcli.optimize.curvature import flattens, newton_step

    if not free.any():
        return None
    own = hessian[free][:, free]
    diagonal = np.diag(own)
    if not (np.isfinite(own).all() and (diagonal > 0).all()):
        return None
    scale = np.sqrt(diagonal)
    if np.linalg.eigvalsh(own / np.outer(scale, scale))[0] <= len(own) * EPS:
        return None  # what is singular to rounding is told as parameters that are not determined
    step = newton_step(hessian, found.gradient, free)
    return step if flattens(f, found.x, hessian, step, free) else None


def running(x: Any, step: Any, hessian: Any, names: Sequence[str]) -> list[str]:
    """Where the parameters go that Newton's step still takes further out; at a minimum it is as good as 0."""
    import numpy as np

    share = np.abs(step) * np.sqrt(np.abs(np.diag(hessian)))
    out = (step * x > 0) & (np.abs(step) > PACE * np.abs(x)) & (share > PACE * share.max(initial=0.0))
    return [f"{names[k]} = {'inf' if x[k] > 0 else '-inf'}" for k in np.flatnonzero(out).tolist()]


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


def _report(model: RowsModel, found: Outcome, counts: Counts, free: Any, kind: str, accuracy: tuple[Accuracy, int]) -> FitReport:
    import numpy as np

    known, told = accuracy
    return reported(
        model, found.x, known,
        kind=kind, objective=found.value, converged=found.converged, reason=found.reason, iterations=found.iterations,
        evaluations=counts.total, freedom=model.rows.count - told,
        measure=("gradient norm", float(np.linalg.norm(found.gradient[free]))),
    )  # fmt: skip


def _accuracy(names: Sequence[str], information: Any, free: Any, level: float, why: str) -> tuple[Accuracy, int]:
    """What the observed information says of the parameters, and of how many directions; `why` it says nothing, where it is None."""
    import numpy as np

    from adcli.optimize.information import Information
    from adcli.optimize.student import normal_quantile

    places = np.flatnonzero(free)
    covariance = np.full((len(names), len(names)), np.nan)
    undetermined: list[list[str]] = []
    condition, told = math.nan, len(places)
    if information is not None:
        known = Information(information[np.ix_(places, places)])
        undetermined = open_directions(known.null, [names[k] for k in places.tolist()])
        condition, told = known.condition, known.rank
        if known.positive:
            covariance[np.ix_(places, places)] = known.inverse()
    return Accuracy(covariance, normal_quantile(level), level, free, undetermined, dict.fromkeys(names, why), condition), told
