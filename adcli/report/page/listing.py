"""The panel of the program: its lines, cut where a statement's place begins or ends, so that the place can be marked."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise

from adcli.errors import Source, Span
from adcli.report.page.markup import Html, element


def listing(source: Source, spans: Iterable[Span]) -> Iterator[Html]:
    """One element a line; the pieces in it say at which code point they begin."""
    cuts = sorted({offset for span in spans for offset in span})
    start = 0
    for number, line in enumerate(source.text.removesuffix("\n").split("\n"), 1):
        end = start + len(line)
        inside = cuts[bisect_right(cuts, start) : bisect_left(cuts, end)]
        ends = [start, *inside, end]
        pieces = [element("span", source.text[a:b], data_a=a) for a, b in pairwise(ends) if a < b]
        yield element("span", *pieces, "\n", class_="line", id=f"L{number}", data_l=number)
        start = end + 1
