"""The store of compiled code: what it keeps, what it does not believe, and that nothing it meets is an error."""
from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import threading

import pytest

from adcli.engines import cache
from adcli.engines.cache import Cache, Entry
from tests.invoke import environment

ENTRY = Entry({"name": "f", "numbers": [1, 2.5, None]}, [b"code", b"", bytes(range(256))])


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Cache:
    return Cache(str(tmp_path / "deep" / "adcli"))


def files(store: Cache) -> list[pathlib.Path]:
    return sorted(pathlib.Path(store.folder).iterdir())


def test_an_entry_comes_back(store: Cache) -> None:
    assert store.get(b"a") is None
    store.put(b"a", ENTRY)
    assert store.get(b"a") == ENTRY and store.get(b"b") is None
    other = Entry({}, [])
    store.put(b"a", other)
    store.put(b"b", ENTRY)
    assert store.get(b"a") == other and store.get(b"b") == ENTRY and len(files(store)) == 2


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
def test_nobody_else_reads_or_writes_it(store: Cache) -> None:
    store.put(b"a", ENTRY)
    (file,) = files(store)
    assert os.stat(store.folder).st_mode & 0o777 == 0o700 and file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o620)
    assert store.get(b"a") is None
    store.put(b"a", ENTRY)
    assert store.get(b"a") == ENTRY
    os.chmod(store.folder, 0o777)
    assert store.get(b"a") is None
    store.put(b"b", ENTRY)
    assert len(files(store)) == 1


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="permissions of POSIX")
def test_somebody_elses_folder_is_not_used(store: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(b"a", ENTRY)
    me = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: me + 1)
    assert store.get(b"a") is None
    store.put(b"b", ENTRY)
    assert len(files(store)) == 1


def test_a_link_is_not_followed(store: Cache, tmp_path: pathlib.Path) -> None:
    store.put(b"a", ENTRY)
    (file,) = files(store)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert store.get(b"a") is None
    store.put(b"a", ENTRY)
    assert not file.is_symlink() and store.get(b"a") == ENTRY


def test_a_damaged_entry_is_ignored_and_replaced(store: Cache) -> None:
    store.put(b"a", ENTRY)
    (file,) = files(store)
    whole = file.read_bytes()
    damaged = [whole[:k] for k in range(0, len(whole), 7)] + [whole + b"x", b"", b"ADCLIC0\n" + whole[8:]]
    damaged += [whole[:k] + bytes([whole[k] ^ 1]) + whole[k + 1 :] for k in range(len(whole))]
    for data in damaged:
        file.write_bytes(data)
        assert store.get(b"a") is None
    store.put(b"a", ENTRY)
    assert store.get(b"a") == ENTRY


HEADERS = [b"", b"[]", b"{}", b'{"key": 1}', b"\xff", b'{"key": "%s", "meta": {}, "sizes": [-1]}', b'{"key": "%s"}']


@pytest.mark.parametrize("header", HEADERS)
def test_a_sum_that_is_right_does_not_make_it_an_entry(header: bytes) -> None:
    header = header.replace(b"%s", cache.digest(b"a").hex().encode())
    data = cache.MAGIC + cache.LENGTH.pack(len(header)) + header
    with pytest.raises((ValueError, KeyError, TypeError)):
        cache.decoded(data + cache.digest(data), b"a")


def test_an_entry_of_another_key_is_no_entry(store: Cache) -> None:
    for key in (b"a", b"b"):
        store.put(key, ENTRY)
    one, other = files(store)
    one.write_bytes(other.read_bytes())
    assert [store.get(key) for key in (b"a", b"b")].count(None) == 1


def test_what_is_used_least_goes_first(tmp_path: pathlib.Path) -> None:
    store = Cache(str(tmp_path), most=10_000)
    for k in range(5):
        store.put(bytes([k]), Entry({}, [bytes(2500)]))
        for file in tmp_path.iterdir():
            os.utime(file, (file.stat().st_mtime - 10_000,) * 2)
        assert store.get(b"\0"), "which makes it the last one used"
    assert [k for k in range(5) if store.get(bytes([k]))] == [0, 3, 4]
    store.put(b"large", Entry({}, [bytes(10_001)]))
    assert store.get(b"large") is None and store.get(b"\4")


def test_temporary_files_do_not_stay(store: Cache) -> None:
    store.put(b"a", ENTRY)
    left = [pathlib.Path(store.folder) / name for name in ("x.adlc.1.2.tmp", "y.adlc.1.2.tmp")]
    for file in left:
        file.write_bytes(b"half")
    os.utime(left[0], (0, 0))
    store.put(b"b", ENTRY)
    assert [file.exists() for file in left] == [False, True]


@pytest.mark.parametrize("folder", ["/dev/null/adcli", "/proc/adcli", "\0"])
def test_what_the_system_refuses_is_no_error(folder: str) -> None:
    store = Cache(folder)
    store.put(b"a", ENTRY)
    assert store.get(b"a") is None


def test_a_full_disk_is_no_error(store: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put(b"a", ENTRY)

    def full(*paths: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    store.put(b"b", ENTRY)
    assert store.get(b"b") is None and len(files(store)) == 1


def test_what_json_cannot_hold_is_not_kept(store: Cache) -> None:
    for value in (float("nan"), object(), {1, 2}):
        store.put(b"a", Entry({"value": value}, []))
    assert store.get(b"a") is None


def test_many_at_a_time(store: Cache) -> None:
    wrong: list[Entry | None] = []

    def work() -> None:
        for k in range(40):
            store.put(b"a", ENTRY)
            found = store.get(b"a")
            if found != ENTRY or k % 10 == 9:
                store.put(bytes([k]), ENTRY)
            if found != ENTRY:
                wrong.append(found)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and not [file for file in files(store) if file.name.endswith(".tmp")]


def test_where_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    def folder() -> str | None:
        found = cache.standard()
        return found and found.folder

    monkeypatch.setenv("ADCLI_CACHE", "")
    assert folder() is None
    monkeypatch.setenv("ADCLI_CACHE", str(tmp_path))
    assert folder() == str(tmp_path)
    monkeypatch.delenv("ADCLI_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert folder() == os.path.join("/somewhere", "adcli")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/ada")
    for platform, want in (("linux", "/home/ada/.cache/adcli"), ("darwin", "/home/ada/Library/Caches/adcli")):
        monkeypatch.setattr(sys, "platform", platform)
        assert folder() == want
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
    assert folder() == os.path.join("/local", "adcli", "Cache")
    monkeypatch.delenv("LOCALAPPDATA")
    assert folder() is None


def test_reading_needs_no_openssl() -> None:
    script = "import sys; from adcli.engines.cache import Cache; Cache('/nowhere').get(b'a'); print('_hashlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment(), check=True)
    assert done.stdout == "False\n"
