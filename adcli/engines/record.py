"""Recording one run as a flat graph: the Wengert list of the textbooks.

    input x = 2                                0  input x         2
    y = 1                                      1  div x, y        2        line 3, iteration 0
    for i in 0..2 { y = 0.5*(y + x/y) }   →    2  add 1, #1       3        line 3, iteration 0
                                               3  mul 0.5, #2     1.5  y   line 3, iteration 0 …

Nodes are the inputs, then every operation on real numbers in the order in which it ran. Integers, truth values and what only
serves them (counters, extents, comparisons, subscripts) are constants of the operations that read them.
"""

from __future__ import annotations

import sys
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias, assert_never

from adcli.engines import checks
from adcli.engines.limits import BYTES, Limits, depth_error, memory_error, steps_error, timeout_error
from adcli.errors import Span
from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Pop, Push, Statement, Var, While
from adcli.ops.record import Op

# What a node costs besides the numbers it holds: its place in the columns below, its references and its value's object.
NODE_BYTES = 12 * BYTES
FRAMES_PER_CALL = 64
# Operations between two looks at the clock.
CHUNK = 4096


class Recording:
    """The flat graph of one run, in columns; a reference is a node's position or, if negative, ~position of a constant.

    names[i] is the program's name for node i, "" for a step of an expression. iterations[i] counts the enclosing loops, outermost first.
    """

    def __init__(self, inputs: Mapping[str, object], limits: Limits | None = None) -> None:
        self.inputs = dict(inputs)
        self.outputs: list[tuple[str, int]] = []
        self.lets: list[Let | None] = []
        self.values: list[Any] = []
        self.names: list[str] = []
        self.iterations: list[tuple[int, ...]] = []
        self.constants: list[Any] = []
        self._refs = array("q")
        self._starts = array("q", [0])
        self._known: dict[tuple[type, object], int] = {}
        self._limits = limits or Limits()
        self._bytes = 0
        for name, value in inputs.items():
            self._append(None, (), value, name, ())

    def __len__(self) -> int:
        return len(self.lets)

    def args(self, node: int) -> Sequence[int]:
        """The references of a node's arguments."""
        return self._refs[self._starts[node] : self._starts[node + 1]]

    def value(self, ref: int) -> Any:
        """The value of a node or a constant."""
        return self.values[ref] if ref >= 0 else self.constants[~ref]

    def number(self, node: int) -> int:
        """The number of a node in the tables: the inputs are v₋ₙ₊₁ … v₀, the steps v₁, v₂, …"""
        return node - len(self.inputs) + 1

    def constant(self, value: Any) -> int:
        """A reference to a constant; equal scalars share one."""
        if isinstance(value, (int, float)) and value != 0:
            key = (type(value), value)
            found = self._known.get(key)
            if found is None:
                self._known[key] = found = ~len(self.constants)
                self.constants.append(value)
            return found
        self.constants.append(value)
        return ~(len(self.constants) - 1)

    def add(self, let: Let, refs: Sequence[int], value: Any, iteration: tuple[int, ...] = ()) -> int:
        """Append an operation node; its reference."""
        self._append(let, refs, value, let.out.name, iteration)
        return len(self.lets) - 1

    def name(self, ref: int, name: str) -> None:
        """Give a node the name of the variable its value is assigned to, unless it has one."""
        if ref >= 0 and not self.names[ref]:
            self.names[ref] = name

    def _append(self, let: Let | None, refs: Sequence[int], value: Any, name: str, iteration: tuple[int, ...]) -> None:
        size = 1 if isinstance(value, float) else getattr(value, "size", 1)
        self._bytes += NODE_BYTES + BYTES * (size + len(refs))
        if self._bytes > self._limits.max_memory:
            raise memory_error(self._limits, let.span if let else None, "the recording of the run")
        self.lets.append(let)
        self.values.append(value)
        self.names.append(name)
        self.iterations.append(iteration)
        self._refs.extend(refs)
        self._starts.append(len(self._refs))


def record(function: Function, args: Sequence[Any], limits: Limits | None = None) -> Recording:
    """Run a function as lowered, before simplification, and record what it does.

    args: the values of the parameters. Raises what evaluating it raises, and LimitError where the recording grows past --max-memory.
    """
    limits = limits or Limits()
    recording = Recording({v.name: value for v, value in zip(function.params, args, strict=True)}, limits)
    with _deep(limits):
        found = _Run(recording, limits).call(function, [(value, k) for k, value in enumerate(args)])
    for name, (value, ref) in zip(function.result_names, found, strict=True):
        recording.outputs.append((name, recording.constant(value) if ref is None else ref))
    return recording


@contextmanager
def _deep(limits: Limits) -> Iterator[None]:
    """Room for the Python frames of calls as deep as the limits allow, blocks in them included; they take no C stack."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, FRAMES_PER_CALL * limits.max_depth))
    try:
        yield
    except RecursionError:
        raise depth_error(limits, None) from None
    finally:
        sys.setrecursionlimit(before)


# A value and the node it comes from; None: it is a constant for the recording.
Traced: TypeAlias = "tuple[Any, int | None]"
Frame: TypeAlias = "dict[Var, Traced]"

ROW, ALIAS, VALUE = "row", "alias", "value"

# They give a value another storage or kind, and are no step of the computation.
_SAME_VALUE = frozenset({"to_real", "copy"})


class _Run:
    """Runs statements on frames that know, for each variable, its value and its node."""

    def __init__(self, recording: Recording, limits: Limits) -> None:
        self.recording = recording
        self.limits = limits
        self.iteration: tuple[int, ...] = ()
        self.left = limits.max_steps
        self.depth = 0
        self.forms: dict[Op, Callable[..., Any]] = {}
        self.roles: dict[Let, str] = {}
        self.deadline = None if limits.timeout is None else time.monotonic() + limits.timeout

    def call(self, function: Function, args: Sequence[Traced]) -> list[Traced]:
        frame: Frame = dict(zip(function.params, args, strict=True))
        self.block(function.body, frame)
        return [_read(a, frame) for a in function.body.results]

    def block(self, block: Block, frame: Frame) -> None:
        for s in block.statements:
            if isinstance(s, Let):
                frame[s.out] = self.let(s, frame)
            else:
                self.statement(s, frame)

    def let(self, s: Let, frame: Frame) -> Traced:
        args = [(a.value, None) if isinstance(a, Const) else frame[a] for a in s.args]
        values = [value for value, _ in args]
        form = self.form(s, values)
        value = form(*values, **dict(zip(s.op.attrs, s.attrs, strict=True))) if s.attrs else form(*values)
        role = self.roles.get(s)
        if role is None:
            role = self.roles[s] = _role(s)
        if role == VALUE:
            return value, None
        r = self.recording
        if role == ALIAS:
            ref = args[0][1]
            if ref is not None and s.out.name:
                r.name(ref, s.out.name)
            return value, ref
        return value, r.add(s, [r.constant(v) if ref is None else ref for v, ref in args], value, self.iteration)

    def form(self, s: Let, values: Sequence[Any]) -> Callable[..., Any]:
        """How the operation computes: on Python numbers, or by NumPy."""
        if s.op.scalar is not None and not any(hasattr(v, "shape") for v in values):
            return s.op.scalar
        found = self.forms.get(s.op)
        if found is None:
            from adcli.ops import arrays

            found = self.forms[s.op] = arrays.form(s.op)
        return found

    def statement(self, s: Statement, frame: Frame) -> None:
        match s:
            case If():
                block = s.then if _read(s.cond, frame)[0] else s.other
                self.block(block, frame)
                self.bind(s.outs, [_read(a, frame) for a in block.results], frame)
            case For():
                self.for_loop(s, frame)
            case While():
                self.while_loop(s, frame)
            case Call():
                self.enter(s, frame)
            case Check():
                _check(s, frame)
            case Let() | Push() | Pop():
                raise AssertionError("a primal program has no tapes")
            case _:
                assert_never(s)

    def bind(self, outs: Sequence[Var], values: Sequence[Traced], frame: Frame) -> None:
        """Give variables values that were computed elsewhere; a step without a name takes theirs."""
        for out, traced in zip(outs, values, strict=True):
            frame[out] = traced
            if out.name and traced[1] is not None:
                self.recording.name(traced[1], out.name)

    def for_loop(self, s: For, frame: Frame) -> None:
        start, count, step = (_read(a, frame)[0] for a in (s.start, s.count, s.step))
        carried = [_read(a, frame) for a in s.inits]
        outer = self.iteration
        for k in range(count):
            self.step(s.span)
            self.iteration = (*outer, k)
            frame[s.index] = start + k * step, None
            frame.update(zip(s.params, carried, strict=True))
            self.block(s.body, frame)
            carried = [_read(a, frame) for a in s.body.results]
        self.iteration = outer
        self.bind(s.outs, carried, frame)

    def while_loop(self, s: While, frame: Frame) -> None:
        carried = [_read(a, frame) for a in s.inits]
        outer = self.iteration
        k = 0
        while True:
            self.iteration = (*outer, k)
            frame[s.index] = k, None
            frame.update(zip(s.params, carried, strict=True))
            self.block(s.test, frame)
            if not _read(s.test.results[0], frame)[0]:
                break
            self.step(s.span)
            self.block(s.body, frame)
            carried = [_read(a, frame) for a in s.body.results]
            k += 1
        self.iteration = outer
        frame[s.count] = k, None
        self.bind(s.outs, carried, frame)

    def enter(self, s: Call, frame: Frame) -> None:
        self.step(s.span)
        self.depth += 1
        if self.depth > self.limits.max_depth:
            raise depth_error(self.limits, s.span)
        found = self.call(s.function, [_read(a, frame) for a in s.args])
        self.depth -= 1
        self.bind(s.outs, found, frame)

    def step(self, span: Span | None) -> None:
        self.left -= 1
        if self.deadline is not None and self.left % CHUNK == 0 and time.monotonic() > self.deadline:
            raise timeout_error(self.limits)
        if self.left < 0:
            raise steps_error(self.limits, span)


def _role(s: Let) -> str:
    """What an operation is in a recording: a row, another name for its argument, or a value that is a constant there."""
    if s.out.type.elem != "real" or (s.op.name == "neg" and isinstance(s.args[0], Const)):
        return VALUE
    return ALIAS if s.op.name in _SAME_VALUE else ROW


def _read(a: Atom, frame: Frame) -> Traced:
    return (a.value, None) if isinstance(a, Const) else frame[a]


def _check(s: Check, frame: Frame) -> None:
    """Stop where the check does not hold; flags are noted by the plain run."""
    if s.kind == "flag":
        return
    holds, args = checks.test(s)
    try:
        holds(*(a[0] if isinstance(a, list) else _read(a, frame)[0] for a in args))
    except (ArithmeticError, ValueError, LookupError):
        raise checks.failure(s, [_read(a, frame)[0] for a in s.args]) from None
