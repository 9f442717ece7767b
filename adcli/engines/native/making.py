"""Arrays that are made of numbers, or of other arrays side by side."""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import scalars
from adcli.engines.native.arrays import Form, indices, is_small, made, materialise, nest, where
from adcli.engines.native.code import real
from adcli.engines.native.values import Array, Index, Mem, Regs, Value, Virtual, element, offset
from adcli.ir.nodes import Let

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer


def _full(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    value, dims = args[0], args[1:]
    return _filled(w, s, str(value), dims)


def _zeros(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    return _filled(w, s, scalars.ZERO, args)


def _ones(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    return _filled(w, s, scalars.ONE, args)


def _filled(w: Writer, s: Let, value: str, dims: Sequence[Value]) -> Value:
    extents = w.extents.sizes(dims)
    w.memory.limited(extents)
    return made(w, s, Virtual(s.out.type.elem, extents, lambda i: value, lambda k: value, 0, scalar=value))


def _eye(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    extents = w.extents.sizes([args[0], args[0]])
    w.memory.limited(extents)
    return made(w, s, Virtual("real", extents, lambda i: where(w, "eq", i[0], i[1], scalars.ONE, scalars.ZERO), size=0))


def _iota(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    start, n, step = (str(a) for a in args)
    c = w.c

    def at(k: str) -> str:
        return c.add(start, c.mul(k, step))

    extents = w.extents.sizes([n])
    w.memory.limited(extents)
    return made(w, s, Virtual("int", extents, lambda i: at(i[0]), at, 0))


def _linspace(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    c = w.c
    a, b = (scalars.coerced(c, str(v), s.args[k].type.elem, "real") for k, v in enumerate(args[:2]))
    (n,) = w.extents.sizes([args[2]])
    w.memory.limited((n,))
    last = scalars.coerced(c, c.sub(n, "1"), "int", "real")
    width = c.op(f"fsub double {b}, {a}")
    narrow = c.op(f"fcmp olt double {scalars.intrinsic('fabs')(c, width)}, {real(float('inf'))}")

    def at(k: str) -> str:
        t = c.op(f"fdiv double {scalars.coerced(c, k, 'int', 'real')}, {last}")
        rest = c.op(f"fsub double {scalars.ONE}, {t}")
        low = c.op(f"fadd double {a}, {c.op(f'fmul double {t}, {width}')}")
        high = c.op(f"fsub double {b}, {c.op(f'fmul double {rest}, {width}')}")
        near = c.select(c.op(f"fcmp olt double {t}, {scalars.HALF}"), "double", low, high)
        wide = c.op(f"fadd double {c.op(f'fmul double {a}, {rest}')}, {c.op(f'fmul double {b}, {t}')}")
        return where(w, "slt", n, "2", a, c.select(narrow, "double", near, wide))

    return made(w, s, Virtual("real", (n,), lambda i: at(i[0]), at, 4))


def _stack(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    axis = s.attrs[0]
    assert isinstance(axis, int)
    inner: tuple[str, ...] = () if isinstance(args[0], str) else tuple(args[0].extents)
    extents = (*inner[:axis], str(len(args)), *inner[axis:])
    elem = s.out.type.elem
    if is_small(extents) and s.out not in w.addressed:
        items = []
        for index in indices(extents):
            part, own = int(index[axis]), (*index[:axis], *index[axis + 1 :])
            items.append(scalars.coerced(w.c, _item(w, args[part], own), s.args[part].type.elem, elem))
        return Regs(elem, tuple(map(int, extents)), items)
    out = w.memory.allocate(elem, extents)
    for k, v in enumerate(args):
        _place(w, out, v, s.args[k].type.elem, lambda index, k=k: (*index[:axis], str(k), *index[axis:]))  # type: ignore[misc]
    return out


def _item(w: Writer, v: Value, index: Index) -> str:
    return v if isinstance(v, str) else element(w.c, v, index)


def _place(w: Writer, out: Mem, v: Value, elem: str, where: Callable[[Index], Index]) -> None:
    """Store a value's elements in an array, at the indices that `where` gives."""
    c = w.c
    if isinstance(v, str):
        c.store(out.elem, scalars.coerced(c, v, elem, out.elem), out.ptr, offset(c, out.extents, where(())))
        return

    def put(index: Index) -> None:
        value = scalars.coerced(c, element(c, v, index), elem, out.elem)
        c.store(out.elem, value, out.ptr, offset(c, out.extents, where(index)))

    if isinstance(v, Regs):
        for index in indices(v.extents):
            put(index)
    else:
        nest(w, v.extents, put)


def _concat(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    axis = s.attrs[0]
    assert isinstance(axis, int)
    c, elem = w.c, s.out.type.elem
    parts = [v for v in args if not isinstance(v, str)]
    starts, at = [], "0"
    for v in parts:
        starts.append(at)
        at = c.add(at, v.extents[axis])
    extents = (*parts[0].extents[:axis], at, *parts[0].extents[axis + 1 :])
    if is_small(extents) and s.out not in w.addressed:
        return _small_concat(w, s, parts, starts, extents, axis)
    out = w.homes.get(s.out) or w.memory.allocate(elem, extents)
    for k, (v, start) in enumerate(zip(parts, starts, strict=True)):
        _place(w, out, v, s.args[k].type.elem, lambda i, start=start: (*i[:axis], c.add(start, i[axis]), *i[axis + 1 :]))  # type: ignore[misc]
    return out


def _small_concat(w: Writer, s: Let, parts: Sequence[Array], starts: Sequence[str], extents: Sequence[str], axis: int) -> Value:
    items = []
    for index in indices(extents):
        k = max(n for n, start in enumerate(starts) if int(start) <= int(index[axis]) and int(parts[n].extents[axis]) > 0)
        own = (*index[:axis], str(int(index[axis]) - int(starts[k])), *index[axis + 1 :])
        items.append(scalars.coerced(w.c, element(w.c, parts[k], own), s.args[k].type.elem, s.out.type.elem))
    return Regs(s.out.type.elem, tuple(map(int, extents)), items)


def _copy(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    v = args[0]
    assert not isinstance(v, str)
    if isinstance(v, Regs):
        return Regs(v.elem, v.shape, list(v.items))
    # Memory is named even where there is no home: else what has not been computed yet would take the copy for its own storage.
    return materialise(w, v, w.homes.get(s.out) or w.memory.allocate(v.elem, v.extents))


FORMS: dict[str, Form] = {
    "zeros": _zeros, "ones": _ones, "full": _full, "eye": _eye, "iota": _iota, "linspace": _linspace, "stack": _stack, "concat": _concat,
    "copy": _copy,
}  # fmt: skip
