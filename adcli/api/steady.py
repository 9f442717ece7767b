"""One engine for a whole search, so that the same search takes the same steps every time.

`auto` goes from the interpreter to native code in the middle of a run, and another time has the code from the cache: the last digits of
sin and the like may differ between the two, and so the path, its length and the last digits of its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adcli.errors import EvaluationError, LimitError, UsageError

if TYPE_CHECKING:
    from adcli.api.derivatives import Setting
    from adcli.api.program import Program
    from adcli.api.variant import What

# Runs of a search, about, over which native code has to pay.
RUNS = 100


def steady(setting: Setting, what: What, args: Sequence[Any]) -> Program:
    """The program with the engine that suits so many runs of a function: the interpreter, or native code, whatever is in the cache.

    args: of one run, at the start, with its seeds.
    """
    program = setting.program
    if program.tiers.choice.engine != "auto":
        return program
    if not spent(setting, what, args):
        return program.using("interpret")
    from adcli.api.shelf import shelf

    native = program.using("native")
    native.shelf = shelf(program.source.text, native.tiers.choice)
    try:
        native.bind(dict(zip(setting.variant.names, setting.args, strict=True)))[0].runner(what)
    except UsageError:  # which native code cannot run
        return program.using("interpret")
    return native


def spent(setting: Setting, what: What, args: Sequence[Any]) -> bool:
    """Whether one run takes more than its share of what it takes to compile."""
    from adcli.api.engine import available
    from adcli.engines.budget import Budget, Spent
    from adcli.engines.interpret import Interpreter
    from adcli.engines.weight import compiling

    if not available():
        return False
    function = setting.variant._runnable(what)
    budget = Budget(compiling(function) // RUNS, available)
    try:
        Interpreter(function, setting.program.limits, budget).run(list(args))
    except Spent:
        return True
    except (EvaluationError, LimitError):
        return False  # the start is told to be wrong later
    return False
