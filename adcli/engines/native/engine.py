"""The native engine: a function of the IR compiled to machine code, and run.

>>> Native(function, Limits()).run([2.0, 5.0])          # as `engines.interpret.Interpreter`
"""
from __future__ import annotations

import ctypes
import struct
import threading
from collections.abc import Sequence
from typing import Any

from adcli.engines.flags import Flag
from adcli.engines.limits import NESTED, Limits, frames, memory_error
from adcli.engines.native import llvm, runtime, state, vectors
from adcli.engines.native.expand import expand
from adcli.engines.native.module import Module
from adcli.engines.native.sites import Site
from adcli.errors import AdcliError
from adcli.ir.nodes import Function
from adcli.passes.storage import storage

_ENTRY = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
# Stack for recursion: address space, of which is used what is needed.
STACK = 1 << 30


class Code:
    """A compiled program: object code, the flags and sites it names by number, the types of its arguments and results."""

    def __init__(self, function: Function, limits: Limits, exact_libm: bool = False, level: int = 2) -> None:
        with frames(NESTED):
            self.function = storage(expand(function))
            module = Module(self.function, limits, exact_libm)
        self.flags: list[Flag] = module.flags
        self.sites: list[Site] = module.sites
        self.externals = module.externals
        self.recursive = bool(module.recursive)
        self.params = [(p.type.elem, p.type.shape) for p in self.function.params]
        self.results = [(a.type.elem, a.type.shape) for a in self.function.body.results]
        self.text = module.text
        self.object = llvm.object_code(module.text, level)
        llvm.load_library(vectors.LIBRARY)
        self.loaded = llvm.Loaded(self.object, runtime.symbols(self.externals))
        self.entry = _ENTRY(self.loaded.address("adcli.entry"))


class Native:
    """A function compiled; `run` it as often as wanted. Not to be shared between threads."""

    def __init__(self, function: Function, limits: Limits | None = None, exact_libm: bool = False) -> None:
        self.limits = Limits() if limits is None else limits
        self.code = Code(function, self.limits, exact_libm)
        self.flags: list[Flag] = []
        self._run = runtime.Run(self.code, self.limits)

    @property
    def steps(self) -> int:
        """Loop iterations and calls of the last run."""
        return int(self.limits.max_steps - self._run.words[state.LEFT])

    def run(self, args: Sequence[Any]) -> list[Any]:
        """The results for these arguments: Python numbers for scalars, NumPy arrays else.

        Raises EvaluationError where a check fails, LimitError where a limit is reached.
        """
        run, code = self._run, self.code
        try:
            run.reset()
        except (OSError, ValueError, OverflowError):
            raise memory_error(self.limits, None) from None
        keep: list[Any] = []
        given = runtime.passed(run, code.params, args, keep)
        out, made = self.room(keep)
        status = self.enter(given, out)
        if status:
            error = run.error()
            raise error.with_traceback(None) if isinstance(error, AdcliError) else error
        flagged = bytes(memoryview(run.words).cast("B")[state.FLAGS : state.FLAGS + len(code.flags)])
        self.flags = [flag for flag, raised in zip(code.flags, flagged, strict=True) if raised]
        return self.taken(out, made)

    def enter(self, given: Any, out: Any) -> int:
        run, code = self._run, self.code
        call = [run.address, ctypes.addressof(given), ctypes.addressof(out)]
        if not code.recursive:
            return int(code.entry(*call))
        return _on_large_stack(run, lambda: int(code.entry(*call)))

    def room(self, keep: list[Any]) -> tuple[Any, list[Any]]:
        """Where results go: numbers, and arrays whose shape is known."""
        words: list[int] = []
        made: list[Any] = []
        for elem, shape in self.code.results:
            if shape and None not in shape:
                import numpy as np

                array = np.empty(shape, {"real": np.float64, "int": np.int64, "bool": np.bool_}[elem])
                made.append(array)
                words.append(array.ctypes.data)
            else:
                made.append(None)
                words += [0] * (1 + sum(n is None for n in shape))
        return (ctypes.c_int64 * max(1, len(words)))(*words), made

    def taken(self, out: Any, made: list[Any]) -> list[Any]:
        results: list[Any] = []
        k = 0
        for (elem, shape), array in zip(self.code.results, made, strict=True):
            if array is not None:
                results.append(array)
                k += 1
            elif shape:
                from adcli.engines.native.numpy_forms import array_at

                address, k = out[k], k + 1
                extents = []
                for n in shape:
                    if n is None:
                        extents.append(out[k])
                        k += 1
                    else:
                        extents.append(n)
                results.append(array_at(address, elem, tuple(extents)).copy())
            else:
                bits, k = out[k], k + 1
                results.append(runtime.value(bits, elem))
        return results


def _on_large_stack(run: runtime.Run, call: Any) -> int:
    """Run in a thread of its own, whose stack has room for the deepest recursion that limits allow."""
    result: list[int] = []

    def work() -> None:
        here = ctypes.c_int64()
        run.words[state.STACK] = ctypes.addressof(here)  # refined below: the address of a local of this thread is not on its stack
        run.words[state.STACK] = 0
        result.append(call())

    before = threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    return result[0]


_ = struct
