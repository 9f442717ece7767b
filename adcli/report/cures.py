"""Formulas that lose digits, recognised in a recorded run, and what to write instead.

    1 - cos(u)   →   2*sin(u/2)^2         ln(1 + u)   →   log1p(u)         sqrt(p^2 + q^2)   →   hypot(p, q)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from adcli.engines.roundoff import Run, Step
from adcli.errors import Source, Span

MOST = 5
WIDTH = 48
_COMMENT = re.compile(r"#[^\n]*")
_ATOM = re.compile(r"[A-Za-z0-9_.]+(?:\[[^\[\]]*\]|\([^()]*\))?")


class Cure(NamedTuple):
    """An operation and what to write in its place."""

    span: Span
    operation: str
    instead: str


def clipped(text: str) -> str:
    """Source text on one line, without comments."""
    text = " ".join(_COMMENT.sub("", text).split())
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"


def cures(run: Run, source: Source, steps: Iterable[int]) -> list[Cure]:
    """For the operations among `steps` at which or just before which digits got lost, the worst first; one for each place."""
    found: dict[Span, Cure] = {}
    for k in sorted(steps, key=lambda k: -run.steps[k].lost):
        step = Seen(run, source, k, run.steps[k].value)
        span = step.span
        if span is None or span in found or not step.suspect():
            continue
        instead = _instead(step)
        if instead is not None:
            found[span] = Cure(span, clipped(source.text[span.start : span.end]), instead)
        if len(found) == MOST:
            break
    return list(found.values())


class Seen:
    """An argument or operation of a run, as patterns look at it."""

    def __init__(self, run: Run, source: Source, at: int | None, value: Any) -> None:
        self.run, self.source, self.at, self.value = run, source, at, value
        self.step: Step | None = None if at is None else run.steps[at]

    @property
    def span(self) -> Span | None:
        return self.step.let.span if self.step is not None and self.step.let is not None else None

    @property
    def args(self) -> list[Seen]:
        return [] if self.step is None else [Seen(self.run, self.source, ref, value) for ref, value in self.step.args]

    @property
    def op(self) -> str:
        return self.step.let.op.name if self.step is not None and self.step.let is not None else ""

    def suspect(self, depth: int = 2) -> bool:
        """Whether a digit got lost here, or in an argument, or in one of an argument's."""
        if self.step is None:
            return False
        return self.step.lost >= 1 or (depth > 0 and self.step.digits < 15 and any(a.suspect(depth - 1) for a in self.args))

    def text(self, inside: bool = True) -> str:
        """How the program writes it; in brackets where it goes into a larger formula."""
        name = self.run.names[self.at] if self.at is not None else ""
        if self.at is None:
            name = f"{self.value:g}" if isinstance(self.value, int | float) else "…"
        if not name:
            span = self.span
            name = clipped(self.source.text[span.start : span.end]) if span is not None else "…"
        return name if not inside or _ATOM.fullmatch(name) else f"({name})"

    def same(self, other: Seen) -> bool:
        if self.at is None or other.at is None:
            return self.at is other.at and isinstance(self.value, int | float) and self.value == other.value
        return self.at == other.at

    def one(self) -> bool:
        return self.at is None and isinstance(self.value, int | float) and self.value == 1

    def square(self) -> Seen | None:
        """What it is the square of."""
        args = self.args
        if self.op == "pow" and args[1].at is None and args[1].value == 2:
            return args[0]
        return args[0] if self.op == "mul" and args[0].same(args[1]) else None


def _instead(step: Seen) -> str | None:
    """What to write for an operation, None where no pattern fits."""
    return next((text for pattern in _PATTERNS.get(step.op, ()) if (text := pattern(*step.args)) is not None), None)


_ONE_LESS = {
    "cos": "2*sin({}/2)^2", "erf": "erfc({})", "sigmoid": "sigmoid(-{})", "exp": "-expm1({})", "tanh": "2/(1 + exp(2*{}))",
}  # fmt: skip


def _less_than_one(a: Seen, b: Seen) -> str | None:
    """1 - f(u)"""
    form = _ONE_LESS.get(b.op)
    if not a.one() or form is None:
        return None
    (u,) = b.args
    return form.format(u.text(b.op not in ("erf", "exp")))


def _minus_one(a: Seen, b: Seen) -> str | None:
    """f(u) - 1"""
    form = {"cos": "-2*sin({}/2)^2", "exp": "expm1({})"}.get(a.op)
    if not b.one() or form is None:
        return None
    (u,) = a.args
    return form.format(u.text(a.op == "cos"))


def _squares(a: Seen, b: Seen) -> str | None:
    p, q = (a if a.one() else a.square()), b.square()
    return f"({p.text()} - {q.text()})*({p.text()} + {q.text()})" if p is not None and q is not None else None


def _variance(a: Seen, b: Seen) -> str | None:
    """mean(w^2) - mean(w)^2"""
    mean = b.square()
    if a.op != "mean" or mean is None or mean.op != "mean":
        return None
    w = a.args[0].square()
    return f"var({w.text(False)})" if w is not None and w.same(mean.args[0]) else None


def _roots(a: Seen, b: Seen) -> str | None:
    """sqrt(q + r) - sqrt(q), sqrt(1 + r) - 1"""
    if a.op != "sqrt" or not (b.op == "sqrt" or b.one()):
        return None
    p, q = a.args[0], b if b.one() else b.args[0]
    rest = f"({p.text()} - {q.text()})"
    if p.op == "add":
        u, v = p.args
        rest = v.text() if u.same(q) else u.text() if v.same(q) else rest
    return f"{rest}/({a.text()} + {b.text()})"


def _logarithms(a: Seen, b: Seen) -> str | None:
    if a.op != "ln" or b.op != "ln":
        return None
    return f"ln({a.args[0].text()}/{b.args[0].text()})"


def _near_one(a: Seen) -> str | None:
    """ln(1 + u), ln(1 - u)"""
    if a.op not in ("add", "sub"):
        return None
    u, v = a.args
    if a.op == "add":
        return f"log1p({(v if u.one() else u).text(False)})" if u.one() or v.one() else None
    return f"log1p(-{v.text()})" if u.one() else None


def _exponentials(a: Seen) -> str | None:
    """ln(sum(exp(w))), ln(exp(p) + exp(q))"""
    if a.op == "sum" and a.args[0].op == "exp":
        return f"logsumexp({a.args[0].args[0].text(False)})"
    if a.op == "add" and all(x.op == "exp" for x in a.args):
        return "logaddexp({}, {})".format(*(x.args[0].text(False) for x in a.args))
    return None


def _length(a: Seen) -> str | None:
    """sqrt(p^2 + q^2), sqrt(sum(w^2))"""
    if a.op == "sum":
        w = a.args[0].square()
        return f"norm({w.text(False)})" if w is not None else None
    parts = [x.square() for x in a.args] if a.op == "add" else [None]
    return None if None in parts else "hypot({}, {})".format(*(x.text(False) for x in parts if x is not None))


_PATTERNS: dict[str, tuple[Callable[..., str | None], ...]] = {
    "sub": (_less_than_one, _minus_one, _squares, _variance, _roots, _logarithms), "ln": (_near_one, _exponentials), "sqrt": (_length,),
}  # fmt: skip
