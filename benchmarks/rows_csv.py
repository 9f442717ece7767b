"""x1*x2 + sin(x1) and its gradient from a CSV file to a CSV file, two million rows: whole processes, on all cores as they please."""
from __future__ import annotations

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable

import numpy as np
from sides import missing, processes
from timing import Report, Row, once, ratio, text_time

ROWS = 2_000_000
TEXT = "x1*x2 + sin(x1)"
WORK = f"the same from CSV to CSV, {ROWS:,} rows, whole process"
PEERS = pathlib.Path(__file__).parent / "peers"
ROUNDS = 15


def write(path: pathlib.Path) -> None:
    """The input: two columns of random numbers, with all their digits."""
    draw = np.random.default_rng(31337)
    x1, x2 = draw.uniform(-10, 10, ROWS).tolist(), draw.uniform(-1, 1, ROWS).tolist()
    with path.open("w") as file:
        file.write("x1,x2\n")
        file.writelines(f"{a!r},{b!r}\n" for a, b in zip(x1, x2, strict=True))


def sides(folder: pathlib.Path) -> dict[str, Callable[[], float]]:
    """Each runs a process from `rows.csv` to a file of its own, and gives its seconds."""
    source = str(folder / "rows.csv")
    environment = processes(str(folder / "cache"))

    def process(command: list[str], out: str | None = None) -> float:
        if out is None:
            return once(lambda: subprocess.run(command, check=True, env=environment))
        with (folder / out).open("w") as file:
            return once(lambda: subprocess.run(command, check=True, env=environment, stdout=file))

    adcli = [sys.executable, "-m", "adcli", "grad", TEXT, "--data", source, "-o", str(folder / "adcli.csv")]
    found = {"adcli": lambda: process(adcli)}
    if importlib.util.find_spec("polars"):
        found["polars"] = lambda: process([sys.executable, str(PEERS / "rows_polars.py"), source, str(folder / "polars.csv")])
    if shutil.which("awk"):
        found["awk"] = lambda: process(["awk", "-f", str(PEERS / "rows.awk"), source], "awk.csv")
    return found


def agree(folder: pathlib.Path, name: str) -> bool:
    """The first thousand rows of a side's file are ours."""
    first = []
    for side in ("adcli", name):
        with (folder / f"{side}.csv").open() as file:
            head = next(file).strip()
            first.append((head, np.array([list(map(float, next(file).split(","))) for _ in range(1000)])))
    return first[0][0] == first[1][0] and bool(np.allclose(first[0][1], first[1][1], rtol=1e-12, atol=1e-14))


def measure() -> Report:
    bars = {"polars": ("a polars script, gradient by hand", 1.2), "awk": ("awk, gradient by hand", 1 / 3)}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(folder / "rows.csv")
        every = sides(folder)
        found: dict[str, list[float]] = {side: [] for side in every}
        for turn in range(-1, ROUNDS):
            for side in every if turn % 2 else reversed(every):
                os.sync()  # nobody pays for what another has left to be stored
                seconds = every[side]()
                if turn >= 0:  # the first time nothing is in the page cache, and nothing compiled
                    found[side].append(seconds)
        for side, (against, bar) in bars.items():
            if side not in found:
                rows.append(Row(WORK, against, None, bar, note=missing(side)))
                continue
            assert agree(folder, side), side
            note = f"{text_time(min(found['adcli']))} and {text_time(min(found[side]))}, the fastest"
            rows.append(Row(WORK, against, ratio(found["adcli"], found[side]), bar, note=note))
    return Report(rows)
