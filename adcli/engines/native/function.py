"""One function of the IR as LLVM text: control flow, calls, checks, tapes, and where arrays live.

Every function takes the state of the run and gives its results and a status, 0 unless something failed. Small arrays are passed element
by element, others as a pointer and the extents that types do not tell. Arrays come from one region of memory that the tape shares: a
loop gives back at the end of each iteration, and a function when it returns, all that it took there; so what outlives an iteration is
copied into storage that the loop took before it began.
"""
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, assert_never

from adcli.engines.native import arrays, checks, forms, reductions, scalars, state, tapes
from adcli.engines.native.code import DATA, LLVM, SIZE, STATE, Code, constant, is_number
from adcli.engines.native.loops import for_loop, while_loop
from adcli.engines.native.sites import Site, of_check, of_statement
from adcli.engines.native.values import Array, Mem, Regs, Value, Virtual, count, element, is_small_type, waiting
from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ir.types import Type, size
from adcli.ir.walk import all_blocks, all_compound, reads

if TYPE_CHECKING:
    from adcli.engines.native.module import Module
    from adcli.errors import Span
    from adcli.ops import Op

# Arrays up to so many bytes lie on the stack, if their shape is constant.
ON_STACK = 512
# Statements after which a new block of LLVM begins.
CUT = 100
# A virtual array that takes more than this for an element, in additions, is stored; and so is one that is read again, where that
# would take more than the other number once more.
LARGEST, CHEAP = 256, 3
# Operations whose arguments are factors of matrix products, or become some.
FACTORED = frozenset({"matmul", "transpose"})
# Operations that make their results where they find room. Writing them across memory that is not at hand takes longer than moving them.
PRODUCTS = frozenset({"matmul", "outer"})


def shaped(v: Value, t: Type) -> Value:
    """A value whose extents are those that its type tells: that they are is checked when the program runs."""
    if isinstance(v, Mem | Virtual) and not all(known is None or n == str(known) for n, known in zip(v.extents, t.shape, strict=True)):
        return replace(v, extents=tuple(n if known is None else str(known) for n, known in zip(v.extents, t.shape, strict=True)))
    return v


class Writer:
    """Writes one function. `addressed`: small arrays that are indexed at run time, and so live in memory."""

    def __init__(self, module: Module, function: Function) -> None:
        self.module = module
        self.function = function
        self.c = Code(module.vectorised)
        self.c.parallel = module.parallel
        if module.watch:
            self.c.watcher = self.watch
        self.values: dict[Var, Value] = {}
        self.addressed = module.addressed
        self.remaining: Counter[Atom] = Counter()  # how often each is still to be read
        self.factors: set[Atom] = set()  # of matrix products, perhaps transposed
        self.handed_on: set[Atom] | None = None  # see `tapes.handed_on`
        self.room_of: dict[Push, str] = {}  # records that there is room for already, and where
        self.count(function.body)
        self.pending: dict[Var, Virtual] = {}
        self.overflow: dict[Var, str] = {}
        self.watched = {s.args[0] for s in all_compound(function.body) if isinstance(s, Check) and s.kind == "int64"}
        self.allocated = False  # whether the region at hand took memory that is to be given back
        self.not_negative: set[str] = set()
        self.homes: dict[Var, Mem] = {}
        # What is known where the statement at hand stands: extents from integers, and which operand stands for those found equal to it.
        self.clamped: dict[str, str] = {}
        self.equal: dict[str, str] = {}
        self.failed = False
        self.floor: str | None = None  # what the floor was when the block at hand began to read the tape where it lies
        self.on_tape: set[str] = set()  # the arrays that are read there
        self.taped: list[str] = []  # the arrays that were computed there, and that others may still be computed from
        self.record: str | None = None  # where on the tape the record of the iteration at hand is, if its loop reserved room for all

    def count(self, body: Block) -> None:
        """Find out how often every variable is read, and what matrix products are made of."""
        for block in all_blocks(body):
            self.remaining.update(chain.from_iterable(s.args if type(s) is Let else reads(s) for s in block.statements))
            self.remaining.update(block.results)
            for s in block.statements:
                if type(s) is Let and s.op.name in FACTORED:
                    self.factors.update(s.args)

    # The whole function.

    def text(self) -> str:
        c, f, name = self.c, self.function, self.module.names[self.function]
        params = ["ptr noalias %ctx"]
        for p in f.params:
            value, texts = self.parameter(p)
            params += texts
            self.values[p] = value
        params += self.find_homes()
        c.lines.append("  br label %begin")
        c.label("%begin")
        at = len(c.lines)
        if f in self.module.recursive:
            self.guard_stack()
        with self.reading():
            self.block(f.body)
            results = self.outlive([self.result(a) for a in f.body.results])
            if self.allocated:
                with c.aside(at, "begin"):
                    mark = self.load_state(state.ARENA)
                self.give_back(mark, results)
        types = [a.type for a in f.body.results]
        parts = [p for v, t in zip(results, types, strict=True) for p in self.passed(v, t)] + [("i32", "0")]
        c.do(self.returned(parts))
        if self.failed:
            c.label("%fail")
            poison = [(t, "poison") for t, _ in parts[:-1]]
            c.do(self.returned([*poison, ("i32", "1")]))
        c.lines[:0] = ["entry:", *c.allocas]
        return f"define internal {self.module.struct(f)} @{name}({', '.join(params)}) #0 {{\n" + "\n".join(c.lines) + "\n}\n"

    def find_homes(self) -> list[str]:
        """Results that are made by a statement of their own are made where they are to lie: the parameters for that."""
        params = []
        made = self.module.made(self.function)
        for k in self.module.given(self.function):
            ptr = self.c.name("o")
            params.append(f"ptr noalias {ptr}")
            if k in made:
                t = made[k].type
                self.homes[made[k]] = Mem(t.elem, tuple(map(str, t.shape)), ptr)
        return params

    def room(self, v: Array) -> Mem:
        """Memory for an array."""
        home = v.home if isinstance(v, Virtual) else None
        return home or self.allocate(v.elem, v.extents)

    def returned(self, parts: Sequence[tuple[str, str]]) -> str:
        type_ = self.module.struct(self.function)
        out = "poison"
        for k, (t, a) in enumerate(parts):
            out = self.c.op(f"insertvalue {type_} {out}, {t} {a}, {k}")
        return f"ret {type_} {out}"

    def parameter(self, p: Var) -> tuple[Value, list[str]]:
        c, t = self.c, p.type
        if not t.shape:
            name = c.name("p")
            return name, [f"{LLVM[t.elem]} {name}"]
        if is_small_type(t) and p not in self.addressed:
            names = [c.name("p") for _ in range(size(t.shape))]
            shape = tuple(n or 0 for n in t.shape)
            return Regs(t.elem, shape, names), [f"{LLVM[t.elem]} {n}" for n in names]
        ptr, extents, texts = c.name("p"), [], []
        texts.append(f"ptr {ptr}")
        for n in t.shape:
            if n is None:
                extents.append(c.name("n"))
                texts.append(f"i64 {extents[-1]}")
                self.not_negative.add(extents[-1])
            else:
                extents.append(str(n))
        return Mem(t.elem, tuple(extents), ptr), texts

    def result(self, a: Atom) -> Value:
        v = self.value(a)
        if isinstance(v, Virtual) or (isinstance(v, Mem) and is_small_type(a.type)):
            return self.registers(v) if is_small_type(a.type) else self.in_memory(v)
        return v

    def outlive(self, results: list[Value]) -> list[Value]:
        """Results that lie on the stack are moved to where arrays that outlive the function are."""
        for k, v in enumerate(results):
            if isinstance(v, Regs) and not is_small_type(self.function.body.results[k].type):
                results[k] = v = self.in_memory(v)
            if isinstance(v, Mem) and self.on_stack(v):
                v = self.copied(v, outlive=True)
            results[k] = self.off_the_tape(v)
        return results

    def on_stack(self, v: Mem) -> bool:
        return v.base.startswith("%a") or v.base.startswith("%q")

    def give_back(self, mark: str, results: list[Value]) -> None:
        """Return the memory taken, the results moved to its end: by way of the memory below, since they may lie in each other's way."""
        c = self.c
        moved = [k for k, v in enumerate(results) if isinstance(v, Mem) and not self.is_parameter(v) and not v.base.startswith("%o")]
        if not moved:
            return self.store_state(state.ARENA, mark)
        sizes = {k: self.bytes(results[k]) for k in moved}  # type: ignore[arg-type]
        aside = {k: results[k].ptr for k in moved}  # type: ignore[union-attr]
        if len(moved) > 1:
            for k in moved:
                aside[k] = self.take(sizes[k])
                c.copy(aside[k], results[k].ptr, sizes[k])  # type: ignore[union-attr]
        top = c.op(f"inttoptr i64 {mark} to ptr")
        for k in moved:
            top = c.op(f"getelementptr i8, ptr {top}, i64 {c.sub('0', sizes[k])}")
            c.copy(top, aside[k], sizes[k], may_overlap=True)
            v = results[k]
            assert isinstance(v, Mem)
            results[k] = Mem(v.elem, v.extents, top)
        self.store_state(state.ARENA, c.op(f"ptrtoint ptr {top} to i64"))
        return None

    def is_parameter(self, v: Mem) -> bool:
        return v.base.startswith("%p")

    def guard_stack(self) -> None:
        c = self.c
        c.declare("llvm.frameaddress.p0", "declare ptr @llvm.frameaddress.p0(i32)")
        here = c.op(f"ptrtoint ptr {c.op('call ptr @llvm.frameaddress.p0(i32 0)')} to i64")
        self.require(c.op(f"icmp ugt i64 {here}, {self.load_state(state.STACK)}"), "stack", (), self.function.span)

    # Values.

    def value(self, a: Atom) -> Value:
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

    def settle(self, base: str | None = None) -> None:
        """Compute the virtual arrays that are still to be read (and that read `base`)."""
        due = {v: value for v, value in self.pending.items() if base is None or value.uses(base)}
        arrays.store_all(self, list(due.values()))
        for v, value in due.items():
            self.pending.pop(v, None)
            self.values[v] = self.in_memory(value)

    def overwrite(self, m: Mem) -> None:
        """Before elements of m are written."""
        self.settle(m.base)

    def settled(self, s: Let, m: Mem) -> Value:
        return self.registers(m) if is_small_type(s.out.type) and s.out not in self.addressed else m

    def in_memory(self, v: Array) -> Mem:
        if isinstance(v, Virtual) and v.mem is not None:
            return v.mem
        return v if isinstance(v, Mem) else arrays.materialise(self, v)

    def store_waiting(self, values: Sequence[Value]) -> None:
        """Store what the values are computed from and what is read again, since they will not be read by position."""
        for v in waiting(values):
            self.in_memory(v)

    def registers(self, v: Value) -> Regs:
        if isinstance(v, Regs):
            return v
        assert not isinstance(v, str)
        shape = tuple(map(int, v.extents))
        return Regs(v.elem, shape, [element(self.c, v, i) for i in arrays.indices(v.extents)])

    def copied(self, v: Array, outlive: bool = False) -> Mem:
        return arrays.materialise(self, v, self.allocate(v.elem, v.extents, outlive))

    def reshaped(self, m: Mem, extents: Sequence[str]) -> Mem:
        return Mem(m.elem, tuple(extents), m.ptr, m.roots, m.base)

    def sizes(self, dims: Sequence[Value]) -> tuple[str, ...]:
        """Extents from integers of the program, which are checked elsewhere not to be negative."""
        out = tuple(self.size(str(d)) for d in dims)
        self.not_negative.update(out)
        return out

    def size(self, n: str) -> str:
        if self.never_negative(n):
            return n
        if n not in self.clamped:
            self.clamped[n] = self.c.at_least_zero(n)
        return self.clamped[n]

    def same(self, extents: Sequence[str]) -> tuple[str, ...]:
        """Extents, one operand for those that a check has found equal."""
        return tuple(self.equal.get(n, n) for n in extents)

    def never_negative(self, i: str) -> bool:
        return i in self.not_negative

    def bytes(self, v: Array) -> str:
        return self.c.mul(count(self.c, v.extents), str(SIZE[v.elem]))

    def passed(self, v: Value, t: Type) -> list[tuple[str, str]]:
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

    # Memory.

    def slot(self, number: int) -> str:
        return self.c.op(f"getelementptr inbounds i64, ptr %ctx, i64 {number}")

    def load_state(self, number: int) -> str:
        return self.c.op(f"load i64, ptr {self.slot(number)}, !tbaa {STATE}")

    def store_state(self, number: int, value: str) -> None:
        self.c.do(f"store i64 {value}, ptr {self.slot(number)}, !tbaa {STATE}")

    def allocate(self, elem: str, extents: Sequence[str], outlive: bool = False) -> Mem:
        """Memory for an array: on the stack if it is small and of constant shape, else where the tape is."""
        n = count(self.c, extents)
        if is_number(n) and int(n) * SIZE[elem] <= ON_STACK and not outlive:
            return Mem(elem, tuple(extents), self.c.alloca(elem, max(1, int(n))))
        self.limited(extents)
        ptr = self.take(self.c.mul(n, str(SIZE[elem])))
        return Mem(elem, tuple(extents), ptr)

    def limited(self, extents: Sequence[str]) -> None:
        """An array of this shape may be made."""
        c, n = self.c, count(self.c, extents)
        if is_number(n) and int(n) <= self.module.limits.max_elements:
            return
        total = None
        for e in extents:  # as reals, which do not overflow
            e = scalars.coerced(c, e, "int", "real")
            total = e if total is None else c.op(f"fmul double {total}, {e}")
        most = constant(float(self.module.limits.max_elements), "real")
        self.require(c.op(f"fcmp ole double {total}, {most}"), "elements", (n,), self.span)

    def take(self, bytes_: str) -> str:
        """Bytes of the region, rounded up to 16."""
        c = self.c
        self.allocated = True
        rounded = str((int(bytes_) + 15) // 16 * 16) if is_number(bytes_) else c.op(f"and i64 {c.op(f'add i64 {bytes_}, 15')}, -16")
        old = self.load_state(state.ARENA)
        new = c.op(f"sub i64 {old}, {rounded}")
        lowest = c.call("llvm.umax.i64", "i64", [("i64", self.load_state(n)) for n in (state.TAPE, state.FLOOR)])
        self.require(c.op(f"icmp uge i64 {new}, {lowest}"), "memory", (), self.span)
        self.store_state(state.ARENA, new)
        out = c.name("m")
        c.do(f"{out} = inttoptr i64 {new} to ptr")
        return out

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While a block is written, and what becomes of its results: what it reads of the tape where it lies stays until its end."""
        outer, self.floor = self.floor, None
        yield
        if self.floor is not None:
            self.store_state(state.FLOOR, self.floor)
        self.floor = outer

    def off_the_tape(self, v: Value) -> Value:
        """A value that outlives the block at hand."""
        return self.copied(v, outlive=True) if isinstance(v, Mem) and v.base in self.on_tape else v

    @contextmanager
    def scope(self) -> Iterator[str]:
        """While the loop that fills a fresh array is written: what it reads is not what it writes."""
        before, self.c.apart = self.c.apart, self.module.scope()
        with self.independent():
            yield self.c.apart
        self.c.apart = before

    @contextmanager
    def independent(self) -> Iterator[None]:
        """While loops are written whose iterations do not depend on each other."""
        before, self.c.group = self.c.group, self.module.group()
        yield
        self.c.group = before

    # Failures.

    span: Span | None = None

    def require(self, ok: str, kind: str, values: Sequence[str], span: Span | None) -> None:
        """Go on if `ok`, else leave with a failure of that kind and the integers it looked at."""
        self.hold(ok, Site(kind, span, ("int",) * len(values)), values)

    def hold(self, ok: str, site: Site, values: Sequence[str]) -> None:
        if ok in ("1", "true"):
            return
        c = self.c
        good, bad = c.new_label("ok"), c.new_label("bad")
        c.branch(ok, good, bad)
        c.lines[-1] += ", !prof !8"
        c.label(bad)
        self.leave(site, values)
        c.label(good)

    def leave(self, site: Site, values: Sequence[str] = ()) -> None:
        c = self.c
        self.store_state(state.SITE, str(self.module.site(site)))
        for k, (v, e) in enumerate(zip(values[: state.MOST_VALUES], site.elems, strict=False)):
            bits = c.op(f"bitcast double {v} to i64") if e == "real" else scalars.coerced(c, v, e, "int")
            self.store_state(state.VALUES + k, bits)
        c.go("%fail")
        self.failed = True

    def must_succeed(self, status: str) -> None:
        """Leave where a call failed; it said why."""
        c = self.c
        good = c.new_label("ok")
        c.branch(c.op(f"icmp eq i32 {status}, 0"), good, "%fail")
        c.lines[-1] += ", !prof !8"
        c.label(good)
        self.failed = True

    # Statements.

    def block(self, block: Block) -> None:
        known, self.clamped, self.equal = (self.clamped, self.equal), dict(self.clamped), dict(self.equal)
        pushes: list[Push] = []
        pops: list[Pop] = []
        long = len(block.statements) > CUT
        foreseen = tapes.foreseen(self, block)
        for k, s in enumerate(block.statements, 1):
            if long and k % CUT == 0:
                self.c.cut()
            if type(s) is Let and not foreseen:  # nearly all of a long program
                self.span = s.span
                self.let(s)
                continue
            if isinstance(s, Pop):
                pops.append(s)
                if self.module.tape.complete(pops):
                    tapes.pop(self, pops)
                    pops = []
                continue
            if isinstance(s, Push):
                pushes.append(s)
                if self.module.tape.complete(pushes):
                    tapes.push(self, pushes)
                    pushes = []
                continue
            if isinstance(s, Let) and s.out in foreseen:
                tapes.make_room(self, s.out, foreseen[s.out])
            self.statement(s)
        self.clamped, self.equal = known

    def statement(self, s: Statement) -> None:
        match s:
            case Let():
                self.span = s.span
                self.let(s)
            case Check():
                self.check(s)
            case If():
                self.branch(s)
            case For():
                self.span = s.span
                for_loop(self, s)
            case While():
                self.span = s.span
                while_loop(self, s)
            case Call():
                self.span = s.span
                self.call(s)
            case Push() | Pop():
                raise AssertionError("tapes are handled by blocks")
            case _:
                assert_never(s)

    def let(self, s: Let) -> None:
        operands: list[tuple[str, str]] = []
        args: list[Value] = []
        for a in s.args:
            v = self.value(a)
            args.append(v)
            if isinstance(v, str):
                operands.append((v, a.type.elem))
        if s.out.type.shape or len(operands) < len(args) or s.op.scalar is None:
            self.define(s.out, forms.array(self, s, args))
            return
        if s.out in self.watched:
            self.values[s.out] = self.exact(s, operands)
        else:
            self.values[s.out] = scalars.scalar(self.c, s.op, s.out.type.elem, operands)
        if s.out.type.elem == "int" and s.op.name == "add" and all(self.never_negative(a) or a.isdigit() for a, _ in operands):
            self.not_negative.add(str(self.values[s.out]))

    def exact(self, s: Let, operands: Sequence[tuple[str, str]]) -> str:
        """An integer operation that notes whether its result fits."""
        c, name = self.c, s.op.name
        if name in ("add", "sub", "mul") and all(e == "int" for _, e in operands):
            f = f"llvm.s{name}.with.overflow.i64"
            pair = c.call(f, "{i64, i1}", [("i64", a) for a, _ in operands])
        elif name == "pow":
            pair = c.op(f"call {{i64, i1}} @adcli.int_pow_exact({', '.join(f'i64 {a}' for a, _ in operands)})")
        elif name in ("neg", "abs", "floordiv"):
            out = scalars.scalar(c, s.op, "int", operands)
            least = c.op(f"icmp eq i64 {operands[0][0]}, {-(2**63)}")
            self.overflow[s.out] = least if name != "floordiv" else c.op(f"and i1 {least}, {c.op(f'icmp eq i64 {operands[1][0]}, -1')}")
            return out
        elif name == "to_int" and operands[0][1] == "real":
            x = operands[0][0]
            size_ = scalars.intrinsic("fabs")(c, x)
            inside = c.op(f"fcmp olt double {size_}, {constant(2.0**63, 'real')}")
            self.overflow[s.out] = c.op(f"xor i1 {inside}, true")
            return scalars.scalar(c, s.op, "int", operands)
        else:
            return scalars.scalar(c, s.op, s.out.type.elem, operands)
        self.overflow[s.out] = c.op(f"extractvalue {{i64, i1}} {pair}, 1")
        return c.op(f"extractvalue {{i64, i1}} {pair}, 0")

    def check(self, s: Check) -> None:
        values = [self.value(a) for a in s.args]
        if s.kind == "flag":
            return self.flag(s, values[0])
        v = [str(x) for x in values]
        self.hold(checks.HOLDS[s.kind](self, s, *v), of_check(s), v)
        if s.kind == "equal":
            self.found_equal(*v)
        return None

    def found_equal(self, a: str, b: str) -> None:
        """From here on one operand stands for both: a constant, if one of them is."""
        a, b = self.same((a, b))
        if a != b:
            other, kept = (b, a) if is_number(a) else (a, b)
            self.equal = {n: kept if m == other else m for n, m in self.equal.items()} | {other: kept}

    def flag(self, s: Check, cond: Value) -> None:
        c = self.c
        if not isinstance(cond, str):
            cond = reductions.total(self, cond, "any", "bool", "bool")
        if cond == "0":
            return
        ptr = c.op(f"getelementptr inbounds i8, ptr %ctx, i64 {state.FLAGS + self.module.flag(s)}")
        byte = c.op(f"zext i1 {cond} to i8")
        old = c.op(f"load i8, ptr {ptr}, !tbaa {STATE}")
        c.do(f"store i8 {c.op(f'or i8 {old}, {byte}')}, ptr {ptr}, !tbaa {STATE}")

    def watch(self, op: Op, args: Sequence[tuple[str, str]], out: str) -> None:
        """Note where a result is not finite."""
        c = self.c
        number = self.module.watching(op.name, len(args), self.span)
        note, on = c.new_label("note"), c.new_label("on")
        gone = c.op(f"fsub double {out}, {out}")
        c.branch(c.op(f"fcmp uno double {gone}, {gone}"), note, on, unlikely=True)
        c.label(note)
        reals = [scalars.coerced(c, a, e, "real") for a, e in args[:3]]
        reals += [scalars.ZERO] * (3 - len(reals))
        given = ", ".join(f"double {x}" for x in (out, *reals))
        c.do(f"call void @adcli.note(ptr {self.slot(number)}, ptr {self.slot(state.WATCHED)}, {given})")
        c.go(on)
        c.label(on)

    # Branches and calls.

    def branch(self, s: If) -> None:
        c = self.c
        cond = scalars.coerced(c, self.operand(s.cond), s.cond.type.elem, "bool")
        self.settle()
        yes, no, end = c.new_label("then"), c.new_label("else"), c.new_label("end")
        c.branch(cond, yes, no)
        sides: list[tuple[str, list[Value]]] = []
        for label, block in ((yes, s.then), (no, s.other)):
            c.label(label)
            with self.reading():
                self.block(block)
                values = [self.off_the_tape(self.yielded(a, out)) for a, out in zip(block.results, s.outs, strict=True)]
                self.settle()
            sides.append((c.here, values))
            c.go(end)
        c.label(end)
        for k, out in enumerate(s.outs):
            self.values[out] = self.merged(out, [(label, values[k]) for label, values in sides])

    def yielded(self, a: Atom, out: Var) -> Value:
        """A block's result in the form that `out` has."""
        v = shaped(self.value(a), out.type)
        if isinstance(v, str):
            return scalars.coerced(self.c, v, a.type.elem, out.type.elem)
        if is_small_type(out.type) and out not in self.addressed:
            return self.registers(v)
        m = self.in_memory(v)
        return m if m.elem == out.type.elem else self.converted(m, out.type.elem)

    def converted(self, m: Mem, elem: str) -> Mem:
        out = self.allocate(elem, m.extents)
        c = self.c
        c.loop(count(c, m.extents), lambda k: c.store(elem, scalars.coerced(c, c.load(m.elem, m.ptr, k), m.elem, elem), out.ptr, k))
        return out

    def merged(self, out: Var, sides: Sequence[tuple[str, Value]]) -> Value:
        first = sides[0][1]
        if isinstance(first, str):
            return self.phi(LLVM[out.type.elem], [(label, str(v)) for label, v in sides])
        if isinstance(first, Regs):
            items = [
                self.phi(LLVM[first.elem], [(label, v.items[k]) for label, v in sides])  # type: ignore[union-attr]
                for k in range(len(first.items))
            ]
            return Regs(first.elem, first.shape, items)
        arrays_ = [(label, v) for label, v in sides if isinstance(v, Mem)]
        assert len(arrays_) == len(sides) and isinstance(first, Mem)
        ptr = self.phi("ptr", [(label, v.ptr) for label, v in arrays_], "q")
        extents = []
        for k in range(len(first.extents)):
            extents.append(self.phi("i64", [(label, v.extents[k]) for label, v in arrays_]))
            self.not_negative.add(extents[-1])
        roots = frozenset(r for _, v in arrays_ for r in (*v.roots, v.base))
        base = first.base if all(v.base == first.base for _, v in arrays_) else ptr
        return Mem(first.elem, tuple(extents), ptr, roots, base)

    def phi(self, type_: str, sides: Sequence[tuple[str, str]], hint: str = "v") -> str:
        if len({v for _, v in sides}) == 1:
            return sides[0][1]
        out = self.c.name(hint)
        self.c.do(f"{out} = phi {type_} {', '.join(f'[ {v}, %{label} ]' for label, v in sides)}")
        return out

    def call(self, s: Call) -> None:
        c, f = self.c, s.function
        args: list[str] = ["ptr %ctx"]
        given: list[Value] = []
        self.settle()
        for a, p in zip(s.args, f.params, strict=True):
            v = self.yielded(a, p)
            given.append(v)
            args += [f"{t} {x}" for t, x in self.passed(v, p.type)]
        self.settle()
        if s.counted:
            self.step("1")
        recursive = f in self.module.recursive
        if recursive:
            depth = c.op(f"sub i64 {self.load_state(state.DEPTH)}, 1")
            self.require(c.op(f"icmp sge i64 {depth}, 0"), "depth", (), s.span)
            self.store_state(state.DEPTH, depth)
            self.poll("64", s.span)
        for k in self.module.given(f):
            t = f.body.results[k].type
            args.append(f"ptr {self.allocate(t.elem, tuple(map(str, t.shape))).ptr}")
        struct = self.module.struct(f)
        out = c.op(f"call {struct} @{self.module.names[f]}({', '.join(args)})")
        results = self.module.results(f)
        self.must_succeed(c.op(f"extractvalue {struct} {out}, {len(results)}"))
        if recursive:
            self.store_state(state.DEPTH, c.op(f"add i64 {self.load_state(state.DEPTH)}, 1"))
        self.receive(s, struct, out, given)

    def receive(self, s: Call, struct: str, out: str, given: Sequence[Value]) -> None:
        c, k = self.c, 0
        roots = frozenset(r for v in given if isinstance(v, Mem) for r in (*v.roots, v.base))

        def piece() -> str:
            nonlocal k
            k += 1
            return c.op(f"extractvalue {struct} {out}, {k - 1}")

        for v, a in zip(s.outs, s.function.body.results, strict=True):
            t = a.type
            if not t.shape:
                value: Value = scalars.coerced(c, piece(), t.elem, v.type.elem)
            elif is_small_type(t):
                value = Regs(t.elem, tuple(n or 0 for n in t.shape), [piece() for _ in range(size(t.shape))])
            else:
                name = c.name("q")
                c.do(f"{name} = bitcast ptr {piece()} to ptr")
                extents = []
                for n in t.shape:
                    extents.append(piece() if n is None else str(n))
                    self.not_negative.add(extents[-1])
                value = Mem(t.elem, tuple(extents), name, roots)
                self.allocated = True
            self.define(v, value)

    # Steps and polls.

    def step(self, n: str) -> None:
        """Count n steps of the primal program."""
        c = self.c
        left = c.op(f"sub i64 {self.load_state(state.LEFT)}, {n}")
        self.require(c.op(f"icmp sge i64 {left}, 0"), "steps", (), self.span)
        self.store_state(state.LEFT, left)

    def poll(self, cost: str, span: Span | None) -> None:
        """Use fuel; where it is spent, Python looks at the clock and at signals."""
        c = self.c
        left = c.op(f"sub i64 {self.load_state(state.FUEL)}, {cost}")
        self.store_state(state.FUEL, left)
        look, on = c.new_label("look"), c.new_label("on")
        c.branch(c.op(f"icmp slt i64 {left}, 0"), look, on, unlikely=True)
        c.label(look)
        c.declare("adcli_poll", "declare i32 @adcli_poll(ptr)")
        status = c.op("call i32 @adcli_poll(ptr %ctx)")
        good = c.op(f"icmp ne i32 {status}, 0")
        bad = c.new_label("bad")
        c.branch(good, on, bad)
        c.label(bad)
        self.leave(Site("raised", span))
        c.label(on)

    def choose(self, type_: str, cond: str, yes: Callable[[], str], no: Callable[[], str]) -> str:
        """A value that is computed one way or another."""
        c = self.c
        labels = c.new_label("then"), c.new_label("else"), c.new_label("end")
        c.branch(cond, labels[0], labels[1])
        sides = []
        for label, side in zip(labels, (yes, no), strict=False):
            c.label(label)
            value = side()
            sides.append((c.here, value))
            c.go(labels[2])
        c.label(labels[2])
        return self.phi(type_, sides)

    # What NumPy is asked for.

    def ask(self, s: Let, args: Sequence[Value]) -> Value:
        """Let Python compute the statement: arguments and results in an array of 64-bit numbers, arrays as pointers and extents."""
        c = self.c
        site = self.module.site(of_statement(s))
        given: list[tuple[str, str]] = []
        for v, a in zip(args, s.args, strict=True):
            if isinstance(v, str):
                given.append((LLVM[a.type.elem], v))
            else:
                m = self.in_memory(shaped(v, a.type))  # type: ignore[arg-type]
                given += [("ptr", m.ptr), *(("i64", n) for n in m.extents)]
        rank = s.out.type.rank
        frame = c.alloca("int", max(len(given), rank + 1) + 1)
        for k, (t, v) in enumerate(given):
            slot = c.element("int", frame, str(k))
            if t == "i1":
                t, v = "i64", c.op(f"zext i1 {v} to i64")
            c.do(f"store {t} {v}, ptr {slot}, !tbaa {DATA}")
        c.declare("adcli_ask", "declare i32 @adcli_ask(ptr, i64, ptr)")
        done = c.op(f"call i32 @adcli_ask(ptr %ctx, i64 {site}, ptr {frame})")
        self.must_succeed(c.op(f"xor i32 {done}, 1"))
        if not rank:
            bits = c.op(f"load i64, ptr {frame}, !tbaa {DATA}")
            if s.out.type.elem == "real":
                return c.op(f"bitcast i64 {bits} to double")
            return bits if s.out.type.elem == "int" else c.op(f"trunc i64 {bits} to i1")
        extents = tuple(
            str(n) if n is not None else c.op(f"load i64, ptr {c.element('int', frame, str(k))}, !tbaa {DATA}")
            for k, n in enumerate(s.out.type.shape)
        )
        self.not_negative.update(extents)
        out = self.allocate(s.out.type.elem, extents)
        c.declare("adcli_fetch", "declare void @adcli_fetch(ptr)")
        c.do(f"call void @adcli_fetch(ptr {out.ptr})")
        return self.settled(s, out)
