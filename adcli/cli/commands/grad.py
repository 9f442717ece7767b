"""`adcli grad`: value and gradient."""

from __future__ import annotations

import click

from adcli.cli import rows
from adcli.cli.options import DATA, ENGINE, OF, POINT, PROGRAM, ROWS_RESULT, TAPE, WRT, Job, define, names, option

MODE = (
    option(
        "--mode",
        type=click.Choice(["reverse", "forward"]),
        default="reverse",
        help="reverse: one sweep for all inputs (default); forward: one for each.",
    ),
)


@define("grad", PROGRAM, POINT, WRT, OF, MODE, TAPE, DATA, ENGINE, ROWS_RESULT)
def command(job: Job, wrt: str | None, of: str | None, mode: str) -> None:
    """Value and gradient of a scalar output of PROGRAM at a point.

    The derivative is that of the path that ran, through loops, branches and calls. Where an operation has a kink the result carries a
    flag; `adcli help derivatives` has the conventions.

    Examples:
      adcli grad "x1*x2 + sin(x1)" --at x1=2,x2=5
      adcli grad "-exp(x)" --at x=3 --mode forward
      adcli grad "y = x; for i in 0..3 { y = sin(y) }; y" --at x=1 --get x
    """
    from adcli.api.derivatives import gradient
    from adcli.cli.results import add_inputs, outputs
    from adcli.cli.suggest import suggest_blame

    if rows.given(job):
        rows.run(job, "grad", wrt=names(wrt), of=of, mode=mode)
        return
    program = job.program()
    result = gradient(program, job.point(program), names(wrt), of, mode)
    document = outputs("adcli/grad/1", result)
    document.data["gradient"] = result.derivative
    add_inputs(document, result.derivative)
    job.report(program, result)
    job.finish(document, result.flags, program.source)
    suggest_blame(job, result, of, wrt)
