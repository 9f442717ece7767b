"""From IR to closures: each function once, each block to a tuple of steps (see `loops`)."""
from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, assert_never

from adcli.engines import checks, loops
from adcli.engines.budget import ENDLESS, Budget
from adcli.engines.flags import birth, noted
from adcli.engines.loops import Action, Bookkeeping, Code, Frame, Run, Step
from adcli.engines.machine import Machine
from adcli.engines.slots import JUNK, SELF, Layout
from adcli.engines.weight import ENTRY, block_weight
from adcli.errors import IntegerOverflow
from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.walk import all_compound, functions

# Faster than the table's form where the result is real.
_FOR_REALS: dict[str, Callable[..., Any]] = {"pow": math.pow}


class Program:
    """What all functions of one program share while it is compiled."""

    def __init__(self, entry: Function, machine: Machine, budget: Budget | None = None) -> None:
        self.machine = machine
        self.budgeted = budget is not None
        self.budget = budget or Budget(ENDLESS)
        self.weights: dict[Function, int] = {}
        self.functions = functions(entry)
        self.codes = {f: Code() for f in self.functions}
        self.pushing = _pushing(self.functions)
        # Found while compiling: whether there are operations on arrays, and calls, and how deep blocks nest.
        self.arrays = False
        self.calls = False
        self.nesting = 0

    def weight(self, f: Function) -> int:
        """What a call costs of the budget, the loops and calls in it apart."""
        if not self.budgeted:
            return 0
        if f not in self.weights:
            self.weights[f] = ENTRY + block_weight(f.body)
        return self.weights[f]

    def compile(self, make: type[Compiler]) -> None:
        compilers = [(f, make(self, f)) for f in self.functions]
        for f, compiler in compilers:
            compiler.declare(f)
        for f, compiler in compilers:
            compiler.define(f)


def _pushing(program: Sequence[Function]) -> set[Function]:
    """The functions that push on tapes, in calls too."""
    inside = {f: list(all_compound(f.body)) for f in program}
    found = {f for f in program if any(isinstance(s, Push) for s in inside[f])}
    grown = True
    while grown:
        more = {f for f in program if f not in found and any(isinstance(s, Call) and s.function in found for s in inside[f])}
        found |= more
        grown = bool(more)
    return found


class Compiler:
    """Compiles one function. A subclass that observes or counts overrides `let` or `enter`."""

    def __init__(self, program: Program, function: Function) -> None:
        self.program = program
        self.machine = program.machine
        self.layout = Layout(function)
        self.code = program.codes[function]
        self.held: list[int] = []
        self.steps: list[Step] = []
        self.fallible: dict[int, Statement] = {}
        self.of = self.layout.of
        self.depth = 0

    def declare(self, f: Function) -> None:
        self.code.params = tuple(map(self.of, f.params))

    def define(self, f: Function) -> None:
        self.code.run = self.block(f.body)
        self.code.results = tuple(map(self.of, f.body.results))
        self.code.held = tuple(self.held)
        self.code.template = self.layout.template

    # Steps are emitted into the block in the making.

    def emit(self, f: Callable[..., Any], d: int, a: int, b: int | None = None, fallible: Statement | None = None) -> None:
        """frame[d] = f(frame[a], frame[b]); where f may raise, for the `fallible` statement."""
        self.steps.append((f, d, a, b))
        if fallible is not None:
            self.fallible[d] = fallible

    def act(self, action: Action) -> None:
        """A compound statement, which writes its results itself."""
        self.emit(action, JUNK, SELF)

    def block(self, block: Block, moves: Sequence[tuple[int, Atom]] = (), after: Callable[[], None] | None = None) -> Run:
        """The block's statements, then slots set to atoms all at once, then what `after` emits."""
        outer = self.steps, self.fallible
        self.steps, self.fallible = [], {}
        self.depth += 1
        self.program.nesting = max(self.program.nesting, self.depth)
        self.enter(block)
        for s in block.statements:
            self.statement(s)
        self.move([(p, self.of(a)) for p, a in moves])
        if after is not None:
            after()
        run = Run(self.steps, self.fallible, self.rescue)
        self.steps, self.fallible = outer
        self.depth -= 1
        return run

    def enter(self, block: Block) -> None:
        """Emits what is to be done where the block begins: nothing here."""

    def move(self, moves: list[tuple[int, int]]) -> None:
        """Slots set to the values of slots all at once: in an order in which no value is overwritten before it is read."""
        todo = dict(m for m in moves if m[0] != m[1])
        readers: dict[int, int] = {}
        for a in todo.values():
            readers[a] = readers.get(a, 0) + 1
        ready = [p for p in todo if p not in readers]
        while todo:
            if not ready:  # only cycles are left: one value steps aside
                p = next(iter(todo))
                aside = self.layout.new()
                self.copy(aside, p)
                for q, a in todo.items():
                    if a == p:
                        todo[q] = aside
                readers[aside] = readers.pop(p)
                ready.append(p)
            p = ready.pop()
            a = todo.pop(p)
            self.copy(p, a)
            readers[a] -= 1
            if not readers[a]:
                del readers[a]
                if a in todo:
                    ready.append(a)

    def copy(self, d: int, a: int) -> None:
        """frame[d] = frame[a], by the C function that reads a list."""
        self.emit(operator.getitem, d, SELF, self.layout.constant(a))

    def statement(self, s: Statement) -> None:
        match s:
            case Let():
                self.let(s)
            case Check():
                self.check(s)
            case Push():
                self.push(s)
            case Pop():
                self.pop(s)
            case If():
                then = self.block(s.then, self.results(s.outs, s.then))
                self.act(loops.branch(self.of(s.cond), then, self.block(s.other, self.results(s.outs, s.other))))
            case For():
                self.for_(s)
            case While():
                self.while_(s)
            case Call():
                self.call(s)
            case _:
                assert_never(s)

    def results(self, into: Sequence[Var], block: Block) -> list[tuple[int, Atom]]:
        return [(self.of(v), a) for v, a in zip(into, block.results, strict=True)]

    def let(self, s: Let) -> None:
        f, direct = self.function(s)
        of = self.of
        if not direct:
            self.emit(f, of(s.out), SELF)
        elif len(s.args) == 1:
            self.emit(f, of(s.out), of(s.args[0]), None, s)
        else:
            self.emit(f, of(s.out), of(s.args[0]), of(s.args[1]), s)

    def function(self, s: Let) -> tuple[Callable[..., Any], bool]:
        """The operation's function, and whether it takes the one or two arguments themselves (and may raise), or the frame."""
        total = s.op.scalar
        if total is None or s.out.type.shape or [a for a in s.args if a.type.shape]:
            return self.array_function(s)
        if len(s.args) > 2:
            args = [self.of(a) for a in s.args]
            return (lambda s: total(*[s[a] for a in args])), False
        if s.op.name in _FOR_REALS and s.out.type.elem == "real":
            return _FOR_REALS[s.op.name], True
        return s.op.fast or total, True

    def array_function(self, s: Let) -> tuple[Callable[..., Any], bool]:
        from adcli.engines import arrays

        self.program.arrays = True
        if s.op.name == "index" and len(s.args) == 2 and not s.out.type.shape:
            return arrays.ELEMENT, True
        return arrays.step(s, tuple(map(self.of, s.args)), self.hold, self.machine), False

    def hold(self) -> int:
        k = self.layout.new(0)
        self.held.append(k)
        return k

    def rescue(self, s: Statement, frame: Frame) -> Any:
        """What a statement gives whose function raised: its total form's value and a flag, or an error."""
        machine = self.machine
        match s:
            case Let():
                total = s.op.scalar
                assert total is not None, "an index out of range passed its check"
                values = [self.value(a, frame) for a in s.args]
                out = total(*values)
                if s not in machine.seen:
                    flag = birth(s.op.name, values, out, s.span)
                    if flag is not None:
                        machine.note(s, flag)
                return out
            case Check(kind="flag"):
                if s not in machine.seen:
                    machine.note(s, noted(s.about[0], s.about[1], s.span))
                return None
            case Check():
                raise checks.failure(s, [self.value(a, frame) for a in s.args]) from None
            case _:  # Push
                raise IntegerOverflow("a whole number does not fit in 64 bits") from None

    def value(self, atom: Atom, frame: Frame) -> Any:
        return atom.value if isinstance(atom, Const) else frame[self.of(atom)]

    def check(self, s: Check) -> None:
        f, parts = checks.test(s)
        args = [self.layout.new(p[0]) if isinstance(p, list) else self.of(p) for p in parts]
        own = self.layout.new()
        match args:
            case [a]:
                self.emit(f, own, a, None, s)
            case [a, b]:
                self.emit(f, own, a, b, s)
            case _:
                self.emit(lambda frame: f(*[frame[a] for a in args]), own, SELF, None, s)

    def push(self, s: Push) -> None:
        tape = self.machine.tape(s.tape, s.value.type.elem, s.value.type.rank)
        if s.value.type.rank:
            from adcli.engines import arrays

            self.act(arrays.push(tape, self.of(s.value), self.machine, None))
        else:
            self.emit(tape.append, self.layout.new(), self.of(s.value), None, s)

    def pop(self, s: Pop) -> None:
        tape = self.machine.tape(s.tape, s.out.type.elem, s.out.type.rank)
        if s.out.type.rank:
            from adcli.engines import arrays

            self.emit(arrays.pop(tape, self.machine), self.of(s.out), SELF)
        else:
            self.emit(tape.pop, self.of(s.out), self.layout.constant(-1))

    def owes(self, s: For | While, parts: tuple[Block, ...]) -> Bookkeeping:
        pushes = sum(isinstance(t, Push) for b in parts for t in b.statements)
        inside = [t for b in parts for t in all_compound(b)]
        polls = self.machine.polling or any(
            isinstance(t, Push) or (isinstance(t, Call) and t.function in self.program.pushing) for t in inside
        )
        weight = sum(map(block_weight, parts)) + 1 if self.program.budgeted else 0
        return Bookkeeping(self.machine, s.counted, pushes, polls, s.span, self.program.budget, weight)

    def inits(self, s: For | While) -> tuple[tuple[int, int], ...]:
        pairs = ((self.of(p), self.of(a)) for p, a in zip(s.params, s.inits, strict=True))
        return tuple((p, a) for p, a in pairs if p != a)

    def index(self, s: For | While) -> int:
        """The slot of a loop's index, once the body is compiled: only what is read has one."""
        return self.of(s.index) if s.index in self.layout.slots else JUNK

    def for_(self, s: For) -> None:
        body = self.block(s.body, self.results(s.params, s.body))
        start, count, step = map(self.of, (s.start, s.count, s.step))
        index = self.index(s)
        self.act(loops.for_loop(start, count, step, index, self.inits(s), body, self.owes(s, (s.body,))))

    def while_(self, s: While) -> None:
        test = self.block(s.test)

        def next_test() -> None:
            index = self.index(s)
            if index != JUNK:
                self.emit(operator.add, index, index, self.layout.constant(1))
            self.enter(s.test)
            for t in s.test.statements:
                self.statement(t)

        body = self.block(s.body, self.results(s.params, s.body), next_test)
        cond = self.of(s.test.results[0])
        self.act(loops.while_loop(cond, self.of(s.count), self.index(s), self.inits(s), test, body, self.owes(s, (s.test, s.body))))

    def call(self, s: Call) -> None:
        self.program.calls = True
        code = self.program.codes[s.function]
        polls = self.machine.polling or s.function in self.program.pushing
        owes = Bookkeeping(self.machine, s.counted, 0, polls, s.span, self.program.budget, self.program.weight(s.function))
        self.act(loops.call(code, tuple(map(self.of, s.args)), tuple(map(self.of, s.outs)), code.params, owes))
