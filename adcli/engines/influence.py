"""What a run depends on without a derivative: a run whose shadows say which inputs a value knows of, and what hid them.

    y = 3*floor(x) + z        x reaches y, and `floor` hides it:    {x: [floor at 1:7]}, and z reaches y with nothing in between

A shadow is a set of facts, kept as the bits of one integer: "input k, with a derivative", or "input k, hidden by statement s". A branch
not taken that would have read an input is such a fact, too, and so is a value that decided a branch or the end of a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from adcli.ad.rules import differentiable
from adcli.engines.limits import Limits
from adcli.engines.shadow import Frame, Pair, Shadowed, read
from adcli.errors import Span
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Block, Call, For, Function, If, Let, Var, While
from adcli.ir.walk import free, reads, statements


class Hidden(NamedTuple):
    """An input (by position) on which an output depends, but not through a derivative.

    op: the operation that has no derivative along it ("floor", "gt", "index"), or "branch": it is read in a branch that was not taken,
    "loop": in a loop that ran no iteration; "range": it decides how often a loop runs. span: where. iteration: of the loops around it,
    the first time.
    """

    input: int
    op: str
    span: Span | None
    iteration: tuple[int, ...]


class Influence(NamedTuple):
    """For one output: the inputs that reach it with a derivative, and those that are hidden from it by something."""

    reaching: frozenset[int]
    hidden: tuple[Hidden, ...]


def influence(function: Function, args: Sequence[Any], limits: Limits | None = None) -> list[Influence]:
    """Run a function as lowered, and say for each result what it depends on. Raises what evaluating it raises."""
    run = _Run(limits or Limits(), len(function.params))
    found = run.run(function, [(value, 1 << k) for k, value in enumerate(args)])
    return [run.told(shadow or 0) for _, shadow in found]


class _Run(Shadowed):
    """Bits below `inputs` are inputs with a derivative; the others count through `facts`."""

    def __init__(self, limits: Limits, inputs: int) -> None:
        super().__init__(limits)
        self.inputs = inputs
        self.live = (1 << inputs) - 1
        self.facts: list[Hidden] = []
        self._known: dict[tuple[object, int], int] = {}
        self._along: dict[Let, tuple[int, ...]] = {}
        self._captured: dict[Block, list[tuple[Var, Span | None]]] = {}

    def told(self, shadow: int) -> Influence:
        return Influence(
            frozenset(k for k in range(self.inputs) if shadow >> k & 1),
            tuple(fact for k, fact in enumerate(self.facts) if shadow >> (self.inputs + k) & 1),
        )

    def hidden(self, shadow: int, s: object, op: str, span: Span | None) -> int:
        """The shadow behind a statement or block that lets no derivative through."""
        live = shadow & self.live
        out = shadow & ~self.live
        while live:
            k = (live & -live).bit_length() - 1
            live &= live - 1
            bit = self._known.get((s, k))
            if bit is None:
                bit = self._known[s, k] = self.inputs + len(self.facts)
                self.facts.append(Hidden(k, op, span, self.iteration))
            out |= 1 << bit
        return out

    def let(self, s: Let, args: list[Pair]) -> Pair:
        value = self.value(s, [v for v, _ in args])
        along = self._along.get(s)
        if along is None:
            along = self._along[s] = differentiable(s)
        out = 0
        for k, (_, shadow) in enumerate(args):
            if shadow:
                out |= shadow if k in along else self.hidden(shadow, s, s.op.name, s.span)
        return value, out or None

    def ruled(self, s: Call, rule: CustomRule, args: list[Pair]) -> list[Pair]:
        out = 0
        for k, (_, shadow) in enumerate(args):
            if shadow:
                out |= shadow if k in rule.wrt else self.hidden(shadow, s, s.function.name, s.span)
        return [(self.unshadowed(s.function, args), out or None)]

    def statement(self, s: Any, frame: Frame) -> None:
        super().statement(s, frame)
        if isinstance(s, If):
            cond, cond_shadow = read(s.cond, frame)
            self.add(s.outs, (cond_shadow or 0) | self.untaken(s.other if cond else s.then, frame, "branch"), frame)

    def for_loop(self, s: For, frame: Frame) -> None:
        super().for_loop(s, frame)
        start, count, step = (read(a, frame) for a in (s.start, s.count, s.step))
        decided = (start[1] or 0) | (count[1] or 0) | (step[1] or 0)
        if decided:
            self.add(s.outs, self.hidden(decided, s, "range", s.span), frame)
        if count[0] < 1:
            self.add(s.outs, self.untaken(s.body, frame, "loop"), frame)

    def while_loop(self, s: While, frame: Frame) -> None:
        super().while_loop(s, frame)
        self.add((s.count, *s.outs), read(s.test.results[0], frame)[1] or 0, frame)
        if frame[s.count][0] < 1:
            self.add(s.outs, self.untaken(s.body, frame, "loop"), frame)

    def untaken(self, block: Block, frame: Frame, what: str) -> int:
        """What a block that did not run would have read of the inputs."""
        captured = self._captured.get(block)
        if captured is None:
            captured = self._captured[block] = [(v, _reader(block, v)) for v in free((block,), ())]
        out = 0
        for v, span in captured:
            if v in frame and frame[v][1]:
                out |= self.hidden(frame[v][1], block, what, span)
        return out

    def add(self, outs: Sequence[Var], shadow: int, frame: Frame) -> None:
        if shadow:
            for v in outs:
                value, own = frame[v]
                frame[v] = value, (own or 0) | shadow


def _reader(block: Block, v: Var) -> Span | None:
    """Where a block reads a variable first."""
    return next((s.span for s in statements(block) if isinstance(s, Let | If | For | While | Call) and v in reads(s)), None)
