"""Uncertainties of results, from those of the inputs, through the derivatives: the first order, and how much the second would add.

With J the derivatives of an output by the uncertain numbers x and C their covariances, the variance of the output is J C J'. What
curvature adds for normal distributions is tr(H C)/2 to the mean and tr(H C H C)/2 to the variance, H being the Hessian.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from adcli.api import derivatives
from adcli.api.point import as_real, nearest
from adcli.api.program import Program, Result
from adcli.errors import AdcliError, UsageError
from adcli.report.propagate import Output, Propagated, Second, Share

# Uncertain numbers up to which the second order is looked at: the Hessian takes a sweep for each.
CURVED = 100


class Uncertain(NamedTuple):
    """A number with an uncertainty: an input or an element of one."""

    name: str
    value: float
    spread: float


class Correlated:
    """The uncertain numbers and their correlations. UsageError where no distribution has them."""

    def __init__(self, numbers: Sequence[Uncertain], pairs: Sequence[tuple[str, str, float]]) -> None:
        self.numbers = list(numbers)
        self.pairs = list(pairs)
        self.spreads = [n.spread for n in numbers]
        places = {n.name: k for k, n in enumerate(numbers)}
        self.coefficients: dict[tuple[int, int], float] = {}
        for a, b, r in pairs:
            i, j = (_place(name, places) for name in (a, b))
            if i == j or (min(i, j), max(i, j)) in self.coefficients:
                help_text = "give each pair once, and none of a number with itself"
                raise UsageError(f"the correlation of {a} and {b} is given twice", help=help_text)
            if not -1 <= r <= 1:
                raise UsageError(f"{r!r} is no correlation of {a} and {b}", help="a correlation is between -1 and 1")
            self.coefficients[min(i, j), max(i, j)] = r
        if self.coefficients:
            self._possible()

    def _possible(self) -> None:
        """The correlation matrix has no negative eigenvalue."""
        import numpy as np

        used = sorted({k for pair in self.coefficients for k in pair})
        matrix = np.eye(len(used))
        for (i, j), r in self.coefficients.items():
            a, b = used.index(i), used.index(j)
            matrix[a, b] = matrix[b, a] = r
        least = float(np.linalg.eigvalsh(matrix)[0])
        if least < -1e-12 * len(used):
            raise UsageError(
                f"no quantities have these correlations: their matrix has the negative eigenvalue {least:.3g}",
                help="check the signs: what is close to each of two others cannot let these be far apart",
            )

    def times(self, c: Sequence[float]) -> list[float]:
        """The correlation matrix times a vector."""
        out = list(c)
        for (i, j), r in self.coefficients.items():
            out[i] += r * c[j]
            out[j] += r * c[i]
        return out

    def covariance(self, a: Sequence[float], b: Sequence[float]) -> float:
        """Of two outputs, whose derivatives times spreads these are."""
        products = [x * y for x, y in zip(a, self.times(b), strict=True)]
        return math.fsum(products) if all(map(math.isfinite, products)) else sum(products)

    def deviation(self, c: Sequence[float]) -> float:
        """The standard uncertainty of an output."""
        return root(self.covariance(c, c)) if self.coefficients else math.hypot(*c)


def root(variance: float) -> float:
    """A deviation; rounding may have left a variance of 0 below it."""
    return 0.0 if variance < 0 else math.sqrt(variance)


def _place(name: str, places: Mapping[str, int]) -> int:
    if name not in places:
        near = nearest(name, places)
        some = ", ".join([*places][:8])
        raise UsageError(
            f"'{name}' has no uncertainty to be correlated", help=f"did you mean '{near}'?" if near else f"those that have one are {some}"
        )
    return places[name]


def propagate(
    program: Program, at: Mapping[str, Any], spreads: Mapping[str, Any], correlations: Sequence[tuple[str, str, float]] = (),
    of: str | None = None,
) -> tuple[Propagated, Result]:  # fmt: skip
    """The uncertainties of all outputs, or of one, at a point.

    spreads: standard uncertainties by input: a number, or for an array one number or one for each element. correlations: (a, b, r) of
    inputs or elements ("w[0]"). Raises UsageError where these make no sense, and what the derivatives raise.
    """
    setting = derivatives.Setting(program, at)
    if not spreads:
        example = next((i.name for i in program.inputs if i.kind == "real"), "x")
        raise UsageError("no input has an uncertainty", help=f'give it behind the value: --at "{example}=5±0.1", or {example}=5+-0.1')
    inputs = setting.wrt([name for name in setting.variant.names if name in spreads])
    names = [setting.variant.names[k] for k in inputs if 0 not in setting.variant.types[k].shape]
    values = dict(zip(setting.variant.names, setting.args, strict=True))
    numbers = [n for name in names for n in uncertain(name, values[name], spreads[name])]
    correlated = Correlated(numbers, correlations)
    result = derivatives.jacobian(program, at, names, of)
    outputs = []
    for name, value in result.outputs.items():
        rows = zip(*(_rows(result.derivative[name][x], value) for x in names), strict=True)
        for (shown, number), parts in zip(_elements(name, value), rows, strict=True):
            slopes = [slope for part in parts for slope in part]
            second = _second(program, at, names, name, correlated) if not getattr(value, "shape", ()) else None
            outputs.append(_output(shown, float(number), slopes, correlated, second))
    return Propagated(outputs, _covariances(outputs, correlated), correlated.pairs), result


def uncertain(name: str, value: Any, spread: Any) -> Iterator[Uncertain]:
    """The uncertain numbers of an input. UsageError where a spread is negative, not finite, or not of the value's shape."""
    own = getattr(value, "shape", ())
    found = as_real(name, spread, [])
    shape = getattr(found, "shape", ())
    if shape not in ((), own):
        raise UsageError(
            f"the uncertainty of '{name}' has shape {list(shape)}, and its value {list(own)}",
            help="give one number, or one for each element: w=[1,2]±[0.1,0.2]",
        )
    each = [found] * len(list(_elements(name, value))) if not shape else found.reshape(-1).tolist()  # type: ignore[union-attr]
    for (shown, number), u in zip(_elements(name, value), each, strict=True):
        if not (0 <= u < math.inf):
            raise UsageError(f"{u!r} is no uncertainty of '{shown}'", help="an uncertainty is a standard deviation: 0 or more, and finite")
        yield Uncertain(shown, number, u)


def _elements(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    shape = getattr(value, "shape", ())
    if not shape:
        yield name, value
        return
    import numpy as np

    for index in np.ndindex(*shape):
        yield f"{name}[{','.join(map(str, index))}]", value[index].item()


def _rows(block: Any, value: Any) -> list[list[float]]:
    """For each element of an output its derivatives by the elements of an input."""
    if not hasattr(block, "shape"):
        return [[block]]
    size = max(1, getattr(value, "size", 1))
    rows: list[list[float]] = block.reshape(size, -1).tolist()
    return rows


def _output(name: str, value: float, slopes: Sequence[float], correlated: Correlated, second: Second | None) -> Output:
    parts = [slope * u if u else 0.0 for slope, u in zip(slopes, correlated.spreads, strict=True)]
    deviation = correlated.deviation(parts)
    toward = correlated.times(parts)
    shares = [
        Share(
            n.name, n.value, n.spread, slope, abs(c), c / deviation * (t / deviation) if deviation else math.nan,
            slope * (n.value / value) if value else math.nan,
        )
        for n, slope, c, t in zip(correlated.numbers, slopes, parts, toward, strict=True)
    ]  # fmt: skip
    return Output(name, value, deviation, shares, second, parts)


def _second(program: Program, at: Mapping[str, Any], names: Sequence[str], of: str, correlated: Correlated) -> Second | None:
    """What curvature adds; None where nothing can be said."""
    if len(correlated.numbers) > CURVED:
        return None
    from adcli.api.second import hessian

    try:
        found = hessian(program, at, names, of).derivative
    except AdcliError:
        return None  # the first order stands; JSON has null here
    import numpy as np

    sizes = {a: max(1, np.size(found[a][a]) ** 0.5) for a in names}
    h = np.block([[np.reshape(found[a][b], (round(sizes[a]), round(sizes[b]))) for b in names] for a in names])
    if not np.all(np.isfinite(h)):
        return None
    u = np.array(correlated.spreads)
    r = np.eye(len(u))
    for (i, j), value in correlated.coefficients.items():
        r[i, j] = r[j, i] = value
    with np.errstate(all="ignore"):
        product = (h * u[:, None] * u) @ r
        second = Second(float(np.trace(product)) / 2, root(float(np.trace(product @ product)) / 2))
    return second if all(map(math.isfinite, second)) else None


def _covariances(outputs: Sequence[Output], correlated: Correlated) -> dict[str, dict[str, float]]:
    if len(outputs) < 2:
        return {}
    return {a.name: {b.name: correlated.covariance(a.parts, b.parts) for b in outputs} for a in outputs}
