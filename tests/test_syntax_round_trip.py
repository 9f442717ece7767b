"""Printing: parse∘show is the identity on generated trees, show is idempotent, comments and line breaks stay."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adcli.errors import Source, Span
from adcli.syntax import parse, parse_expression, show, show_expression, tree

AT = Span(0, 0)


def same(a: object, b: object) -> bool:
    """Whether two trees are equal but for their spans and comments."""
    if isinstance(a, tuple) and isinstance(b, tuple) and not isinstance(a, Span):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, tree.Node):
        names = [name for name in a.__slots__ if name != "comments"]
        return type(a) is type(b) and all(same(getattr(a, name), getattr(b, name)) for name in names)
    return isinstance(a, Span) or a == b


class Grower:
    """Draws trees whose spans say nothing."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw

    def pick(self, *items: Any) -> Any:
        return self.draw(st.sampled_from(items))

    def count(self, least: int, most: int) -> range:
        return range(self.draw(st.integers(least, most)))

    def name(self) -> tree.Name:
        return tree.Name(self.pick("x", "y", "a1", "_t", "sin", "steps", "e"), AT)

    def names(self, least: int) -> tuple[tree.Name, ...]:
        return tuple({name.name: name for name in (self.name() for _ in self.count(least, 3))}.values())

    def expr(self, depth: int) -> tree.Expr:
        if depth == 0 or self.draw(st.integers(0, 3)) == 0:
            text = self.pick("0", "2", "2.5", ".5", "1.", "1e-3", "007", "1.e5")
            return self.pick(
                tree.Num(float(text), text.isdigit(), text, AT), self.name(), self.name(), tree.Bool(self.pick(True, False), AT)
            )
        grow = self.pick(self.operation, self.operation, self.operation, self.operation, self.call, self.array, self.index, self.choice)
        made: tree.Expr = grow(depth - 1)
        return made

    def exprs(self, least: int, most: int, depth: int) -> tuple[tree.Expr, ...]:
        return tuple(self.expr(depth) for _ in self.count(least, most))

    def operation(self, depth: int) -> tree.Expr:
        kind = self.pick("unary", "binary", "binary", "compare", "logic")
        if kind == "unary":
            return tree.Unary(self.pick("-", "+", "not", "'"), self.expr(depth), AT)
        if kind == "binary":
            return tree.Binary(self.pick("+", "-", "*", "/", "//", "%", "@", "^"), self.expr(depth), self.expr(depth), AT, AT)
        operands = self.exprs(2, 3, depth)
        if kind == "logic":
            return tree.Logic(self.pick("and", "or"), operands, AT)
        return tree.Compare(operands, tuple(self.pick("<", "<=", ">", ">=", "==", "!=") for _ in operands[1:]), AT)

    def call(self, depth: int) -> tree.Expr:
        args = tuple(self.pick(self.expr, self.expr, self.function, self.reduction)(depth) for _ in self.count(0, 2))
        named = tuple((name, self.expr(depth)) for name in ("axis", "n")[: len(self.count(0, 2))])
        return tree.CallExpr(self.pick("f", "sum", "x"), args, named, AT, AT)

    def function(self, depth: int) -> tree.Lambda:
        return tree.Lambda(self.names(1), self.pick(self.expr, self.block, self.function)(max(depth - 1, 0)), AT)

    def reduction(self, depth: int, bracketed: bool = False) -> tree.Comprehension:
        clauses = tuple(tree.ForClause(self.name(), self.over(depth), AT) for _ in self.count(1, 2))
        cond = self.expr(depth) if not bracketed and self.pick(True, False) else None
        return tree.Comprehension(self.expr(depth), clauses, cond, bracketed, AT)

    def over(self, depth: int) -> tree.Expr | tree.Range:
        return self.pick(self.expr, self.range)(depth)  # type: ignore[no-any-return]

    def range(self, depth: int, open_ended: bool = False) -> tree.Range:
        lo = self.expr(depth) if not open_ended or self.pick(True, False) else None
        hi = self.expr(depth) if not open_ended or self.pick(True, False) else None
        step = self.expr(depth) if self.pick(True, False) else None
        return tree.Range(lo, hi, step, hi is not None and self.pick(True, False), AT)

    def array(self, depth: int) -> tree.Expr:
        return self.reduction(depth, True) if self.pick(True, False) else tree.ArrayLit(self.exprs(0, 3, depth), AT)

    def index(self, depth: int, base: tree.Expr | None = None) -> tree.Index:
        items = tuple(self.range(depth, True) if self.pick(True, False) else self.expr(depth) for _ in self.count(1, 2))
        return tree.Index(base or self.expr(depth), items, AT)

    def choice(self, depth: int) -> tree.IfExpr:
        arms = tuple((self.expr(depth), self.block(depth)) for _ in self.count(1, 2))
        return tree.IfExpr(arms, self.block(depth) if self.pick(True, False) else None, AT)

    def block(self, depth: int) -> tree.Block:
        return tree.Block(tuple(self.statement(depth) for _ in self.count(0, 2)), AT)

    def statement(self, depth: int) -> tree.Stmt:
        kind = self.pick("assign", "update", "value", "return", "for", "while", "exit")
        if kind in ("assign", "update"):
            targets = tuple(self.target(depth) for _ in self.count(1, 1 if kind == "update" else 3))
            values = (self.expr(depth),) if self.pick(True, False) else tuple(self.expr(depth) for _ in targets)
            return tree.Assign(targets, "=" if kind == "assign" else self.pick("+=", "-=", "*=", "/=", "^="), values, AT)
        if kind == "value":
            value = self.expr(depth)
            # A comparison by == that is not the last statement is refused.
            return tree.ExprStmt(tree.Unary("-", value, AT) if isinstance(value, tree.Compare) else value, AT)
        if kind == "for":
            return tree.ForStmt(self.name(), self.over(depth), self.block(max(depth - 1, 0)), AT)
        if kind == "while":
            return tree.WhileStmt(self.expr(depth), self.block(max(depth - 1, 0)), AT)
        exits: tree.Stmt = tree.Return(self.expr(depth), AT) if kind == "return" else self.pick(tree.Break(AT), tree.Continue(AT))
        return exits

    def target(self, depth: int) -> tree.Name | tree.Index:
        return self.name() if self.pick(True, False) else self.index(depth, self.name())

    def item(self, depth: int) -> tree.Stmt:
        kind = self.pick("input", "array", "output", "fn", "statement", "statement")
        default = self.expr(depth) if self.pick(True, False) else None
        if kind == "input":
            return tree.InputDecl(self.names(1), self.pick("real", "int"), None, default, AT)
        if kind == "array":
            return tree.InputDecl(self.names(1), "real", tuple(self.pick(0, 3, "m", "n") for _ in self.count(1, 3)), default, AT)
        if kind == "output":
            return tree.OutputDecl(self.name(), default, AT)
        if kind == "fn":
            return tree.FnDef(self.name(), self.names(0), default or self.block(depth), AT)
        return self.statement(depth)


@st.composite
def expressions(draw: st.DrawFn) -> tree.Expr:
    return Grower(draw).expr(3)


@st.composite
def programs(draw: st.DrawFn) -> tree.Program:
    grower = Grower(draw)
    return tree.Program(tuple(grower.item(2) for _ in grower.count(1, 3)), AT)


@given(expressions())
def test_expressions_come_back(expr: tree.Expr) -> None:
    text = show_expression(expr)
    assert same(parse_expression(Source(text)), expr), text


@given(programs())
def test_programs_come_back(program: tree.Program) -> None:
    text = show(program, Source(""))
    source = Source(text)
    again = parse(source)
    assert same(again, program), text
    assert show(again, source) == text


PIECES = [
    "x = 1",
    "y=(a+\n b)*c",
    "-x",
    "# note",
    "x # tail",
    "\n",
    "\n\n",
    ";",
    " ",
    "for i in 0..3 {",
    "if c {",
    "}",
    "} else {",
    "while c { # head",
    "f(x -> {",
    "}, 1)",
    "A = [\n 1, # one\n 2\n]",
    "f(a,\n  b)",
    "{",
    "t += 1;",
    "a and\n b",
    "output y",
    "(",
    ")",
    "\r\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_layout_is_stable_and_keeps_comments(pieces: list[str]) -> None:
    from adcli.errors import ParseError

    source = Source("\n".join(pieces))
    try:
        program = parse(source)
    except ParseError:
        return
    text = show(program, source)
    again = parse(Source(text))
    assert same(again, program), text
    assert [c.text for c in again.comments] == [c.text for c in program.comments]
    assert show(again, Source(text)) == text


@pytest.mark.parametrize(
    ("text", "minimal"),
    [
        ("((a+b))*(c)", "(a + b)*c"),
        ("a-(b-c)-(d)", "a - (b - c) - d"),
        ("a/(b*c)", "a/(b*c)"),
        ("(a^b)^c", "(a^b)^c"),
        ("a^(b^c)", "a^b^c"),
        ("a^(-b)", "a^-b"),
        ("(-a)^b", "(-a)^b"),
        ("-(a^b)", "-a^b"),
        ("(-a)*b", "-a*b"),
        ("-(a*b)", "-(a*b)"),
        ("a**2//b%c@d", "a^2 // b % c @ d"),
        ("not(a==b)", "not a == b"),
        ("(not a)==b", "(not a) == b"),
        ("(a<b)<c", "(a < b) < c"),
        ("(a and b)or(c or d)", "a and b or (c or d)"),
        ("(a')'", "a''"),
        ("(a+b)'[0]", "(a + b)'[0]"),
        ("a[(i+1)..(n)step(2)]", "a[i + 1..n step 2]"),
        ("a[1. ..3]", "a[1. ..3]"),
        ("grad((x)->(x),axis=(0))", "grad(x -> x, axis=0)"),
        ("(if a{b}else if c{d}else{e})+1", "(if a { b } elif c { d } else { e }) + 1"),
        ("sum((x)for x in(a)if(x>0))", "sum(x for x in a if x > 0)"),
    ],
)
def test_parentheses_are_minimal(text: str, minimal: str) -> None:
    assert show_expression(parse_expression(Source(text))) == minimal
    assert same(parse_expression(Source(minimal)), parse_expression(Source(text)))


MESSY = """\
# about the program


input   x,y :[ 2,n ]= 3# first
fn f(a,b){return a*b}
fn g(a) { # head
  # inside
  t=a ; -t # last


  # end
}
for i in 0..(n) { s+=i; # why
 t -= 1 }
while c{x=1}
if a {b} else
{ # otherwise
  c
}
A=[ # rows
 [1,2],
 [3,4] ]
total = a+
 b # trailing
x ; -y
z = grad(v->{
 w = v # squared
 w^2 }, 1)
# the end"""

NEAT = """\
# about the program

input x, y: [2, n] = 3  # first
fn f(a, b) { return a*b }
fn g(a) {  # head
    # inside
    t = a
    (-t)  # last

    # end
}
for i in 0..n {
    s += i  # why
    t -= 1
}
while c { x = 1 }
if a { b } else {  # otherwise
    c
}
# rows
A = [
    [1, 2],
    [3, 4]]
total = a +
    b  # trailing
x
(-y)
z = grad(v -> {
    w = v  # squared
    w^2
}, 1)
# the end
"""


def test_layout() -> None:
    source = Source(MESSY)
    assert show(parse(source), source) == NEAT
    neat = Source(NEAT)
    assert show(parse(neat), neat) == NEAT


def test_layout_of_other_line_ends() -> None:
    source = Source("\ufeff" + MESSY.replace("\n", "\r\n"))
    assert show(parse(source), source) == NEAT
