"""The inputs that GradBench's evaluations give to a tool, generated as they do, with their seeds.

`workloads(module)` yields (description, input) in increasing size; each module has two functions to be asked for, see FUNCTIONS.
GradBench's own data (files of ba and ht) come from a folder with its `evals`, if one is given; without it, ba uses the sizes and
numbers of the test cases, and ht a hand made of copies of the vertices of its test case. The text that GradBench's lstm reads is not
part of its repository's small files: here it is random letters, which is the same work.
"""
from __future__ import annotations

import json
import pathlib
import string
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

CASES = pathlib.Path(__file__).parents[2] / "tests" / "cases" / "gradbench"
SEED = 31337
Workload = tuple[str, Any]

# The primal, and its derivative.
FUNCTIONS = {
    "hello": ("square", "double"),
    "llsq": ("primal", "gradient"),
    "lse": ("primal", "gradient"),
    "det": ("primal", "gradient"),
    "ode": ("primal", "gradient"),
    "kmeans": ("cost", "dir"),
    "gmm": ("objective", "jacobian"),
    "lstm": ("objective", "jacobian"),
    "ba": ("objective", "jacobian"),
    "ht": ("objective", "jacobian"),
    "saddle": ("rr", "ff"),
    "particle": ("rr", "ff"),
}


def hello() -> Iterator[Workload]:
    for x in (1.0, 4.0):
        yield f"x={x:g}", x


def llsq(sizes: tuple[int, ...] = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8196, 16392)) -> Iterator[Workload]:
    draw = np.random.RandomState(SEED)
    for n in sizes:
        yield f"n={n},m=128", {"x": draw.rand(128).tolist(), "n": n}


def lse() -> Iterator[Workload]:
    draw = np.random.RandomState(SEED)
    for n in (2500 * 2**k for k in range(10)):
        yield f"n={n}", {"x": draw.rand(n).tolist()}


def det() -> Iterator[Workload]:
    draw = np.random.RandomState(SEED)
    for ell in range(5, 12):
        yield f"{ell}", {"A": draw.rand(ell * ell).tolist(), "ell": ell}


def ode() -> Iterator[Workload]:
    draw = np.random.RandomState(SEED)
    for n, s in sorted(product((1000, 10_000, 100_000), (1, 10, 100)), key=np.prod):
        yield f"n={n},s={s}", {"x": draw.rand(n).tolist(), "s": s}


def kmeans() -> Iterator[Workload]:
    draw = np.random.RandomState(SEED)
    for k, n, d in sorted(product((10, 100, 1000), (1000, 10_000), (8, 16)), key=np.prod):
        points = draw.rand(n, d).tolist()
        yield f"k={k},n={n},d={d}", {"points": points, "centroids": points[-k:]}


def mixture(d: int, k: int, n: int = 1000) -> dict[str, Any]:
    draw = np.random.default_rng(SEED)
    x, alpha = draw.normal(size=(n, d)), draw.normal(size=k)
    mu, q, below = draw.uniform(size=(k, d)), draw.normal(size=(k, d)), draw.normal(size=(k, d * (d - 1) // 2))
    arrays = {"x": x, "alpha": alpha, "mu": mu, "q": q, "l": below}
    return {"d": d, "k": k, "n": n, "m": 0, "gamma": 1.0, **{name: array.tolist() for name, array in arrays.items()}}


def gmm() -> Iterator[Workload]:
    for d, k in sorted(product((2, 10, 20, 32, 64), (5, 10, 25, 50, 100)), key=np.prod):
        yield f"{d}_{k}_1000", mixture(d, k)


def lstm() -> Iterator[Workload]:
    draw = np.random.RandomState(SEED)
    letters = draw.choice(list(string.ascii_letters + " .,;"), 8192)
    bits = 14  # its text has characters that need as many
    text = [[float(bit) for bit in f"{ord(letter):0{bits}b}"] for letter in letters]
    for layers, c in sorted(product((2, 4, 6), (1024, 4096, 8192)), key=np.prod):
        state, main, extra = draw.random((2 * layers, bits)), draw.random((2 * layers, 4 * bits)), draw.random((3, bits))
        parameters = {"main_params": main.tolist(), "extra_params": extra.tolist(), "state": state.tolist()}
        yield f"l={layers},c={c}", {**parameters, "sequence": text[:c]}


def ba() -> Iterator[Workload]:
    cases = json.loads((CASES / "ba.json").read_text())["cases"]
    for case in cases[1:15]:
        name = case["file"].removesuffix(".txt")
        n, m, p = (int(part[1:]) for part in name.split("_")[1:])
        one = case["input"]
        given = {"n": n, "m": m, "p": p, "cam": one["cams"][0], "x": one["x"][0], "w": one["w"][0], "feat": one["feats"][0]}
        yield name, given


def ht(evals: pathlib.Path | None = None) -> Iterator[Workload]:
    if evals is None:
        yield from hands()
        return
    for variant, size in (("simple", "small"), ("complicated", "big")):
        folder = evals / "ht" / "data" / f"{variant}_{size}"
        model = hand_model(folder / "model")
        files = {int(path.name.split("_")[0][4:]): path for path in folder.glob("hand*.txt")}
        for number in range(1, 13):
            if number in files:
                yield f"{variant}_{size}/{files[number].stem}", measured_hand(files[number], model, variant == "complicated")


def hands() -> Iterator[Workload]:
    """The hands of the test cases with 500 and 10,000 vertices: their few vertices, again and again, slightly moved."""
    draw = np.random.RandomState(SEED)
    for variant, vertices, counts in (("simple", 544, (100, 800)), ("complicated", 10_000, (100, 6400))):
        one = json.loads((CASES / f"ht_{variant}.json").read_text())["input"]
        which = np.arange(vertices) % len(one["base_positions"])
        positions = np.array(one["base_positions"])[which]
        positions[:, :3] += 0.01 * draw.rand(vertices, 3)
        model = {name: one[name] for name in ("parents", "base_relatives", "inverse_base_absolutes")}
        model |= {"bone_count": 22, "bone_names": [f"bone{k}" for k in range(22)], "is_mirrored": False}
        model |= {"base_positions": positions.tolist(), "weights": np.array(one["weights"])[which].tolist()}
        model["triangles"] = draw.randint(vertices, size=(2 * vertices, 3)).tolist()
        for count in counts:
            targets = len(model["triangles"]) if variant == "complicated" else vertices
            data = {"model": model, "correspondences": draw.randint(targets, size=count).tolist(), "points": draw.rand(count, 3).tolist()}
            us = draw.rand(count, 2).tolist() if variant == "complicated" else []
            yield f"{variant},v={vertices},n={count}", {"theta": one["theta"], "data": data, "us": us}


def hand_model(folder: pathlib.Path) -> dict[str, Any]:
    """ADBench's text files, numbers between colons: bones (name, parent, two matrices), vertices (position, …, weights), triangles."""
    bones = [line.split(":") for line in (folder / "bones.txt").read_text().splitlines()]
    vertices = [line.split(":") for line in (folder / "vertices.txt").read_text().splitlines()]
    weights = np.zeros((len(vertices), len(bones)))
    for row, parts in zip(weights, vertices, strict=True):
        for at in range(9, 9 + 2 * int(parts[8]), 2):
            row[int(parts[at])] = float(parts[at + 1])
    return {
        "bone_count": len(bones),
        "bone_names": [bone[0] for bone in bones],
        "parents": [int(bone[1]) for bone in bones],
        "base_relatives": np.array([bone[2:18] for bone in bones], float).reshape(-1, 4, 4).tolist(),
        "inverse_base_absolutes": np.array([bone[18:34] for bone in bones], float).reshape(-1, 4, 4).tolist(),
        "base_positions": [[*map(float, parts[:3]), 1.0] for parts in vertices],
        "weights": weights.tolist(),
        "triangles": [[int(part) for part in line.split(":")] for line in (folder / "triangles.txt").read_text().splitlines()],
        "is_mirrored": False,
    }


def measured_hand(path: pathlib.Path, model: dict[str, Any], complicated: bool) -> dict[str, Any]:
    """A head with two counts; for each point its vertex or triangle and where it was measured; coordinates within triangles; theta."""
    (count, *_), *lines = (line.split() for line in path.read_text().splitlines() if line.strip())
    n = int(count)
    points = lines[:n]
    us, lines = (lines[n : 2 * n], lines[2 * n :]) if complicated else ([], lines[n:])
    return {
        "theta": [float(line[0]) for line in lines],
        "us": [[float(part) for part in line] for line in us],
        "data": {
            "model": model,
            "correspondences": [int(line[0]) for line in points],
            "points": [[float(part) for part in line[1:]] for line in points],
        },
    }


def saddle() -> Iterator[Workload]:
    yield "start=1,1", {"start": [1.0, 1.0]}


def particle() -> Iterator[Workload]:
    yield "w=0", {"w": 0.0}


def workloads(module: str, evals: pathlib.Path | None = None) -> Iterator[Workload]:
    """What GradBench's evaluation of a module asks for by default; for ht also the small hands."""
    if module == "ht":
        yield from ht(evals)
        return
    makers = {"hello": hello, "llsq": llsq, "lse": lse, "det": det, "ode": ode, "kmeans": kmeans, "gmm": gmm, "lstm": lstm, "ba": ba,
              "saddle": saddle, "particle": particle}  # fmt: skip
    yield from makers[module]()
