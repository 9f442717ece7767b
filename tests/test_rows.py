"""Programs over columns: the engines agree with the interpreter in every row, and `batch` with single points."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import adcli
from adcli import ops
from adcli.api.batch import Batch
from adcli.engines.flags import Flag
from adcli.engines.limits import Limits
from adcli.engines.rows import RowsResult, engine
from adcli.engines.rows.auto import AutoRows
from adcli.engines.rows.columns import TILE, ColumnRows, straight
from adcli.engines.rows.interpret import InterpretRows
from adcli.errors import IndexOutOfRange, LimitError, UsageError
from adcli.ir.build import Builder
from adcli.ir.nodes import Block, Function, Var
from adcli.ir.types import REAL
from tests.invoke import invoke
from tests.test_ops import ELEMENTWISE, samples

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.0, 1e-300, 1e300, -1e300, 800.0, math.inf, -math.inf, math.nan]


def columns_and_rows(function: Function, values: list[Any], rows: int) -> tuple[RowsResult, RowsResult]:
    assert straight(function)
    limits = Limits()
    return ColumnRows(function, limits).run(values, rows), InterpretRows(function, limits).run(values, rows)


def counts(result: RowsResult) -> dict[object, int]:
    return {(flag.code, flag.op, flag.span): count for flag, count in result.flags.items()}


def same(a: RowsResult, b: RowsResult, ulps: float = 4) -> None:
    assert {row: str(error) for row, error in a.failed.items()} == {row: str(error) for row, error in b.failed.items()}
    assert counts(a) == counts(b)
    for x, y in zip(a.results, b.results, strict=True):
        assert x.dtype == y.dtype
        if x.dtype.kind != "f":
            assert (x == y).all()
            continue
        assert (np.isnan(x) == np.isnan(y)).all() and (np.isinf(x) == np.isinf(y)).all()
        finite = np.isfinite(x)
        assert (x[~finite & ~np.isnan(x)] == y[~finite & ~np.isnan(x)]).all()
        assert (np.abs(x[finite] - y[finite]) <= ulps * np.spacing(np.abs(y[finite]))).all()


@pytest.mark.parametrize("op", [op for op in ELEMENTWISE if not op.attrs], ids=lambda op: op.name)
def test_operations_over_columns(op: ops.Op) -> None:
    points = [p for p in samples(op, 40) if all(isinstance(x, float) for x in p)] or [(1.0,) * len(op.args)]
    points += [tuple(SPECIAL[(k * 5 + j * 3) % len(SPECIAL)] for j in range(len(op.args))) for k in range(13)]
    params = [Var(REAL) for _ in op.args]
    b = Builder()
    if op.name == "select":
        out = b.let("select", b.let("gt", params[0], params[1]), params[1], params[2])
    else:
        out = b.let(op.name, *params)
    function = Function("f", tuple(params), Block(b.block.statements, (out,)))
    if not straight(function):
        pytest.skip("not of reals alone")
    same(*columns_and_rows(function, [np.array(column) for column in zip(*points, strict=True)], len(points)))


PROGRAMS = [
    "x*y + sin(x)", "abs(x)^2 + relu(y)", "x/y", "ln(x)*y", "where(x > y, sqrt(x), y^3)", "max(x, y)*min(x, 2)", "exp(x*y)",
    "floor(x)*y", "x^y", "atan2(x, y)", "a = x + 1; b = a*a; b/(b + y)", "sigmoid(x) + softplus(y) + tanh(x*y)", "x^n", "n*x + y",
    "clip(x, 0, 1)*y", "hypot(x, y)", "1/(1/x)",
]  # fmt: skip
NUMBERS = st.one_of(st.sampled_from(SPECIAL), st.floats(-50, 50))


@pytest.mark.parametrize("text", PROGRAMS)
@pytest.mark.parametrize("kind", ["eval", "grad", "hessian"])
@given(rows=st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=20))
def test_engines_agree(text: str, kind: str, rows: list[tuple[float, float]]) -> None:
    text = ("input n: int; " if "n*" in text or "^n" in text else "") + text
    f = adcli.compile(text)
    names = [i.name for i in f.inputs]
    data = {name: np.array([row[k] for row in rows]) for k, name in enumerate(n for n in names if n != "n")}
    point = {"n": 3} if "n" in names else {}
    done = {}
    for name in ("auto", "interpret"):
        made = Batch(f, kind, dict.fromkeys(data, ()), point, engine=name)
        done[name] = made.run(data, len(rows))
    auto, plain = (RowsResult(r.columns, r.failed, r.flags) for r in done.values())
    assert counts(auto) == counts(plain)
    for a, b in zip(auto.results, plain.results, strict=True):
        assert np.allclose(a, b, rtol=1e-12, atol=1e-300, equal_nan=True) or cancels(a, b)


def cancels(a: Any, b: Any) -> bool:
    """Sums of large terms that cancel lose the digits in which library functions differ."""
    return bool(np.allclose(a, b, rtol=1e-9, atol=1e-9, equal_nan=True))


def test_engines_are_chosen() -> None:
    limits = Limits()
    f = adcli.compile("x^2")
    straight_line = f.bind({"x": 1.0})[0].function("value")
    looped = adcli.compile("y = x; while y > 1 { y = y/2 }; y").bind({"x": 1.0})[0].function("value")
    columns, one_by_one = engine("auto", straight_line, limits), engine("auto", looped, limits)
    assert isinstance(columns, AutoRows) and isinstance(columns.first, ColumnRows)
    assert isinstance(one_by_one, AutoRows) and isinstance(one_by_one.first, InterpretRows)
    assert isinstance(engine("interpret", straight_line, limits), InterpretRows)


def test_many_tiles_and_threads() -> None:
    n = 3 * TILE + 17
    x = np.linspace(-2, 2, n)
    x[5], x[TILE + 3] = 0.0, math.nan
    f = adcli.compile("abs(x)*y + exp(y)")
    one = f.batch({"x": x}, "grad", at={"y": 2.0})
    flags = f.flags
    many = f.batch({"x": x}, "grad", at={"y": 2.0}, jobs=3)
    assert all(np.array_equal(one[name], many[name], equal_nan=True) for name in one)
    assert [(f.code, f.op) for f in flags] == [("nondifferentiable", "abs"), ("domain", "x")] and flags == f.flags
    assert np.allclose(one["d_x"], np.sign(x) * 2, equal_nan=True)


def test_rows_that_fail_do_not_stop_the_others() -> None:
    f = adcli.compile("v = [1, 2, 3]; v[int(x)]*x")
    made = Batch(f, "grad", {"x": ()}, {})
    done = made.run({"x": np.array([0.0, 7.0, 2.0])}, 3)
    assert list(done.failed) == [1] and isinstance(done.failed[1], IndexOutOfRange)
    assert done.columns[0].tolist() == [0.0, 0.0, 6.0] and done.columns[1].tolist() == [1.0, 0.0, 3.0]


def test_limits_are_of_a_row() -> None:
    f = adcli.compile("y = 0; while y < x { y = y + 1 }; y*x", limits=Limits(max_steps=10))
    done = Batch(f, "grad", {"x": ()}, {}).run({"x": np.array([9.0, 11.0, 10.0])}, 3)
    assert list(done.failed) == [1] and isinstance(done.failed[1], LimitError)


def test_a_tape_too_large_is_tried_with_snapshots() -> None:
    f = adcli.compile("y = x; for i in 0..3000 { y = sin(y) + x*y }; y", limits=Limits(max_memory=20_000))
    full = adcli.compile("y = x; for i in 0..3000 { y = sin(y) + x*y }; y")
    assert f.batch({"x": [0.1, 0.2]}, "grad")["d_x"].tolist() == full.batch({"x": [0.1, 0.2]}, "grad")["d_x"].tolist()


TEXT = "output p = sum(w^2)*x; output q = exp(x) + w[0]*n^2; input n = 2"
POINTS = [{"w": [1.0, 2.0], "x": 0.5}, {"w": [-1.0, 0.25], "x": 2.0}]


def test_rows_are_single_points() -> None:
    f = adcli.compile(TEXT)
    data = {"w": [p["w"] for p in POINTS], "x": [p["x"] for p in POINTS]}
    found = f.batch(data, "grad")
    assert list(found) == ["p", "q", "d_p_w[0]", "d_p_w[1]", "d_p_x", "d_p_n", "d_q_w[0]", "d_q_w[1]", "d_q_x", "d_q_n"]
    one = f.batch(data, "grad", of="q", wrt=["x"])
    assert list(one) == ["value", "d_x"]
    for row, point in enumerate(POINTS):
        for of in ("p", "q"):
            slopes = f.gradient(point, of=of)
            assert found[f"d_{of}_x"][row] == slopes["x"] and found[f"d_{of}_n"][row] == slopes["n"]
            assert [found[f"d_{of}_w[{k}]"][row] for k in (0, 1)] == slopes["w"].tolist()
        assert one["d_x"][row] == f.gradient(point, of="q")["x"]
    assert list(f.batch(data, "eval")) == ["p", "q"]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_modes_agree(mode: str) -> None:
    f = adcli.compile("sum(w)*x + x^3")
    made = Batch(f, "grad", {"w": (3,), "x": ()}, {}, mode=mode)
    done = made.run({"w": np.arange(6.0).reshape(2, 3), "x": np.array([2.0, 3.0])}, 2)
    found = dict(zip(made.names, done.columns, strict=True))
    assert found["d_w[2]"].tolist() == [2.0, 3.0] and found["d_x"].tolist() == [15.0, 39.0] and found["value"].tolist() == [14.0, 63.0]


def test_hessians_are_those_of_single_points() -> None:
    f = adcli.compile("x^2*y*w[0] + sum(w^3)*y")
    data = {"x": [1.0, 2.0], "y": [3.0, -1.0], "w": [[1.0, 2.0], [0.5, 0.0]]}
    found = f.batch(data, "hessian")
    assert [name for name in found if name.startswith("d2")][:5] == ["d2_x_x", "d2_x_y", "d2_x_w[0]", "d2_x_w[1]", "d2_y_y"]
    for row in range(2):
        want = f.hessian({name: column[row] for name, column in data.items()})
        assert found["d2_x_y"][row] == want["x"]["y"] and found["d2_w[0]_w[1]"][row] == want["w"]["w"][0, 1]
        assert found["d2_w[1]_w[1]"][row] == want["w"]["w"][1, 1] and found["d2_y_w[1]"][row] == want["y"]["w"][1]


def test_directions() -> None:
    f = adcli.compile("output a = x*y; output b = sin(x)")
    found = f.batch({"x": [1.0, 2.0]}, "jvp", at={"y": 3.0}, along={"x": 1.0, "y": 2.0})
    assert list(found) == ["a", "b", "d_a", "d_b"] and found["d_a"].tolist() == [5.0, 7.0]
    assert list(f.batch({"x": [1.0]}, "jvp", at={"y": 3.0}, along={"x": 1.0}, of="a")) == ["value", "tangent"]


def test_outputs_that_are_arrays_integers_and_truth_values() -> None:
    f = adcli.compile("input k: int; output a = [x, 2*x]; output i = k//2; output t = x > 1")
    found = f.batch({"x": [1.0, 2.0], "k": [5, -5]}, "eval")
    assert {name: column.tolist() for name, column in found.items()} == {
        "a[0]": [1.0, 2.0], "a[1]": [2.0, 4.0], "i": [2, -3], "t": [False, True],
    }  # fmt: skip


def test_no_path_and_attribution() -> None:
    f = adcli.compile("sqrt(x) + 0*floor(y)")
    f.batch({"x": [0.0, 1.0, 0.0], "y": [0.5, 0.5, 0.5]}, "grad")
    assert {(flag.code, flag.op) for flag in f.flags} >= {("singular", "sqrt")}
    f = adcli.compile("x^2 + 0*y")
    f.batch({"x": [1.0], "y": [1.0]}, "grad", wrt=["x", "y"])
    single = adcli.compile("x^2 + 0*y")
    single.gradient(x=1.0, y=1.0)
    assert f.flags == single.flags


def test_flags_count_rows() -> None:
    f = adcli.compile("abs(x)")
    done = Batch(f, "grad", {"x": ()}, {}).run({"x": np.array([0.0, 1.0, 0.0, -2.0])}, 4)
    assert [(flag.code, count) for flag, count in done.flags.items()] == [("nondifferentiable", 2)]
    strict = Batch(f, "grad", {"x": ()}, {}, strict=True).run({"x": np.array([0.0, 1.0, 0.0, -2.0])}, 4)
    assert sorted(strict.failed) == [0, 2] and not strict.flags


def test_flags_are_merged_by_place() -> None:
    result = RowsResult([])
    result.count({Flag("singular", "ln", None, "first"): 2})
    result.count({Flag("singular", "ln", None, "second"): 3})
    assert result.flags == {Flag("singular", "ln", None, "first"): 5}


@pytest.mark.parametrize(
    ("data", "kind", "said"),
    [
        ({"x": [1.0], "y": [1.0, 2.0]}, "grad", "one length"), ({"x": 1.0, "y": [1.0]}, "grad", "one length"), ({}, "grad", "one length"),
        ({"x": [1.0], "y": [1.0]}, "gradient", "kind"), ({"x": [1.0]}, "grad", "'y'"),
    ],
)  # fmt: skip
def test_wrong_data(data: dict[str, Any], kind: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        adcli.compile("x*y").batch(data, kind)


def test_results_whose_size_only_the_run_knows() -> None:
    with pytest.raises(UsageError, match="size"):
        adcli.compile("input n: int; linspace(0, 1, n)").batch({"n": [2, 3]}, "eval")
    assert adcli.compile("input n: int; sum(linspace(0, 1, n))").batch({"n": [2, 3]}, "eval")["value"].tolist() == [1.0, 1.5]




@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize(
    "text", ["z = sqrt(y); (if x > 100 { x + z } else { x }) + sqrt(x)", "sqrt(if x > 100 { x } else { y })", "sum(sqrt([x + 2, y]))"]
)
def test_rows_where_one_mode_meets_no_infinity(text: str, mode: str) -> None:
    """A zero without a path times infinity is nan in one mode alone; rows give what a single point gives, in second derivatives too."""
    rows = [(3, 0), (3, 4), (-1, 0), (0, 0), (0, 9)]
    table = "x,y\n" + "\n".join(f"{x},{y}" for x, y in rows)
    found = invoke(["grad", text, "--data", "-", "--mode", mode, "--only-results", "-q"], stdin=table).out.splitlines()
    second = invoke(["hessian", text, "--data", "-", "--only-results", "-q"], stdin=table).out.splitlines()
    names, f = found[0].split(","), adcli.compile(text)
    for k, (x, y) in enumerate(rows, 1):
        row = dict(zip(names, map(float, found[k].split(",")), strict=True))
        slopes = f.gradient(x=x, y=y, mode=mode)
        assert {"x": row["d_x"], "y": row["d_y"]} == pytest.approx(slopes, nan_ok=True)
        curved = dict(zip(second[0].split(","), map(float, second[k].split(",")), strict=True))
        mixed = next(curved[name] for name in ("d2_x_y", "d2_y_x") if name in curved)
        assert mixed == pytest.approx(f.hessian(x=x, y=y)["x"]["y"], nan_ok=True)
