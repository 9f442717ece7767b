"""Taylor coefficients: against mpmath for every function of the table, for programs, arrays and linear algebra; the command line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given

import adcli
from adcli import ops
from adcli.engines.limits import Limits
from adcli.errors import AdcliError, LimitError, UsageError
from tests.generated import points, programs
from tests.invoke import invoke
from tests.test_sparsity import ROOMY, place

mp = mpmath.mp.clone()
mp.dps = 60


def error(got: list[Any], want: list[Any]) -> float:
    """The largest relative error; a coefficient far below the others may be off by rounding of theirs."""
    scale = max(abs(float(w)) for w in want)
    return max(abs(float(g) - float(w)) / max(abs(float(w)), 1e-4 * scale, 1e-300) for g, w in zip(got, want, strict=True))


def sampled() -> list[tuple[str, float]]:
    """Every function of one number that is differentiated by its partials, at points inside its domain."""
    found: list[tuple[str, float]] = []
    for name, op in ops.TABLE.items():
        if op.kind == "partials" and len(op.args) == 1 and op.public and op.mp:
            low, high = (float(end) for end in op.domain.split(" in ")[1].split(".."))
            found.append((name, 0.37 if low < 0.37 < high else (low + min(high, low + 3)) / 2))
            found.append((name, max(low, -3.0) * 0.3 + min(high, 3.0) * 0.7 if low < 3 else low + 0.75))
    return found


# What mpmath takes minutes for.
SLOW = {"gamma", "factorial", "digamma", "erfinv"}


@pytest.mark.parametrize(("name", "x"), sampled())
def test_every_function_against_mpmath_to_order_20(name: str, x: float) -> None:
    form = ops.TABLE[name].mp
    assert form is not None
    f: Callable[[Any], Any] = (lambda v: form(mp, v)) if callable(form) else getattr(mp, form)
    order = 5 if name in SLOW else 20
    got = adcli.compile(f"{name}(x)").taylor(x=x, order=order)
    assert error(got, mp.taylor(f, mp.mpf(x), order)) < 2e-13


def angle(x: Any) -> Any:
    return mp.findroot(lambda y: mp.cos(x * y) / 2 - y, mp.mpf("0.47"))


PROGRAMS: list[tuple[str, Callable[[Any], Any], float]] = [
    ("y = x; for i in 0..5 { y = y^2 }; y", lambda x: x**32, 0.95),
    ("y = 1; while abs(y*y - x) > 1e-15 { y = 0.5*(y + x/y) }; y", lambda x: mp.sqrt(x), 2.0),
    ("if x > 1 { ln(x) } else { exp(x)/x }", lambda x: mp.exp(x) / x, 0.8),
    ("fn f(n, z) { if n < 1 { return z }; return sin(f(n - 1, z)*x) }; f(3, x)", lambda x: mp.sin(mp.sin(mp.sin(x * x) * x) * x), 0.7),
    ("a = zeros(3); a[0] = x; for i in 0..2 { a[i + 1] = sin(a[i])*x }; b = a; b[1] += b[2]; b[1] + a[2]*x",
     lambda x: mp.sin(x) * x + mp.sin(mp.sin(x) * x) * x * (1 + x), 0.7),
    ("x^2.5", lambda x: x**2.5, 0.3), ("x^-3", lambda x: x**-3, -0.7), ("x^7", lambda x: x**7, 0.0), ("x^x", lambda x: x**x, 0.6),
    ("x^40", lambda x: x**40, -0.6), ("2^x", lambda x: mp.mpf(2) ** x, 0.6),
    ("sum([x, 2]^[2, 3.5])", lambda x: x**2 + mp.mpf(2) ** 3.5, 0.6),
    ("sum([x, x + 1]^[2, 3.5])", lambda x: x**2 + (x + 1) ** 3.5, 0.6), ("x^2.5*0 + x", lambda x: x, 0.4),
    ("atan2(x, 1 + x^2)", lambda x: mp.atan2(x, 1 + x * x), 0.7), ("hypot(x, 2)", lambda x: mp.sqrt(x * x + 4), 0.7),
    ("logaddexp(x, sin(x))", lambda x: mp.log(mp.exp(x) + mp.exp(mp.sin(x))), 0.7), ("lgamma(x)", lambda x: mp.loggamma(x), 0.7),
    ("max(x, x^2)*min(x, 3) + clip(x, 0, 1) + abs(-x)", lambda x: x * x + 2 * x, 0.7), ("x % 0.5 + fmod(x, 3)", lambda x: 2 * x - 0.5, 0.7),
    ("sum([x, x^2, 3]*[1, 2, 3] - x)/x", lambda x: (9 - 2 * x + 2 * x * x) / x, 0.7), ("stop(x)*x", lambda x: mp.mpf(0.7) * x, 0.7),
    ("logsumexp([x, sin(x), x^2])", lambda x: mp.log(mp.exp(x) + mp.exp(mp.sin(x)) + mp.exp(x * x)), 0.7),
    ("softmax([x, sin(x)])[1]", lambda x: mp.exp(mp.sin(x)) / (mp.exp(x) + mp.exp(mp.sin(x))), 0.7),
    ("norm([x + 2, sin(x), 1])", lambda x: mp.sqrt((x + 2) ** 2 + mp.sin(x) ** 2 + 1), 0.7),
    ("max([x, 2*x]) + mean(cumsum([x, x^2]))", lambda x: 3 * x + x * x / 2, 0.7),
    ("sum(cumprod([x, sin(x), exp(x)])*[1, 2, 3])", lambda x: x + 2 * x * mp.sin(x) + 3 * x * mp.sin(x) * mp.exp(x), 0.7),
    ("sum(sort([x^2, 1, sin(x)])*[1, 2, 3])", lambda x: x**2 + 2 * mp.sin(x) + 3, 0.7),
    ("dot([x, x^2], [sin(x), 1]) + sum(outer([x, 1], [x, 2])@[x, 1])", lambda x: x * mp.sin(x) + 2 * x + 2 + 2 * x * x + x**3, 0.7),
    ("where([x, 1] > 0.5, [x^2, 3], [0, x])[0]*mean([x, 2*x])", lambda x: x * x * 1.5 * x, 0.7),
    ("det([[x, 1, 2], [3, exp(x), 1], [x^2, 2, 5]])",
     lambda x: x * (5 * mp.exp(x) - 2) - (15 - x * x) + 2 * (6 - x * x * mp.exp(x)), 0.7),
    ("det([[x, 1, 2], [0, 0, 1], [x^2, 2*x, 5]])", lambda x: -x * x, 0.0),
    ("det(eye(7)*x)", lambda x: x**7, 0.7),
    ("logdet([[x + 3, 1], [x, exp(x)]])", lambda x: mp.log((x + 3) * mp.exp(x) - x), 0.7),
    ("solve([[x + 3, 1], [x, exp(x)]], [1, sin(x)])[0]", lambda x: (mp.exp(x) - mp.sin(x)) / ((x + 3) * mp.exp(x) - x), 0.7),
    ("sum(inv([[x + 3, 1], [x, exp(x)]]))", lambda x: (mp.exp(x) + 2) / ((x + 3) * mp.exp(x) - x), 0.7),
    ("cholesky([[x + 3, 1], [1, exp(x)]])[1, 1]", lambda x: mp.sqrt(mp.exp(x) - 1 / (x + 3)), 0.7),
    ("grad(z -> z^3*x^2, x)", lambda x: 3 * x**4, 0.7), ("grad(z -> sin(z*x), x)", lambda x: x * mp.cos(x * x), 0.7),
    ("root(y -> y^2 - x, 1)", lambda x: mp.sqrt(x), 2.0), ("fixed_point(y -> cos(x*y)/2, 0)*x", lambda x: x * angle(x), 0.7),
    ("fn f(a) = exp(a); rule f(a) { da = out }; f(sin(x))", lambda x: mp.exp(mp.sin(x)), 0.7),
    ("fn f(a) = sum(a*a); rule f(a) { da = 2*a }; f([x, sin(x)])", lambda x: x * x + mp.sin(x) ** 2, 0.7),
]  # fmt: skip


@pytest.mark.parametrize(("text", "f", "x"), PROGRAMS, ids=lambda value: value if isinstance(value, str) else "")
def test_programs_against_mpmath(text: str, f: Callable[[Any], Any], x: float) -> None:
    order = 12
    assert error(adcli.compile(text).taylor(x=x, order=order), mp.taylor(f, mp.mpf(x), order)) < 1e-11


def test_exactly_to_rounding() -> None:
    """exp(sin(x)) has rational coefficients at 0."""
    want = [Fraction(1), Fraction(1), Fraction(1, 2), Fraction(0), Fraction(-1, 8), Fraction(-1, 15), Fraction(-1, 240), Fraction(1, 90)]
    got = adcli.compile("exp(sin(x))").taylor(x=0, order=7)
    assert all(abs(g - float(w)) <= 2.0**-52 * abs(float(w)) for g, w in zip(got, want, strict=True))


@given(programs(), points())
def test_generated_programs_agree_with_nested_derivatives(text: str, point: list[float]) -> None:
    """Orders 0 to 2 are the value, the gradient and half of the second derivative."""
    program = adcli.compile(text, limits=ROOMY)
    at = place(program, point)
    try:
        slope, bend = program.gradient(at), program.hessian(at)
        got = program.taylor(at, in_="x", order=3)
        along = program.taylor(at, in_="v[1]", order=2)
    except AdcliError:
        assume(False)
    value = program.value(at)
    assume(all(np.isfinite([value, slope["x"], bend["x"]["x"], bend["v"]["v"][1, 1], *got, *along])) and abs(bend["x"]["x"]) < 1e6)
    size = max(1.0, abs(value), float(np.max(np.abs(bend["v"]["v"]))), abs(slope["x"]), abs(bend["x"]["x"]))
    assert got[0] == along[0] == value
    for mine, other in zip([*got[1:3], *along[1:]], [slope["x"], bend["x"]["x"] / 2, slope["v"][1], bend["v"]["v"][1, 1] / 2], strict=True):
        assert abs(mine - other) <= 1e-9 * size, text


def test_outputs_that_are_arrays() -> None:
    got = adcli.compile("[x^2, w[1]*x]").taylor(x=3, w=[1, 2], in_="x", order=2)
    assert [c.tolist() for c in got] == [[9.0, 6.0], [6.0, 2.0], [1.0, 0.0]]
    got = adcli.compile("A@A").taylor(A=[[1, 2], [3, 4]], in_="A[0, 1]", order=2)
    assert [c.tolist() for c in got] == [[[7.0, 10.0], [15.0, 22.0]], [[3.0, 5.0], [0.0, 3.0]], [[0.0, 0.0], [0.0, 0.0]]]


def test_an_array_overwritten_along_the_way() -> None:
    text = "input a: [3]; a[0] = a[0]*a[1]; a[0] = sin(a[0]); b = a; b[1] += b[0]; output r = b[1]*a[0]"
    got = adcli.compile(text).taylor(a=[0.3, 0.5, 1], in_="a[0]", order=8)
    assert error(got, mp.taylor(lambda t: (mp.sin(t / 2) + 0.5) * mp.sin(t / 2), mp.mpf(0.3), 8)) < 1e-13


def test_the_cost_is_quadratic_in_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in multiplications, j + 1 for a coefficient of order j, at orders that double: a factor of four, and no more."""
    from adcli.engines import series

    counted = [0]

    def counting(self: series.Series, j: int) -> Any:
        while len(self.known) <= j:
            counted[0] += 1 + len(self.known)
            self.known.append(self.next(len(self.known)))
        return self.known[j]

    monkeypatch.setattr(series.Series, "at", counting)
    costs: list[int] = []
    for order in (20, 40, 80):
        counted[0] = 0
        adcli.compile("y = x; for i in 0..3 { y = sin(y)*exp(x/y) + tanh(y)^2.5 + sqrt(y) }; y").taylor(x=0.7, order=order)
        costs.append(counted[0])
    assert all(b < 4.1 * a for a, b in pairwise(costs))


def test_points_without_a_derivative_and_inputs_without_a_path() -> None:
    program = adcli.compile("abs(x)")
    assert program.taylor(x=0, order=2) == [0.0, 0.0, 0.0]
    assert [flag.code for flag in program.flags] == ["nondifferentiable"]
    program = adcli.compile("2*y + 0*floor(x)")
    assert program.taylor(x=0.5, y=1, in_="x", order=2) == [2.0, 0.0, 0.0]
    assert [flag.code for flag in program.flags] == ["no-path"]
    data = json.loads(invoke(["taylor", "sqrt(x)", "--at", "x=0", "--order", "1", "--json"]).out)
    assert data["coefficients"] == [0.0, None]
    assert data["flags"][0]["at"] == "coefficients[1]" and data["flags"][0]["is"] == "inf"


@pytest.mark.parametrize(
    ("text", "at", "along", "message"),
    [
        ("x*y", {"x": 1, "y": 2}, None, "a Taylor series is along one input"),
        ("x*y", {"x": 1, "y": 2}, "z", "no input 'z'"),
        ("sum(w)", {"w": [1, 2]}, "w", "is an array of shape [2]"),
        ("sum(w)", {"w": [1, 2]}, "w[2]", "is an array of shape [2]"),
        ("x", {"x": 1}, "x[0]", "is a number"),
        ("input n: int; n*x", {"n": 1, "x": 1}, "n", "is an integer"),
    ],
)
def test_wrong_inputs(text: str, at: dict[str, Any], along: str | None, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        adcli.compile(text).taylor(at, in_=along, order=2)
    assert message in raised.value.message


def test_limits_hold() -> None:
    with pytest.raises(LimitError):
        adcli.compile("y = x; for i in 0..100 { y = sin(y) }; y", limits=Limits(max_steps=50)).taylor(x=1, order=2)
    with pytest.raises(LimitError):
        adcli.compile("sum(zeros(1000) + x)", limits=Limits(max_memory=10**6)).taylor(x=1, order=500)


def test_the_command_line() -> None:
    words = ["taylor", "exp(sin(x))", "--in", "x", "--at", "x=0", "--order", "4"]
    assert invoke(words).out == "0\t1.0\n1\t1.0\n2\t0.5\n3\t0.0\n4\t-0.125\n"
    data = json.loads(invoke([*words, "--json"]).out)
    assert data == {"schema": "adcli/taylor/1", "value": 1.0, "coefficients": [1.0, 1.0, 0.5, 0.0, -0.125], "in": "x", "flags": []}
    assert invoke([*words, "--get", "4"]).out == "-0.125\n"
    assert invoke(["taylor", "[x, x^2]", "--at", "x=1", "--order", "1"]).out == "0[0]\t1.0\n0[1]\t1.0\n1[0]\t1.0\n1[1]\t2.0\n"
    assert invoke(["taylor", "output a = x; output b = x^2", "--at", "x=1", "--order", "1", "--of", "b"]).out == "0\t1.0\n1\t2.0\n"
    assert invoke(["taylor", "output a = x; output b = x^2", "--at", "x=1"]).code == 2
    assert invoke(["taylor", "x", "--at", "x=1", "--order", "0"]).out == "0\t1.0\n"


def test_random_polynomials_are_exact() -> None:
    r = random.Random(5)
    for _ in range(20):
        whole = [r.randrange(-9, 10) for _ in range(6)]
        text = " + ".join(f"{c}*x^{k}" for k, c in enumerate(whole)).replace("+ -", "- ")
        assert adcli.compile(text).taylor(x=0, order=7) == [*map(float, whole), 0.0, 0.0]
