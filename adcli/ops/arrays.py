"""NumPy forms of the operations: the only part of the table that imports numpy, and only once an array appears.

Arrays are float64, int64 or bool; a result without axes is a Python number. Nothing here warns or raises for the values of elements.
Forms may return views where `passes.storage` says so (index, reshape, transpose, broadcast_to, sum_to, flip, to_real, stop);
every other result is fresh.
"""
from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np

from adcli.ops import matrices, powers
from adcli.ops.record import Op

Form: TypeAlias = Callable[..., Any]
silent = np.errstate(all="ignore")  # as a decorator it costs half of a with statement


@cache
def form(op: Op, inplace: bool = False, quiet: bool = True) -> Form:
    """The NumPy form: values positionally, attributes as keywords. `inplace`: args[0] may be overwritten (update, addat).

    With quiet false an elementwise form may warn, and may return a NumPy scalar for a result without axes: for callers that silence
    NumPy for a whole run and convert scalars themselves.
    """
    name = op.array
    if inplace and name in _IN_PLACE:
        return _IN_PLACE[name]
    if name is None:
        assert op.scalar is not None
        return each(op.scalar)
    if name.startswith("np."):
        ufunc: Form = getattr(np, name[3:])
        return quieted(ufunc) if quiet else ufunc
    f = _FORMS[name]
    return quieted(f) if quiet and name in _ELEMENTWISE else f


def plain(value: Any) -> Any:
    """An array, or the Python number of a result without axes."""
    if isinstance(value, np.ndarray) and value.ndim:
        return value
    return value.item() if isinstance(value, np.generic | np.ndarray) else value


def quieted(f: Form) -> Form:
    """f without NumPy's warnings, its results plain."""

    @silent
    def apply(*args: Any) -> Any:
        return plain(f(*args))

    return apply


def each(f: Form) -> Form:
    """The scalar form element by element."""

    def apply(*args: Any) -> Any:
        arrays = np.broadcast_arrays(*args)
        shape = arrays[0].shape
        values = [f(*row) for row in zip(*(a.ravel().tolist() for a in arrays), strict=True)]
        if not shape:
            return values[0]
        out = np.empty(shape)
        out.reshape(-1)[:] = values
        return out

    return apply


# Elementwise


def _floordiv(x: Any, y: Any) -> Any:
    """Python's quotient: NumPy's differs where y is 0 or x infinite only in what it warns about; ints by 0 were checked."""
    return np.floor_divide(x, y)


def _mod(x: Any, y: Any) -> Any:
    return np.remainder(x, y)


def _power(x: Any, y: Any) -> Any:
    return np.power(x, y)


def _pow_x(x: Any, y: Any) -> Any:
    """y·x^(y-1), with the rounding error of y - 1 put back; the table of the language at x = 0."""
    if isinstance(y, float) and 1 < y < 2**53 and y.is_integer():
        return y * np.power(x, y - 1.0) + 0.0  # nothing was rounded, and 0 gives 0, not -0
    z = y - 1.0
    error = (y - (z + 1.0)) - (1.0 - ((z + 1.0) - z))
    out = np.power(x, z)
    out = np.where((error != 0) & (x > 0) & (out > 0) & (out < np.inf), out * (1.0 + error * np.log(np.abs(x))), out)
    at_zero = np.where(y > 1, 0.0, np.where(y == 1, 1.0, np.where(y == 0, 0.0, np.where(y > 0, np.inf, np.where(y < 0, -np.inf, np.nan)))))
    return np.where(x == 0, at_zero, y * out)


def _pow_d(x: Any, y: Any, k: Any, m: Any) -> Any:
    """Derivatives of x^y in x alone, y one number, are y(y-1)…·x^(y-k); anything else goes element by element."""
    if not (isinstance(y, float) and isinstance(k, float) and isinstance(m, float) and m == 0 and 0 <= k <= 50):
        return each(powers.pow_d)(x, y, k, m)
    factor = powers.falling(y, int(k), 0)
    if factor == 0:
        return np.where(np.isnan(x), np.nan, 0.0)
    z = y - k
    error = (y - (z + k)) - (k - ((z + k) - z))
    out = np.power(x, z)
    if error:
        out = np.where((x > 0) & (out > 0) & (out < np.inf), out * (1.0 + error * np.log(np.abs(x))), out)
    at_zero = 0.0 if y > k else 1.0 if y == k else np.inf if y > 0 else out
    return factor * np.where(x == 0, at_zero, np.where(np.isnan(x), np.nan, out))


def _clip(x: Any, a: Any, b: Any) -> Any:
    return np.minimum(np.maximum(x, a), b)


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


def _sign(x: Any) -> Any:
    return np.sign(x) + 0


def _share(a: Any, b: Any) -> Any:
    return np.where(np.greater(a, b), 1.0, np.where(np.less(a, b), 0.0, np.where(np.equal(a, b), 0.5, np.nan)))


def _above(a: Any, b: Any) -> Any:
    return np.where(np.greater(a, b), 1.0, np.where(np.less_equal(a, b), 0.0, np.nan))


def _inside(x: Any, a: Any, b: Any) -> Any:
    nan = np.isnan(x) | np.isnan(a) | np.isnan(b)
    return np.where(nan, np.nan, np.where(np.less_equal(a, x) & np.less_equal(x, b), 1.0, 0.0))


def _positive(x: Any) -> Any:
    return np.where(np.greater_equal(x, 0), np.abs(x), np.nan)


def _ratio(x: Any, r: Any) -> Any:
    return np.where(np.equal(r, 0), 0.0, np.divide(x, r))


def _to_int(x: Any) -> Any:
    return np.trunc(x).astype(np.int64)


def _to_real(x: Any) -> Any:
    return np.asarray(x, dtype=float)


def _exp10(x: Any) -> Any:
    return np.power(10.0, x)


def _unit_gap(x: Any) -> Any:
    return (1.0 - x) * (1.0 + x)


def _sech2(x: Any) -> Any:
    e = np.exp(-2.0 * np.abs(x))
    return 4.0 * e / np.square(1.0 + e)


def _sigmoid(x: Any) -> Any:
    e = np.exp(-np.abs(x))
    return np.where(np.less(x, 0), e, 1.0) / (1.0 + e)


def _softplus(x: Any) -> Any:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _logsigmoid(x: Any) -> Any:
    return -_softplus(-x)


def _silu(x: Any) -> Any:
    return np.where(np.equal(x, -np.inf), -0.0, x * _sigmoid(x))


# Making


def _zeros(*dims: int) -> Any:
    return np.zeros(dims)


def _ones(*dims: int) -> Any:
    return np.ones(dims)


def _full(v: Any, *dims: int) -> Any:
    return np.full(dims, v)


def _eye(n: int) -> Any:
    return np.eye(n)


@silent
def _linspace(a: float, b: float, n: int) -> Any:
    """Both ends exact; each element a weighted mean, so that nothing overflows on the way."""
    if n < 2:
        return np.full(max(n, 0), float(a))
    t = np.arange(n) / (n - 1)
    return np.where(t < 0.5, a + t * (b - a), b - (1.0 - t) * (b - a)) if abs(b - a) < np.inf else a * (1.0 - t) + b * t


def _iota(start: int, count: int, step: int) -> Any:
    return start + step * np.arange(max(count, 0), dtype=np.int64)


def _parts(xs: tuple[Any, ...]) -> list[Any]:
    """The arguments as arrays of one element type, real where they differ."""
    arrays = [np.asarray(x) for x in xs]
    same = all(a.dtype == arrays[0].dtype for a in arrays)
    return arrays if same else [a.astype(float) for a in arrays]


def _stack(*xs: Any, axis: int = 0) -> Any:
    return np.stack(_parts(xs), axis)


def _concat(*xs: Any, axis: int = 0) -> Any:
    return np.concatenate(_parts(xs), axis)


def _copy(x: Any) -> Any:
    return np.array(x)


# Sections


def section(shape: tuple[int, ...], pattern: str, at: tuple[int, ...]) -> Any:
    """The NumPy index that a pattern and its integers stand for."""
    key: list[Any] = []
    k = 0
    for axis, letter in enumerate(pattern):
        if letter == "i":
            key.append(at[k])
            k += 1
        elif letter == "s":
            start, count, step = at[k : k + 3]
            k += 3
            start += shape[axis] if start < 0 else 0
            stop = start + count * step
            key.append(slice(0, 0) if count <= 0 else slice(start, stop if stop >= 0 else None, step))
        else:
            key.append(slice(None))
    return tuple(key)


def _index(x: Any, *at: int, pattern: str) -> Any:
    if len(at) == x.ndim and "s" not in pattern:
        return x.item(*at)
    return x[section(x.shape, pattern, at)]


def _set(x: Any, v: Any, *at: int, pattern: str) -> Any:
    if len(at) == x.ndim and "s" not in pattern:
        x[at] = v
    else:
        x[section(x.shape, pattern, at)] = v
    return x


def _add(x: Any, v: Any, *at: int, pattern: str) -> Any:
    if len(at) == x.ndim and "s" not in pattern:
        x[at] = x.item(*at) + v
    else:
        _add_section(x, v, section(x.shape, pattern, at))
    return x


@silent
def _add_section(x: Any, v: Any, key: Any) -> None:
    x[key] += v


def _update(x: Any, v: Any, *at: int, pattern: str) -> Any:
    return _set(np.array(x), v, *at, pattern=pattern)


def _addat(x: Any, v: Any, *at: int, pattern: str) -> Any:
    return _add(np.array(x), v, *at, pattern=pattern)


def _dim(x: Any, *, axis: int) -> int:
    return int(x.shape[axis])


# Shapes


def _broadcast_to(x: Any, *dims: int) -> Any:
    return np.broadcast_to(x, dims) if isinstance(x, np.ndarray) else np.full(dims, x)


@silent
def _sum_to(x: Any, *dims: int) -> Any:
    """x summed over its leading axes, and over those of extent 1 in dims."""
    x = np.asarray(x)
    if x.shape == dims:
        return plain(x)
    lead = x.ndim - len(dims)
    axes = (*range(lead), *(k + lead for k, n in enumerate(dims) if n == 1 and x.shape[k + lead] != 1))
    return plain(np.add.reduce(x, axis=axes).reshape(dims))


def _reshape(x: Any, *dims: int) -> Any:
    return plain(np.reshape(x, dims))


def _flip(x: Any, *, axis: int | None = None) -> Any:
    return np.flip(x, axis)


def _diag(x: Any) -> Any:
    return np.diag(x) if x.ndim == 1 else np.diagonal(x).copy()


def _set_diag(x: Any, m: int, n: int) -> Any:
    out = np.zeros((m, n))
    at = np.arange(len(x))
    out[at, at] = x
    return out


# Reductions


def reduction(f: Form) -> Form:
    """A reduction of a non-empty array; without elements it is nan (or 0 for integers)."""

    @silent
    def apply(x: Any, *, axis: int | None = None) -> Any:
        if x.size:
            return plain(f(x, axis))
        shape = () if axis is None else x.shape[:axis] + x.shape[axis + 1 :]
        return plain(np.full(shape, 0 if x.dtype.kind == "i" else np.nan))

    return apply


@silent
def _sum(x: Any, *, axis: int | None = None) -> Any:
    return plain(np.add.reduce(x, axis=axis, dtype=np.int64 if x.dtype.kind == "i" else float))


def _length(x: Any, axis: int | None) -> int:
    return int(x.size if axis is None else x.shape[axis])


@silent
def _mean(x: Any, *, axis: int | None = None) -> Any:
    return plain(np.divide(_sum(x, axis=axis), _length(x, axis)))


def _count(x: Any, *, axis: int | None = None) -> Any:
    return float(x.size) if axis is None else plain(np.full(x.shape[:axis] + x.shape[axis + 1 :], float(x.shape[axis])))


def _put_back(m: Any, x: Any, axis: int | None) -> Any:
    """A reduction with its axis of extent 1 put back."""
    return m if axis is None else np.expand_dims(m, axis)


@silent
def _weights(x: Any, m: Any, *, axis: int | None = None) -> Any:
    equal = np.equal(x, _put_back(m, x, axis))
    return equal / np.sum(equal, axis=axis, keepdims=True)


@silent
def _norm(x: Any, *, axis: int | None = None) -> Any:
    """sqrt(Σ x²), scaled by the largest element where the squares leave the range of floats."""
    squares = np.add.reduce(np.square(x, dtype=float), axis=axis)
    if squares.ndim == 0 and 1e-270 < squares < np.inf:
        return math.sqrt(squares)
    if np.all((squares > 1e-270) & (squares < np.inf)):
        return plain(np.sqrt(squares))
    largest = np.max(np.abs(x), axis=axis, initial=0.0, keepdims=True)
    scale = np.where((largest > 0) & (largest < np.inf), largest, 1.0)
    return plain(np.sqrt(np.sum(np.square(x / scale), axis=axis)) * np.squeeze(scale, axis))


def _largest(x: Any, axis: int | None) -> Any:
    """The largest element, with its axis kept; 0 where it is infinite, so that x minus it makes sense."""
    m = np.max(x, axis=axis, initial=-np.inf, keepdims=True)
    return np.where(np.isinf(m), 0.0, m)


@silent
def _logsumexp(x: Any, *, axis: int | None = None) -> Any:
    m = _largest(x, axis)
    return plain(np.log(np.sum(np.exp(x - m), axis=axis)) + np.squeeze(m, axis))


@silent
def _softmax(x: Any, *, axis: int | None = None) -> Any:
    e = np.exp(x - _largest(x, axis))
    return e / np.sum(e, axis=axis, keepdims=True)


@silent
def _cumsum(x: Any, *, axis: int | None = None) -> Any:
    return np.cumsum(x, axis)


@silent
def _log_softmax(x: Any, *, axis: int | None = None) -> Any:
    shifted = x - _largest(x, axis)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))


@silent
def _prod(x: Any, *, axis: int | None = None) -> Any:
    return plain(np.multiply.reduce(x, axis=axis, dtype=float))


def _any(x: Any, *, axis: int | None = None) -> Any:
    return plain(np.any(x, axis=axis))


def _all(x: Any, *, axis: int | None = None) -> Any:
    return plain(np.all(x, axis=axis))


# Scans


@silent
def _cumprod(x: Any, *, axis: int | None = None) -> Any:
    return np.cumprod(x, axis)


@silent
def _recurrence(a: Any, b: Any, *, axis: int) -> Any:
    out = np.array(b, dtype=float)
    along, factors = np.moveaxis(out, axis, 0), np.moveaxis(a, axis, 0)
    for k in range(1, len(along)):
        along[k] += factors[k] * along[k - 1]
    return out


def _delay(x: Any, v: float, *, axis: int) -> Any:
    out = np.empty(x.shape)
    along = np.moveaxis(out, axis, 0)
    along[:1] = v
    along[1:] = np.moveaxis(x, axis, 0)[:-1]
    return out


def _sort(x: Any, *, axis: int) -> Any:
    return np.sort(x, axis=axis, kind="stable")


def _argsort(x: Any, *, axis: int) -> Any:
    return np.argsort(x, axis=axis, kind="stable")


def _permute(x: Any, p: Any, *, axis: int) -> Any:
    return np.take_along_axis(x, p, axis)


# Products


@silent
def _matmul(x: Any, y: Any) -> Any:
    return plain(np.matmul(x.astype(float, copy=False), y.astype(float, copy=False)))


@silent
def _outer(x: Any, y: Any) -> Any:
    return np.multiply.outer(x.astype(float, copy=False), y.astype(float, copy=False))


_ELEMENTWISE: dict[str, Form] = {
    "floordiv": _floordiv, "mod": _mod, "power": _power, "pow_x": _pow_x, "pow_d": _pow_d, "clip": _clip, "relu": _relu, "sign": _sign,
    "share": _share,
    "above": _above, "inside": _inside, "positive": _positive, "ratio": _ratio, "to_int": _to_int, "to_real": _to_real, "exp10": _exp10,
    "unit_gap": _unit_gap, "sech2": _sech2, "sigmoid": _sigmoid, "softplus": _softplus, "logsigmoid": _logsigmoid, "silu": _silu,
}  # fmt: skip
_FORMS: dict[str, Form] = _ELEMENTWISE | {
    "zeros": _zeros, "ones": _ones, "full": _full, "eye": _eye, "linspace": _linspace, "iota": _iota, "stack": _stack, "concat": _concat,
    "copy": _copy, "index": _index, "update": _update, "addat": _addat, "dim": _dim, "broadcast_to": _broadcast_to, "sum_to": _sum_to,
    "reshape": _reshape, "flip": _flip, "diag": _diag, "set_diag": _set_diag, "sum": _sum, "mean": _mean, "count": _count,
    "reduce_max": reduction(lambda x, axis: np.max(x, axis=axis)), "reduce_min": reduction(lambda x, axis: np.min(x, axis=axis)),
    "weights": _weights, "norm": _norm, "logsumexp": _logsumexp, "softmax": _softmax, "cumsum": _cumsum, "matmul": _matmul, "outer": _outer,
    "log_softmax": _log_softmax, "prod": _prod, "var": reduction(lambda x, axis: np.var(x, axis=axis)), "any": _any, "all": _all,
    "argmax": reduction(lambda x, axis: np.argmax(x, axis=axis)), "argmin": reduction(lambda x, axis: np.argmin(x, axis=axis)),
    "cumprod": _cumprod, "recurrence": _recurrence, "delay": _delay, "sort": _sort, "argsort": _argsort, "permute": _permute,
} | matrices.FORMS  # fmt: skip
_IN_PLACE: dict[str, Form] = {"update": _set, "addat": _add}
