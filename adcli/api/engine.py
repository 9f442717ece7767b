"""Which engine runs a function: the interpreter, native code, or first the one and then the other.

`auto` starts in the interpreter with a budget, what it takes to make native code of the function. Where a run goes over it, the run
is given up and begun anew natively; nothing of it is left, so that results, flags, steps and limits are those of one engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from adcli.engines.weight import Budget, Spent, standing
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.engines.flags import Flag
    from adcli.engines.limits import Limits
    from adcli.ir.nodes import Function

ENGINES = ("auto", "interpret", "native")
NATIVE = "adcli.engines.native"

# In units of the interpreter: about a tenth of a second for a small function, and what LLVM takes for each statement.
STARTING = 500_000
COMPILING = 2_000


class Engine(Protocol):
    """What runs a function as often as wanted; `flags` and `steps` are those of the last run."""

    @property
    def flags(self) -> Sequence[Flag]: ...

    @property
    def steps(self) -> int: ...

    def run(self, args: Sequence[Any]) -> list[Any]: ...


class Choice(NamedTuple):
    """The values of --engine and --exact-libm."""

    engine: str = "auto"
    exact_libm: bool = False

    def checked(self) -> Choice:
        """Itself, if there is such an engine and it can run here."""
        if self.engine not in ENGINES:
            raise UsageError(f"there is no engine '{self.engine}'", help=f"choose one of {', '.join(ENGINES)}")
        if self.engine == "native" and not available():
            raise UsageError(
                "the native engine needs llvmlite, which is not installed", help='pip install "adcli[native]", or leave --engine native out'
            )
        return self


def available() -> bool:
    """Whether there is a native engine on this machine."""
    from importlib.util import find_spec

    found = map(find_spec, ("llvmlite", NATIVE))
    return all(spec is not None and spec.origin is not None for spec in found)


class Tiers:
    """The engines of one program.

    heavy: a single run has used up a budget, so that what is run next is better compiled at once. used: the engines that ran so far.
    """

    def __init__(self, choice: Choice, limits: Limits) -> None:
        self.choice = choice
        self.limits = limits
        self.heavy = False
        self.used: dict[str, None] = {}

    def interpreter(self, function: Function, budget: Budget) -> Engine:
        from adcli.engines.interpret import Interpreter

        return Interpreter(function, self.limits, budget if self.choice.engine == "auto" else None)

    def native(self, function: Function) -> Engine:
        from importlib import import_module

        engine: Engine = import_module(NATIVE).Native(function, self.limits, exact_libm=self.choice.exact_libm)
        return engine


class Runner:
    """A function with the engine that runs it."""

    def __init__(self, tiers: Tiers, function: Function) -> None:
        self.tiers = tiers
        self.function = function
        self.budget = Budget(STARTING + COMPILING * standing(function), available)
        if tiers.choice.engine == "native" or tiers.heavy:
            self.engine, self.name = tiers.native(function), "native"
        else:
            self.engine, self.name = tiers.interpreter(function, self.budget), "interpret"

    def run(self, args: Sequence[Any]) -> list[Any]:
        """The results for these arguments; raises EvaluationError and LimitError."""
        before = self.budget.left
        try:
            results = self.engine.run(args)
        except Spent:
            self.tiers.heavy = self.tiers.heavy or before - self.budget.left > STARTING
            self.engine, self.name = self.tiers.native(self.function), "native"
            results = self.engine.run(args)
        self.tiers.used[self.name] = None
        return results

    @property
    def flags(self) -> Sequence[Flag]:
        return self.engine.flags

    @property
    def steps(self) -> int:
        return self.engine.steps
