"""An explanation as a document: sections of values, of derivative steps grouped by operation, of folds, and of sums.

Text, Markdown, LaTeX and JSON are written from it. Sections and their items come one after the other, while the sweep runs, and are to
be read in that order, once: a run of any length takes no more room than what is shown of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeAlias

from adcli.report.explain import fold
from adcli.report.explain.steps import ADJOINT, ExplainedStep, Explanation, Place
from adcli.report.explain.totals import Total, Totals
from adcli.report.explain.words import code, plain
from adcli.report.formula import Ref
from adcli.report.notation import UNICODE, Writer
from adcli.report.table import seed_name
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
    """The steps that come through one operation.

    head: the operation's own statement, "" where the steps come through none; bar: its adjoint, "" in forward mode.
    """

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
        head = f"{self.operations:,} more operations"
        if self.iterations:
            first, last = number(self.iterations[0]), number(self.iterations[-1])
            through = "the same steps" if self.alike else "steps that differ"
            head = f"iterations {first} to {last} ({len(self.iterations):,} of them) go through {through}: {self.operations:,} operations"
        told = [f"{self.what}{code(name)} goes from {a} to {b}" for name, a, b in self.changes]
        return "; ".join([head, *told])


def number(iteration: tuple[int, ...]) -> str:
    """The iteration of a loop, after those of the loops around it: 3.0"""
    return ".".join(map(str, iteration))


Item: TypeAlias = "Value | Group | Folded | Total"


@dataclass(slots=True)
class Section:
    """kind: "values", "adjoints", "tangents" or "totals"; seed: what moves, in a section of tangents; empty: there are no steps.

    again: another of this kind came before, and has said what the symbols mean.
    """

    kind: str
    items: Iterable[Item]
    seed: str = ""
    empty: bool = False
    again: bool = False


class Document:
    """rows: operations to show in each section, about (None: all), looped: those of a run with loops; only: a variable, to whose adjoint
    or value the steps lead.
    """

    def __init__(
        self, explanation: Explanation, rows: int | None = fold.ROWS, looped: int | None = fold.LOOPED, only: str | None = None
    ) -> None:
        self.explanation = explanation
        self.trace = explanation.trace
        self.recording = explanation.trace.recording
        self.writer = explanation.writer
        self.rows = rows
        self.looped = looped
        self.only = only

    def sections(self) -> Iterator[Section]:
        yield self.values()
        yield from self.tangents() if self.trace.mode == "forward" else self.adjoints()

    def values(self) -> Section:
        """The run itself: the inputs, then its operations in the order in which they ran."""
        first = len(self.recording.inputs)
        nodes = [n for n in range(first, len(self.recording)) if self._wanted(n)]
        return Section("values", self._values([k for k in range(first) if self._wanted(k)], nodes))

    def _values(self, inputs: Sequence[int], nodes: Sequence[int]) -> Iterator[Item]:
        yield from map(self._value, inputs)
        for item in self._plan(nodes):
            yield self._value(item) if isinstance(item, int) else self._folded(item, self.recording.values, "")
        for name, ref in self.recording.outputs:
            if ref < 0 and self.only is None:  # a constant, or a whole number, which no step of the run gave
                yield Value(Place(1, 1, name), (), name, "", self.writer.number(self.recording.value(ref)))

    def _value(self, node: int) -> Value:
        formula, numbers, result = self.explanation.texts(self.trace.row(node))
        return Value(self.explanation.place(node), self.recording.iterations[node], formula, numbers, result)

    def _wanted(self, node: int) -> bool:
        return self.only is None or self.recording.names[node] == self.only

    def _plan(self, nodes: Sequence[int]) -> list[int | fold.Fold]:
        loops = any(self.recording.iterations[node] for node in nodes)
        return fold.plan(self.recording, nodes, self.looped if loops else self.rows)

    def _folded(self, f: fold.Fold, numbers: Sequence[Any] | Mapping[int, Any], what: str) -> Folded:
        """numbers: by node, those that `changes` tells."""
        ends: dict[str, tuple[int, int]] = {}
        for node in f.nodes:
            name = self.recording.names[node]
            if name and _there(numbers, node):
                ends[name] = ends.get(name, (node, node))[0], node
        said = Writer(UNICODE, self.writer.format)
        changes = [(name, said.number(numbers[a]), said.number(numbers[b])) for name, (a, b) in ends.items() if a != b]
        return Folded(len(f.nodes), f.iterations, f.alike, what, changes)

    def adjoints(self) -> Iterator[Section]:
        """The reverse sweep, and the sums it makes."""
        operations = self.explanation.operations()
        if self.only is not None:
            operations = [n for n in operations if any(ref >= 0 and self._wanted(ref) for ref in self.recording.args(n))]
        output = self.recording.outputs[self.trace.output][1]
        totals = Totals(self.explanation)
        yield Section("adjoints", self._sweep(self._plan(operations), totals), empty=output < 0 or not self.trace.varied[output])
        if any(self._wanted(k) for k in self.trace.inputs):
            yield Section("totals", (t for t in totals.found() if self.only in (None, t.name)))

    def _sweep(self, plan: Sequence[int | fold.Fold], totals: Totals) -> Iterator[Item]:
        """The operations of the plan, each with its statements as the sweep comes by, and between them what it does not come by."""
        waiting = deque(plan)
        bars: dict[int, Any] = {}
        for source, uses in groupby(totals.noted(self.trace.adjoints()), lambda a: a.source):
            steps = list(uses)
            if source is None:
                yield from [self._group([self.explanation.adjoint(a) for a in steps])] if self.only is None else []
                continue
            while waiting and _last(waiting[0]) > source:
                yield self._passed(waiting.popleft(), bars)
            if waiting and waiting[0] == source:
                waiting.popleft()
                found = [self.explanation.adjoint(a) for a in steps if self._wanted(a.node)]
                yield from [self._group(found)] if found else []
            elif self.recording.names[source]:
                bars[source] = steps[0].bar
        for item in waiting:
            yield self._passed(item, bars)

    def _passed(self, item: int | fold.Fold, bars: dict[int, Any]) -> Item:
        """What the sweep has gone past: an operation that no derivative passes, or a fold, with the adjoints met in it."""
        if isinstance(item, int):
            return self._group([self.explanation.stopped(item)])
        made = self._folded(item, bars, "the adjoint of ")
        bars.clear()
        return made

    def tangents(self) -> Iterator[Section]:
        """A section for each seed."""
        for k, seed in enumerate(self.trace.seeds):
            yield Section("tangents", self._along(k), seed_name(seed, self.writer.format), again=k > 0)

    def _along(self, seed: int) -> Iterator[Item]:
        dots, first = self.trace.tangents[seed], len(self.recording.inputs)
        moved = [n for n in range(first, len(dots)) if self._wanted(n) and self.explanation.passes(n, dots)]
        plan = self._plan(moved)
        waiting = deque(plan)
        for step in self.explanation.tangents({item for item in plan if isinstance(item, int)}, seed):
            if step.node < first and not self._wanted(step.node):
                continue
            while step.node >= first and waiting and waiting[0] != step.node:
                yield self._between(waiting.popleft(), dots)
            if step.node >= first:
                waiting.popleft()
            yield self._group([step])
        for item in waiting:
            yield self._between(item, dots)
        yield self._rate(seed)

    def _between(self, item: int | fold.Fold, dots: Sequence[Any]) -> Item:
        assert isinstance(item, fold.Fold)
        return self._folded(item, dots, "the tangent of ")

    def _rate(self, seed: int) -> Total:
        """The derivative along a seed: the output's tangent."""
        trace, writer = self.trace, self.writer
        output = self.recording.outputs[trace.output][1]
        moving = [(n, v) for n, v in trace.seeds[seed].items() if not is_zero(v)]
        alone = len(moving) == 1 and not hasattr(moving[0][1], "shape") and moving[0][1] == 1
        left = writer.notation.gradient(trace.output_name, moving[0][0]) if alone else trace.output_name
        if output < 0:
            return Total(trace.output_name, left, 0.0, 0)
        dot = writer.notation.ref(Ref("dot", self.recording.number(output)))
        return Total(trace.output_name, f"{left} = {dot}", trace.tangent(output, seed).value, 0)

    def _group(self, steps: list[ExplainedStep]) -> Group:
        first = steps[0]
        if first.source is None or not first.rule:
            return Group(first.place, first.iteration, "", "", steps)
        head, bar = self.explanation.texts(self.trace.row(first.source))[0], ""
        if first.kind == ADJOINT:
            bar = f"{self.writer.notation.ref(Ref('bar', self.recording.number(first.source)))} = {self.writer.number(first.bar)}"
        return Group(first.place, first.iteration, head, bar, steps)


def _last(item: int | fold.Fold) -> int:
    """The last node of a plan's item."""
    return item if isinstance(item, int) else item.nodes[-1]


def _there(numbers: Sequence[Any] | Mapping[int, Any], node: int) -> bool:
    """Whether a number is known at a node."""
    return node in numbers if isinstance(numbers, Mapping) else numbers[node] is not None


def looped(items: Iterable[Item]) -> Iterator[tuple[tuple[int, ...], Iterator[Item]]]:
    """The items by their outermost iteration; () for what is outside of loops, and for folds and sums."""
    return groupby(items, lambda item: item.iteration[:1] if isinstance(item, Value | Group) else ())


