"""How many statements a run executes, by kind. A compilation of its own, so that the plain one pays nothing."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adcli.engines.compile import Compiler
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.engines.loops import Frame
from adcli.ir.nodes import Block, Function

TAPES = frozenset({"Push", "Pop"})


@dataclass(frozen=True, slots=True)
class Counts:
    """Executed statements by kind: Let, If, For, While, Call, Check, Push, Pop."""

    kinds: dict[str, int]

    @property
    def statements(self) -> int:
        """All but Push and Pop."""
        return sum(n for kind, n in self.kinds.items() if kind not in TAPES)

    @property
    def taped(self) -> int:
        """Push and Pop."""
        return sum(self.kinds.get(kind, 0) for kind in TAPES)


def count(function: Function, args: Sequence[Any], limits: Limits | None = None) -> Counts:
    """Run the function and count the statements executed; a block counts as a whole when it is entered."""
    entered: dict[Block, list[int]] = {}

    class Counting(Compiler):
        def enter(self, block: Block) -> None:
            cell = entered.setdefault(block, [0])

            def tally(frame: Frame) -> None:
                cell[0] += 1

            self.act(tally)

    class Counter(Interpreter):
        compiler = Counting

    Counter(function, limits).run(args)
    kinds: dict[str, int] = {}
    for block, (times,) in entered.items():
        for s in block.statements:
            name = type(s).__name__
            kinds[name] = kinds.get(name, 0) + times
    return Counts({name: kinds[name] for name in sorted(kinds) if kinds[name]})
