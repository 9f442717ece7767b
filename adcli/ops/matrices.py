"""NumPy forms of linear algebra. Like `arrays`, imported only once an array appears.

Matrices are float64. A matrix without an inverse, or without a Cholesky factor, is an error: no number would be right there.
"""
from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice, permutations
from typing import Any

import numpy as np

EPSILON = float(np.finfo(float).eps)
# Up to this size determinants are written out, so that small whole numbers give exact results.
WRITTEN_OUT = 3
# Subsets of rows that `minors` works on at a time.
CHUNK = 4096

silent = np.errstate(all="ignore")


class SingularMatrix(np.linalg.LinAlgError):
    """The matrix has no inverse."""


class NotPositiveDefinite(np.linalg.LinAlgError):
    """The matrix has no Cholesky factor."""


def solve(a: Any, b: Any) -> Any:
    try:
        return np.linalg.solve(_regular(a), b)
    except np.linalg.LinAlgError as e:
        raise SingularMatrix from e


def inv(a: Any) -> Any:
    try:
        return np.linalg.inv(_regular(a))
    except np.linalg.LinAlgError as e:
        raise SingularMatrix from e


@silent
def _regular(a: Any) -> Any:
    """The matrix, unless a column is a combination of those before it as far as rounding can tell.

    That is a diagonal element of R in A = QR that is lost in its column, once the rows of A are scaled to one size.
    """
    size = np.max(np.abs(a), axis=1, keepdims=True, initial=0.0)
    if not np.all(np.isfinite(size)):
        return a
    if not np.all(size):
        raise SingularMatrix
    r = np.abs(np.linalg.qr(a / size, mode="r"))
    if np.any(np.diagonal(r) <= len(a) * EPSILON * np.max(r, axis=0, initial=0.0)):
        raise SingularMatrix
    return a


@silent
def det(a: Any) -> float:
    return _written_out(a.tolist()) if len(a) <= WRITTEN_OUT else float(np.linalg.det(a))


def _written_out(a: Sequence[Sequence[float]]) -> float:
    """The determinant of up to three rows, each term of which is one product."""
    match len(a):
        case 0:
            return 1.0
        case 1:
            return a[0][0]
        case 2:
            return a[0][0] * a[1][1] - a[0][1] * a[1][0]
        case _:
            (p, q, r), (s, t, u), (v, w, x) = a
            return p * (t * x - u * w) - q * (s * x - u * v) + r * (s * w - t * v)


@silent
def minors(a: Any, *hs: Any) -> Any:
    """The gradient of the derivative of det at a along the matrices hs; without any, the matrix of cofactors.

    With A = U S V', the derivative of order k along H₁, H₂, … is that of det(S) along U'H₁V, …, up to a sign; and there it is a sum over
    sets of k rows: the product of the other singular values, times the sum of the determinants in whose rows the Hᵢ take turns.
    Nothing is divided, so that singular matrices are no exception.
    """
    if len(hs) >= len(a):
        return np.zeros(a.shape)
    if len(a) <= WRITTEN_OUT:
        return _rows_replaced(a, hs)
    if not all(np.all(np.isfinite(x)) for x in (a, *hs)):
        return np.full(a.shape, np.nan)
    u, s, vt = np.linalg.svd(a)
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    return sign * (u @ _minors_of_diagonal(s, [u.T @ h @ vt.T for h in hs]) @ vt)


def _rows_replaced(a: Any, hs: Sequence[Any]) -> Any:
    """minors, by rows of a replaced by those of the hs in every order; the row that is left gets the cofactors."""
    n = len(a)
    out = np.zeros((n, n))
    for rows in permutations(range(n), len(hs) + 1):
        m = a.copy()
        for row, h in zip(rows, hs, strict=False):
            m[row] = h[row]
        free = rows[-1]
        rest = np.delete(m, free, 0)
        for column in range(n):
            out[free, column] += (-1) ** (free + column) * _written_out(np.delete(rest, column, 1).tolist())
    return out


def _minors_of_diagonal(s: Any, hs: Sequence[Any]) -> Any:
    n, m = len(s), len(hs)
    out = np.zeros((n, n))
    for chosen in _subsets(n, m + 1):
        others = np.ones((len(chosen), n), dtype=bool)
        np.put_along_axis(others, chosen, False, axis=1)
        weight = np.prod(np.where(others, s, 1.0), axis=1)
        for order in permutations(range(m + 1)):
            rows = chosen[:, order]
            signed = weight * _parity(order)
            taken = np.zeros((len(chosen), m, m + 1))
            for j, h in enumerate(hs):
                taken[:, j] = h[rows[:, j, None], chosen]
            for column in range(m + 1):
                cofactors = (-1) ** (m + column) * np.linalg.det(np.delete(taken, column, axis=2))
                np.add.at(out, (rows[:, m], chosen[:, column]), signed * cofactors)
    return out


def _subsets(n: int, k: int) -> Iterator[Any]:
    """All sets of k numbers below n, as the rows of some arrays."""
    found = combinations(range(n), k)
    while some := list(islice(found, CHUNK)):
        yield np.array(some)


def _parity(order: Sequence[int]) -> int:
    """1 for an even permutation, -1 for an odd one."""
    return -1 if sum(a > b for a, b in combinations(order, 2)) % 2 else 1


@silent
def logdet(a: Any) -> float:
    sign, out = np.linalg.slogdet(a)
    return float("nan") if sign < 0 else float(out)


@silent
def cholesky(a: Any) -> Any:
    if not np.all(np.isfinite(np.tril(a))):
        return np.tril(np.full(a.shape, np.nan))
    try:
        return np.linalg.cholesky(a)
    except np.linalg.LinAlgError as e:
        raise NotPositiveDefinite from e


def tril(a: Any) -> Any:
    return np.tril(a)


def triu(a: Any) -> Any:
    return np.triu(a)


def half_lower(a: Any) -> Any:
    return np.tril(a) - 0.5 * np.diag(np.diagonal(a))


def mirror(a: Any) -> Any:
    return np.tril(a) + np.tril(a, -1).T


@silent
def fold(a: Any) -> Any:
    return half_lower(a + a.T)


@silent
def cross(x: Any, y: Any) -> Any:
    return np.cross(x, y)


FORMS: dict[str, Callable[..., Any]] = {
    "solve": solve, "inv": inv, "det": det, "minors": minors, "logdet": logdet, "cholesky": cholesky, "tril": tril, "triu": triu,
    "half_lower": half_lower, "mirror": mirror, "fold": fold, "cross": cross,
}  # fmt: skip
