"""`adcli bench`: what it measures and how it is written; never how long something takes."""
from __future__ import annotations

import json

import numpy as np
import pytest

import adcli
from adcli.api import bench
from adcli.engines.count import tape_peak
from adcli.engines.limits import Limits
from adcli.errors import LimitError, UsageError
from tests.invoke import invoke

FIELDS = ["compile_seconds", "value_seconds", "gradient_seconds", "ratio", "tape_bytes"]
QUICK = ["--seconds", "0.01", "--engine", "interpret"]


def test_json_and_text_hold_the_same_fields() -> None:
    words = ["bench", "y = x; for i in 0..50 { y = sin(y) }; y", "--at", "x=1", *QUICK]
    data = json.loads(invoke([*words, "--json"]).out)
    assert data["schema"] == "adcli/bench/1" and list(data) == ["schema", "engines"]
    (name, numbers), *others = data["engines"].items()
    assert (name, others, list(numbers)) == ("interpret", [], FIELDS)
    assert numbers["ratio"] == numbers["gradient_seconds"] / numbers["value_seconds"] and min(numbers.values()) > 0
    head, row = (line.split("\t") for line in invoke(words).out.splitlines())
    assert head == ["engine", *FIELDS] and row[0] == "interpret" and row[-1] == "400"
    assert all(float(number) > 0 for number in row[1:])


def test_digits_and_colour() -> None:
    words = ["bench", "x^2", "--at", "x=1", *QUICK]
    numbers = map(float, invoke([*words, "--digits", "2"]).out.split("\t")[7:10])
    assert all(number == float(f"{number:.1e}") for number in numbers)
    drawn = invoke([*words, "--color", "always"]).out
    assert "gradient/value" in drawn and "\x1b[" in drawn and "0 B" in drawn


def test_a_tape_at_its_fullest() -> None:
    """A loop in a loop: 30 numbers, and the inner loop's are used before the next ones come where it is run again."""
    text = "s = x; for i in 0..4 { for j in 0..30 { s = sin(s) } }; s"
    programs = [adcli.compile(text, tape=tape) for tape in ("full", "sqrt")]
    full, sqrt = (f.bench(x=1, seconds=0.01, engines=["interpret"])["interpret"].tape_bytes for f in programs)
    assert full == 8 * 120 and 0 < sqrt < full


def test_arrays_on_the_tape_count_by_their_elements() -> None:
    f = adcli.compile("w = v; for i in 0..5 { w = sin(w) }; sum(w)")
    variant, args, _ = f.bind({"v": np.ones(7)})
    assert tape_peak(variant.function("reverse", (0,), 0), [*args, 1.0]) == 8 * 7 * 5


def test_the_tape_measured_is_the_one_that_fits() -> None:
    f = adcli.compile("y = x; for i in 0..20000 { y = sin(y) + x }; y", limits=Limits(max_memory=60_000))
    found = f.bench(x=0.3, seconds=0.01, engines=["interpret"])["interpret"]
    assert 0 < found.tape_bytes <= 60_000
    with pytest.raises(LimitError):
        adcli.compile("y = x; while true { y += 1 }; y", limits=Limits(max_steps=10)).bench(x=1, engines=["interpret"])


def test_what_cannot_be_measured() -> None:
    for text, at in (("n + 1", {"n": 1}), ("2^10", {})):
        with pytest.raises(UsageError, match="no real input"):
            adcli.compile(f"input n: int = 1; {text}" if at else text).bench(at)
    with pytest.raises(UsageError, match="array of shape"):
        adcli.compile("[x, x]").bench(x=1)
    for words in (["--engine", "auto"], ["--engine", "interpret,"], ["--seconds", "0"]):
        done = invoke(["bench", "x^2", "--at", "x=1", *words])
        assert done.code == 2 and done.out == "" and "help: " in done.err


def test_engines_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "available", lambda: False)
    assert bench.engines_here() == ("interpret",)
    assert list(adcli.compile("x^2").bench(x=1, seconds=0.001)) == ["interpret"]
    monkeypatch.setattr(bench, "available", lambda: True)
    assert bench.engines_here() == ("native", "interpret")
    assert list(adcli.compile("x^2").bench(x=1, seconds=0.001, engines=["interpret"] * 2)) == ["interpret"]


def test_native_code_is_measured_beside() -> None:
    pytest.importorskip("llvmlite", reason="the native engine needs llvmlite: pip install 'adcli[native]'")
    found = adcli.compile("w = v; for i in 0..9 { w = sin(w) }; sum(w)").bench(v=np.ones(5), seconds=0.01)
    assert list(found) == ["native", "interpret"]
    assert all(min(m[:4]) > 0 for m in found.values()) and found["native"].tape_bytes == 8 * 5 * 9


def test_a_median_needs_few_calls_of_what_is_slow() -> None:
    made: list[None] = []
    (time,) = bench.medians([lambda: made.append(None)], 1e-9)
    assert time > 0 and len(made) == 3
