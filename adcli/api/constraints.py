"""Constraints over the inputs of a program, each a small program of its own, with derivatives by the variables.

A constraint is made c(x) = 0 or c(x) ≥ 0: x^2 + y^2 <= 1 has c = 1 - x^2 - y^2, an array has one for each element.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.api.derivatives import Setting
from adcli.api.relations import Relation, Told, relations
from adcli.errors import EvaluationError, UsageError

if TYPE_CHECKING:
    from adcli.api.program import Program
    from adcli.api.variables import Variables
    from adcli.api.variant import What
    from adcli.optimize.smooth import Matrix, Vector

WHERE = "<constraint>"


class Constraint:
    """One relation at the shapes of a point: its size, and what of the flat vector its program reads."""

    def __init__(self, relation: Relation, variables: Variables) -> None:
        from adcli.api.program import compile

        self.relation, self.variables = relation, variables
        owner = variables.setting.program
        point = variables.point(variables.start)
        source = Told([relation], [_declared(relation, point)], WHERE)
        made = compile(source, limits=owner.limits, engine=owner.tiers.choice.engine)
        for given in made.inputs:
            if given.name not in point:
                raise _unknown(given.name, relation, point)
        self.reads = [given.name for given in made.inputs]
        self.setting = Setting(made, {name: point[name] for name in self.reads})
        self.variant = self.setting.variant
        first = self.variant.run(self.setting.args)[0]
        self.shape: tuple[int, ...] = getattr(first, "shape", ())
        self.size = math.prod(self.shape)
        self.moving = tuple(k for k, name in enumerate(self.reads) if name in variables.owners)
        if not self.moving or not self.setting.real(0):
            raise UsageError(
                f"the constraint '{relation.shown}' holds no variable", help=f"the variables are {', '.join(variables.owners)}"
            )
        self.turn = -1.0 if relation.sign == "<=" else 1.0
        self._value: What = ("value", (), 0, ())
        self._reverse: What = ("reverse", self.moving, 0, ())
        self._second: What = ("second", self.moving, 0, self.moving)

    def _args(self, x: Vector) -> list[Any]:
        point = self.variables.point(x)
        return [point[name] for name in self.reads]

    def value(self, x: Vector) -> Vector:
        import numpy as np

        try:
            found = self.variant.bare(self._value, self._args(x))[0]
        except EvaluationError:
            return np.full(self.size, math.nan)
        return self.turn * np.reshape(np.float64(found), -1)

    def jacobian(self, x: Vector) -> Matrix:
        """One reverse sweep for each element."""
        import numpy as np

        args = self._args(x)
        rows = []
        for unit in np.eye(self.size):
            seed = unit.reshape(self.shape) if self.shape else 1.0
            rows.append(self.turn * self._spread(self.variant.bare(self._reverse, [*args, seed])[1:]))
        return np.stack(rows)

    def product(self, x: Vector, weights: Vector, v: Vector) -> Vector:
        parts = dict(zip(self.variables.owners, self.variables.parts(v), strict=True))
        tangents = [parts[self.reads[k]] for k in self.moving]
        seed = weights.reshape(self.shape) if self.shape else float(weights[0])
        return self.turn * self._spread(self.variant.bare(self._second, [*self._args(x), *tangents, seed])[2:])

    def _spread(self, adjoints: Sequence[Any]) -> Vector:
        """Adjoints of what moves, as a vector over all variables."""
        import numpy as np

        found = {self.reads[k]: adjoint for k, adjoint in zip(self.moving, adjoints, strict=True)}
        none = zip(self.variables.owners, self.variables.shapes, strict=True)
        return self.variables.flat([found[owner] if owner in found else np.zeros(shape) for owner, shape in none])


def with_variables(program: Program, texts: Sequence[str], at: Mapping[str, Any]) -> Program:
    """The program with the variables that constraints alone read, where the point has a start for them."""
    own = {item.name for item in program.inputs}
    if own.issuperset(at):
        return program
    import numpy as np

    from adcli.api.composed import declaring
    from adcli.api.program import compile

    read = {item.name for text in texts for r in relations(text, "--constraint") for item in compile(Told([r], [""], WHERE)).inputs}
    shapes = {name: np.shape(value) for name, value in at.items() if name in read - own}
    return declaring(program, shapes) if shapes else program


def _declared(relation: Relation, point: dict[str, Any]) -> str:
    """Declarations of the inputs that would mean a constant or a function without: e, gamma."""
    from adcli import ops

    words = set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", relation.difference))
    found = [name for name in point if name in words and (name in ops.CONSTANTS or name in ops.PUBLIC)]
    shapes = {name: list(getattr(point[name], "shape", ())) for name in found}
    return "".join(f"input {name}{f': {shape}' if shape else ''}; " for name, shape in shapes.items())


def _unknown(name: str, relation: Relation, point: dict[str, Any]) -> UsageError:
    from adcli.api.point import nearest

    near = nearest(name, point)
    return UsageError(
        f"'{name}' in the constraint '{relation.shown}' is no input of the program",
        help=f"did you mean '{near}'?" if near else f"if it is one more variable, give it a start: --at {name}=1",
    )


class Stacked:
    """All constraints, one after the other, as `adcli.optimize.constrained` takes them."""

    def __init__(self, texts: Sequence[str], variables: Variables) -> None:
        import numpy as np

        self.each = [Constraint(r, variables) for text in texts for r in relations(text, "--constraint")]
        self.equal = np.concatenate([np.full(c.size, c.relation.sign == "=") for c in self.each])

    def value(self, x: Vector) -> Vector:
        import numpy as np

        return np.concatenate([c.value(x) for c in self.each])

    def jacobian(self, x: Vector) -> Matrix:
        import numpy as np

        return np.concatenate([c.jacobian(x) for c in self.each])

    def product(self, x: Vector, weights: Vector, v: Vector) -> Vector:
        import numpy as np

        total = np.zeros(len(x))
        for c, own in zip(self.each, self.parts(weights), strict=True):
            if own.any():
                total += c.product(x, own, v)
        return total

    def parts(self, stacked: Vector) -> list[Vector]:
        """A vector over all constraints, cut into those of each."""
        import numpy as np

        return np.split(stacked, np.cumsum([c.size for c in self.each])[:-1])
