"""A computational graph as data: nodes, edges with the derivatives that flow along them, and boxes for loops, branches and functions.

    y = ln(x)*2     →     nodes  x (input), ln (operation), 2 (constant), × (operation), y (output)
                          edges  x → ln, ln → ×, 2 → ×, × → y
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

INPUT, CONSTANT, OPERATION, OUTPUT = "input", "constant", "operation", "output"
# In rolled graphs: where a value enters a box and leaves it, the choice between two branches, a call. What folding leaves of many nodes.
ENTRY, EXIT, CHOICE, CALL, FOLD = "entry", "exit", "choice", "call", "fold"
KINDS = (INPUT, CONSTANT, OPERATION, OUTPUT, ENTRY, EXIT, CHOICE, CALL, FOLD)


@dataclass(slots=True, eq=False)
class Node:
    """One node.

    id: unique in the graph, and made of letters, digits, _ and - only. label: what is written in it: +, sin, 2, the name of an input.
    op: the operation's name in JSON. name: the program's name for the value, or "". number: as in trace tables (v₁ is 1), None where a
    node has none. recorded: its position in the recording. line, iteration: where it comes from; iteration counts the enclosing loops.
    value, adjoint, tangents: None where they are unknown; a structural zero has the adjoint None.
    first, first_adjoint: for a statement of a loop those of its first execution, where `value` and `adjoint` are of the last; runs: how
    many there were, 0 for a branch not taken.
    box: the position of the innermost box around it. count: how many nodes a fold stands for.
    """

    id: str
    kind: str
    label: str
    op: str = ""
    name: str = ""
    number: int | None = None
    recorded: int | None = None
    line: int | None = None
    iteration: tuple[int, ...] = ()
    value: Any = None
    adjoint: Any = None
    tangents: tuple[Any, ...] = ()
    formula: str = ""
    first: Any = None
    first_adjoint: Any = None
    runs: int | None = None
    box: int | None = None
    count: int = 0

    @property
    def literal(self) -> bool:
        """A number of the program; an operation on numbers alone is a constant, too, but no literal."""
        return self.kind == CONSTANT and not self.op


@dataclass(slots=True, eq=False)
class Edge:
    """The value of `source` is argument `position` of `target` (both are positions in the graph's nodes).

    partial: ∂target/∂source along this argument, None where it is a matrix or there is none. adjoint: the increment of the source's adjoint
    that flows back along the edge; tangents: what flows forward, for each seed. step: the place of that increment in the reverse sweep.
    label: what a choice does with the value: if, then, else. carried: from the end of an iteration to the beginning of the next.
    ordered: the operation's arguments cannot be exchanged. smooth: a derivative can flow along it; active: one does, between the inputs and
    the output chosen.
    """

    source: int
    target: int
    position: int = 0
    partial: Any = None
    adjoint: Any = None
    tangents: tuple[Any, ...] = ()
    step: int | None = None
    label: str = ""
    carried: bool = False
    ordered: bool = False
    smooth: bool = True
    active: bool = False


@dataclass(slots=True, eq=False)
class Box:
    """A loop, a branch, a function or a stage: the nodes whose `box` it is, and the boxes whose `parent` it is.

    apart: a picture of its own, to which no edge goes.
    """

    id: str
    kind: str
    label: str
    parent: int | None = None
    line: int | None = None
    apart: bool = False


@dataclass(eq=False, repr=False)
class Graph:
    """Nodes in the order of evaluation, edges in the order of their targets and positions, boxes with parents before their parts.

    seeds: the directions of the tangents, by input name. title: what the picture is called.
    """

    nodes: list[Node] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    seeds: list[dict[str, Any]] = field(default_factory=list)
    title: str = ""

    def __str__(self) -> str:
        """The drawing in characters, with the numbers there are."""
        from adcli.report.graph.fold import folded
        from adcli.report.graph.labels import View
        from adcli.report.graph.text import COLUMNS, NODES, draw

        values = any(n.value is not None for n in self.nodes if n.kind != CONSTANT)
        adjoints = any(n.adjoint is not None for n in self.nodes)
        return draw(folded(self, NODES), View(values, adjoints, bool(self.seeds)), COLUMNS).rstrip("\n")

    def add(self, node: Node) -> int:
        """Append a node; its position."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def activate(self, wrt: Sequence[str] | None, of: str | None) -> None:
        """Find the edges along which derivatives flow from the inputs `wrt` (None: all) to the output `of` (None: any)."""
        starts = [k for k, n in enumerate(self.nodes) if n.kind == INPUT and (wrt is None or n.name in wrt)]
        ends = [k for k, n in enumerate(self.nodes) if n.kind == OUTPUT and of in (None, n.name)]
        smooth = [e for e in self.edges if e.smooth]
        after = self._reached(starts + self._rims(ENTRY), [(e.source, e.target) for e in smooth])
        before = self._reached(ends + self._rims(EXIT), [(e.target, e.source) for e in smooth])
        for e in smooth:
            e.active = bool(after[e.source] and before[e.target])

    def _rims(self, kind: str) -> list[int]:
        """Where values enter functions, or leave them."""
        return [k for k, n in enumerate(self.nodes) if n.kind == kind and n.box is not None and self.boxes[n.box].kind == "function"]

    def _reached(self, starts: Sequence[int], steps: Sequence[tuple[int, int]]) -> bytearray:
        """Which nodes can be reached by the steps."""
        found, after = bytearray(len(self.nodes)), [[] for _ in self.nodes]  # type: tuple[bytearray, list[list[int]]]
        for a, b in steps:
            after[a].append(b)
        todo = list(starts)
        while todo:
            k = todo.pop()
            if not found[k]:
                found[k] = 1
                todo += after[k]
        return found

    def outline(self) -> Iterator[tuple[str, Box | Node]]:
        """In the order of evaluation: ("node", n), and ("begin", b) … ("end", b) around what is in a box."""
        inside: dict[int | None, list[tuple[int, str, int]]] = {}
        first: dict[int, int] = {}
        for k, node in enumerate(self.nodes):
            inside.setdefault(node.box, []).append((k, "node", k))
            if node.box is not None:
                first.setdefault(node.box, k)
        for b in reversed(range(len(self.boxes))):
            parent, start = self.boxes[b].parent, first.get(b, len(self.nodes))
            inside.setdefault(parent, []).append((start, "begin", b))
            if parent is not None:
                first[parent] = min(start, first.get(parent, start))
        todo = [(what, k) for _, what, k in sorted(inside.get(None, []), reverse=True)]
        while todo:
            what, k = todo.pop()
            yield what, self.nodes[k] if what == "node" else self.boxes[k]
            if what == "begin":
                todo += [("end", k), *((then, j) for _, then, j in sorted(inside.get(k, []), reverse=True))]

    def operations(self) -> int:
        """How many operations there are, with those that are folded."""
        return sum(n.count if n.kind == FOLD else n.kind in (OPERATION, CALL) or (n.kind == CONSTANT and not n.literal) for n in self.nodes)
