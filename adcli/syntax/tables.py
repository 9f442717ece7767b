"""The parse tables: made from grammar/adl.lark by Lark, kept as JSON beside this file.

    make tables        # writes tables.json; needed after each change of the grammar

Building takes Lark 30 ms and its import more than that, loading takes 1 or 2: so the package ships the tables, and Lark is
imported only where they do not belong to the grammar at hand.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Mapping
from os.path import dirname, join
from typing import Any

from adcli.errors import Span

Action = Callable[[list[Any], Span], Any]

_HERE = dirname(__file__)
STORED = join(_HERE, "tables.json")
# In the package where it is installed, beside it in a checkout.
_GRAMMARS = (join(_HERE, "..", "grammar", "adl.lark"), join(_HERE, "..", "..", "grammar", "adl.lark"))


class Tables:
    """What the parser runs on.

    rows[state][symbol]: a state to go on with (0 and up), or ~rule to reduce by.
    rules[rule]: (symbol made, symbols taken, its action or None where the value is passed on).
    """

    def __init__(self, data: dict[str, Any], actions: Mapping[str, Action]) -> None:
        symbols: list[str] = data["symbols"]
        self.rows: list[dict[str, int]] = [dict(zip(map(symbols.__getitem__, row[::2]), row[1::2], strict=True)) for row in data["rows"]]
        self.rules: list[tuple[str, int, Action | None]] = [(symbols[m], size, actions[a] if a else None) for m, size, a in data["rules"]]
        self.start: dict[str, int] = data["start"]
        self.end: dict[str, int] = data["end"]
        self.keywords: dict[str, str] = data["keywords"]
        self.pattern = re.compile(data["pattern"], re.DOTALL)
        self._hops: dict[tuple[int, int, str], int] = {}

    def hop(self, below: int, top: int, kind: str) -> int:
        """The state in place of `top` once all unit rules are applied that `kind` asks for there: an operand climbs a dozen of them."""
        key = (below, top, kind)
        state = self._hops.get(key)
        if state is None:
            state = top
            while (target := self.rows[state].get(kind, 0)) < 0:
                made, size, action = self.rules[~target]
                if size != 1 or action is not None:
                    break
                state = self.rows[below][made]
            self._hops[key] = state
        return state


def load(actions: Mapping[str, Action]) -> Tables:
    """The stored tables, or, where the grammar has changed since, those that Lark makes of it."""
    text = grammar()
    try:
        data = json.loads(_read(STORED))
        if text is None or data["grammar"] == zlib.crc32(text.encode()):
            return Tables(data, actions)
    except (OSError, ValueError, LookupError):
        if text is None:
            raise
    assert text is not None
    return Tables(build(text), actions)


def grammar() -> str | None:
    """The text of adl.lark, if it is there."""
    for path in _GRAMMARS:
        try:
            return _read(path)
        except OSError:
            continue
    return None


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read()


class _KeepAll:
    """Stands for our newline filter, so that Lark keeps the terminals that only the filter sees."""

    always_accept = ("NEWLINE", "COMMENT", "SEMICOLON", "RULE")

    def process(self, stream: Any) -> Any:
        return stream


def build(text: str) -> dict[str, Any]:
    """The tables of a grammar as JSON data; a conflict in it is an error."""
    from lark import Lark
    from lark.parsers.lalr_analysis import LALR_Analyzer

    lark = Lark(text, parser="lalr", lexer="basic", start=["program", "expression"], postlex=_KeepAll())
    conf = lark.parser.parser_conf
    analysis: Any = LALR_Analyzer(conf, strict=True)
    analysis.compute_lalr()
    table = analysis.parse_table
    symbols = sorted({str(symbol) for row in table.states.values() for symbol in row})
    number = {symbol: index for index, symbol in enumerate(symbols)}
    rule_number = {rule: index for index, rule in enumerate(conf.rules)}
    order = _order(table)
    rows = []
    for state in order:
        row: list[int] = []
        for symbol, (action, target) in sorted(table.states[state].items()):
            row += [number[str(symbol)], order[target] if action.name == "Shift" else ~rule_number[target]]
        rows.append(row)
    return {
        "grammar": zlib.crc32(text.encode()),
        **_lexer(list(lark.terminals)),
        "start": {str(name): order[state] for name, state in sorted(table.start_states.items())},
        "end": {str(name): order[state] for name, state in sorted(table.end_states.items())},
        "symbols": symbols,
        "rules": [[number[str(rule.origin.name)], len(rule.expansion), _action(rule)] for rule in conf.rules],
        "rows": rows,
    }


def _order(table: Any) -> dict[int, int]:
    """The states numbered as they are reached from the start: Lark's own numbers differ from run to run."""
    order: dict[int, int] = {}
    reached = [state for _, state in sorted(table.start_states.items())]
    for state in reached:
        if state not in order:
            order[state] = len(order)
            reached += [target for _, (action, target) in sorted(table.states[state].items()) if action.name == "Shift"]
    return order


def _action(rule: Any) -> str | None:
    """An alternative's action: its alias, else its rule's name; None for a unit rule, which passes its value on."""
    if rule.alias:
        return str(rule.alias)
    if rule.options.expand1 and len(rule.expansion) == 1:
        return None
    return str(rule.origin.name)


def _lexer(terminals: list[Any]) -> dict[str, Any]:
    """One pattern with a group for each terminal, the longest first as Lark orders them; reserved words are names to it."""
    spelled = [terminal for terminal in terminals if terminal.pattern is not None]
    name = next(terminal for terminal in spelled if terminal.name == "NAME")
    words = {t.pattern.value: t.name for t in spelled if t.pattern.type == "str" and re.fullmatch(name.pattern.value, t.pattern.value)}
    others = [terminal for terminal in spelled if terminal.pattern.value not in words]
    others.sort(key=lambda t: (-t.priority, -t.pattern.max_width, -len(t.pattern.value), t.name))
    pattern = "|".join(f"(?P<{t.name}>{t.pattern.to_regexp()})" for t in others) + "|."
    return {"keywords": dict(sorted(words.items())), "pattern": pattern}


def main() -> None:
    """Writes tables.json."""
    text = grammar()
    if text is None:
        raise SystemExit("grammar/adl.lark is not there")
    with open(STORED, "w", encoding="utf-8") as file:
        json.dump(build(text), file, separators=(",", ":"))
        file.write("\n")
