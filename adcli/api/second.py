"""Second derivatives: reverse over forward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from adcli.api.derivatives import MOST, Setting, by_sweeps, direction, ones_at, settled, sweep_back, weighed, zeros
from adcli.api.flags import explained
from adcli.api.program import Program, Result
from adcli.engines.flags import has_nan


def hessian(program: Program, at: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> Result:
    """Value, gradient and Hessian of a scalar output: row by row, the upper triangle computed and the lower one its mirror image."""
    setting = Setting(program, at)
    j = setting.scalar_output(of, "a Hessian")
    variant, inputs = setting.variant, setting.wrt(wrt)
    value, slopes = sweep_back(setting, inputs, j)
    blocks: dict[tuple[int, int], Any] = {}
    for position, k in enumerate(inputs):
        _row(setting, k, inputs[position:], j, blocks)
    _settle(setting, inputs, j, blocks)
    names = variant.names
    result = Result({program.outputs[j]: value}, variant.flags, "reverse over forward", variant.steps)
    result.of = program.outputs[j]
    result.gradient = {names[k]: slopes[k] for k in inputs}
    result.derivative = {names[a]: {names[b]: blocks[a, b] for b in inputs} for a in inputs}
    return explained(result, gradient=result.gradient, hessian=result.derivative)


def _row(setting: Setting, k: int, rest: tuple[int, ...], of: int, blocks: dict[tuple[int, int], Any]) -> None:
    """The blocks (k, m) for m of `rest`, which begins with k, and their transposes."""
    variant = setting.variant
    own = variant.types[k].shape
    for m in rest:
        blocks[k, m] = zeros((*own, *variant.types[m].shape))
    if setting.real(of) and any(variant.paths("forward", (k,), of)):
        for index, unit in ones_at(own):
            adjoints = variant.run([*setting.args, unit, 1.0], "second", rest, of, k)[2:]
            for m, adjoint in zip(rest, adjoints, strict=True):
                if own or variant.types[m].shape:
                    blocks[k, m][index] = adjoint
                else:
                    blocks[k, m] = adjoint
    _mirror(blocks, k, rest, len(own))


def _mirror(blocks: dict[tuple[int, int], Any], k: int, rest: tuple[int, ...], rank: int) -> None:
    if rank:
        import numpy as np

        square = blocks[k, k].reshape((int(np.sqrt(blocks[k, k].size)),) * 2)
        square = np.where(np.isnan(square), square.T, square)  # 0·inf in one direction need not be in the other
        blocks[k, k] = (np.triu(square) + np.triu(square, 1).T).reshape(blocks[k, k].shape)
    for m in rest[1:]:
        block = blocks[k, m]
        axes = getattr(block, "ndim", 0)
        blocks[m, k] = block.transpose((*range(rank, axes), *range(rank))).copy() if axes else block


def _settle(setting: Setting, inputs: tuple[int, ...], of: int, blocks: dict[tuple[int, int], Any]) -> None:
    """Put in what sweeps along the other input give where an entry by two inputs is nan (`derivatives.settled` says why)."""
    for position, k in enumerate(inputs):
        later = [m for m in inputs[position + 1 :] if has_nan(blocks[k, m])]
        if later and sum(getattr(blocks[k, m], "size", 1) for m in later) <= MOST:
            for m in later:
                other: dict[tuple[int, int], Any] = {}
                _row(setting, m, (m, k), of, other)
                blocks[k, m] = settled(blocks[k, m], partial(other.__getitem__, (k, m)))
                blocks[m, k] = settled(blocks[m, k], partial(other.__getitem__, (m, k)))


def _product(setting: Setting, along: Mapping[int, Any], of: int, k: int, unit: Any) -> float:
    """One element of a Hessian-vector product: the row of that element times the direction."""
    row = setting.variant.run([*setting.args, unit, 1.0], "second", tuple(along), of, k)[2:]
    return sum(weighed(a, d) for a, d in zip(row, along.values(), strict=True))


def hvp(program: Program, at: Mapping[str, Any], along: Mapping[str, Any], wrt: Sequence[str] | None, of: str | None) -> Result:
    """Hessian times direction: one reverse sweep over a forward one."""
    setting = Setting(program, at)
    j = setting.scalar_output(of, "a Hessian")
    variant, inputs = setting.variant, setting.wrt(wrt)
    moving, tangents = direction(setting, along)
    value, slopes = sweep_back(setting, inputs, j)
    products = [zeros(variant.types[k].shape) for k in inputs]
    if inputs and moving and setting.real(j) and any(variant.paths("forward", moving, j)):
        products = variant.run([*setting.args, *tangents, 1.0], "second", inputs, j, moving)[2:]
        found = by_sweeps(dict(zip(inputs, products, strict=True)), partial(_product, setting, dict(zip(moving, tangents, strict=True)), j))
        products = list(found.values())
    result = Result({program.outputs[j]: value}, variant.flags, "reverse over forward", variant.steps)
    result.of = program.outputs[j]
    result.gradient = {variant.names[k]: slopes[k] for k in inputs}
    result.derivative = {variant.names[k]: p for k, p in zip(inputs, products, strict=True)}
    return explained(result, gradient=result.gradient, product=result.derivative)
