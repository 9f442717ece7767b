"""The syntax tree as indented text, for `adcli ir --stage parsed`."""

from __future__ import annotations

from typing import Any

from adcli.syntax import tree

HIDDEN = {"span", "op_span", "name_span", "comments", "text", "own_line"}


def dump(program: tree.Program) -> str:
    """One node a line, its parts below it; without recursion, since expressions may be deep."""
    lines: list[str] = []
    todo: list[tuple[int, str, Any]] = [(0, "", program)]
    while todo:
        depth, label, node = todo.pop()
        indent = "  " * min(depth, 200)
        head = f"{label}: " if label else ""
        if isinstance(node, tuple):
            if label:
                lines.append(f"{indent}{label}:")
                depth += 1
            todo += [(depth, "", item) for item in reversed(node)]
            continue
        if not hasattr(node, "span"):
            lines.append(f"{indent}{head}{node}")
            continue
        plain, parts = split(node)
        lines.append(f"{indent}{head}{type(node).__name__}{' ' if plain else ''}{' '.join(plain)}")
        todo += [(depth + 1, name, part) for name, part in reversed(parts)]
    return "\n".join(lines) + "\n"


def split(node: Any) -> tuple[list[str], list[tuple[str, Any]]]:
    """A node's words and its parts that are nodes."""
    if isinstance(node, tree.Num):
        return [node.text], []
    plain: list[str] = []
    parts: list[tuple[str, Any]] = []
    for name in node.__slots__:
        if name in HIDDEN:
            continue
        value = getattr(node, name)
        if hasattr(value, "span") or (isinstance(value, tuple) and any(hasattr(v, "span") or isinstance(v, tuple) for v in value)):
            parts.append(
                ("" if name in ("value", "body", "statements", "items", "operand", "left", "right", "args") else name, value)
            )
        elif value not in (None, (), False) or isinstance(node, tree.Bool):
            plain.append(text(value))
    return plain, parts


def text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
