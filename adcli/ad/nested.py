"""Derivatives inside programs: rules for their calls, and their expansion once no derivative is asked of them any more.

For w = grad f(x), the forward derivative along v and the reverse derivative with cotangent u are both the gradient of a
directional derivative, grad(jvp of f along u or v)(x): neither looks inside the gradient. So every nesting becomes one reverse over
forwards of f, and tapes are made once, at the end, and are never differentiated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adcli.ad.checkpoint import Plan
from adcli.errors import LimitError
from adcli.ir.build import const
from adcli.ir.nested import Nested, is_nested, nested
from adcli.ir.nodes import Atom, Block, Call, For, Function, Let, Pop, Push, Var, While
from adcli.ir.walk import apart_program, clone_program, functions, statements
from adcli.passes.dead import dead_code

Forward = Callable[[Function, Sequence[int]], Function]
_under_way: set[tuple[Function, tuple[int, ...]]] = set()
Reverse = Callable[[Function, Sequence[int], Sequence[int], Plan | None], Function]


def directional(spec: Nested, along: tuple[int, ...], wrt: tuple[int, ...], forward: Forward) -> Function:
    """The gradient, by the parameters `wrt`, of the derivative along the parameters `along` of what `spec` is the gradient of.

    Its parameters are those of spec's function, then a tangent for each of `along`.
    """
    key = (spec.function, along)
    if key in _under_way:
        raise LimitError(
            "a function takes a derivative of itself: every call needs a derivative of higher order than the last",
            spec.function.span,
            help="derivatives inside a recursion may be of other functions, not of the one that recurs",
        )
    _under_way.add(key)
    try:
        moved = forward(spec.function, along)
    finally:
        _under_way.discard(key)
    return nested(moved, "reverse", wrt, len(spec.function.result_types) + spec.of)


def forward_ready(entry: Function, forward: Forward) -> None:
    """Give nested forward derivatives their bodies, in place: they hold no tape, so differentiating them again is plain."""
    for f in functions(entry):
        spec = f.of
        if isinstance(spec, Nested) and spec.mode == "forward":
            moved = apart_program(forward(spec.function, spec.wrt))
            outs = tuple(Var(t) for t in moved.result_types)
            f.body = Block([Call(outs, moved, f.params, spec.function.span)], (outs[len(spec.function.result_types) + spec.of],))
            f.of = None


def expand(entry: Function, forward: Forward, reverse: Reverse, plan: Plan | None = None) -> Function:
    """A copy of the program in which every nested derivative has its statements, tapes included, with loops checkpointed by the plan."""
    entry = clone_program(entry)
    made: dict[Nested, Function] = {}
    tape = 1 + max((s.tape for f in functions(entry) for s in statements(f.body) if isinstance(s, Push)), default=-1)
    while is_nested(entry):
        forward_ready(entry, forward)
        for f in functions(entry):
            spec = f.of
            if not isinstance(spec, Nested):
                continue
            if spec not in made:
                made[spec] = apart_program(reverse(spec.function, spec.wrt, (spec.of,), plan))
                tape = _renumbered(made[spec], tape)
                if not spec.counted:
                    _uncounted(made[spec])
            _fill(f, spec, made[spec])
    dead_code(entry)
    return entry


def _fill(f: Function, spec: Nested, swept: Function) -> None:
    """The gradient's body: a call of the reverse derivative with cotangent 1. Results that nobody reads may be gone."""
    kept = [s.attrs[1] for s in f.body.statements if isinstance(s, Let)]
    outs = tuple(Var(t) for t in swept.result_types)
    first = len(spec.function.result_types)
    args: tuple[Atom, ...] = (*f.params, const(1.0))
    f.body = Block([Call(outs, swept, args, spec.function.span, counted=False)], tuple(outs[first + k] for k in kept if isinstance(k, int)))
    f.of = None


def _uncounted(swept: Function) -> None:
    """Nothing in a derivative that runs again is a step."""
    for f in functions(swept):
        if isinstance(f.of, Nested):
            f.of = f.of.uncounted()
        for s in statements(f.body):
            if isinstance(s, For | While | Call):
                s.counted = False


def _renumbered(swept: Function, tape: int) -> int:
    """Give the tapes of a derivative numbers of their own, from `tape` on; the next free number."""
    last = tape
    for f in functions(swept):
        for s in statements(f.body):
            if isinstance(s, Push | Pop):
                s.tape += tape
                last = max(last, s.tape + 1)
    return last
