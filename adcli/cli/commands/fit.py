"""`adcli fit`: parameters of a program from rows of data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from adcli.cli.fitting.loss import Programs, columns, programs, refuse, total
from adcli.cli.fitting.output import Output
from adcli.cli.fitting.rows import ROWS, Setting, modelled, setting
from adcli.cli.fitting.training import TRAINING, asked, objective, refuse_fits, train
from adcli.cli.options import ENGINE, GET, LIMITS, OF, PROGRAM, STRICT, Finite, Job, define, option, output
from adcli.cli.words import SuffixOption

DATA = option("--data", metavar="FILE", help="The rows to fit to (- is standard input); columns are bound to inputs by name.")
FIT = (
    option("--target", "wanted", metavar="EXPR", help="What the output is fitted to: a column, or an expression of columns: log(y)."),
    option("--loss", metavar="PROGRAM", help="In place of --target: minimise this program's sum over rows; it may read PROGRAM's outputs."),
    option("--sum", "sum_", is_flag=True, help="The loss is the sum over the rows (default); without --loss PROGRAM itself is the loss."),
    option("--mean", is_flag=True, help="The same with the mean."),
    option("--params", multiple=True, metavar="NAME=VALUE,…", help="Where parameters start: --params b1=500,b2=1e-4 --params w=[0,0]."),
    option("--fix", multiple=True, metavar="NAME[=VALUE],…", help="Parameters that stay, at a value or at their start: b3=0.5,b2."),
    option("--bounds", multiple=True, metavar="NAME=LOW:HIGH,…", help="Bounds of parameters: --bounds b1=0:10,b2=0:,w=-1:1."),
    option("--weights", metavar="EXPR", help="What squares are multiplied by: a column or an expression, such as 1/sigma^2."),
    option(
        "--confidence", type=Finite(0, 1, min_open=True, max_open=True), default=0.95, metavar="P",
        help="Level of the confidence intervals (default 0.95).",
    ),
    option("--predict", metavar="FILE", help="Write the rows with their fitted values to FILE (- is standard output)."),
    option("--residuals", is_flag=True, help="With --predict, residuals too: target minus fitted, and in standard deviations."),
    lambda: SuffixOption(
        ["--plot"], ".svg", metavar="[FILE.svg]", help="Draw data and curve, or the course of training, below the results or as SVG."
    ),
    option("--max-evaluations", type=click.IntRange(min=1), metavar="N", help="Stop after so many runs over all rows; with a loss, steps."),
)  # fmt: skip


@define("fit", PROGRAM, (DATA, *ROWS), FIT, TRAINING, OF, ENGINE, output(["text", "json", "csv", "markdown"]), GET, STRICT, LIMITS)
def command(
    job: Job, wanted: str | None, params: tuple[str, ...], fix: tuple[str, ...], bounds: tuple[str, ...], weights: str | None,
    confidence: float, max_evaluations: int | None, of: str | None, predict: str | None, residuals: bool, plot: str | None,
    loss: str | None, sum_: bool, mean: bool, **training: Any,
) -> None:  # fmt: skip
    """Fit PROGRAM's output to a column of data by least squares, or minimise a loss over the rows.

    Inputs whose names are columns are data; the others are parameters, which begin where --params or their defaults say. What is
    minimised is the sum of squares of the target minus the output, each multiplied by its weight, by Levenberg-Marquardt with the exact
    Jacobian and Newton steps at the end. Standard errors are those of the linear approximation at the solution, with the residuals' own
    variance. A fit that does not converge prints where it is, and the exit code is 1.

    With --loss it is the sum of that program's output over the rows, by Newton's method in a trust region. The standard errors are then
    from the inverse of the Hessian, which is right where the loss of a row is its negative log-likelihood.

    With --optimizer the loss is minimised, or with --maximize maximised, by steps along the gradients of batches of rows; without --loss
    and --target it is the output itself.

    Examples:
      adcli fit "a*exp(-k*t)" --data samples/decay.csv --target n --params a=100,k=1
      adcli fit "a - k*t" --data samples/decay.csv --target "log(n)" --params a=0,k=0 --weights "(n/sigma)^2"
      adcli fit "a*exp(-k*t) + c" --data samples/decay.csv --target n --params a=100,k=1,c=1 --bounds c=0: --fix k=0.6 --json
      adcli fit "a*exp(-k*t)" --data samples/decay.csv --target n --params a=100,k=1 --plot --predict fitted.csv
      adcli fit "a - k*t" --data samples/decay.csv --loss "exp(value) - n*value" --params a=4,k=0
      adcli fit samples/logistic_likelihood.adl --data samples/unit_square.csv --optimizer sgd --epochs 3 --maximize --checkpoint run.ck
    """
    how = total(sum_, mean)
    if asked(training):
        refuse_fits({"--bounds": bounds, "--max-evaluations": max_evaluations, "--predict": predict, "--residuals": residuals})
        program = objective(job, loss, wanted, weights, of)
        train(job, program, how == "mean", params, fix, None if wanted else of, {**training, "plot": plot})
        return
    output = Output(job, predict, residuals, plot)
    if loss is not None or how is not None:
        refuse({"--target": wanted, "--weights": weights, "--residuals": residuals, "--plot": plot})
        by_loss(job, programs(job, loss), how == "mean", params, fix, bounds, of, confidence, max_evaluations, output)
        return
    from adcli.api.fit import by_element, least_squares
    from adcli.cli.fitting.bounds import bounds as ranges

    made = setting(job, wanted, params, fix, weights, of, output.again)
    within = by_element(made.model, ranges(bounds))
    with watching(job, "evaluations") as watch:
        fit = least_squares(made.model, made.target, made.weights, within, confidence, max_evaluations, watch)
    output.write(made, fit)


@contextmanager
def watching(job: Job, what: str) -> Iterator[Callable[[int, float], None]]:
    """How far it has come, on one line of a terminal: a number of something and the objective."""
    from adcli.cli.progress import Line

    line = Line(job, beside=True)
    try:
        yield lambda number, value: line.draw(lambda seconds: f"{number:,} {what}, objective {value:.6g}, {seconds:.0f} s")
    finally:
        line.end()


def by_loss(
    job: Job, of_what: Programs, mean: bool, params: Sequence[str], fix: Sequence[str], bounds: Sequence[str], of: str | None,
    confidence: float, most: int | None, output: Output,
) -> None:  # fmt: skip
    """Minimise the sum or mean of a program's output over the rows."""
    from adcli.api.fit import by_element
    from adcli.api.fit_loss import fit_loss
    from adcli.cli.fitting.bounds import bounds as ranges

    model, file = modelled(job, of_what.loss, params, fix, of, of_what.model, output.again)
    if output.again and of_what.model is not None:
        columns(of_what.model, model, model.parameters.start, model.rows.columns)  # what it lacks it lacks before the work is done
    with watching(job, "steps") as watch:
        fit = fit_loss(model, mean, by_element(model, ranges(bounds)), confidence, most, watch)
    output.write(Setting(model, None, None, "loss", file, of_what.model), fit)
