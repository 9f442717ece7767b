"""Sums of products as expressions, in the order in which one writes them: 3*x^2*cos(x) - sin(x)/x, the positive first."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cmp_to_key, lru_cache
from typing import TypeAlias

from adcli.symbolic.nodes import ONE, ZERO, Expr, is_number, node, num
from adcli.symbolic.text import decimal, text

Factors: TypeAlias = "tuple[tuple[Expr, Fraction | Expr], ...]"
Show: TypeAlias = Callable[[Expr], Expr]
KEYED = 40  # operations up to which expressions are ordered by their text; larger ones by their digest


@lru_cache(4096)
def label(e: Expr) -> str:
    """What expressions are ordered by."""
    return text(e) if e.size <= KEYED else "~" + e.digest.hex()


def same(e: Expr) -> Expr:
    return e


def written(p: dict[Factors, Fraction], show: Show = same) -> Expr:
    """The sum as an expression; `show` says how a kernel is written."""
    if not p:
        return ZERO
    terms = sorted(p.items(), key=cmp_to_key(_compare))
    first = next((k for k, (_, c) in enumerate(terms) if c > 0), 0)
    terms.insert(0, terms.pop(first))
    out = product(terms[0][0], terms[0][1], show)
    for factors, c in terms[1:]:
        out = node("add" if c > 0 else "sub", out, product(factors, abs(c), show))
    return out


def _compare(a: tuple[Factors, Fraction], b: tuple[Factors, Fraction]) -> int:
    x, y = _term_key(a[0]), _term_key(b[0])
    return -1 if x < y else int(x > y)


def _term_key(factors: Factors) -> tuple[Fraction, list[tuple[int, str, str]]]:
    degree = sum((n for k, n in factors if isinstance(n, Fraction) and k.op == "name"), Fraction(0))
    return -degree, sorted((_rank(k, n), label(k), str(-n) if isinstance(n, Fraction) else label(n)) for k, n in factors)


def _rank(e: Expr, n: Fraction | Expr = Fraction(1)) -> int:
    """Constants, names, sums, functions, and exponentials come in this order."""
    if _is_e(e):
        return 0 if n == 1 else 4
    if e.op == "name":
        return 0 if e.value == "pi" else 1
    return 2 if e.op in ("add", "sub") else 3


def product(factors: Factors, c: Fraction, show: Show) -> Expr:
    """c times powers of kernels, as a fraction where there are negative ones; sin(u)/cos(u) is tan(u)."""
    above: list[Expr] = []
    below: list[Expr] = []
    for k, n in sorted(_roots(_tangents(factors)), key=lambda f: (_rank(f[0], f[1]), label(f[0]))):
        if isinstance(n, Fraction) and n < 0 and not _is_e(k):
            below.append(_power(show(k), -n))
        else:
            above.append(_exponential(n, show) if _is_e(k) and n != 1 else _power(show(k), n if isinstance(n, Fraction) else show(n)))
    size = abs(c)
    short = decimal(size) is not None and (size.numerator > 1 or not above or size.denominator % 5 == 0)
    if size.denominator == 1 or (short and not (below and size.numerator == 1)):
        top, bottom = num(size), ONE
    else:
        top, bottom = num(size.numerator), num(size.denominator)
    if bottom is not ONE:
        below.insert(0, bottom)
    if top is not ONE or not above:
        above.insert(0, top)
    if c < 0:
        lead = above[0]
        above[0] = num(-size if bottom is ONE else -size.numerator) if lead is top else node("neg", lead)
    if len(below) == 0:
        return _chain(above)
    return node("div", _chain(above), _chain(below))


def _is_e(k: Expr) -> bool:
    return k.op == "name" and k.value == "e"


def _exponential(n: Fraction | Expr, show: Show) -> Expr:
    return node("exp", num(n) if isinstance(n, Fraction) else show(n))


def _chain(factors: list[Expr]) -> Expr:
    out = factors[0]
    for f in factors[1:]:
        out = node("mul", out, f)
    return out


def _power(k: Expr, n: Fraction | Expr) -> Expr:
    if n == 1:
        return k
    if n == Fraction(1, 2):
        return node("sqrt", k)
    if isinstance(n, Expr) and is_number(n, 1):
        return k
    return node("pow", k, num(n) if isinstance(n, Fraction) else n)


def _roots(factors: list[tuple[Expr, Fraction | Expr]]) -> list[tuple[Expr, Fraction | Expr]]:
    """Roots of constants joined: sqrt(2)*sqrt(pi) as sqrt(2*pi)."""
    out = list(factors)
    for half in (Fraction(1, 2), Fraction(-1, 2)):
        joint = [(k, n) for k, n in out if n == half and (k.op == "num" or k.value == "pi")]
        if len(joint) > 1:
            out = [f for f in out if f not in joint] + [(_chain(sorted((k for k, _ in joint), key=lambda k: k.op != "num")), half)]
    return out


def _tangents(factors: Factors) -> list[tuple[Expr, Fraction | Expr]]:
    """sin(u)^n/cos(u)^n as tan(u)^n; the same for sinh."""
    powers = dict(factors)
    for sine, cosine, tangent in (("sin", "cos", "tan"), ("sinh", "cosh", "tanh")):
        for k, n in factors:
            if k.op != sine or not isinstance(n, Fraction):
                continue
            other = node(cosine, *k.args)
            m = powers.get(other)
            if isinstance(m, Fraction) and n * m < 0 and n > 0:
                joint = min(n, -m)
                t = node(tangent, *k.args)
                had = powers.get(t, Fraction(0))
                if isinstance(had, Fraction):
                    powers |= {k: n - joint, other: m + joint, t: had + joint}
    return [(k, n) for k, n in powers.items() if n != 0]
