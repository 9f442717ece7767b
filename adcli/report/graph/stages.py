"""Several graphs in one picture, each in a box of its own: a program as it is written, and simplified."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adcli.report.graph.model import Box, Graph


def joined(stages: Sequence[tuple[str, Graph]]) -> Graph:
    """The graphs with a box around each, called by its label and by how many operations there are."""
    made = Graph(seeds=stages[0][1].seeds)
    for k, (label, graph) in enumerate(stages):
        many, mark = graph.operations(), "abcdefgh"[k]
        around, start, first = len(made.boxes), len(made.nodes), len(made.boxes) + 1
        made.boxes.append(Box(f"stage-{mark}", "stage", f"{label}: {many} operation{'' if many == 1 else 's'}", apart=True))
        for box in graph.boxes:
            parent = around if box.parent is None else box.parent + first
            made.boxes.append(replace(box, id=f"{mark}-{box.id}", parent=parent))
        for node in graph.nodes:
            made.nodes.append(replace(node, id=f"{mark}-{node.id}", box=around if node.box is None else node.box + first))
        made.edges += [replace(e, source=e.source + start, target=e.target + start) for e in graph.edges]
    return made
