"""The numbers of a recorded run put into the graph of the program: of a statement that runs often, those of the first and the last time."""

from __future__ import annotations

from collections.abc import Mapping

from adcli.ir.nodes import Var
from adcli.report.graph.model import CHOICE, ENTRY, EXIT, INPUT, OUTPUT, Graph
from adcli.report.trace import Trace, zero_like


def add(graph: Graph, places: Mapping[Var, int], trace: Trace, adjoints: bool, tangents: bool) -> None:
    """Add the values of a run and, if asked for, its adjoints and tangents."""
    numbers = _Numbers(graph, places, trace)
    numbers.values()
    if tangents:
        numbers.tangents()
    if adjoints:
        numbers.adjoints()
    numbers.pass_on()


class _Numbers:
    """steps: for each node the recorded nodes of its statement, in the order in which they ran."""

    def __init__(self, graph: Graph, places: Mapping[Var, int], trace: Trace) -> None:
        self.graph, self.trace, self.recording = graph, trace, trace.recording
        by_out: dict[Var, list[int]] = {}
        for k, let in enumerate(self.recording.lets):
            if let is not None:
                by_out.setdefault(let.out, []).append(k)
        self.steps = {place: by_out.get(out, []) for out, place in places.items() if out.type.elem == "real"}
        inputs = [k for k, n in enumerate(graph.nodes) if n.kind == INPUT]
        self.steps |= {place: [k] for k, place in enumerate(inputs)}

    def values(self) -> None:
        for place, found in self.steps.items():
            node = self.graph.nodes[place]
            node.runs = len(found)
            if found:
                node.value, node.first = self.recording.values[found[-1]], self.recording.values[found[0]]
            if len(found) == 1:
                node.number, node.recorded = self.recording.number(found[0]), found[0]
        outputs = [n for n in self.graph.nodes if n.kind == OUTPUT]
        for node, (_, ref) in zip(outputs, self.recording.outputs, strict=False):
            node.value = self.recording.value(ref)

    def tangents(self) -> None:
        """Of the last time."""
        self.graph.seeds = [dict(seed) for seed in self.trace.seeds]
        for all_ in self.trace.tangents:
            for place, found in self.steps.items():
                if found:
                    tangent = all_[found[-1]]
                    node = self.graph.nodes[place]
                    node.tangents += (zero_like(node.value) if tangent is None else tangent,)

    def adjoints(self) -> None:
        bars = {k: zero_like(self.recording.values[k]) for k in self.trace.inputs}
        once = {found[0]: place for place, found in self.steps.items() if len(found) == 1}
        edges = {(e.target, e.position): e for e in self.graph.edges if not e.carried}
        for a in self.trace.adjoints():
            bars[a.node] = a.running
            edge = edges.get((once[a.source], a.position)) if a.source in once else None
            if edge is not None:
                edge.adjoint, edge.partial, edge.step = a.increment, a.partial, a.step
        for place, found in self.steps.items():
            if found:
                self.graph.nodes[place].adjoint = bars.get(found[-1])
                self.graph.nodes[place].first_adjoint = bars.get(found[0])

    def pass_on(self) -> None:
        """A value that leaves a box is that of the node it comes from, and what enters a box without being carried is known outside it."""
        carried = {e.target for e in self.graph.edges if e.carried}
        for e in self.graph.edges:
            source, target = self.graph.nodes[e.source], self.graph.nodes[e.target]
            if target.kind == EXIT or (target.kind == ENTRY and e.target not in carried):
                target.value, target.first, target.runs = source.value, source.first, source.runs
            elif target.kind == CHOICE and e.label in ("then", "else") and source.runs == 0:
                e.smooth = False
