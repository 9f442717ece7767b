"""Reports as data, then as text: evaluation traces and their tables, formulas, derivative rules in full."""
