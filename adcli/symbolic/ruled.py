"""Functions with a `rule`: their value is that of their statements, their derivative that of the rule.

    fn hard(x) = floor(x)                hard(a)*a      value         floor(a)*a
    rule hard(x) { dx = 1 }                             derivative    1*a + floor(a)

A call is one expression, ruled(value, arguments…, partials…, places…): the partials are formulas over names that stand in the places of
the arguments and the result, so that they can be differentiated again, by the rule again. `settled` leaves of all that the value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from adcli.symbolic.nodes import Expr, name, node, postorder

RULED = "ruled"


def places(count: int) -> list[Expr]:
    """The names that stand for the arguments and the result in partials; no program can write them."""
    return [*(name(f"%{k}") for k in range(count)), name("%out")]


def call(value: Expr, args: Sequence[Expr], partials: Sequence[Expr]) -> Expr:
    """A call; a partial for each argument, over `places`."""
    return node(RULED, value, *args, *partials, *places(len(args)))


def tangent(e: Expr, dots: Mapping[Expr, Expr]) -> list[tuple[Expr, Expr]]:
    """For each argument that moves its tangent and the partial there."""
    n = (len(e.args) - 2) // 3
    args, partials, holes = e.args[1 : n + 1], e.args[n + 1 : 2 * n + 1], e.args[2 * n + 1 :]
    filled = dict(zip(holes, [*args, e], strict=True))
    return [(dots[a], _filled(p, filled)) for a, p in zip(args, partials, strict=True) if a in dots]


def _filled(e: Expr, values: Mapping[Expr, Expr]) -> Expr:
    made: dict[Expr, Expr] = {}
    for part in postorder([e]):
        made[part] = values[part] if part in values else node(part.op, *(made[a] for a in part.args)) if part.args else part
    return made[e]


def is_ruled(roots: Iterable[Expr]) -> bool:
    return any(part.op == RULED for part in postorder(roots))


def settled(e: Expr) -> Expr:
    """The expression with each call as its value."""
    made: dict[Expr, Expr] = {}
    for part in postorder([e]):
        if part.op == RULED:
            made[part] = made[part.args[0]]
        else:
            made[part] = node(part.op, *(made[a] for a in part.args)) if part.args else part
    return made[e]
