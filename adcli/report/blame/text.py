"""Stories as text, Markdown and data: headline, reason, where it was born, the way from there, shares."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from textwrap import wrap
from typing import Any, NamedTuple

from adcli.errors import Source, Span
from adcli.report.blame.birth import Hop
from adcli.report.blame.factors import Shares, log_factors, str_key
from adcli.report.blame.fold import Gap, Item, cut, folded
from adcli.report.blame.story import Story
from adcli.report.blame.words import Words
from adcli.report.grid import Grid, markdown, plain

WIDTH = 80
# Lines of a way and of a table of shares, if not said otherwise.
ROWS = 12
INDENT = "  "
# Columns that may be cut, in this order, and to how much: formulas, source texts in front and behind.
_SHRINKS = ((2, 24), (0, 16), (-1, 12), (1, 8))
# A rounding error of the sweep's sum that is worth a line, as a part of the gradient.
NOTICED = 1e-12

Excerpt = Callable[[Source, Span], list[str]]


class Part(NamedTuple):
    """A row of a table of shares. grown: log10 of the factor, None off the largest way; node: of the largest use, or -1."""

    label: str
    share: float
    uses: int
    grown: float | None
    node: int


class Page:
    """Writes stories; rows: lines of each way and table, None for all; excerpt: draws a source line with a caret."""

    def __init__(self, words: Words, rows: int | None = ROWS, width: int = WIDTH, excerpt: Excerpt | None = None) -> None:
        self.words = words
        self.phrases = words.phrases
        self.trace = words.phrases.trace
        self.rows = rows
        self.width = width
        self.excerpt = excerpt

    def text(self, stories: Sequence[Story]) -> str:
        return "\n".join("\n".join(self.story(s)) + "\n" for s in stories)

    def story(self, story: Story) -> Iterator[str]:
        """One story in lines."""
        yield from self.lines(self.words.headline(story), "")
        yield from self.lines(self.words.reason(story), INDENT)
        span = self.born(story)
        if span is not None and self.excerpt is not None:
            yield from self.excerpt(self.trace.source, span)
        for head, grid in self.tables(story):
            if head:
                yield from self.lines(head, INDENT)
            yield from (INDENT + line for line in plain(self.fitted(grid)).rstrip("\n").split("\n"))
        yield from self.lines(self.words.stays_zero(story), INDENT)

    def lines(self, text: str, indent: str) -> list[str]:
        """A sentence in lines that fit."""
        return wrap(
            text, self.width, initial_indent=indent, subsequent_indent=indent + "  ", break_long_words=False, break_on_hyphens=False
        )

    def markdown(self, stories: Sequence[Story]) -> str:
        parts: list[str] = []
        for story in stories:
            parts.append(f"**{escaped(self.words.headline(story))}**\n\n{escaped(self.words.reason(story))}\n")
            for head, grid in self.tables(story):
                parts.append((f"{escaped(head)}\n\n" if head else "") + markdown(grid, False))
        return "\n".join(parts)

    def born(self, story: Story) -> Span | None:
        """Where in the program it begins."""
        if story.path.first is not None:
            return self.phrases.span(story.path.first.node)
        if story.hidden:
            return story.hidden[0].span
        if story.zeros is not None and story.zeros.causes:
            return self.phrases.span(story.zeros.causes[0].hop.node)
        return None

    def tables(self, story: Story) -> Iterator[tuple[str, Grid]]:
        """The tables of a story, each with what stands above it."""
        p = self.phrases
        if story.path.hops:
            yield "", self.way([story.way, *story.pieces()])
        elif story.way and story.kind != "ordinary":
            head = "how it became that small:" if story.kind == "zero" else "the largest way from the output:"
            yield head, self.way([story.way])
        if story.shares is not None:
            along = "log10 factor: how the adjoint grows there along the largest way from the output"
            yield f"shares of {p.number(story.first.number)} by {story.shares.by} ({along}):", self.shares(story)

    # ways

    def way(self, pieces: list[list[Hop]]) -> Grid:
        """A row for each hop; repetitions within a piece are one line behind their first lap."""
        hops = [hop for piece in pieces for hop in piece]
        mixed = any(hop.is_value for hop in hops) and not all(hop.is_value for hop in hops)
        grid = Grid(
            ["operation", "place", "value" if hops[0].is_value else "adjoint × derivative", "gives"], ["name", "name", "math", "text"]
        )
        if mixed:
            grid.heads[2] = "value; adjoint × derivative"
        if not self.phrases.unicode:
            grid.heads[2] = grid.heads[2].replace("×", "*")
        for item in cut([item for piece in pieces for item in folded(self.trace, piece)], self.rows):
            self._add(grid, item)
        return grid

    def _add(self, grid: Grid, item: Item) -> None:
        words, p = self.words, self.phrases
        dots = "…" if p.unicode else "..."
        if isinstance(item, Hop):
            grid.rows.append([p.source(item.node, item.at), p.place(item.node), self._numbers(item), p.number(item.number)])
        elif isinstance(item, Gap):
            where = words.iterations(item.hops)
            grid.rows.append(f"{dots} {len(item.hops):,} operations{', ' + where if where else ''} {words.ends(item.hops)}")
        else:
            for part in item.lap:
                self._add(grid, part)
            where = words.iterations(item.hops)
            how = "each in its own way" if item.mixed else "the same again"
            grid.rows.append(f"{dots} {how}{', ' + where if where else ''} ({item.times:,} times): {words.growth(item.hops, item.times)}")

    def _numbers(self, hop: Hop) -> str:
        p = self.phrases
        if hop.is_value:
            return p.operation(hop) if p.scalar(hop) else ""
        text = p.partial(hop)
        if text is None:
            text = p.number(hop.partial)
        return p.times(p.number(hop.bar), f"({text})" if text.startswith("-") or " + " in text or " - " in text else text)

    def fitted(self, grid: Grid) -> Grid:
        """The grid no wider than the page: formulas and source texts are cut, notes wrapped."""
        room = self.width - len(INDENT)
        rooms = grid.widths()
        over = grid.width() - room
        for k, least in _SHRINKS:
            at = k % len(rooms)
            if over > 0 and grid.kinds[at] in ("math", "name"):
                cut_off = min(over, max(0, rooms[at] - max(least, len(grid.heads[at]))))
                rooms[at] -= cut_off
                over -= cut_off
        rows: list[list[str] | str] = []
        for row in grid.rows:
            if isinstance(row, str):
                rows += wrap(row, room, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
            else:
                rows.append([shortened(cell, rooms[k]) for k, cell in enumerate(row)])
        return Grid(grid.heads, grid.kinds, rows)

    # shares

    def shares(self, story: Story) -> Grid:
        """The parts that add up to a gradient, and the factors of the largest way."""
        found = story.shares
        assert found is not None
        parts = self._binned(found, log_factors(self.trace, story.way, found.total, found.by))
        p = self.phrases
        head = "lines" if found.by == "line" else "iterations"
        grid = Grid(
            ["share", "of it", "uses", "log10 factor", head.removesuffix("s"), "largest use"],
            ["text", "text", "text", "text", "text", "name"],
        )
        for label, share, uses, factor, node in parts:
            text = p.source(node) if node >= 0 else ""
            part = f"{100 * share / found.total:.3g} %" if uses else ""
            grown = "" if factor is None else f"{factor:+.4g}" if factor else "0"
            grid.rows.append([p.number(share) if uses else "", part, f"{uses:,}", grown, label, text])
        if abs(found.rounding) > NOTICED * abs(found.total):
            grid.rows.append(f"rounding errors of the sweep's sum: {p.number(found.rounding)}")
        return grid

    def _binned(self, found: Shares, factors: dict[Any, float]) -> list[Part]:
        """The rows: very many iterations in ranges, the smallest lines together."""
        by_key = {part.key: part for part in found.parts}
        keys = sorted({*by_key, *factors}, key=str_key)
        limit = self.rows if self.rows is not None else len(keys)
        groups: list[list[Any]] = [[key] for key in keys]
        if len(keys) > limit:
            if found.by == "iteration":
                groups = [keys[len(keys) * k // limit : len(keys) * (k + 1) // limit] for k in range(limit)]
            else:
                ranked = sorted(keys, key=lambda key: -abs(by_key[key].share) if key in by_key else 0.0)
                groups = [[key] for key in sorted(ranked[: limit - 1], key=str_key)] + [ranked[limit - 1 :]]
        return [self._bin(group, by_key, factors) for group in groups]

    def _bin(self, keys: list[Any], by_key: dict[Any, Any], factors: dict[Any, float]) -> Part:
        parts = [by_key[key] for key in keys if key in by_key]
        largest = max(parts, key=lambda part: abs(part.share), default=None)
        passed = [factors[key] for key in keys if key in factors]
        grown = math.fsum(passed) if passed else None
        node = -1 if largest is None else largest.node
        return Part(self._label(keys), math.fsum(part.share for part in parts), sum(part.uses for part in parts), grown, node)

    def _label(self, keys: list[Any]) -> str:
        ends = [", ".join(f"{k:,}" for k in str_key(key)) or "none" for key in (keys[0], keys[-1])]
        if len(keys) == 1:
            return ends[0]
        if isinstance(keys[0], tuple):
            return f"{ends[0]} {'…' if self.phrases.unicode else '...'} {ends[1]}"
        return f"{len(keys):,} others"


def shortened(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def escaped(text: str) -> str:
    """Text for Markdown; what stands between backquotes, the names of operations, stays as it is."""
    parts = text.split("`")
    return "`".join(part if k % 2 else "".join("\\" + c if c in "\\*_|<[" else c for c in part) for k, part in enumerate(parts))
