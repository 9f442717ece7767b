"""Which inputs each number of a result depends on, for one run: the pattern of a Jacobian.

    y = x[0]*x[1] + x[2]        with x[k] = {k}        →        x[0]*x[1] = {0, 1},  y = {0, 1, 2}

A set of input elements is a Python int, one bit for each; an array has an array of sets. Operations unite the sets of the arguments
that their derivative rules name, so an entry is never missed, and one that is there may still be zero in value. The pattern of a
Hessian is that of the gradient's Jacobian, so it needs no rules of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adcli.ad.rules import differentiable
from adcli.engines.limits import Limits, memory_error
from adcli.engines.shadow import Pair, Shadowed
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Function, Let
from adcli.passes.storage import storage


def pattern(function: Function, args: Sequence[Any], wrt: Sequence[int], limits: Limits | None = None) -> list[list[int]]:
    """For each result of the function a set for each of its elements, in order: the elements of the arguments `wrt` it depends on.

    Bit 0 is the first element of the first argument of `wrt`, and the elements count on through the others.
    """
    limits = limits or Limits()
    given: list[Pair] = [(value, None) for value in args]
    first = 0
    for k in wrt:
        count = getattr(args[k], "size", 1)
        if (first + count) ** 2 // 16 > limits.max_memory:  # what the inputs' own sets take
            raise memory_error(limits, None, "the sets of a sparsity pattern")
        given[k] = (args[k], _seeds(args[k], first))
        first += count
    found = _Pattern(limits).run(storage(function), given)
    return [_flat(value, shadow) for value, shadow in found]


def _seeds(value: Any, first: int) -> Any:
    """Every element depends on itself."""
    if not hasattr(value, "shape"):
        return 1 << first
    from adcli.engines.pattern import arrays

    return arrays.seeds(value, first)


def _flat(value: Any, shadow: Any) -> list[int]:
    if hasattr(value, "shape"):
        return [0] * value.size if shadow is None else list(shadow.reshape(-1))
    return [shadow or 0]


class _Pattern(Shadowed):
    """A run whose shadows are sets of input elements."""

    def shadow(self, s: Let, args: list[Pair], value: Any) -> Any:
        if hasattr(value, "shape") or any(hasattr(v, "shape") for v, _ in args):
            from adcli.engines.pattern import arrays

            return arrays.shadow(s, args, value)
        if s.op.name == "select":
            return args[1 if args[0][0] else 2][1]
        union = 0
        for k in differentiable(s):
            union |= args[k][1] or 0
        return union or None

    def rule(self, rule: CustomRule, args: list[Pair], value: Any) -> Any:
        """Every element may depend on all that the arguments with a partial depend on."""
        union = 0
        for k in rule.wrt:
            for bits in _flat(*args[k]):
                union |= bits
        if not hasattr(value, "shape"):
            return union or None
        from adcli.engines.pattern import arrays

        return arrays.full(union, value.shape)
