"""Products of vectors and matrices.

Small ones are written out, narrow ones run row by row, large ones are done by tiles (see `gemm`), the largest by NumPy's library.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import gemm, scalars
from adcli.engines.native.arrays import Form, cost, fallback, is_small, loopable, made
from adcli.engines.native.code import is_number
from adcli.engines.native.values import Array, Index, Mem, Regs, Value, Virtual, count, element, number
from adcli.ir.nodes import Let

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer

# Above this many products, a matrix product is left to NumPy's BLAS.
BLAS = 640**3


def _dot(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, y = args
    assert not isinstance(x, str) and not isinstance(y, str)
    _agree(w, x.extents[0], y.extents[0], s)
    return product_sum(w, s, x, y, x.extents[0], lambda k: (k,), lambda k: (k,))


def _agree(w: Writer, m: str, n: str, s: Let) -> None:
    if m != n and not (is_number(m) and is_number(n)):
        w.guards.require(w.c.op(f"icmp eq i64 {m}, {n}"), "shapes", (m, n), s.span)


def product_sum(
    w: Writer, s: Let, x: Array, y: Array, n: str, left: Callable[[str], Index], right: Callable[[str], Index]
) -> str:
    """Σ x[left(k)]·y[right(k)]."""
    c = w.c
    kinds = [a.type.elem for a in s.args]

    def term(k: str) -> str:
        a = scalars.coerced(c, element(c, x, left(k)), kinds[0], "real")
        b = scalars.coerced(c, element(c, y, right(k)), kinds[1], "real")
        return c.op(f"fmul double {a}, {b}")

    stored = not isinstance(x, Virtual) and not isinstance(y, Virtual)
    if (isinstance(x, Regs) and isinstance(y, Regs)) or (is_number(n) and int(n) <= 4 and stored):
        out = scalars.ZERO
        for k in range(int(n)):
            out = c.op(f"fadd reassoc double {out}, {term(str(k))}") if k else term("0")
        return out
    x2, y2 = (w.in_memory(v) if isinstance(v, Regs) else v for v in (x, y))
    x, y = x2, y2
    return c.reduce(n, "double", scalars.ZERO, lambda k, acc: c.op(f"fadd reassoc double {acc}, {term(k)}"))


def _matmul(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, y = args
    assert not isinstance(x, str) and not isinstance(y, str)
    if len(x.extents) == 1 and len(y.extents) == 1:
        return _dot(w, s, args)
    _agree(w, x.extents[-1], y.extents[0], s)
    n = x.extents[-1]
    extents = (*x.extents[:-1], *y.extents[1:])
    if isinstance(x, Regs) and isinstance(y, Regs) and is_small(extents):
        return _small_matmul(w, s, x, y, extents)
    if len(x.extents) == 2 == len(y.extents) and not _few(extents, n):
        return w.settled(s, _by_tiles(w, s, x, y, extents))
    x, y = (v if isinstance(v, Virtual) and v.transposed is not None else w.in_memory(v) for v in (x, y))
    out = w.memory.allocate("real", extents)
    if len(y.extents) == 1:
        _rows(w, s, x, y, out, n)
    else:
        _accumulated(w, s, x, y, out, n)
    return w.settled(s, out)


def _few(extents: Sequence[str], n: str) -> bool:
    """Whether a product of matrices is known to be too small for tiles."""
    rows, columns, inner = (number(k) for k in (*extents, n))
    if None not in (rows, columns, inner) and rows * columns * inner <= 512:  # type: ignore[operator]
        return True
    return (columns is not None and columns < 5) or (rows is not None and rows < 4)


def _by_tiles(w: Writer, s: Let, x: Array, y: Array, extents: Sequence[str]) -> Mem:
    """A product of large matrices: of the table's if it is so large that its library's threads pay, else by `gemm`."""
    c = w.c
    work = c.product((*extents, x.extents[1]))
    if is_number(work) and int(work) >= BLAS:
        return w.in_memory(fallback(w, s, [x, y]))  # type: ignore[arg-type]
    w.module.include(gemm.text(), gemm.declared())
    given = []
    for v in (x, y):
        turned = isinstance(v, Virtual) and v.transposed is not None
        m = real_matrix(w, v.transposed if turned else v)  # type: ignore[union-attr, arg-type]
        given.append(f"ptr {m.ptr}, i64 {'1' if turned else m.extents[1]}, i64 {m.extents[1] if turned else '1'}")
    out = w.memory.allocate("real", extents)
    scratch = w.memory.take(str(8 * gemm.SCRATCH))
    c.do(
        f"call void @adcli.gemm({', '.join(given)}, ptr {out.ptr}, i64 {extents[0]}, i64 {x.extents[1]}, i64 {extents[1]}, ptr {scratch})"
    )
    return out


def real_matrix(w: Writer, v: Array) -> Mem:
    m = w.in_memory(v)
    return m if m.elem == "real" else w.converted(m, "real")


def _small_matmul(w: Writer, s: Let, x: Regs, y: Regs, extents: Sequence[str]) -> Value:
    rows, n = (x.shape[:-1] or (1,)), x.shape[-1]
    columns = y.shape[1:] or (1,)
    items = []
    for i in range(rows[0]):
        for j in range(columns[0]):
            left = (lambda k, i=i: (str(i), k)) if len(x.shape) == 2 else (lambda k: (k,))
            right = (lambda k, j=j: (k, str(j))) if len(y.shape) == 2 else (lambda k: (k,))
            items.append(product_sum(w, s, x, y, str(n), left, right))
    out = Regs("real", tuple(map(int, extents)), items)
    return out if s.out not in w.addressed else w.in_memory(out)


def _rows(w: Writer, s: Let, x: Array, y: Array, out: Mem, n: str) -> None:
    """A matrix times a vector. By rows, or by columns where the matrix is a transpose, so that memory is read in order."""
    c = w.c
    if not (isinstance(x, Virtual) and x.transposed is not None):
        c.loop(x.extents[0], lambda i: c.store("real", product_sum(w, s, x, y, n, lambda k: (i, k), lambda k: (k,)), out.ptr, i))
        return
    c.loop(out.extents[0], lambda i: c.store("real", scalars.ZERO, out.ptr, i))

    def column(k: str) -> None:
        factor = scalars.coerced(c, element(c, y, (k,)), y.elem, "real")

        def add(i: str) -> None:
            term = c.op(f"fmul double {scalars.coerced(c, element(c, x, (i, k)), x.elem, 'real')}, {factor}")
            c.store("real", c.op(f"fadd double {c.load('real', out.ptr, i)}, {term}"), out.ptr, i)

        with w.memory.independent():
            c.loop(out.extents[0], add)

    c.loop(n, column)


def _accumulated(w: Writer, s: Let, x: Array, y: Array, out: Mem, n: str) -> None:
    """A vector or a matrix times a matrix: rows of y, each times a number, added to a row of the result."""
    c = w.c
    c.loop(count(c, out.extents), lambda i: c.store("real", scalars.ZERO, out.ptr, i))
    width = out.extents[-1]

    def row(lead: tuple[str, ...]) -> None:
        base = c.mul(lead[0], width) if lead else "0"

        def step(k: str) -> None:
            factor = scalars.coerced(c, element(c, x, (*lead, k)), x.elem, "real")

            def add(j: str) -> None:
                at = c.add(base, j)
                term = c.op(f"fmul double {factor}, {scalars.coerced(c, element(c, y, (k, j)), y.elem, 'real')}")
                c.store("real", c.op(f"fadd double {c.load('real', out.ptr, at)}, {term}"), out.ptr, at)

            with w.memory.independent():
                c.loop(width, add)

        c.loop(n, step)

    if len(x.extents) == 1:
        row(())
    else:
        c.loop(x.extents[0], lambda i: row((i,)))


def _outer(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    x, y = args
    assert not isinstance(x, str) and not isinstance(y, str)
    extents = (x.extents[0], y.extents[0])
    x, y = loopable(w, extents, [x, y])
    kinds = [a.type.elem for a in s.args]
    c = w.c

    def at(index: Index) -> str:
        a = scalars.coerced(c, element(c, x, (index[0],)), kinds[0], "real")  # type: ignore[arg-type]
        return c.op(f"fmul double {a}, {scalars.coerced(c, element(c, y, (index[1],)), kinds[1], 'real')}")  # type: ignore[arg-type]

    return made(w, s, Virtual("real", extents, at, size=1 + cost(x) + cost(y)), x, y)


FORMS: dict[str, Form] = {"dot": _dot, "matmul": _matmul, "outer": _outer}
