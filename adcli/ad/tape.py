"""Tapes: what the reverse of a region takes from its forward run.

    for … { p = p·v }            for … { p = p·v; push p }
    for … { v_bar += p·g }   →   for … (backwards) { p = pop; v_bar += p·g }

Reverse statements are built naming primal values directly. Here, inner regions first, each value that a region's reverse
reads is regained (the loop index), computed again (cheap operations on what is at hand; whole independent loop bodies), or pushed
at the end of the forward region and popped at the start of the reverse one: last in, first out by construction.

Arrays are never computed again here (see `ad.again` for those that are), and elements are read again only from arrays of the
entry's own block, which stay at hand; elsewhere the scalar that was read is pushed, so that a loop over an array that changes
stays linear.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from adcli.ir.nodes import Atom, Block, Function, Let, Pop, Push, Statement, Var
from adcli.ir.walk import all_blocks, blocks, functions, outs, reads, rename, statements

# A value that takes more operations than this to compute again is pushed instead.
_CHEAP_COST = 6
# An independent loop body is run again if that takes no more operations than this for each value it saves from the tape.
_INDEPENDENT_COST = 4


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A forward block and its reverse. `given`: what a loop or a function gives its body.

    `regained`: values of the forward region that the reverse has under another name: the loop's index; the parameters of a
    function, as long as its adjoint function still takes them (dead code may have dropped them).
    """

    forward: Block
    reverse: Block
    given: tuple[Var, ...] = ()
    regained: dict[Var, Var] = field(default_factory=dict)
    adjoint: Function | None = None

    def at_start(self) -> dict[Var, Var]:
        """The values regained without a statement."""
        if self.adjoint is None:
            return self.regained
        return {v: w for v, w in self.regained.items() if w in self.adjoint.params}


def insert_tapes(entry: Function, regions: Iterable[Region], after: Callable[[Region, int], int] | None = None) -> int:
    """Put the pushes and pops of every region, inner ones first, in place; the next free tape number.

    `after` may then change the region, given that number, and gives it again.
    """
    regions = list(regions)
    if not regions:
        return 0
    standing = {b for f in functions(entry) for b in all_blocks(f.body)}
    at_hand = {v for s in entry.body.statements for v in outs(s)} | set(entry.params)
    tape = 0
    for r in regions:
        if r.forward in standing and r.reverse in standing:
            tape = _Tape(r, at_hand).insert(tape)
            if after is not None:
                tape = after(r, tape)
    return tape


class _Tape:
    """The decisions for one region."""

    def __init__(self, region: Region, at_hand: set[Var]) -> None:
        self.region = region
        self.at_hand = at_hand
        self.regained = region.at_start()
        self.made: dict[Var, Statement | None] = dict.fromkeys((*region.given, *region.regained))
        for s in region.forward.statements:
            self.made.update(dict.fromkeys(outs(s), s))

    def insert(self, tape: int) -> int:
        """Change the two blocks; gives the next free tape number."""
        self.hoist_extents(self.region.reverse)
        needed = self.needed()
        if not needed:
            return tape
        again = self.plan(needed, independent=True)
        if again is None:
            again = self.plan(needed, independent=False)
            assert again is not None
        pushed = [v for v in needed if v not in again and v not in self.regained]
        again, extra = self.closure([v for v in needed if v in again], again)
        pushed += [v for v in extra if v not in pushed]
        self.rewrite(pushed, again, tape)
        return tape + len(pushed)

    def needed(self) -> list[Var]:
        """The region's values that its reverse reads, in order of first use."""
        found: dict[Var, None] = {}
        for s in statements(self.region.reverse):
            found.update((a, None) for a in reads(s) if isinstance(a, Var) and a in self.made)
            for b in blocks(s):
                found.update((a, None) for a in b.results if isinstance(a, Var) and a in self.made)
        found.update((a, None) for a in self.region.reverse.results if isinstance(a, Var) and a in self.made)
        return list(found)

    def hoist_extents(self, block: Block) -> None:
        """Extents of the region's arrays are read in the forward block, so that an int is pushed and not the array."""
        kept: list[Statement] = []
        for s in block.statements:
            if isinstance(s, Let) and s.op.name == "dim" and s.args[0] in self.made:
                self.region.forward.statements.append(s)
                self.made[s.out] = s
                continue
            for b in blocks(s):
                self.hoist_extents(b)
            kept.append(s)
        block.statements[:] = kept

    def plan(self, needed: list[Var], independent: bool) -> set[Var] | None:
        """The values to compute again. `independent`: all of them, transcendental ones too, from no carried value, or None."""
        wanted = set(needed)
        cost: dict[Var, int] = dict.fromkeys(self.regained, 0)
        again: set[Var] = set()
        if not independent:
            cost |= {v: 0 for v in self.region.given if v in wanted}
        for s in self.region.forward.statements:
            if not isinstance(s, Let):
                if not independent:
                    cost |= {v: 0 for v in outs(s) if v in wanted}
                continue
            total = self.cost(s, cost, independent)
            if total is not None and (independent or total <= _CHEAP_COST):
                cost[s.out] = total
                again.add(s.out)
            elif s.out in wanted and not independent:
                cost[s.out] = 0
        if not independent:
            return again
        if not self.region.regained or self.region.adjoint is not None or not all(v in cost for v in needed):
            return None
        chain, _ = self.closure([v for v in needed if v in again], again)
        return again if len(chain) <= _INDEPENDENT_COST * len(needed) else None

    def cost(self, s: Let, cost: dict[Var, int], independent: bool) -> int | None:
        """Operations to compute the statement again from what is at hand, or None where that cannot be done."""
        if s.out.type.shape or not (s.op.cheap or independent):
            return None
        total = 1
        for a in s.args:
            if not isinstance(a, Var):
                continue
            if a in self.made:
                if a not in cost:
                    return None
                total += cost[a]
            elif a.type.shape and a not in self.at_hand:
                return None
        return total

    def closure(self, wanted: list[Var], again: set[Var]) -> tuple[set[Var], list[Var]]:
        """What must be computed again for `wanted`, and the region's other values that this reads."""
        found: set[Var] = set()
        other: dict[Var, None] = {}
        todo = list(wanted)
        while todo:
            v = todo.pop()
            if v in found or v not in self.made:
                continue
            if v not in again:
                if v not in self.regained:
                    other[v] = None
                continue
            found.add(v)
            s = self.made[v]
            assert isinstance(s, Let)
            todo += [a for a in s.args if isinstance(a, Var)]
        return found, list(other)

    def rewrite(self, pushed: list[Var], again: set[Var], tape: int) -> None:
        names: dict[Var, Atom] = dict(self.regained)
        start: list[Statement] = []
        for k, v in enumerate(pushed):
            self.region.forward.statements.append(Push(tape + k, v))
            names[v] = fresh = Var(v.type, v.name)
            start.insert(0, Pop(fresh, tape + k))
        for s in self.region.forward.statements:
            if isinstance(s, Let) and s.out in again:
                names[s.out] = fresh = Var(s.out.type, s.out.name)
                start.append(replace(s, out=fresh, args=tuple(names.get(a, a) if isinstance(a, Var) else a for a in s.args)))
        rename(self.region.reverse, names)
        self.region.reverse.statements[:0] = start


