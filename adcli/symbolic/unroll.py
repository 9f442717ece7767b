"""A program's results as expressions: its statements run on formulas, loops with a constant count unrolled, calls put in their places.

Integers are numbers here, so that subscripts, counts and branches on them are known. A branch that depends on a real input becomes a
choice, where(c, a, b). What no finite formula can say is a NoFormula error at its place. Arrays are NumPy arrays of expressions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any, TypeAlias

from adcli.errors import AdcliError, NoFormula, Span
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.symbolic import blocks, ruled
from adcli.symbolic.nodes import ZERO, Expr, constant, name, node, num, real, truth
from adcli.symbolic.ruled import places
from adcli.symbolic.rules import operation

Value: TypeAlias = Any  # an Expr, or an array of them
STEPS = 20_000  # statements that are unrolled at most
TOO_LONG = "a formula has no loops; `adcli grad` differentiates the program as it is"


def unroll(function: Function, args: Sequence[Value]) -> list[Value]:
    """The results for arguments that are expressions, or arrays of expressions."""
    return _Run().function(function, args)


def fixed(value: float | int | bool) -> Expr:
    """A number of the program."""
    if isinstance(value, bool):
        return truth(value)
    return num(value) if isinstance(value, int) else real(value)


class _Run:
    def __init__(self) -> None:
        self.values: dict[Var, Value] = {}
        self.tapes: dict[int, list[Value]] = {}
        self.steps = 0
        self.maybe = 0  # branches on inputs around the statement

    def of(self, a: Atom) -> Value:
        return fixed(a.value) if isinstance(a, Const) else self.values[a]

    def function(self, f: Function, args: Sequence[Value]) -> list[Value]:
        outer, self.values = self.values, dict(zip(f.params, args, strict=True))
        found = self.block(f.body)
        self.values = outer
        return found

    def block(self, block: Block) -> list[Value]:
        for s in block.statements:
            self.steps += 1
            if self.steps > STEPS:
                raise NoFormula(f"the formula takes more than {STEPS:,} steps", _span(s), help=TOO_LONG)
            self.statement(s)
        return [self.of(a) for a in block.results]

    def statement(self, s: Statement) -> None:
        match s:
            case Let():
                self.values[s.out] = self.let(s)
            case If():
                self.branch(s)
            case For():
                self.counted(s)
            case While():
                self.tested(s)
            case Call():
                self.call(s)
            case Check():
                self.check(s)
            case Push():
                self.tapes.setdefault(s.tape, []).append(self.of(s.value))
            case Pop():
                self.values[s.out] = self.tapes[s.tape].pop()

    def bind(self, outs: Sequence[Var], values: Sequence[Value]) -> None:
        self.values.update(zip(outs, values, strict=True))

    def call(self, s: Call) -> None:
        args = [self.of(a) for a in s.args]
        found, rule = self.function(s.function, args), s.function.of
        if isinstance(rule, CustomRule) and not all(map(_known, args)):
            found = [self.ruled(s, rule, args, found[0])]
        self.bind(s.outs, found)

    def ruled(self, s: Call, rule: CustomRule, args: list[Value], value: Value) -> Expr:
        """A call of a function with a rule: the partials are formulas over places for its arguments and its value."""
        if any(hasattr(x, "shape") for x in (*args, value)):
            text = f"'{s.function.name}' has a rule over arrays, which no formula of single elements says"
            raise NoFormula(text, s.span, help="`adcli grad` computes the derivative at a point")
        *holes, out = places(len(args))
        given = [hole if a.type.elem == "real" else x for hole, a, x in zip(holes, s.args, args, strict=True)]
        found = dict(zip(rule.wrt, self.function(rule.partials, [*given, out]), strict=True))
        return ruled.call(value, args, [found.get(k, ZERO) for k in range(len(args))])

    def let(self, s: Let) -> Value:
        args = [self.of(a) for a in s.args]
        if s.out.type.shape or any(a.type.shape for a in s.args):
            return self._array(s, args)
        if s.op.name == "to_real":
            return args[0] if args[0].op != "bool" else num(int(bool(args[0].value)))
        made = operation(s.op, args)
        if s.out.type.elem == "real":
            return made
        found = constant(made)
        if found is None:
            return made
        return truth(bool(found)) if s.out.type.elem == "bool" else num(int(found))

    def _array(self, s: Let, args: list[Value]) -> Value:
        try:
            found = blocks.array(s, args, lambda k: self.whole(s.args[k], s.span))
        except AdcliError as error:
            error.span = error.span or s.span
            raise
        if found is None:
            text = f"there is no formula for {s.op.symbol or s.op.name} of an array"
            raise NoFormula(text, s.span, help="`adcli grad` computes the derivative at a point")
        return found

    def whole(self, a: Atom, span: Span | None) -> int:
        """An integer that must be known."""
        found = constant(self.of(a))
        if found is None:
            text = "a subscript or size depends on the inputs, so that no one formula says which element it is"
            raise NoFormula(text, span, help=TOO_LONG)
        return int(found)

    def branch(self, s: If) -> None:
        cond = self.of(s.cond)
        known = constant(cond)
        if known is not None:
            self.bind(s.outs, self.block(s.then if known else s.other))
            return
        self.maybe += 1
        lanes = self.block(s.then), self.block(s.other)
        self.maybe -= 1
        self.bind(s.outs, [a if a is b else blocks.each(_choice(cond), a, b) for a, b in zip(*lanes, strict=True)])

    def counted(self, s: For) -> None:
        found = [constant(self.of(a)) for a in (s.start, s.count, s.step)]
        if None in found:
            text = "the number of this loop's iterations depends on the inputs, so that it cannot be unrolled"
            raise NoFormula(text, s.span, help=TOO_LONG)
        start, count, step = (int(n) for n in found if n is not None)
        carried = [self.of(a) for a in s.inits]
        for k in range(count):
            self.values[s.index] = num(start + k * step)
            self.bind(s.params, carried)
            carried = self.block(s.body)
        self.bind(s.outs, carried)

    def tested(self, s: While) -> None:
        carried, count = [self.of(a) for a in s.inits], 0
        while True:
            self.values[s.index] = num(count)
            self.bind(s.params, carried)
            going = constant(self.block(s.test)[0])
            if going is None:
                text = "how long this loop runs depends on the inputs, so that it cannot be unrolled"
                raise NoFormula(text, s.span, help=TOO_LONG)
            if not going:
                break
            carried, count = self.block(s.body), count + 1
        self.values[s.count] = num(count)
        self.bind(s.outs, carried)

    def check(self, s: Check) -> None:
        """What is known to fail is the program's error; a check in a branch on inputs need not be reached."""
        if s.kind == "flag" or self.maybe or any(a.type.shape for a in s.args):
            return
        found = [constant(self.of(a)) for a in s.args]
        if None in found:
            return
        from adcli.engines.checks import failure, test

        check = Check(s.kind, tuple(Const(v, a.type) for v, a in zip(found, s.args, strict=True) if v is not None), s.about, s.span)
        tried, given = test(check)
        try:
            tried(*(a.value if isinstance(a, Const) else a[0] for a in given if not isinstance(a, Var)))
        except (ArithmeticError, ValueError, LookupError):
            raise failure(s, found) from None


def _known(value: Value) -> bool:
    return not hasattr(value, "shape") and constant(value) is not None


def _choice(cond: Expr) -> Callable[[Expr, Expr], Expr]:
    return lambda a, b: a if a is b else node("select", cond, a, b)


def _span(s: Statement) -> Span | None:
    return None if isinstance(s, Push | Pop) else s.span


def inputs(text: str, shape: Sequence[int]) -> Value:
    """An input as names: x, or an array of w[0], w[1], …"""
    if not shape:
        return name(text)
    import numpy as np

    out = np.empty(tuple(shape), dtype=object)
    for at in np.ndindex(*shape):
        out[at] = name(f"{text}[{', '.join(map(str, at))}]")
    return out


def numbers(value: Any) -> Value:
    """A value of an input that is put in: an integer, or an array of them."""
    if hasattr(value, "shape") and value.shape:
        return blocks.each(lambda v: num(Fraction(int(v))), value)
    return fixed(value)
