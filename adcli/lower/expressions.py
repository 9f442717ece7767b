"""Expressions: one small generator for each kind of node, run by the frame's driver."""

from __future__ import annotations

import math
from contextlib import suppress

from adcli.errors import NotAValue, ShapeError, Span, ValueKindError
from adcli.ir.build import const
from adcli.ir.nodes import Atom, Block, Const, If, Var
from adcli.ir.types import BOOL, Type, TypeMismatch, broadcast, joined, shape_text
from adcli.lower import arrays
from adcli.lower.frame import FALSE, HANDLERS, LEAVES, TRUE, Diverges, Frame, Steps
from adcli.lower.names import expressions
from adcli.syntax import tree

EXACT = 2**53


def number(f: Frame, node: tree.Num) -> Atom:
    """A literal is real; what its text says and binary64 does not hold is flagged."""
    code = _literal_flag(node)
    if code:
        f.check("flag", TRUE, about=(code, node.text), span=node.span)
    return const(node.value)


def _literal_flag(node: tree.Num) -> str | None:
    value = node.value
    if math.isinf(value):
        return "overflow-literal"
    if value == 0.0:
        mantissa = node.text.lower().partition("e")[0]
        return "underflow-literal" if mantissa.strip("0.") else None
    if node.whole and value >= EXACT and _inexact(node):
        return "inexact-input"
    return None


def _inexact(node: tree.Num) -> bool:
    digits = node.text.lstrip("0")
    return len(digits) < 400 and int(digits) != int(node.value)


LEAVES[tree.Num] = number
LEAVES[tree.Bool] = lambda f, node: TRUE if node.value else FALSE
LEAVES[tree.Name] = Frame.read


def _binary(f: Frame, node: tree.Binary) -> Steps:
    left = yield node.left
    right = yield node.right
    return arrays.binary(f, node.op, left, right, (node.left, node.right), node.span)


def _unary(f: Frame, node: tree.Unary) -> Steps:
    value = yield node.operand
    match node.op:
        case "not":
            return f.negated(f.truth(value, node.operand.span))
        case "'":
            return _transposed(f, value, node)
        case "+":
            return value
        case _:
            return _negative(f, value, node.span)


def _negative(f: Frame, value: Atom, span: Span) -> Atom:
    """A negated literal is a literal."""
    if value.type.elem == "int" and not value.type.shape:
        return f.int_neg(value, span)
    value = f.real(value, span)
    return const(-value.value) if isinstance(value, Const) else f.elementwise("neg", (value,), span)


def _transposed(f: Frame, value: Atom, node: tree.Unary) -> Atom:
    if not value.type.shape:
        raise f.fail(ValueKindError, "' transposes an array, and this is a number", node.span, "the derivative of f at x is grad(f, x)")
    return f.emit("transpose", (value,), (), node.span)


def _compare(f: Frame, node: tree.Compare) -> Steps:
    """0 < x < 1 evaluates x once."""
    left = yield node.operands[0]
    result: Atom | None = None
    for k, op in enumerate(node.ops):
        right = yield node.operands[k + 1]
        pair = (node.operands[k], node.operands[k + 1])
        holds = arrays.compare(f, op, left, right, pair, Span(pair[0].span.start, pair[1].span.end))
        result = holds if result is None else f.elementwise("logical_and", (result, holds), node.span)
        left = right
    assert result is not None
    return result


_SIMPLE = (tree.Name, tree.Num, tree.Bool, tree.Compare, tree.Logic)


def _simple(node: tree.Expr) -> bool:
    """Whether evaluating it needlessly costs little and cannot fail."""
    return all(isinstance(e, _SIMPLE) or (isinstance(e, tree.Unary) and e.op != "'") for e in expressions((node,)))


def _logic(f: Frame, node: tree.Logic) -> Steps:
    """`and` and `or` look at an operand only if those before leave it open."""
    first = yield node.operands[0]
    result = f.truth(first, node.operands[0].span)
    name = "logical_and" if node.op == "and" else "logical_or"
    for operand in node.operands[1:]:
        if _simple(operand):
            value = yield operand
            result = f.emit(name, (result, f.truth(value, operand.span)), (), node.span)
        else:
            result = yield from _short_circuit(f, node, result, operand)
    return result


def _short_circuit(f: Frame, node: tree.Logic, result: Atom, operand: tree.Expr) -> Steps:
    written = {n: f.env.get(n) for n in f.unit.writes.expressions((operand,))}
    try:
        with f.b.inside(Block()) as block:
            value = yield operand
            block.results = (f.truth(value, operand.span),)
    except Diverges:
        return result
    finally:
        f.env.update({n: b for n, b in written.items() if b is not None})
    out = Var(BOOL)
    if node.op == "and":
        f.b.append(If((out,), result, block, Block([], (FALSE,)), node.span))
    else:
        f.b.append(If((out,), result, Block([], (TRUE,)), block, node.span))
    return out


def _array(f: Frame, node: tree.ArrayLit) -> Steps:
    """[a, b, c] stacks its elements, which have one shape."""
    items: list[Atom] = []
    for item in node.items:
        items.append((yield item))
    if not items:
        return f.emit("zeros", (const(0),), (), node.span)
    if len({a.type.elem for a in items}) > 1:
        items = [f.real(a, node.span) for a in items]
    first = items[0]
    for a, item in zip(items[1:], node.items[1:], strict=True):
        if joined(a.type, first.type) is None:
            message = f"the elements differ in shape: {shape_text(first.type.shape)} and {shape_text(a.type.shape)}"
            raise f.fail(ShapeError, message, item.span, "arrays are rectangular")
        for k in range(len(a.type.shape)):
            arrays.fits(f, first, k, a, k, node.span)
    return f.emit("stack", tuple(items), (0,), node.span)


def _index(f: Frame, node: tree.Index) -> Steps:
    base = yield node.base
    values: list[Atom] = []
    for item in node.items:
        if not isinstance(item, tree.Range):
            values.append((yield item))
    return arrays.get(f, base, arrays.subscript(f, base, node, values), node.span)


def _lambda(f: Frame, node: tree.Lambda) -> Steps:
    raise f.fail(NotAValue, "a lambda is not a value", node.span, "lambdas are arguments of operators that take a function")
    yield


HANDLERS.update({
    tree.Binary: _binary, tree.Unary: _unary, tree.Compare: _compare, tree.Logic: _logic, tree.ArrayLit: _array,
    tree.Index: _index, tree.Lambda: _lambda,
})  # fmt: skip


def where(f: Frame, node: tree.CallExpr) -> Steps:
    """where(c, a, b): on a number an If, so that the other lane is never evaluated; on an array select."""
    cond = yield node.args[0]
    if cond.type.shape:
        a = yield node.args[1]
        b = yield node.args[2]
        return _selected(f, cond, a, b, node)
    cond = f.truth(cond, node.args[0].span)
    blocks: list[Block] = []
    values: list[Atom] = []
    for lane in node.args[1:]:
        with suppress(Diverges), f.b.inside(Block()) as block:
            values.append((yield lane))
            blocks.append(block)
    if not values:
        raise Diverges
    return values[0] if len(values) == 1 else _lanes(f, cond, blocks, values, node)


def _lanes(f: Frame, cond: Atom, blocks: list[Block], values: list[Atom], node: tree.CallExpr) -> Atom:
    """The If of a scalar `where`, its lanes brought to one type."""
    type_ = _lane_type(f, values, node)
    for k, (block, value) in enumerate(zip(blocks, values, strict=True)):
        literal = arrays.whole_literal(node.args[k + 1])
        if type_.elem == "int" and value.type.elem == "real" and literal is not None:
            value = const(literal)
        with f.b.inside(block):
            value = f.convert(value, type_, node.span)
            if len(value.type.shape) < len(type_.shape) or (type_.static and value.type.shape != type_.shape):
                value = f.emit("broadcast_to", (value, *(const(n or 0) for n in type_.shape)), (), node.span)
        block.results = (value,)
    out = Var(type_)
    if type_.elem == "int" and not type_.shape:
        (a, b), (c, d) = (f.interval(block.results[0]) for block in blocks)
        f.unit.ranges[out] = (min(a, c), max(b, d))
    f.b.append(If((out,), cond, blocks[0], blocks[1], node.span))
    return out


def _lane_type(f: Frame, values: list[Atom], node: tree.CallExpr) -> Type:
    a, b = values
    elem = a.type.elem if a.type.elem == b.type.elem else "real"
    for value, other, lane in ((a, b, node.args[2]), (b, a, node.args[1])):
        if (
            value.type.elem == "int"
            and other.type.elem == "real"
            and not isinstance(lane, tree.Lambda)
            and arrays.whole_literal(lane) is not None
        ):
            elem = "int"
    common = joined(a.type, b.type)
    if common is not None:
        return Type(elem, common.shape)
    try:
        shape = broadcast([a.type.shape, b.type.shape])
    except TypeMismatch as problem:
        f.mismatch(problem, node.span)
    if None in shape:
        raise f.fail(
            ShapeError,
            f"the lanes differ in shape: {shape_text(a.type.shape)} and {shape_text(b.type.shape)}",
            node.span,
            "give both the same shape",
        )
    return Type(elem, shape)


def _selected(f: Frame, cond: Atom, a: Atom, b: Atom, node: tree.CallExpr) -> Atom:
    if cond.type.elem != "bool":
        cond = f.elementwise("ne", (f.real(cond), const(0.0)), node.args[0].span)
    return f.elementwise("select", (cond, f.real(a, node.span), f.real(b, node.span)), node.span)
