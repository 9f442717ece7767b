"""The reference cases under tests/cases/reference: known values, gradients, Jacobians, Hessians, flags, errors and traces."""
from __future__ import annotations

import json
import math
import pathlib
import re
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from tests.invoke import Outcome, invoke

FOLDER = pathlib.Path(__file__).parent / "cases" / "reference"
PARTS = ("value", "outputs", "gradient", "jacobian", "hessian")


def cases(*names: str) -> list[Any]:
    lines = [json.loads(line) for name in names for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
    return [pytest.param(case, id=case["id"]) for case in lines]


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, float]]:
    """Every number with the path to it; the words nan, inf and -inf are numbers too, and null is nan."""
    if isinstance(value, dict):
        for key, v in value.items():
            yield from leaves(v, f"{path}.{key}")
    elif isinstance(value, list):
        for i, v in enumerate(value):
            yield from leaves(v, f"{path}[{i}]")
    else:
        yield path, math.nan if value is None else float(value)


def ordinal(x: float) -> int:
    """Doubles in order, as integers: neighbours differ by one."""
    bits: int = struct.unpack("<q", struct.pack("<d", x))[0]
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def close(got: float, want: float, expect: dict[str, Any]) -> bool:
    if not math.isfinite(want) or not math.isfinite(got):
        return got == want or (math.isnan(got) and math.isnan(want))
    if "ulp" in expect and abs(ordinal(got) - ordinal(want)) <= expect["ulp"]:
        return True
    relative = expect.get("tol", 0 if "ulp" in expect else 1e-12)
    return abs(got - want) <= max(relative * abs(want), expect.get("atol", 0 if want or "ulp" in expect else 1e-12))


def finite(answer: dict[str, Any]) -> dict[str, float]:
    """The numbers of an answer by path, where the flags tell what each null stands for."""
    numbers = dict(leaves({part: answer[part] for part in PARTS if part in answer}))
    for flag in answer["flags"]:
        if "at" in flag:
            numbers["." + flag["at"]] = float(flag["is"])
    return numbers


def agrees(numbers: dict[str, float], want: dict[str, Any], expect: dict[str, Any]) -> bool:
    return all(path in numbers and close(numbers[path], number, expect) for path, number in leaves(want))


def alternatives(expect: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The answers a case accepts, the main one first."""
    main = {part: expect[part] for part in PARTS if expect.get(part) is not None}
    if "value_if_0" in expect:
        main["value"] = expect["value_if_0"]
    yield main
    for other in expect.get("accept", []):
        gradient = {**main.get("gradient", {}), **other.get("gradient", {})}
        yield {**main, **other, **({"gradient": gradient} if gradient else {})}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def words(case: dict[str, Any]) -> list[str]:
    """The command line of a case, without its mode."""
    at = [word for name, value in case.get("at", {}).items() for word in ("--at", f"{name}={json.dumps(value)}")]
    return [case["command"], "-e", case["program"], *at, *case.get("args", [])]


def judge(case: dict[str, Any], done: Outcome) -> None:
    expect = case["expect"]
    assert done.code in listed(expect.get("exit", 0)), done.both
    assert "Traceback" not in done.both
    assert len(done.err) <= 4096
    for text in expect.get("stderr", []):
        assert text in done.err
    if done.code == 3 and expect.get("position"):
        line = re.search(r":(\d+):(\d+)", done.err)
        assert line and (expect["position"] is True or int(line[1]) == expect["position"]), done.err
    if done.code:
        return
    answer = json.loads(done.out, parse_constant=pytest.fail)
    if "hessian_matrix" in expect:
        answer["hessian"] = [list(row.values()) for row in answer["hessian"].values()]
        expect = {**expect, "hessian": expect["hessian_matrix"]}
    numbers = finite(answer)
    assert any(agrees(numbers, want, expect) for want in alternatives(expect)), answer
    codes = {flag["code"] for flag in answer["flags"]}
    if "flag" in expect:
        same = {"singular", "domain"} if expect["flag"] in {"singular", "domain"} else {expect["flag"]}
        assert codes & same, codes
    assert not (expect.get("no_flag") and codes)


def run(case: dict[str, Any], mode: str) -> None:
    if mode == "forward" and case["command"] != "grad":
        return
    judge(case, invoke([*words(case), "--json", *(["--mode", mode] if case["command"] == "grad" else [])]))
    if "strict_exit" in case["expect"]:
        assert invoke([*words(case), "--json", "--strict"]).code == case["expect"]["strict_exit"]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("case", cases("formulas", "programs", "scalar"))
def test_numbers(case: dict[str, Any], mode: str) -> None:
    run(case, mode)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("case", cases("hard"))
def test_hard(case: dict[str, Any], mode: str) -> None:
    run(case, mode)


def rows_agree(got: list[list[Any]], want: list[list[Any]]) -> bool:
    """Rows of whole numbers (which are equal) and numbers (which are close)."""
    return len(got) == len(want) and all(
        (g is None and w is None) or (isinstance(w, int) and g == w) or close(g, w, {"atol": 1e-15})
        for a, b in zip(got, want, strict=True)
        for g, w in zip(a, b, strict=True)
    )


@pytest.mark.parametrize("case", cases("traces"))
def test_trace(case: dict[str, Any]) -> None:
    at = [word for name, value in case["at"].items() for word in ("--at", f"{name}={value}")]

    def trace(*more: str) -> Any:
        done = invoke(["trace", "-e", case["program"], *at, "--json", *more])
        assert done.code == 0, done.both
        return json.loads(done.out)

    reverse = trace()
    assert rows_agree([[r["v"], r["value"]] for r in reverse["rows"]], case["rows"])
    assert rows_agree([[r["v"], r["from"], r["increment"], r["running"]] for r in reverse["adjoints"]], case["adjoints"])
    for tangent in case["tangents"]:
        along = ",".join(f"{name}={value}" for name, value in tangent["along"].items())
        forward = trace("--mode", "forward", "--along", along)
        assert rows_agree([[r["v"], r["value"]] for r in forward["tangents"][0]["rows"]], tangent["rows"])


DEEP = {
    "a sum of 100,000 terms": ("+".join(["x"] * 100_000), 1.0, 100_000.0),
    "5,000 nested sines": ("sin(" * 5_000 + "x" + ")" * 5_000, 0.0, 1.0),
    "5,000 nested parentheses": ("(" * 5_000 + "x" + ")" * 5_000, 3.0, 1.0),
    "a tower of 5,000 powers": ("^".join(["x"] * 5_000), 1.0, 1.0),
    "5,000 signs": ("-" * 5_000 + "x", 2.0, 1.0),
}


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", DEEP)
def test_large_and_deep_programs(name: str, mode: str) -> None:
    text, x, slope = DEEP[name]
    done = invoke(["grad", "-e", text, "--at", f"x={x}", "--json", "--mode", mode])
    assert done.code == 0, done.err[:500]
    assert json.loads(done.out)["gradient"]["x"] == slope


WRONG_AND_LARGE = {
    "a name of a million letters": "a" * 1_000_000,
    "calls of calls": "(" * 30 + "x" + ")(x)" * 30,
    "100,000 open parentheses": "(" * 100_000,
}


@pytest.mark.parametrize("name", WRONG_AND_LARGE)
def test_large_and_wrong_programs(name: str) -> None:
    done = invoke(["eval", "-e", WRONG_AND_LARGE[name]])
    assert done.code in {2, 3, 6}, done.err[:500]
    assert len(done.err) <= 4096
    assert "Traceback" not in done.err


@pytest.mark.parametrize("digits", ["1" * 5_000, "0." + "0" * 400 + "1"])
def test_long_numbers(digits: str) -> None:
    done = invoke(["eval", "-e", digits, "--json"])
    assert done.code == 0, done.err[:500]
    assert {flag["code"] for flag in json.loads(done.out)["flags"]} & {"overflow-literal", "underflow-literal"}
