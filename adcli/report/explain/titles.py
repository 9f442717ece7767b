"""The words around the steps: titles, introductions, and where the terms of a sum come from."""

from __future__ import annotations

from collections.abc import Iterator

from adcli.report.explain.document import Document, Section
from adcli.report.explain.markup import Markup
from adcli.report.explain.totals import Total
from adcli.report.notation import Notation
from adcli.report.trace import Trace

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
    elif section.kind == "tangents":
        along = m.text(section.seed)
        yield (
            f"{m.math(variable(n, 'dot'))}, the tangent of {v}, is the rate at which {v} moves when the inputs move along {along}. "
            f"{ROUNDED}"
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
    if total.count < 2:
        return
    for place, count, sum_ in total.shares:
        uses = "" if count == 1 else f", {count:,} uses"
        yield f"{m.math(document.writer.number(sum_))} through {m.code(place.fragment)} ({place.line}:{place.column}{uses})"
