"""Spans, sources and the error classes.

Every error a user can meet is one class here: `code` names it in messages and in
`adcli help CODE`, `exit` is the process's exit status (docs/errors.md lists them), and the
docstring is the documentation that `adcli help CODE` prints.
"""
from __future__ import annotations

from bisect import bisect_right
from typing import ClassVar, NamedTuple


class Span(NamedTuple):
    """A half-open range of code points in a source text."""

    start: int
    end: int


class Source:
    """A program's text and the name it is reported under (`<program>`, `<stdin>`, a path)."""

    __slots__ = ("_starts", "name", "text")

    def __init__(self, text: str, name: str = "<program>") -> None:
        self.text = text
        self.name = name
        self._starts: list[int] | None = None

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of a code point, both from 1."""
        if self._starts is None:
            starts = [0]
            find, at = self.text.find, 0
            while (at := find("\n", at) + 1) > 0:
                starts.append(at)
            self._starts = starts
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1), without its end."""
        self.position(0)
        assert self._starts is not None
        start = self._starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : len(self.text) if end < 0 else end].rstrip("\r")


class AdcliError(Exception):
    """Base of every error adcli reports; never raised itself.

    message: one sentence without a final stop; span and source: where; help: what to do about it.
    """

    code: ClassVar[str] = "error"
    exit: ClassVar[int] = 70

    def __init__(self, message: str, span: Span | None = None, *, help: str | None = None, source: Source | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.span = span
        self.help = help
        self.source = source


class UsageError(AdcliError):
    """The command line is wrong: an unknown option, an input without a value, a value for a name the program does not have."""

    code = "usage"
    exit = 2


class ProgramError(AdcliError):
    """Base of what is wrong with a program's text, its types or its shapes (exit 3)."""

    code = "program"
    exit = 3


class DataError(AdcliError):
    """Data or a program file cannot be read: it is missing, not UTF-8, or has a bad row."""

    code = "data"
    exit = 4


class EvaluationError(AdcliError):
    """Base of what goes wrong while a program runs (exit 5)."""

    code = "evaluation"
    exit = 5


class LimitError(AdcliError):
    """A limit was reached; the message names the option that raises it."""

    code = "limit"
    exit = 6


class OutputError(AdcliError):
    """Output cannot be written: the disk is full or the file is not writable."""

    code = "output"
    exit = 7


class ParseError(ProgramError):
    """The text is not a program: something is missing, stands in the wrong place or is spelled as in another language.

    The caret shows where reading stopped, the help line what would be read instead; `adcli help language` has the syntax.
    """

    code = "syntax"


class EmptyProgramError(ParseError):
    """The program has no statement: it is empty, or has blanks and comments only. The shortest program is a formula such as `x^2`."""

    code = "empty-program"


class CharacterError(ParseError):
    """A character is none of the language's: programs are ASCII outside comments.

    Text copied from a paper or a web page often holds look-alikes, such as the minus sign U+2212 or a no-break space; the message
    names the character and what to type in its place. In comments every character may stand but control and direction characters.
    """

    code = "character"


class BracketError(ParseError):
    """A bracket is never closed, closes nothing, or is closed by one of another kind."""

    code = "bracket"


class NumberError(ParseError):
    """A number is not written as ADL writes it: decimal digits, one point, an exponent after e, as in 2, .5 or 1e-3.

    There are no digit groups (1_000), no hexadecimal numbers (0x10) and no decimal comma.
    """

    code = "number"


class OperatorError(ParseError):
    """An operator or what it works on is missing, or it is spelled as in another language.

    There is no implicit multiplication: `2x` is written `2*x`. The operators are
    `or and not < <= > >= == != + - * / // % @ ^ **` and `'` for the transpose.
    """

    code = "operator"


class LineStartError(ParseError):
    """A new line begins with an operator. The line above is complete already, so a term would silently be dropped.

    A sum goes on over several lines where a line ends in the operator, or inside parentheses.
    """

    code = "line-start"


class ReservedWordError(ParseError):
    """A reserved word is used as a name.

    The reserved words are `and or not if elif else for in step while break continue return fn input output true false rule`.
    """

    code = "reserved-word"


class AssignmentError(ParseError):
    """What stands left of `=` cannot be assigned to, or the names and the values differ in number; `=` assigns and `==` compares."""

    code = "assignment"


class PlacementError(ParseError):
    """Something stands where it has no meaning: `input`, `output` and `fn` in a block, a range as a value, a lambda outside an argument, `else` without `if`."""

    code = "placement"
