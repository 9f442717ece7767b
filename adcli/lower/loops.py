"""Loops: `for` and `while` become For and While that carry the variables their bodies change.

    s = 0                                s1 = for i in 0, n, 1 carrying (s = 0.0):
    for i in 0..n { s = s + i }     →        v = to_real i; w = add s, v; yield w

A loop that `break` or `return` may leave becomes a While that also tests the hidden flags.
What a loop carries must keep its shape; its element kind is found by lowering the body until nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adcli.errors import NotAnInteger, ShapeError, Span, ValueKindError
from adcli.ir.build import const
from adcli.ir.nodes import Atom, Block, Const, For, Var, While
from adcli.ir.types import INT, Type, joined, shape_text
from adcli.lower import ints
from adcli.lower.branches import Arm, choose
from adcli.lower.frame import FALSE, Binding, Diverges, Frame, Loop, Unset, atom_of
from adcli.lower.names import BROKEN, CONTINUED, RESULT, RETURNED, always_true
from adcli.lower.problems import line
from adcli.syntax import tree


class Counted:
    """An evaluated range: count integers from start by step, all in the interval."""

    __slots__ = ("count", "interval", "start", "step")

    def __init__(self, start: Atom, count: Atom, step: Atom, interval: ints.Interval) -> None:
        self.start = start
        self.count = count
        self.step = step
        self.interval = interval


def whole(f: Frame, a: Atom, what: str, span: Span | None, help: str | None = None) -> Atom:
    """The value as an int: a real is taken if it is integral."""
    f.scalar(a, what, span)
    if a.type.elem == "int":
        return a
    if a.type.elem == "bool":
        raise f.fail(ValueKindError, f"{what} must be an integer, not a truth value", span)
    value = f.value_of(a)
    if value is not None:
        if value != value or value in (float("inf"), float("-inf")) or value != int(value) or not ints.fits((int(value), int(value))):
            raise f.fail(
                NotAnInteger, f"{what} must be a whole number, not {value!r}", span, help or "int(x) drops the fraction, round(x) rounds"
            )
        return const(int(value))
    f.check("integral", a, about=(what,), span=span)
    return f.emit("to_int", (a,), (), span)


_LINSPACE = "ranges count in integers; for points in between use linspace(a, b, n)"


def counted(f: Frame, node: tree.Range) -> Counted:
    """Evaluate the bounds of a `for`'s range and count its values."""
    assert node.lo is not None and node.hi is not None
    lo = whole(f, f.expr(node.lo), "the start of a range", node.lo.span, _LINSPACE)
    hi = whole(f, f.expr(node.hi), "the end of a range", node.hi.span, _LINSPACE)
    step = const(1) if node.step is None else whole(f, f.expr(node.step), "the step of a range", node.step.span, _LINSPACE)
    nonzero(f, step, node)
    count = span_count(f, lo, hi, step, node.inclusive, node.span)
    return Counted(lo, count, step, _index_interval(f, lo, hi, step, node.inclusive))


def nonzero(f: Frame, step: Atom, node: tree.Range) -> None:
    if isinstance(step, Const):
        if step.value == 0:
            span = node.span if node.step is None else node.step.span
            raise f.fail(NotAnInteger, "the step of a range is zero", span, "a range of step 0 would never end")
        return
    f.check("true", f.emit("ne", (step, const(0))), about=("the step of a range is zero",), span=node.span)


def span_count(f: Frame, lo: Atom, hi: Atom, step: Atom, inclusive: bool, span: Span | None) -> Atom:
    """How many values a range has; negative where it is empty."""
    if isinstance(step, Const) and abs(step.value) == 1:
        count = f.int_op("sub", hi, lo, span) if step.value > 0 else f.int_op("sub", lo, hi, span)
        return f.int_op("add", count, const(1), span) if inclusive else count
    if inclusive:
        return f.int_op("add", f.int_op("floordiv", f.int_op("sub", hi, lo, span), step, span), const(1), span)
    return f.int_neg(f.int_op("floordiv", f.int_op("sub", lo, hi, span), step, span), span)


def _index_interval(f: Frame, lo: Atom, hi: Atom, step: Atom, inclusive: bool) -> ints.Interval:
    first, last, by = f.interval(lo), f.interval(hi), f.interval(step)
    off = 0 if inclusive else 1
    if by[0] > 0:
        return first[0], max(first[0], last[1] - off)
    if by[1] < 0:
        return min(first[1], last[0] + off), first[1]
    return min(first[0], last[0]), max(first[1], last[1])


class Plan:
    """What is special about a loop: its key for remembered types, the names it may assign, whether its body certainly runs.

    `skipped` says that it did not run.
    """

    __slots__ = ("key", "names", "skipped", "span", "sure")

    def __init__(self, key: int, names: tuple[str, ...], sure: bool, skipped: str, span: Span) -> None:
        self.key = key
        self.names = names
        self.sure = sure
        self.skipped = skipped
        self.span = span


def iterate(f: Frame, plan: Plan, counts: Counted, bind: Callable[[Atom], None], body: Callable[[], None], leaves: bool) -> None:
    """A counted loop. `bind` names the counter's value; `leaves`: break or return may end it early."""
    if not leaves:
        _for(f, plan, counts, bind, body)
        return

    def test(index: Var) -> Atom:
        return f.emit("lt", (index, counts.count))

    def step(index: Var) -> None:
        value = f.int_op("mul", index, counts.step, plan.span)
        value = f.int_op("add", counts.start, value, plan.span)
        if isinstance(value, Var):
            f.unit.ranges[value] = counts.interval
        bind(value)
        body()

    _while(f, plan, test, step, _limit(f, counts.count), True)


def _limit(f: Frame, count: Atom) -> ints.Interval:
    return 0, max(0, f.interval(count)[1] - 1)


def _for(f: Frame, plan: Plan, counts: Counted, bind: Callable[[Atom], None], body: Callable[[], None]) -> None:
    index = Var(INT)
    f.unit.ranges[index] = counts.interval

    def lower(params: dict[str, Var]) -> Block:
        with f.b.inside(Block()) as block:
            bind(index)
            body()
        return block

    carried = _carry(f, plan, lower)
    if carried is not None:
        block, params, inits, outs = carried
        f.b.append(For(outs, index, counts.start, counts.count, counts.step, params, inits, block, plan.span))


def _while(f: Frame, plan: Plan, test: Callable[[Var], Atom], body: Callable[[Var], None], limit: ints.Interval, harmless: bool) -> None:
    index = Var(INT)
    f.unit.ranges[index] = limit
    tests: list[Block] = []

    def lower(params: dict[str, Var]) -> Block:
        with f.b.inside(Block()) as head:
            head.results = (_going(f, params, lambda: test(index), plan.span, harmless),)
        tests[:] = [head]
        with f.b.inside(Block()) as block:
            body(index)
        return block

    carried = _carry(f, plan, lower)
    if carried is not None:
        block, params, inits, outs = carried
        f.b.append(While(Var(INT), outs, index, params, inits, tests[0], block, plan.span))


def _going(f: Frame, params: dict[str, Var], test: Callable[[], Atom], span: Span, harmless: bool) -> Atom:
    """The test of a loop that flags may end: once one is set the condition is not evaluated, unless that is harmless."""
    flags = [params[n] for n in (BROKEN, RETURNED) if n in params]
    if not flags:
        return test()
    stop: Atom = flags[0] if len(flags) == 1 else f.emit("logical_or", (flags[0], flags[1]))

    if harmless:
        return f.emit("logical_and", (test(), f.emit("logical_not", (stop,))))

    def stopped() -> None:
        f.env["%going"] = FALSE

    def going() -> None:
        f.env["%going"] = test()

    choose(f, stop, (Arm(stopped, "the loop is left"), Arm(going, "it goes on")), ("%going",), span)
    found = f.env.pop("%going")
    assert not isinstance(found, Unset)
    return found


def _carry(
    f: Frame, plan: Plan, lower: Callable[[dict[str, Var]], Block]
) -> tuple[Block, tuple[Var, ...], tuple[Atom, ...], tuple[Var, ...]] | None:
    """Lower the body until the types of what it carries are stable; None where it diverges and so counts as not run."""
    before = {n: f.env.get(n) for n in plan.names}
    guess = f.guesses.setdefault(plan.key, {})
    wanted = frozenset(
        n for n in plan.names if atom_of(before[n]) is None and (n == RESULT or (plan.sure and f.last.get(n, -1) >= plan.span.end))
    )
    keep, f.keep = f.keep, f.keep | wanted
    loop = Loop(wanted)
    try:
        while True:
            params = _params(f, plan, before, guess)
            loop.missing.clear()
            f.loops.append(loop)
            try:
                block = lower(params)
                ends = {n: f.env.get(n) for n in plan.names}
            except Diverges:
                _back(f, before)
                if plan.sure:
                    raise
                return None
            finally:
                f.loops.pop()
            _back(f, before)
            if _stable(f, plan, params, ends, guess, wanted):
                break
    finally:
        f.keep = keep
    return _finish(f, plan, block, params, before, ends, loop)


def _back(f: Frame, before: dict[str, Binding | None]) -> None:
    for n, binding in before.items():
        if binding is None:
            f.env.pop(n, None)
        else:
            f.env[n] = binding


def _params(f: Frame, plan: Plan, before: dict[str, Binding | None], guess: dict[str, Type]) -> dict[str, Var]:
    """The loop's carried variables, bound for its body."""
    params: dict[str, Var] = {}
    for n in plan.names:
        binding = before[n]
        atom = atom_of(binding)
        shown = "" if n[0] == "%" else n
        if atom is not None:
            common = joined(atom.type, guess[n]) if n in guess else atom.type
            params[n] = Var(common or atom.type, shown)
            f.env[n] = binding.carrying(params[n]) if isinstance(binding, Unset) else params[n]
        elif n in guess:
            params[n] = Var(guess[n], shown)
            why = f"has no value in the first pass of the loop on {line(f.source, plan.span)}"
            f.env[n] = binding.carrying(params[n]) if isinstance(binding, Unset) else Unset(why, params[n])
    return params


def _stable(
    f: Frame, plan: Plan, params: dict[str, Var], ends: dict[str, Binding | None], guess: dict[str, Type], wanted: frozenset[str]
) -> bool:
    """Whether what the body leaves fits what it was lowered with; if not, `guess` is widened."""
    stable = True
    for n in plan.names:
        end = ends[n]
        atom = atom_of(end)
        if n not in params:
            if atom is not None and n in wanted:
                guess[n], stable = atom.type, False
            continue
        if atom is None:
            assert isinstance(end, Unset)
            raise f.unset(n, end, plan.span)
        common = joined(params[n].type, atom.type)
        if common is None:
            shown = "what is returned" if n == RESULT else f"'{n}'"
            was, now = shape_text(params[n].type.shape), shape_text(atom.type.shape)
            raise f.fail(
                ShapeError,
                f"{shown} is {was} before the loop and {now} after a pass of it",
                plan.span,
                "a variable keeps its shape through a loop",
            )
        if common != params[n].type:
            guess[n], stable = common, False
    return stable


def _finish(
    f: Frame,
    plan: Plan,
    block: Block,
    params: dict[str, Var],
    before: dict[str, Binding | None],
    ends: dict[str, Binding | None],
    loop: Loop,
) -> tuple[Block, tuple[Var, ...], tuple[Atom, ...], tuple[Var, ...]]:
    """The yields, the inits and the results, and what the names stand for behind the loop."""
    yields: list[Atom] = []
    with f.b.inside(block):
        for n, param in params.items():
            end = atom_of(ends[n])
            assert end is not None
            _keeps_shape(f, param, end, plan.span)
            yields.append(f.convert(end, param.type))
    block.results = tuple(yields)
    inits: list[Atom] = []
    outs: list[Var] = []
    for n in plan.names:
        if n not in params:
            if n[0] != "%":
                f.env[n] = Unset(f"has no value if {plan.skipped}")
            continue
        param, atom = params[n], atom_of(before[n])
        inits.append(f.zero(param.type) if atom is None else f.convert(atom, param.type))
        out = Var(param.type, param.name)
        outs.append(out)
        f.env[n] = _behind(plan, n, out, before[n], ends[n], loop)
    return block, tuple(params.values()), tuple(inits), tuple(outs)


def _behind(plan: Plan, name: str, out: Var, before: Binding | None, end: Binding | None, loop: Loop) -> Binding:
    if before is not None and not isinstance(before, Unset):
        return out
    if not plan.sure:
        return before.carrying(out) if isinstance(before, Unset) else Unset(f"has no value if {plan.skipped}", out)
    if isinstance(end, Unset):
        return end.carrying(out)
    return Unset(loop.missing[name], out) if name in loop.missing else out


def _keeps_shape(f: Frame, param: Var, end: Atom, span: Span) -> None:
    if end is param:
        return
    for k, n in enumerate(param.type.shape):
        if n is None and f.extent_key(end, k) != f.extent_key(param, k):
            f.check("equal", f.extent(end, k), f.extent(param, k), about=("lengths",), span=span)


def for_statement(f: Frame, node: tree.ForStmt, body: Callable[[], None]) -> None:
    """`for i in a..b { … }` and `for row in A { … }`."""
    writes = f.unit.writes.block(node.body)
    leaves = BROKEN in writes or RETURNED in writes
    where = line(f.source, node.span)
    if isinstance(node.over, tree.Range):
        counts = counted(f, node.over)
        array = None
    else:
        array = _iterable(f, node.over)
        counts = whole_axis(f, array)
    sure = isinstance(counts.count, Const) and counts.count.value > 0
    name = node.target.name
    plan = Plan(id(node), _carried_names(writes, name), sure, f"the loop on {where} runs zero times", node.span)

    def bind(index: Atom) -> None:
        if array is None:
            if isinstance(index, Var) and not index.name:
                index.name = name
            f.env[name] = index
        else:
            f.env[name] = element(f, array, index, name, node.target.span)

    run_body(f, writes, lambda: iterate(f, plan, counts, bind, body, leaves))
    f.env[name] = Unset(f"is the counter of the loop on {where} and has no value after it")


def run_body(f: Frame, writes: Sequence[str], loop: Callable[[], None]) -> None:
    """Run with this loop's own break flag, and the outer one put back afterwards."""
    outer = f.env.get(BROKEN)
    if BROKEN in writes:
        f.env[BROKEN] = FALSE
    loop()
    f.env.pop(BROKEN, None)
    if outer is not None:
        f.env[BROKEN] = outer


def _carried_names(writes: Sequence[str], target: str | None) -> tuple[str, ...]:
    return tuple(n for n in writes if n not in (target, CONTINUED))


def _iterable(f: Frame, node: tree.Expr) -> Atom:
    array = f.expr(node)
    if not array.type.shape:
        raise f.fail(
            ValueKindError, "a 'for' goes over a range or an array, not over a number", node.span, "to count, write a range: for i in 0..n"
        )
    return array


def whole_axis(f: Frame, array: Atom) -> Counted:
    """Counting over the first axis of an array."""
    count = f.extent(array, 0)
    return Counted(const(0), count, const(1), (0, max(0, f.interval(count)[1] - 1)))


def element(f: Frame, array: Atom, index: Atom, name: str, span: Span | None) -> Atom:
    """array[index] along the first axis, with an index that is in range."""
    out = f.emit("index", (array, index), ("i",), span)
    out.name = name
    if array in f.unit.ranges and out.type.elem == "int":
        f.unit.ranges[out] = f.unit.ranges[array]
    return out


def while_statement(f: Frame, node: tree.WhileStmt, body: Callable[[], None]) -> None:
    """`while c { … }`; a literally true condition leaves only by break or return."""
    writes = f.unit.writes.block(node.body)
    sure = always_true(node.cond)
    plan = Plan(id(node), _carried_names(writes, None), sure, f"the loop on {line(f.source, node.span)} runs zero times", node.span)
    tested = f.unit.writes.expressions((node.cond,))

    def test(index: Var) -> Atom:
        before = {n: f.env.get(n) for n in tested}
        value = f.condition(node.cond)
        _back(f, before)
        return value

    run_body(f, writes, lambda: _while(f, plan, test, lambda index: body(), (0, ints.HIGHEST), False))
