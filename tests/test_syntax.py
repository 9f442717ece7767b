"""What text means: precedence, newlines, statements, spans. Trees are compared as fully parenthesised text."""

from __future__ import annotations

import pytest

from adcli.errors import ParseError, Source
from adcli.syntax import parse, parse_expression, tree


def grouped(node: object) -> str:
    """An expression with every grouping shown: {a + {b * c}}."""
    match node:
        case None:
            return ""
        case tree.Num(text=text):
            return text
        case tree.Bool(value):
            return str(value).lower()
        case tree.Name(name):
            return name
        case tree.Unary("'", operand):
            return f"{{{grouped(operand)}'}}"
        case tree.Unary(op, operand):
            return f"{{{op} {grouped(operand)}}}"
        case tree.Binary(op, left, right):
            return f"{{{grouped(left)} {op} {grouped(right)}}}"
        case tree.Compare(operands, ops):
            return "{" + grouped(operands[0]) + "".join(f" {op} {grouped(x)}" for op, x in zip(ops, operands[1:], strict=True)) + "}"
        case tree.Logic(op, operands):
            return "{" + f" {op} ".join(map(grouped, operands)) + "}"
        case tree.ArrayLit(items):
            return "[" + ", ".join(map(grouped, items)) + "]"
        case tree.CallExpr(name, args, named):
            return f"{name}(" + ", ".join([*map(grouped, args), *(f"{word}={grouped(x)}" for word, x in named)]) + ")"
        case tree.Index(base, items):
            return f"{grouped(base)}[{', '.join(map(grouped, items))}]"
        case tree.Range(lo, hi, step, inclusive):
            return f"{{{grouped(lo)} {'..=' if inclusive else '..'} {grouped(hi)}" + (f" step {grouped(step)}" if step else "") + "}"
        case tree.Lambda(params, body):
            return "{" + ", ".join(map(grouped, params)) + f" -> {grouped(body)}}}"
        case tree.Comprehension(body, clauses, cond, bracketed):
            inner = grouped(body) + "".join(f" for {c.target.name} in {grouped(c.over)}" for c in clauses)
            inner += f" if {grouped(cond)}" if cond else ""
            return f"[{inner}]" if bracketed else inner
        case tree.IfExpr(arms, other):
            return "if " + " elif ".join(f"{grouped(c)} {grouped(b)}" for c, b in arms) + (f" else {grouped(other)}" if other else "")
        case tree.Block(statements):
            return "<" + "; ".join(map(spelled, statements)) + ">"
    raise AssertionError(node)


def spelled(statement: tree.Stmt) -> str:
    """A statement on one line."""
    match statement:
        case tree.ExprStmt(value):
            return grouped(value)
        case tree.Assign(targets, op, values):
            return f"{', '.join(map(grouped, targets))} {op} {', '.join(map(grouped, values))}"
        case tree.ForStmt(target, over, body):
            return f"for {target.name} in {grouped(over)} {grouped(body)}"
        case tree.WhileStmt(cond, body):
            return f"while {grouped(cond)} {grouped(body)}"
        case tree.Return(value):
            return f"return {grouped(value)}"
        case tree.FnDef(name, params, body):
            return f"fn {name.name}({', '.join(map(grouped, params))}) {grouped(body)}"
        case tree.InputDecl(names, kind, shape, default):
            return f"input {', '.join(map(grouped, names))}: {kind} {shape} {grouped(default)}"
        case tree.OutputDecl(name, value):
            return f"output {name.name} {grouped(value)}"
    return type(statement).__name__.lower()


def program(text: str) -> list[str]:
    return [spelled(statement) for statement in parse(Source(text)).statements]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a + b*c", "{a + {b * c}}"),
        ("a - b - c", "{{a - b} - c}"),
        ("a/b/c", "{{a / b} / c}"),
        ("a*b//c%d@e", "{{{{a * b} // c} % d} @ e}"),
        ("-x^2", "{- {x ^ 2}}"),
        ("2^3^2", "{2 ^ {3 ^ 2}}"),
        ("2**3**2", "{2 ^ {3 ^ 2}}"),
        ("2^-1", "{2 ^ {- 1}}"),
        ("-2^-2", "{- {2 ^ {- 2}}}"),
        ("2^-x^y", "{2 ^ {- {x ^ y}}}"),
        ("2*-3", "{2 * {- 3}}"),
        ("--x", "{- {- x}}"),
        ("+x - -y", "{{+ x} - {- y}}"),
        ("-x*y", "{{- x} * y}"),
        ("A'", "{A'}"),
        ("A''", "{{A'}'}"),
        ("A'@B'", "{{A'} @ {B'}}"),
        ("x'^2", "{{x'} ^ 2}"),
        ("a[i]'[j]", "{a[i]'}[j]"),
        ("a[i][j]", "a[i][j]"),
        ("[1, 2][0]", "[1, 2][0]"),
        ("0 < x < 1", "{0 < x < 1}"),
        ("(0 < x) < 1", "{{0 < x} < 1}"),
        ("a + 1 <= b != c", "{{a + 1} <= b != c}"),
        ("not a == b", "{not {a == b}}"),
        ("not not a", "{not {not a}}"),
        ("a or b and c or d", "{a or {b and c} or d}"),
        ("(a or b) or c", "{{a or b} or c}"),
        ("not a and b", "{{not a} and b}"),
        ("f(x)^2", "{f(x) ^ 2}"),
        ("f()", "f()"),
        ("f(x, y,)", "f(x, y)"),
        ("sum(A, axis=0)", "sum(A, axis=0)"),
        ("softmax(A, axis=-1)", "softmax(A, axis={- 1})"),
        ("[1, 2.5, .5, 1e-3, 1.]", "[1, 2.5, .5, 1e-3, 1.]"),
        ("[]", "[]"),
        ("[[1, 2], [3, 4],]", "[[1, 2], [3, 4]]"),
        ("true and false", "{true and false}"),
        ("a[1..3]", "a[{1 .. 3}]"),
        ("a[1..=n - 1]", "a[{1 ..= {n - 1}}]"),
        ("a[..n, 0]", "a[{ .. n}, 0]"),
        ("A[i, ..]", "A[i, { .. }]"),
        ("a[.. step -1]", "a[{ ..  step {- 1}}]"),
        ("a[i + 1.. step 2]", "a[{{i + 1} ..  step 2}]"),
        ("a[..=3]", "a[{ ..= 3}]"),
        ("a[...5]", "a[{ .. .5}]"),
        ("[i^2 for i in 0..n]", "[{i ^ 2} for i in {0 .. n}]"),
        ("[i*j for i in 1..=3 for j in 0..n step 2]", "[{i * j} for i in {1 ..= 3} for j in {0 .. n step 2}]"),
        ("[x for x in A']", "[x for x in {A'}]"),
        ("sum(a[i]*b[i] for i in 0..n if i > 2)", "sum({a[i] * b[i]} for i in {0 .. n} if {i > 2})"),
        ("grad(x -> x^2, 1)", "grad({x -> {x ^ 2}}, 1)"),
        ("grad((x) -> x, 1)", "grad({x -> x}, 1)"),
        ("jvp((x, y) -> x*y, a, b)", "jvp({x, y -> {x * y}}, a, b)"),
        ("grad(x -> y -> x, 1)", "grad({x -> {y -> x}}, 1)"),
        ("grad((x -> x), 1)", "grad({x -> x}, 1)"),
        ("grad(x -> { t = x*x; t }, 1)", "grad({x -> <t = {x * x}; t>}, 1)"),
        ("grad(x -> if x > 0 { x } else { 0 }, 1)", "grad({x -> if {x > 0} <x> else <0>}, 1)"),
        ("(if a { b } else { c }) + 1", "{if a <b> else <c> + 1}"),
        ("1..3", None),
        ("x.y", None),
    ],
)
def test_expressions(text: str, meaning: str | None) -> None:
    if meaning is None:
        with pytest.raises(ParseError):
            parse(Source(text))
    else:
        assert program(text) == [meaning]
        assert grouped(parse_expression(Source(text))) == meaning


def test_a_range_binds_loosest() -> None:
    assert program("for i in k + 1..n or m { }") == ["for i in {{k + 1} .. {n or m}} <>"]


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a, b = (a + b)/2, sqrt(a*b)", ["a, b = {{a + b} / 2}, sqrt({a * b})"]),
        ("a, b = v", ["a, b = v"]),
        ("a[i] = 1; a[i][j] += 2; A[i, ..] -= v", ["a[i] = 1", "a[i][j] += 2", "A[i, { .. }] -= v"]),
        ("x *= 2; x /= 2; x ^= 2; x **= 2", ["x *= 2", "x /= 2", "x ^= 2", "x ^= 2"]),
        ("y = if c { 1 } else { 2 }", ["y = if c <1> else <2>"]),
        ("if a { } elif b { } else if c { } else { }", ["if a <> elif b <> elif c <> else <>"]),
        ("for row in A { s += row[0] }", ["for row in A <s += row[0]>"]),
        ("for i in n..0 step -1 { break; continue }", ["for i in {n .. 0 step {- 1}} <break; continue>"]),
        ("while x > 1 { x = x/2 }", ["while {x > 1} <x = {x / 2}>"]),
        ("fn f(x, y,) = x; fn g() { return 1; }", ["fn f(x, y) x", "fn g() <return 1>"]),
        ("input x, y", ["input x, y: real None "]),
        ("input n: int = 3", ["input n: int None 3"]),
        ("input A: [m, 3] = [[1, 2, 3]]", ["input A: real ('m', 3) [[1, 2, 3]]"]),
        ("input x: real", ["input x: real None "]),
        ("output y; output z = x + 1", ["output y ", "output z {x + 1}"]),
        ("sin = 2; sin(sin)", ["sin = 2", "sin(sin)"]),
        ("lambda + print", ["{lambda + print}"]),
    ],
)
def test_statements(text: str, meaning: list[str]) -> None:
    assert program(text) == meaning


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("a\nb", ["a", "b"]),
        ("a;b;\n;c;", ["a", "b", "c"]),
        ("\n\n; a\n\n\n", ["a"]),
        ("a\r\nb\r\n", ["a", "b"]),
        ("\ufeffa\nb", ["a", "b"]),
        ("a +\nb", ["{a + b}"]),
        ("a +  # a comment\n\n  b", ["{a + b}"]),
        ("a and\nb or\nc", ["{{a and b} or c}"]),
        ("not\na", ["{not a}"]),
        ("y =\n  3", ["y = 3"]),
        ("y +=\n  3", ["y += 3"]),
        ("a, b =\n 1,\n 2", ["a, b = 1, 2"]),
        ("x <\n1", ["{x < 1}"]),
        ("for i in 0..\n3 { }", ["for i in {0 .. 3} <>"]),
        ("f(a\n,\nb\n)", ["f(a, b)"]),
        ("[1\n+ 2,\n\n3]", ["[{1 + 2}, 3]"]),
        ("(a\n- b)", ["{a - b}"]),
        ("f(\n[a\n-\nb]\n)", ["f([{a - b}])"]),
        ("grad(x -> {\nt = x\nt*t\n}, 1)", ["grad({x -> <t = x; {t * t}>}, 1)"]),
        ("f((if c {\na = 1\na } else { 2 })\n+ 1)", ["f({if c <a = 1; a> else <2> + 1})"]),
        ("if c { a }\nelse { b }", ["if c <a> else <b>"]),
        ("if c\n{\na\n}\n\n# why\nelif d\n{ b }\nelse\n{ e }", ["if c <a> elif d <b> else <e>"]),
        ("fn f(x)\n{ x }\nf(1)", ["fn f(x) <x>", "f(1)"]),
        ("fn f(x) { x } f(1)", ["fn f(x) <x>", "f(1)"]),
        ("if c { a } if d { b } 2", ["if c <a>", "if d <b>", "2"]),
        ("y = if c { a } else { b } y", ["y = if c <a> else <b>", "y"]),
        ("while c { a } not b", ["while c <a>", "{not b}"]),
        ("{ a }", None),
        ("if c { if d { 1 } else { 2 } 3 }", ["if c <if d <1> else <2>; 3>"]),
        ("sum(if c { 1 } else { 2 } for i in 0..3)", ["sum(if c <1> else <2> for i in {0 .. 3})"]),
        ("x\n(a + b)", ["x", "{a + b}"]),
        ("x\n[0]", ["x", "[0]"]),
        ("-x\n", ["{- x}"]),
        ("if c {\n-x\n}", ["if c <{- x}>"]),
        ("y = 1;\n-x", ["y = 1", "{- x}"]),
        ("y = 1; -x", ["y = 1", "{- x}"]),
        ("if c { a } (b)", None),
        ("if c { a } -b", None),
        ("if c { a }; else { b }", None),
        ("x\n+ 1", None),
        ("if c { x\n- 1 }", None),
    ],
)
def test_newlines(text: str, meaning: list[str] | None) -> None:
    if meaning is None:
        with pytest.raises(ParseError):
            parse(Source(text))
    else:
        assert program(text) == meaning


def test_a_newline_before_a_sign_within_braces_within_parentheses_ends_a_statement() -> None:
    with pytest.raises(ParseError, match="a new line cannot begin with -"):
        parse(Source("f(x -> { x\n- 1 })"))


def value(text: str) -> tree.Num:
    node = parse_expression(Source(text))
    assert isinstance(node, tree.Num)
    return node


def test_numbers_are_binary64_and_keep_their_text() -> None:
    assert (value("9007199254740993").value, value("9007199254740993").whole) == (2.0**53, True)
    assert (value("2.0").whole, value("2e3").whole, value("2.").whole) == (False, False, False)
    assert value("1e999").value == float("inf")
    assert value("1e999").text == "1e999"
    assert value("1e-400").value == 0
    assert value("7" * 5000).value == float("inf")
    assert value("0." + "0" * 5000 + "1e5001").value == 1
    assert value("5e-324").value == 5e-324


@pytest.mark.parametrize(
    ("text", "pick", "covers"),
    [
        ("y = (a + b)*c", lambda s: s.values[0], "(a + b)*c"),
        ("y = (a + b)*c", lambda s: s.values[0].left, "a + b"),
        ("y = (a + b)*c", lambda s: s.values[0].op_span, "*"),
        ("y =  f( x )[0] ; 1", lambda s: s, "y =  f( x )[0]"),
        ("y =  f( x )[0]", lambda s: s.values[0].base.name_span, "f"),
        ("((x))", lambda s: s.value, "x"),
        ("while a < b { c }", lambda s: s.body, "{ c }"),
        ("while a < b { c }", lambda s: s.cond, "a < b"),
        ("if a { b } elif c { d }\nx", lambda s: s, "if a { b } elif c { d }"),
        ("a[i, 1..n step 2]", lambda s: s.value.items[1], "1..n step 2"),
        ("f(a*b for i in x)", lambda s: s.value.args[0].clauses[0], "for i in x"),
        ("input n : int = 3", lambda s: s.names[0], "n"),
        ("fn f(x, yy) = x", lambda s: s.params[1], "yy"),
        ("a or (b and c)", lambda s: s.value.operands[1], "b and c"),
        ("-(x)'", lambda s: s.value.operand, "(x)'"),
    ],
)
def test_spans(text: str, pick: object, covers: str) -> None:
    assert callable(pick)
    node = pick(parse(Source(text)).statements[0])
    start, end = node if isinstance(node, tuple) else node.span
    assert text[start:end] == covers


def test_comments() -> None:
    text = "# one\r\n  x  # two  \n   # three: − ü\n"
    comments = parse(Source(text)).comments
    assert [(c.text, c.own_line) for c in comments] == [("# one", True), ("# two", False), ("# three: − ü", True)]
    assert [text[c.span.start : c.span.end] for c in comments] == [c.text for c in comments]


def test_errors_carry_their_source() -> None:
    source = Source("a\nb c", "f.adl")
    with pytest.raises(ParseError) as caught:
        parse(source)
    assert caught.value.source is source
    assert caught.value.span is not None
    assert source.position(caught.value.span.start) == (2, 1)


def test_outline() -> None:
    from adcli.syntax import show_tree

    text = "input x: [2]\ny = x[0] + f(1, axis=0)\nif y < 0 { -y } else { true }"
    assert show_tree(parse(Source(text))) == (
        "Program\n"
        "  statements: InputDecl kind=real shape=[2]\n"
        "    names: Name name=x\n"
        "  statements: Assign op==\n"
        "    targets: Name name=y\n"
        "    values: Binary op=+\n"
        "      left: Index\n"
        "        base: Name name=x\n"
        "        items: Num text=0\n"
        "      right: CallExpr name=f\n"
        "        args: Num text=1\n"
        "        named: pair name=axis\n"
        "          value: Num text=0\n"
        "  statements: ExprStmt\n"
        "    value: IfExpr\n"
        "      arms: pair\n"
        "        condition: Compare ops=[<]\n"
        "          operands: Name name=y\n"
        "          operands: Num text=0\n"
        "        block: Block\n"
        "          statements: ExprStmt\n"
        "            value: Unary op=-\n"
        "              operand: Name name=y\n"
        "      other: Block\n"
        "        statements: ExprStmt\n"
        "          value: Bool value=true\n"
    )
