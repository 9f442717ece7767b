"""An explanation as plain text, wrapped to a width."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from adcli.report.explain import titles
from adcli.report.explain.document import Document, Folded, Group, Item, Section, Value, number
from adcli.report.explain.markup import Markup
from adcli.report.explain.steps import STILL, ExplainedStep, chain, ruled
from adcli.report.explain.totals import Total, equation
from adcli.report.grid import width, wrapped

INDENT = 5
PLAIN = Markup()


def text(document: Document, room: int, heading: Callable[[str], str] = str) -> str:
    """The sections under their titles, in lines of at most `room` columns where numbers and formulas let them."""
    parts = ("\n".join(_section(document, section, room, heading)).rstrip("\n") + "\n" for section in document.sections())
    return "\n".join(parts)


def _section(document: Document, section: Section, room: int, heading: Callable[[str], str]) -> Iterator[str]:
    notation = document.writer.notation
    yield heading(titles.title(section))
    for line in titles.intro(section, document.trace, notation, PLAIN):
        yield from wrapped(line, room, 0)
    if not section.items:
        yield from wrapped(titles.nothing(document.trace, PLAIN), room, 0)
    if section.kind == "values":
        yield from _values(section, room)
        return
    last: tuple[int, ...] = ()
    for item in section.items:
        if isinstance(item, Group):
            if item.iteration != last and item.iteration:
                yield f"-- iteration {number(item.iteration)} --"
            last = item.iteration
        yield from _item(document, item, room)


def _values(section: Section, room: int) -> Iterator[str]:
    """One line for each step: iteration, statement with its numbers, and the text it comes from."""
    rows = [item for item in section.items if isinstance(item, Value)]
    label = max((len(_iteration(row)) for row in rows), default=0)
    for item in section.items:
        if isinstance(item, Folded):
            yield from (f"  {part}" for part in wrapped(f"... {item.words} ...", room - 2, 4))
        elif isinstance(item, Value):
            before = f"  {_iteration(item):>{label}}{' ' * bool(label)} " if label else "  "
            yield from _beside(before + chain(item.formula, item.numbers, item.result), item.place.fragment, room)


def _iteration(row: Value) -> str:
    return f"[{number(row.iteration)}]" if row.iteration else ""


def _beside(line: str, fragment: str, room: int) -> Iterator[str]:
    """A line with the program's text at its right, if there is room and it says more."""
    space = room - width(line) - len(fragment)
    if space >= 2 and fragment not in line:
        yield line + " " * space + fragment
    else:
        yield from wrapped(line, room, 6)


def _item(document: Document, item: Item, room: int) -> Iterator[str]:
    match item:
        case Folded():
            yield from wrapped(f"... {item.words} ...", room, 4)
        case Group():
            yield from _group(item, room)
        case Total():
            yield from _total(document, item, room)
        case _:
            raise AssertionError("values have a section of their own")


def _group(group: Group, room: int) -> Iterator[str]:
    if group.head and group.place is not None:
        at = f"{group.place.line}:{group.place.column}"
        line = f"{group.place.fragment}  ({at})"
        more = "   ".join(filter(None, (group.head, group.bar)))
        if width(line) + 3 + width(more) <= room:
            yield f"{line}   {more}"
        else:
            yield from wrapped(line, room, 4)
            yield from wrapped(f"    {more}", room, 8)
    for step in group.steps:
        yield from _step(step, room)
    yield ""


def _step(step: ExplainedStep, room: int) -> Iterator[str]:
    label = f"{step.step or '-':>3}  "
    lines = []
    if step.kind == STILL and step.place is not None:
        lines.append(f"{step.place.fragment}  ({step.place.line}:{step.place.column})")
    if step.rule.formula:
        lines.append(ruled(step))
    if step.kind != STILL:
        lines.append(chain(step.formula, step.numbers, step.result))
    lines += [step.words, *(f"Note: {note}." for note in step.notes)]
    for k, line in enumerate(lines):
        for j, part in enumerate(wrapped(line, room - INDENT, 2)):
            yield (label if k == j == 0 else " " * INDENT) + part


def _total(document: Document, total: Total, room: int) -> Iterator[str]:
    yield from wrapped(equation(total, document.writer), room, 4)
    for line in titles.shares(total, document, PLAIN):
        yield from wrapped(f"    {line}", room, 8)
