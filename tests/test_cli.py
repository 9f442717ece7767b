"""The command line as a user meets it: words, points, formats, errors, flags."""

from __future__ import annotations

import csv
import json
import math
import pathlib
import re
import shlex

import pytest

from adcli.cli.group import COMMANDS
from adcli.cli.words import looks_long
from tests.invoke import PLAIN, invoke

VALUE, X1, X2 = 10.909297426825681, 4.583853163452858, 2.0


def data(*words: str, stdin: str = "", code: int = 0) -> dict:
    done = invoke([*words, "--json"], stdin)
    assert done.code == code, done.err
    return json.loads(done.out, parse_constant=lambda name: pytest.fail(f"JSON holds {name}"))


def fails(code: int, *words: str, stdin: str = "") -> str:
    done = invoke(words, stdin)
    assert done.code == code, (done.code, done.out, done.err)
    assert done.out == ""
    assert done.err.startswith("error["), done.err
    assert "Traceback" not in done.err
    return done.err


# Programs


@pytest.mark.parametrize(
    "program", ["-exp(x)", "-omega*x", "-x^2", "-f(x)", "-x", "--x", "-h*x", "-v", "-1", "-(x)", "-e1", "-qx", "-json", "-o2"]
)
def test_a_program_may_begin_with_a_minus(program: str) -> None:
    if program in ("-v",):
        program = "-v*1"
    functions = program.replace("f(", "abs(").replace("omega", "x").replace("h*", "x*").replace("v*", "x*")
    done = invoke(["eval", functions if "f(x)" in program else program, *at_every(program)])
    assert done.code == 0, done.err


def at_every(program: str) -> list[str]:
    names = {
        "-exp(x)": "x",
        "-omega*x": "omega,x",
        "-h*x": "h,x",
        "-v*1": "v",
        "-1": "",
        "-e1": "e1",
        "-qx": "qx",
        "-json": "json",
        "-o2": "o2",
    }
    found = names.get(program, "x")
    return [word for name in found.split(",") if name for word in ("--at", f"{name}=2")]


def test_options_may_stand_before_and_after_the_program() -> None:
    for words in (
        ["-x^2", "--at", "x=3"],
        ["--at", "x=3", "-x^2"],
        ["--at=x=3", "-x^2"],
        ["--at", "x=3", "--", "-x^2"],
        ["-e", "-x^2", "--at", "x=3"],
    ):
        assert invoke(["eval", *words]).out == "-9.0\n"


def test_what_begins_with_two_minus_signs_is_an_option_only_if_it_looks_like_one() -> None:
    assert (
        looks_long("--json")
        and looks_long("--max-steps=3")
        and not looks_long("--x")
        and not looks_long("--sin(x)")
        and not looks_long("---x")
    )


def test_an_unknown_option_is_named() -> None:
    err = fails(2, "grad", "x", "--at", "x=1", "--jsn")
    assert "--jsn" in err and "--json" in err
    assert "--frobnicate" in fails(2, "grad", "x", "--frobnicate")


def test_programs_from_files_and_standard_input(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "p.adl"
    path.write_bytes(b"\xef\xbb\xbfy = x + 1\r\ny\r\n")
    assert invoke(["eval", str(path), "--at", "x=1"]).out == "2.0\n"
    assert invoke(["eval", "-f", str(path), "--at", "x=1"]).out == "2.0\n"
    assert invoke(["eval", "-", "--at", "x=1"], "x + 1").out == "2.0\n"
    assert invoke(["eval", "-f", "-", "--at", "x=1"], "x + 1").out == "2.0\n"


def test_unreadable_programs(tmp_path: pathlib.Path) -> None:
    (tmp_path / "latin.adl").write_bytes(b"x + \xff\xfe")
    (tmp_path / "model.adl").write_text("x")
    assert "UTF-8" in fails(4, "eval", str(tmp_path / "latin.adl"))
    assert "did you mean" in fails(4, "eval", str(tmp_path / "modle.adl"))
    assert "directory" in fails(4, "eval", "-f", str(tmp_path))
    fails(6, "eval", "-", stdin="1" + " " * 2**20)
    fails(4, "eval", "-f", "a\0b")


def test_a_program_is_one_word() -> None:
    assert "quotes" in fails(2, "eval", "x", "+", "1")
    assert "--at" in fails(2, "eval", "x", "x=1")
    fails(2, "eval", "x", "-e", "y")
    assert "adcli eval" in fails(2, "eval")


def test_a_carriage_return_alone_ends_no_comment() -> None:
    assert invoke(["eval", "1 # one\r + 1"]).code in (0, 3)
    assert invoke(["eval", "1 # one\r + 1"]).out in ("", "1.0\n")


# Points


@pytest.mark.parametrize(
    ("words", "want"),
    [
        (["x=pi/2,y=1"], math.pi / 2 + 1),
        (["x=-1", "--at", "y=1e-3"], -0.999),
        (["x = 2 , y = .5"], 2.5),
        (["x=max(1,2),y=2^10"], 1026.0),
        (["x=+3,y=1."], 4.0),
        (["x=inf,y=1"], math.inf),
    ],
)
def test_values_are_constant_expressions(words: list[str], want: float) -> None:
    assert float(invoke(["eval", "x + y", "--at", *words]).out) == want


@pytest.mark.parametrize("value", ["[[1,0],[0,1]]", "[[1, 0], [0, 1]]", "eye(2)", "[[1/1,0],[0,1.0]]", "[ [1,0] , [0,1] ]"])
def test_values_may_be_arrays(value: str) -> None:
    assert invoke(["eval", "sum(A@v)", "--at", f"A={value},v=[2,3]"]).out == "5.0\n"


@pytest.mark.parametrize(
    ("program", "at", "said"),
    [
        ("x", "x=1,x=2", "'x'"),
        ("x", "x=1,zz=2", "'zz'"),
        ("alpha", "alhpa=1", "did you mean 'alpha'"),
        ("x", "x=1,5", "5"),
        ("sum(v)", "v=1,2,3", "v=[1,2,3]"),
        ("x", "x=1e999", "too large"),
        ("x", "x=1e200*1e200", "x"),
        ("x", "x=" + "9" * 400, "too large"),
        ("sum(v)", "v=[1,1e999]", "too large"),
        ("x*y*zeta", "x=1", "'y', 'zeta'"),
        ("x*y", "x=1", "--at y=1"),
        ("input v: [2]; sum(v)", "", "v=[1,1]"),
        ("e*x", "x=1,e=5", "constant"),
        ("sin(x)", "x=1,sin=1", "function"),
        ("x", "x", "x=1"),
        ("x", "x=", "no value"),
        ("x", "=1", "not a name"),
        ("if True { 1 } else { x }", "x=1", "written true"),
        ("x", "x=y", "'y'"),
        ("x", "x=1_0", "x"),
        ("x", "x=ln(-1)", "x"),
        ("sum(v)", "v[0]=1", "v=["),
        ("sum(v)", "v=[[1,2],[3]]", "ragged"),
        ("sum(v)", "v=[1,[2]]", "rectangular"),
        ("input n: int; n", "n=2.5", "whole"),
        ("input n: int; n", "n=1e30", "64"),
        ("input n: int; n", "n=[1]", "integer"),
        ("x", "", "x"),
        ("x", "@point.txt", ".json"),
        ("x", "x=@v.txt", ".npy"),
    ],
)
def test_wrong_points(program: str, at: str, said: str) -> None:
    assert said in fails(2, "eval", program, *(["--at", at] if at else []))


def test_a_constant_that_is_declared_is_an_input() -> None:
    assert invoke(["eval", "input e; 2*e", "--at", "e=5"]).out == "10.0\n"


@pytest.mark.parametrize(
    "program", ["input v: [3]; sum(v)", "input A: [n, n]; sum(A)", "input a: [n]; input b: [n]; sum(a) + sum(b)", "input x; x"]
)
def test_values_of_another_shape_do_not_fit(program: str) -> None:
    at = {"v": "v=[1,2]", "A": "A=[[1,2]]", "a": "a=[1],b=[1,2]", "x": "x=[1]"}[program.split()[1].rstrip(":;")]
    err = fails(3, "eval", program, "--at", at)
    assert err.startswith("error[shape]") and ":1:" in err


def test_points_from_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / "p.json").write_text('{"x": 2, "w": [1, 2.5]}')
    (tmp_path / "w.csv").write_text("3\n4\n")
    (tmp_path / "p.csv").write_text("x,y\n5,6\n")
    import numpy as np

    np.save(tmp_path / "w.npy", np.array([7, 8]))

    def run(program: str, *at: str) -> str:
        return invoke(["eval", program, *(word for a in at for word in ("--at", a))], at=tmp_path).out

    assert run("x + sum(w)", "@p.json") == "5.5\n"
    assert run("x + sum(w)", "@p.json", "x=10") == "13.5\n"
    assert run("x + sum(w)", "x=10", "@p.json") == "13.5\n"
    assert run("x + sum(w)", "x=1,w=@w.csv") == "8.0\n"
    assert run("x + sum(w)", "x=1,w=@w.npy") == "16.0\n"
    assert run("x + y", "@p.csv") == "11.0\n"
    assert run("input A: [m, n]; sum(A)", "A=@w.csv") == "7.0\n"


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2", "{'x': 1}", '{"x": NaN}', '{"x": 1, "x": 2}', '{"x": "1"}', '{"x": null}', "[1]", "[" * 100_000, '{"x": 1e999}', "\xff",
        "", '{"x": [1e999]}', '{"x": [[1], [2, 3]]}', '{"x": [[1], 2]}', '{"x": [1, "2"]}', '{"x": [1, null]}',
    ],
)
def test_files_that_hold_no_point(tmp_path: pathlib.Path, text: str) -> None:
    (tmp_path / "p.json").write_text(text, encoding="latin-1")
    done = invoke(["eval", "x", "--at", "@p.json"], at=tmp_path)
    assert done.code == 4 and "p.json" in done.err and "Traceback" not in done.err


def test_bytes_that_are_no_text() -> None:
    """Python holds such a byte of an argument as a surrogate."""
    assert "byte 0xff" in fails(3, "eval", "x\udcff", "--at", "x=1") and "UTF-8" in fails(2, "eval", "x", "--at", "x=1\udcff")


def test_options_behind_the_end_of_options() -> None:
    assert "before --" in fails(2, "eval", "--", "-x", "--at", "x=1")
    assert invoke(["eval", "--at", "x=1", "--", "-x"]).out == "-1.0\n"


def test_a_point_that_is_missing() -> None:
    fails(4, "eval", "x", "--at", "@nowhere.json")
    fails(4, "eval", "x", "--at", "x=@nowhere.npy")


# Commands


def test_eval() -> None:
    assert invoke(["eval", "2^10"]).out == "1024.0\n"
    assert invoke(["eval", "len([1, 2, 3])"]).out == "3\n"
    assert invoke(["eval", "1 < 2"]).out == "true\n"
    assert invoke(["eval", "[1, 2]/2"]).out == "value[0]\t0.5\nvalue[1]\t1.0\n"
    assert invoke(["eval", "output s = x + 1; output p = 2*x", "--at", "x=3"]).out == "s\t4.0\np\t6.0\n"
    assert data("eval", "y = 3*2") == {"schema": "adcli/eval/1", "value": 6.0, "outputs": {"y": 6.0}, "flags": []}
    assert data("eval", "output a = 1.5; output b = [1, 2.5]") == {
        "schema": "adcli/eval/1",
        "outputs": {"a": 1.5, "b": [1.0, 2.5]},
        "flags": [],
    }


def test_grad() -> None:
    words = ["grad", "x1*x2+sin(x1)", "--at", "x1=2,x2=5"]
    assert data(*words) == {"schema": "adcli/grad/1", "value": VALUE, "gradient": {"x1": X1, "x2": X2}, "flags": []}
    assert invoke(words).out == f"value\t{VALUE}\nx1\t{X1}\nx2\t{X2}\n"
    assert invoke([*words, "--mode", "forward"]).out == invoke(words).out
    assert invoke([*words, "--wrt", "x2"]).out == f"value\t{VALUE}\nx2\t{X2}\n"


def test_grad_of_one_output_of_several() -> None:
    program = "output u = x*y; output v = x + y"
    assert "--of" in fails(2, "grad", program, "--at", "x=2,y=3")
    assert data("grad", program, "--at", "x=2,y=3", "--of", "u")["gradient"] == {"x": 3.0, "y": 2.0}
    assert "did you mean 'speed'" in fails(2, "grad", "output speed = x; output b = x", "--at", "x=1", "--of", "sped")
    assert "jacobian" in fails(2, "grad", "[x, x]", "--at", "x=1")


def test_integers_are_not_differentiated_by() -> None:
    program = "input n: int = 3; input x = 2; x^n"
    assert data("grad", program)["gradient"] == {"x": 12.0}
    assert "integer" in fails(2, "grad", program, "--wrt", "n")
    assert "'q'" in fails(2, "grad", program, "--wrt", "q")
    fails(2, "grad", program, "--wrt", "x,x")
    fails(2, "grad", program, "--wrt", "x,")


@pytest.mark.parametrize("program", ["3", "floor(2.5)", "len([1, 2])", "1 < 2"])
def test_without_inputs_the_gradient_is_empty(program: str) -> None:
    assert data("grad", program)["gradient"] == {}


def test_an_input_called_value() -> None:
    assert invoke(["grad", "value^2", "--at", "value=3"]).out == "value\t9.0\nd_value\t6.0\n"


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_gradients_of_arrays_are_nested(mode: str) -> None:
    got = data("grad", "sum(A^2) + sum(v)", "--at", "A=[[1,2],[3,4]],v=[1,2]", "--mode", mode)
    assert got["gradient"] == {"A": [[2.0, 4.0], [6.0, 8.0]], "v": [1.0, 1.0]}


def test_jacobian() -> None:
    got = data("jacobian", "output y1 = x*y; output y2 = [x, y^2]", "--at", "x=1,y=2")
    assert got == {
        "schema": "adcli/jacobian/1", "outputs": {"y1": 2.0, "y2": [1.0, 4.0]},
        "jacobian": {"y1": {"x": 2.0, "y": 1.0}, "y2": {"x": [1.0, 0.0], "y": [0.0, 4.0]}}, "flags": [],
    }  # fmt: skip
    text = invoke(["jacobian", "output y1 = x*y; output y2 = [x, y^2]", "--at", "x=1,y=2"]).out
    assert "y1,x\t2.0\n" in text and "y2[1],y\t4.0\n" in text
    assert data("jacobian", "x*y", "--at", "x=1,y=2")["value"] == 2.0


@pytest.mark.parametrize("shape", ["[sum(v^2)]", "[v[0], v[1]*v[0], v[1], 2*v[0]]", "v*v", "outer(v, v)", "sum(v)"])
def test_jacobians_agree_with_their_products(shape: str) -> None:
    import numpy as np

    at = ["--at", "v=[2,3]"]
    block = np.array(data("jacobian", shape, *at)["jacobian"]["value"]["v"])
    for k, along in enumerate(("[1,0]", "[0,1]")):
        tangent = data("jvp", shape, *at, "--along", f"v={along}")["tangents"]["value"]
        assert np.allclose(block[..., k], tangent, rtol=1e-15)
    ones = np.ones(block.shape[:-1]).tolist()
    pulled = data("vjp", shape, *at, "--cotangent", json.dumps(ones))["gradient"]["v"]
    assert np.allclose(block.reshape(-1, 2).sum(axis=0), pulled, rtol=1e-15)


def test_matrices_stand_row_by_row() -> None:
    """The same order whether an output is an array, several scalars, or sparse."""
    out = invoke(["jacobian", "[x*y, x + y]", "--at", "x=2,y=3"]).out
    assert [line.split("\t")[0] for line in out.splitlines()[2:]] == ["value[0],x", "value[0],y", "value[1],x", "value[1],y"]
    assert invoke(["jacobian", "[sum(w), 1]", "--at", "w=[]"]).out == "value[0]\t0.0\nvalue[1]\t1.0\n"


def test_hessian() -> None:
    got = data("hessian", "x^2*y + y^3", "--at", "x=1,y=2")
    assert got["value"] == 10.0 and got["gradient"] == {"x": 4.0, "y": 13.0}
    assert got["hessian"] == {"x": {"x": 4.0, "y": 2.0}, "y": {"x": 2.0, "y": 12.0}}
    assert "x,y\t2.0\n" in invoke(["hessian", "x^2*y", "--at", "x=1,y=2"]).out
    assert invoke(["hessian", "x^2*y", "--at", "x=1,y=2", "--get", "y,x"]).out == "2.0\n"


def test_the_hessian_of_arrays_is_symmetric_to_the_last_bit() -> None:
    import numpy as np

    got = data("hessian", "logsumexp(v)*exp(x*v[1]) + sum(sin(outer(v, v)))", "--at", "v=[0.3,1.7,-2.1],x=0.7")["hessian"]
    block = np.array(got["v"]["v"])
    assert block.shape == (3, 3) and np.array_equal(block, block.T)
    assert got["v"]["x"] == got["x"]["v"]


def test_products() -> None:
    assert data("jvp", "x*y", "--at", "x=2,y=5", "--along", "x=1,y=0")["tangents"] == {"value": 5.0}
    assert invoke(["jvp", "x*y", "--at", "x=2,y=5", "--along", "x"]).out == "value\t10.0\ntangent\t5.0\n"
    assert data("vjp", "x*y", "--at", "x=2,y=5", "--cotangent", "2")["gradient"] == {"x": 10.0, "y": 4.0}
    both = data("vjp", "output u = x*y; output v = x + y", "--at", "x=2,y=5", "--cotangent", "u=1,v=10")
    assert both["gradient"] == {"x": 15.0, "y": 12.0}
    assert data("hvp", "x^2*y", "--at", "x=2,y=5", "--along", "x=1")["product"] == {"x": 10.0, "y": 4.0}
    assert data("hvp", "sum(w^3)", "--at", "w=[1,2]", "--along", "w=[1,1]")["product"] == {"w": [6.0, 12.0]}


def test_wrong_directions() -> None:
    assert "--along" in fails(2, "jvp", "x", "--at", "x=1")
    assert "'q'" in fails(2, "jvp", "x", "--at", "x=1", "--along", "q=1")
    assert "shape [2]" in fails(2, "jvp", "sum(v)", "--at", "v=[1,2]", "--along", "v=1")
    assert "--of" in fails(2, "vjp", "output u = x; output v = x", "--at", "x=1", "--cotangent", "1")
    fails(2, "vjp", "[x, x]", "--at", "x=1", "--cotangent", "1")


# Formats


def test_an_array_of_one_element_is_named() -> None:
    """Only a scalar is bare: whoever reads an array in a pipe meets one form at every length."""
    assert invoke(["eval", "[7]"]).out == "value[0]\t7.0\n"
    assert invoke(["eval", "sum([7])"]).out == "7.0\n"


def test_an_option_without_its_value() -> None:
    done = invoke(["grad", "x^2", "--at"])
    assert done.code == 2 and done.err.startswith("error[usage]: --at ")


def test_get_lists_numbers_in_their_order() -> None:
    assert "did you mean 'value[" in invoke(["eval", "[1, 2]", "--get", "value"]).err
    assert "one of value, w[0], w[1]\n" in invoke(["grad", "sum(w)", "--at", "w=[1,2]", "--get", "none"]).err


def test_get() -> None:
    words = ["grad", "y = x*w[0]^2", "--at", "x=3,w=[2,1]"]
    for name, want in {"value": "12.0", "y": "12.0", "x": "4.0", "w[0]": "12.0", "w[1]": "0.0"}.items():
        assert invoke([*words, "--get", name]).out == want + "\n"
    assert "did you mean" in fails(2, *words, "--get", "w[2]")


def test_digits() -> None:
    assert invoke(["eval", "1/3", "--digits", "3"]).out == "0.333\n"
    assert invoke(["eval", "123456.0", "--digits", "2"]).out == "120000.0\n"
    assert data("eval", "[1/3, 2/3]", "--digits", "2")["value"] == [0.33, 0.67]
    fails(2, "eval", "1", "--digits", "0")


def test_csv_and_markdown() -> None:
    words = ["grad", "x*ln(y)", "--at", "x=1,y=-1", "-q"]
    rows = list(csv.reader(invoke([*words, "--to", "csv"]).out.splitlines()))
    assert rows == [["name", "value"], ["value", "NaN"], ["x", "NaN"], ["y", "NaN"]]
    assert invoke(["grad", "x", "--at", "x=1", "--to", "markdown"]).out.splitlines()[0] == "| name  | value |"
    assert list(csv.reader(invoke(["hessian", "x^2", "--at", "x=1", "--to", "csv"]).out.splitlines()))[-1] == ["x,x", "2.0"]


def test_output_files(tmp_path: pathlib.Path) -> None:
    for name, begins in {"a.json": '{"schema"', "a.csv": "name,value", "a.md": "| name", "a.txt": "value\t", "a": "value\t"}.items():
        done = invoke(["grad", "x", "--at", "x=1", "-o", name], at=tmp_path)
        assert (done.code, done.out) == (0, "")
        assert (tmp_path / name).read_text().startswith(begins)
    assert invoke(["grad", "x", "--at", "x=1", "-o", "a.json", "--to", "csv"], at=tmp_path).code == 0
    assert (tmp_path / "a.json").read_text().startswith("name,value")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "a.csv", "a.json", "a.md", "a.txt"]


def test_output_files_that_cannot_be_written(tmp_path: pathlib.Path) -> None:
    fails(7, "eval", "1", "-o", str(tmp_path / "no" / "a.txt"))
    fails(7, "eval", "1", "-o", str(tmp_path))
    (tmp_path / "link").symlink_to(tmp_path / "target")
    assert invoke(["eval", "1", "-o", str(tmp_path / "link")]).code == 0
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "1.0\n"


def test_permissions_are_kept(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    assert invoke(["eval", "1", "-o", str(path)]).code == 0
    assert path.read_text() == "1.0\n" and path.stat().st_mode & 0o777 == 0o640


def test_numbers_that_are_not_finite() -> None:
    got = data("grad", "sqrt(x)", "--at", "x=0")
    assert got["gradient"] == {"x": None}
    flag = next(f for f in got["flags"] if f.get("at") == "gradient.x")
    assert (flag["code"], flag["op"], flag["line"], flag["column"], flag["is"]) == ("singular", "sqrt", 1, 1, "inf")
    done = invoke(["grad", "sqrt(x)", "--at", "x=0"])
    assert done.out == "value\t0.0\nx\tinf\n"
    assert done.err.startswith("flag[singular]: ") and "<program>:1:1" in done.err
    assert invoke(["grad", "sqrt(x)", "--at", "x=0", "-q"]).err == ""


@pytest.mark.parametrize(
    ("words", "paths"),
    [
        (["eval", "ln(0)"], {"value": "-inf"}),
        (["eval", "inf"], {"value": "inf"}),
        (["eval", "[1, nan]"], {"value[1]": "nan"}),
        (["eval", "output a = 1; output b = -inf"], {"outputs.b": "-inf"}),
        (["grad", "x", "--at", "x=nan"], {"value": "nan"}),
        (["grad", "sum(sqrt(v))", "--at", "v=[0,1]"], {"gradient.v[0]": "inf"}),
        (["jacobian", "[x, sqrt(x)]", "--at", "x=0"], {"jacobian.value.x[1]": "inf"}),
    ],
)
def test_every_number_that_is_not_finite_has_a_flag(words: list[str], paths: dict[str, str]) -> None:
    assert {f["at"]: f["is"] for f in data(*words)["flags"] if "at" in f} == paths


def test_strict() -> None:
    assert invoke(["grad", "abs(x)", "--at", "x=0"]).code == 0
    done = invoke(["grad", "abs(x)", "--at", "x=0", "--strict"])
    assert done.code == 5 and "nondifferentiable" in done.err
    assert invoke(["grad", "abs(x)", "--at", "x=1", "--strict"]).code == 0


def test_an_input_without_a_path() -> None:
    got = data("grad", "x + 0*y*z", "--at", "x=1,y=2,z=3", "--strict")
    assert got["gradient"]["y"] == 0.0
    got = data("grad", "input x; input y; x", "--at", "x=1,y=2", "--strict")
    assert [(f["code"], f["op"], f["line"], f["column"]) for f in got["flags"]] == [("no-path", "y", 1, 16)]
    for words in (["--mode", "forward"], []):
        assert data("grad", "input x; input y; x", "--at", "x=1,y=2", *words)["gradient"] == {"x": 1.0, "y": 0.0}


def test_flags_of_the_values_given() -> None:
    assert [f["code"] for f in data("eval", "x", "--at", "x=1e-400")["flags"]] == ["underflow-literal"]
    assert [f["code"] for f in data("eval", "x", "--at", "x=9007199254740993")["flags"]] == ["inexact-input"]
    assert data("eval", "x", "--at", "x=0e-400")["flags"] == []


def test_formats_that_exclude_each_other() -> None:
    fails(2, "eval", "1", "--json", "--to", "csv")
    fails(2, "eval", "1", "--to", "yaml")


def test_verbose_says_what_was_done() -> None:
    done = invoke(["grad", "x", "--at", "x=1", "-v"])
    assert done.out == "value\t1.0\nx\t1.0\n"
    assert "inputs: x" in done.err and "mode: reverse" in done.err and "time:" in done.err


# Limits


def test_limits() -> None:
    loop = "s = 0; for i in 0..100 { s += i }; s"
    assert invoke(["eval", loop, "--max-steps", "100"]).code == 0
    assert "--max-steps" in fails(6, "eval", loop, "--max-steps", "99")
    deep = "fn f(n) { if n == 0 { return 0 }; return f(n - 1) + 1 }; f(20)"
    assert "--max-depth" in fails(6, "eval", deep, "--max-depth", "10")
    endless = "y = x; while y > 0 { y = 2 + sin(y) }; y"
    assert "--max-memory" in fails(6, "grad", endless, "--at", "x=1", "--tape", "full", "--max-memory", "1MB")
    assert "--timeout" in fails(6, "eval", endless, "--at", "x=1", "--timeout", "0.1", "--max-steps", str(10**15))


@pytest.mark.parametrize("size", ["10", "64kB", "1.5MB", "2GB", "1GiB", "10 mb"])
def test_sizes(size: str) -> None:
    assert invoke(["eval", "1", "--max-memory", size]).code == 0


def test_wrong_sizes() -> None:
    for size in ("1XB", "-1", "lots", "1e3"):
        fails(2, "eval", "1", "--max-memory", size)


@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "1e999", "0"])
def test_numbers_that_are_no_time(seconds: str) -> None:
    assert "'--timeout'" in fails(2, "eval", "1", "--timeout", seconds)
    assert "'--seconds'" in fails(2, "bench", "1", "--seconds", seconds)


def test_a_very_long_time() -> None:
    assert invoke(["eval", "1", "--timeout", "1e300"]).code == 0


# Errors


def test_an_error_shows_its_place() -> None:
    done = invoke(["eval", "x + sinn(x)", "--at", "x=1"])
    assert done.code == 3
    assert done.err.splitlines()[1:4] == ["  <program>:1:5", "    x + sinn(x)", "        ^^^^"]
    assert done.err.startswith("error[unknown-function]: ") and "help: did you mean 'sin'?" in done.err


def test_an_error_as_data() -> None:
    done = invoke(["eval", "x + sinn(x)", "--at", "x=1", "--error-format", "json"])
    error = json.loads(done.err)
    assert (error["schema"], error["code"], error["exit"], error["line"], error["column"], error["end_column"]) == (
        "adcli/error/1",
        "unknown-function",
        3,
        1,
        5,
        9,
    )
    assert json.loads(invoke(["eval", "--error-format=json", "--nope"]).err)["code"] == "usage"


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "x" * 3000 + "€", "\x1b]0;title\x07" * 100, "x + \u202e1", "[red]x[/red]", "x" + "é" * 5000]
)
def test_errors_are_short_and_steer_no_terminal(text: str) -> None:
    done = invoke(["eval", "-"], text)
    assert done.code in (2, 3)
    assert len(done.err.encode()) <= 4096
    assert not set(done.err) & set("\x1b\x07\u202e")


@pytest.mark.parametrize("name", ["y", "y.txt", "y.OUT", "y.log", "y.", ".y", "run.2026-11-24", "v1.pdf/y"])
def test_a_file_of_text(name: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    assert invoke(["grad", "x^2", "--at", "x=3", "-o", str(tmp_path / name)]).code == 0
    assert (tmp_path / name).read_text() == "value\t9.0\nx\t6.0\n"


@pytest.mark.parametrize("words", [["grad"], ["trace"], ["derive"], ["check"], ["minimize"], ["jvp", "--along", "x"]])
@pytest.mark.parametrize("name", ["y.pdf", "y.xyz", "y.json.old", "y.parquet"])
def test_a_suffix_that_is_not_written(words: list[str], name: str, tmp_path: pathlib.Path) -> None:
    command = [*words, "x^2", "--at", "x=3", "-o", str(tmp_path / name)]
    assert f"{words[0]} writes no .{name.rpartition('.')[2]} files" in (said := fails(2, *command))
    assert "text" in said and "json" in said and "--to text" in said
    assert not list(tmp_path.iterdir())
    assert invoke([*command, "--to", "text"]).code in (0, 1)
    assert (tmp_path / name).read_text() == invoke([*command[:-2], "--to", "text"]).out


def test_the_file_is_refused_before_the_work() -> None:
    loop = ["grad", "input x = 1; s = 0; while true { s = s + x }; s", "--max-steps", "10"]
    fails(6, *loop)
    assert "writes no .pdf" in fails(2, *loop, "-o", "y.pdf")


def test_a_program_by_the_suffix_of_its_file(tmp_path: pathlib.Path) -> None:
    assert invoke(["derive", "x^2", "-o", str(tmp_path / "d.adl")]).code == 0
    assert invoke(["eval", str(tmp_path / "d.adl"), "--at", "x=3"]).out == "6.0\n"


def test_rows_in_a_file_of_any_suffix_are_of_the_format_of_the_data(tmp_path: pathlib.Path) -> None:
    (tmp_path / "r.csv").write_text("x\n1\n")
    assert invoke(["grad", "x^2", "--data", "r.csv", "-o", "r.xyz"], at=tmp_path).code == 0
    assert (tmp_path / "r.xyz").read_text() == "x,value,d_x\n1,1.0,2.0\n"


def test_commands_that_are_none() -> None:
    assert "did you mean 'grad'" in fails(2, "gard")
    assert "adcli grad PROGRAM" in fails(2, "x^2 + 1")
    assert "adcli eval" in fails(2, "-x^2")


def test_help() -> None:
    assert invoke([]).out == invoke(["--help"]).out == invoke(["-h"]).out
    for command in COMMANDS:
        out = invoke([command, "-h"]).out
        assert f"adcli {command}" in out.partition("Examples:")[2]
        assert invoke(["help", command]).out == out or command == "help"


def test_help_lists_the_commands_in_sections_80_columns_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLAIN, "COLUMNS", "80")
    out = invoke(["--help"]).out
    assert max(map(len, out.splitlines())) <= 80
    headings = re.findall(r"^(\w.*):$", out, re.M)
    assert headings[0] == "Values and derivatives" and headings[-1] == "Options" and len(headings) == 6
    # No command takes more than a line, and all descriptions begin in one column.
    listed = [line for line in out.partition(headings[0])[2].partition("Options:")[0].splitlines() if line.startswith("  ")]
    assert {re.match(r"  [a-z]+ +", line).end() for line in listed} == {13}  # type: ignore[union-attr]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_the_examples_of_the_help_run(command: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "samples").symlink_to(pathlib.Path(__file__).parent.parent / "samples")
    out = invoke([command, "--help"] if command else ["--help"]).out
    part = out.partition("Examples:" if command else "Getting started:")[2].partition("\n\n")[0]
    examples = re.findall(r"^ +(adcli .*?)(?:   .*)?$", part, re.M)
    assert examples
    for example in examples:
        stdin = ""
        for words in re.split(r" \| (?=adcli|dot)", example):
            if words.startswith("adcli"):
                done = invoke(shlex.split(words)[1:], stdin, at=tmp_path)
                assert done.code == 0, (example, done.err)
                stdin = done.out


# The tools


def test_ops() -> None:
    names = [line.partition("(")[0] for line in invoke(["ops"]).out.splitlines()]
    assert {"sin", "softmax", "max", "sum", "gamma"} <= set(names) and names == sorted(names)
    assert "cos(x)" in invoke(["ops", "sin"]).out
    assert data("ops", "sin")["rule"] == {"x": "cos(x)"}
    assert {op["name"] for op in data("ops")["ops"]} >= {"sin", "tanh"}
    assert "did you mean" in fails(2, "ops", "sinn")
    for name in ("log", "+", "x^y", "matmul", "where"):
        assert invoke(["ops", name]).code == 0


@pytest.mark.parametrize("stage", ["parsed", "lowered", "simplified", "forward", "reverse"])
def test_ir(stage: str) -> None:
    done = invoke(["ir", "x1*x2 + sin(x1)", "--stage", stage])
    assert done.code == 0 and "sin" in done.out
    assert data("ir", "x1*x2", "--stage", stage)["stage"] == stage


def test_ir_counts() -> None:
    words = ["ir", "y = x; for i in 0..10 { y = sin(y) }; y", "--at", "x=1", "--stage", "reverse", "--count"]
    counts = data(*words)["statements"]
    assert counts["executed"]["total"] > counts["static"]["total"]
    assert counts["executed"]["Push"] == counts["executed"]["Pop"] == counts["executed"]["tape"] // 2
    assert "ratio" in data(*words) and "Push and Pop apart" in invoke(words).out


def test_fmt(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "p.adl"
    path.write_text("y=x*( 3+x )   # a comment\n")
    once = invoke(["fmt", str(path)]).out
    assert "# a comment" in once
    assert invoke(["fmt", "--check", str(path)])[:2] == (1, f"{path}\n")
    assert invoke(["fmt", "--write", str(path)]).code == 0
    assert path.read_text() == once
    assert invoke(["fmt", "--check", str(path)])[:2] == (0, "")
    fails(2, "fmt", "--write", "x+1")
    fails(2, "fmt", "--write", "--check", str(path))
    path.write_text("y = (")
    fails(3, "fmt", str(path))


def test_ops_of_one_function() -> None:
    assert invoke(["ops", "sin", "--to", "csv"]).out == "function,description\nsin(x),the sine of x in radians\n"
    assert "also:" not in invoke(["ops", "max"]).out and "also: log\n" in invoke(["ops", "ln"]).out


def test_help_on_a_function_leads_to_ops() -> None:
    assert "`adcli ops sin`" in invoke(["help", "sin"]).err


def test_a_flagged_literal_is_a_sentence() -> None:
    assert "1e999 is too large for a number" in invoke(["eval", "1e999"]).err
    assert "9007199254740993 is not a binary64 number" in invoke(["eval", "9007199254740993"]).err


def test_gamma_overflows_far_from_its_poles() -> None:
    assert "flag[overflow]" in invoke(["eval", "gamma(1e9)"]).err and "flag[singular]" in invoke(["eval", "gamma(0)"]).err


def test_failures_of_a_run_say_what_to_do() -> None:
    for program in ("zeros(-1)", "max(i for i in 0..0)", "int(nan)"):
        assert "\nhelp: " in fails(5, "eval", program)


def test_text_in_another_encoding(tmp_path: pathlib.Path) -> None:
    (tmp_path / "wide.adl").write_bytes("x^2".encode("utf-16"))
    assert "iconv -f utf-16 -t utf-8 wide.adl" in invoke(["eval", "wide.adl"], at=tmp_path).err


def test_help_topics() -> None:
    listed = [line.split()[0] for line in invoke(["help"]).out.splitlines()[1:13]]
    for topic in [*listed, "unknown-name", "nondifferentiable", "usage"]:
        assert len(invoke(["help", topic]).out) > 50, topic
    assert "did you mean 'derivatives'" in fails(2, "help", "derivative")


def test_strict_prints_no_result() -> None:
    done = invoke(["grad", "abs(x)", "--at", "x=0", "--strict"])
    assert done.out == "" and done.err.count("flag[") == 1 and done.err.count("error[") == 1


def test_flags_are_told_beside_one_number() -> None:
    assert "flag[" in invoke(["grad", "abs(x)", "--at", "x=0", "--get", "x", "--json"]).err


def test_numbers_in_a_pipe_are_bare_whatever_the_colour() -> None:
    assert invoke(["eval", "2^10", "--color", "always"]).out == "1024.0\n"


def test_directions_by_name() -> None:
    assert data("jvp", "x*y", "--at", "x=2,y=5", "--along", "x,y=2")["tangents"] == {"value": 9.0}
