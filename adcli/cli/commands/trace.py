"""`adcli trace`: the evaluation trace with its derivatives, as the tables of the textbooks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, STRICT, WRT, Job, define, option, output
from adcli.cli.page import TITLE, check_title, write_page
from adcli.cli.view import MODE, NOTATION, SEEDS, WIDTH, Rows, Sweep, View, recorded, terminal_width

if TYPE_CHECKING:
    from adcli.report.grid import Grid

OPTIONS = (
    MODE,
    SEEDS,
    option(
        "--layout", type=click.Choice(["table", "steps"]), default="table", help="Side by side (default), or in the order of execution."
    ),
    option("--order", type=click.Choice(["eval", "level"]), default="eval", help="Number rows as run (default), or by depth in the graph."),
    option("--rows", type=Rows(), metavar="N|all", help="Cut long traces in the middle to N rows (60; HTML: 10,000; JSON, CSV: all)."),
    option("--only", metavar="NAME", help="Only the rows of one variable."),
    NOTATION,
    TITLE,
)


@define("trace", PROGRAM, POINT, OPTIONS, WRT, OF, output(["text", "markdown", "latex", "csv", "json", "html"]), STRICT, LIMITS)
def command(
    job: Job, mode: str, along: tuple[str, ...], layout: str, order: str, rows: int | str | None, only: str | None, notation: str | None,
    title: str | None, wrt: str | None, of: str | None,
) -> None:  # fmt: skip
    """The evaluation trace of PROGRAM at a point, with its derivatives, step by step.

    Inputs are v₋ₙ₊₁ … v₀, the steps v₁, v₂, … in the order in which they run. At the right of each step stand the adjoint statements that
    come from it, one for each use of a value, numbered as they run (from the bottom up); with --mode forward its tangent.

    Examples:
      adcli trace "x1*x2 + sin(x1)" --at x1=2,x2=5
      adcli trace "x1*x2 + sin(x1)" --at x1=2,x2=5 --mode forward --along x1
      adcli trace samples/survey.adl --layout steps --notation ascii
      adcli trace samples/logistic_map.adl --to latex -o table.tex
      adcli trace samples/newton_sqrt.adl -o page.html
    """
    from adcli.cli.suggest import suggest_blame

    kind = job.format()
    check_title(title, kind)
    view = recorded(job, kind, Sweep(mode, along, wrt, of), notation, only, rows, order)
    if kind == "json":
        view.write(as_json(view))
    elif kind == "csv":
        view.write(as_csv(view))
    elif kind == "html":
        write_page(view, title, "trace", loops=order == "eval")
    else:
        job.write(table(view, kind, layout))
    view.finish(told=kind == "json")
    suggest_blame(job, view.result, of, wrt)


def table(view: View, kind: str, layout: str) -> str:
    """The table as text, Markdown or LaTeX."""
    from adcli.report import grid
    from adcli.report.table import ROWS, Table

    made = Table(view.trace, view.writer(False), view.shown(ROWS), view.only is not None)
    drawing = kind == "text" and view.job.drawing
    room = terminal_width() if drawing else WIDTH
    if layout == "steps":
        cells = made.steps(room if kind == "text" else None)
    else:
        cells = made.fitted(room) if kind == "text" else made.wide()
    if kind == "latex":
        return grid.latex(cells)
    if kind == "markdown":
        return grid.markdown(cells, view.notation == "latex")
    return draw(cells, view.job.colour) if drawing else grid.plain(cells)


def as_json(view: View) -> Iterator[str]:
    """One object on one line, schema adcli/trace/1."""
    from adcli.cli.document import rounded, to_json
    from adcli.cli.strays import Strays
    from adcli.report import records

    digits = view.job.options.get("digits")
    made = Strays(("value", "partial", "increment", "running"), digits)
    writer, shown = view.writer(True), view.shown(None)
    yield to_json(rounded({"schema": "adcli/trace/1", **view.head()}, digits))[:-1] + ", "
    yield from made.section("rows", records.rows(view.trace, writer, shown))
    if view.trace.mode == "reverse":
        yield ", "
        yield from made.section("adjoints", records.adjoints(view.trace, writer, view.only, view.limit(None)))
    else:
        yield ', "tangents": ['
        for k, seed in enumerate(view.trace.seeds):
            yield (", " if k else "") + f'{{"seed": {to_json(rounded(dict(seed), digits))}, '
            yield from made.section("rows", records.tangents(view.trace, writer, shown, k), f"tangents[{k}].")
            yield "}"
        yield "]"
    yield made.ending(view.job.flagged(view.result.flags), view.trace.source)


def as_csv(view: View) -> Iterator[str]:
    """One line for each primal row, tangent and adjoint statement."""
    from adcli.cli.document import csv_cell, csv_number, rounded, to_json
    from adcli.report import records

    digits = view.job.options.get("digits")

    def cell(value: Any) -> str:
        value = rounded(value, digits)
        if value is None:
            return ""
        if isinstance(value, str):
            return csv_cell(value)
        return csv_number(value) if isinstance(value, (bool, int, float)) else csv_cell(to_json(value))

    yield ",".join(records.COLUMNS) + "\n"
    for row in records.flat(view.trace, view.writer(True), view.shown(None), view.only, view.limit(None)):
        yield ",".join(cell(row.get(name)) for name in records.COLUMNS) + "\n"


def draw(grid: Grid, colour: bool) -> str:
    """The table on a terminal, by Rich; the lines have been fitted, so that nothing is cut."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from adcli.report.grid import wrapped

    drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold underline")
    for head, kind in zip(grid.heads, grid.kinds, strict=True):
        style = {"text": "dim", "name": "cyan"}.get(kind, "")
        drawn.add_column(Text(head), justify="right" if kind == "text" else "left", no_wrap=True, style=style)
    at, rooms = grid.kinds.index("math"), grid.widths()
    for row in grid.rows:
        if isinstance(row, str):
            row = ["\n".join(wrapped(row, rooms[at], 4)) if k == at else "" for k in range(len(rooms))]
        drawn.add_row(*map(Text, row))
    console = Console(
        markup=False, highlight=False, emoji=False, width=grid.width() + 2, force_terminal=colour, no_color=not colour,
        color_system="standard" if colour else None,
    )  # fmt: skip
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"
