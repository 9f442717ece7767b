"""A graph with boxes placed: each box is laid out by itself, the inner ones first, and stands in the layout around it as one item.

Two directions are told apart: `along` a layer, and `across` from layer to layer. A picture that runs to the right has its layers upright.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from adcli.report.graph.layout import Layout, Link, Wishes, arrange
from adcli.report.graph.model import CONSTANT, ENTRY, EXIT, Edge, Graph


class Size(NamedTuple):
    """What a node takes along and across, and where its edges meet it, along, from its centre."""

    along: float
    across: float
    port: float = 0.0


@dataclass(frozen=True, slots=True)
class Spaces:
    """Distances. between: of items along a layer; layers: of layers, if no label of an edge needs more; box: the border within a box, with
    `head` more for its title at the beginning along; thin: what an edge takes that passes a layer."""

    between: float
    layers: float
    box: float
    head: float
    thin: float


@dataclass(slots=True)
class Area:
    """The place of a box: its corner with the least coordinates, and its size."""

    along: float = 0.0
    across: float = 0.0
    size: Size = field(default_factory=lambda: Size(0, 0))


@dataclass(slots=True)
class Placed:
    """centres: (along, across) of each node; areas: of each box; ways: of each edge the points between its ends; size: of all of it.

    A way's points come in pairs, where the edge enters and leaves a layer; `cells` are the breadths across of the nodes' layers.
    """

    centres: list[tuple[float, float]]
    areas: list[Area]
    ways: list[list[tuple[float, float]]]
    size: tuple[float, float]
    cells: list[tuple[float, float]]


def place(graph: Graph, sizes: Sequence[Size], spaces: Spaces, room: Callable[[Edge], float]) -> Placed:
    """Place a graph; `room` says how much an edge needs between two layers."""
    work = _Placing(graph, sizes, spaces, room)
    for box in reversed(range(len(graph.boxes))):
        work.level(box)
    work.level(None)
    return work.finished()


class _Placing:
    """Levels are keyed by their box, None is the whole; coordinates are relative to the level until all are done."""

    def __init__(self, graph: Graph, sizes: Sequence[Size], spaces: Spaces, room: Callable[[Edge], float]) -> None:
        self.graph, self.sizes, self.spaces, self.room = graph, sizes, spaces, room
        self.nodes: dict[int | None, list[int]] = {}
        self.inner: dict[int | None, list[int]] = {}
        self.edges: dict[int | None, list[int]] = {}
        for k, node in enumerate(graph.nodes):
            self.nodes.setdefault(node.box, []).append(k)
        for b, box in enumerate(graph.boxes):
            self.inner.setdefault(box.parent, []).append(b)
        self.first_node = {b: min(self.nodes.get(b, [0])) for b in range(len(graph.boxes))}
        for k, edge in enumerate(graph.edges):
            if not edge.carried:
                self.edges.setdefault(self.common(edge), []).append(k)
        self.centres: list[tuple[float, float]] = [(0.0, 0.0)] * len(graph.nodes)
        self.cells: list[tuple[float, float]] = [(0.0, 0.0)] * len(graph.nodes)
        self.areas = [Area() for _ in graph.boxes]
        self.ways: list[list[tuple[float, float]]] = [[] for _ in graph.edges]
        self.size = (0.0, 0.0)

    def common(self, edge: Edge) -> int | None:
        """The level on which an edge is drawn: the innermost that holds both ends."""
        a, b = self.graph.nodes[edge.source].box, self.graph.nodes[edge.target].box
        around = set(self.around(a))
        return next(box for box in self.around(b) if box in around)

    def around(self, box: int | None) -> list[int | None]:
        """The box and the boxes around it, inner first; None at the end."""
        found: list[int | None] = [box]
        while box is not None:
            box = self.graph.boxes[box].parent
            found.append(box)
        return found

    def item(self, node: int, level: int | None) -> tuple[int, bool]:
        """What stands for a node on a level: itself, or (a box, True)."""
        box = self.graph.nodes[node].box
        if box == level:
            return node, False
        while self.graph.boxes[box].parent != level:  # type: ignore[index]
            box = self.graph.boxes[box].parent  # type: ignore[index]
        return box, True  # type: ignore[return-value]

    def level(self, level: int | None) -> None:
        """Lay out one level, whose inner boxes are laid out already."""
        nodes, boxes = self.nodes.get(level, []), self.inner.get(level, [])
        items = sorted([(n, False) for n in nodes] + [(b, True) for b in boxes], key=lambda i: self.first_node[i[0]] if i[1] else i[0])
        at = {item: k for k, item in enumerate(items)}
        sizes = [self.areas[i].size if box else self.sizes[i] for i, box in items]
        links = [self.link(k, level, at, sizes) for k in self.edges.get(level, [])]
        layout = arrange(self.wishes(items, sizes, level), links)
        self.put(level, items, sizes, layout, links)

    def wishes(self, items: Sequence[tuple[int, bool]], sizes: Sequence[Size], level: int | None) -> Wishes:
        kinds = [None if box else self.graph.nodes[i].kind for i, box in items]
        constant = frozenset(k for k, kind in enumerate(kinds) if kind == CONSTANT)
        first = frozenset(k for k, kind in enumerate(kinds) if kind == ENTRY) if level is not None else frozenset()
        last = frozenset(k for k, kind in enumerate(kinds) if kind == EXIT)
        return Wishes([s.along for s in sizes], self.spaces.between, self.spaces.thin, first, last, constant)

    def link(self, k: int, level: int | None, at: dict[tuple[int, bool], int], sizes: Sequence[Size]) -> Link:
        edge = self.graph.edges[k]
        source, target = self.item(edge.source, level), self.item(edge.target, level)
        rank = 0.0 if target[1] else (edge.position + 1) / (edge.position + 2) - 0.5
        return Link(at[source], at[target], self.port(edge.source, source), self.port(edge.target, target), rank)

    def port(self, node: int, item: tuple[int, bool]) -> float:
        """Where an edge meets an item, from its centre."""
        if not item[1]:
            return self.sizes[node].port
        return self.centres[node][0] + self.sizes[node].port - self.areas[item[0]].size.along / 2

    def put(
        self, level: int | None, items: Sequence[tuple[int, bool]], sizes: Sequence[Size], layout: Layout, links: Sequence[Link]
    ) -> None:  # fmt: skip
        """Give the items of a level their coordinates, and the level its size."""
        starts, depths = self.across(level, layout, sizes, links)
        border, head = (0.0, 0.0) if level is None else (self.spaces.box, self.spaces.head)
        for k, (i, box) in enumerate(items):
            layer = layout.layer[k]
            along, across = layout.places[k] + border + head, starts[layer] + border
            if box:
                self.areas[i].along, self.areas[i].across = along - sizes[k].along / 2, across + (depths[layer] - sizes[k].across) / 2
            else:
                self.centres[i] = along, across + depths[layer] / 2
                self.cells[i] = across, across + depths[layer]
        for k, way in zip(self.edges.get(level, []), layout.ways, strict=True):
            for v in way:
                across, layer = starts[layout.layer[v]] + border, layout.layer[v]
                self.ways[k] += [(layout.places[v] + border + head, across), (layout.places[v] + border + head, across + depths[layer])]
        breadths = [s.along for s in sizes] + [self.spaces.thin] * (len(layout.places) - len(sizes))
        along = max((p + b / 2 for p, b in zip(layout.places, breadths, strict=True)), default=0.0) + 2 * border + head
        size = along, (starts[-1] + depths[-1] if starts else 0.0) + 2 * border
        if level is None:
            self.size = size
        else:
            self.areas[level].size = Size(*size)

    def across(self, level: int | None, layout: Layout, sizes: Sequence[Size], links: Sequence[Link]) -> tuple[list[float], list[float]]:
        """Where each layer begins, and how deep it is."""
        depths = [max((sizes[v].across for v in layer if v < layout.items), default=0.0) for layer in layout.layers]
        gaps = [self.spaces.layers] * len(depths)
        for k, link in zip(self.edges.get(level, []), links, strict=True):
            gap = layout.layer[link.target] - 1
            gaps[gap] = max(gaps[gap], self.room(self.graph.edges[k]))
        return list(accumulate((d + g for d, g in zip(depths[:-1], gaps, strict=False)), initial=0.0))[: len(depths)], depths

    def finished(self) -> Placed:
        """All coordinates made absolute, outer boxes first."""
        for area, box in zip(self.areas, self.graph.boxes, strict=True):
            if box.parent is not None:
                area.along += self.areas[box.parent].along
                area.across += self.areas[box.parent].across
        for k, node in enumerate(self.graph.nodes):
            a, c = self.corner(node.box)
            self.centres[k] = self.centres[k][0] + a, self.centres[k][1] + c
            self.cells[k] = self.cells[k][0] + c, self.cells[k][1] + c
        for level, edges in self.edges.items():
            a, c = self.corner(level)
            for k in edges:
                self.ways[k] = [(x + a, y + c) for x, y in self.ways[k]]
        return Placed(self.centres, self.areas, self.ways, self.size, self.cells)

    def corner(self, box: int | None) -> tuple[float, float]:
        return (0.0, 0.0) if box is None else (self.areas[box].along, self.areas[box].across)
