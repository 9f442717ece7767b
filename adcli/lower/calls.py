"""Calls by name: the program's functions, operations of the table, and the few that are more than one operation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adcli import ops
from adcli.errors import ArityError, NotAConstant, NotAValue, ShapeError, Source, Span, UnknownFunction, ValueKindError
from adcli.ir.build import const
from adcli.ir.nodes import Atom, Const
from adcli.ir.types import shape_text
from adcli.lower import arrays, comprehensions, functions, implicit, matrices, operators
from adcli.lower.expressions import where
from adcli.lower.frame import HANDLERS, Frame, Steps
from adcli.lower.loops import span_count, whole
from adcli.lower.problems import counted, meant
from adcli.ops.record import Op
from adcli.syntax import parse, tree

_defined: dict[str, tuple[tree.FnDef, Source]] = {}


def _call(f: Frame, node: tree.CallExpr) -> Steps:
    fn = f.unit.functions.get(node.name) if not f.internal else None
    if fn is not None:
        _no_names(f, node, ())
        args: list[Atom] = []
        for a in _values(f, node):
            args.append((yield a))
        return functions.call(f, fn, args, node.span)
    special = SPECIAL.get(node.name)
    if special is not None:
        return (yield from special(f, node))
    op = ops.PUBLIC.get(node.name) or (ops.TABLE.get(node.name) if f.internal else None)
    if op is None:
        raise _unknown(f, node)
    operands: list[Atom] = []
    for a in _values(f, node):
        operands.append((yield a))
    return _operation(f, node, op, operands)


HANDLERS[tree.CallExpr] = _call


def _unknown(f: Frame, node: tree.CallExpr) -> UnknownFunction:
    name = node.name
    if name in f.env or name in f.unit.variables or name in ops.CONSTANTS:
        help = f"to multiply, write {name}*(…); to take an element, {name}[…]"
        error = f.fail(UnknownFunction, f"'{name}' is a variable, not a function", node.name_span, help)
    else:
        candidates = [*f.unit.functions, *ops.PUBLIC, *SPECIAL]
        error = f.fail(
            UnknownFunction,
            f"'{name}' is not a function",
            node.name_span,
            meant(name, candidates, f"'adcli ops' lists all functions; to multiply, write {name}*(…)"),
        )
    assert isinstance(error, UnknownFunction)
    return error


def _values(f: Frame, node: tree.CallExpr) -> list[tree.Expr]:
    """The arguments, none of which may be a function."""
    out: list[tree.Expr] = []
    for a in node.args:
        if isinstance(a, tree.Lambda):
            raise f.fail(
                NotAValue, f"{node.name} takes values, not a lambda", a.span, "lambdas are arguments of operators that take a function"
            )
        if isinstance(a, tree.Comprehension) and not a.bracketed:
            raise f.fail(ValueKindError, f"{node.name} does not take a 'for'", a.span, f"put it in brackets: {node.name}([… for …])")
        out.append(a)
    return out


def _no_names(f: Frame, node: tree.CallExpr, allowed: Sequence[str]) -> None:
    for name, value in node.named:
        if name not in allowed:
            help = f"it takes {' and '.join(a + '=' for a in allowed)}" if allowed else "give the arguments in order, without names"
            raise f.fail(ArityError, f"{node.name} has no named argument '{name}'", value.span, help)


def _arity(f: Frame, node: tree.CallExpr, least: int, most: int | None, shown: str) -> None:
    n = len(node.args)
    if n < least or (most is not None and n > most):
        want = (
            counted(least, "argument")
            if most == least
            else f"at least {counted(least, 'argument')}"
            if most is None
            else f"{least} to {most} arguments"
        )
        raise f.fail(ArityError, f"{node.name} takes {want}, not {n}", node.span, f"it is called as {shown}")


def axis_of(f: Frame, node: tree.CallExpr) -> int | None:
    """The value of `axis=`: a whole literal."""
    for name, value in node.named:
        if name != "axis":
            continue
        if f.internal and isinstance(value, tree.Name):
            given = f.constants[value.name]
            assert given is None or isinstance(given, int)
            return given
        fixed = arrays.whole_literal(value)
        if fixed is None:
            raise f.fail(NotAConstant, "axis must be a whole number that is written out", value.span, "for instance axis=0")
        return fixed
    return None


def real_axis(f: Frame, node: tree.CallExpr, axis: int, x: Atom) -> int:
    rank = len(x.type.shape)
    if not -rank <= axis < rank:
        raise f.fail(ShapeError, f"axis {axis} of an array of shape {shape_text(x.type.shape)}", node.span, f"axes go from 0 to {rank - 1}")
    return axis % rank


# ---- operations of the table


def _operation(f: Frame, node: tree.CallExpr, op: Op, args: list[Atom]) -> Atom:
    """A call of one operation, its arguments brought to the kinds it takes."""
    shown = f"{node.name}({', '.join(op.args)})"
    _arity(f, node, len(op.args), len(op.args), f"{shown}, or with axis=: {node.name}(x, axis=0)" if "axis" in op.attrs else shown)
    if op.kind == "define":
        return _define(f, node, op, args)
    _no_names(f, node, op.attrs)
    if op.type in ("arith", "compare", "logical", "select"):
        return _mixed(f, node, op, args)
    if op.type == "real":
        return f.elementwise(op.name, tuple(f.real(a, node.span) for a in args), node.span)
    if op.name == "stop":
        return f.emit(op.name, tuple(args), (), node.span)
    if op.type == "reduce_bool":
        return _array_operation(f, node, op, [matrices.truths(f, a, node.span) for a in args])
    return _array_operation(f, node, op, [f.real(a, node.span) for a in args])


def _define(f: Frame, node: tree.CallExpr, op: Op, args: list[Atom]) -> Atom:
    """An operation that the table defines in ADL."""
    if op.name not in _defined:
        assert op.body is not None
        source = Source(op.body, f"<{op.name}>")
        (fn,) = parse(source).statements
        assert isinstance(fn, tree.FnDef)
        _defined[op.name] = fn, source
    fn, source = _defined[op.name]
    _no_names(f, node, op.attrs)
    for a, arg in zip(args, node.args, strict=True):
        if not a.type.shape:
            raise f.fail(ValueKindError, f"{node.name} takes an array, not a number", arg.span, f"for instance {node.name}([1, 2, 3])")
    matrices.check(f, op, args, node.span)
    constants = {"axis": axis_of(f, node)} if "axis" in op.attrs else {}
    return functions.call(f, fn, [f.real(a, node.span) for a in args], node.span, source, constants)


def _mixed(f: Frame, node: tree.CallExpr, op: Op, args: list[Atom]) -> Atom:
    """Arithmetic by name: ints stay ints among ints and whole literals."""
    nodes = _values(f, node)
    if op.name in ("mod", "pow"):
        return arrays.binary(f, {"mod": "%", "pow": "^"}[op.name], args[0], args[1], (nodes[0], nodes[1]), node.span)
    ints = _as_ints(args, nodes)
    if ints is None or op.name == "select":
        return f.elementwise(op.name, tuple(f.real(a, node.span) for a in args), node.span)
    if op.name in ("maximum", "minimum"):
        return f.int_op(op.name, ints[0], ints[1], node.span)
    if op.name == "clip":
        return f.int_op("minimum", f.int_op("maximum", ints[0], ints[1], node.span), ints[2], node.span)
    return f.elementwise(op.name, tuple(f.real(a, node.span) for a in args), node.span)


def _as_ints(args: Sequence[Atom], nodes: Sequence[tree.Expr]) -> list[Atom] | None:
    """All arguments as int scalars, or None where one is neither an int nor a whole literal."""
    if not any(a.type.elem == "int" for a in args):
        return None
    out: list[Atom] = []
    for a, node in zip(args, nodes, strict=True):
        literal = arrays.whole_literal(node)
        if a.type.shape or (a.type.elem != "int" and literal is None):
            return None
        out.append(const(literal) if a.type.elem != "int" and literal is not None else a)
    return out


# Without axis=: the last one; the only one, where more would leave it open; all elements, as one vector.
_LAST = frozenset({"softmax", "log_softmax"})
_ONLY = frozenset({"cumsum", "cumprod", "sort", "flip"})
_FLAT = frozenset({"prod"})


def _array_operation(f: Frame, node: tree.CallExpr, op: Op, args: list[Atom]) -> Atom:
    """A reduction, a product or a rearrangement of arrays."""
    for a, arg in zip(args, node.args, strict=True):
        if not a.type.shape:
            help = (
                f"for instance {node.name}([1, 2, 3])" if len(args) == 1 else f"{node.name} works on arrays; numbers are multiplied with *"
            )
            raise f.fail(ValueKindError, f"{node.name} takes an array, not a number", arg.span, help)
    if op.name in ("dot", "outer", "matmul"):
        return _product(f, node, op, args)
    if "axis" not in op.attrs:
        return matrices.operation(f, op, args, node.span)
    axis = _axis(f, node, op, args[0])
    if axis is None and op.name in _FLAT:
        axis, rank = 0, len(args[0].type.shape)
        args = [args[0] if rank == 1 else _flat(f, args[0], node.span)]
    if op.type == "reduce_int":
        return matrices.position(f, op, args[0], axis, node.span)
    out = f.emit(op.name, tuple(args), (axis,), node.span)
    if None in out.type.shape:
        keys = [f.extent_key(args[0], k) for k in range(len(args[0].type.shape))]
        f.unit.extents[out] = tuple(keys if op.type == "same" else keys[:axis] + keys[(axis or 0) + 1 :])
    return out


def _axis(f: Frame, node: tree.CallExpr, op: Op, x: Atom) -> int | None:
    """The axis asked for, from 0, or the one that the function takes by itself; None is all elements."""
    axis, rank = axis_of(f, node), len(x.type.shape)
    if axis is not None:
        return real_axis(f, node, axis, x)
    if op.name in _ONLY and rank > 1:
        raise f.fail(ShapeError, f"{node.name} of an array with {rank} axes", node.span, "say along which: axis=0")
    return 0 if op.name in _ONLY else rank - 1 if op.name in _LAST else None


def _flat(f: Frame, x: Atom, span: Span) -> Atom:
    """All elements as one vector."""
    n = _total(f, f.dims(x), span)
    return f.sized(f.emit("reshape", (x, n), (), span), (n,))


def _product(f: Frame, node: tree.CallExpr, op: Op, args: list[Atom]) -> Atom:
    a, b = args
    if op.name == "matmul":
        return arrays.product(f, a, b, node.span)
    if op.name == "dot" and len(a.type.shape) == len(b.type.shape) == 1:
        m, n = a.type.shape[0], b.type.shape[0]
        if m is not None and n is not None and m != n:
            raise f.fail(ShapeError, f"dot of vectors of lengths {m} and {n}", node.span, "dot takes vectors of one length")
        arrays.fits(f, a, 0, b, 0, node.span)
    elif op.name == "dot":
        raise f.fail(
            ShapeError,
            f"dot takes two vectors, not shapes {shape_text(a.type.shape)} and {shape_text(b.type.shape)}",
            node.span,
            "for matrices, write A @ B",
        )
    return f.emit(op.name, (a, b), (), node.span)


# ---- more than one operation


def _reduced(f: Frame, node: tree.CallExpr) -> Steps:
    """sum and prod: of an array, or of values that a `for` gives."""
    value = comprehensions.argument(node)
    if value is not None:
        _no_names(f, node, ())
        _arity(f, node, 1, 1, f"{node.name}(… for i in 0..n)")
        return comprehensions.reduction(f, node.name, value)
    operands: list[Atom] = []
    for a in _values(f, node):
        operands.append((yield a))
    return _operation(f, node, ops.PUBLIC[node.name], operands)


def _extreme(f: Frame, node: tree.CallExpr) -> Steps:
    """max and min: of an array, of the values a `for` gives, or of two or more arguments."""
    value = comprehensions.argument(node)
    _arity(f, node, 1, None, f"{node.name}(a, b) or {node.name}(v)")
    name = "reduce_" + node.name
    if value is not None:
        _no_names(f, node, ())
        return comprehensions.extreme(f, name, value, node.span)
    args: list[Atom] = []
    nodes = _values(f, node)
    for given in nodes:
        args.append((yield given))
    if len(args) == 1:
        _no_names(f, node, ("axis",))
        return _array_operation(f, node, ops.TABLE[name], [_nonempty(f, f.real(args[0], node.span), node)])
    _no_names(f, node, ())
    if len(args) == 2:
        return _mixed(f, node, ops.PUBLIC[node.name], args)
    ints = _as_ints(args, nodes)
    if ints is not None:
        result = ints[0]
        for a in ints[1:]:
            result = f.int_op(ops.PUBLIC[node.name].name, result, a, node.span)
        return result
    return f.emit(name, (f.emit("stack", tuple(_alike(f, args, node.span)), (0,), node.span),), (0,), node.span)


def _nonempty(f: Frame, x: Atom, node: tree.CallExpr) -> Atom:
    matrices.nonempty(f, x, range(len(x.type.shape)), node.name, node.span)
    return x


def _alike(f: Frame, args: Sequence[Atom], span: Span) -> list[Atom]:
    """The arguments broadcast to one shape."""
    reals = [f.real(a, span) for a in args]
    widest: Atom = reals[0]
    for a in reals[1:]:
        if a.type.shape != widest.type.shape:
            widest = f.elementwise("maximum", (widest, a), span)
    if not widest.type.shape:
        return reals
    return [a if a.type.shape == widest.type.shape else f.emit("broadcast_to", (a, *f.dims(widest)), (), span) for a in reals]


def _where(f: Frame, node: tree.CallExpr) -> Steps:
    _no_names(f, node, ())
    _values(f, node)
    _arity(f, node, 3, 3, "where(condition, a, b)")
    return (yield from where(f, node))


def _length(f: Frame, node: tree.CallExpr) -> Steps:
    _arity(f, node, 1, 1, "len(v)")
    x = yield _values(f, node)[0]
    _array_wanted(f, x, node)
    return f.extent(x, 0)


def _array_wanted(f: Frame, x: Atom, node: tree.CallExpr) -> None:
    if not x.type.shape:
        raise f.fail(ValueKindError, f"{node.name} takes an array, not a number", node.args[0].span, f"for instance {node.name}([1, 2, 3])")


def _shape(f: Frame, node: tree.CallExpr) -> Steps:
    _arity(f, node, 1, 1, "shape(A)")
    x = yield _values(f, node)[0]
    _array_wanted(f, x, node)
    dims = f.dims(x)
    out = f.emit("stack", dims, (0,), node.span)
    f.unit.parts[out] = dims
    f.unit.ranges[out] = (0, 2**63 - 1)
    return out


def sizes(f: Frame, nodes: Sequence[tree.Expr], what: str) -> Steps:
    """Extents given one by one, as a list, or as shape(A); left in `f.sizes`, since a generator gives atoms only."""
    found: list[Atom] = []
    for node in nodes:
        parts: Sequence[tree.Expr] = node.items if isinstance(node, tree.ArrayLit) else (node,)
        for part in parts:
            value = yield part
            if value in f.unit.parts:
                found += f.unit.parts[value]
            elif len(value.type.shape) == 1 and value.type.shape[0] is not None:
                each = [arrays.get(f, value, arrays.Subscript("i", (const(k),)), part.span) for k in range(value.type.shape[0])]
                found += [_size(f, a, part.span, what) for a in each]
            else:
                found.append(_size(f, value, part.span, what))
    f.sizes = tuple(found)
    return const(0)


def _size(f: Frame, value: Atom, span: Span, what: str) -> Atom:
    n = whole(f, value, "a size", span, f"{what} takes whole numbers")
    if f.interval(n)[0] < 0:
        f.check("positive-size", n, about=("a size",), span=span)
    return n


def _made(f: Frame) -> tuple[Atom, ...]:
    """The sizes of a new array; 0 for one that is known to be negative, which a check in front stops."""
    return tuple(const(0) if isinstance(n, Const) and n.value < 0 else n for n in f.sizes)


def _filled(f: Frame, node: tree.CallExpr) -> Steps:
    """zeros and ones."""
    _no_names(f, node, ())
    _arity(f, node, 1, None, f"{node.name}(3) or {node.name}(2, 3)")
    yield from sizes(f, _values(f, node), node.name)
    dims = _made(f)
    return f.sized(f.emit(node.name, dims, (), node.span), dims)


def _full(f: Frame, node: tree.CallExpr) -> Steps:
    _no_names(f, node, ())
    _arity(f, node, 2, None, "full(value, 3) or full(value, 2, 3)")
    nodes = _values(f, node)
    value = yield nodes[0]
    f.scalar(value, "the value that fills an array", nodes[0].span)
    value = f.real(value, nodes[0].span)
    yield from sizes(f, nodes[1:], node.name)
    dims = _made(f)
    return f.sized(f.emit("full", (value, *dims), (), node.span), dims)


def _eye(f: Frame, node: tree.CallExpr) -> Steps:
    _no_names(f, node, ())
    _arity(f, node, 1, 1, "eye(n)")
    yield from sizes(f, _values(f, node), node.name)
    (n,) = _made(f)
    return f.sized(f.emit("eye", (n,), (), node.span), (n, n))


def _linspace(f: Frame, node: tree.CallExpr) -> Steps:
    _no_names(f, node, ())
    _arity(f, node, 3, 3, "linspace(a, b, n)")
    nodes = _values(f, node)
    ends: list[Atom] = []
    for end in nodes[:2]:
        value = yield end
        ends.append(f.real(f.scalar(value, "an end of linspace", end.span), end.span))
    yield from sizes(f, nodes[2:], node.name)
    (n,) = _made(f)
    return f.sized(f.emit("linspace", (*ends, n), (), node.span), (n,))


def _range(f: Frame, node: tree.CallExpr) -> Steps:
    """range(n), range(a, b) and range(a, b, step): an array of ints."""
    _no_names(f, node, ())
    _arity(f, node, 1, 3, "range(n), range(a, b) or range(a, b, step)")
    given: list[Atom] = []
    for a in _values(f, node):
        value = yield a
        given.append(whole(f, value, "an argument of range", a.span, "for points in between use linspace(a, b, n)"))
    lo = given[0] if len(given) > 1 else const(0)
    hi = given[1] if len(given) > 1 else given[0]
    step = given[2] if len(given) > 2 else const(1)
    if isinstance(step, Const) and step.value == 0:
        raise f.fail(ValueKindError, "the step of range is zero", node.args[2].span, "a range of step 0 would never end")
    if not isinstance(step, Const):
        f.check("true", f.emit("ne", (step, const(0))), about=("the step of range is zero",), span=node.span)
    count = f.int_op("maximum", span_count(f, lo, hi, step, False, node.span), const(0), node.span)
    out = f.emit("iota", (lo, count, step), (), node.span)
    if isinstance(count, Const) and isinstance(lo, Const) and isinstance(step, Const):
        last = int(lo.value) + max(0, int(count.value) - 1) * int(step.value)
        f.unit.ranges[out] = (min(int(lo.value), last), max(int(lo.value), last))
    return f.sized(out, (count,))


def _reshape(f: Frame, node: tree.CallExpr) -> Steps:
    _no_names(f, node, ())
    _arity(f, node, 2, None, "reshape(x, 2, 3)")
    nodes = _values(f, node)
    x = yield nodes[0]
    yield from sizes(f, nodes[1:], node.name)
    dims = f.sizes
    _array_wanted(f, x, node)
    if not (x.type.static and all(isinstance(n, Const) for n in dims)):
        f.check("equal", _total(f, f.dims(x), node.span), _total(f, dims, node.span), about=("the numbers of elements",), span=node.span)
    return f.sized(f.emit("reshape", (x, *dims), (), node.span), dims)


def _total(f: Frame, dims: Sequence[Atom], span: Span) -> Atom:
    total: Atom = const(1)
    for n in dims:
        total = f.int_op("mul", total, n, span)
    return total


def _joined(f: Frame, node: tree.CallExpr) -> Steps:
    """stack and concat."""
    _no_names(f, node, ("axis",))
    _arity(f, node, 1, None, f"{node.name}(a, b)")
    parts: list[Atom] = []
    for given in _values(f, node):
        parts.append((yield given))
    if len({a.type.elem for a in parts}) > 1:
        parts = [f.real(a, node.span) for a in parts]
    axis = axis_of(f, node) or 0
    rank = len(parts[0].type.shape) + (1 if node.name == "stack" else 0)
    for a, arg in zip(parts, node.args, strict=True):
        if node.name == "concat":
            _concat_part(f, a, parts[0], arg.span)
    if not -rank <= axis < rank:
        raise f.fail(ShapeError, f"axis {axis} where there are {rank}", node.span, f"axes go from 0 to {rank - 1}")
    axis %= rank
    for a in parts[1:]:
        if len(a.type.shape) == len(parts[0].type.shape):
            for k in range(len(a.type.shape)):
                if node.name == "stack" or k != axis:
                    arrays.fits(f, parts[0], k, a, k, node.span)
    return f.emit(node.name, tuple(parts), (axis,), node.span)


def _concat_part(f: Frame, a: Atom, first: Atom, span: Span) -> None:
    if not a.type.shape:
        raise f.fail(ValueKindError, "concat joins arrays, and this is a number", span, "put it in brackets: [x]")
    if len(a.type.shape) != len(first.type.shape):
        message = f"concat of shapes {shape_text(first.type.shape)} and {shape_text(a.type.shape)}"
        raise f.fail(ShapeError, message, span, "the arrays have the same number of axes")


def _int(f: Frame, node: tree.CallExpr) -> Steps:
    """int(x) drops the fraction; what is no number or does not fit is an error."""
    _no_names(f, node, ())
    _arity(f, node, 1, 1, "int(x)")
    (arg,) = _values(f, node)
    value = yield arg
    f.scalar(value, "the argument of int", arg.span)
    if value.type.elem == "int":
        return value
    if value.type.elem == "bool":
        value = f.real(value, node.span)
    known = f.value_of(value)
    if known is not None and abs(known) < 2**53:
        return const(int(known))
    whole_part = f.emit("trunc", (value,), (), node.span)
    f.check("integral", whole_part, about=("the argument of int",), span=arg.span)
    out = f.emit("to_int", (whole_part,), (), node.span)
    f.check("int64", out, span=node.span)
    return out


SPECIAL: dict[str, Callable[[Frame, tree.CallExpr], Steps]] = {
    "where": _where, "max": _extreme, "min": _extreme, "sum": _reduced, "prod": _reduced,
    "len": _length, "shape": _shape, "zeros": _filled, "ones": _filled, "full": _full, "eye": _eye, "linspace": _linspace,
    "range": _range, **dict.fromkeys(operators.OPERATORS, operators.operator),
    "root": implicit.solver, "fixed_point": implicit.solver, "reshape": _reshape, "stack": _joined, "concat": _joined, "int": _int,
}  # fmt: skip
