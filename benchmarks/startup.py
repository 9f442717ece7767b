"""How long adcli takes to start, against the libraries it stands on: whole processes, run in turn, medians of ratios.

    python benchmarks/startup.py [--runs N] [--here]

Builds a wheel and installs it into a temporary virtual environment, where pip has compiled the bytecode as it has for a user;
`--here` measures the adcli of this Python instead.
"""
from __future__ import annotations

import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).parent.parent
FORMULA = ["x1*x2+sin(x1)", "--at", "x1=2,x2=5", "--json"]


def installed(folder: str) -> pathlib.Path:
    """The bin directory of a fresh environment with adcli's wheel in it."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    programs = pathlib.Path(folder) / "bin"
    subprocess.run([programs / "pip", "install", "-q", "--disable-pip-version-check", str(ROOT)], check=True)
    return programs


def seconds(command: list[str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())
    return time.perf_counter() - begin


def ratio(ours: list[str], theirs: list[str], runs: int) -> tuple[float, float, float]:
    """Medians of both and of the ratio of neighbours, so that a slow moment of the machine hits both."""
    for command in (ours, theirs):
        seconds(command)
    pairs = [(seconds(ours), seconds(theirs)) for _ in range(runs)]
    a, b = zip(*pairs, strict=True)
    return statistics.median(a), statistics.median(b), statistics.median(x / y for x, y in pairs)


def main() -> None:
    options = argparse.ArgumentParser(description="Start-up of adcli against its libraries.")
    options.add_argument("--runs", type=int, default=31)
    options.add_argument("--here", action="store_true", help="measure the adcli beside this Python")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        programs = pathlib.Path(sys.executable).parent if chosen.here else installed(folder)
        adcli, python = str(programs / "adcli"), str(programs / "python")
        compared = [
            ("adcli grad FORMULA --json", [adcli, "grad", *FORMULA], "import click, lark", 1.25),
            ("adcli --help", [adcli, "--help"], "import click", 1.3),
        ]
        for name, ours, theirs, target in compared:
            mine, base, times = ratio(ours, [python, "-c", theirs], chosen.runs)
            print(f"{name}: {mine * 1e3:.0f} ms, python -c '{theirs}': {base * 1e3:.0f} ms, ratio {times:.2f} (target {target})")


if __name__ == "__main__":
    main()
