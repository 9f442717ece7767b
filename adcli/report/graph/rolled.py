"""The graph of a program as it stands: loops, branches and functions are boxes.

    y = 1                                        y ──▶ ┌ while … ────────────┐
    while abs(y*y - x) > 1e-12 {        →        x ──▶ │ y, x ▶ …  ▶ y ─╮    │──▶ y
        y = 0.5*(y + x/y)                              │ ╰──── carried ──╯    │
    }                                                  └─────────────────────┘

A box has a node for each value that enters it and for each that leaves it. Statements that no result needs have no node: what only
checks subscripts, and what only raises flags. A call is a node, and each function that is called has a box of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from adcli.ad.rules import differentiable
from adcli.engines.record import ALIASES
from adcli.errors import Source, Span
from adcli.ir.nested import CustomRule, Nested
from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Var, While
from adcli.ir.walk import all_compound, blocks, free, inner, outs, reads, statements
from adcli.report import rules
from adcli.report.formula import Num, Word
from adcli.report.graph import symbols
from adcli.report.graph.model import CALL, CHOICE, CONSTANT, ENTRY, EXIT, FOLD, INPUT, OPERATION, OUTPUT, Box, Edge, Graph, Node
from adcli.report.graph.needed import called, needed
from adcli.report.graph.recorded import cut
from adcli.report.notation import UNICODE, Writer
from adcli.report.numbers import exact_number

# Boxes are drawn inside each other so many times; what is deeper is one node.
DEPTH = 8
TITLE = 60

# For each value of an operation its node, for what knows more about it.
Places: TypeAlias = "dict[Var, int]"


def graph(function: Function, source: Source) -> tuple[Graph, Places]:
    """The graph of a function and of all that it calls, and the nodes of its operations."""
    made = _Rolled(function, source)
    made.program(function)
    return made.graph, made.places


def flat(function: Function) -> bool:
    """Whether the function has no loops, branches or calls."""
    return all(isinstance(s, Check) for s in all_compound(function.body))


class _Rolled:
    """homes: the node of each variable, and the box in which it can be read; entries: the nodes through which values enter boxes."""

    def __init__(self, function: Function, source: Source) -> None:
        self.graph = Graph()
        self.source = source
        self.places: Places = {}
        self.homes: dict[Var, tuple[int, int | None]] = {}
        self.same: dict[Var, Atom] = {}
        self.entries: dict[tuple[int, Var], int] = {}
        self.needed = needed(function)
        self.count = 0 if flat(function) else None
        self.writer = Writer(UNICODE, exact_number)

    def program(self, main: Function) -> None:
        for k, v in enumerate(main.params):
            number = None if self.count is None else k - len(main.params) + 1
            id_ = f"n{k - len(main.params) + 1}"
            self.homes[v] = self.graph.add(Node(id_, INPUT, v.name, "input", v.name, number)), None
        self.block(main.body, None, 0)
        for k, (name, a) in enumerate(zip(main.result_names, main.body.results, strict=True)):
            place = self.node(OUTPUT, name or "value", None, id=f"output{k + 1}", op="output", name=name or "value")
            self.edge(a, place, 0, None)
        for f in called(main):
            self.function(f)

    def function(self, f: Function) -> None:
        """A function's own box."""
        box = self.box("function", f"fn {f.name}({', '.join(p.name for p in f.params)})", None, f.span)
        self.graph.boxes[box].apart = True
        for v in f.params:
            self.homes[v] = self.node(ENTRY, v.name or "·", box, name=v.name), box
        self.block(f.body, box, 1)
        for name, a in zip(f.result_names or [""] * len(f.body.results), f.body.results, strict=False):
            self.leave(a, name or "result", box)

    def box(self, kind: str, label: str, parent: int | None, span: Span | None) -> int:
        boxes = self.graph.boxes
        line = self.source.position(span.start)[0] if span else None
        boxes.append(Box(f"box{len(boxes) + 1}", kind, label, parent, line))
        return len(boxes) - 1

    def node(
        self, kind: str, label: str, box: int | None, *, id: str = "", op: str = "", name: str = "", span: Span | None = None
    ) -> int:  # fmt: skip
        line = self.source.position(span.start)[0] if span else None
        return self.graph.add(Node(id or f"s{len(self.graph.nodes)}", kind, cut(label), op, name, line=line, box=box))

    def edge(self, a: Atom, target: int, position: int, box: int | None, *, label: str = "", smooth: bool = True) -> None:
        """An edge from what an atom stands for to a node; `box` is where the atom is read."""
        source, smooth = self.read(a, box), smooth and a.type.elem == "real"
        self.graph.edges.append(Edge(source, target, position, label=label, smooth=smooth))

    def read(self, a: Atom, box: int | None) -> int:
        """The node of an atom in a box: a variable from around it enters through a node of its own."""
        a = self.resolved(a)
        if isinstance(a, Const):
            return self.node(CONSTANT, self.writer.number(a.value), box)
        home, where = self.homes[a]
        if where == box:
            return home
        assert box is not None
        found = self.entries.get((box, a))
        if found is None:
            outer = self.read(a, self.graph.boxes[box].parent)
            label = self.graph.nodes[home].name or self.graph.nodes[home].label
            found = self.entries[box, a] = self.node(ENTRY, label, box, name=self.graph.nodes[home].name)
            self.graph.edges.append(Edge(outer, found, smooth=a.type.elem == "real"))
        return found

    def resolved(self, a: Atom) -> Atom:
        while isinstance(a, Var) and a in self.same:
            a = self.same[a]
        return a

    def block(self, block: Block, box: int | None, depth: int) -> None:
        for s in block.statements:
            if not any(v in self.needed for v in outs(s)):
                continue
            match s:
                case Let():
                    self.let(s, box)
                case If() | For() | While() if depth == DEPTH:
                    self.close(s, box)
                case If():
                    self.branch(s, box, depth)
                case For() | While():
                    self.loop(s, box, depth)
                case Call():
                    self.call(s, box)
                case Check() | Push() | Pop():
                    pass

    def close(self, s: If | For | While, box: int | None) -> None:
        """A statement that is nested too deep as one node."""
        many = sum(isinstance(x, Let) and x.out in self.needed for b in blocks(s) for x in statements(b))
        sources = [self.read(a, box) for a in dict.fromkeys([*reads(s), *free(blocks(s), inner(s))]) if a in self.needed]
        place = self.node(FOLD, f"… {many:,} operations …", box, span=s.span)
        self.graph.nodes[place].count = many
        for k, source in enumerate(sources):
            self.graph.edges.append(Edge(source, place, k))
        self.homes |= dict.fromkeys(outs(s), (place, box))

    def let(self, s: Let, box: int | None) -> None:
        args = [self.resolved(a) for a in s.args]
        if s.op.name in ALIASES:
            self.same[s.out] = args[0]
            self.rename(args[0], s.out.name, box)
        elif s.op.name == "neg" and isinstance(args[0], Const):
            self.same[s.out] = Const(-args[0].value, s.out.type)
        elif all(isinstance(a, Const) for a in args):
            step = rules.Step(s, tuple(Num(a.value) for a in args if isinstance(a, Const)), tuple(
                a.value for a in args if isinstance(a, Const)), Word(""), None)  # fmt: skip
            self.put(s, CONSTANT, self.writer.text(rules.operation(step)), box)
        else:
            self.operation(s, args, box)

    def operation(self, s: Let, args: Sequence[Atom], box: int | None) -> None:
        first = symbols.trailing(s)
        ints = [] if first is None else [a.value for a in args[first:] if isinstance(a, Const)]
        static = first is not None and len(ints) == len(args) - first
        shown = args[:first] if static else args
        smooth, ordered = differentiable(s), symbols.ordered(s) and len(shown) > 1
        sources = [self.read(a, box) for a in shown]
        place = self.put(s, OPERATION, symbols.symbol(s, ints if static else ()), box)
        for k, source in enumerate(sources):
            real = k in smooth and shown[k].type.elem == "real"
            self.graph.edges.append(Edge(source, place, k, ordered=ordered, smooth=real))

    def put(self, s: Let, kind: str, label: str, box: int | None) -> int:
        """The node of an operation; numbered as in a trace where the program has no loops."""
        number = None
        if self.count is not None and s.out.type.elem == "real":
            self.count += 1
            number = self.count
        id_ = "" if number is None else f"n{number}"
        place = self.node(kind, label, box, id=id_, op=rules.sign(s.op), name=s.out.name, span=s.span)
        self.graph.nodes[place].number = number
        self.places[s.out] = place
        self.homes[s.out] = place, box
        return place

    def rename(self, a: Atom, name: str, box: int | None) -> None:
        """Another name for a value: its node takes it, if it has none."""
        if isinstance(a, Var) and self.homes[a][1] == box and not self.graph.nodes[self.homes[a][0]].name:
            self.graph.nodes[self.homes[a][0]].name = name

    def branch(self, s: If, box: int | None, depth: int) -> None:
        given = [k for k, v in enumerate(s.outs) if v in self.needed]
        title = header(self.source, s.span, "if")
        inside = [self.arm(b, t, s, box, depth) for b, t in ((s.then, title), (s.other, "else"))]
        for k in given:
            results = [self.result(b, k, s.outs[k], arm, box) for b, arm in zip((s.then, s.other), inside, strict=True)]
            place = self.node(CHOICE, "if", box, op="if", name=s.outs[k].name, span=s.span)
            self.edge(s.cond, place, 0, box, label="if", smooth=False)
            for j, (source, label) in enumerate(zip(results, ("then", "else"), strict=True)):
                self.graph.edges.append(Edge(source, place, j + 1, label=label, smooth=s.outs[k].type.elem == "real"))
            self.homes[s.outs[k]] = place, box

    def arm(self, block: Block, title: str, s: If, box: int | None, depth: int) -> int | None:
        """The box of a branch, or None where nothing happens in it."""
        made = [v for s in block.statements if not (isinstance(s, Let) and s.op.name in ALIASES) for v in outs(s)]
        if not any(v in self.needed for v in made):
            self.block(block, box, depth)
            return None
        arm = self.box("branch", title, box, s.span)
        self.block(block, arm, depth + 1)
        return arm

    def result(self, block: Block, k: int, out: Var, arm: int | None, box: int | None) -> int:
        """The node from which a branch gives its k-th value to the outside."""
        a = self.resolved(block.results[k])
        if arm is None or isinstance(a, Const) or self.homes[a][1] != arm:
            return self.read(a, box)
        return self.leave(a, out.name, arm)

    def leave(self, a: Atom, name: str, box: int) -> int:
        """A node through which a value leaves a box."""
        place = self.node(EXIT, name or "·", box, name=name)
        self.edge(a, place, 0, box)
        return place

    def loop(self, s: For | While, box: int | None, depth: int) -> None:
        inside = self.box("loop", header(self.source, s.span, "loop"), box, s.span)
        carried = [k for k, p in enumerate(s.params) if p in self.needed or s.outs[k] in self.needed]
        for k in carried:
            self.homes[s.params[k]] = self.node(ENTRY, s.params[k].name or "·", inside, name=s.params[k].name), inside
            self.edge(s.inits[k], self.homes[s.params[k]][0], 0, box)
        if s.index in self.needed:
            self.homes[s.index] = self.node(ENTRY, s.index.name or "iteration", inside, name=s.index.name), inside
        if isinstance(s, For):
            self.bound(s, inside, box)
        else:
            self.block(s.test, inside, depth + 1)
            place = self.node(CHOICE, "while", inside, op="while", span=s.span)
            self.edge(s.test.results[0], place, 0, inside, smooth=False)
        self.block(s.body, inside, depth + 1)
        for k in carried:
            place = self.leave(s.body.results[k], s.outs[k].name or s.params[k].name, inside)
            real = s.params[k].type.elem == "real"
            self.graph.edges.append(Edge(place, self.homes[s.params[k]][0], carried=True, smooth=real))
            self.homes[s.outs[k]] = place, box
        if isinstance(s, While) and s.count in self.needed:
            self.homes[s.count] = self.leave(s.index, "count", inside), box

    def bound(self, s: For, inner: int, box: int | None) -> None:
        """What a loop's range depends on goes to its index."""
        variable = [a for a in (s.start, s.count, s.step) if isinstance(self.resolved(a), Var)]
        if variable and s.index not in self.homes:
            self.homes[s.index] = self.node(ENTRY, s.index.name or "iteration", inner, name=s.index.name), inner
        for k, a in enumerate(variable):
            self.edge(a, self.homes[s.index][0], k, box, smooth=False)

    def call(self, s: Call, box: int | None) -> None:
        sources = [self.read(a, box) for a in s.args]
        place = self.node(CALL, callee(s.function), box, op="call", name=s.outs[0].name if s.outs else "", span=s.span)
        for k, source in enumerate(sources):
            self.graph.edges.append(Edge(source, place, k, ordered=len(sources) > 1, smooth=s.args[k].type.elem == "real"))
        for v in s.outs:
            self.homes[v] = place, box
        if isinstance(s.function.of, CustomRule):  # one operation of a recorded run, where other calls are what runs inside them
            self.places[s.outs[0]] = place


def callee(f: Function) -> str:
    """What a call says: the function's name, or of which function it is the derivative."""
    names = []
    while isinstance(f.of, Nested):
        names.append("grad" if f.of.mode == "reverse" else "jvp")
        f = f.of.function
    return " ".join([*names, f.name])


def header(source: Source, span: Span | None, otherwise: str) -> str:
    """The head of a compound statement as the program writes it."""
    if span is None:
        return otherwise
    text = " ".join(source.text[span.start : span.end].partition("{")[0].split())
    return text if len(text) <= TITLE else text[: TITLE - 1] + "…"
