"""An explanation as LaTeX, to be put into a document that uses amsmath."""

from __future__ import annotations

from collections.abc import Iterator

from adcli.report.explain import titles
from adcli.report.explain.document import Document, Folded, Group, Item, Section, Value, number
from adcli.report.explain.markup import Latex
from adcli.report.explain.steps import STILL, ExplainedStep, chain, ruled
from adcli.report.explain.totals import Total, equation

MARK = Latex()
HEAD = "% needs \\usepackage{amsmath}\n"


def latex(document: Document) -> Iterator[str]:
    """The lines of the document."""
    yield HEAD
    for section in document.sections():
        yield from (line + "\n" for line in _section(document, section))


def _section(document: Document, section: Section) -> Iterator[str]:
    yield rf"\subsection*{{{MARK.text(titles.title(section))}}}"
    yield from titles.intro(section, document.trace, document.writer.notation, MARK)
    if section.empty:
        yield titles.nothing(document.trace, MARK) + r"\par"
    yield r"\begin{description}"
    last: tuple[int, ...] = ()
    filled = False
    for item in section.items:
        filled = True
        if isinstance(item, Value | Group):
            if item.iteration != last and item.iteration:
                yield rf"  \item[iteration {number(item.iteration)}]\leavevmode"
            last = item.iteration
        yield from _item(document, item)
    if not filled:
        yield r"  \item[]"  # a list must not be empty
    yield r"\end{description}"


def _item(document: Document, item: Item) -> Iterator[str]:
    match item:
        case Value():
            yield rf"  \item[] {MARK.math(chain(item.formula, item.numbers, item.result))} \quad {MARK.code(item.place.fragment)}"
        case Folded():
            yield rf"  \item[] \emph{{\dots{{}} {MARK.sentence(item.sentence)} \dots}}"
        case Group():
            yield from _group(item)
        case Total():
            yield rf"  \item[] {MARK.math(equation(item, document.writer))}"
            yield from (rf"    \par {line}" for line in titles.shares(item, document, MARK))


def _group(group: Group) -> Iterator[str]:
    if group.head and group.place is not None:
        math = r" \quad ".join(MARK.math(text) for text in (group.head, group.bar) if text)
        yield rf"  \item[] {MARK.code(group.place.fragment)} ({group.place.line}:{group.place.column}) \quad {math}"
    for step in group.steps:
        yield from _step(step)


def _step(step: ExplainedStep) -> Iterator[str]:
    lines: list[str] = []
    if step.kind == STILL and step.place is not None:
        lines.append(f"{MARK.code(step.place.fragment)} ({step.place.line}:{step.place.column})")
    if stated := ruled(step, r" \text{, here } "):
        lines.append(MARK.math(stated))
    if step.kind != STILL:
        lines.append(MARK.math(chain(step.formula, step.numbers, step.result)))
    lines += [MARK.sentence(step.sentence), *(rf"\emph{{{MARK.text(note)}.}}" for note in step.notes)]
    yield rf"  \item[{step.step or '--'}] {lines[0]}"
    yield from (rf"    \par {line}" for line in lines[1:])
