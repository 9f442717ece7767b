"""What is said about text that is no program: code, message, exact span and help, one row a mistake.

A change of a message shows here; tests/cases/errors shows the same as the user sees it.
"""

from __future__ import annotations

import pytest

from adcli.errors import ParseError, Source
from adcli.syntax import parse, parse_expression

# text, code, message, what is underlined, help
MISTAKES = [
    ("2x", "operator", "an operator is missing between '2' and 'x'", "2x", "write 2*x"),
    ("2 x", "operator", "an operator is missing between '2' and 'x'", "2 x", "write 2*x"),
    (
        "2e",
        "number",
        "the number '2e' has no digits after e",
        "2e",
        "write 2e0 or another exponent, or 2*e for a product with the constant e",
    ),
    ("1_000", "number", "the digits of a number are not grouped by _", "1_000", "write 1000"),
    ("0x10", "number", "numbers are decimal", "0x10", "write 16"),
    (
        "1..2",
        "placement",
        "a range is not a value",
        "..",
        "[i for i in 1..4] makes an array, linspace(a, b, n) one of real numbers; ranges stand after in and in a[ ]",
    ),
    (
        "y = 1..2",
        "placement",
        "a range is not a value",
        "..",
        "[i for i in 1..4] makes an array, linspace(a, b, n) one of real numbers; ranges stand after in and in a[ ]",
    ),
    ("2(3+4)", "operator", "an operator is missing between '2' and '('", "2(", "write 2*(\u2026)"),
    ("(1+2)(3+4)", "operator", "only a name can be called", "(", "for a product write * before '('; for a call, give the function a name"),
    ("f(x)(y)", "operator", "only a name can be called", "(", "for a product write * before '('; for a call, give the function a name"),
    ("f'(x)", "operator", "' is the transpose, not a derivative", "'", "write grad(f, x)"),
    ("f''(3)", "operator", "' is the transpose, not a derivative", "''", "write grad(t -> grad(f, t), 3)"),
    (
        "x y",
        "operator",
        "an operator is missing between 'x' and 'y'",
        "x y",
        "write x*y for a product; statements are separated by ; or a new line",
    ),
    ("(x]", "bracket", "']' cannot close the '(' of line 1, column 1", "]", "close that one first, with ')'"),
    ("[1, 2)", "bracket", "')' cannot close the '[' of line 1, column 1", ")", "close that one first, with ']'"),
    ("sin(1 + 2", "bracket", "'(' is never closed", "(", "add the missing ')'"),
    (
        "1 + ",
        "operator",
        "a value is missing after '+'",
        "+",
        "write a number, a name or another value between '+' and the end of the program",
    ),
    ("2*/3", "operator", "a value is missing after '*'", "*", "write a number, a name or another value between '*' and '/'"),
    ("2***3", "operator", "a value is missing after '**'", "**", "write a number, a name or another value between '**' and '*'"),
    ("x = = 2", "assignment", "'=' stands twice", "= =", "= assigns, == compares"),
    ("x == = 2", "operator", "a value is missing after '=='", "==", "write a number, a name or another value between '==' and '='"),
    ("x === 2", "operator", "'===' is not an operator", "===", "write =="),
    ("x := 5", "operator", "':=' is not an operator", ":=", "write = to assign"),
    ("x && y", "operator", "'&&' is not an operator", "&&", "write and"),
    ("x || y", "operator", "'||' is not an operator", "||", "write or"),
    ("!x", "operator", "'!' is not an operator", "!", "write not for negation, factorial(n) for the factorial"),
    ("x!", "operator", "'!' is not an operator", "!", "write not for negation, factorial(n) for the factorial"),
    (
        "def f(x): x",
        "syntax",
        "'def' is a word of another language",
        "def",
        "a function is defined by fn f(x) = \u2026 or fn f(x) { \u2026 }",
    ),
    ("lambda x: x", "syntax", "'lambda' is a word of another language", "lambda", "a lambda is written x -> x^2, or (x, y) -> x*y"),
    ("(lambda: x)()", "syntax", "'lambda' is a word of another language", "lambda", "a lambda is written x -> x^2, or (x, y) -> x*y"),
    ("step = 3; step", "reserved-word", "'step' is a reserved word", "step", "choose another name, such as step_ or step1"),
    ("in = 3", "reserved-word", "'in' is a reserved word", "in", "choose another name, such as in_ or in1"),
    ("input = 3", "reserved-word", "'input' is a reserved word", "input", "choose another name, such as input_ or input1"),
    ("rule = 2", "reserved-word", "'rule' is a reserved word", "rule", "choose another name, such as rule_ or rule1"),
    ("rule + 1", "reserved-word", "'rule' is a reserved word", "rule", "choose another name, such as rule_ or rule1"),
    ("for = 2", "reserved-word", "'for' is a reserved word", "for", "choose another name, such as for_ or for1"),
    ("while = 3", "reserved-word", "'while' is a reserved word", "while", "choose another name, such as while_ or while1"),
    ("x + for", "placement", "'for' begins a statement, it is not a value", "for", "write it on a line of its own"),
    ("y = for i in 0..3 { }", "placement", "'for' begins a statement, it is not a value", "for", "write it on a line of its own"),
    ("y = in + 2", "reserved-word", "'in' is a reserved word", "in", "choose another name, such as in_ or in1"),
    ("if x > 0: y", "syntax", "':' does not begin a block", ":", "a block stands in braces: if c { \u2026 }"),
    ("if x = 1 { 2 } else { 3 }", "assignment", "'=' assigns, and nothing can be assigned here", "=", "to compare, write =="),
    (
        "for i in range(3): x",
        "syntax",
        "':' does not begin a block",
        ":",
        "write for i in 0..n { \u2026 }: a range of counters is 0..n, and a block stands in braces",
    ),
    (
        "for i in range(3) x",
        "syntax",
        "'{' is missing before 'x'",
        "x",
        "write for i in 0..n { \u2026 }: a range of counters is 0..n, and a block stands in braces",
    ),
    ("while x > 0 x = 1", "syntax", "'{' is missing before 'x'", "x", "a block stands in braces: while c { \u2026 }"),
    ("while x:", "syntax", "':' does not begin a block", ":", "a block stands in braces: while c { \u2026 }"),
    ("else { x }", "placement", "'else' has no if", "else", "else follows the } of an if: if c { a } else { b }"),
    ("if c { x }; else { y }", "placement", "'else' has no if", "else", "else follows the } of an if: if c { a } else { b }"),
    ("if c { x } else: y", "syntax", "':' does not begin a block", ":", "a block stands in braces: else { \u2026 }"),
    ("x++", "operator", "'++' is not an operator", "++", "write x += 1"),
    ("x--", "operator", "'--' is not an operator", "--", "write x -= 1"),
    (
        "y +=",
        "operator",
        "a value is missing after '+='",
        "+=",
        "write a number, a name or another value between '+=' and the end of the program",
    ),
    (
        "y =",
        "operator",
        "a value is missing after '='",
        "=",
        "write a number, a name or another value between '=' and the end of the program",
    ),
    ("y //= 2", "operator", "'//=' is not an assignment", "//=", "write y = y // \u2026"),
    ("y %= 2", "operator", "'%=' is not an assignment", "%=", "write y = y % \u2026"),
    ("x if c else y", "syntax", "'if' cannot follow a value", "if", "write if c { a } else { b }"),
    ("y = x if c else y", "syntax", "'if' cannot follow a value", "if", "write if c { a } else { b }"),
    ("1 + if c {2} else {3}", "placement", "an if that is an operand needs parentheses", "if", "write (if c { a } else { b }) + 1"),
    (
        "if c {1} else {2} + 3",
        "syntax",
        "'+' cannot follow '}'",
        "+",
        "put the if in parentheses: (if c { a } else { b }) + 1; another statement begins on a new line or after ;",
    ),
    ("x -> x^2", "placement", "a lambda can only be an argument", "->", "define a function: fn f(x) = \u2026"),
    ("y = x -> x^2", "placement", "a lambda can only be an argument", "->", "define a function: fn f(x) = \u2026"),
    (
        "x + 1 = 2",
        "assignment",
        "this cannot be assigned to",
        "x + 1",
        "left of = stands a name or an element: y = \u2026, a[i] = \u2026; '==' compares",
    ),
    ("f(x) = x^2", "assignment", "this cannot be assigned to", "f(x)", "a function is defined by fn f(\u2026) = \u2026"),
    ("1,5", "syntax", "several values stand as a statement", "1,5", "write an array [a, b], or assign them: x, y = a, b"),
    ("y = 1,5", "assignment", "1 target but 2 values", "1,5", "a decimal number has a point: 1.5"),
    ("a = 1, 2", "assignment", "1 target but 2 values", "1, 2", "a decimal number has a point: 1.2"),
    ("a, b = 1, 2, 3", "assignment", "2 targets but 3 values", "1, 2, 3", "give each name one value"),
    (
        "output x^2",
        "syntax",
        "'^' cannot stand in this output",
        "^",
        "write output y, or output y = \u2026 to name an expression; one output a line",
    ),
    (
        "output x, y",
        "syntax",
        "',' cannot stand in this output",
        ",",
        "write output y, or output y = \u2026 to name an expression; one output a line",
    ),
    (
        "output sin(x)",
        "syntax",
        "'(' cannot stand in this output",
        "(",
        "write output y, or output y = \u2026 to name an expression; one output a line",
    ),
    (
        "input 3 = x",
        "syntax",
        "'3' cannot stand in this input",
        "3",
        "write input x, input x = 2, input x: int, or input x: [3] = [1, 2, 3]; each default on a line of its own",
    ),
    (
        "input x = 1, y = 2",
        "syntax",
        "',' cannot stand in this input",
        ",",
        "write input x, input x = 2, input x: int, or input x: [3] = [1, 2, 3]; each default on a line of its own",
    ),
    ("input x: foo", "syntax", "'foo' is not a type", "foo", "a type is real, int, or a shape such as [3] or [m, n]"),
    ("input x: [1.5]", "number", "'1.5' is not a size", "1.5", "a size is a whole number, or a name that stands for one"),
    ("input x: [3", "bracket", "'[' is never closed", "[", "add the missing ']'"),
    ("fn f(x=2) = x", "syntax", "'=' cannot stand in the head of a function", "=", "write fn f(x, y) = \u2026"),
    ("fn (x) = x", "syntax", "'(' cannot stand in the head of a function", "(", "write fn f(x, y) = \u2026"),
    ("fn f x = 2", "syntax", "'x' cannot stand in the head of a function", "x", "write fn f(x, y) = \u2026"),
    ("fn f(x) x^2", "syntax", "'{' is missing before 'x'", "x", "write fn f(x) = \u2026 or fn f(x) { \u2026 }"),
    ("fn f(x, x) = x", "syntax", "the name 'x' stands twice", "x", "give each its own name"),
    ("while c { fn f(x) = x }", "placement", "a function is defined at top level, not in a block", "fn", "move it out of the braces"),
    ("while c { input x }", "placement", "an input is declared at top level, not in a block", "input", "move it out of the braces"),
    ("while c { output x; }", "placement", "an output is declared at top level, not in a block", "output", "move it out of the braces"),
    ("[1, 2; 3, 4]", "syntax", "';' stands inside brackets", ";", "the rows of a matrix are arrays: [[1, 2], [3, 4]]"),
    ("f(a; b)", "syntax", "';' stands inside parentheses", ";", "separate arguments by commas, or add the missing ')'"),
    ("a[1:3]", "syntax", "':' does not make a slice", ":", "write a[1..3], a[..n], a[.. step -1]"),
    ("x: 3", "syntax", "only an input has a type", ":", "write input x: [3], and x = \u2026 without a type"),
    ("y = {1, 2}", "syntax", "'{' does not begin a value", "{", "an array stands in brackets: [1, 2, 3]"),
    ("'abc'", "syntax", "there are no strings", "'", "' stands after a matrix and transposes it: A'"),
    ('"abc"', "operator", "there are no strings", '"', "remove the quotes"),
    ("x.size", "operator", "'.' stands alone", ".", "a number is written 0.5 or .5, a range 0..n; values have no attributes"),
    ("x ? 1 : 2", "operator", "'?' is not an operator", "?", "write if c { a } else { b }"),
    ("x & 1", "operator", "'&' is not an operator", "&", "write and"),
    ("@/etc", "operator", "a value is missing before '@'", "@", "write a number, a name or another value there"),
    ("`id`", "operator", "'`' has no meaning", "`", "remove it"),
    ("1.2.3", "number", "'1.2.3' is not a number", "1.2.3", "a number has one point; a range is written 1..3"),
    ("1 2", "operator", "an operator is missing between two numbers", "1 2", "write one, such as * or a comma"),
    ("()", "syntax", "the parentheses are empty", "()", "write a value in them"),
    ("f(,x)", "operator", "a value is missing before ','", ",", "write a number, a name or another value there"),
    ("f(x,,y)", "operator", "a value is missing before ','", ",", "write a number, a name or another value there"),
    ("f(", "bracket", "'(' is never closed", "(", "add the missing ')'"),
    ("[1,", "bracket", "'[' is never closed", "[", "add the missing ']'"),
    ("{", "syntax", "'{' does not begin a value", "{", "an array stands in brackets: [1, 2, 3]"),
    ("}", "bracket", "'}' closes nothing", "}", "remove it, or open it with '{' before"),
    ("x }", "bracket", "'}' closes nothing", "}", "remove it, or open it with '{' before"),
    ("return", "syntax", "'return' has no value", "return", "write what the function gives, as in return x^2"),
    ("fn f(x) { return }", "syntax", "'return' has no value", "return", "write what the function gives, as in return x^2"),
    ("let x = 3", "syntax", "'let' is a word of another language", "let", "write name = value, without a word before it"),
    ("var y = 2", "syntax", "'var' is a word of another language", "var", "write name = value, without a word before it"),
    ("for i = 0..3 { }", "syntax", "'=' does not belong in the head of a loop", "=", "write for i in 0..n { \u2026 }"),
    ("for (i = 0; i < 3; i++) { }", "syntax", "'(' does not belong in the head of a loop", "(", "write for i in 0..n { \u2026 }"),
    ("for i in 0..10 by 2 { }", "syntax", "'by' is a word of another language", "by", "a range is written 0..n step 2"),
    ("x <> y", "operator", "'<>' is not an operator", "<>", "write !="),
    ("x => y", "operator", "'=>' is not an operator", "=>", "write >= to compare, -> for a lambda"),
    ("x =< y", "operator", "'=<' is not an operator", "=<", "write <="),
    ("a = b = 2", "assignment", "a statement assigns once", "=", "write a = 2; b = 2; to compare, write =="),
    ("y == 3; y", "assignment", "this comparison has no effect", "y == 3", "'==' compares; write = to assign"),
    (
        "sum(0..3)",
        "placement",
        "a range is not a value",
        "..",
        "[i for i in 1..4] makes an array, linspace(a, b, n) one of real numbers; ranges stand after in and in a[ ]",
    ),
    (
        "[0..3]",
        "placement",
        "a range is not a value",
        "..",
        "[i for i in 1..4] makes an array, linspace(a, b, n) one of real numbers; ranges stand after in and in a[ ]",
    ),
    (
        "a..b..c",
        "placement",
        "a range is not a value",
        "..",
        "[i for i in 1..4] makes an array, linspace(a, b, n) one of real numbers; ranges stand after in and in a[ ]",
    ),
    ("for i in 0..3..1 {}", "placement", "a range has one '..'", "..", "write a..b step s"),
    (
        "x = 2 and",
        "operator",
        "a value is missing after 'and'",
        "and",
        "write a number, a name or another value between 'and' and the end of the program",
    ),
    (
        "not",
        "operator",
        "a value is missing after 'not'",
        "not",
        "write a number, a name or another value between 'not' and the end of the program",
    ),
    (
        "x not y",
        "operator",
        "an operator is missing between 'x' and 'not'",
        "x not",
        "write an operator, such as *; statements are separated by ; or a new line",
    ),
    ("f(axis=0, x)", "syntax", "an argument without a name stands after 'axis='", "x", "put the named arguments last"),
    ("f(axis=0, axis=1)", "syntax", "the argument 'axis' is given twice", "axis", "remove one of them"),
    (
        "[x for x in a if x > 0]",
        "placement",
        "an array takes no if: its length would depend on values",
        "x > 0",
        "filter in a reduction, as in sum(x for x in a if x > 0), or write if c { x } else { 0 } before for",
    ),
    ("a[..=]", "syntax", "'..=' needs an end", "..=", "write .. for everything up to the end"),
    ("a[]", "operator", "a value is missing before ']'", "]", "write a number, a name or another value there"),
    (
        "f(x y)",
        "operator",
        "an operator is missing between 'x' and 'y'",
        "x y",
        "write x*y for a product; statements are separated by ; or a new line",
    ),
    ("if (x > 0 { y }", "bracket", "'(' is never closed", "(", "add the missing ')'"),
    (
        "x*",
        "operator",
        "a value is missing after '*'",
        "*",
        "write a number, a name or another value between '*' and the end of the program",
    ),
    ("*x", "operator", "a value is missing before '*'", "*", "write a number, a name or another value there"),
    (";", "empty-program", "the program is empty", "", "write a formula such as x1*x2 + sin(x1)"),
    ("|x|", "operator", "'|' is not an operator", "|", "write or; the absolute value is abs(x)"),
    (
        "x^",
        "operator",
        "a value is missing after '^'",
        "^",
        "write a number, a name or another value between '^' and the end of the program",
    ),
    (
        "-",
        "operator",
        "a value is missing after '-'",
        "-",
        "write a number, a name or another value between '-' and the end of the program",
    ),
    (
        "- -",
        "operator",
        "a value is missing after '-'",
        "-",
        "write a number, a name or another value between '-' and the end of the program",
    ),
    ("x''(2)", "operator", "' is the transpose, not a derivative", "''", "write grad(t -> grad(x, t), 2)"),
    ("elif x {y}", "placement", "'elif' has no if", "elif", "else follows the } of an if: if c { a } else { b }"),
    ("if x {y} elsif z {w}", "syntax", "'elsif' is a word of another language", "elsif", "write elif, or else if"),
    ("print x", "syntax", "'print' is a word of another language", "print", "end the program with the expression, or write output y"),
    (
        "import numpy",
        "syntax",
        "'import' is a word of another language",
        "import",
        "there are no modules: every function is there from the start",
    ),
    ("a = 2 then", "syntax", "'then' is a word of another language", "then", "a block stands in braces: if c { \u2026 }"),
    ("and x", "operator", "a value is missing before 'and'", "and", "write a number, a name or another value there"),
    (
        "x @",
        "operator",
        "a value is missing after '@'",
        "@",
        "write a number, a name or another value between '@' and the end of the program",
    ),
    (
        "x = not",
        "operator",
        "a value is missing after 'not'",
        "not",
        "write a number, a name or another value between 'not' and the end of the program",
    ),
    ("1 + not x", "operator", "'not' stands to the right of an operator", "not", "put it in parentheses: (not c)"),
    ("(x, y)", "syntax", "parentheses hold one value", ",", "an array stands in brackets: [x, y]; a lambda is (x, y) -> x*y"),
    ("(x, y) + 1", "syntax", "parentheses hold one value", ",", "an array stands in brackets: [x, y]; a lambda is (x, y) -> x*y"),
    ("(2) -> x", "placement", "'->' does not follow a list of names here", "->", "write grad(x -> x^2, 1), with x -> as an argument"),
    ("x.", "operator", "'.' stands alone", ".", "a number is written 0.5 or .5, a range 0..n; values have no attributes"),
    (".", "operator", "'.' stands alone", ".", "a number is written 0.5 or .5, a range 0..n; values have no attributes"),
    (".5.", "operator", "'.' stands alone", ".", "a number is written 0.5 or .5, a range 0..n; values have no attributes"),
    (
        "..",
        "placement",
        "a range is not a value",
        "..",
        "[i for i in 1..4] makes an array, linspace(a, b, n) one of real numbers; ranges stand after in and in a[ ]",
    ),
    ("f(x)'(y)", "operator", "' is the transpose, not a derivative", "'", "write grad(f, y)"),
    ("if x {y} z = 3 w = 2", "operator", "an operator is missing between '3' and 'w'", "3 w", "write 3*w"),
    (
        "A'B",
        "operator",
        "an operator is missing between the transpose sign and 'B'",
        "'B",
        "write an operator, such as *; statements are separated by ; or a new line",
    ),
    (
        "2'3",
        "operator",
        "an operator is missing between the transpose sign and '3'",
        "'3",
        "write an operator, such as *; statements are separated by ; or a new line",
    ),
    (
        "\U0001d465",
        "character",
        "U+1D465 MATHEMATICAL ITALIC SMALL X ('\U0001d465') is not a character of the language",
        "\U0001d465",
        "write x",
    ),
    ("x:=5", "operator", "':=' is not an operator", ":=", "write = to assign"),
    ("x $ y", "operator", "'$' has no meaning", "$", "names begin with a letter or _; remove the $"),
    ("~x", "operator", "'~' is not an operator", "~", "write not"),
    ("a\\b", "operator", "'\\' has no meaning", "\\", "a line that ends in an operator goes on by itself; a lambda is written x -> x^2"),
    ("x[", "bracket", "'[' is never closed", "[", "add the missing ']'"),
    (
        "x of y",
        "operator",
        "an operator is missing between 'x' and 'of'",
        "x of",
        "write x*of for a product; statements are separated by ; or a new line",
    ),
    ("for x {}", "syntax", "'{' does not belong in the head of a loop", "{", "write for i in 0..n { \u2026 }"),
    (
        "for i in {}",
        "syntax",
        "a range or an array is missing after 'in'",
        "in",
        "write if x > 0 { \u2026 }, while x > 0 { \u2026 } or for i in 0..n { \u2026 }",
    ),
    (
        "if {}",
        "syntax",
        "a condition is missing after 'if'",
        "if",
        "write if x > 0 { \u2026 }, while x > 0 { \u2026 } or for i in 0..n { \u2026 }",
    ),
    (
        "while {}",
        "syntax",
        "a condition is missing after 'while'",
        "while",
        "write if x > 0 { \u2026 }, while x > 0 { \u2026 } or for i in 0..n { \u2026 }",
    ),
    (
        "x\n+ 1",
        "line-start",
        "a new line cannot begin with +",
        "+",
        "end the line above with +, or put the whole expression in parentheses",
    ),
    (
        "x\n* 1",
        "line-start",
        "a new line cannot begin with *",
        "*",
        "end the line above with *, or put the whole expression in parentheses",
    ),
    (
        "x\nand y",
        "line-start",
        "a new line cannot begin with and",
        "and",
        "end the line above with and, or put the whole expression in parentheses",
    ),
    ("y = (a + b\nz = 3\n", "bracket", "'(' is never closed", "(", "add the missing ')'"),
    ("y = [1, 2\nfor i in 0..3 { }", "bracket", "'[' is never closed", "[", "add the missing ']'"),
    ("while s < 3 {\n s += 1\n", "bracket", "'{' is never closed", "{", "add the missing '}'"),
    (
        "x # c \n +1 )",
        "line-start",
        "a new line cannot begin with +",
        "+",
        "end the line above with +, or put the whole expression in parentheses",
    ),
    ("x\u22121", "character", "U+2212 MINUS SIGN ('\u2212') is not a character of the language", "\u2212", "write -"),
    ("\u0430*x", "character", "U+0430 CYRILLIC SMALL LETTER A ('\u0430') is not a character of the language", "\u0430", "write a"),
    (
        "\u0663*x",
        "character",
        "U+0663 ARABIC-INDIC DIGIT THREE ('\u0663') is not a character of the language",
        "\u0663",
        "write the digit 3",
    ),
    (
        "x\u202e+1",
        "character",
        "U+202E RIGHT-TO-LEFT OVERRIDE is not a character of the language",
        "\u202e",
        "remove it: it cannot be seen, and came with copied text",
    ),
    (
        "x\u200b+1",
        "character",
        "U+200B ZERO WIDTH SPACE is not a character of the language",
        "\u200b",
        "remove it: it cannot be seen, and came with copied text",
    ),
    ("x\xa0+ 1", "character", "U+00A0 NO-BREAK SPACE is not a character of the language", "\xa0", "write an ordinary space"),
    ("x\xd7y", "character", "U+00D7 MULTIPLICATION SIGN ('\xd7') is not a character of the language", "\xd7", "write *"),
    ("x\xb7y", "character", "U+00B7 MIDDLE DOT ('\xb7') is not a character of the language", "\xb7", "write *"),
    ("x\xb2", "character", "U+00B2 SUPERSCRIPT TWO ('\xb2') is not a character of the language", "\xb2", "write ^2"),
    (
        "x\x00",
        "character",
        "U+0000 NULL is not a character of the language",
        "\x00",
        "remove it: it cannot be seen, and came with copied text",
    ),
    (
        "x\x1b[31m",
        "character",
        "U+001B ESCAPE is not a character of the language",
        "\x1b",
        "remove it: it cannot be seen, and came with copied text",
    ),
    (
        "\u201cx\u201d",
        "character",
        "U+201C LEFT DOUBLE QUOTATION MARK ('\u201c') is not a character of the language",
        "\u201c",
        "there are no strings; remove the quotes",
    ),
    ("x\u2032", "character", "U+2032 PRIME ('\u2032') is not a character of the language", "\u2032", "write '"),
    ("\u03c0*2", "character", "U+03C0 GREEK SMALL LETTER PI ('\u03c0') is not a character of the language", "\u03c0", "write pi"),
    ("x\uff0by", "character", "U+FF0B FULLWIDTH PLUS SIGN ('\uff0b') is not a character of the language", "\uff0b", "write +"),
    (
        "# a \u202e b\nx",
        "character",
        "U+202E RIGHT-TO-LEFT OVERRIDE may not stand in a comment",
        "\u202e",
        "remove it: it can make the text look other than it is",
    ),
    (
        "x # \x1b[0m",
        "character",
        "U+001B ESCAPE may not stand in a comment",
        "\x1b",
        "remove it: it can make the text look other than it is",
    ),
    ("x\u2081", "character", "U+2081 SUBSCRIPT ONE ('\u2081') is not a character of the language", "\u2081", "write the digit 1, as in x1"),
    (
        "\u4f60",
        "character",
        "U+4F60 CJK UNIFIED IDEOGRAPH-4F60 ('\u4f60') is not a character of the language",
        "\u4f60",
        "use the letters A to Z, a to z, digits and _ in names; other characters may stand in comments, after #",
    ),
    (
        "x\r+1",
        "character",
        "U+000D CARRIAGE RETURN is not a character of the language",
        "\r",
        "remove it: it cannot be seen, and came with copied text",
    ),
    (
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\u0430",
        "character",
        "U+0430 CYRILLIC SMALL LETTER A ('\u0430') is not a character of the language",
        "\u0430",
        "write a",
    ),
    (
        "x\xad y",
        "character",
        "U+00AD SOFT HYPHEN is not a character of the language",
        "\xad",
        "remove it: it cannot be seen, and came with copied text",
    ),
    (
        "\U0001f600",
        "character",
        "U+1F600 GRINNING FACE ('\U0001f600') is not a character of the language",
        "\U0001f600",
        "use the letters A to Z, a to z, digits and _ in names; other characters may stand in comments, after #",
    ),
    ("if x > 0:\n  y\nelse:\n  z", "syntax", "':' does not begin a block", ":", "a block stands in braces: if c { \u2026 }"),
    (
        "def f(x):\n  return x\n",
        "syntax",
        "'def' is a word of another language",
        "def",
        "a function is defined by fn f(x) = \u2026 or fn f(x) { \u2026 }",
    ),
    (
        "for i in range(3):\n  s += i\n",
        "syntax",
        "':' does not begin a block",
        ":",
        "write for i in 0..n { \u2026 }: a range of counters is 0..n, and a block stands in braces",
    ),
    ("x = 3\n{ y }", "syntax", "'{' cannot stand here", "{", "here may stand ',', a new line, the end"),
    (
        "if x {\n y\n}\n+ 2",
        "line-start",
        "a new line cannot begin with +",
        "+",
        "end the line above with +, or put the whole expression in parentheses",
    ),
]


@pytest.mark.parametrize(("text", "code", "message", "underlined", "help"), MISTAKES, ids=[ascii(row[0]) for row in MISTAKES])
def test_mistakes(text: str, code: str, message: str, underlined: str, help: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(Source(text))
    error = caught.value
    assert error.span is not None
    assert (error.code, error.message, text[error.span.start : error.span.end], error.help) == (code, message, underlined, help)
    assert error.exit == 3


@pytest.mark.parametrize(
    "text", ["a" * 5000 + " b", "5" * 5000 + "x", "5" * 5000 + "_0", "0x" + "f" * 5000, "for " + "a" * 5000, "input x: " + "a" * 5000]
)
def test_long_names_are_shortened(text: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(Source(text))
    assert len(caught.value.message) < 150
    assert caught.value.help is not None
    assert len(caught.value.help) < 250


CHARACTERS = [
    chr(code) for code in [*range(0x20), *range(0x7F, 0x180), *range(0x2000, 0x2070), 0xFEFF, 0xFFFE, 0x1F600, 0xD800, 0xE000, 0xE0001]
]


@pytest.mark.parametrize("char", [char for char in CHARACTERS if char not in "\t\n"], ids=ascii)
def test_foreign_characters(char: str) -> None:
    for text in (f"x{char}+ 1", char if char != "\ufeff" else "x\ufeff", f"a = 1\nb{char}\n"):
        if char == "\r" and "\r\n" in text:
            continue
        with pytest.raises(ParseError) as caught:
            parse(Source(text))
        error = caught.value
        assert error.code == "character"
        assert f"U+{ord(char):04X}" in error.message
        assert error.help
        assert (error.message + error.help).isprintable()
        assert error.span is not None
        assert text[error.span.start : error.span.end] == char


@pytest.mark.parametrize("char", "\x00\x07\x1b\x7f\x9b\u202a\u202e\u2066\u2069\u200e")
def test_hidden_characters_in_comments(char: str) -> None:
    with pytest.raises(ParseError, match="may not stand in a comment"):
        parse(Source(f"x # a {char} b"))


def test_other_characters_may_stand_in_comments() -> None:
    assert parse(Source("x # \u2212 \u00e4\u00f6 \U0001f600\ttab \r\n")).comments


def test_an_expression_is_one_expression() -> None:
    for text in ("", "x = 1", "x\ny", "x; y", "input x"):
        with pytest.raises(ParseError):
            parse_expression(Source(text))


def test_every_error_names_a_place_and_a_remedy() -> None:
    """Every pair of tokens, at the start and within brackets: never anything but a ParseError with a span and a help."""
    tokens = ["x", "2", "+", "-", "*", "/", "^", "==", "=", "+=", "->", "..", "..=", "'", ",", ":", "(", ")", "[", "]", "{", "}", ";"]
    tokens += ["and", "or", "not", "if", "elif", "else", "for", "in", "step", "while", "break", "return", "fn", "input", "output", "rule"]
    for first in tokens:
        for second in tokens:
            for text in (
                f"{first} {second}",
                f"a\n{first}{second}",
                f"f({first} {second})",
                f"if c {{ {first} {second} }}",
                f"for i in {first} {second}",
            ):
                try:
                    parse(Source(text))
                except ParseError as error:
                    assert error.span is not None, text
                    assert 0 <= error.span.start <= error.span.end <= len(text), text
                    assert error.help, text
                    assert "U+" not in error.message, text
