"""A program for one choice of input types: lowered once, each derivative built and compiled when it is first asked for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from adcli.api.engine import Runner
from adcli.api.flags import attributed, births, owners
from adcli.api.shelf import Facts
from adcli.engines.flags import BIRTHS, Flag, finite
from adcli.engines.limits import NESTED, frames
from adcli.errors import AdcliError, LimitError
from adcli.ir.collector import put_off

if TYPE_CHECKING:
    from adcli.ad import Plan
    from adcli.api.program import Program
    from adcli.ir.nodes import Function
    from adcli.ir.types import Type

# Which function: its kind, and the `wrt`, `of` and `along` of `Variant.function`.
What: TypeAlias = "tuple[str, tuple[int, ...], int | None, tuple[int, ...]]"


class Variant:
    """`lowered` is the IR as the program says it; `function(kind, …)` and `run(kind, …)` give what is made of it. Each when asked for."""

    def __init__(self, program: Program, types: Sequence[Type], order: int) -> None:
        self.program = program
        self.names = [i.name for i in program.inputs]
        self.types = list(types)
        self.order = order
        self._lowered: Function | None = None
        self.shelf = None if program.shelf is None else program.shelf.part(order, *types)
        self.facts = Facts(self.shelf)
        if self.facts.results is None:
            self.facts.results = [atom.type for atom in self.lowered.body.results]
            self.facts.kept = False
        self.result_types = self.facts.results
        self._functions: dict[tuple[object, ...], Function] = {}
        self._runners: dict[tuple[object, ...], Runner] = {}
        self._ready: dict[tuple[object, ...], Function] = {}
        self.choice = 0  # of the program's tapes: the first that has not been too large
        self.flags: list[Flag] = []
        self.steps = 0

    @property
    def lowered(self) -> Function:
        """The IR as the program says it; not needed where all that is asked for is on the shelf."""
        if self._lowered is None:
            self._lowered = self._lower()
        return self._lowered

    @frames(NESTED)
    def _lower(self) -> Function:
        from adcli.lower import lower

        return lower(self.program.tree, self.program.source, dict(zip(self.names, self.types, strict=True)), self.order)

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
        key = f"{kind} {wrt} {of}"
        if key not in self.facts.paths:
            from adcli.ad import Derivative

            derivative = self.function(kind, wrt, of).of
            self.facts.add(key, derivative.paths if isinstance(derivative, Derivative) else ())
            self._keep()
        return self.facts.paths[key]

    def _keep(self) -> None:
        """Put what is known of the program beside its code, if code of it is kept."""
        if "native" in self.program.engines:
            self.facts.keep()
            self.program.keep()

    @frames(NESTED)
    @put_off()
    def _build(self, kind: str, wrt: tuple[int, ...], of: int | None, along: tuple[int, ...], plan: Plan | None = None) -> Function:
        if kind == "value":
            from adcli.passes import optimize

            return optimize(self.lowered if of is None else only(self.lowered, of))
        from adcli import ad

        primal = self.function("value", of=of)
        if kind == "forward":
            return ad.forward(primal, wrt)
        if kind == "reverse":
            outputs = (0,) if of is not None else [k for k, t in enumerate(self.result_types) if t.elem == "real"]
            return ad.reverse(primal, wrt, outputs, plan)
        return ad.reverse(self.function("forward", along, of), wrt, (1,), plan)

    def run(
        self, args: Sequence[Any], kind: str = "value", wrt: tuple[int, ...] = (), of: int | None = None, along: int | tuple[int, ...] = ()
    ) -> list[Any]:
        """The results of one run; its flags are added to `flags`, its steps to `steps`."""
        what = (kind, wrt, of, (along,) if isinstance(along, int) else along)
        try:
            runner, results = self._results(what, args)
        except AdcliError as error:
            if error.source is None:
                error.source = self.program.source
            raise
        flags = list(runner.flags)
        if not all(map(finite, results)) and not any(flag.code in BIRTHS for flag in flags):
            flags += runner.unseen(args) or births(self._runnable(what), self.names, args, self.program.limits)
        if kind != "value" and any(flag.code in BIRTHS for flag in flags):
            flags = attributed(flags, owners(self.lowered))
        self.note(flags)
        self.steps = max(self.steps, runner.steps)
        self._keep()
        return results

    def values(self, args: Sequence[Any], of: int) -> list[Any]:
        """One run for its results alone: where a number stops being finite is not looked for, and no flag is noted."""
        return self.bare(("value", (), of, ()), args)

    def bare(self, what: What, args: Sequence[Any]) -> list[Any]:
        """The same of any function."""
        return self._results(what, args)[1]

    def runner(self, what: What) -> Runner:
        """The function with its engine, and with the tape that has not been too large so far."""
        key = (what, self.choice)
        found = self._runners.get(key)
        if found is None:
            shelf = None if self.shelf is None else self.shelf.part(what, self.program.tapes[self.choice])
            found = self._runners[key] = Runner(self.program.tiers, partial(self._runnable, what, self.choice), shelf)
        return found

    def _results(self, what: What, args: Sequence[Any]) -> tuple[Runner, list[Any]]:
        """One run; where its tape is too large, another with the next of the program's tapes."""
        start = self.choice
        while True:
            try:
                runner = self.runner(what)
                return runner, runner.run(list(args))
            except LimitError as error:
                if not error.memory or not self._smaller(what):
                    self.choice = start
                    raise

    def _smaller(self, what: What) -> bool:
        """Go on to the next tape with which the function is another one, if there is any."""
        from adcli.engines.weight import standing

        now = standing(self._runnable(what))
        while self.choice + 1 < len(self.program.tapes):
            self.choice += 1
            if standing(self._runnable(what)) != now:
                return True
        return False

    def _runnable(self, what: What, tape: int | None = None) -> Function:
        """The function as it runs, with one of the program's tapes; the one in use, if none is named."""
        tape = self.choice if tape is None else tape
        key = (what, tape)
        if key not in self._ready:
            choice = self.program.tapes[tape]
            if choice is None:
                self._ready[key] = ready(self.function(*what))
            else:
                from adcli.ad import Plan

                plan = Plan(*choice)
                swept = what[0] in ("reverse", "second")
                self._ready[key] = ready(self._build(*what, plan) if swept else self.function(*what), plan)
        return self._ready[key]

    def note(self, flags: Sequence[Flag]) -> None:
        """Add flags that are not there yet."""
        known = {(flag.code, flag.op, flag.span) for flag in self.flags}
        for flag in flags:
            if (flag.code, flag.op, flag.span) not in known:
                known.add((flag.code, flag.op, flag.span))
                self.flags.append(flag)


@frames(NESTED)
def ready(function: Function, plan: Plan | None = None) -> Function:
    """The function as it runs: derivatives that the program itself asks for have their statements."""
    from adcli.ir.nested import is_nested

    if not is_nested(function):
        return function
    from adcli import ad

    return ad.expand(function, plan)


def only(function: Function, of: int) -> Function:
    """The function with one of its results."""
    from adcli.ir.nodes import Block, Function

    names = (function.result_names[of],) if function.result_names else ()
    types = (function.result_types[of],) if function.result_types else ()
    body = Block(function.body.statements, (function.body.results[of],))
    return Function(function.name, function.params, body, names, function.of, function.span, types)
