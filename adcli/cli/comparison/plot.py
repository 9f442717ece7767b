"""The V of `adcli compare --plot`: errors of differences by their step, with the lines of truncation through them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adcli.report.plot import Axis, Plot, Series

if TYPE_CHECKING:
    from adcli.api.compare import Comparison
    from adcli.api.steps import Curve, Fit, Steps


def plot(found: Comparison, steps: Steps, ascii_only: bool) -> Plot:
    """Measured errors as points; the fitted truncation errors as lines, down to the smallest error there is."""
    least = min((e for c in steps.curves for e in c.errors if e > 0), default=0.0)
    series = []
    for c in steps.curves:
        series.append(Series(c.name, steps.h, c.errors))
        if c.fit is not None:
            fit = [(h, e) for h in steps.h for e in (c.fit.constant * h**c.fit.order,) if e >= least]
            series.append(Series(formula(c.fit, ascii_only), [h for h, _ in fit], [e for _, e in fit], "line"))
    problem = found.problem
    title = f"error of d{found.result.of}/d{steps.at} by step, {steps.at} = {problem.coordinate(problem.coordinates[0])!r}"
    return Plot(title, Axis("step h", log=True), Axis("error", log=True), series)


def formula(fit: Fit, ascii_only: bool) -> str:
    """33.7·h, 658·h²"""
    power = {1: "h", 2: "h^2" if ascii_only else "h²"}.get(fit.order, f"h^{fit.order}")
    return f"{fit.constant:.3g}{'*' if ascii_only else '·'}{power}"


def fits(steps: Steps, ascii_only: bool) -> str:
    """What was fitted, curve by curve."""
    return "".join(f"{fitted(c, ascii_only)}\n" for c in steps.curves)


def fitted(curve: Curve, ascii_only: bool) -> str:
    if curve.fit is None:
        text = f"{curve.name}: no truncation error to be seen"
    else:
        text = f"{curve.name}: off by {formula(curve.fit, ascii_only)}, slope {curve.fit.slope:.3f}"
        if curve.fit.taylor is not None:
            text += f" (Taylor series: {curve.fit.taylor:.3g})"
    return text if curve.best is None else f"{text}\n    least error {curve.best[1]:.1e} at h = {curve.best[0]:.0e}"
