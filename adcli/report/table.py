"""Trace tables: the rows of a trace side by side, fitted to a width.

Every row has the primal statement at the left and, at the right, the adjoint statements that come from it, or its tangent along each seed.
Where the lines would be too long, the numbers put in stand below their formula instead of beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adcli.report.equation import put_in
from adcli.report.formula import Ref
from adcli.report.grid import GAP, Grid, width, wrapped
from adcli.report.notation import ASCII, Number, Writer
from adcli.report.sweep import Adjoint
from adcli.report.trace import Statement, Trace, is_zero, zero_like

ROWS = 60
LONG_VALUE = 28
# The part of its natural width that a stacked table must have for its values to stand in columns.
WRAPPED = 0.8


@dataclass(slots=True)
class Line:
    """One statement in words: label left = formula = numbers = value.

    indent: the width of what stands before the formula's sign. repeats: the formula is that of the line above, for another seed.
    """

    label: str
    statement: str
    numbers: str
    value: str
    indent: int
    repeats: bool = False


@dataclass(slots=True)
class Entry:
    """A row: line of the program and iteration, the variable's name, the primal statement, and what is derived from it."""

    place: tuple[str, str]
    name: str
    primal: Line
    derived: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class Omitted:
    """Rows left out in the middle."""

    count: int


def chosen(trace: Trace, only: str | None, rows: int | None) -> list[int | Omitted]:
    """The nodes to show: those of one variable, and of a long list the two ends."""
    r = trace.recording
    nodes: Sequence[int] = range(len(r)) if only is None else [k for k in range(len(r)) if r.names[k] == only]
    if rows is None or len(nodes) <= rows:
        return list(nodes)
    head, tail = nodes[: (rows + 1) // 2], nodes[len(nodes) - rows // 2 :]
    return [*head, Omitted(len(nodes) - len(head) - len(tail)), *tail]


def statement_line(writer: Writer, s: Statement, label: str = "") -> Line:
    """A statement in words; its numbers are left out where they say what the formula or the value says."""
    left, formula, value = writer.notation.ref(s.left), writer.text(s.formula), writer.number(s.value)
    numbers = put_in(writer, s)
    if numbers in (formula, value):
        numbers = ""
    return Line(label, f"{left} = {formula}" if formula != value else left, numbers and f"= {numbers}", f"= {value}", width(left) + 1)


def seed_name(seed: Mapping[str, Any], number: Number) -> str:
    """What a group of tangents is called: x1, or x1=3, x2=-2."""
    plain = Writer(ASCII, number)
    moving = [(n, v) for n, v in seed.items() if not is_zero(v)]
    if len(moving) == 1 and is_zero(moving[0][1] - 1):
        return moving[0][0]
    return ", ".join(f"{n}={plain.number(v)}" for n, v in moving) or "0"


class Table:
    """The table of a trace in one notation. by_target: adjoint statements stand beside the row whose adjoint they give (for --only)."""

    def __init__(self, trace: Trace, writer: Writer, shown: Sequence[int | Omitted], by_target: bool = False) -> None:
        self.trace = trace
        self.writer = writer
        self.entries = [self._entry(n) if isinstance(n, int) else n for n in shown]
        self.reverse = trace.mode == "reverse"
        self.seeds = [seed_name(seed, writer.format) for seed in trace.seeds]
        if self.reverse:
            self._adjoints([n for n in shown if isinstance(n, int)], by_target)
        else:
            self._tangents(shown)

    def _entry(self, node: int) -> Entry:
        r = self.trace.recording
        iteration = ",".join(map(str, r.iterations[node]))
        return Entry((str(self.trace.place(node)), iteration), r.names[node], statement_line(self.writer, self.trace.row(node)))

    def _tangents(self, shown: Sequence[int | Omitted]) -> None:
        labels = self.seeds
        for entry, node in zip(self.entries, shown, strict=True):
            if isinstance(entry, Entry) and isinstance(node, int):
                entry.derived = [statement_line(self.writer, self.trace.tangent(node, k), labels[k]) for k in range(len(labels))]
                for again in entry.derived[1:]:
                    again.repeats = True

    def _adjoints(self, nodes: list[int], by_target: bool) -> None:
        found: dict[int, list[Line]] = {n: [] for n in nodes}
        last = {}
        for a in self.trace.adjoints():
            if a.node < len(self.trace.recording.inputs):
                last[a.node] = a.running
            beside = a.node if by_target or a.source is None else a.source
            if beside in found:
                found[beside].append(self._adjoint(a))
        for entry, node in zip((e for e in self.entries if isinstance(e, Entry)), nodes, strict=True):
            entry.derived = found[node][::-1]
            if node in self.trace.inputs:
                entry.derived.insert(0, self._gradient(node, last.get(node)))

    def _adjoint(self, a: Adjoint) -> Line:
        return statement_line(self.writer, self.trace.adjoint(a), str(a.step))

    def _gradient(self, node: int, value: object) -> Line:
        """∂y/∂x1 = v̄₋₁: the gradient in the input's row."""
        r, n = self.trace.recording, self.writer.notation
        left = n.gradient(self.trace.output_name, r.names[node])
        if value is None:
            return Line("", left, "", f"= {self.writer.number(zero_like(r.values[node]))}{n.remark('no path')}", width(left) + 1)
        return Line("", f"{left} = {n.ref(Ref('bar', r.number(node)))}", "", f"= {self.writer.number(value)}", width(left) + 1)

    @property
    def placed(self) -> bool:
        """Whether rows say their line and iteration: there is a loop."""
        return any(isinstance(e, Entry) and e.place[1] for e in self.entries)

    @property
    def named(self) -> bool:
        return any(isinstance(e, Entry) and e.name for e in self.entries)

    def _grid(self) -> Grid:
        """A grid with the columns before the primal statement."""
        grid = Grid([], [])
        if self.placed:
            grid.add("line", "text")
            grid.add("iter", "text")
        if self.named:
            grid.add("", "name")
        return grid

    def _before(self, e: Entry) -> list[str]:
        return [*(e.place if self.placed else ()), *([e.name] if self.named else ())]

    @property
    def title(self) -> str:
        return "adjoint trace, bottom up" if self.reverse else "tangent trace"

    def wide(self) -> Grid:
        """Formula, numbers and value beside each other; seeds as groups of columns."""
        grid = self._grid()
        for head in ("primal trace", "", ""):
            grid.add(head, "math")
        if self.reverse:
            grid.add("", "text")
        grid.add(self.title, "math")
        for head in [""] if self.reverse else [f"along {seed}" for seed in self.seeds]:
            grid.add(head, "math")
            grid.add("", "math")
        for e in self.entries:
            if isinstance(e, Omitted):
                grid.rows.append(omitted(e))
            else:
                grid.rows += self._wide_rows(e) if self.reverse else [self._wide_row(e)]
        grid.rows += self._constants()
        return grid

    def _wide_rows(self, e: Entry) -> Iterator[list[str]]:
        first = [*self._before(e), e.primal.statement, e.primal.numbers, e.primal.value]
        for line in e.derived or [Line("", "", "", "", 0)]:
            yield [*first, line.label, line.statement, line.numbers, line.value]
            first = [""] * len(first)

    def _wide_row(self, e: Entry) -> list[str]:
        row = [*self._before(e), e.primal.statement, e.primal.numbers, e.primal.value]
        row.append(e.derived[0].statement if e.derived else "")
        for line in e.derived:
            row += [line.numbers, line.value]
        return row

    def stacked(self, room: int) -> Grid:
        """The numbers below their formula, seeds below each other; what is still too long is wrapped at blanks.

        Where that would break most lines, the values stand below too, and not in columns of their own.
        """
        left, right, free = self._rooms(room, aside=True)
        aside = free >= WRAPPED * (left + right)
        if not aside:
            left, right, free = self._rooms(room, aside=False)
        if left + right > free:
            left = max(20, min(left, free // 2), free - right)
            right = max(24, free - left)
        elif not aside:
            left = min(free - right, max(chained(e.primal) for e in self.entries if isinstance(e, Entry)))
            right = free - left
        grid = self._narrow(aside)
        for e in self.entries:
            if isinstance(e, Omitted):
                grid.rows.append(omitted(e))
            else:
                grid.rows += self._narrow_rows(e, left, right, aside)
        grid.rows += self._constants()
        return grid

    @property
    def _labelled(self) -> bool:
        return self.reverse or len(self.trace.seeds) > 1

    def _narrow(self, aside: bool) -> Grid:
        """The columns of the stacked table; aside: values have columns of their own."""
        grid = self._grid()
        grid.add("primal trace", "math")
        if aside:
            grid.add("", "math")
        if self._labelled:
            grid.add("", "text")
        grid.add(self._narrow_title(), "math")
        if aside:
            grid.add("", "math")
        return grid

    def _narrow_rows(self, e: Entry, left_room: int, right_room: int, aside: bool) -> Iterator[list[str]]:
        left = stack(e.primal, left_room, aside)
        right = [row for line in e.derived for row in stack(line, right_room, aside)]
        before = self._before(e)
        for k in range(max(len(left), len(right))):
            _, *primal = left[k] if k < len(left) else ("", "", "")
            label, *derived = right[k] if k < len(right) else ("", "", "")
            yield [*before, *primal[: 1 + aside], *([label] if self._labelled else []), *derived[: 1 + aside]]
            before = [""] * len(before)

    def _narrow_title(self) -> str:
        if self.reverse or len(self.trace.seeds) != 1:
            return self.title
        return f"{self.title} along {self.seeds[0]}"

    def _rooms(self, room: int, aside: bool) -> tuple[int, int, int]:
        """The widths that the two statement columns would like, and what there is for both."""
        entries = [e for e in self.entries if isinstance(e, Entry)]
        derived = [line for e in entries for line in e.derived]
        grid = self._narrow(aside)
        columns = zip(*map(self._before, entries), strict=True)
        taken = sum(max(width(head), *map(width, column)) for head, column in zip(grid.heads, columns, strict=False))
        if aside:
            taken += sum(min(LONG_VALUE, max(map(width, values), default=0)) for values in _values(entries, derived))
        if self._labelled:
            taken += max((width(line.label) for line in derived), default=0)
        left = max((natural(e.primal, aside) for e in entries), default=0)
        right = max((natural(line, aside) for line in derived), default=0)
        return left, max(right, width(self._narrow_title())), room - taken - len(GAP) * (len(grid.heads) - 1)

    def steps(self, room: int | None = None) -> Grid:
        """Every statement in the order in which it runs; where the lines are longer than `room`, each in one column, wrapped."""
        grid = self._steps(None)
        if room is None or grid.width() <= room:
            return grid
        before = [width for width, kind in zip(grid.widths(), grid.kinds, strict=True) if kind != "math"]
        return self._steps(max(24, room - sum(before) - len(GAP) * len(before)))

    def _steps(self, room: int | None) -> Grid:
        grid = self._grid()
        blank = [""] * len(grid.heads)
        grid.add("", "text")
        for head in ("primal trace", "", "") if room is None else ("primal trace",):
            grid.add(head, "math")
        for e in self.entries:
            if isinstance(e, Omitted):
                grid.rows.append(omitted(e))
                continue
            grid.rows += _step(self._before(e), e.primal, room)
            if not self.reverse:
                grid.rows += [row for line in e.derived for row in _step(blank, line, room)]
        if self.reverse:
            grid.rows += ["", "adjoint trace", *self._adjoint_steps(blank, room)]
        grid.rows += self._constants()
        return grid

    def _adjoint_steps(self, blank: list[str], room: int | None) -> Iterator[list[str] | str]:
        """The adjoint statements by their numbers, then the gradient."""
        lines = [(e, line) for e in self.entries if isinstance(e, Entry) for line in e.derived]
        last = 0
        for e, line in sorted((p for p in lines if p[1].label), key=lambda pair: int(pair[1].label)):
            step = int(line.label)
            if step > last + 1:
                yield omitted(Omitted(step - last - 1))
            last = step
            yield from _step([*(e.place if self.placed else ()), *([""] * self.named)], line, room)
        for _, line in lines:
            if not line.label:
                yield from _step(blank, line, room)

    def _constants(self) -> list[str]:
        """Outputs that are no row of the table: constants, and whole numbers."""
        r = self.trace.recording
        return [f"{name} = {self.writer.number(r.value(ref))}" for name, ref in r.outputs if ref < 0]

    def fitted(self, room: int) -> Grid:
        """The wide grid where it fits, else the stacked one."""
        grid = self.wide()
        return grid if grid.width() <= room else self.stacked(room)


def omitted(o: Omitted) -> str:
    return f"... {o.count:,} more row{'s' if o.count > 1 else ''} (--rows all shows them) ..."


def _step(before: list[str], line: Line, room: int | None) -> list[list[str]]:
    """The rows of one statement in the list of steps."""
    if room is None:
        return [[*before, line.label, "" if line.repeats else line.statement, line.numbers, line.value]]
    rows = []
    for label, text, _ in stack(line, room, aside=False):
        rows.append([*before, label, text])
        before = [""] * len(before)
    return rows


def _values(entries: Sequence[Entry], derived: Sequence[Line]) -> tuple[list[str], list[str]]:
    return [e.primal.value for e in entries], [line.value for line in derived]


def natural(line: Line, aside: bool) -> int:
    """The width of a statement with its numbers, and if not `aside` its value, below it."""
    below = max(width(line.numbers), 0 if aside else width(line.value))
    return max(width(line.statement), line.indent + below)


def chained(line: Line) -> int:
    """The width of a statement with all that follows on one line."""
    return sum(width(part) + 1 for part in (line.statement, line.numbers, line.value) if part) - 1


def stack(line: Line, room: int, aside: bool) -> list[tuple[str, str, str]]:
    """Label, text and value of the lines that a statement takes; the value stands on the last: beside the text, or in it if not `aside`."""
    texts = [] if line.repeats else wrapped(line.statement, room, line.indent + 2)
    for part in (line.numbers, "" if aside else line.value):
        if part and texts and width(texts[-1]) + 1 + width(part) <= room and not aside:
            texts[-1] += " " + part
        elif part:
            texts += [" " * line.indent + text for text in wrapped(part, room - line.indent, 2)]
    texts = texts or [""]
    values = wrapped(line.value, LONG_VALUE, 3) if aside else [""]
    texts += [""] * (len(values) - 1)
    values = [""] * (len(texts) - len(values)) + values
    return [(line.label if k == 0 else "", text, value) for k, (text, value) in enumerate(zip(texts, values, strict=True))]
