"""Runs the lowered IR on mpmath numbers of any precision: what a program means, to as many digits as a test wants.

Nothing here knows of derivatives or of the engines. Reals are mpf, integers and truth values Python's; arrays of reals are NumPy arrays
of mpf objects. A number outside its operation's domain is nan.

A run also writes down what it decided, in order: the way each comparison went, which element was the largest, where a number was cut
to a whole one. Where runs at neighbouring points decide alike, and not by a hair, the program is smooth between them.
"""
from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
from mpmath import mp, mpf

from adcli.ir.nested import Nested
from adcli.ir.nodes import Atom, Block, Call, Check, Const, For, Function, If, Let, Statement, Var, While
from adcli.ir.types import Type
from adcli.ops.record import Op

Frame: TypeAlias = "dict[Var, Any]"
NAN = mpf("nan")
# Numbers this close may compare otherwise in binary64.
HAIR = mpf("1e-7")


class Stopped(Exception):
    """A check of the program does not hold, or a matrix has no inverse."""


class Precise:
    """One run of a function. `trail`: its decisions, each with the margin by which it fell where that is a hair's breadth."""

    def __init__(self) -> None:
        self.trail: list[tuple[object, Any]] = []

    def run(self, function: Function, args: Sequence[Any]) -> list[Any]:
        if isinstance(function.of, Nested):
            return self.nested(function.of, args)
        frame: Frame = dict(zip(function.params, args, strict=True))
        return self.block(function.body, frame)

    def block(self, block: Block, frame: Frame) -> list[Any]:
        for s in block.statements:
            self.statement(s, frame)
        return [read(a, frame) for a in block.results]

    def statement(self, s: Statement, frame: Frame) -> None:
        match s:
            case Let():
                frame[s.out] = self.let(s, [read(a, frame) for a in s.args])
            case If():
                taken = s.then if read(s.cond, frame) else s.other
                frame.update(zip(s.outs, self.block(taken, frame), strict=True))
            case For():
                self.for_loop(s, frame)
            case While():
                self.while_loop(s, frame)
            case Call():
                found = self.run(s.function, [read(a, frame) for a in s.args])
                frame.update(zip(s.outs, found, strict=True))
            case Check():
                if s.kind != "flag" and not HOLDS[s.kind](*(read(a, frame) for a in s.args)):
                    raise Stopped(s.kind)
            case _:
                raise AssertionError(f"{s} in a primal")

    def for_loop(self, s: For, frame: Frame) -> None:
        start, count, step = (read(a, frame) for a in (s.start, s.count, s.step))
        carried = [read(a, frame) for a in s.inits]
        for k in range(count):
            frame[s.index] = start + k * step
            frame.update(zip(s.params, carried, strict=True))
            carried = self.block(s.body, frame)
        frame.update(zip(s.outs, carried, strict=True))

    def while_loop(self, s: While, frame: Frame) -> None:
        carried = [read(a, frame) for a in s.inits]
        k = 0
        while True:
            frame[s.index] = k
            frame.update(zip(s.params, carried, strict=True))
            if not self.block(s.test, frame)[0]:
                break
            carried = self.block(s.body, frame)
            k += 1
        frame[s.count] = k
        frame.update(zip(s.outs, carried, strict=True))

    def let(self, s: Let, args: list[Any]) -> Any:
        attrs = dict(zip(s.op.attrs, s.attrs, strict=True))
        if s.op.name in ARRAYS:
            return of_type(s.out.type, ARRAYS[s.op.name](*args, **attrs))
        if s.op.name in CHOOSING:
            return of_type(s.out.type, self.choice(CHOOSING[s.op.name], *args, **attrs))
        if not any(isinstance(a, np.ndarray) for a in args):
            return self.number(s.op, s.out.type, *args)
        each = np.frompyfunc(lambda *row: self.number(s.op, s.out.type, *row), len(args), 1)
        return of_type(s.out.type, each(*args))

    def number(self, op: Op, type: Type, *args: Any) -> Any:
        """An operation of the table on numbers."""
        if op.name == "select":
            return args[1] if args[0] else args[2]
        if not any(isinstance(a, mpf) for a in args) and type.elem != "real":
            assert op.scalar is not None
            return op.scalar(*args)
        if op.type == "compare":
            assert op.scalar is not None
            return self.decide(op.scalar(*args), args[0] - args[1])
        args = tuple(map(mpf, args))
        if op.name in KINKS:
            self.decide(*KINKS[op.name](*args))
        try:
            out = getattr(mp, op.mp)(*args) if isinstance(op.mp, str) else op.mp(mp, *args)  # type: ignore[misc]
        except (ArithmeticError, ValueError):
            return NAN
        return NAN if isinstance(out, mp.mpc) else out

    def decide(self, outcome: Any, margin: Any) -> Any:
        self.trail.append((outcome, margin if abs(margin) < HAIR else None))
        return outcome

    def choice(self, f: Callable[[list[Any], list[int]], Any], x: Any, axis: int | None = None) -> Any:
        """What depends on the order of the elements along an axis: f(elements, their indices in rising order)."""

        def chosen(xs: list[Any]) -> Any:
            order = sorted(range(len(xs)), key=xs.__getitem__)
            gaps = [xs[b] - xs[a] for a, b in pairwise(order)]
            self.decide(tuple(order), min(gaps, default=math.inf))
            return f(xs, order) if xs else NAN

        return along(chosen, x, axis)

    def nested(self, of: Nested, args: Sequence[Any]) -> list[Any]:
        """A derivative asked for inside the program: central differences with twice the digits, good to as many as wanted."""
        given, tangents = list(args[: len(of.function.params)]), args[len(of.function.params) :]
        step = mpf(10) ** -(mp.dps // 2 + 1)
        with mp.workdps(2 * mp.dps):
            self.trail += self.trailed(of, given)[1]

            def end(directions: dict[int, Any], h: Any) -> tuple[Any, Any]:
                return self.trailed(of, [a + h * directions[k] if k in directions else a for k, a in enumerate(given)])

            def slope(directions: dict[int, Any]) -> Any:
                (up, decided), (down, otherwise) = end(directions, step), end(directions, -step)
                if decided != otherwise:
                    raise Stopped("a derivative on a boundary")
                return (up - down) / (2 * step)

            if of.mode == "forward":
                return [slope(dict(zip(of.wrt, tangents, strict=True)))]
            return [by_element(given[k], lambda unit, k=k: slope({k: unit})) for k in of.wrt]  # type: ignore[misc]

    def trailed(self, of: Nested, args: Sequence[Any]) -> tuple[Any, list[tuple[object, Any]]]:
        """The result that is differentiated, and the decisions of that run."""
        run = Precise()
        return run.run(of.function, args)[of.of], run.trail


def by_element(x: Any, slope: Callable[[Any], Any]) -> Any:
    """slope(the direction of an element) for each element of x."""
    if not isinstance(x, np.ndarray):
        return slope(1)
    out = np.empty(x.shape, dtype=object)
    for place in np.ndindex(x.shape):
        unit = filled(mpf(0), *x.shape)
        unit[place] = mpf(1)
        out[place] = slope(unit)
    return out


def read(a: Atom, frame: Frame) -> Any:
    if isinstance(a, Const):
        return mpf(a.value) if a.type.elem == "real" else a.value
    return frame[a]


def of_type(type: Type, value: Any) -> Any:
    """The value as its type says: ints among reals become reals; an array without axes is its element."""
    if isinstance(value, np.ndarray) and value.ndim:
        if type.elem != "real":
            return value.astype({"int": np.int64, "bool": bool}[type.elem])
        return np.frompyfunc(mpf, 1, 1)(value)
    value = value.item() if isinstance(value, np.ndarray | np.generic) else value
    return {"real": mpf, "int": int, "bool": bool}[type.elem](value)


def along(f: Callable[[list[Any]], Any], x: Any, axis: int | None) -> Any:
    """f of the elements along an axis, or of all of them; it gives an element, or a list of as many as there are."""
    if axis is None:
        return f(list(x.flat))
    rows = np.moveaxis(x, axis, -1)
    found = {k: f(list(rows[k])) for k in np.ndindex(rows.shape[:-1])}
    if any(isinstance(row, list) for row in found.values()):
        out = np.empty(rows.shape, dtype=object)
    else:
        out = np.empty(rows.shape[:-1], dtype=object)
    for k, row in found.items():
        out[k] = row
    return np.moveaxis(out, -1, axis) if out.ndim == x.ndim else out


def places(shape: Sequence[int], pattern: str, at: Sequence[int]) -> tuple[Any, ...]:
    """NumPy's index of a section: for each axis one place ("i"), start, count and step of some ("s"), or all of them (":")."""
    numbers, key, flat = iter(at), [], []
    for axis, letter in enumerate(pattern.ljust(len(shape), ":")):
        if letter == "i":
            key.append([next(numbers) % shape[axis]])
            flat.append(0)
        elif letter == "s":
            start, count, step = next(numbers), next(numbers), next(numbers)
            key.append([start % shape[axis] + k * step for k in range(count)])
            flat.append(slice(None))
        else:
            key.append(list(range(shape[axis])))
            flat.append(slice(None))
    return np.ix_(*(np.array(k, dtype=int) for k in key)), tuple(flat)


def index(x: Any, *at: int, pattern: str) -> Any:
    key, flat = places(x.shape, pattern, at)
    return x[key][flat]


def update(x: Any, v: Any, *at: int, pattern: str) -> Any:
    key, flat = places(x.shape, pattern, at)
    out = x.copy()
    part = out[key]
    part[flat] = v
    out[key] = part
    return out


def filled(v: Any, *dims: int) -> Any:
    out = np.empty(dims, dtype=object)
    out.fill(v)
    return out


def linspace(a: Any, b: Any, n: int) -> Any:
    return np.array([a + (b - a) * k / (n - 1) if n > 1 else a for k in range(n)], dtype=object)


def joined(join: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *xs, axis=0: join([np.asarray(x, dtype=object) for x in xs], axis)


def folded(f: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    return lambda x, axis=None: along(f, x, axis)


def total(xs: Sequence[Any]) -> Any:
    return sum(xs, 0)


def mean(xs: list[Any]) -> Any:
    return mpf(total(xs)) / len(xs) if xs else NAN


def var(xs: list[Any]) -> Any:
    return mean([(x - mean(xs)) ** 2 for x in xs])


def product(xs: Sequence[Any]) -> Any:
    return math.prod(xs, start=1)


def softmax(xs: list[Any]) -> list[Any]:
    parts = list(map(mp.exp, xs))
    return [p / total(parts) for p in parts]


def matrix(x: Any) -> Any:
    return mp.matrix(x.tolist())


def array(m: Any) -> Any:
    return np.array(m.tolist(), dtype=object)


def regular(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, which does not take singular matrices."""

    def apply(*args: Any) -> Any:
        try:
            return f(*args)
        except (ZeroDivisionError, ValueError):
            raise Stopped("singular matrix") from None

    return apply


def solve(a: Any, b: Any) -> Any:
    columns = [array(mp.lu_solve(matrix(a), matrix(column)))[:, 0] for column in (b.T if b.ndim == 2 else [b])]
    return np.stack(columns, axis=1) if b.ndim == 2 else columns[0]


def logdet(a: Any) -> Any:
    d = mp.det(matrix(a))
    return mp.log(d) if d > 0 else NAN


def cholesky(a: Any) -> Any:
    return array(mp.cholesky(matrix(np.tril(a) + np.tril(a, -1).T)))


def step(x: Any, jumps: Any) -> tuple[Any, Any]:
    """The decision of a function that jumps at the whole numbers, or at those plus 1/2."""
    n = mp.nint(x - jumps)
    return mp.floor(x - jumps), x - jumps - n


HOLDS: dict[str, Callable[..., Any]] = {
    "bounds": lambda i, n: -n <= i < n,
    "slice": lambda start, count, step, n: count <= 0 or (0 <= start < n and 0 <= start + (count - 1) * step < n),
    "equal": lambda a, b: a == b,
    "integral": lambda x: mp.isint(x),
    "positive-size": lambda n: n >= 0,
    "divisor": lambda n: n != 0,
    "int64": lambda n: -(2**63) <= n < 2**63,
    "true": bool,
}

# Functions of numbers that are not smooth: what they decide and by which margin.
KINKS: dict[str, Callable[..., tuple[Any, Any]]] = {
    "abs": lambda x: (x > 0, x), "sign": lambda x: (x > 0, x), "relu": lambda x: (x > 0, x), "cbrt": lambda x: (x > 0, x),
    "maximum": lambda a, b: (a > b, a - b), "minimum": lambda a, b: (a > b, a - b), "hypot": lambda a, b: (0, abs(a) + abs(b)),
    "clip": lambda x, a, b: ((x > a, x > b), min(abs(x - a), abs(x - b))), "atan2": lambda y, x: (y > 0, y if x <= 0 else mpf(1)),
    "floor": lambda x: step(x, 0), "ceil": lambda x: step(x, 0), "trunc": lambda x: step(x, 0), "to_int": lambda x: step(x, 0),
    "round": lambda x: step(x, mpf(0.5)), "floordiv": lambda x, y: step(x / y, 0), "mod": lambda x, y: step(x / y, 0),
    "fmod": lambda x, y: step(x / y, 0),
}  # fmt: skip

CHOOSING: dict[str, Callable[[list[Any], list[int]], Any]] = {
    "reduce_max": lambda xs, order: xs[order[-1]], "reduce_min": lambda xs, order: xs[order[0]],
    "argmax": lambda xs, order: xs.index(xs[order[-1]]), "argmin": lambda xs, order: order[0],
    "sort": lambda xs, order: [xs[k] for k in order],
}  # fmt: skip

ARRAYS: dict[str, Callable[..., Any]] = {
    "zeros": lambda *dims: filled(0, *dims), "ones": lambda *dims: filled(1, *dims), "full": filled,
    "eye": lambda n: np.array([[int(i == j) for j in range(n)] for i in range(n)], dtype=object).reshape(n, n),
    "linspace": linspace, "iota": lambda start, count, step: np.array([start + k * step for k in range(count)], dtype=np.int64),
    "stack": joined(np.stack), "concat": joined(np.concatenate), "copy": lambda x: x, "index": index, "update": update,
    "dim": lambda x, axis: x.shape[axis], "broadcast_to": lambda x, *dims: np.broadcast_to(np.asarray(x, dtype=object), dims),
    "reshape": lambda x, *dims: x.reshape(dims), "transpose": lambda x: x.T, "flip": lambda x, axis: np.flip(x, axis),
    "diag": np.diag,
    "sum": folded(total), "mean": folded(mean), "prod": folded(product), "var": folded(var), "count": folded(len),
    "norm": folded(lambda xs: mp.sqrt(total([x * x for x in xs]))), "logsumexp": folded(lambda xs: mp.log(total(list(map(mp.exp, xs))))),
    "softmax": folded(softmax), "log_softmax": folded(lambda xs: list(map(mp.log, softmax(xs)))),
    "any": folded(lambda xs: any(x != 0 for x in xs)), "all": folded(lambda xs: all(x != 0 for x in xs)),
    "cumsum": folded(lambda xs: [total(xs[: k + 1]) for k in range(len(xs))]),
    "cumprod": folded(lambda xs: [product(xs[: k + 1]) for k in range(len(xs))]),
    "dot": lambda x, y: total(x * y), "matmul": np.matmul, "outer": np.multiply.outer, "cross": np.cross,
    "tril": np.tril, "triu": np.triu, "solve": regular(solve), "inv": regular(lambda a: array(mp.inverse(matrix(a)))),
    "det": lambda a: mp.det(matrix(a)), "logdet": logdet, "cholesky": regular(cholesky),
}  # fmt: skip
