"""Operations that the table writes in ADL, and array functions that are made of simpler ones, as those.

    y = sigmoid x          →     v1 = lt x, 0;  v2 = abs x; …;  y = div v7, v9
    y = logsumexp x        →     m = reduce_max x; …;  y = add (ln (sum (exp (sub x, m)))), m
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from adcli.ir.build import Builder, const
from adcli.ir.nodes import Atom, Block, Check, Const, Function, Let, Pop, Push, Statement, Var
from adcli.ir.walk import all_blocks, all_compound, clone_program, functions, rename
from adcli.lower import inline
from adcli.passes.dead import dead_code
from adcli.passes.simplify import simplify

# Statements in a row beyond which operations on numbers are called in Python instead: that takes less time than to compile their text.
HUGE = 50_000

Expansion = Callable[[Builder, Let], Atom]


def expand(entry: Function) -> Function:
    """A copy of the program in which such operations are written out."""
    entry = clone_program(entry)
    if _ties(entry):
        dead_code(entry)
    written = False
    for f in functions(entry):
        names: dict[object, Atom] = {}
        for block in all_blocks(f.body):
            _block(block, names)
        if names:
            _follow(names)
            rename(f.body, names)  # type: ignore[arg-type]
            written = True
    # What a function and its derivative are made of is often the same. With tapes a branch must not go, since its reverse stays.
    if written and not any(isinstance(s, Push | Pop) for f in functions(entry) for s in all_compound(f.body)):
        simplify(entry)
        dead_code(entry)
    return entry


def _ties(entry: Function) -> bool:
    """Weights above 0 and below 1 are those of several extreme elements, which are counted instead; whether there were any.

        check flag (w > 0 and w < 1)    →    check flag count > 1        where w = weights x, m
    """
    found = False
    for f in functions(entry):
        for block in all_blocks(f.body):
            if not any(type(s) is Let and s.op.name == "weights" for s in block.statements):
                continue
            made = {s.out: s for s in block.statements if isinstance(s, Let)}
            for k, s in reversed(list(enumerate(block.statements))):
                weights = _tested(s, made) if isinstance(s, Check) and s.kind == "flag" else None
                if weights is None:
                    continue
                assert isinstance(s, Check)
                b = Builder(Block(), s.span)
                several = b.let("gt", _equal_ones(b, weights)[1], const(1.0))
                block.statements[k : k + 1] = [*b.block.statements, replace(s, args=(several,))]
                found = True
    return found


def _tested(s: Check, made: dict[Var, Let]) -> Let | None:
    """The weights of which the check asks whether they are above 0 and below 1."""

    def source(a: Atom, name: str) -> Let | None:
        let = made.get(a) if isinstance(a, Var) else None
        return let if let is not None and let.op.name == name else None

    both = source(s.args[0], "logical_and")
    sides = [source(a, name) for a, name in zip(both.args, ("gt", "lt"), strict=True)] if both else []
    bounds = [a.args[1].value for a in sides if a is not None and isinstance(a.args[1], Const)]
    if bounds != [0, 1] or sides[0].args[0] is not sides[1].args[0]:  # type: ignore[union-attr]
        return None
    return source(sides[0].args[0], "weights")  # type: ignore[union-attr]


def _follow(names: dict[object, Atom]) -> None:
    """Where a name stands for a name, let it stand for the last of them."""
    for v in names:
        a = names[v]
        while a in names:
            a = names[a]
        names[v] = a


def _block(block: Block, names: dict[object, Atom]) -> None:
    todo = list(reversed(block.statements))
    done: list[Statement] = []
    huge = len(todo) > HUGE
    while todo:
        s = todo.pop()
        made = _written_out(s) if isinstance(s, Let) and not (huge and s.op.scalar is not None and not s.out.type.shape) else None
        if made is None:
            done.append(s)
            continue
        statements, result = made
        assert isinstance(s, Let)
        names[s.out] = result
        todo += reversed(statements)
    block.statements[:] = done


def _written_out(s: Let) -> tuple[list[Statement], Atom] | None:
    b = Builder(Block(), s.span)
    special = _ARRAYS.get(s.op.name)
    if special is not None and s.args[0].type.shape:
        return b.block.statements, special(b, s)
    text = s.op.native
    if text is None or text.isidentifier():
        return None
    result = inline(text, dict(zip(s.op.args, s.args, strict=True)), b, s.span)
    return b.block.statements, result


def _axis(s: Let) -> int | None:
    axis = s.attrs[0]
    assert axis is None or isinstance(axis, int)
    return axis


def _spread(b: Builder, v: Atom, x: Atom, axis: int | None) -> Atom:
    """A reduction's value with its axis put back, so that it broadcasts over x."""
    if axis is None or not v.type.shape:
        return v
    dims = b.dims(v)
    return b.let("reshape", v, *dims[:axis], const(1), *dims[axis:])


def _largest(b: Builder, x: Atom, axis: int | None) -> Atom:
    """The largest element, 0 where it is infinite or there is none (nan), so that x minus it makes sense."""
    m = b.let("reduce_max", x, attrs=(axis,))
    finite = b.let("lt", b.let("abs", m), const(float("inf")))
    return b.let("select", finite, m, const(0.0))


def _reduced(b: Builder, name: str, x: Atom, axis: int | None) -> Atom:
    return b.let(name, x, attrs=(axis,))


def _logsumexp(b: Builder, s: Let) -> Atom:
    x, axis = s.args[0], _axis(s)
    m = _largest(b, x, axis)
    total = _reduced(b, "sum", b.let("exp", b.let("sub", x, _spread(b, m, x, axis))), axis)
    return b.let("add", b.let("ln", total), m)


def _softmax(b: Builder, s: Let) -> Atom:
    x, axis = s.args[0], _axis(s)
    e = b.let("exp", b.let("sub", x, _spread(b, _largest(b, x, axis), x, axis)))
    return b.let("div", e, _spread(b, _reduced(b, "sum", e, axis), x, axis))


def _log_softmax(b: Builder, s: Let) -> Atom:
    x, axis = s.args[0], _axis(s)
    shifted = b.let("sub", x, _spread(b, _largest(b, x, axis), x, axis))
    total = _reduced(b, "sum", b.let("exp", shifted), axis)
    return b.let("sub", shifted, _spread(b, b.let("ln", total), x, axis))


def _mean(b: Builder, s: Let) -> Atom:
    x, axis = s.args[0], _axis(s)
    return b.let("div", _reduced(b, "sum", _real(b, x), axis), _number(b, x, axis))


def _number(b: Builder, x: Atom, axis: int | None) -> Atom:
    """How many elements a reduction joins, as a real number."""
    out: Atom = const(1)
    for k, n in enumerate(b.dims(x)):
        if axis in (None, k):
            out = b.let("mul", out, n)
    return b.let("to_real", out)


def _real(b: Builder, x: Atom) -> Atom:
    return x if x.type.elem == "real" else b.let("to_real", x)


def _var(b: Builder, s: Let) -> Atom:
    x, axis = _real(b, s.args[0]), _axis(s)
    number = _number(b, x, axis)
    mean = b.let("div", _reduced(b, "sum", x, axis), number)
    away = b.let("sub", x, _spread(b, mean, x, axis))
    return b.let("div", _reduced(b, "sum", b.let("mul", away, away), axis), number)


def _weights(b: Builder, s: Let) -> Atom:
    equal, total = _equal_ones(b, s)
    return b.let("div", equal, _spread(b, total, s.args[0], _axis(s)))


def _equal_ones(b: Builder, s: Let) -> tuple[Atom, Atom]:
    """1 where an element equals the extreme one, else 0; and how many there are."""
    x, m = s.args
    axis = _axis(s)
    equal = b.let("to_real", b.let("eq", x, _spread(b, m, x, axis)))
    return equal, _reduced(b, "sum", equal, axis)


def _count(b: Builder, s: Let) -> Atom:
    x, axis = s.args[0], _axis(s)
    number = _number(b, x, axis)
    if axis is None or len(x.type.shape) == 1:
        return number
    dims = b.dims(x)
    return b.let("full", number, *dims[:axis], *dims[axis + 1 :])


def _cross(b: Builder, s: Let) -> Atom:
    x, y = ([b.let("index", a, const(k), attrs=("i",)) for k in range(3)] for a in s.args)
    parts = [b.let("sub", b.let("mul", x[i], y[j]), b.let("mul", x[j], y[i])) for i, j in ((1, 2), (2, 0), (0, 1))]
    return b.let("stack", *parts, attrs=(0,))




_ARRAYS: dict[str, Expansion] = {
    "logsumexp": _logsumexp, "softmax": _softmax, "log_softmax": _log_softmax, "mean": _mean, "var": _var, "weights": _weights,
    "count": _count, "cross": _cross,
}  # fmt: skip
