"""Gradients and Hessian-vector products of generated programs against differences of runs with 60 digits.

Each batch makes up programs until it has compared its share; those that are not smooth at their point are skipped and counted.
A disagreement is reported with the shortest program that shows it.
"""
from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

import adcli
from adcli import ops
from adcli.engines.interpret import Interpreter
from adcli.errors import AdcliError, Source
from adcli.ir.types import INT, REAL, Type
from adcli.lower import lower
from adcli.syntax import parse
from tests.conftest import FUZZ
from tests.generated import Scope, Writer
from tests.precise import ARRAYS, CHOOSING, Precise, Stopped
from tests.test_ops_arrays import CASES, case_id, function

DIGITS = 60
STEP = mpf(10) ** -18
TOLERANCE = 1e-9
BATCH = 50
PROGRAMS = 5 * int(FUZZ) if FUZZ else 500
SIZE = 5  # numbers in x, y and v together
TYPES = {"x": REAL, "y": REAL, "v": Type("real", (3,)), "n": INT}


class Skipped(Exception):
    """The program cannot be compared at this point."""


@dataclass
class Case:
    """A program and its point; the direction of a Hessian-vector product; directions along which derivatives are compared."""

    text: str
    point: list[float]
    along: list[float]
    probes: list[list[float]]
    program: Any = field(init=False)

    def __post_init__(self) -> None:
        self.program = adcli.compile(self.text)

    def derivatives(self, point: list[float]) -> dict[str, list[float]]:
        """What adcli says. Skipped where it flags anything, or where a number is not finite."""
        at = inputs(point) | {"n": 3}
        found = {"value": [self.unflagged(self.program.value(at))]}
        gradient = flat(self.unflagged(self.program.gradient(at)))
        product = flat(self.unflagged(self.program.hvp(at, along=inputs(self.along))))
        found["reverse"] = [dot(gradient, probe) for probe in self.probes]
        found["forward"] = [self.unflagged(self.program.jvp(at, along=inputs(probe)))["r"] for probe in self.probes]
        found["hvp"] = [dot(product, probe) for probe in self.probes]
        if not all(map(math.isfinite, chain.from_iterable(found.values()))):
            raise Skipped("not finite")
        return found

    def unflagged(self, result: Any) -> Any:
        if any(flag.code != "no-path" for flag in self.program.flags):
            raise Skipped("flagged")
        return result

    def differences(self) -> dict[str, list[float]]:
        """The value, and central differences of first and second order. Skipped where decisions are not the same around the point."""
        value = Neighbourhood(self.text, self.point).value
        here, ahead, back = value(), value(self.along), value(self.along, -1)
        gradient, product = [], []
        for probe in self.probes:
            up, down = value(probe), value(probe, -1)
            both = [a + b for a, b in zip(self.along, probe, strict=True)]
            corners = value(both) + value(both, -1)
            gradient.append(float((up - down) / (2 * STEP)))
            product.append(float((corners - up - down - ahead - back + 2 * here) / (2 * STEP**2)))
        return {"value": [float(here)], "reverse": gradient, "forward": gradient, "hvp": product}

    def disagreement(self) -> str | None:
        """What is not as it should be, if anything. Raises Skipped."""
        got = self.derivatives(self.point)
        with mp.workdps(DIGITS):
            want = self.differences()
        wrong = [kind for kind in got if distance(got[kind], want[kind]) > TOLERANCE]
        if not wrong:
            return None
        if all(distance(got[kind], want[kind]) < 100 * self.noise(kind, got[kind]) for kind in wrong):
            raise Skipped("ill-conditioned")
        rows = [f"{kind:8} {got[kind]}\n  precise {want[kind]}" for kind in wrong]
        return "\n".join([self.text, f"at {self.point} along {self.along}", f"compared along {self.probes}", *rows])

    def noise(self, kind: str, got: list[float]) -> float:
        """How far the numbers go when the inputs move in their last digits: rounding alone does as much."""
        far = 0.0
        for k in range(4):
            try:
                moved = self.derivatives([p * (1 + (-1) ** (k >> (j & 1)) * 4e-16) for j, p in enumerate(self.point)])
            except Skipped:
                return math.inf
            far = max(far, distance(moved[kind], got))
        return far


class Neighbourhood:
    """Runs of a program at and around a point."""

    def __init__(self, text: str, point: list[float]) -> None:
        source = Source(text)
        self.function = lower(parse(source), source, TYPES)
        self.point = point
        self.trail: Any = None

    def value(self, direction: list[float] | None = None, sign: int = 1) -> Any:
        moved = [mpf(p) + sign * STEP * mpf(d) for p, d in zip(self.point, direction or [0.0] * SIZE, strict=True)]
        run = Precise()
        try:
            out = run.run(self.function, [moved[0], moved[1], np.array(moved[2:], dtype=object), 3])[0]
        except Stopped as e:
            raise Skipped(f"stopped: {e}") from None
        self.trail = run.trail if self.trail is None else self.trail
        if self.trail != run.trail or not mp.isfinite(out):
            raise Skipped("near a boundary")
        return out


def inputs(numbers: list[float]) -> dict[str, Any]:
    return {"x": numbers[0], "y": numbers[1], "v": numbers[2:]}


def flat(by_input: dict[str, Any]) -> list[float]:
    return [float(n) for name in "xyv" for n in np.ravel(by_input[name])]


def dot(a: list[float], b: list[float]) -> float:
    return math.fsum(p * q for p, q in zip(a, b, strict=True))


def balanced(lines: list[str]) -> bool:
    text = "".join(lines)
    return text.count("{") == text.count("}") and not text.lstrip().startswith("}")


def distance(got: list[float], want: list[float]) -> float:
    return max(abs(g - w) for g, w in zip(got, want, strict=True)) / max([1.0, *map(abs, want)])


class Wide(Writer):
    """Programs with more of the language's functions."""

    def scalar(self, scope: Scope, depth: int) -> str:
        if depth < 1 or not self.chance(8):
            return super().scalar(scope, depth)
        a, b = super().scalar(scope, depth - 1), super().scalar(scope, 0)
        return self.pick(f"{self.pick('silu', 'gelu', 'sinc', 'logsigmoid', 'cbrt', 'relu', 'floor', 'abs')}({a} - 0.3)",
                         f"{self.pick('lgamma', 'digamma', 'log1p', 'acosh', 'log10')}(1.5 + ({a})^2)", f"atan2({a}, {b})",
                         f"{self.pick('exp', 'asin', 'tan', 'erfinv', 'atanh', 'expm1', 'sinh')}(0.9*tanh({a}))", f"clip({a}, -0.4, {b})",
                         f"(1.2 + sin({a}))^{b}", f"fmod({a}, 0.7)", f"(({a}) % 1.3)^2")  # fmt: skip

    def reduction(self, scope: Scope, depth: int) -> str:
        if not self.chance(3):
            return super().reduction(scope, depth)
        a, b = self.array(scope, depth - 1), self.array(scope, 0)
        m = self.pick(*scope.matrices, f"outer({a}, {b})")
        return self.pick(f"var({a})", f"min({a})", f"sum(sort({a})*[1, 2, 4])", f"cumprod({a})[-1]", f"log_softmax({a})[1]", f"det({m})",
                         f"{b}[argmax({a})]", f"logdet({m} @ {m}' + eye(3))", f"sum(solve(tanh({m}) + 4*eye(3), {a}))", f"trace({m})",
                         f"norm(cholesky({m} @ {m}' + eye(n)))", f"inv({m}*{m} + diag([7, 8, 9]))[0, 1]", f"sum(cross({a}, {b}))",
                         f"det(stack({a}, {b}, [x, y, 1]))", f"sum(tril({m}) @ {b})", f"linspace({a}[0], {b}[1], 4)[2]")  # fmt: skip


class Nesting(Wide):
    """Programs in which a function may be the derivative of another."""

    def function(self, scope: Scope) -> str:
        inner = super().function(scope)
        if self.chance(3):
            return inner
        name = self.fresh("d")
        body = self.pick(f"grad(u -> {inner}(u, q), p)", f"jvp(u -> {inner}(p*u, u), q, p)", f"p*grad(u -> q*{inner}(p, u*p), q)",
                         f"sum(grad(u -> {inner}(u[0], u[1]), [q, p]))", f"hessian(u -> {inner}(u[1], u[0]*q), [p, q])[0, 1]",
                         f"vjp(u -> [{inner}(u, p), u*q], q, [1, p])", f"norm(jacobian(u -> [{inner}(u, p), u], q) + 2)")  # fmt: skip
        self.lines.append(f"fn {name}(p, q) = tanh({body})")
        return name


def program(chance: random.Random, nesting: bool) -> str:
    while True:
        writer = (Nesting if nesting else Wide)(random.Random(chance.getrandbits(32)), chance.randint(1 + nesting, 4 - nesting))
        text = writer.program()
        if not nesting or any(line.startswith("fn d") for line in writer.lines):
            return text


def numbers(chance: random.Random) -> list[float]:
    return [chance.randint(-1999, 1999) / 1009 for _ in range(SIZE)]


def outcome(text: str, *where: Any) -> tuple[str, str | None]:
    """What became of a case, in a word, and the disagreement if there is one."""
    try:
        wrong = Case(text, *where).disagreement()
    except Skipped as e:
        return str(e), None
    except AdcliError as e:
        return type(e).__name__, None
    except Exception as e:
        raise AssertionError(f"at {where}:\n{text}") from e
    return "compared", wrong


def reduced(report: str, text: str, *where: Any) -> str:
    """The report without the lines and blocks of the program that the disagreement does not need."""
    lines = text.splitlines()
    for k in reversed(range(len(lines))):
        stop = next((n for n in range(k + 1, len(lines) + 1) if balanced(lines[k:n])), None)
        without = lines[:k] + lines[stop:]
        if stop is None or lines[k].startswith(("input", "output")):
            continue
        again = outcome("\n".join(without) + "\n", *where)[1]
        if again is not None:
            lines, report = without, again
    return report


def compare(chance: random.Random, count: int, nesting: bool) -> Counter[str]:
    """Compare that many programs; what became of those made."""
    counts: Counter[str] = Counter()
    while counts["compared"] < count:
        text, point, along = program(chance, nesting), numbers(chance), numbers(chance)
        probes = [numbers(chance) for _ in range(2 - nesting)]
        became, wrong = outcome(text, point, along, probes)
        assert wrong is None, reduced(wrong or "", text, point, along, probes)
        counts[became] += 1
        assert counts.total() < 2 * count + 20, counts
    return counts


def dice(batch: int) -> random.Random:
    """The same programs in every run, unless fuzzing."""
    return random.Random(random.SystemRandom().getrandbits(64) if FUZZ else batch)


@pytest.mark.parametrize("batch", range(PROGRAMS // BATCH))
def test_derivatives_are_differences(batch: int) -> None:
    counts = compare(dice(batch), BATCH, nesting=False)
    assert counts["ill-conditioned"] <= BATCH // 10, counts


@pytest.mark.parametrize("batch", range(PROGRAMS // BATCH))
def test_derivatives_inside_programs_are_differences(batch: int) -> None:
    counts = compare(dice(batch + 10**6), BATCH // 10, nesting=True)
    assert counts["ill-conditioned"] <= 1, counts


LOOP = """input x
input y
input v: [3]
input n: int
fn f(p, q) {
    w = [p, q, p*q]
    for k in 0..n {
        if p > 9 { break }
        w[k] += sigmoid(w[k - 1]*p)
        unused = cos(q)
    }
    sum(w^2)
}
unused = hypot(x, 3)
output r = f(x, y) + dot(softmax(v), [y, x, 1])
"""
WHERE = [0.5, -1.25, 0.3, 0.7, -0.2], [1.0, -0.5, 0.25, 2.0, 1.5], [[float(j == k) for j in range(SIZE)] for k in range(SIZE)]


@pytest.mark.parametrize("name", ["sigmoid", "dot", "softmax", "mul", "sum"])
def test_a_wrong_rule_is_found_and_its_program_reduced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(LOOP, *WHERE) == ("compared", None)
    op = ops.TABLE[name]
    # The derivative by the first argument, or what depends on it, is a millionth too large.
    wrong = {kind: tuple(f"({t})*(1 + 1e-6)" for t in texts) for kind, texts in op.rule.items()} if isinstance(op.rule, dict) else (
        f"({op.rule[0]})*(1 + 1e-6)", *op.rule[1:])  # fmt: skip
    monkeypatch.setattr(op, "rule", wrong)
    report = outcome(LOOP, *WHERE)[1]
    assert report is not None and "reverse" in report
    short = reduced(report, LOOP, *WHERE)
    assert "unused" in report and "unused" not in short


def test_a_point_on_a_boundary_is_skipped() -> None:
    text = LOOP.replace("p > 9", "p > 0.5 + 1e-10")
    assert outcome(text, *WHERE) == ("near a boundary", None)


@pytest.mark.parametrize("case", [case for case in CASES if case[0] in ARRAYS or case[0] in CHOOSING], ids=case_id)
def test_operations_on_arrays_are_those_of_the_engine(case: tuple[str, list[object], tuple[object, ...]]) -> None:
    made, args = function(ops.TABLE[case[0]], *case[1:])
    with mp.workdps(30):
        found = Precise().run(made, [np.frompyfunc(mpf, 1, 1)(a) for a in args])
    want = Interpreter(made).run(args)
    np.testing.assert_allclose(np.array(found[0], dtype=float), want[0], rtol=1e-12, atol=1e-13)


def test_every_operation_that_programs_may_call_is_known() -> None:
    public = {op.name for op in ops.TABLE.values() if (op.public or op.aliases or op.symbol) and op.kind != "define"}
    assert {name for name in public if ops.TABLE[name].scalar is None} - {*ARRAYS, *CHOOSING} == set()
