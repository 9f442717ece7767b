"""What a comparison is about: one number of a program at a point, as a function of the numbers to differentiate by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.api.derivatives import Setting, ones_at, sweep_back, zeros
from adcli.api.program import Program
from adcli.errors import EvaluationError, LimitError, UsageError

if TYPE_CHECKING:
    from adcli.api.engine import Runner
    from adcli.api.variant import What

TAPE = ("Push", "Pop")
# Times the steps at the point that a run beside it may take.
MORE = 100


class Coordinate(NamedTuple):
    """One number to differentiate by: the input's position, the index in it, and what it is called."""

    input: int
    element: tuple[int, ...]
    name: str


class Problem:
    """A scalar output at a point, as a function of the numbers to differentiate by."""

    def __init__(self, program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> None:
        self.program, self.setting = program, Setting(program, at)
        self.variant, self.args = self.setting.variant, self.setting.args
        self.of = self.setting.scalar_output(of, "a comparison")
        self.inputs = self.setting.wrt(wrt)
        if not self.setting.real(self.of):
            raise UsageError(f"output '{program.outputs[self.of]}' is an integer and has no derivative", help="choose a real one with --of")
        if not self.inputs:
            raise UsageError("the program has no real input to differentiate by", help='for instance adcli compare "x^2" --at x=3')
        self.coordinates = [
            Coordinate(k, index, name + (f"[{','.join(map(str, index))}]" if index else ""))
            for k in self.inputs
            for name in (self.variant.names[k],)
            for index, _ in ones_at(self.variant.types[k].shape)
        ]
        if not self.coordinates:
            raise UsageError("the inputs to differentiate by have no elements", help="give an array with elements")
        self.output, self.wrt = program.outputs[self.of], [self.variant.names[k] for k in self.inputs]
        self.primal: What = ("value", (), self.of, ())
        self.calls = 0
        self.cost = self.operations(self.primal, self.args)
        self.value, self.adjoints = sweep_back(self.setting, self.inputs, self.of)
        self.flags = list(self.variant.flags)  # those of the point: ways that run the program elsewhere begin a new list
        self.beside = self._beside(at)

    def _beside(self, at: Mapping[str, Any]) -> Runner:
        """What computes values beside the point, where a loop that ends at the point may need not to: in so many times the steps."""
        if not self.variant.steps:
            return self.variant.runner(self.primal)
        from adcli.api.program import compile

        limits, choice = self.program.limits, self.program.tiers.choice
        fewer = limits._replace(max_steps=min(limits.max_steps, MORE * (self.variant.steps + 100)))
        same = compile(self.program.source, limits=fewer, engine=choice.engine, exact_libm=choice.exact_libm)
        return same.bind(at)[0].runner(self.primal)

    def at(self, c: Coordinate, x: Any) -> list[Any]:
        """The arguments with one number replaced."""
        args: list[Any] = list(self.args)
        if c.element:
            args[c.input] = args[c.input].copy()
            args[c.input][c.element] = x
        else:
            args[c.input] = x
        return args

    def coordinate(self, c: Coordinate) -> float:
        """The number's value at the point."""
        value: Any = self.args[c.input]
        return float(value[c.element] if c.element else value)

    def element(self, gradient: Mapping[str, Any], c: Coordinate) -> Any:
        value = gradient[self.variant.names[c.input]]
        return value[c.element] if c.element else value

    def along(self, c: Coordinate) -> Callable[[float], float]:
        """The output as a function of one number."""
        runner = self.beside

        def value(x: float) -> float:
            self.calls += 1
            return float(runner.run(self.at(c, x))[0])

        return value

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an input."""
        return tuple(n or 0 for n in self.variant.types[self.variant.names.index(name)].shape)

    def tried(self, c: Coordinate) -> Callable[[float], float]:
        """The same, nan where the program has no value."""
        f = self.along(c)

        def value(x: float) -> float:
            try:
                return f(x)
            except (EvaluationError, LimitError):
                return math.nan

        return value

    def unit(self, c: Coordinate) -> Any:
        """The direction of one number."""
        unit = zeros(self.variant.types[c.input].shape)
        if c.element:
            unit[c.element] = 1.0
        return unit if c.element else 1.0

    def named(self, found: Sequence[float]) -> dict[str, Any]:
        """Derivatives by coordinate as a gradient by input."""
        gradient = {self.variant.names[k]: zeros(self.variant.types[k].shape) for k in self.inputs}
        for c, value in zip(self.coordinates, found, strict=True):
            if c.element:
                gradient[self.variant.names[c.input]][c.element] = value
            else:
                gradient[self.variant.names[c.input]] = value
        return gradient

    def operations(self, what: What, args: Sequence[Any]) -> int:
        """Statements that one run executes, without those of the tape."""
        return operations(self.program, self.variant.runner(what).function, args)


def operations(program: Program, function: Any, args: Sequence[Any]) -> int:
    """Statements that one run executes, without those of the tape."""
    from adcli.engines.count import executed

    return sum(n for kind, n in executed(function, args, program.limits).items() if kind not in TAPE)
