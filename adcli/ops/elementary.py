"""The table, part two: exponentials, logarithms, roots, trigonometric and hyperbolic functions."""
from __future__ import annotations

import functools
import math

from adcli.ops import special_functions as sf
from adcli.ops import total as t
from adcli.ops.arithmetic import KINK, SINGULAR
from adcli.ops.record import Op
from adcli.ops.total import INF, total

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def named(name: str) -> str:
    """The notation of a function that is written by its name."""
    return rf"\operatorname{{{{{name}}}}}\left({{0}}\right)"


def unary(
    name: str, rule: str, scalar: Callable[..., float], doc: str, domain: str, *, fast: Callable[..., float] | None = None,
    array: str | None = None, mp: str | Callable[..., Any] | None = None, latex: str | None = None, shown: str | None = None,
    special: Mapping[str, str] | None = None, public: bool = True, cheap: bool = False, aliases: tuple[str, ...] = (),
    native: str | None = None,
) -> Op:  # fmt: skip
    """A function of one real number."""
    return Op(
        name, ("x",), "partials", (rule,), scalar=scalar, fast=fast, array=array, mp=mp or name, latex=latex or named(name),
        shown=shown, doc=doc, domain=domain, special=special or {}, public=public, cheap=cheap, aliases=aliases, native=native,
    )  # fmt: skip


_exp10 = functools.partial(math.pow, 10.0)

EXPONENTIALS: tuple[Op, ...] = (
    unary("exp", "out", total(math.exp), "e^x", "x in -700..700", fast=math.exp, array="np.exp", latex="e^{{{0}}}", native="exp"),
    unary("exp2", "out*ln(2)", total(math.exp2), "2^x", "x in -1000..1000", fast=math.exp2, array="np.exp2",
          mp=lambda mp, x: mp.power(2, x), latex="2^{{{0}}}", native="exp2"),
    unary("exp10", "out*ln(10)", total(_exp10), "10^x", "x in -300..300", fast=_exp10, array="exp10",
          mp=lambda mp, x: mp.power(10, x), latex="10^{{{0}}}"),
    unary("expm1", "exp(x)", total(math.expm1), "e^x - 1, exact for small x", "x in -50..700", fast=math.expm1, array="np.expm1",
          native="expm1"),
    unary("ln", "1/positive(x)", total(math.log, {0.0: -INF}), "the natural logarithm", "x in 0.001..1000", fast=math.log, array="np.log",
          mp="log", latex=r"\ln {0}", special={"x == 0": SINGULAR}, aliases=("log",), native="log"),
    unary("log2", "1/(positive(x)*ln(2))", total(math.log2, {0.0: -INF}), "the logarithm to base 2", "x in 0.001..1000", fast=math.log2,
          array="np.log2", mp=lambda mp, x: mp.log(x, 2), latex=r"\log_2 {0}", special={"x == 0": SINGULAR}, native="log2"),
    unary("log10", "1/ln(10)/positive(x)", total(math.log10, {0.0: -INF}), "the logarithm to base 10", "x in 0.001..1000",
          fast=math.log10,
          array="np.log10", mp="log10", latex=r"\log_{{10}} {0}", special={"x == 0": SINGULAR}, native="log10"),
    unary("log1p", "1/positive(1 + x)", total(math.log1p, {-1.0: -INF}), "ln(1 + x), exact for small x", "x in -0.99..1000",
          fast=math.log1p, array="np.log1p", special={"x == -1": SINGULAR}, native="log1p"),
    unary("sqrt", "0.5/positive(out)", total(math.sqrt), "the square root", "x in 0..1000", fast=math.sqrt, array="np.sqrt",
          latex=r"\sqrt{{{0}}}", special={"x == 0": SINGULAR}),
    unary("cbrt", "1/(3*out*out)", t.cbrt, "the cube root, of negative numbers too", "x in -1000..1000",
          mp=lambda mp, x: mp.sign(x) * mp.cbrt(abs(x)), latex=r"\sqrt[3]{{{0}}}", special={"x == 0": SINGULAR}),
    Op("hypot", ("x", "y"), "partials", ("ratio(x, out)", "ratio(y, out)"), scalar=t.hypot, array="np.hypot",
       mp=lambda mp, x, y: mp.hypot(x, y),
       latex=r"\sqrt{{{0}^2 + {1}^2}}", doc="sqrt(x^2 + y^2) without overflow, with derivative 0 at (0, 0)",
       domain="x in -9..9, y in -9..9", special={"out == 0": KINK}, native="hypot"),
)  # fmt: skip

TRIGONOMETRIC: tuple[Op, ...] = (
    unary("sin", "cos(x)", total(math.sin), "the sine of x in radians", "x in -20..20", fast=math.sin, array="np.sin", latex=r"\sin {0}",
          native="sin"),
    unary("cos", "-sin(x)", total(math.cos), "the cosine of x in radians", "x in -20..20", fast=math.cos, array="np.cos",
          latex=r"\cos {0}", native="cos"),
    unary("tan", "1 + out*out", total(math.tan), "the tangent of x in radians", "x in -20..20", fast=math.tan, array="np.tan",
          latex=r"\tan {0}", native="tan"),
    unary("sec", "out*tan(x)", sf.sec, "1/cos(x)", "x in -20..20", latex=r"\sec {0}", native="1/cos(x)"),
    unary("csc", "-out*cot(x)", sf.csc, "1/sin(x)", "x in 0.1..3", latex=r"\csc {0}", special={"x == 0": SINGULAR}, native="1/sin(x)"),
    unary("cot", "-csc(x)*csc(x)", sf.cot, "1/tan(x)", "x in 0.1..3", latex=r"\cot {0}", special={"x == 0": SINGULAR}, native="1/tan(x)"),
    unary("asin", "1/sqrt(unit_gap(x))", total(math.asin), "the arc sine", "x in -1..1", fast=math.asin, array="np.arcsin",
          latex=r"\arcsin {0}", special={"abs(x) == 1": SINGULAR}, native="asin"),
    unary("acos", "-1/sqrt(unit_gap(x))", total(math.acos), "the arc cosine", "x in -1..1", fast=math.acos, array="np.arccos",
          latex=r"\arccos {0}", special={"abs(x) == 1": SINGULAR}, native="acos"),
    unary("atan", "1/(1 + x*x)", total(math.atan), "the arc tangent", "x in -50..50", fast=math.atan, array="np.arctan",
          latex=r"\arctan {0}", native="atan"),
    Op("atan2", ("y", "x"), "partials", ("x/hypot(x, y)/hypot(x, y)", "-y/hypot(x, y)/hypot(x, y)"), scalar=math.atan2, fast=math.atan2,
       array="np.arctan2", mp=lambda mp, y, x: mp.atan2(y, x), latex=r"\operatorname{{atan2}}\left({0}, {1}\right)",
       doc="the angle of the point (x, y), between -pi and pi", domain="y in -9..9, x in -9..9",
       special={"x == 0 and y == 0": SINGULAR}, native="atan2"),
    unary("sinpi", "pi*cospi(x)", sf.sinpi, "sin(pi*x), exact at whole and half x", "x in -20..20", latex=r"\sin {{\pi {0}}}"),
    unary("cospi", "-pi*sinpi(x)", sf.cospi, "cos(pi*x), exact at whole and half x", "x in -20..20", latex=r"\cos {{\pi {0}}}"),
    unary("sinc", "sinc_x(x)", sf.sinc, "sin(x)/x, 1 at 0", "x in -20..20", mp=lambda mp, x: mp.sinc(x),
          native="select(x == 0, 1.0, select(abs(x) == inf, 0.0, sin(x)/x))"),
    unary("sinc_x", "sinc_d(x, 2)", lambda x: sf.sinc_d(x, 1.0), "the derivative of sinc, 0 at 0", "x in -20..20",
          mp=lambda mp, x: mp.diff(mp.sinc, x), latex=r"\operatorname{{sinc}}'\left({0}\right)", shown="(cos(x) - sinc(x))/x",
          public=False),
    Op("sinc_d", ("x", "n"), "partials", ("sinc_d(x, n + 1)", None), scalar=sf.sinc_d, mp=lambda mp, x, n: mp.diff(mp.sinc, x, int(n)),
       latex=r"\operatorname{{sinc}}^{{({1})}}\left({0}\right)", doc="the n-th derivative of sinc", domain="x in -20..20, n in 2",
       public=False),
    unary("unit_gap", "-2*x", t.unit_gap, "1 - x^2 without cancellation at 1 and -1", "x in -1..1", array="unit_gap",
          mp=lambda mp, x: 1 - x * x, latex="1 - {0}^2", shown="1 - x^2", public=False, native="(1 - x)*(1 + x)"),
)  # fmt: skip

HYPERBOLIC: tuple[Op, ...] = (
    unary("sinh", "cosh(x)", total(math.sinh, odd=True), "the hyperbolic sine", "x in -700..700", fast=math.sinh, array="np.sinh",
          latex=r"\sinh {0}", native="sinh"),
    unary("cosh", "sinh(x)", total(math.cosh), "the hyperbolic cosine", "x in -700..700", fast=math.cosh, array="np.cosh",
          latex=r"\cosh {0}", native="cosh"),
    unary("tanh", "sech2(x)", math.tanh, "the hyperbolic tangent", "x in -20..20", fast=math.tanh, array="np.tanh",
          latex=r"\tanh {0}", native="tanh"),
    unary("sech2", "-2*out*tanh(x)", sf.sech2, "1/cosh(x)^2 without overflow", "x in -350..350", array="sech2",
          mp=lambda mp, x: mp.sech(x) ** 2, latex=r"\frac{{1}}{{\cosh^2 {0}}}", shown="1/cosh(x)^2", public=False,
          native="select(abs(x) >= 350, 4*exp(-2*abs(x)), 1/(cosh(x)*cosh(x)))"),
    unary("asinh", "1/hypot(1, x)", math.asinh, "the inverse hyperbolic sine", "x in -1000..1000", fast=math.asinh, array="np.arcsinh",
          latex=r"\operatorname{{arsinh}} {0}", native="asinh"),
    unary("acosh", "1/sqrt(x - 1)/sqrt(x + 1)", total(math.acosh), "the inverse hyperbolic cosine", "x in 1..1000", fast=math.acosh,
          array="np.arccosh", latex=r"\operatorname{{arcosh}} {0}", special={"x == 1": SINGULAR}, native="acosh"),
    unary("atanh", "1/positive(unit_gap(x))", total(math.atanh, {1.0: INF, -1.0: -INF}), "the inverse hyperbolic tangent",
          "x in -0.999..0.999", fast=math.atanh, array="np.arctanh",
          latex=r"\operatorname{{artanh}} {0}", special={"abs(x) == 1": SINGULAR}, native="atanh"),
)  # fmt: skip

GUARDS: tuple[Op, ...] = (
    unary("positive", "1", t.positive, "x where x ≥ 0 (without the sign of zero), else nan: keeps a derivative inside the domain",
          "x in 0..9", array="positive", mp=lambda mp, x: x if x >= 0 else mp.nan, latex="{0}", shown="x", public=False, cheap=True,
          native="select(x >= 0, abs(x), nan)"),
    Op("ratio", ("x", "r"), "partials", ("ratio(1, r)", "-ratio(out, r)"), scalar=t.ratio, array="ratio",
       mp=lambda mp, x, r: x / r,
       latex=r"\frac{{{0}}}{{{1}}}", shown="x/r", doc="x/r, and 0 where r is 0", domain="x in -9..9, r in 0.1..9", public=False,
       native="select(r == 0, 0.0, x/r)"),
)  # fmt: skip

OPS: tuple[Op, ...] = EXPONENTIALS + TRIGONOMETRIC + HYPERBOLIC + GUARDS
