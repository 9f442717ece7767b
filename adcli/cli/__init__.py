"""The command line. Nothing heavy is imported here, so that Ctrl-C is quiet from the first moment on."""

from __future__ import annotations

import gc
import sys


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


def script() -> int:
    """`main` for a process of its own: Ctrl-C ends it with 130, whatever Python noted of it on the way.

    Where a signal comes while code runs that was handed to the interpreter as text, as some modules do when they are imported,
    CPython remembers an unhandled KeyboardInterrupt although it was handled, and would end by the signal after all.
    """
    status = main()
    gc.freeze()  # what is left ends with the process: no search for cycles in it
    if status == 130:
        import os

        os._exit(status)  # `end` has flushed what there was
    return status
