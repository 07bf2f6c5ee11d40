"""The script that writes the thresholds: it finds those that are in the table."""

import pytest

from canary_loadtest.core.thresholds import CALIBRATED_RATIOS
from scripts.statistics.calibrate import calibrate


@pytest.mark.parametrize("split", [(20.0, 10.0, 0.05), (50.0, 10.0, 0.01), (5.0, 5.0, 0.05)])
def test_the_table_is_what_the_script_finds(split: tuple[float, float, float]) -> None:
    """Two edges, a symmetric split at another alpha, and a lower edge of 0 %."""
    assert calibrate(*split) == CALIBRATED_RATIOS[split]
