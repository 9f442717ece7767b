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
