"""What a program takes and gives: its inputs, declared or not, its dimension names and its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from adcli import ops
from adcli.errors import DeclarationError, MisplacedError, MissingOutput, ProgramError, Source, Span, UnsetVariable
from adcli.ir.signature import Input, Signature
from adcli.lower.names import Free, target_name
from adcli.lower.problems import line
from adcli.syntax import tree

VALUE = "value"


@lru_cache(maxsize=4)
def signature(program: tree.Program, source: Source) -> Signature:
    """The program's signature; raises ProgramError where it has no output or its declarations disagree."""
    statements = [s for s in program.statements if not isinstance(s, tree.RuleDef)]
    functions = [s for s in statements if isinstance(s, tree.FnDef)]
    entry = functions[-1] if functions and len(functions) == len(statements) else None
    declared = _declared(statements, source)
    top = Free()
    free = top_level_reads(statements, top, source)
    dimensions = tuple(dict.fromkeys(d for i in declared for d in i.shape or () if isinstance(d, str)))
    names = {i.name for i in declared}
    undeclared = sorted((n for n in free if n.name not in names and n.name not in dimensions), key=lambda n: n.span.start)
    found = [Input(n.name, "real", None, None, n.span) for n in undeclared]
    inputs = [Input(p.name, "real", None, None, p.span) for p in entry.params] if entry is not None else []
    known = {i.name for i in inputs}
    inputs += sorted((i for i in (*declared, *found) if i.name not in known), key=lambda i: i.span.start)
    outputs = (VALUE,) if entry is not None else output_names(statements, program.span, source)
    return Signature(tuple(inputs), dimensions, outputs, entry, top.last)


def _declared(statements: Sequence[tree.Stmt], source: Source) -> list[Input]:
    inputs: dict[str, Input] = {}
    for s in statements:
        if not isinstance(s, tree.InputDecl):
            continue
        for name in s.names:
            if name.name in inputs:
                first = line(source, inputs[name.name].span)
                raise DeclarationError(
                    f"input '{name.name}' is declared twice, first on {first}",
                    name.span,
                    help="keep one of the declarations",
                    source=source,
                )
            inputs[name.name] = Input(name.name, s.kind, s.shape or (), s.default, name.span)
    return list(inputs.values())


def is_constant(name: str) -> bool:
    return name in ops.CONSTANTS


def top_level_reads(statements: Sequence[tree.Stmt], top: Free, source: Source) -> list[tree.Name]:
    """The names that become undeclared inputs: read before the text assigns them, neither functions nor constants."""
    functions = {s.name.name for s in statements if isinstance(s, tree.FnDef)}
    assigned: set[str] = set()
    for s in statements:
        top.statement(s, assigned, paths=False)
    top.outputs(statements, assigned)
    found = dict(top.reads)
    for s in statements:
        if isinstance(s, tree.FnDef):
            for n, name in function_reads(s).reads.items():
                if n not in assigned and (n not in found or name.span.start < found[n].span.start):
                    found[n] = name
    for n, name in top.updates.items():
        if n not in found or found[n].span.start > name.span.start:
            raise unset_update(name, source)
    return [name for n, name in found.items() if not (n in functions or n in ops.PUBLIC or is_constant(n))]


def unset_update(name: tree.Name, source: Source) -> ProgramError:
    start = f"begin with {name.name} = 0, or with an array such as {name.name} = zeros(3)"
    return UnsetVariable(f"'{name.name}' has no value yet that could be changed here", name.span, help=start, source=source)


def function_reads(fn: tree.FnDef) -> Free:
    """What a function reads that is not its own at that point."""
    free = Free()
    bound = {p.name for p in fn.params}
    if isinstance(fn.body, tree.Block):
        free.block(fn.body.statements, bound, paths=True)
    else:
        free.expression((fn.body,), bound, paths=True)
    return free


def output_names(statements: Sequence[tree.Stmt], span: Span, source: Source) -> tuple[str, ...]:
    declared = [s for s in statements if isinstance(s, tree.OutputDecl)]
    if declared:
        names = tuple(s.name.name for s in declared)
        for k, s in enumerate(declared):
            if s.name.name in names[:k]:
                raise DeclarationError(
                    f"output '{s.name.name}' is declared twice", s.name.span, help="keep one of the declarations", source=source
                )
        return names
    last = next(
        (s for s in reversed(statements) if not isinstance(s, (tree.FnDef, tree.InputDecl))), statements[-1] if statements else None
    )
    match last:
        case tree.ExprStmt():
            return (VALUE,)
        case tree.Assign():
            named = [target_name(t) for t in last.targets]
            return tuple(dict.fromkeys(n.name for n in named if n is not None))
        case tree.Break() | tree.Continue() | tree.Return():
            raise misplaced(last, source)
        case None:
            raise MissingOutput("the program is empty", span, help="write a formula, such as x^2 + 1", source=source)
        case _:
            raise MissingOutput(_no_output(last), last.span, help=_ask(last), source=source)


def misplaced(stmt: tree.Break | tree.Continue | tree.Return, source: Source) -> ProgramError:
    if isinstance(stmt, tree.Return):
        return MisplacedError(
            "'return' outside a function",
            stmt.span,
            help="at top level, 'output NAME' or a last expression gives the result",
            source=source,
        )
    word = "break" if isinstance(stmt, tree.Break) else "continue"
    return MisplacedError(f"'{word}' outside a loop", stmt.span, help=f"'{word}' belongs in the body of a 'for' or 'while'", source=source)


def _no_output(last: tree.Stmt) -> str:
    if isinstance(last, (tree.ForStmt, tree.WhileStmt)):
        return "the program ends with a loop, which has no value"
    return "the program computes nothing: it has no output"


def _ask(last: tree.Stmt) -> str:
    if isinstance(last, (tree.ForStmt, tree.WhileStmt)):
        named = [target_name(t) for s in last.body.statements if isinstance(s, tree.Assign) for t in s.targets]
        name = next((n.name for n in named if n is not None), "NAME")
        return f"add a last line that says which variable is the result: output {name}"
    return "end with an expression, or with 'output NAME'"
