"""The ways to differentiate side by side: differences, the formula, forward and reverse mode, and the user's own gradient.

Each way gives the gradient of one scalar output. Its error is against the reference: the program's adjoints in 50-digit arithmetic
where mpmath is installed, otherwise reverse mode itself. Work is counted in statements of the intermediate representation that run.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.api.derivatives import Setting, ones_at, sweep_back, zeros
from adcli.api.flags import explained
from adcli.api.program import Program, Result
from adcli.errors import EvaluationError, UsageError

if TYPE_CHECKING:
    from adcli.api.engine import Runner
    from adcli.api.variant import What

TAPE = ("Push", "Pop")
DIGITS = 50
# Statements of a reverse sweep, in seconds of which 50 digits are to be had.
LONGEST = 200_000
UNIT = sys.float_info.epsilon


class Coordinate(NamedTuple):
    """One number to differentiate by: the input's position, the index in it, and what it is called."""

    input: int
    element: tuple[int, ...]
    name: str


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


class Problem:
    """A scalar output at a point, as a function of the numbers to differentiate by."""

    def __init__(self, program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> None:
        self.program, self.setting = program, Setting(program, at)
        self.variant, self.args = self.setting.variant, self.setting.args
        self.of = self.setting.scalar_output(of, "a comparison")
        self.inputs = self.setting.wrt(wrt)
        if not self.setting.real(self.of):
            raise UsageError(f"output '{program.outputs[self.of]}' is an integer and has no derivative", help="choose a real one with --of")
        if not self.inputs:
            raise UsageError("the program has no real input to differentiate by", help='for instance adcli compare "x^2" --at x=3')
        self.coordinates = [
            Coordinate(k, index, name + (f"[{','.join(map(str, index))}]" if index else ""))
            for k in self.inputs
            for name in (self.variant.names[k],)
            for index, _ in ones_at(self.variant.types[k].shape)
        ]
        if not self.coordinates:
            raise UsageError("the inputs to differentiate by have no elements", help="give an array with elements")
        self.primal: What = ("value", (), self.of, ())
        self.calls = 0
        self.cost = self.operations(self.primal, self.args)
        self.value, self.adjoints = sweep_back(self.setting, self.inputs, self.of)

    def at(self, c: Coordinate, x: Any) -> list[Any]:
        """The arguments with one number replaced."""
        args: list[Any] = list(self.args)
        if c.element:
            args[c.input] = args[c.input].copy()
            args[c.input][c.element] = x
        else:
            args[c.input] = x
        return args

    def coordinate(self, c: Coordinate) -> float:
        """The number's value at the point."""
        value: Any = self.args[c.input]
        return float(value[c.element] if c.element else value)

    def element(self, gradient: Mapping[str, Any], c: Coordinate) -> Any:
        value = gradient[self.variant.names[c.input]]
        return value[c.element] if c.element else value

    def along(self, c: Coordinate) -> Callable[[float], float]:
        """The output as a function of one number."""
        runner = self.variant.runner(self.primal)

        def value(x: float) -> float:
            self.calls += 1
            return float(runner.run(self.at(c, x))[0])

        return value

    def shape(self, name: str) -> tuple[int, ...]:
        """The shape of an input."""
        return tuple(n or 0 for n in self.variant.types[self.variant.names.index(name)].shape)

    def tried(self, c: Coordinate) -> Callable[[float], float]:
        """The same, nan where the program has no value."""
        f = self.along(c)

        def value(x: float) -> float:
            try:
                return f(x)
            except EvaluationError:
                return math.nan

        return value

    def named(self, found: Sequence[float]) -> dict[str, Any]:
        """Derivatives by coordinate as a gradient by input."""
        gradient = {self.variant.names[k]: zeros(self.variant.types[k].shape) for k in self.inputs}
        for c, value in zip(self.coordinates, found, strict=True):
            if c.element:
                gradient[self.variant.names[c.input]][c.element] = value
            else:
                gradient[self.variant.names[c.input]] = value
        return gradient

    def operations(self, what: What, args: Sequence[Any]) -> int:
        """Statements that one run executes, without those of the tape."""
        return operations(self.program, self.variant.runner(what).function, args)


def operations(program: Program, function: Any, args: Sequence[Any]) -> int:
    from adcli.engines.count import executed

    return sum(n for kind, n in executed(function, args, program.limits).items() if kind not in TAPE)


class Comparison:
    """What was found. reference: by name of input, in the reference's own numbers; by: what it was computed with."""

    def __init__(self, problem: Problem, ways: list[Way], reference: Mapping[str, Any], by: str) -> None:
        self.problem, self.ways, self.reference, self.by = problem, ways, reference, by
        name = problem.program.outputs[problem.of]
        self.result = Result({name: problem.value}, problem.variant.flags, "", problem.variant.steps)
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
    ways = list(_ways(problem, manual))
    reference, by = _reference(problem, ways)
    for way in ways:
        if way.gradient is not None:
            way.error = _error(problem, way.gradient, reference)
    if seconds:
        from adcli.api.bench import medians

        timed = [way for way in ways if way.again is not None]
        for way, found in zip(timed, medians([way.again for way in timed if way.again is not None], seconds), strict=True):
            way.seconds = found
    return Comparison(problem, ways, reference, by)


def _ways(problem: Problem, manual: Program | None) -> Iterator[Way]:
    if manual is not None:
        from adcli.api.manual import manual_way

        yield manual_way(problem, manual)
    yield from _numeric(problem)
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
    except EvaluationError as error:
        way.note = error.message
        return way
    way.evaluations = problem.calls - before
    way.operations = way.evaluations * problem.cost
    way.again = lambda: [slope(c) for c in problem.coordinates]
    return way


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
