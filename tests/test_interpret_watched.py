"""The interpreter watched and counting: order, iterations, where a nan was born, executed statements."""
from __future__ import annotations

import math

import numpy as np

from adcli.engines.count import executed, static
from adcli.engines.flags import finite, has_nan
from adcli.engines.observe import births, observe
from adcli.errors import Span
from adcli.ir.build import Builder, const
from adcli.ir.nodes import Call, Push, Var
from adcli.ir.types import INT, REAL, Type
from tests.test_interpret import function, if_, loop, while_


def watch(f, *args):
    seen = []
    results, _ = observe(f, args, None, lambda let, values, value, iteration: seen.append((let.op.name, tuple(values), value, iteration)))
    return results, seen


def test_order_values_and_iterations():
    x, n = Var(REAL), Var(INT)
    b = Builder()

    def outer(b, i, p):
        (q,) = loop(b, i, (p,), lambda b, j, q: (b.let("add", q, x),))
        return (b.let("mul", q, const(2.0)),)

    (y,) = loop(b, n, (x,), outer)
    results, seen = watch(function("f", (x, n), b, b.let("neg", y)), 1.0, 3)
    assert results == [-16.0]
    assert seen == [
        ("mul", (1.0, 2.0), 2.0, (0,)),
        ("add", (2.0, 1.0), 3.0, (1, 0)), ("mul", (3.0, 2.0), 6.0, (1,)),
        ("add", (6.0, 1.0), 7.0, (2, 0)), ("add", (7.0, 1.0), 8.0, (2, 1)), ("mul", (8.0, 2.0), 16.0, (2,)),
        ("neg", (16.0,), -16.0, ()),
    ]  # fmt: skip


def test_a_test_belongs_to_the_iteration_it_lets_in():
    b = Builder()
    _, s = while_(b, (const(0.0),), lambda b, i, s: b.let("lt", s, const(2.0)), lambda b, i, s: (b.let("add", s, const(1.0)),))
    _, seen = watch(function("f", (), b, s))
    assert [(name, iteration) for name, _, _, iteration in seen] == [("lt", (0,)), ("add", (0,)), ("lt", (1,)), ("add", (1,)), ("lt", (2,))]


def test_calls_are_watched():
    x, y, out = Var(REAL), Var(REAL), Var(REAL)
    b = Builder()
    square = function("square", (x,), b, b.let("mul", x, x))
    c = Builder()
    c.append(Call((out,), square, (y,)))
    _, seen = watch(function("f", (y,), c, c.let("sin", out)), 3.0)
    assert [name for name, *_ in seen] == ["mul", "sin"]


def test_total_forms_are_watched():
    x = Var(REAL)
    b = Builder()
    results, seen = watch(function("f", (x,), b, b.let("div", const(1.0), x), b.let("clip", x, const(1.0), const(2.0))), 0.0)
    assert results == [math.inf, 1.0]
    assert [(name, value) for name, _, value, _ in seen] == [("div", math.inf), ("clip", 1.0)]


def test_births_of_overflow_and_nan():
    x = Var(REAL)
    b = Builder()
    big = b.let("mul", x, x, span=Span(0, 3))
    f = function("f", (x,), b, b.let("sub", big, big, span=Span(4, 7)))
    (flag,) = births(f, [1e200])
    assert (flag.code, flag.op, flag.span) == ("overflow", "mul", Span(0, 3))
    b = Builder()
    f = function("f", (x,), b, b.let("mul", b.let("sub", x, x), const(math.inf), span=Span(4, 7)))
    (flag,) = births(f, [1.0])
    assert (flag.code, flag.op, flag.span) == ("domain", "mul", Span(4, 7))


def test_births_of_what_was_given():
    x = Var(REAL)
    b = Builder()
    f = function("f", (x,), b, b.let("add", x, const(1.0), span=Span(1, 2)))
    assert [(flag.code, flag.span) for flag in births(f, [math.inf])] == [("overflow", Span(1, 2))]
    assert [flag.code for flag in births(f, [math.nan])] == ["domain"]
    assert births(f, [1.0]) == []


def test_births_in_arrays():
    x = Var(Type("real", (2,)))
    b = Builder()
    f = function("f", (x,), b, b.let("ln", x, span=Span(1, 2)))
    (flag,) = births(f, [np.array([1.0, -1.0])])
    assert (flag.code, flag.op) == ("domain", "ln")
    (flag,) = births(f, [np.array([1.0, 0.0])])
    assert (flag.code, flag.op) == ("singular", "ln")


def test_finite_and_nan():
    assert finite(1.0) and finite(3) and finite(np.array([1.0])) and finite(np.array([1]))
    assert not finite(math.inf) and not finite(np.array([1.0, math.nan]))
    assert has_nan(math.nan) and not has_nan(math.inf) and has_nan(np.array([math.nan])) and not has_nan(np.array([1]))


def test_counts_of_executed_statements():
    x, n = Var(REAL), Var(INT)
    b = Builder()

    def body(b, i, p):
        b.append(Push(0, p))
        (q,) = if_(b, b.let("gt", p, const(4.0)), lambda b: (b.let("sub", p, const(1.0)),), lambda b: (p,))
        return (b.let("add", q, const(1.0)),)

    (y,) = loop(b, n, (x,), body)
    f = function("f", (x, n), b, y)
    # 6 iterations: gt, If, add, and sub in the last two of them.
    assert executed(f, [1.0, 6]) == {"For": 1, "If": 6, "Let": 14, "Push": 6}
    assert static(f) == {"For": 1, "If": 1, "Let": 3, "Push": 1}


def test_counts_of_a_while_loop():
    b = Builder()
    _, s = while_(b, (const(0.0),), lambda b, i, s: b.let("lt", s, const(3.0)), lambda b, i, s: (b.let("add", s, const(1.0)),))
    assert executed(function("f", (), b, s), []) == {"Let": 7, "While": 1}
