"""Saying what is wrong: errors with their span, and the nearest name where one was probably meant."""

from __future__ import annotations

from collections.abc import Iterable

from adcli.errors import ProgramError, Source, Span


def fail(kind: type[ProgramError], message: str, span: Span | None, source: Source, help: str | None = None) -> ProgramError:
    """The error to raise."""
    return kind(message, span, help=help, source=source)


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` was probably meant to be."""
    from difflib import get_close_matches  # only an error needs it: not at start-up

    found = get_close_matches(name, sorted(set(candidates)), n=1, cutoff=0.6)
    return found[0] if found else None


def meant(name: str, candidates: Iterable[str], otherwise: str | None = None) -> str | None:
    """A help line that suggests the nearest candidate."""
    near = nearest(name, candidates)
    return f"did you mean '{near}'?" if near else otherwise


def line(source: Source, span: Span) -> str:
    return f"line {source.position(span.start)[0]}"


def counted(n: int, what: str) -> str:
    """3 → "3 arguments", 1 → "1 argument"."""
    return f"{n} {what}" if n == 1 else f"{n} {what}s"
