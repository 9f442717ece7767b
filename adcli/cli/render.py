"""Errors and flags as text and as JSON: the one place that draws them.

error[unknown-name]: 'sinn' is not a function
  <program>:1:5
    x + sinn(x)
        ^^^^
help: did you mean 'sin'?
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from adcli.errors import AdcliError, Source, Span

WIDTH = 96
RED, CYAN, BOLD, PLAIN = "\x1b[1;31m", "\x1b[36m", "\x1b[1m", "\x1b[0m"


def choice(words: Sequence[str], option: str, default: str) -> str:
    """The value of an option read straight off the command line: errors are drawn where it did not parse, too."""
    found = default
    for k, word in enumerate(words):
        if word == "--":
            break
        if word == option and k + 1 < len(words):
            found = words[k + 1]
        elif word.startswith(option + "="):
            found = word[len(option) + 1 :]
    return found


def render(error: AdcliError, words: Sequence[str], stream: TextIO | None) -> str:
    """The error as it goes to standard error, at most 4 KB."""
    if choice(words, "--error-format", "text") == "json":
        return as_json(error) + "\n"
    from adcli.cli.streams import coloured

    return as_text(error, coloured(choice(words, "--color", "auto"), stream))


def as_text(error: AdcliError, colour: bool = False) -> str:
    red, cyan, plain = (RED, CYAN, PLAIN) if colour else ("", "", "")
    lines = [f"{red}error[{error.code}]{plain}: {clip(visible(error.message), 900)}"]
    if error.source is not None and error.span is not None:
        lines += excerpt(error.source, error.span, colour)
    if error.help:
        lines.append(f"{cyan}help{plain}: {clip(visible(error.help), 900)}")
    return "\n".join(lines) + "\n"


def as_json(error: AdcliError) -> str:
    from adcli.cli.document import to_json

    data: dict[str, object] = {"schema": "adcli/error/1", "code": error.code, "exit": error.exit, "message": clip(error.message, 900)}
    if error.source is not None and error.span is not None:
        line, column = error.source.position(error.span.start)
        end_line, end_column = error.source.position(error.span.end)
        data |= {"file": clip(error.source.name, 300), "line": line, "column": column, "end_line": end_line, "end_column": end_column}
    if error.help:
        data["help"] = clip(error.help, 900)
    return to_json(data)


def excerpt(source: Source, span: Span, colour: bool = False) -> list[str]:
    """Where, the source line, and a caret under the span (its part on that line)."""
    line, column = source.position(min(span.start, len(source.text)))
    text = source.line(line)
    start = column - 1
    end = max(start + 1, min(start + span.end - span.start, len(text)))
    shown, before, marked = window(text, start, end)
    bold, red, plain = (BOLD, RED, PLAIN) if colour else ("", "", "")
    place = f"  {bold}{clip(visible(source.name), 300)}:{line}:{column}{plain}"
    return [place, f"    {shown}".rstrip(), f"    {' ' * before}{red}{'^' * marked}{plain}"]


def window(text: str, start: int, end: int) -> tuple[str, int, int]:
    """The part of a line around start…end that fits, the cells before the caret, and the caret's cells."""
    first = 0
    if start > WIDTH * 2 // 3:
        first = start - WIDTH // 3
    prefix = "…" if first else ""
    cells = [cell(c) for c in text[first : first + WIDTH]]
    suffix = "…" if first + WIDTH < len(text) else ""
    shown = prefix + "".join(cells) + suffix
    before = len(prefix) + sum(map(columns, cells[: start - first]))
    marked = sum(map(columns, cells[start - first : end - first]))
    return shown, before, max(marked, 1)


def cell(character: str) -> str:
    return "    " if character == "\t" else visible(character)


def columns(shown: str) -> int:
    """Columns a terminal gives to one character's picture: two for wide ones, none for combining marks."""
    if shown.isascii():
        return len(shown)
    from unicodedata import category, east_asian_width

    return sum(0 if category(c) in ("Mn", "Me") else 2 if east_asian_width(c) in "WF" else 1 for c in shown)


def visible(text: str) -> str:
    """Control, bidirectional and other invisible characters as <U+202E>: nothing from a program steers the terminal."""
    if text.isascii() and text.isprintable():
        return text
    from unicodedata import category

    hidden = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return "".join(f"<U+{ord(c):04X}>" if category(c) in hidden else c for c in text)


def clip(text: str, limit: int) -> str:
    """At most limit bytes of UTF-8, cut in the middle, where names repeat least."""
    if len(text.encode("utf-8", "surrogatepass")) <= limit:
        return text
    half = limit // 2 - 4
    head = text.encode("utf-8", "surrogatepass")[:half].decode("utf-8", "ignore")
    tail = text.encode("utf-8", "surrogatepass")[-half:].decode("utf-8", "ignore")
    return f"{head} … {tail}"


def flag_text(code: str, message: str, where: str, colour: bool = False) -> str:
    bold, plain = (BOLD, PLAIN) if colour else ("", "")
    return f"{bold}flag[{code}]{plain}: {clip(visible(message), 300)}{f' ({visible(where)})' if where else ''}\n"
