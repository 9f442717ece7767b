"""A derivative in words: the steps of a sweep as data, and written as text, Markdown and LaTeX."""

from __future__ import annotations

from adcli.report.explain.steps import ExplainedStep, Explanation, Place, steps

__all__ = ["ExplainedStep", "Explanation", "Place", "steps"]
