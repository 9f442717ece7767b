"""A function of the IR as text, for `adcli ir` and for tests: deterministic, fresh names are counters.

    fn program(x: real) {
      v1 = sin(x)                                  # 1:5
      s = for i in 0.. by 1, 10 times carrying (s = 0.0) {
        …
        yield v2
      }
      return s
    }
"""
from __future__ import annotations

from collections.abc import Iterable, Iterator

from adcli.errors import Source
from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.walk import functions, outs, statements


def show(entry: Function, source: Source | None = None) -> str:
    """The function and those it calls, the entry last; with a source, each operation's line and column."""
    return "\n\n".join("\n".join(_Printer(source).function(f)) for f in functions(entry)) + "\n"


def count(entry: Function) -> dict[str, int]:
    """Statements as they stand, by kind, over the function and all that it calls."""
    found: dict[str, int] = {}
    for f in functions(entry):
        for s in statements(f.body):
            kind = type(s).__name__
            found[kind] = found.get(kind, 0) + 1
    return dict(sorted(found.items()))


class _Printer:
    def __init__(self, source: Source | None) -> None:
        self.source = source
        self.names: dict[Var, str] = {}
        self.taken: set[str] = set()
        self.fresh = 0

    def name(self, v: Var) -> str:
        if v not in self.names:
            self.names[v] = self.unused(v.name)
        return self.names[v]

    def unused(self, wanted: str) -> str:
        """The program's name, with a number where it is assigned again; v1, v2, … for steps of expressions."""
        if wanted and wanted not in self.taken:
            self.taken.add(wanted)
            return wanted
        number = 1
        if not wanted:
            self.fresh = number = self.fresh + 1
        while (found := f"{wanted}.{number}" if wanted else f"v{number}") in self.taken:
            number += 1
        if not wanted:
            self.fresh = number
        self.taken.add(found)
        return found

    def atom(self, a: Atom) -> str:
        if isinstance(a, Const):
            return str(a.value).lower() if isinstance(a.value, bool) else repr(a.value)
        return self.name(a)

    def atoms(self, found: Iterable[Atom]) -> str:
        return ", ".join(map(self.atom, found))

    def function(self, f: Function) -> Iterator[str]:
        params = ", ".join(f"{self.name(p)}: {p.type}" for p in f.params)
        yield f"fn {f.name}({params}) {{"
        yield from self.block(f.body, "  ", "return")
        yield "}"

    def block(self, block: Block, indent: str, end: str) -> Iterator[str]:
        for s in block.statements:
            yield from self.statement(s, indent)
        if block.results:
            yield f"{indent}{end} {self.atoms(block.results)}"

    def statement(self, s: Statement, indent: str) -> Iterator[str]:
        head = self.head(s)
        defined = ", ".join(f"{self.name(v)}" for v in outs(s))
        line = f"{indent}{defined} = {head}" if defined else f"{indent}{head}"
        match s:
            case If():
                yield line
                yield from self.block(s.then, indent + "  ", "yield")
                yield f"{indent}}} else {{"
                yield from self.block(s.other, indent + "  ", "yield")
                yield indent + "}"
            case For():
                yield line
                yield from self.block(s.body, indent + "  ", "yield")
                yield indent + "}"
            case While():
                yield line
                yield from self.block(s.test, indent + "  ", "while")
                yield indent + "} do {"
                yield from self.block(s.body, indent + "  ", "yield")
                yield indent + "}"
            case _:
                yield line + self.place(s)

    def head(self, s: Statement) -> str:
        match s:
            case Let():
                attrs = "".join(f"; {n}={v!r}" for n, v in zip(s.op.attrs, s.attrs, strict=True))
                return f"{s.op.name}({self.atoms(s.args)}{attrs})" + (" in place" if s.inplace else "")
            case If():
                return f"if {self.atom(s.cond)} {{"
            case For():
                start, count_, step = self.atom(s.start), self.atom(s.count), self.atom(s.step)
                return f"for {self.name(s.index)} from {start} by {step}, {count_} times{self.carrying(s)} {{"
            case While():
                return f"while {self.name(s.index)}{self.carrying(s)} {{"
            case Call():
                return f"call {s.function.name}({self.atoms(s.args)})"
            case Check():
                return f"check {s.kind}({self.atoms(s.args)})" + (f" {' '.join(s.about)}" if s.about else "")
            case Push():
                return f"push {s.tape}, {self.atom(s.value)}"
            case Pop():
                return f"pop {s.tape}"

    def carrying(self, s: For | While) -> str:
        if not s.params:
            return ""
        pairs = ", ".join(f"{self.name(p)} = {self.atom(i)}" for p, i in zip(s.params, s.inits, strict=True))
        return f" carrying ({pairs})"

    def place(self, s: Statement) -> str:
        span = getattr(s, "span", None)
        if self.source is None or span is None:
            return ""
        line, column = self.source.position(span.start)
        return f"  # {line}:{column}"


__all__ = ["count", "show"]
