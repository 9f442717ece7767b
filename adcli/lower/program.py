"""A whole program as one IR function: inputs are its parameters, outputs its results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adcli.errors import DeclarationError, ShapeError, Source, Span, UnsetVariable
from adcli.ir.collector import put_off
from adcli.ir.nodes import Atom, Function, Var
from adcli.ir.signature import ORDER, Input, Signature
from adcli.ir.types import REAL, Type, shape_text
from adcli.lower import custom
from adcli.lower.frame import FALSE, Frame, Unit, Unset
from adcli.lower.functions import body_value, call
from adcli.lower.names import RESULT, RETURNED
from adcli.lower.problems import counted
from adcli.lower.signature import VALUE, signature
from adcli.lower.statements import statements
from adcli.syntax import tree


def lower(program: tree.Program, source: Source, types: Mapping[str, Type], order: int = ORDER) -> Function:
    """The program as a function for inputs of those types; raises ProgramError where it does not fit them."""
    with put_off():
        return _lower(program, source, types, order)


def _lower(program: tree.Program, source: Source, types: Mapping[str, Type], order: int) -> Function:
    described = signature(program, source)
    unit = _unit(program, source, described, order)
    frame = Frame(unit, "main", source)
    params: list[Var] = []
    sizes: dict[str, tuple[int, str]] = {}
    for given in described.inputs:
        shape = types[given.name].shape
        _fit(frame, given, shape, sizes)
        params.append(Var(REAL if given.kind == "real" and not shape else Type(given.kind, shape), given.name))
        frame.env[given.name] = params[-1]
    unit.dims.update((name, size) for name, (size, _) in sizes.items())
    frame.last = described.last
    if described.entry is not None:
        results = _entry(frame, described.entry)
        name = described.entry.name.name
    else:
        results = _statements(frame, program, described)
        name = "main"
    frame.b.block.results = tuple(results)
    return Function(name, tuple(params), frame.b.block, described.outputs, span=program.span, result_types=tuple(a.type for a in results))


def _unit(program: tree.Program, source: Source, described: Signature, order: int) -> Unit:
    """The program's functions and variables by name."""
    unit = Unit(program, source, order)
    for s in program.statements:
        if isinstance(s, tree.FnDef):
            if s.name.name in unit.functions:
                raise DeclarationError(
                    f"function '{s.name.name}' is defined twice", s.name.span, help="keep one of the definitions", source=source
                )
            names = [p.name for p in s.params]
            for k, p in enumerate(s.params):
                if p.name in names[:k]:
                    raise DeclarationError(
                        f"parameter '{p.name}' stands twice", p.span, help="give each parameter its own name", source=source
                    )
            unit.functions[s.name.name] = s
    unit.rules = custom.rules(program, unit.functions, source)
    own = {p.name for p in described.entry.params} if described.entry is not None else set()
    unit.variables.update(dict.fromkeys(i.name for i in described.inputs if i.name not in own))
    unit.variables.update(dict.fromkeys(n for n in unit.writes.statements(program.statements) if not n.startswith("%")))
    return unit


def _fit(frame: Frame, given: Input, shape: tuple[int | None, ...], sizes: dict[str, tuple[int, str]]) -> None:
    """Hold an input's value against its declared shape; a dimension name takes its size from the first value."""
    if given.shape is None:
        return
    declared = f"'{given.name}' is declared as {_declared(given.shape)}"
    if len(shape) != len(given.shape):
        raise frame.fail(ShapeError, f"{declared}, but its value is {shape_text(shape)}", given.span, _shape_help(given, shape))
    for want, have in zip(given.shape, shape, strict=True):
        if isinstance(want, int):
            if want != have:
                raise frame.fail(
                    ShapeError,
                    f"{declared}, but its value is {shape_text(shape)}",
                    given.span,
                    "change the declaration, or give a value of that shape",
                )
            continue
        assert have is not None
        size, first = sizes.setdefault(want, (have, given.name))
        if size != have:
            message = f"dimension '{want}' is {size} in '{first}' and {have} in '{given.name}'"
            raise frame.fail(ShapeError, message, given.span, "one dimension name means one size everywhere")


def _declared(shape: Sequence[int | str]) -> str:
    return f"[{', '.join(map(str, shape))}]" if shape else "a number"


def _shape_help(given: Input, shape: tuple[int | None, ...]) -> str:
    if not shape:
        return f"give an array with {counted(len(given.shape or ()), 'axis').replace('axiss', 'axes')}, such as [1, 2]"
    return f"declare the shape: input {given.name}: {shape_text(shape)}"


def _entry(frame: Frame, fn: tree.FnDef) -> list[Atom]:
    """A program of functions only is its last function."""
    frame.returns = True
    frame.outer = {n: b for n, b in frame.env.items() if n in frame.unit.variables}
    frame.env[RETURNED] = FALSE
    if fn.name.name in frame.unit.rules:
        return [call(frame, fn, [frame.read(p) for p in fn.params], fn.span)]
    return [body_value(frame, fn)]


def _statements(frame: Frame, program: tree.Program, described: Signature) -> list[Atom]:
    stmts = [s for s in program.statements if not isinstance(s, (tree.FnDef, tree.RuleDef, tree.InputDecl))]
    declared = [s for s in stmts if isinstance(s, tree.OutputDecl)]
    if declared:
        statements(frame, stmts, None)
        return [_output(frame, s.name) for s in declared]
    if described.outputs == (VALUE,):
        statements(frame, stmts, RESULT)
        return [_value(frame, stmts[-1].span)]
    statements(frame, stmts, None)
    named = stmts[-1]
    assert isinstance(named, tree.Assign)
    return [frame.read(tree.Name(n, named.span)) for n in described.outputs]


def _output(frame: Frame, name: tree.Name) -> Atom:
    if name.name not in frame.env:
        help = f"assign '{name.name}', or write: output {name.name} = …"
        raise frame.fail(UnsetVariable, f"the output '{name.name}' is never assigned", name.span, help)
    return frame.read(name)


def _value(frame: Frame, span: Span) -> Atom:
    found = frame.env.get(RESULT, Unset("has no value"))
    if isinstance(found, Unset):
        raise frame.fail(found.kind, f"the program {found.why}", span, "add an 'else', or name the result with 'output'")
    return found
