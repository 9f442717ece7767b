"""Time of the gradient over time of the value, for every GradBench program: of a scalar output by its real parameters.

Where GradBench asks for a Jacobian (ba, ht), the output here is the sum of the squares of the residuals; the two descents are
measured inside, where they differentiate: one path of the particle, one inner descent of the saddle.
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
# Program: the output, the inputs to differentiate by, what is written below the program for it, which workload (by number).
MEASURED: dict[str, tuple[str, tuple[str, ...], str, int]] = {
    "hello": ("square", ("x",), "", 0),
    "llsq": ("misfit", ("x",), "", 6),
    "lse": ("lse", ("x",), "", 4),
    "det": ("determinant", ("A",), "", 2),
    "ode": ("last", ("x",), "", 4),
    "kmeans": ("cost", ("centroids",), "", 4),
    "gmm": ("posterior", ("alpha", "mu", "q", "l"), "", 9),
    "lstm": ("loss", ("main_params", "extra_params"), "", 0),
    "ba": ("misfit", ("cams", "x", "w"), "output misfit = sum(reproj_err^2)", 0),
    "ht": ("misfit", ("theta",), "output misfit = sum(err^2)", 0),
    "saddle": ("first", ("start",), "output first = largest(start)", 0),
    "particle": ("first", ("w",), "output first = miss(w)", 0),
}
CUT = {"saddle": "x = start", "particle": "eta = 1e-5\ngood = 0\nvalue, slope = miss(w)"}  # from here on: the outer descent


def program(name: str, added: str) -> str:
    text = (PROGRAMS / f"{name}.adl").read_text()
    if name in CUT:
        text = text[: text.rindex("\n" + CUT[name]) + 1]
    return f"{text}\n{added}\n"


def point(name: str, number: int) -> tuple[str, dict[str, Any]]:
    """One of GradBench's workloads of a program, as its inputs."""
    for at, (text, given) in enumerate(workloads(name)):
        if at == number:
            return text, next(task for (module, _), task in TASKS.items() if module == name).point(given)
    raise IndexError(number)


def measured() -> Iterator[tuple[str, str, float, float, float]]:
    """Program, workload, the ratio, seconds of value and gradient."""
    for name, (output, wrt, added, number) in MEASURED.items():
        text, at = point(name, number)
        pair = ours(program(name, added), at, wrt, output)
        assert pair is not None
        found = interleaved({"value": pair[0], "gradient": pair[1]}, rounds=7, seconds=0.05)
        yield name, text, ratio(found["gradient"], found["value"]), min(found["value"]), min(found["gradient"])


def measure() -> Report:
    if engine("native") is None:
        return Report([Row(f"{WORK}, GradBench programs", "its own value", None, 5.0, note=NO_NATIVE)])
    found = list(measured())
    worst = max(found, key=lambda each: each[2])
    above = [name for name, _, times, *_ in found if times > 3]
    rows = [
        Row(f"{WORK}, GradBench programs, the slowest", "its own value", worst[2], 5.0, note=worst[0]),
        Row(f"{WORK}, GradBench programs above 3", "their number", float(len(above)), 0, "", ", ".join(above)),
        Row(f"{WORK}, GradBench programs, geometric mean", "its own value", geometric_mean(each[2] for each in found)),
    ]
    lines = [[name, text, text_time(value), text_time(gradient), f"{times:.2f}"] for name, text, times, value, gradient in found]
    return Report(rows, ["### Gradient over value\n\n" + table(["program", "workload", "value", "gradient", "ratio"], lines)])
