"""Draw the rows of a two-class problem and the line w[0] + w[1]*x1 + w[2]*x2 = 0 between the classes, as text or as SVG.

    python samples/decision_boundary.py samples/unit_square.csv 1 1 1               in the terminal
    python samples/decision_boundary.py samples/unit_square.csv 1 1 1 before.svg

The data have the columns x[0] (always 1), x[1], x[2] and the label t, 0 or 1.
"""

from __future__ import annotations

import csv
import sys

from adcli.report.plot import Axis, Plot, Series
from adcli.report.plot_svg import svg
from adcli.report.plot_text import text


def picture(rows: list[dict[str, float]], w: list[float]) -> Plot:
    """Both classes as points, the line across the unit square."""
    classes = {label: [row for row in rows if row["t"] == label] for label in (0, 1)}
    series = [Series(f"t = {label}", [r["x[1]"] for r in found], [r["x[2]"] for r in found]) for label, found in classes.items()]
    right = sum((w[0] + w[1] * row["x[1]"] + w[2] * row["x[2]"] >= 0) == (row["t"] == 1) for row in rows)
    if w[2]:
        series.append(Series("w·x = 0", [0.0, 1.0], [-w[0] / w[2], -(w[0] + w[1]) / w[2]], "line"))
    return Plot(f"{right} of {len(rows)} rows on their side", Axis("x[1]", low=0, high=1), Axis("x[2]", low=0, high=1), series)


def main(data: str, w0: str, w1: str, w2: str, to: str | None = None) -> None:
    with open(data, newline="") as file:
        rows = [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
    plot = picture(rows, [float(w0), float(w1), float(w2)])
    if to is None:
        print(text(plot), end="")
        return
    with open(to, "w") as out:
        out.write(svg(plot))


if __name__ == "__main__":
    main(*sys.argv[1:])
