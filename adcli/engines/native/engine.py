"""The native engine: a function of the IR compiled to machine code, and run.

>>> Native(function, Limits()).run([2.0, 5.0])          # as `engines.interpret.Interpreter`
"""
from __future__ import annotations

import ctypes
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from adcli.engines.budget import Budget, Spent
from adcli.engines.flags import Flag, birth, noted
from adcli.engines.limits import NESTED, Limits, frames
from adcli.engines.native import llvm, runtime, sites, state, vectors
from adcli.engines.native.sites import Site
from adcli.errors import AdcliError, Span
from adcli.ir.types import Shape

if TYPE_CHECKING:
    from adcli.ir.nodes import Function

# Part of the key of what is kept on disk: changes with the code that is generated, and with how it is called.
VERSION = 1
_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
# Statements in a row above which LLVM is to hurry: optimising them would take minutes.
LONG = 2_000
DTYPES = {"real": "float64", "int": "int64", "bool": "bool"}
# What the interpreter may take to find out which operation it was that left the finite numbers.
_EXPLAINING = 3_000_000
# Results are kept for the next run, which takes them where nobody but their entry in `_before`, a variable and the call that counts holds
# them; of the arguments those of fewer bytes, whose address then need not be asked for again.
_OURS = 3
_SMALL = 1 << 16


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
        self.loaded = llvm.Loaded(object_code, runtime.symbols(meta["externals"]))
        self.entry = _ENTRY(self.loaded.address("adcli.entry"))


@frames(NESTED)
def compiled(function: Function, limits: Limits, exact_libm: bool = False, level: int = 2, watch: bool = False) -> Code:
    """Compile a function. Raises `loops.Unsupported` where it is of no form that native code has."""
    # What was compiled before runs without all this.
    from adcli.engines.native.module import Module, prepared
    from adcli.ir.walk import all_blocks, functions

    ready = prepared(function)
    if any(len(b.statements) > LONG for f in functions(ready) for b in all_blocks(f.body)):
        level = 0
    module = Module(ready, limits, exact_libm, watch=watch)
    meta = {
        "target": target(),
        "exact_libm": exact_libm,
        "sites": sites.to_data(module.sites),
        "flags": [(f.code, f.op, f.span) for f in module.flags],
        "params": [p.type for p in ready.params],
        "results": [a.type for a in ready.body.results],
        "recursive": bool(module.recursive),
        "externals": module.externals,
    }
    return Code(meta, llvm.object_code(module.text, level), module.watched if watch else None)


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
        self._lock = threading.RLock()  # of the same thread, an interrupt's handler may come in between
        self._run = runtime.Run(code.sites, code.flags, limits, None if code.watched is None else len(code.watched))
        self._given = (ctypes.c_int64 * max(1, len(code.params)))()
        self._reals = (ctypes.c_double * len(self._given)).from_buffer(self._given)
        self._passing = [_passing(elem, shape) for elem, shape in code.params]
        words = sum(1 + shape.count(None) for _, shape in code.results)
        self._out = (ctypes.c_int64 * max(1, words))()
        self._out_reals = (ctypes.c_double * len(self._out)).from_buffer(self._out)
        self._call = (self._run.address, ctypes.addressof(self._given), ctypes.addressof(self._out))
        self._has_arrays = any(shape for _, shape in code.results)
        self._no_arrays: list[Any] = [None] * len(code.results)
        self._all_real = not self._has_arrays and all(elem == "real" for elem, _ in code.results)
        self._keep = self._run.keep
        self._before: list[tuple[Any, int]] = [(None, 0)] * len(code.results)
        self._seen: list[tuple[Any, int]] = [(None, 0)] * len(code.params)

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
        with self._lock:
            self._run.begin()
            try:
                results = self._ran(args)
            finally:
                self._run.end()
            if self.code.watched is not None:
                self.flags += self._births()
            elif self._run.words[state.RAISED]:
                self._explain(args)
            return results

    def _ran(self, args: Sequence[Any]) -> list[Any]:
        run, code = self._run, self.code
        keep = [put(self, k, a) for k, (put, a) in enumerate(zip(self._passing, args, strict=True))]
        made = self._room() if self._has_arrays else self._no_arrays
        status = self._watching_signals() if code.polls else self._enter()
        del keep
        if status:
            error = run.error()
            raise error.with_traceback(None) if isinstance(error, AdcliError) else error
        self.flags = []
        if code.flags and run.flagged != run.none_flagged:
            self.flags = [flag for flag, raised in zip(code.flags, run.flagged, strict=True) if raised]
        return self._out_reals[: len(code.results)] if self._all_real else self._taken(made)

    def _watching_signals(self) -> int:
        # As `with run.interruptible()`, which would take longer than a short run. Signals come to the main thread alone.
        if threading.get_ident() != threading.main_thread().ident:
            return self._enter()
        before = sys.unraisablehook
        sys.unraisablehook = self._keep
        try:
            return self._enter()
        finally:
            sys.unraisablehook = before

    def _enter(self) -> int:
        """The run; begun anew on a larger stack where recursion asks for it."""
        run, code = self._run, self.code
        status: int = code.entry(*self._call)
        if status and code.recursive and run.out_of_stack():
            run.begin()
            status = runtime.on_large_stack(run, lambda: code.entry(*self._call))
        return status

    def _room(self) -> list[Any]:
        """Arrays for the results whose shape is known: those of the run before where nobody else holds them, their pages are there."""
        made: list[Any] = []
        k = 0
        for n, (elem, shape) in enumerate(self.code.results):
            array = None
            if shape and None not in shape:
                array, address = self._before[n]
                if array is None or sys.getrefcount(array) > _OURS:
                    import numpy as np

                    extents: Any = shape
                    array = np.empty(extents, DTYPES[elem])
                    address = array.ctypes.data
                    self._before[n] = array, address
                self._out[k] = address
            made.append(array)
            k += 1 + shape.count(None)
        return made

    def _taken(self, made: Sequence[Any]) -> list[Any]:
        results: list[Any] = []
        k = 0
        for (elem, shape), array in zip(self.code.results, made, strict=True):
            if array is not None:
                results.append(array)
            elif shape:
                results.append(self._found(k, elem, shape))
                k += shape.count(None)
            elif elem == "real":
                results.append(self._out_reals[k])
            else:
                results.append(bool(self._out[k]) if elem == "bool" else self._out[k])
            k += 1
        return results

    def _found(self, k: int, elem: str, shape: Shape) -> Any:
        """An array whose extents only the run knew: its address and they stand in the results."""
        from adcli.engines.native.numpy_forms import array_at

        extents = iter(self._out[k + 1 : k + 1 + shape.count(None)])
        return array_at(self._out[k], elem, tuple(next(extents) if n is None else n for n in shape)).copy()

    def _explain(self, args: Sequence[Any]) -> None:
        """Arithmetic divided by zero, or left a domain or the range of numbers: the interpreter says where, as it does for itself.

        Where that would take it too long, the function is compiled once more, with its operations watched.
        """
        from adcli.engines.interpret import Interpreter

        again = Interpreter(self.function(), self.limits, Budget(_EXPLAINING, lambda: True))
        try:
            again.run(args)
            self.flags = again.flags
        except Spent:
            watched = self._watched()
            watched.run(args)
            self.flags = watched.flags

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


def _passing(elem: str, shape: Shape) -> Callable[[Native, int, Any], Any]:
    """How an argument of a type is handed over; what must be kept alive while the code runs is returned."""
    if shape:
        return lambda native, k, a: _pass_array(native, k, a, elem)
    return _pass_real if elem == "real" else _pass_int


def _pass_real(native: Native, k: int, a: Any) -> None:
    native._reals[k] = a


def _pass_int(native: Native, k: int, a: Any) -> None:
    native._given[k] = int(a)


def _pass_array(native: Native, k: int, a: Any, elem: str) -> Any:
    seen, address = native._seen[k]
    if seen is a:
        native._given[k] = address
        return seen
    import numpy as np

    array = np.ascontiguousarray(a, DTYPES[elem])
    native._given[k] = address = array.ctypes.data
    if array is a and array.nbytes < _SMALL:
        native._seen[k] = a, address
    return array
