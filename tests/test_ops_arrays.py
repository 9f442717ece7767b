"""Operations on arrays: forward against reverse by the dot product, both against differences, and values against NumPy.

The controls show that the check can fail: each rule negated or doubled must.
"""
from __future__ import annotations

import math

import numpy as np
import pytest

from adcli import ops
from adcli.ad import forward, reverse
from adcli.engines.interpret import Interpreter
from adcli.errors import Span
from adcli.ir.build import Builder
from adcli.ir.nodes import Const, Function, Let, Var
from adcli.ir.types import RULES, Type
from adcli.ops.arrays import form
from adcli.ops.record import Op

SPAN = Span(0, 1)
CHANCE = np.random.default_rng(20)


def real(*shape: int) -> np.ndarray:
    return CHANCE.uniform(0.5, 2.0, shape)


V3, V4, M34, M23, T234 = real(3), real(4), real(3, 4), real(2, 3), real(2, 3, 4)
# Of full rank, of rank 2 and 3, and positive definite.
S3, S4 = real(3, 3) + 3 * np.eye(3), real(4, 4) + 3 * np.eye(4)
R3, R4 = real(3, 2) @ real(2, 3), real(4, 3) @ real(3, 4)
P3, P4 = S3 @ S3.T, S4 @ S4.T

# Operation, arguments (reals are differentiated, ints are constants), attributes.
CASES: list[tuple[str, list[object], tuple[object, ...]]] = [
    ("add", [V3, M23], ()), ("sub", [2.0, V3], ()), ("mul", [M23, V3], ()), ("div", [V3, 2.0], ()), ("pow", [M34, real(3, 1)], ()),
    ("maximum", [V3, 1.2], ()), ("clip", [V4, 0.8, real(4)], ()), ("hypot", [V3, M23], ()), ("atan2", [V3, V3[::-1].copy()], ()),
    ("sin", [M23], ()), ("ln", [V3], ()), ("sigmoid", [T234], ()), ("digamma", [V3], ()), ("logaddexp", [V3, 1.0], ()),
    ("select", [np.array([True, False, True]), V3, real(3)], ()), ("full", [2.5, 2, 3], ()), ("linspace", [1.0, 3.0, 5], ()),
    ("linspace", [1.0, 3.0, 1], ()), ("stack", [1.0, 2.0], (0,)), ("stack", [V3, real(3)], (0,)), ("stack", [V3, real(3)], (1,)),
    ("concat", [V3, V4], (0,)), ("concat", [M34, real(3, 2)], (1,)), ("copy", [V3], ()),
    ("index", [V3, 1], ("i",)), ("index", [M34, -1], ("i",)), ("index", [M34, 2, 1], ("ii",)), ("index", [M34, 1, 2, 1, 3], ("si",)),
    ("index", [V4, 3, 4, -1], ("s",)), ("index", [M34, 0, 2, 2], (":s",)),
    ("update", [V3, 5.0, 1], ("i",)), ("update", [M34, V4, 1], ("i",)), ("update", [M34, real(2), 1, 2, 1, 0], ("si",)),
    ("addat", [V3, 5.0, 1], ("i",)), ("addat", [M34, V4, -1], ("i",)), ("addat", [M34, 2.0, 0, 2, 2], (":s",)),
    ("broadcast_to", [V3, 2, 3], ()), ("broadcast_to", [2.0, 4], ()), ("sum_to", [M34, 1, 4], ()), ("sum_to", [T234, 3, 1], ()),
    ("reshape", [M34, 2, 6], ()), ("transpose", [M34], ()), ("flip", [M34], (1,)), ("diag", [V3], ()), ("diag", [M34], ()),
    ("set_diag", [V3, 3, 4], ()), ("sum", [M34], (None,)), ("sum", [T234], (1,)), ("mean", [M34], (None,)), ("mean", [M34], (0,)),
    ("reduce_max", [V4], (None,)), ("reduce_max", [M34], (1,)), ("reduce_min", [M34], (0,)), ("norm", [V3], (None,)), ("norm", [M34], (1,)),
    ("logsumexp", [V3], (None,)), ("logsumexp", [M34], (0,)), ("softmax", [V3], (0,)), ("softmax", [M34], (1,)), ("cumsum", [V3], (0,)),
    ("cumsum", [M34], (1,)), ("dot", [V3, real(3)], ()), ("matmul", [M23, M34], ()), ("matmul", [M34, V4], ()), ("matmul", [V3, M34], ()),
    ("matmul", [V3, real(3)], ()), ("outer", [V3, V4], ()), ("cross", [V3, real(3)], ()),
    ("prod", [V3], (0,)), ("prod", [T234], (1,)), ("prod", [np.array([2.0, 0.0, 3.0])], (0,)), ("var", [M34], (None,)),
    ("var", [M34], (1,)), ("log_softmax", [V3], (0,)), ("log_softmax", [M34], (1,)), ("cumprod", [V3], (0,)), ("cumprod", [T234], (1,)),
    ("cumprod", [np.array([2.0, 0.0, 3.0, 0.0, 5.0])], (0,)), ("recurrence", [V4, real(4)], (0,)),
    ("recurrence", [M34, real(3, 4)], (1,)), ("delay", [V4, Const(1.0, Type("real"))], (0,)),
    ("delay", [T234, Const(0.0, Type("real"))], (2,)),
    ("sort", [V4], (0,)), ("sort", [T234], (1,)), ("permute", [V4, np.array([2, 0, 3, 1])], (0,)), ("tril", [M34], ()), ("triu", [M34], ()),
    ("half_lower", [S3], ()), ("mirror", [S3], ()), ("fold", [S4], ()), ("solve", [S3, V3], ()), ("solve", [S4, M34.T.copy()], ()),
    ("inv", [S3], ()), ("inv", [S4], ()), ("det", [S3], ()), ("det", [R3], ()), ("det", [S4], ()), ("det", [R4], ()),
    ("minors", [S3], ()), ("minors", [R4], ()), ("minors", [R3, real(3, 3)], ()), ("minors", [S4, real(4, 4)], ()),
    ("minors", [R4, real(4, 4), real(4, 4)], ()), ("minors", [R3, real(3, 3), real(3, 3), real(3, 3)], ()),
    ("logdet", [S3], ()), ("logdet", [P4], ()), ("cholesky", [P3], ()), ("cholesky", [P4], ()),
]  # fmt: skip


def case_id(case: object) -> str:
    name, args, attrs = case
    return f"{name}-{'-'.join(str(getattr(a, 'shape', a)) for a in args)}-{attrs}".replace(" ", "")


KINDS = {"b": "bool", "i": "int", "f": "real"}


def function(op: Op, args: list[object], attrs: tuple[object, ...]) -> tuple[Function, list[object]]:
    """The function of the real arguments, and those."""
    b = Builder(span=SPAN)
    atoms, params, values = [], [], []
    for a in args:
        if isinstance(a, int | Const):
            atoms.append(a if isinstance(a, Const) else Const(a, Type("int")))
            continue
        elem = KINDS[a.dtype.kind] if isinstance(a, np.ndarray) else "real"
        params.append(Var(Type(elem, getattr(a, "shape", ())), f"x{len(params)}"))
        atoms.append(params[-1])
        values.append(a)
    out = Var(RULES[op.type](op, atoms, attrs), "out")
    b.append(Let(out, op, tuple(atoms), attrs, SPAN))
    b.block.results = (out,)
    return Function(op.name, tuple(params), b.block, ("out",), result_types=(out.type,)), values


def dot(a: object, b: object) -> float:
    return float(np.sum(np.asarray(a) * np.asarray(b)))


def directions(values: list[object], seed: int) -> list[object]:
    chance = np.random.default_rng(seed)
    return [chance.uniform(-1, 1, v.shape) if isinstance(v, np.ndarray) else float(chance.uniform(-1, 1)) for v in values]


def check(op: Op, args: list[object], attrs: tuple[object, ...]) -> bool:
    """Whether forward, reverse and differences agree along random directions."""
    f, values = function(op, args, attrs)
    wrt = [k for k, v in enumerate(values) if not (isinstance(v, np.ndarray) and v.dtype.kind in "bi")]
    moving = [values[k] for k in wrt]
    v = directions(moving, 1)

    def moved(h: float) -> np.ndarray:
        at = list(values)
        for k, d in zip(wrt, v, strict=True):
            at[k] = values[k] + h * d
        return np.asarray(Interpreter(f).run(at)[0])

    out, tangent = Interpreter(forward(f, wrt)).run([*values, *v])
    assert np.array_equal(out, moved(0.0))
    (g,) = directions([out], 2)
    adjoints = Interpreter(reverse(f, wrt, [0])).run([*values, g])[1:]
    difference = (moved(1e-6) - moved(-1e-6)) / 2e-6
    return (
        all(np.shape(a) == np.shape(x) for a, x in zip(adjoints, moving, strict=True))
        and math.isclose(dot(g, tangent), sum(map(dot, adjoints, v)), rel_tol=1e-12, abs_tol=1e-12)
        and np.allclose(tangent, difference, rtol=1e-7, atol=1e-8)
    )


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_forward_reverse_and_differences_agree(case: tuple[str, list[object], tuple[object, ...]]) -> None:
    name, args, attrs = case
    assert check(ops.TABLE[name], args, attrs)


def test_every_operation_with_a_derivative_is_covered() -> None:
    covered = {name for name, _, _ in CASES} | {op.name for op in ops.TABLE.values() if op.kind in ("partials", "zero", "define")}
    assert set(ops.TABLE) - covered == {"to_real", "derivative"}


def wrong(op: Op, k: int, template: str) -> Op:
    """The operation with its k-th text spoiled."""
    def spoil(row: tuple[str | None, ...]) -> tuple[str | None, ...]:
        texts = [n for n, t in enumerate(row) if t is not None]
        return tuple(template.format(t) if texts[k : k + 1] == [n] else t for n, t in enumerate(row))

    rule = {ranks: spoil(row) for ranks, row in op.rule.items()} if isinstance(op.rule, dict) else spoil(op.rule)
    return Op(op.name, op.args, op.kind, rule, type=op.type, attrs=op.attrs, scalar=op.scalar, array=op.array, tangent=op.tangent)


# select's lanes are masked in code as well, so that its texts alone do not decide.
WITH_TEXTS = [c for c in CASES if ops.TABLE[c[0]].kind != "partials" and ops.TABLE[c[0]].rule and c[0] != "select"]


@pytest.mark.parametrize("template", ["-({})", "2*({})"])
@pytest.mark.parametrize("case", WITH_TEXTS, ids=case_id)
def test_a_wrong_rule_is_noticed(case: tuple[str, list[object], tuple[object, ...]], template: str) -> None:
    name, args, attrs = case
    op = ops.TABLE[name]
    row = next(iter(op.rule.values())) if isinstance(op.rule, dict) else op.rule
    if name == "linspace" and args[2] == 1:
        return
    for k in range(sum(t is not None for t in row)):
        assert not check(wrong(op, k, template), args, attrs), (name, k, template)


@pytest.mark.parametrize("template", ["-({})", "2*({})"])
@pytest.mark.parametrize("case", [c for c in CASES if ops.TABLE[c[0]].tangent], ids=case_id)
def test_a_wrong_tangent_is_noticed(case: tuple[str, list[object], tuple[object, ...]], template: str) -> None:
    name, args, attrs = case
    op = ops.TABLE[name]
    assert op.tangent is not None
    for k, text in enumerate(op.tangent):
        if text is not None:
            tangent = (*op.tangent[:k], template.format(text), *op.tangent[k + 1 :])
            spoiled = Op(op.name, op.args, op.kind, op.rule, tangent=tangent, type=op.type, attrs=op.attrs, array=op.array)
            assert not check(spoiled, args, attrs)


def run(name: str, *args: object, inplace: bool = False, **attrs: object) -> object:
    return form(ops.TABLE[name], inplace)(*args, **attrs)


def test_sections() -> None:
    a = np.arange(12.0).reshape(3, 4)
    assert run("index", a, 1, 2, pattern="ii") == 6.0 and type(run("index", a, 1, 2, pattern="ii")) is float
    assert type(run("index", np.array([True]), 0, pattern="i")) is bool and type(run("index", np.array([7]), 0, pattern="i")) is int
    assert np.array_equal(run("index", a, -1, pattern="i"), a[-1])
    assert np.array_equal(run("index", a, -1, 2, -2, pattern="s"), a[[2, 0]])
    assert np.array_equal(run("index", a, 3, 4, -1, pattern=":s"), a[:, ::-1])
    assert run("index", a, 1, 0, 1, pattern="s").shape == (0, 4)


def test_update_copies_unless_in_place() -> None:
    a = np.zeros(3)
    b = run("update", a, 1.0, 0, pattern="i")
    assert a[0] == 0.0 and b[0] == 1.0
    assert run("addat", b, 1.0, 0, pattern="i", inplace=True) is b and b[0] == 2.0
    c = run("addat", b, 1.0, 0, 2, 1, pattern="s")
    assert c.tolist() == [3.0, 1.0, 0.0] and b.tolist() == [2.0, 0.0, 0.0]


def test_reductions_without_overflow() -> None:
    assert run("norm", np.array([3e200, 4e200]), axis=None) == pytest.approx(5e200, rel=1e-15)
    assert run("norm", np.array([[3e-200, 4e-200], [0.0, 0.0]]), axis=1).tolist() == pytest.approx([5e-200, 0.0], rel=1e-15)
    assert run("norm", np.array([math.inf, 1.0]), axis=None) == math.inf
    assert run("logsumexp", np.array([1000.0, 1000.0]), axis=None) == pytest.approx(1000 + math.log(2), rel=1e-15)
    assert run("logsumexp", np.array([-math.inf, -math.inf]), axis=None) == -math.inf
    assert run("logsumexp", np.array([math.inf, 0.0]), axis=None) == math.inf
    assert run("softmax", np.array([-1000.0, -1000.5, -2000.0]), axis=0).tolist() == [0.6224593312018546, 0.37754066879814546, 0.0]


def test_empty_and_nan_reductions() -> None:
    empty = np.zeros(0)
    assert run("sum", empty, axis=None) == 0.0
    assert math.isnan(run("mean", empty, axis=None)) and math.isnan(run("reduce_max", empty, axis=None))
    assert math.isnan(run("reduce_min", np.array([1.0, math.nan]), axis=None))
    assert run("norm", empty, axis=None) == 0.0 and run("logsumexp", empty, axis=None) == -math.inf


def test_ties_share_evenly() -> None:
    x = np.array([[1.0, 3.0], [3.0, 3.0]])
    assert run("weights", x, 3.0, axis=None).tolist() == [[0.0, 1 / 3], [1 / 3, 1 / 3]]
    assert run("weights", x, np.array([3.0, 3.0]), axis=1).tolist() == [[0.0, 1.0], [0.5, 0.5]]


def test_integers_stay_integers() -> None:
    n = np.array([3, -4])
    for name, *args in [("add", n, 1), ("mod", n, 3), ("abs", n), ("maximum", n, 0), ("sign", n), ("clip", n, -1, 1), ("relu", n)]:
        assert run(name, *args).dtype == np.int64
    assert type(run("sum", n, axis=None)) is int and run("mean", n, axis=None) == -0.5 and run("matmul", n, n) == 25.0
    assert run("stack", 1, 2.5, axis=0).dtype == float and run("stack", 1, 2, axis=0).dtype == np.int64
    assert run("iota", 5, 3, -2).tolist() == [5, 3, 1]


@pytest.mark.parametrize("y", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 7.0, 40.0, -0.5, -1.0, -3.0, 0.3, 1e17, math.inf, math.nan])
def test_derivatives_of_powers_are_those_of_single_numbers(y: float) -> None:
    x = np.array([0.0, 1e-160, 0.3, 1.0, 2.5, 1e200, -1.7, -3.0, math.inf, math.nan])
    for name, more in ("pow_x", ()), ("pow_d", (1.0, 0.0)), ("pow_d", (2.0, 0.0)), ("pow_d", (3.0, 0.0)), ("pow_d", (1.0, 1.0)):
        op = ops.TABLE[name]
        assert op.scalar is not None
        want = [op.scalar(float(v), y, *more) for v in x]
        np.testing.assert_allclose(form(op)(x, y, *more), want, rtol=1e-13)


def test_linspace_keeps_its_ends() -> None:
    out = run("linspace", 0.1, 0.7, 7)
    assert out[0] == 0.1 and out[-1] == 0.7 and run("linspace", -1e308, 1e308, 3).tolist() == [-1e308, 0.0, 1e308]
