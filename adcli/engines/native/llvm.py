"""LLVM through llvmlite, and the only file that imports it: text to object code, object code to addresses."""
from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm


def machine(level: int) -> Any:
    """The host as a target. Each execution engine takes one of its own over."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        opt=level, reloc="default", codemodel="jitdefault", cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten()
    )


def identity() -> str:
    """What object code depends on beside its program: versions and the processor."""
    version = ".".join(map(str, llvm.llvm_version_info))
    return f"{llvmlite.__version__} {version} {llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


@cache
def registers_of_eight() -> bool:
    """Whether a vector register has room for eight doubles."""
    return bool(llvm.get_host_cpu_features().get("avx512f", False))


def _parsed(text: str, target: Any) -> Any:
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_process_triple()
    module.data_layout = str(target.target_data)
    return module


def optimised(text: str, level: int, target: Any = None) -> Any:
    """The module after the standard passes."""
    target = target or machine(level)
    module = _parsed(text, target)
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = True
    options.slp_vectorization = level > 1
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    return module


def object_code(text: str, level: int) -> bytes:
    """At level 0 as it stands: even to write small functions out where they are called would triple the time."""
    target = machine(level)
    code: bytes = target.emit_object(optimised(text, level, target) if level else _parsed(text, target))
    return code


class Loaded:
    """Object code in memory, its symbols resolved; alive as long as this object."""

    def __init__(self, code: bytes, symbols: dict[str, int]) -> None:
        for name, address in symbols.items():
            llvm.add_symbol(name, address)
        empty = llvm.parse_assembly("")
        self.engine = llvm.create_mcjit_compiler(empty, machine(1))
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def address(self, name: str) -> int:
        return int(self.engine.get_function_address(name))


@cache
def load_library(name: str) -> None:
    """Let object code find the symbols of a shared library, if there is one."""
    with suppress(RuntimeError):
        llvm.load_library_permanently(name)
