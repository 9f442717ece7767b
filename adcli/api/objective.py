"""A program's scalar output added up over rows of data, as a function of a flat vector: value, gradient, Hessian and its products.

    f = Objective(program, {"x": X, "t": t}, {"w": [0, 0]}, ["w"], mean=True)        X: [rows, 2], t: [rows]
    f.gradient(f.start)                       (0.69…, array of shape [2]) over all rows
    f.gradient(x, slice(0, 32))               over some: a slice or an array of row numbers
    f.hessian(x), f.product(x, v)             [size, size], [size]

What a method of `adcli.optimize` asks of a function it finds here. Where a row fails, its error is raised with the row in front; a value
or a derivative that is not finite is returned as it is, and `culprit` tells which row it comes from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from adcli.api.derivatives import Setting, zeros
from adcli.api.engine import available
from adcli.errors import AdcliError, UsageError

if TYPE_CHECKING:
    from adcli.api.program import Program
    from adcli.api.variant import What
    from adcli.engines.rows.sums import Sums
    from adcli.ir.nodes import Function

Selection: TypeAlias = "slice | Any | None"
# Rows up to which each is run for itself: to set up a run over rows takes as long as some runs of one.
FEW = 8
# How often the body of a loop is thought to run.
LOOP = 100


class Part(NamedTuple):
    """An input that moves: its position among the inputs, its shape, and where its elements are in the vector of all of them."""

    position: int
    shape: tuple[int, ...]
    begin: int
    end: int


class Objective:
    """The sum or mean of an output over rows.

    data: for each input that changes from row to row an array whose leading axis counts rows; at: the values of the others. params: the
    real inputs that move, in the order of the vector; picked: which of their elements, by number, if not all. passes: how often all rows
    will be gone through, about, by which `engine` "auto" chooses, once and for all: native code, or NumPy and the interpreter. where:
    what a row is called in errors.

    size and start: of the vector; names: of its elements; rows: their number. `engine` is what was chosen: the same work gives the same
    bits with the same engine, whatever the number of threads (jobs).
    """

    def __init__(
        self, program: Program, data: Mapping[str, Any], at: Mapping[str, Any], params: Sequence[str], *,
        picked: Sequence[int] | None = None, of: str | None = None, mean: bool = False, engine: str = "auto", jobs: int | None = None,
        passes: float = 100, where: Callable[[int], str] = "row {}".format,
    ) -> None:  # fmt: skip
        import numpy as np

        self.data, self.rows = _arrays(program, data)
        samples = {name: zeros(a.shape[1:]) if a.dtype.kind == "f" else 0 for name, a in self.data.items()}
        setting = Setting(program, {**at, **samples})
        self.of = setting.scalar_output(of, "an objective")
        if not setting.real(self.of):
            raise UsageError("the objective is a whole number, which has no derivative", help="make it a real: 1.0*n")
        self.wrt = setting.wrt(list(params))
        self.jobs = jobs or os.cpu_count() or 1
        self.mean, self.where = mean, where
        gradient: What = ("reverse", self.wrt, self.of, ())
        self.engine = chosen(engine, setting.variant._runnable(gradient), self.rows * passes)
        # One engine for all that follows, and nothing of it from the cache of another choice.
        self.program = program.using("native" if self.engine == "native" else "interpret")
        setting = Setting(self.program, {**at, **samples})
        self.variant, self.args = setting.variant, list(setting.args)
        self.flags = list(self.variant.flags)  # of the values that all rows share
        self.parts = self._parts()
        flat = [np.ravel(self.args[k]) for k in self.wrt]
        every = np.concatenate(flat) if flat else np.zeros(0)
        self.picked = None if picked is None or list(picked) == list(range(len(every))) else np.array(picked, np.int64)
        self._every = every  # of all elements, those that stay among them
        self.start = every.copy() if self.picked is None else every[self.picked]
        self.names = self._names()
        self.size = len(self.start)
        self._passes: dict[What, _Pass] = {}
        self._columns: dict[bool, dict[int, list[Any]]] = {}

    def _parts(self) -> list[Part]:
        found: list[Part] = []
        at = 0
        for k in self.wrt:
            shape = tuple(n or 0 for n in self.variant.types[k].shape)
            n = 1
            for extent in shape:
                n *= extent
            found.append(Part(k, shape, at, at + n))
            at += n
        return found

    def _names(self) -> list[str]:
        from adcli.api.batch import indices, labelled

        every = [labelled(self.variant.names[p.position], index) for p in self.parts for index in indices(p.shape)]
        return every if self.picked is None else [every[k] for k in self.picked]

    def point(self, x: Any) -> dict[str, Any]:
        """The inputs that move, by name, each with its shape."""
        every = self.spread(x)
        return {
            self.variant.names[p.position]: every[p.begin : p.end].reshape(p.shape).copy() if p.shape else float(every[p.begin])
            for p in self.parts
        }

    def spread(self, x: Any) -> Any:
        """All elements of the inputs that move, given those that are picked; good until the next call."""
        if self.picked is None:
            return x
        self._every[self.picked] = x
        return self._every

    def value(self, x: Any, rows: Selection = None) -> float:
        """The objective at x, of shape [size]."""
        return float(self._pass(("value", (), self.of, ())).run(x, rows)[0])

    def gradient(self, x: Any, rows: Selection = None) -> tuple[float, Any]:
        """The objective and its gradient, of shape [size]."""
        value, *adjoints = self._pass(("reverse", self.wrt, self.of, ())).run(x, rows, (1.0,))
        return value, self._joined(adjoints)

    def product(self, x: Any, v: Any, rows: Selection = None) -> Any:
        """The Hessian times v, both of shape [size]."""
        import numpy as np

        moves = v
        if self.picked is not None:
            moves = np.zeros(len(self._every))
            moves[self.picked] = v
        along = [moves[p.begin : p.end].reshape(p.shape) if p.shape else float(moves[p.begin]) for p in self.parts]
        return self._joined(self._pass(("second", self.wrt, self.of, self.wrt)).run(x, rows, (*along, 1.0))[2:])

    def hessian(self, x: Any, rows: Selection = None) -> Any:
        """The Hessian, of shape [size, size], symmetric to the last bit."""
        import numpy as np

        units = np.eye(self.size)
        found = np.array([self.product(x, unit, rows) for unit in units]).reshape(self.size, self.size)
        return (found + found.T) / 2

    def _joined(self, adjoints: Sequence[Any]) -> Any:
        import numpy as np

        if len(adjoints) == 1 and self.parts[0].shape:
            g = np.array(adjoints[0], float).reshape(-1)
        else:
            g = np.empty(len(self._every))
            for p, adjoint in zip(self.parts, adjoints, strict=True):
                g[p.begin : p.end] = adjoint.ravel() if p.shape else adjoint
        return g if self.picked is None else g[self.picked]

    def _pass(self, what: What) -> _Pass:
        found = self._passes.get(what)
        if found is None:
            found = self._passes[what] = _Pass(self, what)
        return found

    def numbers(self, rows: Selection) -> Any:
        """The row numbers of a selection."""
        if rows is None:
            return range(self.rows)
        return range(self.rows)[rows] if isinstance(rows, slice) else rows

    def columns(self, sums: Sums) -> dict[int, list[Any]]:
        """The data as `sums` takes them, by the position of their input; one copy for all that take them in one form."""
        known = self._columns.get(sums.by_element)
        if known is None:
            names = self.variant.names
            known = {k: sums.given([self.data[name]], k) for k, name in enumerate(names) if name in self.data}
            self._columns[sums.by_element] = known
        return known

    def culprit(self, x: Any, rows: Selection = None) -> int | None:
        """The first row where the value or the gradient is not finite or fails; None where only their sum leaves the range of numbers."""
        import numpy as np

        suspects = np.array(self.numbers(rows), np.int64)
        while len(suspects):
            if self._fine(x, suspects):
                return None
            if len(suspects) == 1:
                return int(suspects[0])
            half = len(suspects) // 2
            suspects = suspects[half:] if self._fine(x, suspects[:half]) else suspects[:half]
        return None

    def _fine(self, x: Any, rows: Any) -> bool:
        import numpy as np

        try:
            value, g = self.gradient(x, rows)
        except AdcliError:
            return False
        return bool(np.isfinite(value) and np.isfinite(g).all())

    def fixed(self) -> dict[str, Any]:
        """The inputs that neither move nor are data, by name."""
        names = self.variant.names
        return {name: self.args[k] for k, name in enumerate(names) if name not in self.data and k not in self.wrt}

    def row(self, k: int) -> dict[str, Any]:
        """The inputs that are data, in one row, by name."""
        return {name: a[k] if a.ndim > 1 else a[k].item() for name, a in self.data.items()}


class _Pass:
    """One function of the IR, ready to be run over rows: those few that a step takes one by one, many as a sum."""

    def __init__(self, objective: Objective, what: What) -> None:
        import numpy as np

        self.objective = objective
        self.what = what
        self.sums: Sums | None = None
        names = objective.variant.names
        self.data = [(k, objective.data[name]) for k, name in enumerate(names) if name in objective.data]
        # Arrays that are filled anew for each row, since an engine looks up the address of an array but once.
        self.args = list(objective.args)
        self.flat: dict[int, Any] = {}
        for p in objective.parts:
            if p.shape:
                self.flat[p.position] = np.empty(p.end - p.begin)
                self.args[p.position] = self.flat[p.position].reshape(p.shape)
        for k, a in self.data:
            if a.ndim > 1:
                self.args[k] = np.empty(a.shape[1:])

    def run(self, x: Any, rows: Selection, extra: tuple[Any, ...] = ()) -> list[Any]:
        """The results summed over the rows, or their mean. extra: the arguments behind the inputs."""
        f = self.objective
        numbers = f.numbers(rows)
        count = len(numbers)
        if not count:
            raise UsageError("there are no rows to add up", help="give data with at least one row")
        every = f.spread(x)
        found = self._one_by_one(every, numbers, extra) if count <= FEW else self._summed(every, rows, count, extra)
        return [value / count for value in found] if f.mean and count > 1 else found

    def _one_by_one(self, every: Any, numbers: Any, extra: tuple[Any, ...]) -> list[Any]:
        given, bare, what = [*self.args, *extra], self.objective.variant.bare, self.what
        for p in self.objective.parts:
            if p.shape:
                self.flat[p.position][:] = every[p.begin : p.end]
            else:
                given[p.position] = every.item(p.begin)
        total: list[Any] = []
        for row in numbers:
            for k, a in self.data:
                if a.ndim > 1:
                    given[k][...] = a[row]
                else:
                    given[k] = a.item(row)
            try:
                found = bare(what, given)
            except AdcliError as error:
                raise self._placed(error, int(row)) from None
            total = [a + b for a, b in zip(total, found, strict=True)] if total else list(found)
        return total

    def _summed(self, every: Any, rows: Selection, count: int, extra: tuple[Any, ...]) -> list[Any]:
        f, sums = self.objective, self._ready()
        columns = f.columns(sums)
        moving = {p.position: p for p in f.parts}
        given: list[Any] = []
        for k, value in enumerate([*f.args, *extra]):
            if k in columns:
                given += columns[k] if rows is None else [column[rows] for column in columns[k]]
            elif k in moving:
                p = moving[k]
                given += sums.given([every[p.begin : p.end].reshape(p.shape) if p.shape else every.item(p.begin)], k)
            else:
                given += sums.given([value], k)
        done = sums.run(given, count, f.jobs)
        if done.failed:
            first = min(done.failed)
            raise self._placed(done.failed[first], int(f.numbers(rows)[first]))
        return done.results

    def _placed(self, error: AdcliError, row: int) -> AdcliError:
        error.message = f"{self.objective.where(row)}: {error.message}"
        error.source = error.source or self.objective.program.source
        return error

    def _ready(self) -> Sums:
        """The engine for many rows."""
        if self.sums is None:
            from adcli.engines.rows.sums import Sums

            f = self.objective
            function = f.variant._runnable(self.what)
            positions = {k for k, _ in self.data}
            varying = [k in positions for k in range(len(function.params))]
            exact = f.program.tiers.choice.exact_libm
            self.sums = Sums(f.engine, function, varying, f.program.limits, f.variant.names, exact)
        return self.sums


def chosen(engine: str, function: Function, rows: float) -> str:
    """The engine for so many rows in all: native code where that pays for compiling it."""
    if engine != "auto":
        return engine
    if not available():
        return "columns"
    from adcli.engines.weight import block_weight, compiling
    from adcli.ir.nodes import For, While
    from adcli.ir.walk import all_blocks, all_compound, functions

    each = sum(block_weight(block) for f in functions(function) for block in all_blocks(f.body))
    loops = any(isinstance(s, For | While) for f in functions(function) for s in all_compound(f.body))
    pays = each * (LOOP if loops else 1) * rows > compiling(function)
    return "native" if pays and _native(function) else "columns"


def _native(function: Function) -> bool:
    """Whether native code has the form of the function's tapes. It is asked beforehand, since the engine does not change in a run."""
    from adcli.ir.nodes import Push
    from adcli.ir.walk import all_compound, functions

    if not any(isinstance(s, Push) for f in functions(function) for s in all_compound(f.body)):
        return True
    from adcli.engines.limits import Limits
    from adcli.engines.native.module import Module, prepared
    from adcli.engines.native.records import Unsupported

    try:
        Module(prepared(function), Limits())
    except Unsupported:
        return False
    return True


def _arrays(program: Program, data: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """The data as arrays of one length, and that."""
    import numpy as np

    integers = {item.name for item in program.inputs if item.kind == "int" and item.shape in (None, ())}
    arrays = {name: np.asarray(column, dtype="int64" if name in integers else float) for name, column in data.items()}
    lengths = {len(array) for array in arrays.values()}
    if not arrays:
        names = ", ".join(item.name for item in program.inputs) or "none"
        text = "no input is a column of the data: every row is the same"
        raise UsageError(text, help=f"columns go to inputs by name, and these are {names}")
    if len(lengths) != 1:
        raise UsageError("columns have one length", help="each array of data has a leading axis that counts the rows")
    return arrays, lengths.pop()
