"""Loops of a function, as `function.Writer` writes them.

A carried number is a phi, a small array one phi for each element. An array in memory that stays where it is, updated in place, needs
nothing; another one moves to storage of its own at the end of each iteration, since all else that an iteration makes is given back then.

    for k in chunks { for k in chunk { body } ; poll }       a loop without loops inside, so that the inner one may become vector code
    for k { body ; poll }                                     any other
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import arrays, scalars, state
from adcli.engines.native.code import LLVM, STATE, is_number
from adcli.engines.native.tapes import Reserved, release, reserve
from adcli.engines.native.values import Mem, Regs, Value, Virtual, is_small_type
from adcli.ir.nodes import Block, Call, Const, For, If, Let, Var, While
from adcli.ir.types import size
from adcli.ir.walk import all_compound

if TYPE_CHECKING:
    from adcli.engines.native.function import Writer

# A loop whose work is known to be less than this need not look at the clock.
SHORT = 2**18


class Carried:
    """The carried values of one loop while it is written: what the body sees, and what becomes of what it yields."""

    def __init__(self, w: Writer, s: For | While) -> None:
        self.w = w
        self.s = s
        self.kept = w.module.aliases.in_place(s)
        self.inits: list[Value] = []
        for k, (p, a) in enumerate(zip(s.params, s.inits, strict=True)):
            v = w.values.get(a) if isinstance(a, Var) else None
            constant = isinstance(v, Virtual) and v.scalar is not None and v.elem == p.type.elem
            if constant and isinstance(v, Virtual) and isinstance(s, For) and self.filled(s, k, v):
                w.value(a)
                self.inits.append(w.room(v))  # what it holds is never read
            else:
                self.inits.append(w.yielded(a, p))
        w.settle()

    def filled(self, s: For, k: int, v: Virtual) -> bool:
        """Whether the loop writes all elements of a carried array, and does nothing else with it: iteration i all that has index i."""
        w, p, r = self.w, s.params[k], s.body.results[k]
        if not self.kept[k] or (is_small_type(p.type) and p not in w.addressed) or w.remaining[p] != 1:
            return False
        all_indices = [isinstance(a, Const) and a.value == n for a, n in ((s.start, 0), (s.step, 1))]
        if not all(all_indices) or w.same([iterations(w, s)]) != w.same(v.extents[:1]):
            return False
        write = next((t for t in s.body.statements if isinstance(t, Let) and t.out is r), None)
        if write is None or write.op.name != "update":
            return False
        return write.args[0] is p and write.args[2] is s.index and write.attrs[0] == "i"

    def phis(self) -> list[tuple[str, str]]:
        """The operands that change from one iteration to the next: types and first values."""
        found: list[tuple[str, str]] = []
        for p, v, keep in zip(self.s.params, self.inits, self.kept, strict=True):
            if isinstance(v, str):
                found.append((LLVM[p.type.elem], v))
            elif isinstance(v, Regs):
                found += [(LLVM[v.elem], item) for item in v.items]
            elif isinstance(v, Mem) and not keep:
                found.append(("ptr", v.ptr))
        return found

    def values(self, names: Sequence[str]) -> list[Value]:
        """The carried values whose changing operands have these names."""
        rest = iter(names)
        out: list[Value] = []
        for v, keep in zip(self.inits, self.kept, strict=True):
            if isinstance(v, str):
                out.append(next(rest))
            elif isinstance(v, Regs):
                out.append(Regs(v.elem, v.shape, [next(rest) for _ in v.items]))
            elif isinstance(v, Mem) and not keep:
                ptr = next(rest)
                out.append(Mem(v.elem, v.extents, ptr, v.roots | {v.base}))
            else:
                out.append(v)
        return out

    def following(self, names: Sequence[str]) -> tuple[list[str], dict[int, str]]:
        """The operands for the next iteration, arrays moved to storage of the loop's; by carried value the name of that storage."""
        w, c = self.w, self.w.c
        now = self.values(names)
        pointers = {k: v.ptr for k, v in enumerate(now) if isinstance(v, Mem) and not self.kept[k]}
        direct = self.direct(now, pointers)
        yields = [direct.get(k) or w.yielded(a, p) for k, (a, p) in enumerate(zip(self.s.body.results, self.s.params, strict=True))]
        w.settle()
        own = {k: c.name("b") for k in pointers}
        moving = [k for k in pointers if k not in direct]
        for k in moving:
            v = yields[k]
            assert isinstance(v, Mem)
            if (v.roots | {v.base}) & {p for j, p in pointers.items() if j != k}:
                yields[k] = w.copied(v)  # what it is now will be overwritten
        arrays.store_together(w, [(v, own[k]) for k, v in direct.items()])
        out: list[str] = []
        for k, v in enumerate(yields):
            if isinstance(v, str):
                out.append(v)
            elif isinstance(v, Regs):
                out += v.items
            elif k in direct:
                out.append(own[k])
            elif isinstance(v, Mem) and not self.kept[k]:
                out.append(self.moved(v, pointers[k], own[k]))
            elif isinstance(v, Mem) and is_small_type(self.s.params[k].type):
                self.stay(v, now[k])
        return out, own

    def direct(self, now: Sequence[Value], pointers: dict[int, str]) -> dict[int, Virtual]:
        """The arrays that can be computed where they are to lie, though that may be where what they are computed from lies: all in one
        loop, each element from elements at the same position.
        """
        w = self.w
        found: dict[int, Virtual] = {}
        moving = set(pointers.values())
        for k in pointers:
            a, m = self.s.body.results[k], now[k]
            v = w.values.get(a) if isinstance(a, Var) else None
            assert isinstance(m, Mem)
            if not (isinstance(v, Virtual) and v.flat is not None and v.elem == m.elem and w.remaining[a] == 1):
                continue
            shapes = {w.same(m.extents), w.same(v.extents), *(w.same(u.extents) for u in found.values())}
            if len(shapes) == 1 and all(ptr in moving or not roots & moving for ptr, roots in v.positions):
                w.value(a)
                found[k] = v
        return found

    def stay(self, v: Mem, now: Value) -> None:
        """A small array that stays where it is may have left it: a function that it was handed to gives it back in registers."""
        if isinstance(now, Mem) and v.ptr != now.ptr:
            self.w.c.copy(now.ptr, v.ptr, self.w.bytes(v), may_overlap=True)

    def moved(self, v: Mem, now: str, own: str) -> str:
        w, c = self.w, self.w.c
        if v.ptr == now:
            return now
        move, end, before = c.new_label("move"), c.new_label("end"), c.here
        c.branch(c.op(f"icmp eq ptr {v.ptr}, {now}"), end, move)
        c.label(move)
        c.copy(own, v.ptr, w.bytes(v), may_overlap=True)
        c.go(end)
        c.label(end)
        return c.op(f"phi ptr [ {now}, %{before} ], [ {own}, %{move[1:]} ]")

    def storage(self, own: dict[int, str]) -> None:
        """Take the storage that the loop's arrays move to; written before the loop."""
        w, c = self.w, self.w.c
        for k, name in own.items():
            v = self.inits[k]
            assert isinstance(v, Mem)
            m = w.allocate(v.elem, v.extents)
            c.do(f"{name} = bitcast ptr {m.ptr} to ptr")


def iterations(w: Writer, s: For) -> str:
    """The iterations of a loop, if an operand for them has been written."""
    return str(s.count.value) if isinstance(s.count, Const) else w.size(str(w.values.get(s.count, "")))


def for_loop(w: Writer, s: For) -> None:
    c = w.c
    start, n, step = (scalars.coerced(c, w.operand(a), a.type.elem, "int") for a in (s.start, s.count, s.step))
    carried = Carried(w, s)
    n = c.at_least_zero(n)
    if s.counted:
        w.step(n)
    tape = reserve(w, s, n)
    names, took = turns(w, s, (start, n, step), carried, tape)
    w.allocated = took
    release(w, tape, n)
    for out, v in zip(s.outs, carried.values(names), strict=True):
        w.define(out, v)


def turns(w: Writer, s: For, over: tuple[str, str, str], carried: Carried, tape: Reserved | None) -> tuple[list[str], bool]:
    """The loop itself: the operands that it carries, after it; and whether memory was taken that outlives it."""
    c, n = w.c, over[1]
    cost = work(s.body)
    polled = not is_number(n) or int(n) * cost > SHORT
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
        w.poll(str(cost), s.span)
    stop = c.op(f"add nuw nsw i64 {k}, 1")
    types, latch = [t for t, _ in phis], c.here
    inside = _phis(["i64", *types], [k, *names], [begin, *begun], before, [stop, *following], latch)
    if chunk:
        next_chunk = c.new_label("next")
        c.branch(c.op(f"icmp slt i64 {stop}, {last}"), head, next_chunk)
        c.label(next_chunk)
        w.poll(c.mul(part, str(cost)), s.span)
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
    outer_allocated, w.allocated = w.allocated, False
    outer_record, w.record = w.record, tape.address(w, k) if tape else None
    i = c.add(start, c.mul(k, step))
    if start.isdigit() and step.isdigit():
        w.not_negative.add(i)
    w.values[s.index] = i
    for p, v in zip(s.params, carried.values(names), strict=True):
        w.define(p, v)
    with w.reading():
        w.block(s.body)
        following, own = carried.following(names)
    took, w.allocated = w.allocated, outer_allocated
    if took:
        w.store_state(state.ARENA, mark)
    w.record = outer_record
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
    outer, w.allocated = w.allocated, False
    with c.aside(*place):
        carried.storage(own)
        if mark:
            c.do(f"{mark} = load i64, ptr {w.slot(state.ARENA)}, !tbaa {STATE}")
    return w.allocated or outer


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
    w.not_negative.add(k)
    outer_allocated, w.allocated = w.allocated, False
    outer_record, w.record = w.record, None
    w.values[s.index] = k
    for p, v in zip(s.params, carried.values(names), strict=True):
        w.define(p, v)
    with w.reading():
        w.block(s.test)
        test = s.test.results[0]
        cond = scalars.coerced(c, w.operand(test), test.type.elem, "bool")
        w.settle()
    c.branch(cond, body, end)
    tested = c.here
    c.label(body)
    w.span = s.span
    if s.counted:
        w.step("1")
    w.poll(str(work(s.test) + work(s.body)), s.span)
    with w.reading():
        w.block(s.body)
        following, own = carried.following(names)
    took, w.allocated = w.allocated, outer_allocated
    if took:
        w.store_state(state.ARENA, mark)
    w.record = outer_record
    stop = c.op(f"add nuw nsw i64 {k}, 1")
    latch = c.here
    c.go(head)
    types, firsts = ["i64", *(t for t, _ in phis)], ["0", *(init for _, init in phis)]
    c.lines[at_head:at_head] = _phis(types, [k, *names], firsts, entry, [stop, *following], latch)
    c.label(end)
    if took:  # by the test
        w.store_state(state.ARENA, mark)
    assert tested
    w.allocated = prepare(w, place, carried, own, mark if took else "")
    w.values[s.count] = k
    for out, v in zip(s.outs, carried.values(names), strict=True):
        w.define(out, v)


def has_loops(b: Block) -> bool:
    return any(isinstance(s, For | While | Call) for s in all_compound(b))


def work(b: Block) -> int:
    """About how many scalar operations a block takes, loops inside and calls apart, which look at the clock themselves."""
    total, todo = 1, [b]
    while todo:
        for s in todo.pop().statements:
            if isinstance(s, Let):
                total += elements(s)
            elif isinstance(s, If):
                todo += (s.then, s.other)
            else:
                total += 1
    return total


def elements(s: Let) -> int:
    """The elements of the largest array that a statement works on, of a section its own; a guess where a shape is not known."""
    touched = [s.out, *s.args]
    if s.op.name == "index":
        touched = [s.out]
    elif s.inplace:
        touched = [s.args[1]]
    most = 1
    for a in touched:
        if a.type.shape:
            most = max(most, size(a.type.shape) if a.type.static else 256)
    return most if s.op.scalar is not None or s.op.array is None or s.op.name in ("index", "update", "addat") else 4 * most
