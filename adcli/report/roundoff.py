"""What round-off did to a run: the worst operations, the digits lost by line, cures, as data and as text."""

from __future__ import annotations

import math
import sys
from collections.abc import Set
from typing import Any, NamedTuple

from adcli.engines.precise import ALL_DIGITS
from adcli.engines.roundoff import ADJOINT, PARTIAL, SUM, VALUE, Run, Step, far_apart, flat, right, worst
from adcli.errors import Source, Span
from adcli.report.cures import Cure, clipped, cures
from adcli.report.grid import Grid, plain

WHAT = {VALUE: "value", PARTIAL: "partial", ADJOINT: "adjoint", SUM: "sum of adjoints"}
# Rounding alone costs an operation less.
NOTICED = 0.5


class Number(NamedTuple):
    """A result: as computed, and as it should be."""

    name: str
    computed: Any
    exact: Any

    @property
    def digits(self) -> float:
        """How many are right, in an array those of the worst element; nan where there is no number."""
        if any(x != x for x in flat(self.exact)):
            return math.nan
        return right(worst(self.computed, self.exact))

    @property
    def nearest(self) -> Any:
        """The exact number as binary64 has it."""
        return self.exact.astype(float) if hasattr(self.exact, "shape") else float(self.exact)


class Line(NamedTuple):
    """A line of the program: how often operations of it ran, the digits lost at all of them (what others win back is not subtracted), and
    the most at one."""

    number: int
    text: str
    operations: int
    lost: float
    most: float


class Losses:
    """The operations of a run, as positions of its steps, that something depends on, and the digits lost at them."""

    def __init__(self, run: Run, source: Source, steps: list[int]) -> None:
        self.run = run
        self.source = source
        self.steps = [k for k in steps if run.steps[k].let is not None]

    def worst(self, rows: int | None) -> list[int]:
        """The operations at which most digits got lost, the worst first; those that lost what counts."""
        found = sorted((k for k in self.steps if self.run.steps[k].lost >= NOTICED), key=lambda k: -self.run.steps[k].lost)
        return found if rows is None else found[:rows]

    def span(self, k: int) -> Span | None:
        """Where the step stands in the program."""
        let = self.run.steps[k].let
        return None if let is None else let.span

    def place(self, step: Step) -> tuple[int, int]:
        """Line and column."""
        assert step.let is not None
        return self.source.position(step.let.span.start) if step.let.span is not None else (0, 0)

    def operation(self, step: Step) -> str:
        """The source text of an operation."""
        assert step.let is not None
        span = step.let.span
        return clipped(self.source.text[span.start : span.end]) if span is not None else step.let.op.name

    def step_data(self, k: int) -> dict[str, Any]:
        """A step as JSON has it."""
        step = self.run.steps[k]
        index, computed, exact = element(step)
        line, column = self.place(step)
        assert step.let is not None
        return {
            "operation": self.operation(step), "op": step.let.op.name, "name": self.run.names[k], "line": line, "column": column,
            "iteration": list(step.iteration), "element": list(index), "value": computed, "exact": float(exact), "digits": step.digits,
            "lost": step.lost, "own_error": step.own, "amplification": step.amplification,
        }  # fmt: skip

    def grid(self, shown: list[int]) -> Grid:
        grid = Grid(["lost", "right", "operation", "place", "computed", "exact", "own error", "amplified"],
                    ["text", "text", "name", "name", "text", "text", "text", "text"])  # fmt: skip
        grid.rows.extend(map(self.row, shown))
        return grid

    def row(self, k: int) -> list[str]:
        """A step as a row of the grid."""
        step = self.run.steps[k]
        index, computed, exact = element(step)
        at = f"[{','.join(map(str, index))}]" if index else ""
        loop = f", iteration {', '.join(map(str, step.iteration))}" if step.iteration else ""
        line, column = self.place(step)
        amplified = "" if step.amplification is None else f"{step.amplification:.2g}×"
        return [
            f"{step.lost:.1f}", f"{step.digits:.1f}", self.operation(step) + at, f"{line}:{column}{loop}", f"{computed:.6g}",
            brief(exact, 6), f"{step.own:.2g}", amplified,
        ]  # fmt: skip


class Sweep(Losses):
    """The reverse sweep that a gradient comes from; roles: what each of its steps computes."""

    def __init__(self, run: Run, source: Source, steps: list[int], roles: list[str]) -> None:
        super().__init__(run, source, steps)
        self.roles = roles

    def step_data(self, k: int) -> dict[str, Any]:
        return {"role": self.roles[k], **super().step_data(k)}

    def grid(self, shown: list[int]) -> Grid:
        plain = super().grid(shown)
        return Grid([*plain.heads, "what"], [*plain.kinds, "name"], plain.rows)

    def row(self, k: int) -> list[str]:
        return [*super().row(k), WHAT[self.roles[k]]]

    def text(self, rows: int | None, told: Set[Span | None]) -> str:
        """Where the gradient's digits went; told: places where the value lost its own, which readers know by then."""
        shown = self.worst(rows)
        if not shown:
            return ""
        if all(self.roles[k] == VALUE and self.span(k) in told for k in shown):
            return "the gradient lost its digits there, too"
        head = f"\ndigits of the gradient lost, at the worst of {len(self.steps):,} operations of the reverse sweep\n"
        return head + plain(self.grid(shown)).rstrip()


class Report(Losses):
    """A run, its outputs and gradient, the operations that the outputs depend on, and the sweep of the gradient where there is one."""

    def __init__(
        self, run: Run, source: Source, outputs: list[Number], gradient: dict[str, Number], steps: list[int], back: Sweep | None = None
    ) -> None:
        super().__init__(run, source, steps)
        self.outputs = outputs
        self.gradient = gradient
        self.back = back

    def cures(self) -> list[Cure]:
        return cures(self.run, self.source, self.steps)

    def lines(self) -> list[Line]:
        """By line of the program, the one that lost most first."""
        found: dict[int, list[float]] = {}
        for k in self.steps:
            let = self.run.steps[k].let
            if let is not None and let.span is not None:
                found.setdefault(self.source.position(let.span.start)[0], []).append(max(0.0, self.run.steps[k].lost))
        made = [Line(n, clipped(self.source.line(n)), len(lost), math.fsum(lost), max(lost)) for n, lost in found.items()]
        return sorted(made, key=lambda line: -line.lost)

    def data(self, rows: int | None) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "schema": "adcli/roundoff/1",
            "outputs": {n.name: _number_data(n) for n in self.outputs},
            "gradient": {n.name: _number_data(n) for n in self.gradient.values()},
            "operations": len(self.steps),
            "precision": self.run.precision,
            "worst": [self.step_data(k) for k in self.worst(rows)],
            "gradient_worst": [] if self.back is None else [self.back.step_data(k) for k in self.back.worst(rows)],
            "lines": [line._asdict() for line in self.lines()],
            "cures": [
                dict(zip(("line", "column"), self.source.position(c.span.start), strict=True), operation=c.operation, instead=c.instead)
                for c in self.cures()
            ],
        }

    def text(self, rows: int | None) -> str:
        """What a reader wants to know first: how much of the result is right, then where the rest went, then what to do."""
        parts = [_sentence(n) for n in self.outputs] + [_sentence(n, "gradient by ") for n in self.gradient.values()]
        if not self.outputs:
            return "the result is made of integers or truth values, which are exact\n"
        shown = self.worst(rows)
        if shown:
            unharmed = all(n.digits > ALL_DIGITS - NOTICED for n in self.outputs)
            where = "lost on the way, and not in the result" if unharmed else "lost"
            parts.append(f"\ndigits {where}, at the worst of {len(self.steps):,} operations\n" + plain(self.grid(shown)).rstrip())
        else:
            parts.append(f"no digit got lost at the operations behind the result ({len(self.steps):,})")
        if self.back is not None and any(n.digits < ALL_DIGITS - NOTICED for n in self.gradient.values()):
            parts.append(self.back.text(rows, {self.span(k) for k in shown}))
        if shown and any(self.run.steps[k].iteration for k in self.steps):
            parts.append("\ndigits lost by line, at all of its operations together\n" + plain(self._line_grid(rows)).rstrip())
        for cure in self.cures():
            line, column = self.source.position(cure.span.start)
            parts.append(f"help: for {cure.operation} ({line}:{column}) write {cure.instead}")
        return "\n".join(filter(None, parts)) + "\n"

    def _line_grid(self, rows: int | None) -> Grid:
        grid = Grid(["lost", "most at one", "operations", "line", "text"], ["text", "text", "text", "text", "name"])
        for line in self.lines()[:rows]:
            grid.rows.append([f"{line.lost:.1f}", f"{line.most:.1f}", f"{line.operations:,}", str(line.number), line.text])
        return grid


def element(step: Step) -> tuple[tuple[int, ...], float, Any]:
    """The number of a step, or the worst element of its array with its index."""
    shape = getattr(step.value, "shape", ())
    computed, exact = flat(step.value), flat(step.exact)
    if not shape:
        return (), computed[0], exact[0]
    errors = [far_apart(a, b) for a, b in zip(computed, exact, strict=True)]
    at = max(range(len(errors)), key=errors.__getitem__)
    index = []
    rest = at
    for extent in reversed(shape):
        rest, k = divmod(rest, extent)
        index.append(k)
    return tuple(reversed(index)), computed[at], exact[at]


def _number_data(n: Number) -> dict[str, Any]:
    return {"value": n.computed, "exact": n.nearest, "digits": n.digits}


def said(digits: float) -> str:
    """How many digits are right, in words."""
    if digits != digits:
        return "there is no number to compare"
    if digits > ALL_DIGITS - 0.5:
        return "all 16 digits are right"
    if digits < 0.5:
        return "no digit is right"
    return f"{digits:.0f} digits of 16 are right" if digits >= 1.5 else "1 digit of 16 is right"


def _sentence(n: Number, before: str = "") -> str:
    if hasattr(n.computed, "shape"):
        return f"{before}{n.name}: {said(n.digits)} in the worst of {n.computed.size:,} elements"
    return f"{before}{n.name}: computed {n.computed!r}, exact {brief(n.exact)}: {said(n.digits)}"


def brief(exact: Any, digits: int | None = None) -> str:
    """An exact number as the nearest double, or with a few digits where that is infinite, 0 or of fewer bits."""
    near = float(exact)
    if near == exact or sys.float_info.min <= abs(near) < math.inf:
        return repr(near) if digits is None else f"{near:.{digits}g}"
    text: str = exact.context.nstr(exact, digits or 6)
    return text
