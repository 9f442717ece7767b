"""Colouring: which columns of a sparse Jacobian or Hessian one sweep can compute together.

    J = [a b .]        columns 0 and 2 share no row        →        J·(1, 0, 1) = (a, d, e)
        [. c d]        and get one colour                           J·(0, 1, 0) = (b, c, 0):  2 sweeps for 3 columns
        [. . e]

The terms and the algorithms are those of Gebremedhin, Manne and Pothen, "What color is your Jacobian?" (SIAM Review 47, 2005):
greedy distance-2 colouring of the columns (or rows) of a Jacobian, greedy star colouring of a Hessian's adjacency graph. A colour is
a number from 0 on; -1 is that of a column without entries. Colours met so far are kept as bits of an int, so that the work is
linear in the number of entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

EMPTY = -1


def members(bits: int) -> Iterator[int]:
    """The elements of a set that is given as bits, in order."""
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low


def transposed(rows: Sequence[Sequence[int]], columns: int) -> list[list[int]]:
    """For each column the rows in which it has an entry."""
    out: list[list[int]] = [[] for _ in range(columns)]
    for r, row in enumerate(rows):
        for c in row:
            out[c].append(r)
    return out


def column_colours(rows: Sequence[Sequence[int]], columns: int) -> list[int]:
    """Colours of the columns such that no row has two entries of one colour. For those of the rows, give the transpose."""
    by_column = transposed(rows, columns)
    return _fewest([_distance_2(by_column, len(rows), order) for order in _orders(by_column)])


def star_colours(neighbours: Sequence[Sequence[int]]) -> list[int]:
    """Colours of the vertices of a symmetric pattern such that neighbours differ and no path of four vertices has two colours.

    neighbours[i]: the columns of row i, the diagonal included where it has an entry.
    """
    return _fewest([_star(neighbours, order) for order in _orders(neighbours)])


def sweeps(colours: Sequence[int]) -> int:
    """How many colours there are."""
    return max(colours, default=EMPTY) + 1


def direct(neighbours: Sequence[Sequence[int]], colours: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """Where each entry of a star coloured Hessian H stands in the products: (i, j, k, c) says H[i, j] = (H·seed of colour c)[k].

    Only i ≤ j is given. Of the two places of H[i, j] one has no other neighbour of that colour.
    """
    counts: list[dict[int, int]] = []
    for row in neighbours:
        count: dict[int, int] = {}
        for j in row:
            count[colours[j]] = count.get(colours[j], 0) + 1
        counts.append(count)
    for i, row in enumerate(neighbours):
        for j in row:
            if j >= i:
                alone = counts[j][colours[i]] == 1
                assert alone or counts[i][colours[j]] == 1, "not a star colouring"
                yield (i, j, j, colours[i]) if alone else (i, j, i, colours[j])


def _orders(adjacent: Sequence[Sequence[int]]) -> list[list[int]]:
    """As they come, and those with most entries first: the second finds the hub of an arrow."""
    natural = [v for v, row in enumerate(adjacent) if row]
    return [natural, sorted(natural, key=lambda v: -len(adjacent[v]))]


def _fewest(found: list[list[int]]) -> list[int]:
    return min(found, key=sweeps)


def _lowest(taken: int) -> int:
    """The first colour that is not taken."""
    free = ~taken & (taken + 1)
    return free.bit_length() - 1


def _distance_2(by_column: Sequence[Sequence[int]], rows: int, order: Sequence[int]) -> list[int]:
    colours = [EMPTY] * len(by_column)
    met = [0] * rows
    for c in order:
        taken = 0
        for r in by_column[c]:
            taken |= met[r]
        colours[c] = _lowest(taken)
        for r in by_column[c]:
            met[r] |= 1 << colours[c]
    return colours


def _star(neighbours: Sequence[Sequence[int]], order: Sequence[int]) -> list[int]:
    """Greedy: v must differ from its neighbours, and from the neighbours x of a neighbour w if w has no colour yet or a later one."""
    colours = [EMPTY] * len(neighbours)
    met = [0] * len(neighbours)
    for v in order:
        taken = 0
        for w in neighbours[v]:
            if w == v:
                continue
            if colours[w] == EMPTY:
                taken |= met[w]
            else:
                taken |= 1 << colours[w] | met[w] & ((1 << colours[w]) - 1)
        colours[v] = _lowest(taken)
        for w in neighbours[v]:
            if w != v:
                met[w] |= 1 << colours[v]
    return colours
