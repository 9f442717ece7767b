"""Arrays in native code against the interpreter: what is fused, computed in place, done by tiles, or written where it is to lie."""
from __future__ import annotations

import itertools
from typing import Any

import pytest

pytest.importorskip("llvmlite", reason="native code needs llvmlite (the extra 'native')")

import numpy as np

from adcli import ad
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.engines.native import Native
from adcli.engines.native.module import Module, prepared
from adcli.errors import AdcliError, Source
from adcli.ir.nodes import Function, Let, Push
from adcli.ir.show import show
from adcli.ir.types import INT, REAL, Type
from adcli.ir.walk import all_compound, functions, statements
from adcli.lower import lower
from adcli.passes import optimize
from adcli.syntax import parse

N = 37  # neither small nor a multiple of what a vector register holds
VECTOR = Type("real", (N,))
# Extents that only the run knows.
OPENED = "input whole: [m]\ninput n: int\nx = 1*whole[0..n]\n"


def opened(text: str) -> Function:
    """The program with x of a length that is an input."""
    return function(text.replace("input x\n", OPENED), whole=VECTOR, n=INT)


def function(text: str, **types: Type) -> Function:
    """The program with its inputs declared."""
    for name, t in types.items():
        if f"input {name}:" in text:
            continue
        declared = f"input {name}: int" if t is INT else f"input {name}: [{', '.join(f'{name}{k}' for k in range(t.rank))}]"
        text = text.replace(f"input {name}\n", declared + "\n")
    source = Source(text)
    return optimize(lower(parse(source), source, types))


def same(f: Function, args: list[Any]) -> list[Any]:
    """What native code gives, which is what the interpreter gives: results, flags, steps; twice."""
    slow, fast = Interpreter(f), Native(f)
    want = slow.run([a.copy() if isinstance(a, np.ndarray) else a for a in args])
    for _ in range(2):
        got = fast.run(args)
        for a, b in zip(got, want, strict=True):
            assert np.shape(a) == np.shape(b)
            finite = np.abs(np.asarray(b, float))
            largest = finite[np.isfinite(finite)].max(initial=1.0)
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14 * largest)
        assert {f[:2] for f in fast.flags} == {f[:2] for f in slow.flags}
        assert fast.steps == slow.steps
    return got


def gradient(f: Function, args: list[Any]) -> list[Any]:
    return same(ad.reverse(f, [k for k, p in enumerate(f.params) if p.type.elem == "real"], [0]), [*args, 1.0])


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize(
    "text",
    [
        "input x; e = exp(x - max(x)); output y = e/sum(e)*sum(e*e) + e",
        "input x; a = 2*x; b = sin(a); c = a*b; output y = sum(c)*b + cumsum(c)",
        "input x; a = exp(x); s = sum(a); x2 = a*s; t = sum(x2*x); output y = x2*t + a[..-1][0]",
        "input x; a = sqrt(x^2 + 1); output y = a; output z = a; output s = sum(a)",
        "input x; y = zeros(37); for i in 0..37 { y[i] = x[i]^2 }; output y",
        "input x; y = [x[i]*i for i in 0..37]; output z = y - x; output y",
        "input x; a = tanh(x); A = reshape(a, 37, 1) + a; output y = sum(A, axis=0); output z = sum(A*A, axis=1)",
    ],
)  # fmt: skip
def test_elementwise_work_is_shared(text: str) -> None:
    f = function(text.replace("; ", "\n"), x=VECTOR)
    same(f, [numbers(N)])
    same(opened(text.replace("; ", "\n").replace("37", "len(x)")), [numbers(N), N])
    gradient(function(text.replace("; ", "\n").replace("output ", "") + "\noutput r = sum(y)*1.5", x=VECTOR), [numbers(N)])


@pytest.mark.parametrize(
    "step",
    [
        "a = a*x + x[j]",
        "a, b = b + x, a*0.5",
        "a, b = b, a",
        "a = sin(a) + b; b = tanh(a*b)",
        "a = a[1..] + a[..-1]; a = concat(a, [x[j]])",
        "a = flip(a)*0.9",
        "a = if j % 2 == 0 { a + b } else { b }",
        "a = a + b[j]; b[j] = a[0]",
        "a = cumsum(a) - b",
        "old = a; a = a*x; b = b + old",
    ],
)  # fmt: skip
def test_arrays_that_a_loop_carries(step: str) -> None:
    """They are computed where they lie only where no element is read after it was overwritten."""
    lines = step.split("; ")
    text = "input x\na = 1*x\nb = 2*x\nfor j in 0..5 {\n    " + "\n    ".join(lines) + "\n}\noutput y = sum(a) + sum(sin(b))"
    for f, args in ((function(text, x=VECTOR), [numbers(N)]), (opened(text), [numbers(N), N])):
        same(f, args)
        gradient(f, args)


SHAPES = [(1, 1, 1), (4, 4, 9), (5, 7, 6), (9, 17, 20), (33, 65, 26), (40, 1, 10), (7, 300, 8), (20, 50, 16), (5, 3, 40)]


@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_matrices(shape: tuple[int, int, int]) -> None:
    m, k, n = shape
    for left, right in itertools.product(("A", "A'"), ("B", "B'")):
        a, b = numbers(m, k), numbers(k, n, seed=1)
        args = [a if left == "A" else a.T.copy(), b if right == "B" else b.T.copy()]
        types = {name: Type("real", v.shape) for name, v in zip("AB", args, strict=True)}
        (y,) = same(function(f"input A\ninput B\noutput y = {left} @ {right}", **types), args)
        np.testing.assert_allclose(y, a @ b, rtol=1e-12, atol=1e-12)
        gradient(function(f"input A\ninput B\noutput y = sum(sin({left} @ {right}))", **types), args)


def test_a_product_over_nothing_is_zero() -> None:
    f = function("input A\ninput B\noutput y = A @ B", A=Type("real", (6, 0)), B=Type("real", (0, 7)))
    assert not same(f, [np.zeros((6, 0)), np.zeros((0, 7))])[0].any()


@pytest.mark.parametrize("text", ["argmin(x)", "argmax(x)", "argmin(x[3..])", "max(x) + argmax(x*x)"])
@pytest.mark.parametrize("kind", ["plain", "ties", "nan", "inf"])
def test_places_of_extremes(text: str, kind: str) -> None:
    x = numbers(N)
    if kind == "ties":
        x = np.round(x)
    elif kind != "plain":
        x[[9, 20]] = float(kind)
    same(function(f"input x\noutput y = 1.0*{text}", x=VECTOR), [x])


@pytest.mark.parametrize("values", [[1.0, 2.0, 0.5, 0.1], [2.0, 2.0, 0.5, 1.0], [np.inf, np.inf, 1.0, 1.0], [np.nan, 1.0, 1.0, 1.0]])
def test_ties_are_counted(values: list[float]) -> None:
    f = function("input x\noutput y = max(x)", x=Type("real", (20,)))
    gradient(f, [np.array(values * 5)])


def test_results_are_the_callers_own() -> None:
    """They are written where they are to lie: those of one run are not those of the next."""
    fast = Native(function("input x\noutput y = 2*x\noutput z = [x[i] + 1 for i in 0..37]", x=VECTOR))
    first = fast.run([numbers(N)])
    kept = [a.copy() for a in first]
    second = fast.run([numbers(N, seed=1)])
    for a, b, c in zip(first, kept, second, strict=True):
        assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_a_failure_leaves_nothing_behind() -> None:
    f = function("input x\ninput n\noutput y = [x[i + n] for i in 0..37]", x=VECTOR, n=INT)
    fast = Native(f)
    with pytest.raises(AdcliError):
        fast.run([numbers(N), 3])
    assert np.array_equal(fast.run([numbers(N), 0])[0], numbers(N))


def test_extents_are_passed_for_arrays() -> None:
    """The adjoint of a recursive function takes its matrix for its extents: the tape holds no matrix."""
    text = """
input A
fn total(M) {
    if len(M) == 1 { return sin(M[0, 0]) }
    return M[0, 0]*total(M[1.., 1..]*2)
}
output y = total(A[0..n, 0..n])"""
    f = function("\ninput n: int" + text, A=Type("real", (5, 5)), n=INT)
    args = [4, numbers(5, 5)]
    gradient(f, args)
    reverse = ad.reverse(f, [1], [0])
    assert not [s for g in functions(reverse) for s in all_compound(g.body) if isinstance(s, Push) and s.value.type.shape]
    (adjoint,) = [g for g in functions(reverse) if g.name == "total_bar"]
    assert all(not p.type.shape for p in adjoint.params), show(reverse)


def test_loops_over_elements_become_vector_code() -> None:
    from adcli.engines.native import llvm

    f = function("input x\ne = exp(x)\noutput y = e/sum(e)", x=VECTOR)
    text = str(llvm.optimised(Module(prepared(f), Limits()).text, 2))
    assert "x double>" in text


def test_scalars_stay_in_order() -> None:
    """A sum that the program writes as a loop is the sum of the program, to the last bit."""
    f = function("input x\ns = 0\nfor v in x { s += v }\noutput s", x=Type("real", (1000,)))
    x = numbers(1000) * 10.0 ** np.arange(1000)[::-1].clip(0, 12)
    assert Native(f).run([x]) == Interpreter(f).run([x])


def test_text_is_deterministic_where_one_loop_stores_several_arrays() -> None:
    f = function("input x\ninput z\ny = 0.6*x + x^3\nw = sin(z)*y\noutput s = sum(tanh(w)*y*exp(-w*w) + hypot(y, w))", x=VECTOR, z=VECTOR)
    second = optimize(ad.reverse(ad.forward(f, [0, 1]), [0, 1], [1]))
    texts, between = set(), []
    for _ in range(8):
        texts.add(Module(prepared(second), Limits()).text)
        between.append([object() for _ in range(37)])  # so that nothing comes to lie where it lay before
    assert len(texts) == 1


def test_what_is_made_of_inputs_is_computed_again() -> None:
    """Neither points minus means nor anything of their size but the product lies on the tape; and no product is made for a sum of rows."""
    text = "fn far(c) = sum(((x - mu[c]) @ Q)^2)\noutput y = sum(far(c) for c in 0..len(mu))"
    types = {"x": Type("real", (50, 6)), "mu": Type("real", (3, 6)), "Q": Type("real", (6, 6))}
    f = function(f"input x: [50, 6]\ninput mu: [3, 6]\ninput Q: [6, 6]\n{text}", **types)
    args = [numbers(50, 6), numbers(3, 6), numbers(6, 6)]
    gradient(f, args)
    reverse = ad.reverse(f, [1], [0])
    every = [s for g in functions(reverse) for s in all_compound(g.body)]
    assert [s.value.type.shape for s in every if isinstance(s, Push) and s.value.type.shape] == [(50, 6)]
    products = [s.out.type.shape for g in functions(reverse) for s in statements(g.body) if isinstance(s, Let) and s.op.name == "matmul"]
    assert sorted(products) == [(6,), (50, 6)], show(reverse)


def test_what_a_function_updates_in_place_is_not_copied() -> None:
    """The adjoint of a large array that a function is lent in each iteration: no copy of it, so the time is linear."""
    program = "fn inner(i) { q = a[i..i + 20]\nreturn sum(q*q) }\nfn part(i) = inner(i)*a[i]\noutput y = sum(part(i) for i in 0..900)"
    f = function("input a\n" + program, a=Type("real", (1000,)))
    gradient(f, [numbers(1000)])
    text = Module(prepared(ad.reverse(f, [0], [0])), Limits()).text
    copies = [line for line in text.splitlines() if "call void @llvm.mem" in line and "i64 8000" in line]
    assert len(copies) <= 1, copies  # what all of it gives, to where the results lie


@pytest.mark.parametrize("n", [0, 1, 2, 3])
@pytest.mark.parametrize(
    "text",
    [
        "w = [x, 2*x, 3*x]; w[0..n] *= x; sum(w*w)",
        "w = [x, 2*x, 3*x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x]; w[0..n] *= x; for i in 0..2 { w[0..n] *= w[1..1 + n] }; sum(w*w)",
        "a = [x*i for i in 0..3]; a[3 - n..] = a[..n]*(x + x); if x > 0 { a[.. step 2] = 2 }; sum(tanh(a))",
    ],
)
def test_sections_that_are_overwritten_before_what_they_gave_is_read(text: str, n: int) -> None:
    """The adjoint of a section is the section of an adjoint, which may be the storage that the next statement writes to."""
    gradient(function(f"input x: real; input n: int; {text}", x=REAL, n=INT), [0.7, n])


@pytest.mark.parametrize("step", ["sin(v)*v", "prod(sin(v))*v", "where(v > 0.35, exp(v), v)*v"])
def test_small_arrays_whose_types_do_not_say_so_on_the_tape(step: str) -> None:
    text = f"input x: real; input v: [3]; input n: int; t = 0; for k in 0..3 {{ t += sum({step}); v = [(3 + x) for i in 0..n] }}; t"
    gradient(function(text, x=REAL, v=Type("real", (3,)), n=INT), [0.1, np.array([0.3, 0.4, 0.5]), 3])
