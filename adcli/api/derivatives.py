"""Values and first derivatives of a program at a point."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from adcli.api.flags import explained, without_path
from adcli.api.point import as_real, list_text, nearest
from adcli.api.program import Program, Result
from adcli.engines.flags import has_nan
from adcli.errors import UsageError
from adcli.ir.types import Type

Key = TypeVar("Key")


class Setting:
    """A program at a point, with the inputs to differentiate by and the output chosen, all as positions."""

    def __init__(self, program: Program, at: Mapping[str, Any], **order: int) -> None:
        self.program = program
        self.variant, self.args, flags = program.bind(at, **order)
        self.variant.flags = list(flags)
        self.variant.steps = 0

    def wrt(self, names: Sequence[str] | None) -> tuple[int, ...]:
        """Positions of the inputs; all real ones by default."""
        types, inputs = self.variant.types, self.variant.names
        if names is None:
            return tuple(k for k, t in enumerate(types) if t.elem == "real")
        found: list[int] = []
        for name in names:
            if name not in inputs:
                near = nearest(name, inputs)
                raise UsageError(
                    f"the program has no input '{name}' to differentiate by",
                    help=f"did you mean '{near}'?" if near else f"its inputs are {', '.join(inputs) or 'none'}",
                )
            k = inputs.index(name)
            if types[k].elem != "real":
                raise UsageError(f"input '{name}' is an integer and has no derivative", help="leave it out: derivatives are by real inputs")
            if k in found:
                raise UsageError(f"input '{name}' is named twice", help="name each input once")
            found.append(k)
        return tuple(found)

    def output(self, name: str | None, what: str) -> int:
        """Position of the output `name`, or of the only one."""
        outputs = self.program.outputs
        if name is None:
            if len(outputs) == 1:
                return 0
            raise UsageError(
                f"the program has {len(outputs)} outputs, {', '.join(outputs)}, and {what} is of one",
                help=f"choose it with --of, e.g. --of {outputs[0]}",
            )
        if name not in outputs:
            near = nearest(name, outputs)
            raise UsageError(
                f"the program has no output '{name}'", help=f"did you mean '{near}'?" if near else f"its outputs are {', '.join(outputs)}"
            )
        return outputs.index(name)

    def scalar_output(self, name: str | None, what: str) -> int:
        of = self.output(name, what)
        shape = self.variant.result_types[of].shape
        if shape:
            size = list_text(["?" if n is None else n for n in shape])
            raise UsageError(
                f"{what} is of a number, and output '{self.program.outputs[of]}' is an array of shape {size}",
                help="`adcli jacobian` takes arrays",
            )
        return of

    def real(self, of: int) -> bool:
        """Whether an output can have a derivative other than zero."""
        return self.variant.result_types[of].elem == "real"


def zeros(shape: Sequence[int | None]) -> Any:
    if not shape:
        return 0.0
    import numpy as np

    return np.zeros(tuple(n or 0 for n in shape))


def ones_at(shape: Sequence[int | None]) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Every unit direction of a shape, with its index."""
    if not shape:
        yield (), 1.0
        return
    import numpy as np

    for index in np.ndindex(*(n or 0 for n in shape)):
        yield index, one_at(shape, index)


def one_at(shape: Sequence[int | None], index: tuple[int, ...]) -> Any:
    """The unit direction with that index."""
    if not shape:
        return 1.0
    import numpy as np

    unit = np.zeros(tuple(n or 0 for n in shape))
    unit[index] = 1.0
    return unit


def evaluate(program: Program, at: Mapping[str, Any]) -> Result:
    """The values of the outputs."""
    setting = Setting(program, at)
    values = setting.variant.run(setting.args)
    return explained(Result(dict(zip(program.outputs, values, strict=True)), setting.variant.flags, steps=setting.variant.steps))


def gradient(program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None, mode: str) -> Result:
    """Value and gradient of a scalar output; `derivative` is by input."""
    setting = Setting(program, at)
    of_ = setting.scalar_output(of, "a gradient")
    inputs = setting.wrt(wrt)
    sweep = _forward if mode == "forward" else sweep_back
    value, found = sweep(setting, inputs, of_)
    name = program.outputs[of_]
    result = Result({name: value}, setting.variant.flags, mode, setting.variant.steps)
    result.of = name
    result.derivative = {setting.variant.names[k]: found[k] for k in inputs}
    return explained(result, gradient=result.derivative)


def sweep_back(setting: Setting, inputs: tuple[int, ...], of: int) -> tuple[Any, dict[int, Any]]:
    """One sweep; the value and the adjoints of the inputs."""
    variant = setting.variant
    if not inputs or not setting.real(of):
        value = variant.run(setting.args, of=of)[0]
        without_path(variant, inputs, inputs)
        return value, {k: zeros(variant.types[k].shape) for k in inputs}
    value, *adjoints = variant.run([*setting.args, 1.0], "reverse", inputs, of)
    paths = variant.paths("reverse", inputs, of)
    without_path(variant, inputs, [k for k, there in zip(inputs, paths, strict=True) if not there])
    return value, by_tangents(setting, dict(zip(inputs, adjoints, strict=True)), of)


def _forward(setting: Setting, inputs: tuple[int, ...], of: int) -> tuple[Any, dict[int, Any]]:
    """One sweep for each element of each input."""
    variant = setting.variant
    value = None
    found: dict[int, Any] = {}
    dead: list[int] = []
    for k in inputs:
        found[k] = zeros(variant.types[k].shape)
        if not setting.real(of) or not any(variant.paths("forward", (k,), of)):
            dead.append(k)
            if setting.real(of):  # for its flags: a jump that hides the path is worth a word
                value = variant.run([*setting.args, found[k]], "forward", (k,), of)[0]
            continue
        for index, unit in ones_at(variant.types[k].shape):
            value, tangent = variant.run([*setting.args, unit], "forward", (k,), of)
            if index:
                found[k][index] = tangent
            else:
                found[k] = tangent
        found[k] = settled(found[k], partial(_adjoint, setting, k, of))
    if value is None:
        value = variant.run(setting.args, of=of)[0]
    without_path(variant, inputs, dead)
    return value, found


def _adjoint(setting: Setting, k: int, of: int) -> Any:
    return setting.variant.run([*setting.args, 1.0], "reverse", (k,), of)[1]


def settled(found: Any, otherwise: Callable[[], Any]) -> Any:
    """Derivatives, with what another mode gives where they are nan.

    What does not move has tangent 0, and times an infinite derivative that is nan; a sweep the other way round never forms this product,
    though it may form others. On a path that ran each of the two meets the 0 and the infinity: both give nan.
    """
    if not has_nan(found):
        return found
    other = otherwise()
    if not hasattr(found, "shape"):
        return other
    import numpy as np

    return np.where(np.isnan(found), other, found)


MOST = 256  # elements that are looked at one by one: each takes a sweep of its own


def by_sweeps(derivatives: dict[int, Any], sweep: Callable[[int, Any], float]) -> dict[int, Any]:
    """Derivatives by input, or by output, with what `sweep(k, unit)` gives for each element that is nan, a unit direction of the k-th."""
    where = [(k, index) for k, a in derivatives.items() if has_nan(a) for index in _nans(a)]
    if not 0 < len(where) <= MOST:
        return derivatives
    found = {k: a.copy() if hasattr(a, "shape") else a for k, a in derivatives.items()}
    for k, index in where:
        _put(found, k, index, sweep(k, one_at(getattr(found[k], "shape", ()), index)))
    return found


def by_tangents(setting: Setting, adjoints: dict[int, Any], of: int, cotangent: Any = 1.0) -> dict[int, Any]:
    """The adjoints of inputs, with what forward sweeps give where they are nan.

    z = sqrt(v); z[1]    has no path from v[0], yet the adjoint of z[0] is the number 0, and at v[0] = 0 it meets an infinite derivative.
    """

    def slope(k: int, unit: Any) -> float:
        return weighed(setting.variant.run([*setting.args, unit], "forward", (k,), of)[-1], cotangent)

    return by_sweeps(adjoints, slope)


def _nans(found: Any) -> list[tuple[int, ...]]:
    """The indices at which a derivative, some of which is nan, is that."""
    if not hasattr(found, "shape"):
        return [()]
    import numpy as np

    return [tuple(index) for index in np.argwhere(np.isnan(found)).tolist()]


def weighed(derivative: Any, weight: Any) -> float:
    """The sum of an array's elements (or a number) times weights; what has the weight 0 does not count, not even as nan."""
    if not hasattr(derivative, "shape"):
        return float(derivative * weight) if weight else 0.0
    import numpy as np

    counts = np.not_equal(weight, 0)
    return float(np.sum(derivative[counts] * np.asarray(weight)[counts]))


def jacobian(program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> Result:
    """The derivative of every output by every input: column by column, or row by row where there are fewer rows."""
    setting = Setting(program, at)
    variant, inputs = setting.variant, setting.wrt(wrt)
    outputs = range(len(program.outputs)) if of is None else [setting.output(of, "a Jacobian")]
    values = variant.run(setting.args, of=None if of is None else outputs[0])
    shapes = [getattr(v, "shape", ()) for v in values]
    columns = sum(_size(variant.types[k].shape) for k in inputs)
    mode = "forward" if columns <= sum(map(_size, shapes)) else "reverse"
    result = Result({program.outputs[j]: v for j, v in zip(outputs, values, strict=True)}, variant.flags, mode)
    sizes = dict(zip(outputs, shapes, strict=True))
    sweep, other = (_by_columns, _by_rows) if mode == "forward" else (_by_rows, _by_columns)
    found = sweep(setting, inputs, sizes)
    if any(map(has_nan, found.values())):
        rest = other(setting, inputs, sizes)
        found = {key: settled(block, partial(rest.__getitem__, key)) for key, block in found.items()}
    for j, shape in sizes.items():
        none = {k: zeros((*shape, *variant.types[k].shape)) for k in inputs if (j, k) not in found}
        result.derivative[program.outputs[j]] = {variant.names[k]: found[j, k] if (j, k) in found else none[k] for k in inputs}
    paths = {k for _, k in found}
    without_path(variant, inputs, [k for k in inputs if k not in paths])
    result.flags, result.steps = variant.flags, variant.steps
    return explained(result, jacobian=result.derivative)


def _size(shape: Sequence[int | None]) -> int:
    out = 1
    for n in shape:
        out *= n or 0
    return out


def _by_columns(setting: Setting, inputs: Sequence[int], shapes: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], Any]:
    """∂output j/∂input k at (j, k) where there is a path: one forward sweep for each element of each input."""
    variant = setting.variant
    of = next(iter(shapes)) if len(shapes) < len(setting.program.outputs) else None
    found: dict[tuple[int, int], Any] = {}
    for k in inputs:
        own = variant.types[k].shape
        reached = [j for j, there in zip(shapes, variant.paths("forward", (k,), of), strict=True) if there]
        found |= {(j, k): zeros((*shapes[j], *own)) for j in reached}
        for index, unit in ones_at(own) if reached else ():
            results = variant.run([*setting.args, unit], "forward", (k,), of)
            tangents = dict(zip(shapes, results[len(shapes) :], strict=True))
            for j in reached:
                _put(found, (j, k), (..., *index), tangents[j])
    return found


def _by_rows(setting: Setting, inputs: Sequence[int], shapes: Mapping[int, Sequence[int]]) -> dict[tuple[int, int], Any]:
    """The same by one reverse sweep for each element of each output."""
    variant = setting.variant
    found: dict[tuple[int, int], Any] = {}
    for j, shape in shapes.items():
        if not inputs or not setting.real(j):
            continue
        reached = [k for k, there in zip(inputs, variant.paths("reverse", tuple(inputs), j), strict=True) if there]
        found |= {(j, k): zeros((*shape, *variant.types[k].shape)) for k in reached}
        for index, unit in ones_at(shape) if reached else ():
            adjoints = dict(zip(inputs, variant.run([*setting.args, unit], "reverse", tuple(inputs), j)[1:], strict=True))
            for k in reached:
                _put(found, (j, k), (*index, ...), adjoints[k])
    return found


def _put(found: dict[Key, Any], key: Key, index: tuple[Any, ...], part: Any) -> None:
    """Set a column or row of a block, or the whole of it where it is a number."""
    if hasattr(found[key], "shape"):
        found[key][index] = part
    else:
        found[key] = part


def direction(setting: Setting, along: Mapping[str, Any]) -> tuple[tuple[int, ...], list[Any]]:
    """The inputs that move, and how: each of its input's shape."""
    variant = setting.variant
    inputs = setting.wrt(list(along))
    return inputs, [
        _shaped(name, value, variant.types[k], f"the direction of '{name}'") for (name, value), k in zip(along.items(), inputs, strict=True)
    ]


def _shaped(name: str, value: Any, type: Type, what: str) -> Any:
    made = as_real(name, value, [])
    shape = getattr(made, "shape", ())
    if tuple(type.shape) != shape:
        want = f"an array of shape {list_text([n or 0 for n in type.shape])}" if type.shape else "a number"
        got = f"an array of shape {list_text(shape)}" if shape else "a number"
        raise UsageError(f"{what} must be {want}, not {got}", help="it has the shape of what it belongs to")
    return made


def jvp(program: Program, at: Mapping[str, Any], along: Mapping[str, Any], of: str | None) -> Result:
    """Jacobian times direction: one forward sweep; `derivative` is by output."""
    setting = Setting(program, at)
    variant = setting.variant
    inputs, tangents = direction(setting, along)
    one = None if of is None else setting.output(of, "a derivative")
    results = variant.run([*setting.args, *tangents], "forward", inputs, one) if inputs else variant.run(setting.args, of=one)
    names = list(program.outputs) if of is None else [of]
    values = results[: len(names)]
    moved = results[len(names) :] or [zeros(getattr(v, "shape", ())) for v in values]
    outputs = [setting.output(name, "a derivative") for name in names]
    moved = list(_by_adjoints(setting, dict(zip(inputs, tangents, strict=True)), dict(zip(outputs, moved, strict=True))).values())
    result = Result(dict(zip(names, values, strict=True)), variant.flags, "forward", variant.steps)
    result.derivative = dict(zip(names, moved, strict=True))
    return explained(result, tangents=result.derivative)


def _by_adjoints(setting: Setting, along: Mapping[int, Any], tangents: dict[int, Any]) -> dict[int, Any]:
    """The tangents of outputs, with what reverse sweeps give where they are nan."""

    def slope(of: int, unit: Any) -> float:
        adjoints = setting.variant.run([*setting.args, unit], "reverse", tuple(along), of)[1:]
        return sum(weighed(a, d) for a, d in zip(adjoints, along.values(), strict=True))

    return by_sweeps(tangents, slope)


def vjp(program: Program, at: Mapping[str, Any], cotangent: Any, wrt: Sequence[str] | None, of: str | None) -> Result:
    """Cotangent times Jacobian: one reverse sweep for each output with a cotangent; `derivative` is by input."""
    setting = Setting(program, at)
    variant, inputs = setting.variant, setting.wrt(wrt)
    given = cotangent if isinstance(cotangent, Mapping) else {program.outputs[setting.output(of, "a cotangent without a name")]: cotangent}
    chosen = {setting.output(name, "a cotangent"): value for name, value in given.items()}
    values = variant.run(setting.args)
    total = {k: zeros(variant.types[k].shape) for k in inputs}
    paths: set[int] = set()
    for j, seed in chosen.items():
        seed = _shaped(program.outputs[j], seed, Type("real", getattr(values[j], "shape", ())), f"the cotangent of '{program.outputs[j]}'")
        if inputs and setting.real(j):
            swept = dict(zip(inputs, variant.run([*setting.args, seed], "reverse", inputs, j)[1:], strict=True))
            adjoints = by_tangents(setting, swept, j, seed)
            total = {k: a if len(chosen) == 1 else total[k] + a for k, a in adjoints.items()}
            paths |= {k for k, there in zip(inputs, variant.paths("reverse", inputs, j), strict=True) if there}
    without_path(variant, inputs, [k for k in inputs if k not in paths])
    result = Result(dict(zip(program.outputs, values, strict=True)), variant.flags, "reverse", variant.steps)
    result.derivative = {variant.names[k]: total[k] for k in inputs}
    return explained(result, gradient=result.derivative)
