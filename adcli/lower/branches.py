"""Branches: an If whose blocks are lowered one after the other, and the variables they change merged behind it.

if c { y = 1 } else { y = x }     →     y = if c: yield 1 else: yield x
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from adcli.errors import ShapeError, Span
from adcli.ir.nodes import Atom, Block, If, Var
from adcli.ir.types import joined, shape_text
from adcli.lower.frame import Binding, Diverges, Frame, Unset, atom_of


class Arm:
    """One side: what lowers it, how a reader would say that it was taken, and whether it never falls through."""

    __slots__ = ("leaves", "lower", "taken")

    def __init__(self, lower: Callable[[], None], taken: str, leaves: bool = False) -> None:
        self.lower = lower
        self.taken = taken
        self.leaves = leaves


def choose(f: Frame, cond: Atom, arms: tuple[Arm, Arm], names: Sequence[str], span: Span | None) -> None:
    """Lower both arms; afterwards each of `names` stands for the value of the arm that runs."""
    before = {n: f.env.get(n) for n in names}
    blocks = (Block(), Block())
    ends: list[dict[str, Binding | None] | None] = []
    for arm, block in zip(arms, blocks, strict=True):
        ends.append(_side(f, arm, block, before))
    then, other = ends
    if then is None or other is None:
        rest = other if then is None else then
        if rest is None:
            raise Diverges
        _restore(f, rest)
        return
    outs: list[Var] = []
    results: tuple[list[Atom], list[Atom]] = ([], [])
    for n in names:
        _merge(f, n, before[n], (then[n], other[n]), arms, blocks, outs, results)
    if outs or blocks[0].statements or blocks[1].statements:
        blocks[0].results, blocks[1].results = tuple(results[0]), tuple(results[1])
        f.b.append(If(tuple(outs), cond, blocks[0], blocks[1], span))


def _side(f: Frame, arm: Arm, block: Block, before: dict[str, Binding | None]) -> dict[str, Binding | None] | None:
    """The bindings at the arm's end, None where it diverges; the frame is as before."""
    try:
        with f.b.inside(block):
            arm.lower()
        return {n: f.env.get(n) for n in before}
    except Diverges:
        return None
    finally:
        _restore(f, before)


def _restore(f: Frame, bindings: dict[str, Binding | None]) -> None:
    for n, binding in bindings.items():
        if binding is None:
            f.env.pop(n, None)
        else:
            f.env[n] = binding


def _merge(
    f: Frame,
    name: str,
    before: Binding | None,
    ends: tuple[Binding | None, Binding | None],
    arms: tuple[Arm, Arm],
    blocks: tuple[Block, Block],
    outs: list[Var],
    results: tuple[list[Atom], list[Atom]],
) -> None:
    """Bind one name behind the If, as a result of it where the two sides differ."""
    a, b = ends
    if a is b:
        _restore(f, {name: a})
        return
    why = _missing(before, ends, arms)
    atoms = (atom_of(a), atom_of(b))
    if atoms == (None, None) or (why is not None and name not in f.keep and name[0] != "%"):
        f.env[name] = why or Unset("has no value here")
        return
    value = _phi(f, atoms, blocks, arms, name)
    if isinstance(value, Unset):
        f.env[name] = value
        return
    out, sides = value
    outs.append(out)
    results[0].append(sides[0])
    results[1].append(sides[1])
    f.env[name] = out if why is None else why.carrying(out)


def _missing(before: Binding | None, ends: tuple[Binding | None, Binding | None], arms: tuple[Arm, Arm]) -> Unset | None:
    """Why the name is unset behind the If: an end that falls through without a value."""
    for end, arm in zip(ends, arms, strict=True):
        if arm.leaves or not (end is None or isinstance(end, Unset)):
            continue
        if isinstance(end, Unset) and end is not before:
            return Unset(end.why, None, end.kind)
        return Unset(f"has no value if {arm.taken}")
    return None


def _phi(
    f: Frame, atoms: tuple[Atom | None, Atom | None], blocks: tuple[Block, Block], arms: tuple[Arm, Arm], name: str
) -> tuple[Var, tuple[Atom, Atom]] | Unset:
    known = [a.type for a in atoms if a is not None]
    common = joined(known[0], known[-1])
    if common is None:
        return Unset(f"is {shape_text(known[0].shape)} if {arms[0].taken}, and {shape_text(known[-1].shape)} if not", None, ShapeError)
    sides: list[Atom] = []
    for atom, block in zip(atoms, blocks, strict=True):
        with f.b.inside(block):
            sides.append(f.zero(common) if atom is None else f.convert(atom, common))
    low, high = (min(p) if k == 0 else max(p) for k, p in enumerate(zip(*(f.interval(s) for s in sides), strict=True)))
    out = Var(common, "" if name[0] == "%" else name)
    if common.elem == "int" and not common.shape:
        f.unit.ranges[out] = (low, high)
    return out, (sides[0], sides[1])
