"""Differences and their estimated errors: the error must cover what the difference is off by, and be small where f is smooth."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from adcli.engines.differences import Differences as Windows
from adcli.engines.differences import along, central_difference, forward_difference, remainder_order, richardson, settle

NAN = math.nan
SMOOTH: list[tuple[Callable[[float], float], float, float]] = [
    (math.sin, 1.0, math.cos(1)),
    (lambda x: math.sin(1e6 * x), 1.0, 1e6 * math.cos(1e6)),
    (lambda x: 1e-7 * x**3, 1.0, 3e-7),
    (math.cos, 1e-9, -1e-9),
    (math.cos, 0.0, 0.0),
    (lambda x: math.log(x) if x > 0 else NAN, 1e-300, 1e300),
    (lambda x: math.sqrt(x) if x >= 0 else NAN, 1e-9, 0.5 / math.sqrt(1e-9)),
    (abs, 1e-9, 1.0),
    (lambda x: math.exp(min(1e10 * x, 700.0)), 0.0, 1e10),
    (lambda x: math.sin(2 * math.pi * 1024 * x), 1.0, 2048 * math.pi),
    (lambda x: 1 / x, 1e-5, -1e10),
    (math.tan, 1.5707, 1 / math.cos(1.5707) ** 2),
    (lambda x: x * x, 1e150, 2e150),
]


@pytest.mark.parametrize(("f", "x", "slope"), SMOOTH)
def test_the_error_covers_the_discrepancy_and_is_small(f: Callable[[float], float], x: float, slope: float) -> None:
    found = richardson(along(f), x)
    assert found.agrees(slope), found
    assert found.error <= 1e-3 * max(abs(slope), found.scale), found
    for wrong in (2 * slope, -slope, 0.0):
        assert slope == 0 or not found.agrees(wrong), (found, wrong)


@pytest.mark.parametrize("f", [lambda x: 1e20 + x, lambda x: (1e16 + x) - 1e16])
def test_rounding_that_hides_the_derivative_is_in_the_error(f: Callable[[float], float]) -> None:
    found = richardson(along(f), 1.0)
    assert found.agrees(1.0) and found.error > 0.05, found


def test_nan_agrees_with_nothing() -> None:
    assert not richardson(along(math.sin), 1.0).agrees(NAN)
    assert not richardson(along(lambda x: NAN), 1.0).agrees(NAN)


def test_one_sided() -> None:
    left, right = (richardson(along(abs), 0.0, side) for side in (-1, 1))
    assert left.agrees(-1.0) and right.agrees(1.0) and not left.agrees(1.0)
    edge = richardson(along(lambda x: math.sin(x) if x >= 1 else NAN), 1.0, 1)
    assert edge.agrees(math.cos(1)) and edge.error < 1e-8


def test_simple_differences_are_off_by_h_and_h_squared() -> None:
    assert forward_difference(math.exp, 0.0, 2.0**-10) - 1 == pytest.approx(2.0**-11, rel=1e-3)
    assert central_difference(math.exp, 0.0, 2.0**-10) - 1 == pytest.approx(2.0**-20 / 6, rel=1e-3)


def test_the_remainder_falls_with_the_square_of_the_step() -> None:
    d = Windows(along(math.sin), 1.0)
    settle(d)
    right, wrong = remainder_order(d.steps, math.cos(1), d.noise), remainder_order(d.steps, math.cos(1) * 1.01, d.noise)
    assert right is not None and right == pytest.approx(2.0, abs=0.1)
    assert wrong is not None and wrong == pytest.approx(1.0, abs=0.1)
    line = Windows(along(lambda x: 3 * x), 1.0)
    settle(line)
    assert remainder_order(line.steps, 3.0, line.noise) is None
