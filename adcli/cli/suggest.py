"""The help line behind a derivative that is nan, infinite or 0: the command that says where it comes from."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adcli.api import Result
    from adcli.cli.options import Job

# A longer command is not written out.
LONGEST = 160
_PLAIN = re.compile(r"[\w@%+=:,./\[\]^*()<>;{} '-]+")


def suggest_blame(job: Job, result: Result, of: str | None, wrt: str | None, zeros: bool = True) -> None:
    """One line on standard error after the flags of a result in text, unless -q or --get; nothing where the derivatives are ordinary.

    zeros: whether a derivative of 0 is worth it: at a minimum, or along a direction, it is what one expects.
    """
    if job.options.get("quiet") or job.options.get("get") or job.format() != "text":
        return
    numbers: list[Any] = list(result.outputs.values())
    if len(numbers) != 1 or hasattr(numbers[0], "shape") or not _odd(result.gradient or result.derivative, numbers[0], zeros):
        return
    from adcli.cli.render import CYAN, PLAIN, visible
    from adcli.cli.streams import coloured, error_text

    cyan, plain = (CYAN, PLAIN) if coloured(job.options.get("color", "auto"), sys.stderr) else ("", "")
    error_text(f"{cyan}help{plain}: {visible(_command(job, of, wrt))} says where it comes from\n")


def _odd(derivative: Mapping[str, Any], value: Any, zeros: bool) -> bool:
    """Whether a value is not finite, or a derivative is not, or is 0 as a whole."""
    from adcli.engines.flags import finite

    if not all(map(finite, (value, *derivative.values()))):
        return True
    return zeros and any(not (d.any() if hasattr(d, "any") else d) for d in derivative.values() if getattr(d, "size", 1))


def _command(job: Job, of: str | None, wrt: str | None) -> str:
    """The command, so that it can be pasted into a shell; only its form where it is long or reads standard input."""
    words: Sequence[str] = job.options.get("words", ())
    files: Sequence[str] = job.options.get("files", ())
    texts: Sequence[str] = job.options.get("texts", ())
    program = [*words, *(word for file in files for word in ("-f", file)), *(word for text in texts for word in ("-e", text))]
    rest = [word for at in job.options.get("at", ()) for word in ("--at", at)]
    rest += [word for name, value in (("--of", of), ("--wrt", wrt)) if value is not None for word in (name, value)]
    made = " ".join(["adcli blame", *map(_quoted, program), *map(_quoted, rest)])
    if len(made) > LONGEST or "-" in (*words, *files) or "\n" in made:
        return "adcli blame PROGRAM --at …" if rest else "adcli blame PROGRAM"
    return made


def _quoted(word: str) -> str:
    """A word of a shell: as it is, in double quotes where that is enough, else in single ones."""
    from shlex import quote

    if quote(word) == word or re.fullmatch(r"[\w@%+=:,./-]+", word):
        return word
    return f'"{word}"' if _PLAIN.fullmatch(word) else quote(word)
