"""Runs that carry something beside every value: where it comes from, what it depends on, its Taylor coefficients.

    y = x*z          with x = (3, a), z = (2, None)        →        y = (6, what the interpretation makes of a)

A variable stands for a pair (value, shadow); the shadow None says that the value is a constant for the interpretation. The run takes
the branches and iterations that the values decide, so a subclass says only what an operation does to shadows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, assert_never

from adcli.engines import checks
from adcli.engines.limits import Limits, depth_error, memory_error, steps_error, timeout_error
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ops.record import Op

FRAMES_PER_CALL = 64
# Steps between two looks at the clock.
CHUNK = 4096

Pair: TypeAlias = "tuple[Any, Any]"
Frame: TypeAlias = "dict[Var, Pair]"


class Shadowed:
    """Runs statements on frames of pairs; `iteration` counts the enclosing loops, outermost first."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.iteration: tuple[int, ...] = ()
        self.left = limits.max_steps
        self.done = 0
        self.depth = 0
        self.forms: dict[tuple[Op, bool], Callable[..., Any]] = {}
        self.tapes: dict[int, list[Pair]] = {}
        self.deadline = None if limits.timeout is None else time.monotonic() + limits.timeout

    def run(self, function: Function, args: Sequence[Pair]) -> list[Pair]:
        """The results for these arguments. Raises what evaluating the function raises."""
        before = sys.getrecursionlimit()
        # Room for the Python frames of calls as deep as the limits allow, blocks in them included; they take no C stack.
        sys.setrecursionlimit(max(before, FRAMES_PER_CALL * self.limits.max_depth))
        try:
            return self.call(function, args)
        except RecursionError:
            raise depth_error(self.limits, None) from None
        except MemoryError:
            raise memory_error(self.limits, None) from None
        finally:
            sys.setrecursionlimit(before)

    def call(self, function: Function, args: Sequence[Pair]) -> list[Pair]:
        frame: Frame = dict(zip(function.params, args, strict=True))
        self.block(function.body, frame)
        return [read(a, frame) for a in function.body.results]

    def block(self, block: Block, frame: Frame) -> None:
        for s in block.statements:
            if isinstance(s, Let):
                frame[s.out] = self.let(s, [(a.value, None) if isinstance(a, Const) else frame[a] for a in s.args])
            else:
                self.statement(s, frame)

    def let(self, s: Let, args: list[Pair]) -> Pair:
        """The value of an operation and its shadow."""
        value = self.value(s, [value for value, _ in args])
        if s.out.type.elem != "real" or all(shadow is None for _, shadow in args):
            return value, None
        return value, self.shadow(s, args, value)

    def shadow(self, s: Let, args: list[Pair], value: Any) -> Any:
        """The shadow of a real value of which an argument has one. For an update in place the first argument is overwritten already."""
        raise NotImplementedError

    def value(self, s: Let, values: Sequence[Any]) -> Any:
        """What the operation computes: on Python numbers, or by NumPy."""
        form: Callable[..., Any]
        if s.op.scalar is not None and not any(hasattr(v, "shape") for v in values):
            form = s.op.scalar
        else:
            form = self.form(s)
        return form(*values, **dict(zip(s.op.attrs, s.attrs, strict=True))) if s.attrs else form(*values)

    def form(self, s: Let) -> Callable[..., Any]:
        """The NumPy form of the operation."""
        found = self.forms.get((s.op, s.inplace))
        if found is None:
            from adcli.ops import arrays

            found = self.forms[s.op, s.inplace] = arrays.form(s.op, s.inplace)
        return found

    def statement(self, s: Statement, frame: Frame) -> None:
        match s:
            case If():
                block = s.then if read(s.cond, frame)[0] else s.other
                self.block(block, frame)
                self.bind(s.outs, [read(a, frame) for a in block.results], frame)
            case For():
                self.for_loop(s, frame)
            case While():
                self.while_loop(s, frame)
            case Call():
                self.enter(s, frame)
            case Check():
                check(s, frame)
            case Push():
                self.tapes.setdefault(s.tape, []).append(read(s.value, frame))
            case Pop():
                frame[s.out] = self.tapes[s.tape].pop()
            case Let():
                raise AssertionError("blocks run these themselves")
            case _:
                assert_never(s)

    def bind(self, outs: Sequence[Var], pairs: Sequence[Pair], frame: Frame) -> None:
        """Give variables what was computed elsewhere."""
        frame.update(zip(outs, pairs, strict=True))

    def for_loop(self, s: For, frame: Frame) -> None:
        start, count, step = (read(a, frame)[0] for a in (s.start, s.count, s.step))
        carried = [read(a, frame) for a in s.inits]
        outer = self.iteration
        for k in range(count):
            self.step(s)
            self.iteration = (*outer, k)
            frame[s.index] = start + k * step, None
            frame.update(zip(s.params, carried, strict=True))
            self.block(s.body, frame)
            carried = [read(a, frame) for a in s.body.results]
        self.iteration = outer
        self.bind(s.outs, carried, frame)

    def while_loop(self, s: While, frame: Frame) -> None:
        carried = [read(a, frame) for a in s.inits]
        outer = self.iteration
        k = 0
        while True:
            self.iteration = (*outer, k)
            frame[s.index] = k, None
            frame.update(zip(s.params, carried, strict=True))
            self.block(s.test, frame)
            if not read(s.test.results[0], frame)[0]:
                break
            self.step(s)
            self.block(s.body, frame)
            carried = [read(a, frame) for a in s.body.results]
            k += 1
        self.iteration = outer
        frame[s.count] = k, None
        self.bind(s.outs, carried, frame)

    def enter(self, s: Call, frame: Frame) -> None:
        self.step(s)
        self.depth += 1
        if self.depth > self.limits.max_depth:
            raise depth_error(self.limits, s.span)
        rule, args = s.function.of, [read(a, frame) for a in s.args]
        if isinstance(rule, CustomRule):
            found = self.ruled(s, rule, args)
        else:
            found = self.call(s.function, args)
        self.depth -= 1
        self.bind(s.outs, found, frame)

    def ruled(self, s: Call, rule: CustomRule, args: list[Pair]) -> list[Pair]:
        """A call of a function with partials of its own: they decide, and not its statements."""
        value = self.unshadowed(s.function, args)
        moves = any(args[k][1] is not None for k in rule.wrt)
        return [(value, self.rule(rule, args, value) if moves else None)]

    def unshadowed(self, function: Function, args: list[Pair]) -> Any:
        """The value of a function of one result, computed without shadows."""
        ((value, _),) = self.call(function, [(v.copy() if hasattr(v, "shape") else v, None) for v, _ in args])
        return value

    def rule(self, rule: CustomRule, args: list[Pair], value: Any) -> Any:
        """The shadow of a value whose partials are given."""
        raise NotImplementedError

    def step(self, s: For | While | Call) -> None:
        self.done += 1
        if self.deadline is not None and self.done % CHUNK == 0 and time.monotonic() > self.deadline:
            raise timeout_error(self.limits, s.span)
        if s.counted:
            self.left -= 1
            if self.left < 0:
                raise steps_error(self.limits, s.span)


def read(a: Atom, frame: Frame) -> Pair:
    return (a.value, None) if isinstance(a, Const) else frame[a]


def check(s: Check, frame: Frame) -> None:
    """Stop where the check does not hold; flags are noted by the plain run."""
    if s.kind == "flag":
        return
    holds, args = checks.test(s)
    try:
        holds(*(a[0] if isinstance(a, list) else read(a, frame)[0] for a in args))
    except (ArithmeticError, ValueError, LookupError):
        raise checks.failure(s, [read(a, frame)[0] for a in s.args]) from None

