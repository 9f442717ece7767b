"""The table, part five: products of arrays and linear algebra.

Every rule is written with operations of the table again, so that derivatives of any order follow. The rules are those of M. B. Giles,
"An extended collection of matrix derivative results for forward and reverse mode algorithmic differentiation" (2008), and for
Cholesky of I. Murray, "Differentiation of the Cholesky decomposition" (2016).
"""
from __future__ import annotations

from adcli.ops.record import Op

PRODUCTS: tuple[Op, ...] = (
    Op("dot", ("x", "y"), "bilinear", {"11": ("g*y", "g*x")}, type="dot", array="matmul", latex=r"{0} \cdot {1}",
       doc="the sum of the products of the elements of two vectors"),
    Op("matmul", ("x", "y"), "bilinear",
       {"22": ("matmul(g, transpose(y))", "matmul(transpose(x), g)"), "21": ("outer(g, y)", "matmul(transpose(x), g)"),
        "12": ("matmul(y, g)", "outer(x, g)"), "11": ("g*y", "g*x")}, type="matmul", array="matmul", symbol="@", latex=r"{0} \, {1}",
       doc="the product of two matrices, or of a matrix and a vector"),
    Op("outer", ("x", "y"), "bilinear", {"11": ("matmul(g, y)", "matmul(transpose(g), x)")}, type="outer", array="outer",
       latex=r"{0} \otimes {1}", doc="the matrix of all products of an element of x and one of y"),
    Op("cross", ("x", "y"), "bilinear", {"11": ("cross(y, g)", "cross(g, x)")}, type="cross", array="cross", latex=r"{0} \times {1}",
       doc="the vector product of two vectors of length 3"),
)  # fmt: skip

TRIANGLES: tuple[Op, ...] = (
    Op("trace", ("x",), "define", body="fn trace(x) = sum(diag(x))", type="det", doc="the sum of the diagonal of a square matrix"),
    Op("tril", ("x",), "linear", ("tril(g)",), type="matrix", array="tril", latex=r"\operatorname{{tril}}\left({0}\right)",
       doc="the lower triangle of a matrix with its diagonal, 0 above"),
    Op("triu", ("x",), "linear", ("triu(g)",), type="matrix", array="triu", latex=r"\operatorname{{triu}}\left({0}\right)",
       doc="the upper triangle of a matrix with its diagonal, 0 below"),
    Op("half_lower", ("x",), "linear", ("half_lower(g)",), type="square", array="half_lower",
       doc="the lower triangle of a square matrix with half of its diagonal", public=False),
    Op("mirror", ("x",), "linear", ("fold(g)",), type="square", array="mirror",
       doc="the symmetric matrix whose lower triangle is that of x", public=False),
    Op("fold", ("x",), "linear", ("mirror(g)",), type="square", array="fold",
       doc="what of x belongs to each element of the lower triangle of a symmetric matrix: half_lower(x + x')", public=False),
)  # fmt: skip

ALGEBRA: tuple[Op, ...] = (
    Op("solve", ("a", "b"), "linear",
       {"21": ("-outer(solve(transpose(a), g), out)", "solve(transpose(a), g)"),
        "22": ("-matmul(solve(transpose(a), g), transpose(out))", "solve(transpose(a), g)")},
       tangent=("-solve(a, matmul(a_dot, out))", "solve(a, b_dot)"), type="solve", array="solve", latex=r"{{{0}}}^{{-1}} \, {1}",
       doc="x with a @ x = b, for a square matrix and a vector or a matrix of columns; a singular matrix is an error"),
    Op("inv", ("a",), "linear", ("-matmul(matmul(transpose(out), g), transpose(out))",), tangent=("-matmul(matmul(out, a_dot), out)",),
       type="square", array="inv", latex="{{{0}}}^{{-1}}", doc="the inverse of a square matrix; a singular matrix is an error"),
    Op("det", ("a",), "linear", ("g*minors(a)",), tangent=("sum(a_dot*minors(a))",), type="det", array="det", latex=r"\det {0}",
       doc="the determinant of a square matrix, with exact derivatives where it is 0, too"),
    Op("minors", ("a", "*hs"), "form", type="square", array="minors", public=False,
       doc="the cofactors of a matrix; with more arguments, the derivatives of the cofactors along them"),
    Op("logdet", ("a",), "linear", ("(g + 0*stop(out))*transpose(inv(a))",), tangent=("sum(a_dot*transpose(inv(a))) + 0*stop(out)",),
       type="det", array="logdet", latex=r"\ln \det {0}",
       doc="ln(det(a)) without overflow; nan where the determinant is negative, -inf where it is 0"),
    Op("cholesky", ("a",), "linear",
       ("fold(solve(transpose(out), transpose(solve(transpose(out), half_lower(matmul(transpose(out), g))))))",),
       tangent=("matmul(out, half_lower(solve(out, transpose(solve(out, mirror(a_dot))))))",), type="square", array="cholesky",
       latex=r"\operatorname{{chol}}\left({0}\right)",
       doc="the lower triangular L with L @ L' = a, where only the lower triangle of a is read; not positive definite is an error"),
)  # fmt: skip

OPS: tuple[Op, ...] = PRODUCTS + TRIANGLES + ALGEBRA
