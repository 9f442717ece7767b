"""The options that commands share, and the job that they describe.

A command is a function of a `Job` and of its own options, and its docstring is its help:

    @define("eval", PROGRAM, POINT, RESULT)
    def command(job: Job) -> None: …

`job.program()` reads and compiles the program, `job.point(program)` the point, `job.finish(document, flags, source)` prints.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import cleandoc
from typing import TYPE_CHECKING, Any, NoReturn

import click

from adcli.cli.group import help_option, version_option
from adcli.cli.words import ProgramCommand
from adcli.errors import EvaluationError, LimitError, Source, UsageError

if TYPE_CHECKING:
    from adcli.api import Program, Result
    from adcli.cli.document import Document
    from adcli.engines.flags import Flag
    from adcli.engines.limits import Limits

SOURCE_LIMIT = 2**20
ROWS = ("csv", "tsv", "jsonl", "json", "npy", "parquet")  # formats of data
SUFFIXES = {
    "json": "json", "csv": "csv", "md": "markdown", "markdown": "markdown", "tex": "latex", "html": "html", "svg": "svg", "txt": "text",
    "dot": "dot", "gv": "dot", "mmd": "mermaid", "adl": "adl",
    # Plainly text, in whatever command.
    "text": "text", "out": "text", "log": "text", "dat": "text", "tmp": "text",
}  # fmt: skip
UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Bytes: 500000, 64kB, 200MB, 4GB."""
    if value is None:
        return None
    import re

    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)", value)
    if found is None or found[2].lower() not in UNITS:
        raise click.BadParameter(f"'{value}' is not a size; write 200MB or 4GB", ctx, param)
    return int(float(found[1]) * UNITS[found[2].lower()])


class Finite(click.FloatRange):
    """A number of an option: neither nan, which is in every range, nor inf, which no clock counts to."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is not a finite number", param, ctx)
        return found


def names(text: str | None) -> list[str] | None:
    """a,b as a list."""
    if text is None:
        return None
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise UsageError(f"--wrt takes names between commas, not '{text}'", help="write --wrt x,y")
    return found


def option(*names: str, **settings: Any) -> Callable[[], click.Option]:
    return lambda: click.Option(names, **settings)


COMMON = (
    option("-q", "--quiet", is_flag=True, help="No flags on standard error."),
    option("-v", "--verbose", is_flag=True, help="Say on standard error what was done."),
    option("--debug", is_flag=True, help="Show a traceback with errors."),
    option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour: auto (default), always, never."),
    option("--error-format", type=click.Choice(["text", "json"]), default="text", help="How errors are written: text (default), json."),
    version_option,
    help_option,
)
PROGRAM = (
    lambda: click.Argument(["words"], nargs=-1, metavar="PROGRAM", type=click.UNPROCESSED),
    option("-f", "files", multiple=True, metavar="FILE", help="Read the program from FILE."),
    option("-e", "texts", multiple=True, metavar="TEXT", help="Take TEXT as the program."),
)
POINT = (
    option(
        "--at", multiple=True, metavar="NAME=VALUE,…",
        help="Values of inputs: --at x=2,y=pi/2 --at w=[1,2]; NAME=@FILE and @FILE read .json, .csv, .npy.",
    ),
)  # fmt: skip
LIMITS = (
    option("--max-steps", type=click.IntRange(min=0), metavar="N", help="Stop after N loop iterations and calls (default 100,000,000)."),
    option("--max-memory", callback=size, metavar="SIZE", help="Stop where tape and arrays take more: 64kB, 200MB, 4GB (default 1 GiB)."),
    option("--max-depth", type=click.IntRange(min=1), metavar="N", help="Stop where calls are nested deeper (default 10,000)."),
    option("--timeout", type=Finite(min=0, min_open=True), metavar="SECONDS", help="Stop after so long (default: never)."),
)
TAPE = (
    option(
        "--tape",
        metavar="WAY",
        help="How loops are reversed: full, sqrt, revolve:K (K snapshots), or auto: full while memory suffices (default).",
    ),
)
ENGINE = (
    option(
        "--engine",
        type=click.Choice(["auto", "interpret", "native"]),
        default="auto",
        help="auto: native code for what takes long, if llvmlite is there (default); interpret; native.",
    ),
    option("--exact-libm", is_flag=True, help="Native code calls sin and the like as the interpreter does, without vectors (≤ 4 ulp)."),
)
STRICT = (option("--strict", is_flag=True, help="Any flag but no-path is an error (exit 5)."),)
ALONG = (
    option("--along", multiple=True, required=True, metavar="NAME=VALUE,…", help="How the inputs move: x=1,y=0; those left out do not."),
)
SPARSE = (option("--sparse", is_flag=True, help="Only entries that can differ from 0, as row, column, value, in few sweeps."),)
WRT = (option("--wrt", metavar="NAMES", help="Inputs to differentiate by: a,b (default: all real ones)."),)
OF = (option("--of", metavar="NAME", help="The output meant, where there are several."),)


class FormatOption(click.Option):
    """--to. formats: of one result; rows: those that only rows of --data are written in."""

    def __init__(self, formats: Sequence[str], rows: Sequence[str]) -> None:
        text = "Format of the output (default: by the suffix of -o, else text)."
        super().__init__(["--to"], type=click.Choice([*formats, *rows]), help=text)
        self.formats, self.rows = tuple(formats), tuple(rows)


def output(formats: Sequence[str], digits: bool = True, rows: Sequence[str] = ()) -> tuple[Callable[[], click.Option], ...]:
    """The options for what is printed; `Job.format` tells which of the formats is asked for."""
    made: list[Callable[[], click.Option]] = [
        lambda: FormatOption(formats, rows),
        option("-j", "--json", "json", is_flag=True, help="Short for --to json."),
        option("-o", "--output", "target", metavar="FILE", help="Write to FILE, whole or not at all."),
    ]
    if digits:
        made.append(option("--digits", type=click.IntRange(min=1, max=17), metavar="N", help="Round to N significant digits."))
    return tuple(made)


GET = (option("--get", metavar="NAME", help="Print one number alone: value, an input, w[0]."),)
RESULT = (*output(["text", "json", "csv", "markdown"]), *GET, *STRICT, *LIMITS)
ROWS_RESULT = (*output(["text", "json", "csv", "markdown"], rows=["tsv", "jsonl", "npy", "parquet"]), *GET, *STRICT, *LIMITS)
READING = (
    option("--from", "source", type=click.Choice(ROWS), help="Format of the data (default: by the suffix, for - by the first byte)."),
    option("--delimiter", metavar="CHARACTER", help="Between the cells of a row of CSV, such as ';' (default: a comma)."),
    option("--decimal", type=click.Choice([".", ","]), default=".", help="Decimal sign in CSV; with , the delimiter is ; unless given."),
)
DATA = (
    option("--data", metavar="FILE", help="Run once for each row of FILE (- is standard input), whose columns are inputs."),
    *READING,
    option("--keep-going", is_flag=True, help="A bad row gets empty results and an `error` column, and the exit code is 1."),
    option("--only-results", is_flag=True, help="Without the columns of the data."),
    option("--prefix", metavar="TEXT", help="What the names of the new columns begin with."),
    option("--jobs", type=click.IntRange(min=1), metavar="N", help="Threads for rows (default: one for each core)."),
)


def define(name: str, *groups: Sequence[Callable[[], click.Parameter]]) -> Callable[[Callable[..., None]], ProgramCommand]:
    """Make a command of a function of the job and the command's own options; its docstring is the help."""
    taken = {
        "words",
        "files",
        "texts",
        "at",
        "max_steps",
        "max_memory",
        "max_depth",
        "timeout",
        "strict",
        "tape",
        "engine",
        "exact_libm",
        "to",
        "json",
        "target",
        "digits",
        "get",
        "data",
        "source",
        "delimiter",
        "decimal",
        "keep_going",
        "only_results",
        "prefix",
        "jobs",
    }
    taken |= {"quiet", "verbose", "debug", "color", "error_format"}

    def make(function: Callable[..., None]) -> ProgramCommand:
        def call(**options: Any) -> None:
            shared = {key: options.pop(key) for key in list(options) if key in taken}
            with sigterm():
                job = Job(name, shared, () if written is None else written.formats)
                if written is not None and not (written.rows and shared.get("data") is not None):
                    job.format()  # a file that cannot be written is found out before the work; what rows are written in, their data tell
                function(job, **options)

        params = [make() for group in (*groups, COMMON) for make in group]
        written = next((param for param in params if isinstance(param, FormatOption)), None)
        text, mark, examples = cleandoc(function.__doc__ or "").partition("Examples:\n")
        epilog = "\b\n" + mark + examples if mark else None
        return ProgramCommand(
            name, callback=call, params=params, help=text, epilog=epilog, options_metavar="[OPTIONS]", add_help_option=False
        )

    return make


@contextmanager
def sigterm() -> Iterator[None]:
    """SIGTERM and SIGHUP as exceptions, so that no temporary file stays behind; a signal that is ignored, as under nohup, stays so."""
    import signal

    from adcli.cli.ending import Terminated

    def stop(number: int, frame: object) -> None:
        raise Terminated(number)

    numbers = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    try:
        before = [(number, signal.signal(number, stop)) for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


class Job:
    """One call of a command: where the program, its point and the output are, and the ways to read and write them."""

    def __init__(self, name: str, options: dict[str, Any], formats: Sequence[str]) -> None:
        self.name = name
        self.options = options
        self.formats = formats
        self.flags: list[Flag] = []
        self._start = 0.0
        if options.get("verbose"):
            from time import perf_counter

            self._start = perf_counter()

    def source(self) -> Source:
        """The program's text, from the argument, -e, -f or standard input."""
        words, files, texts = (self.options.get(key, ()) for key in ("words", "files", "texts"))
        if len(words) + len(files) + len(texts) > 1:
            raise self._too_many(words, files, texts)
        if files:
            return file_source(files[0])
        if texts:
            return checked(texts[0], "<program>")
        if not words:
            raise UsageError(
                "no program is given",
                help=f'write it as an argument: adcli {self.name} "x^2" …, or name a file: adcli {self.name} FILE.adl',
            )
        return word_source(words[0])

    def _too_many(self, words: Sequence[str], files: Sequence[str], texts: Sequence[str]) -> UsageError:
        if files or texts:
            return UsageError("the program is given more than once", help="give one of PROGRAM, -f FILE and -e TEXT")
        if any(word.startswith("--") for word in words[1:]):
            hint = "options stand before --, which ends them"
        elif any("=" in word and "==" not in word for word in words[1:]):
            hint = "values follow --at: --at x=1,y=2; a program with blanks needs quotes"
        else:
            hint = f'put quotes around it: adcli {self.name} "{" ".join(words)[:60]}"'
        shown = ", ".join(map(repr, words[:3])) + (", …" if len(words) > 3 else "")
        return UsageError(f"one program is expected, and there are {len(words)} words: {shown}", help=hint)

    def limits(self) -> Limits:
        from adcli.engines.limits import Limits

        given = {key: self.options[key] for key in ("max_steps", "max_memory", "max_depth", "timeout") if self.options.get(key) is not None}
        return Limits(**given)

    def program(self) -> Program:
        """Read and check the program."""
        from adcli.api import compile

        tape = self.options.get("tape")
        return compile(
            self.source(),
            limits=self.limits(),
            tape="auto" if tape is None else tape,
            engine=self.options.get("engine", "interpret"),
            exact_libm=self.options.get("exact_libm", False),
        )

    def point(self, program: Program) -> dict[str, Any]:
        """The values of --at; names and missing inputs are checked when the program is bound to them."""
        words = self.options.get("at", ())
        if not words:
            return {}
        from adcli.cli.points import read_point

        return read_point(words, program, self.flags)

    def uncertain_point(self, program: Program) -> tuple[dict[str, Any], dict[str, Any]]:
        """The values of --at, and the uncertainties that stand behind them, by name."""
        from adcli.cli.points import read_point

        spreads: dict[str, Any] = {}
        return read_point(self.options.get("at", ()), program, self.flags, spreads=spreads), spreads

    def direction(self, program: Program, words: Sequence[str]) -> dict[str, Any]:
        """The direction that --along gives: NAME=VALUE,…; a name alone moves by 1."""
        from adcli.cli.points import NAME, read_point, split

        parts = [part.strip() for word in words for part in split(word)]
        return read_point([f"{part}=1" if NAME.fullmatch(part) else part for part in parts], program, self.flags, "--along")

    def cotangent(self, words: Sequence[str]) -> Any:
        """--cotangent: a value for the one output, or NAME=VALUE,… by output."""
        from adcli.cli import points

        if len(words) == 1 and "=" not in words[0]:
            return points.value("--cotangent", words[0])
        found: dict[str, Any] = {}
        for word in words:
            for name, text in points.pairs(word, "--cotangent"):
                if name is None:
                    raise UsageError(
                        "--cotangent takes a value, or NAME=VALUE for each of several outputs", help="for instance --cotangent u=1,v=2"
                    )
                if name in found:
                    raise UsageError(f"'{name}' is given twice by --cotangent", help="give each name once")
                found[name] = points.value(name, text)
        return found

    def format(self) -> str:
        """What to print: --to, --json, the suffix of -o, or text."""
        to: str | None = self.options.get("to")
        if self.options.get("json"):
            if to not in (None, "json"):
                raise UsageError(f"--json and --to {to} ask for different formats", help="leave one of them out")
            return "json"
        if to is not None:
            return to
        suffix = os.path.splitext((self.options.get("target") or "").removesuffix(".gz"))[1][1:]
        if not suffix[:1].isalpha():  # none, or a date or number: run.2026-11-24
            return "text"
        found = SUFFIXES.get(suffix.lower(), "")
        if found not in self.formats:
            listed = f"{', '.join(self.formats[:-1])} and {self.formats[-1]}"
            raise UsageError(
                f"{self.name} writes no .{suffix} files: -o {self.options['target']}",
                help=f"it writes {listed}; --to says which, for a file of any name: --to {self.formats[0]}",
            )
        return found

    @property
    def colour(self) -> bool:
        from adcli.cli.streams import coloured

        return self.options.get("target") is None and coloured(self.options.get("color", "auto"), sys.stdout)

    @property
    def on_terminal(self) -> bool:
        """Whether text goes to a terminal; into a pipe numbers go bare, whatever the colour."""
        from adcli.cli.streams import terminal

        return self.options.get("target") is None and terminal(sys.stdout)

    @property
    def drawing(self) -> bool:
        """Whether a table is drawn: on a terminal, or where colour is asked for outright."""
        return self.on_terminal or (self.options.get("target") is None and self.options.get("color") == "always")

    def report(self, program: Program, result: Result, **facts: object) -> None:
        """With -v: the inputs, how the result was computed, and what it took."""
        if self.options.get("verbose"):
            kinds = {"int": "integer"}
            shown = [f"{i.name}{list_text(i.shape) if i.shape else ''} {kinds.get(i.kind, i.kind)}" for i in program.inputs]
            self.say(
                program=program.source.name,
                inputs=", ".join(shown) or "none",
                outputs=", ".join(program.outputs),
                mode=result.mode,
                engine=", ".join(program.engines),
                checkpoints=program.checkpointed if result.mode.startswith("reverse") else "",
                **facts,
                steps=result.steps,
            )

    def write(self, text: str) -> None:
        """Print, or write -o's file."""
        from adcli.cli.streams import output_text, write_file

        target = self.options.get("target")
        if target is None or target == "-":
            output_text(text)
        else:
            write_file(target, text)

    def finish(self, document: Document, flags: Sequence[Flag], source: Source) -> None:
        """Print a result with its flags; with --strict, a flag is an error and there is no result."""
        from adcli.cli import document as form

        flags = self.flagged(flags)
        form.round_all(document, self.options.get("digits"))
        kind = self.format()
        picked = self.options.get("get")
        if picked is not None:
            text = form.pick(document, picked) + "\n"
        elif kind == "json":
            text = form.with_flags(document.data, (*flags, *document.absent), source)
        elif kind in ("csv", "markdown"):
            text = form.to_csv(document) if kind == "csv" else form.to_markdown(document)
        elif self.on_terminal:
            text = form.draw(document, self.colour)
        else:
            text = form.to_lines(document)
        self.deliver(text, flags, source, kind == "json" and picked is None)

    def flagged(self, flags: Sequence[Flag]) -> list[Flag]:
        """The flags of a result, then those of the words on the command line that it lacks."""
        return [*flags, *(flag for flag in self.flags if flag not in flags)]

    def keep_strict(self, flags: Sequence[Flag], source: Source) -> None:
        """With --strict, flags end the command before there is a result."""
        if self.options.get("strict") and refused(flags):
            self.show_flags(flags, source)

    def deliver(self, text: str, flags: Sequence[Flag], source: Source, told: bool) -> None:
        """Print a text, then its flags unless it has them itself (`told`); with --strict, a flag is an error and there is no result."""
        self.keep_strict(flags, source)
        self.write(text)
        self.show_flags(flags, source, told)

    def show_flags(self, flags: Sequence[Flag], source: Source, told: bool = False) -> None:
        """Flags as lines on standard error, unless -q or JSON has them (`told`); raises with --strict."""
        from adcli.cli.streams import coloured, error_text

        if not (self.options.get("quiet") or told):
            from adcli.cli.render import flag_text

            colour = coloured(self.options.get("color", "auto"), sys.stderr)
            lines = dict.fromkeys(flag_text(f.code, f.message, place(f, source), colour) for f in flags)
            error_text("".join(lines))
        if self.options.get("strict"):
            refuse(refused(flags), source)

    def say(self, **facts: object) -> None:
        """With -v: what was done, one fact a line."""
        if not self.options.get("verbose"):
            return
        from time import perf_counter

        from adcli.cli.streams import error_text

        facts["time"] = f"{perf_counter() - self._start:.3g} s"
        error_text("".join(f"{name}: {fact}\n" for name, fact in facts.items() if fact not in (None, "")))


def refused(flags: Sequence[Flag]) -> list[Flag]:
    """The flags that --strict does not let pass."""
    return [flag for flag in flags if flag.code != "no-path"]


def refuse(flags: Sequence[Flag], source: Source) -> None:
    """--strict: the first flag as an error."""
    if flags:
        first = flags[0]
        more = f", and {len(flags) - 1} more" if len(flags) > 1 else ""
        raise EvaluationError(
            f"{first.code}: {first.message}{more}",
            first.span,
            source=source if first.span else None,
            help="without --strict this is a flag beside the result",
        )


def list_text(shape: Sequence[int | str]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def place(flag: Flag, source: Source) -> str:
    """file:line:column of a flag."""
    if flag.span is None:
        return ""
    line, column = source.position(flag.span.start)
    return f"{source.name}:{line}:{column}"


def word_source(word: str) -> Source:
    """A PROGRAM argument: `-`, a file by its suffix, or text."""
    if word == "-":
        from adcli.cli.streams import decode, read_stdin

        return checked(decode(read_stdin(SOURCE_LIMIT), "standard input"), "<stdin>")
    if word.endswith(".adl"):
        return file_source(word)
    return checked(word, "<program>")


def file_source(path: str) -> Source:
    if path == "-":
        return word_source(path)
    from adcli.cli.streams import decode, read_file

    data = read_file(path, SOURCE_LIMIT)
    if len(data) > SOURCE_LIMIT:
        too_large(path)
    return checked(decode(data, path), path)


def checked(text: str, name: str) -> Source:
    """A source of bearable size, with one kind of line end."""
    if len(text) > SOURCE_LIMIT:
        too_large(name)
    return Source(text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text, name)


def too_large(name: str) -> NoReturn:
    raise LimitError(f"{name} is larger than 1 MiB, the limit for a program's text", help="give data as inputs: --at w=@FILE.csv")
