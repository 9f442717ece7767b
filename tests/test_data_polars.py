"""What polars does: large regular CSV, the same to the last byte as the plain way; Parquet and zstd."""
from __future__ import annotations

import datetime
import gzip
import io
import pathlib
import random
from unittest import mock

import numpy as np
import pytest

from adcli.data import frames, regular, stream
from tests.invoke import Outcome, invoke
from tests.test_cli_process import shell
from tests.test_structure import loaded

polars = pytest.importorskip("polars")


def both(path: pathlib.Path, *words: str) -> tuple[Outcome, Outcome]:
    """The outcome through polars and the plain one, in small blocks."""
    with mock.patch.multiple(regular, LARGE=0, MOST=2**16), mock.patch.object(stream, "FIRST", 2**12):
        fast = invoke([*words, "--data", str(path)])
        with mock.patch.object(regular, "worthwhile", return_value=False):
            return fast, invoke([*words, "--data", str(path)])


def number(chance: random.Random, kind: str) -> str:
    match kind:
        case "plain":
            return repr(chance.uniform(-10, 10))
        case "small":
            return repr(chance.uniform(-1, 1) * 10.0 ** chance.randrange(-12, 3))
        case "wide":
            return repr(chance.uniform(-1, 1) * 10.0 ** chance.randrange(-310, 308))
        case "short":
            return f"{chance.uniform(-100, 100):.{chance.randrange(4)}f}"
        case "whole":
            return str(chance.randrange(-(10 ** chance.randrange(1, 18)), 10**6))
        case _:
            return chance.choice(["0", "-0.0", "1e5", "+3", ".5", "7.", "1E-3", " 2", "nan", "inf", "1e-400", "9007199254740993"])


KINDS = ["plain", "small", "wide", "short", "whole", "odd"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["x*y + sin(x)", "output a = x/y; output b = abs(x)", "input k = 3; x^2*k"])
def test_polars_and_plain_agree(kind: str, text: str, tmp_path: pathlib.Path) -> None:
    chance = random.Random(f"{kind}{text}")
    rows = [f"{k},{number(chance, kind)},n{k % 7},{number(chance, 'plain' if k % 50 else kind)}" for k in range(6000)]
    path = tmp_path / "d.csv"
    path.write_text("\n".join(["id,x,t,y", *rows]) + "\n" * chance.randrange(2))
    fast, plain = both(path, "grad", text)
    assert fast == plain and fast.code == 0
    fast, plain = both(path, "grad", text, "--only-results", "--prefix", "p_", "--keep-going")
    assert fast == plain
    path.write_bytes(b"\r\n".join(line.encode() for line in ["id,x,t,y", *rows, ""]))
    fast, plain = both(path, "grad", text)
    assert fast == plain and fast.out.count("\r\n") == 6001


BROKEN = [
    "1,2", "1,2,3,4,5", "1,,a,2", "1,x,a,2", "1,2,a,", '1,2,"a,b",4', "", "1,1e999,a,2", "1,1_0,a,2", "1,2,é,3", "1,2,a,3\r", ",2,,3",
    "1,2,\x01,3", "1,2,a\r,3", "1,2\r,a,3", "1,\r2,a,3", "1,2,a,3\r\r", "1,2,a", "1,2,a,b,3",
]  # fmt: skip


@pytest.mark.parametrize("keep", [(), ("--keep-going",)])
@pytest.mark.parametrize("broken", BROKEN)
def test_rows_that_are_not_regular(broken: str, keep: tuple[str, ...], tmp_path: pathlib.Path) -> None:
    rows = [f"{k},{k / 7},t,{k * 0.3}" for k in range(5000)]
    rows[3210] = broken
    # Two wrongs that make a right in the count of all cells.
    rows[3215] = "1,2,a" if broken == "1,2,3,4,5" else rows[3215]
    path = tmp_path / "d.csv"
    path.write_bytes("\n".join(["id,x,t,y", *rows, ""]).encode())
    for text in ("x*y", "x + id"):
        fast, plain = both(path, "grad", text, *keep)
        assert fast == plain, broken


def test_whole_numbers_and_results(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("n,x\n" + "".join(f"{k},{k / 3}\n" for k in range(5000)))
    fast, plain = both(path, "eval", "input n: int; output a = n//2; output b = x > n; output c = x")
    assert fast == plain and fast.code == 0
    path.write_text("n,x\n" + "".join(f"{k}.0,{k / 3}\n" for k in range(5000)))
    fast, plain = both(path, "eval", "input n: int; n*x")
    assert fast == plain and fast.code == 0


def test_rows_that_fail_and_flags(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x\n" + "".join(f"{k % 1999 - 5}\n" for k in range(8000)))
    for words in ((), ("--keep-going",), ("--strict",), ("--digits", "4"), ("--to", "jsonl"), ("--strict", "--keep-going")):
        fast, plain = both(path, "grad", "v = zeros(1990) + 1; v[int(abs(x))]*abs(x)", *words)
        assert fast == plain, words


def test_large_files_take_this_way(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x\n" + "".join(f"{k / 7}\n" for k in range(300_000)))
    assert "polars" in loaded("grad", "x^2", "--data", str(path))
    assert path.stat().st_size > regular.LARGE


def test_large_pipes_take_it_too(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x,t\n" + "".join(f"{k / 7},row {k}\n" for k in range(400_000)))
    piped = shell(f"cat {path} | adcli grad 'abs(x) + x^2' --data - | md5sum; adcli grad 'abs(x) + x^2' --data {path} | md5sum")
    first, second = piped.stdout.split("\n")[:2]
    assert first == second and "1 row" in piped.stderr


def test_numbers_as_python_has_them() -> None:
    chance = random.Random(5)
    values = np.array([chance.uniform(-1, 1) * 10.0 ** chance.randrange(-320, 308) for _ in range(3000)])
    values = np.append(values, [0.0, -0.0, np.nan, np.inf, -np.inf])
    for column in (values, np.concatenate([np.arange(1.0, 60000.0), values[:200]])):
        out = io.BytesIO()
        frames.CsvRows(",").write(out.write, None, [column, column[::-1].copy()])
        text = out.getvalue().decode()
        want = [repr(v).replace("nan", "NaN") for v in column.tolist()]
        assert text.splitlines() == [f"{a},{b}" for a, b in zip(want, want[::-1], strict=True)]


def test_an_old_polars_is_not_used(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "d.csv"
    path.write_text("x,t\n" + "1.5e40,a\n" * 300)
    with mock.patch.multiple(regular, LARGE=0):
        new = invoke(["grad", "x^3", "--data", str(path)])
        monkeypatch.setattr(polars, "__version__", "1.30.0")
        monkeypatch.setattr(frames, "CsvRows", None)  # not asked for
        assert invoke(["grad", "x^3", "--data", str(path)]) == new and "e+120" in new.out
    polars.DataFrame({"x": [1.0]}).write_parquet(tmp_path / "d.parquet")
    assert "polars 1.38 or later, and 1.30.0 is" in invoke(["grad", "x^3", "--data", "d.parquet"], at=tmp_path).err


def test_parquet(tmp_path: pathlib.Path) -> None:
    table = polars.DataFrame({"x": [1.0, None, 3.0], "t": ["a", "b", None], "n": [1, 2, 3]})
    table.write_parquet(tmp_path / "d.parquet")
    done = invoke(["grad", "x*n", "--data", "d.parquet", "-o", "out.parquet"], at=tmp_path)
    assert done.code == 4 and "row 2, column 'x'" in done.err and not (tmp_path / "out.parquet").exists()
    done = invoke(["grad", "x*n", "--data", "d.parquet", "-o", "out.parquet", "--keep-going"], at=tmp_path)
    found = polars.read_parquet(tmp_path / "out.parquet")
    assert done.code == 1 and found.columns == ["x", "t", "n", "value", "d_x", "d_n", "error"]
    assert found["t"].to_list() == ["a", "b", None] and found["d_n"].to_list()[::2] == [1.0, 3.0]
    done = invoke(["eval", "n^2", "--data", "d.parquet", "--to", "csv"], at=tmp_path)
    assert done.out == "x,t,n,value\n1.0,a,1,1.0\n,b,2,4.0\n3.0,,3,9.0\n"
    assert "does not hold numbers" in invoke(["eval", "t", "--data", "d.parquet"], at=tmp_path).err
    rows = '{"x":1.50,"t":"a","n":null,"l":[1,2.5],"m":1,"b":true}\n{"x":2,"t":"b","n":3,"l":[],"m":"u","b":null}\n'
    assert invoke(["eval", "x", "--data", "-", "-o", "j.parquet"], rows, at=tmp_path).code == 0
    assert polars.read_parquet(tmp_path / "j.parquet").to_dict(as_series=False) == {
        "x": [1.5, 2.0], "t": ["a", "b"], "n": [None, 3], "l": ["[1, 2.5]", "[]"], "m": ["1", "u"], "b": [True, None], "value": [1.5, 2.0],
    }  # fmt: skip
    assert invoke(["eval", "x", "--data", "-", "-o", "j.npy"], '{"x": 1, "n": null}\n{"x": 2, "n": 3}\n', at=tmp_path).code == 0
    assert np.load(tmp_path / "j.npy")["n"].tolist()[1] == 3.0
    polars.DataFrame({"x": [1.0], "d": [datetime.date(2020, 1, 2)]}).write_parquet(tmp_path / "t.parquet")
    assert invoke(["eval", "x", "--data", "t.parquet", "--to", "csv"], at=tmp_path).out == "x,d,value\n1.0,2020-01-02,1.0\n"
    (tmp_path / "bad.parquet").write_bytes(b"PAR1nonsense")
    assert invoke(["eval", "x", "--data", "bad.parquet"], at=tmp_path).code == 4
    assert invoke(["eval", "x", "--data", "-", "-o", "csv.parquet"], "x,t\n1,a\n2,b\n", at=tmp_path).code == 0
    assert polars.read_parquet(tmp_path / "csv.parquet").to_dict(as_series=False) == {"x": [1.0, 2.0], "t": ["a", "b"], "value": [1.0, 2.0]}


def test_compressed_files_that_are_large(tmp_path: pathlib.Path) -> None:
    text = "x\n" + "".join(f"{k / 7}\n" for k in range(5000))
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(text.encode()))
    fast, plain = both(tmp_path / "d.csv.gz", "grad", "x^2")
    assert fast == plain and fast.code == 0 and fast.out.count("\n") == 5001
    polars.DataFrame({"x": [k / 7 for k in range(5000)]}).lazy().sink_csv(tmp_path / "d.csv.zst", compression="zstd")
    assert both(tmp_path / "d.csv.zst", "grad", "x^2") == (fast, plain)


def test_zstd(tmp_path: pathlib.Path) -> None:
    polars.DataFrame({"x": [1, 2]}).lazy().sink_csv(tmp_path / "d.csv.zst", compression="zstd")
    assert invoke(["eval", "2*x", "--data", "d.csv.zst"], at=tmp_path).out == "x,value\n1,2.0\n2,4.0\n"


def test_without_polars(tmp_path: pathlib.Path) -> None:
    (tmp_path / "d.parquet").write_bytes(b"PAR1")
    (tmp_path / "d.csv.zst").write_bytes(stream.ZSTD)
    with mock.patch.dict("sys.modules", {"polars": None}):
        for words in (["d.parquet"], ["d.csv.zst"], ["-", "--to", "parquet"]):
            done = invoke(["eval", "x", "--data", *words], "x\n1\n", at=tmp_path)
            assert done.code == 2 and "adcli[data]" in done.err and not done.out
