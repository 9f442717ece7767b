"""A graph as records for JSON; numbers and arrays stay as they are, and what a node or an edge does not have is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adcli.report.graph.model import CONSTANT, Box, Edge, Graph, Node

NUMBERS = ("value", "first", "adjoint", "partial", "tangents")


def nodes(graph: Graph) -> Iterator[dict[str, Any]]:
    for node in graph.nodes:
        yield _present(_node(graph, node))


def _node(graph: Graph, n: Node) -> dict[str, Any]:
    return {
        "id": n.id, "kind": n.kind, "label": n.label, "op": n.op or None, "name": n.name or None, "v": n.number, "line": n.line,
        "iteration": list(n.iteration) or None, "formula": n.formula or None, "box": None if n.box is None else graph.boxes[n.box].id,
        "value": n.value, "first": n.first if (n.runs or 0) > 1 else None, "runs": n.runs, "tangents": list(n.tangents) or None,
        "adjoint": n.adjoint, "count": n.count or None,
    }  # fmt: skip


def edges(graph: Graph) -> Iterator[dict[str, Any]]:
    for e in graph.edges:
        yield _present(_edge(graph, e))


def _edge(graph: Graph, e: Edge) -> dict[str, Any]:
    source, target = graph.nodes[e.source], graph.nodes[e.target]
    flows = source.kind != CONSTANT and any(t is not None for t in e.tangents)
    return {
        "from": source.id, "to": target.id, "position": e.position, "label": e.label or None, "carried": e.carried or None,
        "active": e.active, "partial": e.partial, "tangents": list(e.tangents) if flows else None, "adjoint": e.adjoint, "step": e.step,
    }  # fmt: skip


def boxes(graph: Graph) -> Iterator[dict[str, Any]]:
    for b in graph.boxes:
        yield _present(_box(graph, b))


def _box(graph: Graph, b: Box) -> dict[str, Any]:
    parent = None if b.parent is None else graph.boxes[b.parent].id
    return {"id": b.id, "kind": b.kind, "label": b.label, "line": b.line, "parent": parent}


def _present(data: dict[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in data.items() if item is not None}
