"""A graph told as an indented list: one line a node, with what it is made of and its numbers."""

from __future__ import annotations

from collections.abc import Iterator

from adcli.report.formula import Ref
from adcli.report.graph.labels import View
from adcli.report.graph.model import CHOICE, CONSTANT, ENTRY, EXIT, FOLD, INPUT, OUTPUT, Graph, Node
from adcli.report.grid import GAP, width


def listing(graph: Graph, view: View, room: int) -> Iterator[str]:
    """The lines; the numbers stand in a column where that leaves room."""
    names = _Names(graph, view)
    rows: list[tuple[str, str]] = []
    depth = 0
    order = {id(n): k for k, n in enumerate(graph.nodes)}
    for what, item in graph.outline():
        if isinstance(item, Node):
            text = names.line(order[id(item)]) if item.kind != CONSTANT or item.number is not None else None
            if text is not None:
                rows.append(("  " * depth + names.mark(order[id(item)]) + text, GAP.join(names.numbers(item))))
        elif what == "begin":
            rows.append(("  " * depth + item.label, ""))
            depth += 1
        else:
            depth -= 1
    wide = max((width(text) for text, found in rows if found), default=0)
    last = max((width(found) for _, found in rows), default=0)
    column = wide if wide + len(GAP) + last <= room else 0
    for text, found in rows:
        yield f"{text}{' ' * max(column - width(text), 0)}{GAP}{found}" if found else text


class _Names:
    """What nodes are called in other nodes' lines."""

    def __init__(self, graph: Graph, view: View) -> None:
        self.graph, self.view = graph, view
        self.arguments: dict[int, list[tuple[str, int]]] = {}
        for e in graph.edges:
            self.arguments.setdefault(e.target, []).append(("carried" if e.carried else e.label, e.source))
        self.carried = {e.source: e.target for e in graph.edges if e.carried}
        self.swept = {k for e in graph.edges if e.active for k in (e.source, e.target)}
        self.fresh = {k: j + 1 for j, k in enumerate(k for k, n in enumerate(graph.nodes) if self.unnamed(n))}

    def mark(self, k: int) -> str:
        """What a sweep passes is marked."""
        return "" if self.view.highlight is None else "* " if k in self.swept else "  "

    def unnamed(self, n: Node) -> bool:
        return n.number is None and not n.name and n.kind not in (CONSTANT, INPUT, OUTPUT, FOLD, EXIT)

    def name(self, k: int) -> str:
        n = self.graph.nodes[k]
        if n.number is not None and n.kind != INPUT:
            return self.view.writer.notation.ref(Ref("v", n.number))
        if n.kind in (CONSTANT, FOLD):
            return n.label
        if n.kind == EXIT and not n.name:
            return self.name(self.arguments[k][0][1])
        return n.name or (f"#{self.fresh[k]}" if k in self.fresh else n.label)

    def line(self, k: int) -> str | None:
        """The node in terms of its arguments; None where it only hands on a value under the name that it has."""
        n = self.graph.nodes[k]
        given = [(label, self.name(source)) for label, source in self.arguments.get(k, [])]
        texts = [text for _, text in given]
        if n.kind == INPUT:
            return f"{n.label}{self.suffix(n)} = input"
        if n.kind == ENTRY:
            return self.entry(k, given)
        if n.kind == EXIT:
            return f"next {self.name(self.carried[k])} = {texts[0]}" if k in self.carried else f"gives {texts[0]}"
        if n.kind == OUTPUT:
            return f"output {n.label} = {texts[0]}"
        if n.kind == CHOICE:
            return f"{self.name(k)} = " + " ".join(f"{a} {b}" for a, b in given) if len(given) > 1 else f"{n.label} {texts[0]}"
        if n.kind == FOLD:
            return f"{n.label} of {', '.join(texts)}" if texts else n.label
        name = f"{n.name} = " if n.name and n.number is not None else ""
        return f"{name}{self.name(k)} = {n.label if n.kind == CONSTANT else self.applied(n.label, texts)}"

    def entry(self, k: int, given: list[tuple[str, str]]) -> str | None:
        """What enters a box: a value from outside, the index of a loop, or what the iteration before gave."""
        name, outer = self.name(k), [text for label, text in given if label != "carried"]
        if any(label == "carried" for label, _ in given):
            return f"{name} = {', '.join(outer)} at first, then next {self.graph.nodes[k].name or name}"
        if not outer:
            return f"{name} = parameter" if self.in_function(k) else f"{name} = 0, 1, …"
        return None if outer == [name] else f"{name} = {', '.join(outer)}"

    def in_function(self, k: int) -> bool:
        box = self.graph.nodes[k].box
        return box is not None and self.graph.boxes[box].kind == "function"

    def applied(self, label: str, texts: list[str]) -> str:
        """An operation on its arguments, as a program writes it where it has a sign."""
        if label.startswith("[") and label.endswith("]") and texts:
            inside = label[1:-1]
            return f"[{', '.join(texts)}]" if inside == " , " else f"{texts[0]}[{', '.join(texts[1:]) if inside == '·' else inside}]"
        if label[:1].isalpha() or label == "√" or not 1 <= len(texts) <= 2:
            return f"{label}({', '.join(texts)})"
        return f"{texts[0]} {label} {texts[1]}" if len(texts) == 2 else f"{label}{texts[0]}"

    def suffix(self, n: Node) -> str:
        return "" if n.number is None else f" = {self.view.writer.notation.ref(Ref('v', n.number))}"

    def numbers(self, n: Node) -> list[str]:
        return [text if role != "value" else text.partition("= ")[1] + text.partition("= ")[2] for role, text in self.view.lines(n)
                if role != "name" or n.kind == FOLD]  # fmt: skip
