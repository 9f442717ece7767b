"""The derivative operators of the language: grad, jacobian, hessian, jvp, vjp of a function or a lambda.

The function is lowered where it stands, so it may read any variable of the scope around it; what it reads becomes further parameters of a
function of its own, and derivatives by those come out right too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adcli import ops
from adcli.errors import ArityError, NotAValue, ShapeError, Span, UnknownFunction, ValueKindError
from adcli.ir.build import const
from adcli.ir.nested import nested
from adcli.ir.nodes import Atom, Block, Call, For, Function, Var
from adcli.ir.types import INT, REAL, Type, shape_text
from adcli.ir.walk import free, rename
from adcli.lower import functions
from adcli.lower.frame import FALSE, Frame, Steps
from adcli.lower.names import RETURNED
from adcli.lower.problems import counted, meant
from adcli.lower.signature import function_reads
from adcli.syntax import tree

# The operators, and how many arguments each takes behind the function before the function's own further ones: x, or x and a direction.
OPERATORS = {"grad": 1, "jacobian": 1, "hessian": 1, "jvp": 2, "vjp": 2}


class Closure:
    """A function of the arguments, the first of which is differentiated by, and of what it captures."""

    def __init__(self, function: Function, args: tuple[Atom, ...], span: Span) -> None:
        self.function = function
        self.args = args
        self.span = span

    @property
    def result(self) -> Type:
        return self.function.result_types[0]


def operator(f: Frame, node: tree.CallExpr) -> Steps:
    """Lower a call of a derivative operator."""
    needed = OPERATORS[node.name]
    if node.named:
        raise f.fail(ArityError, f"{node.name} has no named arguments", node.named[0][1].span, f"it is called as {_shown(node.name)}")
    if len(node.args) < 1 + needed:
        raise f.fail(ArityError, f"{node.name} takes a function and {counted(needed, 'value')} at least", node.span, _shown(node.name))
    args: list[Atom] = []
    for a in node.args[1:]:
        if isinstance(a, tree.Lambda):
            raise f.fail(NotAValue, "only the first argument is a function", a.span, f"it is called as {_shown(node.name)}")
        value = yield a
        args.append(f.real(value, a.span) if len(args) < needed else value)
    direction = args.pop(1) if needed == 2 else None
    return BUILD[node.name](f, node, closure(f, node, args), direction)


def _shown(name: str) -> str:
    return {"jvp": "jvp(f, x, v)", "vjp": "vjp(f, x, w)"}.get(name, f"{name}(f, x), f the name of a function or a lambda x -> …")


def closure(f: Frame, node: tree.CallExpr, args: Sequence[Atom]) -> Closure:
    """Lower the function for these arguments, then turn what it reads of the scope around it into parameters."""
    given = node.args[0]
    fn = _definition(f, node, given, len(args))
    inner = Frame(f.unit, fn.name.name, f.source)
    inner.env, inner.outer, inner.internal, inner.constants = dict(f.env), f.outer, f.internal, f.constants
    inner.returns = True
    inner.env[RETURNED] = FALSE
    params = tuple(Var(a.type, p.name) for a, p in zip(args, fn.params, strict=True))
    if isinstance(given, tree.Name) and given.name in f.unit.functions:
        result = functions.call(inner, fn, params, given.span)
    else:
        inner.env.update({p.name: v for p, v in zip(fn.params, params, strict=True)})
        inner.last = function_reads(fn).last
        result = functions.body_value(inner, fn)
    inner.b.block.results = (inner.real(result, given.span),)
    captured = free((inner.b.block,), params)
    hidden = tuple(Var(v.type, v.name) for v in captured)
    rename(inner.b.block, dict(zip(captured, hidden, strict=True)))
    function = Function(fn.name.name, (*params, *hidden), inner.b.block, ("value",), span=node.span)
    function.result_types = (inner.b.block.results[0].type,)
    return Closure(function, (*args, *captured), node.span)


def _definition(f: Frame, node: tree.CallExpr, given: tree.Expr, count: int) -> tree.FnDef:
    """The definition of the function that is differentiated."""
    if isinstance(given, tree.Name):
        found = f.unit.functions.get(given.name) or _operation(given, count)
        if found is None:
            help = meant(given.name, list(f.unit.functions), f"define it with fn, or write a lambda: {node.name}(x -> {given.name}(x), …)")
            raise f.fail(UnknownFunction, f"'{given.name}' is not a function", given.span, help)
        fn = found
    elif isinstance(given, tree.Lambda):
        fn = tree.FnDef(tree.Name("lambda", given.span), given.params, given.body, given.span)
    else:
        raise f.fail(NotAValue, f"the first argument of {node.name} is a function", given.span, f"it is called as {_shown(node.name)}")
    if len(fn.params) != count:
        message = f"{fn.name.name} takes {counted(len(fn.params), 'argument')}, and {count} {'is' if count == 1 else 'are'} given"
        raise f.fail(ArityError, message, node.span, f"{node.name} takes the function, then its arguments")
    return fn


def _operation(name: tree.Name, count: int) -> tree.FnDef | None:
    """A function of the table as a definition: sin as x1 -> sin(x1)."""
    if name.name not in ops.PUBLIC:
        return None
    params = tuple(tree.Name(f"x{k + 1}", name.span) for k in range(count))
    return tree.FnDef(name, params, tree.CallExpr(name.name, params, (), name.span, name.span), name.span)


def called(f: Frame, function: Function, args: tuple[Atom, ...], span: Span) -> tuple[Var, ...]:
    """The results of a call."""
    outs = tuple(Var(t) for t in function.result_types)
    f.b.append(Call(outs, function, args, span))
    return outs


def _grad(f: Frame, node: tree.CallExpr, c: Closure, direction: Atom | None) -> Atom:
    if c.result.shape:
        help = "for arrays use jacobian, or reduce the value to one number, for instance with sum"
        raise f.fail(ValueKindError, f"grad wants a function whose value is one number, not {shape_text(c.result.shape)}", node.span, help)
    return called(f, nested(c.function, "reverse", (0,), 0), c.args, node.span)[0]


def _jvp(f: Frame, node: tree.CallExpr, c: Closure, direction: Atom | None) -> Atom:
    assert direction is not None
    _alike(f, node, direction, c.args[0].type, "the direction", "x")
    return called(f, nested(c.function, "forward", (0,), 0), (*c.args, direction), node.span)[0]


def _vjp(f: Frame, node: tree.CallExpr, c: Closure, direction: Atom | None) -> Atom:
    assert direction is not None
    _alike(f, node, direction, c.result, "the cotangent", "the function's value")
    params = tuple(Var(a.type) for a in (*c.args, direction))
    with f.b.inside(Block()) as body:
        (value,) = called(f, c.function, params[:-1], node.span)
        total: Atom = f.b.let("mul", value, params[-1], span=node.span)
        if c.result.shape:
            total = f.b.let("sum", total, attrs=(None,), span=node.span)
        body.results = (total,)
    weighed = Function(c.function.name, params, body, ("value",), span=node.span)
    weighed.result_types = (REAL,)
    return called(f, nested(weighed, "reverse", (0,), 0), (*c.args, direction), node.span)[0]


def _alike(f: Frame, node: tree.CallExpr, given: Atom, like: Type, what: str, whose: str) -> None:
    if len(given.type.shape) != len(like.shape) or any(
        m != n and m is not None and n is not None for m, n in zip(given.type.shape, like.shape, strict=True)
    ):
        message = f"{what} has shape {shape_text(given.type.shape)}, and {whose} {shape_text(like.shape)}"
        raise f.fail(ShapeError, message, node.args[2].span, f"give {what} the shape of {whose}")


def _jacobian(f: Frame, node: tree.CallExpr, c: Closure, direction: Atom | None) -> Atom:
    return columns(f, c, nested(c.function, "forward", (0,), 0))


def _hessian(f: Frame, node: tree.CallExpr, c: Closure, direction: Atom | None) -> Atom:
    """The Jacobian of the gradient."""
    if c.result.shape:
        help = "reduce the value to one number, for instance with sum"
        shown = shape_text(c.result.shape)
        raise f.fail(ValueKindError, f"hessian wants a function whose value is one number, not {shown}", node.span, help)
    params = tuple(Var(a.type) for a in c.args)
    with f.b.inside(Block()) as body:
        body.results = called(f, nested(c.function, "reverse", (0,), 0), params, node.span)
    gradient = Function(c.function.name, params, body, ("value",), span=node.span)
    gradient.result_types = (Type("real", c.args[0].type.shape),)
    return columns(f, Closure(gradient, c.args, node.span), nested(gradient, "forward", (0,), 0))


def columns(f: Frame, c: Closure, tangent: Function) -> Atom:
    """The matrix of the derivatives along every element of the first argument: axes of the value, then of the argument."""
    x = c.args[0]
    if not x.type.shape:
        return called(f, tangent, (*c.args, const(1.0)), c.span)[0]
    dims = f.dims(x)
    n = _product(f, dims, c.span)
    with f.b.inside(Block()) as column:
        index = Var(INT)
        unit: Atom = f.b.let("update", f.b.let("zeros", n), const(1.0), index, attrs=("i",), span=c.span)
        if len(dims) > 1:
            unit = f.b.let("reshape", unit, *dims, span=c.span)
        (moved,) = called(f, tangent, (*c.args, unit), c.span)
        sizes = f.dims(moved) if None not in moved.type.shape else ()
        rows = f.b.let("reshape", moved, _product(f, sizes, c.span)) if len(moved.type.shape) > 1 else moved
    return _gathered(f, c, (index, column, moved, rows), dims, n)


def _product(f: Frame, dims: Sequence[Atom], span: Span) -> Atom:
    total: Atom = const(1)
    for n in dims:
        total = f.int_op("mul", total, n, span)
    return total


def _gathered(f: Frame, c: Closure, column: tuple[Var, Block, Atom, Atom], dims: tuple[Atom, ...], n: Atom) -> Atom:
    """A loop that fills the matrix column by column, and the matrix in its final shape."""
    index, block, moved, rows = column
    if None in moved.type.shape:
        help = "its extents must follow from those of the inputs"
        raise f.fail(ShapeError, "the value's shape is known only at run time", c.span, help)
    height = [const(m) for m in moved.type.shape if m is not None]
    flat = [_product(f, height, c.span)] if height else []
    start = f.b.let("zeros", *flat, n, span=c.span)
    param = Var(start.type)
    with f.b.inside(block):
        block.results = (f.b.let("update", param, rows, index, attrs=(":i" if flat else "i",), span=c.span),)
    out: Atom = Var(start.type)
    assert isinstance(out, Var)
    f.b.append(For((out,), index, const(0), n, const(1), (param,), (start,), block, c.span, counted=False))
    if len(height) != 1 or len(dims) != 1:
        return f.b.let("reshape", out, *height, *dims, span=c.span)
    return out


BUILD: dict[str, Callable[[Frame, tree.CallExpr, Closure, Atom | None], Atom]] = {
    "grad": _grad, "jacobian": _jacobian, "hessian": _hessian, "jvp": _jvp, "vjp": _vjp,
}  # fmt: skip
