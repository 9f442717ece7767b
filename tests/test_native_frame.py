"""What native code is given and gives back: arguments of other types and layouts, arrays that come again, results that somebody holds."""
from __future__ import annotations

import pytest

pytest.importorskip("llvmlite", reason="native code needs llvmlite (the extra 'native')")

import numpy as np

import adcli
from adcli.engines.native import Native
from adcli.ir.types import Type
from tests.test_native import function

REALS = Type("real", (3,))


def test_results_of_every_kind_in_their_order() -> None:
    text = (
        "output total = sum(v)*a\noutput count = k + 1\noutput scaled = a*v\noutput below = v[0] < a\n"
        "output first = v[..k]\noutput half = a/2"
    )
    text = "input a; input k: int; input v: [3]\n" + text
    made = Native(function(text, a=Type("real"), k=Type("int"), v=REALS))
    total, count, scaled, below, first, half = made.run([2.0, 2, np.array([1.0, 2.0, 3.0])])
    assert (total, count, below, half) == (12.0, 3, True, 1.0)
    assert isinstance(count, int) and isinstance(below, bool)
    assert scaled.tolist() == [2.0, 4.0, 6.0] and first.tolist() == [1.0, 2.0]


def test_arguments_of_other_types_and_layouts() -> None:
    made = Native(function("output y = sum(v*[1, 10, 100])", v=REALS))
    table = np.arange(9.0).reshape(3, 3)
    for given in ([1, 2, 3], (1.0, 2.0, 3.0), np.array([1, 2, 3]), np.array([1, 2, 3], np.float32), table[:, 1], table[::-1, 1]):
        assert made.run([given]) == [float(np.dot(np.asarray(given, float), [1.0, 10.0, 100.0]))]


def test_an_array_that_comes_again_has_its_new_numbers() -> None:
    made = Native(function("output y = sum(v)", v=REALS))
    v, w = np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0])
    assert made.run([v]) == [6.0]
    v[0] = 100.0
    assert [made.run([each]) for each in (v, w, v, [0, 0, 1])] == [[105.0], [60.0], [105.0], [1.0]]


def test_results_that_are_held_stay() -> None:
    made = Native(function("output y = 2*v", v=REALS))
    held = made.run([[1.0, 2.0, 3.0]])[0][1:]  # a view holds its array
    for _ in range(3):
        made.run([[7.0, 8.0, 9.0]])
    assert held.tolist() == [4.0, 6.0]


def test_flags_are_those_of_the_last_run() -> None:
    """More flags than a word of the state has bytes for."""
    program = adcli.compile("y = " + " + ".join(f"abs(x - {k})" for k in range(11)) + "; output y", engine="native")
    raised = []
    for x in (0.0, 0.5, 10.0, 12.0):
        program.gradient(x=x)
        raised.append(len(program.flags))
    assert raised == [1, 0, 1, 0]


def test_too_few_arguments() -> None:
    made = Native(function("output y = x + z", x=Type("real"), z=Type("real")))
    with pytest.raises(ValueError, match="1 arguments for 2 parameters"):
        made.run([1.0])


@pytest.mark.parametrize("text", ["mean(v)", "mean(v)*x", "x + 1/(n*0.0)", "ln(n*0.0) + x"])
def test_what_is_computed_when_code_is_made_is_told(text: str) -> None:
    """Numbers that leave the finite ones without an input, whose operations LLVM has done away with."""
    told = []
    for engine in ("interpret", "native"):
        program = adcli.compile(f"input v: [n]\ninput x\noutput y = {text}", engine=engine)
        seen = []
        for ask in (program.value, program.gradient):
            ask(v=[], x=2.0)
            seen.append([(flag.code, flag.op, flag.message) for flag in program.flags])
        told.append(seen)
    assert told[0] == told[1] and all(told[0])
