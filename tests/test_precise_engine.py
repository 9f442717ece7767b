"""Runs in high precision beside those in binary64: every operation, derivatives, and the path that is followed."""
from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from mpmath import mp

import adcli
from adcli import ops
from adcli.api.variant import ready
from adcli.engines.interpret import Interpreter
from adcli.engines.precise import context, evaluate
from adcli.errors import UsageError
from tests.test_ops_arrays import CASES, case_id, function


def exact(text: str, digits: int = 50, **at: Any) -> list[Any]:
    """The outputs of a program."""
    program = adcli.compile(text)
    variant, args, _ = program.bind(at)
    return evaluate(ready(variant.lowered), args, digits)


def exact_gradient(text: str, digits: int = 50, **at: Any) -> list[Any]:
    """The gradient by all inputs."""
    program = adcli.compile(text)
    variant, args, _ = program.bind(at)
    wrt = tuple(range(len(args)))
    return evaluate(ready(variant.function("reverse", wrt, 0)), [*args, 1.0], digits)[1:]


@pytest.mark.parametrize("case", CASES, ids=case_id)
def test_every_operation_on_arrays_agrees_with_binary64(case: Any) -> None:
    name, args, attrs = case
    f, values = function(ops.TABLE[name], args, attrs)
    near = Interpreter(f).run([v.copy() if isinstance(v, np.ndarray) else v for v in values])[0]
    far = evaluate(f, values, 40)[0]
    assert getattr(far, "shape", ()) == getattr(near, "shape", ())
    assert np.allclose(np.asarray(far, dtype=float), near, rtol=1e-11, atol=1e-12)


def test_every_operation_has_a_form() -> None:
    from adcli.engines import precise_arrays

    made_of_integers = {"zeros", "ones", "eye", "iota", "count", "dim", "any", "all", "argmax", "argmin", "argsort", "select", "derivative"}
    for op in ops.TABLE.values():
        if op.kind != "define" and op.type not in ("logical", "counts") and op.name not in made_of_integers:
            assert op.mp is not None or precise_arrays.form(op.name) is not None, op.name


def test_digits_that_binary64_loses() -> None:
    with mp.workdps(60):
        x = mp.mpf(1e-8)
        want = (1 - mp.cos(x)) / x**2
    (got,) = exact("(1-cos(x))/x^2", 80, x=1e-8)
    assert abs(got - want) < 1e-40


def test_gradients_are_functions_too() -> None:
    (got,) = exact_gradient("(1-cos(x))/x^2", x=1e-8)
    assert float(got) == pytest.approx(-1e-8 / 12, rel=1e-14)
    (w,) = exact_gradient("input w: [n]\ns = 1.0\nfor i in 0..len(w) { s = s*w[i] + sin(s) }\ns", w=[0.5, 2.0, 1.5])
    near = adcli.compile("input w: [n]\ns = 1.0\nfor i in 0..len(w) { s = s*w[i] + sin(s) }\ns").gradient(w=[0.5, 2.0, 1.5])["w"]
    assert np.allclose(w.astype(float), near, rtol=1e-14)


def test_the_path_is_that_of_binary64() -> None:
    """1 + 1e-20 > 1 holds only with more digits; a loop up to 1 by tenths takes an eleventh step only in binary64."""
    assert exact("if 1 + x > 1 { y = 2*x } else { y = 3*x }\ny", x=1e-20)[0] == context().mpf(1e-20) * 3
    text = "s = x\nk = 0\nwhile s < 1 { s = s + 0.1; k = k + 1 }\ns"
    assert abs(exact(text, x=0.0)[0] - 11 * context().mpf(0.1)) < 1e-40


@pytest.mark.parametrize(("text", "x"), [
    ("sqrt(x)", 0.0), ("1/x", 0.0), ("ln(x)", -1.0), ("x^0", 0.0), ("exp(x)", 1e300), ("exp(exp(x))", 1e3), ("xlogx(x)", 0.0),
    ("gamma(x)", 1e6), ("floor(exp(x))", 1e4), ("atan2(x, x)", 0.0), ("max(x, 0)", 0.0), ("sin(x)", math.inf),
])  # fmt: skip
def test_the_edges_of_domains_end(text: str, x: float) -> None:
    """Values beyond binary64 are no trap, and those by convention are kept."""
    near, far = adcli.compile(text).value(x=x), float(exact(text, x=x)[0])
    assert far == near or (math.isnan(far) and math.isnan(near))


def test_a_missing_extra_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpmath", None)
    with pytest.raises(UsageError) as caught:
        context()
    assert caught.value.help == 'pip install "adcli[precise]"'
