"""Custom rules: `rule f(x, y) { dx = …; dy = … }` beside `fn f(x, y)` gives its partial derivatives.

Both stand on their parameters alone, so that nothing a derivative could depend on goes unseen.
"""

from __future__ import annotations

from collections.abc import Mapping

from adcli.errors import DeclarationError, ShapeError, Source, UnsetVariable
from adcli.ir.nested import CustomRule
from adcli.ir.nodes import Atom, Function, Var
from adcli.ir.types import Type, shape_text
from adcli.lower.frame import FALSE, Binding, Frame, Unset
from adcli.lower.names import RETURNED, Writes
from adcli.lower.problems import counted, meant
from adcli.lower.statements import statements
from adcli.syntax import tree


def attach(f: Frame, rule: tree.RuleDef, fn: tree.FnDef, function: Function) -> None:
    """Give a lowered function its rule."""
    if len(function.params) != len(fn.params):
        names = ", ".join(sorted({p.name for p in function.params} - {p.name for p in fn.params}))
        help = f"{fn.name.name} reads {names} of the program: make it a parameter"
        raise f.fail(DeclarationError, f"a function with a rule reads only its parameters, and {fn.name.name} reads more", rule.span, help)
    frame = Frame(f.unit, fn.name.name, f.source)
    frame.outer = {}
    frame.env[RETURNED] = FALSE
    params = tuple(Var(p.type, p.name) for p in function.params)
    out = Var(function.result_types[0], "out")
    frame.env.update({p.name: v for p, v in zip(rule.params, params, strict=True)} | {"out": out})
    statements(frame, rule.body.statements, None)
    given = [(k, frame.env["d" + p.name]) for k, p in enumerate(rule.params) if "d" + p.name in frame.env]
    partials = [_partial(f, rule, rule.params[k], binding, params[k].type, out.type) for k, binding in given]
    frame.b.block.results = tuple(frame.real(a) for a in partials)
    found = Function(fn.name.name + "_rule", (*params, out), frame.b.block, span=rule.span)
    found.result_types = tuple(a.type for a in frame.b.block.results)
    function.of = CustomRule(found, tuple(k for k, _ in given))


def _partial(f: Frame, rule: tree.RuleDef, param: tree.Name, found: Binding, like: Type, out: Type) -> Atom:
    if isinstance(found, Unset):
        raise f.fail(UnsetVariable, f"'d{param.name}' {found.why}", rule.span, "give it a value on every path")
    wanted = out.shape or like.shape
    if found.type.shape not in ((), wanted):
        message = f"'d{param.name}' has shape {shape_text(found.type.shape)}, and should have {shape_text(wanted)}"
        raise f.fail(ShapeError, message, rule.span, "a partial has the shape of its parameter, or of the value where that is an array")
    return found


def rules(program: tree.Program, functions: Mapping[str, tree.FnDef], source: Source) -> dict[str, tree.RuleDef]:
    """The program's rules by function; raises DeclarationError where one does not fit its function."""
    found: dict[str, tree.RuleDef] = {}
    for rule in program.statements:
        if not isinstance(rule, tree.RuleDef):
            continue
        name, fn = rule.name.name, functions.get(rule.name.name)
        if fn is None:
            help = meant(name, list(functions), f"define it beside the rule: fn {name}(x) = …")
            raise DeclarationError(f"a rule for '{name}', which is no function of the program", rule.name.span, help=help, source=source)
        if name in found:
            raise DeclarationError(f"'{name}' has two rules", rule.name.span, help="keep one of them", source=source)
        if len(rule.params) != len(fn.params):
            message = f"the rule has {counted(len(rule.params), 'parameter')}, and {name} has {len(fn.params)}"
            raise DeclarationError(message, rule.span, help="give the rule the parameters of its function", source=source)
        if not _partials(rule):
            help = f"for instance d{rule.params[0].name} = …" if rule.params else "a function without parameters needs none"
            raise DeclarationError(f"the rule for '{name}' gives no partial derivative", rule.span, help=help, source=source)
        found[name] = rule
    return found


def _partials(rule: tree.RuleDef) -> bool:
    wanted = {"d" + p.name for p in rule.params}
    return bool(wanted.intersection(Writes().statements(rule.body.statements)))
