"""Passes from IR to IR: what a program means stays, what it costs goes down."""
from __future__ import annotations

from adcli.ir.nodes import Function
from adcli.ir.walk import clone_program
from adcli.passes.dead import dead_code
from adcli.passes.simplify import simplify
from adcli.passes.storage import storage

__all__ = ["optimize", "storage"]


def optimize(function: Function) -> Function:
    """A simplified copy of the program: constants folded, common subexpressions shared, dead code removed."""
    function = clone_program(function)
    simplify(function)
    dead_code(function)
    return function
