"""Which steps of a long run are shown: iterations of a loop that do the same are folded, long formulas cut in the middle.

99, 98, … 1, 0   becomes   99, (98 … 1 alike), 0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from adcli.engines.record import Recording

# Operations that are shown: of a formula, and of a run with loops, whose iterations are much alike.
ROWS, LOOPED = 24, 12
# Iterations of a folded loop that are shown before the fold, and after it.
BEFORE, AFTER = 1, 1


@dataclass(slots=True)
class Fold:
    """Nodes that are not shown. iterations: the numbers of the iterations they are, outer loops first; alike: they ran the same steps."""

    nodes: Sequence[int]
    iterations: list[tuple[int, ...]] = field(default_factory=list)
    alike: bool = True


def plan(r: Recording, nodes: Sequence[int], rows: int | None) -> list[int | Fold]:
    """The nodes in their order, with folds in the places of those left out; rows: about how many to show (None: all)."""
    if rows is None or len(nodes) <= rows:
        return list(nodes)
    return _cut(list(_folded(r, nodes, rows, 0)), rows)


def _folded(r: Recording, nodes: Sequence[int], rows: int, depth: int) -> Iterator[int | Fold]:
    """Loops at that depth with the middle of their iterations folded."""
    for looped, blocks in _runs(r, nodes, depth):
        if not looped or len(blocks) <= BEFORE + AFTER + 1:
            for block in blocks:
                yield from _within(r, block, rows, depth, looped)
            continue
        for block in blocks[:BEFORE]:
            yield from _within(r, block, _part(rows), depth, looped)
        middle = blocks[BEFORE:-AFTER]
        kinds = {tuple(id(r.lets[node]) for node in block) for block in middle}
        yield Fold([node for block in middle for node in block], [r.iterations[block[0]][: depth + 1] for block in middle], len(kinds) == 1)
        for block in blocks[-AFTER:]:
            yield from _within(r, block, _part(rows), depth, looped)


def _part(rows: int) -> int:
    """How many rows one of the iterations shown may take."""
    return max(6, rows // (BEFORE + AFTER))


def _within(r: Recording, block: Sequence[int], rows: int, depth: int, looped: bool) -> Iterator[int | Fold]:
    """One iteration, or steps outside of loops."""
    if looped and len(block) > rows:
        yield from _cut(list(_folded(r, block, rows, depth + 1)), rows)
    else:
        yield from block


def _runs(r: Recording, nodes: Sequence[int], depth: int) -> Iterator[tuple[bool, list[Sequence[int]]]]:
    """Stretches of nodes outside of loops at that depth (False), and loops as lists of their iterations (True).

    Where the iterations begin anew, another loop begins.
    """
    blocks: list[Sequence[int]] = []
    direction = 0
    at = 0
    while at < len(nodes):
        begin, number = at, _iteration(r, nodes[at], depth)
        while at < len(nodes) and _iteration(r, nodes[at], depth) == number:
            at += 1
        if number is None:
            yield from _loop(blocks)
            blocks, direction = [], 0
            yield False, [nodes[begin:at]]
            continue
        step = 0 if not blocks else number - (_iteration(r, blocks[-1][0], depth) or 0)
        if step * direction < 0:
            yield from _loop(blocks)
            blocks, step, direction = [], 0, 0
        blocks.append(nodes[begin:at])
        direction = direction or step
    yield from _loop(blocks)


def _loop(blocks: list[Sequence[int]]) -> Iterator[tuple[bool, list[Sequence[int]]]]:
    if blocks:
        yield True, blocks


def _iteration(r: Recording, node: int, depth: int) -> int | None:
    """The number of the iteration that a node belongs to, of the loop at that depth; None outside of one."""
    iterations = r.iterations[node]
    return iterations[depth] if len(iterations) > depth else None


def _cut(items: list[int | Fold], rows: int) -> list[int | Fold]:
    """At most about `rows` items: the longest stretch without a fold loses its middle."""
    plain = sum(not isinstance(item, Fold) for item in items)
    if plain <= rows:
        return items
    starts, stretch = [], 0
    for k, item in enumerate([*items, Fold([])]):
        if isinstance(item, Fold):
            starts.append((k - stretch, stretch))
            stretch = 0
        else:
            stretch += 1
    begin, length = max(starts, key=lambda found: found[1])
    kept = max(4, rows - (plain - length))
    if length <= kept + 2:  # a fold takes a line itself
        return items
    head = begin + (kept + 1) // 2
    tail = begin + length - kept // 2
    return [*items[:head], Fold([n for n in items[head:tail] if isinstance(n, int)]), *items[tail:]]
