"""Traces: the rows recorded, tangents and adjoint increments against `grad`, and the formulas against the numbers they stand for."""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import pytest

import adcli
from adcli import ops
from tests.invoke import invoke

ROOT = pathlib.Path(__file__).parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.adl"))
TRACES = [json.loads(line) for line in (ROOT / "tests" / "cases" / "reference" / "traces.jsonl").read_text().splitlines()]


def trace(*words: str) -> Any:
    done = invoke(["trace", *words, "--json"])
    assert done.code == 0, done.err
    return json.loads(done.out)


def lines(*words: str) -> list[str]:
    done = invoke(["trace", *words])
    assert done.code == 0, done.err
    return done.out.splitlines()


def close(a: Any, b: Any) -> bool:
    if isinstance(a, list) or isinstance(b, list):
        return isinstance(a, list) and isinstance(b, list) and len(a) == len(b) and all(map(close, a, b))
    return a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12))


def swept(found: Any) -> dict[str, Any]:
    """The gradient that the adjoint statements end with."""
    inputs = list(found["inputs"])
    last = {a["v"]: a["running"] for a in found["adjoints"]}
    return {name: last.get(k - len(inputs) + 1) for k, name in enumerate(inputs)}


def assert_gradient(found: Any, gradient: dict[str, Any]) -> None:
    ends = swept(found)
    for name, want in gradient.items():
        if ends[name] is not None:
            assert close(ends[name], want), name
        else:
            assert not any(flatten(want)), name


def flatten(value: Any) -> list[Any]:
    return [x for part in value for x in flatten(part)] if isinstance(value, list) else [value]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_the_trace_of_a_sample_ends_with_its_gradient(path: pathlib.Path) -> None:
    found = trace(str(path))
    want = json.loads(invoke(["grad", str(path), "--json"]).out)
    assert found["value"] == want["value"]
    assert found["gradient"] == want["gradient"]
    assert_gradient(found, want["gradient"])
    assert found["flags"] == want["flags"]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda p: p.stem)
def test_tangents_of_a_sample_agree_with_jvp(path: pathlib.Path) -> None:
    names = list(adcli.compile(path.read_text()).inputs)
    along = [word for i in names if i.kind == "real" for word in ("--along", i.name)]
    found = trace(str(path), "--mode", "forward", *along)
    seeds = found["tangents"][0]["seed"]
    given = [word for name, value in seeds.items() for word in ("--along", f"{name}={json.dumps(value)}")]
    want = json.loads(invoke(["jvp", str(path), "--json", *given]).out)
    tangent = next(iter(want["tangents"].values()))
    assert any(close(row["value"], tangent) for row in found["tangents"][0]["rows"])


@pytest.mark.parametrize("case", TRACES, ids=lambda c: c["id"])
def test_the_trace_of_a_reference_case_ends_with_its_gradient(case: dict[str, Any]) -> None:
    at = [word for name, value in case["at"].items() for word in ("--at", f"{name}={value}")]
    found = trace("-e", case["program"], *at)
    assert_gradient(found, json.loads(invoke(["grad", "-e", case["program"], *at, "--json"]).out)["gradient"])


def test_table_3_of_the_survey() -> None:
    found = lines("samples/survey.adl")
    text = "\n".join(found)
    assert text.index("= 1.716") < text.index("= -0.284"), "the statements run from the bottom up"
    assert "8  v̄₀ = v̄₀ + v̄₂ × v₋₁" in text and "9  v̄₋₁ = v̄₋₁ + v̄₁ / v₋₁" in text
    steps = lines("samples/survey.adl", "--layout", "steps")
    adjoints = [line.split("=")[-1].strip() for line in steps if line.strip()[:1].isdigit()]
    assert adjoints == ["1", "1", "-1", "1", "1", "-0.284", "5", "1.716", "5.5"]


def test_table_2_of_the_survey() -> None:
    found = trace("samples/survey.adl", "--mode", "forward", "--along", "x1")
    assert [row["value"] for row in found["tangents"][0]["rows"]] == [1, 0, 0.5, 5, 0, 5.5, 5.5]
    assert found["tangents"][0]["seed"] == {"x1": 1.0}
    assert found["tangents"][0]["rows"][3]["formula"] == "v_dot[-1] * v[0] + v_dot[0] * v[-1]"
    assert found["tangents"][0]["rows"][3]["numbers"] == "1 * 5 + 0 * 2"


def test_without_a_direction_each_input_is_one() -> None:
    found = trace("x*y", "--at", "x=2,y=5", "--mode", "forward")
    assert [t["seed"] for t in found["tangents"]] == [{"x": 1.0}, {"y": 1.0}]
    assert [t["rows"][-1]["value"] for t in found["tangents"]] == [5, 2]
    assert found["gradient"] == {"x": 5.0, "y": 2.0}


def test_the_logistic_map_says_line_and_iteration() -> None:
    found = trace("samples/logistic_map.adl", "--mode", "forward")
    named = {tuple(row["iteration"]): k for k, row in enumerate(found["rows"]) if row["name"] == "v" and row["op"] != "input"}
    assert list(named) == [(0,), (1,), (2,)]
    values = [found["tangents"][0]["rows"][k]["value"] for k in named.values()]
    assert [round(v, 3) for v in values] == [2.4, -2.688, 9.066]
    assert len({found["rows"][k]["line"] for k in named.values()}) == 1
    assert any("iter" in line for line in lines("samples/logistic_map.adl"))


def test_rows_of_the_schema() -> None:
    found = trace("input x1 = 2; input x2 = 5\nv1 = ln(x1)\ny = 4*v1 - x2; output y")
    assert list(found) == ["schema", "mode", "inputs", "value", "gradient", "rows", "adjoints", "flags"]
    assert found["rows"][0] | {"line": 1} == {
        "v": -1, "name": "x1", "op": "input", "args": ["x1"], "formula": "x1", "numbers": None, "value": 2.0, "line": 1, "iteration": [],
    }  # fmt: skip
    assert found["rows"][2] == {
        "v": 1, "name": "v1", "op": "ln", "args": [-1], "formula": "ln(v[-1])", "numbers": "ln(2)", "value": math.log(2),
        "line": 2, "iteration": [],
    }  # fmt: skip
    assert found["rows"][3]["op"] == "*" and found["rows"][3]["args"] == [{"const": 4.0}, 1]
    assert found["adjoints"][0] | {"formula": "", "numbers": ""} == {
        "step": 1, "v": 3, "from": None, "formula": "", "numbers": "", "partial": None, "increment": 1.0, "running": 1.0,
    }  # fmt: skip
    assert [a["step"] for a in found["adjoints"]] == list(range(1, len(found["adjoints"]) + 1))


def test_each_use_is_one_statement_first_operand_first() -> None:
    found = trace("x*x", "--at", "x=3")
    assert [(a["v"], a["from"], a["increment"], a["running"]) for a in found["adjoints"]] == [(1, None, 1, 1), (0, 1, 3, 3), (0, 1, 3, 6)]
    found = trace("x - y", "--at", "x=3,y=4")
    assert [(a["v"], a["increment"]) for a in found["adjoints"]] == [(1, 1), (-1, 1), (0, -1)]


def test_an_alias_has_no_row_and_constants_have_none() -> None:
    found = trace("a = x; b = 2; c = a*b; d = c; d", "--at", "x=3")
    assert [(row["op"], row["name"]) for row in found["rows"]] == [("input", "x"), ("*", "c")]


def test_bookkeeping_has_no_rows() -> None:
    text = "input x = 2; input n: int = 3\ns = 0\nfor i in 0..n { if i > 0 and s < 100 { s += x*i } }\noutput s"
    found = trace(text)
    assert [row["op"] for row in found["rows"]] == ["input", "input", "*", "+", "*", "+"]
    assert [row["iteration"] for row in found["rows"][2:]] == [[1], [1], [2], [2]]
    assert found["rows"][4]["args"] == [-1, {"const": 2.0}]


def test_what_is_pruned_by_of() -> None:
    text = "output y1 = x^2; output y2 = sin(x)"
    found = trace(text, "--at", "x=3", "--of", "y1")
    assert [row["op"] for row in found["rows"]] == ["input", "^", "sin"]
    assert {a["from"] for a in found["adjoints"]} == {None, 1}
    assert invoke(["trace", text, "--at", "x=3"]).code == 2


def test_an_input_without_a_path() -> None:
    found = trace("stop(x)*y", "--at", "x=3,y=4")
    assert found["gradient"] == {"x": 0.0, "y": 3.0}
    assert not [a for a in found["adjoints"] if a["v"] == -1]
    assert any("(no path)" in line for line in lines("stop(x)*y", "--at", "x=3,y=4"))


def test_an_output_that_is_an_input_or_a_constant() -> None:
    assert [(a["v"], a["running"]) for a in trace("x", "--at", "x=3")["adjoints"]] == [(0, 1.0)]
    found = trace("input x = 1; y = 2; output y")
    assert found["adjoints"] == [] and found["gradient"] == {"x": 0.0} and found["value"] == 2.0


def test_arrays_are_one_input_and_matrices_of_partials_are_left_out() -> None:
    found = trace("input A: [2, 2] = [[1, 2], [3, 4]]; input v: [2] = [5, 6]\nsum((A @ v)^2)")
    assert [row["v"] for row in found["rows"][:2]] == [-1, 0]
    product = [a for a in found["adjoints"] if a["from"] is not None and found["rows"][a["from"] + 1]["op"] == "@"]
    assert [a["partial"] for a in product] == [None, None]
    assert product[0]["increment"] == [[2 * 17 * 5.0, 2 * 17 * 6.0], [2 * 39 * 5.0, 2 * 39 * 6.0]]
    squared = [a for a in found["adjoints"] if a["from"] is not None and found["rows"][a["from"] + 1]["op"] == "^"]
    assert squared[0]["partial"] == [34.0, 78.0]
    assert_gradient(found, found["gradient"])


def test_element_reads_and_writes_are_rows() -> None:
    found = trace("input a: [3] = [1, 2, 3]\nb = a\nb[1] = a[0]*a[2]\nsum(b*b)")
    ops_ = [row["op"] for row in found["rows"]]
    assert "index" in ops_ and "update" in ops_
    index = next(row for row in found["rows"] if row["op"] == "index")
    assert index["formula"] == "v[0][0]" and index["args"] == [0, {"const": 0}]
    assert_gradient(found, found["gradient"])


def test_order_by_level() -> None:
    text = "a = sin(x); b = cos(a); c = exp(x); b*c"
    assert [row["op"] for row in trace(text, "--at", "x=1")["rows"]] == ["input", "sin", "cos", "exp", "*"]
    found = trace(text, "--at", "x=1", "--order", "level")
    assert [row["op"] for row in found["rows"]] == ["input", "sin", "exp", "cos", "*"]
    assert [row["v"] for row in found["rows"]] == [0, 1, 2, 3, 4]
    assert found["rows"][4]["args"] == [3, 2]
    assert_gradient(found, found["gradient"])


def test_numbers_that_are_not_finite_are_null_with_a_flag() -> None:
    found = trace("sqrt(x) + y", "--at", "x=0,y=1")
    at = {flag["at"]: flag["is"] for flag in found["flags"] if "at" in flag}
    assert found["gradient"]["x"] is None and at["gradient.x"] == "inf"
    (k,) = [k for k, a in enumerate(found["adjoints"]) if a["running"] is None]
    assert at[f"adjoints[{k}].running"] == "inf"


@pytest.mark.parametrize(("text", "code"), [("abs(x)", "nondifferentiable"), ("if x < 0 { x } else { 2*x }", "branch-boundary")])
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_flags_are_those_of_grad(text: str, code: str, mode: str) -> None:
    assert [flag["code"] for flag in trace(text, "--at", "x=0", "--mode", mode)["flags"]] == [code]
    done = invoke(["trace", text, "--at", "x=0", "--mode", mode])
    assert code in done.err
    assert invoke(["trace", text, "--at", "x=0", "--mode", mode, "--strict"]).code == 5


def points(op: ops.Op) -> list[float]:
    """A point inside the domain an operation states."""
    found = []
    for k, part in enumerate(op.domain.split(",")):
        lo, _, hi = part.partition(" in ")[2].partition("..")
        low, high = max(float(lo), -2.0), min(float(hi or lo), 3.0)
        found.append(round(low + (high - low) * (0.37 + 0.2 * k), 3))
    return found


# polygamma takes a whole first argument; the derivative of sinc has no formula that programs can read.
ELEMENTWISE = [
    (name, op) for name, op in sorted(ops.PUBLIC.items()) if op.kind == "partials" and op.domain and name not in ("polygamma", "sinc")
]  # fmt: skip


@pytest.mark.parametrize(("name", "op"), ELEMENTWISE, ids=[name for name, _ in ELEMENTWISE])
def test_the_numbers_of_a_formula_give_its_value(name: str, op: ops.Op) -> None:
    """Every rule of the table: the formula with the numbers put in, read as a program, is the value beside it."""
    at = dict(zip("xyz", points(op), strict=False))
    text = f"{name}({', '.join(at)})*1.5"
    point = ["--at", ",".join(f"{n}={v}" for n, v in at.items())]
    found = trace(text, *point)
    checked = [(a["numbers"], a["running"]) for a in found["adjoints"] if a["numbers"]]
    forward = trace(text, *point, "--mode", "forward")
    checked += [(row["numbers"], row["value"]) for t in forward["tangents"] for row in t["rows"] if row["numbers"]]
    checked += [(row["numbers"], row["value"]) for row in found["rows"] if row["numbers"]]
    assert len(checked) >= 2 + len(at)
    for numbers, value in checked:
        assert close(adcli.compile(numbers).value(), value), numbers


def test_a_recording_past_the_limit_says_so() -> None:
    text = "input x = 0.2; for i in 0..100000 { x = 3*x*(1 - x) }; output x"
    done = invoke(["trace", text, "--max-memory", "20MB"])
    assert done.code == 6 and "--max-memory" in done.err


def test_deep_recursion_is_recorded() -> None:
    text = "fn f(x, n) = if n < 1 { x } else { 1.0001*f(x, n - 1) }\ninput x = 1\nf(x, 3000)"
    found = trace(text)
    assert len(found["rows"]) == 6001
    assert close(found["adjoints"][-1]["running"], found["gradient"]["x"])


@pytest.mark.parametrize(
    "words",
    [
        ["x", "--at", "x=1", "--along", "x"],
        ["x", "--at", "x=1", "--only", "z"],
        ["x", "--at", "x=1", "--rows", "0"],
        ["x", "--at", "x=1", "--rows", "some"],
        ["x", "--at", "x=1", "--mode", "forward", "--along", "q"],
        ["x", "--at", "x=1", "--mode", "forward", "--along", "x,x=2"],
        ["x", "--at", "x=1", "--to", "latex", "--notation", "ascii"],
        ["[x, 1]", "--at", "x=1"],
    ],
    ids=" ".join,
)
def test_usage_errors(words: list[str]) -> None:
    done = invoke(["trace", *words])
    assert done.code == 2, done.both
    assert done.err.startswith("error[usage]") and done.out == ""
