"""A graph in the language of Mermaid, which renders in Markdown on many sites.

    flowchart LR
      n1(["#215;"]):::is_operation

Every text stands between quotes, with all that is neither letter, digit nor blank as an entity code, so that nothing in it is syntax,
Markdown or HTML (Mermaid, "Flowcharts: special characters that break syntax").
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from adcli.report.graph.labels import View
from adcli.report.graph.model import CALL, CHOICE, CONSTANT, ENTRY, EXIT, FOLD, INPUT, OPERATION, OUTPUT, Edge, Graph, Node

SHAPES = {
    INPUT: ("[", "]"), CONSTANT: ("[", "]"), OPERATION: ("([", "])"), CALL: ("[[", "]]"), OUTPUT: ("{{", "}}"), ENTRY: ("(", ")"),
    EXIT: ("(", ")"), CHOICE: ("{", "}"), FOLD: ("[", "]"),
}  # fmt: skip
CLASSES = {
    INPUT: "fill:#dcebfa,stroke:#1f6fb5,color:#1b1f24",
    CONSTANT: "fill:#f0f1f3,stroke:#8a939e,color:#1b1f24,stroke-dasharray:3 2",
    OPERATION: "fill:#fff6dd,stroke:#b57f00,color:#1b1f24",
    CALL: "fill:#fff6dd,stroke:#b57f00,color:#1b1f24",
    OUTPUT: "fill:#dff3e4,stroke:#217a3c,color:#1b1f24,stroke-width:2px",
    ENTRY: "fill:#ffffff,stroke:#a7afb9,color:#1b1f24",
    EXIT: "fill:#ffffff,stroke:#a7afb9,color:#1b1f24",
    CHOICE: "fill:#f2e6fa,stroke:#7d3fa8,color:#1b1f24",
    FOLD: "fill:none,stroke:#8a939e,stroke-dasharray:1 3",
}
SWEEPS = {"forward": "#a3530a", "reverse": "#b3261e"}


def write(graph: Graph, view: View, direction: str = "right") -> Iterator[str]:
    """The lines of the document."""
    if graph.title:
        yield f"---\ntitle: {_yaml(graph.title)}\n---\n"
    yield f"flowchart {'LR' if direction == 'right' else 'TB'}\n"
    yield from _level(graph, view)
    active = []
    for k, edge in enumerate(graph.edges):
        yield _edge(graph, view, edge)
        if view.highlight and edge.active:
            active.append(k)
    used = {n.kind for n in graph.nodes}
    for kind, style in CLASSES.items():
        if kind in used:
            yield f"  classDef is_{kind} {style}\n"
    if active:
        yield f"  linkStyle {','.join(map(str, active))} stroke:{SWEEPS[view.highlight or '']},stroke-width:2px\n"


def _level(graph: Graph, view: View) -> Iterator[str]:
    """The nodes, those in boxes inside a subgraph each."""
    for what, item in graph.outline():
        if isinstance(item, Node):
            before, after = SHAPES[item.kind]
            label = "<br/>".join(escaped(text) for text in (view.label(item.label), *(text for _, text in view.lines(item))))
            yield f'  {_id(item.id)}{before}"{label}"{after}:::is_{item.kind}\n'
        elif what == "begin":
            yield f'  subgraph {_id(item.id)}["{escaped(view.label(item.label))}"]\n'
        else:
            yield "  end\n"


def _edge(graph: Graph, view: View, edge: Edge) -> str:
    """A link; that of a reverse sweep has its arrow at the source, which Mermaid draws on a link turned round."""
    found = view.edge(edge)
    label = f'|"{escaped(found[1])}"|' if found else ""
    ends = _id(graph.nodes[edge.source].id), _id(graph.nodes[edge.target].id)
    if view.highlight == "reverse" and edge.active:
        ends = ends[1], ends[0]
    return f"  {ends[0]} {'-.->' if edge.carried else '-->'}{label} {ends[1]}\n"


def _id(text: str) -> str:
    return text.replace("-", "_")


def escaped(text: str) -> str:
    """Letters, digits and blanks, and entity codes for the rest."""
    return "".join(c if c.isalnum() or c == " " else f"#{ord(c) if c.isprintable() else 0xFFFD};" for c in text)


def _yaml(text: str) -> str:
    """A quoted string of YAML, whose escapes are those of JSON."""
    return json.dumps(text).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
