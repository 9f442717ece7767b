"""What an executed IR statement costs in the interpreter, on scalar loops, array loops and recursion; primal and reverse.

    python benchmarks/interpreter.py [SCALE]

Prints nanoseconds a statement: the best of several runs, by the processor's clock; Push and Pop are counted apart.
The bar is 150 ns a statement on the scalar loops, on the machine the project is developed on; a statement on elements of an array costs
the same at any length.
"""
from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from adcli.ad import reverse
from adcli.engines.count import executed
from adcli.engines.interpret import Interpreter
from adcli.errors import Source
from adcli.ir.nodes import Function
from adcli.ir.types import INT, REAL, Type
from adcli.lower import lower
from adcli.passes import optimize
from adcli.syntax import parse

HEAD = "input x = 0.3; input r = 3.2; input n: int = 1; "
ARRAY = HEAD + "a = zeros(n); a[0] = x; for i in 1..n { a[i] = a[i-1]*0.5 + r }; output y = sum(a)"

# Each program's input n says how much work it does, in thousands of iterations at scale 1.
PROGRAMS = {
    "logistic map with a sine": (200, HEAD + "for i in 0..n { x = r*x*(1-x) + 0.01*sin(x) }; output x"),
    "polynomial": (200, HEAD + "y = 0; for i in 0..n { y = (y*x + r)*0.5 - y*0.25 }; output y"),
    "newton by while": (200, HEAD + "y = x; k = 0; while k < n { y = 0.5*(y + r/y); k += 1 }; output y"),
    "branches": (200, HEAD + "for i in 0..n { if x > 1 { x = x/r } else { x = x*1.5 + 0.1 } }; output x"),
    "an array of 100,000": (100, ARRAY),
    "an array of 3,000": (3, ARRAY),
    "recursion": (5, HEAD + "fn f(x, k) = if k <= 0 { x } else { f(x*0.5 + r, k - 1) }; output y = f(x, n)"),
}  # fmt: skip


def variants(text: str) -> Iterator[tuple[str, Function]]:
    source = Source(text)
    types: dict[str, Type] = {"x": REAL, "r": REAL, "n": INT}
    primal = optimize(lower(parse(source), source, types))
    yield "primal", primal
    yield "reverse", reverse(primal, (0, 1), (0,))


def measure(interpreter: Interpreter, args: list[Any]) -> float:
    best = float("inf")
    for _ in range(7):
        start = time.thread_time()
        interpreter.run(args)
        best = min(best, time.thread_time() - start)
    return best


def main(scale: float) -> None:
    print(f"{'':28}{'':9}{'statements':>12}{'taped':>9}{'ns/statement':>14}{'ns with tape':>14}")
    for name, (thousands, text) in PROGRAMS.items():
        n = max(1, int(thousands * 1000 * scale))
        for kind, function in variants(text):
            args: list[Any] = [0.3, 3.2, n] + ([1.0] if kind == "reverse" else [])
            counts = executed(function, args)
            taped = counts.pop("Push", 0) + counts.pop("Pop", 0)
            statements = sum(counts.values())
            best = measure(Interpreter(function), args) * 1e9
            print(f"{name:28}{kind:9}{statements / n:12.2f}{taped / n:9.2f}{best / statements:14.1f}{best / (statements + taped):14.1f}")


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 1.0)
