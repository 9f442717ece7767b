"""Rows folded: a loop becomes one heading, and under it each iteration; long lists become parts, so that no list is long.

    v₁   line 4                   v₁
    v₂   line 5, iteration 0      ▸ for i in 0..2
    v₃   line 5, iteration 1          ▸ iteration 0
    v₄   line 7                           v₂
                                      ▸ iteration 1
                                          v₃
                                  v₄
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from adcli.errors import Source, Span
from adcli.report.table import Omitted
from adcli.report.trace import Trace
from adcli.syntax import parse
from adcli.syntax.tree import Comprehension, ForStmt, Node, WhileStmt

# Loops nested deeper than this, by recursion, are not folded further: readers of HTML bound the depth of elements.
DEPTH = 8
# The longest list, and the length of its parts where it is longer.
LIST, PART = 120, 100

Item: TypeAlias = "int | Omitted | Fold"


@dataclass(slots=True)
class Fold:
    """Rows under a heading: of a "loop" (text: its head), of one "iteration" (text: its number), or a "part" of a longer list."""

    kind: str
    text: str
    items: list[Item] = field(default_factory=list)

    def rows(self) -> Iterator[int]:
        """The rows inside, in order."""
        for item in self.items:
            if isinstance(item, Fold):
                yield from item.rows()
            elif isinstance(item, int):
                yield item


@dataclass(slots=True)
class _Open:
    """A loop that the last row was in, and the iteration it was in. span is None where the loop is not known: it is a caller's."""

    span: Span | None
    loop: Fold
    count: int
    iteration: Fold


def folded(trace: Trace, shown: Sequence[int | Omitted], looped: bool = True) -> list[Item]:
    """The rows of a trace, folded: by loops, where they are in the order of the run, and in parts."""
    if not looped:
        return _parted(list(shown))
    loops = _Loops(trace.source)
    top: list[Item] = []
    stack: list[_Open] = []
    for row in shown:
        if isinstance(row, Omitted):
            stack.clear()
            top.append(row)
            continue
        let = trace.recording.lets[row]
        counts = trace.recording.iterations[row][:DEPTH]
        known = loops.around(let.span)[-len(counts) :] if let is not None and let.span and counts else []
        _enter(top, stack, counts, [*[None] * (len(counts) - len(known)), *known], loops)
        (stack[-1].iteration.items if stack else top).append(row)
    return _parted(top)


def _enter(top: list[Item], stack: list[_Open], counts: Sequence[int], spans: Sequence[Span | None], loops: _Loops) -> None:
    """Close the loops that the row is not in, and open those that it is in."""
    depth = 0
    while depth < min(len(stack), len(counts)) and _same(stack[depth], spans[depth]) and stack[depth].count == counts[depth]:
        depth += 1
    if depth < min(len(stack), len(counts)) and _same(stack[depth], spans[depth]) and stack[depth].count < counts[depth]:
        here = stack[depth]
        here.count, here.iteration = counts[depth], Fold("iteration", str(counts[depth]))
        here.loop.items.append(here.iteration)
        depth += 1
    del stack[depth:]
    for count, span in zip(counts[depth:], spans[depth:], strict=True):
        loop, iteration = Fold("loop", loops.head(span)), Fold("iteration", str(count))
        (stack[-1].iteration.items if stack else top).append(loop)
        loop.items.append(iteration)
        stack.append(_Open(span, loop, count, iteration))


def _same(loop: _Open, span: Span | None) -> bool:
    return loop.span == span or span is None or loop.span is None


def _parted(items: list[Item]) -> list[Item]:
    """A list whose folds are parted, itself in parts where it is long."""
    for item in items:
        if isinstance(item, Fold):
            item.items = _parted(item.items)
    while len(items) > LIST:
        items = [Fold("part", "", items[k : k + PART]) for k in range(0, len(items), PART)]
    return items


class _Loops:
    """The loops of a program's text."""

    def __init__(self, source: Source) -> None:
        self.text = source.text
        self.spans: list[tuple[Span, int]] = []
        stack: list[object] = [parse(source)]
        while stack:
            node = stack.pop()
            if isinstance(node, tuple):
                stack += node
            elif isinstance(node, Node):
                self._note(node)
                stack += [getattr(node, name) for name in node.__slots__]
        self.spans.sort(key=lambda found: (found[0].start, -found[0].end))
        self._around: dict[Span, list[Span]] = {}

    def _note(self, node: Node) -> None:
        match node:
            case ForStmt() | WhileStmt():
                self.spans.append((node.span, node.body.span.start))
            case Comprehension():
                self.spans += [(node.span, node.span.end)] * len(node.clauses)

    def around(self, span: Span) -> list[Span]:
        """The loops that a place is inside of, the outermost first."""
        found = self._around.get(span)
        if found is None:
            found = self._around[span] = [s for s, _ in self.spans if s.start <= span.start and span.end <= s.end]
        return found

    def head(self, span: Span | None) -> str:
        """while abs(y*y - x) > 1e-12"""
        if span is None:
            return "loop"
        end = next(end for s, end in self.spans if s == span)
        return " ".join(self.text[span.start : end].split()).rstrip("{ ")
