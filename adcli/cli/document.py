"""Results as documents: JSON, lines of text, CSV, Markdown, and tables on a terminal.

A command fills one `Document`: `data` is its JSON, `rows` the same as named values in the order in which text shows them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from adcli.errors import Source, UsageError

if TYPE_CHECKING:
    from adcli.engines.flags import Flag

TAB = "\t"
ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


class Document:
    """What a command prints.

    data: the JSON object without its flags. absent: flags of numbers that do not exist, which JSON has besides those of the run.
    rows: (name, value) with scalars or arrays as values, in order; bare: one scalar that text prints alone. names: further names that
    --get knows a row by. heads: what is over the columns before the value; where they are several, a name is one of a scalar and has its
    parts between tabs.
    """

    __slots__ = ("absent", "bare", "data", "heads", "names", "rows")

    def __init__(self, schema: str) -> None:
        self.data: dict[str, Any] = {"schema": schema}
        self.absent: list[Flag] = []
        self.rows: list[tuple[str, Any]] = []
        self.names: dict[str, str] = {}
        self.bare = False
        self.heads = ["name"]

    def add(self, name: str, value: Any) -> None:
        self.rows.append((name, value))


def rounded(value: Any, digits: int | None) -> Any:
    """Every float in a structure to that many significant digits."""
    if digits is None:
        return value
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else value
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    if hasattr(value, "tolist"):
        return rounded(value.tolist(), digits)
    return value


def number(value: Any) -> str:
    """A number as text: it reads back to the same double."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def to_json(value: Any) -> str:
    """Strict JSON (RFC 8259): what is not finite is null."""
    out: list[str] = []
    _json(value, out)
    return "".join(out)


def _json(value: Any, out: list[str]) -> None:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        out.append("null")
    elif isinstance(value, str):
        out.append(quoted(value))
    elif isinstance(value, bool | int | float):
        out.append(number(value))
    elif isinstance(value, Mapping):
        out.append("{")
        for k, (key, item) in enumerate(value.items()):
            out.append(f"{', ' if k else ''}{quoted(str(key))}: ")
            _json(item, out)
        out.append("}")
    elif isinstance(value, list | tuple):
        out.append("[")
        for k, item in enumerate(value):
            if k:
                out.append(", ")
            _json(item, out)
        out.append("]")
    else:
        _json(value.tolist(), out)


def quoted(text: str) -> str:
    """A JSON string; control characters, lone surrogates and what is not printable are escaped."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return '"' + "".join(ESCAPES.get(c) or (c if c.isprintable() else _escape(c)) for c in text) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"


def elements(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A named value as named numbers: w becomes w[0], w[1], …, a matrix A[0,0], A[0,1], …"""
    shape = getattr(value, "shape", ())
    if not shape:
        yield name, value
        return
    flat = value.reshape(-1).tolist()
    index = [0] * len(shape)
    for item in flat:
        yield f"{name}[{','.join(map(str, index))}]", item
        for axis in range(len(shape) - 1, -1, -1):
            index[axis] += 1
            if index[axis] < shape[axis]:
                break
            index[axis] = 0


def numbers(document: Document) -> Iterator[tuple[str, Any]]:
    """Every row of a document, arrays element by element."""
    for name, value in document.rows:
        if isinstance(value, dict):
            yield from value.items()
        else:
            yield from elements(name, value)


def to_lines(document: Document) -> str:
    """The stable form for pipes and files."""
    if document.bare and len(document.rows) == 1 and not getattr(document.rows[0][1], "shape", ()):
        return number(document.rows[0][1]) + "\n"
    return "".join(f"{name}\t{number(value)}\n" for name, value in numbers(document))


def csv_number(value: Any) -> str:
    """NaN, inf and -inf are what every reader of CSV knows."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else number(value)


def csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text


def to_csv(document: Document) -> str:
    rows = "".join(f"{','.join(map(csv_cell, name.split(TAB)))},{csv_number(value)}\n" for name, value in numbers(document))
    return ",".join([*document.heads, "value"]) + "\n" + rows


def to_markdown(document: Document) -> str:
    found = list(numbers(document))
    names = [[part.replace("|", "\\|").replace("_", "\\_") for part in name.split(TAB)] for name, _ in found]
    values = [number(value) for _, value in found]
    wide = [max([4, len(head), *(len(name[k]) for name in names)]) for k, head in enumerate(document.heads)]
    deep = max([5, *map(len, values)])

    def line(parts: list[str], value: str) -> str:
        return f"| {' | '.join(f'{part:<{w}}' for part, w in zip(parts, wide, strict=True))} | {value} |"

    lines = [line(document.heads, f"{'value':>{deep}}"), line(["-" * w for w in wide], f"{'-' * (deep - 1)}:")]
    return "\n".join(lines + [line(name, f"{value:>{deep}}") for name, value in zip(names, values, strict=True)]) + "\n"


def round_all(document: Document, digits: int | None) -> None:
    """Round what is printed; JSON and rows alike."""
    if digits is not None:
        document.data = rounded(document.data, digits)
        document.rows = [(name, rounded_value(value, digits)) for name, value in document.rows]


def rounded_value(value: Any, digits: int) -> Any:
    if not hasattr(value, "reshape"):
        return rounded(value, digits)
    import numpy as np

    return np.array(rounded(value.reshape(-1).tolist(), digits), dtype=value.dtype).reshape(value.shape)


def pick(document: Document, name: str) -> str:
    """The number of --get, as text."""
    wanted = document.names.get(name, name)
    found = {name.replace(TAB, ","): value for name, value in reversed(list(numbers(document)))}
    if wanted in found:
        return number(found[wanted])
    base, bracket, rest = name.partition("[")
    wanted = document.names.get(base, base) + bracket + rest.replace(" ", "")
    if wanted in found:
        return number(found[wanted])
    from difflib import get_close_matches

    near = get_close_matches(name, [*reversed(found), *(known for known, row in document.names.items() if row in found)], 1)
    some = ", ".join([*reversed(found)][:8]) + (", …" if len(found) > 8 else "")
    raise UsageError(f"the result has no number '{name}'", help=f"did you mean '{near[0]}'?" if near else f"--get takes one of {some}")


def flag_data(flag: Flag, source: Source) -> dict[str, Any]:
    """A flag as JSON."""
    from adcli.engines.flags import shown

    data: dict[str, Any] = {"code": flag.code, "op": shown(flag.op)}
    if flag.span is not None:
        data["line"], data["column"] = source.position(flag.span.start)
    data["message"] = flag.message
    if flag.at is not None:
        data["at"], data["is"] = flag.at, flag.is_
    return data


def with_flags(data: Mapping[str, Any], flags: Sequence[Flag], source: Source) -> str:
    """One object on a line, its flags last."""
    return to_json({**data, "flags": [flag_data(flag, source) for flag in flags]}) + "\n"


def draw(document: Document, colour: bool) -> str:
    """An aligned table for a terminal."""
    from adcli.cli.table import table

    rows = [[*name.split(TAB), number(value)] for name, value in numbers(document)]
    return table([*document.heads, "value"], rows, colour)
