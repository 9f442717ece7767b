"""Elementwise operations, with broadcasting.

    y = exp(x - a)        no loop: y is read as  k ↦ exp(x[k] - a)

Where all arguments are of one shape, an element is read by its position; else by its index, axes of extent 1 at 0.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import scalars
from adcli.engines.native.arrays import cost, loopable, made
from adcli.engines.native.code import is_number
from adcli.engines.native.values import Array, Index, Regs, Value, Virtual, element, flat
from adcli.ir.nodes import Let
from adcli.ops import Op

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer

# Of operations that reverse mode does not take to be cheap, those that are as cheap as an addition.
_CHEAP = frozenset({"pow", "pow_x", "pow_d", "stop", "to_real", "floor", "ceil", "trunc", "round"})


def elementwise(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    shapes = [w.extents.same(v.extents) for v in args if not isinstance(v, str)]
    extents, factors = broadcast(w, shapes, s)
    args = loopable(w, extents, args)
    elems = [a.type.elem for a in s.args]
    maps = iter(factors)
    readers: list[Callable[[Index], str]] = []
    for v in args:
        readers.append(_same(v) if isinstance(v, str) else reader(w, v, next(maps), len(extents)))
    op, elem = s.op, s.out.type.elem

    def at(index: Index) -> str:
        return scalars.scalar(w.c, op, elem, [(r(index), e) for r, e in zip(readers, elems, strict=True)])

    by_position = _flat(w, s, args, elems, extents)
    if by_position is None:
        w.store_waiting(args)
    return made(w, s, Virtual(elem, extents, at, by_position, weight(op) + sum(map(cost, args))), *args)


def weight(op: Op) -> int:
    """About how much an operation takes, in additions."""
    if op.cheap or op.name in _CHEAP:
        return 1
    return 4 if op.name in ("div", "sqrt") else 16


def _same(operand: str) -> Callable[[Index], str]:
    return lambda index: operand


def reader(w: Writer, v: Array, factors: Sequence[str], rank: int) -> Callable[[Index], str]:
    """Elements of an argument by the index of the result: axes of extent 1 stay at 0, and leading axes may be missing."""
    lead = rank - len(v.extents)
    if not lead and all(f == "1" for f in factors):
        return lambda index: element(w.c, v, index)
    return lambda index: element(w.c, v, [w.c.mul(f, i) for f, i in zip(factors, index[lead:], strict=True)])


def _flat(w: Writer, s: Let, args: Sequence[Value], elems: Sequence[str], extents: Sequence[str]) -> Callable[[str], str] | None:
    readers: list[Callable[[str], str]] = []
    for v in args:
        if isinstance(v, str):
            readers.append(_constantly(v))
            continue
        if isinstance(v, Virtual) and v.scalar is not None:
            readers.append(_constantly(v.scalar))
            continue
        f = flat(w.c, v)
        if f is None or w.extents.same(v.extents) != tuple(extents) or isinstance(v, Regs):
            return None
        readers.append(f)
    op, elem = s.op, s.out.type.elem
    return lambda k: scalars.scalar(w.c, op, elem, [(r(k), e) for r, e in zip(readers, elems, strict=True)])


def _constantly(operand: str) -> Callable[[str], str]:
    return lambda k: operand


def broadcast(w: Writer, shapes: Sequence[Sequence[str]], s: Let) -> tuple[tuple[str, ...], list[list[str]]]:
    """The joint shape, and for each argument the factor (0 or 1) of each of its indices. What only the run knows is checked."""
    rank = max(map(len, shapes))
    extents: list[str] = []
    for axis in range(rank):
        sizes = [sh[axis - rank + len(sh)] for sh in shapes if axis >= rank - len(sh)]
        extents.append(_joint(w, list(dict.fromkeys(sizes)), s))
    factors: list[list[str]] = []
    for sh in shapes:
        lead = rank - len(sh)
        factors.append([factor(w, n, extents[lead + k]) for k, n in enumerate(sh)])
    return tuple(extents), factors


def _joint(w: Writer, sizes: list[str], s: Let) -> str:
    known = [n for n in sizes if is_number(n) and n != "1"]
    unknown = [n for n in sizes if not is_number(n)]
    if known:
        for n in unknown:
            fits = w.c.op(f"or i1 {w.c.op(f'icmp eq i64 {n}, {known[0]}')}, {w.c.op(f'icmp eq i64 {n}, 1')}")
            w.guards.require(fits, "shapes", (n, known[0]), s.span)
        return known[0]
    if not unknown:
        return "1"
    out = unknown[0]
    for n in unknown[1:]:
        equal = w.c.op(f"icmp eq i64 {n}, {out}")
        ones = w.c.op(f"or i1 {w.c.op(f'icmp eq i64 {n}, 1')}, {w.c.op(f'icmp eq i64 {out}, 1')}")
        w.guards.require(w.c.op(f"or i1 {equal}, {ones}"), "shapes", (out, n), s.span)
        out = w.c.select(w.c.op(f"icmp eq i64 {out}, 1"), "i64", n, out)
    return out


def factor(w: Writer, n: str, extent: str) -> str:
    if n == extent:
        return "1"
    if n == "1":
        return "0"
    if is_number(n):
        return "1"
    return w.c.op(f"zext i1 {w.c.op(f'icmp ne i64 {n}, 1')} to i64")
