"""What a program takes and gives, as records; `adcli.lower.signature` finds them in a program's text."""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.errors import Span

if TYPE_CHECKING:
    from adcli.syntax import tree

ORDER = 7
"""The highest derivative that roots and fixed points have unless more is asked for."""


class Constant(NamedTuple):
    """A default whose value is known: a number, or nested lists of numbers."""

    value: Any
    span: Span


class Input:
    """One input. `shape` is None where none was declared: it comes from the value; entries are extents or dimension names."""

    __slots__ = ("default", "kind", "name", "shape", "span")

    def __init__(
        self, name: str, kind: str, shape: tuple[int | str, ...] | None, default: tree.Expr | Constant | None, span: Span
    ) -> None:
        self.name = name
        self.kind = kind
        self.shape = shape
        self.default = default
        self.span = span


class Signature:
    """Inputs in order, the dimension names of their shapes, the names of the outputs ("value" for one without a name).

    For lowering: `entry`, the function that is the program, if it is one, and `last`, where each name is read last.
    """

    __slots__ = ("dimensions", "entry", "inputs", "last", "outputs")

    def __init__(
        self,
        inputs: tuple[Input, ...],
        dimensions: tuple[str, ...],
        outputs: tuple[str, ...],
        entry: tree.FnDef | None,
        last: Mapping[str, int],
    ) -> None:
        self.inputs = inputs
        self.dimensions = dimensions
        self.outputs = outputs
        self.entry = entry
        self.last = last
