"""Power series of one operation and of what its derivative rule is made of, computed order by order as far as they are asked for."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

from adcli.ad.rules import differentiable, linear_positions, tangent, text
from adcli.ir.build import Builder
from adcli.ir.nodes import Atom, Block, Const, If, Let, Var
from adcli.ir.types import Type

Compute: TypeAlias = "Callable[[Let, Sequence[Any]], Any]"
LARGEST_SQUARED = 16  # powers up to this are products
LARGEST_EXPANDED = 6  # rows of a matrix whose determinant is expanded


def zero(value: Any) -> Any:
    """A zero of the value's shape, in storage of its own."""
    if not hasattr(value, "shape"):
        return 0.0
    import numpy as np

    return np.zeros(value.shape)


class Series:
    """`at(j)` is the coefficient of order j; `known` holds those computed so far; not `moving`: all but the first are zero."""

    __slots__ = ("known", "moving")

    def __init__(self, moving: bool = True) -> None:
        self.known: list[Any] = []
        self.moving = moving

    def at(self, j: int) -> Any:
        known = self.known
        while len(known) <= j:
            known.append(self.next(len(known)))
        return known[j]

    def next(self, j: int) -> Any:
        """The coefficient of order j, given those below."""
        raise NotImplementedError


class Given(Series):
    """A series that is known as far as it will be asked for."""

    __slots__ = ()

    def __init__(self, value: Any, higher: Sequence[Any]) -> None:
        super().__init__()
        self.known = [value, *higher]


class Fixed(Series):
    """A value that does not move; computed when it is asked for."""

    __slots__ = ("value",)

    def __init__(self, value: Callable[[], Any]) -> None:
        super().__init__(False)
        self.value = value

    @staticmethod
    def of(value: Any) -> Fixed:
        return Fixed(lambda: value)

    def next(self, j: int) -> Any:
        return zero(self.at(0)) if j else self.value()


class Operation(Series):
    """What the series of a statement have in common: the statement, the series of its arguments, and how its value is computed."""

    __slots__ = ("args", "compute", "s")

    def __init__(self, s: Let, args: Sequence[Series], compute: Compute) -> None:
        super().__init__()
        self.s = s
        self.args = args
        self.compute = compute

    def value(self) -> Any:
        return self.compute(self.s, [a.at(0) for a in self.args])


class Linear(Operation):
    """A linear operation: it acts on the coefficients of each order."""

    __slots__ = ("positions",)

    def __init__(self, s: Let, args: Sequence[Series], compute: Compute) -> None:
        super().__init__(s, args, compute)
        self.positions = linear_positions(s)

    def next(self, j: int) -> Any:
        return self.compute(self.s, [a.at(j if k in self.positions else 0) for k, a in enumerate(self.args)])


class Sum(Operation):
    """± the arguments that move, in the shape of the value."""

    __slots__ = ("terms",)

    def __init__(self, s: Let, args: Sequence[Series], compute: Compute, terms: Sequence[tuple[Series, bool]]) -> None:
        super().__init__(s, args, compute)
        self.terms = terms

    def next(self, j: int) -> Any:
        if j == 0:
            return self.value()
        total = zero(self.at(0))
        for k, (x, plus) in enumerate(self.terms):
            part = x.at(j)
            if k == 0 and not hasattr(total, "shape"):
                total = part if plus else -part
            else:
                total = total + part if plus else total - part
        return total


class Product(Operation):
    """A bilinear operation: the coefficients convolve."""

    __slots__ = ()

    def next(self, j: int) -> Any:
        a, b = self.args
        if not a.moving or not b.moving:
            return self.compute(self.s, [a.at(j if a.moving else 0), b.at(j if b.moving else 0)])
        a.at(j)
        b.at(j)
        if self.s.op.name == "mul" and not self.s.out.type.shape:
            return sum(map(operator.mul, a.known, b.known[j::-1]), 0.0)
        pairs = list(zip(a.known[: j + 1], b.known[j::-1], strict=True))
        total = self.compute(self.s, pairs[0])
        for pair in pairs[1:]:
            total = total + self.compute(self.s, pair)
        return total


class Quotient(Operation):
    """div, ratio and solve: c with b·c = a, order by order."""

    __slots__ = ()

    def next(self, j: int) -> Any:
        a, b = self.args
        if self.s.op.name == "solve":
            return self.compute(self.s, [a.at(0), self.rest(b, a, j, operator.matmul)])
        return self.compute(self.s, [self.rest(a, b, j, operator.mul), b.at(0)])

    def rest(self, a: Series, b: Series, j: int, times: Callable[[Any, Any], Any]) -> Any:
        out = a.at(j)
        if b.moving and j:
            b.at(j)
            if not self.s.out.type.shape:
                return out - sum(map(operator.mul, b.known[1:], self.known[j - 1 :: -1]), 0.0)
            for m in range(1, j + 1):
                out = out - times(b.known[m], self.known[j - m])
        return out


class Recurrence(Operation):
    """c[i] = a[i]·c[i-1] + b[i] along an axis: the lower orders of c join b."""

    __slots__ = ("graph",)

    def __init__(self, s: Let, args: Sequence[Series], graph: Graph) -> None:
        super().__init__(s, args, graph.compute)
        self.graph = graph

    def next(self, j: int) -> Any:
        a, b = self.args
        rest = b.at(j)
        if a.moving:
            for m in range(1, j + 1):
                delayed = Fixed.of(self.known[j - m])
                rest = rest + a.at(m) * self.graph.apply("delay", delayed, Fixed.of(0.0), attrs=self.s.attrs).at(0)
        return self.compute(self.s, [a.at(0), rest])


class Rate(Series):
    """The derivative of a series."""

    __slots__ = ("x",)

    def __init__(self, x: Series) -> None:
        super().__init__(x.moving)
        self.x = x

    def next(self, j: int) -> Any:
        return (j + 1) * self.x.at(j + 1)


class Ruled(Operation):
    """An operation by its rule: its derivative is a series, made when order 1 is asked for."""

    __slots__ = ("graph", "rate")

    def __init__(self, s: Let, args: Sequence[Series], graph: Graph) -> None:
        super().__init__(s, args, graph.compute)
        self.graph = graph
        self.rate: Series | None = None

    def next(self, j: int) -> Any:
        if j == 0:
            return self.value()
        if self.rate is None:
            self.rate = self.graph.rate(self)
        return self.rate.at(j - 1) / j


class Power(Ruled):
    """x^y: by products for a small whole y, else by x·out' = y·out·x' or out' = out·(y·ln x)'; by the rule where x is 0."""

    __slots__ = ("way",)

    def __init__(self, s: Let, args: Sequence[Series], graph: Graph) -> None:
        super().__init__(s, args, graph)
        self.way: Callable[[int], Any] | None = None

    def next(self, j: int) -> Any:
        if j == 0:
            return self.value()
        if self.way is None:
            self.way = self.chosen()
        return self.way(j)

    def chosen(self) -> Callable[[int], Any]:
        x, y = self.args
        base, exponent = x.at(0), y.at(0)
        if y.moving:
            return self.exponential if _all(base > 0) else super().next
        whole = not hasattr(exponent, "shape") and exponent >= 1 and exponent == exponent // 1
        if whole and (exponent <= LARGEST_SQUARED or not _all(base != 0)):
            return self.squared(int(exponent)).at
        return self.recurrence if _all(base != 0) else super().next

    def squared(self, n: int) -> Series:
        square, out = self.args[0], None
        while True:
            if n & 1:
                out = square if out is None else self.graph.apply("mul", out, square)
            n >>= 1
            if not n:
                assert out is not None
                return out
            square = self.graph.apply("mul", square, square)

    def recurrence(self, j: int) -> Any:
        x, y = self.args[0], self.args[1].at(0)
        total = zero(self.known[0])
        for m in range(1, j + 1):
            total = total + (y * m - (j - m)) * x.at(m) * self.known[j - m]
        return total / (j * x.at(0))

    def exponential(self, j: int) -> Any:
        x, y = self.args
        w = self.graph.apply("mul", y, self.graph.apply("ln", x))
        total = zero(self.known[0])
        for m in range(1, j + 1):
            total = total + m * w.at(m) * self.known[j - m]
        return total / j


class Determinant(Ruled):
    """det: of a small matrix by expansion along its rows, without division; else by the rule."""

    __slots__ = ("minors",)

    def __init__(self, s: Let, args: Sequence[Series], graph: Graph) -> None:
        super().__init__(s, args, graph)
        # By set of columns, as bits: the series of the determinant of these columns and as many first rows.
        self.minors: dict[int, list[float]] = {0: []}

    def next(self, j: int) -> Any:
        n = len(self.args[0].at(0))
        if j == 0 or n > LARGEST_EXPANDED:
            return super().next(j)
        while len(self.minors[0]) <= j:
            self.expand(n, len(self.minors[0]))
        return self.minors[(1 << n) - 1][j]

    def expand(self, n: int, j: int) -> None:
        """The coefficients of order j."""
        entries = [self.args[0].at(m).tolist() for m in range(j + 1)]
        self.minors[0].append(float(j == 0))
        for columns in range(1, 1 << n):
            row, total = columns.bit_count() - 1, 0.0
            for c in range(n):
                if columns >> c & 1:
                    rest = self.minors[columns ^ 1 << c]
                    part = sum([entries[m][row][c] * rest[j - m] for m in range(j + 1)])
                    total += -part if (columns >> c + 1).bit_count() & 1 else part
            self.minors.setdefault(columns, []).append(total)


def _all(test: Any) -> bool:
    return bool(test.all()) if hasattr(test, "all") else bool(test)


class Graph:
    """The series around one statement of a run; equal operations on equal arguments are one."""

    def __init__(self, compute: Compute) -> None:
        self.compute = compute
        self.made: dict[tuple[object, ...], Series] = {}

    def node(self, s: Let, args: Sequence[Series]) -> Series:
        """The series of an operation on series."""
        key = (s.op, s.attrs, *map(id, args))
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = self.make(s, args)
        return found

    def apply(self, name: str, *args: Series, attrs: tuple[object, ...] = ()) -> Series:
        """An operation of the table on real series."""
        types = [Var(Type("real", (None,) * getattr(a.at(0), "ndim", 0))) for a in args]
        b = Builder()
        b.let(name, *types, attrs=attrs)
        (s,) = b.block.statements
        assert isinstance(s, Let)
        return self.node(s, args)

    def make(self, s: Let, args: Sequence[Series]) -> Series:
        moving = [k for k in differentiable(s) if args[k].moving]
        op = s.op
        if not moving:
            return Fixed(lambda: self.compute(s, [a.at(0) for a in args]))
        if op.kind == "partials":
            rules = [op.rule[k] for k in moving]  # type: ignore[index]
            if op.name == "neg" and isinstance(args[0], Sum) and args[0].s.op.name == "neg":
                return args[0].args[0]
            if set(rules) <= {"1", "-1"}:
                return Sum(s, args, self.compute, [(args[k], rule == "1") for k, rule in zip(moving, rules, strict=True)])
            if op.name == "mul":
                return Product(s, args, self.compute)
            if op.name in ("div", "ratio"):
                return Quotient(s, args, self.compute)
            return (Power if op.name == "pow" else Ruled)(s, args, self)
        if op.kind == "bilinear":
            return (Product if len(args) == 2 else Linear)(s, args, self.compute)
        if op.name == "solve":
            return Quotient(s, args, self.compute)
        if op.name in ("recurrence", "det"):
            return (Recurrence if op.name == "recurrence" else Determinant)(s, args, self)
        return Linear(s, args, self.compute) if op.kind == "linear" and op.tangent is None else Ruled(s, args, self)

    def rate(self, node: Ruled) -> Series:
        """The derivative of an operation by its rule."""
        moving = tuple(k for k in differentiable(node.s) if node.args[k].moving)
        # The table's own rule for det holds where it is 0, too, and takes ever new operations.
        inverted = node.s.op.name == "det" and node.at(0) != 0
        plan = _plan(node.s, moving, "out*sum(a_dot*transpose(inv(a)))" if inverted else None)
        env: dict[Atom, Series] = dict(zip(plan.params, node.args, strict=True))
        env[plan.out] = node
        env.update((dot, Rate(node.args[k])) for dot, k in zip(plan.dots, moving, strict=True))
        return self.run(plan.block, env)[0]

    def run(self, block: Block, env: dict[Atom, Series]) -> list[Series]:
        for s in block.statements:
            if isinstance(s, Let):
                env[s.out] = self.node(s, [self.read(a, env) for a in s.args])
            elif isinstance(s, If):
                taken = s.then if self.read(s.cond, env).at(0) else s.other
                env.update(zip(s.outs, self.run(taken, env), strict=True))
        return [self.read(a, env) for a in block.results]

    def read(self, a: Atom, env: dict[Atom, Series]) -> Series:
        if not isinstance(a, Const):
            return env[a]
        key = ("constant", a.type, repr(a.value))
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = Fixed.of(a.value)
        return found


class Plan(NamedTuple):
    """The derivative of an operation along arguments that move, as statements; dots: the derivatives of those arguments."""

    params: tuple[Var, ...]
    out: Var
    dots: tuple[Var, ...]
    block: Block


_PLANS: dict[tuple[object, ...], Plan] = {}


def _plan(s: Let, moving: tuple[int, ...], rule: str | None) -> Plan:
    """Made once for each operation, its types and the arguments that move; `rule` instead of the table's, if any."""
    key = (s.op, s.attrs, moving, rule, *(a.type for a in s.args))
    found = _PLANS.get(key)
    if found is None:
        params = tuple(Var(a.type) for a in s.args)
        step = Let(Var(s.out.type), s.op, params, s.attrs, s.span)
        dots: dict[Atom, Var] = {params[k]: Var(Type("real", params[k].type.shape)) for k in moving}
        b = Builder(span=s.span)
        b.block.results = (text(b, step, rule, {"a_dot": dots[params[0]]}) if rule else tangent(b, step, moving, dots.__getitem__),)
        found = _PLANS[key] = Plan(params, step.out, tuple(dots.values()), b.block)
    return found
