"""root(f, x0) and fixed_point(g, x0): solved by iteration, differentiated by the implicit function theorem.

The iteration runs on values without derivative (`stop`), so it leaves nothing on a tape however long it takes. Then a few Newton
steps are taken from its end, with derivatives: a Newton step from a root changes nothing but has the root's derivatives, -F_x⁻¹ F_θ, and
since k steps agree with the root to order 2^k - 1 in the parameters θ, so do all derivatives up to that order.
"""

from __future__ import annotations

from collections.abc import Callable

from adcli.errors import ArityError, NotAValue, ShapeError
from adcli.ir.build import const
from adcli.ir.nested import nested
from adcli.ir.nodes import Atom, Block, Const, Function, Var, While
from adcli.ir.types import BOOL, INT
from adcli.lower.frame import Frame, Steps
from adcli.lower.operators import Closure, called, closure, columns
from adcli.syntax import tree

NEWTON_STEPS, HALVINGS, ITERATIONS = 100, 40, 10_000
# Where the iteration stops, relative to x: the steps that follow double the digits each.
NEWTON_CLOSE, CLOSE = 1e-9, 1e-12


def solver(f: Frame, node: tree.CallExpr) -> Steps:
    """Lower a call of root or fixed_point."""
    shown = f"{node.name}(x -> …, x0)"
    if node.named or len(node.args) != 2:
        raise f.fail(ArityError, f"{node.name} takes a function and a starting point", node.span, f"it is called as {shown}")
    if isinstance(node.args[1], tree.Lambda):
        raise f.fail(NotAValue, "the starting point is a value", node.args[1].span, f"it is called as {shown}")
    start = yield node.args[1]
    start = f.real(start, node.args[1].span)
    given = closure(f, node, [start])
    if given.result.shape != start.type.shape or len(start.type.shape) > 1:
        message = f"{node.name} of a function from {start.type} to {given.result}"
        raise f.fail(ShapeError, message, node.span, "the function maps a number to a number, or a vector to a vector of its length")
    span, f.b.span = f.b.span, node.span
    out = _Solve(f, given, node.name == "root").value(node.name)
    f.b.span = span
    return out


class _Solve:
    """The statements that solve F(x) = 0, where F(x) is f(x), or x - g(x)."""

    def __init__(self, f: Frame, given: Closure, is_root: bool) -> None:
        self.f = f
        self.b = f.b
        self.given = given
        self.scalar = not given.args[0].type.shape
        self.residual = given.function if is_root else self.difference()

    def difference(self) -> Function:
        """x - g(x)."""
        params = tuple(Var(a.type) for a in self.given.args)
        with self.b.inside(Block()) as body:
            (value,) = called(self.f, self.given.function, params, self.given.span)
            body.results = (self.b.let("sub", params[0], value),)
        out = Function(self.given.function.name, params, body, ("value",), span=self.given.span)
        out.result_types = (body.results[0].type,)
        return out

    def value(self, name: str) -> Atom:
        still = tuple(self.b.let("stop", a) if a.type.elem == "real" and isinstance(a, Var) else a for a in self.given.args)
        x = self.newton(still) if name == "root" else self.iterated(still)
        x = self.b.let("stop", x)
        for _ in range(self.f.unit.order.bit_length()):
            args = (x, *self.given.args[1:])
            x = self.b.let("sub", x, self.step(args, self.at(self.residual, args)))
        return x

    def at(self, function: Function, args: tuple[Atom, ...]) -> Atom:
        return called(self.f, function, args, self.given.span)[0]

    def step(self, args: tuple[Atom, ...], value: Atom) -> Atom:
        """Newton's step F_x⁻¹ F."""
        if self.scalar:
            return self.b.let("div", value, self.at(nested(self.residual, "reverse", (0,), 0), args))
        slope = columns(self.f, Closure(self.residual, args, self.given.span), nested(self.residual, "forward", (0,), 0))
        return self.b.let("solve", slope, value)

    def size(self, x: Atom) -> Atom:
        found = self.b.let("abs", x)
        return found if self.scalar else self.b.let("reduce_max", found, attrs=(None,))

    def close(self, change: Atom, x: Atom, tolerance: float) -> Atom:
        return self.b.let("le", self.size(change), self.b.let("mul", const(tolerance), self.size(x)))

    def loop(self, start: Atom, most: int, body: Callable[[Atom], tuple[Atom, Atom]], done: Const) -> tuple[Atom, Atom]:
        """x, done = while not done, `most` times at most, carrying x = start: body."""
        params = (Var(start.type), Var(BOOL))
        index, outs = Var(INT), (Var(start.type), Var(BOOL))
        with self.b.inside(Block()) as test:
            going = self.b.let("logical_not", params[1])
            test.results = (self.b.let("logical_and", self.b.let("lt", index, const(most)), going),)
        with self.b.inside(Block()) as block:
            block.results = body(params[0])
        self.b.append(While(Var(INT), outs, index, params, (start, done), test, block, self.given.span))
        return outs

    def finished(self, x: Atom, done: Atom, name: str, most: int) -> Atom:
        self.b.check("true", done, about=(f"{name} did not converge in {most:,} steps",))
        return x

    def iterated(self, args: tuple[Atom, ...]) -> Atom:
        def body(x: Atom) -> tuple[Atom, Atom]:
            y = self.at(self.given.function, (x, *args[1:]))
            return y, self.b.let("logical_or", self.close(self.b.let("sub", y, x), y, CLOSE), self.b.let("eq", self.size(y), const(0.0)))

        return self.finished(*self.loop(args[0], ITERATIONS, body, const(False)), "fixed_point", ITERATIONS)

    def newton(self, args: tuple[Atom, ...]) -> Atom:
        """Newton's method with halved steps where a whole one does not bring F nearer to zero."""

        def body(x: Atom) -> tuple[Atom, Atom]:
            here = (x, *args[1:])
            value = self.at(self.residual, here)
            step = self.step(here, value)
            scale = self.shortened(here, step, self.size(value))
            moved = self.b.let("mul", scale, step)
            at_zero = self.b.let("eq", self.size(value), const(0.0))
            near = self.close(step, x, NEWTON_CLOSE)
            y = self.b.let("select", at_zero, x, self.b.let("sub", x, moved))
            return y, self.b.let("logical_or", at_zero, near)

        return self.finished(*self.loop(args[0], NEWTON_STEPS, body, const(False)), "root", NEWTON_STEPS)

    def shortened(self, here: tuple[Atom, ...], step: Atom, size: Atom) -> Atom:
        """1, ½, ¼, … until F is smaller there."""

        def body(scale: Atom) -> tuple[Atom, Atom]:
            x = self.b.let("sub", here[0], self.b.let("mul", scale, step))
            smaller = self.b.let("lt", self.size(self.at(self.residual, (x, *here[1:]))), size)
            return self.b.let("select", smaller, scale, self.b.let("mul", const(0.5), scale)), smaller

        return self.loop(const(1.0), HALVINGS, body, const(False))[0]
