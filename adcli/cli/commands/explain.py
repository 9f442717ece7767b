"""`adcli explain`: every derivative step in words and numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, STRICT, WRT, Job, define, option, output
from adcli.cli.page import TITLE, check_title, write_page
from adcli.cli.strays import Strays
from adcli.cli.view import MODE, NOTATION, SEEDS, WIDTH, Rows, Sweep, View, recorded, terminal_width

if TYPE_CHECKING:
    from adcli.report.explain.document import Document
    from adcli.report.notation import Writer

OPTIONS = (
    MODE,
    SEEDS,
    option("--rows", type=Rows(), metavar="N|all", help="Operations to show (default 24, with loops 12; HTML 2,000; JSON all)."),
    option("--only", metavar="NAME", help="Only the steps that lead to one variable."),
    NOTATION,
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
    kind = job.format()
    check_title(title, kind)
    view = recorded(job, kind, Sweep(mode, along, wrt, of), notation, only, rows)
    if kind == "html":
        write_page(view, title, "explain")
    else:
        view.write(_written(view, _document(view, kind), kind))
    view.finish(told=kind == "json")


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


def _document(view: View, kind: str) -> Document:
    from adcli.report.explain.document import Document
    from adcli.report.explain.fold import LOOPED, ROWS
    from adcli.report.explain.steps import Explanation

    explanation = Explanation(view.trace, _writer(view), view.result.flags)
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
    from adcli.cli.document import rounded, to_json
    from adcli.report.explain import records

    digits = view.job.options.get("digits")
    made = Strays(("value", "partial", "increment", "running"), digits)
    yield to_json(rounded({"schema": "adcli/explain/1", **view.head()}, digits))[:-1]
    for name, items in records.sections(document):
        yield ", "
        yield from made.section(name, items)
    yield made.ending(view.job.flagged(view.result.flags), view.trace.source)
