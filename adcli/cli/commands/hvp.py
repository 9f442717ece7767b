"""`adcli hvp`: the Hessian times a direction."""

from __future__ import annotations

from adcli.cli.options import ALONG, ENGINE, OF, POINT, PROGRAM, RESULT, TAPE, WRT, Job, define, names


@define("hvp", PROGRAM, POINT, ALONG, WRT, OF, TAPE, ENGINE, RESULT)
def command(job: Job, along: tuple[str, ...], wrt: str | None, of: str | None) -> None:
    """Hessian of a scalar output of PROGRAM times a direction, in one reverse sweep over a forward one.

    Examples:
      adcli hvp "x^2*y" --at x=2,y=5 --along x=1,y=0
      adcli hvp "sum(w^3)" --at "w=[1, 2]" --along "w=[1, 1]" --json
    """
    from adcli.api.second import hvp
    from adcli.cli.results import add_inputs, outputs

    program = job.program()
    result = hvp(program, job.point(program), job.direction(program, along), names(wrt), of)
    document = outputs("adcli/hvp/1", result)
    document.data["gradient"] = result.gradient
    document.data["product"] = result.derivative
    add_inputs(document, result.derivative)
    job.report(program, result)
    job.finish(document, result.flags, program.source)
