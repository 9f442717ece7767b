"""The table, part one: arithmetic, comparisons, rounding, maxima, choice, and powers."""
from __future__ import annotations

import math
import operator

from adcli.ops import powers
from adcli.ops import total as t
from adcli.ops.record import Op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

KINK, SINGULAR, BOUNDARY = "nondifferentiable", "singular", "branch-boundary"

ARITHMETIC: tuple[Op, ...] = (
    Op("add", ("x", "y"), "partials", ("1", "1"), type="arith", scalar=operator.add, fast=operator.add, array="np.add",
       mp=lambda mp, x, y: x + y, symbol="+", latex="{0} + {1}", doc="x + y", domain="x in -9..9, y in -9..9", cheap=True, public=False),
    Op("sub", ("x", "y"), "partials", ("1", "-1"), type="arith", scalar=operator.sub, fast=operator.sub, array="np.subtract",
       mp=lambda mp, x, y: x - y, symbol="-", latex="{0} - {1}", doc="x - y", domain="x in -9..9, y in -9..9", cheap=True, public=False),
    Op("mul", ("x", "y"), "partials", ("y", "x"), type="arith", scalar=operator.mul, fast=operator.mul, array="np.multiply",
       mp=lambda mp, x, y: x * y, symbol="*", latex=r"{0} \cdot {1}", doc="x * y", domain="x in -9..9, y in -9..9", cheap=True,
       public=False),
    Op("div", ("x", "y"), "partials", ("1/y", "-(out/y)"), scalar=t.div, fast=operator.truediv, array="np.divide",
       mp=lambda mp, x, y: x / y, symbol="/", latex=r"\frac{{{0}}}{{{1}}}", doc="x / y", domain="x in -9..9, y in 0.1..9",
       special={"y == 0": SINGULAR}, public=False),
    Op("neg", ("x",), "partials", ("-1",), type="arith", scalar=operator.neg, fast=operator.neg, array="np.negative",
       mp=lambda mp, x: -x, symbol="-", latex="-{0}", doc="-x", domain="x in -9..9", cheap=True, public=False),
    Op("floordiv", ("x", "y"), "zero", type="arith", scalar=t.floordiv, fast=operator.floordiv, array="floordiv",
       mp=lambda mp, x, y: mp.floor(x / y), symbol="//", latex=r"\left\lfloor \frac{{{0}}}{{{1}}} \right\rfloor",
       doc="x // y, the quotient rounded down", domain="x in -9..9, y in 0.1..9", special={"x == out*y": KINK}, public=False),
    Op("mod", ("x", "y"), "partials", ("1", "-(x // y)"), type="arith", scalar=t.mod, fast=operator.mod, array="mod",
       mp=lambda mp, x, y: x - y * mp.floor(x / y), symbol="%", latex=r"{0} \bmod {1}",
       doc="x % y, the remainder of the floored division, with y's sign", domain="x in -9..9, y in 0.1..9", special={"out == 0": KINK}),
    Op("fmod", ("x", "y"), "partials", ("1", "round((out - x)/y)"), scalar=t.fmod, fast=math.fmod, array="np.fmod",
       mp=lambda mp, x, y: x - y * (mp.floor(x / y) if x / y >= 0 else mp.ceil(x / y)), latex=r"\operatorname{{fmod}}\left({0}, {1}\right)",
       doc="the remainder of the division rounded towards 0, with x's sign", domain="x in -9..9, y in 0.1..9",
       special={"out == 0 and x != 0": KINK}),
)  # fmt: skip

POWERS: tuple[Op, ...] = (
    Op("pow", ("x", "y"), "partials", ("pow_x(x, y)", "pow_y(x, y)"), type="arith", scalar=t.power, array="power",
       mp=lambda mp, x, y: mp.power(x, y), symbol="^", latex="{{{0}}}^{{{1}}}", doc="x^y; for x < 0 only a whole y has a value",
       domain="x in 0.1..9, y in -5..5", special={"x == 0 and (y < 1 and y != 0)": SINGULAR}),
    Op("pow_x", ("x", "y"), "partials", ("pow_d(x, y, 2, 0)", "pow_d(x, y, 1, 1)"), scalar=powers.pow_x, array="pow_x",
       mp=lambda mp, x, y: y * mp.power(x, y - 1), latex="{1} {{{0}}}^{{{1} - 1}}", shown="y*x^(y - 1)",
       doc="d/dx of x^y; at x = 0 the limit (0, 1 or inf), and 0 for y = 0", domain="x in 0.1..9, y in -5..5", public=False),
    Op("pow_y", ("x", "y"), "partials", ("pow_d(x, y, 1, 1)", "pow_d(x, y, 0, 2)"), scalar=powers.pow_y,
       mp=lambda mp, x, y: mp.power(x, y) * mp.log(x), latex=r"{{{0}}}^{{{1}}} \ln {0}", shown="x^y*ln(x)",
       doc="d/dy of x^y; at x = 0 it is 0 for y > 0, else nan; nan for x < 0", domain="x in 0.1..9, y in -5..5", public=False,
       native="select(x > 0, pow(x, y)*ln(x), select(x == 0 and y > 0, 0.0, nan))"),
    Op("pow_d", ("x", "y", "k", "m"), "partials", ("pow_d(x, y, k + 1, m)", "pow_d(x, y, k, m + 1)", None, None), scalar=powers.pow_d,
       array="pow_d", mp=powers.mp_pow_d, latex=r"\partial_x^{{{2}}} \partial_y^{{{3}}} {{{0}}}^{{{1}}}",
       doc="the k-th derivative in x of the m-th in y of x^y", domain="x in 0.1..9, y in -5..5, k in 2, m in 0", public=False),
)  # fmt: skip


def _comparison(name: str, symbol: str, latex: str, form: Callable[..., bool], ufunc: str, doc: str, code: str = BOUNDARY) -> Op:
    return Op(name, ("a", "b"), "zero", type="compare", scalar=form, fast=form, array=ufunc, mp=lambda mp, a, b: form(a, b), symbol=symbol,
              latex=f"{{0}} {latex} {{1}}", doc=doc, domain="a in -9..9, b in -9..9", special={"a == b": code}, cheap=True,
              public=False)  # fmt: skip


COMPARISONS: tuple[Op, ...] = (
    _comparison("lt", "<", "<", operator.lt, "np.less", "a < b"),
    _comparison("le", "<=", r"\le", operator.le, "np.less_equal", "a <= b"),
    _comparison("gt", ">", ">", operator.gt, "np.greater", "a > b"),
    _comparison("ge", ">=", r"\ge", operator.ge, "np.greater_equal", "a >= b"),
    _comparison("eq", "==", "=", operator.eq, "np.equal", "a == b", "equality-branch"),
    _comparison("ne", "!=", r"\ne", operator.ne, "np.not_equal", "a != b", "equality-branch"),
    Op("logical_and", ("a", "b"), "zero", type="logical", scalar=operator.and_, fast=operator.and_, array="np.logical_and",
       symbol="and", latex=r"{0} \land {1}", doc="both hold", cheap=True, public=False),
    Op("logical_or", ("a", "b"), "zero", type="logical", scalar=operator.or_, fast=operator.or_, array="np.logical_or",
       symbol="or", latex=r"{0} \lor {1}", doc="one of them holds", cheap=True, public=False),
    Op("logical_not", ("a",), "zero", type="logical", scalar=operator.not_, fast=operator.not_, array="np.logical_not",
       symbol="not", latex=r"\lnot {0}", doc="it does not hold", cheap=True, public=False),
)  # fmt: skip

CHOICE: tuple[Op, ...] = (
    Op("select", ("c", "a", "b"), "linear", (None, "select(c, g, 0.0)", "select(c, 0.0, g)"), type="select", scalar=t.chosen,
       array="np.where",
       latex=r"\operatorname{{where}}\left({0}, {1}, {2}\right)", doc="a where c holds, else b, element by element; the lane not chosen "
       "is neither evaluated nor differentiated", cheap=True, public=False, aliases=("where",)),
    Op("maximum", ("a", "b"), "partials", ("share(a, b)", "share(b, a)"), type="arith", scalar=t.maximum, array="np.maximum",
       mp=lambda mp, a, b: max(a, b), symbol="max", latex=r"\max\left({0}, {1}\right)", domain="a in -9..9, b in -9..9",
       doc="the larger of the arguments, or the largest element of an array; ties share the derivative evenly",
       special={"a == b": KINK}, cheap=True, public=False, aliases=("max",)),
    Op("minimum", ("a", "b"), "partials", ("share(b, a)", "share(a, b)"), type="arith", scalar=t.minimum, array="np.minimum",
       mp=lambda mp, a, b: min(a, b), symbol="min", latex=r"\min\left({0}, {1}\right)", domain="a in -9..9, b in -9..9",
       doc="the smaller of the arguments, or the smallest element of an array; ties share the derivative evenly",
       special={"a == b": KINK}, cheap=True, public=False, aliases=("min",)),
    Op("clip", ("x", "a", "b"), "partials", ("inside(x, a, b)", "above(a, x)*inside(a, a, b)", "above(maximum(x, a), b)"), type="arith",
       scalar=t.clip, array="clip", mp=lambda mp, x, a, b: min(max(x, a), b), latex=r"\operatorname{{clip}}\left({0}, {1}, {2}\right)",
       doc="x kept between a and b", domain="x in -9..9, a in -3..-1, b in 1..3", special={"x == a": KINK, "x == b": KINK}),
    Op("relu", ("x",), "partials", ("above(x, 0)",), type="arith", scalar=t.relu, array="relu",
       mp=lambda mp, x: max(x, 0), latex=r"\operatorname{{relu}}\left({0}\right)", doc="max(x, 0), with derivative 0 at 0",
       domain="x in -9..9", special={"x == 0": KINK}, cheap=True),
    Op("share", ("a", "b"), "zero", scalar=t.share, array="share", latex=r"\left[{0} \ge {1}\right]",
       mp=lambda mp, a, b: mp.mpf(1) if a > b else mp.mpf(0) if a < b else mp.mpf(0.5),
       doc="1 where a > b, 0 where a < b, 1/2 where they tie", domain="a in -9..9, b in -9..9", cheap=True, public=False),
    Op("above", ("a", "b"), "zero", scalar=t.above, array="above", latex=r"\left[{0} > {1}\right]",
       mp=lambda mp, a, b: mp.mpf(1 if a > b else 0), doc="1 where a > b, else 0", domain="a in -9..9, b in -9..9", cheap=True,
       public=False),
    Op("inside", ("x", "a", "b"), "zero", scalar=t.inside, array="inside", latex=r"\left[{1} \le {0} \le {2}\right]",
       mp=lambda mp, x, a, b: mp.mpf(1 if a <= x <= b else 0), doc="1 where a <= x <= b, else 0",
       domain="x in -9..9, a in -3..-1, b in 1..3", cheap=True, public=False),
    Op("stop", ("x",), "zero", type="same", scalar=operator.pos, fast=operator.pos, array="np.positive", mp=lambda mp, x: x,
       latex=r"\operatorname{{stop}}\left({0}\right)", doc="x with no derivative", domain="x in -9..9", cheap=True),
)  # fmt: skip

ROUNDING: tuple[Op, ...] = (
    Op("abs", ("x",), "partials", ("sign(x)",), type="arith", scalar=abs, fast=abs, array="np.abs", mp=lambda mp, x: abs(x),
       latex=r"\left|{0}\right|", doc="|x|, with derivative 0 at 0", domain="x in -9..9", special={"x == 0": KINK}, cheap=True),
    Op("sign", ("x",), "zero", type="arith", scalar=t.sign, array="sign", mp=lambda mp, x: mp.sign(x),
       latex=r"\operatorname{{sign}}\left({0}\right)", doc="-1, 0 or 1", domain="x in -9..9", special={"x == 0": KINK}, cheap=True),
    Op("floor", ("x",), "zero", scalar=t.whole(math.floor), array="np.floor", mp=lambda mp, x: mp.floor(x),
       latex=r"\left\lfloor {0} \right\rfloor", doc="the largest whole number ≤ x", domain="x in -9..9", special={"x == out": KINK}),
    Op("ceil", ("x",), "zero", scalar=t.whole(math.ceil), array="np.ceil", mp=lambda mp, x: mp.ceil(x),
       latex=r"\left\lceil {0} \right\rceil", doc="the smallest whole number ≥ x", domain="x in -9..9", special={"x == out": KINK}),
    Op("round", ("x",), "zero", scalar=t.whole(round), array="np.rint", mp=lambda mp, x: mp.nint(x),
       latex=r"\operatorname{{round}}\left({0}\right)", doc="the nearest whole number, halves to the even one", domain="x in -9..9",
       special={"abs(x - out) == 0.5": KINK}),
    Op("trunc", ("x",), "zero", scalar=t.whole(math.trunc), array="np.trunc", mp=lambda mp, x: mp.floor(x) if x >= 0 else mp.ceil(x),
       latex=r"\operatorname{{trunc}}\left({0}\right)", doc="x without its fraction", domain="x in -9..9",
       special={"x == out and x != 0": KINK}),
    Op("to_int", ("x",), "zero", type="to_int", scalar=t.truncated, array="to_int", mp=lambda mp, x: int(x), symbol="int",
       latex=r"\operatorname{{int}}\left({0}\right)", doc="x as an integer, without its fraction", domain="x in -9..9",
       special={"x == out and x != 0": KINK}, public=False, aliases=("int",)),
    Op("to_real", ("x",), "linear", ("g",), scalar=float, fast=float, array="to_real", mp=lambda mp, x: mp.mpf(x), symbol="real",
       latex="{0}",
       shown="x", doc="an integer or truth value as a real number", domain="x in -9..9", cheap=True, public=False),
)  # fmt: skip

SCHEDULES: tuple[Op, ...] = (
    Op("revolve_split", ("n", "s"), "zero", type="counts", scalar=t.revolve_split, fast=t.revolve_split, public=False,
       doc="how many steps after this snapshot to put the next of s, of n steps to be reversed (`adcli.ad.checkpoint`)"),
)  # fmt: skip

OPS: tuple[Op, ...] = ARITHMETIC + POWERS + COMPARISONS + CHOICE + ROUNDING + SCHEDULES
