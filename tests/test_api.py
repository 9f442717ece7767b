"""`adcli.compile` and the program it returns."""

from __future__ import annotations

import numpy as np
import pytest

import adcli
from adcli.errors import DataError, NoFormula, ParseError, ShapeError, UsageError


def test_values_and_gradients() -> None:
    f = adcli.compile("x1*x2 + sin(x1)")
    assert f.value(x1=2, x2=5) == 10.909297426825681
    assert f.gradient(x1=2, x2=5) == f.gradient(x1=2.0, x2=5.0, mode="forward") == {"x1": 4.583853163452858, "x2": 2.0}
    assert f.gradient(x1=2, x2=5, wrt=["x2"]) == {"x2": 2.0}
    assert [i.name for i in f.inputs] == ["x1", "x2"] and f.outputs == ("value",) and f.flags == []


def test_outputs_of_every_kind() -> None:
    assert adcli.compile("7//2").value() == 3
    assert adcli.compile("1 < 2").value() is True
    several = adcli.compile("output a = x; output b = [x, 2*x]").value(x=1.5)
    assert several["a"] == 1.5 and several["b"].tolist() == [1.5, 3.0]


def test_arrays_of_several_shapes() -> None:
    f = adcli.compile("sum(w^2)")
    for value in ([1, 2], (1, 2), np.array([1.0, 2.0]), np.array([1, 2])):
        assert f.gradient(w=value)["w"].tolist() == [2.0, 4.0]
    assert f.value(w=[[1, 2], [3, 4]]) == 30.0
    assert adcli.compile("2*x").value(x=np.float32(3)) == adcli.compile("2*x").value(x=np.array(3)) == 6.0


def test_arguments_are_not_changed() -> None:
    w = np.array([1.0, 2.0])
    assert adcli.compile("input w: [2]; w[0] = 5; sum(w)").value(w=w) == 7.0
    assert w.tolist() == [1.0, 2.0]


def test_names_that_are_options() -> None:
    f = adcli.compile("of*wrt")
    assert f.gradient({"of": 2, "wrt": 3}) == {"of": 3.0, "wrt": 2.0}


def test_second_derivatives() -> None:
    f = adcli.compile("x^2*y + y^3")
    assert f.hessian(x=1, y=2) == {"x": {"x": 4.0, "y": 2.0}, "y": {"x": 2.0, "y": 12.0}}
    assert f.hvp(x=1, y=2, along={"x": 1}) == {"x": 4.0, "y": 2.0}


def test_products() -> None:
    f = adcli.compile("output u = x*y; output v = x + y")
    assert f.jacobian(x=2, y=5) == {"u": {"x": 5.0, "y": 2.0}, "v": {"x": 1.0, "y": 1.0}}
    assert f.jvp(x=2, y=5, along={"x": 1.0}) == {"u": 5.0, "v": 1.0}
    assert f.vjp(x=2, y=5, cotangent={"u": 1.0}) == {"x": 5.0, "y": 2.0}


def test_flags() -> None:
    f = adcli.compile("abs(x)")
    f.gradient(x=0)
    assert [flag.code for flag in f.flags] == ["nondifferentiable"]
    f.gradient(x=1)
    assert f.flags == []


def test_formulas() -> None:
    f = adcli.compile("input w: [2]; input n: int = 2; x1*x2 + sin(x1) + sum(w^n)")
    assert f.derive(wrt=["x1"]).texts == {"x1": "x2 + cos(x1)"}
    assert f.derive(n=3, wrt=["w"]).texts == {"w[0]": "3*w[0]^2", "w[1]": "3*w[1]^2"}
    assert f.derive({"n": 3}, wrt=["w"], order=3).texts["w[0],w[0],w[0]"] == "6"
    assert adcli.compile("x^2").derive(raw=True).operations == 1
    with pytest.raises(NoFormula, match="depends on the inputs"):
        adcli.compile("while x < 10 { x = 2*x }; output y = x").derive()


def test_checks() -> None:
    f = adcli.compile("x1*sum(w^2)")
    at = {"x1": 2, "w": [1, 3]}
    assert f.check(at).verdict == "RIGHT" and f.check(x1=2, w=[1, 3], wrt=["x1"]).gradient == {"x1": 10.0}
    assert f.check(at, gradient=f.gradient(at)).verdict == "RIGHT"
    wrong = f.check(at, gradient={"x1": 10, "w": [4, 11.9]})
    assert wrong.verdict == "WRONG" and [one.name for one in wrong.findings if one.verdict == "WRONG"] == ["w[1]"]
    with pytest.raises(DataError, match="no derivative by 'w'"):
        f.check(at, gradient={"x1": 10})
    with pytest.raises(DataError, match="1 numbers for 'w'"):
        f.check(at, gradient={"x1": 10, "w": 4})
    assert adcli.compile("abs(x)").check(x=0).verdict == "NON-SMOOTH"


def test_comparisons() -> None:
    f = adcli.compile("x1*x2 + sin(x1)")
    manual = adcli.compile("output d_x1 = x2 + cos(x1); output d_x2 = x1")
    ways = {way.name: way for way in f.compare(x1=2, x2=5, manual=manual).ways}
    for name in ("manual", "symbolic", "forward mode", "reverse mode"):
        assert ways[name].gradient == pytest.approx(f.gradient(x1=2, x2=5), rel=1e-15), name
    assert ways["forward difference"].error.absolute > ways["manual"].error.absolute
    f = adcli.compile("abs(x)")
    f.compare(x=0)
    assert [flag.code for flag in f.flags] == ["nondifferentiable"]


def test_errors() -> None:
    with pytest.raises(ParseError):
        adcli.compile("x +")
    f = adcli.compile("input v: [2]; sum(v)")
    with pytest.raises(UsageError):
        f.value()
    with pytest.raises(UsageError):
        f.value(v=[1, 2], w=1)
    with pytest.raises(UsageError):
        f.value(v="12")
    with pytest.raises(UsageError):
        f.value(v=np.array([1j, 2]))
    with pytest.raises(ShapeError):
        f.value(v=[1, 2, 3])
    assert issubclass(ParseError, adcli.AdcliError)


def test_a_shape_is_compiled_once() -> None:
    f = adcli.compile("sum(v)")
    first = f.bind({"v": [1, 2]})[0]
    assert f.bind({"v": [3, 4]})[0] is first and f.bind({"v": [3, 4, 5]})[0] is not first


def test_blocks_nested_deep() -> None:
    f = adcli.compile("if x > 0 { " * 300 + "x = x*x" + " }" * 300 + "; x*x")
    assert f.gradient(x=0.5) == {"x": 0.5} and f.hessian(x=0.5) == {"x": {"x": 3.0}}
