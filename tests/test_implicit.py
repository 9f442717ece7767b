"""root and fixed_point: values, derivatives of several orders, and what they leave on tapes."""

from __future__ import annotations

import mpmath as mp
import pytest

import adcli
from adcli.errors import EvaluationError


def test_kepler_by_root_and_by_fixed_point() -> None:
    for text in ("root(E -> E - ecc*sin(E) - M, M)", "fixed_point(E -> M + ecc*sin(E), M)"):
        program = adcli.compile(text)
        found = program.gradient(ecc=0.3, M=1.0)
        assert float(found["ecc"]) == pytest.approx(1.0480083050499363, rel=1e-14)
        assert float(found["M"]) == pytest.approx(1.0913293011504175, rel=1e-14)
        forward = program.gradient(mode="forward", ecc=0.3, M=1.0)
        assert float(forward["ecc"]) == pytest.approx(float(found["ecc"]), rel=1e-14)


@pytest.mark.parametrize("order", range(6))
def test_every_order_through_a_root(order: int) -> None:
    """The derivatives of the square root, found as the root of x² - b."""
    text = "root(x -> x^2 - b, 1)"
    for _ in range(order):
        text = f"grad(b -> {text}, b)"
    assert adcli.compile(text).value(b=2.0) == pytest.approx(float(mp.diff(mp.sqrt, 2, order)), rel=1e-12)


def test_a_root_inside_a_loop_over_its_parameters() -> None:
    program = adcli.compile("s = 0\nfor i in 1..4 { s += root(x -> x^3 + x - i*a, i) }\ns")
    expected = sum(i / (3 * mp.findroot(lambda x, i=i: x**3 + x - 2 * i, i) ** 2 + 1) for i in range(1, 4))
    assert float(program.gradient(a=2.0)["a"]) == pytest.approx(float(expected), rel=1e-13)


def test_the_tape_does_not_grow_with_the_iteration() -> None:
    """A contraction by 0.99 takes thousands of steps, and fits in a few kilobytes of tape."""
    from adcli.engines.limits import Limits

    program = adcli.compile("fixed_point(x -> 0.99*sin(x)*a + 1, 1)", limits=Limits(max_memory=4096))
    x = mp.findroot(lambda x: x - 0.99 * mp.sin(x) - 1, 1.9)
    expected = 0.99 * mp.sin(x) / (1 - 0.99 * mp.cos(x))
    assert float(program.gradient(a=1.0)["a"]) == pytest.approx(float(expected), rel=1e-12)


def test_no_root_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="did not converge in 100 steps"):
        adcli.compile("root(x -> x^2 + a, 1)").value(a=1.0)
