r"""A graph in the language of Graphviz.

    digraph { rankdir=LR; "n1" [label="×\nv₁ = 10"]; "n-1" -> "n1"; }

Every text is a quoted string, so that no label can be HTML or end its statement. In these strings a backslash begins an escape, and
entities are read (Graphviz, "The DOT Language" and "escString").
"""

from __future__ import annotations

from collections.abc import Iterator

from adcli.report.graph.labels import View
from adcli.report.graph.model import CALL, CHOICE, CONSTANT, ENTRY, EXIT, FOLD, INPUT, OPERATION, OUTPUT, Edge, Graph, Node

STYLES = {
    INPUT: 'shape=box, style=filled, fillcolor="#dcebfa", color="#1f6fb5"',
    CONSTANT: 'shape=box, style="filled,dashed", fillcolor="#f0f1f3", color="#8a939e"',
    OPERATION: 'shape=ellipse, style=filled, fillcolor="#fff6dd", color="#b57f00"',
    CALL: 'shape=ellipse, style=filled, fillcolor="#fff6dd", color="#b57f00", peripheries=2',
    OUTPUT: 'shape=octagon, style=filled, fillcolor="#dff3e4", color="#217a3c", penwidth=2',
    ENTRY: 'shape=box, style="rounded,filled", fillcolor="#ffffff", color="#a7afb9"',
    EXIT: 'shape=box, style="rounded,filled", fillcolor="#ffffff", color="#a7afb9"',
    CHOICE: 'shape=diamond, style=filled, fillcolor="#f2e6fa", color="#7d3fa8"',
    FOLD: 'shape=box, style=dotted, color="#8a939e"',
}
SWEEPS = {"forward": '"#a3530a"', "reverse": '"#b3261e"'}
_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "&": "&amp;"})


def write(graph: Graph, view: View, direction: str = "right") -> Iterator[str]:
    """The lines of the document."""
    yield "digraph {\n"
    yield f"  rankdir={'LR' if direction == 'right' else 'TB'};\n"
    if graph.title:
        yield f"  label={quoted(graph.title)}; labelloc=t;\n"
    yield f"  node [fontname=Helvetica, fontsize=12, {STYLES[OPERATION]}]; edge [fontname=Helvetica, fontsize=10];\n"
    yield from _level(graph, view)
    for edge in graph.edges:
        yield _edge(graph, view, edge)
    yield "}\n"


def _level(graph: Graph, view: View) -> Iterator[str]:
    """The nodes, those in boxes inside a cluster each."""
    for what, item in graph.outline():
        if isinstance(item, Node):
            yield _node(item, view)
        elif what == "begin":
            yield f"  subgraph {quoted('cluster_' + item.id)} {{ label={quoted(view.label(item.label))}; style=dashed;\n"
        else:
            yield "  }\n"


def _node(node: Node, view: View) -> str:
    label = "\\n".join(escaped(text) for text in (view.label(node.label), *(text for _, text in view.lines(node))))
    style = "" if node.kind == OPERATION else f", {STYLES[node.kind]}"  # most nodes are operations, which are the default
    return f'  {quoted(node.id)} [label="{label}"{style}];\n'


def _edge(graph: Graph, view: View, edge: Edge) -> str:
    found = view.edge(edge)
    settings = [f"label={quoted(found[1])}"] if found else []
    if edge.carried:
        settings += ["style=dashed", "constraint=false"]
    if view.highlight and edge.active:
        settings.append(f"color={SWEEPS[view.highlight]}")
        if view.highlight == "reverse":
            settings.append("dir=back")
    elif view.highlight:
        settings.append('color="#c5cad1"')
    text = f" [{', '.join(settings)}]" if settings else ""
    return f"  {quoted(graph.nodes[edge.source].id)} -> {quoted(graph.nodes[edge.target].id)}{text};\n"


def quoted(text: str) -> str:
    return f'"{escaped(text)}"'


def escaped(text: str) -> str:
    """The inside of a quoted string; characters that no text should have become U+FFFD."""
    clean = "".join(c if c.isprintable() else "\ufffd" for c in text)
    return clean.translate(_ESCAPED)
