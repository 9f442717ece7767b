"""Plots as SVG: one document without scripts, styles or references to anything else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adcli.report.plot import Placed, Plot, Point, Series

# Eight colours that people with any kind of colour vision tell apart (Okabe and Ito, 2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8a8200")
DASHES = ("", "2 3", "8 4", "8 3 2 3")
WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 78, 20, 40, 58
ROW, SIZE = 20, 3.2
MARKS = {
    "circle": "M-1 0A1 1 0 1 0 1 0A1 1 0 1 0 -1 0Z",
    "square": "M-0.9 -0.9H0.9V0.9H-0.9Z",
    "up": "M0 -1.2L1.1 0.8H-1.1Z",
    "diamond": "M0 -1.3L1.3 0L0 1.3L-1.3 0Z",
    "down": "M0 1.2L1.1 -0.8H-1.1Z",
}


def svg(plot: Plot, *, width: int = WIDTH, height: int = HEIGHT) -> str:
    """The document; the legend stands below the frame and adds to the height, two entries a row."""
    placed = Placed(plot)
    frame = Frame(width - LEFT - RIGHT, height - TOP - BOTTOM)
    tall = height + ROW * ((len(plot.series) + 1) // 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {tall}" width="{width}" height="{tall}" role="img"'
        ' font-family="sans-serif" font-size="12" fill="#222222">',
        f"<title>{escaped(plot.title)}</title>",
        f'<rect width="{width}" height="{tall}" fill="#ffffff"/>',
        label(plot.title, LEFT + frame.width / 2, TOP - 16, ' text-anchor="middle" font-size="14"'),
        *axes(placed, frame),
    ]
    for k, series in enumerate(plot.series):
        parts += drawn(placed, frame, series, k)
    parts += legend(plot.series, width, height)
    return "\n".join([*parts, "</svg>"]) + "\n"


class Frame:
    """The rectangle of the data: from fractions of the axes to the coordinates of the document."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height

    def place(self, p: Point) -> Point:
        return LEFT + p[0] * self.width, TOP + (1 - p[1]) * self.height


def axes(placed: Placed, frame: Frame) -> Iterator[str]:
    """Grid, frame, ticks and names."""
    bottom, middle = TOP + frame.height, TOP + frame.height / 2
    for at, name in placed.x.ticks(9):
        x, _ = frame.place((at, 0))
        yield f'<path d="M{x:.2f} {TOP}V{bottom:.2f}" stroke="#dddddd"/>'
        yield label(name, x, bottom + 17, ' text-anchor="middle"')
    for at, name in placed.y.ticks(9):
        _, y = frame.place((0, at))
        yield f'<path d="M{LEFT} {y:.2f}h{frame.width:.2f}" stroke="#dddddd"/>'
        yield label(name, LEFT - 8, y + 4, ' text-anchor="end"')
    yield f'<rect x="{LEFT}" y="{TOP}" width="{frame.width:.2f}" height="{frame.height:.2f}" fill="none" stroke="#222222"/>'
    yield label(placed.plot.x.label, LEFT + frame.width / 2, bottom + 38, ' text-anchor="middle"')
    yield label(placed.plot.y.label, 16, middle, f' text-anchor="middle" transform="rotate(-90 16 {middle:.2f})"')


def drawn(placed: Placed, frame: Frame, series: Series, k: int) -> Iterator[str]:
    """One series: its line, then its marks."""
    if series.style in ("line", "both"):
        path, end = "", None
        for a, b in placed.segments(series):
            (ax, ay), (bx, by) = frame.place(a), frame.place(b)
            path += f"L{bx:.2f} {by:.2f}" if a == end else f"M{ax:.2f} {ay:.2f}L{bx:.2f} {by:.2f}"
            end = b
        if path:
            yield line(path, k)
    if series.style in ("points", "both"):
        yield from (mark(*frame.place(p), k) for p in placed.points(series))


def line(path: str, k: int) -> str:
    dash = DASHES[k % len(DASHES)]
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="{path}" fill="none" stroke="{COLOURS[k % len(COLOURS)]}" stroke-width="1.5"{dashed}/>'


def mark(x: float, y: float, k: int) -> str:
    shape = tuple(MARKS.values())[k % len(MARKS)]
    return f'<path d="{shape}" transform="translate({x:.2f} {y:.2f}) scale({SIZE})" fill="{COLOURS[k % len(COLOURS)]}"/>'


def legend(series: Sequence[Series], width: int, height: int) -> Iterator[str]:
    """What each mark and line is, in two columns."""
    for k, s in enumerate(series):
        x, y = LEFT + (k % 2) * (width - LEFT - RIGHT) / 2, height + ROW * (k // 2)
        if s.style in ("line", "both"):
            yield line(f"M{x:.2f} {y:.2f}h24", k)
        if s.style in ("points", "both"):
            yield mark(x + 12, y, k)
        yield label(s.name, x + 32, y + 4)


def label(text: str, x: float, y: float, attributes: str = "") -> str:
    return f'<text x="{x:.2f}" y="{y:.2f}"{attributes}>{escaped(text)}</text>'


def escaped(text: str) -> str:
    """Character data of XML 1.0; the characters that it does not allow become U+FFFD."""
    text = "".join(
        c if c in "\t\n\r" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff") else "\ufffd" for c in text
    )
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;").replace("'", "&#39;")
