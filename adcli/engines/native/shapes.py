"""The same elements in another shape or order: nothing is moved, an element is read where it was."""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import scalars
from adcli.engines.native.arrays import Form, cleared, cost, indices, is_small, loopable, made, nest, sum_of, where
from adcli.engines.native.code import LLVM, constant, is_number
from adcli.engines.native.elementwise import factor, reader
from adcli.engines.native.reductions import total
from adcli.engines.native.values import Array, Index, Mem, Regs, Value, Virtual, count, element, offset
from adcli.ir.nodes import Let

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer


def _broadcast_to(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, extents = args[0], w.extents.sizes(args[1:])
    w.memory.limited(extents)
    if isinstance(x, str):
        operand = x
        return made(w, s, Virtual(s.out.type.elem, extents, lambda i: operand, lambda k: operand, 0, scalar=operand))
    (x,) = loopable(w, extents, [x])
    assert not isinstance(x, str)
    lead = len(extents) - len(x.extents)
    if w.extents.same(extents) == w.extents.same(x.extents):
        return x
    by_index = reader(w, x, [factor(w, n, extents[lead + k]) for k, n in enumerate(x.extents)], len(extents))
    return made(w, s, Virtual(x.elem, extents, by_index, size=cost(x)), x)


def _sum_to(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, extents = args[0], w.extents.sizes(args[1:])
    if isinstance(x, str):
        return x
    if not extents:
        return total(w, x, "sum")
    if w.extents.same(extents) == w.extents.same(x.extents):
        return x
    if len(extents) == len(x.extents) == 1 and not isinstance(x, Regs):
        return _sum_if_longer(w, x, extents[0])
    lead = len(x.extents) - len(extents)
    factors = [_kept(w, n, x.extents[lead + k]) for k, n in enumerate(extents)]
    out = cleared(w, x.elem, extents)
    c = w.c

    def add(index: Index) -> None:
        at = offset(c, extents, [c.mul(f, i) for f, i in zip(factors, index[lead:], strict=True)])
        c.store(x.elem, sum_of(w, x.elem, c.load(x.elem, out.ptr, at), element(c, x, index)), out.ptr, at)

    if isinstance(x, Regs):
        for index in indices(x.extents):
            add(index)
    else:
        nest(w, x.extents, add)
    return w.settled(s, out)


def _sum_if_longer(w: Writer, x: Mem | Virtual, n: str) -> Mem:
    """A vector; or, where it is longer than n, which then is 1, its sum."""
    c, m = w.c, w.in_memory(x)
    single = c.alloca(m.elem, 1)
    longer, end, before = c.new_label("longer"), c.new_label("end"), c.here
    c.branch(c.op(f"icmp eq i64 {n}, {m.extents[0]}"), end, longer)
    c.label(longer)
    c.store(m.elem, total(w, m, "sum"), single)
    c.go(end)
    after = c.here
    c.label(end)
    ptr = w.c.phi("ptr", [(before, m.ptr), (after, single)], "q")
    return Mem(m.elem, (n,), ptr, m.storage)


def _kept(w: Writer, n: str, extent: str) -> str:
    """1 where the axis stays, 0 where it is summed to one."""
    if n == extent:
        return "1"
    if is_number(n):
        return "0" if n == "1" else "1"
    return w.c.op(f"zext i1 {w.c.op(f'icmp ne i64 {n}, 1')} to i64")


def _reshape(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, extents = args[0], w.extents.sizes(args[1:])
    if isinstance(x, str):
        return made(w, s, Virtual(s.out.type.elem, extents, lambda i: x, lambda k: x, 0, scalar=x)) if extents else x
    c = w.c
    if not extents:
        return element(c, x, ["0"] * len(x.extents))
    if not all(is_number(n) for n in (*x.extents, *extents)):
        have, want = count(c, x.extents), count(c, extents)
        w.guards.require(c.op(f"icmp eq i64 {have}, {want}"), "reshape", (have, want), s.span)
    if isinstance(x, Regs) and all(map(is_number, extents)):
        return Regs(x.elem, tuple(map(int, extents)), x.items) if s.out not in w.addressed else w.reshaped(w.in_memory(x), extents)
    if isinstance(x, Virtual) and x.flat is not None:
        by_position = x.flat
        v = Virtual(x.elem, extents, lambda i: by_position(offset(c, extents, i)), by_position, x.size, scalar=x.scalar)
        return made(w, s, v, x)
    return w.settled(s, w.reshaped(w.in_memory(x), extents))


def _transpose(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x = args[0]
    assert not isinstance(x, str)
    extents = tuple(reversed(x.extents))
    if isinstance(x, Virtual) and x.transposed is not None:
        return x.transposed
    of = x if isinstance(x, Mem) else None
    v = Virtual(x.elem, extents, lambda i: element(w.c, x, list(reversed(i))), size=cost(x), transposed=of)
    if len(extents) < 2:
        return x
    return made(w, s, v, x)


def _flip(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, axis = args[0], s.attrs[0]
    assert not isinstance(x, str)
    (y,) = loopable(w, x.extents, [x])
    assert not isinstance(y, str)
    c = w.c

    def at(index: Index) -> str:
        turned = [c.sub(c.sub(n, "1"), i) if axis in (None, k) else i for k, (n, i) in enumerate(zip(y.extents, index, strict=True))]
        return element(c, y, turned)

    return made(w, s, Virtual(y.elem, tuple(y.extents), at, size=cost(y)), y)


def _diag(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x = args[0]
    assert not isinstance(x, str)
    if len(x.extents) == 2:
        m, n = x.extents
        size = m if m == n else w.c.smaller(m, n)
        (x,) = loopable(w, [size], [x])
        y = x
        assert not isinstance(y, str)
        return made(w, s, Virtual(y.elem, (size,), lambda i: element(w.c, y, (i[0], i[0])), size=cost(y)), y)
    n = x.extents[0]
    return _on_diagonal(w, s, x, (n, n))


def _set_diag(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    assert not isinstance(args[0], str)
    return _on_diagonal(w, s, args[0], w.extents.sizes(args[1:]))


def _on_diagonal(w: Writer, s: Let, x: Array, extents: Sequence[str]) -> Value:
    if is_small(extents) and isinstance(x, Regs) and s.out not in w.addressed:
        items = [x.items[int(i)] if i == j else constant(0, x.elem) for i, j in indices(extents)]
        return Regs(x.elem, tuple(map(int, extents)), items)
    y = w.in_memory(x)
    out = cleared(w, x.elem, extents)
    c = w.c
    c.loop(y.extents[0], lambda k: c.store(x.elem, c.load(x.elem, y.ptr, k), out.ptr, offset(c, extents, (k, k))))
    return w.settled(s, out)


def _triangle(test: str) -> Form:
    def form(w: Writer, s: Let, args: Sequence[Value]) -> Value:
        (x,) = loopable(w, args[0].extents, args)  # type: ignore[union-attr]
        assert not isinstance(x, str)
        zero = constant(0, x.elem)
        v = Virtual(x.elem, tuple(x.extents), lambda i: where(w, test, i[0], i[1], element(w.c, x, i), zero, LLVM[x.elem]), size=1)
        return made(w, s, v, x)

    return form


def _delay(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, axis = args[0], s.attrs[0]
    assert not isinstance(x, str) and isinstance(axis, int)
    first = scalars.coerced(w.c, str(args[1]), s.args[1].type.elem, "real")
    y = w.in_memory(x)

    def at(index: Index) -> str:
        k = index[axis]
        before = w.c.call("llvm.smax.i64", "i64", [("i64", w.c.sub(k, "1")), ("i64", "0")])
        value = scalars.coerced(w.c, element(w.c, y, [*index[:axis], before, *index[axis + 1 :]]), y.elem, "real")
        return where(w, "eq", k, "0", first, value)

    v = Virtual("real", tuple(y.extents), at, size=1)
    return made(w, s, v, y)


FORMS: dict[str, Form] = {
    "broadcast_to": _broadcast_to, "sum_to": _sum_to, "reshape": _reshape, "transpose": _transpose, "flip": _flip, "diag": _diag,
    "set_diag": _set_diag, "delay": _delay, "tril": _triangle("sge"), "triu": _triangle("sle"),
}  # fmt: skip
