"""The words around the steps: titles, introductions, and where the terms of a sum come from."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from adcli.engines.flags import finite
from adcli.report.explain.document import Document, Section
from adcli.report.explain.markup import Markup
from adcli.report.explain.steps import Place
from adcli.report.explain.totals import Total
from adcli.report.notation import Notation
from adcli.report.trace import Trace

# Places that a sum is told by; of more, those through which most came.
PLACES = 8
ROUNDED = "Sentences round to 4 digits, formulas do not."


def title(section: Section) -> str:
    """The title of a section, as plain text."""
    match section.kind:
        case "values":
            return "The value, step by step"
        case "adjoints":
            return "The derivatives, from the result back to the inputs"
        case "tangents":
            return f"The derivatives along {section.seed}, from the inputs to the result"
        case _:
            return "The gradient: what came back to each input"


def intro(section: Section, trace: Trace, n: Notation, m: Markup) -> Iterator[str]:
    """What the symbols of a section mean."""
    y, v = m.text(trace.output_name), m.math(variable(n, ""))
    if section.kind == "adjoints":
        yield (
            f"{m.math(variable(n, 'bar'))}, the adjoint of {v}, is the rate at which {y} moves with {v}. "
            f"An operation hands its adjoint on to its arguments, times its derivative by each. {ROUNDED}"
        )
    elif section.kind == "tangents" and not section.again:
        dot = m.math(variable(n, "dot"))
        yield (
            f"{dot}, the tangent of {v}, is the rate at which {v} moves when the inputs move along a direction, here "
            f"{m.text(section.seed)}. {ROUNDED}"
        )


def variable(n: Notation, kind: str) -> str:
    """v, v̇ or v̄ with an index that stands for any."""
    match n.name:
        case "unicode":
            return {"": "vᵢ", "bar": "v̄ᵢ", "dot": "v̇ᵢ"}[kind]
        case "ascii":
            return {"": "v[i]", "bar": "v_bar[i]", "dot": "v_dot[i]"}[kind]
        case _:
            return {"": "v_i", "bar": r"\bar{v}_i", "dot": r"\dot{v}_i"}[kind]


def nothing(trace: Trace, m: Markup) -> str:
    y = m.text(trace.output_name)
    if not trace.inputs:
        return "The program has no real input to differentiate by."
    return f"{y} does not depend on the inputs through operations with a derivative: the gradient is 0."


def shares(total: Total, document: Document, m: Markup) -> Iterator[str]:
    """Where the terms of a sum come from, place by place."""
    if total.count == 0 and total.name in document.trace.wrt:
        yield m.text(f"no path leads from {total.name} to {document.trace.output_name}")
    if not finite(total.value):
        yield m.text("adcli blame finds where a number came from that is not finite")
    if total.count < 2:
        return
    shown = total.shares if len(total.shares) <= PLACES else _largest(total)
    for place, count, sum_ in shown:
        uses = "" if count == 1 else f", {count:,} uses"
        yield f"{m.math(document.writer.number(sum_))} through {m.code(place.fragment)} ({place.line}:{place.column}{uses})"
    if len(shown) < len(total.shares):
        yield m.text(f"the rest through {len(total.shares) - len(shown):,} other places")


def _largest(total: Total) -> list[tuple[Place, int, Any]]:
    """The places through which most came, in the order of the program."""
    sizes = sorted(total.shares, key=lambda share: _size(share[2]), reverse=True)[: PLACES - 1]
    return sorted(sizes, key=lambda share: share[0][:2])


def _size(value: Any) -> float:
    """The largest magnitude in a number or an array; nan is larger than any."""
    size = float(abs(value).max()) if getattr(value, "size", 0) else 0.0 if hasattr(value, "shape") else abs(value)
    return math.inf if size != size else size
