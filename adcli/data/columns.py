"""Rows that come as columns: NumPy's .npy files here, Parquet through `frames`."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

from adcli.data.block import Block, Place
from adcli.data.number import EXACT
from adcli.data.stream import Stream
from adcli.engines.flags import Flag
from adcli.errors import DataError

ROWS = 2**17  # in a block


class ColumnBlock(Block):
    """Rows of a table of columns."""

    def __init__(self, table: Mapping[str, Any], start: int, count: int) -> None:
        super().__init__(count, range(start + 1, start + count + 1))
        self.table = {name: column[start : start + count] for name, column in table.items()}

    def part(self, start: int, stop: int) -> Block:
        made = super().part(start, stop)
        assert isinstance(made, ColumnBlock)
        made.table = {name: column[start:stop] for name, column in self.table.items()}
        return made

    def values(self) -> Iterable[Sequence[Any]]:
        lists = [column.tolist() if hasattr(column, "tolist") else column.to_list() for column in self.table.values()]
        return zip(*lists, strict=True) if lists else [()] * self.count


class Table:
    """A reader of columns in memory. plain: a matrix without names, whose columns take the names of the inputs."""

    textual = False
    end = "\n"
    layout = ("columns", "")

    def __init__(self, name: str, table: Mapping[str, Any], count: int) -> None:
        self.place = Place(name, "row")
        self.table = dict(table)
        self.columns = list(table)
        self.count = count
        self.plain = False

    def blocks(self, wanted: Mapping[str, str]) -> Generator[Block, None, None]:
        """Blocks of rows with the columns of `wanted`, which says whether they are "real" or "int"."""
        for start in range(0, self.count, ROWS):
            block = ColumnBlock(self.table, start, min(ROWS, self.count - start))
            for name, kind in wanted.items():
                self._numbers(block, name, kind)
            yield block

    def _numbers(self, block: ColumnBlock, name: str, kind: str) -> None:
        import numpy as np

        found, missing = as_numbers(block.table[name])
        if found is None:
            raise DataError(f"{self.place.name}: column '{name}' does not hold numbers", help="convert the column")
        for row in missing:
            block.bad.setdefault(
                row, self.place.error(block.places[row], "there is no value", "--keep-going passes over rows without a value", name)
            )
        if kind == "int" and found.dtype.kind == "f":
            for row in np.flatnonzero(~(np.isfinite(found) & (found == np.trunc(found)))).tolist():
                said = f"{found[row]!r} is not a whole number"
                block.bad.setdefault(row, self.place.error(block.places[row], said, "without ': int' the input takes reals", name))
            found = np.where(np.isfinite(found), found, 0)
        if kind == "real" and found.dtype.kind in "iu":
            for row in np.flatnonzero((found > EXACT) | (found < -EXACT)).tolist():
                if int(float(found[row])) != int(found[row]):
                    said = f"{found[row]} in the data is not a binary64 number: {float(found[row])!r} is used"
                    block.notes.append((row, Flag("inexact-input", name, None, said)))
        block.columns[name] = found.astype("int64" if kind == "int" else float)


def as_numbers(column: Any) -> tuple[Any, list[int]]:
    """A column as an array of numbers, and the rows without a value; None where it holds something else."""
    if hasattr(column, "dtype") and hasattr(column, "astype"):
        return (column, []) if column.dtype.kind in "fiu" else (None, [])
    from adcli.data.frames import numbers

    return numbers(column)


def npy(stream: Stream, inputs: Sequence[str]) -> Table:
    """A .npy file: a structured array has named columns; a matrix has one for each of `inputs`, in order; a vector is one column."""
    import io

    import numpy as np

    try:
        found = np.load(io.BytesIO(stream.rest()), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise DataError(f"{stream.name} is not a file of a NumPy array of numbers", help="write it with numpy.save") from None
    if found.dtype.names:
        return Table(stream.name, {name: found[name] for name in found.dtype.names}, len(found))
    if found.ndim not in (1, 2) or found.dtype.kind not in "fiu":
        raise DataError(f"{stream.name} is not a table of real numbers", help="a table is a matrix or a structured array")
    matrix = found.reshape(len(found), -1)
    if matrix.shape[1] != len(inputs):
        names = ", ".join(inputs) or "none"
        raise DataError(
            f"{stream.name} has {matrix.shape[1]} columns without names, and the program takes {len(inputs)} inputs from data: {names}",
            help="give the others with --at, or save a structured array, whose columns have names",
        )
    table = Table(stream.name, {name: matrix[:, k] for k, name in enumerate(inputs)}, len(matrix))
    table.plain = True
    return table


def joined(parts: Sequence[Any]) -> Any:
    """The parts of a column as one."""
    if parts and all(isinstance(part, list) for part in parts):
        return [item for part in parts for item in part]
    if any(hasattr(part, "to_list") for part in parts):
        from adcli.data.frames import joined

        return joined(parts)
    import numpy as np

    return np.concatenate([np.asarray(part) for part in parts]) if parts else np.zeros(0)


def _array(column: Any) -> Any:
    """A column as an array; nothing at all is nan among numbers."""
    import numpy as np

    if isinstance(column, list) and any(item is None for item in column) and not any(isinstance(item, str) for item in column):
        return np.array([np.nan if item is None else item for item in column], float)
    return np.asarray(column)


def npy_bytes(columns: Mapping[str, Any], plain: bool) -> bytes:
    """A .npy file: a matrix where the data were one, else a structured array."""
    import io

    import numpy as np

    arrays = {name: _array(column) for name, column in columns.items()}
    for name, array in arrays.items():
        if array.dtype.kind not in "fiubU":
            raise DataError(f"column '{name}' has no place in a .npy file: it holds more than numbers or text", help="--to csv takes all")
    made: Any
    if plain and all(array.dtype.kind in "fiub" for array in arrays.values()):
        made = np.stack([array.astype(float) for array in arrays.values()], 1) if arrays else np.zeros((0, 0))
    else:
        made = np.empty(len(next(iter(arrays.values()), ())), [(name, array.dtype) for name, array in arrays.items()])
        for name, array in arrays.items():
            made[name] = array
    out = io.BytesIO()
    np.save(out, made)
    return out.getvalue()
