"""Which columns of data go to which inputs of a program: a column of the input's name, or w[0], w[1], … to an array."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.api.point import nearest
from adcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from adcli.api.program import Program

ELEMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)((?:\[[0-9]{1,7}(?:, ?[0-9]{1,7})*\])+)")


class Binding(NamedTuple):
    """An input that changes from row to row: the columns of its elements in order, its shape, and "real" or "int"."""

    columns: tuple[str, ...]
    shape: tuple[int, ...]
    kind: str

    def values(self, columns: Mapping[str, Any], rows: int) -> Any:
        """The input's values, the leading axis counting rows."""
        if not self.shape:
            return columns[self.columns[0]]
        import numpy as np

        return np.stack([columns[name] for name in self.columns], 1).reshape(rows, *self.shape)


def bindings(program: Program, columns: Sequence[str], given: Mapping[str, Any], where: str) -> dict[str, Binding]:
    """The binding of each input that has columns; there are some, and the other inputs have a value.

    given: the inputs that have one value for all rows; where: what errors call the data.
    """
    made = found(program, columns, where)
    _refuse(program, columns, given, made, where)
    return made


def found(program: Program, columns: Sequence[str], where: str) -> dict[str, Binding]:
    """The binding of each input that has columns."""
    elements: dict[str, dict[tuple[int, ...], str]] = {}
    for column in columns:
        element = ELEMENT.fullmatch(column)
        if element is not None:
            index = tuple(int(part) for part in re.findall(r"[0-9]+", element[2]))
            elements.setdefault(element[1], {})[index] = column
    made: dict[str, Binding] = {}
    for item in program.inputs:
        kind = "int" if item.kind == "int" and item.shape in (None, ()) else "real"
        if item.name in columns:
            made[item.name] = Binding((item.name,), (), kind)
        elif item.name in elements:
            made[item.name] = _array(item.name, elements[item.name], where)
    used = [name for binding in made.values() for name in binding.columns]
    twice = next((name for name in used if columns.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"{where}: duplicate column '{twice}'", help="two columns of one name: mend the header")
    return made


def _array(name: str, elements: Mapping[tuple[int, ...], str], where: str) -> Binding:
    """The array that the columns of elements make up; every element needs one."""
    rank = len(next(iter(elements)))
    shape = tuple(max(index[axis] for index in elements if len(index) == rank) + 1 for axis in range(rank))
    indices = [()]
    for extent in shape:
        if len(indices) * extent > 10**6:
            break
        indices = [(*index, k) for index in indices for k in range(extent)]  # type: ignore[misc]
    lacking = next((index for index in indices if index not in elements), None)
    if lacking is not None or len(elements) != len(indices):
        one = f"{name}[{','.join(map(str, lacking or (0,) * rank))}]"
        raise DataError(f"{where}: there is no column '{one}', and there are others of '{name}'", help="every element needs a column")
    return Binding(tuple(elements[index] for index in indices), shape, "real")


def _refuse(program: Program, columns: Sequence[str], given: Mapping[str, Any], made: Mapping[str, Binding], where: str) -> None:
    both = next((name for name in made if name in given), None)
    if both is not None:
        raise UsageError(f"'{both}' is a column of the data and is given by --at, too", help="leave one of them out")
    lacking = next((i.name for i in program.inputs if i.name not in made and i.name not in given and i.default is None), None)
    if lacking is not None or (program.inputs and not made):
        lacking = lacking or program.inputs[0].name
        otherwise = f"--at {lacking}=1 gives one value for all rows"
        raise DataError(f"{where}: there is no column '{lacking}' for the input of that name", help=hint(lacking, columns, otherwise))


def hint(name: str, columns: Sequence[str], otherwise: str) -> str:
    """Another delimiter, another spelling, or the names there are, and what else one can do."""
    for delimiter, said in ((";", "';'"), ("\t", "a tab (--from tsv)"), ("|", "'|'"), (",", "','")):
        if len(columns) == 1 and delimiter in columns[0]:
            return f"is the delimiter {said}? --delimiter '{delimiter}'" if delimiter != "\t" else f"is the delimiter {said}?"
    near = nearest(name, columns)
    if near:
        return f"did you mean '{near}'? The column and the input need one name"
    shown = ", ".join(columns[:8]) + (", …" if len(columns) > 8 else "")
    return f"the columns are {shown}; {otherwise}" if columns else otherwise
