"""Records of the tape: which values of a program are pushed, and popped, together.

    push a, b             a record of two, if every pop of a stands with one of b, and so on; one check for room, one move of the top
    for … { push a }      the records of all iterations, of known size: room for all of them at once
"""
from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adcli.engines.native.code import SIZE
from adcli.engines.native.values import is_small_type
from adcli.ir.nodes import Block, Call, Check, Function, Let, Pop, Push, Statement
from adcli.ir.types import Type, size
from adcli.ir.walk import all_blocks, all_compound, blocks, compound


class Unsupported(Exception):
    """The program is not of a form that this engine writes; the interpreter runs it."""


class Records:
    """The records of a program: Pushes that stand together in a block, and the Pops that take them off together."""

    def __init__(self, program: Sequence[Function]) -> None:
        self.records: dict[int, tuple[int, ...]] = {}
        calls = {f: {s.function for s in all_compound(f.body) if isinstance(s, Call)} for f in program}
        self.users = reaching({f for f in program if any(isinstance(s, Push | Pop) for s in all_compound(f.body))}, calls)
        self.pushing = reaching({f for f in program if any(isinstance(s, Push) for s in all_compound(f.body))}, calls)
        self.lasting: set[Pop] = set()
        for f in program:
            for b in all_blocks(f.body):
                self.block(b)

    def block(self, b: Block) -> None:
        for group in groups(b, Push):
            tapes = tuple(s.tape for s in group)
            for t in tapes:
                if self.records.setdefault(t, tapes) != tapes:
                    raise Unsupported("a tape is part of two records")
        for s in reversed(b.statements):
            if isinstance(s, Pop):
                self.lasting.add(s)
            elif not isinstance(s, Let | Check) and self.pushes(s):
                break

    def pushes(self, s: Statement) -> bool:
        inside = (t for b in blocks(s) for t in all_compound(b))
        return any(isinstance(t, Push) or (isinstance(t, Call) and t.function in self.pushing) for t in (s, *inside))

    def uses(self, s: Statement) -> bool:
        inside = (t for b in blocks(s) for t in all_compound(b))
        return any(isinstance(t, Push | Pop) or (isinstance(t, Call) and t.function in self.users) for t in (s, *inside))

    def lasts(self, s: Pop) -> bool:
        """Whether nothing is pushed after it in its block."""
        return s in self.lasting

    def record(self, tape: int) -> tuple[int, ...]:
        if tape not in self.records:
            raise Unsupported("a tape is read that nothing writes")
        return self.records[tape]

    def complete(self, group: Sequence[Push] | Sequence[Pop]) -> bool:
        return len(group) == len(self.record(group[0].tape)) and {s.tape for s in group} == set(self.record(group[0].tape))

    def regular(self, body: Block) -> tuple[int, bool] | None:
        """The bytes of the one record that each iteration pushes (True) or pops (False), if that is all that it does with the tape."""
        found = [s for s in compound(body) if isinstance(s, Push | Pop)]
        if not found or len(found) != len(self.record(found[0].tape)):
            return None
        for s in all_compound(body):
            if (isinstance(s, Push | Pop) and s not in found) or (isinstance(s, Call) and s.function in self.users):
                return None
        types = [s.value.type if isinstance(s, Push) else s.out.type for s in found]
        if not all(t.static for t in types) or any(type(s) is not type(found[0]) for s in found):
            return None
        return sum(map(plain_size, types)), isinstance(found[0], Push)


def reaching(some: set[Function], calls: Mapping[Function, set[Function]]) -> set[Function]:
    """These functions and all that call them."""
    found = set(some)
    while more := {f for f in calls if f not in found and calls[f] & found}:
        found |= more
    return found


def in_registers(t: Type) -> bool:
    return t.static and (not t.shape or is_small_type(t))


def plain_size(t: Type) -> int:
    """Bytes on the tape of a value of constant shape."""
    if not t.shape or is_small_type(t):
        return 8 * size(t.shape)
    return (size(t.shape) * SIZE[t.elem] + 7) // 8 * 8


def groups(b: Block, kind: type[Push] | type[Pop]) -> Iterator[list[Push | Pop]]:
    """Pushes (or Pops) of a block with no other compound statement between them."""
    group: list[Push | Pop] = []
    for s in b.statements:
        if isinstance(s, kind):
            group.append(s)
        elif group and not isinstance(s, Let | Check):
            yield group
            group = []
    if group:
        yield group
