"""A loss that reads what a model gives, and the model, as one program.

    model  b0 + b1*x                loss  softplus(value) - y*value

    value = b0 + b1*x
    softplus(value) - y*value

The model's text stays where it is, so that places in errors are right: `output y = …` becomes an assignment, `output y` blanks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    return _compiled(model, Source(f"{_assigning(model)};\n{loss.source.text}", "<model and loss>"))


def declaring(program: Program, shapes: Mapping[str, Sequence[int]]) -> Program:
    """The program with further inputs of these shapes, which it does not read."""
    text = program.source.text
    if program.signature.entry is not None:
        text += f"\noutput {program.outputs[0]} = {_called(program)}"
    text += "".join(f"\ninput {name}{f': {list(shape)}' if shape else ''}" for name, shape in shapes.items())
    return _compiled(program, Source(text, program.source.name))


def _compiled(program: Program, source: Source) -> Program:
    """Another text with the settings of a program."""
    from adcli.api.program import compile

    choice = program.tiers.choice
    return compile(source, limits=program.limits, engine=choice.engine, exact_libm=choice.exact_libm)


def _called(program: Program) -> str:
    """The call of the function that a program of functions means."""
    entry = program.signature.entry
    assert entry is not None
    return f"{entry.name.name}({', '.join(p.name for p in entry.params)})"


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
        return f"{text}\n{model.outputs[0]} = {_called(model)}"
    last = statements[-1]
    if not outputs and isinstance(last, tree.ExprStmt):
        text = f"{text[: last.span.start]}{model.outputs[0]} = {text[last.span.start :]}"
    return text
