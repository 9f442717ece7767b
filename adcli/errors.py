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
    memory = False  # whether it is that of memory, so that a smaller tape helps


class OutputError(AdcliError):
    """Output cannot be written: the disk is full or the file is not writable."""

    code = "output"
    exit = 7


class InternalError(AdcliError):
    """adcli itself is at fault, not the program: a bug. Please report it, with the command and what `--debug` adds to its output."""

    code = "internal"
    exit = 70


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
    """Something stands where it has no meaning.

    `input`, `output` and `fn` in a block, a range as a value, a lambda that is not an argument, `else` without `if`.
    """

    code = "placement"


class UnknownName(ProgramError):
    """A name is read that nothing has: no variable, no input, no constant.

    Inside a function whose program assigns the name only later, or after a loop whose counter it was.
    """

    code = "unknown-name"


class UnknownFunction(ProgramError):
    """A name before `(` is no function: neither one of `adcli ops` nor one the program defines with `fn`.

    There is no implicit multiplication either: write `x*(y + 1)`, not `x(y + 1)`.
    """

    code = "unknown-function"


class ArityError(ProgramError):
    """A function is called with too many or too few arguments, or with a named argument it does not have."""

    code = "arity"


class ValueKindError(ProgramError):
    """A value is of the wrong kind: an array where a number is needed, a number where an array is, a real where an integer is."""

    code = "type"


class ShapeError(ProgramError):
    """Shapes do not fit: two arrays do not broadcast, lengths differ, or an input's value has another shape than its declaration."""

    code = "shape"


class UnsetVariable(ProgramError):
    """A variable is read that has no value on some path: an `if` that did not assign it, a loop that may run zero times.

    Give it a value before: a sum begins with `s = 0`, a product with `p = 1`.
    """

    code = "unset-variable"


class MissingOutput(ProgramError):
    """The program does not say what its result is: it is empty, or it ends with a loop.

    End with an expression, or say `output NAME`.
    """

    code = "missing-output"


class MissingValue(ProgramError):
    """Something is used as a value that has none: an `if` without `else`, a function that ends with a loop or may end without `return`."""

    code = "missing-value"


class MisplacedError(ProgramError):
    """`break` or `continue` outside a loop, `return` outside a function, or one of them in an `if` used as a value inside an expression."""

    code = "misplaced"


class DeclarationError(ProgramError):
    """A declaration is wrong: an input, output or function declared twice, a default that is no constant, a dimension with two sizes."""

    code = "declaration"


class NotAValue(ProgramError):
    """A function or a lambda stands where a value is needed.

    Call it, as in `sin(x)`; functions and lambdas as such are only arguments of operators that take a function.
    """

    code = "not-a-value"


class NotAnInteger(ProgramError):
    """An index, a size, a step or a bound of a range is not a whole number.

    Ranges count in integers; for points in between use `linspace(a, b, n)`.
    """

    code = "not-an-integer"


class NotAConstant(ProgramError):
    """Something must be known before the program runs, such as `axis=`: write it as a literal."""

    code = "not-a-constant"


class NoFormula(ProgramError):
    """`adcli derive` cannot say the derivative as one formula.

    Formulas have no loops: a loop is unrolled where the number of its iterations is known, so that it must not depend on an input
    (an integer input has the value of `--at`, or its default). The same goes for subscripts and sizes. `adcli grad` differentiates
    any program.
    """

    code = "no-formula"


class IndexOutOfRange(EvaluationError):
    """An index is not below the length of its axis. Indices start at 0; negative ones count from the end, -1 is the last."""

    code = "index-out-of-range"


class SliceOutOfRange(EvaluationError):
    """A slice reaches beyond the ends of its axis. In a[i..j] both i and j lie between 0 and the length, and j itself is left out."""

    code = "slice-out-of-range"


class NotWhole(EvaluationError):
    """An index, a size or a bound of a range is a real number with a fraction.

    Say int(x), floor(x) or round(x) for the whole number you mean.
    """

    code = "not-whole"


class IntegerOverflow(EvaluationError):
    """A whole number does not fit in 64 bits. Write one of the numbers with a point (2.0) to compute with reals, which reach 1.8e308."""

    code = "integer-overflow"


class IntegerDivisionByZero(EvaluationError):
    """A whole number is divided by zero with // or %. Reals give inf or nan there and a flag; whole numbers have neither."""

    code = "integer-division-by-zero"


class ShapeMismatch(EvaluationError):
    """Shapes that only the run knows do not fit together: extents must be equal, or one of them 1."""

    code = "shape-mismatch"


class SingularMatrix(EvaluationError):
    """A matrix has no inverse, as far as rounding can tell: its rows are linearly dependent.

    `solve`, `inv` and the derivative of `logdet` need one. The determinant is 0 there, and `det` with its derivatives exact.
    """

    code = "singular-matrix"


class NotPositiveDefinite(EvaluationError):
    """`cholesky` is given a matrix that is not positive definite. It reads the lower triangle only, as that of a symmetric matrix."""

    code = "not-positive-definite"


class NegativeSize(EvaluationError):
    """An array is asked for with a negative extent. A size is 0 or a positive whole number."""

    code = "negative-size"


class FailedCheck(EvaluationError):
    """A condition that a function needs does not hold for its arguments; the message says which."""

    code = "failed-check"
