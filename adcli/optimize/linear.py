"""Linear least squares to the last digit: iterative refinement with residuals of twice the working precision.

    r(b) = c + J b      →      s = c + J b,  Jᵀs = 0,  both improved together until they no longer change

The corrections of b and of the residuals s solve the augmented system by the factors at hand (Björck, Numerical Methods for Least Squares
Problems, 1996, section 2.9.3). What makes them worth something is that c + Jb - s and Jᵀs are summed up with the rounding errors of every
product and sum (Ogita, Rump and Oishi, Accurate sum and dot product, 2005). So the error of b is that of rounding it, as long as the
condition of J is below 1/ε, where the QR factorisation alone would lose as many digits as the condition has.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from adcli.optimize.least_squares import Factors

STEPS = 20
# Elements of the Jacobian up to which it is done: with so many rows that there are more, means of data are what limits the digits.
MOST = 4_000_000
_SPLIT = 134217729.0  # 2²⁷ + 1


def product(a: Any, b: Any) -> tuple[Any, Any]:
    """a·b as a double and the error of that (Veltkamp and Dekker, 1971)."""
    p = a * b
    high_a, high_b = _high(a), _high(b)
    low_a, low_b = a - high_a, b - high_b
    return p, low_a * low_b - (((p - high_a * high_b) - low_a * high_b) - high_a * low_b)


def _high(a: Any) -> Any:
    """The upper half of the digits."""
    t = _SPLIT * a
    return t - (t - a)


def total(a: Any, b: Any) -> tuple[Any, Any]:
    """a + b as a double and the error of that (Knuth, 1969)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def misfit(constant: Any, jacobian: Any, b: Any, s: Any) -> Any:
    """c + J b - s, as if computed with twice the digits; shape [m]."""
    found, error = total(constant, -s)
    for k in range(len(b)):
        p, lost = product(jacobian[:, k], b[k])
        found, more = total(found, p)
        error = error + (lost + more)
    return found + error


def slope(jacobian: Any, s: Any) -> Any:
    """Jᵀs with one rounding each; shape [n]."""
    parts = (product(jacobian[:, k], s) for k in range(jacobian.shape[1]))
    return np.array([math.fsum([*p.tolist(), *lost.tolist()]) for p, lost in parts])


def refined(constant: Any, jacobian: Any, factors: Factors, b: Any) -> tuple[Any, Any]:
    """The parameters and the residuals, from parameters nearby. constant: r(0), shape [m]; factors: those of the Jacobian."""
    s = constant + jacobian @ b
    last = math.inf
    for _ in range(STEPS):
        apart = misfit(constant, jacobian, b, s)
        inner = slope(jacobian, s)
        step = factors.step(-factors.along(inner) - factors.coordinates(apart))
        size = float(np.linalg.norm(step * factors.scale))
        if not math.isfinite(size) or size >= last / 2:
            break
        b, s, last = b + step, s + (apart + jacobian @ step), size
        if size == 0.0:
            break
    return b, s
