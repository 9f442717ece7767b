"""Sums and means over rows as functions of the parameters: against closed forms, in every engine, on any number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import adcli
from adcli.api.engine import available
from adcli.api.objective import Objective, chosen
from adcli.api.variant import ready
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.engines.rows.elements import joiner, split, written_out
from adcli.errors import AdcliError, UsageError

ENGINES = ["native", "columns", "interpret"] if available() else ["columns", "interpret"]
EVERY = pytest.mark.parametrize("engine", ENGINES)
LOGISTIC = """input w: [3]; input x: [3]; input t
h = 1/(1 + exp(-sum(w*x)))
output l = t*ln(h) + (1 - t)*ln(1 - h)
"""
DRAW = np.random.default_rng(11)
ROWS = 700
X = DRAW.normal(size=(ROWS, 3))
T = (X @ [1.0, -2.0, 0.5] + DRAW.normal(size=ROWS) > 0).astype(float)
W = np.array([0.3, -0.1, 0.2])
SELECTIONS: list[Any] = [None, slice(3, 5), slice(10, 600), [5, 5, 1], DRAW.permutation(ROWS)[:200]]


def logistic(engine: str, **options: Any) -> Objective:
    return Objective(adcli.compile(LOGISTIC), {"x": X, "t": T}, {"w": W}, ["w"], engine=engine, **options)


def closed(w: Any, rows: Any) -> tuple[float, Any, Any]:
    """Log-likelihood, gradient and Hessian by hand."""
    x, t = (X, T) if rows is None else (X[rows], T[rows])
    h = 1 / (1 + np.exp(-x @ w))
    return float(np.sum(t * np.log(h) + (1 - t) * np.log(1 - h))), x.T @ (t - h), -(x.T * h * (1 - h)) @ x


@EVERY
@pytest.mark.parametrize("rows", SELECTIONS, ids=["all", "few", "slice", "three", "some"])
@pytest.mark.parametrize("mean", [False, True])
def test_logistic_regression_by_hand(engine: str, rows: Any, mean: bool) -> None:
    f = logistic(engine, mean=mean)
    by = 1.0 if not mean else float(ROWS if rows is None else len(X[rows]))
    value, slopes, second = closed(W, rows)
    assert f.value(W, rows) == pytest.approx(value / by, rel=1e-13)
    got, g = f.gradient(W, rows)
    assert got == pytest.approx(value / by, rel=1e-13)
    np.testing.assert_allclose(g, slopes / by, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(f.hessian(W, rows), second / by, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(f.product(W, W, rows), second @ W / by, rtol=1e-12, atol=1e-13)


@EVERY
def test_elements_that_stay(engine: str) -> None:
    f, whole = logistic(engine, picked=[2, 0]), logistic(engine)
    assert f.names == ["w[2]", "w[0]"]
    assert f.start.tolist() == [0.2, 0.3]
    x = np.array([1.0, 2.0])
    every = np.array([2.0, -0.1, 1.0])
    np.testing.assert_array_equal(f.gradient(x)[1], whole.gradient(every)[1][[2, 0]])
    np.testing.assert_allclose(f.hessian(x), whole.hessian(every)[np.ix_([2, 0], [2, 0])], rtol=1e-13)
    assert f.point(x)["w"].tolist() == every.tolist()


PROGRAMS: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {
    # a matrix a row, a scalar and an array that move, one that stays
    "matrix": ("input A: [2, 2]; input b; input v: [2]; input c\noutput y = sum((A @ v)^2)*b + c*dot(v, v)*b^2", {"A": (2, 2)}),
    "loop": (
        "input x; input b; input v: [2]; input c\ns = 0\nfor k in 0..3 { s += sin(b*x + k)*v[0] + c*v[1]^2 }\noutput y = s",
        {"x": ()},
    ),
    "while": ("input x; input b; input v: [2]; input c\ns = b\nwhile s*s < 20 { s = s*2 + x^2 }\noutput y = s*v[0]*v[1] + c", {"x": ()}),
    "branch": ("input x; input b; input v: [2]; input c\ny = if x > 0 { b*x*v[0] } else { v[1]*b^2 + c }\noutput y", {"x": ()}),
    "calls": ("input x; input b; input v: [2]; input c\nfn f(u, k) = sum(u*b)^2 + k\noutput y = f(v, x) + f(v*c, x^2)", {"x": ()}),
    "whole": ("input n: int; input b; input v: [2]; input c\noutput y = b^2*n + v[n % 2]^2*c", {"n": ()}),
    "kink": ("input x; input b; input v: [2]; input c\noutput y = abs(b*x) + max(v)*x^2 + norm(v)*c", {"x": ()}),
}


@EVERY
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_sum_is_that_of_single_runs(name: str, engine: str) -> None:
    text, shapes = PROGRAMS[name]
    program = adcli.compile(text)
    data: dict[str, Any] = {key: DRAW.normal(size=(40, *shape)) for key, shape in shapes.items()}
    if name == "whole":
        data = {"n": np.arange(40)}
    at = {"b": 1.5, "v": [0.5, 2.0], "c": -0.5}
    f = Objective(program, data, at, ["v", "b"], engine=engine)
    total, slopes, second = 0.0, np.zeros(3), np.zeros((3, 3))
    for k in range(40):
        point = {**at, **f.row(k)}
        total += program.value(point)
        g = program.gradient(point, wrt=["v", "b"])
        h = program.hessian(point, wrt=["v", "b"])
        slopes += [*g["v"], g["b"]]
        second += np.block([[h["v"]["v"], h["v"]["b"][:, None]], [h["b"]["v"][None], np.array([[h["b"]["b"]]])]])
    assert f.gradient(f.start)[0] == pytest.approx(total, rel=1e-12)
    np.testing.assert_allclose(f.gradient(f.start)[1], slopes, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(f.hessian(f.start), second, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("engine", [e for e in ENGINES if e != "interpret"])
def test_threads_change_no_bit(engine: str) -> None:
    rows = 100_003
    data = {"x": np.tile(X, (150, 1))[:rows], "t": np.tile(T, 150)[:rows]}
    program = adcli.compile(LOGISTIC)
    found = [Objective(program, data, {"w": W}, ["w"], engine=engine, jobs=jobs).gradient(W) for jobs in (1, 2, 3, 7)]
    assert len({(value, g.tobytes()) for value, g in found}) == 1
    np.testing.assert_allclose(found[0][1], (data["x"].T @ (data["t"] - 1 / (1 + np.exp(-data["x"] @ W)))), rtol=1e-10)


@EVERY
@pytest.mark.parametrize("count", [3, 60])
def test_a_row_that_fails_is_named(engine: str, count: int) -> None:
    program = adcli.compile("input k: int; input v: [3]\noutput y = v[k]^2")
    k = np.zeros(count, int)
    k[-1] = 3
    f = Objective(program, {"k": k}, {"v": [1, 2, 3]}, ["v"], engine=engine, where="line {}".format)
    with pytest.raises(AdcliError) as caught:
        f.gradient(f.start)
    assert caught.value.message.startswith(f"line {count - 1}: index 3 is out of range")
    assert caught.value.source is not None
    assert f.culprit(f.start) == count - 1
    assert f.gradient(f.start, slice(0, count - 1))[0] == count - 1.0


@EVERY
@pytest.mark.parametrize("count", [4, 3000])
def test_the_row_that_is_not_finite_is_found(engine: str, count: int) -> None:
    program = adcli.compile("input x; input b\noutput y = b*ln(x)")
    x = np.full(count, 2.0)
    f = Objective(program, {"x": x}, {"b": 3}, ["b"], engine=engine)
    assert f.culprit(f.start) is None
    for bad in (0, count // 3, count - 1):
        x[:] = 2.0
        x[bad] = x[-1] = -1.0
        f = Objective(program, {"x": x}, {"b": 3}, ["b"], engine=engine)
        assert np.isnan(f.gradient(f.start)[0])
        assert f.culprit(f.start) == bad
        assert f.culprit(f.start, np.arange(count)[::-1]) == count - 1


@EVERY
def test_a_sum_that_leaves_the_range_has_no_culprit(engine: str) -> None:
    f = Objective(adcli.compile("input x; input b\noutput y = x*b"), {"x": np.full(20, 1e307)}, {"b": 3.0}, ["b"], engine=engine)
    assert f.gradient(f.start)[0] == np.inf
    assert f.culprit(f.start) is None


def test_what_has_no_derivative_or_no_rows_is_refused() -> None:
    with pytest.raises(UsageError, match="whole number"):
        Objective(adcli.compile("input k: int; input b\noutput y = k"), {"k": [1]}, {"b": 1}, ["b"])
    with pytest.raises(UsageError, match="rows"):
        f = Objective(adcli.compile("input x; input b\nx*b"), {"x": [1.0, 2.0]}, {"b": 1}, ["b"])
        f.gradient(f.start, slice(0, 0))


@pytest.mark.skipif(not available(), reason="needs llvmlite")
def test_little_work_is_not_compiled() -> None:
    program = adcli.compile(LOGISTIC)
    few = Objective(program, {"x": X, "t": T}, {"w": W}, ["w"], passes=1)
    many = Objective(program, {"x": X, "t": T}, {"w": W}, ["w"], passes=10_000)
    assert (few.engine, many.engine) == ("columns", "native")
    assert chosen("interpret", few.variant.lowered, 1e12) == "interpret"


LOOPS = "input x; input b\ns = b\nwhile s < 20 { s = s*1.5 + sin(x*s)^2 }\noutput y = s"


@pytest.mark.skipif(not available(), reason="needs llvmlite")
def test_what_native_code_has_not_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    from adcli.engines.native import records

    def made() -> Objective:
        return Objective(adcli.compile(LOOPS), {"x": np.ones(50)}, {"b": 1.0}, ["b"], passes=10_000)

    assert made().engine == "native"

    def refuse(self: object, tape: int) -> tuple[int, ...]:
        raise records.Unsupported("a tape is read that nothing writes")

    monkeypatch.setattr(records.Records, "record", refuse)
    f = made()
    assert f.engine == "columns"
    assert np.isfinite(f.gradient(f.start)[1]).all()


def test_without_native_code_rows_run_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from adcli.api import objective

    monkeypatch.setattr(objective, "available", lambda: False)
    f = Objective(adcli.compile(LOGISTIC), {"x": X, "t": T}, {"w": W}, ["w"], passes=1e9)
    assert f.engine == "columns"
    np.testing.assert_allclose(f.gradient(W)[1], closed(W, None)[1], rtol=1e-12)


WRITTEN = [
    "input v: [3]; input a\noutput y = sum(v*a) + mean(v*v) + dot(v, v)",
    "input A: [2, 3]; input v: [3]\noutput y = sum((A @ v)^2) + sum(A, axis=0)[1] + sum(mean(A, axis=1))",
    "input v: [3]; input a\nu = [a, 2*a, v[1]]\nu[0] += v[2]\noutput y = sum(u[1..]*v[..2]) + sum(transpose(outer(u, v))*outer(v, v))",
    "input v: [3]; input a\ns = 0\nfor i in 0..3 { for j in 0..i { s += v[i]*v[j]*a } }\noutput y = s",
    "input v: [3]; input a\nfn f(u) = sum(u)^2\noutput y = f(v)*f(v*a) + where(a > v, a, v)[0] + sum(clip(v, 0, a)) + sum(abs(v))",
    "input v: [3]; input a\noutput y = sum(reshape(v, 3, 1)*reshape(v, 1, 3)*a) + sum(flip(v)*v*zeros(3)) + sum(full(a, 2))",
    "input v: [3]; input a\noutput y = sum(concat(v, v*a)^2) + sum(ones(2)*v[..2])*sum(stack_(v, a))\nfn stack_(p, q) = [p, q*p]",
    "input v: [3]; input a\noutput y = grad(x -> sum(v*x^3), a)",
]


@pytest.mark.parametrize("text", WRITTEN)
@pytest.mark.parametrize("kind", ["value", "reverse", "second"])
def test_functions_on_elements_are_the_functions(text: str, kind: str) -> None:
    """Written out in elements, a function gives what it gives on arrays."""
    program = adcli.compile(text)
    values = {item.name: DRAW.normal(size=tuple(map(int, item.shape))) if item.shape else 0.7 for item in program.inputs}
    variant, args, _ = program.bind(values)
    real = tuple(range(len(args)))
    function = ready(variant.function(kind, () if kind == "value" else real, 0, real if kind == "second" else ()))
    given: list[Any] = [*args, *(args if kind == "second" else ()), *((1.0,) if kind != "value" else ())]
    elements = written_out(function)
    assert elements is not None
    assert all(not p.type.shape for p in elements.params)
    flat = [part for value, p in zip(given, function.params, strict=True) for part in split(value, p.type.rank)]
    found = joiner(function)(Interpreter(elements, Limits()).run(flat))
    for got, want in zip(found, Interpreter(function, Limits()).run(given), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)


def test_reductions_of_elements_are_the_tables() -> None:
    variant, _, _ = adcli.compile("input v: [3]\noutput y = prod(v) + 10*max(v) + 100*min(v)").bind({"v": [1.0, 2.0, 3.0]})
    elements = written_out(ready(variant.function("value", of=0)))
    assert elements is not None
    assert Interpreter(elements, Limits()).run([3.0, 0.5, 7.0]) == [10.5 + 70 + 50]


@pytest.mark.parametrize("text", [
    "input v: [3]; input a\ns = a\nwhile s < 10 { s = s + sum(v^2) }\noutput y = s",
    "input v: [3]; input a\noutput y = if a > 0 { sum(v) } else { 2*a }",
    "input v: [3]; input a\noutput y = det(outer(v, v) + eye(3)*a)",
    "input v: [3]; input a\nfn f(n) = if n > 2 { a } else { f(n + 1)*v[0] }\noutput y = f(0)",
])  # fmt: skip
def test_what_is_no_straight_line_is_left(text: str) -> None:
    variant, _, _ = adcli.compile(text).bind({"v": [1.0, 2.0, 3.0], "a": 0.5})
    assert written_out(ready(variant.function("value", of=0))) is None


@pytest.mark.parametrize(
    "text", ["input v: [3000]\noutput y = sum(v)", "input v: [3]\ns = 0\nfor i in 0..3000 { s += v[0]*i }\noutput y = s"]
)
def test_what_is_long_is_left(text: str) -> None:
    program = adcli.compile(text)
    variant, _, _ = program.bind({"v": np.ones(tuple(map(int, program.inputs[0].shape or ())))})
    assert written_out(ready(variant.function("value", of=0))) is None


@EVERY
def test_many_features_are_run_as_arrays(engine: str) -> None:
    """More than vector code is written for, and more numbers than are held at once."""
    x, t = DRAW.normal(size=(40, 900)), (DRAW.normal(size=40) > 0).astype(float)
    program = adcli.compile("input w: [900]; input x: [900]; input t\nz = sum(w*x)\noutput l = softplus(z) - t*z")
    w = DRAW.normal(size=900) / 30
    value, g = Objective(program, {"x": x, "t": t}, {"w": w}, ["w"], engine=engine).gradient(w)
    z = x @ w
    assert value == pytest.approx(float(np.sum(np.logaddexp(0, z) - t * z)), rel=1e-12)
    np.testing.assert_allclose(g, x.T @ (1 / (1 + np.exp(-z)) - t), rtol=1e-10, atol=1e-12)


def test_blocks_of_rows_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    from adcli.engines.rows import sums

    whole = logistic("columns").gradient(W)
    monkeypatch.setattr(sums, "NUMBERS", 4 * 33)
    parts = logistic("columns").gradient(W)
    assert parts[0] == pytest.approx(whole[0], rel=1e-13)
    np.testing.assert_allclose(parts[1], whole[1], rtol=1e-12)
    assert parts[0] != whole[0] or parts[1].tobytes() != whole[1].tobytes()  # the sums were others
