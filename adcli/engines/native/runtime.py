"""What native code and Python do for each other while a program runs: the state, the region of memory, and calls back into Python."""
from __future__ import annotations

import ctypes
import mmap
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from adcli import errors
from adcli.engines.flags import Flag
from adcli.engines.limits import Limits, depth_error, elements_error, memory_error, steps_error, timeout_error
from adcli.engines.native import state
from adcli.engines.native.sites import Site
from adcli.errors import AdcliError

# Bytes of memory beyond the limit, so that what is just allowed still fits.
SLACK = 1 << 16
# What recursion may take of the stack it finds, and of the one of a thread of its own, where it begins anew if that does not suffice:
# address space, of which is used what is needed.
SMALL_STACK = 1 << 21
STACK = 1 << 30
STACK_MARGIN = 1 << 18
# Python's mmap names this flag from 3.13 on only.
_NORESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000 if sys.platform == "linux" else 0)
_TYPES: dict[str, Any] = {"r": ctypes.c_double, "i": ctypes.c_int64, "b": ctypes.c_bool}


class Region:
    """Address space for the tape and the arrays of one run; memory is used only where something is written."""

    def __init__(self, size: int) -> None:
        if hasattr(mmap, "MAP_PRIVATE"):
            self.map = mmap.mmap(-1, size + SLACK, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _NORESERVE)
        else:
            self.map = mmap.mmap(-1, size + SLACK)
        self.low = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        self.high = self.low + size // 16 * 16


# Regions that nobody runs in, by size and by the run that was there last, which gets its own back if it is still there: a program has many
# functions, and their runs can share one.
_IDLE: dict[int, dict[object, Region]] = {}


class Run:
    """One place to run a program in: its state, its region of memory, what Python raised. Not to be shared between threads.

    `begin` before a run, `end` after it, once what lies in the region has been copied.
    """

    def __init__(self, sites: Sequence[Site], flags: Sequence[Flag], limits: Limits, watched: int | None = None) -> None:
        self.sites = sites
        self.limits = limits
        size = state.VALUES + state.MOST_VALUES + (len(flags) + 7) // 8 + 1
        if watched is not None:
            size = state.WATCHED + 1 + state.NOTE * watched
        self.words = (ctypes.c_int64 * size)()
        self.address = ctypes.addressof(self.words)
        self.bytes = memoryview(self.words).cast("B")
        self.flagged = self.bytes[state.FLAGS : state.FLAGS + len(flags)]
        self.fresh = bytearray(self.words)
        self.template = memoryview(self.fresh).cast("q")
        self.template[state.LEFT], self.template[state.DEPTH] = limits.max_steps, limits.max_depth
        self.template[state.FUEL], self.template[state.STACK] = state.REFILL, SMALL_STACK
        self.size = min(limits.max_memory, 1 << 46)
        self.idle = _IDLE.setdefault(self.size, {})
        self.region: Region | None = None
        self.running = False
        self.deadline: float | None = None
        self.raised: BaseException | None = None
        self.stop: BaseException | None = None
        RUNS[self.address] = self

    def close(self) -> None:
        RUNS.pop(self.address, None)
        region = self.idle.pop(self, None)
        if region is not None and not self.idle:
            self.idle[object()] = region

    def begin(self) -> None:
        """Begin anew. Raises LimitError where the address space that the limit of memory asks for cannot be had."""
        if not self.running and self.idle.pop(self, None) is None:
            self.settle()
        self.running = True
        self.bytes[:] = self.fresh
        self.raised = self.stop = None
        self.deadline = None if self.limits.timeout is None else time.monotonic() + self.limits.timeout

    def settle(self) -> None:
        """Take a region that another run has left, or a new one."""
        try:
            self.region = self.idle.popitem()[1] if self.idle else Region(self.size)
        except (OSError, ValueError, OverflowError):
            raise memory_error(self.limits, None) from None
        except KeyError:  # another thread was faster
            self.region = Region(self.size)
        self.template[state.TAPE], self.template[state.ARENA] = self.region.low, self.region.high

    def end(self) -> None:
        """Leave the region to others."""
        if self.running and self.region is not None:
            self.running = False
            self.idle[self] = self.region

    def out_of_stack(self) -> bool:
        """Whether a run that failed did so for want of stack alone."""
        return self.raised is None and self.stop is None and self.sites[self.words[state.SITE]].kind == "stack"

    def error(self) -> BaseException:
        """What a run that failed failed with."""
        words = self.words
        raised = self.raised or self.stop
        if raised is not None:
            self.raised = self.stop = None
            return raised
        site = self.sites[words[state.SITE]]
        return self.failure(site, list(words[state.VALUES : state.VALUES + state.MOST_VALUES]))

    def failure(self, site: Site, bits: Sequence[int]) -> AdcliError:
        limits, span = self.limits, site.span
        values = [value(b, e) for b, e in zip(bits, site.elems, strict=False)]
        match site.kind:
            case "steps":
                return steps_error(limits, span)
            case "depth" | "stack":
                return depth_error(limits, span)
            case "memory":
                return memory_error(limits, span)
            case "elements":
                return elements_error(limits, int(values[0]), span)
            case "shapes":
                return errors.ShapeMismatch(f"shapes [{values[0]}] and [{values[1]}] do not fit together", span)
            case "reshape":
                return errors.ShapeMismatch(f"{values[0]} elements do not make an array of {values[1]}", span)
            case kind:
                from adcli.engines import checks
                from adcli.ir.nodes import Check

                return checks.failure(Check(kind.removeprefix("check:"), (), site.about, span), values)

    def poll(self) -> None:
        """Look at the clock; Python has looked at signals on the way here."""
        self.words[state.FUEL] = state.REFILL
        if self.stop is not None:
            raise self.stop
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise timeout_error(self.limits)

    def halt(self, error: BaseException) -> None:
        """Let the run raise this at its next poll."""
        self.stop = error
        self.words[state.FUEL] = -1

    def keep(self, lost: Any) -> None:
        """What the handler of a signal raises on the way into a call from native code stops the run at the next one."""
        if lost.object in (_poll, _ask):
            self.halt(lost.exc_value)
        else:
            sys.__unraisablehook__(lost)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """While native code runs, errors that Python cannot raise go to `keep`."""
        before = sys.unraisablehook
        sys.unraisablehook = self.keep
        try:
            yield
        finally:
            sys.unraisablehook = before

    def ask(self, number: int, frame: int) -> None:
        """Compute a statement by the table's own form, on arrays where they lie."""
        from adcli.engines.native.numpy_forms import answer

        _LATEST.data = answer(self.sites[number], (ctypes.c_int64 * 64).from_address(frame))


RUNS: dict[int, Run] = {}


class _Latest(threading.local):
    data: Any = None


_LATEST = _Latest()


def value(bits: int, elem: str) -> float | int | bool:
    if elem == "real":
        number: float = struct.unpack("<d", struct.pack("<q", bits))[0]
        return number
    return bool(bits) if elem == "bool" else bits


def _guarded(run: Run, call: Callable[[], None]) -> int:
    """1; or 0 where something was raised: it is kept, and raised again when native code has returned."""
    try:
        call()
        return 1
    except BaseException as e:
        run.raised = e
        run.words[state.RAISED] = -1
        return 0


def _poll(address: int) -> int:
    run = RUNS[address]
    return _guarded(run, run.poll)


def _ask(address: int, number: int, frame: int) -> int:
    run = RUNS[address]
    return _guarded(run, lambda: run.ask(number, frame))


def _fetch(address: int) -> None:
    """Copy what was computed last to where native code wants it."""
    data = _LATEST.data
    if data.nbytes:
        ctypes.memmove(address, data.ctypes.data, data.nbytes)


_CALLS: dict[str, Any] = {
    "adcli_poll": ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(_poll),
    "adcli_ask": ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)(_ask),
    "adcli_fetch": ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_fetch),
}


@cache
def _form(name: str) -> Any:
    """adcli_NAME_rr_r: the scalar form of an operation as a C function of two reals to a real."""
    from adcli.ops import TABLE

    op, args, out = name.removeprefix("adcli_").rsplit("_", 2)
    scalar = TABLE[op].scalar
    assert scalar is not None
    made: Any = ctypes.CFUNCTYPE(_TYPES[out], *[_TYPES[a] for a in args])(scalar)
    return made


def symbols(names: Sequence[str]) -> dict[str, int]:
    """The addresses of what native code calls in Python."""
    found: dict[str, int] = {}
    for name in names:
        call: Any = _CALLS.get(name) or _form(name)
        found[name] = ctypes.cast(call, ctypes.c_void_p).value or 0
    return found


def on_large_stack(run: Run, call: Callable[[], int]) -> int:
    """Run in a thread of its own, whose stack has room for the deepest recursion that limits allow."""
    run.words[state.STACK] = STACK - STACK_MARGIN
    result: list[int] = []
    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=lambda: result.append(call()), daemon=True)
        thread.start()
    except RuntimeError:
        raise memory_error(run.limits, None, "the stack for recursion") from None
    finally:
        threading.stack_size(before)
    try:
        thread.join()
    except BaseException as e:  # of a signal's handler
        run.halt(e)
        thread.join()
        raise
    return result[0]
