"""`adcli derive`: the derivative as a formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, Job, define, names, option, output

if TYPE_CHECKING:
    from adcli.api.derive import Derived

OPTIONS = (
    option("--wrt", multiple=True, metavar="NAMES", help="Inputs to differentiate by: a,b, or once for each (default: all real ones)."),
    option("--order", type=click.IntRange(1, 9), default=1, metavar="N", help="Of the derivative, 1 to 9 (default 1)."),
    option("--raw", is_flag=True, help="As the product rule gives it, not simplified, with the count of its operations on standard error."),
)


@define("derive", PROGRAM, POINT, OPTIONS, OF, output(["text", "latex", "adl", "json"], digits=False), LIMITS)
def command(job: Job, wrt: tuple[str, ...], order: int, raw: bool, of: str | None) -> None:
    """The derivative of PROGRAM as a formula, simplified.

    Loops with a constant number of iterations are unrolled, calls put in their places; where the number depends on an input there is no
    formula, and an error says so. Integer inputs are put in with their value (--at, or the default). Of several inputs there is a line
    for each, and with --order 2 for each pair, as in `adcli hessian`. The formulas are programs: --to adl writes one for them all.

    Examples:
      adcli derive "x^2"
      adcli derive "x1*x2 + sin(x1)" --wrt x1
      adcli derive "x*exp(-x^2)" --order 2 --to latex
      adcli derive samples/logistic_map.adl --raw
    """
    from adcli.api.derive import derive

    kind = job.format()
    program = job.program()
    chosen = names(",".join(wrt)) if wrt else None
    derived = derive(program, chosen, order, raw, of=of, at=job.point(program))
    if kind == "json":
        job.write(as_json(derived))
    elif kind == "latex":
        from adcli.report.derivative import latex_lines

        derived.bearable()
        job.write("".join(line + "\n" for line in latex_lines(derived.output, derived.expressions, order)))
    elif kind == "adl":
        job.write(derived.program_text())
    else:
        job.write(lines(derived))
    if raw and kind != "json" and not job.options.get("quiet"):
        from adcli.cli.streams import error_text

        error_text(f"operations: {derived.operations}, and {derived.graph} in the automatic graph of value and derivative\n")


def lines(derived: Derived) -> str:
    """The formula alone, or one line for each of several: its name, a tab, the formula."""
    texts = derived.texts
    if len(texts) == 1:
        return next(iter(texts.values())) + "\n"
    return "".join(f"{key}\t{text}\n" for key, text in texts.items())


def as_json(derived: Derived) -> str:
    from adcli.cli.document import to_json

    return to_json({"schema": "adcli/derive/1", "derivatives": derived.texts, "operations": derived.operations}) + "\n"
