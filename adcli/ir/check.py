"""The invariants of the IR, one function each. `check` runs all; tests do so after every pass.

A violation is a bug of ours: AssertionError, with the place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.types import BOOL, INT, Type, TypeMismatch, result_type
from adcli.ir.walk import blocks, functions, inner, outs, reads, statements


def check(function: Function) -> None:
    """Hold the function and all that it calls against every invariant."""
    program = functions(function)
    for f in program:
        for invariant in INVARIANTS:
            invariant(f)
    tapes_pair(program)


def single_assignment(f: Function) -> None:
    """Every variable is defined once."""
    seen: set[Var] = set()
    for v in _definitions(f):
        assert v not in seen, f"{f.name}: {v!r} is defined twice"
        seen.add(v)


def _definitions(f: Function) -> Iterable[Var]:
    yield from f.params
    for s in statements(f.body):
        yield from inner(s)
        yield from outs(s)


def definitions_dominate(f: Function) -> None:
    """Every use stands where its definition is visible: before it in the same block, or in a block around."""
    visible: set[Atom] = set(f.params)
    _visible_block(f, f.body, visible)


def _visible_block(f: Function, block: Block, visible: set[Atom]) -> None:
    added: list[Var] = []
    for s in block.statements:
        _used(f, reads(s), visible, s)
        fresh = inner(s)
        visible.update(fresh)
        for b in blocks(s):
            _visible_block(f, b, visible)
        visible.difference_update(fresh)
        defined = outs(s)
        visible.update(defined)
        added += defined
    _used(f, block.results, visible, None)
    visible.difference_update(added)


def _used(f: Function, atoms: Sequence[Atom], visible: set[Atom], s: Statement | None) -> None:
    for a in atoms:
        assert isinstance(a, Const) or a in visible, f"{f.name}: {a!r} is used out of sight of its definition, in {_at(s)}"


def _at(s: Statement | None) -> str:
    if s is None:
        return "a block's results"
    return f"{s.op.name} at {s.span}" if isinstance(s, Let) else f"{type(s).__name__} at {getattr(s, 'span', None)}"


def arities(f: Function) -> None:
    """Blocks yield as many values as their statement defines; operations and functions get as many arguments as they take."""
    for s in statements(f.body):
        where = f"{f.name}: {_at(s)}"
        match s:
            case Let():
                _operation_arity(s, where)
            case If():
                assert len(s.outs) == len(s.then.results) == len(s.other.results), f"{where}: results and yields differ in number"
            case For() | While():
                assert len(s.outs) == len(s.params) == len(s.inits) == len(s.body.results), f"{where}: carried values differ in number"
                assert not isinstance(s, While) or len(s.test.results) == 1, f"{where}: a test yields one value"
            case Call():
                assert len(s.args) == len(s.function.params), f"{where}: call of {s.function.name} with {len(s.args)} arguments"
                assert len(s.outs) == len(s.function.body.results), f"{where}: call of {s.function.name} with {len(s.outs)} results"
            case Check() | Push() | Pop():
                pass


def _operation_arity(s: Let, where: str) -> None:
    names = s.op.args
    if names and names[-1].startswith("*"):
        assert len(s.args) >= len(names) - 1, f"{where}: too few arguments"
    else:
        assert len(s.args) == len(names), f"{where}: {len(s.args)} arguments"
    assert len(s.attrs) == len(s.op.attrs), f"{where}: {len(s.attrs)} attributes for {s.op.attrs}"


def fits(value: Type, place: Type) -> bool:
    """Whether a value of one type may stand for a variable of the other: extents agree where both are known."""
    return (
        value.elem == place.elem
        and len(value.shape) == len(place.shape)
        and all(m is None or n is None or m == n for m, n in zip(value.shape, place.shape, strict=True))
    )


def types_agree(f: Function) -> None:
    """What is yielded, carried and passed has the type of the variable it becomes."""
    for s in statements(f.body):
        where = f"{f.name}: {_at(s)}"
        match s:
            case If():
                assert s.cond.type == BOOL, f"{where}: the condition is {s.cond.type}"
                _pairs(s.then.results, s.outs, where)
                _pairs(s.other.results, s.outs, where)
            case For():
                assert all(a.type == INT for a in (s.index, s.start, s.count, s.step)), f"{where}: counts are ints"
                _loop(s, where)
            case While():
                assert s.index.type == s.count.type == INT and s.test.results[0].type == BOOL, (
                    f"{where}: the test is {s.test.results[0].type}"
                )
                _loop(s, where)
            case Call():
                _pairs(s.args, s.function.params, where)
                _pairs(s.function.body.results, s.outs, where)
            case Let() | Check() | Push() | Pop():
                pass


def _loop(s: For | While, where: str) -> None:
    _pairs(s.inits, s.params, where)
    _pairs(s.body.results, s.params, where)
    _pairs(s.params, s.outs, where)


def _pairs(values: Sequence[Atom], places: Sequence[Var], where: str) -> None:
    for value, place in zip(values, places, strict=True):
        assert fits(value.type, place.type), f"{where}: {value!r} does not fit {place!r}"


def operations_typed(f: Function) -> None:
    """The type rule of every operation accepts its arguments, and gives the type of its result."""
    for s in statements(f.body):
        if isinstance(s, Let):
            try:
                type_ = result_type(s.op, s.args, s.attrs)
            except TypeMismatch as problem:
                raise AssertionError(f"{f.name}: {_at(s)}: {problem}") from None
            assert fits(type_, s.out.type), f"{f.name}: {_at(s)}: {s.out.type}, but the rule says {type_}"


def tapes_pair(program: Sequence[Function]) -> None:
    """Each tape is pushed by one statement and popped by one."""
    pushed = [s.tape for f in program for s in statements(f.body) if isinstance(s, Push)]
    popped = [s.tape for f in program for s in statements(f.body) if isinstance(s, Pop)]
    assert len(set(pushed)) == len(pushed), "two statements push one tape"
    assert len(set(popped)) == len(popped), "two statements pop one tape"
    assert set(pushed) == set(popped), f"tapes {sorted(set(pushed) ^ set(popped))} are pushed or popped only"


INVARIANTS: tuple[Callable[[Function], None], ...] = (single_assignment, definitions_dominate, arities, types_agree, operations_typed)
