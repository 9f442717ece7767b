"""What Python calls to run a compiled program over rows of data, as LLVM text.

    i32 @adcli.fast(state, arguments, results, tiles, marks)                        whole tiles of rows, as vector code
    i32 @adcli.careful(state, arguments, results, begin, end, special, counts, fresh, store)      row by row
    i32 @adcli.sum(state, arguments, sums, begin, end, rows)                        the sums over the rows of tiles, as vector code

Arguments and results stand in tables as those of a single run do (see `callers`); what changes from row to row is the address of a
column. `fast` marks a tile in which a flag was raised, a result is not finite, or arithmetic left the finite numbers. `careful` goes
through the rows of such a tile, or through all rows of a program with loops: it marks rows that failed (2) or left the finite numbers (1)
as special, and counts, flag by flag, the other rows that raise it. `fresh` is the state that each row begins with. `sum` gives one number
for each tile and result, so that the sums of tiles, joined in their order, depend on no number of threads.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import state
from adcli.engines.native.callers import Caller
from adcli.engines.native.code import SIZE, STATE, real
from adcli.engines.native.values import is_small_type
from adcli.ir.types import Type, size

if TYPE_CHECKING:
    from adcli.engines.native.module import Module

# Rows in a tile: a multiple of what vector code takes at once, so that no row is left over for scalar code.
TILE = 1024


class Rows(Caller):
    """The loops over rows."""

    def __init__(self, module: Module, varying: Sequence[bool]) -> None:
        super().__init__(module, varying)
        self.scopes = [module.scope() for _ in module.entry.body.results]
        self.all = module.scopes_together(self.scopes)

    def text(self, fast: bool) -> str:
        return (self.fast() if fast else "") + self.careful()

    def columns(self) -> list[str]:
        c = self.c
        return [c.op(f"load ptr, ptr {c.element('int', '%out', str(k))}") for k in range(len(self.module.entry.body.results))]

    def results(self, columns: Sequence[str], pieces: list[str], row: str) -> list[tuple[str, str]]:
        """Store the results of one row; numbers that are to be looked at whether they are finite, with their types."""
        c, rest = self.c, iter(pieces)
        numbers: list[tuple[str, str]] = []
        for k, (a, column) in enumerate(zip(self.module.entry.body.results, columns, strict=True)):
            t = a.type
            at = c.element(t.elem, column, c.mul(row, str(size(t.shape))))
            if t.shape and not is_small_type(t):
                c.copy(at, next(rest), str(size(t.shape) * SIZE[t.elem]))
                numbers.append(("ptr", at))
                continue
            for n in range(size(t.shape)):
                v = next(rest)
                self.stored(t, v, at, n, k)
                if t.elem == "real":
                    numbers.append(("double", v))
        return numbers

    def stored(self, t: Type, v: str, at: str, n: int, k: int) -> None:
        c = self.c
        c.store(t.elem, v, at, str(n), self.scopes[k])
        others = self.module.scopes_together([s for j, s in enumerate(self.scopes) if j != k])
        if others:
            c.lines[-1] += f", !noalias {others}"

    # Vector code.

    def fast(self) -> str:
        self.begin()
        c = self.c
        shared, columns = self.shared(), self.columns()
        c.go("%tile")
        c.label("%tile")
        c.do("%t = phi i64 [ 0, %entry ], [ %t1, %next ]")
        c.do(f"%base = mul nuw nsw i64 %t, {TILE}")
        c.do("call void @adcli.clear()")
        c.go("%rows")
        c.label("%rows")
        c.do("%k = phi i64 [ 0, %tile ], [ %k1, %rows ]")
        at = len(c.lines)
        c.do("%row = add nuw nsw i64 %base, %k")
        _, pieces = self.call(self.arguments(shared, "%row"), "alwaysinline")
        bad = "%bad"
        for kind, v in self.results(columns, pieces, "%row"):
            assert kind == "double"
            bad = c.op(f"fadd reassoc double {bad}, {c.op(f'fsub double {v}, {v}')}")
        c.lines.insert(at, f"  %bad = phi double [ 0.0, %tile ], [ {bad}, %rows ]")
        c.do("%k1 = add nuw nsw i64 %k, 1")
        c.branch(c.op(f"icmp eq i64 %k1, {TILE}"), "%next", "%rows")
        c.label("%next")
        raised = c.op("call i64 @adcli.raised()")
        marked = c.op(f"or i1 {c.op(f'icmp ne i64 {raised}, 0')}, {c.op(f'fcmp uno double {bad}, {bad}')}")
        for ptr in self.flag_bytes():
            byte = c.op(f"load i8, ptr {ptr}, !tbaa {STATE}")
            marked = c.op(f"or i1 {marked}, {c.op(f'icmp ne i8 {byte}, 0')}")
            c.do(f"store i8 0, ptr {ptr}, !tbaa {STATE}")
        c.do(f"store i8 {c.op(f'zext i1 {marked} to i8')}, ptr {c.element('bool', '%marks', '%t')}")
        c.do("%t1 = add nuw nsw i64 %t, 1")
        c.branch(c.op("icmp eq i64 %t1, %tiles"), "%end", "%tile")
        c.label("%end")
        c.do("ret i32 0")
        return self.end("@adcli.fast(ptr noalias %ctx, ptr noalias %in, ptr noalias %out, i64 %tiles, ptr noalias %marks)")

    def flag_bytes(self) -> list[str]:
        c = self.c
        return [c.op(f"getelementptr i8, ptr %ctx, i64 {state.FLAGS + k}") for k in range(len(self.module.flags))]

    # Row by row.

    def careful(self) -> str:
        self.begin()
        c = self.c
        shared, columns = self.shared(), self.columns()
        c.go("%head")
        c.label("%head")
        c.do("%row = phi i64 [ %begin, %entry ], [ %row1, %next ]")
        self.renew()
        c.do("call void @adcli.clear()")
        status, pieces = self.call(self.arguments(shared, "%row"), "#3")
        raised = c.op("call i64 @adcli.raised()")
        c.branch(c.op(f"icmp eq i32 {status}, 0"), "%good", "%failed")
        self.failed()
        c.label("%good")
        c.branch("%store", "%put", "%look")
        c.label("%put")
        self.results(columns, list(pieces), "%row")
        c.go("%look")
        c.label("%look")
        special = c.op(f"or i1 {c.op(f'icmp ne i64 {raised}, 0')}, {self.not_finite(pieces)}")
        c.branch(special, "%odd", "%plain")
        c.label("%odd")
        self.mark(1)
        c.label("%plain")
        for k, ptr in enumerate(self.flag_bytes()):
            byte = c.op(f"zext i8 {c.op(f'load i8, ptr {ptr}, !tbaa {STATE}')} to i64")
            count = c.element("int", "%counts", str(k))
            before = c.op(f"load i64, ptr {count}")
            c.do(f"store i64 {c.op(f'add i64 {before}, {byte}')}, ptr {count}")
        c.go("%next")
        c.label("%next")
        c.do("%row1 = add nuw nsw i64 %row, 1")
        c.branch(c.op("icmp slt i64 %row1, %stop"), "%head", "%end")
        c.label("%end")
        c.do("ret i32 0")
        c.label("%stopped")
        c.do("ret i32 1")
        return self.end(
            "@adcli.careful(ptr noalias %ctx, ptr %in, ptr %out, i64 %begin, i64 %stop, ptr %special, ptr %counts, ptr %fresh, i1 %store)"
        )

    def renew(self) -> None:
        """The state that a row begins with; the fuel goes on, so that many short rows are polled as well."""
        c = self.c
        for number in (state.LEFT, state.DEPTH, state.TAPE, state.ARENA, state.FLOOR):
            v = c.op(f"load i64, ptr {c.element('int', '%fresh', str(number))}")
            c.do(f"store i64 {v}, ptr {c.element('int', '%ctx', str(number))}, !tbaa {STATE}")
        for ptr in self.flag_bytes():
            c.do(f"store i8 0, ptr {ptr}, !tbaa {STATE}")

    def failed(self) -> None:
        """A row that failed; what Python raised ends the whole run."""
        c = self.c
        c.label("%failed")
        raised = c.op(f"load i64, ptr {c.element('int', '%ctx', str(state.RAISED))}, !tbaa {STATE}")
        c.branch(c.op(f"icmp eq i64 {raised}, -1"), "%stopped", "%wrong")
        c.label("%wrong")
        self.mark(2)

    def mark(self, kind: int) -> None:
        c = self.c
        c.do(f"store i8 {kind}, ptr {c.element('bool', '%special', '%row')}")
        c.go("%next")

    def not_finite(self, pieces: Sequence[str]) -> str:
        """Whether a result is inf or nan: x - x is 0 for any other number."""
        c, rest, total = self.c, iter(pieces), real(0.0)
        for a in self.module.entry.body.results:
            t = a.type
            if t.shape and not is_small_type(t):
                ptr = next(rest)
                if t.elem == "real":
                    total = self.difference(ptr, size(t.shape), total)
                continue
            for _ in range(size(t.shape)):
                v = next(rest)
                if t.elem == "real":
                    total = c.op(f"fadd double {total}, {c.op(f'fsub double {v}, {v}')}")
        return c.op(f"fcmp uno double {total}, {total}")

    def difference(self, ptr: str, n: int, total: str) -> str:
        c = self.c

        def body(k: str, acc: str) -> str:
            v = c.load("real", ptr, k)
            return c.op(f"fadd reassoc double {acc}, {c.op(f'fsub double {v}, {v}')}")

        return c.reduce(str(n), "double", total, body)


class Sums(Caller):
    """The sums over the rows of each tile, of a program on numbers that cannot fail."""

    def text(self) -> str:
        self.begin()
        c, reals = self.c, len(self.module.entry.body.results)
        shared = self.shared()
        c.go("%tile")
        c.label("%tile")
        at = len(c.lines)
        c.do(f"%base = mul nuw nsw i64 %t, {TILE}")
        n = c.smaller(str(TILE), c.op("sub nsw i64 %rows, %base"))

        def add(k: str, sums: Sequence[str]) -> list[str]:
            _, pieces = self.call(self.arguments(shared, c.op(f"add nuw nsw i64 %base, {k}")), "alwaysinline")
            return [c.op(f"fadd reassoc double {a}, {v}") for a, v in zip(sums, pieces, strict=True)]

        for k, total in enumerate(c.fold(n, [("double", real(0.0))] * reals, add)):
            c.store("real", total, "%sums", c.add(c.mul("%t", str(reals)), str(k)))
        c.lines.insert(at, f"  %t = phi i64 [ %begin, %entry ], [ %t1, %{c.here} ]")
        c.do("%t1 = add nuw nsw i64 %t, 1")
        c.branch(c.op("icmp eq i64 %t1, %end"), "%done", "%tile")
        c.label("%done")
        c.do("ret i32 0")
        return self.end("@adcli.sum(ptr noalias %ctx, ptr noalias %in, ptr noalias %sums, i64 %begin, i64 %end, i64 %rows)")
