"""Derived formulas as LaTeX, and as programs that compute them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from adcli.ir.signature import Input
from adcli.ops import TABLE
from adcli.report.formula import Apply, Formula, Infix, Neg, Num, Word
from adcli.report.notation import LATEX, Notation, Put, Writer
from adcli.symbolic.nodes import Expr, postorder
from adcli.symbolic.text import COMPARISONS, INFIX, called, decimal, text

GREEK = {"pi": r"\pi", "inf": r"\infty"}


class _Notation(Notation):
    """LaTeX with single letters in italics, products by a dot, and arguments in braces without parentheses."""

    def word(self, text: str) -> str:
        base, bracket, at = text.partition("[")
        if bracket:
            return f"{self.word(base)}_{{{at.rstrip(']')}}}"
        return GREEK.get(text) or (text if len(text) == 1 else super().word(text))


class _Writer(Writer):
    def _apply(self, f: Apply, put: Put | None) -> str:
        if f.latex and re.search(r"[\w^\]]\{\{\{0\}\}\}", f.latex) and not f.latex.startswith("{"):
            return f.latex.format(*(self.text(x, put) for x in f.args))
        return super()._apply(f, put)


NOTATION = _Notation("latex", {**LATEX.symbols, "*": r" \cdot "})


def latex(e: Expr) -> str:
    """The formula in LaTeX, by the notation of the table."""
    return _Writer(NOTATION, str).text(formula(e))


def formula(e: Expr) -> Formula:
    """The expression as a formula of `report`."""
    made: dict[Expr, Formula] = {}
    for part in postorder([e]):
        made[part] = _formula(part, [made[a] for a in part.args])
    return made[e]


def _formula(e: Expr, args: Sequence[Formula]) -> Formula:
    if e.op == "num":
        assert isinstance(e.value, Fraction)
        return _number(e.value)
    if e.op in ("name", "bool"):
        return Word(str(e.value))
    if e.op == "neg":
        return Neg(args[0])
    if e.op in INFIX and e.op != "floordiv":
        return Infix(INFIX[e.op], args[0], args[1])
    if e.op in COMPARISONS:
        return Infix(COMPARISONS[e.op], args[0], args[1])
    return Apply(called(e.op), tuple(args), TABLE[e.op].latex)


def _number(value: Fraction) -> Formula:
    if value < 0:
        inner = _number(-value)
        return Neg(inner)
    short = decimal(value)
    if short is not None:
        return Num(int(short) if short.isdigit() else float(short))
    return Infix("/", Num(value.numerator), Num(value.denominator))


def latex_lines(output: str, expressions: Mapping[str, Expr], order: int) -> list[str]:
    """∂y/∂x = …, an equation for each derivative."""
    sign = "d" if len(expressions) == 1 else r"\partial "  # with a blank: a letter after the command would belong to it
    power = f"^{{{order}}}" if order > 1 else ""
    lines = []
    for key, e in expressions.items():
        names = re.split(r",(?![^\[]*\])", key)
        below = [NOTATION.word(n) for n in names]
        if len(set(below)) == 1:
            below = [below[0] + power]
        lines.append(rf"\frac{{{sign}{power}{NOTATION.word(output)}}}{{{' '.join(f'{sign.strip()} {n}' for n in below)}}} = {latex(e)}")
    return lines


def program(inputs: Sequence[Input], shapes: Mapping[str, Sequence[int]], expressions: Mapping[str, Expr]) -> str:
    """A program whose outputs are the derivatives: d_x, for elements of arrays d_w_0, for second ones d_x_y."""
    lines = []
    for given in inputs:
        if given.name not in shapes:  # integers have been put in
            continue
        shape = list(shapes[given.name])
        lines.append(f"input {given.name}" + (f": {shape}" if shape else ""))
    taken = {i.name for i in inputs}
    for key, e in expressions.items():
        out = "d_" + re.sub(r"\W+", "_", key).strip("_")
        while out in taken:
            out += "_"
        taken.add(out)
        lines.append(f"output {out} = {text(e)}")
    return "\n".join(lines) + "\n"
