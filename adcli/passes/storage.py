"""In-place array updates: which may overwrite their argument, and where a copy must be made first.

    b = update(a, v, i)   →   b = update(a, v, i) in place      where nothing reads a, or a view of it, afterwards

Values that are written to somewhere along their way (through branches, loops and calls) are handed over: the branch, loop
or call takes the storage where its owner is done with it, and a copy of it elsewhere. A region (a function or a
loop's body) owns what it makes and what is handed to it; inputs of the program, captures of a loop, views and
what lies on a tape are not its own. So a loop that fills an array copies it at most once, before the loop.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from adcli import ops
from adcli.ir.nodes import Atom, Block, Call, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.walk import all_blocks, blocks, clone_program, functions, inner, outs, reads, statements

_VIEWS = frozenset({"index", "reshape", "transpose", "broadcast_to", "sum_to", "diag", "stop", "flip", "to_real", "concat", "stack"})
_WRITES = frozenset({"update", "addat"})


def storage(entry: Function, loaded: Callable[[Var], bool] = lambda v: False) -> Function:
    """A copy of the program with `inplace` marked and copies inserted; one without array updates is returned as it is.

    loaded: whether a section is read from its array at once, and so is no view of it.
    """
    if not any(_writes(s) for f in functions(entry) for b in all_blocks(f.body) for s in b.statements):
        return entry
    entry = clone_program(entry)
    for f in functions(entry):
        for b in all_blocks(f.body):
            _late(b)
    facts = _Facts(entry, loaded)
    for f in functions(entry):
        _Planner(facts, f).run()
    return entry


def _late(block: Block) -> None:
    """Put constants written to arrays off until the array is read: what reads the array before then may be a view, done with by then.

        g = index a, i;  b = update a, 0, i;  h = … g …    →    g = index a, i;  h = … g …;  b = update a, 0, i
    """
    moving = {s.out: s for s in block.statements if _writes(s) and isinstance(s, Let) and isinstance(s.args[1], Const)}
    if not moving:
        return
    placed: list[Statement] = []
    for s in block.statements:
        if isinstance(s, Let) and s.out in moving:
            continue
        for a in _used(s) if moving else ():
            _place(a, moving, placed)
        placed.append(s)
    for v in list(moving):
        _place(v, moving, placed)
    block.statements[:] = placed


def _used(s: Statement) -> list[Atom]:
    """All that a statement reads, what stands inside it too."""
    found: list[Atom] = list(reads(s))
    for b in blocks(s):
        found += b.results
        for inside in statements(b):
            found += reads(inside)
            for inner_block in blocks(inside):
                found += inner_block.results
    return found


def _place(a: Atom, moving: dict[Var, Let], placed: list[Statement]) -> None:
    """Where a is made by one of the writes that were put off, it is done now, and before it what it builds on."""
    s = moving.pop(a, None) if isinstance(a, Var) else None
    if s is not None:
        _place(s.args[0], moving, placed)
        placed.append(s)


def _writes(s: Statement) -> bool:
    return isinstance(s, Let) and s.op.name in _WRITES


def _array(a: Atom) -> bool:
    return isinstance(a, Var) and bool(a.type.shape)


class _Facts:
    """What shares storage with what, the region each variable belongs to, and which values are written to on their way (`handed`).

    A view has the storage of its argument; so has what a branch, a loop or a call gives without being written to on its way.
    """

    def __init__(self, entry: Function, loaded: Callable[[Var], bool]) -> None:
        self.loaded = loaded
        self.views: dict[Var, Var] = {}
        self.roots_of: dict[Var, tuple[Var, ...]] = {}
        self.pushed: list[Var] = []
        self.calls: list[Call] = []
        self.region: dict[Var, Block] = {}
        self.borrowed: set[Var] = set()
        self.flows: dict[Var, list[Atom]] = {}
        self.joins: dict[Var, list[Atom]] = {}
        self.given: dict[Var, tuple[Call, int]] = {}
        self.passed: dict[Function, list[list[int]]] = {}
        self.handed: set[Var] = set()
        todo: list[Var] = []
        for f in functions(entry):
            self.region |= dict.fromkeys(f.params, f.body)
            self.visit(f.body, f.body, todo)
        self.borrowed |= set(entry.params)
        while todo:
            v = todo.pop()
            if v not in self.handed:
                self.handed.add(v)
                todo += [a for a in self.flows.get(v, ()) if isinstance(a, Var)]
        self.pass_on(functions(entry))
        self.borrow()

    def find(self, a: Atom) -> tuple[Var, ...]:
        """The variables whose storage a may have: its own alone, or that of others."""
        assert isinstance(a, Var)
        known = self.roots_of.get(a)
        if known is None:
            found: dict[Var, None] = {}
            seen, todo = {a}, [a]
            while todo:
                v = todo.pop()
                sources = self.sources(v)
                found |= dict.fromkeys([v] if sources is None else [])
                todo += [u for u in sources or () if u not in seen]
                seen.update(sources or ())
            known = self.roots_of[a] = tuple(found)
        return known

    def sources(self, v: Var) -> list[Var] | None:
        """Whose storage v has, one step back; None where its storage is its own."""
        if v in self.views:
            return [self.views[v]]
        if v in self.handed:
            return None
        if v in self.given:
            call, k = self.given[v]
            passed = self.passed.get(call.function, [])
            return [a for i in passed[k] if isinstance(a := call.args[i], Var)] or None if passed else None
        return [a for a in self.joins[v] if isinstance(a, Var)] if v in self.joins else None

    def pass_on(self, program: Sequence[Function]) -> None:
        """Find for each result of a function the parameters whose storage it may have; through recursion, so until nothing new is found."""
        changed = True
        while changed:
            changed = False
            for f in program:
                passed = [[k for k, p in enumerate(f.params) if _array(r) and p in self.find(r) and p not in self.handed]
                          for r in f.body.results]  # fmt: skip
                if passed != self.passed.get(f):
                    changed = changed or any(passed) or f in self.passed
                    self.passed[f] = passed
            self.roots_of.clear()

    def borrow(self) -> None:
        """What lies on a tape is not written to any more; what a call puts there is its arguments, where it was not handed them."""
        for v in self.pushed:
            self.borrowed.update(self.find(v))
        known = -1
        while known != len(self.borrowed):
            known = len(self.borrowed)
            for call in self.calls:
                for p, a in zip(call.function.params, call.args, strict=True):
                    if p in self.borrowed and p not in self.handed and _array(a):
                        self.borrowed.update(self.find(a))

    def visit(self, block: Block, region: Block, todo: list[Var]) -> None:
        for s in block.statements:
            self.region |= dict.fromkeys(outs(s), region)
            if isinstance(s, Let):
                at_once = s.op.name == "index" and self.loaded(s.out)
                if s.op.name in _VIEWS and s.out.type.shape and _array(s.args[0]) and not at_once:
                    assert isinstance(s.args[0], Var)
                    self.views[s.out] = s.args[0]
                if _writes(s) and isinstance(s.args[0], Var):
                    todo.append(s.args[0])
            elif isinstance(s, Push) and _array(s.value):
                assert isinstance(s.value, Var)
                self.pushed.append(s.value)
            elif isinstance(s, Pop):
                self.borrowed.add(s.out)
            self.flow(s)
            for b in blocks(s):
                own = region if isinstance(s, If) else b
                self.region |= dict.fromkeys(inner(s), own)
                self.visit(b, own, todo)

    def flow(self, s: Statement) -> None:
        """Where the values of what s defines come from."""
        match s:
            case If():
                for v, a, b in zip(s.outs, s.then.results, s.other.results, strict=True):
                    self.flows[v] = self.joins[v] = [a, b]
            case For() | While():
                for v, p, i, r in zip(s.outs, s.params, s.inits, s.body.results, strict=True):
                    self.flows[p] = [i, r, v]
                    self.flows[v] = [i, r, p]
                    self.joins[p] = self.joins[v] = [i, r]
            case Call():
                self.calls.append(s)
                for v, r in zip(s.outs, s.function.body.results, strict=True):
                    self.flows[v] = [r]
                self.given |= {v: (s, k) for k, v in enumerate(s.outs)}
                for p, a in zip(s.function.params, s.args, strict=True):
                    self.flows.setdefault(p, []).append(a)
            case _:
                pass

    def owns(self, v: Var, region: Block) -> bool:
        """The region may overwrite v once it is done with it."""
        return v not in self.views and v not in self.borrowed and self.region[v] is region


class _Planner:
    """Walks a function backwards with the set of roots that are read later."""

    def __init__(self, facts: _Facts, f: Function) -> None:
        self.facts = facts
        self.f = f
        self.copy = ops.TABLE["copy"]
        self.made = self.fresh(f)

    def fresh(self, f: Function) -> set[Var]:
        """Variables whose storage is their own: made by an operation, or handed over by a branch, a loop or a call."""
        found = {p for p in f.params if p in self.facts.handed}
        for s in statements(f.body):
            if isinstance(s, Let):
                found.add(s.out)
            else:
                found.update(v for v in (*outs(s), *inner(s)) if v in self.facts.handed)
        return found

    def run(self) -> None:
        body = self.f.body
        live: set[Var] = set()
        handed = [isinstance(a, Var) and a in self.facts.handed for a in body.results]
        tail = self.hand_over(body, handed, live, body)
        self.block(body, live, body)
        body.statements += tail

    def roots(self, atoms: Iterable[Atom]) -> list[Var]:
        return [root for a in atoms if _array(a) for root in self.facts.find(a)]

    def hand_over(self, block: Block, handed: list[bool], live: set[Var], region: Block) -> list[Statement]:
        """Make a block's results movable: the copies to append to it. `live` then holds what the block's end reads."""
        atoms, copies = self.moved(block.results, handed, live, region)
        block.results = atoms
        return copies

    def moved(self, atoms: tuple[Atom, ...], handed: list[bool], live: set[Var], region: Block) -> tuple[tuple[Atom, ...], list[Statement]]:
        """The atoms with copies for those that must be handed over but are not the region's own, are read later or handed over twice."""
        uses = self.roots(atoms)
        out: list[Atom] = []
        copies: list[Statement] = []
        for a, hand in zip(atoms, handed, strict=True):
            if hand and isinstance(a, Var) and a.type.shape:
                shared = any(uses.count(root) > 1 or root in live for root in self.facts.find(a))
                if shared or a not in self.made or not self.facts.owns(a, region):
                    fresh = Var(a.type, a.name)
                    copies.append(Let(fresh, self.copy, (a,)))
                    a = fresh
            out.append(a)
        live.update(uses)
        return tuple(out), copies

    def block(self, block: Block, live: set[Var], region: Block) -> None:
        """Plan the statements of a block; `live`: the roots read after it, on return those read from its start on."""
        planned: list[Statement] = []
        for s in reversed(block.statements):
            planned += reversed(self.statement(s, live, region))
        block.statements[:] = reversed(planned)

    def statement(self, s: Statement, live: set[Var], region: Block) -> list[Statement]:
        before: list[Statement] = []
        match s:
            case Let() if _writes(s):
                s = self.write(s, live, region)
            case If():
                self.branches(s, live, region)
            case For() | While():
                before = self.loop(s, live, region)
            case Call():
                handed = [p in self.facts.handed for p in s.function.params]
                s.args, before = self.moved(s.args, handed, live, region)
            case _:
                pass
        live.difference_update(outs(s))
        if not (isinstance(s, Let) and s.op.name == "dim"):  # an extent can be read after the elements are overwritten
            live.update(self.roots(reads(s)))
        live.update(self.roots(a for c in before if isinstance(c, Let) for a in c.args))
        return [*before, s]

    def write(self, s: Let, live: set[Var], region: Block) -> Let:
        x = s.args[0]
        assert isinstance(x, Var)
        own = x in self.made and self.facts.owns(x, region) and x not in live and x not in self.roots(s.args[1:])
        return replace(s, inplace=True) if own else s

    def branches(self, s: If, live: set[Var], region: Block) -> None:
        handed = [v in self.facts.handed for v in s.outs]
        after = live - set(s.outs)
        live.clear()
        for b in (s.then, s.other):
            inside = set(after)
            tail = self.hand_over(b, handed, inside, region)
            self.block(b, inside, region)
            b.statements += tail
            live |= inside

    def loop(self, s: For | While, live: set[Var], region: Block) -> list[Statement]:
        handed = [p in self.facts.handed for p in s.params]
        captured: set[Var] = set()
        tail = self.hand_over(s.body, handed, captured, s.body)
        self.block(s.body, captured, s.body)
        s.body.statements += tail
        if isinstance(s, While):
            tested = set(self.roots(s.test.results))
            self.block(s.test, tested, s.test)
            captured |= tested
        captured.difference_update(s.params)
        live |= captured
        s.inits, copies = self.moved(s.inits, handed, live, region)
        return copies
