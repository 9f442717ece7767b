"""The path of a run: which side of each kink, jump and comparison it is on. Two runs on one path are on one smooth piece of the program.

y = abs(x)      at -1: abs, below 0      at 1: abs, above 0      →      abs is a kink between them
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from adcli.engines.limits import Limits
from adcli.engines.observe import Watcher, observe
from adcli.errors import AdcliError, Span
from adcli.ir.nodes import Function, Let

# A run with more turns than this is not followed.
MOST_TURNS = 200_000


class Turn(NamedTuple):
    """An operation that takes one of several sides, where it stands, and the side."""

    op: str
    span: Span | None
    side: object


class Path(NamedTuple):
    """The results of a run, and its turns in order; None where they are too many."""

    results: list[Any]
    turns: list[Turn] | None


def path(function: Function, args: Sequence[Any], limits: Limits) -> Path:
    """Run a function and take down its turns. Raises what the run raises."""
    turns: list[Turn] = []

    def look(let: Let, values: Sequence[Any], value: Any, iteration: tuple[int, ...]) -> None:
        side = SIDES.get(let.op.name)
        if side is not None and len(turns) <= MOST_TURNS:
            turns.append(Turn(let.op.name, let.span, side(value, *values)))

    watcher: Watcher = look
    results, _ = observe(function, args, limits, watcher)
    return Path(results, turns if len(turns) <= MOST_TURNS else None)


def parting(a: Path, b: Path) -> Turn | None:
    """The first turn in which two paths differ."""
    for one, other in zip_longest(a.turns or (), b.turns or ()):
        if one is None or other is None or one.side != other.side or one.span != other.span or one.op != other.op:
            found: Turn = other if one is None else one
            return found
    return None


def kink(function: Function, args: Sequence[Any], near: Sequence[Sequence[Any]], limits: Limits) -> Turn | None:
    """The first turn that a run at one of the places near takes another way."""
    here = path(function, args, limits)
    for place in near:
        try:
            found = parting(here, path(function, place, limits))
        except AdcliError:
            continue
        if found is not None:
            return found
    return None


def _key(value: Any) -> object:
    return value.tobytes() if hasattr(value, "tobytes") else value


def _sign(x: Any) -> object:
    if hasattr(x, "shape"):
        import numpy as np

        return _key(np.sign(x))
    return (x > 0) - (x < 0)


def _quotient(value: Any, x: Any, y: Any) -> object:
    if hasattr(value, "shape"):
        import numpy as np

        with np.errstate(all="ignore"):
            return _key(np.rint((x - value) / y))
    return round((x - value) / y) if y and abs(value) <= abs(x) + abs(y) and abs(x / y) < 1e300 else None


def _order(value: Any, x: Any, *more: Any) -> object:
    return _key(x.argsort(axis=-1, kind="stable"))


def _extreme(value: Any, x: Any, *more: Any) -> object:
    """Which elements are extreme: where they are equal to one of the results."""
    import numpy as np

    return _key(np.isin(x, value))


SIDES: dict[str, Callable[..., object]] = {
    **dict.fromkeys(("lt", "le", "gt", "ge", "eq", "ne"), lambda value, a, b: (_key(value), _sign(a - b) if _numbers(a, b) else None)),
    **dict.fromkeys(("sign", "floor", "ceil", "round", "trunc", "to_int", "floordiv", "argmax", "argmin"), lambda value, *_: _key(value)),
    **dict.fromkeys(("abs", "relu"), lambda value, x: _sign(x)),
    **dict.fromkeys(("maximum", "minimum"), lambda value, a, b: _sign(a - b)),
    **dict.fromkeys(("mod", "fmod"), _quotient),
    **dict.fromkeys(("norm", "hypot"), lambda value, *_: _sign(value)),
    **dict.fromkeys(("sort", "argsort"), _order),
    **dict.fromkeys(("reduce_max", "reduce_min"), _extreme),
    "clip": lambda value, x, a, b: (_sign(x - a), _sign(x - b)),
}


def _numbers(a: Any, b: Any) -> bool:
    """Whether a difference has a sign: not of truth values, nor of infinities."""
    return not isinstance(a, bool) and not isinstance(b, bool) and str(getattr(a, "dtype", "")) != "bool"
