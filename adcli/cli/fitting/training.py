"""`adcli fit --optimizer …`: training runs, with history, checkpoints, and signals that wait for the end of a step."""

from __future__ import annotations

import math
import os
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from adcli.cli.options import Finite, Job, option
from adcli.errors import LimitError, OutputError, UsageError

if TYPE_CHECKING:
    from adcli.api import Program
    from adcli.api.objective import Objective
    from adcli.api.rows_model import RowsModel
    from adcli.api.training import Settings, Training
    from adcli.cli.fitting.checkpoint import Keeper
    from adcli.engines.flags import Flag
    from adcli.report.training import Trained

EPOCHS, RATE = 100, 0.01
# Rows that are looked at together for flags.
BLOCK = 1 << 16


def batch(ctx: click.Context, param: click.Parameter, value: str | None) -> int | str | None:
    """A number of rows, or all."""
    if value is None or value == "all":
        return value
    if not re.fullmatch(r"[0-9]{1,18}", value) or int(value) < 1:
        raise click.BadParameter(f"'{value}' is no number of rows; write 1, 32 or all", ctx, param)
    return int(value)


def every(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, str] | None:
    """10 or 10epochs, 500steps."""
    if value is None:
        return None
    found = re.fullmatch(r"([0-9]{1,18}) ?(epochs?|steps?)?", value)
    if found is None or int(found[1]) < 1:
        raise click.BadParameter(f"'{value}' is neither epochs nor steps; write 10epochs or 500steps", ctx, param)
    return int(found[1]), (found[2] or "epochs").rstrip("s") + "s"


TRAINING = (
    option(
        "--optimizer", type=click.Choice(["sgd", "momentum", "adam", "gd"]),
        help="Train by steps along gradients: sgd, momentum, adam; gd is sgd on all rows.",
    ),
    option("--lr", type=Finite(min=0, min_open=True), metavar="RATE", help=f"The learning rate (default {RATE})."),
    option("--epochs", type=click.IntRange(min=1), metavar="N", help=f"How often to go through all rows (default {EPOCHS})."),
    option("--batch", callback=batch, metavar="N|all", help="Rows for each step (default: 1 for sgd, else all)."),
    option("--order", type=click.Choice(["file", "shuffle"]), help="Rows as they stand (default), or in a new order each epoch."),
    option("--seed", type=click.IntRange(min=0), metavar="N", help="Of the random orders (default 0)."),
    option("--maximize", is_flag=True, help="Climb: a likelihood rather than a loss."),
    option(
        "--momentum", type=Finite(0, 1, max_open=True), metavar="B", help="What momentum keeps of the last step (default 0.9)."
    ),
    option("--nesterov", is_flag=True, help="Momentum that looks a step ahead."),
    option("--history", metavar="FILE", help="Write the objective after each epoch to FILE.csv or FILE.jsonl."),
    option("--checkpoint", metavar="FILE", help="Save the run to FILE as it goes on; FILE.1 is the save before."),
    option("--checkpoint-every", "interval", callback=every, metavar="N", help="How often: 10epochs, 500steps (default: every second)."),
    option("--resume", is_flag=True, help="Go on from the checkpoint."),
)  # fmt: skip


def asked(options: dict[str, Any]) -> bool:
    """Whether it is a training run; its options without --optimizer are mistakes."""
    if options["optimizer"] is not None:
        return True
    given = next((name for name, value in options.items() if value not in (None, False)), None)
    if given is not None:
        shown = {"interval": "--checkpoint-every"}.get(given, f"--{given}")
        raise UsageError(f"{shown} goes with --optimizer", help="--optimizer sgd trains; without it the fit is one of least squares")
    return False


def settings(options: dict[str, Any]) -> Settings:
    """The options as a run takes them."""
    from adcli.api.training import Settings

    optimizer = options["optimizer"]
    rows: int | str = options["batch"] or (1 if optimizer == "sgd" else "all")
    if optimizer == "gd" and rows != "all":
        raise UsageError("gd takes all rows for each step", help=f"--optimizer sgd --batch {rows} takes some")
    if optimizer != "momentum" and (options["momentum"] is not None or options["nesterov"]):
        shown = "--nesterov" if options["nesterov"] else "--momentum"
        raise UsageError(f"{shown} goes with --optimizer momentum", help=f"{optimizer} has none")
    if options["seed"] is not None and options["order"] != "shuffle":
        raise UsageError("--seed goes with --order shuffle", help="without it the order of the rows is that of the data")
    if options["checkpoint"] is None and (options["resume"] or options["interval"] is not None):
        shown = "--resume" if options["resume"] else "--checkpoint-every"
        raise UsageError(f"{shown} goes with --checkpoint FILE", help="it names the file that the run is saved to")
    decay = 0.9 if options["momentum"] is None else options["momentum"]
    return Settings(
        optimizer, options["lr"] or RATE, options["epochs"] or EPOCHS, rows if isinstance(rows, int) else None,
        options["order"] == "shuffle", options["seed"] or 0, options["maximize"], decay, options["nesterov"],
    )  # fmt: skip


def refuse_fits(options: dict[str, Any]) -> None:
    """What belongs to fits that end at a minimum has no meaning for a run that ends after so many epochs."""
    given = next((name for name, value in options.items() if value not in (None, False, ())), None)
    if given is not None:
        raise UsageError(f"{given} is not for training runs", help="leave --optimizer out for a fit that ends where the loss is least")


def objective(job: Job, loss: str | None, target: str | None, weights: str | None, of: str | None) -> Program:
    """The program whose output is added up: that of --loss, the square of target minus output, or PROGRAM itself."""
    from adcli.api.rows_model import names_in
    from adcli.cli.fitting.loss import programs

    if target is None:
        if weights is not None:
            raise UsageError("--weights goes with --target", help="multiply the loss by the weight")
        return programs(job, loss).loss
    if loss is not None:
        raise UsageError("--loss takes the place of --target", help="leave one of them out: the loss reads the column itself")
    model = job.program()
    if of is None and len(model.outputs) > 1:
        raise UsageError(f"the program has {len(model.outputs)} outputs", help=f"choose one with --of, e.g. --of {model.outputs[0]}")
    square = f"(({target}) - {of or model.outputs[0]})^2"
    made = programs(job, square if weights is None else f"({weights})*{square}").loss
    there = {item.name for item in made.inputs}
    for option_, text in (("--target", target), ("--weights", weights or "1")):
        own = next((name for name in names_in(text) if name not in there), None)
        if own is not None:
            raise UsageError(f"{option_} reads a column '{own}', and the program computes '{own}' itself", help="rename one of them")
    return made


def train(
    job: Job, program: Program, mean: bool, params: Sequence[str], fix: Sequence[str], of: str | None, options: dict[str, Any]
) -> None:  # fmt: skip
    """Read data and parameters, and train the program: the objective is the sum or mean of its output over the rows."""
    from adcli.api.objective import Objective
    from adcli.cli.fitting.rows import modelled

    told = settings(options)
    _check_outputs(job, options)
    model, _ = modelled(job, program, params, fix, of)
    parameters = model.parameters

    def made(engine: str) -> Objective:
        return Objective(
            program, model.values, parameters.all(parameters.start), parameters.inputs, picked=parameters.picked, of=of, mean=mean,
            engine=engine, jobs=job.options.get("jobs"), passes=told.epochs, where=model.rows.where,
        )  # fmt: skip

    run(job, model, told, options, made)


def run(job: Job, model: RowsModel, told: Settings, options: dict[str, Any], objective: Callable[[str], Objective]) -> None:
    """Train, and print the result. objective: makes it, given the engine."""
    from adcli.api.training import Training
    from adcli.cli.fitting.checkpoint import Keeper, engine_of, read

    saved = read(options["checkpoint"], options["resume"])
    engine = job.options["engine"]
    if saved is not None and engine == "auto":
        engine = engine_of(saved, options["checkpoint"])
    training = Training(objective(engine), told)
    keeper = None
    if options["checkpoint"] is not None:
        keeper = Keeper(options["checkpoint"], options["interval"], training)
        if saved is not None:
            keeper.restore(saved)
        keeper.save()  # at once, so that a place where nothing can be written shows now
    try:
        _go(job, training, keeper)
    finally:
        if options["history"] is not None and training.history:
            _write_history(options["history"], training)
    finish(job, model, training, options["plot"])


def _go(job: Job, run: Training, keeper: Keeper | None) -> None:
    """The run, with its progress, and saved between steps."""
    from adcli.cli.progress import Line, bar

    line = Line(job, beside=True)
    epochs, rows = run.settings.epochs, run.objective.rows

    def shown(seconds: float) -> str:
        part = (run.epoch + run.position / rows) / epochs
        value = f", loss {run.history[-1].objective:.5g}" if run.history else ""
        return bar(part, f"epoch {run.epoch:,}/{epochs:,}{value}, {seconds:.0f} s", seconds)

    def watch() -> None:
        try:
            stop()
        except BaseException:
            if keeper is not None:
                keeper.save()
            raise
        if keeper is not None:
            keeper.after_step()
        if line.active:
            line.draw(shown)

    with between_steps() as stop:
        try:
            run.go(watch)
            if keeper is not None:
                keeper.save()
        except LimitError:  # between two steps
            if keeper is not None:
                keeper.save()
            raise
        finally:
            line.end()


@contextmanager
def between_steps() -> Iterator[Callable[[], None]]:
    """Ctrl-C and SIGTERM wait until the function that this gives is called, which raises them; a second one does not wait."""
    from adcli.cli.ending import Terminated

    caught: list[BaseException] = []

    def note(number: int, frame: object) -> None:
        ended = KeyboardInterrupt() if number == signal.SIGINT else Terminated(number)
        if caught:
            raise ended
        caught.append(ended)

    def stop() -> None:
        if caught:
            raise caught[0]

    try:
        before = [(number, signal.signal(number, note)) for number in (signal.SIGINT, signal.SIGTERM)]
    except ValueError:  # not in the main thread
        yield stop
        return
    try:
        yield stop
        stop()
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _check_outputs(job: Job, options: dict[str, Any]) -> None:
    """Where history and plot go makes sense."""
    from adcli.cli.fitting.history import suffix

    path = options["history"]
    if path is not None:
        suffix(path)
    for file in filter(None, (path, options["plot"])):
        folder = os.path.dirname(file) or "."
        if not os.path.isdir(folder):  # it is not found out after the work
            raise OutputError(f"cannot write {file}: there is no folder {folder}", help="make the folder, or name another")
    if options["plot"] == "" and (job.format() != "text" or job.options.get("get") is not None):
        raise UsageError("--plot draws below the results as text", help="--plot FILE.svg writes a picture")


def _write_history(path: str, run: Training) -> None:
    from adcli.cli.fitting.history import History

    names = run.objective.names if all(len(entry.at) == run.objective.size for entry in run.history) else []
    with History(path, ["epoch", "step", "objective", *names]) as file:
        for *numbers, at in run.history:
            file.add([*numbers, *(at if names else ())])


def finish(job: Job, model: RowsModel, run: Training, plot: str | None) -> None:
    """Print the result. plot: a file's name, "" for a plot below the results, None for none."""
    from adcli.cli.document import Document, round_all, to_lines
    from adcli.cli.streams import takes_unicode, write_file

    report = result(model, run)
    source = run.objective.program.source
    flags = [*run.objective.flags, *_flags(model, run.x), *job.flags]
    if plot:
        from adcli.report.plot_svg import svg

        write_file(plot, svg(report.plot()))
    document = Document("adcli/fit/1")
    document.data = report.data()
    for name, value in report.lines():
        document.add(name, value)
    facts = {"program": source.name, "data": model.rows.place.name, "rows": report.rows, "engine": run.objective.engine}
    if job.format() != "text" or job.options.get("get") is not None:
        job.finish(document, flags, source)
        job.say(**facts)
        return
    round_all(document, job.options.get("digits"))
    text = report.text(job.options.get("digits")) if job.drawing else to_lines(document)
    if plot == "":
        from adcli.report.plot_text import text as drawn

        text += "\n" + drawn(report.plot(), ascii_only=not takes_unicode())
    job.deliver(text, flags, source, False)
    job.say(**facts)


def _flags(model: RowsModel, x: Any) -> list[Flag]:
    """The flags of the gradient at the end, with the number of their rows."""
    from adcli.engines.rows import RowsResult

    told = RowsResult([])
    for begin in range(0, model.rows.count, BLOCK):
        model.run("grad", x, begin, min(begin + BLOCK, model.rows.count))
        told.count(model.flags)
    return [flag._replace(message=f"{flag.message} ({count:,} row{'s' * (count != 1)})") for flag, count in told.flags.items()]


def result(model: RowsModel, run: Training) -> Trained:
    """The report of a run that is over."""
    from adcli.report.training import Trained

    f, s = run.objective, run.settings
    _, g = f.gradient(run.x)
    first = run.history[0]
    told = {
        "optimizer": s.optimizer, "lr": s.rate, "batch": "all" if run.whole else s.batch, "order": "shuffle" if s.shuffle else "file",
        "seed": s.seed if s.shuffle else None, "maximize": s.maximize, "engine": f.engine,
    }  # fmt: skip
    if s.optimizer == "momentum":
        told |= {"momentum": s.decay, "nesterov": s.nesterov}
    return Trained(
        params=model.parameters.values(run.x), names=f.names, start=f.start.tolist(), at=run.x.tolist(), fixed=model.parameters.fixed(),
        kind=f"{'mean' if f.mean else 'sum'} of loss", objective=run.history[-1].objective, gradient_norm=float((g @ g) ** 0.5),
        first=math.nan if first.epoch else first.objective, epochs=run.epoch, steps=run.step, rows=f.rows, dropped=model.rows.dropped,
        settings=told, history=[(entry.epoch, entry.objective) for entry in run.history],
    )  # fmt: skip
