"""Why an adjoint is 0: what stops it on each way to the output, or contributions that cancel exactly.

    y = relu(a*x) + b*x - b*x       at a = -1, x = 1:   relu is flat where its argument is below 0;   +b and -b cancel

The search goes from the number along all of its uses towards the output, through adjoints that are 0, up to where they became 0.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from adcli.report.blame.birth import Hop
from adcli.report.blame.swept import Index, Place, Swept, Term, Use, element, indices

# Numbers looked at; beyond, the search says that it has not seen all.
MOST = 300_000

FLAT, OVERWRITTEN, UNDERFLOW, CANCELS = "flat", "overwritten", "underflow", "cancels"


@dataclass(slots=True)
class Cause:
    """Something that makes an adjoint 0, at one operation and argument of the program.

    code: a partial that is 0 ("flat"), an element of an array that is overwritten, a product too small for a number ("underflow"),
    or contributions that add up to exactly 0 ("cancels"). hop: the first such in the search; count: how many there are.
    uses: for "cancels", the contributions.
    """

    code: str
    hop: Hop
    count: int = 1
    uses: list[Use] = field(default_factory=list)


class Zeros(NamedTuple):
    """The causes in the order found, and whether the search saw everything; way: from the number to the first cause's adjoint."""

    causes: list[Cause]
    complete: bool
    way: list[Hop]


class _Search:
    def __init__(self, swept: Swept, place: Place) -> None:
        self.swept = swept
        self.causes: dict[tuple[object, ...], Cause] = {}
        self.before: dict[Place, Hop | None] = {place: None}
        self.todo = [place]
        self.ends: list[Place] = []

    def run(self) -> bool:
        while self.todo:
            if len(self.before) > MOST:
                return False
            self.look(self.todo.pop())
        return True

    def look(self, place: Place) -> None:
        uses = list(self.swept.uses(place))
        moving = [u for u in uses if _passes(u.increment)]
        if moving:
            self.note(CANCELS, place, moving[0], moving[0].terms[0] if moving[0].terms else Term((), 0.0, 0.0), moving)
            return
        for use in uses:
            self.look_at_none(place, use)
            for term in use.terms:
                if term.partial == 0:
                    self.note(FLAT, place, use, term)
                elif term.bar == 0:
                    self.go(place, use, term)
                elif term.product == 0:
                    self.note(UNDERFLOW, place, use, term)
            if sum(_passes(term.product) for term in use.terms) > 1:
                self.note(CANCELS, place, use, use.terms[0], [use])

    def look_at_none(self, place: Place, use: Use) -> None:
        """A use of which no element of the result lets anything through."""
        let = self.swept.recording.lets[use.source]
        assert let is not None
        closed = self.closed(place, use)
        if not use.terms and closed is not None:
            self.go(place, use, Term(closed, 0.0, 0.0))
        elif not use.terms and let.op.name == "update":
            self.note(OVERWRITTEN, place, use, self.some_term(use))
        elif let.op.kind == "partials" and use.terms:
            return  # element by element: where the adjoint of its own element is 0, no other one matters
        elif not self.moves(use.source) and all(t.bar == 0 for t in use.terms) and self.some_term(use).bar != 0:
            self.note(FLAT, place, use, self.some_term(use))

    def closed(self, place: Place, use: Use) -> Index | None:
        """The element of the result that holds a lane not taken, where the number goes to no other."""
        lanes = self.swept.trace.derivatives.lanes.get(use.source)
        if lanes is None:
            return None
        own = getattr(self.swept.recording.values[place.node], "shape", ())
        if own == lanes.shape:
            return None if lanes[place.at] else place.at
        return (0,) * lanes.ndim if own == () and lanes.size and not lanes.any() else None

    def moves(self, node: int) -> bool:
        """Whether the operation only moves or adds up numbers, so that what it does not pass on is not in its result."""
        let = self.swept.recording.lets[node]
        assert let is not None
        if let.op.name == "select":
            return False
        return let.op.name in ("index", "update", "addat", "stack", "concat") or (let.op.kind == "linear" and let.op.tangent is None)

    def some_term(self, use: Use) -> Term:
        """The term of the first element of the result that matters, for a use of which no element lets anything through."""
        bar = self.swept.bars[use.source]
        if not getattr(bar, "shape", ()):
            return Term((), float(bar), 0.0)
        same = use.target.at
        if len(same) == bar.ndim and all(i < n for i, n in zip(same, bar.shape, strict=True)) and bar[same] != 0:
            return Term(same, element(bar, same), 0.0)
        at = next((index for index in indices(bar) if bar[index] != 0), (0,) * bar.ndim)
        return Term(at, element(bar, at), 0.0)

    def go(self, place: Place, use: Use, term: Term) -> None:
        """On to the adjoint of the operation, which is 0 itself."""
        above = Place(use.source, term.at)
        if above not in self.before:
            self.before[above] = Hop(use.source, term.at, 0.0, use.position, place, term.bar, term.partial)
            self.todo.append(above)

    def note(self, code: str, place: Place, use: Use, term: Term, uses: list[Use] | None = None) -> None:
        lets = self.swept.recording.lets
        key = (code, lets[place.node], 0) if code == CANCELS else (code, lets[use.source], use.position)
        found = self.causes.get(key)
        if found is not None:
            found.count += 1
            return
        hop = Hop(use.source, term.at, use.increment, use.position, place, term.bar, term.partial)
        self.causes[key] = Cause(code, hop, 1, uses or [])
        self.ends.append(place)

    def way(self) -> list[Hop]:
        """The hops from the first cause down to the number."""
        hops: list[Hop] = []
        at = self.ends[0] if self.ends else None
        while at is not None and (hop := self.before[at]) is not None:
            hops.append(hop)
            at = hop.target
        return hops


def _passes(part: float) -> bool:
    """Whether a part of an adjoint that is 0 is one itself; nan is the 0 of what is not used times infinity."""
    return part != 0 and part == part


def zeros(swept: Swept, place: Place) -> Zeros:
    """The causes of an adjoint that is exactly 0."""
    search = _Search(swept, place)
    complete = search.run()
    return Zeros(list(search.causes.values()), complete, search.way())
