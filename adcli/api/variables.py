"""The numbers that a method changes, as one flat vector: the elements of some real inputs, the others being fixed.

    variables = Variables(Setting(program, {"x": 1, "w": [2, 3], "n": 4}), None)
    variables.names          ["x", "w[0]", "w[1]"]
    variables.start          array([1., 2., 3.])
    variables.args(x)        the values of all inputs in order, n still 4

`Scalar` is an output as a function of them, with its derivatives, in the form that `adcli.optimize` takes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adcli.api.batch import indices, labelled
from adcli.errors import EvaluationError, LimitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from adcli.api.derivatives import Setting
    from adcli.api.variant import What
    from adcli.engines.flags import Flag
    from adcli.optimize.smooth import Box, Matrix, Vector


class Variables:
    """Inputs at positions `inputs`, laid out one after the other, arrays row by row. hidden: inputs that are data, and in no point."""

    def __init__(
        self, setting: Setting, wrt: Sequence[str] | None, verb: str = "minimize", hidden: frozenset[str] = frozenset()
    ) -> None:  # fmt: skip
        import numpy as np

        self.setting, self.hidden = setting, hidden
        self.inputs = setting.wrt(wrt)
        types, own = setting.variant.types, setting.variant.names
        self.shapes = [tuple(n or 0 for n in types[k].shape) for k in self.inputs]
        self.sizes = [math.prod(shape) for shape in self.shapes]
        if not sum(self.sizes):
            raise UsageError("the program has no real input to change", help=f'for instance adcli {verb} "(x - 1)^2" --at x=3')
        self.owners = [own[k] for k in self.inputs]
        self.names = [labelled(owner, index) for owner, shape in zip(self.owners, self.shapes, strict=True) for index in indices(shape)]
        self.start: Vector = np.concatenate([np.reshape(np.float64(setting.args[k]), -1) for k in self.inputs])

    def begin_within(self, box: Box) -> list[Flag]:
        """Move the start into the box; a flag for each element that this moves."""
        from adcli.api.starts import within

        self.start, flags = within(self.names, self.start, *box)
        return flags

    @property
    def size(self) -> int:
        return len(self.names)

    def parts(self, x: Vector) -> list[Any]:
        """The vector cut into values of the inputs: floats and arrays."""
        found: list[Any] = []
        at = 0
        for shape, size in zip(self.shapes, self.sizes, strict=True):
            found.append(x[at : at + size].reshape(shape).copy() if shape else float(x[at]))
            at += size
        return found

    def args(self, x: Vector) -> list[Any]:
        """The values of all inputs in order."""
        args: list[Any] = list(self.setting.args)
        for k, part in zip(self.inputs, self.parts(x), strict=True):
            args[k] = part
        return args

    def flat(self, parts: Sequence[Any]) -> Vector:
        """Derivatives by input as one vector."""
        import numpy as np

        return np.concatenate([np.reshape(np.float64(part), -1) for part in parts])

    def named(self, x: Vector) -> dict[str, Any]:
        """The vector by input."""
        return dict(zip(self.owners, self.parts(x), strict=True))

    def point(self, x: Vector) -> dict[str, Any]:
        """The whole point: the variables and what is fixed, by input."""
        named = zip(self.setting.variant.names, self.args(x), strict=True)
        return {name: value for name, value in named if name not in self.hidden}

    def places(self, name: str) -> list[int]:
        """Where an input, or one element "w[0]" or "A[0,1]", is in the vector; UsageError where it is not."""
        wanted = name.replace(" ", "")
        if wanted in self.names:
            return [self.names.index(wanted)]
        if name in self.owners:
            k = self.owners.index(name)
            first = sum(self.sizes[:k])
            return list(range(first, first + self.sizes[k]))
        from adcli.api.point import nearest

        near = nearest(name, [*self.owners, *self.names])
        some = ", ".join(self.names[:8]) + (", …" if self.size > 8 else "")
        raise UsageError(f"'{name}' is no variable", help=f"did you mean '{near}'?" if near else f"the variables are {some}")


class Scalar:
    """A scalar output as a smooth function of the variables; where the program does not run, it has no value."""

    def __init__(self, variables: Variables, of: int) -> None:
        setting = variables.setting
        self.variables, self.variant, self.of = variables, setting.variant, of
        inputs = variables.inputs
        if not setting.real(of):
            name = setting.program.outputs[of]
            raise UsageError(f"output '{name}' is an integer and has no derivative", help="choose a real one with --of")
        self._value: What = ("value", (), of, ())
        self._reverse: What = ("reverse", inputs, of, ())
        self._second: What = ("second", inputs, of, inputs)

    def value(self, x: Vector) -> float:
        return attempt(self.variant.program.limits.timeout, lambda: float(self.variant.bare(self._value, self.variables.args(x))[0]))

    def gradient(self, x: Vector) -> tuple[float, Vector]:
        value, *adjoints = self.variant.bare(self._reverse, [*self.variables.args(x), 1.0])
        return float(value), self.variables.flat(adjoints)

    def hessian(self, x: Vector) -> Matrix:
        """By one sweep for each variable, reverse over forward."""
        import numpy as np

        h = np.stack([self.product(x, unit) for unit in np.eye(self.variables.size)])
        h = np.where(np.isnan(h), h.T, h)  # 0·inf in one direction need not be in the other
        return (h + h.T) / 2

    def product(self, x: Vector, v: Vector) -> Vector:
        tangents = self.variables.parts(v)
        results = self.variant.bare(self._second, [*self.variables.args(x), *tangents, 1.0])
        return self.variables.flat(results[2:])


def attempt(timeout: float | None, run: Callable[[], float]) -> float:
    """A value, or nan where the program has none: an index out of range, a singular matrix, a loop that does not end.

    With a time limit, that one may be what was reached, and then the whole search ends.
    """
    try:
        return run()
    except EvaluationError:
        return math.nan
    except LimitError:
        if timeout is not None:
            raise
        return math.nan
