"""The step rules of gradient descent: against their formulas in exact arithmetic, ascent, and states taken up again."""

from __future__ import annotations

from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np
import pytest

from adcli.optimize import descent

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("gd", {}), ("sgd", {}), ("momentum", {}), ("momentum", {"decay": 0.5, "nesterov": True}), ("adam", {}), ("adam", {"beta1": 0.5}),
]  # fmt: skip
KINDS = pytest.mark.parametrize(("name", "settings"), SETTINGS, ids=[f"{n}{k}" for k, (n, _) in enumerate(SETTINGS)])
DRAW = np.random.default_rng(5)
GRADIENTS = [DRAW.normal(size=4) for _ in range(30)]


def walk(rule: descent.Rule, x: np.ndarray[Any, Any], gradients: list[Any]) -> np.ndarray[Any, Any]:
    for g in gradients:
        rule.step(x, g)
    return x


def test_gradient_descent_is_its_formula() -> None:
    x = np.array([1.0, -2.0])
    descent.make("gd", 0.25, 2).step(x, np.array([4.0, 8.0]))
    assert x.tolist() == [0.0, -4.0]


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_is_polyaks_and_nesterovs(nesterov: bool) -> None:
    """The heavy ball as x' - x = -rate·g + decay·(x - x_before); Nesterov's with the point looked ahead y = x + decay·(x - x_before)."""
    rate, decay = 0.1, 0.8
    x = np.array([3.0])
    rule = descent.make("momentum", rate, 1, decay=decay, nesterov=nesterov)
    exact = before = Fraction(3)
    for _ in range(25):
        rule.step(x, 2 * x)  # of x²
        if nesterov:  # `exact` is y; with p = y - rate·g(y) the next y is p + decay·(p - p_before)
            p = exact - Fraction(rate) * 2 * exact
            exact, before = p + Fraction(decay) * (p - before), p
        else:
            exact, before = exact - Fraction(rate) * 2 * exact + Fraction(decay) * (exact - before), exact
        assert x[0] == pytest.approx(float(exact), rel=1e-12, abs=1e-14)


def test_adam_is_algorithm_1() -> None:
    x, rule = np.array([0.5]), descent.make("adam", 0.02, 1, beta1=0.8, beta2=0.95, epsilon=1e-6)
    want, m, v = 0.5, 0.0, 0.0
    for t, g in enumerate(GRADIENTS, 1):
        rule.step(x, g[:1])
        m = 0.8 * m + 0.2 * g[0]
        v = 0.95 * v + 0.05 * g[0] ** 2
        want -= 0.02 * (m / (1 - 0.8**t)) / (sqrt(v / (1 - 0.95**t)) + 1e-6)
        assert x[0] == pytest.approx(want, rel=1e-13)


@KINDS
def test_a_negative_rate_climbs(name: str, settings: dict[str, Any]) -> None:
    down = walk(descent.make(name, 0.1, 4, **settings), np.ones(4), GRADIENTS)
    up = walk(descent.make(name, -0.1, 4, **settings), np.ones(4), [-g for g in GRADIENTS])
    assert down.tobytes() == up.tobytes()


@KINDS
def test_a_state_taken_up_goes_on_to_the_same_bits(name: str, settings: dict[str, Any]) -> None:
    whole = walk(descent.make(name, 0.1, 4, **settings), np.ones(4), GRADIENTS)
    first = descent.make(name, 0.1, 4, **settings)
    x = walk(first, np.ones(4), GRADIENTS[:11])
    kept = first.state()
    walk(first, x.copy(), GRADIENTS[11:])  # what was kept does not go on with it
    second = descent.make(name, 0.1, 4, **settings)
    second.restore(kept)
    assert walk(second, x, GRADIENTS[11:]).tobytes() == whole.tobytes()


@KINDS
def test_a_gradient_is_left_alone(name: str, settings: dict[str, Any]) -> None:
    g = GRADIENTS[0].copy()
    descent.make(name, 0.1, 4, **settings).step(np.ones(4), g)
    assert g.tobytes() == GRADIENTS[0].tobytes()


@pytest.mark.parametrize("name", ["gd", "momentum", "adam"])
def test_a_state_of_another_rule_or_size_is_refused(name: str) -> None:
    for other, size in (("gd", 4), ("momentum", 4), ("adam", 4), (name, 5)):
        state = descent.make(other, 0.1, size).state()
        if other == name and (size == 4 or not state):
            continue
        with pytest.raises(ValueError, match=r"state|has 4"):
            descent.make(name, 0.1, 4).restore(state)
    with pytest.raises(ValueError, match="count"):
        descent.make("adam", 0.1, 4).restore({**descent.make("adam", 0.1, 4).state(), "t": -1})
