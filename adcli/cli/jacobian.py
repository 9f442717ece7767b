"""`adcli jacobian`: the derivatives of all outputs."""

from __future__ import annotations

from adcli.cli.options import OF, POINT, PROGRAM, RESULT, WRT, Job, define, names


@define("jacobian", PROGRAM, POINT, WRT, OF, RESULT)
def command(job: Job, wrt: str | None, of: str | None) -> None:
    """Derivatives of every output of PROGRAM by every input, by forward or reverse sweeps, whichever are fewer.

    In text, the line `y,x` holds the derivative of output y by input x, with arrays `y[0],x[1]`.

    Examples:
      adcli jacobian "output u = x*y; output v = x + y^2" --at x=1,y=2
      adcli jacobian "[r*cos(t), r*sin(t)]" --at r=2,t=pi/3 --json
    """
    from adcli.api.derivatives import jacobian
    from adcli.cli.results import add_matrix, outputs

    program = job.program()
    result = jacobian(program, job.point(program), names(wrt), of)
    document = outputs("adcli/jacobian/1", result)
    document.data["outputs"] = result.outputs
    document.data["jacobian"] = result.derivative
    add_matrix(document, result.derivative, result.outputs)
    job.report(program, result)
    job.finish(document, result.flags, program.source)
