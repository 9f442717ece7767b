"""What to say about a token that cannot stand where it does.

ROWS is an ordered table keyed by (token before, token, what was acceptable); the first row that fits and has something to say
speaks. To improve a message, change its row or put a more special one above it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from adcli.errors import AssignmentError, NumberError, OperatorError, ParseError, PlacementError, ReservedWordError, Source, Span
from adcli.syntax.lexer import OPERATORS, Token, line_start, unclosed
from adcli.syntax.naming import quoted, shortened


class Scene(NamedTuple):
    """Where reading stopped: the tokens read, the last of them the unexpected one; the brackets open; what was acceptable."""

    source: Source
    tokens: tuple[Token, ...]
    brackets: tuple[Token, ...]
    allowed: frozenset[str]

    @property
    def token(self) -> Token:
        return self.tokens[-1]

    @property
    def before(self) -> Token:
        return self.tokens[-2] if len(self.tokens) > 1 else Token("", "", 0)

    def back(self, n: int) -> Token:
        """The token n places before the unexpected one."""
        return self.tokens[-1 - n] if len(self.tokens) > n else Token("", "", 0)

    def adjacent(self) -> bool:
        return self.before.span.end == self.token.start

    def both(self) -> Span:
        return Span(self.before.start, self.token.span.end)

    def innermost(self) -> str:
        """The bracket that surrounds the unexpected token (which may itself be one)."""
        brackets = self.brackets[:-1] if self.brackets and self.brackets[-1] is self.token else self.brackets
        return brackets[-1].kind if brackets else ""

    def head(self) -> str:
        """The kind of the token that begins the statement."""
        for i in range(len(self.tokens) - 2, -1, -1):
            if self.tokens[i].kind in ("SEP", "LBRACE", "RBRACE"):
                return self.tokens[i + 1].kind
        return self.tokens[0].kind

    def followed_by(self, pattern: str) -> bool:
        """Whether the text after the unexpected token begins so."""
        return re.compile(pattern).match(self.source.text, self.token.span.end) is not None


Say = Callable[[Scene], ParseError | None]


class Row(NamedTuple):
    """None stands for any; `allowed` fits where one of its terminals was acceptable."""

    before: frozenset[str] | None
    token: frozenset[str] | None
    allowed: frozenset[str] | None
    say: Say


def unexpected(scene: Scene) -> ParseError:
    """The error for the last token of a scene."""
    for row in ROWS:
        if row.before is not None and scene.before.kind not in row.before:
            continue
        if row.token is not None and scene.token.kind not in row.token:
            continue
        if row.allowed is not None and not row.allowed & scene.allowed:
            continue
        error = row.say(scene)
        if error is not None:
            return error
    return _anything(scene)


# ---- sets of terminals, and how they are called

STATEMENT_WORDS = frozenset(["WHILE", "BREAK", "CONTINUE", "RETURN", "FN", "RULE", "INPUT", "OUTPUT"])
WORDS = STATEMENT_WORDS | {"AND", "OR", "NOT", "IF", "ELIF", "ELSE", "FOR", "IN", "STEP", "TRUE", "FALSE", "RULE"}
VALUE_ENDS = frozenset(["NAME", "NUMBER", "TRUE", "FALSE", "RPAR", "RSQB", "QUOTE"])
VALUE_BEGINS = frozenset(["NAME", "NUMBER", "TRUE", "FALSE", "LPAR", "LSQB"])
ENDS = frozenset(["SEP", "$END", "RPAR", "RSQB", "RBRACE", "COMMA", "SEMICOLON"])
CALLED = {
    "NAME": "a name", "NUMBER": "a number", "LPAR": "(", "RPAR": ")", "LSQB": "[", "RSQB": "]", "LBRACE": "{", "RBRACE": "}",
    "EQUAL": "=", "COMMA": ",", "COLON": ":", "DOTS": "..", "ARROW": "->", "IN": "in", "STEP": "step", "FOR": "for", "IF": "if",
    "SEP": "a new line", "$END": "the end",
}  # fmt: skip


def _shown(token: Token) -> str:
    if token.kind in ("$END", "QUOTE"):
        return "the end of the program" if token.kind == "$END" else "the transpose sign"
    return quoted(token.text) if token.text else "the end of the statement"


# ---- brackets


def _unclosed(scene: Scene) -> ParseError | None:
    """A ( or [ of an earlier line is open where a new statement seems to begin."""
    opener = scene.brackets[-1] if scene.brackets else None
    if opener is scene.token:
        opener = scene.brackets[-2] if len(scene.brackets) > 1 else None
    if opener is None or opener.kind == "LBRACE":
        return None
    if scene.token.kind in STATEMENT_WORDS or scene.token.kind == "LBRACE":
        return unclosed(opener)
    between = scene.source.text[scene.before.span.end : scene.token.start]
    return unclosed(opener) if "\n" in between and "NAME" not in scene.allowed else None


def _semicolon(scene: Scene) -> ParseError | None:
    if scene.innermost() == "LSQB":
        return ParseError("';' stands inside brackets", scene.token.span, help="the rows of a matrix are arrays: [[1, 2], [3, 4]]")
    if scene.innermost() == "LPAR":
        return ParseError("';' stands inside parentheses", scene.token.span, help="separate arguments by commas, or add the missing ')'")
    return None


# ---- something is missing


def _value_missing(scene: Scene) -> ParseError:
    before, token = scene.before, scene.token
    first = scene.back(2)
    if before.text and first.text == before.text and before.text in "+-" and first.span.end == before.start:
        help = f"write {_example(scene.back(3), 'x')} {before.text}= 1"
        return OperatorError(f"'{before.text * 2}' is not an operator", Span(first.start, before.span.end), help=help)
    if before.text == token.text == "^":
        return OperatorError("'^^' is not an operator", scene.both(), help="write ^ for a power")
    if scene.back(2).kind == "FN" and before.kind == "NAME":
        return ParseError("a function has its parameters in parentheses", before.span, help=f"write fn {shortened(before.text)}(x) = …")
    if before.kind == "RETURN":
        return ParseError("'return' has no value", before.span, help="write what the function gives, as in return x^2")
    if before.kind == "LPAR" and token.kind == "RPAR":
        return ParseError("the parentheses are empty", scene.both(), help="write a value in them")
    if before.kind in ("", "SEP", "LBRACE", "LPAR", "LSQB", "COMMA"):
        return OperatorError(f"a value is missing before {_shown(token)}", token.span, help="write a number, a name or another value there")
    help = f"write a number, a name or another value between {_shown(before)} and {_shown(token)}"
    return OperatorError(f"a value is missing after {_shown(before)}", before.span, help=help)


def _example(token: Token, otherwise: str) -> str:
    return shortened(token.text) if token.kind == "NAME" else otherwise


def _brace_missing(scene: Scene) -> ParseError | None:
    token, head = scene.token, scene.head()
    if scene.before.kind == "NAME" and scene.back(2).kind in ("", "SEP", "LBRACE"):
        return None
    keyword = {"FOR": "for i in 0..n", "WHILE": "while c", "FN": "fn f(x)"}.get(head, "if c")
    if scene.before.kind == "ELSE":
        keyword = "else"
    help = f"a block stands in braces: {keyword} {{ … }}"
    if head == "FOR" and "range(" in scene.source.text:
        help = "write for i in 0..n { … }: a range of counters is 0..n, and a block stands in braces"
    if token.kind == "COLON":
        return ParseError("':' does not begin a block", token.span, help=help)
    if head == "FN" and scene.before.kind == "RPAR":
        help = "write fn f(x) = … or fn f(x) { … }"
    return ParseError(f"'{{' is missing before {_shown(token)}", token.span, help=help)


def _condition_missing(scene: Scene) -> ParseError:
    what = "a range or an array" if scene.before.kind == "IN" else "a condition"
    return ParseError(
        f"{what} is missing after '{scene.before.text}'",
        scene.before.span,
        help="write if x > 0 { … }, while x > 0 { … } or for i in 0..n { … }",
    )


def _several(scene: Scene) -> ParseError | None:
    if scene.innermost() != "LPAR" or scene.allowed & {"COMMA"}:
        return None
    return ParseError("parentheses hold one value", scene.token.span, help="an array stands in brackets: [x, y]; a lambda is (x, y) -> x*y")


def _loop_head(scene: Scene) -> ParseError:
    return ParseError(f"{_shown(scene.token)} does not belong in the head of a loop", scene.token.span, help="write for i in 0..n { … }")


# ---- numbers, names and calls side by side


def _number_name(scene: Scene) -> ParseError | None:
    number, word = scene.before.text, scene.token.text
    if "LBRACE" in scene.allowed and not scene.adjacent():
        return None
    if scene.adjacent():
        if word in ("e", "E"):
            help = f"write {shortened(number)}e0 or another exponent, or {shortened(number)}*e for a product with the constant e"
            return NumberError(f"the number {quoted(number + word)} has no digits after {word}", scene.both(), help=help)
        if word.startswith("_"):
            help = f"write {shortened(number + word.replace('_', ''))}"
            return NumberError("the digits of a number are not grouped by _", scene.both(), help=help)
        base = {"x": 16, "X": 16, "b": 2, "B": 2, "o": 8, "O": 8}.get(word[0])
        if number == "0" and base and re.fullmatch("[0-9a-fA-F]+", word[1:]):
            return NumberError("numbers are decimal", scene.both(), help=_decimal(word[1:], base))
    product = f"{shortened(number)}*{shortened(word)}" + ("(…)" if scene.followed_by(r"[ \t]*\(") else "")
    return OperatorError(f"an operator is missing between {quoted(number)} and {quoted(word)}", scene.both(), help=f"write {product}")


def _decimal(digits: str, base: int) -> str:
    try:
        return f"write {int(digits, base)}" if len(digits) <= 13 else "write it in decimal digits"
    except ValueError:
        return "write it in decimal digits"


def _number_number(scene: Scene) -> ParseError:
    if scene.adjacent():
        text = scene.before.text + scene.token.text
        return NumberError(f"{quoted(text)} is not a number", scene.both(), help="a number has one point; a range is written 1..3")
    return OperatorError("an operator is missing between two numbers", scene.both(), help="write one, such as * or a comma")


def _number_call(scene: Scene) -> ParseError:
    number = shortened(scene.before.text)
    function = scene.back(3)
    if scene.back(2).text in ("^", "**") and function.kind == "NAME" and _is_function(function.text):
        span = Span(function.start, scene.before.span.end)
        return OperatorError(f"'{function.text}' has no argument here", span, help=f"write {function.text}(…)^{number}")
    return OperatorError(f"an operator is missing between {quoted(scene.before.text)} and '('", scene.both(), help=f"write {number}*(…)")


def _prime(scene: Scene) -> ParseError:
    """f'(x): the prime is the transpose here."""
    primes = 1
    while scene.back(primes + 1).kind == "QUOTE":
        primes += 1
    name = _example(scene.back(primes + 1), "f")
    argument = re.compile(r"\s*([A-Za-z0-9_.]{1,20})\s*\)").match(scene.source.text, scene.token.span.end)
    at = argument.group(1) if argument else "x"
    help = f"write grad({name}, {at})" if primes == 1 else f"write grad(t -> grad({name}, t), {at})"
    return OperatorError("' is the transpose, not a derivative", Span(scene.back(primes).start, scene.before.span.end), help=help)


def _call(scene: Scene) -> ParseError:
    return OperatorError(
        "only a name can be called", scene.token.span, help="for a product write * before '('; for a call, give the function a name"
    )


FOREIGN_FIRST = {
    **dict.fromkeys(("def", "function", "func", "fun", "defun"), "a function is defined by fn f(x) = … or fn f(x) { … }"),
    **dict.fromkeys(
        ("let", "var", "const", "val", "auto", "double", "float", "set", "local", "mut"), "write name = value, without a word before it"
    ),
    "lambda": "a lambda is written x -> x^2, or (x, y) -> x*y",
    **dict.fromkeys(("elseif", "elsif", "elsif"), "write elif, or else if"),
    "print": "end the program with the expression, or write output y",
    "import": "there are no modules: every function is there from the start",
    "from": "there are no modules: every function is there from the start",
    "until": "write while not (c) { … }",
    "do": "write while c { … }",
    "param": "write input x",
    "real": "write input x",
    "int": "write input x: int",
}
FOREIGN_SECOND = {
    "is": "write ==",
    "mod": "write % or mod(a, b)",
    "div": "write //",
    "xor": "write !=",
    **dict.fromkeys(("then", "do", "begin", "end"), "a block stands in braces: if c { … }"),
    **dict.fromkeys(("to", "by"), "a range is written 0..n step 2"),
    "where": "write if c { a } else { b }, or where(c, a, b)",
}


def _foreign_word(scene: Scene) -> ParseError | None:
    first, second = scene.before, scene.token
    if first.kind == "NAME" and first.text in FOREIGN_FIRST:
        return ParseError(f"'{first.text}' is a word of another language", first.span, help=FOREIGN_FIRST[first.text])
    if second.kind == "NAME" and second.text in FOREIGN_SECOND:
        return ParseError(f"'{second.text}' is a word of another language", second.span, help=FOREIGN_SECOND[second.text])
    return None


def _is_function(name: str) -> bool:
    from adcli import ops

    return name in ops.PUBLIC


def _side_by_side(scene: Scene) -> ParseError:
    left, right = _shown(scene.before), _shown(scene.token)
    if scene.before.kind == "NAME" and scene.token.kind in ("NAME", "NUMBER") and _is_function(scene.before.text):
        call = f"{scene.before.text}({shortened(scene.token.text)})"
        return OperatorError(f"the argument of {left} stands in parentheses", scene.both(), help=f"write {call}")
    help = "write an operator, such as *; statements are separated by ; or a new line"
    if scene.before.kind == scene.token.kind == "NAME":
        help = (
            f"write {shortened(scene.before.text)}*{shortened(scene.token.text)} for a product; statements are separated by ; or a new line"
        )
    return OperatorError(f"an operator is missing between {left} and {right}", scene.both(), help=help)


# ---- = and :


def _assigned_word(scene: Scene) -> ParseError | None:
    """`input = 3`: a reserved word where a name is meant."""
    return _reserved(scene.before)


def _reserved(token: Token) -> ReservedWordError:
    return ReservedWordError(
        f"'{token.text}' is a reserved word", token.span, help=f"choose another name, such as {token.text}_ or {token.text}1"
    )


def _equal_after_operator(scene: Scene) -> ParseError | None:
    text = scene.before.text + scene.token.text
    if not scene.adjacent():
        return None
    if text in ("===", "!=="):
        return OperatorError(f"'{text}' is not an operator", scene.both(), help=f"write {text[:2]}")
    if scene.before.kind in ("PRODUCT", "AND", "OR") and scene.token.kind == "EQUAL":
        name = _example(scene.back(2), "x")
        return OperatorError(f"'{text}' is not an assignment", scene.both(), help=f"write {name} = {name} {scene.before.text} …")
    return None


def _two_equal(scene: Scene) -> ParseError:
    return AssignmentError("'=' stands twice", scene.both(), help="= assigns, == compares")


def _arrow_misspelt(scene: Scene) -> ParseError | None:
    if scene.adjacent() and scene.token.text in ("<", ">"):
        help = "write <=" if scene.token.text == "<" else "write >= to compare, -> for a lambda"
        return OperatorError(f"'={scene.token.text}' is not an operator", scene.both(), help=help)
    return None


def _unequal_misspelt(scene: Scene) -> ParseError | None:
    if scene.adjacent() and scene.before.text + scene.token.text == "<>":
        return OperatorError("'<>' is not an operator", scene.both(), help="write !=")
    return None


def _equal(scene: Scene) -> ParseError:
    if scene.innermost() == "LPAR" and scene.head() == "FN":
        return ParseError("a parameter has no default", scene.token.span, help="remove it, and pass the value in the call")
    if "LBRACE" in scene.allowed or scene.innermost() in ("LPAR", "LSQB"):
        return AssignmentError("'=' assigns, and nothing can be assigned here", scene.token.span, help="to compare, write ==")
    if scene.token.kind == "UPDATE" and all(t.kind != "EQUAL" for t in _statement(scene)):
        return AssignmentError(f"'{scene.token.text}' changes one variable", scene.token.span, help="write a statement for each variable")
    return AssignmentError("a statement assigns once", scene.token.span, help="write a = 2; b = 2; to compare, write ==")


def _colon(scene: Scene) -> ParseError | None:
    if scene.followed_by("="):
        span = Span(scene.token.start, scene.token.start + 2)
        return OperatorError("':=' is not an operator", span, help="write = to assign")
    if scene.before.text == "lambda":
        return _foreign_word(scene)
    if scene.innermost() == "LSQB":
        return ParseError("':' does not make a slice", scene.token.span, help="write a[1..3], a[..n], a[.. step -1]")
    if scene.head() == "NAME":
        return ParseError("only an input has a type", scene.token.span, help="write input x: [3], and x = … without a type")
    return None


# ---- words


def _else_without_if(scene: Scene) -> ParseError:
    help = "else follows the } of an if: if c { a } else { b }"
    return PlacementError(f"'{scene.token.text}' has no if", scene.token.span, help=help)


def _statement(scene: Scene) -> tuple[Token, ...]:
    """The tokens of the statement, before the unexpected one."""
    starts = [k for k, t in enumerate(scene.tokens[:-1]) if t.kind in ("SEP", "LBRACE", "RBRACE")]
    return scene.tokens[starts[-1] + 1 if starts else 0 : -1]


def _python_choice(scene: Scene) -> ParseError:
    return ParseError("'if' cannot follow a value", scene.token.span, help="write if c { a } else { b }")


def _operand_if(scene: Scene) -> ParseError | None:
    if scene.before.kind in ("INPUT", "OUTPUT", "FN", "FOR"):
        return None
    return PlacementError("an if that is an operand needs parentheses", scene.token.span, help="write (if c { a } else { b }) + 1")


def _top_level_only(scene: Scene) -> ParseError | None:
    if scene.followed_by(r"[ \t]*=(?!=)"):
        return _reserved(scene.token)
    what = {"FN": "a function is defined", "RULE": "a rule is given", "INPUT": "an input is declared", "OUTPUT": "an output is declared"}
    return PlacementError(f"{what[scene.token.kind]} at top level, not in a block", scene.token.span, help="move it out of the braces")


def _word_for_value(scene: Scene) -> ParseError | None:
    token = scene.token
    assigned = scene.followed_by(r"[ \t]*([-+*/^]?=(?!=))") or scene.before.kind in ("INPUT", "OUTPUT", "FN", "FOR")
    if not assigned and token.kind in ("FOR", "WHILE", "BREAK", "CONTINUE", "RETURN"):
        return PlacementError(f"'{token.text}' begins a statement, it is not a value", token.span, help="write it on a line of its own")
    if not assigned and token.kind in ("AND", "OR"):
        return line_start(token) if scene.before.kind == "SEP" else None
    if not assigned and token.kind in ("ELSE", "ELIF"):
        return _else_without_if(scene)
    if not assigned and token.kind == "NOT":
        return OperatorError("'not' stands to the right of an operator", token.span, help="put it in parentheses: (not c)")
    return _reserved(token)


def _range_value(scene: Scene) -> ParseError:
    if (scene.head() == "FOR" and scene.innermost() not in ("LPAR", "LSQB")) or any(t.kind == "DOTS" for t in scene.tokens[-4:-1]):
        return PlacementError("a range has one '..'", scene.token.span, help="write a..b step s")
    help = "[i for i in 1..4] makes an array, linspace(a, b, n) one of real numbers; ranges stand after in and in a[ ]"
    return PlacementError("a range is not a value", scene.token.span, help=help)


def _lambda_place(scene: Scene) -> ParseError:
    if scene.before.kind == "RPAR":
        return PlacementError(
            "'->' does not follow a list of names here", scene.token.span, help="write grad(x -> x^2, 1), with x -> as an argument"
        )
    return PlacementError("a lambda can only be an argument", scene.token.span, help="define a function: fn f(x) = …")


# ---- the rest


def _line_start(scene: Scene) -> ParseError:
    return line_start(scene.token)


def _after_block(scene: Scene) -> ParseError:
    choice = any(t.kind in ("IF", "ELSE") for t in scene.tokens)
    operand = "put the if in parentheses: (if c { a } else { b }) + 1; " if choice else ""
    help = operand + "another statement begins on a new line or after ;"
    return ParseError(f"{_shown(scene.token)} cannot follow '}}'", scene.token.span, help=help)


def _string(scene: Scene) -> ParseError:
    return ParseError("there are no strings", scene.token.span, help="' stands after a matrix and transposes it: A'")


def _braces(scene: Scene) -> ParseError:
    if scene.head() == "FN" and scene.before.kind == "EQUAL" and scene.innermost() == "":
        return ParseError("a body in braces has no '='", scene.both(), help="write fn f(x) { … }, or fn f(x) = … for a formula")
    help = "group by parentheses: x^(n + 1)" if scene.before.kind in OPERATORS else "an array stands in brackets: [1, 2, 3]"
    return ParseError("'{' does not begin a value", scene.token.span, help=help)


def _declaration(scene: Scene) -> ParseError | None:
    head = scene.head()
    if scene.before.kind == "RULE":
        return _reserved(scene.before)
    if head == "OUTPUT":
        help = "write output y, or output y = … to name an expression; one output a line"
        return ParseError(f"{_shown(scene.token)} cannot stand in this output", scene.token.span, help=help)
    if head == "INPUT":
        help = "write input x, input x = 2, input x: int, or input x: [3] = [1, 2, 3]; each default on a line of its own"
        return ParseError(f"{_shown(scene.token)} cannot stand in this input", scene.token.span, help=help)
    if head == "FN" and scene.tokens[-2].kind in ("FN", "NAME", "LPAR", "COMMA") and "EQUAL" not in scene.allowed:
        return ParseError(f"{_shown(scene.token)} cannot stand in the head of a function", scene.token.span, help="write fn f(x, y) = …")
    return None


def _anything(scene: Scene) -> ParseError:
    allowed = [name if name.isalpha() or " " in name else f"'{name}'" for kind, name in CALLED.items() if kind in scene.allowed]
    if scene.allowed & OPERATORS:
        allowed.insert(0, "an operator")
    help = ("here may stand " + ", ".join(allowed[:6])) if allowed else "remove it"
    return ParseError(f"{_shown(scene.token)} cannot stand here", scene.token.span, help=help)


def _set(kinds: str | Iterable[str] | None) -> frozenset[str] | None:
    if kinds is None:
        return None
    return frozenset(kinds.split()) if isinstance(kinds, str) else frozenset(kinds)


def _row(before: str | Iterable[str] | None, token: str | Iterable[str] | None, allowed: str | Iterable[str] | None, say: Say) -> Row:
    return Row(_set(before), _set(token), _set(allowed), say)


ROWS: tuple[Row, ...] = (
    _row(None, None, None, _unclosed),
    _row(None, "SEMICOLON", None, _semicolon),
    _row("LBRACE SEP", "INPUT OUTPUT FN RULE", "NAME", _top_level_only),
    _row(
        "IF ELIF ELSE FOR WHILE IN STEP FN INPUT OUTPUT RETURN NOT AND OR TRUE FALSE BREAK CONTINUE", "EQUAL UPDATE", None, _assigned_word
    ),
    _row("FOR", "LPAR", None, _loop_head),
    _row(None, None, "IN", _loop_head),
    _row("EQUAL", "EQUAL", None, _two_equal),
    _row("EQUAL", "COMPARE", None, _arrow_misspelt),
    _row("COMPARE", "COMPARE", None, _unequal_misspelt),
    _row("COMPARE PRODUCT AND OR", "EQUAL", None, _equal_after_operator),
    _row(None, "COLON", "LBRACE", _brace_missing),
    _row(None, "COLON", None, _colon),
    _row("NAME", "NAME", None, _foreign_word),
    _row(VALUE_ENDS, "NAME", None, _foreign_word),
    _row("NUMBER", "NAME", None, _number_name),
    _row("NUMBER", "NUMBER", None, _number_number),
    _row("NUMBER", "LPAR", None, _number_call),
    _row("QUOTE", "LPAR", None, _prime),
    _row(None, None, "LBRACE", lambda scene: None if scene.token.kind in ("EQUAL", "LPAR", "ARROW", "DOTS") else _brace_missing(scene)),
    _row(None, "IF", VALUE_BEGINS, _operand_if),
    _row(VALUE_ENDS, "IF", None, _python_choice),
    _row(None, WORDS, "NAME", _word_for_value),
    _row(None, "ELSE ELIF", None, _else_without_if),
    _row("SEP", OPERATORS, None, _line_start),
    _row(None, "QUOTE", VALUE_BEGINS, _string),
    _row("IF ELIF WHILE IN", "LBRACE", None, _condition_missing),
    _row(None, "LBRACE", VALUE_BEGINS, _braces),
    _row(VALUE_ENDS, "COMMA", "RPAR", _several),
    _row(None, "DOTS", None, _range_value),
    _row("EQUAL", "ARROW", None, _value_missing),
    _row("INPUT OUTPUT FN RULE", None, None, _declaration),
    _row(None, ENDS | OPERATORS | {"EQUAL", "UPDATE", "COLON"}, VALUE_BEGINS, _value_missing),
    _row(None, None, None, _declaration),
    _row("RPAR RSQB TRUE FALSE", "LPAR", None, _call),
    _row(None, "ARROW", None, _lambda_place),
    _row(None, "EQUAL UPDATE", None, _equal),
    _row("RBRACE", None, None, _after_block),
    _row(VALUE_ENDS, VALUE_BEGINS | {"NOT"}, None, _side_by_side),
)
