"""A graph with boxes placed: each box is laid out by itself, the inner ones first, and stands in the layout around it as one item.

Two directions are told apart: `along` a layer, and `across` from layer to layer. A picture that runs to the right has its layers upright.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from adcli.report.graph.layout import Layout, Link, arrange
from adcli.report.graph.levels import Item, Levels, rank, wishes
from adcli.report.graph.model import Edge, Graph


class Size(NamedTuple):
    """What a node takes along and across, and where its edges meet it, along, from its centre."""

    along: float
    across: float
    port: float = 0.0


@dataclass(frozen=True, slots=True)
class Spaces:
    """Distances. between: of items along a layer; layers: of layers, if no label of an edge needs more; box: the border within a box, with
    `head` more for its title, at the beginning along or, if `crowned`, across; thin: what an edge takes that passes a layer."""

    between: float
    layers: float
    box: float
    head: float
    thin: float
    crowned: bool = False


@dataclass(slots=True)
class Area:
    """The place of a box: its corner with the least coordinates, and its size."""

    along: float = 0.0
    across: float = 0.0
    size: Size = field(default_factory=lambda: Size(0, 0))


@dataclass(slots=True)
class Placed:
    """centres: (along, across) of each node; areas: of each box; ways: of each edge the points between its ends; size: of all of it.

    A way's points come in pairs, where the edge enters and leaves a layer; stubs: the edges without a way, which begin directly before
    their target. cells: where across the layer of each node begins and ends.
    """

    centres: list[tuple[float, float]]
    areas: list[Area]
    ways: list[list[tuple[float, float]]]
    size: tuple[float, float]
    cells: list[tuple[float, float]]
    stubs: set[int]


def place(graph: Graph, sizes: Sequence[Size], least: Sequence[Size], spaces: Spaces, room: Callable[[Edge], float]) -> Placed:
    """Place a graph. sizes: of the nodes; least: what the boxes need for their titles; room: what an edge needs between two layers."""
    work = _Placing(graph, sizes, least, spaces, room)
    for box in reversed(range(len(graph.boxes))):
        work.level(box)
    work.level(None)
    return work.finished()


class _Placing:
    """Coordinates are relative to the level until all are done."""

    def __init__(
        self, graph: Graph, sizes: Sequence[Size], least: Sequence[Size], spaces: Spaces, room: Callable[[Edge], float]
    ) -> None:  # fmt: skip
        self.graph, self.sizes, self.least, self.spaces, self.room = graph, sizes, least, spaces, room
        self.levels = Levels(graph)
        self.centres: list[tuple[float, float]] = [(0.0, 0.0)] * len(graph.nodes)
        self.cells: list[tuple[float, float]] = [(0.0, 0.0)] * len(graph.nodes)
        self.areas = [Area() for _ in graph.boxes]
        self.ways: list[list[tuple[float, float]]] = [[] for _ in graph.edges]
        self.stubs: set[int] = set()
        self.size = (0.0, 0.0)

    def level(self, level: int | None) -> None:
        """Lay out one level, whose inner boxes are laid out already."""
        items = self.levels.items(level)
        at = {item: k for k, item in enumerate(items)}
        sizes = [self.areas[i].size if box else self.sizes[i] for i, box in items]
        links = [self.link(k, level, at, sizes) for k in self.levels.edges.get(level, [])]
        layout = arrange(wishes(self.levels, level, items, [s.along for s in sizes], self.spaces.between, self.spaces.thin), links)
        self.put(level, items, sizes, layout, links)

    def link(self, k: int, level: int | None, at: dict[Item, int], sizes: Sequence[Size]) -> Link:
        edge = self.graph.edges[k]
        source, target = self.levels.item(edge.source, level), self.levels.item(edge.target, level)
        return Link(at[source], at[target], self.port(edge.source, source), self.port(edge.target, target), rank(edge, target))

    def port(self, node: int, item: Item) -> float:
        """Where an edge meets an item, from its centre."""
        if not item[1]:
            return self.sizes[node].port
        return self.centres[node][0] + self.sizes[node].port - self.areas[item[0]].size.along / 2

    def put(
        self, level: int | None, items: Sequence[Item], sizes: Sequence[Size], layout: Layout, links: Sequence[Link]
    ) -> None:  # fmt: skip
        """Give the items of a level their coordinates, and the level its size."""
        starts, depths = self.across(level, layout, sizes, links)
        border, head = (0.0, 0.0) if level is None else (self.spaces.box, self.spaces.head)
        head, crown = (0.0, head) if self.spaces.crowned else (head, 0.0)
        for k, (i, box) in enumerate(items):
            layer = layout.layer[k]
            along, across = layout.places[k] + border + head, starts[layer] + border + crown
            if box:
                self.areas[i].along, self.areas[i].across = along - sizes[k].along / 2, across + (depths[layer] - sizes[k].across) / 2
            else:
                self.centres[i] = along, across + depths[layer] / 2
                self.cells[i] = across, across + depths[layer]
        for k, way in zip(self.levels.edges.get(level, []), layout.ways, strict=True):
            if way is None:
                self.stubs.add(k)
            for v in way or ():
                across, layer = starts[layout.layer[v]] + border + crown, layout.layer[v]
                self.ways[k] += [(layout.places[v] + border + head, across), (layout.places[v] + border + head, across + depths[layer])]
        breadths = [s.along for s in sizes] + [self.spaces.thin] * (len(layout.places) - len(sizes))
        along = max((p + b / 2 for p, b in zip(layout.places, breadths, strict=True)), default=0.0) + 2 * border + head
        across = (starts[-1] + depths[-1] if starts else 0.0) + 2 * border + crown
        if level is None:
            self.size = self.stacked(along, across)
        else:
            least = self.least[level]
            self.areas[level].size = Size(max(along, least.along), max(across, least.across))

    def across(self, level: int | None, layout: Layout, sizes: Sequence[Size], links: Sequence[Link]) -> tuple[list[float], list[float]]:
        """Where each layer begins, and how deep it is."""
        depths = [max((sizes[v].across for v in layer if v < layout.items), default=0.0) for layer in layout.layers]
        gaps = [self.spaces.layers] * len(depths)
        for k, link in zip(self.levels.edges.get(level, []), links, strict=True):
            gap = layout.layer[link.target] - 1
            gaps[gap] = max(gaps[gap], self.room(self.graph.edges[k]))
        return list(accumulate((d + g for d, g in zip(depths[:-1], gaps, strict=False)), initial=0.0))[: len(depths)], depths

    def stacked(self, along: float, across: float) -> tuple[float, float]:
        """The boxes that stand apart, after all else and after one another; the size of the whole."""
        for box, area in zip(self.graph.boxes, self.areas, strict=True):
            if box.apart:
                area.along, area.across = along + (2 * self.spaces.between if along else 0.0), 0.0
                along, across = area.along + area.size.along, max(across, area.size.across)
        return along, across

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
        for level, edges in self.levels.edges.items():
            a, c = self.corner(level)
            for k in edges:
                self.ways[k] = [(x + a, y + c) for x, y in self.ways[k]]
        return Placed(self.centres, self.areas, self.ways, self.size, self.cells, self.stubs)

    def corner(self, box: int | None) -> tuple[float, float]:
        return (0.0, 0.0) if box is None else (self.areas[box].along, self.areas[box].across)
