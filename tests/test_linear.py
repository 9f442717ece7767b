"""Linear algebra, orders and selections as programs see them: derivatives of any order, conventions at ties, errors, axes."""
from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import adcli
from adcli.errors import EvaluationError
from tests.invoke import invoke

CHANCE = np.random.default_rng(3)


def regular(n: int) -> np.ndarray:
    return CHANCE.uniform(0.5, 2.0, (n, n)) + 2 * np.eye(n)


A2, A3, A5 = regular(2), regular(3), regular(5)
SINGULAR2 = np.array([[1.0, 2.0], [2.0, 4.0]])
SINGULAR3 = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]])
RANK1, ZERO3 = np.outer([1.0, 2.0, 3.0], [3.0, -1.0, 2.0]), np.zeros((3, 3))
RANK3, RANK2 = CHANCE.normal(size=(5, 3)) @ CHANCE.normal(size=(3, 5)), CHANCE.normal(size=(5, 2)) @ CHANCE.normal(size=(2, 5))
P3, P5 = A3 @ A3.T, A5 @ A5.T


def symmetric(m: Any) -> Any:
    """The matrix that cholesky reads: the lower triangle of m, mirrored."""
    return mp.matrix([[m[max(i, j), min(i, j)] for j in range(m.cols)] for i in range(m.rows)])


def weighed(m: Any) -> Any:
    """A number that depends on all elements in different ways."""
    return sum(mp.sin(i + 2 * j + 1) * m[i, j] ** 2 for i in range(m.rows) for j in range(m.cols))


WEIGHED = "fn weighed(M) = sum(sin(i + 2*j + 1)*M[i, j]^2 for i in 0..len(M) for j in 0..len(M))\n"
VECTOR = "fn vector(n) = [1/(i + 1.0) for i in 0..n]\n"
# A scalar function of the matrix M in ADL and in mpmath, and where.
FUNCTIONS = {
    "det": ("det(M)", mp.det, [A2, A3, A5, SINGULAR2, SINGULAR3, RANK1, ZERO3, RANK2, RANK3]),
    "logdet": ("logdet(M)", lambda m: mp.log(mp.det(m)), [A2, A3, P5]),
    "inv": ("weighed(inv(M))", lambda m: weighed(m**-1), [A2, A3, A5]),
    "solve": ("norm(solve(M, vector(len(M))))", lambda m: mp.norm(mp.lu_solve(m, [mp.mpf(1) / (i + 1) for i in range(m.rows)])), [A3, A5]),
    "solve-matrix": ("weighed(solve(M, M*M))", lambda m: weighed(m**-1 * m.apply(lambda x: x * x)), [A2, A3]),
    "cholesky": ("weighed(cholesky(M))", lambda m: weighed(mp.cholesky(symmetric(m))), [P3, P5]),
    "trace": ("trace(M@M@M)", lambda m: sum((m**3)[i, i] for i in range(m.rows)), [A3]),
    "cross": ("norm(cross(M[0], M[1]))", lambda m: mp.norm([m[0, 1] * m[1, 2] - m[0, 2] * m[1, 1], m[0, 2] * m[1, 0] - m[0, 0] * m[1, 2],
                                                         m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0]]), [A3]),
    "triangles": ("weighed(tril(M)@triu(M))", lambda m: weighed(triangle(m, 1) * triangle(m, -1)), [A3]),
}  # fmt: skip
PLACES = [pytest.param(name, at, id=f"{name}-{k}") for name, (_, _, places) in FUNCTIONS.items() for k, at in enumerate(places)]


def triangle(m: Any, sign: int) -> Any:
    return mp.matrix([[m[i, j] if sign * (i - j) >= 0 else 0 for j in range(m.cols)] for i in range(m.rows)])


def along(name: str, at: np.ndarray, by: np.ndarray, order: int) -> float:
    """The derivative of that order along a direction, by 60 digits."""
    f = FUNCTIONS[name][1]
    with mp.workdps(60):
        return float(mp.diff(lambda t: f(mp.matrix(at.tolist()) + t * mp.matrix(by.tolist())), 0, order))


def program(name: str, *steps: str) -> adcli.Program:
    """The derivatives named of t ↦ f(A + t·B) at 0, one inside the other: "grad" or "jvp"."""
    text = f"input A: [n, n]\ninput B: [n, n]\n{WEIGHED}{VECTOR}fn f(M) = {FUNCTIONS[name][0]}\nfn d0(t) = f(A + t*B)\n"
    for k, step in enumerate(steps):
        text += f"fn d{k + 1}(t) = {step}(d{k}, t{', 1' if step == 'jvp' else ''})\n"
    return adcli.compile(f"{text}d{len(steps)}(0)")


@pytest.mark.parametrize("steps", [("grad",), ("jvp",), ("grad", "grad"), ("jvp", "grad"), ("grad", "jvp", "grad"), ("jvp", "jvp", "jvp")])
@pytest.mark.parametrize(("name", "at"), PLACES)
def test_derivatives_of_any_order(name: str, at: np.ndarray, steps: tuple[str, ...]) -> None:
    by = np.random.default_rng(len(at)).uniform(-1, 1, at.shape)
    want = along(name, at, by, len(steps))
    assert program(name, *steps).value(A=at, B=by) == pytest.approx(want, rel=1e-9, abs=1e-10 * scale(at))


def test_a_fourth_derivative_of_a_determinant() -> None:
    by = CHANCE.uniform(-1, 1, (5, 5))
    assert program("det", "jvp", "grad", "jvp", "grad").value(A=RANK2, B=by) == pytest.approx(along("det", RANK2, by, 4), rel=1e-9)


def scale(at: np.ndarray) -> float:
    return 1.0 + float(np.abs(at).max()) ** len(at)


@pytest.mark.parametrize(("name", "at"), [p for p in PLACES if len(p.values[1]) <= 3])
def test_hessian_is_symmetric_and_differences_of_gradients(name: str, at: np.ndarray) -> None:
    f = program(name)
    n = at.size
    zero = np.zeros(at.shape)
    hessian = np.array(f.hessian(A=at, B=zero)["A"]["A"]).reshape(n, n)
    h = 1e-6
    columns = []
    for k in range(n):
        by = h * np.eye(n)[k].reshape(at.shape)
        ends = [np.array(f.gradient(A=at + s * by, B=zero)["A"]).ravel() for s in (1, -1)]
        columns.append((ends[0] - ends[1]) / (2 * h))
    tolerance = {"rtol": 1e-5, "atol": 1e-6 * scale(at)}
    assert np.allclose(hessian, hessian.T, rtol=1e-9, atol=1e-11 * scale(at))
    assert np.allclose(hessian, columns, **tolerance)


def test_a_large_determinant() -> None:
    a = CHANCE.normal(size=(30, 30))
    f = adcli.compile("det(A)")
    assert f.value(A=a) == pytest.approx(np.linalg.det(a), rel=1e-10)
    assert np.allclose(f.gradient(A=a)["A"], np.linalg.det(a) * np.linalg.inv(a).T, rtol=1e-8)


def test_whole_numbers_stay_whole() -> None:
    f = adcli.compile("det(A)")
    assert f.value(A=SINGULAR3) == 0.0
    assert np.array_equal(f.gradient(A=SINGULAR3)["A"], [[-3, 6, -3], [6, -12, 6], [-3, 6, -3]])
    assert adcli.compile("det(zeros(0, 0))").value() == 1.0


# Extents that only the run knows.
OPEN = "input k: int = 100\nA = A[..min(k, len(A)), ..]\n"
VALUES = [
    ("trace(A)", lambda a: np.trace(a)), ("inv(A)", np.linalg.inv), ("cross(A[0], A[1])", lambda a: np.cross(a[0], a[1])),
    ("tril(A)", np.tril), ("triu(A)", np.triu), ("diag(A)", np.diag), ("diag(A[0])", lambda a: np.diag(a[0])),
    ("outer(A[0], A[1])", lambda a: np.outer(a[0], a[1])), ("solve(A, A')", lambda a: np.linalg.solve(a, a.T)),
    ("logdet(A)", lambda a: np.linalg.slogdet(a)[1]), ("cholesky(A@A')", lambda a: np.linalg.cholesky(a @ a.T)),
    ("range(4)", lambda a: np.arange(4)), ("range(2, 5)", lambda a: np.arange(2, 5)), ("range(5, 0, -2)", lambda a: np.arange(5, 0, -2)),
    ("prod(A)", np.prod), ("var(A)", np.var), ("any(A > 9)", lambda a: False), ("all(A > 0)", lambda a: True),
    ("argmax(A)", np.argmax), ("argmin(A)", np.argmin), ("sort(A[1])", lambda a: np.sort(a[1])),
    ("cumprod(A[0])", lambda a: np.cumprod(a[0])),
    ("softmax(A)", lambda a: np.exp(a) / np.exp(a).sum(1, keepdims=True)), ("flip(A[0])", lambda a: a[0, ::-1]),
    ("log_softmax(A)", lambda a: a - np.log(np.exp(a).sum(1, keepdims=True))), ("cumsum(A[0])", lambda a: np.cumsum(a[0])),
]  # fmt: skip


@pytest.mark.parametrize(("text", "want"), VALUES, ids=[text for text, _ in VALUES])
@pytest.mark.parametrize("declared", ["input A: [3, 3]\n", "input A: [3, 3]\n" + OPEN], ids=["known", "open"])
def test_values(text: str, want: Any, declared: str) -> None:
    assert np.allclose(adcli.compile(declared + text).value(A=A3), want(A3), rtol=1e-13, atol=0)


ALONG = {
    "sum": np.sum, "prod": np.prod, "mean": np.mean, "var": np.var, "max": np.max, "min": np.min, "argmax": np.argmax, "argmin": np.argmin,
    "cumsum": np.cumsum, "cumprod": np.cumprod, "sort": np.sort, "flip": np.flip, "norm": lambda x, axis: np.linalg.norm(x, axis=axis),
    "logsumexp": lambda x, axis: np.log(np.exp(x).sum(axis)), "softmax": lambda x, axis: np.exp(x) / np.exp(x).sum(axis, keepdims=True),
    "log_softmax": lambda x, axis: x - np.log(np.exp(x).sum(axis, keepdims=True)), "any": lambda x, axis: np.any(x, axis=axis),
    "all": lambda x, axis: np.all(x, axis=axis),
}  # fmt: skip
TENSOR = CHANCE.uniform(-2.0, 2.0, (2, 3, 4))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
@pytest.mark.parametrize("name", ALONG)
@pytest.mark.parametrize("declared", ["", OPEN.replace("A", "T")], ids=["known", "open"])
def test_axes(name: str, axis: int, declared: str) -> None:
    given = "T > -1" if name in ("any", "all") else "T"
    got = adcli.compile(f"{declared}{name}({given}, axis={axis})").value(T=TENSOR)
    want = ALONG[name](TENSOR > -1 if given != "T" else TENSOR, axis=axis)
    assert np.shape(got) == want.shape and np.allclose(got, want, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("axis", [-1, -2])
@pytest.mark.parametrize("name", ["stack", "concat"])
def test_joining_along_axes_from_the_end(name: str, axis: int) -> None:
    want = np.stack([A3, A3.T], axis) if name == "stack" else np.concatenate([A3, A3.T], axis)
    assert np.array_equal(adcli.compile(f"{name}(A, A', axis={axis})").value(A=A3), want)


SMOOTH_ALONG = [name for name in ALONG if name not in ("any", "all", "argmax", "argmin")]


@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("name", SMOOTH_ALONG)
def test_derivatives_along_axes(name: str, axis: int) -> None:
    text = f"input T: [k, m, n]\ninput D: [k, m, n]\nfn f(t) = sum(sin({name}(T + t*D, axis={axis})))\n"
    by = CHANCE.uniform(-1, 1, TENSOR.shape)
    first, second = (adcli.compile(text + f"grad({f}, 0)").value(T=TENSOR, D=by) for f in ("f", "s -> jvp(f, s, 1)"))

    def f(t: float) -> float:
        return float(np.sum(np.sin(ALONG[name](TENSOR + t * by, axis=axis))))

    assert first == pytest.approx((f(1e-5) - f(-1e-5)) / 2e-5, rel=1e-6, abs=1e-6)
    assert second == pytest.approx((f(1e-3) - 2 * f(0) + f(-1e-3)) / 1e-6, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("at", [[0.0, 2.0, 3.0], [0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [2.0, 3.0, 5.0]])
def test_products_with_zeros(at: list[float]) -> None:
    a, b, c = at
    f = adcli.compile("prod(v)")
    assert f.gradient(v=at)["v"].tolist() == [b * c, a * c, a * b]
    assert np.array_equal(f.hessian(v=at)["v"]["v"], [[0, c, b], [c, 0, a], [b, a, 0]])
    third = adcli.compile("input v: [3]\nfn f(a, b, c) = cumprod([v[0] + a, v[1] + b, v[2] + c])[2]\n"
                          "grad(a -> grad(b -> grad(c -> f(a, b, c), 0), 0), 0)")  # fmt: skip
    assert third.value(v=at) == 1.0


def flags(f: adcli.Program) -> list[tuple[str, str]]:
    return [(flag.code, flag.op) for flag in f.flags]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_ties(mode: str) -> None:
    f = adcli.compile("sum(sort(v)*[1, 10, 100])")
    assert f.gradient({"v": [2, 1, 2]}, mode=mode)["v"].tolist() == [10.0, 1.0, 100.0]
    assert flags(f) == [("nondifferentiable", "sort")]
    assert f.gradient({"v": [3, 1, 2]}, mode=mode)["v"].tolist() == [100.0, 1.0, 10.0]
    assert flags(f) == []
    f = adcli.compile("v[argmax(v)]*v[argmin(v)]")
    assert f.gradient({"v": [2, 1, 2, 1]}, mode=mode)["v"].tolist() == [1.0, 2.0, 0.0, 0.0]
    assert set(flags(f)) == {("nondifferentiable", "argmax"), ("nondifferentiable", "argmin")}
    assert f.gradient({"v": [2, 1, 3, 4]}, mode=mode)["v"].tolist() == [0.0, 4.0, 0.0, 1.0]
    assert flags(f) == []


def test_constant_ties_are_no_flags() -> None:
    f = adcli.compile("x*sort([2, 1, 2])[0]*argmax([1, 1, 0])")
    f.gradient(x=1)
    assert [c for c in flags(f) if c[0] != "no-path"] == []


def test_kinds_of_results() -> None:
    assert adcli.compile("any([1, 0])").value() is True and adcli.compile("all([1, 0])").value() is False
    assert type(adcli.compile("argmax([1, 2])").value()) is int
    assert adcli.compile("a = [5, 7, 6]; a[argmax(a)] + range(3)[argmin(a) + 1]").value() == 8.0
    assert adcli.compile("any(zeros(0))").value() is False and adcli.compile("all(zeros(0))").value() is True
    assert adcli.compile("prod(zeros(0))").value() == 1.0


def test_logdet_outside_its_domain() -> None:
    f = adcli.compile("logdet(A)")
    assert math.isnan(f.value(A=[[0, 1], [1, 0]])) and f.value(A=SINGULAR2) == -math.inf
    assert np.all(np.isnan(f.gradient(A=[[0, 1], [1, 0]])["A"]))
    assert ("domain", "logdet") in flags(f)
    with pytest.raises(EvaluationError, match="singular"):
        f.gradient(A=SINGULAR2)


SINGULAR = [
    "solve([[1, 2], [2, 4]], [1, 2])", "inv([[1, 2, 3], [4, 5, 6], [7, 8, 9]])", "inv(zeros(2, 2))", "inv([[0]])",
    "solve([[1e-200, 2e-200], [1, 2]], [1, 2])", "solve([[1, 1], [1, 1 + 2e-16]], [1, 2])",
]  # fmt: skip


@pytest.mark.parametrize("text", SINGULAR)
def test_singular_matrices(text: str) -> None:
    done = invoke(["eval", text])
    assert done.code == 5 and "error[singular-matrix]: the matrix is singular" in done.err and "<program>:1:1" in done.err


@pytest.mark.parametrize("text", ["inv([[1e-200, 0], [0, 1e200]])", "inv([[1e17, 1], [0, 1e-17]])", "inv([[1, 1e17], [0, 1]])",
                                  "solve([[1, 1], [1, 1 + 1e-14]], [1, 2])", "inv(zeros(0, 0))"])  # fmt: skip
def test_badly_scaled_matrices_are_not_singular(text: str) -> None:
    assert invoke(["eval", text]).code == 0


@pytest.mark.parametrize("text", ["cholesky([[1, 2], [2, 1]])", "cholesky(zeros(2, 2))", "cholesky([[-1]])"])
def test_not_positive_definite(text: str) -> None:
    done = invoke(["eval", text])
    assert done.code == 5 and "error[not-positive-definite]" in done.err


def test_nan_goes_through() -> None:
    for text in ("inv(A)", "cholesky(A)", "solve(A, [1, 2])", "det(A)", "logdet(A)"):
        assert np.any(np.isnan(adcli.compile(text).value(A=[[math.nan, 0.0], [0.0, 1.0]])))


def test_cholesky_reads_the_lower_triangle() -> None:
    f = adcli.compile("sum(cholesky(A))")
    assert f.value(A=[[4, 99], [2, 5]]) == f.value(A=[[4, 2], [2, 5]]) == 5.0
    assert f.gradient(A=[[4, 99], [2, 5]])["A"][0][1] == 0.0


# What the type says is wrong, and what only the run can tell.
WRONG = [
    ("det([[1, 2, 3], [4, 5, 6]])", 3, "det takes a square matrix, not shape [2, 3]"),
    ("trace([1, 2])", 3, "trace takes a square matrix, not shape [2]"),
    ("inv([1])", 3, "inv takes a square matrix, not shape [1]"),
    ("solve([[1, 2], [3, 4]], [1, 2, 3])", 3, "shapes [2, 2] and [3] do not fit"),
    ("cross([1, 2], [1, 2])", 3, "cross takes vectors of length 3, not shapes [2] and [2]"),
    ("outer([[1]], [1])", 3, "outer takes vectors, not [1, 1]"),
    ("tril([1, 2])", 3, "tril takes matrices, not [2]"),
    ("sort([[1, 2]])", 3, "sort of an array with 2 axes"),
    ("cumprod([[1, 2]])", 3, "cumprod of an array with 2 axes"),
    ("argmax(3)", 3, "argmax takes an array, not a number"),
    ("any(3)", 3, "any takes an array, not a number"),
    ("inv(3)", 3, "inv takes an array, not a number"),
    ("solve([[1]])", 3, "solve takes 2 arguments, not 1"),
    ("var([1, 2], axis=1)", 3, "axis 1 of an array of shape [2]"),
    ("sort([1, 2], axis=-2)", 3, "axis -2 of an array of shape [2]"),
    ("det([[1]], axis=0)", 3, "det has no named argument 'axis'"),
    ("range(3, 4, 0)", 3, "the step of range is zero"),
    ("argmax(zeros(0))", 5, "argmax of an empty array"),
    ("input k: int = 2\nA = ones(k, k + 1)\ndet(A)", 5, "must be equal, but are 2 and 3"),
    ("input k: int = 2\ntrace(zeros(k, 3))", 5, "must be equal, but are 2 and 3"),
    ("input k: int = 2\nsolve(eye(k), zeros(k + 1))", 5, "must be equal, but are 2 and 3"),
    ("input k: int = 2\ncross(zeros(k), [1, 2, 3])", 5, "must be equal, but are 2 and 3"),
    ("input k: int = 0\nargmin(zeros(k))", 5, "argmin of an empty array"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "code", "message"), WRONG, ids=[text for text, _, _ in WRONG])
def test_errors(text: str, code: int, message: str) -> None:
    done = invoke(["eval", "-e", text])
    assert done.code == code and message in done.err, done.both
