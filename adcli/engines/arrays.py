"""Steps on arrays: NumPy forms with a look at memory before they allocate, and element access at the speed of scalars.

The only part of the interpreter that imports numpy, and only once a program has an array.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from adcli import errors
from adcli.engines.limits import BYTES
from adcli.engines.machine import Machine
from adcli.errors import EvaluationError, ShapeMismatch, Span
from adcli.ir.nodes import Let
from adcli.ir.types import size
from adcli.ops import arrays as forms
from adcli.ops import matrices

Frame: TypeAlias = list[Any]
Closure: TypeAlias = Callable[[Frame], Any]
Form: TypeAlias = Callable[..., Any]
_SINGULAR_HELP = "its rows are linearly dependent, as far as 53 bits can tell; det and its derivatives exist there, too"
_CHOLESKY_HELP = "only the lower triangle is read, as that of a symmetric matrix with positive eigenvalues"
ELEMENT: Callable[..., Any] = np.ndarray.item

_TO_PYTHON: dict[str, Callable[[Any], Any]] = {"real": float, "int": int, "bool": bool}


def step(let: Let, args: tuple[int, ...], held: Callable[[], int], machine: Machine) -> Closure:
    """out's value as a function of the frame. `held` makes the slot that counts the bytes made here."""
    special = _ELEMENTS.get(let.op.name)
    closure = special(let, args) if special is not None else None
    if closure is not None:
        return closure
    form = forms.form(let.op, let.inplace, quiet=False)
    named = dict(zip(let.op.attrs, let.attrs, strict=False))
    if named:
        form = partial(form, **named)
    if not let.out.type.shape:
        return _scalar(form, args, _TO_PYTHON[let.out.type.elem], let.span)
    if let.inplace:
        return _plain(form, args, let.span)
    count = elements(let)
    if isinstance(count, int) and count <= machine.limits.max_elements and len(args) <= 2:
        return _known(form, args, held(), count, machine, let.span)
    return _made(form, args, held(), count, machine, let.span)


def _scalar(form: Form, args: tuple[int, ...], to_python: Callable[[Any], Any], span: Span | None) -> Closure:
    call = _plain(form, args, span)
    return lambda s: to_python(call(s))


def _plain(form: Form, args: tuple[int, ...], span: Span | None) -> Closure:
    def run(s: Frame) -> Any:
        try:
            return form(*[s[a] for a in args])
        except (ValueError, LookupError) as e:
            raise failed(e, [s[a] for a in args], span) from e

    return run


def _made(form: Form, args: tuple[int, ...], held: int, count: int | Callable[..., int], machine: Machine, span: Span | None) -> Closure:
    def run(s: Frame) -> Any:
        values = [s[a] for a in args]
        try:
            machine.room(count if isinstance(count, int) else count(*values), span)
            out = form(*values)
        except (ValueError, LookupError) as e:
            raise failed(e, values, span) from e
        made = out.nbytes if out.base is None else 0
        machine.held += made - s[held]
        s[held] = made
        return out

    return run


def _known(form: Form, args: tuple[int, ...], held: int, count: int, machine: Machine, span: Span | None) -> Closure:
    """A result of known size, of one or two arguments: the way of most operations on small arrays, with less around it."""
    a, b = args[0], args[-1]
    binary = len(args) == 2
    need, most = count * BYTES, machine.limits.max_memory

    def run(s: Frame) -> Any:
        if machine.held + need > most:
            machine.room(count, span)
        try:
            out = form(s[a], s[b]) if binary else form(s[a])
        except (ValueError, LookupError) as e:
            raise failed(e, [s[k] for k in args], span) from e
        if not s[held]:
            s[held] = need
            machine.held += need
        return out

    return run


def failed(e: Exception, values: Sequence[Any], span: Span | None) -> EvaluationError:
    """The error for what a NumPy form raised."""
    if isinstance(e, matrices.NotPositiveDefinite):
        return errors.NotPositiveDefinite("the matrix of cholesky is not positive definite", span, help=_CHOLESKY_HELP)
    if isinstance(e, matrices.SingularMatrix):
        return errors.SingularMatrix("the matrix is singular: it has no inverse", span, help=_SINGULAR_HELP)
    shapes = [str(list(v.shape)) for v in values if isinstance(v, np.ndarray)]
    what = " and ".join(shapes) if shapes else "sizes " + ", ".join(str(v) for v in values)
    return ShapeMismatch(f"{'shapes ' if shapes else ''}{what} do not fit together", span)


def elements(let: Let) -> int | Callable[..., int]:
    """The number of elements of the result, or a function of the arguments that tells."""
    if let.out.type.static:
        return size(let.out.type.shape)
    known: Callable[..., int] | None = _COUNTS.get(let.op.name)
    if known is None:
        return _broadcast if let.op.type in _ELEMENTWISE_TYPES else _same
    return known


def _broadcast(*values: Any) -> int:
    shapes = {v.shape for v in values if isinstance(v, np.ndarray)}
    return math.prod(shapes.pop() if len(shapes) == 1 else np.broadcast_shapes(*shapes))


def _same(x: Any, *rest: Any) -> int:
    return int(np.size(x))


_ELEMENTWISE_TYPES = frozenset({"real", "arith", "compare", "logical", "select"})


def _dims(*dims: int) -> int:
    return math.prod(dims)


def _shaped(x: Any, *dims: int) -> int:
    return math.prod(dims)


def _matmul(a: Any, b: Any) -> int:
    return math.prod(a.shape[:-1] + b.shape[1:])


_COUNTS: dict[str, Callable[..., int]] = {
    "zeros": _dims, "full": _shaped, "broadcast_to": _shaped, "sum_to": _shaped, "reshape": _shaped, "set_diag": _shaped,
    "eye": lambda n: n * n, "linspace": lambda a, b, n: n, "iota": lambda start, count, step: count,
    "stack": lambda *xs: sum(map(np.size, xs)), "concat": lambda *xs: sum(map(np.size, xs)),
    "outer": lambda a, b: a.size * b.size, "solve": lambda a, b: b.size, "cross": lambda a, b: 3,
    "matmul": _matmul, "diag": lambda x: x.size**2 if x.ndim == 1 else min(x.shape),
}  # fmt: skip


def _dim(let: Let, args: tuple[int, ...]) -> Closure:
    (x,), axis = args, let.attrs[0]
    return lambda s: s[x].shape[axis]


def _index(let: Let, args: tuple[int, ...]) -> Closure | None:
    if let.out.type.shape:
        return None
    match args:
        case (x, i, j):
            return lambda s: s[x].item(s[i], s[j])
        case (x, *at):
            return lambda s: s[x].item(*[s[i] for i in at])
    return None


def _update(let: Let, args: tuple[int, ...]) -> Closure | None:
    """One element of an array that is the step's own."""
    if not let.inplace or str(let.attrs[0]) != "i" * let.args[0].type.rank:
        return None
    x, v, i = args[:3]
    if len(args) == 3:
        def one(s: Frame) -> Any:
            a = s[x]
            a[s[i]] = s[v]
            return a

        return one
    at = args[2:]

    def run(s: Frame) -> Any:
        a = s[x]
        a[tuple([s[k] for k in at])] = s[v]
        return a

    return run


def _addat(let: Let, args: tuple[int, ...]) -> Closure | None:
    if not let.inplace or str(let.attrs[0]) != "i" * let.args[0].type.rank:
        return None
    x, v, i = args[:3]
    if len(args) == 3:
        def one(s: Frame) -> Any:
            a, k = s[x], s[i]
            a[k] = a.item(k) + s[v]
            return a

        return one
    at = args[2:]

    def run(s: Frame) -> Any:
        a, k = s[x], tuple([s[j] for j in at])
        a[k] = a.item(k) + s[v]
        return a

    return run


_ELEMENTS: dict[str, Callable[[Let, tuple[int, ...]], Closure | None]] = {
    "dim": _dim, "index": _index, "update": _update, "addat": _addat,
}  # fmt: skip


def push(tape: list[Any], value: int, machine: Machine, span: Span | None) -> Closure:
    def run(s: Frame) -> None:
        a = s[value]
        machine.held += a.nbytes
        if machine.held > machine.limits.max_memory:
            machine.room(0, span)
        tape.append(a)

    return run


def pop(tape: list[Any], machine: Machine) -> Closure:
    def run(s: Frame) -> Any:
        a = tape.pop()
        machine.held -= a.nbytes
        return a

    return run
