"""Building IR: a cursor in a block that appends statements, each typed by its operation's type rule."""
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from adcli import ops
from adcli.errors import Span
from adcli.ir.nodes import Atom, Block, Check, Const, Let, Statement, Var
from adcli.ir.types import BOOL, INT, REAL, result_type
from adcli.ops.record import Op


def const(value: float | int | bool) -> Const:
    """A scalar constant, typed by the kind of Python number it is."""
    if isinstance(value, bool):
        return Const(value, BOOL)
    return Const(value, INT) if isinstance(value, int) else Const(value, REAL)


class Builder:
    """Appends to `block`; `span` is what statements get that are given none."""

    __slots__ = ("block", "same_shape", "span")

    def __init__(self, block: Block | None = None, span: Span | None = None) -> None:
        self.block = Block() if block is None else block
        self.span = span
        # Variables known to have the shape of another one, which stands nearer to where the shape comes from.
        self.same_shape: dict[Atom, Atom] = {}

    def let(self, name: str, *args: Atom, attrs: tuple[object, ...] = (), span: Span | None = None, name_hint: str = "") -> Var:
        """Append out = name(args…; attrs) and give its variable; `name_hint` is the program's name for it."""
        out = self.emit(ops.TABLE[name], args, attrs, span or self.span)
        out.name = name_hint
        return out

    def emit(self, op: Op, args: tuple[Atom, ...], attrs: tuple[object, ...], span: Span | None) -> Var:
        """Append out = op(args…; attrs) as it is given."""
        out = Var(result_type(op, args, attrs))
        self.block.statements.append(Let(out, op, args, attrs, span))
        return out

    const = staticmethod(const)

    def dims(self, x: Atom) -> tuple[Atom, ...]:
        """The extents of x as int atoms: constants where the type knows them, else read at run time."""
        x = x if x.type.static else self.shape_source(x)
        return tuple(self.let("dim", x, attrs=(k,)) if n is None else Const(n, INT) for k, n in enumerate(x.type.shape))

    def shape_source(self, x: Atom) -> Atom:
        """The variable nearest to the inputs that is known to have x's shape."""
        while x in self.same_shape:
            x = self.same_shape[x]
        return x

    def check(self, kind: str, *args: Atom, about: tuple[str, ...] = (), span: Span | None = None) -> None:
        """Append a Check of that kind."""
        self.block.statements.append(Check(kind, args, about, span or self.span))

    def append(self, statement: Statement) -> None:
        self.block.statements.append(statement)

    @contextmanager
    def inside(self, block: Block) -> Iterator[Block]:
        """Append to another block for a while."""
        outer, self.block = self.block, block
        try:
            yield block
        finally:
            self.block = outer
