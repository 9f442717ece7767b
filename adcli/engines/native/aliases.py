"""Which arrays are one and the same storage: what in-place updates, loops and calls hand on.

    for … carrying a = a₀: { b = update a, v, i in place; yield b }      b, a and the loop's result are the storage of a₀
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence

from adcli.ir.nodes import Atom, Block, Call, Const, For, Function, If, Let, Statement, Var, While
from adcli.ir.walk import compound


class Aliases:
    """root(v): the variable whose storage v is, itself where it is its own; in_place(loop): for each carried value whether it stays
    where it is; returned[f]: for each result of f the parameter whose storage it is, or None.
    """

    def __init__(self, program: Sequence[Function]) -> None:
        self.roots: dict[Var, Var] = {}
        self.kept: dict[Statement, tuple[bool, ...]] = {}
        # A function that has not been looked at yet may return anything: recursion is assumed to hand on what the other ways do.
        self.returned: dict[Function, list[Var | None] | None] = dict.fromkeys(program)
        self.calling = False  # whether there are calls at all
        changed = True
        while changed:
            changed = False
            for f in program:
                self.roots.update((p, p) for p in f.params)
                self.block(f.body)
                found = [r if isinstance(r, Var) and r in f.params else None for r in map(self.root, f.body.results)]
                if found != self.returned[f]:
                    self.returned[f] = found
                    changed = True
            changed = changed and self.calling

    def root(self, a: Atom | None) -> Var | None:
        return self.roots.get(a, a) if isinstance(a, Var) else None

    def block(self, block: Block) -> None:
        for s in block.statements:
            match s:
                case Let():
                    if s.inplace:
                        self.set(s.out, s.args[0])
                    else:
                        self.roots[s.out] = s.out
                case If():
                    self.block(s.then)
                    self.block(s.other)
                    for out, a, b in zip(s.outs, s.then.results, s.other.results, strict=True):
                        self.set(out, self.either(a, b) or out)
                case For() | While():
                    self.loop(s)
                case Call():
                    self.call(s)
                case _:
                    pass

    def set(self, v: Var, a: Atom) -> None:
        root = self.root(a)
        self.roots[v] = v if root is None else root

    def either(self, a: Atom, b: Atom) -> Var | None:
        """The storage of both, if it is one; what an unknown call returns is whatever the other side is."""
        p, q = self.root(a), self.root(b)
        if p is q or q is _ANY:
            return p
        return q if p is _ANY else None

    def loop(self, s: For | While) -> None:
        for p in s.params:
            self.roots[p] = p
        for b in (s.test, s.body) if isinstance(s, While) else (s.body,):
            self.block(b)
        kept = tuple(self.root(r) in (p, _ANY) for p, r in zip(s.params, s.body.results, strict=True))
        self.kept[s] = kept
        for out, init, keep in zip(s.outs, s.inits, kept, strict=True):
            self.set(out, init if keep and not isinstance(init, Const) else out)

    def call(self, s: Call) -> None:
        self.calling = True
        returned = self.returned.get(s.function)
        for k, out in enumerate(s.outs):
            if returned is None:
                self.roots[out] = _ANY
                continue
            p = returned[k]
            self.set(out, s.args[s.function.params.index(p)] if p is not None else out)

    def in_place(self, s: For | While) -> tuple[bool, ...]:
        return self.kept[s]


_ANY = Var.__new__(Var)
_ANY.name = "any"


def recursive(program: Iterable[Function]) -> set[Function]:
    """The functions that may be called while they run."""
    calls = {f: _called(f) for f in program}
    found: set[Function] = set()
    for f in calls:
        seen: set[Function] = set()
        todo = list(calls[f])
        while todo:
            g = todo.pop()
            if g not in seen:
                seen.add(g)
                todo += calls.get(g, ())
        if f in seen:
            found.add(f)
    return found


def _called(f: Function) -> set[Function]:
    found: set[Function] = set()
    todo = [f.body]
    while todo:
        for s in compound(todo.pop()):
            if isinstance(s, Call):
                found.add(s.function)
            elif isinstance(s, If):
                todo += (s.then, s.other)
            elif isinstance(s, For):
                todo.append(s.body)
            elif isinstance(s, While):
                todo += (s.test, s.body)
    return found
