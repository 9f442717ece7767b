"""Forward mode: a function becomes one that also computes tangents.

    f(x, y) → z        becomes        f'(x, y, x_dot) → z, z_dot
    z = x * y                         z = x * y;  z_dot = x_dot * y

Only varied values get tangents (structural zeros never become numbers), loops carry those of their varied carried values,
calls go to the callee's own forward function, made once for each pattern of varied arguments.
"""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adcli.ad.activity import Activity
from adcli.ad.nested import directional, forward_ready
from adcli.ad.rules import called_rule, differentiable, fitted, is_dot, note_shape, tangent, times, total, zero_like
from adcli.ad.watch import watched
from adcli.ir.build import Builder
from adcli.ir.nested import CustomRule, Nested
from adcli.ir.nodes import Atom, Block, Call, For, Function, If, Let, Statement, Var, While
from adcli.ir.types import Type
from adcli.ir.walk import apart, clone_block, clone_program
from adcli.passes.dead import dead_code
from adcli.passes.simplify import simplify


@dataclass(frozen=True, slots=True, eq=False)
class Derivative:
    """What a function is the derivative of: mode "forward" or "reverse", the inputs and outputs concerned, and which have a path."""

    function: Function
    mode: str
    wrt: tuple[int, ...]
    of: tuple[int, ...]
    paths: tuple[bool, ...]


def forward(f: Function, wrt: Sequence[int]) -> Function:
    """f's forward derivative: parameters f.params and a tangent for each `wrt`; results f's results, then the tangent of each.

    `of.paths` says which results depend on the inputs at all.
    """
    original = f
    forward_ready(f, forward)
    f = watched(f, wrt)
    transform = _Forward(Activity(f))
    varied = transform.activity.varied(f, [f.params[k] for k in wrt])
    out, mask = transform.build(f, f, tuple(wrt), varied, all_results=True)
    out.of = Derivative(original, "forward", tuple(wrt), tuple(range(len(mask))), mask)
    out = clone_program(out)
    simplify(out)
    dead_code(out)
    return out


class _Forward:
    def __init__(self, activity: Activity) -> None:
        self.activity = activity
        self.made: dict[tuple[Function, tuple[int, ...]], tuple[Function, tuple[bool, ...]]] = {}
        self.tangent: dict[Var, Atom] = {}
        self.varied: set[Var] = set()
        self.b = Builder()

    def build(
        self, original: Function, f: Function, wrt: tuple[int, ...], varied: set[Var], all_results: bool
    ) -> tuple[Function, tuple[bool, ...]]:
        """The forward function of the original, made from its copy f, and for each result whether it has a tangent."""
        mask = tuple(a in varied for a in f.body.results)
        tangents = tuple(Var(f.params[k].type, _dotted(f.params[k])) for k in wrt)
        out = Function(f.name + "_dot", (*f.params, *tangents), Block(), span=f.span)
        kept = [a for a, m in zip(f.body.results, mask, strict=True) if m or all_results]
        out.result_types = (*f.result_types, *(a.type for a in kept))
        self.made[original, wrt] = (out, mask)
        outer = self.tangent, self.varied, self.b
        self.tangent, self.varied, self.b = dict(zip((f.params[k] for k in wrt), tangents, strict=True)), varied, Builder(out.body)
        self.statements(f.body)
        out.body.results = (*f.body.results, *(self.of(a) for a in kept))
        out.result_names = (*f.result_names, *(n + "_dot" for n in f.result_names)) if all_results else ()
        self.tangent, self.varied, self.b = outer
        return out, mask

    def of(self, a: Atom) -> Atom:
        """The tangent of an atom, a zero where it has none."""
        found = self.tangent.get(a) if isinstance(a, Var) else None
        return zero_like(self.b, a) if found is None else found

    def statements(self, block: Block) -> None:
        for s in block.statements:
            self.statement(s)

    def statement(self, s: Statement) -> None:
        note_shape(self.b, s)
        match s:
            case Let():
                self.b.append(s)
                self.let(s)
            case If():
                self.branch(s)
            case For() | While():
                self.loop(s)
            case Call():
                self.call(s)
            case _:
                self.b.append(s)

    def let(self, s: Let) -> None:
        moving = [k for k in differentiable(s) if s.args[k] in self.tangent]
        if moving and s.out in self.varied:
            self.b.span = s.span
            t = tangent(self.b, s, moving, self.of)
            if isinstance(t, Var) and not t.name:
                t.name = _dotted(s.out)
            self.tangent[s.out] = t

    def branch(self, s: If) -> None:
        moving = [k for k, v in enumerate(s.outs) if v in self.varied]
        tangents = tuple(Var(s.outs[k].type, _dotted(s.outs[k])) for k in moving)
        blocks = []
        for block in (s.then, s.other):
            with self.b.inside(Block()) as inside:
                self.statements(block)
                inside.results = (*block.results, *(self.of(block.results[k]) for k in moving))
            blocks.append(inside)
        self.b.append(If((*s.outs, *tangents), s.cond, blocks[0], blocks[1], s.span))
        self.tangent.update(zip((s.outs[k] for k in moving), tangents, strict=True))

    def loop(self, s: For | While) -> None:
        moving = [k for k, (v, p) in enumerate(zip(s.outs, s.params, strict=True)) if v in self.varied or p in self.varied]
        params = tuple(Var(_open(s.params[k].type), _dotted(s.params[k])) for k in moving)
        tangents = tuple(Var(p.type, _dotted(s.outs[k])) for k, p in zip(moving, params, strict=True))
        inits = tuple(self.of(s.inits[k]) for k in moving)
        self.tangent.update(zip((s.params[k] for k in moving), params, strict=True))
        with self.b.inside(Block()) as body:
            self.statements(s.body)
            body.results = (*s.body.results, *(self.of(s.body.results[k]) for k in moving))
        outs, params, inits = (*s.outs, *tangents), (*s.params, *params), (*s.inits, *inits)
        if isinstance(s, While):
            self.b.append(While(s.count, outs, s.index, params, inits, clone_block(s.test), body, s.span, s.counted))
        else:
            self.b.append(For(outs, s.index, s.start, s.count, s.step, params, inits, body, s.span, s.counted))
        self.tangent.update(zip((s.outs[k] for k in moving), tangents, strict=True))

    def nested(self, s: Call, spec: Nested, wrt: tuple[int, ...]) -> None:
        """A nested gradient moves as the gradient of a directional derivative."""
        self.b.append(s)
        moving = [v for v in s.outs if v in self.varied]
        tangents = tuple(Var(v.type, _dotted(v)) for v in s.outs)
        args = (*s.args, *(self.of(s.args[k]) for k in wrt))
        self.b.append(Call(tangents, directional(spec, wrt, spec.wrt, forward), args, s.span, counted=False))
        self.tangent.update((v, t) for v, t in zip(s.outs, tangents, strict=True) if v in moving)

    def ruled(self, s: Call, rule: CustomRule, wrt: tuple[int, ...]) -> None:
        """A function with partials of its own: Σ ∂ₖ·ẋₖ."""
        self.b.append(s)
        self.b.span = s.span
        partials, (out,) = called_rule(self.b, s, rule), s.outs
        terms: list[Atom] = []
        for k, p in zip(rule.wrt, partials, strict=True):
            if k in wrt:
                term = times(self.b, self.of(s.args[k]), p)
                terms.append(self.b.let("sum", fitted(self.b, term, s.args[k]), attrs=(None,)) if is_dot(s, k) else term)
        self.tangent[out] = fitted(self.b, total(self.b, terms), out)

    def call(self, s: Call) -> None:
        wrt = tuple(k for k, a in enumerate(s.args) if a in self.tangent)
        paths = self.activity.paths[s.function]
        if not any(path.intersection(wrt) for path in paths):
            self.b.append(s)
            return
        if isinstance(s.function.of, Nested):
            self.nested(s, s.function.of, wrt)
            return
        if isinstance(s.function.of, CustomRule):
            self.ruled(s, s.function.of, wrt)
            return
        made = self.made.get((s.function, wrt))
        if made is None:
            # The plain function may stay in the program, and so may this one for other tangents: none shares a variable with another.
            copy = apart(s.function)
            varied = self.activity.varied(copy, [copy.params[k] for k in wrt])
            made = self.build(s.function, copy, wrt, varied, all_results=False)
        function, mask = made
        moving = [v for v, m in zip(s.outs, mask, strict=True) if m]
        tangents = tuple(Var(v.type, _dotted(v)) for v in moving)
        args = (*s.args, *(self.tangent[a] for a in s.args if a in self.tangent))
        self.b.append(Call((*s.outs, *tangents), function, args, s.span, s.counted))
        self.tangent.update(zip(moving, tangents, strict=True))


def _open(t: Type) -> Type:
    return Type("real", t.shape)


def _dotted(v: Var) -> str:
    return v.name + "_dot" if v.name else ""
