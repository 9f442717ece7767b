"""An explanation as a document: sections of values, of derivative steps grouped by operation, of folds, and of sums.

Text, Markdown and LaTeX are written from it. Only what is shown is held, so that long runs take no more room than short ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeAlias

from adcli.report.explain import fold
from adcli.report.explain.steps import ADJOINT, SEED, STILL, ExplainedStep, Explanation, Place
from adcli.report.explain.totals import Total, Totals
from adcli.report.explain.words import code, plain
from adcli.report.formula import Ref
from adcli.report.notation import UNICODE, Writer
from adcli.report.table import Table
from adcli.report.trace import is_zero


@dataclass(slots=True)
class Value:
    """A line of the run: left = formula = numbers = result."""

    place: Place
    iteration: tuple[int, ...]
    formula: str
    numbers: str
    result: str


@dataclass(slots=True)
class Group:
    """The steps that come through one operation. head: the operation's own statement; bar: its adjoint, "" where it has none."""

    place: Place | None
    iteration: tuple[int, ...]
    head: str
    bar: str
    steps: list[ExplainedStep]


@dataclass(slots=True)
class Folded:
    """Operations left out. changes: of each variable assigned there the number at the first and at the last of them."""

    operations: int
    iterations: list[tuple[int, ...]]
    alike: bool
    what: str
    changes: list[tuple[str, str, str]]

    @property
    def words(self) -> str:
        return plain(self.sentence)

    @property
    def sentence(self) -> str:
        """With marks around names of the program, see `words.parts`."""
        if self.iterations:
            first, last = number(self.iterations[0]), number(self.iterations[-1])
            same = "the same" if self.alike else "other"
            head = (
                f"iterations {first} to {last} ({len(self.iterations):,} of them) go through {same} steps: {self.operations:,} operations"
            )
        else:
            head = f"{self.operations:,} more operations"
        told = [f"{self.what}{code(name)} goes from {a} to {b}" for name, a, b in self.changes]
        return "; ".join([head, *told])


def number(iteration: tuple[int, ...]) -> str:
    """The iteration of a loop, after those of the loops around it: 3.0"""
    return ".".join(map(str, iteration))


Item: TypeAlias = "Value | Group | Folded | Total"


@dataclass(slots=True)
class Section:
    """kind: "values", "adjoints", "tangents" or "totals"; seed: what moves, in a section of tangents."""

    kind: str
    items: list[Item] = field(default_factory=list)
    seed: str = ""


class Document:
    """rows: operations to show in each section, about (None: all), looped: those of a run with loops; only: a variable, to whose adjoint
    or value the steps lead.
    """

    def __init__(
        self, explanation: Explanation, rows: int | None = fold.ROWS, looped: int | None = fold.LOOPED, only: str | None = None
    ) -> None:
        self.explanation = explanation
        self.trace = explanation.trace
        self.writer = explanation.writer
        self.rows = rows
        self.looped = looped
        self.only = only

    def sections(self) -> list[Section]:
        if self.trace.mode == "forward":
            return [self.values(), *self.tangents()]
        return [self.values(), *self.adjoints()]

    def values(self) -> Section:
        """The run itself: the inputs, then what the sweep goes through, in the order in which it ran."""
        r = self.trace.recording
        inputs = [k for k in range(len(r.inputs)) if self._wanted(k)]
        nodes = [n for n in range(len(r.inputs), len(r)) if self._wanted(n)]
        section = Section("values", [self._value(k) for k in inputs])
        for item in self._plan(nodes):
            section.items.append(self._value(item) if isinstance(item, int) else self._folded(item, r.values, ""))
        return section

    def _plan(self, nodes: list[int]) -> list[int | fold.Fold]:
        r = self.trace.recording
        loops = any(r.iterations[node] for node in nodes)
        return fold.plan(r, nodes, self.looped if loops else self.rows)

    def _wanted(self, node: int) -> bool:
        return self.only is None or self.trace.recording.names[node] == self.only

    def _value(self, node: int) -> Value:
        formula, numbers, result = self.explanation.texts(self.trace.row(node))
        return Value(self.explanation.place(node), self.trace.recording.iterations[node], formula, numbers, result)

    def _folded(self, f: fold.Fold, numbers: Any, what: str) -> Folded:
        """numbers: by node, those that `changes` tells."""
        names = self.trace.recording.names
        ends: dict[str, tuple[int, int]] = {}
        for node in f.nodes:
            if names[node]:
                ends[names[node]] = ends.get(names[node], (node, node))[0], node
        known = {name: pair for name, pair in ends.items() if pair[0] != pair[1] and all(_there(numbers, n) for n in pair)}
        said = Writer(UNICODE, self.writer.format)
        changes = [(name, said.number(numbers[a]), said.number(numbers[b])) for name, (a, b) in known.items()]
        return Folded(len(f.nodes), f.iterations, f.alike, what, changes)

    def adjoints(self) -> list[Section]:
        """The reverse sweep, and the sums it makes."""
        r = self.trace.recording
        operations = self.explanation.operations()
        if self.only is not None:
            operations = [n for n in operations if any(ref >= 0 and self._wanted(ref) for ref in r.args(n))]
        plan = self._plan(operations)
        shown = {item for item in plan if isinstance(item, int)}
        watched = {node for item in plan if isinstance(item, fold.Fold) for node in item.nodes if r.names[node]}
        steps: dict[int, list[ExplainedStep]] = {}
        bars: dict[int, Any] = {}
        totals = Totals(self.explanation)
        seed: list[Item] = []
        for a in self.trace.adjoints():
            totals.add(a)
            if a.source is None:
                seed = [self._group([self.explanation.adjoint(a)])]
                continue
            if a.source in watched:
                bars[a.source] = a.bar
            if a.source in shown and self._wanted(a.node):
                steps.setdefault(a.source, []).append(self.explanation.adjoint(a))
        for still in self.explanation.still(shown):
            steps[still.node] = [still]
        sweep = Section("adjoints", seed if self.only is None else [])
        for item in plan:
            if isinstance(item, fold.Fold):
                sweep.items.append(self._folded(item, bars, "the adjoint of "))
            elif item in steps:
                sweep.items.append(self._group(steps[item]))
        found = [t for t in totals.found() if self.only is None or t.name == self.only]
        return [sweep, Section("totals", list(found))] if found else [sweep]

    def tangents(self) -> Iterator[Section]:
        """A section for each seed."""
        r = self.trace.recording
        labels = Table(self.trace, self.writer, [])
        for k in range(len(self.trace.seeds)):
            dots = self.trace.tangents[k]
            moved = [
                n for n in range(len(r.inputs), len(r)) if self._wanted(n) and (dots[n] is not None or self.explanation.stands(n, dots))
            ]
            plan = self._plan(moved)
            shown = {item for item in plan if isinstance(item, int)}
            found = {step.node: step for step in self.explanation.tangents(shown, k)}
            section = Section("tangents", seed=labels.seed(k))
            section.items += [self._group([found[n]]) for n in range(len(r.inputs)) if n in found and self._wanted(n)]
            for item in plan:
                section.items.append(self._group([found[item]]) if isinstance(item, int) else self._folded(item, dots, "the tangent of "))
            section.items.append(self._rate(k))
            yield section

    def _rate(self, seed: int) -> Total:
        """The derivative along a seed: the output's tangent."""
        trace, writer = self.trace, self.writer
        output = trace.recording.outputs[trace.output][1]
        moving = [(n, v) for n, v in trace.seeds[seed].items() if not is_zero(v)]
        statement = trace.tangent(output, seed) if output >= 0 else None
        alone = len(moving) == 1 and not hasattr(moving[0][1], "shape") and moving[0][1] == 1
        left = writer.notation.gradient(trace.output_name, moving[0][0]) if alone else trace.output_name
        if statement is None:
            return Total(trace.output_name, left, 0.0, 0)
        return Total(trace.output_name, f"{left} = {writer.notation.ref(Ref('dot', trace.recording.number(output)))}", statement.value, 0)

    def _group(self, steps: list[ExplainedStep]) -> Group:
        first = steps[0]
        if first.kind in (SEED, STILL) or first.source is None:
            return Group(first.place, first.iteration, "", "", steps)
        head = self.explanation.texts(self.trace.row(first.source))[0]
        bar = ""
        if first.kind == ADJOINT:
            bar = f"{self.writer.notation.ref(Ref('bar', self.trace.recording.number(first.source)))} = {self.writer.number(first.bar)}"
        return Group(first.place, first.iteration, head, bar, steps)


def _there(numbers: Any, node: int) -> bool:
    """Whether a number is known at a node, in a list or a mapping."""
    return node in numbers if isinstance(numbers, dict) else numbers[node] is not None


def looped(section: Section) -> Iterable[tuple[tuple[int, ...], list[Item]]]:
    """The items by their outermost iteration; () for what is outside of loops, and for folds and sums."""

    def outermost(item: Item) -> tuple[int, ...]:
        return item.iteration[:1] if isinstance(item, Value | Group) else ()

    return ((key, list(items)) for key, items in groupby(section.items, outermost))
