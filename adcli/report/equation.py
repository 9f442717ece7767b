"""Statements with their numbers put in, rounded so that they do not look false.

    2 - 2 = 4.5e-12        becomes        2.0000000000045 - 2 = 4.5e-12

Three decimals are enough for most. Where the numbers as they would be shown give something quite different from the value, they get more
digits: the reader can compute again what the line says.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from adcli import ops
from adcli.report import rules
from adcli.report.formula import Apply, Formula, Infix, Neg, Num, Ref, Word
from adcli.report.notation import Number, Writer
from adcli.report.numbers import LEAST, decimals, exact_number, table_number
from adcli.report.trace import Statement

FINER = (*(decimals(places) for places in (6, 9, 12, 15)), exact_number)
# What is shown may differ from what it gives by that part of it, or by one in the last decimal.
CLOSE, LAST = 0.1, 1e-3
OPERATIONS = {sign: ops.TABLE[name].scalar for name, sign in rules.INFIX.items()}


def put_in(writer: Writer, s: Statement) -> str:
    """The formula of a statement with its numbers, as few digits as do not contradict its value; as many as are asked for, if any are."""
    chosen = writer.format
    if chosen is table_number and isinstance(s.value, float) and math.isfinite(s.value):
        chosen = next((number for number in (table_number, *FINER) if _agrees(s, number)), table_number)
    return Writer(writer.notation, chosen).text(s.formula, s.put)


def _agrees(s: Statement, number: Number) -> bool:
    """Whether the numbers as written give about the value; what cannot be computed here is believed."""
    found = _value(s.formula, s.put, number)
    if found is None:
        return True
    size = abs(s.value)
    return bool(abs(found - s.value) <= max(CLOSE * size, LAST if size == 0 or size >= LEAST else 0.0))


def _value(f: Formula, put: Callable[[Ref], object], number: Number) -> float | None:
    """What a formula of scalars gives with its numbers as they are written; None where it is none."""
    match f:
        case Num(value):
            return _rounded(value, number)
        case Ref():
            return _rounded(put(f), number)
        case Word(text):
            return ops.CONSTANTS.get(text)
        case Neg(operand):
            inner = _value(operand, put, number)
            return None if inner is None else -inner
        case Infix(symbol, left, right):
            return _applied(OPERATIONS.get(symbol), (left, right), put, number)
        case Apply(name, args, _, named) if not named:
            op = ops.PUBLIC.get(name) or ops.TABLE.get(name)
            return _applied(None if op is None else op.scalar, args, put, number)
    return None


def _applied(
    operation: Callable[..., object] | None, args: tuple[Formula, ...], put: Callable[[Ref], object], number: Number
) -> float | None:  # fmt: skip
    values = [_value(a, put, number) for a in args]
    if operation is None or None in values:
        return None
    found = operation(*values)
    return found if isinstance(found, float) else None


def _rounded(value: object, number: Number) -> float | None:
    return float(number(value)) if isinstance(value, float) else float(value) if isinstance(value, int) else None
