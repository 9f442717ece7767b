"""The table, part three: activations, logarithms of sums, error and gamma functions."""
from __future__ import annotations

from adcli.ops import special_functions as sf
from adcli.ops.arithmetic import SINGULAR
from adcli.ops.elementary import unary
from adcli.ops.record import Op

ACTIVATIONS: tuple[Op, ...] = (
    unary("sigmoid", "out*sigmoid(-x)", sf.sigmoid, "1/(1 + exp(-x))", "x in -40..40", array="sigmoid",
          mp=lambda mp, x: 1 / (1 + mp.exp(-x)),
          latex=r"\sigma\left({0}\right)", native="select(x < 0, exp(-abs(x)), 1.0)/(1 + exp(-abs(x)))"),
    unary("logsigmoid", "sigmoid(-x)", sf.logsigmoid, "ln(sigmoid(x))", "x in -40..40", array="logsigmoid",
          mp=lambda mp, x: -mp.log1p(mp.exp(-x)), latex=r"\ln \sigma\left({0}\right)", native="-softplus(-x)"),
    unary("softplus", "sigmoid(x)", sf.softplus, "ln(1 + exp(x))", "x in -40..40", array="softplus", mp=lambda mp, x: mp.log1p(mp.exp(x)),
          latex=r"\ln\left(1 + e^{{{0}}}\right)", native="maximum(x, 0.0) + log1p(exp(-abs(x)))"),
    unary("logit", "1/positive(x*(1 - x))", sf.logit, "ln(x/(1 - x))", "x in 0.001..0.999", mp=lambda mp, x: mp.log(x / (1 - x)),
          latex=r"\operatorname{{logit}} {0}", special={"x*(1 - x) == 0": SINGULAR},
          native="select(x > 0.25 and x < 0.75, log1p((2*x - 1)/(1 - x)), ln(x/(1 - x)))"),
    unary("silu", "sigmoid(x)*(1 + x*sigmoid(-x))", sf.silu, "x*sigmoid(x)", "x in -40..40", array="silu",
          mp=lambda mp, x: x / (1 + mp.exp(-x)), latex=r"{0} \sigma\left({0}\right)", native="select(x == -inf, -0.0, x*sigmoid(x))"),
    unary("gelu", "normcdf(x) + x*normpdf(x)", sf.gelu, "x times the normal distribution function of x", "x in -20..20",
          mp=lambda mp, x: x * mp.erfc(-x / mp.sqrt(2)) / 2, latex=r"{0} \Phi\left({0}\right)",
          native="select(x == -inf, -0.0, x*normcdf(x))"),
    unary("normcdf", "normpdf(x)", sf.normcdf, "the normal distribution function", "x in -20..20",
          mp=lambda mp, x: mp.erfc(-x / mp.sqrt(2)) / 2, latex=r"\Phi\left({0}\right)", shown="erfc(-x/sqrt(2))/2", public=False),
    unary("normpdf", "-x*out", sf.normpdf, "the normal density", "x in -20..20", mp=lambda mp, x: mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi),
          latex=r"\varphi\left({0}\right)", shown="exp(-x^2/2)/sqrt(2*pi)", public=False),
)  # fmt: skip

LOGARITHMS: tuple[Op, ...] = (
    Op("logaddexp", ("x", "y"), "partials", ("sigmoid(x - y)", "sigmoid(y - x)"), scalar=sf.logaddexp, array="np.logaddexp",
       mp=lambda mp, x, y: mp.log(mp.exp(x) + mp.exp(y)), latex=r"\ln\left(e^{{{0}}} + e^{{{1}}}\right)",
       doc="ln(exp(x) + exp(y)) without overflow", domain="x in -9..9, y in -9..9", special={"out == -inf": SINGULAR},
       native="select(x == y, x + 0.6931471805599453, maximum(x, y) + log1p(exp(-abs(x - y))))"),
    unary("log1mexp", "-exp(x)/positive(-expm1(x))", sf.log1mexp, "ln(1 - exp(x)), for x ≤ 0", "x in -40..-0.01",
          mp=lambda mp, x: mp.log(-mp.expm1(x)), latex=r"\ln\left(1 - e^{{{0}}}\right)", special={"x == 0": SINGULAR},
          native="select(x < -0.6931471805599453, log1p(-exp(x)), ln(-expm1(x)))"),
    unary("logexpm1", "1/positive(-expm1(-x))", sf.logexpm1, "ln(exp(x) - 1), for x ≥ 0", "x in 0.01..40",
          mp=lambda mp, x: mp.log(mp.expm1(x)), latex=r"\ln\left(e^{{{0}}} - 1\right)", special={"x == 0": SINGULAR},
          native="select(x > 0.4 and x < 1, log1p(2*expm1((x - 0.6931471805599453) - 2.3190468138462996e-17)), "
                 "select(x < 30, ln(expm1(x)), x + log1p(-exp(-x))))"),
    unary("xlogx", "ln_ex(x)", sf.xlogx, "x*ln(x), 0 at 0", "x in 0.001..100", mp=lambda mp, x: x * mp.log(x), latex=r"{0} \ln {0}",
          special={"x == 0": SINGULAR}, native="select(x == 0, 0.0, x*ln(x))"),
    unary("ln_ex", "1/positive(x)", sf.ln_ex, "1 + ln(x), exact around its zero 1/e", "x in 0.001..100", mp=lambda mp, x: 1 + mp.log(x),
          latex=r"1 + \ln {0}", shown="1 + ln(x)", public=False,
          native="select(x > 0.25 and x < 0.55, log1p(e*((x - 0.36787944117144233) + 1.2428753672788363e-17)), 1 + ln(x))"),
)  # fmt: skip

ERROR_FUNCTIONS: tuple[Op, ...] = (
    unary("erf", "2/sqrt(pi)*gauss(x)", sf.erf, "the error function", "x in -6..6", fast=sf.erf, native="erf"),
    unary("erfc", "-2/sqrt(pi)*gauss(x)", sf.erfc, "1 - erf(x), exact for large x", "x in -6..26", native="erfc"),
    unary("gauss", "-2*x*out", sf.gauss, "exp(-x^2)", "x in -26..26", mp=lambda mp, x: mp.exp(-x * x), latex="e^{{-{0}^2}}",
          shown="exp(-x^2)", public=False),
    unary("erfinv", "erfinv_d(x)", sf.erfinv, "the inverse of erf", "x in -0.999..0.999",
          latex=r"\operatorname{{erf}}^{{-1}}\left({0}\right)",
          special={"abs(x) == 1": SINGULAR}),
    unary("erfinv_d", "2*erfinv(x)*out*out", sf.erfinv_d, "the derivative of erfinv", "x in -0.999..0.999",
          mp=lambda mp, x: mp.sqrt(mp.pi) / 2 * mp.exp(mp.erfinv(x) ** 2),
          latex=r"\frac{{\sqrt{{\pi}}}}{{2}} e^{{\operatorname{{erf}}^{{-1}}({0})^2}}", shown="sqrt(pi)/2*exp(erfinv(x)^2)", public=False),
)  # fmt: skip

GAMMA: tuple[Op, ...] = (
    unary("gamma", "out*digamma(x)", sf.gamma, "the gamma function", "x in 0.01..170", latex=r"\Gamma\left({0}\right)"),
    unary("lgamma", "digamma(x)", sf.lgamma, "the logarithm of |gamma(x)|", "x in 0.01..1000", mp=lambda mp, x: mp.log(abs(mp.gamma(x))),
          latex=r"\ln \left|\Gamma\left({0}\right)\right|"),
    unary("digamma", "polygamma(1, x)", sf.digamma, "the derivative of lgamma", "x in 0.01..1000", latex=r"\psi\left({0}\right)"),
    Op("polygamma", ("n", "x"), "partials", (None, "polygamma(n + 1, x)"), scalar=sf.polygamma, mp=lambda mp, n, x: mp.psi(int(n), x),
       latex=r"\psi^{{({0})}}\left({1}\right)", doc="the n-th derivative of digamma", domain="n in 1, x in 0.01..100"),
    unary("factorial", "out*digamma(x + 1)", sf.factorial, "gamma(x + 1)", "x in 0..170", latex="{0}!", mp="factorial"),
)  # fmt: skip

OPS: tuple[Op, ...] = ACTIVATIONS + LOGARITHMS + ERROR_FUNCTIONS + GAMMA
