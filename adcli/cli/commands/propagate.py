"""`adcli propagate`: uncertainties through the derivatives."""

from __future__ import annotations

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, STRICT, Job, define, option, output
from adcli.errors import UsageError

OPTIONS = (
    option("--corr", multiple=True, metavar="A,B=R", help="Correlation of two inputs or elements: V,I=0.5 or w[0],w[1]=-0.3."),
)


@define("propagate", PROGRAM, POINT, OPTIONS, OF, output(["text", "json"]), STRICT, LIMITS)
def command(job: Job, corr: tuple[str, ...], of: str | None) -> None:
    """The uncertainty of PROGRAM's results from those of its inputs, given behind their values: V=5±0.1, or V=5+-0.1.

    To first order: the derivatives by the uncertain inputs, times their standard uncertainties, add up in squares, with correlations if
    --corr gives any. Beside it stand each input's share of the variance and its elasticity (x/y)·dy/dx: by how many per cent the
    result moves with one per cent of the input. Where curvature matters within the uncertainties, a remark says what the second order makes
    of it.

    Examples:
      adcli propagate "V/I" --at "V=5±0.1,I=2±0.05"
      adcli propagate "V/I" --at "V=5+-0.1,I=2+-0.05" --corr V,I=0.5
      adcli propagate "sum(w^2)" --at "w=[1,2]±[0.1,0.2]" --json
    """
    from adcli.api.propagate import propagate
    from adcli.cli.document import rounded, with_flags

    program = job.program()
    point, spreads = job.uncertain_point(program)
    found, result = propagate(program, point, spreads, [correlation(word) for word in corr], of)
    digits = job.options.get("digits")
    kind = job.format()
    job.report(program, result)
    flags = job.flagged(result.flags)
    if kind == "json":
        data = rounded(found.data(), digits)
        text = with_flags(data, flags, program.source)
    else:
        text = found.text(digits)
    job.deliver(text, flags, program.source, kind == "json")


def correlation(word: str) -> tuple[str, str, float]:
    """A,B=R"""
    from adcli.cli.points import NUMBER, cut, split, value

    names, equals, text = word.rpartition("=")
    pair = [name.strip().replace(" ", "") for name in split(names)]
    if not equals or len(pair) != 2 or not all(pair) or not text.strip():
        raise UsageError(f"--corr takes two names and a number, not {cut(word)}", help="write --corr V,I=0.5")
    found = float(text) if NUMBER.fullmatch(text.strip()) else value("--corr", text.strip())
    if not isinstance(found, int | float):
        raise UsageError(f"the correlation of {pair[0]} and {pair[1]} is one number", help="write --corr V,I=0.5")
    return pair[0], pair[1], float(found)
