"""Special functions on floats, total, within 4 ulp on the domains that the table states.

Sources: Abramowitz & Stegun, Handbook of Mathematical Functions, chapters 6 (gamma and its relatives) and 7 (error functions); series are
Taylor expansions computed to 60 digits, tails are Stirling's and Euler-Maclaurin's.
"""
from __future__ import annotations

import math

from adcli.ops.total import INF, NAN, div, power, total

PI = math.pi
LN2, LN2_LOW = 0.6931471805599453, 2.3190468138462996e-17
INVERSE_E, INVERSE_E_LOW = 0.36787944117144233, -1.2428753672788363e-17
RSQRT2, RSQRT2_LOW = 0.7071067811865476, -4.833646656726457e-17
DIGAMMA_ROOT, DIGAMMA_ROOT_LOW = 1.4616321449683622, 9.549995429965697e-17
ROOT_TAU, ROOT_TAU_LOW = 2.5066282746310007, -7.312045493924427e-17  # the second relative to the first
HALF_LOG_TAU = 0.9189385332046728

sin, cos, tan, exp = total(math.sin), total(math.cos), total(math.tan), total(math.exp)
erf, erfc = math.erf, math.erfc


def polynomial(coefficients: tuple[float, ...], x: float) -> float:
    """Σ cₖ xᵏ, by Horner's rule."""
    out = 0.0
    for c in reversed(coefficients):
        out = out * x + c
    return out


def exact_product(a: float, b: float) -> tuple[float, float]:
    """a·b as a float and its rounding error (Dekker 1971); for |a|, |b| < 1e150."""
    p = a * b
    t = 134217729.0 * a
    ah = t - (t - a)
    al = a - ah
    t = 134217729.0 * b
    bh = t - (t - b)
    bl = b - bh
    return p, ((ah * bh - p) + ah * bl + al * bh) + al * bl


def finite(x: float) -> bool:
    return -INF < x < INF


# Circular and hyperbolic


def sec(x: float) -> float:
    return 1.0 / cos(x)


def csc(x: float) -> float:
    return div(1.0, sin(x))


def cot(x: float) -> float:
    return div(1.0, tan(x))


def _quadrant(x: float) -> tuple[int, float]:
    """x as q/2 + t, with q mod 4 and |t| ≤ 1/4, exactly."""
    r = math.fmod(x, 2.0)
    q = round(2.0 * r)
    return q % 4, r - 0.5 * q


def _sinpi(q: int, t: float) -> float:
    y = math.cos(PI * t) if q % 2 else math.sin(PI * t)
    return (-y if q >= 2 else y) + 0.0


def sinpi(x: float) -> float:
    return _sinpi(*_quadrant(x)) if finite(x) else NAN


def cospi(x: float) -> float:
    if not finite(x):
        return NAN
    q, t = _quadrant(x)
    return _sinpi((q + 1) % 4, t)


def sech2(x: float) -> float:
    if not -350.0 < x < 350.0:
        return 4.0 * math.exp(-2.0 * abs(x)) if x == x else NAN
    c = math.cosh(x)
    return 1.0 / (c * c)


def sinc(x: float) -> float:
    return math.sin(x) / x if x and finite(x) else 1.0 if x == 0 else 0.0 if x == x else NAN


def sinc_d(x: float, n: float) -> float:
    """The n-th derivative of sinc, n ≤ 100: Taylor's series near 0, else x·f⁽ⁿ⁾ + n·f⁽ⁿ⁻¹⁾ = sin⁽ⁿ⁾."""
    order = int(n) if 0 <= n <= 100 else -1
    if order < 0:
        return NAN
    if abs(x) < max(2.5, order):
        return _sinc_series(x, order)
    if not finite(x):
        return NAN if x != x else 0.0
    s, c = math.sin(x), math.cos(x)
    y = s / x
    for k in range(1, order + 1):
        y = ((s, c, -s, -c)[k % 4] - k * y) / x
    return y


def _sinc_series(x: float, n: int) -> float:
    """Σ over 2k ≥ n of (-1)ᵏ x²ᵏ⁻ⁿ / ((2k+1) (2k-n)!)."""
    m = n % 2
    power = x if m else 1.0
    k = (n + m) // 2
    out, term = 0.0, -power if k % 2 else power
    while abs(term) > 1e-18 * abs(out) or not out:
        out += term / (2 * k + 1)
        m, k = m + 2, k + 1
        term *= -x * x / (m * (m - 1))
        if not term:
            break
    return out


# Logistic functions


def sigmoid(x: float) -> float:
    if x >= 0:
        return 1.0 / (1.0 + math.exp(-x))
    e = math.exp(x)
    return e / (1.0 + e)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x)) if x < 0 else x + math.log1p(math.exp(-x))


def logsigmoid(x: float) -> float:
    return -softplus(-x)


def logit(x: float) -> float:
    if 0.25 < x < 0.75:
        return math.log1p((2.0 * x - 1.0) / (1.0 - x))
    if 0.0 < x < 1.0:
        return math.log(x / (1.0 - x))
    return -INF if x == 0 else INF if x == 1 else NAN


def silu(x: float) -> float:
    return x * sigmoid(x) if x != -INF else -0.0


def logaddexp(x: float, y: float) -> float:
    if x == y:
        return x + LN2
    return x + math.log1p(math.exp(y - x)) if x > y else y + math.log1p(math.exp(x - y)) if x < y else NAN


def log1mexp(x: float) -> float:
    if x < 0:
        return math.log(-math.expm1(x)) if x > -LN2 else math.log1p(-math.exp(x))
    return -INF if x == 0 else NAN


def logexpm1(x: float) -> float:
    """ln(exp(x) - 1); around its zero, ln 2, as ln(1 + 2·(exp(x - ln 2) - 1))."""
    if not x > 0:
        return -INF if x == 0 else NAN
    if 0.4 < x < 1.0:
        return math.log1p(2.0 * math.expm1((x - LN2) - LN2_LOW))
    return math.log(math.expm1(x)) if x < 30.0 else x + math.log1p(-math.exp(-x))


def xlogx(x: float) -> float:
    return x * math.log(x) if x > 0 else 0.0 if x == 0 else NAN


def ln_ex(x: float) -> float:
    """ln(e·x); around 1/e as ln(1 + e·(x - 1/e))."""
    if 0.25 < x < 0.55:
        return math.log1p(math.e * ((x - INVERSE_E) - INVERSE_E_LOW))
    return 1.0 + math.log(x) if x > 0 else -INF if x == 0 else NAN


# Error functions


def gauss(x: float) -> float:
    """exp(-x²), with the rounding error of x² put back: at 26 it is worth 300 ulp."""
    if not -28.0 < x < 28.0:
        return 0.0 if x == x else NAN
    square, error = exact_product(x, x)
    return math.exp(-square) * (1.0 - error)


def normpdf(x: float) -> float:
    if not -40.0 < x < 40.0:
        return 0.0 if x == x else NAN
    square, error = exact_product(x, x)
    return 0.3989422804014327 * math.exp(-0.5 * square) * (1.0 - 0.5 * error)


def normcdf(x: float) -> float:
    """erfc(-x/√2)/2, with the rounding error of x/√2 put back to first order."""
    if not -40.0 < x < 40.0:
        return NAN if x != x else 0.0 if x < 0 else 1.0
    z, error = exact_product(-x, RSQRT2)
    error -= x * RSQRT2_LOW
    return 0.5 * (erfc(z) - 1.1283791670955126 * math.exp(-z * z) * error)


def gelu(x: float) -> float:
    return x * normcdf(x) if x != -INF else -0.0


def erfinv(x: float) -> float:
    """Winitzki's approximation (2008) after three steps of Halley's method, on erfc where x is not small."""
    a = abs(x)
    if not a < 1.0:
        return math.copysign(INF, x) if a == 1.0 else NAN
    if a < 0.1:
        y = 0.886226925452758 * a * (1.0 + 0.2617993877991494 * a * a)
    else:
        w = math.log((1.0 - a) * (1.0 + a))
        t = 4.330746750799873 + 0.5 * w
        y = math.sqrt(math.sqrt(t * t - w / 0.147) - t)
    for _ in range(3):
        error = erf(y) - a if a < 0.5 else (1.0 - a) - erfc(y)
        u = error * 0.886226925452758 * math.exp(y * y)
        y -= u / (1.0 + y * u)
    return math.copysign(y, x)


def erfinv_d(x: float) -> float:
    """√π/2·exp(y²), y = erfinv(x); times erfc(y)/(1 - |x|), which is 1 but for the rounding of y that exp(y²) would magnify."""
    y = abs(erfinv(x))
    if y == INF or y != y:
        return y
    square, error = exact_product(y, y)
    out = 0.886226925452758 * math.exp(square) * (1.0 + error)
    return out * (erfc(y) / (1.0 - abs(x))) if y > 0.4769 else out


# The gamma function and its relatives


def _whole_gamma(x: float) -> float:
    """gamma at whole numbers: exact products, poles, overflow."""
    if x > 0:
        return float(math.factorial(int(x) - 1)) if x < 172 else INF
    return math.copysign(INF, x) if x == 0 else NAN


def gamma(x: float) -> float:
    if not finite(x):
        return INF if x == INF else NAN
    if x == math.floor(x):
        return _whole_gamma(x)
    if -0.5 <= x <= 0.5:
        return div(1.0, x * polynomial(_RECIPROCAL_GAMMA, x))
    if x < 0:
        if x < -184.0:
            return 0.0 if math.floor(x) % 2 == 0 else -0.0
        y = -x * sinpi(x)
        return PI / (y * gamma(-x)) if x > -170.0 else PI / (y * gamma(-x - 20.0)) / _falling(-x, 20)
    if x < 8.0:
        n = round(x - 1.0)
        return _falling(x, n) / polynomial(_RECIPROCAL_GAMMA, x - (n + 1.0))
    if x < 143.0:
        return _stirling(x)
    n = math.ceil(x - 142.0)
    return _falling(x, n) * _stirling(x - n) if x < 171.7 else INF


def _falling(x: float, n: int) -> float:
    """(x-1)(x-2)⋯(x-n), the product in twice the precision."""
    p, low = 1.0, 0.0
    for k in range(1, n + 1):
        p, error = exact_product(p, x - k)
        low = low * (x - k) + error
    return p + low


def _stirling(x: float) -> float:
    """√(2π)·x^(x-1/2)·exp(-x)·exp(1/(12x) - …), for x in 8..143, where the power does not overflow; products in twice the precision."""
    p, low = exact_product(math.pow(x, x - 0.5) * 2.0**-60, math.exp(-x))
    q, error = exact_product(p, ROOT_TAU)
    tail = math.expm1(polynomial(_STIRLING, 1.0 / (x * x)) / x)
    return (q + (error + low * ROOT_TAU + q * (tail + ROOT_TAU_LOW))) * 2.0**60


def factorial(x: float) -> float:
    """gamma(x + 1) as x·gamma(x): x + 1 would round."""
    if x == 0 or (finite(x) and x == math.floor(x)):
        return float(math.factorial(int(x))) if 0 <= x < 171 else INF if x > 0 else NAN
    if -0.5 <= x <= 0.5:
        return 1.0 / polynomial(_RECIPROCAL_GAMMA, x)
    return x * gamma(x)


def lgamma(x: float) -> float:
    """ln|gamma(x)|: by series around its zeros 1 and 2; negative x by reflection (the zeros there are not resolved)."""
    if not finite(x):
        return x if x != x else INF
    if x <= 0.0:
        if x == math.floor(x):
            return INF
        return x * polynomial(_LGAMMA_1, x) - math.log(-x) if x > -0.3 else math.log(PI / abs(x * sinpi(x))) - lgamma(-x)
    if x < 3.5:
        return _lgamma_small(x)
    if x < 171.0:
        return math.log(gamma(x))
    tail = polynomial(_STIRLING, 1.0 / (x * x)) / x if x < 1e17 else 0.0
    return (x - 0.5) * (math.log(x) - 1.0) - 0.5 + HALF_LOG_TAU + tail


def _lgamma_small(x: float) -> float:
    if x < 0.3:
        return x * polynomial(_LGAMMA_1, x) - math.log(x)
    if x < 0.7:
        return (x - 1.0) * polynomial(_LGAMMA_2, x - 1.0) - math.log(x)
    if x < 1.3:
        return (x - 1.0) * polynomial(_LGAMMA_1, x - 1.0)
    if x < 2.75:
        return (x - 2.0) * polynomial(_LGAMMA_2, x - 2.0)
    return (x - 3.0) * polynomial(_LGAMMA_2, x - 3.0) + math.log(x - 1.0)


def digamma(x: float) -> float:
    """ψ(x): a series around its positive zero, recurrence, and Stirling's tail from 10; negative x by reflection."""
    if not finite(x):
        return INF if x == INF else NAN
    if x <= -0.1:
        return NAN if x == math.floor(x) else (digamma(-x) - 1.0 / x) - PI * div(cospi(x), sinpi(x))
    if x < 0.86:
        t = (x - (DIGAMMA_ROOT - 1.0)) - DIGAMMA_ROOT_LOW
        return t * polynomial(_DIGAMMA, t) - div(1.0, x)
    if x >= 10.0:
        square = 1.0 / (x * x)
        return math.log(x) - (0.5 / x + polynomial(_DIGAMMA_TAIL, square) * square)
    found = 0.0
    while x > 2.06:
        x -= 1.0
        found += 1.0 / x
    t = (x - DIGAMMA_ROOT) - DIGAMMA_ROOT_LOW
    return found + t * polynomial(_DIGAMMA, t)


def polygamma(n: float, x: float) -> float:
    """The n-th derivative of digamma, n ≤ 10,000: ±n!·Σ (x+k)^-(n+1) for x > 0; negative x by reflection."""
    if not 0 <= n <= 10_000 or n != math.floor(n) or not x > -INF:
        return NAN
    order = int(n)
    if order == 0:
        return digamma(x)
    sign = 1.0 if order % 2 else -1.0
    if x == INF:
        return 0.0 * sign
    if x <= 0 and x == math.floor(x):
        return INF if order % 2 else math.copysign(INF, -x) if x == 0 else NAN
    if x > 0:
        return sign * _factorial_times(order, _zeta(order + 1, x, 0))
    if order > 170:
        return NAN
    cot = cospi(x) / sinpi(x)
    return -(PI ** (order + 1)) * polynomial(_cotangent(order), cot) - float(math.factorial(order)) * _zeta(order + 1, -x, 1)


def _factorial_times(n: int, z: float) -> float:
    """n!·z, where n! alone may overflow."""
    if n <= 170:
        return float(math.factorial(n)) * z
    return exp(lgamma(n + 1.0) + math.log(z)) if z else 0.0


def _cotangent(n: int) -> tuple[float, ...]:
    """The n-th derivative of cot u as a polynomial in cot u: P₀ = c, Pₖ₊₁ = -(1 + c²)·Pₖ'."""
    p = [0.0, 1.0]
    for _ in range(n):
        d = [k * c for k, c in enumerate(p)][1:]
        p = [0.0] * (len(d) + 2)
        for k, c in enumerate(d):
            p[k] -= c
            p[k + 2] -= c
    return tuple(p)


def _zeta(s: int, x: float, first: int) -> float:
    """Σ over k ≥ first of (x + k)^-s, by Euler and Maclaurin's formula from x + k ≥ 10 + s on."""
    found, k = 0.0, first
    while x + k < 10.0 + s and k < first + 10 + s:
        y = x + k
        error = (x - (y - k)) + (k - (y - (y - k)))
        found += power(y, -s) * (1.0 - s * error / y if error else 1.0)
        k += 1
    y = x + k
    at = power(y, -s)
    tail = power(y, 1 - s) / (s - 1) + 0.5 * at  # not y*at, which underflows too early
    term = at * s / y
    for j, b in enumerate(_BERNOULLI):
        tail += b * term
        term *= (s + 2 * j + 1) * (s + 2 * j + 2) / (y * y)
    return found + tail


# 1/gamma(1 + z)
_RECIPROCAL_GAMMA = (
    1.0, 0.5772156649015329, -0.6558780715202539, -0.04200263503409524, 0.16653861138229148,
    -0.04219773455554433, -0.009621971527876973, 0.0072189432466631, -0.0011651675918590652, -0.00021524167411495098,
    0.0001280502823881162, -2.013485478078824e-05, -1.2504934821426706e-06, 1.133027231981696e-06, -2.056338416977607e-07,
    6.116095104481416e-09, 5.002007644469223e-09, -1.18127457048702e-09, 1.0434267116911005e-10, 7.782263439905071e-12,
    -3.696805618642206e-12, 5.100370287454476e-13, -2.0583260535665066e-14, -5.348122539423018e-15, 1.2267786282382608e-15,
    -1.1812593016974588e-16, 1.1866922547516004e-18,
)  # fmt: skip
# lgamma(1 + z)/z
_LGAMMA_1 = (
    -0.5772156649015329, 0.8224670334241132, -0.40068563438653143, 0.27058080842778454, -0.20738555102867398,
    0.1695571769974082, -0.1440498967688461, 0.12550966952474304, -0.11133426586956469, 0.1000994575127818,
    -0.09095401714582904, 0.083353840546109, -0.0769325164113522, 0.07143294629536133, -0.06666870588242046,
    0.06250095514121304, -0.058823978658684585, 0.055555767627403614, -0.05263167937961666, 0.05000004769810169,
    -0.047619070330142226, 0.04545455629320467, -0.04347826605304026, 0.04166666915034121, -0.04000000119214014,
    0.03846153903467518, -0.037037037312989324, 0.035714285847333355, -0.034482758684919304, 0.03333333336437758,
    -0.03225806453115042,
)  # fmt: skip
# lgamma(2 + z)/z
_LGAMMA_2 = (
    0.42278433509846713, 0.3224670334241132, -0.0673523010531981, 0.020580808427784546, -0.007385551028673986,
    0.0028905103307415234, -0.001192753911703261, 0.0005096695247430425, -0.00022315475845357939, 9.945751278180853e-05,
    -4.492623673813314e-05, 2.050721277567069e-05, -9.439488275268397e-06, 4.374866789907488e-06, -2.039215753801366e-06,
    9.55141213040742e-07, -4.492469198764566e-07, 2.1207184805554665e-07, -1.0043224823968099e-07, 4.7698101693639804e-08,
    -2.2711094608943164e-08, 1.0838659214896955e-08, -5.183475041970047e-09, 2.4836745438024785e-09, -1.1921401405860912e-09,
    5.731367241678862e-10, -2.7595228851242334e-10, 1.330476437424449e-10, -6.4229645638381e-11, 3.1044247747322276e-11,
    -1.5021384080754142e-11, 7.275974480239079e-12, -3.527742476575915e-12, 1.711991790559618e-12, -8.315385841420285e-13,
    4.04220052528944e-13, -1.9664756310966165e-13, 9.573630387838556e-14, -4.6640760264283744e-14, 2.2737369600659724e-14,
    -1.1091399470834522e-14,
)  # fmt: skip
# digamma(root + z)/z
_DIGAMMA = (
    0.9676722454476212, -0.4427631689835921, 0.258499760955651, -0.16394270544240652, 0.10782405069126237,
    -0.07219956125645471, 0.04880428816414311, -0.03316112647484736, 0.022597648232218104, -0.01542476590494896,
    0.010538791616612175, -0.007204534386356869, 0.004926781395729853, -0.003369801655439328, 0.002305126326734928,
    -0.0015769367714301972, 0.0010788252019162967, -0.0007380709389960052, 0.000504953265834602, -0.0003454680251063077,
    0.00023635601564027053, -0.00016170622091974803, 0.0001106337276874741, -7.569179582195066e-05, 5.178575795222081e-05,
    -3.5430070947659604e-05, 2.424006611860132e-05, -1.6584242271854135e-05, 1.134638458466385e-05, -7.762817668462094e-06,
    5.3110609208898636e-06, -3.6336507898010456e-06, 2.486022733129538e-06, -1.7008538854332607e-06, 1.1636675363548843e-06,
    -7.96142543124197e-07, 5.446941930669446e-07, -3.7266161283438227e-07, 2.549626552021554e-07, -1.7443695117727745e-07,
    1.1934394829830244e-07, -8.165115189488409e-08, 5.586299683532171e-08, -3.821960061917494e-08, 2.6148576951961865e-08,
)  # fmt: skip
# B₂ₖ/(2k (2k-1))
_STIRLING = (
    0.08333333333333333, -0.002777777777777778, 0.0007936507936507937, -0.0005952380952380953, 0.0008417508417508417,
    -0.0019175269175269176, 0.00641025641025641, -0.029550653594771242, 0.17964437236883057, -1.3924322169059011,
)  # fmt: skip
# B₂ₖ/(2k)
_DIGAMMA_TAIL = (
    0.08333333333333333, -0.008333333333333333, 0.003968253968253968, -0.004166666666666667, 0.007575757575757576,
    -0.021092796092796094, 0.08333333333333333, -0.4432598039215686, 3.0539543302701198, -26.456212121212122,
)  # fmt: skip
# B₂ₖ/(2k)!
_BERNOULLI = (
    0.08333333333333333, -0.001388888888888889, 3.306878306878307e-05, -8.267195767195768e-07, 2.08767569878681e-08,
    -5.284190138687493e-10, 1.3382536530684679e-11, -3.3896802963225827e-13, 8.586062056277845e-15, -2.174868698558062e-16,
    5.5090028283602295e-18,
)  # fmt: skip
