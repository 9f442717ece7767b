"""Where values live: every variable of a function gets a slot of its frame, a list.

    x₁ = for i … carrying x = x₀: { t = f(x); yield t }    →    x₁, x and t are one slot, and nothing is copied

A loop's result, parameter and next value share a slot where the parameter is not read after its next value
is made, and so do the results of a branch and what its two blocks yield.
"""
from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from adcli.ir.nodes import Atom, Block, Const, For, Function, If, Statement, Var, While
from adcli.ir.walk import blocks, compound, inner, outs, reads

Reader: TypeAlias = Callable[[Iterable[Atom], set[Var]], None]

SELF = 0  # the slot that holds the frame itself: compound statements run as operations on it
JUNK = 1  # the slot for what operations return that have no result


class Layout:
    """Slots of one function: `of(atom)`, and the `template` that a frame is copied from (constants in place)."""

    def __init__(self, function: Function) -> None:
        self.template: list[Any] = [None, None]
        self.slots = _Slots(self, _Sharing(function))
        self.constants: dict[tuple[type, str], int] = {}
        self.of: Callable[[Atom], int] = self.slots.__getitem__

    def constant(self, value: object) -> int:
        """The slot of a constant: one for each value and kind (1, 1.0 and True differ, and 0.0 and -0.0)."""
        key = (type(value), repr(value))
        k = self.constants.get(key)
        if k is None:
            k = self.constants[key] = self.new(value)
        return k

    def new(self, value: object = None) -> int:
        self.template.append(value)
        return len(self.template) - 1


class _Slots(dict[Atom, int]):
    """Slots by atom, given out when first asked for."""

    def __init__(self, layout: Layout, sharing: _Sharing) -> None:
        super().__init__()
        self.layout = layout
        self.sharing = sharing

    def __missing__(self, atom: Atom) -> int:
        if isinstance(atom, Const):
            k = self.layout.constant(atom.value)
        else:
            k = self[self.sharing.leader(atom)] if atom in self.sharing.above else self.layout.new()
        self[atom] = k
        return k


class _Sharing:
    """Variables in classes (a union-find), one slot for each class."""

    def __init__(self, function: Function) -> None:
        self.above: dict[Var, Var] = {}
        self.block(function.body)

    def leader(self, v: Var) -> Var:
        root = v
        while root in self.above:
            root = self.above[root]
        while v is not root:
            self.above[v], v = root, self.above[v]
        return root

    def join(self, a: Var, b: Var) -> None:
        a, b = self.leader(a), self.leader(b)
        if a is not b:
            self.above[b] = a

    def block(self, block: Block) -> None:
        for s in compound(block):
            for b in blocks(s):
                self.block(b)
            match s:
                case If():
                    self.branch(s)
                case For():
                    self.loop(s, [s.body])
                case While():
                    self.loop(s, [s.test, s.body])
                case _:
                    pass

    def branch(self, s: If) -> None:
        for block in (s.then, s.other):
            made = {v for t in block.statements for v in outs(t)}
            used: set[Var] = {self.leader(v) for v in s.outs}
            for out, result in zip(s.outs, block.results, strict=True):
                if isinstance(result, Var) and result in made and self.leader(result) not in used:
                    self.join(out, result)
                    used.add(self.leader(out))

    def loop(self, s: For | While, parts: list[Block]) -> None:
        for out, param in zip(s.outs, s.params, strict=True):
            self.join(out, param)
        made = {v for t in s.body.statements for v in outs(t)}
        wanted: dict[Var, Var] = {}
        taken: set[Var] = {self.leader(v) for v in s.params}
        for param, result in zip(s.params, s.body.results, strict=True):
            if isinstance(result, Var) and result in made and self.leader(result) not in taken:
                wanted[param] = self.leader(result)
                taken.add(wanted[param])
        for param in self.clashes(s, parts, wanted):
            del wanted[param]
        for param, result in wanted.items():
            self.join(param, result)

    def clashes(self, s: For | While, parts: list[Block], wanted: dict[Var, Var]) -> list[Var]:
        """The parameters that are read after a variable of their next value's class is written."""
        found: dict[Var, None] = {}
        written: set[Var] = set()

        def read(atoms: Iterable[Atom], written: set[Var]) -> None:
            for a in atoms:
                if isinstance(a, Var) and wanted.get(a) in written:
                    found[a] = None

        for block in parts:
            self.walk(block, written, read)
        for k, result in enumerate(s.body.results):
            if isinstance(result, Var) and result in wanted and wanted[result] in written and result is not s.params[k]:
                found[result] = None
        return list(found)

    def walk(self, block: Block, written: set[Var], read: Reader, again: bool = False) -> None:
        """Follow reads and writes in their order; `again`: the block runs repeatedly, so all its writes are in `written`."""
        for s in block.statements:
            read(reads(s), written)
            if isinstance(s, If):
                before = set(written)
                self.walk(s.then, written, read, again)
                read(s.then.results, written)
                self.walk(s.other, before, read, again)
                read(s.other.results, before)
                written |= before
            elif isinstance(s, For | While):
                if not again:
                    self.mark(s, written)
                for b in blocks(s):
                    self.walk(b, written, read, True)
                    read(b.results, written)
            written.update(self.leader(v) for v in outs(s))

    def mark(self, s: Statement, written: set[Var]) -> None:
        """All that a loop writes: an iteration reads what the one before it wrote."""
        todo = [s]
        while todo:
            t = todo.pop()
            written.update(self.leader(v) for v in (*outs(t), *inner(t)))
            todo += [u for b in blocks(t) for u in b.statements]
