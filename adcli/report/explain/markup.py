"""Plain words, formulas and pieces of the program in running text, as each format writes them."""

from __future__ import annotations

import re

from adcli.report import grid
from adcli.report.explain import words


class Markup:
    """Plain text: everything as it is."""

    def text(self, words: str) -> str:
        return words

    def math(self, formula: str) -> str:
        return formula

    def code(self, fragment: str) -> str:
        return fragment

    def sentence(self, marked: str) -> str:
        """A sentence in which pieces of the program are marked."""
        return "".join(self.code(piece) if of_program else self.text(piece) for piece, of_program in words.parts(marked))


class Markdown(Markup):
    """math: formulas are LaTeX, and go between dollars."""

    def __init__(self, math: bool) -> None:
        self.dollars = math

    def text(self, words: str) -> str:
        return grid.markdown_text(words)

    def math(self, formula: str) -> str:
        return f"${formula}$" if self.dollars else self.text(formula)

    def code(self, fragment: str) -> str:
        """A code span, between more backticks than there are in it."""
        ticks = "`" * (1 + max((len(run) for run in re.findall("`+", fragment)), default=0))
        blank = " " if fragment.startswith("`") or fragment.endswith("`") else ""
        return f"{ticks}{blank}{fragment}{blank}{ticks}"


class Latex(Markup):
    def text(self, words: str) -> str:
        return grid.latex_text(words)

    def math(self, formula: str) -> str:
        return f"${formula}$"

    def code(self, fragment: str) -> str:
        return rf"\texttt{{{grid.latex_text(fragment)}}}"
