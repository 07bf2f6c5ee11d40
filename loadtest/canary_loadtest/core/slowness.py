"""What counts as slow, and how much slower a canary may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from canary_loadtest.core.refusal import ExpectationError

DEFAULT_RATIO: Final = 1.2
DEFAULT_PERCENTILE: Final = 95.0
LEAST_RATIO: Final = 1.01
MOST_RATIO: Final = 100.0
LEAST_PERCENTILE: Final = 50.0
MOST_PERCENTILE: Final = 99.5  # of 200 answers one is left above it
MOST_MILLISECONDS: Final = 1e6


@dataclass(frozen=True)
class Slowness:
    """What counts as slow, and how much slower a canary may be.

    Attributes:
        ratio: the canary is too slow where it takes this many times as long as stable (X).
        percentile: an answer is slow that takes longer than this percentile of stable's right answers.
        milliseconds: an answer is slow that takes longer than this time, where one is told; None for the percentile.

    Raises:
        ExpectationError: a value is outside of its range.
    """

    ratio: float = DEFAULT_RATIO
    percentile: float = DEFAULT_PERCENTILE
    milliseconds: float | None = None

    def __post_init__(self) -> None:
        """Check the ranges once, so that nothing below has to."""
        if not LEAST_RATIO <= self.ratio <= MOST_RATIO:
            raise ExpectationError(
                f"the slowdown is {self.ratio:g} times: give a number from {LEAST_RATIO:g} to {MOST_RATIO:g}"
            )
        if not LEAST_PERCENTILE <= self.percentile <= MOST_PERCENTILE:
            raise ExpectationError(
                f"the percentile is {self.percentile:g}: give one from {LEAST_PERCENTILE:g} to {MOST_PERCENTILE:g}"
            )
        if self.milliseconds is not None and not 0 < self.milliseconds <= MOST_MILLISECONDS:
            raise ExpectationError(
                f"the time above which an answer is slow is {self.milliseconds:g} ms: give a number above 0, up to"
                f" {MOST_MILLISECONDS:.0f}"
            )

    def percentile_of(self, seconds: Sequence[float]) -> float:
        """Return the least of these times that `percentile` per cent of them do not exceed."""
        return sorted(seconds)[ceil(self.percentile * len(seconds) / 100) - 1]
