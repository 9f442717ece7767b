"""Tapes: the values that a derivative's forward run hands to its reverse, on a stack in the run's region of memory.

    push a, b        a record: numbers and arrays one after the other, behind an array those of its extents that its type does not tell

A loop whose iterations each push, or pop, one record of known size takes the room for all of them at once.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from adcli.engines.native import arrays, scalars, state
from adcli.engines.native.code import Code, is_number
from adcli.engines.native.records import groups, in_registers, plain_size
from adcli.engines.native.values import Mem, Regs, Value, Virtual, size_in_bytes
from adcli.ir.nodes import Atom, Block, For, Let, Pop, Push, Var
from adcli.ir.types import Type, size
from adcli.ir.walk import blocks, reads, statements

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer

# Operations on arrays, beside those on numbers, whose results are arrays of their own, or numbers.
FRESH = frozenset({"matmul", "dot", "sum", "concat"})


class TapeAtHand:
    """What the writer of a function knows of the tape, where the statement at hand stands.

    record: where the record of the iteration at hand is, if its loop has reserved room for all; room_of: records that there is room for
    already, and where; computed: the arrays that were computed on the tape, and that others may still be computed from.

    floor: what the floor was when the block at hand began to read the tape where it lies; read: the arrays that are read there.
    handed_on: see `handed_on`.
    """

    def __init__(self, c: Code) -> None:
        self.c = c
        self.record: str | None = None
        self.room_of: dict[Push, str] = {}
        self.computed: list[str] = []
        self.floor: str | None = None
        self.read: set[str] = set()
        self.handed_on: set[Atom] | None = None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While a block is written, and what becomes of its results: what it reads of the tape where it lies stays until its end."""
        outer, self.floor = self.floor, None
        yield
        if self.floor is not None:
            self.c.store_state(state.FLOOR, self.floor)
        self.floor = outer

    def holds(self, v: Mem) -> bool:
        """Whether an array is read where it lies on the tape."""
        return not self.read.isdisjoint(v.storage)


class Reserved:
    """The records of all iterations of a loop: where they begin (pushes) or end (pops), the bytes of one and of all."""

    def __init__(self, top: str, bytes_: int, pushes: bool, whole: str) -> None:
        self.top = top
        self.bytes = bytes_
        self.pushes = pushes
        self.whole = whole

    def address(self, w: Writer, k: str) -> str:
        c = w.c
        if self.pushes:
            return c.op(f"add i64 {self.top}, {c.mul(k, str(self.bytes))}")
        return c.op(f"sub i64 {self.top}, {c.mul(c.add(k, '1'), str(self.bytes))}")


def reserve(w: Writer, s: For, n: str) -> Reserved | None:
    """Room on the tape for all iterations at once, where each pushes, or pops, one record of known size and nothing else."""
    found = w.module.records.regular(s.body)
    if found is None:
        return None
    bytes_, pushes = found
    c = w.c
    top = w.c.load_state(state.TAPE)
    whole = c.mul(n, str(bytes_))
    if pushes:
        above = c.op(f"add i64 {top}, {whole}")
        w.guards.require(c.op(f"icmp ule i64 {above}, {w.c.load_state(state.ARENA)}"), "memory", (), s.span)
        raise_tape(w, above)
    return Reserved(top, bytes_, pushes, whole)


def release(w: Writer, tape: Reserved | None, n: str) -> None:
    if tape is not None and not tape.pushes:
        w.c.store_state(state.TAPE, w.c.op(f"sub i64 {tape.top}, {tape.whole}"))


def foreseen(w: Writer, b: Block) -> dict[Var, Sequence[Push]]:
    """The arrays that can be made where they are to be pushed, with their record: nothing uses the tape between, and nothing but the
    push reads them except operations whose results are their own.
    """
    found: dict[Var, Sequence[Push]] = {}
    records = w.module.records
    for found_together in groups(b, Push):
        group = [s for s in found_together if isinstance(s, Push)]
        if not records.complete(group) or not all(s.value.type.static for s in group):
            continue
        pushed = {s.value for s in group if not in_registers(s.value.type)}
        for s in reversed(b.statements[: b.statements.index(group[0])]):
            if isinstance(s, Let):
                if s.out in pushed and s.out not in handed_on(w):
                    found[s.out] = group
            elif records.uses(s):
                break
    return found


def handed_on(w: Writer) -> set[Atom]:
    """The values of the function that get other names, or may be changed."""
    if w.tape.handed_on is None:
        w.tape.handed_on = set(w.function.body.results)
        for s in statements(w.function.body):
            if not (isinstance(s, Push) or (isinstance(s, Let) and not s.inplace and (s.op.scalar or s.op.name in FRESH))):
                w.tape.handed_on.update(reads(s))
            for b in blocks(s):
                w.tape.handed_on.update(b.results)
    return w.tape.handed_on


def make_room(w: Writer, v: Var, group: Sequence[Push]) -> None:
    """Reserve a record before it is pushed, so that an array can be made there."""
    at = w.tape.room_of.get(group[0])
    if at is None:
        at = w.tape.record if w.tape.record is not None else raised(w, str(sum(plain_size(s.value.type) for s in group)))
        w.tape.room_of[group[0]] = at
    for s in group:
        if s.value is v:
            ptr = w.c.op(f"inttoptr i64 {at} to ptr")
            w.homes[v] = Mem(v.type.elem, tuple(map(str, v.type.shape)), ptr)
            w.tape.computed.append(ptr)
            return
        at = w.c.add(at, str(plain_size(s.value.type)))


def raised(w: Writer, bytes_: str) -> str:
    """Raise the top of the tape, where there is room: where it was."""
    c = w.c
    at = w.c.load_state(state.TAPE)
    above = c.op(f"add i64 {at}, {bytes_}")
    w.guards.require(c.op(f"icmp ule i64 {above}, {w.c.load_state(state.ARENA)}"), "memory", (), w.guards.span)
    raise_tape(w, above)
    return at


def push(w: Writer, group: Sequence[Push]) -> None:
    """Append a record: numbers and arrays one after the other, behind an array those of its extents that its type does not tell."""
    c = w.c
    values = [w.value(s.value) for s in group]
    values = [as_popped(w, v, s.value) for s, v in zip(group, values, strict=True)]
    sizes = [taped(w, v, s.value.type) for v, s in zip(values, group, strict=True)]
    if group[0] in w.tape.room_of:
        at = w.tape.room_of[group[0]]
    elif w.tape.record is not None:
        at = w.tape.record
    else:
        total = "0"
        for n in sizes:
            total = c.add(total, n)
        at = raised(w, total)
    for s, v, n in zip(group, values, sizes, strict=True):
        home = w.homes.get(s.value) if isinstance(s.value, Var) else None
        if home is None or not isinstance(v, Mem) or v.ptr != home.ptr:  # else it is there
            put(w, at, v, s.value.type)
        at = c.add(at, n)


def as_popped(w: Writer, v: Value, a: Atom) -> Value:
    """A value in the form in which its type says that it lies on the tape. An array that here is known to be small may have a type that
    does not tell: the pop then reads its extents.
    """
    if isinstance(v, Virtual) and not only_taped(w, v, a):
        return w.in_memory(v)
    return w.in_memory(v) if isinstance(v, Regs) and not in_registers(a.type) else v


def taped(w: Writer, v: Value, t: Type) -> str:
    """Bytes on the tape, a multiple of 8."""
    if isinstance(v, str):
        return "8"
    if isinstance(v, Regs):
        return str(8 * len(v.items))
    data = padded(w, v)
    return w.c.add(data, str(8 * t.shape.count(None)))


def only_taped(w: Writer, v: Virtual, a: Atom) -> bool:
    """Whether an array is computed on the tape: what reads it besides, reads it there. One that may be changed in place is copied."""
    return v.mem is None and isinstance(a, Var) and not w.remaining[a]


def padded(w: Writer, v: Value) -> str:
    assert isinstance(v, Mem | Virtual)
    n = size_in_bytes(w.c, Mem(v.elem, w.extents.same(v.extents), ""))
    return str((int(n) + 7) // 8 * 8) if is_number(n) else w.c.op(f"and i64 {w.c.op(f'add i64 {n}, 7')}, -8")


def put(w: Writer, at: str, v: Value, t: Type) -> None:
    c = w.c
    ptr = c.op(f"inttoptr i64 {at} to ptr")
    if isinstance(v, str):
        return put_number(w, ptr, v, t.elem)
    if isinstance(v, Regs):
        for k, item in enumerate(v.items):
            put_number(w, c.element("int", ptr, str(k)), item, t.elem)
        return None
    if isinstance(v, Mem):
        v = replace(v, extents=w.extents.same(v.extents))
    there = arrays.materialise(w, v, Mem(v.elem, v.extents, ptr))
    if isinstance(v, Virtual) and v.mem is None and v.scalar is None:
        v.mem = there
        w.tape.computed.append(ptr)
    behind = c.op(f"getelementptr i8, ptr {ptr}, i64 {padded(w, v)}")
    for k, n in enumerate(n for n, known in zip(v.extents, t.shape, strict=True) if known is None):
        c.store("int", n, behind, str(k))
    return None


def put_number(w: Writer, ptr: str, v: str, elem: str) -> None:
    c = w.c
    c.store("int" if elem == "bool" else elem, scalars.coerced(c, v, elem, "int") if elem == "bool" else v, ptr)


def pop(w: Writer, group: Sequence[Pop]) -> None:
    """Take a record off: from its end on, since extents stand behind their arrays.

    Where nothing is pushed before the block ends, arrays are read where they lie, and the floor keeps others from there. The factors of
    products are not: those are read again and again, across their rows, which takes a copy that has just been made half the time.
    """
    c = w.c
    while w.tape.computed:
        w.settle(frozenset({w.tape.computed.pop()}))
    order = {tape: k for k, tape in enumerate(w.module.records.record(group[0].tape))}
    at = w.tape.record if w.tape.record is not None else w.c.load_state(state.TAPE)
    if w.tape.record is not None:  # the record's begin: all sizes are known
        at = c.add(at, str(sum(plain_size(s.out.type) for s in group)))
    in_place = w.tape.record is not None or w.module.records.lasts(group[0])
    if in_place and w.tape.record is None and not all(in_registers(s.out.type) for s in group):
        raise_floor(w, at)
    for s in sorted(group, key=lambda s: -order[s.tape]):
        at, v = got(w, at, s.out, in_place and s.out not in w.factors)
        w.define(s.out, v)
    if w.tape.record is None:
        w.c.store_state(state.TAPE, at)


def raise_floor(w: Writer, top: str) -> None:
    floor = w.c.load_state(state.FLOOR)
    w.tape.floor = w.tape.floor or floor
    w.c.store_state(state.FLOOR, w.c.call("llvm.umax.i64", "i64", [("i64", floor), ("i64", top)]))


def got(w: Writer, end: str, out: Var, in_place: bool) -> tuple[str, Value]:
    """The value that ends there on the tape, and where it begins."""
    c, t = w.c, out.type
    if in_registers(t):
        n = size(t.shape)
        at = c.sub(end, str(8 * n))
        ptr = c.op(f"inttoptr i64 {at} to ptr")
        items = [got_number(w, c.element("int", ptr, str(k)), t.elem) for k in range(n)]
        return at, items[0] if not t.shape else Regs(t.elem, tuple(n or 0 for n in t.shape), items)
    unknown = sum(n is None for n in t.shape)
    behind = c.op(f"inttoptr i64 {c.sub(end, str(8 * unknown))} to ptr")
    found = iter(c.load("int", behind, str(k)) for k in range(unknown))
    extents = tuple(str(n) if n is not None else next(found) for n in t.shape)
    w.extents.not_negative.update(extents)
    taken = padded(w, Mem(t.elem, extents, ""))
    at = c.sub(c.sub(end, str(8 * unknown)), taken)
    there = Mem(t.elem, extents, c.op(f"inttoptr i64 {at} to ptr"))
    if in_place:
        w.tape.read.add(there.base)
        return at, there
    return at, w.copied(there)


def got_number(w: Writer, ptr: str, elem: str) -> str:
    v = w.c.load("int" if elem == "bool" else elem, ptr)
    return scalars.coerced(w.c, v, "int", "bool") if elem == "bool" else v


def raise_tape(w: Writer, top: str) -> None:
    c = w.c
    w.c.store_state(state.TAPE, top)
    if w.module.watch:
        peak = w.c.load_state(state.PEAK)
        w.c.store_state(state.PEAK, c.select(c.op(f"icmp ugt i64 {top}, {peak}"), "i64", top, peak))
