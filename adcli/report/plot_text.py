"""Plots as text: a mark for each point, lines in braille dots, two by four in a character; ASCII where that is all there is.

  error
 1e-4 ┤      ●
      │    ●
 1e-8 ┤  ●
      └──┬───────┬──
        1e-8    1e-4
                    h
● forward difference
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adcli.report.plot import Placed, Plot, Point, Scale, Series

MARKS, ASCII_MARKS = "●○▲△◆◇■□", "*o+x#@%&"
# How the dots of a line come and go, line by line: so many drawn, so many not.
DASHES = ((1, 0), (1, 2), (5, 3), (2, 2))
ASCII_LINES = ".:-~"
# The dot of a braille character at (column, row from the top), Unicode block 2800.
DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
SAMPLE = 3


class Glyphs:
    """The characters of a drawing."""

    def __init__(self, ascii_only: bool) -> None:
        self.ascii = ascii_only
        self.marks = ASCII_MARKS if ascii_only else MARKS
        self.side, self.tick, self.corner, self.floor, self.foot = "|+++-" if ascii_only else "│┤└┬─"
        if ascii_only:
            self.floor, self.foot = "+", "-"

    def mark(self, k: int) -> str:
        return self.marks[k % len(self.marks)]


class Canvas:
    """Cells with dots under marks."""

    def __init__(self, columns: int, rows: int, glyphs: Glyphs) -> None:
        self.columns, self.rows, self.glyphs = columns, rows, glyphs
        self.cells = [[" "] * columns for _ in range(rows)]

    def mark(self, p: Point, mark: str) -> None:
        column, row = round(p[0] * (self.columns - 1)), round((1 - p[1]) * (self.rows - 1))
        self.cells[row][column] = mark

    def line(self, segments: Iterator[tuple[Point, Point]], k: int) -> None:
        """The line number k, a dot for each pixel along its longer side."""
        wide, high = (self.columns - 1, self.rows - 1) if self.glyphs.ascii else (2 * self.columns - 1, 4 * self.rows - 1)
        drawn, left = DASHES[k % len(DASHES)]
        step = 0
        for (ax, ay), (bx, by) in segments:
            many = max(1, round(max(abs(bx - ax) * wide, abs(by - ay) * high)))
            for j in range(many):
                part = j / many
                if self.glyphs.ascii or step % (drawn + left) < drawn:
                    self.dot(round((ax + part * (bx - ax)) * wide), round((1 - ay - part * (by - ay)) * high), k)
                step += 1

    def dot(self, x: int, y: int, k: int) -> None:
        if self.glyphs.ascii:
            self.cells[y][x] = ASCII_LINES[k % len(ASCII_LINES)]
            return
        cell = self.cells[y // 4][x // 2]
        code = ord(cell) - 0x2800 if 0x2800 <= ord(cell) < 0x2900 else 0
        self.cells[y // 4][x // 2] = chr(0x2800 + (code | DOTS[x % 2][y % 4]))


def text(plot: Plot, *, width: int = 80, height: int = 24, ascii_only: bool = False) -> str:
    """A plot in so many columns and about so many lines."""
    glyphs = Glyphs(ascii_only)
    placed = Placed(plot)
    rows = max(4, height - 6)
    ticks = {round((1 - at) * (rows - 1)): label for at, label in placed.y.ticks(max(2, rows // 3))}
    margin = max([1, *map(len, ticks.values())]) + 1
    canvas = Canvas(max(8, width - margin - 1), rows, glyphs)
    draw(placed, canvas)
    lines = [fitted(plot.title, width), fitted(plot.y.label, width)]
    for row, cells in enumerate(canvas.cells):
        edge = glyphs.tick if row in ticks else glyphs.side
        lines.append(f"{ticks.get(row, ''):>{margin - 1}} {edge}{''.join(cells)}")
    lines += floor(placed.x, canvas, margin, plot.x.label)
    lines += legend(plot.series, glyphs, width)
    return "\n".join(line.rstrip() for line in lines if line.strip()) + "\n"


def draw(placed: Placed, canvas: Canvas) -> None:
    """Lines first, so that no mark is hidden by one."""
    series = placed.plot.series
    for k, s in enumerate(lines_of(series)):
        canvas.line(placed.segments(s), k)
    for k, s in enumerate(marked(series)):
        for p in placed.points(s):
            canvas.mark(p, canvas.glyphs.mark(k))


def lines_of(series: Sequence[Series]) -> list[Series]:
    return [s for s in series if s.style in ("line", "both")]


def marked(series: Sequence[Series]) -> list[Series]:
    return [s for s in series if s.style in ("points", "both")]


def floor(scale: Scale, canvas: Canvas, margin: int, label: str) -> list[str]:
    """The lower axis, its labels centred under their ticks as far as there is room, and its name."""
    glyphs, wide = canvas.glyphs, canvas.columns
    edge, below = [glyphs.foot] * wide, [" "] * (margin + 1 + wide)
    end = -1
    for at, name in scale.ticks(max(2, wide // 10)):
        column = round(at * (wide - 1))
        edge[column] = glyphs.floor
        start = max(end + 1, min(margin + 1 + column - len(name) // 2, len(below) - len(name)))
        if start + len(name) <= len(below):
            below[start : start + len(name)] = name
            end = start + len(name)
    name = fitted(label, len(below))
    return [" " * margin + glyphs.corner + "".join(edge), "".join(below), " " * (len(below) - len(name)) + name]


def legend(series: Sequence[Series], glyphs: Glyphs, width: int) -> list[str]:
    """What each mark and line is, as many on a line as fit."""
    lines, marks = lines_of(series), marked(series)
    found: list[str] = []
    for s in series:
        shown = glyphs.mark(marks.index(s)) if s in marks else sample(glyphs, lines.index(s))
        entry = fitted(f"{shown} {s.name}", width)
        if found and len(found[-1]) + 3 + len(entry) <= width:
            found[-1] += "   " + entry
        else:
            found.append(entry)
    return found


def sample(glyphs: Glyphs, k: int) -> str:
    """A short piece of line number k."""
    canvas = Canvas(SAMPLE, 1, glyphs)
    canvas.line(iter([((0.0, 0.4), (1.0, 0.4))]), k)
    return "".join(canvas.cells[0])


def fitted(text: str, width: int) -> str:
    """The text on one line of so many columns; what would steer a terminal is shown as a dot."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(c if c.isprintable() else "·" for c in text)
    if columns(text) <= width:
        return text
    while columns(text) > width - 3:
        text = text[:-1]
    return text + "..."


def columns(text: str) -> int:
    """Columns of a terminal: two for wide characters, none for combining marks."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)
