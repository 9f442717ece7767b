"""A graph drawn with characters, layers from the top to the bottom, or told as a list where there is no room for that.

    ╭────▼───▼────╮
    │      ×      │
    │   v₂ = 10   │
    ╰──────┬──────╯

Each box is drawn by itself, the inner ones first, and then stands in the drawing around it as a block of characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from adcli.report.graph.canvas import ASCII_LINES, LINES, Canvas
from adcli.report.graph.channel import Net, NoWay, tracks
from adcli.report.graph.labels import View, plain, visible
from adcli.report.graph.layout import Layout, Link, arrange
from adcli.report.graph.levels import Item, Levels, rank, wishes
from adcli.report.graph.listing import listing
from adcli.report.graph.model import CALL, CHOICE, CONSTANT, ENTRY, EXIT, FOLD, INPUT, OPERATION, OUTPUT, Graph, Node
from adcli.report.grid import width

BORDER = 2
# What is shown where nothing else is asked for: nodes of a level, and columns.
NODES, COLUMNS = 24, 80
# A larger graph is told, not drawn.
MOST = 400
STYLES = {
    INPUT: "plain", OPERATION: "round", CALL: "round", OUTPUT: "double", CONSTANT: "dashed", ENTRY: "round", EXIT: "round",
    CHOICE: "heavy", FOLD: "dashed",
}  # fmt: skip


def draw(graph: Graph, view: View, room: int) -> str:
    """The graph in lines of at most `room` columns: drawn if that can be done, else told."""
    heading = [graph.title, ""] if graph.title else []
    lines = [*heading, *(_drawn(graph, view, room) or listing(graph, view, room))]
    clean = plain if view.writer.notation.name == "ascii" else visible
    return "".join(f"{clean(line).rstrip()}\n" for line in lines)


def _drawn(graph: Graph, view: View, room: int) -> list[str] | None:
    """The drawing: with wide gaps or narrow ones; edges leave nodes straight below where they arrive or, where they meet, beside that."""
    if len(graph.nodes) > MOST:
        return None
    for gap, beside in ((3, 0), (1, 0), (3, 1), (1, 1)):
        with suppress(NoWay):
            found = _Drawing(graph, view, gap, beside).lines(room)
            if found is not None:
                return found
    return None


@dataclass(slots=True)
class Block:
    """A part of the drawing, and at which columns edges enter it at the top and leave it at the bottom, by node."""

    lines: list[str]
    wide: int
    into: dict[tuple[int, int], int] = field(default_factory=dict)
    out: dict[int, int] = field(default_factory=dict)


class _Drawing:
    def __init__(self, graph: Graph, view: View, gap: int, beside: int) -> None:
        self.graph, self.view, self.gap, self.beside = graph, view, gap, beside
        self.set = ASCII_LINES if view.writer.notation.name == "ascii" else LINES
        self.levels = Levels(graph)
        self.arguments: dict[int, list[int]] = {}
        for k, edge in enumerate(graph.edges):
            if not edge.carried:
                self.arguments.setdefault(edge.target, []).append(k)
        self.carried = {e.source for e in graph.edges if e.carried}
        self.swept = {e.source for e in graph.edges if e.active and not e.carried}
        self.used = {e.source for e in graph.edges if not e.carried}
        self.boxes: dict[int, Block] = {}

    def lines(self, room: int) -> list[str] | None:
        """All lines, or None where they would be too long."""
        for box in reversed(range(len(self.graph.boxes))):
            block = self.level(box)
            if block.wide > room:
                return None
            self.boxes[box] = self.framed(block, box)
        whole = self.level(None)
        apart = [self.boxes[b] for b, box in enumerate(self.graph.boxes) if box.apart]
        blocks = [b for b in (whole, *apart) if b.lines]
        if max((b.wide for b in blocks), default=0) > room:
            return None
        return [line for k, b in enumerate(blocks) for line in (["", *b.lines] if k else b.lines)]

    def node(self, k: int, places: Sequence[int]) -> Block:
        """The drawing of a node; `places` are its arguments' edges in the order in which they arrive."""
        node = self.graph.nodes[k]
        if node.kind == CHOICE and len(places) > 1:
            texts = ["   ".join(self.graph.edges[e].label for e in places)]
        else:
            texts = [self.label(k, node)]
        if node.kind not in (ENTRY, EXIT):
            texts += [text for _, text in self.view.lines(node)]
        inner = max([*map(width, texts), 2 * len(places) - 1]) + 2
        inner += (1 - inner) % 4  # so that the middle is an odd column of the drawing
        ports = self.ports(node, places, inner)
        out = inner // 2 + 1 + self.beside
        leaving = [out - 1] if k in self.used else []
        arrows = {c - 1: self.arrival(e) for e, c in ports.items()}
        lines = self.set.box(STYLES[node.kind], texts, inner, arrows, {c: self.departure(k, node) for c in leaving})
        return Block(lines, inner + 2, {(k, self.graph.edges[e].position): c for e, c in ports.items()}, {k: out})

    def arrival(self, k: int) -> str:
        """How an edge arrives: with an arrow, unless a sweep runs the other way or not at all along it."""
        active, set_ = self.graph.edges[k].active, self.set
        if self.view.highlight == "reverse" and active:
            return set_.meets
        return set_.arrow if self.view.highlight is None or active else set_.idle

    def departure(self, k: int, node: Node) -> str:
        return self.set.back if self.view.highlight == "reverse" and k in self.swept else self.set.leave[STYLES[node.kind]]

    def label(self, k: int, node: Node) -> str:
        text = self.view.label(node.label)
        return f"{text} {self.set.again}" if k in self.carried else text

    def ports(self, node: Node, places: Sequence[int], inner: int) -> dict[int, int]:
        """Where the arguments arrive: on odd columns, in the middle, or above their words."""
        if node.kind == CHOICE and len(places) > 1:
            at, found = 1 + (inner - width("   ".join(self.graph.edges[e].label for e in places))) // 2, {}
            for e in places:
                word = len(self.graph.edges[e].label)
                found[e] = (at + word // 2) | 1
                at += word + 3
            return found
        apart = 4 if inner > 4 * len(places) else 2
        first = (inner // 2 + 1 - apart * (len(places) - 1) // 2) | 1
        return {e: first + apart * j for j, e in enumerate(places)}

    def level(self, level: int | None) -> Block:
        """One level, whose inner boxes are drawn already."""
        items = self.levels.items(level)
        if not items:
            return Block([], 0)
        blocks = [self.boxes[i] if box else self.node(i, self.arguments.get(i, [])) for i, box in items]
        at = {item: k for k, item in enumerate(items)}
        links = [self.link(k, level, at, blocks) for k in self.levels.edges.get(level, [])]
        layout = arrange(wishes(self.levels, level, items, [b.wide for b in blocks], self.gap, 2), links)
        return _Level(self, level, items, blocks, layout, links).block()

    def link(self, k: int, level: int | None, at: dict[Item, int], blocks: Sequence[Block]) -> Link:
        edge = self.graph.edges[k]
        source, target = self.levels.item(edge.source, level), self.levels.item(edge.target, level)
        a, b = at[source], at[target]
        out = blocks[a].out[edge.source] - blocks[a].wide / 2 if source[1] else 0.0
        into = blocks[b].into[edge.target, edge.position] - blocks[b].wide / 2 if target[1] else 0.0
        return Link(a, b, out, into, rank(edge, target))

    def framed(self, block: Block, box: int) -> Block:
        """A level with the border of its box; entries and exits become ports of the border."""
        title = self.view.label(self.graph.boxes[box].label)
        wide = max(block.wide, width(title) + 4)
        wide += wide % 2
        lines = self.set.frame(title, block.lines, wide)
        own = set(self.levels.nodes.get(box, []))
        into = {key: c + BORDER for key, c in block.into.items() if key[0] in own}
        return Block(lines, wide + 2 * BORDER, into, {k: c + BORDER for k, c in block.out.items() if k in own})


class _Level:
    """The items of a level, placed on whole columns, and the edges between them."""

    def __init__(
        self, drawing: _Drawing, level: int | None, items: Sequence[Item], blocks: list[Block], layout: Layout, links: Sequence[Link]
    ) -> None:  # fmt: skip
        self.drawing, self.graph, self.items, self.blocks, self.layout = drawing, drawing.graph, items, blocks, layout
        self.edges = drawing.levels.edges.get(level, [])
        self.links = links
        self.lefts = [0] * len(items)
        self.columns: dict[int, int] = {}
        self.place()
        self.arrive()

    def place(self) -> None:
        """Items begin on even columns, edges pass layers on odd ones."""
        for layer in self.layout.layers:
            free = 0
            for v in layer:
                if v < len(self.items):
                    left = max(free, round((self.layout.places[v] - self.blocks[v].wide / 2) / 2) * 2)
                    self.lefts[v] = left
                    free = left + self.blocks[v].wide + 1
                    free += free % 2
                else:
                    self.columns[v] = max(free, round(self.layout.places[v])) | 1
                    free = self.columns[v] + 1

    def arrive(self) -> None:
        """Draw the nodes whose arguments come in another order again, where the order does not matter."""
        by_target: dict[int, list[int]] = {}
        for j, link in enumerate(self.links):
            by_target.setdefault(link.target, []).append(j)
        for v, links in by_target.items():
            i, box = self.items[v]
            kind = self.graph.nodes[i].kind
            if box or kind == CHOICE or self.graph.edges[self.edges[links[0]]].ordered or len(links) < 2:
                continue
            links.sort(key=lambda j: (self.origin(j), self.graph.edges[self.edges[j]].position))
            self.blocks[v] = self.drawing.node(i, [self.edges[j] for j in links])

    def origin(self, j: int) -> int:
        """The column from which an edge comes to the layer of its target."""
        way = self.layout.ways[j]
        if way is None:
            raise NoWay
        return self.columns[way[-1]] if way else self.start(j)

    def start(self, j: int) -> int:
        v = self.links[j].source
        return self.lefts[v] + self.blocks[v].out[self.graph.edges[self.edges[j]].source]

    def end(self, j: int) -> int:
        v, edge = self.links[j].target, self.graph.edges[self.edges[j]]
        return self.lefts[v] + self.blocks[v].into[edge.target, edge.position]

    def nets(self) -> list[list[Net]]:
        """For each gap between two layers the edges in it: from a column above to columns below."""
        found: list[dict[tuple[int, int], Net]] = [{} for _ in self.layout.layers]
        for j, link in enumerate(self.links):
            layer, at = self.layout.layer[link.source], self.start(j)
            source = link.source
            way = self.layout.ways[j]
            if way is None:
                raise NoWay
            for v in [*way, None]:
                below = self.end(j) if v is None else self.columns[v]
                net = found[layer].setdefault((source, at), Net(at))
                if below not in net.below:
                    net.below.append(below)
                layer, at, source = layer + 1, below, source if v is None else v
        return [list(gap.values()) for gap in found]

    def block(self) -> Block:
        """The drawing of the level, with the ports of what enters and leaves it."""
        nets = self.nets()
        ends = [self.lefts[v] + b.wide for v, b in enumerate(self.blocks)] + [c + 1 for c in self.columns.values()]
        canvas, top = Canvas(max(ends), self.drawing.set), 0
        tops: dict[int, int] = {}
        for k, layer in enumerate(self.layout.layers):
            deep = max((len(self.blocks[v].lines) for v in layer if v < len(self.items)), default=1)
            for v in layer:
                if v < len(self.items):
                    tops[v] = top
                    canvas.block(self.blocks[v].lines, self.lefts[v], top)
                    outs = {n.above for n in nets[k]}
                    for column in (self.lefts[v] + c for c in self.blocks[v].out.values()):
                        if column in outs:
                            canvas.down(column, top + len(self.blocks[v].lines), top + deep)
                else:
                    canvas.down(self.columns[v], top, top + deep)
            top += deep
            if k + 1 < len(self.layout.layers):
                top = canvas.channel(nets[k], tracks(nets[k]), top)
        into = {key: self.lefts[v] + c for v, b in enumerate(self.blocks) for key, c in b.into.items()}
        out = {n: self.lefts[v] + c for v, b in enumerate(self.blocks) for n, c in b.out.items()}
        return Block(canvas.lines(), canvas.wide, into, out)
