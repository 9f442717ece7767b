"""The levels of a graph: what stands inside each box, and on which level each edge is drawn.

A level is named by its box; None is the whole. On a level stand its nodes, and its inner boxes as one item each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from adcli.report.graph.layout import Wishes
from adcli.report.graph.model import CONSTANT, ENTRY, EXIT, Edge, Graph

# A node, or (a box, True).
Item: TypeAlias = "tuple[int, bool]"


class Levels:
    """nodes, inner, edges: positions by level; boxes that stand apart are on no level."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.nodes: dict[int | None, list[int]] = {}
        self.inner: dict[int | None, list[int]] = {}
        self.edges: dict[int | None, list[int]] = {}
        for k, node in enumerate(graph.nodes):
            self.nodes.setdefault(node.box, []).append(k)
        for b, box in enumerate(graph.boxes):
            if not box.apart:
                self.inner.setdefault(box.parent, []).append(b)
        for k, edge in enumerate(graph.edges):
            if not edge.carried:
                self.edges.setdefault(self.common(edge), []).append(k)
        self._first = {b: min(self.nodes.get(b, [0])) for b in range(len(graph.boxes))}

    def common(self, edge: Edge) -> int | None:
        """The level on which an edge is drawn: the innermost that holds both ends."""
        a, b = self.graph.nodes[edge.source].box, self.graph.nodes[edge.target].box
        if a == b:
            return a
        around = set(self.around(a))
        return next(box for box in self.around(b) if box in around)

    def around(self, box: int | None) -> list[int | None]:
        """The box and the boxes around it, inner first; None at the end."""
        found: list[int | None] = [box]
        while box is not None:
            box = self.graph.boxes[box].parent
            found.append(box)
        return found

    def item(self, node: int, level: int | None) -> Item:
        """What stands for a node on a level."""
        box = self.graph.nodes[node].box
        if box == level:
            return node, False
        for around in self.around(box):
            assert around is not None
            if self.graph.boxes[around].parent == level:
                return around, True
        raise AssertionError("the node is not on the level")

    def items(self, level: int | None) -> list[Item]:
        """The items of a level in the order of evaluation."""
        found = [(n, False) for n in self.nodes.get(level, [])] + [(b, True) for b in self.inner.get(level, [])]
        return sorted(found, key=lambda i: self._first[i[0]] if i[1] else i[0])


def rank(edge: Edge, target: Item) -> float:
    """Where an argument wants to arrive among the others, from -1/2 to 1/2; 0 where the order does not matter."""
    return 0.0 if target[1] or not (edge.ordered or edge.label) else (edge.position + 1) / (edge.position + 2) - 0.5


def wishes(levels: Levels, level: int | None, items: Sequence[Item], breadths: Sequence[float], gap: float, thin: float) -> Wishes:
    """What the items of a level need: values enter a box in its first layer and leave it in its last, constants stand before their use."""
    kinds = [None if box else levels.graph.nodes[i].kind for i, box in items]

    def those(kind: str) -> frozenset[int]:
        return frozenset(k for k, found in enumerate(kinds) if found == kind)

    first = those(ENTRY) if level is not None else frozenset()
    return Wishes(breadths, gap, thin, first, those(EXIT), those(CONSTANT))
