"""What is told of a run: a story for each number asked about, equal ones together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

from adcli.engines.flags import Flag
from adcli.engines.influence import Hidden, Influence
from adcli.errors import Span
from adcli.report.blame.birth import CONSTANT, INPUT, PRODUCT, SUM, VALUE, Hop, Path, adjoint_path, named, unused_path, value_path
from adcli.report.blame.factors import Shares, contributions, largest_values, largest_way, shares
from adcli.report.blame.swept import Index, Place, Swept, Use, element, indices, one_element
from adcli.report.blame.zero import UNDERFLOW, Zeros, zeros
from adcli.report.trace import Trace

# A gradient is called huge from here on, and tiny below; in between it is ordinary.
HUGE, TINY = 1e8, 1e-8
# Elements of one array that are looked into.
MOST_ELEMENTS = 32
# Operations that hide all elements of an array.
_OF_ARRAYS = frozenset({"argmax", "argmin", "argsort", "any", "all"})


@dataclass(slots=True)
class Quantity:
    """A number asked about: "value", or the derivative by an input's element; `place` is None where it is a constant of the run."""

    kind: str
    name: str
    number: float
    place: Place | None


@dataclass(slots=True)
class Story:
    """Why one number, or several for the same reason, is what it is.

    kind: nan, inf, zero, huge, tiny or ordinary. more: further elements of the same array that are of this kind and not looked into.
    path: for nan and inf. zeros and hidden: for zero. way, uses, shares: for finite numbers.
    """

    kind: str
    quantities: list[Quantity]
    path: Path = field(default_factory=Path)
    zeros: Zeros | None = None
    hidden: list[Hidden] = field(default_factory=list)
    way: list[Hop] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    shares: Shares | None = None
    more: int = 0

    def pieces(self) -> list[list[Hop]]:
        """The path in pieces between which nothing is folded, so that the birth and the hop where inf became nan stand alone."""
        hops = self.path.hops
        alone = {0} | {k for k, hop in enumerate(hops) if self.path.turned is not None and hop is self.path.turned[0]}
        bounds = sorted({*alone, *(k + 1 for k in alone), len(hops)})
        return [hops[a:b] for a, b in pairwise(bounds)]

    @property
    def first(self) -> Quantity:
        return self.quantities[0]


def kind_of(number: float) -> str:
    if math.isnan(number):
        return "nan"
    if math.isinf(number):
        return "inf"
    if number == 0:
        return "zero"
    return "huge" if abs(number) >= HUGE else "tiny" if abs(number) <= TINY else "ordinary"


class Teller:
    """Makes the stories of a run.

    by: "line" or "iteration", for shares of finite numbers, or None. only: elements asked for, by input. of: of an output that is an
    array, the element that is differentiated (None: its values alone are told about). gradient: as `grad` gives it.
    """

    def __init__(
        self,
        trace: Trace,
        influences: Callable[[], Sequence[Influence]],
        by: str | None,
        only: dict[str, list[Index]],
        of: Index | None = None,
        gradient: Mapping[str, Any] | None = None,
    ) -> None:
        self.trace = trace
        self._influences = influences
        self.by = by
        self.only = only
        self.of = of
        self.gradient = gradient or {}

    @cached_property
    def swept(self) -> Swept:
        return Swept(self.trace)

    @cached_property
    def influences(self) -> Sequence[Influence]:
        """What each output depends on in any way; asked for where a derivative is 0."""
        return self._influences()

    def stories(self) -> list[Story]:
        found: list[Story] = []
        for quantity, more in self.quantities():
            story = self.story(quantity)
            story.more = more
            same = next((s for s in found if self.alike(s, story)), None)
            if same is None:
                found.append(story)
            else:
                same.quantities += story.quantities
                same.more += more
        return found

    def quantities(self) -> Iterator[tuple[Quantity, int]]:
        """The value where it is not finite, then the derivative by each input; of an array its elements, or those that matter most."""
        r = self.trace.recording
        ref = r.outputs[self.trace.output][1]
        value = r.value(ref)
        asked = [self.of] if self.of is not None else indices(value)
        odd = [index for index in asked if not math.isfinite(element(value, index))]
        for index in odd[:1]:
            name = named("value", index)
            yield Quantity("value", name, element(value, index), Place(ref, index) if ref >= 0 else None), len(odd) - 1
        if getattr(value, "shape", ()) and self.of is None:
            return
        names = list(r.inputs)
        for k in self.trace.inputs:
            for index, more in self.chosen(names[k], k, r.values[k]):
                place = Place(k, index)
                yield Quantity("gradient", named(names[k], index), self.number(names[k], place), place), more

    def number(self, name: str, place: Place) -> float:
        """The adjoint of an input; as `grad` has it where just one of the two is finite, by zeros times infinity on ways not used."""
        own = self.swept.bar(place)
        given = element(self.gradient[name], place.at) if name in self.gradient else own
        return given if math.isnan(own) or not math.isfinite(given) else own

    def chosen(self, name: str, node: int, value: Any) -> Iterator[tuple[Index, int]]:
        """The elements of an input to look into, each with how many others it stands for."""
        if name in self.only:
            yield from ((index, 0) for index in self.only[name])
            return
        by_kind: dict[str, list[Index]] = {}
        for index in indices(value):
            by_kind.setdefault(kind_of(self.number(name, Place(node, index))), []).append(index)
        for kind in ("nan", "inf", "zero"):
            found = by_kind.pop(kind, [])
            for k, index in enumerate(found[:MOST_ELEMENTS]):
                yield index, max(0, len(found) - MOST_ELEMENTS) if k == 0 else 0
        rest = [index for found in by_kind.values() for index in found]
        if rest:
            largest = max(rest, key=lambda index: (abs(self.swept.bar(Place(node, index))), [-i for i in index]))
            yield largest, len(rest) - 1

    def story(self, q: Quantity) -> Story:
        kind = kind_of(q.number)
        story = Story(kind, [q])
        if q.place is None:
            return story
        if q.kind == "value":
            story.path = value_path(self.swept, q.place, Path())
            story.path.hops.reverse()
            self.tell_overflow(story)
        elif kind in ("nan", "inf"):
            known = math.isfinite(self.swept.bar(q.place))
            story.path = unused_path(self.swept, q.place) if known else adjoint_path(self.swept, q.place)
            self.tell_overflow(story)
        elif kind == "zero":
            self.tell_zero(story, q.place)
        else:
            if kind != "ordinary" or self.by is not None:
                story.way = largest_way(self.swept, q.place)
            story.uses = [use for use in contributions(self.swept, q.place) if not math.isnan(use.increment)]
            if self.by is not None and story.uses:  # an input that is itself the output has no use to share by
                story.shares = shares(self.swept, q.place, self.by)
        return story

    def tell_overflow(self, story: Story) -> None:
        """How the numbers grew before one was too large."""
        first = story.path.first
        if first is None:
            return
        if story.path.root in (PRODUCT, SUM):
            story.way = largest_way(self.swept, Place(first.node, first.at))
        elif story.path.root == VALUE and story.path.cause == "overflow":
            story.way = largest_values(self.swept, Place(first.node, first.at))[:-1]

    def tell_zero(self, story: Story, place: Place) -> None:
        story.zeros = zeros(self.swept, place)
        first = next((c for c in story.zeros.causes if c.code == UNDERFLOW), None)
        if first is not None:
            story.way = largest_way(self.swept, Place(first.hop.node, first.hop.at))
        whole = self.is_read(place)
        hidden = self.influences[self.trace.output].hidden
        story.hidden = [h for h in hidden if h.input == place.node and (whole or h.op in _OF_ARRAYS)]

    def is_read(self, place: Place) -> bool:
        """Whether anything reads the element at all: an array reaches the output by some of its elements."""
        if not place.at:
            return True
        r = self.trace.recording
        users = self.swept.users(place.node)
        if not users:
            return True
        for source in users:
            let = r.lets[source]
            assert let is not None
            at = one_element(let, [r.value(ref) for ref in r.args(source)]) if let.op.name == "index" else None
            if at is None or at == place.at:
                return True
        return False

    def alike(self, a: Story, b: Story) -> bool:
        """Whether two numbers are what they are for the same reason."""
        if {a.kind, b.kind} <= {"nan", "inf"}:
            if a.kind != b.kind and (a.path.turned or b.path.turned):
                return False
            return self._origin(a) == self._origin(b)
        return a.kind == b.kind == "zero" and self._causes(a) == self._causes(b)

    def _origin(self, s: Story) -> tuple[object, ...]:
        """The statement where it began, whichever element or iteration, and where a value is not to blame how inf became nan."""
        first, turned = s.path.first, s.path.turned
        let = first and self.trace.recording.lets[first.node]
        if first is None or s.path.root in (INPUT, CONSTANT, VALUE):
            return s.path.root, s.path.cause, let
        at = self.trace.recording.lets[turned[0].node] if turned is not None else None
        return s.kind, s.path.root, let, turned and turned[1], at and at.op.name

    def _causes(self, s: Story) -> tuple[object, ...]:
        assert s.zeros is not None
        r = self.trace.recording
        numeric = [(c.code, r.lets[c.hop.node], c.hop.position) for c in s.zeros.causes]
        return tuple(numeric), tuple((h.op, h.span) for h in s.hidden)


def kink_at(flags: Sequence[Flag], span: Span | None) -> str | None:
    """What a flag says about a kink of an operation."""
    return next((f.message for f in flags if span is not None and f.span == span and f.code == "nondifferentiable"), None)
