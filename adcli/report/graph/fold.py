"""A large graph made small enough to look at: the middle of each long level becomes one node.

    v1 → v2 → … → v100000        →        v1 → v2 → ( … 99,996 more operations … ) → v99999 → v100000

What is left begins and ends with whole iterations where that can be. What flows along the edges of a fold is the sum over the edges that
it stands for, so that the increments of an adjoint still add up to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from adcli.report.graph.model import ENTRY, EXIT, FOLD, INPUT, OUTPUT, Edge, Graph, Node


def folded(graph: Graph, limit: int | None) -> Graph:
    """The graph with at most `limit` nodes on each level, literals and folds apart; None: the graph as it is."""
    if limit is None or len(graph.nodes) <= limit:
        return graph
    work = _Folding(graph, limit)
    work.levels()
    return work.graph()


class _Folding:
    """fold_of: for each node that goes the fold that stands for it, a position in `folds`."""

    def __init__(self, graph: Graph, limit: int) -> None:
        self.old, self.limit = graph, limit
        self.fold_of: list[int | None] = [None] * len(graph.nodes)
        self.folds: list[Node] = []
        self.before: dict[int, int] = {}  # fold → the node in whose place it stands
        self.gone = [False] * len(graph.boxes)
        self.members: dict[int | None, list[int]] = {}
        for k, node in enumerate(graph.nodes):
            self.members.setdefault(node.box, []).append(k)

    def levels(self) -> None:
        """Outer levels first: a box that goes takes all that is in it along."""
        for level in [None, *range(len(self.old.boxes))]:
            if level is not None and self.gone[level]:
                continue
            nodes = [(k, self.old.nodes[k]) for k in self.members.get(level, [])]
            self.shorten([k for k, n in nodes if n.kind == INPUT], level, "inputs")
            self.shorten([k for k, n in nodes if n.kind not in (INPUT, OUTPUT, ENTRY, EXIT) and not n.literal], level, "operations")
            self.shorten([k for k, n in nodes if n.kind == OUTPUT], level, "outputs")
        self.constants()

    def shorten(self, nodes: Sequence[int], level: int | None, what: str) -> None:
        """Fold the middle of the nodes of one level."""
        if len(nodes) <= self.limit:
            return
        head, tail = self.ends(nodes)
        hidden = nodes[head:tail]
        inside = self.boxes_between(hidden[0], hidden[-1], level) if what == "operations" else []
        lost = set(inside)
        every = [*hidden, *(k for box in inside for k in self.members.get(box, []))]
        self.gone = [g or b in lost for b, g in enumerate(self.gone)]
        many = sum(n.count or (n.kind not in (ENTRY, EXIT) and not n.literal) for n in (self.old.nodes[k] for k in every))
        fold = Node(f"fold{len(self.folds) + 1}", FOLD, f"… {many:,} more {what} …", box=level, count=many)
        first, last = self.old.nodes[hidden[0]].iteration, self.old.nodes[hidden[-1]].iteration
        if first and last and first != last:
            fold.name = f"iterations {','.join(map(str, first))} to {','.join(map(str, last))}"
        self.before[len(self.folds)] = hidden[0]
        for k in every:
            self.fold_of[k] = len(self.folds)
        self.folds.append(fold)

    def ends(self, nodes: Sequence[int]) -> tuple[int, int]:
        """Where the middle begins and ends; between two iterations, where the ends hold one whole."""
        head, tail = (self.limit + 1) // 2, len(nodes) - self.limit // 2

        def seam(k: int) -> bool:
            return self.old.nodes[nodes[k - 1]].iteration != self.old.nodes[nodes[k]].iteration

        cut = next((k for k in range(head, 0, -1) if seam(k)), head)
        end = next((k for k in range(tail, len(nodes)) if seam(k)), tail)
        return cut or head, end

    def boxes_between(self, first: int, last: int, level: int | None) -> list[int]:
        """The boxes of a level whose nodes stand between two nodes, and all boxes in them."""
        lost: set[int] = set()
        for b, box in enumerate(self.old.boxes):
            members = self.members.get(b)
            between = not box.apart and box.parent == level and members and first < members[0] < last
            if between or box.parent in lost:
                lost.add(b)
        return sorted(lost)

    def constants(self) -> None:
        """A number of the program goes where what reads it goes."""
        for e in self.old.edges:
            if self.old.nodes[e.source].literal:
                self.fold_of[e.source] = self.fold_of[e.target]

    def graph(self) -> Graph:
        kept = [b for b, gone in enumerate(self.gone) if not gone]
        boxes = {b: k for k, b in enumerate(kept)}
        places: dict[int, int] = {}
        made = Graph(seeds=self.old.seeds, title=self.old.title)
        made.boxes = [replace(b, parent=boxes.get(b.parent)) if b.parent is not None else b for b in (self.old.boxes[k] for k in kept)]
        spots: dict[int, int] = {}
        starts = {node: fold for fold, node in self.before.items()}
        for k, node in enumerate(self.old.nodes):
            if k in starts:
                spots[starts[k]] = made.add(self.moved(self.folds[starts[k]], boxes))
            if self.fold_of[k] is None:
                places[k] = made.add(self.moved(node, boxes))
        self.edges(made, places, spots)
        return made

    def moved(self, node: Node, boxes: dict[int, int]) -> Node:
        return node if node.box is None else replace(node, box=boxes[node.box])

    def edges(self, made: Graph, places: dict[int, int], spots: dict[int, int]) -> None:
        """The edges between what is left, those of folds joined."""
        joined: dict[tuple[int, int], Edge] = {}
        for e in self.old.edges:
            a, b = self.fold_of[e.source], self.fold_of[e.target]
            source, target = places[e.source] if a is None else spots[a], places[e.target] if b is None else spots[b]
            if a is None and b is None:
                made.edges.append(replace(e, source=source, target=target))
            elif source != target:
                self.join(made, joined, replace(e, source=source, target=target, partial=None, step=None))

    def join(self, made: Graph, joined: dict[tuple[int, int], Edge], edge: Edge) -> None:
        known = joined.get((edge.source, edge.target))
        if known is None:
            joined[edge.source, edge.target] = edge
            made.edges.append(edge)
            return
        known.adjoint = total(known.adjoint, edge.adjoint)
        if len(known.tangents) == len(edge.tangents):
            known.tangents = tuple(total(a, b) for a, b in zip(known.tangents, edge.tangents, strict=True))
        known.active, known.smooth = known.active or edge.active, known.smooth or edge.smooth


def total(a: Any, b: Any) -> Any:
    """The sum of what flows along two edges, where there is something to add."""
    if a is None or b is None:
        return b if a is None else a
    return a + b
