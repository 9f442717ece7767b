"""One function of the IR over many rows of data: what comes out, and which engine does it.

>>> rows = engine("auto", function, Limits(), names=("x",))
>>> rows.run([numpy.array([1.0, 2.0])], 2).results            # one array for each result, its leading axis counts rows
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from adcli.engines.flags import Flag
from adcli.errors import AdcliError, Span

if TYPE_CHECKING:
    from adcli.engines.limits import Limits
    from adcli.ir.nodes import Function


@dataclass
class RowsResult:
    """What a run over rows gives.

    results: an array for each result of the function, its leading axis counts rows; where a row failed it holds zeros.
    failed: the error of each row that has one. flags: how many rows carry each; a flag's message is that of its first row.
    """

    results: list[Any]
    failed: dict[int, AdcliError] = field(default_factory=dict)
    flags: dict[Flag, int] = field(default_factory=dict)

    def count(self, flags: dict[Flag, int]) -> None:
        """Add flags of more rows."""
        known: dict[tuple[str, str, Span | None], Flag] = {(f.code, f.op, f.span): f for f in self.flags}
        for flag, rows in flags.items():
            same = known.setdefault((flag.code, flag.op, flag.span), flag)
            self.flags[same] = self.flags.get(same, 0) + rows


class Rows(Protocol):
    """An engine for one function."""

    @property
    def ran(self) -> tuple[str, ...]:
        """What has run the rows so far: "interpret", "columns", "native"."""
        ...

    def run(self, values: Sequence[Any], rows: int, jobs: int = 1) -> RowsResult:
        """Run every row.

        values: for each parameter one value for all rows, or an array whose leading axis counts the rows, which has a dimension more
        than the parameter's type. jobs: threads to use at most. Raises nothing for what happens in a row.
        """
        ...


def engine(name: str, function: Function, limits: Limits, names: Sequence[str] = (), exact_libm: bool = False) -> Rows:
    """The engine of that name; "auto" starts at once and goes on in native code. names: what the first parameters are called."""
    if name == "native":
        from adcli.engines.native.rows import NativeRows

        if NativeRows.takes(function):
            return NativeRows(function, limits, names, exact_libm)
    if name == "auto":
        from adcli.engines.rows.auto import AutoRows

        return AutoRows(function, limits, names, exact_libm)
    from adcli.engines.rows.interpret import InterpretRows

    return InterpretRows(function, limits, names)


def by_row(value: Any, rank: int) -> bool:
    """Whether a value given for a parameter of that rank has one element for each row."""
    return getattr(value, "ndim", 0) > rank
