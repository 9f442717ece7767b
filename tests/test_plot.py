"""Plots: axes, clipping, text and SVG. The golden files in cases/plots are what `python -m tests.test_plot` writes."""
from __future__ import annotations

import math
import pathlib
import re
from xml.etree import ElementTree

import pytest

from adcli.report.plot import Axis, Placed, Plot, Scale, Series, clipped, round_values
from adcli.report.plot_svg import svg
from adcli.report.plot_text import columns, text

GOLDEN = pathlib.Path(__file__).parent / "cases" / "plots"
SVG = "{http://www.w3.org/2000/svg}"


def vee() -> Plot:
    """Truncation and round-off, with a line through each."""
    h = [10 ** (-k / 2) for k in range(31)]
    line = [s for s in h if s > 1e-8]
    series = [
        Series("3·h + 1e-16/h", h, [3 * s + 1e-16 / s for s in h]),
        Series("3·h", line, [3 * s for s in line], "line"),
        Series("h² + 1e-16/h", h, [s * s + 1e-16 / s for s in h]),
        Series("h²", [1e-5, 1.0], [1e-10, 1.0], "line"),
    ]
    return Plot("error by step", Axis("step h", log=True), Axis("error", log=True), series)


def linear() -> Plot:
    """Data and a curve, with a gap where a value is nan."""
    t = [k / 4 for k in range(17)]
    data = Series("data", [0.0, 1.0, 2.0, 3.0, 4.0], [0.1, 0.9, 4.2, math.nan, 15.8])
    return Plot("a parabola", Axis("t"), Axis("y"), [Series("t²", t, [x * x for x in t], "line"), data])


CASES = {
    "vee.txt": lambda: text(vee()),
    "vee_ascii.txt": lambda: text(vee(), ascii_only=True),
    "linear.txt": lambda: text(linear(), width=60, height=18),
    "linear.svg": lambda: svg(linear()),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    assert CASES[name]() == (GOLDEN / name).read_text()


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_text_keeps_its_width(width: int, ascii_only: bool) -> None:
    for plot in (vee(), linear()):
        drawn = text(plot, width=width, ascii_only=ascii_only)
        assert max(map(columns, drawn.splitlines())) <= width
        assert not ascii_only or set(drawn) & set("●│⠤") == set()


def test_marks_stand_where_the_numbers_are() -> None:
    """One point in the middle of a frame of odd size, two at its corners."""
    plot = Plot("", Axis("x", low=0, high=2), Axis("y", low=0, high=2), [Series("p", [0, 1, 2], [0, 1, 2])])
    rows = [re.sub(r"^ *[0-9.]* [|+]", "", line) for line in text(plot, width=80, height=11, ascii_only=True).splitlines()[1:6]]
    wide = max(map(len, rows))
    assert wide % 2 and [row.find("*") for row in rows] == [wide - 1, -1, wide // 2, -1, 0]


HOSTILE = "a<b>&\"'</text><script>\x1b[31m\u202e\x00"


def test_text_is_escaped() -> None:
    plot = Plot(HOSTILE, Axis(HOSTILE), Axis(HOSTILE), [Series(HOSTILE, [1, 2], [1, 2], "both")])
    drawn = text(plot)
    assert "\x1b" not in drawn and "\u202e" not in drawn and "\x00" not in drawn
    root = ElementTree.fromstring(svg(plot))
    assert {element.tag for element in root.iter()} == {f"{SVG}{tag}" for tag in ("svg", "title", "rect", "text", "path")}
    found = [element.text or "" for element in root.iter(f"{SVG}text")]
    assert sum("a<b>&\"'</text><script>" in words for words in found) == 4


def test_svg_has_what_the_plot_has() -> None:
    root = ElementTree.fromstring(svg(vee()))
    words = [element.text for element in root.iter(f"{SVG}text")]
    assert {"error by step", "step h", "error", "3·h", "h²", "1e-6"} <= set(words)
    paths = list(root.iter(f"{SVG}path"))
    assert sum("transform" in path.attrib for path in paths) == 2 * 31 + 2  # the points and the legend's
    assert sum(path.attrib.get("fill") == "none" for path in paths) == 2 + 2
    box = [float(n) for n in root.attrib["viewBox"].split()]
    assert box == [0, 0, float(root.attrib["width"]), float(root.attrib["height"])]


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("values", [[], [math.nan], [0.0], [5, 5], [-1.7e308, 1.7e308], [5e-324, 1e-320], [1e-300, 1e300], [math.inf, 1]])
def test_any_data_can_be_drawn(log: bool, values: list[float]) -> None:
    plot = Plot("", Axis("x", log), Axis("y", log), [Series("s", values, values, "both")])
    assert text(plot).count("\n") > 10 and "nan" not in text(plot)
    assert ElementTree.fromstring(svg(plot)).tag == f"{SVG}svg" and "nan" not in svg(plot)


def test_ticks_are_round_and_few() -> None:
    assert [label for _, label in round_values(0, 10, 5)] == ["0", "2", "4", "6", "8", "10"]
    assert [label for _, label in round_values(-0.3, 0.3, 6)] == ["-0.3", "-0.2", "-0.1", "0", "0.1", "0.2", "0.3"]
    scale = Scale(Axis("h", log=True), [1e-16, 1.0])
    assert [label for _, label in scale.ticks(5)] == ["1e-16", "1e-12", "1e-8", "1e-4", "1"]
    assert all(0 <= at <= 1 for at, _ in scale.ticks(9))


def test_given_limits_hold() -> None:
    plot = Plot("", Axis("x", low=0, high=1), Axis("y", log=True, low=1e-3, high=1), [Series("s", [-1, 0.5, 3], [0.1, 0.1, 0.1], "both")])
    placed = Placed(plot)
    assert len(list(placed.points(plot.series[0]))) == 1
    (first, last) = list(placed.segments(plot.series[0]))
    assert first[0][0] == pytest.approx(0) and last[1][0] == pytest.approx(1)


def test_clipping() -> None:
    assert clipped((0.2, 0.2), (0.8, 0.4)) == ((0.2, 0.2), (0.8, 0.4))
    assert clipped((-1, 0.5), (2, 0.5)) == ((0.0, 0.5), (1.0, 0.5))
    assert clipped((-1, 2), (2, 2)) is None and clipped((1.5, 0), (3, 1)) is None
    assert clipped((0.5, 0.5), (0.5, 0.5)) == ((0.5, 0.5), (0.5, 0.5))


if __name__ == "__main__":
    for name, made in CASES.items():
        (GOLDEN / name).write_text(made())
