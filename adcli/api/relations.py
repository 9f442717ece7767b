"""Equations and inequalities as text: x^2 + y^2 = 1, w >= 0, 0 <= x <= 1; the two sides are ADL expressions.

Before: "x^2 + y^2 <= 1"          After: the program "(x^2 + y^2 )-( 1)", whose value must not be positive.

Errors in the text of that program are told at their place in the relation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from adcli.errors import ProgramError, Source, Span, UsageError

SIGNS = re.compile(r"->|[!+\-*/^]=|<=|>=|==|=|<|>|#[^\n]*|[(\[{]|[)\]}]")
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
    """Whether a program's text is a single equation, such as x = cos(x): one `=` outside brackets and no further statement."""
    plain = re.sub(r"#[^\n]*", "", text).strip()
    if re.search(r"[;\n{]", plain) or re.match(r"(input|output|fn|for|while|if|rule)\b", plain):
        return False
    return [sign for _, sign, _ in _signs(plain)] == ["="]


def _signs(text: str) -> Iterator[tuple[int, str, int]]:
    """The relation signs outside brackets and comments: where they begin, which, and where they end."""
    depth = 0
    for match in SIGNS.finditer(text):
        found = match.group()
        depth += (found in "([{") - (found in ")]}")
        if depth == 0 and found in RELATIONS:
            yield match.start(), found, match.end()


@contextmanager
def placed(relation: Relation, name: str, start: int = 0) -> Iterator[None]:
    """Errors in the text of `difference`, which begins at `start` of what was compiled, at their place in the relation."""
    try:
        yield
    except ProgramError as error:
        if error.span is not None:
            error.span = Span(relation.place(error.span.start - start), relation.place(error.span.end - start))
        error.source = Source(relation.text, name)
        raise
