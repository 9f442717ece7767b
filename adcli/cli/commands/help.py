"""`adcli help`: language topics and error codes explained."""

from __future__ import annotations

from collections.abc import Iterator
from inspect import cleandoc

import click

from adcli import errors
from adcli.cli.options import Job, define
from adcli.errors import AdcliError, UsageError

TOPIC = (lambda: click.Argument(["topic"], required=False, metavar="[TOPIC]"),)
# topic → what it is about; the text of each is a file in topics/.
TOPICS = {
    "program": "what a program is, where it comes from, and what it returns",
    "inputs": "inputs, their types, shapes and defaults, and giving values",
    "expressions": "operators from loosest to tightest, ranges, comprehensions",
    "statements": "assignment, if, for, while, break, continue",
    "functions": "fn, recursion, return, and the functions there are",
    "arrays": "literals, indexing, slices, broadcasting, reductions",
    "derivatives": "what a derivative means here, and the conventions at kinks",
    "flags": "the codes that a result may carry",
    "numbers": "binary64, integers, infinity and nan, how numbers are printed",
    "output": "formats, JSON, files, colour",
    "limits": "what stops a run, and the options that allow more",
    "exit-codes": "what the exit status says",
}
ELSEWHERE = {
    "language": "program",
    "input": "inputs",
    "output-formats": "output",
    "json": "output",
    "exit": "exit-codes",
}


@define("help", TOPIC)
def command(job: Job, topic: str | None) -> None:
    """A language topic or an error code explained; without TOPIC, the list of topics. A command's name gives that command's help.

    Examples:
      adcli help
      adcli help derivatives
      adcli help unknown-name
    """
    job.write(explain(topic) if topic is not None else contents())


def explain(topic: str) -> str:
    """The text for a topic, an error code, a flag code or a command."""
    from adcli.cli.group import COMMANDS

    name = ELSEWHERE.get(topic, topic)
    found = {cls.code: cls for cls in classes()}
    cls = found.get(topic, found.get(name))
    code = f"error[{cls.code}], exit status {cls.exit}\n\n{cleandoc(cls.__doc__ or '')}\n" if cls is not None else ""
    if name in TOPICS:
        return topic_text(name) + ("\n" + code if code and name != "program" else "")
    if code:
        return code
    if name in COMMANDS:
        return command_help(name)
    if name in FLAGS:
        return f"flag[{name}]\n\n{FLAGS[name]}\n\nSee also: adcli help flags, adcli help derivatives\n"
    from difflib import get_close_matches

    from adcli import ops

    if name in ops.PUBLIC:
        raise UsageError(f"'{name}' is a function, not a topic", help=f"`adcli ops {name}` shows it")
    near = get_close_matches(name, [*TOPICS, *found, *COMMANDS, *FLAGS], 1)
    raise UsageError(f"there is no help on '{topic}'", help=f"did you mean '{near[0]}'?" if near else "`adcli help` lists the topics")


def contents() -> str:
    wide = max(map(len, TOPICS))
    lines = [f"  {name:<{wide}}  {text}" for name, text in TOPICS.items()]
    codes = ", ".join(sorted({cls.code for cls in classes()}))
    return (
        "Topics, for `adcli help TOPIC`:\n"
        + "\n".join(lines)
        + f"\n\nError codes:\n{wrapped(codes)}\n\nFlags:\n{wrapped(', '.join(FLAGS))}\n"
    )


def wrapped(text: str) -> str:
    from textwrap import fill

    return fill(text, 96, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def classes(base: type[AdcliError] = errors.AdcliError) -> Iterator[type[AdcliError]]:
    """Every error class."""
    for cls in base.__subclasses__():
        yield cls
        yield from classes(cls)


def command_help(name: str) -> str:
    from adcli.cli.group import group

    commands = group()
    with commands.make_context("adcli", [name], resilient_parsing=True) as ctx:
        found = commands.get_command(ctx, name)
        assert found is not None
        with found.make_context(name, [], parent=ctx, resilient_parsing=True) as inner:
            return found.get_help(inner) + "\n"


def topic_text(name: str) -> str:
    """The text of a topic: a file of the package, by a name of the table above."""
    import os

    path = os.path.join(os.path.dirname(__file__), "topics", f"{name}.txt")
    with open(path, encoding="utf-8") as file:
        return file.read()


FLAGS = {
    "nondifferentiable": "The operation has a kink, a jump or a tie at this point; the derivative is the one that convention chooses.",
    "singular": "A value or derivative is infinite or undefined: a pole, or the edge of a domain.",
    "domain": "An operation is outside its domain: the result is nan.",
    "overflow": "A result is too large for a binary64 number: it is infinite.",
    "equality-branch": "A branch or a loop's exit was decided by == or != on a value that depends on the inputs: the derivative is as run.",
    "branch-boundary": "A branch or a loop's exit was decided by < or its like between equal values: the point is on a boundary.",
    "no-path": "The output does not depend on this input; its derivative is 0. --strict does not mind.",
    "overflow-literal": "A literal is too large for a binary64 number: it is infinite.",
    "underflow-literal": "A literal that is not 0 is too small for a binary64 number: it is 0.",
    "start-moved": "A start was given outside its bounds; the search begins on the nearest bound.",
    "undefined": "A number of the result does not exist; JSON has null, and the flag says where and why. --strict does not mind.",
    "inexact-input": "A whole number given as an input is not a binary64 number; the nearest one is used.",
}
