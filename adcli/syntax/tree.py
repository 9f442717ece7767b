"""The syntax tree of ADL. Nodes are plain records with the span they came from; the printer and `lower` read them.

They are written out and not made by `dataclass`: making thirty classes by it would take a tenth of the time a one-liner runs.
"""

from __future__ import annotations

from typing import TypeAlias

from adcli.errors import Span


class Node:
    """The base of every node: its fields are its slots, in this order."""

    __slots__: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(repr(getattr(self, name)) for name in self.__slots__)})"


class Num(Node):
    """A literal. `whole` is true for 2, false for 2.0 and 2e3; `text` is as written."""

    __slots__ = __match_args__ = ("value", "whole", "text", "span")

    def __init__(self, value: float, whole: bool, text: str, span: Span) -> None:
        self.value = value
        self.whole = whole
        self.text = text
        self.span = span


class Bool(Node):
    __slots__ = __match_args__ = ("value", "span")

    def __init__(self, value: bool, span: Span) -> None:
        self.value = value
        self.span = span


class Name(Node):
    __slots__ = __match_args__ = ("name", "span")

    def __init__(self, name: str, span: Span) -> None:
        self.name = name
        self.span = span


class ArrayLit(Node):
    __slots__ = __match_args__ = ("items", "span")

    def __init__(self, items: tuple[Expr, ...], span: Span) -> None:
        self.items = items
        self.span = span


class Unary(Node):
    """op is "-", "+" or "not"; op "'" is the transpose."""

    __slots__ = __match_args__ = ("op", "operand", "span")

    def __init__(self, op: str, operand: Expr, span: Span) -> None:
        self.op = op
        self.operand = operand
        self.span = span


class Binary(Node):
    """op is one of + - * / // % @ ^ (`**` is read as ^)."""

    __slots__ = __match_args__ = ("op", "left", "right", "span", "op_span")

    def __init__(self, op: str, left: Expr, right: Expr, span: Span, op_span: Span) -> None:
        self.op = op
        self.left = left
        self.right = right
        self.span = span
        self.op_span = op_span


class Compare(Node):
    """A chain: operands[0] ops[0] operands[1] ops[1] …"""

    __slots__ = __match_args__ = ("operands", "ops", "span")

    def __init__(self, operands: tuple[Expr, ...], ops: tuple[str, ...], span: Span) -> None:
        self.operands = operands
        self.ops = ops
        self.span = span


class Logic(Node):
    """op is "and" or "or" over two or more operands, evaluated left to right and only as far as needed."""

    __slots__ = __match_args__ = ("op", "operands", "span")

    def __init__(self, op: str, operands: tuple[Expr, ...], span: Span) -> None:
        self.op = op
        self.operands = operands
        self.span = span


class CallExpr(Node):
    __slots__ = __match_args__ = ("name", "args", "named", "span", "name_span")

    def __init__(
        self, name: str, args: tuple[Expr | Lambda, ...], named: tuple[tuple[str, Expr], ...], span: Span, name_span: Span
    ) -> None:
        self.name = name
        self.args = args
        self.named = named
        self.span = span
        self.name_span = name_span


class Range(Node):
    """lo..hi, lo..=hi, each with an optional step; bounds are left out only in subscripts."""

    __slots__ = __match_args__ = ("lo", "hi", "step", "inclusive", "span")

    def __init__(self, lo: Expr | None, hi: Expr | None, step: Expr | None, inclusive: bool, span: Span) -> None:
        self.lo = lo
        self.hi = hi
        self.step = step
        self.inclusive = inclusive
        self.span = span


class Index(Node):
    __slots__ = __match_args__ = ("base", "items", "span")

    def __init__(self, base: Expr, items: tuple[Expr | Range, ...], span: Span) -> None:
        self.base = base
        self.items = items
        self.span = span


class Lambda(Node):
    __slots__ = __match_args__ = ("params", "body", "span")

    def __init__(self, params: tuple[Name, ...], body: Block | Expr, span: Span) -> None:
        self.params = params
        self.body = body
        self.span = span


class ForClause(Node):
    __slots__ = __match_args__ = ("target", "over", "span")

    def __init__(self, target: Name, over: Range | Expr, span: Span) -> None:
        self.target = target
        self.over = over
        self.span = span


class Comprehension(Node):
    """body for … for … [if cond]: in brackets an array, as an argument of a reduction what is reduced (then a condition may stand)."""

    __slots__ = __match_args__ = ("body", "clauses", "cond", "bracketed", "span")

    def __init__(self, body: Expr, clauses: tuple[ForClause, ...], cond: Expr | None, bracketed: bool, span: Span) -> None:
        self.body = body
        self.clauses = clauses
        self.cond = cond
        self.bracketed = bracketed
        self.span = span


class IfExpr(Node):
    """if c { … } elif d { … } else { … }, as a statement and as an expression."""

    __slots__ = __match_args__ = ("arms", "other", "span")

    def __init__(self, arms: tuple[tuple[Expr, Block], ...], other: Block | None, span: Span) -> None:
        self.arms = arms
        self.other = other
        self.span = span


Expr: TypeAlias = Num | Bool | Name | ArrayLit | Unary | Binary | Compare | Logic | CallExpr | Index | Lambda | Comprehension | IfExpr


class InputDecl(Node):
    """`kind` is "real" or "int"; shape None means a scalar (or, where undeclared, whatever value is given).

    The entries of a shape are ints or dimension names.
    """

    __slots__ = __match_args__ = ("names", "kind", "shape", "default", "span")

    def __init__(self, names: tuple[Name, ...], kind: str, shape: tuple[int | str, ...] | None, default: Expr | None, span: Span) -> None:
        self.names = names
        self.kind = kind
        self.shape = shape
        self.default = default
        self.span = span


class OutputDecl(Node):
    __slots__ = __match_args__ = ("name", "value", "span")

    def __init__(self, name: Name, value: Expr | None, span: Span) -> None:
        self.name = name
        self.value = value
        self.span = span


class Assign(Node):
    """targets op values: op is "=", or "+=", "-=", "*=", "/=", "^=" (one target).

    A target is a Name or an Index whose base is a Name or an Index.
    """

    __slots__ = __match_args__ = ("targets", "op", "values", "span")

    def __init__(self, targets: tuple[Name | Index, ...], op: str, values: tuple[Expr, ...], span: Span) -> None:
        self.targets = targets
        self.op = op
        self.values = values
        self.span = span


class ForStmt(Node):
    __slots__ = __match_args__ = ("target", "over", "body", "span")

    def __init__(self, target: Name, over: Range | Expr, body: Block, span: Span) -> None:
        self.target = target
        self.over = over
        self.body = body
        self.span = span


class WhileStmt(Node):
    __slots__ = __match_args__ = ("cond", "body", "span")

    def __init__(self, cond: Expr, body: Block, span: Span) -> None:
        self.cond = cond
        self.body = body
        self.span = span


class Break(Node):
    __slots__ = __match_args__ = ("span",)

    def __init__(self, span: Span) -> None:
        self.span = span


class Continue(Node):
    __slots__ = __match_args__ = ("span",)

    def __init__(self, span: Span) -> None:
        self.span = span


class Return(Node):
    __slots__ = __match_args__ = ("value", "span")

    def __init__(self, value: Expr | None, span: Span) -> None:
        self.value = value
        self.span = span


class FnDef(Node):
    __slots__ = __match_args__ = ("name", "params", "body", "span")

    def __init__(self, name: Name, params: tuple[Name, ...], body: Block | Expr, span: Span) -> None:
        self.name = name
        self.params = params
        self.body = body
        self.span = span


class RuleDef(Node):
    """The partial derivatives of a function: in the body, `dx = …` for a parameter x; `out` is the function's value."""

    __slots__ = __match_args__ = ("name", "params", "body", "span")

    def __init__(self, name: Name, params: tuple[Name, ...], body: Block, span: Span) -> None:
        self.name = name
        self.params = params
        self.body = body
        self.span = span


class ExprStmt(Node):
    """An expression that stands as a statement (an IfExpr too)."""

    __slots__ = __match_args__ = ("value", "span")

    def __init__(self, value: Expr, span: Span) -> None:
        self.value = value
        self.span = span


Stmt: TypeAlias = InputDecl | OutputDecl | Assign | ForStmt | WhileStmt | Break | Continue | Return | FnDef | RuleDef | ExprStmt


class Block(Node):
    __slots__ = __match_args__ = ("statements", "span")

    def __init__(self, statements: tuple[Stmt, ...], span: Span) -> None:
        self.statements = statements
        self.span = span


class Comment(Node):
    """A comment with its # and without the line's end; `own_line` where nothing stands before it on its line."""

    __slots__ = __match_args__ = ("text", "span", "own_line")

    def __init__(self, text: str, span: Span, own_line: bool) -> None:
        self.text = text
        self.span = span
        self.own_line = own_line


class Program(Node):
    __slots__ = __match_args__ = ("statements", "span", "comments")

    def __init__(self, statements: tuple[Stmt, ...], span: Span, comments: tuple[Comment, ...] = ()) -> None:
        self.statements = statements
        self.span = span
        self.comments = comments
