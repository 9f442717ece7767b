"""`adcli vjp`: the derivative for a cotangent."""

from __future__ import annotations

from adcli.cli.options import ENGINE, OF, POINT, PROGRAM, RESULT, TAPE, WRT, Job, define, names, option

COTANGENT = (
    option(
        "--cotangent",
        multiple=True,
        required=True,
        metavar="VALUE",
        help="The cotangent of the output: 1, [1,0]; or of several by name: u=1,v=2.",
    ),
)


@define("vjp", PROGRAM, POINT, COTANGENT, WRT, OF, TAPE, ENGINE, RESULT)
def command(job: Job, cotangent: tuple[str, ...], wrt: str | None, of: str | None) -> None:
    """A cotangent of the outputs of PROGRAM carried back to its inputs: a vector times the Jacobian, in one reverse sweep.

    Examples:
      adcli vjp "x*y" --at x=2,y=5 --cotangent 1
      adcli vjp "[x*y, x + y]" --at x=2,y=5 --cotangent "[1, 0]"
      adcli vjp "output u = x*y; output v = x + y" --at x=2,y=5 --cotangent u=1,v=2
    """
    from adcli.api.derivatives import vjp
    from adcli.cli.results import add_inputs, outputs
    from adcli.cli.suggest import suggest_blame

    program = job.program()
    result = vjp(program, job.point(program), job.cotangent(cotangent), names(wrt), of)
    document = outputs("adcli/vjp/1", result)
    document.data["outputs"] = result.outputs
    document.data["gradient"] = result.derivative
    add_inputs(document, result.derivative)
    job.report(program, result)
    job.finish(document, result.flags, program.source)
    suggest_blame(job, result, of, wrt, zeros=False)
