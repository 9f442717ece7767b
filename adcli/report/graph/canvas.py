"""Characters on a grid: boxes, lines between them, and what lines look like in Unicode and in ASCII."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from adcli.report.graph.channel import Net
from adcli.report.grid import width

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8


@dataclass(frozen=True, slots=True)
class Lines:
    """corners: for each style the four corners, the horizontal and the vertical line. joints: by the directions that meet (UP + DOWN …).

    arrow: an edge that arrives; idle: one along which no sweep runs; meets, back: the ends of an edge along which a sweep runs back, at its
    target and at its source; again: a value that is carried to the next iteration.
    """

    corners: dict[str, str]
    joints: dict[int, str]
    arrow: str
    idle: str
    meets: str
    back: str
    leave: dict[str, str]
    again: str

    def box(self, style: str, texts: Sequence[str], inner: int, into: Mapping[int, str], out: Mapping[int, str]) -> list[str]:
        """A box around centred texts, with what stands in its upper border where edges arrive, and in the lower one where they leave."""
        a, b, c, d, across, down = tuple(self.corners[style])
        top, bottom = list(across * inner), list(across * inner)
        for column, sign in into.items():
            top[column] = sign
        for column, sign in out.items():
            bottom[column] = sign
        middle = [f"{down}{' ' * left}{text}{' ' * (inner - width(text) - left)}{down}" for text in texts
                  for left in [(inner - width(text)) // 2]]  # fmt: skip
        return [f"{a}{''.join(top)}{b}", *middle, f"{c}{''.join(bottom)}{d}"]

    def frame(self, title: str, lines: Sequence[str], wide: int) -> list[str]:
        """A border around a drawing, with a title."""
        a, b, c, d, across, down = tuple(self.corners["frame"])
        head = f"{a}{across} {title} "
        return [
            head + across * (wide + 3 - width(head)) + b,
            *(f"{down} {line}{' ' * (wide - width(line))} {down}" for line in lines),
            f"{c}{across * (wide + 2)}{d}",
        ]


LINES = Lines(
    {
        "plain": "┌┐└┘─│", "round": "╭╮╰╯─│", "double": "╔╗╚╝═║", "heavy": "┏┓┗┛━┃", "dashed": "┌┐└┘┄┆", "frame": "┌┐└┘╌╎",
    },
    {
        UP: "│", DOWN: "│", UP | DOWN: "│", LEFT: "─", RIGHT: "─", LEFT | RIGHT: "─", UP | LEFT: "┘", UP | RIGHT: "└", DOWN | LEFT: "┐",
        DOWN | RIGHT: "┌", UP | DOWN | LEFT: "┤", UP | DOWN | RIGHT: "├", LEFT | RIGHT | UP: "┴", LEFT | RIGHT | DOWN: "┬",
        UP | DOWN | LEFT | RIGHT: "┼",
    },
    "▼", "▽", "┴", "▲", {"plain": "┬", "round": "┬", "double": "╤", "heavy": "┯", "dashed": "┬"}, "↻",
)  # fmt: skip
ASCII_LINES = Lines(
    {"plain": "++++-|", "round": "..''-|", "double": "####=#", "heavy": "<><>-|", "dashed": "++++.:", "frame": "++++.:"},
    {k: "|" if not k & (LEFT | RIGHT) else "-" if not k & (UP | DOWN) else "+" for k in range(1, 16)},
    "v", ".", "+", "^", dict.fromkeys(("plain", "round", "double", "heavy", "dashed"), "+"), "(again)",
)  # fmt: skip


class Canvas:
    """Rows of cells; a mark over a letter stays with it. Where lines of two edges cross, the one that goes down is drawn."""

    def __init__(self, wide: int, lines: Lines) -> None:
        self.wide, self.set = wide, lines
        self.rows: list[list[str]] = []

    def row(self, y: int) -> list[str]:
        while len(self.rows) <= y:
            self.rows.append([" "] * self.wide)
        return self.rows[y]

    def block(self, lines: Sequence[str], x: int, y: int) -> None:
        """Put lines with their left upper corner at (x, y)."""
        for k, line in enumerate(lines):
            row, at = self.row(y + k), x
            for c in line:
                if width(c):
                    row[at] = c
                    at += 1
                else:
                    row[at - 1] += c

    def down(self, x: int, y: int, end: int) -> None:
        """A line down from row y to the row before `end`."""
        for k in range(y, end):
            self.row(k)[x] = self.set.joints[UP | DOWN]

    def channel(self, nets: Sequence[Net], tracks: Sequence[int], y: int) -> int:
        """The edges between two layers, from row y on; the row after them."""
        end = y + max(max(tracks, default=-1) + 1, 1)
        for net, track in zip(nets, tracks, strict=True):
            if track >= 0:
                first, last = net.span
                for x in range(first, last + 1):
                    self.row(y + track)[x] = self.joint(net, x)
        for net, track in zip(nets, tracks, strict=True):
            self.down(net.above, y, y + track if track >= 0 else end)
            for x in net.below if track >= 0 else ():
                self.down(x, y + track + 1, end)
        return end

    def joint(self, net: Net, x: int) -> str:
        """What a net looks like at column x of its track."""
        first, last = net.span
        found = (UP if x == net.above else 0) | (DOWN if x in net.below else 0)
        return self.set.joints[found | (LEFT if x > first else 0) | (RIGHT if x < last else 0)]

    def lines(self) -> list[str]:
        return ["".join(row) for row in self.rows]
