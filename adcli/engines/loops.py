"""The closures of the interpreter: how runs of operations, branches, loops and calls execute on a frame.

A block is one tuple of steps (f, d, a, b), run in one loop: frame[d] = f(frame[a], frame[b]), or f(frame[a]) where b is None.
f is a C function wherever there is one. Compound statements are steps too: functions of the frame itself, which is in slot 0.
Where f raises, `Run.resume` computes that one step with its total form, notes a flag, and carries on behind it.

The loop stands here five times, not in a function of its own: a call for each iteration would cost as much as two steps.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any, TypeAlias

from adcli.engines.budget import Budget
from adcli.engines.limits import depth_error, steps_error
from adcli.engines.machine import CHUNK, Machine
from adcli.engines.slots import JUNK, SELF
from adcli.errors import Span
from adcli.ir.nodes import Statement

Frame: TypeAlias = list[Any]
Step: TypeAlias = tuple[Callable[..., Any], int, int, "int | None"]
Rescue: TypeAlias = Callable[[Statement, Frame], Any]
Moves: TypeAlias = tuple[tuple[int, int], ...]
Action: TypeAlias = Callable[[Frame], None]

# What C functions raise outside their domain, and tests where they fail.
RAISED = (ArithmeticError, ValueError, LookupError)


class Run:
    """The steps of a block, and by slot written the statements whose functions may raise: `rescue` then gives the slot's value."""

    __slots__ = ("places", "rescue", "statements", "steps")

    def __init__(self, steps: Sequence[Step], statements: dict[int, Statement], rescue: Rescue) -> None:
        self.steps = tuple(steps)
        self.statements = statements
        self.rescue = rescue
        self.places: dict[int, int] = {}  # of the slots written, once needed

    def resume(self, s: Frame, d: int, error: Exception) -> None:
        """Carry on where the step that writes slot d raised."""
        if not self.places:
            self.places = {step[1]: k for k, step in enumerate(self.steps)}
        while True:
            statement = self.statements.get(d)
            if statement is None:
                raise error
            s[d] = self.rescue(statement, s)
            rest: Any = iter(self.steps)
            rest.__setstate__(self.places[d] + 1)
            try:
                for f, d, a, b in rest:
                    s[d] = f(s[a]) if b is None else f(s[a], s[b])
                return
            except RAISED as e:
                error = e


class Code:
    """A compiled function: what a call needs, filled in when its body is compiled (it may call itself)."""

    __slots__ = ("held", "params", "results", "run", "template")

    run: Run
    template: Frame
    params: tuple[int, ...]
    results: tuple[int, ...]
    held: tuple[int, ...]  # slots that count the bytes of the arrays made in a frame


def branch(cond: int, then: Run, other: Run) -> Action:
    yes, no = then.steps, other.steps

    def run(s: Frame) -> None:
        if s[cond]:
            try:
                for f, d, a, b in yes:
                    s[d] = f(s[a]) if b is None else f(s[a], s[b])
            except RAISED as e:
                then.resume(s, d, e)
        else:
            try:
                for f, d, a, b in no:
                    s[d] = f(s[a]) if b is None else f(s[a], s[b])
            except RAISED as e:
                other.resume(s, d, e)

    return run


class Bookkeeping:
    """What a loop or call owes the limits. pushes: numbers on tapes in one iteration, at least; polls: there may be more.

    budget: of the run; weight: what an iteration costs of it, 0 where nobody asks.
    """

    __slots__ = ("budget", "counted", "machine", "polls", "pushes", "span", "weight")

    def __init__(self, machine: Machine, counted: bool, pushes: int, polls: bool, span: Span | None, budget: Budget, weight: int) -> None:
        self.machine = machine
        self.counted = counted
        self.pushes = pushes
        self.polls = polls
        self.span = span
        self.budget = budget
        self.weight = weight

    def enter(self, n: int) -> None:
        """Before n iterations that are counted."""
        machine = self.machine
        machine.left -= n
        if machine.left < 0:
            raise steps_error(machine.limits, self.span)

    def spend(self, n: int) -> None:
        """Before n iterations, or behind them."""
        budget = self.budget
        budget.left -= n * self.weight
        if budget.left < 0:
            budget.spent()

    def spans(self, start: int, n: int, step: int) -> Iterator[Any]:
        """The indices in chunks, looking at memory and the clock between them."""
        machine = self.machine
        if step == 0:
            yield repeat(start, n)
            return
        if n * self.pushes > CHUNK:
            machine.poll(n * self.pushes, self.span)
        for k in range(0, n, CHUNK):
            size = min(CHUNK, n - k)
            machine.work += size * max(1, self.pushes)
            if machine.work > CHUNK:
                machine.poll(size * self.pushes, self.span)
            yield range(start + k * step, start + (k + size) * step, step)


def for_loop(start: int, count: int, step: int, index: int, inits: Moves, body: Run, owes: Bookkeeping) -> Action:
    steps = body.steps
    counted, weight, polls = owes.counted, owes.weight, owes.polls or owes.pushes > 0

    def run(s: Frame) -> None:
        n, first, by = s[count], s[start], s[step]
        if len(inits) == 1:
            s[inits[0][0]] = s[inits[0][1]]
        elif inits:
            for p, value in zip([p for p, _ in inits], [s[i] for _, i in inits], strict=True):
                s[p] = value
        if n <= 0:
            return
        if counted:
            owes.enter(n)
        if weight:
            owes.spend(n)
        for indices in owes.spans(first, n, by) if polls or by == 0 else (range(first, first + n * by, by),):
            for i in indices:
                s[index] = i
                try:
                    for f, d, a, b in steps:
                        s[d] = f(s[a]) if b is None else f(s[a], s[b])
                except RAISED as e:
                    body.resume(s, d, e)

    return run


def while_loop(cond: int, count: int, index: int, inits: Moves, test: Run, body: Run, owes: Bookkeeping) -> Action:
    """`body` ends with the test of the next iteration; `test` is that of the first."""
    head, steps = test.steps, body.steps

    def run(s: Frame) -> None:
        for p, value in zip([p for p, _ in inits], [s[i] for _, i in inits], strict=True):
            s[p] = value
        s[index] = k = done = 0
        try:
            for f, d, a, b in head:
                s[d] = f(s[a]) if b is None else f(s[a], s[b])
        except RAISED as e:
            test.resume(s, d, e)
        while s[cond]:
            room = look(owes, k - done)
            if room == 0:
                raise steps_error(owes.machine.limits, owes.span)
            done = k
            for k in range(done + 1, done + room + 1):  # noqa: B007 (the last one counts)
                try:
                    for f, d, a, b in steps:
                        s[d] = f(s[a]) if b is None else f(s[a], s[b])
                except RAISED as e:
                    body.resume(s, d, e)
                if not s[cond]:
                    break
        if owes.counted:
            owes.enter(k - done)
        if owes.weight:
            owes.spend(k - done)
        s[count] = k

    return run


def look(owes: Bookkeeping, done: int) -> int:
    """Account for iterations done, and say how many may run before the next look."""
    machine = owes.machine
    machine.work += done
    if machine.work >= CHUNK:
        machine.poll(done * owes.pushes, owes.span)  # as many may follow
    if owes.weight:
        owes.spend(done)
    if not owes.counted:
        return CHUNK
    owes.enter(done)
    return min(CHUNK, machine.left)


def call(code: Code, args: tuple[int, ...], outs: tuple[int, ...], params: tuple[int, ...], owes: Bookkeeping) -> Action:
    machine = owes.machine
    into = tuple(zip(params, args, strict=True))
    counted, polls = owes.counted, owes.polls
    budget, weight = owes.budget, owes.weight
    single, first = len(outs) == 1, outs[0] if outs else JUNK

    def run(s: Frame) -> None:
        machine.depth = depth = machine.depth + 1
        if depth > machine.most:
            raise depth_error(machine.limits, owes.span)
        if counted:
            machine.left -= 1
            if machine.left < 0:
                raise steps_error(machine.limits, owes.span)
        if weight:
            budget.left -= weight
            if budget.left < 0:
                budget.spent()
        if polls:
            machine.work += 1
            if machine.work > CHUNK:
                machine.poll(0, owes.span)
        t = code.template.copy()
        t[SELF] = t
        for p, a in into:
            t[p] = s[a]
        body = code.run
        try:
            for f, d, a, b in body.steps:
                t[d] = f(t[a]) if b is None else f(t[a], t[b])
        except RAISED as e:
            body.resume(t, d, e)
        if single:
            s[first] = t[code.results[0]]
        else:
            for out, result in zip(outs, code.results, strict=True):
                s[out] = t[result]
        for k in code.held:
            machine.held -= t[k]
        t[SELF] = None  # a frame that holds itself would wait for the garbage collector
        machine.depth = depth - 1

    return run
