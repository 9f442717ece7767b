"""A program as one LLVM module: its functions, what Python calls, the prelude, and what the optimiser is told.

Its functions are written by `function`, what Python calls by `callers` and `row_callers`.
"""
from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from adcli.engines.flags import Flag, noted
from adcli.engines.limits import Limits
from adcli.engines.native import prelude, state, vectors
from adcli.engines.native.aliases import Aliases, recursive
from adcli.engines.native.callers import Entry
from adcli.engines.native.code import LLVM
from adcli.engines.native.expand import expand
from adcli.engines.native.function import written
from adcli.engines.native.records import Records
from adcli.engines.native.row_callers import Rows, Sums
from adcli.engines.native.sites import Site
from adcli.engines.native.values import is_small_type
from adcli.engines.native.work import Work
from adcli.errors import Span
from adcli.ir.nodes import Call, Check, Const, For, Function, If, Let, Var, While
from adcli.ir.types import REAL, size
from adcli.ir.walk import functions, statements
from adcli.passes.storage import storage

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
!10 = distinct !{!10, !11}
!11 = !{!"llvm.loop.unroll.disable"}
!12 = !{!"llvm.loop.interleave.count", i32 1}
!13 = !{!"llvm.loop.unroll.runtime.disable"}
"""


# Operations that make their results where they find room. Writing them across memory that is not at hand takes longer than moving them.
PRODUCTS = frozenset({"matmul", "outer"})


class Module:
    """The text of a program (`text`), and what Python must know to run it: `sites`, `flags`, and the forms that it calls (`externals`)."""

    def __init__(
        self, entry: Function, limits: Limits, exact_libm: bool = False, varying: Sequence[bool] | None = None, watch: bool = False,
        summed: bool = False,
    ) -> None:  # fmt: skip
        """varying: for each parameter of the entry whether it has a column, where it is to run over rows of data (see `callers`).
        summed: results over rows are to be added up; where they cannot be as vector code, `straight` is false.
        watch: operations that leave the finite numbers are noted, in slots of the state that `watched` names.
        """
        self.entry = entry
        self.vectorised = {} if exact_libm else vectors.groups()
        self.limits = limits
        self.program = functions(entry)
        self.names = {f: f"adcli.f{k}" for k, f in enumerate(self.program)}
        self.recursive = recursive(self.program)
        self.work = Work(self.recursive)
        self.aliases = Aliases(self.program)
        self.records = Records(self.program)
        self.stays: dict[tuple[Function, int], int] = {}  # of functions that are written: which result is which array parameter
        self.addressed = addressed(self.program)
        self.sites: list[Site] = []
        self.flags: list[Flag] = []
        self._flagged: dict[Check, int] = {}
        self.scopes = 0
        self.loops: list[str] = []
        self.together: list[str] = []
        self.watch = watch
        self.watched: list[tuple[str, int, Span | None]] = []
        self.declared = dict(prelude.DECLARED)
        self.included: dict[str, None] = {}
        self.by_rows = varying is not None
        self.summed = summed
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

    def group(self) -> str:
        """A name for accesses to memory that do not depend on each other from one iteration of a loop to another."""
        return self.parallel("")

    def parallel(self, group: str) -> str:
        """A name for a loop whose accesses are those of the group."""
        name = f"!{2 * 10**6 + 2 * len(self.loops)}"
        if group:
            again = f"!{2 * 10**6 + 2 * len(self.loops) + 1}"
            self.loops.append(f'{name} = distinct !{{{name}, {again}, !12, !13}}\n{again} = !{{!"llvm.loop.parallel_accesses", {group}}}\n')
        else:
            self.loops.append(f"{name} = distinct !{{}}\n")
        return name

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

    def include(self, text: str, declared: Mapping[str, str]) -> None:
        """Functions that the program calls, and what they call."""
        self.included[text] = None
        self.declared.update(declared)

    def given(self, f: Function) -> list[int]:
        """The results for which a function is given the memory: arrays of known shape, of the entry all (rows have theirs in columns), of
        others those that are made there.
        """
        if f is self.entry and self.by_rows:
            return []
        large = [k for k, a in enumerate(f.body.results) if a.type.shape and a.type.static and not is_small_type(a.type)]
        return large if f is self.entry else [k for k in large if k in self.made(f)]

    def made(self, f: Function) -> dict[int, Var]:
        """The results that a statement of their own makes, and that are updated in place at most: by their number what that makes."""
        roots = [self.aliases.root(a) for a in f.body.results]
        made = {s.out for s in f.body.statements if isinstance(s, Let) and s.op.name not in PRODUCTS}
        return {
            k: root
            for k, (root, a) in enumerate(zip(roots, f.body.results, strict=True))
            if root is not None and root in made and roots.count(root) == 1 and root.type == a.type
        }

    def by_element(self, p: Var) -> bool:
        """Whether an array parameter is passed element by element."""
        return is_small_type(p.type) and p not in self.addressed

    def results(self, f: Function) -> list[str]:
        """The LLVM types of a function's results, without the status."""
        found: list[str] = []
        for a in f.body.results:
            t = a.type
            if not t.shape:
                found.append(LLVM[t.elem])
            elif is_small_type(t):
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
            done = written(self, f)
            bodies.append(done.text)
            self.declared.update(done.declared)
            simple = simple and done.simple
        results = [a.type for a in self.entry.body.results]
        if varying is None:
            bodies.append(Entry(self).text())
        elif self.summed:
            self.straight = simple and all(t == REAL for t in results)
            bodies += [Sums(self, varying).text()] if self.straight else []
        else:
            self.straight = simple and all(not t.shape or is_small_type(t) for t in results)
            bodies.append(Rows(self, varying).text(self.straight))
        vector = vectors.text(frozenset(self.declared) & self.vectorised.keys())
        given = [prelude.TEXT, prelude.EXCEPTIONS, prelude.NOTE, vector, *self.included]
        return "\n".join([*self.declared.values(), *given, *bodies, _ATTRIBUTES, self.metadata()])

    def metadata(self) -> str:
        """The names of the storage of arrays, alone and together."""
        alone = "".join(
            f"!{k - 2} = distinct !{{!{k - 2}}}\n!{k - 1} = distinct !{{!{k - 1}, !{k - 2}}}\n!{k} = !{{!{k - 1}}}\n"
            for k in (100 + 3 * n for n in range(1, self.scopes + 1))
        )
        return alone + "".join(f"!{10**6 + n} = !{{{names}}}\n" for n, names in enumerate(self.together, 1)) + "".join(self.loops)


def prepared(function: Function) -> Function:
    """The program written out and with its updates in place. Small sections are in registers once they are read."""
    entry = expand(function)
    in_memory = addressed(functions(entry))
    return storage(entry, lambda v: is_small_type(v.type) and v not in in_memory)


_SECTIONS = frozenset({"index", "update", "addat"})


def repeats(program: Iterable[Function]) -> bool:
    """Whether a run may carry out some statement more than once: loops, calls, operations on arrays that are not written out."""
    for f in program:
        for s in statements(f.body):
            if isinstance(s, For | While | Call):
                return True
            if isinstance(s, Let) and any(a.type.rank and not is_small_type(a.type) for a in (s.out, *s.args)):
                return True
    return False


def addressed(program: Iterable[Function]) -> set[Var]:
    """Small arrays that are indexed by what only the run knows, and all that is the same array: they live in memory."""
    found: set[Var] = set()
    linked: dict[Var, list[Var]] = {}

    def link(a: object, b: object) -> None:
        if isinstance(a, Var) and isinstance(b, Var) and is_small_type(a.type) and is_small_type(b.type):
            linked.setdefault(a, []).append(b)
            linked.setdefault(b, []).append(a)

    for f in program:
        for s in statements(f.body):
            match s:
                case Let() if s.op.name in _SECTIONS:
                    at = s.args[1:] if s.op.name == "index" else s.args[2:]
                    x = s.args[0]
                    if s.op.name != "index":
                        link(s.out, x)
                    if isinstance(x, Var) and is_small_type(x.type) and not all(isinstance(i, Const) for i in at):
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


