"""From text to the tokens the parser reads.

`scan` cuts the text by the grammar's terminals; `Statements` is the newline filter: it knows the open brackets, drops newlines that
end nothing and turns the others, and `;`, into one SEP between two statements.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from adcli.errors import BracketError, LimitError, LineStartError, Source, Span
from adcli.syntax.tree import Comment

MAX_SOURCE = 2**20
MAX_NODES = 1_000_000
MAX_BLOCKS = 2_000


class Token(NamedTuple):
    """A terminal of the grammar, its text and where it begins."""

    kind: str
    text: str
    start: int

    @property
    def span(self) -> Span:
        return Span(self.start, self.start + len(self.text))


CLOSES = {"RPAR": "LPAR", "RSQB": "LSQB", "RBRACE": "LBRACE"}
OPENS = frozenset(CLOSES.values())
OPERATORS = frozenset(("PLUS", "MINUS", "STAR", "PRODUCT", "POWER", "COMPARE", "AND", "OR"))
# A newline after one of these ends nothing: the line goes on, or no statement has begun.
GOES_ON = OPERATORS | {"NOT", "COMMA", "EQUAL", "UPDATE", "ARROW", "DOTS", "LBRACE", ""}
# A newline before one of these ends nothing.
JOINS = frozenset(("ELSE", "ELIF", "LBRACE"))
# After } a statement that begins with one of these may follow on the same line.
FOLLOWS_BLOCK = frozenset(
    ("NAME", "NUMBER", "TRUE", "FALSE", "NOT", "IF", "FOR", "WHILE", "BREAK", "CONTINUE", "RETURN", "FN", "INPUT", "OUTPUT", "RULE")
)
# Tokens that make no node of the tree.
BARE = frozenset(("SEP", "COMMA", "RPAR", "RSQB", "RBRACE", "EQUAL", "COLON"))
# Control and direction characters, which may not even stand in a comment: they make a text read otherwise than it runs.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")


def scan(source: Source, pattern: re.Pattern[str], keywords: dict[str, str], comments: list[Comment]) -> Iterator[Token]:
    """The tokens of a text, blanks left out; comments go to `comments`."""
    text = source.text
    if len(text) > MAX_SOURCE:
        raise LimitError(
            f"the program is longer than 1 MiB ({len(text):,} characters)",
            Span(MAX_SOURCE, MAX_SOURCE),
            help="pass data as inputs (--at name=@file) instead of writing it into the program",
            source=source,
        )
    start = 1 if text.startswith("\ufeff") else 0
    for match in pattern.finditer(text, start):
        kind = match.lastgroup
        if kind == "BLANK":
            continue
        word, at = match.group(), match.start()
        if kind == "NAME":
            yield Token(keywords.get(word, kind), word, at)
        elif kind == "COMMENT":
            comments.append(_comment(text, word, at))
        elif kind is None:
            from adcli.syntax import characters

            raise characters.foreign(text, at)
        else:
            yield Token(kind, word, at)


def _comment(text: str, word: str, at: int) -> Comment:
    word = word.rstrip(" \t\r")
    hidden = HIDDEN.search(word)
    if hidden:
        from adcli.syntax import characters

        raise characters.hidden(at, hidden)
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return Comment(word, Span(at, at + len(word)), not line.strip(" \t\ufeff"))


class Statements:
    """The newline filter. `brackets` holds the brackets that are open where reading stands."""

    def __init__(self, raw: Iterator[Token], source: Source) -> None:
        self.raw = raw
        self.source = source
        self.brackets: list[Token] = []
        self.blocks = 0

    def __iter__(self) -> Iterator[Token]:
        last = Token("", "", 0)
        ended: Token | None = None
        nodes = 0
        for token in self.raw:
            kind = token.kind
            if kind == "NEWLINE":
                if ended is None and last.kind not in GOES_ON and not self.inside():
                    ended = token
                continue
            if kind == "SEMICOLON" and not self.inside() and (last.kind in ("", "LBRACE") or last.kind not in GOES_ON):
                if last.kind not in ("", "LBRACE"):
                    ended = token
                continue
            if ended is not None or last.kind == "RBRACE":
                if self.separates(ended, token):
                    yield Token("SEP", "", (ended or token).start)
                ended = None
            if kind in OPENS:
                self.open(token)
            elif kind in CLOSES:
                self.close(token)
            if kind not in BARE:
                nodes += 1
                if nodes > MAX_NODES:
                    raise LimitError(
                        f"the program has more than {MAX_NODES:,} syntax nodes",
                        token.span,
                        help="write repeated terms as a loop, or pass data as inputs (--at name=@file)",
                    )
            yield token
            last = token
        if self.brackets:
            raise unclosed(self.brackets[-1])
        yield Token("$END", "", len(self.source.text))

    def inside(self) -> bool:
        """Whether newlines are blanks here: the innermost open bracket is ( or [."""
        return bool(self.brackets) and self.brackets[-1].kind != "LBRACE"

    def separates(self, ended: Token | None, token: Token) -> bool:
        """Whether a statement ends between two tokens: at `ended`, or after the } of a block."""
        kind = token.kind
        if kind == "RBRACE":
            return False
        if ended is None:
            return kind in FOLLOWS_BLOCK and not self.inside()
        if ended.kind == "SEMICOLON":
            return True
        if kind in ("PLUS", "MINUS"):
            raise line_start(token)
        return kind not in JOINS

    def open(self, token: Token) -> None:
        self.brackets.append(token)
        if token.kind == "LBRACE":
            self.blocks += 1
            if self.blocks > MAX_BLOCKS:
                help = "move inner blocks into functions (fn)"
                raise LimitError(f"blocks are nested more than {MAX_BLOCKS:,} deep", token.span, help=help)

    def close(self, token: Token) -> None:
        if not self.brackets:
            raise BracketError(f"'{token.text}' closes nothing", token.span, help=f"remove it, or open it with '{_partner(token)}' before")
        opener = self.brackets.pop()
        if opener.kind != CLOSES[token.kind]:
            line, column = self.source.position(opener.start)
            raise BracketError(
                f"'{token.text}' cannot close the '{opener.text}' of line {line}, column {column}",
                token.span,
                help=f"close that one first, with '{_partner(opener)}'",
            )
        if token.kind == "RBRACE":
            self.blocks -= 1


def _partner(token: Token) -> str:
    return {"(": ")", "[": "]", "{": "}", ")": "(", "]": "[", "}": "{"}[token.text]


def unclosed(opener: Token) -> BracketError:
    return BracketError(f"'{opener.text}' is never closed", opener.span, help=f"add the missing '{_partner(opener)}'")


def line_start(token: Token) -> LineStartError:
    return LineStartError(
        f"a new line cannot begin with {token.text}",
        token.span,
        help=f"end the line above with {token.text}, or put the whole expression in parentheses",
    )
