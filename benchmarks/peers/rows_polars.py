"""x1*x2 + sin(x1) and its gradient, derived by hand, from a CSV file to a CSV file, by polars: python rows_polars.py IN OUT."""
import sys

import polars as pl

x1, x2 = pl.col("x1"), pl.col("x2")
table = pl.read_csv(sys.argv[1], schema={"x1": pl.Float64, "x2": pl.Float64})
table.with_columns(value=x1 * x2 + x1.sin(), d_x1=x2 + x1.cos(), d_x2=x1).write_csv(sys.argv[2])
