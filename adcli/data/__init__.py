"""Rows in and out: CSV, TSV, JSON lines, JSON, NumPy arrays, and through polars Parquet and large files. Knows nothing of programs."""
