"""Derivatives at special points, and the flags they carry: one set of conventions for every mode."""

from __future__ import annotations

import pytest

import adcli


def flags(program: adcli.Program) -> list[tuple[str, str]]:
    return [(flag.code, flag.op) for flag in program.flags]


@pytest.mark.parametrize(
    ("text", "at", "flag"),
    [
        ("sqrt(x)", {"x": 0}, ("singular", "sqrt")),
        ("cbrt(x)^3", {"x": 0}, ("singular", "cbrt")),
        ("asin(x)", {"x": 1}, ("singular", "asin")),
        ("asin(x)", {"x": 2}, ("domain", "asin")),
        ("ln(x)", {"x": 0}, ("singular", "ln")),
        ("sin(x)", {"x": float("inf")}, ("domain", "sin")),
        ("atan2(y, x)", {"x": 0, "y": 0}, ("singular", "atan2")),
        ("1/x", {"x": 0}, ("singular", "div")),
    ],
)
@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_flags_name_the_programs_own_operations(text: str, at: dict[str, float], flag: tuple[str, str], mode: str) -> None:
    """Not the divisions and roots that their derivatives are made of."""
    f = adcli.compile(text)
    f.gradient(at, mode=mode)
    assert set(flags(f)) == {flag}
