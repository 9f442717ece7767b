"""Where arrays of a function lie: on the stack, or in the run's region of memory, which grows down towards the tape.

    allocate real [n, 3]        %arena -= 24 n, rounded up to 16; leave if that is below the tape's top or its floor

What is taken of the region is given back by who took it: see `loops` and `function`. Nobody frees an array.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from adcli.engines.native import scalars, state
from adcli.engines.native.code import SIZE, Code, constant, is_number
from adcli.engines.native.guards import Guards
from adcli.engines.native.values import Mem, count

if TYPE_CHECKING:
    from adcli.engines.native.module import Module

# Arrays up to so many bytes lie on the stack, if their shape is constant.
ON_STACK = 512


class Memory:
    """allocated: whether the region at hand took memory that is to be given back."""

    def __init__(self, module: Module, c: Code, guards: Guards) -> None:
        self.module = module
        self.c = c
        self.guards = guards
        self.allocated = False

    def allocate(self, elem: str, extents: Sequence[str], outlive: bool = False) -> Mem:
        """Memory for an array: on the stack if it is small and of constant shape, else where the tape is."""
        n = count(self.c, extents)
        if is_number(n) and int(n) * SIZE[elem] <= ON_STACK and not outlive:
            return Mem(elem, tuple(extents), self.c.alloca(elem, max(1, int(n))))
        self.limited(extents)
        ptr = self.take(self.c.mul(n, str(SIZE[elem])))
        return Mem(elem, tuple(extents), ptr)

    def limited(self, extents: Sequence[str]) -> None:
        """An array of this shape may be made."""
        c, n = self.c, count(self.c, extents)
        if is_number(n) and int(n) <= self.module.limits.max_elements:
            return
        total = None
        for e in extents:  # as reals, which do not overflow
            e = scalars.coerced(c, e, "int", "real")
            total = e if total is None else c.op(f"fmul double {total}, {e}")
        most = constant(float(self.module.limits.max_elements), "real")
        self.guards.require(c.op(f"fcmp ole double {total}, {most}"), "elements", (n,), self.guards.span)

    def take(self, bytes_: str) -> str:
        """Bytes of the region, rounded up to 16."""
        c = self.c
        self.allocated = True
        rounded = str((int(bytes_) + 15) // 16 * 16) if is_number(bytes_) else c.op(f"and i64 {c.op(f'add i64 {bytes_}, 15')}, -16")
        old = c.load_state(state.ARENA)
        new = c.op(f"sub i64 {old}, {rounded}")
        lowest = c.call("llvm.umax.i64", "i64", [("i64", c.load_state(n)) for n in (state.TAPE, state.FLOOR)])
        self.guards.require(c.op(f"icmp uge i64 {new}, {lowest}"), "memory", (), self.guards.span)
        c.store_state(state.ARENA, new)
        out = c.name("m")
        c.do(f"{out} = inttoptr i64 {new} to ptr")
        return out

    @contextmanager
    def scope(self) -> Iterator[str]:
        """While the loop that fills a fresh array is written: what it reads is not what it writes."""
        before, self.c.apart = self.c.apart, self.module.scope()
        with self.independent():
            yield self.c.apart
        self.c.apart = before

    @contextmanager
    def independent(self) -> Iterator[None]:
        """While loops are written whose iterations do not depend on each other."""
        before, self.c.group = self.c.group, self.module.group()
        yield
        self.c.group = before


def on_stack(v: Mem) -> bool:
    """Whether an array may lie on the stack: what a choice or a loop leaves may be on either."""
    return v.base.startswith("%a") or v.base.startswith("%q")
