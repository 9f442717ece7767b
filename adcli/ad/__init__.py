"""Differentiation: functions from IR to IR. Forward and reverse mode; higher orders are their compositions."""
from __future__ import annotations

from adcli.ad.forward import Derivative, forward
from adcli.ad.reverse import reverse

__all__ = ["Derivative", "forward", "reverse"]
