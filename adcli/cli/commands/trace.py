"""`adcli trace`: the evaluation trace with its derivatives, as the tables of the textbooks."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, STRICT, WRT, Job, define, names, option, output, refused
from adcli.cli.page import TITLE, check_title, write_page
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api import Program
    from adcli.api.program import Result
    from adcli.report.grid import Grid
    from adcli.report.notation import Writer
    from adcli.report.table import Omitted
    from adcli.report.trace import Trace

CHUNK = 256
WIDTH = 80


class Rows(click.ParamType[Any]):
    """A number of rows, or all."""

    name = "rows"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if isinstance(value, int) or value == "all":
            return "all" if value == "all" else int(value)
        text = str(value)
        if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) > 0):
            self.fail(f"'{text[:40]}' is neither a positive number nor all", param, ctx)
        return int(text)


OPTIONS = (
    option("--mode", type=click.Choice(["forward", "reverse"]), default="reverse", help="Tangents, or adjoints (default)."),
    option("--along", multiple=True, metavar="NAME[=VALUE],…", help="Direction: x1, or x1=3,x2=-2 (default: each input)."),
    option(
        "--layout", type=click.Choice(["table", "steps"]), default="table", help="Side by side (default), or in the order of execution."
    ),
    option("--order", type=click.Choice(["eval", "level"]), default="eval", help="Number rows as run (default), or by depth in the graph."),
    option("--rows", type=Rows(), metavar="N|all", help="Cut long traces in the middle to N rows (60; HTML: 10,000; JSON, CSV: all)."),
    option("--only", metavar="NAME", help="Only the rows of one variable."),
    option("--notation", type=click.Choice(["unicode", "ascii", "latex"]), help="How formulas are written."),
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
    from adcli.api.trace import trace
    from adcli.cli.suggest import suggest_blame

    kind = job.format()
    check_title(title, kind)
    spelling = choose_notation(kind, notation)
    if along and mode == "reverse":
        raise UsageError("--along is a direction of tangents, and the trace is in reverse mode", help="add --mode forward")
    program = job.program()
    direction = along_direction(job, program, along) if along else None
    made, result = trace(program, job.point(program), mode=mode, along=direction, wrt=names(wrt), of=of, order=order)
    view = View(job, made, result, spelling, only, rows)
    if job.options.get("strict") and refused(result.flags):
        job.show_flags(result.flags, program.source)
    if kind == "json":
        view.json()
    elif kind == "csv":
        view.csv()
    elif kind == "html":
        write_page(view, title, "trace", loops=order == "eval")
    else:
        view.table(kind, layout)
    job.report(program, result)
    job.show_flags(result.flags, program.source, kind == "json")
    suggest_blame(job, result, of, wrt)


def choose_notation(kind: str, given: str | None) -> str:
    """LaTeX in LaTeX, Unicode in text that can be written in it, ASCII in data."""
    if kind == "latex":
        if given not in (None, "latex"):
            raise UsageError(f"--to latex is written in LaTeX notation, not in {given}", help="leave --notation out")
        return "latex"
    if kind == "html" and given == "latex":
        raise UsageError("a page is written in Unicode or ASCII notation, not in LaTeX", help="leave --notation out")
    if given is not None:
        return given
    if kind == "html":
        return "unicode"
    if kind in ("json", "csv"):
        return "ascii"
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "")
    return "unicode" if encoding.startswith("utf") else "ascii"


def along_direction(job: Job, program: Program, words: tuple[str, ...]) -> dict[str, Any]:
    """NAME=VALUE,… as in jvp; a name alone moves by 1, an array in all its elements."""
    from adcli.cli.points import NAME, split

    alone, given = [], []
    for word in words:
        parts = split(word)
        alone += [part.strip() for part in parts if NAME.fullmatch(part.strip())]
        rest = ",".join(part for part in parts if not NAME.fullmatch(part.strip()))
        given += [rest] if rest else []
    found = job.direction(program, tuple(given)) if given else {}
    for name in alone:
        if name in found:
            raise UsageError(f"'{name}' is given twice by --along", help="give each name once")
        found[name] = None
    return found


class View:
    """What is shown of a trace, and how."""

    def __init__(self, job: Job, trace: Trace, result: Result, notation: str, only: str | None, rows: int | str | None) -> None:
        self.job = job
        self.trace = trace
        self.result = result
        self.notation = notation
        self.only = only
        self.rows = rows
        if only is not None and only not in trace.recording.names:
            from adcli.api.point import nearest

            known = list(dict.fromkeys(filter(None, trace.recording.names)))
            near = nearest(only, known)
            hint = f"did you mean '{near}'?" if near else f"its variables are {', '.join(known[:9])}"
            raise UsageError(f"no row of the trace belongs to a variable '{only}'", help=hint)

    def limit(self, default: int | None) -> int | None:
        if self.rows is None:
            return default
        return None if self.rows == "all" else int(self.rows)

    def shown(self, default: int | None) -> list[int | Omitted]:
        from adcli.report.table import chosen

        return chosen(self.trace, self.only, self.limit(default))

    def writer(self, exact: bool) -> Writer:
        from adcli.report.notation import NOTATIONS, Writer
        from adcli.report.numbers import exact_number, significant, table_number

        digits = self.job.options.get("digits")
        return Writer(NOTATIONS[self.notation], significant(digits) if digits else exact_number if exact else table_number)

    def table(self, kind: str, layout: str) -> None:
        """The table as text, Markdown or LaTeX."""
        from adcli.report import grid
        from adcli.report.table import ROWS, Table

        made = Table(self.trace, self.writer(False), self.shown(ROWS), self.only is not None)
        drawing = kind == "text" and self.job.drawing
        room = terminal_width() if drawing else WIDTH
        if layout == "steps":
            cells = made.steps(room if kind == "text" else None)
        else:
            cells = made.fitted(room) if kind == "text" else made.wide()
        if kind == "latex":
            self.job.write(grid.latex(cells))
        elif kind == "markdown":
            self.job.write(grid.markdown(cells, self.notation == "latex"))
        else:
            self.job.write(draw(cells, self.job.colour) if drawing else grid.plain(cells))

    def write(self, parts: Iterable[str]) -> None:
        """Print piece by piece: a long trace is never held as text as a whole, but for a file."""
        if self.job.options.get("target") not in (None, "-"):
            self.job.write("".join(parts))
            return
        from adcli.cli.streams import output_text

        held: list[str] = []
        for part in parts:
            held.append(part)
            if len(held) == CHUNK:
                output_text("".join(held))
                held.clear()
        output_text("".join(held))

    def json(self) -> None:
        self.write(self._json())

    def _json(self) -> Iterator[str]:
        """One object on one line, schema adcli/trace/1."""
        from adcli.cli.document import flag_data, rounded, to_json
        from adcli.cli.strays import Strays
        from adcli.report import records

        digits = self.job.options.get("digits")
        found = Strays(("value", "partial", "increment", "running"))

        def rows(name: str, items: Iterable[Mapping[str, Any]], path: str = "") -> Iterator[str]:
            yield f'"{name}": ['
            for k, item in enumerate(items):
                found.look(f"{path}{name}[{k}]", item)
                yield (", " if k else "") + to_json(rounded(item, digits))
            yield "]"

        writer, shown = self.writer(True), self.shown(None)
        head = rounded(self.head(), digits)
        yield to_json(head)[:-1] + ", "
        yield from rows("rows", records.rows(self.trace, writer, shown))
        if self.trace.mode == "reverse":
            yield ", "
            yield from rows("adjoints", records.adjoints(self.trace, writer, self.only, self.limit(None)))
        else:
            yield ', "tangents": ['
            for k, seed in enumerate(self.trace.seeds):
                yield (", " if k else "") + f'{{"seed": {to_json(rounded(dict(seed), digits))}, '
                yield from rows("rows", records.tangents(self.trace, writer, shown, k), f"tangents[{k}].")
                yield "}"
            yield "]"
        flags = [*self.result.flags, *(flag for flag in self.job.flags if flag not in self.result.flags)]
        told = [*flags, *found.flags(flags)]
        yield f', "flags": {to_json([flag_data(flag, self.trace.source) for flag in told])}}}\n'

    def head(self) -> dict[str, Any]:
        """What JSON says before the rows."""
        head: dict[str, Any] = {"schema": "adcli/trace/1", "mode": self.trace.mode, "inputs": self.trace.recording.inputs}
        outputs = self.result.outputs
        head |= {"value": self.result.value} if len(outputs) == 1 else {"outputs": outputs}
        if self.result.gradient or self.trace.mode == "reverse":
            head["gradient"] = self.result.gradient
        return head

    def csv(self) -> None:
        self.write(self._csv())

    def _csv(self) -> Iterator[str]:
        """One line for each primal row, tangent and adjoint statement."""
        from adcli.cli.document import csv_cell, csv_number, rounded, to_json
        from adcli.report import records

        digits = self.job.options.get("digits")

        def cell(value: Any) -> str:
            value = rounded(value, digits)
            if value is None:
                return ""
            if isinstance(value, str):
                return csv_cell(value)
            return csv_number(value) if isinstance(value, (bool, int, float)) else csv_cell(to_json(value))

        yield ",".join(records.COLUMNS) + "\n"
        for row in records.flat(self.trace, self.writer(True), self.shown(None), self.only, self.limit(None)):
            yield ",".join(cell(row.get(name)) for name in records.COLUMNS) + "\n"


def terminal_width() -> int:
    from shutil import get_terminal_size

    return max(40, get_terminal_size((WIDTH, 24)).columns)


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
