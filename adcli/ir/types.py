"""Types of IR values: an element kind and a static rank; an extent is a number, or None where only the run knows it."""
from __future__ import annotations

from typing import NamedTuple


class Type(NamedTuple):
    """elem is "real" (binary64), "int" (64 bits) or "bool"; shape is () for a scalar."""

    elem: str
    shape: tuple[int | None, ...] = ()

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def static(self) -> bool:
        """True where every extent is known."""
        return None not in self.shape

    def __str__(self) -> str:
        return self.elem + (f"[{', '.join('?' if n is None else str(n) for n in self.shape)}]" if self.shape else "")


REAL = Type("real")
INT = Type("int")
BOOL = Type("bool")
