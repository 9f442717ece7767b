"""Formulas of a trace: small expressions over v, v̇ and v̄, built with the obvious simplifications.

times(Ref("bar", 5), Num(-1.0))   becomes   Neg(Ref("bar", 5)),   which `notation` writes as  -v̄₅
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Num:
    """A number: of the program, or put in for a variable. `value` is a scalar, or an array that is shown as [1, 2]."""

    value: object


@dataclass(frozen=True, slots=True)
class Ref:
    """A node's value ("v"), its tangent ("dot") or its adjoint ("bar")."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Word:
    """A name of the program."""

    text: str


@dataclass(frozen=True, slots=True)
class Neg:
    operand: Formula


@dataclass(frozen=True, slots=True)
class Infix:
    """symbol is one of + - * / // % @ ^ or a comparison."""

    symbol: str
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class Apply:
    """name(args…); `latex` is the operation's template, if it has one; named arguments are (name, text) pairs."""

    name: str
    args: tuple[Formula, ...]
    latex: str | None = None
    named: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """base[at]; with a value, base after the elements at `at` became (":=") or grew by ("+=") it."""

    base: Formula
    at: str
    value: Formula | None = None
    sign: str = ":="


@dataclass(frozen=True, slots=True)
class Items:
    """[a, b, …]: an array made of its elements."""

    items: tuple[Formula, ...]


Formula: TypeAlias = Num | Ref | Word | Neg | Infix | Apply | Section | Items

ZERO = Num(0.0)


def is_number(x: Formula, value: float) -> bool:
    """Whether x is that scalar constant."""
    return isinstance(x, Num) and isinstance(x.value, (int, float)) and x.value == value


def negated(x: Formula) -> Formula:
    if isinstance(x, Neg):
        return x.operand
    if isinstance(x, Num) and isinstance(x.value, (int, float)):
        return Num(-x.value)
    return Neg(x)


def times(bar: Formula, factor: Formula) -> Formula:
    """bar × factor, where factor is a partial derivative: 1 and -1 disappear, signs come to the front, products and fractions go on."""
    if isinstance(factor, Neg):
        return negated(times(bar, factor.operand))
    if is_number(factor, 1):
        return bar
    if isinstance(factor, Num) and isinstance(factor.value, int | float) and factor.value < 0:
        return negated(times(bar, Num(-factor.value)))
    if isinstance(factor, Infix) and factor.symbol in ("*", "/"):
        left = times(bar, factor.left)
        if isinstance(left, Neg):
            return Neg(Infix(factor.symbol, left.operand, factor.right))
        return Infix(factor.symbol, left, factor.right)
    return Infix("*", bar, factor)


def plus(a: Formula, b: Formula) -> Formula:
    """a + b, written as a difference where b is negative."""
    if isinstance(b, Neg):
        return Infix("-", a, b.operand)
    return Infix("+", a, b)


_FOLDED = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def infix(symbol: str, a: Formula, b: Formula) -> Formula:
    """A binary operation of a rule's text: 1 × x, x × 1, x / 1, x ^ 1, 0 + x and x - 0 become x, x × (1 / y) x / y, 2 - 1 1."""
    if symbol in _FOLDED and isinstance(a, Num) and isinstance(b, Num):
        x, y = a.value, b.value
        if isinstance(x, int | float) and isinstance(y, int | float):
            return Num(_FOLDED[symbol](x, y))
    if symbol == "*":
        if is_number(a, 1):
            return b
        if isinstance(b, Infix) and b.symbol == "/" and is_number(b.left, 1):
            return Infix("/", a, b.right)
        return a if is_number(b, 1) else Infix(symbol, a, b)
    if symbol in ("/", "^") and is_number(b, 1):
        return a
    if symbol in ("+", "-") and is_number(b, 0):
        return a
    if symbol == "+" and is_number(a, 0):
        return b
    return Infix(symbol, a, b)
