"""The interpreter that is watched: every operation is reported as it runs. A second compilation, so that the plain one pays nothing."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from adcli.engines.compile import Compiler, Program
from adcli.engines.flags import Flag, birth, finite, has_nan, shown
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.engines.loops import RAISED, Frame
from adcli.engines.slots import SELF
from adcli.ir.nodes import Block, For, Function, Let, While

# What is told of an operation: the statement, its arguments' values, its result, the iterations of the loops around it.
Watcher: TypeAlias = Callable[[Let, Sequence[Any], Any, tuple[int, ...]], None]


def observe(
    function: Function, args: Sequence[Any], limits: Limits | None = None, on_let: Watcher | None = None
) -> tuple[list[Any], list[Flag]]:
    """Run a function and report every operation in the order of execution, in calls too; gives the results and the flags.

    The iteration counts from 0 for each enclosing loop, outermost first, those around a call included;
    the test of a while loop belongs to the iteration it lets in. Arrays reported may be overwritten later: copy what is to be kept.
    """
    interpreter = _Observer(function, limits, on_let)
    return interpreter.run(args), interpreter.flags


class _Observer(Interpreter):
    def __init__(self, function: Function, limits: Limits | None, on_let: Watcher | None) -> None:
        iteration: list[int] = []

        class Watching(_Watching):
            watcher = staticmethod(on_let) if on_let is not None else None
            counters = iteration

        self.compiler = Watching
        super().__init__(function, limits)


class _Watching(Compiler):
    """Every operation becomes a function of the frame that computes and tells; loops count their iterations."""

    watcher: Watcher | None = None
    counters: list[int]

    def __init__(self, program: Program, function: Function) -> None:
        super().__init__(program, function)
        self.iterated: set[Block] = set()

    def let(self, s: Let) -> None:
        f, direct = self.function(s)
        args = tuple(map(self.of, s.args))
        told = self.watcher
        counters = self.counters

        def run(frame: Frame) -> Any:
            values = [frame[a] for a in args]
            try:
                out = f(*values) if direct else f(frame)
            except RAISED:
                out = self.rescue(s, frame)
            if told is not None:
                told(s, values, out, tuple(counters))
            return out

        self.emit(run, self.of(s.out), SELF)

    def enter(self, block: Block) -> None:
        if block in self.iterated:
            self.act(self.tick)

    def for_(self, s: For) -> None:
        self.iterated.add(s.body)
        self.act(self.begin)
        super().for_(s)
        self.act(self.end)

    def while_(self, s: While) -> None:
        self.iterated.add(s.test)
        self.act(self.begin)
        super().while_(s)
        self.act(self.end)

    def begin(self, frame: Frame) -> None:
        self.counters.append(-1)

    def tick(self, frame: Frame) -> None:
        self.counters[-1] += 1

    def end(self, frame: Frame) -> None:
        self.counters.pop()


class Births:
    """Where inf or nan in the results of a function came from, run after run: the values given, or the first operation that made one."""

    def __init__(self, function: Function, names: Sequence[str], limits: Limits) -> None:
        self.function, self.names, self.limits = function, names, limits
        self.found: list[Flag] = []
        self._observer: _Observer | None = None

    def of(self, args: Sequence[Any]) -> list[Flag]:
        """The flag of a run with these arguments, if there is one."""
        for name, value in zip(self.names, args, strict=False):
            if not finite(value):
                code, what = ("domain", "nan") if has_nan(value) else ("singular", "infinite")
                return [Flag(code, name, None, f"the value given for '{name}' is {what}")]
        if self._observer is None:
            self._observer = _Observer(self.function, self.limits, self._look)
        self.found = []
        self._observer.run(args)
        return self.found

    def _look(self, let: Let, values: Sequence[Any], value: Any, iteration: tuple[int, ...]) -> None:
        if not self.found and not finite(value):
            flag = birth(let.op.name, values, value, let.span)
            if flag is not None:
                self.found.append(flag)


class _Found(Exception):
    """The run has gone far enough."""


def births(function: Function, args: Sequence[Any], limits: Limits | None = None) -> list[Flag]:
    """Where a result that is not finite came from: the first operation that made inf or nan of arguments that explain neither.

    Where there is none, the first operation that was given one: a constant or an argument was not finite to begin with.
    """
    found: list[Flag] = []
    given: list[Flag] = []

    def look(let: Let, values: Sequence[Any], value: Any, iteration: tuple[int, ...]) -> None:
        if finite(value):
            return
        flag = birth(let.op.name, values, value, let.span)
        if flag is not None:
            found.append(flag)
            raise _Found
        if not given:
            given.append(passed(let, values))

    with suppress(_Found):
        observe(function, args, limits, look)
    return found or given


def passed(let: Let, values: Sequence[Any]) -> Flag:
    """The flag for an operation whose argument was not finite to begin with."""
    name = shown(let.op.name)
    if any(map(has_nan, values)):
        return Flag("domain", let.op.name, let.span, f"an argument of {name} is nan to begin with")
    return Flag("overflow", let.op.name, let.span, f"an argument of {name} is infinite to begin with")
