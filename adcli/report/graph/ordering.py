"""The order of the items within each layer, with few crossings.

Layer by layer each item goes to the mean place of its neighbours in the layer before, then in the layer after, and so on (the barycentre
method: Sugiyama, Tagawa and Toda, IEEE Trans. Syst. Man Cybern. 11 (1981)); the order with the fewest crossings stays. Crossings are
counted in n log n steps, as in Barth, Jünger and Mutzel, "Simple and efficient bilayer cross counting", Graph Drawing 2002.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SWEEPS, FEW_SWEEPS, LARGE = 16, 4, 3000


class Segment(NamedTuple):
    """A link between neighbouring layers; `out` and `into` say, from -1/2 to 1/2, where at the source and at the target."""

    source: int
    target: int
    out: float = 0.0
    into: float = 0.0


def ordered(layers: list[list[int]], segments: Sequence[Segment]) -> list[list[int]]:
    """The layers with their items in an order of few crossings; the order given is where the search starts."""
    count = sum(map(len, layers))
    neighbours = _Neighbours(count, segments)
    layer_of = [0] * count
    for k, layer in enumerate(layers):
        for v in layer:
            layer_of[v] = k
    gaps: list[list[Segment]] = [[] for _ in layers]
    for s in segments:
        gaps[layer_of[s.source]].append(s)
    place = [0.0] * count
    for layer in layers:
        _number(layer, place)
    best, fewest = [list(layer) for layer in layers], crossings(gaps, place)
    stale = 0
    for sweep in range(SWEEPS if count < LARGE else FEW_SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            _settle(layer, neighbours.before if forward else neighbours.after, place)
        found = crossings(gaps, place)
        if found < fewest or (sweep == 1 and found == fewest):
            best, fewest, stale = [list(layer) for layer in layers], found, 0
        else:
            stale += 1
        if stale == 4:
            break
    return _as_given(best, fewest, gaps, place)


def _as_given(layers: list[list[int]], fewest: int, gaps: Sequence[Sequence[Segment]], place: list[float]) -> list[list[int]]:
    """The layers or their mirror image, whichever has the first layer more as it was given, if that costs no crossing."""
    mirrored = [layer[::-1] for layer in layers]
    if not layers or _inversions(mirrored[0]) >= _inversions(layers[0]):
        return layers
    for layer in mirrored:
        _number(layer, place)
    return mirrored if crossings(gaps, place) <= fewest else layers


class _Neighbours:
    """For each item the places that draw it, in the layer before and in the layer after: (neighbour, offset)."""

    def __init__(self, count: int, segments: Sequence[Segment]) -> None:
        self.before: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        self.after: list[list[tuple[int, float]]] = [[] for _ in range(count)]
        for s in segments:
            self.before[s.target].append((s.source, s.out))
            self.after[s.source].append((s.target, s.into))


def _number(layer: Sequence[int], place: list[float]) -> None:
    for k, v in enumerate(layer):
        place[v] = float(k)


def _settle(layer: list[int], neighbours: Sequence[Sequence[tuple[int, float]]], place: list[float]) -> None:
    """Sort a layer by the means of the neighbours' places; what has no neighbours keeps its place among the others."""
    means = {v: sum(place[u] + at for u, at in neighbours[v]) / len(neighbours[v]) for v in layer if neighbours[v]}
    moving = iter(sorted(means, key=means.__getitem__))
    layer[:] = [next(moving) if v in means else v for v in layer]
    _number(layer, place)


def crossings(gaps: Sequence[Sequence[Segment]], place: Sequence[float]) -> int:
    """How often segments cross."""
    total = 0
    for gap in gaps:
        ends = sorted((place[s.source] + s.out, place[s.target] + s.into) for s in gap)
        total += _inversions([b for _, b in ends])
    return total


def _inversions(values: Sequence[float]) -> int:
    """How many pairs are in the wrong order; counted with a Fenwick tree over the ranks."""
    rank = {v: k + 1 for k, v in enumerate(sorted(set(values)))}
    tree = [0] * (len(rank) + 1)
    total = 0
    for seen, v in enumerate(values):
        k, below = rank[v], 0
        while k:
            below += tree[k]
            k -= k & -k
        total += seen - below
        k = rank[v]
        while k < len(tree):
            tree[k] += 1
            k += k & -k
    return total
