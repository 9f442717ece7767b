"""Reading points: --at and --along, value expressions, and the files @FILE.json, @FILE.csv, @FILE.npy."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adcli.cli.streams import decode, read_file
from adcli.engines.flags import Flag
from adcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from typing import Protocol

    from adcli.ir.signature import Input

    class Program(Protocol):
        """What has inputs: a program, or a command of which only the point says them."""

        @property
        def inputs(self) -> Sequence[Input]: ...


NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PLUS_MINUS = ("±", "+-", "+/-")
DEEPEST = 64
POINT_EXAMPLE = 'a point is {"x": 1, "w": [1, 2]}'
LARGEST = "the largest is 1.8e308"
PLAIN_ARRAY = re.compile(r"[\[\]0-9eE+\-., \t]+")


def read_point(
    words: Sequence[str], program: Program, flags: list[Flag], option: str = "--at", spreads: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The values that the words of one option give; a file for the whole point goes first, so that names beside it win.

    spreads: takes the uncertainties, 5±0.1, where a command has a use for them.
    """
    named: dict[str, Any] = {}
    whole: dict[str, Any] = {}
    ranks = {i.name: None if i.shape is None else len(i.shape) for i in program.inputs}
    for word in words:
        if word.startswith("@") and "=" not in word:
            _add_all(whole, point_file(word[1:]), word)
            continue
        for name, text in pairs(word, option):
            if name is None:
                _add_all(whole, point_file(text[1:]), text)
            elif name in named:
                raise UsageError(f"'{name}' is given twice by {option}", help="give each name once")
            else:
                text = certain(name, text, spreads)
                named[name] = value(name, text, ranks.get(name))
                if vanishes(text) and named[name] == 0.0:
                    flags.append(
                        Flag(
                            "underflow-literal",
                            name,
                            None,
                            f"{cut(text)}, the value given for '{name}', is too small for a number: 0 is used",
                        )
                    )
    return whole | named


def certain(name: str, text: str, spreads: dict[str, Any] | None) -> str:
    """The text of a value without its uncertainty, which goes to `spreads`."""
    if spreads is None:
        if "±" in text:
            raise UsageError(
                f"the value of '{name}' has an uncertainty, {cut(text)}",
                help="`adcli propagate` takes uncertainties; here a value is a number",
            )
        return text
    number, spread = apart(text)
    if spread is None:
        return number
    if not number or not spread:
        raise UsageError(f"{cut(text)}, the value of '{name}', has nothing on one side of ±", help=f"write {name}=5±0.1")
    spreads[name] = value(name, spread)
    return number


def apart(text: str) -> tuple[str, str | None]:
    """5±0.1 as 5 and 0.1, and an array of such, [5±0.1, 6±0.2], as two arrays; None where there is no uncertainty."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c in "[(") - (c in "])")
        mark = next((m for m in PLUS_MINUS if depth == 0 and text.startswith(m, k)), None)
        if mark is not None:
            return text[:k].strip(), text[k + len(mark) :].strip()
    if not (text.startswith("[") and text.endswith("]") and any(m in text for m in PLUS_MINUS)):
        return text, None
    parts = [apart(part.strip()) for part in split(text[1:-1])]
    return f"[{', '.join(p for p, _ in parts)}]", f"[{', '.join(u or '0' for _, u in parts)}]"


def vanishes(text: str) -> bool:
    """A literal that is not 0, read as 0."""
    return NUMBER.fullmatch(text) is not None and re.search("[1-9]", text.lower().partition("e")[0]) is not None


def _add_all(whole: dict[str, Any], found: dict[str, Any], word: str) -> None:
    for name, item in found.items():
        if name in whole:
            raise UsageError(f"'{name}' is given twice, the second time by {cut(word)}", help="names given beside one file win over it")
        whole[name] = item


def cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:40]}…{text[-16:]}"


def split(text: str) -> list[str]:
    """The parts between commas that stand in no brackets."""
    if not any(c in text for c in "[("):
        return text.split(",")
    parts: list[str] = []
    depth = start = 0
    for k, c in enumerate(text):
        if c in "[(":
            depth += 1
        elif c in "])":
            depth -= 1
        elif c == "," and depth <= 0:
            parts.append(text[start:k])
            start = k + 1
    return [*parts, text[start:]]


def pairs(word: str, option: str) -> list[tuple[str | None, str]]:
    """NAME=VALUE,… as pairs; (None, "@FILE") where a part is a file for the whole point."""
    found: list[tuple[str | None, str]] = []
    for part in split(word):
        name, equals, text = part.partition("=")
        name, text = name.strip(), text.strip()
        if not equals and name.startswith("@"):
            found.append((None, name))
        elif not equals:
            raise _stray(name, word, found, option)
        elif not NAME.fullmatch(name):
            base = name.partition("[")[0]
            plain = "a name is made of ASCII letters, digits and _: --at x=1"
            hint = f"give the whole array: {base}=[…]" if "[" in name and NAME.fullmatch(base) else plain
            raise UsageError(f"'{cut(name)}' in {option} {cut(word)} is not a name", help=hint)
        elif not text:
            raise UsageError(f"{option} {name}= has no value", help=f"write {option} {name}=1")
        else:
            found.append((name, text))
    return found


def _stray(part: str, word: str, before: Sequence[tuple[str | None, str]], option: str) -> UsageError:
    """`x=1,5` and `v=1,2,3`: a part without a name."""
    if before and before[-1][0] is not None:
        name = before[-1][0]
        rest = word[word.rindex(f"{name}=") if f"{name}=" in word else 0 :].partition("=")[2]
        values = [p.strip() for p in split(rest)]
        plain = [v for v in values if v and "=" not in v]
        if not part:
            return UsageError(f"{option} {cut(word)} has a comma with nothing behind it", help="leave it out, or give another NAME=VALUE")
        help_text = f"an array is written {name}=[{cut(','.join(plain))}]; a decimal number has a point, {name}=1.5"
        return UsageError(f"'{cut(part)}' in {option} {cut(word)} belongs to no name", help=help_text)
    example = f"{part}=1" if NAME.fullmatch(part) else "x=1"
    return UsageError(f"{option} takes NAME=VALUE, and '{cut(part)}' is none", help=f"write {option} {example}")


def value(name: str, text: str, rank: int | None = None) -> Any:
    """One value: a number, nested lists, a constant expression, or @FILE."""
    if NUMBER.fullmatch(text):
        return literal(name, text)
    if text.startswith("@"):
        return value_file(name, text[1:], rank)
    if text.startswith("[") and PLAIN_ARRAY.fullmatch(text):
        made = plain_array(name, text)
        if made is not None:
            return made
    return expression(name, text)


def literal(name: str, text: str) -> Any:
    """A decimal number; whole ones stay exact until their input is known."""
    if text.lstrip("+-").isdigit() and len(text) <= 300:
        return int(text)
    return finite(name, text, float(text))


def finite(name: str, text: str, real: float) -> float:
    if math.isinf(real):
        raise UsageError(f"{cut(text)}, the value of '{name}', is too large for a number", help=f"write {name}=inf for infinity")
    return real


def plain_array(name: str, text: str) -> list[Any] | None:
    """Nested brackets of plain numbers; None where it takes the parser to say what it is."""
    stack: list[list[Any]] = [[]]
    expect_item = True
    for token in re.findall(r"[\[\],]|[^\[\],\s]+", text):
        if token == ",":
            if expect_item:
                return None
            expect_item = True
        elif token == "[":
            if not expect_item:
                return None
            stack.append([])
        elif token == "]":
            if len(stack) < 2 or (expect_item and stack[-1]):
                return None
            done = stack.pop()
            stack[-1].append(done)
            expect_item = False
        elif expect_item and NUMBER.fullmatch(token):
            stack[-1].append(literal(name, token))
            expect_item = False
        else:
            return None
    return stack[0][0] if len(stack) == 1 and len(stack[0]) == 1 else None


def expression(name: str, text: str) -> Any:
    """The value of a constant expression."""
    from adcli.api.point import constant

    try:
        return constant(text)
    except UsageError as error:
        raise UsageError(f"the value of '{name}': {error.message}", help=error.help) from None


def json_file(path: str) -> Any:
    """The contents of a JSON file, strict: no NaN, no name twice."""
    import json

    def unique(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, item in items:
            if key in found:
                raise DataError(f"{path} has '{cut(key)}' twice", help="give each name once")
            found[key] = item
        return found

    def refuse(word: str) -> Any:
        raise DataError(f"{path} holds {word}, which is no JSON", help="JSON has finite numbers only; say --at x=inf or x=nan instead")

    text = decode(read_file(path), path)
    if depth(text) > DEEPEST:  # the reader recurses in C, and would overflow the stack
        raise DataError(f"{path} is nested more than {DEEPEST} deep", help=POINT_EXAMPLE)
    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        said = error.msg[:1].lower() + error.msg[1:]
        raise DataError(f"{path} is not JSON: line {error.lineno}, column {error.colno}: {said}", help=POINT_EXAMPLE) from None
    except ValueError as error:
        raise DataError(f"{path} cannot be read: {cut(str(error))}", help=POINT_EXAMPLE) from None


def depth(text: str) -> int:
    """How deep brackets nest; those in strings count too."""
    deepest = now = 0
    for c in re.findall(r"[\[{\]}]", text):
        now += 1 if c in "[{" else -1
        deepest = max(deepest, now)
    return deepest


def point_file(path: str) -> dict[str, Any]:
    """A whole point: a JSON object, or a CSV file with a header and one row."""
    suffix = path.rpartition(".")[2].lower()
    if suffix == "csv":
        head, *rows = csv_rows(path)
        if len(rows) != 1 or len(rows[0]) != len(head):
            needs = "a line of names and one line of as many values"
            raise DataError(f"{path} is no point: it needs {needs}", help="an array from a file is NAME=@FILE.csv")
        return {name.strip(): cell_number(path, 2, cell) for name, cell in zip(head, rows[0], strict=True)}
    if suffix != "json":
        raise UsageError(f"--at @{cut(path)} is neither a .json nor a .csv file", help="a single value is given by NAME=@FILE")
    found = json_file(path)
    if not isinstance(found, dict):
        raise DataError(f"{path} is no point: it holds no object", help=POINT_EXAMPLE)
    return {name: checked(path, name, item) for name, item in found.items()}


def checked(path: str, name: str, item: Any) -> Any:
    """A value from JSON: numbers, truth values and lists of them."""
    if isinstance(item, str | dict) or item is None:
        hint = "the whole point of a file is --at @FILE.json" if isinstance(item, dict) else POINT_EXAMPLE
        raise DataError(f"{path}: the value of '{cut(name)}' is not a number or a list of numbers", help=hint)
    level = [item]
    while any(isinstance(inner, list) for inner in level):
        if not all(isinstance(inner, list) for inner in level) or len({len(inner) for inner in level}) > 1:
            raise DataError(f"{path}: the value of '{cut(name)}' is not rectangular", help="an array is such as [[1, 2], [3, 4]]")
        level = [number for inner in level for number in inner]
    if not all(isinstance(number, int | float) for number in level):
        raise DataError(f"{path}: the value of '{cut(name)}' does not hold numbers alone", help=POINT_EXAMPLE)
    if any(isinstance(number, float) and math.isinf(number) for number in level):
        raise DataError(f"{path}: the value of '{cut(name)}' is too large for a number", help=LARGEST)
    return item


def value_file(name: str, path: str, rank: int | None) -> Any:
    """One value from a .json, .csv or .npy file."""
    suffix = path.rpartition(".")[2].lower()
    if suffix == "json":
        return checked(path, name, json_file(path))
    if suffix == "csv":
        return csv_value(path, rank)
    if suffix == "npy":
        return npy_value(path)
    raise UsageError(f"{name}=@{cut(path)} is none of .json, .csv, .npy", help="the suffix of a file says how to read it")


def csv_rows(path: str) -> list[list[str]]:
    import csv

    try:
        rows = [row for row in csv.reader(decode(read_file(path), path).splitlines()) if row]
    except csv.Error as error:
        raise DataError(f"{path} is not CSV: {error}", help="cells are separated by commas, one row a line") from None
    if not rows:
        raise DataError(f"{path} is empty", help="it needs at least one line of numbers")
    return rows


def cell_number(path: str, line: int, cell: str) -> Any:
    text = cell.strip()
    if NUMBER.fullmatch(text):
        real = float(text)
        if math.isfinite(real):
            return int(text) if text.lstrip("+-").isdigit() and len(text) < 19 else real
        raise DataError(f"{path}, line {line}: {cut(text)} is too large for a number", help=LARGEST)
    if text.lower() in ("nan", "inf", "-inf", "+inf", "infinity", "-infinity"):
        return float(text)
    hint = "cells are separated by commas, and decimals have a point"
    if line == 1 and NAME.fullmatch(text):
        hint = "an array's file has no line of names; a whole point with names is --at @FILE.csv"
    raise DataError(f"{path}, line {line}: '{cut(text)}' is not a number", help=hint)


def csv_value(path: str, rank: int | None) -> Any:
    """A matrix, or a vector where there is one row or one column (unless the input is declared as a matrix)."""
    rows = [[cell_number(path, line, cell) for cell in row] for line, row in enumerate(csv_rows(path), 1)]
    for line, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise DataError(f"{path}, line {line}: {len(row)} values, and {len(rows[0])} in the first line", help="a matrix is rectangular")
    if rank == 2:
        return rows
    if rank == 0 and len(rows) == len(rows[0]) == 1:
        return rows[0][0]
    if len(rows) == 1:
        return rows[0]
    return [row[0] for row in rows] if len(rows[0]) == 1 else rows


def npy_value(path: str) -> Any:
    import numpy as np

    read_file(path, 8)
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise DataError(f"{path} is not a file of a NumPy array of numbers", help="write it with numpy.save and a numeric type") from None
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
        raise DataError(f"{path} is not an array of real numbers", help="convert it to float64 before it is saved")
    return found
