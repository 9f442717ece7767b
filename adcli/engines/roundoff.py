"""One run in binary64 beside the same run in high precision, operation by operation: where digits get lost.

    c = cos(x)     at x = 1e-8      computed 1, exact 0.99999999999999995: every digit is right, the error is rounding
    d = 1 - c                       computed 0, exact 5e-17: no digit is right, and the operation itself made no error

An operation's error comes from its own rounding, and from its arguments' errors, which it may amplify. The digits lost at it are those
that the worst of its arguments had and its result has not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from adcli.engines.limits import Limits
from adcli.engines.precise import ALL_DIGITS, DIGITS, Precise, context
from adcli.engines.shadow import Frame, Pair
from adcli.errors import LimitError
from adcli.ir.nodes import Function, Let, Var

MOST = 100_000
# Agreement of two precisions that makes the exact values trustworthy, and the precision at which to give up.
SURE, DEEPEST = 1e-25, 6400
# They give a value another storage or kind, and are no step of the computation.
# They join two contributions to an adjoint.
_SUMS = frozenset({"add", "sub", "addat"})
_SAME_VALUE = frozenset({"to_real", "copy"})


class Step(NamedTuple):
    """An input (let is None) or an operation that ran.

    args: for each argument its step, or None for a constant, and its computed value. digits: how many are right in the value, of an
    array in its worst element; before: in the worst of the arguments. own: the relative error of the operation by itself, on
    its arguments as computed; amplification: of the error of its arguments, None where they had none.
    """

    let: Let | None
    args: tuple[tuple[int | None, Any], ...]
    value: Any
    exact: Any
    digits: float
    before: float
    own: float
    amplification: float | None
    iteration: tuple[int, ...]

    @property
    def lost(self) -> float:
        """Digits that the arguments had; negative where the result is better than they were."""
        return self.before - self.digits


class Run:
    """What was recorded: the steps, their names in the program, for each result its step (None for a constant)."""

    def __init__(self, steps: list[Step], names: list[str], results: list[tuple[str, Any, Any, int | None]], digits: int) -> None:
        self.steps = steps
        self.names = names
        self.results = results
        self.precision = digits

    def behind(self, refs: Sequence[int | None]) -> list[int]:
        """The steps that some depend on, themselves included, in order."""
        needed = bytearray(len(self.steps))
        for ref in refs:
            if ref is not None:
                needed[ref] = 1
        for k in range(len(self.steps) - 1, -1, -1):
            if needed[k]:
                for ref, _ in self.steps[k].args:
                    if ref is not None:
                        needed[ref] = 1
        return [k for k, there in enumerate(needed) if there]


VALUE, PARTIAL, ADJOINT, SUM = "value", "partial", "adjoint", "sum"


def roles(primal: Run, sweep: Run, seed: int) -> list[str]:
    """What each step of a recorded reverse sweep computes, whose seed is step `seed`.

    VALUE: what the program computes, also where the sweep computes it again; PARTIAL: a derivative of one operation; ADJOINT: what the
    seed goes into; SUM: contributions to one adjoint added up. Values are told by what they are computed of, back to the inputs.
    """
    numbers: dict[object, int] = {}
    known = set(_numbered(primal, numbers))
    found: list[str] = []
    for k, number in enumerate(_numbered(sweep, numbers)):
        step = sweep.steps[k]
        moved = [ref is not None and found[ref] in (ADJOINT, SUM) for ref, _ in step.args]
        if k == seed or any(moved):
            together = len(moved) == 2 and all(moved) and step.let is not None and step.let.op.name in _SUMS
            found.append(SUM if together else ADJOINT)
        else:
            found.append(VALUE if number in known else PARTIAL)
    return found


def _numbered(run: Run, numbers: dict[object, int]) -> list[int]:
    """A number for each step, equal for steps that compute the same of the same inputs at the same place of the program."""
    made: list[int] = []
    for k, step in enumerate(run.steps):
        args = tuple(repr(value) if ref is None else made[ref] for ref, value in step.args)
        key = k if step.let is None else (step.let.op.name, step.let.attrs, step.let.span, args)
        made.append(numbers.setdefault(key, len(numbers)))
    return made


def run(function: Function, args: Sequence[Any], limits: Limits | None = None, digits: int = DIGITS, most: int = MOST) -> Run:
    """Record a function as lowered. The precision is doubled until half as many digits more change nothing.

    Raises what evaluating it raises, and LimitError where there are more than `most` operations.
    """
    limits = limits or Limits()
    while True:
        found = _recorded(function, args, limits, digits, most)
        if digits >= DEEPEST or _confirmed(function, args, limits, found):
            return found
        digits *= 2


def _recorded(function: Function, args: Sequence[Any], limits: Limits, digits: int, most: int) -> Run:
    machine = _Rounded(context(digits), limits, most)
    pairs: list[Pair] = [(value, machine.input(p.name, value)) for p, value in zip(function.params, args, strict=True)]
    results = [(name, value, machine.exact((value, ref)), ref)
               for name, (value, ref) in zip(function.result_names, machine.run(function, pairs), strict=True)]  # fmt: skip
    return Run(machine.steps, machine.names, results, digits)


def _agree(near: Sequence[Any], far: Sequence[Any]) -> bool:
    return all(far_apart(a, b) < SURE for x, y in zip(near, far, strict=True) for a, b in zip(flat(x), flat(y), strict=True))


def _confirmed(function: Function, args: Sequence[Any], limits: Limits, found: Run) -> bool:
    """Whether half as many digits more give the same results."""
    deeper = Precise(context(found.precision * 3 // 2), limits)
    pairs = deeper.run(function, [(value, None) for value in args])
    return _agree([exact for _, _, exact, _ in found.results], [deeper.exact(pair) for pair in pairs])


def flat(value: Any) -> Sequence[Any]:
    """The elements of an array, or the one number."""
    return value.reshape(-1).tolist() if hasattr(value, "shape") else (value,)


def far_apart(computed: Any, exact: Any) -> float:
    """|computed - exact|/|exact|; inf where only the exact number is 0, or where one is not finite and they differ."""
    if computed == exact or (computed != computed and exact != exact):
        return 0.0
    if exact == 0 or exact != exact or computed != computed:
        return math.inf
    error = float(abs((computed - exact) / exact))
    return error if error == error else math.inf


def worst(computed: Any, exact: Any) -> float:
    """The relative error of a number, or of the worst element of an array."""
    if not hasattr(computed, "shape"):
        return far_apart(computed, exact)
    return max(map(far_apart, flat(computed), flat(exact)), default=0.0)


def right(error: float) -> float:
    """How many decimal digits a relative error leaves, of those that binary64 has."""
    if error == 0:
        return ALL_DIGITS
    return min(ALL_DIGITS, max(0.0, -math.log10(error))) if error < math.inf else 0.0


class _Rounded(Precise):
    """A run whose shadows are positions of steps; None: a constant, which is exact."""

    def __init__(self, mp: Any, limits: Limits, most: int) -> None:
        super().__init__(mp, limits)
        self.steps: list[Step] = []
        self.names: list[str] = []
        self.errors: list[float] = []
        self.room = self.most = most

    def input(self, name: str, value: Any) -> int:
        return self.add(Step(None, (), value, self.lift(value), ALL_DIGITS, ALL_DIGITS, 0.0, None, ()), name, 0.0)

    def add(self, step: Step, name: str, error: float) -> int:
        self.steps.append(step)
        self.names.append(name)
        self.errors.append(error)
        return len(self.steps) - 1

    def held(self, shadow: Any) -> Any:
        return self.steps[shadow].exact

    def made(self, s: Let, args: list[Pair], value: Any, exact: Any) -> Any:
        if s.op.name in _SAME_VALUE:
            return args[0][1]
        self.spend(s, value)
        incoming = max((self.errors[ref] for _, ref in args if ref is not None), default=0.0)
        error = worst(value, exact)
        own, amplification = error, None
        if incoming:
            values = [v for v, _ in args]
            there = self.apply(s, values, [self.lift(v) for v in values])
            own = worst(value, there)
            amplification = worst(there, exact) / incoming if 0 < incoming < math.inf else None
        kept = tuple((ref, v) for v, ref in args)
        step = Step(s, kept, value, exact, right(error), right(incoming), own, amplification, self.iteration)
        return self.add(step, s.out.name, error)

    def spend(self, s: Let, value: Any) -> None:
        self.room -= max(1, getattr(value, "size", 1))
        if self.room < 0:
            raise LimitError(
                f"the run has more than {self.most:,} operations to compute in high precision", s.span,
                help="--max-operations N allows more, about 10,000 a second; or look at a shorter run",
            )

    def bind(self, outs: Sequence[Var], pairs: Sequence[Pair], frame: Frame) -> None:
        """A step without a name takes that of the variable its value is given to."""
        super().bind(outs, pairs, frame)
        for out, (_, ref) in zip(outs, pairs, strict=True):
            if out.name and ref is not None and not self.names[ref]:
                self.names[ref] = out.name
