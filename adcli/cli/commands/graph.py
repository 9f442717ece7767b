"""`adcli graph`: the computational graph, drawn or for other tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from adcli.cli.options import LIMITS, OF, POINT, PROGRAM, STRICT, WRT, Job, define, names, option, output
from adcli.cli.page import write_page
from adcli.cli.view import WIDTH, Rows, Sweep, along_direction, choose_notation, recorded, terminal_width
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.api import Program, Result
    from adcli.api.graph import Request
    from adcli.engines.flags import Flag
    from adcli.report.graph import Graph
    from adcli.report.graph import View as Shown

# How many nodes a level shows unless --nodes says otherwise; Mermaid refuses more than 500 edges, Graphviz takes
# minutes for many thousands.
SHOWN = {"text": 24, "svg": 60, "mermaid": 150, "dot": 1000, "json": None, "html": 60}

OPTIONS = (
    option("--values", is_flag=True, help="Values at the nodes (default where --at is given)."),
    option("--adjoints", is_flag=True, help="Adjoints at the nodes, and what each edge adds to them."),
    option("--tangents", is_flag=True, help="Tangents at the nodes, along --along or each input in turn."),
    option("--along", multiple=True, metavar="NAME[=VALUE],…", help="Direction of the tangents: x1, or x1=3,x2=-2."),
    option("--unroll", is_flag=True, help="Loops, branches and calls as they ran, operation by operation."),
    option("--highlight", type=click.Choice(["forward", "reverse"]), help="Draw the arrows of a sweep."),
    option("--optimize", is_flag=True, help="Before and after simplification."),
    option("--nodes", type=Rows(), metavar="N|all", help="Fold what is longer (text 24, SVG, HTML 60, Mermaid 150, DOT 1000, JSON all)."),
    option("--direction", type=click.Choice(["right", "down"]), help="Where pictures run (default: right; HTML: down)."),
    option("--title", metavar="TEXT", help="What stands above the picture, or the page."),
    option("--notation", type=click.Choice(["unicode", "ascii"]), help="How names and lines are written."),
)


@define("graph", PROGRAM, POINT, OPTIONS, WRT, OF, output(["text", "svg", "dot", "mermaid", "json", "html"]), STRICT, LIMITS)
def command(
    job: Job, values: bool, adjoints: bool, tangents: bool, along: tuple[str, ...], unroll: bool, highlight: str | None, optimize: bool,
    nodes: int | str | None, direction: str | None, title: str | None, notation: str | None, wrt: str | None, of: str | None,
) -> None:  # fmt: skip
    """The computational graph of PROGRAM: inputs, constants, operations and outputs, and what flows between them.

    A loop is a box with the values it carries, a function a box of its own; --unroll shows every operation of a run instead. Without a
    point the graph has no numbers. Values, tangents and adjoints are those of the run; of a loop the first and the last are shown.

    Examples:
      adcli graph "ln(x1)+x1*x2-sin(x2)"
      adcli graph "ln(x1)+x1*x2-sin(x2)" --at x1=2,x2=5 --adjoints -o graph.svg
      adcli graph samples/newton_sqrt.adl --unroll --highlight reverse -o sweep.svg
      adcli graph samples/newton_sqrt.adl -o page.html
      adcli graph "x*x + 0*y + x*x" --optimize --to dot | dot -Tpdf -o graph.pdf
    """
    from adcli.api.graph import Request, graph
    from adcli.report.graph.fold import folded

    kind = job.format()
    refuse(kind, direction, highlight, optimize)
    if kind == "html":
        run = recorded(job, kind, Sweep("forward" if tangents or along else "reverse", along, wrt, of), notation)
        write_page(run, title, "graph", nodes=limit(kind, nodes), direction=direction or "down")
        run.finish(told=False)
        return
    program = job.program()
    moving = along_direction(job, program, along) if along else None
    numbers = values or bool(job.options.get("at"))
    request = Request(numbers, adjoints, tangents or moving is not None, moving, names(wrt), of, unroll, optimize)
    made, result = graph(program, job.point(program), request)
    made.title = title or ""
    made = folded(made, limit(kind, nodes))
    shown = view(job, kind, request, highlight, notation)
    flags = job.flagged(result.flags if result else [])
    job.deliver(written(job, program, made, shown, direction or "right", kind, result, flags), flags, program.source, kind == "json")
    if result is not None:
        job.report(program, result)


def limit(kind: str, nodes: int | str | None) -> int | None:
    """How many nodes a level shows; None for all."""
    return SHOWN[kind] if nodes is None else None if nodes == "all" else int(nodes)


def refuse(kind: str, direction: str | None, highlight: str | None, optimize: bool) -> None:
    """Options that a format has no use for."""
    if highlight is not None and kind == "html":
        raise UsageError("--highlight is for pictures: the page goes through the sweep", help="leave it out, or add --to svg")
    if optimize and kind == "html":
        raise UsageError("--optimize is for pictures: the page shows the run as it was", help="leave it out, or add --to svg")
    if direction is not None and kind in ("text", "json"):
        why = "a drawing in text runs down" if kind == "text" else "JSON holds no drawing"
        raise UsageError(f"--direction is for SVG, DOT and Mermaid: {why}", help="leave it out, or add --to svg")
    if highlight is not None and kind == "json":
        raise UsageError("--highlight is for drawings", help="in JSON every edge says whether it is active, and with --adjoints its step")


def view(job: Job, kind: str, request: Request, highlight: str | None, notation: str | None) -> Shown:
    from adcli.report.graph import View as Shown
    from adcli.report.notation import NOTATIONS, Writer
    from adcli.report.numbers import significant, table_number

    digits = job.options.get("digits")
    name = notation or (choose_notation("text", None) if kind == "text" else "unicode")
    writer = Writer(NOTATIONS[name], significant(digits) if digits else table_number)
    return Shown(request.values or request.unroll, request.adjoints, request.tangents, highlight, writer)


def written(
    job: Job, program: Program, graph: Graph, view: Shown, direction: str, kind: str, result: Result | None, flags: list[Flag]
) -> str:  # fmt: skip
    """The graph in a format."""
    if kind == "json":
        return "".join(as_json(job, program, graph, result, flags))
    if kind == "svg":
        from adcli.report.graph import svg

        return svg.draw(graph, view, direction=direction)
    if kind == "dot":
        from adcli.report.graph import dot

        return "".join(dot.write(graph, view, direction))
    if kind == "mermaid":
        from adcli.report.graph import mermaid

        return "".join(mermaid.write(graph, view, direction))
    from adcli.report.graph import text

    return text.draw(graph, view, terminal_width() if job.on_terminal else WIDTH)


def as_json(job: Job, program: Program, graph: Graph, result: Result | None, flags: list[Flag]) -> Iterator[str]:
    """One object on one line, schema adcli/graph/1."""
    from adcli.cli.document import rounded, to_json
    from adcli.cli.strays import Strays
    from adcli.report.graph import records

    digits = job.options.get("digits")
    made = Strays(records.NUMBERS, digits)
    head: dict[str, Any] = {"schema": "adcli/graph/1"} | ({"title": graph.title} if graph.title else {})
    if result is not None:
        head |= {"value": result.value} if len(result.outputs) == 1 else {"outputs": result.outputs}
        head |= {"gradient": result.gradient} if result.gradient else {}
    head |= {"seeds": graph.seeds} if graph.seeds else {}
    yield to_json(rounded(head, digits))[:-1]
    for name, items in (("nodes", records.nodes(graph)), ("edges", records.edges(graph)), ("boxes", records.boxes(graph))):
        yield ", "
        yield from made.section(name, items)
    yield made.ending(flags, program.source)
