"""Quantiles of Student's t distribution, for confidence intervals."""

from __future__ import annotations

from adcli.errors import UsageError
from adcli.optimize import INSTALL


def quantile(freedom: int, level: float) -> float:
    """t such that a share `level` of the distribution with so many degrees of freedom lies in [-t, t]; nan where there is none."""
    try:
        from scipy.special import stdtrit
    except ImportError:
        raise UsageError("this needs scipy, which is not installed", help=INSTALL) from None
    return float(stdtrit(freedom, 0.5 + level / 2)) if freedom > 0 else float("nan")
