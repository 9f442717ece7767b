"""Watching for points where a derivative is a convention: kinks, jumps, ties, edges of a domain, branches decided by equality.

    y = abs(x)        →   y = abs(x);  c = x == 0;  flag nondifferentiable if c

The conditions are the table's (`Op.special`), tested only where the argument is varied, and on arrays only in the lanes that a
`where` takes; the values stay as they are.
What makes the C function itself raise (1/0, ln(-1)) the engine flags by itself.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from adcli.ad.activity import Activity
from adcli.ad.rules import bindings, constants
from adcli.ir.build import Builder
from adcli.ir.nodes import Atom, Block, Call, Const, Function, Let, Statement, Var
from adcli.ir.walk import all_blocks, all_compound, blocks, clone_program, free, functions, reads
from adcli.lower import inline


def watched(entry: Function, wrt: Sequence[int]) -> Function:
    """A copy of the program with a flag Check behind each statement that may meet such a point; a derivative function as it is."""
    if entry.of is not None or not any(
        type(s) is Let and s.op.special for f in functions(entry) for b in all_blocks(f.body) for s in b.statements
    ):
        return entry
    entry = clone_program(entry)
    for f, varied in _varied(entry, wrt).items():
        _watch(f.body, varied)
    return entry


def _varied(entry: Function, wrt: Sequence[int]) -> dict[Function, set[Var]]:
    """The varied variables of every function that derivatives enter, over all its calls."""
    activity = Activity(entry)
    moving: dict[Function, set[int]] = {f: set() for f in functions(entry)}
    moving[entry] = set(wrt)
    found: dict[Function, set[Var]] = {}
    todo = [entry]
    while todo:
        f = todo.pop()
        found[f] = activity.varied(f, [f.params[k] for k in sorted(moving[f])])
        for s in all_compound(f.body):
            if isinstance(s, Call):
                mask = {k for k, a in enumerate(s.args) if a in found[f]}
                if not mask <= moving[s.function]:
                    moving[s.function] |= mask
                    todo.append(s.function)
    return found


def _watch(block: Block, varied: set[Var]) -> None:
    b = Builder(Block())
    chosen = _chosen(block)
    waiting: dict[Statement, list[tuple[Let, _Chosen]]] = {}
    for s in block.statements:
        b.append(s)
        if isinstance(s, Let) and s.op.special and any(a in varied for a in s.args):
            lanes = chosen.get(s.out, _ALWAYS)
            if lanes.by is None:
                _test(b, s, ())
            else:
                waiting.setdefault(lanes.by, []).append((s, lanes))
        for let, lanes in waiting.pop(s, ()):
            _test(b, let, lanes.where)
        for inside in blocks(s):
            _watch(inside, varied)
    block.statements = b.block.statements


class _Chosen(NamedTuple):
    """The conditions, each with the truth value it must have, under which `where` takes an element; the last of those statements."""

    where: tuple[tuple[Atom, bool], ...]
    by: Let | None


_ALWAYS = _Chosen((), None)
_ELEMENTWISE = frozenset({"real", "arith", "compare", "logical"})


def _chosen(block: Block) -> dict[Var, _Chosen]:
    """For the variables that are read only to be chosen from by `where`, element by element: in which lanes they matter."""
    found: dict[Var, _Chosen] = {}
    if not any(_chooses(s) for s in block.statements):
        return found

    def read(a: Atom, use: _Chosen) -> None:
        if isinstance(a, Var):
            found[a] = use if found.setdefault(a, use) == use else _ALWAYS

    for a in block.results:
        read(a, _ALWAYS)
    for s in reversed(block.statements):
        own = found.get(s.out, _ALWAYS) if isinstance(s, Let) else _ALWAYS
        if isinstance(s, Let) and _chooses(s):
            read(s.args[0], own)
            for a, truth in zip(s.args[1:], (True, False), strict=True):
                read(a, _Chosen((*own.where, (s.args[0], truth)), own.by or s))
            continue
        for a in (*reads(s), *free(blocks(s), ())):
            read(a, own if isinstance(s, Let) and s.op.type in _ELEMENTWISE else _ALWAYS)
    return found


def _chooses(s: Statement) -> bool:
    return isinstance(s, Let) and s.op.name == "select" and bool(s.out.type.shape)


def _test(b: Builder, s: Let, lanes: Sequence[tuple[Atom, bool]]) -> None:
    if s.op.name == "pow" and isinstance(s.args[1], Const) and s.args[1].value >= 1:
        return
    for condition, code in s.op.special.items():
        if code == "domain" or (code == "singular" and s.op.name in _RAISING):
            continue
        met = inline(condition, bindings(s), b, s.span, constants(s))
        if s.op.kind != "reduce" or not met.type.shape:
            for c, truth in lanes:
                met = b.let("logical_and", met, c if truth else b.let("logical_not", c))
        b.check("flag", met, about=(code, s.op.name), span=s.span)


# Their C functions raise at the edge, so the run itself notices.
_RAISING = frozenset({"div", "ln", "log2", "log10", "log1p", "atanh", "gamma", "lgamma", "digamma"})


