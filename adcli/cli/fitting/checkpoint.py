"""The file that a training run is saved to, and taken up from: FILE, and FILE.1 for the save before."""

from __future__ import annotations

import os
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from adcli.errors import DataError, UsageError

if TYPE_CHECKING:
    from adcli.api.training import Training

# Seconds between saves, where the user does not say how often.
SPACING = 1.0


class Keeper:
    """The file that a run is saved to. What is there is moved to FILE.1 once the new one is on the disk."""

    def __init__(self, path: str, interval: tuple[int, str] | None, run: Training) -> None:
        self.path, self.interval, self.run = path, interval, run
        self.identity = run.identity()
        self.last = monotonic()
        self.saved: tuple[int, int] | None = None  # steps, and entries of the history

    def after_step(self) -> None:
        run, between = self.run, not self.run.position
        if self.interval is None:
            due = between and monotonic() - self.last >= SPACING
        else:
            count, unit = self.interval
            due = run.step % count == 0 if unit == "steps" else between and run.epoch % count == 0
        if due:
            self.save()

    def save(self) -> None:
        """Write the state, unless it has been written."""
        from adcli import __version__
        from adcli.data.checkpoint import encode

        run = self.run
        if self.saved == (run.step, len(run.history)):
            return
        content = {"adcli": __version__, **self.identity, "epochs": run.settings.epochs, "state": run.state()}
        self._write(encode(content))
        self.saved = run.step, len(run.history)
        self.last = monotonic()

    def _write(self, data: bytes) -> None:
        """Put the data on the disk, and only then in the place of the file. What a run that is killed leaves, the next one overwrites."""
        from adcli.cli.streams import unwritable

        fresh = f"{self.path}.new"
        with unwritable(fresh):
            try:
                with open(fresh, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
            except BaseException:
                _unlink(fresh)
                raise
            self._replace(fresh)

    def _replace(self, fresh: str) -> None:
        """At every moment there is a whole file of that name; where the file system knows no links, one of that name or of FILE.1."""
        before, link = f"{self.path}.1", f"{self.path}.old"
        if os.path.exists(self.path):
            try:
                _unlink(link)
                os.link(self.path, link)
            except OSError:
                os.replace(self.path, before)
            else:
                os.replace(link, before)
                _unlink(link)  # it stays where both are one file: a run was killed after these lines
        os.replace(fresh, self.path)

    def restore(self, content: dict[str, Any]) -> None:
        """Go on from what a file says. UsageError: it is of another run; DataError: it is no state of one."""
        from adcli.api.training import differences

        different = differences(self.identity, content)
        if different:
            raise UsageError(
                f"{self.path} is of another run (mismatch): {'; '.join(different)}",
                help="--resume goes on with the same program, data and settings; more --epochs are fine",
            )
        try:
            self.run.restore(content["state"])
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.path} holds no state of a run: {error}", help=hint(self.path)) from None
        run = self.run
        if run.epoch + (run.position > 0) > run.settings.epochs:
            raise UsageError(
                f"{self.path} is in epoch {run.epoch + (run.position > 0)} already, and --epochs says {run.settings.epochs}",
                help=f"--epochs {run.epoch + 1} or more goes on",
            )
        self.saved = run.step, len(run.history)


def _unlink(path: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def read(path: str | None, resume: bool) -> dict[str, Any] | None:
    """What the checkpoint holds, with --resume; without, there must be no such file."""
    from adcli.cli.streams import error_text, read_file
    from adcli.data.checkpoint import decode

    if path is None:
        return None
    there = os.path.lexists(path)
    if not resume:
        if there:
            raise UsageError(f"{path} is there already", help="--resume goes on from it; to begin anew, move it away")
        return None
    if there:
        return decode(read_file(path), path, hint(path))
    if os.path.exists(f"{path}.1"):
        raise DataError(f"there is no {path}, but the checkpoint before it", help=hint(path))
    error_text(f"note: there is no {path} yet: the run begins at the start\n")
    return None


def hint(path: str) -> str:
    """What to do about a checkpoint that is of no use."""
    if os.path.exists(f"{path}.1"):
        return f"the checkpoint before it is {path}.1: cp {path}.1 {path} goes on from there"
    return "move it away, and the run begins anew"


def engine_of(saved: dict[str, Any], path: str) -> str:
    """The engine of the run that is resumed: another one's last bits would be others."""
    from adcli.api.engine import available

    there = saved.get("settings")
    engine = there.get("--engine") if isinstance(there, dict) else None
    if engine not in ("native", "columns", "interpret"):
        raise DataError(f"{path} holds no state of a run: it names no engine", help=hint(path))
    if engine == "native" and not available():
        raise UsageError(
            f"{path} is of a run in native code, which needs llvmlite", help='pip install "adcli[native]", or begin anew without --resume'
        )
    return str(engine)
