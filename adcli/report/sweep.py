"""The two sweeps over a recording: tangents along a seed, and adjoint increments, one for each use of a value.

Both take the derivative of one statement from `ad`, so that rules and conventions are those of every other derivative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from adcli.ad.forward import forward
from adcli.ad.reverse import MOVES, reverse
from adcli.ad.rules import differentiable, partial
from adcli.engines.interpret import Interpreter
from adcli.engines.limits import Limits
from adcli.engines.record import Recording, RuledStep
from adcli.ir.build import Builder, const
from adcli.ir.nodes import Atom, Block, Call, Const, Function, Let, Var
from adcli.ir.types import RULES, Type


class Adjoint(NamedTuple):
    """One adjoint statement: node's adjoint grows by `increment`, which comes from its use as argument `position` of node `source`.

    source is None for the seed; bar is the adjoint of source; partial is None where it would be a matrix; before is None
    where this is the first increment.
    """

    step: int
    node: int
    source: int | None
    position: int
    bar: Any
    partial: Any
    increment: Any
    before: Any
    running: Any


class Local:
    """The derivatives of one operation on arguments of given types: each is compiled once and used for every node of its kind."""

    def __init__(self, let: Let, args: Sequence[Any], moving: tuple[int, ...], limits: Limits) -> None:
        self.moving = moving
        self._limits = limits
        self._params = tuple(Var(_type(v)) for v in args)
        self._let = _retyped(let, self._params)
        self.scalar = let.op.kind == "partials" and not any(p.type.shape for p in self._params)
        self.elementwise = let.op.type in ("real", "arith", "select")
        self._partials: Callable[[list[Any]], list[Any]] | None = None
        self._reverse: dict[bool, Interpreter] = {}
        self._forward: dict[tuple[int, ...], Interpreter] = {}

    def partials(self, args: list[Any], out: Any) -> list[Any]:
        """∂out/∂arg of each moving argument of a scalar elementwise operation."""
        if self._partials is None:
            f = Function("partials", (*self._params, self._let.out), Block())
            b = Builder(f.body, self._let.span)
            f.body.results = tuple(partial(b, self._let, k) for k in self.moving)
            f.result_names = ("",) * len(self.moving)
            f.result_types = tuple(a.type for a in f.body.results)
            self._partials = _straight(f) or Interpreter(f, self._limits).run
        return self._partials([*args, out])

    def pull_back(self, args: list[Any], g: Any, lanes: Any = None) -> list[Any]:
        """The cotangents of the moving arguments; `lanes`: the elements of g that are no structural zeros."""
        found = self._reverse.get(lanes is None)
        if found is None:
            function = self._function() if lanes is None else self._selected(Var(Type("bool", lanes.shape)))
            found = self._reverse[lanes is None] = Interpreter(reverse(function, self.moving, [0]), self._limits)
        return found.run([*args, g] if lanes is None else [*args, lanes, g])[1:]

    def lanes_back(self, args: list[Any], lanes: Any) -> list[Any]:
        """For each moving argument, the elements outside which its cotangent is a structural zero; None: that is not known."""
        let = self._let
        if let.op.name == "select":
            first = args[0] if hasattr(args[0], "shape") else None
            if first is None or any(getattr(args[k], "shape", ()) != first.shape for k in self.moving):
                return [None] * len(self.moving)
            own = [first if k == 1 else ~first for k in self.moving]
            return own if lanes is None else [c & lanes for c in own]
        if lanes is None:
            return [None] * len(self.moving)
        if let.op.kind == "partials":
            return [lanes if getattr(args[k], "shape", ()) == lanes.shape else None for k in self.moving]
        if let.op.name in MOVES or let.op.name in ("stack", "concat"):
            return [part != 0 if hasattr(part, "shape") else None for part in self.pull_back(args, lanes.astype(float))]
        return [None] * len(self.moving)

    def _selected(self, lanes: Var) -> Function:
        """The operation where `lanes` hold, else 0."""
        f = self._function()
        b = Builder(f.body, self._let.span)
        f.params = (*f.params, lanes)
        f.body.results = (b.let("select", lanes, f.body.results[0], const(0.0)),)
        return f

    def push_forward(self, args: list[Any], positions: tuple[int, ...], tangents: list[Any]) -> Any:
        """The tangent of the result along the tangents of the arguments at `positions`."""
        found = self._forward.get(positions)
        if found is None:
            found = self._forward[positions] = Interpreter(forward(self._function(), positions), self._limits)
        return found.run([*args, *tangents])[1]

    def _function(self) -> Function:
        let = self._let
        step = Call((let.out,), let.function, self._params, let.span) if isinstance(let, RuledStep) else let
        f = Function("step", self._params, Block([step], (let.out,)), ("",), span=let.span)
        f.result_types = (self._let.out.type,)
        return f


def _straight(f: Function) -> Callable[[list[Any]], list[Any]] | None:
    """A function of scalars without branches, run without what an interpreter does around a run: traces call it for every node."""
    places: dict[Atom, int] = {v: k for k, v in enumerate(f.params)}
    constants: list[Any] = []
    for atom in [a for s in f.body.statements if isinstance(s, Let) for a in s.args] + list(f.body.results):
        if isinstance(atom, Const) and atom not in places:
            places[atom] = len(f.params) + len(constants)
            constants.append(atom.value)
    steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
    for s in f.body.statements:
        if not isinstance(s, Let) or s.op.scalar is None or s.attrs:
            return None
        places[s.out] = len(f.params) + len(constants) + len(steps)
        steps.append((s.op.scalar, tuple(places[a] for a in s.args)))
    results = [places[a] for a in f.body.results]

    def run(args: list[Any]) -> list[Any]:
        values = args + constants
        for form, reads in steps:
            values.append(form(*[values[k] for k in reads]))
        return [values[k] for k in results]

    return run


class Derivatives:
    """The derivatives of the nodes of a recording."""

    def __init__(self, recording: Recording, limits: Limits | None = None) -> None:
        self.recording = recording
        self._limits = limits or Limits()
        self._positions: dict[Let, tuple[int, ...]] = {}
        self._scalar: dict[tuple[Let, tuple[int, ...]], Local] = {}
        self._locals: dict[tuple[object, ...], Local] = {}
        # Of the last sweep back: by node the elements outside which its adjoint is a structural zero, where that is known.
        self.lanes: dict[int, Any] = {}

    def varied(self, inputs: Sequence[int]) -> bytearray:
        """Which nodes depend on those inputs through differentiable operations."""
        r = self.recording
        out = bytearray(len(r))
        for k in inputs:
            out[k] = 1
        for node in range(len(r.inputs), len(r)):
            let = r.lets[node]
            assert let is not None
            refs = r.args(node)
            for k in self.positions(let):
                if refs[k] >= 0 and out[refs[k]]:
                    out[node] = 1
                    break
        return out

    def positions(self, let: Let) -> tuple[int, ...]:
        """The arguments along which a derivative can flow, looked up once for each statement."""
        found = self._positions.get(let)
        if found is None:
            found = self._positions[let] = differentiable(let)
        return found

    def local(self, node: int, varied: bytearray) -> tuple[Local, list[Any]]:
        """The derivatives of the node's operation along its varied arguments, and the argument values."""
        r = self.recording
        let = r.lets[node]
        assert let is not None
        refs = r.args(node)
        values, constants = r.values, r.constants
        args = [values[ref] if ref >= 0 else constants[~ref] for ref in refs]
        moving = tuple([k for k in self.positions(let) if refs[k] >= 0 and varied[refs[k]]])
        found = self._scalar.get((let, moving))
        if found is None:
            key = (let.op, let.attrs, moving, *map(_kind_key, args))
            found = self._locals.get(key)
            if found is None:
                found = self._locals[key] = Local(let, args, moving, self._limits)
            if found.scalar:
                self._scalar[let, moving] = found
        return found, args

    def tangents(self, seeds: Mapping[int, Any]) -> list[Any]:
        """The tangent of every node along the seeds of the inputs; None is a structural zero."""
        r = self.recording
        out: list[Any] = [seeds.get(k) for k in range(len(r.inputs))]
        varied = self.varied([k for k, t in enumerate(out) if t is not None])
        for node in range(len(r.inputs), len(r)):
            out.append(self._tangent(node, varied, out) if varied[node] else None)
        return out

    def _tangent(self, node: int, varied: bytearray, tangents: list[Any]) -> Any:
        local, args = self.local(node, varied)
        refs = self.recording.args(node)
        moving = [tangents[refs[k]] for k in local.moving]
        if not local.scalar:
            return local.push_forward(args, local.moving, moving)
        partials = local.partials(args, self.recording.values[node])
        total = moving[0] * partials[0]
        for t, p in zip(moving[1:], partials[1:], strict=True):
            total += t * p
        return total

    def adjoints(self, output: int, inputs: Sequence[int], seed: Any = 1.0) -> Iterator[Adjoint]:
        """The adjoint statements in the order in which they run: the seed, then the uses by each node, the last node first."""
        r = self.recording
        varied = self.varied(inputs)
        if output < 0 or not varied[output]:
            return
        bars: dict[int, Any] = {output: seed}
        self.lanes = {}
        yield Adjoint(1, output, None, 0, None, None, seed, None, seed)
        step = 1
        for node in range(output, len(r.inputs) - 1, -1):
            g = bars.pop(node, None)
            if g is None:
                continue
            refs = r.args(node)
            parts = self._lanes_back(node, varied)
            for k, p, increment in self.uses(node, varied, g):
                before = bars.get(refs[k])
                self._join(refs[k], before is None, parts.get(k))
                running = bars[refs[k]] = increment if before is None else _added(before, increment)
                step += 1
                yield Adjoint(step, refs[k], node, k, g, p, increment, before, running)

    def _lanes_back(self, node: int, varied: bytearray) -> dict[int, Any]:
        """By argument the lanes that a node's use of it leaves; empty for most nodes."""
        let = self.recording.lets[node]
        assert let is not None
        own = self.lanes.get(node)
        if own is None and let.op.name != "select":
            return {}
        local, args = self.local(node, varied)
        return {} if local.scalar else dict(zip(local.moving, local.lanes_back(args, own), strict=True))

    def _join(self, node: int, first: bool, lanes: Any) -> None:
        """Add the lanes of a use to those of a node's adjoint."""
        known = self.lanes.pop(node, None)
        if lanes is not None and (first or known is not None):
            self.lanes[node] = lanes if first else known | lanes

    def uses(self, node: int, varied: bytearray, g: Any) -> list[tuple[int, Any, Any]]:
        """(position, partial, increment) for each varied argument of the node."""
        local, args = self.local(node, varied)
        out = self.recording.values[node]
        if local.scalar:
            return [(k, p, g * p) for k, p in zip(local.moving, local.partials(args, out), strict=True)]
        increments = local.pull_back(args, g, self.lanes.get(node))
        return [(k, _partial(local, k, args, out, j), x) for j, (k, x) in enumerate(zip(local.moving, increments, strict=True))]


def _added(a: Any, b: Any) -> Any:
    """a + b; infinities that cancel are nan, without NumPy's warning."""
    if not hasattr(a, "shape"):
        return a + b
    import numpy as np

    with np.errstate(invalid="ignore", over="ignore"):
        return a + b


def _partial(local: Local, k: int, args: list[Any], out: Any, position: int) -> Any:
    """∂out/∂argₖ where it is no matrix: a scalar, the derivatives of a scalar result, along a scalar argument, or element by element."""
    shape, arg = getattr(out, "shape", ()), getattr(args[k], "shape", ())
    if not shape:
        return local.pull_back(args, 1.0)[position]
    if not arg:
        return local.push_forward(args, (k,), [1.0])
    if shape == arg and local.elementwise:
        import numpy as np

        return local.pull_back(args, np.ones(shape))[position]
    return None


def _kind_key(value: Any) -> object:
    """What tells apart the values whose types differ."""
    shape = getattr(value, "shape", None)
    return type(value) if shape is None else (shape, value.dtype.kind)


def _type(value: Any) -> Type:
    """The type of a run's value."""
    shape = getattr(value, "shape", None)
    if shape is None:
        return const(value).type
    return Type({"f": "real", "i": "int", "b": "bool"}[value.dtype.kind], tuple(shape))


def _retyped(let: Let, args: tuple[Atom, ...]) -> Let:
    """The same operation on other arguments."""
    if isinstance(let, RuledStep):
        return RuledStep(Var(let.out.type, let.out.name), let.op, args, let.attrs, let.span, function=let.function)
    return Let(Var(RULES[let.op.type](let.op, args, let.attrs), let.out.name), let.op, args, let.attrs, let.span)
