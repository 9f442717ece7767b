"""The native engine: a function of the IR compiled to machine code, and run.

>>> Native(function, Limits()).run([2.0, 5.0])          # as `engines.interpret.Interpreter`
"""
from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from threading import RLock, get_ident, main_thread
from typing import TYPE_CHECKING, Any

from adcli.engines.budget import Budget, Spent
from adcli.engines.flags import Flag, birth, noted
from adcli.engines.limits import NESTED, Limits, frames
from adcli.engines.native import llvm, runtime, sites, state, vectors
from adcli.engines.native.frame import Frame
from adcli.engines.native.sites import Site
from adcli.errors import AdcliError, Span
from adcli.ir.collector import put_off
from adcli.ir.types import Shape

if TYPE_CHECKING:
    from adcli.ir.nodes import Function

# Part of the key of what is kept on disk: changes with the code that is generated, and with how it is called.
VERSION = 9
_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
# Statements in a row above which LLVM is to hurry: optimising them would take minutes.
LONG = 2_000
# What the interpreter may take to find out which operation it was that left the finite numbers.
_EXPLAINING = 3_000_000


def target() -> str:
    """What compiled code depends on beside its program."""
    return llvm.identity()


class Code:
    """A compiled program: object code, the flags and sites it names by number, the types of its arguments and results."""

    def __init__(self, meta: dict[str, Any], object_code: bytes, watched: Sequence[tuple[str, int, Span | None]] | None = None) -> None:
        self.watched = watched
        self.meta = meta
        self.object = object_code
        self.sites: list[Site] = sites.from_data(meta["sites"])
        self.flags = [noted(code, op, None if span is None else Span(*span)) for code, op, span in meta["flags"]]
        self.params: list[tuple[str, Shape]] = [(elem, tuple(shape)) for elem, shape in meta["params"]]
        self.results: list[tuple[str, Shape]] = [(elem, tuple(shape)) for elem, shape in meta["results"]]
        self.recursive: bool = meta["recursive"]
        self.polls: bool = "adcli_poll" in meta["externals"]
        llvm.load_library(vectors.LIBRARY)
        self.loaded = llvm.Loaded(object_code, runtime.symbols(meta["externals"]), meta["level"])
        self.entry = _ENTRY(self.loaded.address("adcli.entry"))


@frames(NESTED)
@put_off()
def compiled(function: Function, limits: Limits, exact_libm: bool = False, level: int = 2, watch: bool = False) -> Code:
    """Compile a function. Raises `records.Unsupported` where it is of no form that native code has."""
    # What was compiled before runs without all this.
    from adcli.engines.native.module import Module, prepared, repeats
    from adcli.ir.walk import all_blocks, functions

    ready = prepared(function)
    if any(len(b.statements) > LONG for f in functions(ready) for b in all_blocks(f.body)):
        level = 0
    module = Module(ready, limits, exact_libm, watch=watch)
    meta = {
        "target": target(),
        "level": level,
        "exact_libm": exact_libm,
        "sites": sites.to_data(module.sites),
        "flags": [(f.code, f.op, f.span) for f in module.flags],
        "params": [p.type for p in ready.params],
        "results": [a.type for a in ready.body.results],
        "recursive": bool(module.recursive),
        "externals": module.externals,
    }
    # To look for pairs takes longer than all else, and what runs once does not repay it.
    pairs = level > 1 and repeats(module.program)
    return Code(meta, llvm.object_code(module.text, level, pairs), module.watched if watch else None)


class Native:
    """A function compiled; `run` it as often as wanted. Threads wait for one another; `flags` and `steps` are the last run's."""

    def __init__(self, function: Function, limits: Limits | None = None, exact_libm: bool = False) -> None:
        self._begin(compiled(function, limits or Limits(), exact_libm), limits or Limits(), lambda: function)

    @classmethod
    def from_entry(cls, meta: dict[str, Any], blobs: Sequence[bytes], limits: Limits, function: Callable[[], Function]) -> Native:
        """What `to_entry` gave, loaded; `function` is asked for only to explain a result. ValueError: it is for another machine."""
        if meta.get("target") != target():
            raise ValueError("compiled for another machine")
        made = cls.__new__(cls)
        made._begin(Code(meta, blobs[0]), limits, function)
        return made

    def to_entry(self) -> tuple[dict[str, Any], list[bytes]]:
        """All that it takes to run the function again without its IR: data for JSON, and byte strings."""
        return self.code.meta, [self.code.object]

    def _begin(self, code: Code, limits: Limits, function: Callable[[], Function]) -> None:
        self.limits = limits
        self.code = code
        self.function = function
        self.flags: list[Flag] = []
        self._lock = RLock()  # of the same thread, an interrupt's handler may come in between
        self._run = runtime.Run(code.sites, code.flags, limits, None if code.watched is None else len(code.watched))
        self._frame = Frame(self._run.address, code.params, code.results)
        self._keep = self._run.keep

    def __del__(self) -> None:
        run = getattr(self, "_run", None)
        if run is not None:
            run.close()

    @property
    def steps(self) -> int:
        """Loop iterations and calls of the last run."""
        return int(self.limits.max_steps - self._run.words[state.LEFT])

    def run(self, args: Sequence[Any]) -> list[Any]:
        """The results for these arguments: Python numbers for scalars, NumPy arrays else.

        Raises EvaluationError where a check fails, LimitError where a limit is reached.
        """
        run, frame = self._run, self._frame
        with self._lock:
            run.begin()
            try:
                kept = frame.put(args)
                if self.code.polls and get_ident() == main_thread().ident:
                    status = self._watching_signals()
                else:
                    status = self._enter()
                del kept
                if status:
                    error = run.error()
                    raise error.with_traceback(None) if isinstance(error, AdcliError) else error
                results = frame.take()
            finally:
                run.end()
            self.flags = self._noted(args) if run.words[state.RAISED] or self.code.watched is not None else []
            return results

    def _watching_signals(self) -> int:
        # As `with run.interruptible()`, which would take longer than a short run. Signals come to the main thread alone.
        before = sys.unraisablehook
        sys.unraisablehook = self._keep
        try:
            return self._enter()
        finally:
            sys.unraisablehook = before

    def _enter(self) -> int:
        """The run; begun anew on a larger stack where recursion asks for it."""
        run, code = self._run, self.code
        status: int = code.entry(self._frame.address)
        if status and code.recursive and run.out_of_stack():
            run.begin()
            status = runtime.on_large_stack(run, lambda: code.entry(self._frame.address))
        return status

    def _noted(self, args: Sequence[Any]) -> list[Flag]:
        """The flags of a run that raised some, or whose arithmetic left the finite numbers."""
        flags = [flag for flag, raised in zip(self.code.flags, self._run.flagged, strict=True) if raised]
        if self.code.watched is not None:
            return flags + self._births()
        return self.explained(args) if self._run.words[state.RAISED] & ~state.KINKS else flags

    def explained(self, args: Sequence[Any]) -> list[Flag]:
        """Arithmetic divided by zero, or left a domain or the range of numbers: the interpreter says where, as it does for itself.

        Where that would take it too long, the function is compiled once more, with its operations watched.
        """
        from adcli.engines.interpret import Interpreter

        again = Interpreter(self.function(), self.limits, Budget(_EXPLAINING, lambda: True))
        try:
            again.run(args)
            return again.flags
        except Spent:
            watched = self._watched()
            watched.run(args)
            return watched.flags

    def _watched(self) -> Native:
        """The function compiled so that it takes note of what it does."""
        made = Native.__new__(Native)
        made._begin(compiled(self.function(), self.limits, self.code.meta["exact_libm"], 1, watch=True), self.limits, self.function)
        return made

    def tape_peak(self, args: Sequence[Any]) -> int:
        """Bytes on the tape at its fullest, in a run of its own."""
        watched = self._watched()
        watched.run(args)
        words = watched._run.words
        return max(0, int(words[state.PEAK] - words[state.TAPE]))

    def _births(self) -> list[Flag]:
        """What the operations watched have noted: of those that the interpreter notices as they happen all, of others the first."""
        words = self._run.words
        found: list[tuple[int, bool, Flag]] = []
        for k, (op, arguments, span) in enumerate(self.code.watched or ()):
            at = state.WATCHED + 1 + state.NOTE * k
            if words[at]:
                out, *args = (runtime.value(bits, "real") for bits in words[at + 1 : at + 2 + min(arguments, 3)])
                flag = birth(op, args, out, span)
                if flag is not None:
                    found.append((words[at], noticed(op), flag))
        found.sort(key=lambda item: item[0])
        seen = [flag for _, at_once, flag in found if at_once]
        return seen or [flag for _, _, flag in found[:1]]


def noticed(op: str) -> bool:
    """Whether the interpreter notices that the operation leaves the finite numbers: its fast form raises then."""
    from adcli.ops import TABLE

    record = TABLE[op]
    return op == "pow" or (record.fast is not None and record.fast is not record.scalar)
