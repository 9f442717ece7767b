"""`roundoff`: digits right and lost against numbers computed independently with mpmath, where they got lost, and the cures."""
from __future__ import annotations

import json
import math
import sys
from typing import Any

import pytest
from mpmath import mp, mpf

import adcli
from adcli.api.roundoff import Choice, roundoff
from adcli.errors import LimitError, UsageError
from adcli.report.roundoff import Report, element
from tests.invoke import invoke


def report(text: str, of: str | None = None, choice: Choice | None = None, **at: Any) -> Report:
    return roundoff(adcli.compile(text), at, of, None, choice)[0]


def data(*words: str) -> Any:
    done = invoke(["roundoff", *words, "--json"])
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_all_digits_lost_at_the_difference() -> None:
    found = data("(1-cos(x))/x^2", "--at", "x=1e-8")
    assert found["outputs"]["value"] == {"value": 0.0, "exact": 0.5, "digits": 0.0}
    worst = found["worst"][0]
    assert (worst["operation"], worst["line"], worst["column"], worst["digits"]) == ("1-cos(x)", 1, 2, 0.0)
    assert worst["lost"] > 15.9 and worst["own_error"] == 0.0
    assert found["cures"] == [{"line": 1, "column": 2, "operation": "1-cos(x)", "instead": "2*sin(x/2)^2"}]
    assert found["gradient"]["x"]["exact"] == pytest.approx(-1e-8 / 12, rel=1e-12)


def test_digits_are_those_of_the_relative_error() -> None:
    """By hand: ln(1 + 1e-10) is off by the rounding of 1 + 1e-10, and 1e10 times that."""
    found = report("ln(1 + x)", x=1e-10)
    computed = math.log(1 + 1e-10)
    with mp.workdps(50):
        error = float(abs((computed - mp.log1p(mpf(1e-10))) / mp.log1p(mpf(1e-10))))
    assert found.outputs[0].digits == pytest.approx(-math.log10(error), abs=1e-9)
    (k,) = found.worst(1)
    assert found.operation(found.run.steps[k]) == "ln(1 + x)"
    own = found.run.steps[k].amplification
    assert own is not None and own == pytest.approx(1e10, rel=1e-3)


def test_a_loop_that_loses_more_than_fifty_digits_is_still_exact() -> None:
    """The logistic map doubles errors at each step: 400 steps lose 120 digits, and the exact value needs more than 50."""
    found = report("y = x\nfor i in 0..400 { y = 4*y*(1 - y) }\ny", x=0.2)
    with mp.workdps(300):
        y = mpf(0.2)
        for _ in range(400):
            y = 4 * y * (1 - y)
    assert found.run.precision > 120
    assert found.outputs[0].nearest == float(y)
    assert found.outputs[0].digits < 1


def test_lines_sum_what_their_operations_lost() -> None:
    found = report("a = x + 1\nb = a - 1\nc = b*b\nc", x=1e-9)
    first = found.lines()[0]
    assert (first.number, first.operations, first.text) == (2, 1, "b = a - 1")
    assert first.lost == first.most > 8
    assert sum(line.operations for line in found.lines()) == 3


def test_what_the_output_does_not_depend_on_is_left_out() -> None:
    found = report("u = (1 + x) - 1\nv = 2*x\noutput u\noutput v", of="v", x=1e-12)
    assert found.worst(None) == []
    assert [n.name for n in found.outputs] == ["v"]
    assert report("u = (1 + x) - 1\nv = 2*x\noutput u\noutput v", x=1e-12).worst(None) != []


def test_arrays_show_their_worst_element() -> None:
    found = report("input w: [n]\nu = (1 + w) - 1\nsum(u)", w=[0.25, 1e-13, 0.5])
    (k,) = found.worst(1)
    index, computed, exact = element(found.run.steps[k])
    assert index == (1,)
    assert computed == (1 + 1e-13) - 1
    assert float(exact) == 1e-13
    assert found.outputs[0].digits > 12


def test_an_operations_own_error_is_at_most_its_rounding() -> None:
    found = report("sqrt(x)*exp(y)/3 + sin(x*y) - y", x=1.7, y=0.3)
    assert all(found.run.steps[k].own < 2**-52 for k in found.steps)
    assert found.worst(None) == []


CURES = [
    ("1 - cos(x)", "2*sin(x/2)^2"), ("cos(x) - 1", "-2*sin(x/2)^2"), ("exp(x) - 1", "expm1(x)"), ("1 - exp(x)", "-expm1(x)"),
    ("ln(1 + x)", "log1p(x)"), ("ln(x + 1)", "log1p(x)"), ("ln(1 - x)", "log1p(-x)"), ("sqrt(1 + x) - 1", "x/(sqrt(1 + x) + 1)"),
    ("sqrt(2 + x) - sqrt(2)", "x/(sqrt(2 + x) + sqrt(2))"), ("(1 + x)^2 - 1", None), ("ln(3 + x) - ln(3)", "ln((3 + x)/3)"),
    ("1 - sigmoid(1/x)", "sigmoid(-(1/x))"), ("1 - erf(2 + 1/(1e9*x))", "erfc(2 + 1/(1e9*x))"), ("2*x", None),
    ("1 - cos(2*x)", "2*sin((2*x)/2)^2"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "instead"), CURES)
def test_cures(text: str, instead: str | None) -> None:
    """Recognised, and right: what is to be written instead has the digits that were lost."""
    x = 0.05 if "sigmoid" in text else 1e-9
    found = report(text, x=x)
    assert [cure.instead for cure in found.cures()] == ([] if instead is None else [instead])
    if instead is not None and not instead.startswith("ln("):
        better = report(instead, x=x)
        assert better.outputs[0].digits > 14.5
        assert float(better.outputs[0].exact) == pytest.approx(float(found.outputs[0].exact), rel=1e-14)


@pytest.mark.parametrize(("text", "at", "instead"), [
    ("a^2 - b^2", {"a": 1.0, "b": 1 - 1e-11}, "(a - b)*(a + b)"), ("a*a - b*b", {"a": 0.1, "b": 0.1 + 1e-12}, "(a - b)*(a + b)"),
    ("sqrt(x^2 + y^2)", {"x": 3e200, "y": 4e200}, "hypot(x, y)"), ("ln(exp(a) + exp(b))", {"a": 1000.0, "b": 999.0}, "logaddexp(a, b)"),
    ("input w: [n]\nln(sum(exp(w)))", {"w": [1000.0, 1001.0]}, "logsumexp(w)"),
    ("input w: [n]\nsqrt(sum(w^2))", {"w": [3e-200, 4e-200]}, "norm(w)"),
    ("input w: [n]\nmean(w^2) - mean(w)^2", {"w": [1e8, 1e8 + 1, 1e8 + 2]}, "var(w)"),
])  # fmt: skip
def test_cures_of_several_inputs(text: str, at: dict[str, Any], instead: str) -> None:
    found = report(text, **at)
    assert [cure.instead for cure in found.cures()] == [instead]
    head = "input w: [n]\n" if "w" in at else ""
    assert report(head + instead, **at).outputs[0].digits > 14


def test_long_runs_stop_and_say_what_to_do() -> None:
    with pytest.raises(LimitError) as caught:
        report("y = x\nfor i in 0..1000 { y = sin(y) }\ny", choice=Choice(most=500), x=1.0)
    assert "--max-operations" in (caught.value.help or "")


def test_the_gradient_of_long_runs_waits_until_asked() -> None:
    text = "y = x\nfor i in 0..20 { y = sin(y) }\ny"
    assert report(text, x=1.0).gradient
    assert not report(text, choice=Choice(gradient=False), x=1.0).gradient
    with pytest.raises(UsageError):
        report("output u = x\noutput v = x", choice=Choice(gradient=True), x=1.0)


LOST_IN_THE_SWEEP = [
    ("2*sin(x/2)^2/x^2", {"x": 1e-8}, "sum", "x/2", (1, 7)),  # two contributions of 1e8 leave -x/12
    ("(1-cos(x))/x^2", {"x": 1e-8}, "value", "1-cos(x)", (1, 2)),
    ("sin(1e8*x)", {"x": 0.3}, "partial", "sin(1e8*x)", (1, 1)),  # cos of a rounded argument
    ("y = x\nz = (1 + y)*1e-9\n(z - 1e-9)^2", {"x": 1e-12}, "value", "z - 1e-9", (3, 2)),
]


@pytest.mark.parametrize(("text", "at", "role", "operation", "place"), LOST_IN_THE_SWEEP)
def test_where_the_gradients_digits_got_lost(text: str, at: dict[str, Any], role: str, operation: str, place: tuple[int, int]) -> None:
    found = report(text, **at)
    assert found.back is not None
    worst = found.data(None)["gradient_worst"][0]
    assert (worst["role"], worst["operation"], (worst["line"], worst["column"])) == (role, operation, place)
    # What the sweep's worst operation lost is what the gradient has lost, as far as these examples go.
    assert worst["lost"] == pytest.approx(16 - found.gradient["x"].digits, abs=1.5)
    shown = found.text(10)
    assert ("digits of the gradient lost" in shown) == (role != "value")
    assert ("lost its digits there, too" in shown) == (role == "value")


def test_a_gradient_that_kept_its_digits_is_not_spoken_of() -> None:
    assert "digits of the gradient" not in report("ln(1 + x)", x=1e-10).text(10)
    assert report("ln(1 + x)", x=1e-10).data(None)["gradient_worst"] == []


def test_values_that_the_sweep_computes_again_are_values() -> None:
    """In loops too, whose sweep runs backwards, and with snapshots."""
    for tape in ("full", "sqrt"):
        program = adcli.compile("y = x\nfor i in 0..8 { y = sin(y)*y + 1 }\ny", tape=tape)
        back = roundoff(program, {"x": 0.3})[0].back
        assert back is not None
        roles = {(back.run.steps[k].let.op.name, back.roles[k]) for k in back.steps}
        assert {role for name, role in roles if name == "sin"} == {"value"}
        assert {role for name, role in roles if name == "cos"} == {"partial"}
        assert "sum" in {role for _, role in roles}


def test_without_mpmath_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpmath", None)
    done = invoke(["roundoff", "x^2", "--at", "x=1"])
    assert done.code == 2
    assert 'pip install "adcli[precise]"' in done.err


def test_integers_and_no_inputs() -> None:
    assert all(n.digits > 15 for n in report("2 + 3").outputs)
    found = report("sin(pi)")
    assert found.outputs[0].digits > 15
    assert found.gradient == {}


def test_where_there_is_no_number() -> None:
    assert data("ln(x)", "--at", "x=-1")["outputs"]["value"]["digits"] is None
    assert "no number to compare" in invoke(["roundoff", "ln(x)", "--at", "x=-1"]).out
    assert "exact" in invoke(["roundoff", "input n: int; 2*n", "--at", "n=3"]).out


def test_losses_that_do_not_reach_the_result() -> None:
    done = invoke(["roundoff", "1 + (1 - cos(x))", "--at", "x=1e-8"])
    assert "all 16 digits are right" in done.out
    assert "lost on the way, and not in the result" in done.out


@pytest.mark.parametrize(("text", "at", "want"), [
    ("root(y -> y^2 - x, 1.0)", {"x": 2.0}, math.sqrt(2)), ("grad(t -> t^3, x)", {"x": 2.0}, 12.0),
    ("fn f(t) = t^2\nrule f(t) { dt = 2*t }\nf(x)", {"x": 3.0}, 9.0),
    ("fn f(n) { if n <= 0 { return 1 }\nreturn n*f(n - 1) }\nf(5)*x", {"x": 2.0}, 240.0),
    ("input a: [2, 2]\nsum(inv(a))", {"a": [[1.0, 2.0], [3.0, 5.0]]}, -1.0),
    ("y = x\nwhile abs(y^2 - x) > 1e-12 { y = (y + x/y)/2 }\ny", {"x": 2.0}, math.sqrt(2)),
])  # fmt: skip
def test_programs_of_every_kind(text: str, at: dict[str, Any], want: float) -> None:
    found = report(text, **at)
    assert found.outputs[0].digits > 11
    assert float(found.outputs[0].exact) == pytest.approx(want, rel=1e-9)


def test_strict_gives_no_result() -> None:
    done = invoke(["roundoff", "1/x", "--at", "x=0", "--strict"])
    assert (done.code, done.out) == (5, "")
    assert "flag[" in done.err
