"""What Python calls of a compiled program, as LLVM text: `adcli.entry` runs it once. What runs it over rows of data is in `row_callers`.

    i32 @adcli.entry(frame)         the state, arguments and results, one behind the other

Arguments and results stand in tables of 64-bit numbers. An argument is a number by its bits, or the address of an array. A result is a
number by its bits, or the address to which an array is to be copied, or, of an array whose extents only the run knows, where it is and
those extents.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import state
from adcli.engines.native.code import LLVM, SIZE, STATE, Code
from adcli.engines.native.values import is_small_type
from adcli.ir.types import Type, size

if TYPE_CHECKING:
    from adcli.engines.native.module import Module


class Caller:
    """What all of them have in common. varying: for each parameter of the entry whether it has a column."""

    def __init__(self, module: Module, varying: Sequence[bool]) -> None:
        self.module = module
        self.varying = varying
        self.all = ""
        self.c = Code({})

    def begin(self) -> None:
        self.c = Code({})

    def end(self, signature: str) -> str:
        c = self.c
        self.module.also_declared(c.declared)
        return f"define i32 {signature} #0 {{\nentry:\n" + "\n".join([*c.allocas, *c.lines]) + "\n}\n"

    def shared(self) -> list[str]:
        """What stands in the slots of the arguments: bits or addresses."""
        c, out = self.c, []
        for k, (p, vary) in enumerate(zip(self.module.entry.params, self.varying, strict=True)):
            kind = "ptr" if vary or p.type.shape else LLVM[p.type.elem] if p.type.elem != "bool" else "i64"
            v = c.op(f"load {kind}, ptr {c.element('int', '%in', str(k))}")
            out.append(c.op(f"trunc i64 {v} to i1") if kind == "i64" and p.type.elem == "bool" else v)
        return out

    def arguments(self, shared: Sequence[str], row: str) -> str:
        """The arguments of one row."""
        c, args = self.c, ["ptr %ctx"]
        c.apart = self.all
        for p, v, vary in zip(self.module.entry.params, shared, self.varying, strict=True):
            t = p.type
            if not t.shape:
                args.append(f"{LLVM[t.elem]} {c.load(t.elem, v, row) if vary else v}")
                continue
            base = c.element(t.elem, v, c.mul(row, str(size(t.shape)))) if vary else v
            if self.module.by_element(p):
                args += [f"{LLVM[t.elem]} {c.load(t.elem, base, str(n))}" for n in range(size(t.shape))]
            else:
                args.append(f"ptr {base}")
        c.apart = ""
        return ", ".join(args)

    def call(self, args: str, attributes: str) -> tuple[str, list[str]]:
        """The status of one row, and its results in pieces."""
        c, f = self.c, self.module.entry
        struct, types = self.module.struct(f), self.module.results(f)
        r = c.op(f"call {struct} @{self.module.names[f]}({args}) {attributes}")
        return c.op(f"extractvalue {struct} {r}, {len(types)}"), [c.op(f"extractvalue {struct} {r}, {k}") for k in range(len(types))]


class Entry(Caller):
    """One run."""

    def __init__(self, module: Module) -> None:
        super().__init__(module, [False] * len(module.entry.params))

    def text(self) -> str:
        self.begin()
        c = self.c
        c.do("%ctx = load ptr, ptr %frame")
        c.do("%in = getelementptr i64, ptr %frame, i64 1")
        c.do(f"%out = getelementptr i64, ptr %frame, i64 {1 + len(self.varying)}")
        args = ", ".join([self.arguments(self.shared(), "0"), *(f"ptr {p}" for p in self.given())])
        if self.module.recursive:
            self.bound_stack()
        c.do("call void @adcli.clear()")
        # Not inlined, so that no arithmetic moves out from between the two looks at the processor's flags.
        status, pieces = self.call(args, "#3")
        raised = c.op("call i64 @adcli.raised()")
        c.branch(c.op(f"icmp eq i32 {status}, 0"), "%results", "%end")
        c.label("%results")
        c.do(f"store i64 {self.with_kinks(raised)}, ptr {c.element('int', '%ctx', str(state.RAISED))}")
        self.results(pieces)
        c.go("%end")
        c.label("%end")
        c.do(f"ret i32 {status}")
        return self.end("@adcli.entry(ptr %frame)")

    def with_kinks(self, raised: str) -> str:
        """The word RAISED: flags of the program are bytes, of which Python has to read none where none is up."""
        c, up = self.c, "0"
        for k in range(0, len(self.module.flags), 8):
            eight = c.op(f"load i64, ptr {c.element('int', '%ctx', str((state.FLAGS + k) // 8))}, !tbaa {STATE}")
            up = eight if up == "0" else c.op(f"or i64 {up}, {eight}")
        if up == "0":
            return raised
        return c.op(f"or i64 {raised}, {c.select(c.op(f'icmp ne i64 {up}, 0'), 'i64', str(state.KINKS), '0')}")

    def given(self) -> list[str]:
        """Where the results that the program makes in place are to lie."""
        c, slots, slot = self.c, [], 0
        for a in self.module.entry.body.results:
            slots.append(slot)
            slot += 1 + a.type.shape.count(None)
        return [c.op(f"load ptr, ptr {c.element('int', '%out', str(slots[k]))}") for k in self.module.given(self.module.entry)]

    def bound_stack(self) -> None:
        """The lowest address the stack may reach, from here and the room that Python has put into the state."""
        c = self.c
        slot = c.element("int", "%ctx", str(state.STACK))
        c.declare("llvm.frameaddress.p0", "declare ptr @llvm.frameaddress.p0(i32)")
        here = c.op(f"ptrtoint ptr {c.op('call ptr @llvm.frameaddress.p0(i32 0)')} to i64")
        room = c.op(f"load i64, ptr {slot}")
        c.do(f"store i64 {c.op(f'sub i64 {here}, {room}')}, ptr {slot}")

    def results(self, pieces: Sequence[str]) -> None:
        c, rest, slot = self.c, iter(pieces), 0
        for a in self.module.entry.body.results:
            t = a.type
            place = c.element("int", "%out", str(slot))
            slot += 1 + t.shape.count(None)
            if not t.shape:
                v = next(rest)
                kind = LLVM[t.elem] if t.elem != "bool" else "i64"
                c.do(f"store {kind} {v if t.elem != 'bool' else c.op(f'zext i1 {v} to i64')}, ptr {place}")
            elif not t.static:
                c.do(f"store ptr {next(rest)}, ptr {place}")
                for k in range(t.shape.count(None)):
                    c.do(f"store i64 {next(rest)}, ptr {c.element('int', place, str(k + 1))}")
            else:
                self.array(t, c.op(f"load ptr, ptr {place}"), rest)

    def array(self, t: Type, to: str, rest: Iterator[str]) -> None:
        c = self.c
        if not is_small_type(t):
            there = next(rest)
            c.copy(to, there, c.select(c.op(f"icmp eq ptr {to}, {there}"), "i64", "0", str(size(t.shape) * SIZE[t.elem])))
            return
        for n in range(size(t.shape)):
            c.store(t.elem, next(rest), to, str(n))
