"""Text to tree and back: the grammar, its diagnostics and the printer; the only package that knows Lark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adcli.syntax.parser import parse, parse_expression

if TYPE_CHECKING:
    from adcli.errors import Source
    from adcli.syntax.tree import Expr, Program

__all__ = ["parse", "parse_expression", "show", "show_expression", "show_tree"]


# The printers are loaded when first called: running a program needs none.


def show(program: Program, source: Source) -> str:
    """The program's canonical text, comments kept; parsing it gives the same tree."""
    from adcli.syntax import printer

    return printer.show(program, source)


def show_expression(expr: Expr) -> str:
    """An expression's canonical text, on one line."""
    from adcli.syntax import printer

    return printer.show_expression(expr)


def show_tree(program: Program) -> str:
    """The tree as an indented outline, one node a line."""
    from adcli.syntax import outline

    return outline.show_tree(program)
