"""Long JSON, item by item, with its numbers that are not finite: they are null there, and each has a flag that says where it stands and
what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adcli.engines.flags import Flag
    from adcli.errors import Source


class Strays:
    """Collects such numbers by their paths while items are written; `keys` are the fields of an item that hold numbers. digits: of all."""

    def __init__(self, keys: Sequence[str], digits: int | None) -> None:
        self.keys = keys
        self.digits = digits
        self.numbers: dict[str, Any] = {}

    def section(self, name: str, items: Iterable[Mapping[str, Any]], path: str = "") -> Iterator[str]:
        """A field that is a list of items. path: what stands before the name in the paths of its numbers."""
        from adcli.cli.document import rounded, to_json

        yield f'"{name}": ['
        for k, item in enumerate(items):
            self.look(f"{path}{name}[{k}]", item)
            yield (", " if k else "") + to_json(rounded(item, self.digits))
        yield "]"

    def ending(self, flags: list[Flag], source: Source) -> str:
        """The last field, which holds the flags known and those of the numbers collected, and the end of the object."""
        from adcli.cli.document import flag_data, to_json

        return f', "flags": {to_json([flag_data(flag, source) for flag in [*flags, *self.flags(flags)]])}}}\n'

    def look(self, path: str, item: Mapping[str, Any]) -> None:
        from adcli.engines.flags import finite

        for key in self.keys:
            number = item.get(key)
            if isinstance(number, list):
                self.look_through(f"{path}.{key}", number)
            elif number is not None and not finite(number):
                self.numbers[f"{path}.{key}"] = number

    def look_through(self, path: str, numbers: Sequence[Any]) -> None:
        from adcli.engines.flags import finite

        self.numbers |= {f"{path}[{k}]": number for k, number in enumerate(numbers) if number is not None and not finite(number)}

    def flags(self, known: list[Flag]) -> list[Flag]:
        """A flag for each, with the operation that the flags known say it came from."""
        from adcli.api.flags import explained
        from adcli.api.program import Result

        result = Result({}, list({(f.code, f.span): f for f in known}.values()))
        return [flag for flag in explained(result, **self.numbers).flags if flag.at in self.numbers] if self.numbers else []
