"""Stories as data for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from adcli.errors import Span
from adcli.report.blame.birth import Hop
from adcli.report.blame.factors import iteration_of, log_factors, str_key
from adcli.report.blame.fold import Fold, Item, cut, folded
from adcli.report.blame.story import Story
from adcli.report.blame.text import Page
from adcli.report.blame.words import Words
from adcli.report.cures import clipped


def data(words: Words, stories: Sequence[Story], rows: int | None) -> list[dict[str, Any]]:
    """Stories as JSON has them."""
    page = Page(words, rows)
    return [_story(page, story) for story in stories]


def _story(page: Page, story: Story) -> dict[str, Any]:
    words = page.words
    out: dict[str, Any] = {
        "kind": story.kind,
        "numbers": [{"of": q.name if q.kind == "value" else f"gradient.{q.name}", "is": told(q.number)} for q in story.quantities],
        "more": story.more,
        "headline": words.headline(story),
        "reason": words.reason(story),
        "root": story.path.root if story.path.hops or story.path.cause else None,
        "born": _place(page, page.born(story)),
        "path": _items(page, story.pieces()),
        "way": _items(page, [story.way]),
        "causes": [],
        "contributions": [_use(page, use) for use in (story.uses if page.rows is None else story.uses[: page.rows])],
    }
    if story.zeros is not None:
        out["causes"] = [{"code": "hidden", "op": h.op, **(_place(page, h.span) or {}), "iteration": list(h.iteration), "count": 1,
                          "says": words.hidden(h)} for h in story.hidden]  # fmt: skip
        out["causes"] += [
            {"code": c.code, "op": _op(page, c.hop), **(_place(page, page.phrases.span(c.hop.node)) or {}),
             "iteration": list(iteration_of(page.trace, c.hop.node)), "count": c.count, "says": words.cause(c)}
            for c in story.zeros.causes
        ]  # fmt: skip
        out["complete"] = story.zeros.complete
    if story.shares is not None:
        out["shares"] = _shares(page, story)
    return out


def told(x: float) -> float | str:
    """A number; as a text where JSON has none for it, since here it matters which it is."""
    return x if math.isfinite(x) else str(float(x))


def _op(page: Page, hop: Hop) -> str:
    return page.phrases.op(hop.node).strip("`")


def _place(page: Page, span: Span | None) -> dict[str, Any] | None:
    if span is None:
        return None
    line, column = page.trace.source.position(span.start)
    return {"operation": clipped(page.trace.source.text[span.start : span.end]), "line": line, "column": column}


def _items(page: Page, pieces: list[list[Hop]]) -> list[dict[str, Any]]:
    return [_item(page, item) for item in cut([item for piece in pieces for item in folded(page.trace, piece)], page.rows)]


def _item(page: Page, item: Item) -> dict[str, Any]:
    if isinstance(item, Hop):
        p = page.phrases
        out: dict[str, Any] = {
            "kind": "value" if item.is_value else "adjoint", "op": _op(page, item), "operation": p.source(item.node),
            **{k: v for k, v in (_place(page, p.span(item.node)) or {}).items() if k != "operation"},
            "iteration": list(iteration_of(page.trace, item.node)), "element": list(item.at),
        }  # fmt: skip
        if item.is_value:
            return {**out, "value": told(item.number)}
        assert item.target is not None
        return {
            **out, "adjoint": told(item.bar), "derivative": told(item.partial), "gives": told(item.number), "to": p.target(item.target)
        }  # fmt: skip
    first, last = item.hops[0], item.hops[-1]
    ends = {"from_iteration": list(iteration_of(page.trace, first.node)), "to_iteration": list(iteration_of(page.trace, last.node))}
    if not first.is_value and not last.is_value:
        ends |= {"from": told(first.bar), "to": told(page.words.reached(last))}  # type: ignore[dict-item]
    if isinstance(item, Fold):
        return {"kind": "repeated", "times": item.times, "mixed": item.mixed, "lap": [_item(page, part) for part in item.lap], **ends}
    return {"kind": "left_out", "operations": len(item.hops), **ends}


def _use(page: Page, use: Any) -> dict[str, Any]:
    p = page.phrases
    place = {k: v for k, v in (_place(page, p.span(use.source)) or {}).items() if k != "operation"}
    return {"operation": p.source(use.source), **place, "iteration": list(iteration_of(page.trace, use.source)), "gives": use.increment}


def _shares(page: Page, story: Story) -> dict[str, Any]:
    found = story.shares
    assert found is not None
    factors = log_factors(page.trace, story.way, found.total, found.by)
    by_key = {part.key: part for part in found.parts}
    rows = []
    for key in sorted({*by_key, *factors}, key=str_key):
        part = by_key.get(key)
        rows.append(
            {found.by: list(key) if isinstance(key, tuple) else key, "share": part.share if part else 0.0, "uses": part.uses if part else 0,
             "log10_factor": factors.get(key, 0.0)}
        )  # fmt: skip
    return {"by": found.by, "rows": rows, "rounding": found.rounding}
