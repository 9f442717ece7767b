"""What `--fix` and `--bounds` say: parameters or elements of them, each with a value or a range."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from adcli.cli import points
from adcli.errors import UsageError

# What `minimize` and `solve` say where bounds leave nothing.
HOLD = "the lower bound comes first; --wrt names what moves, and the rest stays where --at says"


def parts(words: Sequence[str], option: str) -> Iterator[tuple[str, str | None]]:
    """The name and the text after = of each part between commas, each name once."""
    seen: set[str] = set()
    for word in words:
        for part in points.split(word):
            name, equals, text = (piece.strip() for piece in part.partition("="))
            if not name:
                raise UsageError(f"{option} {points.cut(word)} lacks a name", help=f"write {option} b1=…")
            if name in seen:
                raise UsageError(f"'{name}' is given twice by {option}", help="give each name once")
            seen.add(name)
            yield name.replace(" ", ""), text if equals else None


def number(name: str, text: str, option: str) -> float:
    """A constant expression that is one number."""
    found = points.value(name, text)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise UsageError(f"{option} takes one number for '{name}', not {points.cut(text)}", help="elements have names, too: w[0]")
    return float(found)


def fixed(words: Sequence[str]) -> dict[str, float | None]:
    """b3=0.5 holds a parameter at a value, b3 alone at its start."""
    return {name: None if text is None else number(name, text, "--fix") for name, text in parts(words, "--fix")}


def bounds(words: Sequence[str], hold: str = "to hold a parameter, say --fix") -> dict[str, tuple[float, float]]:
    """b1=0:10, b1=0: and b1=:10 as lower and upper bound. hold: what to do instead of giving equal ones."""
    made: dict[str, tuple[float, float]] = {}
    for name, text in parts(words, "--bounds"):
        low, colon, high = (text or "").partition(":")
        if not colon or not (low.strip() or high.strip()):
            raise UsageError(f"--bounds takes NAME=LOW:HIGH, and '{name}' has no range", help=f"such as --bounds {name}=0:10 or {name}=0:")
        least = number(name, low.strip(), "--bounds") if low.strip() else -math.inf
        most = number(name, high.strip(), "--bounds") if high.strip() else math.inf
        if not least < most:
            raise UsageError(f"the bounds of '{name}' are empty: {least!r} to {most!r}", help=hold)
        made[name] = (least, most)
    return made
