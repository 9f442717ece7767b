"""A fit as data and as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adcli.engines.flags import Flag
from adcli.report.grid import Grid, plain, wrapped

WIDE = 80  # columns of text
# Residuals that text lists, the largest first.
LARGEST = 5
# Parameters up to which text has their correlations.
CORRELATED = 8
# The condition of a Jacobian with scaled columns from which digits are lost that count.
ILL = 1e8

FLAT = "flat minimum"  # the note of a parameter

REASONS = {
    "relative offset": "no small change of the parameters makes the residuals smaller",
    "rounding": "what is left of the residuals is rounding",
    "evaluations": "not at a minimum yet: the limit of evaluations was reached",
    "curvature": "no small change of the parameters makes the residuals smaller",
    "saddle": "at a saddle point: there is a direction along which it falls; begin elsewhere",
    "running": "no minimum: residuals go on shrinking as parameters run away to infinity",
    "no descent": "not at a minimum: no step leads further down",
}


class Estimate(NamedTuple):
    """A parameter: its value, standard error and confidence interval. note: why it has none."""

    name: str
    value: float
    error: float
    low: float
    high: float
    note: str = ""


class Misfit(NamedTuple):
    """A row that lies far off: its line in the file, target, fitted value, and the residual in units of its own standard deviation."""

    place: int
    target: float
    fitted: float
    residual: float
    studentised: float


@dataclass
class FitReport:
    """What a fit gives.

    params and errors: by input, as the program takes them; estimates: element by element, without the fixed ones; fixed: those.
    objective: the (weighted) sum of squares, or the sum or mean of the loss; kind: "sum of squares", "sum of loss", "mean of loss".
    covariance: of the estimates, shape [n, n]. A number that does not exist is nan.
    """

    params: dict[str, Any]
    errors: dict[str, Any]
    estimates: list[Estimate]
    fixed: dict[str, float]
    kind: str
    objective: float
    converged: bool
    reason: str
    iterations: int
    evaluations: int
    rows: int
    dropped: int
    freedom: int
    level: float
    covariance: list[list[float]]
    condition: float
    measure: tuple[str, float]
    unit: str = "line"
    residual_sd: float = math.nan
    r_squared: float = math.nan
    undetermined: list[list[str]] = field(default_factory=list)
    largest: list[Misfit] = field(default_factory=list)

    @property
    def why(self) -> str:
        """Why it ended, in words."""
        return REASONS.get(self.reason, self.reason)

    def correlation(self) -> dict[str, dict[str, float]]:
        """By pairs of names; nan where a parameter has no standard error."""
        names = [e.name for e in self.estimates]
        deviations = [math.sqrt(row[k]) if row[k] > 0 else math.nan for k, row in enumerate(self.covariance)]
        return {
            a: {b: 1.0 if i == j else self.covariance[i][j] / (deviations[i] * deviations[j]) for j, b in enumerate(names)}
            for i, a in enumerate(names)
        }

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        least = self.kind == "sum of squares"
        made: dict[str, Any] = {
            "schema": "adcli/fit/1",
            "params": self.params,
            "standard_errors": self.errors,
            "objective": self.objective,
            "iterations": self.iterations,
            "converged": self.converged,
            "reason": self.why,
            "kind": self.kind,
            "evaluations": self.evaluations,
            "confidence": {"level": self.level, "intervals": {e.name: [e.low, e.high] for e in self.estimates}},
            "correlation": self.correlation(),
            "fixed": self.fixed,
            "rows": self.rows,
            "dropped": self.dropped,
            "dof": self.freedom,
        }
        if least:
            largest = [{self.unit: row.place, **{k: v for k, v in row._asdict().items() if k != "place"}} for row in self.largest]
            made |= {"residual_sd": self.residual_sd, "r_squared": self.r_squared, "largest_residuals": largest}
        made |= {self.measure[0].replace(" ", "_"): self.measure[1], "condition": self.condition, "undetermined": self.undetermined}
        return made

    def absent(self) -> list[Flag]:
        """A flag for each number that JSON has null for: where it is, and why."""
        what = "has no standard error, interval or correlation"
        flags = [
            Flag("undefined", e.name, None, f"'{e.name}' {what}: {e.note or 'it is not finite'}", f"standard_errors.{e.name}", "nan")
            for e in self.estimates
            if math.isnan(e.error)
        ]
        if self.kind == "sum of squares":
            spread = "there are no degrees of freedom left" if self.freedom <= 0 else "it is not finite"
            flags += _missing("residual_sd", self.residual_sd, spread) + _missing("r_squared", self.r_squared, "the target does not vary")
        why = "the parameters are not all determined" if math.isinf(self.condition) else "there is no minimum that it could be of"
        measure, value = self.measure
        return flags + _missing("condition", self.condition, why) + _missing(measure.replace(" ", "_"), value, "it is not finite")

    def lines(self) -> list[tuple[str, Any]]:
        """As named values for a pipe: the parameters, then what belongs to them, then the rest."""
        found: list[tuple[str, Any]] = list(self.params.items())
        found += [(f"se_{e.name}", e.error) for e in self.estimates]
        found += [("objective", self.objective)]
        if self.kind == "sum of squares":
            found += [("residual_sd", self.residual_sd), ("r_squared", self.r_squared)]
        found += [("dof", self.freedom), ("rows", self.rows), ("iterations", self.iterations), ("evaluations", self.evaluations)]
        return [*found, ("converged", self.converged)]

    def text(self, digits: int | None) -> str:
        """A table of the parameters, what the fit is worth, and what to look at."""
        full: Callable[[float], str] = repr if digits is None else lambda x: f"{x:.{digits}g}"
        few = f".{digits or 6}g"
        blocks = [plain(_estimates(self.estimates, self.level, full, few)).rstrip()]
        if self.fixed:
            blocks.append("fixed: " + ", ".join(f"{name} = {full(value)}" for name, value in self.fixed.items()))
        blocks.append("\n".join(self._facts(few)))
        names = [e.name for e in self.estimates if not math.isnan(e.error)]
        if 1 < len(names) <= CORRELATED:
            blocks.append("correlations\n" + plain(_triangle(self.correlation(), names)).rstrip())
        if self.largest:
            blocks.append("largest residuals, in standard deviations\n" + plain(_misfits(self.largest, self.unit, few)).rstrip())
        return "\n\n".join(blocks) + "\n"

    def _facts(self, few: str) -> list[str]:
        rows = f"{self.rows:,} row{'s' * (self.rows != 1)}" + (f" ({self.dropped:,} left out)" if self.dropped else "")
        lines = [f"{self.kind}: {self.objective:{few}}  ({rows}, {self.freedom:,} degrees of freedom)"]
        if self.kind == "sum of squares":
            lines.append(f"residual standard deviation: {self.residual_sd:{few}}, R² = {self.r_squared:{few}}")
        word = "converged" if self.converged else "not converged"
        steps = f"{self.iterations} step{'s' * (self.iterations != 1)}, {self.evaluations} evaluations"
        condition = "" if math.isnan(self.condition) else f", condition {self.condition:.1e}"
        lines.append(f"{word} in {steps}:")
        lines += [f"  {line}" for line in wrapped(self.why, WIDE - 2, 0)]
        lines.append(f"  {self.measure[0]} {_small(self.measure[1])}{condition}")
        return lines


def _missing(name: str, value: float, why: str) -> list[Flag]:
    """A flag for a number that is not finite."""
    return [] if math.isfinite(value) else [Flag("undefined", name, None, f"{name}: {why}", name, str(value))]


def warnings(report: FitReport) -> list[str]:
    """What the reader of the numbers must know."""
    said = []
    if report.dropped:
        said.append(f"note: {report.dropped:,} row{'s were' if report.dropped != 1 else ' was'} left out")
    if any(e.note == FLAT for e in report.estimates):
        said.append("warning: the minimum is so flat that the Hessian vanishes there: it says nothing of standard errors")
    for names in report.undetermined:
        if len(names) > 1:
            said.append(f"warning: the data do not tell {listed(names)} apart: only combinations of them are determined")
        else:
            said.append(f"warning: the data say nothing about {names[0]}")
    if not report.undetermined and report.condition > ILL:
        said.append(f"warning: the parameters are hard to tell apart (condition {report.condition:.0e}): digits are lost")
    return said


def _small(value: float) -> str:
    """A measure that should be zero: what is left by rounding alone says nothing."""
    return "below 1e-9" if value < 1e-9 else f"{value:.1e}"


def listed(names: Sequence[str]) -> str:
    """a, b and c"""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _estimates(estimates: Sequence[Estimate], level: float, full: Callable[[float], str], few: str) -> Grid:
    grid = Grid(["parameter", "value", "std. error", f"{100 * level:g} % from", "to"], ["name", "text", "text", "text", "text"])
    for e in estimates:
        if math.isnan(e.error):
            grid.rows.append([e.name, full(e.value), e.note, "", ""])
        else:
            grid.rows.append([e.name, full(e.value), format(e.error, few), format(e.low, few), format(e.high, few)])
    return grid


def _triangle(correlation: Mapping[str, Mapping[str, float]], names: Sequence[str]) -> Grid:
    grid = Grid(["", *names[:-1]], ["name", *["text"] * (len(names) - 1)])
    for k, name in enumerate(names[1:], 1):
        cells = [f"{correlation[name][other]:.3f}" if j < k else "" for j, other in enumerate(names[:-1])]
        grid.rows.append([name, *cells])
    return grid


def _misfits(rows: Sequence[Misfit], unit: str, few: str) -> Grid:
    grid = Grid([unit, "target", "fitted", "residual", "in std. dev."], ["text"] * 5)
    for row in rows:
        grid.rows.append([str(row.place), *(format(x, few) for x in row[1:4]), f"{row.studentised:.2f}"])
    return grid
