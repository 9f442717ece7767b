"""What is known of the integers that are sizes of arrays, where the statement at hand stands.

    check equal n, m        from here on n stands for both, so that arrays of these shapes can share a loop
    zeros n                 its extent is max(n, 0), computed once: that n is not negative is checked elsewhere, perhaps not yet
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from adcli.engines.native.code import Code, is_number
from adcli.engines.native.values import Value


class Extents:
    """not_negative: operands that cannot be; clamped: extents made of integers; equal: which operand stands for those found equal to it."""

    def __init__(self, c: Code) -> None:
        self.c = c
        self.not_negative: set[str] = set()
        self.clamped: dict[str, str] = {}
        self.equal: dict[str, str] = {}

    @contextmanager
    def within(self) -> Iterator[None]:
        """While a block is written: what is found there holds there alone."""
        known, self.clamped, self.equal = (self.clamped, self.equal), dict(self.clamped), dict(self.equal)
        yield
        self.clamped, self.equal = known

    def sizes(self, dims: Sequence[Value]) -> tuple[str, ...]:
        """Extents from integers of the program, which are checked elsewhere not to be negative."""
        out = tuple(self.size(str(d)) for d in dims)
        self.not_negative.update(out)
        return out

    def size(self, n: str) -> str:
        if self.never_negative(n):
            return n
        if n not in self.clamped:
            self.clamped[n] = self.c.at_least_zero(n)
        return self.clamped[n]

    def never_negative(self, i: str) -> bool:
        return i in self.not_negative

    def same(self, extents: Sequence[str]) -> tuple[str, ...]:
        """Extents, one operand for those that a check has found equal."""
        return tuple(self.equal.get(n, n) for n in extents)

    def found_equal(self, a: str, b: str) -> None:
        """From here on one operand stands for both: a constant, if one of them is."""
        a, b = self.same((a, b))
        if a != b:
            other, kept = (b, a) if is_number(a) else (a, b)
            self.equal = {n: kept if m == other else m for n, m in self.equal.items()} | {other: kept}
