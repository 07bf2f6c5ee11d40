"""Shares as a person reads them: with as many decimals as the tolerance makes worth reading."""

from math import ceil, log10
from typing import Final

from canary_loadtest.core.expectation import Expectation

MOST_DECIMALS: Final = 6


def decimals_for(points: float) -> int:
    """Return how many decimals a share needs where it is tested within a tolerance of this many points."""
    return max(1, ceil(-log10(points)) + 1)


def share_of(count: int, total: int, expectation: Expectation) -> str:
    """Return a count as a percentage of all answers, "-" where there are none."""
    return f"{100 * count / total:.{decimals_for(expectation.points)}f} %" if total else "-"


def percent_range(interval_percent: tuple[float, float], expectation: Expectation) -> str:
    """Return an interval of shares, with decimals enough that rounding moves no end over the expected share.

    Args:
        interval_percent: its two ends, in percent.
        expectation: what is tested.
    """
    decimals = decimals_for(expectation.points)
    while decimals < MOST_DECIMALS and not _kept_apart(interval_percent, expectation.canary_percent, decimals):
        decimals += 1
    low, high = interval_percent
    return f"{low:.{decimals}f} to {high:.{decimals}f} %"


def _kept_apart(interval_percent: tuple[float, float], canary_percent: float, decimals: int) -> bool:
    """Return whether each end, when rounded, still is on its side of the expected share."""
    return all(
        end == canary_percent or round(end, decimals) != round(canary_percent, decimals) for end in interval_percent
    )
