"""The syntax tree of ADL. Nodes are plain records with the span they came from; the printer and `lower` read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from adcli.errors import Span


@dataclass(slots=True, eq=False)
class Num:
    """A literal. `whole` is true for 2, false for 2.0 and 2e3; `text` is as written."""

    value: float
    whole: bool
    text: str
    span: Span


@dataclass(slots=True, eq=False)
class Bool:
    value: bool
    span: Span


@dataclass(slots=True, eq=False)
class Name:
    name: str
    span: Span


@dataclass(slots=True, eq=False)
class ArrayLit:
    items: tuple[Expr, ...]
    span: Span


@dataclass(slots=True, eq=False)
class Unary:
    """op is "-", "+" or "not"; op "'" is the transpose."""

    op: str
    operand: Expr
    span: Span


@dataclass(slots=True, eq=False)
class Binary:
    """op is one of + - * / // % @ ^ (`**` is read as ^)."""

    op: str
    left: Expr
    right: Expr
    span: Span
    op_span: Span


@dataclass(slots=True, eq=False)
class Compare:
    """A chain: operands[0] ops[0] operands[1] ops[1] …"""

    operands: tuple[Expr, ...]
    ops: tuple[str, ...]
    span: Span


@dataclass(slots=True, eq=False)
class Logic:
    """op is "and" or "or" over two or more operands, evaluated left to right and only as far as needed."""

    op: str
    operands: tuple[Expr, ...]
    span: Span


@dataclass(slots=True, eq=False)
class CallExpr:
    name: str
    args: tuple[Expr | Lambda, ...]
    named: tuple[tuple[str, Expr], ...]
    span: Span
    name_span: Span


@dataclass(slots=True, eq=False)
class Range:
    """lo..hi, lo..=hi, each with an optional step; bounds are left out only in subscripts."""

    lo: Expr | None
    hi: Expr | None
    step: Expr | None
    inclusive: bool
    span: Span


@dataclass(slots=True, eq=False)
class Index:
    base: Expr
    items: tuple[Expr | Range, ...]
    span: Span


@dataclass(slots=True, eq=False)
class Lambda:
    params: tuple[Name, ...]
    body: Block | Expr
    span: Span


@dataclass(slots=True, eq=False)
class ForClause:
    target: Name
    over: Range | Expr
    span: Span


@dataclass(slots=True, eq=False)
class Comprehension:
    """body for … for … [if cond]: in brackets an array, as an argument of a reduction what is reduced (then a condition may stand)."""

    body: Expr
    clauses: tuple[ForClause, ...]
    cond: Expr | None
    bracketed: bool
    span: Span


@dataclass(slots=True, eq=False)
class IfExpr:
    """if c { … } elif d { … } else { … }, as a statement and as an expression."""

    arms: tuple[tuple[Expr, Block], ...]
    other: Block | None
    span: Span


Expr: TypeAlias = Num | Bool | Name | ArrayLit | Unary | Binary | Compare | Logic | CallExpr | Index | Lambda | Comprehension | IfExpr


@dataclass(slots=True, eq=False)
class InputDecl:
    """`kind` is "real" or "int"; shape None means a scalar (or, where undeclared, whatever value is given).

    The entries of a shape are ints or dimension names.
    """

    names: tuple[Name, ...]
    kind: str
    shape: tuple[int | str, ...] | None
    default: Expr | None
    span: Span


@dataclass(slots=True, eq=False)
class OutputDecl:
    name: Name
    value: Expr | None
    span: Span


@dataclass(slots=True, eq=False)
class Assign:
    """targets op values: op is "=", or "+=", "-=", "*=", "/=", "^=" (one target).

    A target is a Name or an Index whose base is a Name or an Index.
    """

    targets: tuple[Name | Index, ...]
    op: str
    values: tuple[Expr, ...]
    span: Span


@dataclass(slots=True, eq=False)
class ForStmt:
    target: Name
    over: Range | Expr
    body: Block
    span: Span


@dataclass(slots=True, eq=False)
class WhileStmt:
    cond: Expr
    body: Block
    span: Span


@dataclass(slots=True, eq=False)
class Break:
    span: Span


@dataclass(slots=True, eq=False)
class Continue:
    span: Span


@dataclass(slots=True, eq=False)
class Return:
    value: Expr | None
    span: Span


@dataclass(slots=True, eq=False)
class FnDef:
    name: Name
    params: tuple[Name, ...]
    body: Block | Expr
    span: Span


@dataclass(slots=True, eq=False)
class ExprStmt:
    """An expression that stands as a statement (an IfExpr too)."""

    value: Expr
    span: Span


Stmt: TypeAlias = InputDecl | OutputDecl | Assign | ForStmt | WhileStmt | Break | Continue | Return | FnDef | ExprStmt


@dataclass(slots=True, eq=False)
class Block:
    statements: tuple[Stmt, ...]
    span: Span


@dataclass(slots=True, eq=False)
class Comment:
    """A comment with its # and without the line's end; `own_line` where nothing stands before it on its line."""

    text: str
    span: Span
    own_line: bool


@dataclass(slots=True, eq=False)
class Program:
    statements: tuple[Stmt, ...]
    span: Span
    comments: tuple[Comment, ...] = field(default=())
