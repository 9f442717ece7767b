"""The product of two matrices of any strides, as a function of the module (@adcli.gemm), for products too large to be written out.

    for each panel of columns of b { copy it, row after row, to where it lies close ; for each tile of rows of a { tile of c += … } }

A tile of c, a few rows by a vector of columns, stays in registers while all of the inner axis is run through. Columns beyond the edge are
computed with zeros and not stored; rows beyond it are the last row again.
"""
from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from adcli.engines.native import llvm
from adcli.engines.native.code import DATA, Code

ROWS = 4
# As much of the inner axis is done at a time as keeps a panel in the cache next to the processor.
INNER = 256
# Doubles of the panel at hand: the caller takes room for them.
SCRATCH = INNER * 16
_MATRIX = "ptr %{0}, i64 %{0}.row, i64 %{0}.column"


def _widths() -> tuple[int, ...]:
    return (16, 8) if llvm.registers_of_eight() else (8,)


def declared() -> dict[str, str]:
    """What the functions call."""
    found = {"llvm.smin.i64": "declare i64 @llvm.smin.i64(i64, i64)", "llvm.smax.i64": "declare i64 @llvm.smax.i64(i64, i64)"}
    for n in _widths():
        vector, mask = f"<{n} x double>", f"<{n} x i1>"
        found[f"llvm.masked.load.v{n}f64.p0"] = f"declare {vector} @llvm.masked.load.v{n}f64.p0(ptr, i32, {mask}, {vector})"
        found[f"llvm.masked.store.v{n}f64.p0"] = f"declare void @llvm.masked.store.v{n}f64.p0({vector}, ptr, i32, {mask})"
    return found


@cache
def text() -> str:
    """The functions."""
    return "\n".join([*(f(n) for n in _widths() for f in (_pack, _tiles)), _gemm(_widths())])


def _function(name: str, params: Sequence[str], c: Code) -> str:
    c.do("ret void")
    return f"define internal void @adcli.{name}({', '.join(params)}) #3 {{\nentry:\n" + "\n".join(c.lines) + "\n}\n"


def _at(c: Code, base: str, *steps: tuple[str, str]) -> str:
    """The address of an element: steps along axes and their strides."""
    at = "0"
    for k, stride in steps:
        at = c.add(at, c.mul(k, stride))
    return c.op(f"getelementptr double, ptr {base}, i64 {at}")


def _splat(c: Code, lanes: int, value: str, type_: str) -> str:
    one = c.op(f"insertelement <{lanes} x {type_}> poison, {type_} {value}, i64 0")
    return c.op(f"shufflevector <{lanes} x {type_}> {one}, <{lanes} x {type_}> poison, <{lanes} x i32> zeroinitializer")


def _columns(c: Code, lanes: int) -> str:
    """Which columns of a panel there are."""
    numbers = ", ".join(f"i64 {k}" for k in range(lanes))
    return c.op(f"icmp slt <{lanes} x i64> <{numbers}>, {_splat(c, lanes, '%width', 'i64')}")


def _pack(lanes: int) -> str:
    """Rows of a panel one after the other, zeros where it is narrower: whole rows at once where their elements are neighbours."""
    c = Code({})
    vector, mask = f"<{lanes} x double>", f"<{lanes} x i1> {_columns(c, lanes)}"

    def whole(k: str) -> None:
        at = _at(c, "%b", (k, "%b.row"))
        row = c.op(f"call {vector} @llvm.masked.load.v{lanes}f64.p0(ptr {at}, i32 8, {mask}, {vector} zeroinitializer)")
        c.do(f"store {vector} {row}, ptr {_at(c, '%to', (k, str(lanes)))}, align 8, !tbaa {DATA}")

    def row(k: str) -> None:
        def item(j: str) -> None:
            inside = c.op(f"icmp slt i64 {j}, %width")
            near = c.select(inside, "i64", j, "0")
            value = c.op(f"load double, ptr {_at(c, '%b', (k, '%b.row'), (near, '%b.column'))}, !tbaa {DATA}")
            value = c.select(inside, "double", value, "0.0")
            c.do(f"store double {value}, ptr {_at(c, '%to', (k, str(lanes)), (j, '1'))}, !tbaa {DATA}")

        c.loop(str(lanes), item)

    c.branch(c.op("icmp eq i64 %b.column, 1"), "%rows", "%elements")
    c.label("%rows")
    c.loop("%inner", whole)
    c.do("ret void")
    c.label("%elements")
    c.loop("%inner", row)
    return _function(f"pack{lanes}", [_MATRIX.format("b"), "ptr noalias %to", "i64 %inner", "i64 %width"], c)


def _tiles(lanes: int) -> str:
    """c[:, panel] = (or, if there is more, +=) a times the packed panel."""
    c = Code({})
    vector = f"<{lanes} x double>"
    columns = _columns(c, lanes)
    before = c.op(f"and <{lanes} x i1> {columns}, {_splat(c, lanes, '%more', 'i1')}")
    last = c.sub("%rows", "1")

    def tile(t: str) -> None:
        rows = [c.smaller(c.add(c.mul(t, str(ROWS)), str(r)), last) for r in range(ROWS)]
        left = [_at(c, "%a", (r, "%a.row")) for r in rows]
        to = [_at(c, "%c", (r, "%c.row")) for r in rows]
        mask = f"i32 8, <{lanes} x i1> {before}, {vector} zeroinitializer"
        inits = [(vector, c.op(f"call {vector} @llvm.masked.load.v{lanes}f64.p0(ptr {p}, {mask})")) for p in to]

        def step(k: str, accs: Sequence[str]) -> list[str]:
            right = c.op(f"load {vector}, ptr {_at(c, '%b', (k, str(lanes)))}, align 8, !tbaa {DATA}")
            out = []
            for p, acc in zip(left, accs, strict=True):
                factor = _splat(c, lanes, c.op(f"load double, ptr {_at(c, p, (k, '%a.column'))}, !tbaa {DATA}"), "double")
                out.append(c.op(f"fadd {vector} {acc}, {c.op(f'fmul {vector} {factor}, {right}')}"))
            return out

        for acc, p in zip(c.fold("%inner", inits, step), to, strict=True):
            c.do(f"call void @llvm.masked.store.v{lanes}f64.p0({vector} {acc}, ptr {p}, i32 8, <{lanes} x i1> {columns})")

    c.loop(c.op(f"udiv i64 {c.add('%rows', str(ROWS - 1))}, {ROWS}"), tile)
    params = [_MATRIX.format("a"), "ptr noalias %b", "ptr noalias %c", "i64 %c.row", "i64 %rows", "i64 %inner", "i64 %width", "i1 %more"]
    return _function(f"tiles{lanes}", params, c)


def _gemm(widths: Sequence[int]) -> str:
    """c = a·b. The inner axis is run through at least once, so that c is zero where it has no length."""
    c = Code({})
    wide, narrow = widths[0], widths[-1]

    def block(number: str) -> None:
        begin = c.mul(number, str(INNER))
        inner = c.smaller(c.sub("%inner", begin), str(INNER))
        more = c.op(f"icmp ne i64 {number}, 0")
        a = _at(c, "%a", (begin, "%a.column"))

        def panel(lanes: int, start: str) -> None:
            width = c.smaller(c.sub("%columns", start), str(lanes))
            b = _at(c, "%b", (begin, "%b.row"), (start, "%b.column"))
            to = _at(c, "%c", (start, "1"))
            c.do(f"call void @adcli.pack{lanes}(ptr {b}, i64 %b.row, i64 %b.column, ptr %scratch, i64 {inner}, i64 {width})")
            c.do(
                f"call void @adcli.tiles{lanes}(ptr {a}, i64 %a.row, i64 %a.column, ptr %scratch, ptr {to}, i64 %columns, i64 %rows, "
                f"i64 {inner}, i64 {width}, i1 {more})"
            )

        # Wide panels, the last of which may have columns to spare, but no more than a narrow one would.
        whole = c.op(f"udiv i64 {c.add('%columns', str(wide - narrow - 1) if wide > narrow else str(wide - 1))}, {wide}")
        c.loop(whole, lambda t: panel(wide, c.mul(t, str(wide))))
        if wide > narrow:
            done = c.mul(whole, str(wide))
            left = c.op(f"icmp slt i64 {done}, %columns")
            c.loop(c.op(f"zext i1 {left} to i64"), lambda _: panel(narrow, done))

    blocks = c.op(f"udiv i64 {c.add('%inner', str(INNER - 1))}, {INNER}")
    c.loop(c.call("llvm.smax.i64", "i64", [("i64", blocks), ("i64", "1")]), block)
    params = [_MATRIX.format("a"), _MATRIX.format("b"), "ptr noalias %c", "i64 %rows", "i64 %inner", "i64 %columns", "ptr noalias %scratch"]
    return _function("gemm", params, c)
