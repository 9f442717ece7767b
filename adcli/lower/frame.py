"""The state of lowering one function: its variables' current values, where statements go, and how numbers of mixed kinds meet.

Expressions are lowered by generators that yield the child they need next: one driver with an explicit stack
runs them, so that the depth of an expression costs no recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from adcli import ops
from adcli.errors import NotAValue, ProgramError, ShapeError, Source, Span, UnknownName, UnsetVariable, ValueKindError
from adcli.ir.build import Builder, const
from adcli.ir.nodes import Atom, Block, Const, Let, Var
from adcli.ir.types import Shape, Type, TypeMismatch, result_type
from adcli.lower import ints
from adcli.lower.names import Free, Writes
from adcli.lower.problems import fail, meant
from adcli.syntax import tree

if TYPE_CHECKING:
    from adcli.lower.functions import Instance

Steps: TypeAlias = "Generator[tree.Expr, Atom, Atom]"
HANDLERS: dict[type, Callable[..., Steps]] = {}
LEAVES: dict[type, Callable[..., Atom]] = {}
TRUE, FALSE = const(True), const(False)
MOST_AXES = 32


class Diverges(Exception):
    """A recursive call met before its function's type is known: the path ends here in this first pass."""


class Unset:
    """A variable without a value on some path. `why` completes "'y' …"; `atom` holds a value all the same where one must be handed on."""

    __slots__ = ("atom", "kind", "why")

    def __init__(self, why: str, atom: Atom | None = None, kind: type[ProgramError] = UnsetVariable) -> None:
        self.why = why
        self.atom = atom
        self.kind = kind

    def carrying(self, atom: Atom | None) -> Unset:
        return Unset(self.why, atom, self.kind)


Binding: TypeAlias = "Var | Const | Unset"


def atom_of(binding: Binding | None) -> Atom | None:
    """The value a binding carries, readable or not."""
    return binding.atom if isinstance(binding, Unset) else binding


class Unit:
    """What all functions of one program share; order: of the highest derivative that roots and fixed points have."""

    def __init__(self, program: tree.Program, source: Source, order: int) -> None:
        self.program = program
        self.order = order
        self.source = source
        self.functions: dict[str, tree.FnDef] = {}
        self.rules: dict[str, tree.RuleDef] = {}
        self.dims: dict[str, int] = {}
        self.variables: dict[str, None] = {}
        self.writes = Writes()
        # What is known of variables: the value of constant arithmetic, the range of an int, what stands for each unknown extent.
        self.known: dict[Atom, float | int] = {}
        self.ranges: dict[Atom, ints.Interval] = {}
        self.extents: dict[Atom, tuple[object, ...]] = {}
        self.lengths: dict[Atom, object] = {}
        self.parts: dict[Atom, tuple[Atom, ...]] = {}
        self.instances: dict[object, Instance] = {}
        self.active: list[Instance] = []
        self.log: list[tuple[object, Instance]] = []
        # Of functions: what they read and call, the program's variables among it, the parameters that are sizes, and their values.
        self.free: dict[str, Free] = {}
        self.captured: dict[str, tuple[str, ...]] = {}
        self.structural: dict[str, frozenset[str]] = {}
        self.sizes: dict[str, dict[object, None]] = {}
        self.counter = 0

    def fresh(self) -> int:
        self.counter += 1
        return self.counter


class Loop:
    """The loop being lowered: the names it must hand on, and which of them an early exit leaves without a value."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.wanted = wanted
        self.missing: dict[str, str] = {}


# Words of a type rule's message → what to do about it.
HINTS = {
    "broadcast": "shapes are aligned from the right; an extent of 1 or a number fits all",
    "matrix product": "the left side needs as many columns as the right side has rows; A' is the transpose",
    "reshaped": "a new shape keeps the number of elements",
    "differ in shape": "arrays are rectangular: give all elements one shape",
    "along axis": "axes count from 0",
    "dot of vectors": "dot takes vectors of one length",
    "square matrix": "it has as many rows as columns",
    "fit solve": "b is a vector of that length, or a matrix whose columns are",
    "cross takes": "for instance cross([1, 2, 3], [4, 5, 6])",
}


class Frame:
    """One function being lowered."""

    def __init__(self, unit: Unit, name: str, source: Source) -> None:
        self.unit = unit
        self.name = name
        self.source = source
        self.b = Builder()
        self.env: dict[str, Binding] = {}
        self.outer: dict[str, Binding] = self.env
        self.constants: Mapping[str, object] = {}
        self.keep: frozenset[str] = frozenset()
        self.loops: list[Loop] = []
        self.guesses: dict[int, dict[str, Type]] = {}
        self.last: Mapping[str, int] = {}
        self.returns = False
        self.internal = False
        self.sizes: tuple[Atom, ...] = ()
        # Of comprehensions: the shape of their values, and the lengths of inner ones computed ahead.
        self.shapes: dict[int, Shape] = {}
        self.prepared: dict[int, Atom] = {}

    # ---- errors

    def fail(self, kind: type[ProgramError], message: str, span: Span | None, help: str | None = None) -> ProgramError:
        return fail(kind, message, span, self.source, help)

    def mismatch(self, problem: TypeMismatch, span: Span | None) -> NoReturn:
        help = next((hint for words, hint in HINTS.items() if words in str(problem)), "`adcli help arrays` says which shapes go together")
        raise self.fail(ShapeError, str(problem), span, help) from None

    # ---- expressions

    def expr(self, node: tree.Expr) -> Atom:
        """Lower an expression into the current block."""
        leaf = LEAVES.get(type(node))
        if leaf is not None:
            return leaf(self, node)
        return self.run(HANDLERS[type(node)](self, node))

    def run(self, current: Steps) -> Atom:
        """Drive a generator: each child it yields is lowered and sent back."""
        stack: list[Steps] = []
        value: Atom | None = None
        cut: Diverges | None = None
        leaves, handlers = LEAVES, HANDLERS
        try:
            while True:
                try:
                    if cut is not None:
                        problem, cut = cut, None
                        child = current.throw(problem)
                    else:
                        child = next(current) if value is None else current.send(value)
                except StopIteration as stop:
                    value = stop.value
                    if not stack:
                        assert value is not None
                        return value
                    current = stack.pop()
                    continue
                except Diverges as problem:
                    if not stack:
                        raise
                    # An outer `where` or `and` may still have a value without this path.
                    current, cut, value = stack.pop(), problem, None
                    continue
                kind = type(child)
                leaf = leaves.get(kind)
                if leaf is not None:
                    value = leaf(self, child)
                else:
                    stack.append(current)
                    current, value = handlers[kind](self, child), None
        finally:
            while stack:
                stack.pop().close()

    def read(self, node: tree.Name) -> Atom:
        """The current value of a variable, dimension or constant."""
        name = node.name
        found = self.env.get(name)
        if found is None:
            if name in self.unit.dims:
                return const(self.unit.dims[name])
            if name in ops.CONSTANTS:
                return const(float(ops.CONSTANTS[name]))
            raise self._unknown(node)
        if isinstance(found, Unset):
            raise self.unset(name, found, node.span)
        return found

    def unset(self, name: str, found: Unset, span: Span) -> ProgramError:
        if found.kind is not UnsetVariable:
            return self.fail(found.kind, f"'{name}' {found.why}", span, "give it the same shape on every path")
        help = (
            f"keep it in another variable inside the loop: last = {name}"
            if "counter" in found.why
            else f"give '{name}' a value before, on every path"
        )
        return self.fail(found.kind, f"'{name}' {found.why}", span, help)

    def _unknown(self, node: tree.Name) -> ProgramError:
        name = node.name
        if name in self.unit.functions or name in ops.PUBLIC:
            return self.fail(NotAValue, f"'{name}' is a function, not a value", node.span, f"call it, as in {name}(x)")
        if name in self.unit.variables:
            return self.fail(UnsetVariable, f"'{name}' has no value yet", node.span, f"assign '{name}' before it is read")
        visible = [*self.env, *self.unit.variables, *self.unit.dims, *ops.CONSTANTS]
        help = meant(name, [n for n in visible if not n.startswith("%")], f"assign '{name}' before it is read")
        return self.fail(UnknownName, f"'{name}' has no value here", node.span, help)

    # ---- statements

    def emit(self, name: str, args: tuple[Atom, ...], attrs: tuple[object, ...] = (), span: Span | None = None) -> Var:
        """Append one operation; type mismatches become errors with the span."""
        op = ops.TABLE[name]
        try:
            type_ = result_type(op, args, attrs)
        except TypeMismatch as problem:
            self.mismatch(problem, span)
        if len(type_.shape) > MOST_AXES:
            raise self.fail(
                ShapeError, f"an array of more than {MOST_AXES} axes", span, "a function that wraps its argument in [ ] and calls itself?"
            )
        out = Var(type_)
        self.b.block.statements.append(Let(out, op, args, attrs, span))
        return out

    def typed(self, name: str, args: Sequence[Atom], span: Span | None) -> None:
        """Hold arguments against an operation's type rule; a mismatch is an error with the span."""
        op = ops.TABLE[name]
        try:
            result_type(op, args, ())
        except TypeMismatch as problem:
            self.mismatch(problem, span)

    def check(self, kind: str, *args: Atom, about: tuple[str, ...] = (), span: Span | None = None) -> None:
        self.b.check(kind, *args, about=about, span=span)

    def elementwise(self, name: str, args: tuple[Atom, ...], span: Span | None) -> Var:
        """An elementwise operation: unknown extents that must agree are checked, constant arithmetic is remembered."""
        open_ = False
        for a in args:
            shape = a.type.shape
            if shape and None in shape:
                open_ = True
        if open_:
            self._agree(args, span)
        out = self.emit(name, args, (), span)
        known = self.unit.known
        for a in args:
            if type(a) is not Const and a not in known:
                break
        else:
            self._remember(out, args)
        if open_:
            self._hand_extents(out, args)
        return out

    def _remember(self, out: Var, args: tuple[Atom, ...]) -> None:
        let = self.b.block.statements[-1]
        assert isinstance(let, Let)
        if let.op.scalar is not None and not out.type.shape and out.type.elem != "bool":
            self.unit.known[out] = let.op.scalar(*(self.value_of(a) for a in args))

    def value_of(self, a: Atom) -> float | int | None:
        """The value of a constant, or of constant arithmetic."""
        return a.value if isinstance(a, Const) else self.unit.known.get(a)

    # ---- extents

    def extent_key(self, a: Atom, axis: int) -> object:
        """What stands for an extent: a number, or a token that is the same where the extents must be."""
        n = a.type.shape[axis]
        if n is not None:
            return n
        keys = self.unit.extents.get(a)
        return (a, axis % len(a.type.shape)) if keys is None or keys[axis] is None else keys[axis]

    def same_shape(self, x: Atom, y: Atom) -> bool:
        """Whether two arrays certainly have one shape."""
        return len(x.type.shape) == len(y.type.shape) and all(
            self.extent_key(x, k) == self.extent_key(y, k) for k in range(len(x.type.shape))
        )

    def _agree(self, args: tuple[Atom, ...], span: Span | None) -> None:
        """Check what only the run can know: that unknown extents fit the others."""
        arrays = [a for a in args if a.type.shape]
        for k, x in enumerate(arrays):
            for y in arrays[k + 1 :]:
                for axis in range(1, 1 + min(len(x.type.shape), len(y.type.shape))):
                    m, n = self.extent_key(x, -axis), self.extent_key(y, -axis)
                    if m != n and 1 not in (m, n) and not (isinstance(m, int) and isinstance(n, int)):
                        self.check("equal", self.extent(x, -axis), self.extent(y, -axis), about=("lengths",), span=span)

    def _hand_extents(self, out: Var, args: tuple[Atom, ...]) -> None:
        rank = len(out.type.shape)
        keys: list[object] = [None] * rank
        for a in args:
            for axis in range(1, len(a.type.shape) + 1):
                if out.type.shape[-axis] is None and keys[-axis] is None:
                    keys[-axis] = self.extent_key(a, -axis)
        self.unit.extents[out] = tuple(keys)

    def extent(self, x: Atom, axis: int) -> Atom:
        """One extent as an int atom."""
        n = x.type.shape[axis]
        if n is not None:
            return const(n)
        key = self.extent_key(x, axis)
        out = self.emit("dim", (x,), (axis % len(x.type.shape),))
        self.unit.ranges[out] = (0, ints.HIGHEST)
        self.unit.lengths[out] = key
        return out

    def key(self, n: Atom) -> object:
        """What stands for an extent given as an int: what it was read from, a number, or the variable."""
        return n.value if isinstance(n, Const) else self.unit.lengths.get(n, n)

    def dims(self, x: Atom) -> tuple[Atom, ...]:
        return tuple(self.extent(x, k) for k in range(len(x.type.shape)))

    def sized(self, out: Var, dims: Sequence[Atom]) -> Var:
        """Note that an array was made with these extents."""
        if None in out.type.shape:
            self.unit.extents[out] = tuple(self.key(n) for n in dims)
        return out

    # ---- kinds of numbers

    def real(self, a: Atom, span: Span | None = None) -> Atom:
        """The value as a real (or an array of reals)."""
        if a.type.elem == "real":
            return a
        if isinstance(a, Const):
            return const(float(a.value))
        out = self.emit("to_real", (a,), (), span)
        if None in out.type.shape:
            self._hand_extents(out, (a,))
        return out

    def convert(self, a: Atom, type_: Type, span: Span | None = None) -> Atom:
        """The value with the element kind of a joined type."""
        return self.real(a, span) if type_.elem == "real" else a

    def interval(self, a: Atom) -> ints.Interval:
        return (int(a.value), int(a.value)) if isinstance(a, Const) else self.unit.ranges.get(a, ints.FULL)

    def int_op(self, name: str, a: Atom, b: Atom, span: Span | None = None) -> Atom:
        """a op b on int scalars: constants are folded, what may leave 64 bits or divide by zero is checked."""
        if isinstance(a, Const) and isinstance(b, Const):
            value = ints.folded(name, int(a.value), int(b.value))
            if value is not None:
                return const(value)
        if isinstance(b, Const) and ((b.value == 0 and name in ("add", "sub")) or (b.value == 1 and name in ("mul", "floordiv"))):
            return a
        if isinstance(a, Const) and ((a.value == 0 and name == "add") or (a.value == 1 and name == "mul")):
            return b
        x, y = self.interval(a), self.interval(b)
        if name in ("floordiv", "mod") and y[0] <= 0 <= y[1]:
            self.check("divisor", b, span=span)
        if name == "pow":
            assert isinstance(b, Const)
            interval = ints.power(x, int(b.value))
        else:
            interval = ints.combine(name, x, y)
        out = self.emit(name, (a, b), (), span)
        return self._ranged(out, interval, span)

    def _ranged(self, out: Var, interval: ints.Interval, span: Span | None) -> Var:
        if not ints.fits(interval):
            self.check("int64", out, span=span)
        self.unit.ranges[out] = ints.clamped(interval)
        return out

    def int_neg(self, a: Atom, span: Span | None) -> Atom:
        if isinstance(a, Const) and a.value != ints.LOWEST:
            return const(-int(a.value))
        low, high = self.interval(a)
        return self._ranged(self.emit("neg", (a,), (), span), (-high, -low), span)

    def scalar(self, a: Atom, what: str, span: Span | None, help: str | None = None) -> Atom:
        if a.type.shape:
            raise self.fail(ValueKindError, f"{what} must be a number, not an array of shape {_shape(a.type)}", span, help)
        return a

    def condition(self, node: tree.Expr) -> Atom:
        """A truth value: a number counts as true where it is not zero."""
        return self.truth(self.expr(node), node.span)

    def truth(self, a: Atom, span: Span | None) -> Atom:
        self.scalar(a, "a condition", span, "compare single elements, or reduce the array to one number")
        if a.type.elem == "bool":
            return a
        if isinstance(a, Const):
            return const(bool(a.value != 0))
        return self.emit("ne", (a, const(0) if a.type.elem == "int" else const(0.0)), (), span)

    def negated(self, a: Atom) -> Atom:
        return const(not a.value) if isinstance(a, Const) else self.emit("logical_not", (a,))

    def zero(self, type_: Type) -> Atom:
        """A value of that type for a path on which it is never read."""
        zero = {"real": const(0.0), "int": const(0), "bool": FALSE}[type_.elem]
        if not type_.shape:
            return zero
        dims = tuple(const(n or 0) for n in type_.shape)
        return self.emit("zeros", dims) if type_.elem == "real" else self.emit("full", (zero, *dims))

    def block(self) -> Block:
        return Block()


def _shape(type_: Type) -> str:
    return str(type_)[len(type_.elem) :]
