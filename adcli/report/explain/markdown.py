"""An explanation as Markdown (CommonMark): a section for the run, one for each sweep, iterations of loops folded in <details>."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from adcli.report.explain import titles
from adcli.report.explain.document import Document, Folded, Group, Item, Section, Value, looped, number
from adcli.report.explain.markup import Markdown
from adcli.report.explain.steps import STILL, ExplainedStep, chain, ruled
from adcli.report.explain.totals import Total, equation


def markdown(document: Document) -> Iterator[str]:
    """The document in blocks, with blank lines between them."""
    writer, between = _Markdown(document), ""
    for section in document.sections():
        for block in writer.section(section):
            yield f"{between}{block}\n"
            between = "\n"


class _Markdown:
    """Writes blocks, between which there are blank lines."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.math = document.writer.notation.name == "latex"
        self.mark = Markdown(self.math)

    def section(self, section: Section) -> Iterator[str]:
        yield f"## {self.mark.text(titles.title(section))}"
        yield from titles.intro(section, self.document.trace, self.document.writer.notation, self.mark)
        if section.empty:
            yield titles.nothing(self.document.trace, self.mark)
        for iteration, items in looped(section.items):
            if iteration:
                # All iterations are too many to be open; the few that a fold leaves are not.
                shown = "" if self.document.looped is None else " open"
                yield f"<details{shown}><summary>iteration {number(iteration)}</summary>"
            yield from self.blocks(items)
            if iteration:
                yield "</details>"

    def blocks(self, items: Iterable[Item]) -> Iterator[str]:
        lines: list[str] = []
        for item in items:
            if isinstance(item, Value):
                lines.append(self.value(item))
                continue
            if lines:
                yield "\n".join(lines)
                lines = []
            yield from self.item(item)
        if lines:
            yield "\n".join(lines)

    def value(self, v: Value) -> str:
        inner = f" in iteration {number(v.iteration)}" if len(v.iteration) > 1 else ""
        return f"- {self.mark.math(chain(v.formula, v.numbers, v.result))}: {self.mark.code(v.place.fragment)}{inner}"

    def item(self, item: Item) -> Iterator[str]:
        match item:
            case Folded():
                yield f"*… {self.mark.sentence(item.sentence)} …*"
            case Group():
                yield from self.group(item)
            case Total():
                shares = "".join(f"\n  - {line}" for line in titles.shares(item, self.document, self.mark))
                yield f"- **{self.mark.math(equation(item, self.document.writer))}**{shares}"

    def group(self, group: Group) -> Iterator[str]:
        if group.head and group.place is not None:
            parts = [self.mark.math(text) for text in (group.head, group.bar) if text]
            inner = f", iteration {number(group.iteration)}" if len(group.iteration) > 1 else ""
            yield f"**{self.mark.code(group.place.fragment)}** ({group.place.line}:{group.place.column}{inner}): {', '.join(parts)}"
        yield "\n".join(map(self.step, group.steps))

    def step(self, step: ExplainedStep) -> str:
        lines: list[str] = []
        if step.kind == STILL and step.place is not None:
            lines.append(f"{self.mark.code(step.place.fragment)} ({step.place.line}:{step.place.column})")
        if stated := ruled(step, r" \text{, here } " if self.math else ", here "):
            lines.append(self.mark.math(stated))
        if step.kind != STILL:
            lines.append(self.mark.math(chain(step.formula, step.numbers, step.result)))
        lines += [self.mark.sentence(step.sentence), *(f"*{self.mark.text(note)}*" for note in step.notes)]
        mark = f"{step.step}. " if step.step else "- "
        return mark + ("  \n" + " " * len(mark)).join(lines)
