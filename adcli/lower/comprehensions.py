"""Comprehensions: loops that fill an array or accumulate a sum or a product.

sum(a[i]*b[i] for i in 0..n)    →    s = 0;  for i in 0..n { s = s + a[i]*b[i] }
[f(i) for i in 0..n]            →    v = zeros(n);  for i in 0..n { v[i] = f(i) }
"""

from __future__ import annotations

from collections.abc import Callable

from adcli.errors import ShapeError, Span, ValueKindError
from adcli.ir.build import const
from adcli.ir.nodes import Atom, Const, Var
from adcli.ir.types import Shape, shape_text
from adcli.lower.branches import Arm, choose
from adcli.lower.frame import FALSE, HANDLERS, TRUE, Frame, Steps, atom_of
from adcli.lower.loops import Counted, Plan, counted, element, iterate, whole_axis
from adcli.lower.names import Free, expressions
from adcli.lower.problems import line
from adcli.syntax import tree


def argument(node: tree.CallExpr) -> tree.Comprehension | None:
    """The comprehension that is the only argument of a reduction, without brackets."""
    first = node.args[0] if node.args else None
    return first if isinstance(first, tree.Comprehension) and not first.bracketed else None


class _Clauses:
    """The `for` parts of one comprehension: nested loops that all carry the same hidden names."""

    def __init__(self, f: Frame, node: tree.Comprehension, names: tuple[str, ...], part: int = 0) -> None:
        self.f = f
        self.node = node
        self.names = names
        self.part = part
        self.counts: dict[int, tuple[Counted, Atom | None]] = {}

    def independent(self) -> bool:
        """Whether no range depends on an earlier counter."""
        bound: set[str] = set()
        for clause in self.node.clauses:
            free = Free()
            free.expression((clause.over,), set(), False)
            if bound & set(free.reads):
                return False
            bound.add(clause.target.name)
        return True

    def evaluate(self, k: int) -> tuple[Counted, Atom | None]:
        """The values a clause goes over; kept, where they were asked for before the loops."""
        if k in self.counts:
            return self.counts[k]
        over = self.node.clauses[k].over
        if isinstance(over, tree.Range):
            return counted(self.f, over), None
        array = self.f.expr(over)
        if not array.type.shape:
            raise self.f.fail(
                ValueKindError,
                "a 'for' goes over a range or an array, not over a number",
                over.span,
                "to count, write a range: for i in 0..n",
            )
        return whole_axis(self.f, array), array

    def ahead(self) -> Atom:
        """Evaluate all clauses before the loops; how many values they give together."""
        total: Atom = const(1)
        for k in range(len(self.node.clauses)):
            self.counts[k] = self.evaluate(k)
            n = self.f.int_op("maximum", self.counts[k][0].count, const(0), self.node.span)
            total = self.f.int_op("mul", total, n, self.node.span)
        return total

    def run(self, body: Callable[[], None], k: int = 0) -> None:
        """The loops from clause k inwards, around the body; counters are bound inside only."""
        if k == len(self.node.clauses):
            self._filtered(body)
            return
        f, clause = self.f, self.node.clauses[k]
        counts, array = self.evaluate(k)
        name = clause.target.name
        before = f.env.get(name)
        sure = isinstance(counts.count, Const) and counts.count.value > 0
        plan = Plan(id(clause) * 4 + self.part, self.names, sure, f"the 'for' on {line(f.source, clause.span)} gives nothing", clause.span)

        def bind(index: Atom) -> None:
            if array is None and isinstance(index, Var) and not index.name:
                index.name = name
            f.env[name] = index if array is None else element(f, array, index, name, clause.target.span)

        iterate(f, plan, counts, bind, lambda: self.run(body, k + 1), False)
        f.env.pop(name, None)
        if before is not None:
            f.env[name] = before

    def _filtered(self, body: Callable[[], None]) -> None:
        f, cond = self.f, self.node.cond
        if cond is None:
            body()
            return
        arms = (Arm(body, "the condition holds"), Arm(lambda: None, "it does not"))
        choose(f, f.condition(cond), arms, self.names, cond.span)


def _private(f: Frame, node: tree.Comprehension) -> Callable[[], None]:
    """What an `if` inside a comprehension assigns is forgotten behind it; gives the function that forgets."""
    written = {n: f.env.get(n) for n in f.unit.writes.expressions(e for e in expressions((node,)))}

    def forget() -> None:
        for n, binding in written.items():
            f.env.pop(n, None)
            if binding is not None:
                f.env[n] = binding

    return forget


class _OtherShape(Exception):
    """The values of a comprehension have another shape than assumed."""

    def __init__(self, node: tree.Comprehension, shape: Shape) -> None:
        super().__init__()
        self.node = node
        self.shape = shape


def _shaped(f: Frame, node: tree.Comprehension, build: Callable[[Shape], Atom]) -> Atom:
    """Build with the shape of the values, which is taken as a number's until the body says otherwise."""
    before = dict(f.env)
    shape = f.shapes.get(id(node), ())
    tried: list[Shape] = []
    while True:
        try:
            return build(shape)
        except _OtherShape as other:
            if other.node is not node:
                raise
            if other.shape in tried:
                message = f"a value of shape {shape_text(other.shape)} among values of shape {shape_text(shape)}"
                raise f.fail(ShapeError, message, node.body.span, "the values of a comprehension have one shape") from None
            tried.append(shape)
            shape = f.shapes[id(node)] = other.shape
            f.env.clear()
            f.env.update(before)


def reduction(f: Frame, name: str, node: tree.Comprehension) -> Atom:
    """sum or prod, in the order of the loop."""
    op, start = ("add", 0.0) if name == "sum" else ("mul", 1.0)
    forget = _private(f, node)

    def build(shape: Shape) -> Atom:
        acc = f"%{name}{f.unit.fresh()}"
        dims = _element_dims(f, node, shape, {c.target.name for c in node.clauses})
        f.env[acc] = f.sized(f.emit("full", (const(start), *dims), (), node.span), dims) if dims else const(start)
        clauses = _Clauses(f, node, (acc,))

        def body() -> None:
            value = f.real(f.expr(node.body), node.body.span)
            forget()
            if value.type.shape != shape:
                raise _OtherShape(node, value.type.shape)
            f.env[acc] = f.elementwise(op, (_current(f, acc), value), node.body.span)

        clauses.run(body)
        result = _current(f, acc)
        del f.env[acc]
        return result

    result = _shaped(f, node, build)
    f.prepared.pop(id(node.body), None)
    forget()
    return result


def _element_dims(f: Frame, node: tree.Comprehension, shape: Shape, bound: set[str]) -> tuple[Atom, ...]:
    """The extents of one value, known before the loops: constants, or those of a list inside that depends on no counter."""
    if None not in shape:
        return tuple(const(n or 0) for n in shape)
    body = node.body
    if isinstance(body, tree.Comprehension):
        inside = _Clauses(f, body, ())
        reads = Free()
        reads.expression([c.over for c in body.clauses], set(), False)
        if inside.independent() and not bound & set(reads.reads):
            f.prepared[id(body)] = total = inside.ahead()
            return total, *_element_dims(f, body, shape[1:], bound | {c.target.name for c in body.clauses})
    message = f"the values of a comprehension have the shape {shape_text(shape)}, known only when it runs"
    raise f.fail(ShapeError, message, node.body.span, "give them a length that does not depend on the loop")


def _current(f: Frame, name: str) -> Atom:
    found = atom_of(f.env[name])
    assert found is not None
    return found


def filled(f: Frame, node: tree.Comprehension) -> Atom:
    """The values of a comprehension as one array, several clauses as one flat list."""
    forget = _private(f, node)

    def build(shape: Shape) -> Atom:
        result, position = f"%array{f.unit.fresh()}", f"%position{f.unit.fresh()}"
        clauses = _Clauses(f, node, (result,))
        total, ahead = _total(f, clauses, position)
        dims = (f.prepared.get(id(node), total), *_element_dims(f, node, shape, {c.target.name for c in node.clauses}))
        f.env[result] = f.sized(f.emit("zeros", dims, (), node.span), dims)
        if ahead and len(node.clauses) == 1:
            _fill_one(f, clauses, node, result, shape)
        else:
            clauses.names = (result, position)
            clauses.part = 1
            f.env[position] = const(0)
            clauses.run(lambda: _put(f, node, result, _next(f, position), shape))
            del f.env[position]
        found = _current(f, result)
        f.env.pop(result)
        return found

    result = _shaped(f, node, build)
    f.prepared.pop(id(node.body), None)
    forget()
    return result


def _total(f: Frame, clauses: _Clauses, name: str) -> tuple[Atom, bool]:
    """How many values there are; counted by loops of their own where the ranges depend on each other."""
    if clauses.independent():
        return clauses.ahead(), True
    node = clauses.node
    counter = _Clauses(f, tree.Comprehension(node.body, node.clauses, None, node.bracketed, node.span), (name,), 2)
    f.env[name] = const(0)
    counter.run(lambda: _advance(f, name))
    found = _current(f, name)
    del f.env[name]
    f.unit.ranges[found] = (0, 2**62)
    return found, False


def _advance(f: Frame, name: str) -> None:
    """One more; a count of loop passes cannot overflow."""
    out = f.emit("add", (_current(f, name), const(1)))
    f.unit.ranges[out] = (0, 2**62)
    f.env[name] = out


def _next(f: Frame, name: str) -> Atom:
    at = _current(f, name)
    _advance(f, name)
    return at


def _fill_one(f: Frame, clauses: _Clauses, node: tree.Comprehension, result: str, shape: tuple[int | None, ...]) -> None:
    """A single `for`: the pass's number is the position."""
    clause = node.clauses[0]
    counts, array = clauses.evaluate(0)
    name = clause.target.name
    before = f.env.get(name)
    plan = Plan(id(clause) * 4, (result,), False, "", clause.span)
    passes = Counted(const(0), counts.count, const(1), (0, max(0, f.interval(counts.count)[1] - 1)))
    at: list[Atom] = []

    def bind(index: Atom) -> None:
        at[:] = [index]
        if array is not None:
            f.env[name] = element(f, array, index, name, clause.target.span)
            return
        value = f.int_op("add", counts.start, f.int_op("mul", index, counts.step, clause.span), clause.span)
        if isinstance(value, Var):
            f.unit.ranges[value] = counts.interval
            value.name = value.name or name
        f.env[name] = value

    iterate(f, plan, passes, bind, lambda: _put(f, node, result, at[0], shape), False)
    f.env.pop(name, None)
    if before is not None:
        f.env[name] = before


def _put(f: Frame, node: tree.Comprehension, result: str, at: Atom, shape: tuple[int | None, ...]) -> None:
    value = f.real(f.expr(node.body), node.body.span)
    if value.type.shape != shape:
        raise _OtherShape(node, value.type.shape)
    array = _current(f, result)
    out = f.emit("update", (array, value, at), ("i",), node.body.span)
    if None in out.type.shape:
        f.unit.extents[out] = tuple(f.extent_key(array, k) for k in range(len(out.type.shape)))
    f.env[result] = out


def extreme(f: Frame, name: str, node: tree.Comprehension, span: Span) -> Atom:
    """max or min: the values are collected first, so that ties share the derivative evenly. Of nothing it is an error."""
    what = name.removeprefix("reduce_")
    forget = _private(f, node)
    result, position, seen = (f"%{part}{f.unit.fresh()}" for part in ("array", "position", "seen"))
    clauses = _Clauses(f, node, (result, position, seen))
    total, _ = _total(f, clauses, position)
    worst = const(float("-inf") if what == "max" else float("inf"))
    f.env[result] = f.sized(f.emit("full", (worst, total), (), span), (total,))
    f.env[position], f.env[seen] = const(0), FALSE

    def body() -> None:
        value = f.expr(node.body)
        f.scalar(value, f"a value of {what}", node.body.span, "take the extreme of each array first")
        array, at = _current(f, result), _next(f, position)
        f.env[result] = f.emit("update", (array, f.real(value), at), ("i",), node.body.span)
        f.unit.extents[f.env[result]] = (f.extent_key(array, 0),)  # type: ignore[index]
        f.env[seen] = TRUE

    clauses.run(body)
    f.check("true", _current(f, seen), about=(f"{what} of nothing: no value passed the 'for'",), span=span)
    out = f.emit(name, (_current(f, result),), (None,), span)
    for n in (result, position, seen):
        f.env.pop(n, None)
    forget()
    return out


def _bracketed(f: Frame, node: tree.Comprehension) -> Steps:
    if node.cond is not None:
        raise f.fail(
            ValueKindError,
            "a list cannot be filtered: its length would depend on the values",
            node.cond.span,
            "'if' filters in sum, prod, max and min",
        )
    return filled(f, node)
    yield


HANDLERS[tree.Comprehension] = _bracketed
