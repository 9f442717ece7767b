"""adcli: automatic differentiation from the command line, and from Python by `adcli.compile`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adcli.api import Program as Program
    from adcli.api import compile as compile
    from adcli.errors import AdcliError as AdcliError

__version__ = "0.1.0"
__all__ = ["AdcliError", "Program", "__version__", "compile"]


def __getattr__(name: str) -> object:
    # Loaded when first asked for: the command line imports this package and must start at once.
    if name in ("compile", "Program"):
        from adcli import api

        return api.compile if name == "compile" else api.Program
    if name == "AdcliError":
        from adcli.errors import AdcliError

        return AdcliError
    raise AttributeError(f"module 'adcli' has no attribute {name!r}")
