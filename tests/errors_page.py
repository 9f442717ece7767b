"""The lists of codes in docs/errors.md are written from the error classes: `make update` writes them, a test compares."""
from __future__ import annotations

import importlib
import inspect
import pathlib
from collections.abc import Iterator

from adcli import errors

ROOT = pathlib.Path(__file__).parent.parent
PAGE = ROOT / "docs" / "errors.md"
MARK = "<!-- from here on written by `make update` -->\n"


def classes(base: type[errors.AdcliError] = errors.AdcliError) -> Iterator[type[errors.AdcliError]]:
    """Every error class, once."""
    for path in sorted((ROOT / "adcli").rglob("*.py")):
        if path.stem != "__main__":
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"))
    waiting = [base]
    while waiting:
        children = waiting.pop().__subclasses__()
        waiting += children
        yield from children


def page() -> str:
    """The page: what is written by hand down to the mark, then the codes by exit status."""
    parts = [PAGE.read_text().partition(MARK)[0], MARK]
    for status in sorted({cls.exit for cls in classes()}):
        parts.append(f"\n## Exit code {status}\n\n| code | means |\n| --- | --- |\n")
        for cls in sorted((cls for cls in classes() if cls.exit == status), key=lambda c: c.code):
            text = " ".join(inspect.cleandoc(cls.__doc__ or "").split()).replace("|", "\\|")
            parts.append(f"| `{cls.code}` | {text} |\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
