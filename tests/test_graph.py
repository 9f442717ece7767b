"""Computational graphs: their numbers are those of `grad`, and every format says what the graph says."""

from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import subprocess
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

import adcli
from adcli.api.graph import Request, graph
from adcli.report.graph import Graph, View, dot, mermaid, svg, text
from adcli.report.graph.fold import folded
from tests.invoke import invoke

ROOT = pathlib.Path(__file__).parent.parent
SVG = "{http://www.w3.org/2000/svg}"
BAYDIN = "ln(x1)+x1*x2-sin(x2)"
POINT = {"x1": 2, "x2": 5, "x": 0.7, "y": 3.0}
ALL = View(values=True, adjoints=True)
SAMPLES = ["newton_sqrt", "tax", "power", "lstm", "black_scholes", "hypergradient", "logistic_map", "kepler", "rosenbrock"]
NASTY = [
    '"]; a [URL="javascript:1', "<b>x</b>", "</title><script>alert(1)</script>", 'x" onload="alert(1)', "a\\nb\\", "&lt;\x1b[31m\u202e",
    "`*_#1;",
]  # fmt: skip


def sample(name: str) -> str:
    return (ROOT / "samples" / f"{name}.adl").read_text()


TEXTS = [BAYDIN, "x1*x1*x2", "x1^2 + abs(x2)", "x1", *map(sample, SAMPLES)]


def at(program: adcli.Program) -> dict[str, Any]:
    return {i.name: POINT[i.name] for i in program.inputs if i.default is None}


def made(program_text: str, **wishes: Any) -> Graph:
    """The graph of a program at POINT."""
    program = adcli.compile(program_text, engine="interpret")
    request = Request(**wishes)
    return graph(program, at(program) if request.run else {}, request)[0]


def run(program_text: str, unroll: bool = True) -> Graph:
    return made(program_text, values=True, adjoints=True, unroll=unroll)


def kinds(found: Graph) -> list[tuple[str, str]]:
    return [(n.kind, n.label) for n in found.nodes]


def same(a: Any, b: Any) -> bool:
    import numpy as np

    return bool(np.array_equal(a, b, equal_nan=True))


# --- numbers ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unroll", [True, False], ids=["flat", "rolled"])
@pytest.mark.parametrize("program_text", TEXTS, ids=lambda t: t[:12])
def test_the_numbers_are_those_of_grad(program_text: str, unroll: bool) -> None:
    program = adcli.compile(program_text, engine="interpret")
    point = at(program)
    found, value, gradient = run(program_text, unroll), program.value(point), program.gradient(point)
    inputs = [n for n in found.nodes if n.kind == "input" and n.name in gradient]
    assert [n.name for n in inputs] == list(gradient)
    for n in inputs:
        assert adcli_close(n.adjoint, gradient[n.name]), n.name
    assert [same(n.value, value) for n in found.nodes if n.kind == "output"] == [True]


def adcli_close(a: Any, b: Any) -> bool:
    """The recording runs the same statements in the same order, but a loop's adjoints are added up in another one."""
    import numpy as np

    return bool(np.allclose(a, b, rtol=1e-12, atol=1e-15))


@pytest.mark.parametrize("limit", [None, 7, 30])
@pytest.mark.parametrize("program_text", [BAYDIN, sample("newton_sqrt"), sample("tax"), sample("lstm")], ids=lambda t: t[:12])
def test_what_flows_along_edges_adds_up_to_the_adjoint(program_text: str, limit: int | None) -> None:
    found = folded(run(program_text), limit)
    for k, n in enumerate(found.nodes):
        flows = [e.adjoint for e in found.edges if e.source == k and e.adjoint is not None]
        if n.adjoint is not None and flows and n.kind != "fold":
            assert adcli_close(sum(flows[1:], flows[0]), n.adjoint), n.id


def test_a_rolled_loop_has_the_tangents_of_its_last_iteration() -> None:
    program = adcli.compile("y = x; for i in 0..3 { y = y*sin(y) }; y")
    found, _ = graph(program, {"x": 2.0}, Request(values=True, tangents=True))
    products = [n for n in found.nodes if n.label == "×"]
    assert [n.tangents for n in products] == [(program.jvp(x=2, along={"x": 1})["value"],)]
    lines = "".join(mermaid.write(found, View(True, False, True)))
    assert lines.count("subgraph") == lines.count("  end\n") == 1


def test_tangents_are_those_of_jvp() -> None:
    found = made(BAYDIN, values=True, tangents=True, along={"x1": 1.0, "x2": -2.0})
    (output,) = [n for n in found.nodes if n.kind == "output"]
    assert output.tangents == (adcli.compile(BAYDIN).jvp(x1=2, x2=5, along={"x1": 1, "x2": -2})["value"],)
    (minus,) = [k for k, n in enumerate(found.nodes) if n.label == "−"]
    assert sum(e.tangents[0] for e in found.edges if e.target == minus) == output.tangents[0]


def test_a_rolled_loop_has_its_first_and_last_value() -> None:
    found = run(sample("newton_sqrt"), unroll=False)
    (step,) = [n for n in found.nodes if n.name == "y" and n.kind == "operation"]
    flat = [n for n in run(sample("newton_sqrt")).nodes if n.name == "y" and n.kind == "operation"]
    assert (step.first, step.value, step.runs) == (flat[0].value, flat[-1].value, len(flat))


def test_a_branch_that_was_not_taken_has_not_run() -> None:
    found = made("if x > 0 { sin(x) } else { cos(x) }", values=True)
    assert {n.label: n.runs for n in found.nodes if n.label in ("sin", "cos")} == {"sin": 1, "cos": 0}


# --- structure -------------------------------------------------------------------------------------------------------------------


def test_kinds_are_told_apart() -> None:
    assert kinds(run("2*x + zeros(2)[0]")) == [
        ("input", "x"), ("constant", "2"), ("operation", "×"), ("constant", "zeros(2)"), ("operation", "[0]"), ("operation", "+"),
        ("output", "value"),
    ]  # fmt: skip


@pytest.mark.parametrize("program_text", [BAYDIN, "x^2 + sin(x)/x", "-x + sqrt(x)*[1, 2][0]", "x*-3"])
def test_a_formula_has_one_picture_with_and_without_a_point(program_text: str) -> None:
    bare, full = made(program_text), made(program_text, values=True)
    assert kinds(bare) == kinds(full)
    assert [n.number for n in bare.nodes] == [n.number for n in full.nodes]
    ids = [n.id for n in full.nodes]
    assert [(e.source, e.target, e.position) for e in bare.edges] == [(e.source, e.target, e.position) for e in full.edges]
    assert len(set(ids)) == len(ids)


def test_a_loop_is_a_box_with_its_carried_values() -> None:
    found = made(sample("newton_sqrt"))
    assert [(b.kind, b.label) for b in found.boxes] == [("loop", "while abs(y*y - x) > 1e-12")]
    inside = [(n.kind, n.label) for n in found.nodes if n.box == 0]
    assert [label for kind, label in inside if kind == "entry"] == ["y", "x"]
    (back,) = [e for e in found.edges if e.carried]
    assert (found.nodes[back.source].kind, found.nodes[back.target].label) == ("exit", "y")
    assert all(found.nodes[e.source].box == found.nodes[e.target].box or "entry" in kind or "exit" in kind
               for e in found.edges for kind in [(found.nodes[e.source].kind, found.nodes[e.target].kind)])  # fmt: skip


def test_a_call_with_a_rule_of_its_own_has_its_numbers() -> None:
    """It is one operation of the run, with the partial that its rule gives; what stands in the function's body did not flow."""
    rule = "fn f(x) = x^3\nrule f(x) { dx = 3*x^2 }\n"
    found = json.loads(invoke(["graph", rule + "f(t)*t", "--at", "t=2", "--adjoints", "--json"]).out)
    (call,) = (n for n in found["nodes"] if n["kind"] == "call")
    assert (call["value"], call["adjoint"], call["v"]) == (8.0, 2.0, 1)
    (edge,) = (e for e in found["edges"] if e["to"] == call["id"])
    assert (edge["partial"], edge["adjoint"]) == (12.0, 24.0)
    loop = json.loads(invoke(["graph", rule + "y = t\nfor i in 0..2 { y = f(y) }\ny", "--at", "t=2", "--values", "--json"]).out)
    (call,) = (n for n in loop["nodes"] if n["kind"] == "call")
    assert (call["first"], call["value"], call["runs"]) == (8.0, 512.0, 2)


def test_a_recursive_function_is_one_box_that_calls_itself() -> None:
    found = made(sample("power"))
    assert [b.label for b in found.boxes if b.kind == "function"] == ["fn power(x, n)"]
    assert [n.box is None for n in found.nodes if n.kind == "call"] == [True, False]


def test_what_only_checks_has_no_node() -> None:
    found = made("s = 0\nfor i in 0..2 { s += [x, 1][i + 1] }\ns")
    assert {label for kind, label in kinds(found) if kind == "operation"} == {"+", "[·]", "[ , ]"}


def test_a_nest_of_branches_is_closed_at_some_depth() -> None:
    found = made("y = x\n" + "for i in 0..2 { " * 20 + "y = y*x" + " }" * 20 + "\ny")
    assert len(found.boxes) == 8
    assert [n.count for n in found.nodes if n.kind == "fold"] == [1]


def test_active_edges_go_from_the_inputs_to_the_output() -> None:
    found = made("x1*floor(x2) + x2*0", wrt=["x2"])
    active = {(found.nodes[e.source].label, found.nodes[e.target].label) for e in found.edges if e.active}
    assert active == {("x2", "×"), ("×", "+"), ("+", "value")}


def test_before_and_after_simplification() -> None:
    found = made("x*x + x*x", optimize=True)
    assert [b.label for b in found.boxes] == ["as written: 3 operations", "simplified: 2 operations"]
    full = made("x*x + x*x", optimize=True, values=True, adjoints=True)
    assert [n.adjoint for n in full.nodes if n.kind == "input"] == [4 * 0.7] * 2


# --- folding ---------------------------------------------------------------------------------------------------------------------

LOOP = "y = x\nfor i in 0..{} {{ y = sin(y) + 1 }}\ny"


def test_a_long_run_is_folded_between_whole_iterations() -> None:
    found = folded(run(LOOP.format(20_000)), 10)
    (fold,) = [n for n in found.nodes if n.kind == "fold"]
    assert fold.label == f"… {fold.count:,} more operations …"
    assert fold.count + sum(n.kind == "operation" for n in found.nodes) == 40_000
    assert found.operations() == 40_000
    shown = [n.iteration[0] for n in found.nodes if n.kind == "operation"]
    assert all(shown.count(i) == 2 for i in shown)
    assert fold.name == f"iterations {shown[3] + 1} to {shown[4] - 1}"


def test_dot_of_a_long_run_is_folded_unless_all_of_it_is_asked_for() -> None:
    program = "y = x; for i in 0..2000 { y = y + 1e-3*y }; y"
    found, whole = (invoke(["graph", program, "--at", "x=1", "--unroll", "--to", "dot", *more]).out for more in ([], ["--nodes", "all"]))
    many = int(re.findall(r"… ([\d,]+) more operations …", found)[0].replace(",", ""))
    assert found.count("[label=") < 2100 and "more operations" not in whole
    assert many + found.count('label="×\\n') + found.count('label="+\\n') == 4000 == whole.count('label="×\\n') + whole.count('label="+\\n')


def test_operations_on_constants_are_folded() -> None:
    found = folded(run("y = x\nfor i in 0..300 { y += sum(ones(2)) }\ny"), 12)
    assert [n.count for n in found.nodes if n.kind == "fold"] == [3 * 300 - 12]
    assert len(found.nodes) < 20


def test_many_inputs_are_folded() -> None:
    found = folded(made(" + ".join(f"a{k}" for k in range(300))), 20)
    assert [n.label for n in found.nodes if n.kind == "fold"] == ["… 280 more inputs …", "… 279 more operations …"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 8, 13, None])
@pytest.mark.parametrize("program_text", [sample("tax"), sample("lstm"), sample("power"), LOOP.format(9)], ids=lambda t: t[:12])
@pytest.mark.parametrize("unroll", [True, False])
def test_a_folded_graph_can_be_drawn(program_text: str, limit: int | None, unroll: bool) -> None:
    found = folded(run(program_text, unroll), limit)
    ElementTree.fromstring(svg.draw(found, ALL))
    assert max(map(len, text.draw(found, View(), 80).splitlines())) <= 120
    assert all(0 <= e.source < len(found.nodes) and 0 <= e.target < len(found.nodes) for e in found.edges)


def test_deep_graphs_do_not_recurse() -> None:
    deep = "sin(" * 20_000 + "x" + ")" * 20_000
    done = invoke(["graph", deep, "--at", "x=1", "--adjoints"])
    assert done.code == 0
    assert "… 19,976 more operations …" in done.out
    assert invoke(["graph", deep, "--to", "dot", "--nodes", "all"]).out.count(" -> ") == 20_001


# --- SVG -------------------------------------------------------------------------------------------------------------------------


def groups(drawing: str, kind: str) -> list[ElementTree.Element]:
    return [g for g in ElementTree.fromstring(drawing).iter(f"{SVG}g") if (g.get("class") or "").split()[0] == kind]


def test_the_picture_is_well_formed_and_can_be_pointed_at() -> None:
    found = run(BAYDIN)
    drawing = svg.draw(found, ALL)
    nodes = {g.get("id"): g for g in groups(drawing, "node")}
    assert set(nodes) == {n.id for n in found.nodes}
    assert (nodes["n-1"].get("data-node"), nodes["n-1"].get("class")) == ("0", "node input")
    assert "v̄₋₁ = 5.5" in "".join(nodes["n-1"].itertext())
    edges = {(g.get("data-from"), g.get("data-to"), g.get("data-position")) for g in groups(drawing, "edge")}
    assert edges == {(found.nodes[e.source].id, found.nodes[e.target].id, str(e.position)) for e in found.edges}


@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("unroll", [True, False])
@pytest.mark.parametrize("program_text", [BAYDIN, *map(sample, SAMPLES)], ids=lambda t: t[:12])
def test_nodes_do_not_overlap_and_edges_go_on(program_text: str, unroll: bool, direction: str) -> None:
    drawing = svg.draw(run(program_text, unroll), ALL, direction=direction)
    centres = [(float(t.get("x") or 0), float(t.get("y") or 0)) for g in groups(drawing, "node") for t in g.findall(f"{SVG}text")[:1]]
    for k, (x, y) in enumerate(centres):
        assert not [1 for u, v in centres[k + 1 :] if abs(x - u) < 26 and abs(y - v) < 26]
    axis = 0 if direction == "right" else 1
    for g in groups(drawing, "edge"):
        path = g.find(f"{SVG}path")
        assert path is not None
        if g.get("class") != "edge carried":
            steps = [float(n) for n in re.findall(r"-?[0-9.]+", path.get("d") or "")][axis::2]
            assert all(a <= b + 0.11 for a, b in pairwise(steps)), path.get("d")


def test_a_sweep_has_its_arrows_at_the_sources() -> None:
    drawing = svg.draw(made("x*floor(y)"), View(highlight="reverse"))
    assert drawing.count('class="reverse"') == drawing.count('marker-start="url(#graph-reverse)"') == 2
    assert drawing.count('class="edge idle"') == 2


# --- DOT, Mermaid ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("title", NASTY)
def test_no_title_breaks_out(title: str) -> None:
    found = made(BAYDIN)
    found.title = title
    found.nodes[2].name = found.nodes[3].label = title
    drawing = svg.draw(found, ALL)
    assert "<script" not in drawing
    assert " onload=" not in drawing.replace("&quot;", "").replace("x onload=", "")
    ElementTree.fromstring(drawing)
    lines = "".join(dot.write(found, ALL))
    assert 'URL="javascript' not in lines
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", lines)
    assert not re.search(r"URL|script|onload|<b>", outside)
    marks = "".join(mermaid.write(found, ALL)).split("flowchart")[1]
    assert not re.search(r"<(?!br/>)|javascript:|[`*]", marks)
    assert "\x1b" not in text.draw(found, ALL, 80)


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz's dot")
@pytest.mark.parametrize("highlight", [None, "forward", "reverse"])
@pytest.mark.parametrize("program_text", TEXTS, ids=lambda t: t[:12])
def test_graphviz_takes_the_dot(program_text: str, highlight: str | None) -> None:
    for k, unroll in enumerate((True, False)):
        found = folded(run(program_text, unroll), 40)
        found.title = NASTY[(len(program_text) + k) % len(NASTY)]
        lines = "".join(dot.write(found, View(True, True, False, highlight)))
        done = subprocess.run(["dot", "-Tjson0"], input=lines, capture_output=True, text=True, check=True)
        drawn = json.loads(done.stdout)
        assert not done.stderr
        assert len(drawn["edges"]) == len(found.edges)
        assert {o["name"] for o in drawn["objects"] if "shape" in o} == {n.id for n in found.nodes}


MERMAID = """
import { JSDOM } from 'jsdom';
globalThis.window = new JSDOM('').window; globalThis.document = window.document;
const mermaid = (await import('mermaid')).default;
for (const text of JSON.parse(process.argv[1])) await mermaid.parse(text);
"""


def mermaid_home() -> str | None:
    """A folder from which node finds the packages mermaid and jsdom."""
    for folder in (os.environ.get("ADCLI_NODE_DIR"), str(ROOT)):
        if folder and shutil.which("node") and all((pathlib.Path(folder) / "node_modules" / p).exists() for p in ("mermaid", "jsdom")):
            return folder
    return None


@pytest.mark.skipif(mermaid_home() is None, reason="needs node, and `npm install mermaid jsdom` here or in ADCLI_NODE_DIR")
def test_mermaid_takes_the_text() -> None:
    texts = []
    for k, program_text in enumerate(TEXTS * 2):
        found = run(program_text, k < len(TEXTS)) if k % 3 else made(program_text)
        found.title = NASTY[k % len(NASTY)]
        if len(found.nodes) > 3:
            found.nodes[3].label = NASTY[(k + 3) % len(NASTY)]
        texts.append("".join(mermaid.write(found, View(True, True, False, "reverse" if k % 2 else None))))
    subprocess.run(["node", "--input-type=module", "-e", MERMAID, json.dumps(texts)], cwd=mermaid_home(), check=True)


# --- text ------------------------------------------------------------------------------------------------------------------------

CONNECTS = {"│": "UD", "─": "LR", "┘": "UL", "└": "UR", "┐": "DL", "┌": "DR", "┤": "UDL", "├": "UDR", "┴": "LRU", "┬": "LRD", "┼": "UDLR"}
STEP = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}
OPPOSITE = dict(zip("UDLR", "DURL", strict=True))


def traced(arrivals: list[str], departures: list[str], row: int, column: int) -> set[tuple[int, int]]:
    """The places where lines leave nodes that lead to an arrival; a line that goes down passes one that runs across."""
    found, seen, todo = set(), set(), [(row - 1, column, "U")]
    while todo:
        r, c, way = todo.pop()
        if (r, c, way) in seen:
            continue
        seen.add((r, c, way))
        if departures[r][c] == "▲":
            found.add((r, c))
            continue
        ends = CONNECTS[arrivals[r][c]]
        ways = [way] if way in "LR" and ends == "UD" else [e for e in ends if e != OPPOSITE[way] and e != "D"]
        todo += [(r + STEP[e][0], c + STEP[e][1], e) for e in ways]
    return found


def owner(lines: list[str], row: int, column: int, step: int) -> str:
    """The text inside the box at whose border a place is, from the side of the border."""
    r, texts = row + step, []
    while lines[r][column] not in "─═┄▼┬╤▽" or not lines[r][column]:
        left = max(lines[r].rfind(b, 0, column) for b in "│║┆")
        right = min(k for b in "│║┆" if (k := lines[r].find(b, column)) >= 0)
        texts.append(lines[r][left + 1 : right].strip())
        r += step
    return " ".join(texts if step > 0 else texts[::-1])


@pytest.mark.parametrize(
    "program_text",
    [BAYDIN, "a*b + c*d - a/d + b*c", "x*sin(x)*cos(x)/x - x", "(a + b)*(c + d)*(a + d)/(b - c)", "p*(q - r*(s - p*(q - s)))"],
)
def test_lines_lead_where_the_edges_go(program_text: str) -> None:
    found = made(program_text)
    forward = text.draw(found, View(), 200).splitlines()
    backward = text.draw(found, View(highlight="reverse"), 200).splitlines()
    wide = max(map(len, forward))
    forward, backward = [line.ljust(wide) for line in forward], [line.ljust(wide) for line in backward]
    drawn = []
    for r, line in enumerate(forward):
        for c in (k for k, sign in enumerate(line) if sign == "▼"):
            ((row, column),) = traced(forward, backward, r, c)
            drawn.append((owner(forward, row, column, -1), owner(forward, r, c, 1)))
    names = [f"{n.label} {View().lines(n)[0][1]}".strip() if View().lines(n) else n.label for n in found.nodes]
    assert sorted(drawn) == sorted((names[e.source], names[e.target]) for e in found.edges)


@pytest.mark.parametrize("notation", ["unicode", "ascii"])
@pytest.mark.parametrize("program_text", TEXTS, ids=lambda t: t[:12])
def test_text_keeps_its_width(program_text: str, notation: str) -> None:
    program = adcli.compile(program_text)
    words = [f"--at={n}={v}" for n, v in at(program).items()]
    done = invoke(["graph", program_text, *words, "--notation", notation, "--adjoints"])
    assert done.code == 0
    plain = done.out.replace("\u0304", "")
    drawn = plain.splitlines()[0].lstrip()[0] in "┌╔╭+"
    assert not drawn or max(map(len, plain.splitlines())) <= 80
    assert done.out.isascii() == (notation == "ascii")


# --- the command -----------------------------------------------------------------------------------------------------------------


def test_json_has_the_graph_and_grad() -> None:
    data = json.loads(invoke(["graph", BAYDIN, "--at", "x1=2,x2=5", "--adjoints", "--json"]).out)
    assert data["schema"] == "adcli/graph/1"
    assert data["gradient"] == json.loads(invoke(["grad", BAYDIN, "--at", "x1=2,x2=5", "--json"]).out)["gradient"]
    ids = [n["id"] for n in data["nodes"]]
    assert len(set(ids)) == len(ids)
    assert {e["from"] for e in data["edges"]} | {e["to"] for e in data["edges"]} == set(ids)
    assert [e["step"] for e in sorted(data["edges"], key=lambda e: e["step"])] == list(range(1, 10))


def test_numbers_that_are_not_finite_are_flagged() -> None:
    data = json.loads(invoke(["graph", "sqrt(x)*y", "--at", "x=0,y=0", "--adjoints", "--json"]).out)
    assert data["nodes"][0]["adjoint"] is None
    assert {"nodes[0].adjoint", "edges[0].partial"} <= {f.get("at") for f in data["flags"]}


@pytest.mark.parametrize(
    ("name", "begins"),
    [("g.svg", "<svg "), ("g.dot", "digraph {"), ("g.gv", "digraph {"), ("g.mmd", "flowchart LR"), ("g.json", "{"), ("g.txt", "┌──")],
)
def test_the_suffix_says_the_format(tmp_path: pathlib.Path, name: str, begins: str) -> None:
    assert invoke(["graph", BAYDIN, "-o", str(tmp_path / name)]).code == 0
    assert (tmp_path / name).read_text().lstrip().startswith(begins)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["x*y", "--adjoints", "--at", "x=1"], 2, "'y'"),
        (["x", "--to", "text", "--direction", "right"], 2, "--direction is for SVG, DOT and Mermaid"),
        (["x", "--json", "--highlight", "reverse"], 2, "--highlight is for drawings"),
        (["x", "--nodes", "0"], 2, "neither a positive number nor all"),
        (["x", "--wrt", "z"], 2, "no input 'z'"),
        (["x", "--of", "z"], 2, "no output 'z'"),
        (["x +", "--to", "svg"], 3, "a value is missing"),
        (["[x, x]", "--at", "x=1", "--adjoints"], 2, "is an array"),
        (["x", "-o", "/nowhere/at/all.svg"], 7, "cannot"),
    ],
)
def test_bad_input_is_told(words: list[str], code: int, says: str) -> None:
    done = invoke(["graph", *words])
    assert done.code == code
    assert says in done.err
    assert "help" in done.err
    assert not done.out


def test_strict_refuses_flags() -> None:
    assert invoke(["graph", "abs(x)", "--at", "x=0", "--adjoints", "--strict"]).code == 5


def test_from_python() -> None:
    shown = str(adcli.compile(BAYDIN).graph(x1=2, x2=5, adjoints=True))
    assert shown + "\n" == invoke(["graph", BAYDIN, "--at", "x1=2,x2=5", "--adjoints"]).out
    assert "=" not in str(adcli.compile(BAYDIN).graph(values=False))


@pytest.mark.parametrize("kind", ["dot", "mermaid", "svg"])
def test_ascii_in_every_format(kind: str) -> None:
    done = invoke(["graph", BAYDIN, "--at", "x1=2,x2=5", "--adjoints", "--to", kind, "--notation", "ascii"])
    assert done.code == 0
    assert re.sub("<title>.*</title>", "", done.out).isascii()


def test_digits_round_what_is_shown() -> None:
    done = invoke(["graph", "sin(x)", "--at", "x=1", "--digits", "6"])
    assert "v₁ = 0.841471" in done.out
