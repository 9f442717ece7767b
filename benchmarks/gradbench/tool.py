"""A tool of GradBench: reads requests from standard input, one JSON object a line, and answers each on standard output.

    python benchmarks/gradbench/tool.py [--engine native|interpret]

Of GradBench's protocol (https://github.com/gradbench/gradbench) it knows `start`, `define` and `evaluate`; a line of another kind is
answered by its id alone. A run is repeated until there have been `min_runs` of them and `min_seconds` have passed. Compilation and the
conversion of inputs to arrays are reported as `prepare`, the runs as `evaluate`.
"""
from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from tasks import MODULES, PROGRAMS, TASKS, Task

import adcli
from adcli.api.variant import ready
from adcli.engines.limits import Limits
from adcli.errors import AdcliError
from adcli.ir.nodes import Block, Function
from adcli.passes import optimize

LIMITS = Limits(max_steps=2**62, max_memory=2**34, max_elements=2**40)


def engine(name: str) -> Callable[[Function, Limits], Any]:
    if name == "native":
        from adcli.engines.native import Native

        return Native
    from adcli.engines.interpret import Interpreter

    return Interpreter


def chosen(function: Function, outputs: Sequence[int]) -> Function:
    """The function with these of its results."""
    body = Block(function.body.statements, tuple(function.body.results[k] for k in outputs))
    names = tuple(function.result_names[k] for k in outputs) if function.result_names else ()
    types = tuple(function.result_types[k] for k in outputs) if function.result_types else ()
    return Function(function.name, function.params, body, names, function.of, function.span, types)


class Tool:
    """Programs compiled so far, by what they compute; a program is compiled again for inputs of another rank or kind."""

    def __init__(self, engine_name: str) -> None:
        self.engine_name = engine_name
        self.engine = engine(engine_name)
        self.programs: dict[str, adcli.Program] = {}
        self.machines: dict[tuple[int, Any], Any] = {}

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        reply = {"id": message["id"]}
        match message.get("kind"):
            case "start":
                return reply | {"tool": "adcli", "config": {"engine": self.engine_name}}
            case "define":
                return reply | self.define(message["module"])
            case "evaluate":
                return reply | self.evaluate(message["module"], message["function"], message["input"])
        return reply

    def define(self, module: str) -> dict[str, Any]:
        if module not in MODULES:
            return {"success": False, "error": f"there is no program for '{module}'"}
        self.program(module)
        return {"success": True}

    def program(self, name: str) -> adcli.Program:
        if name not in self.programs:
            path = PROGRAMS / f"{name}.adl"
            self.programs[name] = adcli.compile(path.read_text(), name=path.name, limits=LIMITS)
        return self.programs[name]

    def evaluate(self, module: str, function: str, given: Any) -> dict[str, Any]:
        task = TASKS.get((module, function))
        if task is None:
            return {"success": False, "error": f"'{module}' has no function '{function}'"}
        try:
            return self.timed(task, given)
        except (AdcliError, KeyError, ValueError, MemoryError) as error:
            return {"success": False, "error": str(error) or type(error).__name__}

    def timed(self, task: Task, given: Any) -> dict[str, Any]:
        begin = time.perf_counter_ns()
        point = task.point(given)
        run = self.compiled(task, point)
        timings = [{"name": "prepare", "nanoseconds": time.perf_counter_ns() - begin}]
        options = given if isinstance(given, dict) else {}
        least, until = options.get("min_runs", 1), options.get("min_seconds", 0) * 1e9
        spent: list[int] = []
        total = 0
        results: Sequence[Any] = ()
        while len(spent) < least or total < until:
            results = ()  # so that a run may write where the last one did
            begin = time.perf_counter_ns()
            results = run()
            spent.append(time.perf_counter_ns() - begin)
            total += spent[-1]
        timings += [{"name": "evaluate", "nanoseconds": each} for each in spent]
        return {"success": True, "output": task.answer(results, point), "timings": timings}

    def compiled(self, task: Task, point: dict[str, Any]) -> Callable[[], Sequence[Any]]:
        """What gives the task's results at a point: the adjoints of its inputs, or its outputs."""
        program = self.program(task.program)
        variant, args, _ = program.bind(point)
        outputs = [program.outputs.index(name) for name in task.outputs]
        key = (id(variant), task)
        machine = self.machines.get(key)
        if machine is None:
            if task.wrt:
                wrt = tuple(variant.names.index(name) for name in task.wrt)
                function = variant.function("reverse", wrt, outputs[0])
                function = chosen(function, range(1, len(function.body.results)))  # the adjoints, without the value
            else:
                function = chosen(variant.lowered, outputs)
            machine = self.machines[key] = self.engine(ready(optimize(function)), LIMITS)
        if task.wrt:
            return partial(machine.run, [*args, 1.0])
        if task.finish is not None:
            finish = task.finish(point)
            return lambda: finish(machine.run(args))
        return partial(machine.run, args)


def serve(lines: Iterable[str], engine_name: str) -> None:
    tool = Tool(engine_name)
    for line in lines:
        print(json.dumps(tool.answer(json.loads(line))), flush=True)


def main() -> None:
    options = argparse.ArgumentParser(description="adcli as a tool of GradBench: JSON lines in, JSON lines out.")
    options.add_argument("--engine", choices=["native", "interpret"], default="native")
    try:
        serve(sys.stdin, options.parse_args().engine)
    except (BrokenPipeError, KeyboardInterrupt):
        sys.stderr.close()


if __name__ == "__main__":
    main()
