"""Sparse Jacobians and Hessians: patterns that miss nothing, valid colourings, values of the dense result, few sweeps."""

from __future__ import annotations

import json
import math
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import adcli
from adcli.ad.sparsity import column_colours, direct, members, star_colours, sweeps
from adcli.api.variant import Variant
from adcli.engines.limits import Limits
from adcli.errors import AdcliError, LimitError
from tests.generated import points, programs
from tests.invoke import invoke

ROOMY = Limits(max_steps=100_000)


def stacked(found: dict[str, dict[str, Any]], shapes: dict[str, int]) -> np.ndarray[Any, Any]:
    """A dense Jacobian as one matrix: rows are the elements of the outputs, columns those of the inputs."""
    rows = [np.hstack([np.reshape(block, (shapes[name], -1)) for block in row.values()]) for name, row in found.items()]
    return np.vstack(rows)


def dense(program: adcli.Program, at: dict[str, Any]) -> np.ndarray[Any, Any]:
    values = program.value(at)
    outputs = values if isinstance(values, dict) else {program.outputs[0]: values}
    return stacked(program.jacobian(at), {name: np.size(value) for name, value in outputs.items()})


def dense_hessian(program: adcli.Program, at: dict[str, Any]) -> np.ndarray[Any, Any]:
    found = program.hessian(at)
    return stacked(found, {name: np.size(at[name]) for name in found})


def near(got: np.ndarray[Any, Any], want: np.ndarray[Any, Any]) -> bool:
    scale = max(1.0, float(np.nanmax(np.abs(want), initial=0.0, where=np.isfinite(want))))
    return got.shape == want.shape and bool(np.allclose(got, want, rtol=1e-13, atol=1e-14 * scale, equal_nan=True))


def place(program: adcli.Program, point: list[float]) -> dict[str, Any]:
    """The point of a generated program."""
    known = {"x": point[0], "y": point[1], "v": np.array(point[2:]), "n": 3}
    return {given.name: known[given.name] for given in program.inputs}


@given(programs(), points())
def test_jacobians_of_generated_programs_are_those_of_the_dense_ones(text: str, point: list[float]) -> None:
    program = adcli.compile(text + "output a\noutput t\n", limits=ROOMY)
    at = place(program, point)
    try:
        want = dense(program, at)
    except AdcliError:
        assume(False)
    assume(bool(np.isfinite(want).all()))
    assert near(program.jacobian(at, sparse=True).dense(), want), text


@given(programs(), points())
def test_hessians_of_generated_programs_are_those_of_the_dense_ones(text: str, point: list[float]) -> None:
    program = adcli.compile(text, limits=ROOMY)
    at = place(program, point)
    try:
        want = dense_hessian(program, at)
    except AdcliError:
        assume(False)
    assume(bool(np.isfinite(want).all()) and float(np.abs(want).max()) < 1e6)
    got = program.hessian(at, sparse=True)
    assert np.array_equal(got.dense(), got.dense().T)
    assert near(got.dense(), want), text


ARRAY_PROGRAMS = [
    "A*2 + v", "A@v", "v@A", "A@A", "outer(v, w)", "dot(v, w)", "sum(A)", "sum(A, axis=0)", "max(A, axis=1)", "max(v)", "norm(A)",
    "softmax(A)", "softmax(v)", "logsumexp(A, axis=0)", "cumsum(v)", "A'", "A[1, ..]", "A[.., 2]", "v[.. step -1]", "diag(v)", "diag(A)",
    "[v, w]", "concat([v, w*v])", "reshape(A, 9)", "trace(A)", "mean(A, axis=1)", "where(v > w, v*v, w)", "v^2 + w/v", "v[1..3]", "prod(v)",
    "linspace(v[0], v[2], 4)", "full(v[1], 2, 2)", "tril(A)", "cross(v, w)", "var(v)", "A + v'*1", "sort(v)", "cumprod(v)",
    "B = A; B[1, ..] = v; B[0, 2] += w[0]*w[1]; B", "c = zeros(3); for i in 0..3 { c[i] = v[2 - i]*w[i] }; c", "stop(v)*w", "atan2(v, w)",
    "c = [0, 0, 0]; for i in 0..2 { c[i + 1] = c[i]*v[i] + w[i] }; c", "fn f(a) { if a[0] > 0 { return a*a }; return a }; [f(v), f(-v)]",
    "x = v; y = x; y[0] = w[0]; [x, y]", "pow(v, w)", "hypot(v, w)", "clip(v, w, 9)", "inv(A)", "det(A)", "solve(A, v)", "logdet(A'@A)",
    "[grad(z -> z*z*v[1], v[0]), w[0]]", "grad(z -> sum(z*z*w), v)", "polygamma(2, v)",
    "fn f(a) { a*a }; rule f(a) { da = 2*a }; f(v)*w", "fn f(a, b) = a + b; rule f(a, b) { da = b; db = a }; [f(v[0], w[1]), v[2]]",
    "i = 0; while v[i] < 2 { i += 1 }; [v[i], w[i]*w[0]]",
]  # fmt: skip
AT = {"A": np.array([[4.0, 1, 0.5], [2, 3, 0.25], [1, 0.5, 5]]), "v": np.array([0.75, 1.5, 2.25]), "w": np.array([1.25, 0.5, 1.75])}


@pytest.mark.parametrize("text", ARRAY_PROGRAMS)
def test_jacobians_and_hessians_of_array_operations(text: str) -> None:
    program = adcli.compile(f"input A: [3, 3]; input v: [3]; input w: [3]; {text}")
    assert near(program.jacobian(AT, sparse=True).dense(), dense(program, AT))
    *before, last = text.split("; ")
    summed = adcli.compile(f"input A: [3, 3]; input v: [3]; input w: [3]; {'; '.join([*before, f'r = {last}'])}; sum(sin([r]))")
    assert near(summed.hessian(AT, sparse=True).dense(), dense_hessian(summed, AT))


def rows_of(seed: int, columns: int, count: int) -> list[list[int]]:
    r = random.Random(seed)
    return [sorted(r.sample(range(columns), min(columns, r.choice([0, 1, 2, 2, 3, columns])))) for _ in range(count)]


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(0, 12))
def test_no_row_has_two_entries_of_one_colour(seed: int, columns: int, count: int) -> None:
    rows = rows_of(seed, columns, count)
    colours = column_colours(rows, columns)
    assert all(len({colours[c] for c in row}) == len(row) for row in rows)
    assert sweeps(colours) <= columns
    assert {c for c in range(columns) if colours[c] >= 0} == {c for row in rows for c in row}


@given(st.integers(0, 10**6), st.integers(1, 9))
def test_star_colourings(seed: int, n: int) -> None:
    r = random.Random(seed)
    edges = {(i, j) for i in range(n) for j in range(i) if r.random() < 0.4}
    rows = [sorted({i for i in [v] if r.random() < 0.8} | {a + b - v for a, b in edges if v in (a, b)}) for v in range(n)]
    colours = star_colours(rows)
    assert all(colours[a] != colours[b] for a, b in edges)
    near_to = [[w for w in row if w != v] for v, row in enumerate(rows)]
    for a, b in edges:
        for c in near_to[a]:
            for d in near_to[b]:
                if len({a, b, c, d}) == 4:
                    assert len({colours[k] for k in (a, b, c, d)}) > 2
    matrix = np.array([[r.random() if j in rows[i] else 0.0 for j in range(n)] for i in range(n)])
    matrix = np.triu(matrix) + np.triu(matrix, 1).T
    products = [matrix @ (np.array(colours) == c) for c in range(sweeps(colours))]
    for i, j, k, c in direct(rows, colours):
        assert products[c][k] == pytest.approx(matrix[i, j], rel=1e-12)


def test_members() -> None:
    assert list(members(0b1011 | 1 << 200)) == [0, 1, 3, 200]


TRIDIAGONAL = "input x: [n]; y = 2*x; for i in 1..n { y[i] -= x[i-1]^2 }; for i in 0..n-1 { y[i] += sin(x[i+1]) }; output y"
ARROW = "input x: [n]; s = x[0]^2; for i in 1..n { s += x[0]*x[i]^2 + x[i]^3 }; s"
REVERSED_ARROW = "input x: [n]; last = x[n-1]; s = exp(last); for i in 0..n-1 { s += last*sin(x[i]) }; s"


def test_a_tridiagonal_jacobian_takes_three_sweeps() -> None:
    x = np.linspace(0.1, 1, 1000)
    found = adcli.compile(TRIDIAGONAL).jacobian(x=x, sparse=True)
    assert (found.sweeps, found.mode, found.shape, len(found)) == (3, "forward", (1000, 1000), 2998)
    want = np.diag(np.full(1000, 2.0)) + np.diag(np.cos(x[1:]), 1) + np.diag(-2 * x[:-1], -1)
    assert np.allclose(found.dense(), want, rtol=1e-15)


@pytest.mark.parametrize("text", [ARROW, REVERSED_ARROW])
def test_an_arrow_hessian_takes_two_products(text: str) -> None:
    found = adcli.compile(text).hessian(x=np.linspace(0.1, 1, 1000), sparse=True)
    assert found.sweeps == 2
    assert len(found) in (2998, 2999)


def test_values_of_the_arrow() -> None:
    x = np.linspace(0.1, 1, 12)
    for text in (ARROW, REVERSED_ARROW):
        program = adcli.compile(text)
        assert np.array_equal(program.hessian(x=x, sparse=True).dense(), program.hessian(x=x)["x"]["x"])


def test_a_dense_row_is_a_matter_for_reverse_sweeps() -> None:
    found = adcli.compile("input x: [n]; output s = sum(x^2); output y = 3*x").jacobian(x=np.arange(1.0, 101), sparse=True)
    assert (found.mode, found.sweeps) == ("reverse", 2)
    assert np.array_equal(found.dense(), np.vstack([2 * np.arange(1.0, 101), 3 * np.eye(100)]))


def test_the_pattern_is_that_of_the_path_that_ran() -> None:
    program = adcli.compile("if x > 0 { x*y } else { z }")
    assert [entry[1] for entry in program.jacobian(x=1, y=2, z=3, sparse=True).entries()] == ["x", "y"]
    assert [flag.code for flag in program.flags] == ["no-path"]
    assert [entry[1] for entry in program.jacobian(x=-1, y=2, z=3, sparse=True).entries()] == ["z"]


def test_entries_that_happen_to_be_zero_stay() -> None:
    assert list(adcli.compile("x*y").jacobian(x=0, y=0, sparse=True).entries()) == [("value", "x", 0.0), ("value", "y", 0.0)]


def test_a_column_that_does_not_move_leaves_no_nan() -> None:
    """0 times the infinite derivative of an element that is not in the direction."""
    program = adcli.compile("sum(sqrt(x)*[1, 2])")
    assert list(program.jacobian(x=[0, 4], sparse=True).entries()) == [("value", "x[0]", math.inf), ("value", "x[1]", 0.5)]


@pytest.mark.parametrize("text", ["output a = x*y; output b = [x, y^2]", "v = [x, y, z]; output s = sum(v); output t = x*z"])
def test_a_dense_jacobian_takes_a_sweep_for_each_column_or_row(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two columns and three rows, then three and two: the value and two sweeps."""
    counted: list[str] = []
    plain = Variant.run

    def counting(self: Variant, args: Any, kind: str = "value", *rest: Any, **named: Any) -> Any:
        counted.append(kind)
        return plain(self, args, kind, *rest, **named)

    monkeypatch.setattr(Variant, "run", counting)
    program = adcli.compile(text)
    program.jacobian(**{given.name: 1.5 + k for k, given in enumerate(program.inputs)})
    assert len(counted) == 3 and len(set(counted)) == 2


def test_nothing_to_differentiate() -> None:
    found = adcli.compile("input n: int; output k = n + 1; output y = 2*n").jacobian(n=2, sparse=True)
    assert (found.shape, len(found), found.sweeps) == ((2, 0), 0, 0)
    assert len(adcli.compile("2*x + y").hessian(x=1, y=2, sparse=True)) == 0
    assert len(adcli.compile("x > 1").jacobian(x=1, sparse=True)) == 0


def test_limits_hold() -> None:
    with pytest.raises(LimitError):
        adcli.compile("y = x; for i in 0..100 { y = sin(y) }; y", limits=Limits(max_steps=50)).jacobian(x=1, sparse=True)
    with pytest.raises(LimitError):
        adcli.compile("sum(x)", limits=Limits(max_memory=10**6)).jacobian(x=np.ones(10_000), sparse=True)


def test_numbers_that_are_not_finite_have_flags() -> None:
    done = invoke(["jacobian", "[1/x, y]", "--at", "x=0,y=1", "--sparse", "--json"])
    data = json.loads(done.out)
    assert data["values"] == [None, 1.0]
    assert next(flag["is"] for flag in data["flags"] if flag.get("at") == "values[0]") == "-inf"


def test_the_command_line() -> None:
    words = ["jacobian", "output a = x*y; output b = [x^2, 3]", "--at", "x=2,y=5", "--sparse"]
    assert invoke(words).out == "a\tx\t5.0\na\ty\t2.0\nb[0]\tx\t4.0\n"
    assert invoke([*words, "--to", "csv"]).out == "row,column,value\na,x,5.0\na,y,2.0\nb[0],x,4.0\n"
    assert invoke([*words, "--of", "b"]).out == "b[0]\tx\t4.0\n"
    assert invoke([*words, "--wrt", "y"]).out == "a\ty\t2.0\n"
    assert invoke([*words, "--get", "b[0],x"]).out == "4.0\n"
    assert "sweeps: 2\n" in invoke([*words, "-v"]).err
    data = json.loads(invoke([*words, "--json"]).out)
    assert (data["shape"], data["sweeps"], data["outputs"]) == ([3, 2], 2, {"a": 10.0, "b": [4.0, 3.0]})
    assert not math.isnan(sum(data["values"]))


def test_the_command_line_for_hessians() -> None:
    done = invoke(["hessian", "x^2*y", "--at", "x=1,y=2", "--sparse", "--to", "markdown"])
    assert done.out == "| row  | column | value |\n| ---- | ------ | ----: |\n| x    | x      |   4.0 |\n| x    | y      |   2.0 |\n" + \
        "| y    | x      |   2.0 |\n"  # fmt: skip
