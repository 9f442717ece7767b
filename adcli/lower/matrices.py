"""Calls of linear algebra, and of functions that give positions or truth values: what only the run can tell of shapes is checked there.

solve(A, b) with A: [n, n], b: [m]   →   check n = m;  x = solve A, b
"""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from adcli.errors import Span
from adcli.ir.build import const
from adcli.ir.nodes import Atom
from adcli.lower import arrays
from adcli.lower.frame import Frame
from adcli.lower.ints import HIGHEST
from adcli.ops.record import Op


def operation(f: Frame, op: Op, args: Sequence[Atom], span: Span) -> Atom:
    """An operation on vectors or matrices."""
    check(f, op, args, span)
    out = f.emit(op.name, tuple(args), (), span)
    if None in out.type.shape and op.type in ("square", "solve", "matrix"):
        f.unit.extents[out] = tuple(f.extent_key(args[-1], k) for k in range(len(out.type.shape)))
    elif None in out.type.shape and op.type == "transpose":
        f.unit.extents[out] = tuple(f.extent_key(args[0], k) for k in reversed(range(len(out.type.shape))))
    return out


def check(f: Frame, op: Op, args: Sequence[Atom], span: Span) -> None:
    """What the shapes of the arguments must fulfil, where the type rule cannot tell."""
    a = args[0]
    if op.type in ("square", "solve", "det"):
        f.typed(op.name, args, span)
        arrays.fits(f, a, 0, a, 1, span)
    if op.type == "solve":
        arrays.fits(f, a, 0, args[1], 0, span)
    if op.type == "cross":
        for x in args:
            if x.type.shape == (None,):
                f.check("equal", f.extent(x, 0), const(3), about=("the length of a vector in cross and 3",), span=span)


def truths(f: Frame, a: Atom, span: Span) -> Atom:
    """An array of truth values: numbers are true where they are not zero."""
    if a.type.elem == "bool":
        return a
    return f.elementwise("ne", (f.real(a, span), const(0.0)), span)


def nonempty(f: Frame, x: Atom, along: Iterable[int], name: str, span: Span) -> None:
    """Check that there are elements along these axes: among none there is no largest one."""
    for k in along:
        if not x.type.shape[k]:
            full = f.emit("ne", (f.extent(x, k), const(0))) if x.type.shape[k] is None else const(False)
            f.check("true", full, about=(f"{name} of an empty array",), span=span)


def position(f: Frame, op: Op, x: Atom, axis: int | None, span: Span) -> Atom:
    """argmax and argmin, of which there is none without elements."""
    along = range(len(x.type.shape)) if axis is None else (axis,)
    nonempty(f, x, along, op.name, span)
    most = prod(HIGHEST if n is None else n for n in (x.type.shape[k] for k in along))
    out = f.emit(op.name, (x,), (axis,), span)
    f.unit.ranges[out] = (0, max(0, min(most, HIGHEST) - 1))
    if None in out.type.shape and axis is not None:
        f.unit.extents[out] = tuple(f.extent_key(x, k) for k in range(len(x.type.shape)) if k != axis)
    return out
