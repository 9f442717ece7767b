"""The sides of a comparison: adcli's functions ready to be run, our C compiled, the peers imported."""
from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import adcli
from adcli.api.variant import ready
from adcli.engines.limits import Limits
from adcli.ir.nodes import Function

LIMITS = Limits(max_steps=2**62, max_memory=2**34, max_elements=2**40)
REFERENCE = pathlib.Path(__file__).parent / "reference"
NO_NATIVE = "needs the extra 'native' (llvmlite)"
# JAX with one thread; set before it is imported.
ONE_THREAD = {"XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", "OMP_NUM_THREADS": "1",
              "OPENBLAS_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1"}  # fmt: skip


def engine(name: str) -> Callable[[Function, Limits], Any] | None:
    """The class of an engine, or None where it is not installed."""
    if name == "interpret":
        from adcli.engines.interpret import Interpreter

        return Interpreter
    with contextlib.suppress(ImportError):
        found: Callable[[Function, Limits], Any] = importlib.import_module("adcli.engines.native").Native
        return found
    return None


def functions(text: str, point: Mapping[str, Any], wrt: Sequence[str], of: str | None = None) -> tuple[Function, Function, list[Any]]:
    """A program's value and its reverse sweep (value, and adjoints by `wrt`) as IR, and the arguments of the first."""
    program = adcli.compile(text, limits=LIMITS)
    variant, args, _ = program.bind(point)
    output = program.outputs.index(of) if of is not None else 0
    inputs = tuple(variant.names.index(name) for name in wrt)
    return ready(variant.function("value", of=output)), ready(variant.function("reverse", inputs, output)), args


def ours(
    text: str, point: Mapping[str, Any], wrt: Sequence[str], of: str | None = None, engine_name: str = "native"
) -> tuple[Callable[[], Any], Callable[[], Any]] | None:
    """What runs the value, and what runs value and gradient; None without the engine."""
    make = engine(engine_name)
    if make is None:
        return None
    primal, reverse, args = functions(text, point, wrt, of)
    value, gradient = make(primal, LIMITS), make(reverse, LIMITS)
    return lambda: value.run(args), lambda: gradient.run([*args, 1.0])


@functools.cache
def library(name: str, *flags: str) -> ctypes.CDLL | None:
    """reference/NAME.c, compiled with gcc -O3 -march=native; None without gcc."""
    if shutil.which("gcc") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, f"{name}.so")
        command = ["gcc", "-O3", "-march=native", *flags, "-shared", "-fPIC", "-o", made, str(REFERENCE / f"{name}.c"), "-lm"]
        subprocess.run(command, check=True)
        return ctypes.CDLL(made)


def address(array: Any) -> ctypes.c_void_p:
    """Where a NumPy array's numbers begin."""
    return ctypes.c_void_p(array.ctypes.data)


def peer(name: str) -> ModuleType | None:
    """A library to compare with, or None where it is not installed."""
    for key, value in ONE_THREAD.items():
        os.environ.setdefault(key, value)
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def processes(cache: str) -> dict[str, str]:
    """The environment of whole processes: compiled bytecode and compiled programs are kept in that folder; threads as they please."""
    kept = {key: value for key, value in os.environ.items() if key not in {*ONE_THREAD, "PYTHONDONTWRITEBYTECODE"}}
    return {**kept, "PYTHONPYCACHEPREFIX": os.path.join(cache, "bytecode"), "XDG_CACHE_HOME": os.path.join(cache, "programs")}


def missing(name: str) -> str:
    return f"{name} is not installed"
