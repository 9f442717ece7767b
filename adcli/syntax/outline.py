"""The tree as an indented outline, one node a line: what `adcli ir --stage parsed` prints."""

from __future__ import annotations

from adcli.errors import Span
from adcli.syntax.tree import Node, Num, Program

# Deeper nodes say their depth instead: a chain of 10,000 nodes would be printed mostly as blanks.
DEEPEST = 40


def show_tree(program: Program) -> str:
    """One line for each node: its kind and its own values; its parts are indented below it, under their names where there are several."""
    lines: list[str] = []
    stack: list[tuple[str, object, int]] = [("", program, 0)]
    while stack:
        label, node, depth = stack.pop()
        own: list[str] = []
        parts: list[tuple[str, object, int]] = []
        for name, value in _fields(node):
            if _plain(value):
                own.append(f"{name}={_show(value)}")
            else:
                parts += [(f"{name}: ", part, depth + 1) for part in (value if isinstance(value, tuple) else (value,))]
        indent = "  " * depth if depth <= DEEPEST else "  " * DEEPEST + f"[{depth}] "
        lines.append(" ".join([f"{indent}{label}{_kind(node)}", *own]))
        stack.extend(reversed(parts))
    return "\n".join(lines) + "\n"


def _kind(node: object) -> str:
    return "pair" if isinstance(node, tuple) else type(node).__name__


def _fields(node: object) -> list[tuple[str, object]]:
    """A node's fields without spans and comments; a pair is an arm of an if, or a named argument."""
    if isinstance(node, tuple):
        names = ("condition", "block") if isinstance(node[0], Node) else ("name", "value")
        return list(zip(names, node, strict=True))
    if isinstance(node, Num):
        return [("text", node.text)]
    assert isinstance(node, Node)
    values = [(name, getattr(node, name)) for name in node.__slots__ if name != "comments"]
    return [(name, value) for name, value in values if not isinstance(value, Span) and value is not None]


def _plain(value: object) -> bool:
    if isinstance(value, tuple):
        return not any(isinstance(part, (Node, tuple)) for part in value)
    return not isinstance(value, Node)


def _show(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_show(part) for part in value) + "]"
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
