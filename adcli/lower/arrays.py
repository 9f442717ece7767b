"""Arithmetic on mixed kinds, and the elements and sections of arrays."""

from __future__ import annotations

from collections.abc import Sequence

from adcli.errors import ShapeError, Span, ValueKindError
from adcli.ir.build import const
from adcli.ir.nodes import Atom, Const, Var
from adcli.ir.types import INT, TypeMismatch, broadcast, shape_text
from adcli.lower.frame import Frame
from adcli.lower.loops import nonzero, span_count, whole
from adcli.lower.problems import counted
from adcli.syntax import tree

ARITHMETIC = {"+": "add", "-": "sub", "*": "mul", "/": "div", "//": "floordiv", "%": "mod", "^": "pow", "@": "matmul"}
COMPARISONS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}


def whole_literal(node: tree.Expr | None) -> int | None:
    """The value of a literal such as 2 or -3, which is int beside an int."""
    sign = 1
    if isinstance(node, tree.Unary) and node.op == "-":
        sign, node = -1, node.operand
    if isinstance(node, tree.Num) and node.whole and len(node.text) < 19:
        return sign * int(node.text)
    return None


def binary(f: Frame, symbol: str, a: Atom, b: Atom, nodes: tuple[tree.Expr | None, tree.Expr | None], span: Span) -> Atom:
    """a op b, where an int beside a real becomes real and a whole literal beside an int becomes int."""
    name = ARITHMETIC[symbol]
    if name == "matmul":
        return product(f, a, b, span)
    kinds = a.type.elem, b.type.elem
    if kinds == ("real", "real"):
        return f.elementwise(name, (a, b), span)
    if "int" in kinds and name != "div":
        x, y = _ints(a, b, nodes)
        if x.type == INT and y.type == INT and (name != "pow" or _small_power(y, nodes[1])):
            return f.int_op(name, x, y, span)
    return f.elementwise(name, (f.real(a, span), f.real(b, span)), span)


def _ints(a: Atom, b: Atom, nodes: tuple[tree.Expr | None, tree.Expr | None]) -> tuple[Atom, Atom]:
    """Both operands, a whole literal beside an int as an int."""
    left, right = whole_literal(nodes[0]), whole_literal(nodes[1])
    if b.type == INT and left is not None:
        return const(left), b
    if a.type == INT and right is not None:
        return a, const(right)
    return a, b


def _small_power(exponent: Atom, node: tree.Expr | None) -> bool:
    return isinstance(exponent, Const) and exponent.value >= 0 and whole_literal(node) is not None


def product(f: Frame, a: Atom, b: Atom, span: Span) -> Atom:
    """The matrix product; of two vectors it is their dot product."""
    a, b = f.real(a, span), f.real(b, span)
    for x in (a, b):
        if not x.type.shape:
            raise f.fail(ValueKindError, "a matrix product of a number", span, "numbers are multiplied with *")
    if len(a.type.shape) <= 2 and len(b.type.shape) <= 2:
        fits(f, a, -1, b, 0, span)
    name = "dot" if (len(a.type.shape), len(b.type.shape)) == (1, 1) else "matmul"
    return f.emit(name, (a, b), (), span)


def fits(f: Frame, a: Atom, i: int, b: Atom, j: int, span: Span) -> None:
    """Check at run time that two extents agree where the types do not say."""
    m, n = f.extent_key(a, i), f.extent_key(b, j)
    if m != n and not (isinstance(m, int) and isinstance(n, int)):
        f.check("equal", f.extent(a, i), f.extent(b, j), about=("lengths",), span=span)


def compare(f: Frame, symbol: str, a: Atom, b: Atom, nodes: tuple[tree.Expr, tree.Expr], span: Span) -> Atom:
    """A comparison, elementwise on arrays."""
    kinds = a.type.elem, b.type.elem
    if kinds != ("real", "real") and not (kinds == ("bool", "bool") and symbol in ("==", "!=")):
        a, b = _ints(a, b, nodes)
        if not (a.type.elem == b.type.elem == "int"):
            a, b = f.real(a, span), f.real(b, span)
    return f.elementwise(COMPARISONS[symbol], (a, b), span)


class Subscript:
    """What stands in brackets, evaluated: one letter per axis, and the ints that go with them."""

    __slots__ = ("ints", "pattern")

    def __init__(self, pattern: str, ints: tuple[Atom, ...]) -> None:
        self.pattern = pattern
        self.ints = ints


def subscript(f: Frame, x: Atom, node: tree.Index, evaluated: Sequence[Atom] | None = None) -> Subscript:
    """Evaluate the subscripts of x; `evaluated` are the values of those that are no ranges, where they are known already."""
    if not x.type.shape:
        raise f.fail(ValueKindError, "a number cannot be indexed", node.span, "only arrays have elements")
    rank = len(x.type.shape)
    if len(node.items) > rank:
        raise f.fail(
            ShapeError,
            f"{counted(len(node.items), 'subscript')} for an array of {counted(rank, 'axis').replace('axiss', 'axes')}",
            node.span,
            f"its shape is {shape_text(x.type.shape)}",
        )
    values = iter(evaluated) if evaluated is not None else None
    pattern, ints = "", []
    for axis, item in enumerate(node.items):
        if isinstance(item, tree.Range):
            letter, some = _slice(f, x, axis, item)
            pattern += letter
            ints += some
        else:
            value = next(values) if values is not None else f.expr(item)
            pattern += "i"
            ints.append(position(f, x, axis, value, item.span))
    return Subscript(pattern, tuple(ints))


def position(f: Frame, x: Atom, axis: int, value: Atom, span: Span) -> Atom:
    """An index along an axis, checked against its extent unless it is certainly inside."""
    index = whole(f, value, "an index", span)
    n = x.type.shape[axis]
    low, high = f.interval(index)
    if n is None or low < -n or high >= n:
        f.check("bounds", index, f.extent(x, axis), span=span)
    return index


def _slice(f: Frame, x: Atom, axis: int, node: tree.Range) -> tuple[str, list[Atom]]:
    """start, count and step of a slice; `..` alone is the whole axis."""
    if node.lo is None and node.hi is None and node.step is None:
        return ":", []
    n = f.extent(x, axis)
    step = const(1) if node.step is None else whole(f, f.expr(node.step), "the step of a slice", node.step.span)
    nonzero(f, step, node)
    if not isinstance(step, Const) and (node.lo is None or node.hi is None):
        raise f.fail(ValueKindError, "a slice with a computed step needs both of its ends", node.span, "write a[lo..hi step s]")
    back = isinstance(step, Const) and step.value < 0
    first = f.int_op("sub", n, const(1)) if back else const(0)
    end = const(-1) if back else n
    lo = first if node.lo is None else _from_start(f, whole(f, f.expr(node.lo), "the start of a slice", node.lo.span), n, node.span)
    hi = end if node.hi is None else _from_start(f, whole(f, f.expr(node.hi), "the end of a slice", node.hi.span), n, node.span)
    count = span_count(f, lo, hi, step, node.inclusive and node.hi is not None, node.span)
    count = f.int_op("maximum", count, const(0), node.span)
    if not _inside(lo, count, step, n):
        f.check("slice", lo, count, step, n, span=node.span)
    return "s", [lo, count, step]


def _from_start(f: Frame, i: Atom, n: Atom, span: Span) -> Atom:
    """A bound counted from the end, counted from the start."""
    low, high = f.interval(i)
    if low >= 0:
        return i
    shifted = f.int_op("add", i, n, span)
    if high < 0:
        return shifted
    out = f.emit("select", (f.emit("lt", (i, const(0))), shifted, i), (), span)
    f.unit.ranges[out] = (min(low, f.interval(shifted)[0]), max(high, f.interval(shifted)[1]))
    return out


def _inside(lo: Atom, count: Atom, step: Atom, n: Atom) -> bool:
    """Whether a slice is certainly within the axis."""
    if isinstance(lo, Const) and lo.value == 0 and count is n:
        return True
    if not all(isinstance(a, Const) for a in (lo, count, step, n)):
        return False
    start, k, by, extent = (int(a.value) for a in (lo, count, step, n) if isinstance(a, Const))
    return (k == 0 and 0 <= start <= extent) or (k > 0 and 0 <= start < extent and 0 <= start + (k - 1) * by < extent)


def get(f: Frame, x: Atom, sub: Subscript, span: Span) -> Atom:
    """The element or section."""
    parts = f.unit.parts.get(x)
    if parts is not None and sub.pattern == "i" and isinstance(sub.ints[0], Const):
        return parts[int(sub.ints[0].value)]
    out = f.emit("index", (x, *sub.ints), (sub.pattern,), span)
    if None in out.type.shape:
        _keep_keys(f, out, x, sub)
    if x in f.unit.ranges and out.type.elem == "int":
        f.unit.ranges[out] = f.unit.ranges[x]
    return out


def _keep_keys(f: Frame, out: Var, x: Atom, sub: Subscript) -> None:
    """Whole axes keep what stands for their extents."""
    keys: list[object] = []
    at = 0
    for axis in range(len(x.type.shape)):
        letter = sub.pattern[axis] if axis < len(sub.pattern) else ":"
        if letter == "s":
            count = sub.ints[at + 1]
            keys.append(f.key(count))
        elif letter == ":":
            keys.append(f.extent_key(x, axis))
        at += {"i": 1, "s": 3, ":": 0}[letter]
    f.unit.extents[out] = tuple(keys)


def section(f: Frame, x: Atom, sub: Subscript) -> tuple[Atom, ...]:
    """The extents of a section."""
    dims: list[Atom] = []
    at = 0
    for axis in range(len(x.type.shape)):
        letter = sub.pattern[axis] if axis < len(sub.pattern) else ":"
        if letter == "s":
            dims.append(sub.ints[at + 1])
        elif letter == ":":
            dims.append(f.extent(x, axis))
        at += {"i": 1, "s": 3, ":": 0}[letter]
    return tuple(dims)


def flattened(levels: list[Subscript]) -> list[Subscript]:
    """a[i][j] as a[i, j], as far as single elements lead on."""
    out: list[Subscript] = []
    for level in levels:
        if out and set(out[-1].pattern) == {"i"}:
            out[-1] = Subscript(out[-1].pattern + level.pattern, out[-1].ints + level.ints)
        else:
            out.append(level)
    return out


def stored(f: Frame, x: Atom, levels: Sequence[Subscript], value: Atom, span: Span, value_span: Span) -> Var:
    """x with the element or section that the subscripts lead to replaced by the value."""
    sub = levels[0]
    if len(levels) > 1:
        value = stored(f, get(f, x, sub, span), levels[1:], value, span, value_span)
    if x.type.elem != value.type.elem:
        x, value = f.real(x, span), f.real(value, value_span)
    if value.type.shape:
        value = _fitted(f, x, sub, value, value_span)
    out = f.emit("update", (x, value, *sub.ints), (sub.pattern,), value_span)
    if None in out.type.shape:
        f.unit.extents[out] = tuple(f.extent_key(x, k) for k in range(len(x.type.shape)))
    return out


def _fitted(f: Frame, x: Atom, sub: Subscript, value: Atom, span: Span) -> Atom:
    """The value broadcast to the section it replaces."""
    dims = section(f, x, sub)
    want = tuple(int(d.value) if isinstance(d, Const) else None for d in dims)
    have = value.type.shape
    try:
        if len(have) > len(want) or broadcast([have, want]) != tuple(
            m if n is None else n for m, n in zip((None,) * (len(want) - len(have)) + have, want, strict=True)
        ):
            raise TypeMismatch("")
    except TypeMismatch:
        raise f.fail(
            ShapeError,
            f"a value of shape {shape_text(have)} is assigned to {_place(want)}",
            span,
            "the shapes must agree, or the value broadcast to it",
        ) from None
    exact = len(have) == len(want)
    for k in range(1, len(have) + 1):
        m, d = f.extent_key(value, -k), dims[-k]
        n = f.key(d)
        if m == 1 and n != 1:
            exact = False
        elif m != n and not (isinstance(m, int) and isinstance(n, int)):
            f.check("equal", f.extent(value, -k), d, about=("lengths",), span=span)
    return value if exact else f.emit("broadcast_to", (value, *dims), (), span)


def _place(shape: tuple[int | None, ...]) -> str:
    return f"a section of shape {shape_text(shape)}" if shape else "one element"
