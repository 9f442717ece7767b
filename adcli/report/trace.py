"""The evaluation trace of one run with derivatives, as data: rows, tangents, adjoint statements, each with its formula.

As in Baydin, Pearlmutter, Radul and Siskind, "Automatic differentiation in machine learning: a survey", JMLR 18 (2018), Tables 2 and 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from adcli.engines.limits import Limits
from adcli.engines.record import Recording
from adcli.errors import Source, Span
from adcli.report import rules
from adcli.report.formula import Formula, Num, Ref, Word
from adcli.report.sweep import Adjoint, Derivatives


@dataclass(slots=True, eq=False)
class Statement:
    """left = formula, where the values of the references in it are `values`, gives `value`."""

    left: Ref
    formula: Formula
    value: Any
    values: Mapping[Ref, Any] = field(default_factory=dict)

    def put(self, ref: Ref) -> Any:
        return self.values[ref]


@dataclass(eq=False, repr=False)
class Trace:
    """A recording, and how it is differentiated.

    mode: "forward" along each of `seeds` (from input names to tangents), or "reverse" from `output` (a position in the outputs).
    seed: the adjoint of that output. lines: where each input is declared; wrt: the inputs that are differentiated by.
    own: the operations that the program itself has at each place; others there belong to a derivative that it asks for.
    """

    recording: Recording
    source: Source
    mode: str
    lines: Mapping[str, int]
    wrt: Sequence[str]
    seeds: Sequence[Mapping[str, Any]] = ()
    output: int = 0
    limits: Limits = field(default_factory=Limits)
    seed: Any = 1.0
    own: Mapping[Span, Sequence[str]] = field(default_factory=dict)

    @cached_property
    def derivatives(self) -> Derivatives:
        return Derivatives(self.recording, self.limits)

    @cached_property
    def inputs(self) -> list[int]:
        """The nodes of the inputs that are differentiated by."""
        return [k for k, name in enumerate(self.recording.inputs) if name in self.wrt]

    @cached_property
    def varied(self) -> bytearray:
        return self.derivatives.varied(self.inputs)

    @cached_property
    def tangents(self) -> list[list[Any]]:
        """For each seed the tangent of every node (None: a structural zero)."""
        names = list(self.recording.inputs)
        return [self.derivatives.tangents({names.index(n): v for n, v in seed.items() if not is_zero(v)}) for seed in self.seeds]

    def adjoints(self) -> Iterator[Adjoint]:
        """The adjoint statements in the order in which they run."""
        return self.derivatives.adjoints(self.recording.outputs[self.output][1], self.inputs, self.seed)

    @property
    def output_name(self) -> str:
        return self.recording.outputs[self.output][0]

    def step(self, node: int) -> rules.Step:
        r = self.recording
        let = r.lets[node]
        assert let is not None
        refs = r.args(node)
        args = tuple(Ref("v", r.number(ref)) if ref >= 0 else Num(r.value(ref)) for ref in refs)
        return rules.Step(let, args, tuple(r.value(ref) for ref in refs), Ref("v", r.number(node)), r.values[node])

    def row(self, node: int) -> Statement:
        """The statement of a node: v₂ = v₋₁ × v₀."""
        r = self.recording
        left = Ref("v", r.number(node))
        if r.lets[node] is None:
            return Statement(left, Word(r.names[node]), r.values[node])
        return Statement(left, rules.operation(self.step(node)), r.values[node], self._values(node))

    def tangent(self, node: int, seed: int) -> Statement:
        """The tangent of a node along a seed: v̇₂ = v̇₋₁ × v₀ + v̇₀ × v₋₁."""
        r, tangents = self.recording, self.tangents[seed]
        left = Ref("dot", r.number(node))
        value = self._tangent(tangents, node)
        if r.lets[node] is None or not self.varied[node]:
            return Statement(left, Num(value), value)
        values, dots = self._values(node), {}
        for k, ref in enumerate(r.args(node)):
            if ref >= 0 and self.varied[ref]:
                dots[k] = Ref("dot", r.number(ref))
                values[dots[k]] = self._tangent(tangents, ref)
        return Statement(left, rules.tangent(self.step(node), dots), value, values)

    def _tangent(self, tangents: list[Any], node: int) -> Any:
        found = tangents[node]
        return zero_like(self.recording.values[node]) if found is None else found

    def adjoint(self, a: Adjoint) -> Statement:
        """The statement of an adjoint: v̄₀ = v̄₀ + v̄₂ × v₋₁."""
        r = self.recording
        left = Ref("bar", r.number(a.node))
        if a.source is None:
            return Statement(left, Num(a.running), a.running)
        bar = Ref("bar", r.number(a.source))
        values = self._values(a.source) | {bar: a.bar, left: a.before}
        formula = rules.adjoint(self.step(a.source), a.position, bar, None if a.before is None else left)
        return Statement(left, formula, a.running, values)

    def __str__(self) -> str:
        """The table as plain text, at most 80 columns wide where that can be done."""
        from adcli.report.grid import plain
        from adcli.report.notation import UNICODE, Writer
        from adcli.report.numbers import table_number
        from adcli.report.table import ROWS, Table, chosen

        return plain(Table(self, Writer(UNICODE, table_number), chosen(self, None, ROWS)).fitted(80)).rstrip("\n")

    def _values(self, node: int) -> dict[Ref, Any]:
        r = self.recording
        found = {Ref("v", r.number(ref)): r.values[ref] for ref in r.args(node) if ref >= 0}
        found[Ref("v", r.number(node))] = r.values[node]
        return found

    def place(self, node: int) -> int:
        """The line of the program that the node comes from."""
        let = self.recording.lets[node]
        if let is None:
            return self.lines[self.recording.names[node]]
        return self.source.position(let.span.start)[0] if let.span else 0

    def derived(self, node: int) -> bool:
        """Whether a node belongs to a derivative that the program asks for."""
        let = self.recording.lets[node]
        return let is not None and let.span is not None and let.op.name not in self.own.get(let.span, (let.op.name,))

    def op(self, node: int) -> str:
        """The operation's name in JSON: its sign where programs write one."""
        let = self.recording.lets[node]
        return "input" if let is None else rules.sign(let.op)


def zero_like(value: Any) -> Any:
    """0, or an array of zeros of that shape."""
    if not hasattr(value, "shape"):
        return 0.0
    import numpy as np

    return np.zeros(value.shape)


def is_zero(value: Any) -> bool:
    """Whether a number, or every element of an array, is 0."""
    return not value.any() if hasattr(value, "any") else value == 0


def by_level(r: Recording, limits: Limits) -> Recording:
    """The recording in the order of depth in the graph, inputs at 0; within a level in the order of evaluation."""
    levels = [0] * len(r)
    for node in range(len(r.inputs), len(r)):
        levels[node] = 1 + max((levels[ref] for ref in r.args(node) if ref >= 0), default=0)
    out = Recording(r.inputs, limits)
    moved = list(range(len(r)))
    for node in sorted(range(len(r.inputs), len(r)), key=levels.__getitem__):
        refs = [moved[ref] if ref >= 0 else out.constant(r.value(ref)) for ref in r.args(node)]
        let = r.lets[node]
        assert let is not None
        moved[node] = out.add(let, refs, r.values[node], r.iterations[node])
        out.names[moved[node]] = r.names[node]
    out.outputs = [(name, moved[ref] if ref >= 0 else out.constant(r.value(ref))) for name, ref in r.outputs]
    return out
