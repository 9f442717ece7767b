"""The rows that `fit` and `minimize` read, and a program over them with its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from adcli.cli.options import READING, Job, option
from adcli.cli.rows import check_input
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api import Program
    from adcli.api.rows_model import RowsModel
    from adcli.data.table import Rows, TableFile

# How rows are read; --data itself each command describes for itself.
ROWS = (
    *READING,
    option("--keep-going", is_flag=True, help="Leave out rows without a value, and say how many."),
    option("--jobs", type=click.IntRange(min=1), metavar="N", help="Threads for rows (default: one for each core)."),
)


class Setting(NamedTuple):
    """What is fitted to what: target and weights have the shape [rows], None for a loss; label: how the target is written.

    predicts: the program that gives fitted values, where `model` is a loss and there is one.
    """

    model: RowsModel
    target: Any
    weights: Any
    label: str
    file: TableFile
    predicts: Program | None = None


def setting(
    job: Job, target: str | None, params: Sequence[str], fix: Sequence[str], weights: str | None, of: str | None, again: bool
) -> Setting:  # fmt: skip
    """Read program, data and parameters. again: the rows are to be written again."""
    from adcli.api.fit import prepared

    if target is None:
        raise UsageError("there is nothing to fit to", help="--target y names the column the output is fitted to; --loss minimises a loss")
    program = job.program()
    given, held = starts(job, program, params, fix)
    expressions = {"target": target} if weights is None else {"target": target, "weights": weights}
    file, rows = table(job, program, [*given, *held], expressions, again)
    rows, wanted, weighed = prepared(rows, target, weights, bool(job.options.get("keep_going")))
    return Setting(over(job, program, rows, given, held, of), wanted, weighed, target, file)


def modelled(
    job: Job, program: Program, params: Sequence[str], fix: Sequence[str], of: str | None, beside: Program | None = None,
    again: bool = False,
) -> tuple[RowsModel, TableFile]:  # fmt: skip
    """A program that needs no target over the rows, and their file. beside: another program that will read the same rows."""
    given, held = starts(job, program, params, fix)
    file, rows = table(job, program, [*given, *held], {}, again, beside)
    return over(job, program, rows, given, held, of), file


def starts(job: Job, program: Program, params: Sequence[str], fix: Sequence[str]) -> tuple[dict[str, Any], dict[str, float | None]]:
    """What --params and --fix say: starts by input, and what stays, at a value or at its start."""
    from adcli.cli.fitting.bounds import fixed
    from adcli.cli.points import read_point

    given = read_point(params, program, job.flags, "--params")
    held = fixed(fix)
    given |= {name: value for name, value in held.items() if value is not None and "[" not in name and name not in given}
    return given, held


def over(
    job: Job, program: Program, rows: Rows, given: Mapping[str, Any], held: Mapping[str, float | None], of: str | None
) -> RowsModel:  # fmt: skip
    """The program over the rows, of which there are some."""
    from adcli.api.rows_model import RowsModel
    from adcli.data.table import no_rows

    if not rows.count:
        raise no_rows(rows)
    return RowsModel(program, rows, given, held, of=of, engine=job.options["engine"], jobs=job.options.get("jobs"))


def table(
    job: Job, program: Program, given: Sequence[str], expressions: Mapping[str, str], again: bool = False, beside: Program | None = None
) -> tuple[TableFile, Rows]:  # fmt: skip
    """The rows of --data, with the columns that the program's inputs and some expressions read."""
    from adcli.api.bindings import found
    from adcli.api.rows_model import columns_of, names_in
    from adcli.data.table import TableFile

    options = job.options
    if options.get("data") is None:
        raise UsageError("there are no data to fit to", help="--data FILE gives rows, --data - those of standard input")
    check_input(job)
    unbound = [item.name for item in program.inputs if item.name not in given and item.default is None]
    unbound += [name for text in expressions.values() for name in names_in(text) if name not in unbound]
    with TableFile(options["data"], options.get("source"), options.get("delimiter"), options.get("decimal", "."), unbound) as file:
        bound = [b for one in (program, beside) if one is not None for b in found(one, file.names, file.name).values()]
        wanted = {name: binding.kind for binding in bound for name in binding.columns}
        for option_, text in expressions.items():
            wanted = columns_of(text, file.names, file.name, option_) | wanted
        rows = file.read(wanted, bool(options.get("keep_going")), again)
    job.flags += rows.notes
    return file, rows
