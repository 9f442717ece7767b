"""Derivatives at special points, and the flags they carry: one set of conventions for every mode."""

from __future__ import annotations

import numpy as np
import pytest

import adcli


def flags(program: adcli.Program) -> list[tuple[str, str]]:
    return [(flag.code, flag.op) for flag in program.flags]


@pytest.mark.parametrize(
    ("text", "at", "flag"),
    [
        ("sqrt(x)", {"x": 0}, ("singular", "sqrt")),
        ("cbrt(x)^3", {"x": 0}, ("singular", "cbrt")),
        ("asin(x)", {"x": 1}, ("singular", "asin")),
        ("asin(x)", {"x": 2}, ("domain", "asin")),
        ("ln(x)", {"x": 0}, ("singular", "ln")),
        ("sin(x)", {"x": float("inf")}, ("domain", "sin")),
        ("atan2(y, x)", {"x": 0, "y": 0}, ("singular", "atan2")),
        ("1/x", {"x": 0}, ("singular", "div")),
    ],
)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_flags_name_the_programs_own_operations(text: str, at: dict[str, float], flag: tuple[str, str], mode: str) -> None:
    """Not the divisions and roots that their derivatives are made of."""
    f = adcli.compile(text)
    f.gradient(at, mode=mode)
    assert set(flags(f)) == {flag}


@pytest.mark.parametrize(
    ("text", "at", "codes"),
    [
        ("sum(where(v > 0, v^0.5, v^2))", [0, 2], ["branch-boundary"]),
        ("w = v; for i in 0..2 { w = where(w > 0, sqrt(w), 0) }; sum(w)", [-1, 2], ["branch-boundary"]),
        ("sum(where(v > 1, max(v, 1), v))", [1, 2], ["branch-boundary"]),
        ("a = abs(v); sum(where(v < 1, a, v^2))", [2, 0], ["nondifferentiable"]),
        ("sum(where(v > 3, where(v > 2, v, 0), v))", [2, 2], []),
        ("sum(where(v > 1, abs(v), 0)) + abs(v[0])", [0, 2], ["nondifferentiable"]),
        ("a = abs(v); sum(where(v > 1, a, 0)) + a[0]", [0, 2], ["nondifferentiable"]),
        ("sum(where(v != 0, norm(v - v), v))", [0, 0], ["equality-branch"]),
    ],
)
def test_a_lane_that_where_does_not_take_is_not_flagged(text: str, at: list[float], codes: list[str]) -> None:
    f = adcli.compile(text)
    for mode in ("forward", "reverse"):
        f.gradient(v=at, mode=mode)
        assert [flag.code for flag in f.flags] == codes


@pytest.mark.parametrize(
    "lane", ["[ln(v[0]), ln(v[1])]", "concat(ln(v[..1]), ln(v[1..]))", "-ln(v)'", "2*reshape(ln(reshape(v, 2, 1)), 2)", "ln(v)*v"]
)
def test_a_lane_that_where_does_not_take_has_no_derivative(lane: str) -> None:
    f = adcli.compile(f"sum(where(v > 0, {lane}, 0))")
    for mode in ("forward", "reverse"):
        slopes = f.gradient(v=[-1, 2], mode=mode)["v"]
        assert slopes[0] == 0 and np.isfinite(slopes[1])
    assert np.isfinite(f.hessian(v=[-1, 2])["v"]["v"]).all()


def test_an_element_that_does_not_move_makes_no_nan() -> None:
    """Its tangent 0 times its own infinite derivative would be."""
    f = adcli.compile("sum(sqrt(v))")
    assert f.gradient(v=[0, 1, 0], mode="forward")["v"].tolist() == f.gradient(v=[0, 1, 0])["v"].tolist() == [np.inf, 0.5, np.inf]
    assert adcli.compile("sqrt(v)").jacobian(v=[0, 1])["value"]["v"].tolist() == [[np.inf, 0], [0, 0.5]]
    for at in ([0, 1], [1, 0]):
        assert sorted(f.hessian(v=at)["v"]["v"].ravel().tolist()) == [-np.inf, -0.25, 0, 0]


def test_zero_times_infinity_stays_nan_on_a_path_that_ran() -> None:
    for mode in ("forward", "reverse"):
        assert np.isnan(adcli.compile("sum(v*sqrt(v))").gradient(v=[0, 1], mode=mode)["v"][0])


def test_derivatives_at_the_ends_of_the_range() -> None:
    assert adcli.compile("log10(x)").gradient(x=1e308)["x"] == pytest.approx(4.342944819032518e-309, rel=1e-13)
    assert adcli.compile("acosh(x)").hessian(x=1)["x"]["x"] == -np.inf
    assert adcli.compile("acosh(x)").gradient(x=1e200)["x"] == 1e-200
