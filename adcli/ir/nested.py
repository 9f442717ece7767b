"""Derivatives asked for inside a program: functions that stand for a derivative until `ad` gives them a body.

A Call of such a function has derivative rules of its own that do not look inside (`ad.nested`), so that tapes are never
differentiated. Until then its body is one operation, `derivative`, for each result, which passes take for one on all its arguments.
"""

from __future__ import annotations

from adcli.ir.build import Builder
from adcli.ir.nodes import Function, Var
from adcli.ir.types import Type
from adcli.ir.walk import functions


class Nested:
    """What such a function stands for.

    mode "reverse": the adjoints, by the parameters `wrt`, of result `of` of `function` (a real scalar); parameters as the function's.
    mode "forward": the tangents of result `of` along those parameters; parameters as the function's, then one tangent for each `wrt`.
    counted: its iterations and calls are steps of --max-steps.
    """

    __slots__ = ("counted", "function", "mode", "of", "wrt")

    def __init__(self, function: Function, mode: str, wrt: tuple[int, ...], of: int, counted: bool = True) -> None:
        self.function = function
        self.mode = mode
        self.wrt = wrt
        self.of = of
        self.counted = counted

    def uncounted(self) -> Nested:
        """The same, for steps that run again."""
        return Nested(self.function, self.mode, self.wrt, self.of, counted=False)


class CustomRule:
    """Partial derivatives that a program gives for a function of its own, in place of those of its statements.

    partials: a function of the parameters and the result, one result for each parameter at `wrt`: where the function's value is a
    number, its gradient by that parameter; where it is an array, the derivative of each element by the parameter's own element.
    """

    __slots__ = ("partials", "wrt")

    def __init__(self, partials: Function, wrt: tuple[int, ...]) -> None:
        self.partials = partials
        self.wrt = wrt


def is_nested(entry: Function) -> bool:
    """Whether derivatives inside the program are still to be given bodies."""
    return any(isinstance(f.of, Nested) for f in functions(entry))


def nested(function: Function, mode: str, wrt: tuple[int, ...], of: int) -> Function:
    """The function that stands for this derivative of `function`."""
    along = [function.params[k].type for k in wrt]
    types = [p.type for p in function.params] + ([Type("real", t.shape) for t in along] if mode == "forward" else [])
    params = tuple(Var(t) for t in types)
    results = [function.result_types[of]] if mode == "forward" else along
    b = Builder()
    outs = tuple(b.let("derivative", *params, attrs=(Type("real", t.shape), k)) for k, t in enumerate(results))
    b.block.results = outs
    out = Function(function.name + ("_dot" if mode == "forward" else "_bar"), params, b.block, of=Nested(function, mode, wrt, of))
    out.result_types = tuple(v.type for v in outs)
    return out
