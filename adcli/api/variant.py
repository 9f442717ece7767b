"""A program for one choice of input types: lowered once, each derivative built and compiled when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adcli.api.flags import attributed, births, owners
from adcli.engines.flags import BIRTHS, Flag, finite
from adcli.engines.limits import NESTED, frames
from adcli.errors import AdcliError
from adcli.ir.nested import is_nested
from adcli.ir.nodes import Block, Function
from adcli.ir.types import Type

if TYPE_CHECKING:
    from adcli.api.program import Program
    from adcli.engines.interpret import Interpreter


class Variant:
    """`lowered` is the IR as the program says it; `function(kind, …)` and `run(kind, …)` give what is made of it."""

    @frames(NESTED)
    def __init__(self, program: Program, types: Sequence[Type]) -> None:
        from adcli.lower import lower

        self.program = program
        self.names = [i.name for i in program.inputs]
        self.types = list(types)
        self.lowered = lower(program.tree, program.source, dict(zip(self.names, types, strict=True)))
        self._functions: dict[tuple[object, ...], Function] = {}
        self._machines: dict[tuple[object, ...], Interpreter] = {}
        self.flags: list[Flag] = []
        self.steps = 0

    @property
    def result_types(self) -> list[Type]:
        return [atom.type for atom in self.lowered.body.results]

    def function(self, kind: str, wrt: tuple[int, ...] = (), of: int | None = None, along: int | tuple[int, ...] = ()) -> Function:
        """The primal ("value") of all outputs or of one, or its derivative: "forward", "reverse", "second" (reverse over forward).

        Reverse of all outputs takes a cotangent for each real one.
        """
        key = (kind, wrt, of, along)
        found = self._functions.get(key)
        if found is None:
            found = self._functions[key] = self._build(kind, wrt, of, (along,) if isinstance(along, int) else along)
        return found

    def paths(self, kind: str, wrt: tuple[int, ...], of: int | None) -> tuple[bool, ...]:
        """What `function` knows about structural zeros: a truth value for each adjoint or tangent."""
        from adcli.ad import Derivative

        derivative = self.function(kind, wrt, of).of
        return derivative.paths if isinstance(derivative, Derivative) else ()

    @frames(NESTED)
    def _build(self, kind: str, wrt: tuple[int, ...], of: int | None, along: tuple[int, ...]) -> Function:
        if kind == "value":
            from adcli.passes import optimize

            return optimize(self.lowered if of is None else only(self.lowered, of))
        from adcli import ad

        primal = self.function("value", of=of)
        if kind == "forward":
            return ad.forward(primal, wrt)
        if kind == "reverse":
            return ad.reverse(primal, wrt, (0,) if of is not None else [k for k, t in enumerate(self.result_types) if t.elem == "real"])
        return ad.reverse(self.function("forward", along, of), wrt, (1,))

    def run(
        self, args: Sequence[Any], kind: str = "value", wrt: tuple[int, ...] = (), of: int | None = None, along: int | tuple[int, ...] = ()
    ) -> list[Any]:
        """The results of one run; its flags are added to `flags`, its steps to `steps`."""
        key = (kind, wrt, of, along)
        machine = self._machines.get(key)
        if machine is None:
            from adcli.engines.interpret import Interpreter

            machine = self._machines[key] = Interpreter(ready(self.function(*key)), self.program.limits)
        try:
            results = machine.run(list(args))
        except AdcliError as error:
            if error.source is None:
                error.source = self.program.source
            raise
        flags = list(machine.flags)
        if not all(map(finite, results)) and not any(flag.code in BIRTHS for flag in flags):
            flags += births(ready(self.function(*key)), self.names, args, self.program.limits)
        if flags and kind != "value":
            flags = attributed(flags, owners(self.lowered))
        self.note(flags)
        self.steps = max(self.steps, machine.steps)
        return results

    def note(self, flags: Sequence[Flag]) -> None:
        """Add flags that are not there yet."""
        known = {(flag.code, flag.op, flag.span) for flag in self.flags}
        for flag in flags:
            if (flag.code, flag.op, flag.span) not in known:
                known.add((flag.code, flag.op, flag.span))
                self.flags.append(flag)


@frames(NESTED)
def ready(function: Function) -> Function:
    """The function as it runs: derivatives that the program itself asks for have their statements."""
    if not is_nested(function):
        return function
    from adcli import ad

    return ad.expand(function)


def only(function: Function, of: int) -> Function:
    """The function with one of its results."""
    names = (function.result_names[of],) if function.result_names else ()
    types = (function.result_types[of],) if function.result_types else ()
    body = Block(function.body.statements, (function.body.results[of],))
    return Function(function.name, function.params, body, names, function.of, function.span, types)
