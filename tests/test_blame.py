"""`blame`: the story told is true. Its numbers are those of `grad`, its places those of the program, its shares add up."""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import adcli
from adcli.api.blame import Blame, blame
from tests.generated import points, programs
from tests.invoke import invoke

ROOT = pathlib.Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.adl"))
INF, NAN = math.inf, math.nan


def told(text: str, **at: Any) -> Blame:
    return blame(adcli.compile(text, engine="interpret"), at)


def reasons(text: str, **at: Any) -> dict[str, str]:
    """For each number told about, the reason."""
    found = told(text, **at)
    words = found.words()
    return {q.name: words.reason(s) for s in found.stories for q in s.quantities}


def data(*words: str) -> Any:
    done = invoke(["blame", *words, "--json"])
    assert done.code == 0, done.err
    return json.loads(done.out)


# Where nan and inf come from: (program, point, number, words in the order in which they must come).
BIRTHS: list[tuple[str, dict[str, Any], str, list[str]]] = [
    ("sqrt(x^2+y^2)", {"x": 0, "y": 0}, "x", ["`sqrt` at 1:1", "0.5 / sqrt(0) = inf", "2 × x = 0 at 1:6", "nan"]),
    ("x*ln(x)", {"x": 0}, "value", ["`ln` at 1:3", "ln(0) = -inf", "0 × (-inf)", "nan"]),
    ("x*ln(x)", {"x": 0}, "x", ["`ln` at 1:3", "1 / 0 = inf", "adjoint 0", "x = 0", "`*` at 1:1", "nan"]),
    ("ln(x - 3)", {"x": 2}, "value", ["`ln` at 1:1", "ln(-1) = nan"]),
    ("y*sqrt(x)", {"x": 0, "y": 0}, "x", ["0.5 / sqrt(0) = inf", "adjoint 0", "y = 0", "`*` at 1:1", "nan"]),
    ("x/y", {"x": 0, "y": 0}, "y", ["`/` at 1:1", "0 / 0 = nan"]),
    ("x/(y*y)", {"x": 1, "y": 0}, "x", ["1 / 0 = inf"]),
    ("x^y", {"x": 0, "y": 0}, "y", ["`^` at 1:1", "0^0 × ln(0) = nan (the derivative of ^ is undefined for 0, 0"]),
    ("sum(exp(w)/sum(exp(w)))", {"w": [1.0, 1000.0]}, "w[0]", ["`exp` at 1:5", "exp(1000) = inf", "inf / inf", "nan"]),
    ("exp(x) - exp(y)", {"x": 1000, "y": 1000}, "value", ["exp(1000) = inf", "inf - inf", "nan"]),
    ("sqrt(x) - sqrt(x)", {"x": 0}, "x", ["`sqrt`", "inf and -inf", "adjoint of x", "nan"]),
    ("x + y", {"x": NAN, "y": 1}, "value", ["value given for x is nan"]),
    ("sum(w*x)", {"x": 1, "w": [1.0, INF]}, "value", ["value given for w[1] is infinite"]),
    ("inf*x", {"x": 0}, "value", ["reads the constant inf", "inf × 0 is nan"]),
    ("x*1e200*1e200*y", {"x": 1e-200, "y": 1}, "x", ["too large"]),
    ("w = [x, 1]; v = w*[1e308, 0]; v[0]*y*10", {"x": 1e-9, "y": 1}, "x", ["10 × 1e308"]),
    ("acos(x)", {"x": 1}, "x", ["`acos` at 1:1", "= -inf"]),
    ("ln(det([[x, 1], [1, 1]]))", {"x": 1}, "value", ["`ln` at 1:1", "ln(0) = -inf"]),
    ("fn f(n, x) { if n < 1 { sqrt(x - 1) } else { f(n - 1, x)*2 } }; f(k, x)", {"k": 3, "x": 1}, "x", ["`sqrt` at 1:25", "inf"]),
    ("y = x; while y < 1e300 { y = y*y }; y*y", {"x": 3}, "value", ["`*` at 1:30, iteration 9"]),
]


@pytest.mark.parametrize(("text", "at", "number", "words"), BIRTHS, ids=[case[0] for case in BIRTHS])
def test_the_birth_of_nan_and_inf(text: str, at: dict[str, Any], number: str, words: list[str]) -> None:
    reason = reasons(text, **at)[number]
    for word in words:
        assert word in reason, reason
        reason = reason.split(word, 1)[1]


# Why a derivative is 0: (program, point, number, phrases that must all be there, phrases that must not).
ZEROS: list[tuple[str, dict[str, Any], str, list[str], list[str]]] = [
    ("3*floor(x)+x-x", {"x": 2.5}, "x", ["floor is flat (1:3)", "+x and -x cancel exactly"], ["no path"]),
    ("2*x - x*2", {"x": 3}, "x", ["cancel exactly", "2 from 2*x (1:1)"], []),
    ("x^2", {"x": 0}, "x", ["x^2 is 2 × x = 0"], ["flat"]),
    ("cos(x)", {"x": 0}, "x", ["-sin(x) = 0"], []),
    ("exp(x)", {"x": -1000}, "x", ["exp(-1000) is too small for a number"], []),
    ("softmax(w)[0]", {"w": [0.0, 1000.0]}, "w[0]", ["softmax", "too small"], []),
    ("x*1e-200*1e-200", {"x": 1}, "x", ["1e-200 × 1e-200 is too small for a number"], []),
    ("relu(x)", {"x": -1}, "x", ["relu is flat: relu(-1)"], []),
    ("abs(x)", {"x": 0}, "x", ["abs is not differentiable at 0"], []),
    ("max(x, y)", {"x": 1, "y": 2}, "x", ["max takes the other argument: max(1, 2)"], []),
    ("max(w)", {"w": [1.0, 2.0]}, "w[0]", ["max takes other elements than w[0]"], []),
    ("clip(x, 0, 1)", {"x": 2}, "x", ["clip is flat: clip(2, 0, 1)"], []),
    ("where(w > 0, w, 2)[0]", {"w": [-1.0, 1.0]}, "w[0]", ["where takes other elements than w[0]"], []),
    ("stop(x)*y", {"x": 1, "y": 1}, "x", ["stop lets no derivative through (1:1)"], []),
    ("v = [1, 2]; v[int(x)]", {"x": 1}, "x", ["int is flat"], []),
    ("if x > 0 { x^2 } else { 1 }", {"x": -1}, "x", ["comparison x > 0", "branch that was not taken (1:12)"], []),
    ("s = 1; for i in 0..n { s = s + x }; s", {"n": 0, "x": 1}, "x", ["loop that ran no iteration"], []),
    ("k = 0; while k < x { k = k + 1 }; k", {"x": 3}, "x", ["comparison k < x"], []),
    ("z = x*y; y", {"x": 3, "y": 1}, "x", ["no path", "at 1:5 is not used"], ["flat"]),
    ("v = w; v[0] = 3; sum(v)", {"w": [1.0, 2.0]}, "w[0]", ["w[0] is overwritten"], []),
    ("floor(w[0]) + w[1]", {"w": [1.5, 2.0, 3.0]}, "w[0]", ["floor is flat"], []),
    ("floor(w[0]) + w[1]", {"w": [1.5, 2.0, 3.0]}, "w[2]", ["no path"], ["floor"]),
    ("norm(v - w)", {"v": [1.0, 2.0], "w": [1.0, 2.0]}, "v[0]", ["norm is not differentiable at 0"], []),
]


@pytest.mark.parametrize(("text", "at", "number", "phrases", "absent"), ZEROS, ids=[f"{case[0]} by {case[2]}" for case in ZEROS])
def test_why_it_is_zero(text: str, at: dict[str, Any], number: str, phrases: list[str], absent: list[str]) -> None:
    reason = reasons(text, **at)[number]
    assert all(phrase in reason for phrase in phrases), reason
    assert not any(phrase in reason for phrase in absent), reason


def numbers(story: Any) -> list[tuple[str, float]]:
    return [(n["of"], float(n["is"])) for n in story["numbers"]]


def element(found: Any, path: str) -> float:
    """gradient.w[1,0] in a result."""
    name, _, index = path.removeprefix("gradient.").partition("[")
    value = found["gradient"][name] if path != "value" else found["value"]
    for k in filter(None, index.rstrip("]").split(",")):
        value = value[int(k)]
    return NAN if value is None else value


def steps(items: list[Any]) -> list[Any]:
    return [step for item in items for step in (steps(item["lap"]) if item["kind"] == "repeated" else [item])]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_numbers_of_samples_are_those_of_grad(path: pathlib.Path) -> None:
    found = data(str(path), "--by", "line", "--rows", "all")
    done = json.loads(invoke(["grad", str(path), "--json"]).out)
    for story in found["stories"]:
        for of, number in numbers(story):
            assert math.isclose(number, element(done, of), rel_tol=1e-9, abs_tol=1e-12), of
        if "shares" in story:
            assert_shares(story, numbers(story)[0][1])


def assert_shares(story: Any, total: float) -> None:
    rows = story["shares"]["rows"]
    assert math.isclose(math.fsum([*(r["share"] for r in rows), story["shares"]["rounding"]]), total, rel_tol=1e-12)
    assert sum(r["uses"] for r in rows) >= len(story["contributions"])


@pytest.mark.parametrize("by", ["line", "iteration"])
def test_shares_add_up_to_the_gradient(by: str) -> None:
    text = "y = x\nfor i in 0..40 {\n y = r*y*(1 - y)\n y = y + 0.01*r\n}\nz = y^2\nz + 3*r"
    found = data(text, "--at", "x=0.3,r=3.7", "--by", by)
    done = json.loads(invoke(["grad", text, "--at", "x=0.3,r=3.7", "--json"]).out)
    story = next(s for s in found["stories"] if s["numbers"][0]["of"] == "gradient.r")
    total = done["gradient"]["r"]
    assert_shares(story, total)
    rows = {str(r[by]): r for r in story["shares"]["rows"]}
    if by == "line":
        assert rows["3"]["uses"] == rows["4"]["uses"] == 40
        assert rows["7"]["share"] == 3.0
    else:
        assert rows["[]"]["share"] == 3.0
        # ∂y/∂r of the last iteration alone, by hand: z' = 2y, y = r·u·(1 - u) + 0.01·r for the u before it.
        u = 0.3
        for _ in range(39):
            u = 3.7 * u * (1 - u) + 0.037
        y = 3.7 * u * (1 - u) + 0.037
        assert math.isclose(rows["[39]"]["share"], 2 * y * (u * (1 - u) + 0.01), rel_tol=1e-9)


def test_factors_along_the_largest_way_multiply_to_the_gradient() -> None:
    """y + 0.5·sin(y) has two ways, and the factor of an iteration is that of both: 1 + 0.5·cos(y)."""
    found = data("y = x; for i in 0..50 { y = 2*(y + 0.5*sin(y)) }; y*2", "--at", "x=1e-9", "--by", "iteration")
    (story,) = found["stories"]
    assert story["kind"] == "huge"
    rows = {tuple(r["iteration"]): r["log10_factor"] for r in story["shares"]["rows"]}
    assert set(rows) == {(), *((k,) for k in range(50))}
    assert math.isclose(math.fsum(rows.values()), math.log10(abs(found["gradient"]["x"])), rel_tol=1e-12)
    assert rows[()] == math.log10(2)
    y = 1e-9
    for k in range(50):
        assert math.isclose(rows[k,], math.log10(abs(2 + math.cos(y))), rel_tol=1e-9, abs_tol=1e-12)
        y = 2 * (y + 0.5 * math.sin(y))


def test_steps_of_a_path_lead_from_birth_to_the_input() -> None:
    (story,) = data("sqrt(x^2+y^2)", "--at", "x=0,y=0")["stories"]
    assert [n["of"] for n in story["numbers"]] == ["gradient.x", "gradient.y"]
    path = steps(story["path"])
    assert [(s["op"], s["line"], s["column"]) for s in path] == [("sqrt", 1, 1), ("+", 1, 6), ("^", 1, 6)]
    assert [(s["adjoint"], s["derivative"], s["gives"]) for s in path] == [(1.0, "inf", "inf"), ("inf", 1.0, "inf"), ("inf", 0.0, "nan")]
    assert path[-1]["to"] == "x"
    assert story["born"]["operation"] == "sqrt(x^2+y^2)"


def test_a_long_loop_is_told_on_a_screen() -> None:
    done = invoke(["blame", "y = x; for i in 0..100000 { y = y + 0.001*sin(y)*r }; y", "--at", "x=1,r=0.5", "--by", "iteration"])
    assert done.code == 0
    lines = done.out.splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 80
    assert "iterations 99,999 … 0" in done.out


def test_growth_is_that_of_the_adjoint() -> None:
    (story,) = data("y = x; for i in 0..1000 { y = y + 0.5*y }; y", "--at", "x=1")["stories"]
    repeated = next(item for item in story["way"] if item["kind"] == "repeated")
    assert repeated["times"] == 1000
    assert (repeated["from"], repeated["from_iteration"], repeated["to_iteration"]) == (1.0, [999], [0])
    assert math.isclose(repeated["to"], 1.5**1000, rel_tol=1e-9)


def test_overflow_along_the_chain_names_the_iteration() -> None:
    """The adjoint doubles in each iteration, from 1 behind the last: 2^1024 overflows."""
    (story,) = data("h = x; for i in 0..3000 { h = 2*h }; h", "--at", "x=0")["stories"]
    assert story["root"] == "overflow"
    birth = steps(story["path"])[0]
    assert (birth["iteration"], birth["adjoint"], birth["gives"]) == ([3000 - 1024], 2.0**1023, "inf")
    assert (steps(story["way"])[0]["adjoint"], steps(story["way"])[0]["iteration"]) == (1.0, [2999])


def test_the_lane_not_taken_has_no_part_in_it() -> None:
    assert adcli.compile("where(w > 0, 1/w, w)[0] + sum(w)").gradient(w=[0.0, 1.0])["w"].tolist() == [2.0, 1.0]
    (story,) = data("where(w > 0, 1/w, w)[0] + sum(w)", "--at", "w=[0,1]")["stories"]
    assert story["kind"] == "ordinary"
    assert numbers(story) == [("gradient.w[0]", 2.0)]


def test_a_derivative_inside_the_program_is_called_so() -> None:
    story = data("grad(t -> sqrt(t), x)", "--at", "x=0")["stories"][0]
    assert steps(story["path"])[0]["operation"] == "derivative of sqrt(t)"


@pytest.mark.parametrize("text", ["x*y + floor(y) + 0*y", "max(x, y)*y + abs(x - y)*0", "(x - y)*(x - y)*y + x*y"])
def test_uses_that_give_nothing_are_not_denied(text: str) -> None:
    """One use gives all there is: that it is the only one would not be true."""
    reason = reasons(text, x=2.0, y=2.0)["x" if text.startswith("(") else "y"]
    assert "only" not in reason
    assert text.startswith("max") or reason.endswith("alone")


def test_an_input_that_is_the_output_has_no_shares() -> None:
    (story,) = data("x", "--at", "x=3", "--by", "line")["stories"]
    assert numbers(story) == [("gradient.x", 1.0)]
    assert "shares" not in story
    assert (
        invoke(["blame", "x", "--at", "x=3", "--by", "line"]).out == "gradient by x is 1: finite and ordinary\n  it is the output itself\n"
    )


def test_elements_asked_for() -> None:
    found = data("sum(sqrt(A))", "--at", "A=[[0,1],[4,0]]", "--wrt", "A[1,0],A[0,0]")
    assert sorted(numbers(s)[0] for s in found["stories"]) == [("gradient.A[0,0]", INF), ("gradient.A[1,0]", 0.25)]
    for word, hint in [("A[2,0]", "no element"), ("A[0]", "no element"), ("A[x]", "no element"), ("B", "no input")]:
        done = invoke(["blame", "sum(A)", "--at", "A=[[0,1],[4,0]]", "--wrt", word])
        assert done.code == 2
        assert hint in done.err


def test_api() -> None:
    found = blame(adcli.compile("ln(x)"), {"x": -1})
    assert found.summary == "value is nan, gradient by x is nan: `ln` at 1:1: ln(-1) = nan"
    assert blame(adcli.compile("5"), {}).summary.startswith("there is nothing to tell")


@pytest.mark.parametrize("command", ["grad", "trace"])
@pytest.mark.parametrize(
    ("words", "help"),
    [
        (["sqrt(x^2+y^2)", "--at", "x=0,y=0"], 'adcli blame "sqrt(x^2+y^2)" --at x=0,y=0'),
        (["floor(x)*y", "--at", "x=1.5", "--at", "y=2", "--wrt", "x"], 'adcli blame "floor(x)*y" --at x=1.5 --at y=2 --wrt x'),
        (["-e", "floor(x) != 1", "--at", "x=1.5"], "adcli blame -e 'floor(x) != 1' --at x=1.5"),
        (["floor(x)" + " + 0*x" * 50, "--at", "x=1.5"], "adcli blame PROGRAM --at …"),
        (["x^2", "--at", "x=1"], None),
        (["sum(w)", "--at", "w=[0,0]"], None),
    ],
    ids=lambda x: x[0][:24] if isinstance(x, list) else "",
)
def test_other_commands_suggest_it(command: str, words: list[str], help: str | None) -> None:
    done = invoke([command, *words])
    assert done.code == 0
    if help is None:
        assert "blame" not in done.err
    else:
        assert done.err.splitlines()[-1] == f"help: {help} says where it comes from"
    assert "blame" not in invoke([command, *words, "-q"]).err
    assert "blame" not in invoke([command, *words, "--json"]).err


def test_derivatives_along_a_direction_suggest_it_where_they_are_not_finite() -> None:
    for command, *more in (["jvp", "--along", "x=1"], ["vjp", "--cotangent", "1"], ["hessian"]):
        assert "help: adcli blame" in invoke([command, "sqrt(x)", "--at", "x=0", *more]).err
        assert "blame" not in invoke([command, "x^2", "--at", "x=0", *more]).err
    assert "blame" not in invoke(["jvp", "[sqrt(x), 1]", "--at", "x=0", "--along", "x=1"]).err


def test_the_command_suggested_can_be_pasted() -> None:
    """Whatever is in the program, the shell gives it back as it was."""
    import shlex

    for program in ["x*0", "floor(x) # a $HOME `id` comment", "floor(x) # \"quoted\" \\ 'so'", "0*x # ü ü"]:
        line = invoke(["grad", program, "--at", "x=1"]).err.splitlines()[-1]
        assert line.startswith("help: adcli blame ")
        words = shlex.split(line.removeprefix("help: ").removesuffix(" says where it comes from"))
        assert words == ["adcli", "blame", program, "--at", "x=1"]


def test_traces_leave_out_lanes_not_taken() -> None:
    """The reverse sweep of a recording keeps structural zeros lane by lane, as `grad` does, through what moves elements."""
    programs = [
        ("where(w > 0, 1/w, w)[0] + sum(w)", "w=[0,1]"),
        ("sum(flip(where(w > 0, sqrt(w), 2*w), axis=0)*[1, 2])", "w=[0,4]"),
        ("sum(where(w > 1, ln(w - 1), where(w > 0, ln(w), w)))", "w=[-1,0.5,2]"),
        ("sum(where(w > 0, concat(1/w[0..1], w[1..2]), 3))", "w=[0,1]"),
    ]
    for text, at in programs:
        want = json.loads(invoke(["grad", text, "--at", at, "--json"]).out)["gradient"]["w"]
        found = json.loads(invoke(["trace", text, "--at", at, "--json"]).out)
        assert all(x is not None for x in want)
        last = [a["running"] for a in found["adjoints"] if a["v"] == 0][-1]
        assert last == pytest.approx(want, rel=1e-12), text


def test_an_output_that_is_an_array() -> None:
    """Its values alone, or the gradient of an element, as `vjp` with a 1 there gives it."""
    assert "all numbers of the output are finite" in blame(adcli.compile("sqrt(w)"), {"w": [1.0, 0.0]}).summary
    assert blame(adcli.compile("sqrt(w)"), {"w": [1.0, -1.0]}).summary == "value[1] is nan: `sqrt` at 1:1: sqrt(-1) = nan"
    text, at = "output u = [w[0]*w[1], sqrt(w[1] - 2)]; output v = cumsum(sqrt(w))", "w=[1,0,4]"
    for k in range(3):
        seed = f"v=[{','.join('1' if j == k else '0' for j in range(3))}]"
        row = json.loads(invoke(["vjp", text, "--at", at, "--cotangent", seed, "--json"]).out)["gradient"]["w"]
        found = data(text, "--at", at, "--of", f"v[{k}]", "--wrt", "w[0],w[1],w[2]")
        told = {of: number for story in found["stories"] for of, number in numbers(story)}
        for j, x in enumerate(row):
            number = told[f"gradient.w[{j}]"]
            assert number == x if x is not None else not math.isfinite(number)
    for of, hint in [("v[3]", "no element"), ("v[", "no element"), ("z[0]", "no output")]:
        done = invoke(["blame", text, "--at", at, "--of", of])
        assert done.code == 2
        assert hint in done.err


def test_how_a_value_grew_before_it_overflowed() -> None:
    (story,) = data("y = x; for i in 0..100 { y = y*y }; y", "--at", "x=1.1")["stories"]
    assert (story["root"], story["path"][0]["iteration"], story["path"][0]["value"]) == ("value", [12], "inf")
    (grown,) = story["way"]
    assert (grown["times"], grown["lap"][0]["value"], grown["from_iteration"], grown["to_iteration"]) == (12, 1.1 * 1.1, [0], [11])


def test_nan_of_what_the_run_does_not_use() -> None:
    """The adjoint program carries zeros of variables that the run overwrites, and the tangents those of branches that it does not take:
    where 0 meets infinity in both, the derivative is nan in `grad`, and is told so.
    """
    text, at = "s = sqrt(v); while s < 3 { s = x }; s + sqrt(if v > 1 { v } else { y })", "x=5,v=0,y=0"
    assert json.loads(invoke(["grad", text, "--at", at, "--json"]).out)["gradient"] == {"v": None, "x": 1.0, "y": None}
    story = data(text, "--at", at)["stories"][0]
    assert (story["kind"], story["root"], story["numbers"][0]["of"]) == ("nan", "partial", "gradient.v")
    (step,) = story["path"]
    assert (step["op"], step["adjoint"], step["derivative"], step["gives"]) == ("sqrt", 0.0, "inf", "nan")
    assert "what this run does not use" in story["reason"]


@pytest.mark.parametrize(
    ("text", "at", "name"),
    [
        ("s = sqrt(v); while s < 3 { s = x }; s", "x=5,v=0", "gradient.v"),
        ("z = sqrt(v); z[1]", "v=[0,3]", "gradient.v[0]"),
        ("z = sqrt(v); z[1] + 2*v[0]", "v=[0,3]", "gradient.v[0]"),
    ],
)
def test_a_derivative_that_one_mode_alone_knows(text: str, at: str, name: str) -> None:
    """The reverse sweep meets 0·inf where nothing of a run is used; the story is told of the number that `grad` gives."""
    stories = data(text, "--at", at)["stories"]
    told = {of: (number, story["kind"]) for story in stories for of, number in numbers(story)}
    assert told[name] == ((2.0, "ordinary") if "2*v" in text else (0.0, "zero"))
    assert "nan" not in invoke(["blame", text, "--at", at]).out


def test_an_element_that_is_not_read_has_no_path() -> None:
    """Not a derivative that is too small, which is one of another element."""
    (story,) = data("z = exp(v); sum(z[1..])", "--at", "v=[0,3,4]", "--wrt", "v[0]")["stories"]
    assert "no path" in story["reason"]
    (story,) = data("inv(A)[0, 0]", "--at", "A=[[1,0],[0,2]]", "--wrt", "A[0,1]")["stories"]
    assert "no path" not in story["reason"]


def test_markdown() -> None:
    """Names keep their underscores and products their signs; the names of operations are code."""
    done = invoke(["blame", "ln(x_1)*2", "--at", "x_1=0", "--to", "markdown"])
    assert done.out.splitlines() == [
        "**value is -inf**",
        "",
        "`ln` at 1:1: ln(0) = -inf",
        "",
        "| operation | place | value | gives |",
        "| --- | --- | --- | ---: |",
        r"| ln(x\_1) | 1:1 | ln(0) | -inf |",
        r"| ln(x\_1)\*2 | 1:1 | -inf × 2 | -inf |",
        "",
        r"**gradient by x\_1 is inf**",
        "",
        "`ln` at 1:1: 1 / 0 = inf",
        "",
        "| operation | place | adjoint × derivative | gives |",
        "| --- | --- | --- | ---: |",
        r"| ln(x\_1) | 1:1 | 2 × 1 / 0 | inf |",
    ]
    assert "`*` at 1:1: 1e200 × 1e200 = inf" in invoke(["blame", "x*y", "--at", "x=1e200,y=1e200", "--to", "markdown"]).out


def test_elements_with_one_reason_are_told_about_once() -> None:
    w = [-1.0 - k if k % 2 else 4.0 for k in range(100)]
    found = told("s = 0; for i in 0..100 { s = s + sqrt(w[i]) }; s", w=w)
    kinds = [(s.kind, s.first.name, len(s.quantities), s.more) for s in found.stories]
    # 32 of the 50 elements that are nan are looked into; the value is told about with them.
    assert kinds == [("nan", "value", 33, 18), ("ordinary", "w[0]", 1, 49)]
    assert len(str(found).splitlines()) <= 30


@settings(max_examples=60, deadline=None)
@given(programs(), points(), st.integers(0, 2**10))
def test_generated_programs(text: str, point: list[float], special: int) -> None:
    """At points as they come and at special ones: no story contradicts the gradient, shares add up, and lines fit."""
    odd = [0.0, 1.0, -1e200, 800.0, 0.5]
    x, y, *v = (odd[special % 5] if special >> k & 1 else number for k, number in enumerate(point))
    try:
        found = blame(adcli.compile(text, engine="interpret"), {"x": x, "y": y, "v": v, "n": 3}, by="line")
    except adcli.AdcliError:
        return
    for story in found.stories:
        for q in story.quantities:
            given_ = found.result.value if q.kind == "value" else element({"gradient": lists(found.result.derivative)}, q.name)
            assert isinstance(given_, float)
            assert math.isclose(q.number, given_, rel_tol=1e-9, abs_tol=1e-13) or (math.isnan(q.number) and math.isnan(given_)), q.name
        if story.shares is not None and story.shares.parts:
            parts = [part.share for part in story.shares.parts]
            assert math.isclose(math.fsum([*parts, story.shares.rounding]), story.shares.total, rel_tol=1e-12)
        assert story.path.root != "unknown" or story.kind not in ("nan", "inf")
    assert all(len(line) <= 80 for line in str(found).splitlines())


def lists(gradient: Any) -> dict[str, Any]:
    return {name: value.tolist() if hasattr(value, "tolist") else value for name, value in gradient.items()}


def test_a_derivative_that_is_a_piece_of_the_program_has_no_brackets() -> None:
    assert "the derivative of x^0.5*y is x^0.5 = 0 (1:1)" in invoke(["blame", "x^0.5*y", "--at", "x=0,y=0"]).out
    assert "\n  w^2 is multiplied by 0 (1:1)\n" in invoke(["blame", "w^2*0", "--at", "w=2"]).out


@pytest.mark.parametrize(
    ("program", "at", "said"),
    [
        ("x*1e308 + x*1e308", "x=1e-10", "the contributions to the adjoint of x add up to more than a number can hold"),
        # The last term makes nan of the tangent, too: else there would be no path, and `grad` would say 0.
        (
            "a = zeros(2); a[0] = sqrt(x); a[0] = 1; a[0] + sqrt(if x > 1 { x } else { y })", "x=0,y=0",
            "times its adjoint 0 (a[0] = 1 replaces it at 1:38), gives nan",
        ),
        (
            "a = [sqrt(x), 1]; a[1] + sqrt(if x > 1 { x } else { y })", "x=0,y=0",
            "times its adjoint 0 (a[1] reads another value at 1:19), gives nan",
        ),
        ("inf*x", "x=0", "`*` at 1:1 reads the constant inf, and inf × 0 is nan"),
        ("s = 0; y = 0; for i in 0..3 { s = s + y*0; y = sqrt(x) }; s", "x=0", "(a factor of 0 in `*` at 1:39, iteration 2), gives nan"),
    ],
)  # fmt: skip
def test_how_a_number_became_undefined_is_said_in_words_of_the_program(program: str, at: str, said: str) -> None:
    assert said in " ".join(invoke(["blame", program, "--at", at]).out.split())
