"""The command group: which commands there are, and the loading of the one that is called."""

from __future__ import annotations

import os
import sys

import click

from adcli.errors import UsageError

# Section → name → what it does, for `adcli --help`; a command's module is imported only when it is called.
SECTIONS = {
    "Values and derivatives": {
        "eval": "values of the outputs",
        "grad": "value and gradient of a scalar output",
        "jacobian": "derivatives of all outputs by all inputs",
        "hessian": "value, gradient and second derivatives",
        "jvp": "derivative of the outputs along a direction (Jacobian times vector)",
        "vjp": "derivative by the inputs for a cotangent (vector times Jacobian)",
        "hvp": "Hessian times a direction",
        "taylor": "Taylor coefficients along one input",
        "derive": "the derivative as a formula",
    },
    "Traces and explanations": {
        "trace": "the evaluation trace with its derivatives, step by step",
        "explain": "every step in words: rule, formula, numbers, place in the program",
        "graph": "the computational graph of a program or of one run, drawn",
    },
    "Checks and diagnosis": {
        "check": "is the gradient right? differences, a complex step, both modes",
        "compare": "ways to differentiate side by side, and where differences go wrong",
        "blame": "why a gradient, or a value, is nan, infinite, 0 or huge",
        "roundoff": "digits lost, and at which operations",
        "propagate": "uncertainties of the results from those of the inputs",
    },
    "Fitting and optimisation": {
        "fit": "parameters of a program from rows of data, with exact Jacobians",
        "minimize": "the point where the output is least, with bounds and constraints",
        "solve": "the point where equations hold",
    },
    "Programs and tools": {
        "fmt": "programs in the standard layout",
        "ir": "what a program becomes, stage by stage",
        "ops": "every function and its derivative rule",
        "bench": "how fast a program is, engine by engine",
        "help": "a language topic or an error code explained",
    },
}
COMMANDS = {name: text for section in SECTIONS.values() for name, text in section.items()}
START = """Automatic differentiation: programs with loops, branches and arrays, their values, derivatives and evaluation traces.

\b
Getting started:
  adcli grad "x1*x2 + sin(x1)" --at x1=2,x2=5     a value and its gradient
  adcli trace "x1*x2 + sin(x1)" --at x1=2,x2=5    the same, step by step
  adcli grad samples/survey.adl --json            a program from a file
  adcli help program                              how programs are written"""
AFTER = """\b
Exit codes:
  0 done                      5 evaluation failed, or a flag with --strict
  1 the answer is no          6 a limit was reached
  2 usage                     7 output cannot be written
  3 program is wrong          70 a bug in adcli
  4 file or data unreadable   130 interrupted, 141 closed pipe, 143 terminated

Limits, each with an option: 100,000,000 steps, 1 GiB of tape and arrays, calls 10,000 deep.
`adcli help` lists the topics, `adcli COMMAND --help` the options and examples."""


class Commands(click.Group):
    """The group `adcli`; a formula where a command should be gets a hint."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = __import__(f"adcli.cli.commands.{cmd_name}", fromlist=["command"])
        command: click.Command = module.command
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and not args[0].startswith("--") and args[0] != "-h":
            raise unknown(args[0])
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not (name.startswith("--") and name != "--"):
            raise unknown(name)
        return super().resolve_command(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_commands(ctx, formatter)
        click.Command.format_options(self, ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        wide = max(map(len, COMMANDS))  # one column through all sections
        for title, section in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(f"{name:<{wide}}", text) for name, text in section.items()])


def unknown(name: str) -> UsageError:
    """The error for a word that is no command."""
    from difflib import get_close_matches

    shown = name if len(name) <= 60 else name[:57] + "…"
    near = get_close_matches(name, COMMANDS, 1)
    if near:
        return UsageError(f"'{shown}' is not a command", help=f"did you mean '{near[0]}'?")
    if name.isidentifier():
        return UsageError(f"'{shown}' is not a command", help=f"the commands are {', '.join(COMMANDS)}")
    return UsageError(
        f"'{shown}' is not a command", help="to evaluate a formula: adcli eval PROGRAM; to differentiate it: adcli grad PROGRAM --at x=1"
    )


def print_version(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        from adcli import __version__
        from adcli.cli.streams import output_text

        output_text(f"adcli {__version__}\n")
        ctx.exit()


def version_option() -> click.Option:
    return click.Option(["--version"], is_flag=True, expose_value=False, is_eager=True, callback=print_version, help="Print the version.")


def print_help(ctx: click.Context, option: click.Parameter, value: bool) -> None:
    if value:
        from adcli.cli.streams import output_text

        output_text(ctx.get_help() + "\n")
        ctx.exit()


def help_option() -> click.Option:
    return click.Option(["-h", "--help"], is_flag=True, expose_value=False, is_eager=True, callback=print_help, help="Show this page.")


def group() -> Commands:
    """The whole command line."""
    return Commands(
        name="adcli",
        help=START,
        epilog=AFTER,
        params=[version_option(), help_option()],
        add_help_option=False,
        context_settings={"terminal_width": max(40, min(width(), 100))},
        subcommand_metavar="COMMAND …",
        options_metavar="",
    )


def run(words: list[str]) -> int:
    """Run one command line; the exit status. Errors are raised."""
    from adcli.cli.streams import prepare

    sys.setrecursionlimit(100_000)
    prepare()
    try:
        commands = group()
        with commands.make_context("adcli", words or ["--help"]) as ctx:
            commands.invoke(ctx)
        return 0
    except click.exceptions.Exit as stop:
        return stop.exit_code


def width() -> int:
    """Columns of the terminal; Click's own way loads the compression modules."""
    text = os.environ.get("COLUMNS", "")
    if text.isdigit() and int(text) > 0:
        return int(text)
    try:
        return os.get_terminal_size(1).columns
    except (OSError, ValueError):
        return 100
