"""`adcli check`: right gradients pass, wrong ones do not, and where it cannot be said, it is not said."""

from __future__ import annotations

import ast
import functools
import json
import math
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from adcli import ops
from adcli.api import compile
from adcli.api.check import Checked, _flat, check_program
from adcli.api.derivatives import gradient
from adcli.api.verdict import Evidence, judge
from adcli.engines.differences import along
from adcli.engines.interpret import Interpreter
from adcli.ops.record import Op
from tests.invoke import Outcome, environment, invoke
from tests.test_ops import SMOOTH, inner, partials
from tests.test_reference import FOLDER, cases, words

SAMPLES = pathlib.Path(__file__).parent.parent / "samples"


def found(*words: str, stdin: str = "") -> dict[str, Any]:
    done = invoke(["check", *words, "--json"], stdin)
    assert done.code in (0, 1, 5), done.both
    data: dict[str, Any] = json.loads(done.out)
    assert done.code == {"RIGHT": 0, "WRONG": 1, "NON-SMOOTH": 5, "INCONCLUSIVE": 5}[data["verdict"]]
    return data


# Gradients from elsewhere: program, point, gradient, verdicts.
GIVEN = [
    ("abs(x - 1)", 1.000000001, 0, {"WRONG"}),  # the central difference over larger steps is 0
    ("abs(x - 1)", 1.000000001, 1, {"RIGHT"}),
    ("relu(x - 1)", 1.000000001, 0.5, {"WRONG"}),
    ("relu(x - 1)", 0.999999999, 0, {"RIGHT"}),
    ("abs(x - 1)", 1.0000000000001, 0, {"NON-SMOOTH", "WRONG"}),
    ("floor(x)", 2.5, 0, {"RIGHT"}),
    ("x + 1e-9*sin(1e9*x)", 1, 1, {"WRONG"}),  # of the line that the wave runs along
    ("x + 1e-9*sin(1e9*x)", 1, 1.8378871813639024, {"RIGHT"}),
]


@pytest.mark.parametrize(("program", "x", "gradient", "verdicts"), GIVEN)
def test_gradients_close_to_a_kink_and_at_fine_structure(program: str, x: float, gradient: float, verdicts: set[str]) -> None:
    assert found(program, "--at", f"x={x!r}", "--grad", "-", stdin=json.dumps({"x": gradient}))["verdict"] in verdicts


NAMELESS = [
    (abs, 0.0, 0.0, "NON-SMOOTH"),
    (lambda x: max(x, 0.0), 0.0, 0.5, "NON-SMOOTH"),
    (lambda x: abs(x - 1), 1.000000001, 0.0, "WRONG"),
    (lambda x: max(x - 1, 0.0), 1.000000001, 0.5, "WRONG"),
    (lambda x: math.exp(-1e12 * (x - 1) ** 2), 1.0000003, 0.0, "WRONG"),  # a peak that larger steps jump over
]


@pytest.mark.parametrize(("f", "x", "slope", "verdict"), NAMELESS)
def test_kinks_and_peaks_of_a_function_of_which_nothing_is_known(f: Any, x: float, slope: float, verdict: str) -> None:
    """Central differences give the mean of the slopes from both sides of a kink, which is no derivative."""
    assert judge("x", slope, None, Evidence(along(f), x)).verdict == verdict


ROUNDED = [("sinh((x*x)/(x*x))", "x=1.3568021605988276"), ("hypot(cos(x)*x^2, x/x + x^x)", "x=1e-6"), ("min(x, 1e-3)/(x/3)", "x=1e-6")]


@pytest.mark.parametrize(("program", "at"), ROUNDED)
def test_a_gradient_in_which_terms_cancel(program: str, at: str) -> None:
    """Its own rounding, larger than the error of the differences, is no alarm."""
    assert found(program, "--at", at)["verdict"] == "RIGHT"


def test_a_sharp_difference_outweighs_a_blunt_complex_step() -> None:
    """Im(x + x) is large beside the derivative of 1/(x + x), and so is what rounding might have done to it."""
    for slope, verdict in ((-5e-13, "RIGHT"), (-5.005e-13, "WRONG")):
        assert found("1/(x + x)", "--at", "x=1e6", "--grad", "-", stdin=json.dumps({"x": slope}))["verdict"] == verdict


def test_on_a_kink_rounding_hides_any_gradient() -> None:
    program = "(if x < x { y } else { x }) + sinh(100)"
    for slope in (2.0, -3.0):
        data = found(program, "--at", "x=1,y=0", "--wrt", "x", "--grad", "-", stdin=json.dumps({"x": slope}))
        assert data["verdict"] == "INCONCLUSIVE"


@pytest.mark.parametrize(("program", "x"), [("x^2", "1e-200"), ("exp(-x)", "740"), ("1e-300*x", "1"), ("x + 1e300*(1e-300*x)", "1")])
def test_a_complex_step_that_underflows_is_no_evidence(program: str, x: str) -> None:
    data = found(program, "--at", f"x={x}")
    assert data["verdict"] in ("RIGHT", "INCONCLUSIVE")
    assert data["inputs"][0]["complex_step"] is None


VERDICTS = [
    ("sin(1e6*x)", "x=1", {"RIGHT"}),
    ("x^3", "x=0", {"RIGHT"}),
    ("x1*x2 + sin(x1)", "x1=2,x2=5", {"RIGHT"}),
    ("sum(w^2)*v", "w=[1,2,3],v=2", {"RIGHT"}),
    ("1e20 + x", "x=1", {"RIGHT"}),
    ("x*x", "x=1e-160", {"RIGHT"}),
    ("erf(x)", "x=10", {"RIGHT"}),
    ("x + 1e-9*sin(1e9*x)", "x=1", {"RIGHT"}),
    ("abs(x)", "x=1e-9", {"RIGHT", "NON-SMOOTH"}),
    ("abs(x - 1) + x^2", "x=1.0000001", {"RIGHT", "NON-SMOOTH"}),
    ("max(x, x)", "x=1", {"RIGHT"}),
    ("if x >= 2 { x^2 } else { 4*x - 4 }", "x=2", {"RIGHT"}),
    ("abs(x)", "x=0", {"NON-SMOOTH"}),
    ("floor(x)*x", "x=2", {"NON-SMOOTH"}),
    ("floor(x)", "x=1e6", {"NON-SMOOTH"}),
    ("max(x, y)", "x=1,y=1", {"NON-SMOOTH"}),
    ("sqrt(x)", "x=0", {"NON-SMOOTH"}),
    ("sqrt(x)", "x=-1", {"INCONCLUSIVE"}),
    ("exp(x)", "x=1000", {"INCONCLUSIVE"}),
    ("(1e20 + abs(x)) - 1e20", "x=1", {"INCONCLUSIVE"}),
    ("where(x==1, 1, x^2)", "x=1", {"WRONG"}),
]


@pytest.mark.parametrize(("program", "at", "verdicts"), VERDICTS)
def test_verdicts(program: str, at: str, verdicts: set[str]) -> None:
    data = found(program, "--at", at)
    assert data["verdict"] in verdicts, data


def test_a_kink_is_named_with_its_place() -> None:
    (at_2,) = found("y = x^2\nfloor(x)*y", "--at", "x=2")["inputs"]
    assert "floor at 2:1" in at_2["reason"]


@pytest.mark.parametrize("name", ["kepler", "logistic_map", "survey"])
def test_samples_stand_at_their_own_points(name: str) -> None:
    assert found(str(SAMPLES / f"{name}.adl"))["verdict"] == "RIGHT"


WRONG = [
    ("x1*x2", "x1=2,x2=5", '{"x1": 5, "x2": 2.1}', ["x2"]),
    ("x^3", "x=1", '{"x": 0}', ["x"]),
    ("1e-7*x^3", "x=1", '{"x": 0}', ["x"]),
    ("sin(1e6*x)", "x=1", '{"x": 936752}', ["x"]),
    ("x^2", "x=3", '{"x": null}', ["x"]),
    ("exp(x)", "x=-30", '{"x": 0}', ["x"]),
    ("1e20 + x", "x=1", '{"x": 0}', ["x"]),
    ("sum(w^2)", "w=[1,2,3]", '{"w": [2, 4, 6.0001]}', ["w[2]"]),
    ("exp(x)", "x=1", '{"x": -2.718281828459045}', ["x"]),
]


@pytest.mark.parametrize(("program", "at", "given", "inputs"), WRONG)
def test_a_wrong_gradient_is_wrong(program: str, at: str, given: str, inputs: list[str]) -> None:
    data = found(program, "--at", at, "--grad", "-", stdin=given)
    assert data["verdict"] == "WRONG"
    assert [f["input"] for f in data["inputs"] if f["verdict"] == "WRONG"] == inputs


def test_the_taylor_remainder_falls_with_h_or_with_its_square() -> None:
    (right,) = found("sin(x)", "--at", "x=1")["inputs"]
    (wrong,) = found("sin(x)", "--at", "x=1", "--grad", "-", stdin='{"x": 0.54}')["inputs"]
    assert right["order"] == pytest.approx(2, abs=0.1) and wrong["order"] == pytest.approx(1, abs=0.1)


def test_what_grad_prints_is_right() -> None:
    words = ["x1*x2 + sum(w^3)", "--at", "x1=2,x2=5,w=[1,2]"]
    for form in (["--json"], []):
        printed = invoke(["grad", *words, *form]).out
        assert found(*words, "--grad", "-", stdin=printed)["verdict"] == "RIGHT"
    assert found(*words, "--grad", "-", stdin="5 2 3 12\n")["verdict"] == "RIGHT"


def smooth(name: str) -> list[Any]:
    cases = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
    plain = [c for c in cases if c["command"] == "grad" and not c.get("args") and c["expect"].get("exit", 0) == 0]
    return [pytest.param(c, id=c["id"]) for c in plain]


# flag == 1 jumps at flag = 1, which is one of the inputs.
KINKED = {"futhark.if0_true": "NON-SMOOTH"}
# Their gradient is 0 but for the rounding of the point, so that no difference tells it from its double.
VANISHING = {"scalar.sin.2", "scalar.cos.3", "scalar.erf.4", "scalar.xlogx.1"}


@functools.cache
def program(text: str) -> Any:
    return compile(text)


def checked(case: dict[str, Any], factor: float | None = None) -> Checked:
    f = program(case["program"])
    if factor is None:
        return check_program(f, case["at"], None, None)
    own = gradient(f, case["at"], None, None, "reverse").derivative
    return check_program(f, case["at"], None, None, lambda shapes, names: {n: [factor * x for x in _flat(v)] for n, v in own.items()})


@pytest.mark.parametrize("case", smooth("formulas") + smooth("programs") + smooth("scalar"))
def test_reference_cases_raise_no_alarm_and_their_wrong_gradients_do(case: dict[str, Any]) -> None:
    done = checked(case)
    assert done.verdict == KINKED.get(case["id"], "RIGHT"), done
    if case["id"] in VANISHING or not any(x for v in done.gradient.values() for x in _numbers(v)):
        return
    for factor in (0.0, 2.0, -1.0):
        assert checked(case, factor).verdict == "WRONG", factor


# A branch that is taken at the point alone: its derivative, the language's, is not that of the function.
ALONE = {"C09", "C11"}


def gradients(name: str) -> list[Any]:
    found = [case for case in cases(name) if case.values[0]["command"] == "grad"]
    return [case for case in found if case.values[0]["expect"].get("exit", 0) == 0]


@pytest.mark.parametrize("case", gradients("hard"))
def test_hard_cases_raise_no_alarm(case: dict[str, Any]) -> None:
    if case["id"] in SLOW or not set(case.get("args", [])[::2]) <= {"--at", "--wrt", "--of"}:
        pytest.skip("long, or with options of other commands")
    done = invoke(["check", *words(case)[1:], "--json"])
    assert (done.code == 1) == (case["id"] in ALONE), done.both
    assert done.code in (0, 1, 5), done.both


SLOW = {"E13"}


def _numbers(value: Any) -> list[float]:
    return [x for v in value for x in _numbers(v)] if isinstance(value, list) else [value]


# At these points a derivative is too small, or f too coarse, for differences.
@pytest.mark.parametrize("op", SMOOTH, ids=lambda op: op.name)
def test_every_rule_is_right_and_negated_doubled_or_zeroed_is_wrong(op: Op) -> None:
    run = Interpreter(partials(op)).run
    seen = 0
    for point in inner(op)[:6]:
        own = run(point)[1:]
        for k, slope in zip([k for k, text in enumerate(op.rule) if text is not None], own, strict=True):
            line = along(lambda t, k=k, point=point: float(op.scalar(*point[:k], t, *point[k + 1 :])))  # type: ignore[misc]
            one = judge("x", slope, None, Evidence(line, point[k]))
            assert one.verdict in ("RIGHT", "INCONCLUSIVE"), (point, one)
            if one.verdict != "RIGHT" or one.reason or slope == 0 or not math.isfinite(slope):
                continue
            seen += 1
            for wrong in (-slope, 2 * slope, 0.0):
                assert judge("x", wrong, None, Evidence(line, point[k])).verdict == "WRONG", (point, wrong, one)
    assert seen or op.name in FLAT


# Constant or without a derivative on their domain.
FLAT = {name for name, op in ops.TABLE.items() if op.kind == "zero"}


PYTHON = """
import json, math, sys
point = json.load(sys.stdin) if len(sys.argv) < 3 else {"x1": float(sys.argv[2]), "x2": float(sys.argv[3])}
x, y = point["x1"], point["x2"]
if sys.argv[1] == "value":
    print(x*y + math.sin(x))
else:
    print(json.dumps({"x1": y + math.cos(x), "x2": x if sys.argv[1] == "right" else 2*x}))
"""
C = """
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int n, char **words) {
    double x = atof(words[2]), y = atof(words[3]);
    if (!strcmp(words[1], "value")) printf("%.17g\\n", x*y + sin(x));
    else printf("x1\\t%.17g\\nx2\\t%.17g\\n", y + cos(x), strcmp(words[1], "right") ? -x : x);
    return 0;
}
"""
AWK = {"value": '"%.17g\\n", x*y + sin(x)', "right": '"%.17g %.17g\\n", y + cos(x), x', "wrong": '"%.17g %.17g\\n", y, x'}


def commands(language: str, folder: pathlib.Path) -> dict[str, list[str]]:
    """The options that check x1*x2 + sin(x1) in that language, with a right and with a wrong gradient."""
    if language == "awk":
        if shutil.which("awk") is None:
            pytest.skip("no awk")
        texts = {k: f"awk -v x={{x1}} -v y={{x2}} 'BEGIN {{ printf {v} }}'" for k, v in AWK.items()}
    elif language == "python":
        (folder / "f.py").write_text(PYTHON)
        texts = {k: f"'{sys.executable}' '{folder / 'f.py'}' {k} {{x1}} {{x2}}" for k in AWK}
    else:
        if shutil.which("gcc") is None:
            pytest.skip("no gcc")
        (folder / "f.c").write_text(C)
        subprocess.run(["gcc", "-O1", "-o", str(folder / "f"), str(folder / "f.c"), "-lm"], check=True)
        texts = {k: f"'{folder / 'f'}' {k} {{x1}} {{x2}}" for k in AWK}
    return {k: ["--cmd", texts["value"], "--grad-cmd", texts[k], "--at", "x1=2,x2=5", "--jobs", "2"] for k in ("right", "wrong")}


@pytest.mark.parametrize("language", ["awk", "python", "c"])
def test_programs_of_other_languages(language: str, tmp_path: pathlib.Path) -> None:
    options = commands(language, tmp_path)
    assert found(*options["right"])["verdict"] == "RIGHT"
    wrong = found(*options["wrong"])
    assert wrong["verdict"] == "WRONG"
    assert [f["verdict"] for f in wrong["inputs"]].count("WRONG") == 1


def test_points_on_standard_input(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f.py").write_text(PYTHON)
    run = f"'{sys.executable}' '{tmp_path / 'f.py'}' "
    assert found("--cmd", run + "value", "--grad-cmd", run + "right", "--stdin", "--at", "x1=2,x2=5")["verdict"] == "RIGHT"


def test_single_precision_and_rounded_output_are_no_alarm() -> None:
    if shutil.which("awk") is None:
        pytest.skip("no awk")
    data = found("--cmd", "awk 'BEGIN { print sin({x}) }'", "--grad-cmd", "awk 'BEGIN { print cos({x}) }'", "--at", "x=3")
    assert data["verdict"] == "RIGHT" and data["inputs"][0]["error"] > 1e-7


def test_words_never_pass_a_shell(tmp_path: pathlib.Path) -> None:
    (tmp_path / "echo.py").write_text(
        "import sys\nopen(sys.argv[1], 'a').write(repr(sys.argv[2:]) + chr(10))\nprint(float(sys.argv[3])**2)\n"
    )
    log, mark = tmp_path / "log", tmp_path / "made"
    odd = f"a;touch {mark} $(touch {mark}) `touch {mark}` | > &"
    words = f"'{sys.executable}' '{tmp_path / 'echo.py'}' '{log}' '{odd}' {{x}}"
    assert found("--cmd", words, "--grad", "-", "--at", "x=3", stdin='{"x": 6}')["verdict"] == "RIGHT"
    assert not mark.exists()
    assert ast.literal_eval(log.read_text().splitlines()[0]) == [odd, "3.0"]


def fails(*words: str, code: int, text: str) -> Outcome:
    done = invoke(["check", *words])
    assert done.code == code and text in done.err and "help: " in done.err, done.both
    return done


def test_failures_say_what_failed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "bad.py").write_text("import sys\nsys.exit('no luck')\n")
    bad = f"'{sys.executable}' '{tmp_path / 'bad.py'}' {{x}}"
    good = ["--grad-cmd", "echo 1 {x}", "--at", "x=1"]
    fails("--cmd", bad, *good, code=4, text="no luck")
    fails("--cmd", "/no/such/program {x}", *good, code=4, text="cannot be run")
    fails("--cmd", f"'{sys.executable}' -c 'import time; time.sleep(9)' {{x}}", *good, "--timeout", "0.2", code=6, text="--timeout")
    fails("--cmd", "echo hello {x}", *good, code=4, text="no number")
    fails("--cmd", "echo 'open {x}", *good, code=2, text="words")
    fails("--cmd", "echo 1", *good, code=2, text="in braces")
    fails("--cmd", "echo {x}", "--at", "x=1", code=2, text="no gradient")
    fails("--cmd", "echo {x}", "--grad-cmd", "echo {x}", code=2, text="--at")
    fails("x^2", "--cmd", "echo {x}", *good, code=2, text="--cmd")
    fails("x^2", "--at", "x=1", "--grad", str(tmp_path / "none.json"), code=4, text="none.json")
    for content, text in (
        ("{", "is not JSON"),
        ('{"y": 1}', "'x'"),
        ('{"x": [1, 2]}', "2 numbers"),
        ('{"x": "a"}', "not a number"),
        ("1 2", "2 numbers"),
    ):
        (tmp_path / "g.json").write_text(content)
        fails("x^2", "--at", "x=1", "--grad", str(tmp_path / "g.json"), code=4, text=text)


def test_a_command_that_fails_beside_the_point_is_inconclusive(tmp_path: pathlib.Path) -> None:
    (tmp_path / "f.py").write_text("import sys\nx = float(sys.argv[1])\nif x != 1: sys.exit(1)\nprint(x)\n")
    words = f"'{sys.executable}' '{tmp_path / 'f.py'}' {{x}}"
    assert found("--cmd", words, "--grad", "-", "--at", "x=1", stdin='{"x": 1}')["verdict"] == "INCONCLUSIVE"


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_an_interrupt_ends_the_commands(tmp_path: pathlib.Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import os, sys, time\nopen(f'{sys.argv[1]}/{os.getpid()}', 'w').close()\ntime.sleep(60 if sys.argv[2] != '1.0' else 0)\nprint(1)\n"
    )
    pids = tmp_path / "pids"
    pids.mkdir()
    words = [sys.executable, "-m", "adcli", "check", "--cmd", f"'{sys.executable}' '{tmp_path / 'slow.py'}' '{pids}' {{x}}"]
    (tmp_path / "g.json").write_text('{"x": 1}')
    words += ["--grad", str(tmp_path / "g.json"), "--at", "x=1", "--jobs", "2"]
    process = subprocess.Popen(words, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(pids.iterdir())) < 3 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    for path in pids.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(path.name), 0)


def test_text_is_stable_lines() -> None:
    done = invoke(["check", "x1*x2", "--at", "x1=2,x2=5"])
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert lines[0] == ["verdict", "RIGHT"]
    assert lines[1][:3] == ["input", "verdict", "gradient"] and lines[2][:4] == ["x1", "RIGHT", "5.0", "5.0"]
    assert {len(line) for line in lines[1:]} == {len(lines[1])}


def test_many_elements_are_checked_together() -> None:
    n = 200
    words = ["sum(w^2)", "--at", f"w={[0.5 + k / n for k in range(n)]}", "--grad", "-"]
    right = [1 + 2 * k / n for k in range(n)]
    assert found(*words, stdin=json.dumps({"w": right}))["verdict"] == "RIGHT"
    for k in (0, 77, 199):
        assert found(*words, stdin=json.dumps({"w": [*right[:k], 0.0, *right[k + 1 :]]}))["verdict"] == "WRONG"


def test_forward_and_reverse_must_agree() -> None:
    line = along(math.sin)
    assert judge("x", math.cos(1), math.cos(1), Evidence(line, 1.0)).verdict == "RIGHT"
    assert judge("x", math.cos(1), 0.5, Evidence(line, 1.0)).verdict == "WRONG"
    assert judge("x", math.cos(1), math.nan, Evidence(line, 1.0)).verdict == "WRONG"


COMPLEX = [
    ("exp(x)*sin(x)/(1 + x^2)", 0.7), ("ln(x) + log2(x) + log10(x)", 2.5), ("x^-3 + x^2.5", 1.7), ("(-x)^3", 1.3),
    ("tanh(x) + sinh(x)*cosh(x)", 0.4),
    ("asin(x) + acos(x)^2 + atan(x)", 0.3), ("expm1(x) + log1p(x)", 1e-9), ("sqrt(x) + sigmoid(x)", 3.0), ("sec(x) + csc(x) + cot(x)", 1.1),
    ("asinh(x) + acosh(x) + atanh(1/x)", 1.9), ("y = x; for i in 0..5 { y = sin(y) + x*y }; y", 0.8),
    ("if x > 1 { x^2 } else { x^3 }", 1.5),
    ("w = [x, x^2, 3]; sum(w*w) + dot(w, w)", 1.2), ("A = [[x, 1], [2, x]]; sum(A @ A)", 0.6), ("sum(exp([x, 2*x]))", 0.5),
]  # fmt: skip


@pytest.mark.parametrize(("text", "x"), COMPLEX)
def test_the_complex_step_gives_the_last_digits(text: str, x: float) -> None:
    (one,) = check_program(compile(text), {"x": x}, None, None).findings
    assert one.verdict == "RIGHT"
    assert one.complex_step == pytest.approx(one.gradient, rel=1e-13)


def test_a_program_that_is_not_analytic_has_no_complex_step() -> None:
    assert "abs" in found("abs(x)", "--at", "x=2")["complex_step"]


def test_what_only_a_loops_test_reads_need_not_be_analytic() -> None:
    (one,) = found("y = x; while abs(y) < 100 { y = y*y }; y", "--at", "x=2")["inputs"]
    assert one["complex_step"] == pytest.approx(1024.0, rel=1e-13)


def test_words_that_leave_an_input_out() -> None:
    done = invoke(["check", "--cmd", "prog {x} {z}", "--grad-cmd", "prog {x} {y}", "--at", "x=1,y=2"])
    assert done.code == 2 and "does not take 'y'" in done.err and "--wrt" in done.err
    done = invoke(["check", "--cmd", "prog {x}", "--grad-cmd", "prog {x}", "--at", "x=1", "-j", "2"])
    assert done.code == 2 and "--jobs 2" in done.err
