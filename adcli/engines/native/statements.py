"""Statements of a block, each given to what writes its kind.

Let         `scalars`, or for arrays `forms`            If      `branches`        Call         `calls`
Check       `checks`                                    For, While  `loops`       Push, Pop    `tapes`, a whole record at a time
"""
from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from adcli.engines.native import checks, forms, scalars, tapes
from adcli.engines.native.branches import branch
from adcli.engines.native.calls import call
from adcli.engines.native.loops import for_loop, while_loop
from adcli.engines.native.values import Value
from adcli.ir.nodes import Block, Call, Check, For, If, Let, Pop, Push, Statement, While

if TYPE_CHECKING:
    from adcli.engines.native.writer import Writer

# Statements after which a new block of LLVM begins.
CUT = 100


def block(w: Writer, block: Block) -> None:
    pushes: list[Push] = []
    pops: list[Pop] = []
    long = len(block.statements) > CUT
    with w.extents.within():
        foreseen = tapes.foreseen(w, block)
        for k, s in enumerate(block.statements, 1):
            if long and k % CUT == 0:
                w.c.cut()
            if type(s) is Let and not foreseen:  # nearly all of a long program
                w.guards.span = s.span
                let(w, s)
            elif isinstance(s, Pop):
                pops.append(s)
                if w.module.records.complete(pops):
                    tapes.pop(w, pops)
                    pops = []
            elif isinstance(s, Push):
                pushes.append(s)
                if w.module.records.complete(pushes):
                    tapes.push(w, pushes)
                    pushes = []
            else:
                if isinstance(s, Let) and s.out in foreseen:
                    tapes.make_room(w, s.out, foreseen[s.out])
                statement(w, s)


def statement(w: Writer, s: Statement) -> None:
    if not isinstance(s, Check | If | Push | Pop):
        w.guards.span = s.span
    match s:
        case Let():
            let(w, s)
        case Check():
            checks.check(w, s)
        case If():
            branch(w, s)
        case For():
            for_loop(w, s)
        case While():
            while_loop(w, s)
        case Call():
            call(w, s)
        case Push() | Pop():
            raise AssertionError("tapes are handled by blocks")
        case _:
            assert_never(s)


def let(w: Writer, s: Let) -> None:
    operands: list[tuple[str, str]] = []
    args: list[Value] = []
    for a in s.args:
        v = w.value(a)
        args.append(v)
        if isinstance(v, str):
            operands.append((v, a.type.elem))
    if s.out.type.shape or len(operands) < len(args) or s.op.scalar is None:
        w.define(s.out, forms.array(w, s, args))
        return
    if s.out in w.watched:
        w.values[s.out] = checks.exact(w, s, operands)
    else:
        w.values[s.out] = scalars.scalar(w.c, s.op, s.out.type.elem, operands)
    if s.out.type.elem == "int" and s.op.name == "add" and all(w.extents.never_negative(a) or a.isdigit() for a, _ in operands):
        w.extents.not_negative.add(str(w.values[s.out]))
