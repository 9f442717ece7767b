"""Time of the gradient over time of the value, for every GradBench program: of a scalar output by its real parameters.

Each program runs on up to five workloads, from the smallest to the largest, and counts with their geometric mean. Where GradBench asks
for a Jacobian (ba, ht), the output here is the sum of the squares of the residuals; the two descents are measured inside, where they
differentiate: one path of the particle, one inner descent of the saddle.
"""
from __future__ import annotations

import pathlib
import sys
from collections.abc import Iterator
from typing import Any

from gradbench.workloads import workloads
from sides import NO_NATIVE, engine, ours
from timing import Report, Row, geometric_mean, interleaved, ratio, table, text_time

sys.path.append(str(pathlib.Path(__file__).parent / "gradbench"))
from tasks import PROGRAMS, TASKS

WORK = "gradient / value"
MOST = 5  # workloads of a program
# Program: the output, the inputs to differentiate by, what is written below the program for it.
MEASURED: dict[str, tuple[str, tuple[str, ...], str]] = {
    "hello": ("square", ("x",), ""),
    "llsq": ("misfit", ("x",), ""),
    "lse": ("lse", ("x",), ""),
    "det": ("determinant", ("A",), ""),
    "ode": ("last", ("x",), ""),
    "kmeans": ("cost", ("centroids",), ""),
    "gmm": ("posterior", ("alpha", "mu", "q", "l"), ""),
    "lstm": ("loss", ("main_params", "extra_params"), ""),
    "ba": ("misfit", ("cams", "x", "w"), "output misfit = sum(reproj_err^2)"),
    "ht": ("misfit", ("theta",), "output misfit = sum(err^2)"),
    "saddle": ("first", ("start",), "output first = largest(start)"),
    "particle": ("first", ("w",), "output first = miss(w)"),
}
CUT = {"saddle": "x = start", "particle": "eta = 1e-5\ngood = 0\nvalue, slope = miss(w)"}  # from here on: the outer descent


def program(name: str, added: str) -> str:
    text = (PROGRAMS / f"{name}.adl").read_text()
    if name in CUT:
        text = text[: text.rindex("\n" + CUT[name]) + 1]
    return f"{text}\n{added}\n"


def points(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Workloads of a program as its inputs, evenly from the smallest to the largest."""
    task = next(task for (module, _), task in TASKS.items() if module == name)
    every = list(workloads(name))
    numbers = {round(k * (len(every) - 1) / (MOST - 1)) for k in range(MOST)}
    return ((text, task.point(given)) for k, (text, given) in enumerate(every) if k in numbers)


def measured() -> Iterator[tuple[str, str, float, float, float]]:
    """Program, workload, the ratio, seconds of value and gradient."""
    for name, (output, wrt, added) in MEASURED.items():
        for text, at in points(name):
            pair = ours(program(name, added), at, wrt, output)
            assert pair is not None
            found = interleaved({"value": pair[0], "gradient": pair[1]}, rounds=7, seconds=0.03)
            yield name, text, ratio(found["gradient"], found["value"]), min(found["value"]), min(found["gradient"])


def measure() -> Report:
    if engine("native") is None:
        return Report([Row(f"{WORK}, GradBench programs", "its own value", None, 5.0, note=NO_NATIVE)])
    found = list(measured())
    means = {name: geometric_mean(each[2] for each in found if each[0] == name) for name in MEASURED}
    mean = max(means, key=lambda name: means[name])
    worst = max(found, key=lambda each: each[2])
    rows = [
        Row(f"{WORK}, GradBench programs, the highest mean", "its own value", means[mean], 3.0, note=mean),
        Row(f"{WORK}, GradBench programs, the highest of all workloads", "its own value", worst[2], 5.0, note=f"{worst[0]}, {worst[1]}"),
        Row(f"{WORK}, GradBench programs, mean of all", "its own value", geometric_mean(means.values())),
    ]
    lines = [[name, text, text_time(value), text_time(gradient), f"{times:.2f}"] for name, text, times, value, gradient in found]
    return Report(rows, ["### Gradient over value\n\n" + table(["program", "workload", "value", "gradient", "ratio"], lines)])
