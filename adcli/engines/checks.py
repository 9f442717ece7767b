"""The tests of Check statements: how each is made in a run of scalar operations, and the error where it does not hold.

A test is a C function that raises where it fails, e.g. range(3)[i]; only then is it looked at closely, by `failure`.
"""
from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from adcli import errors
from adcli.errors import EvaluationError
from adcli.ir.nodes import Atom, Check, Const

INT_MIN, INT_MAX = -(2**63), 2**63 - 1


class _Failed(ArithmeticError):
    """A test written in Python does not hold."""


def _slice(start: int, count: int, step: int, n: int) -> None:
    if count > 0 and not (0 <= start < n and 0 <= start + (count - 1) * step < n):
        raise _Failed


def _equal(a: Any, b: Any) -> None:
    if a != b:
        raise _Failed


def _integral(x: float) -> None:
    if x != x or x in (float("inf"), float("-inf")) or x != x // 1:
        raise _Failed


def _not_negative(n: int) -> None:
    if n < 0:
        raise _Failed


_HOLDS = {True: None}.__getitem__
_RAISED = [None].__getitem__
_ANY_INT = repeat

TESTS: dict[str, Callable[..., Any]] = {
    "slice": _slice,
    "equal": _equal,
    "integral": _integral,
    "positive-size": _not_negative,
    "true": _HOLDS,
    "flag": _RAISED,  # raises for True
}


def test(check: Check) -> tuple[Callable[..., Any], tuple[Atom | list[Any], ...]]:
    """A function that raises ArithmeticError, ValueError or LookupError where the check fails; its arguments, values in a list."""
    args = check.args
    match check.kind:
        case "bounds":
            extent = args[1]
            if isinstance(extent, Const):
                return operator.getitem, ([range(int(extent.value))], args[0])
            return _bounds, args
        case "divisor":
            return operator.mod, ([1], args[0])
        case "int64":
            return _ANY_INT, ([None], args[0])
        case "flag" if args[0].type.rank:
            return _any, args
        case kind:
            return TESTS[kind], args


def _bounds(i: int, n: int) -> None:
    if not -n <= i < n:
        raise _Failed


def _any(cond: Any) -> None:
    if cond.any():
        raise _Failed


def failure(check: Check, values: Sequence[Any]) -> EvaluationError:
    """The error of a check that these values fail."""
    about = check.about[0] if check.about else ""
    span = check.span
    match check.kind:
        case "bounds":
            i, n = values
            most = f"indices go from 0 to {n - 1}, or from -{n} to -1 counted from the end" if n else "the array is empty"
            return errors.IndexOutOfRange(f"index {i} is out of range for length {n}", span, help=most)
        case "slice":
            start, count, step, n = values
            last = start + (count - 1) * step
            return errors.SliceOutOfRange(
                f"the slice takes elements {start} to {last}, which a length of {n} does not have", span,
                help=f"a slice stays within 0..{n}",
            )
        case "integral":
            text = f"{about or 'an index or size'} must be a whole number, not {values[0]!r}"
            fraction = "int(x) drops the fraction" if math.isfinite(values[0]) else "whole numbers are finite"
            return errors.NotWhole(text, span, help=fraction)
        case "int64":
            return errors.IntegerOverflow("a whole number does not fit in 64 bits", span, help="with a real number (2.0) it becomes a real")
        case "divisor":
            text = "with a real number (2.0) the result is inf or nan"
            return errors.IntegerDivisionByZero("a whole number is divided by zero", span, help=text)
        case "equal":
            a, b = values
            text = "slices or counts decide these sizes while the program runs: mend those, or the values given"
            return errors.ShapeMismatch(f"{about or 'extents'} must be equal, but are {a} and {b}", span, help=text)
        case "positive-size":
            text = "a size is 0 or a positive whole number"
            return errors.NegativeSize(f"{about or 'a size'} cannot be negative, but is {values[0]}", span, help=text)
        case _:
            text = "the values that arise while the program runs decide this: mend those, or test for the case with if"
            return errors.FailedCheck(about or "a condition does not hold", span, help=text)
