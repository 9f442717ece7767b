"""How a run ends other than well: from whatever was raised to a message and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from adcli.errors import AdcliError, InternalError, LimitError, UsageError

if TYPE_CHECKING:
    from click.exceptions import NoSuchOption

REPORT = "please report this with the command you ran: `adcli --version` and the output of the same command with --debug"


class Terminated(BaseException):
    """SIGTERM arrived, or SIGHUP: the terminal is gone."""

    def __init__(self, number: int) -> None:
        self.exit = 128 + number


def end(error: BaseException, words: Sequence[str]) -> int:
    """Print what there is to say about an error and return the exit status."""
    try:
        return _end(error, words)
    except (BrokenPipeError, KeyboardInterrupt):
        return 141 if isinstance(error, BrokenPipeError) else 130
    except OSError:
        # Standard error itself cannot be written: the status is all that is left to say it with.
        return error.exit if isinstance(error, AdcliError) else 7
    finally:
        _silence()


def _end(error: BaseException, words: Sequence[str]) -> int:
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt):
        return 130
    if isinstance(error, Terminated):
        return error.exit
    if isinstance(error, BrokenPipeError):
        return 141
    known = _known(error)
    if "--debug" in words:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if known is not None:
        _report(known, words)
        return known.exit
    _report(InternalError(f"adcli has a bug ({type(error).__name__})", help=REPORT), words)
    return InternalError.exit


def _known(error: BaseException) -> AdcliError | None:
    """The error as one of ours, or None for a bug."""
    if isinstance(error, AdcliError):
        return error
    if isinstance(error, MemoryError):
        return LimitError("memory is used up", help="a lower --max-memory stops earlier, with a message that says where")
    if isinstance(error, RecursionError):
        return LimitError("the program is nested too deeply", help="--max-depth limits the depth of calls")
    click = sys.modules.get("click")
    if click is not None and isinstance(error, click.UsageError):
        return usage(error)
    if click is not None and isinstance(error, click.Abort):
        return UsageError("stopped", help="nothing was written")
    return None


def usage(error: BaseException) -> UsageError:
    """A usage error of Click's in our words."""
    from click import exceptions

    assert isinstance(error, exceptions.UsageError)
    where = error.ctx.command_path if error.ctx is not None else "adcli"
    hint = f"`{where} --help` lists the options"
    if isinstance(error, exceptions.NoSuchOption):
        near = nearest_option(error)
        said = f"did you mean '{near}'? " if near else ""
        return UsageError(f"there is no option '{error.option_name}'", help=said + hint)
    text = error.format_message().rstrip(".").replace("\n", " ")
    for theirs, ours in (("not a valid integer range", "not a whole number"), ("not a valid float range", "not a number")):
        text = text.replace(theirs, ours)
    return UsageError(text[:1].lower() + text[1:], help=hint)


def nearest_option(error: NoSuchOption) -> str | None:
    """The option that was probably meant; the dashes all share do not count."""
    from difflib import get_close_matches

    params = error.ctx.command.params if error.ctx is not None else []
    names = {name.lstrip("-"): name for param in params for name in param.opts if len(name) > 2}
    found = get_close_matches(error.option_name.lstrip("-"), list(names), 1, 0.6)
    return names[found[0]] if found else None


def _report(error: AdcliError, words: Sequence[str]) -> None:
    from adcli.cli.render import render
    from adcli.cli.streams import error_text

    error_text(render(error, words, sys.stderr))


def _silence() -> None:
    """Keep the interpreter from flushing into a closed pipe or a full disk once more at exit."""
    for number, stream, own in ((1, sys.stdout, sys.__stdout__), (2, sys.stderr, sys.__stderr__)):
        if stream is None or own is None or stream is not own:
            continue
        try:
            stream.flush()
        except (OSError, ValueError):
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            os.close(null)
