"""`check` on every operation that is no function of single numbers: its rule passes; negated, doubled or zeroed it is WRONG.

    sum(weights*op(x + t·d, y))     against     Σ d·x̄, x̄ the pull-back of the weights: the judge of `check`, argument by argument

The loop is over the table: an operation with a derivative has samples in `test_ops_arrays`, or is covered by `test_check`'s control of
functions of numbers, or is in `EXPLAINED`; otherwise the first test here fails.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from adcli import ops
from adcli.ad import forward, reverse
from adcli.api.verdict import Evidence, Finding, judge
from adcli.engines.interpret import Interpreter
from adcli.errors import EvaluationError
from adcli.ir.nodes import Block, Function, Let
from adcli.ops.record import Op
from tests.test_ops import SMOOTH
from tests.test_ops_arrays import CASES, directions, dot, function

Case = tuple[str, list[Any], tuple[object, ...]]

WITHOUT = {op.name for op in ops.TABLE.values() if op.kind in ("zero", "define")}
NUMBERS = {op.name for op in SMOOTH}
EXPLAINED = {
    "derivative": "stands for a derivative inside a program until its statements are made, and has no value before",
    "to_real": "the same number as a real; integers have no derivative",
}
SPOILED = {"negated": "-({})", "doubled": "2*({})", "zeroed": "0*({})"}
FACTORS = (-1.0, 2.0, 0.0)


def test_no_operation_with_a_derivative_is_left_out() -> None:
    sampled = {name for name, _, _ in CASES}
    left_out = set(ops.TABLE) - WITHOUT - NUMBERS - sampled - set(EXPLAINED)
    assert not left_out, f"give {sorted(left_out)} samples in tests/test_ops_arrays.py"
    assert not set(EXPLAINED) & (sampled | NUMBERS | WITHOUT), "covered by now, and still explained away"
    assert {case[0] for case in ARRAYS} == set(ops.TABLE) - WITHOUT - NUMBERS - set(EXPLAINED)


ARRAYS: list[Case] = [case for case in CASES if case[0] not in NUMBERS | WITHOUT]
NAMES = sorted({case[0] for case in ARRAYS})


class Sample:
    """An operation at one of its samples, each real argument along a direction of its own."""

    def __init__(self, case: Case) -> None:
        self.f, self.values = function(ops.TABLE[case[0]], case[1], case[2])
        self.moving = [k for k, v in enumerate(self.values) if getattr(v, "dtype", np.dtype(float)).kind == "f"]
        self.along = dict(zip(self.moving, directions([self.values[k] for k in self.moving], 3), strict=True))
        (self.weights,) = directions([Interpreter(self.f).run(self.values)[0]], 4)

    def slopes(self, f: Function, mode: str) -> dict[int, float]:
        """By each argument, the derivative of the weighted sum along its direction."""
        if mode == "reverse":
            adjoints = Interpreter(reverse(f, self.moving, [0])).run([*self.values, self.weights])[1:]
            return {k: dot(x_bar, self.along[k]) for k, x_bar in zip(self.moving, adjoints, strict=True)}
        found = {}
        for k in self.moving:
            tangent = Interpreter(forward(f, [k])).run([*self.values, self.along[k]])[1]
            found[k] = dot(self.weights, tangent)
        return found

    def judged(self, k: int, slope: float) -> Finding:
        """The verdict on a derivative along the direction of argument k."""
        run = Interpreter(self.f).run

        def at(t: float) -> float:
            try:
                return dot(self.weights, run([v + t * self.along[k] if j == k else v for j, v in enumerate(self.values)])[0])
            except EvaluationError:
                return math.nan  # a matrix that far from the point has no factor

        return judge("x", slope, None, Evidence(lambda places: [at(t) for t in places], 0.0))


def spoiled(op: Op, template: str) -> Iterator[tuple[str, Op]]:
    """The operation with one text of its rule or tangent after the other spoiled, and the mode that the text is for."""

    def record(rule: Any, tangent: Any) -> Op:
        return Op(op.name, op.args, op.kind, rule, tangent=tangent, type=op.type, attrs=op.attrs, scalar=op.scalar, array=op.array)

    def each(row: Sequence[str | None]) -> Iterator[tuple[str | None, ...]]:
        for k, text in enumerate(row):
            if text is not None:
                yield (*row[:k], template.format(text), *row[k + 1 :])

    if isinstance(op.rule, dict):
        for ranks, row in op.rule.items():
            yield from (("reverse", record({**op.rule, ranks: other}, op.tangent)) for other in each(row))
    else:
        yield from (("reverse", record(other, op.tangent)) for other in each(op.rule))
    yield from (("forward", record(op.rule, other)) for other in each(op.tangent or ()))


def replaced(f: Function, op: Op) -> Function:
    """The function of one operation with another in its place."""
    (let,) = f.body.statements
    assert isinstance(let, Let)
    made = Function(f.name, f.params, Block([Let(let.out, op, let.args, let.attrs, let.span)]), f.result_names, result_types=f.result_types)
    made.body.results = f.body.results
    return made


def of(name: str) -> list[Sample]:
    return [Sample(case) for case in ARRAYS if case[0] == name]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", NAMES)
def test_every_derivative_is_right_and_negated_doubled_or_zeroed_is_wrong(name: str, mode: str) -> None:
    """Also where differentiation knows the operation by name, and there is no text to spoil."""
    args = ops.TABLE[name].args
    told: dict[str, bool] = {}
    for sample in of(name):
        for k, slope in sample.slopes(sample.f, mode).items():
            assert sample.judged(k, slope).verdict == "RIGHT", (k, sample.judged(k, slope))
            arg = args[min(k, len(args) - 1)]  # the last may stand for any number
            told[arg] = told.get(arg, False) or slope != 0
            for factor in FACTORS if slope else ():  # linspace of one number, say, does not depend on its second end
                assert sample.judged(k, factor * slope).verdict == "WRONG", (k, factor)
    assert all(told.values()), f"no sample says anything of an argument: {told}"


# Differentiation masks the lanes of `select` itself, so that its texts alone decide nothing.
TEXTS = [name for name in NAMES if (ops.TABLE[name].rule or ops.TABLE[name].tangent) and name != "select"]


@pytest.mark.parametrize("how", SPOILED)
@pytest.mark.parametrize("name", TEXTS)
def test_every_text_of_a_rule_negated_doubled_or_zeroed_is_wrong(name: str, how: str) -> None:
    """The texts themselves, as programs run them: at some sample the derivative that comes of a spoiled one is found WRONG."""
    for mode, op in spoiled(ops.TABLE[name], SPOILED[how]):
        verdicts = [s.judged(k, slope).verdict for s in of(name) for k, slope in s.slopes(replaced(s.f, op), mode).items()]
        assert "WRONG" in verdicts, (mode, op.rule, op.tangent)
