"""Reductions and scans. Elements are joined in no particular order, so that sums run in vector registers; cumulative sums in theirs."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import scalars
from adcli.engines.native.arrays import Alongside, Form, cost, fallback, made, nest, where
from adcli.engines.native.code import LLVM, constant, is_number, real
from adcli.engines.native.values import Array, Index, Mem, Regs, Value, Virtual, count, element, flat, offset, waiting
from adcli.ir.nodes import Let

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer

# An axis of at most this length is short: its elements are joined by straight-line code.
SHORT = 16
# Up to this length LLVM reads rows that lie one after the other into vectors across the rows; longer ones are vectors themselves.
INTERLEAVED = 4
NEUTRAL = {"sum": 0.0, "prod": 1.0, "reduce_max": float("-inf"), "reduce_min": float("inf"), "any": 0, "all": 1}
_INT_EXTREMES = {"reduce_max": -(2**63), "reduce_min": 2**63 - 1}


def join(w: Writer, name: str, elem: str, a: str, b: str) -> str:
    """The two joined by a reduction. Sums and products are in no particular order, so that they may run in vector registers."""
    c = w.c
    match name, elem:
        case "sum", "real":
            return c.op(f"fadd reassoc double {a}, {b}")
        case "prod", "real":
            return c.op(f"fmul reassoc double {a}, {b}")
        case "sum", _:
            return c.op(f"add i64 {a}, {b}")
        case "prod", _:
            return c.op(f"mul i64 {a}, {b}")
        case ("reduce_max" | "reduce_min"), "real":
            return c.call("llvm.maximum.f64" if name == "reduce_max" else "llvm.minimum.f64", "double", [("double", a), ("double", b)])
        case ("reduce_max" | "reduce_min"), _:
            return c.call("llvm.smax.i64" if name == "reduce_max" else "llvm.smin.i64", "i64", [("i64", a), ("i64", b)])
        case "any", _:
            return c.op(f"or i1 {a}, {b}")
        case _:
            return c.op(f"and i1 {a}, {b}")


def neutral(name: str, elem: str) -> str:
    if elem == "int" and name in _INT_EXTREMES:
        return str(_INT_EXTREMES[name])
    return constant(NEUTRAL[name], elem)


def _reduction(name: str) -> Form:
    def form(w: Writer, s: Let, args: Sequence[Value]) -> Value:
        x, axis, elem = args[0], s.attrs[0], s.out.type.elem
        assert not isinstance(x, str)
        if axis is None or len(x.extents) == 1:
            return total(w, x, name, elem, s.args[0].type.elem)
        assert isinstance(axis, int)
        return _along(w, s, x, name, axis, elem)

    return form


def total(w: Writer, x: Array, name: str, elem: str = "real", have: str = "real") -> str:
    """All elements joined."""
    c, begin = w.c, neutral(name, elem)
    if isinstance(x, Regs):
        out = begin
        for k, item in enumerate(x.items):
            value = scalars.coerced(c, item, have, elem)
            out = join(w, name, elem, out, value) if k or name not in ("sum", "prod") else value
        return _of_none(w, name, elem, str(len(x.items)), out)
    if isinstance(x, Virtual) and x.scalar is None and x.flat is None and x.transposed is not None:
        x = x.transposed
    by_position = flat(c, x)
    if by_position is not None:
        n = count(c, x.extents)

        def step(k: str, acc: str) -> str:
            value = by_position(k)
            also.store(k)
            return join(w, name, elem, acc, scalars.coerced(c, value, have, elem))

        also = Alongside(w, waiting([x]))
        out = c.reduce(n, LLVM[elem], begin, step)
        also.done()
        return _of_none(w, name, elem, n, out)
    w.store_waiting([x])

    def level(axis: int, index: tuple[str, ...], acc: str) -> str:
        if axis == len(x.extents):
            return join(w, name, elem, acc, scalars.coerced(c, element(c, x, index), have, elem))
        return c.reduce(x.extents[axis], LLVM[elem], acc, lambda k, acc: level(axis + 1, (*index, k), acc))

    return _of_none(w, name, elem, count(c, x.extents), level(0, (), begin))


def _of_none(w: Writer, name: str, elem: str, n: str, out: str) -> str:
    """The largest of no elements is nan, or 0 as an integer."""
    if name not in ("reduce_max", "reduce_min") or (is_number(n) and int(n) > 0):
        return out
    return where(w, "eq", n, "0", scalars.NAN if elem == "real" else "0", out, LLVM[elem])


def _place_of(extreme: str) -> Form:
    """argmax and argmin: the extreme, then the first element that equals it, or is nan as it is."""

    def form(w: Writer, s: Let, args: Sequence[Value]) -> Value:
        x, axis = args[0], s.attrs[0]
        assert not isinstance(x, str)
        if (axis is not None and len(x.extents) > 1) or x.elem == "bool":
            return fallback(w, s, args)
        c, y = w.c, w.in_memory(x)
        value = total(w, y, extreme, y.elem, y.elem)

        def step(k: str, first: str) -> str:
            item = c.load(y.elem, y.ptr, k)
            if y.elem == "int":
                found = c.op(f"icmp eq i64 {item}, {value}")
            else:
                found = c.op(f"or i1 {c.op(f'fcmp oeq double {item}, {value}')}, {c.op(f'fcmp uno double {item}, {item}')}")
            return join(w, "reduce_min", "int", first, c.select(found, "i64", k, last))

        last = neutral("reduce_min", "int")
        return c.reduce(count(c, y.extents), "i64", last, step)

    return form


def _along(w: Writer, s: Let, x: Array, name: str, axis: int, elem: str) -> Value:
    """Elements joined along an axis. A short one that is not the last is joined where the result is read, element by element, so that
    a sum over a few rows is as any other elementwise operation; any other is computed now.
    """
    c, have = w.c, s.args[0].type.elem
    extents = (*x.extents[:axis], *x.extents[axis + 1 :])
    n = x.extents[axis]
    last = axis == len(x.extents) - 1

    def item(out: Index, k: str) -> str:
        return scalars.coerced(c, element(c, x, [*out[:axis], k, *out[axis:]]), have, elem)

    def unrolled(out: Index) -> str:
        acc = item(out, "0")
        for k in range(1, int(n)):
            acc = join(w, name, elem, acc, item(out, str(k)))
        return acc

    def one(out: Index) -> str:
        rolled = last and is_number(n) and int(n) > INTERLEAVED
        value = c.reduce(n, LLVM[elem], neutral(name, elem), lambda k, acc: join(w, name, elem, acc, item(out, k)), rolled)
        return _of_none(w, name, elem, n, value)

    if is_number(n) and 0 < int(n) <= SHORT and (isinstance(x, Regs) or not last):
        return made(w, s, Virtual(elem, extents, unrolled, size=int(n) * (1 + cost(x))), x)
    y = w.in_memory(x) if isinstance(x, Regs) else x
    if last:
        into = w.memory.allocate(elem, extents)
        nest(w, extents, lambda index: c.store(elem, one(index), into.ptr, offset(c, extents, index)))
        return w.settled(s, into)
    return w.settled(s, _row_by_row(w, y, name, axis, elem, have, extents))


def _row_by_row(w: Writer, x: Mem | Virtual, name: str, axis: int, elem: str, have: str, extents: Sequence[str]) -> Mem:
    """A reduction along an axis that is not the last: rows are joined to a row of results, so that memory is read in order."""
    c = w.c
    into = w.memory.allocate(elem, extents)
    begin = neutral(name, elem)
    empty = _of_none(w, name, elem, x.extents[axis], begin)
    c.loop(count(c, extents), lambda k: c.store(elem, empty, into.ptr, k))
    order = [*range(axis), axis, *range(axis + 1, len(x.extents))]

    def level(depth: int, index: tuple[str, ...]) -> None:
        if depth < len(order):
            c.loop(x.extents[order[depth]], lambda k: level(depth + 1, (*index, k)))
            return
        at = offset(c, extents, (*index[:axis], *index[axis + 1 :]))
        value = scalars.coerced(c, element(c, x, index), have, elem)
        c.store(elem, join(w, name, elem, c.load(elem, into.ptr, at), value), into.ptr, at)

    level(0, ())
    return into


def _norm(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    """The root of the sum of squares; where that leaves the range of doubles, NumPy's form, which scales."""
    x = args[0]
    assert not isinstance(x, str)
    if s.attrs[0] is not None and len(x.extents) > 1:
        return fallback(w, s, args)
    c = w.c
    y = x if isinstance(x, Regs) else w.in_memory(x)
    have = s.args[0].type.elem

    def square(item: str) -> str:
        value = scalars.coerced(c, item, have, "real")
        return c.op(f"fmul double {value}, {value}")

    if isinstance(y, Regs):
        total = scalars.ZERO
        for item in y.items:
            total = c.op(f"fadd reassoc double {total}, {square(item)}")
    else:
        total = c.reduce(
            count(c, y.extents), "double", scalars.ZERO,
            lambda k, acc: c.op(f"fadd reassoc double {acc}, {square(c.load(y.elem, y.ptr, k))}"),
        )
    large, small = c.op(f"fcmp ogt double {total}, {real(1e-270)}"), c.op(f"fcmp olt double {total}, {real(float('inf'))}")
    fine = c.op(f"and i1 {large}, {small}")
    return w.c.choose("double", fine, lambda: scalars.intrinsic("sqrt")(c, total), lambda: str(fallback(w, s, [y])))


def _cumsum(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, axis, elem = args[0], s.attrs[0], s.out.type.elem
    assert not isinstance(x, str) and not isinstance(axis, bool)
    if len(x.extents) != 1 or elem == "bool":
        return fallback(w, s, args)
    c = w.c
    y = x if isinstance(x, Virtual) else w.in_memory(x)
    out = w.memory.allocate(elem, y.extents)

    def step(k: str, acc: str) -> str:
        value = scalars.coerced(c, element(c, y, (k,)), s.args[0].type.elem, elem)
        total = c.op(f"fadd double {acc}, {value}" if elem == "real" else f"add i64 {acc}, {value}")
        c.store(elem, total, out.ptr, k)
        return total

    c.reduce(y.extents[0], LLVM[elem], constant(0, elem) if elem == "int" else real(-0.0), step)
    return w.settled(s, out)


FORMS: dict[str, Form] = {
    "norm": _norm, "cumsum": _cumsum, "argmax": _place_of("reduce_max"), "argmin": _place_of("reduce_min"),
    **{name: _reduction(name) for name in NEUTRAL},
}  # fmt: skip
