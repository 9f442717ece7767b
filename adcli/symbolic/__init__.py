"""Formulas: programs unrolled to expressions, their derivatives by the table's rules, simplified, and written as text."""

from __future__ import annotations
