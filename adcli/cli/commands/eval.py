"""`adcli eval`: the values of the outputs."""

from __future__ import annotations

from adcli.cli import rows
from adcli.cli.options import DATA, ENGINE, POINT, PROGRAM, ROWS_RESULT, Job, define


@define("eval", PROGRAM, POINT, DATA, ENGINE, ROWS_RESULT)
def command(job: Job) -> None:
    """Values of the outputs of PROGRAM at a point.

    A PROGRAM is text; a file, if it ends in .adl; or - for standard input.

    Examples:
      adcli eval "2^10"
      adcli eval "sqrt(x^2 + y^2)" --at x=3,y=4
      adcli eval "sum(w)/len(w)" --at "w=[1, 2, 4]" --json
    """
    from adcli.api.derivatives import evaluate
    from adcli.cli.results import outputs

    if rows.given(job):
        rows.run(job, "eval")
        return
    program = job.program()
    result = evaluate(program, job.point(program))
    document = outputs("adcli/eval/1", result)
    document.data["outputs"] = result.outputs
    document.bare = True
    job.report(program, result)
    job.finish(document, result.flags, program.source)
