"""Digits lost in a run, and where: the run in binary64 beside the same run in high precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from adcli.api import derivatives
from adcli.api.program import Program, Result
from adcli.api.variant import ready
from adcli.engines import precise
from adcli.engines import roundoff as engine
from adcli.errors import AdcliError, UsageError
from adcli.report.roundoff import Number, Report, Sweep

# Runs with more operations show their gradient's digits only where that is asked for.
SHORT = 10_000
# A gradient takes a few times the operations of the run, whose number is what the limit is for.
SWEEP = 10


class Choice(NamedTuple):
    """digits: of the first run in high precision; most: operations that may be computed so; gradient: None: where the run is short."""

    digits: int = precise.DIGITS
    most: int = engine.MOST
    gradient: bool | None = None


def roundoff(
    program: Program, at: Mapping[str, Any], of: str | None = None, wrt: Sequence[str] | None = None, choice: Choice | None = None
) -> tuple[Report, Result]:  # fmt: skip
    """What was lost on the way to the outputs, or to one of them, and in the gradient; with the values and flags of the run.

    Raises what evaluating the program raises; UsageError where mpmath is missing; LimitError where the run is too long.
    """
    choice = choice or Choice()
    setting = derivatives.Setting(program, at)
    chosen = range(len(program.outputs)) if of is None else [setting.output(of, "a result")]
    if choice.gradient and len(chosen) > 1:
        raise UsageError("the gradient is of one output, and the program has several", help=f"choose it with --of {program.outputs[0]}")
    try:
        run = engine.run(ready(setting.variant.lowered), setting.args, program.limits, choice.digits, choice.most)
        result = derivatives.evaluate(program, at)
        gradient, back = _gradient(setting, result, chosen[0], wrt, run, choice) if len(chosen) == 1 else ({}, None)
    except AdcliError as error:
        error.source = error.source or program.source
        raise
    outputs = [Number(name, value, exact) for name, value, exact, _ in (run.results[k] for k in chosen) if _is_real(value)]
    steps = run.behind([run.results[k][3] for k in chosen])
    return Report(run, program.source, outputs, gradient, steps, back), result


def _is_real(value: Any) -> bool:
    return value.dtype.kind == "f" if hasattr(value, "dtype") else isinstance(value, float)


def _gradient(
    setting: derivatives.Setting, result: Result, of: int, wrt: Sequence[str] | None, run: engine.Run, choice: Choice
) -> tuple[dict[str, Number], Sweep | None]:
    """The gradient and the exact one, with the sweep it comes from; empty where there is none, or where the run is long and nobody asks."""
    variant, inputs = setting.variant, setting.wrt(wrt)
    there = setting.real(of) and not variant.result_types[of].shape and inputs
    if not there or choice.gradient is False or (choice.gradient is None and len(run.steps) > SHORT):
        if choice.gradient and not there:
            setting.scalar_output(setting.program.outputs[of], "a gradient")
        return {}, None
    _, found = derivatives.sweep_back(setting, inputs, of)
    result.flags += [flag for flag in variant.flags if flag not in result.flags and flag.code == "no-path"]
    function = ready(variant.function("reverse", inputs, of))
    sweep = engine.run(function, [*setting.args, 1.0], setting.program.limits, run.precision, SWEEP * choice.most)
    back = Sweep(sweep, setting.program.source, sweep.behind([ref for *_, ref in sweep.results[1:]]),
                 engine.roles(run, sweep, len(setting.args)))  # fmt: skip
    exact = [value for _, _, value, _ in sweep.results[1:]]
    return {variant.names[k]: Number(variant.names[k], found[k], value) for k, value in zip(inputs, exact, strict=True)}, back
