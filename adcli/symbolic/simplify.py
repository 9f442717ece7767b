"""Formulas as a person would write them: of several forms the one with the fewest operations.

The forms: as it is written with like terms gathered, multiplied out, over a common denominator with what cancels, each also with
common factors taken out, and with sin² or cos² replaced by the other. Large expressions get the first form alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from adcli.symbolic.nodes import LEAVES, Expr, node, postorder
from adcli.symbolic.sums import Algebra, E, Exhausted, Exponent, Pole, Product, Sum, added, content, number, scaled, shared, single, without
from adcli.symbolic.text import operations, text
from adcli.symbolic.written import label, written

LARGE = 4000  # operations of an expression, or of several together, from which on they are only gathered
BEYOND = 1_000_000  # operations from which on there is no use in a formula
WIDE = 64  # products of a sum in which common factors are looked for
STEPS = 200  # of a division
GROWTH = Fraction(10**5)  # numbers up to which products are multiplied out: larger ones cancel, and the digits go with them
ROUNDS = 6  # replacements of squares in one sum
ARITHMETIC = frozenset({"add", "sub", "neg", "mul", "div", "pow"})


class TooLong(Exception):
    """A formula of so many operations is not simplified."""

    def __init__(self, operations: int) -> None:
        super().__init__(operations)
        self.operations = operations


def gathered(e: Expr) -> Expr:
    """The expression as it is written, numbers and like terms gathered."""
    return written(Algebra(expand=False).sum(e))


def simplify(e: Expr, others: int = 0) -> Expr:
    """The shortest form found, the expression itself where it divides by 0; TooLong where, written out, it is too long to be looked at.

    others: operations of formulas that are to be simplified beside it, which together are as much work as one of that length.
    """
    if e.size > BEYOND:
        raise TooLong(e.size)
    if any(part.op == "name" and part.value in ("inf", "nan") for part in postorder([e])):
        return e  # their sums do not cancel
    try:
        return gathered(e) if e.size + others > LARGE else Simplifier().best(e)
    except Pole:
        return e


class Simplifier:
    """Forms of one expression, and of the arguments in it, which are kept by the kernel they stand in."""

    def __init__(self) -> None:
        self.flat = Algebra(expand=True)
        self.kept = Algebra(expand=False)
        self.shown: dict[Expr, Expr] = {}

    def show(self, kernel: Expr) -> Expr:
        return self.shown.get(kernel, kernel)

    def best(self, e: Expr) -> Expr:
        kept = self.kept.sum(e)
        forms = [written(kept)]
        try:
            self._arguments(kept)
            forms += [written(kept, self.show), *self._factored(kept)]
            flat = self.flat.sum(e)
            self._arguments(flat)
            most = max(GROWTH, largest(forms))
            forms += [f for f in self.forms(flat) if largest([f]) <= most]
        except (Exhausted, Pole):
            pass  # the forms found so far will do
        return shortest(forms)

    def _arguments(self, p: Sum) -> None:
        """Finds the best form of every argument of every kernel, inner ones first."""
        roots = [part for product in p for k, n in product for part in ((k, n) if isinstance(n, Expr) else (k,))]
        for part in postorder(roots):
            if part in self.shown or part.op in LEAVES:
                continue
            if part.op in ARITHMETIC or part.op in ("sqrt", "exp"):
                plain = self._rebuilt(part)
                most = max(GROWTH, largest([plain]))
                self.shown[part] = shortest([plain, *(f for f in self.forms(self.flat.sum(part)) if largest([f]) <= most)])
            else:
                self.shown[part] = self._rebuilt(part)

    def _rebuilt(self, part: Expr) -> Expr:
        return node(part.op, *(self.show(a) for a in part.args))

    def forms(self, p: Sum) -> list[Expr]:
        """The forms of a sum that has been multiplied out."""
        found: list[Expr] = []
        for q in self._squares(p):
            found += [written(q, self.show), *self._factored(q)]
            if len(q) <= WIDE:
                found += self._over_one_denominator(q)
        return found

    # ---- common factors

    def _factored(self, p: Sum) -> list[Expr]:
        return [self._collected(p)] if 1 < len(p) <= WIDE else []

    def _collected(self, p: Sum) -> Expr:
        """Common factors taken out, then the most frequent one again and again."""
        if len(p) < 2:
            return written(p, self.show)
        self.flat.spend(len(p))
        common = shared(p)
        c = content(p)
        if c < 0 and any(k > 0 for k in p.values()):
            c = -c
        rest = {without(product, common): k / c for product, k in p.items()}
        inner = self._split(rest)
        if not common and abs(c) == 1:
            return inner if c == 1 else self._split(p)
        return written({self._with(common, inner): c}, self.show)

    def _with(self, powers: Mapping[Expr, Exponent], form: Expr) -> Product:
        """Powers of kernels times a form, which can be one of the kernels."""
        n = self.flat.exponent(powers.get(form, Fraction(0)), Fraction(1))
        return tuple((k, m) for k, m in {**powers, form: n}.items() if m != 0)

    def _split(self, p: Sum) -> Expr:
        """K^n·(…) + rest for the kernel K that the most products have."""
        often = _frequent(p)
        if often is None or _polynomial(p):
            return written(p, self.show)
        kernel, least = often
        inside = {without(q, {kernel: least}): c for q, c in p.items() if _has(q, kernel, least)}
        rest = {q: c for q, c in p.items() if not _has(q, kernel, least)}
        factor = self._collected(inside)
        sign = -1 if factor.op == "neg" else 1
        if sign < 0:
            factor = factor.args[0]
        joint = self._with({kernel: least}, factor)
        if not rest:
            return written({joint: Fraction(sign)}, self.show)
        return shortest([written(rest | {joint: Fraction(sign)}, self.show), self._beside(joint, sign, rest)])

    def _beside(self, joint: Product, sign: int, rest: Sum) -> Expr:
        """The same, with common factors of the rest taken out too."""
        if len(rest) < 2:
            return written(rest | {joint: Fraction(sign)}, self.show)
        return written({((self._split(rest), Fraction(1)),): Fraction(1), joint: Fraction(sign)}, self.show)

    # ---- fractions

    def _over_one_denominator(self, p: Sum) -> list[Expr]:
        """The sum as one fraction, with what numerator and denominator share cancelled."""
        below = {k: n for k, n in shared(p).items() if isinstance(n, Fraction) and n < 0}
        if not below:
            return []
        top = number(0)
        for product, c in p.items():
            top = added(top, scaled(self.flat.product(dict(without(product, below))), c))
        for kernel in list(below):
            while kernel in self.flat.sums and below[kernel] <= -1:
                quotient = divided(top, self.flat.sums[kernel])
                if quotient is None:
                    break
                top, below[kernel] = quotient, below[kernel] + 1
        if not top:
            return [written({})]
        outside: Product = tuple((k, n) for k, n in below.items() if n)
        found = []
        for q in self._squares(top):
            self._arguments(q)
            forms = [written(q, self.show), *self._factored(q)]
            found += [self._fraction(outside, q, form) for form in forms]
        return found

    def _fraction(self, outside: Product, top: Sum, form: Expr) -> Expr:
        if len(top) == 1:
            ((product, c),) = top.items()
            joined = self.flat.times({product: c}, {outside: Fraction(1)}) if outside else {product: c}
            return written(joined, self.show)
        return written({self._with(dict(outside), form): Fraction(1)}, self.show)

    # ---- squares of sines and cosines

    def _squares(self, p: Sum) -> list[Sum]:
        """The sum, and the same with one of sin², cos² (sinh², cosh²) written by the other where that makes it shorter."""
        out = p
        for _ in range(ROUNDS):
            better = [q for q in self._replaced(out) if len(q) < len(out)]
            if not better:
                break
            out = min(better, key=len)
        same = [q for q in self._replaced(out) if len(q) == len(out)]
        return [out, *same[:2]] if out is not p else [p, *same[:2]]

    def _replaced(self, p: Sum) -> Iterable[Sum]:
        if len(p) > WIDE:
            return
        kernels = dict.fromkeys(k for product in p for k, n in product if k.op in ("sin", "cos", "sinh", "cosh") and n in (2, 3, 4))
        for k in kernels:
            other = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh"}[k.op]
            square = single(node(other, *k.args), Fraction(2))
            by = {"sin": added(number(1), square, -1), "cos": added(number(1), square, -1)}
            by |= {"sinh": added(square, number(1), -1), "cosh": added(square, number(1))}
            yield self._with_square(p, k, by[k.op])

    def _with_square(self, p: Sum, k: Expr, square: Sum) -> Sum:
        out: Sum = {}
        for product, c in p.items():
            n = dict(product).get(k)
            if isinstance(n, Fraction) and n >= 2:
                rest: Sum = {without(product, {k: Fraction(2)}): c}
                out = added(out, self.flat.times(rest, square))
            else:
                out = added(out, {product: c})
        return out


def _polynomial(p: Sum) -> bool:
    """A polynomial of one name is written by its powers."""
    kernels = {k for product in p for k, _ in product}
    return len(kernels) == 1 and all(k.op == "name" for k in kernels)


def _frequent(p: Sum) -> tuple[Expr, Exponent] | None:
    """The power of a kernel that the most products have, if more than one has it; exponents with names as they are."""
    counts: dict[tuple[Expr, Expr | None], list[Exponent]] = {}
    for product in p:
        for k, n in product:
            if isinstance(n, Expr) or n > 0:
                counts.setdefault((k, n if isinstance(n, Expr) else None), []).append(n)
    often = [(-len(ns), label(k), "" if n is None else label(n), k, n, ns) for (k, n), ns in counts.items() if len(ns) > 1]
    if not often:
        return None
    *_, kernel, exponent, found = min(often, key=lambda f: f[:3])
    return kernel, min(n for n in found if isinstance(n, Fraction)) if exponent is None else exponent


def _has(product: Product, kernel: Expr, least: Exponent) -> bool:
    n = dict(product).get(kernel, Fraction(0))
    if isinstance(n, Fraction) and isinstance(least, Fraction):
        return n >= least
    return n is least


def largest(forms: Iterable[Expr]) -> Fraction:
    """The largest number in the forms."""
    return max((abs(e.value) for e in postorder(forms) if isinstance(e.value, Fraction)), default=Fraction(0))


def shortest(forms: list[Expr]) -> Expr:
    """The form with the fewest operations, then the shortest text."""
    least = min(map(operations, forms))
    few = list(dict.fromkeys(f for f in forms if operations(f) == least))
    return few[0] if len(few) == 1 else min(few, key=lambda f: (len(text(f)), text(f)))


def divided(p: Sum, by: Sum) -> Sum | None:
    """p/by where that is a sum of products again, by polynomial long division; None where it is not, or takes long."""
    kernels = sorted({k for q in (p, by) for product in q for k, _ in product if k is not E}, key=lambda k: k.digest)
    place = {k: i for i, k in enumerate(kernels)}

    def powers(product: Product) -> tuple[Fraction, ...]:
        out = [Fraction(0)] * len(kernels)
        for k, n in product:
            if k not in place or not isinstance(n, Fraction):
                raise ValueError
            out[place[k]] = n
        return tuple(out)

    try:
        rest = {powers(product): c for product, c in p.items()}
        divisor = {powers(product): c for product, c in by.items()}
    except ValueError:
        return None
    head = max(divisor)
    quotient: dict[tuple[Fraction, ...], Fraction] = {}
    for _ in range(STEPS):
        if not rest:
            return {_product(kernels, at): c for at, c in quotient.items()}
        lead = max(rest)
        at = tuple(a - b for a, b in zip(lead, head, strict=True))
        if min(at, default=Fraction(0)) < 0:
            return None
        c = quotient[at] = rest[lead] / divisor[head]
        for product, k in divisor.items():
            where = tuple(a + b for a, b in zip(at, product, strict=True))
            left = rest.get(where, Fraction(0)) - c * k
            if left:
                rest[where] = left
            else:
                rest.pop(where, None)
    return None


def _product(kernels: list[Expr], powers: tuple[Fraction, ...]) -> Product:
    return tuple((k, n) for k, n in zip(kernels, powers, strict=True) if n)
