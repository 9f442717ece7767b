"""The computational graph of a program, or of one run with its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adcli.api import derivatives
from adcli.api.trace import along_each, recorded_run
from adcli.api.variant import ready
from adcli.engines.limits import NESTED, frames
from adcli.report.graph import recorded, rolled, runs, stages
from adcli.report.graph.model import Graph
from adcli.report.trace import Trace

if TYPE_CHECKING:
    from adcli.api.program import Program, Result
    from adcli.ir.nodes import Function


@dataclass(slots=True)
class Request:
    """What a graph is to show.

    values, adjoints, tangents: numbers of a run, which needs a point. along: the direction of the tangents; None: each input in turn.
    wrt, of: the inputs and the output of the derivatives. unroll: loops and calls as they ran. optimize: as written, and simplified.
    """

    values: bool = False
    adjoints: bool = False
    tangents: bool = False
    along: Mapping[str, Any] | None = None
    wrt: Sequence[str] | None = None
    of: str | None = None
    unroll: bool = False
    optimize: bool = False

    @property
    def run(self) -> bool:
        """Whether the program has to run."""
        return self.values or self.adjoints or self.tangents or self.unroll


@frames(NESTED)
def graph(program: Program, at: Mapping[str, Any], request: Request) -> tuple[Graph, Result | None]:
    """The graph and, where the program ran, the values, derivatives and flags as `grad`, `jvp` or `eval` give them.

    Without a run nothing is evaluated: scalar inputs without a value are taken as 1, as by `adcli ir`.
    """
    if not request.run:
        at = {i.name: 1.0 for i in program.inputs if i.default is None and not i.shape and i.name not in at} | dict(at)
    setting = derivatives.Setting(program, at)
    wrt = list(request.along) if request.along is not None else request.wrt
    chosen = [setting.variant.names[k] for k in setting.wrt(wrt)]
    if request.of is not None:
        setting.output(request.of, "a derivative")
    result, seeds = _results(program, at, request) if request.run else (None, [])

    def trace(function: Function) -> Trace:
        lines = {i.name: program.source.position(i.span.start)[0] for i in program.inputs}
        output = 0 if request.of is None else program.outputs.index(request.of)
        mode = "reverse" if request.adjoints else "forward"
        return Trace(recorded_run(setting, ready(function)), program.source, mode, lines, chosen, seeds, output, program.limits)

    found = [(label, _graph(setting, f, request, trace)) for label, f in _stages(setting, request)]
    for _, one in found:
        one.activate(chosen, request.of)
    return (stages.joined(found) if request.optimize else found[0][1]), result


def _stages(setting: derivatives.Setting, request: Request) -> Iterator[tuple[str, Function]]:
    lowered = setting.variant.lowered
    yield "as written", lowered
    if request.optimize:
        from adcli.passes import optimize

        yield "simplified", optimize(lowered)


def _results(program: Program, at: Mapping[str, Any], request: Request) -> tuple[Result, list[Mapping[str, Any]]]:
    """What the run gives, and the directions of its tangents."""
    if request.tangents:
        result, seeds = along_each(program, at, request.along, request.wrt, request.of)
    else:
        result, seeds = derivatives.evaluate(program, at), []
    if request.adjoints:
        wrt = list(request.along) if request.along is not None else request.wrt
        result = derivatives.gradient(program, at, wrt, request.of, "reverse")
        result.gradient = result.derivative
    return result, seeds


def _graph(setting: derivatives.Setting, function: Function, request: Request, trace: Callable[[Function], Trace]) -> Graph:
    """One stage: flat, or rolled with the numbers of the run."""
    if request.run and (request.unroll or rolled.flat(function)):
        return recorded.graph(trace(function), request.adjoints, request.tangents)
    made, places = rolled.graph(function, setting.program.source)
    if request.run:
        runs.add(made, places, trace(function), request.adjoints, request.tangents)
    return made
