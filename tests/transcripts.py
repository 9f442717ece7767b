"""Transcripts: `console` blocks in Markdown are run and their output compared, so that what is shown is what happens.

A block is a session: lines that begin with `$ ` are commands (`> ` goes on with one), the rest is their output, both streams
as a terminal shows them. A block such as ```` ```adl name.adl ```` writes a file that later commands of the page can read, and
`samples/` is there too. `python -m tests.transcripts --update` rewrites the outputs of every page: the diff is the review.
"""
from __future__ import annotations

import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from tests.invoke import environment, invoke

ROOT = pathlib.Path(__file__).parent.parent
FENCE = re.compile(r"^```(\w+)(?: +(\S+))?\n(.*?)^```$", re.M | re.S)
STATUS = "; echo $?"
SEARCHES = re.compile(r"^\$ (?:.*\| )?adcli (?:fit|minimize|solve)\b", re.M)
COUNTS = re.compile(
    r"(?:(?<=iterations\t)|(?<=evaluations\t)|(?<=\"iterations\": )|(?<=\"evaluations\": ))\d+"
    r"|\d+(?= (?:iterations|steps|evaluations|values|gradients|Hessians|Jacobians)\b)"
)


class Block(NamedTuple):
    """A session of a page: its first line's number, where its text stands, and the files it may read."""

    line: int
    start: int
    end: int
    text: str
    files: dict[str, str]


def pages() -> list[pathlib.Path]:
    """Every page that may hold transcripts."""
    return [ROOT / "README.md", *(page for folder in ("docs", "samples", "tests/cases") for page in sorted((ROOT / folder).rglob("*.md")))]


def blocks(text: str) -> Iterator[Block]:
    """The sessions of a page, each with the files that the page gave before it."""
    files: dict[str, str] = {}
    for found in FENCE.finditer(text):
        kind, name, body = found.groups()
        if kind == "console":
            yield Block(text.count("\n", 0, found.start()) + 2, found.start(3), found.end(3), body, dict(files))
        elif name:
            files[name] = body


def commands(session: str) -> Iterator[tuple[str, str]]:
    """(command as typed, output shown) for each command of a session."""
    for part in re.split(r"^(?=\$ )", session, flags=re.M)[1:]:
        typed = re.match(r"\$ .*\n(?:> .*\n)*", part)
        assert typed, part
        yield typed[0], part[typed.end() :]


def output(command: str, folder: str) -> str:
    """What a command prints: `adcli` alone runs in this process, anything with pipes and the like in a shell."""
    status = command.endswith(STATUS)
    plain = command.removesuffix(STATUS)
    if plain.startswith("adcli ") and "\n" not in plain and not re.search(r"[|<>;&$`*?~]", re.sub(r"'[^']*'|\"[^\"$`]*\"", "", plain)):
        done = invoke(shlex.split(plain)[1:], at=folder)
        return done.both + (f"{done.code}\n" if status else "")
    ran = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment(), text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60,
    )
    return ran.stdout


def replay(block: Block) -> str:
    """The session with the outputs of today."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "samples").symlink_to(ROOT / "samples")
        for name, text in block.files.items():
            (pathlib.Path(folder) / name).write_text(text)
        return "".join(typed + ended(output(bare(typed), folder)) for typed, _ in commands(block.text))


def bare(typed: str) -> str:
    """The command without its prompts."""
    return re.sub(r"^(\$|>) ", "", typed, flags=re.M).rstrip("\n")


def ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def steady(session: str) -> str:
    """The session without how many steps a search took: the last bit of a machine's sin or exp decides when it ends."""
    return COUNTS.sub("N", session) if SEARCHES.search(session) else session


def update(path: pathlib.Path) -> bool:
    """Rewrite the outputs of a page; true if anything changed."""
    old = new = path.read_text()
    for block in reversed(list(blocks(old))):
        now = replay(block)
        if steady(now) != steady(block.text):
            new = new[: block.start] + now + new[block.end :]
    if new != old:
        path.write_text(new)
    return new != old


if __name__ == "__main__":
    wanted = [pathlib.Path(word).resolve() for word in sys.argv[1:] if word != "--update"]
    for page in wanted or pages():
        if update(page):
            print(page.relative_to(ROOT))
