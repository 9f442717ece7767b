"""What a run may cost in the interpreter before another engine takes over. `engines.weight` has the unit."""
from __future__ import annotations

from collections.abc import Callable

ENDLESS = 2**62


class Spent(Exception):
    """A run has used up its budget, and another engine starts anew. No error, and nobody is told."""


class Budget:
    """What a function may cost in the interpreter, over all its runs, before another engine takes over.

    leaves: whether there is another engine, asked when the budget is used up; without it, there is none.
    """

    __slots__ = ("leaves", "left")

    def __init__(self, left: int, leaves: Callable[[], bool] = bool) -> None:
        self.left = left
        self.leaves = leaves

    def spent(self) -> None:
        """Leave the run, or go on for good."""
        if self.leaves():
            raise Spent
        self.left = ENDLESS
