"""Operations on arrays of numbers of any precision: NumPy arrays of mpmath objects. The part of `precise` that imports numpy.

A form takes (mp, values, exacts, attributes): the arguments as the run in binary64 has them, and the same in high precision. What an
order of elements decides (a maximum, a sort) goes by the former, so that both runs take the same path.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any, TypeAlias

import numpy as np

from adcli.ops import arrays

Form: TypeAlias = "Callable[..., Any]"


def elementwise(f: Callable[..., Any], args: Sequence[Any]) -> Any:
    """f element by element, with broadcasting."""
    with np.errstate(all="ignore"):  # 0·inf is nan here, and nothing to warn of
        return np.frompyfunc(f, len(args), 1)(*args)


def lifted(mp: Any, value: Any) -> Any:
    """An array of binary64 numbers, exactly."""
    return np.frompyfunc(mp.mpf, 1, 1)(value) if value.size else value.astype(object)


def nearest(value: Any) -> Any:
    """The binary64 numbers nearest to the elements."""
    return value.astype(float)


def settled(mp: Any, value: Any) -> Any:
    """The result of a form: every element a number of mp's, an array without axes its element."""
    if isinstance(value, np.ndarray) and value.ndim:
        return lifted(mp, value)
    return mp.mpf(value.item() if isinstance(value, np.ndarray | np.generic) else value)


def selected(c: Any, a: Any, b: Any) -> Any:
    return np.where(c, a, b)


def form(name: str) -> Form | None:
    """The form of the operation, None where there is none."""
    return _FORMS.get(name)


def _moving(name: str) -> Form:
    """What only puts elements elsewhere is done by the form that binary64 has."""

    def apply(mp: Any, values: Sequence[Any], exacts: Sequence[Any], **attrs: Any) -> Any:
        f = getattr(np, name[3:]) if name.startswith("np.") else arrays._FORMS[name]
        return f(*exacts, **attrs)

    return apply


def _exactly(f: Callable[..., Any]) -> Form:
    """f(mp, arguments in high precision)."""
    return lambda mp, values, exacts, **attrs: f(mp, *exacts, **attrs)


def _along(mp: Any, f: Callable[[list[Any]], Any], x: Any, axis: int | None) -> Any:
    """f of the elements along an axis, or of all: a number, or as many as there are."""
    if axis is None:
        found = f(list(x.flat))
        return np.array(found, dtype=object).reshape(x.shape) if isinstance(found, list) else found
    rows = np.moveaxis(x, axis, -1)
    parts = {k: f(list(rows[k])) for k in np.ndindex(rows.shape[:-1])}
    listed = any(isinstance(part, list) for part in parts.values())
    out = np.empty(rows.shape if listed else rows.shape[:-1], dtype=object)
    for k, part in parts.items():
        out[k] = part
    return np.moveaxis(out, -1, axis) if listed else out


def _folded(f: Callable[[Any, list[Any]], Any]) -> Form:
    def apply(mp: Any, values: Sequence[Any], exacts: Sequence[Any], axis: int | None = None) -> Any:
        return _along(mp, lambda xs: f(mp, xs), exacts[0], axis)

    return apply


def _mean(mp: Any, xs: list[Any]) -> Any:
    return mp.fsum(xs) / len(xs) if xs else mp.nan


def _var(mp: Any, xs: list[Any]) -> Any:
    mean = _mean(mp, xs)
    return _mean(mp, [(x - mean) ** 2 for x in xs])


def _softmax(mp: Any, xs: list[Any]) -> list[Any]:
    top = max(xs, default=0)
    parts = [mp.exp(x - top) for x in xs]
    whole = mp.fsum(parts)
    return [p / whole for p in parts]


def _logsumexp(mp: Any, xs: list[Any]) -> Any:
    top = max(xs, default=0)
    return top + mp.log(mp.fsum(mp.exp(x - top) for x in xs)) if xs and mp.isfinite(top) else top if xs else mp.ninf


def _log_softmax(mp: Any, xs: list[Any]) -> list[Any]:
    whole = _logsumexp(mp, xs)
    return [x - whole for x in xs]


def _running(join: Callable[[Any, Any], Any]) -> Callable[[Any, list[Any]], list[Any]]:
    def apply(mp: Any, xs: list[Any]) -> list[Any]:
        out: list[Any] = []
        for x in xs:
            out.append(join(out[-1], x) if out else x)
        return out

    return apply


def _chosen(mp: Any, values: Sequence[Any], exacts: Sequence[Any], axis: int | None, find: Callable[..., Any]) -> Any:
    """The element that binary64 finds."""
    x, exact = values[0], exacts[0]
    if not x.size:
        return mp.nan if axis is None else np.full(x.shape[:axis] + x.shape[axis + 1 :], mp.nan, dtype=object)
    if axis is None:
        return exact.reshape(-1)[int(find(x))]
    return np.take_along_axis(exact, np.expand_dims(find(x, axis=axis), axis), axis).squeeze(axis)


def _weights(mp: Any, values: Sequence[Any], exacts: Sequence[Any], axis: int | None = None) -> Any:
    x, m = values
    equal = np.equal(x, m if axis is None else np.expand_dims(m, axis))
    count = np.sum(equal, axis=axis, keepdims=True)
    return elementwise(lambda e, n: mp.mpf(int(e)) / int(n), (equal, count))


def _sort(mp: Any, values: Sequence[Any], exacts: Sequence[Any], axis: int) -> Any:
    return np.take_along_axis(exacts[0], np.argsort(values[0], axis=axis, kind="stable"), axis)


def _permute(mp: Any, values: Sequence[Any], exacts: Sequence[Any], axis: int) -> Any:
    return np.take_along_axis(exacts[0], values[1], axis)


def _linspace(mp: Any, values: Sequence[Any], exacts: Sequence[Any]) -> Any:
    (a, b, _), n = exacts, int(values[2])
    return np.array([a + (b - a) * k / (n - 1) if n > 1 else a for k in range(n)], dtype=object)


def _delay(mp: Any, x: Any, v: Any, axis: int) -> Any:
    out = np.empty(x.shape, dtype=object)
    along = np.moveaxis(out, axis, 0)
    along[:1] = v
    along[1:] = np.moveaxis(x, axis, 0)[:-1]
    return out


def _recurrence(mp: Any, a: Any, b: Any, axis: int) -> Any:
    out = b.copy()
    along, factors = np.moveaxis(out, axis, 0), np.moveaxis(a, axis, 0)
    for k in range(1, len(along)):
        along[k] = along[k] + factors[k] * along[k - 1]
    return out


def _sum_to(mp: Any, x: Any, *dims: Any) -> Any:
    x = np.asarray(x, dtype=object)
    shape = tuple(map(int, dims))
    if x.shape == shape:
        return x
    lead = x.ndim - len(shape)
    axes = (*range(lead), *(k + lead for k, n in enumerate(shape) if n == 1 and x.shape[k + lead] != 1))
    return np.asarray(np.add.reduce(x, axis=axes), dtype=object).reshape(shape)


def _filled(mp: Any, values: Sequence[Any], exacts: Sequence[Any]) -> Any:
    out = np.empty(tuple(int(n) for n in values[1:]), dtype=object)
    out.fill(exacts[0])
    return out


def _spread(mp: Any, values: Sequence[Any], exacts: Sequence[Any]) -> Any:
    return np.broadcast_to(np.asarray(exacts[0], dtype=object), tuple(int(n) for n in values[1:]))


def _shaped(mp: Any, values: Sequence[Any], exacts: Sequence[Any]) -> Any:
    return np.asarray(exacts[0], dtype=object).reshape(tuple(int(n) for n in values[1:]))


def _section(name: str) -> Form:
    """index, update, addat: their subscripts are integers of the run."""

    def apply(mp: Any, values: Sequence[Any], exacts: Sequence[Any], pattern: str) -> Any:
        given = 1 if name == "index" else 2
        return arrays._FORMS[name](*exacts[:given], *values[given:], pattern=pattern)

    return apply


def _parts(join: Callable[..., Any]) -> Form:
    return lambda mp, values, exacts, axis=0: join([np.asarray(x, dtype=object) for x in exacts], axis)


def _set_diag(mp: Any, values: Sequence[Any], exacts: Sequence[Any]) -> Any:
    out = _zeros(mp, (int(values[1]), int(values[2])))
    at = np.arange(len(exacts[0]))
    out[at, at] = exacts[0]
    return out


def _diag(mp: Any, x: Any) -> Any:
    if x.ndim == 2:
        return np.diagonal(x).copy()
    return _set_diag(mp, (x, len(x), len(x)), (x,))


def _zeros(mp: Any, shape: tuple[int, ...]) -> Any:
    out = np.empty(shape, dtype=object)
    out.fill(mp.zero)
    return out


def _lower(mp: Any, a: Any, k: int = 0) -> Any:
    return np.where(np.tril(np.ones(a.shape, dtype=bool), k), a, mp.zero)


def _half_lower(mp: Any, a: Any) -> Any:
    out = _lower(mp, a)
    at = np.arange(len(a))
    out[at, at] = out[at, at] / 2
    return out


def _cross(mp: Any, x: Any, y: Any) -> Any:
    (a, b, c), (p, q, r) = x, y
    return np.array([b * r - c * q, c * p - a * r, a * q - b * p], dtype=object)


def _array(m: Any) -> Any:
    return np.array(m.tolist(), dtype=object).reshape(m.rows, m.cols)


def _solve(mp: Any, a: Any, b: Any) -> Any:
    columns = [_array(mp.lu_solve(mp.matrix(a.tolist()), mp.matrix(c.tolist())))[:, 0] for c in (b.T if b.ndim == 2 else [b])]
    return np.stack(columns, axis=1) if b.ndim == 2 else columns[0]


def _det(mp: Any, a: Any) -> Any:
    return mp.det(mp.matrix(a.tolist())) if len(a) else mp.one


def _logdet(mp: Any, a: Any) -> Any:
    d = _det(mp, a)
    return mp.log(d) if d > 0 else mp.ninf if d == 0 else mp.nan


def _minors(mp: Any, a: Any, *hs: Any) -> Any:
    """The cofactors: rows of a replaced by those of the hs in every order, the row that is left gets the cofactors."""
    n = len(a)
    out = _zeros(mp, (n, n))
    for rows in permutations(range(n), len(hs) + 1):
        m = a.copy()
        for row, h in zip(rows, hs, strict=False):
            m[row] = h[row]
        rest = np.delete(m, rows[-1], 0)
        for column in range(n):
            out[rows[-1], column] += (-1) ** (rows[-1] + column) * _det(mp, np.delete(rest, column, 1))
    return out


def _matmul(mp: Any, x: Any, y: Any) -> Any:
    return np.matmul(x, y) if x.shape[-1] else _zeros(mp, x.shape[:-1] + y.shape[1:])


def _inv(mp: Any, a: Any) -> Any:
    return _array(mp.inverse(mp.matrix(a.tolist())))


def _cholesky(mp: Any, a: Any) -> Any:
    return _array(mp.cholesky(mp.matrix((_lower(mp, a) + _lower(mp, a, -1).T).tolist())))


_FORMS: dict[str, Form] = {
    "index": _section("index"), "update": _section("update"), "addat": _section("addat"),
    "full": _filled, "broadcast_to": _spread, "reshape": _shaped, "set_diag": _set_diag, "linspace": _linspace,
    "stack": _parts(np.stack), "concat": _parts(np.concatenate), "permute": _permute, "sort": _sort, "weights": _weights,
    "copy": _moving("copy"), "transpose": _moving("np.transpose"), "flip": _moving("flip"),
    "reduce_max": lambda mp, values, exacts, axis=None: _chosen(mp, values, exacts, axis, np.argmax),
    "reduce_min": lambda mp, values, exacts, axis=None: _chosen(mp, values, exacts, axis, np.argmin),
    "sum": _folded(lambda mp, xs: mp.fsum(xs)), "mean": _folded(_mean), "var": _folded(_var), "prod": _folded(lambda mp, xs: mp.fprod(xs)),
    "norm": _folded(lambda mp, xs: mp.sqrt(mp.fsum(xs, squared=True))), "logsumexp": _folded(_logsumexp), "softmax": _folded(_softmax),
    "log_softmax": _folded(_log_softmax), "cumsum": _folded(_running(lambda a, b: a + b)), "cumprod": _folded(_running(lambda a, b: a * b)),
    "delay": _exactly(_delay), "recurrence": _exactly(_recurrence), "sum_to": _exactly(_sum_to), "diag": _exactly(_diag),
    "dot": _exactly(_matmul), "matmul": _exactly(_matmul), "outer": _exactly(lambda mp, x, y: np.multiply.outer(x, y)),
    "cross": _exactly(_cross), "tril": _exactly(_lower), "triu": _exactly(lambda mp, a: _lower(mp, a.T).T),
    "half_lower": _exactly(_half_lower), "mirror": _exactly(lambda mp, a: _lower(mp, a) + _lower(mp, a, -1).T),
    "fold": _exactly(lambda mp, a: _half_lower(mp, a + a.T)), "solve": _exactly(_solve), "inv": _exactly(_inv), "det": _exactly(_det),
    "minors": _exactly(_minors), "logdet": _exactly(_logdet), "cholesky": _exactly(_cholesky),
}  # fmt: skip
