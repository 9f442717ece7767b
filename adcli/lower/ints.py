"""Interval arithmetic for 64-bit integers: what decides which overflow and bounds checks are needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

LOWEST, HIGHEST = -(2**63), 2**63 - 1
Interval: TypeAlias = tuple[int, int]
FULL: Interval = (LOWEST, HIGHEST)
Corner: TypeAlias = Callable[[int, int], int]


def fits(interval: Interval) -> bool:
    return interval[0] >= LOWEST and interval[1] <= HIGHEST


def clamped(interval: Interval) -> Interval:
    return max(interval[0], LOWEST), min(interval[1], HIGHEST)


def _corners(op: Corner, a: Interval, b: Interval) -> Interval:
    values = [op(x, y) for x in a for y in b]
    return min(values), max(values)


def combine(op: str, a: Interval, b: Interval) -> Interval:
    """The interval of a op b, before any overflow; where the divisor may be zero that case is left out (it is checked)."""
    match op:
        case "add":
            return a[0] + b[0], a[1] + b[1]
        case "sub":
            return a[0] - b[1], a[1] - b[0]
        case "mul":
            return _corners(lambda x, y: x * y, a, b)
        case "floordiv":
            return _floordiv(a, b)
        case "mod":
            return _mod(b)
        case "maximum":
            return max(a[0], b[0]), max(a[1], b[1])
        case "minimum":
            return min(a[0], b[0]), min(a[1], b[1])
        case _:
            return FULL


def _floordiv(a: Interval, b: Interval) -> Interval:
    if b[0] <= 0 <= b[1]:
        most = max(abs(a[0]), abs(a[1]))
        return -most, most
    return _corners(lambda x, y: x // y, a, b)


def _mod(b: Interval) -> Interval:
    """The remainder has the divisor's sign and is smaller."""
    return min(b[0] + 1, 0), max(b[1] - 1, 0)


def power(a: Interval, exponent: int) -> Interval:
    if max(abs(a[0]), abs(a[1])) > 1 and exponent > 63:
        return LOWEST - 1, HIGHEST + 1
    low, high = a[0] ** exponent, a[1] ** exponent
    if a[0] <= 0 <= a[1] and exponent > 0 and exponent % 2 == 0:
        return 0, max(low, high)
    return min(low, high), max(low, high)


def folded(op: str, a: int, b: int) -> int | None:
    """a op b of two constants, or None where it has no 64-bit value."""
    match op:
        case "add":
            value = a + b
        case "sub":
            value = a - b
        case "mul":
            value = a * b
        case "floordiv" if b:
            value = a // b
        case "mod" if b:
            value = a % b
        case "maximum":
            value = max(a, b)
        case "minimum":
            value = min(a, b)
        case "pow" if 0 <= b <= 64:
            value = a**b
        case _:
            return None
    return value if fits((value, value)) else None
