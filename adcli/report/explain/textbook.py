"""The rule of an operation as a textbook states it, from the table's rule text.

    mul, first argument      ∂(a × b)/∂a = b
    sqrt                     ∂sqrt(u)/∂u = 0.5 / sqrt(u)
    max, first argument      ∂max(a, b)/∂a = where(a > b, 1, where(a < b, 0, 0.5))
    sum                      ū += g, where g is the adjoint of sum(u)

The letters are those that the program does not use, so that none of them is taken for a variable of it.

Where a rule text means something that no formula over the arguments says (an element of an array), a sentence takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from adcli import ops
from adcli.ad.rules import pull_back_text
from adcli.ir.nodes import Let
from adcli.report import rules
from adcli.report.formula import Apply, Formula, Infix, Num, Word, negated
from adcli.report.notation import Writer
from adcli.symbolic.rules import CHOICES
from adcli.syntax import tree

# Operations whose derivative is known by name; what happens to the adjoint of each of their arguments.
IN_WORDS = {
    "index": ("the element that was read gets the adjoint, the others get 0",),
    "update": ("replaced elements get 0, the others what the new array's have", "v gets the adjoints of the elements it is put in"),
    "addat": ("every element gets what the new array's has", "v gets the adjoints of the elements it is added to"),
    "select": ("", "the lane that was chosen gets the adjoint, the other 0", "the lane that was chosen gets the adjoint, the other 0"),
    "minors": ("the derivative of cofactors is a form of the same kind, with one matrix more",),
}  # fmt: skip
PART = "each part gets its own part of the adjoint"


class Rule(NamedTuple):
    """A formula in the notation of the writer, or a sentence; one of them is empty."""

    formula: str
    words: str = ""


# Letters for the arguments of a function of one and of several.
ALONE = ("u", "t", "z", "s", "p", "q", "r")
TOGETHER = ("abcd", "pqrs", "klmn")


def letters(taken: frozenset[str]) -> tuple[str, str]:
    """Letters for the argument of a function of one, and those of several, which are no names of the program."""
    alone = next((letter for letter in ALONE if letter not in taken), "u")
    return alone, next((row for row in TOGETHER if not taken.intersection(row)), "abcd")


def rule(let: Let, k: int, writer: Writer, named: tuple[str, str] = (ALONE[0], TOGETHER[0])) -> Rule:
    """How the k-th argument's adjoint grows by the operation; named: see `letters`."""
    op = let.op
    if op.name in ("stack", "concat"):
        return Rule("", PART)
    if op.name in IN_WORDS:
        given = IN_WORDS[op.name]
        return Rule("", given[min(k, len(given) - 1)])
    return Rule(_formula(let, k, _arguments(op, named), writer))


def _arguments(op: ops.Op, named: tuple[str, str]) -> tuple[str, ...]:
    """What the arguments are called: a rule of the program's own keeps its names."""
    if op.kind == "ruled" or len(op.args) > len(named[1]):
        return op.args
    return (named[0],) if len(op.args) == 1 else tuple(named[1][: len(op.args)])


def _formula(let: Let, k: int, args: tuple[str, ...], writer: Writer) -> str:
    op = let.op
    whole, arg = operation(op, args), args[k]
    if op.kind not in ("partials", "reduce", "ruled"):
        # g is what rule texts call the adjoint of the result.
        made = writer.text(_read(let, pull_back_text(let, k), args))
        return f"{_adjoint(arg, writer)} += {made}{_where(writer, writer.text(whole))}"
    if op.kind == "ruled":
        right: Formula = Apply(f"d{arg}", tuple(map(Word, args)))
    else:
        assert isinstance(op.rule, tuple)
        text = op.rule[k]
        assert text is not None
        right = _read(let, text, args)
    return f"{_partial(whole, arg, writer)} = {writer.text(right)}"


def _where(writer: Writer, whole: str) -> str:
    if writer.notation.name == "latex":
        return rf" \quad \text{{where }} g \text{{ is the adjoint of }} {whole}"
    return f", where g is the adjoint of {whole}"


def _adjoint(arg: str, writer: Writer) -> str:
    match writer.notation.name:
        case "latex":
            return rf"\bar{{{writer.notation.word(arg)}}}"
        case "unicode":
            return f"{arg}\u0304"
        case _:
            return f"{arg}_bar"


def _partial(whole: Formula, arg: str, writer: Writer) -> str:
    """∂(x × y)/∂x"""
    text = writer.text(whole)
    if writer.notation.name == "latex":
        return rf"\frac{{\partial}}{{\partial {writer.notation.word(arg)}}} {writer.notation.parenthesized(text)}"
    if writer.notation.name == "unicode":
        return f"∂{text}/∂{arg}" if isinstance(whole, Apply) else f"∂({text})/∂{arg}"
    return f"d {text}/d{arg}" if isinstance(whole, Apply) else f"d({text})/d{arg}"


def operation(op: ops.Op, named: tuple[str, ...]) -> Formula:
    """The operation on arguments of those names."""
    args = [Word(name.lstrip("*")) for name in named]
    if op.name in rules.INFIX and len(args) == 2:
        return Infix(rules.INFIX[op.name], args[0], args[1])
    if op.name == "neg":
        return negated(args[0])
    return Apply(rules.called(op), tuple(args), op.latex)


def _read(let: Let, text: str, args: tuple[str, ...]) -> Formula:
    names: dict[str, Formula] = {name: Word(arg) for name, arg in zip(let.op.args, args, strict=True)}
    names["out"] = operation(let.op, args)
    for name, value in zip(let.op.attrs, let.attrs, strict=True):
        names[name] = Num(value) if isinstance(value, int) else rules.ALL
    return _Textbook(names, {}).formula(rules.parsed(text))


@dataclass(slots=True)
class _Textbook(rules.Reading):
    """Reads a rule text without numbers, with the helpers that are 0 or 1 written as the choices that they are."""

    def formula(self, e: tree.Expr) -> Formula:
        made = super(_Textbook, self).formula(e)
        match made:
            case Infix("*", Infix("*", factor, a), b) if a == b:
                return Infix("*", factor, Infix("^", a, Num(2.0)))
            case Infix("*", a, b) if a == b:
                return Infix("^", a, Num(2.0))
        return made

    def call(self, e: tree.CallExpr) -> Formula:
        shown = CHOICES.get(e.name)
        if shown is None:
            return super(_Textbook, self).call(e)
        args = [self.formula(a) for a in e.args if not isinstance(a, tree.Lambda)]
        return _Textbook(dict(zip(ops.TABLE[e.name].args, args, strict=True)), {}).formula(rules.parsed(shown))
