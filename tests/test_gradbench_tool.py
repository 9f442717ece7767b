"""The GradBench tool over pipes, as GradBench speaks to it, against the reference answers; and the inputs made for comparisons."""
from __future__ import annotations

import json
import pathlib
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest

from benchmarks.gradbench import workloads
from benchmarks.gradbench.client import Client, ToolError
from tests.test_gradbench import case, near

ROOT = pathlib.Path(__file__).parent.parent


@pytest.fixture(scope="module", params=["interpret", "native"])
def tool(request: pytest.FixtureRequest) -> Iterator[Client]:
    if request.param == "native":
        pytest.importorskip("llvmlite", reason="the native engine needs llvmlite: pip install 'adcli[native]'")
    with Client([sys.executable, str(ROOT / "benchmarks" / "gradbench" / "tool.py"), "--engine", request.param]) as client:
        yield client


def answer(tool: Client, module: str, function: str, given: Any) -> Any:
    evaluation = tool.evaluate(module, function, given, runs=2)
    assert len(evaluation.nanoseconds) >= (2 if isinstance(given, dict) else 1)
    assert all(each > 0 for each in evaluation.nanoseconds)
    return evaluation.output


def test_the_protocol(tool: Client) -> None:
    assert tool.ask("start", eval="hello")["tool"] == "adcli"
    assert all(tool.define(module) for module in workloads.FUNCTIONS)
    assert not tool.define("nothing")
    known = tool.count
    assert tool.ask("analysis", of=2, valid=True) == {"id": known}
    assert tool.ask("something new") == {"id": known + 1}


def test_runs_until_both_bounds_are_reached(tool: Client) -> None:
    given = {"x": [1.0, 2.0]}
    assert len(tool.evaluate("lse", "primal", given, runs=5).nanoseconds) == 5
    assert sum(tool.evaluate("lse", "primal", given, runs=1, seconds=0.01).nanoseconds) >= 10**7


def test_what_cannot_be_done_is_said(tool: Client) -> None:
    wrong = ("lse", "hessian", {}), ("lse", "primal", {}), ("lse", "primal", {"x": [[1]]}), ("gmm", "objective", {})
    for module, function, given in wrong:
        with pytest.raises(ToolError, match=f"{module}::{function}: ."):
            tool.evaluate(module, function, given)
    assert tool.evaluate("lse", "primal", {"x": [0.0]}).output == 0


def test_hello(tool: Client) -> None:
    assert answer(tool, "hello", "square", 3.0) == 9
    assert answer(tool, "hello", "double", 9.0) == 18


@pytest.mark.parametrize(
    ("module", "name", "output", "by"),
    [("llsq", "llsq_n7_m4", "misfit", "x"), ("lse", "lse_n2500", "lse", "x"), ("det", "det_ell5", "determinant", "A")],
)
def test_numbers_and_gradients(tool: Client, module: str, name: str, output: str, by: str) -> None:
    want = case(name)
    near(answer(tool, module, "primal", want["input"]), want[output], 1e-12)
    near(answer(tool, module, "gradient", want["input"]), want["gradient"][by], 1e-10)


def test_ode(tool: Client) -> None:
    want = case("ode_n5_s10")
    near(answer(tool, "ode", "primal", want["input"]), want["y"], 1e-13)
    near(answer(tool, "ode", "gradient", want["input"]), want["gradient"]["x"], 1e-12)


def test_kmeans(tool: Client) -> None:
    want = case("kmeans_k3_n12_d2")
    near(answer(tool, "kmeans", "cost", want["input"]), want["cost"], 1e-12)
    near(answer(tool, "kmeans", "dir", want["input"]), want["dir"], 1e-12)


def test_gmm(tool: Client) -> None:
    want = case("gmm_seed31337_d2_k5_n10")
    given = {**want["input"], "d": 2, "k": 5, "n": 10}
    near(answer(tool, "gmm", "objective", given), want["gradbench"]["posterior"], 1e-12)
    got = answer(tool, "gmm", "jacobian", given)
    assert set(got) == {"alpha", "mu", "q", "l"}
    for part in got:
        near(got[part], want["gradbench"]["gradient"][part], 1e-10)


def test_lstm(tool: Client) -> None:
    want = case("lstm_l1_c4_b3")
    near(answer(tool, "lstm", "objective", want["input"]), want["loss"], 1e-12)
    parts = [np.ravel(want["gradient"][name]) for name in ("main_params", "extra_params")]
    near(answer(tool, "lstm", "jacobian", want["input"]), np.concatenate(parts), 1e-10)


def test_ba(tool: Client) -> None:
    """Five observations of three points by two cameras, all alike: the answer's lists end with the last entry of each."""
    want = case("ba")["cases"][0]
    one = want["input"]
    given = {"n": 2, "m": 3, "p": 5, "cam": one["cams"][0], "x": one["x"][0], "w": one["w"][0], "feat": one["feats"][0]}
    got = answer(tool, "ba", "objective", given)
    near(got["reproj_error"]["elements"], want["reproj_err"][0], 1e-10)
    near(got["w_err"]["element"], want["w_err"][0], 1e-10)
    assert (got["reproj_error"]["repeated"], got["w_err"]["repeated"]) == (5, 5)
    got = answer(tool, "ba", "jacobian", given)
    near(got["vals"], [*np.ravel(want["blocks"][0]), want["w_slope"][0]], 1e-10)
    columns = [*range(11), 22, 23, 24, 31]
    assert got["cols"] == [*columns, *columns, 35]
    assert got["rows"] == [*range(0, 151, 15), *range(151, 156), 155]


@pytest.mark.parametrize("kind", ["simple", "complicated"])
def test_ht(tool: Client, kind: str) -> None:
    want = case(f"ht_{kind}")
    one = want["input"]
    model = {name: one[name] for name in ("parents", "base_relatives", "inverse_base_absolutes", "base_positions", "weights", "triangles")}
    data = {"model": {**model, "is_mirrored": False}, "correspondences": one["correspondences"], "points": one["points"]}
    given = {"theta": one["theta"], "us": one["us"], "data": data}
    near(answer(tool, "ht", "objective", given), np.ravel(want["err"]), 1e-13)
    near(answer(tool, "ht", "jacobian", given), want["jacobian"], 1e-13)


@pytest.mark.parametrize(("name", "output"), [("saddle", "saddle"), ("particle", "control")])
def test_descents(tool: Client, name: str, output: str) -> None:
    want = case(name)
    near(answer(tool, name, "ff", want["input"]), want[output], 1e-12)


@pytest.mark.parametrize(("module", "name"), [("det", "det_ell5"), ("lse", "lse_n2500"), ("llsq", "llsq_n16_m128"),
                                              ("kmeans", "kmeans_k10_n1000_d8")])  # fmt: skip
def test_inputs_are_those_of_gradbench(module: str, name: str) -> None:
    """Its generators, its seed: the first workload is that of the reference answers."""
    _, given = next(workloads.workloads(module))
    assert given == case(name)["input"]


def test_mixtures_are_those_of_gradbench() -> None:
    given, want = workloads.mixture(10, 5, 100), case("gmm_seed31337_d10_k5_n100")["input"]
    assert {name: given[name] for name in want} == want


@pytest.mark.parametrize("module", ["ode", "lstm", "ba", "ht", "saddle", "particle", "hello"])
def test_inputs_are_json(module: str) -> None:
    for text, given in islice(workloads.workloads(module), 2):
        assert text and json.loads(json.dumps(given, allow_nan=False)) == given
