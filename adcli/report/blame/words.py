"""The sentences of a story.

`sqrt` at 1:1: 0.5 / sqrt(0) = inf, times 2 × x = 0, gives nan
zero: floor is flat (1:3); +x and -x cancel exactly
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from adcli.engines.flags import Flag, shown
from adcli.engines.influence import Hidden
from adcli.report.blame.birth import CONSTANT, INPUT, PARTIAL, PRODUCT, SUM, UNUSED, VALUE, Hop
from adcli.report.blame.factors import iteration_of
from adcli.report.blame.phrases import Phrases, written
from adcli.report.blame.story import Quantity, Story, kink_at
from adcli.report.blame.swept import Place, Swept, Use
from adcli.report.blame.zero import CANCELS, OVERWRITTEN, UNDERFLOW, Cause

# Causes and contributions that are named.
MOST_NAMED = 4
# Numbers that one story is about, named.
MOST_LISTED = 8
# Operations behind one with an adjoint of 0 that are looked through for the reason.
MOST_HOPS = 1000
_COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
_EXTREMES = frozenset({"maximum", "minimum", "reduce_max", "reduce_min"})
# What decides where a run goes is told last.
_DECIDES = _COMPARISONS | {"branch", "loop", "range"}
# Operations whose derivative is nowhere 0: where it is computed as 0, it is too small for a number.
_NEVER_FLAT = frozenset({
    "exp", "exp2", "exp10", "expm1", "sigmoid", "logsigmoid", "softplus", "tanh", "sech2", "erf", "erfc", "normcdf", "normpdf", "atan",
    "asinh", "logaddexp", "softmax", "log_softmax", "logsumexp", "sqrt", "cbrt", "ln", "log2", "log10", "log1p", "gauss",
})  # fmt: skip


def listed(names: Sequence[str]) -> str:
    """x, y, z and 12 more"""
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more:,} more" if more > 0 else "")


class Words:
    """Says stories in words; flags: those of the run, which say what happens at kinks."""

    def __init__(self, phrases: Phrases, swept: Swept, flags: Sequence[Flag]) -> None:
        self.phrases = phrases
        self.swept = swept
        self.flags = flags

    def quantity(self, q: Quantity) -> str:
        return q.name if q.kind == "value" else f"gradient by {q.name}"

    def headline(self, story: Story) -> str:
        """value is nan, gradient by x, y is nan"""
        first = story.first
        if story.kind in ("huge", "tiny", "ordinary"):
            kind = "finite and ordinary" if story.kind == "ordinary" else story.kind
            more = f", the largest of {story.more + 1:,} elements" if story.more else ""
            return f"{self.quantity(first)} is {self.phrases.number(first.number)}: {kind}{more}"
        groups: dict[tuple[str, str], list[str]] = {}
        for q in story.quantities:
            groups.setdefault((q.kind, self.phrases.number(q.number)), []).append(q.name)
        parts = [f"{'gradient by ' if kind == 'gradient' else ''}{listed(names)} is {number}" for (kind, number), names in groups.items()]
        return ", ".join(parts) + (f", and so are {story.more:,} more elements" if story.more else "")

    def reason(self, story: Story) -> str:
        """The reason in one sentence."""
        if story.kind in ("nan", "inf"):
            return self.birth(story)
        if story.kind == "zero":
            return "; ".join(self.zero(story))
        return self.made_of(story.uses)

    # nan and inf

    def birth(self, story: Story) -> str:
        path, first, p = story.path, story.path.first, self.phrases
        if first is None or path.root in (INPUT, CONSTANT):
            return self._given(story) + self._turn(story)
        head = f"{p.op(first.node)} at {p.place(first.node)}: "
        if path.root == VALUE:
            return head + f"{p.operation(first)} = {p.number(first.number)}" + self._turn(story)
        if path.root == PARTIAL:
            return head + p.derivative(first) + self._convention(first) + self._turn(story)
        if path.root == PRODUCT:
            return (
                head
                + f"{p.times(p.number(first.bar), self._bracketed(first.partial))} is too large for a number: {p.number(first.number)}"
                + self._turn(story)
            )
        if path.root == SUM:
            return (
                f"the contributions to the adjoint of {p.target(first.target or Place(first.node))} add up to more than a number can hold"
            )
        return head + f"its derivative gives {p.number(first.number)}"

    def _convention(self, hop: Hop) -> str:
        """What the flag says where the derivative is nan by convention: its formula, with the numbers put in, would give another."""
        span = self.phrases.recording.lets[hop.node].span if hop.partial != hop.partial else None  # type: ignore[union-attr]
        said = next((f.message for f in self.flags if span is not None and f.span == span and f.code == "singular"), None)
        return "" if said is None else f" ({said})"

    def _bracketed(self, x: float) -> str:
        text = self.phrases.number(x)
        return f"({text})" if text.startswith("-") else text

    def _given(self, story: Story) -> str:
        path, p = story.path, self.phrases
        if path.root == INPUT:
            return f"the value given for {path.cause} is {self._given_number(story)}"
        if path.root == CONSTANT and path.first is not None:
            return f"{p.op(path.first.node)} at {p.place(path.first.node)} reads the constant {path.cause}"
        if story.first.place is None:
            return "it is a constant of the program"
        return "no single operation is to blame"

    def _given_number(self, story: Story) -> str:
        r = self.phrases.recording
        value = r.inputs[story.path.cause.partition("[")[0]]
        flat = value.ravel().tolist() if hasattr(value, "ravel") else [value]
        return "nan" if any(x != x for x in flat) else "infinite"

    def _turn(self, story: Story) -> str:
        """How inf became nan."""
        path, p = story.path, self.phrases
        if path.turned is None:
            return ""
        hop, how = path.turned
        where = "" if hop is path.first else f" at {p.place(hop.node)}"
        if how == "value":
            return f", and {p.operation(hop)}{where} is nan"
        if how == UNUSED:
            return f", times the adjoint 0 of what this run does not use{where}, gives nan"
        if how == "difference":
            name = p.target(hop.target) if hop.target is not None else ""
            return f", and contributions of inf and -inf to the adjoint of {name} make nan"
        if hop.partial == 0:
            factor = p.factor(hop) if p.partial(hop) is not None else f"0, the derivative of {p.source(hop.node)}"
            return f", times {factor}{where}, gives nan"
        return f", times its adjoint 0{self._why_zero(hop)} gives nan"

    def _why_zero(self, hop: Hop) -> str:
        """Where the adjoint 0 that meets an infinite derivative comes from."""
        p, place = self.phrases, Place(hop.node, hop.at)
        for _ in range(MOST_HOPS):
            uses = list(self.swept.uses(place))
            if len(uses) != 1:
                break
            (use,) = uses
            if not use.terms:
                return f" ({self._instead(use.source)} at {p.place(use.source)}),"
            term = use.terms[0]
            if term.partial == 0:
                above = Hop(use.source, term.at, 0.0, use.position, place, term.bar, 0.0)
                factor = p.factor(above)
                factor = f"a factor of {factor}" if factor == p.number(0.0) else factor
                return f" ({factor} in {p.op(use.source)} at {p.place(use.source)}),"
            if term.bar != 0:
                break
            place = Place(use.source, term.at)
        return ""

    def _instead(self, node: int) -> str:
        """What an operation does that lets nothing through to a number."""
        p, let = self.phrases, self.phrases.recording.lets[node]
        match let.op.name if let is not None else "":
            case "index":
                return f"{p.source(node)} reads another value"
            case "update":
                return f"{p.source(node)} replaces it"
            case _:
                return f"{p.op(node)} takes another value"

    # zero

    def zero(self, story: Story) -> list[str]:
        """What makes a derivative 0, each in a few words."""
        assert story.zeros is not None
        flat, decided = ([self.hidden(h) for h in story.hidden if (h.op in _DECIDES) == late] for late in (False, True))
        told = list(dict.fromkeys([*flat, *(self.cause(c) for c in story.zeros.causes), *decided]))
        if not told:
            name = story.first.name
            told = [f"no path: the output does not depend on {name}{self.read_in_vain(story)}"]
        if len(told) > MOST_NAMED:
            told = [*told[:MOST_NAMED], f"and {len(told) - MOST_NAMED:,} more causes"]
        return told if story.zeros.complete else [*told, "and perhaps more: the search stopped after many operations"]

    def read_in_vain(self, story: Story) -> str:
        """Where a scalar without a path to the output is read."""
        place = story.first.place
        users = self.swept.users(place.node) if place is not None and not place.at else []
        return f", and what is made of it at {self.phrases.place(users[-1])} is not used" if users else ""

    def hidden(self, h: Hidden) -> str:
        p = self.phrases
        name = list(p.recording.inputs)[h.input]
        at = f"({p.at(h.span)})" if h.span is not None else ""
        text = self.phrases.trace.source.text[h.span.start : h.span.end] if h.span is not None else ""
        if h.op in _COMPARISONS:
            return f"the comparison {' '.join(text.split())} lets no derivative through {at}"
        match h.op:
            case "branch":
                return f"{name} is read in a branch that was not taken {at}"
            case "loop":
                return f"{name} is read in a loop that ran no iteration {at}"
            case "range":
                return f"{name} only decides how often a loop runs {at}"
            case "stop":
                return f"stop lets no derivative through {at}"
            case "trunc" if text.startswith("int"):
                return f"int is flat {at}"
            case "index" | "update" | "addat":
                return f"{name} only decides which element is meant {at}"
            case _:
                return f"{shown(h.op)} is flat {at}"

    def cause(self, c: Cause) -> str:
        p, hop = self.phrases, c.hop
        place = f"({p.place(hop.node)}{f', and {c.count - 1:,} more times' if c.count > 1 else ''})"
        assert hop.target is not None
        if c.code == CANCELS:
            return self.cancelling(c, hop.target)
        if c.code == OVERWRITTEN:
            return f"{p.target(hop.target)} is overwritten {place}"
        if c.code == UNDERFLOW:
            return f"{p.times(p.number(hop.bar), self._bracketed(hop.partial))} is too small for a number {place}"
        return self.flat(hop, place)

    def flat(self, hop: Hop, place: str) -> str:
        """A derivative that is 0 at the point."""
        p = self.phrases
        let = p.recording.lets[hop.node]
        assert let is not None
        op, name = written(let), p.source(hop.node, hop.at)
        kink = kink_at(self.flags, let.span)
        if kink is not None and let.op.special and let.op.name not in _EXTREMES:
            return f"{kink} {place}"
        match let.op.name:
            case "relu" | "clip":
                return f"{op} is flat: {p.operation(hop)} {place}"
            case "maximum" | "minimum":
                return f"{op} takes the other argument: {p.operation(hop)} {place}"
            case "reduce_max" | "reduce_min" | "select" | "sort":
                return f"{op} takes other elements than {p.target(hop.target or Place(hop.node))} {place}"
            case found if found in _NEVER_FLAT:
                return f"the derivative of {p.operation(hop)} is too small for a number {place}"
        formula = p.partial(hop, names=True)
        if let.op.name == "mul" and formula == p.number(0.0):
            return f"{p.target(hop.target or Place(hop.node))} is multiplied by 0 {place}"
        if formula is None or formula == p.number(0.0):
            return f"the derivative of {name} by {p.target(hop.target or Place(hop.node))} is 0 {place}"
        return f"the derivative of {name} is {formula} = 0 {place}"

    def cancelling(self, c: Cause, target: Place) -> str:
        p = self.phrases
        name = p.name(*target)
        uses = sorted(c.uses, key=lambda u: u.source)
        if len(uses) == 1:
            return f"within {p.source(uses[0].source)} ({p.place(uses[0].source)}) the contributions to {name} cancel exactly"
        parts = [self.contribution(u, name) for u in uses[:MOST_NAMED]]
        if len(uses) > MOST_NAMED:
            parts.append(f"{len(uses) - MOST_NAMED:,} more contributions")
        return f"{', '.join(parts[:-1])} and {parts[-1]} cancel exactly"

    def contribution(self, use: Use, name: str) -> str:
        """+x where a term is added or subtracted as it is, else the increment and its operation."""
        p = self.phrases
        let = p.recording.lets[use.source]
        assert let is not None
        if let.op.name in ("add", "sub"):
            size = abs(use.increment)
            return ("+" if use.increment > 0 else "-") + (name if size == 1 else p.times(p.number(size), name))
        return f"{'+' if use.increment > 0 else ''}{p.number(use.increment)} from {p.source(use.source)} ({p.place(use.source)})"

    # finite numbers

    def made_of(self, uses: list[Use]) -> str:
        """The statements that contribute most, each with its sum, and where it is one of many its largest use."""
        p = self.phrases
        if not uses:
            return "it is the output itself"
        groups: dict[object, list[Use]] = {}
        for use in uses:
            groups.setdefault(p.recording.lets[use.source], []).append(use)
        named = list(groups.values())
        parts = [self._group(group) for group in named[:MOST_NAMED]]
        rest = [u.increment for group in named[MOST_NAMED:] for u in group]
        if rest:
            parts.append(f"{p.number(math.fsum(rest))} from {len(rest):,} more uses")
        return ", ".join(parts) + (" alone" if len(uses) == 1 else "")

    def _group(self, uses: list[Use]) -> str:
        p, first = self.phrases, uses[0]
        if len(uses) == 1:
            return f"{p.number(first.increment)} from {p.source(first.source)} ({p.place(first.source)})"
        total = math.fsum(u.increment for u in uses)
        iteration = ", ".join(f"{k:,}" for k in iteration_of(p.trace, first.source))
        largest = f", the largest {p.number(first.increment)}{f' in iteration {iteration}' if iteration else ''}"
        return f"{p.number(total)} from {len(uses):,} uses in {p.source(first.source)} ({p.at(p.span(first.source))}{largest})"

    def stays_zero(self, story: Story) -> str:
        """Over how many operations an adjoint that became 0 stays so."""
        way = story.zeros.way if story.zeros is not None and len(story.zeros.causes) == 1 else []
        if not way:
            return ""
        where = self.iterations(way)
        many = f"{len(way):,} operations" if len(way) > 1 else "one operation"
        return f"from there to {story.first.name} the adjoint stays 0, over {many}{', ' + where if where else ''}"

    # ways

    def growth(self, hops: list[Hop], times: int) -> str:
        """× 1.07 each (adjoint 3.1e+00 → 4.4e+307), for the repetitions of a lap."""
        p = self.phrases
        first, last = hops[0], hops[-1]
        arrow = "→" if p.unicode else "->"
        if first.is_value or last.is_value:
            return f"({p.number(first.number)} {arrow} {p.number(last.number)})"
        ends = self.ends(hops)
        reached = abs(self.reached(last))
        if not (0 < abs(first.bar) < math.inf and 0 < reached < math.inf):
            return ends
        each = math.exp((math.log(reached) - math.log(abs(first.bar))) / times)
        return f"{'×' if p.unicode else 'x'} {each:.6g} each {ends}"

    def ends(self, hops: list[Hop]) -> str:
        """(adjoint 3.1e+00 → 4.4e+307)"""
        first, last = hops[0], hops[-1]
        if first.is_value or last.is_value:
            return ""
        return f"(adjoint {first.bar:.1e} {'→' if self.phrases.unicode else '->'} {self.reached(last):.1e})"

    def reached(self, hop: Hop) -> float:
        """The adjoint of what a hop leads to, its other uses included."""
        return self.swept.bar(hop.target) if hop.target is not None else hop.number

    def iterations(self, hops: list[Hop]) -> str:
        """iterations 99,998 … 12"""
        trace = self.phrases.trace
        a, b = (iteration_of(trace, hops[k].node) for k in (0, -1))
        if not a or not b or a == b:
            return ""
        dots = "…" if self.phrases.unicode else "..."
        return f"iterations {', '.join(f'{k:,}' for k in a)} {dots} {', '.join(f'{k:,}' for k in b)}"
