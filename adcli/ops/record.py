"""The record of one operation: all that adcli knows about it stands in one place.

Derivatives are written in ADL itself, as text over the argument names, `out` (the result), `g`
(the incoming cotangent), and the attributes by name. What a text means depends on the kind:

kind        the text of an argument says                 forward                 reverse
partials    ∂out/∂arg, elementwise                       Σ ∂ᵢ·ẋᵢ                 x̄ᵢ += ∂ᵢ·g, summed back over broadcasting
reduce      ∂out/∂x for each element of x (x's shape)    sum(∂·ẋ, axis)          x̄ += spread(g)·∂
linear      the pull-back of g                           the op on tangents      the text
            (or `tangent`: for each argument a text over it and
            its x_dot, where the op itself is not linear)
bilinear    the pull-back of g, per argument             Σ op with one argument  the text
            (a mapping from the ranks, "21", to texts)   replaced by its tangent
form        nothing: op(a, h…) is linear in each h,       Σ op with the tangent   op with g appended (for a),
            symmetric, and its derivative along a is          appended, or in the     or in the place of h
            op(a, h…, a_dot)                                  place of h
zero        nothing                                      no tangent              nothing
define      the function is defined by an ADL body       –                       –
"""
from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final, TypeAlias

    Rule: TypeAlias = tuple[str | None, ...] | Mapping[str, tuple[str, ...]]

_NONE: Mapping[str, str] = {}


class Op:
    """One operation of the language or of the IR; never changed once it is made.

    name: unique; what the IR and error messages say.
    args: names of the value arguments, which the rule texts use; one that begins with * stands for any number of arguments.
    attrs: names of the static attributes (axis, pattern), given as a tuple in that order on each statement.
    kind, rule, tangent: the derivative, see the module; None in a rule: no derivative along that argument.
    type: the name of the type rule in `adcli.ir.types`.
    scalar: total function on Python floats (ints, bools); IEEE results, never raises.
    fast: a C function that equals `scalar` wherever it does not raise ArithmeticError or ValueError.
    array: NumPy form: the name of a function of `adcli.ops.arrays`, or "np.NAME" for a ufunc;
        None means the scalar form element by element.
    native: how native code computes it: the name of a function of the C library ("sin"), or an ADL text over the arguments
        ("1/cos(x)"); None where the engine has instructions of its own, or calls the Python form.
    mp: mpmath form, for tests, `compare` and `roundoff`: an mpmath function's name or a callable (mp, *args);
        operations on whole arrays have theirs in `adcli.engines.precise_arrays`.
    symbol, latex: notation, "+" or a template such as r"\\sqrt{{{0}}}".
    shown: how rules that use the operation are written for readers: an ADL text over the arguments ("y*x^(y - 1)").
    doc: one line. domain: where tests sample it, "x in -5..5, y in 0..1". special: kinks and edges,
        a mapping from a condition in ADL over the arguments and `out` to a flag code.
    cheap: costs about as much as a load, so that reverse mode recomputes it instead of taping it.
    public: callable by its name from a program; aliases always are.
    """

    __slots__ = (
        "aliases", "args", "array", "attrs", "body", "cheap", "doc", "domain", "fast", "kind", "latex", "mp", "name", "native", "public",
        "rule", "scalar", "shown", "special", "symbol", "tangent", "type",
    )  # fmt: skip
    name: Final[str]
    args: Final[tuple[str, ...]]
    kind: Final[str]
    rule: Final[Rule]
    tangent: Final[tuple[str | None, ...] | None]
    type: Final[str]
    attrs: Final[tuple[str, ...]]
    scalar: Final[Callable[..., Any] | None]
    fast: Final[Callable[..., Any] | None]
    array: Final[str | None]
    native: Final[str | None]
    mp: Final[str | Callable[..., Any] | None]
    symbol: Final[str | None]
    latex: Final[str | None]
    shown: Final[str | None]
    doc: Final[str]
    domain: Final[str]
    special: Final[Mapping[str, str]]
    cheap: Final[bool]
    public: Final[bool]
    body: Final[str | None]
    aliases: Final[tuple[str, ...]]

    # Written out, since a frozen dataclass of this size costs three milliseconds at every start.
    def __init__(
        self, name: str, args: tuple[str, ...], kind: str, rule: Rule = (), *, tangent: tuple[str | None, ...] | None = None,
        type: str = "real", attrs: tuple[str, ...] = (), scalar: Callable[..., Any] | None = None, fast: Callable[..., Any] | None = None,
        array: str | None = None, native: str | None = None, mp: str | Callable[..., Any] | None = None, symbol: str | None = None,
        latex: str | None = None, shown: str | None = None, doc: str = "", domain: str = "", special: Mapping[str, str] = _NONE,
        cheap: bool = False, public: bool = True, body: str | None = None, aliases: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        self.name = name
        self.args = args
        self.kind = kind
        self.rule = rule
        self.tangent = tangent
        self.type = type
        self.attrs = attrs
        self.scalar = scalar
        self.fast = fast
        self.array = array
        self.native = native
        self.mp = mp
        self.symbol = symbol
        self.latex = latex
        self.shown = shown
        self.doc = doc
        self.domain = domain
        self.special = special
        self.cheap = cheap
        self.public = public
        self.body = body
        self.aliases = aliases

    def __repr__(self) -> str:
        return f"<op {self.name}>"
