"""Grids of cells, and how they are written: aligned plain text, Markdown, LaTeX. Rich draws them in `cli`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from adcli.report.notation import MARKS

GAP = "  "


@dataclass(slots=True)
class Grid:
    """Cells ready to be drawn; a row that is a text of its own is a note.

    kinds: for each column "text" (flush right), "name" (of the program) or "math" (a formula in the notation chosen).
    """

    heads: list[str]
    kinds: list[str]
    rows: list[list[str] | str] = field(default_factory=list)

    def add(self, head: str, kind: str) -> None:
        """Add a column."""
        self.heads.append(head)
        self.kinds.append(kind)

    def widths(self) -> list[int]:
        cells = [row for row in self.rows if isinstance(row, list)]
        return [max(map(width, column)) for column in zip(self.heads, *cells, strict=True)]

    def width(self) -> int:
        return sum(self.widths()) + len(GAP) * (len(self.heads) - 1)


_ZERO_WIDTH = str.maketrans("", "", "".join(MARKS.values()))


def width(text: str) -> int:
    """Columns that a text takes on a terminal: the dots and bars over letters take none."""
    return len(text) if text.isascii() else len(text.translate(_ZERO_WIDTH))


def wrapped(text: str, room: int, indent: int) -> list[str]:
    """The text in lines of at most `room`, broken at blanks only, so that no number is cut."""
    return [text] if width(text) <= room else filled(_pieces(text, room - indent), room, indent)


def filled(pieces: Iterable[str], room: int, indent: int) -> list[str]:
    """Pieces with blanks between them, in lines of at most `room` where a piece is not longer; all but the first are indented."""
    lines, line = [], ""
    for word in pieces:
        if line.strip() and width(line) + 1 + width(word) > room:
            lines.append(line)
            line = " " * indent + word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line]


def _pieces(text: str, room: int) -> Iterator[str]:
    """The text between blanks, the terms of a sum in one piece where they fit."""
    for term in re.split(r" (?=[+-] )", text):
        yield from [term] if width(term) <= room else term.split(" ")


def _aligned(cells: Sequence[str], rooms: Sequence[int], kinds: Sequence[str]) -> str:
    padded = []
    for cell, room, kind in zip(cells, rooms, kinds, strict=True):
        space = " " * (room - width(cell))
        padded.append(space + cell if kind == "text" else cell + space)
    return GAP.join(padded).rstrip()


def plain(grid: Grid) -> str:
    """Aligned text without colours."""
    rooms = grid.widths()
    lines = [_aligned(grid.heads, rooms, grid.kinds)]
    lines += [row if isinstance(row, str) else _aligned(row, rooms, grid.kinds) for row in grid.rows]
    return "\n".join(lines) + "\n"


_MARKDOWN = str.maketrans({c: "\\" + c for c in "\\`*_|<"})
# In the usual fonts of text < > and | are other characters, and two hyphens are a dash.
_LATEX = str.maketrans(
    {c: "\\" + c for c in "_%&#${}"}
    | {"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}"}
    | {"|": r"\textbar{}", "…": r"\dots{}", "×": r"$\times$", "∂": r"$\partial$"}
    | {digit: rf"\textsubscript{{{plain}}}" for plain, digit in zip("0123456789-", "₀₁₂₃₄₅₆₇₈₉₋", strict=True)}
)


def markdown_text(text: str) -> str:
    """Words as Markdown shows them, and not as marks."""
    return text.translate(_MARKDOWN)


def latex_text(text: str) -> str:
    """Words as LaTeX shows them, and not as commands."""
    return text.translate(_LATEX).replace("--", "-{}-")


def markdown(grid: Grid, math: bool) -> str:
    """A Markdown table; `math`: the formulas are LaTeX and go between dollars."""

    def cell(text: str, kind: str) -> str:
        if math and kind == "math" and text:
            return f"${text}$".replace("|", r"\vert ")
        return markdown_text(text)

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cells) + " |"

    lines = [line([cell(head, "text") for head in grid.heads]), line(["---:" if kind == "text" else "---" for kind in grid.kinds])]
    for row in grid.rows:
        cells = [row, *[""] * (len(grid.heads) - 1)] if isinstance(row, str) else row
        kinds = ["text"] * len(grid.heads) if isinstance(row, str) else grid.kinds
        lines.append(line([cell(text, kind) for text, kind in zip(cells, kinds, strict=True)]))
    return "\n".join(lines) + "\n"


def latex(grid: Grid) -> str:
    """A LaTeX tabular; it needs no package but amsmath, for the names of functions."""

    def cell(text: str, kind: str) -> str:
        if kind == "math":
            return f"${text}$" if text else ""
        return rf"\texttt{{{latex_text(text)}}}" if kind == "name" and text else latex_text(text)

    def line(cells: Sequence[str]) -> str:
        return "  " + " & ".join(cells) + r" \\"

    columns = "".join("r" if kind == "text" else "l" for kind in grid.kinds)
    lines = [
        r"% needs \usepackage{amsmath}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"  \hline",
        line([cell(head, "text") for head in grid.heads]),
        r"  \hline",
    ]
    for row in grid.rows:
        if isinstance(row, str):
            lines.append(rf"  \multicolumn{{{len(columns)}}}{{c}}{{{latex_text(row)}}} \\")
        else:
            lines.append(line([cell(text, kind) for text, kind in zip(row, grid.kinds, strict=True)]))
    return "\n".join([*lines, r"  \hline", r"\end{tabular}"]) + "\n"
