"""Which variables of a program its results depend on, through values or through the decisions of loops and branches.

Checks and flags are no use of a variable here: they stop or note, and have no part in the result.
"""

from __future__ import annotations

from adcli.ir.nested import Nested
from adcli.ir.nodes import Atom, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.walk import all_compound, statements


def needed(main: Function) -> set[Var]:
    """The variables that the results of the function, and of the functions that it calls, depend on."""
    uses: dict[Var, list[Atom]] = {}
    todo: list[Atom] = []
    for f in (main, *called(main)):
        todo += f.body.results
        for s in statements(f.body):
            _note(s, uses)
    found: set[Var] = set()
    while todo:
        a = todo.pop()
        if not isinstance(a, Const) and a not in found:
            found.add(a)
            todo += uses.get(a, ())
    return found


def called(main: Function) -> list[Function]:
    """The functions that it calls, directly or not, and those of which it takes derivatives; in the order of first mention."""
    found: dict[Function, None] = {main: None}
    todo = [main]
    while todo:
        for s in all_compound(todo.pop().body):
            if isinstance(s, Call):
                f = s.function
                while isinstance(f.of, Nested):
                    f = f.of.function
                if f not in found:
                    found[f] = None
                    todo.append(f)
    return list(found)[1:]


def _note(s: Statement, uses: dict[Var, list[Atom]]) -> None:
    """What each variable that a statement defines is made of."""
    match s:
        case Let():
            uses[s.out] = list(s.args)
        case If():
            for out, a, b in zip(s.outs, s.then.results, s.other.results, strict=True):
                uses[out] = [s.cond, a, b]
        case For():
            for out, p, init, last in zip(s.outs, s.params, s.inits, s.body.results, strict=True):
                uses[p] = [init, last, s.start, s.count, s.step]
                uses[out] = [p, *uses[p]]
            uses[s.index] = [s.start, s.count, s.step]
        case While():
            test = s.test.results[0]
            for out, p, init, last in zip(s.outs, s.params, s.inits, s.body.results, strict=True):
                uses[p] = [init, last, test]
                uses[out] = [p, *uses[p]]
            uses[s.count] = [s.index, test]
        case Call():
            for out in s.outs:
                uses[out] = list(s.args)
        case Check() | Push() | Pop():
            pass
