"""What a search for a root found, as data and as sentences."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from adcli.engines.flags import Flag


class Root(NamedTuple):
    """at: the whole point, what was fixed included; residuals: by equation, 0 at a root.

    newton_step: the length of Newton's next step beside the unknowns, inf where the Jacobian is singular; condition: of the Jacobian, its
    columns scaled to length 1.
    """

    method: str
    at: dict[str, Any]
    residuals: dict[str, Any]
    residual_norm: float
    iterations: int
    converged: bool
    reason: str
    evaluations: dict[str, int]
    newton_step: float
    condition: float

    def data(self) -> dict[str, Any]:
        """As JSON has it."""
        found = self._asdict()
        method = found.pop("method")
        return {"schema": "adcli/solve/1", **found, "method": method}

    def absent(self) -> list[Flag]:
        """A flag for each number that JSON has null for."""
        numbers = {"newton_step": self.newton_step, "condition": self.condition}
        return [
            Flag("undefined", name, None, f"{name}: the Jacobian is singular", name, str(value))
            for name, value in numbers.items()
            if not math.isfinite(value)
        ]

    def sentences(self) -> list[str]:
        """The end of the run in words."""
        values, jacobians = self.evaluations["value"], self.evaluations["jacobian"]
        work = f"{values:,} value{'s' * (values != 1)}, {jacobians:,} Jacobian{'s' * (jacobians != 1)}"
        head = "converged" if self.converged else "not converged"
        lines = [f"{head} after {self.iterations:,} iteration{'s' * (self.iterations != 1)} ({work}): {self.reason}"]
        if not self.converged:
            lines.append(f"the equations are off by {self.residual_norm:.6g} (Euclidean norm)")
        elif not self.condition < SINGULAR:
            where = "singular" if math.isinf(self.condition) else f"nearly singular (condition {self.condition:.1e})"
            lines.append(f"the Jacobian is {where}: there may be other roots beside this one, and its last digits are uncertain")
        return lines


# The condition of a Jacobian from which on half of the digits are lost.
SINGULAR = 1e8
