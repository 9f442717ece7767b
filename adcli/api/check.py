"""Is a gradient right? What to evaluate, for programs of the language and for commands; `adcli.api.verdict` judges."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.api.derivatives import Setting, evaluate, gradient
from adcli.api.external import External, Failed, checked
from adcli.api.point import as_real
from adcli.api.verdict import ORDER, Evidence, Finding, complex_evidence, judge
from adcli.engines.differences import UNIT, Line
from adcli.engines.flags import BIRTHS, Flag, shown
from adcli.errors import AdcliError, DataError, EvaluationError, LimitError, UsageError

if TYPE_CHECKING:
    from adcli.api.program import Program

# Elements beyond so many are drawn at random, and all of them are checked together along random directions.
MOST_ELEMENTS = 64
DIRECTIONS = 4
# The complex step runs the program operation by operation, which must not take long.
COMPLEX_STEPS = 20_000
# Steps that a run at another place may take, beside 20 times those at the point.
MORE_STEPS = 10_000
# The complex step is taken at the point and some ulps beside it, with steps of other sizes: what changes then is its error.
NUDGES = ((0, 2.0**-200), (3, 2.0**-210), (-5, 2.0**-220), (17, 2.0**-200), (-41, 2.0**-210))
TIES = frozenset({"nondifferentiable", "equality-branch", "branch-boundary", "singular"})


class Checked(NamedTuple):
    """The verdict on a gradient. findings: by element; direction: along a random direction of all inputs; no_step: why no complex step."""

    verdict: str
    value: float
    gradient: dict[str, Any]
    findings: list[Finding]
    direction: Finding | None
    evaluations: int
    no_step: str
    flags: list[Flag]


class Element(NamedTuple):
    """One number to differentiate by: the input's name, its place in it, flat, and how it is shown."""

    name: str
    at: int | None
    shown: str
    x: float


Moved = Callable[[Mapping[str, Any]], Any]


class Subject:
    """What is checked: a function of named inputs, numbers or flat lists of them.

    noise: a bound known for the rounding of its values.
    """

    shapes: dict[str, tuple[int, ...]]
    point: dict[str, list[float]]
    noise = 0.0

    def values(self, points: Sequence[Mapping[str, list[float]]]) -> list[float]:
        """The values at several points; nan where there is none."""
        raise NotImplementedError

    def evidence(self, direction: Mapping[str, list[float]], x: float, noise: float) -> Evidence:
        """What can be known along a line; t = x is the point."""
        return Evidence(self.line(direction, x, self.values), x, noise)

    def line(
        self, direction: Mapping[str, list[float]], x: float, values: Callable[[Sequence[Mapping[str, list[float]]]], list[float]]
    ) -> Line:
        def at(t: float) -> dict[str, list[float]]:
            # Along one input t is its value itself, which so is not rounded a second time.
            if x != 0:
                return {
                    n: [t if d else p for p, d in zip(v, direction[n], strict=True)] if n in direction else v for n, v in self.point.items()
                }
            return {
                n: [p + t * d if d else p for p, d in zip(v, direction[n], strict=True)] if n in direction else v
                for n, v in self.point.items()
            }

        return lambda places: values([at(t) for t in places])

    def elements(self) -> list[Element]:
        found: list[Element] = []
        for name, shape in self.shapes.items():
            for k, x in enumerate(self.point[name]):
                found.append(Element(name, k if shape else None, f"{name}[{_index(k, shape)}]" if shape else name, x))
        return found


def _index(k: int, shape: Sequence[int]) -> str:
    parts: list[str] = []
    for n in reversed(shape):
        k, rest = divmod(k, n)
        parts.append(str(rest))
    return ",".join(reversed(parts))


class Own(Subject):
    """A program of the language at a point."""

    def __init__(self, program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> None:
        steps = evaluate(program, at).steps
        self.setting = setting = Setting(_bounded(program, MORE_STEPS + 20 * steps), at)
        self.variant = setting.variant
        self.of = setting.scalar_output(of, "a gradient")
        self.wrt = setting.wrt(wrt)
        self.places = {self.variant.names[k]: k for k in self.wrt}
        self.point = {name: _flat(setting.args[k]) for name, k in self.places.items()}
        self.shapes = {name: tuple(getattr(setting.args[k], "shape", ())) for name, k in self.places.items()}
        self.at = dict(at)
        self.own = True  # it is the program's own gradient that is checked
        self.tie = ""
        self.no_step = ""
        self._ready: Any = None

    @property
    def function(self) -> Any:
        """The program as it is written, all its operations in it."""
        if self._ready is None:
            from adcli.api.variant import ready

            self._ready = ready(self.variant.lowered)
        return self._ready

    def args(self, point: Mapping[str, list[float]]) -> list[Any]:
        args = list(self.setting.args)
        for name, k in self.places.items():
            if self.shapes[name]:
                import numpy as np

                args[k] = np.array(point[name]).reshape(self.shapes[name])
            else:
                args[k] = point[name][0]
        return args

    def values(self, points: Sequence[Mapping[str, list[float]]]) -> list[float]:
        return [self._value(lambda args: self.variant.values(args, self.of)[0], point) for point in points]

    def on_path(self, points: Sequence[Mapping[str, list[float]]]) -> list[float]:
        """Values where the run takes the path that it takes at the point; nan elsewhere."""
        from adcli.engines.kinks import parting, path

        here = path(self.function, self.args(self.point), self.setting.program.limits)

        def value(args: list[Any]) -> Any:
            found = path(self.function, args, self.setting.program.limits)
            return math.nan if parting(here, found) else found.results[self.of]

        return [self._value(value, point) for point in points]

    def _value(self, f: Callable[[list[Any]], Any], point: Mapping[str, list[float]]) -> float:
        try:
            return float(f(self.args(point)))
        except EvaluationError:
            return math.nan
        except LimitError:
            if self.setting.program.limits.timeout is not None:
                raise
            return math.nan  # a loop that ends at the point need not end elsewhere

    def evidence(self, direction: Mapping[str, list[float]], x: float, noise: float) -> Evidence:
        line = self.line(direction, x, self.values)

        def kink(places: Sequence[float]) -> str:
            from adcli.engines.kinks import kink

            near: list[list[Any]] = []

            def note(points: Sequence[Mapping[str, list[float]]]) -> list[float]:
                near.extend(map(self.args, points))
                return [0.0] * len(points)

            self.line(direction, x, note)(places)
            turn = kink(self.function, self.args(self.point), near, self.setting.program.limits)
            return "" if turn is None else self._named(turn.op, turn.span)

        wobble = (lambda: self.wobble(direction)) if self.own else None
        return Evidence(line, x, noise, self.line(direction, x, self.on_path), kink, self.step(direction), self.tie, self.terms, wobble)

    def wobble(self, direction: Mapping[str, list[float]]) -> float:
        """How far derivatives along the direction are apart at neighbours of the point: by both modes, some ulps away."""
        slopes: list[float] = []
        for ulps in (-2, -1, 1, 2):
            moved = {n: [_nudged(p, ulps) if d else p for p, d in zip(self.point[n], along, strict=True)] for n, along in direction.items()}
            at = {**self.at, **{name: shaped(numbers, self.shapes[name]) for name, numbers in moved.items()}}
            for mode in ("reverse", "forward"):
                try:
                    found = gradient(self.setting.program, at, list(self.places), self.setting.program.outputs[self.of], mode).derivative
                except AdcliError:
                    continue
                slopes.append(math.fsum(g * d for n in direction for g, d in zip(_flat(found[n]), direction[n], strict=True)))
        finite = [slope for slope in slopes if math.isfinite(slope)]
        return max(finite) - min(finite) if finite else 0.0

    def terms(self) -> float:
        """The size of the largest number that the run at the point adds or subtracts."""
        from adcli.engines.observe import observe

        largest = 0.0

        def look(let: Any, values: Sequence[Any], value: Any, iteration: tuple[int, ...]) -> None:
            nonlocal largest
            if let.op.name in ("add", "sub", "sum", "dot", "matmul"):
                largest = max([largest, *(float(abs(v).max()) if getattr(v, "size", 1) and hasattr(v, "max") else abs(v) for v in values)])

        observe(self.function, self.args(self.point), self.setting.program.limits, look)
        return largest

    def _named(self, op: str, span: Any) -> str:
        if span is None:
            return shown(op)
        line, column = self.setting.program.source.position(span.start)
        return f"{shown(op)} at {line}:{column}"

    def meet(self, flags: Sequence[Flag]) -> None:
        """Note the kink that the point itself is on, which the flags of its gradient tell."""
        for flag in flags:
            if flag.code in TIES and flag.span is not None and not self.tie:
                self.tie = self._named(flag.op, flag.span)

    def step(self, direction: Mapping[str, list[float]]) -> tuple[float, float] | None:
        """The complex step along one input."""
        from adcli.engines.complex import NotAnalytic, complex_step

        if self.no_step or len(direction) != 1:
            return None
        ((name, along),) = direction.items()
        shape, k = self.shapes[name], self.places[name]
        unit: Any = along[0]
        if shape:
            import numpy as np

            unit = np.array(along).reshape(shape)
        limits = self.setting.program.limits
        limits = limits._replace(max_steps=min(limits.max_steps, COMPLEX_STEPS))
        found: list[tuple[float, float]] = []
        try:
            for nudge, step in NUDGES:
                point = {**self.point, name: [_nudged(p, nudge) if d else p for p, d in zip(self.point[name], along, strict=True)]}
                found.append(complex_step(self.function, self.args(point), k, unit, limits, step)[self.of])
        except NotAnalytic as why:
            self.no_step = str(why)
        except AdcliError as error:
            self.no_step = "the program is too long for it" if error.exit == 6 else error.message
        except (TypeError, ValueError, ArithmeticError):
            self.no_step = "an operation has no complex form"
        return None if self.no_step else complex_evidence(found)


def _bounded(program: Program, steps: int) -> Program:
    """The program with a limit on its steps that suits the places around the point."""
    from copy import copy

    made = copy(program)
    made.limits = program.limits._replace(max_steps=min(program.limits.max_steps, steps))
    return made.using(program.tiers.choice.engine)


def _nudged(x: float, ulps: int) -> float:
    return x + ulps * math.ulp(x)


def _flat(value: Any) -> list[float]:
    return [float(x) for x in value.reshape(-1).tolist()] if hasattr(value, "shape") else [float(value)]


class Foreign(Subject):
    """A command that prints the value of a function at the point in its words or on its input."""

    def __init__(self, command: External, point: Mapping[str, Any], wrt: Sequence[str] | None) -> None:
        self.command, self.given = command, dict(point)
        unknown = [name for name in wrt or () if name not in point]
        if unknown:
            raise UsageError(f"--at gives no '{unknown[0]}' to differentiate by", help=f"its names are {', '.join(point)}")
        chosen = {name: as_real(name, point[name], []) for name in (wrt or point)}
        command.takes(list(chosen))
        self.point = {name: _flat(value) for name, value in chosen.items()}
        self.shapes = {name: tuple(getattr(value, "shape", ())) for name, value in chosen.items()}
        (first,) = command.values([self.given])
        if isinstance(first, Failed):
            checked(first, "the command")
        self.digits = 0

    def values(self, points: Sequence[Mapping[str, list[float]]]) -> list[float]:
        given = [{**self.given, **{name: shaped(numbers, self.shapes[name]) for name, numbers in point.items()}} for point in points]
        return [math.nan if isinstance(found, Failed) else found for found in self.command.values(given)]

    def coarse(self) -> float:
        """How far a printed value may be rounded: half a unit of the last digit, where there are fewer than 15 at several places."""
        some = [{name: [x * (1 + 0.0137 * k) + 0.0071 * k for x in v] for name, v in self.point.items()} for k in range(8)]
        found = [v for v in self.values(some) if math.isfinite(v) and v]
        digits = max((len(_significant(v)) for v in found), default=17)
        if digits >= 15:
            return 0.0
        return max(0.5 * 10.0 ** (math.floor(math.log10(abs(v))) + 1 - digits) for v in found)


def _significant(x: float) -> str:
    return repr(abs(x)).partition("e")[0].replace(".", "").strip("0")


def shaped(numbers: Sequence[float], shape: Sequence[int]) -> Any:
    """Flat numbers as nested lists."""
    if not shape:
        return numbers[0]
    if len(shape) == 1:
        return list(numbers)
    size = len(numbers) // shape[0] if shape[0] else 0
    return [shaped(numbers[k * size : (k + 1) * size], shape[1:]) for k in range(shape[0])]


def check_program(program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None, given: Any = None) -> Checked:
    """Check the program's own gradient, both modes, or the one given: a function of the shapes of the inputs and all names of inputs."""
    subject = Own(program, at, wrt, of)
    reverse = gradient(program, at, wrt, of, "reverse")
    subject.meet(reverse.flags)
    flags = [flag for flag in reverse.flags if flag.code not in BIRTHS or given is None]
    if given is not None:
        found = given(subject.shapes, subject.variant.names)
        subject.own = False
        return _check(subject, _number(reverse), found, None, flags)
    forward = gradient(program, at, wrt, of, "forward")
    ours = {name: _flat(value) for name, value in reverse.derivative.items()}
    return _check(subject, _number(reverse), ours, {name: _flat(value) for name, value in forward.derivative.items()}, flags)


def _number(result: Any) -> float:
    return float(result.outputs[result.of])


def given(gradient: Mapping[str, Any]) -> Callable[[Mapping[str, Sequence[int]], Sequence[str]], dict[str, list[float]]]:
    """A gradient by input (numbers, nested lists, arrays), as `check_program` takes it: once the shapes of the inputs are known."""
    from adcli.api.external import fitted

    plain = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in gradient.items()}
    return lambda shapes, names: fitted(plain, "the gradient", shapes, names)


def check_command(command: External, point: Mapping[str, Any], wrt: Sequence[str] | None, given: Any) -> Checked:
    """Check a gradient given for the function that a command computes."""
    subject = Foreign(command, point, wrt)
    found = given(subject.shapes, list(point))
    subject.noise = subject.coarse()
    (value,) = subject.values([subject.point])
    return _check(subject, value, found, None, [])


def _check(
    subject: Subject, value: float, found: dict[str, list[float]], forward: dict[str, list[float]] | None, flags: list[Flag]
) -> Checked:
    elements = subject.elements()
    if not elements:
        raise DataError("there is no real input to differentiate by", help="give the inputs with --at, or name them with --wrt")
    chance = random.Random(2718)
    some = elements if len(elements) <= MOST_ELEMENTS else sorted(chance.sample(elements, MOST_ELEMENTS), key=elements.index)
    findings = [_judged(subject, e, found, forward) for e in some]
    count = 1 if len(some) == len(elements) else DIRECTIONS
    directions = [_along(subject, found, chance, k) for k in range(count)] if len(elements) > 1 else []
    counted = findings + (directions if count > 1 else [])
    verdict = next(v for v in ORDER if any(f.verdict == v for f in counted))
    shown_ = next((f for f in directions if f.verdict == verdict), directions[0]) if directions else None
    evaluations = sum(f.evaluations for f in [*findings, *directions])
    derivative = {name: shaped(numbers, subject.shapes[name]) for name, numbers in found.items() if name in subject.shapes}
    return Checked(
        verdict, value, derivative, findings, shown_, evaluations, getattr(subject, "no_step", "it is for programs of adcli"), flags
    )


def _judged(subject: Subject, e: Element, found: Mapping[str, list[float]], forward: Mapping[str, list[float]] | None) -> Finding:
    at = e.at or 0
    direction = {e.name: [float(k == at) for k in range(len(subject.point[e.name]))]}
    evidence = subject.evidence(direction, e.x, subject.noise)
    return judge(e.shown, found[e.name][at], None if forward is None else forward[e.name][at], evidence)


def _along(subject: Subject, found: Mapping[str, list[float]], chance: random.Random, number: int) -> Finding:
    """The derivative along a random direction that moves every input in proportion to its size."""
    direction = {
        name: [(abs(x) or 1.0) * chance.choice((-1, 1)) * chance.uniform(0.5, 1.0) for x in numbers]
        for name, numbers in subject.point.items()
    }
    slopes = [g * d for name in direction for g, d in zip(found[name], direction[name], strict=True)]
    slope = math.fsum(slopes) if all(map(math.isfinite, slopes)) else math.nan
    # What rounding the inputs adds: every x + t·d is rounded.
    moved = [UNIT * abs(g * x) for name in direction for g, x in zip(found[name], subject.point[name], strict=True) if math.isfinite(g)]
    evidence = subject.evidence(direction, 0.0, subject.noise + 2 * math.fsum(moved))
    return judge("direction" if not number else f"direction {number + 1}", slope, None, evidence)
