"""The panel of the trace: every row with what is derived from it, folded.

A statement says its numbers as the tables do; data-n and data-v hold them with every digit where those leave digits out. Its id is its
position in the order in which statements run: s1, s2, … Nodes are told by their positions in the recording: data-node is the row that it
stands in, data-to the node whose adjoint it gives, data-from and data-position say which argument of which node that comes through, data-d
the derivative there, data-i what is added, and data-b the adjoint that comes in, where no row of the page has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adcli.report.explain.steps import ExplainedStep, Explanation, ruled
from adcli.report.explain.words import parts
from adcli.report.formula import Ref
from adcli.report.notation import Writer
from adcli.report.page.fold import DEPTH, Fold, Item
from adcli.report.page.markup import Html, element, escaped
from adcli.report.page.order import Gap, Order
from adcli.report.sweep import Adjoint
from adcli.report.table import Omitted, omitted, seed_name, statement_line
from adcli.report.trace import Statement, Trace

# So many variables say in the heading of an iteration what it gave them.
NAMED = 3


class Rows:
    """Writes rows. writer: numbers as in tables; exact: with every digit; explanation: what is said of each statement, if anything is."""

    def __init__(self, trace: Trace, order: Order, writer: Writer, exact: Writer, explanation: Explanation | None = None) -> None:
        self.trace, self.order, self.writer, self.exact = trace, order, writer, exact
        self.explanation = explanation
        self.still = set(explanation.stills()) if explanation is not None and trace.mode == "reverse" else set()
        self.seeds = [seed_name(seed, writer.format) for seed in trace.seeds]
        self._gaps = list(order.gaps)

    def write(self, items: list[Item]) -> Iterator[Html]:
        """A list of rows and folds, piece by piece."""
        yield Html('<ol class="rows">')
        for item in items:
            if isinstance(item, Fold):
                yield Html("<li>")
                yield from self.fold(item)
                yield Html("</li>")
            elif isinstance(item, Omitted):
                yield element("li", omitted(item), *map(self.gap, self._gaps), class_="omitted")
                self._gaps.clear()
            else:
                yield self.row(item)
        yield Html("</ol>")

    def fold(self, fold: Fold) -> Iterator[Html]:
        nodes = list(fold.rows())
        count = element("span", f"{len(nodes):,} row{'s' if len(nodes) > 1 else ''}", class_="count")
        yield Html(f'<details class="{fold.kind}"><summary>')
        yield Html(" ".join([self.heading(fold, nodes), count]))
        yield Html("</summary>")
        yield from self.write(fold.items)
        yield Html("</details>")

    def heading(self, fold: Fold, nodes: list[int]) -> Html:
        if fold.kind == "loop":
            return element("code", fold.text)
        if fold.kind == "iteration":
            said = [element("span", "iteration ", element("b", fold.text)), *map(self._given, self._last(nodes))]
            return Html(" ".join(said))
        first = fold.items[0]
        if isinstance(first, Fold) and first.kind == "iteration":
            return element("span", f"iterations {first.text} to {_last_iteration(fold)}")
        ends = [self.writer.notation.ref(Ref("v", self.trace.recording.number(n))) for n in (nodes[0], nodes[-1])]
        return element("span", f"{ends[0]} to {ends[1]}")

    def _last(self, nodes: list[int]) -> list[int]:
        """The rows that give the variables of an iteration their last values."""
        last = {self.trace.recording.names[n]: n for n in nodes if self.trace.recording.names[n]}
        return sorted(last.values())[-NAMED:]

    def _given(self, node: int) -> Html:
        r = self.trace.recording
        return element("span", f"{r.names[node]} = {self.writer.number(r.values[node])}", class_="given")

    def row(self, node: int) -> Html:
        """A row: its primal statement, its adjoint, and the statements derived from it."""
        r = self.trace.recording
        pieces = [element("span", r.names[node], class_="name")] if r.names[node] else []
        pieces.append(self.primal(node))
        if self.trace.mode == "reverse":
            derived = [self.adjoint(k, a) for k, a in reversed(self.order.adjoints.get(node, []))]
            if node in self.order.final:
                pieces.append(self.running(node, self.order.final[node]))
        else:
            derived = [self.tangent(node, k) for k in range(len(self.seeds))]
        if derived:
            pieces.append(element("ol", *derived, class_="derived"))
        return element("li", *pieces, class_="row")

    def running(self, node: int, value: Any) -> Html:
        """The adjoint of a node; without a script, what it is at the end."""
        name = self.writer.notation.ref(Ref("bar", self.trace.recording.number(node)))
        return element("span", f"{name} = ", element("output", self.writer.number(value), id=f"b{node}"), class_="running")

    def primal(self, node: int) -> Html:
        found = self.explanation.stopped(node) if self.explanation is not None and node in self.still else None
        return self.statement("div", "primal", self.order.primal[node], node, self.trace.row(node), said=found, **self.place(node))

    def tangent(self, node: int, k: int) -> Html:
        label, position = element("span", self.seeds[k], class_="label"), self.order.primal[node] + 1 + k
        return self.statement("li", "tangent", position, node, self.trace.tangent(node, k), label, said=self._moved(node, k))

    def _moved(self, node: int, k: int) -> ExplainedStep | None:
        """What is said of the tangent of a node; nothing of where the seed does not reach."""
        found = self.trace.tangents[k]
        if self.explanation is None:
            return None
        if found[node] is None:
            stops = self.trace.recording.lets[node] is not None and self.explanation.passes(node, found)
            return self.explanation.stopped(node) if stops else None
        if self.trace.recording.lets[node] is None:
            return self.explanation.moved(node, k, 0)
        return self.explanation.tangent(node, k, 0)

    def adjoint(self, position: int, a: Adjoint) -> Html:
        data: dict[str, Any] = {"data_to": a.node}
        if a.source is not None:
            data |= {"data_from": a.source, "data_position": a.position}
            data["data_d"] = None if a.partial is None else self.exact.number(a.partial)
            data["data_i"] = None if a.before is None else self.exact.number(a.increment)
            if a.source not in self.order.primal:
                data |= {"data_b": self.exact.number(a.bar), **self.place(a.source)}
        beside = a.node if a.source is None else a.source
        label = element("span", str(a.step), class_="label")
        found = None if self.explanation is None else self.explanation.adjoint(a)
        return self.statement("li", "adjoint", position, beside, self.trace.adjoint(a), label, said=found, **data)

    def statement(
        self, tag: str, kind: str, position: int, node: int, s: Statement, *before: Html, said: ExplainedStep | None = None,
        **data: str | int | None,
    ) -> Html:  # fmt: skip
        """left = formula = numbers = value; node: whose row it stands in."""
        short, exact = statement_line(self.writer, s), statement_line(self.exact, s)
        pieces = [*before, element("span", short.statement, class_="f")]
        if short.numbers:
            pieces.append(element("span", short.numbers, class_="n"))
        pieces.append(element("span", short.value, class_="v"))
        if said is not None:
            pieces.append(sentence(said))
        data |= {
            "data_n": exact.numbers if exact.numbers != short.numbers else None,
            "data_v": exact.value if exact.value != short.value else None,
        }
        return element(tag, Html(" ".join(pieces)), class_=kind, id=f"s{position}", data_node=node, **data)

    def place(self, node: int) -> dict[str, str | int]:
        """Where in the program it is: the line, and from where to where; the iterations of the loops around it."""
        found: dict[str, str | int] = {"data_line": self.trace.place(node)}
        let = self.trace.recording.lets[node]
        if let is not None and let.span is not None:
            found["data_at"] = f"{let.span.start} {let.span.end}"
        counts = list(map(str, self.trace.recording.iterations[node]))
        if counts:
            found["data_iter"] = ", ".join(counts if len(counts) <= DEPTH else [*counts[:2], self.writer.notation.dots, *counts[-2:]])
        return found

    def gap(self, gap: Gap) -> Html:
        """The adjoint statements that are left out, as one step: the adjoints after them as pairs of a node and a text."""
        import json

        left = [[node, self.writer.number(value)] for node, value in gap.running.items()]
        text = f"{gap.count:,} adjoint statement{'s' if gap.count > 1 else ''} left out"
        return element("p", text, class_="gap", id=f"s{gap.position}", data_set=json.dumps(left, ensure_ascii=False))


def sentence(said: ExplainedStep) -> Html:
    """The rule of a step, what happens in words, and what is to be noted there."""
    found = [element("span", rule, class_="rule"), " "] if (rule := ruled(said) or (said.rule.words if said.rule else "")) else []
    found += [element("code", text) if code else escaped(text) for text, code in parts(said.sentence)]
    found += [element("span", f" {note}.", class_="note") for note in said.notes]
    return element("div", *found, class_="words")


def _last_iteration(fold: Fold) -> str:
    """The number of the last iteration in a part of a loop."""
    last: Item = fold
    while isinstance(last, Fold) and last.kind == "part":
        last = last.items[-1]
    return last.text if isinstance(last, Fold) else ""
