"""Which engine runs a function: the interpreter, native code, or first the one and then the other.

`auto` starts in the interpreter with a budget, what it takes to make native code of the function. Where a run goes over it, the run
is given up and begun anew natively; nothing of it is left, so that results, flags, steps and limits are those of one engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from adcli.engines.budget import Budget, Spent
from adcli.engines.flags import BIRTHS
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api.shelf import Shelf
    from adcli.engines.flags import Flag
    from adcli.engines.limits import Limits
    from adcli.engines.native import Native
    from adcli.ir.nodes import Function

ENGINES = ("auto", "interpret", "native")
NATIVE = "adcli.engines.native"


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


class Runner:
    """A function with the engine that runs it.

    make: gives the function, once somebody asks for it: what was compiled in another process runs without it. shelf: where
    compiled code is kept.
    """

    def __init__(self, tiers: Tiers, make: Callable[[], Function], shelf: Shelf | None) -> None:
        self.tiers = tiers
        self.make = make
        self.shelf = shelf
        self.budget = Budget(0, available)
        self.price = 0  # of native code
        self.engine, self.name = self._start()

    @property
    def function(self) -> Function:
        return self.make()

    def _start(self) -> tuple[Engine, str]:
        choice = self.tiers.choice
        found = self._found() if choice.engine != "interpret" else None
        if found is not None:
            return found, "native"
        if choice.engine == "native" or self.tiers.heavy:
            return self._native()
        from adcli.engines.weight import compiling

        self.price = self.budget.left = compiling(self.function)
        return self._interpreter(self.budget if choice.engine == "auto" else None)

    def _interpreter(self, budget: Budget | None) -> tuple[Engine, str]:
        from adcli.engines.interpret import Interpreter

        return Interpreter(self.function, self.tiers.limits, budget), "interpret"

    def _found(self) -> Engine | None:
        """The native code that is on the shelf."""
        entry = None if self.shelf is None else self.shelf.get("code")
        if entry is None:
            return None
        from adcli.engines.native import VERSION, Native

        try:
            if entry.meta["version"] != VERSION:
                return None
            return Native.from_entry(entry.meta["code"], entry.blobs, self.tiers.limits, self.make)
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError):
            return None

    def _native(self) -> tuple[Engine, str]:
        """Compile, and keep what that gave.

        Where that fails (the program has a form that native code has not, or LLVM does not load), `auto` goes on in the interpreter.
        """
        function = self.function  # whose own errors are none of the engine's
        try:
            engine = self._compiled(function)
        except Exception:
            if self.tiers.choice.engine == "native":
                raise
            return self._interpreter(None)
        from adcli.engines.native import VERSION

        if self.shelf is not None:
            meta, blobs = engine.to_entry()
            self.shelf.put(["code"], {"version": VERSION, "code": meta}, blobs)
        return engine, "native"

    def _compiled(self, function: Function) -> Native:
        try:
            from adcli.engines.native import Native
            from adcli.engines.native.records import Unsupported
        except (ImportError, OSError) as reason:
            raise UsageError(f"llvmlite does not load: {reason}", help='pip install --force-reinstall "adcli[native]"') from None
        try:
            return Native(function, self.tiers.limits, exact_libm=self.tiers.choice.exact_libm)
        except Unsupported as reason:
            text = f"native code cannot run this program: {reason}"
            raise UsageError(text, help="--engine auto leaves it to the interpreter") from None

    def run(self, args: Sequence[Any]) -> list[Any]:
        """The results for these arguments; raises EvaluationError and LimitError."""
        before = self.budget.left
        try:
            results = self.engine.run(args)
        except Spent:
            self.tiers.heavy = self.tiers.heavy or before - self.budget.left > self.price // 2
            self.engine, self.name = self._native()
            results = self.engine.run(args)
        self.tiers.used[self.name] = None
        return results

    def unseen(self, args: Sequence[Any]) -> list[Flag]:
        """Where the interpreter sees numbers that are not finite come up in a run in which native code saw none: what depends on no
        input is computed when code is made.
        """
        if not hasattr(self.engine, "explained"):
            return []
        return [flag for flag in self.engine.explained(list(args)) if flag.code in BIRTHS]

    @property
    def flags(self) -> Sequence[Flag]:
        return self.engine.flags

    @property
    def steps(self) -> int:
        return self.engine.steps
