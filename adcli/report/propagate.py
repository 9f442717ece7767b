"""Results with uncertainties, as data and as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from adcli.report.grid import Grid, plain

# The second order is worth a word where it is this large a part of the first.
NOTICED = 0.1
# Results, elements of arrays among them, up to which text has a table for each.
TABLES = 8


class Share(NamedTuple):
    """What an uncertain number contributes to an output: |derivative|·spread, and its share of the variance (with correlations it may be
    negative; they add up to 1)."""

    name: str
    value: float
    spread: float
    derivative: float
    contribution: float
    share: float
    elasticity: float


class Second(NamedTuple):
    """What the second order adds for normal distributions: to the mean, and (in squares) to the uncertainty."""

    shift: float
    uncertainty: float


class Output(NamedTuple):
    """A result, its uncertainty and where that comes from; parts: derivative times spread, with its sign."""

    name: str
    value: float
    uncertainty: float
    shares: list[Share]
    second: Second | None
    parts: list[float]

    @property
    def relative(self) -> float:
        return self.uncertainty / abs(self.value) if self.value else math.nan

    @property
    def curved(self) -> bool:
        """Whether the first order is not enough."""
        s = self.second
        return s is not None and max(abs(s.shift), s.uncertainty) > NOTICED * self.uncertainty

    def remark(self, number: Callable[[float], str]) -> str:
        assert self.second is not None
        shifted = self.value + self.second.shift
        both = math.hypot(self.uncertainty, self.second.uncertainty)
        return (
            f"remark: {self.name} is curved within the uncertainties, and the first order is not enough: with the second it is "
            f"{number(shifted)} ± {number(both)}"
        )


class Propagated:
    """The outputs, and their covariances where they are several."""

    def __init__(
        self, outputs: list[Output], covariance: dict[str, dict[str, float]], correlations: Sequence[tuple[str, str, float]]
    ) -> None:  # fmt: skip
        self.outputs = outputs
        self.covariance = covariance
        self.correlations = correlations

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "schema": "adcli/propagate/1",
            "outputs": {output.name: _output_data(output) for output in self.outputs},
            "covariance": self.covariance,
            "correlations": [list(pair) for pair in self.correlations],
        }

    def text(self, digits: int | None) -> str:
        """One line for each output, then where its uncertainty comes from, the largest share first."""
        full: Callable[[float], str] = repr if digits is None else lambda x: f"{x:.{digits}g}"
        few = f".{digits or 6}g"
        blocks = []
        short = len(self.outputs) <= TABLES
        for output in self.outputs:
            relative = f" ({100 * output.relative:.3g} %)" if math.isfinite(output.relative) else ""
            lines = [f"{output.name}: {full(output.value)} ± {full(output.uncertainty)}{relative}"]
            if short:
                lines.append(plain(_grid(output, few)).rstrip())
            if output.curved:
                lines.append(output.remark(lambda x: format(x, few)))
            blocks.append("\n".join(lines))
        if not short:
            return "\n".join(blocks) + "\n"
        if self.covariance:
            blocks.append("covariances of the results\n" + plain(_matrix(self.covariance, few)).rstrip())
        return "\n\n".join(blocks) + "\n"


def _output_data(output: Output) -> dict[str, Any]:
    second = output.second
    return {
        "value": output.value,
        "uncertainty": output.uncertainty,
        "relative": output.relative,
        "inputs": {
            s.name: {
                "value": s.value, "uncertainty": s.spread, "derivative": s.derivative, "contribution": s.contribution, "share": s.share,
                "elasticity": s.elasticity,
            }
            for s in output.shares
        },
        "second_order": None if second is None else {**second._asdict(), "needed": output.curved},
    }


def _grid(output: Output, few: str) -> Grid:
    grid = Grid(["input", "value", "±", "derivative", "contribution", "share", "elasticity"], ["name", *["text"] * 6])
    for s in sorted(output.shares, key=lambda s: -abs(s.share) if s.share == s.share else 0.0):
        share = f"{100 * s.share:.1f} %" if math.isfinite(s.share) else ""
        elasticity = format(s.elasticity, few) if math.isfinite(s.elasticity) else ""
        grid.rows.append(
            [s.name, format(s.value, few), format(s.spread, few), format(s.derivative, few), format(s.contribution, few), share, elasticity]
        )
    return grid


def _matrix(covariance: dict[str, dict[str, float]], few: str) -> Grid:
    grid = Grid(["", *covariance], ["name", *["text"] * len(covariance)])
    for name, row in covariance.items():
        grid.rows.append([name, *(format(x, few) for x in row.values())])
    return grid
