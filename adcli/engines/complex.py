"""The complex step: derivatives from one run with complex numbers, without a difference that cancels.

    f(x + ih) = f(x) + ih·f'(x) - …      →      f'(x) = Im f(x + ih)/h + O(h²)      with h so small that h² is nothing

The operations are those of complex arithmetic and know nothing of derivative rules, so the result is evidence of its own (Squire and
Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review 40(1), 1998). It takes operations that are
analytic: a program with others has no complex step, and the error says which.
"""

from __future__ import annotations

import cmath
import math
import sys
from collections.abc import Callable, Sequence
from typing import Any

from adcli.ad.rules import linear_positions
from adcli.engines.differences import TINY, UNIT
from adcli.engines.flags import has_nan
from adcli.engines.limits import Limits
from adcli.engines.shadow import Pair, Shadowed
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Function, Let

STEP = 2.0**-200
MIN = sys.float_info.min
SMALL = 1e-200  # values so small can have a derivative that is not 0 and, times the step, is less than MIN
SCALING = frozenset({"mul", "div", "pow", "exp", "exp2", "exp10", "sigmoid"})


class NotAnalytic(Exception):
    """A program has no complex step: one of its operations is not analytic, or has no complex form here."""


def complex_step(
    function: Function, args: Sequence[Any], wrt: int, direction: Any, limits: Limits | None = None, step: float = STEP
) -> list[tuple[float, float]]:
    """The derivative of each result along `direction` of argument `wrt`, and its rounding error from the size of the terms it adds.

    It is 0 where a result does not depend on the argument. step: relative to the argument; a derivative that is not there, or is 0, changes
    with it. Raises NotAnalytic, and what evaluating the function raises.
    """
    size = abs(args[wrt]) if isinstance(args[wrt], float) else 0.0
    h = step * (size or 1.0)
    if h < 1e-300:
        raise NotAnalytic("the input is too close to 0")
    given: list[Pair] = [(value, None) for value in args]
    given[wrt] = (args[wrt], args[wrt] + 1j * h * direction)
    run = _Complex(limits or Limits())
    found = run.run(function, given)
    if run.refused is not None and any(z is not None and has_nan(z.imag) for _, z in found):
        raise run.refused
    return [(0.0 if z is None else z.imag / h, 8 * UNIT * run.largest / h + (0.0 if z is None else TINY / h)) for _, z in found]


class _Complex(Shadowed):
    """A run whose shadows are complex numbers; the values decide the branches. largest: imaginary part that was added to another."""

    largest = 0.0
    refused: NotAnalytic | None = None  # what a result must not depend on: a loop's test may

    def shadow(self, s: Let, args: list[Pair], value: Any) -> Any:
        given = [v if z is None else z for v, z in args]
        try:
            arrays = s.op.name not in FORMS or any(hasattr(v, "shape") for v in given)
            z = self.array(s, args, given) if arrays else self.scalar(s, given)
        except NotAnalytic as why:
            self.refused = self.refused or why
            z = value * 0.0 + complex(0.0, math.nan)
        except (ValueError, ArithmeticError):
            z = complex(value, math.nan)
        if s.op.name in ("add", "sub", "sum", "dot", "matmul"):
            parts = [abs(part.imag) for _, part in args if part is not None]
            self.largest = max([self.largest, *(float(p.max()) if getattr(p, "size", 0) else p for p in parts if getattr(p, "size", 1))])
        return value + 1j * z.imag

    def scalar(self, s: Let, given: list[Any]) -> Any:
        z = complex(FORMS[s.op.name](*given))
        if s.op.name in SCALING and abs(z.imag) < MIN and abs(z.real) < SMALL and all(given):
            raise NotAnalytic("the imaginary part is too small for a double")
        return z

    def array(self, s: Let, args: list[Pair], given: list[Any]) -> Any:
        """NumPy's own complex functions, and the operations that only move or add elements."""
        import numpy as np

        if s.op.name in UFUNCS:
            with np.errstate(all="ignore"):
                return getattr(np, UFUNCS[s.op.name])(*given)
        if s.op.name in MOVES:
            # Linear over the reals: the imaginary parts go the same way as the real ones.
            along = linear_positions(s)
            parts = [v if k not in along else np.zeros_like(v) if z is None else z.imag for k, (v, z) in enumerate(args)]
            parts = [float(p) if hasattr(p, "shape") and not p.shape else p for p in parts]
            return 1j * self.value(s, parts)
        if s.op.name in ("dot", "matmul"):
            return np.matmul(*given)
        raise refusal(s.op.name)

    def rule(self, rule: CustomRule, args: list[Pair], value: Any) -> Any:
        raise NotAnalytic("a function of the program has a derivative of its own")


def refusal(name: str) -> NotAnalytic:
    from adcli.engines.flags import shown

    return NotAnalytic(f"{shown(name)} has no complex form")


def _power(x: complex, y: complex) -> complex:
    """x^y without the branch cut where the exponent is a whole number."""
    if isinstance(y, complex) or not float(y).is_integer():
        if x.real < 0:
            raise ValueError
        return cmath.exp(y * cmath.log(x)) if x != 0 else x**y
    if x.real < 0:
        positive = _power(-x, y)
        return positive if y % 2 == 0 else -positive
    return x ** int(y) if abs(y) <= 64 else cmath.exp(y * cmath.log(x)) if x != 0 else 0j


def _expm1(z: complex) -> complex:
    half = math.sin(z.imag / 2)
    return complex(math.expm1(z.real) * math.cos(z.imag) - 2 * half * half, math.exp(z.real) * math.sin(z.imag))


def _log1p(z: complex) -> complex:
    return complex(math.log1p(z.real), math.atan2(z.imag, 1 + z.real))


def _sigmoid(z: complex) -> complex:
    small = cmath.exp(-z if z.real >= 0 else z)
    return 1 / (1 + small) if z.real >= 0 else small / (1 + small)


# The operations that are analytic, on Python numbers.
FORMS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y, "div": lambda x, y: x / y, "neg": lambda x: -x,
    "pow": lambda x, y: _power(complex(x), y), "exp": cmath.exp, "exp2": lambda z: cmath.exp(z * math.log(2)),
    "exp10": lambda z: cmath.exp(z * math.log(10)), "expm1": _expm1, "ln": cmath.log, "log2": lambda z: cmath.log(z) / math.log(2),
    "log10": cmath.log10, "log1p": _log1p, "sqrt": cmath.sqrt, "sin": cmath.sin, "cos": cmath.cos, "tan": cmath.tan,
    "sec": lambda z: 1 / cmath.cos(z), "csc": lambda z: 1 / cmath.sin(z), "cot": lambda z: 1 / cmath.tan(z), "sinh": cmath.sinh,
    "cosh": cmath.cosh, "tanh": cmath.tanh, "asin": cmath.asin, "acos": cmath.acos, "atan": cmath.atan, "asinh": cmath.asinh,
    "acosh": cmath.acosh, "atanh": cmath.atanh, "sigmoid": _sigmoid, "to_real": lambda x: x, "copy": lambda x: x,
    "select": lambda c, a, b: a if c else b, "hypot": lambda x, y: cmath.sqrt(x * x + y * y),
}  # fmt: skip

UFUNCS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "neg": "negative", "exp": "exp", "ln": "log", "sqrt": "sqrt",
    "sin": "sin", "cos": "cos", "tan": "tan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "select": "where", "expm1": "expm1",
    "log1p": "log1p", "asinh": "arcsinh", "atan": "arctan", "pow": "power",
}  # fmt: skip

MOVES = frozenset({
    "index", "update", "addat", "sum", "mean", "reshape", "transpose", "flip", "stack", "concat", "broadcast_to", "sum_to", "copy",
    "cumsum", "full", "diag", "set_diag", "tril", "triu", "permute", "delay", "to_real", "linspace",
})  # fmt: skip
