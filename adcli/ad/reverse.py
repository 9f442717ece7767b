"""Reverse mode: a function becomes one that also computes adjoints.

    f(x, y) → z        becomes        f̄(x, y, z_bar) → z, x_bar, y_bar
    z = x * y                         z = x * y;  x_bar = z_bar * y;  y_bar = z_bar * x

First the reverse statements are built, last statement first, naming primal values directly wherever they were computed; dead
code goes; then `ad.tape` decides what each region's reverse takes from its tape. So no Push or Pop exists while
derivatives are taken, and none is ever differentiated.
"""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from adcli.ad.activity import Activity
from adcli.ad.again import compute_again
from adcli.ad.checkpoint import Checkpoints, Plan
from adcli.ad.extents import pass_extents
from adcli.ad.forward import Derivative, forward
from adcli.ad.nested import directional, forward_ready
from adcli.ad.rules import (
    ZERO,
    called_rule,
    differentiable,
    element,
    fitted,
    formed,
    is_dot,
    note_shape,
    partial,
    pull_back_text,
    same_shape,
    spread,
    summed,
    text,
    times,
    zero_like,
)
from adcli.ad.sums import sum_first
from adcli.ad.tape import Region, insert_tapes
from adcli.ad.watch import watched
from adcli.ir.build import Builder, const
from adcli.ir.nested import CustomRule, Nested
from adcli.ir.nodes import Atom, Block, Call, Const, For, Function, If, Let, Var, While
from adcli.ir.types import INT, Type
from adcli.ir.walk import apart, clone_block, clone_program, free, inner, outs, rename, statements
from adcli.ops import TABLE
from adcli.passes.dead import dead_code
from adcli.passes.simplify import simplify


def reverse(f: Function, wrt: Sequence[int], of: Sequence[int], plan: Plan | None = None) -> Function:
    """f's reverse derivative: parameters f.params and a cotangent for each result in `of`; results f's and the adjoint of each `wrt`.

    `of.paths` says for each adjoint whether there is a path at all; where there is none it is a structural zero.
    plan: how loops are checkpointed; without one, whole runs are taped.
    """
    original = f
    forward_ready(f, forward)
    f = clone_program(watched(f, wrt))
    transform = _Program(Activity(f))
    out, paths = transform.entry(f, tuple(wrt), tuple(of))
    out.of = Derivative(original, "reverse", tuple(wrt), tuple(of), paths)
    simplify(out)
    compute_again(out, transform.regions)
    sum_first(out)
    dead_code(out)
    if plan is None:
        pass_extents(out, transform.regions)
        insert_tapes(out, transform.regions)
        return out
    checkpoints = Checkpoints(out, plan, [pair.augmented for pair in transform.pairs.values()])
    checkpoints.finish(insert_tapes(out, transform.regions, checkpoints.insert))
    dead_code(out)
    return out


class _Pattern(NamedTuple):
    """How a call is active: its parameters and results that are, and the array parameters whose running adjoint it is lent."""

    wrt: tuple[int, ...]
    of: tuple[int, ...]
    lent: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """The augmented forward function (primal and pushes) and the adjoint function (pops and adjoints) of a called function."""

    augmented: Function
    adjoint: Function


class _Program:
    """What is shared while one program is reversed: activity, the pairs made so far, the regions that will need tapes."""

    def __init__(self, activity: Activity) -> None:
        self.activity = activity
        self.pairs: dict[tuple[Function, _Pattern], _Pair] = {}
        self.regions: list[Region] = []

    def entry(self, f: Function, wrt: tuple[int, ...], of: tuple[int, ...]) -> tuple[Function, tuple[bool, ...]]:
        cotangents = tuple(Var(f.body.results[k].type, _barred(f.body.results[k])) for k in of)
        active = self.activity.active(f, [f.params[k] for k in wrt], [f.body.results[k] for k in of])
        sweep = _Sweep(self, active)
        for k, g in zip(of, cotangents, strict=True):
            sweep.accumulate(f.body.results[k], g)
        body = Block()
        sweep.block(f.body, body)
        paths = tuple(sweep.adjoints.get(f.params[k]) is not None for k in wrt)
        adjoints = tuple(sweep.adjoint(f.params[k]) for k in wrt)
        body.statements += sweep.b.block.statements
        body.results = (*f.body.results, *adjoints)
        names = tuple(f"{n}_bar" for n in (f.params[k].name for k in wrt))
        out = Function(f.name + "_bar", (*f.params, *cotangents), body, (*f.result_names, *names), span=f.span)
        out.result_types = tuple(a.type for a in body.results)
        return out, paths

    def pair(self, g: Function, pattern: _Pattern) -> _Pair:
        """The pair of a callee for this pattern."""
        found = self.pairs.get((g, pattern))
        return self.make_pair(g, pattern) if found is None else found

    def make_pair(self, g: Function, pattern: _Pattern) -> _Pair:
        wrt, of, lent = pattern
        # The plain function may stay in the program, and so may pairs for other patterns: none shares a variable with another.
        original, g = g, apart(g)
        params = tuple(Var(p.type, p.name) for p in g.params)
        cotangents = tuple(Var(_real(g.result_types[k])) for k in of)
        running = {k: Var(_real(g.params[k].type), _barred(g.params[k])) for k in lent}
        augmented = Function(g.name + "_aug", g.params, Block(results=g.body.results), g.result_names, span=g.span)
        augmented.result_types = g.result_types
        adjoint = Function(g.name + "_bar", (*params, *cotangents, *running.values()), Block(), span=g.span)
        adjoint.result_types = tuple(_real(g.params[k].type) for k in wrt)
        pair = self.pairs[original, pattern] = _Pair(augmented, adjoint)
        sweep = _Sweep(self, self.activity.active(g, [g.params[k] for k in wrt], [g.body.results[k] for k in of]))
        for k, v in running.items():
            sweep.adjoints.set(g.params[k], v)
        for k, c in zip(of, cotangents, strict=True):
            sweep.accumulate(g.body.results[k], c)
        sweep.block(g.body, augmented.body)
        adjoint.body = sweep.b.block
        adjoint.body.results = tuple(sweep.adjoint(g.params[k]) for k in wrt)
        renamed = dict(zip(g.params, params, strict=True))
        rename(adjoint.body, renamed)
        self.regions.append(Region(augmented.body, adjoint.body, g.params, renamed, adjoint))
        return pair


class _Adjoints:
    """Running adjoints by primal variable, in nested scopes; with each, the lanes outside which it is a structural zero, if any."""

    def __init__(self, outer: _Adjoints | None = None) -> None:
        self.outer = outer
        self.here: dict[Var, tuple[Atom, Atom | None]] = {}

    def entry(self, v: Var) -> tuple[Atom, Atom | None] | None:
        scope: _Adjoints | None = self
        while scope is not None:
            if v in scope.here:
                return scope.here[v]
            scope = scope.outer
        return None

    def get(self, v: Atom) -> Atom | None:
        found = self.entry(v) if isinstance(v, Var) else None
        return None if found is None else found[0]

    def set(self, v: Var, g: Atom, lanes: Atom | None = None) -> None:
        self.here[v] = (g, lanes)


# They only move elements: the lanes move with them.
MOVES = frozenset({"reshape", "transpose", "flip", "copy"})


class _Sweep:
    """The reverse of one function body: `b` builds the reverse statements, `adjoints` holds the running adjoints."""

    def __init__(self, program: _Program, active: set[Var]) -> None:
        self.program = program
        self.active = active
        self.b = Builder(Block())
        self.adjoints = _Adjoints()

    def adjoint(self, v: Atom) -> Atom:
        """The running adjoint of v, a zero where there is none."""
        found = self.adjoints.get(v)
        return zero_like(self.b, v) if found is None else found

    def accumulate(self, v: Atom, g: Atom, lanes: Atom | None = None, fits: bool = False) -> None:
        """Add a contribution to v's adjoint; the one place where that happens. Undoes broadcasting, unless g is known to fit."""
        if not isinstance(v, Var) or v not in self.active:
            return
        total = g if fits else summed(self.b, g, v)
        if total is not g:
            lanes = None
        old = self.adjoints.entry(v)
        if old is not None:
            total = self.b.let("add", old[0], total)
            lanes = self.b.let("logical_or", old[1], lanes) if lanes is not None and old[1] is not None else None
        if isinstance(total, Var) and v.name and not total.name and total is not g:
            total.name = _barred(v)
        self.adjoints.set(v, total, lanes)

    @contextmanager
    def scope(self) -> Iterator[Block]:
        """Build into a new block with adjoints of its own above those around."""
        outer = self.adjoints
        self.adjoints = _Adjoints(outer)
        with self.b.inside(Block()) as block:
            yield block
        self.adjoints = outer

    # Statements, last first

    def block(self, primal: Block, copy: Block) -> None:
        """Fill `copy` with the forward statements and append their reverse."""
        for s in primal.statements:
            note_shape(self.b, s)
        # The blocks of active control flow are filled, and active calls directed, by their reverse.
        copies = clone_block(primal).statements
        copy.statements += copies
        copy.results = primal.results
        for s, c in zip(reversed(primal.statements), reversed(copies), strict=True):
            self.b.span = getattr(s, "span", None)
            match s:
                case Let():
                    self.let(s)
                case If():
                    assert isinstance(c, If)
                    self.branch(s, c)
                case For() | While():
                    assert isinstance(c, For | While)
                    self.loop(s, c)
                case Call():
                    assert isinstance(c, Call)
                    self.call(s, c)
                case _:
                    pass

    def let(self, s: Let) -> None:
        found = self.adjoints.here.pop(s.out, None)
        if found is None:
            return
        g, lanes = found
        along = differentiable(s)
        # The value written takes its part of g before the array's adjoint loses it in place.
        for k in reversed(along) if s.op.name == "update" else along:
            if s.args[k] in self.active:
                self.contribute(s, k, g, lanes)

    def contribute(self, s: Let, k: int, g: Atom, lanes: Atom | None) -> None:
        """Add what the cotangent g of the statement's value gives to the adjoint of its k-th argument."""
        b, name, x = self.b, s.op.name, s.args[k]
        part: Atom
        if name == "select":
            c = s.args[0] if k == 1 else b.let("logical_not", s.args[0])
            part = b.let("select", s.args[0], g, ZERO) if k == 1 else b.let("select", s.args[0], ZERO, g)
            self.accumulate(x, part, c if lanes is None else b.let("logical_and", c, lanes))
        elif s.op.kind == "partials":
            p = partial(b, s, k)
            part = times(b, g, p)
            if lanes is not None and not isinstance(p, Const):
                part = b.let("select", lanes, part, ZERO)
            self.accumulate(x, part, lanes, same_shape(b, s.out, x))
        elif s.op.kind == "reduce":
            self.accumulate(x, fitted(b, times(b, spread(b, s, g), partial(b, s, k)), x), fits=True)
        elif s.op.kind == "form":
            self.accumulate(x, formed(b, s, k, g), fits=True)
        elif name in ("index", "update", "addat"):
            self.element(s, k, g)
        elif name in ("stack", "concat"):
            self.accumulate(x, element(b, s, g, k), None if lanes is None else element(b, s, lanes, k), fits=True)
        elif lanes is not None and name in MOVES:
            moved = [text(b, s, pull_back_text(s, k), {"g": v}) for v in (g, lanes)]
            self.accumulate(x, moved[0], moved[1], fits=True)
        else:
            part = text(b, s, pull_back_text(s, k), {"g": g})
            self.accumulate(x, fitted(b, part, x) if s.op.type == "reduce" else part, fits=True)

    def element(self, s: Let, k: int, g: Atom) -> None:
        """Reads and writes of sections: the adjoint of a read adds to the array's adjoint in place, a write takes its part out."""
        b, x = self.b, s.args[k]
        assert isinstance(x, Var)
        if s.op.name == "index":
            self.adjoints.set(x, b.let("addat", self.adjoint(x), g, *s.args[1:], attrs=s.attrs, name_hint=_barred(x)))
        elif k == 1:
            self.accumulate(x, b.let("index", g, *s.args[2:], attrs=s.attrs))
        elif s.op.name == "addat":
            self.accumulate(x, g, fits=True)
        else:
            self.accumulate(x, b.let("update", g, ZERO, *s.args[2:], attrs=s.attrs), fits=True)

    def branch(self, s: If, copy: If) -> None:
        """Reverse of a branch: an If on the same condition that returns the adjoints its branches change."""
        gs = [self.adjoints.here.pop(v, (None, None))[0] for v in s.outs]
        if all(g is None for g in gs):
            return
        sides: list[tuple[Block, _Adjoints]] = []
        for primal, filled in ((s.then, copy.then), (s.other, copy.other)):
            with self.scope() as block:
                for a, g in zip(primal.results, gs, strict=True):
                    if g is not None:
                        self.accumulate(a, g, fits=True)
                filled.statements = []
                self.block(primal, filled)
                sides.append((block, self.adjoints))
            self.program.regions.append(Region(filled, block))
        own = {v for b in (s.then, s.other) for v in _defined(b)}
        changed = [v for v in dict.fromkeys([*sides[0][1].here, *sides[1][1].here]) if v not in own]
        for block, adjoints in sides:
            with self.b.inside(block):
                outer, self.adjoints = self.adjoints, adjoints
                block.results = tuple(self.adjoint(v) for v in changed)
                self.adjoints = outer
        outs = tuple(Var(_real(v.type), _barred(v)) for v in changed)
        self.b.append(If(outs, s.cond, sides[0][0], sides[1][0], s.span))
        for v, out in zip(changed, outs, strict=True):
            self.adjoints.set(v, out)

    def loop(self, s: For | While, copy: For | While) -> None:
        """Reverse of a loop: the iterations backwards, carrying the adjoints of its carried values and of what it captures."""
        moving = [k for k, (v, p) in enumerate(zip(s.outs, s.params, strict=True)) if v in self.active or p in self.active]
        captured = [v for v in free((s.body,), (s.index, *s.params)) if v in self.active]
        if not moving:
            return
        inits = [self.adjoint(s.outs[k]) for k in moving] + [self.adjoint(v) for v in captured]
        for v in s.outs:
            self.adjoints.here.pop(v, None)
        params = [Var(_real(s.outs[k].type), _barred(s.params[k])) for k in moving] + [Var(_real(v.type), _barred(v)) for v in captured]
        outs = tuple(Var(p.type, p.name) for p in params)
        index = Var(INT, s.index.name)
        start, count, step = self.backwards(s)
        with self.scope() as body:
            self.adjoints.outer = None
            for v, a in zip(captured, params[len(moving) :], strict=True):
                self.adjoints.set(v, a)
            for k, p in zip(moving, params, strict=False):
                self.accumulate(s.body.results[k], p, fits=True)
            copy.body.statements = []
            self.block(s.body, copy.body)
            body.results = (*(self.adjoint(s.params[k]) for k in moving), *(self.adjoint(v) for v in captured))
        rename(body, {s.index: index})
        self.program.regions.append(Region(copy.body, body, s.params, {s.index: index}))
        self.b.append(For(outs, index, start, count, step, tuple(params), tuple(inits), body, s.span, counted=False))
        for v, g in zip(captured, outs[len(moving) :], strict=True):
            self.adjoints.set(v, g)
        for k, g in zip(moving, outs, strict=False):
            self.accumulate(s.inits[k], g, fits=True)

    def backwards(self, s: For | While) -> tuple[Atom, Atom, Atom]:
        """Start, count and step of the iterations from the last to the first."""
        if isinstance(s, While):
            return self.integer("sub", s.count, const(1)), s.count, const(-1)
        last = self.integer("sub", s.count, const(1))
        span = self.integer("mul", last, s.step)
        return self.integer("add", s.start, span), s.count, self.integer("neg", s.step)

    def integer(self, name: str, *args: Atom) -> Atom:
        """An int operation, folded where the arguments are constants."""
        values = [a.value for a in args if isinstance(a, Const)]
        fast = TABLE[name].fast
        if len(values) < len(args) or fast is None:
            return self.b.let(name, *args)
        return const(fast(*values))

    def pattern(self, s: Call) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The active parameters and results of a call."""
        of = tuple(k for k, v in enumerate(s.outs) if v in self.active)
        paths = self.program.activity.paths[s.function]
        reached = frozenset().union(*(paths[k] for k in of))
        return tuple(k for k, a in enumerate(s.args) if a in self.active and k in reached), of

    def nested(self, s: Call, spec: Nested, wrt: tuple[int, ...], of: tuple[int, ...]) -> None:
        """A nested gradient's cotangent is a direction: the adjoints are the gradient of the derivative along it."""
        along = tuple(spec.wrt[k] for k in of)
        gs = [self.adjoint(s.outs[k]) for k in of]
        for v in s.outs:
            self.adjoints.here.pop(v, None)
        outs = tuple(Var(_real(s.args[k].type)) for k in wrt)
        self.b.append(Call(outs, directional(spec, along, wrt, forward), (*s.args, *gs), s.span, counted=False))
        for k, out in zip(wrt, outs, strict=True):
            self.accumulate(s.args[k], out, fits=True)

    def ruled(self, s: Call, rule: CustomRule, wrt: tuple[int, ...]) -> None:
        """A function with partials of its own: x̄ₖ += ∂ₖ·g."""
        (out,) = s.outs
        g = self.adjoint(out)
        self.adjoints.here.pop(out, None)
        for k, p in zip(rule.wrt, called_rule(self.b, s, rule), strict=True):
            if k in wrt:
                part = times(self.b, g, p)
                self.accumulate(s.args[k], fitted(self.b, part, s.args[k]) if is_dot(s, k) else part)

    def call(self, s: Call, copy: Call) -> None:
        """Reverse of a call: the adjoint function, given arguments, cotangents, and what running adjoints its array arguments have."""
        wrt, of = self.pattern(s)
        if not wrt or not of:
            return
        if isinstance(s.function.of, Nested):
            self.nested(s, s.function.of, wrt, of)
            return
        if isinstance(s.function.of, CustomRule):
            self.ruled(s, s.function.of, wrt)
            return
        lent: dict[int, Atom] = {}
        for k in wrt:
            g = self.adjoints.get(s.args[k]) if s.args[k].type.shape else None
            if g is not None and all(s.args[j] is not s.args[k] for j in lent):
                lent[k] = g
        pair = self.program.pair(s.function, _Pattern(wrt, of, tuple(lent)))
        copy.function = pair.augmented
        gs = [self.adjoint(s.outs[k]) for k in of]
        for v in s.outs:
            self.adjoints.here.pop(v, None)
        outs = tuple(Var(t) for t in pair.adjoint.result_types)
        self.b.append(Call(outs, pair.adjoint, (*s.args, *gs, *lent.values()), s.span, counted=False))
        # What was lent comes back first: the rest adds to it.
        for k, out in sorted(zip(wrt, outs, strict=True), key=lambda pair: pair[0] not in lent):
            x = s.args[k]
            assert isinstance(x, Var)
            if k in lent:
                self.adjoints.set(x, out)
            else:
                self.accumulate(x, out, fits=True)


def _defined(block: Block) -> list[Var]:
    """The variables defined anywhere in a block."""
    return [v for s in statements(block) for v in (*outs(s), *inner(s))]


def _real(t: Type) -> Type:
    return Type("real", t.shape)


def _barred(v: Atom) -> str:
    return v.name + "_bar" if isinstance(v, Var) and v.name else ""


