"""Sparse Jacobians and Hessians: the pattern of the run at hand, coloured, computed by few combined sweeps, and recovered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from adcli.ad.sparsity import column_colours, direct, members, star_colours, sweeps, transposed
from adcli.api.derivatives import Setting, settled, sweep_back, zeros
from adcli.api.flags import explained, without_path
from adcli.api.program import Program, Result
from adcli.api.variant import ready
from adcli.engines.pattern import pattern

if TYPE_CHECKING:
    import numpy as np

    Numbers: TypeAlias = "np.ndarray[Any, Any]"
    Names: TypeAlias = "tuple[list[str], list[str]]"


class Sparse:
    """A sparse matrix: the entry at rows[k], columns[k] is values[k]; sorted by row, then column; no entry is there twice.

    shape: rows, columns. row_names, column_names: what they stand for, such as y[3] and x[4]. sweeps: how many sweeps it took,
    or products with the Hessian. mode: "forward", "reverse", "reverse over forward". Entries may be 0 in value.
    """

    __slots__ = ("column_names", "columns", "mode", "row_names", "rows", "sweeps", "values")

    def __init__(self, rows: Numbers, columns: Numbers, values: Numbers, names: Names, mode: str, count: int) -> None:
        self.rows = rows
        self.columns = columns
        self.values = values
        self.row_names, self.column_names = names
        self.mode = mode
        self.sweeps = count

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.row_names), len(self.column_names)

    def __len__(self) -> int:
        return len(self.values)

    def entries(self) -> Iterator[tuple[str, str, float]]:
        """Names of row and column, and the value, of every entry."""
        for r, c, value in zip(self.rows.tolist(), self.columns.tolist(), self.values.tolist(), strict=True):
            yield self.row_names[r], self.column_names[c], value

    def dense(self) -> Numbers:
        """The matrix as an array, with zeros where there is no entry."""
        import numpy as np

        out = np.zeros(self.shape)
        out[self.rows, self.columns] = self.values
        return out


class Directions:
    """The inputs to differentiate by, as the columns of one matrix."""

    def __init__(self, setting: Setting, inputs: Sequence[int]) -> None:
        variant = setting.variant
        self.inputs = inputs
        self.names = [n for k in inputs for n in element_names(variant.names[k], variant.types[k].shape)]
        self.shapes = [variant.types[k].shape for k in inputs]

    def vectors(self, flat: Numbers) -> list[Any]:
        """A vector of all columns as one value for each input."""
        return pieces(flat, self.shapes)

    def seeds(self, colours: Sequence[int]) -> list[list[Any]]:
        """For each colour the sum of its columns' unit directions."""
        import numpy as np

        given = np.array(colours)
        return [self.vectors((given == c).astype(float)) for c in range(sweeps(colours))]


def element_names(name: str, shape: Sequence[int | None]) -> list[str]:
    """w[0], w[1], … for an array, the name itself for a number."""
    if not shape:
        return [name]
    import numpy as np

    return [f"{name}[{','.join(map(str, index))}]" for index in np.ndindex(*(n or 0 for n in shape))]


def pieces(flat: Numbers, shapes: Sequence[Sequence[int | None]]) -> list[Any]:
    """A vector cut into values of these shapes."""
    out: list[Any] = []
    start = 0
    for shape in shapes:
        part = zeros(shape)
        count = getattr(part, "size", 1)
        out.append(flat[start : start + count].reshape(part.shape).copy() if shape else float(flat[start]))
        start += count
    return out


def joined(values: Sequence[Any]) -> Numbers:
    """The elements of all values in one vector."""
    import numpy as np

    return np.concatenate([np.zeros(0), *(np.reshape(np.asarray(v, dtype=float), -1) for v in values)])


def jacobian(program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> Result:
    """The entries of the Jacobian that can differ from zero; rows are the elements of the outputs, columns those of the inputs."""
    setting = Setting(program, at)
    variant, inputs = setting.variant, setting.wrt(wrt)
    one = None if of is None else setting.output(of, "a Jacobian")
    outputs = list(program.outputs) if of is None else [of]
    values = variant.run(setting.args, of=one)
    directions = Directions(setting, inputs)
    rows = _rows(setting, ready(variant.function("value", of=one)), setting.args, inputs)
    by_column, by_row = _colours(rows, len(directions.names))
    shapes = [getattr(v, "shape", ()) for v in values]
    columns = partial(_columnwise, setting, directions, by_column, rows, one, len(outputs))
    across = partial(_rowwise, setting, directions, by_row, rows, one, shapes)
    mode = "forward" if sweeps(by_column) <= sweeps(by_row) else "reverse"
    first, other = (columns, across) if mode == "forward" else (across, columns)
    entries, count = first()
    entries = settled(entries, lambda: other()[0])
    names = [n for name, shape in zip(outputs, shapes, strict=True) for n in element_names(name, shape)]
    found = Sparse(*_positions(rows), entries, (names, directions.names), mode, count)
    _note_paths(setting, inputs, found)
    result = Result(dict(zip(outputs, values, strict=True)), variant.flags, mode, variant.steps)
    return _finished(result, found)


def _rows(setting: Setting, function: Any, args: Sequence[Any], inputs: Sequence[int], skip: int = 0) -> list[list[int]]:
    """The columns of each row of the pattern, over the function's results from the `skip`th on."""
    found = pattern(function, args, inputs, setting.program.limits)
    return [list(members(bits)) for result in found[skip:] for bits in result]


def _colours(rows: Sequence[Sequence[int]], columns: int) -> tuple[list[int], list[int]]:
    """Of the columns for forward sweeps, of the rows for reverse ones."""
    return column_colours(rows, columns), column_colours(transposed(rows, columns), len(rows))


def _columnwise(
    setting: Setting, directions: Directions, colours: Sequence[int], rows: Sequence[Sequence[int]], of: int | None, outputs: int
) -> tuple[Numbers, int]:
    """The entries from the tangents of each combined direction, and how many sweeps that took."""
    wrt = tuple(directions.inputs)
    swept = [
        joined(setting.variant.run([*setting.args, *seed], "forward", wrt, of)[outputs : 2 * outputs]) for seed in directions.seeds(colours)
    ]
    return _gathered(swept, [(colours[c], r) for r, row in enumerate(rows) for c in row]), len(swept)


def _rowwise(
    setting: Setting, directions: Directions, colours: Sequence[int], rows: Sequence[Sequence[int]], of: int | None,
    shapes: Sequence[tuple[int, ...]],
) -> tuple[Numbers, int]:  # fmt: skip
    """The same from the adjoints of each combined cotangent."""
    import numpy as np

    types = setting.variant.result_types
    real = [t.elem == "real" for t in (types if of is None else [types[of]])]
    given, wrt = np.array(colours), tuple(directions.inputs)
    swept: list[Numbers] = []
    for c in range(sweeps(colours)):
        seeds = [s for s, r in zip(pieces((given == c).astype(float), shapes), real, strict=True) if r]
        results = setting.variant.run([*setting.args, *seeds], "reverse", wrt, of)
        swept.append(joined(results[len(shapes) :]))
    return _gathered(swept, [(colours[r], c) for r, row in enumerate(rows) for c in row]), len(swept)


def hessian(program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> Result:
    """Value, gradient, and the entries of the Hessian that can differ from zero, from few products with it; symmetric to the last bit."""
    setting = Setting(program, at)
    j = setting.scalar_output(of, "a Hessian")
    variant, inputs = setting.variant, setting.wrt(wrt)
    value, slopes = sweep_back(setting, inputs, j)
    directions = Directions(setting, inputs)
    rows: list[list[int]] = [[] for _ in directions.names]
    if inputs and setting.real(j):
        rows = _symmetric(_rows(setting, ready(variant.function("reverse", inputs, j)), [*setting.args, 1.0], inputs, 1))
    colours = star_colours(rows)
    swept = [
        joined(variant.run([*setting.args, *seed, 1.0], "second", inputs, j, inputs)[2:]) for seed in directions.seeds(colours)
    ]  # fmt: skip
    place: dict[tuple[int, int], tuple[int, int]] = {}
    for a, b, row, colour in direct(rows, colours):
        place[a, b] = place[b, a] = colour, row
    entries = _gathered(swept, [place[r, c] for r, row in enumerate(rows) for c in row])
    found = Sparse(*_positions(rows), entries, (directions.names, directions.names), "reverse over forward", len(swept))
    result = Result({program.outputs[j]: value}, variant.flags, found.mode, variant.steps)
    result.of = program.outputs[j]
    result.gradient = {variant.names[k]: slopes[k] for k in inputs}
    return _finished(result, found, gradient=result.gradient)


def _symmetric(rows: Sequence[Sequence[int]]) -> list[list[int]]:
    """The pattern with the mirror image of each entry."""
    mirror = transposed(rows, len(rows))
    return [sorted({*row, *other}) for row, other in zip(rows, mirror, strict=True)]


def _gathered(swept: Sequence[Numbers], places: Sequence[tuple[int, int]]) -> Numbers:
    """The entries, each read off its place (sweep, position)."""
    import numpy as np

    return np.array([swept[k][position] for k, position in places], dtype=float)


def _positions(rows: Sequence[Sequence[int]]) -> tuple[Numbers, Numbers]:
    """Row and column of every entry."""
    import numpy as np

    at = np.array([(r, c) for r, row in enumerate(rows) for c in row], dtype=int).reshape(-1, 2)
    return at[:, 0], at[:, 1]


def _note_paths(setting: Setting, inputs: Sequence[int], found: Sparse) -> None:
    """A flag for each input without an entry."""
    met = set(found.columns.tolist())
    dead: list[int] = []
    start = 0
    for k in inputs:
        count = getattr(zeros(setting.variant.types[k].shape), "size", 1)
        if met.isdisjoint(range(start, start + count)):
            dead.append(k)
        start += count
    without_path(setting.variant, inputs, dead)


def _finished(result: Result, found: Sparse, **more: Any) -> Result:
    result.sparse = found
    return explained(result, **more, values=found.values)


