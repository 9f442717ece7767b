"""Threads of a pipeline: what is made ahead, and what is done behind."""
from __future__ import annotations

import pathlib
import threading
from collections.abc import Iterator

import pytest

from adcli.data.pipeline import DEPTH, Behind, ahead
from adcli.errors import OutputError
from tests.invoke import invoke


def test_items_are_made_ahead_in_order() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for k in range(10):
            made.append(k)
            yield k

    found = ahead(items())
    assert next(found) == 0
    before = threading.active_count()
    found.close()
    assert len(made) <= DEPTH + 2 and threading.active_count() == before - 1
    assert list(ahead(items())) == list(range(10))


def test_an_error_comes_where_its_item_would() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OutputError("broken")

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(OutputError, match="broken"):
        next(found)


@pytest.mark.parametrize("threaded", [False, True])
def test_calls_are_made_in_order_and_all_of_them(threaded: bool) -> None:
    done: list[tuple[int, bool]] = []
    with Behind(threaded) as behind:
        for k in range(100):
            behind.call(lambda k=k: done.append((k, threading.current_thread() is threading.main_thread())))  # type: ignore[misc]
    assert done == [(k, not threaded) for k in range(100)]


@pytest.mark.parametrize("threaded", [False, True])
def test_after_an_error_no_call_is_made(threaded: bool) -> None:
    done: list[int] = []

    def call(k: int) -> None:
        if k == 3:
            raise OutputError("full")
        done.append(k)

    with pytest.raises(OutputError, match="full"), Behind(threaded) as behind:
        for k in range(100):
            behind.call(lambda k=k: call(k))  # type: ignore[misc]
    assert done == [0, 1, 2]


def test_what_stops_the_work_comes_before_what_failed_behind_it() -> None:
    with pytest.raises(KeyboardInterrupt), Behind(True) as behind:
        behind.call(lambda: 1 / 0)
        raise KeyboardInterrupt


def test_bad_bytes_far_into_a_file_come_after_the_rows_before_them(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "d.csv"
    path.write_bytes(b"x\n" + b"1.5\n" * 1000 + b"\xff\n2.5\n")
    done = invoke(["eval", "2*x", "--data", str(path)])
    assert done.code == 4 and "line 1002" in done.err and done.out == "x,value\n" + "1.5,3.0\n" * 1000
