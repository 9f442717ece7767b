"""What every pass asks of a statement: what it reads, what it defines, the blocks inside it; copying and renaming."""
from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from adcli.ir.nodes import Atom, Block, Call, Check, For, Function, If, Let, Pop, Push, Statement, Var, While

# Statements that neither call nor hold blocks: nearly all of a long program. (Their exact type is asked for, which is faster.)
_LEAVES = frozenset({Let, Check, Push, Pop})


def reads(s: Statement) -> tuple[Atom, ...]:
    """The atoms the statement itself reads, inner blocks apart."""
    match s:
        case Let() | Call() | Check():
            return s.args
        case If():
            return (s.cond,)
        case For():
            return (s.start, s.count, s.step, *s.inits)
        case While():
            return s.inits
        case Push():
            return (s.value,)
        case Pop():
            return ()


def outs(s: Statement) -> tuple[Var, ...]:
    """The variables it defines in the block where it stands."""
    match s:
        case Let() | Pop():
            return (s.out,)
        case If() | For() | Call():
            return s.outs
        case While():
            return (s.count, *s.outs)
        case Check() | Push():
            return ()


def blocks(s: Statement) -> tuple[Block, ...]:
    """The blocks inside it."""
    match s:
        case If():
            return (s.then, s.other)
        case For():
            return (s.body,)
        case While():
            return (s.test, s.body)
        case _:
            return ()


def inner(s: Statement) -> tuple[Var, ...]:
    """The variables it defines for its inner blocks."""
    match s:
        case For() | While():
            return (s.index, *s.params)
        case _:
            return ()


def statements(block: Block) -> Iterator[Statement]:
    """Every statement of a block and of the blocks inside it, outer before inner."""
    todo = [iter(block.statements)]
    while todo:
        for s in todo[-1]:
            yield s
            nested = () if type(s) in _LEAVES else blocks(s)
            if nested:
                todo.extend(iter(b.statements) for b in reversed(nested))
                break
        else:
            todo.pop()


def all_blocks(block: Block) -> Iterator[Block]:
    """The block and the blocks inside it, in no order to rely on."""
    todo = [block]
    while todo:
        b = todo.pop()
        yield b
        for s in compound(b):
            todo += blocks(s)


def compound(block: Block) -> list[Statement]:
    """The statements of a block itself that are more than an operation."""
    return [s for s in block.statements if type(s) is not Let]


def all_compound(block: Block) -> Iterator[Statement]:
    """Every statement of a block and of the blocks inside it but the operations, in the order of the text."""
    todo = compound(block)[::-1]
    while todo:
        s = todo.pop()
        yield s
        if type(s) not in _LEAVES:
            for b in reversed(blocks(s)):
                todo += compound(b)[::-1]


def functions(entry: Function) -> list[Function]:
    """The function and all that it calls, directly or not: callees before callers where there is no recursion."""
    order: list[Function] = []
    seen: set[Function] = {entry}
    stack = [(entry, iter(_callees(entry)))]
    while stack:
        f, rest = stack[-1]
        for g in rest:
            if g not in seen:
                seen.add(g)
                stack.append((g, iter(_callees(g))))
                break
        else:
            order.append(f)
            stack.pop()
    return order


def _callees(f: Function) -> list[Function]:
    """What f calls, in the order of its text: a forward function comes before the adjoint function that names its values."""
    found: list[Function] = []
    todo = _calling(f.body)[::-1]
    while todo:
        s = todo.pop()
        if isinstance(s, Call):
            found.append(s.function)
        for b in reversed(blocks(s)):
            todo += _calling(b)[::-1]
    return found


def _calling(block: Block) -> list[Statement]:
    """The statements of a block itself that are or may hold calls."""
    return [s for s in block.statements if type(s) not in _LEAVES]


def free(blocks_: tuple[Block, ...], bound: tuple[Var, ...]) -> list[Var]:
    """The variables that blocks read and that neither they nor `bound` define, in order of first use."""
    defined = set(bound)
    found: dict[Var, None] = {}
    results: list[Atom] = []
    for block in blocks_:
        results += block.results
        for s in statements(block):
            defined.update(outs(s))
            defined.update(inner(s))
            for a in reads(s):
                if isinstance(a, Var):
                    found[a] = None
            for b in blocks(s):
                results += b.results
    for a in results:
        if isinstance(a, Var):
            found[a] = None
    return [v for v in found if v not in defined]


def clone_block(block: Block) -> Block:
    """A copy whose blocks and control statements are new; variables and Lets are shared."""
    return Block([s if isinstance(s, Let) else clone(s) for s in block.statements], block.results)


def clone(s: Statement) -> Statement:
    match s:
        case If():
            return replace(s, then=clone_block(s.then), other=clone_block(s.other))
        case For():
            return replace(s, body=clone_block(s.body))
        case While():
            return replace(s, test=clone_block(s.test), body=clone_block(s.body))
        case Call():
            return replace(s)
        case _:
            return s


def clone_program(entry: Function) -> Function:
    """A copy of the function and of all it calls, for passes that change blocks in place."""
    copies = {f: replace(f, body=clone_block(f.body)) for f in functions(entry)}
    for f in copies.values():
        for s in all_compound(f.body):
            if isinstance(s, Call):
                s.function = copies[s.function]
    return copies[entry]


def apart(f: Function) -> Function:
    """A copy that shares no variable with f; what it calls is shared."""
    body = clone_block(f.body)
    names = {v: Var(v.type, v.name) for v in f.params}
    for s in statements(body):
        names |= {v: Var(v.type, v.name) for v in (*outs(s), *inner(s))}
    _define(body, names)
    rename(body, names)
    return replace(f, params=tuple(names[v] for v in f.params), body=body)


def apart_program(entry: Function) -> Function:
    """A copy of the function and of all it calls that shares no variable with them."""
    copies = {f: apart(f) for f in functions(entry)}
    for f in copies.values():
        for s in statements(f.body):
            if isinstance(s, Call):
                s.function = copies[s.function]
    return copies[entry]


def _define(block: Block, names: Mapping[Var, Var]) -> None:
    """Replace, in place, what the block's statements define, through all inner blocks."""
    block.statements[:] = [replace(s, out=names[s.out]) if isinstance(s, Let | Pop) else s for s in block.statements]
    for s in block.statements:
        if isinstance(s, If | For | While | Call):
            s.outs = tuple(names[v] for v in s.outs)
        if isinstance(s, While):
            s.count = names[s.count]
        if isinstance(s, For | While):
            s.index = names[s.index]
            s.params = tuple(names[v] for v in s.params)
        for b in blocks(s):
            _define(b, names)


def renamed(atoms: tuple[Atom, ...], names: Mapping[Var, Atom]) -> tuple[Atom, ...]:
    """The atoms with their replacements; the same tuple where there are none."""
    for a in atoms:
        if a in names:
            return tuple([names.get(a, a) if isinstance(a, Var) else a for a in atoms])
    return atoms


def rename(block: Block, names: Mapping[Var, Atom]) -> None:
    """Replace what the block's statements read, in place, through all inner blocks."""
    block.statements[:] = [rename_reads(s, names) for s in block.statements]
    block.results = renamed(block.results, names)


def rename_reads(s: Statement, names: Mapping[Var, Atom]) -> Statement:
    """The statement reading other atoms; control statements are changed in place."""
    match s:
        case Let():
            args = renamed(s.args, names)
            return s if args is s.args else Let(s.out, s.op, args, s.attrs, s.span, s.inplace)
        case Check():
            args = renamed(s.args, names)
            return s if args is s.args else replace(s, args=args)
        case Push():
            (value,) = renamed((s.value,), names)
            return s if value is s.value else Push(s.tape, value)
        case Call():
            s.args = renamed(s.args, names)
        case If():
            (s.cond,) = renamed((s.cond,), names)
        case For():
            s.start, s.count, s.step, *inits = renamed((s.start, s.count, s.step, *s.inits), names)
            s.inits = tuple(inits)
        case While():
            s.inits = renamed(s.inits, names)
        case Pop():
            pass
    for b in blocks(s):
        rename(b, names)
    return s
