"""Branches: each side in a block of its own, and a phi for what the one or the other gives.

An array of the result is that of the side that ran: where it lies is a phi, nothing is copied, and it may be any of the arrays that
the sides had.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import scalars
from adcli.engines.native.code import LLVM
from adcli.engines.native.values import Mem, Regs, Value
from adcli.ir.nodes import If, Var

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer


def branch(w: Writer, s: If) -> None:
    c = w.c
    cond = scalars.coerced(c, w.operand(s.cond), s.cond.type.elem, "bool")
    w.settle()
    yes, no, end = c.new_label("then"), c.new_label("else"), c.new_label("end")
    c.branch(cond, yes, no)
    sides: list[tuple[str, list[Value]]] = []
    for label, block in ((yes, s.then), (no, s.other)):
        c.label(label)
        with w.tape.reading():
            w.block(block)
            values = [w.off_the_tape(w.yielded(a, out)) for a, out in zip(block.results, s.outs, strict=True)]
            w.settle()
        sides.append((c.here, values))
        c.go(end)
    c.label(end)
    for k, out in enumerate(s.outs):
        w.values[out] = merged(w, out, [(label, values[k]) for label, values in sides])


def merged(w: Writer, out: Var, sides: Sequence[tuple[str, Value]]) -> Value:
    """What the sides, each ending in the block named, give for `out`."""
    c, first = w.c, sides[0][1]
    if isinstance(first, str):
        return c.phi(LLVM[out.type.elem], [(label, str(v)) for label, v in sides])
    if isinstance(first, Regs):
        items = [
            c.phi(LLVM[first.elem], [(label, v.items[k]) for label, v in sides])  # type: ignore[union-attr]
            for k in range(len(first.items))
        ]
        return Regs(first.elem, first.shape, items)
    arrays = [(label, v) for label, v in sides if isinstance(v, Mem)]
    assert len(arrays) == len(sides) and isinstance(first, Mem)
    ptr = c.phi("ptr", [(label, v.ptr) for label, v in arrays], "q")
    extents = []
    for k in range(len(first.extents)):
        extents.append(c.phi("i64", [(label, v.extents[k]) for label, v in arrays]))
        w.extents.not_negative.add(extents[-1])
    roots = frozenset(r for _, v in arrays for r in v.storage)
    base = first.base if all(v.base == first.base for _, v in arrays) else ptr
    return Mem(first.elem, tuple(extents), ptr, roots, base)
