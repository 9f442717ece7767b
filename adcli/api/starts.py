"""A start that lies outside its bounds begins on the nearest of them, and a flag says so.

    x = 5, 0 ≤ x ≤ 1      →      x = 1, flag[start-moved]: the start of 'x', 5.0, is above its bound: it is 1.0
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adcli.engines.flags import Flag


def within(names: Sequence[str], start: Any, low: Any, high: Any) -> tuple[Any, list[Flag]]:
    """The nearest start between the bounds, and a flag for each element that was moved. start, low, high: of shape [len(names)]."""
    import numpy as np

    moved = np.clip(start, low, high)
    flags = []
    for k in np.flatnonzero((start < low) | (start > high)).tolist():
        side = "below" if start[k] < low[k] else "above"
        said = f"the start of '{names[k]}', {float(start[k])!r}, is {side} its bound: it is {float(moved[k])!r}"
        flags.append(Flag("start-moved", names[k], None, said))
    return moved, flags
