"""Large regular CSV and TSV through polars: what it reads and writes is, to the last byte, what `delimited` and `write` make of it.

A block is regular where no cell is quoted, every row has as many cells as there are columns, and every
wanted cell is a number that polars reads. Any other block goes the plain way.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any

from adcli.data import frames
from adcli.data.block import Block, each
from adcli.data.delimited import Delimited, DelimitedBlock
from adcli.data.number import EXACT, real
from adcli.data.pipeline import ahead
from adcli.data.stream import Stream

LARGE = 2**22  # bytes for which polars is worth loading
MOST = 2**23  # of one block
SMALL = 2**17  # a block of a pipe that is not worth the call
FEW = 0.1  # of the rows may have numbers that are looked at one by one


class RegularBlock(DelimitedBlock):
    """Whole lines as a series, made text only if somebody asks for the rows."""

    def __init__(self, lines: Any, first: int, reader: Delimited) -> None:
        super().__init__((), range(first, first + len(lines)), reader)
        self.count = len(lines)
        self.lines = lines

    def raw(self) -> Sequence[str]:
        rows: list[str] = self.lines.to_list()
        return rows

    def part(self, start: int, stop: int) -> Block:
        made = super().part(start, stop)
        assert isinstance(made, RegularBlock)
        made.lines = self.lines.slice(start, stop - start)
        return made


class Regular(Delimited):
    """A reader whose next texts are read and cut up in another thread, while one is worked on, if they come from a file."""

    def blocks(self, wanted: Mapping[str, str]) -> Generator[Block, None, None]:
        texts = self._texts(wanted)
        # A thread that waits for a pipe could not be ended.
        with closing(texts if self._lines.stream.pipe else ahead(texts)) as found:
            for text in found:
                block = self._regular(text, wanted) if isinstance(text, frames.Cut) else text
                if block.count:
                    yield block

    def _texts(self, wanted: Mapping[str, str]) -> Generator[frames.Cut | Block, None, None]:
        """What is regular as far as polars can tell, and whole blocks of what is not, or not worth it."""
        stream, kinds = self._lines.stream, {self.columns.index(name): kind for name, kind in wanted.items()}
        while text := self._lines.next():
            found = None
            if not stream.pipe or (stream.taken >= LARGE and len(text) >= SMALL):
                found = frames.cut_up(text, self.delimiter, len(self.columns), kinds)
            if found is None:
                yield self._block(text, wanted)
            else:
                found.first = self._lines.at
                self._lines.at += len(found.lines)
                yield found

    def _regular(self, cut: frames.Cut, wanted: Mapping[str, str]) -> Block:
        """The block of a text, by the plain way if it is not regular after all."""
        columns = cut.columns(len(self.columns), [self.columns.index(name) for name in wanted])
        if columns is not None:
            block = RegularBlock(cut.lines, cut.first, self)
            block.columns = dict(zip(wanted, columns, strict=True))
            if all(self._recheck(block, name) for name, kind in wanted.items() if kind == "real"):
                return block
        return self._unquoted(cut.text, cut.first, wanted)

    def _recheck(self, block: RegularBlock, name: str) -> bool:
        """Look again at the numbers that may not be what is written, as `block.parse` does; false where they are too many."""
        import numpy as np

        numbers = block.columns[name]
        odd = np.flatnonzero(~(np.abs(numbers) < EXACT) | (numbers == 0))
        if not len(odd):
            return True
        if len(odd) > FEW * block.count:
            return False
        at = self.columns.index(name)
        cells = {row: line.split(self.delimiter)[at] for row, line in zip(odd.tolist(), block.lines.gather(odd).to_list(), strict=True)}
        if not numbers.flags.writeable:
            numbers = block.columns[name] = numbers.copy()
        each(block, self.place, name, numbers, cells, real, cells)
        return True


def worthwhile(stream: Stream, delimiter: str, decimal: str) -> bool:
    """Whether polars is there, and the file large enough to load it, in a form that it reads; a pipe may turn out to be."""
    from importlib.util import find_spec

    return (stream.pipe or stream.bulk >= LARGE) and decimal == "." and delimiter.isascii() and find_spec("polars") is not None


def load_ahead(stream: Stream) -> None:
    """Begin to load polars, which takes a tenth of a second, if a file is so large that it will be wanted, while the program is read."""
    from threading import Thread

    if stream.size is not None and worthwhile(stream, ",", "."):
        Thread(target=frames.load).start()
