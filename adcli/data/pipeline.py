"""Work in threads: what comes next is made ahead of its use, and what is done is written behind the work."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from queue import Queue, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import TypeVar

T = TypeVar("T")
DEPTH = 2  # items made ahead


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items, made while the ones before them are in use."""
    made: SimpleQueue[T | BaseException | None] = SimpleQueue()
    wanted: SimpleQueue[bool] = SimpleQueue()

    def work() -> None:
        while wanted.get():
            try:
                made.put(next(items, None))
            except BaseException as error:
                made.put(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        for _ in range(DEPTH):
            wanted.put(True)
        while (found := made.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            wanted.put(True)
            yield found
    finally:
        # It reads from a file that is closed next, whose number another file may get.
        wanted.put(False)
        thread.join()


class Behind:
    """Calls made one after another, at once or in a thread, which may be two calls behind; all have been made when the block ends.

        with Behind(threaded=True) as behind:
            behind.call(lambda: write(block))

    What a call raises comes out of a later one, or at the end.
    """

    def __init__(self, threaded: bool) -> None:
        self._thread = Thread(target=self._work, daemon=True) if threaded else None
        self._calls: Queue[Callable[[], object] | None] = Queue(1)
        self._error: BaseException | None = None

    def __enter__(self) -> Behind:
        if self._thread is not None:
            self._thread.start()
        return self

    def call(self, function: Callable[[], object]) -> None:
        """Make a call, or leave it to the thread."""
        if self._thread is None:
            function()
            return
        if self._error is not None:
            raise self._error
        self._calls.put(function)

    def _work(self) -> None:
        while (function := self._calls.get()) is not None:
            if self._error is None:
                try:
                    function()
                except BaseException as error:
                    self._error = error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()
            if self._error is not None and kind is None:
                raise self._error
