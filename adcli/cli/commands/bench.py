"""`adcli bench`: how fast a program is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, TAPE, WRT, Finite, Job, define, names, option, output
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api.bench import Measured

ENGINES = (
    option("--engine", "engines", multiple=True, metavar="NAMES", help="Which: native,interpret (default: those that are installed)."),
    option(
        "--seconds", type=Finite(min=0, min_open=True), default=1.0, metavar="SECONDS",
        help="How long to repeat, in all (default 1).",
    ),
    option("--exact-libm", is_flag=True, help="Native code calls sin and the like as the interpreter does, without vectors."),
)


@define("bench", PROGRAM, POINT, WRT, OF, ENGINES, TAPE, LIMITS, output(["text", "json"]))
def command(job: Job, engines: tuple[str, ...], seconds: float, wrt: str | None, of: str | None) -> None:
    """How fast PROGRAM is at a point: seconds to compile its gradient, for a value and for a gradient, and the tape's bytes.

    Medians of repeated calls in memory, engine by engine. Compiling is lowering, differentiating and compiling, with nothing
    taken from the cache. The gradient includes the value; the ratio is of the two.

    Examples:
      adcli bench "x1*x2 + sin(x1)" --at x1=2,x2=5
      adcli bench samples/lstm.adl --engine native --seconds 3
      adcli bench "y = x; for i in 0..1000 { y = sin(y) }; y" --at x=1 --json
    """
    from adcli.api.bench import Measured, bench
    from adcli.cli.document import rounded, to_json
    from adcli.cli.progress import Line, bar

    program = job.program()
    chosen = [name.strip() for word in engines for name in word.split(",")]
    if not all(chosen):
        raise UsageError("--engine takes names between commas", help="--engine native,interpret")
    at = job.point(program)
    progress = Line(job, beside=True)

    def tick() -> None:
        progress.draw(lambda spent: bar(min(spent / seconds, 1.0), f"{spent:.0f} s", spent))

    try:
        found = bench(program, at, engines=chosen or None, wrt=names(wrt), of=of, seconds=seconds, tick=tick)
    finally:
        progress.end()
    digits = job.options.get("digits")
    if job.format() == "json":
        job.write(to_json(rounded({"schema": "adcli/bench/1", "engines": {k: m._asdict() for k, m in found.items()}}, digits)) + "\n")
    elif job.drawing:
        job.write(drawn(found, digits or 3, job.colour))
    else:
        lines = [("engine", *Measured._fields), *((k, *map(repr, rounded(m, digits))) for k, m in found.items())]
        job.write("".join("\t".join(line) + "\n" for line in lines))


def drawn(found: dict[str, Measured], digits: int, colour: bool) -> str:
    """A table for people: seconds in fitting units."""
    from adcli.cli.table import duration, table

    head = ["engine", "compile", "value", "gradient", "gradient/value", "tape"]
    rows = [
        [name, *(duration(s, digits) for s in m[:3]), f"{m.ratio:.{digits}g}", f"{m.tape_bytes:,} B"] for name, m in found.items()
    ]  # fmt: skip
    return table(head, rows, colour, right=range(1, len(head)))
