"""LLVM through llvmlite, and the only file that imports it: text to object code, object code to addresses."""
from __future__ import annotations

import re
from contextlib import suppress
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm

# Before, the text of function attributes was another; 0.45 is the first llvmlite with one that is later.
if llvm.llvm_version_info < (16,):
    raise ImportError(f"llvmlite {llvmlite.__version__} is too old, 0.45 or later is needed")


def machine(level: int, near: bool = False) -> Any:
    """The host as a target, `near` for code as `hurried` makes it. Each execution engine takes one of its own over."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_default_triple()
    reloc, model = ("pic", "small") if near else ("default", "jitdefault")
    return target.create_target_machine(
        opt=level, reloc=reloc, codemodel=model, cpu=llvm.get_host_cpu_name(), features=llvm.get_host_cpu_features().flatten()
    )


@cache
def _near() -> bool:
    """Whether code of level 0 is to keep within 2 GiB: elsewhere it takes longer, or has not been tried."""
    triple = llvm.get_process_triple()
    return triple.startswith("x86_64") and "linux" in triple


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


def optimised(text: str, level: int, target: Any = None, pairs: bool = True) -> Any:
    """The module after the standard passes. pairs: statements that are alike are put together, where the level is 2 or more."""
    target = target or machine(level)
    module = _parsed(text, target)
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = True
    options.slp_vectorization = pairs and level > 1
    builder = llvm.create_pass_builder(target, options)
    builder.getModulePassManager().run(module, builder)
    return module


def object_code(text: str, level: int, pairs: bool = True) -> bytes:
    """The module as machine code, for `Loaded`; see `optimised`."""
    if level == 0:
        return hurried(text)
    target = machine(level)
    code: bytes = target.emit_object(optimised(text, level, target, pairs))
    return code


def hurried(text: str) -> bytes:
    """The module as it stands: even to write small functions out where they are called would triple the time.

    LLVM's fast selection of instructions writes no calls over more than 2 GiB, and each that it leaves to the slow one costs as much as
    a dozen of others. So sections lie near each other (see `Loaded`), and what is outside is called by way of a table of addresses.

        declare double @pow(double, double)    →    declare double @pow(double, double) nonlazybind
    """
    near = _near()
    if near:
        text = _OUTSIDE.sub(r"\g<0> nonlazybind", text) + _TABLE_OF_ADDRESSES
    target = machine(0, near)
    code: bytes = target.emit_object(_parsed(text, target))
    return code


_OUTSIDE = re.compile(r"^declare (?!.*@llvm\.).*$", re.MULTILINE)
# The same for the functions that LLVM calls on its own account, as `fma` where the processor has none.
_TABLE_OF_ADDRESSES = '''
!llvm.module.flags = !{!50}
!50 = !{i32 7, !"RtLibUseGOT", i32 1}
'''


class Loaded:
    """Object code in memory, its symbols resolved; alive as long as this object. `level` is that at which the code was made."""

    def __init__(self, code: bytes, symbols: dict[str, int], level: int) -> None:
        for name, address in symbols.items():
            llvm.add_symbol(name, address)
        empty = llvm.parse_assembly("")
        # llvmlite's own memory keeps the sections of an object side by side; None: as it is usual on this machine.
        self.engine = llvm.create_mcjit_compiler(empty, machine(1), use_lmm=True if level == 0 and _near() else None)
        self.engine.add_object_file(llvm.ObjectFileRef.from_data(code))
        self.engine.finalize_object()

    def address(self, name: str) -> int:
        return int(self.engine.get_function_address(name))


@cache
def load_library(name: str) -> None:
    """Let object code find the symbols of a shared library, if there is one."""
    with suppress(RuntimeError):
        llvm.load_library_permanently(name)
