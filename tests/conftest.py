"""Settings of the whole test run."""
from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "adcli",
    deadline=None,
    derandomize="ADCLI_FUZZ" not in os.environ,
    max_examples=int(os.environ.get("ADCLI_FUZZ", "100")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
    database=None,
)
settings.load_profile("adcli")
