"""The flags of a result: inputs without a path, and where each number that is not finite came from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.engines.flags import BIRTHS, Flag, finite, message

if TYPE_CHECKING:
    from adcli.api.program import Result
    from adcli.api.variant import Variant
    from adcli.engines.limits import Limits
    from adcli.errors import Span
    from adcli.ir.nodes import Function

# What explains a number best: nan by leaving a domain, inf by a pole or by size.
LITERAL = "overflow-literal"
PREFERRED = {"nan": ("domain", "singular", "overflow", LITERAL), "inf": ("singular", "overflow", "domain", LITERAL)}


def without_path(variant: Variant, inputs: Sequence[int], dead: Sequence[int]) -> None:
    """Note a flag for each input that no output depends on."""
    given = variant.program.inputs
    variant.note(
        [
            Flag("no-path", given[k].name, given[k].span, f"'{given[k].name}' has no path to the output: its derivative is 0")
            for k in inputs
            if k in dead
        ]
    )


def births(function: Function, names: Sequence[str], args: Sequence[Any], limits: Limits) -> list[Flag]:
    """Where inf or nan came from: the values given, or the first operation that made one of finite numbers."""
    from adcli.engines.observe import Births

    return Births(function, names, limits).of(args)


def owners(entry: Function) -> dict[Span, list[str]]:
    """The operations that the program itself has at each place."""
    from adcli.ir.nodes import Let
    from adcli.ir.walk import functions, statements

    found: dict[Span, list[str]] = {}
    for f in functions(entry):
        for s in statements(f.body):
            if isinstance(s, Let) and s.span is not None:
                found.setdefault(s.span, []).append(s.op.name)
    return found


def attributed(flags: Sequence[Flag], own: Mapping[Span, Sequence[str]]) -> list[Flag]:
    """The flags in terms of the program: a division by zero in the derivative of sqrt is told as the edge of sqrt's domain."""
    from adcli.ops import TABLE

    found: list[Flag] = []
    for flag in flags:
        here = own.get(flag.span, ()) if flag.span is not None and flag.code in BIRTHS else ()
        if here and flag.op not in here:
            op = next((op for op in here if TABLE[op].special), here[-1])
            edge = any((f.code, f.op, f.span) == ("singular", op, flag.span) for f in flags)
            code = "singular" if edge else flag.code
            flag = Flag(code, op, flag.span, message(code, op))
        found.append(flag)
    return found


def strays(path: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers in a structure that are not finite, with their paths: gradient.w[0]."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from strays(f"{path}.{name}", item)
    elif isinstance(value, list):
        for k, item in enumerate(value):
            yield from strays(f"{path}[{k}]", item)
    elif not finite(value):
        if not hasattr(value, "shape"):
            yield path, value
            return
        import numpy as np

        for index in np.argwhere(~np.isfinite(value)).tolist():
            yield f"{path}[{','.join(map(str, index))}]", float(value[tuple(index)])


def explained(result: Result, **derivatives: Any) -> Result:
    """The result with one flag, carrying `at` and `is_`, for each number that is not finite."""
    shown: dict[str, Any] = {"value": result.value} if len(result.outputs) == 1 else {"outputs": result.outputs}
    found = [stray for path, value in {**shown, **derivatives}.items() for stray in strays(path, value)]
    if not found:
        return result
    births = [flag for flag in result.flags if flag.code in BIRTHS or flag.code == LITERAL]
    used: list[Flag] = []
    placed: list[Flag] = []
    for path, number in found:
        kind = "nan" if math.isnan(number) else "inf"
        why = _best(births, kind)
        if why is not None and why not in used:
            used.append(why)
        why = why or Flag("domain" if kind == "nan" else "singular", "value", None, f"the result is {number!r}")
        placed.append(Flag(why.code, why.op, why.span, why.message, path, repr(number)))
    result.flags = [*placed, *(flag for flag in result.flags if flag not in used)]
    return result


def _best(births: Sequence[Flag], kind: str) -> Flag | None:
    for code in PREFERRED[kind]:
        for flag in births:
            if flag.code == code:
                return flag
    return None
