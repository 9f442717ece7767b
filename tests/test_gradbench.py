"""The programs of samples/gradbench against reference answers: values, gradients and Jacobians, from the command line."""
from __future__ import annotations

import json
import os
import pathlib
from typing import Any

import numpy as np
import pytest

from tests.invoke import invoke

ROOT = pathlib.Path(__file__).parent.parent
PROGRAMS = ROOT / "samples" / "gradbench"
CASES = ROOT / "tests" / "cases" / "gradbench"
LONG = pytest.mark.skipif("ADCLI_FUZZ" not in os.environ, reason="takes a minute: make fuzz")


ENGINE: list[str] = []


@pytest.fixture(autouse=True, params=["interpret", "native"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "native":
        pytest.importorskip("llvmlite", reason="the native engine needs llvmlite: pip install 'adcli[native]'")
    monkeypatch.setattr(f"{__name__}.ENGINE", ["--engine", request.param])


def case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text())
    return found


def adcli(at: pathlib.Path, point: dict[str, Any], command: str, program: str, *words: str) -> dict[str, Any]:
    """What `adcli COMMAND PROGRAM --at @point.json …` answers; there are no flags but those of inputs without a path."""
    (at / "point.json").write_text(json.dumps(point))
    done = invoke([command, str(PROGRAMS / f"{program}.adl"), "--at", "@point.json", "--json", *ENGINE, *words], at=at)
    assert done.code == 0, done.both
    answer: dict[str, Any] = json.loads(done.out)
    assert [flag for flag in answer["flags"] if flag["code"] != "no-path"] == []
    return answer


def near(got: Any, want: Any, tolerance: float) -> None:
    """Arrays of one shape, and they differ by no more than that part of the largest number."""
    a, b = np.asarray(got, float), np.asarray(want, float)
    assert a.shape == b.shape
    assert np.isfinite(a).all()
    assert np.abs(a - b).max() <= tolerance * np.abs(b).max()


def gradients(got: dict[str, Any], want: dict[str, Any], tolerance: float) -> None:
    assert set(want) <= set(got)
    for name, slope in want.items():
        near(got[name], slope, tolerance)


def test_each_program_says_where_it_is_from() -> None:
    for path in sorted(PROGRAMS.glob("*.adl")):
        head = [line for line in path.read_text().split("\n\n")[0].splitlines() if line.startswith("# ")]
        assert any(line.startswith("# source: https://") for line in head), path.name
        assert any(line.startswith("# inputs: ") for line in head), path.name


@pytest.mark.parametrize("path", sorted(PROGRAMS.glob("*.adl")), ids=lambda path: path.stem)
def test_layout_is_canonical(path: pathlib.Path) -> None:
    assert invoke(["fmt", "--check", str(path)]).code == 0


def test_hello(tmp_path: pathlib.Path) -> None:
    x = 1.0
    for _ in range(4):
        got = adcli(tmp_path, {"x": x}, "grad", "hello")
        assert (got["value"], got["gradient"]["x"]) == (x * x, 2 * x)
        x = got["value"] * 2


SCALAR = [
    ("llsq", "llsq_n7_m4", "misfit"),
    ("llsq", "llsq_n16_m128", "misfit"),
    ("lse", "lse_n2500", "lse"),
    ("det", "det_ell5", "determinant"),
    ("kmeans", "kmeans_k3_n12_d2", "cost"),
    ("kmeans", "kmeans_k10_n1000_d8", "cost"),
    ("lstm", "lstm_l1_c4_b3", "loss"),
    ("lstm", "lstm_l2_c20", "loss"),
    ("lstm", "lstm_l2_c1024", "loss"),
]


@pytest.mark.parametrize(("program", "name", "output"), SCALAR, ids=[name for _, name, _ in SCALAR])
def test_value_and_gradient(program: str, name: str, output: str, tmp_path: pathlib.Path) -> None:
    want = case(name)
    inputs = ",".join(want["gradient"])
    got = adcli(tmp_path, want["input"], "grad", program, "--of", output, "--wrt", inputs)
    near(got["value"], want[output], 1e-12)
    gradients(got["gradient"], want["gradient"], 1e-10)


@pytest.mark.parametrize("name", ["llsq_n7_m4", "det_ell5", "lstm_l1_c4_b3"])
def test_forward_mode(name: str, tmp_path: pathlib.Path) -> None:
    want = case(name)
    got = adcli(tmp_path, want["input"], "grad", name.split("_")[0], "--mode", "forward", "--wrt", ",".join(want["gradient"]))
    gradients(got["gradient"], want["gradient"], 1e-12)


@pytest.mark.parametrize("name", ["kmeans_k3_n12_d2", "kmeans_k10_n1000_d8"])
def test_kmeans_direction(name: str, tmp_path: pathlib.Path) -> None:
    want = case(name)
    near(adcli(tmp_path, want["input"], "eval", "kmeans")["outputs"]["dir"], want["dir"], 1e-12)


@pytest.mark.parametrize("name", ["ode_n4_s1", "ode_n5_s10", "ode_n8_s20"])
def test_ode(name: str, tmp_path: pathlib.Path) -> None:
    want = case(name)
    near(adcli(tmp_path, want["input"], "eval", "ode")["outputs"]["y"], want["y"], 1e-13)
    got = adcli(tmp_path, want["input"], "grad", "ode", "--of", "last")
    near(got["value"], want["y"][-1], 1e-13)
    gradients(got["gradient"], want["gradient"], 1e-12)


GMM = [
    (path.stem, who, sign)
    for path in sorted(CASES.glob("gmm_*.json"))
    for who, sign in (("gradbench", -1), ("adbench", 1))
    if who in case(path.stem)
]


@pytest.mark.parametrize(("name", "who", "sign"), GMM, ids=[f"{name}-{who}" for name, who, _ in GMM])
def test_gmm(name: str, who: str, sign: int, tmp_path: pathlib.Path) -> None:
    want = case(name)
    got = adcli(tmp_path, {**want["input"], "prior_sign": sign}, "grad", "gmm", "--wrt", "alpha,mu,q,l")
    near(got["value"], want[who]["posterior"], 1e-12)
    gradients(got["gradient"], want[who]["gradient"], 1e-10)


BA = case("ba")["cases"]


@pytest.mark.parametrize("number", range(len(BA)), ids=[each["file"].split("_")[0] for each in BA])
def test_ba(number: int, tmp_path: pathlib.Path) -> None:
    want = BA[number]
    got = adcli(tmp_path, want["input"], "eval", "ba")["outputs"]
    for output in "reproj_err", "w_err", "blocks", "w_slope":
        near(got[output], want[output], 1e-10)


def test_ba_jacobian_is_made_of_the_blocks(tmp_path: pathlib.Path) -> None:
    """Two cameras, three points, five observations: the whole matrix, and 15 numbers of each of its rows."""
    one = BA[0]["input"]
    point = {
        "cams": [[v + 0.01 * k for v in one["cams"][0]] for k in range(2)],
        "x": [[v + 0.02 * k for v in one["x"][0]] for k in range(3)],
        "w": [one["w"][0] + 0.1 * k for k in range(5)],
        "feats": [[v - k for v in one["feats"][0]] for k in range(5)],
    }
    blocks = np.asarray(adcli(tmp_path, point, "eval", "ba")["outputs"]["blocks"])
    asked = "--of", "reproj_err", "--wrt", "cams,x,w"
    dense = adcli(tmp_path, point, "jacobian", "ba", *asked)["jacobian"]["reproj_err"]
    sparse = adcli(tmp_path, point, "jacobian", "ba", *asked, "--sparse")
    assert sparse["sweeps"] <= 14
    whole = {name: np.zeros((5, 2, *np.shape(point[name]))) for name in ("cams", "x", "w")}
    for i in range(5):
        whole["cams"][i, :, i % 2] = blocks[i, :, :11]
        whole["x"][i, :, i % 3] = blocks[i, :, 11:14]
        whole["w"][i, :, i] = blocks[i, :, 14]
    entries = {(f"reproj_err[{i},{j}]", f"{name}[{','.join(map(str, at))}]"): v
               for name, matrix in whole.items() for (i, j, *at), v in np.ndenumerate(matrix) if v}  # fmt: skip
    assert dict.fromkeys(zip(sparse["rows"], sparse["columns"], strict=True)) == dict.fromkeys(entries)
    near(sparse["values"], [entries[at] for at in zip(sparse["rows"], sparse["columns"], strict=True)], 1e-13)
    for name, matrix in whole.items():
        near(dense[name], matrix, 1e-13)


@pytest.mark.parametrize("turn", [0.0, 1e-9])
def test_ba_without_rotation(turn: float, tmp_path: pathlib.Path) -> None:
    """At r = 0 the formula is P + r x P, whose derivatives are those of the limit."""
    one = BA[0]["input"]
    still = {**one, "cams": [[turn, 0, 0, *one["cams"][0][3:]]]}
    (tmp_path / "point.json").write_text(json.dumps(still))
    done = invoke(["eval", str(PROGRAMS / "ba.adl"), "--at", "@point.json", "--json"], at=tmp_path)
    got = json.loads(done.out)
    assert [flag["code"] for flag in got["flags"]] == (["equality-branch"] if turn == 0 else [])
    a = np.asarray(one["x"][0]) - np.asarray(one["cams"][0][3:6])
    f, k1, k2, w = one["cams"][0][6], one["cams"][0][9], one["cams"][0][10], one["w"][0]

    def projected(p: np.ndarray) -> np.ndarray:
        flat = p[:2] / p[2]
        rho = flat @ flat
        return w * f * flat * (1 + k1 * rho + k2 * rho**2)

    step = 1e-6
    turned = [np.cross(axis, a) for axis in np.eye(3)]
    slopes = [(projected(a + step * t) - projected(a - step * t)) / (2 * step) for t in turned]
    near(np.asarray(got["outputs"]["blocks"])[0, :, :3], np.transpose(slopes), 1e-6)


@pytest.mark.parametrize("kind", ["simple", "complicated"])
def test_ht(kind: str, tmp_path: pathlib.Path) -> None:
    want = case(f"ht_{kind}")
    got = adcli(tmp_path, want["input"], "eval", "ht")["outputs"]
    near(got["err"], want["err"], 1e-13)
    columns = np.reshape(got["by_theta"], (-1, 26))
    if kind == "complicated":
        columns = np.hstack([np.reshape(got["by_us"], (2, -1)).T, columns])
    near(columns, want["jacobian"], 1e-13)
    dense = adcli(tmp_path, want["input"], "jacobian", "ht", "--of", "err", "--wrt", "theta")["jacobian"]["err"]["theta"]
    near(np.reshape(dense, (-1, 26)), columns[:, -26:], 1e-13)


def test_no_rows_have_the_declared_columns(tmp_path: pathlib.Path) -> None:
    for text, expected in (("input a: [n, 2]; n + 10*len(a[0..0, 1])", 0), ("input v: [m]; input a: [n, m, 3]; shape(a)", [0, 4, 3])):
        done = invoke(["eval", text, "--at", "a=[]", *(["--at", "v=[1, 2, 3, 4]"] if "v" in text else []), "--json"])
        assert (done.code, json.loads(done.out)["value"]) == (0, expected)
    assert invoke(["eval", "input a: [n, m]; sum(a)", "--at", "a=[]"]).code == 3


def test_ht_far_fingers_do_not_matter(tmp_path: pathlib.Path) -> None:
    """Fingers that no vertex of the case is tied to have columns of zeros, exactly."""
    want = case("ht_simple")
    columns = np.reshape(adcli(tmp_path, want["input"], "eval", "ht")["outputs"]["by_theta"], (-1, 26))
    assert ((columns != 0) == (np.asarray(want["jacobian"]) != 0)).all()


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_particle_one_path(mode: str, tmp_path: pathlib.Path) -> None:
    """The squared miss of the first path, before any descent, and its derivative: a gradient through a loop of gradients."""
    want = case("particle")
    (tmp_path / "path.adl").write_text((PROGRAMS / "particle.adl").read_text().split("eta = ")[0] + "output first = miss(w)\n")
    done = invoke(["grad", "path.adl", "--at", "w=0", "--mode", mode, "--json"], at=tmp_path)
    got = json.loads(done.out)
    near(got["value"], want["miss"], 1e-13)
    near(got["gradient"]["w"], want["slope"], 1e-10)


@pytest.mark.parametrize(("name", "answer"), [("saddle", "saddle"), ("particle", "control")])
def test_nested_descents(name: str, answer: str, tmp_path: pathlib.Path) -> None:
    want = case(name)
    near(adcli(tmp_path, want["input"], "eval", name)["value"], want[answer], 1e-12)


@LONG
def test_det_of_larger_matrices(tmp_path: pathlib.Path) -> None:
    for ell in 6, 7, 8:
        A = np.random.default_rng(ell).random((ell, ell))
        got = adcli(tmp_path, {"A": A.ravel().tolist(), "ell": ell}, "grad", "det")
        near(got["value"], np.linalg.det(A), 1e-10)
        near(got["gradient"]["A"], (np.linalg.det(A) * np.linalg.inv(A).T).ravel(), 1e-10)


@LONG
def test_ba_of_the_first_file(tmp_path: pathlib.Path) -> None:
    """49 cameras, 7,776 points, 31,843 observations, all alike."""
    one = BA[1]
    n, m, p = (int(part[1:]) for part in one["file"].removesuffix(".txt").split("_")[1:])
    point = {name: one["input"][name] * count for name, count in (("cams", n), ("x", m), ("w", p), ("feats", p))}
    got = adcli(tmp_path, point, "eval", "ba")["outputs"]
    for output in "reproj_err", "w_err", "blocks", "w_slope":
        near(got[output], one[output] * p, 1e-10)
