"""adcli's GradBench tool against another one, both in one run, taking turns.

    python benchmarks/compare_gradbench.py [options] -- COMMAND…

COMMAND starts a tool that speaks GradBench's protocol: for the comparison of RESULTS.md, GradBench's `manual`, derivatives written by
hand in C++. Every workload is asked for in several rounds; a ratio is the median over the rounds of ours / theirs, each the median of its
runs. Answers are compared too.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from gradbench.client import Client, Evaluation, ToolError
from gradbench.workloads import FUNCTIONS, Workload, workloads
from timing import Report, Row, geometric_mean, table, text_time

TOOL = pathlib.Path(__file__).parent / "gradbench" / "tool.py"
SPARSE = {"ba", "ht"}  # Jacobians whose structure the other side uses by hand: their bar is 2
# What stands in the table and not in the means, and why.
APART = {
    "hello": "`manual` takes 20 ns, the time of reading its clock; ours is a call from Python",
    "ode": "`manual` evaluates a formula for the exact solution of the equations, of n terms whatever the number of steps, and does not "
    "differentiate the Runge-Kutta method, which is what the program says",
}  # fmt: skip
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Compared:
    """A workload: seconds of our primal and derivative and of theirs, medians of the rounds; ratios, medians over the rounds."""

    module: str
    workload: str
    ours: tuple[float, float]
    theirs: tuple[float, float] | None
    primal: float | None
    gradient: float | None
    slope: float  # our derivative / our primal
    note: str = ""


def picked(module: str, evals: pathlib.Path | None, most: int | None) -> list[Workload]:
    """At most that many of the workloads, evenly from the smallest to the largest; of the hands none with answers of 20 MB and more."""
    every = [each for each in workloads(module, evals) if module != "ht" or most is None or _points(each[1]) <= 12800]
    if most is None or len(every) <= most:
        return every
    return [every[round(k * (len(every) - 1) / (most - 1))] for k in range(most)]


def _points(hand: Any) -> int:
    return len(hand["data"]["points"])


def numbers(answer: Any) -> np.ndarray:
    """All numbers of an answer, in the order of its names."""
    if isinstance(answer, dict):
        return np.concatenate([numbers(answer[name]) for name in sorted(answer)])
    return np.ravel(np.asarray(answer, float))


def difference(ours: Any, theirs: Any) -> float:
    """The largest difference, relative to the largest number."""
    a, b = numbers(ours), numbers(theirs)
    if a.shape != b.shape:
        return float("inf")
    return float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300)) if a.size else 0.0


class Comparison:
    """Two tools, ours and theirs (or none), asked in turn."""

    def __init__(self, ours: Client, theirs: Client | None, rounds: int, seconds: float) -> None:
        self.ours, self.theirs = ours, theirs
        self.rounds, self.seconds = rounds, seconds

    def module(self, name: str, chosen: Sequence[Workload]) -> Iterator[Compared]:
        if not self.ours.define(name):
            raise ToolError(f"our tool has no '{name}'")
        there = self.theirs is not None and self.theirs.define(name)
        for text, given in chosen:
            yield self.workload(name, text, given, there)

    def workload(self, module: str, text: str, given: Any, there: bool) -> Compared:
        spent: dict[tuple[bool, int], list[float]] = {}
        answers: dict[tuple[bool, int], Any] = {}
        for turn in range(self.rounds):
            for which, function in enumerate(FUNCTIONS[module]):
                for mine in (True, False) if turn % 2 == 0 else (False, True):
                    client = self.ours if mine else self.theirs
                    if client is None or not (mine or there):
                        continue
                    found = self.asked(client, module, function, given)
                    spent.setdefault((mine, which), []).append(found.median * 1e-9)
                    answers[mine, which] = found.output
        return self.compared(module, text, spent, answers)

    def asked(self, client: Client, module: str, function: str, given: Any) -> Evaluation:
        if not isinstance(given, dict):  # no place for the number of runs: a hundred requests
            each = [client.evaluate(module, function, given) for _ in range(100)]
            return Evaluation(each[0].output, [ns for one in each for ns in one.nanoseconds])
        return client.evaluate(module, function, given, 3, self.seconds)

    def compared(
        self, module: str, text: str, spent: dict[tuple[bool, int], list[float]], answers: dict[tuple[bool, int], Any]
    ) -> Compared:
        ours = statistics.median(spent[True, 0]), statistics.median(spent[True, 1])
        slope = statistics.median(g / p for p, g in zip(spent[True, 0], spent[True, 1], strict=True))
        if (False, 0) not in spent:
            return Compared(module, text, ours, None, None, None, slope)
        theirs = statistics.median(spent[False, 0]), statistics.median(spent[False, 1])
        primal, gradient = (
            statistics.median(a / b for a, b in zip(spent[True, which], spent[False, which], strict=True)) for which in (0, 1)
        )
        off = max(difference(answers[True, which], answers[False, which]) for which in (0, 1))
        return Compared(module, text, ours, theirs, primal, gradient, slope, "" if off <= 1e-6 else f"answers differ by {off:.1e}")


def compare(command: Sequence[str], options: argparse.Namespace) -> list[Compared]:
    """Every chosen workload; prints each line when it is there."""
    found: list[Compared] = []
    mine = [sys.executable, str(TOOL), "--engine", options.engine]
    os.environ.update(ONE_THREAD)
    with Client(mine) as ours:
        theirs = Client(command, options.cwd) if command else None
        try:
            comparison = Comparison(ours, theirs, options.rounds, options.seconds)
            for module in options.modules or FUNCTIONS:
                for each in comparison.module(module, picked(module, options.evals, None if options.all else options.most)):
                    print("  ".join(cells(each)), flush=True)
                    found.append(each)
        finally:
            if theirs is not None:
                theirs.__exit__(None, None, None)
    return found


def cells(each: Compared) -> list[str]:
    theirs = [text_time(t) for t in each.theirs] if each.theirs else ["", ""]
    ratios = [f"{r:.2f}" if r is not None else "" for r in (each.primal, each.gradient)]
    ours = [text_time(t) for t in each.ours]
    return [each.module, each.workload, ours[0], theirs[0], ratios[0], ours[1], theirs[1], ratios[1], f"{each.slope:.2f}", each.note]


HEAD = ["program", "workload", "value", "manual", "ratio", "derivative", "manual", "ratio", "derivative / value", ""]


def report(found: Sequence[Compared]) -> Report:
    """The rows of the table of results, and a table of everything."""
    out = Report(details=["### GradBench, workload by workload\n\n" + table(HEAD, [cells(each) for each in found])])
    judged = [each for each in found if each.gradient is not None and each.module not in APART]
    if not judged:
        out.rows.append(Row("GradBench derivatives", "its C++ `manual`", None, 0.5, note="no tool was given"))
        return out
    by_module: dict[str, list[float]] = {}
    for each in judged:
        by_module.setdefault(each.module, []).append(each.gradient or 0)
    every = geometric_mean(value for values in by_module.values() for value in values)
    means = geometric_mean(geometric_mean(values) for values in by_module.values())
    out.rows.append(Row("GradBench derivatives, geometric mean of all workloads", "its C++ `manual`", every, 0.5))
    out.rows.append(Row("the same, each program counted once", "its C++ `manual`", means, 0.5))
    for module, values in by_module.items():
        bar = 2.0 if module in SPARSE else 1.0
        worst = f"geometric mean {geometric_mean(values):.2f} of {len(values)}"
        out.rows.append(Row(f"{module}, the slowest workload", "its C++ `manual`", max(values), bar, note=worst))
    whole = geometric_mean(each.gradient for each in found if each.gradient is not None)
    out.rows.append(Row(f"the same with {' and '.join(APART)}", "its C++ `manual`", whole, note="see below why these are apart"))
    for module, why in APART.items():
        ratios = [each.gradient for each in found if each.module == module and each.gradient is not None]
        if ratios:
            out.rows.append(Row(f"{module}, the slowest workload", "its C++ `manual`", max(ratios), note=f"not in the means: {why}"))
    return out


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description="adcli's GradBench tool against another one, in turn.")
    options.add_argument("command", nargs="*", help="starts the other tool; write -- before it")
    options.add_argument("--cwd", help="the folder to start it in")
    options.add_argument("--engine", default="native", choices=["native", "interpret"])
    options.add_argument("--modules", nargs="+", choices=list(FUNCTIONS), metavar="MODULE", help="only these programs")
    options.add_argument("--evals", type=pathlib.Path, help="GradBench's folder of evaluations, with the hands of ht")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=float, default=0.15, help="for each function of a workload and round")
    options.add_argument("--most", type=int, default=5, help="workloads of a program, from the smallest to the largest")
    options.add_argument("--all", action="store_true", help="all workloads")
    options.add_argument("--output", type=pathlib.Path, help="also write the tables to this file, and the numbers beside it as JSON")
    return options


def main() -> None:
    options = parser().parse_args()
    found = compare(options.command, options)
    done = report(found)
    rows = [[row.work, row.against, "" if row.value is None else f"{row.value:.2f}", row.met, row.note] for row in done.rows]
    text = table(["work", "against", "ratio", "met", ""], rows) + "\n\n" + "\n\n".join(done.details)
    print("\n" + text)
    if options.output:
        options.output.write_text(text + "\n")
        options.output.with_suffix(".json").write_text(json.dumps([each.__dict__ for each in found], indent=1))


if __name__ == "__main__":
    main()
