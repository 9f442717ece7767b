"""What a training run gives, as data and as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adcli.report.grid import Grid, plain
from adcli.report.plot import Axis, Plot, Series


@dataclass
class Trained:
    """params: by input; names, start and at: element by element; objective and its gradient's norm: over all rows, at the end.

    kind: "sum of loss" or "mean of loss"; first: the objective at the start; settings: what the run was told; history: (epoch, objective).
    """

    params: dict[str, Any]
    names: list[str]
    start: list[float]
    at: list[float]
    fixed: dict[str, float]
    kind: str
    objective: float
    gradient_norm: float
    first: float
    epochs: int
    steps: int
    rows: int
    dropped: int
    settings: dict[str, Any]
    history: list[tuple[int, float]]

    def plot(self) -> Plot:
        """The objective over the epochs."""
        line = Series(self.kind, [float(epoch) for epoch, _ in self.history], [value for _, value in self.history], "line")
        return Plot(f"{self.kind}, {self.settings['optimizer']}", Axis("epoch", low=0.0), Axis(self.kind), [line])

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "schema": "adcli/fit/1",
            "params": self.params,
            "standard_errors": None,
            "objective": self.objective,
            "iterations": self.steps,
            "converged": None,
            "reason": "epochs",
            "kind": self.kind,
            "fixed": self.fixed,
            "rows": self.rows,
            "dropped": self.dropped,
            "gradient_norm": self.gradient_norm,
            "training": {**self.settings, "epochs": self.epochs, "steps": self.steps, "objective_at_start": self.first},
        }

    def lines(self) -> list[tuple[str, Any]]:
        """As named values for a pipe."""
        found: list[tuple[str, Any]] = [*self.params.items(), ("objective", self.objective), ("gradient_norm", self.gradient_norm)]
        return [*found, ("epochs", self.epochs), ("steps", self.steps), ("rows", self.rows)]

    def text(self, digits: int | None) -> str:
        """A table of the parameters, and what became of the objective."""
        full: Callable[[float], str] = repr if digits is None else lambda x: f"{x:.{digits}g}"
        few = f".{digits or 6}g"
        grid = Grid(["parameter", "start", "value"], ["name", "text", "text"])
        for name, begin, end in zip(self.names, self.start, self.at, strict=True):
            grid.rows.append([name, format(begin, few), full(end)])
        blocks = [plain(grid).rstrip()]
        if self.fixed:
            blocks.append("fixed: " + ", ".join(f"{name} = {full(value)}" for name, value in self.fixed.items()))
        rows = f"{self.rows:,} row{'s' * (self.rows != 1)}" + (f" ({self.dropped:,} left out)" if self.dropped else "")
        s = self.settings
        how = f"{'maximised' if s['maximize'] else 'minimised'} by {s['optimizer']}, rate {s['lr']:g}, {counted(s['batch'])} a step"
        blocks.append(
            f"{self.kind}: {self.first:{few}} → {self.objective:{few}}, {rows}\n"
            f"{how}: {self.steps:,} step{'s' * (self.steps != 1)} in {self.epochs:,} epoch{'s' * (self.epochs != 1)}\n"
            f"  norm of the gradient {self.gradient_norm:.1e}"
        )
        return "\n\n".join(blocks) + "\n"


def counted(batch: int | str) -> str:
    return f"{batch:,} row{'s' * (batch != 1)}" if isinstance(batch, int) else "all rows"
