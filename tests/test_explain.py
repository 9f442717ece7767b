"""`explain`: its steps against those of the trace and of `grad`, its rules and sums against what they evaluate to, folds, and escapes."""

from __future__ import annotations

import json
import math
import pathlib
import re
from typing import Any

import pytest

import adcli
from adcli.engines.interpret import Interpreter
from adcli.errors import Span
from adcli.ir.nodes import Let, Var
from adcli.ir.types import REAL
from adcli.ops.record import Op
from adcli.report.explain.fold import Fold, plan
from adcli.report.explain.textbook import rule
from adcli.report.grid import width
from adcli.report.notation import ASCII, Writer
from adcli.report.numbers import exact_number
from tests.invoke import invoke
from tests.test_check import smooth
from tests.test_ops import SMOOTH, inner, partials
from tests.test_trace import SAMPLES, TRACES, close, flatten

SURVEY = ["x1*x2+sin(x1)", "--at", "x1=2,x2=5"]


def explained(*words: str) -> Any:
    done = invoke(["explain", *words, "--json"])
    assert done.code == 0, done.err
    return json.loads(done.out)


def text(*words: str) -> str:
    done = invoke(["explain", *words])
    assert done.code == 0, done.err
    return done.out


def test_the_gradient_and_what_it_adds_up_from() -> None:
    end = text(*SURVEY).split("The gradient")[1].splitlines()
    assert end[1] == "∂value/∂x1 = 5 + cos 2 = 5 - 0.4161468365471424 = 4.583853163452858"
    assert end[2:] == ["    5 through x1*x2 (1:1)", "    -0.4161468365471424 through sin(x1) (1:7)", "∂value/∂x2 = 2"]


def agrees_with_the_trace(words: list[str]) -> Any:
    """The steps of explain are those of trace, number by number, and its sums the gradient of grad."""
    found, traced = explained(*words), json.loads(invoke(["trace", *words, "--json"]).out)
    steps = [s for s in found["steps"] if s["kind"] != "still"]
    keys = ("step", "v", "from", "formula", "numbers", "increment", "running")
    mine = [{k: s[k] for k in keys} for s in steps]
    theirs = [{k: a[k] for k in keys} for a in traced["adjoints"]]
    for a, b in zip(mine, theirs, strict=True):
        # Where the numbers put in would say what the result says, explain leaves them out.
        assert a["numbers"] == b["numbers"] or a["numbers"] is None
        assert {**a, "numbers": 0, "formula": 0} == {**b, "numbers": 0, "formula": 0}
        assert a["formula"].endswith(b["formula"])
    totals = {t["name"]: t["value"] for t in found["totals"]}
    assert set(totals) == set(traced["gradient"])
    assert all(close(totals[name], value) for name, value in traced["gradient"].items())
    return found


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_samples(path: pathlib.Path) -> None:
    found = agrees_with_the_trace([str(path)])
    want = json.loads(invoke(["grad", str(path), "--json"]).out)
    assert found["gradient"] == want["gradient"] and found["value"] == want["value"]
    source = path.read_text().splitlines()
    for s in found["steps"]:
        if s["source"] and "…" not in s["source"] and s["kind"] != "seed":
            there = " ".join(" ".join(source[s["line"] - 1 :])[s["column"] - 1 :].split())
            assert there.startswith(s["source"]), s
        if s["kind"] == "adjoint" and isinstance(s["slope"], float) and isinstance(s["adjoint"], float):
            assert s["increment"] == s["adjoint"] * s["slope"] or isinstance(s["increment"], list)


def given(case: dict[str, Any]) -> list[str]:
    return ["-e", case["program"], *(word for k, v in case["at"].items() for word in ("--at", f"{k}={json.dumps(v)}"))]


@pytest.mark.parametrize("case", [*TRACES, *(c.values[0] for c in smooth("programs"))], ids=lambda c: c["id"])
def test_reference_programs(case: dict[str, Any]) -> None:
    found = agrees_with_the_trace(given(case))
    assert found["gradient"] == json.loads(invoke(["grad", *given(case), "--json"]).out)["gradient"]
    ahead = explained(*given(case), "--mode", "forward")
    for t in ahead["totals"]:
        derivative = math.fsum(flatten([found["gradient"][t["seed"]]]))
        assert math.isclose(t["value"], derivative, rel_tol=1e-9, abs_tol=1e-12), t["seed"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_forward_mode_ends_with_the_derivative_along_each_input(path: pathlib.Path) -> None:
    found = explained(str(path), "--mode", "forward")
    want = json.loads(invoke(["grad", str(path), "--json"]).out)["gradient"]
    assert [t["seed"] for t in found["totals"]] == list(want)
    for t in found["totals"]:
        derivative = want[t["seed"]]
        assert math.isclose(t["value"], math.fsum(flatten([derivative])), rel_tol=1e-9, abs_tol=1e-12)
        steps = [s for s in found["steps"] if s["seed"] == t["seed"] and s["kind"] in ("seed", "tangent")]
        assert [s["step"] for s in steps] == list(range(1, len(steps) + 1))


def terms(op: Op) -> list[tuple[int, str]]:
    """For each argument with a derivative the right side of the rule, as a textbook states it."""
    let = Let(Var(REAL, "out"), op, tuple(Var(REAL, name) for name in op.args), (), Span(0, 1))
    writer = Writer(ASCII, exact_number)
    along = [k for k, t in enumerate(op.rule) if t is not None]
    return [(k, rule(let, k, writer).formula.split(" = ", 1)[1]) for k in along]


# They stand for derivatives of others, or need a whole number, and no program can call them.
INNER = {"pow_x", "pow_y", "pow_d", "sinc_x", "sinc_d", "erfinv_d", "polygamma", "mod"}
STATED = [op for op in SMOOTH if op.public and op.name not in INNER]


@pytest.mark.parametrize("op", STATED, ids=lambda op: op.name)
def test_the_rules_stated_are_the_rules_computed(op: Op) -> None:
    """The right side of ∂f/∂x = …, evaluated as a program, against the table's partial derivatives."""
    run = Interpreter(partials(op)).run
    names = ("u",) if len(op.args) == 1 else "abcd"[: len(op.args)]
    declared = "".join(f"input {name}\n" for name in names)
    for position, (_, stated) in enumerate(terms(op)):
        program = adcli.compile(f"{declared}output d = {stated}")
        for point in inner(op)[:5]:
            want = run(point)[1 + position]
            assert program.value(dict(zip(names, point, strict=True))) == pytest.approx(want, rel=1e-9, abs=1e-12), stated


@pytest.mark.parametrize(("program", "at"), [
    ("x1*x2 + sin(x1)", "x1=2,x2=5"), ("x*y - exp(x)/y - x^3*cos(y)", "x=0.5,y=1.5"), ("ln(x)*sqrt(x) - 2*sin(x)/3", "x=2"),
    ("y = x; for i in 0..3 { y = sin(y)*x }; y", "x=0.7"), ("-x*tan(-x) + abs(x - 3)", "x=0.3"), ("max(x, y)*(x - y)^2", "x=1,y=2"),
])  # fmt: skip
def test_every_side_of_the_sums_is_the_derivative(program: str, at: str) -> None:
    for total in explained(program, "--at", at)["totals"]:
        _, *sides = total["equation"].split(" = ")
        values = [adcli.compile(side.replace("...", "0")).value() for side in sides]
        assert values == pytest.approx([total["value"]] * len(sides), rel=1e-12, abs=1e-15), total["equation"]
        assert math.fsum(place["sum"] for place in total["places"]) == pytest.approx(total["value"], rel=1e-12)
        assert sum(place["uses"] for place in total["places"]) == total["uses"] == len(total["terms"]) + total["omitted"]


def test_the_letters_of_rules_are_no_names_of_the_program() -> None:
    assert "∂(a × b)/∂a = b" in text("x*y", "--at", "x=1,y=2") and "∂(p × q)/∂p = q" in text("a*y", "--at", "a=1,y=2")
    assert "∂sin(u)/∂u" in text("sin(x)", "--at", "x=1") and "∂sin(t)/∂t" in text("sin(u)", "--at", "u=1")


def test_long_formulas_are_cut_in_the_middle() -> None:
    program = "y = " + " + ".join(f"{k}*x" for k in range(1, 501))
    shown = text(program, "--at", "x=1", "--digits", "6")
    assert len(shown.splitlines()) < 300
    assert shown.count("more operations ...") == 2
    assert "= 125250\n" in shown and "500 through 500*x (1:3889)" in shown
    assert "the rest through 493 other places" in shown


def test_where_nothing_goes_on() -> None:
    found = explained("3*floor(x) + x*stop(x) + 0*y", "--at", "x=2.5,y=1", "--wrt", "x")
    still = {s["source"]: s["words"] for s in found["steps"] if s["kind"] == "still"}
    assert set(still) == {"floor(x)", "stop(x)"}
    assert "flat between its jumps" in still["floor(x)"] and "nothing passes it" in still["stop(x)"]
    lines = text("input z; 3*floor(x) + x", "--at", "x=2.5,z=1")
    assert "no path leads from z to value" in lines and "- floor(x)" not in lines and "-  floor(x)  (1:12)" in lines
    assert "the gradient is 0" in text("2*floor(x)", "--at", "x=2.5").replace("\n", " ") or "flat" in text("2*floor(x)", "--at", "x=2.5")
    assert "no real input" in text("2 + 3")
    for kind in ("text", "markdown", "latex"):
        assert "3" in text("3", "--to", kind)
    assert "value = 6\n" in text("input n: int; 2*n", "--at", "n=3")


def test_values_stand_in_columns() -> None:
    """Of steps in loops the iteration, and the others under them."""
    lines = text("y = x; for i in 0..12 { y = sin(y) }; y*2", "--at", "x=1").splitlines()
    assert [line[:9] for line in lines[1:4]] == ["        v", "   [0]  v", "  ... ite"]
    assert "  [11]  v₁₂ = sin(v₁₁)" in "\n".join(lines) and "        v₁₃ = v₁₂ × 2" in "\n".join(lines)


@pytest.mark.parametrize(("program", "said"), [
    ("sum(w)", "is linear"), ("dot(w, w)", "linear in each argument"), ("sum(softmax(w)*w)", "a rule of its own"),
    ("norm(w)", "d norm(u)/du"),
])  # fmt: skip
def test_rules_of_arrays_forward(program: str, said: str) -> None:
    steps = explained(program, "--at", "w=[1,2]", "--mode", "forward")["steps"]
    assert any(said in (s["rule"] or "") for s in steps)
    reverse = explained(program, "--at", "w=[1,2]")["steps"]
    assert all(s["rule"] for s in reverse if s["kind"] == "adjoint")


def test_inputs_have_their_places() -> None:
    steps = explained("input xy, x\ninput y = 2\nx*y*z + xy", "--at", "x=1,xy=2,z=3", "--mode", "forward")["steps"]
    places = {s["source"]: (s["line"], s["column"]) for s in steps if s["kind"] == "seed"}
    assert places == {"xy": (1, 7), "x": (1, 11), "y": (2, 7), "z": (3, 5)}


def test_forward_mode_says_where_nothing_goes_on() -> None:
    (still,) = [s for s in explained("floor(x)*x", "--at", "x=2.5", "--mode", "forward")["steps"] if s["kind"] == "still"]
    assert still["source"] == "floor(x)"


@pytest.mark.parametrize(("program", "at", "source", "note"), [
    ("abs(y) + x", "x=1,y=0", "abs(y)", "not differentiable at 0"), ("x + max(x, 2)", "x=2", "max(x, 2)", "split evenly"),
    ("2*sqrt(x)", "x=0", "sqrt(x)", "edge of its domain"), ("1 + ln(x)", "x=-1", "ln(x)", "undefined for -1"),
])  # fmt: skip
def test_kinks_and_ends_of_domains_are_told_at_their_step(program: str, at: str, source: str, note: str) -> None:
    for mode in ("forward", "reverse"):
        noted = [s for s in explained(program, "--at", at, "--mode", mode)["steps"] if s["notes"]]
        assert {s["source"] for s in noted} == {source}
        assert all(note in s["notes"][0] for s in noted)
    assert note in " ".join(text(program, "--at", at).split())


def test_words_say_what_the_numbers_say() -> None:
    words = {s["step"]: s["words"] for s in explained("y = x^2\nz = -y + 3*y\nz*0 - y*2", "--at", "x=3")["steps"]}
    said = " ".join(words.values())
    assert "Per unit of x, x^2 moves by 6" in said
    assert "the other way: the adjoint goes on to it with the other sign." in said
    assert "z does not move z*0 here: nothing comes back to it." in said
    assert "The adjoint of 3*y is 0: nothing comes back to y. Its adjoint stays -2." in said


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_iterations_that_do_the_same_are_folded(mode: str) -> None:
    long = "y = x; for i in 0..5000 { y = sin(y) + 0.1*x }; y"
    folded = text(long, "--at", "x=1", "--mode", mode).splitlines()
    assert len(folded) < 80
    assert len(re.findall(r"iterations \d+ to \d+ \(4,998 of them\) go through the same steps: 14,994", " ".join(folded))) == 2
    assert all(width(line) <= 80 for line in folded)


def test_folded_iterations_tell_how_the_adjoint_went() -> None:
    program = "y = x; for i in 0..9 { y = 2*y }; y"
    shown = " ".join(text(program, "--at", "x=1", "--rows", "4").split())
    assert "iterations 7 to 1 (7 of them) go through the same steps: 7 operations; the adjoint of y goes from 2 to 128" in shown
    assert "y goes from 4 to 256" in shown


def test_all_rows_unfold() -> None:
    program = ["s = 0; for i in 0..4 { for j in 0..5 { s += x^2*i*j } }; s", "--at", "x=2"]
    steps = len(json.loads(invoke(["trace", *program, "--json"]).out)["adjoints"])
    whole = text(*program, "--rows", "all")
    assert len(re.findall(r"^ *\d+  ", whole, re.M)) == steps and "..." not in whole
    assert len(text(*program).splitlines()) < len(whole.splitlines()) / 2
    assert explained(*program, "--rows", "6")["steps"] != explained(*program)["steps"]


class Recorded:
    """As much of a recording as `plan` reads."""

    def __init__(self, iterations: list[tuple[int, ...]]) -> None:
        self.iterations = iterations
        self.lets = [f"let {len(i)}" for i in iterations]


@pytest.mark.parametrize("iterations", [
    [()] * 100, [(k,) for k in range(100)], [(k // 10,) for k in range(100)], [(k // 10, k % 10) for k in range(100)],
    [(k % 25,) for k in range(100)], [(99 - k,) for k in range(100)], [()] * 10 + [(k // 30, k % 30, j) for k in range(90) for j in (0, 1)],
])  # fmt: skip
@pytest.mark.parametrize("rows", [1, 5, 12, 40, 1000, None])
def test_a_plan_has_every_node_once_and_in_order(iterations: list[tuple[int, ...]], rows: int | None) -> None:
    nodes = list(range(len(iterations)))
    made = plan(Recorded(iterations), nodes, rows)  # type: ignore[arg-type]
    assert [n for item in made for n in (item.nodes if isinstance(item, Fold) else [item])] == nodes
    shown = sum(isinstance(item, int) for item in made)
    assert shown == len(nodes) if rows is None or rows >= len(nodes) else shown <= max(30, rows + 2)
    assert all(len(item.nodes) > 2 for item in made if isinstance(item, Fold))


def test_only_one_variable() -> None:
    steps = explained(*SURVEY, "--only", "x1")["steps"]
    assert [s["step"] for s in steps] == [4, 5] and {s["v"] for s in steps} == {-1}
    done = invoke(["explain", *SURVEY, "--only", "x3"])
    assert done.code == 2 and "x3" in done.err and "help: " in done.err
    assert invoke(["explain", *SURVEY, "--along", "x1"]).code == 2


def test_lines_are_wrapped() -> None:
    for path in SAMPLES:
        for line in text(str(path)).splitlines():
            # A single word may be longer: numbers and pieces of the program are not cut.
            assert width(line) <= 80 or len(line.split()) <= 3 or "  (" in line, line


ODD = "a_b = x_1*2 # <b>`tick`</b> $5 & \\\\end{x} [a](b)\nc = (a_b + # *note* <script>\n  x_1^2)\nc*x_1"


@pytest.mark.parametrize("notation", ["unicode", "ascii", "latex"])
def test_markdown_is_escaped(notation: str) -> None:
    shown = text(ODD, "--at", "x_1=2", "--to", "markdown", "--notation", notation)
    assert "<b>" not in shown and "script" not in shown
    bare = re.sub(r"`[^`]*`|\$[^$]*\$|\\.", "", shown)
    assert not re.search(r"[<`]", bare) and "x_1" not in bare and "a_b" not in bare
    loop = text("y = x; for i in 0..9 { y = y*x }; y", "--at", "x=2", "--to", "markdown", "--rows", "4")
    assert loop.count("<details open>") == loop.count("</details>") == 4
    whole = text("y = x; for i in 0..9 { y = y*x }; y", "--at", "x=2", "--to", "markdown", "--rows", "all")
    assert whole.count("<details>") == whole.count("</details>") == 18


def test_latex_is_escaped() -> None:
    shown = text(ODD, "--at", "x_1=2", "--to", "latex")
    assert "<script" not in shown and "note" not in shown
    math = re.compile(r"\$[^$]*\$")
    for line in shown.splitlines()[1:]:
        bare = re.sub(r"\\[_%&#{}$]", "", line)
        assert bare.count("{") == bare.count("}") and line.count("$") % 2 == 0, line
        assert "_" not in math.sub("", bare), line
    assert shown.count(r"\begin{description}") == shown.count(r"\end{description}") == 3
    assert all(ord(c) < 128 for c in shown)


def test_digits_round_formulas_too() -> None:
    assert "∂value/∂x1 = 5 + cos 2 = 5 - 0.416 = 4.58" in text(*SURVEY, "--digits", "3")
    assert explained(*SURVEY, "--digits", "3")["totals"][0]["value"] == 4.58


def test_from_python() -> None:
    """What other reports build on."""
    from adcli.report import explain

    program = adcli.compile("x1*x2 + sin(x1)")
    made = program.trace(x1=2, x2=5)
    steps = list(explain.steps(made, Writer(ASCII, exact_number), program.flags))
    assert [s.step for s in steps] == [1, 2, 3, 4, 5, 6]
    assert steps[3].place == (1, 9, "sin(x1)") and steps[3].rule == ("d sin(u)/du = cos(u)", "")
    assert f"{program.explain(x1=2, x2=5)}\n" == text("x1*x2 + sin(x1)", *SURVEY[1:])
    assert [s.kind for s in program.explain(x1=2, x2=5, mode="forward", wrt=["x2"]).steps()] == ["seed", "tangent", "tangent"]
    program = adcli.compile("sqrt(x)")
    assert program.explain(x=0).trace.mode == "reverse" and [flag.code for flag in program.flags] == ["singular"]
    assert steps[3].words == "Per unit of x1, sin(x1) moves by -0.4161, and value as much."


def test_a_derivative_that_the_program_asks_for_is_not_called_by_the_text_that_it_is_of() -> None:
    found = " ".join(text("grad(t -> t^3, x)*x", "--at", "x=3").split())
    assert "Per unit of x, the derivative of t^3 moves by 18, and value by 3 times that: 54." in found
    assert "Per unit of the derivative of t^3, value moves by 3." in found
    assert "Per unit of x, x^3 moves by 27" in " ".join(text("x^3*x", "--at", "x=3").split())
