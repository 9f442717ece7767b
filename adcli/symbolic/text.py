"""Expressions as ADL text, by the printer of programs, and the count of their operations."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from adcli import ops
from adcli.errors import Source, Span
from adcli.symbolic.nodes import Expr, postorder
from adcli.syntax import parse_expression, tree
from adcli.syntax.printer import show_expression

NOWHERE = Span(0, 0)
INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "floordiv": "//", "mod": "%", "pow": "^"}
COMPARISONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}
LOGIC = {"logical_and": "and", "logical_or": "or"}
DIGITS = 15  # of a decimal that is written as such; longer ones are fractions, or rounded to a double


def text(e: Expr) -> str:
    """The formula on one line; reading it gives the same value."""
    return show_expression(syntax(e))


def syntax(e: Expr) -> tree.Expr:
    """The syntax tree of an expression; what is shared there is shared here."""
    made: dict[Expr, tree.Expr] = {}
    for part in postorder([e]):
        made[part] = _syntax(part, [made[a] for a in part.args])
    return made[e]


def _syntax(e: Expr, args: list[tree.Expr]) -> tree.Expr:
    match e.op:
        case "num":
            assert isinstance(e.value, Fraction)
            return _number(e.value)
        case "bool":
            return tree.Bool(bool(e.value), NOWHERE)
        case "name":
            return tree.Name(str(e.value), NOWHERE)
        case "neg":
            return tree.Unary("-", args[0], NOWHERE)
        case "logical_not":
            return tree.Unary("not", args[0], NOWHERE)
        case "to_real":
            return args[0]
    if e.op in INFIX:
        return tree.Binary(INFIX[e.op], args[0], args[1], NOWHERE, NOWHERE)
    if e.op in COMPARISONS:
        return tree.Compare((args[0], args[1]), (COMPARISONS[e.op],), NOWHERE)
    if e.op in LOGIC:
        return tree.Logic(LOGIC[e.op], (args[0], args[1]), NOWHERE)
    return tree.CallExpr(called(e.op), tuple(args), (), NOWHERE, NOWHERE)


def called(name: str) -> str:
    """The name by which a program calls an operation."""
    op = ops.TABLE[name]
    return op.name if op.public or not op.aliases else op.aliases[0]


def decimal(value: Fraction) -> str | None:
    """The number in decimal where it can be said exactly, and shortly, that way."""
    rest = value.denominator
    while rest % 10 == 0:
        rest //= 10
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    if rest != 1:
        return None
    if value.denominator == 1 and abs(value) < 10**DIGITS:
        return str(value.numerator)
    try:
        shown = repr(float(value))
    except OverflowError:
        return None
    if shown == "inf":
        return None
    return shown if Fraction(shown) == value and len(shown) <= DIGITS + 3 else None


def _number(value: Fraction) -> tree.Expr:
    """An integer, a decimal, a fraction, or the nearest double where the fraction is long."""
    if value < 0:
        return tree.Unary("-", _number(-value), NOWHERE)
    short = decimal(value)
    if short is None and max(value.numerator, value.denominator) >= 10**DIGITS:
        short = _rounded(value)
    if short is not None:
        if short == "inf":
            return tree.Name(short, NOWHERE)
        return tree.Num(float(value), short.isdigit(), short, NOWHERE)
    top, bottom = (tree.Num(n, True, str(n), NOWHERE) for n in (value.numerator, value.denominator))
    return tree.Binary("/", top, bottom, NOWHERE, NOWHERE)


def _rounded(value: Fraction) -> str:
    try:
        return repr(float(value))
    except OverflowError:
        return "inf"


def operations(e: Expr) -> int:
    """How many operators and function calls the formula has when it is written out; a leading minus is one, a number none.

    A fraction such as 2/3 has one, its bar. Shared parts count wherever they stand, so that the count may be astronomic.
    """
    counts: dict[Expr, int] = {}
    for part in postorder([e]):
        if part.op == "num":
            assert isinstance(part.value, Fraction)
            plain = decimal(abs(part.value)) is not None or max(abs(part.value.numerator), part.value.denominator) >= 10**DIGITS
            counts[part] = (not plain) + (part.value < 0)
        else:
            counts[part] = sum(counts[a] for a in part.args) + (part.op not in ("name", "bool", "to_real"))
    return counts[e]


def operations_of_text(formula: str) -> int:
    """The same count for a formula given as text."""
    waiting: list[object] = [parse_expression(Source(formula, "<formula>"))]
    count = 0
    while waiting:
        item = waiting.pop()
        count += isinstance(item, tree.Unary | tree.Binary | tree.Compare | tree.CallExpr)
        if isinstance(item, tree.Logic):
            count += len(item.operands) - 1
        if isinstance(item, tuple):
            waiting += item
        elif isinstance(item, tree.Node):
            waiting += [_field(item, field) for field in item.__slots__]
    return count


_field: Callable[[object, str], object] = object.__getattribute__
