"""The plot of a fit: data and curve over the one column the model reads; where it reads several, fitted values against the target."""

from __future__ import annotations

from collections.abc import Sequence

from adcli.report.plot import Axis, Plot, Series

# Points of a curve.
CURVE = 400
# Points of data up to which all are drawn; of more, as many at even distances in the order of x.
DRAWN = 2000


def over_column(name: str, target: str, x: Sequence[float], y: Sequence[float], curve: tuple[Sequence[float], Sequence[float]]) -> Plot:
    """The fit as a line, the data as points over it."""
    order = thinned(sorted(range(len(x)), key=x.__getitem__))
    series = [Series("fit", *curve, "line"), Series(target, [x[k] for k in order], [y[k] for k in order])]
    return Plot(f"{target} and its fit", Axis(name), Axis(target), series)


def against(target: str, y: Sequence[float], fitted: Sequence[float]) -> Plot:
    """Fitted values over the target, with the line where they are equal."""
    order = thinned(sorted(range(len(y)), key=y.__getitem__))
    low, high = min(y, default=0.0), max(y, default=1.0)
    series = [Series("equal", [low, high], [low, high], "line"), Series("fitted", [y[k] for k in order], [fitted[k] for k in order])]
    return Plot(f"fitted values against {target}", Axis(target), Axis("fitted"), series)


def thinned(order: list[int]) -> list[int]:
    """So many of the rows that a picture can hold them, the first and the last among them."""
    if len(order) <= DRAWN:
        return order
    return [order[k * (len(order) - 1) // (DRAWN - 1)] for k in range(DRAWN)]
