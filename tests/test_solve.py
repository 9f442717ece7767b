"""`solve`: roots to the last digit, and what it says where there are none."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

import adcli
from adcli.api.solve import equations
from adcli.errors import EvaluationError, LimitError, ProgramError, UsageError
from adcli.report.root import Root
from tests.invoke import invoke


def root(text: str, at: dict[str, Any], **settings: Any) -> Root:
    return adcli.compile(text).solve(at, **settings)


def test_a_system_to_the_last_digit() -> None:
    found = equations(["x^2 + y^2 = 1", "x = y"]).solve(x=1, y=0.5)
    assert found.converged
    assert found.at == {"x": pytest.approx(math.sqrt(0.5), rel=2e-16), "y": pytest.approx(math.sqrt(0.5), rel=2e-16)}
    assert found.residual_norm < 1e-15 and set(found.residuals) == {"equation1", "equation2"}


def broyden(n: int) -> str:
    """Broyden's tridiagonal system: Moré, Garbow and Hillstrom, problem 30."""
    return (
        f"input x: [n]\nf = zeros({n})\nfor i in 0..{n} {{\n  f[i] = (3 - 2*x[i])*x[i] + 1\n"
        "  if i > 0 { f[i] -= x[i - 1] }\n  if i < n - 1 { f[i] -= 2*x[i + 1] }\n}\nf"
    )


# Moré, Garbow and Hillstrom, problems 1, 3, 7, 13 and 14 as systems: text, start, root.
CLASSIC: list[tuple[str, str, list[float], list[float] | None]] = [
    ("rosenbrock", "input x: [2]; [10*(x[1] - x[0]^2), 1 - x[0]]", [-1.2, 1], [1, 1]),
    (
        "powell badly scaled", "input x: [2]; [1e4*x[0]*x[1] - 1, exp(-x[0]) + exp(-x[1]) - 1.0001]", [0, 1],
        [1.0981593296998e-5, 9.10614673986652],
    ),
    (
        "helical valley",
        "input x: [3]; [10*(x[2] - 10*(atan(x[1]/x[0])/(2*pi) + (if x[0] > 0 { 0.0 } else { 0.5 }))), 10*(norm(x[..2]) - 1), x[2]]",
        [-1, 0, 0], [1, 0, 0],
    ),
    (
        "powell singular", "input x: [4]; [x[0] + 10*x[1], sqrt(5)*(x[2] - x[3]), (x[1] - 2*x[2])^2, sqrt(10)*(x[0] - x[3])^2]",
        [3, -1, 0, 1], [0, 0, 0, 0],
    ),
    ("broyden tridiagonal", broyden(50), [-1] * 50, None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "start", "expected"), CLASSIC, ids=[name for name, *_ in CLASSIC])
def test_classic_systems(name: str, text: str, start: list[float], expected: list[float] | None) -> None:
    found = root(text, {"x": start})
    assert found.converged, found.reason
    assert found.residual_norm < 1e-10
    if expected is not None:
        np.testing.assert_allclose(found.at["x"], expected, rtol=1e-11, atol=1e-7 if name == "powell singular" else 1e-14)


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("atan(x)", 20.0, 0.0),  # Newton's method alone runs away
        ("x^2 - 2", 0.0, math.sqrt(2)),  # a singular Jacobian at the start
        ("ln(x)", 30.0, 1.0),  # steps to where there is no value
        ("1e-20*(x - 3)", 0.0, 3.0),
        ("x^3 - 2*x + 2", 0.0, -1.7692923542386314),  # Newton's method alone goes round in circles
        ("w = [1, 2, 3]; i = int(floor(x)); x^2 - 0.25 + 0*w[i]", 2.9, 0.5),
    ],
)
def test_single_equations(text: str, start: float, expected: float) -> None:
    found = root(text, {"x": start})
    assert found.converged, found.reason
    assert abs(found.at["x"]) == pytest.approx(abs(expected), rel=1e-15, abs=1e-300)


def test_double_roots_to_the_digits_they_have() -> None:
    found = root("x^2 - 2*x + 1", {"x": 3})
    assert found.converged and found.at["x"] == pytest.approx(1, abs=1e-7)


def test_where_there_is_no_root() -> None:
    found = root("x^2 + 1", {"x": 3})
    assert not found.converged and found.residual_norm == pytest.approx(1) and "no root" in found.reason
    assert abs(found.at["x"]) < 1e-6
    assert "no root" in root("1e20*x^2 + 1", {"x": 1}).reason
    fading = root("exp(x)", {"x": 0})
    assert not fading.converged and "without an end" in fading.reason
    parallel = equations(["x + y = 1", "2*x + 2*y = 3"]).solve(x=0, y=5)
    assert not parallel.converged and parallel.residual_norm == pytest.approx(1 / math.sqrt(5))
    assert math.isinf(parallel.newton_step)


def test_many_roots_where_the_jacobian_is_singular() -> None:
    found = equations(["x + y = 1", "2*x + 2*y = 2"]).solve(x=0, y=5)
    assert found.converged and found.at["x"] + found.at["y"] == pytest.approx(1)
    assert "singular" in found.sentences()[1]


def test_brackets_are_safe() -> None:
    found = root("exp(x) - 5*x", {}, bounds={"x": (0, 1)})
    assert found.method == "bracket" and found.at["x"] == pytest.approx(0.2591711018190737, rel=1e-15)
    assert found.iterations < 10
    assert root("x^9", {}, bounds={"x": (-1, 2)}).converged
    steep = root("tanh(1e6*(x - 0.3))", {}, bounds={"x": (-1, 1)})
    assert steep.converged and steep.at["x"] == pytest.approx(0.3, rel=1e-15)
    for text in ("1/x", "(if x > 0.3 { 1.0 } else { -1.0 }) + 0*x"):
        found = root(text, {}, bounds={"x": (-1, 2)})
        assert not found.converged and "pole" in found.reason


def test_bounds_without_a_change_of_sign() -> None:
    found = root("x^2 - 4", {}, bounds={"x": (-9, 9)})
    assert found.converged and abs(found.at["x"]) == 2 and found.method == "newton"
    found = root("x^2 - 4", {"x": 1}, bounds={"x": (0, 1)})
    assert not found.converged and found.at["x"] == 1


def test_unknowns_that_stay() -> None:
    found = root("input n: int = 4\nx^2 - 2*x*n*y", {"x": 30, "y": 0.5}, wrt=["x"])
    assert found.converged and found.at == {"n": 4, "x": 4.0, "y": 0.5}


def test_as_many_equations_as_unknowns() -> None:
    with pytest.raises(UsageError) as caught:
        root("x + y", {"x": 1, "y": 2})
    assert "1 equation and 2 variables (x, y)" in caught.value.message and "--wrt" in (caught.value.help or "")
    with pytest.raises(UsageError):
        root("output a = x\noutput b = x - 1", {"x": 1})


def test_starts_without_values() -> None:
    with pytest.raises(EvaluationError):
        root("ln(x)", {"x": -1})
    with pytest.raises(EvaluationError):
        root("sqrt(x) - 1", {"x": 0})


def test_the_time_limit_is_for_the_whole_search() -> None:
    from adcli.engines.limits import Limits

    with pytest.raises(LimitError):
        adcli.compile("exp(x)", limits=Limits(timeout=1e-4)).solve(x=0)


@pytest.mark.parametrize(
    ("texts", "line", "column"),
    [(["x = 1", "y = cosh(x) + foo(2)"], 2, 15), (["x + sinn(x) = y"], 1, 5), (["x = 1", "[x, y] = [1, 2, 3]*x"], 2, 1)],
)
def test_errors_in_equations_stand_at_their_place(texts: list[str], line: int, column: int) -> None:
    with pytest.raises(ProgramError) as caught:
        equations(texts).solve(x=1, y=1)
    error = caught.value
    assert error.source is not None and error.span is not None
    assert error.source.position(error.span.start) == (line, column)
    assert error.source.line(line) == texts[line - 1]


def run(*words: str) -> Any:
    return invoke(["solve", *words])


def test_the_command() -> None:
    assert run("x = cos(x)", "--at", "x=1", "--get", "x").out == "0.7390851332151607\n"
    done = run("--equation", "x^2 + y^2 = 1", "--equation", "x = y", "--at", "x=1,y=0.5", "--json")
    data = json.loads(done.out)
    assert done.code == 0 and data["schema"] == "adcli/solve/1" and data["at"]["x"] == pytest.approx(math.sqrt(0.5))
    assert data["evaluations"]["jacobian"] < 10 and data["condition"] == pytest.approx(math.sqrt(2))
    lost = run("x^2 + 1", "--at", "x=3")
    assert lost.code == 1 and "no root" in lost.err and "residual_norm\t1.0" in lost.out
    assert run("x^2 <= 2", "--at", "x=3").code == 2
    assert run("x^2 == 4", "--at", "x=3", "--get", "x").out == "2.0\n"
    several = run("x^2 + y^2 = 1; x = y", "--at", "x=3,y=1")
    assert several.code == 3 and "--equation" in several.err
    assert run("--equation", "x <= 2", "--at", "x=3").code == 2
    assert run("x", "--equation", "x = 2", "--at", "x=3").code == 2


def test_a_program_of_one_equation_is_solved_as_one() -> None:
    """`x = cos(x)` would assign, and its root be that of cos(x)."""
    assert run("x = cos(x)  # a fixed point", "--at", "x=1", "--get", "x").out == "0.7390851332151607\n"
    assert float(run("y = cos(x); y", "--at", "x=1", "--get", "x").out) == pytest.approx(math.pi / 2)
