"""The recorded run that `trace`, `explain` and the page of `graph` show: the options they share, the run, and what of it is shown.

    view = recorded(job, kind, Sweep(mode, along, wrt, of), notation, only, rows)
    view.write(parts)
    view.finish(told=kind == "json")
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from adcli.cli.options import Job, names, option
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api import Program
    from adcli.api.program import Result
    from adcli.report.notation import Writer
    from adcli.report.table import Omitted
    from adcli.report.trace import Trace

CHUNK = 256  # parts that are written at a time
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


MODE = option("--mode", type=click.Choice(["forward", "reverse"]), default="reverse", help="Tangents, or adjoints (default).")
SEEDS = option("--along", multiple=True, metavar="NAME[=VALUE],…", help="Direction: x1, or x1=3,x2=-2 (default: each input).")
NOTATION = option("--notation", type=click.Choice(["unicode", "ascii", "latex"]), help="How formulas are written.")


class Sweep(NamedTuple):
    """Which derivatives are asked for: the words of --along (forward) and --wrt, and the output."""

    mode: str
    along: tuple[str, ...]
    wrt: str | None
    of: str | None


def recorded(
    job: Job, kind: str, sweep: Sweep, notation: str | None, only: str | None = None, rows: int | str | None = None, order: str = "eval"
) -> View:  # fmt: skip
    """Run the program at its point with one sweep, and keep the trace; with --strict, a flag ends the command here."""
    from adcli.api.trace import trace

    spelling = choose_notation(kind, notation)
    if sweep.along and sweep.mode == "reverse":
        raise UsageError("--along is a direction of tangents, and the sweep is in reverse mode", help="add --mode forward")
    program = job.program()
    along = along_direction(job, program, sweep.along) if sweep.along else None
    made, result = trace(program, job.point(program), mode=sweep.mode, along=along, wrt=names(sweep.wrt), of=sweep.of, order=order)
    view = View(job, program, made, result, spelling, only, rows)
    job.keep_strict(result.flags, program.source)
    return view


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
    from adcli.cli.streams import takes_unicode

    return "unicode" if takes_unicode() else "ascii"


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
    """A trace, and what of it is shown: the rows of one variable (`only`), at most so many (`rows`), in a notation."""

    def __init__(
        self, job: Job, program: Program, trace: Trace, result: Result, notation: str, only: str | None, rows: int | str | None
    ) -> None:  # fmt: skip
        self.job = job
        self.program = program
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

    def head(self) -> dict[str, Any]:
        """What JSON says before the rows."""
        head: dict[str, Any] = {"mode": self.trace.mode, "inputs": self.trace.recording.inputs}
        outputs = self.result.outputs
        head |= {"value": self.result.value} if len(outputs) == 1 else {"outputs": outputs}
        if self.result.gradient or self.trace.mode == "reverse":
            head["gradient"] = self.result.gradient
        return head

    def finish(self, told: bool) -> None:
        """What follows the output on standard error. told: whether the output has the flags."""
        self.job.report(self.program, self.result)
        self.job.show_flags(self.result.flags, self.program.source, told)


def terminal_width() -> int:
    from shutil import get_terminal_size

    return max(40, get_terminal_size((WIDTH, 24)).columns)
