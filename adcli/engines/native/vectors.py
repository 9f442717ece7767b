"""Vector versions of functions of the C library, where glibc's libmvec has them: what lets LLVM turn loops over them into vector code.

Their results differ from those of the scalar functions by at most 4 units in the last place (glibc manual, "Known Maximum Errors in Math
Functions"). Names are those of the vector function ABIs: _ZGV, the instruction set, N, the width, a v for each argument, the function.
"""
from __future__ import annotations

import ctypes
import platform
from functools import cache

_UNARY = (
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cbrt", "cos", "cosh", "erf", "erfc", "exp", "exp2", "expm1", "log", "log10",
    "log1p", "log2", "sin", "sinh", "tan", "tanh",
)  # fmt: skip
_BINARY = ("atan2", "hypot", "pow")
# Instruction sets by their letter, with the doubles in a register: SSE 4.2, AVX2 and AVX-512; NEON.
_SETS = {"x86_64": (("b", 2), ("d", 4), ("e", 8)), "aarch64": (("n", 2),)}
# The first number of the attribute groups in the text of a module.
FIRST_GROUP = 20
LIBRARY = "libmvec.so.1"


@cache
def variants() -> dict[str, list[tuple[str, int, int]]]:
    """By function the names of its vector versions, with their width and number of arguments."""
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError:
        return {}
    found: dict[str, list[tuple[str, int, int]]] = {}
    for names, arity in ((_UNARY, 1), (_BINARY, 2)):
        for name in names:
            for letter, width in _SETS.get(platform.machine(), ()):
                vector = f"_ZGV{letter}N{width}{'v' * arity}_{name}"
                if hasattr(library, vector):
                    found.setdefault(name, []).append((vector, width, arity))
    return found


@cache
def groups() -> dict[str, int]:
    """The number of the attribute group of each function that has vector versions."""
    return {name: FIRST_GROUP + k for k, name in enumerate(sorted(variants()))}


def text(used: frozenset[str]) -> str:
    """Declarations and attribute groups for the functions that a module calls."""
    lines: list[str] = []
    kept: list[str] = []
    for name in sorted(used & groups().keys()):
        for vector, width, arity in variants()[name]:
            doubles = f"<{width} x double>"
            lines.append(f"declare {doubles} @{vector}({', '.join([doubles] * arity)}) nounwind willreturn memory(none)")
            kept.append(f"ptr @{vector}")
        mapping = ",".join(f"{vector}({vector})" for vector, _, _ in variants()[name])
        lines.append(f'attributes #{groups()[name]} = {{ "vector-function-abi-variant"="{mapping}" }}')
    if kept:  # else the optimiser would remove what nothing calls yet
        lines.append(f'@llvm.compiler.used = appending global [{len(kept)} x ptr] [{", ".join(kept)}], section "llvm.metadata"')
    return "\n".join(lines) + "\n"
