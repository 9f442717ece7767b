"""Taylor arithmetic: a run in which every number carries the coefficients of its Taylor series along one input.

    y = exp(x)      with x = 1 + t      →      y = e + e·t + e/2·t² + …

There is one way for all operations of the table, their derivative rules: y' = rule(x, y)·x' gives the coefficient of order j of y from
those of lower orders, where the rule's own operations are series too. sin(x)' = cos(x)·x' asks for the series of cos(x), whose
rule asks for that of sin(x), which is there: equal operations on equal arguments are one series, computed order by order as far as it is
asked for. So the work is quadratic in the order; cubic only where rules go on to ever new operations, as gamma's do, whose
derivatives satisfy no equation of their own. Sums and linear operations act on each coefficient, products convolve (Griewank
and Walther, Evaluating Derivatives, 2nd edition, chapter 13).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adcli.ad.rules import differentiable, linear_positions
from adcli.engines.limits import BYTES, Limits, memory_error
from adcli.engines.series import Fixed, Given, Graph, zero
from adcli.engines.shadow import Pair, Shadowed
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Function, Let
from adcli.passes.storage import storage


def taylor(function: Function, args: Sequence[Any], wrt: int, direction: Any, order: int, limits: Limits | None = None) -> list[list[Any]]:
    """For each real result its coefficients f⁽ʲ⁾/j! for j = 0 … order, where argument `wrt` moves along `direction`."""
    given: list[Pair] = [(value, None) for value in args]
    given[wrt] = (args[wrt], [direction, *(zero(direction) for _ in range(order - 1))][:order])
    found = _Taylor(limits or Limits(), order).run(storage(function), given)
    return [[value, *([zero(value)] * order if higher is None else higher)] for value, higher in found]


class _Taylor(Shadowed):
    """A run whose shadows are lists of the coefficients from order 1 on."""

    def __init__(self, limits: Limits, order: int) -> None:
        super().__init__(limits)
        self.order = order

    def shadow(self, s: Let, args: list[Pair], value: Any) -> Any:
        if BYTES * self.order * getattr(value, "size", 1) > self.limits.max_memory:
            raise memory_error(self.limits, s.span, "the Taylor coefficients")
        along = differentiable(s)
        if all(args[k][1] is None for k in along):
            return None
        if s.op.kind == "linear" and s.op.tangent is None:
            return self.linear(s, args)
        graph = Graph(self.value)
        node = graph.node(s, [Fixed.of(v) if higher is None else Given(v, higher) for v, higher in args])
        node.known[:] = [value]
        return [node.at(j) for j in range(1, self.order + 1)]

    def linear(self, s: Let, args: list[Pair]) -> list[Any]:
        """The operation on the coefficients of each order: in place where it is so on values."""
        positions = linear_positions(s)
        out: list[Any] = []
        for j in range(self.order):
            # An array that is overwritten is not to be a zero that others share.
            values = [v if k not in positions else zero(v) if higher is None else higher[j] for k, (v, higher) in enumerate(args)]
            out.append(self.value(s, values))
        return out

    def rule(self, rule: CustomRule, args: list[Pair], value: Any) -> Any:
        """Σ ∂ₖ·ẋₖ order by order: the partials may read the value, so each order takes a run of its own."""
        higher: list[Any] = []
        for order in range(self.order):
            pairs = [(v, None if h is None else h[:order]) for v, h in args]
            partials = _Taylor(self.limits, order).call(storage(rule.partials), [*pairs, (value, higher[:order])])
            total = zero(value)
            for k, (p, rest) in zip(rule.wrt, partials, strict=True):
                if args[k][1] is not None:
                    total = total + _rate(args[k][1], [p, *(rest or [])], value)
            higher.append(total / (order + 1))
        return higher


def _rate(moves: Sequence[Any], partial: Sequence[Any], value: Any) -> Any:
    """The highest coefficient of ∂·ẋ, from those of x from order 1 on and those of ∂; summed where the value is a number."""
    top = len(partial) - 1
    terms = [(i + 1) * moves[i] * partial[top - i] for i in range(top + 1)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return float(total.sum()) if hasattr(total, "shape") and not hasattr(value, "shape") else total
