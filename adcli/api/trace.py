"""The evaluation trace of a program at a point: one run recorded, and its derivatives step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adcli.api import derivatives
from adcli.api.flags import owners
from adcli.api.program import Program, Result
from adcli.api.variant import ready
from adcli.engines.record import Recording, record
from adcli.errors import AdcliError, Span, UsageError
from adcli.ir.nested import Nested
from adcli.ir.nodes import Function
from adcli.ir.walk import functions
from adcli.report.trace import Trace, by_level


def trace(
    program: Program, at: Mapping[str, Any], *, mode: str = "reverse", along: Mapping[str, Any] | None = None,
    wrt: Sequence[str] | None = None, of: str | None = None, order: str = "eval",
) -> tuple[Trace, Result]:  # fmt: skip
    """The trace and, as `grad` and `jvp` give them, the values, derivatives and flags.

    mode: "reverse" from the output `of`, or "forward" along one direction (None for an input: 1, in all elements), or along each
    input of `wrt` in turn (an array moves as a whole).
    order: "eval", or "level" by depth in the graph.
    """
    result, seeds = _reverse(program, at, wrt, of) if mode == "reverse" else along_each(program, at, along, wrt, of)
    made = reverse_trace(derivatives.Setting(program, at), wrt, program.outputs.index(of) if of is not None else 0, order)
    made.mode, made.seeds = mode, seeds
    return made, result


def reverse_trace(setting: derivatives.Setting, wrt: Sequence[str] | None, output: int = 0, order: str = "eval", seed: Any = 1.0) -> Trace:
    """One run recorded, for a reverse sweep from an output (a position) with that adjoint."""
    program = setting.program
    recording = recorded_run(setting, ready(setting.variant.lowered))
    if order == "level":
        recording = by_level(recording, program.limits)
    lines = {i.name: program.source.position(i.span.start)[0] for i in program.inputs}
    moving = [setting.variant.names[k] for k in setting.wrt(wrt)]
    own = written(setting.variant.lowered)
    return Trace(recording, program.source, "reverse", lines, moving, (), output, program.limits, seed, own)


def recorded_run(setting: derivatives.Setting, function: Function) -> Recording:
    """One run of a program's function at its point."""
    program = setting.program
    try:
        return record(function, setting.args, program.limits)
    except AdcliError as error:
        error.source = error.source or program.source
        raise


def written(entry: Function) -> dict[Span, list[str]]:
    """The operations that the program itself has at each place, those of functions that it only differentiates included."""
    found: dict[Span, list[str]] = {}
    todo, seen = [entry], {entry}
    while todo:
        function = todo.pop()
        for span, names in owners(function).items():
            found.setdefault(span, []).extend(names)
        for f in functions(function):
            if isinstance(f.of, Nested) and f.of.function not in seen:
                seen.add(f.of.function)
                todo.append(f.of.function)
    return found


def _reverse(program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> tuple[Result, list[Mapping[str, Any]]]:
    result = derivatives.gradient(program, at, wrt, of, "reverse")
    result.gradient = result.derivative
    return result, []


def along_each(
    program: Program, at: Mapping[str, Any], along: Mapping[str, Any] | None, wrt: Sequence[str] | None, of: str | None
) -> tuple[Result, list[Mapping[str, Any]]]:
    """Values and tangents along a direction, or along each input of `wrt` in turn; and the directions."""
    setting = derivatives.Setting(program, at)
    if along is not None:
        if wrt is not None:
            raise UsageError("--along says already which inputs move, and --wrt says it again", help="leave one of them out")
        shapes = dict(zip(setting.variant.names, (t.shape for t in setting.variant.types), strict=True))
        inputs, values = derivatives.direction(setting, {n: _ones(shapes.get(n, ())) if v is None else v for n, v in along.items()})
        seeds: list[Mapping[str, Any]] = [{setting.variant.names[k]: v for k, v in zip(inputs, values, strict=True)}]
    else:
        seeds = [{setting.variant.names[k]: _ones(setting.variant.types[k].shape)} for k in setting.wrt(wrt)]
    scalar = (of is not None or len(program.outputs) == 1) and not setting.variant.result_types[setting.output(of, "a derivative")].shape
    if along is None and scalar:
        result = derivatives.gradient(program, at, wrt, of, "forward")
        result.gradient = result.derivative
        return result, seeds
    found = [derivatives.jvp(program, at, seed, of) for seed in seeds] or [derivatives.evaluate(program, at)]
    first = found[0]
    first.flags = list({(f.code, f.op, f.span, f.at): f for one in found for f in one.flags}.values())
    return first, seeds


def _ones(shape: Sequence[int | None]) -> Any:
    if not shape:
        return 1.0
    import numpy as np

    return np.ones(tuple(n or 0 for n in shape))
