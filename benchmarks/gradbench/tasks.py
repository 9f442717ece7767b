"""What GradBench asks for, module by module: how its input becomes a point, what is computed of the program, how the answer looks.

The programs are those of samples/gradbench. A `Task` names outputs of one of them, or one output and the inputs to differentiate by.
Everything but the run itself (reading, conversion to arrays, compilation, the shape of the answer) is outside of what is timed.
"""
from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

PROGRAMS = pathlib.Path(__file__).parents[2] / "samples" / "gradbench"
CAMERA = 11  # numbers of a camera of ba
JOINED = CAMERA + 3 + 1  # columns of a residual of ba: of its camera, its point, its weight


def same(given: Any) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in ("min_runs", "min_seconds")}


def number(given: Any) -> dict[str, Any]:
    return {"x": given}


def gmm(given: Mapping[str, Any]) -> dict[str, Any]:
    d, k = given["d"], given["k"]
    arrays = {name: np.array(given[name], float) for name in ("alpha", "mu", "q", "x")}
    return {**arrays, "l": np.array(given["l"], float).reshape(k, d * (d - 1) // 2), "gamma": given["gamma"], "m": given["m"]}


def lstm(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: np.array(given[name], float) for name in ("main_params", "extra_params", "state", "sequence")}


def ba(given: Mapping[str, Any]) -> dict[str, Any]:
    """A file of ba says one camera, point, weight and feature, and how often each is repeated."""
    return {
        "cams": np.tile(np.array(given["cam"], float), (given["n"], 1)),
        "x": np.tile(np.array(given["x"], float), (given["m"], 1)),
        "w": np.full(given["p"], float(given["w"])),
        "feats": np.tile(np.array(given["feat"], float), (given["p"], 1)),
    }


def ht(given: Mapping[str, Any]) -> dict[str, Any]:
    data, model = given["data"], given["data"]["model"]
    names = "parents", "base_relatives", "inverse_base_absolutes", "base_positions", "weights", "triangles"
    return {
        "theta": np.array(given["theta"], float),
        "us": np.array(given["us"], float).reshape(-1, 2),
        **{name: np.array(model[name], float) for name in names},
        "correspondences": np.array(data["correspondences"], float),
        "points": np.array(data["points"], float),
        "is_mirrored": float(model["is_mirrored"]),
    }


def plain(results: Sequence[Any], point: Mapping[str, Any]) -> Any:
    (only,) = results
    return only.tolist() if hasattr(only, "tolist") else only


def flat(results: Sequence[Any], point: Mapping[str, Any]) -> list[float]:
    return np.concatenate([np.ravel(r) for r in results]).tolist()


def by_name(results: Sequence[Any], point: Mapping[str, Any]) -> dict[str, Any]:
    return {name: r.tolist() for name, r in zip(("alpha", "mu", "q", "l"), results, strict=True)}


def errors(results: Sequence[Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """All observations of a file are alike: the first, and how many there are."""
    reprojection, weight = results
    return {
        "reproj_error": {"elements": reprojection[0].tolist(), "repeated": len(reprojection)},
        "w_err": {"element": float(weight[0]), "repeated": len(weight)},
    }


def sparse(point: Mapping[str, Any]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """What makes the Jacobian in compressed rows of blocks and slopes: where each row starts, the columns of its entries, the entries."""
    n, m, p = len(point["cams"]), len(point["x"]), len(point["w"])
    entries = 2 * p * JOINED
    rows, cols, values = np.empty(3 * p + 1, np.int32), np.empty(entries + p, np.int32), np.empty(entries + p)
    residual, weight = np.arange(2 * p + 1, dtype=np.int32), np.arange(p, dtype=np.int32)
    own, row = cols[:entries].reshape(p, 2, JOINED), np.empty((p, JOINED), np.int32)

    def made(results: Sequence[Any]) -> Sequence[Any]:
        blocks, slopes = results
        np.multiply(residual, JOINED, out=rows[: 2 * p + 1])
        np.add(weight, entries + 1, out=rows[2 * p + 1 :])
        row[:, :CAMERA] = np.arange(CAMERA * n, dtype=np.int32).reshape(n, CAMERA)[weight % n]
        row[:, CAMERA:-1] = np.arange(CAMERA * n, CAMERA * n + 3 * m, dtype=np.int32).reshape(m, 3)[weight % m]
        row[:, -1] = weight
        row[:, -1] += CAMERA * n + 3 * m
        own[:] = row[:, None]
        np.add(weight, CAMERA * n + 3 * m, out=cols[entries:])
        np.copyto(values[:entries], blocks.ravel())
        np.copyto(values[entries:], slopes)
        return rows, cols, values

    return made


def repeated(results: Sequence[Any], point: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The entries of the first observation and the last of each list."""
    lists = zip(("rows", "cols", "vals"), results, strict=True)
    return {name: [*every[: 2 * JOINED].tolist(), every[-1].item()] for name, every in lists}


def rows(results: Sequence[Any], point: Mapping[str, Any]) -> list[list[float]]:
    """The rows of the Jacobian of ht; in the complicated variant, the two columns of each point's own coordinates come first."""
    by_us, by_theta = results
    columns = by_theta.reshape(-1, 26)
    if len(point["us"]):
        columns = np.hstack([by_us.reshape(2, -1).T, columns])
    return columns.tolist()


@dataclass(frozen=True)
class Task:
    """Outputs of a program, or the gradient of one by the inputs `wrt`.

    finish gives, for a point, what is done with the outputs as part of the work and its time; answer, which is not, the shape that
    GradBench expects.
    """

    program: str
    outputs: tuple[str, ...]
    point: Callable[[Any], dict[str, Any]] = same
    wrt: tuple[str, ...] = ()
    answer: Callable[[Sequence[Any], Mapping[str, Any]], Any] = plain
    finish: Callable[[Mapping[str, Any]], Callable[[Sequence[Any]], Sequence[Any]]] | None = None


MIXTURE = "alpha", "mu", "q", "l"
NETWORK = "main_params", "extra_params"
VARIANTS = "rr", "rf", "fr", "ff"  # modes of the inner and the outer derivative: here one program, whose nesting needs no choice
TASKS: dict[tuple[str, str], Task] = {
    ("hello", "square"): Task("hello", ("square",), number),
    ("hello", "double"): Task("hello", ("square",), number, ("x",)),
    ("llsq", "primal"): Task("llsq", ("misfit",)),
    ("llsq", "gradient"): Task("llsq", ("misfit",), wrt=("x",)),
    ("lse", "primal"): Task("lse", ("lse",)),
    ("lse", "gradient"): Task("lse", ("lse",), wrt=("x",)),
    ("det", "primal"): Task("det", ("determinant",)),
    ("det", "gradient"): Task("det", ("determinant",), wrt=("A",)),
    ("ode", "primal"): Task("ode", ("y",)),
    ("ode", "gradient"): Task("ode", ("last",), wrt=("x",)),
    ("kmeans", "cost"): Task("kmeans", ("cost",)),
    ("kmeans", "dir"): Task("kmeans", ("dir",)),
    ("gmm", "objective"): Task("gmm", ("posterior",), gmm),
    ("gmm", "jacobian"): Task("gmm", ("posterior",), gmm, MIXTURE, by_name),
    ("lstm", "objective"): Task("lstm", ("loss",), lstm),
    ("lstm", "jacobian"): Task("lstm", ("loss",), lstm, NETWORK, flat),
    ("ba", "objective"): Task("ba", ("reproj_err", "w_err"), ba, answer=errors),
    ("ba", "jacobian"): Task("ba", ("blocks", "w_slope"), ba, answer=repeated, finish=sparse),
    ("ht", "objective"): Task("ht", ("err",), ht, answer=flat),
    ("ht", "jacobian"): Task("ht", ("by_us", "by_theta"), ht, answer=rows),
    **{("saddle", variant): Task("saddle", ("saddle",)) for variant in VARIANTS},
    **{("particle", variant): Task("particle", ("control",)) for variant in VARIANTS},
}
MODULES = {module for module, _ in TASKS}
