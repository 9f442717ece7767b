"""The table, part four: making, indexing, reshaping, reducing and sorting arrays.

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
    Op("range", ("a", "b", "step"), "define",
       doc="the integers from a up to, but without, b, as an array; range(n) begins at 0, and the step may be left out"),
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
    Op("flip", ("x",), "linear", ("flip(g, axis=axis)",), type="same", attrs=("axis",), array="flip", doc="x backwards along an axis"),
    Op("diag", ("x",), "bilinear", {"1": ("diag(g)",), "2": ("set_diag(g, dims(x))",)}, type="diag", array="diag",
       latex=r"\operatorname{{diag}}\left({0}\right)", doc="the diagonal of a matrix, or the matrix with that diagonal"),
    Op("set_diag", ("x", "m", "n"), "linear", ("diag(g)", None, None), type="set_diag", array="set_diag",
       doc="the m × n matrix with that diagonal", public=False),
)  # fmt: skip

_TIE = "weights(x, {0}(x, axis=axis), axis=axis) > 0 and weights(x, {0}(x, axis=axis), axis=axis) < 1"

REDUCTIONS: tuple[Op, ...] = (
    Op("sum", ("x",), "linear", ("spread(g, x, axis=axis)",), type="reduce", attrs=("axis",), array="sum", latex=r"\sum {0}",
       doc="the sum of the elements, in no particular order"),
    Op("mean", ("x",), "linear", ("spread(g/count(x, axis=axis), x, axis=axis)",), type="reduce", attrs=("axis",), array="mean",
       latex=r"\operatorname{{mean}}\left({0}\right)", doc="the sum of the elements divided by their number"),
    Op("prod", ("x",), "reduce",
       ("delay(cumprod(x, axis=axis), 1, axis=axis)*flip(delay(cumprod(flip(x, axis=axis), axis=axis), 1, axis=axis), axis=axis)",),
       type="reduce", attrs=("axis",), array="prod", latex=r"\prod {0}", doc="the product of the elements"),
    Op("var", ("x",), "reduce", ("2*(x - spread(mean(x, axis=axis), x, axis=axis))/spread(count(x, axis=axis), x, axis=axis)",),
       type="reduce", attrs=("axis",), array="var", latex=r"\operatorname{{var}}\left({0}\right)",
       doc="the mean of the squared distances from the mean: divided by n, not by n - 1"),
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
       tangent=("(x_dot - spread(sum(x_dot*out, axis=axis), x, axis=axis))*out",), type="same", attrs=("axis",), array="softmax",
       latex=r"\operatorname{{softmax}}\left({0}\right)", doc="exp(x)/sum(exp(x)) without overflow"),
    Op("log_softmax", ("x",), "linear", ("g - spread(sum(g, axis=axis), x, axis=axis)*exp(out)",),
       tangent=("x_dot - spread(sum(x_dot*exp(out), axis=axis), x, axis=axis)",), type="same", attrs=("axis",), array="log_softmax",
       latex=r"\ln \operatorname{{softmax}}\left({0}\right)", doc="ln(softmax(x)) without cancellation"),
    Op("any", ("x",), "zero", type="reduce_bool", attrs=("axis",), array="any", doc="whether an element is true, or not 0"),
    Op("all", ("x",), "zero", type="reduce_bool", attrs=("axis",), array="all", doc="whether all elements are true, or not 0"),
    Op("argmax", ("x",), "zero", type="reduce_int", attrs=("axis",), array="argmax", special={_TIE.format("reduce_max"): KINK},
       doc="the index of the largest element, the first of equal ones; without an axis it counts through all elements in order"),
    Op("argmin", ("x",), "zero", type="reduce_int", attrs=("axis",), array="argmin", special={_TIE.format("reduce_min"): KINK},
       doc="the index of the smallest element, the first of equal ones; without an axis it counts through all elements in order"),
)  # fmt: skip

SCANS: tuple[Op, ...] = (
    Op("cumsum", ("x",), "linear", ("flip(cumsum(flip(g, axis=axis), axis=axis), axis=axis)",), type="same", attrs=("axis",),
       array="cumsum",
       doc="the running sums along an axis"),
    Op("cumprod", ("x",), "linear",
       ("delay(out, 1, axis=axis)*flip(recurrence(delay(flip(x, axis=axis), 0, axis=axis), flip(g, axis=axis), axis=axis), axis=axis)",),
       tangent=("recurrence(x, x_dot*delay(out, 1, axis=axis), axis=axis)",), type="same", attrs=("axis",), array="cumprod",
       doc="the running products along an axis"),
    Op("recurrence", ("a", "b"), "linear",
       ("delay(out, 0, axis=axis)*flip(recurrence(delay(flip(a, axis=axis), 0, axis=axis), flip(g, axis=axis), axis=axis), axis=axis)",
        "flip(recurrence(delay(flip(a, axis=axis), 0, axis=axis), flip(g, axis=axis), axis=axis), axis=axis)"),
       tangent=("recurrence(a, a_dot*delay(out, 0, axis=axis), axis=axis)", "recurrence(a, b_dot, axis=axis)"), type="same",
       attrs=("axis",), array="recurrence", doc="y with y[k] = a[k]*y[k-1] + b[k] along an axis, from 0", public=False),
    Op("delay", ("x", "v"), "linear", ("flip(delay(flip(g, axis=axis), 0, axis=axis), axis=axis)", None),
       tangent=("delay(x_dot, 0, axis=axis)", None), type="same", attrs=("axis",), array="delay",
       doc="x moved on by one along an axis, beginning with the number v", public=False),
    Op("sort", ("x",), "linear", ("permute(g, argsort(argsort(x, axis=axis), axis=axis), axis=axis)",),
       tangent=("permute(x_dot, argsort(x, axis=axis), axis=axis)",), type="same", attrs=("axis",), array="sort",
       special={"out == delay(out, nan, axis=axis)": KINK},
       doc="the elements in rising order along an axis; equal ones keep their order, nan comes last"),
    Op("argsort", ("x",), "zero", type="order", attrs=("axis",), array="argsort",
       doc="the indices that put the elements in rising order along an axis", public=False),
    Op("permute", ("x", "p"), "linear", ("permute(g, argsort(p, axis=axis), axis=axis)", None), type="same", attrs=("axis",),
       array="permute", doc="the elements at the indices p along an axis, which are a permutation", public=False),
)  # fmt: skip

OPS: tuple[Op, ...] = MAKING + SECTIONS + SHAPES + REDUCTIONS + SCANS
