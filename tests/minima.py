"""The programs of tests/cases/minimize with the minima that are published for them."""

from __future__ import annotations

import json
import pathlib
import re
from typing import NamedTuple

FOLDER = pathlib.Path(__file__).parent / "cases" / "minimize"


class Known(NamedTuple):
    """A test function: minima are those that the source gives for its standard start, the first the lowest."""

    name: str
    title: str
    source: str
    text: str
    minima: list[float]


def known() -> list[Known]:
    """Every test function, by name."""
    found = []
    for path in sorted(FOLDER.glob("*.adl")):
        text = path.read_text()
        heads = dict(re.findall(r"^# (source|minimum|also): (.*)$", text, re.M))
        minima = [float(heads[key]) for key in ("minimum", "also") if key in heads]
        found.append(Known(path.stem, text.split("\n")[0].removeprefix("# "), heads["source"], text, minima))
    return found


def starts() -> dict[str, dict[str, object]]:
    """Value, gradient and diagonal of the Hessian at each start, computed apart from adcli with 50 digits."""
    found: dict[str, dict[str, object]] = json.loads((FOLDER / "starts.json").read_text())
    return found
