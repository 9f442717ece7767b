"""What compilation costs: a generated scalar program of a hundred lines to native code, and a second run that finds it in the cache."""
from __future__ import annotations

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
from sides import LIMITS, NO_NATIVE, engine, processes
from timing import Report, Row, once

import adcli
from adcli.api.variant import ready

LINES = 100
INPUTS = "x", "y", "z"
# Each keeps numbers about as large as they are.
SHAPES = ("0.5*{a}*tanh({b}) + 0.3*{c}", "sin({a}) + 0.3*{b}*cos({c})", "{a}/(2 + {b}^2) + 0.4*{c}", "exp(-{a}^2) + 0.4*{b} - 0.3*{c}",
          "0.4*sqrt(1 + {a}^2) - 0.5*{b}*sin({c})")  # fmt: skip


def program(lines: int = LINES, seed: int = 31337) -> str:
    """Straight-line scalar code: each line combines three earlier names by arithmetic and, now and then, an elementary function."""
    draw = np.random.default_rng(seed)
    names = list(INPUTS)
    out = [f"input {name} = {value}" for name, value in zip(INPUTS, (0.3, 0.7, 1.1), strict=True)]
    for k in range(lines - len(INPUTS) - 1):
        a, b, c = (names[-1 - int(j)] for j in np.minimum(draw.geometric(0.3, 3) - 1, len(names) - 1))
        out.append(f"v{k} = " + SHAPES[int(draw.integers(len(SHAPES)))].format(a=a, b=b, c=c))
        names.append(f"v{k}")
    return "\n".join([*out, f"output {names[-1]}"]) + "\n"


def compiled(text: str) -> None:
    """From text to a gradient that can be run: parse, lower, differentiate, optimise, emit."""
    made = adcli.compile(text, limits=LIMITS)
    variant, args, _ = made.bind({})
    make = engine("native")
    assert make is not None
    make(ready(variant.function("reverse", tuple(range(len(args))), 0)), LIMITS).run([*args, 1.0])


def process(command: Sequence[str], environment: dict[str, str]) -> float:
    return once(lambda: subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL))


def starts(path: pathlib.Path, cache: str, runs: int = 21) -> tuple[float, float, float]:
    """Seconds of whole processes: the interpreter, the first native run, later ones; medians, taken in turn."""
    environment = processes(cache)
    base = [sys.executable, "-m", "adcli", "grad", str(path), "--engine"]
    process([*base, "interpret"], environment)
    process([sys.executable, "-m", "adcli", "grad", "x^2", "--at", "x=1", "--engine", "native"], environment)  # compiles the bytecode
    first = process([*base, "native"], environment)
    pairs = [(process([*base, "interpret"], environment), process([*base, "native"], environment)) for _ in range(runs)]
    interpreted = statistics.median(a for a, _ in pairs)
    return interpreted, first, interpreted + statistics.median(b - a for a, b in pairs)


def measure() -> Report:
    text = program()
    work = f"compile a {LINES}-line scalar program and its gradient"
    if engine("native") is None:
        return Report([Row(work, "", None, 150, "ms", NO_NATIVE)])
    compiled("input x = 1; x^2")  # what is imported and set up once
    spent = []
    for seed in range(7):
        begin = time.process_time()
        compiled(program(seed=seed))
        spent.append(time.process_time() - begin)
    note = "parse, lower, differentiate, optimise, emit; another program each time; the processor's time"
    rows = [Row(work, "", statistics.median(spent) * 1e3, 150, "ms", note)]
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "program.adl"
        path.write_text(text)
        try:
            interpreted, first, later = starts(path, os.path.join(folder, "cache"))
        except subprocess.CalledProcessError as error:
            note = f"`adcli grad --engine native` ended with code {error.returncode}"
            return Report([*rows, Row("second run from the cache", "the interpreter's start", None, 15, "ms", note)])
    note = f"whole processes: interpreter {interpreted * 1e3:.0f} ms, native {first * 1e3:.0f} ms at first and {later * 1e3:.0f} ms later"
    rows.append(Row("second run from the cache, above", "the interpreter's start", (later - interpreted) * 1e3, 15, "ms", note))
    return Report(rows)
