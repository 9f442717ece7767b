"""A whole function of the IR as LLVM text: what it is handed, its body, and what it gives back.

    define internal {double, ptr, i32} @adcli.f2(ctx, parameters, memory for results) { entry: … fail: }

Every function takes the state of the run and gives its results and a status, 0 unless something failed. Small arrays are passed element
by element, others as a pointer and the extents that types do not tell. Arrays come from one region of memory that the tape shares: a
loop gives back at the end of each iteration, and a function when it returns, all that it took there; so what outlives an iteration is
copied into storage that the loop took before it began.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from adcli.engines.native import state
from adcli.engines.native.calls import passed
from adcli.engines.native.code import LLVM
from adcli.engines.native.memory import on_stack
from adcli.engines.native.values import Mem, Regs, Value, Virtual, is_small_type, size_in_bytes
from adcli.engines.native.writer import Writer
from adcli.ir.nodes import Atom, Function, Var
from adcli.ir.types import size

if TYPE_CHECKING:
    from adcli.engines.native.module import Module


class Written(NamedTuple):
    """The text of a function, the external ones it calls, and whether it neither fails nor takes memory of the region."""

    text: str
    declared: dict[str, str]
    simple: bool


def written(module: Module, f: Function) -> Written:
    w = Writer(module, f)
    c = w.c
    params = ["ptr noalias %ctx"]
    for p in f.params:
        w.values[p], texts = parameter(w, p)
        params += texts
    params += find_homes(w)
    c.lines.append("  br label %begin")
    c.label("%begin")
    at = len(c.lines)
    if f in module.recursive:
        guard_stack(w)
    with w.tape.reading():
        w.block(f.body)
        results = outlive(w, [result(w, a) for a in f.body.results])
        if w.memory.allocated:
            with c.aside(at, "begin"):
                mark = c.load_state(state.ARENA)
            give_back(w, mark, results)
    module.stays |= unmoved(w, results)
    types = [a.type for a in f.body.results]
    parts = [p for v, t in zip(results, types, strict=True) for p in passed(v, t)] + [("i32", "0")]
    c.do(returned(w, parts))
    if w.guards.failed:
        c.label("%fail")
        poison = [(t, "poison") for t, _ in parts[:-1]]
        c.do(returned(w, [*poison, ("i32", "1")]))
    c.lines[:0] = ["entry:", *c.allocas]
    head = f"define internal {module.struct(f)} @{module.names[f]}({', '.join(params)}) #0"
    text = f"{head} {{\n" + "\n".join(c.lines) + "\n}\n"
    return Written(text, c.declared, not w.guards.failed and not w.memory.allocated)


# What it is handed.


def parameter(w: Writer, p: Var) -> tuple[Value, list[str]]:
    """A parameter's value, and what stands for it between the brackets."""
    c, t = w.c, p.type
    if not t.shape:
        name = c.name("p")
        return name, [f"{LLVM[t.elem]} {name}"]
    if is_small_type(t) and p not in w.addressed:
        names = [c.name("p") for _ in range(size(t.shape))]
        shape = tuple(n or 0 for n in t.shape)
        return Regs(t.elem, shape, names), [f"{LLVM[t.elem]} {n}" for n in names]
    ptr, extents, texts = c.name("p"), [], []
    texts.append(f"ptr {ptr}")
    for n in t.shape:
        if n is None:
            extents.append(c.name("n"))
            texts.append(f"i64 {extents[-1]}")
            w.extents.not_negative.add(extents[-1])
        else:
            extents.append(str(n))
    return Mem(t.elem, tuple(extents), ptr), texts


def find_homes(w: Writer) -> list[str]:
    """Results that are made by a statement of their own are made where they are to lie: the parameters for that."""
    params = []
    made = w.module.made(w.function)
    for k in w.module.given(w.function):
        ptr = w.c.name("o")
        params.append(f"ptr noalias {ptr}")
        if k in made:
            t = made[k].type
            w.homes[made[k]] = Mem(t.elem, tuple(map(str, t.shape)), ptr)
    return params


def guard_stack(w: Writer) -> None:
    """Recursion ends before the stack does."""
    c = w.c
    c.declare("llvm.frameaddress.p0", "declare ptr @llvm.frameaddress.p0(i32)")
    here = c.op(f"ptrtoint ptr {c.op('call ptr @llvm.frameaddress.p0(i32 0)')} to i64")
    w.guards.require(c.op(f"icmp ugt i64 {here}, {c.load_state(state.STACK)}"), "stack", (), w.function.span)


# What it gives back.


def result(w: Writer, a: Atom) -> Value:
    v = w.value(a)
    if isinstance(v, Virtual) or (isinstance(v, Mem) and is_small_type(a.type)):
        return w.registers(v) if is_small_type(a.type) else w.in_memory(v)
    return v


def outlive(w: Writer, results: list[Value]) -> list[Value]:
    """Results that lie on the stack are moved to where arrays that outlive the function are."""
    for k, v in enumerate(results):
        if isinstance(v, Regs) and not is_small_type(w.function.body.results[k].type):
            results[k] = v = w.in_memory(v)
        if isinstance(v, Mem) and on_stack(v):
            v = w.copied(v, outlive=True)
        results[k] = w.off_the_tape(v)
    return results


def give_back(w: Writer, mark: str, results: list[Value]) -> None:
    """Return the memory taken, the results moved to its end: by way of the memory below, since they may lie in each other's way."""
    c = w.c
    moved = {k: v for k, v in enumerate(results) if isinstance(v, Mem) and not is_handed(v)}
    if not moved:
        return c.store_state(state.ARENA, mark)
    sizes = {k: size_in_bytes(c, v) for k, v in moved.items()}
    aside = {k: v.ptr for k, v in moved.items()}
    if len(moved) > 1:
        for k, v in moved.items():
            aside[k] = w.memory.take(sizes[k])
            c.copy(aside[k], v.ptr, sizes[k])
    top = c.op(f"inttoptr i64 {mark} to ptr")
    for k, v in moved.items():
        top = c.op(f"getelementptr i8, ptr {top}, i64 {c.sub('0', sizes[k])}")
        c.copy(top, aside[k], sizes[k], may_overlap=True)
        results[k] = Mem(v.elem, v.extents, top)
    c.store_state(state.ARENA, c.op(f"ptrtoint ptr {top} to i64"))
    return None


def unmoved(w: Writer, results: Sequence[Value]) -> dict[tuple[Function, int], int]:
    """The results that are arrays where the function was given them, and which parameters those are."""
    given = {v.ptr: k for k, p in enumerate(w.function.params) if isinstance(v := w.values[p], Mem)}
    return {(w.function, k): given[v.ptr] for k, v in enumerate(results) if isinstance(v, Mem) and v.ptr in given}


def is_handed(v: Mem) -> bool:
    """Whether an array is a parameter's, or in the memory given for a result: not of what the function took."""
    return v.base.startswith("%p") or v.base.startswith("%o")


def returned(w: Writer, parts: Sequence[tuple[str, str]]) -> str:
    type_ = w.module.struct(w.function)
    out = "poison"
    for k, (t, a) in enumerate(parts):
        out = w.c.op(f"insertvalue {type_} {out}, {t} {a}, {k}")
    return f"ret {type_} {out}"
