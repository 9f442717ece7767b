"""Equations and inequalities as text: x^2 + y^2 = 1, w >= 0, 0 <= x <= 1; the two sides are ADL expressions.

Before: "x^2 + y^2 <= 1"          After: the program "(x^2 + y^2 )-( 1)", whose value must not be positive.

Errors in the text of that program are told at their place in the relation.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import NamedTuple

from adcli.errors import ProgramError, Source, UsageError

SIGNS = re.compile(r"->|[!+\-*/^]=|<=|>=|==|=|<|>|[(\[{]|[)\]}]")
EXAMPLE = 'for instance {} "x^2 + y^2 <= 1"'
RELATIONS = ("<=", ">=", "==", "=", "<", ">")


class Relation(NamedTuple):
    """left sign right, cut from `text`, where the sides begin at `begins`. sign: "=", "<=" or ">="; < and > count as these."""

    text: str
    left: str
    sign: str
    right: str
    begins: tuple[int, int]

    @property
    def difference(self) -> str:
        """left - right as an expression."""
        return f"({self.left})-({self.right})"

    @property
    def shown(self) -> str:
        return f"{self.left.strip()} {self.sign} {self.right.strip()}"

    def place(self, offset: int) -> int:
        """Where in the text a place in `difference` is."""
        if offset <= len(self.left) + 1:
            return self.begins[0] + max(0, offset - 1)
        return min(self.begins[1] + max(0, offset - len(self.left) - 4), len(self.text))


def relations(text: str, what: str) -> list[Relation]:
    """The relations of a text, two for a chain such as 0 <= x <= 1. what: the option it comes from, for errors."""
    text = re.sub(r"#[^\n]*", "", text).rstrip()
    signs = list(_signs(text))
    if not signs:
        raise UsageError(f"{what} takes an equation or inequality, and '{text.strip()}' is none", help=EXAMPLE.format(what))
    cuts = [0, *(end for _, _, end in signs)]
    sides = [text[a:b] for a, b in zip(cuts, [*(start for start, _, _ in signs), len(text)], strict=True)]
    if not all(side.strip() for side in sides):
        raise UsageError(f"'{text.strip()}' has nothing on one side", help=EXAMPLE.format(what))
    for begin, side in zip(cuts, sides, strict=True):
        _expression(text, begin, side, what)
    names = {"==": "=", "<": "<=", ">": ">="}
    return [
        Relation(text, sides[k], names.get(sign, sign), sides[k + 1], (cuts[k], cuts[k + 1])) for k, (_, sign, _) in enumerate(signs)
    ]


def _expression(text: str, begin: int, side: str, what: str) -> None:
    """A side is one expression; what is wrong with it stands at its place."""
    from adcli.syntax import parse
    from adcli.syntax.tree import ExprStmt

    try:
        program = parse(Source(" " * begin + side))
    except ProgramError as error:
        error.source = Source(text, f"<{what.removeprefix('--')}>")
        raise
    if len(program.statements) != 1 or not isinstance(program.statements[0], ExprStmt):
        raise UsageError(f"'{side.strip()}' is no expression", help=EXAMPLE.format(what))


def is_equation(text: str) -> bool:
    """Whether a program's text is a single equation, such as x = cos(x): one `=` or `==` outside brackets, and no further statement."""
    plain = re.sub(r"#[^\n]*", "", text).strip()
    if re.search(r"[;\n{]", plain) or re.match(r"(input|output|fn|for|while|if|rule)\b", plain):
        return False
    return [sign for _, sign, _ in _signs(plain)] in (["="], ["=="])


def _signs(text: str) -> Iterator[tuple[int, str, int]]:
    """The relation signs outside brackets: where they begin, which, and where they end."""
    depth = 0
    for match in SIGNS.finditer(text):
        found = match.group()
        depth += (found in "([{") - (found in ")]}")
        if depth == 0 and found in RELATIONS:
            yield match.start(), found, match.end()


class Told(Source):
    """A program made of relations, one a line, whose places are told as those in the relations: line 2 is the second relation.

    before: what stands in front of the difference in each line of the program.
    """

    __slots__ = ("begins", "each")

    def __init__(self, each: Sequence[Relation], before: Sequence[str], name: str) -> None:
        lines = [start + relation.difference for start, relation in zip(before, each, strict=True)]
        super().__init__("\n".join(lines), name)
        self.each = list(each)
        ends = accumulate(len(line) + 1 for line in lines)
        self.begins = [end - len(r.difference) - 1 for end, r in zip(ends, each, strict=True)]

    def position(self, offset: int) -> tuple[int, int]:
        """Number of the relation and column in its text, both from 1."""
        k = max(0, bisect_right(self.begins, offset) - 1)
        return k + 1, self.each[k].place(max(0, offset - self.begins[k])) + 1

    def line(self, number: int) -> str:
        """The text of a relation (from 1)."""
        return self.each[number - 1].text
