"""Loops and tapes of a function (the part of `function.Writer` that is about them).

A carried number is a phi, a small array one phi for each element. An array in memory that stays where it is, updated in place, needs
nothing; another one moves to storage of its own at the end of each iteration, since all else that an iteration makes is given back then.

    for k in chunks { for k in chunk { body } ; poll }       a loop without loops inside, so that the inner one may become vector code
    for k { body ; poll }                                     any other
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import arrays, scalars, state
from adcli.engines.native.code import LLVM, SIZE, STATE, is_number
from adcli.engines.native.values import SMALL, Mem, Regs, Value, Virtual
from adcli.ir.nodes import Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Var, While
from adcli.ir.types import Type, size
from adcli.ir.walk import all_blocks, all_compound, compound

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
            if isinstance(v, Virtual) and v.scalar is not None and v.elem == p.type.elem and isinstance(s, For) and self.filled(s, k, v):
                w.value(a)
                self.inits.append(w.room(v))  # what it holds is never read
            else:
                self.inits.append(w.yielded(a, p))
        w.settle()

    def filled(self, s: For, k: int, v: Virtual) -> bool:
        """Whether the loop writes all elements of a carried array, and does nothing else with it: iteration i all that has index i."""
        w, p, r = self.w, s.params[k], s.body.results[k]
        whole = [isinstance(a, Const) and a.value == n for a, n in ((s.start, 0), (s.step, 1))]
        if not all(whole) or not self.kept[k] or (is_small_type(p.type) and p not in w.addressed) or w.same([w.count(s)]) != w.same(v.extents[:1]) or w.remaining[p] != 1:
            return False
        writes = [t for t in s.body.statements if isinstance(t, Let) and t.out is r]
        return bool(writes) and writes[0].op.name == "update" and writes[0].args[0] is p and writes[0].args[2] is s.index and writes[0].attrs[0] == "i"

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
        rest, out = iter(names), []
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
            if not (isinstance(v, Virtual) and v.flat is not None and v.elem == m.elem and w.remaining[a] == 1):  # type: ignore[index]
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


class Loops:
    """Mixed into Writer."""

    def count(self: Writer, s: For) -> str:  # type: ignore[misc]
        """The iterations of a loop, if an operand for them has been written."""
        return str(s.count.value) if isinstance(s.count, Const) else self.size(str(self.values.get(s.count, "")))

    def for_(self: Writer, s: For) -> None:  # type: ignore[misc]
        c = self.c
        start, n, step = (scalars.coerced(c, self.operand(a), a.type.elem, "int") for a in (s.start, s.count, s.step))
        carried = Carried(self, s)
        n = c.at_least_zero(n)
        if s.counted:
            self.step(n)
        tape = self.reserve(s, n)
        names, took = self.turns(s, (start, n, step), carried, tape)
        self.allocated = took
        self.release(tape, n)
        for out, v in zip(s.outs, carried.values(names), strict=True):
            self.define(out, v)

    def turns(self: Writer, s: For, over: tuple[str, str, str], carried: Carried, tape: Reserved | None) -> tuple[list[str], bool]:  # type: ignore[misc]
        """The loop itself: the operands that it carries, after it; and whether memory was taken that outlives it."""
        c, n = self.c, over[1]
        cost = work(s.body)
        total = int(n) * cost if is_number(n) else None
        polled = total is None or total > SHORT
        chunk = max(1, SHORT // cost) if polled and not has_loops(s.body) else 0
        phis = carried.phis()
        place = self.place()
        entry = c.here
        outer, head, end = c.new_label("chunk"), c.new_label("for"), c.new_label("done")
        first = outer if chunk else head
        c.branch(c.op(f"icmp sgt i64 {n}, 0") if not is_number(n) else str(int(int(n) > 0)), first, end)
        begin, last, begun = "0", n, [init for _, init in phis]
        if chunk:
            c.label(outer)
            begin, begun, at_outer = c.name("k"), [c.name() for _ in phis], len(c.lines)
            size_ = c.smaller(c.op(f"sub nuw nsw i64 {n}, {begin}"), str(chunk))
            last = c.op(f"add nuw nsw i64 {begin}, {size_}")
            before = c.here
            c.go(head)
        else:
            before = entry
        c.label(head)
        k, names, at_head = c.name("k"), [c.name() for _ in phis], len(c.lines)
        mark = c.name("mark")
        following, own, took = self.iteration(s, k, over, names, carried, tape, mark)
        if polled and not chunk:
            self.poll(str(cost), s.span)
        stop = c.op(f"add nuw nsw i64 {k}, 1")
        latch = c.here
        lines = [f"  {k} = phi i64 [ {begin}, %{before} ], [ {stop}, %{latch} ]"]
        lines += [
            f"  {name} = phi {t} [ {b}, %{before} ], [ {x}, %{latch} ]" for name, (t, _), b, x in zip(names, phis, begun, following, strict=True)
        ]
        if chunk:
            following_chunk = c.new_label("next")
            c.branch(c.op(f"icmp slt i64 {stop}, {last}"), head, following_chunk)
            c.label(following_chunk)
            self.poll(c.mul(size_, str(cost)), s.span)
            latch = c.here
            c.branch(c.op(f"icmp slt i64 {last}, {n}"), outer, end)
            c.lines[at_head:at_head] = lines
            lines = [f"  {begin} = phi i64 [ 0, %{entry} ], [ {last}, %{latch} ]"]
            lines += [
                f"  {name} = phi {t} [ {init}, %{entry} ], [ {x}, %{latch} ]" for name, (t, init), x in zip(begun, phis, following, strict=True)
            ]
            c.lines[at_outer:at_outer] = lines
        else:
            c.branch(c.op(f"icmp slt i64 {stop}, {n}"), head, end)
            c.lines[at_head:at_head] = lines
        c.label(end)
        ends = []
        for (t, init), x in zip(phis, following, strict=True):
            ends.append(c.name("q" if t == "ptr" else "v"))
            c.do(f"{ends[-1]} = phi {t} [ {init}, %{entry} ], [ {x}, %{latch} ]")
        return ends, self.prepare(place, carried, own, mark if took else "")

    def iteration(
        self: Writer, s: For, k: str, over: tuple[str, str, str], names: list[str], carried: Carried, tape: Reserved | None, mark: str  # type: ignore[misc]
    ) -> tuple[list[str], dict[int, str], bool]:
        """The body once: the operands for the next iteration, the storage arrays moved to, and whether it took memory."""
        c = self.c
        start, n, step = over
        outer_allocated, self.allocated = self.allocated, False
        outer_record, self.record = self.record, tape.address(self, k) if tape else None
        i = c.add(start, c.mul(k, step))
        if start.isdigit() and step.isdigit():
            self.not_negative.add(i)
        self.values[s.index] = i
        for p, v in zip(s.params, carried.values(names), strict=True):
            self.define(p, v)
        self.block(s.body)
        following, own = carried.following(names)
        took, self.allocated = self.allocated, outer_allocated
        if took:
            self.store_state(state.ARENA, mark)
        self.record = outer_record
        return following, own, took

    def place(self: Writer) -> tuple[int, str]:  # type: ignore[misc]
        """Where what stands before the loop will be written: the end of the block at hand, which may branch there."""
        c = self.c
        at, here, begin = len(c.lines), c.here, c.new_label("begin")
        c.go(begin)
        c.label(begin)
        return at, here

    def prepare(self: Writer, place: tuple[int, str], carried: Carried, own: dict[int, str], mark: str) -> bool:  # type: ignore[misc]
        """What stands before the loop, written after it: storage for what moves, and the mark to which memory is given back."""
        c = self.c
        outer, self.allocated = self.allocated, False
        with c.aside(*place):
            carried.storage(own)
            if mark:
                c.do(f"{mark} = load i64, ptr {self.slot(state.ARENA)}, !tbaa {STATE}")
        return self.allocated or outer

    def while_(self: Writer, s: While) -> None:  # type: ignore[misc]
        c = self.c
        carried = Carried(self, s)
        phis = carried.phis()
        place = self.place()
        entry = c.here
        head, body, end = c.new_label("while"), c.new_label("do"), c.new_label("done")
        c.go(head)
        c.label(head)
        k, names, at_head, mark = c.name("k"), [c.name() for _ in phis], len(c.lines), c.name("mark")
        self.not_negative.add(k)
        outer_allocated, self.allocated = self.allocated, False
        outer_record, self.record = self.record, None
        self.values[s.index] = k
        for p, v in zip(s.params, carried.values(names), strict=True):
            self.define(p, v)
        self.block(s.test)
        test = s.test.results[0]
        cond = scalars.coerced(c, self.operand(test), test.type.elem, "bool")
        self.settle()
        c.branch(cond, body, end)
        tested = c.here
        c.label(body)
        self.span = s.span
        if s.counted:
            self.step("1")
        self.poll(str(work(s.test) + work(s.body)), s.span)
        self.block(s.body)
        following, own = carried.following(names)
        took, self.allocated = self.allocated, outer_allocated
        if took:
            self.store_state(state.ARENA, mark)
        self.record = outer_record
        stop = c.op(f"add nuw nsw i64 {k}, 1")
        latch = c.here
        c.go(head)
        c.lines[at_head:at_head] = [
            f"  {k} = phi i64 [ 0, %{entry} ], [ {stop}, %{latch} ]",
            *(f"  {name} = phi {t} [ {init}, %{entry} ], [ {x}, %{latch} ]" for name, (t, init), x in zip(names, phis, following, strict=True)),
        ]
        c.label(end)
        if took:  # by the test
            self.store_state(state.ARENA, mark)
        assert tested
        self.allocated = self.prepare(place, carried, own, mark if took else "")
        self.values[s.count] = k
        for out, v in zip(s.outs, carried.values(names), strict=True):
            self.define(out, v)

    # Tapes.

    def reserve(self: Writer, s: For, n: str) -> Reserved | None:  # type: ignore[misc]
        """Room on the tape for all iterations at once, where each pushes, or pops, one record of known size and nothing else."""
        found = self.module.tape.regular(s.body)
        if found is None:
            return None
        bytes_, pushes = found
        c = self.c
        top = self.load_state(state.TAPE)
        whole = c.mul(n, str(bytes_))
        if pushes:
            above = c.op(f"add i64 {top}, {whole}")
            self.require(c.op(f"icmp ule i64 {above}, {self.load_state(state.ARENA)}"), "memory", (), s.span)
            self.raise_tape(above)
        return Reserved(top, bytes_, pushes, whole)

    def raise_tape(self: Writer, top: str) -> None:  # type: ignore[misc]
        c = self.c
        self.store_state(state.TAPE, top)
        if self.module.watch:
            peak = self.load_state(state.PEAK)
            self.store_state(state.PEAK, c.select(c.op(f"icmp ugt i64 {top}, {peak}"), "i64", top, peak))

    def release(self: Writer, tape: Reserved | None, n: str) -> None:  # type: ignore[misc]
        if tape is not None and not tape.pushes:
            self.store_state(state.TAPE, self.c.op(f"sub i64 {tape.top}, {tape.whole}"))

    def push(self: Writer, group: Sequence[Push]) -> None:  # type: ignore[misc]
        """Append a record: numbers and arrays one after the other, behind an array those of its extents that its type does not tell."""
        c = self.c
        values = [self.value(s.value) for s in group]
        values = [v if isinstance(v, str | Regs) else self.in_memory(v) for v in values]
        sizes = [self.taped(v, s.value.type) for v, s in zip(values, group, strict=True)]
        if self.record is not None:
            at = self.record
        else:
            at = self.load_state(state.TAPE)
            total = "0"
            for n in sizes:
                total = c.add(total, n)
            above = c.op(f"add i64 {at}, {total}")
            self.require(c.op(f"icmp ule i64 {above}, {self.load_state(state.ARENA)}"), "memory", (), self.span)
            self.raise_tape(above)
        for s, v, n in zip(group, values, sizes, strict=True):
            self.put(at, v, s.value.type)
            at = c.add(at, n)

    def taped(self: Writer, v: Value, t: Type) -> str:  # type: ignore[misc]
        """Bytes on the tape, a multiple of 8."""
        if isinstance(v, str):
            return "8"
        if isinstance(v, Regs):
            return str(8 * len(v.items))
        data = self.padded(v)
        return self.c.add(data, str(8 * t.shape.count(None)))

    def padded(self: Writer, v: Value) -> str:  # type: ignore[misc]
        assert isinstance(v, Mem)
        n = self.bytes(v)
        return str((int(n) + 7) // 8 * 8) if is_number(n) else self.c.op(f"and i64 {self.c.op(f'add i64 {n}, 7')}, -8")

    def put(self: Writer, at: str, v: Value, t: Type) -> None:  # type: ignore[misc]
        c = self.c
        ptr = c.op(f"inttoptr i64 {at} to ptr")
        if isinstance(v, str):
            return self.put_number(ptr, v, t.elem)
        if isinstance(v, Regs):
            for k, item in enumerate(v.items):
                self.put_number(c.element("int", ptr, str(k)), item, t.elem)
            return None
        assert isinstance(v, Mem)
        c.copy(ptr, v.ptr, self.bytes(v))
        behind = c.op(f"getelementptr i8, ptr {ptr}, i64 {self.padded(v)}")
        for k, n in enumerate(n for n, known in zip(v.extents, t.shape, strict=True) if known is None):
            c.store("int", n, behind, str(k))
        return None

    def put_number(self: Writer, ptr: str, v: str, elem: str) -> None:  # type: ignore[misc]
        c = self.c
        c.store("int" if elem == "bool" else elem, scalars.coerced(c, v, elem, "int") if elem == "bool" else v, ptr)

    def pop(self: Writer, group: Sequence[Pop]) -> None:  # type: ignore[misc]
        """Take a record off: from its end on, since extents stand behind their arrays."""
        c = self.c
        order = {tape: k for k, tape in enumerate(self.module.tape.record(group[0].tape))}
        at = self.record if self.record is not None else self.load_state(state.TAPE)
        if self.record is not None:  # the record's begin: all sizes are known
            at = c.add(at, str(sum(plain_size(s.out.type) for s in group)))
        for s in sorted(group, key=lambda s: -order[s.tape]):
            at, v = self.got(at, s.out)
            self.define(s.out, v)
        if self.record is None:
            self.store_state(state.TAPE, at)

    def got(self: Writer, end: str, out: Var) -> tuple[str, Value]:  # type: ignore[misc]
        """The value that ends there on the tape, and where it begins."""
        c, t = self.c, out.type
        if t.static and (not t.shape or is_small_type(t)):
            n = size(t.shape)
            at = c.sub(end, str(8 * n))
            ptr = c.op(f"inttoptr i64 {at} to ptr")
            items = [self.got_number(c.element("int", ptr, str(k)), t.elem) for k in range(n)]
            return at, items[0] if not t.shape else Regs(t.elem, tuple(n or 0 for n in t.shape), items)
        unknown = sum(n is None for n in t.shape)
        behind = c.op(f"inttoptr i64 {c.sub(end, str(8 * unknown))} to ptr")
        found = iter(c.load("int", behind, str(k)) for k in range(unknown))
        extents = tuple(str(n) if n is not None else next(found) for n in t.shape)
        self.not_negative.update(extents)
        m = self.allocate(t.elem, extents)
        at = c.sub(c.sub(end, str(8 * unknown)), self.padded(m))
        c.copy(m.ptr, c.op(f"inttoptr i64 {at} to ptr"), self.bytes(m))
        return at, m

    def got_number(self: Writer, ptr: str, elem: str) -> str:  # type: ignore[misc]
        v = self.c.load("int" if elem == "bool" else elem, ptr)
        return scalars.coerced(self.c, v, "int", "bool") if elem == "bool" else v


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


class Tape:
    """The records of a program: Pushes that stand together in a block, and the Pops that take them off together."""

    def __init__(self, program: Sequence[Function]) -> None:
        self.records: dict[int, tuple[int, ...]] = {}
        self.users = {f for f in program if any(isinstance(s, Push | Pop) for s in all_compound(f.body))}
        calls = {f: {s.function for s in all_compound(f.body) if isinstance(s, Call)} for f in program}
        while more := {f for f in program if f not in self.users and calls[f] & self.users}:
            self.users |= more
        for f in program:
            for b in all_blocks(f.body):
                self.block(b)

    def block(self, b: Block) -> None:
        for group in groups(b, Push):
            tapes = tuple(s.tape for s in group)
            for t in tapes:
                if self.records.setdefault(t, tapes) != tapes:
                    raise Unsupported("a tape is part of two records")

    def record(self, tape: int) -> tuple[int, ...]:
        if tape not in self.records:
            raise Unsupported("a tape is read that nothing writes")
        return self.records[tape]

    def complete(self, group: Sequence[Push] | Sequence[Pop]) -> bool:
        return len(group) == len(self.record(group[0].tape)) and {s.tape for s in group} == set(self.record(group[0].tape))

    def regular(self, body: Block) -> tuple[int, bool] | None:
        """The bytes of the one record that each iteration pushes (True) or pops (False), if that is all that it does with the tape."""
        found = [s for s in compound(body) if isinstance(s, Push | Pop)]
        if not found or len(found) != len(self.record(found[0].tape)):
            return None
        for s in all_compound(body):
            if (isinstance(s, Push | Pop) and s not in found) or (isinstance(s, Call) and s.function in self.users):
                return None
        types = [s.value.type if isinstance(s, Push) else s.out.type for s in found]
        if not all(t.static for t in types) or any(type(s) is not type(found[0]) for s in found):
            return None
        return sum(map(plain_size, types)), isinstance(found[0], Push)


class Unsupported(Exception):
    """The program is not of a form that this engine writes; the interpreter runs it."""


def plain_size(t: Type) -> int:
    """Bytes on the tape of a value of constant shape."""
    if not t.shape or is_small_type(t):
        return 8 * size(t.shape)
    return (size(t.shape) * SIZE[t.elem] + 7) // 8 * 8


def is_small_type(t: Type) -> bool:
    return bool(t.shape) and t.static and size(t.shape) <= SMALL


def groups(b: Block, kind: type[Push] | type[Pop]) -> Iterator[list[Push | Pop]]:
    """Pushes (or Pops) of a block with no other compound statement between them."""
    group: list[Push | Pop] = []
    for s in b.statements:
        if isinstance(s, kind):
            group.append(s)
        elif group and not isinstance(s, Let | Check):
            yield group
            group = []
    if group:
        yield group


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
    """The elements of the largest array that a statement works on, of a section those of the section; a guess where a shape is not known."""
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
