"""Training runs: the numbers of a logistic regression, what is refused, and runs that are taken up again to the same bits."""

from __future__ import annotations

import json
import math
import os
import pathlib
import random
import resource
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

import adcli
from adcli.api.engine import available
from adcli.api.objective import Objective
from adcli.api.training import Settings, Shuffle, Training
from adcli.data.checkpoint import decode, encode
from adcli.errors import DataError, EvaluationError
from tests.invoke import environment, invoke

LOGISTIC = """input w: [3]
input x: [3]
input t
h = 1/(1 + exp(-sum(w*x)))
output l = t*ln(h) + (1 - t)*ln(1 - h)
"""
FOUR = "x[0],x[1],x[2],t\n1,0.1,0.2,0\n1,0.4,0.3,0\n1,0.8,0.6,1\n1,0.5,0.9,1\n"
X, T = np.array([[1, 0.1, 0.2], [1, 0.4, 0.3], [1, 0.8, 0.6], [1, 0.5, 0.9]]), np.array([0.0, 0.0, 1.0, 1.0])
ENGINES = ["native", "columns", "interpret"] if available() else ["columns", "interpret"]
FUZZ = "ADCLI_FUZZ" in os.environ


def four(engine: str = "columns") -> Objective:
    return Objective(adcli.compile(LOGISTIC), {"x": X, "t": T}, {"w": [1, 1, 1]}, ["w"], engine=engine)


def many(engine: str = "columns", rows: int = 103) -> Objective:
    draw = np.random.default_rng(3)
    x = np.hstack([np.ones((rows, 1)), draw.uniform(size=(rows, 2))])
    return Objective(adcli.compile(LOGISTIC), {"x": x, "t": (x.sum(1) >= 2).astype(float)}, {"w": [1, 1, 1]}, ["w"], engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_four_points_of_the_seed(engine: str) -> None:
    """Per-sample ascent in file order; the numbers are those of a run with 50 digits."""
    one = Training(four(engine), Settings("sgd", 0.01, 1, 1, maximize=True))
    one.go()
    np.testing.assert_allclose(one.x, [0.985393799240997, 0.9969392616050208, 0.997167058802757], rtol=0, atol=1e-12)
    all_ = Training(four(engine), Settings("sgd", 0.01, 300, 1, maximize=True))
    all_.go()
    np.testing.assert_allclose(all_.x, [-0.8573561909544304, 1.1021589699516432, 1.2744223252325848], rtol=0, atol=1e-12)
    assert (all_.epoch, all_.step, len(all_.history)) == (300, 1200, 301)
    assert [entry.objective for entry in all_.history] == sorted(entry.objective for entry in all_.history)


KINDS = [
    Settings("sgd", 0.05, 12, 1, maximize=True), Settings("sgd", 0.05, 12, 10, shuffle=True, seed=7, maximize=True),
    Settings("momentum", 0.01, 12, 7, shuffle=True, maximize=True),
    Settings("momentum", 0.01, 12, None, decay=0.5, nesterov=True, maximize=True),
    Settings("adam", 0.1, 12, 50, shuffle=True, seed=2**70, maximize=True), Settings("gd", 0.01, 12),
]  # fmt: skip


@pytest.mark.parametrize("settings", KINDS, ids=lambda s: f"{s.optimizer}-{s.batch}")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_run_taken_up_goes_on_to_the_same_bits(engine: str, settings: Settings) -> None:
    whole = Training(many(engine), settings)
    whole.go()

    class Stop(Exception):
        pass

    for stop in sorted({1, 2, whole.step // 3, whole.step // 2 + 1, whole.step}):
        first = Training(many(engine), settings)

        def watch(run: Training = first, stop: int = stop) -> None:
            if run.step == stop:
                raise Stop

        with pytest.raises(Stop):
            first.go(watch)
        kept = json.loads(json.dumps(first.state()))
        second = Training(many(engine), settings)
        second.restore(kept)
        assert second.identity() == first.identity()
        second.go()
        assert second.x.tobytes() == whole.x.tobytes()
        assert second.history == whole.history
        assert second.state() == whole.state()


def test_more_epochs_continue_a_run() -> None:
    for settings in KINDS:
        whole = Training(many(), settings)
        whole.go()
        short = Training(many(), Settings(**{**vars(settings), "epochs": 5}))
        short.go()
        longer = Training(many(), settings)
        longer.restore(short.state())
        longer.go()
        assert longer.state() == whole.state()


def test_full_batches_are_gradient_descent() -> None:
    f = many()
    run = Training(f, Settings("gd", 0.01, 5))
    run.go()
    x = f.start.copy()
    values = []
    for _ in range(5):
        value, g = f.gradient(x)
        values.append(value)
        x -= 0.01 * g
    assert run.x.tobytes() == x.tobytes()
    assert [entry.objective for entry in run.history] == [*values, f.gradient(x)[0]]


def test_an_order_is_a_permutation_drawn_from_its_seed() -> None:
    orders = [Shuffle(seed).order(1000) for seed in (1, 1, 2)]
    assert sorted(orders[0].tolist()) == list(range(1000))
    assert orders[0].tolist() == orders[1].tolist() != orders[2].tolist()
    shuffle = Shuffle(1)
    shuffle.order(1000)
    kept = shuffle.state()
    again = Shuffle(9)
    again.restore(kept)
    assert shuffle.order(50).tolist() == again.order(50).tolist()
    # Of one seed, so that a version of NumPy that draws other numbers is noticed.
    assert Shuffle(0).order(8).tolist() == [3, 2, 1, 6, 0, 7, 4, 5]


def test_a_state_that_fits_no_run_is_refused() -> None:
    run = Training(many(), KINDS[4])
    run.go()
    good = run.state()
    for name, bad in (
        ("parameters", [1.0]), ("parameters", "no"), ("epoch", -1), ("epoch", 1.5), ("step", True), ("position", 10**6), ("optimizer", {}),
        ("optimizer", {**good["optimizer"], "t": -2}), ("random", {}), ("random", {**good["random"], "generator": "MT19937"}),
        ("random", {**good["random"], "state": str(2**128)}), ("random", None), ("history", [[1]]), ("history", 3),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            Training(many(), KINDS[4]).restore({**good, name: bad})
    with pytest.raises(ValueError):
        Training(many(), KINDS[4]).restore({k: v for k, v in good.items() if k != "step"})


def test_a_checkpoint_reads_back_and_nothing_damaged_does() -> None:
    content = {"x": [0.1, 1e-320, -0.0, 1.7976931348623157e308], "n": str(2**127)}
    data = encode(content)
    assert json.dumps(decode(data, "c", "")) == json.dumps(content)
    for k in range(len(data)):
        for bad in (data[:k], data[:k] + bytes([data[k] ^ 1]) + data[k + 1 :]):
            with pytest.raises(DataError):
                decode(bad, "c", "")
    with pytest.raises(DataError):
        decode(data + b"x", "c", "")


@pytest.mark.parametrize("batch", [1, 5, None])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_number_that_is_not_finite_stops_the_run(engine: str, batch: int | None) -> None:
    program = adcli.compile("input x; input b\noutput y = x*ln(b)")
    f = Objective(program, {"x": [1.0, 1.0, 1.0, 2.0, 1.0, 1.0]}, {"b": 0.35}, ["b"], engine=engine, where="line {}".format)
    run = Training(f, Settings("sgd", 0.05, 9, batch))
    with pytest.raises(EvaluationError, match=r"objective is nan at step \d+, in epoch \d") as caught:
        run.go()
    assert "line " in caught.value.message and "ln" in caught.value.message
    assert np.isfinite(run.x).all() and run.x[0] < 0  # where it was before that step
    assert f"step {run.step + 1}" in caught.value.message


# The command.


@pytest.fixture
def files(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "lr.adl").write_text(LOGISTIC)
    (tmp_path / "four.csv").write_text(FOUR)
    return tmp_path


FIT = ["fit", "lr.adl", "--data", "four.csv", "--params", "w=[1,1,1]", "--maximize"]


def test_json_of_a_run(files: pathlib.Path) -> None:
    done = invoke([*FIT, "--optimizer", "sgd", "--epochs", "300", "--json"], at=files)
    assert done.code == 0 and done.err == ""
    found = json.loads(done.out)
    np.testing.assert_allclose(found["params"]["w"], [-0.8573561909544304, 1.1021589699516432, 1.2744223252325848], rtol=0, atol=1e-12)
    assert found["schema"] == "adcli/fit/1" and found["converged"] is None and found["iterations"] == 1200
    h = 1 / (1 + np.exp(-X @ found["params"]["w"]))
    assert found["objective"] == pytest.approx(float(np.sum(np.log(np.where(T > 0, h, 1 - h)))), rel=1e-13)
    assert found["gradient_norm"] == pytest.approx(float(np.linalg.norm(X.T @ (T - h))), rel=1e-12)


@pytest.mark.parametrize(("words", "loss"), [
    (["a + b*x", "--target", "log(y)", "--weights", "x"], lambda x, y, a, b: x*(np.log(y) - a - b*x)**2),
    (["y1 = a + b*x; y2 = 2*a\noutput y1\noutput y2", "--of", "y1", "--target", "y"], lambda x, y, a, b: (y - a - b*x)**2),
    (["a + b*x", "--loss", "softplus(value) - y*value"], lambda x, y, a, b: np.logaddexp(0, a + b*x) - y*(a + b*x)),
    (["--loss", "(y - a - b*x)^4"], lambda x, y, a, b: (y - a - b*x)**4),
    (["abs(y - a - b*x)"], lambda x, y, a, b: abs(y - a - b*x)),
])  # fmt: skip
@pytest.mark.parametrize("mean", [False, True])
def test_what_is_trained_on(files: pathlib.Path, words: list[str], loss: Any, mean: bool) -> None:
    (files / "d.csv").write_text("x,y\n1,2\n2,3\n3,3.5\n")
    rest = ["--data", "d.csv", "--params", "a=0.5,b=0.25", "--optimizer", "momentum", "--lr", "0.001", "--epochs", "7", "--json"]
    done = invoke(["fit", *words, *rest, *(["--mean"] if mean else [])], at=files)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    x, y = np.array([1.0, 2.0, 3.0]), np.array([2.0, 3.0, 3.5])
    rows = loss(x, y, found["params"]["a"], found["params"]["b"])
    assert found["objective"] == pytest.approx(np.mean(rows) if mean else np.sum(rows), rel=1e-12)
    assert found["kind"] == ("mean of loss" if mean else "sum of loss")
    assert found["objective"] < found["training"]["objective_at_start"]


def test_flags_at_the_end_are_told(files: pathlib.Path) -> None:
    (files / "d.csv").write_text("x\n1\n0\n2\n")
    done = invoke(["fit", "abs(x*b) + b^2", "--data", "d.csv", "--params", "b=1", "--optimizer", "gd", "--epochs", "2"], at=files)
    assert done.code == 0 and "(1 row)" in done.err and "nondifferentiable" in done.err


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_history(files: pathlib.Path, suffix: str) -> None:
    done = invoke([*FIT, "--optimizer", "sgd", "--epochs", "3", "--history", f"h.{suffix}"], at=files)
    assert done.code == 0
    lines = (files / f"h.{suffix}").read_text().splitlines()
    if suffix == "csv":
        assert lines[0] == "epoch,step,objective,w[0],w[1],w[2]" and len(lines) == 5
        rows = [[float(cell) for cell in line.split(",")] for line in lines[1:]]
    else:
        rows = [list(json.loads(line).values()) for line in lines]
    assert [row[:2] for row in rows] == [[0, 0], [1, 4], [2, 8], [3, 12]]
    assert rows[1][3:] == pytest.approx([0.985393799240997, 0.9969392616050208, 0.997167058802757], abs=1e-12)


OPTIONS: list[tuple[list[str], str]] = [
    (["--lr", "0.1"], "--lr goes with --optimizer"),
    (["--checkpoint-every", "3"], "--checkpoint-every goes with --optimizer"),
    (["--optimizer", "gd", "--batch", "4"], "gd takes all rows"),
    (["--optimizer", "sgd", "--momentum", "0.5"], "--momentum goes with --optimizer momentum"),
    (["--optimizer", "adam", "--nesterov"], "--nesterov goes with"),
    (["--optimizer", "sgd", "--seed", "1"], "--seed goes with --order shuffle"),
    (["--optimizer", "sgd", "--resume"], "--resume goes with --checkpoint"),
    (["--optimizer", "sgd", "--checkpoint-every", "3"], "--checkpoint-every goes with --checkpoint"),
    (["--optimizer", "sgd", "--batch", "0"], "'0' is no number of rows"),
    (["--optimizer", "sgd", "--batch", "some"], "'some' is no number of rows"),
    (["--optimizer", "sgd", "--checkpoint", "c", "--checkpoint-every", "3 days"], "'3 days' is neither"),
    (["--optimizer", "sgd", "--lr", "0"], "--lr"),
    (["--optimizer", "sgd", "--epochs", "0"], "--epochs"),
    (["--optimizer", "sgd", "--history", "h.txt"], "is neither .csv nor .jsonl"),
    (["--optimizer", "sgd", "--fix", "w"], "nothing to train"),
    (["--optimizer", "sgd", "--lr", "inf"], "inf is not a finite number"),
    (["--optimizer", "sgd", "--bounds", "w=0:1"], "--bounds is not for training runs"),
    (["--optimizer", "sgd", "--predict", "c.csv"], "--predict is not for training runs"),
    (["--optimizer", "sgd", "--target", "t", "--loss", "l"], "--loss takes the place of --target"),
    (["--optimizer", "sgd", "--weights", "t"], "--weights goes with --target"),
    (["--optimizer", "sgd", "--target", "h"], "the program computes 'h' itself"),
    (["--optimizer", "sgd", "--plot", "--json"], "--plot draws below the results"),
]


@pytest.mark.parametrize(("words", "said"), OPTIONS, ids=[said[:24] for _, said in OPTIONS])
def test_options_that_make_no_sense(files: pathlib.Path, words: list[str], said: str) -> None:
    done = invoke([*FIT[:-1], *words], at=files)
    assert done.code == 2 and said in done.err and "help: " in done.err
    assert not list(files.glob("c*")) and not list(files.glob("h.*"))


RUN = [*FIT, "--optimizer", "momentum", "--batch", "3", "--order", "shuffle", "--checkpoint", "c.ck", "--json"]


def test_a_checkpoint_is_gone_on_with(files: pathlib.Path) -> None:
    whole = invoke([*RUN, "--epochs", "30", "--history", "h.csv"], at=files)
    assert whole.code == 0
    history = (files / "h.csv").read_text()
    kept = (files / "c.ck").read_bytes()
    again = invoke([*RUN, "--epochs", "30", "--resume"], at=files)  # there is nothing left to do
    assert again.out == whole.out and (files / "c.ck").read_bytes() == kept
    (files / "c.ck").unlink()
    (files / "c.ck.1").unlink()
    assert invoke([*RUN, "--epochs", "10"], at=files).code == 0
    resumed = invoke([*RUN, "--epochs", "30", "--resume", "--history", "h.csv"], at=files)
    assert resumed.out == whole.out
    assert (files / "h.csv").read_text() == history
    assert decode((files / "c.ck.1").read_bytes(), "c", "")["state"]["epoch"] == 10
    assert sorted(p.name for p in files.iterdir()) == ["c.ck", "c.ck.1", "four.csv", "h.csv", "lr.adl"]


def test_a_checkpoint_is_written_as_often_as_asked(files: pathlib.Path) -> None:
    assert invoke([*RUN, "--epochs", "9", "--checkpoint-every", "7steps"], at=files).code == 0
    state = decode((files / "c.ck.1").read_bytes(), "c", "")["state"]
    assert (state["step"], state["epoch"], state["position"]) == (14, 7, 0)
    for path in files.glob("c.*"):
        path.unlink()
    assert invoke([*RUN, "--epochs", "9", "--checkpoint-every", "4"], at=files).code == 0
    assert decode((files / "c.ck.1").read_bytes(), "c", "")["state"]["epoch"] == 8


def test_what_a_killed_run_left_is_cleared(files: pathlib.Path) -> None:
    """Killed while writing, and between the two renames, when FILE and FILE.1 are one file."""
    assert invoke([*RUN, "--epochs", "4"], at=files).code == 0
    (files / "c.ck.1").unlink()
    os.link(files / "c.ck", files / "c.ck.1")
    (files / "c.ck.new").write_text("half")
    assert invoke([*RUN, "--epochs", "6", "--resume", "--checkpoint-every", "1"], at=files).code == 0
    assert sorted(p.name for p in files.glob("c.*")) == ["c.ck", "c.ck.1"]
    assert [decode((files / name).read_bytes(), name, "")["state"]["epoch"] for name in ("c.ck.1", "c.ck")] == [5, 6]


@pytest.mark.parametrize("links", [True, False])
def test_a_file_system_without_links_keeps_two_as_well(files: pathlib.Path, links: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not links:
        monkeypatch.setattr(os, "link", lambda *paths: os.stat(""))
    assert invoke([*RUN, "--epochs", "6", "--checkpoint-every", "1"], at=files).code == 0
    assert [decode((files / name).read_bytes(), name, "")["state"]["epoch"] for name in ("c.ck.1", "c.ck")] == [5, 6]


def test_a_file_that_is_there_is_not_overwritten(files: pathlib.Path) -> None:
    (files / "c.ck").write_text("mine")
    done = invoke(RUN, at=files)
    assert done.code == 2 and "--resume" in done.err
    assert (files / "c.ck").read_text() == "mine"


@pytest.mark.parametrize("damage", ["cut", "bit", "foreign", "empty"])
def test_a_damaged_checkpoint_is_refused(files: pathlib.Path, damage: str) -> None:
    assert invoke([*RUN, "--epochs", "4", "--checkpoint-every", "1"], at=files).code == 0
    good = (files / "c.ck").read_bytes()
    bad = {"cut": good[:-1], "bit": good[:300] + bytes([good[300] ^ 4]) + good[301:], "foreign": b'{"w": 1}', "empty": b""}[damage]
    (files / "c.ck").write_bytes(bad)
    done = invoke([*RUN, "--epochs", "9", "--resume"], at=files)
    assert done.code == 4 and "cp c.ck.1 c.ck" in done.err and "Traceback" not in done.err
    assert (files / "c.ck").read_bytes() == bad  # nothing is lost
    (files / "c.ck").write_bytes((files / "c.ck.1").read_bytes())  # what the message says
    resumed = invoke([*RUN, "--epochs", "9", "--resume"], at=files)
    for path in files.glob("c.*"):
        path.unlink()
    assert resumed.out == invoke([*RUN, "--epochs", "9"], at=files).out


def test_the_checkpoint_before_is_offered_where_the_last_is_missing(files: pathlib.Path) -> None:
    assert invoke([*RUN, "--epochs", "4"], at=files).code == 0
    (files / "c.ck").unlink()
    done = invoke([*RUN, "--epochs", "4", "--resume"], at=files)
    assert done.code == 4 and "c.ck.1" in done.err


def test_resume_before_the_first_checkpoint_begins_at_the_start(files: pathlib.Path) -> None:
    done = invoke([*RUN, "--resume"], at=files)
    assert done.code == 0 and done.err == "note: there is no c.ck yet: the run begins at the start\n"


CHANGES: list[tuple[list[str], str]] = [
    (["--lr", "0.02"], "--lr is 0.02 and was 0.01"),
    (["--batch", "2"], "--batch is 2 and was 3"),
    (["--order", "file"], "--order is file and was shuffle"),
    (["--seed", "4"], "--seed is 4 and was 0"),
    (["--optimizer", "adam"], "--optimizer is adam and was momentum"),
    (["--momentum", "0.5"], "--momentum is 0.5 and was 0.9"),
    (["--nesterov"], "--nesterov is on and was off"),
    (["--params", "w=[1,1,2]"], "the start (--params) is another"),
    (["--fix", "w[0]"], "other parameters move"),
    (["--engine", "interpret"], "--engine is interpret and was columns"),
    (["--epochs", "3"], "in epoch 4 already, and --epochs says 3"),
]


@pytest.mark.parametrize(("words", "said"), CHANGES, ids=[words[0] for words, _ in CHANGES])
def test_another_run_is_refused(files: pathlib.Path, words: list[str], said: str) -> None:
    start = [*FIT, "--optimizer", "momentum", "--batch", "3", "--order", "shuffle", "--checkpoint", "c.ck"]
    assert invoke([*start, "--epochs", "4"], at=files).code == 0
    kept = (files / "c.ck").read_bytes()
    taken = [word for word in start if words[0] != "--params" or word not in ("--params", "w=[1,1,1]")]
    done = invoke([*taken, "--epochs", "9", *words, "--resume"], at=files)
    assert done.code == 2 and said in done.err
    assert (files / "c.ck").read_bytes() == kept


def test_another_program_or_other_data_are_refused(files: pathlib.Path) -> None:
    assert invoke([*RUN, "--epochs", "4"], at=files).code == 0
    (files / "lr.adl").write_text(LOGISTIC + "# no longer\n")
    (files / "four.csv").write_text(FOUR.replace("0.9,1", "0.9000000000000001,1"))
    done = invoke([*RUN, "--resume"], at=files)
    assert done.code == 2 and "mismatch" in done.err and "the program is another; the data are others" in done.err


def test_a_loss_that_is_nan_stops_and_keeps_the_checkpoint(files: pathlib.Path) -> None:
    (files / "d.csv").write_text("x\n" + "1\n" * 36 + "-1\n" + "1\n" * 20)
    words = ["fit", "sqrt(x)*b^2", "--data", "d.csv", "--params", "b=1", "--optimizer", "sgd", "--checkpoint", "c.ck", "--history", "h.csv"]
    done = invoke(words, at=files)
    assert done.code == 5 and done.out == ""
    assert "nan at step 37, in epoch 1: d.csv, line 38" in done.err and "sqrt" in done.err
    assert decode((files / "c.ck").read_bytes(), "c", "")["state"]["parameters"] == [1.0]


# The process.


def command(folder: pathlib.Path, *words: str) -> list[str]:
    return [
        sys.executable, "-m", "adcli", "fit", "lr.adl", "--data", "many.csv", "--params", "w=[1,1,1]", "--maximize", "--optimizer", "adam",
        "--batch", "3", "--order", "shuffle", "--epochs", "120", "--engine", "interpret", "--checkpoint", "c.ck",
        "--checkpoint-every", "17steps", "--json", *words,
    ]  # fmt: skip


@pytest.fixture
def long(files: pathlib.Path) -> pathlib.Path:
    draw = np.random.default_rng(8)
    x = draw.uniform(size=(100, 2))
    rows = [f"1,{float(a)!r},{float(b)!r},{int(a + b >= 1)}" for a, b in x]
    (files / "many.csv").write_text("\n".join(["x[0],x[1],x[2],t", *rows]) + "\n")
    return files


def begun(folder: pathlib.Path, *words: str, **settings: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(folder, *words), cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )


def first_save(folder: pathlib.Path) -> None:
    end = time.monotonic() + 60
    while not (folder / "c.ck.1").exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def clean(folder: pathlib.Path) -> None:
    for path in folder.glob("*c.ck*"):
        path.unlink()


def test_runs_killed_at_random_moments_end_with_the_same_bits(long: pathlib.Path) -> None:
    whole = begun(long).communicate(timeout=120)[0]
    last = (long / "c.ck").read_bytes()
    draw = random.Random(1)
    for _ in range(20 if FUZZ else 2):
        clean(long)
        kills = 0
        while True:
            process = begun(long, "--resume")
            try:
                if kills < 3:
                    first_save(long)
                    process.wait(draw.uniform(0, 0.4))
                out, err = process.communicate(timeout=120)
                assert process.returncode == 0, err
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
        assert kills
        assert out == whole
        assert (long / "c.ck").read_bytes() == last


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_the_run(long: pathlib.Path, number: int, code: int) -> None:
    whole = begun(long).communicate(timeout=120)[0]
    clean(long)
    process = begun(long, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    first_save(long)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code and out == "" and "Traceback" not in err
    state = decode((long / "c.ck").read_bytes(), "c", "")["state"]
    assert state["step"] > decode((long / "c.ck.1").read_bytes(), "c", "")["state"]["step"] // 17 * 17 >= 0
    resumed = begun(long, "--resume")
    assert resumed.communicate(timeout=120)[0] == whole


def test_a_full_disk_leaves_the_checkpoint_before(long: pathlib.Path) -> None:
    """A file may have 4 kB, which the history outgrows."""
    whole = begun(long).communicate(timeout=120)[0]
    clean(long)

    def small() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    process = begun(long, preexec_fn=small)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 7 and "c.ck" in err and "Traceback" not in err
    kept = [decode((long / name).read_bytes(), name, "")["state"]["step"] for name in ("c.ck", "c.ck.1")]
    assert kept[0] - kept[1] == 17
    assert sorted(p.name for p in long.glob("*c.ck*")) == ["c.ck", "c.ck.1"]
    assert begun(long, "--resume").communicate(timeout=120)[0] == whole


@pytest.mark.parametrize("option", ["--history", "--plot"])
def test_a_folder_that_is_not_there_shows_at_once(files: pathlib.Path, option: str) -> None:
    suffix = {"--history": "csv", "--plot": "svg"}[option]
    done = invoke([*FIT, "--optimizer", "sgd", "--epochs", "1000000", option, f"no/such.{suffix}"], at=files)
    assert done.code == 7 and f"no/such.{suffix}" in done.err


def test_rows_that_are_all_the_same_are_refused(files: pathlib.Path) -> None:
    done = invoke(["fit", "b^2", "--data", "four.csv", "--params", "b=1", "--optimizer", "gd"], at=files)
    assert done.code == 2 and "no input is a column" in done.err


def test_an_element_that_stays(files: pathlib.Path) -> None:
    words = [*FIT, "--optimizer", "sgd", "--epochs", "5", "--fix", "w[0]=0.25", "--json"]
    found = json.loads(invoke(words, at=files).out)
    assert found["params"]["w"][0] == 0.25 and found["fixed"] == {"w[0]": 0.25}
    x = np.ones(2)
    for _ in range(5):
        for row, label in zip(X, T, strict=True):
            h = 1 / (1 + np.exp(-(0.25 * row[0] + row[1:] @ x)))
            x += 0.01 * (label - h) * row[1:]
    assert found["params"]["w"][1:] == pytest.approx(x.tolist(), rel=1e-12)


def test_batches_in_new_orders_by_hand(files: pathlib.Path) -> None:
    """Two epochs of three rows a step, the orders from NumPy's generator of that seed."""
    words = [*FIT, "--optimizer", "sgd", "--batch", "3", "--order", "shuffle", "--seed", "5", "--epochs", "2", "--json"]
    found = json.loads(invoke(words, at=files).out)
    bits, w = np.random.default_rng(5).bit_generator, np.ones(3)
    for _ in range(2):
        order = np.argsort(bits.random_raw(4), kind="stable")
        for rows in (order[:3], order[3:]):
            w += 0.01 * X[rows].T @ (T[rows] - 1 / (1 + np.exp(-X[rows] @ w)))
    assert found["params"]["w"] == pytest.approx(w.tolist(), rel=1e-13)


def test_where_nothing_can_be_written_shows_at_once(files: pathlib.Path) -> None:
    done = invoke([*FIT, "--optimizer", "sgd", "--epochs", "1000000", "--checkpoint", "no/such/c.ck"], at=files)
    assert done.code == 7 and "no/such/c.ck" in done.err


def test_a_timeout_saves_the_run(files: pathlib.Path) -> None:
    done = invoke([*RUN, "--epochs", "1000000", "--timeout", "0.3"], at=files)
    assert done.code == 6 and "--timeout" in done.err
    assert decode((files / "c.ck").read_bytes(), "c", "")["state"]["step"] > 0
    assert math.isfinite(decode((files / "c.ck").read_bytes(), "c", "")["state"]["parameters"][0])
