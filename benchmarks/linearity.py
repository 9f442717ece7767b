"""Cost against work: time of a gradient, and numbers on its tape, for trip counts from a thousand to ten million; a log-log plot.

Three programs: a scalar loop, a loop that fills an array element by element, and a windowed sum over an array.
"""
from __future__ import annotations

import math
import pathlib
import statistics
from collections.abc import Sequence

from sides import LIMITS, NO_NATIVE, engine, functions
from timing import Report, Row, once, repeats, table, text_time

from adcli.engines.count import executed

HERE = pathlib.Path(__file__).parent
COUNTS = [10**3, 10**4, 10**5, 10**6, 10**7]
COUNTED = COUNTS[:3]  # the tape is counted by the interpreter
HEAD = "input x = 0.3; input r = 3.2; input n: int; "
PROGRAMS = {
    "scalar loop": HEAD + "for i in 0..n { x = r*x*(1-x) + 0.01*sin(x) }; output x",
    "loop that fills an array": HEAD + "a = zeros(n); a[0] = x; for i in 1..n { a[i] = a[i-1]*0.5 + r }; output y = sum(a)",
    "windowed sum": HEAD + "a = linspace(0, x, n); s = 0; for i in 2..n { s += a[i]*a[i-1] + sin(a[i-2])*r }; output s",
}
WIDTH, HEIGHT, LEFT, TOP = 640, 420, 70, 30
COLOURS = "#1b6ca8", "#c0392b", "#2e8b57"


def times(text: str) -> list[float]:
    """Seconds of a gradient for each trip count; the median of five measurements of 0.1 s or one run."""
    make = engine("native")
    assert make is not None
    out = []
    _, reverse, _ = functions(text, {"n": 10}, ["x", "r"])
    machine = make(reverse, LIMITS)
    for n in COUNTS:
        args = [0.3, 3.2, n, 1.0]
        run = lambda args=args: machine.run(args)  # noqa: E731
        run()
        count = repeats(run, 0.1)
        out.append(statistics.median(once(lambda: [run() for _ in range(count)]) / count for _ in range(5)))  # noqa: B023
    return out


def taped(text: str) -> list[int]:
    """Values pushed on the tape, for the trip counts that are counted."""
    _, reverse, _ = functions(text, {"n": 10}, ["x", "r"])
    return [executed(reverse, [0.3, 3.2, n, 1.0]).get("Push", 0) for n in COUNTED]


def exponent(counts: Sequence[int], costs: Sequence[float]) -> float:
    """The slope of log(cost) over log(count) by least squares: 1 where the cost is linear."""
    x, y = [math.log(n) for n in counts], [math.log(c) for c in costs]
    a, b = statistics.fmean(x), statistics.fmean(y)
    return sum((p - a) * (q - b) for p, q in zip(x, y, strict=True)) / sum((p - a) ** 2 for p in x)


def plot(found: dict[str, list[float]]) -> str:
    """The times over the trip counts, both axes logarithmic, as SVG."""
    low = math.floor(math.log10(min(min(values) for values in found.values())))
    high = math.ceil(math.log10(max(max(values) for values in found.values())))
    across, up = (WIDTH - LEFT - 20) / 4, (HEIGHT - TOP - 50) / (high - low)

    def at(n: float, seconds: float) -> tuple[float, float]:
        return LEFT + (math.log10(n) - 3) * across, HEIGHT - 50 - (math.log10(seconds) - low) * up

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             f'<text x="{WIDTH / 2}" y="18" text-anchor="middle">Time of a gradient over the trip count (log-log)</text>']  # fmt: skip
    for power in range(3, 8):
        x, _ = at(10**power, 10**low)
        parts.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - 50}" stroke="#ddd"/>')
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 32}" text-anchor="middle">10^{power}</text>')
    for power in range(low, high + 1):
        _, y = at(10**3, 10**power)
        parts.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - 20}" y2="{y:.1f}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{text_time(10.0**power)}</text>')
    for k, (name, values) in enumerate(found.items()):
        points = [at(n, seconds) for n, seconds in zip(COUNTS, values, strict=True)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[k]}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{COLOURS[k]}"/>' for x, y in points]
        parts.append(f'<text x="{LEFT + 12}" y="{TOP + 18 + 16 * k}" fill="{COLOURS[k]}">{name}</text>')
    return "\n".join([*parts, f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle">iterations</text>', "</svg>"]) + "\n"


def measure() -> Report:
    if engine("native") is None:
        return Report([Row("time and tape over the trip count", "linear", None, note=NO_NATIVE)])
    found = {name: times(text) for name, text in PROGRAMS.items()}
    tapes = {name: taped(text) for name, text in PROGRAMS.items()}
    (HERE / "linearity.svg").write_text(plot(found))
    rows = []
    for name, values in found.items():
        each = [seconds / n for n, seconds in zip(COUNTS, values, strict=True)]
        rows.append(Row(f"{name}, exponent of the time, 10³ to 10⁷", "1", exponent(COUNTS, values), 1.1, "",
                        f"{min(each) * 1e9:.3g} to {max(each) * 1e9:.3g} ns an iteration"))  # fmt: skip
        if any(tapes[name]):
            rows.append(Row(f"{name}, exponent of the tape, 10³ to 10⁵", "1", exponent(COUNTED, tapes[name]), 1.01, "",
                            f"{tapes[name][-1] / COUNTED[-1]:.2f} numbers an iteration"))  # fmt: skip
    lines = [[name, *map(text_time, values)] for name, values in found.items()]
    head = ["gradient of", *(f"{n:,}" for n in COUNTS)]
    return Report(rows, ["### Cost against work\n\n![time over trip count](linearity.svg)\n\n" + table(head, lines)])
