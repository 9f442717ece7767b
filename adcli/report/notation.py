"""Writing formulas in Unicode, ASCII or LaTeX, with names, or with the numbers put in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from adcli.report.formula import Apply, Formula, Infix, Items, Neg, Num, Ref, Section, Word

Number: TypeAlias = Callable[[object], str]
Put: TypeAlias = Callable[[Ref], object]

NONE, COMPARISON, SUM, PRODUCT, SIGN, POWER, ATOM = range(7)
LEVELS = {"and": NONE, "or": NONE, "+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "@": PRODUCT, "^": POWER}
SUBSCRIPT = str.maketrans("0123456789-", "₀₁₂₃₄₅₆₇₈₉₋")
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
MARKS = {"v": "", "dot": "\u0307", "bar": "\u0304"}
# Arrays longer than the first are cut to the second at both ends.
SHOWN_ELEMENTS, EDGE = 6, 2


@dataclass(frozen=True, slots=True)
class Notation:
    """How variables, operators and names are written; a symbol that is not among `symbols` stands as it is between blanks."""

    name: str
    symbols: dict[str, str]

    def ref(self, ref: Ref) -> str:
        if self.name == "unicode":
            return f"v{MARKS[ref.kind]}{str(ref.number).translate(SUBSCRIPT)}"
        if self.name == "ascii":
            return f"v{'' if ref.kind == 'v' else '_' + ref.kind}[{ref.number}]"
        letter = "v" if ref.kind == "v" else rf"\{ref.kind}{{v}}"
        return f"{letter}_{{{ref.number}}}"

    @property
    def dots(self) -> str:
        return {"unicode": "…", "ascii": "...", "latex": r"\dots"}[self.name]

    def word(self, text: str) -> str:
        """A name of the program; in LaTeX upright letters with its underscores escaped."""
        return r"\mathrm{" + text.replace("_", r"\_") + "}" if self.name == "latex" else text

    def gradient(self, output: str, name: str) -> str:
        """The name of ∂output/∂name."""
        if self.name == "latex":
            return rf"\partial {self.word(output)} / \partial {self.word(name)}"
        return f"∂{output}/∂{name}" if self.name == "unicode" else f"d{output}/d{name}"

    def remark(self, text: str) -> str:
        """Words behind a formula."""
        return rf"\ \mbox{{({text})}}" if self.name == "latex" else f" ({text})"

    def parenthesized(self, text: str) -> str:
        return rf"\left({text}\right)" if self.name == "latex" else f"({text})"

    def listed(self, items: list[str]) -> str:
        return r"\left[" + ", ".join(items) + r"\right]" if self.name == "latex" else f"[{', '.join(items)}]"

    def number(self, text: str) -> tuple[str, int]:
        """A formatted number and how tightly it binds (1e-7 is a product in LaTeX, a negative number a signed one)."""
        level = SIGN if text.startswith("-") else ATOM
        if self.name != "latex":
            return text, level
        mantissa, _, exponent = text.partition("e")
        if text.lstrip("-") in ("inf", "nan"):
            return text.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}"), level
        return (rf"{mantissa} \times 10^{{{int(exponent)}}}", PRODUCT) if exponent else (text, level)


UNICODE = Notation("unicode", {"*": " × ", "<=": " ≤ ", ">=": " ≥ ", "!=": " ≠ ", "==": " = "})
ASCII = Notation("ascii", {})
LATEX = Notation(
    "latex",
    {"*": r" \times ", "//": r" \mathbin{//} ", "%": r" \bmod ", "@": r" \, ", "<=": r" \le ", ">=": r" \ge ", "!=": r" \ne ", "==": " = ",
     "and": r" \land ", "or": r" \lor "},
)
NOTATIONS = {n.name: n for n in (UNICODE, ASCII, LATEX)}


class Writer:
    """Writes formulas in one notation, with numbers formatted by `format`."""

    def __init__(self, notation: Notation, number: Number) -> None:
        self.notation = notation
        self.format = number

    def text(self, formula: Formula, put: Put | None = None) -> str:
        """The formula; with `put`, the numbers it gives stand in the places of the variables."""
        return self._write(formula, put, True)[0]

    def number(self, value: object) -> str:
        """A scalar, or an array as [1, 2, …] with the middle of a long one left out."""
        return self._value(value)[0]

    def _value(self, value: object) -> tuple[str, int]:
        if isinstance(value, bool | int | float):
            return self.notation.number(self.format(value))
        items = nested(value)
        assert isinstance(items, list)
        if len(items) <= SHOWN_ELEMENTS:
            return self.notation.listed([self._value(x)[0] for x in items]), ATOM
        head, tail = [self._value(x)[0] for x in items[:EDGE]], [self._value(x)[0] for x in items[-EDGE:]]
        return self.notation.listed([*head, self.notation.dots, *tail]), ATOM

    def _write(self, f: Formula, put: Put | None, first: bool) -> tuple[str, int]:
        """The text and how tightly it binds; only what comes `first` may begin with a sign."""
        match f:
            case Num(value):
                return self._signed(*self._value(value), first)
            case Ref():
                return (self.notation.ref(f), ATOM) if put is None else self._signed(*self._value(put(f)), first)
            case Word(text):
                return self.notation.word(text), ATOM
            case Neg(operand):
                # -(x // y) is another number than (-x) // y; of a product the sign may belong to either.
                level = POWER if isinstance(operand, Infix) and operand.symbol in ("//", "%") else PRODUCT
                return self._signed("-" + self._inside(operand, put, level, False), SIGN, first)
            case Infix(symbol, left, right):
                return self._infix(symbol, left, right, put, first)
            case Apply():
                return self._apply(f, put), ATOM
            case Section():
                return self._section(f, put), ATOM
            case Items(items):
                return self.notation.listed([self.text(x, put) for x in items]), ATOM
        assert_never(f)

    def _signed(self, text: str, level: int, first: bool) -> tuple[str, int]:
        return (text, level) if first or not text.startswith("-") else (self.notation.parenthesized(text), ATOM)

    def _inside(self, f: Formula, put: Put | None, level: int, first: bool) -> str:
        text, own = self._write(f, put, first)
        return text if own >= level else self.notation.parenthesized(self.text(f, put))

    def _infix(self, symbol: str, left: Formula, right: Formula, put: Put | None, first: bool) -> tuple[str, int]:
        level = LEVELS.get(symbol, COMPARISON)
        if symbol == "^":
            return self._power(left, right, put), POWER
        if symbol == "/" and self.notation.name == "latex":
            return rf"\frac{{{self.text(left, put)}}}{{{self.text(right, put)}}}", POWER
        sign = self.notation.symbols.get(symbol, f" {symbol} ")
        before = self._inside(left, put, min(level, PRODUCT), first)
        after = PRODUCT if COMPARISON <= level < PRODUCT else level + 1
        return before + sign + self._inside(right, put, after, False), level

    def _power(self, base: Formula, exponent: Formula, put: Put | None) -> str:
        below = self._inside(base, put, ATOM, True)
        if self.notation.name == "latex":
            if isinstance(base, Apply) and open_ended(base):
                below = self.notation.parenthesized(below)  # a bare \sin x^2 would square x
            return f"{{{below}}}^{{{self.text(exponent, put)}}}"
        above = self._inside(exponent, put, ATOM, True)
        if self.notation.name == "unicode" and isinstance(exponent, Num) and above.isdigit():
            return below + above.translate(SUPERSCRIPT)
        return f"{below}^{above}"

    def _apply(self, f: Apply, put: Put | None) -> str:
        if self.notation.name == "latex" and f.latex and not f.named:
            return f.latex.format(*(self._argument(f.latex, k, x, put) for k, x in enumerate(f.args)))
        args = [self.text(x, put) for x in f.args]
        named = [f"{name}={text}" for name, text in f.named]
        if self.notation.name == "latex":
            named = [rf"\mathrm{{{name}}}={text}" for name, text in f.named]
            name = rf"\operatorname{{{f.name}}}".replace("_", r"\_")
            return name + self.notation.parenthesized(", ".join(args + named))
        return f"{f.name}({', '.join(args + named)})"

    def _argument(self, template: str, k: int, x: Formula, put: Put | None) -> str:
        """The k-th argument in a LaTeX template; in parentheses where the template raises what ends with an exponent of its own."""
        text = self._inside(x, put, NONE if r"\left" in template else ATOM, True)
        raised = f"{{{k}}}^" in template or f"{{{k}}}}}}}^" in template
        return self.notation.parenthesized(text) if raised and isinstance(x, Apply) and open_ended(x) else text

    def _section(self, f: Section, put: Put | None) -> str:
        # An array is named, not written out, where only some of its elements matter.
        base = self._inside(f.base, None, ATOM, True)
        at = f.at if f.value is None else f"{f.at} {f.sign} {self.text(f.value, put)}"
        return f"{base}[{at}]"


def open_ended(f: Apply) -> bool:
    """Whether an exponent behind this function in LaTeX would stand at its argument: of \\sin x it does, of \\sqrt{x} it does not."""
    if not f.latex or f.named or f.latex.startswith(r"\sqrt"):
        return False
    *_, tail = f.latex.split(r"\right")
    return "{0}" in tail or "{1}" in tail


def nested(value: object) -> object:
    """An array as nested lists; a scalar as it is."""
    return value.tolist() if hasattr(value, "tolist") else value
