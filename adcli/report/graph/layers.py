"""In which layer each item of a drawing stands: sources first, and every link goes from a layer to a later one.

Longest paths from the sources, as in chapter 13 of Tamassia (ed.), "Handbook of Graph Drawing and Visualization" (2013). Then what has
more uses than arguments moves towards its uses, which shortens links, and so does what stands far from them: an approximation, in linear
time, to the least total length, which Gansner and others find by a network simplex method ("A technique for drawing directed graphs",
IEEE Trans. Softw. Eng. 19 (1993), section 2).
"""

from __future__ import annotations

from collections.abc import Sequence

# A source waits in the first layer for a use at most so many layers on; else it stands before that use.
WAIT = 5
# An operation that would stand further from its uses than from its arguments by more than that moves.
FAR = 2


def layers(
    count: int, links: Sequence[tuple[int, int]], first: frozenset[int], last: frozenset[int], floating: frozenset[int]
) -> list[int]:  # fmt: skip
    """The layer of each item.

    first, last: items that stand in the first and the last layer, such as where values enter a box and leave it; floating: sources that
    always stand directly before their first use, such as constants. The links must have no cycle.
    """
    uses: list[list[int]] = [[] for _ in range(count)]
    sources: list[list[int]] = [[] for _ in range(count)]
    for a, b in links:
        uses[a].append(b)
        sources[b].append(a)
    order = sorted_items(uses, [len(s) for s in sources])
    found = [0] * count
    for v in order:
        found[v] = 1 + max((found[u] for u in sources[v]), default=-1)
        if v not in first and first and not sources[v] and v not in floating:
            found[v] = 1
    for v in reversed(order):
        if uses[v] and v not in first:
            before = min(found[w] for w in uses[v]) - 1
            given = sum(u not in floating for u in sources[v])
            shorter = len(uses[v]) > given or (len(uses[v]) == given and before - found[v] > FAR)
            if v in floating or (shorter if given else before > WAIT):
                found[v] = before
    end = max(found, default=0)
    for v in last:
        found[v] = end
    names = {layer: k for k, layer in enumerate(sorted(set(found)))}
    return [names[layer] for layer in found]


def sorted_items(uses: Sequence[Sequence[int]], missing: list[int]) -> list[int]:
    """The items, each after all that it uses (Kahn, 1962); `missing` counts what each still waits for."""
    order = [v for v, n in enumerate(missing) if not n]
    for v in order:
        for w in uses[v]:
            missing[w] -= 1
            if not missing[w]:
                order.append(w)
    return order
