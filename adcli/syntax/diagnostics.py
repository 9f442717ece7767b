"""What to say about a token that cannot stand where it does: an ordered table, keyed by (token before, token, what was acceptable)."""
from __future__ import annotations

from typing import NamedTuple

from adcli.errors import ParseError, Source
from adcli.syntax.lexer import Token
from adcli.syntax.naming import quoted


class Scene(NamedTuple):
    source: Source
    before: Token
    token: Token
    allowed: frozenset[str]
    brackets: tuple[Token, ...]


def unexpected(scene: Scene) -> ParseError:
    return ParseError(f"{quoted(scene.token.text)} cannot stand here", scene.token.span)
