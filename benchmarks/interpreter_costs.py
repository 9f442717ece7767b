"""The interpreter: nanoseconds for each executed statement of a scalar loop in reverse; its time against HIPS autograd and CasADi."""
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sides import functions, missing, ours, peer
from timing import Report, Row, interleaved, ratio, text_time

from adcli.engines.count import executed

N = 10_000
LOOP = "input x = 0.5; input r = 3.2; for i in 0..{n} {{ x = r*x*(1-x) + 0.01*sin(x) }}; output x"
WORK = "interpreter, scalar loop in reverse"


def by_autograd() -> Callable[[], Any] | None:
    autograd = peer("autograd")
    if autograd is None:
        return None
    import autograd.numpy as anp

    def program(x: Any, r: Any) -> Any:
        for _ in range(N):
            x = r * x * (1 - x) + 0.01 * anp.sin(x)
        return x

    gradient = autograd.value_and_grad(program, argnum=(0, 1))
    return lambda: gradient(0.5, 3.2)


def by_casadi() -> Callable[[], Any] | None:
    casadi = peer("casadi")
    if casadi is None:
        return None
    x, r, at = casadi.SX.sym("x"), casadi.SX.sym("r"), casadi.MX.sym("at", 2)
    step = casadi.Function("step", [x, r], [r * x * (1 - x) + 0.01 * casadi.sin(x)])
    last = step.mapaccum(N)(at[0], casadi.repmat(at[1], 1, N))[-1]
    compiled = casadi.Function("value_and_gradient", [at], [last, casadi.gradient(last, at)])
    return lambda: compiled([0.5, 3.2])


def measure() -> Report:
    text = LOOP.format(n=N)
    pair = ours(text, {}, ["x", "r"], engine_name="interpret")
    assert pair is not None
    _, reverse, args = functions(text, {}, ["x", "r"])
    counts = executed(reverse, [*args, 1.0])
    statements = sum(counts.values())
    sides = {"adcli": pair[1]}
    sides |= {name: run for name, run in (("autograd", by_autograd()), ("casadi", by_casadi())) if run is not None}
    found = interleaved(sides, rounds=7, seconds=0.3)
    best = min(found["adcli"])
    note = f"{statements:,} statements of {N:,} iterations in {text_time(best)}, the fastest"
    rows = [Row(WORK, "an executed IR statement", best / statements * 1e9, 100, "ns", note)]
    for side, against, bar in (("autograd", "HIPS autograd", 1 / 50), ("casadi", "CasADi", None)):
        if side in found:
            note = f"{N:,} iterations in {text_time(min(found[side]))}"
            rows.append(Row(WORK, against, ratio(found["adcli"], found[side]), bar, note=note))
        else:
            rows.append(Row(WORK, against, None, bar, note=missing(side)))
    return Report(rows)
