"""`adcli minimize`: the point where a program's output is least."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adcli.cli.fitting.bounds import HOLD
from adcli.cli.fitting.output import folded
from adcli.cli.fitting.rows import ROWS
from adcli.cli.options import ENGINE, GET, LIMITS, OF, POINT, PROGRAM, STRICT, Finite, Job, define, names, option, output
from adcli.cli.words import SuffixOption
from adcli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from adcli.api import Program
    from adcli.api.minimize import Search
    from adcli.api.target import Target
    from adcli.cli.document import Document
    from adcli.engines.flags import Flag
    from adcli.report.minimum import Minimum, Step
    from adcli.report.plot import Plot

METHODS = ("auto", "newton", "newton-cg", "lbfgs", "gd", "momentum", "adam", "sgd", "slsqp", "trust-constr")
SEARCH = (
    option("--wrt", metavar="NAMES", help="Inputs to change: a,b (default: all real ones); the others stay where --at says."),
    option(
        "--method", type=click.Choice(METHODS), default="auto",
        help="auto: newton, newton-cg for more than 100 variables, slsqp with constraints (default).",
    ),
    option("--bounds", multiple=True, metavar="NAME=LOW:HIGH,…", help="Bounds of variables: --bounds x=0:1,y=0:,w[1]=:5."),
    option("--constraint", "constraints", multiple=True, metavar="RELATION", help='What must hold: "x + y = 1", "x^2 <= y", "w >= 0".'),
    option(
        "--tol", type=Finite(0), default=1e-8, metavar="TOL",
        help="Zero for a gradient, beside the sizes of value and variables (default 1e-8).",
    ),
    option(
        "--max-iterations", type=click.IntRange(min=0), metavar="N",
        help="Stop after so many (default 1000; 10,000 for lbfgs, gd, momentum and adam; with --batch 100 epochs).",
    ),
    option(
        "--lr", type=Finite(0, min_open=True), metavar="RATE",
        help="Learning rate of gd, momentum, adam, sgd (default 0.01; gd then looks for a step that lowers the value).",
    ),
    option("--momentum", type=Finite(0, 1, max_open=True), metavar="DECAY", help="What momentum keeps of a step (default 0.9)."),
)  # fmt: skip
ROWS_OF = (
    option("--data", metavar="FILE", help="Minimise the sum over the rows of FILE (- is standard input), whose columns are inputs."),
    *ROWS,
    option("--mean", is_flag=True, help="With --data, the mean over the rows."),
    option("--batch", type=click.IntRange(min=1), metavar="N", help="Rows for each step of sgd (default 1), momentum, adam (default all)."),
    option("--seed", type=click.IntRange(min=0), metavar="N", help="Of the order of the rows, for sgd and --batch (default 0)."),
)
WATCHED = (
    option("--history", metavar="FILE", help="Write every iteration to FILE.csv or FILE.jsonl."),
    lambda: SuffixOption(
        ["--plot"], ".svg", metavar="[FILE.svg]", help="Draw the path, or for more than two variables how value and gradient fell."
    ),
)  # fmt: skip


@define("minimize", PROGRAM, POINT, SEARCH, ROWS_OF, WATCHED, OF, ENGINE, output(["text", "json", "csv", "markdown"]), GET, STRICT, LIMITS)
def command(
    job: Job, wrt: str | None, of: str | None, bounds: tuple[str, ...], history: str | None, plot: str | None, **asked: Any
) -> None:  # fmt: skip
    """The minimum of PROGRAM's output that lies downhill from the point --at.

    By default Newton's method in a trust region with the exact Hessian, for many variables with Hessian-vector products; both take bounds,
    and leave saddle points. Where the program has no value, steps are shortened. Constraints are ADL expressions over the same inputs.
    At the end the gradient, the constraints and the Hessian say what kind of point was found. What has not converged, or is no minimum,
    is printed all the same, and the exit code is 1. With --data the sum (or mean) of the output over rows of data is minimised, by any
    method, or by sgd in batches of rows.

    Examples:
      adcli minimize "100*(y - x^2)^2 + (1 - x)^2" --at x=-1.2,y=1
      adcli minimize samples/rosenbrock.adl --bounds "x[0]=:0.5" --json
      adcli minimize "x + y" --at x=0,y=0.5 --constraint "x^2 + y^2 = 1"
      adcli minimize "x^4 - x^2 + y^2" --at x=1,y=1 --method gd --lr 0.1 --history path.csv --plot
    """
    from adcli.api.minimize import Search, Settings
    from adcli.cli.fitting.bounds import bounds as ranges
    from adcli.cli.fitting.history import History
    from adcli.cli.progress import Line
    from adcli.report.minimum import history_names

    results = Output(job, plot)
    program = job.program()
    settings = Settings(
        asked["method"], asked["tol"], asked["max_iterations"], asked["lr"], asked["momentum"], ranges(bounds, HOLD), asked["constraints"],
        asked["batch"], asked["seed"] or 0,
    )  # fmt: skip
    if asked["seed"] is not None and settings.method != "sgd" and settings.batch is None:
        raise UsageError("--seed is of the order of rows that batches are taken in", help="--method sgd or --batch N takes batches")
    search = Search(target(job, program, names(wrt), of, asked), settings)
    with History(history, history_names(search.variables.names)) as file:
        line = Line(job, beside=True)

        def watch(step: Step) -> None:
            file.add([*step[:5], *step.x.tolist()])
            results.add(step)
            line.draw(lambda seconds: progress(step, seconds))

        try:
            found, result = search.find(watch)
        finally:
            line.end()
    job.report(search.program, result, method=found.method, variables=len(found.names))
    results.write(search, found, result.flags)


def progress(step: Step, seconds: float) -> str:
    """How far a long search has come, in one line."""
    return f"iteration {step.iteration:,}, value {step.value:.6g}, gradient {step.gradient_norm:.1e}, {seconds:.0f} s"


def target(job: Job, program: Program, wrt: list[str] | None, of: str | None, asked: Mapping[str, Any]) -> Target:
    """What is minimised: the output at the point, or with --data its sum or mean over the rows."""
    from adcli.api.constraints import with_variables
    from adcli.api.target import Pointwise, over_rows

    options, mean = job.options, asked["mean"]
    at = job.point(program)
    program = with_variables(program, asked["constraints"], at)
    if options.get("data") is None:
        given = next((name for name in ("source", "delimiter", "keep_going", "jobs") if options.get(name)), "mean" if mean else None)
        if given is not None:
            shown = {"source": "from"}.get(given, given).replace("_", "-")
            raise UsageError(f"--{shown} goes with --data", help="--data FILE gives the rows")
        return Pointwise(program, at, wrt, of)
    from adcli.api.bindings import found
    from adcli.cli.fitting.rows import table
    from adcli.data.table import no_rows

    file, rows = table(job, program, list(at), {})
    if not rows.count:
        raise no_rows(rows)
    values = {name: b.values(rows.columns, rows.count) for name, b in found(program, list(rows.columns), rows.place.name).items()}
    twice = next((name for name in at if name in values), None)
    if twice is not None:
        raise UsageError(f"'{twice}' is a column of {file.name}, and --at gives it, too", help="leave it out of --at")
    return over_rows(program, values, at, wrt, of, mean=mean, engine=options["engine"], jobs=options.get("jobs"), where=rows.where)


# The rows of text beside the inputs; an input of such a name is shown as at_NAME.
OWN = ("value", "gradient_norm", "iterations", "converged")


class Output:
    """Where the results of one minimisation go. plot: a file's name, "" for a plot below the results, None for none."""

    def __init__(self, job: Job, plot: str | None) -> None:
        self.job, self.plot = job, plot
        self.kind = job.format()
        if plot == "" and (self.kind != "text" or job.options.get("get") is not None):
            raise UsageError("--plot draws below the results as text", help="--plot FILE.svg writes a picture")
        self.path: list[Step] = []

    def add(self, step: Step) -> None:
        """One iteration, if there is a plot to be drawn."""
        if self.plot is not None:
            self.path.append(step if len(step.x) <= 2 else step._replace(x=None))

    def write(self, search: Search, found: Minimum, flags: Sequence[Flag]) -> None:
        """Everything that is asked for; and on a terminal, or where this is not what was wanted, what there is to say about it."""
        from adcli.cli.streams import error_text, write_file

        job, source = self.job, search.program.source
        if self.plot:
            from adcli.report.plot_svg import svg

            write_file(self.plot, svg(self._plotted(search, found)))
        document = self._document(found)
        if self.plot == "":
            from adcli.cli.document import draw, round_all, to_lines
            from adcli.cli.streams import takes_unicode
            from adcli.report.plot_text import text

            round_all(document, job.options.get("digits"))
            results = draw(document, job.colour) if job.on_terminal else to_lines(document)
            shown = results + "\n" + text(self._plotted(search, found), ascii_only=not takes_unicode())
            job.deliver(shown, job.flagged(flags), source, False)
        else:
            job.finish(document, flags, source)
        wanted = found.converged and found.point in ("minimum", "corner")
        if not job.options.get("quiet") and (job.drawing or job.options.get("verbose") or not wanted):
            error_text("".join(f"{line}\n" for line in folded(found.sentences())))
        if not found.converged:
            raise click.exceptions.Exit(1)

    def _document(self, found: Minimum) -> Document:
        from adcli.cli.document import Document

        document = Document("adcli/minimize/1")
        document.data = found.data()
        document.add("value", found.value)
        for name, value in found.at.items():
            document.add(f"at_{name}" if name in OWN else name, value)
        document.add("gradient_norm", found.gradient_norm)
        document.add("iterations", found.iterations)
        document.add("converged", found.converged)
        return document

    def _plotted(self, search: Search, found: Minimum) -> Plot:
        from adcli.report.minimum_plot import plot

        return plot(found, self.path, search.value)
