"""Loops, and what of the region's memory their iterations give back. What they carry is in `carried`.

    for k in chunks { for k in chunk { body } ; poll }       a loop without loops inside, so that the inner one may become vector code
    for k { body ; poll }                                     any other
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import scalars, state
from adcli.engines.native.carried import Carried
from adcli.engines.native.code import STATE, is_number
from adcli.engines.native.tapes import Reserved, release, reserve
from adcli.engines.native.work import SHORT
from adcli.ir.nodes import Block, Call, For, While
from adcli.ir.walk import all_compound

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer


def for_loop(w: Writer, s: For) -> None:
    c = w.c
    start, n, step = (scalars.coerced(c, w.operand(a), a.type.elem, "int") for a in (s.start, s.count, s.step))
    carried = Carried(w, s)
    n = c.at_least_zero(n)
    if s.counted:
        w.guards.step(n)
    tape = reserve(w, s, n)
    names, took = turns(w, s, (start, n, step), carried, tape)
    w.memory.allocated = took
    release(w, tape, n)
    for out, v in zip(s.outs, carried.values(names), strict=True):
        w.define(out, v)


def turns(w: Writer, s: For, over: tuple[str, str, str], carried: Carried, tape: Reserved | None) -> tuple[list[str], bool]:
    """The loop itself: the operands that it carries, after it; and whether memory was taken that outlives it."""
    c, n = w.c, over[1]
    cost = w.module.work.of(s.body)
    polled = w.module.work.looks(s)
    chunk = max(1, SHORT // cost) if polled and not has_loops(s.body) else 0
    phis = carried.phis()
    place = before_loop(w)
    entry = before = c.here
    outer, head, end = c.new_label("chunk"), c.new_label("for"), c.new_label("done")
    c.branch(c.op(f"icmp sgt i64 {n}, 0") if not is_number(n) else str(int(int(n) > 0)), outer if chunk else head, end)
    begin, last, begun, part = "0", n, [init for _, init in phis], "0"
    if chunk:
        c.label(outer)
        begin, begun, at_outer = c.name("k"), [c.name() for _ in phis], len(c.lines)
        part = c.smaller(c.op(f"sub nuw nsw i64 {n}, {begin}"), str(chunk))
        last = c.op(f"add nuw nsw i64 {begin}, {part}")
        before = c.here
        c.go(head)
    c.label(head)
    k, names, at_head, mark = c.name("k"), [c.name() for _ in phis], len(c.lines), c.name("mark")
    following, own, took = iteration(w, s, k, over, names, carried, tape, mark)
    if polled and not chunk:
        w.guards.poll(str(cost), s.span)
    stop = c.op(f"add nuw nsw i64 {k}, 1")
    types, latch = [t for t, _ in phis], c.here
    inside = _phis(["i64", *types], [k, *names], [begin, *begun], before, [stop, *following], latch)
    if chunk:
        next_chunk = c.new_label("next")
        c.branch(c.op(f"icmp slt i64 {stop}, {last}"), head, next_chunk)
        c.label(next_chunk)
        w.guards.poll(c.mul(part, str(cost)), s.span)
        latch = c.here
        c.branch(c.op(f"icmp slt i64 {last}, {n}"), outer, end)
        c.lines[at_head:at_head] = inside
        firsts = ["0", *(init for _, init in phis)]
        c.lines[at_outer:at_outer] = _phis(["i64", *types], [begin, *begun], firsts, entry, [last, *following], latch)
    else:
        c.branch(c.op(f"icmp slt i64 {stop}, {n}"), head, end)
        c.lines[at_head:at_head] = inside
    c.label(end)
    ends = [c.name("q" if t == "ptr" else "v") for t in types]
    c.lines += _phis(types, ends, [init for _, init in phis], entry, following, latch)
    return ends, prepare(w, place, carried, own, mark if took else "")


def _phis(
    types: Sequence[str], names: Sequence[str], firsts: Sequence[str], before: str, following: Sequence[str], latch: str
) -> list[str]:
    """What a loop changes: the first values, from the block before it, and those that an iteration leaves."""
    return [
        f"  {name} = phi {t} [ {first}, %{before} ], [ {x}, %{latch} ]"
        for t, name, first, x in zip(types, names, firsts, following, strict=True)
    ]


def iteration(
    w: Writer, s: For, k: str, over: tuple[str, str, str], names: list[str], carried: Carried, tape: Reserved | None, mark: str
) -> tuple[list[str], dict[int, str], bool]:
    """The body once: the operands for the next iteration, the storage arrays moved to, and whether it took memory."""
    c = w.c
    start, _, step = over
    outer_allocated, w.memory.allocated = w.memory.allocated, False
    outer_record, w.tape.record = w.tape.record, tape.address(w, k) if tape else None
    i = c.add(start, c.mul(k, step))
    if start.isdigit() and step.isdigit():
        w.extents.not_negative.add(i)
    w.values[s.index] = i
    for p, v in zip(s.params, carried.values(names), strict=True):
        w.define(p, v)
    with w.tape.reading():
        w.block(s.body)
        following, own = carried.following(names)
    took, w.memory.allocated = w.memory.allocated, outer_allocated
    if took:
        w.c.store_state(state.ARENA, mark)
    w.tape.record = outer_record
    return following, own, took


def before_loop(w: Writer) -> tuple[int, str]:
    """Where what stands before the loop will be written: the end of the block at hand, which may branch there."""
    c = w.c
    at, here, begin = len(c.lines), c.here, c.new_label("begin")
    c.go(begin)
    c.label(begin)
    return at, here


def prepare(w: Writer, place: tuple[int, str], carried: Carried, own: dict[int, str], mark: str) -> bool:
    """What stands before the loop, written after it: storage for what moves, and the mark to which memory is given back."""
    c = w.c
    outer, w.memory.allocated = w.memory.allocated, False
    with c.aside(*place):
        carried.storage(own)
        if mark:
            c.do(f"{mark} = load i64, ptr {w.c.slot(state.ARENA)}, !tbaa {STATE}")
    return w.memory.allocated or outer


def while_loop(w: Writer, s: While) -> None:
    c = w.c
    carried = Carried(w, s)
    phis = carried.phis()
    place = before_loop(w)
    entry = c.here
    head, body, end = c.new_label("while"), c.new_label("do"), c.new_label("done")
    c.go(head)
    c.label(head)
    k, names, at_head, mark = c.name("k"), [c.name() for _ in phis], len(c.lines), c.name("mark")
    w.extents.not_negative.add(k)
    outer_allocated, w.memory.allocated = w.memory.allocated, False
    outer_record, w.tape.record = w.tape.record, None
    w.values[s.index] = k
    for p, v in zip(s.params, carried.values(names), strict=True):
        w.define(p, v)
    with w.tape.reading():
        w.block(s.test)
        test = s.test.results[0]
        cond = scalars.coerced(c, w.operand(test), test.type.elem, "bool")
        w.settle()
    c.branch(cond, body, end)
    c.label(body)
    w.guards.span = s.span
    if s.counted:
        w.guards.step("1")
    w.guards.poll(str(w.module.work.of(s.test) + w.module.work.of(s.body)), s.span)
    with w.tape.reading():
        w.block(s.body)
        following, own = carried.following(names)
    took, w.memory.allocated = w.memory.allocated, outer_allocated
    if took:
        w.c.store_state(state.ARENA, mark)
    w.tape.record = outer_record
    stop = c.op(f"add nuw nsw i64 {k}, 1")
    latch = c.here
    c.go(head)
    types, firsts = ["i64", *(t for t, _ in phis)], ["0", *(init for _, init in phis)]
    c.lines[at_head:at_head] = _phis(types, [k, *names], firsts, entry, [stop, *following], latch)
    c.label(end)
    if took:  # by the test
        w.c.store_state(state.ARENA, mark)
    w.memory.allocated = prepare(w, place, carried, own, mark if took else "")
    w.values[s.count] = k
    for out, v in zip(s.outs, carried.values(names), strict=True):
        w.define(out, v)


def has_loops(b: Block) -> bool:
    return any(isinstance(s, For | While | Call) for s in all_compound(b))
