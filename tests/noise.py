"""How far two right engines may differ on a function: runs of the interpreter in which inexact operations are disturbed at random.

What is rounded in one way only (+ - * / sqrt, comparisons, everything that moves numbers) is left as it is. A function of the C library
may be 4 units in the last place off, a sum n·eps·Σ|terms|. The spread of some such runs, times a safety factor, is what is allowed: for
a program that conditions its numbers badly more, for one without inexact operations nothing (Monte Carlo arithmetic: D. S. Parker,
UCLA CSD-970002, 1997).
"""
from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from adcli.engines.compile import Compiler
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.errors import AdcliError
from adcli.ir.nodes import Function, Let
from adcli.ir.walk import functions, statements

EPS = 2.0**-52
EXACT = {
    "add", "sub", "mul", "div", "neg", "mod", "fmod", "maximum", "minimum", "clip", "relu", "abs", "sqrt", "floordiv", "lt", "le",
    "gt", "ge", "eq", "ne", "logical_and", "logical_or", "logical_not", "share", "above", "inside", "stop", "sign", "floor", "ceil",
    "round", "trunc", "to_int", "revolve_split", "zeros", "ones", "eye", "iota", "dim", "count", "weights", "any", "all", "argmax",
    "argmin", "argsort", "select", "to_real", "full", "linspace", "stack", "concat", "derivative", "copy", "index", "update",
    "addat", "broadcast_to", "reshape", "transpose", "flip", "set_diag", "sort", "permute", "tril", "triu", "half_lower", "mirror",
    "delay", "range", "len", "shape", "diag", "outer", "reduce_max", "reduce_min", "positive", "ratio", "unit_gap",
}  # fmt: skip
# Sums of terms in some order; which argument, or which two whose products are the terms.
SUMS = {"sum": 1, "mean": 1, "sum_to": 1, "cumsum": 1, "trace": 1, "fold": 1, "dot": 2, "matmul": 2}
RUNS = 6
SAFETY = 4


class Disturbed(Compiler):
    """Inexact operations are off by a random part of what they may be off."""

    random: random.Random

    def function(self, s: Let) -> tuple[Callable[..., Any], bool]:
        f, direct = super().function(s)
        if s.op.name in EXACT or s.out.type.elem != "real":
            return f, direct
        slots = [self.of(a) for a in s.args]
        if direct:
            return (lambda *args: self.disturbed(s, f(*args), args)), True
        return (lambda frame: self.disturbed(s, f(frame), [frame[k] for k in slots])), False

    def disturbed(self, s: Let, out: Any, args: Sequence[Any]) -> Any:
        off = 2 * self.random.random() - 1
        size = self.size(s, out, args)
        if not hasattr(out, "shape"):
            return out + float(size) * off if abs(out) < 1e308 else out
        signs = np.random.default_rng(self.random.randrange(2**32)).choice([-1.0, 1.0], out.shape)
        with np.errstate(all="ignore"):
            return np.where(np.isfinite(out), out + size * off * signs, out)

    def size(self, s: Let, out: Any, args: Sequence[Any]) -> Any:
        kind = SUMS.get(s.op.name)
        with np.errstate(all="ignore"):
            if kind == 2:
                a, b = np.abs(args[0]), np.abs(args[1])
                return np.reshape(a @ b, np.shape(out)) * EPS * max(a.shape[-1], 1)
            if kind:
                return np.sum(np.abs(args[0])) * EPS * max(np.size(args[0]), 1) if np.size(args[0]) else 0.0
            count = max([np.size(a) for a in args], default=1) if not hasattr(out, "shape") else 1
            return np.abs(out) * EPS * (4 + count)


def spread(function: Function, args: Sequence[Any], want: Sequence[float], limits: Limits) -> tuple[list[float], set[Any] | None]:
    """What each number may differ by from `want`, and the flags, where they do not depend on such differences."""
    inexact = any(isinstance(s, Let) and s.op.name not in EXACT for f in functions(function) for s in statements(f.body))
    allowed = [4 * EPS * abs(w) if inexact else 0.0 for w in want]  # such a small disturbance may get lost in rounding
    seen: list[set[Any]] = []
    for seed in range(RUNS):
        class Seeded(Disturbed):
            random = random.Random(seed)

        class Noisy(Interpreter):
            compiler = Seeded

        run = Noisy(function, limits)
        try:
            found = numbers(run.run(args))
        except AdcliError:
            return [float("inf")] * len(want), None
        if len(found) != len(want) or [x == x for x in found] != [x == x for x in want]:  # a disturbed exponent can make nan
            return [float("inf")] * len(want), None
        seen.append({flag[:3] for flag in run.flags})
        allowed = [max(a, abs(x - y)) if x != y else a for a, x, y in zip(allowed, found, want, strict=True)]
    return [SAFETY * a for a in allowed], seen[0] if all(s == seen[0] for s in seen) else None


def numbers(results: Sequence[Any]) -> list[float]:
    """All numbers of all results, in one list."""
    return [float(n) for result in results for n in np.ravel(result)]
