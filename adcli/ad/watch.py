"""Watching for points where a derivative is a convention: kinks, jumps, ties, edges of a domain, branches decided by equality.

    y = abs(x)        →   y = abs(x);  c = x == 0;  flag nondifferentiable if c

The conditions are the table's (`Op.special`), tested only where the argument is varied; the values stay as they are.
What makes the C function itself raise (1/0, ln(-1)) the engine flags by itself.
"""
from __future__ import annotations

from collections.abc import Sequence

from adcli.ad.activity import Activity
from adcli.ad.rules import bindings, constants
from adcli.ir.build import Builder
from adcli.ir.nodes import Block, Call, Const, Function, Let, Var
from adcli.ir.walk import blocks, clone_program, functions, statements
from adcli.lower import inline


def watched(entry: Function, wrt: Sequence[int]) -> Function:
    """A copy of the program with a flag Check behind each statement that may meet such a point; a derivative function as it is."""
    if entry.of is not None or not any(isinstance(s, Let) and s.op.special for f in functions(entry) for s in statements(f.body)):
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
        for s in statements(f.body):
            if isinstance(s, Call):
                mask = {k for k, a in enumerate(s.args) if a in found[f]}
                if not mask <= moving[s.function]:
                    moving[s.function] |= mask
                    todo.append(s.function)
    return found


def _watch(block: Block, varied: set[Var]) -> None:
    b = Builder(Block())
    for s in block.statements:
        b.append(s)
        if isinstance(s, Let) and s.op.special and any(a in varied for a in s.args):
            _test(b, s)
        for inside in blocks(s):
            _watch(inside, varied)
    block.statements = b.block.statements


def _test(b: Builder, s: Let) -> None:
    if s.op.name == "pow" and isinstance(s.args[1], Const) and s.args[1].value >= 1:
        return
    for condition, code in s.op.special.items():
        if code == "domain" or (code == "singular" and s.op.name in _RAISING):
            continue
        met = inline(condition, bindings(s), b, s.span, constants(s))
        b.check("flag", met, about=(code, s.op.name), span=s.span)


# Their C functions raise at the edge, so the run itself notices.
_RAISING = frozenset({"div", "ln", "log2", "log10", "log1p", "atanh", "gamma", "lgamma", "digamma"})


