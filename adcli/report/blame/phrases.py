"""How the operations of a run and their numbers are called: source text, place, the derivative as a formula with and without numbers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from adcli.engines.flags import shown
from adcli.errors import Span
from adcli.ir.nodes import Let
from adcli.report import rules
from adcli.report.blame.birth import ELEMENTWISE, Hop, fitted, named
from adcli.report.blame.swept import Index, Place, element
from adcli.report.cures import clipped
from adcli.report.formula import Formula, Num, Ref, Word
from adcli.report.notation import Notation, Writer
from adcli.report.numbers import significant
from adcli.report.trace import Trace

DIGITS = 6
_HEAD = re.compile(r"[A-Za-z0-9_.]*")
_DOUBLE = re.compile(r"\(\(([^()]*)\)\)")


def atomic(text: str) -> bool:
    """Whether a text goes into a larger formula as it is: a name, a number, or one of them before one pair of brackets."""
    head = _HEAD.match(text)
    rest = text[head.end() if head else 0 :]
    if not rest:
        return True
    depth = 0
    for k, c in enumerate(rest):
        depth += (c in "([") - (c in ")]")
        if depth == 0:
            return k == len(rest) - 1
    return False


def written(let: Let) -> str:
    """The operation's name as programs write it: max, where, @."""
    if let.op.name == "select":
        return "where"
    return rules.INFIX.get(let.op.name) or shown(let.op.name)


class Phrases:
    """The words for the nodes of one run, in a notation, numbers with so many digits."""

    def __init__(self, trace: Trace, notation: Notation, digits: int | None = None) -> None:
        self.trace = trace
        self.recording = trace.recording
        self.writer = Writer(notation, significant(digits or DIGITS))
        self.unicode = notation.name == "unicode"

    def number(self, x: float) -> str:
        return self.writer.format(float(x))

    def times(self, *factors: str) -> str:
        return (" × " if self.unicode else " * ").join(factors)

    def op(self, node: int) -> str:
        """The operation in backquotes: `sqrt`, `*`."""
        let = self.recording.lets[node]
        return f"`{written(let)}`" if let is not None else self.recording.names[node]

    def span(self, node: int) -> Span | None:
        let = self.recording.lets[node]
        return let.span if let is not None else None

    def at(self, span: Span | None) -> str:
        """line:column"""
        return "{}:{}".format(*self.trace.source.position(span.start)) if span is not None else ""

    def place(self, node: int) -> str:
        """1:6, and the iteration of the loops around."""
        iteration = self.recording.iterations[node]
        loop = f", iteration {', '.join(f'{k:,}' for k in iteration)}" if iteration else ""
        return self.at(self.span(node)) + loop

    def source(self, node: int, index: Index = ()) -> str:
        """The source text of an operation, with the element meant; the name of an input."""
        span = self.span(node)
        if self.recording.lets[node] is None or span is None:
            return named(self.recording.names[node], index)
        text = clipped(self.trace.source.text[span.start : span.end])
        if self.trace.derived(node):
            return f"derivative of {text}"
        let = self.recording.lets[node]
        if let is not None and let.op.name in rules.SUBSCRIPTED and let.op.name != "index":
            values = [self.recording.value(ref) for ref in self.recording.args(node)]
            sign = "=" if let.op.name == "update" else "+="
            return f"{self.recording.names[node]}[{rules.subscript(str(let.attrs[0]), values[2:])}] {sign} {text}"
        return named(text if not index or atomic(text) else f"({text})", index)

    def name(self, ref: int, index: Index = (), factor: bool = True) -> str:
        """A value: a number, a variable's name, or the source text, as a factor of a formula in brackets."""
        if ref < 0:
            value = self.recording.value(ref)
            return self.writer.number(value if not getattr(value, "shape", ()) else element(value, index))
        if self.trace.derived(ref):
            return self.number(element(self.recording.values[ref], index))
        let = self.recording.lets[ref]
        if let is not None and let.op.name == "stack" and let.attrs == (0,) and not self.recording.names[ref] and index:
            return self.name(self.recording.args(ref)[index[0]], index[1:])
        text = self.recording.names[ref] or self.source(ref)
        return named(text if atomic(text) or not (factor or index) else f"({text})", index)

    def operation(self, hop: Hop) -> str:
        """The operation of a hop with its numbers put in: ln(-1)."""
        step = self.trace.step(hop.node)
        if not self.scalar(hop):
            return self.source(hop.node, hop.at)
        return self.writer.text(rules.operation(step), self.put(hop))

    def scalar(self, hop: Hop) -> bool:
        """Whether the operation works element by element, so that its formula holds for the numbers of one element."""
        let = self.recording.lets[hop.node]
        if let is None:
            return False
        return let.op.type in ELEMENTWISE or not any(getattr(v, "shape", ()) for v in self.trace.step(hop.node).values)

    def put(self, hop: Hop) -> Any:
        """The numbers of the values that a hop's formula names."""
        r, first = self.recording, len(self.recording.inputs) - 1

        def find(ref: Ref) -> float:
            value = r.values[ref.number + first]
            return element(value, fitted(hop.at, value)) if getattr(value, "shape", ()) else value

        return find

    def _step(self, hop: Hop, names: bool) -> rules.Step:
        """The operation of a hop, its result written as the operation itself; arrays as the elements that matter."""
        r, step = self.recording, self.trace.step(hop.node)
        refs = r.args(hop.node)
        values = tuple(element(v, fitted(hop.at, v)) if getattr(v, "shape", ()) and self.scalar(hop) else v for v in step.values)
        args: list[Formula] = []
        for ref, a, v in zip(refs, step.args, values, strict=True):
            if names and ref >= 0:
                args.append(Word(self.name(ref, fitted(hop.at, r.values[ref]) if getattr(r.values[ref], "shape", ()) else ())))
            else:
                args.append(Num(v) if isinstance(a, Num) else a)
        value = element(step.value, hop.at)
        made = replace(step, args=tuple(args), values=values, value=value)
        return replace(made, out=rules.operation(made))

    def partial(self, hop: Hop, names: bool = False) -> str | None:
        """The derivative of a hop as a formula, with numbers or with names; None where it is none of a few numbers."""
        let = self.recording.lets[hop.node]
        if let is None or let.op.kind not in ("partials", "ruled") or not self.scalar(hop):
            return None
        formula = rules.partial(self._step(hop, names), hop.position)
        if isinstance(formula, Word) and formula.text.startswith("(") and formula.text.endswith(")"):
            return formula.text[1:-1]  # alone, a piece of the program needs no brackets
        return _DOUBLE.sub(r"(\1)", self.writer.text(formula, None if names else self.put(hop)))

    def derivative(self, hop: Hop) -> str:
        """The derivative of a hop with its number: 0.5 / sqrt(0) = inf."""
        number = self.number(hop.partial)
        text = self.partial(hop)
        return number if text is None or text == number else f"{text} = {number}"

    def factor(self, hop: Hop) -> str:
        """The derivative of a hop with names and its number: 2 × x = 0."""
        number = self.number(hop.partial)
        text = self.partial(hop, names=True)
        return number if text is None or text == number else f"{text} = {number}"

    def target(self, place: Place) -> str:
        """The number whose adjoint it is: x, w[3], or an operation."""
        return self.name(place.node, place.at, factor=False)
