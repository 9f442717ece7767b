"""The table of operations, entry by entry: values and derivatives against mpmath, kinks against the language's conventions.

Rules are run as programs run them: lowered from their text, differentiated, and interpreted. The controls at the end show
that the checks can fail: every rule negated or doubled must.
"""
from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Callable
from functools import cache

import pytest
from mpmath import mp, mpf

from adcli import ops
from adcli.ad import forward, reverse
from adcli.engines.interpret import Interpreter
from adcli.errors import Source, Span
from adcli.ir.build import Builder
from adcli.ir.nodes import Function, Let, Var
from adcli.ir.types import BOOL, REAL
from adcli.lower import inline
from adcli.ops.record import Op
from adcli.syntax import parse_expression, tree

INF, NAN = math.inf, math.nan
SPAN = Span(0, 1)
POINTS = 12

# Values further than 4 ulp from the exact one somewhere on their domain: how far, and why.
LOOSE_VALUES = {
    "logaddexp": (1e-15, "its value passes through 0, where the larger argument and the logarithm cancel"),
    "sinc_x": (1e-15, "sinc' passes through 0 between its extrema, where cos(x) and sinc(x) cancel"),
    "sinc_d": (1e-15, "the second derivative of sinc passes through 0, too"),
}
LOOSE_DERIVATIVES = {
    "pow_x": (1e-13, "the mixed second derivative is a sum of two terms of either sign"),
    "pow_y": (1e-13, "the mixed second derivative is a sum of two terms of either sign"),
    "pow_d": (1e-13, "a sum of terms of either sign"),
    "logaddexp": (1e-14, "x - y is rounded before its exponential is taken"),
    "erfinv_d": (2e-15, "a product of three factors of up to 3 ulp each"),
    "sinc": (1e-15, "sinc' passes through 0 between its extrema, where cos(x) and sinc(x) cancel"),
    "sinc_x": (1e-15, "sinc'' passes through 0, too"),
    "sinc_d": (1e-14, "the third derivative of sinc passes through 0, too, and comes by a recurrence"),
    "silu": (1e-15, "silu' passes through 0 at -1.28"),
    "gelu": (1e-15, "gelu' passes through 0 at -0.75"),
    "factorial": (1e-15, "digamma(x + 1) passes through 0 at 0.46, and x + 1 is rounded"),
}


def samples(op: Op, count: int = POINTS) -> list[tuple[float, ...]]:
    """Points of the operation's domain, the same in every run; the ends of its ranges are among them."""
    ranges = []
    for part in op.domain.split(", "):
        low, _, high = part.partition(" in ")[2].partition("..")
        ranges.append((float(low), float(high or low)))
    chance = random.Random(op.name)
    found = [tuple(chance.uniform(*r) for r in ranges) for _ in range(count)]
    return [*found, tuple(low for low, _ in ranges), tuple(high for _, high in ranges)]


def exact(op: Op, point: tuple[object, ...]) -> object:
    return getattr(mp, op.mp)(*point) if isinstance(op.mp, str) else op.mp(mp, *point)


def ulps(got: float, want: object) -> float:
    nearest = float(want)
    if got == nearest or (math.isnan(got) and math.isnan(nearest)):
        return 0.0
    if not math.isfinite(got) or not math.isfinite(nearest):
        return INF
    return float(abs(mpf(got) - want) / mpf(math.ulp(nearest)))


def agrees(got: float, want: object, op: Op, loose: dict[str, tuple[float, str]]) -> bool:
    if ulps(got, want) <= 4:
        return True
    slack = loose.get(op.name, (0.0, ""))[0]
    return abs(got - float(want)) <= slack * max(1.0, abs(float(want)))


def partials(op: Op) -> Function:
    """The function of the arguments whose results are the value and the partial derivatives, from the rule's texts."""
    b = Builder(span=SPAN)
    params = tuple(Var(REAL, name) for name in op.args)
    out = Var(REAL, "out")
    b.append(Let(out, op, params, (), SPAN))
    names = dict(zip(op.args, params, strict=True)) | {"out": out}
    found = [inline(text, names, b, SPAN, {}) for text in op.rule if text is not None]
    b.block.results = (out, *found)
    count = len(b.block.results)
    return Function(op.name, params, b.block, tuple(f"r{k}" for k in range(count)), result_types=(REAL,) * count)


@cache
def exact_partials(name: str) -> list[tuple[tuple[float, ...], list[object]]]:
    """For each sample, the derivatives by mpmath along the arguments that have a rule."""
    op = ops.TABLE[name]
    along = [k for k, text in enumerate(op.rule) if text is not None]
    out = []
    with mp.workdps(150):
        for point in inner(op):
            out.append((point, [mp.diff(along_axis(op, point, k), mpf(point[k])) for k in along]))
    return out


def along_axis(op: Op, point: tuple[float, ...], k: int) -> Callable[[object], object]:
    """The exact function of argument k, the others fixed."""
    return lambda t: exact(op, (*map(mpf, point[:k]), t, *map(mpf, point[k + 1 :])))


def inner(op: Op) -> list[tuple[float, ...]]:
    """Samples without the ends, where a derivative may be one-sided."""
    return samples(op, 5 if op.name in ("pow_d", "sinc_d") else POINTS)[:-2]


def derivatives_agree(op: Op) -> bool:
    run = Interpreter(partials(op)).run
    return all(
        agrees(got, want, op, LOOSE_DERIVATIVES)
        for point, wanted in exact_partials(op.name)
        for got, want in zip(run(point)[1:], wanted, strict=True)
    )


ELEMENTWISE = [op for op in ops.TABLE.values() if op.scalar is not None and op.domain and op.type not in ("compare", "to_int")]
SMOOTH = [op for op in ops.TABLE.values() if op.kind == "partials"]


@pytest.mark.parametrize("op", ELEMENTWISE, ids=lambda op: op.name)
def test_value_agrees_with_mpmath(op: Op) -> None:
    for point in samples(op, 40):
        with mp.workdps(50):
            try:
                want = exact(op, tuple(map(mpf, point)))
            except ValueError:
                want = mpf("nan")
            if isinstance(want, mp.mpf) and mp.isfinite(want):
                assert agrees(float(op.scalar(*point)), want, op, LOOSE_VALUES), (op.name, point, op.scalar(*point), float(want))


@pytest.mark.parametrize("op", SMOOTH, ids=lambda op: op.name)
def test_rule_agrees_with_mpmath(op: Op) -> None:
    run = Interpreter(partials(op)).run
    for point, wanted in exact_partials(op.name):
        for got, want in zip(run(point)[1:], wanted, strict=True):
            assert agrees(got, want, op, LOOSE_DERIVATIVES), (op.name, point, got, float(want))


@pytest.mark.parametrize("op", SMOOTH, ids=lambda op: op.name)
@pytest.mark.parametrize("wrong", ["-({})", "2*({})"])
def test_a_wrong_rule_is_noticed(op: Op, wrong: str) -> None:
    assert not derivatives_agree(changed(op, tuple(t and wrong.format(t) for t in op.rule)))


def changed(op: Op, rule: object) -> Op:
    """The operation with another rule."""
    return Op(op.name, op.args, op.kind, rule, type=op.type, attrs=op.attrs, scalar=op.scalar, fast=op.fast, array=op.array)


def texts(op: Op) -> list[str]:
    rows = list(op.rule.values()) if isinstance(op.rule, dict) else [op.rule]
    return [t for row in rows for t in row if t is not None] + [t for t in (*(op.tangent or ()), op.shown, *op.special) if t is not None]


def walked(e: object) -> list[object]:
    found, todo = [], [e]
    while todo:
        x = todo.pop()
        found.append(x)
        for slot in getattr(x, "__slots__", ()):
            value = getattr(x, slot)
            for y in value if isinstance(value, tuple) else (value,):
                for z in y if isinstance(y, tuple) and not isinstance(y, Span) else (y,):
                    if hasattr(z, "__slots__") and not isinstance(z, Span):
                        todo.append(z)
    return found


@pytest.mark.parametrize("op", ops.TABLE.values(), ids=lambda op: op.name)
def test_texts_mention_only_the_table(op: Op) -> None:
    names = {a.lstrip("*") for a in op.args} | {f"{a}_dot" for a in op.args} | set(op.attrs) | {"out", "g"} | set(ops.CONSTANTS)
    for text in texts(op):
        for x in walked(parse_expression(Source(text))):
            if isinstance(x, tree.CallExpr):
                assert x.name in ops.TABLE or x.name in ops.PUBLIC or x.name in ("spread", "dims"), (op.name, text, x.name)
            elif isinstance(x, tree.Name):
                assert x.name in names, (op.name, text, x.name)


@pytest.mark.parametrize("op", ops.TABLE.values(), ids=lambda op: op.name)
def test_record_is_complete(op: Op) -> None:
    assert op.doc and not op.doc.endswith(".")
    assert op.kind in ("partials", "reduce", "linear", "bilinear", "form", "zero", "define")
    if op.kind == "partials":
        assert len(op.rule) == len(op.args) and op.scalar and op.domain and op.mp and op.latex
        op.latex.format(*op.args)
    if op.scalar is None and op.kind != "define" and op.name != "derivative":
        assert op.array


ODD_VALUES = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 2.5, -3.0, INF, -INF, NAN, 5e-324, -5e-324, 1e308, -1e308, 1e200, -1e200, 1e16,
    171.0,
              170.5, -170.5, -175.5, -183.7, -200.5, 710.0, -710.0, 0.9999999999999999, 1.0000000000000002]  # fmt: skip


def grid(op: Op) -> list[tuple[float, ...]]:
    """Odd values for every argument; fewer where there are many arguments."""
    points: list[tuple[float, ...]] = [()]
    for _ in op.args:
        points = [(*p, x) for p in points for x in (ODD_VALUES if len(op.args) < 3 else ODD_VALUES[::4])]
    return points


TOTAL = [op for op in ops.TABLE.values() if op.scalar is not None and op.type not in ("logical", "select", "counts")]


@pytest.mark.parametrize("op", TOTAL, ids=lambda op: op.name)
def test_scalar_form_is_total_and_fast_form_equals_it(op: Op) -> None:
    for point in grid(op):
        value = op.scalar(*point)
        assert isinstance(value, {"compare": bool, "to_int": int}.get(op.type, float)), (op.name, point, value)
        if op.fast is not None:
            try:
                fast = op.fast(*point)
            except (ArithmeticError, ValueError):
                continue
            assert fast == value or (fast != fast and value != value), (op.name, point, fast, value)


@pytest.mark.parametrize("op", TOTAL, ids=lambda op: op.name)
def test_array_form_equals_scalar_form(op: Op) -> None:
    np = pytest.importorskip("numpy")
    from adcli.ops import arrays

    points = grid(op) if op.type != "to_int" else [(x,) for x in ODD_VALUES if abs(x) < 1e15]
    if op.domain and op.type not in ("compare",):
        points += samples(op, 200)
    out = arrays.form(op)(*(np.array(c) for c in zip(*points, strict=True)))
    assert out.dtype == {"compare": bool, "to_int": np.int64}.get(op.type, float)
    for point, got in zip(points, out.tolist(), strict=True):
        assert ulps(got, op.scalar(*point)) <= 4, (op.name, point, got, op.scalar(*point))


INTEGERS = ["add", "sub", "mul", "neg", "floordiv", "mod", "pow", "maximum", "minimum", "clip", "abs", "sign", "relu"]


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_stay_integers(name: str) -> None:
    op = ops.TABLE[name]
    for point in [(7, 2, 5), (-7, 3, 4), (0, 1, 2)]:
        value = op.scalar(*point[: len(op.args)])
        assert type(value) is int and value == op.scalar(*map(float, point[: len(op.args)]))


def test_integer_edges() -> None:
    power = ops.TABLE["pow"].scalar
    assert power(3, 10**9) == 2**64 and power(-3, 10**9 + 1) == -(2**64) and power(-1, 10**9) == 1 and power(2, 62) == 2**62
    assert ops.TABLE["floordiv"].scalar(1, 0) == 0 and ops.TABLE["mod"].scalar(1, 0) == 0
    assert ops.TABLE["to_int"].scalar(-2.7) == -2


SPECIAL_VALUES = [
    ("pow", (-8.0, 1 / 3), NAN), ("pow", (0.0, -1.0), INF), ("pow", (-0.0, -1.0), -INF), ("pow", (NAN, 0.0), 1.0),
    ("pow", (1e200, 2.0), INF),
    ("pow", (-10.0, 401.0), -INF), ("exp", (1000.0,), INF), ("ln", (0.0,), -INF), ("ln", (-1.0,), NAN), ("maximum", (1.0, NAN), NAN),
    ("maximum", (NAN, 1.0), NAN), ("minimum", (NAN, 1.0), NAN), ("floor", (INF,), INF), ("round", (2.5,), 2.0), ("round", (3.5,), 4.0),
    ("mod", (-1.0, 3.0), 2.0), ("fmod", (-1.0, 3.0), -1.0), ("mod", (5.0, INF), 5.0), ("mod", (1.0, 0.0), NAN), ("fmod", (INF, 1.0), NAN),
    ("div", (1.0, -0.0), -INF), ("div", (0.0, 0.0), NAN), ("floordiv", (1.0, 0.0), INF), ("cosh", (711.0,), INF), ("sinh", (-711.0,), -INF),
    ("sin", (INF,), NAN), ("asin", (1.0000000000000002,), NAN), ("atanh", (-1.0,), -INF), ("sinc", (0.0,), 1.0), ("sinpi", (1.0,), 0.0),
    ("sinpi", (1e15 + 0.5,), 1.0), ("cospi", (0.5,), 0.0), ("gamma", (5.0,), 24.0), ("gamma", (0.0,), INF), ("gamma", (-1.0,), NAN),
    ("gamma", (172.0,), INF), ("lgamma", (1.0,), 0.0), ("lgamma", (2.0,), 0.0), ("lgamma", (-2.0,), INF), ("factorial", (10.0,), 3628800.0),
    ("factorial", (-1.0,), NAN), ("erfinv", (1.0,), INF), ("erfinv", (1.5,), NAN), ("xlogx", (0.0,), 0.0),
    ("logaddexp", (-INF, -INF), -INF),
    ("logaddexp", (INF, INF), INF), ("logit", (0.0,), -INF), ("logit", (1.0,), INF), ("softplus", (1000.0,), 1000.0),
    ("cbrt", (-27.0,), -3.0),
    ("cbrt", (5e-324,), 1.7031839360032603e-108), ("hypot", (3e200, 4e200), 5e200), ("silu", (-INF,), 0.0), ("relu", (-INF,), 0.0),
    ("log1mexp", (0.0,), -INF), ("logexpm1", (0.0,), -INF), ("logexpm1", (0.6931471805599453,), -4.638093627692599e-17),
    ("exp10", (22.0,), 1e22), ("exp2", (-1074.0,), 5e-324), ("gauss", (30.0,), 0.0), ("digamma", (0.0,), -INF),
    ("polygamma", (1.0, 0.0), INF), ("polygamma", (1.0, 1e300), 1e-300), ("polygamma", (3.0, 1e100), 2e-300),
]  # fmt: skip


@pytest.mark.parametrize(("name", "point", "want"), SPECIAL_VALUES)
def test_special_values(name: str, point: tuple[float, ...], want: float) -> None:
    assert ulps(ops.TABLE[name].scalar(*point), want) <= 1


# What LANGUAGE says of points that are not smooth: d/dx and d/dy.
KINKS = [
    ("abs", (0.0,), (0.0,)), ("abs", (-0.0,), (0.0,)), ("relu", (0.0,), (0.0,)), ("hypot", (0.0, 0.0), (0.0, 0.0)),
    ("maximum", (1.0, 1.0), (0.5, 0.5)), ("minimum", (1.0, 1.0), (0.5, 0.5)), ("maximum", (2.0, 1.0), (1.0, 0.0)),
    ("clip", (1.0, 0.0, 1.0), (1.0, 0.0, 0.0)), ("clip", (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)), ("clip", (2.0, 0.0, 1.0), (0.0, 0.0, 1.0)),
    ("clip", (-2.0, 0.0, 1.0), (0.0, 1.0, 0.0)), ("clip", (0.0, 2.0, 1.0), (0.0, 0.0, 1.0)),
    ("sqrt", (0.0,), (INF,)), ("sqrt", (-0.0,), (INF,)), ("sqrt", (-1.0,), (NAN,)), ("cbrt", (0.0,), (INF,)), ("ln", (0.0,), (INF,)),
    ("ln", (-0.0,), (INF,)), ("ln", (-1.0,), (NAN,)), ("log1p", (-1.0,), (INF,)), ("log1p", (-2.0,), (NAN,)), ("log10", (-1.0,), (NAN,)),
    ("asin", (1.0,), (INF,)), ("acos", (1.0,), (-INF,)), ("asin", (1.5,), (NAN,)), ("acosh", (1.0,), (INF,)), ("acosh", (0.5,), (NAN,)),
    ("atanh", (1.0,), (INF,)), ("atanh", (2.0,), (NAN,)), ("div", (1.0, 0.0), (INF, -INF)), ("atan2", (0.0, 0.0), (NAN, NAN)),
    ("logit", (0.0,), (INF,)), ("logit", (2.0,), (NAN,)), ("log1mexp", (0.0,), (-INF,)), ("log1mexp", (1.0,), (NAN,)),
    ("logexpm1", (0.0,), (INF,)), ("logexpm1", (-1.0,), (NAN,)), ("xlogx", (0.0,), (-INF,)), ("erfinv", (1.0,), (INF,)),
    ("pow", (0.0, 2.0), (0.0, 0.0)), ("pow", (0.0, 1.0), (1.0, 0.0)), ("pow", (0.0, 0.5), (INF, 0.0)), ("pow", (0.0, 0.0), (0.0, NAN)),
    ("pow", (0.0, -1.0), (-INF, NAN)), ("pow", (-3.0, 2.0), (-6.0, NAN)), ("pow", (-2.0, 3.0), (12.0, NAN)), ("pow", (-8.0, 1 / 3),
    (NAN, NAN)),
    ("pow", (1e200, 0.3), (2.9999999999999847e-141, 4.60517018598807e62)), ("tanh", (1000.0,), (0.0,)), ("tanh", (20.0,),
    (1.6993417021166355e-17,)),
    ("atan", (1e154,), (1e-308,)), ("atan2", (1e-200, 1e-200), (5e199, -5e199)), ("hypot", (1e200, 2e200),
    (0.4472135954999579, 0.8944271909999159)),
    ("logaddexp", (1000.0, 1000.0), (0.5, 0.5)), ("div", (3.0, 1e200), (1e-200, -0.0)), ("sinc", (0.0,), (0.0,)),
    ("xlogx", (0.36787944117144233,), (3.3784855259134224e-17,)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "point", "want"), KINKS)
def test_conventions(name: str, point: tuple[float, ...], want: tuple[float, ...]) -> None:
    got = Interpreter(partials(ops.TABLE[name])).run(point)[1:]
    assert all(ulps(g, w) <= 4 for g, w in zip(got, want, strict=True)), (name, point, got)


# f''(x), where a second derivative is easily lost.
SECOND = [
    ("softplus", 50.0, 1.928749847963918e-22), ("sinc", 0.0, -1 / 3), ("sinc", 1e-3, -0.3333332333333381),
    ("gelu", 0.0, 0.7978845608028654),
    ("silu", 0.0, 0.5), ("silu", 2.0, 0.05006216869470691), ("logit", 0.99, 9998.979695949376), ("erf", 10.0, -8.395312462708834e-43),
    ("tanh", 3.0, -0.019634494363042435), ("asin", 1e-9, 1e-9), ("atan", 1e-9, -2e-9), ("sigmoid", 40.0, -4.248354255291589e-18),
    ("gamma", 1.0, 1.978111990655945), ("lgamma", 50.0, 0.020201333226697125), ("ln", 1e-3, -1e6), ("cbrt", 8.0, -0.006944444444444444),
    ("xlogx", 0.1, 10.0),
]  # fmt: skip


def second(name: str, x: float, mode: str) -> float:
    b = Builder(span=SPAN)
    param = Var(REAL, "x")
    b.block.results = (b.let(name, param),)
    f = Function(name, (param,), b.block, ("y",), result_types=(REAL,))
    once = forward(f, [0])
    if mode == "forward":
        return float(Interpreter(forward(once, [0])).run([x, 1.0, 1.0])[3])
    return float(Interpreter(reverse(once, [0], [1])).run([x, 1.0, 1.0])[2])


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize(("name", "x", "want"), SECOND)
def test_second_derivatives(name: str, x: float, want: float, mode: str) -> None:
    assert second(name, x, mode) == pytest.approx(want, rel=1e-12)


WHOLE_POWERS_AT_0 = [(2.0, (0.0, 0.0, 2.0)), (3.0, (0.0, 0.0, 0.0)), (1.0, (0.0, 1.0, 0.0)), (0.0, (1.0, 0.0, 0.0))]


@pytest.mark.parametrize(("exponent", "wanted"), WHOLE_POWERS_AT_0)
def test_derivatives_of_whole_powers_at_0(exponent: float, wanted: tuple[float, ...]) -> None:
    b = Builder(span=SPAN)
    param = Var(REAL, "x")
    b.block.results = (b.let("pow", param, b.const(exponent)),)
    f = Function("power", (param,), b.block, ("y",), result_types=(REAL,))
    out = Interpreter(forward(forward(f, [0]), [0])).run([0.0, 1.0, 1.0])
    assert (out[0], out[1], out[3]) == wanted


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (3.0, 2.0), (-1.0, 5.0), (0.0, -0.0), (INF, INF)])
def test_weights_of_a_tie_sum_to_1(a: float, b: float) -> None:
    share = ops.TABLE["share"].scalar
    assert share(a, b) + share(b, a) == 1.0


# Where a derivative is a convention or has no value, and the code of the flag; other points have none.
FLAGGED = [
    ("abs", (0.0,), "nondifferentiable"), ("abs", (-0.0,), "nondifferentiable"), ("sign", (0.0,), "nondifferentiable"),
    ("relu", (0.0,), "nondifferentiable"), ("floor", (2.0,), "nondifferentiable"), ("ceil", (2.0,), "nondifferentiable"),
    ("round", (2.5,), "nondifferentiable"), ("trunc", (2.0,), "nondifferentiable"), ("to_int", (2.0,), "nondifferentiable"),
    ("floordiv", (6.0, 3.0), "nondifferentiable"), ("mod", (6.0, 3.0), "nondifferentiable"), ("fmod", (6.0, 3.0), "nondifferentiable"),
    ("maximum", (1.0, 1.0), "nondifferentiable"), ("minimum", (1.0, 1.0), "nondifferentiable"),
    ("clip", (1.0, 0.0, 1.0), "nondifferentiable"),
    ("hypot", (0.0, 0.0), "nondifferentiable"), ("sqrt", (0.0,), "singular"), ("cbrt", (0.0,), "singular"), ("ln", (0.0,), "singular"),
    ("asin", (-1.0,), "singular"), ("acos", (1.0,), "singular"), ("acosh", (1.0,), "singular"), ("atanh", (1.0,), "singular"),
    ("div", (1.0, 0.0), "singular"), ("atan2", (0.0, 0.0), "singular"), ("logaddexp", (-INF, -INF), "singular"),
    ("pow", (0.0, 0.5), "singular"),
    ("pow", (0.0, -1.0), "singular"), ("logit", (1.0,), "singular"), ("xlogx", (0.0,), "singular"), ("erfinv", (1.0,), "singular"),
    ("lt", (1.0, 1.0), "branch-boundary"), ("ge", (1.0, 1.0), "branch-boundary"), ("eq", (1.0, 1.0), "equality-branch"),
    ("ne", (1.0, 1.0), "equality-branch"),
    ("abs", (1e-300,), None), ("floor", (2.5,), None), ("trunc", (0.0,), None), ("round", (2.0,), None),
    ("round", (0.49999999999999994,), None),
    ("fmod", (0.0, 3.0), None), ("mod", (1.0, 3.0), None), ("clip", (0.5, 0.0, 1.0), None), ("hypot", (1e-200, 0.0), None),
    ("sqrt", (5e-324,), None),
    ("asin", (0.9999999999999999,), None), ("pow", (0.0, 1.0), None), ("pow", (0.0, 0.0), None), ("pow", (-3.0, 2.0), None),
    ("pow", (0.0, 2.0), None),
    ("logaddexp", (0.0, -INF), None), ("div", (0.0, 1.0), None), ("eq", (1.0, 2.0), None), ("lt", (1.0, 2.0), None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "point", "code"), FLAGGED)
def test_special_points(name: str, point: tuple[float, ...], code: str | None) -> None:
    op = ops.TABLE[name]
    b = Builder(span=SPAN)
    params = tuple(Var(REAL, a) for a in op.args)
    names = dict(zip(op.args, params, strict=True)) | {"out": b.let(name, *params)}
    b.block.results = tuple(inline(condition, names, b, SPAN, {}) for condition in op.special)
    met = Interpreter(Function("special", params, b.block, result_types=(BOOL,) * len(op.special))).run(point)
    assert {c for c, holds in zip(op.special.values(), met, strict=True) if holds} == ({code} if code else set())


def test_the_table_imports_nothing_heavy() -> None:
    script = "import sys; import adcli.ops; print(sorted({'numpy', 'mpmath', 'dataclasses', 'inspect'} & set(sys.modules)))"
    path = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-S", "-c", script], capture_output=True, text=True, env=path, check=True)
    assert done.stdout.strip() == "[]"
