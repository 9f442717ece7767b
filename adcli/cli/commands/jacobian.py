"""`adcli jacobian`: the derivatives of all outputs."""

from __future__ import annotations

from adcli.cli.options import ENGINE, OF, POINT, PROGRAM, RESULT, SPARSE, TAPE, WRT, Job, define, names


@define("jacobian", PROGRAM, POINT, WRT, OF, SPARSE, TAPE, ENGINE, RESULT)
def command(job: Job, wrt: str | None, of: str | None, sparse: bool) -> None:
    """Derivatives of every output of PROGRAM by every input, by forward or reverse sweeps, whichever are fewer.

    In text, the line `y,x` holds the derivative of output y by input x, with arrays `y[0],x[1]`. With --sparse a line holds row,
    column and value of an entry; columns (or rows) that share no entry are computed together, and -v tells how many sweeps it took.

    Examples:
      adcli jacobian "output u = x*y; output v = x + y^2" --at x=1,y=2
      adcli jacobian "[r*cos(t), r*sin(t)]" --at r=2,t=pi/3 --json
      adcli jacobian "[x[i]*x[i + 1] for i in 0..3]" --at "x=[1, 2, 3, 4]" --sparse -v
    """
    from adcli.cli.results import add_matrix, add_sparse, outputs, swept

    program = job.program()
    if sparse:
        from adcli.api.sparse import jacobian

        result = jacobian(program, job.point(program), names(wrt), of)
        document = outputs("adcli/sparse-jacobian/1", result)
        document.data["outputs"] = result.outputs
        add_sparse(document, result)
    else:
        from adcli.api.derivatives import jacobian

        result = jacobian(program, job.point(program), names(wrt), of)
        document = outputs("adcli/jacobian/1", result)
        document.data["outputs"] = result.outputs
        document.data["jacobian"] = result.derivative
        add_matrix(document, result.derivative, result.outputs)
    job.report(program, result, **swept(result))
    job.finish(document, result.flags, program.source)
