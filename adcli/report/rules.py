"""The formulas of a trace's rows: the operation itself, its tangent, and the increment of an adjoint, from the table's rule texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from adcli import ops
from adcli.ad.rules import differentiable, linear_positions, pull_back_text
from adcli.errors import Source
from adcli.ir.nodes import Let
from adcli.report.formula import Apply, Formula, Infix, Items, Num, Section, Word, infix, negated, plus, times
from adcli.syntax import parse_expression, tree

INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/", "floordiv": "//", "mod": "%", "pow": "^", "matmul": "@"}
SUBSCRIPTED = {"index": 1, "update": 2, "addat": 2}
# The axis of a reduction of all elements.
ALL = Word("all")


@dataclass(frozen=True, slots=True)
class Step:
    """One executed operation: its statement, a formula and a value for each argument, and its own."""

    let: Let
    args: tuple[Formula, ...]
    values: tuple[Any, ...]
    out: Formula
    value: Any

    def names(self) -> dict[str, Formula]:
        """What the names of a rule text stand for."""
        return {**dict(zip(self.let.op.args, self.args, strict=False)), "out": self.out} | {
            name: Num(value) if isinstance(value, (int, float)) else ALL for name, value in self._attrs()
        }

    def numbers(self) -> dict[str, Any]:
        """The values of those names."""
        return {**dict(zip(self.let.op.args, self.values, strict=False)), "out": self.value} | dict(self._attrs())

    def _attrs(self) -> list[tuple[str, object]]:
        return list(zip(self.let.op.attrs, self.let.attrs, strict=True))


def operation(s: Step, args: Sequence[Formula] | None = None) -> Formula:
    """The operation on its arguments, or on others in their place."""
    op, given = s.let.op, tuple(s.args if args is None else args)
    if op.name in INFIX and len(given) == 2:
        return Infix(INFIX[op.name], given[0], given[1])
    if op.name == "neg":
        return negated(given[0])
    if op.name in SUBSCRIPTED:
        at = subscript(str(s.let.attrs[0]), s.values[SUBSCRIPTED[op.name] :])
        if op.name == "index":
            return Section(given[0], at)
        return Section(given[0], at, given[1], ":=" if op.name == "update" else "+=")
    if op.name == "stack" and s.let.attrs == (0,):
        return Items(given)
    named = tuple((n, str(v)) for n, v in zip(op.attrs, s.let.attrs, strict=True) if v is not None)
    return Apply(called(op), given, op.latex, named)


def called(op: ops.Op) -> str:
    """The name of an operation as programs write it, if they can."""
    return op.symbol if op.symbol and op.symbol.isidentifier() else op.name


def sign(op: ops.Op) -> str:
    """The sign of an operation where programs write one, else its name."""
    return INFIX.get(op.name) or called(op)


def subscript(pattern: str, ints: Sequence[int]) -> str:
    """A subscript as a program writes it: "is" of 2 and 0, 3, 1 is "2, 0..3"."""
    out, rest = [], list(ints)
    for letter in pattern:
        if letter == "i":
            out.append(str(rest.pop(0)))
        elif letter == "s":
            start, count, step = rest[:3]
            del rest[:3]
            out.append(f"{start}..{start + count * step}" + (f" step {step}" if step != 1 else ""))
        else:
            out.append("..")
    return ", ".join(out)


def tangent(s: Step, dots: Mapping[int, Formula]) -> Formula:
    """The tangent of the step, where `dots` are the tangents of its varied arguments."""
    op, moving = s.let.op, [k for k in differentiable(s.let) if k in dots]
    if op.tangent is not None:
        return _total([_rule(op.tangent[k] or "0", s, {f"{op.args[k]}_dot": dots[k]}) for k in moving])
    if op.kind in ("partials", "reduce", "ruled"):
        terms = [times(dots[k], partial(s, k)) for k in moving]
        return Apply("sum", (terms[0],), None, _axis(s)) if op.kind == "reduce" else _total(terms)
    if op.kind == "bilinear":
        return _total([operation(s, _replaced(s.args, k, dots[k])) for k in moving])
    if op.kind == "form":
        return _total([_formed(s, k, dots[k]) for k in moving])
    values = linear_positions(s.let)
    still = [Word("zeros") if _shape(v) else Num(0.0) for v in s.values]
    return operation(s, [dots.get(k, still[k]) if k in values else a for k, a in enumerate(s.args)])


def adjoint(s: Step, k: int, bar: Formula, before: Formula | None) -> Formula:
    """The adjoint of argument k after this use: what it was `before` (None: nothing yet) and what the use adds.

    bar: the adjoint of the step.
    """
    if s.let.op.name == "index":
        at = subscript(str(s.let.attrs[0]), s.values[1:])
        return Section(before or Word("zeros"), at, bar, "+=")
    added = _increment(s, k, bar)
    return added if before is None else plus(before, added)


def _increment(s: Step, k: int, bar: Formula) -> Formula:
    op = s.let.op
    if op.name in ("update", "addat"):
        return _updated(s, k, bar)
    if op.kind == "form":
        return _formed(s, k, bar)
    if op.name in ("stack", "concat"):
        return _element(s, k, bar)
    if op.kind == "reduce":
        whole = bar if s.let.attrs[:1] == (None,) else Apply("spread", (bar,))
        return times(whole, partial(s, k))
    if op.kind in ("partials", "ruled"):
        found = times(bar, partial(s, k))
        have, want = _shape(s.value), _shape(s.values[k])
        return found if have == want or (want and not have) else Apply("sum" if not want else "sum_to", (found,))
    return _rule(pull_back_text(s.let, k), s, {"g": bar})


def _formed(s: Step, k: int, value: Formula) -> Formula:
    """A symmetric form along its k-th argument."""
    return operation(s, [*s.args, value] if k == 0 else _replaced(s.args, k, value))


def _updated(s: Step, k: int, bar: Formula) -> Formula:
    at = subscript(str(s.let.attrs[0]), s.values[2:])
    if k == 1:
        return Section(bar, at)
    return bar if s.let.op.name == "addat" else Section(bar, at, Num(0.0))


def _element(s: Step, k: int, bar: Formula) -> Formula:
    """The part of the adjoint of stack or concat that belongs to argument k."""
    axis = s.let.attrs[0]
    assert isinstance(axis, int)
    if s.let.op.name == "stack":
        return Section(bar, ".., " * axis + str(k))
    start = sum(_shape(v)[axis] for v in s.values[:k])
    return Section(bar, ".., " * axis + f"{start}..{start + _shape(s.values[k])[axis]}")


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))


def _axis(s: Step) -> tuple[tuple[str, str], ...]:
    return tuple(("axis", str(v)) for v in s.let.attrs[:1] if v is not None)


def _replaced(args: Sequence[Formula], k: int, value: Formula) -> list[Formula]:
    return [*args[:k], value, *args[k + 1 :]]


def _total(terms: Sequence[Formula]) -> Formula:
    out = terms[0]
    for term in terms[1:]:
        out = plus(out, term)
    return out


def partial(s: Step, k: int) -> Formula:
    """∂out/∂argₖ of an operation whose rule says its partials."""
    rule = s.let.op.rule
    assert not isinstance(rule, Mapping)
    text = rule[k]
    assert text is not None
    if s.let.op.kind == "ruled":
        return Apply(text, tuple(s.args))
    return _rule(text, s, {})


def _rule(text: str, s: Step, extra: Mapping[str, Formula]) -> Formula:
    """A rule text with the step's arguments in the places of its names."""
    return Reading(s.names() | dict(extra), s.numbers()).formula(parsed(text))


@cache
def parsed(text: str) -> tree.Expr:
    """The tree of a rule text."""
    return parse_expression(Source(text, "<rule>"))


@dataclass(slots=True)
class Reading:
    """Turns the tree of a rule text into a formula; a choice that the step's numbers decide becomes the branch taken."""

    names: Mapping[str, Formula]
    numbers: Mapping[str, Any]

    def formula(self, e: tree.Expr) -> Formula:
        match e:
            case tree.Num(value):
                return Num(value)
            case tree.Bool(value):
                return Num(value)
            case tree.Name(name):
                return self.names.get(name) or Word(name)
            case tree.Unary("-", operand):
                return negated(self.formula(operand))
            case tree.Binary(symbol, left, right):
                return infix(symbol, self.formula(left), self.formula(right))
            case tree.Compare(operands, symbols):
                out = self.formula(operands[0])
                for sign, operand in zip(symbols, operands[1:], strict=True):
                    out = Infix(sign, out, self.formula(operand))
                return out
            case tree.Logic(symbol, operands):
                out = self.formula(operands[0])
                for operand in operands[1:]:
                    out = Infix(symbol, out, self.formula(operand))
                return out
            case tree.CallExpr():
                return self.call(e)
            case tree.IfExpr(arms, other) if other is not None:
                return self.choice([(c, _single(b)) for c, b in arms], _single(other))
            case tree.Unary(sign, operand):
                return Apply("transpose" if sign == "'" else sign, (self.formula(operand),))
            case _:
                return Word("…")

    def call(self, e: tree.CallExpr) -> Formula:
        args = [a for a in e.args if not isinstance(a, tree.Lambda)]
        if e.name in ("where", "select") and len(args) == 3:
            return self.choice([(args[0], args[1])], args[2])
        if e.name == "spread" and self.names.get("axis") == ALL:
            return self.formula(args[0])
        if e.name in ("dims", "spread", "sum_to", "broadcast_to"):
            args = args[:1]
        op = ops.TABLE.get(e.name) or ops.PUBLIC.get(e.name)
        given = tuple(self.formula(a) for a in args)
        if op is None:
            return Apply(e.name, given)
        if op.name in INFIX and len(given) == 2:
            return infix(INFIX[op.name], given[0], given[1])
        if op.shown is not None:
            return Reading(dict(zip(op.args, given, strict=False)), {}).formula(parsed(op.shown))
        if op.kind == "zero" and not op.public and (found := self.value(e)) is not None:
            return Num(found)
        return Apply(op.symbol if op.symbol and op.symbol.isidentifier() else e.name, given, op.latex)

    def choice(self, arms: Sequence[tuple[tree.Expr, tree.Expr]], other: tree.Expr) -> Formula:
        for condition, value in arms:
            met = self.value(condition)
            if met is None:
                return Apply("where", (self.formula(condition), self.formula(value), self.formula(other)))
            if met:
                return self.formula(value)
        return self.formula(other)

    def value(self, e: tree.Expr) -> Any:
        """The value of a condition of scalars, or None where it cannot be told here."""
        match e:
            case tree.Num(value) | tree.Bool(value):
                return value
            case tree.Name(name):
                found = ops.CONSTANTS.get(name) if name not in self.numbers else self.numbers[name]
                return found if isinstance(found, (bool, int, float)) else None
            case tree.Unary(sign, operand):
                return self.applied("neg" if sign == "-" else "logical_not", [operand])
            case tree.Binary(symbol, left, right):
                return self.applied(next((n for n, sign in INFIX.items() if sign == symbol), ""), [left, right])
            case tree.Compare(operands, symbols):
                names = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}
                pairs = zip(symbols, operands, operands[1:], strict=False)
                return self.all([self.applied(names[sign], [a, b]) for sign, a, b in pairs])
            case tree.Logic("and", operands):
                return self.all([self.value(x) for x in operands])
            case tree.Logic("or", operands):
                found = [self.value(x) for x in operands]
                return None if None in found else any(found)
            case tree.CallExpr(name, args):
                return self.applied(name, [a for a in args if not isinstance(a, tree.Lambda)])
            case _:
                return None

    def all(self, found: list[Any]) -> bool | None:
        return None if None in found else all(found)

    def applied(self, name: str, args: Sequence[tree.Expr]) -> Any:
        op = ops.TABLE.get(name) or ops.PUBLIC.get(name)
        values = [self.value(a) for a in args]
        if op is None or op.scalar is None or None in values:
            return None
        return op.scalar(*values)


def _single(block: tree.Block) -> tree.Expr:
    """The expression that a branch of a rule text consists of."""
    last = block.statements[-1]
    assert isinstance(last, tree.ExprStmt)
    return last.value
