"""What lowering says about wrong programs: the code, the exact span, and a help line."""

from __future__ import annotations

import pytest

from adcli.errors import ProgramError, Source
from adcli.ir.types import Type
from adcli.lower import lower, signature
from adcli.syntax import parse

CASES = [
    ("s += x", "unset-variable", "s", "begin with s = 0"),
    ("for i in 0..3 { s += i }\ns", "unset-variable", "s", "begin with s = 0"),
    ("a[0] = 1; a", "unset-variable", "a", "zeros(3)"),
    ("x + sinn(x)", "unknown-function", "sinn", "did you mean 'sin'"),
    ("x = 2; x(3)", "unknown-function", "x", "write x*("),
    ("grad(w -> [w, w], x)", "type", "grad(w -> [w, w], x)", "jacobian"),
    ("grad(frob, 1)", "unknown-function", "frob", "lambda"),
    ("grad(3, 1)", "not-a-value", "3", "lambda"),
    ("jvp((a, b) -> a, 1)", "arity", "jvp((a, b) -> a, 1)", "jvp(f, x, v)"),
    ("jvp(a -> a, [1, 2], [1, 2, 3])", "shape", "[1, 2, 3]", "shape"),
    ("sin(1, 2)", "arity", "sin(1, 2)", "sin(x)"),
    ("fn f(a, b) = a\nf(1)", "arity", "f(1)", "f(a, b)"),
    ("sum([1, 2], 0)", "arity", "sum([1, 2], 0)", "axis="),
    ("sum([1, 2], axes=0)", "arity", "0", "axis="),
    ("sum([1, 2], axis=x)", "not-a-constant", "x", "axis=0"),
    ("sum([1, 2], axis=2)", "shape", "sum([1, 2], axis=2)", "axes go"),
    ("sin + 1", "not-a-value", "sin", "sin(x)"),
    ("fn f(x) = x\nf + 1", "not-a-value", "f", "f(x)"),
    ("for i in 0..3 { y = i }", "missing-output", "for i in 0..3 { y = i }", "output y"),
    ("fn f(x) = x\ninput k", "missing-output", "input k", "output NAME"),
    ("break", "misplaced", "break", "'for' or 'while'"),
    ("return 3", "misplaced", "return 3", "output NAME"),
    ("1 + (if x > 0 { break } else { 2 })", "misplaced", "1 + (if x > 0 { break } else { 2 })", "statement of its own"),
    ("if c > 0 { y = 1 }\ny", "unset-variable", "y", "on every path"),
    ("while x > 0 { y = x; x = x - 1 }\ny", "unset-variable", "y", "on every path"),
    ("while true { if x > 0 { break }; y = 1 }; y", "unset-variable", "y", "on every path"),
    ("for i in 0..3 { if x > i { continue }; y = 1 }; y", "unset-variable", "y", "on every path"),
    ("for i in 0..3 { y = i }; i", "unset-variable", "i", "last = i"),
    ("fn f(x) = k*x\na = f(2)\nk = 3\na", "unset-variable", "k", "before"),
    ("[1, 2] + [1, 2, 3]", "shape", "[1, 2] + [1, 2, 3]", "aligned"),
    ("dot([1, 2], [1, 2, 3])", "shape", "dot([1, 2], [1, 2, 3])", "one length"),
    ("[[1, 2], [3]]", "shape", "[3]", "rectangular"),
    ("a = [1]; a[0, 0]", "shape", "a[0, 0]", "[1]"),
    ("a = [1]; for i in 0..3 { a = concat(a, a) }; a", "shape", "for i in 0..3 { a = concat(a, a) }", "keeps its shape"),
    ("if x > 0 { a = [1] } else { a = [1, 2] }; a", "shape", "a", "same shape"),
    ("a = zeros(2); a[0] = [1, 2]", "shape", "[1, 2]", "shapes must agree"),
    ("fn f(x) = [f(x)]\nf(1)", "shape", "f", "same shape"),
    ("sum(3)", "type", "3", "sum([1, 2, 3])"),
    ("x[0]", "type", "x[0]", "arrays"),
    ("x'", "type", "x'", "grad(f, x)"),
    ("if [1, 2] > 1 { 2 } else { 3 }", "type", "[1, 2] > 1", "reduce"),
    ("a, b = [1, 2, 3]", "type", "[1, 2, 3]", "unpacks"),
    ("for r in x { y = r }; y", "type", "x", "for i in 0..n"),
    ("concat(1, [2])", "type", "1", "[x]"),
    ("y = sin(i for i in 0..3)", "type", "i for i in 0..3", "brackets"),
    ("for i in 0..2.5 { x = i }; x", "not-an-integer", "2.5", "linspace"),
    ("for i in 0..1 step 0.1 { x = i }; x", "not-an-integer", "0.1", "linspace"),
    ("for i in 0..3 step 0 { x = i }; x", "not-an-integer", "0", "never end"),
    ("[1, 2][0.5]", "not-an-integer", "0.5", "int(x)"),
    ("zeros(1.5)", "not-an-integer", "1.5", "whole"),
    ("fn f(x) { if x > 0 { return 1 } }\nf(2)", "missing-value", "f", "every path"),
    ("fn f(x) { for i in 0..3 { x += i } }\nf(2)", "missing-value", "f", "return"),
    ("y = if x > 0 { 1 }", "missing-value", "if x > 0 { 1 }", "else"),
    ("input x; input x; x", "declaration", "x", "keep one"),
    ("fn f(x) = x\nfn f(x) = 2\nf(1)", "declaration", "f", "keep one"),
    ("output a; output a; a = 1", "declaration", "a", "keep one"),
]


def problem(text: str, **types: Type) -> ProgramError:
    source = Source(text)
    program = parse(source)
    with pytest.raises(ProgramError) as caught:
        found = signature(program, source)
        lower(program, source, {i.name: types.get(i.name, Type("real")) for i in found.inputs})
    assert caught.value.source is source
    return caught.value


@pytest.mark.parametrize(("text", "code", "marked", "help"), CASES, ids=[case[0] for case in CASES])
def test_errors(text: str, code: str, marked: str, help: str) -> None:
    error = problem(text)
    assert error.span is not None
    assert (error.code, text[error.span.start : error.span.end]) == (code, marked)
    assert help in (error.help or "")
    assert "%" not in error.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("if c > 0 { y = 1 }\ny", "if the condition on line 1 is false"),
        ("if c > 0 { y = 1 } elif c < -3 { z = 1 } else { y = 2 }\ny", "if the condition on line 1 is true"),
        ("while x > 0 { y = x; x -= 1 }\ny", "if the loop on line 1 runs zero times"),
        ("while true {\n if x > 0 { break }\n y = 1 }\ny", "if the loop is left on line 2"),
        ("fn f(x) {\n while x > 0 { return 1 } }\nf(2)", "if the loop on line 2 ends without 'return'"),
    ],
)
def test_an_unset_variable_names_the_path(text: str, said: str) -> None:
    assert said in problem(text).message


def test_a_declared_shape_and_another_value_are_both_named() -> None:
    error = problem("input w: [3]\nsum(w)", w=Type("real", (2,)))
    assert error.code == "shape" and "[3]" in error.message and "[2]" in error.message
    error = problem("input w: [3]\nsum(w)", w=Type("real"))
    assert "[3]" in error.message and "a scalar" in error.message


def test_a_dimension_has_one_size() -> None:
    error = problem("input A: [n]\ninput b: [n]\ndot(A, b)", A=Type("real", (2,)), b=Type("real", (3,)))
    assert error.message == "dimension 'n' is 2 in 'A' and 3 in 'b'"
