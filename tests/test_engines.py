"""The native engine against the interpreter: numbers, flags, errors, limits and steps.

Bit for bit where programs add, subtract, multiply, divide, take roots, compare and choose; within what `tests.noise` allows else.
"""
from __future__ import annotations

import json
import math
import random
import re
import signal
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import adcli
from adcli import ad, passes
from adcli.api.derivatives import Setting
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.errors import AdcliError, LimitError, Source
from adcli.ir.nodes import Function
from adcli.ir.types import INT, REAL, Type
from adcli.lower import lower
from adcli.syntax import parse
from tests.conftest import FUZZ
from tests.generated import Writer, points
from tests.invoke import invoke
from tests.noise import numbers, spread
from tests.references import SAMPLES
from tests.test_reference import cases, judge, words

pytest.importorskip("llvmlite", reason="the native engine needs llvmlite: pip install 'adcli[native]'")

from adcli.engines.native import Native

TYPES = {"x": REAL, "y": REAL, "v": Type("real", (3,)), "n": INT}
KINDS = ("value", "forward", "reverse", "second")
COMMANDS = {"eval", "grad", "jacobian", "hessian", "jvp", "vjp", "hvp"}
LIMITS = Limits(max_steps=100_000)


class Outcome:
    """What a run gives: its numbers, what they are, flags and steps; or the error."""

    def __init__(self, make: Callable[[], Any], args: Sequence[Any]) -> None:
        self.numbers: list[float] = []
        try:
            engine = make()
            results = engine.run([a.copy() if isinstance(a, np.ndarray) else a for a in args])
        except AdcliError as error:
            self.kept: Any = (type(error), error.message, error.span, error.help)
            return
        self.numbers = numbers(results)
        self.kept = [(type(r), np.shape(r)) for r in results], engine.steps
        self.flags = {flag[:3] for flag in engine.flags}
        self.ended = True

    ended = False


def agree(function: Function, args: Sequence[Any], limits: Limits = LIMITS, exact_libm: bool = False) -> str:
    """Run a function in both engines, and compare everything; how it ended."""
    want = Outcome(lambda: Interpreter(function, limits), args)
    got = Outcome(lambda: Native(function, limits, exact_libm=exact_libm), args)
    if want.ended:
        allowed, settled = spread(function, args, want.numbers, limits)
        if settled is None:
            return "near a boundary"
        for a, b, most in zip(want.numbers, got.numbers, allowed, strict=got.ended):
            assert same(a, b) or (most and abs(a - b) <= most + 2 * math.ulp(a)), (a, b, most)
        assert got.flags == want.flags if settled == want.flags else True
    assert got.kept == want.kept
    return "compared" if want.ended else "an error"


def same(a: float, b: float) -> bool:
    return a.hex() == b.hex() or (math.isnan(a) and math.isnan(b))


def derived(function: Function, kind: str, args: list[Any]) -> tuple[Function, list[Any]]:
    """The function of the inputs x, y, v, n, or a derivative of it, with all that it takes."""
    along = [0.3, -0.7, np.array([0.2, 0.5, -1.0])]
    if kind == "value":
        return function, args
    if kind == "reverse":
        return ad.reverse(function, [0, 1, 2], [0]), [*args, 1.0]
    ahead = ad.forward(function, [0, 1, 2])
    return (ahead, [*args, *along]) if kind == "forward" else (ad.reverse(ahead, [0, 1, 2], [1]), [*args, *along, 1.0])


def check(text: str, point: list[float], kind: str, exact_libm: bool) -> None:
    source = Source(text)
    function = passes.optimize(lower(parse(source), source, TYPES))
    event(agree(*derived(function, kind, [point[0], point[1], np.array(point[2:]), 3]), exact_libm=exact_libm))


MANY = settings(max_examples=int(FUZZ or 100))


@MANY
@given(st.integers(0, 2**32), st.integers(1, 4), points(), st.sampled_from(KINDS), st.booleans())
def test_generated_programs(seed: int, size: int, point: list[float], kind: str, exact_libm: bool) -> None:
    check(Writer(random.Random(seed), size).program(), point, kind, exact_libm)


PLAIN = """
fn low(x) = min(x, 0.9)
fn high(x) = max(x, -0.6)
fn root(x) = sqrt(abs(x))
fn share(x) = x*x/(1 + abs(x))
fn largest(a, b) = max(a*b)
"""
INSTEAD = {
    "sin": "low", "cos": "share", "tanh": "high", "sigmoid": "root", "atan": "low", "softplus": "high", "erf": "share", "asinh": "root",
    "ln": "root", "hypot": "max", "logaddexp": "min", "logsumexp": "max", "softmax": "share", "cumsum": "low", "norm": "max", "sum": "max",
    "mean": "min", "prod": "min", "dot": "largest",
}  # fmt: skip


def plain(text: str) -> str | None:
    """The program with operations that are rounded in one way only."""
    if "@" in text or re.search(r"(softmax|cumsum)\(.*axis", text):
        return None
    text = re.sub(r"\b([a-z]+)\(", lambda m: INSTEAD.get(m[1], m[1]) + "(", text)
    return PLAIN + re.sub(r"\^[123]\b", "*1.5", text)


@MANY
@given(st.integers(0, 2**32), st.integers(1, 4), points(), st.sampled_from(KINDS))
def test_generated_arithmetic_is_equal_to_the_last_bit(seed: int, size: int, point: list[float], kind: str) -> None:
    writers = (Writer(random.Random(seed + k), size) for k in range(1000))
    text = next(filter(None, (plain(w.program()) for w in writers)))
    source = Source(text)
    function, args = derived(passes.optimize(lower(parse(source), source, TYPES)), kind, [point[0], point[1], np.array(point[2:]), 3])
    want, got = Outcome(lambda: Interpreter(function, LIMITS), args), Outcome(lambda: Native(function, LIMITS), args)
    assert got.kept == want.kept and all(map(same, got.numbers, want.numbers))
    assert not want.ended or got.flags == want.flags


@pytest.mark.parametrize("case", [c for c in cases("formulas", "programs", "scalar", "hard") if c.values[0]["command"] in COMMANDS])
def test_reference_cases(case: dict[str, Any]) -> None:
    done = invoke([*words(case), "--json", "--engine", "native"])
    judge(case, done)
    interpreted = invoke([*words(case), "--json", "--engine", "interpret"])
    assert done.err == interpreted.err
    if not done.code:
        assert json.loads(done.out)["flags"] == json.loads(interpreted.out)["flags"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.adl")), ids=lambda path: path.stem)
def test_samples(path: Any, kind: str) -> None:
    setting = Setting(adcli.compile(path.read_text(), engine="interpret"), {})
    variant, inputs, of = setting.variant, setting.wrt(None), setting.scalar_output(None, "a gradient")
    moving = [np.ones_like(setting.args[k]) if hasattr(setting.args[k], "shape") else 1.0 for k in inputs]
    what, more = {
        "value": (("value", (), of, ()), []), "reverse": (("reverse", inputs, of, ()), [1.0]),
        "forward": (("forward", inputs, of, ()), moving), "second": (("second", inputs, of, inputs), [*moving, 1.0]),
    }[kind]  # fmt: skip
    function = variant.runner(what).function
    assert agree(function, [*setting.args, *more], Limits()) != "an error"


ARRAYS = [
    "sum(sin(v)*w + v^2)",
    "dot(m @ v, w) + sum(m' @ w)",
    "sum(tanh(m @ m + outer(v, w)))",
    "logsumexp(v) + max(w) + min(v*w) + norm(v - w) + mean(v) + prod(v/2 + 0.9)",
    "sum(softmax(m, axis=1)*m) + sum(logsumexp(m, axis=0)) + sum(max(m, axis=1)) + var(v)",
    "a = v; for i in 1..len(v) { a[i] = 0.5*a[i - 1] + sin(w[i]) }; sum(a*a)",
    "a = zeros(len(v)); for i in 0..len(v) { for j in 0..i + 1 { a[i] += m[i, j]*v[j] } }; dot(a, w)",
    "a = v; for k in 0..3 { a[..-1] += a[1..]*w[1..]; a = a*cos(w) }; sum(a)",
    "a = m; for i in 0..len(v) { a[i] = a[i]*v[i] + w; a[.., 0] += v }; sum(a*m)",
    "sum(where(v > w, v*w, exp(-abs(v)))) + sum(clip(w, -0.5, 0.5)*v)",
    "sum(cumsum(v)*w) + sum(sort(v)*w) + sum(v[.. step -1]*w) + sum(concat(v, w, v[..1])^3)",
    "s = 0; for x in v { s = s*0.9 + x*x }; for x in w { if x > 0 { s += sqrt(x) } }; s",
    "sum(reshape(m, len(v)*len(v))[.. step 2]) + sum(diag(m)*v) + sum(m[.., 0]*w) + sum(stack(v, w)^2)",
    "fn f(a, k) { if k == 0 { return a }; return f(tanh(a*w) + a, k - 1) }; sum(f(v, 3))",
    "sum(m*v - w) + sum((m + reshape(v, len(v), 1))*m) + sum(sum(m, axis=0)*v)",
    "logdet(m @ m' + 5*eye(len(v))) + sum(solve(m + 9*eye(len(v)), v)*w)",
    "b = m; for i in 0..2 { b = b @ m/len(v) }; sum(b*b)",
    "sum([sum(v[j]*w[i] for j in 0..i + 1) for i in 0..len(v)])",
    "k = 0; a = v; while sum(a*a) > 0.1 and k < 6 { a = 0.6*a + 0.01*w; k += 1 }; sum(a) + k",
    "fn f(c) = 2*v[c]; s = 0; for c in 0..len(v) { s += 3*v[c] + f(c)*w[c] }; s",
    "fn f(c) = outer(exp(m[c]), w); sum([sum(m[c])^2 + sum(f(c)*w) for c in 0..len(v)])",
    "fn f(a, c) { a[c] += w[c]*a[0]; return a }; a = v; for c in 0..len(v) { a = f(a, c); a[c] *= 0.5 }; sum(a*w)",
    "fn f(a, c) { a[c] = 2*a[0]; return a }; a = v; k = 0; while k < len(v) { if v[k] > 0 { a = f(a, k) }; a[0] += w[k]; k += 1 }; sum(a)",
    "sum(abs(v)) + sum(max(v, w)) + sum(min(v, 0)) + sum(hypot(v, w)) + sum(atan2(v, w + 3))",
    "fn f(a, c) { a[0] = tanh(sum(a)); return a[0]*c }; b = v*w; s = f(b, 2); s + sum(sin(b))",
]


@pytest.mark.parametrize("n", [1, 2, 5, 16, 67, 130])
@pytest.mark.parametrize("text", ARRAYS)
def test_arrays_of_several_sizes(text: str, n: int) -> None:
    if n > 67 and "logdet" in text:
        n = 67
    numbers_ = np.random.default_rng(n)
    at = {"v": numbers_.normal(size=n), "w": numbers_.normal(size=n), "m": numbers_.normal(size=(n, n))}
    setting = Setting(adcli.compile("input v: [n]; input w: [n]; input m: [n, n]; " + text, engine="interpret"), at)
    moving = [numbers_.normal(size=np.shape(a)) for a in setting.args]
    wrt = tuple(range(3))
    for what, more in (("reverse", [1.0]), ("forward", moving)):
        function = setting.variant.runner((what, wrt, 0, ())).function
        assert agree(function, [*setting.args, *more], Limits()) == "compared"


ENDS = [
    ("v[k]", {"v": [1, 2], "k": 5}),
    ("v[k]", {"v": [1, 2], "k": -3}),
    ("v[5]", {"v": [1, 2]}),
    ("sum(v[a..b])", {"v": [1, 2, 3], "a": 1, "b": 5}),
    ("input k: int; 7//k", {"k": 0}),
    ("input k: int; 7 % k", {"k": 0}),
    ("input k: int; k*k*k*k", {"k": 10**5}),
    ("input k: int; n = k; for i in 0..70 { n = n*2 }; n", {"k": 3}),
    ("sum(zeros(k))", {"k": -2}),
    ("sum(v[0..a] + v[b..])", {"v": [1, 2, 3], "a": 2, "b": 0}),
    ("solve([[x, x], [x, x]], [1, 2])[0]", {"x": 2}),
    ("sum(cholesky([[x, 1], [1, x]]))", {"x": -1}),
    ("v[x]", {"v": [1, 2], "x": 0.5}),
    ("a = v; for i in 0..4 { a[i] = 2 }; sum(a)", {"v": [1, 2, 3]}),
    ("fn f(k, x) = if k == 0 { 1/0*x } else { v[k] }; f(k, 2)", {"k": 9, "v": [1]}),
    ("s = 0; for i in 0..10 { if i == 7 { s += v[i] } }; s", {"v": [1, 2, 3]}),
    ("m[i, j]", {"m": [[1, 2], [3, 4]], "i": 1, "j": 2}),
]


def outcome(text: str, at: dict[str, Any], engine: str, limits: Limits) -> Any:
    """A value and gradient with flags and steps, or an error, by the Python interface."""
    program = adcli.compile(text, engine=engine, limits=limits)
    found: list[Any] = []
    for run in (program.value, program.gradient):
        try:
            found.append(run(at))
        except AdcliError as error:
            found.append((type(error), error.message, error.span, error.help))
        found.append(sorted(map(repr, program.flags)))
    return found, [v.steps for v in program._variants.values()]


@pytest.mark.parametrize(("text", "at"), ENDS, ids=[text for text, _ in ENDS])
def test_errors(text: str, at: dict[str, Any]) -> None:
    want = outcome(text, at, "interpret", Limits())
    assert isinstance(want[0][0], tuple), "it should fail"
    assert outcome(text, at, "native", Limits()) == want


LOOPS = {
    "for": ("y = x; for i in 0..n { y = y/2 + x }; y", {"x": 1, "n": 100}, 100),
    "while": ("y = x; k = 0; while k < n { y = y/2 + x; k += 1 }; y", {"x": 1, "n": 100}, 100),
    "nested": ("y = x; for i in 0..n { for j in 0..i { y = y/2 + x } }; y", {"x": 1, "n": 10}, 55),
    "calls": ("fn f(k, x) { if k < 2 { return x }; return f(k - 1, x) + f(k - 2, x) }; f(n, x)", {"x": 1, "n": 10}, 177),
    "arrays": ("w = ones(n); for i in 0..n { w[i] = w[i]*x }; sum(w*w)", {"x": 1, "n": 20}, 20),
    "comprehension": ("sum(x*i for i in 0..n) + sum([x*i for i in 0..n])", {"x": 1, "n": 20}, 40),
}


@pytest.mark.parametrize("name", LOOPS)
def test_steps_and_their_limit(name: str) -> None:
    text, at, steps = LOOPS[name]
    for most in (Limits(), Limits(max_steps=steps), Limits(max_steps=steps - 1), Limits(max_steps=steps // 2), Limits(max_steps=0)):
        assert outcome(text, at, "native", most) == outcome(text, at, "interpret", most)
    assert outcome(text, at, "native", Limits())[1] == [steps]


@pytest.mark.parametrize("depth", [9, 10, 11, 10_000])
def test_depth_and_its_limit(depth: int) -> None:
    text = "fn f(k, x) { if k < 2 { return x }; return x*f(k - 1, x)/2 }; f(n, x)"
    limits = Limits(max_depth=10 if depth < 100 else 10_000)
    assert outcome(text, {"x": 2, "n": depth}, "native", limits) == outcome(text, {"x": 2, "n": depth}, "interpret", limits)


MEMORY = {
    "arrays": ("w = x*ones(n); sum(w*w)", {"x": 1, "n": 30_000}),
    "one large array": ("sum(x*ones(n))", {"x": 1, "n": 20_000_000}),
    "a tape": ("y = x; for i in 0..n { y = sin(y) + x }; y", {"x": 0.3, "n": 100_000}),
    "a tape of arrays": ("w = x*ones(1000); for i in 0..n { w = sin(w) }; sum(w)", {"x": 0.3, "n": 100}),
    "a deep recursion": ("fn f(k, w) { if k < 2 { return sum(w) }; return f(k - 1, 2*w) }; f(n, x*ones(1000))", {"x": 1, "n": 1000}),
}


@pytest.mark.parametrize("name", MEMORY)
@pytest.mark.parametrize("most", [20_000, 200_000, 10**8])
def test_memory_and_its_limit(name: str, most: int) -> None:
    """Whether it is enough may differ by what an engine keeps beside; the message does not."""
    text, at = MEMORY[name]
    found = [outcome(text, at, engine, Limits(max_memory=most))[0] for engine in ("native", "interpret")]
    for one, other in zip(found[0], found[1], strict=True):
        if isinstance(one, tuple) and isinstance(other, tuple):
            assert one[:2] == other[:2] and one[0] is LimitError


def endless(limits: Limits) -> adcli.Program:
    return adcli.compile("k = x; while k < 2 { k = k/2 + 0.5*x }; k", engine="native", limits=limits)


@pytest.mark.parametrize("text", ["k = x; while k < 2 { k = k/2 + x/2 }; k", "fn f(k) { while k < 2 { k = k/2 }; return k }; f(x)"])
def test_timeout(text: str) -> None:
    f = adcli.compile(text, engine="native", limits=Limits(timeout=0.2, max_steps=10**15))
    for run in (f.value, f.gradient):
        with pytest.raises(LimitError, match=r"longer than 0\.2 s"):
            run(x=1)


def test_an_interrupt_ends_a_run() -> None:
    f = endless(Limits(max_steps=10**15))
    timer = threading.Timer(0.3, lambda: signal.raise_signal(signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            f.value(x=1)
    finally:
        timer.cancel()
        timer.join()
        signal.signal(signal.SIGINT, before)
    assert adcli.compile("x^2", engine="native").value(x=3) == 9


def test_a_timeout_in_another_thread() -> None:
    caught: list[str] = []

    def work() -> None:
        try:
            endless(Limits(timeout=0.2, max_steps=10**15)).value(x=1)
        except LimitError as error:
            caught.append(error.message)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(20)
    assert caught == ["the run took longer than 0.2 s"]


def test_threads_share_a_program() -> None:
    f = adcli.compile("input v: [n]; a = v; for i in 0..200 { a = sin(a) + x; a[0] += sum(a)/n }; sum(a*a)", engine="native")
    given = [np.random.default_rng(k).normal(size=400) for k in range(4)]
    want = [f.gradient(v=v, x=0.1)["x"] for v in given]
    got: list[set[float]] = [set() for _ in given]

    def work(k: int) -> None:
        got[k].update(f.gradient(v=given[k], x=0.1)["x"] for _ in range(30))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert got == [{g} for g in want]


def test_a_function_runs_as_often_as_wanted() -> None:
    f = adcli.compile("y = x; for i in 0..n { y = sin(y) + v[i % 2] }; y", engine="native")
    g = adcli.compile(f.source, engine="interpret")
    start = time.monotonic()
    for k in range(20):
        at = {"x": k / 7, "n": k, "v": [k, 1 / (k + 1)]}
        assert f.gradient(at)["x"] == pytest.approx(g.gradient(at)["x"], rel=1e-12, abs=1e-300)
    assert len(f._variants) == 1 and time.monotonic() - start < 60


def test_large_tapes_and_snapshots() -> None:
    text, at = "y = x; for i in 0..n { y = sin(y) + x }; y", {"x": 0.3, "n": 200_000}
    full = adcli.compile(text, engine="native")
    small = adcli.compile(text, engine="native", limits=Limits(max_memory=100_000))
    assert full.gradient(at) == small.gradient(at) and small.checkpointed and not full.checkpointed


LONG = {"a sum": "+".join(["x"] * 30_000), "sines": "sin(" * 1_000 + "x" + ")" * 1_000, "a tower": "^".join(["x"] * 1_000)}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
def test_long_programs_compile_in_time(text: str) -> None:
    """LLVM's time grows with the square of a block's length, unless the block is cut."""
    want, got = (adcli.compile(text, engine=engine).gradient(x=1.0) for engine in ("interpret", "native"))
    assert got["x"] == pytest.approx(want["x"], rel=1e-9)
