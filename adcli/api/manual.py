"""The manual way: a gradient that somebody derived by hand, as a program whose outputs are named after the inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from adcli.api.derivatives import Setting
from adcli.api.point import list_text, nearest
from adcli.errors import EvaluationError, LimitError, Span, UsageError
from adcli.syntax.tree import Name, Node, OutputDecl

if TYPE_CHECKING:
    from adcli.api.problem import Problem
    from adcli.api.program import Program
    from adcli.api.ways import Way


def manual_way(problem: Problem, manual: Program) -> Way:
    """The row of a gradient derived by hand, computed at the same point."""
    from adcli.api.problem import operations
    from adcli.api.ways import Way

    setting = Setting(manual, _point(problem, manual))
    outputs = _outputs(problem, manual)
    for name, k in outputs.items():
        wanted, found = problem.shape(name), setting.variant.result_types[k].shape
        if len(wanted) != len(found) or any(n is not None and n != m for n, m in zip(found, wanted, strict=True)):
            shape = f"an array of shape {list_text(wanted)}" if wanted else "a number"
            raise UsageError(f"the manual derivative by '{name}' does not have the shape of '{name}'", help=f"it must be {shape}")
    way = Way("manual")
    runner = setting.variant.runner(("value", (), None, ()))
    way.again = lambda: runner.run(setting.args)
    try:
        values = setting.variant.run(setting.args)
        way.gradient = {name: values[k] if problem.shape(name) else float(values[k]) for name, k in outputs.items()}
        way.operations = operations(manual, runner.function, setting.args)
        way.evaluations = 1
    except (EvaluationError, LimitError) as error:
        way.gradient, way.again, way.note = None, None, error.message
    return way


def _outputs(problem: Problem, manual: Program) -> dict[str, int]:
    """Which output is the derivative by which input."""
    wanted = [problem.variant.names[k] for k in problem.inputs]
    if len(wanted) == 1 and len(manual.outputs) == 1:
        return {wanted[0]: 0}
    _read_before(manual, problem.variant.names)
    known = {name: k for k, name in enumerate(manual.outputs)}
    found = {name: known.get(f"d_{name}", known.get(name)) for name in wanted}
    for name, k in found.items():
        if k is None:
            raise UsageError(
                f"the manual gradient has no output '{name}' or 'd_{name}'",
                help=f"its outputs are named after the inputs: output d_{name} = …",
            )
    return {name: k for name, k in found.items() if k is not None}


def _read_before(manual: Program, inputs: Sequence[str]) -> None:
    """An output named x is what x means from then on: whoever reads it later as the input has made a mistake that is hard to see."""
    given: set[str] = set()
    for stmt in manual.tree.statements:
        if isinstance(stmt, OutputDecl):
            read = given.intersection(_names(stmt.value)) if stmt.value is not None else set()
            if read:
                name = min(read)
                raise UsageError(
                    f"the manual gradient reads '{name}' after 'output {name}' has given it another value", help=f"say output d_{name} = …"
                )
            if stmt.value is not None and stmt.name.name in inputs:
                given.add(stmt.name.name)


def _names(node: Node) -> Iterator[str]:
    """Every name in a piece of syntax."""
    left: list[object] = [node]
    while left:
        item = left.pop()
        if isinstance(item, Name):
            yield item.name
        elif isinstance(item, Node):
            left += [getattr(item, part) for part in item.__slots__]
        elif isinstance(item, tuple) and not isinstance(item, Span):
            left += item


def _point(problem: Problem, manual: Program) -> dict[str, Any]:
    """The values of the program's inputs that the manual gradient takes."""
    known = dict(zip(problem.variant.names, problem.args, strict=True))
    for wanted in manual.inputs:
        if wanted.name not in known and wanted.default is None:
            near = nearest(wanted.name, list(known))
            hint = f"did you mean '{near}'?" if near else f"the program's inputs are {', '.join(known)}"
            raise UsageError(f"the manual gradient takes '{wanted.name}', which is no input of the program", help=hint)
    return {i.name: known[i.name] for i in manual.inputs if i.name in known}
