"""What a block costs in the interpreter, about: the unit is one operation on numbers, 60 to 80 ns.

Counted as it stands, once: a run then has to count no more than the iterations of its loops, and its calls.
"""
from __future__ import annotations

from adcli.ir.nodes import Block, Call, For, Function, If, Let, Statement, While
from adcli.ir.types import size
from adcli.ir.walk import functions, statements

ARRAY = 15  # an operation of NumPy, be the arrays ever so small
LANES = 32  # elements that it gets through in a unit
ENTRY = 10  # of a call, or of a loop
ELEMENT = 2  # of an array, read or written
STARTING = 500_000  # of LLVM, about 40 ms
STATEMENT = 2_000  # compiled, in a small function
LARGE = 1_000  # statements, from where on LLVM takes longer for each
_SINGLE = frozenset({"index", "update", "addat"})


def block_weight(block: Block) -> int:
    """One run of a block, without the loops in it and the functions it calls, which count for themselves."""
    return sum(map(_weight, block.statements))


def _weight(s: Statement) -> int:
    match s:
        case Let():
            return _let(s)
        case If():
            return 1 + max(block_weight(s.then), block_weight(s.other))
        case For() | While() | Call():
            return ENTRY
        case _:
            return 1


def _let(s: Let) -> int:
    arrays = [a.type for a in (*s.args, s.out) if a.type.shape]
    if not arrays or s.op.name == "dim":
        return 1
    if s.op.name in _SINGLE and (not s.out.type.shape or (s.inplace and "i" * s.out.type.rank == str(s.attrs[0]))):
        return ELEMENT
    return ARRAY + max((size(t.shape) for t in arrays if t.static), default=0) // LANES


def compiling(function: Function) -> int:
    """What native code of a function takes to make: LLVM's start, and more for each statement the more there are."""
    n = standing(function)
    return STARTING + STATEMENT * n * (LARGE + n) // LARGE


def standing(function: Function) -> int:
    """The statements that stand in a function and in those it calls."""
    return sum(1 for f in functions(function) for _ in statements(f.body))
