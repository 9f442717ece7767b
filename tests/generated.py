"""A Hypothesis strategy for well-typed ADL programs with loops, branches, functions and arrays.

A program is made from a size and a seed, which is fast, and small programs are found first where a test fails.
Every program has the real inputs x, y and v: [3], the integer n, which is 3, and one scalar output. Functions are smooth and tame,
so that differences can be compared with derivatives wherever no branch is near its boundary. Arrays made from n have extents that
are known at run time only.
"""
from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

SMOOTH = ["sin", "cos", "tanh", "sigmoid", "atan", "softplus", "erf", "asinh"]
NUMBERS = ["0.5", "2", "-1.25", "0.3", "3", "1e-1", "pi"]
TESTS = ["<", ">", "<=", ">="]


@dataclass(frozen=True)
class Scope:
    """Names that may be read: scalars, arrays of three, 3 × 3 matrices, whole numbers in 0..3; functions of two scalars, functions
    of an array and a scalar that give an array; the names that may be assigned."""

    scalars: tuple[str, ...]
    arrays: tuple[str, ...]
    wholes: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    mappings: tuple[str, ...] = ()
    matrices: tuple[str, ...] = ()
    assignable: tuple[str, ...] = ()
    in_loop: bool = False


@dataclass
class Writer:
    """Makes up a program line by line."""

    random: random.Random
    size: int
    lines: list[str] = field(default_factory=list)
    names: int = 0

    def pick(self, *items: str) -> str:
        return self.random.choice(items)

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def fresh(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def scalar(self, scope: Scope, depth: int) -> str:
        """An expression for a real number."""
        if depth == 0:
            return self.pick(*3 * scope.scalars, *NUMBERS)
        depth = min(depth, self.size)
        kind = self.pick("leaf", "call", "sum", "product", "quotient", "power", "element", "reduction", "choice", "root", "function", "clip")
        a = self.scalar(scope, depth - 1)
        if kind == "call":
            return f"{self.pick(*SMOOTH)}({a})"
        if kind in ("sum", "product"):
            return f"({a} {self.pick('+', '-') if kind == 'sum' else '*'} {self.scalar(scope, depth - 1)})"
        if kind == "quotient":
            return f"{a}/(1.5 + {self.scalar(scope, depth - 1)}^2)"
        if kind == "power":
            return f"tanh({a})^{self.pick('2', '3', '1')}"
        if kind == "element":
            return f"{self.pick(*scope.arrays)}[{self.pick('0', '1', '-1', *scope.wholes)}]"
        if kind == "reduction":
            return self.reduction(scope, depth)
        if kind == "choice":
            return f"(if {self.condition(scope)} {{ {a} }} else {{ {self.scalar(scope, depth - 1)} }})"
        if kind == "root":
            return f"{self.pick('sqrt', 'ln')}(1.5 + ({a})^2)"
        if kind == "function" and scope.functions:
            return f"{self.pick(*scope.functions)}({a}, {self.scalar(scope, depth - 1)})"
        if kind == "clip":
            return f"{self.pick('max', 'min', 'hypot', 'logaddexp')}({a}, {self.scalar(scope, depth - 1)})"
        return a

    def reduction(self, scope: Scope, depth: int) -> str:
        array = self.array(scope, depth - 1)
        kind = self.pick("sum", "mean", "dot", "max", "logsumexp", "prod", "generator", "norm", "element")
        if kind == "element" and scope.matrices:
            return f"{self.pick(*scope.matrices)}[{self.pick('0', '2', *scope.wholes)}, {self.pick('1', '-1', *scope.wholes)}]"
        if kind == "dot":
            return f"dot({array}, {self.array(scope, depth - 1)})"
        if kind == "norm":
            return f"norm({array} + [3, 0, 4])"
        if kind == "generator":
            index = self.fresh("i")
            inner = replace(scope, wholes=(*scope.wholes, index))
            return f"sum({self.scalar(inner, depth - 1)} for {index} in 0..3)"
        return f"{'sum' if kind == 'element' else kind}({array})"

    def array(self, scope: Scope, depth: int) -> str:
        """An expression for an array of three."""
        if depth <= 0:
            return self.pick(*scope.arrays)
        kind = self.pick("leaf", "call", "binary", "scale", "literal", "comprehension", "slice", "softmax", "where", "mapping", "sized", "row")
        if kind == "call":
            return f"{self.pick(*SMOOTH)}({self.array(scope, depth - 1)})"
        if kind == "binary":
            return f"({self.array(scope, depth - 1)} {self.pick('+', '-', '*')} {self.array(scope, depth - 1)})"
        if kind == "scale":
            return f"({self.scalar(scope, depth - 1)} {self.pick('*', '+', '-')} {self.array(scope, depth - 1)})"
        if kind == "literal":
            return f"[{', '.join(self.scalar(scope, depth - 1) for _ in range(3))}]"
        if kind == "comprehension":
            index = self.fresh("i")
            return f"[{self.scalar(replace(scope, wholes=(*scope.wholes, index)), depth - 1)} for {index} in 0..3]"
        if kind == "softmax":
            return f"{self.pick('softmax', 'cumsum')}({self.array(scope, depth - 1)})"
        if kind == "slice":
            return self.section(scope)
        if kind == "mapping" and scope.mappings:
            return f"{self.pick(*scope.mappings)}({self.array(scope, depth - 1)}, {self.scalar(scope, depth - 1)})"
        if kind == "sized":
            index = self.fresh("i")
            return f"[{self.scalar(replace(scope, wholes=(*scope.wholes, index)), depth - 1)} for {index} in 0..n]"
        if kind == "row" and scope.matrices:
            return self.row(scope, depth)
        if kind == "where":
            return f"where({self.array(scope, 0)} > 0.3, {self.array(scope, depth - 1)}, {self.array(scope, depth - 1)})"
        return self.pick(*scope.arrays)

    def section(self, scope: Scope) -> str:
        """Three elements put together from sections of arrays."""
        a, b, k = self.pick(*scope.arrays), self.pick(*scope.arrays), self.pick("0", "1", "2", "3", "n", "n - 1", *scope.wholes)
        return self.pick(f"{a}[.. step -1]", f"{a}[0..n]", f"{a}[n - 1..0 step -1][0]*{b}", f"concat({a}[0..{k}], {b}[{k}..])",
                         f"concat({a}[1..], {b}[..1])")  # fmt: skip

    def row(self, scope: Scope, depth: int) -> str:
        """Three elements out of a matrix."""
        m, whole = self.matrix(scope, depth - 1), self.pick("0", "-1", *scope.wholes)
        name = self.pick(*scope.matrices)
        return self.pick(f"{name}[{whole}]", f"{name}[.., {whole}]", f"({m} @ {self.array(scope, 0)})", f"({self.array(scope, 0)} @ {m})",
                         f"sum({m}, axis={self.pick('0', '1')})", f"max({m}, axis=0)", f"logsumexp({m}, axis=1)", f"norm({m} + 3, axis=1)",
                         f"diag({m})", f"mean({m}', axis=0)", f"reshape({m}, n*n)[n..2*n]")  # fmt: skip

    def matrix(self, scope: Scope, depth: int) -> str:
        """An expression for a 3 × 3 matrix."""
        if depth <= 0:
            return self.pick(*scope.matrices)
        m, a, b = self.matrix(scope, depth - 1), self.array(scope, depth - 1), self.array(scope, depth - 1)
        return self.pick(f"({m} {self.pick('+', '*', '-')} {a})", f"({m}*reshape({a}, {self.pick('3', 'n')}, 1))", f"outer({a}, {b})",
                         f"({m})'", f"(reshape({a}, 3, 1) {self.pick('+', '*')} {b})", f"softmax({m}, axis={self.pick('0', '1')})",
                         f"{self.pick(*SMOOTH)}({m})", f"where({m} > 0.3, {m}, {a})", f"({m} @ {self.pick(*scope.matrices)})",
                         f"stack({a}, {b}, {self.pick(*scope.arrays)})", f"cumsum({m}, axis=0)", f"{m}[.. step -1, 0..n]")  # fmt: skip

    def condition(self, scope: Scope) -> str:
        test = f"{self.scalar(scope, 1)} {self.pick(*TESTS)} {self.pick('0.37', '-0.41', '1.13')}"
        return self.pick(test, f"not {test}", f"({test} or {self.pick(*scope.scalars)} > 0.77)")

    def block(self, scope: Scope, indent: str, depth: int) -> None:
        """Statements that assign variables which are there already."""
        for _ in range(self.random.randint(1, min(self.size, 3))):
            self.statement(scope, indent, depth)

    def statement(self, scope: Scope, indent: str, depth: int) -> None:
        kinds = ["scalar", "scalar", "element", "array", "swap", "section"] + (["if", "for", "while"] if depth else [])
        matrices = [name for name in scope.assignable if name in scope.matrices]
        kinds += ["matrix"] if matrices else []
        kind = self.pick(*kinds, *(["leave"] if scope.in_loop else []))
        targets = [name for name in scope.assignable if name in scope.scalars]
        arrays = [name for name in scope.assignable if name in scope.arrays]
        if kind == "scalar":
            self.lines.append(f"{indent}{self.pick(*targets)} {self.pick('=', '+=', '-=')} {self.scalar(scope, 2)}")
        elif kind == "element":
            self.lines.append(f"{indent}{self.pick(*arrays)}[{self.pick('0', '2', '-2', *scope.wholes)}] {self.pick('=', '+=')} {self.scalar(scope, 2)}")
        elif kind == "array":
            self.lines.append(f"{indent}{self.pick(*arrays)} {self.pick('=', '=', '+=')} {self.array(scope, 2)}")
        elif kind == "section":
            self.lines.append(indent + self.sectional(scope, self.pick(*arrays)))
        elif kind == "matrix":
            self.lines.append(indent + self.matrix_statement(scope, self.pick(*matrices)))
        elif kind == "swap":
            a, b = targets[0], targets[-1]
            left, right = self.scalar(scope, 1), self.scalar(scope, 1)
            self.lines.append(f"{indent}{a}, {b} = {left}, {right}" if a != b else f"{indent}{a} = {left}")
        elif kind == "leave":
            self.lines.append(f"{indent}if {self.condition(scope)} {{ {self.pick('break', 'continue')} }}")
        else:
            self.compound(kind, scope, indent, depth)

    def sectional(self, scope: Scope, a: str) -> str:
        """An assignment to some of an array's elements, with reads that overlap."""
        b = self.pick(a, *scope.arrays)
        return self.pick(f"{a}[0..2] {self.pick('=', '+=', '*=')} {b}[1..3]", f"{a}[1..] {self.pick('=', '-=')} {b}[..-1]*{self.scalar(scope, 1)}",
                         f"{a}[.. step -1] {self.pick('=', '+=')} {self.array(scope, 1)}", f"{a}[.. step 2] = {self.scalar(scope, 1)}",
                         f"{a}[n - 1..0 step -1] += {b}[0..n - 1]", f"{a}[{self.pick('0', *scope.wholes)}..n] *= {self.scalar(scope, 1)}")  # fmt: skip

    def matrix_statement(self, scope: Scope, m: str) -> str:
        k = self.pick("0", "-1", *scope.wholes)
        return self.pick(f"{m}[{k}] {self.pick('=', '+=')} {self.array(scope, 1)}", f"{m}[.., {k}] {self.pick('=', '*=')} {self.array(scope, 1)}",
                         f"{m} {self.pick('=', '+=')} {self.matrix(scope, 1)}", f"{m}[{k}, {k}] {self.pick('=', '-=')} {self.scalar(scope, 2)}",
                         f"{m}[0..2, 1..] = {self.pick(*scope.matrices)}[1.., 0..2]", f"{m}[{k}][1..] += {self.scalar(scope, 1)}")  # fmt: skip

    def compound(self, kind: str, scope: Scope, indent: str, depth: int) -> None:
        inner, deeper = replace(scope, in_loop=True), indent + "    "
        if kind == "if":
            self.lines.append(f"{indent}if {self.condition(scope)} {{")
            self.block(scope, deeper, depth - 1)
            if self.chance(2):
                self.lines.append(f"{indent}}} else {{")
                self.block(scope, deeper, depth - 1)
        elif kind == "for" and self.chance(3):
            item = self.fresh("e")
            self.lines.append(f"{indent}for {item} in {self.pick(*scope.arrays)} {{")
            self.block(replace(inner, scalars=(*scope.scalars, item)), deeper, depth - 1)
        elif kind == "for":
            index = self.fresh("k")
            self.lines.append(f"{indent}for {index} in {self.pick('0..3', '0..=2', '2..-1 step -1', '0..2', '0..n', '1..len(v)')} {{")
            self.block(replace(inner, wholes=(*scope.wholes, index)), deeper, depth - 1)
        else:
            count = self.fresh("c")
            self.lines.append(f"{indent}{count} = 0")
            self.lines.append(f"{indent}while {count} < {self.pick('2', '3')} and {self.pick('true', self.condition(scope))} {{")
            self.lines.append(f"{deeper}{count} += 1")
            self.block(replace(inner, scalars=(*scope.scalars, count)), deeper, depth - 1)
        self.lines.append(f"{indent}}}")

    def function(self, scope: Scope) -> str:
        """A function of two scalars: a formula, a body with an early return, or a recursion."""
        name, inner = self.fresh("f"), replace(scope, scalars=("p", "q"), arrays=("w",), wholes=(), assignable=("p", "q", "w"), in_loop=False)
        kind = self.pick("formula", "body", "recursion", "loop", "mutual")
        if kind == "formula":
            self.lines.append(f"fn {name}(p, q) = {self.scalar(replace(inner, arrays=('[p, q, 1]',)), 2)}")
            return name
        self.lines.append(f"fn {name}(p, q) {{")
        if kind == "recursion":
            self.lines.append("    if abs(q) > 40 { return p }")
            self.lines.append(f"    return tanh(p*q) + 0.5*{name}(p, 3*abs(q) + 1)")
        elif kind == "mutual":
            other = self.fresh("f")
            self.lines.append(f"    if abs(q) > 40 {{ return {self.scalar(replace(inner, arrays=('v',)), 1)} }}")
            self.lines += [f"    return sin(p) + 0.5*{other}(q*p, 2*abs(q) + 1)", "}", f"fn {other}(p, q) {{"]
            self.lines.append(f"    return p/(1 + q^2) - 0.3*{name}(tanh(p)*q, 2*abs(q) + 1)")
        elif kind == "loop":
            self.lines += ["    w = [q, p, 0.5]", "    k = 0", f"    while k < {self.pick('3', 'n')} {{", "        k += 1"]
            looped = replace(inner, in_loop=True, wholes=("(k - 1)",))
            self.block(looped, "        ", 1)
            self.lines.append(f"        if {self.condition(looped)} {{ {self.pick('break', 'return p*w[1]', 'continue')} }}")
            self.block(looped, "        ", 0)
            self.lines += ["    }", f"    return {self.scalar(inner, 1)}"]
        else:
            self.lines.append("    w = [p, q, p*q]")
            self.block(inner, "    ", 1)
            self.lines.append(f"    if {self.condition(inner)} {{ return {self.scalar(inner, 1)} }}")
            self.block(inner, "    ", 1)
            self.lines.append(f"    return {self.scalar(inner, 1)}")
        self.lines.append("}")
        return name

    def mapping(self, scope: Scope) -> str:
        """A function that changes its array parameter and gives an array."""
        name = self.fresh("g")
        inner = replace(scope, scalars=("q", "q"), arrays=("w", "w"), wholes=(), matrices=(), assignable=("q", "w"), in_loop=False)
        self.lines.append(f"fn {name}(w, q) {{")
        self.block(inner, "    ", 1)
        if self.chance(2):
            self.lines.append(f"    if {self.condition(inner)} {{ return {self.array(inner, 1)} }}")
        index = self.fresh("k")
        self.lines.append(f"    for {index} in 1..{self.pick('3', 'n', 'len(w)')} {{")
        self.block(replace(inner, wholes=(index, index), in_loop=True), "        ", 1)
        self.lines += ["    }", f"    {self.pick('w', self.array(inner, 1))}", "}"]
        return name

    def program(self) -> str:
        self.lines += ["input x", "input y", "input v: [3]", "input n: int"]
        scope = Scope(("x", "y"), ("v",))
        for _ in range(self.random.randint(0, min(self.size - 1, 2))):
            if self.chance(3):
                scope = replace(scope, mappings=(*scope.mappings, self.mapping(scope)))
            else:
                scope = replace(scope, functions=(*scope.functions, self.function(scope)))
        self.lines += [f"s = {self.scalar(scope, 2)}", f"t = {self.scalar(scope, 2)}", f"a = {self.array(scope, 2)}"]
        scope = replace(scope, scalars=("x", "y", "s", "t"), arrays=("v", "a"), assignable=("s", "t", "a", self.pick("x", "s"), self.pick("v", "a")))
        if self.size > 1 and self.chance(2):
            self.lines.append(f"m = {self.pick('outer(v, a)', '[[x, y, s], [1, 2, 3], a]', 'a + reshape(v, n, 1)', 'zeros(n, 3)')}")
            scope = replace(scope, matrices=("m",), assignable=(*scope.assignable, "m"))
        self.block(scope, "", min(self.size - 1, 2))
        self.lines.append(f"output r = {self.scalar(scope, 2)} + s + sin(t) + sum(tanh(a))")
        return "\n".join(self.lines) + "\n"


def programs() -> st.SearchStrategy[str]:
    return st.builds(lambda size, seed: Writer(random.Random(seed), size).program(), st.integers(1, 4), st.integers(0, 2**32))


def points() -> st.SearchStrategy[list[float]]:
    """Values of x, y and v, away from round numbers."""
    return st.lists(st.integers(-1999, 1999).map(lambda n: n / 1009), min_size=5, max_size=5)
