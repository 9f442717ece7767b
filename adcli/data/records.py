"""JSON lines, one object a row, and JSON files that hold a list of objects."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn

from adcli.data.block import Block, Place
from adcli.data.number import EXACT, BadNumber, cut, fitting, rounding
from adcli.data.stream import Lines, Stream
from adcli.engines.flags import Flag
from adcli.errors import DataError

DEEPEST = 64  # the reader recurses in C
LONG = 300  # digits of a whole number
SHAPE = 'a row is an object such as {"x": 1, "w": [1, 2]}'


class NoRecord(ValueError):
    """A row is not the JSON object it should be."""


class Literal(float):
    """A number that remembers how it was written."""

    __slots__ = ("text",)
    text: str


def _literal(text: str) -> Literal:
    made = Literal(text)
    made.text = text
    return made


def _whole(text: str) -> int | Literal:
    return int(text) if len(text) < LONG else _literal(text)


def _unique(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) < len(items):
        names = [name for name, _ in items]
        twice = next(name for name in names if names.count(name) > 1)
        raise NoRecord(f"duplicate name '{cut(twice)}'")
    return found


def _refuse(word: str) -> NoReturn:
    raise NoRecord(f"{word} is no JSON: numbers that are not finite are null there")


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_whole, parse_float=_literal)
# The same without the text of numbers; twice as fast.
PLAIN = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse)


def decoded(text: str, at: int = 0) -> tuple[dict[str, Any], int]:
    """The object that begins there, and where it ends. Raises NoRecord."""
    if not at:
        _bearable(text)
    try:
        found, end = DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise NoRecord(f"{error.msg[:1].lower()}{error.msg[1:]} at character {error.pos + 1 - at}") from None
    if not isinstance(found, dict):
        raise NoRecord("it is not an object")
    return found, end


def _bearable(text: str) -> None:
    """Raise NoRecord for what the reader, which recurses in C, could not bear."""
    if text.count("[") + text.count("{") > DEEPEST and _depth(text) > DEEPEST:
        raise NoRecord(f"it is nested more than {DEEPEST} deep")


def _depth(text: str) -> int:
    """How deep brackets nest; those in strings count too."""
    deepest = now = 0
    for c in re.findall(r"[\[{\]}]", text):
        now += 1 if c in "[{" else -1
        deepest = max(deepest, now)
    return deepest


def flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A value by its column's name, a list element by element: w[0], w[1]; in nested ones w[0,1]."""
    todo: list[tuple[tuple[int, ...], Any]] = [((), value)]
    while todo:
        index, item = todo.pop()
        if isinstance(item, list):
            todo += [((*index, k), part) for k, part in reversed(list(enumerate(item)))]
        else:
            yield (f"{name}[{','.join(map(str, index))}]" if index else name), item


class RecordBlock(Block):
    """Rows of JSON objects."""

    def __init__(self, texts: Sequence[str], places: Sequence[int], names: Sequence[str]) -> None:
        super().__init__(len(texts), places)
        self._texts = texts
        self._names = names

    def raw(self) -> Sequence[str]:
        return self._texts

    def part(self, start: int, stop: int) -> Block:
        made = super().part(start, stop)
        assert isinstance(made, RecordBlock)
        made._texts = self._texts[start:stop]
        return made

    def records(self) -> Iterator[dict[str, Any]]:
        """The objects, with numbers that know how they were written; empty ones for what is none."""
        for text in self._texts:
            try:
                found, end = decoded(text)
                yield {} if text[end:].strip() else found
            except NoRecord:
                yield {}

    def values(self) -> Iterable[Sequence[Any]]:
        for record in self.records():
            yield [record.get(name) for name in self._names]


class Records:
    """What both readers share. columns: the names that rows can be asked for; fields: those of the first object itself."""

    textual = False
    end = "\n"
    layout = ("records", "")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.columns: list[str] = []
        self.fields: list[str] = []

    def _describe(self, first: Mapping[str, Any]) -> None:
        self.fields = list(first)
        self.columns = [column for name, value in first.items() for column, _ in flat(name, value)]

    def block(self, rows: Sequence[tuple[int, str]], wanted: Mapping[str, str]) -> RecordBlock:
        """A block of the rows with these texts."""
        import numpy as np

        texts = [text for _, text in rows]
        block = RecordBlock(texts, [number for number, _ in rows], self.fields)
        if not self._at_once(block, texts, wanted):
            block.bad, block.notes = {}, []
            for name, kind in wanted.items():
                block.columns[name] = np.zeros(len(rows), "int64" if kind == "int" else float)
            lists = {name.partition("[")[0] for name in wanted} & {name for name in self.fields if name not in self.columns}
            for row, text in enumerate(texts):
                self._one(block, row, text, wanted, lists)
        return block

    def _at_once(self, block: RecordBlock, texts: Sequence[str], wanted: Mapping[str, str]) -> bool:
        """The columns of rows that are as they should be: plain numbers everywhere. False where one by one must tell more."""
        import numpy as np

        if not set(wanted) <= set(self.fields) or any(text.count("[") + text.count("{") > DEEPEST for text in texts):
            return False
        try:
            made = [(text, *PLAIN.raw_decode(text)) for text in texts]
        except (NoRecord, ValueError):
            return False
        if any(end != len(text) or type(record) is not dict for text, record, end in made):
            return False
        for name, kind in wanted.items():
            values = [record.get(name) for _, record, _ in made]
            if not set(map(type, values)) <= ({int} if kind == "int" else {int, float}):
                return False
            try:
                column = block.columns[name] = np.array(values, "int64" if kind == "int" else float)
            except OverflowError:
                return False
            if kind == "real":
                for row in np.flatnonzero(~(np.abs(column) < EXACT) | (column == 0)).tolist():
                    if values[row] != 0 or type(values[row]) is float:
                        self._one(block, row, texts[row], {name: kind}, set())
        return True

    def _one(self, block: RecordBlock, row: int, text: str, wanted: Mapping[str, str], lists: set[str]) -> None:
        """The numbers of one row, or its error."""
        if row in block.bad:
            return
        try:
            record, end = decoded(text)
            if text[end:].strip():
                raise NoRecord(f"something stands after the object: '{cut(text[end:].strip())}'")
        except NoRecord as error:
            block.bad[row] = self.place.error(block.places[row], str(error), SHAPE)
            return
        if lists:
            record = dict(column for name, value in record.items() for column in (flat(name, value) if name in lists else [(name, value)]))
            more = [name for name in record if name.partition("[")[0] in lists and name not in wanted]
            if more:
                block.bad[row] = self.place.error(block.places[row], "the list is longer than in the first row", SAME, more[0])
                return
        for name, kind in wanted.items():
            try:
                number, flag = _number(record.get(name), kind, name in record)
            except BadNumber as bad:
                block.bad[row] = self.place.error(block.places[row], bad.message, bad.help, name)
                return
            block.columns[name][row] = number
            if flag is not None:
                block.notes.append((row, flag._replace(op=name)))


SAME = "arrays have the same shape in every row"


def _number(value: Any, kind: str, there: bool) -> tuple[float, Flag | None]:
    """A JSON value as a number. Raises BadNumber."""
    if not there:
        raise BadNumber("there is no value", "--keep-going passes over rows without a value")
    if value is None:
        raise BadNumber("null is not a number", "--keep-going passes over rows without a value")
    if isinstance(value, str | bool | list | dict):
        kinds = {str: "text", bool: "a truth value", list: "a list", dict: "an object"}
        raise BadNumber(f"{kinds[type(value)]}, and a number is expected", SHAPE)
    text = value.text if isinstance(value, Literal) else str(value)
    if kind == "int":
        if isinstance(value, float) and not value.is_integer():
            raise BadNumber(f"{cut(text)} is not a whole number", "the input is declared ': int'; without it, it takes reals")
        return fitting(int(value)), None
    number = float(value)
    if math.isinf(number):
        raise BadNumber(f"{cut(text)} is too large for a number", "the largest is 1.8e308")
    return number, rounding(text, number)


class JsonLines(Records):
    """A reader of JSON lines; empty lines are passed over."""

    def __init__(self, lines: Lines) -> None:
        super().__init__(Place(lines.stream.name))
        self._lines = lines
        self._waiting = self._some()
        if self._waiting:
            number, text = self._waiting[0]
            try:
                self._describe(decoded(text)[0])
            except NoRecord as error:
                raise self.place.error(number, str(error), SHAPE) from None

    def _some(self) -> list[tuple[int, str]]:
        """The next lines with their numbers; none where the data have ended."""
        while text := self._lines.next():
            start = self._lines.at
            if start == 1:
                text = text.removeprefix(b"\xef\xbb\xbf")
            lines = text.decode().split("\n")
            self._lines.at += len(lines) - (not lines[-1])
            rows = [(number, stripped) for number, line in enumerate(lines, start) if (stripped := line.strip())]
            if rows:
                return rows
        return []

    def blocks(self, wanted: Mapping[str, str]) -> Generator[Block, None, None]:
        """Blocks of rows with the columns of `wanted`, which says whether they are "real" or "int"."""
        while self._waiting:
            rows, self._waiting = self._waiting, []
            yield self.block(rows, wanted)
            self._waiting = self._some()


class JsonList(Records):
    """A reader of one JSON list of objects, which is read whole."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(Place(stream.name, "row"))
        try:
            text = stream.rest().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise DataError(f"{stream.name}: byte {error.start} is not UTF-8", help="convert it first: iconv -f latin1 -t utf-8") from None
        self._rows = self._items(text)
        if self._rows:
            self._describe(decoded(self._rows[0][1])[0])

    def _items(self, text: str) -> list[tuple[int, str]]:
        """The objects of the list as they are written."""
        rows: list[tuple[int, str]] = []
        at = self._skip(text, 0)
        if text[at : at + 1] != "[":
            raise DataError(f"{self.place.name} is no list of objects", help='the file is a list such as [{"x": 1}, {"x": 2}]')
        at = self._skip(text, at + 1)
        try:
            _bearable(text)
            while rows or text[at : at + 1] != "]":
                _, end = decoded(text, at)
                rows.append((len(rows) + 1, text[at:end]))
                at = self._skip(text, end)
                if text[at : at + 1] == "]":
                    break
                if text[at : at + 1] != ",":
                    raise NoRecord("a comma or ] is expected before it")
                at = self._skip(text, at + 1)
        except NoRecord as error:
            raise self.place.error(len(rows) + 1, str(error), SHAPE) from None
        return rows

    def _skip(self, text: str, at: int) -> int:
        """Past blanks."""
        while text[at : at + 1] and text[at] in " \t\r\n":
            at += 1
        return at

    def blocks(self, wanted: Mapping[str, str]) -> Generator[Block, None, None]:
        """The rows, some thousand at a time."""
        for at in range(0, len(self._rows), 4096):
            yield self.block(self._rows[at : at + 4096], wanted)
