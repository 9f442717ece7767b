"""The process: streams, signals, files, environment, imports."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from tests.invoke import environment

ADCLI = [sys.executable, "-m", "adcli"]
ENDLESS = "y = x; while y > 0 { y = y + 1 }; y"


def run(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    env = environment() | settings.pop("env", {})  # type: ignore[operator]
    return subprocess.run([*ADCLI, *words], capture_output="stdout" not in settings, text=True, env=env, timeout=60, **settings)  # type: ignore[call-overload]


def shell(script: str, **env: str) -> subprocess.CompletedProcess[str]:
    text = script.replace("adcli", " ".join(ADCLI))
    return subprocess.run(["bash", "-c", text], capture_output=True, text=True, env=environment() | env, timeout=60)


def quiet(done: subprocess.CompletedProcess[str]) -> bool:
    return not any(word in done.stdout + done.stderr for word in ("Traceback", "Exception ignored", "Error:", "Aborted"))


def test_a_closed_pipe_ends_quietly() -> None:
    done = shell("adcli eval 'linspace(0, 1, 200000)' | head -1; echo ${PIPESTATUS[0]}")
    assert done.stdout.splitlines() == ["value[0]\t0.0", "141"] and done.stderr == ""


def test_a_full_disk_is_an_error() -> None:
    done = shell("adcli eval 1 > /dev/full; echo $? >&2")
    assert done.stderr.startswith("error[output]") and done.stderr.endswith("\n7\n") and quiet(done)
    assert run("eval", "1", "-o", "/dev/full").returncode == 7


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", ">&- 2>&-"])
def test_closed_descriptors(closed: str) -> None:
    done = shell(f"adcli eval 1 {closed}; echo $?")
    assert done.stdout.split()[-1] in ("0", "7") and quiet(done)
    assert shell(f"adcli eval - {closed} < /dev/null; adcli eval 'x +' {closed}").returncode in (3, 4)


def heed() -> None:
    """A shell's background jobs ignore Ctrl-C, and so would what the tests start there."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_run(number: int, code: int, tmp_path: pathlib.Path) -> None:
    (tmp_path / "out.json").write_text("old")
    process = subprocess.Popen(
        [*ADCLI, "grad", ENDLESS, "--at", "x=1", "--mode", "forward", "-o", "out.json", "--max-steps", str(10**12)],
        cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed,
    )  # fmt: skip
    time.sleep(1)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (code, "", "")
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"] and (tmp_path / "out.json").read_text() == "old"


def test_the_current_folder_is_not_imported_from(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lark.py").write_text("import pathlib; pathlib.Path('marker').touch()")
    (tmp_path / "click.py").write_text("import pathlib; pathlib.Path('marker').touch()")
    done = run("eval", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "marker").exists()


def test_encodings_without_the_characters() -> None:
    done = run("grad", "µ", "--at", "x=1", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert done.returncode in (2, 3) and quiet(done) and "UnicodeEncodeError" not in done.stderr


def test_output_does_not_depend_on_the_environment() -> None:
    words = ("grad", "a*b+c*d+sin(f)", "--at", "a=1,b=2,c=3,d=4,f=5", "--json")
    plain = run(*words).stdout
    json.loads(plain)
    for env in (
        {"PYTHONHASHSEED": "1"},
        {"COLUMNS": "10", "TERM": "dumb"},
        {"FORCE_COLOR": "1"},
        {"LC_ALL": "de_DE.UTF-8", "TZ": "Asia/Tokyo"},
    ):
        assert run(*words, env=env).stdout == plain
    assert run("eval", "1.5*2", env={"COLUMNS": "10"}).stdout == "3.0\n"


def test_it_runs_where_nothing_can_be_written() -> None:
    assert run("eval", "1", env={"HOME": "/nonexistent", "TMPDIR": "/nonexistent"}, cwd="/").stdout == "1.0\n"


def test_a_table_on_a_terminal() -> None:
    import pty

    leader, follower = pty.openpty()
    env = {k: v for k, v in environment().items() if k not in ("NO_COLOR", "TERM")} | {"TERM": "xterm"}
    process = subprocess.Popen([*ADCLI, "grad", "sum(w)*x", "--at", "w=[1,2],x=1e-300"], stdout=follower, stderr=follower, env=env)
    os.close(follower)
    text = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:
            break
        if not part:
            break
        text += part
    assert process.wait(timeout=30) == 0
    os.close(leader)
    assert b"w[1]" in text and b"1e-300" in text and b"\x1b[" in text and b"\t" not in text


def loaded(*words: str) -> set[str]:
    script = "import sys\nfrom adcli.cli import main\nmain()\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, env=environment(), check=True)
    return set(done.stderr.split())


def test_only_the_command_that_is_called_is_imported() -> None:
    modules = loaded("grad", "x1*x2+sin(x1)", "--at", "x1=2,x2=5", "--json")
    assert {name for name in modules if name.startswith("adcli.cli.commands.")} == {"adcli.cli.commands.grad"}
    assert not modules & {"numpy", "rich", "importlib.metadata", "adcli.api.second"}
    assert not {name for name in loaded("--help") if name.startswith(("adcli.ops", "adcli.api", "lark", "numpy", "rich"))}


def test_importing_the_package_is_light() -> None:
    script = "import sys, adcli; print(*sys.modules); adcli.compile"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment(), check=True)
    assert {name for name in done.stdout.split() if name.startswith("adcli")} == {"adcli"}
