"""The places of a program that native code names by number: where it may fail, and what it asks Python to compute."""
from __future__ import annotations

from typing import NamedTuple

from adcli.errors import Span
from adcli.ir.nodes import Check, Let


class Site(NamedTuple):
    """kind: "check" (with the statement), "shapes", "reshape", "elements", "memory", "depth", "steps", "raised" (Python did), "ask"."""

    kind: str
    span: Span | None
    check: Check | None = None
    let: Let | None = None
