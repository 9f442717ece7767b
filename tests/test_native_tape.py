"""Arrays on the tape: written there at once, read where they lie, and never overwritten before they have been read."""
from __future__ import annotations

import pytest

pytest.importorskip("llvmlite", reason="native code needs llvmlite (the extra 'native')")

import numpy as np

import adcli
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.engines.native import Native
from adcli.errors import LimitError
from adcli.ir.nodes import Function

N = 40
STEPS = """
input x: [40]
fn flow(y) = sin(x)*concat([1], y[..-1])
y = x
for k in 0..3 { a = flow(y); b = flow(y + 0.5*a); y += a*b }
output r = sum(y^2)
"""
# What is popped in a branch is read while new arrays are made, and leaves the branch.
BRANCHES = """
input x: [40]
fn half(y, k) {
    if k == 0 { return y*y }
    z = half(cumsum(y*y)/40, k - 1)
    if k % 2 == 0 { return exp(-z)*y + cumsum(z*y) }
    return z*sin(y)
}
output r = sum(half(x, 4))
"""
# A factor of a product, and what is read both before and after it was pushed.
PRODUCTS = """
input x: [40]
A = reshape(x, 5, 8)
for k in 0..3 { B = tanh(A); C = B @ B'; A = 0.1*(C @ (B*A)) + exp(-A) }
output r = sum(A)
"""


def reverse(text: str) -> tuple[Function, list[object]]:
    program = adcli.compile(text)
    variant, args, _ = program.bind({"x": np.linspace(0.1, 1.3, N)})
    return variant.function("reverse", (0,), 0), [*args, 1.0]


@pytest.mark.parametrize("text", [STEPS, BRANCHES, PRODUCTS])
def test_no_memory_is_used_twice(text: str) -> None:
    """With every limit of memory the answer is right, or that it does not suffice."""
    function, args = reverse(text)
    want = Interpreter(function, Limits()).run(args)
    meta, blobs = Native(function).to_entry()
    ended = []
    for memory in range(0, 60_000, 160):
        try:
            value, slopes = Native.from_entry(meta, blobs, Limits(max_memory=memory), lambda: function).run(args)
        except LimitError:
            continue
        ended.append(memory)
        np.testing.assert_allclose(value, want[0], rtol=1e-13)
        np.testing.assert_allclose(slopes, want[1], rtol=1e-12)
    assert ended and ended[0] > 1000


@pytest.mark.parametrize("section", ["..3", "2..", "5..5", "..", "1..39", "k..k + 2", "k..k", "k..-1"])
@pytest.mark.parametrize("fill", ["zeros(40)", "ones(40)", "full(-0.5, 40)"])
def test_sections_of_arrays_of_one_number(section: str, fill: str) -> None:
    """What is around the section, and sections without elements; the adjoint of reading one is such an array."""
    head = f"input x: [40]; input k: int; z = {fill}; z[{section}] = 2*x[{section}]"
    program = adcli.compile(f"{head}; output y = z*x; output r = sum(1/x[{section}])")
    for k in (0, 7, 38):
        variant, args, _ = program.bind({"x": np.linspace(0.1, 1.3, N), "k": k})
        for function, given in ((variant.lowered, args), (variant.function("reverse", (0,), 1), [*args, 1.0])):
            for got, want in zip(Native(function).run(given), Interpreter(function, Limits()).run(given), strict=True):
                np.testing.assert_allclose(got, want, rtol=1e-14)


def test_values_that_wait_are_stored_together() -> None:
    """More of one shape than one loop stores, that depend on each other, before a call; one of them is changed in place later."""
    text = "input x: [40]\nfn same(v) { if v[0] > 5 { return cumsum(v) }; return v }\n"
    text += "\n".join(f"a{k} = {'x' if not k else f'a{k - 1}'}*x + {k}" for k in range(7))
    text += "\ns = same(a6)\nb = a3\nb[2] = 7.0\noutput y = " + " + ".join(f"a{k}*a{k}" for k in range(7)) + " + s + b"
    program = adcli.compile(text)
    variant, args, _ = program.bind({"x": np.linspace(0.1, 1.3, N)})
    got, want = (engine.run(args)[0] for engine in (Native(variant.lowered), Interpreter(variant.lowered, Limits())))
    np.testing.assert_allclose(got, want, rtol=1e-14)
