"""The interpreter on IR built by hand: values, control flow, moves, tapes, calls."""
from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from adcli import errors
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.errors import LimitError, Span
from adcli.ir.build import Builder, const
from adcli.ir.nodes import Atom, Block, Call, For, Function, If, Pop, Push, Var, While
from adcli.ir.types import BOOL, INT, REAL, Type


def function(name, params, builder, *results):
    builder.block.results = results
    return Function(name, tuple(params), builder.block, tuple(f"r{k}" for k in range(len(results))))


def run(f, *args, **limits):
    return Interpreter(f, Limits(**limits)).run(args)


def loop(b: Builder, count: Atom, carried, body, start=0, step=1, counted=True):
    """outs of a For whose body is body(builder, index, *params) -> results."""
    index = Var(INT, "i")
    params = tuple(Var(a.type) for a in carried)
    outs = tuple(Var(a.type) for a in carried)
    block = Block()
    with b.inside(block):
        block.results = tuple(body(b, index, *params))
    b.append(For(outs, index, const(start), count, const(step), params, tuple(carried), block, Span(3, 9), counted))
    return outs


def while_(b: Builder, carried, test, body, counted=True):
    index, count = Var(INT), Var(INT)
    params = tuple(Var(a.type) for a in carried)
    outs = tuple(Var(a.type) for a in carried)
    first, block = Block(), Block()
    with b.inside(first):
        first.results = (test(b, index, *params),)
    with b.inside(block):
        block.results = tuple(body(b, index, *params))
    b.append(While(count, outs, index, params, tuple(carried), first, block, Span(1, 2), counted))
    return count, *outs


def if_(b: Builder, cond, then, other):
    yes, no = Block(), Block()
    with b.inside(yes):
        yes.results = tuple(then(b))
    with b.inside(no):
        no.results = tuple(other(b))
    outs = tuple(Var(a.type) for a in yes.results)
    b.append(If(outs, cond, yes, no))
    return outs


def test_straight_line():
    x, y = Var(REAL, "x"), Var(REAL, "y")
    b = Builder()
    f = function("f", (x, y), b, b.let("add", b.let("mul", x, y), b.let("sin", x)), const(2.0), x)
    assert run(f, 2.0, 5.0) == [10 + math.sin(2), 2.0, 2.0]


def test_constants_of_one_value_and_different_kinds_stay_apart():
    f = function("f", (), Builder(), const(1), const(1.0), const(True), const(0.0), const(-0.0), const(math.nan))
    one, real, true, zero, minus, nan = run(f)
    assert [type(v) for v in (one, real, true)] == [int, float, bool]
    assert math.copysign(1, zero) == 1 and math.copysign(1, minus) == -1 and math.isnan(nan)


def test_three_arguments():
    x = Var(REAL)
    b = Builder()
    f = function("f", (x,), b, b.let("clip", x, const(1.0), const(2.0)))
    assert [run(f, v)[0] for v in (0.0, 1.5, 3.0)] == [1.0, 1.5, 2.0]


@pytest.mark.parametrize("n", [0, 1, 2, 7])
def test_a_loop_swaps_and_rotates(n):
    a, c, d, count = Var(REAL), Var(REAL), Var(REAL), Var(INT)
    b = Builder()
    outs = loop(b, count, (a, c, d), lambda b, i, x, y, z: (y, z, x))
    more = loop(b, count, (a, c), lambda b, i, x, y: (y, b.let("add", x, y)))
    same = loop(b, count, (a, c), lambda b, i, x, y: (b.let("add", x, y), b.let("mul", x, const(2.0))))
    one = loop(b, count, (a, c), lambda b, i, x, y: (t := b.let("add", x, y), t))
    keep = loop(b, count, (a, c), lambda b, i, x, y: (x, x))
    f = function("f", (a, c, d, count), b, *outs, *more, *same, *one, *keep)
    x, y, z = 1.0, 2.0, 3.0
    for _ in range(n):
        x, y, z = y, z, x
    p, q = 1.0, 2.0
    for _ in range(n):
        p, q = q, p + q
    u, v = 1.0, 2.0
    for _ in range(n):
        u, v = u + v, 2 * u
    s, t = 1.0, 2.0
    for _ in range(n):
        s = t = s + t
    assert run(f, 1.0, 2.0, 3.0, n) == [x, y, z, p, q, u, v, s, t, 1.0, 1.0 if n else 2.0]


def test_nested_loops_share_slots_safely():
    x, n = Var(REAL), Var(INT)
    b = Builder()

    def outer(b, i, p, q):
        inner = loop(b, n, (q, p), lambda b, j, u, v: (b.let("add", u, v), b.let("mul", u, const(0.5))))
        return inner[0], b.let("add", inner[1], p)  # p is read after the inner loop began to write

    f = function("f", (x, n), b, *loop(b, n, (x, const(2.0)), outer))
    p, q = 1.0, 2.0
    for _ in range(4):
        u, v = q, p
        for _ in range(4):
            u, v = u + v, u * 0.5
        p, q = u, v + p
    assert run(f, 1.0, 4) == [p, q]


def test_an_inner_loop_reads_the_parameter_whose_next_value_it_makes():
    x, n = Var(REAL), Var(INT)
    b = Builder()
    outer = loop(b, n, (x,), lambda b, i, p: loop(b, n, (const(1.0),), lambda b, j, u: (b.let("add", u, p),)))
    late = loop(b, n, (x,), lambda b, i, p: loop(b, n, (p,), lambda b, j, u: (b.let("mul", b.let("add", u, p), const(0.5)),)))
    f = function("f", (x, n), b, *outer, *late)
    p = 2.0
    for _ in range(3):
        p = 1.0 + 3 * p
    assert run(f, 2.0, 3) == [p, 2.0]


def test_the_index_start_and_step():
    n, start = Var(INT), Var(INT)
    b = Builder()
    total = loop(b, n, (const(0),), lambda b, i, s: (b.let("add", b.let("mul", s, const(10)), i),), start=9, step=-2)
    f = function("f", (n, start), b, *total)
    assert run(f, 4, 0) == [9753]
    assert run(f, 0, 0) == [0]
    assert run(f, -3, 0) == [0]


def test_branches_in_a_loop():
    x, n = Var(REAL), Var(INT)
    b = Builder()

    def body(b, i, p, q):
        return if_(b, b.let("gt", p, q), lambda b: (q, p), lambda b: (b.let("mul", p, const(3.0)), b.let("add", p, q)))

    f = function("f", (x, n), b, *loop(b, n, (x, const(2.0)), body))
    p, q = 1.0, 2.0
    for _ in range(9):
        p, q = (q, p) if p > q else (p * 3, p + q)
    assert run(f, 1.0, 9) == [p, q]


def test_while_counts_its_iterations():
    x = Var(REAL)
    b = Builder()
    count, y = while_(
        b, (const(1.0),),
        lambda b, i, y: b.let("gt", b.let("abs", b.let("sub", b.let("mul", y, y), x)), const(1e-12)),
        lambda b, i, y: (b.let("mul", const(0.5), b.let("add", y, b.let("div", x, y))),),
    )  # fmt: skip
    assert run(function("f", (x,), b, y, count), 2.0) == [pytest.approx(math.sqrt(2), abs=1e-15), 5]


def test_while_index_in_test_and_body():
    b = Builder()
    count, s = while_(b, (const(0),), lambda b, i, s: b.let("lt", i, const(5)), lambda b, i, s: (b.let("add", s, i),))
    none, t = while_(b, (const(7),), lambda b, i, s: b.let("lt", s, const(5)), lambda b, i, s: (b.let("add", s, i),))
    assert run(function("f", (), b, count, s, none, t)) == [5, 10, 0, 7]


def test_while_nested_in_while():
    b = Builder()

    def body(b, i, s):
        _, t = while_(b, (s,), lambda b, j, t: b.let("lt", j, i), lambda b, j, t: (b.let("add", t, const(1)),))
        return (t,)

    count, s = while_(b, (const(0),), lambda b, i, s: b.let("lt", i, const(6)), body)
    assert run(function("f", (), b, count, s)) == [6, 15]


def factorial():
    n = Var(INT)
    f = Function("fact", (n,), Block(), ("r",), result_types=(INT,))
    b = Builder(f.body)

    def more(b):
        out = Var(INT)
        b.append(Call((out,), f, (b.let("sub", n, const(1)),)))
        return (b.let("mul", n, out),)

    f.body.results = if_(b, b.let("le", n, const(1)), lambda b: (const(1),), more)
    return f


def test_recursion():
    f = factorial()
    assert run(f, 10) == [math.factorial(10)]
    assert run(f, 1) == [1]


def countdown():
    n = Var(INT)
    f = Function("down", (n,), Block(), ("r",), result_types=(INT,))
    b = Builder(f.body)

    def more(b):
        out = Var(INT)
        b.append(Call((out,), f, (b.let("sub", n, const(1)),), Span(4, 8)))
        return (b.let("add", out, const(1)),)

    f.body.results = if_(b, b.let("le", n, const(0)), lambda b: (const(0),), more)
    return f


def test_calls_ten_thousand_deep():
    interpreter = Interpreter(countdown())
    assert interpreter.run([10_000]) == [10_000]
    with pytest.raises(LimitError, match="10,000 deep") as e:
        interpreter.run([10_001])
    assert "--max-depth" in e.value.help and e.value.span == Span(4, 8)
    assert interpreter.run([3]) == [3]


def test_tapes_are_last_in_first_out():
    x, n = Var(REAL), Var(INT)
    b = Builder()

    def forward(b, i, p):
        b.append(Push(0, p))
        b.append(Push(1, i))
        b.append(Push(2, b.let("gt", p, const(2.0))))
        return (b.let("mul", p, const(1.5)),)

    def backward(b, i, s, k):
        p, j, c = Var(REAL), Var(INT), Var(BOOL)
        b.append(Pop(c, 2))
        b.append(Pop(j, 1))
        b.append(Pop(p, 0))
        (t,) = if_(b, c, lambda b: (b.let("add", b.let("mul", s, const(2.0)), p),), lambda b: (s,))
        return t, b.let("add", b.let("mul", k, const(10)), j)

    loop(b, n, (x,), forward)
    outs = loop(b, n, (const(0.0), const(0)), backward, counted=False)
    interpreter = Interpreter(function("f", (x, n), b, *outs))
    p = [1.5**k for k in range(5)]
    s = 0.0
    for v in reversed(p):
        s = 2 * s + v if v > 2 else s
    assert interpreter.run([1.0, 5]) == [s, 43210]
    assert interpreter.run([1.0, 5]) == [s, 43210]


def test_arrays_by_their_forms():
    x = Var(Type("real", (3,)))
    b = Builder()
    f = function("f", (x,), b, b.let("mul", x, x), b.let("sum", x, attrs=(None,)), b.let("dot", x, x), b.let("dim", x, attrs=(0,)))
    square, total, dot, n = run(f, np.array([1.0, 2.0, 3.0]))
    assert square.tolist() == [1, 4, 9] and (total, dot, n) == (6.0, 14.0, 3)
    assert [type(v) for v in (total, dot, n)] == [float, float, int]


def test_elements_are_read_and_written():
    x, n = Var(Type("real", (4,)), "x"), Var(INT)
    b = Builder()

    def body(b, i, a):
        b.check("bounds", i, const(4))
        v = b.let("index", a, i, attrs=("i",))
        a = b.let("update", a, b.let("mul", v, v), i, attrs=("i",))
        return (b.let("addat", a, const(1.0), const(-1), attrs=("i",)),)

    (a,) = loop(b, n, (x,), body)
    f = function("f", (x, n), b, a, b.let("index", a, const(0), attrs=("i",)))
    given = np.array([1.0, 2.0, 3.0, 4.0])
    out, first = run(f, given, 3)
    assert out.tolist() == [1, 4, 9, 7] and first == 1.0 and type(first) is float
    assert given.tolist() == [1, 2, 3, 4]


def test_a_function_returns_arrays():
    x = Var(Type("real", (2,)))
    b = Builder()
    double = function("double", (x,), b, b.let("add", x, x))
    y, out = Var(Type("real", (2,))), Var(Type("real", (2,)))
    c = Builder()
    c.append(Call((out,), double, (y,)))
    (result,) = run(function("f", (y,), c, out), np.array([1.0, 2.0]))
    assert result.tolist() == [2, 4]


def check_fails(kind, *values, about=()):
    b = Builder()
    params = [Var(INT if isinstance(v, int) and not isinstance(v, bool) else BOOL if isinstance(v, bool) else REAL) for v in values]
    b.check(kind, *params, about=about, span=Span(5, 6))
    f = function("f", params, b, const(1.0))
    try:
        run(f, *values)
    except errors.EvaluationError as e:
        assert e.span == Span(5, 6)
        return e
    return None


CHECKS = [
    ("bounds", (5, 2), errors.IndexOutOfRange, "index 5 is out of range for length 2"),
    ("bounds", (-3, 2), errors.IndexOutOfRange, "index -3 is out of range for length 2"),
    ("bounds", (0, 0), errors.IndexOutOfRange, "index 0 is out of range for length 0"),
    ("bounds", (-2, 2), None, ""), ("bounds", (1, 2), None, ""),
    ("slice", (1, 3, 1, 3), errors.SliceOutOfRange, "the slice takes elements 1 to 3, which a length of 3 does not have"),
    ("slice", (0, 3, 1, 3), None, ""), ("slice", (2, 3, -1, 3), None, ""), ("slice", (3, 0, 1, 3), None, ""),
    ("slice", (2, 4, -1, 3), errors.SliceOutOfRange, "the slice takes elements 2 to -1, which a length of 3 does not have"),
    ("integral", (2.5,), errors.NotWhole, "an index or size must be a whole number, not 2.5"),
    ("integral", (math.nan,), errors.NotWhole, "an index or size must be a whole number, not nan"),
    ("integral", (math.inf,), errors.NotWhole, "an index or size must be a whole number, not inf"),
    ("integral", (-3.0,), None, ""),
    ("int64", (2**63,), errors.IntegerOverflow, "a whole number does not fit in 64 bits"),
    ("int64", (-(2**63) - 1,), errors.IntegerOverflow, "a whole number does not fit in 64 bits"),
    ("int64", (2**63 - 1,), None, ""), ("int64", (-(2**63),), None, ""),
    ("divisor", (0,), errors.IntegerDivisionByZero, "a whole number is divided by zero"), ("divisor", (-4,), None, ""),
    ("equal", (2, 3), errors.ShapeMismatch, "extents must be equal, but are 2 and 3"), ("equal", (3, 3), None, ""),
    ("positive-size", (-1,), errors.NegativeSize, "a size cannot be negative, but is -1"), ("positive-size", (0,), None, ""),
    ("true", (False,), errors.FailedCheck, "a condition does not hold"), ("true", (True,), None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "values", "error", "message"), CHECKS)
def test_checks(kind, values, error, message):
    e = check_fails(kind, *values)
    assert (type(e), e.message if e else "") == (error or type(None), message)


def test_a_constant_extent_is_checked_the_same():
    i = Var(INT)
    b = Builder()
    b.check("bounds", i, const(2))
    f = function("f", (i,), b, i)
    assert [run(f, k) for k in (-2, 1)] == [[-2], [1]]
    for k in (2, -3):
        with pytest.raises(errors.IndexOutOfRange, match=f"index {k} is out of range for length 2"):
            run(f, k)


def test_a_flag_check_is_noted_once():
    x = Var(REAL)
    b = Builder()

    def body(b, i, s):
        b.check("flag", b.let("eq", i, const(2)), about=("nondifferentiable", "abs"), span=Span(0, 3))
        return (b.let("add", s, const(1.0)),)

    interpreter = Interpreter(function("f", (x,), b, *loop(b, const(9), (x,), body)))
    assert interpreter.run([0.0]) == [9.0]
    (flag,) = interpreter.flags
    assert (flag.code, flag.op, flag.span) == ("nondifferentiable", "abs", Span(0, 3))
    assert flag.message == "abs is not differentiable at 0: the derivative is taken as 0"


@pytest.mark.parametrize(
    ("op", "args", "value", "code"),
    [
        ("div", (1.0, 0.0), math.inf, "singular"), ("div", (-1.0, 0.0), -math.inf, "singular"), ("div", (0.0, 0.0), math.nan, "domain"),
        ("ln", (0.0,), -math.inf, "singular"), ("ln", (-1.0,), math.nan, "domain"), ("sqrt", (-1.0,), math.nan, "domain"),
        ("exp", (1000.0,), math.inf, "overflow"), ("sin", (math.inf,), math.nan, "domain"), ("pow", (10.0, 400.0), math.inf, "overflow"),
        ("pow", (-8.0, 1 / 3), math.nan, "domain"), ("pow", (0.0, -1.0), math.inf, "singular"), ("ln", (math.nan,), math.nan, None),
        ("atanh", (1.0,), math.inf, "singular"), ("pow", (-8.0, 3.0), -512.0, None),
    ],
)  # fmt: skip
def test_operations_are_total_and_say_what_went_wrong(op, args, value, code):
    params = [Var(REAL) for _ in args]
    b = Builder(span=Span(7, 9))
    bad = b.let(op, *params)
    # The run goes on behind the statement that raised, and raises again.
    rest = b.let("add", b.let(op, *params), b.let("neg", bad))
    f = function("f", params, b, bad, rest, b.let("mul", const(2.0), const(3.0)))
    interpreter = Interpreter(f)
    out, _, six = interpreter.run(list(args))
    assert repr(out) == repr(value) and six == 6.0
    assert [flag.code for flag in interpreter.flags] == ([code] * 2 if code else [])


def test_errors_in_every_iteration():
    x = Var(REAL)
    b = Builder()
    (s,) = loop(b, const(1000), (x,), lambda b, i, s: (b.let("add", s, b.let("div", const(1.0), b.let("to_real", i))),))
    interpreter = Interpreter(function("f", (x,), b, s, *loop(b, const(50), (x,), lambda b, i, p: (b.let("ln", b.let("neg", p)),))))
    out = interpreter.run([1.0])
    assert out[0] == math.inf and math.isnan(out[1]) and len(interpreter.flags) == 2


def test_blocks_nested_five_thousand_deep():
    x = Var(REAL)
    block = Block(results=(x,))
    for k in range(5000):
        out, b = Var(REAL), Builder()
        b.append(If((out,), b.let("gt", x, const(float(k))), block, Block(results=(const(-1.0),))))
        b.block.results = (out,)
        block = b.block
    f = Function("f", (x,), block, ("y",))
    assert run(f, 1e6) == [1e6]
    assert run(f, 17.0) == [-1.0]


def test_scalars_need_no_numpy():
    text = (
        "import sys; from adcli.engines.interpret import Interpreter; from adcli.ir.build import Builder; "
        "from adcli.ir.nodes import Function, Var; from adcli.ir.types import REAL; "
        "x = Var(REAL); b = Builder(); b.block.results = (b.let('ln', x),); "
        "i = Interpreter(Function('f', (x,), b.block)); print(i.run([0.0]), [f.code for f in i.flags], 'numpy' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert found.stdout == "[-inf] ['singular'] False\n"
