"""`adcli/compare/1`: a comparison as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adcli.api.compare import Comparison
    from adcli.api.steps import Steps
    from adcli.api.swell import Line
    from adcli.api.ways import Way


def data(found: Comparison, steps: Steps | None, swell: list[Line] | None) -> dict[str, Any]:
    """All but the flags."""
    problem = found.problem
    made: dict[str, Any] = {
        "schema": "adcli/compare/1",
        "of": found.result.of,
        "at": dict(zip(problem.variant.names, problem.args, strict=True)),
        "value": problem.value,
        "reference": {"by": found.by, "gradient": {name: plain(value) for name, value in found.reference.items()}},
        "methods": [method(way) for way in found.ways],
    }
    if steps is not None:
        made["steps"] = {
            "at": steps.at,
            "h": steps.h,
            "curves": [
                {
                    "method": c.name,
                    "errors": c.errors,
                    "best": None if c.best is None else {"h": c.best[0], "error": c.best[1]},
                    "fit": None if c.fit is None else c.fit._asdict(),
                }
                for c in steps.curves
            ],
        }
    if swell is not None:
        made["swell"] = [line._asdict() for line in swell]
    return made


def method(way: Way) -> dict[str, Any]:
    return {
        "method": way.name,
        "gradient": way.gradient,
        "error": None if way.error is None else way.error._asdict(),
        "operations": way.operations,
        "evaluations": way.evaluations,
        "sweeps": way.sweeps,
        "seconds": way.seconds,
        "note": way.note,
    }


def plain(value: Any) -> Any:
    """Numbers of any arithmetic as doubles."""
    if getattr(value, "shape", ()):
        return [plain(item) for item in value]
    return float(value)
