"""The table of docs/minimizing.md: published test functions by adcli, and by scipy's BFGS with differences.

`python -m tests.minima_page` writes it anew.
"""

from __future__ import annotations

import pathlib
import re
import warnings
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

import adcli
from adcli.report.grid import Grid, markdown
from tests.minima import Known, known

PAGE = pathlib.Path(__file__).parent.parent / "docs" / "minimizing.md"
BEGIN, END = "<!-- python -m tests.minima_page -->\n", "<!-- end -->\n"
HEADS = ["function", "n", "published", "newton", "gradient", "work", "newton-cg", "work", "BFGS", "gradient", "values"]


class Run(NamedTuple):
    """How a method fared: the value and the norm of the exact gradient at its end, and its evaluations."""

    value: float
    gradient: float
    work: str
    reached: bool

    @property
    def shown(self) -> str:
        """The value; with a mark where it is no published minimum."""
        text = f"{self.value:.6g}" if abs(self.value) > 1e-9 or not self.value else f"{self.value:.0e}"
        return text if self.reached else f"{text} (not)"


def reached(problem: Known, value: float, gradient: float) -> bool:
    """A published minimum: the value within 1e-8 of it, or a gradient of at most 1e-6 close by."""
    near = min(abs(value - m) / (abs(m) or 1.0) for m in problem.minima)
    return near <= 1e-8 or (gradient <= 1e-6 and near <= 1e-3)


def exact(problem: Known, method: str) -> Run:
    found = adcli.compile(problem.text).minimize(method=method)
    e = found.evaluations
    second = f"{e['hessian']} H" if method == "newton" else f"{e['product']} Hv"
    work = f"{e['value']} f, {e['gradient']} g, {second}"
    return Run(found.value, found.gradient_norm, work, reached(problem, found.value, found.gradient_norm))


def by_differences(problem: Known) -> Run:
    """BFGS with forward differences of values, asked for gradients of 1e-8."""
    program = adcli.compile(problem.text)
    start = program.bind({})[1][0]

    def value(x: Any) -> float:
        return float(program.value({"x": x}))

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        done = minimize(value, start, method="BFGS", options={"gtol": 1e-8})
    gradient = float(np.linalg.norm(program.gradient({"x": done.x})["x"]))
    return Run(float(done.fun), gradient, str(done.nfev), reached(problem, float(done.fun), gradient))


def table() -> str:
    """A line for each function, and how many published minima each method reached."""
    grid = Grid(HEADS, ["name", *["text"] * (len(HEADS) - 1)])
    counts = [0, 0, 0]
    problems = known()
    for problem in problems:
        newton, products, bfgs = exact(problem, "newton"), exact(problem, "newton-cg"), by_differences(problem)
        counts = [n + run.reached for n, run in zip(counts, (newton, products, bfgs), strict=True)]
        size = np.size(adcli.compile(problem.text).gradient()["x"])
        published = ", ".join(f"{m:.6g}" for m in problem.minima)
        cells = [problem.name, str(size), published, newton.shown, f"{newton.gradient:.0e}", newton.work, products.shown, products.work]
        grid.rows.append([*cells, bfgs.shown, f"{bfgs.gradient:.0e}", bfgs.work])
    last = ["reached", "", "", *(f"{n} of {len(problems)}" for n in counts)]
    grid.rows.append([*last[:4], "", "", last[4], "", last[5], "", ""])
    return markdown(grid, math=False)


def page() -> str:
    """The page with the table of today."""
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}{table()}{END}", PAGE.read_text(), flags=re.S)


if __name__ == "__main__":
    PAGE.write_text(page())
