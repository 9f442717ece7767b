"""What adcli writes as LaTeX is LaTeX: its commands exist, nothing in it needs more than amsmath, and it compiles where there is a TeX."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.invoke import invoke

ROOT = Path(__file__).parents[1]
# Of LaTeX and amsmath, as far as adcli uses them.
WORDS = r"""
    \Gamma \Phi \arccos \arcsin \arctan \bar \begin \bmod \cdot \cos \cosh \cot \csc \det \dot \dots \emph
    \end \frac \ge \hline \infty \item \lVert \land \le \leavevmode \left \lfloor \ln \log \lor \mathbin
    \mathrm \mathsf \max \mbox \min \multicolumn \ne \operatorname \otimes \par \partial \pi \psi \qquad
    \quad \rVert \rfloor \right \sec \sigma \sin \sinh \sqrt \subsection \sum \tan \tanh \text
    \textasciicircum \textasciitilde \textbackslash \textbar \textgreater \textless \textsubscript \texttt
    \times \usepackage \varphi \vert
"""
MATRIX = "input A: [2, 2] = [[1, 2], [3, 4]]"
FORMULAS = (
    ("x", "y = x^2; output y", "x=3"),
    ("names", "a_b = x_1*2; c__d = a_b^2; c__d", "x_1=2"),
    ("comparisons", "y = where(x < 2 and x > 0 or x != 1, x^2, abs(x)); y % 3 + y // 2", "x=1.5"),
    ("powers", "hypot(exp(x), y) + (sin(x)*cosh(y))^2 + erfinv(y/9) + polygamma(1, x) + gelu(x)^y", "x=1.5,y=2"),
    ("matrices", f"{MATRIX}; v = [1, 2]; w = A'@v; w[0] += 3; sum(w^2)/norm(v) + logdet(A@A') + inv(A)[0, 1]", ""),
    ("iterations", "y = x; for i in 0..30 { y = y*sin(y) + 1e-7*x }; y", "x=2"),
    ("steps", "root(y -> y^3 - x, 1.5) + 3*floor(x)", "x=2.5"),
    ("outputs", "output y = x*z; output z2 = sin(x)/z", "x=2,z=3"),
    ("limits", "1/x + sqrt(x) - ln(x)", "x=0"),
)  # fmt: skip


@cache
def documents() -> tuple[tuple[str, str], ...]:
    """(name, LaTeX) of every command that writes it."""
    return tuple(_documents())


def _documents() -> Iterator[tuple[str, str]]:
    programs = [(name, [text, *(["--at", at] if at else [])]) for name, text, at in FORMULAS]
    programs += [(path.stem, [str(path)]) for path in sorted((ROOT / "samples").glob("*.adl"))]
    for name, program in programs:
        of = ["--of", "y"] if name == "outputs" else []
        for command in (["trace"], ["trace", "--mode", "forward", "--layout", "steps"], ["explain"], ["explain", "--mode", "forward"]):
            done = invoke([*command, *program, *of, "--to", "latex"])
            assert done.code == 0, done.err
            yield f"{name} {' '.join(command)}", done.out
        done = invoke(["derive", *program, *of, "--to", "latex"])
        if done.code == 0:  # not every program has a formula
            yield f"{name} derive", "".join(f"$${line}$$\n" for line in done.out.splitlines())


def test_formulas_are_derived() -> None:
    assert {"x derive", "powers derive", "survey derive"} <= {name for name, _ in documents()}


def test_commands_exist() -> None:
    for name, text in documents():
        unknown = set(re.findall(r"\\[A-Za-z]+", text)) - set(WORDS.split())
        assert not unknown, (name, unknown)
        assert text.isascii(), (name, re.findall(r"[^\x00-\x7f]+", text)[:3])


def test_the_name_of_an_output_does_not_join_the_sign_before_it() -> None:
    found = invoke(["derive", "y = x*z; output y", "--to", "latex"]).out
    assert found.splitlines()[0] == r"\frac{\partial y}{\partial x} = z"


def test_a_power_that_is_raised_stands_in_parentheses() -> None:
    assert r"\left(e^{x}\right)^2" in invoke(["derive", "hypot(exp(x), y)", "--to", "latex"]).out
    found = invoke(["explain", f"{MATRIX}; logdet(A)", "--to", "latex"]).out
    assert r"\left({u}^{-1}\right)^{\mathsf T}" in found


def test_words_are_not_changed_by_the_font() -> None:
    found = invoke(["explain", "where(x < 2, x, 3)*abs(x)", "--at", "x=0", "--to", "latex"]).out
    assert r"x \textless{} 2" in found
    long = invoke(["trace", "y = x; for i in 0..60 { y = y*sin(y) }; y", "--at", "x=2", "--to", "latex", "--rows", "4"]).out
    assert r"(-{}-rows all shows them)" in long


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_it_compiles(tmp_path: Path) -> None:
    body = "\n\\clearpage\n".join(f"\\typeout{{AT {name}}}\n{text}" for name, text in documents())
    head, tail = "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n", "\n\\end{document}\n"
    (tmp_path / "all.tex").write_text(head + body + tail)
    done = subprocess.run(
        ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "all.tex"], cwd=tmp_path, capture_output=True, timeout=300
    )
    log = (tmp_path / "all.log").read_text(errors="replace")
    assert done.returncode == 0, log[-2000:]
    assert "Missing character" not in log
