"""Sets of input elements through operations on arrays: NumPy arrays of Python ints, with `|` for every sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from adcli.ad.rules import differentiable
from adcli.engines.shadow import Pair
from adcli.ir.nodes import Let
from adcli.ops.arrays import section

Form: TypeAlias = Callable[[Let, "list[Pair]", Any], Any]


def seeds(value: Any, first: int) -> Any:
    """The sets {first}, {first + 1}, … in the array's shape."""
    return _array([1 << first + k for k in range(value.size)]).reshape(value.shape)


def shadow(s: Let, args: list[Pair], value: Any) -> Any:
    """The sets of the elements of an operation's value."""
    form = _FORMS.get(s.op.name) or _TYPES.get(s.op.type) or _all
    found = form(s, args, value)
    if isinstance(found, np.ndarray) and found.ndim:
        return found
    return int(found) or None


def full(bits: int, shape: tuple[int, ...]) -> Any:
    """An array of one set."""
    return np.full(shape, bits, dtype=object)


def _array(sets: list[int]) -> Any:
    out = np.empty(len(sets), dtype=object)
    out[:] = sets
    return out


def _empty(shape: tuple[int, ...]) -> Any:
    return np.zeros(shape, dtype=object)


def _sets(pair: Pair) -> Any:
    """The sets of an argument as an array of its shape."""
    value, found = pair
    if found is None:
        return _empty(np.shape(value))
    return found if isinstance(found, np.ndarray) else np.array(found, dtype=object)


def _union(sets: Any, axis: Any = None) -> Any:
    """The unions along an axis, or of all elements."""
    return np.bitwise_or.reduce(sets, axis=axis, initial=0)


def _all(s: Let, args: list[Pair], value: Any) -> Any:
    """What every element depends on, where no rule says less: all that the arguments depend on."""
    out = _empty(np.shape(value))
    for k in differentiable(s):
        if args[k][1] is not None:
            out |= _union(_sets(args[k]))
    return out


def _elementwise(s: Let, args: list[Pair], value: Any) -> Any:
    out = _empty(np.shape(value))
    for k in differentiable(s):
        if args[k][1] is not None:
            out |= _sets(args[k])
    return out


def _select(s: Let, args: list[Pair], value: Any) -> Any:
    return np.broadcast_to(np.where(args[0][0], _sets(args[1]), _sets(args[2])), np.shape(value)).copy()


def _reduce(s: Let, args: list[Pair], value: Any) -> Any:
    return _union(_sets(args[0]), s.attrs[0] if s.attrs else None)


def _softmax(s: Let, args: list[Pair], value: Any) -> Any:
    axis: Any = s.attrs[0]
    sets = _union(_sets(args[0]), axis)
    return _empty(value.shape) | (sets if axis is None else np.expand_dims(sets, axis))


def _cumsum(s: Let, args: list[Pair], value: Any) -> Any:
    axis: Any = s.attrs[0]
    sets = _sets(args[0])
    return np.bitwise_or.accumulate(sets.reshape(-1) if axis is None else sets, axis=axis or 0)


def _index(s: Let, args: list[Pair], value: Any) -> Any:
    x = args[0][0]
    return _sets(args[0])[section(x.shape, str(s.attrs[0]), tuple(v for v, _ in args[1:]))]


def _write(s: Let, args: list[Pair], value: Any) -> Any:
    """update and addat: in place where the value is."""
    out = _sets(args[0])
    if not s.inplace and args[0][1] is not None:
        out = out.copy()
    key = section(value.shape, str(s.attrs[0]), tuple(v for v, _ in args[2:]))
    if s.op.name == "update":
        out[key] = _sets(args[1])
    else:
        out[key] |= _sets(args[1])
    return out


def _stack(s: Let, args: list[Pair], value: Any) -> Any:
    axis: Any = s.attrs[0]
    return (np.stack if s.op.name == "stack" else np.concatenate)([_sets(a) for a in args], axis)


def _spread(s: Let, args: list[Pair], value: Any) -> Any:
    return np.broadcast_to(_sets(args[0]), np.shape(value)).copy()


def _sum_to(s: Let, args: list[Pair], value: Any) -> Any:
    sets, dims = _sets(args[0]), np.shape(value)
    lead = sets.ndim - len(dims)
    axes = (*range(lead), *(k + lead for k, n in enumerate(dims) if n == 1 and sets.shape[k + lead] != 1))
    return np.reshape(_union(sets, axes), dims) if axes else sets.copy()


def _moved(s: Let, args: list[Pair], value: Any) -> Any:
    """reshape and to_real, copy: the elements in order."""
    return _sets(args[0]).reshape(np.shape(value)).copy()


def _flip(s: Let, args: list[Pair], value: Any) -> Any:
    axis: Any = s.attrs[0]
    return np.flip(_sets(args[0]), axis)


def _diag(s: Let, args: list[Pair], value: Any) -> Any:
    sets = _sets(args[0])
    if np.ndim(value) < sets.ndim:
        return np.diagonal(sets).copy()
    out = _empty(value.shape)
    at = np.arange(len(sets))
    out[at, at] = sets
    return out


def _matmul(s: Let, args: list[Pair], value: Any) -> Any:
    """A row of the first factor meets a column of the second."""
    a, b = _sets(args[0]), _sets(args[1])
    rows, columns = _union(a, -1), _union(b, max(b.ndim - 2, 0))
    return np.bitwise_or.outer(rows, columns) if np.ndim(rows) and np.ndim(columns) else rows | columns


def _outer(s: Let, args: list[Pair], value: Any) -> Any:
    return np.bitwise_or.outer(_sets(args[0]), _sets(args[1]))


_TYPES: dict[str, Form] = {"real": _elementwise, "arith": _elementwise, "reduce": _reduce}
_FORMS: dict[str, Form] = {
    "select": _select, "softmax": _softmax, "cumsum": _cumsum, "index": _index, "update": _write, "addat": _write, "stack": _stack,
    "concat": _stack, "broadcast_to": _spread, "full": _spread, "sum_to": _sum_to, "reshape": _moved, "to_real": _moved, "copy": _moved,
    "transpose": lambda s, args, value: _sets(args[0]).T, "flip": _flip, "diag": _diag, "set_diag": _diag, "dot": _matmul,
    "matmul": _matmul, "outer": _outer,
}  # fmt: skip
