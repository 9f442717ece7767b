"""Native code, piece by piece: every operation of the table against its Python form, the rows, the limits, what is kept and loaded.

That whole programs agree with the interpreter is the matter of test_engines.py.
"""
from __future__ import annotations

import math
import signal
import subprocess
import sys
import threading
import time

import pytest

pytest.importorskip("llvmlite", reason="native code needs llvmlite (the extra 'native')")

import numpy as np

import adcli
from adcli import ops
from adcli.engines.flags import Flag
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.engines.native import Native, llvm, vectors
from adcli.engines.native.engine import compiled
from adcli.engines.native.row_callers import TILE
from adcli.engines.native.rows import NativeRows
from adcli.engines.rows.interpret import InterpretRows
from adcli.errors import AdcliError, LimitError, Source
from adcli.ir.build import Builder
from adcli.ir.nodes import Function, Var
from adcli.ir.types import REAL, Type
from adcli.lower import lower
from adcli.ops.record import Op
from adcli.passes import optimize
from adcli.syntax import parse
from tests.test_ops import samples

SPECIAL = (0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e-300, 1e300, 710.0, -750.0, math.inf, -math.inf, math.nan)
NUMERIC = [
    op for op in ops.TABLE.values()
    if op.scalar is not None and op.domain and op.name not in ("select", "stop", "to_real") and not op.name.startswith("logical")
]  # fmt: skip
# Further from the Python form than 4 ulp, where that itself is a product of several roundings: how far, relatively.
LOOSE = {"pow_d": 1e-14, "erfinv_d": 1e-14}


def function(text: str, **types: Type) -> Function:
    source = Source(text)
    return optimize(lower(parse(source), source, types))


def of_op(op: Op, shape: tuple[int, ...]) -> Function:
    b = Builder()
    args = tuple(Var(Type("real", shape), name) for name in op.args)
    out = b.emit(op, args, (), None)
    b.block.results = (out,)
    return Function(op.name, args, b.block)


def close(got: float, want: float, loose: float) -> bool:
    if got == want or (math.isnan(got) and math.isnan(want)):
        return True
    return math.isfinite(want) and abs(got - want) <= max(4 * math.ulp(want), loose * abs(want), 5e-324)


def points(op: Op) -> list[tuple[float, ...]]:
    odd = [tuple(SPECIAL[(k + 5 * j) % len(SPECIAL)] for j in range(len(op.args))) for k in range(len(SPECIAL))]
    if op.name in ("pow_d", "sinc_d", "polygamma"):  # of whole orders
        odd = []
    if op.name == "to_int":  # beyond, a check stands before it
        odd = [point for point in odd if abs(point[0]) < 2.0**63]
    return samples(op) + odd


@pytest.mark.parametrize("op", NUMERIC, ids=lambda op: op.name)
def test_operations_on_numbers(op: Op) -> None:
    native = Native(of_op(op, ()))
    for point in points(op):
        (got,) = native.run(list(point))
        assert op.scalar is not None
        assert close(float(got), float(op.scalar(*point)), LOOSE.get(op.name, 0.0)), point


@pytest.mark.parametrize("op", NUMERIC, ids=lambda op: op.name)
def test_operations_on_arrays(op: Op) -> None:
    """As vector code, where there is any; an element does not depend on what stands beside it."""
    given = points(op)
    columns = [np.array(column) for column in zip(*given, strict=True)]
    repeated = [np.tile(column, 5) for column in columns]
    for exact in (False, True):
        (got,) = Native(of_op(op, repeated[0].shape), exact_libm=exact).run(repeated)
        for k, point in enumerate(given):
            assert op.scalar is not None
            want = float(op.scalar(*point))
            assert all(close(float(x), want, LOOSE.get(op.name, 0.0)) for x in got[k :: len(given)]), (point, exact)


def test_vector_versions_are_used() -> None:
    """On a machine with libmvec, exp over an array is one of its functions, and --exact-libm does without."""
    if not vectors.variants():
        pytest.skip("this machine has no libmvec")
    from adcli.engines.native.expand import expand
    from adcli.engines.native.module import Module
    from adcli.passes.storage import storage

    program = storage(expand(function("y = exp(v); output y", v=Type("real", (1000,)))))
    used = {exact: "_exp(<" in str(llvm.optimised(Module(program, Limits(), exact).text, 2)).split("define")[-2] for exact in (False, True)}
    assert used == {False: True, True: False}


ENDLESS = "y = x; while y > 0 { y = y + 1 - 1 }; y"
LOOP = "input x; y = x; for i in 0..1000 { y = 3.5*y*(1 - y) + 0.01*sin(y) }; output y"


def test_loads_what_was_kept() -> None:
    f = function(LOOP, x=REAL)
    native = Native(f)
    meta, blobs = native.to_entry()
    again = Native.from_entry(meta, blobs, Limits(), lambda: f)
    assert again.run([0.3]) == native.run([0.3]) and again.steps == native.steps == 1000
    with pytest.raises(ValueError, match="another machine"):
        Native.from_entry({**meta, "target": "another"}, blobs, Limits(), lambda: f)


def test_long_code_calls_what_is_outside() -> None:
    """Made in a hurry, it calls by way of a table of addresses: libm, the table's Python forms, and LLVM's own `fma`."""
    f = function("+".join(f"sin(x+{k})*lgamma(x)+gelu(x)^{k % 7 + 1}" for k in range(1000)), x=REAL)
    native = Native(f)
    meta, blobs = native.to_entry()
    assert meta["level"] == 0
    again = Native.from_entry(meta, blobs, Limits(), lambda: f)
    (want,) = Interpreter(f).run([0.3])
    assert native.run([0.3]) == again.run([0.3]) == [pytest.approx(want, rel=1e-12)]


def test_errors_of_kept_code() -> None:
    """What a run failed with is told from plain data."""
    import json

    f = function("input v: [3]; input k: int; output y = v[k]", v=Type("real", (3,)), k=Type("int"))
    meta, blobs = Native(f).to_entry()
    again = Native.from_entry(json.loads(json.dumps(meta)), blobs, Limits(), lambda: f)
    with pytest.raises(AdcliError, match="index 7 is out of range for length 3") as caught:
        again.run([np.arange(3.0), 7])
    with pytest.raises(AdcliError) as expected:
        Interpreter(f).run([np.arange(3.0), 7])
    assert (caught.value.span, caught.value.help) == (expected.value.span, expected.value.help)


@pytest.mark.parametrize(
    ("text", "limits", "message"),
    [
        (LOOP, Limits(max_steps=999), "more than 999 steps"),
        ("input x; fn f(k) = if k <= 0 { x } else { f(k - 1) + 1 }; output y = f(50)", Limits(max_depth=49), "more than 49 deep"),
        ("input x; fn f(k) { y = f(k + 1); return y*f(k + y) }; output y = f(x)", Limits(10**9, max_depth=10**8), "100,000,000 deep"),
        (f"input x; {ENDLESS}", Limits(max_steps=10**15, timeout=0.2), "longer than 0.2 s"),
        ("input x; v = zeros(int(1e6*x)) + x; v[0] = 1; output y = sum(v)", Limits(max_memory=10**6), "more than 1 MB of memory"),
        ("input x; v = zeros(int(1e8*x)); output y = sum(v)", Limits(), "more than the 10,000,000 that one array may have"),
    ],
)
def test_limits(text: str, limits: Limits, message: str) -> None:
    with pytest.raises(LimitError, match=message):
        Native(function(text, x=REAL), limits).run([1.0])


def test_results_are_not_overwritten() -> None:
    """Large results that somebody holds stay as they are when the program runs again."""
    native = Native(function("input v: [20000]; output w = v*2", v=Type("real", (20000,))))
    (first,) = native.run([np.ones(20000)])
    (view,) = (part[:5] for part in native.run([np.full(20000, 3.0)]))
    (third,) = native.run([np.zeros(20000)])
    assert (first[0], view[0], third[0]) == (2.0, 6.0, 0.0)


def test_a_tape_that_does_not_fit() -> None:
    program = adcli.compile(LOOP.replace("1000", "1000000"), limits=Limits(max_memory=10**6), engine="native", tape="full")
    with pytest.raises(LimitError, match="memory"):
        program.gradient(x=0.3)
    smaller = adcli.compile(LOOP.replace("1000", "1000000"), limits=Limits(max_memory=10**6), engine="native")
    assert smaller.gradient(x=0.3) == adcli.compile(LOOP.replace("1000", "1000000"), engine="native").gradient(x=0.3)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("text", [ENDLESS, "fn f(k) = if k <= 0 { x } else { f(k - 1) + f(k - 1) }; f(99)"])
def test_signals_stop_native_loops(text: str, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "adcli", "eval", text, "--at", "x=1", "--engine", "native", "--max-steps", str(10**15)]
    process = subprocess.Popen(command, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    time.sleep(2)
    process.send_signal(number)
    assert process.wait(20) == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]


def test_other_threads_run_too() -> None:
    """Each engine its own thread; limits hold there."""
    found: list[object] = []

    def work() -> None:
        try:
            found.append(Native(function(f"input x; {ENDLESS}", x=REAL), Limits(10**15, timeout=0.1)).run([1.0]))
        except LimitError as error:
            found.append(error.message)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [str(text)[:14] for text in found] == ["the run took l"] * 2


def test_long_runs_say_where_numbers_went() -> None:
    """Beyond what the interpreter can run again, operations are watched natively: the flags are those of the interpreter."""
    text = "s = 0; for i in 0..{n} {{ s += 1/(x - i)*0 + exp(if i == 5 {{ 1000 }} else {{ 1 }})*0 }}; s + ln(x - x)"
    noted = []
    for n, engine in ((2_000_000, "native"), (20, "interpret")):
        program = adcli.compile(text.format(n=f"{n:07d}"), engine=engine)
        assert math.isnan(program.value(x=3.0))
        noted.append([(f.code, f.op, f.span, f.message) for f in program.flags])
    assert noted[0] == noted[1] and len(noted[0]) == 3


STRAIGHT = "input a; input b; output y = abs(a)*b + ln(b) + exp(a)"
LOOPING = "input a; input b; y = a; k = 0; while y < 100 and k < 50 { y = y*y*0.1 + b*b + 0.5; k += 1 }; output y"


@pytest.mark.parametrize("rows", [1, 7, TILE, 2*TILE + 5, 40 * TILE])
@pytest.mark.parametrize("text", [STRAIGHT, LOOPING])
def test_rows(text: str, rows: int) -> None:
    """The same as the interpreter, row by row, special rows and flags included; so in two threads."""
    f = function(text, a=REAL, b=REAL)
    chance = np.random.default_rng(rows)
    a, b = chance.standard_normal(rows), chance.standard_normal(rows)
    a[:: 1000], b[:: 700] = 0.0, math.nan
    got = NativeRows(f, Limits()).run([a, b], rows, jobs=2)
    some = np.unique(np.concatenate([np.arange(min(rows, 600)), np.arange(max(0, rows - 600), rows)]))
    want = InterpretRows(f, Limits()).run([a[some], b[some]], len(some))
    np.testing.assert_allclose(got.results[0][some], want.results[0], rtol=1e-13, atol=1e-13)
    if len(some) == rows:
        assert got.flags == want.flags


def test_rows_do_not_depend_on_their_place() -> None:
    f = function("input a; output y = exp(a)*sin(a)", a=REAL)
    a = np.linspace(-3, 3, TILE + 3)
    rows = NativeRows(f, Limits())
    whole = rows.run([a], len(a)).results[0]
    single = np.concatenate([rows.run([a[k : k + 1]], 1).results[0] for k in range(TILE - 3, TILE + 3)])
    assert whole[TILE - 3 :].tolist() == single.tolist()


def test_rows_with_arrays_and_errors() -> None:
    f = function("input w: [20]; input k: int; output y = w[k]*2; output z = w/w[0]", w=Type("real", (20,)), k=Type("int"))
    w = np.arange(200.0).reshape(10, 20) + 1
    k = np.arange(10) * 3
    got = NativeRows(f, Limits()).run([w, k], 10)
    want = InterpretRows(f, Limits()).run([w, k], 10)
    assert all(np.array_equal(x, y) for x, y in zip(got.results, want.results, strict=True))
    assert {row: e.message for row, e in got.failed.items()} == {row: e.message for row, e in want.failed.items()} and len(got.failed) == 3


def test_shared_arguments() -> None:
    f = function("input a; input w: [3]; output y = a*sum(w)", a=REAL, w=Type("real", (3,)))
    got = NativeRows(f, Limits()).run([np.array([1.0, 2.0]), np.ones(3)], 2)
    assert got.results[0].tolist() == [3.0, 6.0] and got.flags == dict[Flag, int]()


def test_compiled_text_is_deterministic() -> None:
    f = function(LOOP, x=REAL)
    assert compiled(f, Limits()).object == compiled(f, Limits()).object


@pytest.mark.parametrize(
    "text", ["zeros(2, -1)", "sum(full(1, -1))", "eye(-2)", "linspace(0, 1, -1)", "if x > 0 { sum(zeros(-1)) } else { x }"]
)
def test_sizes_known_to_be_negative_are_the_interpreters_error(text: str) -> None:
    """Known beforehand, yet an error of the run: a branch that is not taken harms nobody."""
    for engine in ("interpret", "native"):
        f = adcli.compile(f"input x\n{text}", engine=engine)
        with pytest.raises(AdcliError, match="a size cannot be negative"):
            f.value(x=1.0)
    if "else" in text:
        assert f.gradient(x=-1.0) == {"x": 1.0}


@pytest.mark.parametrize(
    ("text", "want"),
    [("int(x)", -(2**63)), ("logsumexp([])", -math.inf), ("logsumexp([x, inf])", math.inf), ("logsumexp([x, nan])", math.nan)],
)
def test_edges_of_the_range(text: str, want: float) -> None:
    for engine in ("interpret", "native"):
        got = adcli.compile(f"input x\n{text}", engine=engine).value(x=-(2.0**63))
        assert got == want or (math.isnan(got) and math.isnan(want))


@pytest.mark.parametrize("x", [2.0**63, -9.3e18])
def test_an_int_beyond_64_bits(x: float) -> None:
    for engine in ("interpret", "native"):
        with pytest.raises(AdcliError, match="does not fit in 64 bits"):
            adcli.compile("int(x)", engine=engine).value(x=x)


@pytest.mark.parametrize("within", [
    "s = x; for i in 0..10^12 { for j in 0..60000 { s = s*0.9 + x } }; s",
    "fn f(s) { for j in 0..60000 { s = s*0.9 }; return s }; s = x; for i in 0..10^12 { s = x + f(s) }; s",
    "fn f(k, s) { for j in 0..60000 { s = s*0.9 }; return if k < 1 { s } else { f(k - 1, s) + f(k - 1, s) } }; f(60, x)",
])
def test_short_loops_within_long_ones_count(within: str) -> None:
    """A loop that is too short to look at the clock itself is part of what passes until somebody else does."""
    f = adcli.compile(within, engine="native", limits=Limits(timeout=0.2, max_steps=10**17))
    with pytest.raises(LimitError, match=r"longer than 0\.2 s"):  # else after hours
        f.value(x=1)
