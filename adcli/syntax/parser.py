"""The LALR driver: runs the tables over the tokens and builds the tree bottom-up, without recursion."""

from __future__ import annotations

from functools import cache
from typing import Any

from adcli.errors import AdcliError, EmptyProgramError, Source, Span
from adcli.syntax import build
from adcli.syntax.lexer import Statements, Token, scan
from adcli.syntax.tables import Tables, load
from adcli.syntax.tree import Comment, Expr, Program

MISSING = -(2**31)


@cache
def _tables() -> Tables:
    return load(build.ACTIONS)


def parse(source: Source) -> Program:
    """The tree of a program; a ParseError or LimitError with its span where there is none."""
    comments: list[Comment] = []
    statements = _run(source, "program", comments)
    return Program(tuple(statements), Span(0, len(source.text)), tuple(comments))


def parse_expression(source: Source) -> Expr:
    """The tree of one expression, a lambda included."""
    expr: Expr = _run(source, "expression", [])
    return expr


def _run(source: Source, start: str, comments: list[Comment]) -> Any:
    tables = _tables()
    tokens = Statements(scan(source, tables.pattern, tables.keywords, comments), source)
    try:
        return _drive(tables, tokens, start)
    except AdcliError as error:
        error.source = source
        raise


def _drive(tables: Tables, tokens: Statements, start: str) -> Any:
    """Shifts and reduces; `starts` says where each symbol on the stack begins. The last one always ends where the last token does."""
    rows, rules, hop, end = tables.rows, tables.rules, tables.hop, tables.end[start]
    states, values, starts = [tables.start[start]], list[Any](), list[int]()
    reached = 0
    for token in tokens:
        kind = token.kind
        while (target := rows[states[-1]].get(kind, MISSING)) < 0:
            if target == MISSING:
                raise _unexpected(tables, tokens.source, states, token)
            made, size, action = rules[~target]
            if action is None:
                states[-1] = hop(states[-2], states[-1], kind)
            elif size == 1:
                values[-1] = action(values[-1:], Span(starts[-1], reached))
                states[-1] = rows[states[-2]][made]
            else:
                value = action(values[-size:], Span(starts[-size], reached))
                del states[-size:], values[-size:], starts[1 - size :]
                states.append(rows[states[-1]][made])
                values.append(value)
            if states[-1] == end and kind == "$END":
                return values[-1]
        states.append(target)
        values.append(token)
        starts.append(token.start)
        reached = token.start + len(token.text)
    raise AssertionError("the token stream ends with $END")


def _unexpected(tables: Tables, source: Source, states: list[int], token: Token) -> AdcliError:
    """The error for a token that has no place in the table. The text is read once more: only errors need to know what came before."""
    from adcli.syntax import diagnostics

    again = Statements(scan(source, tables.pattern, tables.keywords, []), source)
    read: list[Token] = []
    for other in again:
        read.append(other)
        if other == token:
            break
    if len(read) == 1 and token.kind == "$END":
        return EmptyProgramError("the program is empty", Span(0, 0), help="write a formula such as x1*x2 + sin(x1)")
    allowed = frozenset(kind for kind in tables.rows[states[-1]] if _accepts(tables, states, kind))
    return diagnostics.unexpected(diagnostics.Scene(source, tuple(read), tuple(again.brackets), allowed))


def _accepts(tables: Tables, states: list[int], kind: str) -> bool:
    """Whether `kind` would really be shifted: a merged look-ahead may promise more than the states below it keep."""
    if not kind.isupper() and kind != "$END":
        return False
    below, above = len(states), list[int]()
    while True:
        top = above[-1] if above else states[below - 1]
        target = tables.rows[top].get(kind)
        if target is None:
            return False
        if target >= 0:
            return True
        made, size, _ = tables.rules[~target]
        if size <= len(above):
            del above[len(above) - size :]
        else:
            below -= size - len(above)
            above.clear()
        top = above[-1] if above else states[below - 1]
        if made not in tables.rows[top]:
            return kind == "$END"
        above.append(tables.rows[top][made])
        if kind == "$END" and above[-1] in tables.end.values():
            return True
