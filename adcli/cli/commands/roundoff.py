"""`adcli roundoff`: digits lost, and where."""

from __future__ import annotations

import click

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, STRICT, WRT, Job, define, names, option, output
from adcli.cli.view import Rows

SHOWN = 10
OPTIONS = (
    option("--rows", type=Rows(), metavar="N|all", help="How many operations and lines to show (default 10; JSON: all)."),
    option("--gradient/--no-gradient", "gradient", default=None, help="Digits of the gradient (default: where the run is short)."),
    option("--precision", type=click.IntRange(20, 5000), default=50, metavar="N", help="Digits of exact values, at least (default 50)."),
    option(
        "--max-operations", "most", type=click.IntRange(min=1), default=100_000, metavar="N",
        help="Stop where more operations would be computed in high precision (default 100,000).",
    ),
)  # fmt: skip


@define("roundoff", PROGRAM, POINT, OPTIONS, WRT, OF, output(["text", "json"], digits=False), STRICT, LIMITS)
def command(
    job: Job, rows: int | str | None, gradient: bool | None, precision: int, most: int, wrt: str | None, of: str | None
) -> None:  # fmt: skip
    """How many digits of PROGRAM's result are right at a point, and at which operations the others got lost.

    The run is recorded and computed again with 50 digits (more where that is not enough), along the same path: branches and loops go
    as they went in binary64, and numbers of the program and the point are taken as binary64 has them. An operation loses the digits that
    its worst argument had and its result has not; `own error` is its rounding alone, `amplified` what it made of its arguments' errors.

    A second table says the same of the gradient: lost at a value, at the partial derivative of an operation, or in a sum of adjoints.

    Needs mpmath: pip install "adcli[precise]".

    Examples:
      adcli roundoff "(1-cos(x))/x^2" --at x=1e-8
      adcli roundoff "y = x; for i in 0..50 { y = 4*y*(1 - y) }; y" --at x=0.2 --rows 5
      adcli roundoff "sqrt(x^2 + y^2)" --at x=3e200,y=4e200 --json
    """
    from adcli.api.roundoff import Choice, roundoff
    from adcli.cli.document import with_flags

    program = job.program()
    report, result = roundoff(program, job.point(program), of, names(wrt), Choice(precision, most, gradient))
    kind = job.format()
    limit = None if rows == "all" else rows if isinstance(rows, int) else SHOWN if kind == "text" else None
    job.report(program, result)
    flags = job.flagged(result.flags)
    if kind == "json":
        text = with_flags(report.data(limit), flags, program.source)
    else:
        text = report.text(limit)
    job.deliver(text, flags, program.source, kind == "json")
