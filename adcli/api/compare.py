"""The ways to differentiate side by side: differences, the formula, forward and reverse mode, and the user's own gradient.

Each way gives the gradient of one scalar output. Its error is against the reference: the program's adjoints in 50-digit arithmetic
where mpmath is installed, otherwise reverse mode itself. Work is counted in statements of the intermediate representation that run.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adcli.api.flags import explained
from adcli.api.problem import Problem
from adcli.api.program import Program, Result
from adcli.api.ways import Error, Way, all_ways
from adcli.errors import EvaluationError, UsageError

DIGITS = 50
# Statements of a reverse sweep, in seconds of which 50 digits are to be had.
LONGEST = 200_000


class Comparison:
    """What was found. reference: by name of input, in the reference's own numbers; by: what it was computed with."""

    def __init__(self, problem: Problem, ways: list[Way], reference: Mapping[str, Any], by: str) -> None:
        self.problem, self.ways, self.reference, self.by = problem, ways, reference, by
        name = problem.program.outputs[problem.of]
        self.result = Result({name: problem.value}, problem.flags, "", problem.variant.steps)
        self.result.of = name
        explained(self.result, gradient={problem.variant.names[k]: v for k, v in problem.adjoints.items()})


def compare(
    program: Program, at: Mapping[str, Any], *, wrt: Sequence[str] | None = None, of: str | None = None, manual: Program | None = None,
    seconds: float = 0.0,
) -> Comparison:  # fmt: skip
    """Every way at a point. manual: a gradient derived by hand, its outputs named after the inputs; seconds: for times, 0 for none.

    A way that cannot do the program has the reason in its `note`. Raises what a gradient at the point raises.
    """
    problem = Problem(program, at, wrt, of)
    ways = list(all_ways(problem, manual))
    reference, by = _reference(problem, ways)
    for way in ways:
        if way.gradient is not None:
            way.error = _error(problem, way.gradient, reference)
    if seconds:
        _time(ways, seconds)
    return Comparison(problem, ways, reference, by)


def _time(ways: Sequence[Way], seconds: float) -> None:
    """The median of repeated gradients; of what takes longer than its share of the time, the one call that said so."""
    from time import perf_counter

    from adcli.api.bench import medians

    quick: list[tuple[Way, Callable[[], object]]] = []
    timed = [(way, way.again) for way in ways if way.again is not None]
    for way, again in timed:
        start = perf_counter()
        again()
        way.seconds = perf_counter() - start
        if way.seconds < seconds / len(timed):
            quick.append((way, again))
    if quick:
        for (way, _), found in zip(quick, medians([again for _, again in quick], seconds), strict=True):
            way.seconds = found


def _reference(problem: Problem, ways: Sequence[Way]) -> tuple[dict[str, Any], str]:
    """The adjoints in 50-digit arithmetic, or those of reverse mode where there is none, and which it is."""
    own = {problem.variant.names[k]: v for k, v in problem.adjoints.items()}
    reverse = ways[-1]
    try:
        return _precise(problem, reverse.operations or 0), f"{DIGITS}-digit arithmetic"
    except (EvaluationError, UsageError) as error:
        reverse.note = f"the reference: {error.message}" + (f" ({error.help})" if error.help else "")
        return own, "reverse mode"


def _precise(problem: Problem, work: int) -> dict[str, Any]:
    """The function of the adjoints, run in high precision."""
    if work > LONGEST:
        raise UsageError(f"{work:,} operations are many for {DIGITS}-digit arithmetic", help=f"it takes up to {LONGEST:,}")
    from adcli.engines.precise import evaluate

    function = problem.variant.runner(("reverse", problem.inputs, problem.of, ())).function
    found = evaluate(function, [*problem.args, 1.0], DIGITS, problem.program.limits)
    return {problem.variant.names[k]: value for k, value in zip(problem.inputs, found[1:], strict=False)}


def _error(problem: Problem, gradient: Mapping[str, Any], reference: Mapping[str, Any]) -> Error | None:
    """Where the gradient differs most from the reference; nan is the worst there is."""
    worst: Error | None = None
    for c in problem.coordinates:
        found = difference(float(problem.element(gradient, c)), problem.element(reference, c), c.name)
        if worst is None or (not math.isnan(worst.absolute) and not found.absolute <= worst.absolute):
            worst = found
    return worst


def difference(found: float, true: Any, at: str) -> Error:
    """|found - true|, in the arithmetic of the true number; equal infinities differ by nothing."""
    if not math.isfinite(found) or not math.isfinite(float(true)):
        same = found == float(true)
        return Error(0.0 if same else math.nan, 0.0 if same else math.nan, at)
    absolute = abs(float(true - found))
    size = abs(float(true))
    return Error(absolute, absolute / size if size else (0.0 if absolute == 0 else math.inf), at)
