"""Python's collector of garbage, put off while a program is lowered, differentiated or compiled.

That makes many objects and almost no garbage: the collector would walk them all again and again.
"""
from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def put_off() -> Iterator[None]:
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
