"""`adcli blame`: why a gradient, or a value, is nan, infinite, 0 or huge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, STRICT, Job, define, option, output
from adcli.cli.view import Rows, choose_notation, terminal_width
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api.blame import Blame
    from adcli.engines.flags import Flag

SHOWN = 12
OPTIONS = (
    option("--wrt", metavar="NAMES", help="Inputs to tell about, or elements: a,w[3] (default: all real ones)."),
    option("--by", type=click.Choice(["line", "iteration"]), help="Shares of finite gradients that add up to them."),
    option("--rows", type=Rows(), metavar="N|all", help=f"Lines of each table, and how many stories (default {SHOWN}; JSON: all)."),
    option("--notation", type=click.Choice(["unicode", "ascii"]), help="How formulas are written."),
)


@define("blame", PROGRAM, POINT, OPTIONS, OF, output(["text", "markdown", "json"]), STRICT, LIMITS)
def command(
    job: Job, wrt: str | None, of: str | None, by: str | None, rows: int | str | None, notation: str | None
) -> None:  # fmt: skip
    """Why is this gradient, or value, nan, infinite, 0 or huge? The way back to the operation where it was born.

    For nan and inf: the operation and the numbers at each step from there. For 0: what stands in the way of each path to the
    output, or what cancels. For huge, tiny and ordinary numbers: the uses that made them, and with --by shares that add up to them.
    Inputs with the same reason are told about once; of an array of ordinary numbers only the largest.

    Examples:
      adcli blame "sqrt(x^2+y^2)" --at x=0,y=0
      adcli blame "3*floor(x)+x-x" --at x=2.5
      adcli blame "y = x; for i in 0..3000 { y = 0.5*y }; y" --at x=1
      adcli blame "y = x; for i in 0..9 { y = r*y*(1 - y) }; y" --at x=0.3,r=3.9 --by iteration
    """
    from adcli.api.blame import blame

    kind = job.format()
    spelling = choose_notation(kind, notation)
    program = job.program()
    found = blame(program, job.point(program), elements(wrt), of, by)
    limit = None if rows == "all" else int(rows) if rows is not None else SHOWN if kind != "json" else None
    job.report(program, found.result)
    flags = job.flagged(found.result.flags)
    text = as_json(job, found, flags, limit) if kind == "json" else as_text(job, found, kind, spelling, limit)
    job.deliver(text, flags, program.source, kind == "json")


def elements(text: str | None) -> list[str] | None:
    """a,w[0,1] as a list."""
    if text is None:
        return None
    from adcli.cli.points import split

    found = [name.strip() for name in split(text)]
    if not all(found):
        raise UsageError(f"--wrt takes names between commas, not '{text}'", help="write --wrt x,w[3]")
    return found


def as_text(job: Job, found: Blame, kind: str, spelling: str, limit: int | None) -> str:
    """Stories on at most 80 columns, with the source line and a caret; or Markdown."""
    from adcli.cli.render import excerpt
    from adcli.report.blame.text import Page
    from adcli.report.notation import NOTATIONS

    width = min(80, terminal_width()) if job.on_terminal else 80

    def draw(source: Any, span: Any) -> list[str]:
        return excerpt(source, span, job.colour)

    page = Page(found.words(NOTATIONS[spelling], job.options.get("digits")), limit, width, draw)
    stories = found.stories if limit is None else found.stories[:limit]
    if not stories:
        return found.summary + "\n"
    text = page.markdown(stories) if kind == "markdown" else page.text(stories)
    rest = len(found.stories) - len(stories)
    return text + (f"\n{rest:,} more numbers: --rows all\n" if rest else "")


def as_json(job: Job, found: Blame, flags: list[Flag], limit: int | None) -> str:
    """One object, schema adcli/blame/1."""
    from adcli.cli.document import rounded, with_flags
    from adcli.report.blame.records import data
    from adcli.report.notation import ASCII

    result = found.result
    out: dict[str, Any] = {"schema": "adcli/blame/1"}
    out |= {"value": result.value} if len(result.outputs) == 1 else {"outputs": result.outputs}
    out["gradient"] = result.derivative
    out["stories"] = data(found.words(ASCII, job.options.get("digits")), found.stories, limit)
    return with_flags(rounded(out, job.options.get("digits")), flags, found.trace.source)
