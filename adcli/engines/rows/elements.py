"""Small arrays of known shape written out as their elements, so that rows of them run as those of numbers do.

    f(w: real[2], x: real[2])            f(w0, w1, x0, x1)
      v: real[2] = mul w, x         →      v0 = mul w0, x0
      z = sum v [None]                     v1 = mul w1, x1
      return z, v                          z = add v0, v1
                                           return z, v0, v1

Calls are put in their places, loops with a constant count unrolled, and what is pushed on a tape is popped off it here. What does not
end up as straight-line code on numbers, or as too much of it, is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from adcli import ops
from adcli.engines.checks import test
from adcli.ir.build import Builder, const
from adcli.ir.nodes import Atom, Call, Check, Const, For, Function, Let, Pop, Push, Statement, Var
from adcli.ir.types import Type, size
from adcli.ops.arrays import form
from adcli.passes import optimize

Value: TypeAlias = Any  # an atom, or an array of them
# Statements that are written at most: beyond, arrays in loops are the better code.
MOST = 2_000
ELEMENTWISE = frozenset({"real", "arith", "compare", "logical", "select", "to_int"})
# They move elements and compute nothing, so that NumPy's forms serve; with the number of arguments that are no integers.
MOVES = {
    "index": 1, "update": 2, "reshape": 1, "broadcast_to": 1, "stack": None, "concat": None, "transpose": None, "flip": None, "copy": None,
}  # fmt: skip
MAKERS = {"zeros": 0, "ones": 0, "full": 1}
FOLDS = {"sum": "add", "prod": "mul", "reduce_max": "maximum", "reduce_min": "minimum"}


class _Left(Exception):
    """It does not become straight-line code on numbers."""


def written_out(function: Function) -> Function | None:
    """The function on elements, parameters and results in the order of theirs; None where it is left as it is."""
    if not all(t.static for t in (*(p.type for p in function.params), *(a.type for a in function.body.results))):
        return None
    if sum(size(p.type.shape) for p in function.params) > MOST:
        return None
    writer = _Writer()
    args = [_parameters(p.type, p.name) for p in function.params]
    try:
        results = writer.function(function, args)
    except _Left:
        return None
    block = writer.b.block
    if len(block.statements) > MOST:
        return None
    block.results = tuple(a for value in results for a in _flat(value))
    params = tuple(a for value in args for a in _flat(value) if isinstance(a, Var))
    return optimize(Function(function.name, params, block, span=function.span))


def _parameters(t: Type, name: str) -> Value:
    if not t.shape:
        return Var(t, name)
    out = np.empty(tuple(n or 0 for n in t.shape), dtype=object)
    for k in np.ndindex(*out.shape):
        out[k] = Var(Type(t.elem), name)
    return out


def _flat(value: Value) -> list[Atom]:
    return value.ravel().tolist() if isinstance(value, np.ndarray) else [value]


class _Writer:
    """Runs the statements on atoms, and writes down what has to be done for each element."""

    def __init__(self) -> None:
        self.b = Builder()
        self.values: dict[Var, Value] = {}
        self.tapes: dict[int, list[Value]] = {}
        self.calls: list[Function] = []

    def of(self, a: Atom) -> Value:
        return a if isinstance(a, Const) else self.values[a]

    def function(self, f: Function, args: Sequence[Value]) -> list[Value]:
        if f in self.calls:
            raise _Left
        self.calls.append(f)
        self.values.update(zip(f.params, args, strict=True))
        self.block(f.body.statements)
        self.calls.pop()
        return [self.of(a) for a in f.body.results]

    def block(self, statements: Sequence[Statement]) -> None:
        for s in statements:
            if len(self.b.block.statements) > MOST:
                raise _Left
            self.statement(s)

    def statement(self, s: Statement) -> None:
        match s:
            case Let():
                self.b.span = s.span
                self.values[s.out] = self.let(s, [self.of(a) for a in s.args])
            case Check():
                self.check(s)
            case Call():
                self.values.update(zip(s.outs, self.function(s.function, [self.of(a) for a in s.args]), strict=True))
            case For():
                self.loop(s)
            case Push():
                self.tapes.setdefault(s.tape, []).append(self.of(s.value))
            case Pop():
                self.values[s.out] = self.tapes[s.tape].pop()
            case _:
                raise _Left

    def loop(self, s: For) -> None:
        start, count, step = (self.whole(self.of(a)) for a in (s.start, s.count, s.step))
        carried = [self.of(a) for a in s.inits]
        for k in range(count):
            self.values[s.index] = const(start + k * step)
            self.values.update(zip(s.params, carried, strict=True))
            self.block(s.body.statements)
            carried = [self.of(a) for a in s.body.results]
        self.values.update(zip(s.outs, carried, strict=True))

    def check(self, s: Check) -> None:
        """One for each element. One that is known to hold is no more; one that is known to fail is the other engines' to report."""
        for args in zip(*(_flat(self.of(a)) for a in s.args), strict=True):
            known = [a for a in args if isinstance(a, Const)]
            if len(known) < len(args):
                self.b.check(s.kind, *args, about=s.about, span=s.span)
            elif s.kind != "flag" or known[0].value:
                _hold(Check(s.kind, tuple(known), s.about, s.span))

    def whole(self, a: Value) -> int:
        if not isinstance(a, Const):
            raise _Left
        return int(a.value)

    # Operations.

    def each(self, op: str, *args: Value, attrs: tuple[object, ...] = ()) -> Value:
        """An operation on numbers, element by element, with broadcasting."""

        def one(*atoms: Atom) -> Atom:
            record, known = ops.TABLE[op], [a.value for a in atoms if isinstance(a, Const)]
            if op != "stop" and len(known) == len(atoms) and record.scalar is not None and record.type != "to_int":
                return const(record.scalar(*known))
            return self.b.let(op, *atoms, attrs=attrs)

        return _plain(np.frompyfunc(one, len(args), 1)(*map(_boxed, args)))

    def let(self, s: Let, args: list[Value]) -> Value:
        name = s.op.name
        if name == "dim":
            return const(int(args[0].shape[int(str(s.attrs[0]))]))
        if name in MAKERS:
            return _made(name, args, [self.whole(a) for a in args[MAKERS[name] :]])
        if name in MOVES:
            return self.moved(s, args)
        if name == "addat":
            return self.added(s, args)
        if name in FOLDS or name in ("mean", "count"):
            return self.reduced(s, args[0])
        if name == "sum_to":
            return self.summed_to(_boxed(args[0]), [self.whole(a) for a in args[1:]])
        if name in ("dot", "matmul"):
            return self.product(args[0], args[1])
        if name == "outer":
            return self.each("mul", args[0][:, None], args[1][None, :])
        if s.op.type in ELEMENTWISE or name in ("stop", "to_real"):
            return self.each(name, *args, attrs=s.attrs)
        raise _Left

    def moved(self, s: Let, args: list[Value]) -> Value:
        first = MOVES[s.op.name] or len(args)
        given = [*map(_boxed, args[:first]), *(self.whole(a) for a in args[first:])]
        if s.op.name == "update":
            given[1] = args[1]
        return _plain(form(s.op)(*given, **dict(zip(s.op.attrs, s.attrs, strict=True))))

    def added(self, s: Let, args: list[Value]) -> Value:
        """addat: the elements read, added to, and put back."""
        pattern = str(s.attrs[0])
        at = [self.whole(a) for a in args[2:]]
        old = _plain(form(ops.TABLE["index"])(_boxed(args[0]), *at, pattern=pattern))
        return form(ops.TABLE["update"])(args[0], self.each("add", old, args[1]), *at, pattern=pattern)

    def reduced(self, s: Let, x: Value) -> Value:
        axis = s.attrs[0]
        rows = x.reshape(1, -1) if axis is None else np.moveaxis(x, int(str(axis)), -1)
        count = const(float(rows.shape[-1]))
        if not rows.shape[-1]:
            raise _Left  # what a reduction of nothing is stands in the table
        if s.op.name == "count":
            total = np.full(rows.shape[:-1], count, dtype=object)
        else:
            fold = FOLDS.get(s.op.name, "add")
            total = reduce(lambda a, b: self.each(fold, a, b), [rows[..., k] for k in range(rows.shape[-1])])
        if s.op.name == "mean":
            total = self.each("div", total, count)
        return _plain(total[0] if axis is None else total)

    def summed_to(self, x: Value, shape: list[int]) -> Value:
        """x summed over its leading axes, and over those of extent 1 in the shape: what undoes broadcasting."""
        lead = x.ndim - len(shape)
        axes = [*range(lead), *(k + lead for k, n in enumerate(shape) if n == 1)]
        rows = np.moveaxis(x, axes, range(len(axes))).reshape(-1, *(n for n in shape if n != 1))
        if not len(rows):
            raise _Left
        return _plain(_boxed(reduce(lambda a, b: self.each("add", a, b), list(rows))).reshape(shape))

    def product(self, x: Value, y: Value) -> Value:
        left, right = x if x.ndim == 2 else x[None, :], y if y.ndim == 2 else y[:, None]
        if not left.shape[1]:
            raise _Left
        terms = [self.each("mul", left[:, k, None], right[None, k]) for k in range(left.shape[1])]
        total = reduce(lambda a, b: self.each("add", a, b), terms)
        return _plain(total.reshape((*x.shape[:-1], *y.shape[1:])))


def _hold(check: Check) -> None:
    tried, given = test(check)
    try:
        tried(*(a.value if isinstance(a, Const) else a[0] for a in given if not isinstance(a, Var)))
    except (ArithmeticError, ValueError, LookupError):
        raise _Left from None


def _boxed(a: Value) -> Any:
    """An atom as an array without axes."""
    if isinstance(a, np.ndarray):
        return a
    out = np.empty((), dtype=object)
    out[()] = a
    return out


def _plain(value: Any) -> Value:
    """An array, or the atom of one without axes."""
    return value.item() if isinstance(value, np.ndarray) and not value.ndim else value


def _made(name: str, args: list[Value], shape: list[int]) -> Value:
    if int(np.prod(shape)) > MOST:
        raise _Left
    out = np.empty(shape, dtype=object)
    out.fill(args[0] if name == "full" else const(1.0 if name == "ones" else 0.0))
    return out


def split(value: Any, rank: int) -> list[Any]:
    """What the function on elements takes for one parameter of that rank: numbers, or columns, for a value with one axis more."""
    if not rank:
        return [value]
    array = np.asarray(value)
    if array.ndim == rank:
        return list(array.ravel().tolist())
    return list(np.ascontiguousarray(array.reshape(len(array), -1).T))


def joiner(function: Function) -> Callable[[Sequence[Any]], list[Any]]:
    """What puts results of the function on elements together as those of the function: numbers and arrays."""
    shapes = [tuple(n or 0 for n in a.type.shape) for a in function.body.results]

    def join(found: Sequence[Any]) -> list[Any]:
        out: list[Any] = []
        at = 0
        for shape in shapes:
            n = size(shape)
            out.append(np.array(found[at : at + n]).reshape(shape) if shape else found[at])
            at += n
        return out

    return join
