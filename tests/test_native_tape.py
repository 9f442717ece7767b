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
