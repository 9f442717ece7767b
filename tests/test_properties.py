"""Properties of generated programs: forward = reverse = differences, printing is the inverse of parsing, passes keep the value."""
from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import assume, event, given

import adcli.ad
from adcli import passes
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.errors import Source
from adcli.ir.check import check
from adcli.ir.nodes import Function
from adcli.ir.types import INT, REAL, Type
from adcli.lower import lower
from adcli.syntax import parse, show
from tests.generated import points, programs

TYPES = {"x": REAL, "y": REAL, "v": Type("real", (3,)), "n": INT}


def lowered(text: str) -> Function:
    source = Source(text)
    return lower(parse(source), source, TYPES)


def arguments(point: list[float]) -> list[Any]:
    return [point[0], point[1], np.array(point[2:]), 3]


def run(function: Function, args: list[Any]) -> list[float]:
    """All numbers of all results, in one list."""
    results = Interpreter(function, Limits(max_steps=100_000)).run([a.copy() if isinstance(a, np.ndarray) else a for a in args])
    return [float(n) for result in results for n in np.ravel(result)]


def checked(function: Function) -> Function:
    check(function)
    return function


def prepared(function: Function) -> Function:
    """Every pass, with the IR checked after each."""
    return checked(passes.storage(checked(passes.optimize(checked(function)))))


def reverse_gradient(function: Function, args: list[Any]) -> list[float]:
    backward = checked(adcli.ad.reverse(function, wrt=[0, 1, 2], of=[0]))
    return run(backward, [*args, 1.0])[1:]


def forward_gradient(function: Function, args: list[Any]) -> list[float]:
    ahead = checked(adcli.ad.forward(function, wrt=[0, 1, 2]))
    slopes = []
    for i in range(5):
        seed = [float(i == j) for j in range(5)]
        slopes.append(run(ahead, [*args, seed[0], seed[1], np.array(seed[2:])])[1])
    return slopes


def richardson(f: Callable[[list[float]], float], point: list[float], i: int) -> tuple[float, float]:
    """Derivative by Richardson's extrapolation of central differences, and how far its last two stages are apart."""
    def central(h: float) -> float:
        ends = [f([p + s * h * (i == j) for j, p in enumerate(point)]) for s in (1, -1)]
        return (ends[0] - ends[1]) / (2 * h)

    rows = [[central(2e-3 / 2**k)] for k in range(4)]
    for k in range(1, 4):
        for j in range(1, k + 1):
            rows[k].append(rows[k][j - 1] + (rows[k][j - 1] - rows[k - 1][j - 1]) / (4**j - 1))
    return rows[3][3], max(abs(rows[3][3] - rows[2][2]), abs(rows[3][2] - rows[3][3]), abs(rows[2][0] - rows[3][0]) / 50)


def near(got: list[float], want: list[float], tolerance: float) -> bool:
    size = max([1.0, *map(abs, want)])
    return len(got) == len(want) and all(abs(g - w) <= tolerance * size for g, w in zip(got, want, strict=True))


@given(programs(), points())
def test_forward_reverse_and_differences_agree(text: str, point: list[float]) -> None:
    function, args = lowered(text), arguments(point)
    value = run(prepared(lowered(text)), args)
    assume(math.isfinite(value[0]) and abs(value[0]) < 1e6)
    backward = reverse_gradient(function, args)
    ahead = forward_gradient(lowered(text), args)
    assert near(ahead, backward, 1e-10), text
    for i, slope in enumerate(backward):
        estimate, doubt = richardson(lambda p: run(function, arguments(p))[0], point, i)
        smooth = doubt < 1e-6 * max(1.0, abs(estimate))
        event("compared with differences" if smooth else "near a boundary")
        assert not smooth or abs(slope - estimate) <= 1e-4 * max(1.0, abs(estimate)), text


@given(programs())
def test_printing_is_the_inverse_of_parsing(text: str) -> None:
    source = Source(text)
    once = show(parse(source), source)
    again = Source(once)
    assert show(parse(again), again) == once


@given(programs(), points())
def test_printed_programs_mean_the_same(text: str, point: list[float]) -> None:
    source = Source(text)
    args = arguments(point)
    assert bits(run(lowered(show(parse(source), source)), args)) == bits(run(lowered(text), args))


def bits(numbers: list[float]) -> list[str]:
    return [n.hex() for n in numbers]


def stages(text: str) -> Iterator[tuple[str, Function]]:
    yield "optimize", passes.optimize(lowered(text))
    yield "storage", passes.storage(lowered(text))
    yield "both", passes.storage(passes.optimize(lowered(text)))
    yield "twice", passes.optimize(passes.optimize(lowered(text)))


@given(programs(), points())
def test_passes_keep_the_value(text: str, point: list[float]) -> None:
    args = arguments(point)
    want = run(checked(lowered(text)), args)
    assume(all(map(math.isfinite, want)))
    for name, function in stages(text):
        assert bits(run(checked(function), args)) == bits(want), name


@given(programs(), points())
def test_second_derivatives_are_symmetric_and_agree_with_differences(text: str, point: list[float]) -> None:
    """Reverse over forward along a direction gives a row of the Hessian: compared with differences of gradients."""
    function, args = lowered(text), arguments(point)
    assume(abs(run(function, args)[0]) < 1e3)
    gradient = adcli.ad.reverse(lowered(text), wrt=[0, 1, 2], of=[0])
    ahead = adcli.ad.forward(function, wrt=[0, 1, 2])
    second = checked(adcli.ad.reverse(ahead, wrt=[0, 1, 2], of=[1]))
    rows = []
    for i in range(5):
        seed = [float(i == j) for j in range(5)]
        rows.append(run(second, [*args, seed[0], seed[1], np.array(seed[2:]), 1.0])[2:])
    size = max([1.0, *(abs(n) for row in rows for n in row)])
    assume(size < 1e6)
    for i in range(5):
        assert near([row[i] for row in rows], rows[i], 1e-9), text
        for j in range(5):
            estimate, doubt = richardson(lambda p, j=j: run(gradient, [*arguments(p), 1.0])[1 + j], point, i)  # type: ignore[misc]
            if doubt < 1e-6 * size:
                assert abs(rows[i][j] - estimate) <= 1e-4 * size, text
