"""Activity: along which values derivatives flow.

A variable is varied where an input that is differentiated reaches it, useful where it reaches an output that is; active where both hold.
Found by walking the edges of data flow once each, loops and calls included, so it is linear and needs no iteration;
the paths through called functions are found first, to a fixed point where they recur.
"""
from __future__ import annotations

from collections.abc import Iterable

from adcli.ad.rules import differentiable, is_real
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Atom, Call, For, Function, If, Let, Var, While
from adcli.ir.walk import all_blocks, functions

Edges = dict[Var, list[Var]]


class Activity:
    """The flow of derivatives in a program; `paths[f]` holds, for each result of f, the positions of the parameters that reach it."""

    def __init__(self, entry: Function) -> None:
        self.paths: dict[Function, tuple[frozenset[int], ...]] = {}
        program = functions(entry)
        for f in program:
            self.paths[f] = (frozenset(),) * len(f.body.results)
        changed = True
        while changed:
            changed = False
            for f in program:
                if f is not entry and (found := self._through(f)) != self.paths[f]:
                    self.paths[f] = found
                    changed = True

    def edges(self, f: Function) -> list[tuple[Var, Var]]:
        """Pairs (source, target) of real variables in f between which derivatives flow directly."""
        found: list[tuple[Var, Var]] = []

        def add(source: Atom, target: Var) -> None:
            if isinstance(source, Var) and is_real(source) and is_real(target):
                found.append((source, target))

        for block in all_blocks(f.body):
            for s in block.statements:
                match s:
                    case Let():
                        for k in differentiable(s):
                            a = s.args[k]
                            if isinstance(a, Var):
                                found.append((a, s.out))
                    case If():
                        for v, x, y in zip(s.outs, s.then.results, s.other.results, strict=True):
                            add(x, v)
                            add(y, v)
                    case For() | While():
                        for v, p, i, r in zip(s.outs, s.params, s.inits, s.body.results, strict=True):
                            for source in (i, r):
                                add(source, p)
                                add(source, v)
                    case Call():
                        for v, path in zip(s.outs, self.paths[s.function], strict=True):
                            for k in sorted(path):
                                add(s.args[k], v)
                    case _:
                        pass
        return found

    def _through(self, f: Function) -> tuple[frozenset[int], ...]:
        if isinstance(f.of, CustomRule):
            return (frozenset(k for k in f.of.wrt if is_real(f.params[k])),)
        forward = _adjacency(self.edges(f))
        reached = [reach((p,), forward) for p in f.params]
        return tuple(frozenset(k for k, r in enumerate(reached) if a in r) for a in f.body.results)

    def varied(self, f: Function, wrt: Iterable[Var]) -> set[Var]:
        """What the variables `wrt` reach."""
        return reach(wrt, _adjacency(self.edges(f)))

    def active(self, f: Function, wrt: Iterable[Var], of: Iterable[Atom]) -> set[Var]:
        """What the variables `wrt` reach and what reaches the atoms `of`."""
        edges = self.edges(f)
        varied = reach(wrt, _adjacency(edges))
        useful = reach((a for a in of if isinstance(a, Var)), _adjacency([(t, s) for s, t in edges]))
        return varied & useful


def _adjacency(edges: list[tuple[Var, Var]]) -> Edges:
    out: Edges = {}
    for source, target in edges:
        out.setdefault(source, []).append(target)
    return out


def reach(seeds: Iterable[Var], edges: Edges) -> set[Var]:
    """The variables that can be reached from the seeds, the seeds included."""
    found = {v for v in seeds if is_real(v)}
    todo = list(found)
    while todo:
        for v in edges.get(todo.pop(), ()):
            if v not in found:
                found.add(v)
                todo.append(v)
    return found
