"""The graph of one run, flat, from its trace: the numbers are those of the trace, and so of `grad`.

Constants have no row in a trace; here each use has a node of its own. An operation on constants alone, such as zeros(2), is a constant.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adcli.report.graph import symbols
from adcli.report.graph.model import CONSTANT, INPUT, OPERATION, OUTPUT, Edge, Graph, Node
from adcli.report.notation import UNICODE, Writer
from adcli.report.numbers import exact_number
from adcli.report.sweep import Adjoint
from adcli.report.trace import Trace, zero_like

# Longer texts in a node are cut.
LABEL = 24


def graph(trace: Trace, adjoints: bool = True, tangents: bool = False) -> Graph:
    """The graph of a trace. adjoints: of the trace's output; tangents: along each of its seeds."""
    made = _Recorded(trace)
    for node in range(len(trace.recording)):
        made.node(node)
    for k in range(len(trace.recording.outputs)):
        made.output(k)
    if tangents:
        made.tangents()
    if adjoints:
        made.adjoints()
    return made.graph


class _Recorded:
    """places: where each node of the recording stands; edges: by target's position and argument."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.recording = trace.recording
        self.graph = Graph()
        self.places: list[int] = []
        self.outputs: list[int] = []
        self.edges: dict[tuple[int, int], Edge] = {}
        self.writer = Writer(UNICODE, exact_number)

    def node(self, k: int) -> None:
        r, let = self.recording, self.recording.lets[k]
        number = r.number(k)
        made = Node(
            f"n{number}", INPUT, r.names[k], "input", r.names[k], number, k, self.trace.place(k), r.iterations[k], r.values[k],
        )  # fmt: skip
        if let is None:
            self.places.append(self.graph.add(made))
            return
        refs, made.kind, made.op = r.args(k), OPERATION, self.trace.op(k)
        made.formula = self.writer.text(self.trace.row(k).formula)
        if all(ref < 0 for ref in refs):
            made.kind, made.label, refs = CONSTANT, cut(made.formula), ()
        else:
            first = symbols.trailing(let)
            static = first is not None and all(ref < 0 for ref in refs[first:])
            made.label = symbols.symbol(let, [r.value(ref) for ref in refs[first:]] if static else ())
            refs = refs[:first] if static else refs
        sources = [self.places[ref] if ref >= 0 else self.constant(k, j) for j, ref in enumerate(refs)]
        self.places.append(self.graph.add(made))
        ordered = symbols.ordered(let)
        smooth = self.trace.derivatives.positions(let)
        for j, source in enumerate(sources):
            self.edge(Edge(source, self.places[k], j, ordered=ordered and len(sources) > 1, smooth=j in smooth))

    def constant(self, k: int, j: int) -> int:
        """A node for the constant that is argument j of node k."""
        value = self.recording.value(self.recording.args(k)[j])
        number = self.recording.number(k)
        line, iteration = self.trace.place(k), self.recording.iterations[k]
        label = cut(self.writer.number(value))
        return self.graph.add(Node(f"c{number}-{j}", CONSTANT, label, value=value, line=line, iteration=iteration))

    def output(self, k: int) -> None:
        name, ref = self.recording.outputs[k]
        value = self.recording.value(ref)
        source = self.places[ref] if ref >= 0 else None
        if source is None:
            source = self.graph.add(Node(f"c-output{k + 1}", CONSTANT, cut(self.writer.number(value)), value=value))
        place = self.graph.add(Node(f"output{k + 1}", OUTPUT, name, "output", name, value=value))
        self.outputs.append(place)
        self.edge(Edge(source, place))

    def edge(self, edge: Edge) -> None:
        self.graph.edges.append(edge)
        self.edges[edge.target, edge.position] = edge

    def tangents(self) -> None:
        """Tangents on the nodes, and what each argument adds to them on the edges."""
        trace, nodes = self.trace, self.graph.nodes
        self.graph.seeds = [dict(seed) for seed in trace.seeds]
        for all_ in trace.tangents:
            for k, found in enumerate(all_):
                tangent = zero_like(self.recording.values[k]) if found is None else found
                nodes[self.places[k]].tangents += (tangent,)
        for edge in self.graph.edges:
            if nodes[edge.target].kind == OUTPUT:
                edge.tangents = nodes[edge.target].tangents = nodes[edge.source].tangents
        for k, j, partial in self.partials():
            edge = self.edges[self.places[k], j]
            moving = nodes[edge.source].tangents
            edge.partial = partial
            edge.tangents = tuple(None if partial is None else partial * t for t in moving)

    def partials(self) -> Iterator[tuple[int, int, Any]]:
        """(node, argument, partial derivative) where these are numbers."""
        trace, derivatives = self.trace, self.trace.derivatives
        for k in range(len(self.recording.inputs), len(self.recording)):
            if not trace.varied[k]:
                continue
            local, args = derivatives.local(k, trace.varied)
            if local.scalar:
                for j, partial in zip(local.moving, local.partials(args, self.recording.values[k]), strict=True):
                    yield k, j, partial

    def adjoints(self) -> None:
        """Adjoints on the nodes, and the increments they consist of on the edges."""
        trace, nodes = self.trace, self.graph.nodes
        for k in trace.inputs:
            nodes[self.places[k]].adjoint = zero_like(self.recording.values[k])
        for a in trace.adjoints():
            nodes[self.places[a.node]].adjoint = a.running
            edge = self.edge_of(a)
            edge.adjoint, edge.partial, edge.step = a.increment, a.partial, a.step

    def edge_of(self, a: Adjoint) -> Edge:
        """The edge along which an increment flows; the seed comes from the output."""
        if a.source is not None:
            return self.edges[self.places[a.source], a.position]
        place = self.outputs[self.trace.output]
        self.graph.nodes[place].adjoint = a.increment
        return self.edges[place, 0]


def cut(text: str) -> str:
    """A text short enough for a node."""
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"
