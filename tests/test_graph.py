"""Computational graphs: their numbers are those of `grad`, their pictures are well-formed and say what they should."""

from __future__ import annotations

import pathlib
import re
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

import adcli
from adcli.api.trace import trace
from adcli.report.graph import Graph, Node, View, recorded, svg

ROOT = pathlib.Path(__file__).parent.parent
SVG = "{http://www.w3.org/2000/svg}"
BAYDIN = "ln(x1)+x1*x2-sin(x2)"
POINT = {"x1": 2, "x2": 5}
ALL = View(values=True, adjoints=True)


def run(text: str, at: dict[str, Any] | None = None) -> Graph:
    """The flat graph of a run."""
    return recorded.graph(trace(adcli.compile(text), at or {})[0])


def node(graph: Graph, label: str) -> Node:
    """The only node with that label."""
    (found,) = [n for n in graph.nodes if n.label == label]
    return found


def sample(name: str) -> str:
    return (ROOT / "samples" / f"{name}.adl").read_text()


@pytest.mark.parametrize("text", [BAYDIN, sample("newton_sqrt"), sample("tax"), "x1*x1*x2", "x1^2 + abs(x2)", "x1"])
def test_the_numbers_are_those_of_grad(text: str) -> None:
    program = adcli.compile(text)
    at = {i.name: POINT[i.name] for i in program.inputs if i.default is None}
    graph, value = run(text, at), program.value(at)
    gradient = program.gradient(at)
    for k, n in enumerate(graph.nodes):
        if n.kind == "input":
            assert n.adjoint == gradient[n.name]
            flows = [e.adjoint for e in graph.edges if e.source == k and e.adjoint is not None]
            assert sum(flows) == pytest.approx(gradient[n.name], rel=1e-14, abs=1e-300)
        if n.kind == "output":
            assert n.value == value


def test_kinds_are_told_apart() -> None:
    graph = run("2*x + zeros(2)[0]", {"x": 3})
    assert [(n.kind, n.label) for n in graph.nodes] == [
        ("input", "x"), ("constant", "2"), ("operation", "×"), ("constant", "zeros(2)"), ("operation", "[0]"), ("operation", "+"),
        ("output", "value"),
    ]  # fmt: skip


def test_the_picture_is_well_formed_and_can_be_pointed_at() -> None:
    graph = run(BAYDIN, POINT)
    root = ElementTree.fromstring(svg.draw(graph, ALL))
    nodes = {g.get("id"): g for g in root.iter(f"{SVG}g") if (g.get("class") or "").startswith("node")}
    assert set(nodes) == {n.id for n in graph.nodes}
    assert nodes["n-1"].get("data-node") == "0"
    assert nodes["n-1"].get("class") == "node input"
    assert "v̄₋₁ = 5.5" in "".join(nodes["n-1"].itertext())
    edges = [g for g in root.iter(f"{SVG}g") if g.get("class") == "edge"]
    found = {(g.get("data-from"), g.get("data-to"), g.get("data-position")) for g in edges}
    assert found == {(graph.nodes[e.source].id, graph.nodes[e.target].id, str(e.position)) for e in graph.edges}


@pytest.mark.parametrize("direction", ["right", "down"])
@pytest.mark.parametrize("text", [BAYDIN, sample("newton_sqrt"), sample("lstm")])
def test_nodes_do_not_overlap_and_edges_go_on(text: str, direction: str) -> None:
    drawing = svg.draw(run(text, POINT if text == BAYDIN else {}), ALL, direction=direction)
    boxes = []
    for g in ElementTree.fromstring(drawing).iter(f"{SVG}g"):
        texts = g.findall(f"{SVG}text")
        if (g.get("class") or "").startswith("node"):
            boxes.append((float(texts[0].get("x") or 0), float(texts[0].get("y") or 0)))
    assert len(boxes) == len(set(boxes))
    for k, (x, y) in enumerate(boxes):
        assert not [1 for u, v in boxes[k + 1 :] if abs(x - u) < 34 and abs(y - v) < 34]
    axis = 0 if direction == "right" else 1
    for path in re.findall(r'<path d="(M[^"]*)" marker-end', drawing):
        numbers = [float(n) for n in re.findall(r"-?[0-9.]+", path)]
        steps = numbers[axis::2]
        assert all(a <= b + 1e-9 for a, b in pairwise(steps)), path
