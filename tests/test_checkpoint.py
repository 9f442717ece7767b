"""Checkpointed loops: derivatives equal to the last bit, as few steps as published, tapes within the budget."""
from __future__ import annotations

from array import array
from collections import Counter
from functools import cache
from math import comb
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import adcli
from adcli import ad, ops, passes
from adcli.ad import Plan
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.engines.observe import observe
from adcli.errors import LimitError, UsageError
from adcli.ir.check import check
from adcli.ir.nodes import Function, Push
from adcli.ir.walk import functions, statements
from tests.generated import points, programs
from tests.invoke import invoke
from tests.test_ad import PROGRAMS, compiled
from tests.test_properties import arguments, lowered

PLANS = {
    "sqrt": Plan("sqrt"), "sqrt, all loops": Plan("sqrt", deep=True), "revolve:1": Plan("revolve", 1),
    "revolve:3, all loops": Plan("revolve", 3, deep=True),
}  # fmt: skip
POINT: dict[str, object] = {"x": 0.4, "y": 0.7}
VECTOR: dict[str, object] = {"v": [0.5, -0.3, 0.7, 1.1]}
LOOPS = {
    "in a branch, by threes": ("s = x\nif y > 0 { for i in 3..20 step 3 { s = sin(s)*y + i*x } } else { s = y }\ns*s", POINT),
    "backwards": ("s = y\nfor i in 10..0 step -2 { s = s*x + cos(i*s) }\ns", POINT),
    "in recursion": (
        "fn f(x, n) { s = x\nfor i in 0..5 { s = sin(s)*x + i\nif n > 0 { s = s + f(s*0.1, n - 1) } }\nreturn s }\nf(x, 2)*y", POINT,
    ),
    "in mutual recursion": (
        "fn a(x, n) { s = x\nfor i in 0..3 { s = s*x + (if n > 0 { b(s, n - 1) } else { x }) }\nreturn s }\n"
        "fn b(x, n) { s = x\nwhile abs(s) > 0.5 { s = s/2 + 0.1*sin(a(x, n - 1)) }\nreturn s }\na(x, 3) + y",
        POINT,
    ),
    "of a function called in a loop": (
        "fn g(a, b) { t = a\nwhile t < 5 { t = t*1.5 + b*sin(t) }\nreturn t }\n"
        "s = 0\nfor j in 0..6 { s = sin(s) + g(x, s*s + y) }\ns + g(y, x)",
        POINT,
    ),
    "three deep": ("s = x\nfor i in 0..3 { for j in 0..4 { k = 0\nwhile k < 3 { s = sin(s*y) + k\nk += 1 }\ns = s*x } }\ns", POINT),
    "never run": ("s = x*y\nwhile s > 100 { s = s/2*sin(s) }\nfor i in 3..1 { s = s*s }\ns", POINT),
    "of arrays in a function": (
        "fn g(a, n) { for i in 0..n { for j in 1..len(a) { a[j] = a[j]*a[j - 1] + sin(a[0]) } }\nreturn a }\n"
        "b = g(v, 4)\nc = g(b, 3)\nsum(b*c)",
        VECTOR,
    ),
    "counted by values": ("n = len(v)\ns = 0\nfor i in 0..n*n { s = sin(s + v[i % n]) }\nfor i in n..2 { s += s*s }\ns", VECTOR),
    "of matrices": ("A = [[x, 1], [0.5, y]]\nB = A\nfor i in 0..6 { B = B @ A/2 + B\nB[0, 1] = B[1, 0]*x }\nsum(B*A)", POINT),
    "around a gradient": (
        "s = x\nfor i in 0..5 { s = s - 0.1*grad(z -> { t = z\nfor k in 0..3 { t = sin(t)*y + z }\nt }, s) }\ns*y", POINT,
    ),
}  # fmt: skip
ALL = {**PROGRAMS, **LOOPS}


def size(f: Function) -> int:
    return sum(1 for g in functions(f) for _ in statements(g.body))


def same(a: list[Any], b: list[Any]) -> bool:
    return all(np.asarray(x).tobytes() == np.asarray(y).tobytes() for x, y in zip(a, b, strict=True))


def agree(f: Function, args: list[Any], wrt: list[int], of: tuple[int, ...], plan: Plan) -> bool:
    """Hold the checkpointed derivative against that of full tapes; whether there was anything to checkpoint."""
    limits = Limits(max_steps=200_000)
    fresh = lambda: [a.copy() if isinstance(a, np.ndarray) else a for a in args]  # noqa: E731
    whole = ad.expand(ad.reverse(f, wrt, of))
    made = ad.expand(ad.reverse(f, wrt, of, plan), plan)
    check(made)
    check(passes.storage(made))
    a, b = Interpreter(whole, limits), Interpreter(made, limits)
    assert same(a.run([*fresh(), 1.0]), b.run([*fresh(), 1.0]))
    assert not any(b.machine.tapes.values())
    assert {(g.code, g.op, g.span) for g in a.flags} == {(g.code, g.op, g.span) for g in b.flags}
    assert b.steps <= a.steps
    return size(made) != size(whole)


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("name", ALL)
def test_gradients_are_the_same_bits(name: str, plan: Plan) -> None:
    f, args = compiled(*ALL[name])
    changed = agree(f, args, list(range(len(args))), (0,), plan)
    if name in LOOPS and name != "in recursion" and name != "in mutual recursion":
        assert changed, "there was no loop to checkpoint"


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("name", ["loop", "while", "break", "array update", "swap", *(n for n in LOOPS if n != "of matrices")])
def test_second_derivatives_are_the_same_bits(name: str, plan: Plan) -> None:
    f, args = compiled(*ALL[name])
    tangents: list[Any] = [np.ones_like(a) if isinstance(a, np.ndarray) else 1.0 for a in args]
    agree(ad.forward(f, list(range(len(args)))), [*args, *tangents], list(range(len(args))), (1,), plan)


@given(programs(), points())
def test_generated_programs(text: str, point: list[float]) -> None:
    f = passes.optimize(lowered(text))
    for plan in (PLANS["sqrt, all loops"], PLANS["revolve:3, all loops"]):
        try:
            agree(f, arguments(point), [0, 1, 2], (0,), plan)
        except LimitError:  # of steps, with full tapes too
            return


# The schedule of Griewank and Walther, ACM TOMS 26(1), 2000


def published(n: int, s: int) -> int:
    """t(n, s) = r·n - C(s + r, r - 1), with C(s + r - 1, r - 1) < n ≤ C(s + r, r): the steps forward, the last of all apart."""
    r = 0
    while comb(s + r, r) < n:
        r += 1
    return r * n - comb(s + r, r - 1) if r else 0


@cache
def scheduled(n: int, s: int) -> int:
    """The steps forward that the splits give."""
    if n < 2:
        return 0
    assert s > 0, "a snapshot more than there are"
    first = ops.TABLE["revolve_split"].scalar(n, s)
    assert 0 < first < n
    return first + scheduled(n - first, s - 1) + scheduled(first, s)


def test_splits_are_optimal() -> None:
    for n in range(1, 150):
        for s in range(1, 9):
            assert scheduled(n, s) == published(n, s), (n, s)
    assert [published(n, 3) for n in (1, 2, 4, 5, 10, 20)] == [0, 1, 3, 5, 15, 45]


FOR = "y = x\nfor i in 0..n { y = exp(-y) }\ny"
WHILE = "y = x\nk = 0\nwhile k < n { y = exp(-y)\nk = k + 1 }\ny"


def exps(text: str, n: int, plan: Plan) -> int:
    """How often the program's exp runs: once in each step that runs."""
    f = ad.reverse(passes.optimize(adcli.compile("input n: int\ninput x\n" + text).bind({"n": n, "x": 0.9})[0].lowered), [1], [0], plan)
    ran: Counter[str] = Counter()
    observe(f, [n, 0.9, 1.0], Limits(), lambda s, values, value, iteration: ran.update((s.op.name,)))
    return ran["exp"]


@pytest.mark.parametrize("s", [1, 2, 3, 5, 40])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 35, 60])
def test_revolve_runs_no_more_steps_than_the_optimum(n: int, s: int) -> None:
    plan = Plan("revolve", s)
    # The primal and the taped runs of each step, whose count is n, stand beside the schedule's steps.
    assert exps(WHILE, n, plan) == n + published(n, s) + n
    # The first way to the last snapshot is the primal run itself.
    last, left = 0, s
    while left > 1 and n - last > 1:
        last, left = last + ops.TABLE["revolve_split"].scalar(n - last, left), left - 1
    assert exps(FOR, n, plan) == n + published(n, s) - last + n


@pytest.mark.parametrize("text", [FOR, WHILE])
def test_sqrt_runs_each_step_once_more(text: str) -> None:
    assert exps(text, 50, Plan("sqrt")) == 100


# Memory


class _Watched(list[Any]):
    """A tape, and how high all of them were at once."""

    high = now = 0

    def append(self, value: Any) -> None:
        super().append(value)
        _Watched.now += 8
        _Watched.high = max(_Watched.high, _Watched.now)

    def pop(self, at: Any = -1) -> Any:
        _Watched.now -= 8
        return super().pop(at)


def peak(text: str, n: int, plan: Plan | None, monkeypatch: pytest.MonkeyPatch) -> int:
    """The most bytes that are on tapes at once."""
    _Watched.high = _Watched.now = 0
    monkeypatch.setattr("adcli.engines.machine.array", lambda kind: _Watched())
    f = passes.optimize(adcli.compile("input n: int\ninput x\n" + text).bind({"n": n, "x": 0.9})[0].lowered)
    Interpreter(ad.reverse(f, [1], [0], plan)).run([n, 0.9, 1.0])
    monkeypatch.setattr("adcli.engines.machine.array", array)
    assert _Watched.now == 0
    return _Watched.high


def test_peak_tapes(monkeypatch: pytest.MonkeyPatch) -> None:
    full = peak(FOR, 400, None, monkeypatch)
    assert full >= 400 * 8
    # ⌈√400⌉ = 20 segments of 20 steps; a snapshot is a step's number and y.
    assert peak(FOR, 400, Plan("sqrt"), monkeypatch) == 20 * 2 * 8 + 20 * full // 400 - 2 * 8
    # 28 segments of 1, 2, … steps; y and k are carried.
    assert peak(WHILE, 400, Plan("sqrt"), monkeypatch) <= 28 * 3 * 8 + 28 * 2 * 8
    for s in (1, 2, 7):
        assert peak(FOR, 400, Plan("revolve", s), monkeypatch) <= s * 2 * 8
        assert peak(WHILE, 400, Plan("revolve", s), monkeypatch) <= s * 3 * 8


@pytest.mark.parametrize(
    "text",
    [
        "y = x\nfor i in 0..20000 { y = sin(y) + x }\ny",
        "y = x\nk = 0\nwhile k < 20000 { y = sin(y) + x\nk += 1 }\ny",
        "a = [x, 1]\nfor i in 0..5000 { a = a*sin(a[0]) + 1 }\nsum(a)",
        "fn f(x) { y = x\nfor i in 0..10000 { y = sin(y) + x }\nreturn y }\nf(x)*f(2*x)",
        "y = x\nfor i in 0..3 { for j in 0..8000 { y = sin(y) + x } }\ny",
        "grad(z -> { y = z\nfor i in 0..20000 { y = sin(y) + z }\ny }, x)",
    ],
)
def test_auto_fits_the_memory(text: str) -> None:
    limits = Limits(max_memory=60_000)
    whole = adcli.compile(text).gradient(x=0.3)
    with pytest.raises(LimitError):
        adcli.compile(text, limits=limits, tape="full").gradient(x=0.3)
    program = adcli.compile(text, limits=limits)
    assert program.gradient(x=0.3) == whole
    assert program.checkpointed


def test_auto_ends_with_the_error_where_nothing_helps() -> None:
    program = adcli.compile("y = x\nfor i in 0..3 { y = sin(y)*sum(sin(x*range(5000))) }\ny", limits=Limits(max_memory=10_000))
    with pytest.raises(LimitError, match="memory"):
        program.gradient(x=0.3)
    assert not program.checkpointed


def test_pushes_are_gone_from_the_primal_half() -> None:
    f, _ = compiled(*PROGRAMS["loop"])
    pushes = [s for s in statements(ad.reverse(f, [0, 1], [0], PLANS["revolve:1"]).body) if isinstance(s, Push)]
    assert len(pushes) == 4  # of a step's number and x, once in either half


# The command line

LOOP = "y = x; for i in 0..50 { y = sin(y) + x }; y"


@pytest.mark.parametrize("command", [["grad"], ["hessian"], ["hvp", "--along", "x=1"], ["vjp", "--cotangent", "1"], ["jacobian"]])
@pytest.mark.parametrize("tape", ["full", "sqrt", "revolve:1", "revolve:7", "auto"])
def test_commands(command: list[str], tape: str) -> None:
    plain = invoke([*command, LOOP, "--at", "x=0.3"])
    done = invoke([*command, LOOP, "--at", "x=0.3", "--tape", tape])
    assert plain.code == done.code == 0 and done.out == plain.out


@pytest.mark.parametrize("tape", ["bogus", "", "revolve", "revolve:", "revolve:0", "revolve:-1", "revolve:x", "revolve:1e3", "Sqrt"])
def test_no_such_tape(tape: str) -> None:
    done = invoke(["grad", LOOP, "--at", "x=0.3", "--tape", tape])
    assert done.code == 2 and f"there is no tape '{tape}'" in done.err and "revolve:K" in done.err
    with pytest.raises(UsageError):
        adcli.compile(LOOP, tape=tape)


def test_verbose_says_what_was_done() -> None:
    assert "checkpoints" not in invoke(["grad", LOOP, "--at", "x=0.3", "-v"]).err
    assert "checkpoints: sqrt" in invoke(["grad", LOOP, "--at", "x=0.3", "-v", "--tape", "sqrt"]).err
    long = LOOP.replace("50", "20000")
    assert "checkpoints: sqrt" in invoke(["grad", long, "--at", "x=0.3", "-v", "--max-memory", "60kB"]).err
    assert invoke(["grad", long, "--at", "x=0.3", "--tape", "full", "--max-memory", "60kB"]).code == 6
