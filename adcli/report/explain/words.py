"""What happens at a step, in words: the chain rule with the program's own names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adcli.engines.flags import finite
from adcli.errors import Source, Span
from adcli.report import rules
from adcli.report.cures import clipped
from adcli.report.formula import Ref
from adcli.report.notation import UNICODE, Writer
from adcli.report.numbers import significant
from adcli.report.sweep import Adjoint
from adcli.report.trace import Trace

DIGITS = 4
# What stands around pieces of the program while a sentence is made; programs cannot contain these characters.
OPEN, CLOSE = "\x01", "\x02"
LONGEST = 40
# Characters of the program that a fragment is taken from: sums of many terms begin with each other.
LOOK = 400
ASSIGNED = re.compile(r"\w+\s*[-+*/^]=")
# How tangents pass operations whose rules are those of adjoints.
LINEAR = "the operation is linear: it does to tangents what it does to values"
OWN = "the operation has a rule of its own for tangents"
TANGENTS = {
    "bilinear": "the operation is linear in each argument: one after the other is replaced by its tangent, and the results are added",
    "form": "the tangents become further arguments of the operation",
}
JUMPS = frozenset({"floor", "ceil", "round", "trunc", "sign", "floordiv"})


# What happens to the adjoint of an array, by operation and argument.
ARRAYS: dict[tuple[str, int | None], str] = {
    ("index", 0): "Only what was read of {arg} gets the adjoint of {whole}; the rest gets 0.",
    ("update", 0): "{arg} gets the adjoint of the elements that stayed.",
    ("update", 1): "{arg} gets the adjoint of the elements it was put in.",
    ("addat", 0): "{arg} gets the adjoint of the new array.",
    ("addat", 1): "{arg} gets the adjoint of the elements it was added to.",
    ("sum", 0): "Every element of {arg} counts once in {whole}: each gets its adjoint.",
    ("mean", 0): "Every element of {arg} has the same part in {whole}: each gets that part of its adjoint.",
    ("stack", None): "{arg} gets the adjoint of its own part of {whole}.",
    ("concat", None): "{arg} gets the adjoint of its own part of {whole}.",
    ("select", None): "{arg} gets the adjoint where it was chosen.",
}
SHARED = "Element by element the adjoint of {whole} times the derivative, summed, since {arg} serves several elements."
ELEMENTWISE = "Element by element: the adjoint of {whole} times the derivative by {arg}."
OTHERWISE = "The rule of {op} takes the adjoint of {whole} back to {arg}."
KINDS = {
    "reduce": "Each element of {arg} gets the adjoint of {whole} times its own derivative.",
    "ruled": "The rule that the program gives for {op} says the derivative by {arg}.",
    "bilinear": "{whole} is linear in {arg}: the adjoint comes back multiplied by the other factor.",
}


def fragment(source: Source, span: Span) -> str:
    """The program's text at a place, on one line; of a long one the beginning, however long it is."""
    text = clipped(source.text[span.start : min(span.end, span.start + LOOK)])
    return text if span.end - span.start <= LOOK or text.endswith("…") else text + "…"


def parts(sentence: str) -> list[tuple[str, bool]]:
    """The pieces of a sentence, and which of them are pieces of the program."""
    found = []
    for k, piece in enumerate(re.split(f"[{OPEN}{CLOSE}]", sentence)):
        if piece:
            found.append((piece, k % 2 == 1))
    return found


def plain(sentence: str) -> str:
    return "".join(text for text, _ in parts(sentence))


def code(text: str) -> str:
    """A piece of the program in a sentence."""
    return f"{OPEN}{text}{CLOSE}" if text else text


def begins(output: str) -> str:
    return f"The sweep begins at the result: {code(output)} moves with itself at the rate 1."


def moves(name: str, rate: str) -> str:
    return f"{name} moves at the rate {rate}."


def stands(op: str, fragment: str) -> str:
    """Why no derivative passes an operation."""
    inside = op == "stop" and not fragment.startswith("stop")
    fragment = code(fragment)
    if inside:  # root and fixed_point stop their arguments, and make one step more that is differentiated
        return f"No derivative passes the iterations of {fragment}: by the implicit function theorem that of one step after them is all."
    if op == "stop":
        return f"{fragment} has no derivative, which is what it is for: nothing passes it."
    if op in JUMPS:
        return f"{fragment} is flat between its jumps: its derivative is 0, and nothing passes it."
    return f"{fragment} has the derivative 0: nothing passes it."


class Subjects:
    """Speaks of the nodes of a trace."""

    def __init__(self, trace: Trace, writer: Writer) -> None:
        self.trace = trace
        # Sentences have few digits; the formulas beside them have all.
        self.writer = Writer(writer.notation if writer.notation.name != "latex" else UNICODE, significant(DIGITS))

    def called(self, node: int) -> str:
        """An input or a variable by its name, a step of an expression by its text."""
        r = self.trace.recording
        let = r.lets[node]
        if r.names[node] or let is None or let.span is None:
            return code(r.names[node])
        return self._said(node, fragment(self.trace.source, let.span))

    def _said(self, node: int, text: str) -> str:
        """A step by the text of the program there; of a derivative that the program asks for, by what it is the derivative of."""
        return f"the derivative of {_short(text)}" if self.trace.derived(node) else _short(text)

    def result(self, node: int) -> str:
        """An operation by its text; the one whose value is the output, and what s += x gives, by their names."""
        r = self.trace.recording
        if r.outputs[self.trace.output][1] == node:
            return code(self.trace.output_name)
        let = r.lets[node]
        if let is None or let.span is None:
            return self.called(node)
        text = fragment(self.trace.source, let.span)
        if r.names[node] and ASSIGNED.match(text):
            return f"the new {code(r.names[node])}"
        return self._said(node, text)

    def numbered(self, node: int) -> str:
        """v₇, as formulas call it."""
        return self.writer.notation.ref(Ref("v", self.trace.recording.number(node)))

    def said(self, value: Any) -> str:
        """A number with few digits."""
        return self.writer.number(value)

    def adjoint(self, a: Adjoint, step: rules.Step) -> str:
        """How the adjoint of a node grows by one of its uses."""
        assert a.source is not None
        refs = self.trace.recording.args(a.source)
        arg, whole = self.called(a.node), self.result(a.source)
        if arg == whole:  # steps of one expression, such as root, which have no other names than their numbers
            arg, whole = self.numbered(a.node), self.numbered(a.source)
        if sum(ref == a.node for ref in refs) > 1:
            arg = f"{arg} (as argument {a.position + 1})"
        told = self._passes(a, step, arg, whole)
        if a.before is None:
            return told
        if hasattr(a.running, "shape"):
            return f"{told} It is added to what came before."
        if a.increment == 0:
            return f"{told} Its adjoint stays {self.said(a.running)}."
        return f"{told} With the {self.said(a.before)} from before that makes {self.said(a.running)}."

    def _passes(self, a: Adjoint, step: rules.Step, arg: str, whole: str) -> str:
        if not isinstance(a.partial, float | int) or hasattr(a.bar, "shape"):
            return self._arrays(a, step, arg, whole)
        slope, output = a.partial, code(self.trace.output_name)
        if not finite(slope):
            return f"The derivative of {whole} by {arg} is {self.said(slope)} here, and {self.said(a.increment)} comes back."
        if not finite(a.bar):
            return f"The adjoint of {whole} is {self.said(a.bar)} already, and {self.said(a.increment)} comes back."
        if a.bar == 0:
            return f"The adjoint of {whole} is 0: nothing comes back to {arg}."
        if slope == 0:
            return f"{arg} does not move {whole} here: nothing comes back to it."
        if slope == 1:
            return f"{whole} moves as much as {arg} does: the adjoint goes on to it as it is."
        if slope == -1:
            return f"{whole} moves as much as {arg} does, the other way: the adjoint goes on to it with the other sign."
        moved = f"Per unit of {arg}, {whole} moves by {self.said(slope)}"
        if whole == output or a.bar == 1:
            return f"{moved}." if whole == output else f"{moved}, and {output} as much."
        return f"{moved}, and {output} by {self.said(a.bar)} times that: {self.said(a.increment)}."

    def _arrays(self, a: Adjoint, step: rules.Step, arg: str, whole: str) -> str:
        op = step.let.op
        told = ARRAYS.get((op.name, a.position)) or ARRAYS.get((op.name, None))
        if told is None and op.kind == "partials":
            shared = len(_shape(step.values[a.position])) < len(_shape(step.value))
            told = SHARED if shared else ELEMENTWISE
        told = told or KINDS.get(op.kind, OTHERWISE)
        return told.replace("{whole}", whole).replace("{arg}", arg).replace("{op}", op.name)

    def tangent(self, node: int, step: rules.Step, moving: Sequence[int], dots: Sequence[Any]) -> str:
        """How a step moves with its arguments."""
        refs = self.trace.recording.args(node)
        whole = self.result(node)
        if hasattr(dots[node], "shape"):
            return f"{whole} moves with {' and '.join(dict.fromkeys(self.called(refs[k]) for k in moving))}."
        causes = dict.fromkeys((self.called(refs[k]), self.said(dots[refs[k]])) for k in moving)
        # "moving", once, lest the rate be taken for the value.
        told = " and ".join(f"{name} {'at' if j else 'moving at'} {rate}" for j, (name, rate) in enumerate(causes))
        return f"With {told}, {whole} moves at {self.said(dots[node])}."


def _short(text: str) -> str:
    return code(text if len(text) <= LONGEST else text[: LONGEST - 1] + "…")


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(getattr(value, "shape", ()))
