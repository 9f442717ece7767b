"""What names a piece of syntax assigns, reads and leaves early: questions lowering asks before it starts.

Expressions are walked with an explicit stack, so that their depth costs no recursion; blocks nest by recursion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from adcli.syntax import tree

Part: TypeAlias = "tree.Expr | tree.Range | tree.ForClause"
# Hidden variables: early exits and the value a block is to leave. No program can spell them.
RETURNED, BROKEN, CONTINUED, RESULT = "%returned", "%broken", "%continued", "%result"


_PARTS: dict[type, Callable[..., tuple[Part, ...]]] = {
    tree.Binary: lambda n: (n.left, n.right),
    tree.Unary: lambda n: (n.operand,),
    tree.Compare: lambda n: n.operands,
    tree.Logic: lambda n: n.operands,
    tree.ArrayLit: lambda n: n.items,
    tree.CallExpr: lambda n: (*n.args, *(value for _, value in n.named)),
    tree.Index: lambda n: (n.base, *n.items),
    tree.Range: lambda n: tuple(e for e in (n.lo, n.hi, n.step) if e is not None),
    tree.Comprehension: lambda n: (n.body, *n.clauses, *(() if n.cond is None else (n.cond,))),
    tree.ForClause: lambda n: (n.over,),
    tree.IfExpr: lambda n: tuple(cond for cond, _ in n.arms),
}


def parts(node: Part | tree.Lambda) -> tuple[Part, ...]:
    """The expressions directly inside one, in text order; blocks and lambdas are not entered."""
    get = _PARTS.get(type(node))
    return () if get is None else get(node)


def expressions(roots: Iterable[Part]) -> Iterator[Part]:
    """Every expression node under the roots, outer before inner, in text order."""
    todo = list(roots)[::-1]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(reversed(parts(node)))


def choices(roots: Iterable[Part]) -> Iterator[tree.IfExpr]:
    """Every `if` among the expressions under the roots."""
    todo = list(roots)
    while todo:
        node = todo.pop()
        kind = type(node)
        if kind is tree.Name or kind is tree.Num:
            continue
        if isinstance(node, tree.IfExpr):
            yield node
        todo.extend(parts(node))


def arms_of(node: tree.IfExpr) -> tuple[tree.Block, ...]:
    blocks = tuple(block for _, block in node.arms)
    return blocks if node.other is None else (*blocks, node.other)


def roots(stmt: tree.Stmt) -> tuple[Part, ...]:
    """The expressions that stand directly in a statement."""
    match stmt:
        case tree.Assign():
            return (*stmt.values, *stmt.targets)
        case tree.ExprStmt():
            return (stmt.value,)
        case tree.ForStmt():
            return (stmt.over,)
        case tree.WhileStmt():
            return (stmt.cond,)
        case tree.Return() | tree.OutputDecl():
            return () if stmt.value is None else (stmt.value,)
        case tree.InputDecl():
            return () if stmt.default is None else (stmt.default,)
        case _:
            return ()


def target_name(target: tree.Expr) -> tree.Name | None:
    """The variable that an assignment target changes."""
    while isinstance(target, tree.Index):
        target = target.base
    return target if isinstance(target, tree.Name) else None


def expressions_of(body: tree.Block | tree.Expr) -> Iterator[Part]:
    """Every expression node of a function's body, in its nested blocks too."""
    todo: list[tree.Block | tree.Expr] = [body]
    while todo:
        node = todo.pop()
        tops = [r for s in node.statements for r in roots(s)] if isinstance(node, tree.Block) else [node]
        if isinstance(node, tree.Block):
            todo += [s.body for s in node.statements if isinstance(s, (tree.ForStmt, tree.WhileStmt))]
        for e in expressions(tops):
            yield e
            if isinstance(e, tree.IfExpr):
                todo += arms_of(e)


class Writes:
    """The names statements may assign, in order of first assignment, remembered per block; hidden exit flags included."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[str, ...]] = {}

    def block(self, block: tree.Block) -> tuple[str, ...]:
        found = self._known.get(id(block))
        if found is None:
            found = self._known[id(block)] = self.statements(block.statements)
        return found

    def statements(self, statements: Sequence[tree.Stmt]) -> tuple[str, ...]:
        names: dict[str, None] = {}
        for stmt in statements:
            names.update(dict.fromkeys(self.statement(stmt)))
        return tuple(names)

    def statement(self, stmt: tree.Stmt) -> tuple[str, ...]:
        found = self._known.get(id(stmt))
        if found is None:
            found = self._known[id(stmt)] = self._statement(stmt)
        return found

    def _statement(self, stmt: tree.Stmt) -> tuple[str, ...]:
        names: dict[str, None] = {}
        match stmt:
            case tree.Assign():
                for t in stmt.targets:
                    if (name := target_name(t)) is not None:
                        names[name.name] = None
            case tree.OutputDecl(value=tree.Name() | None):
                pass
            case tree.OutputDecl():
                names[stmt.name.name] = None
            case tree.ForStmt():
                names[stmt.target.name] = None
                names.update(dict.fromkeys(n for n in self.block(stmt.body) if n not in (BROKEN, CONTINUED)))
            case tree.WhileStmt():
                names.update(dict.fromkeys(n for n in self.block(stmt.body) if n not in (BROKEN, CONTINUED)))
            case tree.Return():
                names.update(dict.fromkeys((RESULT, RETURNED)))
            case tree.Break():
                names[BROKEN] = None
            case tree.Continue():
                names[CONTINUED] = None
            case _:
                pass
        names.update(dict.fromkeys(self.expressions(roots(stmt))))
        return tuple(names)

    def expressions(self, nodes: Iterable[Part]) -> tuple[str, ...]:
        """The names assigned in the blocks of `if` expressions."""
        names: dict[str, None] = {}
        for node in choices(nodes):
            for block in arms_of(node):
                names.update(dict.fromkeys(self.block(block)))
        return tuple(names)


_EXITS = {RETURNED, BROKEN, CONTINUED}


def exits(names: Iterable[str]) -> tuple[str, ...]:
    """Of the names that something assigns, the flags of early exits."""
    return tuple(n for n in names if n in _EXITS)


def always_true(cond: tree.Expr) -> bool:
    """A literal that holds: `while true`, `while 1`."""
    return (isinstance(cond, tree.Bool) and cond.value) or (isinstance(cond, tree.Num) and cond.value != 0)


def breaks(statements: Sequence[tree.Stmt]) -> bool:
    """Whether a break leaves the loop whose body this is."""
    for stmt in statements:
        if isinstance(stmt, tree.Break):
            return True
        if (
            isinstance(stmt, tree.ExprStmt)
            and isinstance(stmt.value, tree.IfExpr)
            and any(breaks(b.statements) for b in arms_of(stmt.value))
        ):
            return True
    return False


def certain(statements: Sequence[tree.Stmt]) -> bool:
    """Whether these statements never fall through to what follows them."""
    return any(leaves(stmt) for stmt in statements)


def leaves(stmt: tree.Stmt) -> bool:
    match stmt:
        case tree.Return() | tree.Break() | tree.Continue():
            return True
        case tree.WhileStmt():
            return always_true(stmt.cond) and not breaks(stmt.body.statements)
        case tree.ExprStmt(value=tree.IfExpr() as choice):
            return choice.other is not None and all(certain(b.statements) for b in arms_of(choice))
        case _:
            return False


class Free:
    """The names that are read where nothing has assigned them before in the text.

    `reads` keeps where each first stands, `updates` those met first in `s += x` or `a[i] = x`;
    `last` where each name is read last, which decides what a loop must hand on.
    """

    def __init__(self) -> None:
        self.reads: dict[str, tree.Name] = {}
        self.updates: dict[str, tree.Name] = {}
        self.calls: dict[str, tree.CallExpr] = {}
        self.last: dict[str, int] = {}

    def _read(self, name: tree.Name, bound: set[str]) -> None:
        self.last[name.name] = max(self.last.get(name.name, 0), name.span.start)
        if name.name not in bound:
            first = self.reads.get(name.name)
            if first is None or name.span.start < first.span.start:
                self.reads[name.name] = name

    def outputs(self, statements: Sequence[tree.Stmt], bound: set[str]) -> None:
        """`output y` reads y where the program ends, whatever assigns it after that line."""
        for s in statements:
            if isinstance(s, tree.OutputDecl) and s.value is None:
                self._read(s.name, bound)

    def block(self, statements: Sequence[tree.Stmt], bound: set[str], paths: bool) -> None:
        """Walk statements in order. `bound` grows by what they assign; with `paths`, only by what every path assigns."""
        for stmt in statements:
            self.statement(stmt, bound, paths)

    def statement(self, stmt: tree.Stmt, bound: set[str], paths: bool) -> None:
        match stmt:
            case tree.Assign():
                self._assign(stmt, bound, paths)
            case tree.ForStmt():
                self.expression((stmt.over,), bound, paths)
                inner = bound | {stmt.target.name}
                self.block(stmt.body.statements, inner, paths)
                if not paths:
                    bound |= inner
            case tree.WhileStmt():
                self.expression((stmt.cond,), bound, paths)
                inner = set(bound)
                self.block(stmt.body.statements, inner, paths)
                if not paths:
                    bound |= inner
            case tree.OutputDecl():
                if stmt.value is not None:
                    self.expression((stmt.value,), bound, paths)
                    bound.add(stmt.name.name)
                self.last[stmt.name.name] = stmt.span.end + (1 << 60)
            case tree.InputDecl():
                bound.update(n.name for n in stmt.names)
            case tree.ExprStmt() | tree.Return():
                self.expression(roots(stmt), bound, paths)
            case _:
                pass

    def _assign(self, stmt: tree.Assign, bound: set[str], paths: bool) -> None:
        self.expression(stmt.values, bound, paths)
        for target in stmt.targets:
            name = target_name(target)
            assert name is not None
            node: tree.Expr = target
            while isinstance(node, tree.Index):
                self.expression(node.items, bound, paths)
                node = node.base
            if isinstance(target, tree.Index) or stmt.op != "=":
                self.last[name.name] = max(self.last.get(name.name, 0), name.span.start)
                if name.name not in bound:
                    self.updates.setdefault(name.name, name)
        for target in stmt.targets:
            name = target_name(target)
            assert name is not None
            if isinstance(target, tree.Name) or not paths:
                bound.add(name.name)

    def expression(self, nodes: Iterable[Part], bound: set[str], paths: bool) -> None:
        """Names bound by comprehensions and lambdas are theirs alone; what an `if` assigns stays."""
        todo: list[tuple[Part | tree.Lambda, set[str]]] = [(n, bound) for n in reversed(list(nodes))]
        while todo:
            node, names = todo.pop()
            match node:
                case tree.Binary():
                    todo += ((node.right, names), (node.left, names))
                case tree.Num():
                    pass
                case tree.Name():
                    self._read(node, names)
                case tree.Comprehension():
                    inner = set(names)
                    for clause in node.clauses:
                        self.expression((clause.over,), set(inner), paths)
                        inner.add(clause.target.name)
                    self.expression((node.body,) if node.cond is None else (node.cond, node.body), inner, paths)
                case tree.Lambda():
                    inner = names | {p.name for p in node.params}
                    if isinstance(node.body, tree.Block):
                        self.block(node.body.statements, inner, paths)
                    else:
                        todo.append((node.body, inner))
                case tree.IfExpr():
                    self._choice(node, names, paths)
                case tree.CallExpr():
                    self.calls.setdefault(node.name, node)
                    if node.args and isinstance(node.args[0], tree.Name):  # perhaps a function that is handed to an operator
                        self.calls.setdefault(node.args[0].name, node)
                    todo.extend((p, names) for p in reversed(parts(node)))
                case _:
                    todo.extend((p, names) for p in reversed(parts(node)))

    def _choice(self, node: tree.IfExpr, bound: set[str], paths: bool) -> None:
        ends: list[set[str]] = []
        for cond, block in node.arms:
            self.expression((cond,), bound, paths)
            inner = set(bound)
            self.block(block.statements, inner, paths)
            if not paths or not certain(block.statements):
                ends.append(inner)
        inner = set(bound)
        if node.other is not None:
            self.block(node.other.statements, inner, paths)
        if not paths or node.other is None or not certain(node.other.statements):
            ends.append(inner)
        if paths:
            bound |= set.intersection(*ends) if ends else set()
        else:
            bound.update(*ends)
