"""Derivatives as formulas: what they look like, that they are right, and what has no formula."""

from __future__ import annotations

import json
import math
import pathlib
import random
from itertools import pairwise

import pytest

import adcli
from adcli.api.derive import derive
from adcli.api.point import bind
from adcli.errors import LimitError, NoFormula
from adcli.ops import TABLE
from adcli.symbolic.text import operations_of_text
from tests.invoke import invoke

WRITTEN = [
    ("x^2", "2*x"),
    ("3*(x^2-2)*cos(x)+x*(x^2-6)*sin(x)", "x^3*cos(x)"),
    ("exp(-x^2)", "-2*x*exp(-x^2)"),
    ("ln(x)/x", "(1 - ln(x))/x^2"),
    ("x/(1 + x^2)", "(1 - x^2)/(x^2 + 1)^2"),
    ("(x^2 - 1)/(x - 1)", "1"),
    ("sqrt(1 + x^2)", "x/sqrt(x^2 + 1)"),
    ("sin(x)^2 + cos(x)^2", "0"),
    ("cosh(x)^2 - sinh(x)^2 + x", "1"),
    ("ln(sin(x))", "cos(x)/sin(x)"),
    ("x^x", "x^x*(1 + ln(x))"),
    ("exp(3*ln(x))", "3*x^2"),
    ("ln(exp(x)*exp(x^2))", "2*x + 1"),
    ("sqrt(x^2)", "x/abs(x)"),
    ("sqrt(x*exp(x)*sin(x))^2", "(x*cos(x) + (x + 1)*sin(x))*exp(x)"),
    ("atan2(x, 2)", "2/(x^2 + 4)"),
    ("0.1*x^2 + x/3", "0.2*x + 1/3"),
    ("sin(pi*x)", "pi*cos(pi*x)"),
    ("where(x > 0, x^2, 3)", "where(x > 0, 2*x, 0)"),
    ("max(x, 1)", "where(x > 1, 1, where(x < 1, 0, 0.5))"),
    ("abs(x)^3", "3*x^2*sign(x)"),
    ("floor(x) + 2", "0"),
    ("y = x; for i in 0..3 { y = y*x }; y", "4*x^3"),
    ("fn f(a) = a^2; f(f(x))", "4*x^3"),
    ("i = 0; y = 1; while i < 4 { y *= x; i += 1 }; y", "4*x^3"),
    ("input n: int = 3; y = if n > 2 { x^2 } else { sin(x) }; y", "2*x"),
    ("grad(a -> a^3, x)", "6*x"),
    ("v = [x, 2*x]; v[1] += x; dot(v, v)", "20*x"),
    ("m = [[x, 1], [2, x]]; v = m @ [x, 3]; v[0]", "2*x"),
    ("softmax([x, 2*x])[0]", "-exp(3*x)/(exp(2*x) + exp(x))^2"),
    ("sum(log_softmax([x, 2*x]))", "(exp(x) - exp(2*x))/(exp(2*x) + exp(x))"),
    ("det([[x, 1], [2, x]])", "2*x"),
    ("det([[x, 1, 0], [2, x, x], [0, 3, 1]])", "-4*x"),
    ("logdet([[x, 1], [1, 5]])", "5/(5*x - 1)"),
    ("solve([[x, 1], [1, 2]], [1, x])[1]", "2*(x^2 - x + 1)/(2*x - 1)^2"),
    ("sum(inv([[x, 1], [1, 2]]))", "-1/(2*x - 1)^2"),
    ("cholesky([[x, 1], [1, 4]])[1, 1]", "1/(2*x^2*sqrt(4 - 1/x))"),
    ("cumsum([x, x^2, x^3])[2]", "3*x^2 + 2*x + 1"),
    ("cumprod([[x, x^2], [x^3, 1]], axis=1)[1, 1]", "3*x^2"),
    ("cross([x, 1, 2], [3, x, 5])[2]", "2*x"),
    ("sum(tril([[x, x^2], [x^3, x^4]])) - sum(triu([[x, x^2], [x^3, x^4]]))", "x*(3*x - 2)"),
    ("sum(linspace(x, 1, 5)^2)", "3.75*x + 1.25"),
    ("fn hard(x) = floor(x)\nrule hard(x) { dx = 1 }\nhard(x)*x", "x + floor(x)"),
    ("fn f(x, y) = exp(x*y)\nrule f(x, y) { dx = out*y; dy = out*x }\nf(x^2, 3) + f(1, 2)", "6*x*exp(3*x^2)"),
    ("fn f(x) = if x > 0 { x } else { 0 }\nrule f(x) { if x > 1 { dx = 1 } else { dx = 0.5 } }\nf(x)", "where(x > 1, 1, 0.5)"),
]


@pytest.mark.parametrize(("program", "formula"), WRITTEN, ids=[program for program, _ in WRITTEN])
def test_formulas_are_what_one_would_write(program: str, formula: str) -> None:
    assert invoke(["derive", program]).both == formula + "\n"


@pytest.mark.parametrize("program", [program for program, _ in WRITTEN])
@pytest.mark.parametrize("raw", [False, True])
def test_formulas_give_the_gradient(program: str, raw: bool) -> None:
    f = adcli.compile(program)
    found = adcli.compile(f"input x\noutput d = {derive(f, raw=raw).texts['x']}")
    for x in (0.3, 0.8, 1.7):
        assert found.value(x=x) == pytest.approx(f.gradient(x=x)["x"], rel=1e-10, abs=1e-12)


APART = ("polygamma", "fmod")  # an integer argument, and a derivative by rounding
FUNCTIONS = [op for op in TABLE.values() if op.public and op.kind == "partials" and op.domain and op.name not in APART]


@pytest.mark.parametrize("op", FUNCTIONS, ids=lambda op: op.name)
@pytest.mark.parametrize("order", [1, 2])
def test_every_function_of_the_table(op: object, order: int) -> None:
    """The formula of its derivative, and of the second one, against the derivatives themselves."""
    assert hasattr(op, "args")
    program = f"{op.name}({', '.join(op.args)})"
    f = adcli.compile(program)
    texts = derive(f, order=order).texts
    rng = random.Random(op.name)
    point = {name: rng.uniform(0.2, 0.8) + (op.name == "acosh") + (op.name == "log1mexp") * -1 for name in op.args}
    expected = f.gradient(point) if order == 1 else f.hessian(point)
    for key, text in texts.items():
        declared = "".join(f"input {name}\n" for name in op.args)
        found = adcli.compile(declared + "output d = " + text).value(point)
        names = key.split(",")
        want = expected[names[0]] if order == 1 else expected[names[0]][names[1]]
        assert found == pytest.approx(want, rel=1e-7, abs=1e-9), (key, text)


def test_the_swell_of_the_logistic_map() -> None:
    """Baydin and others, Table 1: l1 = x, l = 4*l*(1 - l), by the product rule, against a graph that grows by a constant."""
    counts, graphs = [], []
    for steps in range(6):
        swollen = derive(adcli.compile(f"input x\nl = x\nfor i in 0..{steps} {{ l = 4*l*(1 - l) }}\nl"), raw=True)
        counts.append(swollen.operations)
        graphs.append(swollen.graph)
        if steps:
            assert swollen.operations == operations_of_text(swollen.texts["x"])
    assert counts == [0, 2, 21, 82, 264, 768]
    assert len({b - a for a, b in pairwise(graphs[1:])}) == 1


def test_several_inputs_and_orders() -> None:
    assert invoke(["derive", "x1*x2 + sin(x1)"]).out == "x1\tx2 + cos(x1)\nx2\tx1\n"
    assert invoke(["derive", "x1*x2 + sin(x1)", "--wrt", "x2"]).out == "x1\n"
    assert invoke(["derive", "x*y*z", "--wrt", "x", "--wrt", "z"]).out == invoke(["derive", "x*y*z", "--wrt", "x,z"]).out
    assert list(derive(adcli.compile("x^2*y"), order=2).texts.items()) == [("x,x", "2*y"), ("x,y", "2*x"), ("y,x", "2*x"), ("y,y", "0")]
    assert invoke(["derive", "output u = x; output v = x^3", "--of", "v", "--order", "3"]).out == "6\n"


RULED = {
    "with the result": "fn f(x, y) = exp(x*y)\nrule f(x, y) { dx = out*y; dy = out*x }\nf(x*y, y)*x",
    "of something else": "fn f(x, y) = x*y\nrule f(x, y) { dx = x^2*out; dy = sin(y) }\nf(f(x, y), y) + f(y, 2)",
    "asked for inside": "fn f(x, y) = x^3\nrule f(x, y) { dx = 7*x^2*y }\ngrad(u -> f(f(u, y), u), x)",
    "in a loop, with an integer": "fn f(x, n) = x^n\nrule f(x, n) { dx = n*x }\nfor k in 1..4 { x = f(x, k) + y }\nx",
}


@pytest.mark.parametrize("name", RULED)
@pytest.mark.parametrize("raw", [False, True])
def test_rules_hold_in_every_order(name: str, raw: bool) -> None:
    f = adcli.compile("input x, y\n" + RULED[name])
    at = {"x": 0.7, "y": 1.3}
    for order, wanted in (1, f.gradient(at)), (2, f.hessian(at)):
        for key, text in derive(f, order=order, raw=raw).texts.items():
            first, *second = key.split(",")
            value = adcli.compile(f"input x, y\noutput d = {text}").value(at)
            assert value == pytest.approx(wanted[first][second[0]] if second else wanted[first], rel=1e-10, abs=1e-12), (key, text)


MATRICES = [
    ("det(A)", 4), ("sum(inv(A)^2)", 3), ("solve(A, [1, 2, 3, 4])[2]", 4), ("sum(softmax(A, axis=0)*A)", 4), ("logdet(A @ A')", 3),
    ("sum(cholesky(A)^3)", 4), ("solve(A, A^2)[1, 2]", 3), ("logdet(A)", 5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "n"), MATRICES)
@pytest.mark.parametrize("raw", [False, True])
def test_linear_algebra_written_out(text: str, n: int, raw: bool) -> None:
    """Against the gradient by the table's rules; many formulas of a moderate length are gathered only, as one long one is."""
    f = adcli.compile(f"input A: [{n}, {n}]\n{text}")
    rng = random.Random(4)
    at = {"A": [[rng.uniform(0.5, 2) + 5 * (i == j) for j in range(n)] for i in range(n)]}
    found = adcli.compile(derive(f, raw=raw).program_text()).value(at)
    assert list(found.values()) == pytest.approx(f.gradient(at)["A"].ravel().tolist(), rel=1e-9, abs=1e-12)


def test_a_factor_that_is_a_denominator_too_is_cancelled() -> None:
    text = invoke(["derive", "2*y/((2 + x)*y^(1/3))", "--wrt", "y", "--order", "2"]).out
    assert text == "-4/(9*y^(4/3)*(x + 2))\n"


def test_a_program_of_the_derivatives() -> None:
    """--to adl: arrays, integers put in, names that are not taken."""
    text = invoke(["derive", "input w: [2]; input d_w_0 = 3; input n: int = 2; d_w_0*sum(w^n)", "--to", "adl"]).out
    point = {"w": [1.5, 2.5], "d_w_0": 3}
    values = adcli.compile(text).value(point)
    assert values == {"d_w_0_": 9.0, "d_w_1": 15.0, "d_d_w_0": 8.5}


def test_json_and_files(tmp_path: object) -> None:
    found = json.loads(invoke(["derive", "x^2", "--json"]).out)
    assert found == {"schema": "adcli/derive/1", "derivatives": {"x": "2*x"}, "operations": 1}
    target = f"{tmp_path}/out.tex"
    assert invoke(["derive", "x^2/sqrt(x + 1)", "-o", target]).both == ""
    with open(target) as file:
        assert file.read().startswith(r"\frac{d\mathrm{value}}{d x} = ")


REFUSED = [
    (["y = x; while y < 10 { y = y*2 }; y"], "no-formula", "how long this loop runs depends"),
    (["y = 0; for i in 0..int(x) { y += x }; y"], "no-formula", "iterations depends on the inputs"),
    (["v = [1, 2, 3]; x*v[int(x)]"], "no-formula", "depends on the inputs"),
    (["input w: [n]; sum(w)"], "no-formula", "the length of 'w' is not known"),
    (["sum(sort([x, 1]))"], "no-formula", "sort"),
    (["input A: [6, 6]; det(A)"], "no-formula", "6 rows has 720 products"),
    (["solve([[1, 2], [2, 4]], [x, 1])[0]"], "singular-matrix", "no inverse"),
    (["fn f(v) = sum(v)\nrule f(v) { dv = out*v }\nf([x, x])"], "no-formula", "'f' has a rule over arrays"),
    (["input e = 2; e*x"], "no-formula", "name of a constant"),
    (["l = x; for i in 0..60 { l = 4*l*(1 - l) }; l"], "limit", "more than 10^15 operations"),
    (["2 + 3"], "usage", "no real input"),
    (["x^2", "--order", "0"], "usage", "0"),
    (["x^2", "--wrt", "y"], "usage", "'y'"),
    (["[x, x]"], "usage", "array"),
]


@pytest.mark.parametrize(("words", "code", "part"), REFUSED, ids=[words[0] for words, *_ in REFUSED])
def test_what_has_no_formula(words: list[str], code: str, part: str) -> None:
    done = invoke(["derive", *words])
    assert done.out == ""
    assert f"error[{code}]" in done.err and part in done.err and "help: " in done.err
    assert done.code == {"no-formula": 3, "limit": 6, "usage": 2, "singular-matrix": 5}[code]


def test_errors_from_python() -> None:
    with pytest.raises(NoFormula):
        derive(adcli.compile("y = x; while y < 10 { y = y*2 }; y"))
    with pytest.raises(LimitError):
        derive(adcli.compile("l = x; for i in 0..40 { l = 4*l*(1 - l) }; l"))


def test_depth_is_no_limit() -> None:
    """A chain of three thousand operations inside one another; a formula that is only gathered."""
    nested = "sin(" * 1500 + "x" + ")" * 1500
    assert derive(adcli.compile("x" + " + x" * 3000)).texts == {"x": "3001"}
    with pytest.raises(LimitError):
        derive(adcli.compile(nested))


SAMPLES = ("survey", "rosenbrock", "logistic_map", "power", "black_scholes", "logistic_regression", "helmholtz", "simpson")


@pytest.mark.parametrize("name", SAMPLES)
def test_samples_give_their_gradients(name: str) -> None:
    """--to adl at the sample's own point against the gradient there."""
    text = (pathlib.Path(__file__).parent.parent / "samples" / f"{name}.adl").read_text()
    f = adcli.compile(text)
    derived = derive(f)
    gradient, point = f.gradient(), {i.name: bind(f.signature, f.source, {})[0][k] for k, i in enumerate(f.inputs) if i.kind == "real"}
    found = adcli.compile(derived.program_text()).value(point)
    values = list(found.values()) if isinstance(found, dict) else [found]
    expected = [x for part in gradient.values() for x in (part.ravel().tolist() if hasattr(part, "shape") else [part])]
    assert values == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_work_is_bounded() -> None:
    """Products of many sums, and fractions in fractions: what would take exponentially long is left as it is written."""
    names = "abcdfghijk"
    f = adcli.compile("*".join(f"(x + {name})" for name in names))
    point = {"x": 0.3, **{name: 0.1 * k for k, name in enumerate(names)}}
    text = derive(f, ["x"]).texts["x"]
    declared = "".join(f"input {name}\n" for name in point)
    assert adcli.compile(f"{declared}output d = {text}").value(point) == pytest.approx(f.gradient(point)["x"], rel=1e-12)
    assert derive(adcli.compile("1/(1 + 1/(1 + 1/(1 + 1/(1 + 1/(1 + x)))))")).texts == {"x": "-1/(5*x + 8)^2"}


def test_numbers_are_kept() -> None:
    """Products are not multiplied out where large numbers would cancel."""
    f = adcli.compile("(x - 1000)^9*(x + 1000)^9")
    assert adcli.compile(derive(f).texts["x"]).value(x=999.9) == pytest.approx(f.gradient(x=999.9)["x"], rel=1e-9)


DIVIDING_BY_ZERO = [
    "1/(x - x)", "x/0", "log10(x - x)", "(x + 1)*0^-2", "x/((x + 1)^2 - x^2 - 2*x - 1)", "x*(0/0)", "fmod(x, x - x)", "(x - x)^x",
]  # fmt: skip


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("program", DIVIDING_BY_ZERO)
def test_what_divides_by_zero_is_left_as_it_is(program: str, raw: bool) -> None:
    """0/0 is not 0, and no reason to stop."""
    f = adcli.compile(program)
    (text,) = derive(f, raw=raw).texts.values()
    ours = adcli.compile(f"input x; output d = {text}").value(x=0.5)
    assert raw or not math.isfinite(ours)


@pytest.mark.parametrize(
    ("program", "latex"),
    [
        ("x*sin(x)^3", r"{\left(\sin x\right)}^{2}"),
        ("x*exp(x^y)^y", r"{\left(e^{{x}^{y}}\right)}^{y}"),
        ("x*erf(x)^2", r"{\operatorname{erf}\left(x\right)}^{2}"),
        ("x*abs(x)^3", r"{\left|x\right|}^{3}"),
        ("y*sqrt(x)^y", r"{\sqrt{x}}^{y}"),
    ],
)
def test_powers_of_functions_in_latex(program: str, latex: str) -> None:
    """{\\sin x}^2 would look like the sine of a square."""
    done = invoke(["derive", program, "--to", "latex"])
    assert latex in done.out, done.out
