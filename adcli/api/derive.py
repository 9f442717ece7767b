"""Derivatives as formulas, and how many operations they and the automatic graph have.

>>> import adcli
>>> from adcli.api.derive import derive
>>> derive(adcli.compile("x^2*y")).texts
{'x': '2*x*y', 'y': 'x^2'}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.api.derivatives import Setting
from adcli.api.program import Program
from adcli.api.variant import only, ready
from adcli.engines.limits import NESTED, frames
from adcli.errors import AdcliError, LimitError, NoFormula, UsageError

if TYPE_CHECKING:
    from adcli.ir.signature import Input
    from adcli.symbolic.nodes import Expr

PRINTED = 100_000  # operations of a formula that is still written out


class Derived:
    """What `derive` gives.

    output: the output's name. value: its formula, as the program computes it. expressions: the derivatives by key: an input ("x"), an
    element of one ("w[0]"), of a higher order as many as the order says ("x,y"). operations: of the derivatives as formulas, written out.
    graph: of the automatic graph of the value and these derivatives, where steps are shared: what forward mode computes.
    shapes: of the real inputs.
    """

    def __init__(
        self, program: Program, output: str, value: Expr, expressions: dict[str, Expr], graph: int, shapes: Mapping[str, Sequence[int]]
    ) -> None:
        from adcli.symbolic.text import operations

        self.program = program
        self.output = output
        self.value = value
        self.expressions = expressions
        self.graph = graph
        self.shapes = shapes
        self.counts = {key: operations(e) for key, e in expressions.items()}

    @property
    def operations(self) -> int:
        return sum(self.counts.values())

    @property
    def texts(self) -> dict[str, str]:
        """The derivatives as ADL; a LimitError where one is too long to be written out."""
        from adcli.symbolic.text import text

        self.bearable()
        return {key: text(e) for key, e in self.expressions.items()}

    def program_text(self) -> str:
        """A program whose outputs are the derivatives."""
        from adcli.report.derivative import program

        self.bearable()
        return program(self.program.inputs, self.shapes, self.expressions)

    def bearable(self) -> None:
        """Raises a LimitError where the formulas are too long to be written."""
        if self.operations > PRINTED:
            raise too_long(self.operations)


def too_long(operations: int) -> LimitError:
    text = f"{operations:,}" if operations < 10**15 else "more than 10^15"
    return LimitError(
        f"written out the formula has {text} operations, and {PRINTED:,} are the most that are shown",
        help="`adcli grad` computes the derivative with the steps shared that a formula repeats",
    )


def derive(
    program: Program, wrt: Sequence[str] | None = None, order: int = 1, raw: bool = False, *, of: str | None = None,
    at: Mapping[str, Any] | None = None,
) -> Derived:  # fmt: skip
    """The derivatives of a scalar output by each input of `wrt` (default: all real ones), simplified.

    order: of the derivative; with several inputs, by each pair, triple … of them. raw: as the product rule gives them, not simplified.
    at: values of integer inputs, which are put in, and of arrays, which say how long these are.
    """
    from adcli.symbolic.rules import NoRule
    from adcli.symbolic.simplify import TooLong

    if order < 1:
        raise UsageError(f"there is no derivative of order {order}", help="orders are 1, 2, 3, …")
    try:
        with frames(NESTED):
            return _derived(program, wrt, order, raw, of, at or {})
    except NoRule as error:
        raise NoFormula(f"the derivative of {error.op} has no formula", help="`adcli grad` computes it at a point") from None
    except TooLong as long:
        raise too_long(long.operations) from None
    except AdcliError as error:
        error.source = error.source or program.source
        raise


def _derived(program: Program, wrt: Sequence[str] | None, order: int, raw: bool, of: str | None, at: Mapping[str, Any]) -> Derived:
    from adcli.symbolic.nodes import shared_size
    from adcli.symbolic.ruled import is_ruled, settled
    from adcli.symbolic.simplify import simplify

    setting = Setting(program, {**_placeholders(program, at), **at})
    j = setting.scalar_output(of, "a formula")
    value, leaves = _unrolled(setting, j)
    if not leaves:
        raise UsageError("the program has no real input to differentiate by", help="names that nothing assigns are inputs: x^2")
    chosen = [leaf for k in setting.wrt(wrt) for leaf in leaves[k]]
    plain = _orders(value, chosen, order, lambda e, _: e, False)
    total = sum(e.size for e in set(plain.values()))
    if is_ruled([value]):
        # Rules must be there for the next order too, so that simplifying comes last.
        value, plain = settled(value), {key: settled(e) for key, e in plain.items()}
        found = plain if raw else {key: simplify(e, total - e.size) for key, e in plain.items()}
    else:
        found = _orders(value, chosen, order, _step(raw, total), raw)
    graph = shared_size([value, *plain.values()])
    variant = setting.variant
    shapes = {n: [m or 0 for m in t.shape] for n, t in zip(variant.names, variant.types, strict=True) if t.elem == "real"}
    return Derived(program, program.outputs[j], value, found, graph, shapes)


def _placeholders(program: Program, at: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers for real inputs without a value: their formulas do not depend on it, and arrays have their declared shapes."""
    found: dict[str, Any] = {}
    for given in program.inputs:
        if given.name in at or given.default is not None or (given.kind == "int" and not given.shape):
            continue
        shape = given.shape or ()
        if not all(isinstance(n, int) for n in shape):
            raise NoFormula(
                f"the length of '{given.name}' is not known, and a formula names each element",
                given.span,
                help=f"declare it, such as input {given.name}: [3], or give a value: --at {given.name}=[1,2,3]",
            )
        found[given.name] = _full(given, [int(n) for n in shape])
    return found


def _full(given: Input, shape: Sequence[int]) -> Any:
    if not shape:
        return 1.0
    import numpy as np

    return np.ones(tuple(shape), dtype=int if given.kind == "int" else float)


def _unrolled(setting: Setting, j: int) -> tuple[Expr, dict[int, list[Expr]]]:
    """The output's expression, and the names that stand for each real input's elements."""
    from adcli.ops import CONSTANTS
    from adcli.symbolic.unroll import inputs, numbers, unroll

    variant = setting.variant
    args: list[Any] = []
    leaves: dict[int, list[Expr]] = {}
    for k, (text, type_) in enumerate(zip(variant.names, variant.types, strict=True)):
        if text in CONSTANTS:
            span = setting.program.inputs[k].span
            raise NoFormula(f"the input '{text}' has the name of a constant", span, help="rename it: in formulas the name is the constant")
        if type_.elem != "real":
            args.append(numbers(setting.args[k]))
            continue
        args.append(inputs(text, [n or 0 for n in type_.shape]))
        leaves[k] = args[-1].ravel().tolist() if type_.shape else [args[-1]]
    (value,) = unroll(ready(only(variant.lowered, j)), args)
    return value, leaves


def _step(raw: bool, total: int) -> Any:
    """What is done with a derivative before the next order; total: operations of all that are asked for."""
    from adcli.symbolic.products import swollen
    from adcli.symbolic.simplify import simplify

    return (lambda e, by: swollen(e, by)) if raw else (lambda e, _: simplify(e, max(0, total - e.size)))


def _orders(value: Expr, by: Sequence[Expr], order: int, step: Any, raw: bool) -> dict[str, Expr]:
    """The derivatives of that order by their keys; mixed ones are made once, in the order of the inputs."""
    from itertools import product

    from adcli.symbolic.rules import derivative

    made: dict[tuple[int, ...], Expr] = {(): value}
    for depth in range(1, order + 1):
        for at in product(range(len(by)), repeat=depth):
            if list(at) == sorted(at):
                before, leaf = made[at[:-1]], by[at[-1]]
                made[at] = step(before, leaf) if raw else step(derivative(before, leaf), leaf)
    keys = product(range(len(by)), repeat=order)
    return {",".join(str(by[k].value) for k in at): made[tuple(sorted(at))] for at in keys}
