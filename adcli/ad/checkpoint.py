"""Checkpointing: a loop is reversed from snapshots of what it carries, its steps run again, instead of from a full tape.

    for … { p = p·v; push p }          for k … { if k == next { push k, p; next = … }; p = p·v }
                                  →
    for … (backwards) { pop p; … }     for each snapshot, last one first { pop k, p; run a segment taped; reverse it }

The forward loop keeps its statements, without their pushes, and leaves snapshots: what it carries where a step begins. The reverse
half runs the steps again. They are the same operations on the same numbers in the same order, so derivatives agree to the last bit.

sqrt     A segment is taped in full: ⌈√n⌉ steps of a `for`; 1, 2, 3, … steps of a `while`, whose count nobody knows beforehand. Snapshots
         and tape grow with √n, and each step runs once more.
revolve  At most K snapshots at a time, by the binomial schedule of Griewank and Walther, "Algorithm 799: revolve", ACM TOMS 26(1),
         2000, 19-45, which runs the fewest steps: t(n, s) = r·n - C(s + r, r - 1) where C(s + r - 1, r - 1) < n ≤ C(s + r, r). A `for`
         leaves its first snapshots while the primal runs. The schedule needs the count: a `while` leaves one, of its start.

A pass within `insert_tapes`: a region is changed when its own pushes are in and those of the regions around it are not, so what the
new reverse statements read of the primal comes to them as everything else does.
"""
from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from adcli.ad.tape import Region
from adcli.ir.build import Builder, const
from adcli.ir.nested import Nested
from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.types import INT
from adcli.ir.walk import all_blocks, apart, blocks, functions, rename, statements
from adcli.ops import TABLE


class Plan(NamedTuple):
    """How loops are checkpointed: "sqrt", or "revolve" with so many snapshots; only the outermost loops, or all (`deep`)."""

    kind: str
    snapshots: int = 0
    deep: bool = False


class Checkpoints:
    """The loops of one program while its tapes are put in. taping: the functions that will push in calls."""

    def __init__(self, entry: Function, plan: Plan, taping: Iterable[Function]) -> None:
        self.plan = plan
        self.taping = frozenset(taping)
        self.versions = _Versions(self.taping)
        # By a loop's body: the block where the loop stands, and the loop; and the bodies of loops that run inside others.
        self.places: dict[Block, tuple[Block, For | While]] = {}
        self.inside: set[Block] = set()
        self.survey(functions(entry))

    def survey(self, program: list[Function]) -> None:
        called: set[Function] = set()
        owned: dict[Function, list[Block]] = {}
        for f in program:
            todo = [(f.body, False)]
            while todo:
                block, within = todo.pop()
                for s in block.statements:
                    loop = isinstance(s, For | While)
                    if isinstance(s, For | While):
                        self.places[s.body] = (block, s)
                        owned.setdefault(f, []).append(s.body)
                        if within:
                            self.inside.add(s.body)
                    elif isinstance(s, Call) and within:
                        called.add(s.function)
                    if not isinstance(s, Let):
                        todo += [(b, within or loop) for b in blocks(s)]
        for g in {g for f in called for g in functions(f)}:
            self.inside.update(owned.get(g, ()))

    def insert(self, region: Region, tape: int) -> int:
        """Checkpoint the region's loop, if it is one that should be; gives the next free tape number."""
        found, back = self.places.get(region.forward), self.places.get(region.reverse)
        if found is None or back is None or (region.forward in self.inside and not self.plan.deep):
            return tape
        (before, loop), (after, reverse) = found, back
        if not isinstance(reverse, For) or not self.tapes(loop.body):
            return tape
        if isinstance(loop, For):
            _from_zero(loop, reverse)
        change = _Segments if self.plan.kind == "sqrt" else _Revolve
        return change(self, before, loop, reverse, tape).put(after)

    def tapes(self, body: Block) -> bool:
        return any(isinstance(s, Push) or (isinstance(s, Call) and s.function in self.taping) for s in statements(body))

    def finish(self, tape: int) -> None:
        """Once all tapes are in: the versions of functions that checkpointed loops call."""
        self.versions.fill(tape)


class _Versions:
    """Versions of functions, promised when they are first asked for and made once all tapes are in.

    strip: without pushes. quiet: for steps that run again: not counted, without checks, which have passed, and with tapes of its own.
    """

    def __init__(self, taping: frozenset[Function]) -> None:
        self.taping = taping
        self.made: dict[tuple[Function, bool, bool], Function] = {}
        self.base: dict[Function, tuple[Function, bool, bool]] = {}
        self.todo: list[Function] = []

    def of(self, f: Function, strip: bool, quiet: bool) -> Function:
        g, stripped, quieted = self.base.get(f, (f, False, False))
        strip, quiet = (strip or stripped) and g in self.taping, quiet or quieted
        if not strip and not quiet:
            return g
        key = (g, strip, quiet)
        if key not in self.made:
            of = g.of.uncounted() if isinstance(g.of, Nested) and quiet else g.of
            self.made[key] = promised = Function(g.name, g.params, Block(), g.result_names, of, g.span, g.result_types)
            self.base[promised] = key
            self.todo.append(promised)
        return self.made[key]

    def change(self, block: Block, strip: bool, quiet: bool) -> None:
        """Change a block in place, and what it calls."""
        todo = [block]
        while todo:
            b = todo.pop()
            gone = (*((Push,) if strip else ()), *((Check,) if quiet else ()))
            b.statements[:] = [s for s in b.statements if not isinstance(s, gone)]
            for s in b.statements:
                if isinstance(s, Let):
                    continue
                if isinstance(s, Call):
                    s.function = self.of(s.function, strip, quiet)
                if isinstance(s, For | While | Call) and quiet:
                    s.counted = False
                todo += blocks(s)

    def fill(self, tape: int) -> None:
        tapes: dict[int, int] = {}
        while self.todo:
            promised = self.todo.pop()
            g, strip, quiet = self.base[promised]
            copy = apart(g)
            promised.params, promised.body = copy.params, copy.body
            self.change(promised.body, strip, quiet)
            for b in all_blocks(promised.body):
                for k, s in enumerate(b.statements):
                    if isinstance(s, Push):
                        b.statements[k] = Push(tapes.setdefault(s.tape, tape + len(tapes)), s.value)
                    elif isinstance(s, Pop):
                        b.statements[k] = Pop(s.out, tapes.setdefault(s.tape, tape + len(tapes)))


def _from_zero(loop: For, reverse: For) -> None:
    """Let both loops count steps from 0; the index that the program sees is computed from that."""
    start, step = loop.start, loop.step
    if isinstance(start, Const) and start.value == 0 and isinstance(step, Const) and step.value == 1:
        return
    for s in (loop, reverse):
        index, s.index = s.index, Var(INT)
        far = Var(INT)
        s.body.statements[:0] = [Let(far, TABLE["mul"], (s.index, step)), Let(index, TABLE["add"], (start, far))]
    loop.start, loop.step = const(0), const(1)


class _Copy:
    """A loop's body with variables of its own, to run steps again."""

    def __init__(self, loop: For | While, versions: _Versions, strip: bool) -> None:
        own = apart(Function("", (loop.index, *loop.params), loop.body))
        self.index, self.params, self.body = own.params[0], own.params[1:], own.body
        versions.change(self.body, strip, quiet=True)

    def run(self, b: Builder, first: Atom, count: Atom, state: tuple[Atom, ...]) -> tuple[Var, ...]:
        """Append `count` steps from a state; the state after them."""
        outs = _like(self.params)
        b.append(For(outs, self.index, first, count, const(1), self.params, state, self.body, b.span, counted=False))
        return outs


class _Change:
    """The change of one loop: snapshots in the forward half, and in the reverse half what takes them."""

    def __init__(self, program: Checkpoints, before: Block, loop: For | While, reverse: For, tape: int) -> None:
        self.plan = program.plan
        self.versions = program.versions
        self.before = before
        self.loop = loop
        self.reverse = reverse
        self.tape = tape
        self.state = loop.params
        self.count = loop.count
        self.b = Builder(Block(), loop.span)
        self.taped = _Copy(loop, self.versions, strip=False)
        self.versions.change(reverse.body, strip=False, quiet=True)

    def put(self, after: Block) -> int:
        self.prepare()
        self.versions.change(self.loop.body, strip=True, quiet=False)
        first = self.tape
        self.tape += 1 + len(self.state)
        taken = self.snapshots(first)
        driver = self.driver(first, taken)
        at = next(k for k, s in enumerate(after.statements) if s is self.reverse)
        after.statements[at : at + 1] = driver
        return self.tape

    def prepare(self) -> None:
        """Make what else is needed of the loop as it is now."""

    def snapshots(self, tape: int) -> Var:
        """Let the loop push what it carries where a step is due; the number of snapshots it took."""
        b, loop, due, taken = self.b, self.loop, Var(INT), Var(INT)
        with b.inside(Block()) as head:
            here = b.let("eq", loop.index, due)
            with b.inside(Block()) as then:
                self.push(tape, loop.index, self.state)
                more = b.let("add", taken, const(1))
                then.results = (self.next_due(due, taken, more), more)
            changed = (Var(INT), Var(INT))
            b.append(If(changed, here, then, Block([], (due, taken)), loop.span))
        loop.body.statements[:0] = head.statements
        outs = (Var(INT), Var(INT))
        loop.outs, loop.params = (*loop.outs, *outs), (*loop.params, due, taken)
        loop.inits = (*loop.inits, const(0), const(0))
        loop.body.results = (*loop.body.results, *changed)
        return outs[1]

    def push(self, tape: int, step: Atom, state: Iterable[Var]) -> None:
        """A snapshot. Arrays are copied: one that lies on a tape cannot be written in place."""
        self.b.append(Push(tape, step))
        for k, v in enumerate(state):
            self.b.append(Push(tape + 1 + k, self.b.let("copy", v) if v.type.shape else v))

    def pop(self, tape: int) -> tuple[Var, tuple[Var, ...]]:
        step, state = Var(INT), _like(self.state)
        for k, v in enumerate((step, *state)):
            self.b.append(Pop(v, tape + k))
        return step, state

    def next_due(self, due: Var, taken: Var, more: Var) -> Atom:
        """The step of the next snapshot, where the one at `due` is being taken."""
        raise NotImplementedError

    def driver(self, tape: int, taken: Var) -> list[Statement]:
        """The statements in place of the reverse loop."""
        raise NotImplementedError


class _Segments(_Change):
    """Segments between snapshots, each taped in full and reversed: the loop's own reverse, a segment at a time."""

    def next_due(self, due: Var, taken: Var, more: Var) -> Atom:
        return self.b.let("add", due, more if isinstance(self.loop, While) else self.length())

    def length(self) -> Atom:
        """⌈√n⌉, computed before the loop."""
        if isinstance(self.count, Const):
            return const(math.isqrt(max(int(self.count.value), 1) - 1) + 1)
        b = self.b
        with b.inside(Block()) as ahead:
            n = b.let("to_real", b.let("maximum", self.count, const(1)))
            length = b.let("to_int", b.let("ceil", b.let("sqrt", n)))
        at = next(k for k, s in enumerate(self.before.statements) if s is self.loop)
        self.before.statements[at:at] = ahead.statements
        return length

    def driver(self, tape: int, taken: Var) -> list[Statement]:
        b, reverse = self.b, self.reverse
        end, adjoints = Var(INT), _like(reverse.params)
        with b.inside(Block()) as body:
            step, state = self.pop(tape)
            count = b.let("sub", end, step)
            self.taped.run(b, step, count, state)
            last, outs = b.let("sub", end, const(1)), _like(reverse.outs)
            b.append(For(outs, reverse.index, last, count, const(-1), reverse.params, adjoints, reverse.body, reverse.span, counted=False))
            body.results = (step, *outs)
        outer = (Var(INT), *reverse.outs)
        inits = (self.count, *reverse.inits)
        return [For(outer, Var(INT), const(0), taken, const(1), (end, *adjoints), inits, body, reverse.span, counted=False)]


class _Revolve(_Change):
    """One step after the other, last one first: from the nearest snapshot on, leaving others on the way as the schedule says.

    The forward loop's snapshots lie on tapes of their own, below those of the reverse half: `first` and `own` count what lies on each.
    """

    def prepare(self) -> None:
        self.again = _Copy(self.loop, self.versions, strip=True)

    def next_due(self, due: Var, taken: Var, more: Var) -> Atom:
        if isinstance(self.loop, While):
            return const(-1)
        b = self.b
        left = b.let("sub", const(self.plan.snapshots), taken)
        far = b.let("revolve_split", b.let("sub", self.count, due), left)
        return b.let("select", b.let("lt", const(1), left), b.let("add", due, far), self.count)

    def driver(self, tape: int, taken: Var) -> list[Statement]:
        b, reverse = self.b, self.reverse
        own_tape = self.tape
        self.tape += 1 + len(self.state)
        first, own, target = Var(INT), Var(INT), reverse.index
        with b.inside(Block()) as body:
            first_left, own_left, step, state = self.nearest(tape, own_tape, first, own)
            state, own_now = self.descend(own_tape, target, step, state, first_left, own_left)
            self.last(target, state, body)
            body.results = (first_left, own_now, *reverse.body.results)
        with b.inside(Block()) as around:
            start = b.let("sub", self.count, const(1))
            outs, params = (Var(INT), Var(INT), *reverse.outs), (first, own, *reverse.params)
            inits = (taken, const(0), *reverse.inits)
            b.append(For(outs, target, start, self.count, const(-1), params, inits, body, reverse.span, counted=False))
        return around.statements

    def nearest(self, tape: int, own_tape: int, first: Var, own: Var) -> tuple[Var, Var, Var, tuple[Var, ...]]:
        """Pop the last snapshot: how many are left of either kind, its step and its state."""
        b = self.b
        sides: list[Block] = []
        for number, mine in ((own_tape, True), (tape, False)):
            with b.inside(Block()) as side:
                step, state = self.pop(number)
                less = b.let("sub", own if mine else first, const(1))
                side.results = ((first, less) if mine else (less, own)) + (step, *state)
            sides.append(side)
        outs = (Var(INT), Var(INT), Var(INT), *_like(self.state))
        b.append(If(outs, b.let("lt", const(0), own), sides[0], sides[1], self.reverse.span))
        return outs[0], outs[1], outs[2], outs[3:]

    def descend(
        self, tape: int, target: Var, step: Var, state: tuple[Var, ...], first: Var, own: Var
    ) -> tuple[tuple[Var, ...], Var]:
        """From a snapshot to the target step, leaving snapshots on the way: the state there, and the snapshots now left."""
        b = self.b
        at, kept, here = Var(INT), Var(INT), _like(state)
        with b.inside(Block()) as test:
            test.results = (b.let("lt", at, target),)
        with b.inside(Block()) as body:
            self.push(tape, at, here)
            steps = b.let("add", b.let("sub", target, at), const(1))
            free = b.let("sub", const(self.plan.snapshots), b.let("add", first, kept))
            far = b.let("revolve_split", steps, free)
            there = self.again.run(b, at, far, here)
            body.results = (b.let("add", at, far), b.let("add", kept, const(1)), *there)
        outs = (Var(INT), Var(INT), *_like(state))
        inits = (step, own, *state)
        b.append(While(Var(INT), outs, Var(INT), (at, kept, *here), inits, test, body, self.reverse.span, counted=False))
        return outs[2:], outs[1]

    def last(self, target: Var, state: tuple[Var, ...], body: Block) -> None:
        """Run the target step and reverse it. What it pushes itself is at hand and needs no tape."""
        taped, reverse = self.taped, self.reverse
        rename(taped.body, dict(zip((taped.index, *taped.params), (target, *state), strict=True)))
        pushed = {s.tape: s.value for s in taped.body.statements if isinstance(s, Push)}
        popped: dict[Var, Atom] = {s.out: pushed[s.tape] for s in reverse.body.statements if isinstance(s, Pop)}
        reverse.body.statements[:] = [s for s in reverse.body.statements if not isinstance(s, Pop)]
        rename(reverse.body, popped)
        body.statements += [s for s in taped.body.statements if not isinstance(s, Push)]
        body.statements += reverse.body.statements


def _like(variables: Iterable[Var]) -> tuple[Var, ...]:
    return tuple(Var(v.type, v.name) for v in variables)
