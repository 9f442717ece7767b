"""The prepared parse tables belong to the grammar, and the grammar is as it should be."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adcli.errors import Source
from adcli.syntax import build, parser, tables

RESERVED = [
    *("and", "or", "not", "if", "elif", "else", "for", "in", "step", "while", "break", "continue"),
    *("return", "fn", "input", "output", "true", "false", "rule"),
]


def grammar() -> str:
    text = tables.grammar()
    assert text is not None
    return text


def test_the_stored_tables_are_those_of_the_grammar() -> None:
    stored = json.loads(Path(tables.STORED).read_text("utf-8"))
    assert stored == tables.build(grammar()), "run: make tables"


def test_every_action_is_used_and_there() -> None:
    stored = json.loads(Path(tables.STORED).read_text("utf-8"))
    assert {action for _, _, action in stored["rules"] if action} == set(build.ACTIONS)


def test_a_conflict_is_an_error() -> None:
    from lark.exceptions import GrammarError

    ambiguous = grammar().replace("    | sum PLUS product                  -> binary", "    | sum PLUS sum                  -> binary")
    assert ambiguous != grammar()
    with pytest.raises(GrammarError):
        tables.build(ambiguous)


def test_a_changed_grammar_is_built_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    changed = grammar().replace('STEP: "step"', 'STEP: "by"')
    monkeypatch.setattr(tables, "grammar", lambda: changed)
    fresh = tables.load(build.ACTIONS)
    assert fresh.keywords["by"] == "STEP"
    monkeypatch.setattr(parser, "_tables", lambda: fresh)
    assert parser.parse(Source("for i in 0..9 by 2 { }")).statements


def test_missing_tables_are_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tables, "STORED", str(tmp_path / "none.json"))
    assert tables.load(build.ACTIONS).rows == parser._tables().rows
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    monkeypatch.setattr(tables, "STORED", str(broken))
    assert tables.load(build.ACTIONS).rows == parser._tables().rows


def test_main_writes_the_stored_tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stored = Path(tables.STORED).read_bytes()
    monkeypatch.setattr(tables, "STORED", str(tmp_path / "tables.json"))
    tables.main()
    assert (tmp_path / "tables.json").read_bytes() == stored


def test_reserved_words_and_ascii() -> None:
    prepared = parser._tables()
    assert sorted(prepared.keywords) == sorted(RESERVED)
    assert not re.search(r"\\[wdsbWDSB]", prepared.pattern.pattern)
    match = prepared.pattern.match("é")
    assert match is not None
    assert match.lastgroup is None


def test_the_grammar_knows_no_function_names() -> None:
    from adcli import ops

    assert not {*ops.PUBLIC} & {*parser._tables().keywords}


def test_reading_a_program_does_not_import_lark() -> None:
    code = "import sys; from adcli import errors, syntax; syntax.parse(errors.Source('x1*x2+sin(x1)')); print('lark' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
