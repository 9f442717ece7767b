"""Statements in order, and early exits turned into conditions.

    if n == 0 { return 1 }             r = if n == 0: yield 1.0
    return x*p(x, n - 1)         →         else: …; yield x*p(x, n - 1)

Where just one arm of an `if` falls through, what follows it simply moves into that arm. Elsewhere (a `return` inside a
loop, a `continue` deep in a branch) hidden flags remember the exit, and what follows runs only while none is set.
"""

from __future__ import annotations

from collections.abc import Sequence

from adcli.errors import MisplacedError, MissingValue, Span, ValueKindError
from adcli.ir.build import const
from adcli.ir.nodes import Atom, Var
from adcli.lower import arrays
from adcli.lower.branches import Arm, choose
from adcli.lower.frame import FALSE, HANDLERS, TRUE, Frame, Steps, Unset, atom_of
from adcli.lower.loops import for_statement, while_statement
from adcli.lower.names import BROKEN, CONTINUED, RESULT, RETURNED, arms_of, certain, exits, leaves, target_name
from adcli.lower.problems import line
from adcli.lower.signature import misplaced, unset_update
from adcli.syntax import tree


def statements(f: Frame, stmts: Sequence[tree.Stmt], result: str | None) -> None:
    """Lower statements; with `result`, the last one's value is bound to that hidden name."""
    for k, stmt in enumerate(stmts):
        escapes = exits(f.unit.writes.statement(stmt))
        if escapes:
            _leaving(f, stmt, stmts[k + 1 :], result, escapes)
            return
        if result is not None and k == len(stmts) - 1:
            _last(f, stmt, result)
        else:
            statement(f, stmt)
    if result is not None and not stmts:
        f.env[result] = Unset("has no value if an empty block is run")


def statement(f: Frame, stmt: tree.Stmt) -> None:
    """One statement that nothing leaves early."""
    match stmt:
        case tree.Assign():
            assign(f, stmt)
        case tree.ExprStmt(value=tree.IfExpr() as choice):
            conditional(f, choice, (), None)
        case tree.ExprStmt():
            f.expr(stmt.value)
        case tree.ForStmt():
            for_statement(f, stmt, lambda: _body(f, stmt.body))
        case tree.WhileStmt():
            while_statement(f, stmt, lambda: _body(f, stmt.body))
        case tree.OutputDecl() if stmt.value is not None:
            bind(f, stmt.name, f.expr(stmt.value))
        case _:
            pass


def _body(f: Frame, block: tree.Block) -> None:
    """A loop's body, with a `continue` flag of its own where it needs one."""
    outer = f.env.get(CONTINUED)
    if CONTINUED in f.unit.writes.block(block):
        f.env[CONTINUED] = FALSE
    statements(f, block.statements, None)
    f.env.pop(CONTINUED, None)
    if outer is not None:
        f.env[CONTINUED] = outer


def bind(f: Frame, name: tree.Name, value: Atom) -> None:
    """name = value. A step computed for it carries the name from now on."""
    if isinstance(value, Var) and not value.name:
        value.name = name.name
    f.env[name.name] = value


# ---- the value of a block


def _last(f: Frame, stmt: tree.Stmt, result: str) -> None:
    """The last statement of a block whose value is wanted."""
    match stmt:
        case tree.ExprStmt(value=tree.IfExpr() as choice):
            conditional(f, choice, (), result)
        case tree.ExprStmt():
            f.env[result] = f.expr(stmt.value)
        case tree.Assign():
            assign(f, stmt)
            names = dict.fromkeys(n.name for t in stmt.targets if (n := target_name(t)) is not None)
            if len(names) > 1:
                raise f.fail(
                    MissingValue,
                    "several variables are assigned last, so it is unclear which is the value",
                    stmt.span,
                    "end with the one expression that is the value",
                )
            f.env[result] = f.env[next(iter(names))]
        case _:
            statement(f, stmt)
            f.env[result] = Unset("ends with a loop, which has no value")


# ---- early exits


def _leaving(f: Frame, stmt: tree.Stmt, rest: Sequence[tree.Stmt], result: str | None, escapes: tuple[str, ...]) -> None:
    """A statement that may leave the block early, and what follows it."""
    match stmt:
        case tree.Return():
            _return(f, stmt)
        case tree.Break() | tree.Continue():
            _leave_pass(f, stmt)
        case tree.ExprStmt(value=tree.IfExpr() as choice):
            _leaving_choice(f, choice, rest, result, escapes)
        case tree.ForStmt() | tree.WhileStmt():
            statement(f, stmt)
            _after_loop(f, stmt, result if not rest else None)
            _unless_left(f, rest, result, escapes)
        case _:
            raise _inside_value(f, stmt)


def _return(f: Frame, stmt: tree.Return) -> None:
    if not f.returns:
        raise misplaced(stmt, f.source)
    if stmt.value is None:
        raise f.fail(MissingValue, "'return' without a value", stmt.span, "say what is returned: return x")
    f.env[RESULT] = f.expr(stmt.value)
    f.env[RETURNED] = TRUE


def _leave_pass(f: Frame, stmt: tree.Break | tree.Continue) -> None:
    """Set the flag, and note which of the names the loop hands on have no value yet."""
    if not f.loops:
        raise misplaced(stmt, f.source)
    loop = f.loops[-1]
    for n in sorted(loop.wanted):
        if isinstance(f.env.get(n, Unset("")), Unset) and n != RESULT:
            loop.missing.setdefault(n, f"has no value if the loop is left on {line(f.source, stmt.span)}")
    f.env[BROKEN if isinstance(stmt, tree.Break) else CONTINUED] = TRUE


def _leaving_choice(f: Frame, choice: tree.IfExpr, rest: Sequence[tree.Stmt], result: str | None, escapes: tuple[str, ...]) -> None:
    going = [not certain(block.statements) for block in arms_of(choice)]
    if choice.other is None:
        going.append(True)
    if not rest:
        conditional(f, choice, (), result)
    elif sum(going) <= 1:
        conditional(f, choice, rest, result)
    else:
        conditional(f, choice, (), None)
        _unless_left(f, rest, result, escapes)


def _after_loop(f: Frame, stmt: tree.ForStmt | tree.WhileStmt, result: str | None) -> None:
    """What a loop leaves in the hidden result: `while true` ends only by return, any other loop may end without one."""
    atom = atom_of(f.env.get(RESULT))
    if leaves(stmt) and atom is not None:
        f.env[RESULT] = atom
    elif result is not None:
        f.env[result] = Unset(f"has no value if the loop on {line(f.source, stmt.span)} ends without 'return'", atom)


def _unless_left(f: Frame, rest: Sequence[tree.Stmt], result: str | None, escapes: tuple[str, ...]) -> None:
    """The rest of a block, run only if none of the flags is set."""
    if not rest:
        return
    flags = [a for n in escapes if (a := atom_of(f.env.get(n))) is not None and a is not FALSE]
    if not flags:
        statements(f, rest, result)
        return
    left = flags[0]
    for flag in flags[1:]:
        left = f.emit("logical_or", (left, flag))
    names = _with(f.unit.writes.statements(rest), result)
    arms = (Arm(lambda: None, "the block is left", True), Arm(lambda: statements(f, rest, result), "it is not left", certain(rest)))
    choose(f, left, arms, names, Span(rest[0].span.start, rest[-1].span.end))


def _inside_value(f: Frame, stmt: tree.Stmt) -> MisplacedError:
    error = f.fail(
        MisplacedError, "'return', 'break' or 'continue' inside an expression", stmt.span, "use the 'if' as a statement of its own"
    )
    assert isinstance(error, MisplacedError)
    return error


def _with(names: tuple[str, ...], result: str | None) -> tuple[str, ...]:
    return names if result is None or result in names else (*names, result)


# ---- if


def conditional(f: Frame, node: tree.IfExpr, rest: Sequence[tree.Stmt], result: str | None, k: int = 0) -> None:
    """The arms from the k-th on; `rest` follows in the arms that fall through, `result` is bound at the end of each that does."""
    cond = f.condition(node.arms[k][0])
    where = line(f.source, node.arms[k][0].span)
    block = node.arms[k][1]
    names = dict.fromkeys(n for b in arms_of(node) for n in f.unit.writes.block(b))
    names.update(dict.fromkeys(f.unit.writes.expressions(c for c, _ in node.arms[k + 1 :])))
    names.update(dict.fromkeys(f.unit.writes.statements(rest)))

    def then() -> None:
        _arm(f, block, rest, result)

    def other() -> None:
        if k + 1 < len(node.arms):
            conditional(f, node, rest, result, k + 1)
        elif node.other is not None:
            _arm(f, node.other, rest, result)
        elif rest:
            statements(f, rest, result)
        elif result is not None:
            f.env[result] = Unset(f"has no value if the condition on {where} is false")

    ends = (_ends(block.statements, rest), _other_ends(node, k, rest))
    arms = (Arm(then, f"the condition on {where} is true", ends[0]), Arm(other, f"the condition on {where} is false", ends[1]))
    choose(f, cond, arms, _with(tuple(names), result), node.span)


def _arm(f: Frame, block: tree.Block, rest: Sequence[tree.Stmt], result: str | None) -> None:
    if certain(block.statements):
        statements(f, block.statements, None)
    else:
        statements(f, (*block.statements, *rest) if rest else block.statements, result)


def _ends(stmts: Sequence[tree.Stmt], rest: Sequence[tree.Stmt]) -> bool:
    return certain(stmts) or certain(rest)


def _other_ends(node: tree.IfExpr, k: int, rest: Sequence[tree.Stmt]) -> bool:
    if certain(rest):
        return True
    later = [certain(block.statements) for _, block in node.arms[k + 1 :]]
    return node.other is not None and certain(node.other.statements) and all(later)


def _choice_value(f: Frame, node: tree.IfExpr) -> Steps:
    """An `if` as a value: only the arm taken is evaluated."""
    result = f"%value{f.unit.fresh()}"
    if exits(f.unit.writes.expressions((node,))):
        raise f.fail(
            MisplacedError, "'return', 'break' or 'continue' inside an expression", node.span, "use the 'if' as a statement of its own"
        )
    conditional(f, node, (), result)
    found = f.env.pop(result)
    if isinstance(found, Unset):
        help = "add an 'else' with the value for that case" if node.other is None else "let every arm end with an expression of one shape"
        raise f.fail(MissingValue, f"this 'if' {found.why}", node.span, help)
    return found
    yield


HANDLERS[tree.IfExpr] = _choice_value


# ---- assignment

_COMPOUND = {"+=": "+", "-=": "-", "*=": "*", "/=": "/", "^=": "^"}


def assign(f: Frame, stmt: tree.Assign) -> None:
    """All values first, then all targets; `a[i] += v` evaluates the index once."""
    if stmt.op != "=":
        _compound(f, stmt)
        return
    if len(stmt.targets) == 1 and len(stmt.values) == 1:
        _store(f, stmt.targets[0], f.expr(stmt.values[0]), stmt.values[0].span)
        return
    values = [f.expr(v) for v in stmt.values]
    spans: list[Span] = [v.span for v in stmt.values]
    if len(values) == 1:
        values = _unpacked(f, values[0], len(stmt.targets), stmt)
        spans *= len(values)
    elif len(values) != len(stmt.targets):
        raise f.fail(
            ValueKindError,
            f"{len(stmt.targets)} variables on the left, {len(values)} values on the right",
            stmt.span,
            "write one value for each variable",
        )
    for target, value, span in zip(stmt.targets, values, spans, strict=True):
        _store(f, target, value, span)


def _unpacked(f: Frame, value: Atom, n: int, stmt: tree.Assign) -> list[Atom]:
    """The elements of an array, for as many targets."""
    span = stmt.values[0].span
    if not value.type.shape:
        raise f.fail(
            ValueKindError,
            f"{n} variables on the left, one number on the right",
            span,
            "write one value for each variable, or an array of that length",
        )
    length = value.type.shape[0]
    if length is None:
        f.check("equal", f.extent(value, 0), const(n), about=("the number of values and of variables",), span=span)
    elif length != n:
        raise f.fail(
            ValueKindError,
            f"{n} variables on the left, an array of length {length} on the right",
            span,
            "an array unpacks to as many variables as it has elements",
        )
    return [arrays.get(f, value, arrays.Subscript("i", (const(k),)), span) for k in range(n)]


def _store(f: Frame, target: tree.Name | tree.Index, value: Atom, span: Span) -> None:
    if isinstance(target, tree.Name):
        bind(f, target, value)
        return
    name, levels = _place(f, target)
    bind(f, name, arrays.stored(f, f.read(name), levels, value, target.span, span))


def _place(f: Frame, target: tree.Index) -> tuple[tree.Name, list[arrays.Subscript]]:
    """The variable an element belongs to, and the subscripts that lead to it, outermost first, evaluated."""
    chain: list[tree.Index] = []
    node: tree.Expr = target
    while isinstance(node, tree.Index):
        chain.append(node)
        node = node.base
    assert isinstance(node, tree.Name)
    if node.name not in f.env:
        raise unset_update(node, f.source)
    levels: list[arrays.Subscript] = []
    inside = f.read(node)
    for k, part in enumerate(reversed(chain)):
        levels.append(arrays.subscript(f, inside, part))
        if k + 1 < len(chain):
            inside = arrays.get(f, inside, levels[-1], part.span)
    return node, arrays.flattened(levels)


def _compound(f: Frame, stmt: tree.Assign) -> None:
    target, op = stmt.targets[0], _COMPOUND[stmt.op]
    if isinstance(target, tree.Name):
        found = f.env.get(target.name)
        if found is None:
            raise unset_update(target, f.source)
        old = f.read(target)
        value = f.expr(stmt.values[0])
        bind(f, target, arrays.binary(f, op, old, value, (None, stmt.values[0]), stmt.span))
        return
    name, levels = _place(f, target)
    value = f.expr(stmt.values[0])
    whole = f.read(name)
    old = whole
    for level in levels:
        old = arrays.get(f, old, level, target.span)
    new = arrays.binary(f, op, old, value, (None, stmt.values[0]), stmt.span)
    bind(f, name, arrays.stored(f, whole, levels, new, target.span, stmt.span))
