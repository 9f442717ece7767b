"""Checks: what is tested, as LLVM conditions; flags, which are noted where they are raised; and integers that may not fit.

    check bounds i, n       %ok = -n <= i < n; leave with i and n if not
    check flag c            byte of the flag |= c
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import reductions, scalars, state
from adcli.engines.native.code import STATE, constant, is_number
from adcli.engines.native.sites import of_check
from adcli.engines.native.values import Value
from adcli.ir.nodes import Check, Let, Var

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer
    from adcli.ops import Op


def check(w: Writer, s: Check) -> None:
    values = [w.value(a) for a in s.args]
    if s.kind == "flag":
        return flag(w, s, values[0])
    v = [str(x) for x in values]
    w.guards.hold(HOLDS[s.kind](w, s, *v), of_check(s), v)
    if s.kind == "equal":
        w.extents.found_equal(*v)
    return None


def flag(w: Writer, s: Check, cond: Value) -> None:
    c = w.c
    if not isinstance(cond, str):
        cond = reductions.total(w, cond, "any", "bool", "bool")
    if cond == "0":
        return
    ptr = c.op(f"getelementptr inbounds i8, ptr %ctx, i64 {state.FLAGS + w.module.flag(s)}")
    byte = c.op(f"zext i1 {cond} to i8")
    old = c.op(f"load i8, ptr {ptr}, !tbaa {STATE}")
    c.do(f"store i8 {c.op(f'or i8 {old}, {byte}')}, ptr {ptr}, !tbaa {STATE}")


def watch(w: Writer, op: Op, args: Sequence[tuple[str, str]], out: str) -> None:
    """Note where a result is not finite."""
    c = w.c
    number = w.module.watching(op.name, len(args), w.guards.span)
    note, on = c.new_label("note"), c.new_label("on")
    gone = c.op(f"fsub double {out}, {out}")
    c.branch(c.op(f"fcmp uno double {gone}, {gone}"), note, on, unlikely=True)
    c.label(note)
    reals = [scalars.coerced(c, a, e, "real") for a, e in args[:3]]
    reals += [scalars.ZERO] * (3 - len(reals))
    given = ", ".join(f"double {x}" for x in (out, *reals))
    c.do(f"call void @adcli.note(ptr {c.slot(number)}, ptr {c.slot(state.WATCHED)}, {given})")
    c.go(on)
    c.label(on)


def exact(w: Writer, s: Let, operands: Sequence[tuple[str, str]]) -> str:
    """An integer operation that notes whether its result fits, for the check that follows it."""
    c, name = w.c, s.op.name
    if name in ("add", "sub", "mul") and all(e == "int" for _, e in operands):
        pair = c.call(f"llvm.s{name}.with.overflow.i64", "{i64, i1}", [("i64", a) for a, _ in operands])
    elif name == "pow":
        pair = c.op(f"call {{i64, i1}} @adcli.int_pow_exact({', '.join(f'i64 {a}' for a, _ in operands)})")
    elif name in ("neg", "abs", "floordiv"):
        out = scalars.scalar(c, s.op, "int", operands)
        least = c.op(f"icmp eq i64 {operands[0][0]}, {-(2**63)}")
        w.overflow[s.out] = least if name != "floordiv" else c.op(f"and i1 {least}, {c.op(f'icmp eq i64 {operands[1][0]}, -1')}")
        return out
    elif name == "to_int" and operands[0][1] == "real":
        x = operands[0][0]
        above = c.op(f"fcmp oge double {x}, {constant(-(2.0**63), 'real')}")
        below = c.op(f"fcmp olt double {x}, {constant(2.0**63, 'real')}")
        w.overflow[s.out] = c.op(f"xor i1 {c.op(f'and i1 {above}, {below}')}, true")
        return scalars.scalar(c, s.op, "int", operands)
    else:
        return scalars.scalar(c, s.op, s.out.type.elem, operands)
    w.overflow[s.out] = c.op(f"extractvalue {{i64, i1}} {pair}, 1")
    return c.op(f"extractvalue {{i64, i1}} {pair}, 0")


def _bounds(w: Writer, s: Check, i: str, n: str) -> str:
    c = w.c
    below = c.op(f"icmp slt i64 {i}, {n}")
    if w.extents.never_negative(i) or (is_number(i) and int(i) >= 0):
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
