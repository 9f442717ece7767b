"""Operations on arrays: what each makes of the values of its arguments (see `values`).

A function here takes the writer of the function at hand, the statement, and its arguments' values. Elementwise operations, sections,
transpositions and the like give Virtual arrays, reductions and products run loops, what has no form here is asked of NumPy.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

from adcli.engines.native import gemm, scalars
from adcli.engines.native.code import LLVM, SIZE, constant, is_number, real
from adcli.engines.native.values import SMALL, Array, Index, Mem, Regs, Value, Virtual, count, element, flat, number, offset, positions, storage, under, waiting
from adcli.ir.nodes import Let
from adcli.ops import Op

if TYPE_CHECKING:
    from adcli.engines.native.function import Writer

Form: TypeAlias = "Callable[[Writer, Let, Sequence[Value]], Value]"
# Above this many products, a matrix product is left to NumPy's BLAS.
BLAS = 640**3
# An axis of at most this length is short: its elements are joined by straight-line code.
SHORT = 16
# Up to this length LLVM reads rows that lie one after the other into vectors across the rows; longer ones are vectors themselves.
INTERLEAVED = 4
ELEMENTWISE = frozenset({"real", "arith", "compare", "logical", "select", "to_int"})


def array(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    """The value of an operation that has an array among its arguments or as its result."""
    form = _FORMS.get(s.op.name)
    if form is None:
        form = elementwise if s.op.type in ELEMENTWISE or s.op.name == "stop" else fallback
    if form is not elementwise and not (s.op.name in _NEUTRAL and (s.attrs[0] is None or s.args[0].type.rank == 1)):
        w.store_waiting(args)
    return form(w, s, args)


def elem_of(w: Writer, s: Let, k: int) -> str:
    return s.args[k].type.elem


def is_small(extents: Sequence[str]) -> bool:
    size = 1
    for n in extents:
        if not is_number(n):
            return False
        size *= int(n)
    return size <= SMALL


def indices(extents: Sequence[str]) -> list[tuple[str, ...]]:
    """All indices of a constant shape, in order."""
    out: list[tuple[str, ...]] = [()]
    for n in extents:
        out = [(*i, str(k)) for i in out for k in range(int(n))]
    return out


def made(w: Writer, s: Let, v: Virtual, *sources: Value) -> Value:
    """A virtual array computed from the sources; a small one in registers, unless it is to be addressed."""
    v.reads, v.positions, v.over = storage(sources), positions(sources), under(sources)
    if is_small(v.extents):
        shape = tuple(map(int, v.extents))
        out = Regs(v.elem, shape, [v.at(i) for i in indices(v.extents)])
        return w.in_memory(out) if s.out in w.addressed else out
    return v


def loopable(w: Writer, out_extents: Sequence[str], values: Sequence[Value]) -> list[Value]:
    """The arguments such that they can be read at any index: registers only where the result is small as well."""
    if is_small(out_extents):
        return list(values)
    return [w.in_memory(v) if isinstance(v, Regs) else v for v in values]


# Elementwise


def elementwise(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    shapes = [w.same(v.extents) for v in args if not isinstance(v, str)]
    extents, factors = broadcast(w, shapes, s)
    args = loopable(w, extents, args)
    elems = [a.type.elem for a in s.args]
    maps = iter(factors)
    readers: list[Callable[[Index], str]] = []
    for v in args:
        readers.append(_same(v) if isinstance(v, str) else _reader(w, v, next(maps), len(extents)))
    op, elem = s.op, s.out.type.elem

    def at(index: Index) -> str:
        return scalars.scalar(w.c, op, elem, [(r(index), e) for r, e in zip(readers, elems, strict=True)])

    by_position = _flat(w, s, args, elems, extents)
    if by_position is None:
        w.store_waiting(args)
    return made(w, s, Virtual(elem, extents, at, by_position, weight(op) + sum(map(_cost, args))), *args)


def weight(op: Op) -> int:
    """About how much an operation takes, in additions."""
    if op.cheap or op.name in _CHEAP:
        return 1
    return 4 if op.name in ("div", "sqrt") else 16


def _same(operand: str) -> Callable[[Index], str]:
    return lambda index: operand


def _reader(w: Writer, v: Array, factors: Sequence[str], rank: int) -> Callable[[Index], str]:
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
        if f is None or w.same(v.extents) != tuple(extents) or isinstance(v, Regs):
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
        factors.append([_factor(w, n, extents[lead + k]) for k, n in enumerate(sh)])
    return tuple(extents), factors


def _joint(w: Writer, sizes: list[str], s: Let) -> str:
    known = [n for n in sizes if is_number(n) and n != "1"]
    unknown = [n for n in sizes if not is_number(n)]
    if known:
        for n in unknown:
            fits = w.c.op(f"or i1 {w.c.op(f'icmp eq i64 {n}, {known[0]}')}, {w.c.op(f'icmp eq i64 {n}, 1')}")
            w.require(fits, "shapes", (n, known[0]), s.span)
        return known[0]
    if not unknown:
        return "1"
    out = unknown[0]
    for n in unknown[1:]:
        equal = w.c.op(f"icmp eq i64 {n}, {out}")
        ones = w.c.op(f"or i1 {w.c.op(f'icmp eq i64 {n}, 1')}, {w.c.op(f'icmp eq i64 {out}, 1')}")
        w.require(w.c.op(f"or i1 {equal}, {ones}"), "shapes", (out, n), s.span)
        out = w.c.select(w.c.op(f"icmp eq i64 {out}, 1"), "i64", n, out)
    return out


def _factor(w: Writer, n: str, extent: str) -> str:
    if n == extent:
        return "1"
    if n == "1":
        return "0"
    if is_number(n):
        return "1"
    return w.c.op(f"zext i1 {w.c.op(f'icmp ne i64 {n}, 1')} to i64")


# Into memory


def materialise(w: Writer, v: Array, into: Mem | None = None) -> Mem:
    """The array in memory of its own, or in the memory given."""
    c = w.c
    if isinstance(v, Virtual) and v.mem is not None:
        v = v.mem
    out = into or w.room(v)
    if isinstance(v, Regs):
        for k, item in enumerate(v.items):
            c.store(v.elem, item, out.ptr, str(k))
    elif isinstance(v, Mem):
        c.copy(out.ptr, v.ptr, c.mul(count(c, v.extents), str(SIZE[v.elem])))
    else:
        _computed(w, v, out)
        if into is None and v.scalar is None:
            v.mem = out
    return out


def _computed(w: Writer, v: Virtual, out: Mem) -> None:
    c, by_position = w.c, v.flat
    if by_position is None:
        with w.scope() as scope:
            nest(w, v.extents, lambda index: c.store(v.elem, element(c, v, index), out.ptr, offset(c, v.extents, index), scope))
        return

    def body(k: str) -> None:
        value = by_position(k)
        also.store(k)
        c.store(v.elem, value, out.ptr, k)

    also = Alongside(w, [d for d in waiting([v]) if d is not v])
    with w.scope():
        c.loop(count(c, v.extents), body)
    also.done()


class Alongside:
    """Arrays that a loop reads by position, and that are read again later: it stores them too.

    That it computes them twice is only how it is written: the optimiser sees that they are what the loop has computed already.
    """

    def __init__(self, w: Writer, arrays: Sequence[Virtual]) -> None:
        self.c = w.c
        self.targets = [(v, w.room(v)) for v in arrays]

    def store(self, k: str) -> None:
        items = [flat(self.c, v)(k) for v, _ in self.targets]  # type: ignore[misc]
        for (v, m), item in zip(self.targets, items, strict=True):
            self.c.store(v.elem, item, m.ptr, k)

    def done(self) -> None:
        for v, m in self.targets:
            v.mem = m


def store_together(w: Writer, targets: Sequence[tuple[Virtual, str]]) -> None:
    """Arrays of one shape that are read by position, each to where it is to lie: all in one loop, what is read before what is written."""
    if not targets:
        return
    c = w.c

    def body(k: str) -> None:
        items = [v.flat(k) for v, _ in targets]  # type: ignore[misc]
        also.store(k)
        for (v, ptr), item in zip(targets, items, strict=True):
            c.store(v.elem, item, ptr, k)

    also = Alongside(w, waiting([v for v, _ in targets]))
    with w.independent():
        c.loop(count(c, targets[0][0].extents), body)
    also.done()


def nest(w: Writer, extents: Sequence[str], body: Callable[[Index], None]) -> None:
    """Loops over all indices of a shape, the last one innermost."""

    def level(axis: int, index: tuple[str, ...]) -> None:
        if axis == len(extents):
            body(index)
        else:
            w.c.loop(extents[axis], lambda k: level(axis + 1, (*index, k)))

    level(0, ())


# Making


def _full(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    value, dims = args[0], args[1:]
    return _filled(w, s, str(value), dims)


def _zeros(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    return _filled(w, s, scalars.ZERO, args)


def _ones(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    return _filled(w, s, scalars.ONE, args)


def _filled(w: Writer, s: Let, value: str, dims: Sequence[Value]) -> Value:
    extents = w.sizes(dims)
    w.limited(extents)
    return made(w, s, Virtual(s.out.type.elem, extents, lambda i: value, lambda k: value, 0, scalar=value))


def _eye(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    extents = w.sizes([args[0], args[0]])
    w.limited(extents)
    return made(w, s, Virtual("real", extents, lambda i: _where(w, "eq", i[0], i[1], scalars.ONE, scalars.ZERO), size=0))


def _where(w: Writer, test: str, a: str, b: str, yes: str, no: str, type_: str = "double") -> str:
    return w.c.select(w.c.op(f"icmp {test} i64 {a}, {b}"), type_, yes, no)


def _iota(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    start, n, step = (str(a) for a in args)
    c = w.c

    def at(k: str) -> str:
        return c.add(start, c.mul(k, step))

    extents = w.sizes([n])
    w.limited(extents)
    return made(w, s, Virtual("int", extents, lambda i: at(i[0]), at, 0))


def _linspace(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    c = w.c
    a, b = (scalars.coerced(c, str(v), s.args[k].type.elem, "real") for k, v in enumerate(args[:2]))
    (n,) = w.sizes([args[2]])
    w.limited((n,))
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
        return _where(w, "slt", n, "2", a, c.select(narrow, "double", near, wide))

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
    out = w.allocate(elem, extents)
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
    out = w.allocate(elem, extents)
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
    return materialise(w, v, w.homes.get(s.out))


# Sections


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
        if self.w.never_negative(i):
            return i
        return _where(self.w, "slt", i, "0", self.w.c.add(i, n), i, "i64")

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
    constant_place = all(is_number(t) for _, start, step in section.parts for t in (start, step))
    if isinstance(x, Regs) and constant_place and s.out not in w.addressed:
        return _written_registers(w, x, v, section, have, add)
    if isinstance(x, Mem) and s.inplace:
        out = x
    else:
        out = materialise(w, x, w.homes.get(s.out)) if s.out in w.homes else w.copied(x)
    if isinstance(v, Regs) and not is_small(section.extents):
        v = w.in_memory(v)
    if isinstance(v, Virtual) and out.base in v.reads:
        v = materialise(w, v)
    w.overwrite(out)

    def put(index: Index) -> None:
        value = scalars.coerced(c, _spread_item(w, v, index, section.extents), have, elem)
        at = offset(c, out.extents, section.base(index))
        if add:
            value = _sum_of(w, elem, c.load(elem, out.ptr, at), value)
        c.store(elem, value, out.ptr, at)

    if is_small(section.extents):
        for index in indices(section.extents):
            put(index)
    else:
        nest(w, section.extents, put)
    return out


def _sum_of(w: Writer, elem: str, a: str, b: str) -> str:
    return w.c.op(f"fadd double {a}, {b}" if elem == "real" else f"add i64 {a}, {b}")


def _spread_item(w: Writer, v: Value, index: Index, extents: Sequence[str]) -> str:
    """An element of a value that is broadcast over a section."""
    if isinstance(v, str):
        return v
    own = index[len(extents) - len(v.extents) :]
    whole = extents[len(extents) - len(v.extents) :]
    return element(w.c, v, [w.c.mul(_factor(w, n, e), i) for n, e, i in zip(v.extents, whole, own, strict=True)])


def _written_registers(w: Writer, x: Regs, v: Value, section: Section, have: str, add: bool) -> Regs:
    items = list(x.items)
    for index in indices(section.extents):
        k = int(offset(w.c, x.extents, section.base(index)))
        if not 0 <= k < len(items):  # a check has found that
            continue
        value = scalars.coerced(w.c, _spread_item(w, v, index, section.extents), have, x.elem)
        items[k] = _sum_of(w, x.elem, items[k], value) if add else value
    return Regs(x.elem, x.shape, items)


def _dim(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    axis = s.attrs[0]
    assert isinstance(axis, int) and not isinstance(args[0], str)
    return args[0].extents[axis]


# Shapes


def _broadcast_to(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, extents = args[0], w.sizes(args[1:])
    w.limited(extents)
    if isinstance(x, str):
        return made(w, s, Virtual(s.out.type.elem, extents, lambda i: x, lambda k: x, 0, scalar=x))
    (x,) = loopable(w, extents, [x])
    assert not isinstance(x, str)
    lead = len(extents) - len(x.extents)
    if w.same(extents) == w.same(x.extents):
        return x
    reader = _reader(w, x, [_factor(w, n, extents[lead + k]) for k, n in enumerate(x.extents)], len(extents))
    return made(w, s, Virtual(x.elem, extents, reader, size=x.size if isinstance(x, Virtual) else 0), x)


def _sum_to(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, extents = args[0], w.sizes(args[1:])
    if isinstance(x, str):
        return x
    if not extents:
        return _total(w, x, "sum")
    if w.same(extents) == w.same(x.extents):
        return x
    lead = len(x.extents) - len(extents)
    factors = [_kept(w, n, x.extents[lead + k]) for k, n in enumerate(extents)]
    out = _cleared(w, x.elem, extents)
    c = w.c

    def add(index: Index) -> None:
        at = offset(c, extents, [c.mul(f, i) for f, i in zip(factors, index[lead:], strict=True)])
        c.store(x.elem, _sum_of(w, x.elem, c.load(x.elem, out.ptr, at), element(c, x, index)), out.ptr, at)

    if isinstance(x, Regs):
        for index in indices(x.extents):
            add(index)
    else:
        nest(w, x.extents, add)
    return w.settled(s, out)


def _kept(w: Writer, n: str, extent: str) -> str:
    """1 where the axis stays, 0 where it is summed to one."""
    if n == extent:
        return "1"
    if is_number(n):
        return "0" if n == "1" else "1"
    return w.c.op(f"zext i1 {w.c.op(f'icmp ne i64 {n}, 1')} to i64")


def _cleared(w: Writer, elem: str, extents: Sequence[str], value: float = 0.0) -> Mem:
    out = w.allocate(elem, extents)
    c = w.c
    c.loop(count(c, extents), lambda k: c.store(elem, constant(value, elem), out.ptr, k))
    return out


def _reshape(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, extents = args[0], w.sizes(args[1:])
    if isinstance(x, str):
        return made(w, s, Virtual(s.out.type.elem, extents, lambda i: x, lambda k: x, 0, scalar=x)) if extents else x
    c = w.c
    if not extents:
        return element(c, x, ["0"] * len(x.extents))
    if not all(is_number(n) for n in (*x.extents, *extents)):
        w.require(c.op(f"icmp eq i64 {count(c, x.extents)}, {count(c, extents)}"), "reshape", (count(c, x.extents), count(c, extents)), s.span)
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
    v = Virtual(x.elem, extents, lambda i: element(w.c, x, list(reversed(i))), size=x.size if isinstance(x, Virtual) else 0, transposed=of)
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

    return made(w, s, Virtual(y.elem, tuple(y.extents), at, size=y.size if isinstance(y, Virtual) else 0), y)


def _diag(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x = args[0]
    assert not isinstance(x, str)
    if len(x.extents) == 2:
        m, n = x.extents
        size = m if m == n else w.c.smaller(m, n)
        (x,) = loopable(w, [size], [x])
        y = x
        assert not isinstance(y, str)
        return made(w, s, Virtual(y.elem, (size,), lambda i: element(w.c, y, (i[0], i[0])), size=y.size if isinstance(y, Virtual) else 0), y)
    n = x.extents[0]
    return _on_diagonal(w, s, x, (n, n))


def _set_diag(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    assert not isinstance(args[0], str)
    return _on_diagonal(w, s, args[0], w.sizes(args[1:]))


def _on_diagonal(w: Writer, s: Let, x: Array, extents: Sequence[str]) -> Value:
    if is_small(extents) and isinstance(x, Regs) and s.out not in w.addressed:
        items = [x.items[int(i)] if i == j else constant(0, x.elem) for i, j in indices(extents)]
        return Regs(x.elem, tuple(map(int, extents)), items)
    y = w.in_memory(x)
    out = _cleared(w, x.elem, extents)
    c = w.c
    c.loop(y.extents[0], lambda k: c.store(x.elem, c.load(x.elem, y.ptr, k), out.ptr, offset(c, extents, (k, k))))
    return w.settled(s, out)


def _triangle(test: str) -> Form:
    def form(w: Writer, s: Let, args: Sequence[Value]) -> Value:
        (x,) = loopable(w, args[0].extents, args)  # type: ignore[union-attr]
        assert not isinstance(x, str)
        zero = constant(0, x.elem)
        v = Virtual(x.elem, tuple(x.extents), lambda i: _where(w, test, i[0], i[1], element(w.c, x, i), zero, LLVM[x.elem]), size=1)
        return made(w, s, v, x)

    return form


# Reductions

# Of operations that reverse mode does not take to be cheap, those that are as cheap as an addition.
_CHEAP = frozenset({"pow", "pow_x", "pow_d", "stop", "to_real", "floor", "ceil", "trunc", "round"})
_NEUTRAL = {"sum": 0.0, "prod": 1.0, "reduce_max": float("-inf"), "reduce_min": float("inf"), "any": 0, "all": 1}
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
    return constant(_NEUTRAL[name], elem)


def _reduction(name: str) -> Form:
    def form(w: Writer, s: Let, args: Sequence[Value]) -> Value:
        x, axis, elem = args[0], s.attrs[0], s.out.type.elem
        assert not isinstance(x, str)
        if axis is None or len(x.extents) == 1:
            return _total(w, x, name, elem, s.args[0].type.elem)
        assert isinstance(axis, int)
        return _along(w, s, x, name, axis, elem)

    return form


def _total(w: Writer, x: Array, name: str, elem: str = "real", have: str = "real") -> str:
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
    return _where(w, "eq", n, "0", scalars.NAN if elem == "real" else "0", out, LLVM[elem])


def _place_of(extreme: str) -> Form:
    """argmax and argmin: the extreme, then the first element that equals it, or is nan as it is."""

    def form(w: Writer, s: Let, args: Sequence[Value]) -> Value:
        x, axis = args[0], s.attrs[0]
        assert not isinstance(x, str)
        if (axis is not None and len(x.extents) > 1) or x.elem == "bool":
            return fallback(w, s, args)
        c, y = w.c, w.in_memory(x)
        value = _total(w, y, extreme, y.elem, y.elem)

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
        return made(w, s, Virtual(elem, extents, unrolled, size=int(n) * (1 + _cost(x))), x)
    y = w.in_memory(x) if isinstance(x, Regs) else x
    if last:
        into = w.allocate(elem, extents)
        nest(w, extents, lambda index: c.store(elem, one(index), into.ptr, offset(c, extents, index)))
        return w.settled(s, into)
    return w.settled(s, _row_by_row(w, y, name, axis, elem, have, extents))


def _row_by_row(w: Writer, x: Mem | Virtual, name: str, axis: int, elem: str, have: str, extents: Sequence[str]) -> Mem:
    """A reduction along an axis that is not the last: rows are joined to a row of results, so that memory is read in order."""
    c = w.c
    into = w.allocate(elem, extents)
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
    return w.choose("double", fine, lambda: scalars.intrinsic("sqrt")(c, total), lambda: str(fallback(w, s, [y])))


def _cumsum(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, axis, elem = args[0], s.attrs[0], s.out.type.elem
    assert not isinstance(x, str) and not isinstance(axis, bool)
    if len(x.extents) != 1 or elem == "bool":
        return fallback(w, s, args)
    c = w.c
    y = x if isinstance(x, Virtual) else w.in_memory(x)
    out = w.allocate(elem, y.extents)

    def step(k: str, acc: str) -> str:
        value = scalars.coerced(c, element(c, y, (k,)), s.args[0].type.elem, elem)
        total = c.op(f"fadd double {acc}, {value}" if elem == "real" else f"add i64 {acc}, {value}")
        c.store(elem, total, out.ptr, k)
        return total

    c.reduce(y.extents[0], LLVM[elem], constant(0, elem) if elem == "int" else real(-0.0), step)
    return w.settled(s, out)


def _delay(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, axis = args[0], s.attrs[0]
    assert not isinstance(x, str) and isinstance(axis, int)
    first = scalars.coerced(w.c, str(args[1]), s.args[1].type.elem, "real")
    y = w.in_memory(x)

    def at(index: Index) -> str:
        k = index[axis]
        before = w.c.call("llvm.smax.i64", "i64", [("i64", w.c.sub(k, "1")), ("i64", "0")])
        value = scalars.coerced(w.c, element(w.c, y, [*index[:axis], before, *index[axis + 1 :]]), y.elem, "real")
        return _where(w, "eq", k, "0", first, value)

    v = Virtual("real", tuple(y.extents), at, size=1)
    return made(w, s, v, y)


# Products


def _dot(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, y = args
    assert not isinstance(x, str) and not isinstance(y, str)
    _agree(w, x.extents[0], y.extents[0], s)
    return product_sum(w, s, x, y, x.extents[0], lambda k: (k,), lambda k: (k,))


def _agree(w: Writer, m: str, n: str, s: Let) -> None:
    if m != n and not (is_number(m) and is_number(n)):
        w.require(w.c.op(f"icmp eq i64 {m}, {n}"), "shapes", (m, n), s.span)


def product_sum(
    w: Writer, s: Let, x: Array, y: Array, n: str, left: Callable[[str], Index], right: Callable[[str], Index]
) -> str:
    """Σ x[left(k)]·y[right(k)]."""
    c = w.c
    kinds = [a.type.elem for a in s.args]

    def term(k: str) -> str:
        a = scalars.coerced(c, element(c, x, left(k)), kinds[0], "real")
        b = scalars.coerced(c, element(c, y, right(k)), kinds[1], "real")
        return c.op(f"fmul double {a}, {b}")

    if isinstance(x, Regs) and isinstance(y, Regs) or (is_number(n) and int(n) <= 4 and not isinstance(x, Virtual) and not isinstance(y, Virtual)):
        out = scalars.ZERO
        for k in range(int(n)):
            out = c.op(f"fadd reassoc double {out}, {term(str(k))}") if k else term("0")
        return out
    x2, y2 = (w.in_memory(v) if isinstance(v, Regs) else v for v in (x, y))
    x, y = x2, y2
    return c.reduce(n, "double", scalars.ZERO, lambda k, acc: c.op(f"fadd reassoc double {acc}, {term(k)}"))


def _matmul(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, y = args
    assert not isinstance(x, str) and not isinstance(y, str)
    if len(x.extents) == 1 and len(y.extents) == 1:
        return _dot(w, s, args)
    _agree(w, x.extents[-1], y.extents[0], s)
    n = x.extents[-1]
    extents = (*x.extents[:-1], *y.extents[1:])
    if isinstance(x, Regs) and isinstance(y, Regs) and is_small(extents):
        return _small_matmul(w, s, x, y, extents)
    if len(x.extents) == 2 == len(y.extents) and not _few(extents, n):
        return w.settled(s, _by_tiles(w, s, x, y, extents))
    x, y = (v if isinstance(v, Virtual) and v.transposed is not None else w.in_memory(v) for v in (x, y))
    out = w.allocate("real", extents)
    if len(y.extents) == 1:
        _rows(w, s, x, y, out, n)
    else:
        _accumulated(w, s, x, y, out, n)
    return w.settled(s, out)


def _few(extents: Sequence[str], n: str) -> bool:
    """Whether a product of matrices is known to be too small for tiles."""
    rows, columns, inner = (number(k) for k in (*extents, n))
    narrow = columns is not None and columns < 5
    return narrow or (rows is not None and rows < 4) or None not in (rows, columns, inner) and rows * columns * inner <= 512  # type: ignore[operator]


def _by_tiles(w: Writer, s: Let, x: Array, y: Array, extents: Sequence[str]) -> Mem:
    """A product of large matrices: of the table's if it is so large that its library's threads pay, else by `gemm`."""
    c = w.c
    work = c.product((*extents, x.extents[1]))
    if is_number(work) and int(work) >= BLAS:
        return w.in_memory(fallback(w, s, [x, y]))  # type: ignore[arg-type]
    w.module.include(gemm.text(), gemm.declared())
    given = []
    for v in (x, y):
        turned = isinstance(v, Virtual) and v.transposed is not None
        m = real_matrix(w, v.transposed if turned else v)  # type: ignore[union-attr, arg-type]
        given.append(f"ptr {m.ptr}, i64 {'1' if turned else m.extents[1]}, i64 {m.extents[1] if turned else '1'}")
    out = w.allocate("real", extents)
    scratch = w.take(str(8 * gemm.SCRATCH))
    c.do(
        f"call void @adcli.gemm({', '.join(given)}, ptr {out.ptr}, i64 {extents[0]}, i64 {x.extents[1]}, i64 {extents[1]}, ptr {scratch})"
    )
    return out


def real_matrix(w: Writer, v: Array) -> Mem:
    m = w.in_memory(v)
    return m if m.elem == "real" else w.converted(m, "real")


def _small_matmul(w: Writer, s: Let, x: Regs, y: Regs, extents: Sequence[str]) -> Value:
    rows, n = (x.shape[:-1] or (1,)), x.shape[-1]
    columns = y.shape[1:] or (1,)
    items = []
    for i in range(rows[0]):
        for j in range(columns[0]):
            left = (lambda k, i=i: (str(i), k)) if len(x.shape) == 2 else (lambda k: (k,))
            right = (lambda k, j=j: (k, str(j))) if len(y.shape) == 2 else (lambda k: (k,))
            items.append(product_sum(w, s, x, y, str(n), left, right))
    out = Regs("real", tuple(map(int, extents)), items)
    return out if s.out not in w.addressed else w.in_memory(out)


def _rows(w: Writer, s: Let, x: Array, y: Array, out: Mem, n: str) -> None:
    """A matrix times a vector. By rows, or by columns where the matrix is a transpose, so that memory is read in order."""
    c = w.c
    if not (isinstance(x, Virtual) and x.transposed is not None):
        c.loop(x.extents[0], lambda i: c.store("real", product_sum(w, s, x, y, n, lambda k: (i, k), lambda k: (k,)), out.ptr, i))
        return
    c.loop(out.extents[0], lambda i: c.store("real", scalars.ZERO, out.ptr, i))

    def column(k: str) -> None:
        factor = scalars.coerced(c, element(c, y, (k,)), y.elem, "real")

        def add(i: str) -> None:
            term = c.op(f"fmul double {scalars.coerced(c, element(c, x, (i, k)), x.elem, 'real')}, {factor}")
            c.store("real", c.op(f"fadd double {c.load('real', out.ptr, i)}, {term}"), out.ptr, i)

        with w.independent():
            c.loop(out.extents[0], add)

    c.loop(n, column)


def _accumulated(w: Writer, s: Let, x: Array, y: Array, out: Mem, n: str) -> None:
    """A vector or a matrix times a matrix: rows of y, each times a number, added to a row of the result."""
    c = w.c
    c.loop(count(c, out.extents), lambda i: c.store("real", scalars.ZERO, out.ptr, i))
    width = out.extents[-1]

    def row(lead: tuple[str, ...]) -> None:
        base = c.mul(lead[0], width) if lead else "0"

        def step(k: str) -> None:
            factor = scalars.coerced(c, element(c, x, (*lead, k)), x.elem, "real")

            def add(j: str) -> None:
                at = c.add(base, j)
                term = c.op(f"fmul double {factor}, {scalars.coerced(c, element(c, y, (k, j)), y.elem, 'real')}")
                c.store("real", c.op(f"fadd double {c.load('real', out.ptr, at)}, {term}"), out.ptr, at)

            with w.independent():
                c.loop(width, add)

        c.loop(n, step)

    if len(x.extents) == 1:
        row(())
    else:
        c.loop(x.extents[0], lambda i: row((i,)))


def _outer(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, y = args
    assert not isinstance(x, str) and not isinstance(y, str)
    extents = (x.extents[0], y.extents[0])
    x, y = loopable(w, extents, [x, y])  # type: ignore[assignment]
    kinds = [a.type.elem for a in s.args]
    c = w.c

    def at(index: Index) -> str:
        a = scalars.coerced(c, element(c, x, (index[0],)), kinds[0], "real")  # type: ignore[arg-type]
        return c.op(f"fmul double {a}, {scalars.coerced(c, element(c, y, (index[1],)), kinds[1], 'real')}")  # type: ignore[arg-type]

    return made(w, s, Virtual("real", extents, at, size=1 + _cost(x) + _cost(y)), x, y)


def _cost(v: Value) -> int:
    return v.size if isinstance(v, Virtual) else 0


# What NumPy does


def fallback(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    """The table's own form, called in Python on the arrays where they lie."""
    return w.ask(s, args)


_FORMS: dict[str, Form] = {
    "zeros": _zeros, "ones": _ones, "full": _full, "eye": _eye, "iota": _iota, "linspace": _linspace, "stack": _stack, "concat": _concat,
    "copy": _copy, "index": _index, "update": _update, "addat": _addat, "dim": _dim, "broadcast_to": _broadcast_to, "sum_to": _sum_to,
    "reshape": _reshape, "transpose": _transpose, "flip": _flip, "diag": _diag, "set_diag": _set_diag, "tril": _triangle("sge"),
    "triu": _triangle("sle"), "norm": _norm, "cumsum": _cumsum, "delay": _delay, "dot": _dot, "matmul": _matmul, "outer": _outer,
    **{name: _reduction(name) for name in _NEUTRAL}, "argmax": _place_of("reduce_max"), "argmin": _place_of("reduce_min"),
}  # fmt: skip
