"""Symbolic differentiation: the chain rule over the table's rule texts, so that there is no second table of derivatives.

A rule text is read once and built over expressions in the places of its names. Operations that only rules use are written as their
`shown` text right away: sech2(x) becomes 1/cosh(x)^2, which a formula can say and which can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, reduce

from adcli import ops
from adcli.errors import Source
from adcli.lower.arrays import ARITHMETIC, COMPARISONS
from adcli.symbolic import ruled
from adcli.symbolic.nodes import LEAVES, ONE, ZERO, Expr, is_number, name, node, num, postorder, real, truth
from adcli.syntax import parse_expression, tree

# What the helpers that are 0 or 1 say in the language itself.
CHOICES = {
    "above": "select(a > b, 1, 0)",
    "share": "select(a > b, 1, select(a < b, 0, 0.5))",
    "inside": "select(a <= x and x <= b, 1, 0)",
}


class NoRule(Exception):
    """An operation without a derivative that a formula can say; `op` names it."""

    def __init__(self, op: str) -> None:
        super().__init__(op)
        self.op = op


@cache
def _parsed(text: str) -> tree.Expr:
    return parse_expression(Source(text, "<rule>"))


def build(text: str, names: Mapping[str, Expr]) -> Expr:
    """The expression that a rule text says, with expressions in the places of its names."""
    return _built(_parsed(text), names)


def _built(e: tree.Expr | tree.Lambda, names: Mapping[str, Expr]) -> Expr:
    match e:
        case tree.Num(value, whole):
            return num(int(value)) if whole else real(float(value))
        case tree.Bool(value):
            return truth(value)
        case tree.Name(text):
            return names[text] if text in names else name(text)
        case tree.Unary("-", operand):
            inner = _built(operand, names)
            return num(-inner.value) if inner.op == "num" and not isinstance(inner.value, str | None) else node("neg", inner)
        case tree.Unary("not", operand):
            return node("logical_not", _built(operand, names))
        case tree.Binary(symbol, left, right):
            return joined(ARITHMETIC[symbol], _built(left, names), _built(right, names))
        case tree.Compare((left, right), (symbol,)):
            return node(COMPARISONS[symbol], _built(left, names), _built(right, names))
        case tree.Logic(symbol, (left, right)):
            return node("logical_and" if symbol == "and" else "logical_or", _built(left, names), _built(right, names))
        case tree.CallExpr(called, args):
            op = ops.TABLE.get(called) or ops.PUBLIC[called]
            return operation(op, [_built(a, names) for a in args])
        case _:
            raise ValueError(f"a rule cannot contain {type(e).__name__}")


def operation(op: ops.Op, args: list[Expr]) -> Expr:
    """An operation on expressions, as a program can write it."""
    text = CHOICES.get(op.name) or (op.shown if not op.public else None)
    if text is not None:
        return build(text, dict(zip(op.args, args, strict=True)))
    if not op.public and op.symbol is None and not op.aliases:
        raise NoRule(op.name)
    return joined(op.name, *args)


def joined(op: str, *args: Expr) -> Expr:
    """The operation, without what does nothing: 1·x, x/1, x^1, x + 0; whole numbers of an exponent are worked out."""
    if op == "mul":
        if is_number(args[0], 1):
            return args[1]
        if is_number(args[1], 1):
            return args[0]
    if op in ("div", "pow") and is_number(args[1], 1):
        return args[0]
    if op in ("sub", "add") and args[0].op == args[1].op == "num":
        a, b = args[0].value, args[1].value
        assert not isinstance(a, str | None) and not isinstance(b, str | None)
        return num(a - b if op == "sub" else a + b)
    return node(op, *args)


def derivative(e: Expr, by: Expr) -> Expr:
    """∂e/∂by, where `by` is a name: as the chain rule gives it, not simplified."""
    found: dict[Expr, Expr] = {}
    for part in postorder([e]):
        if part is by:
            found[part] = ONE
        elif part.op not in LEAVES:
            moved = _moved(part, found)
            if moved is not None:
                found[part] = moved
    return found.get(e, ZERO)


def _moved(e: Expr, dots: Mapping[Expr, Expr]) -> Expr | None:
    """The tangent of an operation from those of its arguments; None where none of them moves."""
    if e.op == ruled.RULED:
        return _total(ruled.tangent(e, dots))
    op = ops.TABLE[e.op]
    moving = [k for k, a in enumerate(e.args) if a in dots]
    if not moving or op.kind == "zero":
        return None
    if op.name == "select":
        lanes = [dots.get(a, ZERO) for a in e.args[1:]]
        return node("select", e.args[0], *lanes) if lanes != [ZERO, ZERO] else None
    if op.name == "to_real":
        return dots[e.args[0]]
    if op.kind != "partials" or isinstance(op.rule, Mapping):
        raise NoRule(op.name)
    given = dict(zip(op.args, e.args, strict=True)) | {"out": e}
    rules = [(k, text) for k in moving if (text := op.rule[k]) is not None]
    return _total([(dots[e.args[k]], build(text, given)) for k, text in rules])


def _total(moves: Sequence[tuple[Expr, Expr]]) -> Expr | None:
    """Σ tangent·partial; None of none."""
    terms = [_times(dot, partial) for dot, partial in moves]
    return reduce(lambda a, b: node("add", a, b), terms) if terms else None


def _times(dot: Expr, partial: Expr) -> Expr:
    if is_number(partial, -1):
        return node("neg", dot)
    if is_number(dot, -1):
        return node("neg", partial)
    return joined("mul", dot, partial)
