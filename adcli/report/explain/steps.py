"""The derivative of one run step by step, as data: for each step its rule, formula, numbers, place in the source, and words.

    x1*x2 + sin(x1) at x1 = 2, x2 = 5, reverse:
    1  the result                                                v̄₃ = 1
    2  through x1*x2 + sin(x1)    ∂(x + y)/∂x = 1                v̄₁ = v̄₃ = 1
    4  through sin(x1)            ∂sin(x)/∂x = cos(x)            v̄₋₁ = v̄₂ × cos(v₋₁) = 1 × cos(2) = -0.4161468365471424  …

The steps are those of the trace table (`report.trace`), in the order of the sweep and with its numbers. Between them stand the places
where nothing goes on: operations without a derivative, such as floor.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adcli.engines.flags import BIRTHS, Flag
from adcli.errors import Span
from adcli.report import rules
from adcli.report.explain import words
from adcli.report.explain.textbook import Rule, letters, rule
from adcli.report.notation import UNICODE, Writer
from adcli.report.numbers import exact_number
from adcli.report.sweep import Adjoint
from adcli.report.trace import Statement, Trace

SEED, ADJOINT, TANGENT, STILL = "seed", "adjoint", "tangent", "still"


class Place(NamedTuple):
    """Line and column, counted from 1, and the program's text there on one line."""

    line: int
    column: int
    fragment: str


@dataclass(slots=True)
class ExplainedStep:
    """One step of a sweep.

    kind: "seed" (where the sweep begins), "adjoint", "tangent", or "still": an operation that no derivative passes.
    step: its number in the sweep, as in the trace table; 0 for "still". node: the position in the recording whose adjoint or tangent it
    gives. source: the operation it comes through; None for a seed. position: the argument of that operation.
    rule: as a textbook states it, in the writer's notation, or in words; None for seeds and where nothing passes.
    partial, partial_numbers, slope: the derivative of the operation as a formula, with numbers put in, and its value (None where it is a
    matrix; slope_text: of a scalar, as text).
    formula, numbers, result: the statement, the numbers put in, what it gives. increment, running: what it adds, and the sum so far.
    words: what happens, in a sentence or two (sentence: the same with marks around pieces of the program, see `words.parts`).
    notes: flags at this operation.
    """

    kind: str
    step: int
    node: int
    source: int | None
    position: int
    place: Place | None
    iteration: tuple[int, ...]
    operation: str
    rule: Rule | None
    formula: str
    numbers: str
    result: str
    sentence: str
    partial: str = ""
    partial_numbers: str = ""
    slope: Any = None
    slope_text: str = ""
    bar: Any = None
    increment: Any = None
    running: Any = None
    notes: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        return words.plain(self.sentence)


class Explanation:
    """A trace in words. flags: those of the result, which tell kinks and ends of domains at their places.

    writer: of formulas (default: in Unicode, with exact numbers).
    """

    def __init__(self, trace: Trace, writer: Writer | None = None, flags: Sequence[Flag] = ()) -> None:
        self.trace = trace
        self.writer = writer = writer or Writer(UNICODE, exact_number)
        self.flags: dict[Span, list[Flag]] = {}
        for flag in flags:
            if flag.span is not None and flag.code != "no-path":
                self.flags.setdefault(flag.span, []).append(flag)
        self.subjects = words.Subjects(trace, writer)
        self.letters = letters(frozenset(trace.recording.names))

    def __str__(self) -> str:
        """The explanation as plain text, at most 80 columns wide where that can be done; of long runs what is not alike."""
        from adcli.report.explain.document import Document
        from adcli.report.explain.text import text

        return "".join(text(Document(self), 80)).rstrip("\n")

    def place(self, node: int) -> Place:
        """Where a node stands in the program; of an input, where it is declared."""
        trace = self.trace
        let = trace.recording.lets[node]
        span = None if let is None else let.span
        if span is None:
            name, line = trace.recording.names[node], trace.place(node)
            met = re.search(rf"\b{re.escape(name)}\b", trace.source.line(line)) if line else None
            return Place(line, met.start() + 1 if met else 1, name)
        return Place(*trace.source.position(span.start), words.fragment(trace.source, span))

    def steps(self, shown: Container[int] | None = None, seed: int = 0) -> Iterator[ExplainedStep]:
        """The steps in the order of the sweep. shown: the operations they may come through (None: all). seed: of forward mode."""
        if self.trace.mode == "forward":
            yield from self.tangents(shown, seed)
            return
        waiting = list(self.still(shown))
        for a in self.trace.adjoints():
            while waiting and a.source is not None and waiting[-1].node > a.source:
                yield waiting.pop()
            if a.source is None or shown is None or a.source in shown:
                yield self.adjoint(a)
        yield from reversed(waiting)

    def operations(self) -> list[int]:
        """The operations that the sweep goes through, in its order; in forward mode those that any seed moves."""
        trace, r = self.trace, self.trace.recording
        if trace.mode == "forward":
            moved = trace.tangents
            return [n for n in range(len(r.inputs), len(r)) if any(self.passes(n, dots) for dots in moved)]
        reached = bytearray(len(r))
        output = r.outputs[trace.output][1]
        if output >= 0 and trace.varied[output]:
            reached[output] = 1
        for node in range(len(r) - 1, len(r.inputs) - 1, -1):
            let = r.lets[node]
            if reached[node] and let is not None:
                refs = r.args(node)
                for k in trace.derivatives.positions(let):
                    if refs[k] >= 0 and trace.varied[refs[k]]:
                        reached[refs[k]] = 1
        for node in self.stills():
            reached[node] = 1
        return [node for node in range(len(r) - 1, len(r.inputs) - 1, -1) if reached[node]]

    def adjoint(self, a: Adjoint) -> ExplainedStep:
        """One adjoint statement."""
        trace, writer, r = self.trace, self.writer, self.trace.recording
        statement = trace.adjoint(a)
        formula, numbers, result = self.texts(statement)
        if a.source is None:
            return ExplainedStep(
                kind=SEED, step=a.step, node=a.node, source=None, position=0, place=self.place(a.node), iteration=r.iterations[a.node],
                operation="", rule=None, formula=formula, numbers="", result=result, sentence=words.begins(trace.output_name),
                bar=1.0, increment=1.0, running=1.0,
            )  # fmt: skip
        step = trace.step(a.source)
        partial, partial_numbers = self.partial(step, a.position, statement)
        matrix = a.partial is None or hasattr(a.partial, "shape")
        return ExplainedStep(
            kind=ADJOINT, step=a.step, node=a.node, source=a.source, position=a.position, place=self.place(a.source),
            iteration=r.iterations[a.source], operation=trace.op(a.source), rule=rule(step.let, a.position, writer, self.letters),
            formula=formula, numbers=numbers, result=result, sentence=self.subjects.adjoint(a, step), partial=partial,
            partial_numbers=partial_numbers, slope=a.partial, slope_text="" if matrix else writer.number(a.partial), bar=a.bar,
            increment=a.increment, running=a.running, notes=self.notes(step.let.span, step.let.op.name),
        )  # fmt: skip

    def partial(self, step: rules.Step, k: int, statement: Statement) -> tuple[str, str]:
        """The derivative of the operation by its k-th argument as a formula, and with the numbers put in; empty where it is a matrix."""
        if step.let.op.kind not in ("partials", "reduce", "ruled"):
            return "", ""
        found = rules.partial(step, k)
        return self.writer.text(found), self.writer.text(found, statement.put)

    def texts(self, s: Statement) -> tuple[str, str, str]:
        """left = formula, the numbers put in where they say more, and the value."""
        writer = self.writer
        formula, numbers, value = writer.text(s.formula), writer.text(s.formula, s.put), writer.number(s.value)
        return f"{writer.notation.ref(s.left)} = {formula}", numbers if numbers not in (formula, value) else "", value

    def notes(self, span: Span | None, op: str) -> list[str]:
        """The flags at an operation: kinks and ends of domains of its own, and where a number that is not finite was born."""
        there = self.flags.get(span, []) if span is not None else []
        return list(dict.fromkeys(flag.message for flag in there if flag.op == op or flag.code in BIRTHS))

    def tangents(self, shown: Container[int] | None, seed: int) -> Iterator[ExplainedStep]:
        """The tangents of the inputs that move, then of every operation that they move."""
        r, found = self.trace.recording, self.trace.tangents[seed]
        step = 0
        for node in range(len(r)):
            step += found[node] is not None
            if r.lets[node] is None:
                if found[node] is not None:
                    yield self.moved(node, seed, step)
            elif shown is not None and node not in shown:
                continue
            elif found[node] is not None:
                yield self.tangent(node, seed, step)
            elif self.passes(node, found):
                yield self.stopped(node)

    def moved(self, node: int, seed: int, number: int) -> ExplainedStep:
        """An input that moves."""
        formula, numbers, result = self.texts(self.trace.tangent(node, seed))
        dot = self.trace.tangents[seed][node]
        return ExplainedStep(
            kind=SEED, step=number, node=node, source=None, position=0, place=self.place(node), iteration=(), operation="input",
            rule=None, formula=formula, numbers=numbers, result=result,
            sentence=words.moves(self.subjects.called(node), self.subjects.said(dot)), increment=dot, running=dot,
        )  # fmt: skip

    def tangent(self, node: int, seed: int, number: int) -> ExplainedStep:
        """An operation that an input moves."""
        trace, dots = self.trace, self.trace.tangents[seed]
        statement, step = trace.tangent(node, seed), trace.step(node)
        formula, numbers, result = self.texts(statement)
        refs = trace.recording.args(node)
        moving = [k for k in trace.derivatives.positions(step.let) if refs[k] >= 0 and dots[refs[k]] is not None]
        return ExplainedStep(
            kind=TANGENT, step=number, node=node, source=node, position=moving[0], place=self.place(node),
            iteration=trace.recording.iterations[node], operation=trace.op(node), rule=self.rules(step, moving), formula=formula,
            numbers=numbers, result=result, sentence=self.subjects.tangent(node, step, moving, dots), increment=statement.value,
            running=statement.value, notes=self.notes(step.let.span, step.let.op.name),
        )  # fmt: skip

    def rules(self, step: rules.Step, moving: Sequence[int]) -> Rule:
        """The partial derivatives by the arguments that move; of operations whose rules are of adjoints, a sentence."""
        op = step.let.op
        if op.kind not in ("partials", "reduce", "ruled"):
            return Rule("", words.TANGENTS.get(op.kind, words.LINEAR) if op.tangent is None else words.OWN)
        stated = [rule(step.let, k, self.writer, self.letters) for k in moving]
        return Rule((r" \qquad " if self.writer.notation.name == "latex" else ", ").join(s.formula for s in stated))

    def still(self, shown: Container[int] | None) -> Iterator[ExplainedStep]:
        """The operations behind the output that no derivative passes, though the inputs reach them, in the order of the run."""
        return (self.stopped(node) for node in self.stills() if shown is None or node in shown)

    def stills(self) -> list[int]:
        """The nodes of these operations."""
        trace, r = self.trace, self.trace.recording
        live = bytearray(len(r))
        output = r.outputs[trace.output][1]
        if output >= 0:
            live[output] = 1
        for node in range(len(r) - 1, len(r.inputs) - 1, -1):
            if live[node]:
                for ref in r.args(node):
                    if ref >= 0:
                        live[ref] = 1
        return [
            node
            for node in range(len(r.inputs), len(r))
            if live[node] and not trace.varied[node] and any(ref >= 0 and trace.varied[ref] for ref in r.args(node))
        ]

    def passes(self, node: int, tangents: Sequence[Any]) -> bool:
        """Whether a sweep forward has something to say of an operation: it moves, or one of its arguments does."""
        return tangents[node] is not None or any(ref >= 0 and tangents[ref] is not None for ref in self.trace.recording.args(node))

    def stopped(self, node: int) -> ExplainedStep:
        """An operation that no derivative passes."""
        trace = self.trace
        let = trace.recording.lets[node]
        assert let is not None
        formula, numbers, result = self.texts(trace.row(node))
        place = self.place(node)
        return ExplainedStep(
            kind=STILL, step=0, node=node, source=node, position=0, place=place, iteration=trace.recording.iterations[node],
            operation=trace.op(node), rule=None, formula=formula, numbers=numbers, result=result,
            sentence=words.stands(let.op.name, place.fragment), notes=self.notes(let.span, let.op.name),
        )  # fmt: skip


def steps(trace: Trace, writer: Writer, flags: Sequence[Flag] = (), seed: int = 0) -> Iterator[ExplainedStep]:
    """Every step of the sweep, in its order; in forward mode along one of the trace's seeds."""
    return Explanation(trace, writer, flags).steps(seed=seed)


def chain(formula: str, numbers: str, result: str) -> str:
    """left = formula = numbers = result, without what repeats itself."""
    parts = [formula, *([numbers] if numbers else [])]
    if not formula.endswith(f"= {result}"):
        parts.append(result)
    return " = ".join(parts)


def ruled(step: ExplainedStep, here: str = ", here ") -> str:
    """The rule, and what it is at this step: ∂sin(x)/∂x = cos(x), here cos(2) = -0.416."""
    if step.rule is None:
        return ""
    stated, numbers, value = step.rule.formula, step.partial_numbers, step.slope_text
    if not stated or not numbers or not value or (numbers == value and stated.endswith(f"= {value}")):
        return stated
    return f"{stated}{here}{numbers}" + (f" = {value}" if numbers != value else "")
