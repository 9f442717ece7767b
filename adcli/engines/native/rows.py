"""A function over many rows of data in native code, in threads.

Straight-line programs run as vector code, a tile of rows at a time; the last tile is filled up with copies of its last row, so that a
result does not depend on where its row stands. Where a tile has flags or numbers that are not finite, its rows are looked at one by one,
and what is special about one the interpreter says.
"""
from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import numpy as np

from adcli.engines.limits import NESTED, Limits, frames
from adcli.engines.native import llvm, runtime, sites, vectors
from adcli.engines.native.frame import DTYPES
from adcli.engines.native.module import Module, prepared
from adcli.engines.native.records import Unsupported
from adcli.engines.native.row_callers import TILE
from adcli.engines.rows import RowsResult, by_row
from adcli.engines.rows.interpret import InterpretRows, empty
from adcli.ir.nodes import Function

_POINTER, _INT = ctypes.c_void_p, ctypes.c_int64
_FAST = ctypes.CFUNCTYPE(ctypes.c_int32, _POINTER, _POINTER, _POINTER, _INT, _POINTER)
_SUM = ctypes.CFUNCTYPE(ctypes.c_int32, _POINTER, _POINTER, _POINTER, _INT, _INT, _INT)
_CAREFUL = ctypes.CFUNCTYPE(ctypes.c_int32, _POINTER, _POINTER, _POINTER, _INT, _INT, _POINTER, _POINTER, _POINTER, ctypes.c_bool)
# A thread takes at least so many rows.
SHARE = 16 * TILE


class NativeRows:
    """Takes functions whose results have a shape that is known; compiled when it is first known which arguments have columns."""

    ran = ("native",)

    def __init__(self, function: Function, limits: Limits, names: Sequence[str] = (), exact_libm: bool = False) -> None:
        self.function = function
        self.limits = limits
        self.exact_libm = exact_libm
        self.one_by_one = InterpretRows(function, limits, names)
        self.made: dict[tuple[bool, ...], Compiled] = {}

    @staticmethod
    def takes(function: Function) -> bool:
        return all(a.type.static for a in function.body.results)

    def run(self, values: Sequence[Any], rows: int, jobs: int = 1, into: Sequence[Any] | None = None) -> RowsResult:
        """Every row; see `adcli.engines.rows.Rows`. into: arrays for the results, in place of new ones."""
        done = RowsResult(list(into) if into is not None else empty(self.function, rows))
        if not rows:
            return done
        varying = tuple(by_row(v, p.type.rank) for v, p in zip(values, self.function.params, strict=True))
        code = self.made.get(varying)
        if code is None:
            code = self.made[varying] = Compiled(self.function, self.limits, self.exact_libm, varying)
        special = Table(code, values, done.results).fill(rows, jobs, done)
        self.one_by_one.fill(done, values, np.flatnonzero(special).tolist())
        return done


class Compiled:
    """The machine code for one choice of columns. summed: what adds results up; Unsupported where there is no vector code for that."""

    @frames(NESTED)
    def __init__(self, function: Function, limits: Limits, exact_libm: bool, varying: tuple[bool, ...], summed: bool = False) -> None:
        self.function = prepared(function)
        self.limits = limits
        self.varying = varying
        module = Module(self.function, limits, exact_libm, varying, summed=summed)
        if summed and not module.straight:
            raise Unsupported("results that are added up over rows and are not made of numbers in a straight line")
        # By way of data, as from the disk: nothing keeps the IR alive.
        self.sites = sites.from_data(sites.to_data(module.sites))
        self.flags = module.flags
        self.recursive = bool(module.recursive)
        llvm.load_library(vectors.LIBRARY)
        level = 3 if module.straight else 2
        self.loaded = llvm.Loaded(llvm.object_code(module.text, level), runtime.symbols(module.externals), level)
        if summed:
            self.sum = _SUM(self.loaded.address("adcli.sum"))
        else:
            self.fast = _FAST(self.loaded.address("adcli.fast")) if module.straight else None
            self.careful = _CAREFUL(self.loaded.address("adcli.careful"))
        self.idle: list[runtime.Run] = []
        self.busy: list[runtime.Run] = []

    @contextmanager
    def place(self) -> Iterator[runtime.Run]:
        """A place to run in, for one thread."""
        run = self.idle.pop() if self.idle else runtime.Run(self.sites, self.flags, self.limits)
        run.begin()
        self.busy.append(run)
        # Handlers of signals run in the main thread alone.
        guard = run.interruptible() if threading.current_thread() is threading.main_thread() else nullcontext()
        try:
            with guard:
                yield run
        finally:
            run.end()
            self.busy.remove(run)
            self.idle.append(run)

    def stop(self, error: BaseException) -> None:
        """Let the threads that are busy raise this error."""
        for run in list(self.busy):
            run.halt(error)

    def __del__(self) -> None:
        for run in getattr(self, "idle", ()):
            run.close()


class Table:
    """Columns of arguments and of results, and the code that fills these."""

    def __init__(self, code: Compiled, values: Sequence[Any], results: Sequence[Any]) -> None:
        self.code = code
        self.results = results
        self.kept: list[Any] = []  # what addresses were given of
        self.values = [
            np.ascontiguousarray(v, DTYPES[p.type.elem]) if vary or p.type.shape else v
            for v, p, vary in zip(values, code.function.params, code.varying, strict=True)
        ]

    def fill(self, rows: int, jobs: int, done: RowsResult) -> Any:
        """Compute all rows; which of them are special."""
        special = np.zeros(rows, np.uint8)
        if self.code.fast is None:
            work = [partial(self.rows, a, b, special, True) for a, b in _parts(rows, jobs, 1)]
        else:
            whole = rows - rows % TILE
            work = [partial(self.tiles, a, b, special) for a, b in _parts(whole, jobs, TILE)]
            if rows > whole:
                work.append(partial(self.rest, whole, rows, special))
        for counts in in_threads(work, jobs, self.code):
            done.count({flag: int(n) for flag, n in zip(self.code.flags, counts, strict=True) if n})
        return special

    def tiles(self, begin: int, end: int, special: Any) -> Any:
        """Rows from one whole tile to another as vector code; then those of the tiles that are marked, one by one."""
        tiles = (end - begin) // TILE
        marks = np.zeros(tiles, np.uint8)
        counts = np.zeros(len(self.code.flags), np.int64)
        if not tiles:
            return counts
        with self.code.place() as run:
            assert self.code.fast is not None
            self.code.fast(run.address, *self.addresses(begin), tiles, marks.ctypes.data)
            for k in np.flatnonzero(marks).tolist():
                self.look(run, begin + k * TILE, begin + (k + 1) * TILE, special, counts, False)
        return counts

    def rest(self, begin: int, end: int, special: Any) -> Any:
        """The last rows, in a tile of their own that is filled up."""
        n = end - begin
        padded = [
            np.concatenate([v[begin:end], np.repeat(v[end - 1 : end], TILE - n, axis=0)]) if vary else v
            for v, vary in zip(self.values, self.code.varying, strict=True)
        ]
        results = [np.empty((TILE, *r.shape[1:]), r.dtype) for r in self.results]
        tail = Table(self.code, padded, results)
        odd = np.zeros(TILE, np.uint8)
        tail.tiles(0, TILE, odd)
        for column, found in zip(self.results, results, strict=True):
            column[begin:] = found[:n]
        counts = np.zeros(len(self.code.flags), np.int64)
        if odd.any() or self.code.flags:
            with self.code.place() as run:
                self.look(run, begin, end, special, counts, False)
        return counts

    def rows(self, begin: int, end: int, special: Any, store: bool) -> Any:
        """Rows one by one."""
        counts = np.zeros(len(self.code.flags), np.int64)
        with self.code.place() as run:
            if self.code.recursive:
                runtime.on_large_stack(run, lambda: self.look(run, begin, end, special, counts, store))
            else:
                self.look(run, begin, end, special, counts, store)
        return counts

    def look(self, run: runtime.Run, begin: int, end: int, special: Any, counts: Any, store: bool) -> int:
        fresh = (ctypes.c_char * len(run.fresh)).from_buffer(run.fresh)
        status = self.code.careful(
            run.address, *self.addresses(0), begin, end, special.ctypes.data, counts.ctypes.data, ctypes.addressof(fresh), store
        )
        if status:
            raise run.error()
        return 0

    def addresses(self, row: int) -> tuple[int, int]:
        """Of the slots of arguments and results, for columns that begin at that row."""
        given = (ctypes.c_int64 * max(1, len(self.values)))()
        reals: Any = (ctypes.c_double * len(given)).from_buffer(given)
        for k, (v, p, vary) in enumerate(zip(self.values, self.code.function.params, self.code.varying, strict=True)):
            if vary or p.type.shape:
                given[k] = v.ctypes.data + (row * v.strides[0] if vary else 0)
            elif p.type.elem == "real":
                reals[k] = v
            else:
                given[k] = int(v)
        out = (ctypes.c_int64 * max(1, len(self.results)))(*(r.ctypes.data + row * r.strides[0] for r in self.results))
        self.kept += [given, out]
        return ctypes.addressof(given), ctypes.addressof(out)


def _parts(rows: int, jobs: int, unit: int) -> list[tuple[int, int]]:
    """Ranges of rows for threads, of whole units."""
    threads = max(1, min(jobs, rows // SHARE))
    each = -(-rows // threads // unit) * unit
    return [(a, min(a + each, rows)) for a in range(0, rows, each)] if rows else []


def in_threads(work: Sequence[Callable[[], Any]], jobs: int, code: Compiled) -> list[Any]:
    """What each piece of work gives, in order."""
    if len(work) == 1 or jobs <= 1:
        return [part() for part in work]
    with ThreadPoolExecutor(min(jobs, len(work))) as pool:
        parts = [pool.submit(part) for part in work]
        try:
            return [part.result() for part in parts]
        except BaseException as error:  # an error of one part, or Ctrl-C: the others need not go on
            code.stop(error)
            raise
