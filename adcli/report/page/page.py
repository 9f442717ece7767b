"""The page as a whole: its head with the content-security policy, the results, the controls, and the panels.

    page(trace, rows, title="Newton", …)   →   <!DOCTYPE html> … all that the browser needs, in pieces
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.resources import files
from typing import Any

from adcli.report.explain import Explanation
from adcli.report.graph import View, recorded, svg
from adcli.report.graph.fold import folded as folded_graph
from adcli.report.notation import Writer
from adcli.report.numbers import exact_number
from adcli.report.page.fold import folded
from adcli.report.page.listing import listing
from adcli.report.page.markup import Html, element
from adcli.report.page.order import Order
from adcli.report.page.rows import Rows
from adcli.report.table import Omitted, seed_name
from adcli.report.trace import Trace, zero_like

# As many rows as a page holds unless it is told otherwise: a few megabytes.
ROWS = 10_000
# As many rows as a page says in words.
SAID = 2_000
# As many operations as the graph shows: what is between is folded.
NODES = 60


@dataclass
class Page:
    """What a page shows, and how.

    shown: the rows, and where some are left out. by_target: adjoint statements stand beside the row whose adjoint they give.
    loops: rows are folded by loops, since they are in the order of the run. flags: what is to be noted about the result, one text each.
    explanation: says each step in words. front: "trace", "graph" or "explain", what has the most room, or is said at length.
    nodes, direction: of the graph, how many operations it shows (None: all), and where it runs.
    """

    trace: Trace
    writer: Writer
    shown: Sequence[int | Omitted]
    title: str
    by_target: bool = False
    loops: bool = True
    flags: Sequence[str] = ()
    explanation: Explanation | None = None
    front: str = "trace"
    nodes: int | None = NODES
    direction: str = "down"

    @cached_property
    def exact(self) -> Writer:
        return Writer(self.writer.notation, exact_number)

    @cached_property
    def order(self) -> Order:
        return Order(self.trace, [row for row in self.shown if isinstance(row, int)], self.by_target)

    def parts(self) -> Iterator[str]:
        """The document, piece by piece."""
        style, script = svg.STYLE + "\n" + asset("page.css"), asset("page.js")
        yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n'
        yield from (part + "\n" for part in self._head(style, script))
        yield "</head>\n"
        yield f'<body data-front="{self.front}" data-mode="{self.trace.mode}" data-forward="{self.order.forward}">\n'
        yield from (part + "\n" for part in (self._top(), controls(self.order), "<main>"))
        yield from self._program()
        yield INSPECTOR
        yield from self._graph()
        yield from self._trace()
        yield f"</main>\n<script>{script}</script>\n</body>\n</html>\n"

    def _head(self, style: str, script: str) -> Iterator[str]:
        policy = (
            f"default-src 'none'; style-src {source_hash(style)}; script-src {source_hash(script)}; base-uri 'none'; form-action 'none'"
        )
        yield element("meta", charset="utf-8")
        yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        yield element("meta", name="viewport", content="width=device-width, initial-scale=1")
        yield element("meta", name="color-scheme", content="light dark")
        yield element("meta", name="generator", content="adcli")
        yield element("title", self.title)
        yield f"<style>{style}</style>"

    def _top(self) -> Html:
        results = [element("div", element("dt", name), element("dd", value), class_=kind) for kind, name, value in self._results()]
        notes = element("ul", *(element("li", flag) for flag in self.flags), class_="flags") if self.flags else Html("")
        skip = element("a", "Skip to the trace", href="#trace", class_="skip")
        theme = element("button", "Theme: auto", id="theme", type="button", hidden=True)
        return element("header", skip, element("h1", self.title), theme, element("dl", *results, class_="results"), notes)

    def _results(self) -> Iterator[tuple[str, str, str]]:
        """Outputs, then derivatives: ("primal", name, number)."""
        r, notation = self.trace.recording, self.writer.notation
        for name, ref in r.outputs:
            yield "primal", name or "value", self.exact.number(r.value(ref))
        if self.trace.mode == "reverse":
            for node in self.trace.inputs:
                value = self.order.ends.get(node)
                number = self.exact.number(zero_like(r.values[node]) if value is None else value)
                remark = notation.remark("no path") if value is None else ""
                yield "adjoint", notation.gradient(self.trace.output_name or "value", r.names[node]), number + remark
            return
        for k, seed in enumerate(self.trace.seeds):
            for name, ref in r.outputs:
                moved: Any = self.trace.tangents[k][ref] if ref >= 0 else None
                value = zero_like(r.value(ref)) if moved is None else moved
                yield "tangent", f"{name or 'value'} along {seed_name(seed, self.writer.format)}", self.exact.number(value)

    def _program(self) -> Iterator[str]:
        sources = {a.source for found in self.order.adjoints.values() for _, a in found if a.source is not None}
        lets = {self.trace.recording.lets[node] for node in {*self.order.primal, *sources}}
        spans = {let.span for let in lets if let is not None and let.span is not None}
        source = self.trace.source
        yield '<section id="program" aria-labelledby="program-title">\n'
        yield element("h2", "Program ", element("small", "" if source.name == "<program>" else source.name), id="program-title")
        yield '<pre tabindex="0" role="region" aria-labelledby="program-title">'
        yield from listing(source, spans)
        yield "</pre>\n</section>\n"

    def _graph(self) -> Iterator[str]:
        reverse = self.trace.mode == "reverse"
        made = recorded.graph(self.trace, adjoints=reverse, tangents=not reverse)
        made.activate(self.trace.wrt, self.trace.output_name)
        view = View(values=True, adjoints=reverse, tangents=not reverse, writer=self.writer)
        yield '<section id="graph" aria-labelledby="graph-heading">\n'
        yield element("h2", "Graph", id="graph-heading") + "\n"
        yield '<div class="scroll" tabindex="0" role="region" aria-labelledby="graph-heading">\n'
        yield svg.draw(folded_graph(made, self.nodes), view, direction=self.direction, style=False)
        yield "</div>\n</section>\n"

    def _trace(self) -> Iterator[str]:
        kind = "its adjoint statements, numbered as they run" if self.trace.mode == "reverse" else "its tangents"
        yield '<section id="trace" aria-labelledby="trace-title">\n'
        yield element("h2", "Trace ", element("small", f"each row with {kind}"), id="trace-title") + "\n"
        yield '<div class="scroll" tabindex="0" role="region" aria-labelledby="trace-title">\n'
        yield from Rows(self.trace, self.order, self.writer, self.exact, self.explanation).write(folded(self.trace, self.shown, self.loops))
        yield "\n</div>\n</section>\n"


def asset(name: str) -> str:
    """A file of this package; nothing in it may end the element that it goes into, or depend on the encoding."""
    text = (files("adcli.report.page") / name).read_text(encoding="utf-8")
    assert text.isascii() and "</" not in text and "<!--" not in text, name
    return text


def source_hash(text: str) -> str:
    """An inline style or script in a content-security policy: the hash of its text, as the CSP standard (W3C, level 3) has it."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


INSPECTOR = """<section id="inspector" aria-labelledby="inspector-title" hidden>
<h2 id="inspector-title">Step</h2>
<div id="step" class="scroll"></div>
</section>
"""

# id, label, key, and the icon as a path in a square of 16.
BUTTONS = (
    ("first", "First step", "Home", "M4 3v10M12 3 7 8l5 5"),
    ("back", "Step back", "ArrowLeft", "M10 3 5 8l5 5"),
    ("play", "Play", "Space", "M5 3v10l8-5z"),
    ("next", "Step forward", "ArrowRight", "M6 3l5 5-5 5"),
    ("last", "Last step", "End", "M12 3v10M4 3l5 5-5 5"),
)


def controls(order: Order) -> Html:
    """The buttons and the slider; they need the script, which shows them."""
    last = max(1, order.length)
    slider = element("input", type="range", id="slider", min=1, max=last, value=1, aria_label="Step", aria_describedby="keys")
    keys = element("p", "Keys: ← → one step, Page Up and Page Down ten, Home and End, Space plays", id="keys")
    status = element("p", "", id="status", role="status", aria_live="polite")
    buttons = element("div", *(button(*given) for given in BUTTONS), class_="buttons")
    return element("nav", buttons, slider, status, keys, id="player", aria_label="Steps", hidden=True)


def button(name: str, label: str, key: str, path: str) -> Html:
    icon = element("svg", element("path", d=path), viewBox="0 0 16 16", aria_hidden="true")
    return element("button", icon, type="button", id=name, aria_label=label, title=f"{label} ({key})", aria_keyshortcuts=key)
