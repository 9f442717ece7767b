"""`adcli explain`: every derivative step in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from adcli.cli.commands.trace import Rows, View, along_direction, choose_notation, terminal_width
from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, STRICT, WRT, Job, define, names, option, output, refused
from adcli.cli.page import TITLE, check_title, write_page
from adcli.cli.strays import Strays
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api.program import Result
    from adcli.report.explain.document import Document
    from adcli.report.notation import Writer
    from adcli.report.trace import Trace

WIDTH = 80
OPTIONS = (
    option("--mode", type=click.Choice(["forward", "reverse"]), default="reverse", help="Tangents, or adjoints (default)."),
    option("--along", multiple=True, metavar="NAME[=VALUE],…", help="Direction: x1, or x1=3,x2=-2 (default: each input)."),
    option("--rows", type=Rows(), metavar="N|all", help="Operations to show (default 24, with loops 12; HTML 2,000; JSON all)."),
    option("--only", metavar="NAME", help="Only the steps that lead to one variable."),
    option("--notation", type=click.Choice(["unicode", "ascii", "latex"]), help="How formulas are written."),
    TITLE,
)


@define("explain", PROGRAM, POINT, OPTIONS, WRT, OF, output(["text", "markdown", "latex", "json", "html"]), STRICT, LIMITS)
def command(
    job: Job, mode: str, along: tuple[str, ...], rows: int | str | None, only: str | None, notation: str | None, title: str | None,
    wrt: str | None, of: str | None,
) -> None:  # fmt: skip
    """Explain the derivative of PROGRAM at a point: each step with its rule, formula and numbers, and in words.

    First the value, step by step; then the steps of the sweep in their order, from the result back to the inputs, or with --mode forward
    from the inputs on; then what came back to each input, and what that adds up from. Each operation is shown as it is written, with its
    place; the rule as a textbook has it; what it is here; and why nothing passes floor, or what is agreed on at a kink. The iterations
    of a loop that do the same are folded: --rows all unfolds them.

    Examples:
      adcli explain "x1*x2 + sin(x1)" --at x1=2,x2=5
      adcli explain "x1*x2 + sin(x1)" --at x1=2,x2=5 --mode forward --along x1
      adcli explain samples/newton_sqrt.adl --only y
      adcli explain samples/survey.adl --to markdown -o survey.md
      adcli explain samples/survey.adl -o survey.html
    """
    from adcli.api.trace import trace

    kind = job.format()
    check_title(title, kind)
    spelling = choose_notation(kind, notation)
    if along and mode == "reverse":
        raise UsageError("--along is a direction of tangents, and the sweep is in reverse mode", help="add --mode forward")
    program = job.program()
    direction = along_direction(job, program, along) if along else None
    made, result = trace(program, job.point(program), mode=mode, along=direction, wrt=names(wrt), of=of)
    view = View(job, made, result, spelling, only, rows)
    if job.options.get("strict") and refused(result.flags):
        job.show_flags(result.flags, program.source)
    if kind == "html":
        write_page(view, title, "explain")
    else:
        view.write(_written(view, _document(view, made, result, kind), kind))
    job.report(program, result)
    job.show_flags(result.flags, program.source, kind == "json")


def _written(view: View, document: Document, kind: str) -> Iterator[str]:
    """The explanation in a format, piece by piece."""
    if kind == "json":
        yield from _json(view, document)
    elif kind == "markdown":
        from adcli.report.explain.markdown import markdown

        yield from markdown(document)
    elif kind == "latex":
        from adcli.report.explain.latex import latex

        yield from latex(document)
    else:
        yield from _text(view.job, document)


def _document(view: View, made: Trace, result: Result, kind: str) -> Document:
    from adcli.report.explain.document import Document
    from adcli.report.explain.fold import LOOPED, ROWS
    from adcli.report.explain.steps import Explanation

    explanation = Explanation(made, _writer(view), result.flags)
    default = (None, None) if kind == "json" else (ROWS, LOOPED)
    chosen = default if view.rows is None else (view.limit(None),) * 2
    return Document(explanation, *chosen, only=view.only)


def _writer(view: View) -> Writer:
    """Exact numbers, unless --digits says otherwise; in LaTeX letters in italics, and a dot for products."""
    plain = view.writer(True)
    if view.notation != "latex":
        return plain
    from adcli.report.derivative import NOTATION
    from adcli.report.notation import Writer

    return Writer(NOTATION, plain.format)


def _text(job: Job, document: Document) -> Iterator[str]:
    from adcli.cli.render import BOLD, PLAIN
    from adcli.report.explain.text import text

    room = terminal_width() if job.drawing else WIDTH
    return text(document, room, (lambda title: f"{BOLD}{title}{PLAIN}") if job.drawing and job.colour else str)


def _json(view: View, document: Document) -> Iterator[str]:
    """One object on one line, schema adcli/explain/1."""
    from adcli.cli.document import flag_data, rounded, to_json
    from adcli.report.explain import records

    digits = view.job.options.get("digits")
    strays = Strays(("value", "partial", "increment", "running"))
    yield to_json(rounded({**view.head(), "schema": "adcli/explain/1"}, digits))[:-1]
    for name, items in records.sections(document):
        yield f', "{name}": ['
        for k, item in enumerate(items):
            strays.look(f"{name}[{k}]", item)
            yield (", " if k else "") + to_json(rounded(item, digits))
        yield "]"
    told: list[Any] = [*view.result.flags, *(flag for flag in view.job.flags if flag not in view.result.flags)]
    told += strays.flags(told)
    yield f', "flags": {to_json([flag_data(flag, view.trace.source) for flag in told])}}}\n'
