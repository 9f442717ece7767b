"""Custom rules: a function's own partial derivatives, in every mode and order."""

from __future__ import annotations

import numpy as np
import pytest

import adcli
from adcli.engines.limits import Limits
from adcli.engines.record import record
from adcli.errors import LimitError, ProgramError, Source
from adcli.ir.types import REAL
from adcli.lower import lower
from adcli.syntax import parse

SQUARE = "fn f(x, y) = x^2*sin(y)\nrule f(x, y) { dx = 2*x*sin(y); dy = x^2*cos(y) }\n"
PROGRAMS = {
    "formula": "f(a*b, b) + f(b, 2)",
    "loop": "s = a\nfor i in 0..3 { s = f(s, b) + s/2 }\ns",
    "branch": "if a > b { f(a, b)*a } else { f(b, a) }",
    "function": "fn g(u) = f(u, u*b)\ng(a)*g(b)",
    "recursion": "fn g(u, n) { if n == 0 { return u }\nreturn f(g(u, n - 1), b) }\ng(a, 3)",
    "nested": "grad(u -> f(u, b)*u, a)",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_true_rule_changes_nothing(name: str) -> None:
    at = {"a": 0.7, "b": 0.4}
    ruled = adcli.compile(SQUARE + PROGRAMS[name])
    plain = adcli.compile(SQUARE.splitlines()[0] + "\n" + PROGRAMS[name])
    assert ruled.value(**at) == plain.value(**at)
    for mode in ("forward", "reverse"):
        found, wanted = ruled.gradient(mode=mode, **at), plain.gradient(mode=mode, **at)
        assert {k: float(v) for k, v in found.items()} == pytest.approx({k: float(v) for k, v in wanted.items()}, rel=1e-12)
    found, wanted = ruled.hessian(**at), plain.hessian(**at)
    for k in at:
        assert {j: float(v) for j, v in found[k].items()} == pytest.approx({j: float(v) for j, v in wanted[k].items()}, rel=1e-11)


def test_the_rule_stands_in_place_of_the_function() -> None:
    text = "fn hard(x) = floor(x)\nrule hard(x) { dx = 1 }\nhard(a)*a"
    program = adcli.compile(text)
    assert float(program.gradient(a=2.5)["a"]) == 2.0 + 2.5
    assert float(program.gradient(mode="forward", a=2.5)["a"]) == 4.5


def test_a_parameter_without_partial_has_no_path() -> None:
    program = adcli.compile("fn f(x, y) = x*y\nrule f(x, y) { dx = y }\nf(a, b)")
    assert {k: float(v) for k, v in program.gradient(a=2.0, b=3.0).items()} == {"a": 3.0, "b": 0.0}


def test_arrays() -> None:
    gradient = adcli.compile("fn f(v) = sum(v)\nrule f(v) { dv = out*v }\nf(w*w)").gradient(w=[1.0, 2.0])["w"]
    np.testing.assert_allclose(gradient, [5 * 1 * 2 * 1, 5 * 4 * 2 * 2])
    elementwise = "fn f(v) = v^2\nrule f(v) { dv = 2*v }\nsum(f(w)*w)"
    np.testing.assert_allclose(adcli.compile(elementwise).gradient(w=[1.0, 2.0])["w"], [3.0, 12.0])


def test_a_program_that_is_one_ruled_function() -> None:
    assert float(adcli.compile("fn f(x) = floor(x)\nrule f(x) { dx = 7 }").gradient(x=2.5)["x"]) == 7.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rule g(x) { dx = 1 }\n2", "no function of the program"),
        ("fn g(x) = x\nrule g(x, y) { dx = 1 }\ng(1)", "2 parameters"),
        ("fn g(x) = x\nrule g(x) { dy = 1 }\ng(1)", "no partial derivative"),
        ("fn g(x) = x\nrule g(x) { dx = 1 }\nrule g(x) { dx = 1 }\ng(1)", "two rules"),
        ("fn g(x) = k*x\nrule g(x) { dx = k }\nk = a*2\ng(1)", "only its parameters"),
        ("fn g(v) = sum(v)\nrule g(v) { dv = [1, 2, 3] }\ng([1, 2])", "should have"),
        ("fn g(x) = x\nrule g(x) { if x > 0 { dx = 1 } }\ng(1)", "'dx'"),
    ],
)
def test_rules_that_do_not_fit(text: str, message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        adcli.compile(text).value(**({"a": 1.0} if "a*2" in text else {}))


def test_the_printer_keeps_rules() -> None:
    from adcli.errors import Source
    from adcli.syntax import parse, show

    text = "fn f(x) = x^2\nrule f(x) {\n    dx = 2*x\n}\nf(a)\n"
    assert show(parse(Source(text)), Source(text)) == text


def test_the_trace_takes_the_rule() -> None:
    program = adcli.compile("fn hard(x) = floor(x)\nrule hard(x) { dx = 3 }\nhard(a)*a")
    table = str(program.trace(a=2.5))
    assert "hard(v₀)" in table and "dx(2.5)" in table and "9.5" in table


def test_a_recorded_call_counts_its_steps() -> None:
    """Two calls of 51 steps each pass a limit that one alone keeps."""
    source = Source("fn f(x) { s = x\nfor i in 0..50 { s = s*x }\ns }\nrule f(x) { dx = 1 }\nf(a) + f(a)")
    lowered = lower(parse(source), source, {"a": REAL})
    assert len(record(lowered, [1.0], Limits(max_steps=102))) == 4
    with pytest.raises(LimitError, match="more than 101 steps"):
        record(lowered, [1.0], Limits(max_steps=101))
