"""Programs of any language as functions: run with a point, they print a value or a gradient.

'awk -f f.awk {x1} {x2}'      at x1 = 2, x2 = 5      →      awk, -f, f.awk, 2.0, 5.0      no shell ever sees the words
"""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

from adcli.errors import DataError, LimitError, UsageError

PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?:\[([0-9]+(?:,[0-9]+)*)\])?\}")
SHOWN = 2000
TIMEOUT = 60.0


class Failed(NamedTuple):
    """Why a run gave nothing."""

    reason: str


class External:
    """A command that is run for points: its words have `{name}` replaced, or it reads the point from standard input as JSON.

    jobs: how many run at a time; timeout: seconds for each.
    """

    def __init__(self, text: str, option: str, point: Mapping[str, Any], stdin: bool, jobs: int | None, timeout: float | None) -> None:
        self.option = option
        try:
            self.words = shlex.split(text)
        except ValueError as error:
            raise UsageError(f"{option} cannot be split into words: {str(error).lower()}", help="close every quote") from None
        if not self.words:
            raise UsageError(f"{option} is empty", help=f"write {option} 'prog {{x}}'")
        named = {found[1] for word in self.words for found in PLACE.finditer(word)}
        if not stdin and not named & set(point):
            example = next(iter(point), "x")
            raise UsageError(
                f"{option} takes no input: none of its words has the name of one in braces",
                help=f"write {{{example}}} where its number goes, or --stdin to give the point as JSON on standard input",
            )
        self.named = named
        self.stdin = stdin
        self.jobs = jobs or os.cpu_count() or 1
        self.timeout = TIMEOUT if timeout is None else timeout
        self.running: set[subprocess.Popen[bytes]] = set()
        self.lock = threading.Lock()
        self.stopped = False

    def takes(self, names: Sequence[str]) -> None:
        """Raises a UsageError where the words leave one of these inputs out: the command could not depend on it."""
        left = [name for name in names if name not in self.named]
        if left and not self.stdin:
            raise UsageError(
                f"{self.option} does not take '{left[0]}': none of its words has {{{left[0]}}}",
                help=f"write {{{left[0]}}} where its number goes, or choose the inputs to differentiate by with --wrt",
            )

    def run(self, points: Sequence[Mapping[str, Any]]) -> list[str | Failed]:
        """What it prints for each point, several at a time; an interrupt ends the processes."""
        if len(points) == 1:
            return [self._guarded(points[0])]
        pool = ThreadPoolExecutor(min(self.jobs, len(points)))
        try:
            return list(pool.map(self._one, points))
        except BaseException:
            self.stop()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _guarded(self, point: Mapping[str, Any]) -> str | Failed:
        try:
            return self._one(point)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process that runs, with its children."""
        with self.lock:
            self.stopped = True
            for process in self.running:
                end(process)

    def _one(self, point: Mapping[str, Any]) -> str | Failed:
        words = [filled(word, point) for word in self.words]
        given = json.dumps(point).encode() + b"\n" if self.stdin else b""
        with self.lock:
            if self.stopped:
                return Failed("stopped")
            try:
                process = subprocess.Popen(
                    words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
                )
            except (OSError, ValueError) as error:
                why = getattr(error, "strerror", None) or str(error)
                hint = "the first word is a program on the PATH, or the path of one"
                raise DataError(f"{words[0][:60]} cannot be run: {why}", help=hint) from None
            self.running.add(process)
        try:
            out, err = process.communicate(given, self.timeout)
        except subprocess.TimeoutExpired:
            end(process)
            process.communicate()
            return Failed(f"{self.option} took longer than {self.timeout:g} s, the limit of --timeout")
        finally:
            with self.lock:
                self.running.discard(process)
        if process.returncode:
            said = err.decode(errors="replace").strip()[-SHOWN:]
            how = f"was ended by signal {-process.returncode}" if process.returncode < 0 else f"ended with exit code {process.returncode}"
            return Failed(f"{self.option} {how}" + (f": {said}" if said else ""))
        return out.decode(errors="replace")

    def values(self, points: Sequence[Mapping[str, Any]]) -> list[float | Failed]:
        """The number that it prints for each point."""
        return [text if isinstance(text, Failed) else value(text, self.option) for text in self.run(points)]


def end(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (OSError, AttributeError):
        process.kill()


def filled(word: str, point: Mapping[str, Any]) -> str:
    """A word with `{name}` and `{name[0]}` replaced; braces around anything else stay."""

    def number(found: re.Match[str]) -> str:
        if found[1] not in point:
            return found[0]
        item = point[found[1]]
        for k in found[2].split(",") if found[2] else ():
            if not isinstance(item, list) or int(k) >= len(item):
                return found[0]
            item = item[int(k)]
        return json.dumps(item) if isinstance(item, list) else repr(item)

    return PLACE.sub(number, word)


def value(text: str, option: str) -> float | Failed:
    """A number, alone or as the `value` of a JSON object."""
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = json.loads(text)
        return float(found["value"]) if isinstance(found, dict) else float(found)
    except (ValueError, TypeError, KeyError, RecursionError):
        shown = repr(text if len(text) <= 60 else text[:57] + "…")
        return Failed(f"{option} printed {shown}, which is no number")


def checked(text: str | Failed, what: str) -> str:
    """What was printed; a failed run is an error."""
    if isinstance(text, Failed):
        if "--timeout" in text.reason:
            raise LimitError(text.reason, help="raise it with --timeout SECONDS")
        raise DataError(text.reason, help=f"{what} must run at the point itself")
    return text


def gradient(text: str, where: str, shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """A gradient by input, as numbers and nested lists: JSON, lines of name<TAB>value, or plain numbers in the order of the inputs.

    JSON is {"x": …} or what `adcli grad --json` prints, whose null is nan.
    """
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        found = _json(stripped, where)
        if isinstance(found, list):
            return _split(_flat(found, where), where, shapes)
        inner = found.get("gradient")
        return {str(k): v for k, v in (inner if isinstance(inner, dict) and "gradient" not in shapes else found).items()}
    lines = [line for line in stripped.splitlines() if line.strip()]
    if lines and all(len(line.split()) == 2 and not _is_number(line.split()[0]) for line in lines):
        named = {line.split()[0]: _number(line.split()[1], where) for line in lines}
        return _gathered(named, where, shapes)
    return _split([_number(word, where) for word in stripped.replace(",", " ").split()], where, shapes)


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where} is not JSON: {str(error)[:80]}", help='a gradient is {"x": 1.5, "w": [1, 2]}') from None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _number(word: str, where: str) -> float:
    try:
        return float(word)
    except ValueError:
        shown = word if len(word) <= 40 else word[:37] + "…"
        hint = "a gradient is JSON, lines of name<TAB>value, or the numbers in the order of the inputs"
        raise DataError(f"'{shown}' in {where} is not a number", help=hint) from None


def _flat(items: Any, where: str) -> list[float]:
    if isinstance(items, list):
        return [x for item in items for x in _flat(item, where)]
    if items is None:
        return [math.nan]
    if isinstance(items, bool) or not isinstance(items, int | float):
        raise DataError(f"{where} holds {str(items)[:40]!r}, which is not a number", help='a gradient is {"x": 1.5, "w": [1, 2]}')
    return [float(items)]


def _split(numbers: list[float], where: str, shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Numbers in the order of the inputs; each input's as a flat list."""
    wanted = {name: math.prod(shape) for name, shape in shapes.items()}
    if len(numbers) != sum(wanted.values()):
        raise DataError(
            f"{where} has {len(numbers)} numbers, and the inputs {', '.join(wanted)} have {sum(wanted.values())} derivatives",
            help='name them: {"x": 1.5}, or choose the inputs with --wrt',
        )
    found: dict[str, Any] = {}
    for name, count in wanted.items():
        found[name], numbers = (numbers[:count] if shapes[name] else numbers[0]), numbers[count:]
    return found


def _gathered(named: dict[str, float], where: str, shapes: Mapping[str, Sequence[int]]) -> dict[str, Any]:
    """Lines x and w[0], w[1], … by input; `value` is none unless an input is called so."""
    found: dict[str, Any] = {}
    for name, number in named.items():
        base = name.partition("[")[0]
        if name == "value" and "value" not in shapes:
            continue
        if "[" in name:
            found.setdefault(base, []).append(number)
        else:
            found["value" if name == "d_value" and "d_value" not in shapes else name] = number
    return found


def fitted(found: Mapping[str, Any], where: str, shapes: Mapping[str, Sequence[int]], others: Sequence[str] = ()) -> dict[str, list[float]]:
    """The numbers of each input, flat; an error that says which are missing, unknown or too many. `others` are inputs left out."""
    unknown = [name for name in found if name not in shapes and name not in others]
    missing = [name for name in shapes if name not in found]
    if unknown or missing:
        what = f"no derivative by '{missing[0]}'" if missing else f"a derivative by '{unknown[0]}', which is not asked for"
        raise DataError(f"{where} has {what}", help=f"the inputs are {', '.join(shapes)}; --wrt chooses among them")
    flat = {name: _flat(found[name], where) for name in shapes}
    for name, shape in shapes.items():
        if len(flat[name]) != math.prod(shape):
            raise DataError(
                f"{where} has {len(flat[name])} numbers for '{name}', which has {math.prod(shape)}",
                help="an array's gradient has its shape",
            )
    return flat
