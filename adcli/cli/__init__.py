"""The command line. Nothing heavy is imported here, so that Ctrl-C is quiet from the first moment on."""

from __future__ import annotations

import gc
import sys
from contextlib import suppress
from typing import NoReturn


def main() -> int:
    """Run the command that sys.argv holds and return the exit status; never raises."""
    before = gc.get_threshold()
    # Reference counts free what large programs leave; walking their nodes for cycles would cost a third of the time.
    gc.set_threshold(1_000_000, 50, 1000)
    try:
        from adcli.cli.group import run

        return run(sys.argv[1:])
    except BaseException as error:
        from adcli.cli.ending import end

        return end(error, sys.argv[1:])
    finally:
        gc.set_threshold(*before)


def script() -> NoReturn:
    """`main` for a process of its own, which ends at once: taking down the interpreter, NumPy and polars takes up to 60 ms.

    Nothing is left to do by then: output is flushed as it is written, files are closed, threads are joined. So Ctrl-C ends the process
    with 130, too, whatever Python noted of it on the way (where a signal comes while code runs that was handed to the interpreter as
    text, CPython remembers an unhandled KeyboardInterrupt although it was handled, and would end by the signal after all).
    """
    import os

    # BLAS's threads, which start as NumPy is loaded, sleep at once when they have nothing to do: by default they wait actively, for 50 ms.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
    status = main()
    gc.disable()  # what is left ends with the process: no search for cycles in it

    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):  # closed from the start, or a pipe closed since: `main` has told
            stream.flush()
    os._exit(status)
