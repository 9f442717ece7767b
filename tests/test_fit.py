"""`fit`: certified results of reference data, and what a user meets at the command line."""

from __future__ import annotations

import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

import pytest

from tests.invoke import invoke

DATA = pathlib.Path(__file__).parent / "cases" / "fitting"
SETS = {one["name"]: one for one in json.loads((DATA / "nist.json").read_text())}


def digits(found: float, certified: float) -> float:
    """Correct digits: minus the logarithm of the relative error, at most the eleven that are certified."""
    apart = abs(found - certified) / abs(certified) if certified else abs(found)
    return 11.0 if apart == 0 else min(11.0, -math.log10(apart))


def fit(*words: str, code: int = 0) -> dict[str, Any]:
    done = invoke(["fit", *words, "--json"])
    assert done.code == code, done.err
    found: dict[str, Any] = json.loads(done.out)
    return found


def nist(one: Mapping[str, Any], start: str) -> dict[str, Any]:
    params = ",".join(f"{name}={value}" for name, value in one[start].items())
    return fit(one["model"], "--data", str(DATA / one["csv"]), "--target", one["response"], "--params", params)


@pytest.mark.parametrize("start", ["start1", "start2"])
@pytest.mark.parametrize("name", SETS)
def test_certified_values_of_nist(name: str, start: str) -> None:
    one = SETS[name]
    found = nist(one, start)
    assert found["converged"] is True
    assert found["dof"] == found["rows"] - len(one["certified"])  # not from the file: that of Rat43 says 9, and its deviation is of 11
    assert min(digits(found["params"][p], float(value)) for p, value in one["certified"].items()) >= 9
    assert min(digits(found["standard_errors"][p], float(value)) for p, value in one["certified_sd"].items()) >= 9
    assert digits(found["residual_sd"], float(one["residual_sd"])) >= 9
    assert digits(found["objective"], float(one["residual_sum_of_squares"])) >= 9


LONGLEY = [
    (-3482258.63459582, 890420.383607373), (15.0618722713733, 84.9149257747669), (-0.358191792925910e-01, 0.334910077722432e-01),
    (-2.02022980381683, 0.488399681651699), (-1.03322686717359, 0.214274163161675), (-0.511041056535807e-01, 0.226073200069370),
    (1829.15146461355, 455.478499142212),
]  # fmt: skip


@pytest.mark.parametrize("start", [0, 1, 1000])
def test_longley(start: float) -> None:
    model = "b[0] + b[1]*x1 + b[2]*x2 + b[3]*x3 + b[4]*x4 + b[5]*x5 + b[6]*x6"
    found = fit(model, "--data", str(DATA / "longley.csv"), "--target", "y", "--params", f"b={[start] * 7}")
    for value, error, (certified, deviation) in zip(found["params"]["b"], found["standard_errors"]["b"], LONGLEY, strict=True):
        assert value == pytest.approx(certified, rel=1e-13)
        assert error == pytest.approx(deviation, rel=1e-11)
    assert found["residual_sd"] == pytest.approx(304.854073561965, rel=1e-13)
    assert found["r_squared"] == pytest.approx(0.995479004577296, rel=1e-13)


@pytest.mark.parametrize("start", [0, 1, 5])
@pytest.mark.parametrize(("name", "base"), [("wampler1", 1.0), ("wampler2", 0.1)])
def test_wampler(name: str, base: float, start: float) -> None:
    model = "sum(b[k]*x^k for k in 0..6)"
    found = fit(model, "--data", str(DATA / f"{name}.csv"), "--target", "y", "--params", f"b={[start] * 6}")
    assert found["converged"] is True
    for k, value in enumerate(found["params"]["b"]):
        assert value == pytest.approx(base**k, rel=1e-12)
