"""`adcli taylor`: Taylor coefficients along one input."""

from __future__ import annotations

import click

from adcli.cli.options import OF, POINT, PROGRAM, RESULT, Job, define, option

SERIES = (
    option("--in", "along", metavar="NAME", help="The input, or an element such as w[0], to expand in (default: the only one)."),
    option("--order", type=click.IntRange(0, 1000), default=5, metavar="K", help="The highest order, up to 1000 (default 5)."),
)


@define("taylor", PROGRAM, POINT, SERIES, OF, RESULT)
def command(job: Job, along: str | None, order: int, of: str | None) -> None:
    """Taylor coefficients of an output of PROGRAM along one input: the derivatives of order j divided by j!, through loops, too.

    In text, line j holds the coefficient of order j.

    Examples:
      adcli taylor "exp(sin(x))" --in x --at x=0 --order 8
      adcli taylor "y = x; for i in 0..3 { y = sin(y) }; y" --at x=1 --order 3 --json
      adcli taylor "sum(w^3)" --in "w[1]" --at "w=[1, 2]" --order 4 --get 3
    """
    from adcli.api.taylor import taylor
    from adcli.cli.results import outputs

    program = job.program()
    result = taylor(program, job.point(program), along, order, of)
    document = outputs("adcli/taylor/1", result)
    ((name, coefficients),) = result.derivative.items()
    document.data["coefficients"] = coefficients
    document.data["in"] = name
    document.rows, document.names = [(str(j), c) for j, c in enumerate(coefficients)], {}
    job.report(program, result)
    job.finish(document, result.flags, program.source)
