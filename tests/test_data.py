"""`--data`: readers, writers, bad rows and flags, as the command line shows them."""
from __future__ import annotations

import csv
import gzip
import io
import json
import pathlib
import random

import numpy as np
import pytest

from tests.invoke import Outcome, invoke


def grad(text: str, data: str, *words: str) -> Outcome:
    return invoke(["grad", text, "--data", "-", *words], stdin=data)


def lines(done: Outcome) -> list[str]:
    return done.out.splitlines()


# What comes in goes out.


@pytest.mark.parametrize(
    ("data", "out"),
    [
        ("x,y\n1,2\n", "x,y,value\n1,2,3.0\n"),
        ("\ufeffx,y\r\n1,2\r\n", "x,y,value\r\n1,2,3.0\r\n"),
        ("x,y\n1,2", "x,y,value\n1,2,3.0\n"),
        ('n,x,y\n"a\nb""c", 1 ,2.50\n', 'n,x,y,value\n"a\nb""c", 1 ,2.50,3.5\n'),
        ('"x","y"\n"1","2"\n', '"x","y",value\n"1","2",3.0\n'),
        ("\ufeff\n\r\nx,y\n1,2\n", "x,y,value\n1,2,3.0\n"),
        ("x,y\n\n1,2\n\n\n3,4\n", "x,y,value\n1,2,3.0\n3,4,7.0\n"),
        ("x,y,é\n1,2,ü\n", "x,y,é,value\n1,2,ü,3.0\n"),
        ("y,x,z\n+1,-.5,\n1e0,5.,=1+1\n", "y,x,z,value\n+1,-.5,,0.5\n1e0,5.,=1+1,6.0\n"),
        ("x,y\nnan,1\ninf,-Infinity\n", "x,y,value\nnan,1,NaN\ninf,-Infinity,NaN\n"),
        ("x,y\n", "x,y,value\n"),
        ('x,y,note\n1,2,5" pipe\n', 'x,y,note,value\n1,2,5" pipe,3.0\n'),
    ],
    ids=range(12),
)
def test_csv_is_carried_byte_for_byte(data: str, out: str) -> None:
    done = invoke(["eval", "x + y", "--data", "-", "-q"], stdin=data)
    assert (done.code, done.out, done.err) == (0, out, "")


def test_tsv_and_other_delimiters() -> None:
    assert invoke(["eval", "x+y", "--data", "-", "--from", "tsv"], "x\ty\n1\t2\n").out == "x\ty\tvalue\n1\t2\t3.0\n"
    assert invoke(["eval", "x+y", "--data", "-", "--delimiter", "|"], "x|y\n1|2\n").out == "x|y|value\n1|2|3.0\n"
    assert invoke(["eval", "x+y", "--data", "-", "--decimal", ","], "x;y\n1,5;2\n").out == "x;y;value\n1,5;2;3,5\n"
    assert invoke(["eval", "x+y", "--data", "-", "--decimal", ",", "--to", "tsv"], "x;y\n1,5;2\n").out == "x\ty\tvalue\n1,5\t2\t3,5\n"
    assert "point" in invoke(["eval", "x", "--data", "-", "--decimal", ","], "x\n1.000\n").err


def test_quoted_rows_in_many_blocks(tmp_path: pathlib.Path) -> None:
    """Rows that end anywhere in the blocks that are read."""
    chance = random.Random(1)
    texts = ["".join(chance.choice('ab"\n,\r ') for _ in range(chance.randrange(90))) for _ in range(20_000)]
    buffer = io.StringIO(newline="")
    written = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    written.writerow(["t", "x"])
    for k, text in enumerate(texts):
        written.writerow([text, k])
    path = tmp_path / "q.csv"
    path.write_text(buffer.getvalue(), newline="")
    done = invoke(["grad", "x^2", "--data", str(path)])
    rows = list(csv.reader(io.StringIO(done.out, newline="")))[1:]
    assert [row[0] for row in rows] == texts
    assert [float(row[2]) for row in rows] == [float(k * k) for k in range(20_000)]


def test_json_lines() -> None:
    done = grad("x^2", '\ufeff{"x":1}\n\n  {"x": 2.50, "s": "}\\"", "n": null}  \n{"x": 3, "w": {"x": []}}')
    assert lines(done) == [
        '{"x":1, "value": 1.0, "d_x": 2.0}', '{"x": 2.50, "s": "}\\"", "n": null, "value": 6.25, "d_x": 5.0}',
        '{"x": 3, "w": {"x": []}, "value": 9.0, "d_x": 6.0}',
    ]  # fmt: skip
    assert lines(grad("ln(x)", '{"x": 0}', "-q")) == ['{"x": 0, "value": null, "d_x": null}']
    done = grad("sum(A)*w[1]", '{"A": [[1, 2], [3, 4]], "w": [5, 6]}\n', "--wrt", "A", "--only-results")
    assert json.loads(done.out) == {"value": 60.0, "d_A[0,0]": 6.0, "d_A[0,1]": 6.0, "d_A[1,0]": 6.0, "d_A[1,1]": 6.0}


def test_json_lists() -> None:
    done = grad("x^2", '[ {"x": 1},\n {"x":\n2.50} ]')
    assert done.out == '[\n{"x": 1, "value": 1.0, "d_x": 2.0},\n{"x":\n2.50, "value": 6.25, "d_x": 5.0}\n]\n'
    assert grad("x^2", "[]").out == "[]\n" and grad("x^2", "[]").code == 0
    assert json.loads(grad("x", "x\n1\n2\n", "--json").out) == [{"x": 1, "value": 1.0, "d_x": 1.0}, {"x": 2, "value": 2.0, "d_x": 1.0}]
    assert lines(grad("x^2", '[{"x":\n1}]', "--to", "jsonl")) == ['{"x": 1, "value": 1.0, "d_x": 2.0}']


@pytest.mark.parametrize("data", ['{"x": 1.50, "t": "a,b", "u": "1\\n2", "n": null, "o": [1, {"k": 2.0}], "b": true}'])
def test_json_as_csv(data: str) -> None:
    (row,) = csv.DictReader(io.StringIO(grad("x", data, "--to", "csv").out, newline=""))
    assert row == {
        "x": "1.50", "t": "a,b", "u": "1\n2", "n": "", "o": '[1, {"k": 2.0}]', "b": "true", "value": "1.5", "d_x": "1.0",
    }  # fmt: skip


def test_csv_as_json() -> None:
    done = grad("x", "x,a,b,c,d\n1.50,007,-2e5,,NaN\n", "--to", "jsonl")
    assert lines(done) == ['{"x": 1.50, "a": "007", "b": -2e5, "c": null, "d": "NaN", "value": 1.5, "d_x": 1.0}']
    assert grad("x", "x,a,a\n1,2,3\n", "--to", "jsonl").code == 2 and grad("x", "x,a,a\n1,2,3\n").code == 0


def test_npy(tmp_path: pathlib.Path) -> None:
    np.save(tmp_path / "m.npy", np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert invoke(["grad", "x*y", "--data", "m.npy", "-o", "out.npy"], at=tmp_path).code == 0
    assert np.load(tmp_path / "out.npy").tolist() == [[1, 2, 2, 2, 1], [3, 4, 12, 4, 3]]
    assert lines(invoke(["grad", "x*y", "--data", "m.npy", "--to", "csv"], at=tmp_path)) == [
        "x,y,value,d_x,d_y", "1.0,2.0,2.0,2.0,1.0", "3.0,4.0,12.0,4.0,3.0",
    ]  # fmt: skip
    assert invoke(["grad", "x*y*z", "--data", "m.npy", "--at", "y=2", "--only-results", "--to", "csv"], at=tmp_path).code == 0
    assert invoke(["grad", "x", "--data", "m.npy"], at=tmp_path).code == 4
    np.save(tmp_path / "s.npy", np.array([(1.0, 2, "a")], [("x", float), ("n", int), ("t", "U3")]))
    assert invoke(["eval", "x*n", "--data", "s.npy", "-o", "out.npy"], at=tmp_path).code == 0
    assert np.load(tmp_path / "out.npy").dtype.names == ("x", "n", "t", "value")
    assert invoke(["eval", "x", "--data", "-", "-o", "out.npy"], "x,t\n1,a\n", at=tmp_path).code == 0
    assert np.load(tmp_path / "out.npy").tolist() == [(1.0, "a", 1.0)]
    (tmp_path / "bad.npy").write_bytes(b"\x93NUMPY")
    assert invoke(["eval", "x", "--data", "bad.npy"], at=tmp_path).code == 4


def test_gzip(tmp_path: pathlib.Path) -> None:
    (tmp_path / "d.csv.gz").write_bytes(gzip.compress(b"x\n1\n2\n" * 1))
    assert lines(invoke(["eval", "2*x", "--data", "d.csv.gz"], at=tmp_path)) == ["x,value", "1,2.0", "2,4.0"]
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"x\n" + b"1\n" * 1000)[:-20])
    done = invoke(["eval", "2*x", "--data", "cut.csv.gz"], at=tmp_path)
    assert done.code == 4 and "cannot read" in done.err


def test_compressed_output(tmp_path: pathlib.Path) -> None:
    (tmp_path / "d.csv").write_text("x\n1\n2\n")
    for _ in range(2):  # the bytes do not depend on the time
        assert invoke(["eval", "x", "--data", "d.csv", "-o", "o.csv.gz"], at=tmp_path).code == 0
        assert gzip.decompress((tmp_path / "o.csv.gz").read_bytes()) == b"x,value\n1,1.0\n2,2.0\n"
    assert (tmp_path / "o.csv.gz").read_bytes()[4:8] == bytes(4)
    assert invoke(["grad", "x", "--at", "x=1", "-o", "g.json.gz"], at=tmp_path).code == 0
    assert json.loads(gzip.decompress((tmp_path / "g.json.gz").read_bytes()))["gradient"] == {"x": 1.0}
    done = invoke(["eval", "x", "--data", "d.csv", "-o", "o.csv.zst"], at=tmp_path)
    assert done.code == 2 and "o.csv.gz" in done.err and not (tmp_path / "o.csv.zst").exists()


@pytest.mark.parametrize("form", ["jsonl", "json", "npy", "parquet"])
def test_names_that_are_keys_stand_once(form: str) -> None:
    done = grad("x", "id,id,x\n1,2,3\n", "--to", form)
    assert done.code == 2 and done.out == "" and "two columns are called 'id'" in done.err
    assert grad("x", "id,id,x\n1,2,3\n").out == "id,id,x,value,d_x\n1,2,3,3.0,1.0\n"


def test_lines_are_counted_from_the_first_of_the_file() -> None:
    assert "line 5, column 'x'" in grad("x", "\n\nx\n1\nbad\n").err
    assert "there is no header" in grad("x", "\n\n").err


def test_no_objects_have_no_header() -> None:
    assert grad("x", "[]", "--to", "csv")[:2] == (0, "")


def test_the_format_of_the_output(tmp_path: pathlib.Path) -> None:
    invoke(["eval", "x", "--data", "-", "-o", "o.jsonl"], "x\n1\n", at=tmp_path)
    assert (tmp_path / "o.jsonl").read_text() == '{"x": 1, "value": 1.0}\n'
    (tmp_path / "d.data").write_text('{"x": 1}\n')
    assert invoke(["eval", "x", "--data", "d.data"], at=tmp_path).out == '{"x": 1, "value": 1.0}\n'


# Numbers.


def test_digits_and_numbers_that_are_not_finite() -> None:
    assert lines(grad("x/3", "x\n1\n", "--digits", "3", "--only-results")) == ["value,d_x", "0.333,0.333"]
    assert lines(grad("1/x", "x\n0\n", "-q", "--only-results")) == ["value,d_x", "inf,-inf"]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_numbers_read_back(form: str) -> None:
    chance = random.Random(2)
    values = [chance.uniform(-1, 1) * 10.0 ** chance.randrange(-320, 308) for _ in range(2000)] + [5e-324, 1.7976931348623157e308, -0.0]
    data = "x\n" + "".join(f"{v!r}\n" for v in values) if form == "csv" else "".join(f'{{"x": {v!r}}}\n' for v in values)
    done = grad("x", data, "--only-results", "-q")
    found = [line.split(",")[0] for line in lines(done)[1:]] if form == "csv" else [json.loads(line)["value"] for line in lines(done)]
    assert [repr(float(text)) for text in found] == list(map(repr, values))


@pytest.mark.parametrize(
    ("cell", "code", "flag"),
    [
        ("9007199254740993", 0, "inexact-input"), ("9007199254740992", 0, ""), ("1e-400", 0, "underflow-literal"), ("0e-400", 0, ""),
        ("1e400", 4, ""), ("1_000", 4, ""), ("0x10", 4, ""), ("", 4, ""), ("١", 4, ""), ("1 2", 4, ""), ("--1", 4, ""), ("NA", 4, ""),
        ("1" * 5000, 4, ""), ("true", 4, ""), ("1\0", 4, ""),
    ],
)  # fmt: skip
def test_cells(cell: str, code: int, flag: str) -> None:
    done = grad("x", f"x,y\n{cell},0\n")
    assert done.code == code and (f"flag[{flag}]" in done.err if flag else "flag" not in done.err)
    assert code == 0 or "line 2, column 'x'" in done.err


@pytest.mark.parametrize(
    ("cell", "code", "flag"),
    [
        ("9007199254740993", 0, "inexact-input"), ("1e400", 4, ""), ("NaN", 4, ""), ('"1"', 4, ""), ("null", 4, ""), ("[1]", 4, ""),
        ("true", 4, ""), ("1" * 5000, 4, ""), ("01", 4, ""), ("{}", 4, ""), ("1} 2", 4, ""), ("[" * 5000, 4, ""),
    ],
)  # fmt: skip
def test_json_values(cell: str, code: int, flag: str) -> None:
    done = grad("x", f'{{"x": 1}}\n{{"x": {cell}}}\n')
    assert done.code == code and (f"flag[{flag}]" in done.err if flag else "flag" not in done.err)
    assert code == 0 or "line 2" in done.err


def test_whole_numbers() -> None:
    text = "input n: int; x*n"
    assert lines(grad(text, "n,x\n3,2\n4.0,2\n9007199254740993,1\n", "--wrt", "x"))[1:] == [
        "3,2,6.0,3.0", "4.0,2,8.0,4.0", "9007199254740993,1,9007199254740992.0,9007199254740992.0",
    ]  # fmt: skip
    assert "not a whole number" in grad(text, "n,x\n2.5,2\n").err
    assert "64-bit" in grad(text, "n,x\n99999999999999999999,2\n").err
    assert "not a whole number" in grad(text, '{"n": 2.5, "x": 1}').err
    assert grad(text, '{"n": 2.0, "x": 1}', "--wrt", "x").code == 0


def test_json_that_is_nested_too_deep_among_rows_that_are_not() -> None:
    deep = '{"x": 2, "y": ' + "[" * 5000 + "]" * 5000 + "}"
    long = '{"x": 3, "y": "' + "z" * 20_000 + '"}'
    done = grad("x", f'{{"x": 1}}\n{deep}\n{long}\n', "--keep-going")
    assert done.code == 1 and "line 2: it is nested more than 64 deep" in done.out and lines(done)[2].endswith('"error": null}')


# Names.


@pytest.mark.parametrize(
    ("words", "data", "code", "said"),
    [
        (["x*y"], "x,z\n1,2\n", 4, "no column 'y'"), (["speed"], "sped\n1\n", 4, "did you mean 'sped'?"),
        (["x"], "x,x\n1,2\n", 4, "duplicate"),
        (["x*y"], "x;y\n1;2\n", 4, "';'"), (["x*y"], "x\ty\n1\t2\n", 4, "tab"), (["x", "--at", "x=1"], "x\n1\n", 2, "--at, too"),
        (["x*y", "--at", "y=1,z=2"], "x\n1\n", 2, "no input 'z'"), (["input a = 1; a"], "x\n1\n", 4, "no column 'a'"),
        (["sum(w)"], "w[0],w[2]\n1,2\n", 4, "'w[1]'"), (["sum(w)"], "w[0],w[0][0]\n1,2\n", 4, "no column"),
        (["x"], "x,d_x\n1,2\n", 2, "'d_x'"), (["x", "--keep-going"], "x,error\n1,2\n", 2, "'error'"),
        (["output d_x = x; output y = x"], "x\n1\n", 0, ""), (["output d_y_x = x; output y = x"], "x\n1\n", 2, "two columns"),
        (["x"], "", 4, "no header"), (["x"], 'x,"y\n1,2\n', 4, "quote"), (["x"], 'x,y\n1,"2\n3,4\n', 4, "line 2: a quote"),
        (["x"], "\x1bx,x\n1,2\n", 4, "control"), (["x"], "=x,x\n1,2\n", 4, "formula"), (["x"], '{"x": 1, "x": 2}', 4, "duplicate"),
        (["x"], "[1]", 4, "not an object"), (["x"], '[{"x": 1} {"x": 2}]', 4, "row 2: a comma"), (["x"], '[{"x": 1}', 4, "row 2"),
        (["x"], '{"y": 1}', 4, "no column 'x'"), (["sum(w)"], '{"w": [1]}\n{"w": [1, 2]}', 4, "line 2"),
        (["sum(w)"], '{"w": [1, 2]}\n{"w": [1]}', 4, "line 2, column 'w[1]'"),
        (["x", "--wrt", "z"], "x\n1\n", 2, "'z'"), (["x", "--get", "x"], "x\n1\n", 2, "--get"),
        (["x", "--to", "markdown"], "x\n1\n", 2, "markdown"),
        (["x", "--json", "--to", "csv"], "x\n1\n", 2, "different"), (["x", "--delimiter", "ab"], "x\n1\n", 2, "one character"),
        (["x", "--delimiter", ",", "--decimal", ","], "x\n1\n", 2, "decimal"), (["x", "--delimiter", ";"], '{"x": 1}', 2, "--delimiter"),
        (["input w: [2]; sum(w)"], "w\n1\n", 3, "shape"),
    ],
)  # fmt: skip
def test_what_does_not_fit(words: list[str], data: str, code: int, said: str) -> None:
    done = invoke(["grad", *words, "--data", "-"], stdin=data)
    assert done.code == code and said in done.err and done.err.count("error[") == bool(code) and ("help" in done.err) == bool(code)
    assert not done.out or done.out.count("\n") < 3


def test_options_without_data() -> None:
    for words in (["--from", "csv"], ["--keep-going"], ["--prefix", "p_"], ["--jobs", "2"], ["--decimal", ","], ["--to", "tsv"]):
        done = invoke(["grad", "x", "--at", "x=1", *words])
        assert done.code == 2 and words[0] in done.err and "--data" in done.err
    assert invoke(["hessian", "x", "--data", "-", "--sparse"], "x\n1\n").code == 2
    assert invoke(["grad", "-", "--data", "-"], "x\n1\n").code == 2
    assert invoke(["grad", "x", "--data", "none.csv"]).code == 4
    assert invoke(["jacobian", "x", "--data", "-"], "x\n1\n").code == 2


def test_names_of_the_program_in_the_header() -> None:
    assert lines(grad("sin(x)", "sin,x\n1,0\n")) == ["sin,x,value,d_x", "1,0,0.0,1.0"]
    assert lines(grad("input value; value^2", "value\n3\n", "--prefix", "p_")) == ["value,p_value,p_d_value", "3,9.0,6.0"]


# Bad rows.


def test_what_stops_a_run_comes_after_the_rows_before_it() -> None:
    done = grad("x^2", "x\n1\n2\nbad\n4\n")
    assert done.code == 4 and lines(done) == ["x,value,d_x", "1,1.0,2.0", "2,4.0,4.0"]
    done = grad("v = [1, 2]; v[int(x)]*x", "x\n1\n2\n0\n")
    assert done.code == 5 and lines(done)[1:] == ["1,2.0,2.0"] and "line 3" in done.err
    done = invoke(["eval", "y = 0; while y < x { y += 1 }; y", "--data", "-", "--max-steps", "5"], "x\n1\n9\n")
    assert done.code == 6 and "line 3" in done.err


@pytest.mark.parametrize("row", ["3", "3,4,5", "3,", ",4", "a,4", '"3,4', "3,1e999"])
def test_keep_going(row: str) -> None:
    if row.startswith('"'):
        assert grad("x*y", f"x,y\n1,2\n{row}\n5,6\n", "--keep-going").code == 4
        return
    done = grad("x*y", f"x,y\n1,2\n{row}\n5,6\n", "--keep-going")
    rows = list(csv.reader(lines(done)))
    assert done.code == 1 and rows[0] == ["x", "y", "value", "d_x", "d_y", "error"]
    assert [row[2:] for row in (rows[1], rows[3])] == [["2.0", "2.0", "1.0", ""], ["30.0", "6.0", "5.0", ""]]
    assert rows[2][2:5] == ["", "", ""] and "line 3" in rows[2][5] and {len(row) for row in rows} == {6}


def test_keep_going_in_json_lines() -> None:
    done = grad("x^2", '{"x": 1}\n{"x": "a", "k": 1}\n[2]\nnonsense\n{"x": 3}\n', "--keep-going")
    rows = [json.loads(line) for line in lines(done)]
    assert done.code == 1 and [row["value"] for row in rows] == [1.0, None, None, None, 9.0]
    assert rows[1]["k"] == 1 and "line 2" in rows[1]["error"] and rows[0]["error"] is None and "line 3" in rows[2]["error"]
    done = grad("x^2", 'x\n1\nb"c\n', "--keep-going", "--to", "jsonl")
    assert json.loads(lines(done)[1])["x"] == 'b"c'


def test_keep_going_when_the_program_fails() -> None:
    done = grad("v = [1, 2]; v[int(x)]*x", "x\n1\n7\n0\n", "--keep-going", "--prefix", "p_")
    assert done.code == 1 and lines(done)[0] == "x,p_value,p_d_x,p_error"
    assert lines(done)[2].startswith('7,,,"standard input, line 3: index 7')


def test_not_utf8() -> None:
    done = grad("x", "x,t\n1,a\n2,\udcff\n3,c\n")
    assert done.code == 4 and lines(done) == ["x,t,value,d_x", "1,a,1.0,1.0"] and "line 3" in done.err and "latin1" in done.err


def test_bad_rows_are_not_flagged() -> None:
    assert "flag" not in grad("ln(x)", "x\n1\nbad\n", "--keep-going").err


# Flags.


def test_flags_are_summed_up() -> None:
    done = grad("abs(x) + ln(y)", "x,y\n0,1\n1,0\n0,2\n")
    assert done.code == 0
    assert done.err.splitlines() == [
        "flag[nondifferentiable]: abs is not differentiable at 0: the derivative is taken as 0 (<program>:1:1, 2 rows)",
        "flag[singular]: ln is at the edge of its domain, where its derivative is infinite or undefined (<program>:1:10, 1 row)",
    ]
    assert grad("abs(x)", "x\n0\n", "-q").err == ""
    assert "no path" in grad("input y; x", "x,y\n1,2\n").err


def test_strict() -> None:
    done = grad("abs(x)", "x\n1\n0\n2\n", "--strict")
    assert done.code == 5 and lines(done) == ["x,value,d_x", "1,1.0,1.0"] and "line 3" in done.err
    done = grad("abs(x)", "x\n1\n0\n2\n", "--strict", "--keep-going")
    assert done.code == 1 and lines(done)[2].startswith("0,,,") and lines(done)[3] == "2,2.0,1.0,"
    assert grad("x", "x\n9007199254740993\n", "--strict").code == 5
    assert grad("x*y", "x\n1\n", "--strict", "--at", "y=1e-400").code == 5
    assert grad("x + 0*y", "x,y\n1,2\n", "--strict").code == 0


def test_many_rows_keep_their_order() -> None:
    n = 50_000
    done = grad("x^2 + abs(x - 7)", "x\n" + "".join(f"{k}\n" for k in range(n)), "--jobs", "2")
    rows = lines(done)[1:]
    assert [int(row.split(",")[0]) for row in rows] == list(range(n))
    assert [float(row.split(",")[1]) for row in rows] == [float(k * k + abs(k - 7)) for k in range(n)]


def test_verbose() -> None:
    done = grad("x", "x\n1\n2\n", "-v")
    assert "rows: 2" in done.err and "format: csv" in done.err
    assert "engine: columns\n" in done.err
    assert "engine: interpret\n" in grad("y = x; while y < 4 { y = 2*y }; y", "x\n1\n2\n", "-v").err
    assert "engine: interpret\n" in grad("x", "x\n1\n2\n", "-v", "--engine", "interpret").err
    assert "engine: native\n" in grad("x", "x\n1\n2\n", "-v", "--engine", "native").err


def test_progress_counts_what_is_worked_off(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file is read at once; how far the run is, its rows say."""
    from adcli.cli.progress import Progress

    shown: list[tuple[int, int]] = []
    monkeypatch.setattr(Progress, "show", lambda self, rows, worked_off: shown.append((rows, worked_off)))
    path = tmp_path / "data.csv"
    path.write_text("x\n" + "1\n" * 1000)
    assert invoke(["grad", "y = x; for i in 0..9 { y = sin(y) }; y", "--data", str(path), "--engine", "interpret"]).code == 0
    assert shown[0][0] < 1000 and 0.8 < shown[0][1] / path.stat().st_size / (shown[0][0] / 1000) < 1.2
    assert shown[-1] == (1000, path.stat().st_size)
