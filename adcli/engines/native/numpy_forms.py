"""Statements that native code leaves to NumPy: arguments are read where they lie, the result is kept until it is fetched."""
from __future__ import annotations

import ctypes
import struct
from typing import Any

import numpy as np

from adcli.engines.arrays import failed
from adcli.engines.native.sites import Site
from adcli.ops import TABLE
from adcli.ops import arrays as forms

_DTYPES = {"real": np.dtype(np.float64), "int": np.dtype(np.int64), "bool": np.dtype(np.bool_)}


def array_at(address: int, elem: str, shape: tuple[int, ...]) -> Any:
    """A view of memory as an array."""
    dtype = _DTYPES[elem]
    bytes_ = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if not bytes_:
        return np.empty(shape, dtype)
    memory: Any = (ctypes.c_char * bytes_).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)


def answer(site: Site, frame: Any) -> Any:
    """Compute a statement. A scalar result is left in the frame, of an array its extents; the array itself is returned."""
    ask = site.ask
    assert ask is not None
    op = TABLE[ask.op]
    values, k = [], 0
    for elem, shape in ask.args:
        if shape:
            values.append(array_at(frame[k], elem, tuple(frame[k + 1 : k + 1 + len(shape)])))
            k += 1 + len(shape)
        else:
            bits = frame[k]
            values.append(struct.unpack("<d", struct.pack("<q", bits))[0] if elem == "real" else bool(bits) if elem == "bool" else bits)
            k += 1
    form = forms.form(op)
    try:
        with np.errstate(all="ignore"):
            out = form(*values, **dict(zip(op.attrs, ask.attrs, strict=False)))
    except (ValueError, LookupError) as e:
        raise failed(e, values, site.span) from e
    if not ask.out.shape:
        elem = ask.out.elem
        frame[0] = struct.unpack("<q", struct.pack("<d", float(out)))[0] if elem == "real" else int(out)
        return np.empty(0)
    for axis, n in enumerate(out.shape):
        frame[axis] = n
    return np.ascontiguousarray(out, _DTYPES[ask.out.elem])
