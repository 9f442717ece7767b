"""Operations on arrays of expressions, element by element: NumPy moves the elements, the table's operations are made of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from adcli.ir.nodes import Let
from adcli.symbolic import algebra
from adcli.symbolic.nodes import Expr, node, num
from adcli.symbolic.rules import operation

# They move elements and compute nothing, so that the forms of numbers serve.
MOVES = frozenset({"index", "update", "stack", "concat", "reshape", "transpose", "flip", "diag", "broadcast_to", "copy"})
MAKERS = {"zeros": 0, "ones": 0, "full": 1, "eye": 0, "iota": 0}
ELEMENTWISE = frozenset({"real", "arith", "compare", "logical", "select"})


def each(f: Callable[..., Any], *args: Any) -> Any:
    """f element by element, with broadcasting; of scalars, f."""
    if not any(hasattr(a, "shape") for a in args):
        return f(*args)
    import numpy as np

    return plain(np.frompyfunc(f, len(args), 1)(*args))


def plain(value: Any) -> Any:
    """An array, or the expression of one without axes."""
    return value.item() if hasattr(value, "shape") and not value.shape else value


def array(s: Let, args: list[Any], whole: Callable[[int], int]) -> Any:
    """The operation on arrays, or None where there is no formula. `whole` gives the integer that the k-th argument must be."""
    name = s.op.name
    if name == "dim":
        return num(args[0].shape[int(str(s.attrs[0]))])
    if name == "to_real":
        return args[0]
    if name in MAKERS:
        return _made(name, args, whole)
    if name in MOVES:
        return _moved(s, args, whole)
    if name == "addat":
        return _added(s, args, whole)
    if name in REDUCTIONS:
        return _reduced(REDUCTIONS[name], args[0], s.attrs[0] if s.attrs else None)
    if name in ("dot", "matmul"):
        return plain(_product(args[0], args[1]))
    if name == "outer":
        return each(_mul, args[0][:, None], args[1][None, :])
    if s.op.type in ELEMENTWISE or name == "stop":
        return each(lambda *xs: operation(s.op, list(xs)), *args)
    if name == "linspace":
        return algebra.linspace(args[0], args[1], whole(2))
    return algebra.formula(name, args, s.attrs[0] if s.attrs else None)


def _mul(a: Expr, b: Expr) -> Expr:
    return node("mul", a, b)


def _add(a: Expr, b: Expr) -> Expr:
    return node("add", a, b)


def _fold(op: str) -> Callable[[list[Expr]], Expr]:
    return lambda xs: reduce(lambda a, b: node(op, a, b), xs) if xs else num(op == "mul")


_SUM = _fold("add")


def _mean(xs: list[Expr]) -> Expr:
    return node("div", _SUM(xs), num(len(xs)))


def _norm(xs: list[Expr]) -> Expr:
    return node("sqrt", _SUM([node("pow", x, num(2)) for x in xs]))


def _logsumexp(xs: list[Expr]) -> Expr:
    return node("ln", _SUM([node("exp", x) for x in xs]))


def _var(xs: list[Expr]) -> Expr:
    middle = _mean(xs)
    return _mean([node("pow", node("sub", x, middle), num(2)) for x in xs])


REDUCTIONS: dict[str, Callable[[list[Expr]], Expr]] = {
    "sum": _SUM, "prod": _fold("mul"), "reduce_max": _fold("maximum"), "reduce_min": _fold("minimum"), "mean": _mean, "norm": _norm,
    "logsumexp": _logsumexp, "var": _var, "count": lambda xs: num(len(xs)),
}  # fmt: skip


def _reduced(f: Callable[[list[Expr]], Expr], x: Any, axis: object) -> Any:
    if axis is None:
        return f(x.ravel().tolist())
    import numpy as np

    assert isinstance(axis, int)
    rows = np.moveaxis(x, axis, -1)
    out = np.empty(rows.shape[:-1], dtype=object)
    for at in np.ndindex(*out.shape):
        out[at] = f(rows[at].tolist())
    return plain(out)


def _product(x: Any, y: Any) -> Any:
    """x @ y of vectors and matrices."""
    import numpy as np

    left, right = x if x.ndim == 2 else x[None, :], y if y.ndim == 2 else y[:, None]
    out = np.empty((left.shape[0], right.shape[1]), dtype=object)
    for i, j in np.ndindex(*out.shape):
        out[i, j] = _SUM([_mul(a, b) for a, b in zip(left[i], right[:, j], strict=True)])
    return out.reshape((*x.shape[:-1], *y.shape[1:]))


def _made(name: str, args: list[Any], whole: Callable[[int], int]) -> Any:
    import numpy as np

    sizes = [whole(k) for k in range(MAKERS[name], len(args))]
    if name in ("zeros", "ones"):
        return each(num, np.full(sizes, int(name == "ones")))
    if name == "eye":
        return each(num, np.eye(sizes[0], dtype=int))
    if name == "iota":
        return each(num, np.array([sizes[0] + k * sizes[2] for k in range(sizes[1])], dtype=object))
    out = np.empty(sizes, dtype=object)
    out.fill(args[0])
    return out


def _moved(s: Let, args: list[Any], whole: Callable[[int], int]) -> Any:
    from adcli.ops.arrays import form

    first = {"index": 1, "update": 2, "reshape": 1, "broadcast_to": 1}.get(s.op.name, len(args))
    given = [*(a if s.op.name == "update" else _boxed(a) for a in args[:first]), *(whole(k) for k in range(first, len(args)))]
    named = dict(zip(s.op.attrs, s.attrs, strict=True))
    return plain(form(s.op)(*given, **named))


def _boxed(a: Any) -> Any:
    """A scalar as an array without axes: NumPy keeps the expression as it is."""
    if hasattr(a, "shape"):
        return a
    import numpy as np

    out = np.empty((), dtype=object)
    out[()] = a
    return out


def _added(s: Let, args: list[Any], whole: Callable[[int], int]) -> Any:
    """addat: the elements read, added to, and put back."""
    from adcli.ops import TABLE

    at = s.args[2:]
    old = _moved(Let(s.out, TABLE["index"], (s.args[0], *at), s.attrs), [args[0], *args[2:]], lambda k: whole(k + 1))
    return _moved(Let(s.out, TABLE["update"], s.args, s.attrs), [args[0], each(_add, old, args[1]), *args[2:]], whole)
