"""Sections of arrays, read and written.

    A[i, 2..5]        offset of the section's first element, and how far apart its elements are, known where it is made
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import scalars
from adcli.engines.native.arrays import Form, indices, is_small, made, materialise, nest, sum_of, where
from adcli.engines.native.code import is_number
from adcli.engines.native.elementwise import factor
from adcli.engines.native.values import Index, Mem, Regs, Value, Virtual, count, element, offset
from adcli.ir.nodes import Let

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer


class Section:
    """What an index pattern selects of an array: `extents` of the section, and `base(index)`, the index of an element of it."""

    def __init__(self, w: Writer, extents: Sequence[str], pattern: str, ints: Sequence[Value]) -> None:
        self.w = w
        self.parts: list[tuple[str, str, str]] = []  # letter, start, step
        self.extents: list[str] = []
        given = iter(ints)
        for k, n in enumerate(extents):
            letter = pattern[k] if k < len(pattern) else ":"
            if letter == "i":
                self.parts.append(("i", self.wrapped(str(next(given)), n), "0"))
            elif letter == "s":
                start, size, step = (str(next(given)) for _ in range(3))
                self.parts.append(("s", self.wrapped(start, n), step))
                self.extents.append(w.c.at_least_zero(size))
            else:
                self.parts.append((":", "0", "1"))
                self.extents.append(n)

    def wrapped(self, i: str, n: str) -> str:
        """An index that counts from the end where it is negative."""
        if is_number(i):
            return i if int(i) >= 0 else self.w.c.add(i, n)
        if self.w.extents.never_negative(i):
            return i
        return where(self.w, "slt", i, "0", self.w.c.add(i, n), i, "i64")

    @property
    def scalar(self) -> bool:
        return all(letter == "i" for letter, _, _ in self.parts)

    @property
    def contiguous(self) -> bool:
        """Indices first, then at most one slice of step 1, then all of the other axes: a run of elements."""
        rest = [(letter, step) for letter, _, step in self.parts if letter != "i"]
        lead = [letter for letter, _, _ in self.parts][: len(self.parts) - len(rest)]
        return all(letter == "i" for letter in lead) and (not rest or rest[0][1] == "1") and all(letter == ":" for letter, _ in rest[1:])

    def base(self, index: Index) -> list[str]:
        c, own = self.w.c, iter(index)
        out = []
        for letter, start, step in self.parts:
            out.append(start if letter == "i" else c.add(start, c.mul(next(own), step)))
        return out


def _index(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x = args[0]
    assert not isinstance(x, str)
    section = Section(w, x.extents, str(s.attrs[0]), args[1:])
    if isinstance(x, Regs) and not all(is_number(t) for _, start, step in section.parts for t in (start, step)):
        x = w.in_memory(x)
    if section.scalar:
        return element(w.c, x, section.base(()))
    if isinstance(x, Mem) and section.contiguous:
        ptr = w.c.element(x.elem, x.ptr, offset(w.c, x.extents, section.base(["0"] * len(section.extents))))
        view = Mem(x.elem, tuple(section.extents), ptr, x.roots, x.base)
        if not (is_small(view.extents) and s.out not in w.addressed):
            return view
    if isinstance(x, Regs) and not is_small(section.extents):
        x = w.in_memory(x)
    size = x.size if isinstance(x, Virtual) else 0
    return made(w, s, Virtual(x.elem, tuple(section.extents), lambda i: element(w.c, x, section.base(i)), size=size), x)


def _update(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    return _written(w, s, args, add=False)


def _addat(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    return _written(w, s, args, add=True)


def _written(w: Writer, s: Let, args: Sequence[Value], add: bool) -> Value:
    """The array with a section replaced, or added to: in place, in a copy, or in registers where all indices are constant."""
    c, x, v = w.c, args[0], args[1]
    assert not isinstance(x, str)
    section = Section(w, x.extents, str(s.attrs[0]), args[2:])
    elem, have = x.elem, s.args[1].type.elem
    section.extents = _known(section.extents, v)
    under = ""  # what all elements were, if that is one number
    constant_place = all(map(is_number, [*section.extents, *(t for _, start, step in section.parts for t in (start, step))]))
    if isinstance(x, Regs) and constant_place and s.out not in w.addressed:
        return _written_registers(w, x, v, section, have, add)
    if isinstance(x, Mem) and s.inplace:
        out = x
    elif isinstance(x, Virtual) and x.scalar is not None and section.contiguous and not is_small(section.extents):
        out, add, under = _around(w, x, section, w.homes.get(s.out)), False, x.scalar if add else ""
    else:
        out = materialise(w, x, w.homes.get(s.out)) if s.out in w.homes else w.copied(x)
    if isinstance(v, Regs) and not is_small(section.extents):
        v = w.in_memory(v)
    if isinstance(v, Virtual) and v.uses(out.storage):
        v = materialise(w, v)
    w.overwrite(out)

    def put(index: Index) -> None:
        value = scalars.coerced(c, _spread_item(w, v, index, section.extents), have, elem)
        at = offset(c, out.extents, section.base(index))
        if under:
            value = sum_of(w, elem, under, value)
        if add:
            value = sum_of(w, elem, c.load(elem, out.ptr, at), value)
        c.store(elem, value, out.ptr, at)

    if is_small(section.extents):
        for index in indices(section.extents):
            put(index)
    else:
        nest(w, section.extents, put)
    return out


def _around(w: Writer, x: Virtual, section: Section, home: Mem | None) -> Mem:
    """An array of one number but for a run of elements, which are to be written."""
    c, value = w.c, str(x.scalar)
    out = home or w.memory.allocate(x.elem, x.extents)
    size = count(c, section.extents)
    begin = offset(c, x.extents, section.base(["0"] * len(section.extents)))
    if not is_number(size):  # a section without elements may begin anywhere
        begin = where(w, "eq", size, "0", "0", begin, "i64")
    elif size == "0":
        begin = "0"
    end = c.add(begin, size)
    c.loop(begin, lambda k: c.store(x.elem, value, out.ptr, k))
    c.loop(c.sub(count(c, x.extents), end), lambda k: c.store(x.elem, value, out.ptr, c.add(end, k)))
    return out


def _known(extents: list[str], v: Value) -> list[str]:
    """The extents of a section that a value is written to: those of the value, where that is known not to be repeated."""
    if isinstance(v, str):
        return extents
    lead = len(extents) - len(v.extents)
    return [*extents[:lead], *(m if is_number(m) and m != "1" else n for n, m in zip(extents[lead:], v.extents, strict=True))]


def _spread_item(w: Writer, v: Value, index: Index, extents: Sequence[str]) -> str:
    """An element of a value that is broadcast over a section."""
    if isinstance(v, str):
        return v
    own = index[len(extents) - len(v.extents) :]
    whole = extents[len(extents) - len(v.extents) :]
    return element(w.c, v, [w.c.mul(factor(w, n, e), i) for n, e, i in zip(v.extents, whole, own, strict=True)])


def _written_registers(w: Writer, x: Regs, v: Value, section: Section, have: str, add: bool) -> Regs:
    items = list(x.items)
    for index in indices(section.extents):
        k = int(offset(w.c, x.extents, section.base(index)))
        if not 0 <= k < len(items):  # a check has found that
            continue
        value = scalars.coerced(w.c, _spread_item(w, v, index, section.extents), have, x.elem)
        items[k] = sum_of(w, x.elem, items[k], value) if add else value
    return Regs(x.elem, x.shape, items)


def _dim(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    axis = s.attrs[0]
    assert isinstance(axis, int) and not isinstance(args[0], str)
    return args[0].extents[axis]


FORMS: dict[str, Form] = {"index": _index, "update": _update, "addat": _addat, "dim": _dim}
