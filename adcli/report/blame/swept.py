"""The adjoints of a whole recorded run, and what each use of a value adds to its adjoint, element by element.

y = x*z                  the use of x as argument 0 of y:    increment  =  adjoint of y  ×  ∂y/∂x
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from adcli.ir.nodes import Let
from adcli.report import rules
from adcli.report.sweep import Local
from adcli.report.trace import Trace, zero_like

Index = tuple[int, ...]

# Elements of a result that are looked at one by one for each use of an argument; beyond, those that matter most.
MOST_TERMS = 1000
# Undefined entries of a column that are asked for row by row.
MOST_ROWS = 64


class Place(NamedTuple):
    """A number of a run: a node, and the element of its array (() for a scalar)."""

    node: int
    at: Index = ()


class Term(NamedTuple):
    """The part of an increment that comes through one element of the operation's result: bar × partial."""

    at: Index
    bar: float
    partial: float

    @property
    def product(self) -> float:
        return self.bar * self.partial


class Use(NamedTuple):
    """What the use of a number as argument `position` of node `source` adds to its adjoint: the sum of the terms' products."""

    target: Place
    source: int
    position: int
    increment: float
    terms: list[Term]


class Swept:
    """The adjoint of every node (None: nothing flows to it), and the uses of each."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.recording = trace.recording
        self.bars: list[Any] = [None] * len(self.recording)
        for a in trace.adjoints():
            self.bars[a.node] = a.running
        self._starts, self._users = _users(trace)

    def bar(self, place: Place) -> float:
        """The adjoint of a number; 0 where nothing flows to it."""
        found = self.bars[place.node]
        return 0.0 if found is None else element(found, place.at)

    def users(self, node: int) -> Sequence[int]:
        """The nodes that read a node, the last first: in the order of the reverse sweep."""
        return list(dict.fromkeys(reversed(self._users[self._starts[node] : self._starts[node + 1]])))

    def uses(self, place: Place) -> Iterator[Use]:
        """The uses of a number through which something may flow, in the order in which the sweep adds them up."""
        for source in self.users(place.node):
            g = self.bars[source]
            if g is not None:
                yield from self._uses(place, source, g)

    def all_uses(self, place: Place) -> Iterator[Use]:
        """The uses of a number, those included whose results are not used: their adjoint is 0."""
        for source in self.users(place.node):
            g = self.bars[source]
            if self.trace.varied[source]:
                yield from self._uses(place, source, zero_like(self.recording.values[source]) if g is None else g)

    def _uses(self, place: Place, source: int, g: Any) -> Iterator[Use]:
        """The uses of a number by one node, whose adjoint is g."""
        r = self.recording
        local, args = self.trace.derivatives.local(source, self.trace.varied)
        refs = r.args(source)
        if local.scalar:
            for k, partial in zip(local.moving, local.partials(args, r.values[source]), strict=True):
                if refs[k] == place.node:
                    yield Use(place, source, k, g * partial, [Term((), g, partial)])
            return
        for j, k in enumerate(local.moving):
            if refs[k] == place.node:
                yield self._array_use(place, source, g, j, local, args)

    def _array_use(self, place: Place, source: int, g: Any, j: int, local: Local, args: list[Any]) -> Use:
        let, k = self.recording.lets[source], local.moving[j]
        assert let is not None
        moved = _moved(let, args, k, place.at)
        if moved is not None:
            terms = [Term(at, element(g, at), 1.0) for at in moved]
            return Use(place, source, k, terms[0].product if terms else 0.0, terms)
        lanes = self.trace.derivatives.lanes.get(source)
        import numpy as np

        increment = element(local.pull_back(args, g, lanes)[j], place.at)
        if not hasattr(g, "shape"):
            return Use(place, source, k, increment, [Term((), g, element(local.pull_back(args, 1.0)[j], place.at))])
        column, fed = _column(local, args, j, place.at, lanes)
        terms = _terms(g, column, column != 0)
        if not math.isfinite(increment) and all(math.isfinite(t.product) for t in terms):
            terms += _terms(g, column, fed & (column == 0) & ~np.isfinite(g))  # derivatives of 0 that meet infinite adjoints
        return Use(place, source, k, increment, terms)


def _users(trace: Trace) -> tuple[array[int], array[int]]:
    """For each node where its readers stand among all, in rising order."""
    r = trace.recording
    counts = array("q", bytes(8 * (len(r) + 1)))
    for node in range(len(r.inputs), len(r)):
        for ref in r.args(node):
            if ref >= 0:
                counts[ref + 1] += 1
    for node in range(len(r)):
        counts[node + 1] += counts[node]
    ends = counts[:]
    out = array("q", bytes(8 * counts[-1]))
    for node in range(len(r.inputs), len(r)):
        for ref in r.args(node):
            if ref >= 0:
                out[ends[ref]] = node
                ends[ref] += 1
    return counts, out


def element(value: Any, index: Index) -> float:
    """A number of a value: of an array its element, a scalar itself."""
    return float(value[index]) if getattr(value, "shape", ()) else float(value)


def indices(value: Any) -> Iterator[Index]:
    """Every index of a value, () for a scalar."""
    shape = getattr(value, "shape", ())
    if not shape:
        yield ()
        return
    import numpy as np

    yield from np.ndindex(*shape)


def one_element(let: Let, args: list[Any]) -> Index | None:
    """The element that an operation reads or sets, where it is one; None for all other operations."""
    first = rules.SUBSCRIPTED.get(let.op.name)
    if first is None or str(let.attrs[0]) != "i" * len(args[0].shape):
        return None
    return tuple(int(i) % n for i, n in zip(args[first:], args[0].shape, strict=True))


def _moved(let: Let, args: list[Any], k: int, index: Index) -> list[Index] | None:
    """Where a number goes to in an operation that reads or sets one element; None for all other operations."""
    at = one_element(let, args)
    if at is None:
        return None
    if let.op.name == "index":
        return [()] if at == index else []
    if k == 1:
        return [at]
    return [] if let.op.name == "update" and at == index else [index]


def _terms(g: Any, column: Any, chosen: Any) -> list[Term]:
    """The products of a cotangent and a column of partials at the elements chosen; of very many those that matter most."""
    import numpy as np

    at = np.flatnonzero(chosen)
    if at.size > MOST_TERMS:
        with np.errstate(all="ignore"):
            sizes = np.abs(g.ravel()[at] * column.ravel()[at])
        sizes[np.isnan(sizes)] = np.inf
        at = np.sort(at[np.argsort(-sizes, kind="stable")[:MOST_TERMS]])
    places = zip(*np.unravel_index(at, g.shape), strict=True)
    return [
        Term(tuple(map(int, index)), float(bar), float(partial))
        for index, bar, partial in zip(places, g.ravel()[at].tolist(), column.ravel()[at].tolist(), strict=True)
    ]


def _column(local: Local, args: list[Any], j: int, index: Index, lanes: Any) -> Any:
    """∂out/∂(one element of the argument), in the shape of the result, and where that is more than a structural zero."""
    import numpy as np

    k = local.moving[j]
    shape = getattr(args[k], "shape", ())
    unit: Any = 1.0
    if shape:
        unit = np.zeros(shape)
        unit[index] = 1.0
    column = np.array(local.push_forward(args, (k,), [unit]))
    fed = np.ones(column.shape, bool) if lanes is None else lanes.copy()
    if local.elementwise:
        fed &= np.broadcast_to(unit, column.shape) != 0
        column[~fed] = 0.0
        return column, fed
    column[~fed] = 0.0
    # An element that does not move has tangent 0, and times its own infinite derivative that is nan: the sweep back never forms it.
    for at in np.argwhere(np.isnan(column))[:MOST_ROWS]:
        row = np.zeros(column.shape)
        row[tuple(at)] = 1.0
        column[tuple(at)] = element(local.pull_back(args, row)[j], index)
    return column, fed
