"""What a finite adjoint is made of: its largest way to the output, and shares by line or iteration that add up to it.

    y = x; for i in 0..3 { y = r*y }      ∂y/∂r = 3·r²·x:   a third from each iteration's use of r

The adjoint of an input is the sum of one increment for each of its uses. A use has a line and an iteration, so the increments of a line
(or an iteration) added up are its share, and the shares add up to the adjoint. What carries an influence on from there to the output
shows in the adjoints along the largest way: the factor of an iteration is how much larger the adjoint is before it than behind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from adcli.report.blame.birth import Hop, related
from adcli.report.blame.swept import Place, Swept, Use, element
from adcli.report.trace import Trace


class Share(NamedTuple):
    """The part of an adjoint that comes from the uses at one line, or in one iteration. `uses`: how many; `node`: that of the largest."""

    key: Hashable
    share: float
    uses: int
    node: int


@dataclass(slots=True)
class Shares:
    """The parts by line or iteration; with `rounding`, the rounding errors of the sweep's own sum, they add up to `total`."""

    by: str
    parts: list[Share]
    total: float
    rounding: float


@dataclass(slots=True)
class _Sum:
    increments: list[float] = field(default_factory=list)
    node: int = -1
    largest: float = -1.0


def line_of(trace: Trace, node: int) -> int:
    """The line that a node comes from."""
    return trace.place(node)


def iteration_of(trace: Trace, node: int) -> tuple[int, ...]:
    """The iterations of the loops around a node, outermost first."""
    return trace.recording.iterations[node]


KEYS: dict[str, Callable[[Trace, int], Hashable]] = {"line": line_of, "iteration": iteration_of}


def shares(swept: Swept, place: Place, by: str) -> Shares:
    """The increments of a number's uses, added up exactly by line or iteration, in rising order."""
    sums: dict[Hashable, _Sum] = {}
    total = swept.bar(place)
    increments: list[float] = []
    for use in swept.uses(place):
        part = sums.setdefault(KEYS[by](swept.trace, use.source), _Sum())
        part.increments.append(use.increment)
        increments.append(use.increment)
        if abs(use.increment) > part.largest:
            part.largest, part.node = abs(use.increment), use.source
    rounding = math.fsum([total, *(-x for x in increments)])
    parts = [
        Share(key, math.fsum(s.increments), len(s.increments), s.node) for key, s in sorted(sums.items(), key=lambda item: str_key(item[0]))
    ]
    return Shares(by, parts, total, rounding)


def log_factors(trace: Trace, way: list[Hop], total: float, by: str) -> dict[Hashable, float]:
    """By line or iteration, by how many powers of ten the adjoint grows there along a way to a number whose adjoint is `total`.

    The adjoints along the way are those of the whole sweep, so that the factors multiply to the total; nan where one is 0 or infinite.
    """
    found: dict[Hashable, list[float]] = {}
    for k, hop in enumerate(way):
        after = way[k + 1].bar if k + 1 < len(way) else total
        finite = 0 < abs(hop.bar) < math.inf and 0 < abs(after) < math.inf
        found.setdefault(KEYS[by](trace, hop.node), []).append(math.log10(abs(after)) - math.log10(abs(hop.bar)) if finite else math.nan)
    return {key: math.fsum(parts) for key, parts in found.items()}


def str_key(key: Hashable) -> tuple[int, ...]:
    """Lines and iterations in rising order, what is outside of loops first."""
    return key if isinstance(key, tuple) else (key,) if isinstance(key, int) else ()


def contributions(swept: Swept, place: Place) -> list[Use]:
    """The uses whose increments are not 0, the largest first."""
    return sorted((u for u in swept.uses(place) if u.increment != 0), key=lambda u: -abs(u.increment))


def largest_values(swept: Swept, place: Place) -> list[Hop]:
    """How a value became large: from an input (or constants) along the argument that is largest at each operation."""
    r = swept.recording
    hops: list[Hop] = []
    while place.node >= len(r.inputs):
        hops.append(Hop(place.node, place.at, element(r.values[place.node], place.at)))
        found = [
            (abs(element(r.value(ref), index)), -k, Place(ref, index))
            for k, ref in enumerate(r.args(place.node))
            if ref >= 0
            for index in related(swept, place, k)
        ]
        if not found:
            break
        place = max(found, key=lambda one: one[:2])[2]
    hops.reverse()
    return hops


def largest_way(swept: Swept, place: Place) -> list[Hop]:
    """From the output to a number along the use that adds most at each node: hops in the order of the sweep."""
    hops: list[Hop] = []
    while True:
        best = max(swept.uses(place), key=lambda u: abs(u.increment), default=None)
        if best is None or not best.terms:
            break
        term = max(best.terms, key=lambda t: abs(t.product))
        hops.append(Hop(best.source, term.at, term.product, best.position, place, term.bar, term.partial))
        place = Place(best.source, term.at)
    hops.reverse()
    return hops
