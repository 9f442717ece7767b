"""What is written into the nodes of operations: × for mul, sin for sin, [2..4] for an index."""

from __future__ import annotations

from collections.abc import Sequence

from adcli.engines.record import RuledStep
from adcli.ir.nodes import Let
from adcli.report import rules

SIGNS = {
    "add": "+", "sub": "−", "mul": "×", "div": "/", "neg": "−", "sqrt": "√", "le": "≤", "ge": "≥", "ne": "≠", "eq": "=", "stack": "[ , ]",
    "lt": "<", "gt": ">", "transpose": "'",
}  # fmt: skip
# Their operands can be exchanged, so a picture need not say which is the first.
SYMMETRIC = {"add", "mul", "maximum", "minimum", "hypot", "logaddexp", "dot", "eq", "ne", "logical_and", "logical_or"}
# Operations whose trailing integers are written into the node where they are known.
STATIC = {"zeros": 0, "ones": 0, "eye": 0, "full": 1, "reshape": 1, "broadcast_to": 1, "sum_to": 1, "linspace": 2, **rules.SUBSCRIPTED}


def symbol(let: Let, ints: Sequence[object] = ()) -> str:
    """The sign or name of an operation; `ints` are its trailing integers, where all are known."""
    op = let.op
    if op.name in rules.SUBSCRIPTED:
        at = rules.subscript(str(let.attrs[0]), [n for n in ints if isinstance(n, int)]) if ints else "·"
        return f"[{at}]" + {"update": " :=", "addat": " +="}.get(op.name, "")
    if op.name in SIGNS and (op.name != "stack" or let.attrs == (0,)):
        return SIGNS[op.name]
    name = op.symbol or op.name
    joined = op.name in ("stack", "concat") and let.attrs == (0,)
    named = "".join(f" {n}={v}" for n, v in zip(op.attrs, let.attrs, strict=True) if v is not None and n == "axis" and not joined)
    given = f" {'×'.join(map(str, ints))}" if ints else ""
    return name + given + named


def ordered(let: Let) -> bool:
    """Whether it matters which argument is the first."""
    return not isinstance(let, RuledStep) and let.op.name not in SYMMETRIC


def trailing(let: Let) -> int | None:
    """From which argument on integers stand in the node; None for most operations."""
    return STATIC.get(let.op.name)
