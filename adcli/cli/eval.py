"""`adcli eval`: the values of the outputs."""

from __future__ import annotations

from adcli.cli.options import ENGINE, POINT, PROGRAM, RESULT, Job, define


@define("eval", PROGRAM, POINT, ENGINE, RESULT)
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

    program = job.program()
    result = evaluate(program, job.point(program))
    document = outputs("adcli/eval/1", result)
    document.data["outputs"] = result.outputs
    document.bare = True
    job.report(program, result)
    job.finish(document, result.flags, program.source)
