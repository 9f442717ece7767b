"""Aligned tables on a terminal, by Rich, and seconds in them."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]], colour: bool, right: Sequence[int] = (1,)) -> str:
    """Draw a table; `right` are the columns set flush right. Cells are plain text: no markup, nothing cut."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for k, name in enumerate(head):
        drawn.add_column(
            Text(name), justify="right" if k in right else "left", no_wrap=k in right, overflow="fold", style="bold" if k == 0 else ""
        )
    for row in rows:
        drawn.add_row(*map(Text, row))
    wide = max(80, sum(max(map(len, column)) + 3 for column in zip(head, *rows, strict=True)) - 3) if right else None
    console = Console(
        markup=False,
        highlight=False,
        emoji=False,
        width=wide,
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
    )
    with console.capture() as captured:
        console.print(drawn)
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def duration(seconds: float, digits: int) -> str:
    """12.3 ms"""
    for unit, scale in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.{digits}g} {unit}"
    return f"{seconds * 1e9:.{digits}g} ns"
