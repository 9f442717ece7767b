"""The ways to differentiate, each as a row: its gradient, what that took, and why not where it cannot be had."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.api.derivatives import ones_at
from adcli.api.problem import Coordinate, Problem
from adcli.errors import EvaluationError, LimitError, ProgramError, UsageError

if TYPE_CHECKING:
    from adcli.api.engine import Runner
    from adcli.api.program import Program
    from adcli.api.variant import What

UNIT = sys.float_info.epsilon
# Statements of a value: a formula of more is none that anybody writes.
UNROLLED = 5_000


class Error(NamedTuple):
    """The largest difference from the reference, that difference by the reference's own size, and the input where it is."""

    absolute: float
    relative: float
    at: str


class Way:
    """One row. gradient: by input, or None with the reason in `note`; operations: statements that run, or of a formula."""

    def __init__(self, name: str, note: str = "") -> None:
        self.name, self.note = name, note
        self.gradient: dict[str, Any] | None = None
        self.error: Error | None = None
        self.operations: int | None = None
        self.evaluations = self.sweeps = 0
        self.seconds: float | None = None
        self.again: Callable[[], object] | None = None


def all_ways(problem: Problem, manual: Program | None) -> Iterator[Way]:
    """The rows in their order; reverse mode is the last."""
    if manual is not None:
        from adcli.api.manual import manual_way

        yield manual_way(problem, manual)
    yield from _numeric(problem)
    yield _complex(problem)
    yield _symbolic(problem)
    yield forward_way(problem)
    yield reverse_way(problem)


def forward_way(problem: Problem) -> Way:
    """One sweep for each number."""
    way = Way("forward mode")
    runs: list[tuple[Runner, list[Any]]] = []
    way.operations = 0
    for k in problem.inputs:
        what: What = ("forward", (k,), problem.of, ())
        sweeps = [[*problem.args, unit] for _, unit in ones_at(problem.variant.types[k].shape)]
        runs += [(problem.variant.runner(what), args) for args in sweeps]
        if sweeps:  # all on the same path
            way.operations += len(sweeps) * problem.operations(what, sweeps[0])
    way.again = lambda: [float(runner.run(args)[1]) for runner, args in runs]
    way.gradient = problem.named(way.again())
    way.sweeps = len(runs)
    return way


def reverse_way(problem: Problem) -> Way:
    """One sweep for all."""
    way = Way("reverse mode")
    way.sweeps = 1
    way.gradient = {problem.variant.names[k]: v for k, v in problem.adjoints.items()}
    what: What = ("reverse", problem.inputs, problem.of, ())
    args = [*problem.args, 1.0]
    runner = problem.variant.runner(what)
    way.operations, way.again = problem.operations(what, args), lambda: runner.run(args)
    return way


def step(x: float, power: float) -> float:
    """The step that balances truncation and round-off where nothing is known of the program: a power of the rounding unit."""
    return float(UNIT**power) * max(1.0, abs(x))


def _numeric(problem: Problem) -> Iterator[Way]:
    from adcli.engines.differences import along, central_difference, forward_difference, richardson

    def plain(kind: Callable[..., float], power: float) -> Callable[[Coordinate], float]:
        def slope(c: Coordinate) -> float:
            x = problem.coordinate(c)
            return float(kind(problem.along(c), x, step(x, power)))

        return slope

    def extrapolated(c: Coordinate) -> float:
        return richardson(along(problem.tried(c)), problem.coordinate(c)).value

    yield _difference("forward difference", problem, plain(forward_difference, 1 / 2))
    yield _difference("central difference", problem, plain(central_difference, 1 / 3))
    yield _difference("Richardson", problem, extrapolated)


def _difference(name: str, problem: Problem, slope: Callable[[Coordinate], float]) -> Way:
    """A way that takes values of the program alone. An error of the program beside the point is its note."""
    way = Way(name)
    before = problem.calls
    try:
        way.gradient = problem.named([slope(c) for c in problem.coordinates])
    except (EvaluationError, LimitError) as error:
        way.note = error.message
        return way
    way.evaluations = problem.calls - before
    way.operations = way.evaluations * problem.cost
    way.again = lambda: [slope(c) for c in problem.coordinates]
    return way


def _complex(problem: Problem) -> Way:
    """The imaginary part of a run with a small imaginary input, for each number."""
    from adcli.engines.complex import NotAnalytic, complex_step

    way = Way("complex step")
    function = problem.variant.runner(problem.primal).function

    def slopes() -> list[float]:
        limits = problem.program.limits
        return [float(complex_step(function, problem.args, c.input, problem.unit(c), limits)[0][0]) for c in problem.coordinates]

    try:
        way.gradient = problem.named(slopes())
    except (EvaluationError, LimitError) as error:
        way.note = error.message
        return way
    except NotAnalytic as error:
        way.note = str(error)
        return way
    except (TypeError, ValueError, ArithmeticError):  # of Python's and NumPy's complex numbers
        way.note = "an operation has no complex form"
        return way
    way.again, way.evaluations = slopes, len(problem.coordinates)
    way.operations = way.evaluations * problem.cost
    return way


def _symbolic(problem: Problem) -> Way:
    """The simplified formula of each derivative, written out and computed at the point."""
    from adcli.api.derive import derive
    from adcli.api.program import compile

    way = Way("symbolic")
    known = dict(zip(problem.variant.names, problem.args, strict=True))
    try:
        if problem.cost > UNROLLED:
            raise UsageError(f"{problem.cost:,} operations are too many for a formula", help="adcli grad")
        derived = derive(problem.program, problem.wrt, of=problem.output, at=known)
        program = compile(derived.program_text(), limits=problem.program.limits, engine=problem.program.tiers.choice.engine)
        variant, args, _ = program.bind({i.name: known[i.name] for i in program.inputs})
        runner = variant.runner(("value", (), None, ()))
        way.gradient = problem.named([float(v) for v in runner.run(args)])
    except (ProgramError, EvaluationError, LimitError, UsageError) as error:
        way.note = error.message
        return way
    way.operations, way.evaluations, way.again = derived.operations, 1, lambda: runner.run(args)
    return way
