"""A graph as SVG: one document without scripts or references to anything else, for light and dark pages.

Every node is <g class="node KIND" id="n1" data-node="2"> (data-node: its position in the recording, where it has one), every edge
<g class="edge" data-from="n1" data-to="n3" data-position="0">, so that a page can point at them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from adcli.report.graph.labels import View, described
from adcli.report.graph.model import CHOICE, CONSTANT, ENTRY, EXIT, FOLD, INPUT, OUTPUT, Box, Edge, Graph, Node
from adcli.report.graph.placing import Area, Placed, Size, Spaces, place
from adcli.report.grid import width
from adcli.report.plot_svg import escaped

MARGIN, TITLE = 18.0, 34.0
# Sizes of letters in the nodes and below them, and how wide a letter is in parts of its size, in the widest of the usual sans-serif fonts.
LARGE, SMALL, LETTER, LINE = 15.0, 11.5, 0.6, 15.0
HEIGHT, SIDE = 34.0, 11.0
SPACES = Spaces(between=16.0, layers=40.0, box=14.0, head=16.0, thin=6.0)
# How far apart the ways of carried values are, and where edges of several arguments meet a node, in parts of its height.
TRACK, SPREAD = 6.0, 0.5
# Between the tip of an arrow and the node.
TIP = 1.5

STYLE = """
.adcli-graph { --paper: #ffffff; --ink: #1b1f24; --faint: #6b7480; --line: #8a939e;
  --input: #dcebfa; --input-line: #1f6fb5; --constant: #f0f1f3; --constant-line: #8a939e;
  --operation: #fff6dd; --operation-line: #b57f00; --output: #dff3e4; --output-line: #217a3c;
  --choice: #f2e6fa; --choice-line: #7d3fa8; --box: #00000008; --box-line: #a7afb9;
  --tangent: #a3530a; --adjoint: #b3261e; }
@media (prefers-color-scheme: dark) { .adcli-graph { --paper: #14171b; --ink: #e8eaed; --faint: #9aa3ad; --line: #808994;
  --input: #16324a; --input-line: #6cb4f0; --constant: #262a30; --constant-line: #808994;
  --operation: #3a2f10; --operation-line: #e0b341; --output: #143a22; --output-line: #62c883;
  --choice: #33203f; --choice-line: #c48be8; --box: #ffffff0a; --box-line: #5b636d;
  --tangent: #f0a35e; --adjoint: #ff8a80; } }
.adcli-graph { background: var(--paper); font-family: "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; }
.adcli-graph text { fill: var(--ink); text-anchor: middle; font-size: 11.5px; font-variant-numeric: tabular-nums; }
.adcli-graph .beside { text-anchor: start; }
.adcli-graph .title { font-size: 16px; font-weight: 600; }
.adcli-graph .symbol { font-size: 15px; }
.adcli-graph .input .symbol, .adcli-graph .output .symbol, .adcli-graph .entry .symbol, .adcli-graph .exit .symbol { font-style: italic; }
.adcli-graph .shape { stroke-width: 1.4; }
.adcli-graph .input .shape { fill: var(--input); stroke: var(--input-line); }
.adcli-graph .constant .shape { fill: var(--constant); stroke: var(--constant-line); stroke-dasharray: 3 2; }
.adcli-graph .operation .shape, .adcli-graph .call .shape { fill: var(--operation); stroke: var(--operation-line); }
.adcli-graph .output .shape { fill: var(--output); stroke: var(--output-line); stroke-width: 2.6; }
.adcli-graph .choice .shape { fill: var(--choice); stroke: var(--choice-line); }
.adcli-graph .entry .shape, .adcli-graph .exit .shape { fill: var(--paper); stroke: var(--box-line); }
.adcli-graph .fold .shape { fill: none; stroke: var(--line); stroke-dasharray: 1 3; stroke-linecap: round; }
.adcli-graph .fold .symbol { fill: var(--faint); font-size: 12.5px; }
.adcli-graph .name { fill: var(--faint); }
.adcli-graph .tangent { fill: var(--tangent); }
.adcli-graph .adjoint { fill: var(--adjoint); }
.adcli-graph .edge path { fill: none; stroke: var(--line); stroke-width: 1.3; }
.adcli-graph .edge.carried path { stroke-dasharray: 5 4; stroke: var(--choice-line); }
.adcli-graph .edge path.forward { stroke: var(--tangent); stroke-width: 2; }
.adcli-graph .edge path.reverse { stroke: var(--adjoint); stroke-width: 2; }
.adcli-graph .edge.idle path { opacity: 0.35; }
.adcli-graph .edge rect { fill: var(--paper); }
.adcli-graph .edge text { font-size: 10.5px; }
.adcli-graph .edge .argument { font-size: 9px; fill: var(--faint); }
.adcli-graph .head { fill: var(--line); }
.adcli-graph .head.forward { fill: var(--tangent); }
.adcli-graph .head.reverse { fill: var(--adjoint); }
.adcli-graph .box { fill: var(--box); stroke: var(--box-line); stroke-dasharray: 6 4; }
.adcli-graph .box-title { text-anchor: start; fill: var(--faint); font-size: 12px; }
.adcli-graph .untaken { opacity: 0.4; }
""".strip()


def draw(graph: Graph, view: View, *, direction: str = "right", style: bool = True) -> str:
    """The document, layers from left to right or, with direction "down", from the top to the bottom.

    style: with its style sheet; a page that holds several pictures has it once.
    """
    return "\n".join(_Drawing(graph, view, direction).document(style)) + "\n"


class _Drawing:
    def __init__(self, graph: Graph, view: View, direction: str) -> None:
        self.graph, self.view, self.right = graph, view, direction == "right"
        self.lines = [view.lines(n) for n in graph.nodes]
        self.widths = [self.breadth(n) for n in graph.nodes]
        sizes = [self.size(k) for k in range(len(graph.nodes))]
        titles = [text_width(view.label(box.label), 12) + 28 for box in graph.boxes]
        least = [Size(0, wide) if self.right else Size(wide, 0) for wide in titles]
        spaces = replace(SPACES, crowned=not self.right)
        self.placed: Placed = place(graph, sizes, least, spaces, self.room)
        self.top = TITLE if graph.title else 0.0
        self.points = [self.point(a + s.port, c) for (a, c), s in zip(self.placed.centres, sizes, strict=True)]
        self.into = self.arrivals()
        self.tracks = self.carried_tracks()
        self.degrees = Counter(e.source for e in graph.edges), Counter(e.target for e in graph.edges)

    def point(self, along: float, across: float) -> tuple[float, float]:
        """A place of the layout in the document."""
        x, y = (across, along) if self.right else (along, across)
        return x + MARGIN, y + MARGIN + self.top

    def breadth(self, node: Node) -> float:
        """How wide the shape of a node is."""
        if node.kind == CHOICE:
            return max(HEIGHT + 12, text_width(self.view.label(node.label), LARGE) + 34)
        size = LARGE if node.kind != FOLD else SMALL + 1
        return max(HEIGHT, text_width(self.view.label(node.label), size) + 2 * SIDE)

    def size(self, k: int) -> Size:
        """The shape with the lines below it or, in a picture that runs down, to its right."""
        lines = self.lines[k]
        beside = max((text_width(text, SMALL) for _, text in lines), default=0.0)
        height = HEIGHT + (10 if self.graph.nodes[k].kind == CHOICE else 0)
        if self.right:
            below = LINE * len(lines)
            return Size(height + below, max(self.widths[k], beside) + 4, -below / 2)
        beside += 8 if lines else 0
        return Size(self.widths[k] + beside, max(height, LINE * len(lines)), -beside / 2)

    def room(self, edge: Edge) -> float:
        """What an edge needs between two layers: its label, across."""
        label = self.label(edge)
        if not label:
            return SPACES.layers
        if not self.right:
            return SPACES.layers + LINE
        return max(SPACES.layers, text_width(label[1], SMALL) + 30)

    def label(self, edge: Edge) -> tuple[str, str] | None:
        found = self.view.edge(edge)
        if self.view.highlight == "reverse" and edge.step is not None:
            return "adjoint", f"{edge.step}: {found[1]}" if found else str(edge.step)
        return found

    def arrivals(self) -> dict[int, float]:
        """For each edge how far from the middle of its target it ends: arguments apart, in the order in which they come.

        Where that is not the order of the arguments, and matters, they are numbered.
        """
        by_target: dict[int, list[int]] = {}
        self.marked: set[int] = set()
        for k, edge in enumerate(self.graph.edges):
            if not edge.carried:
                by_target.setdefault(edge.target, []).append(k)
        found: dict[int, float] = {}
        for target, edges in by_target.items():
            reach = HEIGHT if self.right else self.widths[target]
            edges.sort(key=lambda k: (self.origin(k), self.graph.edges[k].position))
            step = min(12.0, reach * SPREAD / max(len(edges) - 1, 1))
            if [self.graph.edges[k].position for k in edges] != sorted(self.graph.edges[k].position for k in edges):
                self.marked |= {k for k in edges if self.graph.edges[k].ordered}
            for j, k in enumerate(edges):
                found[k] = (j - (len(edges) - 1) / 2) * step
        return found

    def carried_tracks(self) -> dict[int, int]:
        """For each edge that carries a value to the next iteration, how many of its box come before it."""
        many: Counter[int | None] = Counter()
        found: dict[int, int] = {}
        for k, edge in enumerate(self.graph.edges):
            if edge.carried:
                box = self.graph.nodes[edge.target].box
                found[k] = many[box]
                many[box] += 1
        return found

    def origin(self, k: int) -> float:
        """Where an edge comes from, along the layer."""
        way = self.placed.ways[k]
        return way[-1][0] if way else self.placed.centres[self.graph.edges[k].source][0]

    def document(self, style: bool) -> Iterator[str]:
        along, across = self.placed.size
        wide, tall = (across, along) if self.right else (along, across)
        wide = max(wide, text_width(self.graph.title, 17)) + 2 * MARGIN
        tall += 2 * MARGIN + self.top
        title = self.graph.title or "Computational graph"
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="adcli-graph" viewBox="0 0 {wide:.0f} {tall:.0f}" width="{wide:.0f}"'
            f' height="{tall:.0f}" role="img" aria-labelledby="graph-title graph-desc">'
        )
        yield f'<title id="graph-title">{escaped(title)}</title>'
        yield f'<desc id="graph-desc">{escaped(described(self.graph, self.view))}</desc>'
        if style:
            yield f"<style>{STYLE}</style>"
        yield from heads()
        yield f'<rect width="{wide:.0f}" height="{tall:.0f}" fill="var(--paper)"/>'
        if self.graph.title:
            yield f'<text class="title" x="{wide / 2:.1f}" y="{MARGIN + 10:.1f}">{escaped(self.graph.title)}</text>'
        for box, area in zip(self.graph.boxes, self.placed.areas, strict=True):
            yield from self.box(box, area)
        for k, edge in enumerate(self.graph.edges):
            yield from self.edge(k, edge)
        for k, node in enumerate(self.graph.nodes):
            yield from self.node(k, node)
        yield "</svg>"

    def box(self, box: Box, area: Area) -> Iterator[str]:
        x, y = self.point(area.along, area.across)
        wide, tall = (area.size.across, area.size.along) if self.right else (area.size.along, area.size.across)
        yield f'<g class="group {escaped(box.kind)}" id="{escaped(box.id)}">'
        yield f'<rect class="box" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="8"/>'
        yield f'<text class="box-title" x="{x + 10:.1f}" y="{y + 16:.1f}">{escaped(self.view.label(box.label))}</text></g>'

    def node(self, k: int, node: Node) -> Iterator[str]:
        x, y = self.points[k]
        data = "" if node.recorded is None else f' data-node="{node.recorded}"'
        state = " untaken" if node.runs == 0 else ""
        yield f'<g class="node {node.kind}{state}" id="{escaped(node.id)}"{data}>'
        yield f"<title>{escaped(self.view.tooltip(self.graph, node))}</title>"
        yield shape(node, x, y, self.widths[k])
        yield f'<text class="symbol" x="{x:.1f}" y="{y + 5:.1f}">{escaped(self.view.label(node.label))}</text>'
        lines = self.lines[k]
        for j, (role, text) in enumerate(lines):
            if self.right:
                below = HEIGHT / 2 + (5 if node.kind == CHOICE else 0) + LINE * (j + 1) - 2
                yield f'<text class="{role}" x="{x:.1f}" y="{y + below:.1f}">{escaped(text)}</text>'
            else:
                left, at = x + self.widths[k] / 2 + 6, y + 4 + LINE * (j - (len(lines) - 1) / 2)
                yield f'<text class="{role} beside" x="{left:.1f}" y="{at:.1f}">{escaped(text)}</text>'
        yield "</g>"

    def edge(self, k: int, edge: Edge) -> Iterator[str]:
        nodes, highlight = self.graph.nodes, self.view.highlight
        stub = k in self.placed.stubs
        path, middle = self.stub(k, edge) if stub else self.carried(k, edge) if edge.carried else self.way(k, edge)
        kinds = "edge" + (" carried" if edge.carried else "") + (" idle" if highlight and not edge.active else "")
        yield (
            f'<g class="{kinds}" data-from="{escaped(nodes[edge.source].id)}" data-to="{escaped(nodes[edge.target].id)}"'
            f' data-position="{edge.position}">'
        )
        if highlight and edge.active:
            ends = "marker-start" if highlight == "reverse" else "marker-end"
            yield f'<path class="{highlight}" d="{path}" {ends}="url(#graph-{highlight})"/>'
        else:
            yield f'<path d="{path}" marker-end="url(#graph-head)"/>'
        if k in self.marked:
            (x, y), apart = self.points[edge.target], self.into[k]
            x, y = (x - self.border(edge.target, apart) - 12, y + apart - 3) if self.right else (x + apart - 6, y - HEIGHT / 2 - 8)
            yield f'<text class="argument" x="{x:.1f}" y="{y:.1f}">{edge.position + 1}</text>'
        label = ("name", self.view.short(nodes[edge.source])) if stub else self.label(edge)
        if label:
            (x, y), wide = middle, text_width(label[1], SMALL - 1) + 4
            yield f'<rect x="{x - wide / 2:.1f}" y="{y - 7:.1f}" width="{wide:.1f}" height="14" rx="3"/>'
            yield f'<text class="{label[0]}" x="{x:.1f}" y="{y + 3.5:.1f}">{escaped(label[1])}</text>'
        yield "</g>"

    def way(self, k: int, edge: Edge) -> tuple[str, tuple[float, float]]:
        """The path of an edge, and where its label stands: straight within the layers, curved between them."""
        points = self.ends(k, edge)
        (x, y), *rest = points
        path = f"M{x:.1f} {y:.1f}"
        middle: tuple[float, float] | None = None
        for j, (u, v) in enumerate(rest):
            if j % 2 == 0:
                if (u, v) != (x, y):
                    path += f"L{u:.1f} {v:.1f}"
            elif self.right:
                path += f"C{(x + u) / 2:.1f} {y:.1f} {(x + u) / 2:.1f} {v:.1f} {u:.1f} {v:.1f}"
            else:
                path += f"C{x:.1f} {(y + v) / 2:.1f} {u:.1f} {(y + v) / 2:.1f} {u:.1f} {v:.1f}"
            if j % 2 and middle is None:
                middle = self.between((x, y), (u, v), self.degrees[0][edge.source] - self.degrees[1][edge.target])
            x, y = u, v
        return path, middle or points[0]

    def between(self, start: tuple[float, float], end: tuple[float, float], lean: int) -> tuple[float, float]:
        """A point of the curve between two layers: nearer to its end where more edges leave its source than come to its target."""
        t = 0.5 + 0.16 * ((lean > 0) - (lean < 0))
        along, across = t * t * (3 - 2 * t), 1.5 * t * (1 - t) + t**3
        (x, y), (u, v) = start, end
        a, b = (across, along) if self.right else (along, across)
        return x + a * (u - x), y + b * (v - y)

    def stub(self, k: int, edge: Edge) -> tuple[str, tuple[float, float]]:
        """The last piece of an edge from far away; where it begins stands the name of its source."""
        (x, y), apart = self.points[edge.target], self.into.get(k, 0.0)
        end = self.border(edge.target, apart) + TIP
        if self.right:
            return f"M{x - end - 16:.1f} {y + apart:.1f}H{x - end:.1f}", (x - end - 24, y + apart)
        return f"M{x + apart:.1f} {y - end - 12:.1f}V{y - end:.1f}", (x + apart, y - end - 18)

    def ends(self, k: int, edge: Edge) -> list[tuple[float, float]]:
        """The points of an edge: from the source to the end of its layer, through the layers passed, from the target's layer to it."""
        cells, placed = self.placed.cells, self.placed
        apart = self.into.get(k, 0.0)
        (sx, sy), (tx, ty) = self.points[edge.source], self.points[edge.target]
        start, end = self.border(edge.source, 0.0), self.border(edge.target, apart) + TIP
        leave, enter = cells[edge.source][1], cells[edge.target][0]
        way = [self.point(a, c) for a, c in placed.ways[k]]
        if self.right:
            x0, x1 = self.point(0, leave)[0], self.point(0, enter)[0]
            return [(sx + start, sy), (x0, sy), *way, (min(x1, tx - end), ty + apart), (tx - end, ty + apart)]
        y0, y1 = self.point(0, leave)[1], self.point(0, enter)[1]
        return [(sx, sy + start), (sx, y0), *way, (tx + apart, min(y1, ty - end)), (tx + apart, ty - end)]

    def border(self, k: int, apart: float) -> float:
        """How far the border of a node is from its centre, in the direction of the edges, `apart` from the middle."""
        node = self.graph.nodes[k]
        half, other = (self.widths[k] / 2, HEIGHT / 2) if self.right else (HEIGHT / 2, self.widths[k] / 2)
        if node.kind == CHOICE:
            half, other = (half, other + 5) if self.right else (half + 5, other)
            return half * (1 - abs(apart) / other)
        if node.kind in (INPUT, CONSTANT, OUTPUT, FOLD, ENTRY, EXIT):
            return half
        radius = HEIGHT / 2  # the ends of an operation are half circles
        bow = (radius**2 - min(abs(apart), radius) ** 2) ** 0.5
        return half - radius + bow if self.right else max(bow, 0.0) if self.widths[k] <= HEIGHT else half

    def carried(self, k: int, edge: Edge) -> tuple[str, tuple[float, float]]:
        """The way of a carried value: around the inside of its box, from where it leaves to where it enters again."""
        node = self.graph.nodes[edge.target]
        assert node.box is not None
        area = self.placed.areas[node.box]
        lift = 5.0 + min(TRACK * self.tracks[k], SPACES.box - 8) * 0.5
        after, before = self.point(0, self.placed.cells[edge.source][1]), self.point(0, self.placed.cells[edge.target][0])
        (sx, sy), (tx, ty) = self.points[edge.source], self.points[edge.target]
        far, near = self.border(edge.source, 0), self.border(edge.target, 0)
        side = area.along + area.size.along - lift
        if self.right:
            y = self.point(side, 0)[1]
            right, left = after[0] + lift, before[0] - lift
            return f"M{sx + far:.1f} {sy:.1f}H{right:.1f}V{y:.1f}H{left:.1f}V{ty + 7:.1f}H{tx - near - TIP:.1f}", (sx, y)
        x = self.point(side, 0)[0]
        low, high = after[1] + lift, before[1] - lift
        return f"M{sx:.1f} {sy + far:.1f}V{low:.1f}H{x:.1f}V{high:.1f}H{tx + 7:.1f}V{ty - near - TIP:.1f}", (x, sy)


def text_width(text: str, size: float) -> float:
    return LETTER * size * width(text)


def shape(node: Node, x: float, y: float, wide: float) -> str:
    """The outline of a node: inputs are rectangles, operations have round ends, outputs corners cut off, choices are rhombs."""
    half, high = wide / 2, HEIGHT / 2
    if node.kind == CHOICE:
        high += 5
        return f'<path class="shape" d="M{x - half:.1f} {y:.1f}L{x:.1f} {y - high:.1f}L{x + half:.1f} {y:.1f}L{x:.1f} {y + high:.1f}Z"/>'
    if node.kind == OUTPUT:
        cut = 8.0
        return (
            f'<path class="shape" d="M{x - half + cut:.1f} {y - high:.1f}H{x + half - cut:.1f}L{x + half:.1f} {y - high + cut:.1f}'
            f"V{y + high - cut:.1f}L{x + half - cut:.1f} {y + high:.1f}H{x - half + cut:.1f}L{x - half:.1f} {y + high - cut:.1f}"
            f'V{y - high + cut:.1f}Z"/>'
        )
    low = 4.0 if node.kind in (CONSTANT, ENTRY, EXIT) else 0.0
    radius = {INPUT: 3.0, CONSTANT: 2.0, ENTRY: 12.0, EXIT: 12.0, FOLD: 8.0}.get(node.kind, high)
    corner = f'x="{x - half:.1f}" y="{y - high + low:.1f}"'
    return f'<rect class="shape" {corner} width="{wide:.1f}" height="{2 * (high - low):.1f}" rx="{radius:.1f}"/>'


def heads() -> Sequence[str]:
    """The heads of arrows, in the colours of edges and of the two sweeps."""
    found = ["<defs>"]
    for name, ends in (("head", ""), ("forward", " forward"), ("reverse", " reverse")):
        found.append(
            f'<marker id="graph-{name}" class="head{ends}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7"'
            ' markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0.8L10 5L0 9.2Z"/></marker>'
        )
    return [*found, "</defs>"]
