"""The reference engine: runs a function of the IR.

>>> Interpreter(function, Limits()).run([2.0, 5.0])          # one result per result of the function
"""
from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType
from typing import Any

from adcli.engines import loops
from adcli.engines.budget import Budget
from adcli.engines.compile import Compiler, Program
from adcli.engines.flags import Flag
from adcli.engines.limits import NESTED, Limits, depth_error, frames, memory_error, timeout_error
from adcli.engines.machine import Machine
from adcli.engines.slots import SELF
from adcli.errors import AdcliError
from adcli.ir.nodes import Function
from adcli.passes.storage import storage


class Interpreter:
    """A function compiled to closures; `run` it as often as wanted. Not to be shared between threads.

    budget: what all runs together may cost; the one that goes over it raises `Spent`.
    """

    compiler: type[Compiler] = Compiler

    def __init__(self, function: Function, limits: Limits | None = None, budget: Budget | None = None) -> None:
        self.limits = Limits() if limits is None else limits
        self.machine = Machine(self.limits)
        self.machine.polling = self.limits.timeout is not None and not _has_alarm()
        with frames(NESTED):
            self.function = storage(function)
            program = Program(self.function, self.machine, budget)
            program.compile(self.compiler)
            self.weight = program.weight(self.function)
        self.budget = program.budget
        self.arrays = program.arrays
        # A run nests one Python frame a call and one a block in it.
        self.frames = (self.limits.max_depth + 1 if program.calls else 1) * (program.nesting + 4) * 2 + 1000
        self.code = program.codes[self.function]

    @property
    def flags(self) -> list[Flag]:
        """What was noted in the last run."""
        return self.machine.flags

    @property
    def steps(self) -> int:
        """Loop iterations and calls of the last run."""
        return self.limits.max_steps - self.machine.left

    def run(self, args: Sequence[Any]) -> list[Any]:
        """The results for these arguments: Python numbers for scalars, NumPy arrays else.

        Raises EvaluationError where a check fails, LimitError where a limit is reached.
        """
        machine, code = self.machine, self.code
        machine.reset()
        frame = code.template.copy()
        frame[SELF] = frame
        for p, value in zip(code.params, args, strict=True):
            frame[p] = value
        with ExitStack() as around:
            around.enter_context(frames(self.frames))
            if self.limits.timeout is not None:
                around.enter_context(_timeout(machine, self.limits))
            if self.arrays:
                around.enter_context(_quiet())
            machine.active = True
            try:
                if self.weight:
                    self.spend()
                _execute(code.run, frame)
                return [frame[k] for k in code.results]
            except AdcliError as error:
                # The frames of a deep recursion, and their arrays, are not kept alive by a traceback that nobody reads.
                error.__context__ = None
                raise error.with_traceback(None) from None
            except MemoryError:
                machine.drop()
                raise memory_error(self.limits, None) from None
            except RecursionError:
                raise depth_error(self.limits, None) from None
            finally:
                machine.active = False
                frame[SELF] = None


    def spend(self) -> None:
        """What stands in the function, apart from its loops and calls."""
        self.budget.left -= self.weight
        if self.budget.left < 0:
            self.budget.spent()


def _execute(body: loops.Run, s: loops.Frame) -> None:
    try:
        for f, d, a, b in body.steps:
            s[d] = f(s[a]) if b is None else f(s[a], s[b])
    except loops.RAISED as e:
        body.resume(s, d, e)


@contextmanager
def _quiet() -> Iterator[None]:
    import numpy as np

    with np.errstate(all="ignore"):
        yield


LONGEST = 1e9  # seconds that a timer is set to: 31 years, and all of them take that


def _has_alarm() -> bool:
    import signal
    import threading

    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextmanager
def _timeout(machine: Machine, limits: Limits) -> Iterator[None]:
    """Stop the run after the timeout: by a timer in the main thread, elsewhere by a look at the clock now and then."""
    assert limits.timeout is not None
    if not _has_alarm():
        machine.deadline = time.monotonic() + limits.timeout
        yield
        return

    import signal

    def stop(number: int, frame: FrameType | None) -> None:
        if machine.active:
            raise timeout_error(limits)

    before = signal.signal(signal.SIGALRM, stop)
    # Again and again, in case the first one falls into code that cannot be left by an exception.
    signal.setitimer(signal.ITIMER_REAL, min(max(limits.timeout, 1e-6), LONGEST), 0.1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
