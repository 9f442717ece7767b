"""Derivatives inside programs: nested to any depth and mixed, through loops and recursion, over what they capture."""

from __future__ import annotations

import numpy as np
import pytest

import adcli
from adcli.errors import LimitError

# Program, point, and the value, gradient and second derivatives by x (and y) that follow by hand.
KNOWN = {
    "no confusion of perturbations": ("grad(x -> x*grad(y -> x + y, 1), 1)", {}, 1.0, {}),
    "captured variable": ("x*grad(y -> x + y, 1)", {"x": 1.0}, 1.0, {"x": 1.0}),
    "product": ("x*grad(y -> x*y, 2)", {"x": 1.0}, 1.0, {"x": 2.0}),
    "of its own argument": ("fn main(x) = grad(x -> x*grad(y -> x*y, 1), x)", {"x": 4.0}, 8.0, {"x": 2.0}),
    "function name": ("fn f(u) = u^3\ngrad(f, x)", {"x": 2.0}, 12.0, {"x": 12.0}),
    "operation name": ("grad(sin, x)", {"x": 0.5}, np.cos(0.5), {"x": -np.sin(0.5)}),
    "third derivative through recursion": (
        "fn p(x, n) { if n == 0 { return 1 }\nreturn x*p(x, n - 1) }\ngrad(a -> grad(b -> grad(c -> p(c, 5), b), a), x)",
        {"x": 3.0}, 540.0, {"x": 360.0},
    ),
    "global of a function": (
        "k = x*x\nfn f(u) = sin(k*u)\ngrad(f, x)",
        {"x": 0.7}, 0.49 * np.cos(0.343), {"x": 2 * 0.7 * np.cos(0.343) - 0.49 * np.sin(0.343) * 3 * 0.49},
    ),
    "jvp": ("jvp(a -> a^3*y, x, 2)", {"x": 0.7, "y": 0.3}, 2 * 3 * 0.49 * 0.3, {"x": 2 * 6 * 0.7 * 0.3, "y": 2 * 3 * 0.49}),
    "vjp": ("sum(vjp(v -> v*v*x, [1, 2], [3, 4]))", {"x": 0.5}, 2 * 0.5 * (3 + 8), {"x": 22.0}),
    "hessian": ("sum(hessian(v -> sum(v^3)*x, [x, x]))", {"x": 2.0}, 48.0, {"x": 48.0}),
    "further arguments": ("grad((a, b) -> a^2*b, x, y)", {"x": 3.0, "y": 2.0}, 12.0, {"x": 4.0, "y": 6.0}),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_values_and_gradients_by_hand(name: str) -> None:
    text, at, value, gradient = KNOWN[name]
    program = adcli.compile(text)
    assert program.value(**at) == pytest.approx(value, rel=1e-13)
    for mode in ("reverse", "forward"):
        found = program.gradient(mode=mode, **at)
        assert {k: float(v) for k, v in found.items()} == pytest.approx(gradient, rel=1e-12)


# Checked against differences of the gradients, and forward against reverse.
PROGRAMS = {
    "gradient descent": "z = x\nfor i in 0..4 { z -= 0.1*grad(u -> (u - y)^2 + u^4, z) }\nz^2",
    "newton": "z = 1\nwhile abs(z*z - x) > 1e-9 { z -= (z*z - x)/grad(u -> u*u, z) }\nz*y",
    "in a branch": "if x > y { z = grad(u -> sin(u*y), x) } else { z = grad(u -> exp(u*x), y) }\nz*x",
    "in recursion": "fn f(u, n) { if n == 0 { return u }\nreturn f(u - 0.1*grad(w -> sin(w)*w^3*y, u), n - 1) }\nf(x*y, 3)",
    "loops inside": "grad(u -> { s = u\nfor i in 0..4 { s = s*u*y + sin(s) }\ns }, x)",
    "mixed": "grad(a -> jvp(b -> a*b^3, a, y), x) + vjp(c -> grad(d -> d^3*c, c), y, x)",
    "jacobian": "J = jacobian(v -> [v[0]*v[1], sin(v[0])*x, v[1]^2], [x, y])\nsum(J*J)",
    "updates inside": "sum(jacobian(v -> { a = v\na[0] = a[0]*a[1]\na[1] = sin(a[0]) + y\na }, [x, y])^2)",
    "hessian in a loop": "s = x\nfor i in 0..2 { s += sum(hessian(v -> v[0]^2*v[1]*s, [x, y])) }\ns",
    "grad of while": "grad(u -> { z = 1\nwhile abs(z*z - u) > 1e-12 { z = 0.5*(z + u/z) }\nz*u }, x)*y",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_modes_agree_and_hessians_are_differences(name: str) -> None:
    program = adcli.compile(PROGRAMS[name])
    at = {"x": 0.7, "y": 0.4}
    reverse = program.gradient(**at)
    forward = program.gradient(mode="forward", **at)
    assert {k: float(v) for k, v in forward.items()} == pytest.approx({k: float(v) for k, v in reverse.items()}, rel=1e-11, abs=1e-13)
    hessian = program.hessian(**at)
    h = 1e-5
    for k in at:
        up = program.gradient(**{**at, k: at[k] + h})
        down = program.gradient(**{**at, k: at[k] - h})
        for j in at:
            assert float(hessian[k][j]) == pytest.approx((float(up[j]) - float(down[j])) / (2 * h), rel=1e-5, abs=1e-6)
        step = (program.value(**{**at, k: at[k] + h}) - program.value(**{**at, k: at[k] - h})) / (2 * h)
        assert float(reverse[k]) == pytest.approx(step, rel=1e-6, abs=1e-7)


def test_a_derivative_whose_order_grows_with_a_recursion_is_refused() -> None:
    program = adcli.compile("fn f(u, n) { if n == 0 { return u }\nreturn grad(w -> sin(w)*f(w, n - 1), u) }\nf(x, 3)")
    with pytest.raises(LimitError, match="of higher order"):
        program.value(x=1.0)


def test_third_derivative_through_a_loop() -> None:
    """A peer prints three times this number: it differentiates its tape."""
    text = "fn f(x) { for i in 0..5 { x = x^2 }\nreturn x }\ngrad(a -> grad(b -> grad(f, b), a), x)"
    assert adcli.compile(text).value(x=0.95) == pytest.approx(6723.841699938751, rel=1e-14)
