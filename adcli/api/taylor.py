"""Taylor coefficients along one input."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adcli.api.derivatives import Setting, zeros
from adcli.api.flags import explained, without_path
from adcli.api.point import list_text
from adcli.api.program import Program, Result
from adcli.api.variant import ready
from adcli.errors import UsageError

ELEMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\[([0-9 ,]+)\]")


def taylor(program: Program, at: Mapping[str, Any], along: str | None, order: int, of: str | None) -> Result:
    """The coefficients f⁽ʲ⁾/j! for j = 0 … order of one output along one input or element of one; `derivative` has them by its name."""
    setting = Setting(program, at, order=order)
    variant = setting.variant
    j = setting.output(of, "a Taylor series")
    name = _only_input(setting) if along is None else along.replace(" ", "")
    k, direction = _direction(setting, name)
    value = variant.run([*setting.args, direction], "forward", (k,), j)[0]  # its flags are those of the series, too
    coefficients = [value, *(zeros(getattr(value, "shape", ())) for _ in range(order))]
    if not setting.real(j) or not any(variant.paths("forward", (k,), j)):
        without_path(variant, (k,), (k,))
    elif order:
        from adcli.engines.taylor import taylor

        function = ready(variant.function("value", of=j))
        (coefficients,) = taylor(function, setting.args, k, direction, order, program.limits)
    result = Result({program.outputs[j]: value}, variant.flags, "Taylor arithmetic", variant.steps)
    result.of = program.outputs[j]
    result.derivative = {name: coefficients}
    return explained(result, coefficients=coefficients)


def _only_input(setting: Setting) -> str:
    inputs = setting.wrt(None)
    names = [setting.variant.names[k] for k in inputs if not setting.variant.types[k].shape]
    if len(inputs) == 1 and names:
        return names[0]
    example = setting.variant.names[inputs[0]] if inputs else "x"
    raise UsageError("a Taylor series is along one input", help=f"choose it with --in, e.g. --in {example}")


def _direction(setting: Setting, name: str) -> tuple[int, Any]:
    """The position of the input, and its unit direction."""
    found = ELEMENT.fullmatch(name)
    base, index = (found[1], tuple(int(part) for part in found[2].split(","))) if found else (name, ())
    (k,) = setting.wrt([base])
    shape = setting.variant.types[k].shape
    if not shape and not index:
        return k, 1.0
    if len(index) != len(shape) or any(i >= (n or 0) for i, n in zip(index, shape, strict=True)):
        what = f"is an array of shape {list_text([n or 0 for n in shape])}" if shape else "is a number"
        example = f"{base}[{','.join('0' * len(shape))}]" if shape else base
        raise UsageError(f"a Taylor series is along one number, and '{base}' {what}", help=f"for instance --in \"{example}\"")
    direction = zeros(shape)
    direction[index] = 1.0
    return k, direction
