"""About how much work a block is, so that native code looks at the clock often enough, and no oftener.

    for i in 0..n { for j in 0..1000 { y = y/2 } }        the inner loop is short and does not look; each turn of the outer one counts 1000
"""
from __future__ import annotations

from adcli.ir.nodes import Block, Call, Const, For, Function, If, Let, While
from adcli.ir.types import size

# A loop whose work is known to be less than this need not look at the clock.
SHORT = 2**18


class Work:
    """Of a program's blocks, in scalar operations. recursive: its functions that call themselves, which look at the clock at each call."""

    def __init__(self, recursive: set[Function]) -> None:
        self.recursive = recursive
        self.functions: dict[Function, int] = {}

    def of(self, b: Block) -> int:
        """What passes between two looks at the clock at least, if nothing in the block looks; loops that do so themselves apart."""
        total, todo = 1, [b]
        while todo:
            for s in todo.pop().statements:
                if isinstance(s, Let):
                    total += elements(s)
                elif isinstance(s, If):
                    todo += (s.then, s.other)
                elif isinstance(s, For):
                    total += 1 if self.looks(s) else self.turns(s) * self.of(s.body)
                elif isinstance(s, Call) and s.function not in self.recursive:
                    total += self.called(s.function)
                else:
                    total += 1
        return total

    def called(self, f: Function) -> int:
        if f not in self.functions:
            self.functions[f] = self.of(f.body)
        return self.functions[f]

    def looks(self, s: For | While) -> bool:
        """Whether a loop looks at the clock: if it is not known to be short."""
        return not isinstance(s, For) or not isinstance(s.count, Const) or self.turns(s) * self.of(s.body) > SHORT

    def turns(self, s: For) -> int:
        assert isinstance(s.count, Const)
        return max(0, int(s.count.value))


def elements(s: Let) -> int:
    """The elements of the largest array that a statement works on, of a section its own; a guess where a shape is not known."""
    touched = [s.out, *s.args]
    if s.op.name == "index":
        touched = [s.out]
    elif s.inplace:
        touched = [s.args[1]]
    most = 1
    for a in touched:
        if a.type.shape:
            most = max(most, size(a.type.shape) if a.type.static else 256)
    return most if s.op.scalar is not None or s.op.array is None or s.op.name in ("index", "update", "addat") else 4 * most
