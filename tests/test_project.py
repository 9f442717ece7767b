"""The package and its pages: dependencies, links, the lines that continuous integration takes from README.md."""
from __future__ import annotations

import pathlib
import re
import tomllib

import pytest

import adcli
from tests.invoke import invoke
from tests.transcripts import blocks, commands, pages

ROOT = pathlib.Path(__file__).parent.parent
PAGES = sorted({*pages(), *ROOT.glob("*.md"), ROOT / "benchmarks" / "README.md"})


def test_the_core_has_four_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[^a-z]", dependency)[0] for dependency in project["dependencies"]]
    assert names == ["lark", "numpy", "click", "rich"]
    assert "lark==1.3.1" in project["dependencies"]


def test_the_version_is_one() -> None:
    assert invoke(["--version"]).out.split()[-1] == adcli.__version__


def test_readme_holds_the_lines_that_are_run() -> None:
    text = (ROOT / "README.md").read_text()
    for mark, word in (("install", "adcli grad"), ("tests", "pytest")):
        found = re.search(rf"<!-- {mark} -->\n```sh\n(.+)\n```\n", text)
        assert found and word in found[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)):
        assert (page.parent / target).exists(), target


WRONG = [
    pytest.param(typed, shown, id=f"{page.stem}:{block.line}")
    for page in sorted((ROOT / "tests" / "cases" / "errors").glob("*.md"))
    for block in blocks(page.read_text())
    for typed, shown in commands(block.text)
]


def test_there_are_forty_wrong_programs() -> None:
    assert sum(shown.endswith("\n3\n") for case in WRONG for _, shown in [case.values]) >= 40


@pytest.mark.parametrize(("typed", "shown"), WRONG)
def test_wrong_programs_say_what_to_do(typed: str, shown: str) -> None:
    """A code and an exit status; where the program is to blame, the line, a caret under the span, and help."""
    status = shown.splitlines()[-1]
    assert status in set("234567")
    assert re.search(r"^error\[[a-z-]+\]: |\"code\": ", shown, re.M)
    assert "Traceback" not in shown
    if status == "3" and "--error-format" not in typed:
        assert re.search(r"^  \S+:\d+:\d+\n(?:    .*)?\n    .*\^", shown, re.M)
        assert re.search(r"^help: ", shown, re.M)
