"""Expression swell: how the operations of a derivative's formula grow with a loop's iterations, and those of the graph beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from adcli.api.problem import Problem
from adcli.api.program import Program, compile
from adcli.errors import EvaluationError, LimitError, ProgramError, Source, UsageError
from adcli.ir.nodes import Const, For
from adcli.syntax.tree import ForStmt, Range

LARGEST = 30


class Line(NamedTuple):
    """Operations after so many iterations: that the two modes execute, the value's included."""

    iterations: int
    raw: int | None
    simplified: int | None
    forward: int
    reverse: int


def growth(program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None, iterations: int | None) -> list[Line]:
    """Lines for 0, 1, … iterations of the program's first loop at the top, up to `iterations`, or to as many as it says."""
    loop, over = _first_loop(program)
    most = _count(Problem(program, at, wrt, of), loop) if iterations is None else iterations
    lines = []
    for n in range(most + 1):
        cut = _with_iterations(program, over, n)
        problem = Problem(cut, at, wrt, of)
        lines.append(Line(n, _formula(problem, True), _formula(problem, False), *_graph(problem)))
    return lines


def _first_loop(program: Program) -> tuple[ForStmt, Range]:
    for stmt in program.tree.statements:
        if isinstance(stmt, ForStmt) and isinstance(stmt.over, Range):
            return stmt, stmt.over
    raise UsageError("--swell counts iterations of a for loop over a range, and the program has none", help="for i in 1..=3 { … }")


def _count(problem: Problem, loop: ForStmt) -> int:
    """How often the loop runs, where that is a constant of the program."""
    for s in problem.variant.function("value", of=problem.of).body.statements:
        if isinstance(s, For) and s.span is not None and loop.span.start <= s.span.start < loop.span.end and isinstance(s.count, Const):
            found = max(0, int(s.count.value))
            if found > LARGEST:
                raise UsageError(f"the loop runs {found:,} times, too often for --swell", help="say how far to go: --iterations 6")
            return found
    raise UsageError("the loop's count is no constant of the program", help="say how far to go: --iterations 6")


def _with_iterations(program: Program, over: Range, n: int) -> Program:
    """The program with another end of the loop's range."""
    text, spans = program.source.text, [None if e is None else e.span for e in (over.lo, over.hi, over.step)]
    low, _, step = ("1" if span is None else f"({text[span.start : span.end]})" for span in spans)
    assert spans[1] is not None
    bound = f"({low} + {n - 1 if over.inclusive else n}*{step})"
    made = text[: spans[1].start] + bound + text[spans[1].end :]
    return compile(Source(made, program.source.name), limits=program.limits, engine=program.tiers.choice.engine)


def _graph(problem: Problem) -> tuple[int, int]:
    """Statements that the two modes execute, the value's included."""
    from adcli.api.ways import forward_way, reverse_way

    return forward_way(problem).operations or 0, reverse_way(problem).operations or 0


def _formula(problem: Problem, raw: bool) -> int | None:
    """Operations of the derivatives' formulas, as the product rule gives them or simplified; None where there are none."""
    from adcli.api.derive import derive

    at = dict(zip(problem.variant.names, problem.args, strict=True))
    try:
        return derive(problem.program, problem.wrt, raw=raw, of=problem.output, at=at).operations
    except (ProgramError, EvaluationError, LimitError):
        return None
