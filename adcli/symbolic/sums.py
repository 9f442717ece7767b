"""Sums of products in one form: {x^2·cos(x): 3, …}, the coefficients exact, the factors powers of kernels.

A kernel is a name, a function of expressions in this form, or a sum that is not multiplied out. Two algebras: one multiplies sums out
(within bounds), so that equal expressions meet; the other leaves products as they are written.

Identities are those of real numbers that hold wherever the left side is defined: x/x = 1, exp(ln(x)) = x, sqrt(x^2) = |x|,
sqrt(x)*sqrt(x) = x. The right side may be defined at more points. What divides by 0 everywhere, such as 1/(x - x), is a `Pole`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from functools import reduce
from typing import TypeAlias

from adcli.ops import TABLE
from adcli.symbolic.nodes import Expr, name, node, num, postorder, truth

Exponent: TypeAlias = "Fraction | Expr"
Product: TypeAlias = "tuple[tuple[Expr, Exponent], ...]"
Sum: TypeAlias = "dict[Product, Fraction]"

E = name("e")
TERMS = 120  # of a sum that is still multiplied out
WORK = 12_000  # products made in one formula that is multiplied out
POWER = 12  # the highest power of a sum that is
BITS = 400  # of a coefficient; longer ones are rounded to a double
ODD = frozenset({"sin", "tan", "csc", "cot", "asin", "atan", "sinh", "tanh", "asinh", "atanh", "erf", "cbrt", "sinpi", "erfinv", "sign"})
EVEN = frozenset({"cos", "sec", "cosh", "abs", "cospi", "sinc"})
POSITIVE = frozenset({"exp", "exp2", "exp10", "abs", "cosh", "sigmoid", "hypot", "softplus"})
HALF = Fraction(1, 2)


def number(value: Fraction | int) -> Sum:
    return {(): Fraction(value)} if value else {}


def single(kernel: Expr, power: Exponent = Fraction(1)) -> Sum:
    return {((kernel, power),): Fraction(1)}


def value(p: Sum) -> Fraction | None:
    """The number that a sum is, or None."""
    if not p:
        return Fraction(0)
    return p.get(()) if len(p) == 1 else None


def added(p: Sum, q: Sum, sign: int = 1) -> Sum:
    out = dict(p)
    for product, c in q.items():
        total = out.get(product, Fraction(0)) + sign * c
        if total:
            out[product] = total
        else:
            out.pop(product, None)
    return out


def scaled(p: Sum, c: Fraction | int) -> Sum:
    return {product: rounded(c * k) for product, k in p.items()} if c else {}


def rounded(c: Fraction) -> Fraction:
    """The coefficient, as a double where it is too long to be kept exact."""
    if c.numerator.bit_length() + c.denominator.bit_length() <= BITS:
        return c
    try:
        return Fraction(repr(float(c))) or c
    except (OverflowError, ValueError):
        return c


def content(p: Sum) -> Fraction:
    """The number all coefficients share, with the sign of the first in the order of `ordered`."""
    numerators = reduce(math.gcd, (c.numerator for c in p.values()))
    denominators = reduce(math.lcm, (c.denominator for c in p.values()))
    lead = p[min(p, key=_product_key)]
    return Fraction(numerators, denominators) * (1 if lead > 0 else -1)


def shared(p: Sum) -> dict[Expr, Exponent]:
    """The powers of kernels that all products have, negative ones too; of exponents with names, those that are the same everywhere."""
    common: dict[Expr, Exponent] | None = None
    for product in p:
        here = dict(product)
        if common is None:
            common = dict(here)
        else:
            common = {k: _least(common.get(k, Fraction(0)), here.get(k, Fraction(0))) for k in {**common, **here}}
    return {k: n for k, n in (common or {}).items() if n != 0}


def _least(a: Exponent, b: Exponent) -> Exponent:
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return min(a, b)
    return a if a is b else Fraction(0)


def without(product: Product, powers: Mapping[Expr, Exponent]) -> Product:
    """The product divided by powers of kernels, in their order."""
    left = dict(product)
    for k, n in powers.items():
        had = left.get(k, Fraction(0))
        if isinstance(had, Fraction) and isinstance(n, Fraction):
            left[k] = had - n
        elif had is n:
            del left[k]
    return tuple(sorted(((k, n) for k, n in left.items() if n != 0), key=lambda f: f[0].digest))


def _product_key(product: Product) -> tuple[object, ...]:
    degree = sum((n for k, n in product if isinstance(n, Fraction) and k.op == "name"), Fraction(0))
    return (-degree, [(k.digest, str(n)) for k, n in product])


class Exhausted(Exception):
    """Multiplying out takes more work than it is worth."""


class Pole(Exception):
    """A negative power of 0: no identity may touch it, since 0/0 is not 0."""


class Algebra:
    """expand: whether products of sums are multiplied out. `sums` knows the sum in each kernel that is one."""

    def __init__(self, expand: bool) -> None:
        self.expand = expand
        self.work = 0
        self.known: dict[Expr, Sum] = {}
        self.sums: dict[Expr, Sum] = {}
        self.kernels: dict[frozenset[tuple[Product, Fraction]], Expr] = {}

    def spend(self, steps: int) -> None:
        """Counts work; Exhausted where multiplying out takes too much."""
        self.work += steps
        if self.expand and self.work > WORK:
            raise Exhausted

    # ---- expressions

    def sum(self, e: Expr) -> Sum:
        """The expression in this form."""
        if e not in self.known:
            for part in postorder([e]):
                if part not in self.known:
                    self.known[part] = self._made(part, [self.known[a] for a in part.args])
        return self.known[e]

    def _made(self, e: Expr, args: list[Sum]) -> Sum:
        match e.op:
            case "num":
                assert isinstance(e.value, Fraction)
                return number(e.value)
            case "name" | "bool":
                return single(e)
            case "add" | "sub":
                return self.plus(args[0], args[1], 1 if e.op == "add" else -1)
            case "neg":
                return scaled(args[0], -1)
            case "mul":
                return self.times(args[0], args[1])
            case "div":
                return self.times(args[0], self.power(args[1], Fraction(-1)))
            case "pow":
                return self.raised(args[0], args[1])
            case "sqrt":
                return self.power(args[0], HALF)
            case "exp":
                return self.exponential(args[0])
        return self.function(e.op, args)

    def expression(self, p: Sum) -> Expr:
        """A sum as an expression that stands for it: the same one for the same sum."""
        from adcli.symbolic.written import written

        key = frozenset(p.items())
        found = self.kernels.get(key)
        if found is None:
            found = self.kernels[key] = written(p)
            self.known.setdefault(found, p)
        return found

    def wrapped(self, p: Sum) -> Sum:
        """A sum of several products as one kernel."""
        if len(p) < 2:
            return p
        kernel = self.expression(p)
        self.sums[kernel] = p
        return single(kernel)

    def opened(self, p: Sum) -> Sum:
        """The sum in a kernel that stands alone."""
        if len(p) == 1:
            ((product, c),) = p.items()
            if len(product) == 1 and product[0][1] == 1 and product[0][0] in self.sums:
                return scaled(self.sums[product[0][0]], c)
        return p

    # ---- arithmetic

    def plus(self, p: Sum, q: Sum, sign: int = 1) -> Sum:
        return added(self.opened(p), self.opened(q), sign)

    def times(self, p: Sum, q: Sum) -> Sum:
        for a, b in ((p, q), (q, p)):
            c = value(a)
            if c is not None:
                return scaled(self.opened(b) if not self.expand else b, c)
        if len(p) == len(q) == 1:
            ((a1, c1),), ((a2, c2),) = p.items(), q.items()
            return scaled(self._joined(a1, a2), rounded(c1 * c2))
        if self.expand and len(p) * len(q) <= TERMS * 4:
            out: Sum = {}
            for a1, c1 in p.items():
                for a2, c2 in q.items():
                    out = added(out, scaled(self._joined(a1, a2), c1 * c2))
            if len(out) <= TERMS:
                return out
        return self.times(self.primitive(p), self.primitive(q))

    def primitive(self, p: Sum) -> Sum:
        """A number times a kernel."""
        if len(p) < 2:
            return p
        c = content(p) if self.expand else Fraction(1)
        return scaled(self.wrapped(scaled(p, 1 / c)), c)

    def _joined(self, a: Product, b: Product) -> Sum:
        """The product of two products."""
        self.spend(1)
        powers: dict[Expr, Exponent] = dict(a)
        for k, n in b:
            powers[k] = self.exponent(powers[k], n) if k in powers else n
        return self.product(powers)

    def exponent(self, a: Exponent, b: Exponent) -> Exponent:
        """a + b."""
        if isinstance(a, Fraction) and isinstance(b, Fraction):
            return a + b
        p, q = (number(n) if isinstance(n, Fraction) else self.sum(n) for n in (a, b))
        return self._exponent(added(p, q))

    def _exponent(self, p: Sum) -> Exponent:
        c = value(p)
        return self.expression(p) if c is None else c

    def product(self, powers: dict[Expr, Exponent]) -> Sum:
        """Powers of kernels as a sum; where one becomes a whole power of a sum it is multiplied out."""
        rest: list[tuple[Expr, Exponent]] = []
        out = number(1)
        for k, n in powers.items():
            if n == 0:
                continue
            again = self._again(k, n)
            if again is None:
                rest.append((k, n))
            else:
                out = self.times(out, again)
        plain: Sum = {tuple(sorted(rest, key=lambda f: f[0].digest)): Fraction(1)}
        return plain if out == {(): 1} else self.times(out, plain)

    def _again(self, k: Expr, n: Exponent) -> Sum | None:
        """The power in another form, where it has one: |x|^2, hypot(x, y)^2, whole powers of numbers and of sums."""
        if not isinstance(n, Fraction) or n.denominator != 1:
            return None
        if k.op == "num" and isinstance(k.value, Fraction):
            if not k.value and n < 0:
                raise Pole
            return number(k.value ** int(n))
        if k.op in ("mul", "div", "neg") and k in self.known and len(self.known[k]) == 1:
            return self.power(self.known[k], n)  # the root of a product is a kernel; its whole powers are the product's
        if n % 2 == 0 and k.op == "abs":
            return self.power(self.sum(k.args[0]), n)
        if n % 2 == 0 and k.op == "hypot":
            x, y = (self.power(self.sum(a), Fraction(2)) for a in k.args)
            return self.power(self.plus(x, y), n / 2)
        if self.expand and k in self.sums and 1 <= n <= POWER and len(self.sums[k]) ** int(n) <= TERMS:
            return self.power(self.sums[k], n)
        return None

    def power(self, p: Sum, n: Fraction) -> Sum:
        """p^n for a number n."""
        if n in (0, 1):
            return p if n else number(1)
        if not p:
            if n < 0:
                raise Pole
            return number(0)
        whole = n.denominator == 1
        if len(p) == 1:
            ((product, c),) = p.items()
            return self._product_power(product, c, n)
        if not whole:
            c = abs(content(p))
            root = exact_power(c, n)
            return single(self._kernel(p), n) if root is None else scaled(single(self._kernel(scaled(p, 1 / c)), n), root)
        if self.expand and 1 < n <= POWER and len(p) ** int(n) <= TERMS * 8:
            out = p
            for _ in range(int(n) - 1):
                out = self.times(out, p)
            return out
        return self._sum_power(p, n)

    def _sum_power(self, p: Sum, n: Fraction) -> Sum:
        """A whole power of a sum: of what its products share, times that of the rest."""
        c = content(p)
        common = {k: n for k, n in shared(p).items() if isinstance(n, Fraction)} if self.expand else {}
        rest: Sum = {}
        for product, k in p.items():
            rest = added(rest, scaled(self.product(dict(without(product, common))), k / c))
        if len(rest) < 2:
            return self._product_power((), Fraction(1), n) if not rest else self.power(rest, n)
        power = single(self._kernel(rest), n)
        return scaled(self.times(self.product({k: m * n for k, m in common.items()}), power), c ** int(n))

    def _kernel(self, p: Sum) -> Expr:
        kernel = self.expression(p)
        if len(p) > 1:
            self.sums[kernel] = p
        return kernel

    def _product_power(self, product: Product, c: Fraction, n: Fraction) -> Sum:
        if n.denominator == 1:
            powers = {k: m * n if isinstance(m, Fraction) else self._exponent(scaled(self.sum(m), n)) for k, m in product}
            return scaled(self.product(powers), rounded(c ** int(n)))
        if c < 0:
            return single(self._kernel({product: c}), n)
        root = exact_power(c, n)
        out = number(root) if root is not None else single(num(c), n)
        rest: list[tuple[Expr, Exponent]] = []
        for k, m in product:
            if k is E or (k.op in POSITIVE and isinstance(m, Fraction)):
                out = self.times(out, self.product({k: m * n if isinstance(m, Fraction) else self._exponent(scaled(self.sum(m), n))}))
            elif isinstance(m, Fraction) and m.denominator == 1 and m % 2 == 0:
                out = self.times(out, self.power(self.function("abs", [self.sum(k)]), m * n))
            else:
                rest.append((k, m))
        if len(rest) == 1 and isinstance(rest[0][1], Fraction):
            return self.times(out, self.product({rest[0][0]: rest[0][1] * n}))
        return self.times(out, single(self._kernel({tuple(rest): Fraction(1)}), n)) if rest else out

    def raised(self, base: Sum, exponent: Sum) -> Sum:
        """base^exponent."""
        n = value(exponent)
        if n is not None:
            return self.power(base, n) if abs(n) < 10**4 else single(self._kernel(base), n)
        if base == single(E):
            return self.exponential(exponent)
        if len(base) == 1:
            ((product, c),) = base.items()
            if c == 1 and len(product) == 1 and product[0][1] == 1:
                return single(product[0][0], self._exponent(exponent))
        return single(self._kernel(base), self._exponent(exponent))

    def exponential(self, p: Sum) -> Sum:
        if len(p) == 1:
            ((product, c),) = p.items()
            if len(product) == 1 and product[0][0].op == "ln" and product[0][1] == 1:
                return self.power(self.sum(product[0][0].args[0]), c)
        return single(E, self._exponent(p)) if p else number(1)

    # ---- functions

    def function(self, op: str, args: list[Sum]) -> Sum:
        """op(args…), worked out at numbers where that is exact."""
        found = self._known_value(op, args)
        if found is not None:
            return found
        if op == "select":
            return self._choice(args)
        if op == "ln" and len(args[0]) == 1:
            ((product, c),) = args[0].items()
            if c == 1 and len(product) == 1 and product[0][0] is E:
                n = product[0][1]
                return number(n) if isinstance(n, Fraction) else self.sum(n)
        sign = 1
        if op in ODD or op in EVEN:
            if args[0] and content(args[0]) < 0:
                args = [scaled(args[0], -1)]
                sign = -1 if op in ODD else 1
            if op == "abs" and len(args[0]) == 1 and _not_negative(next(iter(args[0]))):
                return args[0]
        return scaled(single(node(op, *map(self.expression, args))), sign)

    def _choice(self, args: list[Sum]) -> Sum:
        cond, a, b = args
        if a == b:
            return a
        for lane, held in ((a, True), (b, False)):
            if cond == single(truth(held)):
                return lane
        return single(node("select", *map(self.expression, args)))

    def _known_value(self, op: str, args: list[Sum]) -> Sum | None:
        """The value at numbers: where it is whole at 0 or 1, and of what has no derivative at any number."""
        numbers = [value(a) for a in args]
        form = TABLE[op].scalar
        if form is None or op == "stop" or not all(n is not None for n in numbers):
            return None
        plain = [float(n) for n in numbers if n is not None]
        jump = TABLE[op].kind == "zero" or op in ("maximum", "minimum", "abs", "relu")
        if not jump and plain not in ([0.0], [1.0]):
            return None
        found = form(*plain)
        if isinstance(found, bool):
            return single(truth(found))
        return number(Fraction(found)) if math.isfinite(found) and (jump or found == int(found)) else None


def _not_negative(product: Product) -> bool:
    return all(k.op in POSITIVE or k is E or (isinstance(n, Fraction) and (n.denominator == 2 or n % 2 == 0)) for k, n in product)


def exact_power(c: Fraction, n: Fraction) -> Fraction | None:
    """c^n for c > 0 where it is rational."""
    parts = []
    for part in (c.numerator, c.denominator):
        root = round(part ** (1 / n.denominator)) if part.bit_length() < 50 else 0
        if root**n.denominator != part:
            return None
        parts.append(root)
    if max(map(abs, parts)).bit_length() * abs(n.numerator) > BITS:
        return None
    return Fraction(parts[0], parts[1]) ** n.numerator
