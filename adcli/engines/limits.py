"""The limits of a run: steps, call depth, memory, elements of one array, time.

A step is one iteration of a loop or one call of the primal program; memory counts 8 bytes a number on tapes and in arrays.
"""
from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from adcli.errors import LimitError, Span

BYTES = 8
NESTED = 100_000  # Python frames: blocks in blocks are lowered, differentiated and compiled by recursion


@contextmanager
def frames(count: int) -> Iterator[None]:
    """Room for Python functions that call one another this deep; they take no C stack."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, count))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


class Limits(NamedTuple):
    """What a run may use. Each field has an option of the same name but `max_elements`, which is fixed."""

    max_steps: int = 10**8
    max_memory: int = 2**30
    max_depth: int = 10_000
    max_elements: int = 10**7
    timeout: float | None = None


def steps_error(limits: Limits, span: Span | None) -> LimitError:
    return LimitError(
        f"the program takes more than {limits.max_steps:,} steps (loop iterations and calls)", span,
        help="--max-steps N allows more; is the end of a loop never reached?",
    )


def depth_error(limits: Limits, span: Span | None) -> LimitError:
    return LimitError(
        f"calls are nested more than {limits.max_depth:,} deep", span, help="--max-depth N allows more; does the recursion end?"
    )


def memory_error(limits: Limits, span: Span | None, what: str = "the tape and the arrays") -> LimitError:
    text = f"{what} would take more than {size_text(limits.max_memory)} of memory"
    error = LimitError(text, span, help="--max-memory SIZE allows more, e.g. --max-memory 4GB")
    error.memory = True
    return error


def elements_error(limits: Limits, count: int, span: Span | None) -> LimitError:
    return LimitError(
        f"an array of {count:,} elements is more than the {limits.max_elements:,} that one array may have", span,
        help="--max-memory does not change this; split the array",
    )


def timeout_error(limits: Limits, span: Span | None = None) -> LimitError:
    return LimitError(f"the run took longer than {limits.timeout:g} s", span, help="--timeout SECONDS allows more")


def size_text(size: int) -> str:
    """A number of bytes as the options take it: 200MB, 1GiB."""
    for unit, scale in (("GiB", 2**30), ("GB", 10**9), ("MiB", 2**20), ("MB", 10**6), ("kB", 1000)):
        if size >= scale and size % scale == 0:
            return f"{size // scale} {unit}"
    return f"{size} bytes"
