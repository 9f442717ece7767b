"""Lowering, tested by what programs give: each runs in the interpreter after its IR has been held against the invariants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.errors import Source
from adcli.ir.check import check
from adcli.ir.nodes import Check, Function, Let
from adcli.ir.types import INT, REAL, Type
from adcli.ir.walk import functions, statements
from adcli.lower import lower, signature
from adcli.syntax import parse


def lowered(text: str, **at: Any) -> Function:
    source = Source(text)
    function = lower(parse(source), source, {name: Type("real", np.asarray(value).shape) for name, value in at.items()})
    check(function)
    return function


def run(text: str, **at: Any) -> list[Any]:
    function = lowered(text, **at)
    args = [
        np.asarray(at[p.name], float) if p.type.shape else int(at[p.name]) if p.type == INT else float(at[p.name]) for p in function.params
    ]
    return Interpreter(function, Limits()).run(args)


CASES: list[tuple[str, dict[str, Any], Any]] = [
    ("s=0; for i in 0..5 { s += i }; s", {}, 10),
    ("sum(i for i in 0..5)", {}, 10),
    ("prod(i+1 for i in 0..5)", {}, 120),
    ("max(v[i]^2 for i in 0..3)", {"v": [1, -3, 2]}, 9),
    ("max(v[i] for i in 0..3 if v[i] < 2.5)", {"v": [1, 3, 2]}, 2),
    ("min(v[i] for i in 0..3 for j in 0..i)", {"v": [1, 3, 2]}, 2),
    ("[i^2 for i in 0..4]", {}, [0, 1, 4, 9]),
    ("[i*10+j for i in 0..2 for j in 0..3]", {}, [0, 1, 2, 10, 11, 12]),
    ("[i*10+j for i in 0..3 for j in 0..i]", {}, [10, 20, 21]),
    ("[[i*j for j in 0..3] for i in 0..2]", {}, [[0, 0, 0], [0, 1, 2]]),
    ("[r[0] for r in A]", {"A": [[1, 2], [3, 4]]}, [1, 3]),
    ("sum(r for r in A)", {"A": [[1, 2], [3, 4]]}, [4, 6]),
    ("sum([i, 2*i] for i in 0..3)", {}, [3, 6]),
    ("A[0,..]", {"A": [[1, 2], [3, 4]]}, [1, 2]),
    ("A[..,1]", {"A": [[1, 2], [3, 4]]}, [2, 4]),
    ("A[1][0]", {"A": [[1, 2], [3, 4]]}, 3),
    ("v[1..3]", {"v": [1, 2, 3, 4]}, [2, 3]),
    ("v[..=1]", {"v": [1, 2, 3, 4]}, [1, 2]),
    ("v[-2..]", {"v": [1, 2, 3, 4]}, [3, 4]),
    ("v[..-1]", {"v": [1, 2, 3, 4]}, [1, 2, 3]),
    ("v[.. step -1]", {"v": [1, 2, 3, 4]}, [4, 3, 2, 1]),
    ("v[.. step 2]", {"v": [1, 2, 3, 4, 5]}, [1, 3, 5]),
    ("v[3..0 step -1]", {"v": [1, 2, 3, 4]}, [4, 3, 2]),
    ("v[0..=-1]", {"v": [1, 2, 3, 4]}, [1, 2, 3, 4]),
    ("k = 2; v[0..k]", {"v": [1, 2, 3, 4]}, [1, 2]),
    ("input k: int\nv[0..k]*2", {"v": [1, 2, 3, 4], "k": 2}, [2, 4]),
    ("input k: int\na = v[0..k] + v[1..k+1]\nsum(a)", {"v": [1, 2, 3, 4], "k": 2}, 8),
    ("a = v; a[0] = 10; v[0] + a[0]", {"v": [1, 2]}, 11),
    ("a = A; a[1][0] = 9; a", {"A": [[1, 2], [3, 4]]}, [[1, 2], [9, 4]]),
    ("a = A; a[1, ..] = [7,8]; a", {"A": [[1, 2], [3, 4]]}, [[1, 2], [7, 8]]),
    ("a = A; a[.., 0] += 1; a", {"A": [[1, 2], [3, 4]]}, [[2, 2], [4, 4]]),
    ("a = A; a[0..2][1] = [7,8]; a", {"A": [[1, 2], [3, 4]]}, [[1, 2], [7, 8]]),
    ("a = zeros(2,3); a[0] = 5; a", {}, [[5, 5, 5], [0, 0, 0]]),
    ("a, b = 1, 2; a, b = b, a; a - b", {}, 1),
    ("a, b = v; a*10+b", {"v": [1, 2]}, 12),
    ("m, n = shape(A); zeros(n, m)", {"A": [[1, 2, 3], [3, 4, 5]]}, [[0, 0]] * 3),
    ("zeros(shape(A))", {"A": [[1, 2, 3], [3, 4, 5]]}, [[0, 0, 0]] * 2),
    ("zeros([2,1])", {}, [[0], [0]]),
    ("reshape(v, 2, 2)", {"v": [1, 2, 3, 4]}, [[1, 2], [3, 4]]),
    ("concat(v, [9])", {"v": [1, 2]}, [1, 2, 9]),
    ("stack(v, v, axis=1)", {"v": [1, 2]}, [[1, 1], [2, 2]]),
    ("A'", {"A": [[1, 2], [3, 4]]}, [[1, 3], [2, 4]]),
    ("A@v", {"A": [[1, 2], [3, 4]], "v": [1, 1]}, [3, 7]),
    ("v@v", {"v": [1, 2]}, 5),
    ("sum(A, axis=0)", {"A": [[1, 2], [3, 4]]}, [4, 6]),
    ("max(A, axis=1)", {"A": [[1, 2], [3, 4]]}, [2, 4]),
    ("mean(v)", {"v": [1, 2]}, 1.5),
    ("prod(v)", {"v": [1, 2, 5]}, 10),
    ("max(1,2,3)", {}, 3),
    ("max(v, 2, 0)", {"v": [1, 5]}, [2, 5]),
    ("softmax(v)[0]", {"v": [1, 1]}, 0.5),
    ("cumsum(v)", {"v": [1, 2, 3]}, [1, 3, 6]),
    ("linspace(0,1,3)", {}, [0, 0.5, 1]),
    ("range(3)*2", {}, [0, 2, 4]),
    ("full(2.5, 2)", {}, [2.5, 2.5]),
    ("eye(2)", {}, [[1, 0], [0, 1]]),
    ("int(3.7)", {}, 3),
    ("int(x)", {"x": -3.7}, -3),
    ("where(x > 0, 1, 2)", {"x": 1}, 1),
    ("where(v > 1, v, 0)", {"v": [1, 2]}, [0, 2]),
    ("0 < x < 1", {"x": 0.5}, 1),
    ("x > 0 and 1/x > 3 or not (x < 5)", {"x": 0.5}, 0),
    ("if x > 0 and v[int(x)] > 1 { 1 } else { 2 }", {"x": 1, "v": [1, 2]}, 1),
    ("y = if x > 0 { t = x; t*2 } else { 3 }; y", {"x": 2}, 4),
    ("fn f(n) = if n <= 1 { 1 } else { n*f(n-1) }\nf(5)", {}, 120),
    ("fn ev(n) = if n == 0 { 1 } else { od(n-1) }\nfn od(n) = if n == 0 { 0 } else { ev(n-1) }\nev(7)+10*od(7)", {}, 10),
    ("fn s(v) = if len(v) == 0 { 0 } else { v[0] + s(v[1..]) }\ns(v)", {"v": [1, 2, 3, 4]}, 10),
    ("fn s(v,i) = if i == len(v) { 0 } else { v[i] + s(v,i+1) }\ns(v,0)", {"v": [1, 2, 3, 4]}, 10),
    ("fn f(n) = where(n <= 1, 1, n*f(n-1))\nf(5)", {}, 120),
    ("fn f(n) { for i in 0..10 { if i*i >= n { return i } }\n return -1 }\nf(20)", {}, 5),
    ("fn f(n) { for i in 0..10 { if i*i >= n { return i } }\n return -1 }\nf(2000)", {}, -1),
    ("fn f(n) { i = 0; while true { if i*i >= n { return i }\n i += 1 } }\nf(20)", {}, 5),
    ("i = 0; while true { i += 1; y = i*x; if y > 10 { break } }; y", {"x": 3}, 12),
    ("for i in 0..3 { t = i*x }; t", {"x": 3}, 6),
    ("for i in 0..3 { t = i*x; if t > 2 {continue}; u = 1 }; output t", {"x": 3}, 6),
    ("k = 2; fn f(x) = k*x; a = f(3); k = 5; b = f(3); [a, b]", {}, [6, 15]),
    ("fn f(x) { k = 7; return g(x) + k }\nfn g(x) = k*x\nk = 2; f(3)", {}, 13),
    ("input a = 3\nfn f(x) { a = a*2; return a*x }\nf(2) + a", {"a": 3}, 15),
    ("e = 2; e*x", {"x": 3}, 6),
    ("gamma = 2; gamma*gamma(3)", {}, 4),
    ("s = 0; for row in A { for y in row { s += y } }; s", {"A": [[1, 2], [3, 4]]}, 10),
    ("s = 0; for i in 3..0 step -1 { s = 10*s + i }; s", {}, 321),
    ("s = 0; for i in 0..=4 step 2 { s = 10*s + i }; s", {}, 24),
    ("s = 0; for i in 0..7 step 3 { s = 10*s + i }; s", {}, 36),
    ("input n: int\ns = 0; for i in 0..n step 3 { s = 10*s + i }; s", {"n": 7}, 36),
    ("input n: int\ns = 0; for i in n..0 step -3 { s = 10*s + i }; s", {"n": 7}, 741),
    ("input n: int\ninput d: int\ns = 0; for i in n..0 step d { s = 10*s + i }; s", {"n": 7, "d": -3}, 741),
    ("input n: int\nn^2 + n//2 - n%3", {"n": 7}, 51),
    ("input n: int\n2^n", {"n": 7}, 128),
    ("n = 3; zeros(n+1)", {}, [0] * 4),
    ("N = 3; fn f(x) { s = zeros(N); for i in 0..N { s[i] = x }; s }\nf(2)", {}, [2] * 3),
    ("fn f(x, n) { s = zeros(n); for i in 0..n { s[i] = x }; s }\nf(2, 3)", {}, [2] * 3),
    ("input x: [n]\nsum(x)/n", {"x": [1, 2, 3]}, 2),
    ("input x: [n]\nfn f(k) = k*n\nf(2)", {"x": [1, 2, 3]}, 6),
    ("if x > 0 { y = 1 } elif x < -5 { y = 2 } else { y = 3 }", {"x": -7}, 2),
    ("a = [1, 2, 3]\nfor i in 0..3 { a[i] ^= 2 }\na", {}, [1, 4, 9]),
    ("norm(v) + dot(v,v)", {"v": [3, 4]}, 30),
    ("[[1,2],[3,4]] * [10, 100]", {}, [[10, 200], [30, 400]]),
    ("k = len(v)\nwhile k > 0 { k = k/2 - 1 }\nk", {"v": [3, 4]}, 0),
    ("fn f(x) { if x > 0 { if x > 1 { return 1 }\n y = 2 } else { y = 3 }\nreturn y }\n[f(2), f(0.5), f(-1)]", {}, [1, 2, 3]),
    (
        "fn f(x) { s = 0; for i in 0..3 { for j in 0..3 { if i*j == x { return 10*i+j }\n s += 1 } }\n s }\n[f(2), f(4), f(9)]",
        {},
        [12, 22, 9],
    ),
    ("s = 0; i = 0; while i < 10 { i += 1; if i % 2 == 0 { continue }; if i > 7 { break }; s += i }; s", {}, 16),
    ("logsumexp([x, x])", {"x": 0}, math.log(2)),
    ("diag([1,2])", {}, [[1, 0], [0, 2]]),
    ("x, y = y, x; x - y", {"x": 1, "y": 3}, 2),
    ("abs(int(x))", {"x": -3.5}, 3),
    ("max(0, len(v) - 5)", {"v": [1, 2]}, 0),
    ("s=0; for i in 0..4 { s += v[min(i, 1)] }; s", {"v": [1, 2]}, 7),
    ("fn f(v) = sum(v[i]*w[i] for i in 0..len(v))\nw = [1,2]; f([3,4])", {}, 11),
    ("true + 1", {}, 2),
    ("sum([[i+j for j in 0..len(v)] for i in 0..2])", {"v": [0, 0]}, 4),
    ("a = zeros(3); for i in 0..3 { a[i] = if i > 0 { a[i-1] + 1 } else { 5 } }; a", {}, [5, 6, 7]),
    ("fn h(n) = [[1/(i+j+1) for j in 0..n] for i in 0..n]\nh(2)", {}, [[1, 0.5], [0.5, 1 / 3]]),
    ("fn h(n) = sum([i for j in 0..n] for i in 0..n)\nh(3)", {}, [3, 3, 3]),
    ("fn h(n) = [[[1 for k in 0..n] for j in 0..n] for i in 0..n]\nh(2)", {}, [[[1, 1], [1, 1]], [[1, 1], [1, 1]]]),
    ("[[[1 for k in 0..3] for j in 0..2] for i in 0..2]", {}, [[[1, 1, 1], [1, 1, 1]], [[1, 1, 1], [1, 1, 1]]]),
    ("[v*i for i in 0..2]", {"v": [1, 2]}, [[0, 0], [1, 2]]),
    ("fn f(v) = [v*i for i in 0..2]\nfn g(v) = if len(v) < 2 { [v, v] } else { f(v) }\ng(v)", {"v": [1, 2]}, [[0, 0], [1, 2]]),
    ("fn f(x, n) { if n == 0 { return [x, x] }; return f(x, n - 1) + 1 }\nf(x, 3)", {"x": 1}, [4, 4]),
    ("s = 0; for i in 0..3 { for j in 0..3 { if j == 1 { continue }; if j == 2 { break }; s += 1 } }; s", {}, 3),
    ("y = 0; for i in 0..3 { if i == 1 { y = 5; break } }; y", {}, 5),
    ("a = [true, false]; a[0] + a[1]", {}, 1),
    ("mod(7, 3) + pow(2, 3)", {}, 9),
    ("n = len(v); s = 0; for i in 0..n-1 { s += v[i+1] - v[i] }; s", {"v": [1, 5, 2]}, 1),
    ("fn f(x) { y = x; while y > 1 { y = y/2; if y < 0.2 { return 0 } }; y }\nf(3)", {}, 0.75),
    ("clip(len(v), 0, 1)", {"v": [1, 5, 2]}, 1),
    ("input n: int = 3\nx*n", {"x": 2, "n": 3}, 6),
    ("f(3); fn f(x) = x^2\nf(4)", {}, 16),
    ("u = [1,2]; w = u; for i in 0..2 { w[i] = u[1-i] }; w", {}, [2, 1]),
    ("fn f(n) { if n > 0 { return g(n-1) }; return 0 }\nfn g(n) { if n > 0 { return f(n-1) + len([1,2]) }; return 1 }\nf(4)", {}, 4),
    ("s = 0\nfor i in 0..4 { if i > 1 { k = i } else { k = 0 }\ns += k }\ns", {}, 5),
]


@pytest.mark.parametrize(("text", "at", "want"), CASES, ids=[case[0] for case in CASES])
def test_programs_give(text: str, at: dict[str, Any], want: Any) -> None:
    (got,) = run(text, **at)
    assert np.allclose(np.asarray(got, float), want)


def test_an_output_has_its_value_at_the_end() -> None:
    assert run("x = 3\ny = 2*x\noutput y\nx = 7\noutput z = x + y") == [6.0, 13.0]


def test_a_long_sum_and_deep_nesting() -> None:
    assert run("+".join(["x"] * 20_000), x=1) == [20_000.0]
    assert run("(" * 5000 + "x" + "+1)" * 5000, x=1) == [5001.0]
    assert run("-" * 5000 + "x", x=1) == [1.0]
    assert run("abs(" * 5000 + "x" + ")" * 5000, x=-1) == [1.0]


def kinds(function: Function) -> list[str]:
    return [s.kind for f in functions(function) for s in statements(f.body) if isinstance(s, Check)]


def ops(function: Function) -> list[str]:
    return [s.op.name for f in functions(function) for s in statements(f.body) if isinstance(s, Let)]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("s = 0; for i in 0..3 { s += v[i] }; s", []),
        ("s = 0; for i in 0..2 { s += v[i + 1] - v[i] }; s", []),
        ("v[-1] + v[0]", []),
        ("v[1..3][0]", []),
        ("s = 0; for i in 0..4 { s += v[i] }; s", ["bounds"]),
        ("v[3]", ["bounds"]),
        ("v[x]", ["integral", "bounds"]),
        ("v[0..4]", ["slice"]),
        ("input n: int\nn + 1", ["int64"]),
        ("input n: int\nn//2 + n%5", []),
        ("input n: int\n7//n", ["divisor"]),
        ("input n: int\nzeros(n)[0]", ["positive-size", "bounds"]),
        ("1e999", ["flag"]),
        ("1e-400", ["flag"]),
        ("9007199254740993", ["flag"]),
        ("9007199254740992 + 0.1 + 0e-9", []),
    ],
)
def test_checks_stand_where_they_are_needed(text: str, want: list[str]) -> None:
    given = {"v": [1, 2, 3], "x": 1, "n": 2}
    source = Source(text)
    named = {i.name for i in signature(parse(source), source).inputs}
    found = kinds(lowered(text, **{k: v for k, v in given.items() if k in named}))
    assert [k for k in found if k not in ("int64",) or want == ["int64"]] == [w for w in want if w != "int64" or want == ["int64"]]


def test_a_scalar_where_is_lazy_and_an_array_one_selects() -> None:
    assert "select" not in ops(lowered("where(x > 0, ln(x), 0)", x=1))
    assert "select" in ops(lowered("where(v > 0, ln(v), 0)", v=[1, 2]))


def test_integers_stay_integers_among_themselves() -> None:
    assert lowered("input n: int\nn*2 - 1", n=2).result_types == (INT,)
    assert lowered("input n: int\nn^2", n=2).result_types == (INT,)
    assert lowered("input n: int\nn/2", n=2).result_types == (REAL,)
    assert lowered("input n: int\nn + 0.5", n=2).result_types == (REAL,)
    assert lowered("k = 2; k*3").result_types == (REAL,)


def test_functions_are_lowered_once_for_each_types() -> None:
    text = "fn f(x) = sin(x)\nf(1) + f(2) + sum(f([1, 2])) + sum(f([3, 4]))"
    assert len(functions(lowered(text))) == 3


def test_recursion_on_ever_shorter_arrays_is_one_function_of_unknown_length() -> None:
    text = "fn s(v) = if len(v) == 0 { 0 } else { v[0] + s(v[1..]) }\ns(v)"
    assert len(functions(lowered(text, v=list(range(100))))) == 3


def test_endless_recursion_still_has_a_type() -> None:
    assert lowered("fn f(x) = f(x)\nf(1)").result_types == (REAL,)


@pytest.mark.parametrize(
    ("text", "inputs", "outputs"),
    [
        ("x2*x1 + sin(x1)", ["x2", "x1"], ("value",)),
        ("y = a + b", ["a", "b"], ("y",)),
        ("input b; a*b", ["b", "a"], ("value",)),
        ("a*b; input b", ["a", "b"], ("value",)),
        ("fn f(x, y) = x*y*k", ["x", "y", "k"], ("value",)),
        ("fn f(x) = k*x\nf(z)", ["k", "z"], ("value",)),
        ("fn f(x) = k*x\nk = 2\nf(z)", ["z"], ("value",)),
        ("e*pi*x", ["x"], ("value",)),
        ("e = 2; e*x", ["x"], ("value",)),
        ("sum(i*w for i in 0..n)", ["w", "n"], ("value",)),
        ("for i in 0..3 { t = i*x }\noutput t", ["x"], ("t",)),
        ("a, b = x, y", ["x", "y"], ("a", "b")),
        ("input v: [n]\nsum(v)/n", ["v"], ("value",)),
        ("x = x + 1", ["x"], ("x",)),
    ],
)
def test_signatures(text: str, inputs: list[str], outputs: tuple[str, ...]) -> None:
    source = Source(text)
    found = signature(parse(source), source)
    assert [i.name for i in found.inputs] == inputs
    assert found.outputs == outputs


def test_dimensions_are_known_in_the_program() -> None:
    source = Source("input A: [m, n]\ninput b: [m]\n10*m + n")
    assert signature(parse(source), source).dimensions == ("m", "n")
    assert run(source.text, A=np.ones((2, 3)), b=[1, 2]) == [23]


def test_constants_come_from_mathematics() -> None:
    assert run("[pi, tau, e]")[0].tolist() == [math.pi, math.tau, math.e]


def test_an_output_line_reads_its_variable_where_the_program_ends() -> None:
    assert run("output y; y = 1; y = 2") == [2.0]
    assert run("output y\noutput z\nz = x^2\ny = z + 1", x=3.0) == [10.0, 9.0]
    assert run("output y; z = y + 1; y = z*2", y=3.0) == [8.0]
    assert [i.name for i in signature(parse(Source("output y; a*y")), Source("")).inputs] == ["y", "a"]
