"""Flags: what a result must be read with, e.g. a derivative taken at a kink, or the operation that made a nan.

A flag is noted once for each statement, however often the statement runs.
"""
from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from adcli.errors import Span

# Codes that say where a number stopped being finite.
BIRTHS = frozenset({"domain", "singular", "overflow"})


class Flag(NamedTuple):
    """code, the operation's name, where it stands in the program, a sentence; `at`/`is_`: the number printed that is not finite."""

    code: str
    op: str
    span: Span | None
    message: str
    at: str | None = None
    is_: str | None = None


_KINKS = {
    "abs": "abs is not differentiable at 0: the derivative is taken as 0",
    "sign": "sign jumps at 0: the derivative is taken as 0",
    "norm": "norm is not differentiable at 0: the derivative is taken as 0",
    "hypot": "hypot is not differentiable at (0, 0): the derivative is taken as 0",
    "relu": "relu is not differentiable at 0: the derivative is taken as 0",
    "maximum": "max is not differentiable where its arguments are equal: the derivative is split evenly",
    "minimum": "min is not differentiable where its arguments are equal: the derivative is split evenly",
    "reduce_max": "max is not differentiable where its largest elements are equal: the derivative is split evenly",
    "reduce_min": "min is not differentiable where its smallest elements are equal: the derivative is split evenly",
    "sort": "sort is not differentiable where elements are equal: the derivative follows their order in the array",
    "argmax": "argmax jumps where the largest elements are equal: the first is taken, with derivative 0",
    "argmin": "argmin jumps where the smallest elements are equal: the first is taken, with derivative 0",
    "clip": "clip is not differentiable on its bounds: the derivative is taken as 1",
}
_JUMPS = frozenset({"floor", "ceil", "round", "trunc", "floordiv", "mod", "fmod"})
_SHOWN = {
    "maximum": "max", "minimum": "min", "reduce_max": "max", "reduce_min": "min", "add": "+", "sub": "-", "mul": "*", "div": "/",
    "pow": "^", "neg": "-", "floordiv": "//", "mod": "%", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=",
    "to_int": "int",
}  # fmt: skip


def shown(op: str) -> str:
    """The operation's name as programs write it."""
    return _SHOWN.get(op, op)


def message(code: str, op: str) -> str:
    """The sentence of a flag that a Check notes."""
    name = shown(op)
    match code:
        case "nondifferentiable" if op in _KINKS:
            return _KINKS[op]
        case "nondifferentiable" if op in _JUMPS:
            return f"{name} jumps here: the derivative is taken as 0"
        case "nondifferentiable":
            return f"{name} is not differentiable at this point"
        case "singular":
            return f"{name} is at the edge of its domain, where its derivative is infinite or undefined"
        case "domain":
            return f"{name} is outside its domain, where its derivative is nan"
        case "overflow":
            return f"the derivative of {name} is too large for a number"
        case "equality-branch":
            return f"a branch or loop was decided by {name} on a value that depends on the inputs: the derivative is that of the path taken"
        case "branch-boundary":
            return f"{name} compares equal values here, on the boundary of a branch or loop: the derivative is that of the path taken"
        case "overflow-literal":
            return f"{name} is too large for a number: inf is used"
        case "underflow-literal":
            return f"{name} is too small for a number: 0 is used"
        case "inexact-input":
            return f"{name} is not a binary64 number: the nearest one is used"
        case _:
            return f"{name}: {code}"


def noted(code: str, op: str, span: Span | None) -> Flag:
    """The flag that a Check of kind "flag" notes."""
    return Flag(code, op, span, message(code, op))


def birth(op: str, args: Iterable[Any], value: Any, span: Span | None) -> Flag | None:
    """The flag for an operation that made inf or nan of arguments that explain neither; None if it did not.

    domain: nan of arguments without nan. singular: inf at a pole or the edge of a domain. overflow: a number too large.
    """
    args = list(args)
    name = f"the derivative of {shown(_PARTIALS[op])}" if op in _PARTIALS else shown(op)
    op = _PARTIALS.get(op, op)
    if has_nan(value) and not any(map(has_nan, args)):
        if all(map(finite, args)):
            code = "singular" if op == "pow" and _has_zero(args[0]) else "domain"
            return Flag(code, op, span, f"{name} is undefined for {_values(args)}: the result is nan")
        return Flag("domain", op, span, f"{name} of infinite arguments is undefined: the result is nan")
    if not finite(value) and all(map(finite, args)):
        if op in ("div", "floordiv", "mod") and args and _has_zero(args[-1]):
            return Flag("singular", op, span, f"division by zero: the result of {name} is infinite")
        if (op in _POLES and not _far_from_poles(op, args)) or (op == "pow" and args and _has_zero(args[0])):
            return Flag("singular", op, span, f"{name} has a pole or an edge of its domain at {_values(args)}: the result is infinite")
        return Flag("overflow", op, span, f"the result of {name} is too large for a number: it is infinite")
    return None


# Operations of the table that stand for a derivative of another.
_PARTIALS = {"pow_x": "pow", "pow_y": "pow", "pow_d": "pow", "sinc_x": "sinc", "sinc_d": "sinc", "erfinv_d": "erfinv"}

_POLES = frozenset({
    "ln", "log2", "log10", "log1p", "atanh", "logit", "log1mexp", "logexpm1", "erfinv", "gamma", "lgamma", "digamma", "polygamma",
    "factorial", "sec", "csc", "cot", "tan", "logdet",
})  # fmt: skip


def _far_from_poles(op: str, args: list[Any]) -> bool:
    """Whether gamma and its kin, whose poles are at whole numbers up to 0, only grew too large."""
    return op in ("gamma", "lgamma", "factorial") and bool((args[0] >= 1).all() if hasattr(args[0], "shape") else args[0] >= 1)


def _values(args: list[Any]) -> str:
    """Scalar arguments in words; arrays are only called so."""
    if any(hasattr(a, "shape") for a in args):
        return "some elements"
    return ", ".join(repr(a) if not isinstance(a, float) else f"{a:.17g}" for a in args)


def finite(value: Any) -> bool:
    """Whether a scalar, or every element of an array, is finite."""
    if hasattr(value, "shape"):
        return value.dtype.kind != "f" or _all_finite(value)
    return not isinstance(value, float) or math.isfinite(value)


def has_nan(value: Any) -> bool:
    if hasattr(value, "shape"):
        return value.dtype.kind == "f" and bool((value != value).any())
    return isinstance(value, float) and math.isnan(value)


def _all_finite(value: Any) -> bool:
    import numpy as np

    return bool(np.isfinite(value).all())


def _has_zero(value: Any) -> bool:
    return bool((value == 0).any()) if hasattr(value, "shape") else value == 0
