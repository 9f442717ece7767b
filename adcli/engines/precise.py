"""A run in high precision along the path of the run in binary64: what the program's function is, to as many digits as wanted.

>>> evaluate(function, [1e-8], digits=50)          # a number of mpmath's for each real result

Every real number has an exact one at its side (a shadow, see `shadow`). Integers and truth values, and so branches, loop counts and
subscripts, are those of the run in binary64: both runs compute the same function of the inputs, which is what their difference measures.
Derivatives are functions of the IR like any other. The only module that imports mpmath.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from adcli.engines.limits import Limits
from adcli.engines.shadow import Pair, Shadowed
from adcli.errors import UsageError
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Call, Function, Let
from adcli.ops.record import Op

DIGITS = 50
ALL_DIGITS = 53 * 0.3010299956639812  # of a binary64 number
# Numbers beyond 2^LARGEST, which binary64 cannot hold anyway, go to no function that would need as many bits.
LARGEST = 1 << 14
# Whole numbers that binary64 has exactly, whatever the argument.
_WHOLE = frozenset({"count", "dim"})
_ANY_SIZE = frozenset({"add", "sub", "mul", "div", "neg", "abs", "sqrt", "maximum", "minimum", "positive", "stop", "to_real"})


def context(digits: int = DIGITS) -> Any:
    """An mpmath context of its own with that many decimal digits; UsageError where mpmath is missing."""
    try:
        import mpmath
    except ImportError:
        raise UsageError(
            "arithmetic in high precision needs mpmath, which is not installed", help='pip install "adcli[precise]"'
        ) from None
    made = mpmath.mp.clone()
    made.dps = digits
    return made


def evaluate(
    function: Function, args: Sequence[Any], digits: int = DIGITS, limits: Limits | None = None, *, exact: Sequence[Any] = ()
) -> list[Any]:  # fmt: skip
    """The results: mpmath numbers, or NumPy arrays of them, for reals; ints and truth values as binary64 computes them.

    args: values of the parameters, floats or arrays. exact: where a parameter's value is a number of mpmath's that no double
    equals, or None; it then takes the place of the value, which still decides the path.
    """
    mp = context(digits)
    run = Precise(mp, limits or Limits())
    shadows = list(exact) or [None] * len(args)
    pairs: list[Pair] = list(zip(args, shadows, strict=True))
    return [
        pair[0] if t.elem != "real" else run.exact(pair)
        for t, pair in zip((a.type for a in function.body.results), run.run(function, pairs), strict=True)
    ]


class Precise(Shadowed):
    """A run whose shadows are exact values; None: the value itself is exact."""

    def __init__(self, mp: Any, limits: Limits) -> None:
        super().__init__(limits)
        self.mp = mp
        self.functions: dict[Op, Callable[..., Any]] = {}

    def let(self, s: Let, args: list[Pair]) -> Pair:
        values = [value for value, _ in args]
        value = self.value(s, values)
        if s.out.type.elem != "real" or s.op.name in _WHOLE or (s.op.kind == "zero" and not any(a.type.elem == "real" for a in s.args)):
            return value, None
        return value, self.made(s, args, value, self.apply(s, values, [self.exact(pair) for pair in args]))

    def made(self, s: Let, args: list[Pair], value: Any, exact: Any) -> Any:
        """The shadow of a result."""
        return exact

    def held(self, shadow: Any) -> Any:
        """The exact value in a shadow."""
        return shadow

    def exact(self, pair: Pair) -> Any:
        """The exact value of a pair."""
        value, shadow = pair
        return self.lift(value) if shadow is None else self.held(shadow)

    def lift(self, value: Any) -> Any:
        """A number or array of the run, exactly."""
        if hasattr(value, "shape"):
            from adcli.engines import precise_arrays

            return precise_arrays.lifted(self.mp, value)
        return self.mp.mpf(value)

    def ruled(self, s: Call, rule: CustomRule, args: list[Pair]) -> list[Pair]:
        """What a function computes is in its statements, whatever it says of its partials."""
        return self.call(s.function, args)

    def apply(self, s: Let, values: Sequence[Any], exacts: Sequence[Any]) -> Any:
        """The operation on exact arguments. UsageError where it has no form in high precision."""
        op, name = s.op, s.op.name
        if name == "select" and not any(hasattr(v, "shape") for v in values):
            return exacts[1] if values[0] else exacts[2]
        if op.mp is not None and not any(hasattr(x, "shape") for x in exacts):
            return self.function(op)(*exacts)
        from adcli.engines import precise_arrays

        mp = self.mp
        if name == "select":
            return precise_arrays.settled(mp, precise_arrays.selected(values[0], *exacts[1:]))
        if op.mp is not None:
            return precise_arrays.settled(mp, precise_arrays.elementwise(self.function(op), exacts))
        form = precise_arrays.form(name)
        if form is None:
            raise UsageError(f"'{name}' has no form in high precision", help="leave it out of what is computed with many digits")
        try:
            return precise_arrays.settled(mp, form(mp, values, exacts, **dict(zip(op.attrs, s.attrs, strict=True))))
        except (ArithmeticError, ValueError):
            near = [self.down(x) if a.type.elem == "real" else v for a, v, x in zip(s.args, values, exacts, strict=True)]
            return self.lift(self.value(s, near))

    def down(self, exact: Any) -> Any:
        """The nearest binary64 value or values."""
        if hasattr(exact, "shape"):
            from adcli.engines import precise_arrays

            return precise_arrays.nearest(exact)
        return float(exact)

    def function(self, op: Op) -> Callable[..., Any]:
        """The operation on numbers; where mathematics has no value, what binary64 makes of it: inf, nan, or a value by convention."""
        found = self.functions.get(op)
        if found is None:
            assert op.mp is not None
            plain = getattr(self.mp, op.mp) if isinstance(op.mp, str) else partial(op.mp, self.mp)
            found = self.functions[op] = partial(_apply, self.mp, op, plain, op.name not in _ANY_SIZE)
        return found


def _apply(mp: Any, op: Op, plain: Callable[..., Any], sized: bool, *args: Any) -> Any:
    if not sized or all(a.man == 0 or a.exp + a.bc < LARGEST for a in args):
        try:
            out = plain(*args)
        except (ArithmeticError, ValueError, TypeError):
            out = None
        if isinstance(out, mp.mpf) and out == out:
            return out
    assert op.scalar is not None
    return mp.mpf(op.scalar(*map(float, args)))


