"""The package and its pages: dependencies, links, the lines that continuous integration takes from README.md."""
from __future__ import annotations

import pathlib
import re
import tomllib

import pytest

import adcli
from tests.invoke import invoke
from tests.transcripts import pages

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


def test_every_wrong_program_fails_with_a_code_and_help() -> None:
    """At least forty kinds of wrong programs, each with its exit code, message and help."""
    kinds = 0
    for page in sorted((ROOT / "tests" / "cases" / "errors").glob("*.md")):
        for section in page.read_text().split("\n## ")[1:]:
            kinds += 1
            statuses = re.findall(r"^(\d+)$", section, re.M)
            assert statuses and "0" not in statuses, section
            assert re.search(r"^(error|flag)\[[a-z-]+\]|\"code\"", section, re.M), section
            assert "Traceback" not in section
            assert "help: " in section or '"help"' in section, section
    assert kinds >= 40
