"""Limits: steps, depth, memory of tapes and arrays, time; and interrupts."""
from __future__ import annotations

import signal
import sys
import threading
import time

import numpy as np
import pytest

from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits, size_text
from adcli.errors import LimitError, ShapeMismatch, Span
from adcli.ir.build import Builder, const
from adcli.ir.nodes import Call, Pop, Push, Var
from adcli.ir.types import INT, REAL, Type
from tests.test_interpret import countdown, function, if_, loop, run, while_


def counting(n):
    """A loop of n iterations and one of 2 in each."""
    b = Builder()
    outs = loop(b, n, (const(0.0),), lambda b, i, s: loop(b, const(2), (s,), lambda b, j, t: (b.let("add", t, const(1.0)),)))
    return function("f", (n,) if isinstance(n, Var) else (), b, *outs)


def test_steps_are_counted_exactly():
    f = counting(Var(INT))
    interpreter = Interpreter(f, Limits(max_steps=30))
    assert interpreter.run([10]) == [20.0] and interpreter.steps == 30
    with pytest.raises(LimitError, match="more than 30 steps") as e:
        interpreter.run([11])
    assert "--max-steps" in e.value.help and e.value.span == Span(3, 9)


def test_a_long_loop_stops_before_it_starts():
    start = time.monotonic()
    with pytest.raises(LimitError):
        run(counting(const(10**15)))
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(("most", "fits"), [(5, True), (4, False), (0, False)])
def test_steps_of_while_loops(most, fits):
    b = Builder()
    _, s = while_(b, (const(0),), lambda b, i, s: b.let("lt", i, const(5)), lambda b, i, s: (b.let("add", s, i),))
    f = function("f", (), b, s)
    if fits:
        assert run(f, max_steps=most) == [10]
    else:
        with pytest.raises(LimitError, match="steps"):
            run(f, max_steps=most)


def test_steps_of_endless_loops_and_nested_ones():
    b = Builder()
    _, s = while_(b, (const(0),), lambda b, i, s: b.let("eq", const(1), const(1)), lambda b, i, s: (b.let("add", s, i),))
    with pytest.raises(LimitError, match="more than 100,000 steps"):
        run(function("f", (), b, s), max_steps=100_000)
    b = Builder()

    def body(b, i, s):
        return loop(b, const(3), (s,), lambda b, j, t: (b.let("add", t, const(1)),))

    _, s = while_(b, (const(0),), lambda b, i, s: b.let("lt", i, const(9000)), body)
    interpreter = Interpreter(function("f", (), b, s), Limits(max_steps=36_000))
    assert interpreter.run([]) == [27_000] and interpreter.steps == 36_000
    with pytest.raises(LimitError):
        run(function("f", (), b, s), max_steps=35_999)


def test_calls_are_steps_and_uncounted_loops_are_not():
    assert run(countdown(), 9, max_steps=9) == [9]
    with pytest.raises(LimitError, match="steps"):
        run(countdown(), 10, max_steps=9)
    b = Builder()
    outs = loop(b, const(50), (const(0.0),), lambda b, i, s: (b.let("add", s, const(1.0)),), counted=False)
    assert run(function("f", (), b, *outs), max_steps=0) == [50.0]


def test_depth():
    with pytest.raises(LimitError, match="more than 100 deep"):
        run(countdown(), 101, max_depth=100)
    before = sys.getrecursionlimit()
    assert run(countdown(), 30_000, max_depth=30_000) == [30_000]
    assert sys.getrecursionlimit() == before


def pushing(n):
    """Pushes in each iteration of a loop, then pops."""
    b = Builder()

    def forward(b, i, p):
        b.append(Push(0, p))
        return (b.let("mul", p, const(1.0000001)),)

    def backward(b, i, g):
        p = Var(REAL)
        b.append(Pop(p, 0))
        return (b.let("add", g, p),)

    loop(b, n, (const(1.0),), forward)
    return function("f", (n,), b, *loop(b, n, (const(0.0),), backward, counted=False))


def test_memory_of_tapes_is_known_before_a_for_loop():
    f = pushing(Var(INT))
    run(f, 10_000, max_memory=80_000)
    with pytest.raises(LimitError, match="80 kB of memory") as e:
        run(f, 10_001, max_memory=80_000)
    assert "--max-memory" in e.value.help


def test_memory_of_tapes_in_an_endless_loop():
    b = Builder()

    def body(b, i, p):
        b.append(Push(0, p))
        return (b.let("mul", p, const(1.0000001)),)

    _, s = while_(b, (const(1.0),), lambda b, i, s: b.let("gt", s, const(0.0)), body)
    interpreter = Interpreter(function("f", (), b, s), Limits(max_memory=2_000_000))
    with pytest.raises(LimitError, match="2 MB of memory"):
        interpreter.run([])
    assert 1_900_000 < interpreter.machine.taped() <= 2_000_000


def test_memory_of_tapes_in_branches_and_calls():
    n = Var(INT)
    b = Builder()

    def body(b, i, p):
        def taping(b):
            b.append(Push(0, p))
            return (b.let("add", p, const(1.0)),)

        return if_(b, b.let("gt", p, const(0.0)), taping, lambda b: (p,))

    f = function("f", (n,), b, *loop(b, n, (const(1.0),), lambda b, i, p: loop(b, const(10), (p,), body)))
    interpreter = Interpreter(f, Limits(max_memory=1_000_000))
    with pytest.raises(LimitError, match="memory"):
        interpreter.run([100_000])
    assert interpreter.machine.taped() <= 1_100_000
    x, y = Var(REAL), Var(REAL)
    c = Builder()
    c.append(Push(1, x))
    callee = function("callee", (x,), c, x)
    b = Builder()

    def calling(b, i, p):
        b.append(Call((y,), callee, (p,), counted=False))
        return (y,)

    interpreter = Interpreter(function("g", (n,), b, *loop(b, n, (const(1.0),), calling)), Limits(max_memory=1_000_000))
    with pytest.raises(LimitError, match="memory"):
        interpreter.run([10**8])
    assert interpreter.machine.taped() <= 1_100_000


ALLOCATIONS = [
    ("zeros", ("n",)), ("full", (1.0, "n")), ("eye", ("n",)), ("linspace", (0.0, 1.0, "n")), ("iota", (0, "n", 1)),
    ("broadcast_to", (1.0, "n", 2)),
]  # fmt: skip


@pytest.mark.parametrize(("op", "args"), ALLOCATIONS)
def test_memory_of_arrays_is_checked_before_they_are_made(op, args):
    n = Var(INT)
    b = Builder()
    if op == "broadcast_to":
        x = b.let("full", const(1.0), const(1))
        made = b.let(op, x, n, const(2))
    else:
        made = b.let(op, *(n if a == "n" else const(a) for a in args), span=Span(1, 2))
    f = function("f", (n,), b, made)
    assert run(f, 3)[0].shape[0] == 3
    for limits in ({}, {"max_elements": 10**18}):
        with pytest.raises(LimitError):
            run(f, 10**12, **limits)


def test_static_shapes_are_checked_too():
    b = Builder()
    f = function("f", (), b, b.let("zeros", const(10**12)))
    with pytest.raises(LimitError, match="1,000,000,000,000 elements"):
        run(f)


def test_products_and_broadcasts_are_checked():
    x = Var(Type("real", (None,)))
    y = Var(Type("real", (None, 1)))
    big = np.ones(2000)

    def product(b):
        return b.let("matmul", y, b.let("reshape", x, const(1), b.let("dim", x, attrs=(0,))))

    for make in (lambda b: b.let("outer", x, x), lambda b: b.let("add", x, y), product):
        b = Builder()
        f = function("f", (x, y), b, make(b))
        assert run(f, big, big[:, None])[0].shape == (2000, 2000)
        with pytest.raises(LimitError, match="memory"):
            run(f, big, big[:, None], max_memory=20_000_000)
        with pytest.raises(LimitError, match="elements"):
            run(f, big, big[:, None], max_elements=3_000_000)


def test_arrays_that_are_kept_count_together():
    n = Var(INT)
    b = Builder()
    f = function("f", (n,), b, *(b.let("zeros", n) for _ in range(10)))
    run(f, 1000, max_memory=80_000)
    with pytest.raises(LimitError, match="memory"):
        run(f, 1000, max_memory=79_000)
    # In a loop, each iteration replaces what the one before it made, once it has made it.
    b = Builder()
    f = function("f", (n,), b, *loop(b, const(500), (const(0.0),), lambda b, i, s: (b.let("sum", b.let("zeros", n), attrs=(None,)),)))
    run(f, 1000, max_memory=16_000)
    # A frame gives back what it made.
    m, out = Var(INT), Var(REAL)
    c = Builder()
    callee = function("g", (m,), c, c.let("sum", c.let("zeros", m), attrs=(None,)))
    b = Builder()

    def calling(b, i, s):
        b.append(Call((out,), callee, (n,)))
        return (out,)

    run(function("f", (n,), b, *loop(b, const(50), (const(0.0),), calling)), 1000, max_memory=16_000)


def test_arrays_on_tapes_count():
    n = Var(INT)
    b = Builder()

    def body(b, i, s):
        b.append(Push(0, b.let("full", s, n)))
        return (b.let("add", s, const(1.0)),)

    def back(b, i, s):
        a = Var(Type("real", (None,)))
        b.append(Pop(a, 0))
        return (b.let("add", s, b.let("sum", a, attrs=(None,))),)

    loop(b, const(50), (const(0.0),), body)
    interpreter = Interpreter(function("f", (n,), b, *loop(b, const(50), (const(0.0),), back)), Limits(max_memory=500_000))
    assert interpreter.run([100]) == [100 * sum(range(50))]
    with pytest.raises(LimitError, match="memory"):
        interpreter.run([1250])


def test_a_shape_mismatch_at_run_time_is_an_error_of_ours():
    x, y = Var(Type("real", (None,))), Var(Type("real", (None,)))
    b = Builder()
    f = function("f", (x, y), b, b.let("add", x, y, span=Span(2, 3)))
    with pytest.raises(ShapeMismatch, match=r"shapes \[2\] and \[3\] do not fit together") as e:
        run(f, np.ones(2), np.ones(3))
    assert e.value.span == Span(2, 3)


def endless():
    b = Builder()
    _, s = while_(b, (const(0),), lambda b, i, s: b.let("ge", i, const(0)), lambda b, i, s: (i,))
    return function("f", (), b, s)


def test_timeout():
    start = time.monotonic()
    with pytest.raises(LimitError, match=r"longer than 0.2 s") as e:
        run(endless(), timeout=0.2)
    assert time.monotonic() - start < 3 and "--timeout" in e.value.help
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
    assert run(countdown(), 5, timeout=60.0) == [5]


def test_timeout_in_another_thread():
    caught = []

    def work():
        try:
            run(endless(), timeout=0.2)
        except LimitError as e:
            caught.append(e.message)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert caught == ["the run took longer than 0.2 s"]


def test_an_interrupt_comes_through():
    timer = threading.Timer(0.2, signal.raise_signal, (signal.SIGINT,))

    def interrupt(number, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run(endless())
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("size", "text"),
    [(200_000_000, "200 MB"), (2**30, "1 GiB"), (4 * 10**9, "4 GB"), (1000, "1 kB"), (1001, "1001 bytes"), (2**20, "1 MiB")],
)
def test_sizes_in_words(size, text):
    assert size_text(size) == text
