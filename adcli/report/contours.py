"""Lines of equal height through values on a grid, by marching squares (Lorensen and Cline, 1987, in the plane).

    contour(xs, ys, values, 1.0)        [((0.5, 0.0), (0.5, 1.0)), …]: segments, in no order

values[j][i] belongs to (xs[i], ys[j]). A cell with a corner that is not finite has no line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from adcli.report.plot import Point


def contour(xs: Sequence[float], ys: Sequence[float], values: Sequence[Sequence[float]], level: float) -> Iterator[tuple[Point, Point]]:
    """The segments of one level, those of each cell straight."""
    for j in range(len(ys) - 1):
        for i in range(len(xs) - 1):
            corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            heights = [values[b][a] - level for a, b in corners]
            if all(map(math.isfinite, heights)) and min(heights) < 0 <= max(heights):
                points = [(xs[a], ys[b]) for a, b in corners]
                yield from cell(points, heights)


def cell(points: Sequence[Point], heights: Sequence[float]) -> Iterator[tuple[Point, Point]]:
    """The segments in one cell: where its sides are crossed, two by two; at a saddle the mean height says which belong together."""
    crossed = [side(points[k], points[k - 3], heights[k], heights[k - 3]) for k in range(4) if (heights[k] < 0) != (heights[k - 3] < 0)]
    if len(crossed) == 4 and (sum(heights) < 0) != (heights[0] < 0):
        crossed = [crossed[3], *crossed[:3]]
    for k in range(0, len(crossed), 2):
        yield crossed[k], crossed[k + 1]


def side(a: Point, b: Point, low: float, high: float) -> Point:
    """Where a side between two corners is crossed."""
    part = low / (low - high)
    return a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])
