"""The interpreter against a plain evaluator, on random programs: nested loops, branches, calls, tapes, values that share slots."""
from __future__ import annotations

import random

import pytest

from adcli.engines.interpret import Interpreter
from adcli.engines.observe import observe
from adcli.ir.build import Builder, const
from adcli.ir.nodes import Block, Call, Const, For, Function, If, Let, Pop, Push, Var, While
from adcli.ir.types import INT, REAL


class Reference:
    """Statements by the book: a dictionary of values, parameters bound all at once."""

    def __init__(self):
        self.tapes = {}

    def call(self, f, args):
        values = dict(zip(f.params, args, strict=True))
        self.block(f.body, values)
        return [self.read(a, values) for a in f.body.results]

    def read(self, a, values):
        return a.value if isinstance(a, Const) else values[a]

    def block(self, block, values):
        for s in block.statements:
            self.statement(s, values)
        return [self.read(a, values) for a in block.results]

    def statement(self, s, values):
        match s:
            case Let():
                values[s.out] = s.op.scalar(*[self.read(a, values) for a in s.args])
            case If():
                found = self.block(s.then if self.read(s.cond, values) else s.other, values)
                values.update(zip(s.outs, found, strict=True))
            case For():
                carried = [self.read(a, values) for a in s.inits]
                start, count, step = (self.read(a, values) for a in (s.start, s.count, s.step))
                for k in range(count):
                    values[s.index] = start + k * step
                    values.update(zip(s.params, carried, strict=True))
                    carried = self.block(s.body, values)
                values.update(zip(s.outs, carried, strict=True))
            case While():
                carried, k = [self.read(a, values) for a in s.inits], 0
                while True:
                    values.update(zip((s.index, *s.params), (k, *carried), strict=True))
                    if not self.block(s.test, values)[0]:
                        break
                    carried, k = self.block(s.body, values), k + 1
                values.update(zip((s.count, *s.outs), (k, *carried), strict=True))
            case Call():
                values.update(zip(s.outs, self.call(s.function, [self.read(a, values) for a in s.args]), strict=True))
            case Push():
                self.tapes.setdefault(s.tape, []).append(self.read(s.value, values))
            case Pop():
                values[s.out] = self.tapes[s.tape].pop()


class Maker:
    """Random programs of real variables that stay small, and ints from loop counters."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.callees = []
        self.tapes = 0

    def atom(self, seen):
        return self.random.choice(seen[-6:]) if self.random.random() < 0.85 else const(self.random.choice((0.0, 1.0, -2.5, 0.5)))

    def let(self, b, seen):
        op = self.random.choice(("add", "sub", "mul", "sin", "maximum", "neg", "div", "clip"))
        args = [self.atom(seen) for _ in range({"sin": 1, "neg": 1, "clip": 3}.get(op, 2))]
        return b.let("sin", b.let(op, *args)) if op in ("add", "mul", "div") else b.let(op, *args)

    def block(self, b, seen, depth, results):
        """Fills the builder's block; `results` of the variables it may yield."""
        seen = list(seen)
        for _ in range(self.random.randint(0, 4)):
            self.statement(b, seen, depth)
        return tuple(self.atom(seen) for _ in range(results))

    def statement(self, b, seen, depth):
        kind = self.random.choice(("let", "let", "if", "for", "while", "call", "tape")) if depth else "let"
        n = self.random.randint(1, 3)
        if kind == "if":
            blocks = [Block(), Block()]
            for block in blocks:
                with b.inside(block):
                    block.results = self.block(b, seen, depth - 1, n)
            outs = tuple(Var(REAL) for _ in range(n))
            cond = b.let("lt", self.atom(seen), self.atom(seen))
            b.append(If(outs, cond, *blocks))
            seen += outs
        elif kind in ("for", "while"):
            seen += self.loop(b, seen, depth, n, kind)
        elif kind == "call" and self.callees:
            f = self.random.choice(self.callees)
            outs = tuple(Var(REAL) for _ in f.body.results)
            b.append(Call(outs, f, tuple(self.atom(seen) for _ in f.params)))
            seen += outs
        elif kind == "tape":
            seen.append(self.through_tape(b, seen))
        else:
            seen.append(self.let(b, seen))

    def loop(self, b, seen, depth, n, kind):
        index, block = Var(INT), Block()
        params, outs = (tuple(Var(REAL) for _ in range(n)) for _ in range(2))
        inits = tuple(self.atom(seen) for _ in range(n))
        with b.inside(block):
            inner = [*seen, *params]
            if self.random.random() < 0.5:
                inner.append(b.let("to_real", index))
            inner += self.random.sample(params, n)
            block.results = self.block(b, inner, depth - 1, n)
            if self.random.random() < 0.5:
                block.results = tuple(self.random.choice((r, self.random.choice(params))) for r in block.results)
        times = const(self.random.randint(0, 3))
        if kind == "for":
            b.append(For(outs, index, const(self.random.randint(-2, 2)), times, const(self.random.choice((1, -2))), params, inits, block))
            return outs
        test = Block()
        with b.inside(test):
            under = b.let("lt", index, times)
            test.results = (b.let("logical_and", under, b.let("lt", params[0], const(0.9))),)
        b.append(While(Var(INT), outs, index, params, inits, test, block))
        return outs

    def through_tape(self, b, seen):
        """Push in one loop, pop in another."""
        self.tapes += 1
        first, second = Block(), Block()
        i, j, p, q, g = Var(INT), Var(INT), Var(REAL), Var(REAL), Var(REAL)
        with b.inside(first):
            b.append(Push(self.tapes, q))
            first.results = (b.let("sin", b.let("add", q, const(1.0))),)
        b.append(For((p,), i, const(0), const(3), const(1), (q,), (self.atom(seen),), first))
        out, w = Var(REAL), Var(REAL)
        with b.inside(second):
            b.append(Pop(w, self.tapes))
            second.results = (b.let("sub", b.let("mul", g, const(0.5)), w),)
        b.append(For((out,), j, const(2), const(3), const(-1), (g,), (p,), second))
        return out

    def function(self, name, depth):
        params = (Var(REAL), Var(REAL))
        b = Builder()
        results = self.block(b, params, depth, 2)
        b.block.results = results
        return Function(name, params, b.block, ("a", "b"))

    def program(self):
        for k in range(2):
            self.callees = [*self.callees, self.function(f"f{k}", 1)]
        return self.function("main", 4)


@pytest.mark.parametrize("seed", range(0, 400, 50))
def test_random_programs(seed):
    for k in range(seed, seed + 50):
        f = Maker(k).program()
        for args in ([0.5, -1.25], [2.0, 0.0]):
            want = list(map(repr, Reference().call(f, args)))
            assert list(map(repr, Interpreter(f).run(args))) == want, k
            if k % 5 == 0:
                assert list(map(repr, observe(f, args)[0])) == want, k
