"""The other side of GradBench's protocol: asks a tool, which is a command that reads and writes JSON lines."""
from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any


@dataclass(frozen=True)
class Evaluation:
    """One answer of a tool: the output, and the nanoseconds of each run."""

    output: Any
    nanoseconds: list[int]

    @property
    def median(self) -> float:
        return statistics.median(self.nanoseconds)


class ToolError(Exception):
    """The tool could not do what it was asked."""


class Client:
    """A tool's process. Use it as a context, so that it ends."""

    def __init__(self, command: Sequence[str], cwd: str | None = None) -> None:
        self.process = subprocess.Popen(command, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.count = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        if self.process.stdin is not None:
            self.process.stdin.close()
        if kind is not None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def ask(self, kind: str, **fields: Any) -> dict[str, Any]:
        """One line there and one back."""
        assert self.process.stdin is not None and self.process.stdout is not None
        message = {"id": self.count, "kind": kind, **fields}
        self.count += 1
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise ToolError(f"the tool ended with code {self.process.wait()}")
        reply: dict[str, Any] = json.loads(line)
        if reply["id"] != message["id"]:
            raise ToolError(f"the tool answered {reply['id']} to {message['id']}")
        return reply

    def define(self, module: str) -> bool:
        """Whether the tool has this module."""
        return bool(self.ask("define", module=module)["success"])

    def evaluate(self, module: str, function: str, given: Any, runs: int = 1, seconds: float = 0) -> Evaluation:
        if isinstance(given, dict):
            given = {**given, "min_runs": runs, "min_seconds": seconds}
        reply = self.ask("evaluate", module=module, function=function, input=given)
        if not reply["success"]:
            raise ToolError(f"{module}::{function}: {reply.get('error', 'no reason given')}")
        return Evaluation(reply["output"], [t["nanoseconds"] for t in reply["timings"] if t["name"] == "evaluate"])
