"""`adcli fit --loss`, `--sum` and `--mean`: the program whose output is the loss of a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.cli.options import Job, word_source
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api import Program
    from adcli.api.rows_model import RowsModel


class Programs(NamedTuple):
    """loss: its output is the loss of a row; model: what fitted values are of, if there is one."""

    loss: Program
    model: Program | None


def total(sum_: bool, mean: bool) -> str | None:
    """What is minimised: "sum" or "mean", None where neither is asked for."""
    if sum_ and mean:
        raise UsageError("--sum and --mean are two ways to add up a loss", help="leave one of them out")
    return "mean" if mean else "sum" if sum_ else None


def programs(job: Job, text: str | None) -> Programs:
    """The loss that --loss gives, alone or of a model that it reads; without --loss PROGRAM itself."""
    if text is None:
        return Programs(job.program(), None)
    from adcli.api import compile
    from adcli.api.composed import composed, reads

    options = job.options
    loss = compile(word_source(text), limits=job.limits(), engine=options["engine"], exact_libm=options["exact_libm"])
    if not any(options.get(key) for key in ("words", "files", "texts")):
        return Programs(loss, None)
    model = job.program()
    return Programs(composed(model, loss) if reads(loss, model) else loss, model)


def refuse(options: Mapping[str, Any]) -> None:
    """Options of least squares have no meaning for a loss."""
    given = next((name for name, value in options.items() if value not in (None, False)), None)
    if given is not None:
        raise UsageError(f"{given} is of least squares, and this is a fit by a loss", help=HINTS[given])


HINTS = {
    "--target": "--loss takes the place of --target: the loss reads the column itself",
    "--weights": "multiply the loss by the weight",
    "--residuals": "--predict adds the loss of each row",
    "--plot": "--predict writes fitted values",
}


def predictor(model: Program, loss: RowsModel, vector: Any) -> RowsModel:
    """The model at the parameters of the loss."""
    from adcli.api.rows_model import RowsModel

    names = {item.name for item in model.inputs}
    at = {name: value for name, value in loss.parameters.all(vector).items() if name in names}
    return RowsModel(model, loss.rows, at, engine=loss.engine, jobs=loss.jobs)


def columns(model: Program | None, loss: RowsModel, vector: Any, losses: Any) -> dict[str, Any]:
    """What --predict adds: the model's values, if there is one, and each row's loss."""
    if model is None:
        return {"loss": losses}
    found = predictor(model, loss, vector)
    return {"fitted": found.outcome(found.parameters.start)[0], "loss": losses}


