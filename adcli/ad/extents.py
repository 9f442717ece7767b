"""Arrays that an adjoint function takes for their extents alone are passed as those extents.

    f_bar(M, g): … dim M [0] …; f_bar(N, h)        →        f_bar(m, n, g): … m …; f_bar(dim N [0], dim N [1], h)

So the tape keeps two integers where it would keep an array.
"""
from __future__ import annotations

from collections.abc import Collection, Iterator

from adcli.ad.tape import Region
from adcli.ir.build import Builder
from adcli.ir.nodes import Atom, Block, Call, Const, Function, Let, Var
from adcli.ir.types import INT
from adcli.ir.walk import all_blocks, functions, reads, rename


def pass_extents(entry: Function, regions: Collection[Region]) -> None:
    """Change the adjoint functions among the regions that are part of the program, in place, and their calls."""
    program = functions(entry)
    bodies = {r.adjoint: r for r in regions if r.adjoint is not None}
    ours = [f for f in program if f in bodies]
    found = _extents_alone(ours)
    new: dict[Var, tuple[Atom, ...]] = {}
    for v in found:
        new[v] = tuple(Var(INT) if n is None else Const(n, INT) for n in v.type.shape)
    before = {f: f.params for f in ours}
    for f in ours:
        f.params = tuple(w for v in f.params for w in (new.get(v, ()) if v in found else (v,)) if isinstance(w, Var))
    for f in program:
        for block in all_blocks(f.body):
            _calls(block, before, new)
    for f in ours:
        _read(f.body, new)
        _regain(bodies[f], new)


def _extents_alone(adjoints: list[Function]) -> set[Var]:
    """The array parameters of which nothing is read but extents, there and in what they are passed on to."""
    found = {p for f in adjoints for p in f.params if p.type.shape}
    passed = [(a, p) for f in adjoints for a, p in _passed(f, adjoints)]
    for f in adjoints:
        for block in all_blocks(f.body):
            found.difference_update(a for a in block.results if isinstance(a, Var))
            for s in block.statements:
                if isinstance(s, Let) and s.op.name == "dim":
                    continue
                if not (isinstance(s, Call) and s.function in adjoints):
                    found.difference_update(a for a in reads(s) if isinstance(a, Var))
    while lost := {a for a, p in passed if a in found and p not in found}:
        found -= lost
    return found


def _passed(f: Function, adjoints: list[Function]) -> Iterator[tuple[Atom, Var]]:
    """Arguments and parameters of the calls of adjoint functions in f."""
    for block in all_blocks(f.body):
        for s in block.statements:
            if isinstance(s, Call) and s.function in adjoints:
                yield from zip(s.args, s.function.params, strict=True)


def _calls(block: Block, before: dict[Function, tuple[Var, ...]], new: dict[Var, tuple[Atom, ...]]) -> None:
    """Give calls the extents in place of the arrays."""
    b = Builder(Block())
    for s in block.statements:
        if isinstance(s, Call) and s.function in before:
            args: list[Atom] = []
            for a, p in zip(s.args, before[s.function], strict=True):
                args += [n for n, known in zip(b.dims(a), p.type.shape, strict=True) if known is None] if p in new else [a]
            s.args = tuple(args)
        b.append(s)
    block.statements[:] = b.block.statements


def _read(body: Block, new: dict[Var, tuple[Atom, ...]]) -> None:
    """Let what read an extent of an array read the parameter that it is now."""
    names: dict[Var, Atom] = {}
    for block in all_blocks(body):
        kept = []
        for s in block.statements:
            axis = s.attrs[0] if isinstance(s, Let) and s.op.name == "dim" else None
            if isinstance(s, Let) and isinstance(axis, int) and isinstance(s.args[0], Var) and s.args[0] in new:
                names[s.out] = new[s.args[0]][axis]
            else:
                kept.append(s)
        block.statements[:] = kept
    rename(body, names)


def _regain(region: Region, new: dict[Var, tuple[Atom, ...]]) -> None:
    """The forward function's own extents of such arrays are what the adjoint function is given."""
    for s in region.forward.statements:
        if not (isinstance(s, Let) and s.op.name == "dim" and isinstance(s.args[0], Var)):
            continue
        p, axis = region.regained.get(s.args[0]), s.attrs[0]
        n = new[p][axis] if p in new and isinstance(axis, int) else None
        if isinstance(n, Var):
            region.regained[s.out] = n
