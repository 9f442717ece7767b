"""LLVM text in the making: instructions appended to the function at hand, in single assignment, with fresh names counted.

An operand is the text that stands for a value in an instruction: "%v7", "0x4000000000000000", "12".
"""
from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adcli.ops import Op

LLVM = {"real": "double", "int": "i64", "bool": "i1"}
# In memory a truth value is a byte.
STORED = {"real": "double", "int": "i64", "bool": "i8"}
SIZE = {"real": 8, "int": 8, "bool": 1}
# Type-based alias information: elements of arrays and the state of the run are never the same memory (see `module`). Elements of
# different types may be: memory that held one array holds another later.
DATA, STATE = "!1", "!2"
ROLLED = "!10"
# A branch that is hardly ever taken, and one that is all but always.
UNLIKELY, LIKELY = "!prof !9", "!prof !8"


def real(value: float) -> str:
    """A double as LLVM reads it exactly: its bits."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', value))[0]:016X}"


def constant(value: float | int | bool, elem: str) -> str:
    if elem == "real":
        return real(float(value))
    return str(int(value))


class Code:
    """The body of one LLVM function. `here` is the label of the block being written; `allocas` go to its entry.

    vectorised: by name of a function of the C library the number of the attributes that tell its vector versions (see `vectors`).
    apart: the array that nothing loaded now is part of. group: while loops are written whose iterations may run in any order, and at once,
    the group of their accesses to memory; `parallel` then makes the information that a loop is one of those.
    watcher: is told of each operation on reals, once it is written.
    """

    watcher: Callable[[Op, Sequence[tuple[str, str]], str], None] | None = None

    def __init__(self, vectorised: Mapping[str, int]) -> None:
        self.vectorised = vectorised
        self.lines: list[str] = []
        self.allocas: list[str] = []
        self.here = "entry"
        self.count = 0
        self.declared: dict[str, str] = {}
        self.apart = ""
        self.group = ""
        self.parallel: Callable[[str], str] = lambda group: ""

    def name(self, hint: str = "v") -> str:
        self.count += 1
        return f"%{hint}{self.count}"

    def op(self, text: str) -> str:
        """%new = text"""
        self.count += 1
        out = f"%v{self.count}"
        self.lines.append(f"  {out} = {text}")
        return out

    def do(self, text: str) -> None:
        self.lines.append("  " + text)

    def label(self, name: str) -> None:
        """Begin the block of that name (with its %)."""
        self.lines.append(f"{name[1:]}:")
        self.here = name[1:]

    def new_label(self, hint: str) -> str:
        self.count += 1
        return f"%{hint}{self.count}"

    def go(self, label: str) -> None:
        self.do(f"br label {label}")

    def cut(self) -> None:
        """Go on in a new block: LLVM takes time that grows with the square of a block's length."""
        on = self.new_label("on")
        self.go(on)
        self.label(on)

    def branch(self, cond: str, yes: str, no: str, unlikely: bool = False) -> None:
        """`unlikely`: yes is hardly ever taken."""
        self.do(f"br i1 {cond}, label {yes}, label {no}" + (f", {UNLIKELY}" if unlikely else ""))

    @contextmanager
    def aside(self, at: int, block: str) -> Iterator[None]:
        """What is written meanwhile goes to line `at`, in the block of that name: no phi may name it if this branches."""
        lines, self.lines = self.lines, []
        here, self.here = self.here, block
        yield
        lines[at:at] = self.lines
        self.lines, self.here = lines, here

    def declare(self, name: str, signature: str) -> None:
        """An external function, declared once for the module."""
        self.declared[name] = signature

    def alloca(self, elem: str, count: int) -> str:
        """Room on the stack, made when the function is entered."""
        self.count += 1
        out = f"%a{self.count}"
        self.allocas.append(f"  {out} = alloca [{count} x {STORED[elem]}], align 16")
        return out

    # Integers: folded where both are constants, so that static shapes give constant offsets.

    def add(self, a: str, b: str) -> str:
        if a == "0":
            return b
        if b == "0":
            return a
        if _is_number(a) and _is_number(b):
            return str(int(a) + int(b))
        return self.op(f"add nsw i64 {a}, {b}")

    def sub(self, a: str, b: str) -> str:
        if b == "0":
            return a
        if _is_number(a) and _is_number(b):
            return str(int(a) - int(b))
        return self.op(f"sub nsw i64 {a}, {b}")

    def mul(self, a: str, b: str) -> str:
        if a == "1":
            return b
        if b == "1":
            return a
        if a == "0" or b == "0":
            return "0"
        if _is_number(a) and _is_number(b):
            return str(int(a) * int(b))
        return self.op(f"mul nsw i64 {a}, {b}")

    def product(self, factors: Sequence[str]) -> str:
        out = "1"
        for f in factors:
            out = self.mul(out, f)
        return out

    def smaller(self, m: str, n: str) -> str:
        if _is_number(m) and _is_number(n):
            return str(min(int(m), int(n)))
        return self.call("llvm.smin.i64", "i64", [("i64", m), ("i64", n)])

    def at_least_zero(self, n: str) -> str:
        if _is_number(n):
            return str(max(0, int(n)))
        return self.call("llvm.smax.i64", "i64", [("i64", n), ("i64", "0")])

    # The state of the run (see `state`).

    def slot(self, number: int) -> str:
        return self.op(f"getelementptr inbounds i64, ptr %ctx, i64 {number}")

    def load_state(self, number: int) -> str:
        return self.op(f"load i64, ptr {self.slot(number)}, !tbaa {STATE}")

    def store_state(self, number: int, value: str) -> None:
        self.do(f"store i64 {value}, ptr {self.slot(number)}, !tbaa {STATE}")

    # Memory.

    def load(self, elem: str, ptr: str, index: str = "0") -> str:
        """An element as an operand (truth values as i1)."""
        apart = f", !noalias {self.apart}" if self.apart else ""
        out = self.op(f"load {STORED[elem]}, ptr {self.element(elem, ptr, index)}, !tbaa {DATA}{apart}{self.grouped}")
        return self.op(f"trunc i8 {out} to i1") if elem == "bool" else out

    def store(self, elem: str, value: str, ptr: str, index: str = "0", scope: str = "") -> None:
        """scope: of an array that is read by nothing that is read while `apart` is that scope."""
        if elem == "bool":
            value = self.op(f"zext i1 {value} to i8") if not _is_number(value) else value
        scope = scope and f", !alias.scope {scope}"
        self.do(f"store {STORED[elem]} {value}, ptr {self.element(elem, ptr, index)}, !tbaa {DATA}{scope}{self.grouped}")

    @property
    def grouped(self) -> str:
        return self.group and f", !llvm.access.group {self.group}"

    def turn(self, again: str, end: str, head: str, rolled: bool = False) -> None:
        """The end of a loop's body: leave it where `again` says so."""
        self.branch(again, end, head)
        if self.group:
            self.lines[-1] += f", !llvm.loop {self.parallel(self.group)}"
        elif rolled:
            self.lines[-1] += f", !llvm.loop {ROLLED}"

    def element(self, elem: str, ptr: str, index: str) -> str:
        return ptr if index == "0" else self.op(f"getelementptr inbounds {STORED[elem]}, ptr {ptr}, i64 {index}")

    def copy(self, to: str, source: str, bytes_: str, may_overlap: bool = False) -> None:
        kind = "memmove" if may_overlap else "memcpy"
        self.declare(f"llvm.{kind}.p0.p0.i64", f"declare void @llvm.{kind}.p0.p0.i64(ptr, ptr, i64, i1)")
        self.do(f"call void @llvm.{kind}.p0.p0.i64(ptr align 8 {to}, ptr align 8 {source}, i64 {bytes_}, i1 false)")

    def call(self, name: str, result: str, args: Sequence[tuple[str, str]], attributes: str = "") -> str:
        """A call of an external function of that name."""
        self.declare(name, f"declare {result} @{name}({', '.join(t for t, _ in args)}){attributes and ' ' + attributes}")
        return self.op(f"call {result} @{name}({', '.join(f'{t} {a}' for t, a in args)})")

    def select(self, cond: str, type_: str, yes: str, no: str) -> str:
        return yes if yes == no else self.op(f"select i1 {cond}, {type_} {yes}, {type_} {no}")

    # Choices and loops.

    def phi(self, type_: str, sides: Sequence[tuple[str, str]], hint: str = "v") -> str:
        """What comes from each of the blocks named: one value, where that is the same from all."""
        if len({v for _, v in sides}) == 1:
            return sides[0][1]
        out = self.name(hint)
        self.do(f"{out} = phi {type_} {', '.join(f'[ {v}, %{label} ]' for label, v in sides)}")
        return out

    def choose(self, type_: str, cond: str, yes: Callable[[], str], no: Callable[[], str]) -> str:
        """A value that is computed one way or another."""
        labels = self.new_label("then"), self.new_label("else"), self.new_label("end")
        self.branch(cond, labels[0], labels[1])
        sides = []
        for label, side in zip(labels, (yes, no), strict=False):
            self.label(label)
            value = side()
            sides.append((self.here, value))
            self.go(labels[2])
        self.label(labels[2])
        return self.phi(type_, sides)

    def loop(self, count: str, body: Callable[[str], None], hint: str = "k") -> None:
        """body(k) for k from 0 up to count, which it may know to be at least 0; unrolled by nobody but LLVM."""
        if _is_number(count) and int(count) <= 1:
            if int(count) == 1:
                body("0")
            return
        before = self.here
        head, end = self.new_label("loop"), self.new_label("end")
        if not _is_number(count):
            self.branch(self.op(f"icmp sgt i64 {count}, 0"), head, end)
        else:
            self.go(head)
        self.label(head)
        k, following = self.name(hint), self.name(hint)
        at = len(self.lines)
        body(k)
        self.lines.insert(at, f"  {k} = phi i64 [ 0, %{before} ], [ {following}, %{self.here} ]")
        self.do(f"{following} = add nuw nsw i64 {k}, 1")
        self.turn(self.op(f"icmp eq i64 {following}, {count}"), end, head)
        self.label(end)

    def reduce(self, count: str, type_: str, init: str, body: Callable[[str, str], str], rolled: bool = False) -> str:
        """acc = body(k, acc) for k from 0 up to count, begun with init."""
        return self.fold(count, [(type_, init)], lambda k, accs: [body(k, accs[0])], rolled)[0]

    def fold(
        self, count: str, inits: Sequence[tuple[str, str]], body: Callable[[str, Sequence[str]], Sequence[str]], rolled: bool = False
    ) -> list[str]:
        """accs = body(k, accs) for k from 0 up to count, begun with inits (types and operands).

        `rolled`: LLVM is not to unroll it before it makes vector code.
        """
        known = _is_number(count)
        if known and int(count) <= 0:
            return [init for _, init in inits]
        before = self.here
        head, end = self.new_label("loop"), self.new_label("end")
        if known:
            self.go(head)
        else:
            self.branch(self.op(f"icmp sgt i64 {count}, 0"), head, end)
        self.label(head)
        k, following, accs = self.name("k"), self.name("k"), [self.name("acc") for _ in inits]
        at = len(self.lines)
        outs = list(body(k, accs))
        last = self.here
        self.lines[at:at] = [f"  {k} = phi i64 [ 0, %{before} ], [ {following}, %{last} ]"] + [
            f"  {acc} = phi {t} [ {init}, %{before} ], [ {out}, %{last} ]" for acc, (t, init), out in zip(accs, inits, outs, strict=True)
        ]
        self.do(f"{following} = add nuw nsw i64 {k}, 1")
        self.turn(self.op(f"icmp eq i64 {following}, {count}"), end, head, rolled)
        self.label(end)
        if known:
            return outs
        return [self.op(f"phi {t} [ {init}, %{before} ], [ {out}, %{last} ]") for (t, init), out in zip(inits, outs, strict=True)]


def _is_number(text: str) -> bool:
    return text.lstrip("-").isdigit()


is_number = _is_number
