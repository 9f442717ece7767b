"""`adcli hessian`: second derivatives."""

from __future__ import annotations

from adcli.cli import rows
from adcli.cli.options import DATA, ENGINE, OF, POINT, PROGRAM, ROWS_RESULT, SPARSE, TAPE, WRT, Job, define, names
from adcli.errors import UsageError


@define("hessian", PROGRAM, POINT, WRT, OF, SPARSE, TAPE, DATA, ENGINE, ROWS_RESULT)
def command(job: Job, wrt: str | None, of: str | None, sparse: bool) -> None:
    """Value, gradient and Hessian of a scalar output of PROGRAM, reverse over forward.

    In text, the line `x,y` holds the second derivative by x and y, with arrays `w[0],w[1]`. With --sparse a line holds row, column and
    value of an entry, recovered from few products of the Hessian with a vector; -v tells how many.

    Examples:
      adcli hessian "(1 - x)^2 + 100*(y - x^2)^2" --at x=-1.2,y=1
      adcli hessian "sum(w^3)" --at "w=[1, 2]" --json
      adcli hessian "sum(w[0]*w^2)" --at "w=[1, 2, 3, 4]" --sparse -v
    """
    from adcli.cli.results import add_inputs, add_matrix, add_sparse, outputs, swept
    from adcli.cli.suggest import suggest_blame

    if rows.given(job):
        if sparse:
            raise UsageError("--sparse does not go with --data", help="rows have the upper triangle of the Hessian as columns")
        rows.run(job, "hessian", wrt=names(wrt), of=of)
        return
    program = job.program()
    if sparse:
        from adcli.api.sparse import hessian

        result = hessian(program, job.point(program), names(wrt), of)
        document = outputs("adcli/sparse-hessian/1", result)
        document.data["gradient"] = result.gradient
        add_sparse(document, result)
    else:
        from adcli.api.second import hessian

        result = hessian(program, job.point(program), names(wrt), of)
        document = outputs("adcli/hessian/1", result)
        document.data["gradient"] = result.gradient
        document.data["hessian"] = result.derivative
        add_inputs(document, result.gradient)
        add_matrix(document, result.derivative, result.gradient)
    job.report(program, result, **swept(result))
    job.finish(document, result.flags, program.source)
    suggest_blame(job, result, of, wrt, zeros=False)
