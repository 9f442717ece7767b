"""A point: one value for each input, checked against what the program declares, and the type that goes with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from adcli.engines.flags import Flag, finite
from adcli.errors import DeclarationError, ShapeError, Source, UsageError
from adcli.ir.signature import Constant
from adcli.ir.types import INT, REAL, Type

if TYPE_CHECKING:
    import numpy as np

    from adcli.ir.signature import Input, Signature
    from adcli.syntax import tree

    Value: TypeAlias = "float | int | bool | np.ndarray[Any, Any]"

WHOLE = 2**53
CAPITALS = {"True": "true", "False": "false", "PI": "pi", "Pi": "pi", "Inf": "inf", "INF": "inf", "NaN": "nan", "NAN": "nan"}
WHOLE_NUMBER = "an input declared ': int' takes whole numbers; without it, reals"
NUMBERS = "a value is a number, or a list of numbers such as [1, 2]"
RECTANGULAR = "an array is rectangular, such as [[1, 2], [3, 4]]"


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The name that was probably meant."""
    from adcli.lower.problems import nearest

    return nearest(name, names)


def constant(text: str, name: str = "<value>") -> Value:
    """The value of a constant expression; UsageError where it has none."""
    from adcli.errors import AdcliError
    from adcli.syntax import parse
    from adcli.syntax.tree import ExprStmt

    source = Source(text, name)
    try:
        program = parse(source)
        if len(program.statements) != 1 or not isinstance(program.statements[0], ExprStmt):
            raise UsageError("it is no single expression", help="a value is one expression; values are separated by commas: x=1,y=2")
        value, flags = evaluate(program, source)
    except (UsageError, AdcliError) as error:
        raise UsageError(f"{_cut(text)} is not a constant: {error.message}", help=error.help) from None
    for flag in flags:
        if flag.code != "underflow-literal":
            raise UsageError(f"{_cut(text)} is not a number: {flag.message}", help="give a number; inf and nan may be given by name")
    return value


def evaluate(program: tree.Program, source: Source) -> tuple[Value, list[Flag]]:
    """The value of a program without inputs."""
    from adcli.api.flags import births
    from adcli.engines.interpret import Interpreter
    from adcli.engines.limits import Limits
    from adcli.lower import lower
    from adcli.lower.signature import signature

    inputs = signature(program, source).inputs
    if inputs:
        raise UsageError(
            f"'{inputs[0].name}' is no constant",
            help="a value is made of numbers, operators, functions and the constants pi, tau, e, inf, nan",
        )
    function, limits = lower(program, source, {}), Limits(max_steps=10**6)
    machine = Interpreter(function, limits)
    value = machine.run([])[0]
    flags = list(machine.flags)
    return value, flags if flags or finite(value) else births(function, (), (), limits)


def default(given: Input, source: Source) -> Value:
    """The value of an input's default."""
    expression = given.default
    assert expression is not None
    if isinstance(expression, Constant):
        value: Value = expression.value
        return value
    from adcli.syntax import tree

    if isinstance(expression, tree.Num):
        return int(expression.value) if expression.whole and abs(expression.value) < WHOLE else expression.value
    program = tree.Program((tree.ExprStmt(expression, expression.span),), expression.span)
    return evaluate(program, source)[0]


def bind(signature: Signature, source: Source, at: Mapping[str, Any]) -> tuple[list[Value], list[Type], list[Flag]]:
    """Values and types of the inputs in order, from the point and the defaults; raises UsageError and ShapeError."""
    _unknown(signature, at)
    missing = [i for i in signature.inputs if i.name not in at and i.default is None]
    if missing:
        raise _missing(missing)
    sizes: dict[str, tuple[int, str]] = {}
    flags: list[Flag] = []
    values: list[Value] = []
    types: list[Type] = []
    for given in signature.inputs:
        value = _typed(given, at[given.name], flags) if given.name in at else _defaulted(given, source, flags)
        value = _columns(given, value, sizes)
        shape = getattr(value, "shape", ())
        _fit(given, shape, sizes, source)
        values.append(value)
        types.append(INT if isinstance(value, int) else Type("real", shape) if shape else REAL)
    return values, types, flags


def _typed(given: Input, raw: Any, flags: list[Flag]) -> Value:
    return as_int(given.name, raw) if given.kind == "int" and given.shape in (None, ()) else as_real(given.name, raw, flags)


def _defaulted(given: Input, source: Source, flags: list[Flag]) -> Value:
    """The default as a value; where it is none, the program's text is wrong, and not what the user gave."""
    assert given.default is not None
    try:
        return _typed(given, default(given, source), flags)
    except UsageError as error:
        raise DeclarationError(error.message, given.default.span, help=error.help, source=source) from None


def _unknown(signature: Signature, at: Mapping[str, Any]) -> None:
    names = [i.name for i in signature.inputs]
    for name in at:
        if name in names:
            continue
        from adcli import ops

        near = nearest(name, names)
        if name in ops.CONSTANTS:
            raise UsageError(
                f"'{name}' is a constant here, not an input", help=f"to make it an input, declare it in the program: input {name}"
            )
        if name in signature.dimensions:
            raise UsageError(f"'{name}' is a dimension: it comes from the shapes of the arrays given", help=f"leave {name}=… out")
        if name in ops.PUBLIC:
            raise UsageError(f"'{name}' is a function, not an input of the program", help=_has(names))
        raise UsageError(f"the program has no input '{_cut(name)}'", help=f"did you mean '{near}'?" if near else _has(names))


def _has(names: Sequence[str]) -> str:
    if not names:
        return "it has no inputs"
    return f"its inputs are {', '.join(names)}" if len(names) > 1 else f"its input is {names[0]}"


def _missing(missing: Sequence[Input]) -> UsageError:
    names = ", ".join(f"'{_cut(i.name)}'" for i in missing[:20]) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
    example = ",".join(f"{_cut(i.name)}={_example(i)}" for i in missing[:4])
    quote = '"' if "[" in example else ""
    spelt = next((i.name for i in missing if i.name in CAPITALS), None)
    if spelt is not None:
        return UsageError(f"no value for input '{spelt}'", help=f"the constant is written {CAPITALS[spelt]}")
    more = ",…" if len(missing) > 4 else ""
    return UsageError(
        f"no value for {'inputs' if len(missing) > 1 else 'input'} {names}",
        help=f"give {'them' if len(missing) > 1 else 'it'} with --at {quote}{example}{more}{quote}",
    )


def _example(given: Input) -> str:
    text = "1"
    for extent in reversed(given.shape or ()):
        count = extent if isinstance(extent, int) else 2
        text = f"[{','.join([text] * count)}]" if count <= 4 else "[…]"
    return text


def _columns(given: Input, value: Value, sizes: Mapping[str, tuple[int, str]]) -> Value:
    """No rows at all, [], as a matrix with the declared number of columns, which a list cannot tell."""
    if getattr(value, "shape", ()) != (0,) or len(given.shape or ()) < 2:
        return value
    assert given.shape is not None and not isinstance(value, (int, float))
    extents = [e if isinstance(e, int) else sizes.get(e, (None,))[0] for e in given.shape[1:]]
    known = [e for e in extents if e is not None]
    return value.reshape((0, *known)) if len(known) == len(extents) else value


def _fit(given: Input, shape: tuple[int, ...], sizes: dict[str, tuple[int, str]], source: Source) -> None:
    """The value has the declared shape, and every dimension name one size."""
    if given.shape is None:
        return
    if len(given.shape) != len(shape):
        raise ShapeError(
            f"input '{given.name}' is {_words(given.shape)}, and its value is {_words(shape)}",
            given.span,
            source=source,
            help=_declare(given, shape),
        )
    for extent, size in zip(given.shape, shape, strict=True):
        if isinstance(extent, int):
            if extent != size:
                message = f"input '{given.name}' has shape {list_text(given.shape)}, and its value has shape {list_text(shape)}"
                raise ShapeError(
                    message, given.span, help="give a value of that shape, or declare a name for the size: input w: [n]", source=source
                )
        elif sizes.setdefault(extent, (size, given.name))[0] != size:
            known, by = sizes[extent]
            message = f"dimension '{extent}' is {known} in the value of '{by}' and {size} in that of '{given.name}'"
            raise ShapeError(message, given.span, help="give both the same size, or use another name for one of them", source=source)


def _declare(given: Input, shape: tuple[int, ...]) -> str:
    if not given.shape and shape:
        return f"declare it as an array: input {given.name}: {list_text(shape)}"
    return f'give an array: --at "{given.name}={_example(given)}"' if not shape else "give a value of the declared shape"


def list_text(shape: Sequence[int | str]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _words(shape: Sequence[int | str]) -> str:
    return f"an array of shape {list_text(shape)}" if shape else "a number"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:40]}…{text[-16:]}"


def as_int(name: str, value: Any) -> int:
    """A 64-bit integer; a real is taken where it is whole."""
    if hasattr(value, "shape") or isinstance(value, list | tuple):
        raise UsageError(f"input '{name}' is an integer, not an array", help=f"give one whole number, such as {name}=3")
    if isinstance(value, float):
        if not value.is_integer():
            raise UsageError(f"input '{name}' takes a whole number, not {value!r}", help=WHOLE_NUMBER)
        value = int(value)
    elif not hasattr(value, "__index__"):
        raise UsageError(f"input '{name}' takes a whole number, not {_cut(repr(value))}", help=WHOLE_NUMBER)
    value = int(value)
    if not -(2**63) <= value < 2**63:
        raise UsageError(f"{value:.3g} for input '{name}' does not fit a 64-bit integer", help="an input without ': int' takes reals")
    return int(value)


def as_real(name: str, value: Any, flags: list[Flag]) -> Value:
    """A float or a float array; lists must be rectangular."""
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bool | int):
        return _float(name, value, flags)
    if isinstance(value, list | tuple):
        return _array(name, value, flags)
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        if value.dtype.kind not in "fiub":
            raise UsageError(f"the value of '{name}' is not made of real numbers", help=NUMBERS)
        array = value.astype("float64")
        return float(array) if not array.shape else array
    raise UsageError(f"the value of '{name}' is not a number: {_cut(repr(value))}", help=NUMBERS)


def _float(name: str, value: int, flags: list[Flag]) -> float:
    try:
        real = float(value)
    except OverflowError:
        raise UsageError(f"the value of '{name}' is too large for a number", help="the largest is 1.8e308; infinity is inf") from None
    if abs(value) > WHOLE and int(real) != value:
        flags.append(Flag("inexact-input", name, None, f"the value given for '{name}' is not a binary64 number: {real!r} is used"))
    return real


def _array(name: str, value: Sequence[Any], flags: list[Flag]) -> Value:
    """A rectangular nested list as an array, without recursion."""
    shape: list[int] = []
    level: list[Any] = [value]
    while level and all(isinstance(item, list | tuple) for item in level):
        sizes = {len(item) for item in level}
        if len(sizes) > 1:
            raise _ragged(name, sizes)
        shape.append(sizes.pop())
        level = [inner for item in level for inner in item]
    if len(shape) > 32:
        raise UsageError(f"the value of '{name}' has {len(shape)} dimensions, and an array has at most 32", help="remove brackets")
    flat: list[float] = []
    for item in level:
        if isinstance(item, list | tuple):
            raise UsageError(f"the value of '{name}' mixes numbers and lists: an array is rectangular", help=RECTANGULAR)
        if isinstance(item, bool | int):
            item = _float(name, item, flags)
        if not isinstance(item, float):
            raise UsageError(f"the value of '{name}' holds {_cut(repr(item))}, which is not a number", help=NUMBERS)
        flat.append(item)
    import numpy as np

    return np.array(flat, dtype=np.float64).reshape(shape)


def _ragged(name: str, sizes: set[int]) -> UsageError:
    few, many = min(sizes), max(sizes)
    return UsageError(
        f"the value of '{name}' is ragged: it has rows of {few} and of {many} elements",
        help=RECTANGULAR,
    )
