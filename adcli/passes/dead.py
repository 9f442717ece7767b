"""Dead code: what no result and no effect needs.

    y = sin(x)                            (nothing reads y)
    s, t = for i … carrying s, t: …   →   s = for i … carrying s: …      (nothing reads t, not even the loop)

One mark and one sweep over the whole program, so that it is linear however deep loops nest: a variable that is
needed marks what defines it; a call marks the callee's results that are needed, and a callee's parameter the arguments.
Effects (checks, tapes) and loops that may not end are always needed.
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Atom, Block, Call, Check, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.walk import all_compound, blocks, compound, functions, inner, outs


class _Marker:
    def __init__(self, program: list[Function]) -> None:
        self.live: set[Var] = set()
        self.kept: set[Statement] = set()
        self.todo: list[Var] = []
        # The control statement around each statement that stands in one, and what defines each variable: its k-th.
        self.parent: dict[Statement, Statement] = {}
        self.definition: dict[Var, Let | tuple[Statement, int]] = {}
        self.effects: list[Statement] = []
        # A derivative function shares its parameters' variables with the function it was made from.
        self.params: dict[Var, list[tuple[Function, int]]] = {}
        self.calls: dict[Function, list[Call]] = {f: [] for f in program}
        impure = effectful(program)
        for f in program:
            for k, v in enumerate(f.params):
                self.params.setdefault(v, []).append((f, k))
            self.enter(f.body, impure)

    def enter(self, body: Block, impure: set[Function]) -> None:
        todo: list[tuple[Block, Statement | None]] = [(body, None)]
        while todo:
            block, parent = todo.pop()
            if parent is not None:
                self.parent.update(dict.fromkeys(block.statements, parent))
            for s in block.statements:
                if isinstance(s, Let):
                    self.definition[s.out] = s
                    continue
                for k, v in enumerate(outs(s)):
                    self.definition[v] = (s, k)
                for k, v in enumerate(inner(s)):
                    self.definition[v] = (s, -1 - k)
                todo += [(b, s) for b in blocks(s)]
                if isinstance(s, Call):
                    self.calls[s.function].append(s)
                if has_effect(s, impure):
                    self.effects.append(s)

    def need(self, atoms: Iterable[Atom]) -> None:
        live = self.live
        for a in atoms:
            if a not in live and isinstance(a, Var):
                live.add(a)
                self.todo.append(a)

    def keep(self, s: Statement) -> None:
        """The statement stands, and so does all control flow around it."""
        at: Statement | None = s
        while at is not None and at not in self.kept:
            self.kept.add(at)
            match at:
                case Let():
                    self.need(at.args)
                case If():
                    self.need((at.cond,))
                case For():
                    self.need((at.start, at.count, at.step))
                case While():
                    self.need(at.test.results)
                case Check():
                    self.need(at.args)
                case Push():
                    self.need((at.value,))
                case Call():
                    self.need(a for a, p in zip(at.args, at.function.params, strict=True) if p in self.live)
                case Pop():
                    pass
            at = self.parent.get(at)

    def run(self) -> None:
        while self.todo:
            v = self.todo.pop()
            made = self.definition.get(v)
            if isinstance(made, Let):
                if made not in self.kept:
                    self.keep(made)
                continue
            for f, k in self.params.get(v, ()):
                self.need(call.args[k] for call in self.calls[f] if call in self.kept)
            if made is not None:
                self.keep(made[0])
                self.need(self.sources(*made))

    @staticmethod
    def sources(s: Statement, k: int) -> tuple[Atom, ...]:
        """What the k-th variable that s defines takes its value from; k < 0: index (-1) and parameters (-2 …)."""
        match s:
            case If():
                return (s.then.results[k], s.other.results[k])
            case For():
                j = k if k >= 0 else -2 - k
                return (s.inits[j], s.body.results[j]) if j >= 0 else ()
            case While():
                j = k - 1 if k >= 0 else -2 - k
                return (s.inits[j], s.body.results[j]) if j >= 0 else ()
            case Call():
                return (s.function.body.results[k],)
            case _:
                return ()


def has_effect(s: Statement, impure: set[Function]) -> bool:
    return isinstance(s, Check | Push | Pop | While) or (isinstance(s, Call) and s.function in impure)


def effectful(program: list[Function]) -> set[Function]:
    """The functions that check, tape, loop without bound, or call themselves."""
    found: set[Function] = set()
    position = {f: k for k, f in enumerate(program)}
    changed = True
    while changed:
        changed = False
        for f in program:
            if f not in found and any(
                has_effect(s, found) or (isinstance(s, Call) and position[s.function] >= position[f]) for s in all_compound(f.body)
            ):
                found.add(f)
                changed = True
    return found


def dead_code(entry: Function) -> None:
    """Remove, in place, what neither the results nor effects need."""
    program = functions(entry)
    marker = _Marker(program)
    marker.need(entry.body.results)
    marker.need(entry.params)
    for f in program:
        if isinstance(f.of, CustomRule):  # its rule takes the same parameters
            marker.need(f.params)
    for s in marker.effects:
        marker.keep(s)
    marker.run()
    used = {f: [f is entry or any(c.outs[k] in marker.live for c in marker.calls[f]) for k in range(len(f.body.results))] for f in program}
    for f in program:
        _sweep(f.body, marker, used)
    for f in program:
        f.body.results = only(f.body.results, used[f])
        f.result_names = only(f.result_names, used[f]) if f.result_names else ()
        f.result_types = tuple(a.type for a in f.body.results)
        if f is not entry:
            f.params = only(f.params, [p in marker.live for p in f.params])


T = TypeVar("T")


def only(items: tuple[T, ...], live: Sequence[bool]) -> tuple[T, ...]:
    return items if all(live) else tuple(x for x, keep in zip(items, live, strict=True) if keep)


def _sweep(block: Block, m: _Marker, used: dict[Function, list[bool]]) -> None:
    block.statements[:] = [s for s in block.statements if s in m.kept]
    for s in compound(block):
        match s:
            case If():
                live = [v in m.live for v in s.outs]
                s.outs = only(s.outs, live)
                for b in (s.then, s.other):
                    b.results = only(b.results, live)
                    _sweep(b, m, used)
            case For() | While():
                live = [v in m.live or p in m.live for v, p in zip(s.outs, s.params, strict=True)]
                s.outs, s.params, s.inits = only(s.outs, live), only(s.params, live), only(s.inits, live)
                s.body.results = only(s.body.results, live)
                for b in blocks(s):
                    _sweep(b, m, used)
            case Call():
                s.args = only(s.args, [p in m.live for p in s.function.params])
                s.outs = only(s.outs, used[s.function])
            case _:
                pass
