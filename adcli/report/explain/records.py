"""An explanation as records for JSON; numbers and arrays stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from adcli.report.explain.document import Document, Folded, Group
from adcli.report.explain.steps import ExplainedStep, Place
from adcli.report.explain.totals import Term, Total, equation


def sections(document: Document) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    """`steps`, and what the derivatives add up from (`totals`); in forward mode the steps of every seed say their seed."""
    found = [s for s in document.sections() if s.kind != "values"]
    yield "steps", (record for s in found for item in s.items for record in _records(document, item, s.seed))
    totals = ((s, item) for s in found for item in s.items if isinstance(item, Total))
    yield "totals", (_total(item, document) | ({"seed": s.seed} if s.seed else {}) for s, item in totals)


def _records(document: Document, item: object, seed: str) -> Iterator[dict[str, Any]]:
    if isinstance(item, Group):
        for step in item.steps:
            yield _step(document, step) | ({"seed": seed} if seed else {})
    elif isinstance(item, Folded):
        yield {"kind": "folded", "operations": item.operations, "iterations": len(item.iterations), "words": item.words}


def _step(document: Document, s: ExplainedStep) -> dict[str, Any]:
    r = document.trace.recording
    return {
        "kind": s.kind, "step": s.step or None, "v": r.number(s.node), "from": None if s.source is None else r.number(s.source),
        **_place(s.place), "iteration": list(s.iteration), "op": s.operation or None,
        "rule": s.rule.formula or s.rule.words or None, "partial": s.partial or None, "slope": s.slope, "adjoint": s.bar,
        "formula": s.formula, "numbers": s.numbers or None, "increment": s.increment, "running": s.running, "words": s.words,
        "notes": s.notes,
    }  # fmt: skip


def _place(place: Place | None) -> dict[str, Any]:
    if place is None:
        return {"line": None, "column": None, "source": None}
    return {"line": place.line, "column": place.column, "source": place.fragment}


def _total(t: Total, document: Document) -> dict[str, Any]:
    return {
        "name": t.name, "value": t.value, "uses": t.count, "equation": equation(t, document.writer),
        "terms": [*map(_term, t.first), *map(_term, t.last)], "omitted": t.omitted,
        "places": [{**_place(place), "uses": count, "sum": sum_} for place, count, sum_ in t.shares],
    }  # fmt: skip


def _term(term: Term) -> dict[str, Any]:
    return {**_place(term.place), "iteration": list(term.iteration), "numbers": term.numbers, "increment": term.increment}
