"""Which engine runs: the interpreter, native code, or first the one and then the other.

The native engine is played by a second interpreter here, so that these tests need no compiler.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import pytest

import adcli
from adcli.api import engine
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.errors import LimitError, UsageError
from adcli.ir.nodes import Function
from tests.invoke import invoke

LOOP = "y = x; for i in 0..n { y = r*y*(1 - y) + 0.01*sin(y) }; y"


class Unsupported(Exception):
    pass


class Pretender(Interpreter):
    """Takes the place of the native engine, and notes what it was made for and what it ran."""

    made: list[Function]
    runs = 0

    def __init__(self, function: Function, limits: Limits | None = None, exact_libm: bool = False) -> None:
        super().__init__(function, limits)
        Pretender.made.append(function)

    def run(self, args: Sequence[Any]) -> list[Any]:
        Pretender.runs += 1
        return super().run(args)


@pytest.fixture
def native(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Pretender]]:
    module = ModuleType(engine.NATIVE)
    module.__dict__.update(Native=Pretender, VERSION=0, Unsupported=Unsupported)
    monkeypatch.setitem(sys.modules, engine.NATIVE, module)
    monkeypatch.setitem(sys.modules, f"{engine.NATIVE}.records", module)
    monkeypatch.setattr(engine, "available", lambda: True)
    Pretender.made, Pretender.runs = [], 0
    yield Pretender


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """No native engine; how often somebody asked for one."""
    asked: list[None] = []
    monkeypatch.setattr(engine, "available", lambda: bool(asked.append(None)))
    return asked


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (LOOP, {"x": 0.3, "r": 3.5, "n": 100_000}),
        ("y = x; while y < 2e5 { y += x }; y", {"x": 0.7}),
        ("fn f(k, x) { if k < 2 { return x }; return f(k - 1, x) + f(k - 2, x) }; f(k, x)", {"k": 22, "x": 1.5}),
        ("s = x; for i in 0..2000 { for j in 0..300 { s += x } }; s", {"x": 2}),
        ("s = x; for i in 0..40000 { for j in 0..2 { if s > 1 { s = s/2 + x*x - x } else { s = sin(s) + cos(x) + x } } }; s", {"x": 2}),
        ("w = x*ones(1000); for i in 0..30000 { w = w*w }; sum(w)", {"x": 1}),
        ("sum(sin(linspace(0, x, 10000000)))", {"x": 1}),
    ],
    ids=["for", "while", "recursion", "nested", "short loops", "arrays", "one large array"],
)
def test_much_work_goes_to_native_code(native: type[Pretender], text: str, at: dict[str, float]) -> None:
    f = adcli.compile(text)
    value = f.value(at)
    assert f.engines == ("native",) and native.runs == 1
    assert value == adcli.compile(text, engine="interpret").value(at)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (LOOP, {"x": 0.3, "r": 3.5, "n": 10_000}),
        ("fn f(k, x) { if k < 2 { return x }; return f(k - 1, x) + f(k - 2, x) }; f(k, x)", {"k": 12, "x": 1.5}),
        ("w = x*ones(100000); for i in 0..10 { w[i] = 2*w[i] }; sum(w)", {"x": 1}),
    ],
    ids=["for", "recursion", "arrays"],
)
def test_little_work_stays_in_the_interpreter(native: type[Pretender], text: str, at: dict[str, float]) -> None:
    f = adcli.compile(text)
    f.value(at)
    f.gradient(at, wrt=["x"])
    assert f.engines == ("interpret",) and not native.made


def test_a_loop_that_is_too_long_does_not_begin(native: type[Pretender]) -> None:
    """The abandoned run costs nothing where the count is known beforehand: 10^9 iterations would not come to an end."""
    f = adcli.compile("y = x; for i in 0..1000000000 { y = sin(y) }; y", limits=Limits(max_steps=10**10))
    with pytest.raises(ZeroDivisionError):
        Pretender.run, before = lambda self, args: 1 / 0, Pretender.run  # type: ignore[method-assign]
        try:
            f.value(x=1)
        finally:
            Pretender.run = before  # type: ignore[method-assign]
    assert len(native.made) == 1


def test_many_small_sweeps_are_much_work_too(native: type[Pretender]) -> None:
    text = "[sum(w)^k for k in 0..len(w)]"
    at = {"w": [1.0 + k / 100 for k in range(120)]}
    f = adcli.compile(text)
    found = f.jacobian(at)
    assert f.engines == ("interpret", "native") and 1 < native.runs < 120
    assert (found["value"]["w"] == adcli.compile(text, engine="interpret").jacobian(at)["value"]["w"]).all()
    assert not f._variants[next(iter(f._variants))].program.tiers.heavy, "each of them is little"


def test_what_was_heavy_once_is_compiled_at_once(native: type[Pretender]) -> None:
    f = adcli.compile(LOOP)
    at = {"x": 0.3, "r": 3.5, "n": 200_000}
    f.value(at)
    f.gradient(at, wrt=["x", "r"])
    assert f.engines == ("native",) and len(native.made) == native.runs == 2


def test_flags_and_steps_are_those_of_one_run(native: type[Pretender]) -> None:
    text = "y = abs(x); for i in 0..n { y = y + abs(x) }; z = y; while z < n { z += 1 }; y + z"
    at = {"x": 0, "n": 100_000}
    f, g = adcli.compile(text), adcli.compile(text, engine="interpret")
    assert f.gradient(at, wrt=["x"]) == g.gradient(at, wrt=["x"])
    assert f.flags == g.flags and len(f.flags) == 2
    assert [v.steps for v in f._variants.values()] == [v.steps for v in g._variants.values()] == [200_000]
    assert f.engines == ("native",)


@pytest.mark.parametrize(("steps", "engines"), [(50_000, ()), (250_000, ("native",))])
def test_limits_do_not_count_the_run_that_was_given_up(native: type[Pretender], steps: int, engines: tuple[str, ...]) -> None:
    f = adcli.compile("y = x; while y < 2e5 { y += 1 }; y", limits=Limits(max_steps=steps))
    try:
        assert f.value(x=0) == 2e5
    except LimitError as error:
        assert "50,000 steps" in error.message
    assert f.engines == engines


def test_a_smaller_tape_is_found_by_native_code(native: type[Pretender]) -> None:
    f = adcli.compile(LOOP, limits=Limits(max_memory=200_000))
    at = {"x": 0.3, "r": 3.5, "n": 100_000}
    want = adcli.compile(LOOP, engine="interpret").gradient(at, wrt=["x"])
    assert f.gradient(at, wrt=["x"]) == want
    assert f.engines == ("native",) and f.checkpointed.startswith("sqrt")


def test_an_engine_can_be_forced(native: type[Pretender]) -> None:
    f = adcli.compile("x^2", engine="native")
    assert f.gradient(x=3) == {"x": 6.0} and f.engines == ("native",)
    g = adcli.compile(LOOP, engine="interpret")
    g.value(x=0.3, r=3.5, n=100_000)
    assert g.engines == ("interpret",)


def test_without_native_code_the_interpreter_goes_on(alone: list[None]) -> None:
    f = adcli.compile(LOOP)
    at = {"x": 0.3, "r": 3.5, "n": 60_000}
    assert f.value(at) == f.value(at) == adcli.compile(LOOP, engine="interpret").value(at)
    assert f.engines == ("interpret",) and len(alone) == 1
    adcli.compile("x^2").value(x=1)
    assert len(alone) == 1


@pytest.mark.parametrize("reason", [Unsupported("a tape of trees"), ValueError("a bug")])
def test_what_cannot_be_compiled_is_interpreted(native: type[Pretender], monkeypatch: pytest.MonkeyPatch, reason: Exception) -> None:
    def fail(*_: object, **__: object) -> None:
        raise reason

    monkeypatch.setattr(native, "__init__", fail)
    f = adcli.compile(LOOP)
    at = {"x": 0.3, "r": 3.5, "n": 60_000}
    assert f.value(at) == f.value(at) == adcli.compile(LOOP, engine="interpret").value(at)
    assert f.engines == ("interpret",)
    with pytest.raises(UsageError if isinstance(reason, Unsupported) else ValueError, match=str(reason)):
        adcli.compile(LOOP, engine="native").value(at)


def test_a_library_that_does_not_load(native: type[Pretender], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, engine.NATIVE, None)
    assert adcli.compile(LOOP).value(x=0.3, r=3.5, n=60_000)
    with pytest.raises(UsageError, match="llvmlite does not load"):
        adcli.compile(LOOP, engine="native").value(x=0.3, r=3.5, n=1)


def test_errors_of_the_choice(alone: list[None]) -> None:
    with pytest.raises(UsageError, match="there is no engine 'gpu'") as error:
        adcli.compile("x", engine="gpu")
    assert error.value.help and "interpret" in error.value.help
    with pytest.raises(UsageError, match="llvmlite") as error:
        adcli.compile("x", engine="native")
    assert error.value.help and 'pip install "adcli[native]"' in error.value.help


def test_the_command_line_without_native_code(alone: list[None]) -> None:
    done = invoke(["grad", "x^2", "--at", "x=3", "--engine", "native"])
    assert done.code == 2 and 'pip install "adcli[native]"' in done.err and done.out == ""
    assert "engine: interpret\n" in invoke(["grad", "x^2", "--at", "x=3", "-v"]).err


@pytest.mark.parametrize("command", ["eval", "grad", "jacobian", "hessian", "jvp --along x", "vjp --cotangent 1", "hvp --along x"])
def test_every_command_that_runs_takes_an_engine(native: type[Pretender], command: str) -> None:
    words = [*command.split(), "x^2", "--at", "x=3"]
    done = invoke([*words, "--engine", "native", "--exact-libm", "-v"])
    assert done.code == 0 and "engine: native\n" in done.err
    assert done.out == invoke(words).out


@pytest.mark.parametrize("words", [["taylor"], ["trace"]])
def test_recordings_are_interpreted(native: type[Pretender], words: list[str]) -> None:
    assert invoke([*words, "x^2", "--at", "x=3"]).code == 0
    assert not native.made
    assert invoke([*words, "x^2", "--at", "x=3", "--engine", "native"]).code == 2
