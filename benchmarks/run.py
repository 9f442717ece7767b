"""Measures everything that adcli promises about speed, in one run, and writes benchmarks/RESULTS.md.

    python benchmarks/run.py [NAME…] [--gradbench "COMMAND…" [--evals FOLDER]] [--output FILE]

NAMEs choose parts (see PARTS); without them all are measured, which takes some twenty minutes. COMMAND starts a tool that speaks
GradBench's protocol, to be compared with. Peers that are not installed are left out, with a line that says so; they come with
`pip install --group bench`.
"""
from __future__ import annotations

import argparse
import datetime
import importlib
import os
import pathlib
import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from importlib import metadata

from sides import ONE_THREAD
from timing import Report, Row, table

HERE = pathlib.Path(__file__).parent
# In this order; each is a module with `measure() -> Report`.
PARTS = {
    "loop": "scalar_loop",
    "rows": "rows_memory",
    "csv": "rows_csv",
    "training": "training",
    "gradbench": "compare_gradbench",
    "slopes": "slopes",
    "compile": "compile_time",
    "interpreter": "interpreter_costs",
    "linear": "linearity",
}
VERSIONS = "adcli", "numpy", "llvmlite", "polars", "jax", "autograd", "casadi"


def machine() -> Iterator[str]:
    """The processor, what runs on it, and the versions of what is compared."""
    model = platform.processor() or platform.machine()
    with open("/proc/cpuinfo") as lines:
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), model)
    yield f"Processor: {model}, {os.cpu_count()} cores, {platform.machine()}; {platform.system()} {platform.release()}"
    yield f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in VERSIONS)
    yield f"Load at the end of the measurements: {os.getloadavg()[1]:.1f} processes"
    if shutil.which("gcc"):
        yield subprocess.run(["gcc", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def measured(part: str, options: argparse.Namespace) -> Report:
    module = importlib.import_module(PARTS[part])
    if part != "gradbench":
        return module.measure()
    if not options.gradbench:
        return Report([Row("GradBench derivatives", "its C++ `manual`", None, 0.5, note='no tool was given: --gradbench "COMMAND…"')])
    chosen = module.parser().parse_args(["--evals", str(options.evals)] if options.evals else [])
    return module.report(module.compare(shlex.split(options.gradbench), chosen))


def number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:.3g} {unit}".strip()


def cells(row: Row) -> list[str]:
    return [row.work, row.against, number(row.value, row.unit), number(row.bar, row.unit), row.met, row.note]


HEAD = ["work", "against", "measured", "bar", "met", ""]


def text(reports: Sequence[Report], command: str) -> str:
    """The page: where and when, the table, what is not met, the details."""
    rows = [row for report in reports for row in report.rows]
    unmet = [f"- {row.work} against {row.against}: {number(row.value, row.unit)}, bar {number(row.bar, row.unit)}"
             for row in rows if row.met == "NO"]  # fmt: skip
    now = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
    head = ["# Results", f"Measured {now} by `{command}`.", "\n".join(f"- {line}" for line in machine()),
            "Ratios are ours / theirs: below 1 adcli is faster. A bar is the largest value that meets it. Medians; both sides of a ratio "
            "ran in turn in one run.", table(HEAD, map(cells, rows))]  # fmt: skip
    if unmet:
        head.append("## Not met\n\n" + "\n".join(unmet))
    return "\n\n".join([*head, *(detail for report in reports for detail in report.details)]) + "\n"


def main() -> None:
    options = argparse.ArgumentParser(description="Everything about speed, as ratios in one run.")
    options.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="NAME", help=f"of {', '.join(PARTS)}; default: all")
    options.add_argument("--gradbench", metavar="COMMAND", help="starts the tool to compare with on GradBench's programs")
    options.add_argument("--evals", type=pathlib.Path, help="GradBench's folder of evaluations, with the hands of ht")
    options.add_argument("--output", type=pathlib.Path, help="default: benchmarks/RESULTS.md, if all parts are measured")
    chosen = options.parse_args()
    os.environ.update(ONE_THREAD)
    reports = []
    for part in chosen.parts or PARTS:
        print(f"== {part}", flush=True)
        reports.append(measured(part, chosen))
        for row in reports[-1].rows:
            print("  ".join(cells(row)), flush=True)
    told = ["--gradbench COMMAND"] if chosen.gradbench else []
    page = text(reports, " ".join(["python benchmarks/run.py", *chosen.parts, *told]))
    to = chosen.output or (None if chosen.parts else HERE / "RESULTS.md")
    if to is None:
        print("\n" + page)
    else:
        to.write_text(page)


if __name__ == "__main__":
    main()
