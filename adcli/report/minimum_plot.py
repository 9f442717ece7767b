"""Plots of a minimisation: the path over the function of one or two variables, or how value and gradient fell."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from adcli.report.contours import contour
from adcli.report.minimum import Minimum, Step
from adcli.report.plot import Axis, Plot, Series

# Points of the curve, and of the grid along each side.
CURVE, GRID = 200, 64
LEVELS = 7
# The frame goes beyond the path by this part of its extent.
AROUND = 0.2
# Times the way from the start to the end, from where on a point is left out of the frame.
FAR = 3.0
NAN = math.nan


def plot(found: Minimum, path: Sequence[Step], value: Callable[[Sequence[float]], float]) -> Plot:
    """path: every iteration; value: of the function at values of the variables, nan where it has none."""
    if len(found.names) == 1:
        return curve(found, path, value)
    return plane(found, path, value) if len(found.names) == 2 else convergence(found, path)


def curve(found: Minimum, path: Sequence[Step], value: Callable[[Sequence[float]], float]) -> Plot:
    """A function of one variable with the points that were gone through."""
    xs = [float(step.x[0]) for step in path]
    low, high = frame(xs)
    grid = between(low, high, CURVE)
    ys = [step.value for step in path]
    series = [Series("value", grid, [value([x]) for x in grid], "line"), Series("iterations", xs, ys), end(xs[-1], ys[-1], found)]
    return Plot(f"the way of {found.method}", Axis(found.names[0], low=low, high=high), Axis("value"), series)


def plane(found: Minimum, path: Sequence[Step], value: Callable[[Sequence[float]], float]) -> Plot:
    """The path in the plane of two variables, over lines of equal value."""
    xs, ys = ([float(step.x[k]) for step in path] for k in (0, 1))
    wide, tall = frame(xs), frame(ys)
    across, up = between(*wide, GRID), between(*tall, GRID)
    heights = [[value([x, y]) for x in across] for y in up]
    lines: tuple[list[float], list[float]] = ([], [])
    for level in levels([h for row in heights for h in row], found.value):
        for (ax, ay), (bx, by) in contour(across, up, heights, level):
            lines[0].extend((ax, bx, NAN))
            lines[1].extend((ay, by, NAN))
    series = [Series("equal value", *lines, "line"), Series("iterations", xs, ys, "both"), end(xs[-1], ys[-1], found)]
    x, y = (Axis(name, low=low, high=high) for name, (low, high) in zip(found.names, (wide, tall), strict=True))
    return Plot(f"the way of {found.method}", x, y, series)


def convergence(found: Minimum, path: Sequence[Step]) -> Plot:
    """How far the value is above its end, and the norm of the gradient, by iteration."""
    k = [float(step.iteration) for step in path]
    least = min((step.value for step in path), default=found.value)
    series = [
        Series("value above its end", k, [step.value - least for step in path], "line"),
        Series("norm of the gradient", k, [step.gradient_norm for step in path], "line"),
    ]
    return Plot(f"convergence of {found.method}", Axis("iteration"), Axis("", log=True), series)


def end(x: float, y: float, found: Minimum) -> Series:
    return Series("minimum" if found.converged else "end", [x], [y])


def frame(values: Sequence[float]) -> tuple[float, float]:
    """From the least to the greatest, and a part beyond; without what lies far off the way from the first to the last."""
    first, last = values[0], values[-1]
    usual = sorted(abs(v - last) for v in values)[len(values) // 2]
    near = [v for v in values if abs(v - last) <= FAR * max(abs(first - last), usual)]
    low, high = min(near), max(near)
    beyond = AROUND * (high - low) or 0.1 * max(abs(low), 1.0)
    return low - beyond, high + beyond


def between(low: float, high: float, count: int) -> list[float]:
    return [low + (high - low) * k / (count - 1) for k in range(count)]


def levels(heights: Sequence[float], least: float) -> list[float]:
    """Heights whose distance from the least grows by one factor, so that valleys and slopes both show."""
    shown: list[Any] = sorted(h - least for h in heights if math.isfinite(h) and h > least)
    if not shown:
        return []
    low, high = shown[len(shown) // 50], shown[-1]
    factor = (high / low) ** (1 / LEVELS) if low > 0 else 2.0
    return [least + low * factor**k for k in range(LEVELS)]
