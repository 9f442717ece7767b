"""Types of IR values, and the type rules that operations name in the table.

A type has an element kind and a static rank; an extent is a number, or None where only the run knows it.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from adcli.ir.nodes import Atom
    from adcli.ops.record import Op

Shape: TypeAlias = "tuple[int | None, ...]"


class Type(NamedTuple):
    """elem is "real" (binary64), "int" (64 bits) or "bool"; shape is () for a scalar."""

    elem: str
    shape: Shape = ()

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def static(self) -> bool:
        """True where every extent is known."""
        return None not in self.shape

    def __str__(self) -> str:
        return self.elem + (f"[{', '.join('?' if n is None else str(n) for n in self.shape)}]" if self.shape else "")


REAL = Type("real")
INT = Type("int")
BOOL = Type("bool")
_SCALARS = {"real": REAL, "int": INT, "bool": BOOL}


class TypeMismatch(Exception):
    """Arguments do not fit an operation; the message is for users, `lower` adds the span."""


def shape_text(shape: Shape) -> str:
    return f"[{', '.join('?' if n is None else str(n) for n in shape)}]" if shape else "a scalar"


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """NumPy's broadcasting; an unknown extent against a known one other than 1 must turn out equal to it."""
    out: list[int | None] = []
    for k in range(1, max(map(len, shapes)) + 1):
        extents = [s[-k] for s in shapes if len(s) >= k]
        known = {n for n in extents if n is not None and n != 1}
        if len(known) > 1:
            raise TypeMismatch(f"shapes {' and '.join(shape_text(s) for s in shapes if s)} do not broadcast")
        out.append(known.pop() if known else None if None in extents else 1)
    return tuple(reversed(out))


def broadcast_types(args: Sequence[Atom]) -> Shape:
    first = args[0].type.shape
    if all(a.type.shape == first or not a.type.shape for a in args[1:]) and None not in first:
        return first
    return broadcast([a.type.shape for a in args])


def joined(a: Type, b: Type) -> Type | None:
    """The type that holds values of both, or None: extents that differ make no common type, an unknown one absorbs a known one."""
    if len(a.shape) != len(b.shape) or any(m != n and m is not None and n is not None for m, n in zip(a.shape, b.shape, strict=True)):
        return None
    elem = a.elem if a.elem == b.elem else "real"
    return Type(elem, tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)))


def _of(elem: str, shape: Shape) -> Type:
    """The type; one object for each scalar kind, so that `result_type` tells them by identity."""
    return Type(elem, shape) if shape else _SCALARS[elem]


def _extents(dims: Sequence[Atom]) -> Shape:
    return tuple(getattr(d, "value", None) for d in dims)


def _real(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return _of("real", broadcast_types(args))


def _arith(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return _of("int" if all(a.type.elem == "int" for a in args) else "real", broadcast_types(args))


def _compare(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return _of("bool", broadcast_types(args))


def _select(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    a, b = args[1].type.elem, args[2].type.elem
    return _of(a if a == b else "real", broadcast_types(args))


def _to_int(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return _of("int", args[0].type.shape)


def _dim(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return INT


def _zeros(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return Type("real", _extents(args))


def _full(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return Type(args[0].type.elem, _extents(args[1:]))


def _eye(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return Type("real", _extents((args[0], args[0])))


def _linspace(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return Type("real", _extents(args[2:3]))


def _iota(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return Type("int", _extents(args[1:2]))


def _elem(args: Sequence[Atom]) -> str:
    kinds = {a.type.elem for a in args}
    return kinds.pop() if len(kinds) == 1 else "real"


def _common(shapes: Sequence[Shape], what: str) -> Shape:
    """The one shape of several: extents must agree, a known one wins over an unknown one."""
    out = list(shapes[0])
    for s in shapes[1:]:
        if len(s) != len(out) or any(m != n and m is not None and n is not None for m, n in zip(out, s, strict=True)):
            raise TypeMismatch(f"{what} differ in shape: {shape_text(shapes[0])} and {shape_text(s)}")
        out = [n if m is None else m for m, n in zip(out, s, strict=True)]
    return tuple(out)


def _stack(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    axis = _axis(attrs)
    shape = _common([a.type.shape for a in args], "the elements")
    return Type(_elem(args), (*shape[:axis], len(args), *shape[axis:]))


def _concat(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    axis = _axis(attrs)
    rest = _common([a.type.shape[:axis] + a.type.shape[axis + 1 :] for a in args], "the arrays")
    along = [a.type.shape[axis] for a in args]
    total = None if None in along else sum(n for n in along if n is not None)
    return Type(_elem(args), (*rest[:axis], total, *rest[axis:]))


def _axis(attrs: Sequence[object]) -> int:
    axis = attrs[0] if attrs else 0
    assert isinstance(axis, int)
    return axis


def section(shape: Shape, pattern: str, ints: Sequence[Atom]) -> Shape:
    """The shape that `index` with that pattern selects."""
    out: list[int | None] = []
    at = 0
    for k, n in enumerate(shape):
        letter = pattern[k] if k < len(pattern) else ":"
        if letter == "i":
            at += 1
        elif letter == "s":
            out.append(getattr(ints[at + 1], "value", None))
            at += 3
        else:
            out.append(n)
    return tuple(out)


def _index(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    x = args[0].type
    return _of(x.elem, section(x.shape, str(attrs[0]), args[1:]))


def _update(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    x, v = args[0].type, args[1].type
    want = section(x.shape, str(attrs[0]), args[2:])
    fits = len(v.shape) <= len(want) and all(
        m in (n, None, 1) or n is None for m, n in zip(v.shape, want[len(want) - len(v.shape) :], strict=True)
    )
    if not fits:
        raise TypeMismatch(f"a value of shape {shape_text(v.shape)} does not fit the elements of shape {shape_text(want)}")
    return x


def _shaped(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return Type(args[0].type.elem, _extents(args[1:]))


def _reshape(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    out = _shaped(op, args, attrs)
    if out.static and args[0].type.static and size(out.shape) != size(args[0].type.shape):
        had = args[0].type.shape
        raise TypeMismatch(f"{shape_text(had)} cannot be reshaped to {shape_text(out.shape)}: {size(had)} elements, not {size(out.shape)}")
    return out


def size(shape: Shape) -> int:
    """The number of elements of a static shape."""
    out = 1
    for n in shape:
        assert n is not None
        out *= n
    return out


def _transpose(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return Type(args[0].type.elem, args[0].type.shape[::-1])


def _diag(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    elem, shape = args[0].type
    if len(shape) == 1:
        return Type(elem, shape * 2)
    if len(shape) != 2:
        raise TypeMismatch(f"diag takes a vector or a matrix, not {shape_text(shape)}")
    return Type(elem, (None if None in shape else min(n for n in shape if n is not None),))


def _set_diag(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return Type(args[0].type.elem, _extents(args[1:]))


def _reduce(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    elem = "int" if args[0].type.elem == "int" and op.name in ("sum", "reduce_max", "reduce_min") else "real"
    return _reduced(elem, op, args, attrs)


def _reduce_int(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return _reduced("int", op, args, attrs)


def _reduce_bool(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return _reduced("bool", op, args, attrs)


def _reduced(elem: str, op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    x = args[0].type
    axis = attrs[0] if attrs else None
    if axis is None:
        return _SCALARS[elem]
    assert isinstance(axis, int)
    if axis >= len(x.shape):
        raise TypeMismatch(f"{op.name} along axis {axis} of {shape_text(x.shape)}, which has {len(x.shape)} axes")
    return Type(elem, x.shape[:axis] + x.shape[axis + 1 :])


def _same(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return args[0].type


def _given(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    given = attrs[0]
    assert isinstance(given, Type)
    return given


def _dot(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    (m,), (n,) = _ranks(op, args, 1)
    if m != n and m is not None and n is not None:
        raise TypeMismatch(f"dot of vectors of length {m} and {n}")
    return REAL


def _ranks(op: Op, args: Sequence[Atom], rank: int) -> list[Shape]:
    for a in args:
        if len(a.type.shape) != rank:
            raise TypeMismatch(f"{op.name} takes {'vectors' if rank == 1 else 'matrices'}, not {shape_text(a.type.shape)}")
    return [a.type.shape for a in args]


def _matmul(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    a, b = args[0].type.shape, args[1].type.shape
    if not 1 <= len(a) <= 2 or not 1 <= len(b) <= 2:
        raise TypeMismatch(f"a matrix product takes vectors or matrices, not {shape_text(a)} and {shape_text(b)}")
    if a[-1] != b[0] and a[-1] is not None and b[0] is not None:
        raise TypeMismatch(f"shapes {shape_text(a)} and {shape_text(b)} do not fit a matrix product: {a[-1]} columns, {b[0]} rows")
    return Type("real", a[:-1] + b[1:])


def _outer(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    a, b = _ranks(op, args, 1)
    return Type("real", a + b)


def _cross(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    for (n,) in _ranks(op, args, 1):
        if n != 3 and n is not None:
            raise TypeMismatch(f"cross takes vectors of length 3, not shapes {' and '.join(shape_text(a.type.shape) for a in args)}")
    return Type("real", (3,))


def _order(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    return Type("int", args[0].type.shape)


def _matrix(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    (shape,) = _ranks(op, args, 2)
    return Type(args[0].type.elem, shape)


def _square(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    shape = args[0].type.shape
    if len(shape) != 2 or (shape[0] != shape[1] and None not in shape):
        raise TypeMismatch(f"{op.name} takes a square matrix, not shape {shape_text(shape)}")
    return Type("real", shape)


def _det(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    _square(op, args, attrs)
    return REAL


def _solve(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    rows, b = _square(op, args, attrs).shape[0], args[1].type.shape
    if len(b) > 2 or (b[0] != rows and None not in (b[0], rows)):
        raise TypeMismatch(f"shapes {shape_text(args[0].type.shape)} and {shape_text(b)} do not fit solve(A, b): b has as many rows as A")
    return Type("real", b)


TypeRule: TypeAlias = "Callable[[Op, Sequence[Atom], Sequence[object]], Type]"

RULES: dict[str, TypeRule] = {
    "real": _real, "arith": _arith, "compare": _compare, "logical": _compare, "select": _select, "to_int": _to_int, "counts": _dim,
    "dim": _dim, "zeros": _zeros, "full": _full, "eye": _eye, "linspace": _linspace, "iota": _iota,
    "stack": _stack, "concat": _concat, "index": _index, "update": _update, "broadcast": _shaped, "reshape": _reshape,
    "transpose": _transpose, "diag": _diag, "set_diag": _set_diag, "reduce": _reduce, "same": _same, "given": _given,
    "dot": _dot, "matmul": _matmul, "outer": _outer, "cross": _cross, "reduce_int": _reduce_int, "reduce_bool": _reduce_bool,
    "order": _order, "matrix": _matrix, "square": _square, "det": _det, "solve": _solve,
}  # fmt: skip

# Type rules that give a real for reals: most statements need no more.
_NUMERIC = frozenset({"arith", "real"})


def result_type(op: Op, args: Sequence[Atom], attrs: Sequence[object]) -> Type:
    """The result type of an operation; raises TypeMismatch where the arguments do not fit."""
    if op.type in _NUMERIC:
        for a in args:
            if a.type is not REAL:
                break
        else:
            return REAL
    return RULES[op.type](op, args, attrs)
