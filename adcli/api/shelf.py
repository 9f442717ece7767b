"""What is kept on disk of a program, so that it runs again without being lowered, differentiated and compiled.

Under keys of the program's text, its inputs' types and what is asked for stand the native code of each function that was compiled, and
once for each choice of types what is known of the program beside: its results' types, and which derivatives are structural zeros.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from adcli import __version__
from adcli.engines.cache import Cache, Entry, standard
from adcli.errors import Source, Span
from adcli.ir.signature import Constant, Input, Signature
from adcli.ir.types import Type

if TYPE_CHECKING:
    from adcli.api.engine import Choice

LLVMLITE = "llvmlite"


class Shelf:
    """The entries of a program."""

    def __init__(self, cache: Cache, text: str, exact_libm: bool, key: tuple[object, ...] = ()) -> None:
        self.cache = cache
        self.text = text
        self.exact_libm = exact_libm
        self.key = key

    def part(self, *key: object) -> Shelf:
        """The entries under keys that begin with this one."""
        return Shelf(self.cache, self.text, self.exact_libm, (*self.key, *key))

    def get(self, *key: object) -> Entry | None:
        if not os.path.isdir(self.cache.folder):
            return None
        name = self._name(key)
        return None if name is None else self.cache.get(name)

    def put(self, key: Sequence[object], meta: Mapping[str, Any], blobs: Sequence[bytes] = ()) -> None:
        name = self._name(key)
        if name is not None:
            self.cache.put(name, Entry(meta, blobs))

    def _name(self, key: Sequence[object]) -> bytes | None:
        made = stamp()
        return None if made is None else json.dumps([made, self.text, self.exact_libm, *self.key, *key]).encode()


def shelf(text: str, choice: Choice) -> Shelf | None:
    """Where the program's entries are; None where nothing is kept, or nothing is compiled."""
    if choice.engine == "interpret":
        return None
    cache = standard()
    return None if cache is None else Shelf(cache, text, choice.exact_libm)


@cache
def stamp() -> str | None:
    """What an entry depends on beside its program, as far as it can be told without loading LLVM; None without LLVM.

    The native engine tells the rest: LLVM's version and the processor.
    """
    from importlib.util import find_spec

    found = find_spec(LLVMLITE)
    if found is None or found.origin is None:
        return None
    return f"{__version__} {_newest(os.path.dirname(os.path.dirname(__file__)))} {found.origin} {os.stat(found.origin).st_mtime_ns}"


def _newest(folder: str) -> int:
    """When the newest of adcli's own files was written: developers change them without a new version."""
    newest = 0
    todo = [folder]
    while todo:
        with os.scandir(todo.pop()) as files:
            for file in files:
                if file.name.endswith(".py"):
                    newest = max(newest, file.stat().st_mtime_ns)
                elif file.is_dir() and not file.name.startswith((".", "__")):
                    todo.append(file.path)
    return newest


def keep_signature(shelf: Shelf, signature: Signature, source: Source) -> None:
    """What a program takes and gives, with the values of its defaults."""
    from adcli.api.point import default

    inputs: list[object] = []
    for i in signature.inputs:
        value: Any = None if i.default is None else default(i, source)
        if hasattr(value, "tolist"):
            if not value.size:
                return  # a list does not tell the shape of no elements
            value = value.astype(float).tolist()
        inputs.append([i.name, i.kind, i.shape, i.span, value, None if i.default is None else i.default.span])
    shelf.put(["signature"], {"inputs": inputs, "dimensions": signature.dimensions, "outputs": signature.outputs})


def kept_signature(shelf: Shelf) -> Signature | None:
    """What `keep_signature` has put there."""
    entry = shelf.get("signature")
    if entry is None:
        return None
    try:
        inputs = tuple(map(_input, entry.meta["inputs"]))
        return Signature(inputs, tuple(entry.meta["dimensions"]), tuple(entry.meta["outputs"]), None, {})
    except (LookupError, TypeError, ValueError):
        return None


def _input(data: Sequence[Any]) -> Input:
    name, kind, shape, span, value, place = data
    default = None if place is None else Constant(value, Span(*place))
    return Input(name, kind, None if shape is None else tuple(shape), default, Span(*span))


class Facts:
    """What a program lowered for some types is known to be: its results' types, and by function which derivatives have a path."""

    def __init__(self, shelf: Shelf | None) -> None:
        self.shelf = shelf
        self.results: list[Type] | None = None
        self.paths: dict[str, tuple[bool, ...]] = {}
        self.kept = True
        self._read(None if shelf is None else shelf.get("facts"))

    def _read(self, entry: Entry | None) -> None:
        if entry is not None:
            try:
                self.results = [Type(elem, tuple(shape)) for elem, shape in entry.meta["results"]]
                self.paths = {key: tuple(found) for key, found in entry.meta["paths"].items()}
            except (KeyError, TypeError, ValueError, AttributeError):
                self.results, self.paths = None, {}

    def add(self, key: str, paths: tuple[bool, ...]) -> None:
        self.paths[key] = paths
        self.kept = False

    def keep(self) -> None:
        """Write what is new."""
        if self.shelf is not None and self.results is not None and not self.kept:
            self.shelf.put(["facts"], {"results": [[t.elem, t.shape] for t in self.results], "paths": self.paths})
            self.kept = True
