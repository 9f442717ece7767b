"""Recording one run as a flat graph: the Wengert list of the textbooks.

    input x = 2                                0  input x         2
    y = 1                                      1  div x, y        2        line 3, iteration 0
    for i in 0..2 { y = 0.5*(y + x/y) }   →    2  add 1, #1       3        line 3, iteration 0
                                               3  mul 0.5, #2     1.5  y   line 3, iteration 0 …

Nodes are the inputs, then every operation on real numbers in the order in which it ran. Integers, truth values and what only
serves them (counters, extents, comparisons, subscripts) are constants of the operations that read them.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adcli.engines.limits import BYTES, Limits, memory_error
from adcli.engines.shadow import Frame, Pair, Shadowed
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Call, Const, Function, Let, Var
from adcli.ops import Op

# What a node costs besides the numbers it holds: its place in the columns below, its references and its value's object.
NODE_BYTES = 12 * BYTES


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
    found = _Run(recording, limits).run(function, [(value, k) for k, value in enumerate(args)])
    for name, (value, ref) in zip(function.result_names, found, strict=True):
        recording.outputs.append((name, recording.constant(value) if ref is None else ref))
    return recording


@dataclass(slots=True, eq=False)
class RuledStep(Let):
    """A call of a function with partials of its own, as one operation of the recording."""

    function: Function = field(kw_only=True)


def ruled_step(s: Call, rule: CustomRule) -> RuledStep:
    names = tuple(p.name for p in s.function.params)
    partials = tuple(f"d{name}" if k in rule.wrt else None for k, name in enumerate(names))
    op = Op(s.function.name, names, "ruled", partials, type="given", doc="a function of the program with a rule of its own")
    return RuledStep(s.outs[0], op, s.args, (), s.span, function=s.function)


ROW, ALIAS, VALUE = "row", "alias", "value"

# They give a value another storage or kind, and are no step of the computation.
ALIASES = frozenset({"to_real", "copy"})


class _Run(Shadowed):
    """A run whose shadows are the nodes that values come from; None: a constant for the recording."""

    def __init__(self, recording: Recording, limits: Limits) -> None:
        super().__init__(limits)
        self.recording = recording
        self.roles: dict[Let, str] = {}
        self.steps: dict[Call, RuledStep] = {}
        self.silent = False

    def let(self, s: Let, args: list[Pair]) -> Pair:
        value = self.value(s, [value for value, _ in args])
        role = self.roles.get(s)
        if role is None:
            role = self.roles[s] = _role(s)
        if role == VALUE or self.silent:
            return value, None
        r = self.recording
        if role == ALIAS:
            ref = args[0][1]
            if ref is not None and s.out.name:
                r.name(ref, s.out.name)
            return value, ref
        return value, r.add(s, [r.constant(v) if ref is None else ref for v, ref in args], value, self.iteration)

    def ruled(self, s: Call, rule: CustomRule, args: list[Pair]) -> list[Pair]:
        """One row for the call, none for the statements inside, whose steps and depth count all the same."""
        outer, self.silent = self.silent, True
        value = self.unshadowed(s.function, args)
        self.silent = outer
        if outer:
            return [(value, None)]
        step = self.steps.get(s)
        if step is None:
            step = self.steps[s] = ruled_step(s, rule)
        refs = [self.recording.constant(v) if ref is None else ref for v, ref in args]
        return [(value, self.recording.add(step, refs, value, self.iteration))]

    def bind(self, outs: Sequence[Var], pairs: Sequence[Pair], frame: Frame) -> None:
        """A step without a name takes that of the variable its value is given to."""
        super().bind(outs, pairs, frame)
        for out, (_, ref) in zip(outs, pairs, strict=True):
            if out.name and ref is not None:
                self.recording.name(ref, out.name)


def _role(s: Let) -> str:
    """What an operation is in a recording: a row, another name for its argument, or a value that is a constant there."""
    if s.out.type.elem != "real" or (s.op.name == "neg" and isinstance(s.args[0], Const)):
        return VALUE
    return ALIAS if s.op.name in ALIASES else ROW
