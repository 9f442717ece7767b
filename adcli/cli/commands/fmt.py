"""`adcli fmt`: programs in the standard layout."""

from __future__ import annotations

from adcli.cli.options import PROGRAM, Job, define, file_source, option, word_source
from adcli.cli.streams import error_text, write_file
from adcli.errors import Source, UsageError

ACTION = (
    option("--write", is_flag=True, help="Rewrite the files in place."),
    option(
        "--check", is_flag=True, help="Print nothing but the names of files that are not in the standard layout; exit 1 if there are any."
    ),
)


@define("fmt", PROGRAM, ACTION)
def command(job: Job, write: bool, check: bool) -> None:
    """Programs in the standard layout: spacing, indentation, one statement a line. Comments stay.

    Examples:
      adcli fmt "y=x1*x2+sin( x1 )"
      adcli fmt samples/survey.adl
      adcli fmt --check samples/survey.adl samples/kepler.adl
    """
    from adcli.syntax import parse, show

    if write and check:
        raise UsageError("--write and --check exclude each other", help="--check only asks; --write changes the files")
    sources = read(job)
    changed: list[Source] = []
    texts: list[str] = []
    for source in sources:
        text = show(parse(source), source)
        texts.append(text)
        if text != source.text:
            changed.append(source)
            if write:
                write_file(target(source), text)
    if check:
        job.write("".join(f"{source.name}\n" for source in changed))
        if changed:
            raise SystemExit(1)
    elif write:
        if not job.options.get("quiet"):
            error_text("".join(f"rewrote {source.name}\n" for source in changed))
    else:
        job.write("".join(texts))


def read(job: Job) -> list[Source]:
    """Every program named: texts, files, standard input."""
    words, files, texts = (job.options[key] for key in ("words", "files", "texts"))
    found = [*(word_source(word) for word in words), *(file_source(path) for path in files), *(Source(text) for text in texts)]
    if not found:
        raise UsageError("no program is given", help="name a file: adcli fmt FILE.adl")
    return found


def target(source: Source) -> str:
    """Where --write goes: the file the program came from."""
    if source.name in ("<program>", "<stdin>"):
        raise UsageError("--write needs a file, and the program was given as text", help="leave --write out to print the result")
    return source.name
