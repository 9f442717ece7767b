"""Calls: of the program's functions, and of Python where an operation has no form here.

    %r = call {double, ptr, i64, i32} @adcli.f3(ctx, arguments, memory for results)        the results, and a status

Small arrays are handed over and given back element by element, others as a pointer and the extents that their types do not tell.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import scalars, state
from adcli.engines.native.code import DATA, LLVM
from adcli.engines.native.sites import of_statement
from adcli.engines.native.values import Mem, Regs, Value, is_small_type, shaped
from adcli.ir.nodes import Call, Let
from adcli.ir.types import Type, size

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer


def call(w: Writer, s: Call) -> None:
    c, f = w.c, s.function
    args: list[str] = ["ptr %ctx"]
    given: list[Value] = []
    w.settle()
    for a, p in zip(s.args, f.params, strict=True):
        v = w.yielded(a, p)
        given.append(v)
        args += [f"{t} {x}" for t, x in passed(v, p.type)]
    w.settle()
    if s.counted:
        w.guards.step("1")
    recursive = f in w.module.recursive
    if recursive:
        depth = c.op(f"sub i64 {c.load_state(state.DEPTH)}, 1")
        w.guards.require(c.op(f"icmp sge i64 {depth}, 0"), "depth", (), s.span)
        c.store_state(state.DEPTH, depth)
        w.guards.poll(str(64 + w.module.work.called(f)), s.span)
    for k in w.module.given(f):
        t = f.body.results[k].type
        args.append(f"ptr {w.memory.allocate(t.elem, tuple(map(str, t.shape))).ptr}")
    struct = w.module.struct(f)
    out = c.op(f"call {struct} @{w.module.names[f]}({', '.join(args)})")
    w.guards.must_succeed(c.op(f"extractvalue {struct} {out}, {len(w.module.results(f))}"))
    if recursive:
        c.store_state(state.DEPTH, c.op(f"add i64 {c.load_state(state.DEPTH)}, 1"))
    receive(w, s, out, given)


def passed(v: Value, t: Type) -> list[tuple[str, str]]:
    """The operands, with their types, that a value is passed as: of extents those that its type does not tell."""
    match v:
        case str():
            return [(LLVM[t.elem], v)]
        case Regs():
            return [(LLVM[v.elem], item) for item in v.items]
        case Mem():
            return [("ptr", v.ptr), *(("i64", n) for n, known in zip(v.extents, t.shape, strict=True) if known is None)]
        case _:
            raise AssertionError("virtual arrays are not passed on")


def receive(w: Writer, s: Call, out: str, given: Sequence[Value]) -> None:
    """Take the results apart. An array among them is that one of those given which it is known to be, or may be any of them."""
    c, k, struct = w.c, 0, w.module.struct(s.function)
    roots = frozenset(r for v in given if isinstance(v, Mem) for r in v.storage)

    def piece() -> str:
        nonlocal k
        k += 1
        return c.op(f"extractvalue {struct} {out}, {k - 1}")

    def place(of: int) -> Mem:
        """Where an array lies."""
        nonlocal k
        same = w.module.stays.get((s.function, of))
        if same is not None and isinstance(handed := given[same], Mem):
            k += 1
            return handed
        name = c.name("q")
        c.do(f"{name} = bitcast ptr {piece()} to ptr")
        w.memory.allocated = True
        return Mem(s.outs[of].type.elem, (), name, roots)

    for position, (v, a) in enumerate(zip(s.outs, s.function.body.results, strict=True)):
        t = a.type
        if not t.shape:
            value: Value = scalars.coerced(c, piece(), t.elem, v.type.elem)
        elif is_small_type(t):
            value = Regs(t.elem, tuple(n or 0 for n in t.shape), [piece() for _ in range(size(t.shape))])
        else:
            there, extents = place(position), []
            for n in t.shape:
                extents.append(piece() if n is None else str(n))
                w.extents.not_negative.add(extents[-1])
            value = Mem(t.elem, tuple(extents), there.ptr, there.roots, there.base)
        w.define(v, value)


def ask(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    """Let Python compute the statement: arguments and results in an array of 64-bit numbers, arrays as pointers and extents."""
    c = w.c
    site = w.module.site(of_statement(s))
    given: list[tuple[str, str]] = []
    for v, a in zip(args, s.args, strict=True):
        if isinstance(v, str):
            given.append((LLVM[a.type.elem], v))
        else:
            m = w.in_memory(shaped(v, a.type))  # type: ignore[arg-type]
            given += [("ptr", m.ptr), *(("i64", n) for n in m.extents)]
    frame = c.alloca("int", max(len(given), s.out.type.rank + 1) + 1)
    for k, (t, v) in enumerate(given):
        slot = c.element("int", frame, str(k))
        if t == "i1":
            t, v = "i64", c.op(f"zext i1 {v} to i64")
        c.do(f"store {t} {v}, ptr {slot}, !tbaa {DATA}")
    c.declare("adcli_ask", "declare i32 @adcli_ask(ptr, i64, ptr)")
    done = c.op(f"call i32 @adcli_ask(ptr %ctx, i64 {site}, ptr {frame})")
    w.guards.must_succeed(c.op(f"xor i32 {done}, 1"))
    return answered(w, s, frame)


def answered(w: Writer, s: Let, frame: str) -> Value:
    """What Python has left: the bits of a number, or the extents of an array, which it holds until it is fetched."""
    c, t = w.c, s.out.type
    if not t.rank:
        bits = c.op(f"load i64, ptr {frame}, !tbaa {DATA}")
        if t.elem == "real":
            return c.op(f"bitcast i64 {bits} to double")
        return bits if t.elem == "int" else c.op(f"trunc i64 {bits} to i1")
    extents = tuple(
        str(n) if n is not None else c.op(f"load i64, ptr {c.element('int', frame, str(k))}, !tbaa {DATA}") for k, n in enumerate(t.shape)
    )
    w.extents.not_negative.update(extents)
    out = w.memory.allocate(t.elem, extents)
    c.declare("adcli_fetch", "declare void @adcli_fetch(ptr)")
    c.do(f"call void @adcli_fetch(ptr {out.ptr})")
    return w.settled(s, out)
