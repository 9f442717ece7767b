"""Methods of optimisation, as functions of plain vectors."""

from __future__ import annotations

import sys

import pytest

from adcli.errors import UsageError
from adcli.optimize import scipy_optimize


def test_without_scipy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(UsageError) as caught:
        scipy_optimize()
    assert caught.value.help == 'pip install "adcli[optimize]"'
    assert caught.value.exit == 2
