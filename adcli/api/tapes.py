"""How reverse sweeps keep what they need of the primal run: the values of --tape."""

from __future__ import annotations

import re
from typing import TypeAlias

from adcli.errors import UsageError

# None for a full tape, else the fields of `ad.Plan`: reading them here would import all of differentiation for an `eval`.
Choice: TypeAlias = "tuple[str, int, bool] | None"

# What `auto` tries, one after the other, where memory does not suffice: what costs little time first.
AUTO: tuple[Choice, ...] = (None, ("sqrt", 0, False), ("sqrt", 0, True), ("revolve", 32, True), ("revolve", 4, True))
REVOLVE = re.compile(r"revolve:([1-9][0-9]{0,5})")


def choices(text: str) -> tuple[Choice, ...]:
    """What a value of --tape allows, in the order in which to try."""
    if text == "auto":
        return AUTO
    if text == "full":
        return (None,)
    if text == "sqrt":
        return (("sqrt", 0, False),)
    found = REVOLVE.fullmatch(text)
    if found is None:
        raise UsageError(
            f"there is no tape '{text}'", help="choose auto, full, sqrt, or revolve:K with K snapshots at a time, 1 to 999999: revolve:10"
        )
    return (("revolve", int(found[1]), False),)


def told(choice: Choice) -> str:
    """A choice for people to read; nothing for a full tape."""
    if choice is None:
        return ""
    kind, snapshots, deep = choice
    return (f"{kind}:{snapshots}" if snapshots else kind) + (" in all loops" if deep else " in outermost loops")
