"""`adcli solve`: the point where equations hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adcli.cli.options import ENGINE, GET, LIMITS, POINT, PROGRAM, STRICT, Finite, Job, define, names, option, output
from adcli.errors import AssignmentError, UsageError

if TYPE_CHECKING:
    from adcli.api import Program
    from adcli.optimize.smooth import Iterate

SEARCH = (
    option("--equation", "equations", multiple=True, metavar="EQUATION", help='In place of a program: "x^2 + y^2 = 1"; repeatable.'),
    option("--wrt", metavar="NAMES", help="Unknowns: a,b (default: all real inputs); the others stay where --at says."),
    option("--bounds", multiple=True, metavar="NAME=LOW:HIGH,…", help="Bounds of unknowns; for a single one, a bracket: --bounds x=0:1."),
    option(
        "--tol", type=Finite(0), default=1e-8, metavar="TOL",
        help="The largest Newton step at a root, beside max(1, |x|), where rounding ends the search (default 1e-8).",
    ),
    option("--max-iterations", type=click.IntRange(min=0), metavar="N", help="Stop after so many (default 500)."),
)  # fmt: skip


@define("solve", PROGRAM, POINT, SEARCH, ENGINE, output(["text", "json", "csv", "markdown"]), GET, STRICT, LIMITS)
def command(
    job: Job, equations: tuple[str, ...], wrt: str | None, bounds: tuple[str, ...], tol: float, max_iterations: int | None
) -> None:  # fmt: skip
    """A root near the point --at: where all outputs of PROGRAM are 0, as many as there are unknowns.

    Outputs may be numbers or arrays. A PROGRAM that is one equation, such as x = cos(x), is solved as one, and --equation gives several.
    Newton's method with the exact Jacobian, in a trust region so that the sum of squares always falls, goes on to the last digit; a
    single unknown between two bounds where the sign differs is never lost. Where there is no root, the point that comes closest is
    printed all the same, and the exit code is 1.

    Examples:
      adcli solve "x = cos(x)" --at x=1
      adcli solve --equation "x^2 + y^2 = 1" --equation "x = y" --at x=1,y=0.5
      adcli solve "input x: [2]; [x[0] + x[1] - 3, x[0]*x[1] - 2]" --at "x=[5,0]" --json
      adcli solve "exp(x) - 5*x" --bounds x=0:1
    """
    from adcli.api.solve import Search
    from adcli.cli.document import Document
    from adcli.cli.fitting.bounds import HOLD
    from adcli.cli.fitting.bounds import bounds as ranges
    from adcli.cli.fitting.output import folded
    from adcli.cli.progress import Line
    from adcli.cli.streams import error_text

    program = system(job, equations)
    search = Search(program, job.point(program), names(wrt), ranges(bounds, HOLD))
    line = Line(job, beside=True)

    def watch(now: Iterate) -> None:
        line.draw(lambda seconds: f"iteration {now.iteration:,}, {seconds:.0f} s")

    try:
        found, result = search.find(tol, max_iterations, watch)
    finally:
        line.end()
    document = Document("adcli/solve/1")
    document.data, document.absent = found.data(), found.absent()
    for name, value in found.at.items():
        document.add(f"at_{name}" if name in ("residual_norm", "iterations", "converged") else name, value)
    document.add("residual_norm", found.residual_norm)
    document.add("iterations", found.iterations)
    document.add("converged", found.converged)
    job.report(search.program, result, method=found.method)
    job.finish(document, result.flags, program.source)
    said = found.sentences()
    if not job.options.get("quiet") and (job.drawing or job.options.get("verbose") or not found.converged or len(said) > 1):
        error_text("".join(f"{line}\n" for line in folded(said)))
    if not found.converged:
        raise click.exceptions.Exit(1)


def system(job: Job, given: tuple[str, ...]) -> Program:
    """The program that is to be 0, from --equation or PROGRAM."""
    from adcli.api import compile
    from adcli.api.relations import is_equation
    from adcli.api.solve import equations

    options = {"limits": job.limits(), "engine": job.options.get("engine", "auto"), "exact_libm": job.options.get("exact_libm", False)}
    if not given:
        source = job.source()
        if is_equation(source.text):
            return equations([source.text], **options)
        try:
            return compile(source, **options)
        except AssignmentError as error:
            error.help = 'several equations are --equation "x^2 + y^2 = 1" --equation "x = y"'
            raise
    if job.options["words"] or job.options["files"] or job.options["texts"]:
        raise UsageError("--equation stands in place of a program, and there is one, too", help="leave one of them out")
    return equations(given, **options)
