"""Arrays are values: what shares storage with another array on its way through a branch, a loop, a call or a tape keeps its numbers."""
from __future__ import annotations

import numpy as np
import pytest

import adcli

HEAD = "input x; input c: int = 3; a = [x, 2*x]; "
WRITE = "; a[0] = 100*x; "
KEPT = {
    "branch": "v = if c > 0 { a } else { [x, x] }" + WRITE + "output y = v[0] + a[0]",
    "loop": "v = [x, x]; for i in 0..c { v = a }" + WRITE + "output y = v[0] + a[0]",
    "while": "v = [x, x]; while c > 0 { v = a; c -= 1 }" + WRITE + "output y = v[0] + a[0]",
    "call": "fn f(a) { if c > 0 { return a } else { return 2*a } }; v = f(a)" + WRITE + "output y = v[0] + a[0]",
    "recursion": "fn f(a, n) { if n == 0 { return a } else { return f(a, n - 1) } }; v = f(a, c)" + WRITE + "output y = v[0] + a[0]",
    "view of a branch": "v = (if c > 0 { a } else { [x, x] })[..1]" + WRITE + "output y = v[0] + a[0]",
    "branch within a loop": "s = 0; for i in 0..c { v = if i > 0 { a } else { [x, x] }; a[0] += x; s += v[0] }; output y = s",
}
TAPED = {
    "branch": "v = if c > 0 { a } else { [x, x] }; s = dot(v, v^2)" + WRITE + "output y = s + dot(a, a^2)",
    "call": "fn g(u) = dot(u, u^2); s = g(a)" + WRITE + "output y = s + g(a)",
    "call of a call": "fn h(u) = u[0]*u[1]; fn g(u) = dot(u, u)*h(u); s = g(a[..2])" + WRITE + "output y = s + g(a)",
    "view in a call": "fn g(M) = dot(M[0], M[1]*M[0]); M = [a, a]; s = g(M); for j in 0..c { M[j % 2, 0] = j*x; s += g(M) }; output y = s",
}


@pytest.mark.parametrize("name", KEPT)
def test_values_are_kept(name: str) -> None:
    want = {"branch within a loop": 1 + 2 + 3}.get(name, 1 + 100)
    program = adcli.compile(HEAD + KEPT[name])
    assert program.value(x=2.0) == 2.0 * want
    assert program.gradient(x=2.0)["x"] == want


@pytest.mark.parametrize("name", TAPED)
def test_tapes_are_kept(name: str) -> None:
    program = adcli.compile(HEAD + TAPED[name])
    forward = program.gradient(x=2.0, mode="forward")["x"]
    assert program.gradient(x=2.0)["x"] == pytest.approx(forward, rel=1e-14)
    h = 1e-5
    difference = (program.value(x=2 + h) - program.value(x=2 - h)) / (2 * h)
    assert forward == pytest.approx(difference, rel=1e-7)


def test_a_minor_changed_in_place() -> None:
    text = """
        input A: [n]
        input ell: int
        fn minors(M) {
            if len(M) == 2 { return dot(M[0], [M[1, 1], -M[1, 0]]) }
            rest = M[1.., 1..]
            total = M[0, 0]*minors(rest)
            for j in 1..len(M) {
                rest[.., j - 1] = M[1.., j - 1]
                term = M[0, j]*minors(rest)
                total += if j % 2 == 0 { term } else { -term }
            }
            return total
        }
        output determinant = minors(reshape(A, ell, ell))
    """
    A = np.random.default_rng(4).random((5, 5))
    program = adcli.compile(text)
    assert program.value(A=A.ravel(), ell=5) == pytest.approx(np.linalg.det(A), rel=1e-12)
    want = np.linalg.det(A) * np.linalg.inv(A).T
    assert np.allclose(program.gradient(A=A.ravel(), ell=5)["A"], want.ravel(), rtol=1e-11, atol=0)
