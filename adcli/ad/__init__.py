"""Differentiation: functions from IR to IR. Forward and reverse mode; higher orders are their compositions."""

from __future__ import annotations

from adcli.ad import nested
from adcli.ad.checkpoint import Plan
from adcli.ad.forward import Derivative, forward
from adcli.ad.reverse import reverse
from adcli.ir.nested import is_nested
from adcli.ir.nodes import Function

__all__ = ["Derivative", "Plan", "expand", "forward", "reverse"]


def expand(function: Function, plan: Plan | None = None) -> Function:
    """The function ready to run: derivatives that its program asks for have their statements, loops in them checkpointed by the plan."""
    return nested.expand(function, forward, reverse, plan) if is_nested(function) else function
