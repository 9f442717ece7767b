"""`adcli check`: is a gradient right?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from adcli.cli.options import ENGINE, LIMITS, OF, POINT, PROGRAM, TAPE, WRT, Job, define, names, option, output
from adcli.errors import DataError, Source, UsageError

if TYPE_CHECKING:
    from adcli.api.check import Checked
    from adcli.api.external import External
    from adcli.api.verdict import Finding

OTHERS = (
    option("--grad", "grad", metavar="FILE", help="Check the gradient in FILE (- is standard input), JSON or name<TAB>value lines."),
    option("--cmd", "cmd", metavar="WORDS", help="A command that prints the value: 'prog {x1} {x2}'. No shell sees it; no PROGRAM then."),
    option("--grad-cmd", "grad_cmd", metavar="WORDS", help="A command that prints the gradient at the point, and which is checked."),
    option("--stdin", "stdin", is_flag=True, help="Commands read the point from standard input, as JSON."),
    option("--jobs", "jobs", type=click.IntRange(min=1), metavar="N", help="Commands that run at a time (default: one for each core)."),
)
EXITS = {"RIGHT": 0, "WRONG": 1, "NON-SMOOTH": 5, "INCONCLUSIVE": 5}
COLUMNS = ("input", "verdict", "gradient", "forward", "difference", "error", "step", "order", "complex_step", "reason")
DRAWN = frozenset({"input", "verdict", "gradient", "difference", "error", "order"})
LIMIT = 2**26


@define("check", PROGRAM, POINT, WRT, OF, OTHERS, TAPE, ENGINE, LIMITS, output(["text", "json"]))
def command(
    job: Job, wrt: str | None, of: str | None, grad: str | None, cmd: str | None, grad_cmd: str | None, stdin: bool
) -> None:  # fmt: skip
    """Is the gradient right? RIGHT (exit 0), WRONG (1), NON-SMOOTH or INCONCLUSIVE (5), with the evidence for each input.

    The gradient by reverse mode, or one from elsewhere, is held against extrapolated central differences, with steps that suit the
    function, a complex step where the program is analytic, and forward mode. No tolerance is built in: a discrepancy counts where
    the estimated error of the differences, rounding included, does not explain it. `order` is that of the Taylor remainder
    |f(x+h) - f(x) - h·gradient|: 2 or more for a right gradient, 1 for a wrong one.

    --cmd and --grad-cmd check programs of any language: the words have {x} or {w[0]} replaced by numbers, or with --stdin the point is on
    standard input. A command that fails at the point itself ends the check (exit 4); elsewhere it has no value there.
    --timeout is then for each call (default 60 s).

    Examples:
      adcli check samples/kepler.adl
      adcli grad "x1*x2" --at x1=2,x2=5 --json | adcli check "x1*x2" --at x1=2,x2=5 --grad -
      adcli check --cmd "awk 'BEGIN { print {x}^2 }'" --grad-cmd "awk 'BEGIN { print 2*{x} }'" --at x=3
    """
    if grad is not None and grad_cmd is not None:
        raise UsageError("--grad and --grad-cmd both give a gradient", help="leave one of them out")
    programs = [*job.options["words"], *job.options["files"], *job.options["texts"]]
    if cmd is not None and programs:
        advice = f"--jobs {programs[0]} runs so many commands at a time" if programs[0].isdigit() else "leave out --cmd or the program"
        raise UsageError(f"--cmd gives the value, and a program is given too: {programs[0]}", help=advice)
    if cmd is None and (job.options["jobs"] is not None or stdin) and grad_cmd is None:
        raise UsageError("--jobs and --stdin are for commands", help="give one with --cmd or --grad-cmd")
    found, source = (_foreign if cmd is not None else _own)(job, wrt, of, grad, cmd, grad_cmd, stdin)
    _print(job, found, source)
    raise click.exceptions.Exit(EXITS[found.verdict])


def _own(
    job: Job, wrt: str | None, of: str | None, grad: str | None, cmd: str | None, grad_cmd: str | None, stdin: bool
) -> tuple[Checked, Source]:
    from adcli.api.check import check_program

    program = job.program()
    at = job.point(program)
    given = None
    if grad is not None:
        given = _file(grad)
    elif grad_cmd is not None:
        from adcli.api.point import bind

        values, _, _ = bind(program.signature, program.source, at)
        point = {i.name: _listed(v) for i, v in zip(program.inputs, values, strict=True)}
        given = _printed(_external(job, grad_cmd, "--grad-cmd", point, stdin), point)
    return check_program(program, at, names(wrt), of, given), program.source


def _foreign(
    job: Job, wrt: str | None, of: str | None, grad: str | None, cmd: str | None, grad_cmd: str | None, stdin: bool
) -> tuple[Checked, Source]:
    from adcli.api.check import check_command

    if grad is None and grad_cmd is None:
        raise UsageError("--cmd gives a value, and there is no gradient to check", help="give it with --grad FILE or --grad-cmd 'prog {x}'")
    if of is not None:
        raise UsageError("--of chooses an output of a program, and a command prints one value", help="leave it out")
    point = _point(job)
    given = _file(grad) if grad is not None else _printed(_external(job, grad_cmd or "", "--grad-cmd", point, stdin), point)
    return check_command(_external(job, cmd or "", "--cmd", point, stdin), point, names(wrt), given), Source("", "<command>")


class _NoProgram(NamedTuple):
    inputs: tuple[Any, ...] = ()


def _point(job: Job) -> dict[str, Any]:
    """The inputs of a command: those that --at gives, as numbers and lists."""
    from adcli.api.point import as_real
    from adcli.cli.points import read_point

    found = read_point(job.options["at"], _NoProgram(), job.flags)
    if not found:
        raise UsageError("a command's inputs are those of --at, and there are none", help="write --at x=1,y=2")
    return {name: _listed(as_real(name, value, job.flags)) for name, value in found.items()}


def _listed(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value


def _external(job: Job, text: str, option: str, point: Mapping[str, Any], stdin: bool) -> External:
    from adcli.api.external import External

    return External(text, option, point, stdin, job.options["jobs"], job.options["timeout"])


Given = Callable[[Mapping[str, Sequence[int]], Sequence[str]], dict[str, list[float]]]


def _file(path: str) -> Given:
    """The gradient in a file, once the shapes of the inputs are known."""

    def read(shapes: Mapping[str, Sequence[int]], others: Sequence[str]) -> dict[str, list[float]]:
        from adcli.api.external import fitted, gradient
        from adcli.cli.streams import decode, read_file, read_stdin

        data = read_stdin(LIMIT) if path == "-" else read_file(path, LIMIT)
        where = "standard input" if path == "-" else path
        if len(data) > LIMIT:
            raise DataError(f"{where} is larger than 64 MiB", help="a gradient has one number for each input")
        return fitted(gradient(decode(data, where), where, shapes), where, shapes, others)

    return read


def _printed(command: External, point: Mapping[str, Any]) -> Given:
    """The gradient that a command prints."""

    def read(shapes: Mapping[str, Sequence[int]], others: Sequence[str]) -> dict[str, list[float]]:
        from adcli.api.external import checked, fitted, gradient

        (text,) = command.run([point])
        where = "what --grad-cmd printed"
        return fitted(gradient(checked(text, "the command"), where, shapes), where, shapes, others)

    return read


def _print(job: Job, found: Checked, source: Source) -> None:
    from adcli.cli.document import rounded, with_flags
    from adcli.cli.streams import error_text

    digits = job.options.get("digits")
    flags = [*found.flags, *job.flags]
    rows = [*found.findings, *([found.direction] if found.direction else [])]
    if job.format() == "json":
        data = {
            "schema": "adcli/check/1", "verdict": found.verdict, "value": found.value, "gradient": found.gradient,
            "inputs": [fields(f) for f in found.findings], "direction": fields(found.direction) if found.direction else None,
            "complex_step": found.no_step or None, "evaluations": found.evaluations,
        }  # fmt: skip
        job.write(with_flags(rounded(data, digits), flags, source))
        if found.verdict != "RIGHT" and not job.options.get("quiet"):
            error_text(f"{found.verdict}: {sentence(found)}\n")  # why the exit status is what it is
        return
    if job.drawing:
        from adcli.cli.table import table

        kept = [k for k, column in enumerate(COLUMNS) if column in DRAWN or (column == "complex_step" and not found.no_step)]
        shown = [[row[k] for k in kept] for row in (cells(f, digits or 8, "") for f in rows)]
        body = table([COLUMNS[k].replace("_", " ") for k in kept], shown, job.colour, right=range(2, len(kept)))
        reasons = "".join(f"{f.name}: {f.reason}\n" for f in rows if f.reason)
        job.write(f"{found.verdict}: {sentence(found)}\n{body}{reasons}")
    else:
        lines = [["verdict", found.verdict], list(COLUMNS), *(cells(f, digits, "-") for f in rows)]
        job.write("".join("\t".join(line) + "\n" for line in lines))
    job.say(evaluations=found.evaluations, **{"complex step": found.no_step})
    job.show_flags(flags, source)


def fields(f: Finding) -> dict[str, Any]:
    """A finding as JSON."""
    return {column: getattr(f, "name" if column == "input" else column) for column in COLUMNS} | {"evaluations": f.evaluations}


def cells(f: Finding, digits: int | None, none: str) -> list[str]:
    """A finding as a row; errors and orders need few digits."""
    from adcli.cli.document import rounded

    def number(column: str) -> str:
        value = getattr(f, column)
        few = {"error": 2, "step": 2, "order": 3}.get(column, digits)
        return none if value is None else repr(rounded(value, few))

    return [f.name, f.verdict, *(number(c) for c in COLUMNS[2:-1]), " ".join(f.reason.split()) or none]


def sentence(found: Checked) -> str:
    """What the verdict says, in words."""
    those = [f for f in found.findings if f.verdict == found.verdict]
    by = ", ".join(f.name for f in those[:8]) + (", …" if len(those) > 8 else "")
    match found.verdict:
        case "RIGHT":
            return "every derivative agrees with the differences within their errors"
        case "WRONG":
            return (
                f"the differences contradict the derivative by {by}" if those else "the differences along a random direction contradict it"
            )
        case "NON-SMOOTH":
            return f"{those[0].reason}" if those else "a kink is within reach"
        case _:
            return f"{by}: {those[0].reason}" if those else "it cannot be said"
