"""A program over rows of data whose parameters move: values and derivatives of every row, compiled once.

    model = RowsModel(program, rows, params={"b1": 500.0, "b2": 1e-4})
    value, slopes = model.gradients(vector)          shapes [rows] and [rows, parameters]
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.api.batch import Batch
from adcli.api.bindings import Binding, found, hint
from adcli.api.objective import chosen
from adcli.api.parameters import Parameters
from adcli.errors import AdcliError, DataError, EvaluationError, UsageError

if TYPE_CHECKING:
    from adcli.api.batch import BatchResult
    from adcli.api.program import Program
    from adcli.data.table import Rows
    from adcli.engines.flags import Flag

# How often a fit goes through all rows, about, by what is asked for; it decides whether compiling pays.
PASSES = {"grad": 50, "hessian": 3}
# Numbers of second derivatives that are held at a time.
HELD = 4_000_000


class RowsModel:
    """The inputs that are columns, the parameters, and the sweeps over the rows.

    values: by input, an array whose leading axis counts the rows. of: the output meant, where there are several.
    """

    def __init__(
        self, program: Program, rows: Rows, params: Mapping[str, Any], held: Mapping[str, float | None] | None = None, *,
        of: str | None = None, engine: str = "auto", jobs: int | None = None,
    ) -> None:  # fmt: skip
        self.program, self.rows, self.of = program, rows, of
        self.engine, self.jobs = engine, jobs or os.cpu_count() or 1
        self.bindings: dict[str, Binding] = found(program, list(rows.columns), rows.place.name)
        self.values = {name: binding.values(rows.columns, rows.count) for name, binding in self.bindings.items()}
        self.parameters = Parameters(program, params, self.bindings, held or {}, rows.names)
        if of is None and len(program.outputs) > 1:
            raise UsageError(
                f"the program has {len(program.outputs)} outputs, {', '.join(program.outputs)}, and a fit is of one",
                help=f"choose it with --of, e.g. --of {program.outputs[0]}",
            )
        self._batches: dict[str, Batch] = {}
        self.flags: dict[Flag, int] = {}  # of the last sweep, with the rows that carry each
        self.moved: list[Flag] = []  # of starts outside their bounds
        self._output()

    def batch(self, kind: str) -> Batch:
        """The sweeps for "eval", "grad" or "hessian", made when they are first asked for."""
        made = self._batches.get(kind)
        if made is None:
            shapes = {name: binding.shape for name, binding in self.bindings.items()}
            at = self.parameters.all(self.parameters.start)
            wrt = None if kind == "eval" else self.parameters.inputs
            made = Batch(self.program, kind, shapes, at, wrt=wrt, of=self.of, engine=self.engine, jobs=self.jobs)
            made.engine = self._engine(made, kind)
            self._batches[kind] = made
        return made

    def _engine(self, batch: Batch, kind: str) -> str:
        """The engine for all sweeps of a kind: "auto" would change from one to the other, and with it last bits, in the midst of a fit."""
        if self.engine != "auto":
            return self.engine
        sweeps = {column.sweep.what for column in batch.columns if column.sweep is not None}
        rows = self.rows.count * PASSES.get(kind, 1)
        return "native" if any(chosen("auto", batch.variant._runnable(what), rows) == "native" for what in sweeps) else "auto"

    def run(self, kind: str, vector: Any, begin: int = 0, end: int | None = None) -> BatchResult:
        """The columns of results of some of the rows, at parameters given as a vector."""
        batch = self.batch(kind)
        batch.move(self.parameters.values(vector))
        end = self.rows.count if end is None else end
        part = {name: value[begin:end] for name, value in self.values.items()}
        done = batch.run(part, end - begin)
        self.flags = done.flags
        return done

    def outcome(self, vector: Any) -> tuple[Any, dict[int, AdcliError]]:
        """The output in each row, shape [rows], and the errors of those that failed."""
        done = self.run("eval", vector)
        return done.columns[self._output()].astype(float), done.failed

    def _output(self) -> int:
        """Which of the columns of values is the output."""
        name = "value" if len(self.program.outputs) == 1 else self.of
        names = self.batch("eval").names
        if self.of is not None:
            self.batch("eval").setting.output(self.of, "a fit")
        if name not in names:
            raise UsageError("a fit is of a number in each row, and the output is an array", help="take an element: y[0]")
        return names.index(name)

    def curve(self, vector: Any, values: Any) -> Any:
        """The output where the one input that is a column takes other values, of shape [points]; nan where it has none."""
        import numpy as np

        (name,) = self.values
        batch = self.batch("eval")
        batch.move(self.parameters.values(vector))
        done = batch.run({name: values}, len(values))
        found = done.columns[self._output()].astype(float)
        found[list(done.failed)] = np.nan
        return found

    def gradients(self, vector: Any) -> tuple[Any, Any, dict[int, AdcliError]]:
        """The output in each row, shape [rows]; its derivatives by the parameters, [rows, parameters]; the errors of rows that failed."""
        import numpy as np

        done = self.run("grad", vector)
        value, *slopes = done.columns
        picked = [slopes[k] for k in self.parameters.picked]
        made = np.stack(picked, 1) if picked else np.zeros((self.rows.count, 0))
        return value.astype(float), made, done.failed

    def weighted_hessian(self, vector: Any, weights: Any) -> Any:
        """Σ weights·∇²output over the rows, of shape [parameters, parameters]; weights: of shape [rows]."""
        import numpy as np

        picked = self.parameters.picked
        count = self._elements()
        total = np.zeros((count, count))
        pairs = [(i, j) for i in range(count) for j in range(i, count)]
        step = max(1, HELD // max(1, len(pairs)))
        for begin in range(0, self.rows.count, step):
            end = min(begin + step, self.rows.count)
            columns = self.run("hessian", vector, begin, end).columns[1 + count :]
            for (i, j), column in zip(pairs, columns, strict=True):
                total[i, j] += weights[begin:end] @ column
        total = np.triu(total) + np.triu(total, 1).T
        return total[np.ix_(picked, picked)]

    def _elements(self) -> int:
        """Elements of the inputs that move, those that are held among them."""
        count = 0
        for name in self.parameters.inputs:
            size = 1
            for extent in self.parameters.shapes[name]:
                size *= extent
            count += size
        return count


def expression(text: str, option: str) -> Program:
    """What --target and the like say, as a program of columns."""
    from adcli.api.program import compile
    from adcli.errors import Source

    return compile(Source(text, f"<{option}>"))


def column(text: str, rows: Rows, option: str) -> tuple[Any, dict[int, AdcliError]]:
    """An expression of columns in each row, shape [rows], and the errors of rows where it has none. text: a column's name, or ADL."""
    if text in rows.columns:
        return rows.columns[text].astype(float), {}
    return RowsModel(expression(text, option), rows, {}).outcome([])


def names_in(text: str) -> list[str]:
    """The names that an expression of columns reads, where columns have none of their own."""
    try:
        return [item.name for item in expression(text, "expression").inputs]
    except AdcliError:
        return [text]


def columns_of(text: str, names: Sequence[str], where: str, option: str) -> dict[str, str]:
    """The columns that an expression reads, each "real" or "int"; DataError for a name that is none."""
    if text in names:
        if list(names).count(text) > 1:
            raise DataError(f"{where}: duplicate column '{text}'", help="two columns of one name: mend the header")
        return {text: "real"}
    program = expression(text, option)
    bound = found(program, names, where)
    lacking = next((item.name for item in program.inputs if item.name not in bound and item.default is None), None)
    if lacking is not None:
        said = f"{where}: there is no column '{lacking}', which --{option} reads"
        raise DataError(said, help=hint(lacking, names, f"--{option} is made of columns"))
    return {name: binding.kind for binding in bound.values() for name in binding.columns}


def usable(rows: Rows, values: Any, failed: Mapping[int, AdcliError], what: str) -> Iterator[tuple[int, AdcliError]]:
    """The rows in which something has no finite value, each with its error."""
    import numpy as np

    for row in sorted({*np.flatnonzero(~np.isfinite(values)).tolist(), *failed}):
        said = failed[row].message if row in failed else f"it is {float(values[row])!r}"
        hint = "--keep-going leaves out rows without a value"
        yield row, DataError(f"{rows.where(row)}: {what} has no value: {said}", help=hint)


def no_value(rows: Rows, row: int, value: float, error: AdcliError | None) -> EvaluationError:
    """The error for a model that has no value at the start."""
    said = error.message if error is not None else f"it or a derivative of it is {value!r}"
    return EvaluationError(
        f"{rows.where(row)}: the program has no value at the start: {said}",
        error.span if error is not None else None,
        source=error.source if error is not None else None,
        help="begin elsewhere: --params says where",
    )
