"""`adcli ir`: a program at a stage on its way to a derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, WRT, Job, define, names, option, output

if TYPE_CHECKING:
    from adcli.api import Program
    from adcli.api.derivatives import Setting
    from adcli.ir.nodes import Function

STAGES = ["parsed", "lowered", "simplified", "forward", "reverse"]
STAGE = (
    option("--stage", type=click.Choice(STAGES), default="lowered", help="Which: parsed, lowered (default), simplified, forward, reverse."),
    option("--count", is_flag=True, help="Count statements, as they stand and as a run executes them."),
)
TAPE = ("Push", "Pop")


@define("ir", PROGRAM, POINT, STAGE, WRT, OF, output(["text", "json"], digits=False), LIMITS)
def command(job: Job, stage: str, count: bool, wrt: str | None, of: str | None) -> None:
    """PROGRAM at a stage: its syntax tree, the intermediate representation, simplified, and its derivatives.

    Scalar inputs without a value are taken as 1, unless --count has to run the program. Push and Pop, the tape's statements, are
    counted apart.

    Examples:
      adcli ir "x1*x2 + sin(x1)"
      adcli ir "x^2 + x^2" --stage simplified
      adcli ir "y = x; for i in 0..10 { y = sin(y) }; y" --at x=1 --stage reverse --count
    """
    program = job.program()
    kind = job.format()
    if stage == "parsed":
        from adcli.report.syntax_tree import dump

        text = dump(program.tree)
        data: dict[str, Any] = {"schema": "adcli/ir/1", "stage": stage, "text": text}
    else:
        text, data = at_stage(program, job, stage, count, (names(wrt), of))
    if kind == "json":
        from adcli.cli.document import to_json

        text = to_json(data) + "\n"
    job.write(text)


def at_stage(
    program: Program, job: Job, stage: str, count: bool, choice: tuple[list[str] | None, str | None]
) -> tuple[str, dict[str, Any]]:
    """The function at a stage as text and as data."""
    from adcli.api.derivatives import Setting
    from adcli.ir.show import show

    point = job.point(program)
    if not count:
        point = {i.name: 1.0 for i in program.inputs if i.default is None and not i.shape and i.name not in point} | point
    setting = Setting(program, point)
    function, seeds = derivative(setting, stage, *choice)
    text = show(function)
    data: dict[str, Any] = {"schema": "adcli/ir/1", "stage": stage, "text": text}
    if count:
        data["statements"] = counts(setting, function, seeds)
        data.update(ratio(setting, data["statements"], stage))
        text = table(data)
    return text, data


def derivative(setting: Setting, stage: str, wrt: list[str] | None, of: str | None) -> tuple[Function, list[Any]]:
    """The function of a stage, and what it takes beside the inputs."""
    from adcli.api.derivatives import zeros

    variant = setting.variant
    if stage == "lowered":
        return variant.lowered, []
    if stage == "simplified":
        return variant.function("value"), []
    one = None if stage == "forward" and of is None else setting.output(of, "a reverse sweep")
    function = variant.function(stage, setting.wrt(wrt), one)
    added = function.params[len(variant.types) :]
    return function, [zeros(p.type.shape) + 1.0 for p in added]


def counts(setting: Setting, function: Function, seeds: list[Any]) -> dict[str, dict[str, int]]:
    """Statements by kind, as they stand and as executed; the sums leave the tape out."""
    from adcli.api.variant import ready
    from adcli.engines.count import executed, static

    function = ready(function)
    found: dict[str, dict[str, int]] = {}
    for name, by_kind in (("static", static(function)), ("executed", executed(function, [*setting.args, *seeds], setting.program.limits))):
        found[name] = {
            "total": sum(n for kind, n in by_kind.items() if kind not in TAPE),
            "tape": sum(by_kind.get(kind, 0) for kind in TAPE),
        }
        found[name] |= {kind: by_kind[kind] for kind in sorted(by_kind)}
    return found


def ratio(setting: Setting, statements: dict[str, dict[str, int]], stage: str) -> dict[str, Any]:
    """How many statements the derivative executes for each one of the primal."""
    if stage not in ("forward", "reverse"):
        return {}
    from adcli.api.variant import ready
    from adcli.engines.count import executed

    primal = sum(executed(ready(setting.variant.function("value")), setting.args, setting.program.limits).values())
    return {"primal": primal, "ratio": round(statements["executed"]["total"] / max(primal, 1), 3)}


def table(data: dict[str, Any]) -> str:
    """Counts as aligned text."""
    static, executed = data["statements"]["static"], data["statements"]["executed"]
    rows = [("statement", "static", "executed")]
    kinds = [kind for kind in static if kind not in ("total", "tape", *TAPE)]
    rows += [(kind, str(static[kind]), str(executed.get(kind, 0))) for kind in kinds]
    rows.append(("sum", str(static["total"]), str(executed["total"])))
    rows += [(kind, str(static[kind]), str(executed.get(kind, 0))) for kind in TAPE if kind in static]
    wide = [max(len(row[k]) for row in rows) for k in range(3)]
    text = "".join(f"{a:<{wide[0]}}  {b:>{wide[1]}}  {c:>{wide[2]}}\n" for a, b, c in rows)
    if "ratio" in data:
        text += f"the primal executes {data['primal']}: {data['stage']} executes {data['ratio']} times as many, Push and Pop apart\n"
    return text
