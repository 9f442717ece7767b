"""IR as text: one line a statement, blocks indented, fresh names counted from v1. The same function always gives the same text.

fn main(x: real) -> y: real
    v1 = sin x
    y = mul v1, 2.0
    return y
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.types import REAL
from adcli.ir.walk import functions, inner, outs, statements


class _Names:
    """Names for the variables of one function: the program's where there is one, numbered where it is taken, else v1, v2, …"""

    def __init__(self, f: Function) -> None:
        variables = [*f.params]
        for s in statements(f.body):
            variables += (*inner(s), *outs(s)) if not isinstance(s, While) else (s.index, *s.params, s.count, *s.outs)
        self.names: dict[Var, str] = {}
        used = {v.name for v in variables if v.name}
        again: dict[str, int] = {}
        fresh = 0
        for v in variables:
            if v in self.names:
                continue
            if not v.name:
                fresh += 1
                while f"v{fresh}" in used:
                    fresh += 1
                self.names[v] = f"v{fresh}"
                continue
            again[v.name] = again.get(v.name, 0) + 1
            self.names[v] = v.name if again[v.name] == 1 else f"{v.name}.{again[v.name]}"

    def __call__(self, a: Atom) -> str:
        if isinstance(a, Const):
            return repr(a.value).lower() if isinstance(a.value, bool) else repr(a.value)
        return self.names.get(a, "?")

    def typed(self, v: Var) -> str:
        """The name, with the type where it is not a real number."""
        return self(v) if v.type == REAL else f"{self(v)}: {v.type}"

    def list(self, atoms: Sequence[Atom]) -> str:
        return ", ".join(self(a) for a in atoms)

    def defined(self, variables: Sequence[Var]) -> str:
        """`a, b = `, or nothing where nothing is defined."""
        return ", ".join(self.typed(v) for v in variables) + " = " if variables else ""


def show(function: Function) -> str:
    """The function and all that it calls, the entry first."""
    order = functions(function)
    titles = _titles(order)
    return "\n".join("\n".join(_function(f, titles)) + "\n" for f in reversed(order))


def _titles(order: Sequence[Function]) -> dict[Function, str]:
    """Names of the functions, numbered where several have one."""
    again: dict[str, int] = {}
    titles: dict[Function, str] = {}
    for f in reversed(order):
        again[f.name] = again.get(f.name, 0) + 1
        titles[f] = f.name if again[f.name] == 1 else f"{f.name}.{again[f.name]}"
    return titles


def _function(f: Function, titles: dict[Function, str]) -> Iterator[str]:
    names = _Names(f)
    params = ", ".join(f"{names(p)}: {p.type}" for p in f.params)
    types = ", ".join(f"{n}: {r.type}" for n, r in zip(f.result_names, f.body.results, strict=False)) or ", ".join(
        str(r.type) for r in f.body.results
    )
    yield f"fn {titles[f]}({params}) -> {types}"
    yield from _block(f.body, names, titles, "    ", "return")


def _block(block: Block, names: _Names, titles: dict[Function, str], indent: str, end: str) -> Iterator[str]:
    for s in block.statements:
        yield from _statement(s, names, titles, indent)
    if block.results or not block.statements:
        yield f"{indent}{end} {names.list(block.results)}".rstrip()


def _statement(s: Statement, names: _Names, titles: dict[Function, str], indent: str) -> Iterator[str]:
    deeper = indent + "    "
    match s:
        case Let():
            attrs = f" [{', '.join(map(str, s.attrs))}]" if s.attrs else ""
            yield f"{indent}{names.typed(s.out)} = {s.op.name} {names.list(s.args)}".rstrip() + attrs + (" in place" if s.inplace else "")
        case If():
            yield f"{indent}{names.defined(s.outs)}if {names(s.cond)}:"
            yield from _block(s.then, names, titles, deeper, "yield")
            if s.other.statements or s.other.results:
                yield f"{indent}else:"
                yield from _block(s.other, names, titles, deeper, "yield")
        case For():
            over = f"{names(s.start)}, count {names(s.count)}, step {names(s.step)}"
            yield f"{indent}{names.defined(s.outs)}for {names(s.index)} from {over}{_carrying(s.params, s.inits, names)}:"
            yield from _block(s.body, names, titles, deeper, "yield")
        case While():
            yield f"{indent}{names.defined((s.count, *s.outs))}while {names(s.index)}{_carrying(s.params, s.inits, names)}:"
            yield from _block(s.test, names, titles, deeper, "test")
            yield f"{indent}do:"
            yield from _block(s.body, names, titles, deeper, "yield")
        case Call():
            yield f"{indent}{names.defined(s.outs)}call {titles[s.function]}({names.list(s.args)})"
        case Check():
            about = f" [{', '.join(s.about)}]" if s.about else ""
            yield f"{indent}check {s.kind} {names.list(s.args)}{about}"
        case Push():
            yield f"{indent}push {s.tape}, {names(s.value)}"
        case Pop():
            yield f"{indent}{names.typed(s.out)} = pop {s.tape}"


def _carrying(params: Sequence[Var], inits: Sequence[Atom], names: _Names) -> str:
    if not params:
        return ""
    return " carrying " + ", ".join(f"{names.typed(p)} = {names(i)}" for p, i in zip(params, inits, strict=True))
