"""Forward and reverse mode against each other and against differences, over programs that use every statement of the IR."""
from __future__ import annotations

import numpy as np
import pytest

from adcli import ad
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.errors import Source
from adcli.ir.build import const
from adcli.ir.check import check
from adcli.ir.nodes import Call, Const, For, Function, Let, Pop, Push, Statement
from adcli.ir.types import REAL, Type
from adcli.ir.walk import blocks, functions, statements
from adcli.lower import lower
from adcli.passes import optimize, storage
from adcli.syntax import parse

PROGRAMS = {
    "formula": ("x*y + sin(x)/y - x^3", {"x": 0.7, "y": 1.3}),
    "loop": ("for i in 0..7 { x = y*x*(1 - x) + 0.01*sin(x) }\nx", {"x": 0.3, "y": 2.7}),
    "loop index": ("s = 0\nfor i in 1..=5 { s += x^i/i }\ns", {"x": 0.8}),
    "nested loops": (
        "s = 1\nfor i in 0..4 { t = x\nfor j in 0..i { t = t*sin(t + j*s) + y }\ns = s + t/(1 + s*s) }\ns",
        {"x": 0.6, "y": 0.2},
    ),
    "while": ("z = 1\nwhile abs(z*z - x) > 1e-12 { z = 0.5*(z + x/z) }\nz*y", {"x": 2.0, "y": 3.0}),
    "break": ("s = 0\nfor i in 0..100 { s += x/(i + 1)\nif s > 2 { break }\ns = s*y }\ns", {"x": 0.9, "y": 1.1}),
    "continue": ("s = 0\nfor i in 0..10 { if i % 3 == 0 { continue }\ns = s*x + sin(y*i) }\ns", {"x": 0.9, "y": 1.1}),
    "branch": ("if x > y { z = x^2*y } else { z = sin(x*y) + y^3 }\nz*x", {"x": 0.5, "y": 1.5}),
    "branch in loop": ("s = x\nfor i in 0..6 { if s > 1 { s = s/2 + y*s } else { t = s*y\ns = t*t + 1 } }\ns", {"x": 0.5, "y": 0.4}),
    "recursion": ("fn p(x, n) { if n == 0 { return 1 }\nreturn x*p(x, n - 1) + sin(x) }\np(x, 6)*y", {"x": 1.1, "y": 2.0}),
    "mutual recursion": (
        "fn even(x, n) { if n <= 0 { return x }\nreturn sin(odd(x*x, n - 1)) }\n"
        "fn odd(x, n) { if n <= 0 { return 1/x }\nreturn even(x + 1, n - 1)*x }\n"
        "even(x, 5) + odd(y, 4)",
        {"x": 0.6, "y": 0.8},
    ),
    "functions": ("fn f(a, b) = a*sin(b) + k\nk = x\nu = f(x, y)\nk = u*u\nf(u, x) + f(y, y)", {"x": 0.6, "y": 0.9}),
    "early return": ("fn f(x) { for i in 0..10 { x = x*1.5\nif x > 4 { return x*x } }\nreturn x }\nf(x) + f(0.01*y)", {"x": 0.6, "y": 0.9}),
    "array loop": ("p = 1\nfor i in 0..len(v) { p = p*v[i] + sin(v[i]) }\np", {"v": [0.5, -1.2, 0.7, 2.0]}),
    "array update": ("a = v\nfor i in 1..len(v) { a[i] = a[i - 1]*v[i] + sin(a[i]) }\nsum(a) + a[2]*v[0]", {"v": [0.5, -1.2, 0.7, 2.0]}),
    "in place": ("a = v\na[0] = a[0]*a[1]\na[0] = sin(a[0])\na[1] *= a[0]\nsum(a*v)", {"v": [0.5, -1.2, 0.7]}),
    "plasticity": ("f = zeros(5)\nf[0] = x\nfor i in 0..4 { f[i + 1] = f[i]*y + sin(f[i]) }\nf[4]", {"x": 0.4, "y": 0.8}),
    "broadcast": ("sum((A*v + y)*A)", {"A": [[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]], "v": [0.5, -1.2, 0.7], "y": 0.4}),
    "matrices": ("B = A @ A'\nsum(B @ B) + dot(A @ v, A @ v)", {"A": [[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]], "v": [0.5, -1.2, 0.7]}),
    "reductions": ("logsumexp(v) + norm(v)*max(v) - min(v)*mean(v) + sum(softmax(v)*v) + prod(v)", {"v": [0.5, -1.2, 0.7, 2.0]}),
    "axes": ("dot(sum(A, axis=0), softmax(A[1, ..])) + sum(max(A, axis=1)*sum(A, axis=1))", {"A": [[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]]}),
    "slices": (
        "b = v[1..4]*v[..3]\nb[0..2] = b[1..3]*2\nc = concat(b, v)\nsum(c*c) + sum(v[.. step -1]*v)",
        {"v": [0.5, -1.2, 0.7, 2.0]},
    ),
    "rows": ("s = zeros(3)\nfor row in A { s = s*row + sin(row) }\nsum(s)", {"A": [[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]]}),
    "comprehension": (
        "a = [v[i]*v[i + 1] for i in 0..3]\nsum(a[i]^2*i for i in 0..3) + max(a[i] for i in 0..3)", {"v": [0.5, -1.2, 0.7, 2.0]},
    ),
    "recursive sum": ("fn s(a, i) { if i == len(a) { return 0 }\nreturn a[i]*a[i] + s(a, i + 1) }\ns(v, 0)", {"v": [0.5, -1.2, 0.7, 2.0]}),
    "row argument": ("fn g(r) = sum(r*r)*r[0]\nt = 0\nfor i in 0..2 { t += g(A[i]) }\nt", {"A": [[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]]}),
    "what is computed again": (
        "fn far(c, w) { d = A - B[c]\nreturn sum(w*(d @ A')^2) + sum(d^3) }\nt = 0\nfor c in 0..2 { t += far(c, x)*y }\nt",
        {"A": [[1.0, 2.0, 0.5], [0.3, -1.0, 2.0]], "B": [[0.5, 0.1, -1.0], [1.5, 0.4, 0.2]], "x": 0.4, "y": 0.8},
    ),
    "sums of products": (
        "d = v - u\ne = A @ (B - d) @ C\nf = e + u\nsum(tanh(f))*x + sum(-(B @ C) + u)",
        {"A": [[1.0, 0.5], [0.3, -1.0], [0.2, 0.6]], "B": [[0.5, 0.1, -1.0], [1.5, 0.4, 0.2]],
         "C": [[0.1, 0.3, 0.5], [0.2, -0.4, 0.7], [1.0, 0.6, -0.2]], "v": [0.5, -1.2, 0.7], "u": [0.1, 0.2, 0.3], "x": 0.7},
    ),
    "array state": ("z = [x, y]\nfor i in 0..5 { k = [z[1], -sin(z[0])]\nz = z + 0.1*(k + 0.5*k*z) }\nz[0]*z[1]", {"x": 0.4, "y": 0.8}),
    "swap": ("a, b = x, y\nfor i in 0..5 { a, b = (a + b)/2, sqrt(a*b) }\na*b", {"x": 1.4, "y": 0.8}),
    "heap sort": (
        "fn sift(a, root, end) { while 2*root + 1 <= end {\nchild = 2*root + 1\nbest = root\nif a[best] < a[child] { best = child }\n"
        "if child + 1 <= end and a[best] < a[child + 1] { best = child + 1 }\nif best == root { return a }\n"
        "a[root], a[best] = a[best], a[root]\nroot = best }\nreturn a }\n"
        "n = len(v)\na = v\nfor k in 0..n//2 { a = sift(a, n//2 - 1 - k, n - 1) }\n"
        "for k in 0..n - 1 { a[0], a[n - 1 - k] = a[n - 1 - k], a[0]\na = sift(a, 0, n - 2 - k) }\nsum(a[i]^(i + 1) for i in 0..n)",
        {"v": [0.5, 1.2, 0.7, 2.0, 0.1]},
    ),
    "where": ("sum(where(v > 0, sqrt(abs(v)), v^2)) + where(x > 0, x^2, 1/x)", {"v": [0.5, -1.2, 0.7, 2.0], "x": 0.3}),
}  # fmt: skip


def compiled(text: str, at: dict[str, object]) -> tuple[Function, list[object]]:
    source = Source(text)
    values = [float(v) if isinstance(v, float) else np.array(v, dtype=float) for v in at.values()]
    types = {n: REAL if isinstance(v, float) else Type("real", np.shape(v)) for n, v in zip(at, values, strict=True)}
    f = lower(parse(source), source, types)
    order = [p.name for p in f.params]
    check(f)
    f = optimize(f)
    check(f)
    return f, [values[list(at).index(n)] for n in order]


def run(f: Function, args: list[object]) -> list[object]:
    check(f)
    return Interpreter(f, Limits()).run(args)


def gradient(f: Function, args: list[object]) -> np.ndarray:
    g = ad.reverse(f, range(len(args)), (0,))
    check(storage(g))
    return flat(run(g, [*args, 1.0])[len(f.body.results) :])


def flat(values: list[object]) -> np.ndarray:
    return np.concatenate([np.ravel(v) for v in values])


def unit(args: list[object]) -> list[list[object]]:
    """The directions along every element of every argument."""
    out = []
    for k, a in enumerate(args):
        for n in range(np.size(a)):
            e = [0.0 if isinstance(b, float) else np.zeros_like(b) for b in args]
            e[k] = 1.0 if isinstance(a, float) else np.eye(np.size(a))[n].reshape(np.shape(a))
            out.append(e)
    return out


def moved(args: list[object], along: list[object], h: float) -> list[object]:
    return [a + h * d for a, d in zip(args, along, strict=True)]


@pytest.mark.parametrize("name", PROGRAMS)
def test_forward_is_reverse_is_differences(name: str) -> None:
    f, args = compiled(*PROGRAMS[name])
    g = gradient(f, args)
    d = ad.forward(f, range(len(args)))
    tangents = np.array([run(d, [*args, *e])[1] for e in unit(args)])
    np.testing.assert_allclose(tangents, g, rtol=1e-12, atol=1e-13)

    def richardson(e: list[object]) -> float:
        def central(h: float) -> float:
            return (run(f, moved(args, e, h))[0] - run(f, moved(args, e, -h))[0]) / (2 * h)

        return (4 * central(5e-5) - central(1e-4)) / 3

    np.testing.assert_allclose(g, [richardson(e) for e in unit(args)], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", PROGRAMS)
def test_hessian_is_symmetric_and_is_the_difference_of_gradients(name: str) -> None:
    f, args = compiled(*PROGRAMS[name])
    d = ad.forward(f, range(len(args)))
    h = ad.reverse(d, range(len(args)), (len(f.body.results),))
    size = len(d.body.results)
    rows = np.array([flat(run(h, [*args, *e, 1.0])[size:]) for e in unit(args)])
    np.testing.assert_allclose(rows, rows.T, rtol=1e-9, atol=1e-9)
    step = 1e-5
    differences = [(gradient(f, moved(args, e, step)) - gradient(f, moved(args, e, -step))) / (2 * step) for e in unit(args)]
    np.testing.assert_allclose(rows, differences, rtol=2e-5, atol=2e-6)


def executed(f: Function) -> list[Statement]:
    return list(statements(f.body))


def test_a_structural_zero_is_no_number() -> None:
    f, _ = compiled("input x\ninput y\nx*x", {"x": 1.0, "y": 2.0})
    g = ad.reverse(f, (0, 1), (0,))
    assert g.of.paths == (True, False)
    assert isinstance(g.body.results[2], Const)


def test_lanes_not_chosen_have_no_influence() -> None:
    f, args = compiled("sum(where(v > 0, log(v), 0))", {"v": [0.0, 1.0, 2.0]})
    assert gradient(f, args).tolist() == [0.0, 1.0, 0.5]
    f, args = compiled("t = log(v)*3\nsum(where(v > 0, t*v, 0))", {"v": [0.0, 1.0, 2.0]})
    assert gradient(f, args)[0] == 0.0


def test_an_independent_loop_tapes_nothing() -> None:
    f, _ = compiled("s = 0\nfor i in 0..9 { s += sin(x*i)*cos(v[i]) }\ns", {"x": 0.3, "v": [0.1] * 9})
    g = ad.reverse(f, (0, 1), (0,))
    assert not any(isinstance(s, Push | Pop) for s in executed(g))


def test_a_loop_that_changes_an_array_tapes_scalars_only() -> None:
    f, _ = compiled("a = v\nfor i in 1..len(v) { a[i] = a[i]*sin(a[i - 1]) }\nsum(a)", {"v": [0.1] * 9})
    g = ad.reverse(f, (0,), (0,))
    pushed = [s.value for s in executed(g) if isinstance(s, Push)]
    assert pushed and not any(v.type.shape for v in pushed)


def test_array_updates_in_loops_write_in_place() -> None:
    f, _ = compiled("a = v\nfor i in 1..len(v) { a[i] = a[i]*sin(a[i - 1]) }\nsum(a)", {"v": [0.1] * 9})
    planned = storage(ad.reverse(f, (0,), (0,)))
    loops = [s for s in planned.body.statements if isinstance(s, For)]
    inside = [t for s in loops for b in blocks(s) for t in statements(b) if isinstance(t, Let)]
    assert [t.inplace for t in inside if t.op.name in ("update", "addat")] == [True] * 4
    assert not any(t.op.name == "copy" for t in inside)


def test_recursion_over_an_array_passes_no_array_it_does_not_read() -> None:
    f, _ = compiled(PROGRAMS["recursive sum"][0], {"v": [0.1] * 5})
    g = ad.reverse(f, (0,), (0,))
    adjoint = next(h for h in functions(g) if h.name.endswith("_bar") and h is not g)
    assert all(p.name.endswith("_bar") for p in adjoint.params if p.type.shape), "arrays are passed only as running adjoints"
    assert any(isinstance(s, Call) for s in executed(adjoint))


def test_values_that_share_storage_stay_apart() -> None:
    f, args = compiled("b = v\nb[0] = 7\nsum(v*v) + b[0]*v[1]", {"v": [2.0, 3.0]})
    assert run(f, args)[0] == 13.0 + 21.0
    assert gradient(f, args).tolist() == [4.0, 13.0]
    assert args[0].tolist() == [2.0, 3.0], "inputs are never written to"


def test_constants_fold_only_where_nothing_is_lost() -> None:
    f, _ = compiled("x + 1/0 + 2*3", {"x": 1.0})
    names = [s.op.name for s in executed(f) if isinstance(s, Let)]
    assert "div" in names and "mul" not in names
    assert const(True).type.elem == "bool"
