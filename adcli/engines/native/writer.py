"""The writer of one function: what is known of its variables, and how their values are held, wherever in it a statement stands.

What it writes with is in parts: `c` the text in the making, `guards` the ways out, `memory` where arrays lie, `extents` what is known
of sizes, `tape` what of the tape is at hand. How each kind of statement is written is in `statements` and the modules named there.

    c = a*b           a Virtual array: nothing is written yet
    d = c + 1         another, over the first
    sum(d)            one loop, which computes both
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from adcli.engines.native import arrays, checks, scalars, statements
from adcli.engines.native.code import Code, constant
from adcli.engines.native.extents import Extents
from adcli.engines.native.guards import Guards
from adcli.engines.native.memory import Memory
from adcli.engines.native.tapes import TapeAtHand
from adcli.engines.native.values import Array, Mem, Regs, Value, Virtual, count, element, is_small_type, shaped, waiting
from adcli.ir.nodes import Atom, Block, Check, Const, Function, Let, Var
from adcli.ir.walk import all_blocks, all_compound, reads

if TYPE_CHECKING:
    from adcli.engines.native.module import Module

# A virtual array that takes more than this for an element, in additions, is stored; and so is one that is read again, where that
# would take more than the other number once more.
LARGEST, CHEAP = 256, 3
# Operations whose arguments are factors of matrix products, or become some.
FACTORED = frozenset({"matmul", "transpose"})


class Writer:
    """values: of the variables met so far; remaining: how often each is still to be read; pending: virtual arrays that will be read.

    addressed: small arrays that are indexed at run time, and so live in memory; homes: where arrays are to be made; factors: of matrix
    products, perhaps transposed; watched: integers that are checked to be in range, and overflow: the operand that says that one is not.
    """

    def __init__(self, module: Module, function: Function) -> None:
        self.module = module
        self.function = function
        self.c = Code(module.vectorised)
        self.c.parallel = module.parallel
        if module.watch:
            self.c.watcher = lambda op, args, out: checks.watch(self, op, args, out)
        self.guards = Guards(module, self.c)
        self.memory = Memory(module, self.c, self.guards)
        self.extents = Extents(self.c)
        self.tape = TapeAtHand(self.c)
        self.values: dict[Var, Value] = {}
        self.pending: dict[Var, Virtual] = {}
        self.remaining: Counter[Atom] = Counter()
        self.factors: set[Atom] = set()
        self.addressed = module.addressed
        self.homes: dict[Var, Mem] = {}
        self.count(function.body)
        self.watched = {s.args[0] for s in all_compound(function.body) if isinstance(s, Check) and s.kind == "int64"}
        self.overflow: dict[Var, str] = {}

    def count(self, body: Block) -> None:
        """Find out how often every variable is read, and what matrix products are made of."""
        for block in all_blocks(body):
            self.remaining.update(chain.from_iterable(s.args if type(s) is Let else reads(s) for s in block.statements))
            self.remaining.update(block.results)
            for s in block.statements:
                if type(s) is Let and s.op.name in FACTORED:
                    self.factors.update(s.args)

    def block(self, block: Block) -> None:
        statements.block(self, block)

    # Variables.

    def value(self, a: Atom) -> Value:
        """What is read here; a variable that will not be read again need not be computed for others."""
        if isinstance(a, Const):
            return constant(a.value, a.type.elem)
        self.remaining[a] -= 1
        if self.pending and not self.remaining[a]:
            self.pending.pop(a, None)
        return self.values[a]

    def operand(self, a: Atom) -> str:
        v = self.value(a)
        assert isinstance(v, str)
        return v

    def yielded(self, a: Atom, out: Var) -> Value:
        """What is read, in the form that `out` has: a block's result, an argument."""
        v = shaped(self.value(a), out.type)
        if isinstance(v, str):
            return scalars.coerced(self.c, v, a.type.elem, out.type.elem)
        if is_small_type(out.type) and out not in self.addressed:
            return self.registers(v)
        m = self.in_memory(v)
        return m if m.elem == out.type.elem else self.converted(m, out.type.elem)

    def define(self, v: Var, value: Value) -> None:
        """Virtual arrays that are read more than once, or have become large, are stored."""
        value = shaped(value, v.type)
        if isinstance(value, Virtual) and (value.scalar is None or self.remaining[v] == 1):
            value.home = self.homes.get(v)
        if isinstance(value, Virtual) and value.scalar is None:
            if not self.remaining[v]:
                return
            again = value.size * (self.remaining[v] - 1) > CHEAP
            if v in self.addressed or (again and value.flat is None) or value.size > LARGEST:
                value = self.in_memory(value)
            else:
                value.kept = again
                self.pending[v] = value
        elif (isinstance(value, Virtual) and v in self.addressed) or (isinstance(value, Regs) and v in self.addressed):
            value = self.in_memory(value)
        elif isinstance(value, Mem) and is_small_type(v.type) and v not in self.addressed:
            value = self.registers(value)
        self.values[v] = value

    def settled(self, s: Let, m: Mem) -> Value:
        """What a statement has made in memory, in the form that its variable has."""
        return self.registers(m) if is_small_type(s.out.type) and s.out not in self.addressed else m

    # Virtual arrays, before what they read is no more.

    def settle(self, storage: frozenset[str] | None = None) -> None:
        """Compute the virtual arrays that are still to be read (and that may read this storage)."""
        due = {v: value for v, value in self.pending.items() if storage is None or value.uses(storage)}
        arrays.store_all(self, list(due.values()))
        for v, value in due.items():
            self.pending.pop(v, None)
            self.values[v] = self.in_memory(value)

    def overwrite(self, m: Mem) -> None:
        """Before elements of m are written."""
        self.settle(m.storage)

    def store_waiting(self, values: Sequence[Value]) -> None:
        """Store what the values are computed from and what is read again, since they will not be read by position."""
        for v in waiting(values):
            self.in_memory(v)

    # From one form into another.

    def registers(self, v: Value) -> Regs:
        if isinstance(v, Regs):
            return v
        assert not isinstance(v, str)
        shape = tuple(map(int, v.extents))
        return Regs(v.elem, shape, [element(self.c, v, i) for i in arrays.indices(v.extents)])

    def in_memory(self, v: Array) -> Mem:
        if isinstance(v, Virtual) and v.mem is not None:
            return v.mem
        return v if isinstance(v, Mem) else arrays.materialise(self, v)

    def room(self, v: Array) -> Mem:
        """Memory for an array."""
        home = v.home if isinstance(v, Virtual) else None
        return home or self.memory.allocate(v.elem, v.extents)

    def copied(self, v: Array, outlive: bool = False) -> Mem:
        return arrays.materialise(self, v, self.memory.allocate(v.elem, v.extents, outlive))

    def off_the_tape(self, v: Value) -> Value:
        """A value that outlives the block at hand."""
        return self.copied(v, outlive=True) if isinstance(v, Mem) and self.tape.holds(v) else v

    def converted(self, m: Mem, elem: str) -> Mem:
        out = self.memory.allocate(elem, m.extents)
        c = self.c
        c.loop(count(c, m.extents), lambda k: c.store(elem, scalars.coerced(c, c.load(m.elem, m.ptr, k), m.elem, elem), out.ptr, k))
        return out

    def reshaped(self, m: Mem, extents: Sequence[str]) -> Mem:
        return Mem(m.elem, tuple(extents), m.ptr, m.roots, m.base)
