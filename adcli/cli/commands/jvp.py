"""`adcli jvp`: the derivative along a direction."""

from __future__ import annotations

from adcli.cli import rows
from adcli.cli.options import ALONG, DATA, ENGINE, OF, POINT, PROGRAM, ROWS_RESULT, Job, define


@define("jvp", PROGRAM, POINT, ALONG, OF, DATA, ENGINE, ROWS_RESULT)
def command(job: Job, along: tuple[str, ...], of: str | None) -> None:
    """Derivative of the outputs of PROGRAM along a direction of its inputs: the Jacobian times a vector, in one forward sweep.

    Examples:
      adcli jvp "x*y" --at x=2,y=5 --along x=1,y=0
      adcli jvp "sum(w^2)" --at "w=[1, 2]" --along "w=[0, 1]" --json
    """
    from adcli.api.derivatives import jvp
    from adcli.cli.results import add_tangents, outputs
    from adcli.cli.suggest import suggest_blame

    if rows.given(job):
        rows.run(job, "jvp", along=along, of=of)
        return
    program = job.program()
    result = jvp(program, job.point(program), job.direction(program, along), of)
    document = outputs("adcli/jvp/1", result)
    document.data["outputs"] = result.outputs
    document.data["tangents"] = result.derivative
    add_tangents(document, result.derivative)
    job.report(program, result)
    job.finish(document, result.flags, program.source)
    suggest_blame(job, result, of, None, zeros=False)
