"""The table of docs/fitting.md: correct digits of fits to reference data. `python -m tests.fitting_page` writes it anew.

Digits are counted as -log10 of the relative error, at most the 11 that are certified, and rounded down.
"""

from __future__ import annotations

import json
import math
import pathlib
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import curve_fit

import adcli
from adcli.report.grid import Grid, markdown

ROOT = pathlib.Path(__file__).parent.parent
PAGE = ROOT / "docs" / "fitting.md"
DATA = ROOT / "tests" / "cases" / "fitting"
BEGIN, END = "<!-- python -m tests.fitting_page -->\n", "<!-- end -->\n"
CERTIFIED = 11
SETS: dict[str, dict[str, Any]] = {one["name"]: one for one in json.loads((DATA / "nist.json").read_text())}


def columns(name: str) -> dict[str, Any]:
    """The columns of a file of the data."""
    head, *rows = (line.split(",") for line in (DATA / name).read_text().split())
    return {column: np.array([float(row[k]) for row in rows]) for k, column in enumerate(head)}


def digits(found: float, certified: float) -> float:
    """Correct digits, at most those that are certified."""
    apart = abs(found - certified) / abs(certified) if certified else abs(found)
    return float(CERTIFIED) if apart == 0 else max(0.0, min(CERTIFIED, -math.log10(apart))) if math.isfinite(apart) else 0.0


def least(found: Mapping[str, float], certified: Mapping[str, str]) -> float:
    """The digits of the worst of some numbers."""
    return min(digits(found[name], float(value)) for name, value in certified.items())


def by_scipy(one: Mapping[str, Any], start: str) -> float:
    """Digits of scipy's curve_fit: the same starts, MINPACK's Levenberg-Marquardt with differences."""
    data = columns(one["csv"])
    y = np.log(data.pop("y")) if one["response"] == "log(y)" else data.pop("y")
    program, names = adcli.compile(one["model"]), list(one["certified"])

    def model(_: Any, *values: float) -> Any:
        return program.batch(data, at=dict(zip(names, map(float, values), strict=True)))["value"]

    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found, _ = curve_fit(model, np.zeros(len(y)), y, [float(one[start][name]) for name in names], maxfev=20_000)
    except RuntimeError:
        return 0.0
    return least(dict(zip(names, found, strict=True)), one["certified"])


def table(sets: Sequence[Mapping[str, Any]]) -> str:
    """Digits of parameters from both starts, of standard errors and of the residual standard deviation, and scipy's of the parameters."""
    heads = ["data", "difficulty", "parameters", "from start 1", "from start 2", "standard errors", "residual s.d.", "steps", "curve_fit"]
    grid = Grid(heads, ["name", "name", *["text"] * 7])
    for one in sets:
        program, data = adcli.compile(one["model"]), columns(one["csv"])
        starts = [{name: float(value) for name, value in one[start].items()} for start in ("start1", "start2")]
        fits = [program.fit(data, one["response"], start) for start in starts]
        params = [math.floor(least(fit.params, one["certified"])) for fit in fits]
        errors = math.floor(min(least(fit.standard_errors, one["certified_sd"]) for fit in fits))
        deviation = math.floor(min(digits(fit.report.residual_sd, float(one["residual_sd"])) for fit in fits))
        steps = ", ".join(str(fit.report.iterations) for fit in fits)
        scipy = ", ".join(str(math.floor(by_scipy(one, start))) for start in ("start1", "start2"))
        cells = [one["name"], one["difficulty"].lower(), len(one["certified"]), *params, errors, deviation, steps, scipy]
        grid.rows.append([str(cell) for cell in cells])
    return markdown(grid, math=False)


def page() -> str:
    """The page with the table of today."""
    made = f"adcli {adcli.__version__}\n\n{table(list(SETS.values()))}"
    return re.sub(f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}{made}{END}", PAGE.read_text(), flags=re.S)


if __name__ == "__main__":
    PAGE.write_text(page())
