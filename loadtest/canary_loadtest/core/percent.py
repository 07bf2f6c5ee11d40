"""Shares as a person reads them: with as many decimals as the tolerance makes worth reading."""

from collections.abc import Callable, Sequence
from math import ceil, log10
from typing import Final

from canary_loadtest.core.expectation import Expectation
from canary_loadtest.core.message import Message

MOST_DECIMALS: Final = 6


def decimals_for(points: float) -> int:
    """Return how many decimals a share needs where it is tested within a tolerance of this many points."""
    return max(1, ceil(-log10(points)) + 1)


def share_of(count: int, total: int, expectation: Expectation) -> str:
    """Return a count as a percentage of all answers, "-" where there are none."""
    return f"{100 * count / total:.{decimals_for(expectation.points)}f} %" if total else "-"


def percent_range(interval_percent: tuple[float, float], expectation: Expectation) -> str:
    """Return an interval of shares, with decimals enough that rounding moves no end over a share that was tested.

    An end is never shown as the expected share unless it is that, nor beyond an edge of the tolerance that it keeps.

    Args:
        interval_percent: its two ends, in percent.
        expectation: what is tested.
    """
    expected, (least, most) = expectation.canary_percent, expectation.band_percent

    def suffices(shown: Sequence[float]) -> bool:
        within = (shown[0] >= least or interval_percent[0] < least) and (shown[1] <= most or interval_percent[1] > most)
        return within and all(_same_side(*ends, expected) for ends in zip(shown, interval_percent, strict=True))

    decimals = _decimals(interval_percent, decimals_for(expectation.points), suffices)
    low, high = interval_percent
    unit = 10.0**-MOST_DECIMALS
    if low > expected:
        low = max(low, expected + unit)
    if high < expected:
        high = min(high, expected - unit)
    return Message("{low} to {high} %", low=f"{low:.{decimals}f}", high=f"{high:.{decimals}f}")


def range_beyond(interval_percent: tuple[float, float], expectation: Expectation) -> str:
    """Return a range of shares that leaves the tolerance, with decimals enough that it is seen to do so.

    Args:
        interval_percent: its two ends, in percent.
        expectation: what is tested.
    """
    band = expectation.band_percent

    def suffices(shown: Sequence[float]) -> bool:
        return all(map(_same_side, shown, interval_percent, band))

    decimals = _decimals(interval_percent, decimals_for(expectation.points), suffices)
    low, high = interval_percent
    return Message("{low} to {high} %", low=f"{low:.{decimals}f}", high=f"{high:.{decimals}f}")


def percent_above(percent: float, limit: float) -> str:
    """Return a percentage that is above a limit, with decimals enough that it is seen to be.

    Args:
        percent: the percentage.
        limit: what it is compared with, in percent.
    """
    decimals = _decimals((percent,), decimals_for(limit or 1), lambda shown: shown[0] > limit)
    return f"{percent:.{decimals}f} %"


def _decimals(values: Sequence[float], least: int, suffices: Callable[[Sequence[float]], bool]) -> int:
    """Return the fewest decimals, from `least` on, with which the rounded values are seen for what they are."""
    enough = (n for n in range(least, MOST_DECIMALS) if suffices([round(value, n) for value in values]))
    return next(enough, max(least, MOST_DECIMALS))


def _same_side(shown: float, value: float, mark: float) -> bool:
    """Return whether a rounded value is on the side of a mark on which the value itself is."""
    return (shown > mark) == (value > mark) and (shown < mark) == (value < mark)


def points_text(points: float) -> Message:
    """Return a number of percentage points in words."""
    return Message("{points:g} point{_s}", points=points, _s="" if points == 1 else "s")
