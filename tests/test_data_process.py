"""`--data` as a process among others: pipes, slow sources, signals, files that are replaced, terminals."""
from __future__ import annotations

import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import time

import pytest

from tests.invoke import environment
from tests.test_cli_process import ADCLI, heed, quiet, run, shell


def lines_of(process: subprocess.Popen[bytes], count: int, seconds: float = 20) -> list[bytes]:
    """The next lines that it writes, or fewer if it keeps silent."""
    assert process.stdout is not None
    found, end = b"", time.monotonic() + seconds
    while found.count(b"\n") < count and time.monotonic() < end:
        if select.select([process.stdout], [], [], 0.05)[0]:
            piece = os.read(process.stdout.fileno(), 1 << 16)
            if not piece:
                break
            found += piece
    return found.splitlines()


@pytest.mark.parametrize(
    ("header", "row", "results"),
    [
        (b"x\n", b"%d\n", b"%d,%d.0,1.0"), (b'"x"\n', b'"%d"\n', b'"%d",%d.0,1.0'),
        (b"", b'{"x": %d}\n', b'{"x": %d, "value": %d.0, "d_x": 1.0}'),
    ],
)
def test_a_slow_source_is_answered_row_by_row(header: bytes, row: bytes, results: bytes) -> None:
    """No row waits for the next."""
    with subprocess.Popen(
        [*ADCLI, "grad", "x", "--data", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), bufsize=0
    ) as process:  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(header)
        for k in range(1, 4):
            process.stdin.write(row % k)
            got = lines_of(process, 2 if k == 1 and header else 1)
            assert got[-1:] == [results % (k, k)]
        process.stdin.close()
        assert process.wait(20) == 0


def test_a_closed_pipe_ends_at_once() -> None:
    done = shell("yes 1 | sed '1i x' | adcli grad 'x^2' --data - | head -2; echo ${PIPESTATUS[2]}")
    assert done.stdout.splitlines() == ["x,value,d_x", "1,1.0,2.0", "141"] and done.stderr == ""


PEAK = """
import resource, sys
from adcli.cli import main
sys.argv = ["adcli", "grad", "x^2", "--data", "-", "--jobs", "1"]
status = main()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
sys.exit(status)
"""


def peak(rows: int) -> int:
    """Megabytes that so many rows of some forty bytes take."""
    text = f"seq 1 {rows} | sed 's/$/,abcdefghijklmnopqrstuvwxyzabcdef/' | sed '1i x,t' | {sys.executable} -c '{PEAK}' | tail -1"
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, env=environment(), timeout=100)
    assert done.stdout.startswith(f"{rows},abc"), done.stderr
    return int(done.stderr)


def test_memory_is_constant() -> None:
    """A hundred megabytes more take no more memory."""
    assert peak(3_000_000) < peak(500_000) + 50


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_leave_the_old_file(number: int, code: int, tmp_path: pathlib.Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    with subprocess.Popen(
        [*ADCLI, "grad", "x", "--data", "-", "-o", "out.csv"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
        cwd=tmp_path, preexec_fn=heed,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stderr is not None
        process.stdin.write(b"x\n1\n")
        process.stdin.flush()
        end = time.monotonic() + 20
        while len(os.listdir(tmp_path)) < 2 and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(20) == code
        assert process.stderr.read() == b""
    assert os.listdir(tmp_path) == ["out.csv"] and (tmp_path / "out.csv").read_text() == "old"


def test_output_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / "d.csv").write_text("x\n1\n2\n")
    (tmp_path / "bad.csv").write_text("x\n1\nbad\n")
    assert run("eval", "x", "--data", "d.csv", "-o", "o.csv", cwd=tmp_path).returncode == 0
    assert (tmp_path / "o.csv").read_text() == "x,value\n1,1.0\n2,2.0\n"
    done = run("eval", "x", "--data", "bad.csv", "-o", "o.csv", cwd=tmp_path)
    assert done.returncode == 4 and (tmp_path / "o.csv").read_text() == "x,value\n1,1.0\n2,2.0\n"
    assert run("eval", "x", "--data", "bad.csv", "-o", "o.csv", "--keep-going", cwd=tmp_path).returncode == 1
    assert (tmp_path / "o.csv").read_text().startswith("x,value,error\n1,1.0,\nbad,,")
    assert sorted(os.listdir(tmp_path)) == ["bad.csv", "d.csv", "o.csv"]
    for words in (["-o", "/dev/full"], ["-o", "none/o.csv"], ["-o", str(tmp_path)]):
        done = run("eval", "x", "--data", "d.csv", *words, cwd=tmp_path)
        assert done.returncode == 7 and done.stderr.startswith("error[output]") and quiet(done)
    done = shell(f"adcli eval x --data {tmp_path}/d.csv > /dev/full; echo $? >&2")
    assert done.stderr.startswith("error[output]") and done.stderr.endswith("\n7\n") and quiet(done)
    assert run("eval", "x", "--data", ".", cwd=tmp_path).returncode == 4


def test_the_data_may_be_replaced_and_not_written_over(tmp_path: pathlib.Path) -> None:
    """A link is written in place: rows would be lost before they are read."""
    (tmp_path / "d.csv").write_text("x\n1\n")
    (tmp_path / "link").symlink_to("d.csv")
    done = run("eval", "x", "--data", "d.csv", "-o", "link", cwd=tmp_path)
    assert done.returncode == 2 and "link to the data" in done.stderr and (tmp_path / "d.csv").read_text() == "x\n1\n"
    assert run("eval", "x", "--data", "link", "-o", "d.csv", cwd=tmp_path).returncode == 0
    assert (tmp_path / "d.csv").read_text() == "x,value\n1,1.0\n"
    assert run("eval", "7", "-o", "link", cwd=tmp_path).returncode == 0
    assert (tmp_path / "link").is_symlink() and (tmp_path / "d.csv").read_text() == "7.0\n"


def test_who_ignores_the_end_of_a_terminal_goes_on() -> None:
    rows = "yes 1 | sed '1i x' | nohup adcli eval x --data - > /dev/null"
    done = shell(f"{rows} & sleep 1; kill -HUP $!; sleep 0.5; kill $!; wait $!; echo $?")
    assert done.stdout == "143\n"


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_descriptors(closed: str) -> None:
    done = shell(f"adcli eval x --data - {closed} < /dev/null; adcli eval x --data - {closed}; echo $?")
    assert done.stdout.split()[-1:] in (["4"], ["7"], []) and quiet(done)


def test_a_timeout_is_of_the_whole_run() -> None:
    done = shell("yes 1 | sed '1i x' | adcli grad 'x^2' --data - --timeout 0.5 > /dev/null; echo $?")
    assert done.stdout == "6\n" and "longer than 0.5 s" in done.stderr


def test_the_bar_is_for_terminals_alone(tmp_path: pathlib.Path) -> None:
    text = "y = x; for i in 0..3000 { y = sin(y) }; y"
    (tmp_path / "d.csv").write_text("x\n" + "1\n" * 40_000)
    words = ["eval", text, "--data", str(tmp_path / "d.csv"), "--engine", "interpret", "--timeout", "1.5"]
    assert "\r" not in run(*words).stderr
    for output, expected in ((subprocess.DEVNULL, True), (None, False)):
        master, slave = pty.openpty()
        with subprocess.Popen([*ADCLI, *words], stdout=output or slave, stderr=slave, env=environment()) as process:
            os.close(slave)
            seen = b""
            try:
                while piece := os.read(master, 1 << 16):
                    seen += piece
            except OSError:
                pass
            assert process.wait(30) == 6
        os.close(master)
        assert (b" rows, " in seen) is expected
