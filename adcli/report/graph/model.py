"""A computational graph as data: nodes, edges with the derivatives that flow along them, and boxes for loops, branches and functions.

    y = ln(x)*2     →     nodes  x (input), ln (operation), 2 (constant), × (operation), y (output)
                          edges  x → ln, ln → ×, 2 → ×, × → y
"""

from __future__ import annotations

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
    first: for a statement of a loop the value in its first execution, where `value` is that of the last; runs: how many there were.
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
    runs: int | None = None
    box: int | None = None
    count: int = 0


@dataclass(slots=True, eq=False)
class Edge:
    """The value of `source` is argument `position` of `target` (both are positions in the graph's nodes).

    partial: ∂target/∂source along this argument, None where it is a matrix or there is none. adjoint: the increment of the source's adjoint
    that flows back along the edge; tangents: what flows forward, for each seed. step: the place of that increment in the reverse sweep.
    label: what a choice does with the value: if, then, else. carried: from the end of an iteration to the beginning of the next.
    ordered: the operation's arguments cannot be exchanged.
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


@dataclass(slots=True, eq=False)
class Box:
    """A loop, a branch or a function: the nodes whose `box` it is, and the boxes whose `parent` it is."""

    id: str
    kind: str
    label: str
    parent: int | None = None
    line: int | None = None
    runs: int | None = None


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

    def add(self, node: Node) -> int:
        """Append a node; its position."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def operations(self) -> int:
        """How many operations there are, with those that are folded."""
        return sum(n.count if n.kind == FOLD else n.kind in (OPERATION, CALL) for n in self.nodes)
