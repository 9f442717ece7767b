"""Every session in README.md, docs/ and tests/cases/ prints what it shows."""
from __future__ import annotations

import pytest

from tests.transcripts import ROOT, Block, blocks, commands, pages, replay, steady

SESSIONS = [(page.relative_to(ROOT), block) for page in pages() for block in blocks(page.read_text())]


@pytest.mark.parametrize(("page", "block"), SESSIONS, ids=[f"{page}:{block.line}" for page, block in SESSIONS])
def test_session(page: object, block: Block) -> None:
    assert steady(replay(block)) == steady(block.text)


def test_a_wrong_session_fails() -> None:
    session = "$ adcli eval 2^10\n1025\n"
    assert replay(Block(1, 0, len(session), session, {})) == "$ adcli eval 2^10\n1024.0\n"


def test_commands_are_told_from_output() -> None:
    assert list(commands("$ a\n> b\nout\n$ c\n")) == [("$ a\n> b\n", "out\n"), ("$ c\n", "")]


def test_only_the_counts_of_searches_may_differ() -> None:
    session = "$ adcli minimize x^2 --at x=1\nx\t0.0\niterations\t{}\nconverged after {} iterations (2 values)\n"
    assert steady(session.format(3, 3)) == steady(session.format(4, 4)) != steady(session.format(3, 3).replace("0.0", "0.1"))
    other = "$ adcli eval x --at x=1\niterations\t3\n"
    assert steady(other) == other
