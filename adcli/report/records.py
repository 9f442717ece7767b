"""A trace as records for JSON and CSV; numbers and arrays stay as they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from adcli.report.notation import Writer
from adcli.report.sweep import Adjoint
from adcli.report.table import Omitted
from adcli.report.trace import Statement, Trace

COLUMNS = (
    "kind", "step", "v", "from", "name", "op", "args", "formula", "numbers", "value", "partial", "increment", "seed", "line", "iteration",
)  # fmt: skip


def _texts(s: Statement, writer: Writer) -> dict[str, Any]:
    return {"formula": writer.text(s.formula), "numbers": writer.text(s.formula, s.put) if s.values else None}


def rows(trace: Trace, writer: Writer, shown: Sequence[int | Omitted]) -> Iterator[dict[str, Any]]:
    """The primal rows."""
    r = trace.recording
    for node in shown:
        if isinstance(node, Omitted):
            continue
        s = trace.row(node)
        args: list[Any] = [r.number(ref) if ref >= 0 else {"const": r.value(ref)} for ref in r.args(node)]
        if r.lets[node] is None:
            args = [r.names[node]]
        yield {
            "v": r.number(node), "name": r.names[node] or None, "op": trace.op(node), "args": args, **_texts(s, writer), "value": s.value,
            "line": trace.place(node), "iteration": list(r.iterations[node]),
        }  # fmt: skip


def tangents(trace: Trace, writer: Writer, shown: Sequence[int | Omitted], seed: int) -> Iterator[dict[str, Any]]:
    """The tangent rows of one seed."""
    for node in shown:
        if isinstance(node, int):
            s = trace.tangent(node, seed)
            yield {"v": trace.recording.number(node), **_texts(s, writer), "value": s.value}


def adjoints(trace: Trace, writer: Writer, only: str | None, limit: int | None) -> Iterator[dict[str, Any]]:
    """The adjoint statements in the order in which they run."""
    r = trace.recording
    found: Iterable[Adjoint] = (a for a in trace.adjoints() if only is None or r.names[a.node] == only)
    for a in found if limit is None else _ends(found, limit):
        s = trace.adjoint(a)
        yield {
            "step": a.step, "v": r.number(a.node), "from": None if a.source is None else r.number(a.source), **_texts(s, writer),
            "partial": a.partial, "increment": a.increment, "running": a.running,
        }  # fmt: skip


def _ends(found: Iterable[Adjoint], limit: int) -> Iterator[Adjoint]:
    """The first and the last of many: `limit` in all."""
    head = (limit + 1) // 2
    tail: deque[Adjoint] = deque(maxlen=limit - head)
    for k, a in enumerate(found):
        if k < head:
            yield a
        else:
            tail.append(a)
    yield from tail


def flat(trace: Trace, writer: Writer, shown: Sequence[int | Omitted], only: str | None, limit: int | None) -> Iterator[dict[str, Any]]:
    """Every record with its kind, as lines of one table of COLUMNS."""
    for row in rows(trace, writer, shown):
        yield {**row, "kind": "primal"}
    for k, seed in enumerate(trace.seeds):
        label = ",".join(f"{name}={writer.number(value)}" for name, value in seed.items())
        for row in tangents(trace, writer, shown, k):
            yield {**row, "kind": "tangent", "seed": label}
    if trace.mode == "reverse":
        for row in adjoints(trace, writer, only, limit):
            yield {**row, "kind": "adjoint", "value": row["running"]}
