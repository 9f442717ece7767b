"""What native code and Python do for each other while a program runs: the state, the region of memory, and calls back into Python."""
from __future__ import annotations

import ctypes
import mmap
import struct
import time
from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from adcli import errors
from adcli.engines import checks
from adcli.engines.limits import Limits, depth_error, elements_error, memory_error, steps_error, timeout_error
from adcli.engines.native import state
from adcli.engines.native.sites import Site
from adcli.errors import AdcliError
from adcli.ir.nodes import Let
from adcli.ops import TABLE

if TYPE_CHECKING:
    from adcli.engines.native.engine import Code

# Bytes of memory beyond the limit, so that what is just allowed still fits.
SLACK = 1 << 16
_TYPES = {"r": ctypes.c_double, "i": ctypes.c_int64, "b": ctypes.c_bool}
_ELEM = {"real": "r", "int": "i", "bool": "b"}
_CTYPES = {"real": ctypes.c_double, "int": ctypes.c_int64, "bool": ctypes.c_bool}


class Run:
    """One place to run a program in: its state, its region of memory, what Python raised. Not to be shared between threads."""

    def __init__(self, code: Code, limits: Limits) -> None:
        self.code = code
        self.limits = limits
        self.words = (ctypes.c_int64 * (state.VALUES + state.MOST_VALUES + (len(code.flags) + 7) // 8 + 1))()
        self.address = ctypes.addressof(self.words)
        self.region: Any = None
        self.low = self.high = 0
        self.deadline: float | None = None
        self.raised: BaseException | None = None
        self.fetched: bytes | Any = b""
        RUNS[self.address] = self

    def __del__(self) -> None:
        RUNS.pop(self.address, None)

    def reset(self) -> None:
        words, limits = self.words, self.limits
        if self.region is None:
            self.reserve()
        ctypes.memset(self.address, 0, ctypes.sizeof(words))
        words[state.LEFT] = limits.max_steps
        words[state.DEPTH] = limits.max_depth
        words[state.FUEL] = state.REFILL
        words[state.TAPE] = self.low
        words[state.ARENA] = self.high
        self.raised = None
        self.deadline = None if limits.timeout is None else time.monotonic() + limits.timeout

    def reserve(self) -> None:
        """Address space for all that the limit allows; memory is used only where something is written."""
        bytes_ = min(self.limits.max_memory, 1 << 46) + SLACK
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
        self.region = mmap.mmap(-1, bytes_, flags=flags)
        self.low = ctypes.addressof(ctypes.c_char.from_buffer(self.region))
        self.high = self.low + self.limits.max_memory // 16 * 16

    def error(self) -> BaseException:
        """What a run that failed failed with."""
        words = self.words
        if self.raised is not None:
            raised, self.raised = self.raised, None
            return raised
        site = self.code.sites[words[state.SITE]]
        return self.failure(site, list(words[state.VALUES : state.VALUES + state.MOST_VALUES]))

    def failure(self, site: Site, values: Sequence[int]) -> AdcliError:
        limits, span = self.limits, site.span
        match site.kind:
            case "check":
                assert site.check is not None
                elems = [a.type.elem for a in site.check.args]
                return checks.failure(site.check, [value(bits, e) for bits, e in zip(values, elems, strict=False)])
            case "steps":
                return steps_error(limits, span)
            case "depth":
                return depth_error(limits, span)
            case "memory":
                return memory_error(limits, span)
            case "elements":
                return elements_error(limits, values[0], span)
            case "shapes":
                return errors.ShapeMismatch(f"shapes [{values[0]}] and [{values[1]}] do not fit together", span)
            case "reshape":
                return errors.ShapeMismatch(f"{values[0]} elements do not make an array of {values[1]}", span)
            case kind:
                raise AssertionError(kind)

    def poll(self) -> int:
        """Look at the clock; signals have been looked at by Python on the way here."""
        self.words[state.FUEL] = state.REFILL
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise timeout_error(self.limits)
        return 0

    def ask(self, number: int, frame: int) -> int:
        """Compute a statement by the table's own form, on arrays where they lie."""
        from adcli.engines.native.numpy_forms import answer

        let = self.code.sites[number].let
        assert let is not None
        self.fetched = answer(let, (ctypes.c_int64 * 64).from_address(frame))
        return 0


RUNS: dict[int, Run] = {}


def value(bits: int, elem: str) -> float | int | bool:
    if elem == "real":
        number: float = struct.unpack("<d", struct.pack("<q", bits))[0]
        return number
    return bool(bits) if elem == "bool" else bits


def _guarded(run: Run, call: Callable[[], int]) -> int:
    """What Python raises in a call from native code is kept, and raised again when native code has returned."""
    try:
        return call()
    except BaseException as e:
        run.raised = e
        return 1


@ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
def _poll(address: int) -> int:
    run = RUNS[address]
    return _guarded(run, run.poll)


@ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
def _ask(address: int, number: int, frame: int) -> int:
    run = RUNS[address]
    LATEST.append(run)
    return _guarded(run, lambda: run.ask(number, frame))


LATEST: list[Run] = []


@ctypes.CFUNCTYPE(None, ctypes.c_void_p)
def _fetch(address: int) -> None:
    """Copy what was computed last to where native code wants it."""
    data = LATEST.pop().fetched
    if data.nbytes:
        ctypes.memmove(address, data.ctypes.data, data.nbytes)


_CALLS = {"adcli_poll": _poll, "adcli_ask": _ask, "adcli_fetch": _fetch}


@cache
def _form(name: str) -> Any:
    """adcli_NAME_rr_r: the scalar form of an operation as a C function of two reals to a real."""
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


def passed(run: Run, types: Sequence[tuple[str, tuple[int | None, ...]]], args: Sequence[Any], keep: list[Any]) -> Any:
    """The arguments as 64-bit numbers; `keep` holds the arrays that they point to."""
    out = (ctypes.c_int64 * max(1, len(args)))()
    for k, ((elem, shape), a) in enumerate(zip(types, args, strict=True)):
        if shape:
            import numpy as np

            array = np.ascontiguousarray(a, dtype={"real": np.float64, "int": np.int64, "bool": np.bool_}[elem])
            keep.append(array)
            out[k] = array.ctypes.data
        elif elem == "real":
            out[k] = struct.unpack("<q", struct.pack("<d", a))[0]
        else:
            out[k] = int(a)
    return out


def unused() -> tuple[object, ...]:
    return (_ELEM, _CTYPES, Let)
