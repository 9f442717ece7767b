"""Numbers as data files write them: read strictly, and written so that they read back to the same double."""

from __future__ import annotations

import math
import re

from adcli.engines.flags import Flag

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NOT_FINITE = {
    word: value
    for name, value in (("nan", math.nan), ("inf", math.inf), ("infinity", math.inf))
    for word, value in ((name, value), ("+" + name, value), ("-" + name, -value))
}
EXACT = 2**53  # every whole number up to here is a double
LONGEST = 40


class BadNumber(ValueError):
    """A cell holds no number; the message ends a sentence that begins with the place, `help` says what to do."""

    def __init__(self, message: str, help: str = "a number is written as 2, -0.5 or 1e-3; nan and inf are numbers here, too") -> None:
        super().__init__(message)
        self.message = message
        self.help = help


def cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}…{text[-LONGEST // 4 :]}"


def real(text: str, decimal: str = ".") -> tuple[float, Flag | None]:
    """The number in a cell, and a flag where it is not quite what is written. Raises BadNumber."""
    text = text.strip()
    plain = text if decimal == "." else _pointed(text, decimal)
    if not NUMBER.fullmatch(plain):
        if plain.lower() in NOT_FINITE:
            return NOT_FINITE[plain.lower()], None
        raise _no_number(text, decimal)
    value = float(plain)
    if math.isinf(value):
        raise BadNumber(f"{cut(text)} is too large for a number", "the largest is 1.8e308; infinity is inf")
    return value, rounding(plain, value)


def _pointed(text: str, decimal: str) -> str:
    """The cell with a point for the decimal sign; a point that is already there would have meant something else."""
    if "." in text:
        raise BadNumber(f"'{cut(text)}' has a point, and decimals are marked by '{decimal}'", "leave out what groups the digits")
    return text.replace(decimal, ".")


def _no_number(text: str, decimal: str) -> BadNumber:
    if not text:
        return BadNumber("the cell is empty", "--keep-going passes over rows without a value")
    if decimal == "." and NUMBER.fullmatch(text.replace(",", ".", 1)):
        return BadNumber(f"'{cut(text)}' is not a number", "a decimal comma needs --decimal ,")
    return BadNumber(f"'{cut(text)}' is not a number")


def rounding(text: str, value: float) -> Flag | None:
    """The flag for a literal that is no double: a whole number too long for one, or one that vanishes."""
    if value == 0:
        if re.search("[1-9]", re.split("[eE]", text)[0]):
            return Flag("underflow-literal", "", None, f"{cut(text)} in the data is too small for a number: 0 is used")
    elif abs(value) >= EXACT and text.lstrip("+-").isdigit() and int(text[:400]) != int(value):
        return Flag("inexact-input", "", None, f"{cut(text)} in the data is not a binary64 number: {value!r} is used")
    return None


def whole(text: str, decimal: str = ".") -> int:
    """The whole number in a cell. Raises BadNumber."""
    plain = text.strip()
    if plain.lstrip("+-").isdigit() and plain.isascii() and NUMBER.fullmatch(plain) and len(plain) < 30:
        value = int(plain)
    else:
        found, _ = real(text, decimal)
        if not found.is_integer():
            raise BadNumber(f"'{cut(plain)}' is not a whole number", "the input is declared ': int'; without it, it takes reals")
        value = int(found)
    return fitting(value)


def fitting(value: int) -> int:
    """A whole number that fits in 64 bits."""
    if not -(2**63) <= value < 2**63:
        raise BadNumber(f"{value:.3g} does not fit a 64-bit integer", "an input without ': int' takes reals")
    return value


def text_of(value: object, nan: str = "NaN") -> str:
    """A number as CSV has it: `nan` for nan, which every reader knows as NaN; true and false for truth values."""
    if value is True or value is False:
        return "true" if value else "false"
    text = repr(value)
    return nan if text == "nan" else text
