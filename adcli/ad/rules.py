"""Derivative rules at work: the table's texts instantiated for one statement, and the few structural rules that are code.

The structural operations (index, update, addat, stack, concat) take any number of integers or arrays, which a text cannot say.
"""
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from adcli.ir.build import Builder, const
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Atom, Call, Const, For, Let, Statement, Var, While
from adcli.ir.types import REAL
from adcli.ir.walk import apart
from adcli.lower import inline
from adcli.ops import Op

_STRUCTURAL: dict[str, int] = {"index": 1, "update": 2, "addat": 2}
ZERO = const(0.0)
_CONSTANT_RULES = {"1": const(1.0), "-1": const(-1.0)}
_ALONG: dict[tuple[Op, int], tuple[int, ...]] = {}


def is_real(atom: Atom) -> bool:
    return atom.type.elem == "real"


def differentiable(s: Let) -> tuple[int, ...]:
    """The positions of the arguments along which a derivative can flow."""
    if s.out.type.elem != "real":
        return ()
    key = (s.op, len(s.args))
    along = _ALONG.get(key)
    if along is None:
        along = _ALONG[key] = () if s.op.kind in ("zero", "define") else tuple(k for k in range(len(s.args)) if _has_rule(s, k))
    for k in along:
        if s.args[k].type.elem != "real":
            return tuple(k for k in along if is_real(s.args[k]))
    return along


def linear_positions(s: Let) -> tuple[int, ...]:
    """The arguments in which the operation is linear; others (a condition, extents, subscripts) stay as they are in its tangent."""
    if s.op.name == "select":
        return (1, 2)
    return tuple(k for k in range(len(s.args)) if _has_rule(s, k))


def _has_rule(s: Let, k: int) -> bool:
    name = s.op.name
    if name in _STRUCTURAL:
        return k < _STRUCTURAL[name]
    if name in ("stack", "concat", "derivative") or s.op.kind in ("bilinear", "form"):
        return True
    rule = s.op.rule
    if isinstance(rule, Mapping):
        return True
    return k < len(rule) and rule[k] is not None


def constants(s: Let) -> dict[str, object]:
    return dict(zip(s.op.attrs, s.attrs, strict=True)) if s.attrs else {}


def bindings(s: Let) -> dict[str, Atom]:
    """The names a rule text may use: the arguments and `out`."""
    named: dict[str, Atom] = dict(zip(s.op.args, s.args, strict=False))
    named["out"] = s.out
    return named


def text(b: Builder, s: Let, rule: str, extra: dict[str, Atom] | None = None) -> Atom:
    """Lower a rule text for the statement into the builder's block."""
    return inline(rule, bindings(s) | (extra or {}), b, s.span, constants(s))


def partial(b: Builder, s: Let, k: int) -> Atom:
    """∂out/∂argₖ of a partials or reduce operation, elementwise."""
    assert not isinstance(s.op.rule, Mapping)
    rule = s.op.rule[k]
    assert rule is not None
    return _CONSTANT_RULES.get(rule) or text(b, s, rule)


def pull_back_text(s: Let, k: int) -> str:
    """The text that pulls the cotangent back to argument k of a linear or bilinear operation."""
    rule = s.op.rule
    if isinstance(rule, Mapping):
        return rule["".join(str(a.type.rank) for a in s.args)][k]
    found = rule[k]
    assert found is not None
    return found


def tangent_text(b: Builder, s: Let, k: int, x_dot: Atom) -> Atom:
    """The tangent that x_dot of argument k gives, where the table says it in a text of its own."""
    assert s.op.tangent is not None
    rule = s.op.tangent[k]
    assert rule is not None
    return text(b, s, rule, {f"{s.op.args[k]}_dot": x_dot})


def times(b: Builder, x: Atom, p: Atom) -> Atom:
    """x·p, without a statement where p or x is 1 or -1; x·(1/y) as x/y, and x·(-q) as -(x·q), which often joins a difference."""
    for a, other in ((p, x), (x, p)):
        if isinstance(a, Const) and abs(a.value) == 1.0 and is_real(a):
            return other if a.value > 0 else b.let("neg", other)
    last = b.block.statements[-1] if b.block.statements else None
    if isinstance(last, Let) and last.out is p:
        if last.op.name == "neg":
            b.block.statements.pop()
            return b.let("neg", times(b, x, last.args[0]))
        if last.op.name == "div" and isinstance(last.args[0], Const) and last.args[0].value == 1.0:
            b.block.statements.pop()
            return b.let("div", x, last.args[1])
    return b.let("mul", x, p)


def keeps_shape(s: Let) -> Atom | None:
    """The argument whose shape the result has, where that can be told without running."""
    if s.op.name in ("update", "addat", "copy"):
        return s.args[0]
    if s.op.type in ("real", "arith"):
        arrays = [a for a in s.args if a.type.shape]
        return arrays[0] if len(arrays) == 1 else None
    return None


def note_shape(b: Builder, s: Statement) -> None:
    """Tell the builder which variables of a statement have the shape of others: updates, elementwise results, what loops carry."""
    match s:
        case Let() if not s.out.type.static:
            source = keeps_shape(s)
            if source is not None:
                b.same_shape[s.out] = source
        case For() | While():
            for v, p, i in zip(s.outs, s.params, s.inits, strict=True):
                if not v.type.static:
                    b.same_shape[v] = b.same_shape[p] = i
        case _:
            pass


def zero_like(b: Builder, x: Atom) -> Atom:
    """A zero of x's shape."""
    return b.let("zeros", *b.dims(x)) if x.type.shape else ZERO


def spread(b: Builder, s: Let, g: Atom) -> Atom:
    """A reduction's cotangent put back over the elements that were reduced."""
    return text(b, s, "spread(g, x, axis=axis)", {"g": g})


def fitted(b: Builder, value: Atom, like: Atom) -> Atom:
    """The value with the shape of `like`: broadcast up to it."""
    if same_shape(b, value, like):
        return value
    return b.let("broadcast_to", value, *b.dims(like))


def same_shape(b: Builder, x: Atom, y: Atom) -> bool:
    """The two are known to have one shape."""
    if x.type is REAL and y.type is REAL:
        return True
    if x.type.static or y.type.static:
        return x.type.shape == y.type.shape
    return b.shape_source(x) is b.shape_source(y)


def summed(b: Builder, value: Atom, like: Atom) -> Atom:
    """The value with the shape of `like`: summed over what broadcasting repeated."""
    if same_shape(b, value, like):
        return value
    if not like.type.shape and value.type.shape:
        return b.let("sum", value, attrs=(None,))
    return b.let("sum_to", value, *b.dims(like)) if value.type.shape else fitted(b, value, like)


def element(b: Builder, s: Let, g: Atom, k: int) -> Atom:
    """The part of the cotangent of stack or concat that belongs to argument k."""
    axis = s.attrs[0]
    assert isinstance(axis, int)
    if s.op.name == "stack":
        return b.let("index", g, const(k), attrs=(":" * axis + "i",))
    start: Atom = const(0)
    for a in s.args[:k]:
        start = _plus(b, start, b.dims(a)[axis])
    return b.let("index", g, start, b.dims(s.args[k])[axis], const(1), attrs=(":" * axis + "s",))


def _plus(b: Builder, m: Atom, n: Atom) -> Atom:
    if isinstance(m, Const) and isinstance(n, Const):
        return const(m.value + n.value)
    return b.let("add", m, n)


def formed(b: Builder, s: Let, k: int, value: Atom) -> Atom:
    """A symmetric form along its k-th argument: its derivative along the first one, the value in the place of another."""
    return b.let(s.op.name, *((*s.args, value) if k == 0 else replaced(s.args, k, value)))


def replaced(args: Sequence[Atom], k: int, value: Atom) -> tuple[Atom, ...]:
    return (*args[:k], value, *args[k + 1 :])


def called_rule(b: Builder, s: Call, rule: CustomRule) -> tuple[Var, ...]:
    """The partials that a function's own rule gives at a call of it."""
    partials = tuple(Var(t) for t in rule.partials.result_types)
    b.append(Call(partials, apart(rule.partials), (*s.args, *s.outs), s.span, counted=False))
    return partials


def is_dot(s: Call, k: int) -> bool:
    """The call gives a number for the array at k, so that its partial is a gradient."""
    return bool(s.args[k].type.shape) and not s.outs[0].type.shape


def tangent(b: Builder, s: Let, moving: Sequence[int], of: Callable[[Atom], Atom]) -> Atom:
    """The tangent of the statement's value, from those `of` its arguments: along the arguments at `moving`."""
    if s.op.tangent is not None:
        return total(b, [tangent_text(b, s, k, of(s.args[k])) for k in moving])
    if s.op.kind in ("partials", "reduce"):
        terms = [times(b, of(s.args[k]), partial(b, s, k)) for k in moving]
        if s.op.kind == "reduce":
            return b.let("sum", fitted(b, terms[0], s.args[0]), attrs=s.attrs)
        return fitted(b, total(b, terms), s.out)
    if s.op.kind == "form":
        return total(b, [formed(b, s, k, of(s.args[k])) for k in moving])
    if s.op.kind == "bilinear":
        return total(b, [b.let(s.op.name, *replaced(s.args, k, of(s.args[k])), attrs=s.attrs) for k in moving])
    values = linear_positions(s)
    t = b.let(s.op.name, *(of(a) if k in values else a for k, a in enumerate(s.args)), attrs=s.attrs)
    return fitted(b, t, s.out)


def total(b: Builder, terms: Sequence[Atom]) -> Atom:
    """The sum of one or more terms."""
    out = terms[0]
    for t in terms[1:]:
        out = b.let("add", out, t)
    return out
