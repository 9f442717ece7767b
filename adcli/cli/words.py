"""Telling options from programs on the command line.

Click reads `-exp(x)` as the option -e with the value `xp(x)`. Here a short option takes its value as the next word only, and any
other word that begins with one minus is a program: the words are put in the order `options -- programs` before Click sees them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from adcli.errors import UsageError

LONG = re.compile(r"--[A-Za-z][A-Za-z-]+(=.*)?", re.S)


class SuffixOption(click.Option):
    """An option that takes the next word as its value only where that ends in a suffix: --plot, and --plot FILE.svg. Alone it is ""."""

    def __init__(self, names: Sequence[str], suffix: str, **settings: object) -> None:
        super().__init__(names, is_flag=False, flag_value="", **settings)  # type: ignore[arg-type]
        self.suffix = suffix


class ProgramCommand(click.Command):
    """A command whose arguments may begin with a minus."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, arranged(args, self.get_params(ctx)))


def arranged(words: Sequence[str], params: Sequence[click.Parameter]) -> list[str]:
    """The words with the programs last, after `--`."""
    takes_value: dict[str, bool] = {}
    may_take: dict[str, str] = {}
    for param in params:
        if isinstance(param, click.Option):
            for name in (*param.opts, *param.secondary_opts):
                takes_value[name] = not param.is_flag and not param.count
                if isinstance(param, SuffixOption):
                    takes_value[name], may_take[name] = False, param.suffix
    options: list[str] = []
    programs: list[str] = []
    k = 0
    while k < len(words):
        word = words[k]
        k += 1
        if word == "--":
            programs += words[k:]
            break
        if word in takes_value:
            options.append(word)
            if takes_value[word]:
                if k == len(words):
                    raise UsageError(f"{word} is the last word and takes a value", help="give the value as the next word")
                options.append(words[k])
                k += 1
            elif word in may_take and words[k : k + 1] and words[k].lower().endswith(may_take[word]):
                options[-1] = f"{word}={words[k]}"
                k += 1
        elif word.startswith("--") and looks_long(word):
            options.append(word)
        else:
            programs.append(word)
    return [*options, "--", *programs]


def looks_long(word: str) -> bool:
    """--name or --name=value; what else begins with two minus signs, such as --x^2 or --sin(x), is a formula."""
    return LONG.fullmatch(word) is not None
