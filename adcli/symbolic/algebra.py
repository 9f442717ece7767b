"""Linear algebra and scans of small arrays of expressions, written out.

    det([[a, b], [c, d]])     becomes     a*d - b*c
    solve(A, b)               becomes     Cramer's rule: the determinants with b in the place of each column, over that of A

A determinant of n rows has n! products, so that only small ones are; the error of others says how many there would be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import reduce
from itertools import combinations
from math import factorial
from typing import Any

from adcli.errors import NoFormula, SingularMatrix
from adcli.symbolic.nodes import ONE, ZERO, Expr, constant, node, num

ROWS = 5  # of a determinant that is written out: 120 products of 5 factors


def formula(name: str, args: Sequence[Any], axis: object) -> Any:
    """The operation on arrays, or None where there is no formula."""
    if name in SCANS:
        import numpy as np

        assert isinstance(axis, int)
        return np.apply_along_axis(_boxed(SCANS[name]), axis, args[0])
    found = FORMS.get(name)
    return None if found is None else found(*args)


def plus(a: Expr, b: Expr) -> Expr:
    """a + b, without what is 0."""
    return b if a is ZERO else a if b is ZERO else node("add", a, b)


def minus(a: Expr, b: Expr) -> Expr:
    return a if b is ZERO else node("neg", b) if a is ZERO else node("sub", a, b)


def times(a: Expr, b: Expr) -> Expr:
    """a*b, without factors 0 and 1."""
    if ZERO in (a, b):
        return ZERO
    return b if a is ONE else a if b is ONE else node("mul", a, b)


def _boxed(scan: Callable[[list[Expr]], list[Expr]]) -> Callable[[Any], Any]:
    def along(xs: Any) -> Any:
        import numpy as np

        out = np.empty(len(xs), dtype=object)
        out[:] = scan(xs.tolist())
        return out

    return along


def _running(op: Callable[[Expr, Expr], Expr]) -> Callable[[list[Expr]], list[Expr]]:
    return lambda xs: [reduce(op, xs[: k + 1]) for k in range(len(xs))]


def _softmax(xs: list[Expr]) -> list[Expr]:
    powers = [node("exp", x) for x in xs]
    total = reduce(plus, powers)
    return [node("div", p, total) for p in powers]


def _log_softmax(xs: list[Expr]) -> list[Expr]:
    total = node("ln", reduce(plus, [node("exp", x) for x in xs]))
    return [node("sub", x, total) for x in xs]


SCANS: dict[str, Callable[[list[Expr]], list[Expr]]] = {
    "softmax": _softmax, "log_softmax": _log_softmax, "cumsum": _running(plus), "cumprod": _running(times),
}  # fmt: skip


def det(a: Any) -> Expr:
    """The determinant: along the first row, with the minors of the rows below it shared."""
    n = len(a)
    if n > ROWS:
        raise NoFormula(
            f"the determinant of {n} rows has {factorial(n):,} products, and up to {ROWS} rows are written out",
            help="`adcli grad` computes its derivative at a point",
        )
    # By sets of columns: the determinant of the last rows in these columns.
    minors: dict[tuple[int, ...], Expr] = {(): ONE}
    for row in reversed(a.tolist()):
        grown: dict[tuple[int, ...], Expr] = {}
        for columns in combinations(range(n), len(next(iter(minors))) + 1):
            total = ZERO
            for k, column in enumerate(columns):
                term = times(row[column], minors[columns[:k] + columns[k + 1 :]])
                total = minus(total, term) if k % 2 else plus(total, term)
            grown[columns] = total
        minors = grown
    return minors[tuple(range(n))]


def _solved(a: Any, b: Any) -> Any:
    """x with a @ x = b by Cramer's rule, for a vector or a matrix of columns."""
    import numpy as np

    whole = det(a)
    if constant(whole) == 0:
        raise SingularMatrix("the matrix is singular: it has no inverse", help="its rows are linearly dependent")
    out = np.empty(b.shape, dtype=object)
    for at in np.ndindex(*b.shape):
        column = b if b.ndim == 1 else b[:, at[1]]
        replaced = a.copy()
        replaced[:, at[0]] = column
        out[at] = _over(det(replaced), whole)
    return out


def _over(top: Expr, bottom: Expr) -> Expr:
    return top if bottom is ONE or top is ZERO else node("div", top, bottom)


def _inverse(a: Any) -> Any:
    return _solved(a, _numbers(lambda i, j: ONE if i == j else ZERO, len(a)))


def _numbers(f: Callable[[int, int], Expr], n: int) -> Any:
    import numpy as np

    out = np.empty((n, n), dtype=object)
    for i, j in np.ndindex(n, n):
        out[i, j] = f(i, j)
    return out


def _factor(a: Any) -> Any:
    """Cholesky's lower triangle, row by row, from the lower triangle of a."""
    out = _numbers(lambda i, j: ZERO, len(a))
    for i in range(len(a)):
        for j in range(i + 1):
            rest = minus(a[i, j], reduce(plus, [times(out[i, k], out[j, k]) for k in range(j)], ZERO))
            out[i, j] = node("sqrt", rest) if i == j else _over(rest, out[j, j])
    return out


def _triangle(keep: Callable[[int, int], bool]) -> Callable[[Any], Any]:
    def kept(a: Any) -> Any:
        import numpy as np

        out = a.copy()
        for i, j in np.ndindex(*a.shape):
            if not keep(i, j):
                out[i, j] = ZERO
        return out

    return kept


def _cross(x: Any, y: Any) -> Any:
    import numpy as np

    out = np.empty(3, dtype=object)
    out[:] = [minus(times(x[j], y[k]), times(x[k], y[j])) for j, k in ((1, 2), (2, 0), (0, 1))]
    return out


FORMS: dict[str, Callable[..., Any]] = {
    "det": det, "logdet": lambda a: node("ln", det(a)), "solve": _solved, "inv": _inverse, "cholesky": _factor, "cross": _cross,
    "tril": _triangle(lambda i, j: j <= i), "triu": _triangle(lambda i, j: j >= i),
}  # fmt: skip


def linspace(a: Expr, b: Expr, n: int) -> Any:
    """n numbers from a to b: of one number it is a."""
    import numpy as np

    out = np.empty(n, dtype=object)
    parts = [Fraction(k, max(1, n - 1)) for k in range(n)]
    out[:] = [plus(times(num(1 - t), a), times(num(t), b)) for t in parts]
    return out
