"""What each input's derivative adds up from: one term for every use of the input that the sweep met.

∂y/∂x1 = 5 + cos 2 = 5 - 0.4161468365471424 = 4.583853163452858
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from adcli.report import rules
from adcli.report.explain.steps import Explanation, Place
from adcli.report.formula import Apply, Formula, Infix, Neg, Num, Ref, is_number
from adcli.report.notation import Writer
from adcli.report.sweep import Adjoint
from adcli.report.trace import Trace, zero_like

# Terms that a sum shows at either end.
HEAD, TAIL = 4, 3
# Functions that are written without parentheses before a plain number.
BARE = frozenset({"sin", "cos", "tan", "sinh", "cosh", "tanh", "ln"})


@dataclass(slots=True)
class Term:
    """One use of an input: the place, the product of adjoint and derivative with its numbers, and what it adds."""

    place: Place
    iteration: tuple[int, ...]
    numbers: str
    increment: Any


@dataclass(slots=True)
class Total:
    """The derivative by one input. first, last: the terms in the order of the program, those between are only counted.

    shares: for each place the number of terms and their sum, in the order of the program.
    """

    name: str
    left: str
    value: Any
    count: int
    first: list[Term] = field(default_factory=list)
    last: list[Term] = field(default_factory=list)
    shares: list[tuple[Place, int, Any]] = field(default_factory=list)

    @property
    def omitted(self) -> int:
        return self.count - len(self.first) - len(self.last)


class _Uses:
    """The uses of one input, kept at both ends."""

    def __init__(self) -> None:
        self.count = 0
        self.running: Any = None
        self.head: list[Adjoint] = []
        self.tail: deque[Adjoint] = deque(maxlen=HEAD)
        self.places: dict[Place, tuple[int, Any]] = {}

    def add(self, a: Adjoint, place: Place | None) -> None:
        self.count += 1
        self.running = a.running
        if place is None:
            return
        if len(self.head) < TAIL:
            self.head.append(a)
        else:
            self.tail.append(a)
        count, total = self.places.get(place, (0, None))
        self.places[place] = count + 1, a.increment if total is None else total + a.increment


class Totals:
    """Gathers the terms while the sweep runs, and writes them at its end."""

    def __init__(self, explanation: Explanation) -> None:
        self.explanation = explanation
        self.trace: Trace = explanation.trace
        self.uses: dict[int, _Uses] = {k: _Uses() for k in self.trace.inputs}
        self._places: dict[int, Place] = {}

    def noted(self, adjoints: Iterable[Adjoint]) -> Iterator[Adjoint]:
        """The statements of a sweep, with a note taken of those of the inputs."""
        for a in adjoints:
            if a.node in self.uses:
                self.uses[a.node].add(a, None if a.source is None else self.place(a.source))
            yield a

    def place(self, node: int) -> Place:
        """Where a node stands; looked up once for each statement of the program."""
        let = self.trace.recording.lets[node]
        found = self._places.get(id(let))
        if found is None:
            found = self._places[id(let)] = self.explanation.place(node)
        return found

    def found(self) -> list[Total]:
        return [self._total(node, uses) for node, uses in self.uses.items()]

    def _total(self, node: int, uses: _Uses) -> Total:
        r, writer = self.trace.recording, self.explanation.writer
        left = writer.notation.gradient(self.trace.output_name, r.names[node])
        value = zero_like(r.values[node]) if uses.running is None else uses.running
        # The sweep runs backwards, and a sum reads forwards.
        last, first = (list(map(self._term, reversed(part))) for part in (uses.head, uses.tail))
        shares = [(place, count, total) for place, (count, total) in uses.places.items()]
        return Total(r.names[node], left, value, uses.count, first, last, sorted(shares, key=lambda share: share[0][:2]))

    def _term(self, a: Adjoint) -> Term:
        assert a.source is not None
        bar: Formula = Num(a.bar) if isinstance(a.bar, float) else Ref("bar", self.trace.recording.number(a.source))
        formula = rules.adjoint(self.trace.step(a.source), a.position, bar, None)
        values = self.trace.adjoint(a)
        numbers = term(without_one(formula), values.put, self.explanation.writer)
        return Term(self.place(a.source), self.trace.recording.iterations[a.source], numbers, a.increment)


def without_one(f: Formula) -> Formula:
    """The product of an adjoint and a derivative, without an adjoint of 1."""
    match f:
        case Infix("*", left, right) if is_number(left, 1):
            return right
        case Infix("*" | "/" as sign, left, right):
            return Infix(sign, without_one(left), right)
        case Neg(operand):
            return Neg(without_one(operand))
    return f


def term(f: Formula, put: Any, writer: Writer) -> str:
    """The formula with its numbers; a function at its end without parentheses, as textbooks write cos 2; a sum in parentheses."""
    if writer.notation.name == "unicode":
        sign, inner = ("-", f.operand) if isinstance(f, Neg) else ("", f)
        before, last = (inner.left, inner.right) if isinstance(inner, Infix) and inner.symbol == "*" else (None, inner)
        if isinstance(last, Apply) and last.name in BARE and not last.named and len(last.args) == 1:
            argument = writer.text(last.args[0], put)
            if isinstance(last.args[0], Ref | Num) and argument.replace(".", "").isdigit():
                front = "" if before is None else writer.text(Infix("*", before, Num(1.0)), put).removesuffix("1")
                return f"{sign}{front}{last.name} {argument}"
    text = writer.text(f, put)
    return writer.notation.parenthesized(text) if isinstance(f, Infix) and f.symbol in ("+", "-") else text


def summed(terms: list[str]) -> str:
    """a + b - c, where c is written -c."""
    out = terms[0]
    for text in terms[1:]:
        out += f" - {text[1:]}" if text.startswith("-") else f" + {text}"
    return out


def equation(total: Total, writer: Writer) -> str:
    """∂y/∂x = the terms with their numbers = the terms = the value; what says nothing new, or would be too long, is left out."""
    value = writer.number(total.value)
    if not total.first + total.last:
        return f"{total.left} = {value}"
    ends = total.last if not total.first else [*total.first, *total.last]
    increments = [writer.number(t.increment) for t in ends]
    sides = [increments] if total.omitted or hasattr(total.value, "shape") or len(ends) > HEAD else [[t.numbers for t in ends], increments]
    if total.omitted:
        sides[0].insert(len(total.first), writer.notation.dots)
    shown = list(dict.fromkeys([*map(summed, sides), value]))
    return " = ".join([total.left, *shown])
