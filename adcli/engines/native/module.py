"""A program as one LLVM module: its functions, the entry that Python calls, the prelude, and what the optimiser is told.

    i32 @adcli.entry(ptr state, ptr arguments, ptr results)

Arguments and results are 64-bit numbers: numbers by their bits, an array argument as its address, an array result as the address to which
it is to be copied, or, where types do not tell all of its extents, filled in as its address and those extents.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from adcli.engines.flags import Flag, noted
from adcli.engines.limits import Limits
from adcli.engines.native import prelude, state, vectors
from adcli.engines.native.aliases import Aliases, recursive
from adcli.engines.native.code import DATA, LLVM, SIZE
from adcli.engines.native.function import Writer, is_small
from adcli.engines.native.loops import Tape
from adcli.engines.native.sites import Site
from adcli.ir.nodes import Call, Check, Const, For, Function, If, Let, Var, While
from adcli.errors import Span
from adcli.ir.types import Type, size
from adcli.ir.walk import functions, statements

_ATTRIBUTES = """
attributes #0 = { nounwind }
attributes #1 = { nounwind willreturn memory(none) alwaysinline }
attributes #2 = { nounwind willreturn memory(none) }
attributes #3 = { nounwind noinline }
!0 = !{!"adcli"}
!1 = !{!3, !3, i64 0}
!2 = !{!4, !4, i64 0}
!3 = !{!"data", !0, i64 0}
!4 = !{!"state", !0, i64 0}
!8 = !{!"branch_weights", i32 1000000, i32 1}
!9 = !{!"branch_weights", i32 1, i32 1000000}
"""


class Module:
    """The text of a program (`text`), and what Python must know to run it: `sites`, `flags`, and the forms that it calls (`externals`)."""

    def __init__(self, entry: Function, limits: Limits, exact_libm: bool = False, varying: Sequence[bool] | None = None, watch: bool = False) -> None:
        """varying: for each parameter of the entry whether it has a column, where it is to run over rows of data (see `rows_text`).
        watch: operations that leave the finite numbers are noted, in slots of the state that `watched` names.
        """
        self.entry = entry
        self.vectorised = {} if exact_libm else vectors.groups()
        self.limits = limits
        self.program = functions(entry)
        self.names = {f: f"adcli.f{k}" for k, f in enumerate(self.program)}
        self.recursive = recursive(self.program)
        self.aliases = Aliases(self.program)
        self.tape = Tape(self.program)
        self.addressed = addressed(self.program)
        self.sites: list[Site] = []
        self.flags: list[Flag] = []
        self._flagged: dict[Check, int] = {}
        self.scopes = 0
        self.together: list[str] = []
        self.watch = watch
        self.watched: list[tuple[str, int, Span | None]] = []
        self.declared = dict(prelude.DECLARED)
        self.straight = False  # whether rows can run as vector code
        self.text = self.written(varying)
        self.externals = [name for name in self.declared if name.startswith("adcli_")]

    def site(self, site: Site) -> int:
        self.sites.append(site)
        return len(self.sites) - 1

    def flag(self, check: Check) -> int:
        """The number of the flag of a check; one for each statement."""
        if check not in self._flagged:
            self._flagged[check] = len(self.flags)
            self.flags.append(noted(check.about[0], check.about[1], check.span))
        return self._flagged[check]

    def scope(self) -> str:
        """A name for the storage of one array, as alias information."""
        self.scopes += 1
        return f"!{100 + 3 * self.scopes}"

    def watching(self, op: str, arguments: int, span: Span | None) -> int:
        """The slot of the state for an operation that is watched."""
        self.watched.append((op, arguments, span))
        return state.WATCHED + 1 + state.NOTE * (len(self.watched) - 1)

    def scopes_together(self, scopes: Sequence[str]) -> str:
        """A name for the storage of several arrays."""
        if not scopes:
            return ""
        self.together.append(", ".join(f"!{int(s[1:]) - 1}" for s in scopes))
        return f"!{10**6 + len(self.together)}"

    def also_declared(self, declared: Mapping[str, str]) -> None:
        self.declared.update(declared)

    def is_small(self, t: Type) -> bool:
        return is_small(t)

    def by_element(self, p: Var) -> bool:
        """Whether an array parameter is passed element by element."""
        return is_small(p.type) and p not in self.addressed

    def results(self, f: Function) -> list[str]:
        """The LLVM types of a function's results, without the status."""
        found: list[str] = []
        for a in f.body.results:
            t = a.type
            if not t.shape:
                found.append(LLVM[t.elem])
            elif is_small(t):
                found += [LLVM[t.elem]] * size(t.shape)
            else:
                found += ["ptr", *("i64" for n in t.shape if n is None)]
        return found

    def struct(self, f: Function) -> str:
        return f"{{{', '.join([*self.results(f), 'i32'])}}}"

    def written(self, varying: Sequence[bool] | None) -> str:
        bodies: list[str] = []
        simple = True
        for f in self.program:
            writer = Writer(self, f)
            bodies.append(writer.text())
            self.declared.update(writer.c.declared)
            simple = simple and not writer.failed and not writer.allocated
        if varying is None:
            bodies.append(self.start())
        else:
            from adcli.engines.native.rows_text import RowsText

            self.straight = simple and all(not a.type.shape or is_small(a.type) for a in self.entry.body.results)
            bodies.append(RowsText(self, varying).text(self.straight))
        vector = vectors.text(frozenset(self.declared) & self.vectorised.keys())
        return "\n".join([*self.declared.values(), prelude.TEXT, prelude.EXCEPTIONS, prelude.NOTE, vector, *bodies, _ATTRIBUTES, self.metadata()])

    def metadata(self) -> str:
        """The names of the storage of arrays, alone and together."""
        alone = "".join(
            f"!{k - 2} = distinct !{{!{k - 2}}}\n!{k - 1} = distinct !{{!{k - 1}, !{k - 2}}}\n!{k} = !{{!{k - 1}}}\n"
            for k in (100 + 3 * n for n in range(1, self.scopes + 1))
        )
        return alone + "".join(f"!{10**6 + n} = !{{{names}}}\n" for n, names in enumerate(self.together, 1))

    def start(self) -> str:
        """The entry."""
        f = self.entry
        lines: list[str] = []
        args: list[str] = ["ptr %ctx"]

        def slot(table: str, k: int) -> str:
            lines.append(f"  %{table}{k} = getelementptr i64, ptr %{table}, i64 {k}")
            return f"%{table}{k}"

        for k, p in enumerate(f.params):
            t, place = p.type, slot("in", k)
            if not t.shape:
                kind = "i64" if t.elem == "bool" else LLVM[t.elem]
                lines.append(f"  %x{k} = load {kind}, ptr {place}")
                if t.elem == "bool":
                    lines.append(f"  %y{k} = trunc i64 %x{k} to i1")
                args.append(f"{LLVM[t.elem]} %{'y' if t.elem == 'bool' else 'x'}{k}")
                continue
            lines.append(f"  %x{k} = load ptr, ptr {place}")
            if is_small(t) and p not in self.addressed:
                kind = {"real": "double", "int": "i64", "bool": "i8"}[t.elem]
                for n in range(size(t.shape)):
                    lines.append(f"  %e{k}.{n} = getelementptr {kind}, ptr %x{k}, i64 {n}")
                    lines.append(f"  %l{k}.{n} = load {kind}, ptr %e{k}.{n}, !tbaa {DATA}")
                    if t.elem == "bool":
                        lines.append(f"  %b{k}.{n} = trunc i8 %l{k}.{n} to i1")
                    args.append(f"{LLVM[t.elem]} %{'b' if t.elem == 'bool' else 'l'}{k}.{n}")
            else:
                args.append(f"ptr %x{k}")
        struct, types = self.struct(f), self.results(f)
        self.before(lines)
        # Not inlined, so that no arithmetic moves out from between the two looks at the processor's flags.
        lines.append(f"  %r = call {struct} @{self.names[f]}({', '.join(args)}) #3")
        lines.append("  %raised = call i64 @adcli.raised()")
        lines.append(f"  store i64 %raised, ptr %ctx.{state.RAISED}")
        lines.append(f"  %status = extractvalue {struct} %r, {len(types)}")
        lines.append("  %fine = icmp eq i32 %status, 0")
        lines.append("  br i1 %fine, label %results, label %end")
        lines.append("results:")
        self.finish(lines, struct)
        lines.append("  br label %end")
        lines.append("end:\n  ret i32 %status")
        return "define i32 @adcli.entry(ptr %ctx, ptr %in, ptr %out) #0 {\nentry:\n" + "\n".join(lines) + "\n}\n"

    def before(self, lines: list[str]) -> None:
        """How deep the stack may grow, from here; the processor's flags cleared."""
        for number in (state.STACK, state.RAISED):
            lines.append(f"  %ctx.{number} = getelementptr i64, ptr %ctx, i64 {number}")
        if self.recursive:
            lines.append(f"  %room = load i64, ptr %ctx.{state.STACK}")
            lines.append("  %frame = call ptr @llvm.frameaddress.p0(i32 0)")
            lines.append("  %here = ptrtoint ptr %frame to i64")
            lines.append("  %lowest = sub i64 %here, %room")
            lines.append(f"  store i64 %lowest, ptr %ctx.{state.STACK}")
        lines.append("  call void @adcli.clear()")

    def finish(self, lines: list[str], struct: str) -> None:
        """Store the results."""
        part = slot = 0

        def take() -> str:
            nonlocal part
            part += 1
            lines.append(f"  %p{part} = extractvalue {struct} %r, {part - 1}")
            return f"%p{part}"

        def place() -> str:
            nonlocal slot
            slot += 1
            lines.append(f"  %o{slot} = getelementptr i64, ptr %out, i64 {slot - 1}")
            return f"%o{slot}"

        for k, a in enumerate(self.entry.body.results):
            t = a.type
            if not t.shape:
                value, where = take(), place()
                if t.elem == "bool":
                    lines.append(f"  %w{k} = zext i1 {value} to i64")
                    value = f"%w{k}"
                lines.append(f"  store {'i64' if t.elem == 'bool' else LLVM[t.elem]} {value}, ptr {where}")
            elif t.static:
                lines.append(f"  %d{k} = load ptr, ptr {place()}")
                if is_small(t):
                    for n in range(size(t.shape)):
                        value, kind = take(), LLVM[t.elem]
                        if t.elem == "bool":
                            lines.append(f"  %w{k}.{n} = zext i1 {value} to i8")
                            value, kind = f"%w{k}.{n}", "i8"
                        lines.append(f"  %g{k}.{n} = getelementptr {kind}, ptr %d{k}, i64 {n}")
                        lines.append(f"  store {kind} {value}, ptr %g{k}.{n}")
                else:
                    bytes_ = size(t.shape) * SIZE[t.elem]
                    lines.append(f"  call void @llvm.memcpy.p0.p0.i64(ptr %d{k}, ptr {take()}, i64 {bytes_}, i1 false)")
            else:
                lines.append(f"  store ptr {take()}, ptr {place()}")
                for n in t.shape:
                    if n is None:
                        lines.append(f"  store i64 {take()}, ptr {place()}")


def addressed(program: Iterable[Function]) -> set[Var]:
    """Small arrays that are indexed by what only the run knows, and all that is the same array: they live in memory."""
    found: set[Var] = set()
    linked: dict[Var, list[Var]] = {}

    def link(a: object, b: object) -> None:
        if isinstance(a, Var) and isinstance(b, Var) and is_small(a.type) and is_small(b.type):
            linked.setdefault(a, []).append(b)
            linked.setdefault(b, []).append(a)

    for f in program:
        for s in statements(f.body):
            match s:
                case Let() if s.op.name in ("index", "update", "addat"):
                    at = s.args[1:] if s.op.name == "index" else s.args[2:]
                    x = s.args[0]
                    if s.op.name != "index":
                        link(s.out, x)
                    if isinstance(x, Var) and is_small(x.type) and not all(isinstance(i, Const) for i in at):
                        found.add(x)
                case If():
                    for out, a, b in zip(s.outs, s.then.results, s.other.results, strict=True):
                        link(out, a)
                        link(out, b)
                case For() | While():
                    for out, p, i, r in zip(s.outs, s.params, s.inits, s.body.results, strict=True):
                        link(out, p)
                        link(p, i)
                        link(p, r)
                case Call():
                    for p, a in zip(s.function.params, s.args, strict=True):
                        link(p, a)
                    for out, r in zip(s.outs, s.function.body.results, strict=True):
                        link(out, r)
                case _:
                    pass
    todo = list(found)
    while todo:
        for v in linked.get(todo.pop(), ()):
            if v not in found:
                found.add(v)
                todo.append(v)
    return found


