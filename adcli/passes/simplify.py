"""Constant folding, identities, common subexpressions and copies, in one walk.

    a = x * 1            (reads of a become x)
    b = sin(x); c = sin(x)   →   b = sin(x), reads of c become b
    s = for … carrying s = t: yields s   →   t

Only identities that hold for every binary64 value, nan, inf and the sign of zero included, are used; a constant
operation that would raise (1/0) is left for the run to flag. Statements of a block are kept in order; what becomes unused is
left to dead_code.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from adcli.ir.build import const
from adcli.ir.nodes import Atom, Block, Const, For, Function, If, Let, Statement, Var, While
from adcli.ir.walk import functions, rename_reads, renamed
from adcli.ops import TABLE

Names: TypeAlias = dict[Var, Atom]


class Seen:
    """What is known where the walk stands: the variable that holds an operation's value, in scope, and the involution that made one."""

    __slots__ = ("made", "trail", "values")

    def __init__(self) -> None:
        self.values: dict[object, Var] = {}
        self.made: dict[Atom, Let] = {}
        self.trail: list[object] = []

    @contextmanager
    def scope(self) -> Iterator[None]:
        """A scope that ends forgets its values."""
        known = len(self.trail)
        yield
        for key in self.trail[known:]:
            del self.values[key]
        del self.trail[known:]


# Their results own fresh storage that is then written to, or they make arrays of no cost to share.
_NOT_SHARED = frozenset({"zeros", "full", "eye", "linspace", "iota", "copy", "update", "addat"})
# What made their results is remembered: done twice they give the argument back, and a sum with a negative is a difference.
_INVOLUTIONS = frozenset({"neg", "logical_not", "transpose"})


def simplify(entry: Function) -> None:
    """Simplify the function and all it calls, in place. While a program is reversed, adjoint functions name values of
    the forward ones, so replacements are known across functions; callees come first."""
    names: Names = {}
    for f in functions(entry):
        _block(f.body, names, Seen())


def _block(block: Block, names: Names, seen: Seen) -> None:
    out: list[Statement] = []
    for s in block.statements:
        if isinstance(s, Let):
            args = renamed(s.args, names)
            if args is not s.args:
                s = Let(s.out, s.op, args, s.attrs, s.span, s.inplace)
            if seen.made and s.op.name == "add":
                s = _difference(s, seen)
            atom = _value(s, seen)
            if atom is None:
                out.append(s)
            else:
                names[s.out] = atom
        else:
            out += _control(s, names, seen)
    block.statements[:] = out
    block.results = renamed(block.results, names)


def _key(c: Const) -> object:
    return c.type.elem, c.value, math.copysign(1.0, c.value)


def _difference(s: Let, seen: Seen) -> Let:
    """a + (-b) is a - b."""
    for k in (1, 0):
        made = seen.made.get(s.args[k])
        if made is not None and made.op.name == "neg" and made.out.type == s.out.type:
            return replace(s, op=TABLE["sub"], args=(s.args[1 - k], made.args[0]))
    return s


def _value(s: Let, seen: Seen) -> Atom | None:
    """The atom that the statement's value already is, or None."""
    name = s.op.name
    folded = _fold(s) if s.args and isinstance(s.args[0], Const) else None
    if folded is None and (identity := IDENTITIES.get(name)) is not None:
        folded = identity(s, seen)
    if folded is not None and folded.type == s.out.type:
        if isinstance(folded, Var) and s.out.name and not folded.name:
            folded.name = s.out.name
        return folded
    if name in _NOT_SHARED:
        return None
    key = (name, s.attrs, *[a if isinstance(a, Var) else _key(a) for a in s.args])
    same = seen.values.get(key)
    if same is None:
        seen.values[key] = s.out
        seen.trail.append(key)
    elif same.type == s.out.type:
        return same
    if name in _INVOLUTIONS:
        seen.made[s.out] = s
    return None


def _fold(s: Let) -> Atom | None:
    """The constant value of an operation on constants, where computing it raises no flag."""
    fast = s.op.fast
    if fast is None or s.attrs or s.out.type.shape:
        return None
    values = []
    for a in s.args:
        if not isinstance(a, Const):
            return None
        values.append(a.value)
    try:
        value = fast(*values)
    except (ArithmeticError, ValueError):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        return None
    return const(value)


def _is(atom: Atom, value: float) -> bool:
    return isinstance(atom, Const) and atom.value == value and math.copysign(1.0, atom.value) == math.copysign(1.0, value)


def _mul(s: Let, seen: Seen) -> Atom | None:
    a, b = s.args
    if _is(a, 1):
        return b
    return a if _is(b, 1) else None


def _add(s: Let, seen: Seen) -> Atom | None:
    a, b = s.args
    if _is(a, -0.0) or (a.type.elem == "int" and _is(a, 0)):
        return b
    return a if _is(b, -0.0) or (b.type.elem == "int" and _is(b, 0)) else None


def _sub(s: Let, seen: Seen) -> Atom | None:
    return s.args[0] if _is(s.args[1], 0) else None


def _div(s: Let, seen: Seen) -> Atom | None:
    return s.args[0] if _is(s.args[1], 1) else None


def _involution(s: Let, seen: Seen) -> Atom | None:
    made = seen.made.get(s.args[0])
    return made.args[0] if made is not None and made.op is s.op else None


def _pow(s: Let, seen: Seen) -> Atom | None:
    return s.args[0] if _is(s.args[1], 1) else None


def _select(s: Let, seen: Seen) -> Atom | None:
    c, a, b = s.args
    if isinstance(c, Const):
        return a if c.value else b
    return a if a is b else None


def _to_real(s: Let, seen: Seen) -> Atom | None:
    a = s.args[0]
    if isinstance(a, Const):
        return const(float(a.value))
    return a if a.type.elem == "real" else None


def _same_shape(s: Let, seen: Seen) -> Atom | None:
    return s.args[0] if s.out.type.static and s.out.type == s.args[0].type else None


def _dim(s: Let, seen: Seen) -> Atom | None:
    axis = s.attrs[0]
    assert isinstance(axis, int)
    extent = s.args[0].type.shape[axis]
    return None if extent is None else const(extent)


IDENTITIES: dict[str, Callable[[Let, Seen], Atom | None]] = {
    "mul": _mul, "add": _add, "sub": _sub, "div": _div, "pow": _pow, "neg": _involution, "logical_not": _involution,
    "transpose": _involution, "select": _select, "to_real": _to_real, "broadcast_to": _same_shape, "sum_to": _same_shape,
    "reshape": _same_shape, "dim": _dim,
}  # fmt: skip


def _control(s: Statement, names: Names, seen: Seen) -> list[Statement]:
    """A control statement simplified: what stands for it, often itself."""
    match s:
        case If():
            return _if(s, names, seen)
        case For():
            (s.start, s.count, s.step) = renamed((s.start, s.count, s.step), names)
            s.inits = renamed(s.inits, names)
            if isinstance(s.count, Const) and s.count.value <= 0:
                names.update(zip(s.outs, s.inits, strict=True))
                return []
            with seen.scope():
                _block(s.body, names, seen)
            _drop_unchanged(s, names)
            return [s]
        case While():
            s.inits = renamed(s.inits, names)
            for inside in (s.test, s.body):
                with seen.scope():
                    _block(inside, names, seen)
            _drop_unchanged(s, names)
            return [s]
        case _:
            return [rename_reads(s, names)]


def _if(s: If, names: Names, seen: Seen) -> list[Statement]:
    (s.cond,) = renamed((s.cond,), names)
    if isinstance(s.cond, Const):
        chosen = s.then if s.cond.value else s.other
        _block(chosen, names, seen)
        names.update(zip(s.outs, chosen.results, strict=True))
        return chosen.statements
    for inside in (s.then, s.other):
        with seen.scope():
            _block(inside, names, seen)
    keep = []
    for k, (a, b) in enumerate(zip(s.then.results, s.other.results, strict=True)):
        if a is b or (isinstance(a, Const) and isinstance(b, Const) and _key(a) == _key(b)):
            names[s.outs[k]] = a
        else:
            keep.append(k)
    if len(keep) < len(s.outs):
        s.outs = tuple(s.outs[k] for k in keep)
        for side in (s.then, s.other):
            side.results = tuple(side.results[k] for k in keep)
    return [s]


def _drop_unchanged(s: For | While, names: Names) -> None:
    """A carried value that every iteration yields unchanged is its initial value."""
    same = [p is r for p, r in zip(s.params, s.body.results, strict=True)]
    if not any(same):
        return
    fixed: Names = {p: i for p, i, k in zip(s.params, s.inits, same, strict=True) if k}
    names.update({o: i for o, i, k in zip(s.outs, s.inits, same, strict=True) if k})
    names.update(fixed)
    keep = [k for k, drop in enumerate(same) if not drop]
    s.outs, s.params = tuple(s.outs[k] for k in keep), tuple(s.params[k] for k in keep)
    s.inits, s.body.results = tuple(s.inits[k] for k in keep), tuple(s.body.results[k] for k in keep)
    for b in (s.test, s.body) if isinstance(s, While) else (s.body,):
        for k, t in enumerate(b.statements):
            b.statements[k] = rename_reads(t, fixed)
        b.results = renamed(b.results, fixed)
