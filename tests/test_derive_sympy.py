"""Derived formulas against SymPy: on generated expressions they agree, and are not much longer than what its `simplify` gives."""

from __future__ import annotations

import os
import random
import statistics

import mpmath
import pytest
import sympy

import adcli
from adcli.api.derive import derive
from adcli.symbolic.text import operations_of_text

COUNT = 200
SIMPLIFIED = COUNT if os.environ.get("ADCLI_FUZZ") else 24  # `simplify` takes up to seconds; `make fuzz` does them all
ENDLESS = frozenset({33, 35, 156})  # seeds at which `simplify` takes minutes; their values are compared all the same
UNARY = ("sin", "cos", "exp", "tanh", "atan", "sqrt", "ln", "tan", "sinh", "cosh")
DOMAIN = {"sqrt": "({0})^2 + 1", "ln": "({0})^2 + 2"}  # where they are defined for every argument
X = sympy.Symbol("x", real=True)
POINTS = (0.37, -0.83, 1.21)


def generated(seed: int) -> str:
    """A random expression in x, without singularities on the way."""
    rng = random.Random(seed)

    def expression(depth: int) -> str:
        kind = rng.random()
        if depth == 0 or kind < 0.12:
            return rng.choice(["x", "x", "x", str(rng.randint(1, 5)), f"x^{rng.randint(2, 4)}"])
        if kind < 0.45:
            return f"({expression(depth - 1)} {rng.choice('+-')} {expression(depth - 1)})"
        if kind < 0.7:
            return f"{expression(depth - 1)}*{expression(depth - 1)}"
        if kind < 0.78:
            return f"({expression(depth - 1)})/(1 + ({expression(depth - 1)})^2)"
        name = rng.choice(UNARY)
        return f"{name}({DOMAIN.get(name, '{0}').format(expression(min(depth - 1, 1)))})"

    return expression(3)


def reference(text: str) -> sympy.Expr:
    return sympy.sympify(text.replace("^", "**").replace("ln(", "log("), locals={"x": X}, rational=True)


def ours(text: str) -> str:
    return derive(adcli.compile(f"input x\n{text}")).texts["x"]


@pytest.mark.parametrize("first", range(0, COUNT, 20))
def test_sympy_finds_the_same_values(first: int) -> None:
    for seed in range(first, first + 20):
        text = generated(seed)
        slope = sympy.lambdify(X, sympy.diff(reference(text), X), "mpmath")
        found = adcli.compile(f"input x\noutput d = {ours(text)}")
        for x in POINTS:
            expected = float(slope(x))
            assert found.value(x=x) == pytest.approx(expected, rel=1e-7, abs=1e-9), (seed, text, ours(text), x)


def test_sympy_finds_the_same_formulas() -> None:
    """Symbolically, by its own rules, and our count of operations beside that of its shortest form."""
    ratios = []
    for seed in sorted({*range(SIMPLIFIED)} - ENDLESS):
        text = generated(seed)
        slope, found = sympy.diff(reference(text), X), ours(text)
        difference = sympy.simplify(slope - reference(found))
        with mpmath.workdps(40):
            apart = 0 if difference == 0 else sympy.lambdify(X, slope - reference(found), "mpmath")(mpmath.mpf("0.41"))
            assert abs(apart) < 1e-20, (seed, text, found)
        theirs = operations_of_text(str(sympy.simplify(slope)))
        ratios.append(operations_of_text(found) / theirs if theirs else float(operations_of_text(found) + 1))
    assert statistics.median(ratios) <= 1.5
