"""`minimize`: published minima, bounds, constraints, saddle points, and what it says where there is no minimum."""

from __future__ import annotations

import json
import math
import pathlib
import sys
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import adcli
from adcli.api.minimize import Search, Settings, minimize
from adcli.api.target import Pointwise
from adcli.errors import EvaluationError, LimitError, ProgramError, UsageError
from adcli.report.contours import contour
from adcli.report.minimum import Minimum
from tests import minima_page
from tests.invoke import invoke
from tests.minima import Known, known, starts

KNOWN = known()
ROSENBROCK = "100*(y - x^2)^2 + (1 - x)^2"


def minimum(text: str, at: dict[str, Any], **settings: Any) -> Minimum:
    return adcli.compile(text).minimize(at, **settings)


@pytest.mark.parametrize("problem", KNOWN, ids=lambda k: k.name)
def test_the_programs_are_the_published_functions(problem: Known) -> None:
    expected = starts()[problem.name]
    program = adcli.compile(problem.text)
    hessian = program.hessian()["x"]["x"]
    assert program.value() == pytest.approx(expected["value"], rel=1e-12)
    largest = np.abs(expected["gradient"]).max()
    np.testing.assert_allclose(program.gradient()["x"], expected["gradient"], rtol=1e-12, atol=1e-13 * largest)
    np.testing.assert_allclose(hessian.diagonal(), expected["diagonal"], rtol=1e-11, atol=1e-13 * np.abs(hessian).max())


@pytest.mark.parametrize("problem", KNOWN, ids=lambda k: k.name)
def test_published_minima_are_reached_from_the_standard_start(problem: Known) -> None:
    found = adcli.compile(problem.text).minimize()
    assert found.converged, found.reason
    nearest = min(problem.minima, key=lambda m: abs(m - found.value))
    assert abs(found.value - nearest) <= 1e-8 * max(1.0, abs(nearest))
    if nearest:  # those below 1, too, to as many digits
        assert found.value == pytest.approx(nearest, rel=1e-8)
    assert found.gradient_norm <= 1e-6 or abs(found.value - nearest) <= 1e-8 * abs(nearest)
    assert found.point in ("minimum", "flat")


@pytest.mark.parametrize("method", ["newton-cg", "lbfgs", "trust-constr"])
@pytest.mark.parametrize("name", ["rosenbrock", "beale", "helical_valley", "brown_dennis", "watson", "broyden_tridiagonal"])
def test_other_methods_reach_them_too(name: str, method: str) -> None:
    problem = next(k for k in KNOWN if k.name == name)
    found = adcli.compile(problem.text).minimize(method=method)
    assert found.converged, found.reason
    assert found.value == pytest.approx(problem.minima[0], rel=1e-8, abs=1e-8)
    assert found.evaluations["hessian"] == 0 or method == "trust-constr"


def test_a_saddle_that_is_published_as_a_minimum() -> None:
    """Biggs' EXP6: what stays in the plane of symmetry ends at 0.00565565, where the Hessian has a negative eigenvalue."""
    problem = next(k for k in KNOWN if k.name == "biggs_exp6")
    at = [1.7114159947195876, 17.683198180949067, 1.1631436609082598, 5.1865615519934518, 1.7114159947195876, 1.1631436609295253]
    there = adcli.compile(problem.text).minimize({"x": at}, method="lbfgs", tol=1e-6)
    assert not there.converged and there.point == "saddle"
    assert there.value == pytest.approx(0.005655649925499931, rel=1e-10)
    assert adcli.compile(problem.text).minimize({"x": at}).value < 0.0056


def test_many_variables_by_products() -> None:
    """The extended Rosenbrock function, problem 21 of Moré, Garbow and Hillstrom, with n = 1000."""
    text = "input x: [n]\nsum(100*(x[2*i + 1] - x[2*i]^2)^2 + (1 - x[2*i])^2 for i in 0..n // 2)"
    found = minimum(text, {"x": [-1.2, 1.0] * 500})
    assert found.method == "newton-cg" and found.converged
    np.testing.assert_allclose(found.at["x"], 1.0, rtol=1e-9)
    assert found.evaluations["hessian"] == 0
    assert found.evaluations["product"] < 500  # a single Hessian would take 1000
    assert found.point == "minimum"


# Hock and Schittkowski, Test Examples for Nonlinear Programming Codes, 1981: program, start, bounds, constraints, value, and the point.
HS: dict[str, tuple[str, dict[str, Any], dict[str, Any], list[str], float, Any]] = {
    "1": ("100*(x[1] - x[0]^2)^2 + (1 - x[0])^2", {"x": [-2, 1]}, {"x[1]": (-1.5, None)}, [], 0.0, [1, 1]),
    "2": ("100*(x[1] - x[0]^2)^2 + (1 - x[0])^2", {"x": [1.5, 2]}, {"x[1]": (1.5, None)}, [], 0.0504261879, None),
    "3": ("x[1] + 1e-5*(x[1] - x[0])^2", {"x": [10, 1]}, {"x[1]": (0, None)}, [], 0.0, [0, 0]),
    "4": ("(x[0] + 1)^3/3 + x[1]", {"x": [1.125, 0.125]}, {"x[0]": (1, None), "x[1]": (0, None)}, [], 8 / 3, [1, 0]),
    "5": (
        "sin(x[0] + x[1]) + (x[0] - x[1])^2 - 1.5*x[0] + 2.5*x[1] + 1", {"x": [0, 0]}, {"x[0]": (-1.5, 4), "x[1]": (-3, 3)}, [],
        -math.sqrt(3) / 2 - math.pi / 3, [-math.pi / 3 + 0.5, -math.pi / 3 - 0.5],
    ),
    "6": ("(1 - x[0])^2", {"x": [-1.2, 1]}, {}, ["10*(x[1] - x[0]^2) = 0"], 0.0, [1, 1]),
    "7": ("ln(1 + x[0]^2) - x[1]", {"x": [2, 2]}, {}, ["(1 + x[0]^2)^2 + x[1]^2 = 4"], -math.sqrt(3), [0, math.sqrt(3)]),
    "10": ("x[0] - x[1]", {"x": [-10, 10]}, {}, ["-3*x[0]^2 + 2*x[0]*x[1] - x[1]^2 + 1 >= 0"], -1.0, [0, 1]),
    "28": ("(x[0] + x[1])^2 + (x[1] + x[2])^2", {"x": [-4, 1, 1]}, {}, ["x[0] + 2*x[1] + 3*x[2] = 1"], 0.0, [0.5, -0.5, 0.5]),
    "35": (
        "9 - 8*x[0] - 6*x[1] - 4*x[2] + 2*x[0]^2 + 2*x[1]^2 + x[2]^2 + 2*x[0]*x[1] + 2*x[0]*x[2]", {"x": [0.5, 0.5, 0.5]},
        {"x": (0, None)}, ["x[0] + x[1] + 2*x[2] <= 3"], 1 / 9, [4 / 3, 7 / 9, 4 / 9],
    ),
    "39": (
        "-x[0]", {"x": [2, 2, 2, 2]}, {}, ["x[1] - x[0]^3 - x[2]^2 = 0", "x[0]^2 - x[1] - x[3]^2 = 0"], -1.0, [1, 1, 0, 0],
    ),
    "40": (
        "-x[0]*x[1]*x[2]*x[3]", {"x": [0.8, 0.8, 0.8, 0.8]}, {},
        ["x[0]^3 + x[1]^2 = 1", "x[0]^2*x[3] = x[2]", "x[3]^2 = x[1]"], -0.25, None,
    ),
    "43": (
        "x[0]^2 + x[1]^2 + 2*x[2]^2 + x[3]^2 - 5*x[0] - 5*x[1] - 21*x[2] + 7*x[3]", {"x": [0, 0, 0, 0]}, {},
        [
            "x[0]^2 + x[1]^2 + x[2]^2 + x[3]^2 + x[0] - x[1] + x[2] - x[3] <= 8",
            "x[0]^2 + 2*x[1]^2 + x[2]^2 + 2*x[3]^2 - x[0] - x[3] <= 10",
            "2*x[0]^2 + x[1]^2 + x[2]^2 + 2*x[0] - x[1] - x[3] <= 5",
        ],
        -44.0, [0, 1, 2, -1],
    ),
    "48": (
        "(x[0] - 1)^2 + (x[1] - x[2])^2 + (x[3] - x[4])^2", {"x": [3, 5, -3, 2, -2]}, {},
        ["sum(x) = 5", "x[2] - 2*(x[3] + x[4]) = -3"], 0.0, [1, 1, 1, 1, 1],
    ),
    "71": (
        "x[0]*x[3]*(x[0] + x[1] + x[2]) + x[2]", {"x": [1, 5, 5, 1]}, {"x": (1, 5)}, ["prod(x) >= 25", "sum(x^2) = 40"], 17.0140173, None,
    ),
    "76": (
        "x[0]^2 + 0.5*x[1]^2 + x[2]^2 + 0.5*x[3]^2 - x[0]*x[2] + x[2]*x[3] - x[0] - 3*x[1] + x[2] - x[3]", {"x": [0.5, 0.5, 0.5, 0.5]},
        {"x": (0, None)}, ["x[0] + 2*x[1] + x[2] + x[3] <= 5", "3*x[0] + x[1] + 2*x[2] - x[3] <= 4", "x[1] + 4*x[2] >= 1.5"],
        -4.681818181, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("method", ["auto", "trust-constr"])
@pytest.mark.parametrize("number", HS)
def test_problems_of_hock_and_schittkowski(number: str, method: str) -> None:
    text, at, bounds, constraints, value, point = HS[number]
    found = minimum(text, at, bounds=bounds, constraints=constraints, method=method)
    assert found.converged, found.reason
    assert found.value == pytest.approx(value, rel=2e-9, abs=1e-9)
    if point is not None:
        np.testing.assert_allclose(found.at["x"], point, atol=1e-6)


def test_multipliers_are_derivatives_of_the_value_by_the_constraint() -> None:
    def least(square: float) -> Minimum:
        return minimum("x + r*y", {"x": 1, "y": 0, "r": 2}, wrt=["x", "y"], constraints=[f"x^2 + y^2 <= {square}"])

    found, more = least(4.0), least(4.0 + 1e-6)
    (held,) = found.constraints
    assert held.active
    assert -held.multiplier == pytest.approx((more.value - found.value) / 1e-6, rel=1e-5)
    assert held.multiplier == pytest.approx(math.sqrt(5) / 4, rel=1e-12)
    assert found.at["r"] == 2.0 and found.names == ["x", "y"]


def test_constraints_of_arrays_chains_and_names_of_constants() -> None:
    text = "input e\ninput w: [3]\nsum(w^2) + (e - 9)^2"
    found = minimum(text, {"w": [1, 2, 3], "e": 2}, constraints=["sum(w) = 1", "w >= [0, 0.5, 0]", "1 <= e <= 3"])
    np.testing.assert_allclose(found.at["w"], [0.25, 0.5, 0.25], rtol=1e-12)
    assert found.at["e"] == pytest.approx(3.0, rel=1e-14)
    assert [held.text for held in found.constraints] == ["sum(w) = 1", "w >= [0, 0.5, 0]", "1 <= e", "e <= 3"]
    assert [held.active for held in found.constraints] == [True, True, False, True]


def test_constraints_that_do_not_hold_are_called_so() -> None:
    done = run("x^2", "--at", "x=1", "--constraint", "x >= 2", "--constraint", "x <= 1")
    assert done.code == 1 and "constraint x <= 1: violated by 1\n" in done.err
    done = run("x^2 + y^2", "--at", "x=1,y=1", "--constraint", "sqrt(x - 2) >= 0.5")
    assert done.code == 1 and "has no value here" in done.err and "without a value" in done.err


def test_constraints_that_contradict_one_another() -> None:
    found = minimum("x^2 + y^2", {"x": 3, "y": 1}, constraints=["x >= 2", "x <= 1"])
    assert not found.converged and "constraints do not hold" in found.reason


@pytest.mark.parametrize("method", ["newton", "newton-cg", "lbfgs", "gd"])
def test_bounds_are_never_left_and_tested_for_at_the_end(method: str) -> None:
    seen = []
    program = adcli.compile("w = [x, y]\nif x > 0.5 { w[9] } else { " + ROSENBROCK + " }")
    found, _ = minimize(program, {"x": -1.2, "y": 1}, Settings(method, bounds={"x": (None, 0.5)}), watch=seen.append)
    assert found.converged and found.point == "minimum"
    assert found.at == {"x": 0.5, "y": pytest.approx(0.25, abs=1e-7)}
    assert found.at_bounds == ["x"] and found.gradient["x"] == pytest.approx(-1.0, abs=1e-5)
    assert len(seen) > 3 and all(step.x[0] <= 0.5 for step in seen)


def test_a_corner() -> None:
    found = minimum("sum(w)", {"w": [3, 4]}, bounds={"w": (1, None)})
    assert found.converged and found.point == "corner" and found.at["w"].tolist() == [1, 1]


@pytest.mark.parametrize("method", ["newton", "newton-cg"])
def test_saddle_points_are_left(method: str) -> None:
    found = minimum("x^4 - x^2 + y^2", {"x": 0, "y": 0}, method=method)
    assert found.converged and found.value == pytest.approx(-0.25)
    assert abs(found.at["x"]) == pytest.approx(math.sqrt(0.5))


@pytest.mark.parametrize(("text", "kind"), [("x^4 - x^2 + y^2", "saddle"), ("-(x^2 + y^2)", "maximum")])
@pytest.mark.parametrize("method", ["lbfgs", "gd", "adam"])
def test_other_stationary_points_are_called_what_they_are(text: str, kind: str, method: str) -> None:
    found = minimum(text, {"x": 0, "y": 0}, method=method)
    assert not found.converged and found.point == kind and "no minimum" in found.reason
    assert found.curvature is not None and found.curvature[0] == -2.0


def test_a_saddle_of_the_lagrangian() -> None:
    found = minimum("x*y", {"x": 1, "y": 1}, constraints=["x + y = 2"])
    assert not found.converged
    assert minimum("x*y", {"x": 1.0, "y": 1.0}, constraints=["x = y"]).converged


def test_a_singular_hessian_says_nothing_of_the_point() -> None:
    assert minimum("x^3", {"x": 1}).point == "flat"
    assert minimum("(x + y)^2", {"x": 1, "y": 2}).point == "flat"
    assert minimum("x^2 + 1e-9*y^2", {"x": 1, "y": 2}).point == "minimum"


ENDLESS = ["x", "-x^2 + y", "x^3 + y", "-exp(x)", "ln(abs(x))*0 - x^4"]


@pytest.mark.parametrize("text", ENDLESS)
@pytest.mark.parametrize("method", ["newton", "newton-cg", "lbfgs"])
def test_values_that_fall_without_end(text: str, method: str) -> None:
    found = minimum(text + " + 0*y", {"x": -1.5 if "^3" in text else 1.5, "y": 1}, method=method)
    assert not found.converged and "without end" in found.reason
    assert found.value < (-1e9 if (text, method) == ("x", "lbfgs") else -1e100)  # its line searches go no farther than 1e10


@pytest.mark.parametrize("method", ["slsqp", "trust-constr"])
def test_values_that_fall_without_end_along_a_constraint(method: str) -> None:
    found = minimum("x + y", {"x": 1, "y": 1}, method=method, constraints=["x = 2*y"])
    assert not found.converged and "unbounded below" in found.reason


def test_a_far_minimum_is_not_taken_for_none() -> None:
    """Its gradient changes on the way, as that of a slope without end does not."""
    found = minimum("(x/1e13 - 1)^2*1e13", {"x": 1}, method="lbfgs")
    assert found.converged and found.at["x"] == pytest.approx(1e13)
    assert not minimum("-ln(x)", {"x": 1}, method="lbfgs").at_bounds  # it ends at inf, which is no bound


@pytest.mark.parametrize("method", ["newton", "newton-cg", "lbfgs", "gd", "slsqp", "trust-constr"])
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("x*ln(x)", math.exp(-1)),  # nan for x < 0
        ("a = [1, 2, 3]; i = int(floor(x)); (x - 0.5)^2 + 0*a[i]", 0.5),  # an index out of range
        ("-logdet([[x, 0.5], [0.5, 1]]) + x", 1.25),  # a singular matrix
    ],
)
def test_points_without_a_value_shorten_the_step(text: str, at: float, method: str) -> None:
    found = minimum(text, {"x": 2.9}, method=method)
    assert found.converged, found.reason
    assert found.at["x"] == pytest.approx(at, rel=1e-7)


def test_the_edge_of_the_domain_and_kinks_are_no_minima() -> None:
    for text in ("sqrt(x)", "a = [1, 2, 3]; i = int(x); (x - 4.5)^2 + 0*a[i]"):
        found = minimum(text, {"x": 1})
        assert not found.converged and "edge" in found.reason
    found = minimum("abs(x) + abs(x - 2)/2", {"x": 1.3})
    assert not found.converged and "kink" in found.reason
    assert abs(found.at["x"]) < 1e-9


UNITS = [("newton", "1e-12"), ("newton", "1e12"), ("lbfgs", "1e-12"), ("lbfgs", "1e12"), ("gd", "1e-12")]


@pytest.mark.parametrize(("method", "factor"), UNITS)
def test_the_unit_of_the_value_does_not_matter(method: str, factor: str) -> None:
    found = minimum(f"{factor}*((x - 3)^2 + (y - x)^2)", {"x": 0, "y": 0}, method=method)
    assert found.converged
    assert found.at["x"] == pytest.approx(3, abs=1e-6)


def test_the_start_must_have_a_value() -> None:
    with pytest.raises(EvaluationError) as caught:
        minimum("ln(x)", {"x": -1})
    assert "nan" in caught.value.message and caught.value.span is not None and "--at" in (caught.value.help or "")
    with pytest.raises(EvaluationError) as caught:
        minimum("sqrt(x)", {"x": 0})
    assert "gradient" in caught.value.message


def test_integers_and_fixed_inputs_stay() -> None:
    found = minimum("input n: int = 2\n(x - n)^2 + (y - x)^2", {"x": 0, "y": 7}, wrt=["x"])
    assert found.at == {"n": 2, "x": 4.5, "y": 7.0} and found.names == ["x"]
    with pytest.raises(UsageError):
        minimum("input n: int\nn^2", {"n": 3})
    with pytest.raises(UsageError):
        minimum("5", {})


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"method": "bfgs"}, "no method"),
    ({"method": "newton", "constraints": ["x = 1"]}, "takes no constraints"),
    ({"method": "newton", "lr": 0.1}, "no learning rate"),
    ({"method": "gd", "momentum": 0.5}, "no momentum"),
    ({"bounds": {"z": (0, 1)}}, "'z' is no variable"),
    ({"bounds": {"x": (2, 1)}}, "leave nothing"),
    ({"constraints": ["x + y"]}, "is none"),
    ({"constraints": ["= 1"]}, "nothing on one side"),
    ({"constraints": ["x + z = 1"]}, "is no input"),
    ({"constraints": ["1 <= 2"]}, "holds no variable"),
]


@pytest.mark.parametrize(("settings", "message"), WRONG, ids=[m for _, m in WRONG])
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        minimum(ROSENBROCK, {"x": -1.2, "y": 1}, **settings)
    assert message in caught.value.message and caught.value.help


MISTAKES = [("x + sinn(y) = 1", 4), ("x + y = 1 + 2*(y", 14), ("0 <= x <= cosh y", 10), ("x = y*zz(1)", 6)]


@pytest.mark.parametrize(("text", "place"), MISTAKES)
def test_errors_in_constraints_stand_at_their_place(text: str, place: int) -> None:
    with pytest.raises((ProgramError, UsageError)) as caught:
        minimum(ROSENBROCK, {"x": -1.2, "y": 1}, constraints=[text])
    if isinstance(caught.value, ProgramError):
        source, span = caught.value.source, caught.value.span
        assert source is not None and source.line(1) == text
        assert span is not None and source.position(span.start) == (1, place + 1)


def test_no_more_iterations_than_allowed() -> None:
    for method in ("newton", "newton-cg", "lbfgs", "gd", "momentum", "adam"):
        rate = 1e-4 if method in ("gd", "momentum", "adam") else None
        found = minimum(ROSENBROCK, {"x": -1.2, "y": 1}, method=method, max_iterations=2, lr=rate)
        assert not found.converged and found.iterations == 2 and "stopped after 2 iterations" in found.reason
        assert found.value < 24.2


def test_momentum_and_adam_find_minima_with_a_rate() -> None:
    for method, rate in (("gd", 0.1), ("momentum", 0.02), ("adam", 0.05)):
        found = minimum("(x - 1)^2 + 3*(y + 2)^2", {"x": 5, "y": 5}, method=method, lr=rate)
        assert found.converged and found.at == {"x": pytest.approx(1, abs=1e-7), "y": pytest.approx(-2, abs=1e-7)}
        assert found.settings["rate"] == rate


def test_a_rate_that_is_too_large_is_said_to_be() -> None:
    found = minimum("x^2", {"x": 1}, method="gd", lr=1.5)
    assert not found.converged and "too large" in found.reason


def test_the_time_limit_is_for_the_whole_search() -> None:
    from adcli.engines.limits import Limits

    program = adcli.compile("(x - 1)^2 + (y - x^2)^2", limits=Limits(timeout=1e-3))
    with pytest.raises(LimitError):
        program.minimize(x=-50, y=1, method="adam", lr=1e-9, max_iterations=10**6)


def run(*words: str) -> Any:
    return invoke(["minimize", *words])


def test_the_command_offers_the_methods_there_are() -> None:
    """It has a list of its own, so that its help needs no more of adcli."""
    from adcli.api.minimize import METHODS
    from adcli.cli.commands.minimize import METHODS as offered

    assert offered == METHODS


def test_the_command_prints_lines_and_json() -> None:
    done = run(ROSENBROCK, "--at", "x=-1.2,y=1")
    lines = dict(line.split("\t") for line in done.out.splitlines())
    assert done.code == 0 and done.err == ""
    assert float(lines["x"]) == pytest.approx(1) and lines["converged"] == "true"
    data = json.loads(run(ROSENBROCK, "--at", "x=-1.2,y=1", "--json").out)
    assert data["schema"] == "adcli/minimize/1" and set(data["at"]) == {"x", "y"}
    assert data["method"] == "newton" and data["point"] == "minimum" and data["evaluations"]["hessian"] > 5
    assert float(run(ROSENBROCK, "--at", "x=-1.2,y=1", "--get", "x").out) == pytest.approx(1)


def test_inputs_that_are_called_as_a_row_is() -> None:
    done = run("(value - 2)^2 + 1", "--at", "value=5")
    assert done.out.splitlines()[:2] == ["value\t1.0", "at_value\t2.0"]
    assert run("(value - 2)^2 + 1", "--at", "value=5", "--get", "at_value").out == "2.0\n"


def test_the_exit_status_says_whether_it_converged() -> None:
    done = run("x^2 - y^2", "--at", "x=1,y=0.5", "--json")
    assert done.code == 1 and json.loads(done.out)["converged"] is False
    assert "without end" in done.err
    assert run("ln(x)", "--at", "x=-1").code == 5


def test_a_start_outside_the_bounds_begins_on_the_nearest() -> None:
    done = run("ln(x)^2 + (y - 3)^2", "--at", "x=-1,y=9", "--bounds", "x=0.1:,y=:2", "--json")
    found = json.loads(done.out)
    assert done.code == 0 and found["at"] == pytest.approx({"x": 1, "y": 2})
    assert [(flag["code"], flag["op"]) for flag in found["flags"]] == [("start-moved", "x"), ("start-moved", "y")]
    assert "flag[start-moved]: the start of 'x', -1.0, is below its bound: it is 0.0" in run(
        "x^2", "--at", "x=-1", "--bounds", "x=0:1"
    ).err
    assert run("x^2", "--at", "x=-1", "--bounds", "x=0:1", "--strict").code == 5


@pytest.mark.parametrize("text", ["(1 - x)^2", "fn f(x) { (1 - x)^2 }", "(1 - x)^2  # of x alone", "output f = (1 - x)^2"])
@pytest.mark.parametrize("method", ["slsqp", "trust-constr"])
def test_variables_that_only_constraints_read(text: str, method: str) -> None:
    constraints = ["--constraint", "sum(y) = x^2", "--constraint", "y[0] = 3*y[1]"]
    done = run(text, "--at", "x=-1.2,y=[1,3]", *constraints, "--method", method, "--json")
    found = json.loads(done.out)
    assert done.code == 0 and found["converged"] and not found["flags"]
    assert found["at"]["x"] == pytest.approx(1) and found["at"]["y"] == pytest.approx([0.75, 0.25])


def test_variables_of_constraints_need_a_start() -> None:
    done = run("(1 - x)^2", "--at", "x=-1.2", "--constraint", "y = x^2")
    assert done.code == 2 and "--at y=1" in done.err
    assert run("(1 - x)^2", "--at", "x=-1.2,z=1", "--constraint", "x = 2").code == 2  # nothing reads it


def test_flags_come_with_the_result() -> None:
    done = run("abs(x) + y^2", "--at", "x=0,y=1", "--json")
    assert [flag["code"] for flag in json.loads(done.out)["flags"]] == ["nondifferentiable"]
    assert run("abs(x) + y^2", "--at", "x=0,y=1", "--strict").code == 5


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_the_history_has_every_iteration(tmp_path: pathlib.Path, suffix: str) -> None:
    path = tmp_path / f"path.{suffix}"
    done = run("(w[0] - 1)^2 + (w[1] - 2)^4", "--at", "w=[5,5]", "--history", str(path), "--json")
    found = json.loads(done.out)
    lines = path.read_text().splitlines()
    if suffix == "csv":
        head, *rows = [line.split(",") for line in lines]
        table = [dict(zip(head, map(float, row), strict=True)) for row in rows]
        assert head[:5] == ["iteration", "value", "gradient_norm", "step", "evaluations"]
    else:
        table = [json.loads(line) for line in lines]
    assert [row["iteration"] for row in table] == list(range(found["iterations"] + 1))
    assert table[0]["w[0]"] == 5 and table[-1]["value"] == found["value"]
    assert all(a["value"] >= b["value"] for a, b in pairwise(table))
    assert table[-1]["evaluations"] == sum(found["evaluations"].values())


def test_no_half_history(tmp_path: pathlib.Path) -> None:
    assert run("ln(x)", "--at", "x=-1", "--history", str(tmp_path / "h.csv")).code == 5
    assert run("x^2", "--at", "x=1", "--history", str(tmp_path / "h.txt")).code == 2
    assert not list(tmp_path.iterdir())


def test_the_table_in_the_docs_has_every_function_and_newton_reaches_all() -> None:
    table = minima_page.PAGE.read_text().partition(minima_page.BEGIN)[2].partition(minima_page.END)[0]
    rows = {cells[1].strip().replace("\\", ""): cells for line in table.splitlines() if len(cells := line.split("|")) > 8}
    assert {problem.name for problem in KNOWN} <= set(rows)
    assert not any("not" in rows[problem.name][4] for problem in KNOWN)
    assert rows["reached"][4].strip() == f"{len(KNOWN)} of {len(KNOWN)}"


def test_plots_show_the_way(tmp_path: pathlib.Path) -> None:
    text = run("exp(x) - 2*x", "--at", "x=5", "--plot").out
    assert "the way of newton" in text and "iterations" in text and "○" in text
    plane = tmp_path / "way.svg"
    assert run(ROSENBROCK, "--at", "x=-1.2,y=1", "--plot", str(plane)).code == 0
    assert "equal value" in plane.read_text() and plane.read_text().count("<path") > 30
    assert "norm of the gradient" in run("sum(w^4) + w[0]", "--at", "w=[1,2,3]", "--plot").out
    assert run("x^2", "--at", "x=1", "--plot", "--json").code == 2
    assert "edge" in run("sqrt(x - 1) - 0*ln(x)", "--at", "x=5", "--plot").err


def test_contours_are_where_the_height_is() -> None:
    xs = [k / 10 for k in range(-20, 21)]
    heights = [[x * x + y * y if x < 1.5 else math.nan for x in xs] for y in xs]
    found = list(contour(xs, xs, heights, 1.0))
    assert len(found) > 40
    for ends in found:
        for x, y in ends:
            assert math.hypot(x, y) == pytest.approx(1, abs=0.01)
    saddle = list(contour([0, 1], [0, 1], [[1, -1], [-1, 1]], 0.0))
    assert len(saddle) == 2 and all(len({x for x, _ in ends} | {y for _, y in ends}) > 1 for ends in saddle)


def test_a_search_takes_one_engine_whatever_ran_before() -> None:
    """The last digits of sin differ between the engines; a switch in the middle would change the path."""
    pytest.importorskip("llvmlite", reason="the native engine needs llvmlite: pip install 'adcli[native]'")
    light, heavy = adcli.compile("sin(x) + x^2/9"), adcli.compile("s = 0\nfor i in 0..20000 { s += (x*sin(i) - 1)^2 }\ns")
    for program, engine in ((light, "interpret"), (heavy, "native")):
        first, second = (Search(Pointwise(program, {"x": 1.0}, None, None), Settings()) for _ in range(2))
        ends = first.find()[0], second.find()[0]
        assert first.program.engines == (engine,)
        assert (ends[0].at, ends[0].evaluations) == (ends[1].at, ends[1].evaluations)


LOGIT = "-logsigmoid(if t > 0.5 { w0 + w[0]*x1 + w[1]*x2 } else { -(w0 + w[0]*x1 + w[1]*x2) })"
POINTS = {
    "x1": [0.1, 0.8, 0.3, 0.5, 0.9, 0.2, 0.4, 0.7, 0.6, 0.2],
    "x2": [0.9, 0.7, 0.2, 0.6, 0.3, 0.1, 0.5, 0.1, 0.3, 0.85],
    "t": [1, 1, 0, 1, 1, 0, 0, 0, 1, 0],
}
AT = {"w0": 0, "w": [0, 0]}


@pytest.fixture
def points(tmp_path: pathlib.Path) -> str:
    lines = [",".join(POINTS), *(",".join(map(repr, row)) for row in zip(*POINTS.values(), strict=True))]
    (tmp_path / "points.csv").write_text("\n".join(lines) + "\n")
    return str(tmp_path / "points.csv")


@pytest.mark.parametrize("method", ["newton", "newton-cg", "lbfgs", "slsqp", "trust-constr"])
def test_sums_over_rows(method: str) -> None:
    """The minimum of a convex loss, where the gradient written out by hand is zero."""
    found = adcli.compile(LOGIT).minimize(AT, data=POINTS, method=method, mean=True)
    assert found.converged and set(found.at) == {"w0", "w"} and found.point == "minimum"
    x = np.stack([np.ones(10), POINTS["x1"], POINTS["x2"]], 1)
    p = 1 / (1 + np.exp(-x @ [found.at["w0"], *found.at["w"]]))
    np.testing.assert_allclose(x.T @ (p - POINTS["t"]), 0, atol=1e-7)
    assert found.value == pytest.approx(-np.mean(np.log(np.where(POINTS["t"], p, 1 - p))), rel=1e-12)


def test_bounds_and_constraints_over_rows() -> None:
    program = adcli.compile(LOGIT)
    assert program.minimize(AT, data=POINTS, bounds={"w": (None, 1)}).at_bounds == ["w[0]", "w[1]"]
    equal = program.minimize(AT, data=POINTS, constraints=["w[0] = w[1]"])
    assert equal.converged and equal.at["w"][0] == pytest.approx(equal.at["w"][1], rel=1e-12)
    with pytest.raises(UsageError, match="no input"):
        program.minimize(AT, data=POINTS, constraints=["x1 = w0"])


def test_descent_by_batches_comes_close_and_is_drawn_from_the_seed(points: str) -> None:
    words = [LOGIT, "--data", points, "--at", "w0=0,w=[0,0]", "--mean", "--method", "sgd", "--lr", "0.5", "--max-iterations", "300"]
    words.append("--json")
    done = run(*words)
    data = json.loads(done.out)
    assert done.code == 1 and data["iterations"] == 300 and "300 epochs" in data["reason"]
    assert 0.3467 < data["value"] < 0.4
    assert data["at"] == json.loads(run(*words).out)["at"]
    assert data["at"] != json.loads(run(*words, "--seed", "1").out)["at"]
    batches = json.loads(run(*words[:-1], "--batch", "5", "--json").out)
    assert batches["value"] < 0.5 and batches["at"] != data["at"]
    assert run(LOGIT, "--data", points, "--at", "w0=0,w=[0,0]", "--mean", "--method", "adam", "--batch", "4", "--lr", "0.1").code == 1


def test_the_history_of_epochs(points: str, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "h.csv"
    run(LOGIT, "--data", points, "--at", "w0=0,w=[0,0]", "--method", "sgd", "--max-iterations", "5", "--history", str(path))
    lines = path.read_text().splitlines()
    assert [line.split(",")[0] for line in lines] == ["iteration", "0", "1", "2", "3", "4", "5"]
    assert float(lines[-1].split(",")[1]) < float(lines[1].split(",")[1]) == pytest.approx(10 * math.log(2))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--batch", "2", "--at", "t=1,x1=1,x2=1"], "need data"),
        (["--method", "sgd", "--at", "t=1,x1=1,x2=1"], "need data"),
        (["--mean"], "--mean goes with --data"),
        (["--jobs", "2"], "--jobs goes with --data"),
        (["--data", "POINTS", "--batch", "2", "--method", "lbfgs"], "takes all rows"),
        (["--data", "POINTS", "--method", "sgd", "--bounds", "w0=0:1"], "no bounds"),
        (["--data", "POINTS", "--seed", "2"], "--seed"),
        (["--data", "POINTS", "--wrt", "w0,x1"], "no variable"),
        (["--data", "POINTS", "--at", "t=1"], "is a column"),
    ],
)
def test_options_of_rows_that_make_no_sense(points: str, words: list[str], message: str) -> None:
    done = run(LOGIT, "--at", "w0=0,w=[0,0]", *(points if word == "POINTS" else word for word in words))
    assert done.code == 2 and message in done.err


def test_a_row_without_a_value_at_the_start_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "d.csv").write_text("x\n1\n-2\n")
    done = run("(ln(x) - a)^2", "--data", str(tmp_path / "d.csv"), "--at", "a=0")
    assert done.code == 5 and "line 3" in done.err


@pytest.mark.parametrize("method", ["lbfgs", "slsqp", "trust-constr"])
def test_methods_of_scipy_say_what_to_install(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    done = run("x^2", "--at", "x=1", "--method", method)
    assert done.code == 2 and 'pip install "adcli[optimize]"' in done.err
    assert run("x^2", "--at", "x=1").code == 0


def test_negative_curvature_counts_beside_the_size_of_the_value() -> None:
    """A direction along which nothing happens any more is flat, whatever the sign of what rounding leaves of its curvature."""
    found = minimum("x^2 + exp(-y)", {"x": 1, "y": 200})
    assert found.converged and found.point == "flat"
    assert minimum("x^2 - 1e-3*y^2 + y^4", {"x": 1, "y": 0}).value == pytest.approx(-1e-6 / 4)


def test_where_rounding_ends_a_run_it_has_to_be_at_the_bottom() -> None:
    """Meyer's function by products: conjugate gradients do not reach the minimum of so bad a model, and say so."""
    problem = next(k for k in KNOWN if k.name == "meyer")
    found = adcli.compile(problem.text).minimize(method="newton-cg")
    assert found.converged == (found.value == pytest.approx(problem.minima[0], rel=1e-8))
    solution = minimum("sum((exp(w) - 2)^2)", {"w": [math.log(2), math.log(2)]})
    assert solution.converged and solution.iterations <= 1
