"""The gradient of a scalar loop of a million iterations, against the adjoint written by hand in C and against JAX."""
from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from sides import NO_NATIVE, address, library, missing, ours, peer
from timing import Report, Row, interleaved, ratio, text_time

N = 1_000_000
# A point whose adjoint is exactly 0 soon. Where it dies away to subnormal numbers and stays there, the processor takes up to a third
# longer, for ours or for C: at other points the ratio was between 0.7 and 1.3.
X, R = 0.3, 3.2
TEXT = f"input x = {X}; input r = {R}; for i in 0..{N} {{ x = r*x*(1-x) + 0.01*sin(x) }}; output x"
WORK = f"gradient of a scalar loop, {N:,} iterations"


def by_c() -> Callable[[], Any] | None:
    loop = library("loop")
    if loop is None:
        return None
    tape, out = np.empty(N), np.empty(3)
    numbers = ctypes.c_double(X), ctypes.c_double(R), ctypes.c_long(N)

    def run() -> np.ndarray:
        loop.loop_gradient(*numbers, address(tape), address(out))
        return out

    return run


def by_jax() -> Callable[[], Any] | None:
    jax = peer("jax")
    if jax is None:
        return None
    jnp = jax.numpy

    def step(x: Any, r: Any) -> Any:
        return r * x * (1 - x) + 0.01 * jnp.sin(x)

    def program(x: Any, r: Any) -> Any:
        return jax.lax.scan(lambda x, _: (step(x, r), None), x, None, length=N)[0]

    compiled = jax.jit(jax.value_and_grad(program, argnums=(0, 1)))
    return lambda: jax.block_until_ready(compiled(X, R))


def measure() -> Report:
    pair = ours(TEXT, {}, ["x", "r"])
    if pair is None:
        return Report([Row(WORK, "C, JAX", None, note=NO_NATIVE)])
    sides = {"adcli": pair[1], "value": pair[0]}
    others = {"C": by_c(), "JAX": by_jax()}
    sides |= {name: run for name, run in others.items() if run is not None}
    want = np.ravel(pair[1]())
    for name, run in sides.items():
        if name in others:
            got = np.ravel([np.ravel(part) for part in _flat(run())])
            assert np.allclose(got, want, rtol=1e-6, atol=1e-12), (name, got, want)
    found = interleaved(sides, rounds=9, seconds=0.2)
    rows = [row("adjoint by hand in C, gcc -O3", "C", 1.15, found, missing("gcc")), row("jitted JAX", "JAX", 0.9, found, missing("jax"))]
    rows.append(Row(WORK.replace("gradient", "gradient / value"), "its own value", ratio(found["adcli"], found["value"]), 3.0))
    return Report(rows)


def _flat(answer: Any) -> list[Any]:
    """Value, by x, by r."""
    if isinstance(answer, tuple):
        value, slopes = answer
        return [value, *slopes]
    return list(answer)


def row(against: str, side: str, bar: float, found: dict[str, list[float]], absent: str) -> Row:
    if side not in found:
        return Row(WORK, against, None, bar, note=absent)
    note = f"{text_time(min(found['adcli']))} and {text_time(min(found[side]))}, the fastest"
    return Row(WORK, against, ratio(found["adcli"], found[side]), bar, note=note)
