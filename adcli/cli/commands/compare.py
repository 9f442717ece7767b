"""`adcli compare`: the ways to differentiate side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adcli.cli.options import ENGINE, LIMITS, OF, POINT, PROGRAM, STRICT, WRT, Finite, Job, define, names, option, output
from adcli.cli.streams import takes_unicode, write_file
from adcli.cli.words import SuffixOption
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api import Program
    from adcli.api.compare import Comparison
    from adcli.api.steps import Steps
    from adcli.api.swell import Line
    from adcli.api.ways import Way

# Of results in a table on a terminal, so that it fits into 80 columns; the error is beside them.
DIGITS = 12
ENGINES = (
    # One for all ways, so that their times compare and no digit depends on what has been compiled before.
    option("--engine", type=click.Choice(["interpret", "native"]), default="interpret", help="What runs all: interpret (default), native."),
    ENGINE[1],
)
WAYS = (
    option(
        "--manual",
        metavar="PROGRAM",
        help="Your own gradient: FILE.adl or text, its outputs d_x, d_y, … for inputs x, y, …, or one formula.",
    ),
    lambda: SuffixOption(
        ["--plot"], ".svg", metavar="[FILE.svg]",
        help="Draw error against step size: truncation and round-off. --to svg and -o FILE.svg write the picture alone.",
    ),
    option("--notation", type=click.Choice(["unicode", "ascii"]), help="What the plot is drawn with (default: what the terminal has)."),
    option("--swell", is_flag=True, help="Count operations of the formula and of the graph for 0, 1, 2, … iterations of the first loop."),
    option("--iterations", type=click.IntRange(1, 30), metavar="N", help="How far --swell goes (default: as far as the loop)."),
    option(
        "--seconds", type=Finite(min=0), default=0.3, metavar="SECONDS",
        help="How long to repeat for times, in all (default 0.3); 0: no times.",
    ),
)


@define("compare", PROGRAM, POINT, WRT, OF, WAYS, ENGINES, LIMITS, STRICT, output(["text", "json", "svg"]))
def command(job: Job, wrt: str | None, of: str | None, manual: str | None, seconds: float, **asked: Any) -> None:
    """Ways to differentiate PROGRAM side by side: differences, the formula, forward and reverse mode, and your own gradient.

    Each with its result (that by the first input; JSON has all), its error against 50-digit arithmetic (the largest of all inputs; it
    needs mpmath, without which reverse mode is the reference), the operations that run, values, sweeps, and the median time.

    Examples:
      adcli compare "x1*x2 + sin(x1)" --at x1=2,x2=5
      adcli compare samples/logistic_map.adl --plot
      adcli compare samples/logistic_map.adl --swell --iterations 5
      adcli compare "x*sin(x)" --at x=2 --manual "sin(x) + x*cos(x)"
    """
    from adcli.api.compare import compare

    kind = job.format()
    if asked["iterations"] is not None and not asked["swell"]:
        raise UsageError("--iterations says how far --swell goes", help="add --swell")
    if kind == "svg" and asked["swell"]:
        raise UsageError("--to svg draws errors by step, and --swell is a table", help="leave one of them out")
    program = job.program()
    point = job.point(program)
    own = None if manual is None else manual_program(job, manual)
    found = compare(program, point, wrt=names(wrt), of=of, manual=own, seconds=0.0 if kind == "svg" else seconds)
    steps = swell = None
    if asked["plot"] is not None or kind == "svg":
        from adcli.api.steps import by_step

        steps = by_step(found)
    if asked["swell"]:
        from adcli.api.swell import growth

        swell = growth(program, point, names(wrt), of, asked["iterations"])
    flags = job.flagged(found.result.flags)
    job.report(program, found.result, reference=found.by)
    view = View(job, found, steps, swell, asked["notation"])
    text = view.shown(kind, flags, below=asked["plot"] == "")
    if asked["plot"]:
        write_file(asked["plot"], view.picture())
    job.deliver(text, flags, program.source, kind == "json")


def manual_program(job: Job, word: str) -> Program:
    """The gradient that --manual gives."""
    from adcli.api import compile
    from adcli.cli.options import word_source

    return compile(word_source(word), limits=job.limits(), engine=job.options.get("engine", "interpret"))


class View:
    """What was found, in the format asked for."""

    def __init__(self, job: Job, found: Comparison, steps: Steps | None, swell: list[Line] | None, notation: str | None) -> None:
        self.job, self.found, self.steps, self.swell = job, found, steps, swell
        self.digits: int | None = job.options.get("digits")
        self.ascii = notation == "ascii" if notation else not takes_unicode()

    def shown(self, kind: str, flags: list[Any], below: bool) -> str:
        """All of it as text. below: whether the plot is drawn under the results."""
        if kind == "json":
            return self.json(flags)
        if kind == "svg":
            return self.picture()
        parts = [self.drawn() if self.job.drawing else self.lines()]
        if below and self.steps is not None:
            from adcli.cli.comparison.plot import fits, plot
            from adcli.report.plot_text import text

            parts += [text(plot(self.found, self.steps, self.ascii), ascii_only=self.ascii), fits(self.steps, self.ascii)]
        if self.swell is not None:
            parts.append(self.swelling(self.swell))
        return "\n".join(parts)

    def picture(self) -> str:
        """The plot as SVG."""
        from adcli.cli.comparison.plot import plot
        from adcli.report.plot_svg import svg

        assert self.steps is not None
        return svg(plot(self.found, self.steps, ascii_only=False))

    def json(self, flags: list[Any]) -> str:
        from adcli.cli.comparison.records import data
        from adcli.cli.document import rounded, with_flags

        found = rounded(data(self.found, self.steps, self.swell), self.digits)
        return with_flags(found, flags, self.found.problem.program.source)

    def heading(self) -> str:
        """What the column of results holds."""
        return f"d{self.found.result.of}/d{self.found.problem.coordinates[0].name}"

    def result(self, way: Way) -> float | None:
        problem = self.found.problem
        return None if way.gradient is None else float(problem.element(way.gradient, problem.coordinates[0]))

    def lines(self) -> str:
        """Between tabs, whole numbers and all digits."""
        from adcli.cli.document import number, rounded

        timed = any(way.seconds is not None for way in self.found.ways)
        head = ["method", self.heading(), "error", "operations", "evaluations", "sweeps", "note"] + ["seconds"] * timed
        rows = [head]
        for way in self.found.ways:
            error = None if way.error is None else float(f"{way.error.absolute:.2g}")
            cells = [self.result(way), error, way.operations, way.evaluations, way.sweeps]
            shown = ["" if c is None else number(rounded(c, self.digits)) for c in cells]
            rows.append([way.name, *shown, " ".join(way.note.split())] + ["" if way.seconds is None else f"{way.seconds:.3g}"] * timed)
        return "".join("\t".join(row) + "\n" for row in rows)

    def drawn(self) -> str:
        """A table for people, and the reasons of what is not in it."""
        from adcli.cli.render import visible
        from adcli.cli.table import table

        timed = any(way.seconds is not None for way in self.found.ways)
        head = ["method", self.heading(), "error", "ops", "runs"] + ["time"] * timed
        rows = [self.row(way, timed) for way in self.found.ways]
        notes = [f"{way.name}: {visible(way.note)}" for way in self.found.ways if way.note]
        several = len(self.found.problem.coordinates) > 1
        notes.append(f"errors{', the largest of all inputs,' if several else ''} against {self.found.by}")
        return table(head, rows, self.job.colour, right=range(1, len(head))) + "\n" + "".join(f"{note}\n" for note in notes)

    def row(self, way: Way, timed: bool) -> list[str]:
        from adcli.cli.document import number, rounded
        from adcli.cli.table import duration

        result = self.result(way)
        if result is None:
            return [way.name] + ["-"] * (4 + timed)
        error = "-" if way.error is None else f"{way.error.absolute:.1e}" if way.error.absolute else "0"
        work = "-" if way.operations is None else counted(way.operations)
        time = ["-" if way.seconds is None else duration(way.seconds, 3)] * timed
        return [way.name, number(rounded(result, self.digits or DIGITS)), error, work, runs(way), *time]

    def swelling(self, swell: list[Line]) -> str:
        """Operations by iterations, right under each other or between tabs."""
        head = ["iterations", "formula", "simplified", "forward mode", "reverse mode"]
        rows = [["" if n is None else str(n) for n in line] for line in swell]
        if not self.job.drawing:
            return "".join("\t".join(row) + "\n" for row in [head, *rows])
        from adcli.cli.table import table

        return table(head, [[cell or "-" for cell in row] for row in rows], self.job.colour, right=range(len(head)))


def counted(n: int) -> str:
    """60,002 and 2.64e6"""
    if n < 1_000_000:
        return f"{n:,}"
    mantissa, _, exponent = f"{n:.2e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def runs(way: Way) -> str:
    """2 values, 1 sweep"""
    n, word = (way.sweeps, "sweep") if way.sweeps else (way.evaluations, "value")
    return f"{counted(n)} {word}{'s' * (n != 1)}" if n else "-"
