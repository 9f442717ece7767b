"""What one run shares: its limits and what is used of them, its tapes, its flags."""
from __future__ import annotations

import time
from array import array
from typing import Any

from adcli.engines.flags import Flag
from adcli.engines.limits import BYTES, Limits, elements_error, memory_error, timeout_error
from adcli.errors import Span

# Iterations, or numbers pushed, between two looks at memory and the clock.
CHUNK = 4096


class Machine:
    """The state of a run.

    left: steps still allowed; depth: calls open; work: done since the last `poll`; held: bytes in use: arrays, on tapes or not, and
    numbers on tapes as `known` from the last poll; polling: loops look at the clock;
    active: it runs, and a timer may stop it.
    """

    __slots__ = ("active", "deadline", "depth", "flags", "held", "known", "left", "limits", "most", "polling", "seen", "tapes", "work")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.most = limits.max_depth
        self.polling = False
        self.active = False
        self.tapes: dict[int, Any] = {}
        self.reset()

    def reset(self) -> None:
        self.left = self.limits.max_steps
        self.depth = 0
        self.work = 0
        self.known = 0
        self.held = 0
        self.deadline: float | None = None
        self.flags: list[Flag] = []
        self.seen: set[object] = set()
        self.drop()

    def drop(self) -> None:
        """Empty the tapes."""
        for tape in self.tapes.values():
            del tape[:]

    def note(self, key: object, flag: Flag) -> None:
        """Note a flag once for its statement."""
        if key not in self.seen:
            self.seen.add(key)
            self.flags.append(flag)

    def tape(self, number: int, elem: str, rank: int) -> Any:
        """The tape of that number: packed numbers, or a list of arrays or truth values."""
        if number not in self.tapes:
            self.tapes[number] = [] if rank or elem == "bool" else array("q" if elem == "int" else "d")
        return self.tapes[number]

    def taped(self) -> int:
        """Bytes of the tapes themselves; arrays on them count when they are made or pushed."""
        return BYTES * sum(map(len, self.tapes.values()))

    def poll(self, more: int, span: Span | None) -> None:
        """Look at the clock, and at memory if `more` numbers go on tapes."""
        self.work = 0
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise timeout_error(self.limits)
        taped = self.taped()
        self.held += taped - self.known
        self.known = taped
        if self.held + more * BYTES > self.limits.max_memory:
            raise memory_error(self.limits, span)

    def room(self, count: int, span: Span | None) -> None:
        """Before an array of `count` elements is made."""
        if count > self.limits.max_elements:
            raise elements_error(self.limits, count, span)
        if self.held + count * BYTES > self.limits.max_memory:
            raise memory_error(self.limits, span)
