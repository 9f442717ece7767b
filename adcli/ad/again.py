"""Arrays that the reverse of a region computes again rather than takes from its tape.

    d = x - m; push d      …      d = pop; … d …        →        …      d = x - m; … d …

That is right for a few operations element by element on inputs of the program: these stay at hand anyway, and to write such an array
and read it again takes longer than to read what it was made of. It happens before dead code goes, since an adjoint function still
takes all parameters then.
"""
from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from adcli.ad.tape import Region
from adcli.ir.nodes import Atom, Call, Function, Let, Var
from adcli.ir.walk import all_blocks, all_compound, functions, reads, rename, statements

# Operations for each element.
_MOST = 3


def compute_again(entry: Function, regions: Collection[Region]) -> None:
    """Change the reverse of each region, in place."""
    if not regions:
        return
    inputs = _inputs(entry)
    for region in regions:
        _Again(region, inputs).insert()


def _inputs(entry: Function) -> set[Var]:
    """The parameters that are arrays given to the program, in all calls."""
    program = functions(entry)
    calls = [s for f in program for s in all_compound(f.body) if isinstance(s, Call)]
    found = {p for f in program for p in f.params if p.type.shape}
    while lost := {p for s in calls for a, p in zip(s.args, s.function.params, strict=True) if p in found and a not in found}:
        found -= lost
    return found


class _Again:
    """One region: what is computed again, and of how many operations each element takes."""

    def __init__(self, region: Region, inputs: set[Var]) -> None:
        self.region = region
        self.inputs = inputs
        self.made = {s.out: s for s in region.forward.statements if isinstance(s, Let)}
        self.cost: dict[Var, int] = {}
        for v, s in self.made.items():
            cost = self.operations(s)
            if cost <= _MOST:
                self.cost[v] = cost

    def operations(self, s: Let) -> int:
        """For each element; more than allowed where it is not to be computed again."""
        if not s.out.type.shape or not (s.op.name == "index" or (s.op.cheap and s.op.scalar)):
            return _MOST + 1
        arrays = [a for a in s.args if a.type.shape]
        return 1 + sum(0 if a in self.inputs else self.cost.get(a, _MOST) for a in arrays if isinstance(a, Var))

    def insert(self) -> None:
        """Put them at the begin of the reverse, under names of their own."""
        if not self.cost:  # as in programs on numbers alone: their reverse need not be searched
            return
        back = self.region.reverse
        wanted = {a for s in statements(back) for a in reads(s)} | {a for b in all_blocks(back) for a in b.results}
        needed = self.needed([v for v in self.cost if v in wanted and self.made[v].op.name != "index"])
        names: dict[Var, Atom] = dict(self.region.regained)
        start = []
        for v, s in self.made.items():
            if v in needed:
                names[v] = fresh = Var(v.type, v.name)
                start.append(replace(s, out=fresh, args=tuple(names.get(a, a) if isinstance(a, Var) else a for a in s.args)))
        rename(back, {v: names[v] for v in needed})
        back.statements[:0] = start

    def needed(self, todo: list[Var]) -> set[Var]:
        """These, and what they are computed from."""
        found: set[Var] = set()
        while todo:
            v = todo.pop()
            if v in self.cost and v not in found:
                found.add(v)
                todo += [a for a in self.made[v].args if isinstance(a, Var)]
        return found
