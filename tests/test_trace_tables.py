"""Trace tables: formulas, notations, fitting to a width, Markdown, LaTeX, CSV."""

from __future__ import annotations

import csv
import io
import re

import pytest

from adcli.report.formula import Infix, Neg, Num, Ref, infix, negated, plus, times
from adcli.report.grid import width, wrapped
from adcli.report.notation import ASCII, LATEX, UNICODE, Writer
from adcli.report.numbers import exact_number, significant, table_number
from tests.invoke import invoke

BAR, V = Ref("bar", 5), Ref("v", -1)
LOOP = "input x = 0.2\nfor i in 0..500 { x = 3*x*(1 - x) }\noutput x"


def table(*words: str) -> str:
    done = invoke(["trace", *words])
    assert done.code == 0, done.err
    return done.out


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (times(BAR, Num(1.0)), "v̄₅"),
        (times(BAR, Num(-1.0)), "-v̄₅"),
        (times(BAR, Infix("/", Num(1.0), V)), "v̄₅ / v₋₁"),
        (times(BAR, Neg(Infix("/", Ref("v", 3), V))), "-v̄₅ × v₃ / v₋₁"),
        (plus(V, times(BAR, Num(-1.0))), "v₋₁ - v̄₅"),
        (infix("*", Num(2.0), infix("^", V, infix("-", Num(3.0), Num(1.0)))), "2 × v₋₁²"),
        (infix("*", Num(2.0), infix("^", V, infix("-", Num(2.0), Num(1.0)))), "2 × v₋₁"),
        (infix("-", Num(1.0), infix("-", V, BAR)), "1 - (v₋₁ - v̄₅)"),
        (infix("/", V, infix("*", V, BAR)), "v₋₁ / (v₋₁ × v̄₅)"),
        (negated(negated(V)), "v₋₁"),
        (Infix("^", Neg(V), Num(2.0)), "(-v₋₁)²"),
    ],
)
def test_formulas_are_simplified_and_bracketed(formula: Infix, text: str) -> None:
    assert Writer(UNICODE, table_number).text(formula) == text


def test_negative_numbers_put_in_are_bracketed() -> None:
    put = {BAR: -0.5, V: -2.0}.__getitem__
    writer = Writer(ASCII, exact_number)
    assert writer.text(Infix("*", BAR, V), put) == "-0.5 * (-2)"
    assert writer.text(Infix("-", BAR, V), put) == "-0.5 - (-2)"
    assert writer.text(Infix("^", V, Num(2.0)), put) == "(-2)^2"
    assert writer.text(Neg(BAR), put) == "-(-0.5)"


def test_notations_of_a_variable() -> None:
    refs = [Ref("v", -12), Ref("dot", 3), Ref("bar", 0)]
    assert [UNICODE.ref(r) for r in refs] == ["v₋₁₂", "v̇₃", "v̄₀"]
    assert [ASCII.ref(r) for r in refs] == ["v[-12]", "v_dot[3]", "v_bar[0]"]
    assert [LATEX.ref(r) for r in refs] == ["v_{-12}", r"\dot{v}_{3}", r"\bar{v}_{0}"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (2.0, "2"), (0.1, "0.1"), (1.7163378, "1.716"), (-0.28366, "-0.284"), (1e-7, "1e-7"), (-2.34567e-5, "-2.346e-5"), (0.0, "0"),
        (-0.0, "0"), (1.5e12, "1.5e12"), (float("nan"), "nan"), (float("-inf"), "-inf"), (0.9999, "1"), (3, "3"), (True, "true"),
    ],
)  # fmt: skip
def test_numbers_of_tables(number: float, text: str) -> None:
    assert table_number(number) == text


def test_other_numbers() -> None:
    assert exact_number(0.6931471805599453) == "0.6931471805599453"
    assert exact_number(2.0) == "2"
    assert significant(5)(2 / 3) == "0.66667"
    assert Writer(UNICODE, table_number).number([1.0, 2.0]) == "[1, 2]"
    assert Writer(UNICODE, table_number).number([float(k) for k in range(9)]) == "[0, 1, …, 7, 8]"
    assert Writer(LATEX, exact_number).number(1e-7) == r"1 \times 10^{-7}"


def test_wrapping_breaks_at_blanks_only() -> None:
    text = "= 0.123456789012345 + 12345678901234567890 × 2"
    lines = wrapped(text, 16, 2)
    assert " ".join(line.strip() for line in lines) == text
    assert all(number in "\n".join(lines) for number in ("0.123456789012345", "12345678901234567890"))


@pytest.mark.parametrize(
    "words", [["samples/survey.adl"], ["samples/survey.adl", "--mode", "forward"], [LOOP], [LOOP, "--mode", "forward"]]
)
@pytest.mark.parametrize("layout", ["table", "steps"])
def test_plain_tables_fit_80_columns(words: list[str], layout: str) -> None:
    found = table(*words, "--layout", layout)
    assert max(map(width, found.splitlines())) <= 80
    assert "\x1b" not in found and all(line == line.rstrip() for line in found.splitlines())


def test_long_traces_are_cut_in_the_middle() -> None:
    found = table(LOOP)
    assert "... 1,441 more rows (--rows all shows them) ..." in found
    assert "499" in found
    assert "more row" not in table(LOOP, "--rows", "all")
    assert "... 1,497 more rows" in table(LOOP, "--rows", "4")


def test_steps_that_are_left_out_are_counted() -> None:
    found = table(LOOP, "--layout", "steps", "--rows", "6")
    assert "... 1,495 more rows" in found and "... 1,994 more rows" in found


def test_an_output_that_is_no_row_is_told() -> None:
    assert table("input x = 1; y = 3; output y").splitlines()[-1] == "y = 3"


def test_only_one_variable() -> None:
    found = table(LOOP, "--only", "x", "--rows", "all").splitlines()
    assert sum(" x  v" in line for line in found) == 501
    assert "×" in found[-1] or "×" in found[-2]


def test_ascii_notation_is_ascii() -> None:
    found = table("samples/survey.adl", "--notation", "ascii")
    assert found.isascii()
    assert "v_bar[0] = v_bar[0] + v_bar[2] * v[-1]" in found


def test_digits() -> None:
    assert "9.0661" in table("samples/logistic_map.adl", "--mode", "forward", "--digits", "5")


def test_markdown_is_a_table_with_names_escaped() -> None:
    found = table("a_b = x*2; c = a_b*3; c", "--at", "x=2", "--to", "markdown").splitlines()
    bars = {len(re.findall(r"(?<!\\)\|", line)) for line in found}
    assert len(bars) == 1
    assert "a\\_b" in "\n".join(found)
    latex = table("a_b = x*2; a_b", "--at", "x=2", "--to", "markdown", "--notation", "latex")
    assert "$v_{1} = v_{0} \\times 2$" in latex


def test_latex_is_balanced_and_escaped() -> None:
    found = table("samples/survey.adl", "--to", "latex")
    assert found.splitlines()[1].startswith("\\begin{tabular}") and found.rstrip().endswith("\\end{tabular}")
    columns = len(re.search(r"\\begin{tabular}{([lrc]+)}", found).group(1))  # type: ignore[union-attr]
    for line in found.splitlines():
        assert line.count("$") % 2 == 0
        bare = line.replace("\\{", "").replace("\\}", "")
        assert bare.count("{") == bare.count("}")
        if line.endswith("\\\\") and "multicolumn" not in line:
            assert line.replace("\\&", "").count("&") == columns - 1
    assert found.isascii()
    assert "\\texttt{a\\_b}" in table("a_b = x*2; a_b", "--at", "x=2", "--to", "latex")
    assert re.search(r"\\mathrm{x\\_1}", table("2*x_1", "--at", "x_1=2", "--to", "latex"))


def test_csv_holds_every_row() -> None:
    rows = list(csv.DictReader(io.StringIO(table(LOOP, "--to", "csv"))))
    kinds = [row["kind"] for row in rows]
    assert kinds.count("primal") == 1501
    assert kinds.count("adjoint") > 2000
    assert rows[1]["formula"] == "3 * v[0]" and rows[1]["args"] == '[{"const": 3.0}, 0]'
    tangents = list(csv.DictReader(io.StringIO(table("x*y", "--at", "x=2,y=5", "--mode", "forward", "--to", "csv"))))
    assert [row["value"] for row in tangents if row["kind"] == "tangent" and row["seed"] == "y=1"] == ["0.0", "1.0", "2.0"]


def test_output_to_a_file_takes_the_format_of_its_suffix(tmp_path: object) -> None:
    done = invoke(["trace", "x*x", "--at", "x=2", "-o", f"{tmp_path}/t.tex"])
    assert done.code == 0 and done.out == ""
    with open(f"{tmp_path}/t.tex") as file:
        assert "\\begin{tabular}" in file.read()


def test_on_a_terminal_rich_draws_the_same_cells() -> None:
    found = table("samples/survey.adl", "--color", "always")
    bare = re.sub("\x1b\\[[0-9;]*m", "", found)
    assert "\x1b[" in found
    for number in ("-0.284", "1.716", "11.652", "5.5"):
        assert number in bare


def lines(program: str, at: str, *args: str) -> list[str]:
    return [" ".join(line.split()) for line in table(program, "--at", at, "--layout", "steps", *args).splitlines()]


def test_numbers_have_the_digits_that_make_their_equation_true() -> None:
    found = lines("(x*x - 2)*3", "x=1.414213562374")
    assert "v₂ = v₁ - 2 = 2.00000000000256 - 2 = 2.56e-12" in found
    assert "v₁ = v₀ × v₀ = 1.414 × 1.414 = 2" in found  # off by less than the last decimal
    assert "v₁ = sin(v₀) = sin(3.14159265) = 3.59e-9" in lines("sin(x)", "x=3.14159265")
    assert "v₁ = v₀ × 5000 = 0.00124 × 5000 = 6.2" in lines("x*5000", "x=0.00124")
    assert "4 v̄₀ = v̄₀ + v̄₁ × 1 = -1 + 1 × 1.0000000001 = 1e-10" in lines("y = 1.0000000001*x; y - x", "x=1")


def test_digits_that_are_asked_for_are_all_that_there_are() -> None:
    assert "v₂ = v₁ - 2 = 2 - 2 = 2.56e-12" in lines("(x*x - 2)*3", "x=1.414213562374", "--digits", "3")


def test_an_equation_that_overflows_or_is_undefined_has_three_decimals() -> None:
    assert "v₁ = 1 / v₀ = 1 / 0 = inf" in lines("1/x", "x=0")
    assert "v₁ = ln(v₀) = ln(-1.235) = nan" in lines("ln(x)", "x=-1.23456")
