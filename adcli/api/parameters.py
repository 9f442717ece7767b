"""The parameters of a fit: the real inputs of a program that are no columns of the data, as one flat vector of the elements that may move.

    b1 = 500, w = [1, 2] with w[0] held      →      names b1, w[1];  vector (500, 2)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.api.batch import indices, labelled
from adcli.api.point import bind, nearest
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api.program import Program


class Parameters:
    """Names and start of what is fitted, and the way between vectors and the values of inputs.

    inputs: the inputs with an element that moves; names: those elements; start: their vector, float64 of shape [len(names)];
    held: the elements that stay, with their values; others: the values of the inputs that stay as a whole, whole numbers among them.
    """

    def __init__(
        self, program: Program, given: Mapping[str, Any], columns: Collection[str], held: Mapping[str, float | None],
        names: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """given: starts by input; columns: the inputs that are data; held: elements or whole inputs, at a value or (None) at the start.

        names: of all columns of the data, for errors.
        """
        import numpy as np

        values = starts(program, given, columns, names or list(columns))
        real = {name: value for name, value in values.items() if not isinstance(value, int)}
        self.shapes: dict[str, tuple[int, ...]] = {name: getattr(value, "shape", ()) for name, value in real.items()}
        every = [(name, index) for name, shape in self.shapes.items() for index in indices(shape)]
        labels = [labelled(*element) for element in every]
        flat = np.array([float(real[name][index]) if index else float(real[name]) for name, index in every])
        stays = held_elements(held, self.shapes, labels, flat)
        moving = [k for k, label in enumerate(labels) if label not in stays]
        self.inputs = list(dict.fromkeys(every[k][0] for k in moving))
        self.names = [labels[k] for k in moving]
        self.held = {label: stays[label] for label in labels if label in stays}
        self.start = flat[moving]
        self._templates = {name: np.array(real[name], float) for name in self.shapes}
        for label, value in stays.items():
            name, index = every[labels.index(label)]
            self._templates[name][index] = value
        self._moving = [every[k] for k in moving]
        self.others = {name: value for name, value in values.items() if isinstance(value, int)}
        self.others |= {name: self._whole(name) for name in self.shapes if name not in self.inputs}
        # Of the derivatives by all elements of the inputs that move, those that are wanted.
        among = [labelled(name, index) for name in self.inputs for index in indices(self.shapes[name])]
        self.picked = [among.index(name) for name in self.names]

    def _whole(self, name: str) -> Any:
        value = self._templates[name]
        return value.copy() if value.shape else float(value)

    def values(self, vector: Any) -> dict[str, Any]:
        """The inputs that move, each with its shape. vector: of shape [len(names)]."""
        for (name, index), value in zip(self._moving, vector, strict=True):
            self._templates[name][index] = value
        return {name: self._whole(name) for name in self.inputs}

    def shaped(self, vector: Any) -> dict[str, Any]:
        """Something else that belongs to the elements that move, by input; nan for the elements that are held."""
        import numpy as np

        made = {name: np.full(self.shapes[name], np.nan) for name in self.inputs}
        for (name, index), value in zip(self._moving, vector, strict=True):
            made[name][index] = value
        return {name: value if value.shape else float(value) for name, value in made.items()}

    def fixed(self) -> dict[str, float]:
        """Every element that is held, and every whole number."""
        return self.held | {name: value for name, value in self.others.items() if isinstance(value, int)}

    def all(self, vector: Any) -> dict[str, Any]:
        """Every input that is no column."""
        return self.others | self.values(vector)


def starts(program: Program, given: Mapping[str, Any], columns: Collection[str], names: Sequence[str]) -> dict[str, Any]:
    """The value of each input that is no column, by --params or its default."""
    both = next((name for name in given if name in columns), None)
    if both is not None:
        raise UsageError(f"'{both}' is a column of the data and has a start, too", help="rename the column or the parameter")
    lacking = [item.name for item in program.inputs if item.name not in columns and item.name not in given and item.default is None]
    if lacking:
        listed = ", ".join(f"'{name}'" for name in lacking)
        word, them, are = ("parameters", "them", "they are no columns") if len(lacking) > 1 else ("parameter", "it", "it is no column")
        near = next((f"did you mean the column '{found}'? " for name in lacking if (found := nearest(name, names))), "")
        example = ",".join(f"{name}=1" for name in lacking[:4])
        shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        raise UsageError(
            f"no start for {word} {listed}: {are} of the data",
            help=f"{near}--params {example} gives {them} one; the columns are {shown or 'none'}",
        )
    placeholders: dict[str, Any] = dict.fromkeys(columns, 0)
    return _bound(program, given, placeholders)


def _bound(program: Program, given: Mapping[str, Any], columns: Mapping[str, Any]) -> dict[str, Any]:
    """The values as the program takes them: whole numbers, floats, float64 arrays. Those of columns are not looked at."""
    from copy import copy

    signature = copy(program.signature)
    signature.inputs = tuple(item for item in signature.inputs if item.name not in columns)
    values, _, _ = bind(signature, program.source, given)
    return {item.name: value for item, value in zip(signature.inputs, values, strict=True)}


def held_elements(
    held: Mapping[str, float | None], shapes: Mapping[str, Sequence[int]], labels: Sequence[str], start: Any
) -> dict[str, float]:  # fmt: skip
    """The elements that stay, with their values: an array is held as a whole, or element by element."""
    return {
        label: float(start[labels.index(label)]) if value is None else float(value)
        for name, value in held.items()
        for label in elements_of(name, shapes, labels)
    }


def elements_of(name: str, shapes: Mapping[str, Sequence[int]], labels: Sequence[str]) -> list[str]:
    """The elements that a name means: itself, or all of an array."""
    name = name.replace(" ", "")
    if name in labels:
        return [name]
    if name in shapes:
        return [label for label in labels if label.partition("[")[0] == name]
    near = nearest(name, [*shapes, *labels])
    raise UsageError(
        f"'{name}' is no parameter", help=f"did you mean '{near}'?" if near else f"the parameters are {', '.join(labels[:8]) or 'none'}"
    )
