"""Settings of the whole test run."""
from __future__ import annotations

import os

from hypothesis import HealthCheck, Phase, settings

os.environ["ADCLI_CACHE"] = ""  # tests compile anew, but for those of the cache

FUZZ = os.environ.get("ADCLI_FUZZ")  # examples of each property, see `make fuzz`

# Unless fuzzing, the same examples each time, and a failure is reported as it was found.
settings.register_profile(
    "adcli",
    deadline=None,
    derandomize=FUZZ is None,
    max_examples=int(FUZZ or 40),
    phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if FUZZ else [])],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    print_blob=True,
    database=None,
)
settings.load_profile("adcli")
