"""Every sample computes the value and gradient its header states, in both modes, and its reverse pass stays cheap."""
from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.invoke import invoke
from tests.references import REFERENCES, SAMPLES, WHOLE, header, reference

NAMES = sorted(path.stem for path in SAMPLES.glob("*.adl"))


def sample(name: str) -> dict[str, Any]:
    return header((SAMPLES / f"{name}.adl").read_text())


def adcli(*words: str) -> dict[str, Any]:
    done = invoke([*words, "--json"], at=SAMPLES)
    assert done.code == 0, done.both
    answer: dict[str, Any] = json.loads(done.out)
    return answer


def near(got: Any, want: Any, tolerance: float) -> bool:
    """Nested numbers agree, relative to the largest of them."""
    def flat(value: Any) -> list[float]:
        if isinstance(value, dict):
            value = list(value.values())
        return [n for v in value for n in flat(v)] if isinstance(value, list) else [value]

    size = max(map(abs, flat(want)))
    return len(flat(got)) == len(flat(want)) and all(abs(g - w) <= tolerance * size for g, w in zip(flat(got), flat(want), strict=True))


def test_there_is_a_reference_for_each() -> None:
    assert sorted(REFERENCES) == NAMES
    assert len(NAMES) >= 16


@pytest.mark.parametrize("name", NAMES)
def test_header_is_what_80_digits_give(name: str) -> None:
    stated = sample(name)
    value, gradient = reference(name, stated["point"])
    assert (stated["value"], stated["gradient"]) == (value, gradient)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("name", NAMES)
def test_value_and_gradient(name: str, mode: str) -> None:
    stated = sample(name)
    got = adcli("grad", f"{name}.adl", "--mode", mode)
    assert near(got["value"], stated["value"], 1e-13)
    assert list(got["gradient"]) == list(stated["gradient"])
    for key, slope in stated["gradient"].items():
        assert near(got["gradient"][key], slope, 2e-12), key
    assert [flag for flag in got["flags"] if flag["code"] != "no-path"] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_are_the_point(name: str) -> None:
    point = sample(name)["point"]
    words = [word for key, value in point.items() for word in ("--at", f"{key}={json.dumps(value)}")]
    assert adcli("grad", f"{name}.adl", *words) == adcli("grad", f"{name}.adl")
    assert set(WHOLE.get(name, ())) == set(point) - set(sample(name)["gradient"])


@pytest.mark.parametrize("name", NAMES)
def test_reverse_executes_at_most_six_times_the_primal(name: str) -> None:
    def executed(stage: str) -> int:
        done = invoke(["ir", f"{name}.adl", "--stage", stage, "--count"], at=SAMPLES)
        assert done.code == 0, done.both
        found = re.search(r"executed\D*(\d+)", done.both)
        assert found, done.both
        return int(found[1])

    assert executed("reverse") <= 6 * executed("simplified")


@pytest.mark.parametrize("name", NAMES)
def test_layout_is_canonical(name: str) -> None:
    assert invoke(["fmt", "--check", f"{name}.adl"], at=SAMPLES).code == 0
