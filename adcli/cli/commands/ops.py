"""`adcli ops`: the functions and their derivative rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from adcli.cli.options import Job, define, output
from adcli.errors import UsageError

if TYPE_CHECKING:
    from adcli.ops.record import Op

NAME = (lambda: click.Argument(["op"], required=False, metavar="[NAME]"),)
MEANING = {
    "partials": "partial derivatives",
    "reduce": "derivative by each element",
    "linear": "pull-back of a cotangent g",
    "bilinear": "pull-back of a cotangent g",
    "form": "a symmetric form: its derivative along a has one argument more",
    "zero": "derivative 0",
    "define": "defined in the language itself",
}


@define("ops", NAME, output(["text", "json", "csv", "markdown"], digits=False))
def command(job: Job, op: str | None) -> None:
    """Every function that programs can call; with NAME, all there is to know about one: arguments, derivative rule, conventions.

    Rules are written in the language itself, over the argument names, `out` (the result) and `g` (the cotangent).

    Examples:
      adcli ops
      adcli ops tanh
      adcli ops "x^y" --json
    """
    from adcli import ops

    kind = job.format()
    if op is not None:
        found = lookup(op)
        if kind == "json":
            job.write(as_json(describe(found)))
        else:
            job.write(page(found) if kind == "text" else listing([(usage(found), found.doc)], kind, job))
        return
    public = sorted({o.name: o for o in ops.PUBLIC.values()}.values(), key=usage)
    if kind == "json":
        job.write(as_json({"ops": [describe(o) for o in public]}))
    else:
        job.write(listing([(usage(o), o.doc) for o in public], kind, job))


def lookup(name: str) -> Op:
    """The operation of a function's name, an alias, an operator or the IR's name."""
    from adcli import ops

    found = ops.PUBLIC.get(name) or ops.TABLE.get(name) or ops.TABLE.get(OPERATORS.get(name, ""))
    if found is None:
        from difflib import get_close_matches

        near = get_close_matches(name, [*ops.PUBLIC, *ops.TABLE], 1)
        raise UsageError(f"there is no function '{name}'", help=f"did you mean '{near[0]}'?" if near else "`adcli ops` lists them")
    return found


OPERATORS = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "//": "floordiv", "%": "mod", "^": "pow", "**": "pow", "@": "matmul", "'": "transpose",
    "x^y": "pow", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne",
}  # fmt: skip


def usage(op: Op) -> str:
    """The call as a program writes it."""
    args = ", ".join([*op.args, *(a for a in op.attrs if a == "axis")]).replace("*xs", "…")
    called = op.aliases[0] if not op.public and op.aliases else op.name
    return f"{called}({args})"


def rules(op: Op) -> dict[str, str]:
    """The rule texts by argument; by ranks and argument for a bilinear operation."""
    if isinstance(op.rule, Mapping):
        return {f"{name} ({','.join(ranks)})": text for ranks, texts in op.rule.items() for name, text in zip(op.args, texts, strict=False)}
    return {name: text for name, text in zip(op.args, op.rule, strict=False) if text is not None}


def describe(op: Op) -> dict[str, Any]:
    """An operation as data."""
    data: dict[str, Any] = {
        "name": op.name,
        "aliases": list(op.aliases),
        "args": list(op.args),
        "attrs": list(op.attrs),
        "kind": op.kind,
        "doc": op.doc,
    }
    data["rule"] = rules(op)
    if op.tangent:
        data["tangent"] = {name: text for name, text in zip(op.args, op.tangent, strict=True) if text}
    if op.body:
        data["body"] = op.body
    data["flags"] = dict(op.special)
    data["domain"] = op.domain
    data["public"] = op.public or bool(op.aliases)
    return data


def page(op: Op) -> str:
    """An operation as text."""
    called = usage(op)
    lines = [called, f"  {op.doc}"]
    others = [name for name in op.aliases if name != called.partition("(")[0]]
    if others:
        lines.append(f"also: {', '.join(others)}")
    lines.append(f"{MEANING.get(op.kind, op.kind)}:" if op.kind != "zero" else MEANING["zero"])
    if op.body:
        lines += [f"  {line}" for line in op.body.strip().splitlines()]
    lines += [f"  {name}: {text}" for name, text in rules(op).items()]
    if op.tangent:
        lines += ["tangent:", *(f"  {name}: {text}" for name, text in zip(op.args, op.tangent, strict=True) if text)]
    if op.special:
        lines.append("flags:")
        lines += [f"  {code} where {condition}" for condition, code in op.special.items()]
    if op.domain:
        lines.append(f"tested on: {op.domain}")
    return "\n".join(lines) + "\n"


def listing(rows: list[tuple[str, str]], kind: str, job: Job) -> str:
    if kind == "csv":
        from adcli.cli.document import csv_cell

        return "function,description\n" + "".join(f"{csv_cell(name)},{csv_cell(doc)}\n" for name, doc in rows)
    if kind == "markdown":
        return "| function | description |\n| --- | --- |\n" + "".join(
            f"| `{name}` | {doc.replace('|', chr(92) + '|')} |\n" for name, doc in rows
        )
    if job.drawing:
        from adcli.cli.table import table

        return table(["function", "description"], [list(row) for row in rows], job.colour, right=())
    return "".join(f"{name}\t{doc}\n" for name, doc in rows)


def as_json(data: dict[str, Any]) -> str:
    from adcli.cli.document import to_json

    return to_json({"schema": "adcli/ops/1", **data}) + "\n"
