"""Compiled programs run again from the cache: without lowering, differentiating and compiling, with the same results."""
from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import pytest

import adcli
from adcli.api import shelf
from adcli.api.variant import Variant
from adcli.engines.cache import SUM, Cache, digest
from adcli.errors import AdcliError
from adcli.ir.nodes import Function
from tests.invoke import invoke

pytest.importorskip("llvmlite", reason="the native engine needs llvmlite: pip install 'adcli[native]'")

LOOP = "y = x; for i in 0..n { y = r*y*(1 - y) + 0.01*sin(y) }; y"
HEAVY = {"x": 0.3, "r": 3.5, "n": 100_000}


@pytest.fixture
def kept(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    folder = tmp_path / "kept"
    monkeypatch.setenv("ADCLI_CACHE", str(folder))
    return folder


@pytest.fixture
def lowerings(monkeypatch: pytest.MonkeyPatch) -> list[Variant]:
    """The programs that are lowered from now on."""
    done: list[Variant] = []
    lower = Variant._lower

    def noted(variant: Variant) -> Function:
        done.append(variant)
        return lower(variant)

    monkeypatch.setattr(Variant, "_lower", noted)
    return done


def everything(text: str, engine: str = "native", **at: Any) -> list[Any]:
    """Values and derivatives of all kinds, with flags, each by a program of its own."""
    found: list[Any] = []
    for run in ("value", "gradient", "jacobian", "hessian"):
        f = adcli.compile(text, engine=engine)
        found += [repr(getattr(f, run)(at)), list(f.flags), f.engines]
    f = adcli.compile(text, engine=engine)
    for name in [i.name for i in f.inputs if i.kind == "real"]:
        along = {name: np.ones(np.shape(at[name])) if np.shape(at[name]) else 1.0}
        found += [repr(f.jvp(at, along=along)), repr(f.hvp(at, along=along)), list(f.flags)]
    return [*found, repr(f.vjp(at)), repr(f.gradient(at, mode="forward")), list(f.flags)]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("x1*x2 + sin(x1)", {"x1": 2, "x2": 5}),
        ("y = x; for i in 0..20 { if y > 1 { y = sin(y) } else { y = y*y + w[i % 2] } }; y", {"x": 0.3, "w": [1, 2]}),
        ("fn f(k, x) { if k < 2 { return x }; return f(k - 1, sin(x)) + f(k - 2, x) }; f(7, x)", {"x": 0.3}),
        ("sum(outer(v, v) @ v)/len(v)", {"v": [1, 2, 3]}),
        ("y", {"y": 2}),
    ],
)
def test_the_second_time_is_the_same(kept: pathlib.Path, lowerings: list[Variant], text: str, at: dict[str, Any]) -> None:
    first = everything(text, **at)
    assert lowerings and any(kept.iterdir())
    lowerings.clear()
    assert everything(text, **at) == first
    assert not lowerings


DEFAULTS = """
input w: [n] = [1, 2.5, 4]
input m: [2, n] = [[1, 2, 3], [4, 5, 6]]
input k: int = 3
input x = 2^0.5
input y: real
output r = sum(m @ w)*x + k*y
"""


def test_what_a_program_takes_is_kept(kept: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def inputs(f: adcli.Program) -> list[object]:
        return [(i.name, i.kind, i.shape, i.span, i.default is None) for i in f.inputs]

    first = adcli.compile(DEFAULTS, engine="native")
    want = repr(first.gradient(y=3)), first.value(y=3), inputs(first), first.outputs
    monkeypatch.setattr(adcli.Program, "_parsed", lambda self: pytest.fail("parsed"))
    again = adcli.compile(DEFAULTS, engine="native")
    assert (repr(again.gradient(y=3)), again.value(y=3), inputs(again), again.outputs) == want
    for at in ({}, {"y": 3, "z": 1}, {"y": 3, "w": [1, 2]}, {"y": 3, "k": 2.5}, {"y": 3, "n": 3}):
        found = []
        for f in (first, again):
            with pytest.raises(AdcliError) as error:
                f.value(at)
            found.append((type(error.value), error.value.message, error.value.span, error.value.help))
        assert found[0] == found[1]


def test_a_default_without_elements_is_read_again(kept: pathlib.Path) -> None:
    for _ in range(2):
        assert adcli.compile("input w: [n, 2] = zeros(0, 2); sum(w)", engine="native").value() == 0


def test_flags_are_the_same(kept: pathlib.Path, lowerings: list[Variant]) -> None:
    """A flag of the code's own needs no lowering; what explains an infinity does."""
    for text, at, again in (("abs(x) + max(x, 0)", {"x": 0}, False), ("1/x", {"x": 0}, True), ("x*0 + y - y", {"x": 1, "y": 2}, False)):
        first = everything(text, **at)
        lowerings.clear()
        assert everything(text, **at) == first
        assert bool(lowerings) == again


def test_errors_have_their_places(kept: pathlib.Path, lowerings: list[Variant]) -> None:
    found = []
    for _ in range(2):
        lowerings.clear()
        f = adcli.compile("y = 2*x; y + v[int(x)]", engine="native")
        assert f.value(x=1, v=[1, 2]) == 4
        with pytest.raises(AdcliError) as error:
            f.value(x=7, v=[1, 2])
        assert error.value.source is not None
        found.append((error.value.message, error.value.span, error.value.help))
    assert found[0] == found[1] and not lowerings


def test_what_took_long_once_is_native_at_once(kept: pathlib.Path, lowerings: list[Variant]) -> None:
    first = adcli.compile(LOOP)
    want = first.gradient(HEAVY, wrt=["x"])
    small = {**HEAVY, "n": 10}
    assert adcli.compile(LOOP).gradient(small, wrt=["r"]) and len(lowerings) == 2, "by r it was not compiled"
    lowerings.clear()
    again = adcli.compile(LOOP)
    assert again.gradient(HEAVY, wrt=["x"]) == want and again.gradient(small, wrt=["x"])
    assert again.engines == ("native",) and not lowerings


def test_light_work_leaves_nothing(kept: pathlib.Path) -> None:
    adcli.compile("x^2").gradient(x=1)
    adcli.compile("x^2", engine="interpret").gradient(x=1)
    adcli.compile("x^2").bench(x=1, seconds=0.001)
    assert not kept.exists()


def test_types_and_settings_have_entries_of_their_own(kept: pathlib.Path, lowerings: list[Variant]) -> None:
    def run(n: int, **settings: Any) -> int:
        lowerings.clear()
        assert adcli.compile("sum(sin(v))", engine="native", **settings).value(v=[0.5] * n) == pytest.approx(n * np.sin(0.5))
        return len(lowerings)

    assert [run(3), run(4), run(3), run(3, exact_libm=True), run(3, exact_libm=True)] == [1, 1, 0, 1, 0]


def test_an_empty_variable_turns_it_off(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setenv("ADCLI_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    adcli.compile("x^2", engine="native").value(x=1)
    assert not list(tmp_path.iterdir())


def test_the_folder_of_the_system(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.delenv("ADCLI_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    adcli.compile("x^2", engine="native").value(x=1)
    assert [path.name for path in tmp_path.iterdir()] == ["adcli"]


def rewritten(path: pathlib.Path, old: bytes, new: bytes) -> None:
    """A file changed, and its sum set right again: an entry of another version."""
    data = path.read_bytes()[:-SUM]
    assert len(old) == len(new)
    data = data.replace(old, new)
    path.write_bytes(data + digest(data))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"version": ', b'"ver_ion": '),
        (b'"target": "', b'"target": ?'),
        (b'"params": [', b'"params": {'),
        (b'"results": ', b'"re_ults": '),
        (b'"paths": ', b'"path_": '),
        (b'"sites": ', b'"size_": '),
        (b'"meta": ', b'"mate": '),
    ],
)
def test_an_entry_of_another_kind_is_replaced(kept: pathlib.Path, lowerings: list[Variant], old: bytes, new: bytes) -> None:
    text, at = "x1*x2 + sin(x1)", {"x1": 2, "x2": 5}
    want = adcli.compile(text, engine="native").gradient(at)
    for path in kept.iterdir():
        rewritten(path, old, new)
    for count in (1, 0):
        lowerings.clear()
        assert adcli.compile(text, engine="native").gradient(at) == want
        assert len(lowerings) == count


def test_a_signature_of_another_kind_is_replaced(kept: pathlib.Path) -> None:
    want = adcli.compile(DEFAULTS, engine="native").value(y=1)
    for path in kept.iterdir():
        rewritten(path, b'"inputs": ', b'"in_uts": ')
    for parsed in (True, False):
        f = adcli.compile(DEFAULTS, engine="native")
        assert (f._tree is not None) == parsed
        assert f.value(y=1) == want


def test_a_folder_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADCLI_CACHE", "/dev/null/adcli")
    assert invoke(["grad", "x^2", "--at", "x=3", "--engine", "native"]).out == "value\t9.0\nx\t6.0\n"


def test_without_llvm_nothing_is_read(monkeypatch: pytest.MonkeyPatch, kept: pathlib.Path) -> None:
    adcli.compile("x^2", engine="native").value(x=1)
    monkeypatch.setattr(shelf, "LLVMLITE", "a_package_that_is_not_there")
    shelf.stamp.cache_clear()
    monkeypatch.setattr(Cache, "get", lambda *_: pytest.fail("read"))
    try:
        assert adcli.compile("x^2").value(x=1) == 1
    finally:
        shelf.stamp.cache_clear()


def test_processes_share_it(kept: pathlib.Path) -> None:
    words = ["grad", LOOP, "--at", "x=0.3,r=3.5,n=100000", "--wrt", "x,r"]
    done = [invoke([*words, "-v"]) for _ in range(2)]
    assert done[0].out == done[1].out and all("engine: native\n" in one.err for one in done)
    assert invoke([*words, "--engine", "interpret"]).code == 0
