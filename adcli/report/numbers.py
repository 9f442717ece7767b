"""How trace tables and JSON write numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

# The smallest number that three decimals show.
LEAST = 5e-4


def _short(text: str) -> str:
    """A fixed or exponential text without what says nothing: 2.500 → 2.5, 1.000e-07 → 1e-7."""
    mantissa, e, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    if mantissa == "-0":
        mantissa = "0"
    return mantissa + (f"e{int(exponent)}" if e else "")


def decimals(places: int) -> Callable[[object], str]:
    """Numbers with so many decimals, and an exponent where three would show 0, or more than nine digits stand before the point."""

    def write(value: object) -> str:
        if not isinstance(value, float):
            return str(value).lower()
        if not math.isfinite(value):
            return str(value)
        if value != 0 and not LEAST <= abs(value) < 1e9:
            return _short(f"{value:.{places}e}")
        return _short(f"{value:.{places}f}")

    return write


# As in the survey's tables.
table_number = decimals(3)


def exact_number(value: object) -> str:
    """The shortest text that reads back to the same double; whole numbers without .0."""
    if not isinstance(value, float):
        return str(value).lower()
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def significant(digits: int) -> Callable[[object], str]:
    """Numbers rounded to that many significant digits."""

    def write(value: object) -> str:
        if not isinstance(value, float):
            return str(value).lower()
        text = f"{value:.{digits}g}"
        return _short(text) if math.isfinite(value) else text

    return write
