"""What a loop carries, while it is written: what its body sees, and what becomes of what that yields.

A carried number is a phi, a small array one phi for each element. An array in memory that stays where it is, updated in place, needs
nothing; another one moves to storage of its own at the end of each iteration, since all else that an iteration makes is given back then.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import arrays
from adcli.engines.native.code import LLVM
from adcli.engines.native.values import Mem, Regs, Value, Virtual, is_small_type, size_in_bytes
from adcli.ir.nodes import Const, For, Let, Var, While

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer


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
        if not all(all_indices) or w.extents.same([iterations(w, s)]) != w.extents.same(v.extents[:1]):
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
                out.append(Mem(v.elem, v.extents, ptr, v.storage))
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
            if v.storage & {p for j, p in pointers.items() if j != k}:
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
            shapes = {w.extents.same(m.extents), w.extents.same(v.extents), *(w.extents.same(u.extents) for u in found.values())}
            if len(shapes) == 1 and all(ptr in moving or not roots & moving for ptr, roots in v.positions):
                w.value(a)
                found[k] = v
        return found

    def stay(self, v: Mem, now: Value) -> None:
        """A small array that stays where it is may have left it: a function that it was handed to gives it back in registers."""
        if isinstance(now, Mem) and v.ptr != now.ptr:
            self.w.c.copy(now.ptr, v.ptr, size_in_bytes(self.w.c, v), may_overlap=True)

    def moved(self, v: Mem, now: str, own: str) -> str:
        w, c = self.w, self.w.c
        if v.ptr == now:
            return now
        move, end, before = c.new_label("move"), c.new_label("end"), c.here
        c.branch(c.op(f"icmp eq ptr {v.ptr}, {now}"), end, move)
        c.label(move)
        c.copy(own, v.ptr, size_in_bytes(w.c, v), may_overlap=True)
        c.go(end)
        c.label(end)
        return c.op(f"phi ptr [ {now}, %{before} ], [ {own}, %{move[1:]} ]")

    def storage(self, own: dict[int, str]) -> None:
        """Take the storage that the loop's arrays move to; written before the loop."""
        w, c = self.w, self.w.c
        for k, name in own.items():
            v = self.inits[k]
            assert isinstance(v, Mem)
            m = w.memory.allocate(v.elem, v.extents)
            c.do(f"{name} = bitcast ptr {m.ptr} to ptr")


def iterations(w: Writer, s: For) -> str:
    """The iterations of a loop, if an operand for them has been written."""
    return str(s.count.value) if isinstance(s.count, Const) else w.extents.size(str(w.values.get(s.count, "")))
