"""A program over rows of data: its values or derivatives in each row, as columns of numbers.

>>> f = adcli.compile("x1*x2 + sin(x1)")
>>> f.batch({"x1": a, "x2": b}, "grad")               # a, b: arrays, one element a row
{'value': array([...]), 'd_x1': array([...]), 'd_x2': array([...])}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.api.derivatives import Setting, direction, one_at, ones_at, zeros
from adcli.api.flags import attributed, owners, without_path
from adcli.api.point import list_text
from adcli.engines.flags import Flag
from adcli.engines.rows import RowsResult, engine
from adcli.errors import AdcliError, EvaluationError, LimitError, UsageError

if TYPE_CHECKING:
    from adcli.api.program import Program
    from adcli.api.variant import What
    from adcli.engines.rows import Rows

KINDS = ("eval", "grad", "jvp", "hessian")


class Sweep(NamedTuple):
    """One function of the IR that is run over the rows: which, and its arguments after the program's inputs."""

    what: What
    extra: tuple[Any, ...] = ()


class Column(NamedTuple):
    """A column of results: an element of a result of a sweep; a zero where there is no sweep.

    otherwise: makes the one to take where that is nan, which may hold a direction as large as an input, and is seldom asked for.
    """

    name: str
    sweep: Sweep | None = None
    result: int = 0
    at: tuple[int, ...] = ()
    otherwise: Callable[[], Column] | None = None


@dataclass
class BatchResult:
    """columns: an array for each of the batch's names. failed: the error of each row that has one. flags: how many rows carry each."""

    columns: list[Any]
    failed: dict[int, AdcliError] = field(default_factory=dict)
    flags: dict[Flag, int] = field(default_factory=dict)


class Batch:
    """A program made ready for rows.

    kind: "eval", "grad", "jvp" or "hessian"; varying: the inputs that change from row to row, each with its shape; at: the others.
    along: the direction of jvp; strict: a flag is an error of its row. `names` are those of the columns of results.
    """

    def __init__(
        self, program: Program, kind: str, varying: Mapping[str, tuple[int, ...]], at: Mapping[str, Any], *,
        wrt: Sequence[str] | None = None, of: str | None = None, along: Mapping[str, Any] | None = None, mode: str = "reverse",
        engine: str = "auto", jobs: int = 1, strict: bool = False,
    ) -> None:  # fmt: skip
        kinds = {item.name: item.kind for item in program.inputs}
        # Types alone matter here, and a sample of each input has them.
        samples = {name: zeros(shape) if shape or kinds[name] != "int" else 0 for name, shape in varying.items()}
        self.setting = Setting(program, {**at, **samples}, **({"order": 2} if kind == "hessian" else {}))
        self.variant = self.setting.variant
        self.program, self.kind, self.jobs, self.strict = program, kind, jobs, strict
        self.engine = engine
        self.varying = [k for k, name in enumerate(self.variant.names) if name in varying]
        self.flags = self.variant.flags  # of the values that all rows share, and inputs without a path
        self._engines: dict[What, Rows] = {}
        self._owners = owners(self.variant.lowered)
        plan = {"eval": self._eval, "grad": self._grad, "jvp": self._jvp, "hessian": self._hessian}[kind]
        self.columns = plan(wrt, of, along or {}, mode)
        self.names = [column.name for column in self.columns]
        for flag in self.flags if strict else ():
            if flag.code != "no-path":
                raise refused([flag])

    # What is run for each kind, and which results make which columns.

    def _outputs(self, of: str | None, what: str) -> list[int]:
        return list(range(len(self.program.outputs))) if of is None else [self.setting.output(of, what)]

    def _of(self, j: int) -> int | None:
        return None if len(self.program.outputs) == 1 else j

    def _values(self, sweep: Sweep, outputs: Sequence[int]) -> list[Column]:
        """The columns of outputs that are the first results of a sweep."""
        found = []
        for result, j in enumerate(outputs):
            name = "value" if len(outputs) == 1 else self.program.outputs[j]
            found += self._elements(name, self.variant.result_types[j].shape, sweep, result)
        return found

    def _elements(self, name: str, shape: Sequence[int | None], sweep: Sweep | None, result: int) -> list[Column]:
        if None in shape:
            raise UsageError(
                f"'{name}' is an array whose size only the run knows, and a table has as many columns in every row",
                help="sum it up, or take elements of it: y[0]",
            )
        return [Column(labelled(name, index), sweep, result, index) for index in indices(shape)]

    def _eval(self, wrt: object, of: object, along: object, mode: object) -> list[Column]:
        return self._values(Sweep(("value", (), None, ())), self._outputs(None, "a value"))

    def _grad(self, wrt: Sequence[str] | None, of: str | None, along: object, mode: str) -> list[Column]:
        inputs = self.setting.wrt(wrt)
        outputs = self._outputs(of, "a gradient")
        values: list[Column] = []
        slopes: list[Column] = []
        dead: set[int] = set(inputs)
        for j in outputs:
            self.setting.scalar_output(self.program.outputs[j], "a gradient")
            value, found, reached = (self._forward if mode == "forward" else self._reverse)(inputs, j, "" if len(outputs) == 1 else j)
            values.append(value._replace(name="value" if len(outputs) == 1 else self.program.outputs[j]))
            slopes += found
            dead -= reached
        without_path(self.variant, inputs, sorted(dead))
        return values + slopes

    def _slope(self, k: int, tag: str | int) -> str:
        """The name of a derivative by input k; tag: the output, where there are several."""
        name = self.variant.names[k]
        return f"d_{name}" if tag == "" else f"d_{self.program.outputs[int(tag)]}_{name}"

    def _reverse(self, inputs: tuple[int, ...], j: int, tag: str | int) -> tuple[Column, list[Column], set[int]]:
        """The value of output j, its derivatives, and the inputs it depends on: one sweep."""
        if not inputs or not self.setting.real(j):
            sweep, paths = Sweep(("value", (), j, ())), [False] * len(inputs)
        else:
            sweep = Sweep(("reverse", inputs, j, ()), (1.0,))
            paths = list(self.variant.paths("reverse", inputs, j))
        found: list[Column] = []
        for result, (k, there) in enumerate(zip(inputs, paths, strict=True), 1):
            elements = self._elements(self._slope(k, tag), self.variant.types[k].shape, sweep if there else None, result)
            found += [c._replace(otherwise=partial(self._along, k, j, c.at)) for c in elements] if there else elements
        return Column("", sweep), found, {k for k, there in zip(inputs, paths, strict=True) if there}

    def _along(self, k: int, j: int, index: tuple[int, ...]) -> Column:
        """The derivative of output j by one element of input k, by a forward sweep."""
        return Column("", Sweep(("forward", (k,), j, ()), (one_at(self.variant.types[k].shape, index),)), 1)

    def _forward(self, inputs: tuple[int, ...], j: int, tag: str | int) -> tuple[Column, list[Column], set[int]]:
        """The same by one sweep for each element; what is nan comes from a reverse sweep, as at a single point."""
        found: list[Column] = []
        reached: set[int] = set()
        value = Column("", Sweep(("value", (), j, ())))
        for k in inputs:
            there = self.setting.real(j) and any(self.variant.paths("forward", (k,), j))
            shape = self.variant.types[k].shape
            back = Sweep(("reverse", (k,), j, ()), (1.0,))
            for index, unit in ones_at(shape):
                sweep = Sweep(("forward", (k,), j, ()), (unit,))
                other = partial(Column, "", back, 1, index)
                found.append(Column(labelled(self._slope(k, tag), index), sweep if there else None, 1, (), other))
                value = value._replace(sweep=sweep) if there else value
            reached |= {k} if there else set()
        return value, found, reached

    def _jvp(self, wrt: object, of: str | None, along: Mapping[str, Any], mode: object) -> list[Column]:
        inputs, tangents = direction(self.setting, along)
        outputs = self._outputs(of, "a derivative")
        one = None if of is None else outputs[0]
        sweep = Sweep(("forward", inputs, one, ()), tuple(tangents)) if inputs else Sweep(("value", (), one, ()))
        columns = self._values(sweep, outputs)
        for k, j in enumerate(outputs):
            name = "tangent" if len(outputs) == 1 else f"d_{self.program.outputs[j]}"
            columns += self._elements(name, self.variant.result_types[j].shape, sweep if inputs else None, len(outputs) + k)
        return columns

    def _hessian(self, wrt: Sequence[str] | None, of: str | None, along: object, mode: object) -> list[Column]:
        """Each pair of elements once: the upper triangle, row by row."""
        j = self.setting.scalar_output(of, "a Hessian")
        inputs = self.setting.wrt(wrt)
        value, slopes, reached = self._reverse(inputs, j, "")
        without_path(self.variant, inputs, [k for k in inputs if k not in reached])
        columns = [value._replace(name="value"), *slopes]
        units = {k: dict(ones_at(self.variant.types[k].shape)) for k in inputs}
        for position, k in enumerate(inputs):
            rest = inputs[position:]
            there = self.setting.real(j) and any(self.variant.paths("forward", (k,), j))
            sweeps = {index: Sweep(("second", rest, j, (k,)), (unit, 1.0)) if there else None for index, unit in units[k].items()}
            for row, sweep in sweeps.items():
                for result, m in enumerate(rest, 2):
                    for column in indices(self.variant.types[m].shape):
                        if m == k and column < row:
                            continue
                        name = f"d2_{labelled(self.variant.names[k], row)}_{labelled(self.variant.names[m], column)}"
                        mirror = partial(Column, "", Sweep(("second", (k,), j, (m,)), (units[m][column], 1.0)), 2, row)
                        columns.append(Column(name, sweep, result, column, mirror if there and (k, row) != (m, column) else None))
        return columns

    # Running.

    def move(self, at: Mapping[str, Any]) -> None:
        """Other values, of the same shapes, for inputs that all rows share: what is compiled stays."""
        for name, value in at.items():
            self.setting.args[self.variant.names.index(name)] = value

    def run(self, values: Mapping[str, Any], rows: int) -> BatchResult:
        """The results of so many rows. values: an array for each varying input, its leading axis counting them."""
        args = list(self.setting.args)
        for k in self.varying:
            args[k] = values[self.variant.names[k]]
        done = BatchResult([])
        found: dict[int, RowsResult] = {}
        for sweep in self._sweeps():
            found[id(sweep)] = result = self._run(sweep, args, rows)
            for row, error in result.failed.items():
                done.failed.setdefault(row, error)
            for flag, count in self._told(sweep, result.flags):
                known = next((f for f in done.flags if (f.code, f.op, f.span) == (flag.code, flag.op, flag.span)), flag)
                done.flags[known] = max(count, done.flags.get(known, 0))
        if self.strict and done.flags:
            self._refuse(args, range(rows), done)
        done.columns = [self._settled(column, _taken(column, found, rows), args) for column in self.columns]
        return done

    def _sweeps(self) -> list[Sweep]:
        """Every sweep that some column reads, once."""
        return list({id(column.sweep): column.sweep for column in self.columns if column.sweep is not None}.values())

    def _settled(self, column: Column, values: Any, args: Sequence[Any]) -> Any:
        """A column's numbers, with those of another sweep in the rows where they are nan, as at a single point."""
        import numpy as np

        if column.sweep is None or column.otherwise is None:
            return values
        where = np.flatnonzero(np.isnan(values))
        if not len(where):
            return values
        picked = [a[where] if k in self.varying else a for k, a in enumerate(args)]
        taken = column.otherwise()
        assert taken.sweep is not None
        other = self._run(taken.sweep, picked, len(where))
        values = np.array(values)
        values[where] = _taken(taken, {id(taken.sweep): other}, len(where))
        values[where[list(other.failed)]] = np.nan
        return values

    @property
    def ran(self) -> list[str]:
        """The engines that have run rows so far: "interpret", "columns" (NumPy), "native"."""
        return list(dict.fromkeys(name for rows in self._engines.values() for name in rows.ran))

    def _run(self, sweep: Sweep, args: Sequence[Any], rows: int) -> RowsResult:
        rows_engine = self._engines.get(sweep.what)
        if rows_engine is None:
            function = self.variant._runnable(sweep.what)
            rows_engine = self._engines[sweep.what] = engine(
                self.engine, function, self.program.limits, self.variant.names, self.program.tiers.choice.exact_libm
            )
        result = rows_engine.run([*args, *sweep.extra], rows, self.jobs)
        for row, error in list(result.failed.items()):
            if isinstance(error, LimitError) and error.memory and len(self.program.tapes) > 1:
                self._with_less(sweep, args, row, result)
        for error in result.failed.values():
            if error.source is None:
                error.source = self.program.source
        return result

    def _with_less(self, sweep: Sweep, args: Sequence[Any], row: int, result: RowsResult) -> None:
        """A row whose tape is too large, again with a smaller one."""
        try:
            found = self.variant.run([*self._row(args, row), *sweep.extra], *sweep.what)
        except AdcliError as error:
            result.failed[row] = error
            return
        del result.failed[row]
        for column, value in zip(result.results, found, strict=True):
            column[row] = value

    def _row(self, args: Sequence[Any], row: int) -> list[Any]:
        """The arguments of one row."""
        picked = list(args)
        for k in self.varying:
            value = args[k][row]
            picked[k] = value if self.variant.types[k].rank else value.item()
        return picked

    def _told(self, sweep: Sweep, flags: Mapping[Flag, int]) -> list[tuple[Flag, int]]:
        """The flags in terms of the program."""
        told = list(flags) if sweep.what[0] == "value" else attributed(list(flags), self._owners)
        return list(zip(told, flags.values(), strict=True))

    def _refuse(self, args: Sequence[Any], rows: range, done: BatchResult) -> None:
        """With --strict: the rows that carry flags fail. Each is run for itself, since only then it is known which they are."""
        from adcli.engines.rows.interpret import InterpretRows

        done.flags = {}
        for sweep in self._sweeps():
            alone = InterpretRows(self.variant._runnable(sweep.what), self.program.limits, self.variant.names)
            for row in rows:
                found = alone.row([*self._row(args, row), *sweep.extra])
                if not isinstance(found, AdcliError) and found[1]:
                    told = [flag for flag, _ in self._told(sweep, dict.fromkeys(found[1], 1))]
                    error = refused(told)
                    error.source = self.program.source if error.span is not None else None
                    done.failed.setdefault(row, error)


def refused(flags: Sequence[Flag]) -> EvaluationError:
    """--strict: the first flag as an error."""
    first = flags[0]
    more = f", and {len(flags) - 1} more" if len(flags) > 1 else ""
    return EvaluationError(f"{first.code}: {first.message}{more}", first.span, help="without --strict this is a flag beside the result")


def indices(shape: Sequence[int | None]) -> list[tuple[int, ...]]:
    """The indices of a shape in order, the last one running fastest."""
    found: list[tuple[int, ...]] = [()]
    for extent in shape:
        found = [(*index, k) for index in found for k in range(extent or 0)]
    return found


def labelled(name: str, index: tuple[int, ...]) -> str:
    """An element as columns and results call it: w[0], A[0,1]."""
    return f"{name}[{','.join(map(str, index))}]" if index else name


def _taken(column: Column, found: Mapping[int, RowsResult], rows: int) -> Any:
    """A column's numbers."""
    import numpy as np

    if column.sweep is None:
        return np.zeros(rows)
    values = found[id(column.sweep)].results[column.result]
    return values[(slice(None), *column.at)] if column.at else values


def batch(
    program: Program, data: Mapping[str, Any], kind: str, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None,
    along: Mapping[str, Any] | None, engine: str, jobs: int,
) -> tuple[dict[str, Any], list[Flag]]:  # fmt: skip
    """What `Program.batch` returns, and the flags."""
    import numpy as np

    if kind not in KINDS:
        raise UsageError(f"there is no batch of kind '{kind}'", help=f"the kinds are {', '.join(KINDS)}")
    integers = {item.name for item in program.inputs if item.kind == "int" and item.shape in (None, ())}
    arrays = {name: np.asarray(column, dtype="int64" if name in integers else float) for name, column in data.items()}
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(lengths) != 1 or any(not array.ndim for array in arrays.values()):
        told = ", ".join(f"'{name}' {list_text(array.shape)}" for name, array in arrays.items()) or "none is given"
        raise UsageError(f"columns have one length: {told}", help="each array of data has a leading axis that counts the rows")
    shapes = {name: array.shape[1:] for name, array in arrays.items()}
    made = Batch(program, kind, shapes, at, wrt=wrt, of=of, along=along, engine=engine, jobs=jobs)
    done = made.run(arrays, lengths.pop())
    if done.failed:
        row = min(done.failed)
        error = done.failed[row]
        error.message = f"row {row}: {error.message}"
        raise error
    return dict(zip(made.names, done.columns, strict=True)), [*made.flags, *done.flags]
