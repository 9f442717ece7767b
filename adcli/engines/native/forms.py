"""Operations on arrays: what each makes of the values of its arguments (see `values`).

A form takes the writer of the function at hand, the statement, and its arguments' values. Elementwise operations, sections,
transpositions and the like give Virtual arrays, reductions and products run loops, what has no form here is asked of NumPy.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.engines.native import making, products, reductions, sections, shapes
from adcli.engines.native.arrays import Form, fallback
from adcli.engines.native.elementwise import elementwise
from adcli.engines.native.values import Value
from adcli.ir.nodes import Let

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer

ELEMENTWISE = frozenset({"real", "arith", "compare", "logical", "select", "to_int"})


def array(w: Writer, s: Let, args: Sequence[Value]) -> Value:
    """The value of an operation that has an array among its arguments or as its result."""
    form = _FORMS.get(s.op.name)
    if form is None:
        form = elementwise if s.op.type in ELEMENTWISE or s.op.name == "stop" else fallback
    if form is not elementwise and not (s.op.name in reductions.NEUTRAL and (s.attrs[0] is None or s.args[0].type.rank == 1)):
        w.store_waiting(args)
    return form(w, s, args)


_FORMS: dict[str, Form] = making.FORMS | sections.FORMS | shapes.FORMS | reductions.FORMS | products.FORMS
