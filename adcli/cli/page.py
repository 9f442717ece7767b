"""What the commands that write a page share: its title, and the flags on it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from adcli.cli.options import option, place
from adcli.errors import Source, UsageError

if TYPE_CHECKING:
    from adcli.cli.view import View
    from adcli.engines.flags import Flag
    from adcli.report.page.page import Page

TITLE = option("--title", metavar="TEXT", help="The title of the page (--to html).")
# The longest program that is a title, and what is left of the name of a longer one.
LONG = 60


def check_title(title: str | None, kind: str) -> None:
    if title is not None and kind != "html":
        raise UsageError(f"--title is the title of a page, and the output is {kind}", help="add --to html, or leave --title out")


def write_page(view: View, title: str | None, front: str, **settings: Any) -> None:
    """Write the page of a trace as it was asked for; settings: of `Page`, for its graph and its folds."""
    parts = page(view, title, front, **settings).parts()
    view.write(parts if view.job.options.get("target") not in (None, "-") or unicode(sys.stdout) else map(referred, parts))


def unicode(stream: Any) -> bool:
    """Whether what is written there is UTF-8, as the page says of itself."""
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").startswith("utf8")


def referred(part: str) -> str:
    """What is not ASCII as references, which mean the same in every encoding; style and script are ASCII."""
    return part.encode("ascii", "xmlcharrefreplace").decode()


def page(view: View, title: str | None, front: str, **settings: Any) -> Page:
    from adcli.report.explain import Explanation
    from adcli.report.page.page import ROWS, SAID, Page

    trace, source = view.trace, view.trace.source
    flags = view.job.flagged(view.result.flags)
    shown = view.shown(SAID if front == "explain" else ROWS)
    said = front == "explain" or len(shown) <= SAID
    explanation = Explanation(trace, view.writer(True), flags) if said else None
    return Page(
        trace, view.writer(False), shown, page_title(title, source), view.only is not None, flags=flag_texts(flags, source),
        explanation=explanation, front=front, **settings,
    )  # fmt: skip


def page_title(given: str | None, source: Source) -> str:
    """The title given, else the program's file, or its text."""
    if given is not None:
        return given
    if not source.name.startswith("<"):
        return source.name
    text = " ".join(source.text.split())
    return text if len(text) <= LONG else text[:LONG] + "…"


def flag_texts(flags: Sequence[Flag], source: Source) -> list[str]:
    """Flags as they stand on standard error."""
    texts = [f"{f.code}: {f.message}" + (f" ({where})" if (where := place(f, source)) else "") for f in flags]
    return list(dict.fromkeys(texts))
