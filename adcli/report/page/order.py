"""The statements of a page in the order in which they run: the primal rows, then the adjoint statements, or each row and its tangents.

Every statement that the page shows has a position, from 1. Adjoint statements that are left out have one where they change adjoints
that the page shows: what they leave behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from adcli.report.sweep import Adjoint
from adcli.report.trace import Trace


@dataclass(slots=True)
class Gap:
    """Adjoint statements that are left out: how many, and the adjoints of the nodes shown that they change."""

    position: int
    count: int = 0
    running: dict[int, Any] = field(default_factory=dict)


class Order:
    """The positions of the statements.

    primal: of each row shown. adjoints: the adjoint statements by the row they stand beside. gaps: what is between them.
    final: the adjoint of each row shown at the end; ends: of each input, shown or not.
    """

    def __init__(self, trace: Trace, rows: Sequence[int], by_target: bool) -> None:
        self.primal: dict[int, int] = {}
        self.adjoints: dict[int, list[tuple[int, Adjoint]]] = {}
        self.gaps: list[Gap] = []
        self.final: dict[int, Any] = {}
        self.ends: dict[int, Any] = {}
        each = 1 + (len(trace.seeds) if trace.mode == "forward" else 0)
        for k, node in enumerate(rows):
            self.primal[node] = 1 + k * each
        self.length = len(rows) * each
        self.forward = self.length
        if trace.mode == "reverse":
            self._adjoints(trace, by_target)

    def _adjoints(self, trace: Trace, by_target: bool) -> None:
        gap = Gap(0)
        for a in trace.adjoints():
            beside = a.node if by_target or a.source is None else a.source
            if a.node in self.primal:
                self.final[a.node] = a.running
            if a.node < len(trace.recording.inputs):
                self.ends[a.node] = a.running
            if beside in self.primal:
                gap = self._close(gap)
                self.length += 1
                self.adjoints.setdefault(beside, []).append((self.length, a))
            else:
                gap.count += 1
                if a.node in self.primal:
                    gap.running[a.node] = a.running
        self._close(gap)

    def _close(self, gap: Gap) -> Gap:
        if gap.running:
            self.length += 1
            gap.position = self.length
            self.gaps.append(gap)
        return Gap(0) if gap.count else gap
