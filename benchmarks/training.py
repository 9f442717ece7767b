"""A hundred gradient steps of a logistic regression on a million rows of twenty features, against NumPy with the gradient derived by hand.

Both sides begin at w = 0 and note the loss before each step; the histories agree to 1e-12. One thread each.
"""
from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from sides import LIMITS, NO_NATIVE, engine
from timing import Report, Row, interleaved, ratio, text_time

import adcli

ROWS, FEATURES, STEPS, RATE = 1_000_000, 20, 100, 0.5
TEXT = f"input w: [{FEATURES}]; input x: [{FEATURES}]; input t\nz = sum(w*x)\noutput loss = softplus(z) - t*z"
WORK = f"logistic regression, {ROWS:,} rows of {FEATURES} features, {STEPS} gradient steps, one thread"


def by_adcli(x: np.ndarray, t: np.ndarray, jobs: int) -> Callable[[], list[float]]:
    from adcli.api.objective import Objective
    from adcli.api.training import Settings, Training

    program = adcli.compile(TEXT, limits=LIMITS)
    f = Objective(program, {"x": x, "t": t}, {"w": np.zeros(FEATURES)}, ["w"], mean=True, engine="native", jobs=jobs)

    def run() -> list[float]:
        training = Training(f, Settings("gd", RATE, STEPS))
        training.go()
        return [entry.objective for entry in training.history]

    return run


def by_numpy(x: np.ndarray, t: np.ndarray) -> Callable[[], list[float]]:
    def run() -> list[float]:
        w = np.zeros(FEATURES)
        history = []
        for k in range(STEPS + 1):
            z = x @ w
            history.append(float(np.mean(np.logaddexp(0, z) - t * z)))
            if k < STEPS:
                w -= RATE * (x.T @ (1 / (1 + np.exp(-z)) - t) / ROWS)
        return history

    return run


def measure() -> Report:
    if engine("native") is None:
        return Report([Row(WORK, "NumPy", None, 1.3, note=NO_NATIVE)])
    draw = np.random.default_rng(20)
    x = draw.normal(size=(ROWS, FEATURES))
    t = (x @ draw.normal(size=FEATURES) + draw.normal(size=ROWS) > 0).astype(float)
    sides = {"adcli": by_adcli(x, t, 1), "NumPy": by_numpy(x, t)}
    want = sides["NumPy"]()
    assert np.allclose(sides["adcli"](), want, rtol=1e-12, atol=0)
    cores = os.cpu_count() or 1
    threads = by_adcli(x, t, cores)
    assert threads() == sides["adcli"](), "threads change the sums"
    found = interleaved({**sides, "threads": threads}, rounds=3, seconds=0)
    each = [text_time(min(found[name])) for name in ("adcli", "NumPy", "threads")]
    note = f"{each[0]} and {each[1]}, the fastest; {each[2]} with {cores} threads; loss from {want[0]:.4f} to {want[-1]:.4f}"
    return Report([Row(WORK, "NumPy, derived by hand", ratio(found["adcli"], found["NumPy"]), 1.3, note=note)])


if __name__ == "__main__":
    for row in measure().rows:
        print(row)
