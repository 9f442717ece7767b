"""A layered layout of items and links: layers, an order in each, places, and the way of every link.

Links over several layers pass through invisible items in the layers between; those of one source share them. A link over very many
layers is not drawn through them: it has no way, and its picture is a stub at the target. So all takes n log n steps, without recursion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from adcli.report.graph.layers import layers
from adcli.report.graph.ordering import Segment, ordered
from adcli.report.graph.spacing import Pull, spaced

# Weights of links between two items, an item and an invisible one, and two invisible ones (Gansner and others, 1993).
WEIGHTS = (1.0, 2.0, 8.0)


# A link has a way through so many layers at most.
LONGEST = 60


class Link(NamedTuple):
    """out, into: where at the source and at the target, from their centres; rank: the same at the target from -1/2 to 1/2, by argument."""

    source: int
    target: int
    out: float = 0.0
    into: float = 0.0
    rank: float = 0.0


@dataclass(slots=True)
class Layout:
    """layers: the items in order, from `items` on invisible ones; places: along the layer; ways: what each link passes of these."""

    items: int
    layers: list[list[int]]
    layer: list[int]
    places: list[float]
    ways: list[list[int] | None] = field(default_factory=list)


@dataclass(slots=True)
class Wishes:
    """What the items need: breadth along the layer, the gap between them; and which stand in the first or last layer, or float."""

    breadths: Sequence[float]
    gap: float
    thin: float = 0.0
    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    floating: frozenset[int] = frozenset()


def arrange(wishes: Wishes, links: Sequence[Link]) -> Layout:
    """The layout; the order of the items given is where the search for few crossings starts."""
    count = len(wishes.breadths)
    found = layers(count, [(k.source, k.target) for k in links], wishes.first, wishes.last, wishes.floating)
    split = _Split(found, links)
    rows: list[list[int]] = [[] for _ in range(max(found, default=-1) + 1)]
    for v, layer in enumerate(split.layer):
        rows[layer].append(v)
    breadths = [*wishes.breadths, *[wishes.thin] * (len(split.layer) - count)]
    rows = ordered(rows, split.segments(breadths))
    before, after = split.pulls(count)
    return Layout(count, rows, split.layer, spaced(rows, breadths, wishes.gap, before, after), split.ways)


class _Split:
    """The links cut into pieces between neighbouring layers."""

    def __init__(self, layer: Sequence[int], links: Sequence[Link]) -> None:
        self.layer = list(layer)
        self.ways: list[list[int] | None] = []
        self.pieces: dict[tuple[int, int, float, float], Link] = {}
        trunks: dict[tuple[int, float], list[int]] = {}
        for link in links:
            trunk = trunks.setdefault((link.source, link.out), [])
            passed = layer[link.target] - layer[link.source] - 1
            if passed > LONGEST:
                self.ways.append(None)
                continue
            while len(trunk) < passed:
                self.layer.append(layer[link.source] + len(trunk) + 1)
                trunk.append(len(self.layer) - 1)
            way = trunk[:passed]
            self.ways.append(way)
            at, out = link.source, link.out
            for v in way:
                self._piece(Link(at, v, out))
                at, out = v, 0.0
            self._piece(Link(at, link.target, out, link.into, link.rank))

    def _piece(self, piece: Link) -> None:
        self.pieces.setdefault((piece.source, piece.target, piece.out, piece.into + piece.rank), piece)

    def segments(self, breadths: Sequence[float]) -> list[Segment]:
        """The pieces as the search for few crossings sees them."""

        def share(offset: float, v: int) -> float:
            return max(-0.4, min(0.4, 0.8 * offset / breadths[v])) if breadths[v] else 0.0

        return [
            Segment(p.source, p.target, share(p.out, p.source), share(p.into, p.target) if not p.rank else 0.4 * p.rank)
            for p in self.pieces.values()
        ]

    def pulls(self, count: int) -> tuple[list[list[Pull]], list[list[Pull]]]:
        """For each item, what draws it from the layer before and from the layer after."""
        before: list[list[Pull]] = [[] for _ in self.layer]
        after: list[list[Pull]] = [[] for _ in self.layer]
        for p in self.pieces.values():
            weight = WEIGHTS[(p.source >= count) + (p.target >= count)]
            before[p.target].append(Pull(p.source, p.out - p.into, weight))
            after[p.source].append(Pull(p.target, p.into - p.out, weight))
        return before, after
