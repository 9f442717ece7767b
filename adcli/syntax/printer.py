"""From tree to text: the canonical layout, with comments kept, parentheses only where the meaning needs them.

    y=((a*b))+ (c)   # note          becomes          y = a*b + c  # note

A line break in the source after an operator, in a list or in a block is kept; other layout is not. Depth is no limit: what is
still to be printed stands on an explicit stack of texts, nodes and layout steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from adcli.errors import Source, Span
from adcli.syntax import tree
from adcli.syntax.tree import Block, Comment, Expr, Name, Program, Range, Stmt

# How tightly an expression binds; a child that binds less than its place asks for is put in parentheses.
LAMBDA, CHOICE, OR, AND, NOT, COMPARE, SUM, PRODUCT, SIGN, POWER, POSTFIX, ATOM = range(12)
_BINARY = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "@": PRODUCT, "^": POWER}
_TIGHT = ("*", "/", "^")
INDENT = "    "

Step: TypeAlias = Callable[[], None]
Placed: TypeAlias = tuple[Expr, int]
Item: TypeAlias = "str | Step | Placed"


def show(program: Program, source: Source) -> str:
    """The program's canonical text, ending in a newline; parsing it gives the same tree."""
    printer = _Printer(source.text, list(program.comments), _tall_blocks(program, source.text))
    printer.run(printer.body(program.statements, len(source.text)))
    text = "".join(printer.out)
    return text + "\n" if text else text


def show_expression(expr: Expr) -> str:
    """One expression on one line."""
    printer = _Printer("", [], set())
    printer.run([(expr, LAMBDA)])
    return "".join(printer.out)


def binding(expr: Expr) -> int:
    """How tightly an expression's outermost operator binds."""
    match expr:
        case tree.Lambda() | tree.Comprehension(bracketed=False):
            return LAMBDA
        case tree.IfExpr():
            return CHOICE
        case tree.Logic(op):
            return OR if op == "or" else AND
        case tree.Compare():
            return COMPARE
        case tree.Binary(op):
            return _BINARY[op]
        case tree.Unary(op):
            return {"not": NOT, "'": POSTFIX}.get(op, SIGN)
        case tree.Index():
            return POSTFIX
        case _:
            return ATOM


def _tall_blocks(program: Program, text: str) -> set[int]:
    """The ids of the blocks that take several lines: of several statements, or with a line break in the source, and all around them."""
    tall: set[int] = set()
    stack: list[tuple[object, tuple[Block, Any] | None]] = [(program, None)]
    while stack:
        node, around = stack.pop()
        if isinstance(node, Block):
            around = (node, around)
            if len(node.statements) > 1 or text.find("\n", *node.span) >= 0:
                outer: Any = around
                while outer is not None and id(outer[0]) not in tall:
                    tall.add(id(outer[0]))
                    outer = outer[1]
        if isinstance(node, tuple):
            stack.extend((part, around) for part in node)
        elif isinstance(node, tree.Node):
            stack.extend((getattr(node, name), around) for name in node.__slots__)
    return tall


class _Printer:
    def __init__(self, text: str, comments: list[Comment], tall: set[int]) -> None:
        self.text = text
        self.tall = tall
        self.comments = comments[::-1]
        self.out: list[str] = []
        self.depth = 0
        self.end = 0
        self.stack: list[Item] = []

    def run(self, items: Sequence[Item]) -> None:
        """Prints the items; a node is replaced by its parts, a step is taken."""
        stack = self.stack
        stack.extend(reversed(items))
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                self.out.append(item)
            elif isinstance(item, tuple):
                expr, place = item
                parts = self.parts(expr)
                if binding(expr) < place:
                    parts = ["(", *parts, ")"]
                stack.extend(reversed(parts))
            else:
                item()

    # ---- layout

    def deeper(self) -> None:
        self.depth += 1

    def shallower(self) -> None:
        self.depth -= 1

    def newline(self) -> None:
        self.out.append("\n" + INDENT * self.depth)

    def broken(self, start: int, end: int) -> bool:
        """Whether the source has a line break there."""
        return self.text.find("\n", start, end) >= 0

    def line(self, start: int, first: bool) -> None:
        """Begins the line of what stands at `start`, after a blank line if there was one."""
        if not self.out:
            return
        if not first and self.text.count("\n", self.end, start) > 1:
            self.out.append("\n")
        self.newline()

    def leading(self, start: int, end: int, first: bool) -> None:
        """The comments before `end`, and then the line of the statement that begins at `start`."""
        while self.comments and self.comments[-1].span.start < end:
            comment = self.comments.pop()
            self.line(min(comment.span.start, start), first)
            self.out.append(comment.text)
            self.end, first = comment.span.end, False
        self.line(start, first)

    def trailing(self, end: int, limit: int) -> None:
        """The comment behind a statement on its line, if there is one before `limit`."""
        self.end = end
        if self.comments:
            comment = self.comments[-1]
            if not comment.own_line and comment.span.start < limit and not self.broken(end, comment.span.start):
                self.comments.pop()
                self.out.append("  " + comment.text)
                self.end = max(end, comment.span.end)

    # ---- statements

    def body(self, statements: Sequence[Stmt], end: int) -> list[Item]:
        """Statements on lines of their own, and the comments among them up to `end`."""
        items: list[Item] = []
        for i, statement in enumerate(statements):
            limit = statements[i + 1].span.start if i + 1 < len(statements) else end
            items += self.one(statement, limit, i == 0)
        items.append(lambda: self.comments_until(end, not statements))
        return items

    def one(self, statement: Stmt, limit: int, first: bool) -> list[Item]:
        span = statement.span
        # Comments inside an expression go before its statement; those in its blocks stay there.
        hoisted = span.start if "{" in self.text[span.start : span.end] else span.end
        mark: list[int] = []

        def begin() -> None:
            self.leading(span.start, hoisted, first)
            mark.append(len(self.out))

        def close() -> None:
            # A line that begins with a sign would seem to go on the one above.
            if not first and self.out[mark[0]].startswith(("+", "-")):
                self.out.insert(mark[0], "(")
                self.out.append(")")
            self.trailing(span.end, limit)

        return [begin, *self.statement(statement), close]

    def comments_until(self, end: int, first: bool) -> None:
        while self.comments and self.comments[-1].span.start < end:
            comment = self.comments.pop()
            self.line(comment.span.start, first)
            self.out.append(comment.text)
            self.end, first = comment.span.end, False

    def statement(self, statement: Stmt) -> list[Item]:
        match statement:
            case tree.ExprStmt(value):
                return [(value, CHOICE)]
            case tree.Assign(targets, op, values):
                return [*_commas([(target, CHOICE) for target in targets]), f" {op} ", *_commas([(value, CHOICE) for value in values])]
            case tree.ForStmt(target, over, body):
                return [f"for {target.name} in ", *self.over(over), " ", self.block(body)]
            case tree.WhileStmt(cond, body):
                return ["while ", (cond, OR), " ", self.block(body)]
            case tree.Break():
                return ["break"]
            case tree.Continue():
                return ["continue"]
            case tree.Return(value):
                return ["return"] if value is None else ["return ", (value, CHOICE)]
            case tree.FnDef(name, params, body):
                head = f"fn {name.name}({_names(params)}) "
                return [head, self.block(body)] if isinstance(body, Block) else [head, "= ", (body, CHOICE)]
            case tree.RuleDef(name, params, body):
                return [f"rule {name.name}({_names(params)}) ", self.block(body)]
            case tree.InputDecl():
                return self.input(statement)
            case tree.OutputDecl(name, value):
                return [f"output {name.name}"] if value is None else [f"output {name.name} = ", (value, CHOICE)]

    def input(self, declaration: tree.InputDecl) -> list[Item]:
        head = f"input {_names(declaration.names)}"
        if declaration.shape is not None:
            head += ": [" + ", ".join(map(str, declaration.shape)) + "]"
        elif declaration.kind != "real":
            head += f": {declaration.kind}"
        return [head] if declaration.default is None else [head, " = ", (declaration.default, CHOICE)]

    def block(self, block: Block) -> Step:
        return lambda: self.stack.extend(reversed(self.braces(block)))

    def braces(self, block: Block) -> list[Item]:
        """A block: on one line if it is so in the source and if neither it nor a block in it holds several statements."""
        span, statements = block.span, block.statements
        commented = bool(self.comments) and self.comments[-1].span.start < span.end
        if not commented and not statements:
            return ["{}"]
        if not commented and id(block) not in self.tall:
            items: list[Item] = ["{ "]
            for i, statement in enumerate(statements):
                items += ["; " if i else "", *self.inline(statement, i == 0)]
            return [*items, " }"]

        def opened() -> None:
            limit = statements[0].span.start if statements else span.end
            self.trailing(span.start + 1, limit)
            self.deeper()

        def closed() -> None:
            self.shallower()
            self.newline()
            self.out.append("}")
            self.end = span.end

        return ["{", opened, *self.body(statements, span.end - 1), closed]

    def inline(self, statement: Stmt, first: bool) -> list[Item]:
        parts = self.statement(statement)
        if first or not isinstance(statement, tree.ExprStmt):
            return parts
        return ["(", *parts, ")"] if _signed(statement.value) else parts

    # ---- expressions

    def parts(self, expr: Expr) -> list[Item]:
        match expr:
            case tree.Num(text=text):
                return [text]
            case tree.Bool(value):
                return ["true" if value else "false"]
            case tree.Name(name):
                return [name]
            case tree.Unary() | tree.Binary() | tree.Compare() | tree.Logic():
                return self.operation(expr)
            case tree.ArrayLit(items, span):
                return ["[", *self.listed([([(item, CHOICE)], item.span) for item in items], span.start + 1, span.end - 1), "]"]
            case tree.CallExpr():
                return self.call(expr)
            case tree.Index(base, items):
                return [(base, POSTFIX), "[", *_joined([self.over(item) for item in items]), "]"]
            case tree.Lambda(params, body):
                head = f"{params[0].name} -> " if len(params) == 1 else f"({_names(params)}) -> "
                return [head, self.block(body) if isinstance(body, Block) else (body, LAMBDA)]
            case tree.Comprehension():
                return self.comprehension(expr)
            case tree.IfExpr():
                return self.choice(expr)

    def operation(self, expr: tree.Unary | tree.Binary | tree.Compare | tree.Logic) -> list[Item]:
        match expr:
            case tree.Unary("'", operand):
                return [(operand, POSTFIX), "'"]
            case tree.Unary("not", operand):
                return ["not ", (operand, NOT)]
            case tree.Unary(op, operand):
                return [op, (operand, SIGN)]
            case tree.Binary(op, left, right):
                own = _BINARY[op]
                places = (POSTFIX, SIGN) if op == "^" else (own, own + 1)
                return [(left, places[0]), *self.operator(op, left, right), (right, places[1])]
            case tree.Compare(operands, ops):
                items: list[Item] = [(operands[0], SUM)]
                for op, operand in zip(ops, operands[1:], strict=True):
                    items += [f" {op} ", (operand, SUM)]
                return items
            case tree.Logic(op, operands):
                place = AND if op == "or" else NOT
                items = [(operands[0], place)]
                for before, operand in pairwise(operands):
                    items += [*self.operator(op, before, operand), (operand, place)]
                return items

    def operator(self, op: str, left: Expr, right: Expr) -> list[Item]:
        """An operator between its operands, with the line break that the source has there."""
        space = "" if op in _TIGHT else " "
        if self.broken(left.span.end, right.span.start):
            return [space + op, self.deeper, self.newline, self.shallower]
        return [space + op + space]

    def call(self, call: tree.CallExpr) -> list[Item]:
        entries: list[tuple[list[Item], Span]] = [([(arg, LAMBDA)], arg.span) for arg in call.args]
        entries += [([f"{name}=", (value, CHOICE)], value.span) for name, value in call.named]
        return [call.name, "(", *self.listed(entries, call.name_span.end, call.span.end - 1), ")"]

    def listed(self, entries: list[tuple[list[Item], Span]], start: int, end: int) -> list[Item]:
        """Entries with commas between them, and line breaks where the source has them."""
        items: list[Item] = []
        for i, (parts, span) in enumerate(entries):
            if self.broken(start, span.start):
                items += ["," if i else "", self.deeper, self.newline, *parts, self.shallower]
            else:
                items += [", " if i else "", *parts]
            start = span.end
        if entries and self.broken(start, end):
            items.append(self.newline)
        return items

    def comprehension(self, expr: tree.Comprehension) -> list[Item]:
        items: list[Item] = [(expr.body, CHOICE)]
        for clause in expr.clauses:
            items += [f" for {clause.target.name} in ", *self.over(clause.over)]
        if expr.cond is not None:
            items += [" if ", (expr.cond, OR)]
        return ["[", *items, "]"] if expr.bracketed else items

    def over(self, over: Expr | Range) -> list[Item]:
        if not isinstance(over, Range):
            return [(over, OR)]
        items: list[Item] = []
        if over.lo is not None:
            # `1.` and a range after it would read as three points.
            pointed = isinstance(over.lo, tree.Num) and over.lo.text.endswith(".")
            items += [(over.lo, OR), " " if pointed or _ends_in_point(over.lo) else ""]
        items.append("..=" if over.inclusive else "..")
        if over.hi is not None:
            items.append((over.hi, OR))
        if over.step is not None:
            items += [" step ", (over.step, OR)]
        return items

    def choice(self, expr: tree.IfExpr) -> list[Item]:
        items: list[Item] = []
        for i, (cond, block) in enumerate(expr.arms):
            items += [" elif " if i else "if ", (cond, OR), " ", self.block(block)]
        if expr.other is not None:
            items += [" else ", self.block(expr.other)]
        return items


def _names(names: Sequence[Name]) -> str:
    return ", ".join(name.name for name in names)


def _commas(items: Sequence[Item]) -> list[Item]:
    return _joined([[item] for item in items])


def _joined(groups: Sequence[list[Item]]) -> list[Item]:
    items: list[Item] = []
    for i, group in enumerate(groups):
        items += [", ", *group] if i else group
    return items


def _signed(expr: Expr) -> bool:
    """Whether the printed expression begins with + or -."""
    while True:
        match expr:
            case tree.Unary("-" | "+"):
                return True
            case tree.Binary(_, left) if binding(left) >= (POSTFIX if expr.op == "^" else _BINARY[expr.op]):
                expr = left
            case tree.Compare((left, *_)) if binding(left) >= SUM:
                expr = left
            case tree.Logic(op, (left, *_)) if binding(left) >= (AND if op == "or" else NOT):
                expr = left
            case _:
                return False


def _ends_in_point(expr: Expr) -> bool:
    """Whether the printed expression ends in a number such as `1.`."""
    while True:
        match expr:
            case tree.Num(text=text):
                return text.endswith(".")
            case tree.Binary(op, _, right) if binding(right) >= (SIGN if op == "^" else _BINARY[op] + 1):
                expr = right
            case tree.Unary(op, operand) if op != "'" and binding(operand) >= (NOT if op == "not" else SIGN):
                expr = operand
            case tree.Compare(operands) if binding(operands[-1]) >= SUM:
                expr = operands[-1]
            case tree.Logic(op, operands) if binding(operands[-1]) >= (AND if op == "or" else NOT):
                expr = operands[-1]
            case _:
                return False
