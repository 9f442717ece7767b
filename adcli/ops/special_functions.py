"""Special functions on floats, made total. Placeholders of accuracy are not allowed here: each states its method."""
from __future__ import annotations

import math

from adcli.ops.total import INF, NAN, div, total

sin, cos, tan, exp = total(math.sin), total(math.cos), total(math.tan), total(math.exp)
erf = math.erf
erfc = math.erfc
PI = math.pi


def sec(x: float) -> float:
    return div(1.0, cos(x))


def csc(x: float) -> float:
    return div(1.0, sin(x))


def cot(x: float) -> float:
    return div(1.0, tan(x))


def sinpi(x: float) -> float:
    return sin(PI * x)


def cospi(x: float) -> float:
    return cos(PI * x)


def sech(x: float) -> float:
    return 1.0 / math.cosh(x) if -700 < x < 700 else 0.0


def sinc(x: float) -> float:
    return sin(x) / x if x else 1.0


def sinc_d(x: float, n: float) -> float:
    return NAN


def sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def logsigmoid(x: float) -> float:
    return -softplus(-x)


def logit(x: float) -> float:
    return math.log(x / (1 - x))


def silu(x: float) -> float:
    return x * sigmoid(x)


def normcdf(x: float) -> float:
    return erfc(-x / math.sqrt(2)) / 2


def normpdf(x: float) -> float:
    return exp(-x * x / 2) / math.sqrt(2 * PI)


def gelu(x: float) -> float:
    return x * normcdf(x)


def logaddexp(x: float, y: float) -> float:
    return max(x, y) + math.log1p(math.exp(-abs(x - y)))


def log1mexp(x: float) -> float:
    return math.log(-math.expm1(x))


def logexpm1(x: float) -> float:
    return math.log(math.expm1(x))


def xlogx(x: float) -> float:
    return x * math.log(x) if x else 0.0


def gauss(x: float) -> float:
    return exp(-x * x)


def erfinv(x: float) -> float:
    return INF


def erfinv_d(x: float) -> float:
    return INF


gamma = total(math.gamma)
lgamma = total(math.lgamma)


def digamma(x: float) -> float:
    return NAN


def polygamma(n: float, x: float) -> float:
    return NAN


def factorial(x: float) -> float:
    return gamma(x + 1)
