"""`fit`: certified results of reference data, and what a user meets at the command line."""

from __future__ import annotations

import json
import math
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from scipy.optimize import nnls

import adcli
from adcli.errors import UsageError
from tests import fitting_page
from tests.fitting_page import DATA, SETS, digits
from tests.invoke import invoke


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


LINE = "x,y,s\n1,2,1\n2,4.1,1\n3,5.9,2\n4,8.05,1\n5,10.2,0.5\n"


@pytest.fixture
def line(tmp_path: pathlib.Path) -> str:
    (tmp_path / "line.csv").write_text(LINE)
    return str(tmp_path / "line.csv")


def test_weights_multiply_squares(line: str) -> None:
    """Against the normal equations; standard errors have the variance of the weighted residuals."""
    found = fit("a + b*x", "--data", line, "--target", "y", "--weights", "1/s^2", "--params", "a=0,b=0")
    x, y, w = np.arange(1, 6), np.array([2, 4.1, 5.9, 8.05, 10.2]), 1 / np.array([1, 1, 2, 1, 0.5]) ** 2
    design = np.stack([np.ones(5), x], 1)
    normal = design.T @ (design * w[:, None])
    at = np.linalg.solve(normal, design.T @ (w * y))
    squares = float(w @ (y - design @ at) ** 2)
    assert [found["params"]["a"], found["params"]["b"]] == pytest.approx(at, rel=1e-12)
    assert found["objective"] == pytest.approx(squares, rel=1e-10)
    errors = np.sqrt(np.diag(np.linalg.inv(normal)) * squares / 3)
    assert [found["standard_errors"]["a"], found["standard_errors"]["b"]] == pytest.approx(errors, rel=1e-10)
    t = 3.182446305284263  # Student's, 3 degrees of freedom, 95 %
    assert found["confidence"]["intervals"]["b"] == pytest.approx([at[1] - t * errors[1], at[1] + t * errors[1]], rel=1e-10)
    correlation = np.linalg.inv(normal)[0, 1] / np.sqrt(np.prod(np.diag(np.linalg.inv(normal))))
    assert found["correlation"]["a"]["b"] == pytest.approx(correlation, rel=1e-10)


def test_a_row_of_weight_zero_does_not_count(line: str) -> None:
    found = fit("a + b*x", "--data", line, "--target", "y", "--weights", "if x > 3 {0} else {1}", "--params", "a=0,b=0")
    assert found["dof"] == 1
    slope = (5.9 - 2) / 2
    assert found["params"]["b"] == pytest.approx(slope, rel=1e-12)
    gap = fit("a + b*x + log(4 - x)*0", "--data", line, "--target", "y", "--weights", "x < 4", "--params", "a=0,b=0")
    assert gap["params"]["b"] == pytest.approx(slope, rel=1e-12)


BOUNDED = [("a=0:1.5", 1.5, 1.55), ("a=3:", 3.0, -2.95), ("a=0:3", 2.035, -0.055), ("c=0:,a=0:", 2.02, 0.0)]


@pytest.mark.parametrize(("bounds", "a", "c"), BOUNDED)
def test_bounds(line: str, bounds: str, a: float, c: float) -> None:
    start = "a=3,c=0.5" if "3:" in bounds else "a=1,c=0.5"
    found = fit("a*x + c", "--data", line, "--target", "y", "--params", start, "--bounds", bounds)
    assert found["converged"] is True
    assert [found["params"]["a"], found["params"]["c"]] == pytest.approx([a, c], rel=1e-12)
    assert (found["standard_errors"]["a"] is None) == (a in (1.5, 3.0))


@pytest.mark.parametrize("what", [["--target", "y"], ["--loss", "(y - value)^2"]])
def test_a_start_outside_the_bounds_begins_on_the_nearest(line: str, what: list[str]) -> None:
    words = ["a*x", "--data", line, *what, "--bounds", "a=1:3"]
    inside, outside = (fit(*words, "--params", f"a={start}") for start in (3, 7))
    assert [(flag["code"], flag["op"]) for flag in outside.pop("flags")] == [("start-moved", "a")]
    assert inside.pop("flags") == [] and inside == outside


def test_fixed_parameters(line: str) -> None:
    found = fit("a*x + w[0]*w[1]", "--data", line, "--target", "y", "--params", "a=1,w=[1,2]", "--fix", "w[1]=0.5")
    assert found["params"]["w"] == [pytest.approx(-0.11, rel=1e-10), 0.5]
    assert found["fixed"] == {"w[1]": 0.5}
    assert found["standard_errors"]["w"][1] is None
    assert found["dof"] == 3
    held = fit("a*x + c", "--data", line, "--target", "y", "--params", "a=1", "--fix", "c=0.1")
    assert held["params"] == {"a": pytest.approx(np.dot(np.arange(1, 6), [1.9, 4, 5.8, 7.95, 10.1]) / 55, rel=1e-12)}


def test_parameters_that_cannot_be_told_apart(line: str) -> None:
    done = invoke(["fit", "a*x + b*x + c", "--data", line, "--target", "y", "--params", "a=1,b=1,c=0", "--json"])
    found = json.loads(done.out)
    assert found["undetermined"] == [["a", "b"]]
    assert found["params"]["a"] + found["params"]["b"] == pytest.approx(2.035, rel=1e-12)
    assert found["standard_errors"] == {"a": None, "b": None, "c": pytest.approx(0.1176506126914201, rel=1e-10)}
    assert found["dof"] == 3
    assert "do not tell a and b apart" in done.err
    nothing = json.loads(invoke(["fit", "a*x + 0*b", "--data", line, "--target", "y", "--params", "a=1,b=1", "--json"]).out)
    assert nothing["undetermined"] == [["b"]]


def test_trial_points_without_a_value_shorten_the_step(line: str) -> None:
    """The first full steps leave the domain of the logarithm."""
    found = fit("a*log(x - b)", "--data", line, "--target", "y", "--params", "a=1,b=0.99")
    assert found["converged"] is True
    reference = fit("a*log(x - b)", "--data", line, "--target", "y", "--params", "a=5,b=-0.3")
    assert found["params"]["b"] == pytest.approx(reference["params"]["b"], rel=1e-9)


def test_not_converged_is_one_with_the_result_so_far(line: str) -> None:
    found = fit("exp(a*x)", "--data", line, "--target", "y", "--params", "a=5", "--max-evaluations", "3", code=1)
    assert found["converged"] is False
    assert "limit of evaluations" in found["reason"]
    assert found["evaluations"] == 3
    assert found["params"]["a"] < 5


def test_rows_without_a_value(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text("x,y\n1,2\n2,4.1\n3,\n4,nan\n,1\n5,10.2\n6,-1\n")
    for word, said in ((), "line 4, column 'y'"), (("--keep-going",), "3 rows were left out"):
        done = invoke(["fit", "a + b*x", "--data", str(path), "--target", "y", "--params", "a=0,b=0", *word])
        assert done.code == (0 if word else 4)
        assert said in done.err
    logs = invoke(["fit", "a + b*x", "--data", str(path), "--target", "log(y)", "--params", "a=0,b=0", "--keep-going", "--json"])
    assert json.loads(logs.out)["rows"] == 3
    assert json.loads(logs.out)["dropped"] == 4


ERRORS = [
    (["a + b*x", "--target", "z", "--params", "a=0,b=0"], 4, "there is no column 'z', which --target reads"),
    (["a + b*x", "--params", "a=0,b=0"], 2, "there is nothing to fit to"),
    (["a + b*x", "--target", "y", "--params", "a=0"], 2, "no start for parameter 'b'"),
    (["a + b*t", "--target", "y", "--params", "a=0,b=0"], 2, "no start for parameter 't': it is no column of the data"),
    (["a + x", "--target", "y", "--params", "a=0,x=0"], 2, "'x' is a column of the data and has a start"),
    (["sum(w*x)", "--target", "y", "--params", "w=[0,0,0,0,0,0]"], 4, "5 rows cannot determine 6 parameters"),
    (["a*log(x - b)", "--target", "y", "--params", "a=1,b=2"], 5, "line 2: the program has no value at the start"),
    (["w[int(x)]", "--target", "y", "--params", "w=[1,2,3]"], 5, "line 4: the program has no value at the start"),
    (["a*x", "--target", "y", "--params", "a=1", "--bounds", "a=2:1"], 2, "the bounds of 'a' are empty"),
    (["a*x", "--target", "y", "--params", "a=1", "--bounds", "b=2:3"], 2, "'b' is no parameter"),
    (["a*x", "--target", "y", "--params", "a=1", "--weights", "0 - x"], 4, "line 2: the weight is negative"),
    (["output u = a*x; output v = x", "--target", "y", "--params", "a=1"], 2, "a fit is of one"),
    (["a*x", "--target", "y", "--params", "a=1", "--of", "z"], 2, "the program has no output 'z'"),
    (["a*x", "--target", "sinn(y)", "--params", "a=1"], 3, "'sinn' is not a function"),
    (["a*x", "--target", "y", "--params", "a=1", "--plot", "--json"], 2, "--plot FILE.svg"),
    (["s = 0; for i in 0..10 { s = s + a*x }; s", "--target", "y", "--params", "a=1", "--max-steps", "5"], 6, "line 2: the program takes"),
    (["a*x", "--target", "y", "--params", "a=1", "--max-memory", "20b"], 6, "the Jacobian of all rows"),
    (["a*x", "--target", "y", "--params", "a=1", "--residuals"], 2, "--residuals are columns of --predict"),
    (["a*x", "--target", "y", "--params", "a=1", "--predict", "-", "--json"], 2, "-o FILE takes the results"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "code", "said"), ERRORS, ids=[" ".join(words)[:60] for words, _, _ in ERRORS])
def test_errors(line: str, words: list[str], code: int, said: str) -> None:
    done = invoke(["fit", *words, "--data", line])
    assert done.code == code
    assert said in done.err
    assert "help: " in done.err


def test_no_rows(tmp_path: pathlib.Path) -> None:
    (tmp_path / "none.csv").write_text("x,y\n")
    done = invoke(["fit", "a*x", "--data", str(tmp_path / "none.csv"), "--target", "y", "--params", "a=1"])
    assert (done.code, "has no rows" in done.err) == (4, True)


def test_rows_with_their_fitted_values(line: str, tmp_path: pathlib.Path) -> None:
    """What was there stands as it was; then fitted, residual = target - fitted, and the residual over s·√(1 - leverage)."""
    words = ["fit", "a + b*x", "--data", line, "--target", "y", "--params", "a=0,b=0"]
    done = invoke([*words, "--predict", "-", "--residuals", "-q"])
    head, *rows = done.out.splitlines()
    assert head == "x,y,s,fitted,residual,studentised"
    assert [row.rsplit(",", 3)[0] for row in rows] == LINE.splitlines()[1:]
    table = np.array([[float(cell) for cell in row.split(",")] for row in rows])
    assert table[:, 3] == pytest.approx(2.035 * table[:, 0] - 0.055, rel=1e-12)
    assert table[:, 4] == pytest.approx(table[:, 1] - table[:, 3], abs=1e-12)
    leverage = 1 / 5 + (table[:, 0] - 3) ** 2 / 10
    s = math.sqrt(float(table[:, 4] @ table[:, 4]) / 3)
    assert table[:, 5] == pytest.approx(table[:, 4] / (s * np.sqrt(1 - leverage)), rel=1e-9)
    largest = json.loads(invoke([*words, "--json"]).out)["largest_residuals"][0]
    assert largest["line"] == 4
    assert [largest["target"], largest["residual"]] == [5.9, pytest.approx(table[2, 4], rel=1e-9)]
    assert largest["studentised"] == pytest.approx(table[2, 5], rel=1e-9)
    path = tmp_path / "fitted.jsonl"
    assert invoke([*words, "--predict", str(path)]).code == 0
    assert json.loads(path.read_text().splitlines()[0])["fitted"] == pytest.approx(1.98, rel=1e-12)


def test_rows_left_out_have_no_fitted_value(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "gaps.csv"
    path.write_text("x,y\n1,2\n2,\n3,6\n4,8\n5,0\n")
    words = ["fit", "a*x", "--data", str(path), "--target", "y/(5 - x)*(5 - x)", "--params", "a=0", "--keep-going", "--predict", "-"]
    assert invoke(words).out.splitlines() == ["x,y,fitted", "1,2,2.0", "2,,", "3,6,6.0", "4,8,8.0", "5,0,"]


def test_plots(line: str, tmp_path: pathlib.Path) -> None:
    words = ["fit", "a + b*x", "--data", line, "--target", "y", "--params", "a=0,b=0"]
    assert "y and its fit" in invoke([*words, "--plot"]).out
    path = tmp_path / "fit.svg"
    assert invoke([*words, "--plot", str(path)]).code == 0
    assert path.read_text().startswith("<svg") and "y and its fit" in path.read_text()
    several = invoke(["fit", "a*s + b*x", *words[2:], "--plot"]).out
    assert "fitted values against y" in several


@pytest.mark.parametrize("engine", ["interpret", "native"])
@pytest.mark.parametrize("suffix", ["tsv", "jsonl", "npy", "parquet"])
def test_formats_and_engines(line: str, tmp_path: pathlib.Path, suffix: str, engine: str) -> None:
    path = str(tmp_path / f"line.{suffix}")
    assert invoke(["eval", "x", "--data", line, "-o", path]).code == 0
    found = fit("a + b*x", "--data", path, "--target", "y", "--params", "a=0,b=0", "--engine", engine)
    assert found["params"]["b"] == pytest.approx(2.035, rel=1e-13)


def test_python() -> None:
    x = np.random.default_rng(0).normal(size=(40, 2))
    y = x @ [1.5, -2.0] + 0.25
    hit = y + np.random.default_rng(1).normal(size=40) > x[:, 0]  # no line separates them
    found = adcli.compile("dot(w, x) + c").fit({"x": x, "y": y}, "y", {"w": [0, 0], "c": 0})
    assert found.params["w"] == pytest.approx([1.5, -2.0], rel=1e-14)
    assert found.params["c"] == pytest.approx(0.25, rel=1e-14)
    assert found.fitted == pytest.approx(y, rel=1e-12)
    chances = adcli.compile("z = dot(w, x); softplus(z) - hit*z").fit({"x": x, "hit": hit}, None, {"w": [0, 0]}, loss="sum")
    assert chances.report.converged
    line = adcli.compile("a*t")
    assert line.fit({"t": [1, 2, 3], "y": [2, 4, 5]}, "y", {"a": 9}, bounds={"a": (0, 5)}).report.converged
    assert [flag.code for flag in line.flags] == ["start-moved"]
    slopes = adcli.compile("sum(w*x*(sigmoid(dot(w, x)) - hit))").batch({"x": x, "hit": hit}, at={"w": chances.params["w"]})
    assert slopes["value"].sum() == pytest.approx(0, abs=1e-8)
    with pytest.raises(UsageError, match="a fit is to a target, or by a loss"):
        adcli.compile("a*x").fit({"x": [1, 2], "y": [1, 2]}, "y", {"a": 1}, loss="sum")
    with pytest.raises(UsageError, match="one length"):
        adcli.compile("a*x").fit({"x": [1, 2], "y": [1]}, "y", {"a": 1})


def test_the_page_has_every_set() -> None:
    table = fitting_page.PAGE.read_text().partition(fitting_page.BEGIN)[2].partition(fitting_page.END)[0]
    rows = {cells[1].strip(): cells for line in table.splitlines() if len(cells := line.split("|")) > 8}
    assert set(SETS) <= set(rows)
    assert min(int(cell) for name in SETS for cell in rows[name][4:8]) >= 9


SPECTOR = ["--data", str(DATA / "spector.csv"), "--params", "b0=0,b1=0,b2=0,b3=0"]
# W. H. Greene, Econometric Analysis, the logit model of the chapter on binary choice. More digits: by Newton steps in 50 digits.
GREENE = {"b0": (-13.0213, 4.931), "b1": (2.8261, 1.263), "b2": (0.0952, 0.142), "b3": (2.3787, 1.065)}
MINIMUM = {"b0": -13.021346858115689, "b1": 2.8261125948893209, "b2": 0.095157661317909287, "b3": 2.3786876550933545}
LOGIT = "b0 + b1*gpa + b2*tuce + b3*psi"


@pytest.mark.parametrize(
    "words",
    [
        ["--loss", f"z = {LOGIT}; softplus(z) - grade*z"],
        [f"z = {LOGIT}; softplus(z) - grade*z", "--sum"],
        [LOGIT, "--loss", "softplus(value) - grade*value"],
        [f"output p = sigmoid({LOGIT})  # the chance", "--loss", "-(grade*log(p) + (1 - grade)*log1p(-p))"],
        [f"fn z(b0, gpa, b1, b2, tuce, b3, psi) = {LOGIT}", "--loss", "-logsigmoid(if grade > 0 {value} else {-value})"],
    ],
)
def test_spector_as_greene_prints_it(words: list[str]) -> None:
    found = fit(*words, *SPECTOR)
    assert found["converged"] is True
    assert found["kind"] == "sum of loss"
    assert -round(found["objective"], 4) == -12.8896
    for name, (value, error) in GREENE.items():
        assert round(found["params"][name], 4) == value
        assert found["params"][name] == pytest.approx(MINIMUM[name], rel=1e-10)
        assert found["standard_errors"][name] == pytest.approx(error, abs=5e-4)


def test_the_mean_has_the_same_minimum_and_errors() -> None:
    loss = f"z = {LOGIT}; softplus(z) - grade*z"
    mean, total = fit(loss, "--mean", *SPECTOR), fit(loss, "--sum", *SPECTOR)
    assert mean["objective"] == pytest.approx(total["objective"] / 32, rel=1e-12)
    assert mean["params"]["b1"] == pytest.approx(total["params"]["b1"], rel=1e-9)
    assert mean["standard_errors"]["b1"] == pytest.approx(total["standard_errors"]["b1"], rel=1e-9)


SEPARATED = {"complete": "-2,0;-1,0;-0.5,0;0.5,1;1,1;2,1", "quasi": "-2,0;-1,0;0.5,0;0.5,1;1,1;2,1", "reverse": "-2,1;-1,1;1,0;3,0"}


@pytest.mark.parametrize("how", ["--sum", "--mean"])
@pytest.mark.parametrize("name", SEPARATED)
def test_classes_that_are_separated_have_no_finite_coefficients(name: str, how: str, tmp_path: pathlib.Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("x,y\n" + SEPARATED[name].replace(";", "\n") + "\n")
    words = ["fit", "b0 + b1*x", "--data", str(data), "--loss", "softplus(value) - y*value", "--params", "b0=0,b1=0", how]
    done = invoke([*words, "--json"])
    found = json.loads(done.out)
    assert done.code == 1 and found["converged"] is False
    assert f"b1 = {'-' if name == 'reverse' else ''}inf" in found["reason"] and found["reason"] in done.err
    assert found["standard_errors"] == {"b0": None, "b1": None}
    assert {flag["at"] for flag in found["flags"]} == {"standard_errors.b0", "standard_errors.b1", "condition"}


def test_residuals_that_shrink_without_end(tmp_path: pathlib.Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("x,y\n-2,0\n-1,0\n-0.5,0\n0.5,1\n1,1\n2,1\n")
    for start in ("k=1", "k=20"):
        done = invoke(["fit", "1/(1 + exp(-k*x))", "--data", str(data), "--target", "y", "--params", start, "--json"])
        assert done.code == 1 and "run away" in json.loads(done.out)["reason"]
    exact = tmp_path / "exact.csv"  # what is left of these is rounding, and no step leads on
    exact.write_text("x,y\n" + "".join(f"{x},{2.5 * math.exp(-0.3 * x)!r}\n" for x in range(6)))
    found = fit("a*exp(-k*x) + c", "--data", str(exact), "--target", "y", "--params", "a=1,k=1,c=1")
    assert found["converged"] and found["params"] == pytest.approx({"a": 2.5, "k": 0.3, "c": 0}, abs=1e-13)


@pytest.mark.parametrize("most", [1, 2, 3, 5, 8])
def test_no_more_evaluations_than_allowed(most: int) -> None:
    data = DATA / "Misra1a.csv"
    words = ["fit", "b1*(1 - exp(-b2*x))", "--data", str(data), "--target", "y", "--params", "b1=500,b2=1e-4", "--json"]
    done = invoke([*words, "--max-evaluations", str(most)])
    found = json.loads(done.out)
    assert done.code == 1 and found["evaluations"] <= most and "limit of evaluations" in found["reason"]


def test_a_flat_minimum_has_no_standard_errors(line: str) -> None:
    done = invoke(["fit", "--loss", "(b - 2)^4 + 0*x", "--data", line, "--params", "b=3", "--json"])
    found = json.loads(done.out)
    assert done.code == 0 and found["converged"] is True and found["params"]["b"] == pytest.approx(2, abs=1e-3)
    assert found["standard_errors"] == {"b": None} and "flat" in done.err


def test_numbers_that_do_not_exist_are_flagged_with_the_reason(line: str, tmp_path: pathlib.Path) -> None:
    open_ = fit("a*b*x + c", "--data", line, "--target", "y", "--params", "a=1,b=1,c=0", "--strict")
    assert {(flag["at"], flag["is"]) for flag in open_["flags"]} == {
        ("standard_errors.a", "nan"), ("standard_errors.b", "nan"), ("condition", "inf")
    }  # fmt: skip
    assert all("not determined" in flag["message"] for flag in open_["flags"][:2])
    bound = fit("a*x + c", "--data", line, "--target", "y", "--params", "a=1,c=0.5", "--bounds", "a=0:1.5")
    assert [(flag["code"], flag["at"]) for flag in bound["flags"]] == [("undefined", "standard_errors.a")]
    two = tmp_path / "two.csv"
    two.write_text("x,y\n1,2\n2,4\n")
    through = fit("a*x + c", "--data", str(two), "--target", "y", "--params", "a=1,c=0")
    nulls = {"standard_errors.a", "standard_errors.c", "residual_sd"}
    assert {flag["at"] for flag in through["flags"]} == nulls and through["residual_sd"] is None
    whole = fit("a*x + c", "--data", line, "--target", "y", "--params", "a=1,c=0")
    assert whole["flags"] == []


def test_a_loss_of_squares_is_least_squares(line: str) -> None:
    squares = fit("--loss", "(y - a - b*x)^2/2", "--data", line, "--params", "a=0,b=0")
    assert squares["params"] == {"a": pytest.approx(-0.055, rel=1e-9), "b": pytest.approx(2.035, rel=1e-9)}
    bounded = fit("--loss", "(y - a - b*x)^2", "--data", line, "--params", "a=0,b=1", "--bounds", "b=0:1.5")
    assert bounded["params"] == {"a": pytest.approx(1.55, rel=1e-9), "b": 1.5}
    assert bounded["standard_errors"]["b"] is None


def test_fitted_values_and_losses() -> None:
    loss = "-(grade*log(value) + (1 - grade)*log1p(-value))"
    done = invoke(["fit", f"sigmoid({LOGIT})", "--loss", loss, *SPECTOR, "--predict", "-", "-q"])
    head, *rows = done.out.splitlines()
    assert head == "gpa,tuce,psi,grade,fitted,loss"
    fitted, losses = np.array([[float(cell) for cell in row.split(",")[-2:]] for row in rows]).T
    assert losses.sum() == pytest.approx(12.889634222131415, rel=1e-12)
    assert fitted.sum() == pytest.approx(11, rel=1e-9)  # as many as grades: the constant's equation


LOSSES = [
    (["-z*x", "--sum", "--params", "z=1"], 1, ""),
    (["-z", "--sum", "--params", "z=1"], 2, "the loss reads no column"),
    (["(z - log(z)*x)*x", "--sum", "--params", "z=-1"], 5, "line 2: the program has no value at the start"),
    (["z*x", "--sum", "--mean", "--params", "z=1"], 2, "two ways to add up"),
    (["--loss", "z*x", "--target", "y", "--params", "z=1"], 2, "--target is of least squares"),
    (["--loss", "z*x", "--weights", "s", "--params", "z=1"], 2, "multiply the loss by the weight"),
    (["--loss", "z*x"], 2, "no start for parameter 'z'"),
    (["z*x + q", "--loss", "(z - x)^2", "--params", "z=1", "--predict", "-"], 2, "no start for parameter 'q'"),
    (["--loss", "z*sinn(x)", "--params", "z=1"], 3, "'sinn' is not a function"),
]


@pytest.mark.parametrize(("words", "code", "said"), LOSSES, ids=[" ".join(words) for words, _, _ in LOSSES])
def test_errors_of_losses(line: str, words: list[str], code: int, said: str) -> None:
    done = invoke(["fit", *words, "--data", line])
    assert done.code == code
    assert said in done.err


def test_a_start_at_a_saddle_or_a_maximum_is_left(line: str) -> None:
    """At zero the slope of the sum of squares is zero, and it is no minimum."""
    assert fit("c^2*x", "--data", line, "--target", "y", "--params", "c=0")["params"]["c"] ** 2 == pytest.approx(2.02, rel=1e-12)
    product = fit("a*b*x + c", "--data", line, "--target", "y", "--params", "a=0,b=0,c=0")
    assert product["params"]["a"] * product["params"]["b"] == pytest.approx(2.035, rel=1e-9)


def test_a_minimum_where_the_jacobian_vanishes(line: str) -> None:
    found = fit("cos(c)*x", "--data", line, "--target", "0 - y", "--params", "c=0.1")
    assert found["converged"] is True
    assert math.cos(found["params"]["c"]) == pytest.approx(-1, abs=1e-12)


def test_a_kink_or_a_step_is_no_slope(line: str) -> None:
    kink = invoke(["fit", "abs(c)*x", "--data", line, "--target", "0 - y", "--params", "c=0"])
    assert "flag[nondifferentiable]: abs is not differentiable at 0: the derivative is taken as 0 (5 rows)" in kink.err
    assert invoke(["fit", "abs(c)*x", "--data", line, "--target", "0 - y", "--params", "c=0", "--strict"]).code == 5
    done = invoke(["fit", "floor(c)*x", "--data", line, "--target", "y", "--params", "c=0", "--json"])
    assert json.loads(done.out)["undetermined"] == [["c"]]
    assert "the data say nothing about c" in done.err


@pytest.mark.parametrize("engine", ["native", "auto"])
def test_nothing_is_compiled_anew_for_other_parameters(monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    """The gradient, the gradient beside two rows of second derivatives, and the value, whatever the number of steps."""
    from adcli.engines.native import rows

    compiled: list[object] = []

    class Counted(rows.Compiled):
        def __init__(self, *args: Any) -> None:
            compiled.append(args[0])
            super().__init__(*args)

    monkeypatch.setattr(rows, "Compiled", Counted)
    x = np.linspace(0, 10, 50_000)
    y = 3 * np.exp(-0.7 * x) + 0.01 * np.cos(9 * x)
    found = adcli.compile("a*exp(-k*x)").fit({"x": x, "y": y}, "y", {"a": 1, "k": 0.1}, engine=engine)
    assert found.report.converged and found.report.evaluations > 8
    assert 1 <= len(compiled) <= 5


def test_without_scipy_it_says_what_to_install(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    done = invoke(["fit", "a*x", "--data", line, "--target", "y", "--params", "a=1"])
    assert (done.code, "adcli[optimize]" in done.err) == (2, True)


@pytest.mark.parametrize("seed", range(12))
def test_active_bounds_against_non_negative_least_squares(seed: int) -> None:
    """scipy's nnls is an active-set method for linear problems; columns are of very different sizes."""
    rng = np.random.default_rng(seed)
    design = rng.normal(size=(30, 8)) * 10.0 ** rng.uniform(-2, 2, 8)
    y = 3 * rng.normal(size=30) + design @ (rng.normal(size=8) * 10.0 ** rng.uniform(-2, 0))
    expected, _ = nnls(design, y)
    found = adcli.compile("dot(w, x)").fit({"x": design, "y": y}, "y", {"w": np.ones(8)}, bounds={"w": (0, math.inf)})
    assert found.report.converged
    assert found.params["w"] == pytest.approx(expected, rel=1e-9, abs=1e-11 * expected.max())
    assert ((found.params["w"] == 0) == (expected == 0)).all()


def test_a_jump_is_not_taken_for_a_line(line: str) -> None:
    """The slopes are the same to the last bit at zero, at the start and at the end, but between them lies a jump of 20."""
    found = fit("b*x + 10*floor(b)", "--data", line, "--target", "y + 20", "--params", "b=2.5")
    assert found["params"]["b"] == pytest.approx(2.02, rel=1e-12)
    assert found["objective"] == pytest.approx(0.0405, rel=1e-9)


@pytest.mark.filterwarnings("error")
def test_slopes_whose_squares_underflow_give_no_warning_of_numpy() -> None:
    x = np.linspace(0, 1, 12)
    found = adcli.compile("a*exp(b*x)").fit({"x": x, "y": np.full(12, 1e-300)}, "y", {"a": 1, "b": 1})
    assert not found.report.converged and math.isinf(found.standard_errors["b"])
