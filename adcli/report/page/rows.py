"""The panel of the trace: every row with what is derived from it, folded.

A statement says its numbers as the tables do; data-n and data-v hold them with every digit where those leave digits out. Its id is its
position in the order in which statements run: s1, s2, …
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adcli.report.formula import Ref
from adcli.report.notation import Writer
from adcli.report.page.fold import Fold, Item
from adcli.report.page.markup import Html, element
from adcli.report.page.order import Gap, Order
from adcli.report.sweep import Adjoint
from adcli.report.table import Omitted, omitted, seed_name, statement_line
from adcli.report.trace import Statement, Trace

# So many variables say in the heading of an iteration what it gave them.
NAMED = 3


class Rows:
    """Writes rows. writer: numbers as in tables; exact: with every digit."""

    def __init__(self, trace: Trace, order: Order, writer: Writer, exact: Writer) -> None:
        self.trace, self.order, self.writer, self.exact = trace, order, writer, exact
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
        parts = [element("span", r.names[node], class_="name"), self.primal(node)]
        if self.trace.mode == "reverse":
            derived = [self.adjoint(k, a) for k, a in reversed(self.order.adjoints.get(node, []))]
            if node in self.order.final:
                parts.append(self.running(node, self.order.final[node]))
        else:
            derived = [self.tangent(node, k) for k in range(len(self.seeds))]
        if derived:
            parts.append(element("ol", *derived, class_="derived"))
        return element("li", *parts, class_="row")

    def running(self, node: int, value: Any) -> Html:
        """The adjoint of a node; without a script, what it is at the end."""
        number = self.trace.recording.number(node)
        name = self.writer.notation.ref(Ref("bar", number))
        return element("span", f"{name} = ", element("output", self.writer.number(value), id=f"b{number}"), class_="running")

    def primal(self, node: int) -> Html:
        return self.statement("p", "primal", self.order.primal[node], node, self.trace.row(node), **self.place(node))

    def tangent(self, node: int, k: int) -> Html:
        label, position = element("span", self.seeds[k], class_="label"), self.order.primal[node] + 1 + k
        return self.statement("li", "tangent", position, node, self.trace.tangent(node, k), label)

    def adjoint(self, position: int, a: Adjoint) -> Html:
        number = self.trace.recording.number
        data: dict[str, Any] = {"data_to": number(a.node), "data_step": a.step}
        if a.source is not None:
            data |= {"data_d": None if a.partial is None else self.exact.number(a.partial), "data_i": self.exact.number(a.increment)}
        beside = a.node if a.source is None else a.source
        label = element("span", str(a.step), class_="label")
        return self.statement("li", "adjoint", position, beside, self.trace.adjoint(a), label, **data)

    def statement(self, tag: str, kind: str, position: int, node: int, s: Statement, *before: Html, **data: str | int | None) -> Html:
        """left = formula = numbers = value; node: whose row it stands in."""
        short, exact = statement_line(self.writer, s), statement_line(self.exact, s)
        parts = [*before, element("span", short.statement, class_="f")]
        if short.numbers:
            parts.append(element("span", short.numbers, class_="n"))
        parts.append(element("span", short.value, class_="v"))
        data |= {
            "data_n": exact.numbers if exact.numbers != short.numbers else None,
            "data_v": exact.value if exact.value != short.value else None,
        }
        number = self.trace.recording.number(node)
        return element(tag, Html(" ".join(parts)), class_=kind, id=f"s{position}", data_node=number, **data)

    def place(self, node: int) -> dict[str, str | int]:
        """Where in the program it is: the line, and from where to where; the iterations of the loops around it."""
        found: dict[str, str | int] = {"data_line": self.trace.place(node)}
        let = self.trace.recording.lets[node]
        if let is not None and let.span is not None:
            found["data_at"] = f"{let.span.start} {let.span.end}"
        if self.trace.recording.iterations[node]:
            found["data_iter"] = ", ".join(map(str, self.trace.recording.iterations[node]))
        return found

    def gap(self, gap: Gap) -> Html:
        """The adjoint statements that are left out, as one step: the adjoints behind them as pairs of a number and a text."""
        import json

        number = self.trace.recording.number
        left = [[number(node), self.writer.number(value)] for node, value in gap.running.items()]
        text = f"{gap.count:,} adjoint statement{'s' if gap.count > 1 else ''} left out"
        return element("p", text, class_="gap", id=f"s{gap.position}", data_set=json.dumps(left, ensure_ascii=False))


def _last_iteration(fold: Fold) -> str:
    """The number of the last iteration in a part of a loop."""
    last: Item = fold
    while isinstance(last, Fold) and last.kind == "part":
        last = last.items[-1]
    return last.text if isinstance(last, Fold) else ""
