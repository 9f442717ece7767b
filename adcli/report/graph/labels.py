"""The words of a picture: the lines below a node, what stands at an edge, what a node says when it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adcli.report.formula import Ref
from adcli.report.graph.model import CONSTANT, ENTRY, EXIT, FOLD, INPUT, OPERATION, OUTPUT, Edge, Graph, Node
from adcli.report.grid import width
from adcli.report.notation import ASCII, UNICODE, Writer
from adcli.report.numbers import table_number

# Longer texts of arrays below a node are left out.
ROOM = 28


@dataclass(frozen=True, slots=True)
class View:
    """What is shown of a graph. highlight: "forward", "reverse" or None; writer: the notation and how numbers are written."""

    values: bool = False
    adjoints: bool = False
    tangents: bool = False
    highlight: str | None = None
    writer: Writer = Writer(UNICODE, table_number)  # noqa: RUF009

    def label(self, text: str) -> str:
        """What is written in a node or over a box, in the notation."""
        return plain(text) if self.writer.notation.name == "ascii" else text

    def lines(self, node: Node) -> list[tuple[str, str]]:
        """(role, text) of each line below a node; "name" is the role of a line without a number."""
        if node.kind in (ENTRY, EXIT):
            return []
        found = list(self._lines(node))
        return found or ([("name", text)] if (text := self._name(node)) else [])

    def _lines(self, node: Node) -> Iterator[tuple[str, str]]:
        if self.values and node.value is not None and not (node.kind == CONSTANT and node.number is None):
            yield "value", f"{self._name(node)} = {self.run(node.first, node.value, node.runs)}".lstrip()
        if self.tangents and node.kind != OUTPUT:
            for k, tangent in enumerate(node.tangents):
                mark = self._ref("dot", node) + (f"[{k + 1}]" if len(node.tangents) > 1 else "")
                if tangent is not None:
                    yield "tangent", f"{mark} = {self.number(tangent)}"
        if self.adjoints and node.adjoint is not None and node.kind != OUTPUT:
            yield "adjoint", f"{self._ref('bar', node)} = {self.run(node.first_adjoint, node.adjoint, node.runs)}"

    def run(self, first: Any, last: Any, runs: int | None) -> str:
        """A number, and for a statement of a loop the first and the last."""
        text = self.number(last)
        if first is None or (runs or 0) < 2:
            return text
        before = self.number(first)
        both = f"{before} {self.writer.notation.dots} {text}"
        return text if before == text or (width(both) > ROOM and hasattr(last, "shape")) else both

    def number(self, value: Any) -> str:
        """A number, or an array; of one that takes too much room its shape."""
        text = self.writer.number(value)
        shape = getattr(value, "shape", ())
        return text if not shape or width(text) <= ROOM else f"array {'×'.join(map(str, shape))}"

    def _name(self, node: Node) -> str:
        if node.kind in (OUTPUT, FOLD):
            return node.name if node.kind == FOLD else ""
        number = "" if node.number is None else self.writer.notation.ref(Ref("v", node.number))
        if node.kind in (OPERATION, CONSTANT) and node.name:
            return f"{node.name} = {number}" if number else node.name
        return number

    def short(self, node: Node) -> str:
        """What a node is called where there is little room."""
        if node.kind != INPUT and node.number is not None:
            return self.writer.notation.ref(Ref("v", node.number))
        return node.name or node.label

    def _ref(self, kind: str, node: Node) -> str:
        if node.number is not None:
            return self.writer.notation.ref(Ref(kind, node.number))
        mark = {"dot": "\u0307", "bar": "\u0304"}[kind] if self.writer.notation.name == "unicode" else f"_{kind}"
        name = node.name or ("v" if node.kind != INPUT else node.label)
        return (name[:1] + mark + name[1:] if mark.startswith(("\u0307", "\u0304")) else name + mark) if name.isidentifier() else f"v{mark}"

    def edge(self, edge: Edge) -> tuple[str, str] | None:
        """(role, text) at an edge: what flows along it, or what a choice does with it."""
        if edge.label:
            return "name", edge.label
        if self.adjoints and edge.adjoint is not None:
            return "adjoint", self.number(edge.adjoint)
        if self.tangents and len(edge.tangents) == 1 and edge.tangents[0] is not None:
            return "tangent", self.number(edge.tangents[0])
        return None

    def tooltip(self, graph: Graph, node: Node) -> str:
        """A line or two on a node: its formula, where it comes from, its numbers."""
        what = f"{node.name} = {node.formula}" if node.formula and node.name else node.formula or node.name or node.label
        parts = [{INPUT: "input ", OUTPUT: "output ", ENTRY: "enters: "}.get(node.kind, "") + what]
        if node.kind == FOLD:
            parts = [node.label]
        if node.line:
            parts.append(f"line {node.line}" + (f", iteration {', '.join(map(str, node.iteration))}" if node.iteration else ""))
        if self.values or node.recorded is not None:
            parts += [f"{role} {self.writer.number(n)}" for role, n in (("value", node.value), ("adjoint", node.adjoint)) if n is not None]
            parts += [f"tangent {self.writer.number(t)}" for t in node.tangents if t is not None]
        return "; ".join(parts)


def described(graph: Graph, view: View) -> str:
    """The graph in a sentence, for those who cannot see the picture."""
    writer = Writer(ASCII, view.writer.format)
    inputs = [_equation(n, writer, view) for n in graph.nodes if n.kind == INPUT]
    outputs = [_equation(n, writer, view) for n in graph.nodes if n.kind == OUTPUT]
    many = graph.operations()
    return (
        f"Computational graph from {_listed('input', inputs)} to {_listed('output', outputs)}"
        f" through {many} operation{'' if many == 1 else 's'}."
    )


def _equation(node: Node, writer: Writer, view: View) -> str:
    return f"{node.label} = {writer.number(node.value)}" if view.values and node.value is not None else node.label


def _listed(what: str, items: list[str]) -> str:
    shown = items if len(items) <= 6 else [*items[:5], f"{len(items) - 5} more"]
    return f"{what}{'' if len(items) == 1 else 's'} {', '.join(shown)}" if items else f"no {what}s"


_PLAIN = str.maketrans({"×": "*", "−": "-", "√": "sqrt", "≤": "<=", "≥": ">=", "≠": "!=", "…": "...", "·": "."})


def visible(text: str) -> str:
    """The text without what would move a terminal's cursor or turn its lines round."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def plain(text: str) -> str:
    """The text in ASCII."""
    return visible(text.translate(_PLAIN)).encode("ascii", "replace").decode()
