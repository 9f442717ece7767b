"""Functions: lowered once for each list of argument types, recursion included.

A recursive function's result type is found in a first pass, in which its calls of itself end their path; then the body is
lowered with that type, and again while it turns out wider. What of this rested on a type that was not final is dropped.
A function sees the program's variables as they are at the call: those it reads are passed as hidden arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from adcli.errors import ArityError, MissingValue, ShapeError, Source, Span
from adcli.ir.build import const
from adcli.ir.nodes import Atom, Block, Call, Const, Function, Var
from adcli.ir.types import REAL, Type, joined, shape_text
from adcli.lower import custom
from adcli.lower.frame import FALSE, Binding, Diverges, Frame, Unit, Unset
from adcli.lower.names import RESULT, RETURNED, Free, expressions, expressions_of
from adcli.lower.problems import counted, line
from adcli.lower.signature import function_reads
from adcli.lower.statements import statements
from adcli.syntax import tree


class Instance:
    """A function for one list of argument types. `low`: the outermost active function whose unfinished type it used."""

    def __init__(self, fn: tree.FnDef, types: tuple[Type, ...], depth: int, sizes: dict[int, Const]) -> None:
        self.fn = fn
        self.types = types
        self.sizes = sizes
        self.depth = depth
        self.low = depth
        self.open = True
        self.called = False
        self.result: Type | None = None
        self.function = Function(fn.name.name, (), Block(), ("value",), span=fn.span)


def call(
    f: Frame, fn: tree.FnDef, args: Sequence[Atom], span: Span, source: Source | None = None, constants: Mapping[str, object] | None = None
) -> Atom:
    """Call a function of the program (or, with `source`, one that the table defines in ADL)."""
    if len(args) != len(fn.params):
        shown = f"{fn.name.name}({', '.join(p.name for p in fn.params)})"
        raise f.fail(
            ArityError, f"{fn.name.name} takes {counted(len(fn.params), 'argument')}, not {len(args)}", span, f"it is defined as {shown}"
        )
    rule = f.unit.rules.get(fn.name.name) if source is None else None
    if rule is not None:
        args = [f.real(a, span) for a in args]
    hidden = captured(f.unit, fn.name.name) if source is None else ()
    seen: dict[str, Binding] = {n: _seen(f, n, fn, span) for n in hidden}
    types = _generalised(f.unit, fn, tuple(a.type for a in args))
    sizes = _sizes(f, fn, args) if source is None and rule is None else {}
    fixed = tuple(_fixed(b) for b in seen.values())
    attrs = tuple(sorted((constants or {}).items(), key=lambda item: item[0]))
    key = (fn.name.name, source is None, types, fixed, attrs, tuple((k, repr(c.value)) for k, c in sizes.items()))
    instance = f.unit.instances.get(key)
    if instance is None:
        instance = _lowered(f, key, Instance(fn, types, len(f.unit.active), sizes), seen, source, constants)
    elif instance.open:
        instance.called = True
        for active in f.unit.active[instance.depth :]:
            active.low = min(active.low, instance.depth)
        if instance.result is None:
            raise Diverges
    else:
        for active in f.unit.active[instance.low :]:
            active.low = min(active.low, instance.low)
    assert instance.result is not None
    if rule is not None and instance.function.of is None and not instance.open:
        custom.attach(f, rule, fn, instance.function)
    passed = [b for b in seen.values() if isinstance(b, Var)]
    out = Var(instance.result)
    given = [a for k, a in enumerate(args) if k not in sizes]
    f.b.append(Call((out,), instance.function, (*given, *passed), span))
    return out


def _seen(f: Frame, name: str, fn: tree.FnDef, span: Span) -> Binding:
    found = f.outer.get(name)
    if found is None:
        return Unset(f"has no value yet where {fn.name.name} is called on {line(f.source, span)}")
    return found.carrying(None) if isinstance(found, Unset) else found


def _fixed(binding: Binding) -> object:
    """What of a program variable a function is lowered for: its type, or its value where that is constant."""
    if isinstance(binding, Unset):
        return None
    return (binding.type, repr(binding.value)) if isinstance(binding, Const) else binding.type


def _generalised(unit: Unit, fn: tree.FnDef, types: tuple[Type, ...]) -> tuple[Type, ...]:
    """Recursion on ever other lengths is one function of unknown length."""
    for active in reversed(unit.active):
        if active.fn is fn and all(a.elem == b.elem and len(a.shape) == len(b.shape) for a, b in zip(active.types, types, strict=True)):
            wide = tuple(
                Type(a.elem, tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)))
                for a, b in zip(active.types, types, strict=True)
            )
            types = wide
    return types


MOST_SIZES = 32
_SIZED = frozenset({"zeros", "ones", "full", "eye", "linspace", "range", "reshape"})


def _sizes(f: Frame, fn: tree.FnDef, args: Sequence[Atom]) -> dict[int, Const]:
    """The constant arguments that a function uses as sizes or bounds: it is lowered for their values, so that shapes are known.

    Not so for recursive functions, which would be lowered for value after value.
    """
    unit, name = f.unit, fn.name.name
    wanted = unit.structural.get(name)
    if wanted is None:
        recursive = name in reachable(unit, name)
        wanted = unit.structural[name] = frozenset() if recursive else _size_parameters(fn)
    found: dict[int, Const] = {}
    for k, (p, a) in enumerate(zip(fn.params, args, strict=True)):
        if p.name in wanted and not a.type.shape:
            value = f.value_of(a)
            if value is not None:
                found[k] = const(value)
    if found:
        seen = unit.sizes.setdefault(name, {})
        seen[tuple((k, repr(c.value)) for k, c in found.items())] = None
        if len(seen) > MOST_SIZES:
            return {}
    return found


def _reads(unit: Unit, name: str) -> Free:
    """What a function of the program reads and calls, remembered."""
    found = unit.free.get(name)
    if found is None:
        found = unit.free[name] = function_reads(unit.functions[name])
    return found


def reachable(unit: Unit, name: str) -> dict[str, None]:
    """The program's functions that calls lead to from one."""
    reached: dict[str, None] = {}
    todo = [name]
    while todo:
        for callee in _reads(unit, todo.pop()).calls:
            if callee in unit.functions and callee not in reached:
                reached[callee] = None
                todo.append(callee)
    return reached


def _size_parameters(fn: tree.FnDef) -> frozenset[str]:
    """The parameters that stand in a range or in the size of a new array."""
    names = {p.name for p in fn.params}
    found: set[str] = set()
    for node in expressions_of(fn.body):
        if isinstance(node, tree.Range) or (isinstance(node, tree.CallExpr) and node.name in _SIZED):
            found.update(n.name for n in expressions((node,)) if isinstance(n, tree.Name) and n.name in names)
    return frozenset(found)


def captured(unit: Unit, name: str) -> tuple[str, ...]:
    """The program's variables that a function reads, or that those it calls do."""
    found = unit.captured.get(name)
    if found is not None:
        return found
    names: dict[str, None] = {}
    for callee in (name, *reachable(unit, name)):
        free = _reads(unit, callee)
        names.update(dict.fromkeys(n for n in (*free.reads, *free.updates) if n in unit.variables))
    unit.captured[name] = tuple(n for n in unit.variables if n in names)
    return unit.captured[name]


def _lowered(
    f: Frame, key: object, instance: Instance, seen: dict[str, Binding], source: Source | None, constants: Mapping[str, object] | None
) -> Instance:
    """Lower the function, again while its result type changes."""
    unit = f.unit
    unit.instances[key] = instance
    unit.active.append(instance)
    guesses: dict[int, dict[str, Type]] = {}
    try:
        while True:
            mark = len(unit.log)
            instance.called = False
            frame = _frame(f, instance, seen, source, constants)
            frame.guesses = guesses
            try:
                found: Type | None = _body(frame, instance)
            except Diverges:
                if instance.low < instance.depth:
                    raise
                found = None
            if not instance.called:
                assert found is not None
                instance.result = found
                break
            wide = _widened(f, instance, found)
            if instance.result == wide:
                break
            instance.result = wide
            _forget(unit, mark)
    except BaseException:
        unit.instances.pop(key, None)
        raise
    finally:
        unit.active.pop()
        instance.open = False
    instance.function.result_types = (instance.result,)
    unit.log.append((key, instance))
    return instance


def _widened(f: Frame, instance: Instance, found: Type | None) -> Type:
    """The result type after a pass: wider than the one assumed, or the same. A function that only calls itself gives reals."""
    if found is None:
        return instance.result or REAL
    if instance.result is None:
        return found
    wide = joined(instance.result, found)
    if wide is None:
        was, now = shape_text(instance.result.shape), shape_text(found.shape)
        message = f"{instance.fn.name.name} returns {was} on one path and {now} on another"
        raise f.fail(ShapeError, message, instance.fn.name.span, "every path of a function returns the same shape")
    return wide


def _forget(unit: Unit, mark: int) -> None:
    """Drop what was lowered since with a type that is not final."""
    kept = []
    for key, instance in unit.log[mark:]:
        if instance.low < instance.depth:
            unit.instances.pop(key, None)
        else:
            kept.append((key, instance))
    unit.log[mark:] = kept


def _frame(f: Frame, instance: Instance, seen: dict[str, Binding], source: Source | None, constants: Mapping[str, object] | None) -> Frame:
    """A frame with the parameters and the program's variables bound."""
    fn = instance.fn
    frame = Frame(f.unit, fn.name.name, source or f.unit.source)
    frame.internal = source is not None
    frame.constants = constants or {}
    frame.returns = True
    frame.outer = {}
    params: list[Var] = []
    for name, binding in seen.items():
        value: Binding = binding
        if isinstance(binding, Var):
            value = Var(binding.type, name)
            params.append(value)
        frame.outer[name] = frame.env[name] = value
    own: list[Var] = []
    for k, (p, t) in enumerate(zip(fn.params, instance.types, strict=True)):
        if k not in instance.sizes:
            own.append(Var(t, p.name))
        frame.env[p.name] = instance.sizes[k] if k in instance.sizes else own[-1]
    frame.env[RETURNED] = FALSE
    frame.last = function_reads(fn).last
    instance.function.params = (*own, *params)
    return frame


def _body(frame: Frame, instance: Instance) -> Type:
    """Lower the body into the instance's function; its type."""
    fn = instance.fn
    result = body_value(frame, fn)
    if instance.result is not None and joined(result.type, instance.result) == instance.result:
        result = frame.convert(result, instance.result)
    frame.b.block.results = (result,)
    instance.function.body = frame.b.block
    return result.type


def body_value(frame: Frame, fn: tree.FnDef) -> Atom:
    """Lower a function's body into the frame's block; its value."""
    if isinstance(fn.body, tree.Block):
        stmts = fn.body.statements
        if not stmts:
            raise frame.fail(MissingValue, f"{fn.name.name} has an empty body", fn.span, "say what it returns: return x")
    else:
        stmts = (tree.ExprStmt(fn.body, fn.body.span),)
    statements(frame, stmts, RESULT)
    found = frame.env.get(RESULT, Unset("has no value"))
    if isinstance(found, Unset):
        raise frame.fail(MissingValue, f"{fn.name.name} {found.why}", fn.name.span, "let every path end with a value, or with 'return'")
    return found
