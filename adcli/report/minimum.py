"""What a minimisation found, as data and as sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# What the Hessian says of a point where the gradient is zero.
KINDS = {
    "minimum": "a minimum: the Hessian is positive definite",
    "flat": "the Hessian is singular here, or nearly so: it does not say whether this is a minimum",
    "saddle": "a saddle point: the Hessian has positive and negative eigenvalues",
    "maximum": "a maximum: the Hessian is negative definite",
    "corner": "a minimum: all variables are at their bounds, and the value rises from there",
    "unknown": "the Hessian is not finite here",
    "none": "no stationary point",
}


class Held(NamedTuple):
    """A constraint at the end: its value (0, or what is left of an inequality), multiplier (df/dc), and whether it holds with equality."""

    text: str
    value: Any
    multiplier: Any
    active: bool


class Step(NamedTuple):
    """One line of the history; x: the variables as a vector, evaluations: of all kinds, so far."""

    iteration: int
    value: float
    gradient_norm: float
    step: float
    evaluations: int
    x: Any


class Minimum(NamedTuple):
    """at: the whole point, what was fixed included. gradient_norm: of what may move; with constraints, of the Lagrangian's gradient.

    point: a key of KINDS. curvature: the lowest and highest eigenvalue of the Hessian, in the directions that may move, or None.
    at_bounds: the variables that end on a bound. names: of the variables.
    """

    method: str
    at: dict[str, Any]
    names: list[str]
    value: float
    gradient: dict[str, Any]
    gradient_norm: float
    iterations: int
    converged: bool
    reason: str
    evaluations: dict[str, int]
    point: str
    curvature: tuple[float, float] | None
    at_bounds: list[str]
    constraints: list[Held]
    settings: Mapping[str, float | bool]

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "schema": "adcli/minimize/1",
            "at": self.at,
            "value": self.value,
            "gradient_norm": self.gradient_norm,
            "iterations": self.iterations,
            "converged": self.converged,
            "reason": self.reason,
            "method": self.method,
            "settings": dict(self.settings),
            "evaluations": self.evaluations,
            "gradient": self.gradient,
            "point": self.point,
            "curvature": None if self.curvature is None else list(self.curvature),
            "at_bounds": self.at_bounds,
            "constraints": [held._asdict() for held in self.constraints],
        }

    def sentences(self) -> list[str]:
        """The end of the run in words: what was done, why it ended, and what kind of point that is."""
        work = counted(self.evaluations)
        head = "converged" if self.converged else "not converged"
        lines = [f"{head} after {self.iterations:,} iteration{'s' * (self.iterations != 1)} of {self.method} ({work}): {self.reason}"]
        if self.point not in ("none", "minimum"):
            lines.append(KINDS[self.point])
        if self.at_bounds:
            some = ", ".join(self.at_bounds[:8]) + (", …" if len(self.at_bounds) > 8 else "")
            lines.append(f"at a bound: {some}")
        lines += [constraint(held) for held in self.constraints]
        return lines


def counted(evaluations: Mapping[str, int]) -> str:
    """31 values, 24 gradients, 24 Hessians"""
    words = {"value": "value", "gradient": "gradient", "hessian": "Hessian", "product": "Hessian-vector product"}
    return ", ".join(f"{n:,} {words[kind]}{'s' * (n != 1)}" for kind, n in evaluations.items() if n) or "no evaluations"


def constraint(held: Held) -> str:
    state = "active" if held.active else "not active"
    if getattr(held.value, "shape", ()):
        return f"constraint {held.text}: {state}"
    if math.isnan(held.value):
        return f"constraint {held.text}: without a value"
    if not held.active and held.value < 0:
        return f"constraint {held.text}: violated by {-held.value:.6g}"
    shown = f", multiplier {held.multiplier:.6g}" if held.active else f", {held.value:.6g} left"
    return f"constraint {held.text}: {state}{shown}"


def history_names(names: Sequence[str]) -> list[str]:
    """The columns of the history; variables that have the name of another column get x_ before it."""
    own = ["iteration", "value", "gradient_norm", "step", "evaluations"]
    return own + [f"x_{name}" if name in own else name for name in names]
