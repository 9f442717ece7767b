"""A loss that reads what a model gives, and the model, as one program.

    model  b0 + b1*x                loss  softplus(value) - y*value

    value = b0 + b1*x
    softplus(value) - y*value

The model's text stays where it is, so that places in errors are right: `output y = …` becomes an assignment, `output y` blanks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adcli.errors import Source
from adcli.syntax import tree

if TYPE_CHECKING:
    from adcli.api.program import Program

WORD = "output"


def reads(loss: Program, model: Program) -> bool:
    """Whether an input of the loss is an output of the model."""
    return bool({item.name for item in loss.inputs} & set(model.outputs))


def composed(model: Program, loss: Program) -> Program:
    """The loss after the model; what both call by one name is one."""
    from adcli.api.program import compile

    text = f"{_assigning(model)};\n{loss.source.text}"
    return compile(
        Source(text, "<model and loss>"), limits=model.limits, engine=model.tiers.choice.engine, exact_libm=model.tiers.choice.exact_libm
    )


def _assigning(model: Program) -> str:
    """The model's text with assignments in place of its outputs, without the comment it may end in."""
    text = model.source.text
    statements = model.tree.statements
    entry = model.signature.entry
    end = max((s.span.end for s in statements), default=0)
    outputs = [s for s in statements if isinstance(s, tree.OutputDecl)]
    for s in reversed(outputs):
        stop = s.span.start + len(WORD) if s.value is not None else s.span.end
        text = text[: s.span.start] + " " * (stop - s.span.start) + text[stop:]
    text = text[:end]
    if entry is not None:
        return f"{text}\n{model.outputs[0]} = {entry.name.name}({', '.join(p.name for p in entry.params)})"
    last = statements[-1]
    if not outputs and isinstance(last, tree.ExprStmt):
        text = f"{text[: last.span.start]}{model.outputs[0]} = {text[last.span.start :]}"
    return text
