"""Why a gradient, or a value, is nan, infinite, 0 or huge: one run recorded, and the search for where it comes from.

>>> from adcli.api import compile
>>> from adcli.api.blame import blame
>>> print(blame(compile("sqrt(x^2+y^2)"), {"x": 0, "y": 0}).summary)
gradient by x, y is nan: `sqrt` at 1:1: 0.5 / sqrt(0) = inf, times 2 × x = 0 at 1:6, gives nan
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from adcli.api import derivatives
from adcli.api.point import list_text
from adcli.api.program import Program, Result
from adcli.api.trace import reverse_trace
from adcli.api.variant import ready
from adcli.engines.influence import influence
from adcli.errors import UsageError
from adcli.report.blame.phrases import Phrases
from adcli.report.blame.story import Story, Teller
from adcli.report.blame.words import Words
from adcli.report.notation import UNICODE, Notation
from adcli.report.trace import Trace


class Blame:
    """The stories of a run, the most serious first.

    summary: the first in one or two sentences; `stories` have the numbers behind it, `words(notation)` says them.
    """

    def __init__(self, trace: Trace, result: Result, teller: Teller, stories: list[Story]) -> None:
        self.trace = trace
        self.result = result
        self.teller = teller
        self.stories = stories

    def words(self, notation: Notation = UNICODE, digits: int | None = None) -> Words:
        return Words(Phrases(self.trace, notation, digits), self.teller.swept, self.result.flags)

    def __str__(self) -> str:
        """The stories in lines of at most 80 columns."""
        from adcli.report.blame.text import Page

        return Page(self.words()).text(self.stories).rstrip("\n") if self.stories else self.summary

    @cached_property
    def summary(self) -> str:
        """What is wrong first of all, and why."""
        if not self.stories and hasattr(next(iter(self.result.outputs.values())), "shape"):
            return "there is nothing to tell: all numbers of the output are finite; ask about the gradient of one with --of value[0]"
        if not self.stories:
            return "there is nothing to tell: no input is differentiated by, and the value is finite"
        words = self.words()
        return f"{words.headline(self.stories[0])}: {words.reason(self.stories[0])}"


def blame(
    program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None = None, of: str | None = None, by: str | None = None
) -> Blame:  # fmt: skip
    """Why the value or the gradient is what it is at a point.

    wrt: inputs, or elements of them ("w[3]"); of: an output, or an element of one ("y[0]"; of an array as a whole only values that are
    not finite are told about); by: "line" or "iteration", for the shares of finite numbers. Raises what evaluating the program and its
    gradient raises.
    """
    setting = derivatives.Setting(program, at)
    chosen, only = elements(setting, wrt)
    made, result, element = _recorded(setting, at, chosen, of)
    teller = Teller(
        made, lambda: influence(ready(setting.variant.lowered), setting.args, program.limits), by, only, element, result.derivative
    )
    stories = sorted(teller.stories(), key=lambda s: ORDER.index(s.kind) if s.first.kind != "value" else -1)
    return Blame(made, result, teller, stories)


def _recorded(
    setting: derivatives.Setting, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None
) -> tuple[Trace, Result, tuple[int, ...] | None]:
    """The run, the result as `grad` (of an element `vjp`) gives it, and the element of the output that is differentiated, in an array."""
    program = setting.program
    name, bracket, rest = (of or "").partition("[")
    output = setting.output(name or None, "a gradient")
    if not setting.variant.result_types[output].shape and not bracket:
        result = derivatives.gradient(program, at, wrt, of, "reverse")
        return reverse_trace(setting, wrt, output), result, None
    result = derivatives.evaluate(program, at)
    value: Any = result.outputs[program.outputs[output]]
    if not bracket:
        result.outputs = {program.outputs[output]: value}
        return reverse_trace(setting, (), output), result, None
    index = _index(of or "", f"'{name}'", rest, getattr(value, "shape", ()))
    seed: Any = zeros_at(value.shape, index)
    result = derivatives.vjp(program, at, {program.outputs[output]: seed}, wrt, None)
    return reverse_trace(setting, wrt, output, seed=seed), result, index


def zeros_at(shape: tuple[int, ...], index: tuple[int, ...]) -> Any:
    """Zeros, with 1 at an index."""
    import numpy as np

    out = np.zeros(shape)
    out[index] = 1.0
    return out


ORDER = ("nan", "inf", "zero", "huge", "tiny", "ordinary")


def elements(setting: derivatives.Setting, wrt: Sequence[str] | None) -> tuple[list[str] | None, dict[str, list[tuple[int, ...]]]]:
    """The inputs named, and the elements meant by w[3] or A[0,1]."""
    if wrt is None:
        return None, {}
    names: list[str] = []
    only: dict[str, list[tuple[int, ...]]] = {}
    for word in wrt:
        name, bracket, rest = word.partition("[")
        if name not in names:
            names.append(name)
        if bracket:
            setting.wrt([name])
            shape = setting.variant.types[setting.variant.names.index(name)].shape
            only.setdefault(name, []).append(_index(word, f"'{name}'", rest, tuple(n or 0 for n in shape)))
    return names, only


def _index(word: str, name: str, rest: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    parts = [part.strip() for part in rest.removesuffix("]").split(",")]
    if not rest.endswith("]") or not all(p.isascii() and p.removeprefix("-").isdigit() and len(p) < 19 for p in parts):
        raise UsageError(f"'{word}' is no element", help=f"write it as {name.strip(chr(39))}[0], or [0,1] for a matrix")
    index = tuple(map(int, parts))
    if len(index) != len(shape) or not all(-n <= i < n for i, n in zip(index, shape, strict=True)):
        what = f"an array of shape {list_text(shape)}" if shape else "a number"
        raise UsageError(f"{name} has no element [{','.join(parts)}]: it is {what}", help="indices start at 0")
    return tuple(i % n for i, n in zip(index, shape, strict=True))
