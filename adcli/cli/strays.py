"""Numbers in JSON that are not finite: they are null there, and each has a flag that says where it stands and what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adcli.engines.flags import Flag


class Strays:
    """Collects such numbers by their paths while items are written; `keys` are the fields of an item that hold numbers."""

    def __init__(self, keys: Sequence[str]) -> None:
        self.keys = keys
        self.numbers: dict[str, Any] = {}

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
