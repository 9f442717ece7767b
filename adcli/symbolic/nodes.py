"""Symbolic expressions: operations of the table over numbers and names, each made once.

node("mul", node("mul", x, y), x): equal expressions are one object, so that a program's shared steps stay shared, and comparison is
identity. Nothing here recurses over depth: walks go over `postorder`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import isfinite, pi, tau
from weakref import WeakValueDictionary

from adcli.ops import TABLE


class Expr:
    """op(args…); a number ("num", a Fraction in `value`), a truth value ("bool") or a name ("name", its text in `value`).

    size: the operations of the whole formula, shared parts counted wherever they stand. digest: names the structure, for a fixed order.
    """

    __slots__ = ("__weakref__", "args", "digest", "op", "size", "value")

    def __init__(self, op: str, args: tuple[Expr, ...], value: Fraction | str | bool | None) -> None:
        self.op = op
        self.args = args
        self.value = value
        self.size: int = sum(a.size for a in args) + (op not in LEAVES)
        text = f"{op}:{value}:".encode()
        self.digest: bytes = hashlib.blake2b(text + b"".join(a.digest for a in args), digest_size=16).digest()

    def __repr__(self) -> str:
        return f"{self.op}({', '.join(map(repr, self.args))})" if self.args else str(self.value)


LEAVES = frozenset({"num", "bool", "name"})
_MADE: WeakValueDictionary[object, Expr] = WeakValueDictionary()
_NAMED = {pi: "pi", tau: "tau", 2.718281828459045: "e"}


def _made(op: str, args: tuple[Expr, ...], value: Fraction | str | bool | None) -> Expr:
    key = (op, args, value)
    found = _MADE.get(key)
    if found is None:
        found = _MADE[key] = Expr(op, args, value)
    return found


def node(op: str, *args: Expr) -> Expr:
    """op(args…) as it is given."""
    return _made(op, args, None)


def name(text: str) -> Expr:
    return _made("name", (), text)


def truth(value: bool) -> Expr:
    return _made("bool", (), value)


def num(value: Fraction | int) -> Expr:
    return _made("num", (), Fraction(value))


ZERO, ONE = num(0), num(1)


def real(value: float) -> Expr:
    """A number of a program: exact as it is written in decimal; pi, tau and e by their names."""
    if value in _NAMED:
        return name(_NAMED[value])
    if not isfinite(value):
        return node("neg", name("inf")) if value == -float("inf") else name("inf" if value > 0 else "nan")
    return num(Fraction(repr(float(value))) if isinstance(value, float) else Fraction(value))


def is_number(e: Expr, value: int) -> bool:
    return e.op == "num" and e.value == value


def postorder(roots: Iterable[Expr]) -> list[Expr]:
    """Every expression in the roots once, arguments first."""
    order: list[Expr] = []
    seen: set[Expr] = set()
    stack = [(e, False) for e in reversed(list(roots))]
    while stack:
        e, ready = stack.pop()
        if ready:
            order.append(e)
        elif e not in seen:
            seen.add(e)
            stack.append((e, True))
            stack.extend((a, False) for a in reversed(e.args) if a not in seen)
    return order


def shared_size(roots: Iterable[Expr]) -> int:
    """How many operations the roots have, each counted once however often it is read: the size of the computational graph."""
    return sum(e.op not in LEAVES for e in postorder(roots))


def names(roots: Iterable[Expr]) -> set[str]:
    """The names in the roots."""
    return {str(e.value) for e in postorder(roots) if e.op == "name"}


def constant(e: Expr) -> float | bool | None:
    """The value of an expression without inputs, or None."""
    values: dict[Expr, float | bool] = {}
    for part in postorder([e]):
        found = _value(part, [values.get(a) for a in part.args])
        if found is None:
            return None
        values[part] = found
    return values[e]


def _value(e: Expr, args: Sequence[float | bool | None]) -> float | bool | None:
    from adcli.ops import CONSTANTS

    if e.op == "num":
        assert isinstance(e.value, Fraction)
        return int(e.value) if e.value.denominator == 1 and abs(e.value) < 2**63 else float(e.value)
    if e.op == "bool":
        return bool(e.value)
    if e.op == "name":
        return CONSTANTS.get(str(e.value))
    form = TABLE[e.op].scalar if e.op in TABLE else None
    if form is None or any(a is None for a in args):
        return None
    found: float | bool = form(*args)
    return found
