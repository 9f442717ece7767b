"""The actions of the grammar: each makes a node of the tree from the values of an alternative's symbols.

`v` are the symbols' values (tokens, nodes, lists under way), `span` is where they stand, parentheses included. Rules that hold
for the text but not for the grammar are checked here: what can be assigned to, what a declaration may say.
"""

from __future__ import annotations

from typing import Any

from adcli.errors import AssignmentError, NumberError, ParseError, PlacementError, Span
from adcli.syntax import tree
from adcli.syntax.lexer import Token
from adcli.syntax.naming import quoted, shortened
from adcli.syntax.tables import Action
from adcli.syntax.tree import Block, Expr, Name, Range

# ---- lists: left-recursive in the grammar, one growing list here


def _one(v: list[Any], span: Span) -> list[Any]:
    return [v[0]]


def _more(v: list[Any], span: Span) -> list[Any]:
    v[0].append(v[2])
    items: list[Any] = v[0]
    return items


def _also(v: list[Any], span: Span) -> list[Any]:
    v[0].append(v[1])
    items: list[Any] = v[0]
    return items


def _pair(v: list[Any], span: Span) -> list[Any]:
    return [v[0], v[2]]


def _inner(v: list[Any], span: Span) -> Any:
    return v[1]


# ---- expressions


def _name(v: list[Any], span: Span) -> Name:
    return Name(v[0].text, span)


def _number(v: list[Any], span: Span) -> tree.Num:
    text = v[0].text
    return tree.Num(float(text), text.isdigit(), text, span)


def _truth(v: list[Any], span: Span) -> tree.Bool:
    return tree.Bool(v[0].kind == "TRUE", span)


def _unary(v: list[Any], span: Span) -> tree.Unary:
    return tree.Unary(v[0].text, v[1], span)


def _transpose(v: list[Any], span: Span) -> tree.Unary:
    return tree.Unary("'", v[0], span)


def _binary(v: list[Any], span: Span) -> tree.Binary:
    op: Token = v[1]
    return tree.Binary("^" if op.kind == "POWER" else op.text, v[0], v[2], span, op.span)


def _chain(v: list[Any], span: Span) -> tuple[list[Expr], list[str]]:
    return [v[0], v[2]], [v[1].text]


def _more_chain(v: list[Any], span: Span) -> tuple[list[Expr], list[str]]:
    operands, ops = v[0]
    operands.append(v[2])
    ops.append(v[1].text)
    return operands, ops


def _compare(v: list[Any], span: Span) -> tree.Compare:
    operands, ops = v[0]
    return tree.Compare(tuple(operands), tuple(ops), span)


def _logic(op: str) -> Action:
    return lambda v, span: tree.Logic(op, tuple(v[0]), span)


def _call(v: list[Any], span: Span) -> tree.CallExpr:
    name: Token = v[0]
    arguments = v[2] if len(v) > 3 else []
    args: list[Any] = []
    named: list[tuple[str, Expr]] = []
    for argument in arguments:
        if not isinstance(argument, tuple):
            if named:
                message = f"an argument without a name stands after {quoted(named[-1][0] + '=')}"
                raise ParseError(message, argument.span, help="put the named arguments last")
            args.append(argument)
            continue
        word, value = argument
        if any(word.text == other for other, _ in named):
            raise ParseError(f"the argument {quoted(word.text)} is given twice", word.span, help="remove one of them")
        named.append((word.text, value))
    return tree.CallExpr(name.text, tuple(args), tuple(named), span, name.span)


def _named_argument(v: list[Any], span: Span) -> tuple[Token, Expr]:
    return v[0], v[2]


def _array(v: list[Any], span: Span) -> tree.ArrayLit:
    return tree.ArrayLit(tuple(v[1]) if len(v) > 2 else (), span)


def _comprehension(v: list[Any], span: Span) -> tree.Comprehension:
    return tree.Comprehension(v[0], tuple(v[1]), v[3] if len(v) > 2 else None, False, span)


def _array_comprehension(v: list[Any], span: Span) -> tree.Comprehension:
    made: tree.Comprehension = v[1]
    if made.cond is not None:
        raise PlacementError(
            "an array takes no if: its length would depend on values",
            made.cond.span,
            help="filter in a reduction, as in sum(x for x in a if x > 0), or write if c { x } else { 0 } before for",
        )
    return tree.Comprehension(made.body, made.clauses, None, True, span)


def _clause(v: list[Any], span: Span) -> tree.ForClause:
    return tree.ForClause(v[1], v[3], span)


def _range(v: list[Any], span: Span) -> Range:
    return Range(v[0], v[2], v[4] if len(v) > 3 else None, v[1].text == "..=", span)


def _bounds(v: list[Any], span: Span) -> tuple[Expr | None, Token, Expr | None]:
    """lo? .. hi? in any of its four forms."""
    at = next(i for i, part in enumerate(v) if isinstance(part, Token) and part.kind == "DOTS")
    low, high = (v[0] if at else None), (v[at + 1] if at + 1 < len(v) else None)
    if high is None and v[at].text == "..=":
        raise ParseError("'..=' needs an end", v[at].span, help="write .. for everything up to the end")
    return low, v[at], high


def _slice(v: list[Any], span: Span) -> Range:
    low, dots, high = v[0]
    return Range(low, high, v[2] if len(v) > 1 else None, dots.text == "..=", span)


def _index(v: list[Any], span: Span) -> tree.Index:
    return tree.Index(v[0], tuple(v[2]), span)


def _lambda(v: list[Any], span: Span) -> tree.Lambda:
    return tree.Lambda((v[0],), v[2], span)


def _lambda_parenthesized(v: list[Any], span: Span) -> tree.Lambda:
    if not isinstance(v[0], Name):
        raise ParseError("a parameter of a lambda is a name", v[0].span, help="write x -> x^2, or (x, y) -> x*y")
    return tree.Lambda((v[0],), v[2], span)


def _lambda_several(v: list[Any], span: Span) -> tree.Lambda:
    return tree.Lambda(_distinct(v[1]), v[4], span)


def _arm(v: list[Any], span: Span) -> list[tuple[Expr, Block]]:
    return [(v[1], v[2])]


def _more_arms(v: list[Any], span: Span) -> list[tuple[Expr, Block]]:
    arms: list[tuple[Expr, Block]] = v[0]
    arms.append((v[-2], v[-1]))
    return arms


def _choice(v: list[Any], span: Span) -> tree.IfExpr:
    return tree.IfExpr(tuple(v[0]), v[2] if len(v) > 1 else None, span)


# ---- statements


def _block(v: list[Any], span: Span) -> Block:
    statements = v[1] if len(v) > 2 else []
    return Block(_used(statements), span)


def _program(v: list[Any], span: Span) -> tuple[tree.Stmt, ...]:
    return _used(v[0])


def _used(statements: list[tree.Stmt]) -> tuple[tree.Stmt, ...]:
    """Refuses a comparison whose result nobody sees: `y == 2` where `y = 2` is meant."""
    for statement in statements[:-1]:
        match statement:
            case tree.ExprStmt(tree.Compare((Name() | tree.Index(), *_), ("==", *_))):
                raise AssignmentError("this comparison has no effect", statement.span, help="'==' compares; write = to assign")
    return tuple(statements)


def _expression_statement(v: list[Any], span: Span) -> tree.ExprStmt:
    if len(v[0]) > 1:
        raise ParseError("several values stand as a statement", span, help="write an array [a, b], or assign them: x, y = a, b")
    return tree.ExprStmt(v[0][0], span)


def _assign(v: list[Any], span: Span) -> tree.Assign:
    targets, values = v[0], v[2]
    for target in targets:
        _check_target(target)
    if len(values) not in (1, len(targets)):
        help = "give each name one value"
        if len(targets) == 1 and len(values) == 2 and all(isinstance(value, tree.Num) and value.whole for value in values):
            help = f"a decimal number has a point: {values[0].text}.{values[1].text}" if len(values[0].text + values[1].text) < 30 else help
        elif len(targets) == 1:
            help = "an array stands in brackets: [a, b]"
        at = Span(values[0].span.start, values[-1].span.end)
        raise AssignmentError(f"{_count(len(targets), 'target')} but {_count(len(values), 'value')}", at, help=help)
    return tree.Assign(tuple(targets), "=", tuple(values), span)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _update(v: list[Any], span: Span) -> tree.Assign:
    op: Token = v[1]
    _check_target(v[0])
    return tree.Assign((v[0],), "^=" if op.text == "**=" else op.text, (v[2],), span)


def _check_target(target: Expr) -> None:
    base = target
    while isinstance(base, tree.Index):
        base = base.base
    if isinstance(base, Name):
        return
    help = "left of = stands a name or an element: y = …, a[i] = …; '==' compares"
    if isinstance(base, tree.CallExpr) and base is target and all(isinstance(arg, Name) for arg in base.args):
        help = f"a function is defined by fn {shortened(base.name)}(…) = …"
    raise AssignmentError("this cannot be assigned to", target.span, help=help)


def _for_statement(v: list[Any], span: Span) -> tree.ForStmt:
    return tree.ForStmt(v[1], v[3], v[4], span)


def _while_statement(v: list[Any], span: Span) -> tree.WhileStmt:
    return tree.WhileStmt(v[1], v[2], span)


def _return_statement(v: list[Any], span: Span) -> tree.Return:
    return tree.Return(v[1], span)


def _function(v: list[Any], span: Span) -> tree.FnDef:
    return tree.FnDef(Name(v[1].text, v[1].span), _distinct(v[2]), v[-1], span)


def _rule(v: list[Any], span: Span) -> tree.RuleDef:
    return tree.RuleDef(Name(v[1].text, v[1].span), _distinct(v[2]), v[-1], span)


def _parameters(v: list[Any], span: Span) -> list[Name]:
    return v[1] if len(v) > 2 else []


def _distinct(names: list[Name]) -> tuple[Name, ...]:
    seen: set[str] = set()
    for name in names:
        if name.name in seen:
            raise ParseError(f"the name {quoted(name.name)} stands twice", name.span, help="give each its own name")
        seen.add(name.name)
    return tuple(names)


# ---- declarations

_SCALAR = ("real", None)


def _input(v: list[Any], span: Span) -> tree.InputDecl:
    """INPUT names [COLON type] [EQUAL value]"""
    typed = len(v) > 2 and v[2].kind == "COLON"
    kind, shape = v[3] if typed else _SCALAR
    default = v[-1] if len(v) > 2 and v[-2].kind == "EQUAL" else None
    return tree.InputDecl(_distinct(v[1]), kind, shape, default, span)


def _type_name(v: list[Any], span: Span) -> tuple[str, None]:
    kind = v[0].text
    if kind not in ("real", "int"):
        raise ParseError(f"{quoted(kind)} is not a type", span, help="a type is real, int, or a shape such as [3] or [m, n]")
    return kind, None


def _type_shape(v: list[Any], span: Span) -> tuple[str, tuple[int | str, ...]]:
    return "real", tuple(_size(token) for token in v[1])


def _size(token: Token) -> int | str:
    if token.kind == "NAME":
        return token.text
    if not token.text.isdigit() or len(token.text) > 18:
        raise NumberError(f"{quoted(token.text)} is not a size", token.span, help="a size is a whole number, or a name that stands for one")
    return int(token.text)


def _output(v: list[Any], span: Span) -> tree.OutputDecl:
    return tree.OutputDecl(Name(v[1].text, v[1].span), v[3] if len(v) > 2 else None, span)


ACTIONS: dict[str, Action] = {
    "one": _one, "more": _more, "also": _also, "pair": _pair, "paren": _inner,
    "name": _name, "number": _number, "truth": _truth, "unary": _unary, "transpose": _transpose, "binary": _binary,
    "chain": _chain, "more_chain": _more_chain, "compare": _compare, "logic_or": _logic("or"), "logic_and": _logic("and"),
    "call": _call, "call_empty": _call, "named_argument": _named_argument, "array": _array, "array_empty": _array,
    "comprehension": _comprehension, "comprehension_if": _comprehension, "array_comprehension": _array_comprehension, "clause": _clause,
    "range": _range, "range_step": _range, "bounds": _bounds, "bounds_all": _bounds, "bounds_to": _bounds, "bounds_from": _bounds,
    "slice": _slice, "slice_step": _slice, "index": _index,
    "lambda": _lambda, "lambda_parenthesized": _lambda_parenthesized, "lambda_several": _lambda_several,
    "arm": _arm, "more_arms": _more_arms, "choice": _choice, "choice_else": _choice,
    "block": _block, "empty_block": _block, "program": _program,
    "expression_statement": _expression_statement, "assign": _assign, "update": _update,
    "for_statement": _for_statement, "while_statement": _while_statement, "return_statement": _return_statement,
    "break_statement": lambda v, span: tree.Break(span), "continue_statement": lambda v, span: tree.Continue(span),
    "function": _function, "function_block": _function, "rule": _rule, "parameters": _parameters, "no_parameters": _parameters,
    "input_plain": _input, "input_typed": _input, "input_default": _input, "input_typed_default": _input,
    "type_name": _type_name, "type_shape": _type_shape, "output_name": _output, "output_value": _output,
}  # fmt: skip
