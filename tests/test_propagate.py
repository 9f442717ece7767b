"""`propagate`: against formulas written out by hand, against Monte Carlo with a fixed seed, and what goes wrong with --at and --corr."""
from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import adcli
from adcli.api.propagate import propagate
from adcli.report.propagate import Output
from tests.invoke import invoke


def data(*words: str) -> Any:
    done = invoke(["propagate", *words, "--json"])
    assert done.code == 0, done.err
    return json.loads(done.out)


def output(text: str, at: dict[str, Any], spreads: dict[str, Any], *pairs: tuple[str, str, float]) -> Output:
    (found,) = propagate(adcli.compile(text), at, spreads, pairs)[0].outputs
    return found


def test_a_resistance() -> None:
    found = data("V/I", "--at", "V=5±0.1,I=2±0.05")["outputs"]["value"]
    assert found["value"] == 2.5
    assert found["uncertainty"] == 0.08003905296791061
    assert found["inputs"]["V"]["share"] == pytest.approx(0.05**2 / 0.08003905296791061**2)
    assert sum(i["share"] for i in found["inputs"].values()) == pytest.approx(1)
    assert found["inputs"]["V"]["elasticity"] == 1 and found["inputs"]["I"]["elasticity"] == -1
    correlated = data("V/I", "--at", "V=5+-0.1", "--at", "I=2+/-0.05", "--corr", "V,I=0.5")["outputs"]["value"]
    assert correlated["uncertainty"] == 0.057282196186948006


def test_against_monte_carlo() -> None:
    """200,000 samples of correlated normal inputs: the deviation is known to 1/sqrt(2 n), curvature adds less than that here."""
    text, at, spreads = "x*exp(-y) + sin(z)/x", {"x": 2.0, "y": 0.3, "z": 1.0}, {"x": 0.01, "y": 0.008, "z": 0.02}
    r = np.array([[1, 0.6, -0.2], [0.6, 1, 0.1], [-0.2, 0.1, 1]])
    u = np.array(list(spreads.values()))
    count = 200_000
    x, y, z = np.random.default_rng(7).multivariate_normal(list(at.values()), r * np.outer(u, u), count).T
    sampled = float(np.std(x * np.exp(-y) + np.sin(z) / x))
    found = output(text, at, spreads, ("x", "y", 0.6), ("x", "z", -0.2), ("y", "z", 0.1))
    assert found.uncertainty == pytest.approx(sampled, rel=4 / math.sqrt(2 * count))
    assert not found.curved


def test_the_second_order_of_a_square_is_exact() -> None:
    """x^2 of a normal x with mean 0 and deviation s has mean s^2 and deviation sqrt(2) s^2."""
    found = output("x^2", {"x": 0.0}, {"x": 0.1})
    assert found.uncertainty == 0.0 and found.curved and found.second is not None
    assert found.second.shift == pytest.approx(0.01)
    assert found.second.uncertainty == pytest.approx(math.sqrt(2) * 0.01)
    assert not output("x^2", {"x": 1.0}, {"x": 0.01}).curved


def test_the_second_order_with_correlations_against_monte_carlo() -> None:
    found = output("x*y + y^2", {"x": 0.0, "y": 0.0}, {"x": 0.3, "y": 0.2}, ("x", "y", 0.7))
    c = np.array([[0.09, 0.7 * 0.06], [0.7 * 0.06, 0.04]])
    x, y = np.random.default_rng(3).multivariate_normal([0, 0], c, 400_000).T
    assert found.second is not None
    assert found.second.shift == pytest.approx(float(np.mean(x * y + y**2)), rel=0.01)
    assert found.second.uncertainty == pytest.approx(float(np.std(x * y + y**2)), rel=0.01)


def test_covariances_of_several_outputs() -> None:
    found = data("output s = a + b; output p = a*b", "--at", "a=3±0.1,b=4±0.2", "--corr", "a,b=-0.3")
    c = np.array([[0.01, -0.3 * 0.02], [-0.3 * 0.02, 0.04]])
    j = np.array([[1, 1], [4, 3]])
    want = j @ c @ j.T
    for (a, row), wanted in zip(found["covariance"].items(), want, strict=True):
        assert list(row.values()) == pytest.approx(list(wanted)), a
    assert found["outputs"]["s"]["uncertainty"] == pytest.approx(math.sqrt(want[0, 0]))
    assert found["correlations"] == [["a", "b", -0.3]]


@pytest.mark.parametrize("at", ["w=[1,2]±[0.1,0.2]", "w=[1±0.1, 2±0.2]", "w=[1,2]+-[0.1,0.2]", "w = [1,2] ± [1/10, 0.2]"])
def test_arrays(at: str) -> None:
    found = data("sum(w^2)", "--at", at)["outputs"]["value"]
    assert found["uncertainty"] == pytest.approx(math.hypot(2 * 0.1, 4 * 0.2))
    assert list(found["inputs"]) == ["w[0]", "w[1]"]


def test_array_outputs_and_one_spread_for_all_elements() -> None:
    found = data("input a: [2, 2]; a @ [1, 2]", "--at", "a=[[1,2],[3,4]]±0.5", "--corr", "a[0,0],a[0,1]=1")["outputs"]
    assert found["value[0]"]["uncertainty"] == pytest.approx(1.5)
    assert found["value[1]"]["uncertainty"] == pytest.approx(math.hypot(0.5, 1.0))


def test_certain_inputs_and_files(tmp_path: Any) -> None:
    (tmp_path / "w.json").write_text("[1, 2]")
    found = data("c*sum(w)", "--at", f"w=@{tmp_path}/w.json±0.1,c=3")["outputs"]["value"]
    assert found["uncertainty"] == pytest.approx(0.3 * math.sqrt(2))
    assert data("x*y", "--at", "x=2±0,y=1±0.5")["outputs"]["value"]["uncertainty"] == 1.0


def test_loops_and_branches() -> None:
    found = output("y = x\nfor i in 0..3 { if y > 0 { y = y*y } else { y = -y } }\ny", {"x": 1.1}, {"x": 1e-3})
    assert found.uncertainty == pytest.approx(8 * 1.1**7 * 1e-3)


@pytest.mark.parametrize(("words", "said"), [
    (["--at", "x=1,y=2"], "no input has an uncertainty"), (["--at", "x=1±-1,y=2"], "no uncertainty of 'x'"),
    (["--at", "x=1±inf,y=2"], "no uncertainty of 'x'"), (["--at", "x=1±,y=2"], "nothing on one side"),
    (["--at", "x=±1,y=2"], "nothing on one side"), (["--at", "x=1±[1,2],y=2"], "shape [2]"),
    (["--at", "x=1±1,y=2", "--corr", "x,y=0.5"], "'y' has no uncertainty"), (["--at", "x=1±1,y=2±1", "--corr", "x,y=2"], "no correlation"),
    (["--at", "x=1±1,y=2±1", "--corr", "x,y"], "two names and a number"), (["--at", "x=1±1,y=2±1", "--corr", "x=0.5"], "two names"),
    (["--at", "x=1±1,y=2±1", "--corr", "x,x=0.5"], "given twice"),
    (["--at", "x=1±1,y=2±1", "--corr", "x,y=0.5", "--corr", "y,x=0.5"], "given twice"),
    (["--at", "x=1±1,y=2±1,q=1±1"], "no input 'q'"),
])  # fmt: skip
def test_usage_errors(words: list[str], said: str) -> None:
    done = invoke(["propagate", "x*y", *words])
    assert done.code == 2
    assert said in done.err and "help:" in done.err


def test_impossible_correlations() -> None:
    words = ["propagate", "a+b+c", "--at", "a=1±1,b=1±1,c=1±1", "--corr", "a,b=0.9", "--corr", "b,c=0.9", "--corr"]
    assert invoke([*words, "a,c=-0.9"]).code == 2
    assert invoke([*words, "a,c=0.62"]).code == 0  # the least possible is 2*0.81 - 1
    assert invoke([*words, "a,c=0.61"]).code == 2
    full = data("a-b", "--at", "a=1±1,b=1±1", "--corr", "a,b=1")["outputs"]["value"]
    assert full["uncertainty"] == 0.0


def test_other_commands_say_who_takes_uncertainties() -> None:
    done = invoke(["grad", "x^2", "--at", "x=5±0.1"])
    assert done.code == 2 and "propagate" in done.err
    assert invoke(["eval", "x", "--at", "x=5+-1"]).out == "4.0\n"


def test_infinite_derivatives_are_no_crash() -> None:
    found = data("sqrt(x)", "--at", "x=0±0.1")["outputs"]["value"]
    assert found["uncertainty"] is None
    assert data("sqrt(x) - sqrt(y)", "--at", "x=0±0.1,y=0±0.1", "--corr", "x,y=0.5")["flags"]


def test_from_python() -> None:
    f = adcli.compile("V/I")
    found = f.propagate({"V": 5, "I": 2}, {"V": 0.1, "I": 0.05}, [("V", "I", 0.5)])
    assert found.outputs[0].uncertainty == 0.057282196186948006
    assert f.roundoff(V=5, I=2).outputs[0].digits > 15


def test_strict_gives_no_result() -> None:
    done = invoke(["propagate", "abs(x)", "--at", "x=0±0.1", "--strict"])
    assert (done.code, done.out) == (5, "")
    assert "nondifferentiable" in invoke(["propagate", "abs(x)", "--at", "x=0±0.1"]).err


@pytest.mark.filterwarnings("error")
def test_uncertainties_whose_squares_overflow() -> None:
    """The first order stands, and so does the second where the curvature is 0."""
    done = invoke(["propagate", "x + y", "--at", "x=1±1e200,y=1±1e200", "--json"])
    found = json.loads(done.out)["outputs"]["value"]
    assert done.err == "" and found["uncertainty"] == pytest.approx(math.sqrt(2) * 1e200)
    assert found["second_order"]["needed"] is False
    done = invoke(["propagate", "x*y", "--at", "x=1±1e200,y=1±1e200", "--json"])
    assert done.err == "" and json.loads(done.out)["outputs"]["value"]["second_order"] is None
