"""Text to tree and back: the grammar, its diagnostics and the printer; the only package that knows Lark."""
from __future__ import annotations

from adcli.syntax.parser import parse, parse_expression

__all__ = ["parse", "parse_expression"]
