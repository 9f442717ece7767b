"""Derivatives of x^y of any order, right at x = 0 and exact for whole exponents.

    d^k/dx^k d^m/dy^m x^y = Σⱼ C(m, j) · P⁽ʲ⁾(y) · x^(y-k) · ln(x)^(m-j),   P(y) = y (y-1) ⋯ (y-k+1)

At x = 0 a term counts as 0 where P⁽ʲ⁾(y) is 0 or the power of x is positive; a logarithm there has no limit otherwise: nan.
"""
from __future__ import annotations

import math

from adcli.ops.total import INF, NAN, power

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def shifted(x: float, y: float, k: float) -> float:
    """x^(y - k) for x ≠ 0, with the rounding error of y - k put back: near 1e200 it is worth a hundred ulp."""
    z = y - k
    out = power(x, z)
    back = z + k
    error = (y - back) - (k - (back - z))
    if error and x > 0 and 0.0 < out < INF:
        return out * (1.0 + error * math.log(x))
    return out


def pow_x(x: float, y: float) -> float:
    """y·x^(y-1); at x = 0: 0 for y > 1 and y = 0, 1 for y = 1, inf for 0 < y < 1, -inf for y < 0."""
    if y == 2:
        return x + x
    if x == 0:
        if y < 1:
            return 0.0 if y == 0 else INF if y > 0 else -INF
        return 1.0 if y == 1 else 0.0 if y > 1 else NAN
    return y * shifted(x, y, 1.0)


def pow_y(x: float, y: float) -> float:
    """x^y·ln(x); at x = 0: 0 for y > 0, else nan; nan for x < 0."""
    if x > 0:
        return power(x, y) * math.log(x)
    return 0.0 if x == 0 and y > 0 else NAN


def falling(y: float, k: int, j: int) -> float:
    """The j-th derivative of y (y-1) ⋯ (y-k+1)."""
    d = [1.0] + [0.0] * j
    for i in range(k):
        factor = y - i
        d = [factor * d[n] + (n * d[n - 1] if n else 0.0) for n in range(j + 1)]
    return d[j]


def pow_d(x: float, y: float, k: float, m: float) -> float:
    """The k-th derivative in x of the m-th derivative in y of x^y, k and m ≤ 50."""
    if not (0 <= k <= 50 and 0 <= m <= 50) or y != y or x != x or (x < 0 and m):
        return NAN
    kk, mm = int(k), int(m)
    total = 0.0
    for j in range(mm + 1):
        factor = math.comb(mm, j) * falling(y, kk, j)
        if factor:
            total += factor * _term(x, y, kk, mm - j)
        elif x == 0 and mm - j and y <= kk:
            return NAN
    return total


def _term(x: float, y: float, k: int, logs: int) -> float:
    """x^(y-k)·ln(x)^logs."""
    if x == 0:
        if logs:
            return 0.0 if y > k else NAN
        return 0.0 if y > k else 1.0 if y == k else INF if y > 0 else power(x, y - k)
    return shifted(x, y, k) * (math.log(x) ** logs if logs else 1.0)


def mp_pow_d(mp: Any, x: Any, y: Any, k: Any, m: Any) -> Any:
    """The same in mpmath."""
    return mp.diff(lambda a, b: mp.power(a, b), (x, y), (int(k), int(m)))
