"""Counting what a run executes: how often each block is entered, times the statements that stand in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adcli.engines.compile import Compiler
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import BYTES, Limits
from adcli.engines.loops import Frame
from adcli.ir.nodes import Atom, Block, Function, Pop, Push
from adcli.ir.walk import functions, statements


def static(function: Function) -> dict[str, int]:
    """How many statements of each kind stand in a program, called functions included."""
    found: dict[str, int] = {}
    for f in functions(function):
        for s in statements(f.body):
            _add(found, type(s).__name__, 1)
    return found


def executed(function: Function, args: Sequence[Any], limits: Limits | None = None) -> dict[str, int]:
    """How many statements of each kind a run executes."""
    entered: dict[Block, list[int]] = {}

    class Counting(Compiler):
        def enter(self, block: Block) -> None:
            cell = entered.setdefault(block, [0])

            def count(frame: Frame) -> None:
                cell[0] += 1

            self.act(count)

    class Counter(Interpreter):
        compiler = Counting

    Counter(function, limits).run(args)
    found: dict[str, int] = {}
    for block, (times,) in entered.items():
        for s in block.statements:
            _add(found, type(s).__name__, times)
    return found


def tape_peak(function: Function, args: Sequence[Any], limits: Limits | None = None) -> int:
    """Bytes on the tapes of a run where they are fullest, 8 for each number."""
    now = peak = 0

    class Weighing(Compiler):
        def push(self, s: Push) -> None:
            super().push(s)
            self.weigh(s.value, 1)

        def pop(self, s: Pop) -> None:
            super().pop(s)
            self.weigh(s.out, -1)

        def weigh(self, value: Atom, sign: int) -> None:
            slot, array = self.of(value), bool(value.type.rank)

            def move(frame: Frame) -> None:
                nonlocal now, peak
                now += sign * (frame[slot].size if array else 1)
                peak = max(peak, now)

            self.act(move)

    class Weigher(Interpreter):
        compiler = Weighing

    Weigher(function, limits).run(args)
    return peak * BYTES


def _add(found: dict[str, int], kind: str, times: int) -> None:
    if times:
        found[kind] = found.get(kind, 0) + times
