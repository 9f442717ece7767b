"""The table, part four: making, indexing, reshaping and reducing arrays, and their products.

`index`, `update`, `addat`, `stack` and `concat` take any number of arguments, which a text cannot say: differentiation knows them by name.
"""
from __future__ import annotations

from adcli.ops.arithmetic import KINK
from adcli.ops.record import Op

MAKING: tuple[Op, ...] = (
    Op("zeros", ("*dims",), "zero", type="zeros", array="zeros", doc="an array of zeros of that shape"),
    Op("ones", ("*dims",), "zero", type="zeros", array="ones", doc="an array of ones of that shape"),
    Op("full", ("v", "*dims"), "linear", ("sum(g)",), type="full", array="full", doc="an array of that shape filled with v"),
    Op("eye", ("n",), "zero", type="eye", array="eye", latex="I_{{{0}}}", doc="the identity matrix of n rows"),
    Op("linspace", ("a", "b", "n"), "linear", ("sum(g*linspace(1, 0, n))", "sum(g*linspace(0, 1, n))", None), type="linspace",
       array="linspace",
       doc="n evenly spaced numbers from a to b, both included"),
    Op("iota", ("start", "count", "step"), "zero", type="iota", array="iota", doc="the integers start, start + step, …, count of them",
       public=False),
    Op("stack", ("*xs",), "linear", type="stack", attrs=("axis",), array="stack", doc="arrays of one shape as the parts of a new axis"),
    Op("concat", ("*xs",), "linear", type="concat", attrs=("axis",), array="concat", doc="arrays one after the other along an axis"),
    Op("derivative", ("*xs",), "linear", type="given", attrs=("type", "part"), public=False,
       doc="a derivative asked for inside a program, until its statements are made"),
    Op("copy", ("x",), "linear", ("g",), type="same", array="copy", shown="x", doc="x in storage of its own", public=False),
)  # fmt: skip

SECTIONS: tuple[Op, ...] = (
    Op("index", ("x", "*at"), "linear", type="index", attrs=("pattern",), array="index", doc="an element or a section of an array",
       cheap=True, public=False),
    Op("update", ("x", "v", "*at"), "linear", type="update", attrs=("pattern",), array="update",
       doc="the array with the elements of a section replaced by v", public=False),
    Op("addat", ("x", "v", "*at"), "linear", type="update", attrs=("pattern",), array="addat",
       doc="the array with v added to the elements of a section", public=False),
    Op("dim", ("x",), "zero", type="dim", attrs=("axis",), array="dim", symbol="dim", doc="the extent of an axis", cheap=True,
       public=False),
    Op("len", ("x",), "define", body="fn len(x) = dim(x, axis=0)", doc="the number of elements of a vector, of rows of a matrix"),
    Op("shape", ("x",), "define", doc="the extents of an array as integers"),
)  # fmt: skip

SHAPES: tuple[Op, ...] = (
    Op("broadcast_to", ("x", "*dims"), "linear", ("sum_to(g, dims(x))",), type="broadcast", array="broadcast_to",
       doc="x repeated to that shape", public=False),
    Op("sum_to", ("x", "*dims"), "linear", ("broadcast_to(g, dims(x))",), type="broadcast", array="sum_to",
       doc="x summed over what broadcasting to its shape repeated", public=False),
    Op("reshape", ("x", "*dims"), "linear", ("reshape(g, dims(x))",), type="reshape", array="reshape",
       doc="the elements of x, in order, as an array of that shape"),
    Op("transpose", ("x",), "linear", ("transpose(g)",), type="transpose", array="np.transpose", latex=r"{0}^{{\mathsf T}}",
       doc="x with its axes in reverse order"),
    Op("flip", ("x",), "linear", ("flip(g, axis=axis)",), type="same", attrs=("axis",), array="flip", doc="x backwards along an axis",
       public=False),
    Op("diag", ("x",), "bilinear", {"1": ("diag(g)",), "2": ("set_diag(g, dims(x))",)}, type="diag", array="diag",
       latex=r"\operatorname{{diag}}\left({0}\right)", doc="the diagonal of a matrix, or the matrix with that diagonal"),
    Op("set_diag", ("x", "m", "n"), "linear", ("diag(g)", None, None), type="set_diag", array="set_diag",
       doc="the m × n matrix with that diagonal", public=False),
)  # fmt: skip

REDUCTIONS: tuple[Op, ...] = (
    Op("sum", ("x",), "linear", ("spread(g, x, axis=axis)",), type="reduce", attrs=("axis",), array="sum", latex=r"\sum {0}",
       doc="the sum of the elements, in no particular order"),
    Op("mean", ("x",), "linear", ("spread(g/count(x, axis=axis), x, axis=axis)",), type="reduce", attrs=("axis",), array="mean",
       latex=r"\operatorname{{mean}}\left({0}\right)", doc="the sum of the elements divided by their number"),
    Op("prod", ("x",), "define", body="fn prod(x) { p = 1; for v in x { p = p*v }; p }", doc="the product of the elements"),
    Op("count", ("x",), "zero", type="reduce", attrs=("axis",), array="count", doc="the number of elements that a reduction joins",
       public=False),
    Op("reduce_max", ("x",), "reduce", ("weights(x, out, axis=axis)",), type="reduce", attrs=("axis",), array="reduce_max", symbol="max",
       latex=r"\max {0}", doc="the largest element; ties share the derivative evenly", public=False,
       special={"weights(x, out, axis=axis) > 0 and weights(x, out, axis=axis) < 1": KINK}),
    Op("reduce_min", ("x",), "reduce", ("weights(x, out, axis=axis)",), type="reduce", attrs=("axis",), array="reduce_min", symbol="min",
       latex=r"\min {0}", doc="the smallest element; ties share the derivative evenly", public=False,
       special={"weights(x, out, axis=axis) > 0 and weights(x, out, axis=axis) < 1": KINK}),
    Op("weights", ("x", "m"), "zero", type="same", attrs=("axis",), array="weights", public=False,
       doc="1/k at the k elements of x that equal their reduction m, 0 elsewhere"),
    Op("norm", ("x",), "reduce", ("ratio(x, spread(out, x, axis=axis))",), type="reduce", attrs=("axis",), array="norm",
       latex=r"\left\lVert {0} \right\rVert", doc="the square root of the sum of squares, without overflow; derivative 0 at 0",
       special={"out == 0": KINK}),
    Op("logsumexp", ("x",), "reduce", ("softmax(x, axis=axis)",), type="reduce", attrs=("axis",), array="logsumexp",
       latex=r"\ln \sum e^{{{0}}}", doc="ln(sum(exp(x))) without overflow"),
    Op("softmax", ("x",), "linear", ("(g - spread(sum(g*out, axis=axis), x, axis=axis))*out",),
       tangent="(x_dot - spread(sum(x_dot*out, axis=axis), x, axis=axis))*out", type="same", attrs=("axis",), array="softmax",
       latex=r"\operatorname{{softmax}}\left({0}\right)", doc="exp(x)/sum(exp(x)) without overflow"),
    Op("cumsum", ("x",), "linear", ("flip(cumsum(flip(g, axis=axis), axis=axis), axis=axis)",), type="same", attrs=("axis",),
       array="cumsum",
       doc="the running sums along an axis"),
)  # fmt: skip

PRODUCTS: tuple[Op, ...] = (
    Op("dot", ("x", "y"), "bilinear", {"11": ("g*y", "g*x")}, type="dot", array="matmul", latex=r"{0} \cdot {1}",
       doc="the sum of the products of the elements of two vectors"),
    Op("matmul", ("x", "y"), "bilinear",
       {"22": ("matmul(g, transpose(y))", "matmul(transpose(x), g)"), "21": ("outer(g, y)", "matmul(transpose(x), g)"),
        "12": ("matmul(y, g)", "outer(x, g)"), "11": ("g*y", "g*x")}, type="matmul", array="matmul", symbol="@", latex=r"{0} \, {1}",
       doc="the product of two matrices, or of a matrix and a vector"),
    Op("outer", ("x", "y"), "bilinear", {"11": ("matmul(g, y)", "matmul(transpose(g), x)")}, type="outer", array="outer",
       latex=r"{0} \otimes {1}", doc="the matrix of all products of an element of x and one of y"),
)  # fmt: skip

OPS: tuple[Op, ...] = MAKING + SECTIONS + SHAPES + REDUCTIONS + PRODUCTS
