"""The places of a program that native code names by number: where it may fail, and what it asks Python to compute.

They are plain data, so that a program can be kept on disk and run again without its IR.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.errors import Span
from adcli.ir.types import Type

if TYPE_CHECKING:
    from adcli.ir.nodes import Check, Let


class Ask(NamedTuple):
    """A statement that Python computes: the operation, its attributes, the types of the arguments and of the result."""

    op: str
    attrs: tuple[Any, ...]
    args: tuple[Type, ...]
    out: Type


class Site(NamedTuple):
    """kind: that of a Check, or "shapes", "reshape", "elements", "memory", "depth", "steps", "raised" (Python did), "ask".

    elems: the element types of the values that a failure leaves; about: of the Check.
    """

    kind: str
    span: Span | None = None
    elems: tuple[str, ...] = ()
    about: tuple[str, ...] = ()
    ask: Ask | None = None


def of_check(check: Check) -> Site:
    return Site("check:" + check.kind, check.span, tuple(a.type.elem for a in check.args), check.about)


def of_statement(let: Let) -> Site:
    return Site("ask", let.span, ask=Ask(let.op.name, let.attrs, tuple(a.type for a in let.args), let.out.type))


def to_data(sites: Sequence[Site]) -> list[Any]:
    """The sites as JSON has them."""
    return [[s.kind, s.span, s.elems, s.about, s.ask] for s in sites]


def from_data(data: Sequence[Any]) -> list[Site]:
    """The sites of what `to_data` gave; raises ValueError or TypeError where it is anything else."""
    found = []
    for kind, span, elems, about, ask in data:
        asked = None
        if ask is not None:
            op, attrs, args, out = ask
            asked = Ask(op, tuple(attrs), tuple(_type(t) for t in args), _type(out))
        found.append(Site(str(kind), None if span is None else Span(*span), tuple(elems), tuple(about), asked))
    return found


def _type(data: Sequence[Any]) -> Type:
    elem, shape = data
    return Type(elem, tuple(shape))
