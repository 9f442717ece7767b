"""Where the items of each layer stand along it, in the order given and apart by what they need.

Layer by layer, each item is drawn to the weighted mean of its neighbours in the layer before, or after; of all places in that order and
with those distances the nearest in the sense of least squares are taken. That is isotonic regression, solved in linear time by pooling
adjacent violators (Barlow, Bartholomew, Bremner and Brunk, "Statistical Inference under Order Restrictions", 1972). The weights make long
links straight: they are those of Gansner and others (1993), section 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

ROUNDS, FEW_ROUNDS, LARGE = 40, 4, 3000


class Pull(NamedTuple):
    """A neighbour that draws an item: the item wants to stand at the neighbour's place plus `offset`."""

    neighbour: int
    offset: float
    weight: float


def spaced(
    layers: Sequence[Sequence[int]], breadths: Sequence[float], gap: float, before: Sequence[Sequence[Pull]],
    after: Sequence[Sequence[Pull]],
) -> list[float]:  # fmt: skip
    """The place of each item's centre; the smallest item begins at 0."""
    places = [0.0] * len(breadths)
    for layer in layers:
        at = 0.0
        for v in layer:
            places[v] = at + breadths[v] / 2
            at += breadths[v] + gap
        for v in layer:
            places[v] -= (at - gap) / 2
    both = [[*a, *b] for a, b in zip(before, after, strict=True)]
    for round_ in range(ROUNDS if len(breadths) < LARGE else FEW_ROUNDS):
        pulls = before if round_ % 2 == 0 else after
        for layer in layers if round_ % 2 == 0 else reversed(layers):
            _settle(layer, places, breadths, gap, pulls)
    for layer in [*layers, *reversed(layers)]:
        _settle(layer, places, breadths, gap, both)
    start = min((p - b / 2 for p, b in zip(places, breadths, strict=True)), default=0.0)
    return [p - start for p in places]


def _settle(layer: Sequence[int], places: list[float], breadths: Sequence[float], gap: float, pulls: Sequence[Sequence[Pull]]) -> None:
    """Move the items of one layer to where their neighbours draw them, as far as the others let them."""
    wanted, weights, shifts, shift = [], [], [], 0.0
    for k, v in enumerate(layer):
        if k:
            shift += (breadths[layer[k - 1]] + breadths[v]) / 2 + gap
        total = sum(p.weight for p in pulls[v])
        mean = sum(p.weight * (places[p.neighbour] + p.offset) for p in pulls[v]) / total if total else places[v]
        wanted.append(mean - shift)
        weights.append(total or 0.1)
        shifts.append(shift)
    for v, at, moved in zip(layer, isotonic(wanted, weights), shifts, strict=True):
        places[v] = at + moved


def isotonic(wanted: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The non-decreasing sequence nearest to `wanted`: neighbours in the wrong order are pooled to their mean."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        size = 1
        while pools and pools[-1][0] > value:
            other, heavy, many = pools.pop()
            value = (value * weight + other * heavy) / (weight + heavy)
            weight += heavy
            size += many
        pools.append((value, weight, size))
    return [value for value, _, size in pools for _ in range(size)]
