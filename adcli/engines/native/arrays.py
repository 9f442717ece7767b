"""What the operations on arrays have in common: virtual arrays made from others, loops over elements, and the way into memory."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from adcli.engines.native import calls
from adcli.engines.native.code import SIZE, constant, is_number
from adcli.engines.native.values import (
    SMALL,
    Array,
    Index,
    Mem,
    Regs,
    Value,
    Virtual,
    count,
    element,
    flat,
    offset,
    positions,
    storage,
    under,
    waiting,
)
from adcli.ir.nodes import Let

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer

# Arrays that one loop stores.
TOGETHER = 4

Form: TypeAlias = "Callable[[Writer, Let, Sequence[Value]], Value]"


def is_small(extents: Sequence[str]) -> bool:
    size = 1
    for n in extents:
        if not is_number(n):
            return False
        size *= int(n)
    return size <= SMALL


def indices(extents: Sequence[str]) -> list[tuple[str, ...]]:
    """All indices of a constant shape, in order."""
    out: list[tuple[str, ...]] = [()]
    for n in extents:
        out = [(*i, str(k)) for i in out for k in range(int(n))]
    return out


def made(w: Writer, s: Let, v: Virtual, *sources: Value) -> Value:
    """A virtual array computed from the sources; a small one in registers, unless it is to be addressed."""
    v.reads, v.positions, v.over = storage(sources), positions(sources), under(sources)
    if is_small(v.extents):
        shape = tuple(map(int, v.extents))
        out = Regs(v.elem, shape, [v.at(i) for i in indices(v.extents)])
        return w.in_memory(out) if s.out in w.addressed else out
    return v


def loopable(w: Writer, out_extents: Sequence[str], values: Sequence[Value]) -> list[Value]:
    """The arguments such that they can be read at any index: registers only where the result is small as well."""
    if is_small(out_extents):
        return list(values)
    return [w.in_memory(v) if isinstance(v, Regs) else v for v in values]


def materialise(w: Writer, v: Array, into: Mem | None = None) -> Mem:
    """The array in memory of its own, or in the memory given."""
    c = w.c
    if isinstance(v, Virtual) and v.mem is not None:
        v = v.mem
    out = into or w.room(v)
    if isinstance(v, Regs):
        for k, item in enumerate(v.items):
            c.store(v.elem, item, out.ptr, str(k))
    elif isinstance(v, Mem):
        c.copy(out.ptr, v.ptr, c.mul(count(c, v.extents), str(SIZE[v.elem])))
    else:
        _computed(w, v, out)
        if into is None and v.scalar is None:
            v.mem = out
    return out


def _computed(w: Writer, v: Virtual, out: Mem) -> None:
    c, by_position = w.c, v.flat
    if by_position is None:
        with w.memory.scope() as scope:
            nest(w, v.extents, lambda index: c.store(v.elem, element(c, v, index), out.ptr, offset(c, v.extents, index), scope))
        return

    def body(k: str) -> None:
        value = by_position(k)
        also.store(k)
        c.store(v.elem, value, out.ptr, k)

    also = Alongside(w, [d for d in waiting([v]) if d is not v])
    with w.memory.scope():
        c.loop(count(c, v.extents), body)
    also.done()


class Alongside:
    """Arrays that a loop reads by position, and that are read again later: it stores them too.

    That it computes them twice is only how it is written: the optimiser sees that they are what the loop has computed already.
    """

    def __init__(self, w: Writer, arrays: Sequence[Virtual]) -> None:
        self.c = w.c
        self.targets = [(v, w.room(v)) for v in arrays]

    def store(self, k: str) -> None:
        items = [flat(self.c, v)(k) for v, _ in self.targets]  # type: ignore[misc]
        for (v, m), item in zip(self.targets, items, strict=True):
            self.c.store(v.elem, item, m.ptr, k)

    def done(self) -> None:
        for v, m in self.targets:
            v.mem = m


def store_together(w: Writer, targets: Sequence[tuple[Virtual, str]]) -> None:
    """Arrays of one shape that are read by position, each to where it is to lie: all in one loop, what is read before what is written."""
    if not targets:
        return
    c = w.c

    def body(k: str) -> None:
        items = [v.flat(k) for v, _ in targets]  # type: ignore[misc]
        also.store(k)
        for (v, ptr), item in zip(targets, items, strict=True):
            c.store(v.elem, item, ptr, k)

    own = {v for v, _ in targets}
    also = Alongside(w, [v for v in waiting(list(own)) if v not in own])
    with w.memory.independent():
        c.loop(count(c, targets[0][0].extents), body)
    also.done()


def store_all(w: Writer, values: Sequence[Virtual]) -> None:
    """Store those arrays that have the shape of others and are read by position: some together in one loop, which reads all else once."""
    shapes: dict[tuple[str, ...], list[Virtual]] = {}
    for v in dict.fromkeys(values):
        if v.mem is None and v.flat is not None:
            shapes.setdefault(w.extents.same(v.extents), []).append(v)
    for alike in shapes.values():
        for k in range(0, len(alike) - 1, TOGETHER):
            some = [(v, w.room(v)) for v in alike[k : k + TOGETHER]]
            store_together(w, [(v, m.ptr) for v, m in some])
            for v, m in some:
                v.mem = m


def nest(w: Writer, extents: Sequence[str], body: Callable[[Index], None]) -> None:
    """Loops over all indices of a shape, the last one innermost."""

    def level(axis: int, index: tuple[str, ...]) -> None:
        if axis == len(extents):
            body(index)
        else:
            w.c.loop(extents[axis], lambda k: level(axis + 1, (*index, k)))

    level(0, ())


def where(w: Writer, test: str, a: str, b: str, yes: str, no: str, type_: str = "double") -> str:
    return w.c.select(w.c.op(f"icmp {test} i64 {a}, {b}"), type_, yes, no)


def sum_of(w: Writer, elem: str, a: str, b: str) -> str:
    return w.c.op(f"fadd double {a}, {b}" if elem == "real" else f"add i64 {a}, {b}")


def cleared(w: Writer, elem: str, extents: Sequence[str], value: float = 0.0) -> Mem:
    out = w.memory.allocate(elem, extents)
    c = w.c
    c.loop(count(c, extents), lambda k: c.store(elem, constant(value, elem), out.ptr, k))
    return out


def cost(v: Value) -> int:
    return v.size if isinstance(v, Virtual) else 0


def fallback(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    """The table's own form, called in Python on the arrays where they lie."""
    return calls.ask(w, s, args)
