"""How a piece of a program's text is quoted in a message."""

from __future__ import annotations

LONGEST = 40


def shortened(text: str) -> str:
    """Text of at most 40 characters, shortened in the middle; what cannot be printed is written as U+XXXX."""
    if len(text) > LONGEST:
        half = LONGEST // 2 - 1
        text = text[:half] + "\u2026" + text[-half:]
    return "".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in text)


def quoted(text: str) -> str:
    """The same in quotes."""
    return f"'{shortened(text)}'"
