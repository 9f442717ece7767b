"""Where nan and inf come from: the way back from an adjoint or a value to the operation that made it.

    adjoint of x is nan     x^2 gave inf × 0     its adjoint inf came from x^2 + y^2     and that from sqrt, whose derivative is inf at 0

An adjoint goes back to the first use that made it what it is, and on to the adjoint of that operation, until the partial derivative
is to blame; a partial that is not finite because a value is not goes back on through the arguments of that value.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from adcli.engines.flags import birth
from adcli.ir.nodes import Let
from adcli.report.blame.swept import Index, Place, Swept, Term, Use, element, indices
from adcli.report.sweep import Local

# Numbers looked at on ways that are not used.
MOST_UNUSED = 100_000
ELEMENTWISE = ("real", "arith", "select", "compare", "logical", "to_int")


class Hop(NamedTuple):
    """A step on the way, at an operation (and an element of its result).

    A value: `number` is what the operation gave. An adjoint: `number` is the increment bar × partial to the adjoint of `target`,
    which is the argument at `position`.
    """

    node: int
    at: Index
    number: float
    position: int = -1
    target: Place | None = None
    bar: float = math.nan
    partial: float = math.nan

    @property
    def is_value(self) -> bool:
        return self.target is None


# How 0 met a derivative that is not finite on a way that is not used.
UNUSED = "unused"
# What the way begins with.
INPUT, CONSTANT, VALUE, PARTIAL, PRODUCT, SUM, UNKNOWN = "input", "constant", "value", "partial", "overflow", "sum", "unknown"


@dataclass(slots=True)
class Path:
    """The way of a number that is not finite, in the order in which things happened.

    root: what the first hop is: an input or a constant that is not finite, an operation whose value or whose partial is not, a
    product or a sum of adjoints that is too large. cause: the name of the input, the constant, or the flag code of the value.
    turned: the hop at which inf became nan, and how: "product" with 0, "difference" of infinities, "value", or
    "unused": see `unused_path`.
    """

    hops: list[Hop] = field(default_factory=list)
    root: str = UNKNOWN
    cause: str = ""
    turned: tuple[Hop, str] | None = None

    @property
    def first(self) -> Hop | None:
        return self.hops[0] if self.hops else None


def adjoint_path(swept: Swept, place: Place) -> Path:
    """The way to the adjoint of a number that is nan or infinite."""
    path = Path()
    while True:
        found = _culprit(swept, place)
        if found is None:
            break
        use, term, how = found
        if not use.terms:  # it came about inside the operation's derivative, and no element of its result is to blame
            path.hops.append(Hop(use.source, (0,) * getattr(swept.bars[use.source], "ndim", 0), use.increment, use.position, place))
            break
        hop = Hop(use.source, term.at, use.increment, use.position, place, term.bar, term.partial)
        path.hops.append(hop)
        if how == SUM:
            path.root = SUM
            break
        if how and path.turned is None:
            path.turned = hop, how
        if not math.isfinite(term.bar):
            place = Place(use.source, term.at)
            continue
        if math.isfinite(term.partial):
            path.root = PRODUCT
        else:
            _into_partial(swept, hop, path)
        break
    path.hops.reverse()
    return path


def unused_path(swept: Swept, place: Place) -> Path:
    """The way to an adjoint that is 0 in this run, but nan in `grad`: on a way that is not used, 0 meets a derivative that is not finite.

    A recording has only what ran, while the adjoint program carries zeros along variables that the run overwrote.
    """
    todo, seen = [place], {place}
    while todo and len(seen) < MOST_UNUSED:
        at = todo.pop()
        for use in swept.all_uses(at):
            for term in use.terms:
                if not math.isfinite(term.partial):
                    hop = Hop(use.source, term.at, math.nan, use.position, at, 0.0, term.partial)
                    path = Path([hop], PARTIAL, "", (hop, UNUSED))
                    _into_partial(swept, hop, path)
                    path.hops.reverse()
                    return path
                above = Place(use.source, term.at)
                if above not in seen:
                    seen.add(above)
                    todo.append(above)
    return Path()


def _culprit(swept: Swept, place: Place) -> tuple[Use, Term, str] | None:
    """The use and its term that made an adjoint what it is, and how inf became nan in it ("" if it did not)."""
    is_nan = math.isnan(swept.bar(place))
    infinite: list[Use] = []
    largest: Use | None = None
    for use in swept.uses(place):
        if math.isnan(use.increment):
            term, how = _nan_term(use.terms)
            return use, term, how
        if math.isinf(use.increment):
            infinite.append(use)
        if largest is None or abs(use.increment) > abs(largest.increment):
            largest = use
    if infinite:
        term = _largest(infinite[0].terms)
        return infinite[0], term, "difference" if is_nan else SUM if math.isfinite(term.product) else ""
    return None if largest is None or not largest.terms else (largest, _largest(largest.terms), SUM)


def _nan_term(terms: list[Term]) -> tuple[Term, str]:
    """The term behind a nan, and how inf became nan in it."""
    for term in terms:
        if math.isnan(term.bar) or math.isnan(term.partial):
            return term, ""
    for term in terms:
        if math.isnan(term.product):
            return term, "product"
    largest = _largest(terms)
    return largest, "difference" if math.isinf(largest.product) else ""


def _largest(terms: list[Term]) -> Term:
    return max(terms, key=lambda t: abs(t.product)) if terms else Term((), math.nan, math.nan)


def _into_partial(swept: Swept, hop: Hop, path: Path) -> None:
    """Go on from a partial that is not finite: to a value that its rule reads, or it is the derivative itself. Hops are last first."""
    r = swept.recording
    let = r.lets[hop.node]
    assert let is not None
    reads = _read_by_partial(let, hop.position)
    value = element(r.values[hop.node], hop.at)
    outside = math.isnan(hop.partial) and math.isnan(value)  # of the domain: there neither the value nor the derivative is defined
    if outside or ((reads is None or "out" in reads) and math.isinf(value)):
        value_path(swept, Place(hop.node, hop.at), path)
        return
    for k, index in _bad_arguments(swept, Place(hop.node, hop.at), math.isnan(hop.partial)):
        if reads is not None and let.op.args[k] not in reads:
            continue
        ref = r.args(hop.node)[k]
        if ref >= 0:
            value_path(swept, Place(ref, index), path)
        else:
            path.root, path.cause = CONSTANT, repr(element(r.value(ref), index))
        return
    path.root = PARTIAL


def _read_by_partial(let: Let, position: int) -> frozenset[str] | None:
    """The arguments, and "out", that the rule of a partial reads; None where there is no such text."""
    if let.op.kind != "partials" or isinstance(let.op.rule, Mapping):
        return None
    return frozenset(re.findall(r"\w+", let.op.rule[position] or ""))


def value_path(swept: Swept, place: Place, path: Path) -> Path:
    """Go on from a value that is nan or infinite to the operation that made it of finite ones. Hops are appended last first."""
    r = swept.recording
    names = list(r.inputs)
    while True:
        value = element(r.values[place.node], place.at)
        if place.node < len(names):
            path.root, path.cause = INPUT, named(names[place.node], place.at)
            return path
        path.hops.append(Hop(place.node, place.at, value))
        found = next(_bad_arguments(swept, place, math.isnan(value)), None)
        if found is None:
            path.root, path.cause = VALUE, _code(swept, place)
            return path
        k, index = found
        ref = r.args(place.node)[k]
        was_nan = math.isnan(element(r.value(ref), index))
        if math.isnan(value) and not was_nan and path.turned is None:
            path.turned = path.hops[-1], "value"
        if ref < 0:
            path.root, path.cause = CONSTANT, repr(element(r.value(ref), index))
            return path
        place = Place(ref, index)


def _bad_arguments(swept: Swept, place: Place, prefer_nan: bool) -> Iterator[tuple[int, Index]]:
    """The arguments of an operation, and their elements, that are not finite and that its result (at an index) is made of."""
    r = swept.recording
    found: list[tuple[int, Index]] = []
    for k, ref in enumerate(r.args(place.node)):
        value = r.value(ref)
        if not _is_real(value):
            continue
        for index in related(swept, place, k):
            if not math.isfinite(element(value, index)):
                found.append((k, index))
    if prefer_nan:
        found.sort(key=lambda one: not math.isnan(element(r.value(r.args(place.node)[one[0]]), one[1])))
    yield from found


def related(swept: Swept, place: Place, k: int) -> Iterator[Index]:
    """The elements of argument k that an element of an operation's result is made of."""
    r = swept.recording
    let, args = r.lets[place.node], [r.value(ref) for ref in r.args(place.node)]
    assert let is not None
    shape = getattr(args[k], "shape", ())
    if let.op.name == "select" and k > 0 and bool(element(args[0], fitted(place.at, args[0]))) != (k == 1):
        return
    if not shape:
        yield ()
    elif let.op.type in ELEMENTWISE:
        yield fitted(place.at, args[k])
    else:
        moving = tuple(p for p in swept.trace.derivatives.positions(let) if _is_real(args[p]))
        if k not in moving:
            yield from indices(args[k])
            return
        weights = Local(let, args, moving, swept.trace.limits).pull_back(args, _unit(r.values[place.node], place.at))
        import numpy as np

        yield from (tuple(map(int, at)) for at in np.argwhere(weights[moving.index(k)]))


def fitted(index: Index, value: Any) -> Index:
    """The element of a value that broadcasting puts at an index."""
    shape = getattr(value, "shape", ())
    return tuple(0 if n == 1 else i for i, n in zip(index[len(index) - len(shape) :], shape, strict=True))


def _unit(value: Any, index: Index) -> Any:
    if not getattr(value, "shape", ()):
        return 1.0
    import numpy as np

    out = np.zeros(value.shape)
    out[index] = 1.0
    return out


def _is_real(value: Any) -> bool:
    return value.dtype.kind == "f" if hasattr(value, "dtype") else isinstance(value, float)


def _code(swept: Swept, place: Place) -> str:
    """What made a value that is not finite of finite ones: "domain", "singular" or "overflow"."""
    r = swept.recording
    let = r.lets[place.node]
    assert let is not None
    args = [r.value(ref) for ref in r.args(place.node)]
    value = r.values[place.node]
    if let.op.type in ELEMENTWISE:
        args, value = [element(a, fitted(place.at, a)) if hasattr(a, "shape") else a for a in args], element(value, place.at)
    flag = birth(let.op.name, args, value, let.span)
    return flag.code if flag is not None else ""


def named(name: str, index: Index) -> str:
    """w[3]"""
    return f"{name}[{','.join(map(str, index))}]" if index else name
