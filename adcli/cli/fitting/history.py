"""The iterations of a method or the epochs of a training run into a file of rows: CSV or JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from adcli.errors import UsageError


def suffix(path: str) -> str:
    """csv or jsonl; UsageError for another."""
    found = path.rpartition(".")[2].lower()
    if found not in ("csv", "jsonl"):
        raise UsageError(f"--history {path} is neither .csv nor .jsonl", help="the suffix says how it is written: --history path.csv")
    return found


class History:
    """A file that is there when all has been written, and not if there is an error. path: None for no file."""

    def __init__(self, path: str | None, columns: Sequence[str]) -> None:
        self.path, self.columns = path, columns
        self.json = path is not None and suffix(path) == "jsonl"
        self._open = ExitStack()
        self._put: Callable[[bytes], Any] | None = None

    def __enter__(self) -> History:
        from adcli.cli.streams import open_output

        if self.path is not None:
            self._put = self._open.enter_context(open_output(self.path))
            if not self.json:
                from adcli.cli.document import csv_cell

                self._put((",".join(map(csv_cell, self.columns)) + "\n").encode())
        return self

    def __exit__(self, *reason: Any) -> bool | None:
        return self._open.__exit__(*reason)

    def add(self, cells: Sequence[int | float]) -> None:
        """One line, a number for each column."""
        if self._put is None:
            return
        from adcli.cli.document import csv_number, to_json

        if self.json:
            self._put((to_json(dict(zip(self.columns, cells, strict=True))) + "\n").encode())
        else:
            self._put((",".join(map(csv_number, cells)) + "\n").encode())
