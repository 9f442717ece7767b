"""The product rule of the schoolbook: the derivative that swells.

A product of n factors has n terms, each with all the other factors in it. Numbers and like terms are gathered, and nothing else is done:
that is what computer algebra systems give before they simplify, and what the automatic graph, which shares its steps, never writes out.
"""

from __future__ import annotations

from fractions import Fraction

from adcli.symbolic.nodes import Expr, name, node, postorder
from adcli.symbolic.rules import derivative
from adcli.symbolic.sums import Algebra, Pole, Product, Sum, number


def swollen(e: Expr, by: Expr) -> Expr:
    """∂e/∂by by the product rule over all the factors of a product at once, not simplified; factor by factor where one divides by 0."""
    try:
        return _Swell(by).of(e)
    except Pole:
        return derivative(e, by)


class _Swell:
    def __init__(self, by: Expr) -> None:
        self.by = by
        self.algebra = Algebra(expand=False)
        self.known: dict[Expr, Sum] = {}

    def of(self, e: Expr) -> Expr:
        top = self.algebra.sum(e)
        whole = self.algebra.expression(top)
        for part in postorder([whole]):
            self.known[part] = self._sum(self.algebra.sum(part)) if part.op in ARITHMETIC else self._kernel(part)
        return self.algebra.expression(self._sum(top))

    def _kernel(self, k: Expr) -> Sum:
        """The derivative of a name or function, whose arguments have theirs."""
        if not k.args:
            return number(k is self.by)
        if k.op == "select":
            lanes = [self.known[a] for a in k.args[1:]]
            return self.algebra.function("select", [self.algebra.sum(k.args[0]), *lanes]) if any(lanes) else {}
        out: Sum = {}
        for at, a in enumerate(k.args):
            if self.known[a]:
                out = self.algebra.plus(out, self.algebra.times(self.known[a], self._partial(k, at)))
        return out

    def _partial(self, k: Expr, at: int) -> Sum:
        """∂k/∂its argument, by the table's rule: over a name in the argument's place, which is put back."""
        hole = name("%")
        opened = node(k.op, *(hole if j == at else a for j, a in enumerate(k.args)))
        return self.algebra.sum(_put(derivative(opened, hole), hole, k.args[at]))

    def _sum(self, p: Sum) -> Sum:
        out: Sum = {}
        for product, c in p.items():
            for j, (k, n) in enumerate(product):
                out = self.algebra.plus(out, self._term(product, c, j, k, n))
        return out

    def _term(self, product: Product, c: Fraction, j: int, k: Expr, n: Fraction | Expr) -> Sum:
        """The j-th factor's derivative times the others."""
        a = self.algebra
        rest: Sum = {(*product[:j], *product[j + 1 :]): c}
        if isinstance(n, Fraction):
            inner = self._of_kernel(k)
            lower = a.product({k: n - 1}) if n != 1 else number(1)
            factor = a.times(a.times(number(n), lower), inner) if inner else {}
        else:
            factor = self._kernel_power(k, n)
        return a.times(rest, factor) if factor else {}

    def _of_kernel(self, k: Expr) -> Sum:
        found = self.known.get(k)
        if found is None:
            found = self.known[k] = self._sum(self.algebra.sums[k]) if k in self.algebra.sums else self._kernel(k)
        return found

    def _kernel_power(self, k: Expr, n: Expr) -> Sum:
        """The derivative of k^n where the exponent has names in it; exp(n) for k = e."""
        a = self.algebra
        whole = a.product({k: n})
        moved = self._sum(a.sum(n))
        base = self._of_kernel(k)
        out = a.times(whole, moved if k.value == "e" else a.times(moved, a.function("ln", [a.sum(k)]))) if moved else {}
        if base:
            out = a.plus(out, a.times(a.times(a.sum(n), a.times(whole, a.power(a.sum(k), Fraction(-1)))), base))
        return out


ARITHMETIC = frozenset({"add", "sub", "neg", "mul", "div", "pow", "sqrt", "exp"})


def _put(e: Expr, hole: Expr, value_: Expr) -> Expr:
    """The expression with another in the place of a name."""
    made: dict[Expr, Expr] = {}
    for part in postorder([e]):
        made[part] = value_ if part is hole else node(part.op, *(made[a] for a in part.args)) if part.args else part
    return made[e]
