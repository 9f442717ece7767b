"""Quantiles of Student's t and the normal distribution, for confidence intervals."""

from __future__ import annotations

from adcli.optimize import scipy_special


def quantile(freedom: int, level: float) -> float:
    """t such that a share `level` of the distribution with so many degrees of freedom lies in [-t, t]; nan where there is none."""
    return float(scipy_special().stdtrit(freedom, 0.5 + level / 2)) if freedom > 0 else float("nan")


def normal_quantile(level: float) -> float:
    """z such that a share `level` of the standard normal distribution lies in [-z, z]."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(0.5 + level / 2)
