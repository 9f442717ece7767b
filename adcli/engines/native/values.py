"""How the values of a program are held while native code is written for it.

scalar   an operand
Regs     a small array of constant shape: one operand for each element; nothing is in memory
Mem      an array in memory, row by row: a pointer and extents
Virtual  an array that is computed where it is read: a function from indices to an element. So a chain of elementwise operations,
         sections and transpositions, and the reduction at its end, become one loop, and nothing between them is stored.
"""
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from adcli.engines.native.code import SIZE, Code, constant, is_number
from adcli.ir.types import Type, size

Index: TypeAlias = "Sequence[str]"

# Arrays of constant shape up to this size live in registers.
SMALL = 16


def is_small_type(t: Type) -> bool:
    return bool(t.shape) and t.static and size(t.shape) <= SMALL


@dataclass(slots=True, eq=False)
class Regs:
    elem: str
    shape: tuple[int, ...]
    items: list[str]

    @property
    def extents(self) -> tuple[str, ...]:
        return tuple(map(str, self.shape))


@dataclass(slots=True, eq=False)
class Mem:
    """base: the array whose storage it is, this one's own or, of a view, that of another; roots: the arrays whose storage it may be
    instead, where only the run knows: what a loop began with, the sides of a branch, what a call was given.
    """

    elem: str
    extents: tuple[str, ...]
    ptr: str
    roots: frozenset[str] = frozenset()
    base: str = ""

    def __post_init__(self) -> None:
        self.base = self.base or self.ptr

    @property
    def storage(self) -> frozenset[str]:
        """All that it may be."""
        return self.roots | {self.base}


@dataclass(slots=True, eq=False)
class Virtual:
    """at: the element at an index; flat: the element at a position counted through all elements in order, where that is as cheap.

    size: about how many operations an element takes; transposed: the array of which this is the transpose; scalar: the operand that
    all elements are; reads: the storage that is read, which must not be overwritten before the array is computed; positions: for each
    array that `flat` reads, an element at the position asked for, its pointer, and the storage that it may be part of.

    over: the virtual arrays that it is computed from; kept: whether it is to be stored by the first loop that runs through all of its
    elements by position, since it is read again; mem: where it has been stored; home: where it is to be stored, if that is given.
    """

    elem: str
    extents: tuple[str, ...]
    at: Callable[[Index], str]
    flat: Callable[[str], str] | None = None
    size: int = 1
    transposed: Mem | None = None
    scalar: str | None = None
    reads: frozenset[str] = field(default_factory=frozenset)
    positions: frozenset[tuple[str, frozenset[str]]] = field(default_factory=frozenset)
    over: tuple[Virtual, ...] = ()
    kept: bool = False
    mem: Mem | None = None
    home: Mem | None = None

    def uses(self, storage: frozenset[str]) -> bool:
        """Whether computing it may read that storage."""
        return not storage.isdisjoint(self.reads) or any(v.mem is not None and v.mem.storage & storage for v in self.over)


Array: TypeAlias = "Regs | Mem | Virtual"
Value: TypeAlias = "str | Regs | Mem | Virtual"


def strides(c: Code, extents: Sequence[str]) -> list[str]:
    """How far apart neighbours along each axis are."""
    out = ["1"]
    for n in reversed(extents[1:]):
        out.append(c.mul(out[-1], n))
    return out[::-1]


def offset(c: Code, extents: Sequence[str], index: Index) -> str:
    """The position of an element: Horner's rule over the extents."""
    at = "0"
    for n, i in zip(extents, index, strict=True):
        at = c.add(c.mul(at, n), i)
    return at


def count(c: Code, extents: Sequence[str]) -> str:
    return c.product(extents)


def size_in_bytes(c: Code, v: Array) -> str:
    return c.mul(count(c, v.extents), str(SIZE[v.elem]))


def shaped(v: Value, t: Type) -> Value:
    """A value whose extents are those that its type tells: that they are is checked when the program runs."""
    if isinstance(v, Mem | Virtual) and not all(known is None or n == str(known) for n, known in zip(v.extents, t.shape, strict=True)):
        return replace(v, extents=tuple(n if known is None else str(known) for n, known in zip(v.extents, t.shape, strict=True)))
    return v


def number(n: str) -> int | None:
    return int(n) if is_number(n) else None


def element(c: Code, a: Array, index: Index) -> str:
    """An element at an index, which for Regs is made of constants."""
    match a:
        case Regs():
            k = int(offset(c, a.extents, index))
            return a.items[k] if 0 <= k < len(a.items) else constant(0, a.elem)  # outside, which a check has found
        case Mem():
            return c.load(a.elem, a.ptr, offset(c, a.extents, index))
        case _:
            return a.at(index) if a.mem is None else element(c, a.mem, index)


def flat(c: Code, a: Array) -> Callable[[str], str] | None:
    """Elements by position, where that is as cheap as by index."""
    match a:
        case Regs():
            return lambda k: a.items[int(k)]
        case Mem():
            return lambda k: c.load(a.elem, a.ptr, k)
        case Virtual(flat=None):
            return None
        case _:
            return lambda k: a.flat(k) if a.mem is None else c.load(a.elem, a.mem.ptr, k)  # type: ignore[misc]


def storage(values: Sequence[Value]) -> frozenset[str]:
    """The storage that reading these values reads."""
    found: set[str] = set()
    for v in values:
        if isinstance(v, Mem):
            found |= v.storage
        elif isinstance(v, Virtual):
            found |= v.reads
    return frozenset(found)


def positions(values: Sequence[Value]) -> frozenset[tuple[str, frozenset[str]]]:
    """Of the values that are read by position, what they read."""
    found: set[tuple[str, frozenset[str]]] = set()
    for v in values:
        if isinstance(v, Mem):
            found.add((v.ptr, v.storage))
        elif isinstance(v, Virtual):
            found |= v.positions
    return frozenset(found)


def under(values: Sequence[Value]) -> tuple[Virtual, ...]:
    """The virtual arrays among the values, and what they are computed from, each once and in an order that the program decides."""
    found: dict[Virtual, None] = {}
    for v in values:
        if isinstance(v, Virtual):
            found |= dict.fromkeys((v, *v.over))
    return tuple(found)


def waiting(values: Sequence[Value]) -> list[Virtual]:
    """Those among them that are still to be stored."""
    return [v for v in under(values) if v.kept and v.mem is None]
