"""The file of a checkpoint: one line that says how long the rest is and what its checksum is, then JSON.

    adcli-checkpoint 1 1234 5f70bf18a0…      the version of the format, the bytes that follow this line, their SHA-256
    {"program": "…", "data": "…", …}

Numbers are written so that they read back to the same bits (Python's repr of a double is the shortest text that does), integers beyond
64 bits as text. Nothing is executed when a file is read, and nothing of a damaged one is used.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from adcli.errors import DataError

NAME = "adcli-checkpoint"
VERSION = 1


def encode(content: dict[str, Any]) -> bytes:
    """The bytes of the file. content: what JSON holds, and finite numbers only."""
    body = json.dumps(content, allow_nan=False, separators=(",", ":")).encode() + b"\n"
    return f"{NAME} {VERSION} {len(body)} {hashlib.sha256(body).hexdigest()}\n".encode() + body


def decode(data: bytes, name: str, hint: str) -> dict[str, Any]:
    """What `encode` wrote. DataError: the file, called `name`, is none of ours or not whole; `hint` says what to do."""
    head, _, body = data.partition(b"\n")
    words = head.split(b" ")
    if len(words) != 4 or words[0] != NAME.encode():
        raise DataError(f"{name} is no checkpoint of adcli", help=hint)
    if words[1] != str(VERSION).encode():
        raise DataError(f"{name} is a checkpoint of another version of adcli", help="go on with the version that wrote it")
    if words[2] != str(len(body)).encode():
        raise DataError(f"{name} is not whole: it has not as many bytes as its first line says", help=hint)
    if words[3] != hashlib.sha256(body).hexdigest().encode():
        raise DataError(f"{name} is damaged: its checksum is another", help=hint)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise DataError(f"{name} is no checkpoint of adcli", help=hint)
    return content
