"""`adcli fit`: parameters of a program from rows of data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from adcli.cli.fit_output import FORMATS, Output
from adcli.cli.options import ENGINE, GET, LIMITS, OF, PROGRAM, ROWS, STRICT, Job, define, option, output
from adcli.cli.rows import check_input
from adcli.cli.words import SuffixOption
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api import Program
    from adcli.api.rows_model import RowsModel
    from adcli.data.table import Rows, TableFile

DATA = (
    option("--data", metavar="FILE", help="The rows to fit to (- is standard input); columns are bound to inputs by name."),
    option("--from", "source", type=click.Choice(ROWS), help="Format of the data (default: by the suffix, for - by the first byte)."),
    option("--delimiter", metavar="CHARACTER", help="Between the cells of a row of CSV, such as ';' (default: a comma)."),
    option("--decimal", type=click.Choice([".", ","]), default=".", help="Decimal sign in CSV; with , the delimiter is ; unless given."),
    option("--keep-going", is_flag=True, help="Leave out rows without a value, and say how many."),
    option("--jobs", type=click.IntRange(min=1), metavar="N", help="Threads for rows (default: one for each core)."),
)
FIT = (
    option("--target", "wanted", metavar="EXPR", help="What the output is fitted to: a column, or an expression of columns: log(y)."),
    option("--params", multiple=True, metavar="NAME=VALUE,…", help="Where parameters start: --params b1=500,b2=1e-4 --params w=[0,0]."),
    option("--fix", multiple=True, metavar="NAME[=VALUE],…", help="Parameters that stay, at a value or at their start: b3=0.5,b2."),
    option("--bounds", multiple=True, metavar="NAME=LOW:HIGH,…", help="Bounds of parameters: --bounds b1=0:10,b2=0:,w=-1:1."),
    option("--weights", metavar="EXPR", help="What squares are multiplied by: a column or an expression, such as 1/sigma^2."),
    option(
        "--confidence", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, metavar="P",
        help="Level of the confidence intervals (default 0.95).",
    ),
    option("--predict", metavar="FILE", help="Write the rows with their fitted values to FILE (- is standard output)."),
    option("--residuals", is_flag=True, help="With --predict, residuals too: target minus fitted, and in standard deviations."),
    lambda: SuffixOption(
        ["--plot"], ".svg", metavar="[FILE.svg]", help="Draw data and curve, below the results or into an SVG file."
    ),
    option("--max-evaluations", type=click.IntRange(min=1), metavar="N", help="Stop after so many evaluations of all rows."),
)  # fmt: skip


@define("fit", PROGRAM, DATA, FIT, OF, ENGINE, output(FORMATS), GET, STRICT, LIMITS)
def command(
    job: Job, wanted: str | None, params: tuple[str, ...], fix: tuple[str, ...], bounds: tuple[str, ...], weights: str | None,
    confidence: float, max_evaluations: int | None, of: str | None, predict: str | None, residuals: bool, plot: str | None,
) -> None:  # fmt: skip
    """Fit PROGRAM's output to a column of data by least squares.

    Inputs whose names are columns are data; the others are parameters, which begin where --params or their defaults say. What is
    minimised is the sum of squares of the target minus the output, each multiplied by its weight, by Levenberg-Marquardt with the exact
    Jacobian and Newton steps at the end. Standard errors are those of the linear approximation at the solution, with the residuals' own
    variance. A fit that does not converge prints where it is, and the exit code is 1.

    Examples:
      adcli fit "b1*(1 - exp(-b2*x))" --data misra.csv --target y --params b1=500,b2=1e-4
      adcli fit "a + b*x" --data points.csv --target "log(y)" --params a=0,b=0 --weights "1/sigma^2"
      adcli fit model.adl --data points.csv --target y --bounds k=0: --fix n=2 --json
      adcli fit "a*exp(-k*x)" --data points.csv --target y --params a=1,k=1 --plot --predict fitted.csv
    """
    from adcli.api.fit import by_element, least_squares
    from adcli.cli.fit_words import bounds as ranges

    output = Output(job, predict, residuals, plot)
    made = setting(job, wanted, params, fix, weights, of, output.again)
    within = by_element(made.model, ranges(bounds))
    fit = least_squares(made.model, made.target, made.weights, within, confidence, max_evaluations)
    output.write(made, fit)


class Setting(NamedTuple):
    """What is fitted to what: target and weights have the shape [rows]; label: how the target is written."""

    model: RowsModel
    target: Any
    weights: Any
    label: str
    file: TableFile


def setting(
    job: Job, target: str | None, params: Sequence[str], fix: Sequence[str], weights: str | None, of: str | None, again: bool
) -> Setting:  # fmt: skip
    """Read program, data and parameters. again: the rows are to be written again."""
    from adcli.api.fit import prepared
    from adcli.api.rows_model import RowsModel
    from adcli.cli.fit_words import fixed
    from adcli.cli.points import read_point
    from adcli.data.table import no_rows

    if target is None:
        raise UsageError("there is nothing to fit to", help="--target y names the column the output is fitted to")
    program = job.program()
    given = read_point(params, program, job.flags, "--params")
    held = fixed(fix)
    expressions = {"target": target} if weights is None else {"target": target, "weights": weights}
    file, rows = table(job, program, [*given, *held], expressions, again)
    rows, wanted, weighed = prepared(rows, target, weights, bool(job.options.get("keep_going")))
    if not rows.count:
        raise no_rows(rows)
    given |= {name: value for name, value in held.items() if value is not None and "[" not in name and name not in given}
    model = RowsModel(program, rows, given, held, of=of, engine=job.options["engine"], jobs=job.options.get("jobs"))
    return Setting(model, wanted, weighed, target, file)


def table(
    job: Job, program: Program, given: Sequence[str], expressions: Mapping[str, str], again: bool = False
) -> tuple[TableFile, Rows]:  # fmt: skip
    """The rows of --data, with the columns that the program's inputs and some expressions read."""
    from adcli.api.bindings import found
    from adcli.api.rows_model import columns_of, names_in
    from adcli.data.table import TableFile

    options = job.options
    if options.get("data") is None:
        raise UsageError("there are no data to fit to", help="--data FILE gives rows, --data - those of standard input")
    check_input(job)
    unbound = [item.name for item in program.inputs if item.name not in given and item.default is None]
    unbound += [name for text in expressions.values() for name in names_in(text) if name not in unbound]
    with TableFile(options["data"], options.get("source"), options.get("delimiter"), options.get("decimal", "."), unbound) as file:
        wanted = {name: binding.kind for binding in found(program, file.names, file.name).values() for name in binding.columns}
        for option_, text in expressions.items():
            wanted = columns_of(text, file.names, file.name, option_) | wanted
        rows = file.read(wanted, bool(options.get("keep_going")), again)
    job.flags += rows.notes
    return file, rows
