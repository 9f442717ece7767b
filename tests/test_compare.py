"""`adcli compare`: every way against numbers known apart from it, the V of its plot, and what it does where a way cannot."""
from __future__ import annotations

import importlib.util
import json
import math
import pathlib
import re
import sys
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

import adcli
from adcli.api import compare as compared
from adcli.api.compare import compare
from adcli.api.steps import by_step, fit, steps
from adcli.report.plot_text import columns
from tests.invoke import invoke

SAMPLE = str(pathlib.Path(__file__).parent.parent / "samples" / "logistic_map.adl")
L4 = ["compare", SAMPLE, "--seconds", "0"]
EXACT = {"manual", "symbolic", "complex step", "forward mode", "reverse mode"}


def data(*words: str) -> dict[str, Any]:
    done = invoke(["compare", *words, "--seconds", "0", "--json"])
    assert done.code == 0, done.err
    return json.loads(done.out)


def methods(*words: str) -> dict[str, dict[str, Any]]:
    return {m["method"]: m for m in data(*words)["methods"]}


def fails(code: int, *words: str) -> str:
    done = invoke(["compare", *words, "--seconds", "0"])
    assert (done.code, done.out) == (code, ""), (done.code, done.err)
    assert "help: " in done.err
    return done.err


def test_the_fourth_iterate_of_the_logistic_map() -> None:
    """9.0660864 at 0.2, by all ways, each as well as it can (the value by exact rational arithmetic)."""
    found = methods(SAMPLE)
    limits = {"forward difference": 1e-6, "central difference": 1e-7, "Richardson": 1e-10} | dict.fromkeys(EXACT, 1e-14)
    limits["symbolic"] = 1e-12  # the polynomial cancels
    for name, m in found.items():
        assert abs(m["gradient"]["x"] - 9.0660864) < limits[name] + 1e-14, name
        assert m["error"]["absolute"] < limits[name] and m["error"]["at"] == "x" and m["note"] == "" and m["seconds"] is None
    assert found["forward difference"]["error"]["absolute"] > found["central difference"]["error"]["absolute"] > 1e-9
    assert data(SAMPLE)["reference"] == {"by": "50-digit arithmetic", "gradient": {"x": pytest.approx(9.0660864, rel=1e-15)}}


def test_the_plot_in_a_file(tmp_path: pathlib.Path) -> None:
    done = invoke([*L4, "--plot", "v.svg"], at=tmp_path)
    assert done.code == 0 and done.out == invoke(L4).out
    assert (tmp_path / "v.svg").read_text() == invoke([*L4, "--to", "svg"]).out
    assert invoke([*L4, "--plot", "none/v.svg"], at=tmp_path).code == 7


def test_the_plot_has_the_numbers_of_the_survey() -> None:
    """Slopes 1 and 2; off by 33.7·h and 658·h², as |f″/2| and |f‴/6| are."""
    curves = {c["method"]: c for c in data(SAMPLE, "--plot")["steps"]["curves"]}
    polynomial = np.polynomial.Polynomial([0, 1])
    for _ in range(3):
        polynomial = 4 * polynomial * (1 - polynomial)
    for order, (name, constant) in enumerate({"forward difference": 33.7, "central difference": 658}.items(), 1):
        found = curves[name]["fit"]
        exact = abs(polynomial.deriv(order + 1)(0.2)) / math.factorial(order + 1)
        assert found["order"] == order and found["slope"] == pytest.approx(order, rel=0.02)
        assert found["constant"] == pytest.approx(exact, rel=0.01) and found["taylor"] == pytest.approx(exact, rel=1e-12)
        assert f"{found['constant']:.3g}" == f"{constant:.3g}"
    assert curves["central difference"]["best"]["error"] < 1e-8 < curves["forward difference"]["best"]["error"] * 10
    text = invoke([*L4, "--plot"]).out
    assert "off by 33.7·h, slope 1.000" in text and "off by 658·h², slope 2.000" in text


def test_round_off_grows_as_the_step_shrinks() -> None:
    """The other side of the V: from the best step down the error rises about like 1/h."""
    found = by_step(compare(adcli.compile(pathlib.Path(SAMPLE).read_text()), {})).curves[0]
    assert found.best is not None
    h = steps(0.2)
    small = [math.log10(e * s) for e, s in zip(found.errors, h, strict=True) if e > 0 and 1e-14 < s < found.best[0] / 10]
    assert max(small) < -14.5 and sum(small) / len(small) > -18


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_fit_finds_order_and_constant(order: int) -> None:
    h = steps(1.0)
    found = fit(h, [7 * s**order + 40 * s ** (order + 1) + 1e-16 / s for s in h], None)
    assert found is not None and found.order == order
    assert found.slope == pytest.approx(order, rel=0.03) and found.constant == pytest.approx(7, rel=0.03)


def test_no_truncation_no_fit() -> None:
    """A parabola has no third derivative, a line no second."""
    curves = by_step(compare(adcli.compile("x^2"), {"x": 3.0})).curves
    assert curves[0].fit is not None and curves[0].fit.constant == pytest.approx(1, rel=0.02) and curves[1].fit is None
    assert "no truncation error to be seen" in invoke(["compare", "2*x", "--at", "x=1", "--plot", "--seconds", "0"]).out


def test_gradients_of_several_inputs_and_arrays() -> None:
    found = methods("sum(w^2)*y", "--at", "w=[1, 2],y=3")
    for name in EXACT & set(found) - {"manual"}:
        if not found[name]["note"]:
            assert found[name]["gradient"] == {"w": [6.0, 12.0], "y": 5.0}, name
    assert found["forward mode"]["sweeps"] == 3 and found["reverse mode"]["sweeps"] == 1
    assert found["forward difference"]["evaluations"] == 6 and found["central difference"]["evaluations"] == 6
    some = data("x*y*z", "--at", "x=1,y=2,z=3", "--wrt", "z,x")
    assert {tuple(m["gradient"]) for m in some["methods"] if m["gradient"]} == {("z", "x")}
    assert invoke(["compare", "x*y", "--at", "x=1,y=2", "--wrt", "y", "--seconds", "0"]).out.startswith("method\tdvalue/dy\terror")
    assert "dp/dx" in invoke(["compare", "output s = x; output p = x^2", "--at", "x=1", "--of", "p", "--seconds", "0"]).out


def test_work_is_what_runs() -> None:
    """A product is one statement; forward and reverse add two each."""
    found = methods("x*y", "--at", "x=2,y=3")
    assert found["central difference"]["operations"] == 4
    assert found["reverse mode"]["operations"] == 3
    assert found["Richardson"]["operations"] == found["Richardson"]["evaluations"] > 20


def test_a_way_that_cannot_says_why() -> None:
    found = methods("y = x; while y < 100 { y = abs(y)*y }; y", "--at", "x=2")
    assert found["complex step"]["gradient"] is None and "abs" in found["complex step"]["note"]
    assert found["symbolic"]["gradient"] is None and "loop" in found["symbolic"]["note"]
    assert found["forward mode"]["gradient"] == {"x": 1024.0}
    drawn = invoke(["compare", "abs(x)", "--at", "x=2", "--color", "always", "--seconds", "0"]).out
    assert "complex step: abs" in drawn
    assert "too many for a formula" in methods("y = x; for i in 0..6000 { y = sin(y) }; y", "--at", "x=2")["symbolic"]["note"]
    swell = data("y = x; for i in 0..2 { while y < 5 { y = y*y } }; y", "--at", "x=2", "--swell")["swell"]
    assert swell[2]["raw"] is None and swell[2]["reverse"] > swell[0]["reverse"]


def test_a_loop_that_does_not_end_beside_the_point() -> None:
    """Richardson's largest steps leave the domain in which Newton's method for Kepler's equation converges."""
    found = methods(str(pathlib.Path(SAMPLE).with_name("kepler.adl")))
    assert found["Richardson"]["error"]["relative"] < 1e-10


def test_manual_right_and_wrong(tmp_path: pathlib.Path) -> None:
    assert methods("x*sin(x)", "--at", "x=2", "--manual", "sin(x) + x*cos(x)")["manual"]["error"]["absolute"] < 1e-15
    own = tmp_path / "own.adl"
    own.write_text("input x = 0\ninput y = 0\noutput d_y = x\noutput d_x = y + 1e-3\n")
    found = methods("x*y", "--at", "x=2,y=3", "--manual", str(own))["manual"]
    assert found["gradient"] == {"x": 3.001, "y": 2.0}
    assert found["error"] == {"absolute": pytest.approx(1e-3), "relative": pytest.approx(1e-3 / 3), "at": "x"}
    assert methods("sum(w^2)", "--at", "w=[1, 2]", "--manual", "2*w")["manual"]["gradient"] == {"w": [2.0, 4.0]}
    note = methods("x^2", "--at", "x=2", "--manual", "v = [1]; v[floor(x)]")["manual"]["note"]
    assert "index" in note or "range" in note


@pytest.mark.parametrize(
    "manual, said",
    [
        ("output x = y; output z = y", "no output 'y'"),
        ("output x = q; output y = 1", "takes 'q'"),
        ("output x = [y, y]; output y = 1", "shape"),
        ("x*y", "no output 'x'"),
        ("output x = y; output y = x", "reads 'x' after"),
    ],
)
def test_a_manual_gradient_that_does_not_fit(manual: str, said: str) -> None:
    assert said in fails(2, "x*y", "--at", "x=2,y=3", "--manual", manual)


def test_a_manual_gradient_that_is_no_program() -> None:
    assert "unknown-function" in fails(3, "x^2", "--at", "x=2", "--manual", "sinn(x)")
    fails(4, "x^2", "--at", "x=2", "--manual", "missing.adl")


def test_without_mpmath_reverse_mode_is_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpmath", None)
    found = data("x*sin(x)", "--at", "x=2")
    assert found["reference"]["by"] == "reverse mode"
    reverse = found["methods"][-1]
    assert reverse["error"]["absolute"] == 0 and 'adcli[precise]' in reverse["note"]
    drawn = invoke(["compare", "x*sin(x)", "--at", "x=2", "--seconds", "0", "--color", "always"]).out
    assert "errors against reverse mode" in drawn and "mpmath" in drawn


def test_a_long_run_is_not_done_with_50_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared, "LONGEST", 10)
    found = data(SAMPLE)
    assert found["reference"]["by"] == "reverse mode" and "23 operations" in found["methods"][-1]["note"]


def test_at_a_kink_and_at_the_edge_of_a_domain() -> None:
    found = methods("abs(x)", "--at", "x=0")
    assert found["forward difference"]["gradient"]["x"] == 1.0 and found["forward difference"]["error"]["absolute"] == 1.0
    edge = methods("sqrt(x)", "--at", "x=0")
    assert edge["central difference"]["gradient"]["x"] is None and edge["central difference"]["error"]["absolute"] is None
    done = invoke(["compare", "sqrt(x)", "--at", "x=0", "--seconds", "0"])
    assert done.code == 0 and "flag[singular]" in done.err
    assert fails(5, "sqrt(x)", "--at", "x=0", "--strict").count("flag[singular]") == 1


def test_a_program_that_has_no_value_beside_the_point() -> None:
    """f is defined for x < 3 alone; forward differences at the last double below step out of it."""
    found = methods("v = [1, 2, 4]; v[floor(x)]*x", "--at", f"x={math.nextafter(3, 0)!r}")
    assert found["forward difference"]["gradient"] is None and "range" in found["forward difference"]["note"]
    assert found["reverse mode"]["gradient"] == {"x": 4.0}
    text = invoke(["compare", "v = [1, 2, 4]; v[floor(x)]*x", "--at", f"x={math.nextafter(3, 0)!r}", "--plot", "--seconds", "0"])
    assert text.code == 0 and "central difference: " in text.out


def test_the_table_for_people() -> None:
    drawn = invoke([*L4, "--plot", "--color", "always"]).out
    lines = re.sub("\x1b\\[[0-9;]*m", "", drawn).splitlines()
    assert max(map(columns, lines)) <= 80 and "errors against 50-digit arithmetic" in drawn
    assert any(line.startswith("reverse mode") and "9.0660864 " in line and "1 sweep" in line for line in lines)
    several = invoke(["compare", "x*y", "--at", "x=1,y=2", "--seconds", "0.01", "--color", "always"]).out
    assert "the largest of all inputs" in several and "time" in several and "2 sweeps" in several


def test_times_are_there_unless_they_are_not_wanted() -> None:
    timed = json.loads(invoke(["compare", "x^2", "--at", "x=1", "--seconds", "0.01", "--json"]).out)["methods"]
    assert all(m["seconds"] > 0 for m in timed if m["gradient"])
    assert invoke(["compare", "x^2", "--at", "x=1", "--seconds", "0.01"]).out.splitlines()[0].endswith("\tseconds")


def test_svg_and_ascii(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "steps.svg"
    assert invoke([*L4, "-o", str(path)]).out == ""
    words = [e.text for e in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    assert {"step h", "error", "33.7·h", "658·h²", "forward difference"} <= set(words)
    assert invoke([*L4, "--to", "svg"]).out == path.read_text()
    plain = invoke([*L4, "--plot", "--notation", "ascii"]).out
    assert plain.isascii() and "658*h^2" in plain


def test_swell() -> None:
    """The graph grows by the same work for each iteration; the loop's own count is where it ends, if nothing is said."""
    lines = data(SAMPLE, "--swell", "--iterations", "5")["swell"]
    assert [line["raw"] for line in lines] == [0, 2, 21, 82, 264, 768]  # as the survey says of l1 … l6
    assert all(a["raw"] >= a["simplified"] for a in lines) and lines[5]["simplified"] > 2 * lines[4]["simplified"]
    assert [line["iterations"] for line in lines] == [0, 1, 2, 3, 4, 5]
    reverse = [line["reverse"] for line in lines]
    assert len({b - a for a, b in pairwise(reverse[1:])}) == 1
    assert reverse[3] == methods(SAMPLE)["reverse mode"]["operations"]
    assert len(data(SAMPLE, "--swell")["swell"]) == 4
    named = data("n = 2; y = x; for i in (0)..n { y = y*y }; y", "--at", "x=0.5", "--swell")["swell"]
    assert len(named) == 3
    stepped = data("y = x; for i in 4..=0 step -2 { y = y*y + i }; y", "--at", "x=0.5", "--swell")["swell"]
    assert len(stepped) == 4
    assert "iterations\t" in invoke([*L4, "--swell"]).out
    assert "iterations" in invoke([*L4, "--swell", "--color", "always"]).out


def test_what_cannot_be_compared() -> None:
    assert "no real input" in fails(2, "2^10")
    assert "an array of shape" in fails(2, "[x, x]", "--at", "x=1")
    assert "for loop" in fails(2, "x^2", "--at", "x=1", "--swell")
    assert "--iterations" in fails(2, "y = x; for i in 0..n { y = y*y }; y", "--at", "x=1,n=3", "--wrt", "x", "--swell")
    assert "too often" in fails(2, "y = x; for i in 0..1000 { y = y*y }; y", "--at", "x=1", "--swell")
    assert "--swell" in fails(2, SAMPLE, "--iterations", "3")
    assert "--swell" in fails(2, SAMPLE, "--swell", "--to", "svg")
    assert "is an integer" in fails(2, "input n: int = 1; output y = x; output k = n + 1", "--at", "x=1", "--of", "k")
    fails(6, "y = x; while true { y += 1 }; y", "--at", "x=1", "--max-steps", "10")


def test_mpmath_is_what_the_extra_brings() -> None:
    assert importlib.util.find_spec("mpmath") is not None


def test_the_flags_are_those_of_the_gradient() -> None:
    """However many runs elsewhere follow the one at the point."""
    for program in ("abs(x)", "sqrt(x)", "max(x, 2*x)"):
        told = [invoke([command, program, "--at", "x=0"]).err.splitlines() for command in ("grad", "compare")]
        flags = [[line for line in lines if line.startswith("flag[")] for lines in told]
        assert flags[0] and flags[0] == flags[1], program
