"""The iterations of a method, as they come, into a file of rows: CSV or JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.report.minimum import Step


class History:
    """A file that is there when all has been written, and not if there is an error. path: None for no file."""

    def __init__(self, path: str | None, columns: Sequence[str]) -> None:
        self.path, self.columns = path, columns
        suffix = "" if path is None else path.rpartition(".")[2].lower()
        if path is not None and suffix not in ("csv", "jsonl"):
            raise UsageError(f"--history {path} is neither .csv nor .jsonl", help="the suffix says how it is written: --history path.csv")
        self.json = suffix == "jsonl"
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

    def add(self, step: Step) -> None:
        """One line."""
        if self._put is None:
            return
        from adcli.cli.document import csv_number, to_json

        cells = [*step[:5], *step.x.tolist()]
        if self.json:
            self._put((to_json(dict(zip(self.columns, cells, strict=True))) + "\n").encode())
        else:
            self._put((",".join(map(csv_number, cells)) + "\n").encode())
