"""Derivatives at special points, and the flags they carry: one set of conventions for every mode."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    ("text", "slopes"),
    [
        # The tangent of x is a 0 that no path made, and meets an infinite derivative in a forward sweep.
        ("(if 100 <= x { x } else { y })^0.5", (0, np.inf)),
        ("where(x > 100, x, y)^0.5", (0, np.inf)),
        ("z = y; for i in 0..2 { z = if 100 <= x { x } else { z } }; sqrt(z)", (0, np.inf)),
        ("fn f(a, b) = if 100 <= a { a } else { b }\nsqrt(f(x, y))", (0, np.inf)),
        ("sum(sqrt([x + 1, y]))", (0.25, np.inf)),
        # The adjoint of z is one, in a reverse sweep.
        ("z = sqrt(y); if x > 100 { x + z } else { x }", (1, 0)),
        ("z = sqrt(y); s = 0; for i in 0..3 { s += if x > 100 { z } else { x } }; s", (3, 0)),
        ("z = sqrt([y, x + 1]); z[1]", (0.25, 0)),
        ("sort([sqrt(y), x])[1]", (1, 0)),
        # Here the path ran.
        ("sqrt(y*x)", (np.nan, np.inf)),
        ("sqrt(y)^2 + x", (1, np.nan)),
    ],
)
@pytest.mark.parametrize("engine", ["interpret", "native"])
def test_a_zero_without_a_path_meets_no_infinity(text: str, slopes: tuple[float, float], engine: str) -> None:
    """Both modes, and what is made of them, give the same; only a 0 on a path that ran makes nan."""
    f = adcli.compile("input x, y\n" + text, engine=engine)
    at = {"x": 3.0, "y": 0.0}
    expected = {"x": slopes[0], "y": slopes[1]}
    for mode in ("forward", "reverse"):
        assert f.gradient(at, mode=mode) == pytest.approx(expected, nan_ok=True)
    assert f.jacobian(at)["value"] == pytest.approx(expected, nan_ok=True)
    assert f.vjp(at, cotangent=1.0) == pytest.approx(expected, nan_ok=True)
    for name, slope in expected.items():
        assert f.jvp(at, along={name: 1.0})["value"] == pytest.approx(slope, nan_ok=True)
    second = f.hessian(at)
    assert second["x"]["y"] == pytest.approx(second["y"]["x"], nan_ok=True)


def test_arrays_and_cotangents_too_meet_no_infinity() -> None:
    f = adcli.compile("z = sqrt(v); [z[1], 2*v[0]]")
    assert f.vjp(v=[0, 4], cotangent=[1, 3])["v"].tolist() == [6, 0.25]
    assert f.vjp(v=[0, 4], cotangent=[0, 1])["v"].tolist() == [2, 0]
    assert f.jvp(v=[0, 4], along={"v": [1, 4]})["value"].tolist() == [1, 2]
    g = adcli.compile("sqrt([v[0], v[1]])")
    assert g.jvp(v=[0, 4], along={"v": [0, 1]})["value"].tolist() == [0, 0.25]
    assert adcli.compile("sum(sqrt([x, y]))").hessian(x=4, y=0)["x"] == {"x": -1 / 32, "y": 0}


def test_a_hessian_vector_product_is_the_hessians_rows_times_the_direction() -> None:
    f = adcli.compile("sum(sqrt(v)) + x*v[1]")
    assert f.hvp(v=[0, 1], x=2, along={"v": [0, 1], "x": 2}) == {"v": pytest.approx([0, 1.75]), "x": 1}


def test_a_literal_that_overflows_explains_an_infinite_value() -> None:
    f = adcli.compile("x + 1e400")
    assert f.value(x=1) == np.inf
    assert [(flag.code, flag.at) for flag in f.flags] == [("overflow-literal", "value")]


_LEAVES = st.sampled_from(["x", "y", "0", "1", "0.5", "x*y", "v[0]", "v[1]"])
_FORMS = (
    "({0} - {1})", "({0})*({1})", "({0})/({1})", "sqrt({0})", "abs({0})", "cbrt({0})", "max({0}, {1})", "({0})^0.5", "({0})^({1})",
    "(if {0} < {1} {{ {2} }} else {{ {1} }})", "where({0} > {1}, {1}, {2})", "sum(v*({0}))", "[{0}, {1}][1]", "norm([{0}, {2}])",
)  # fmt: skip
_ENDS = ("if x > 1 { z } else { w }", "[z, w][0]", "z + w", "s = z; for i in 0..2 { s = w*i }; s")
_BRANCHED = st.recursive(_LEAVES, lambda inner: st.builds(str.format, st.sampled_from(_FORMS), inner, inner, inner), max_leaves=12)


@given(
    _BRANCHED,
    _BRANCHED,
    st.sampled_from(_ENDS),
    st.sampled_from([0.0, 1.0, -1.0, 2.0]),
    st.sampled_from([0.0, 1.0, 3.0]),
    st.sampled_from([[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]),
)
def test_both_modes_agree_at_special_points(z: str, w: str, end: str, x: float, y: float, v: list[float]) -> None:
    """At kinks, poles and edges, where one mode alone may form 0 times infinity: nan is where both say so, and nowhere else."""
    f = adcli.compile(f"input x, y\ninput v: [2]\nz = {z}\nw = {w}\n{end}", engine="interpret")
    back, along = (f.gradient(x=x, y=y, v=v, mode=mode) for mode in ("reverse", "forward"))
    for name in back:
        assert back[name] == pytest.approx(along[name], rel=1e-9, abs=1e-12, nan_ok=True)
