"""Fitting a program to rows of data by least squares, and what the result is worth.

>>> f = adcli.compile("b1*(1 - exp(-b2*x))")
>>> found = f.fit({"x": x, "y": y}, "y", {"b1": 500, "b2": 1e-4})
>>> found.params, found.standard_errors
({'b1': 238.94212918, 'b2': 0.00055015643181}, {'b1': 2.7070075241, 'b2': 7.2668688436e-06})

The standard errors are those of the linear approximation at the solution: s²(JᵀJ)⁻¹ with the exact Jacobian and s² the sum of squares over
the degrees of freedom (Bates and Watts, Nonlinear Regression Analysis, 1988, section 2.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from adcli.api.batch import indices, labelled
from adcli.api.parameters import elements_of
from adcli.api.rows_model import RowsModel, column, no_value, usable
from adcli.errors import AdcliError, DataError, LimitError, UsageError
from adcli.report.fit import LARGEST, Estimate, FitReport, Misfit

if TYPE_CHECKING:
    from adcli.api.program import Program
    from adcli.data.table import Rows
    from adcli.optimize.least_squares import Fitted

Watch: TypeAlias = "Callable[[int, float], None]"

# Columns of second derivatives, and numbers of them in all rows, up to which they are computed: beyond, Gauss-Newton steps end the fit.
CURVED, CURVED_ROWS = 2000, 10**8
# A row that the fit goes through leaves its residual less than this share of the variance.
OWN = 1e-10
# A parameter belongs to a direction that the data do not determine where it has more than this share of it.
SHARE = 1e-3


class Residuals:
    """√w·(model - target) in each row, and the derivatives; what `adcli.optimize.least_squares` takes."""

    def __init__(self, model: RowsModel, target: Any, weights: Any, watch: Watch | None = None) -> None:
        """watch: is told of every evaluation."""
        import numpy as np

        self.model, self.target, self.watch = model, target, watch
        self.evaluations, self.least = 0, math.inf
        self.root = np.sqrt(weights)
        self.without_weight = weights == 0
        limit = model.program.limits.timeout
        self.end = None if limit is None else perf_counter() + limit

    def at(self, vector: Any) -> tuple[Any, Any] | None:
        """Residuals [rows] and Jacobian [rows, parameters]; None where some row has no finite value."""
        import numpy as np

        if self.end is not None and perf_counter() > self.end:
            from adcli.engines.limits import timeout_error

            raise timeout_error(self.model.program.limits)
        value, slopes, failed = self.model.gradients(vector)
        if failed:
            self._limited(failed)
            if any(self.root[row] > 0 for row in failed):
                return None
        with np.errstate(all="ignore"):
            r, jacobian = self.root * (value - self.target), slopes * self.root[:, None]
        if self.without_weight.any():
            r[self.without_weight], jacobian[self.without_weight] = 0.0, 0.0
        self.evaluations += 1
        if self.watch is not None:
            self.least = min(self.least, float(r @ r))
            self.watch(self.evaluations, self.least)
        return (r, jacobian) if np.isfinite(r).all() and np.isfinite(jacobian).all() else None

    def _limited(self, failed: Mapping[int, AdcliError]) -> None:
        """A limit that was reached ends the fit: another point would hardly take less."""
        for row in sorted(failed):
            error = failed[row]
            if isinstance(error, LimitError):
                error.message = f"{self.model.rows.where(row)}: {error.message}"
                raise error

    def curvature(self, vector: Any) -> Any:
        """Σ rᵢ ∇²rᵢ; None where there are too many parameters, or it is not finite."""
        import numpy as np

        count = len(self.model.parameters.names)
        columns = count * (count + 1) // 2
        if columns > CURVED or columns * self.model.rows.count > CURVED_ROWS:
            return None
        found = self.at(vector)
        if found is None:
            return None
        total = self.model.weighted_hessian(vector, self.root * found[0])
        return total if np.isfinite(total).all() else None

    def refuse_start(self) -> None:
        """Raise the error of the first row that has no value at the start."""
        import numpy as np

        start = self.model.parameters.start
        if self.at(start) is not None:
            return
        value, slopes, failed = self.model.gradients(start)
        with np.errstate(all="ignore"):
            bad = (~np.isfinite(value) | ~np.isfinite(slopes).all(1)) & ~self.without_weight
        rows = sorted({*np.flatnonzero(bad).tolist(), *(row for row in failed if not self.without_weight[row])})
        row = rows[0] if rows else 0
        worst = float(value[row]) if not math.isfinite(value[row]) else next((x for x in slopes[row].tolist() if not math.isfinite(x)), 0.0)
        raise no_value(self.model.rows, row, worst, failed.get(row))


@dataclass
class Fit:
    """A fit with what belongs to each row, all of shape [rows].

    vector: the parameters; fitted: the output there; residuals: target minus fitted; studentised: residuals in units of their own
    standard deviations (nan where these are zero).
    """

    report: FitReport
    vector: Any
    fitted: Any
    residuals: Any
    studentised: Any

    @property
    def params(self) -> dict[str, Any]:
        """The parameters by input: floats and arrays."""
        return self.report.params

    @property
    def standard_errors(self) -> dict[str, Any]:
        """Their standard errors, of the same shapes; nan where there is none."""
        return self.report.errors

    def __str__(self) -> str:
        return self.report.text(None)


class Settings(NamedTuple):
    """The arguments of `Program.fit`, which says what they mean."""

    target: str | None
    weights: str | None
    loss: str | None
    fix: Mapping[str, float | None]
    bounds: Mapping[str, tuple[float, float]]
    of: str | None
    level: float
    engine: str
    jobs: int | None


def fit(program: Program, data: Mapping[str, Any], params: Mapping[str, Any], how: Settings) -> Fit:
    """What `Program.fit` does."""
    if (how.target is None) == (how.loss is None) or how.loss not in (None, "sum", "mean"):
        raise UsageError('a fit is to a target, or by a loss: "sum" or "mean"', help='give one of target="y" and loss="sum"')
    rows = table(data)
    values = weights = None
    if how.target is not None:
        rows, values, weights = prepared(rows, how.target, how.weights, keep_going=False)
    held = {name: value for name, value in how.fix.items() if value is not None and "[" not in name and name not in params}
    model = RowsModel(program, rows, {**params, **held}, how.fix, of=how.of, engine=how.engine, jobs=how.jobs)
    bounds = by_element(model, how.bounds)
    if how.loss is None:
        found = least_squares(model, values, weights, bounds, how.level)
    else:
        from adcli.api.fit_loss import fit_loss

        found = fit_loss(model, how.loss == "mean", bounds, how.level)
    program.flags = [*model.moved, *model.flags]
    return found


def table(data: Mapping[str, Any]) -> Rows:
    """Arrays by name as a table; one with more than one axis is a column for each of its elements in a row."""
    import numpy as np

    from adcli.data.block import Place
    from adcli.data.table import Rows

    columns: dict[str, Any] = {}
    for name, given in data.items():
        array: Any = np.asarray(given)
        if not array.ndim or array.dtype.kind not in "fiub":
            raise UsageError(f"'{name}' is no column of numbers", help="each array of data has a leading axis that counts the rows")
        columns |= {labelled(name, index): array[(slice(None), *index)] for index in indices(array.shape[1:])}
    lengths = {len(column) for column in columns.values()}
    if len(lengths) != 1 or not max(lengths):
        raise UsageError("columns have one length, of at least one row", help="each array of data has a leading axis that counts the rows")
    return Rows(Place("data", "row"), columns, range(1, lengths.pop() + 1), list(columns))


def by_element(model: RowsModel, ranges: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Bounds of parameters as those of their elements."""
    parameters = model.parameters
    labels = [*parameters.names, *parameters.held]
    found = {label: pair for name, pair in ranges.items() for label in elements_of(name, parameters.shapes, labels)}
    held = next((label for label in found if label in parameters.held), None)
    if held is not None:
        raise UsageError(f"'{held}' is held and has bounds, too", help="leave one of them out")
    return found


def least_squares(
    model: RowsModel, target: Any, weights: Any, bounds: Mapping[str, tuple[float, float]], level: float = 0.95,
    evaluations: int | None = None, watch: Watch | None = None,
) -> Fit:  # fmt: skip
    """The fit of a model's output to a target, both of shape [rows]. watch: is told how many evaluations there were, and the least sum."""
    import numpy as np

    from adcli.optimize import least_squares as method

    parameters = model.parameters
    used = int(np.count_nonzero(weights))
    if used < len(parameters.names):
        raise DataError(
            f"{used} row{'s' * (used != 1)} cannot determine {len(parameters.names)} parameters: {', '.join(parameters.names[:8])}",
            help="give more rows, or hold parameters with --fix",
        )
    bearable(model)
    low, high = begin_within(model, bounds)
    residuals = Residuals(model, target, weights, watch)
    residuals.refuse_start()
    found = method.least_squares(residuals, parameters.start, low, high, evaluations)
    fitted, _, _ = model.gradients(found.at)  # its flags are those of the result
    report = _report(model, found, used - found.factors.rank, level)
    with np.errstate(all="ignore"):
        plain = np.where(weights > 0, -found.residuals / np.sqrt(weights), target - fitted)
    made = Fit(report, found.at, fitted, plain, np.full(model.rows.count, np.nan))
    _residual_facts(made, model, found, target, weights)
    return made


def bearable(model: RowsModel) -> None:
    """LimitError where the Jacobian alone would take more than the memory allowed."""
    from adcli.engines.limits import memory_error

    limits = model.program.limits
    if 8 * model.rows.count * len(model.parameters.names) > limits.max_memory:
        raise memory_error(limits, None, "the Jacobian of all rows")


def begin_within(model: RowsModel, bounds: Mapping[str, tuple[float, float]]) -> tuple[Any, Any]:
    """Lower and upper bounds of the parameters as vectors; a start that is not between them is moved there."""
    import numpy as np

    from adcli.api.starts import within

    parameters = model.parameters
    names = parameters.names
    low, high = np.full(len(names), -np.inf), np.full(len(names), np.inf)
    for name, (least, most) in bounds.items():
        k = names.index(name)
        low[k], high[k] = least, most
    parameters.start, model.moved = within(names, parameters.start, low, high)
    return low, high


def _report(model: RowsModel, found: Fitted, freedom: int, level: float) -> FitReport:
    import numpy as np

    from adcli.optimize.student import quantile

    names = model.parameters.names
    squares = found.squares
    variance = squares / freedom if freedom > 0 else math.nan
    free = np.flatnonzero(found.free)
    covariance = np.full((len(names), len(names)), np.nan)
    covariance[np.ix_(free, free)] = variance * found.factors.inverse()
    undetermined = open_directions(found.factors.vt[found.factors.rank :], [names[k] for k in free])
    notes = dict.fromkeys(names, "no freedom left") if freedom <= 0 else {}
    accuracy = Accuracy(covariance, quantile(freedom, level), level, found.free, undetermined, notes, found.factors.condition)
    return reported(
        model, found.at, accuracy,
        kind="sum of squares", objective=squares, converged=found.converged, reason=found.reason, iterations=found.iterations,
        evaluations=found.evaluations, freedom=freedom, measure=("relative offset", found.offset),
    )  # fmt: skip


class Accuracy(NamedTuple):
    """How well parameters are known.

    covariance: shape [parameters, parameters], nan where it does not exist; quantile: the half width of an interval, in standard errors, at
    the level; free: which are at no bound; undetermined: groups of which only combinations are known; notes: why others have no standard
    error, by name; condition: see `FitReport`.
    """

    covariance: Any
    quantile: float
    level: float
    free: Any
    undetermined: list[list[str]]
    notes: Mapping[str, str]
    condition: float


def reported(model: RowsModel, at: Any, accuracy: Accuracy, **facts: Any) -> FitReport:
    """The report of parameters and their accuracy. facts: of the search, and what was minimised."""
    import numpy as np

    parameters = model.parameters
    covariance = accuracy.covariance.copy()
    notes = {name: "at its bound" for name, free in zip(parameters.names, accuracy.free, strict=True) if not free}
    notes |= {name: "not determined" for names in accuracy.undetermined for name in names}
    for k, name in enumerate(parameters.names):
        if name in notes:
            covariance[k, :] = covariance[:, k] = np.nan
    made = estimates(parameters.names, at, covariance, accuracy.quantile, {**accuracy.notes, **notes})
    return FitReport(
        params=parameters.values(at),
        errors=parameters.shaped([e.error for e in made]),
        estimates=made,
        fixed=parameters.fixed(),
        rows=model.rows.count,
        dropped=model.rows.dropped,
        unit=model.rows.place.unit,
        level=accuracy.level,
        covariance=covariance.tolist(),
        condition=accuracy.condition,
        undetermined=accuracy.undetermined,
        **facts,
    )


def estimates(names: Sequence[str], at: Any, covariance: Any, t: float, notes: Mapping[str, str]) -> list[Estimate]:
    """Each parameter with its standard error and confidence interval."""
    made = []
    for k, name in enumerate(names):
        value, variance = float(at[k]), float(covariance[k, k])
        error = math.sqrt(variance) if variance >= 0 else math.nan
        made.append(Estimate(name, value, error, value - t * error, value + t * error, notes.get(name, "") if math.isnan(error) else ""))
    return made


def open_directions(null: Any, names: Sequence[str]) -> list[list[str]]:
    """The groups of parameters of which only combinations are determined: those that share a direction the data do not see.

    null: an orthonormal basis of these directions, shape [k, parameters]; two parameters are in one group where the projection on their
    space ties them together.
    """
    import numpy as np

    if not len(null):
        return []
    tied = np.abs(null.T @ null) > SHARE
    groups: list[list[str]] = []
    left = [k for k in range(len(names)) if tied[k, k]]
    while left:
        group, grown = {left[0]}, True
        while grown:
            more = {k for k in left if any(tied[k, j] for j in group)}
            grown, group = more != group, more | group
        groups.append([names[k] for k in sorted(group)])
        left = [k for k in left if k not in group]
    return groups


def _residual_facts(fit: Fit, model: RowsModel, found: Fitted, target: Any, weights: Any) -> None:
    """R², the residual standard deviation, the studentised residuals and the rows that lie furthest off."""
    import numpy as np

    report = fit.report
    squares, freedom = report.objective, report.freedom
    around = target - np.average(target, weights=weights)
    spread = float(np.sum(weights * around * around))
    report.r_squared = 1 - squares / spread if spread > 0 else math.nan
    report.residual_sd = math.sqrt(squares / freedom) if freedom > 0 else math.nan
    if not report.residual_sd > 0 or report.reason == "rounding":
        return
    basis = found.factors.q @ found.factors.u[:, : found.factors.rank]
    own = 1 - np.sum(basis * basis, 1)  # the share of its variance that the fit leaves a residual
    with np.errstate(all="ignore"):
        fit.studentised = np.where(own > OWN, -found.residuals / (report.residual_sd * np.sqrt(own)), np.nan)
    size = np.abs(np.nan_to_num(fit.studentised))
    least = np.partition(size, -LARGEST)[-LARGEST] if len(size) > LARGEST else 0.0
    order = sorted(np.flatnonzero(size >= least).tolist(), key=lambda k: (-size[k], k))[:LARGEST]
    report.largest = [
        Misfit(model.rows.places[k], *(float(column[k]) for column in (target, target - fit.residuals, fit.residuals, fit.studentised)))
        for k in order
    ]


def prepared(rows: Rows, target: str, weights: str | None, keep_going: bool) -> tuple[Rows, Any, Any]:
    """The rows in which target and weights have values, and those. DataError for a row without, unless it is left out."""
    import numpy as np

    values, failed = column(target, rows, "target")
    given, failed_weights = (np.ones(rows.count), {}) if weights is None else column(weights, rows, "weights")
    bad = dict(usable(rows, values, failed, "the target"))
    bad |= dict(usable(rows, given, failed_weights, "the weight"))
    for row in np.flatnonzero(given < 0).tolist():
        bad[row] = DataError(
            f"{rows.where(row)}: the weight is negative: {float(given[row])!r}",
            help="weights multiply squares; for uncertainties write 1/sigma^2",
        )
    if bad and not keep_going:
        raise bad[min(bad)]
    if not bad:
        return rows, values, given
    kept = np.ones(rows.count, bool)
    kept[list(bad)] = False
    return rows.without(list(bad)), values[kept], given[kept]
