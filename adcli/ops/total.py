"""Arithmetic and the functions of the C library on Python numbers, made total: IEEE results, never an exception.

Python raises where IEEE arithmetic gives inf or nan (1/0, exp(1000), log(0)), gives complex numbers for (-8.0)**(1/3), and lets
max(1, nan) depend on the order. Ints stay ints where the operation is closed over them (to Python's typing an int is a float).
"""
from __future__ import annotations

import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    Unary: TypeAlias = Callable[[float], float]

INF, NAN = math.inf, math.nan


def total(f: Unary, edges: Mapping[float, float] | None = None, odd: bool = False) -> Unary:
    """f with a value everywhere: at its edges the given ones, inf (with x's sign for an odd function) on overflow, else nan."""
    at = {} if edges is None else edges

    def form(x: float) -> float:
        try:
            return f(x)
        except OverflowError:
            return math.copysign(INF, x) if odd else INF
        except ValueError:
            return at.get(x, NAN)

    return form


def div(x: float, y: float) -> float:
    try:
        return x / y
    except ZeroDivisionError:
        return NAN if x == 0 or x != x else math.copysign(INF, x) * math.copysign(1.0, y)


def floordiv(x: float, y: float) -> float:
    """x // y; an int division by zero is stopped by a Check before it gets here, 0 only keeps the form total."""
    try:
        return x // y
    except ZeroDivisionError:
        return 0 if isinstance(x, int) and isinstance(y, int) else div(x, y)


def mod(x: float, y: float) -> float:
    """The floored remainder, with y's sign."""
    try:
        return x % y
    except ZeroDivisionError:
        return 0 if isinstance(x, int) and isinstance(y, int) else NAN


def fmod(x: float, y: float) -> float:
    """The truncated remainder, with x's sign."""
    try:
        return math.fmod(x, y)
    except ValueError:
        return NAN


def power(x: float, y: float) -> float:
    """x^y; ints with an exponent ≥ 0 stay ints, and one that leaves 64 bits gives ±2^64, for the Check that follows."""
    if isinstance(x, int) and isinstance(y, int) and y >= 0:
        if y < 64 or -2 < x < 2:
            exact: int = x**y
            return exact
        return -(2**64) if x < 0 and y % 2 else 2**64
    try:
        return math.pow(x, y)
    except OverflowError:
        return -INF if x < 0 and y % 2 == 1 else INF
    except ValueError:
        if x == 0:
            return math.copysign(INF, x) if y % 2 == 1 else INF
        return NAN


def maximum(a: float, b: float) -> float:
    return a if a > b or a != a else b


def minimum(a: float, b: float) -> float:
    return a if a < b or a != a else b


def clip(x: float, a: float, b: float) -> float:
    return minimum(maximum(x, a), b)


def relu(x: float) -> float:
    return x if x > 0 or x != x else 0 if isinstance(x, int) else 0.0


def sign(x: float) -> float:
    """-1, 0 or 1; 0 for both zeros."""
    return (x > 0) - (x < 0) if isinstance(x, int) else NAN if x != x else 1.0 if x > 0 else -1.0 if x < 0 else 0.0


def whole(f: Callable[[float], int]) -> Unary:
    """A rounding to whole numbers as a function to floats that keeps the sign of zero, inf and nan."""

    def form(x: float) -> float:
        if -4503599627370496.0 < x < 4503599627370496.0:
            return math.copysign(f(x), x)
        return float(x)

    return form


def truncated(x: float) -> int:
    """x as an int; an infinity or nan is stopped by a Check before it gets here, 0 only keeps the form total."""
    return int(x) if -INF < x < INF else 0


def chosen(c: bool, a: float, b: float) -> float:
    return a if c else b


def hypot(x: float, y: float) -> float:
    return math.hypot(x, y)


def cbrt(x: float) -> float:
    """The C library's cube root (up to 4 ulp off) after one more Newton step."""
    y = math.cbrt(x)
    if 1e-280 < abs(x) < 1e300:
        return y - (y * y * y - x) / (3.0 * y * y)
    return y if x == 0 or x - x != 0 else cbrt(x * 2.0**-60) * 2.0**20 if abs(x) > 1.0 else cbrt(x * 2.0**180) * 2.0**-60


# The operations that rules are written with.


def positive(x: float) -> float:
    """x where x ≥ 0, without the sign of zero, else nan."""
    return abs(x) if x >= 0 else NAN


def share(a: float, b: float) -> float:
    """The part of max(a, b) that is a: 1, 0, or 1/2 where they tie."""
    return 1.0 if a > b else 0.0 if a < b else 0.5 if a == b else NAN


def above(a: float, b: float) -> float:
    return 1.0 if a > b else 0.0 if a <= b else NAN


def inside(x: float, a: float, b: float) -> float:
    return 1.0 if a <= x <= b else NAN if x != x or a != a or b != b else 0.0


def ratio(x: float, r: float) -> float:
    """x/r, and 0 where r is 0."""
    return x / r if r else 0.0


def unit_gap(x: float) -> float:
    return (1.0 - x) * (1.0 + x)


def revolve_split(n: int, s: int) -> int:
    """Where `revolve` puts the next of s snapshots, the first of which is of the start, in n steps that are to be reversed: after so many.

    With b(s, r) = C(s + r, r), the most steps that s snapshots reverse running none of them more than r times, and r the least with
    n <= b(s, r): the first part has at most b(s, r - 1) steps, the second at least b(s - 1, r - 1). n where there is nothing to split.
    Griewank and Walther, "Algorithm 799: revolve", ACM TOMS 26(1), 2000.
    """
    if n < 2 or s < 2:
        return n - 1 if s == 1 and n > 1 else n
    r, most, before = 0, 1, 1
    while most < n:
        r += 1
        before, most = most, most * (s + r) // r
    return min(before, n - before * s // (s + r - 1))
