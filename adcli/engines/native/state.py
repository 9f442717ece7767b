"""The state of a run, as native code and Python share it: a block of 64-bit numbers, then one byte for each flag.

LEFT   steps still allowed                      SITE    where the run failed: a number of `Module.sites`
DEPTH  calls that may still be nested           VALUES  what the test that failed had looked at
FUEL   work until the next look at the clock    STACK   the lowest address the stack may reach
TAPE   the tape's top, which grows up           ARENA   the lowest address in use by arrays, which grow down towards the tape
FLOOR  up to where the tape is being read, above its top: arrays stay above that as well
RAISED whether arithmetic divided by zero, left the domain of a function or the range of numbers: the processor's own flags; and KINKS
       where a flag of the program was raised
"""
from __future__ import annotations

LEFT, DEPTH, FUEL, TAPE, ARENA, SITE, STACK, RAISED, FLOOR = range(9)
KINKS = 1 << 32
VALUES = 9
MOST_VALUES = 8
FLAGS = 8 * (VALUES + MOST_VALUES)  # in bytes
# While a run is watched: behind the flags, for each watched operation when it first left the finite numbers (counted from 1), its
# result, and its arguments.
NOTE = 5
# Where that begins, if watched, with the clock: room enough for 8,000 flags before it.
WATCHED = VALUES + MOST_VALUES + 1000
# While a run is watched: the highest that the tape's top has been.
PEAK = WATCHED - 1

# Work between two looks at the clock, in scalar operations: some milliseconds.
REFILL = 2**22
