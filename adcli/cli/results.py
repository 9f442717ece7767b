"""The documents of values and derivatives: which JSON fields and which lines of text a result becomes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adcli.api import Result
from adcli.cli.document import TAB, Document, elements


def outputs(schema: str, result: Result) -> Document:
    """A document that begins with the output's value, or with the outputs where there are several."""
    document = Document(schema)
    if len(result.outputs) == 1:
        name, value = next(iter(result.outputs.items()))
        document.data["value"] = value
        document.add("value", value)
        document.names[name] = "value"
    else:
        for name, value in result.outputs.items():
            document.add(name, value)
    return document


def add_inputs(document: Document, found: Mapping[str, Any]) -> None:
    """A row for each input; one that is called `value` is shown as d_value, since the value has that name."""
    for name, value in found.items():
        shown = "d_value" if name == "value" and "value" in document.data else name
        document.add(shown, value)
        document.names.pop(name, None)


def add_tangents(document: Document, found: Mapping[str, Any]) -> None:
    """A row for each output's derivative: `tangent`, or d_NAME where there are several outputs."""
    for name, value in found.items():
        document.add("tangent" if len(found) == 1 else f"d_{name}", value)


def add_matrix(document: Document, found: Mapping[str, Mapping[str, Any]], rows: Mapping[str, Any]) -> None:
    """A row for each pair: `y,x`, for arrays `y[0],x[1]`. `rows` holds a value of the shape of each row."""
    for row, columns in found.items():
        if not getattr(rows[row], "shape", ()):
            for column, block in columns.items():
                document.add(f"{row},{column}", block)
            continue
        names = [name for name, _ in elements(row, rows[row])]
        rank = len(rows[row].shape)
        flat = {column: block.reshape((len(names), *block.shape[rank:])) for column, block in columns.items()}
        for k, name in enumerate(names):
            for column, parts in flat.items():
                document.add(f"{name},{column}", parts[k] if parts[k].shape else float(parts[k]))


def add_sparse(document: Document, result: Result) -> None:
    """The entries of a sparse matrix alone: row, column, value."""
    found = result.sparse
    assert found is not None
    document.rows, document.names = [(f"{row}{TAB}{column}", value) for row, column, value in found.entries()], {}
    document.heads = ["row", "column"]
    document.data |= {
        "shape": list(found.shape), "mode": found.mode, "sweeps": found.sweeps,
        "rows": [found.row_names[r] for r in found.rows.tolist()], "columns": [found.column_names[c] for c in found.columns.tolist()],
        "values": found.values,
    }  # fmt: skip


def swept(result: Result) -> dict[str, int]:
    """What -v says of a sparse matrix."""
    return {} if result.sparse is None else {"entries": len(result.sparse), "sweeps": result.sparse.sweeps}
