"""Depth is no limit, size is: nothing in reading and printing recurses over the depth of an expression."""

from __future__ import annotations

import gc
import sys

import pytest

from adcli.errors import LimitError, Source
from adcli.syntax import lexer, parse, parse_expression, show, show_expression, show_tree, tree

DEEP = {
    "parentheses": "(" * 20_000 + "x" + ")" * 20_000,
    "powers": "x" + "^x" * 20_000,
    "signs": "-" * 20_000 + "x",
    "nots": "not " * 20_000 + "x",
    "terms": "x" + "+x" * 20_000,
    "calls": "sin(" * 20_000 + "x" + ")" * 20_000,
    "arrays": "[" * 20_000 + "]" * 20_000,
    "indices": "x" + "[0]" * 20_000,
    "transposes": "x" + "'" * 20_000,
    "lambdas": "f(" + "x -> " * 20_000 + "x)",
    "elifs": "if a { 1 }" + " elif b { 2 }" * 5_000,
    "ands": "x" + " and x" * 20_000,
    "comparisons": "x" + " < x" * 20_000,
    "blocks": "while x { " * 2_000 + "}" * 2_000,
    "choices": "(if a { " * 1_500 + "1" + " } else { 2 })" * 1_500,
}


@pytest.fixture
def shallow() -> object:
    """A recursion limit that any recursion over depth would meet at once."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(250)
    yield
    sys.setrecursionlimit(before)
    gc.collect()


@pytest.mark.parametrize("name", DEEP)
def test_depth(name: str, shallow: object) -> None:
    source = Source(DEEP[name])
    program = parse(source)
    text = show(program, source)
    again = parse(Source(text))
    assert len(again.statements) == 1
    assert show(again, Source(text)) == text
    assert show_tree(program) == show_tree(again)


@pytest.mark.parametrize(
    "text", ["(" * 100_000 + "x" + ")" * 100_000, "-" * 100_000 + "x", "x" + "+x" * 99_999], ids=["brackets", "signs", "terms"]
)
def test_great_depth(text: str, shallow: object) -> None:
    assert len(parse(Source(text)).statements) == 1


def test_deep_parentheses_add_no_node() -> None:
    assert isinstance(parse_expression(Source(DEEP["parentheses"])), tree.Name)
    assert show_expression(parse_expression(Source("((x))+((y*(z)))"))) == "x + y*z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x" * (2**20 + 1), "the program is longer than 1 MiB"),
        ("while x {" * 2_001 + "}" * 2_001, "blocks are nested more than 2,000 deep"),
    ],
)
def test_limits(text: str, message: str) -> None:
    source = Source(text)
    with pytest.raises(LimitError, match=message) as caught:
        parse(source)
    assert caught.value.source is source
    assert caught.value.help


def test_the_limit_of_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lexer.MAX_NODES == 1_000_000
    monkeypatch.setattr(lexer, "MAX_NODES", 1_000)
    parse(Source("-" * 999 + "x"))
    with pytest.raises(LimitError, match="the program has more than 1,000 syntax nodes"):
        parse(Source("-" * 1_000 + "x"))


def test_a_source_of_one_mebibyte_is_read() -> None:
    text = "x" + "*x" * 1000 + " " * (2**20 - 2001)
    assert len(text) == 2**20
    assert parse(Source(text)).statements


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "x+" * 100_000, "f(" * 50_000 + ")" * 49_999, "[1," * 50_000 + "}", "-" * 100_000, "x " * 50_000]
)
def test_long_errors(text: str, shallow: object) -> None:
    from adcli.errors import ParseError

    with pytest.raises(ParseError) as caught:
        parse(Source(text))
    assert len(caught.value.message) < 200
