"""Value and gradient of x1*x2 + sin(x1) over four million rows in memory, one thread.

Every side computes three columns: the value and both derivatives. C, NumPy and adcli fill columns that are there already; JAX makes its
own, which it reuses from run to run.
"""
from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sides import LIMITS, NO_NATIVE, address, engine, functions, library, missing, peer
from timing import Report, Row, interleaved, ratio

TEXT = "x1*x2 + sin(x1)"
ROWS = 4_000_000
WORK = f"value and gradient of {TEXT}, {ROWS:,} rows in memory, one thread"
Columns = Sequence[np.ndarray]


def by_adcli(x1: np.ndarray, x2: np.ndarray, out: Columns) -> Callable[[], Columns]:
    from adcli.engines.native.rows import NativeRows

    _, reverse, _ = functions(TEXT, {"x1": 1.0, "x2": 1.0}, ["x1", "x2"])
    machine = NativeRows(reverse, LIMITS)
    return lambda: machine.run([x1, x2, 1.0], len(x1), 1, out).results


def by_c(x1: np.ndarray, x2: np.ndarray, out: Columns) -> Callable[[], Columns] | None:
    rows = library("rows", "-ffast-math")
    if rows is None:
        return None

    def run() -> Columns:
        rows.rows_gradient(address(x1), address(x2), ctypes.c_long(len(x1)), *map(address, out))
        return out

    return run


def by_numpy(x1: np.ndarray, x2: np.ndarray, out: Columns) -> Callable[[], Columns]:
    value, by_x1, by_x2 = out
    work = np.empty_like(x1)

    def run() -> Columns:
        np.multiply(x1, x2, out=value)
        np.add(value, np.sin(x1, out=work), out=value)
        np.add(x2, np.cos(x1, out=work), out=by_x1)
        np.copyto(by_x2, x1)
        return out

    return run


def by_jax(x1: np.ndarray, x2: np.ndarray) -> Callable[[], Columns] | None:
    jax = peer("jax")
    if jax is None:
        return None
    compiled = jax.jit(jax.vmap(jax.value_and_grad(lambda a, b: a * b + jax.numpy.sin(a), argnums=(0, 1))))
    a, b = jax.numpy.asarray(x1), jax.numpy.asarray(x2)

    def run() -> Columns:
        value, (by_x1, by_x2) = jax.block_until_ready(compiled(a, b))
        return value, by_x1, by_x2

    return run


def measure() -> Report:
    if engine("native") is None:
        return Report([Row(WORK, "C, NumPy, JAX", None, note=NO_NATIVE)])
    draw = np.random.default_rng(31337)
    x1, x2 = draw.uniform(-10, 10, ROWS), draw.uniform(-1, 1, ROWS)
    room = {name: [np.zeros(ROWS) for _ in range(3)] for name in ("adcli", "C", "NumPy")}
    sides: dict[str, Callable[[], Any] | None] = {
        "adcli": by_adcli(x1, x2, room["adcli"]),
        "C": by_c(x1, x2, room["C"]),
        "NumPy": by_numpy(x1, x2, room["NumPy"]),
        "JAX": by_jax(x1, x2),
    }
    ready = {name: run for name, run in sides.items() if run is not None}
    want = ready["NumPy"]()
    for name, run in ready.items():
        for got, column in zip(run(), want, strict=True):
            assert np.allclose(got, column, rtol=1e-13, atol=1e-14), name
    found = interleaved(ready, rounds=11, seconds=0.1)
    bars = {"C": ("C, -O3 -ffast-math, libmvec", 1.2), "NumPy": ("NumPy", 1 / 8), "JAX": ("jitted vmapped JAX", 1 / 8)}
    rows = []
    for name, (against, bar) in bars.items():
        if name not in found:
            rows.append(Row(WORK, against, None, bar, note=missing("gcc" if name == "C" else "jax")))
            continue
        each = [min(found[side]) / ROWS * 1e9 for side in ("adcli", name)]
        note = f"{each[0]:.2f} and {each[1]:.2f} ns a row, the fastest"
        rows.append(Row(WORK, against, ratio(found["adcli"], found[name]), bar, note=note))
    return Report(rows)
