"""The HTML page: well-formed, everything escaped, a policy that fits what is in it, nothing from elsewhere, and the numbers of `grad`."""

from __future__ import annotations

import html.parser
import json
import pathlib
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import adcli
from adcli.api.trace import trace
from adcli.report.notation import UNICODE, Writer
from adcli.report.numbers import table_number
from adcli.report.page.markup import VOID, element, escaped
from adcli.report.page.page import Page
from adcli.report.table import chosen
from tests.invoke import environment, invoke

LOOP = "input x = 0.2\nfor i in 0..50 { x = 3*x*(1 - x) }\noutput x"
NESTED = "input x = 0.5\ns = 0\nfor i in 0..3 { for j in 0..2 { s = s + x*i*j } }\ny = s*x\noutput y"
SHAPES = {"path", "rect", "circle", "polygon", "ellipse", "line"}
HOSTILE = [
    "</title><script>alert(1)</script>", 'x" onload="alert(1)', "<!--", "]]>", "&lt;", "\u2028\u202e", "</script>", "' onclick='", "\ud800",
    "\x1b[31m",
]  # fmt: skip
PROGRAMS = [["samples/newton_sqrt.adl"], ["samples/lstm.adl"], [NESTED], ["sum(v^2)", "--at", "v=[1,2,3]"], ["1+1"], ["3"]]


def page(*words: str, command: str = "trace") -> str:
    done = invoke([command, *words, "--to", "html"])
    assert done.code == 0, done.err
    return done.out


class Reader(html.parser.HTMLParser):
    """Elements with their attributes and texts; fails where one is closed that is not open, or an id comes twice."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.by_id: dict[str, dict[str, str]] = {}
        self.parts: dict[str, list[str]] = {}
        self.inside: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        assert len(found) == len(attrs), attrs
        self.elements.append((tag, found))
        if "id" in found:
            assert found["id"] not in self.by_id, found["id"]
            self.by_id[found["id"]] = found
        if tag not in VOID:
            self.open.append(tag)
            self.inside.append(found.get("id", ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SHAPES, tag
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag
        self.inside.pop()

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)
        for name in filter(None, self.inside):
            self.parts.setdefault(name, []).append(data)

    def text(self, name: str) -> str:
        """All text inside the element of that id."""
        return "".join(self.parts.get(name, []))


@pytest.mark.parametrize("command", ["trace", "graph", "explain"])
@pytest.mark.parametrize("words", PROGRAMS)
def test_pages_are_well_formed(words: list[str], command: str) -> None:
    found = Reader(page(*words, command=command))
    assert found.elements[0][0] == "html" and {"program", "graph", "trace", "inspector", "slider"} <= set(found.by_id)


@pytest.mark.parametrize("words", [["samples/newton_sqrt.adl"], ["samples/survey.adl", "--mode", "forward"]])
def test_the_policy_names_what_is_in_the_page(words: list[str]) -> None:
    text = page(*words)
    found = Reader(text)
    policy = next(a["content"] for _, a in found.elements if a.get("http-equiv") == "Content-Security-Policy")
    for tag in ("style", "script"):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        assert inside and text.count(f"<{tag}") == 1
        assert f"{tag}-src 'sha256-{b64encode(sha256(inside[1].encode()).digest()).decode()}'" in policy
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    assert "base-uri 'none'" in policy and "form-action 'none'" in policy


@pytest.mark.parametrize("command", ["trace", "graph", "explain"])
def test_nothing_comes_from_elsewhere_or_runs(command: str) -> None:
    found = Reader(page("samples/newton_sqrt.adl", command=command))
    for tag, attributes in found.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "form", "base")
        assert not any(name.startswith("on") or name in ("style", "src") for name in attributes), (tag, attributes)
        assert attributes.get("href", "#").startswith("#")
    code = "".join(found.texts["script"] + found.texts["style"])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function|https?:|url\((?!#)|@import", code)


def test_the_numbers_are_those_of_grad() -> None:
    for path in sorted(pathlib.Path("samples").glob("*.adl")):
        wanted = invoke(["grad", str(path), "--json"])
        if wanted.code:
            continue
        data = json.loads(wanted.out)
        for mode in ("reverse", "forward"):
            results = results_of(page(str(path), "--mode", mode))
            numbers = [v for v in data["gradient"].values() if isinstance(v, float)]
            assert len(numbers) < len(results)
            if len(numbers) == len(data["gradient"]):
                assert [float(v) for v in results[1:]] == pytest.approx(numbers, rel=1e-9, abs=1e-12), path


def results_of(text: str) -> list[str]:
    return [found.partition(" ")[0] for found in re.findall(r"<dd>(.*?)</dd>", text)]


def statements(text: str) -> list[dict[str, str]]:
    """The statements by position."""
    found = Reader(text)
    many = sum(bool(re.fullmatch(r"s\d+", name)) for name in found.by_id)
    values = dict(re.findall(r'id="(s\d+)"[^>]*>(?:(?! id=).)*?<span class="v">(.*?)</span>', text))
    out = [found.by_id[f"s{k}"] | {"value": values.get(f"s{k}", "")} for k in range(1, many + 1)]
    assert found.by_id["slider"]["max"] == str(max(1, len(out)))
    return out


@pytest.mark.parametrize("words", [["x1*x2+sin(x1)", "--at", "x1=2,x2=5"], [LOOP], [NESTED]])
def test_statements_stand_in_the_order_in_which_they_run(words: list[str]) -> None:
    made = json.loads(invoke(["trace", *words, "--json"]).out)
    found = statements(page(*words))
    first = 1 - len(made["inputs"])
    assert [int(s["data-node"]) + first for s in found if s["class"] == "primal"] == [row["v"] for row in made["rows"]]
    adjoints = [s for s in found if s["class"] == "adjoint"]
    assert [int(s["data-to"]) + first for s in adjoints] == [a["v"] for a in made["adjoints"]]
    for s, a in zip(adjoints, made["adjoints"], strict=True):
        assert float((s.get("data-v") or s["value"]).removeprefix("= ")) == a["running"]
    assert all(s["class"] == "primal" for s in found[: len(made["rows"])])


def test_what_is_left_out_leaves_its_adjoints_behind() -> None:
    found = statements(page(LOOP, "--rows", "6"))
    gap = next(k for k, s in enumerate(found) if s["class"] == "gap")
    behind = dict(json.loads(found[gap]["data-set"]))
    assert behind and set(behind) <= {int(s["data-node"]) for s in found if s["class"] == "primal"}
    assert "more rows" in page(LOOP, "--rows", "6")
    end = [s for s in found if s.get("data-to") == "0"][-1]
    assert float((end.get("data-v") or "").removeprefix("= ")) == json.loads(invoke(["grad", LOOP, "--json"]).out)["gradient"]["x"]


def test_loops_are_folded_by_iteration() -> None:
    text = page(NESTED)
    assert text.count('<details class="loop">') == 4 and text.count('<details class="iteration">') == 9
    assert "<summary><code>for i in 0..3</code>" in text and "<summary><code>for j in 0..2</code>" in text
    long = page("input x = 0.5\nfor i in 0..1000 { x = cos(x) }\noutput x")
    assert max(len(re.findall("<li>", part)) for part in long.split('<ol class="rows">')) <= 120
    assert "iterations 900 to 999" in long and long.count('<details class="iteration">') == 1000


def test_rows_by_level_are_not_folded_by_loops() -> None:
    assert 'class="loop"' not in page(NESTED, "--order", "level")


def test_a_page_can_be_read_in_any_encoding(tmp_path: pathlib.Path) -> None:
    words = ["-P", "-m", "adcli", "trace", "x^2 # é", "--at", "x=3", "--to", "html"]
    for encoding in ("latin-1", "ascii", "utf-8"):
        env = environment() | {"PYTHONIOENCODING": encoding, "PYTHONPATH": str(pathlib.Path(adcli.__file__).parent.parent)}
        done = subprocess.run([sys.executable, *words], capture_output=True, env=env, check=True, cwd=tmp_path)
        found = Reader(done.stdout.decode())
        assert "v₀ = x = 3" in found.text("s1") and "é" in found.text("program")


def test_a_loop_that_is_run_again_is_another() -> None:
    text = page("fn f(x) { for i in 0..2 { x = sin(x) }; x }\ninput x = 1\noutput y = f(f(x))")
    assert text.count('<details class="loop">') == 2


@pytest.mark.parametrize("title", HOSTILE[:-2])
@pytest.mark.parametrize("command", ["trace", "graph", "explain"])
def test_titles_are_escaped(title: str, command: str) -> None:
    found = Reader(page("x*x # " + "".join(filter(str.isprintable, title)), "--at", "x=2", "--title", title, command=command))
    assert sum(tag == "script" for tag, _ in found.elements) == 1
    shown = "".join(c if c not in "\u2028\u202e" else f"<U+{ord(c):04X}>" for c in title)
    assert found.texts["title"][0] == shown and shown in "".join(found.texts["h1"])


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters() | st.sampled_from("<>&\"'-!/\\`=")) | st.sampled_from(HOSTILE), st.sampled_from(HOSTILE))
def test_no_text_becomes_markup(title: str, comment: str) -> None:
    program = adcli.compile(f"# {''.join(c for c in comment if c.isprintable())}\ninput x = 2\noutput y = x*x")
    made, _ = trace(program, {})
    text = "".join(Page(made, Writer(UNICODE, table_number), chosen(made, None, None), title, flags=[title]).parts())
    found = Reader(text)
    assert "\x00" not in text and text.encode()
    plain = Reader("".join(Page(made, Writer(UNICODE, table_number), chosen(made, None, None), "t", flags=["f"]).parts()))
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in plain.elements]


def test_markup_knows_what_is_escaped() -> None:
    assert element("p", "<", element("b", "&"), title='"', hidden=True, id=None) == '<p title="&quot;" hidden>&lt;<b>&amp;</b></p>'
    assert escaped(escaped("<")) == "&lt;" and escaped("a\u202eb") == "a&lt;U+202E&gt;b"


def test_every_step_is_said_in_words() -> None:
    found = Reader(page("x1*x2+sin(x1)", "--at", "x1=2,x2=5", command="explain"))
    said: Any = json.loads(invoke(["explain", "x1*x2+sin(x1)", "--at", "x1=2,x2=5", "--json"]).out)
    for k, step in enumerate(said["steps"]):
        assert step["words"] in found.text(f"s{6 + k}")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["trace", "x", "--at", "x=1", "--title", "t"], "--title is the title of a page"),
        (["explain", "x", "--at", "x=1", "--title", "t"], "--title is the title of a page"),
        (["trace", "x", "--at", "x=1", "--to", "html", "--notation", "latex"], "not in LaTeX"),
        (["graph", "x", "--at", "x=1", "--to", "html", "--optimize"], "--optimize"),
        (["graph", "x", "--at", "x=1", "--to", "html", "--highlight", "reverse"], "--highlight"),
    ],
)
def test_options_that_say_nothing_are_refused(words: list[str], part: str) -> None:
    done = invoke(words)
    assert done.code == 2 and part in done.err and "help: " in done.err


def test_the_suffix_of_the_file_says_that_it_is_a_page(tmp_path: pathlib.Path) -> None:
    for command in ("trace", "graph", "explain"):
        target = tmp_path / f"{command}.html"
        assert invoke([command, "x^2", "--at", "x=3", "-o", str(target)]).code == 0
        assert target.read_text().startswith("<!DOCTYPE html>") and f'data-front="{command}"' in target.read_text()


@pytest.mark.parametrize("command", ["trace", "graph", "explain"])
def test_strict_leaves_no_page(tmp_path: pathlib.Path, command: str) -> None:
    done = invoke([command, "sqrt(x)", "--at", "x=0", "--strict", "-o", str(tmp_path / "page.html")])
    assert done.code == 5 and "singular" in done.err and not list(tmp_path.iterdir())


def test_ten_thousand_rows_fit_into_a_few_megabytes() -> None:
    text = page("input x = 0.2\nfor i in 0..3333 { x = 3*x*(1 - x) }\noutput x")
    assert text.count('class="primal" id=') == 10_000 and len(text) < 10_000_000
