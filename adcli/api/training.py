"""Training: steps along the gradients of batches of rows, epoch by epoch, in a state that can be saved and taken up again.

    run = Training(objective, Settings("sgd", rate=0.01, epochs=300, batch=1))
    run.go()
    run.x, run.history[-1].objective

A run that is restored from `state` goes on to the same bits as one that was never interrupted: the state holds the parameters, the step
rule's memory, where in the epoch the run is, and the state of the random numbers from which the epoch's order was drawn.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from adcli.errors import EvaluationError, LimitError, UsageError

if TYPE_CHECKING:
    from adcli.api.objective import Objective

# Parameters up to which the history has them.
SHOWN = 16


@dataclass(frozen=True)
class Settings:
    """How to train. batch: rows for each step, None for all. shuffle: rows in a new order each epoch, drawn from `seed`; else in theirs.

    maximize: climb. decay and nesterov: of momentum alone.
    """

    optimizer: str
    rate: float
    epochs: int
    batch: int | None = None
    shuffle: bool = False
    seed: int = 0
    maximize: bool = False
    decay: float = 0.9
    nesterov: bool = False


class Epoch(NamedTuple):
    """The objective over all rows after so many epochs and steps; `at`: the parameters, where there are few."""

    epoch: int
    step: int
    objective: float
    at: tuple[float, ...]


class Training:
    """A run. x: the parameters as a vector; step: steps taken; epoch: whole epochs; position: rows of the epoch begun that are done."""

    def __init__(self, objective: Objective, settings: Settings) -> None:
        from adcli.optimize.descent import make

        self.objective, self.settings = objective, settings
        if not objective.size:
            raise UsageError("there is nothing to train: no parameter moves", help="parameters are the inputs that are no columns")
        rate = -settings.rate if settings.maximize else settings.rate
        more = {"decay": settings.decay, "nesterov": settings.nesterov} if settings.optimizer == "momentum" else {}
        self.rule = make(settings.optimizer, rate, objective.size, **more)
        self.x = objective.start.copy()
        self.step = self.epoch = self.position = 0
        self.history: list[Epoch] = []
        self.whole = settings.batch is None or settings.batch >= objective.rows
        self._batch = objective.rows if self.whole else settings.batch or 1
        self.random = Shuffle(settings.seed)
        self._drawn: dict[str, str] = self.random.state()  # before the order of the epoch at hand

    def go(self, watch: Callable[[], None] = lambda: None) -> None:
        """Train to the last epoch. watch: called after every step; what it raises ends the run between two steps.

        Raises EvaluationError where the objective or its gradient is not finite; x is then where it was before that step.
        """
        limit = self.objective.program.limits.timeout
        end = math.inf if limit is None else perf_counter() + limit
        if not self.step and not self.history and not self.whole:
            self._note_start()
        while self.epoch < self.settings.epochs:
            self._run_epoch(watch, end)
        if self.whole:
            self._note(self.objective.gradient(self.x)[0])

    def _run_epoch(self, watch: Callable[[], None], end: float) -> None:
        order = self._order()
        x, rows, batch = self.x, self.objective.rows, self._batch
        gradient, move = self.objective.gradient, self.rule.step
        while self.position < rows:
            begin = self.position
            part = None if self.whole else slice(begin, begin + batch) if order is None else order[begin : begin + batch]
            try:
                value, g = gradient(x, part)
            except EvaluationError as error:
                error.message += f", at step {self.step + 1} in epoch {self.epoch + 1}"
                raise
            # One number that is not finite if any is: x - x is then nan.
            if not (value - value == 0.0 and math.isfinite(g.dot(g))):
                self._refuse(value, g, part)
            if self.whole:
                self._note(value)
            move(x, g)
            self.position = begin + batch
            self.step += 1
            if self.position >= rows:
                break
            watch()
            if perf_counter() > end:
                self._late()
        self.epoch, self.position = self.epoch + 1, 0
        self._drawn = self.random.state()
        if not self.whole:
            self._note(self.objective.value(x))
        watch()
        if perf_counter() > end:
            self._late()

    def _order(self) -> Any:
        """The order of the epoch's rows; None for that of the data."""
        if self.whole or not self.settings.shuffle:
            return None
        return self.random.order(self.objective.rows)

    def _note_start(self) -> None:
        """The objective before the first step; where it has no value, the step that comes to the row says so."""
        try:
            value = self.objective.value(self.x)
        except EvaluationError:
            return
        if math.isfinite(value):
            self._note(value)

    def _note(self, value: float) -> None:
        """Add the end of an epoch to the history, unless it is there: a run that is continued begins where it ended."""
        if self.history and self.history[-1].epoch == self.epoch:
            return
        if not math.isfinite(value):
            self._refuse(value, None, None)
        at = tuple(self.x.tolist()) if len(self.x) <= SHOWN else ()
        self.history.append(Epoch(self.epoch, self.step, value, at))

    def _late(self) -> None:
        from adcli.engines.limits import timeout_error

        raise timeout_error(self.objective.program.limits)

    def _refuse(self, value: float, g: Any, part: Any) -> None:
        """Raise the error of a step whose numbers are not finite; nothing, if they only are large."""
        import numpy as np

        if math.isfinite(value) and (g is None or np.isfinite(g).all()):
            return
        f = self.objective
        row = f.culprit(self.x, part)
        when = f"after step {self.step}" if g is None else f"at step {self.step + 1}"
        what = "the gradient is not finite" if math.isfinite(value) else f"the objective is {value!r}"
        said = f"{what} {when}, in epoch {self.epoch + (g is not None)}"
        if row is None:
            raise EvaluationError(f"{said}: the sum over the rows leaves the range of numbers", help="try a smaller --lr")
        moved = "try a smaller --lr, or a start nearer to the solution"
        hint = moved if self.step else "begin elsewhere, with --params, or leave the row out"
        raise EvaluationError(f"{said}: {f.where(row)}{self._reason(row)}", help=hint)

    def _reason(self, row: int) -> str:
        """Which operation it was, and why; nothing where the run of one row is too long to be recorded."""
        from adcli.api.blame import blame

        f = self.objective
        at = {**f.fixed(), **f.row(row), **f.point(self.x)}
        try:
            return f": {blame(f.program, at, wrt=[f.variant.names[k] for k in f.wrt], of=f.program.outputs[f.of]).summary}"
        except LimitError:
            return ""

    # The state.

    def identity(self) -> dict[str, Any]:
        """What another run must have in common with this one to go on from its state."""
        s, f = self.settings, self.objective
        settings = {
            "--optimizer": s.optimizer, "--lr": s.rate, "--batch": "all" if self.whole else s.batch,
            "--order": "shuffle" if s.shuffle else "file", "--seed": s.seed, "--maximize": s.maximize,
            "--momentum": s.decay, "--nesterov": s.nesterov, "--engine": f.engine, "--mean": f.mean, "--of": f.program.outputs[f.of],
            "--exact-libm": f.program.tiers.choice.exact_libm, "--params": f.start.tolist(), "parameters": f.names,
            "fixed": {name: getattr(value, "tolist", lambda value=value: value)() for name, value in f.fixed().items()},
        }  # fmt: skip
        return {"program": hashlib.sha256(f.program.source.text.encode()).hexdigest(), "data": digest(f.data), "settings": settings}

    def state(self) -> dict[str, Any]:
        """All that changes in a run, as JSON holds it."""
        memory = {name: value if isinstance(value, int) else value.tolist() for name, value in self.rule.state().items()}
        return {
            "epoch": self.epoch, "step": self.step, "position": self.position, "parameters": self.x.tolist(),
            "optimizer": memory, "random": self._drawn, "history": [[*entry[:3], list(entry.at)] for entry in self.history],
        }  # fmt: skip

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from there. ValueError: it is no state of such a run."""
        import numpy as np

        try:
            x = np.array(state["parameters"], float)
            counts = [state[name] for name in ("epoch", "step", "position")]
            history = [Epoch(int(e), int(s), float(v), tuple(map(float, at))) for e, s, v, at in state["history"]]
            memory = {name: value if isinstance(value, int) else np.array(value, float) for name, value in state["optimizer"].items()}
            random = Shuffle(0)
            random.restore(state["random"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"the state lacks something: {error}") from None
        if x.shape != self.x.shape or not all(type(n) is int and n >= 0 for n in counts) or counts[2] > self.objective.rows:
            raise ValueError("the numbers of the state do not fit the run")
        self.rule.restore(memory)
        self.x[:] = x
        self.epoch, self.step, self.position = counts
        self.history, self.random, self._drawn = history, random, dict(state["random"])


class Shuffle:
    """Orders of rows: those in which n draws of 64 random bits are sorted, equal ones in their order.

    The bits are those of PCG64 (O'Neill, PCG: a family of simple fast space-efficient statistically good algorithms for random number
    generation, 2014), seeded as by numpy.random.default_rng(seed): both are the same in every version of NumPy.
    """

    def __init__(self, seed: int) -> None:
        from numpy.random import PCG64

        self.bits = PCG64(seed)

    def order(self, rows: int) -> Any:
        """A new order, an int64 array of shape [rows]."""
        import numpy as np

        return np.argsort(self.bits.random_raw(rows), kind="stable")

    def state(self) -> dict[str, str]:
        """The generator's two 128-bit integers, as text."""
        inner: Any = self.bits.state["state"]
        return {"generator": "PCG64", "state": str(inner["state"]), "inc": str(inner["inc"])}

    def restore(self, state: Mapping[str, str]) -> None:
        """Go on from what `state` gave; ValueError where it is something else."""
        if state["generator"] != "PCG64":
            raise ValueError("the random numbers are of another generator")
        inner = {"state": int(state["state"]), "inc": int(state["inc"])}
        if not all(0 <= n < 2**128 for n in inner.values()):
            raise ValueError("the state of the random numbers is out of range")
        whole: Any = {"bit_generator": "PCG64", "state": inner, "has_uint32": 0, "uinteger": 0}
        self.bits.state = whole


def digest(data: Mapping[str, Any]) -> str:
    """SHA-256 of the columns that are used: their names, types, shapes and numbers."""
    import numpy as np

    found = hashlib.sha256()
    for name in sorted(data):
        array = np.ascontiguousarray(data[name])
        found.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        found.update(array.tobytes())
    return found.hexdigest()


# How settings that differ are called where their values would be long.
WORDS = {"parameters": "other parameters move", "fixed": "inputs are held at other values", "--params": "the start (--params) is another"}


def _word(value: Any) -> str:
    return {True: "on", False: "off", None: "not given"}[value] if value is None or isinstance(value, bool) else str(value)


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[str]:
    """What two identities do not have in common, in words."""
    found = []
    if ours["program"] != theirs.get("program"):
        found.append("the program is another")
    if ours["data"] != theirs.get("data"):
        found.append("the data are others")
    given = theirs.get("settings")
    there: Mapping[str, Any] = given if isinstance(given, Mapping) else {}
    for name, value in ours["settings"].items():
        if there.get(name) != value:
            found.append(WORDS.get(name) or f"{name} is {_word(value)} and was {_word(there.get(name))}")
    return found
