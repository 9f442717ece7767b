"""An explanation as records for JSON; numbers and arrays stay as they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from adcli.report.explain.document import Document, Folded, Group, Item
from adcli.report.explain.steps import ExplainedStep, Place
from adcli.report.explain.totals import Term, Total, equation


def sections(document: Document) -> Iterator[tuple[str, Iterable[dict[str, Any]]]]:
    """`steps`, and what the derivatives add up from (`totals`), to be read one after the other.

    In forward mode the steps and totals of every seed say their seed.
    """
    totals: list[dict[str, Any]] = []
    yield "steps", _steps(document, totals)
    yield "totals", totals


def _steps(document: Document, totals: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The records of the steps; the totals between them go into the list."""
    for section in document.sections():
        if section.kind == "values":
            continue
        said = {"seed": section.seed} if section.seed else {}
        for item in section.items:
            if isinstance(item, Total):
                totals.append(_total(item, document) | said)
            else:
                yield from (record | said for record in _records(document, item))


def _records(document: Document, item: Item) -> Iterator[dict[str, Any]]:
    if isinstance(item, Group):
        yield from (_step(document, step) for step in item.steps)
    elif isinstance(item, Folded):
        yield {"kind": "folded", "operations": item.operations, "iterations": len(item.iterations), "words": item.words}


def _step(document: Document, s: ExplainedStep) -> dict[str, Any]:
    r = document.trace.recording
    return {
        "kind": s.kind, "step": s.step or None, "v": r.number(s.node), "from": None if s.source is None else r.number(s.source),
        **_place(s.place), "iteration": list(s.iteration), "op": s.operation or None,
        "rule": None if s.rule is None else s.rule.formula or s.rule.words, "partial": s.partial or None, "slope": s.slope,
        "adjoint": s.bar, "formula": s.formula, "numbers": s.numbers or None, "increment": s.increment, "running": s.running,
        "words": s.words, "notes": s.notes,
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
