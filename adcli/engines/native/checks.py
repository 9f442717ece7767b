"""What checks test, as LLVM conditions: a form takes the writer of the function at hand, the statement, and its operands."""
from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from adcli.engines.native import scalars
from adcli.engines.native.code import constant, is_number
from adcli.ir.nodes import Check, Var

if TYPE_CHECKING:
    from adcli.engines.native.function import Writer


def _bounds(w: Writer, s: Check, i: str, n: str) -> str:
    c = w.c
    below = c.op(f"icmp slt i64 {i}, {n}")
    if w.never_negative(i) or (is_number(i) and int(i) >= 0):
        return below
    least = c.sub("0", n)
    return c.op(f"and i1 {below}, {c.op(f'icmp sge i64 {i}, {least}')}")


def _slice(w: Writer, s: Check, start: str, size_: str, step: str, n: str) -> str:
    c = w.c
    before_last = c.op(f"sub i64 {size_}, 1")
    last = c.op(f"add i64 {start}, {c.op(f'mul i64 {before_last}, {step}')}")
    inside = [c.op(f"icmp ult i64 {k}, {n}") for k in (start, last)]
    both = c.op(f"and i1 {inside[0]}, {inside[1]}")
    return c.op(f"or i1 {both}, {c.op(f'icmp sle i64 {size_}, 0')}")


def _integral(w: Writer, s: Check, x: str) -> str:
    c = w.c
    if s.args[0].type.elem != "real":
        return "true"
    whole = c.op(f"fcmp oeq double {x}, {scalars.intrinsic('trunc')(c, x)}")
    finite = c.op(f"fcmp olt double {scalars.intrinsic('fabs')(c, x)}, {constant(float('inf'), 'real')}")
    return c.op(f"and i1 {whole}, {finite}")


def _int64(w: Writer, s: Check, v: str) -> str:
    a = s.args[0]
    over = w.overflow.get(a) if isinstance(a, Var) else None
    return w.c.op(f"xor i1 {over}, true") if over else "true"


def _divisor(w: Writer, s: Check, n: str) -> str:
    return w.c.op(f"icmp ne i64 {n}, 0")


def _equal(w: Writer, s: Check, a: str, b: str) -> str:
    return w.c.op(f"icmp eq i64 {a}, {b}")


def _positive_size(w: Writer, s: Check, n: str) -> str:
    return w.c.op(f"icmp sge i64 {n}, 0")


def _true(w: Writer, s: Check, cond: str) -> str:
    return cond


HOLDS: dict[str, Callable[..., str]] = {
    "bounds": _bounds, "slice": _slice, "integral": _integral, "int64": _int64, "divisor": _divisor, "equal": _equal,
    "positive-size": _positive_size, "true": _true,
}  # fmt: skip
