"""How numbers and arrays get into native code and out of it: the frame, a table of 64-bit numbers that each run is entered with.

    frame     the address of the run's state | a slot for each argument | the slots of the results (see `callers`)

A call from Python is to take about a microsecond, so a frame is made once: the addresses of arrays that come again stay where they are,
and so do those of the arrays for results, as long as nobody else holds them. Their pages are there, too.
"""
from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

from adcli.ir.types import Shape

DTYPES = {"real": "float64", "int": "int64", "bool": "bool"}
# Arguments of fewer bytes are held until the next run, in case they come again.
_SMALL = 1 << 16
# A result that nobody but its entry in `Frame.kept`, and the call that counts, hold.
_OURS = 2


class Frame:
    """The frame of a program, for one run at a time: `put` the arguments, enter the code with `address`, `take` the results."""

    def __init__(self, state: int, params: Sequence[tuple[str, Shape]], results: Sequence[tuple[str, Shape]]) -> None:
        self.params, self.results = params, results
        words = sum(1 + shape.count(None) for _, shape in results)
        self.words = (ctypes.c_int64 * (1 + len(params) + words))(state)
        self.address = ctypes.addressof(self.words)
        self.ints = memoryview(self.words).cast("B").cast("q")
        self.doubles = self.ints.cast("B").cast("d")
        self.real_args = [k for k, (elem, shape) in enumerate(params) if not shape and elem == "real"]
        self.int_args = [k for k, (elem, shape) in enumerate(params) if not shape and elem != "real"]
        self.array_args = [k for k, (_, shape) in enumerate(params) if shape]
        self.seen: list[Any] = [None] * len(params)
        self.kept: list[Any] = [None] * len(results)
        self.made: list[tuple[int, int]] = []  # of arrays whose shape is known and that are made here: number and slot
        self.found: list[tuple[int, int]] = []  # of all other results
        slot = 1 + len(params)
        for n, (_, shape) in enumerate(results):
            (self.made if shape and None not in shape else self.found).append((n, slot))
            slot += 1 + shape.count(None)
        numbers = all(not shape and elem == "real" for elem, shape in results)
        self.only_reals = (ctypes.c_double * len(results)).from_buffer(self.words, 8 * (1 + len(params))) if numbers else None

    def put(self, args: Sequence[Any]) -> Any:
        """Hand over the arguments, and room for the results; what is returned must be kept alive while the code runs."""
        if len(args) != len(self.seen):
            raise ValueError(f"{len(args)} arguments for {len(self.seen)} parameters")
        reals = self.doubles
        kept: Any = None
        for k in self.real_args:
            reals[k + 1] = args[k]
        for k in self.int_args:
            self.ints[k + 1] = int(args[k])
        for k in self.array_args:
            if args[k] is not self.seen[k]:
                kept = kept, self.put_array(k, args[k])
        for n, slot in self.made:
            if sys.getrefcount(self.kept[n]) != _OURS:
                self.renew(n, slot)
        return kept

    def put_array(self, k: int, a: Any) -> Any:
        import numpy as np

        array = np.ascontiguousarray(a, DTYPES[self.params[k][0]])
        self.ints[k + 1] = array.ctypes.data
        self.seen[k] = a if array is a and array.nbytes < _SMALL else None
        return array

    def renew(self, n: int, slot: int) -> None:
        """A new array for a result: somebody holds the one of the run before."""
        import numpy as np

        elem, shape = self.results[n]
        extents: Any = shape
        array = self.kept[n] = np.empty(extents, DTYPES[elem])
        self.ints[slot] = array.ctypes.data

    def take(self) -> list[Any]:
        """The results: Python numbers for scalars, NumPy arrays else."""
        if self.only_reals is not None:
            return self.only_reals[:]
        results = self.kept.copy()
        for n, slot in self.found:
            elem, shape = self.results[n]
            if shape:
                results[n] = self.array(slot, elem, shape)
            elif elem == "real":
                results[n] = self.doubles[slot]
            else:
                results[n] = bool(self.ints[slot]) if elem == "bool" else self.ints[slot]
        return results

    def array(self, slot: int, elem: str, shape: Shape) -> Any:
        """An array whose extents only the run knew: its address and they stand in the frame."""
        from adcli.engines.native.numpy_forms import array_at

        extents = iter(self.ints[slot + 1 : slot + 1 + shape.count(None)].tolist())
        return array_at(self.ints[slot], elem, tuple(next(extents) if n is None else n for n in shape)).copy()
