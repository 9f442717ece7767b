"""The invariants of the IR, one function each; tests run `check` after every pass."""
from __future__ import annotations

from collections.abc import Callable, Iterable

from adcli.ir.nodes import Atom, Block, Call, Check, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.types import BOOL, INT, RULES, Type, joined
from adcli.ir.walk import functions, inner, outs, reads, statements

CHECKS = frozenset({"bounds", "slice", "equal", "integral", "divisor", "int64", "positive-size", "true", "flag"})


class Broken(AssertionError):
    """An invariant does not hold: a bug of adcli, never of a program."""


def check(entry: Function) -> None:
    """Raise Broken where the function, or one it calls, breaks an invariant."""
    program = functions(entry)
    for f in program:
        for rule in FUNCTION_RULES:
            rule(f)
        for s in statements(f.body):
            for test in STATEMENT_RULES:
                test(s)
    tapes_pair(program)


def _demand(holds: bool, message: str, *about: object) -> None:
    if not holds:
        raise Broken(f"{message}: {', '.join(map(repr, about))}")


def single_assignment(f: Function) -> None:
    """Each variable is defined once in a function."""
    seen: set[Var] = set()
    for v in (*f.params, *(v for s in statements(f.body) for v in (*outs(s), *inner(s)))):
        _demand(v not in seen, f"{f.name}: defined twice", v)
        seen.add(v)


def uses_are_in_scope(f: Function) -> None:
    """What is read is defined before, in the same block or around it."""
    defined = set(f.params)

    def known(atoms: Iterable[Atom], where: object) -> None:
        for a in atoms:
            _demand(not isinstance(a, Var) or a in defined, f"{f.name}: not in scope", a, where)

    def block(b: Block) -> None:
        here: list[Var] = []
        for s in b.statements:
            known(reads(s), s)
            for inside, given in _scopes(s):
                defined.update(given)
                block(inside)
                defined.difference_update(given)
            here += outs(s)
            defined.update(outs(s))
        known(b.results, b)
        defined.difference_update(here)

    block(f.body)


def _scopes(s: Statement) -> tuple[tuple[Block, tuple[Var, ...]], ...]:
    match s:
        case If():
            return ((s.then, ()), (s.other, ()))
        case For():
            return ((s.body, inner(s)),)
        case While():
            return ((s.test, inner(s)), (s.body, inner(s)))
        case _:
            return ()


def results_are_typed(f: Function) -> None:
    """A function's result types are those of what its body yields."""
    _demand(len(f.result_types) == len(f.body.results), f"{f.name}: results", f.result_types, f.body.results)
    for t, a in zip(f.result_types, f.body.results, strict=True):
        _demand(_holds(t, a.type), f"{f.name}: result type", t, a)


def _holds(wide: Type, narrow: Type) -> bool:
    """A value of the narrow type may stand where the wide one is declared: only unknown extents differ."""
    return wide.elem == narrow.elem and joined(wide, narrow) is not None


def let_fits(s: Statement) -> None:
    """An operation has its arguments and attributes, and its result the type of its rule."""
    if isinstance(s, Let):
        variadic = bool(s.op.args) and s.op.args[-1].startswith("*")
        fits = len(s.args) >= len(s.op.args) - 1 if variadic else len(s.args) == len(s.op.args)
        _demand(fits and len(s.attrs) == len(s.op.attrs), "arguments", s)
        _demand(_holds(s.out.type, RULES[s.op.type](s.op, s.args, s.attrs)), "type of the result", s)


def if_fits(s: Statement) -> None:
    if isinstance(s, If):
        _demand(s.cond.type == BOOL, "condition", s.cond)
        for b in (s.then, s.other):
            _flows(b.results, s.outs, "branch")


def loop_fits(s: Statement) -> None:
    if isinstance(s, For | While):
        _demand(s.index.type == INT and len(s.params) == len(s.outs), "loop", s)
        _flows(s.inits, s.params, "initial values")
        _flows(s.body.results, s.params, "carried values")
        _flows(s.params, s.outs, "loop results")
    if isinstance(s, While):
        _demand(len(s.test.results) == 1 and s.test.results[0].type == BOOL and s.count.type == INT, "test", s)
    if isinstance(s, For):
        _demand(all(a.type == INT for a in (s.start, s.count, s.step)), "range", s)


def call_fits(s: Statement) -> None:
    if isinstance(s, Call):
        _flows(s.args, s.function.params, f"arguments of {s.function.name}")
        _demand(len(s.outs) == len(s.function.result_types), "results of a call", s)
        for v, t in zip(s.outs, s.function.result_types, strict=True):
            _demand(_holds(v.type, t), "result of a call", v, t)


def _flows(sources: Iterable[Atom], targets: Iterable[Var], what: str) -> None:
    sources, targets = tuple(sources), tuple(targets)
    _demand(len(sources) == len(targets), what, sources, targets)
    for a, v in zip(sources, targets, strict=True):
        _demand(_holds(v.type, a.type), what, a, v)


def check_is_known(s: Statement) -> None:
    if isinstance(s, Check):
        _demand(s.kind in CHECKS, "kind of check", s.kind)


def tapes_pair(program: list[Function]) -> None:
    """Every tape has one Push and one Pop, of the same type."""
    pushed: dict[int, Type] = {}
    popped: dict[int, Type] = {}
    for f in program:
        for s in statements(f.body):
            if isinstance(s, Push):
                _demand(s.tape not in pushed, "pushed twice", s.tape)
                pushed[s.tape] = s.value.type
            elif isinstance(s, Pop):
                _demand(s.tape not in popped, "popped twice", s.tape)
                popped[s.tape] = s.out.type
    _demand(pushed == popped, "tapes", pushed, popped)


FUNCTION_RULES: tuple[Callable[[Function], None], ...] = (single_assignment, uses_are_in_scope, results_are_typed)
STATEMENT_RULES: tuple[Callable[[Statement], None], ...] = (let_fits, if_fits, loop_fits, call_fits, check_is_known)
