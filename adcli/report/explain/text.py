"""An explanation as plain text, wrapped to a width."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from adcli.report.explain import titles
from adcli.report.explain.document import Document, Folded, Group, Item, Section, Value, number
from adcli.report.explain.markup import Markup
from adcli.report.explain.steps import STILL, ExplainedStep, chain, ruled
from adcli.report.explain.totals import Total, equation
from adcli.report.grid import filled, width, wrapped

INDENT = 5
PLAIN = Markup()


def text(document: Document, room: int, heading: Callable[[str], str] = str) -> Iterator[str]:
    """The lines of the sections under their titles, at most `room` columns wide where numbers and formulas let them."""
    for section in document.sections():
        blank = section.kind != "values"
        for line in _section(document, section, room, heading):
            # A blank line stands between what follows each other, and not at the end.
            if blank and line:
                yield "\n"
            blank = not line
            if line:
                yield line + "\n"


def flowed(sentence: str, room: int, indent: int) -> list[str]:
    """A sentence in lines of at most `room`, broken at blanks."""
    return filled(sentence.split(" "), room, indent)


def _section(document: Document, section: Section, room: int, heading: Callable[[str], str]) -> Iterator[str]:
    yield heading(titles.title(section))
    for line in titles.intro(section, document.trace, document.writer.notation, PLAIN):
        yield from [*flowed(line, room, 0), ""]
    if section.empty:
        yield from flowed(titles.nothing(document.trace, PLAIN), room, 0)
    if section.kind == "values":
        yield from _values(section, _label(document.trace.recording.iterations), room)
        return
    last: tuple[int, ...] = ()
    for item in section.items:
        if isinstance(item, Group):
            if item.iteration != last and item.iteration:
                yield f"-- iteration {number(item.iteration)} --"
            last = item.iteration
        yield from _item(document, item, room)


def _values(section: Section, label: int, room: int) -> Iterator[str]:
    """One line for each step: iteration, statement with its numbers, and the text it comes from."""
    for item in section.items:
        if isinstance(item, Folded):
            yield from (f"  {part}" for part in flowed(f"... {item.words} ...", room - 2, 4))
        elif isinstance(item, Value):
            before = f"  {_iteration(item.iteration):>{label}}  " if label else "  "
            yield from _beside(before, chain(item.formula, item.numbers, item.result), item.place.fragment, room)


def _label(iterations: Sequence[tuple[int, ...]]) -> int:
    """The room for the iterations of all steps: each number as long as the largest at its depth."""
    largest: list[int] = []
    for iteration in iterations:
        for depth, k in enumerate(iteration):
            if depth == len(largest):
                largest.append(k)
            elif k > largest[depth]:
                largest[depth] = k
    return len(_iteration(tuple(largest)))


def _iteration(iteration: tuple[int, ...]) -> str:
    return f"[{number(iteration)}]" if iteration else ""


def _beside(before: str, line: str, fragment: str, room: int) -> Iterator[str]:
    """A line with the program's text at its right, if there is room and it says more."""
    space = room - width(before) - width(line) - len(fragment)
    if space >= 2 and fragment not in line:
        yield before + line + " " * space + fragment
        return
    for k, part in enumerate(wrapped(line, room - len(before), 4)):
        yield (" " * len(before) if k else before) + part


def _item(document: Document, item: Item, room: int) -> Iterator[str]:
    match item:
        case Folded():
            yield from flowed(f"... {item.words} ...", room, 4)
            yield ""
        case Group():
            yield from _group(item, room)
            yield ""
        case Total():
            yield from wrapped(equation(item, document.writer), room, 4)
            for line in titles.shares(item, document, PLAIN):
                yield from (f"    {part}" for part in flowed(line, room - 4, 4))
        case _:
            raise AssertionError("values have a section of their own")


def _group(group: Group, room: int) -> Iterator[str]:
    if group.head and group.place is not None:
        line = f"{group.place.fragment}  ({group.place.line}:{group.place.column})"
        more = "   ".join(filter(None, (group.head, group.bar)))
        if width(line) + 3 + width(more) <= room:
            yield f"{line}   {more}"
        else:
            yield from flowed(line, room, 4)
            yield from (f"    {part}" for part in wrapped(more, room - 4, 4))
    for step in group.steps:
        yield from _step(step, room)


def _step(step: ExplainedStep, room: int) -> Iterator[str]:
    label, space = f"{step.step or '-':>3}  ", room - INDENT
    lines: list[str] = []
    if step.kind == STILL and step.place is not None:
        lines.append(f"{step.place.fragment}  ({step.place.line}:{step.place.column})")
    if stated := ruled(step):
        lines += wrapped(stated, space, 2)
    if step.kind != STILL:
        lines += wrapped(chain(step.formula, step.numbers, step.result), space, 2)
    for sentence in (step.words, *(f"Note: {note}." for note in step.notes)):
        lines += flowed(sentence, space, 2)
    for k, line in enumerate(lines):
        yield (" " * INDENT if k else label) + line
