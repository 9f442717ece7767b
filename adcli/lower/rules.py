"""Derivative rules: ADL texts of the table instantiated in a builder's block. Each text is compiled once to a template.

"cos(x)*g"  with x = v3, g = v7     →     v8 = cos v3;  v9 = mul v8, v7
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import TypeAlias

from adcli import ops
from adcli.errors import Source, Span
from adcli.ir.build import Builder, const
from adcli.ir.nodes import Atom, Block, Const, If, Var
from adcli.ir.types import BOOL, Type, joined
from adcli.lower.arrays import ARITHMETIC, COMPARISONS
from adcli.syntax import parse_expression, tree


class _Context:
    """One instantiation: what the names stand for, and where statements go."""

    __slots__ = ("b", "bindings", "constants", "span")

    def __init__(self, bindings: Mapping[str, Atom], b: Builder, span: Span | None, constants: Mapping[str, object]) -> None:
        self.bindings = bindings
        self.b = b
        self.span = span
        self.constants = constants

    def let(self, name: str, args: tuple[Atom, ...], attrs: tuple[object, ...] = ()) -> Atom:
        return self.b.let(name, *args, attrs=attrs, span=self.span)


Template: TypeAlias = Callable[[_Context], Atom]
Many: TypeAlias = Callable[[_Context], tuple[Atom, ...]]
_TAKES_BOOLS = frozenset(
    {"select", "logical_and", "logical_or", "logical_not", "to_real", "index", "stop", "reshape", "transpose", "flip"}
)


def inline(
    text: str, bindings: Mapping[str, Atom], builder: Builder, span: Span | None, constants: Mapping[str, object] | None = None
) -> Atom:
    """Lower the rule text into the builder's block: names stand for `bindings`, attributes such as axis for `constants`."""
    return _template(text)(_Context(bindings, builder, span or builder.span, constants or {}))


@cache
def _template(text: str) -> Template:
    return _compiled(parse_expression(Source(text, "<rule>")))


def _compiled(node: tree.Expr | tree.Lambda) -> Template:
    match node:
        case tree.Num():
            value = const(node.value)
            return lambda c: value
        case tree.Bool():
            truth = const(node.value)
            return lambda c: truth
        case tree.Name():
            return _name(node.name)
        case tree.Unary():
            return _unary(node)
        case tree.Binary():
            return _operation(ARITHMETIC[node.op], _each((node.left, node.right)))
        case tree.Compare(operands=(left, right), ops=(op,)):
            return _operation(COMPARISONS[op], _each((left, right)))
        case tree.Logic(operands=(left, right)):
            return _operation("logical_and" if node.op == "and" else "logical_or", _each((left, right)))
        case tree.CallExpr():
            return _call(node)
        case _:
            raise ValueError(f"a rule cannot contain {type(node).__name__}")


def _name(name: str) -> Template:
    if name in ops.CONSTANTS:
        fixed = const(ops.CONSTANTS[name])
        return lambda c: c.bindings.get(name, fixed)


    def run(c: _Context) -> Atom:
        bound = c.bindings.get(name)
        return _constant(c, name) if bound is None else bound

    return run


def _constant(c: _Context, name: str) -> Atom:
    value = c.constants[name]
    assert isinstance(value, (bool, int, float))
    return const(value)


def _unary(node: tree.Unary) -> Template:
    value = _compiled(node.operand)
    match node.op:
        case "-" if isinstance(node.operand, tree.Num):
            negative = const(-node.operand.value)
            return lambda c: negative
        case "-":
            return _operation("neg", lambda c: (value(c),))
        case "not":
            return _operation("logical_not", lambda c: (value(c),))
        case "'":
            return _operation("transpose", lambda c: (value(c),))
        case _:
            return value


def _each(nodes: tuple[tree.Expr | tree.Lambda, ...]) -> Many:
    """The arguments; dims(x) gives the extents of x, one by one."""
    if not any(isinstance(n, tree.CallExpr) and n.name == "dims" for n in nodes):
        parts = [_compiled(n) for n in nodes]
        return lambda c: tuple([p(c) for p in parts])
    groups = [_dims(n) if isinstance(n, tree.CallExpr) and n.name == "dims" else _one(_compiled(n)) for n in nodes]
    return lambda c: tuple(a for g in groups for a in g(c))


def _one(part: Template) -> Many:
    return lambda c: (part(c),)


def _dims(node: tree.CallExpr) -> Many:
    part = _compiled(node.args[0])
    return lambda c: c.b.dims(part(c))


def _operation(name: str, args: Many, attrs: Callable[[_Context], tuple[object, ...]] | None = None) -> Template:
    op = ops.TABLE[name]
    takes_bools = name in _TAKES_BOOLS

    def run(c: _Context) -> Atom:
        given = args(c)
        if not takes_bools:
            given = tuple([_as_real(c, a) if a.type.elem == "bool" else a for a in given])
        return c.b.emit(op, given, attrs(c) if attrs else (), c.span)

    return run


def _as_real(c: _Context, a: Atom) -> Atom:
    return const(float(a.value)) if isinstance(a, Const) else c.let("to_real", (a,))


def _call(node: tree.CallExpr) -> Template:
    match node.name:
        case "spread":
            return _spread(node)
        case "where":
            return _where(node)
        case name:
            op = ops.TABLE.get(name) or ops.PUBLIC[name]
            return _operation(op.name, _each(node.args), _attrs(node, op))


def _attrs(node: tree.CallExpr, op: ops.Op) -> Callable[[_Context], tuple[object, ...]] | None:
    if not op.attrs:
        return None
    named = dict(node.named)
    parts = [_static(named[a]) if a in named else _none for a in op.attrs]
    return lambda c: tuple([p(c) for p in parts])


def _none(c: _Context) -> object:
    return None


def _static(node: tree.Expr) -> Callable[[_Context], object]:
    """The value of a static attribute: a number, or the name of one of the statement's own attributes."""
    if isinstance(node, tree.Name):
        name = node.name
        return lambda c: c.constants[name]
    assert isinstance(node, tree.Num)
    value = int(node.value)
    return lambda c: value


def _spread(node: tree.CallExpr) -> Template:
    """spread(v, x, axis=axis): a reduction's value with the axis put back, so that it broadcasts over the elements that were reduced."""
    value, like = _compiled(node.args[0]), _compiled(node.args[1])
    axis_part = _static(dict(node.named)["axis"]) if node.named else _none

    def run(c: _Context) -> Atom:
        v, x, axis = value(c), like(c), axis_part(c)
        if not x.type.shape or not isinstance(axis, int) or not v.type.shape:
            return v
        dims = c.b.dims(v)
        return c.let("reshape", (v, *dims[:axis], const(1), *dims[axis:]))

    return run


def _where(node: tree.CallExpr) -> Template:
    """where(c, a, b): an If on a scalar condition, so that the other lane is never evaluated; select on an array."""
    cond, lanes = _compiled(node.args[0]), (_compiled(node.args[1]), _compiled(node.args[2]))  # fmt: skip

    def run(c: _Context) -> Atom:
        test = cond(c)
        if test.type.shape:
            return c.let("select", (test, lanes[0](c), lanes[1](c)))
        blocks: list[Block] = []
        for lane in lanes:
            with c.b.inside(Block()) as block:
                block.results = (lane(c),)
            blocks.append(block)
        a, b = (block.results[0] for block in blocks)
        return _merged(c, test, blocks, joined(a.type, b.type) or Type("real", max(a.type.shape, b.type.shape, key=len)))

    return run


def _merged(c: _Context, test: Atom, blocks: list[Block], type_: Type) -> Atom:
    for block in blocks:
        value = block.results[0]
        with c.b.inside(block):
            if type_.elem == "real" and value.type.elem != "real":
                value = _as_real(c, value) if value.type == BOOL or isinstance(value, Const) else c.let("to_real", (value,))
            block.results = (value,)
    out = Var(type_)
    c.b.append(If((out,), test, blocks[0], blocks[1], c.span))
    return out
